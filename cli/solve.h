/* SPDX-License-Identifier: Apache-2.0 */
/* solve.h - from a wanted error rate to a write, and what protection costs: the body of
 * the request, and the answer as text. */
#ifndef CLI_SOLVE_H
#define CLI_SOLVE_H

#include "cli/options.h"

#include <jansson.h>
#include <stdio.h>

enum { SOLVE_TARGET, SOLVE_PULSE, SOLVE_TEMPERATURE, SOLVE_DEVICE, SOLVE_OPTIONS };
extern const struct option solve_options[SOLVE_OPTIONS + 1];

/* `model`: whose device; NULL: none named. ST_RANGE with `why`: no target, or two
 * devices. Free the text with free(). */
MUST_CHECK enum status solve_body(const struct option_value values[SOLVE_OPTIONS],
                                  const char *model, char **ret_text, char why[ERR_LEN]);

/* `model` is not looked at. ST_NOMEM. */
MUST_CHECK enum status solve_print(FILE *out, const char *model, const json_t *answer);

#endif
