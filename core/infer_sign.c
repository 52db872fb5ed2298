/* SPDX-License-Identifier: Apache-2.0 */
/* Reals to bits, one word of 64 channels after the other, each over all places: with
 * SSE2, which every x86-64 has, four comparisons at a time. */
#include "core/infer_stage.h"

#include <math.h>
#include <string.h>

/* What x is compared with. x <= a is -x >= -a, so that `falling` is a sign turned round
 * on both sides. */
struct cut {
    float bound[BITS_PER_WORD];   /* not a number past the last channel: gives 0 */
    uint32_t turn[BITS_PER_WORD]; /* sign bit, or 0 */
};

#define SIGN_BIT (UINT32_C(1) << 31)

/* Channels from c on. */
static struct cut cut_of(const struct network_stage *stage, size_t c)
{
    struct cut cut;

    for (size_t i = 0; i < BITS_PER_WORD; i++) {
        bool used = c + i < stage->n_a;
        bool falling = used && bits_get(stage->mask, c + i);

        cut.bound[i] = !used ? NAN : falling ? -stage->a[c + i] : stage->a[c + i];
        cut.turn[i] = falling ? SIGN_BIT : 0;
    }
    return cut;
}

#if defined(__SSE2__)
#include <emmintrin.h>

static inline __m128i four(const struct cut *cut, const float *x, size_t i, bool strict)
{
    __m128 turn = _mm_loadu_ps((const float *)(const void *)(cut->turn + i));
    __m128 turned = _mm_xor_ps(_mm_loadu_ps(x + i), turn);
    __m128 bound = _mm_loadu_ps(cut->bound + i);

    return _mm_castps_si128(strict ? _mm_cmpgt_ps(turned, bound)
                                   : _mm_cmpge_ps(turned, bound));
}

static inline uint64_t word_of(const struct cut *cut, const float *x, bool strict)
{
    uint64_t word = 0;

    for (size_t i = 0; i < BITS_PER_WORD; i += 16) {
        __m128i low =
            _mm_packs_epi32(four(cut, x, i, strict), four(cut, x, i + 4, strict));
        __m128i high =
            _mm_packs_epi32(four(cut, x, i + 8, strict), four(cut, x, i + 12, strict));

        word |= (uint64_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) << i;
    }
    return word;
}

#else

static inline uint64_t word_of(const struct cut *cut, const float *x, bool strict)
{
    uint64_t word = 0;

    for (size_t i = 0; i < BITS_PER_WORD; i++) {
        float turned = cut->turn[i] != 0 ? -x[i] : x[i];
        bool bit = strict ? turned > cut->bound[i] : turned >= cut->bound[i];

        word |= (uint64_t)bit << i;
    }
    return word;
}

#endif

static inline void run(const struct cut *cut, size_t n, size_t n_places, const float *x,
                       size_t x_place, uint64_t *ret_bits, size_t bits_place, bool strict)
{
    float some[BITS_PER_WORD] = { 0.0F };

    for (size_t p = 0; p < n_places; p++, x += x_place, ret_bits += bits_place) {
        if (n == BITS_PER_WORD) {
            *ret_bits = word_of(cut, x, strict);
        } else {
            memcpy(some, x, n * sizeof(*some));
            *ret_bits = word_of(cut, some, strict);
        }
    }
}

void infer_sign(const struct network_stage *stage, size_t n_places, const float *x,
                uint64_t *ret_bits)
{
    size_t n_channels = stage->n_a, n_words = bits_words(n_channels);

    for (size_t word = 0; word < n_words; word++) {
        const struct cut cut = cut_of(stage, word * BITS_PER_WORD);
        size_t left = n_channels - word * BITS_PER_WORD;
        size_t n = left < BITS_PER_WORD ? left : BITS_PER_WORD;
        const float *from = x + word * BITS_PER_WORD;

        /* Two loops without a condition inside. */
        if (stage->strict)
            run(&cut, n, n_places, from, n_channels, ret_bits + word, n_words, true);
        else
            run(&cut, n, n_places, from, n_channels, ret_bits + word, n_words, false);
    }
}
