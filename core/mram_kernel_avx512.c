/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cpu.h"
#include "core/ecc_columns.h"
#include "core/mram_kernel.h"

#include <immintrin.h>
#include <string.h>

#define PHILOX_ROUNDS 10

/* Eight blocks: 32-bit values in 64-bit lanes, where vpmuludq reads only the low half, so
 * that what a product leaves in the high half need not be cleared. */
struct half {
    __m512i x0, x1, x2, x3;
};

struct keys {
    __m512i k0[PHILOX_ROUNDS], k1[PHILOX_ROUNDS];
    __m512i c1, c2, c3;
};

static void load_keys(const struct rng_stream *at, struct keys *ret_keys)
{
    uint32_t k0 = at->key[0], k1 = at->key[1];

    for (unsigned i = 0; i < PHILOX_ROUNDS; i++) {
        ret_keys->k0[i] = _mm512_set1_epi64(k0);
        ret_keys->k1[i] = _mm512_set1_epi64(k1);
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    ret_keys->c1 = _mm512_set1_epi64(at->counter[1]);
    ret_keys->c2 = _mm512_set1_epi64(at->counter[2]);
    ret_keys->c3 = _mm512_set1_epi64(at->counter[3]);
}

static inline struct half philox_round(struct half h, __m512i k0, __m512i k1)
{
    __m512i p0 = _mm512_mul_epu32(h.x0, _mm512_set1_epi64(0xd2511f53));
    __m512i p1 = _mm512_mul_epu32(h.x2, _mm512_set1_epi64(0xcd9e8d57));

    return (struct half) {
        /* 0x96: a ^ b ^ c */
        .x0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), h.x1, k0, 0x96),
        .x1 = p1,
        .x2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), h.x3, k1, 0x96),
        .x3 = p0,
    };
}

static inline __m512i join(__m512i even, __m512i odd)
{
    return _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
}

static inline void batch(const struct keys *keys, uint32_t number, __m512i out[4])
{
    const __m512i evens = _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0);
    __m512i first = _mm512_set1_epi64(number * MRAM_BATCH_BLOCKS);
    __m512i block = _mm512_add_epi64(first, evens);
    struct half even = { block, keys->c1, keys->c2, keys->c3 };
    struct half odd = { _mm512_add_epi64(block, _mm512_set1_epi64(1)), keys->c1, keys->c2,
                        keys->c3 };

    for (unsigned i = 0; i < PHILOX_ROUNDS; i++) {
        even = philox_round(even, keys->k0[i], keys->k1[i]);
        odd = philox_round(odd, keys->k0[i], keys->k1[i]);
    }
    out[0] = join(even.x0, odd.x0);
    out[1] = join(even.x1, odd.x1);
    out[2] = join(even.x2, odd.x2);
    out[3] = join(even.x3, odd.x3);
}

static void draw(const struct rng_stream *at, uint32_t first_batch, size_t n_batches,
                 uint32_t *ret_draws)
{
    struct keys keys;

    load_keys(at, &keys);
    for (size_t i = 0; i < n_batches; i++) {
        __m512i out[4];

        batch(&keys, first_batch + (uint32_t)i, out);
        for (unsigned j = 0; j < 4; j++)
            _mm512_storeu_si512(ret_draws + i * MRAM_BATCH_DRAWS + 16 * j, out[j]);
    }
}

static __m512i bernoulli_group(const struct keys *keys, const uint64_t threshold[2],
                               __m512i undecided, __m512i choose, uint32_t group)
{
    __m512i fail = _mm512_setzero_si512();

    for (unsigned k = 0; k < MRAM_GROUP_BATCHES; k++) {
        uint64_t t0 = threshold[0] << (4 * k), t1 = threshold[1] << (4 * k);
        __m512i u[4];

        if ((t0 | t1) == 0 || _mm512_test_epi64_mask(undecided, undecided) == 0)
            break;
        batch(keys, group * MRAM_GROUP_BATCHES + k, u);
        for (unsigned j = 0; j < 4; j++) {
            __m512i b0 = _mm512_set1_epi64((int64_t)(t0 << j) >> 63);
            __m512i b1 = _mm512_set1_epi64((int64_t)(t1 << j) >> 63);
            /* 0xca: a ? b : c */
            __m512i t = _mm512_ternarylogic_epi64(choose, b1, b0, 0xca);
            /* 0x40: a & b & ~c, then 0x90: a & ~(b ^ c) */
            fail = _mm512_or_si512(fail,
                                   _mm512_ternarylogic_epi64(undecided, t, u[j], 0x40));
            undecided = _mm512_ternarylogic_epi64(undecided, t, u[j], 0x90);
        }
    }
    return fail;
}

static void bernoulli(const struct rng_stream *at, const uint64_t threshold[2],
                      const uint64_t *active, const uint64_t *choose, size_t n_groups,
                      uint64_t *ret_fail)
{
    struct keys keys;

    load_keys(at, &keys);
    for (size_t g = 0; g < n_groups; g++) {
        size_t w = g * MRAM_GROUP_WORDS;
        __m512i fail = bernoulli_group(&keys, threshold, _mm512_loadu_si512(active + w),
                                       _mm512_loadu_si512(choose + w), (uint32_t)g);

        _mm512_storeu_si512(ret_fail + w, fail);
    }
}

static inline __m512i add_ones(__m512i sum, __m512i bits)
{
    return _mm512_add_epi64(sum, _mm512_popcnt_epi64(bits));
}

static uint64_t sum_of(__m512i lanes)
{
    return (uint64_t)_mm512_reduce_add_epi64(lanes);
}

/* The words from `w` on, as many as there are. */
static inline __mmask8 words_left(size_t n_words, size_t w)
{
    unsigned all = 0xff, some = (1u << (n_words - w) % 8) - 1;

    return (__mmask8)(n_words - w >= 8 ? all : some);
}

static void write(uint64_t *stored, const uint64_t *old, const uint64_t *wanted,
                  size_t n_words, uint64_t *ret_toggles, struct mram_counts *ret_counts)
{
    __m512i n_old = _mm512_setzero_si512(), n_wanted = n_old, n_both = n_old;

    for (size_t w = 0; w < n_words; w += 8) {
        __mmask8 left = words_left(n_words, w);
        __m512i was = _mm512_maskz_loadu_epi64(left, old + w);
        __m512i want = _mm512_maskz_loadu_epi64(left, wanted + w);

        n_old = add_ones(n_old, was);
        n_wanted = add_ones(n_wanted, want);
        n_both = add_ones(n_both, _mm512_and_si512(was, want));
        _mm512_mask_storeu_epi64(ret_toggles + w, left, _mm512_xor_si512(was, want));
        _mm512_mask_storeu_epi64(stored + w, left, want);
    }
    *ret_counts =
        (struct mram_counts) { sum_of(n_old), sum_of(n_wanted), sum_of(n_both) };
}

static uint64_t flip(uint64_t *stored, const uint64_t *fail, size_t n_words,
                     uint64_t *ret_ones)
{
    __m512i n_failed = _mm512_setzero_si512(), n_ones = n_failed;

    for (size_t w = 0; w < n_words; w += 8) {
        __mmask8 left = words_left(n_words, w);
        __m512i bits = _mm512_maskz_loadu_epi64(left, stored + w);
        __m512i bad = _mm512_maskz_loadu_epi64(left, fail + w);

        n_failed = add_ones(n_failed, bad);
        n_ones = add_ones(n_ones, _mm512_and_si512(bad, bits));
        _mm512_mask_storeu_epi64(stored + w, left, _mm512_xor_si512(bits, bad));
    }
    *ret_ones = sum_of(n_ones);
    return sum_of(n_failed);
}

static void count(const uint64_t *old, const uint64_t *wanted, size_t n_words,
                  struct mram_counts *ret_counts)
{
    __m512i n_old = _mm512_setzero_si512(), n_wanted = n_old, n_both = n_old;

    for (size_t w = 0; w < n_words; w += 8) {
        __mmask8 left = words_left(n_words, w);
        __m512i was = _mm512_maskz_loadu_epi64(left, old + w);
        __m512i want = _mm512_maskz_loadu_epi64(left, wanted + w);

        n_old = add_ones(n_old, was);
        n_wanted = add_ones(n_wanted, want);
        n_both = add_ones(n_both, _mm512_and_si512(was, want));
    }
    *ret_counts =
        (struct mram_counts) { sum_of(n_old), sum_of(n_wanted), sum_of(n_both) };
}

/* A matrix for each byte of a word, in the form of gf2p8affineqb: what that byte adds to
 * check bits 8 * part .. 8 * part + 7. */
static __m512i load_matrices(enum ecc_code code, unsigned part)
{
    const __m128i shift = _mm_cvtsi32_si128((int)(8 * part));
    const __m512i backwards =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607));
    /* Byte j has bit 7 - j. */
    const __m512i diagonal = _mm512_set1_epi64(0x0102040810204080);
    __m512i first = _mm512_loadu_si512(ecc_columns[code]);
    __m512i second = _mm512_loadu_si512(ecc_columns[code] + 32);
    __m256i low = _mm512_cvtepi16_epi8(_mm512_srl_epi16(first, shift));
    __m256i high = _mm512_cvtepi16_epi8(_mm512_srl_epi16(second, shift));
    __m512i columns = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);

    /* The instruction wants rows, the last first; it transposes when it multiplies. */
    columns = _mm512_shuffle_epi8(columns, backwards);
    return _mm512_gf2p8affine_epi64_epi8(diagonal, columns, 0);
}

/* Byte w of qword b: byte b of word w. */
static inline __m512i load_bytes(const uint64_t *words, __mmask8 left)
{
    const __m512i index = _mm512_set_epi64(
        0x3f372f271f170f07, 0x3e362e261e160e06, 0x3d352d251d150d05, 0x3c342c241c140c04,
        0x3b332b231b130b03, 0x3a322a221a120a02, 0x3931292119110901, 0x3830282018100800);

    return _mm512_permutexvar_epi8(index, _mm512_maskz_loadu_epi64(left, words));
}

/* The sums of the even and of the odd qwords. */
static inline __m128i fold(__m512i v)
{
    __m256i half =
        _mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));

    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

static void encode_secded(const uint64_t *words, size_t n_words, uint8_t *check)
{
    __m512i matrices = load_matrices(ECC_SECDED, 0);

    for (size_t w = 0; w < n_words; w += 8) {
        __mmask8 left = words_left(n_words, w);
        __m512i bytes = load_bytes(words + w, left);
        __m128i sums = fold(_mm512_gf2p8affine_epi64_epi8(bytes, matrices, 0));

        sums = _mm_xor_si128(sums, _mm_unpackhi_epi64(sums, sums));
        _mm_mask_storeu_epi8(check + w, left, sums);
    }
}

static void encode_bch2(const uint64_t *words, size_t n_words, uint8_t *low_check,
                        uint8_t *high_check)
{
    __m512i low_matrices = load_matrices(ECC_BCH2, 0);
    __m512i high_matrices = load_matrices(ECC_BCH2, 1);

    for (size_t w = 0; w < n_words; w += 8) {
        __mmask8 left = words_left(n_words, w);
        __m512i bytes = load_bytes(words + w, left);
        __m512i low = _mm512_gf2p8affine_epi64_epi8(bytes, low_matrices, 0);
        __m512i high = _mm512_gf2p8affine_epi64_epi8(bytes, high_matrices, 0);
        /* Even qwords are sums of `low`, odd ones of `high`. */
        __m128i sums = fold(_mm512_xor_si512(_mm512_unpacklo_epi64(low, high),
                                             _mm512_unpackhi_epi64(low, high)));

        _mm_mask_storeu_epi8(low_check + w, left, sums);
        _mm_mask_storeu_epi8(high_check + w, left, _mm_unpackhi_epi64(sums, sums));
    }
}

static void encode(enum ecc_code code, const uint64_t *words, size_t n_words,
                   uint8_t *const check[2])
{
    if (code == ECC_SECDED)
        encode_secded(words, n_words, check[0]);
    else
        encode_bch2(words, n_words, check[0], check[1]);
}

/* -- Cells by class -- */

/* Sixteen bits of a bit vector; this processor has the lower ones first. GCC 12 may read
 * a mask that is widened to 64 bits back from a place where it has stored 16. */
static inline void put_mask(uint64_t *words, size_t i, __mmask16 mask)
{
    memcpy((uint8_t *)words + 2 * i, &mask, sizeof(mask));
}

static void classes(const uint32_t entry[MTJ_CLASSES], const uint32_t *draws,
                    size_t n_words, uint16_t *ret_class, uint64_t *ret_ties)
{
    const __m512i low = _mm512_set1_epi32(MTJ_CLASSES - 1);
    const __m512i rests = _mm512_set1_epi32((1 << MRAM_KEEP_BITS) - 1);

    for (size_t i = 0; i < 4 * n_words; i++) {
        __m512i all = _mm512_loadu_si512(draws + 16 * i);
        __m512i column = _mm512_srli_epi32(all, MRAM_KEEP_BITS);
        __m512i of = _mm512_i32gather_epi32(column, entry, 4);
        __m512i rest = _mm512_and_si512(all, rests);
        __m512i keep = _mm512_srli_epi32(of, MRAM_OTHER_BITS);
        __mmask16 leaves = _mm512_cmpgt_epu32_mask(rest, keep);
        __m512i class = _mm512_mask_and_epi32(column, leaves, of, low);

        _mm256_storeu_si256((__m256i *)(void *)(ret_class + 16 * i),
                            _mm512_cvtepi32_epi16(class));
        put_mask(ret_ties, i, _mm512_cmpeq_epi32_mask(rest, keep));
    }
}

/* Where each cell of half a word is counted. */
static inline __m512i counters(const uint16_t *class, uint32_t active, uint32_t bits)
{
    __m512i at = _mm512_slli_epi16(_mm512_loadu_si512(class), 2);

    at = _mm512_mask_add_epi16(at, bits, at, _mm512_set1_epi16(1));
    return _mm512_mask_add_epi16(at, active, at, _mm512_set1_epi16(2));
}

/* Cells that are equal and come close together would wait for each other: two tables. */
static void tally(const uint16_t *class, const uint64_t *cells, const uint64_t *active,
                  const uint64_t *bits, size_t n_words, uint32_t n[MTJ_CLASSES][4])
{
    uint32_t even[4 * MTJ_CLASSES] = { 0 }, odd[4 * MTJ_CLASSES] = { 0 };
    uint16_t at[64];

    for (size_t w = 0; w < n_words; w++) {
        if (cells[w] != ~UINT64_C(0)) {
            mram_scalar_tally(class + 64 * w, cells + w, active + w, bits + w, 1, n);
            continue;
        }
        _mm512_storeu_si512(
            at, counters(class + 64 * w, (uint32_t)active[w], (uint32_t)bits[w]));
        _mm512_storeu_si512(at + 32,
                            counters(class + 64 * w + 32, (uint32_t)(active[w] >> 32),
                                     (uint32_t)(bits[w] >> 32)));
        for (unsigned b = 0; b < 64; b += 2) {
            even[at[b]]++;
            odd[at[b + 1]]++;
        }
    }
    for (unsigned i = 0; i < 4 * MTJ_CLASSES; i++)
        n[i / 4][i % 4] += even[i] + odd[i];
}

static void below(const uint32_t high[MTJ_CLASSES][2], const uint16_t *class,
                  const uint64_t *bits, const uint32_t *draws, size_t n_words,
                  uint64_t *ret_below, uint64_t *ret_ties)
{
    const __m512i one = _mm512_set1_epi32(1);

    for (size_t i = 0; i < 4 * n_words; i++) {
        const void *sixteen = class + 16 * i;
        __m512i at = _mm512_cvtepu16_epi32(_mm256_loadu_si256(sixteen));
        __m512i all = _mm512_loadu_si512(draws + 16 * i);
        __mmask16 ones = (__mmask16)(bits[i / 4] >> i % 4 * 16);

        at = _mm512_slli_epi32(at, 1);
        at = _mm512_mask_or_epi32(at, ones, at, one);
        __m512i limit = _mm512_i32gather_epi32(at, high, 4);

        put_mask(ret_below, i, _mm512_cmplt_epu32_mask(all, limit));
        put_mask(ret_ties, i, _mm512_cmpeq_epi32_mask(all, limit));
    }
}

const struct mram_kernel mram_kernel_avx512 = {
    .name = "avx512",
    .usable = cpu_has_avx512_gfni,
    .draw = draw,
    .bernoulli = bernoulli,
    .write = write,
    .flip = flip,
    .count = count,
    .classes = classes,
    .tally = tally,
    .below = below,
    .encode = encode,
};
