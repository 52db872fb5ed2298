/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2: two lanes. */
#include "core/kernel_isa.h"
#include "core/kernel_lookup.h"

#include <immintrin.h>
#include <string.h>

typedef __m256i vec;
#define VEC_BYTES 32

#define v_zero()         _mm256_setzero_si256()
#define v_8(x)           _mm256_set1_epi8(x)
#define v_16(x)          _mm256_set1_epi16(x)
#define v_load(p)        _mm256_load_si256((const __m256i *)(const void *)(p))
#define v_store(p, v)    _mm256_store_si256((__m256i *)(void *)(p), v)
#define v_and(a, b)      _mm256_and_si256(a, b)
#define v_add_8(a, b)    _mm256_add_epi8(a, b)
#define v_add_16(a, b)   _mm256_add_epi16(a, b)
#define v_shift_16(v, n) _mm256_srli_epi16(v, n)
#define v_look_up(v, at) _mm256_shuffle_epi8(v, at)
#define v_pairs(v, w)    _mm256_maddubs_epi16(v, w)
#define v_pack(a, b)     _mm256_packus_epi16(a, b)

INLINE __m128i load_16(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE vec v_lane(const uint8_t *p)
{
    return _mm256_broadcastsi128_si256(load_16(p));
}

INLINE vec v_spread(const uint8_t *p)
{
    return _mm256_permute4x64_epi64(_mm256_castsi128_si256(load_16(p)), 0x50);
}

/* Outputs 0 .. 7 and 8 .. 15. */
struct sums {
    __m256i s[2];
};

INLINE void sums_clear(struct sums *sums)
{
    sums->s[0] = sums->s[1] = v_zero();
}

/* The lanes of a and of b added up, side by side. */
INLINE __m256i add_lanes(__m256i a, __m256i b)
{
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                            _mm256_permute2x128_si256(a, b, 0x31));
}

INLINE __m256i joined(__m256i low, __m256i rest)
{
    return _mm256_add_epi32(low, _mm256_slli_epi32(rest, 6));
}

INLINE void sums_add(struct sums *sums, const vec low[2], const vec rest[2])
{
    const __m256i half = _mm256_set1_epi32(0xFFFF);
    __m256i a[2], b[2];

    UNROLL for (size_t i = 0; i < 2; i++)
    {
        a[i] = joined(v_and(low[i], half), v_and(rest[i], half));
        b[i] = joined(_mm256_srli_epi32(low[i], 16), _mm256_srli_epi32(rest[i], 16));
    }
    sums->s[0] = _mm256_add_epi32(sums->s[0], add_lanes(a[0], a[1]));
    sums->s[1] = _mm256_add_epi32(sums->s[1], add_lanes(b[0], b[1]));
}

INLINE unsigned below(__m256i s, const int32_t *threshold)
{
    __m256i t = _mm256_loadu_si256((const __m256i *)(const void *)threshold);

    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(t, s)));
}

INLINE void put(const struct kernel_lookup_job *job, size_t block,
                const struct sums *sums)
{
    const struct kernel_lookup *l = job->l;
    size_t first = block * KERNEL_LOOKUP_LANES, left = l->n_out - first;
    __m256i total = _mm256_set1_epi32(job->total), s[2];

    UNROLL for (size_t i = 0; i < 2; i++) s[i] =
        _mm256_sub_epi32(_mm256_slli_epi32(sums->s[i], 1), total);
    if (job->y != NULL) {
        const int32_t *threshold = l->threshold + first;
        unsigned not_fired = below(s[0], threshold) | below(s[1], threshold + 8) << 8;
        uint16_t bits = (uint16_t)(~not_fired ^ l->invert[block]);

        /* x86 is little endian. */
        memcpy((uint8_t *)job->y + block * sizeof(bits), &bits, sizeof(bits));
    } else {
        memcpy(job->s + first, s,
               (left < KERNEL_LOOKUP_LANES ? left : KERNEL_LOOKUP_LANES) *
                   sizeof(*job->s));
    }
}

#include "core/kernel_lookup_vector.h"

void kernel_lookup_avx2(const struct kernel_lookup_job *job)
{
    run(job);
}
