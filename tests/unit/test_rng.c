/* SPDX-License-Identifier: Apache-2.0 */
/* Counter-based numbers: known answers, keys, and the geometric sampler. */
#include "core/rng.h"

#include <Random123/philox.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Of Random123's kat_vectors file, philox4x32 with 10 rounds. */
static void philox_gives_its_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
          { UINT32_MAX, UINT32_MAX },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct rng_stream rng = { .n_left = 0 };

        memcpy(rng.counter, known[i].counter, sizeof(rng.counter));
        memcpy(rng.key, known[i].key, sizeof(rng.key));
        for (unsigned j = 0; j < 4; j++)
            assert_int_equal(rng_u32(&rng), known[i].out[j]);
    }
}

static void a_stream_is_philox_of_where_it_is_used(void **state)
{
    const uint64_t seed = 0x0123456789abcdef, index = 0x00fedcba98765432;
    philox4x32_key_t key = { { 0x89abcdef, 0x01234567 } };
    struct rng_stream rng;

    (void)state;
    rng_start(&rng, seed, RNG_FLIP, 77, index);
    for (uint32_t block = 0; block < 1000; block++) {
        philox4x32_ctr_t counter = { { block, 77, 0x98765432, 4u << 24 | 0xfedcba } };
        philox4x32_ctr_t out = philox4x32_R(10, counter, key);

        for (unsigned j = 0; j < 4; j++)
            assert_int_equal(rng_u32(&rng), out.v[j]);
    }
}

static void a_long_number_is_two_draws_low_half_first(void **state)
{
    struct rng_stream a, b;

    (void)state;
    rng_start(&a, 5, RNG_WRITE, 1, 2);
    rng_start(&b, 5, RNG_WRITE, 1, 2);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t low = rng_u32(&a), high = rng_u32(&a);
        assert_true(rng_u64(&b) == (low | high << 32));
    }
}

static void every_part_of_the_key_changes_the_stream(void **state)
{
    static const struct {
        uint64_t seed, generation, index;
        enum rng_purpose purpose;
    } keys[] = {
        { 1, 1, 1, RNG_WRITE },
        { 2, 1, 1, RNG_WRITE },
        { 1 + (UINT64_C(1) << 32), 1, 1, RNG_WRITE },
        { 1, 2, 1, RNG_WRITE },
        { 1, RNG_MAX_GENERATION, 1, RNG_WRITE },
        { 1, 1, 2, RNG_WRITE },
        { 1, 1, 1 + (UINT64_C(1) << 32), RNG_WRITE },
        { 1, 1, RNG_MAX_INDEX, RNG_WRITE },
        { 1, 1, 1, RNG_FLIP },
        { 1, 1, 1, RNG_CONTENTS },
        { 1, 1, 1, RNG_FABRICATION },
    };
    const size_t n = sizeof(keys) / sizeof(keys[0]);
    uint64_t first[sizeof(keys) / sizeof(keys[0])];

    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct rng_stream rng;

        rng_start(&rng, keys[i].seed, keys[i].purpose, keys[i].generation, keys[i].index);
        first[i] = rng_u64(&rng);
        for (size_t j = 0; j < i; j++)
            assert_true(first[i] != first[j]);
    }
}

static void assert_relative(double got, long double want, double bound)
{
    if (want == 0.0L)
        assert_true(got == 0.0);
    else
        assert_true(fabsl((got - want) / want) <= bound);
}

static void ln_agrees_with_a_longer_one(void **state)
{
    struct rng_stream rng;

    (void)state;
    rng_start(&rng, 6, RNG_WRITE, 1, 1);
    for (unsigned i = 0; i < 1000000; i++) {
        double x = ((double)(rng_u64(&rng) >> 12) + 0.5) * 0x1p-52;
        x = ldexp(x, -(int)(i % 12));
        assert_relative(rng_ln(x), logl(x), 1e-15);
    }
    for (int e = 0; e <= 64; e++)
        assert_relative(rng_ln(ldexp(1.0, -e)), logl(ldexpl(1.0L, -e)), 1e-15);
    for (double d = 0x1p-53; d < 0.5; d *= 1.37)
        assert_relative(rng_ln(1.0 - d), logl(1.0L - (long double)(1.0 - (1.0 - d))),
                        1e-15);
}

static void the_scale_of_a_skip_is_exact_for_small_rates(void **state)
{
    (void)state;
    for (double p = 1e-300; p < 1.0; p *= 1.7)
        assert_relative(rng_inv_ln_q(p), 1.0L / log1pl(-(long double)p), 2e-15);
    assert_true(rng_inv_ln_q(0x1p-1074) == -INFINITY);
}

static void a_skip_is_the_quantile_of_its_number(void **state)
{
    static const double rates[] = { 1e-12, 1e-6, 1e-3, 1e-2, 0.3, 0.9 };

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        double inv_ln_q = rng_inv_ln_q(rates[i]);
        struct rng_stream rng, copy;

        rng_start(&rng, 7, RNG_WRITE, 1, i);
        copy = rng;
        for (unsigned j = 0; j < 100000; j++) {
            long double v = ((long double)(rng_u64(&copy) >> 1) + 0.5L) * 0x1p-63L;
            long double want = log1pl(-v) / log1pl(-(long double)rates[i]);
            long double got = rng_skip(&rng, inv_ln_q);

            /* Next to a whole number rounding may fall either way. */
            assert_true(got >= floorl(want * (1 - 4e-15L)) &&
                        got <= floorl(want * (1 + 4e-15L)));
        }
    }
}

/* Chi-square of `n` skips in 16 cells of about equal probability, 15 degrees of freedom;
 * exceeds 51 once in 1e5 tries. */
static double chi_square(double p, unsigned n, uint64_t seed)
{
    const double inv_ln_q = rng_inv_ln_q(p);
    double chi = 0.0;
    uint64_t edge[17] = { 0 };
    unsigned hits[16] = { 0 };
    struct rng_stream rng;

    for (unsigned i = 1; i < 16; i++)
        edge[i] = (uint64_t)ceil(log1p(-(double)i / 16) / log1p(-p));
    edge[16] = UINT64_MAX;
    rng_start(&rng, seed, RNG_WRITE, 1, 1);
    for (unsigned i = 0; i < n; i++) {
        uint64_t skip = rng_skip(&rng, inv_ln_q);
        unsigned cell = 0;
        while (skip >= edge[cell + 1])
            cell++;
        hits[cell]++;
    }
    for (unsigned i = 0; i < 16; i++) {
        /* P(edge <= skip < next edge) = q^edge - q^next. */
        double above = i == 15 ? 0.0 : exp((double)edge[i + 1] * log1p(-p));
        double expected = n * (exp((double)edge[i] * log1p(-p)) - above);
        double d = hits[i] - expected;
        chi += d * d / expected;
    }
    return chi;
}

static void skips_are_geometric(void **state)
{
    (void)state;
    for (double p = 1e-6; p < 2e-2; p *= 10)
        assert_true(chi_square(p, 400000, 11) < 51.0);
}

/* 4e6 tries at 65536e-9 each: 262 expected, 5 sigma are 81. */
static void rare_hits_within_a_tile_come_as_often_as_they_should(void **state)
{
    const double inv_ln_q = rng_inv_ln_q(1e-9);
    struct rng_stream rng;
    unsigned hits = 0;

    (void)state;
    rng_start(&rng, 12, RNG_WRITE, 1, 1);
    for (unsigned i = 0; i < 4000000; i++)
        hits += rng_skip(&rng, inv_ln_q) < 65536;
    assert_in_range(hits, 262 - 81, 262 + 81);
}

static void a_rate_next_to_nothing_skips_beyond_everything(void **state)
{
    struct rng_stream rng;

    (void)state;
    rng_start(&rng, 13, RNG_WRITE, 1, 1);
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(rng_skip(&rng, rng_inv_ln_q(1e-40)) == UINT64_MAX);
        assert_true(rng_skip(&rng, rng_inv_ln_q(0x1p-1074)) == UINT64_MAX);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_its_known_answers),
        cmocka_unit_test(a_stream_is_philox_of_where_it_is_used),
        cmocka_unit_test(a_long_number_is_two_draws_low_half_first),
        cmocka_unit_test(every_part_of_the_key_changes_the_stream),
        cmocka_unit_test(ln_agrees_with_a_longer_one),
        cmocka_unit_test(the_scale_of_a_skip_is_exact_for_small_rates),
        cmocka_unit_test(a_skip_is_the_quantile_of_its_number),
        cmocka_unit_test(skips_are_geometric),
        cmocka_unit_test(rare_hits_within_a_tile_come_as_often_as_they_should),
        cmocka_unit_test(a_rate_next_to_nothing_skips_beyond_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
