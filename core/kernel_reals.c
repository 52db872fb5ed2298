/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel_reals.h"

#include <stdlib.h>
#include <string.h>

#define LANES  KERNEL_REALS_LANES
#define VECTOR (LANES * sizeof(float))

static size_t n_lanes(const struct kernel_reals *r)
{
    return r->n_blocks * LANES;
}

static void lay_out(struct kernel_reals *r, const float *weights, const float *bias)
{
    for (size_t j = 0; j < r->shape.n_out; j++) {
        size_t lane = j / r->n_out * n_lanes(r) + j % r->n_out;
        float *to = r->weights + lane / LANES * r->n_in * LANES + lane % LANES;

        for (size_t i = 0; i < r->n_in; i++)
            to[i * LANES] = weights[j * r->n_in + i];
        r->bias[lane] = bias == NULL ? 0.0F : bias[j];
    }
}

static void fill_offsets(struct kernel_reals *r)
{
    const struct network_window *window = &r->shape.window;

    for (size_t i = 0; i < r->n_in; i++) {
        size_t tap = i / r->group_in;
        size_t row = tap / window->kernel_w * window->dilation_h;
        size_t column = tap % window->kernel_w * window->dilation_w;

        r->offset[i] =
            (row * r->shape.width + column) * r->shape.channels + i % r->group_in;
    }
}

static enum status make(struct kernel_reals *r, const float *weights, const float *bias)
{
    size_t n_bytes;
    enum status st = kernel_axis_rows(&r->rows, &r->shape);

    if (st == ST_OK)
        st = kernel_axis_columns(&r->columns, &r->shape);
    if (st != ST_OK)
        return st;
    if (__builtin_mul_overflow(r->n_blocks * r->n_in, VECTOR, &n_bytes) ||
        __builtin_mul_overflow(n_bytes, r->shape.groups, &n_bytes))
        return ST_RANGE;

    r->weights = aligned_alloc(VECTOR, n_bytes);
    r->bias = calloc(r->shape.groups * n_lanes(r), sizeof(*r->bias));
    r->offset = calloc(r->n_in, sizeof(*r->offset));
    if (r->weights == NULL || r->bias == NULL || r->offset == NULL)
        return ST_NOMEM;
    memset(r->weights, 0, n_bytes);
    lay_out(r, weights, bias);
    fill_offsets(r);
    return ST_OK;
}

enum status kernel_reals_init(struct kernel_reals *r, const struct kernel_shape *shape,
                              const float *weights, const float *bias)
{
    enum status st = kernel_shape_check(shape);

    if (st != ST_OK)
        return st;

    struct kernel_reals made = {
        .shape = *shape,
        .group_in = shape->channels / shape->groups,
        .n_out = shape->n_out / shape->groups,
        .n_in = kernel_shape_fan_in(shape),
    };
    made.n_blocks = made.n_out / LANES + (made.n_out % LANES != 0);
    st = make(&made, weights, bias);
    if (st != ST_OK) {
        kernel_reals_done(&made);
        return st;
    }
    *r = made;
    return ST_OK;
}

void kernel_reals_done(struct kernel_reals *r)
{
    kernel_axis_done(&r->rows);
    kernel_axis_done(&r->columns);
    free(r->weights);
    free(r->bias);
    free(r->offset);
    *r = (struct kernel_reals) { 0 };
}

void kernel_reals_run(const struct kernel_reals *r, const struct kernel *kernel,
                      const float *x, float *ret_y)
{
    for (size_t g = 0; g < r->shape.groups; g++) {
        const struct kernel_reals_job job = {
            .r = r,
            .weights = r->weights + g * r->n_blocks * r->n_in * LANES,
            .bias = r->bias + g * n_lanes(r),
            .x = x + g * r->group_in,
            .y = ret_y + g * r->n_out,
        };
        kernel->reals(&job);
    }
}
