/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

static char *body_of(const char *line, const char *table, char why[ERR_LEN])
{
    struct option_value values[DEVICE_OPTIONS] = { 0 };
    char words[512], *text = NULL;

    strcpy(words, line);
    cli_parse(device_options, words, values);
    return device_body(values, table, &text, why) == ST_OK ? text : NULL;
}

static void options_make_the_body(void **state)
{
    char why[ERR_LEN];

    (void)state;
    cli_assert_json(body_of("--new-array", NULL, why), "{\"new_array\":true}");
    cli_assert_json(
        body_of("--new-array --preset scaled --set diameter_nm=28 --set tmr=1.8 "
                "--name mine",
                NULL, why),
        "{\"new_array\":true,\"preset\":\"scaled\",\"name\":\"mine\","
        "\"parameters\":{\"diameter_nm\":28.0,\"tmr\":1.8}}");
    cli_assert_json(
        body_of("--new-array --stuck-p 1e-4 --shorted 0", NULL, why),
        "{\"new_array\":true,\"defects\":{\"stuck_p\":0.0001,\"shorted\":0.0}}");
    cli_assert_json(
        body_of("--new-array --name t", "direction,error_rate\nboth,1e-3\n", why),
        "{\"new_array\":true,\"name\":\"t\","
        "\"table_csv\":\"direction,error_rate\\nboth,1e-3\\n\"}");
    cli_assert_json(body_of("--new-array --preset scaled --target 1e-2 --pulse-ns 5 "
                            "--over random",
                            NULL, why),
                    "{\"new_array\":true,\"preset\":\"scaled\",\"operating_point\":{"
                    "\"target_write_error_rate\":0.01,\"pulse_ns\":5.0,"
                    "\"program_over\":\"random\"}}");
    /* The daemon then says what would be lost. */
    cli_assert_json(body_of("--preset scaled", NULL, why), "{\"preset\":\"scaled\"}");
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const wrong[] = { "tmr",      "tmr=",    "=1",     "tmr=x",
                                         "tmr=1.8x", "tmr=nan", "tmr=inf" };
    char why[ERR_LEN], line[64];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(line, sizeof(line), "--set %s", wrong[i]);
        assert_null(body_of(line, NULL, why));
        cli_assert_has(why, "FIELD=NUMBER");
    }
    assert_null(body_of("", NULL, why));
    cli_assert_has(why, "nothing to set");
    assert_null(body_of("--preset scaled", "text", why));
    cli_assert_has(why, "no --preset");
    assert_null(body_of("--new-array", "\xff", why)); /* JSON is UTF-8 */
    cli_assert_has(why, "UTF-8");
}

static void a_junction_is_shown_with_what_follows(void **state)
{
    char *text = cli_text(device_print, "device");

    (void)state;
    cli_assert_has(text, "device of mnist: default\n");
    cli_assert_has(text, "60.5 kT\n");
    cli_assert_has(text, "0.4 V P to AP, 0.35 V AP to P\n");
    cli_assert_has(text, "1.00e-04 stuck in P, 0 stuck in AP, 0 shorted\n");
    cli_assert_has(text, "fc1:1:2 stuck_p\n");
    cli_assert_has(text, "  free_layer_nm    1.6\n");
    free(text);
}

static void a_table_is_shown_as_one(void **state)
{
    char *text = cli_text(device_print, "device_table");

    (void)state;
    cli_assert_has(text, "device of mnist: measured\n");
    cli_assert_has(text, "measured table, 12 rows\n");
    cli_assert_has(text, "pooled: 2 rates rose with voltage\n");
    assert_null(strstr(text, "PARAMETER"));
    assert_null(strstr(text, "300 K"));
    free(text);
}

static void presets_are_named_with_their_sources(void **state)
{
    char *text = cli_text(device_print_presets, "device_presets");

    (void)state;
    cli_assert_has(text, "  default           40 nm, low barrier");
    cli_assert_has(text, "ours, typical of 22-28 nm nodes");
    cli_assert_has(text, "  diameter_nm  nm       5  500  junction diameter\n");
    free(text);
}

static void broken_answers_break_nothing(void **state)
{
    static const char *const answers[] = { "device", "device_table" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        cli_print_broken(device_print, answers[i]);
        cli_print_without_memory(device_print, answers[i]);
    }
    cli_print_broken(device_print_presets, "device_presets");
    cli_print_without_memory(device_print_presets, "device_presets");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_make_the_body),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(a_junction_is_shown_with_what_follows),
        cmocka_unit_test(a_table_is_shown_as_one),
        cmocka_unit_test(presets_are_named_with_their_sources),
        cmocka_unit_test(broken_answers_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
