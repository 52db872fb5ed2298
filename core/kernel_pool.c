/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel_pool.h"

#include "core/bits.h"
#include "core/kernel_window.h"

/* The usual one: no borders, four words to one. */
static void pool_2x2(size_t n_rows, size_t n_columns, size_t width, size_t n_words,
                     const uint64_t *mask, const uint64_t *x, uint64_t *restrict y)
{
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t c = 0; c < n_columns; c++, y += n_words) {
            const uint64_t *top = x + (2 * r * width + 2 * c) * n_words;
            const uint64_t *low = top + width * n_words;

            for (size_t k = 0; k < n_words; k++) {
                uint64_t any = top[k] | top[k + n_words] | low[k] | low[k + n_words];
                uint64_t all = top[k] & top[k + n_words] & low[k] & low[k + n_words];
                y[k] = any ^ ((any ^ all) & mask[k]);
            }
        }
    }
}

static void pool_place(struct kernel_span rows, struct kernel_span columns,
                       const struct network_window *window, size_t width, size_t n_words,
                       const uint64_t *mask, const uint64_t *x, size_t base, uint64_t *y)
{
    for (size_t k = 0; k < n_words; k++) {
        uint64_t any = 0, all = ~UINT64_C(0);

        for (size_t r = rows.from; r < rows.to; r++) {
            for (size_t c = columns.from; c < columns.to; c++) {
                size_t place =
                    base + r * window->dilation_h * width + c * window->dilation_w;
                any |= x[place * n_words + k];
                all &= x[place * n_words + k];
            }
        }
        /* Without a tap inside any is 0; with one all has no padding bits. */
        y[k] = any ^ ((any ^ (all & any)) & mask[k]);
    }
}

void kernel_pool_bits(const struct network_window *window, size_t height, size_t width,
                      size_t channels, const uint64_t *and_mask, const uint64_t *x,
                      uint64_t *ret_y)
{
    const struct kernel_shape shape = { height, width, channels, channels, 1, *window };
    size_t n_words = bits_words(channels);
    size_t n_rows = kernel_shape_height(&shape), n_columns = kernel_shape_width(&shape);

    if (window->kernel_h == 2 && window->kernel_w == 2 && window->stride_h == 2 &&
        window->stride_w == 2 && window->dilation_h == 1 && window->dilation_w == 1 &&
        window->pad_top == 0 && window->pad_left == 0 && n_rows * 2 <= height &&
        n_columns * 2 <= width) {
        pool_2x2(n_rows, n_columns, width, n_words, and_mask, x, ret_y);
        return;
    }
    for (size_t r = 0; r < n_rows; r++) {
        struct kernel_span rows = kernel_span_of_row(&shape, r);

        for (size_t c = 0; c < n_columns; c++, ret_y += n_words) {
            struct kernel_span columns = kernel_span_of_column(&shape, c);
            size_t base = (r * window->stride_h - window->pad_top) * width +
                          c * window->stride_w - window->pad_left;

            pool_place(rows, columns, window, width, n_words, and_mask, x, base, ret_y);
        }
    }
}
