/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rng.h"

#include <Random123/philox.h>
#include <assert.h>
#include <stdbool.h>
#include <string.h>

void rng_start(struct rng_stream *rng, uint64_t seed, enum rng_purpose purpose,
               uint64_t generation, uint64_t index)
{
    assert(generation <= RNG_MAX_GENERATION && index <= RNG_MAX_INDEX);

    rng->key[0] = (uint32_t)seed;
    rng->key[1] = (uint32_t)(seed >> 32);
    rng->counter[0] = 0;
    rng->counter[1] = (uint32_t)generation;
    rng->counter[2] = (uint32_t)index;
    rng->counter[3] = (uint32_t)purpose << 24 | (uint32_t)(index >> 32);
    rng->n_left = 0;
}

/* Element by element: a copy of the whole counter would wait for the store of its block.
 */
static void next_block(struct rng_stream *rng)
{
    philox4x32_ctr_t counter = { { rng->counter[0]++, rng->counter[1], rng->counter[2],
                                   rng->counter[3] } };
    philox4x32_key_t key = { { rng->key[0], rng->key[1] } };
    philox4x32_ctr_t block = philox4x32_R(10, counter, key);

    memcpy(rng->out, block.v, sizeof(rng->out));
    rng->n_left = 4;
}

uint32_t rng_u32(struct rng_stream *rng)
{
    if (rng->n_left == 0)
        next_block(rng);
    return rng->out[4 - rng->n_left--];
}

uint64_t rng_u64(struct rng_stream *rng)
{
    uint64_t low = rng_u32(rng);

    return low | (uint64_t)rng_u32(rng) << 32;
}

/* ln 2 in two parts; the first has trailing zeros, so that a small integer times it is
 * exact. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW  0x1.a39ef35793c76p-33

/* ln(1 + f) = 2 atanh(s), s = f / (2 + f), for 1 + f in [sqrt(1/2), sqrt(2)]: there
 * s^2 < 0.0295, and what the series leaves out is below 1e-18 of the sum. */
static double ln_1p(double f)
{
    double s = f / (2.0 + f);
    double z = s * s;
    double y = z * z;
    /* Even and odd terms apart: two short chains instead of a long one. */
    double even =
        1.0 / 3 + y * (1.0 / 7 + y * (1.0 / 11 + y * (1.0 / 15 + y * (1.0 / 19))));
    double odd =
        1.0 / 5 + y * (1.0 / 9 + y * (1.0 / 13 + y * (1.0 / 17 + y * (1.0 / 21))));
    double tail = z * (even + z * odd);

    return 2.0 * (s + s * tail);
}

/* x = m * 2^k with m in [sqrt(1/2), sqrt(2)); x is normal and positive. Without a branch,
 * which a random x would make unpredictable. */
static double reduce(double x, int *ret_k)
{
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
    uint64_t bits;
    double m;

    memcpy(&bits, &x, sizeof(bits));
    int64_t k = (int64_t)(bits - sqrt_half) >> 52;
    bits -= (uint64_t)k << 52;
    memcpy(&m, &bits, sizeof(m));
    *ret_k = (int)k;
    return m;
}

/* Without a branch either. */
static double choose(bool first, double a, double b)
{
    uint64_t x, y;

    memcpy(&x, &a, sizeof(x));
    memcpy(&y, &b, sizeof(y));
    y ^= (x ^ y) & -(uint64_t)first;
    memcpy(&b, &y, sizeof(b));
    return b;
}

double rng_ln(double x)
{
    int k;
    double m = reduce(x, &k);

    return k * LN2_HIGH + (ln_1p(m - 1.0) + k * LN2_LOW);
}

double rng_inv_ln_q(double p)
{
    /* Up to 1/4 the series sees p itself: 1 - p would lose the small ones. */
    return 1.0 / (p <= 0.25 ? ln_1p(-p) : rng_ln(1.0 - p));
}

uint64_t rng_skip(struct rng_stream *rng, double inv_ln_q)
{
    const uint64_t last = UINT64_MAX >> 1;
    uint64_t draw = rng_u64(rng) >> 1;
    /* v and q = 1 - v, each rounded from the integers, so that both keep their small
     * values; neither is zero. */
    double v = ((double)(int64_t)draw + 0.5) * 0x1p-63;
    double q = ((double)(int64_t)(last - draw) + 0.5) * 0x1p-63;
    int k;
    double m = reduce(q, &k);
    double f = choose(k == 0, -v, m - 1.0);
    double ln_q = k * LN2_HIGH + (ln_1p(f) + k * LN2_LOW);
    double skip = ln_q * inv_ln_q;

    return skip < 0x1p62 ? (uint64_t)skip : UINT64_MAX;
}
