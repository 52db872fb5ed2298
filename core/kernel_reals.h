/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_reals.h - real weights moved over a map of real numbers.
 *
 * For first layers and shortcuts, which are not binary. Floating-point sums depend on
 * their order, so the order is part of the contract: an output is
 *
 *     0 + w_0 x_0 + w_1 x_1 + ... + bias,
 *
 * each product rounded, each sum rounded, from left to right in the order kernel row,
 * kernel column, channel, taps outside the map left out. Vectors take outputs side by
 * side, never inputs, and no multiplication is fused with an addition, so every kernel
 * gives the bits of `scalar`.
 */
#ifndef CORE_KERNEL_REALS_H
#define CORE_KERNEL_REALS_H

#include "core/kernel.h"
#include "core/kernel_window.h"

#define KERNEL_REALS_LANES 16

/* Immutable once made; any thread. */
struct kernel_reals {
    struct kernel_shape shape;
    struct kernel_axis rows, columns;
    size_t group_in, n_out; /* of one group */
    size_t n_blocks, n_in;  /* ceil(n_out / 16); fan-in */
    float *weights;         /* ours, [groups][n_blocks][n_in][16], 64-byte aligned */
    float *bias;            /* ours, [groups][16 * n_blocks] */
    size_t *offset;         /* ours, [n_in]: from the window's first value */
};

/* weights: [n_out][kernel_h][kernel_w][channels / groups], bias: [n_out], borrowed for
 * the call. ST_RANGE: see kernel_shape_check, and products that overflow. */
MUST_CHECK enum status kernel_reals_init(struct kernel_reals *r,
                                         const struct kernel_shape *shape,
                                         const float *weights, const float *bias);
/* Takes one that is all zero. */
void kernel_reals_done(struct kernel_reals *r);

/* One map into another, both row, column, channel. */
void kernel_reals_run(const struct kernel_reals *r, const struct kernel *kernel,
                      const float *x, float *ret_y);

/* What a kernel does in one call: all places, one group. */
struct kernel_reals_job {
    const struct kernel_reals *r;
    const float *weights, *bias; /* of the group */
    const float *x;              /* the group's first value */
    float *y;                    /* the group's first output; n_out are written */
};

static inline struct kernel_walk kernel_reals_walk(const struct kernel_reals *r,
                                                   size_t row, size_t column)
{
    return kernel_walk(&r->shape.window, &r->rows, &r->columns, r->shape.width,
                       r->shape.channels, r->group_in, row, column);
}

#endif
