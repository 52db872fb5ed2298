/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/contract.h"

#include "storage/onnx_contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

static const struct option rows[] = {
    CONTRACT_ROWS(0),
    [CONTRACT_OPTIONS] = { .name = NULL },
};

static char *query_of(const char *line)
{
    struct option_value values[CONTRACT_OPTIONS] = { 0 };
    char words[256];

    strcpy(words, line);
    cli_parse(rows, words, values);
    return contract_query(rows, values, CONTRACT_OPTIONS);
}

static void assert_query(const char *line, const char *expected)
{
    char *query = query_of(line);

    assert_non_null(query);
    assert_string_equal(query, expected);
    free(query);
}

static void what_is_given_becomes_a_query(void **state)
{
    (void)state;
    assert_query("", "");
    assert_query("--range 0..1", "?range=0..1");
    assert_query("--std 2 --assume-sign true --range -1..1",
                 "?range=-1..1&std=2&assume_sign=true");
}

/* A value could otherwise state another member. */
static void values_are_escaped(void **state)
{
    (void)state;
    assert_query("--labels a&crop=true,100%,\xC3\xBC#?/",
                 "?labels=a%26crop%3Dtrue%2C100%25%2C%C3%BC%23%3F%2F");
    assert_query("--labels=", "?labels=");
}

static void the_options_are_the_members_that_the_import_knows(void **state)
{
    size_t n = 0;

    (void)state;
    for (; onnx_contract_members[n].name != NULL; n++) {
        char name[32];

        assert_true(n < CONTRACT_OPTIONS);
        (void)snprintf(name, sizeof(name), "%s", rows[n].name);
        for (char *c = name; *c != '\0'; c++)
            *c = *c == '-' ? '_' : *c;
        assert_string_equal(name, onnx_contract_members[n].name);
    }
    assert_int_equal(n, CONTRACT_OPTIONS);
}

static void without_memory_there_is_no_query(void **state)
{
    struct option_value values[CONTRACT_OPTIONS] = {
        [CONTRACT_RANGE] = { .given = true, .text = "0..1" },
    };

    (void)state;
    fault_at(0);
    char *query = contract_query(rows, values, CONTRACT_OPTIONS);
    fault_off();
    assert_null(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_becomes_a_query),
        cmocka_unit_test(values_are_escaped),
        cmocka_unit_test(the_options_are_the_members_that_the_import_knows),
        cmocka_unit_test(without_memory_there_is_no_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
