/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t bar_of(uint64_t done, uint64_t total)
{
    char line[PROGRESS_LINE];
    size_t n = 0;

    progress_line(done, total, done, 1.0, line);
    for (const char *at = line; *at != '\0'; at++)
        n += *at == '#';
    return n;
}

static void the_bar_grows_from_empty_to_full(void **state)
{
    size_t before = 0, full = bar_of(10000, 10000);

    (void)state;
    assert_int_equal(bar_of(0, 10000), 0);
    for (uint64_t done = 0; done <= 10000; done += 50) {
        size_t now = bar_of(done, 10000);

        assert_true(now >= before && now <= full);
        before = now;
    }
    assert_true(bar_of(9999, 10000) < full);
    assert_int_equal(bar_of(0, 0), full);
}

static void the_line_says_how_far_how_good_and_how_fast(void **state)
{
    char line[PROGRESS_LINE];

    (void)state;
    progress_line(4032, 10000, 3969, 12345.0, line);
    assert_non_null(strstr(line, "]  4,032 of 10,000  98.44 %  12,345/s"));
}

static void extreme_numbers_do_not_overrun_the_line(void **state)
{
    char line[PROGRESS_LINE];

    (void)state;
    progress_line(UINT64_MAX, UINT64_MAX, UINT64_MAX, 1e300, line);
    assert_true(strlen(line) < PROGRESS_LINE);
    progress_line(0, 1, 0, (double)NAN, line);
    assert_true(strlen(line) < PROGRESS_LINE);
}

static void nothing_is_drawn_where_there_is_no_terminal(void **state)
{
    FILE *out = tmpfile();
    struct progress progress;

    (void)state;
    assert_non_null(out);
    progress_start(&progress, out);
    progress_show(&progress, 0.0, 1, 2, 1, 1.0);
    progress_end(&progress);
    assert_int_equal(ftell(out), 0);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bar_grows_from_empty_to_full),
        cmocka_unit_test(the_line_says_how_far_how_good_and_how_fast),
        cmocka_unit_test(extreme_numbers_do_not_overrun_the_line),
        cmocka_unit_test(nothing_is_drawn_where_there_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
