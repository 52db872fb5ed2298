/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/upkeep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

/* -- Bodies -- */

static char *age_of(const char *line, char why[ERR_LEN])
{
    struct option_value values[AGE_OPTIONS] = { 0 };
    char words[256], *text = NULL;

    strcpy(words, line);
    cli_parse(age_options, words, values);
    return age_body(values, &text, why) == ST_OK ? text : NULL;
}

static char *inject_of(const char *line, char why[ERR_LEN])
{
    struct option_value values[INJECT_OPTIONS] = { 0 };
    char words[256], *text = NULL;

    strcpy(words, line);
    cli_parse(inject_options, words, values);
    return inject_body(values, &text, why) == ST_OK ? text : NULL;
}

static void an_age_is_sent_in_seconds_and_kelvin(void **state)
{
    char why[ERR_LEN];

    (void)state;
    cli_assert_json(age_of("--seconds 1.5", why), "{\"seconds\":1.5}");
    cli_assert_json(age_of("--days 2 --temperature-k 400", why),
                    "{\"seconds\":172800.0,\"temperature_k\":400.0}");
    cli_assert_json(age_of("--years 10 --celsius 85", why),
                    "{\"seconds\":315576000.0,\"temperature_k\":358.15}");
    cli_assert_json(age_of("--seconds 0 --celsius -40", why),
                    "{\"seconds\":0.0,\"temperature_k\":233.15}");
}

static void one_length_and_one_temperature_are_needed(void **state)
{
    char why[ERR_LEN];

    (void)state;
    assert_null(age_of("", why));
    cli_assert_has(why, "--seconds, --days and --years");
    assert_null(age_of("--days 1 --years 1", why));
    cli_assert_has(why, "one of");
    assert_null(age_of("--days 1 --celsius 85 --temperature-k 358", why));
    cli_assert_has(why, "not both");
}

static void flips_are_a_share_or_places_or_both(void **state)
{
    char why[ERR_LEN];

    (void)state;
    cli_assert_json(inject_of("--share 1e-3", why), "{\"share\":0.001}");
    cli_assert_json(inject_of("--share 0 --seed 7 --bit fc1:3:77", why),
                    "{\"share\":0.0,\"seed\":7,\"bits\":[{\"layer\":\"fc1\",\"row\":3,"
                    "\"column\":77}]}");
    cli_assert_json(
        inject_of("--bit a:b:0:1 --bit x:4294967296:12345678", why),
        "{\"bits\":[{\"layer\":\"a:b\",\"row\":0,\"column\":1},{\"layer\":\"x\","
        "\"row\":4294967296,\"column\":12345678}]}");
}

static void what_is_no_place_is_refused(void **state)
{
    static const char *const wrong[] = { "fc1",      "fc1:0",    ":0:1",     "fc1:a:1",
                                         "fc1:1:",   "fc1::1",   "fc1:-1:0", "1:2",
                                         "fc1:1:2x", "fc1:1x:2", "fc1:+1:2", ":" };
    char why[ERR_LEN], line[64];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(line, sizeof(line), "--bit %s", wrong[i]);
        assert_null(inject_of(line, why));
        cli_assert_has(why, "LAYER:ROW:COLUMN");
    }
    assert_null(inject_of("--seed 7", why));
    cli_assert_has(why, "--share or --bit");
}

/* -- Answers -- */

static void a_scrub_tells_before_and_after(void **state)
{
    char *text = cli_text(scrub_print, "scrub");

    (void)state;
    cli_assert_has(text, "scrubbed mnist, generation 3\n");
    cli_assert_has(text, "1,190 cells for 692 pJ\n");
    cli_assert_has(text, "1,204 of 2,094,336 cells\n");
    cli_assert_has(text, "12 of 1,861,632 weights wrong (6.45e-06), 14 of");
    cli_assert_has(text, "29,088 words: 0 corrected, 6 detected only");
    cli_assert_has(text, "600 pJ changing cells, 80.0 pJ check cells, 12.0 pJ encoding");
    cli_assert_has(text, "MISCORRECTED\n");
    free(text);
}

static void an_age_tells_what_was_expected(void **state)
{
    char *text = cli_text(age_print, "age");

    (void)state;
    cli_assert_has(text, "aged mnist, generation 4\n");
    cli_assert_has(text, "10.0 years at 358.1 K\n");
    cli_assert_has(text, "12 from P, 3,456 from AP\n");
    cli_assert_has(text, "FLIPPED  EXPECTED\n");
    cli_assert_has(text, "    3,468     3,482\n");
    free(text);
}

static void an_injection_tells_which_cells_stayed(void **state)
{
    char *text = cli_text(inject_print, "inject");

    (void)state;
    cli_assert_has(text, "injected into mnist, generation 5\n");
    cli_assert_has(text, "1,862 cells; 1 are stuck and stayed\n");
    cli_assert_has(text, "2,780 of 1,861,632 weights wrong");
    free(text);
    text = cli_text(inject_print, "{\"flipped\":3,\"stuck\":0}");
    cli_assert_has(text, "3 cells\n");
    free(text);
}

static void broken_answers_break_nothing(void **state)
{
    (void)state;
    cli_print_broken(scrub_print, "scrub");
    cli_print_broken(age_print, "age");
    cli_print_broken(inject_print, "inject");
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    cli_print_without_memory(scrub_print, "scrub");
    cli_print_without_memory(age_print, "age");
    cli_print_without_memory(inject_print, "inject");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_age_is_sent_in_seconds_and_kelvin),
        cmocka_unit_test(one_length_and_one_temperature_are_needed),
        cmocka_unit_test(flips_are_a_share_or_places_or_both),
        cmocka_unit_test(what_is_no_place_is_refused),
        cmocka_unit_test(a_scrub_tells_before_and_after),
        cmocka_unit_test(an_age_tells_what_was_expected),
        cmocka_unit_test(an_injection_tells_which_cells_stayed),
        cmocka_unit_test(broken_answers_break_nothing),
        cmocka_unit_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
