/* SPDX-License-Identifier: Apache-2.0 */
/* The reference: plain C, one block of eight outputs after the other. */
#include "core/kernel_isa.h"

static void count_block(const struct kernel_matrix *w, size_t block, const uint64_t *x,
                        int32_t m[KERNEL_LANES])
{
    const uint64_t *word = w->words + block * w->n_words * KERNEL_LANES;

    for (size_t lane = 0; lane < KERNEL_LANES; lane++)
        m[lane] = 0;
    for (size_t k = 0; k < w->n_words; k++) {
        for (size_t lane = 0; lane < KERNEL_LANES; lane++)
            m[lane] += __builtin_popcountll(x[k] ^ *word++);
    }
}

void kernel_counts_scalar(const struct kernel_matrix *w, const uint64_t *x, size_t n_x,
                          size_t x_stride, int32_t *ret_m)
{
    for (size_t i = 0; i < n_x; i++) {
        for (size_t block = 0; block < w->n_blocks; block++) {
            count_block(w, block, x + i * x_stride, ret_m);
            ret_m += KERNEL_LANES;
        }
    }
}

static uint64_t fire_block(const struct kernel_rule *rule, size_t block,
                           const int64_t m[KERNEL_LANES])
{
    uint64_t bits = 0;

    for (size_t lane = 0; lane < KERNEL_LANES; lane++)
        bits |= (uint64_t)(m[lane] <= rule->limit[block * KERNEL_LANES + lane]) << lane;
    return bits ^ rule->invert[block];
}

/* Sum of 2^b m_b over the n_planes rows from x on. */
static void weigh_block(const struct kernel_matrix *w, size_t block, const uint64_t *x,
                        size_t x_stride, size_t n_planes, int64_t sum[KERNEL_LANES])
{
    for (size_t lane = 0; lane < KERNEL_LANES; lane++)
        sum[lane] = 0;
    for (size_t b = n_planes; b-- > 0;) {
        int32_t m[KERNEL_LANES];

        count_block(w, block, x + b * x_stride, m);
        for (size_t lane = 0; lane < KERNEL_LANES; lane++)
            sum[lane] = 2 * sum[lane] + m[lane];
    }
}

static void fire(const struct kernel_matrix *w, const struct kernel_rule *rule,
                 const uint64_t *x, size_t n_x, size_t x_stride, size_t n_planes,
                 uint64_t *ret_y, size_t y_stride)
{
    for (size_t i = 0; i < n_x; i++) {
        uint64_t *y = ret_y + i * y_stride;

        for (size_t block = 0; block < w->n_blocks; block++) {
            int64_t sum[KERNEL_LANES];
            size_t shift = block % KERNEL_LANES * KERNEL_LANES;

            weigh_block(w, block, x + i * n_planes * x_stride, x_stride, n_planes, sum);
            if (shift == 0)
                y[block / KERNEL_LANES] = 0;
            y[block / KERNEL_LANES] |= fire_block(rule, block, sum) << shift;
        }
    }
}

void kernel_fire_scalar(const struct kernel_matrix *w, const struct kernel_rule *rule,
                        const uint64_t *x, size_t n_x, size_t x_stride, uint64_t *ret_y,
                        size_t y_stride)
{
    fire(w, rule, x, n_x, x_stride, 1, ret_y, y_stride);
}

void kernel_fire_planes_scalar(const struct kernel_matrix *w,
                               const struct kernel_rule *rule, const uint64_t *x,
                               size_t n_x, size_t x_stride, uint64_t *ret_y,
                               size_t y_stride)
{
    fire(w, rule, x, n_x, x_stride, KERNEL_PLANES, ret_y, y_stride);
}
