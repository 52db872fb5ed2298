/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/array.h"

#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

/* The exit code of a line: verb and arguments first, then options. Nobody listens. */
static int code_of(const char *line)
{
    const struct cli cli = { .url = "http://127.0.0.1:1", .model = "m", .timeout_s = 1 };
    struct option_value values[OPTION_MAX_TABLE] = { 0 };
    const struct option_set set = { array_command.options, values };
    char words[256], *argv[16], why[ERR_LEN];
    size_t n = 0, n_args, used;

    strcpy(words, line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        argv[n++] = word;
    assert_int_equal(options_parse(&set, 1, argv, n, false, &n_args, &used, why), ST_OK);
    return array_command.run(&cli, values, argv, n_args);
}

static void wrong_usage_is_told_before_anybody_is_asked(void **state)
{
    static const char *const wrong[] = {
        "exprot",       "export",        "export x -o y", "export -o y --list 3",
        "import",       "import a b",    "import a -o y", "import a --list 3",
        "diff 1",       "diff 1 2 -o x", "diff 0 1",      "diff 1 x",
        "diff -- -1 2", "diff 1 2147a",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(code_of(wrong[i]), EX_USAGE);
}

static void right_usage_asks(void **state)
{
    (void)state;
    assert_int_equal(code_of("export -o /nonexistent/x"), EX_UNAVAILABLE);
    assert_int_equal(code_of("diff 1 2 --list 3"), EX_UNAVAILABLE);
    assert_int_equal(code_of("import /dev/null"), EXIT_FAILURE); /* empty */
    assert_int_equal(code_of("import " TEST_DATA_DIR "/cli/energy.json"), EX_UNAVAILABLE);
}

static void a_diff_is_a_table_and_a_verdict(void **state)
{
    char *text = cli_text(array_print_diff, "array_diff");

    (void)state;
    cli_assert_has(text, "mnist, wrong weights of generations 12 (A) and 13 (B)\n");
    cli_assert_has(
        text, "  all           928         940     897     909    31           0.469\n");
    cli_assert_has(text, "the same cells fail again");
    cli_assert_has(text, "\nwrong in both, as LAYER:ROW:COLUMN:\n  fc1:3:77\n");
    free(text);
}

static void chance_is_no_verdict(void **state)
{
    char *text = cli_text(array_print_diff, "{\"a\":1,\"b\":2,\"both\":13,"
                                            "\"expected_both_if_independent\":10}");

    (void)state;
    assert_null(strstr(text, "fail again"));
    assert_null(strstr(text, "LAYER:ROW"));
    free(text);
}

static void long_lists_end(void **state)
{
    json_t *bits = json_array();
    json_t *diff = json_pack("{s:[{s:s, s:o}]}", "layers", "name", "a", "bits", bits);
    enum status st;

    (void)state;
    for (int i = 0; i < 1500; i++)
        json_array_append_new(bits, json_pack("{s:i, s:i}", "row", i, "column", 0));
    char *text = cli_print(array_print_diff, diff, &st);
    cli_assert_has(text, "a:999:0\n  ... (--json shows all)\n");
    free(text);
    json_decref(diff);
}

static void broken_answers_break_nothing(void **state)
{
    (void)state;
    cli_print_broken(array_print_diff, "array_diff");
    cli_print_without_memory(array_print_diff, "array_diff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_usage_is_told_before_anybody_is_asked),
        cmocka_unit_test(right_usage_asks),
        cmocka_unit_test(a_diff_is_a_table_and_a_verdict),
        cmocka_unit_test(chance_is_no_verdict),
        cmocka_unit_test(long_lists_end),
        cmocka_unit_test(broken_answers_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
