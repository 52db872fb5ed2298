/* SPDX-License-Identifier: Apache-2.0 */
#include "api/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* SHA-256 of "abc". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static enum access_verdict judge_host(const struct access *access, const char *host)
{
    const struct access_claim claim = { .host = host };
    const struct token *token;

    return access_judge(access, &claim, TOKEN_READ, &token);
}

static void without_tokens_only_our_own_names_are_hosts(void **state)
{
    static const char *const ours[] = {
        "localhost",    "LocalHost:8080", "localhost.:8080", "a.localhost",
        "127.0.0.1",    "127.0.0.1:8080", "[::1]:8080",      "[::1]",
        "192.0.2.7:80", "bnn.example",    "BNN.example:443", "other",
    };
    static const char *const others[] = { "",
                                          "evil.example",
                                          "evil.example:8080",
                                          "localhost.evil.example",
                                          "xlocalhost",
                                          "127.0.0.1.evil.com",
                                          "[::1",
                                          "[::1]x",
                                          "bnn.exampl",
                                          "bnn.example.org",
                                          "[bnn.evil]",
                                          ":8080",
                                          "127.1",
                                          "localhost:80x",
                                          "localhost://",
                                          "a/localhost",
                                          "[localhost",
                                          "bnn.example,other:80" };
    char hosts[] = "bnn.example, other";
    struct access access = { .hosts = hosts };

    (void)state;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (judge_host(&access, ours[i]) != ACCESS_OK)
            fail_msg("%s is ours", ours[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (judge_host(&access, others[i]) != ACCESS_HOST)
            fail_msg("%s is not ours", others[i]);
    assert_int_equal(judge_host(&access, NULL), ACCESS_OK);
    access.any_host = true;
    assert_int_equal(judge_host(&access, "evil.example"), ACCESS_OK);
}

static void names_that_no_browser_sends_are_refused(void **state)
{
    static const char *const good[] = { "", " , ", "bnn.example",
                                        "bnn.example, other,a_b-1", "127.0.0.1" };
    static const char *const bad[] = { "bnn.example:8080", "http://bnn.example",
                                       "*.example",        "good,[::1]",
                                       "bnn.example.",     "a;b",
                                       "bnn.example/" };
    char why[ERR_LEN], longest[257];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(access_check_hosts(good[i], why), ST_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(access_check_hosts(bad[i], why), ST_RANGE);
        const char *comma = strchr(bad[i], ',');
        assert_non_null(strstr(why, comma != NULL ? comma + 1 : bad[i]));
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[256] = '\0';
    assert_int_equal(access_check_hosts(longest, why), ST_RANGE);
    longest[255] = '\0';
    assert_int_equal(access_check_hosts(longest, why), ST_OK);
}

static enum access_verdict judge_page(const char *host, const char *origin,
                                      const char *fetch_site, bool changes)
{
    char hosts[] = "bnn.example";
    const struct access access = { .hosts = hosts };
    const struct access_claim claim = {
        .host = host, .origin = origin, .fetch_site = fetch_site, .changes = changes
    };
    const struct token *token;

    return access_judge(&access, &claim, 0, &token);
}

static void a_page_elsewhere_changes_nothing(void **state)
{
    static const char host[] = "127.0.0.1:8080";
    static const char *const elsewhere[] = { "http://evil.example",
                                             "http://127.0.0.1:3000",
                                             "http://127.0.0.1",
                                             "http://127.0.0.1:80800",
                                             "http://127.0.0.1:8080.evil.example",
                                             "null",
                                             "",
                                             "127.0.0.1:8080" };

    (void)state;
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        if (judge_page(host, elsewhere[i], NULL, true) != ACCESS_ORIGIN)
            fail_msg("%s is elsewhere", elsewhere[i]);
        assert_int_equal(judge_page(host, elsewhere[i], NULL, false), ACCESS_OK);
    }
    assert_int_equal(judge_page(host, NULL, "cross-site", true), ACCESS_ORIGIN);
    assert_int_equal(judge_page(host, NULL, "same-site", true), ACCESS_ORIGIN);
    assert_int_equal(judge_page(host, "http://127.0.0.1:8080", "cross-site", true),
                     ACCESS_ORIGIN);
    assert_int_equal(judge_page(host, NULL, "cross-site", false), ACCESS_OK);
}

static void our_own_page_and_what_is_no_page_may(void **state)
{
    (void)state;
    assert_int_equal(judge_page("localhost:8080", NULL, NULL, true), ACCESS_OK);
    assert_int_equal(judge_page("localhost:8080", "http://localhost:8080", NULL, true),
                     ACCESS_OK);
    assert_int_equal(judge_page("localhost:8080", "http://LOCALHOST:8080", NULL, true),
                     ACCESS_OK);
    assert_int_equal(judge_page("localhost:8080", NULL, "same-origin", true), ACCESS_OK);
    assert_int_equal(judge_page("localhost:8080", NULL, "none", true), ACCESS_OK);
    /* A proxy that asks us by another name. */
    assert_int_equal(judge_page("localhost:8080", "https://bnn.example", NULL, true),
                     ACCESS_OK);
}

static enum access_verdict judge_token(const char *authorization, unsigned scope,
                                       const struct token **ret_token)
{
    static const char file[] = "infer camera " ABC;
    static struct access access;
    const struct access_claim claim = { .host = "any.example",
                                        .authorization = authorization };
    char why[ERR_LEN];

    token_list_free(access.tokens);
    assert_int_equal(token_list_parse(file, sizeof(file) - 1, &access.tokens, why),
                     ST_OK);
    enum access_verdict verdict = access_judge(&access, &claim, scope, ret_token);
    if (*ret_token != NULL)
        assert_string_equal((*ret_token)->name, "camera");
    token_list_free(access.tokens);
    access.tokens = NULL;
    return verdict;
}

static void a_route_wants_a_token_that_suffices(void **state)
{
    const struct token *token;

    (void)state;
    assert_int_equal(judge_token("Bearer abc", TOKEN_INFER, &token), ACCESS_OK);
    assert_non_null(token);
    assert_int_equal(judge_token("bearer   abc", TOKEN_INFER, &token), ACCESS_OK);
    assert_int_equal(judge_token("Bearer abc", TOKEN_READ, &token), ACCESS_SCOPE);
    assert_non_null(token);
    assert_int_equal(judge_token("Bearer abc", TOKEN_ADMIN, &token), ACCESS_SCOPE);
    assert_int_equal(judge_token("Bearer abd", TOKEN_INFER, &token), ACCESS_TOKEN);
    assert_null(token);
    assert_int_equal(judge_token("Bearer ", TOKEN_INFER, &token), ACCESS_TOKEN);
    assert_int_equal(judge_token("Basic abc", TOKEN_INFER, &token), ACCESS_NO_TOKEN);
    assert_int_equal(judge_token("", TOKEN_INFER, &token), ACCESS_NO_TOKEN);
    assert_int_equal(judge_token(NULL, TOKEN_INFER, &token), ACCESS_NO_TOKEN);
    assert_int_equal(judge_token(NULL, 0, &token), ACCESS_OK);
    assert_null(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_tokens_only_our_own_names_are_hosts),
        cmocka_unit_test(names_that_no_browser_sends_are_refused),
        cmocka_unit_test(a_page_elsewhere_changes_nothing),
        cmocka_unit_test(our_own_page_and_what_is_no_page_may),
        cmocka_unit_test(a_route_wants_a_token_that_suffices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
