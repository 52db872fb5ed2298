/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel_window.h"

#include "core/kernel.h"
#include "core/window.h"

#include <stdlib.h>

/* For sides that fit. */
static struct network_value map_of(const struct kernel_shape *shape)
{
    return (struct network_value) { .height = (uint32_t)shape->height,
                                    .width = (uint32_t)shape->width };
}

static struct window_side side_of_rows(const struct kernel_shape *shape)
{
    const struct network_value map = map_of(shape);

    return window_rows(&map, &shape->window);
}

static struct window_side side_of_columns(const struct kernel_shape *shape)
{
    const struct network_value map = map_of(shape);

    return window_columns(&map, &shape->window);
}

enum status kernel_shape_check(const struct kernel_shape *shape)
{
    const struct network_window *w = &shape->window;
    size_t fan_in;

    if (shape->height == 0 || shape->width == 0 || kernel_shape_height(shape) == 0 ||
        kernel_shape_width(shape) == 0)
        return ST_RANGE;
    if (shape->channels == 0 || shape->n_out == 0 || shape->groups == 0 ||
        shape->channels > UINT32_MAX || shape->n_out > UINT32_MAX ||
        shape->channels % shape->groups != 0 || shape->n_out % shape->groups != 0)
        return ST_RANGE;
    if (__builtin_mul_overflow((size_t)w->kernel_h, (size_t)w->kernel_w, &fan_in) ||
        __builtin_mul_overflow(fan_in, shape->channels / shape->groups, &fan_in) ||
        fan_in > KERNEL_MAX_INPUTS)
        return ST_RANGE;
    return ST_OK;
}

size_t kernel_shape_height(const struct kernel_shape *shape)
{
    const struct network_window *w = &shape->window;

    if (shape->height > UINT32_MAX)
        return 0;
    return network_window_out((uint32_t)shape->height, w->kernel_h, w->stride_h,
                              w->dilation_h, w->pad_top, w->pad_bottom);
}

size_t kernel_shape_width(const struct kernel_shape *shape)
{
    const struct network_window *w = &shape->window;

    if (shape->width > UINT32_MAX)
        return 0;
    return network_window_out((uint32_t)shape->width, w->kernel_w, w->stride_w,
                              w->dilation_w, w->pad_left, w->pad_right);
}

size_t kernel_shape_fan_in(const struct kernel_shape *shape)
{
    return (size_t)shape->window.kernel_h * shape->window.kernel_w *
           (shape->channels / shape->groups);
}

/* None inside: one span, whatever the place. */
static struct kernel_span span_at(const struct window_side *side, size_t place)
{
    struct window_taps taps = window_taps(side, (uint32_t)place);

    if (taps.first == taps.end)
        return (struct kernel_span) { 0, 0 };
    return (struct kernel_span) { taps.first, taps.end };
}

struct kernel_span kernel_span_of_row(const struct kernel_shape *shape, size_t row)
{
    const struct window_side side = side_of_rows(shape);

    return span_at(&side, row);
}

struct kernel_span kernel_span_of_column(const struct kernel_shape *shape, size_t column)
{
    const struct window_side side = side_of_columns(shape);

    return span_at(&side, column);
}

static void fill_axis(struct kernel_axis *axis, const struct window_side *side)
{
    for (size_t i = 0; i < axis->n_out; i++) {
        struct kernel_span span = span_at(side, i);
        struct kernel_span last = i == 0 ? span : axis->span[axis->class_of[i - 1]];

        if (i == 0 || last.from != span.from || last.to != span.to)
            axis->span[axis->n_classes++] = span;
        axis->class_of[i] = (uint32_t)(axis->n_classes - 1);
        if (span.from == 0 && span.to == side->kernel) {
            if (axis->inner_to == 0)
                axis->inner_from = i;
            axis->inner_to = i + 1;
        }
    }
}

static enum status axis_init(struct kernel_axis *axis, const struct window_side *side,
                             size_t n_out)
{
    struct kernel_axis made = { .n_out = n_out };

    made.class_of = calloc(made.n_out, sizeof(*made.class_of));
    made.span = calloc(made.n_out, sizeof(*made.span));
    if (made.class_of == NULL || made.span == NULL) {
        kernel_axis_done(&made);
        return ST_NOMEM;
    }
    fill_axis(&made, side);
    *axis = made;
    return ST_OK;
}

enum status kernel_axis_rows(struct kernel_axis *axis, const struct kernel_shape *shape)
{
    const struct window_side side = side_of_rows(shape);

    return axis_init(axis, &side, kernel_shape_height(shape));
}

enum status kernel_axis_columns(struct kernel_axis *axis,
                                const struct kernel_shape *shape)
{
    const struct window_side side = side_of_columns(shape);

    return axis_init(axis, &side, kernel_shape_width(shape));
}

void kernel_axis_done(struct kernel_axis *axis)
{
    free(axis->class_of);
    free(axis->span);
    *axis = (struct kernel_axis) { 0 };
}
