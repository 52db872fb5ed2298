/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h - what GET /memory tells, as text; and the path that it is asked at. */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include "cli/options.h"

#include <jansson.h>
#include <stdio.h>

enum { MEMORY_WEAKEST, MEMORY_TILE, MEMORY_OUTPUT, MEMORY_SECTION, MEMORY_OPTIONS };
extern const struct option memory_options[MEMORY_OPTIONS + 1];

#define MEMORY_PATH_LEN 96

/* "/memory?weakest=20", "/memory/tiles/7.png?section=check". ST_RANGE with `why`: a tile
 * without a file, a file or section without a tile. */
MUST_CHECK enum status memory_path(const struct option_value values[MEMORY_OPTIONS],
                                   char ret_path[MEMORY_PATH_LEN], char why[ERR_LEN]);

/* ST_NOMEM. In memory_print.c. */
MUST_CHECK enum status memory_print(FILE *out, const char *model, const json_t *memory);

#endif
