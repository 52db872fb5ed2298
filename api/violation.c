/* SPDX-License-Identifier: Apache-2.0 */
#include "api/violation.h"

#include <stdarg.h>
#include <stdio.h>

void violation_add(struct violations *violations, enum status st, const char *pointer,
                   const char *format, ...)
{
    char text[ERR_LEN];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0)
        text[0] = '\0';
    if (violations->st == ST_OK) {
        const char *colon = pointer[0] == '\0' ? "" : ": ";
        violations->st = st;
        problem_set(violations->problem, 422, "invalid_value", "%s%s%s", pointer, colon,
                    text);
    }
    problem_add(violations->problem, pointer, "%s", text);
}

void violation_pointer(char ret_pointer[VIOLATION_POINTER_LEN], const char *base,
                       const char *name)
{
    size_t n = (size_t)snprintf(ret_pointer, VIOLATION_POINTER_LEN, "%s/", base);

    for (; *name != '\0' && n + 2 < VIOLATION_POINTER_LEN; name++) {
        if (*name == '~' || *name == '/') {
            ret_pointer[n++] = '~';
            ret_pointer[n++] = *name == '~' ? '0' : '1';
        } else {
            ret_pointer[n++] = *name;
        }
    }
    if (n < VIOLATION_POINTER_LEN)
        ret_pointer[n] = '\0';
}
