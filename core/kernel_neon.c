/* SPDX-License-Identifier: Apache-2.0 */
/* NEON: byte counts, widened now and then. A vector holds one input word of two outputs.
 */
#include "core/kernel_isa.h"

#include <arm_neon.h>

#define PAIRS (KERNEL_LANES / 2)
/* Words until a byte that grows by at most 8 each time could overflow. */
#define BYTE_WORDS 31

static void count_block(const struct kernel_matrix *w, size_t block, const uint64_t *x,
                        uint64_t m[KERNEL_LANES])
{
    const uint64_t *word = w->words + block * w->n_words * KERNEL_LANES;
    uint64x2_t sum[PAIRS] = { vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0),
                              vdupq_n_u64(0) };

    for (size_t k = 0; k < w->n_words;) {
        size_t end = w->n_words - k < BYTE_WORDS ? w->n_words : k + BYTE_WORDS;
        uint8x16_t bytes[PAIRS] = { vdupq_n_u8(0), vdupq_n_u8(0), vdupq_n_u8(0),
                                    vdupq_n_u8(0) };

        for (; k < end; k++) {
            uint64x2_t a = vdupq_n_u64(x[k]);

            for (size_t p = 0; p < PAIRS; p++) {
                uint64x2_t differing = veorq_u64(a, vld1q_u64(word + 2 * p));
                bytes[p] = vaddq_u8(bytes[p], vcntq_u8(vreinterpretq_u8_u64(differing)));
            }
            word += KERNEL_LANES;
        }
        for (size_t p = 0; p < PAIRS; p++)
            sum[p] = vpadalq_u32(sum[p], vpaddlq_u16(vpaddlq_u8(bytes[p])));
    }
    for (size_t p = 0; p < PAIRS; p++)
        vst1q_u64(m + 2 * p, sum[p]);
}

void kernel_counts_neon(const struct kernel_matrix *w, const uint64_t *x, size_t n_x,
                        size_t x_stride, int32_t *ret_m)
{
    for (size_t block = 0; block < w->n_blocks; block++) {
        for (size_t i = 0; i < n_x; i++) {
            uint64_t m[KERNEL_LANES];

            count_block(w, block, x + i * x_stride, m);
            for (size_t lane = 0; lane < KERNEL_LANES; lane++)
                ret_m[(i * w->n_blocks + block) * KERNEL_LANES + lane] = (int32_t)m[lane];
        }
    }
}

static uint64_t fire_block(const struct kernel_rule *rule, size_t block,
                           const uint64_t m[KERNEL_LANES])
{
    uint64_t bits = 0;

    for (size_t lane = 0; lane < KERNEL_LANES; lane++) {
        int64_t limit = rule->limit[block * KERNEL_LANES + lane];
        bits |= (uint64_t)((int64_t)m[lane] <= limit) << lane;
    }
    return bits ^ rule->invert[block];
}

void kernel_fire_neon(const struct kernel_matrix *w, const struct kernel_rule *rule,
                      const uint64_t *x, size_t n_x, size_t x_stride, uint64_t *ret_y,
                      size_t y_stride)
{
    for (size_t block = 0; block < w->n_blocks; block++) {
        size_t word = block / KERNEL_LANES;
        size_t shift = block % KERNEL_LANES * KERNEL_LANES;

        for (size_t i = 0; i < n_x; i++) {
            uint64_t m[KERNEL_LANES];
            uint64_t *y = ret_y + i * y_stride + word;

            count_block(w, block, x + i * x_stride, m);
            *y = (shift == 0 ? 0 : *y) | fire_block(rule, block, m) << shift;
        }
    }
}
