/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_pixels.h - binary weights moved over a picture of 8-bit pixels.
 *
 * s = sum of weight * pixel, exact; outside the picture pixels are 0 and add nothing.
 * Pixels lie row, column, channel. A call copies the picture into scratch with its border
 * around it, so that no kernel has to look where it is. Weights are one byte each, +1 or
 * -1, in quads along what is contiguous in the picture: one row of the window, or one tap
 * where the window is dilated or has groups. Bytes that fill up a quad are 0.
 */
#ifndef CORE_KERNEL_PIXELS_H
#define CORE_KERNEL_PIXELS_H

#include "core/kernel.h"
#include "core/kernel_window.h"

#define KERNEL_PIXELS_LANES 16
#define KERNEL_PIXELS_QUAD  4

/* Immutable once made; any thread. */
struct kernel_pixels {
    struct kernel_shape shape;
    size_t height, width;     /* of the output */
    size_t row_bytes, n_rows; /* of the picture with its border */
    size_t group_in, n_out;   /* of one group */
    size_t n_blocks, n_quads; /* ceil(n_out / 16); quads of one output */
    int8_t *weights;          /* ours, [groups][n_blocks][n_quads][16][4], 64-byte
                                 aligned */
    uint32_t *offset;         /* ours, [n_quads]: bytes from the window's first pixel */
    int32_t *threshold;       /* ours, [groups][16 * n_blocks]: fires where s >= it; or
                                 NULL */
    uint16_t *invert;         /* ours, [groups][n_blocks]; or NULL */
};

/* rows, threshold, falling: as kernel_conv_init. ST_RANGE: as there, or a fan-in above
 * KERNEL_MAX_PIXELS. */
MUST_CHECK enum status kernel_pixels_init(struct kernel_pixels *p,
                                          const struct kernel_shape *shape,
                                          const uint64_t *rows, const int32_t *threshold,
                                          const uint64_t *falling);
/* Takes one that is all zero. */
void kernel_pixels_done(struct kernel_pixels *p);

/* Words of working memory that one call needs; never 0. For a shape that was checked. */
size_t kernel_pixels_scratch(const struct kernel_shape *shape);

/* As kernel_conv_fire; and the sums themselves, n_out for each place. pixels: height *
 * width * channels. */
void kernel_pixels_fire(const struct kernel_pixels *p, const struct kernel *kernel,
                        const uint8_t *pixels, uint64_t *scratch, uint64_t *ret_y);
void kernel_pixels_sums(const struct kernel_pixels *p, const struct kernel *kernel,
                        const uint8_t *pixels, uint64_t *scratch, int32_t *ret_s);

/* What a kernel does in one call: all places, one group. */
struct kernel_pixels_job {
    const struct kernel_pixels *p;
    const int8_t *weights;    /* of the group */
    const uint8_t *x;         /* its first pixel, border included */
    const int32_t *threshold; /* of the group; NULL: sums */
    const uint16_t *invert;
    uint64_t *y;             /* last words cleared if the blocks do not fill them */
    size_t y_place, y_block; /* words from place to place; first block of 16 */
    int32_t *s;
    size_t s_place; /* sums from place to place; n_out of them are written */
};

#endif
