/* SPDX-License-Identifier: Apache-2.0 */
/* array_image_internal.h - what array_image.c shares with the two sides of the format,
 * array_image_write.c and array_image_read.c. The table is in README.md. */
#ifndef STORAGE_ARRAY_IMAGE_INTERNAL_H
#define STORAGE_ARRAY_IMAGE_INTERNAL_H

#include "storage/array_image.h"

#define ARRAY_IMAGE_VERSION 2
#define ARRAY_IMAGE_MAGIC   "\x89SBAR\r\n\x1a"

/* The parameters of a junction as the file has them: the doubles of struct mtj_params, SI
 * units, in their order. Another order or another number is another version. */
#define ARRAY_IMAGE_PARAMS 26
_Static_assert(sizeof(struct mtj_params) == ARRAY_IMAGE_PARAMS * sizeof(double),
               "the image has the parameters in the order of the struct");

/* An image about to be written. */
struct array_image_source {
    const struct array_image *image; /* borrowed, with what it points to */
    const struct mram *mram;         /* borrowed */
    char *table;                     /* ours: a table device as text; NULL without */
    size_t table_len;
    uint64_t len; /* of the whole image */
};
/* ST_NOMEM. */
MUST_CHECK enum status array_image_source_init(struct array_image_source *source,
                                               const struct array_image *image,
                                               const struct mram *mram);
void array_image_source_done(struct array_image_source *source);

/* Writes source->len bytes to `bytes`, or to the file `fd` if that is NULL, all but the
 * checksum at CURSOR_CRC_AT, which is zero. Gives errno, 0 on success. */
MUST_CHECK int array_image_put(const struct array_image_source *source, int fd,
                               uint8_t *bytes, uint32_t *ret_checksum);

#endif
