/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_window.h - a window that is moved over a feature map: how much of it lies
 * inside.
 *
 * Along one side the outputs fall into *classes* by which taps lie inside the map: on a
 * map of usual size first, middle and last. Both ends of that span only fall from one
 * output to the next, so the outputs of a class stand side by side.
 */
#ifndef CORE_KERNEL_WINDOW_H
#define CORE_KERNEL_WINDOW_H

#include "core/network.h"
#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

/* A convolution: the map it reads, its window, what it makes. */
struct kernel_shape {
    size_t height, width, channels; /* >= 1 */
    size_t n_out;                   /* output channels, >= 1 */
    size_t groups;                  /* >= 1, divides channels and n_out */
    struct network_window window;
};

struct kernel_span {
    uint32_t from, to; /* taps from .. to - 1 lie inside; equal if none does */
};

/* One side of the map. */
struct kernel_axis {
    size_t n_out; /* places of the output along this side */
    size_t n_classes;
    uint32_t *class_of;       /* ours, [n_out] */
    struct kernel_span *span; /* ours, [n_classes] */
    size_t inner_from,
        inner_to; /* places whose taps all lie inside: a span, or nothing */
};

/* ST_RANGE: a size of zero, groups that do not divide, a window that does not fit, or a
 * fan-in above KERNEL_MAX_INPUTS. */
MUST_CHECK enum status kernel_shape_check(const struct kernel_shape *shape);
/* Places of the output: 0 if the window does not fit, or if a side of either has more
 * than 32 bits. */
size_t kernel_shape_height(const struct kernel_shape *shape);
size_t kernel_shape_width(const struct kernel_shape *shape);
/* Inputs of one output. */
size_t kernel_shape_fan_in(const struct kernel_shape *shape);

/* What of the window is inside at a row, or a column, of the output. */
struct kernel_span kernel_span_of_row(const struct kernel_shape *shape, size_t row);
struct kernel_span kernel_span_of_column(const struct kernel_shape *shape, size_t column);

/* For a shape that was checked. */
MUST_CHECK enum status kernel_axis_rows(struct kernel_axis *axis,
                                        const struct kernel_shape *shape);
MUST_CHECK enum status kernel_axis_columns(struct kernel_axis *axis,
                                           const struct kernel_shape *shape);
void kernel_axis_done(struct kernel_axis *axis);

/* The elements of a window that lie inside at one place of the output, as indices of an
 * output's weights: n_rows stretches of `run` elements, row_step apart; run is 0 if
 * n_rows is. */
struct kernel_walk {
    size_t base; /* index of tap 0 in the map; wraps where that lies outside */
    size_t from; /* first element */
    size_t n_rows, run, row_step;
    size_t class; /* row class * column classes + column class */
};

/* A map's places are `place` elements apart, a tap has `tap` of them. Where all columns
 * lie inside, as between inner_from and inner_to, there is one stretch. */
static inline struct kernel_walk kernel_walk(const struct network_window *window,
                                             const struct kernel_axis *rows,
                                             const struct kernel_axis *columns,
                                             size_t width, size_t place, size_t tap,
                                             size_t row, size_t column)
{
    struct kernel_span r = rows->span[rows->class_of[row]];
    struct kernel_span c = columns->span[columns->class_of[column]];
    struct kernel_walk walk = {
        .base = ((row * window->stride_h - window->pad_top) * width +
                 column * window->stride_w - window->pad_left) *
                place,
        .from = (r.from * window->kernel_w + c.from) * tap,
        .n_rows = r.to - r.from,
        .run = (c.to - c.from) * tap,
        .row_step = window->kernel_w * tap,
        .class = rows->class_of[row] * columns->n_classes + columns->class_of[column],
    };

    if (walk.n_rows == 0)
        walk.run = 0;
    if (walk.run == walk.row_step) {
        walk.run *= walk.n_rows;
        walk.n_rows = 1;
    }
    return walk;
}

#endif
