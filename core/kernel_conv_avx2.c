/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2: maps through a window. Bits are counted as in kernel_avx2.c, by a tree of
 * carry-save adders over eight words and table look-up; pixels by multiplying bytes into
 * 16-bit sums. */
#include "core/kernel_avx2.h"
#include "core/kernel_conv.h"
#include "core/kernel_pixels.h"
#include "core/kernel_reals.h"

#include <immintrin.h>
#include <string.h>

/* -- Bits -- */

/* Four outputs of one place. */
struct half {
    const uint64_t *w;
    const uint64_t *x; /* tap 0 of the window */
    const size_t *offset;
};

INLINE __m256i differing(const struct half *h, size_t k)
{
    return _mm256_xor_si256(
        _mm256_set1_epi64x((long long)h->x[h->offset[k]]),
        _mm256_load_si256((const __m256i *)(h->w + k * KERNEL_LANES)));
}

struct tree {
    __m256i ones, twos, fours;
};

/* Adds two words and returns the carries. */
INLINE __m256i add_words(struct tree *tree, const struct half *h, size_t k)
{
    return add_two(&tree->ones, differing(h, k), differing(h, k + 1));
}

/* Four words; the bits that come out count four each. */
INLINE __m256i add_four(struct tree *tree, const struct half *h, size_t k)
{
    __m256i two_a = add_words(tree, h, k), two_b = add_words(tree, h, k + 2);

    return add_two(&tree->twos, two_a, two_b);
}

/* Eight words; the bits that come out count eight each. */
INLINE __m256i add_eight(struct tree *tree, const struct half *h, size_t k)
{
    __m256i four_a = add_four(tree, h, k), four_b = add_four(tree, h, k + 4);

    return add_two(&tree->fours, four_a, four_b);
}

/* The tree of n words, fewer than eight: an empty tree has room for seven. */
INLINE struct tree tree_of(const struct half *h, size_t k, size_t n)
{
    const __m256i zero = _mm256_setzero_si256();
    struct tree tree = { zero, zero, zero };

    if (n % 2 != 0)
        tree.ones = differing(h, k++);
    if (n >= 2)
        tree.twos = add_words(&tree, h, k);
    if (n >= 4) {
        __m256i two = add_words(&tree, h, k + 2);
        tree.fours = add_two(&tree.twos, two, n >= 6 ? add_words(&tree, h, k + 4) : zero);
    }
    return tree;
}

/* 8 eights + 4 fours + 2 twos + ones, byte by byte. */
INLINE __m256i weigh(__m256i ones, __m256i twos, __m256i fours, __m256i eights)
{
    fours = _mm256_add_epi8(fours, _mm256_add_epi8(eights, eights));
    twos = _mm256_add_epi8(twos, _mm256_add_epi8(fours, fours));
    return _mm256_add_epi8(ones, _mm256_add_epi8(twos, twos));
}

/* What a byte can hold: every bit of 31 words. */
#define BYTE_WORDS 31

/* At most BYTE_WORDS words in a row: their counts fit into one byte each, weighed where
 * they are looked up. */
INLINE __m256i count_short(const struct half *h, size_t k, size_t n)
{
    struct tree tree = tree_of(h, k, n % TREE_WORDS);
    __m256i sum = _mm256_setzero_si256();
    size_t end = k + n;

    for (k += n % TREE_WORDS; k < end; k += TREE_WORDS)
        sum = _mm256_add_epi8(sum, count_bytes_by(add_eight(&tree, h, k), 8));
    sum = _mm256_add_epi8(sum, count_bytes_by(tree.fours, 4));
    sum = _mm256_add_epi8(sum, count_bytes_by(tree.twos, 2));
    return sum_bytes(_mm256_add_epi8(sum, count_bytes(tree.ones)));
}

/* Mismatches of the words of `walk` with four outputs. */
INLINE __m256i count_long(const struct half *h, const struct kernel_walk *walk)
{
    const __m256i zero = _mm256_setzero_si256();
    struct tree tree = tree_of(h, walk->from, walk->run % TREE_WORDS);
    size_t done = walk->run % TREE_WORDS; /* of the first stretch */
    __m256i sum = zero, rest = zero;

    for (size_t r = 0; r < walk->n_rows; r++, done = 0) {
        size_t k = walk->from + r * walk->row_step, end = k + walk->run;
        __m256i ones = zero, fours = zero;

        k += done;
        while (k + TREE_WORDS <= end) {
            __m256i eights = zero;

            for (unsigned pass = 0; pass < TREE_PASSES && k + TREE_WORDS <= end; pass++) {
                eights = _mm256_add_epi8(eights, count_bytes(add_eight(&tree, h, k)));
                k += TREE_WORDS;
            }
            sum = _mm256_add_epi64(sum, sum_bytes(eights));
        }
        if (k == end)
            continue;
        /* At most 8 * 4 and 3 * 8 in a byte. */
        if (k + TREE_WORDS / 2 <= end) {
            fours = count_bytes(add_four(&tree, h, k));
            k += TREE_WORDS / 2;
        }
        for (; k < end; k++)
            ones = _mm256_add_epi8(ones, count_bytes(differing(h, k)));
        rest = _mm256_add_epi64(rest, sum_bytes(weigh(ones, zero, fours, zero)));
    }

    /* At most (1 + 2 + 4) * 8. */
    __m256i last = weigh(count_bytes(tree.ones), count_bytes(tree.twos),
                         count_bytes(tree.fours), zero);
    sum = _mm256_add_epi64(_mm256_slli_epi64(sum, 3), sum_bytes(last));
    return _mm256_add_epi64(sum, rest);
}

/* n: words in one row, known when this is compiled; 0: whatever the walk says. */
INLINE __m256i count_half(const struct half *h, const struct kernel_walk *walk, size_t n)
{
    if (n != 0)
        return count_short(h, walk->from, n);
    if (walk->n_rows == 1 && walk->run <= BYTE_WORDS)
        return count_short(h, walk->from, walk->run);
    return count_long(h, walk);
}

/* Four bits: which counts are above their limits. */
INLINE unsigned above(__m256i m, const int64_t *limit)
{
    __m256i bound = _mm256_loadu_si256((const __m256i *)limit);

    return (unsigned)_mm256_movemask_pd(
        _mm256_castsi256_pd(_mm256_cmpgt_epi64(m, bound)));
}

INLINE void put_bits(const struct kernel_conv_job *job, size_t place, size_t class,
                     size_t block, const __m256i m[2])
{
    const int64_t *limit = job->limit + class * job->class_stride + block * KERNEL_LANES;
    unsigned over = above(m[0], limit) | above(m[1], limit + 4) << 4;

    /* x86 is little endian: bit 8 b of a word vector is bit 0 of byte b. */
    ((uint8_t *)(job->y + place * job->y_place))[job->y_block + block] =
        (uint8_t)(~over ^ job->invert[block]);
}

INLINE void put_sums(const struct kernel_conv_job *job, size_t place, size_t class,
                     size_t block, const __m256i m[2])
{
    const int32_t *top = job->top + class * job->class_stride + block * KERNEL_LANES;
    int64_t count[KERNEL_LANES];

    _mm256_storeu_si256((__m256i *)count, m[0]);
    _mm256_storeu_si256((__m256i *)(count + 4), m[1]);
    for (size_t lane = 0; lane < KERNEL_LANES; lane++) {
        size_t j = block * KERNEL_LANES + lane;
        int32_t s = top[lane] - 2 * (int32_t)count[lane];

        if (j >= job->conv->n_out)
            return;
        job->scaled[place * job->scaled_place + j] =
            (float)((double)job->scale[j] * (double)s + (double)job->bias[j]);
    }
}

/* One place, one block. */
INLINE void run_place(const struct kernel_conv_job *job, const struct kernel_walk *walk,
                      size_t place, size_t block, bool fire, size_t n)
{
    const struct kernel_conv *conv = job->conv;
    const uint64_t *words = job->words + block * conv->n_words * KERNEL_LANES;
    /* Tap 0 may lie outside the map, where no pointer may be made by addition. */
    const uint64_t *x =
        (const uint64_t *)((uintptr_t)job->x + walk->base * sizeof(uint64_t));
    __m256i m[2];

    for (size_t i = 0; i < 2; i++) {
        const struct half half = { words + i * KERNEL_LANES / 2, x, conv->offset };
        m[i] = count_half(&half, walk, n);
    }
    if (fire)
        put_bits(job, place, walk->class, block, m);
    else
        put_sums(job, place, walk->class, block, m);
}

/* Neighbours of one class, which differ in where they begin. */
INLINE void run_places(const struct kernel_conv_job *job, struct kernel_walk walk,
                       size_t place, size_t n_places, size_t block, bool fire, size_t n)
{
    size_t step = job->conv->shape.window.stride_w * job->conv->x_place;

    for (size_t i = 0; i < n_places; i++, walk.base += step)
        run_place(job, &walk, place + i, block, fire, n);
}

INLINE void run(const struct kernel_conv_job *job, bool fire)
{
    const struct kernel_conv *conv = job->conv;
    size_t n_columns = conv->columns.n_out;

    for (size_t block = 0; block < conv->n_blocks; block++) {
        for (size_t row = 0; row < conv->rows.n_out; row++) {
            for (size_t column = 0, n; column < n_columns; column += n) {
                struct kernel_walk walk = kernel_conv_walk(conv, row, column);
                size_t place = row * n_columns + column;
                bool inner =
                    column >= conv->columns.inner_from && column < conv->columns.inner_to;

                n = inner ? conv->columns.inner_to - column : 1;
                /* 3 x 3 windows of 64 channels are worth a loop of their own. */
                if (walk.n_rows == 1 && walk.run == 9)
                    run_places(job, walk, place, n, block, fire, 9);
                else
                    run_places(job, walk, place, n, block, fire, 0);
            }
        }
    }
}

void kernel_conv_avx2(const struct kernel_conv_job *job)
{
    if (job->limit != NULL)
        run(job, true);
    else
        run(job, false);
}

/* -- Pixels -- */

#define PIXEL_LANES  KERNEL_PIXELS_LANES
#define PIXEL_VECTOR ((size_t)PIXEL_LANES * KERNEL_PIXELS_QUAD)
#define PIXEL_PLACES 4
/* A 16-bit sum grows by at most 2 * 255 with each quad. */
#define PIXEL_QUADS 64

/* 16 outputs of n_places places. */
INLINE void sum_pixels(const struct kernel_pixels_job *job, size_t base, size_t block,
                       size_t n_places, __m256i sum[2 * PIXEL_PLACES])
{
    const struct kernel_pixels *p = job->p;
    const int8_t *w = job->weights + block * p->n_quads * PIXEL_VECTOR;
    size_t x_step = p->shape.window.stride_w * p->shape.channels;
    const __m256i ones = _mm256_set1_epi16(1);

    UNROLL for (size_t c = 0; c < 2 * n_places; c++) sum[c] = _mm256_setzero_si256();
    for (size_t q = 0; q < p->n_quads;) {
        size_t end = p->n_quads - q < PIXEL_QUADS ? p->n_quads : q + PIXEL_QUADS;
        __m256i part[2 * PIXEL_PLACES];

        UNROLL for (size_t c = 0; c < 2 * n_places; c++) part[c] = _mm256_setzero_si256();
        for (; q < end; q++) {
            const uint8_t *x = job->x + base + p->offset[q];
            const __m256i *v = (const __m256i *)(w + q * PIXEL_VECTOR);

            UNROLL for (size_t i = 0; i < n_places; i++)
            {
                int32_t four;

                memcpy(&four, x + i * x_step, sizeof(four));
                const __m256i a = _mm256_set1_epi32(four);
                UNROLL for (size_t h = 0; h < 2; h++) part[2 * i + h] = _mm256_add_epi16(
                    part[2 * i + h], _mm256_maddubs_epi16(a, _mm256_load_si256(v + h)));
            }
        }
        UNROLL for (size_t c = 0; c < 2 * n_places; c++) sum[c] =
            _mm256_add_epi32(sum[c], _mm256_madd_epi16(part[c], ones));
    }
}

/* Eight bits: which sums reach their thresholds. */
INLINE unsigned reached(__m256i sum, const int32_t *threshold)
{
    __m256i bound = _mm256_loadu_si256((const __m256i *)threshold);

    return 0xFFU & ~(unsigned)_mm256_movemask_ps(
                       _mm256_castsi256_ps(_mm256_cmpgt_epi32(bound, sum)));
}

INLINE void put_pixels(const struct kernel_pixels_job *job, size_t place, size_t block,
                       bool fire, const __m256i sum[2])
{
    size_t first = block * PIXEL_LANES, left = job->p->n_out - first;

    if (fire) {
        unsigned bits = reached(sum[0], job->threshold + first) |
                        reached(sum[1], job->threshold + first + PIXEL_LANES / 2) << 8;
        uint16_t half = (uint16_t)(bits ^ job->invert[block]);

        memcpy((uint8_t *)(job->y + place * job->y_place) +
                   (job->y_block + block) * sizeof(half),
               &half, sizeof(half));
    } else {
        int32_t s[PIXEL_LANES];

        _mm256_storeu_si256((__m256i *)s, sum[0]);
        _mm256_storeu_si256((__m256i *)(s + PIXEL_LANES / 2), sum[1]);
        memcpy(job->s + place * job->s_place + first, s,
               (left < PIXEL_LANES ? left : PIXEL_LANES) * sizeof(*s));
    }
}

INLINE void pixel_tile(const struct kernel_pixels_job *job, size_t base, size_t place,
                       size_t block, size_t n_places, bool fire)
{
    __m256i sum[2 * PIXEL_PLACES];

    sum_pixels(job, base, block, n_places, sum);
    UNROLL for (size_t i = 0; i < n_places; i++)
        put_pixels(job, place + i, block, fire, sum + 2 * i);
}

INLINE void run_pixels(const struct kernel_pixels_job *job, bool fire)
{
    const struct kernel_pixels *p = job->p;
    const struct network_window *window = &p->shape.window;
    size_t step = window->stride_w * p->shape.channels;

    for (size_t i = 0; i < p->n_blocks * p->height; i++) {
        size_t block = i / p->height, row = i % p->height, column = 0;
        size_t base = row * window->stride_h * p->row_bytes;

        for (; column + PIXEL_PLACES <= p->width; column += PIXEL_PLACES)
            pixel_tile(job, base + column * step, row * p->width + column, block,
                       PIXEL_PLACES, fire);
        for (; column < p->width; column++)
            pixel_tile(job, base + column * step, row * p->width + column, block, 1,
                       fire);
    }
}

void kernel_pixels_avx2(const struct kernel_pixels_job *job)
{
    if (job->threshold != NULL)
        run_pixels(job, true);
    else
        run_pixels(job, false);
}

/* -- Reals -- */

#define REAL_PLACES 4

/* 16 outputs of n_places places side by side. */
INLINE void real_tile(const struct kernel_reals_job *job, const struct kernel_walk *walk,
                      size_t place, size_t block, size_t n_places)
{
    const struct kernel_reals *r = job->r;
    const float *w = job->weights + block * r->n_in * KERNEL_REALS_LANES;
    size_t first = block * KERNEL_REALS_LANES, left = r->n_out - first;
    size_t x_step = r->shape.window.stride_w * r->shape.channels;
    __m256 sum[2 * REAL_PLACES];

    UNROLL for (size_t c = 0; c < 2 * n_places; c++) sum[c] = _mm256_setzero_ps();
    for (size_t row = 0; row < walk->n_rows; row++) {
        size_t k = walk->from + row * walk->row_step, end = k + walk->run;

        for (; k < end; k++) {
            size_t at = walk->base + r->offset[k];
            __m256 v[2] = { _mm256_load_ps(w + k * KERNEL_REALS_LANES),
                            _mm256_load_ps(w + k * KERNEL_REALS_LANES + 8) };

            UNROLL for (size_t i = 0; i < n_places; i++)
            {
                __m256 a = _mm256_set1_ps(job->x[at + i * x_step]);

                UNROLL for (size_t h = 0; h < 2; h++) sum[2 * i + h] =
                    _mm256_add_ps(sum[2 * i + h], _mm256_mul_ps(v[h], a));
            }
        }
    }
    UNROLL for (size_t i = 0; i < n_places; i++)
    {
        float *y = job->y + (place + i) * r->shape.n_out + first;
        float row[KERNEL_REALS_LANES];

        UNROLL for (size_t h = 0; h < 2; h++) _mm256_storeu_ps(
            row + 8 * h,
            _mm256_add_ps(sum[2 * i + h], _mm256_loadu_ps(job->bias + first + 8 * h)));
        memcpy(y, row,
               (left < KERNEL_REALS_LANES ? left : KERNEL_REALS_LANES) * sizeof(*y));
    }
}

void kernel_reals_avx2(const struct kernel_reals_job *job)
{
    const struct kernel_reals *r = job->r;
    size_t n_columns = r->columns.n_out;

    for (size_t i = 0; i < r->n_blocks * r->rows.n_out; i++) {
        size_t block = i / r->rows.n_out, row = i % r->rows.n_out;

        for (size_t column = 0; column < n_columns;) {
            const struct kernel_walk walk = kernel_reals_walk(r, row, column);
            size_t place = row * n_columns + column;

            if (column >= r->columns.inner_from &&
                column + REAL_PLACES <= r->columns.inner_to) {
                real_tile(job, &walk, place, block, REAL_PLACES);
                column += REAL_PLACES;
            } else {
                real_tile(job, &walk, place, block, 1);
                column++;
            }
        }
    }
}
