/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what a convolution computes: pairs of which both sides exist. */
#ifndef TESTS_BENCH_INSIDE_H
#define TESTS_BENCH_INSIDE_H

#include "core/kernel_window.h"

/* Taps that hang over an edge are not counted. */
static inline double macs_inside(const struct kernel_shape *shape)
{
    double rows = 0.0, columns = 0.0;

    for (size_t r = 0; r < kernel_shape_height(shape); r++) {
        struct kernel_span span = kernel_span_of_row(shape, r);
        rows += span.to - span.from;
    }
    for (size_t c = 0; c < kernel_shape_width(shape); c++) {
        struct kernel_span span = kernel_span_of_column(shape, c);
        columns += span.to - span.from;
    }
    return rows * columns * (double)(shape->channels / shape->groups) *
           (double)shape->n_out;
}

#endif
