/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - what an array's cells are made of: the body that makes a new array, and the
 * answers as text. */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H

#include "cli/options.h"

#include <jansson.h>
#include <stdio.h>

enum {
    DEVICE_NEW_ARRAY,
    DEVICE_PRESET,
    DEVICE_SET,
    DEVICE_TABLE_FILE,
    DEVICE_NAME,
    DEVICE_STUCK_P,
    DEVICE_STUCK_AP,
    DEVICE_SHORTED,
    DEVICE_TARGET,
    DEVICE_PULSE,
    DEVICE_OVER,
    DEVICE_OPTIONS
};
extern const struct option device_options[DEVICE_OPTIONS + 1];

/* `table`: the text of --table's file, NULL without one. ST_RANGE with `why`: nothing to
 * set, a parameter that is no NAME=NUMBER. Free the text with free(). */
MUST_CHECK enum status device_body(const struct option_value values[DEVICE_OPTIONS],
                                   const char *table, char **ret_text, char why[ERR_LEN]);

/* Of a model, and of the presets (`model` is not looked at). ST_NOMEM. In
 * device_print.c. */
MUST_CHECK enum status device_print(FILE *out, const char *model, const json_t *device);
MUST_CHECK enum status device_print_presets(FILE *out, const char *model,
                                            const json_t *presets);

#endif
