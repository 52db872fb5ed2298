/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel_pixels.h"

#include "core/bits.h"

#include <stdlib.h>
#include <string.h>

#define QUAD   KERNEL_PIXELS_QUAD
#define LANES  KERNEL_PIXELS_LANES
#define VECTOR ((size_t)LANES * QUAD)

#define PIXEL_MAX 255

/* Bytes that lie side by side both in the picture and in a row of weights. */
static size_t stretch_bytes(const struct kernel_pixels *p)
{
    bool whole_rows = p->shape.groups == 1 && p->shape.window.dilation_w == 1;

    return whole_rows ? p->group_in * p->shape.window.kernel_w : p->group_in;
}

static size_t stretch_quads(const struct kernel_pixels *p)
{
    return (stretch_bytes(p) + QUAD - 1) / QUAD;
}

static size_t n_lanes(const struct kernel_pixels *p)
{
    return p->n_blocks * LANES;
}

/* -- Making -- */

/* One group; bytes past a stretch and outputs past the last stay zero. */
static void lay_out(const struct kernel_pixels *p, const uint64_t *rows, int8_t *weights)
{
    size_t fan_in = kernel_shape_fan_in(&p->shape), bytes = stretch_bytes(p);

    for (size_t j = 0; j < p->n_out; j++) {
        int8_t *lane = weights + j / LANES * p->n_quads * VECTOR + j % LANES * QUAD;
        const uint64_t *row = rows + j * bits_words(fan_in);

        for (size_t i = 0; i < fan_in; i++) {
            size_t quad = i / bytes * stretch_quads(p) + i % bytes / QUAD;
            lane[quad * VECTOR + i % bytes % QUAD] = bits_get(row, i) ? 1 : -1;
        }
    }
}

static void fill_offsets(struct kernel_pixels *p)
{
    const struct network_window *window = &p->shape.window;
    size_t per_row = window->kernel_w * p->group_in / stretch_bytes(p);

    for (size_t q = 0; q < p->n_quads; q++) {
        size_t stretch = q / stretch_quads(p);
        size_t row = stretch / per_row * window->dilation_h;
        size_t column = stretch % per_row * window->dilation_w;

        p->offset[q] = (uint32_t)(row * p->row_bytes + column * p->shape.channels +
                                  q % stretch_quads(p) * QUAD);
    }
}

/* s >= t, or for s <= t the opposite of s >= t + 1; t where it can matter. */
static void fill_rule(struct kernel_pixels *p, const int32_t *threshold,
                      const uint64_t *falling)
{
    int64_t most = PIXEL_MAX * (int64_t)kernel_shape_fan_in(&p->shape);

    for (size_t i = 0; i < p->shape.groups * n_lanes(p); i++)
        p->threshold[i] = INT32_MAX;
    for (size_t j = 0; j < p->shape.n_out; j++) {
        size_t lane = j / p->n_out * n_lanes(p) + j % p->n_out;
        bool down = bits_get(falling, j);
        int64_t t = (int64_t)threshold[j] + down;

        t = t < -most ? -most : t;
        p->threshold[lane] = (int32_t)(t > most + 1 ? most + 1 : t);
        if (down)
            p->invert[lane / LANES] |= (uint16_t)(1U << (lane % LANES));
    }
}

static enum status make(struct kernel_pixels *p, const uint64_t *rows,
                        const int32_t *threshold, const uint64_t *falling)
{
    size_t fan_in = kernel_shape_fan_in(&p->shape);
    size_t group_bytes, n_bytes, picture;

    if (__builtin_mul_overflow(p->n_blocks * p->n_quads, VECTOR, &group_bytes) ||
        __builtin_mul_overflow(group_bytes, p->shape.groups, &n_bytes) ||
        __builtin_mul_overflow(p->row_bytes, p->n_rows, &picture) || picture > UINT32_MAX)
        return ST_RANGE;
    p->weights = aligned_alloc(VECTOR, n_bytes);
    p->offset = calloc(p->n_quads, sizeof(*p->offset));
    if (p->weights == NULL || p->offset == NULL)
        return ST_NOMEM;
    memset(p->weights, 0, n_bytes);
    for (size_t g = 0; g < p->shape.groups; g++)
        lay_out(p, rows + g * p->n_out * bits_words(fan_in),
                p->weights + g * group_bytes);
    fill_offsets(p);
    if (threshold == NULL)
        return ST_OK;

    p->threshold = calloc(p->shape.groups * n_lanes(p), sizeof(*p->threshold));
    p->invert = calloc(p->shape.groups * p->n_blocks, sizeof(*p->invert));
    if (p->threshold == NULL || p->invert == NULL)
        return ST_NOMEM;
    fill_rule(p, threshold, falling);
    return ST_OK;
}

/* All that does not depend on the weights. */
static struct kernel_pixels sizes_of(const struct kernel_shape *shape)
{
    const struct network_window *window = &shape->window;
    struct kernel_pixels made = {
        .shape = *shape,
        .group_in = shape->channels / shape->groups,
        .n_out = shape->n_out / shape->groups,
        .height = kernel_shape_height(shape),
        .width = kernel_shape_width(shape),
    };

    made.n_blocks = made.n_out / LANES + (made.n_out % LANES != 0);
    made.n_quads =
        kernel_shape_fan_in(shape) / stretch_bytes(&made) * stretch_quads(&made);
    /* As far as the window goes. */
    made.n_rows = (made.height - 1) * window->stride_h +
                  (size_t)(window->kernel_h - 1) * window->dilation_h + 1;
    made.row_bytes = ((made.width - 1) * window->stride_w +
                      (size_t)(window->kernel_w - 1) * window->dilation_w + 1) *
                     shape->channels;
    return made;
}

enum status kernel_pixels_init(struct kernel_pixels *p, const struct kernel_shape *shape,
                               const uint64_t *rows, const int32_t *threshold,
                               const uint64_t *falling)
{
    enum status st = kernel_shape_check(shape);

    if (st != ST_OK)
        return st;
    if (kernel_shape_fan_in(shape) > KERNEL_MAX_PIXELS)
        return ST_RANGE;

    struct kernel_pixels made = sizes_of(shape);

    st = make(&made, rows, threshold, falling);
    if (st != ST_OK) {
        kernel_pixels_done(&made);
        return st;
    }
    *p = made;
    return ST_OK;
}

void kernel_pixels_done(struct kernel_pixels *p)
{
    free(p->weights);
    free(p->offset);
    free(p->threshold);
    free(p->invert);
    *p = (struct kernel_pixels) { 0 };
}

/* -- Running -- */

/* The last quad may reach past the picture. */
static size_t picture_words(const struct kernel_pixels *p)
{
    return (p->row_bytes * p->n_rows + QUAD) / sizeof(uint64_t) + 1;
}

static bool in_place(const struct kernel_pixels *p)
{
    return p->shape.groups == 1 || p->n_out % LANES == 0;
}

size_t kernel_pixels_scratch(const struct kernel_shape *shape)
{
    const struct kernel_pixels p = sizes_of(shape);
    size_t own = in_place(&p) ? 0 : p.height * p.width * bits_words(p.n_out);

    return picture_words(&p) + own;
}

/* The picture with its border, cut where the window does not go. */
static void copy_picture(const struct kernel_pixels *p, const uint8_t *pixels,
                         uint8_t *ret)
{
    const struct network_window *window = &p->shape.window;
    size_t line = p->shape.width * p->shape.channels;
    size_t left = window->pad_left * p->shape.channels;

    if (left > p->row_bytes)
        left = p->row_bytes;
    size_t n = line < p->row_bytes - left ? line : p->row_bytes - left;
    for (size_t r = 0; r < p->n_rows; r++, ret += p->row_bytes) {
        if (r < window->pad_top || r - window->pad_top >= p->shape.height) {
            memset(ret, 0, p->row_bytes);
            continue;
        }
        memset(ret, 0, left);
        memcpy(ret + left, pixels + (r - window->pad_top) * line, n);
        memset(ret + left + n, 0, p->row_bytes - left - n);
    }
    memset(ret, 0, QUAD);
}

static struct kernel_pixels_job job_of(const struct kernel_pixels *p, size_t g,
                                       const uint64_t *picture)
{
    return (struct kernel_pixels_job) {
        .p = p,
        .weights = p->weights + g * p->n_blocks * p->n_quads * VECTOR,
        .x = (const uint8_t *)picture + g * p->group_in,
    };
}

void kernel_pixels_fire(const struct kernel_pixels *p, const struct kernel *kernel,
                        const uint8_t *pixels, uint64_t *scratch, uint64_t *ret_y)
{
    size_t n_places = p->height * p->width;
    size_t y_words = bits_words(p->shape.n_out), own_words = bits_words(p->n_out);
    uint64_t *own = scratch + picture_words(p);

    copy_picture(p, pixels, (uint8_t *)scratch);
    if (!in_place(p) || p->shape.groups * p->n_blocks % (BITS_PER_WORD / LANES) != 0)
        memset(ret_y, 0, n_places * y_words * sizeof(*ret_y));
    for (size_t g = 0; g < p->shape.groups; g++) {
        struct kernel_pixels_job job = job_of(p, g, scratch);

        job.threshold = p->threshold + g * n_lanes(p);
        job.invert = p->invert + g * p->n_blocks;
        job.y = in_place(p) ? ret_y : own;
        job.y_place = in_place(p) ? y_words : own_words;
        job.y_block = in_place(p) ? g * p->n_blocks : 0;
        if (!in_place(p))
            memset(own, 0, n_places * own_words * sizeof(*own));
        kernel->pixels(&job);
        for (size_t i = 0; i < n_places && !in_place(p); i++)
            bits_or(ret_y + i * y_words, g * p->n_out, own + i * own_words, 0, p->n_out);
    }
}

void kernel_pixels_sums(const struct kernel_pixels *p, const struct kernel *kernel,
                        const uint8_t *pixels, uint64_t *scratch, int32_t *ret_s)
{
    copy_picture(p, pixels, (uint8_t *)scratch);
    for (size_t g = 0; g < p->shape.groups; g++) {
        struct kernel_pixels_job job = job_of(p, g, scratch);

        job.s = ret_s + g * p->n_out;
        job.s_place = p->shape.n_out;
        kernel->pixels(&job);
    }
}
