/* SPDX-License-Identifier: Apache-2.0 */
/* point.h - an operating point: from options to a merge patch, from an answer to text. */
#ifndef CLI_POINT_H
#define CLI_POINT_H

#include "cli/options.h"

#include <jansson.h>
#include <stdio.h>

enum {
    POINT_MODE,
    POINT_TARGET,
    POINT_PULSE,
    POINT_P2AP,
    POINT_AP2P,
    POINT_BIT_ERROR_RATE,
    POINT_BER_TO_P,
    POINT_BER_TO_AP,
    POINT_TEMPERATURE,
    POINT_OVER,
    POINT_ECC,
    POINT_CELL,
    POINT_RETRIES,
    POINT_POLARITY,
    POINT_SEED,
    POINT_READ_DISTURB,
    POINT_DEFAULT,
    POINT_LAYER,
    POINT_IF_MATCH,
    POINT_OPTIONS
};
extern const struct option point_options[POINT_OPTIONS + 1];

/* The merge patch (RFC 7396) of what was given, and nothing else; free it with free().
 * ST_RANGE with `why`: nothing given, an unknown field for --default, a field given
 * twice. Ranges and combinations are the daemon's to judge. */
MUST_CHECK enum status point_patch(const struct option_value values[POINT_OPTIONS],
                                   char **ret_patch, char why[ERR_LEN]);

/* Prints the daemon's answer, of the whole array or of one layer: conditions, then what
 * was predicted and what happened, by layer. ST_NOMEM. In point_print.c. */
MUST_CHECK enum status point_print(FILE *out, const char *model, const json_t *point);

#endif
