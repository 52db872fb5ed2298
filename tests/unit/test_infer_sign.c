/* SPDX-License-Identifier: Apache-2.0 */
/* Signs against the four comparisons that core/network.h names. */
#include "core/infer_stage.h"

#include "tests/lib/stage_net.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_CHANNELS 200
#define N_PLACES     3

/* Few enough that ties are common. */
static const float numbers[] = { 0.0F, -0.0F, 1.0F,    -1.0F,    1e-45F,
                                 2.5F, -2.5F, FLT_MAX, -FLT_MAX, -1e-45F };
static const float odd_ones[] = { INFINITY, -INFINITY, NAN, -NAN };
#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))
#define N_ODD     (sizeof(odd_ones) / sizeof(odd_ones[0]))

static float draw(uint64_t *seed, uint32_t n)
{
    uint32_t i = stage_net_below(seed, n);

    return i < N_NUMBERS ? numbers[i] : odd_ones[i - N_NUMBERS];
}

static bool expected(const struct network_stage *stage, size_t c, float x)
{
    if (bits_get(stage->mask, c))
        return stage->strict ? x < stage->a[c] : x <= stage->a[c];
    return stage->strict ? x > stage->a[c] : x >= stage->a[c];
}

static void check(const struct network_stage *stage, uint64_t *seed)
{
    size_t n = stage->n_a, n_words = bits_words(n);
    uint64_t bits[N_PLACES * (MAX_CHANNELS / BITS_PER_WORD + 2)];
    float *x = malloc(N_PLACES * n * sizeof(*x)); /* exact: nothing behind it is read */

    assert_non_null(x);
    for (size_t i = 0; i < N_PLACES * n; i++)
        x[i] = draw(seed, N_NUMBERS + N_ODD);
    memset(bits, 0xA5, sizeof(bits));
    infer_sign(stage, N_PLACES, x, bits);
    for (size_t p = 0; p < N_PLACES; p++) {
        for (size_t c = 0; c < n; c++)
            assert_int_equal(bits_get(bits + p * n_words, c),
                             expected(stage, c, x[p * n + c]));
        assert_int_equal(bits[p * n_words + n_words - 1] & ~bits_mask(n, n_words - 1), 0);
    }
    assert_int_equal(bits[N_PLACES * n_words], UINT64_C(0xA5A5A5A5A5A5A5A5));
    free(x);
}

static void a_sign_is_the_comparison_of_every_channel(void **state)
{
    (void)state;
    uint64_t seed = 1;
    float a[MAX_CHANNELS];
    uint64_t mask[MAX_CHANNELS / BITS_PER_WORD + 1];

    for (size_t n = 1; n <= MAX_CHANNELS; n++) {
        struct network_stage stage = {
            .op = NETWORK_OP_SIGN, .strict = n % 2 == 1, .n_a = n, .a = a, .mask = mask
        };

        for (size_t c = 0; c < n; c++)
            a[c] = draw(&seed, N_NUMBERS);
        for (size_t word = 0; word < bits_words(n); word++)
            mask[word] = stage_net_draw(&seed) & bits_mask(n, word);
        check(&stage, &seed);
        stage.strict = !stage.strict;
        check(&stage, &seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sign_is_the_comparison_of_every_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
