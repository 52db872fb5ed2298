/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/point.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The patch of a command line, or NULL with `why`. */
static char *patch_of(const char *line, char why[ERR_LEN])
{
    struct option_value values[POINT_OPTIONS] = { 0 };
    const struct option_set set = { point_options, values };
    char words[256], *argv[32], *patch = NULL;
    size_t n = 0, n_args, used;

    strcpy(words, line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        argv[n++] = word;
    assert_int_equal(options_parse(&set, 1, argv, n, false, &n_args, &used, why), ST_OK);
    return point_patch(values, &patch, why) == ST_OK ? patch : NULL;
}

static void assert_patch(const char *line, const char *expected)
{
    char why[ERR_LEN], *text = patch_of(line, why);

    assert_non_null(text);
    json_t *patch = json_loads(text, 0, NULL), *wanted = json_loads(expected, 0, NULL);
    assert_non_null(patch);
    assert_non_null(wanted);
    assert_true(json_equal(patch, wanted));
    json_decref(wanted);
    json_decref(patch);
    free(text);
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

static void a_default_is_null_by_either_name(void **state)
{
    (void)state;
    assert_patch("--default target", "{\"target_write_error_rate\":null}");
    assert_patch("--default target_write_error_rate --default seed",
                 "{\"target_write_error_rate\":null,\"seed\":null}");
    assert_patch("--default voltage", "{\"write_voltage_v\":null}");
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
    };
    char why[ERR_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(patch_of(cases[i].line, why));
        assert_non_null(strstr(why, cases[i].says));
    }
}

static const char answer[] =
    "{\"mode\":\"device\",\"program_over\":\"random\",\"bit_error_rate\":null,"
    "\"write_voltage_v\":{\"p2ap\":0.5712,\"ap2p\":0.4923},\"pulse_ns\":10,"
    "\"target_write_error_rate\":1e-3,\"temperature_k\":300,\"seed\":7,"
    "\"predicted\":{\"write_error_rate\":1e-3,\"stored_bit_error_rate\":5e-4,"
    "\"energy_pj\":812000},\"result\":{\"wrong_bits\":920,\"cells\":2000000,"
    "\"energy_pj\":811000,\"errors\":{\"p2ap\":500,\"ap2p\":420},\"generation\":12,"
    "\"layers\":[{\"name\":\"fc1\\u001b\",\"wrong_bits\":400,\"cells\":802816,"
    "\"energy_pj\":350000,\"errors\":{\"p2ap\":220,\"ap2p\":180}}]}}";

/* What is printed of an answer; free it. */
static char *text_of(const char *json)
{
    json_t *point = json_loads(json, 0, NULL);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(point);
    assert_int_equal(point_print(out, "mnist", point), ST_OK);
    fclose(out);
    json_decref(point);
    return text;
}

static void predicted_and_actual_stand_in_one_table(void **state)
{
    char *text = text_of(answer);

    (void)state;
    assert_non_null(strstr(text, "operating point of mnist, generation 12\n"));
    assert_non_null(strstr(text, "0.5712 V P to AP, 0.4923 V AP to P"));
    assert_non_null(strstr(text, "fc1\\x1b "));
    assert_non_null(strstr(text, "  predicted  2,000,000       1,000        5.00e-04"));
    assert_non_null(strstr(text, "  all        2,000,000         920        4.60e-04"));
    assert_null(strchr(text, 0x1b));
    free(text);
}

static void what_does_not_apply_is_not_shown(void **state)
{
    char *text =
        text_of("{\"mode\":\"iid\",\"bit_error_rate\":0.001,\"write_voltage_v\":null,"
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
    char *text =
        text_of("{\"mode\":\"device\",\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":2},"
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
    char *none = text_of(answers[0]), *some = text_of(answers[1]),
         *iid = text_of(answers[2]);

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
    char *text = text_of("{}");

    (void)state;
    assert_non_null(strstr(text, "generation -"));
    free(text);
    free(text_of("{\"result\":[],\"predicted\":7,\"mode\":{}}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_given_is_in_the_patch),
        cmocka_unit_test(voltages_are_one_object_and_either_may_be_missing),
        cmocka_unit_test(a_default_is_null_by_either_name),
        cmocka_unit_test(a_number_goes_out_as_it_was_typed),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(predicted_and_actual_stand_in_one_table),
        cmocka_unit_test(what_does_not_apply_is_not_shown),
        cmocka_unit_test(what_the_daemon_solved_is_marked),
        cmocka_unit_test(weights_written_over_themselves_are_explained),
        cmocka_unit_test(an_answer_without_anything_does_not_break),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
