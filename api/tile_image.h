/* SPDX-License-Identifier: Apache-2.0 */
/* tile_image.h - one section of a tile as a grey picture, a pixel a cell.
 *
 * 256 cells to a word line, the first in bit 0; right cells are dark and wrong ones
 * light, so that faults are seen in a picture of any size.
 */
#ifndef API_TILE_IMAGE_H
#define API_TILE_IMAGE_H

#include "api/buf.h"
#include "core/mram.h"

#define TILE_IMAGE_NO_CELL 0
#define TILE_IMAGE_AP      16  /* right */
#define TILE_IMAGE_P       48  /* right */
#define TILE_IMAGE_DEFECT  200 /* wrong, and no write can mend it */
#define TILE_IMAGE_WRONG   255

/* Bits of n_words words each, MRAM_TILE_WORDS or (check sections) MRAM_CHECK_WORDS. */
struct tile_image {
    size_t n_words;
    const uint64_t *cells; /* is there a cell? */
    const uint64_t *state; /* 1: P */
    const uint64_t *wrong; /* not what it should be */
    const uint64_t *dead;  /* a defect; NULL: there are none */
};

/* Appends a file: 256 pixels wide, 256 or 64 high. ST_NOMEM (buf->failed likewise). */
MUST_CHECK enum status tile_image_png(struct buf *buf, const struct tile_image *tile);
void tile_image_pgm(struct buf *buf, const struct tile_image *tile);

#endif
