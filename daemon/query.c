/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/query.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void query_refuse(struct problem *problem, const char *name, const char *format, ...)
{
    char pointer[32], text[ERR_LEN];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    problem_set(problem, 422, "invalid_query", "%s", "");
    (void)snprintf(pointer, sizeof(pointer), "?%.30s", name);
    problem_add(problem, pointer, "query argument %s: %.200s", name, text);
}

bool query_number(const struct http_call *call, const char *name, uint64_t min,
                  uint64_t max, uint64_t *ret_number, struct problem *problem)
{
    const char *text = http_call_query(call, name);
    char *end;

    if (text == NULL)
        return true;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number >= min &&
        number <= max) {
        *ret_number = number;
        return true;
    }
    query_refuse(problem, name, "\"%.40s\" is not a whole number within %llu .. %llu",
                 text, (unsigned long long)min, (unsigned long long)max);
    return false;
}

bool query_number_or_422(struct http_call *call, const char *name, uint64_t min,
                         uint64_t max, uint64_t *ret_number)
{
    struct problem problem;

    if (query_number(call, name, min, max, ret_number, &problem))
        return true;
    http_reply_problem(call, &problem);
    return false;
}

uint32_t query_version(const char *text)
{
    char *end;

    if (text[0] < '1' || text[0] > '9' || strlen(text) > 10)
        return QUERY_NO_VERSION;
    unsigned long long version = strtoull(text, &end, 10);
    return *end == '\0' && version < QUERY_NO_VERSION ? (uint32_t)version
                                                      : QUERY_NO_VERSION;
}

bool query_version_of(const struct http_call *call, const char *model,
                      uint32_t *ret_version, char why[ERR_LEN])
{
    const char *text = http_call_query(call, "version");

    *ret_version = 0;
    if (text == NULL)
        return true;
    *ret_version = query_version(text);
    if (*ret_version == QUERY_NO_VERSION)
        (void)snprintf(why, ERR_LEN, "\"%.40s\" is no number of a version", text);
    else if (model == NULL)
        (void)snprintf(why, ERR_LEN, "of which model? Give model, too");
    return *ret_version != QUERY_NO_VERSION && model != NULL;
}
