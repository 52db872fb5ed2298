/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_conv.h - binary weights moved over a feature map of bits.
 *
 * Maps lie row, column, channel: a place is bits_words(channels) words, bits past the
 * last channel zero. Nothing is unrolled in memory: the kernels walk over the map. Every
 * kernel gives the bits of `scalar`.
 *
 * *What lies outside.* The taps outside are left out, and the sum of an output becomes
 *
 *     s = top - 2 m,   m the mismatches of the taps inside,
 *
 * where `top` depends on which taps these are (kernel_window.h): with padding of zero the
 * number of inputs inside, else all inputs less twice the mismatches of the weights
 * outside with the constant. Those are counted in the rows that kernel_conv_init was
 * given, so they are right whatever a memory made of the weights.
 */
#ifndef CORE_KERNEL_CONV_H
#define CORE_KERNEL_CONV_H

#include "core/kernel.h"
#include "core/kernel_window.h"
#include "core/network.h"

/* Weights and all that follows from them. Immutable once made; any thread. */
struct kernel_conv {
    struct kernel_shape shape;
    struct kernel_axis rows, columns;
    /* Of one group: */
    size_t channels, n_out;
    size_t n_blocks;  /* ceil(n_out / 8) */
    size_t tap_words; /* bits_words(channels) */
    size_t n_words;   /* of an output: taps * tap_words */
    size_t x_place;   /* words from place to place of the map */
    uint64_t *words;  /* ours, [groups][n_blocks][tap][tap_words][8], 64-byte aligned */
    size_t *offset;   /* ours, [n_words]: where in the map, from the window's first tap */
    /* Of each class of places: [row class][column class][groups][8 * n_blocks]. */
    int64_t *limit;  /* ours; of mismatches, as in kernel_rule; NULL without thresholds */
    int32_t *top;    /* ours; NULL with thresholds */
    uint8_t *invert; /* ours, [groups][n_blocks]; NULL without thresholds */
};

/* Does each group begin a word of the map and a block of the result? The kernels read and
 * write groups where they lie. For a shape that was checked. */
bool kernel_conv_aligned(const struct kernel_shape *shape);

/* rows: n_out rows of bits_words(fan-in) words, padding zero, in the order kernel row,
 * kernel column, channel of the group. threshold, falling as in struct network_layer, for
 * kernel_conv_fire; both NULL for kernel_conv_scaled. All are borrowed for the call.
 * ST_RANGE: see kernel_shape_check; groups that are not aligned; products that
 * overflow. */
MUST_CHECK enum status kernel_conv_init(struct kernel_conv *conv,
                                        const struct kernel_shape *shape,
                                        enum network_padding padding,
                                        const uint64_t *rows, const int32_t *threshold,
                                        const uint64_t *falling);
/* Takes one that is all zero. */
void kernel_conv_done(struct kernel_conv *conv);

/* One map of bits into another. ret_y: bits_words(n_out) words for each place, bits past
 * n_out zero. */
void kernel_conv_fire(const struct kernel_conv *conv, const struct kernel *kernel,
                      const uint64_t *x, uint64_t *ret_y);
/* (float)(scale * s + bias), in double precision, for each place and output. scale, bias:
 * [n_out]. */
void kernel_conv_scaled(const struct kernel_conv *conv, const struct kernel *kernel,
                        const uint64_t *x, const float *scale, const float *bias,
                        float *ret_y);

/* What a kernel does in one call: all places, one group. */
struct kernel_conv_job {
    const struct kernel_conv *conv;
    const uint64_t *words; /* of the group */
    const uint64_t *x;     /* the group's first word */
    size_t class_stride;   /* entries from class to class in limit and top */
    const int64_t *limit;  /* of the group in class 0; NULL: sums */
    const uint8_t *invert; /* of the group */
    uint64_t *y;           /* last words cleared if the blocks do not fill them */
    size_t y_place;        /* words from place to place */
    size_t y_block;        /* the group's first byte in a place */
    const int32_t *top;    /* sums: of the group in class 0 */
    const float *scale;    /* sums: of the group */
    const float *bias;
    float *scaled;       /* sums: the group's first */
    size_t scaled_place; /* from place to place; n_out of them are written */
};

static inline struct kernel_walk kernel_conv_walk(const struct kernel_conv *conv,
                                                  size_t row, size_t column)
{
    return kernel_walk(&conv->shape.window, &conv->rows, &conv->columns,
                       conv->shape.width, conv->x_place, conv->tap_words, row, column);
}

#endif
