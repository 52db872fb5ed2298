/* SPDX-License-Identifier: Apache-2.0 */
/* array.h - two generations of an array compared, as text. */
#ifndef CLI_ARRAY_H
#define CLI_ARRAY_H

#include "cli/options.h"

#include <jansson.h>
#include <stdio.h>

/* ST_NOMEM. */
MUST_CHECK enum status array_print_diff(FILE *out, const char *model, const json_t *diff);

#endif
