/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - a whole file, standard input, or a labelled set in memory. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "core/status.h"
#include "storage/dataset.h"

#include <stddef.h>
#include <stdint.h>

/* Reads `path` ("-" is standard input) up to `max` bytes. ST_NOT_FOUND, ST_IO, ST_RANGE
 * (empty, or longer than max) or ST_NOMEM with `why`, without the path. Free with free().
 */
MUST_CHECK enum status input_read(const char *path, size_t max, uint8_t **ret_bytes,
                                  size_t *ret_len, char why[ERR_LEN]);

/* Loads a labelled set. Returns EXIT_SUCCESS, or the exit code after reporting:
 * EX_DATAERR if the set is broken. */
MUST_CHECK int input_dataset(const char *dir, const char *split, struct dataset *ret_set);

#endif
