/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/solve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

static char *body_of(const char *line, const char *model, char why[ERR_LEN])
{
    struct option_value values[SOLVE_OPTIONS] = { 0 };
    char words[256], *text = NULL;

    strcpy(words, line);
    cli_parse(solve_options, words, values);
    return solve_body(values, model, &text, why) == ST_OK ? text : NULL;
}

static void what_is_given_is_asked(void **state)
{
    char why[ERR_LEN];

    (void)state;
    cli_assert_json(body_of("--target 1e-3", NULL, why), "{\"target_error_rate\":0.001}");
    cli_assert_json(
        body_of("--target 1e-3 --pulse-ns 10 -t 350 --device scaled", NULL, why),
        "{\"target_error_rate\":0.001,\"pulse_ns\":10.0,\"temperature_k\":350.0,"
        "\"device\":\"scaled\"}");
    cli_assert_json(body_of("--target 1e-3", "mnist", why),
                    "{\"target_error_rate\":0.001,\"device\":{\"model\":\"mnist\"}}");
}

static void a_target_and_at_most_one_device_are_needed(void **state)
{
    char why[ERR_LEN];

    (void)state;
    assert_null(body_of("--pulse-ns 10", NULL, why));
    cli_assert_has(why, "--target");
    assert_null(body_of("--target 1e-3 --device scaled", "mnist", why));
    cli_assert_has(why, "not both");
}

/* The text without line ends and indentation. */
static void unwrap(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++)
        if (*from != '\n' && (*from != ' ' || (to > text && to[-1] != ' ')))
            *to++ = *from;
        else if (*from == '\n' && to > text && to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
}

static void both_ends_of_the_comparison_are_named(void **state)
{
    char *text = cli_text(solve_print, "solve");

    (void)state;
    unwrap(text);
    cli_assert_has(text, "Strong writes at 1.00e-06 with SECDED, as is practice, take "
                         "1.21 pJ a bit, 2.37 times as much as weak writes at 1.00e-03 "
                         "without a code, which take 0.51 pJ.");
    cli_assert_has(text, "Where both deliver 1.00e-03, SECDED over cells that fail at "
                         "4.50e-03 takes 0.49 pJ a bit, 4.31 % less than bare cells.");
    free(text);
}

static void the_write_and_the_schemes_are_shown(void **state)
{
    char *text = cli_text(solve_print, "solve");

    (void)state;
    cli_assert_has(text, "writes that fail at 1.00e-03, device default at 300 K\n");
    cli_assert_has(text, "0.4801 V P to AP, 0.4089 V AP to P\n");
    cli_assert_has(text, "0.51 pJ at 14.2 ns, 0.4801 V P to AP");
    cli_assert_has(text, "  bch2    delivers the target  unreachable          -");
    cli_assert_has(text,
                   "  secded  as in practice          1.00e-06   1.00e-11   0.48 V");
    free(text);
}

static void what_no_voltage_reaches_is_not_compared(void **state)
{
    char *text = cli_text(
        solve_print,
        "{\"schemes\":[{\"scheme\":\"none\",\"basis\":\"equal_delivered\","
        "\"energy_per_data_bit_pj\":1},{\"scheme\":\"secded\",\"basis\":\"practice\","
        "\"reachable\":false,\"energy_per_data_bit_pj\":0}]}");

    (void)state;
    assert_null(strstr(text, "Strong writes"));
    assert_null(strstr(text, "Where both"));
    free(text);
}

static void broken_answers_break_nothing(void **state)
{
    (void)state;
    cli_print_broken(solve_print, "solve");
    cli_print_without_memory(solve_print, "solve");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_is_asked),
        cmocka_unit_test(a_target_and_at_most_one_device_are_needed),
        cmocka_unit_test(both_ends_of_the_comparison_are_named),
        cmocka_unit_test(the_write_and_the_schemes_are_shown),
        cmocka_unit_test(what_no_voltage_reaches_is_not_compared),
        cmocka_unit_test(broken_answers_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
