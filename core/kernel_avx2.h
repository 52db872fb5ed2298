/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_avx2.h - what both AVX2 kernels count bits with: a carry-save adder tree over
 * eight words, and bytes counted by table.
 */
#ifndef CORE_KERNEL_AVX2_H
#define CORE_KERNEL_AVX2_H

#include "core/kernel_isa.h"

#include <immintrin.h>

/* Words to one pass through the tree. */
#define TREE_WORDS 8
/* Passes until a byte that grows by at most 8 each time could overflow. */
#define TREE_PASSES 31

/* Number of ones in each byte, `weight` for each; at most 8 * weight. */
INLINE __m256i count_bytes_by(__m256i v, char weight)
{
#define W(n) (char)((n)*weight)
    const __m256i table =
        _mm256_setr_epi8(W(0), W(1), W(1), W(2), W(1), W(2), W(2), W(3), W(1), W(2), W(2),
                         W(3), W(2), W(3), W(3), W(4), W(0), W(1), W(1), W(2), W(1), W(2),
                         W(2), W(3), W(1), W(2), W(2), W(3), W(2), W(3), W(3), W(4));
#undef W
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i low = _mm256_and_si256(v, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble);

    return _mm256_add_epi8(_mm256_shuffle_epi8(table, low),
                           _mm256_shuffle_epi8(table, high));
}

INLINE __m256i count_bytes(__m256i v)
{
    return count_bytes_by(v, 1);
}

/* Sum of the bytes of each output. */
INLINE __m256i sum_bytes(__m256i v)
{
    return _mm256_sad_epu8(v, _mm256_setzero_si256());
}

/* Adds x and y to `ones` and returns the carries. */
INLINE __m256i add_two(__m256i *ones, __m256i x, __m256i y)
{
    __m256i half = _mm256_xor_si256(*ones, x);
    __m256i carry =
        _mm256_or_si256(_mm256_and_si256(*ones, x), _mm256_and_si256(half, y));

    *ones = _mm256_xor_si256(half, y);
    return carry;
}

#endif
