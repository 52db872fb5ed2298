/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/point.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

/* The patch of a command line, or NULL with `why`. */
static char *patch_of(const char *line, char why[ERR_LEN])
{
    struct option_value values[POINT_OPTIONS] = { 0 };
    char words[256], *patch = NULL;

    strcpy(words, line);
    cli_parse(point_options, words, values);
    return point_patch(values, &patch, why) == ST_OK ? patch : NULL;
}

static void assert_patch(const char *line, const char *expected)
{
    char why[ERR_LEN];

    cli_assert_json(patch_of(line, why), expected);
}

static void only_what_was_given_is_in_the_patch(void **state)
{
    (void)state;
    assert_patch("--mode iid --bit-error-rate 1e-3",
                 "{\"mode\":\"iid\",\"bit_error_rate\":0.001}");
    assert_patch("--target 1e-6 --pulse-ns 10",
                 "{\"target_write_error_rate\":1e-6,\"pulse_ns\":10.0}");
    assert_patch("--seed 7 --over random --temperature-k 350",
                 "{\"seed\":7,\"program_over\":\"random\",\"temperature_k\":350.0}");
}

static void voltages_are_one_object_and_either_may_be_missing(void **state)
{
    (void)state;
    assert_patch("--voltage-p2ap 0.57 --voltage-ap2p 0.49",
                 "{\"write_voltage_v\":{\"p2ap\":0.57,\"ap2p\":0.49}}");
    assert_patch("--voltage-ap2p 0.49", "{\"write_voltage_v\":{\"ap2p\":0.49}}");
}

static void protection_is_set_by_name(void **state)
{
    (void)state;
    assert_patch("--ecc bch2 --cell 2t2r --verify-retries 2 --polarity odd_rows",
                 "{\"ecc\":\"bch2\",\"cell\":\"2t2r\",\"verify_retries\":2,"
                 "\"polarity\":\"odd_rows\"}");
    assert_patch("--read-disturb on", "{\"read_disturb\":true}");
    assert_patch("--read-disturb off", "{\"read_disturb\":false}");
    /* The layer is in the path. */
    assert_patch("--layer fc1 --ecc none", "{\"ecc\":\"none\"}");
}

static void error_rates_are_one_or_by_direction(void **state)
{
    (void)state;
    assert_patch(
        "--mode iid --ber-to-p 1e-3 --ber-to-ap 2e-3",
        "{\"mode\":\"iid\",\"bit_error_rate\":{\"to_p\":0.001,\"to_ap\":0.002}}");
    assert_patch("--ber-to-ap 0", "{\"bit_error_rate\":{\"to_ap\":0.0}}");
}

static void a_default_is_null_by_either_name(void **state)
{
    (void)state;
    assert_patch("--default target", "{\"target_write_error_rate\":null}");
    assert_patch("--default target_write_error_rate --default seed",
                 "{\"target_write_error_rate\":null,\"seed\":null}");
    assert_patch("--default voltage", "{\"write_voltage_v\":null}");
    assert_patch("--default ecc --default verify-retries --default read_disturb",
                 "{\"ecc\":null,\"verify_retries\":null,\"read_disturb\":null}");
    assert_patch("--default ber-to-p", "{\"bit_error_rate\":null}");
    assert_patch("--default over --mode device",
                 "{\"program_over\":null,\"mode\":\"device\"}");
}

static void a_number_goes_out_as_it_was_typed(void **state)
{
    char why[ERR_LEN], *text = patch_of("--pulse-ns 0.05", why);

    (void)state;
    assert_string_equal(text, "{\"pulse_ns\":0.05}");
    free(text);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        { "", "nothing to set" },
        { "--if-match 3", "nothing to set" },
        { "--default pulse_nz", "did you mean pulse-ns" },
        { "--default x", "no field x" },
        { "--mode iid --default mode", "second time" },
        { "--default seed --default seed", "second time" },
        { "--voltage-p2ap 0.5 --default voltage", "second time" },
        { "--layer fc1", "nothing to set" },
        { "--bit-error-rate 0 --ber-to-p 0", "--ber-to-p: the field is given a second" },
        { "--ber-to-p 0 --default bit-error-rate", "second time" },
        { "--default layer", "no field layer" },
    };
    char why[ERR_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(patch_of(cases[i].line, why));
        assert_non_null(strstr(why, cases[i].says));
    }
}

static void predicted_and_actual_stand_in_one_table(void **state)
{
    char *text = cli_text(point_print, "point");

    (void)state;
    cli_assert_has(text, "operating point of mnist, generation 2\n");
    cli_assert_has(text, "0.4801 V P to AP, 0.4089 V AP to P (solved)\n");
    cli_assert_has(text,
                   "  all        1,861,632         928        4.98e-04  1,862,912  ");
    cli_assert_has(text,
                   "  predicted  1,861,632         926        4.97e-04  1,862,912  ");
    cli_assert_has(text, "  CORRECTED  DETECTED  MISCORRECTED  WRITE ENERGY\n");
    cli_assert_has(text, "464 of -1 read as +1, 464 of +1 read as -1\n");
    cli_assert_has(text, "160 words: 3 corrected");
    cli_assert_has(text, "53.0 nJ check cells");
    free(text);
}

static void layers_with_conditions_of_their_own_are_marked_and_listed(void **state)
{
    char *text = cli_text(point_print, "point");

    (void)state;
    cli_assert_has(text, "\n  fc2        1,048,576 ");
    cli_assert_has(text, "\n  fc3 *         10,240 ");
    cli_assert_has(text, "\n* with conditions of their own:\n"
                         "  fc3               target 1.00e-04; code secded\n");
    free(text);

    text =
        cli_text(point_print,
                 "{\"layers\":{\"a\":{\"mode\":\"iid\",\"bit_error_rate\":{\"to_p\":0.1,"
                 "\"to_ap\":0}},\"b\":{\"pulse_ns\":null,\"write_voltage_v\":{\"p2ap\":1,"
                 "\"ap2p\":0.5},\"verify_retries\":0},\"c\":{}}}");
    cli_assert_has(text,
                   "  a                 mode iid; bit error rate 1.00e-01 to P, 0 to "
                   "AP\n");
    cli_assert_has(text,
                   "write voltage 1 V P to AP, 0.5 V AP to P; pulse solved; verify");
    assert_null(strstr(text, "\n  c "));
    free(text);
}

static void one_layer_is_one_row(void **state)
{
    char *text = cli_text(point_print, "point_layer");

    (void)state;
    cli_assert_has(text, "operating point of mnist, layer fc3, generation 2\n");
    cli_assert_has(text, "  code              secded\n");
    cli_assert_has(text, "\n  fc3 *       10,240           0 ");
    cli_assert_has(text, "\n  predicted   10,240       0.002 ");
    assert_null(strstr(text, "  all "));
    free(text);
}

static void what_is_out_of_the_ordinary_is_said(void **state)
{
    char *text = cli_text(
        point_print, "{\"mode\":\"uniform\",\"ecc\":\"bch2\",\"cell\":\"2t2r\","
                     "\"verify_retries\":3,\"polarity\":\"seeded\",\"read_disturb\":true,"
                     "\"cause\":\"age\",\"age_s\":7200,\"device\":\"measured\","
                     "\"remark\":\"outside what was measured\"}");

    (void)state;
    cli_assert_has(text, " (by age)\n");
    cli_assert_has(text, "  code              bch2\n");
    cli_assert_has(text, "  cell              2t2r\n");
    cli_assert_has(text, "  verify retries    3\n");
    cli_assert_has(text, "  polarity          seeded\n");
    cli_assert_has(text, "  read disturb      on");
    cli_assert_has(text, "  since written     2 h 00 min\n");
    cli_assert_has(text, "  remark            outside what was measured\n");
    free(text);

    text = cli_text(point_print, "{\"mode\":\"uniform\",\"ecc\":\"none\","
                                 "\"cell\":\"1t1r\",\"verify_retries\":0,"
                                 "\"polarity\":\"none\",\"read_disturb\":false,"
                                 "\"cause\":\"program\",\"age_s\":0,\"remark\":null}");
    assert_string_equal(strchr(text, '\n'),
                        strstr(text, "\n  mode              uniform (every cell like"));
    assert_null(strstr(text, "code"));
    assert_null(strstr(text, "retries"));
    assert_null(strstr(text, "disturb"));
    assert_null(strstr(text, "remark"));
    free(text);
}

static void what_does_not_apply_is_not_shown(void **state)
{
    char *text =
        cli_text(point_print,
                 "{\"mode\":\"iid\",\"bit_error_rate\":0.001,\"write_voltage_v\":null,"
                 "\"pulse_ns\":null,\"seed\":7,\"program_over\":\"random\","
                 "\"predicted\":{\"stored_bit_error_rate\":0.001,\"energy_pj\":null},"
                 "\"result\":{\"wrong_bits\":1,\"cells\":1000,\"energy_pj\":null}}");

    (void)state;
    assert_null(strstr(text, "voltage"));
    assert_null(strstr(text, "pulse"));
    assert_null(strstr(text, "written over"));
    free(text);
}

static void what_the_daemon_solved_is_marked(void **state)
{
    char *text = cli_text(
        point_print, "{\"mode\":\"device\",\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":2},"
                     "\"pulse_ns\":10,\"temperature_k\":300,"
                     "\"solved\":[\"write_voltage_v\",\"pulse_ns\"]}");

    (void)state;
    assert_non_null(strstr(text, "1 V P to AP, 2 V AP to P (solved)\n"));
    assert_non_null(strstr(text, "10 ns (solved)\n"));
    assert_non_null(strstr(text, "300 K\n"));
    free(text);
}

static void weights_written_over_themselves_are_explained(void **state)
{
    static const char answers[3][96] = {
        "{\"result\":{\"energy_pj\":5,\"toggles\":{\"p2ap\":0,\"ap2p\":0}}}",
        "{\"result\":{\"energy_pj\":5,\"toggles\":{\"p2ap\":1,\"ap2p\":0}}}",
        "{\"result\":{\"energy_pj\":null,\"toggles\":{\"p2ap\":0,\"ap2p\":0}}}", /* iid */
    };
    char *none = cli_text(point_print, answers[0]),
         *some = cli_text(point_print, answers[1]),
         *iid = cli_text(point_print, answers[2]);

    (void)state;
    assert_non_null(strstr(none, "--over random"));
    assert_null(strstr(some, "--over random"));
    assert_null(strstr(iid, "--over random"));
    free(iid);
    free(some);
    free(none);
}

static void an_answer_without_anything_does_not_break(void **state)
{
    char *text = cli_text(point_print, "{}");

    (void)state;
    assert_non_null(strstr(text, "generation -"));
    free(text);
    free(cli_text(point_print, "{\"result\":[],\"predicted\":7,\"mode\":{}}"));
    cli_print_broken(point_print, "point");
    cli_print_broken(point_print, "point_layer");
    cli_print_without_memory(point_print, "point");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_given_is_in_the_patch),
        cmocka_unit_test(voltages_are_one_object_and_either_may_be_missing),
        cmocka_unit_test(protection_is_set_by_name),
        cmocka_unit_test(error_rates_are_one_or_by_direction),
        cmocka_unit_test(a_default_is_null_by_either_name),
        cmocka_unit_test(a_number_goes_out_as_it_was_typed),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(predicted_and_actual_stand_in_one_table),
        cmocka_unit_test(layers_with_conditions_of_their_own_are_marked_and_listed),
        cmocka_unit_test(one_layer_is_one_row),
        cmocka_unit_test(what_is_out_of_the_ordinary_is_said),
        cmocka_unit_test(what_does_not_apply_is_not_shown),
        cmocka_unit_test(what_the_daemon_solved_is_marked),
        cmocka_unit_test(weights_written_over_themselves_are_explained),
        cmocka_unit_test(an_answer_without_anything_does_not_break),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
