/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TOP, MODE, RATE, NAME, FIELD, QUIET, N_OPTIONS };

static const char *const modes[] = { "device", "uniform", "iid", NULL };
static const struct option table[] = {
    [TOP] = { .name = "top",
              .letter = 'n',
              .kind = OPTION_COUNT,
              .value = "N",
              .min = 1,
              .max = 10,
              .help = "how many" },
    [MODE] = { .name = "mode",
               .kind = OPTION_CHOICE,
               .value = "MODE",
               .choices = modes,
               .help = "which" },
    [RATE] = { .name = "rate",
               .kind = OPTION_NUMBER,
               .value = "RATE",
               .help = "how much" },
    [NAME] = { .name = "name", .kind = OPTION_TEXT, .value = "NAME", .help = "who" },
    [FIELD] = { .name = "field", .kind = OPTION_LIST, .value = "FIELD", .help = "what" },
    [QUIET] = { .name = "quiet", .letter = 'q', .help = "say nothing" },
    { .name = NULL },
};

struct parsed {
    struct option_value values[N_OPTIONS];
    char *argv[OPTION_MAX_LIST + 1];
    size_t n_args, n_used;
    char why[ERR_LEN];
    enum status st;
};

/* Parses words that are separated by blanks. */
static struct parsed parse_words(char *words, bool stop_at_first)
{
    struct parsed p = { 0 };
    const struct option_set set = { table, p.values };
    size_t n = 0;

    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        p.argv[n++] = word;
    p.st = options_parse(&set, 1, p.argv, n, stop_at_first, &p.n_args, &p.n_used, p.why);
    return p;
}

#define PARSE(text)                                                                      \
    char words[] = text;                                                                 \
    struct parsed p = parse_words(words, false)

static void every_way_to_write_a_value_gives_it(void **state)
{
    static const char *const ways[] = { "--top 3", "--top=3", "-n 3", "-n3" };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char words[16];

        strcpy(words, ways[i]);
        struct parsed p = parse_words(words, false);
        assert_int_equal(p.st, ST_OK);
        assert_true(p.values[TOP].given);
        assert_int_equal(p.values[TOP].count, 3);
        assert_false(p.values[MODE].given);
    }
}

static void arguments_keep_their_order_between_options(void **state)
{
    (void)state;
    PARSE("one --top 3 two - -q -- --top four");
    assert_int_equal(p.st, ST_OK);
    assert_int_equal(p.n_args, 5);
    assert_string_equal(p.argv[0], "one");
    assert_string_equal(p.argv[1], "two");
    assert_string_equal(p.argv[2], "-");
    assert_string_equal(p.argv[3], "--top");
    assert_string_equal(p.argv[4], "four");
    assert_true(p.values[QUIET].given);
}

static void parsing_can_stop_at_the_command(void **state)
{
    char words[] = "-q classify --unknown";
    struct parsed p = parse_words(words, true);

    (void)state;
    assert_int_equal(p.st, ST_OK);
    assert_int_equal(p.n_used, 1);
    assert_string_equal(p.argv[p.n_used], "classify");
}

static void the_last_value_counts_but_a_list_keeps_all(void **state)
{
    (void)state;
    PARSE("--name a --field x --name b --field y");
    assert_int_equal(p.st, ST_OK);
    assert_string_equal(p.values[NAME].text, "b");
    assert_int_equal(p.values[FIELD].n_list, 2);
    assert_string_equal(p.values[FIELD].list[0], "x");
    assert_string_equal(p.values[FIELD].list[1], "y");
}

static void numbers_are_read_as_c_writes_them(void **state)
{
    (void)state;
    PARSE("--rate 1e-3");
    assert_int_equal(p.st, ST_OK);
    assert_true(p.values[RATE].number == 1e-3);
}

static void wrong_values_are_refused_with_what_is_accepted(void **state)
{
    static const struct {
        const char *words, *says;
    } cases[] = {
        { "--top 0", "1 to 10" },
        { "--top 11", "1 to 10" },
        { "--top -1", "1 to 10" },
        { "--top 1.5", "whole number" },
        { "--top 99999999999999999999999", "whole number" },
        { "--top=", "whole number" },
        { "--rate abc", "abc is not a number" },
        { "--rate nan", "nan is not a number" },
        { "--rate 1e-3x", "not a number" },
        { "--mode devise", "did you mean device" },
        { "--mode x", "device, uniform, iid" },
        { "--top", "needs a value: N" },
        { "--quiet=1", "takes no value" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char words[64];

        strcpy(words, cases[i].words);
        struct parsed p = parse_words(words, false);
        assert_int_equal(p.st, ST_RANGE);
        assert_non_null(strstr(p.why, cases[i].says));
    }
}

static void an_unknown_option_names_the_nearest(void **state)
{
    (void)state;
    PARSE("--tpo 3");
    assert_int_equal(p.st, ST_NOT_FOUND);
    assert_string_equal(p.why, "unknown option --tpo; did you mean --top?");
}

static void an_unknown_option_is_shown_without_control_characters(void **state)
{
    (void)state;
    PARSE("--\x1b[2J=1 -\x07");
    assert_int_equal(p.st, ST_NOT_FOUND);
    assert_null(strchr(p.why, 0x1b));
}

static void a_list_has_an_end(void **state)
{
    char words[(OPTION_MAX_LIST + 1) * 12] = "";
    size_t n = OPTION_MAX_LIST + 1;

    (void)state;
    for (size_t i = 0; i < n; i++)
        strcat(words, "--field=x ");
    struct parsed p = parse_words(words, false);
    assert_int_equal(p.st, ST_RANGE);
    assert_int_equal(p.values[FIELD].n_list, OPTION_MAX_LIST);
}

static void help_lists_every_option_within_its_width(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    options_help(out, table);
    fclose(out);
    for (size_t i = 0; i < N_OPTIONS; i++)
        assert_non_null(strstr(text, table[i].name));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 80);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_write_a_value_gives_it),
        cmocka_unit_test(arguments_keep_their_order_between_options),
        cmocka_unit_test(parsing_can_stop_at_the_command),
        cmocka_unit_test(the_last_value_counts_but_a_list_keeps_all),
        cmocka_unit_test(numbers_are_read_as_c_writes_them),
        cmocka_unit_test(wrong_values_are_refused_with_what_is_accepted),
        cmocka_unit_test(an_unknown_option_names_the_nearest),
        cmocka_unit_test(an_unknown_option_is_shown_without_control_characters),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(help_lists_every_option_within_its_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
