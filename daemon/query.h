/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - numbers from a request's query. */
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
/* Starts the 422 of an argument; the pointer is "?NAME". */
void query_refuse(struct problem *problem, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
