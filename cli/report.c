/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include "cli/field.h"
#include "cli/output.h"

#include <stdarg.h>
#include <string.h>

#define MAX_MESSAGE 1024

int report(int code, const char *format, ...)
{
    char message[MAX_MESSAGE];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    fputs("spinbnn: ", stderr);
    output_text(stderr, message);
    fputc('\n', stderr);
    return code;
}

void report_problem(FILE *err, const char *what, long status, const json_t *body)
{
    /* /v2 paths and foreign servers have no detail. */
    const char *detail = field_text(body, "detail", NULL);
    const json_t *errors = field(body, "errors"), *error;
    size_t i;

    if (detail == NULL)
        detail = field_text(body, "error", field_text(body, "title", NULL));
    fputs("spinbnn: ", err);
    output_text(err, what);
    fputs(": ", err);
    if (detail != NULL)
        output_text(err, detail);
    else
        fputs(status == 503 ? "not ready" : "no reason is given", err);
    fprintf(err, " (HTTP %ld)%s\n", status,
            status == 401 ? "; --token-file FILE sends one" : "");

    /* A single violation often is the detail. */
    if (json_array_size(errors) == 1 && detail != NULL &&
        strstr(detail, field_text(json_array_get(errors, 0), "detail", "\n")) != NULL)
        return;

    json_array_foreach(errors, i, error)
    {
        const char *pointer = field_text(error, "pointer", "");

        fputs("  ", err);
        output_text(err, pointer[0] == '\0' ? "/" : pointer);
        fputs(": ", err);
        output_text(err, field_text(error, "detail", "not accepted"));
        fputc('\n', err);
    }
}
