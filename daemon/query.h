/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - numbers from a request's query, and of versions. */
#ifndef DAEMON_QUERY_H
#define DAEMON_QUERY_H

#include "api/http.h"
#include "api/problem.h"

/* The whole number of an argument, *ret_number as it is without one; false with a 422 in
 * `problem`. */
bool query_number(const struct http_call *call, const char *name, uint64_t min,
                  uint64_t max, uint64_t *ret_number, struct problem *problem);
/* The same, answered. */
bool query_number_or_422(struct http_call *call, const char *name, uint64_t min,
                         uint64_t max, uint64_t *ret_number);
/* The number of a version as it is written, or QUERY_NO_VERSION, which none has. */
#define QUERY_NO_VERSION UINT32_MAX
uint32_t query_version(const char *text);
/* What the argument `version` says of `model`, NULL: of none; 0 without one. False with
 * `why`. */
bool query_version_of(const struct http_call *call, const char *model,
                      uint32_t *ret_version, char why[ERR_LEN]);
/* Starts the 422 of an argument; the pointer is "?NAME". */
void query_refuse(struct problem *problem, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
