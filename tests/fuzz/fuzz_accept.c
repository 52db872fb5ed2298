/* SPDX-License-Identifier: Apache-2.0 */
/* What a client says that it wants, against types of ours. */
#include "api/accept.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const types[] = { "application/json", "text/csv; charset=utf-8",
                                     "text/plain; version=0.0.4; charset=utf-8", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + sizeof("application/json,"));

    if (text == NULL)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    const char *wanted = accept_choose(text, types);
    if (wanted != NULL && wanted != types[0] && wanted != types[1] && wanted != types[2])
        abort();
    /* What comes first cannot be hidden by what follows. */
    memcpy(text, "application/json,", sizeof("application/json,") - 1);
    memcpy(text + sizeof("application/json,") - 1, bytes, len);
    text[sizeof("application/json,") - 1 + len] = '\0';
    if (strchr(text, ';') == NULL && accept_choose(text, types) == NULL)
        abort();
    free(text);
    return 0;
}
