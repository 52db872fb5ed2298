/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - what went wrong, for people, on stderr; one "spinbnn: ..." per failure. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "core/status.h"

#include <jansson.h>
#include <stdio.h>

/* Values in `format` that come from outside are shown clean. Returns `code`, so that a
 * command can end with it. */
int report(int code, const char *format, ...) PRINTF_LIKE(2, 3);

/* An answer that is no success: the detail of an RFC 9457 problem, then one line per
 * violation with its pointer. `body` NULL or no problem: just the status. */
void report_problem(FILE *err, const char *what, long status, const json_t *body);

#endif
