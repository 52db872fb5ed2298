/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/contract.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* Members are written with underscores, options with dashes. */
static size_t add_name(char *to, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++)
        to[i] = name[i];
    for (char *c = to; c < to + len; c++)
        if (*c == '-')
            *c = '_';
    return len;
}

char *contract_query(const struct option *rows, const struct option_value *values,
                     size_t n)
{
    size_t size = 1, used = 0;

    /* Each byte of a value becomes three at most. */
    for (size_t i = 0; i < n; i++)
        if (values[i].given)
            size += strlen(rows[i].name) + 3 * strlen(values[i].text) + 2;
    char *query = malloc(size);
    for (size_t i = 0; query != NULL && i < n; i++) {
        if (!values[i].given)
            continue;
        char *value = curl_easy_escape(NULL, values[i].text, 0);
        if (value == NULL) {
            free(query);
            return NULL;
        }
        query[used] = used == 0 ? '?' : '&';
        used += 1 + add_name(query + used + 1, rows[i].name);
        used += (size_t)snprintf(query + used, size - used, "=%s", value);
        curl_free(value);
    }
    if (query != NULL)
        query[used] = '\0';
    return query;
}
