/* SPDX-License-Identifier: Apache-2.0 */
/* array_image.h - the array between two lives of the process.
 *
 * One file per model: header, operating point, what the last programming gave, and the
 * contents of the cells, under one checksum. Saving writes a new file beside the old one,
 * syncs it and renames it over: after a crash at any moment the file is the whole old
 * generation or the whole new one. One thread per path at a time.
 */
#ifndef STORAGE_ARRAY_IMAGE_H
#define STORAGE_ARRAY_IMAGE_H

#include "core/network.h"
#include "core/operating_point.h"

struct array_image {
    uint32_t model_checksum;
    uint64_t generation;
    int64_t programmed_at_s; /* UTC */
    struct operating_point op;
    struct mram_forecast forecast;
    size_t n_layers;
    struct mram_result *results; /* ours when loaded, borrowed when saved; [n_layers] */
};

/* Saves what `mram` holds; image->n_layers is its number of layers, and the numbers of
 * the operating point are finite, the unused ones too. Needs the folder of `path` to be
 * writable: PATH.tmp is made there. ST_IO with path and cause in `why` (disk full, no
 * permission); the old file is then untouched and no scratch file stays. Only if the
 * folder itself cannot be synced is the new file in place and the rename not yet safe
 * from a power cut. */
MUST_CHECK enum status array_image_save(const char *path, const struct array_image *image,
                                        const struct mram *mram, char why[ERR_LEN]);

/* Reads an image back into a new array of `net`'s shape and the image's seed.
 * ST_NOT_FOUND: no file. ST_CONFLICT: an image of another model file. ST_FORMAT: broken.
 * ST_IO, ST_NOMEM. The caller frees ret_image->results (array_image_done) and ret_mram.
 */
MUST_CHECK enum status array_image_load(const char *path, const struct network *net,
                                        struct array_image *ret_image,
                                        struct mram **ret_mram, char why[ERR_LEN]);
void array_image_done(struct array_image *image);

/* The same from bytes, which are borrowed for the call. */
MUST_CHECK enum status array_image_parse(const uint8_t *bytes, size_t len,
                                         const struct network *net,
                                         struct array_image *ret_image,
                                         struct mram **ret_mram, char why[ERR_LEN]);

/* The shapes of net's layers as an array wants them; ret_shapes: [net->n_layers]. */
void array_image_shapes(const struct network *net, struct mram_shape *ret_shapes);

#endif
