/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 with VPOPCNTDQ: two kernels over register tiles of images x blocks.
 *
 * A vector holds one input word of eight outputs; the input word is broadcast, so no sum
 * is ever folded across lanes. `plain` counts each vector: xor, count, add. `csa` runs
 * two vectors through a carry-save adder first and counts the carries alone: the xor with
 * the input folds into the adder's three-way xor, and five instructions do for two
 * vectors. Which one is faster depends on the CPU; core/README.md has the figures.
 */
#include "core/kernel_isa.h"

#include <immintrin.h>

/* Tiles: 2 x 4 keeps all sums, broadcasts and weights in registers and loads off the
 * critical path. */
#define TILE_IMAGES 2
#define TILE_BLOCKS 4
#define TILE_CELLS  (TILE_IMAGES * TILE_BLOCKS)

/* The tile's loops must be gone before registers are assigned. */

#define XOR3 0x96
/* Of (ones, t, s): t ? ~s : ones. The majority of ones and two inputs x and y where
 * t = ones ^ x and s = t ^ y: if t is 0, ones equals x and decides; else y does. */
#define CARRY 0x74

struct tile {
    const uint64_t *w; /* first block */
    size_t n_words;
    const uint64_t *x; /* first image */
    size_t x_stride;
};

INLINE __m512i weights(const struct tile *tile, size_t block, size_t k)
{
    return _mm512_load_si512(tile->w + (block * tile->n_words + k) * KERNEL_LANES);
}

INLINE __m512i input(const struct tile *tile, size_t image, size_t k)
{
    return _mm512_set1_epi64((long long)tile->x[image * tile->x_stride + k]);
}

INLINE void sums_plain(const struct tile *tile, size_t n_images, size_t n_blocks,
                       size_t from, __m512i sum[TILE_CELLS])
{
    for (size_t k = from; k < tile->n_words; k++) {
        __m512i a[TILE_CELLS];

        UNROLL for (size_t i = 0; i < n_images; i++) a[i] = input(tile, i, k);
        UNROLL for (size_t b = 0; b < n_blocks; b++)
        {
            __m512i v = weights(tile, b, k);

            UNROLL for (size_t i = 0; i < n_images; i++)
            {
                __m512i *cell = &sum[i * n_blocks + b];
                *cell = _mm512_add_epi64(*cell,
                                         _mm512_popcnt_epi64(_mm512_xor_si512(a[i], v)));
            }
        }
    }
}

INLINE size_t sums_csa(const struct tile *tile, size_t n_images, size_t n_blocks,
                       __m512i sum[TILE_CELLS])
{
    __m512i ones[TILE_CELLS];
    size_t k;

    UNROLL for (size_t c = 0; c < n_images * n_blocks; c++) ones[c] =
        _mm512_setzero_si512();
    for (k = 0; k + 1 < tile->n_words; k += 2) {
        __m512i a[TILE_CELLS], a1[TILE_CELLS];

        UNROLL for (size_t i = 0; i < n_images; i++)
        {
            a[i] = input(tile, i, k);
            a1[i] = input(tile, i, k + 1);
        }
        UNROLL for (size_t b = 0; b < n_blocks; b++)
        {
            __m512i v = weights(tile, b, k), v1 = weights(tile, b, k + 1);

            UNROLL for (size_t i = 0; i < n_images; i++)
            {
                size_t c = i * n_blocks + b;
                __m512i t = _mm512_ternarylogic_epi64(a[i], ones[c], v, XOR3);
                __m512i s = _mm512_ternarylogic_epi64(a1[i], t, v1, XOR3);
                __m512i carry = _mm512_ternarylogic_epi64(ones[c], t, s, CARRY);

                sum[c] = _mm512_add_epi64(sum[c], _mm512_popcnt_epi64(carry));
                ones[c] = s;
            }
        }
    }
    UNROLL for (size_t c = 0; c < n_images * n_blocks; c++) sum[c] =
        _mm512_add_epi64(_mm512_slli_epi64(sum[c], 1), _mm512_popcnt_epi64(ones[c]));
    return k;
}

/* One product: all images, all blocks. `rule` NULL: counts. */
struct product {
    const struct kernel_matrix *w;
    const struct kernel_rule *rule;
    const uint64_t *x;
    size_t n_x, x_stride;
    int32_t *m;
    uint64_t *y;
    size_t y_stride;
};

INLINE void put_counts(const struct product *p, size_t image, size_t block, __m512i sum)
{
    int32_t *m = p->m + (image * p->w->n_blocks + block) * KERNEL_LANES;

    _mm256_storeu_si256((__m256i *)m, _mm512_cvtepi64_epi32(sum));
}

INLINE void put_bits(const struct product *p, size_t image, size_t block, __m512i sum)
{
    __m512i limit = _mm512_loadu_si512(p->rule->limit + block * KERNEL_LANES);
    unsigned bits = _cvtmask8_u32(_mm512_cmple_epi64_mask(sum, limit));

    /* x86 is little endian: bit 8 b of a word vector is bit 0 of byte b. */
    ((uint8_t *)(p->y + image * p->y_stride))[block] =
        (uint8_t)(bits ^ p->rule->invert[block]);
}

/* Mismatches of n_images rows of x from `row` on with n_blocks blocks. */
INLINE void count_tile(const struct product *p, size_t row, size_t block, size_t n_images,
                       size_t n_blocks, bool csa, __m512i sum[TILE_CELLS])
{
    const struct tile tile = {
        .w = p->w->words + block * p->w->n_words * KERNEL_LANES,
        .n_words = p->w->n_words,
        .x = p->x + row * p->x_stride,
        .x_stride = p->x_stride,
    };
    size_t from = 0;

    UNROLL for (size_t c = 0; c < n_images * n_blocks; c++) sum[c] =
        _mm512_setzero_si512();
    if (csa)
        from = sums_csa(&tile, n_images, n_blocks, sum);
    sums_plain(&tile, n_images, n_blocks, from, sum);
}

INLINE void run_tile(const struct product *p, size_t image, size_t block, size_t n_images,
                     size_t n_blocks, bool csa, bool fire)
{
    __m512i sum[TILE_CELLS];

    count_tile(p, image, block, n_images, n_blocks, csa, sum);
    UNROLL for (size_t i = 0; i < n_images; i++)
    {
        UNROLL for (size_t b = 0; b < n_blocks; b++)
        {
            if (fire)
                put_bits(p, image + i, block + b, sum[i * n_blocks + b]);
            else
                put_counts(p, image + i, block + b, sum[i * n_blocks + b]);
        }
    }
}

/* All images with `n_blocks` blocks, whose weights stay in L1 meanwhile. */
INLINE void run_blocks(const struct product *p, size_t block, size_t n_blocks, bool csa,
                       bool fire)
{
    size_t image = 0;

    for (; image + TILE_IMAGES <= p->n_x; image += TILE_IMAGES)
        run_tile(p, image, block, TILE_IMAGES, n_blocks, csa, fire);
    if (image < p->n_x)
        run_tile(p, image, block, 1, n_blocks, csa, fire);
}

INLINE void run(const struct product *p, bool csa, bool fire)
{
    size_t block = 0;

    for (; block + TILE_BLOCKS <= p->w->n_blocks; block += TILE_BLOCKS)
        run_blocks(p, block, TILE_BLOCKS, csa, fire);
    for (; block < p->w->n_blocks; block++)
        run_blocks(p, block, 1, csa, fire);
}

#define DEFINE_KERNEL(isa, csa)                                                          \
    void kernel_counts_##isa(const struct kernel_matrix *w, const uint64_t *x,           \
                             size_t n_x, size_t x_stride, int32_t *ret_m)                \
    {                                                                                    \
        const struct product p = { w, NULL, x, n_x, x_stride, ret_m, NULL, 0 };          \
        run(&p, csa, false);                                                             \
    }                                                                                    \
    void kernel_fire_##isa(const struct kernel_matrix *w,                                \
                           const struct kernel_rule *rule, const uint64_t *x,            \
                           size_t n_x, size_t x_stride, uint64_t *ret_y,                 \
                           size_t y_stride)                                              \
    {                                                                                    \
        const struct product p = { w, rule, x, n_x, x_stride, NULL, ret_y, y_stride };   \
        kernel_clear_last(w, ret_y, n_x, y_stride);                                      \
        run(&p, csa, true);                                                              \
    }

DEFINE_KERNEL(avx512, false)
DEFINE_KERNEL(avx512_csa, true)
