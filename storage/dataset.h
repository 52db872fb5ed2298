/* SPDX-License-Identifier: Apache-2.0 */
/* dataset.h - labelled images in IDX files, plain or gzip. */
#ifndef STORAGE_DATASET_H
#define STORAGE_DATASET_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

#define DATASET_MAX_BYTES ((size_t)1 << 30) /* unpacked */

struct dataset {
    size_t n; /* images, and labels */
    size_t height, width, channels;
    uint8_t *pixels; /* ours; n rows of height * width * channels */
    uint8_t *labels; /* ours; [n] */
};

/* An IDX array of bytes: magic 0x00 0x00 0x08 n_dims, big-endian sizes, data. */
struct dataset_idx {
    unsigned n_dims;
    size_t dims[4];
    const uint8_t *data; /* borrowed from the bytes */
    size_t len;
};
/* Plain IDX bytes. ST_FORMAT, ST_UNSUPPORTED (another element type) with `why`. */
MUST_CHECK enum status dataset_idx_parse(const uint8_t *bytes, size_t len,
                                         struct dataset_idx *ret_idx, char why[ERR_LEN]);

/* Loads the images and labels of `split` ("test" or "train") from folder `dir`: files
 * t10k-/test- or train- followed by images-idx3-ubyte and labels-idx1-ubyte, each plain
 * or .gz. ST_NOT_FOUND names what was looked for. */
MUST_CHECK enum status dataset_load(const char *dir, const char *split,
                                    struct dataset *ret_dataset, char why[ERR_LEN]);
void dataset_done(struct dataset *dataset);

#endif
