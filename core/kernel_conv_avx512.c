/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 with VPOPCNTDQ: maps through a window.
 *
 * The inner loops are those of kernel_avx512.c: tiles of two places side by side x four
 * blocks, `plain` or with a carry-save adder. What differs is where an input word comes
 * from: a table of offsets from the window's first word, read once for the whole tile, so
 * that a word of the last tap of one row can share an adder with the first of the next.
 * Only places whose window hangs over the left or right edge are done one by one.
 */
#include "core/cpu.h"
#include "core/kernel_conv.h"
#include "core/kernel_isa.h"
#include "core/kernel_pixels.h"
#include "core/kernel_reals.h"

#include <immintrin.h>
#include <string.h>

/* -- Bits -- */

#define TILE_PLACES 2
#define TILE_BLOCKS 4
#define TILE_CELLS  (TILE_PLACES * TILE_BLOCKS)

#define XOR3 0x96
/* Of (ones, t, s): see kernel_avx512.c. */
#define CARRY 0x74

struct tile {
    const uint64_t *w; /* of the first block */
    size_t w_block;    /* words from block to block */
    const uint64_t *x; /* tap 0 of the first place */
    size_t x_step;     /* words from place to place */
    const size_t *offset;
    size_t n_places, n_blocks;
};

INLINE __m512i weights(const struct tile *tile, size_t block, size_t k)
{
    return _mm512_load_si512(tile->w + block * tile->w_block + k * KERNEL_LANES);
}

INLINE __m512i input(const struct tile *tile, size_t place, size_t k)
{
    return _mm512_set1_epi64((long long)tile->x[tile->offset[k] + place * tile->x_step]);
}

/* Word k of all cells, counted as it is. */
INLINE void add_word(const struct tile *tile, size_t k, __m512i sum[TILE_CELLS])
{
    __m512i a[TILE_PLACES];

    UNROLL for (size_t i = 0; i < tile->n_places; i++) a[i] = input(tile, i, k);
    UNROLL for (size_t b = 0; b < tile->n_blocks; b++)
    {
        __m512i v = weights(tile, b, k);

        UNROLL for (size_t i = 0; i < tile->n_places; i++)
        {
            __m512i *cell = &sum[i * tile->n_blocks + b];
            *cell =
                _mm512_add_epi64(*cell, _mm512_popcnt_epi64(_mm512_xor_si512(a[i], v)));
        }
    }
}

/* Words k and k + 1 through the adders, or word k alone. */
INLINE void add_words(const struct tile *tile, size_t k, bool two,
                      __m512i sum[TILE_CELLS], __m512i ones[TILE_CELLS])
{
    __m512i a[TILE_PLACES], a1[TILE_PLACES];

    UNROLL for (size_t i = 0; i < tile->n_places; i++)
    {
        a[i] = input(tile, i, k);
        a1[i] = two ? input(tile, i, k + 1) : _mm512_setzero_si512();
    }
    UNROLL for (size_t b = 0; b < tile->n_blocks; b++)
    {
        __m512i v = weights(tile, b, k);
        __m512i v1 = two ? weights(tile, b, k + 1) : _mm512_setzero_si512();

        UNROLL for (size_t i = 0; i < tile->n_places; i++)
        {
            size_t c = i * tile->n_blocks + b;
            __m512i t = _mm512_ternarylogic_epi64(a[i], ones[c], v, XOR3);
            __m512i s = two ? _mm512_ternarylogic_epi64(a1[i], t, v1, XOR3) : t;
            __m512i carry = _mm512_ternarylogic_epi64(ones[c], t, s, CARRY);

            sum[c] = _mm512_add_epi64(sum[c], _mm512_popcnt_epi64(carry));
            ones[c] = s;
        }
    }
}

/* The first word, or the first two, into empty adders. */
INLINE void first_words(const struct tile *tile, size_t k, bool two,
                        __m512i sum[TILE_CELLS], __m512i ones[TILE_CELLS])
{
    UNROLL for (size_t i = 0; i < tile->n_places; i++)
    {
        __m512i a = input(tile, i, k);
        __m512i a1 = two ? input(tile, i, k + 1) : a;

        UNROLL for (size_t b = 0; b < tile->n_blocks; b++)
        {
            size_t c = i * tile->n_blocks + b;
            __m512i t = _mm512_xor_si512(a, weights(tile, b, k));

            ones[c] = t;
            if (two) {
                ones[c] = _mm512_ternarylogic_epi64(a1, t, weights(tile, b, k + 1), XOR3);
                sum[c] = _mm512_popcnt_epi64(_mm512_andnot_si512(ones[c], t));
            }
        }
    }
}

INLINE void sums_plain(const struct tile *tile, const struct kernel_walk *walk,
                       __m512i sum[TILE_CELLS])
{
    for (size_t r = 0; r < walk->n_rows; r++) {
        size_t k = walk->from + r * walk->row_step, end = k + walk->run;

        for (; k < end; k++)
            add_word(tile, k, sum);
    }
}

INLINE void sums_csa(const struct tile *tile, const struct kernel_walk *walk,
                     __m512i sum[TILE_CELLS])
{
    __m512i ones[TILE_CELLS];
    size_t done = 2 - walk->run % 2; /* of the first stretch */

    if (walk->run == 0)
        return;
    if (done == 2)
        first_words(tile, walk->from, true, sum, ones);
    else
        first_words(tile, walk->from, false, sum, ones);
    for (size_t r = 0; r < walk->n_rows; r++, done = 0) {
        size_t k = walk->from + r * walk->row_step, end = k + walk->run;

        for (k += done; k + 1 < end; k += 2)
            add_words(tile, k, true, sum, ones);
        if (k < end)
            add_words(tile, k, false, sum, ones);
    }
    UNROLL for (size_t c = 0; c < tile->n_places * tile->n_blocks; c++) sum[c] =
        _mm512_add_epi64(_mm512_add_epi64(sum[c], sum[c]), _mm512_popcnt_epi64(ones[c]));
}

INLINE void put_bits(const struct kernel_conv_job *job, size_t place, size_t class,
                     size_t block, size_t n_blocks, const __m512i *sum)
{
    const int64_t *limit = job->limit + class * job->class_stride + block * KERNEL_LANES;
    /* x86 is little endian: bit 8 b of a word vector is bit 0 of byte b. */
    uint8_t *y = (uint8_t *)(job->y + place * job->y_place) + job->y_block + block;
    uint32_t bits = 0, invert = 0;

    UNROLL for (size_t b = 0; b < n_blocks; b++)
    {
        __m512i bound = _mm512_loadu_si512(limit + b * KERNEL_LANES);
        bits |= (uint32_t)_cvtmask8_u32(_mm512_cmple_epi64_mask(sum[b], bound))
                << (b * KERNEL_LANES);
    }
    memcpy(&invert, job->invert + block, n_blocks);
    bits ^= invert;
    memcpy(y, &bits, n_blocks);
}

/* All places of the tile, block by block: what belongs to outputs is loaded once. */
INLINE void put_sums(const struct kernel_conv_job *job, const struct tile *tile,
                     size_t place, size_t class, size_t block, const __m512i *sum)
{
    const int32_t *top = job->top + class * job->class_stride + block * KERNEL_LANES;

    UNROLL for (size_t b = 0; b < tile->n_blocks; b++)
    {
        size_t j = (block + b) * KERNEL_LANES, left = job->conv->n_out - j;
        __mmask8 used = (__mmask8)(left >= KERNEL_LANES ? 0xFFU : (1U << left) - 1);
        __m512i full = _mm512_cvtepi32_epi64(
            _mm256_loadu_si256((const __m256i *)(top + b * KERNEL_LANES)));
        __m512d scale = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(used, job->scale + j));
        __m512d bias = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(used, job->bias + j));

        UNROLL for (size_t i = 0; i < tile->n_places; i++)
        {
            __m512i m = sum[i * tile->n_blocks + b];
            __m512i s = _mm512_sub_epi64(full, _mm512_add_epi64(m, m));
            __m512d y = _mm512_add_pd(_mm512_mul_pd(scale, _mm512_cvtepi64_pd(s)), bias);

            _mm256_mask_storeu_ps(job->scaled + (place + i) * job->scaled_place + j, used,
                                  _mm512_cvtpd_ps(y));
        }
    }
}

INLINE void run_tile(const struct kernel_conv_job *job, struct tile tile,
                     const struct kernel_walk *walk, size_t place, size_t block, bool csa,
                     bool fire)
{
    __m512i sum[TILE_CELLS];

    /* Tap 0 may lie outside the map, where no pointer may be made by addition. */
    tile.x = (const uint64_t *)((uintptr_t)job->x + walk->base * sizeof(uint64_t));
    UNROLL for (size_t c = 0; c < tile.n_places * tile.n_blocks; c++) sum[c] =
        _mm512_setzero_si512();
    if (csa)
        sums_csa(&tile, walk, sum);
    else
        sums_plain(&tile, walk, sum);
    if (!fire) {
        put_sums(job, &tile, place, walk->class, block, sum);
        return;
    }
    UNROLL for (size_t i = 0; i < tile.n_places; i++) put_bits(
        job, place + i, walk->class, block, tile.n_blocks, sum + i * tile.n_blocks);
}

/* All places with n_blocks blocks, whose weights stay in L1 meanwhile. */
INLINE void run_blocks(const struct kernel_conv_job *job, size_t block, size_t n_blocks,
                       bool csa, bool fire)
{
    const struct kernel_conv *conv = job->conv;
    size_t n_columns = conv->columns.n_out;
    struct tile one = {
        .w = job->words + block * conv->n_words * KERNEL_LANES,
        .w_block = conv->n_words * KERNEL_LANES,
        .x_step = conv->shape.window.stride_w * conv->x_place,
        .offset = conv->offset,
        .n_places = 1,
        .n_blocks = n_blocks,
    };
    struct tile more = one;

    more.n_places = TILE_PLACES;
    for (size_t place = 0, row = 0; row < conv->rows.n_out; row++) {
        for (size_t column = 0; column < n_columns; column++, place++) {
            struct kernel_walk walk = kernel_conv_walk(conv, row, column);

            while (column >= conv->columns.inner_from &&
                   column + TILE_PLACES <= conv->columns.inner_to) {
                run_tile(job, more, &walk, place, block, csa, fire);
                walk.base += TILE_PLACES * one.x_step;
                column += TILE_PLACES;
                place += TILE_PLACES;
            }
            if (column == n_columns)
                break;
            if (column >= conv->columns.inner_to)
                walk = kernel_conv_walk(conv, row, column);
            run_tile(job, one, &walk, place, block, csa, fire);
        }
    }
}

INLINE void run(const struct kernel_conv_job *job, bool csa, bool fire)
{
    size_t block = 0;

    for (; block + TILE_BLOCKS <= job->conv->n_blocks; block += TILE_BLOCKS)
        run_blocks(job, block, TILE_BLOCKS, csa, fire);
    for (; block < job->conv->n_blocks; block++)
        run_blocks(job, block, 1, csa, fire);
}

void kernel_conv_avx512(const struct kernel_conv_job *job)
{
    if (job->limit != NULL)
        run(job, false, true);
    else
        run(job, false, false);
}

void kernel_conv_avx512_csa(const struct kernel_conv_job *job)
{
    if (job->limit != NULL)
        run(job, true, true);
    else
        run(job, true, false);
}

/* -- Pixels -- */

/* Every CPU with VPOPCNTDQ that we know has VNNI too. */
void kernel_pixels_avx512(const struct kernel_pixels_job *job)
{
    if (cpu_has_avx512_vnni())
        kernel_pixels_vnni(job);
    else
        kernel_pixels_avx2(job);
}

/* -- Reals -- */

#define REAL_PLACES 4
#define REAL_BLOCKS 4

/* n_places places side by side x n_blocks blocks of 16 outputs. */
INLINE void real_tile(const struct kernel_reals_job *job, const struct kernel_walk *walk,
                      size_t place, size_t block, size_t n_places, size_t n_blocks)
{
    const struct kernel_reals *r = job->r;
    const float *w = job->weights + block * r->n_in * KERNEL_REALS_LANES;
    size_t w_block = r->n_in * KERNEL_REALS_LANES;
    size_t x_step = r->shape.window.stride_w * r->shape.channels;
    __m512 sum[REAL_PLACES * REAL_BLOCKS];

    UNROLL for (size_t c = 0; c < n_places * n_blocks; c++) sum[c] = _mm512_setzero_ps();
    for (size_t row = 0; row < walk->n_rows; row++) {
        size_t k = walk->from + row * walk->row_step, end = k + walk->run;

        for (; k < end; k++) {
            const size_t at = walk->base + r->offset[k];
            __m512 v[REAL_BLOCKS];

            UNROLL for (size_t b = 0; b < n_blocks; b++) v[b] =
                _mm512_load_ps(w + b * w_block + k * KERNEL_REALS_LANES);
            UNROLL for (size_t i = 0; i < n_places; i++)
            {
                __m512 a = _mm512_set1_ps(job->x[at + i * x_step]);

                UNROLL for (size_t b = 0; b < n_blocks; b++)
                {
                    __m512 *cell = &sum[i * n_blocks + b];
                    *cell = _mm512_add_ps(*cell, _mm512_mul_ps(v[b], a));
                }
            }
        }
    }
    UNROLL for (size_t b = 0; b < n_blocks; b++)
    {
        size_t first = (block + b) * KERNEL_REALS_LANES, left = r->n_out - first;
        __mmask16 used =
            (__mmask16)(left >= KERNEL_REALS_LANES ? 0xFFFFU : (1U << left) - 1);
        __m512 bias = _mm512_loadu_ps(job->bias + first);

        UNROLL for (size_t i = 0; i < n_places; i++)
            _mm512_mask_storeu_ps(job->y + (place + i) * r->shape.n_out + first, used,
                                  _mm512_add_ps(sum[i * n_blocks + b], bias));
    }
}

INLINE void real_blocks(const struct kernel_reals_job *job, size_t block, size_t n_blocks)
{
    const struct kernel_reals *r = job->r;
    size_t n_columns = r->columns.n_out;

    for (size_t row = 0; row < r->rows.n_out; row++) {
        for (size_t column = 0; column < n_columns;) {
            const struct kernel_walk walk = kernel_reals_walk(r, row, column);
            size_t place = row * n_columns + column;

            if (column >= r->columns.inner_from &&
                column + REAL_PLACES <= r->columns.inner_to) {
                real_tile(job, &walk, place, block, REAL_PLACES, n_blocks);
                column += REAL_PLACES;
            } else {
                real_tile(job, &walk, place, block, 1, n_blocks);
                column++;
            }
        }
    }
}

void kernel_reals_avx512(const struct kernel_reals_job *job)
{
    size_t block = 0;

    for (; block + REAL_BLOCKS <= job->r->n_blocks; block += REAL_BLOCKS)
        real_blocks(job, block, REAL_BLOCKS);
    for (; block < job->r->n_blocks; block++)
        real_blocks(job, block, 1);
}
