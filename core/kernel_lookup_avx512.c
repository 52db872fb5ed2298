/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 BW: four lanes. */
#include "core/kernel_isa.h"
#include "core/kernel_lookup.h"

#include <immintrin.h>
#include <string.h>

typedef __m512i vec;
#define VEC_BYTES 64

#define v_zero()         _mm512_setzero_si512()
#define v_8(x)           _mm512_set1_epi8(x)
#define v_16(x)          _mm512_set1_epi16(x)
#define v_load(p)        _mm512_load_si512(p)
#define v_store(p, v)    _mm512_store_si512(p, v)
#define v_and(a, b)      _mm512_and_si512(a, b)
#define v_add_8(a, b)    _mm512_add_epi8(a, b)
#define v_add_16(a, b)   _mm512_add_epi16(a, b)
#define v_shift_16(v, n) _mm512_srli_epi16(v, n)
#define v_look_up(v, at) _mm512_shuffle_epi8(v, at)
#define v_pairs(v, w)    _mm512_maddubs_epi16(v, w)
#define v_pack(a, b)     _mm512_packus_epi16(a, b)

INLINE vec v_lane(const uint8_t *p)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE vec v_spread(const uint8_t *p)
{
    const __m512i twice = _mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3);
    __m256i pixels = _mm256_loadu_si256((const __m256i *)(const void *)p);

    return _mm512_permutexvar_epi64(twice, _mm512_castsi256_si512(pixels));
}

struct sums {
    __m512i s;
};

INLINE void sums_clear(struct sums *sums)
{
    sums->s = v_zero();
}

/* Lanes 0 + 1 and 2 + 3 of a, then of b. */
INLINE __m512i add_lanes(__m512i a, __m512i b)
{
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88),
                            _mm512_shuffle_i32x4(a, b, 0xDD));
}

INLINE __m512i joined(__m512i low, __m512i rest)
{
    return _mm512_add_epi32(low, _mm512_slli_epi32(rest, 6));
}

INLINE void sums_add(struct sums *sums, const vec low[2], const vec rest[2])
{
    const __m512i half = _mm512_set1_epi32(0xFFFF);
    __m512i a[2], b[2];

    UNROLL for (size_t i = 0; i < 2; i++)
    {
        a[i] = joined(v_and(low[i], half), v_and(rest[i], half));
        b[i] = joined(_mm512_srli_epi32(low[i], 16), _mm512_srli_epi32(rest[i], 16));
    }
    sums->s = _mm512_add_epi32(sums->s,
                               add_lanes(add_lanes(a[0], a[1]), add_lanes(b[0], b[1])));
}

INLINE void put(const struct kernel_lookup_job *job, size_t block,
                const struct sums *sums)
{
    const struct kernel_lookup *l = job->l;
    size_t first = block * KERNEL_LOOKUP_LANES, left = l->n_out - first;
    __m512i s =
        _mm512_sub_epi32(_mm512_slli_epi32(sums->s, 1), _mm512_set1_epi32(job->total));

    if (job->y != NULL) {
        __m512i bound = _mm512_loadu_si512(l->threshold + first);
        uint32_t fired = _cvtmask16_u32(_mm512_cmpge_epi32_mask(s, bound));
        uint16_t bits = (uint16_t)(fired ^ l->invert[block]);

        /* x86 is little endian. */
        memcpy((uint8_t *)job->y + block * sizeof(bits), &bits, sizeof(bits));
    } else {
        __mmask16 used =
            (__mmask16)(left >= KERNEL_LOOKUP_LANES ? 0xFFFFU : (1U << left) - 1);
        _mm512_mask_storeu_epi32(job->s + first, used, s);
    }
}

#include "core/kernel_lookup_vector.h"

void kernel_lookup_avx512(const struct kernel_lookup_job *job)
{
    run(job);
}
