/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

/* Everything that is said of one state. */
static enum status print(FILE *out, const char *model, const json_t *state)
{
    bool code = state_has_code(state);
    struct table table;
    char text[128];

    state_heading(out, "state of ", model, state);
    state_line(out, "now", state);
    state_details(out, state);
    state_changes(out, state);
    state_energy(out, json_object_get(state, "energy"));
    state_flips(state, text, sizeof(text));
    output_line(out, "flips", text);
    state_table_init(&table, code, "|MORE");
    state_add(&table, "all", state, code);
    table_add(&table, "");
    enum status st = table_print(&table, out, 0);
    table_done(&table);
    return st;
}

static void a_code_adds_its_columns(void **state)
{
    static const char with[] = "{\"code\":{\"words\":9,\"corrected\":1,\"detected\":2,"
                               "\"miscorrected\":3}}";
    static const char by_layer[] = "{\"code\":null,\"layers\":[{},{\"code\":{}}]}";
    static const char without[] = "{\"code\":null,\"layers\":[{\"code\":null}]}";
    char *text = cli_text(print, with);

    (void)state;
    cli_assert_has(text, "CELL ERRORS  CORRECTED  DETECTED  MISCORRECTED  MORE\n");
    cli_assert_has(text, "9 words: 1 corrected, 2 detected only, 3 miscorrected");
    free(text);
    text = cli_text(print, by_layer);
    cli_assert_has(text, "MISCORRECTED");
    free(text);
    text = cli_text(print, without);
    cli_assert_has(text, "CELL ERRORS  MORE\n");
    assert_null(strstr(text, "words"));
    free(text);
}

static void energy_by_kind_is_said_if_there_is_more_than_pulses(void **state)
{
    static const char plain[] = "{\"energy\":{\"toggle_pj\":5,\"hold_pj\":3,"
                                "\"check_pj\":0,\"encode_pj\":0,\"verify_pj\":0}}";
    static const char more[] = "{\"energy\":{\"toggle_pj\":5,\"hold_pj\":0,"
                               "\"check_pj\":0,\"encode_pj\":0,\"verify_pj\":2}}";
    char *text = cli_text(print, plain);

    (void)state;
    assert_null(strstr(text, "energy"));
    free(text);
    text = cli_text(print, more);
    cli_assert_has(text, "5.00 pJ changing cells, 2.00 pJ verifying\n");
    free(text);
}

static void defects_and_equal_pairs_are_said_where_they_are(void **state)
{
    char *text = cli_text(print, "{\"stuck_cells\":12,\"stuck_errors\":5,"
                                 "\"equal_pairs\":7,\"cell_errors\":5,"
                                 "\"errors\":{\"p2ap\":2,\"ap2p\":3}}");

    (void)state;
    cli_assert_has(text, "12 cells, 5 of them wrong\n");
    cli_assert_has(text, "7, which read as chance has it\n");
    cli_assert_has(text, "2 in P that should be AP, 3 in AP that should be P\n");
    free(text);
    text = cli_text(print, "{\"stuck_cells\":0,\"equal_pairs\":null,\"cell_errors\":0}");
    assert_null(strstr(text, "stuck"));
    assert_null(strstr(text, "pairs"));
    assert_null(strstr(text, "cell errors"));
    free(text);
}

static void changes_are_said_where_there_is_physics(void **state)
{
    char *text =
        cli_text(print, "{\"energy_pj\":1,\"toggles\":{\"p2ap\":1000,\"ap2p\":2},"
                        "\"failures\":3,\"retries\":4}");

    (void)state;
    cli_assert_has(text, "1,000 cells P to AP, 2 AP to P; the first pulse failed on 3, 4 "
                         "pulses");
    free(text);
    text = cli_text(print, "{\"energy_pj\":null,\"toggles\":{\"p2ap\":0,\"ap2p\":0}}");
    assert_null(strstr(text, "change"));
    free(text);
}

static void the_longest_lines_are_cut_and_nothing_else(void **state)
{
    (void)state;
    free(cli_text(print, "{\"weights\":-1e300,\"cells\":-1e300,\"wrong_bits\":-1e300,"
                         "\"bit_error_rate\":-1e300,\"cell_errors\":1e300,"
                         "\"stuck_cells\":1e300,\"energy_pj\":1,\"failures\":-1e300,"
                         "\"retries\":1e300,\"toggles\":{\"p2ap\":-1e300,"
                         "\"ap2p\":-1e300},\"errors\":{\"p2ap\":-1e300,\"ap2p\":-1e300},"
                         "\"energy\":{\"toggle_pj\":1e300,\"hold_pj\":1e300,"
                         "\"check_pj\":1e300,\"encode_pj\":1e300,\"verify_pj\":1e300},"
                         "\"code\":{\"words\":-1e300,\"corrected\":-1e300,"
                         "\"detected\":-1e300,\"miscorrected\":-1e300}}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_adds_its_columns),
        cmocka_unit_test(energy_by_kind_is_said_if_there_is_more_than_pulses),
        cmocka_unit_test(defects_and_equal_pairs_are_said_where_they_are),
        cmocka_unit_test(changes_are_said_where_there_is_physics),
        cmocka_unit_test(the_longest_lines_are_cut_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
