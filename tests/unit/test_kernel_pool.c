/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of bits, against one bit after another. */
#include "core/kernel_pool.h"

#include "tests/unit/kernel_layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void pool_agrees(const struct kernel_shape *s)
{
    size_t n_words = bits_words(s->channels);
    uint64_t *x = random_bits(s->height * s->width, s->channels);
    uint64_t *mask = random_bits(1, s->channels);
    uint64_t *y = array(n_places(s) * n_words + 1, sizeof(*y));

    y[n_places(s) * n_words] = JUNK_WORD;
    kernel_pool_bits(&s->window, s->height, s->width, s->channels, mask, x, y);
    for (size_t i = 0; i < n_places(s); i++) {
        struct place at = { i / out_width(s), i % out_width(s) };

        for (size_t j = 0; j < n_words * BITS_PER_WORD; j++) {
            size_t n_inside = 0, n_ones = 0, place = 0;
            bool want;

            for (size_t tap = 0; tap < s->window.kernel_h * s->window.kernel_w; tap++) {
                if (!tap_inside(s, at, tap / s->window.kernel_w, tap % s->window.kernel_w,
                                &place))
                    continue;
                n_inside++;
                n_ones += bits_get(x + place * n_words, j);
            }
            want = n_ones > 0 && (!bits_get(mask, j) || n_ones == n_inside);
            assert_int_equal(bits_get(y + i * n_words, j), want);
        }
    }
    assert_true(y[n_places(s) * n_words] == JUNK_WORD);
    free(x);
    free(mask);
    free(y);
}

static void pooling_takes_the_or_or_the_and_of_what_is_inside(void **state_unused)
{
    const struct network_window usual = { 2, 2, 2, 2, 1, 1, 0, 0, 0, 0 };

    (void)state_unused;
    seed(6);
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct kernel_shape s = random_shape(200);

        s.n_out = s.channels;
        s.groups = 1;
        if (i % 2 == 0 && s.height > 1 && s.width > 1)
            s.window = usual;
        pool_agrees(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling_takes_the_or_or_the_and_of_what_is_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
