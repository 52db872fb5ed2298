/* SPDX-License-Identifier: Apache-2.0 */
#include "api/token.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* SHA-256 of "abc" and of the 56 bytes of FIPS 180's second example. */
#define ABC       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LONG      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
#define LONG_TEXT "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"

static char why[ERR_LEN];

static struct token_list *parsed(const char *text)
{
    struct token_list *list = NULL;

    if (token_list_parse(text, strlen(text), &list, why) != ST_OK)
        fail_msg("%s", why);
    return list;
}

static void a_token_is_found_by_its_hash(void **state)
{
    struct token_list *list = parsed("# who\n"
                                     "\n"
                                     "infer camera-3 " ABC "\n"
                                     "  read,infer\tgrafana  " LONG "  \r\n");

    (void)state;
    assert_int_equal(list->n, 2);
    assert_string_equal(token_list_find(list, "abc")->name, "camera-3");
    assert_int_equal(list->tokens[0].scopes, TOKEN_INFER);
    assert_string_equal(token_list_find(list, LONG_TEXT)->name, "grafana");
    assert_int_equal(list->tokens[1].scopes, TOKEN_READ | TOKEN_INFER);
    token_list_free(list);
}

static void what_is_no_token_finds_nobody(void **state)
{
    static const char *const others[] = { "", "ab", "abcd", "ABC", "abc ", ABC };
    struct token_list *list = parsed("infer a " ABC);
    char *longer = malloc(TOKEN_TEXT_MAX + 2);

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_null(token_list_find(list, others[i]));
    assert_non_null(longer);
    memset(longer, 'a', TOKEN_TEXT_MAX + 1);
    longer[TOKEN_TEXT_MAX + 1] = '\0';
    assert_null(token_list_find(list, longer));
    free(longer);
    token_list_free(list);
}

static void admin_has_the_other_scopes(void **state)
{
    struct token_list *list = parsed("admin root " ABC);

    (void)state;
    assert_int_equal(list->tokens[0].scopes, TOKEN_READ | TOKEN_INFER | TOKEN_ADMIN);
    token_list_free(list);
}

static void a_file_without_tokens_lets_nobody_in(void **state)
{
    struct token_list *list = parsed("# revoked\n\n \t\n");

    (void)state;
    assert_int_equal(list->n, 0);
    assert_null(token_list_find(list, "abc"));
    token_list_free(list);
}

static void a_broken_line_is_named_and_not_repeated(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "secret", "line 1: the first word" },
        { "infer,secret a " ABC, "line 1: the first word" },
        { "infer, a " ABC, "line 1: the first word" },
        { ",infer a " ABC, "line 1: the first word" },
        { "INFER a " ABC, "line 1: the first word" },
        { "#\ninfer", "line 2: the second word" },
        { "infer sec/ret " ABC, "line 1: the second word" },
        { "infer a", "line 1: the third word" },
        { "infer a secret", "line 1: the third word" },
        { "infer a " ABC "0", "line 1: the third word" },
        { "infer a g" LONG, "line 1: the third word" },
        { "infer a " ABC " secret", "line 1: there are more" },
        { "infer a " ABC "\nread a " LONG, "line 2: another line has the same name" },
        { "infer a " ABC "\nread b " ABC, "line 2: another line has the same token" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct token_list *list = NULL;

        assert_int_equal(
            token_list_parse(cases[i].text, strlen(cases[i].text), &list, why),
            ST_FORMAT);
        assert_null(list);
        if (strstr(why, cases[i].words) == NULL || strstr(why, "secret") != NULL)
            fail_msg("%s: %s", cases[i].text, why);
    }
}

static void a_name_has_a_limit(void **state)
{
    char text[256], name[TOKEN_NAME_LEN + 1];
    struct token_list *list = NULL;

    (void)state;
    memset(name, 'n', sizeof(name));
    name[TOKEN_NAME_LEN] = '\0';
    (void)snprintf(text, sizeof(text), "read %s %s", name, ABC);
    assert_int_equal(token_list_parse(text, strlen(text), &list, why), ST_FORMAT);
    (void)snprintf(text, sizeof(text), "read %s %s", name + 1, ABC);
    token_list_free(parsed(text));
}

static void there_is_a_limit_of_tokens(void **state)
{
    size_t size = (TOKEN_MAX + 1) * 100, len = 0;
    char *text = malloc(size);
    struct token_list *list = NULL;

    (void)state;
    assert_non_null(text);
    for (int i = 0; i <= TOKEN_MAX; i++)
        len += (size_t)snprintf(text + len, size - len, "read n%d %064d\n", i, i);
    assert_int_equal(token_list_parse(text, len, &list, why), ST_FORMAT);
    assert_non_null(strstr(why, "line 1025: there are too many"));
    free(text);
}

static void without_memory_there_is_no_list(void **state)
{
    struct token_list *list = NULL;

    (void)state;
    fault_at(0);
    enum status st = token_list_parse("", 0, &list, why);
    fault_off();
    assert_int_equal(st, ST_NOMEM);
    assert_null(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_found_by_its_hash),
        cmocka_unit_test(what_is_no_token_finds_nobody),
        cmocka_unit_test(admin_has_the_other_scopes),
        cmocka_unit_test(a_file_without_tokens_lets_nobody_in),
        cmocka_unit_test(a_broken_line_is_named_and_not_repeated),
        cmocka_unit_test(a_name_has_a_limit),
        cmocka_unit_test(there_is_a_limit_of_tokens),
        cmocka_unit_test(without_memory_there_is_no_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
