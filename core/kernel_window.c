/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel_window.h"

#include "core/kernel.h"

#include <stdlib.h>
#include <string.h>

/* A side, as the window sees it. */
struct side {
    uint64_t length, kernel, stride, dilation, before, after;
};

static struct side side_of_rows(const struct kernel_shape *shape)
{
    const struct network_window *w = &shape->window;

    return (struct side) { shape->height, w->kernel_h, w->stride_h,
                           w->dilation_h, w->pad_top,  w->pad_bottom };
}

static struct side side_of_columns(const struct kernel_shape *shape)
{
    const struct network_window *w = &shape->window;

    return (struct side) { shape->width,  w->kernel_w, w->stride_w,
                           w->dilation_w, w->pad_left, w->pad_right };
}

/* Places of the output; 0 if the window does not fit. */
static uint64_t side_out(const struct side *side)
{
    uint64_t padded = side->length + side->before + side->after;
    uint64_t reach = side->dilation * (side->kernel - 1) + 1;

    return padded < reach ? 0 : (padded - reach) / side->stride + 1;
}

static bool side_ok(const struct side *side)
{
    return side->length >= 1 && side->length <= UINT32_MAX && side->kernel >= 1 &&
           side->stride >= 1 && side->dilation >= 1 && side_out(side) >= 1;
}

enum status kernel_shape_check(const struct kernel_shape *shape)
{
    const struct side rows = side_of_rows(shape), columns = side_of_columns(shape);
    size_t fan_in;

    if (!side_ok(&rows) || !side_ok(&columns))
        return ST_RANGE;
    if (shape->channels == 0 || shape->n_out == 0 || shape->groups == 0 ||
        shape->channels > UINT32_MAX || shape->n_out > UINT32_MAX ||
        shape->channels % shape->groups != 0 || shape->n_out % shape->groups != 0)
        return ST_RANGE;
    if (__builtin_mul_overflow((size_t)rows.kernel, (size_t)columns.kernel, &fan_in) ||
        __builtin_mul_overflow(fan_in, shape->channels / shape->groups, &fan_in) ||
        fan_in > KERNEL_MAX_INPUTS)
        return ST_RANGE;
    return ST_OK;
}

size_t kernel_shape_height(const struct kernel_shape *shape)
{
    const struct side side = side_of_rows(shape);

    return (size_t)side_out(&side);
}

size_t kernel_shape_width(const struct kernel_shape *shape)
{
    const struct side side = side_of_columns(shape);

    return (size_t)side_out(&side);
}

size_t kernel_shape_fan_in(const struct kernel_shape *shape)
{
    return (size_t)shape->window.kernel_h * shape->window.kernel_w *
           (shape->channels / shape->groups);
}

static struct kernel_span span_at(const struct side *side, uint64_t place)
{
    uint64_t at = place * side->stride; /* of tap 0, counted with the padding */
    uint64_t end = side->before + side->length;
    uint64_t from = 0, to = 0;

    if (at < side->before)
        from = (side->before - at + side->dilation - 1) / side->dilation;
    if (at < end)
        to = (end - 1 - at) / side->dilation + 1;
    if (to > side->kernel)
        to = side->kernel;
    if (from >= to)
        return (struct kernel_span) { 0, 0 };
    return (struct kernel_span) { (uint32_t)from, (uint32_t)to };
}

struct kernel_span kernel_span_of_row(const struct kernel_shape *shape, size_t row)
{
    const struct side side = side_of_rows(shape);

    return span_at(&side, row);
}

struct kernel_span kernel_span_of_column(const struct kernel_shape *shape, size_t column)
{
    const struct side side = side_of_columns(shape);

    return span_at(&side, column);
}

static void fill_axis(struct kernel_axis *axis, const struct side *side)
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

static enum status axis_init(struct kernel_axis *axis, const struct side *side)
{
    struct kernel_axis made = { .n_out = (size_t)side_out(side) };

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
    const struct side side = side_of_rows(shape);

    return axis_init(axis, &side);
}

enum status kernel_axis_columns(struct kernel_axis *axis,
                                const struct kernel_shape *shape)
{
    const struct side side = side_of_columns(shape);

    return axis_init(axis, &side);
}

void kernel_axis_done(struct kernel_axis *axis)
{
    free(axis->class_of);
    free(axis->span);
    *axis = (struct kernel_axis) { 0 };
}
