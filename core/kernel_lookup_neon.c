/* SPDX-License-Identifier: Apache-2.0 */
/* NEON: one lane. */
#include "core/kernel_isa.h"
#include "core/kernel_lookup.h"

#include <arm_neon.h>

typedef uint8x16_t vec;
#define VEC_BYTES 16

#define v_zero()         vdupq_n_u8(0)
#define v_8(x)           vdupq_n_u8(x)
#define v_16(x)          vreinterpretq_u8_u16(vdupq_n_u16(x))
#define v_load(p)        vld1q_u8(p)
#define v_store(p, v)    vst1q_u8(p, v)
#define v_lane(p)        vld1q_u8(p)
#define v_spread(p)      vcombine_u8(vld1_u8(p), vld1_u8(p))
#define v_and(a, b)      vandq_u8(a, b)
#define v_add_8(a, b)    vaddq_u8(a, b)
#define v_wide(v)        vreinterpretq_u16_u8(v)
#define v_add_16(a, b)   vreinterpretq_u8_u16(vaddq_u16(v_wide(a), v_wide(b)))
#define v_shift_16(v, n) vreinterpretq_u8_u16(vshrq_n_u16(v_wide(v), n))
#define v_look_up(v, at) vqtbl1q_u8(v, at)
#define v_pairs(v, w)    vreinterpretq_u8_u16(vpaddlq_u8(vmulq_u8(v, w)))
#define v_pack(a, b)     vcombine_u8(vmovn_u16(v_wide(a)), vmovn_u16(v_wide(b)))

/* Four outputs each. */
struct sums {
    uint32x4_t s[4];
};

INLINE void sums_clear(struct sums *sums)
{
    for (size_t i = 0; i < 4; i++)
        sums->s[i] = vdupq_n_u32(0);
}

INLINE uint32x4_t joined(uint32x4_t low, uint32x4_t rest)
{
    return vaddq_u32(low, vshlq_n_u32(rest, 6));
}

INLINE void sums_add(struct sums *sums, const vec low[2], const vec rest[2])
{
    const uint32x4_t half = vdupq_n_u32(0xFFFF);

    for (size_t i = 0; i < 2; i++) {
        uint32x4_t l = vreinterpretq_u32_u8(low[i]), r = vreinterpretq_u32_u8(rest[i]);

        sums->s[i] =
            vaddq_u32(sums->s[i], joined(vandq_u32(l, half), vandq_u32(r, half)));
        sums->s[2 + i] =
            vaddq_u32(sums->s[2 + i], joined(vshrq_n_u32(l, 16), vshrq_n_u32(r, 16)));
    }
}

INLINE void put(const struct kernel_lookup_job *job, size_t block,
                const struct sums *sums)
{
    const struct kernel_lookup *l = job->l;
    size_t first = block * KERNEL_LOOKUP_LANES;
    uint32_t p[KERNEL_LOOKUP_LANES];
    uint64_t bits = job->y == NULL ? 0 : l->invert[block];

    for (size_t i = 0; i < 4; i++)
        vst1q_u32(p + 4 * i, sums->s[i]);
    for (size_t j = 0; j < KERNEL_LOOKUP_LANES; j++) {
        int32_t s = (int32_t)(2 * p[j]) - job->total;

        if (job->y != NULL)
            bits ^= (uint64_t)(s >= l->threshold[first + j]) << j;
        else if (first + j < l->n_out)
            job->s[first + j] = s;
    }
    if (job->y != NULL)
        job->y[first / 64] |= bits << first % 64;
}

#include "core/kernel_lookup_vector.h"

void kernel_lookup_neon(const struct kernel_lookup_job *job)
{
    run(job);
}
