/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: the window is moved over each channel by itself. Means add up row after row, in
 * single precision. */
#include "core/infer_stage.h"
#include "core/kernel_pool.h"
#include "core/window.h"

#include <string.h>

/* The part of a window that lies inside, and the first element it meets. */
struct part {
    struct window_taps rows, columns;
    uint32_t dilation_h, dilation_w, width;
};

static size_t place_of(const struct part *part, uint32_t y, uint32_t x)
{
    size_t row = (size_t)(part->rows.at + (int64_t)y * part->dilation_h);
    size_t column = (size_t)(part->columns.at + (int64_t)x * part->dilation_w);

    return row * part->width + column;
}

static void pool_max(const struct part *part, const float *restrict map, size_t n,
                     float *restrict ret)
{
    memcpy(ret, map + place_of(part, part->rows.first, part->columns.first) * n,
           n * sizeof(*ret));
    for (uint32_t y = part->rows.first; y < part->rows.end; y++) {
        for (uint32_t x = part->columns.first; x < part->columns.end; x++) {
            const float *place = map + place_of(part, y, x) * n;

            for (size_t c = 0; c < n; c++)
                ret[c] = place[c] > ret[c] ? place[c] : ret[c];
        }
    }
}

static void pool_mean(const struct part *part, const float *map, size_t n, float divisor,
                      float *ret)
{
    memset(ret, 0, n * sizeof(*ret));
    for (uint32_t y = part->rows.first; y < part->rows.end; y++) {
        for (uint32_t x = part->columns.first; x < part->columns.end; x++) {
            const float *place = map + place_of(part, y, x) * n;

            for (size_t c = 0; c < n; c++)
                ret[c] += place[c];
        }
    }
    for (size_t c = 0; c < n; c++)
        ret[c] /= divisor;
}

static float divisor_of(const struct network_stage *stage, const struct part *part)
{
    uint32_t inside =
        (part->rows.end - part->rows.first) * (part->columns.end - part->columns.first);
    uint32_t all = stage->window.kernel_h * stage->window.kernel_w;

    return (float)(stage->count_outside ? all : inside);
}

static void pool_place(const struct network_stage *stage, const struct part *part,
                       const struct infer_map *in, size_t picture, size_t place,
                       struct infer_map *out)
{
    size_t n = in->value.channels;

    if (stage->op == NETWORK_OP_POOL_MAX)
        pool_max(part, in->reals + picture * in->stride, n,
                 out->reals + picture * out->stride + place * n);
    else
        pool_mean(part, in->reals + picture * in->stride, n, divisor_of(stage, part),
                  out->reals + picture * out->stride + place * n);
}

void infer_pool_run(const struct network_stage *stage, const struct infer_map *in,
                    size_t n, struct infer_map *out)
{
    struct window_side rows = window_rows(&in->value, &stage->window);
    struct window_side columns = window_columns(&in->value, &stage->window);
    struct part part = { .dilation_h = rows.dilation,
                         .dilation_w = columns.dilation,
                         .width = in->value.width };

    for (size_t picture = 0; picture < n; picture++) {
        size_t place = 0;

        if (stage->op == NETWORK_OP_POOL_BITS) {
            kernel_pool_bits(&stage->window, in->value.height, in->value.width,
                             in->value.channels, stage->mask,
                             in->bits + picture * in->stride,
                             out->bits + picture * out->stride);
            continue;
        }

        for (uint32_t y = 0; y < out->value.height; y++) {
            part.rows = window_taps(&rows, y);
            for (uint32_t x = 0; x < out->value.width; x++) {
                part.columns = window_taps(&columns, x);
                pool_place(stage, &part, in, picture, place++, out);
            }
        }
    }
}
