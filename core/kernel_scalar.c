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
                           const int32_t m[KERNEL_LANES])
{
    uint64_t bits = 0;

    for (size_t lane = 0; lane < KERNEL_LANES; lane++)
        bits |= (uint64_t)(m[lane] <= rule->limit[block * KERNEL_LANES + lane]) << lane;
    return bits ^ rule->invert[block];
}

void kernel_fire_scalar(const struct kernel_matrix *w, const struct kernel_rule *rule,
                        const uint64_t *x, size_t n_x, size_t x_stride, uint64_t *ret_y,
                        size_t y_stride)
{
    for (size_t i = 0; i < n_x; i++) {
        uint64_t *y = ret_y + i * y_stride;

        for (size_t block = 0; block < w->n_blocks; block++) {
            int32_t m[KERNEL_LANES];
            size_t shift = block % KERNEL_LANES * KERNEL_LANES;

            count_block(w, block, x + i * x_stride, m);
            if (shift == 0)
                y[block / KERNEL_LANES] = 0;
            y[block / KERNEL_LANES] |= fire_block(rule, block, m) << shift;
        }
    }
}
