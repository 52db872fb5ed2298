/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cpu.h"
#include "core/ecc_columns.h"
#include "core/mram_kernel.h"

#include <immintrin.h>

#define PHILOX_ROUNDS 10
#define VECTOR_WORDS  4
/* Vectors whose per-byte counts, at most 8 each, still fit a byte. */
#define BYTE_VECTORS 31
/* What is encoded at once: as many words as a vector has bytes. */
#define ENCODED_WORDS 32

/* Four blocks: 32-bit values in 64-bit lanes, where vpmuludq reads only the low half, so
 * that what a product leaves in the high half need not be cleared. */
struct quarter {
    __m256i x0, x1, x2, x3;
};

struct keys {
    __m256i k0[PHILOX_ROUNDS], k1[PHILOX_ROUNDS];
    __m256i c1, c2, c3;
};

static void load_keys(const struct rng_stream *at, struct keys *ret_keys)
{
    uint32_t k0 = at->key[0], k1 = at->key[1];

    for (unsigned i = 0; i < PHILOX_ROUNDS; i++) {
        ret_keys->k0[i] = _mm256_set1_epi64x(k0);
        ret_keys->k1[i] = _mm256_set1_epi64x(k1);
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    ret_keys->c1 = _mm256_set1_epi64x(at->counter[1]);
    ret_keys->c2 = _mm256_set1_epi64x(at->counter[2]);
    ret_keys->c3 = _mm256_set1_epi64x(at->counter[3]);
}

static inline __m256i xor3(__m256i a, __m256i b, __m256i c)
{
    return _mm256_xor_si256(_mm256_xor_si256(a, b), c);
}

static inline struct quarter philox_round(struct quarter q, __m256i k0, __m256i k1)
{
    __m256i p0 = _mm256_mul_epu32(q.x0, _mm256_set1_epi64x(0xd2511f53));
    __m256i p1 = _mm256_mul_epu32(q.x2, _mm256_set1_epi64x(0xcd9e8d57));

    return (struct quarter) {
        .x0 = xor3(_mm256_srli_epi64(p1, 32), q.x1, k0),
        .x1 = p1,
        .x2 = xor3(_mm256_srli_epi64(p0, 32), q.x3, k1),
        .x3 = p0,
    };
}

static inline __m256i join(__m256i even, __m256i odd)
{
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}

/* Eight consecutive blocks, one to a 32-bit lane. */
static inline void half_batch(const struct keys *keys, uint32_t first_block,
                              __m256i out[4])
{
    __m256i first = _mm256_set1_epi64x(first_block);
    __m256i block = _mm256_add_epi64(first, _mm256_set_epi64x(6, 4, 2, 0));
    struct quarter even = { block, keys->c1, keys->c2, keys->c3 };
    struct quarter odd = { _mm256_add_epi64(block, _mm256_set1_epi64x(1)), keys->c1,
                           keys->c2, keys->c3 };

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
    for (size_t i = 0; i < 2 * n_batches; i++) {
        uint32_t *to = ret_draws + i / 2 * MRAM_BATCH_DRAWS + 8 * (i % 2);
        __m256i out[4];

        half_batch(&keys, first_batch * MRAM_BATCH_BLOCKS + 8 * (uint32_t)i, out);
        for (unsigned j = 0; j < 4; j++)
            _mm256_storeu_si256((__m256i *)(void *)(to + 16 * j), out[j]);
    }
}

/* Half a group: `half` 0 or 1 is its lower or upper four words. */
static __m256i bernoulli_half(const struct keys *keys, const uint64_t threshold[2],
                              __m256i undecided, __m256i choose, uint32_t group,
                              uint32_t half)
{
    __m256i fail = _mm256_setzero_si256();

    for (unsigned k = 0; k < MRAM_GROUP_BATCHES; k++) {
        uint64_t t0 = threshold[0] << (4 * k), t1 = threshold[1] << (4 * k);
        __m256i u[4];

        if ((t0 | t1) == 0 || _mm256_testz_si256(undecided, undecided))
            break;
        half_batch(keys, (group * MRAM_GROUP_BATCHES + k) * MRAM_BATCH_BLOCKS + 8 * half,
                   u);
        for (unsigned j = 0; j < 4; j++) {
            __m256i b0 = _mm256_set1_epi64x((int64_t)(t0 << j) >> 63);
            __m256i b1 = _mm256_set1_epi64x((int64_t)(t1 << j) >> 63);
            __m256i t = _mm256_or_si256(_mm256_and_si256(choose, b1),
                                        _mm256_andnot_si256(choose, b0));
            __m256i below = _mm256_andnot_si256(u[j], t);

            fail = _mm256_or_si256(fail, _mm256_and_si256(undecided, below));
            undecided = _mm256_andnot_si256(_mm256_xor_si256(t, u[j]), undecided);
        }
    }
    return fail;
}

static inline __m256i load(const uint64_t *words)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

static void bernoulli(const struct rng_stream *at, const uint64_t threshold[2],
                      const uint64_t *active, const uint64_t *choose, size_t n_groups,
                      uint64_t *ret_fail)
{
    struct keys keys;

    load_keys(at, &keys);
    for (size_t i = 0; i < 2 * n_groups; i++) {
        size_t w = i * VECTOR_WORDS;
        __m256i fail =
            bernoulli_half(&keys, threshold, load(active + w), load(choose + w),
                           (uint32_t)(i / 2), (uint32_t)(i % 2));

        _mm256_storeu_si256((__m256i *)(void *)(ret_fail + w), fail);
    }
}

/* Ones per byte, added to `bytes`. */
static inline __m256i add_ones(__m256i bytes, __m256i bits)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i ones = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                          0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    __m256i low = _mm256_and_si256(bits, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(bits, 4), nibble);

    bytes = _mm256_add_epi8(bytes, _mm256_shuffle_epi8(ones, low));
    return _mm256_add_epi8(bytes, _mm256_shuffle_epi8(ones, high));
}

static uint64_t sum_bytes(__m256i bytes)
{
    __m256i sums = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
    uint64_t lanes[VECTOR_WORDS];

    _mm256_storeu_si256((__m256i *)(void *)lanes, sums);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

static inline void put(uint64_t *words, __m256i value)
{
    _mm256_storeu_si256((__m256i *)(void *)words, value);
}

/* At most BYTE_VECTORS vectors. */
static void write_some(uint64_t *stored, const uint64_t *old, const uint64_t *wanted,
                       size_t n_words, uint64_t *toggles, struct mram_counts *counts)
{
    __m256i n_old = _mm256_setzero_si256(), n_wanted = n_old, n_both = n_old;

    for (size_t w = 0; w < n_words; w += VECTOR_WORDS) {
        __m256i was = load(old + w), want = load(wanted + w);

        n_old = add_ones(n_old, was);
        n_wanted = add_ones(n_wanted, want);
        n_both = add_ones(n_both, _mm256_and_si256(was, want));
        put(toggles + w, _mm256_xor_si256(was, want));
        put(stored + w, want);
    }
    counts->old += sum_bytes(n_old);
    counts->wanted += sum_bytes(n_wanted);
    counts->both += sum_bytes(n_both);
}

static size_t at_most(size_t n_words, size_t limit)
{
    return n_words < limit ? n_words : limit;
}

static void write(uint64_t *stored, const uint64_t *old, const uint64_t *wanted,
                  size_t n_words, uint64_t *ret_toggles, struct mram_counts *ret_counts)
{
    struct mram_counts counts = { 0 }, rest;
    size_t n_full = n_words - n_words % VECTOR_WORDS;

    for (size_t w = 0; w < n_full; w += BYTE_VECTORS * VECTOR_WORDS)
        write_some(stored + w, old + w, wanted + w,
                   at_most(n_full - w, BYTE_VECTORS * VECTOR_WORDS), ret_toggles + w,
                   &counts);
    mram_kernel_scalar.write(stored + n_full, old + n_full, wanted + n_full,
                             n_words - n_full, ret_toggles + n_full, &rest);
    ret_counts->old = counts.old + rest.old;
    ret_counts->wanted = counts.wanted + rest.wanted;
    ret_counts->both = counts.both + rest.both;
}

/* At most BYTE_VECTORS vectors. */
static uint64_t flip_some(uint64_t *stored, const uint64_t *fail, size_t n_words,
                          uint64_t *ones)
{
    __m256i n_failed = _mm256_setzero_si256(), n_ones = n_failed;

    for (size_t w = 0; w < n_words; w += VECTOR_WORDS) {
        __m256i bits = load(stored + w), bad = load(fail + w);

        n_failed = add_ones(n_failed, bad);
        n_ones = add_ones(n_ones, _mm256_and_si256(bad, bits));
        put(stored + w, _mm256_xor_si256(bits, bad));
    }
    *ones += sum_bytes(n_ones);
    return sum_bytes(n_failed);
}

static uint64_t flip(uint64_t *stored, const uint64_t *fail, size_t n_words,
                     uint64_t *ret_ones)
{
    size_t n_full = n_words - n_words % VECTOR_WORDS;
    uint64_t ones;
    uint64_t n_failed =
        mram_kernel_scalar.flip(stored + n_full, fail + n_full, n_words - n_full, &ones);

    for (size_t w = 0; w < n_full; w += BYTE_VECTORS * VECTOR_WORDS)
        n_failed += flip_some(stored + w, fail + w,
                              at_most(n_full - w, BYTE_VECTORS * VECTOR_WORDS), &ones);
    *ret_ones = ones;
    return n_failed;
}

/* At most BYTE_VECTORS vectors. */
static void count_some(const uint64_t *old, const uint64_t *wanted, size_t n_words,
                       struct mram_counts *counts)
{
    __m256i n_old = _mm256_setzero_si256(), n_wanted = n_old, n_both = n_old;

    for (size_t w = 0; w < n_words; w += VECTOR_WORDS) {
        __m256i was = load(old + w), want = load(wanted + w);

        n_old = add_ones(n_old, was);
        n_wanted = add_ones(n_wanted, want);
        n_both = add_ones(n_both, _mm256_and_si256(was, want));
    }
    counts->old += sum_bytes(n_old);
    counts->wanted += sum_bytes(n_wanted);
    counts->both += sum_bytes(n_both);
}

static void count(const uint64_t *old, const uint64_t *wanted, size_t n_words,
                  struct mram_counts *ret_counts)
{
    size_t n_full = n_words - n_words % VECTOR_WORDS;

    mram_kernel_scalar.count(old + n_full, wanted + n_full, n_words - n_full, ret_counts);
    for (size_t w = 0; w < n_full; w += BYTE_VECTORS * VECTOR_WORDS)
        count_some(old + w, wanted + w, at_most(n_full - w, BYTE_VECTORS * VECTOR_WORDS),
                   ret_counts);
}

/* Sums of the columns of four bits, for vpshufb: even entries for the low half of a byte
 * and odd ones for its high half. */
struct sums {
    __m256i of[16];
};

static void load_sums(enum ecc_code code, unsigned part, struct sums *ret_sums)
{
    /* Byte v is set where v has bit j. */
    const __m128i chosen[4] = {
        _mm_set1_epi16((short)0xff00),
        _mm_set1_epi32((int)0xffff0000),
        _mm_set1_epi64x((int64_t)0xffffffff00000000),
        _mm_set_epi64x(-1, 0),
    };

    for (unsigned i = 0; i < 16; i++) {
        __m128i sums = _mm_setzero_si128();

        for (unsigned j = 0; j < 4; j++) {
            char column = (char)(ecc_columns[code][4 * i + j] >> (8 * part));
            sums = _mm_xor_si128(sums, _mm_and_si128(chosen[j], _mm_set1_epi8(column)));
        }
        ret_sums->of[i] = _mm256_broadcastsi128_si256(sums);
    }
}

/* Byte b of ENCODED_WORDS words in ret_bytes[b]: those of words 4 * i and 4 * i + 1 in
 * pair i of its lower lane, of words 4 * i + 2 and 4 * i + 3 in pair i of its upper one.
 */
static inline void load_bytes(const uint64_t *words, __m256i ret_bytes[8])
{
    const __m256i pairs = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    __m256i v[8], a[8], b[8];

    for (unsigned i = 0; i < 8; i++)
        v[i] = _mm256_shuffle_epi8(load(words + VECTOR_WORDS * i), pairs);
    /* Pairs 0 to 3 of a byte are in the first half of `a` and of `b`, 4 to 7 in the
     * other. */
    for (unsigned i = 0; i < 4; i++) {
        a[2 * i] = _mm256_unpacklo_epi16(v[2 * i], v[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_epi16(v[2 * i], v[2 * i + 1]);
    }
    for (unsigned i = 0; i < 8; i += 4) {
        b[i] = _mm256_unpacklo_epi32(a[i], a[i + 2]);
        b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 2]);
        b[i + 2] = _mm256_unpacklo_epi32(a[i + 1], a[i + 3]);
        b[i + 3] = _mm256_unpackhi_epi32(a[i + 1], a[i + 3]);
    }
    for (unsigned i = 0; i < 4; i++) {
        ret_bytes[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
        ret_bytes[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
    }
}

static inline void encode_some(const struct sums *sums, const __m256i bytes[8],
                               uint8_t *check)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i sum = _mm256_setzero_si256();

    for (unsigned b = 0; b < 8; b++) {
        __m256i low = _mm256_and_si256(bytes[b], nibble);
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes[b], 4), nibble);

        sum = xor3(sum, _mm256_shuffle_epi8(sums->of[2 * b], low),
                   _mm256_shuffle_epi8(sums->of[2 * b + 1], high));
    }
    __m128i lower = _mm256_castsi256_si128(sum);
    __m128i upper = _mm256_extracti128_si256(sum, 1);
    _mm_storeu_si128((__m128i *)(void *)check, _mm_unpacklo_epi16(lower, upper));
    _mm_storeu_si128((__m128i *)(void *)(check + 16), _mm_unpackhi_epi16(lower, upper));
}

static void encode(enum ecc_code code, const uint64_t *words, size_t n_words,
                   uint8_t *const check[2])
{
    unsigned n_parts = code == ECC_BCH2 ? 2 : 1;
    size_t n_full = n_words - n_words % ENCODED_WORDS;
    uint8_t *rest[2] = { check[0] + n_full, NULL };
    struct sums sums[2];

    for (unsigned part = 0; part < n_parts; part++)
        load_sums(code, part, &sums[part]);
    for (size_t w = 0; w < n_full; w += ENCODED_WORDS) {
        __m256i bytes[8];

        load_bytes(words + w, bytes);
        for (unsigned part = 0; part < n_parts; part++)
            encode_some(&sums[part], bytes, check[part] + w);
    }
    if (n_parts == 2)
        rest[1] = check[1] + n_full;
    ecc_encode_words(code, words + n_full, n_words - n_full, rest);
}

const struct mram_kernel mram_kernel_avx2 = {
    .name = "avx2",
    .usable = cpu_has_avx2,
    .draw = draw,
    .bernoulli = bernoulli,
    .write = write,
    .flip = flip,
    .count = count,
    .classes = mram_scalar_classes,
    .tally = mram_scalar_tally,
    .below = mram_scalar_below,
    .encode = encode,
};
