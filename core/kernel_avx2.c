/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2: a Harley-Seal tree of carry-save adders over eight words, counted by table
 * look-up.
 *
 * There is no vector popcount here, so it is worth paying five logic operations to halve
 * what must be counted, three times over. A vector holds one input word of four outputs,
 * half a block; counts of eight are kept per byte and summed per output now and then.
 */
#include "core/kernel_avx2.h"

/* Differing bits of an input word, broadcast, and the same word of four outputs. */
INLINE __m256i differing(const uint64_t *w, const uint64_t *x, size_t k)
{
    return _mm256_xor_si256(_mm256_set1_epi64x((long long)x[k]),
                            _mm256_load_si256((const __m256i *)(w + k * KERNEL_LANES)));
}

struct tree {
    __m256i ones, twos, fours;
};

/* Eight words into the tree; the bits that come out count eight each. */
INLINE __m256i tree_pass(struct tree *tree, const uint64_t *w, const uint64_t *x,
                         size_t k)
{
    __m256i two_a = add_two(&tree->ones, differing(w, x, k), differing(w, x, k + 1));
    __m256i two_b = add_two(&tree->ones, differing(w, x, k + 2), differing(w, x, k + 3));
    __m256i four_a = add_two(&tree->twos, two_a, two_b);
    __m256i two_c = add_two(&tree->ones, differing(w, x, k + 4), differing(w, x, k + 5));
    __m256i two_d = add_two(&tree->ones, differing(w, x, k + 6), differing(w, x, k + 7));
    __m256i four_b = add_two(&tree->twos, two_c, two_d);

    return add_two(&tree->fours, four_a, four_b);
}

/* Mismatches of one input with four outputs: w is the half block's first word. */
INLINE __m256i count_half(const uint64_t *w, const uint64_t *x, size_t n_words)
{
    const __m256i zero = _mm256_setzero_si256();
    struct tree tree = { zero, zero, zero };
    __m256i sum = zero;
    size_t k = 0;

    while (k + TREE_WORDS <= n_words) {
        __m256i eights = zero;

        for (unsigned pass = 0; pass < TREE_PASSES && k + TREE_WORDS <= n_words; pass++) {
            eights = _mm256_add_epi8(eights, count_bytes(tree_pass(&tree, w, x, k)));
            k += TREE_WORDS;
        }
        sum = _mm256_add_epi64(sum, sum_bytes(eights));
    }

    /* At most 7 * 8 + (1 + 2 + 4) * 8 in a byte: what is left, and what stayed behind. */
    __m256i rest = zero;
    for (; k < n_words; k++)
        rest = _mm256_add_epi8(rest, count_bytes(differing(w, x, k)));
    __m256i fours = count_bytes(tree.fours);
    __m256i twos = _mm256_add_epi8(count_bytes(tree.twos), _mm256_add_epi8(fours, fours));
    rest = _mm256_add_epi8(rest, count_bytes(tree.ones));
    rest = _mm256_add_epi8(rest, _mm256_add_epi8(twos, twos));
    return _mm256_add_epi64(_mm256_slli_epi64(sum, 3), sum_bytes(rest));
}

static void count_block(const struct kernel_matrix *w, size_t block, const uint64_t *x,
                        __m256i m[2])
{
    const uint64_t *words = w->words + block * w->n_words * KERNEL_LANES;

    m[0] = count_half(words, x, w->n_words);
    m[1] = count_half(words + KERNEL_LANES / 2, x, w->n_words);
}

void kernel_counts_avx2(const struct kernel_matrix *w, const uint64_t *x, size_t n_x,
                        size_t x_stride, int32_t *ret_m)
{
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);

    for (size_t block = 0; block < w->n_blocks; block++) {
        for (size_t i = 0; i < n_x; i++) {
            int32_t *m = ret_m + (i * w->n_blocks + block) * KERNEL_LANES;
            __m256i half[2];

            count_block(w, block, x + i * x_stride, half);
            for (size_t h = 0; h < 2; h++) {
                __m256i low = _mm256_permutevar8x32_epi32(half[h], even);
                _mm_storeu_si128((__m128i *)(m + 4 * h), _mm256_castsi256_si128(low));
            }
        }
    }
}

/* Four bits: which counts are above their limits. */
INLINE unsigned above(__m256i m, const int64_t *limit)
{
    __m256i bound = _mm256_loadu_si256((const __m256i *)limit);

    return (unsigned)_mm256_movemask_pd(
        _mm256_castsi256_pd(_mm256_cmpgt_epi64(m, bound)));
}

void kernel_fire_avx2(const struct kernel_matrix *w, const struct kernel_rule *rule,
                      const uint64_t *x, size_t n_x, size_t x_stride, uint64_t *ret_y,
                      size_t y_stride)
{
    kernel_clear_last(w, ret_y, n_x, y_stride);
    for (size_t block = 0; block < w->n_blocks; block++) {
        const int64_t *limit = rule->limit + block * KERNEL_LANES;

        for (size_t i = 0; i < n_x; i++) {
            __m256i m[2];

            count_block(w, block, x + i * x_stride, m);
            unsigned over = above(m[0], limit) | above(m[1], limit + 4) << 4;
            /* x86 is little endian: bit 8 b of a word vector is bit 0 of byte b. */
            ((uint8_t *)(ret_y + i * y_stride))[block] =
                (uint8_t)(~over ^ rule->invert[block]);
        }
    }
}
