/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h - labelled pictures as the body of a classify request. */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include "storage/dataset.h"

#include <stdbool.h>

/* The daemon takes no longer bodies, and no more pictures in one. */
#define BATCH_MAX_BYTES    ((size_t)16 << 20)
#define BATCH_MAX_PICTURES 1024

/* How pictures are sent: raw pixels only where they are just what the model takes. */
struct batch_shape {
    size_t height, width, channels; /* of the data set; channels 1 or 3 */
    bool raw;
};

/* The most pictures of `shape` that fit into one body, 0 .. BATCH_MAX_PICTURES. */
size_t batch_capacity(const struct batch_shape *shape);

/* {"images":[{"b64":...},...],"labels":[...]} of pictures first .. first + n - 1. A
 * picture whose raw bytes begin like a picture file goes as one (PGM, PPM), so that
 * nobody mistakes it. Free with free(). ST_NOMEM. */
MUST_CHECK enum status batch_body(const struct dataset *set,
                                  const struct batch_shape *shape, size_t first, size_t n,
                                  char **ret_body, size_t *ret_len);

#endif
