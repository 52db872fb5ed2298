/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sysexits.h>

#include <cmocka.h>

static const struct cli nobody = { .url = "http://127.0.0.1:1",
                                   .model = "mnist",
                                   .timeout_s = 1.0 };

static enum status print_nothing(FILE *out, const char *model, const json_t *answer)
{
    (void)out;
    (void)model;
    (void)answer;
    return ST_OK;
}

static void an_unknown_verb_is_wrong_usage(void **state)
{
    static const char *const verbs[] = { "get", "set", "reset", NULL };

    (void)state;
    assert_int_equal(ask_unknown_verb("operating-point", "rest", verbs), EX_USAGE);
    assert_int_equal(ask_unknown_verb("operating-point", "", verbs), EX_USAGE);
}

static void options_of_another_verb_are_wrong_usage(void **state)
{
    static const struct option options[] = { { .name = "a" }, { .name = "b" }, { 0 } };
    const struct option_value values[2] = { { .given = true }, { .given = false } };

    (void)state;
    assert_int_equal(ask_refuse("x", options, values, 0, 2), EX_USAGE);
    assert_int_equal(ask_refuse("x", options, values, 1, 1), EXIT_SUCCESS);
    assert_int_equal(ask_refuse("x", options, values, 0, 0), EXIT_SUCCESS);
}

static void nobody_listening_is_code_69_whatever_is_asked(void **state)
{
    const struct ask asks[] = {
        { .method = "GET", .path = "/energy", .print = print_nothing },
        { .method = "DELETE",
          .path = "/operating-point",
          .layer = "a&b/c",
          .print = print_nothing },
        { .method = "POST",
          .path = "/api/v1/solve",
          .what = "solve",
          .content_type = "application/json",
          .body = "{}",
          .len = 2,
          .print = print_nothing },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
        assert_int_equal(ask_run(&nobody, &asks[i]), EX_UNAVAILABLE);
    assert_int_equal(ask_save(&nobody, &asks[0], "/nonexistent/x"), EX_UNAVAILABLE);
}

static void a_failed_allocation_is_code_1(void **state)
{
    const struct ask ask = { .method = "GET",
                             .path = "/operating-point",
                             .layer = "fc1",
                             .print = print_nothing };
    int code = EXIT_FAILURE;

    (void)state;
    for (unsigned nth = 0; code != EX_UNAVAILABLE; nth++) {
        fault_at(nth);
        code = ask_run(&nobody, &ask);
        fault_off();
        assert_true(code == EX_UNAVAILABLE || code == EXIT_FAILURE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_verb_is_wrong_usage),
        cmocka_unit_test(options_of_another_verb_are_wrong_usage),
        cmocka_unit_test(nobody_listening_is_code_69_whatever_is_asked),
        cmocka_unit_test(a_failed_allocation_is_code_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
