/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/point.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sysexits.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

/* The exit code of a verb with options. Nobody listens. */
static int code_of(const char *verb, const char *line)
{
    const struct cli cli = { .url = "http://127.0.0.1:1", .model = "m", .timeout_s = 1 };
    struct option_value values[POINT_OPTIONS] = { 0 };
    char words[256], word[16], *args[] = { word };

    strcpy(word, verb);
    strcpy(words, line);
    cli_parse(point_options, words, values);
    return operating_point_command.run(&cli, values, args, 1);
}

static void conditions_are_for_set_only(void **state)
{
    (void)state;
    assert_int_equal(code_of("get", "--target 1e-3"), EX_USAGE);
    assert_int_equal(code_of("get", "--if-match 3"), EX_USAGE);
    assert_int_equal(code_of("reset", "--ecc none"), EX_USAGE);
    assert_int_equal(code_of("reset", "--default seed"), EX_USAGE);
    assert_int_equal(code_of("set", ""), EX_USAGE);
    assert_int_equal(code_of("set", "--layer fc1"), EX_USAGE);
    assert_int_equal(code_of("rest", ""), EX_USAGE);
}

static void right_usage_asks(void **state)
{
    (void)state;
    assert_int_equal(code_of("get", ""), EX_UNAVAILABLE);
    assert_int_equal(code_of("get", "--layer fc1"), EX_UNAVAILABLE);
    assert_int_equal(code_of("reset", "--layer fc1 --if-match 3"), EX_UNAVAILABLE);
    assert_int_equal(code_of("set", "--layer fc1 --ecc bch2"), EX_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_for_set_only),
        cmocka_unit_test(right_usage_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
