/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h - labelled pictures as the body of a classify request. */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include "storage/dataset.h"

#include <stdbool.h>

/* The daemon takes no longer bodies, and no more pictures in one. */
#define BATCH_MAX_BYTES    ((size_t)16 << 20)
#define BATCH_MAX_PICTURES 1024

/* How the pixels of a set are sent: raw only where they are just what the model takes. A
 * set of files has none: its files are sent as they are. */
struct batch_shape {
    size_t height, width, channels; /* of the data set; channels 1 or 3 */
    bool raw;
};

/* How many of the pictures from `first` on, of `n`, fit into one body, 0 .. n and up to
 * BATCH_MAX_PICTURES. */
size_t batch_count(const struct dataset *set, const struct batch_shape *shape,
                   size_t first, size_t n);

/* {"images":[{"b64":...},...],"labels":[...]} of pictures first .. first + n - 1, as many
 * as batch_count() allows. A picture whose raw bytes begin like a picture file goes as
 * one (PGM, PPM), so that nobody mistakes it. Free with free(). ST_NOMEM, or with a set
 * of files what reading one of them gave; `why` says it. */
MUST_CHECK enum status batch_body(const struct dataset *set,
                                  const struct batch_shape *shape, size_t first, size_t n,
                                  char **ret_body, size_t *ret_len, char why[ERR_LEN]);

#endif
