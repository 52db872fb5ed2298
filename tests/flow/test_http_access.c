/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, over real sockets, and while the list of tokens is swapped. */
#include "tests/flow/http_client.h"
#include "tests/flow/http_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* SHA-256 of "abc". */
#define ABC      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define N_ASKING 4
#define N_SWAPS  500

#define GET(path, field) "GET " path " HTTP/1.1\r\nHost: localhost\r\n" field "\r\n"
#define TOKEN(text)      "Authorization: Bearer " text "\r\n"

static struct access *access_of(const char *tokens)
{
    struct access *access = calloc(1, sizeof(*access));
    char why[ERR_LEN];

    assert_non_null(access);
    if (tokens != NULL)
        assert_int_equal(token_list_parse(tokens, strlen(tokens), &access->tokens, why),
                         ST_OK);
    return access;
}

/* Asks on the client's connection; expects `status` and a header that begins so. */
static void expect(struct http_client *client, const char *request, unsigned status,
                   const char *header, const char *value)
{
    struct http_response response;

    http_client_ask(client, request, &response);
    if (response.status != status)
        fail_msg("%s: %u", request, response.status);
    if (header != NULL)
        assert_string_equal(http_response_header(&response, header), value);
    assert_null(http_response_header(&response, "Access-Control-Allow-Origin"));
    http_response_done(&response);
}

static void a_scope_is_asked_for_and_told(void **state)
{
    struct http_client client;

    http_server_set_access(*state, access_of("read viewer " ABC));
    http_client_open(&client, fixture_port());
    expect(&client, GET("/read", ""), 401, "WWW-Authenticate",
           "Bearer realm=\"spinbnn\"");
    expect(&client, GET("/read", TOKEN("abd")), 401, "WWW-Authenticate",
           "Bearer realm=\"spinbnn\", error=\"invalid_token\"");
    expect(&client, GET("/read", TOKEN("abc")), 200, NULL, NULL);
    expect(&client, GET("/admin", TOKEN("abc")), 403, "WWW-Authenticate",
           "Bearer realm=\"spinbnn\", error=\"insufficient_scope\", scope=\"admin\"");
    expect(&client, GET("/v2/admin", TOKEN("abc")), 403, "Content-Type",
           "application/json");
    /* What everybody may, and what is not there, asks nobody. */
    expect(&client, GET("/echo", ""), 200, NULL, NULL);
    expect(&client, GET("/nothing", ""), 404, NULL, NULL);
    http_client_close(&client);

    /* Two of them leave open which counts. */
    http_client_open(&client, fixture_port());
    expect(&client, GET("/read", TOKEN("abc") TOKEN("abd")), 400, NULL, NULL);
    assert_true(http_client_ended(&client));
    http_client_close(&client);
}

static void a_body_is_not_read_for_who_may_not(void **state)
{
    struct http_client client;
    struct http_response response;

    http_server_set_access(*state, access_of(""));
    http_client_open(&client, fixture_port());
    /* The answer comes in place of the 100. */
    http_client_ask(&client,
                    "POST /admin HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                    "Content-Length: 500\r\n\r\n",
                    &response);
    assert_int_equal(response.status, 401);
    http_response_done(&response);
    http_client_close(&client);

    /* One that comes uninvited is dropped, and the connection goes on. */
    http_client_open(&client, fixture_port());
    expect(&client,
           "POST /admin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 401,
           NULL, NULL);
    expect(&client, GET("/echo", ""), 200, NULL, NULL);
    http_client_close(&client);
}

static void names_and_pages_of_others_are_refused(void **state)
{
    struct http_client client;

    http_server_set_access(*state, access_of(NULL));
    http_client_open(&client, fixture_port());
    expect(&client, GET("/read", ""), 200, NULL, NULL);
    expect(&client, "GET /read HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, NULL, NULL);
    expect(&client, "GET /echo HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200, NULL, NULL);
    /* The target's host is whom the request is for, not what Host says (RFC 9112, 3.2.2).
     */
    expect(&client,
           "GET http://evil.example/read?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n", 421,
           NULL, NULL);
    expect(&client, "GET https://evil.example/read HTTP/1.1\r\nHost: localhost\r\n\r\n",
           421, NULL, NULL);
    expect(&client,
           "GET http://localhost@evil.example/read HTTP/1.1\r\nHost: localhost\r\n\r\n",
           421, NULL, NULL);
    expect(&client, "GET http:///read HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, NULL,
           NULL);
    expect(&client,
           "GET http://localhost:1/read?a=b HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200,
           NULL, NULL);
    expect(&client,
           "POST http://localhost/admin HTTP/1.1\r\nHost: other.localhost\r\n"
           "Origin: http://other.localhost\r\nContent-Length: 0\r\n\r\n",
           403, NULL, NULL);
    expect(&client,
           "POST /admin HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
           "Origin: http://evil.example\r\nContent-Length: 2\r\n\r\n{}",
           403, NULL, NULL);
    expect(&client,
           "POST /admin HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-site\r\n"
           "Content-Length: 2\r\n\r\n{}",
           403, NULL, NULL);
    expect(&client,
           "POST /admin HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n"
           "Origin: http://localhost\r\nContent-Length: 2\r\n\r\n{}",
           200, NULL, NULL);
    /* A browser that asks first hears no word of permission. */
    expect(&client,
           "OPTIONS /admin HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
           "Access-Control-Request-Method: POST\r\n\r\n",
           204, NULL, NULL);
    http_client_close(&client);
}

/* -- While tokens are swapped -- */

static atomic_bool stopping;
static atomic_uint asked;

/* One that is in every list always gets in, one that is in none never. */
static void *ask(void *arg)
{
    struct http_client client;

    (void)arg;
    http_client_open(&client, fixture_port());
    while (!atomic_load(&stopping)) {
        expect(&client, GET("/read", TOKEN("abc")), 200, NULL, NULL);
        expect(&client, GET("/read", TOKEN("nobody")), 401, NULL, NULL);
        atomic_fetch_add(&asked, 1);
    }
    http_client_close(&client);
    return NULL;
}

static void tokens_change_under_requests(void **state)
{
    static const char *const lists[] = {
        "read viewer " ABC,
        "infer other 248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1\n"
        "admin viewer " ABC,
    };
    pthread_t threads[N_ASKING];

    http_server_set_access(*state, access_of(lists[0]));
    for (int i = 0; i < N_ASKING; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL), 0);
    for (unsigned i = 0; i < N_SWAPS || atomic_load(&asked) < N_SWAPS; i++)
        http_server_set_access(*state, access_of(lists[i % 2]));
    atomic_store(&stopping, true);
    for (int i = 0; i < N_ASKING; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);

    /* What was taken away is gone with the next request of an open connection. */
    struct http_client client;
    http_client_open(&client, fixture_port());
    expect(&client, GET("/read", TOKEN("abc")), 200, NULL, NULL);
    http_server_set_access(*state, access_of(""));
    expect(&client, GET("/read", TOKEN("abc")), 401, NULL, NULL);
    http_client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_scope_is_asked_for_and_told, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_body_is_not_read_for_who_may_not, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(names_and_pages_of_others_are_refused,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(tokens_change_under_requests, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
