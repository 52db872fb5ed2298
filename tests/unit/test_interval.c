/* SPDX-License-Identifier: Apache-2.0 */
#include "core/interval.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_share_lies_in_its_interval_inside_0_and_1(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 200; n += 7)
        for (uint64_t hits = 0; hits <= n; hits++) {
            struct interval i = interval_wilson(hits, n, INTERVAL_95);
            double share = (double)hits / (double)n;

            assert_true(i.low >= 0.0 && i.high <= 1.0);
            assert_true(i.low <= share && share <= i.high);
            assert_true(i.low < i.high);
        }
}

static void hits_and_misses_mirror_each_other(void **state)
{
    (void)state;
    for (uint64_t hits = 0; hits <= 50; hits++) {
        struct interval a = interval_wilson(hits, 50, INTERVAL_95),
                        b = interval_wilson(50 - hits, 50, INTERVAL_95);

        assert_true(fabs(a.low - (1.0 - b.high)) < 1e-12);
        assert_true(fabs(a.high - (1.0 - b.low)) < 1e-12);
    }
}

/* The interval's ends are the shares p for which hits is z standard deviations away: that
 * is how Wilson defines it. */
static void each_end_is_1_96_deviations_from_what_was_counted(void **state)
{
    (void)state;
    for (uint64_t hits = 1; hits < 300; hits += 13) {
        struct interval i = interval_wilson(hits, 300, INTERVAL_95);
        double ends[2] = { i.low, i.high };

        for (int e = 0; e < 2; e++) {
            double away = (double)hits - 300.0 * ends[e];
            double deviation = sqrt(300.0 * ends[e] * (1.0 - ends[e]));

            assert_true(fabs(fabs(away) / deviation - INTERVAL_95) < 1e-9);
        }
    }
}

static void more_pictures_make_it_narrower(void **state)
{
    double before = 1.0;

    (void)state;
    for (uint64_t n = 10; n <= 10000000; n *= 10) {
        struct interval i = interval_wilson(9 * n / 10, n, INTERVAL_95);

        assert_true(i.high - i.low < before);
        before = i.high - i.low;
    }
}

/* E.g. Newcombe, Statist. Med. 17 (1998) 857, table I: 81 of 263. */
static void it_gives_the_published_example(void **state)
{
    struct interval i = interval_wilson(81, 263, INTERVAL_95);

    (void)state;
    assert_true(fabs(i.low - 0.2553) < 5e-5);
    assert_true(fabs(i.high - 0.3662) < 5e-5);
}

static void nothing_counted_tells_nothing(void **state)
{
    struct interval i = interval_wilson(0, 0, INTERVAL_95);

    (void)state;
    assert_true(i.low == 0.0 && i.high == 1.0);
}

/* From tables of the normal distribution. */
static void one_end_holds_with_the_confidence_asked_for(void **state)
{
    (void)state;
    assert_true(fabs(interval_one_sided(0.5)) < 1e-9);
    assert_true(fabs(interval_one_sided(0.95) - 1.6448536) < 1e-6);
    assert_true(fabs(interval_one_sided(0.975) - INTERVAL_95) < 1e-9);
    assert_true(fabs(interval_one_sided(0.999) - 3.0902323) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_share_lies_in_its_interval_inside_0_and_1),
        cmocka_unit_test(hits_and_misses_mirror_each_other),
        cmocka_unit_test(each_end_is_1_96_deviations_from_what_was_counted),
        cmocka_unit_test(more_pictures_make_it_narrower),
        cmocka_unit_test(it_gives_the_published_example),
        cmocka_unit_test(nothing_counted_tells_nothing),
        cmocka_unit_test(one_end_holds_with_the_confidence_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
