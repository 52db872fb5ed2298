/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"
#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

static void an_answer_is_kept_whole_in_whatever_pieces_it_comes(void **state)
{
    struct client_body body = { 0 };
    char piece[97];

    (void)state;
    for (size_t i = 0; i < sizeof(piece); i++)
        piece[i] = (char)i;
    for (size_t len = 0, total = 0; len < sizeof(piece); len++) {
        assert_int_equal(client_body_add(piece, 1, len, &body), len);
        assert_memory_equal(body.bytes + total, piece, len);
        total += len;
        assert_int_equal(body.len, total);
        assert_int_equal(body.bytes[total], 0);
    }
    client_body_done(&body);
}

static void an_endless_answer_ends(void **state)
{
    static char piece[1 << 20];
    struct client_body body = { 0 };
    size_t n = 0;

    (void)state;
    while (client_body_add(piece, 1, sizeof(piece), &body) == sizeof(piece))
        assert_true(++n <= CLIENT_MAX_ANSWER / sizeof(piece));
    assert_true(body.too_long);
    client_body_done(&body);
}

static void a_failed_allocation_stops_the_transfer(void **state)
{
    struct client_body body = { 0 };
    char piece[8] = "answer";

    (void)state;
    fault_at(0);
    assert_int_equal(client_body_add(piece, 1, 6, &body), 0);
    fault_off();
    assert_null(body.bytes);
    client_body_done(&body);
}

static void only_web_addresses_are_taken(void **state)
{
    static const struct {
        const char *url;
        int code;
    } cases[] = {
        { "http://127.0.0.1:8080", EXIT_SUCCESS },
        { "http://[::1]:8080//", EXIT_SUCCESS },
        { "https://example.org", EXIT_SUCCESS },
        { "file:///etc/passwd", EX_USAGE },
        { "127.0.0.1:8080", EX_USAGE },
        { "", EX_USAGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cli cli = { .url = cases[i].url, .timeout_s = 1.0 };
        struct client *client = NULL;

        assert_int_equal(client_open(&cli, &client), cases[i].code);
        assert_true((client != NULL) == (cases[i].code == EXIT_SUCCESS));
        client_close(client);
    }
}

static void a_failed_allocation_opens_no_client(void **state)
{
    const struct cli cli = { .url = "http://127.0.0.1:8080", .timeout_s = 1.0 };
    struct client *client = NULL;
    int code = EXIT_FAILURE;

    (void)state;
    for (unsigned nth = 0; code != EXIT_SUCCESS; nth++) {
        fault_at(nth);
        code = client_open(&cli, &client);
        fault_off();
        assert_true(code == EXIT_SUCCESS || (code == EXIT_FAILURE && client == NULL));
    }
    client_close(client);
}

static void names_in_a_path_are_escaped(void **state)
{
    const struct cli cli = { .url = "http://127.0.0.1:8080", .timeout_s = 1.0 };
    struct client *client = NULL;

    (void)state;
    assert_int_equal(client_open(&cli, &client), EXIT_SUCCESS);
    char *path = client_model_path(client, "a/../b?c d", "/classify");
    assert_string_equal(path, "/api/v1/models/a%2F..%2Fb%3Fc%20d/classify");
    free(path);
    client_close(client);
}

static void a_version_goes_into_the_query(void **state)
{
    static const struct {
        const char *model, *suffix, *path;
    } cases[] = {
        { "net:12", "", "/api/v1/models/net?version=12" },
        { "net:12", "/classify?top=3", "/api/v1/models/net/classify?top=3&version=12" },
        { "net", "/classify?top=3", "/api/v1/models/net/classify?top=3" },
        { "net:1&x", "", "/api/v1/models/net?version=1%26x" },
        { "net:", "", "/api/v1/models/net?version=" },
    };
    const struct cli cli = { .url = "http://127.0.0.1:8080", .timeout_s = 1.0 };
    struct client *client = NULL;

    (void)state;
    assert_int_equal(client_open(&cli, &client), EXIT_SUCCESS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *path = client_model_path(client, cases[i].model, cases[i].suffix);

        assert_string_equal(path, cases[i].path);
        free(path);
    }
    client_close(client);
}

static void nobody_listening_is_code_69(void **state)
{
    const struct cli cli = { .url = "http://127.0.0.1:1", .timeout_s = 1.0 };
    const struct request ask = { .method = "GET", .path = "/" };
    struct client *client = NULL;
    struct reply reply;

    (void)state;
    assert_int_equal(client_open(&cli, &client), EXIT_SUCCESS);
    assert_false(client_call(client, &ask, true, NULL, &reply));
    assert_int_equal(reply.exit_code, EX_UNAVAILABLE);
    assert_null(reply.json);
    reply_done(&reply);
    client_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_kept_whole_in_whatever_pieces_it_comes),
        cmocka_unit_test(an_endless_answer_ends),
        cmocka_unit_test(a_failed_allocation_stops_the_transfer),
        cmocka_unit_test(only_web_addresses_are_taken),
        cmocka_unit_test(a_failed_allocation_opens_no_client),
        cmocka_unit_test(names_in_a_path_are_escaped),
        cmocka_unit_test(a_version_goes_into_the_query),
        cmocka_unit_test(nobody_listening_is_code_69),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
