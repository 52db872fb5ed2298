/* SPDX-License-Identifier: Apache-2.0 */
/* upkeep.h - what happens to an array between two operating points: bodies of requests
 * and answers as text, for scrub, age and inject. */
#ifndef CLI_UPKEEP_H
#define CLI_UPKEEP_H

#include "cli/options.h"

#include <jansson.h>
#include <stdio.h>

enum { AGE_SECONDS, AGE_DAYS, AGE_YEARS, AGE_TEMPERATURE, AGE_CELSIUS, AGE_OPTIONS };
extern const struct option age_options[AGE_OPTIONS + 1];

enum { INJECT_SHARE, INJECT_SEED, INJECT_BIT, INJECT_OPTIONS };
extern const struct option inject_options[INJECT_OPTIONS + 1];

/* Free the text with free(). ST_RANGE with `why`: none or two lengths of time, two
 * temperatures. ST_NOMEM. */
MUST_CHECK enum status age_body(const struct option_value values[AGE_OPTIONS],
                                char **ret_text, char why[ERR_LEN]);
/* ST_RANGE with `why`: neither a share nor bits, a bit that is no LAYER:ROW:COLUMN. */
MUST_CHECK enum status inject_body(const struct option_value values[INJECT_OPTIONS],
                                   char **ret_text, char why[ERR_LEN]);

/* ST_NOMEM. In upkeep_print.c. */
MUST_CHECK enum status scrub_print(FILE *out, const char *model, const json_t *answer);
MUST_CHECK enum status age_print(FILE *out, const char *model, const json_t *answer);
MUST_CHECK enum status inject_print(FILE *out, const char *model, const json_t *answer);

#endif
