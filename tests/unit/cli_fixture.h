/* SPDX-License-Identifier: Apache-2.0 */
/* cli_fixture.h - for the tests of commands: options of a line, JSON as text, and answers
 * that are not what they should be. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_CLI_FIXTURE_H
#define TESTS_UNIT_CLI_FIXTURE_H

#include "cli/ask.h"
#include "cli/options.h"
#include "tests/lib/fault.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CLI_MAX_WORDS 128

/* Reads the options of `line` (words between blanks; it is cut up) into `values`. */
static inline void cli_parse(const struct option *table, char *line,
                             struct option_value *values)
{
    const struct option_set set = { table, values };
    char *argv[CLI_MAX_WORDS], why[ERR_LEN];
    size_t n = 0, n_args, used;

    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
        argv[n++] = word;
    assert_int_equal(options_parse(&set, 1, argv, n, false, &n_args, &used, why), ST_OK);
    assert_int_equal(n_args, 0);
}

/* Is `text` the same JSON as `expected`? Frees `text`. */
static inline void cli_assert_json(char *text, const char *expected)
{
    assert_non_null(text);
    json_t *is = json_loads(text, 0, NULL), *wanted = json_loads(expected, 0, NULL);

    assert_non_null(wanted);
    if (!json_equal(is, wanted))
        fail_msg("%s is not %s", text, expected);
    json_decref(wanted);
    json_decref(is);
    free(text);
}

/* An answer: JSON, or the name of a file of tests/data/cli/ without ".json". */
static inline json_t *cli_load(const char *answer)
{
    char path[256];
    json_error_t error;
    json_t *json;

    snprintf(path, sizeof(path), TEST_DATA_DIR "/cli/%.60s.json", answer);
    json = answer[0] == '{' ? json_loads(answer, 0, &error)
                            : json_load_file(path, 0, &error);
    if (json == NULL)
        fail_msg("%.60s: line %d: %s", answer, error.line, error.text);
    return json;
}

static inline char *cli_print(ask_print *print, const json_t *answer, enum status *ret_st)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    *ret_st = print(out, "mnist", answer);
    fclose(out);
    return text;
}

/* What `print` makes of the answer; free it. */
static inline char *cli_text(ask_print *print, const char *answer)
{
    json_t *json = cli_load(answer);
    enum status st;
    char *text = cli_print(print, json, &st);
    assert_int_equal(st, ST_OK);
    json_decref(json);
    return text;
}

static inline void cli_assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* Replaces the *at-th value inside `value`, counted in depth first, by `by`. */
static inline bool cli_replace(json_t *value, size_t *at, json_t *by)
{
    const char *name;
    json_t *one;
    void *next;
    size_t i;

    json_object_foreach_safe(value, next, name, one)
    {
        if ((*at)-- == 0)
            return json_object_set(value, name, by) == 0;
        if (cli_replace(one, at, by))
            return true;
    }
    json_array_foreach(value, i, one)
    {
        if ((*at)-- == 0)
            return json_array_set(value, i, by) == 0;
        if (cli_replace(one, at, by))
            return true;
    }
    return false;
}

/* Prints the answer with each of its values replaced in turn by something else: nothing
 * may break, and nothing may reach a terminal raw. */
static inline void cli_print_broken(ask_print *print, const char *answer)
{
    static const char *const others[] = {
        "null", "[]", "{}", "-1", "1e308", "true", "\"\\u001b[2J\\u202e\"", "[{}, 7, []]",
    };
    const size_t n_others = sizeof(others) / sizeof(others[0]);
    json_t *json = cli_load(answer);
    bool replaced = true;

    for (size_t nth = 0; replaced; nth++)
        for (size_t o = 0; o < n_others; o++) {
            json_t *broken = json_deep_copy(json);
            json_t *by = json_loads(others[o], JSON_DECODE_ANY, NULL);
            size_t at = nth;
            enum status st;

            replaced = cli_replace(broken, &at, by);
            char *text = cli_print(print, broken, &st);
            assert_int_equal(st, ST_OK);
            for (const char *c = text; *c != '\0'; c++)
                assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
            free(text);
            json_decref(by);
            json_decref(broken);
        }
    json_decref(json);
}

/* Every allocation of ours fails once: ST_NOMEM, and nothing is lost. */
static inline void cli_print_without_memory(ask_print *print, const char *answer)
{
    json_t *json = cli_load(answer);
    enum status st = ST_NOMEM;

    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        char *text = cli_print(print, json, &st);
        fault_off();
        assert_true(st == ST_OK || st == ST_NOMEM);
        free(text);
    }
    json_decref(json);
}

#endif
