/* SPDX-License-Identifier: Apache-2.0 */
/* array_image.h - the array between two lives of the process, or on its way to another.
 *
 * One file per model: header, device, operating points, how the contents came about and
 * what they are, and every section of the cells, under one checksum. Saving writes a new
 * file beside the old one, syncs it and renames it over: after a crash at any moment the
 * file is the whole old generation or the whole new one. One thread per path at a time.
 */
#ifndef STORAGE_ARRAY_IMAGE_H
#define STORAGE_ARRAY_IMAGE_H

#include "core/network.h"
#include "core/operating_point.h"

struct array_image {
    uint32_t model_checksum;
    uint64_t generation;
    enum mram_cause cause;
    int64_t changed_at_s;    /* UTC, this generation */
    int64_t programmed_at_s; /* UTC, the last program, scrub or import */
    double age_s;            /* simulated seconds since then */
    struct device device;    /* ours when loaded, borrowed when saved */
    struct operating_points points;
    size_t n_layers;
    /* [n_layers] each; ours when loaded, borrowed when saved. Forecast and result are of
     * the last programming. */
    struct mram_forecast *forecasts;
    struct mram_result *results;
    struct mram_state *states;
};

/* Saves what `mram` holds and its defects; image->n_layers is its number of layers, its
 * layouts are those of the operating points, and all numbers are finite. The device is
 * one that device_check lets pass, its name is UTF-8. Needs the folder of `path` to be
 * writable: PATH.tmp is made there. ST_IO with path and cause in `why` (disk full, no
 * permission), ST_NOMEM; the old file is then untouched and no scratch file stays. Only
 * if the folder itself cannot be synced is the new file in place and the rename not yet
 * safe from a power cut. */
MUST_CHECK enum status array_image_save(const char *path, const struct array_image *image,
                                        const struct mram *mram, char why[ERR_LEN]);
/* The same bytes in memory, for an export; the caller frees them. ST_NOMEM. */
MUST_CHECK enum status array_image_bytes(const struct array_image *image,
                                         const struct mram *mram, uint8_t **ret_bytes,
                                         size_t *ret_len);

/* Reads an image back into a new array of `net`'s shape and the image's seed, layouts and
 * defects. Nothing in it is believed. In image->points the layers have all members, those
 * that they inherit too. ST_NOT_FOUND: no file. ST_CONFLICT: an image of another model
 * file. ST_FORMAT: broken, or of another version. ST_IO, ST_NOMEM. The caller ends
 * ret_image with array_image_done and frees ret_mram. mram_read has not run: what is
 * delivered is undefined until it has. */
MUST_CHECK enum status array_image_load(const char *path, const struct network *net,
                                        struct array_image *ret_image,
                                        struct mram **ret_mram, char why[ERR_LEN]);
void array_image_done(struct array_image *image);
/* Of which model file an image is, by its checksum; what is behind that is not looked at.
 * ST_NOT_FOUND, ST_FORMAT, ST_IO, ST_NOMEM. */
MUST_CHECK enum status array_image_whose(const char *path, uint32_t *ret_model_checksum,
                                         char why[ERR_LEN]);

/* The same from bytes, which are borrowed for the call. */
MUST_CHECK enum status array_image_parse(const uint8_t *bytes, size_t len,
                                         const struct network *net,
                                         struct array_image *ret_image,
                                         struct mram **ret_mram, char why[ERR_LEN]);

/* The shapes of net's layers as an array wants them; ret_shapes: [net->n_layers]. */
void array_image_shapes(const struct network *net, struct mram_shape *ret_shapes);

#endif
