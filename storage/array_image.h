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

/* Saves what `mram` holds. ST_IO with path and cause in `why` (disk full, no permission);
 * the old file is then untouched and no scratch file stays. */
MUST_CHECK enum status array_image_save(const char *path, const struct array_image *image,
                                        const struct mram *mram, char why[ERR_LEN]);

/* Reads an image back into a new array of `net`'s shape and the image's seed.
 * ST_NOT_FOUND: no file. ST_CONFLICT: an image of another model file. ST_FORMAT: broken.
 * ST_IO, ST_NOMEM. The caller frees ret_image->results (array_image_done) and ret_mram. */
MUST_CHECK enum status array_image_load(const char *path, const struct network *net,
                                        struct array_image *ret_image,
                                        struct mram **ret_mram, char why[ERR_LEN]);
void array_image_done(struct array_image *image);

/* The shapes of net's layers as an array wants them; ret_shapes: [net->n_layers]. */
void array_image_shapes(const struct network *net, struct mram_shape *ret_shapes);

#endif
