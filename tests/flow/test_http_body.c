/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request ends: bodies and their limits, content codings, framing, versions. */
#include "tests/flow/http_expect.h"
#include "tests/flow/http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* POST /echo with a body of `len` bytes; the response is 100 first if `expect`. */
static unsigned post_status(size_t len, bool expect, bool chunked)
{
    char *request = calloc(1, len + 512);
    struct http_client client;
    struct http_response response;

    assert_non_null(request);
    int head = snprintf(request, 512, "POST /echo HTTP/1.1\r\n" HOST "%s",
                        expect ? "Expect: 100-continue\r\n" : "");
    size_t used = (size_t)head;
    used +=
        (size_t)(chunked ? sprintf(request + used,
                                   "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len)
                         : sprintf(request + used, "Content-Length: %zu\r\n\r\n", len));
    http_client_open(&client, fixture_port());
    assert_true(http_client_send(&client, request, used));
    memset(request, 'x', len);
    if (expect) {
        assert_true(http_client_read(&client, false, &response));
        http_response_done(&response);
        if (response.status != 100) {
            assert_true(http_client_ended(&client));
            goto out;
        }
    }
    (void)http_client_send(&client, request, len);
    if (chunked)
        (void)http_client_text(&client, "\r\n0\r\n\r\n");
    assert_true(http_client_read(&client, false, &response));
    if (response.status == 200)
        assert_int_equal(response.body_len, len);
    http_response_done(&response);
    /* The body was read, so the connection goes on. */
    assert_status(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n", 200);
out:
    http_client_close(&client);
    free(request);
    return response.status;
}

static void the_body_limit_is_exact(void **state)
{
    (void)state;
    for (int expect = 0; expect < 2; expect++)
        for (int chunked = 0; chunked < 2; chunked++) {
            assert_int_equal(post_status(FIXTURE_MAX_BODY - 1, expect, chunked), 200);
            assert_int_equal(post_status(FIXTURE_MAX_BODY, expect, chunked), 200);
            assert_int_equal(post_status(FIXTURE_MAX_BODY + 1, expect, chunked), 413);
        }
    assert_int_equal(post_status(900000, false, false), 413);
    assert_int_equal(post_status(900000, false, true), 413);
}

static void hopeless_bodies_are_refused_before_they_come(void **state)
{
    (void)state;
    assert_refused("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", 413);
    assert_refused("GET /echo HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", 413);
    assert_refused("POST /nope HTTP/1.1\r\n" HOST "Content-Length: 1048577\r\n\r\n", 404);
    assert_refused("POST /nope HTTP/1.1\r\n" HOST
                   "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
                   404);
    assert_refused("POST /later HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                   "Content-Encoding: br\r\nContent-Length: 5\r\n\r\n",
                   415);
}

static void an_endless_chunked_body_ends_the_connection(void **state)
{
    static char chunk[65536];
    struct http_client client;
    bool open = true;

    (void)state;
    memset(chunk, 'x', sizeof(chunk));
    http_client_open(&client, fixture_port());
    assert_true(http_client_text(&client,
                                 "POST /echo HTTP/1.1\r\n" HOST
                                 "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n"));
    for (int i = 0; i < 1000 && open; i++)
        open = http_client_send(&client, chunk, sizeof(chunk));
    assert_false(open);
    http_client_close(&client);
}

static void a_large_body_comes_back_unchanged(void **state)
{
    size_t len = (size_t)900 * 1024;
    char *body = malloc(len);
    struct http_client client;
    struct http_response response;

    (void)state;
    assert_non_null(body);
    for (size_t i = 0; i < len; i++)
        body[i] = (char)(i * 31 >> 3);
    http_client_open(&client, fixture_port());
    assert_true(http_client_text(&client, "POST /large HTTP/1.1\r\n" HOST
                                          "Content-Length: 921600\r\n\r\n"));
    assert_true(http_client_send(&client, body, len));
    assert_true(http_client_read(&client, false, &response));
    assert_int_equal(response.body_len, len);
    assert_memory_equal(response.body, body, len);
    http_response_done(&response);
    http_client_close(&client);
    free(body);
}

static void unwanted_and_encoded_bodies_are_dropped(void **state)
{
    struct http_client client;
    struct http_response response;

    (void)state;
    http_client_open(&client, fixture_port());
    http_client_ask(&client,
                    "GET /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
                    &response);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.body_len, 0);
    http_response_done(&response);
    http_client_ask(&client,
                    "POST /echo HTTP/1.1\r\n" HOST
                    "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
                    &response);
    assert_int_equal(response.status, 415);
    assert_string_equal(http_response_header(&response, "Accept-Encoding"), "identity");
    http_response_done(&response);
    assert_status(&client,
                  "POST /echo HTTP/1.1\r\n" HOST
                  "Content-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
                  200);
    assert_status(&client,
                  "POST /nope HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 404);
    http_client_close(&client);
}

static void packed_bodies_come_to_the_handler_that_unpacks_alone(void **state)
{
    static const char *const codings[] = { "gzip", "X-GZIP", "deflate" };
    static const char *const others[] = { "br", "gzip, gzip", "" };
    struct http_client client;
    struct http_response response;
    char request[256];

    (void)state;
    http_client_open(&client, fixture_port());
    for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
        (void)snprintf(request, sizeof(request),
                       "POST /later HTTP/1.1\r\n" HOST
                       "Content-Encoding: %s\r\nContent-Length: 5\r\n\r\nhello",
                       codings[i]);
        assert_status(&client, request, 200);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        (void)snprintf(request, sizeof(request),
                       "POST /later HTTP/1.1\r\n" HOST
                       "Content-Encoding: %s\r\nContent-Length: 5\r\n\r\nhello",
                       others[i]);
        http_client_ask(&client, request, &response);
        assert_int_equal(response.status, 415);
        assert_string_equal(http_response_header(&response, "Accept-Encoding"),
                            "gzip, deflate");
        http_response_done(&response);
    }
    http_client_close(&client);
}

/* What follows a refused request would be taken for the next one by a careless server. */
#define SMUGGLED "GET /echo HTTP/1.1\r\n" HOST "\r\n"

static void requests_that_can_be_read_in_two_ways_are_refused(void **state)
{
    (void)state;
    assert_refused("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
                   400);
    assert_refused("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
                   "Content-Length: 4\r\n\r\n0\r\n\r\n" SMUGGLED,
                   400);
    assert_refused("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n"
                   "Content-Length: 0\r\n\r\nabcd" SMUGGLED,
                   400);
    assert_refused("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n"
                   "Content-Length: 4\r\n\r\nabcd" SMUGGLED,
                   400);
    assert_refused("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
                   400);
    assert_refused(
        "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n" SMUGGLED, 501);
    assert_refused("POST /echo HTTP/1.1\r\n" HOST
                   "Transfer-Encoding: gzip, chunked\r\n\r\n" SMUGGLED,
                   501);
    assert_refused("POST /echo HTTP/1.1\r\n" HOST
                   "Transfer-Encoding: identity\r\n\r\n" SMUGGLED,
                   501);
    assert_refused("POST /echo HTTP/1.0\r\n" HOST
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
                   400);
    assert_refused(
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length : 4\r\n\r\nabcd" SMUGGLED, 400);
    assert_refused("POST /echo HTTP/1.1\r\n" HOST
                   "Content-Len: 4\r\n gth\r\n\r\nabcd" SMUGGLED,
                   400);
    assert_refused("POST /echo HTTP/1.1\r\n" HOST
                   "X: y\r\n z\r\nContent-Length: 0\r\n\r\n" SMUGGLED,
                   400);
    assert_refused("GET /echo HTTP/1.1\r\n\r\n" SMUGGLED, 400);
    assert_refused("GET /echo HTTP/1.1\r\n" HOST HOST "\r\n" SMUGGLED, 400);
    assert_refused("GET /echo HTTP/1.1\r\n" HOST "a(b: c\r\n\r\n" SMUGGLED, 400);
}

/* What follows is a request of its own, and both are answered. */
static void a_wait_for_permission_without_a_body_takes_no_bytes(void **state)
{
    static const char *const heads[] = {
        "GET /static HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST
        "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        static const unsigned expected[] = { 100, 200, 200 };
        char requests[512];
        struct http_client client;
        struct http_response response;

        (void)snprintf(requests, sizeof(requests), "%s%s", heads[i], SMUGGLED);
        http_client_open(&client, fixture_port());
        assert_true(http_client_text(&client, requests));
        for (size_t k = 0; k < sizeof(expected) / sizeof(expected[0]); k++) {
            assert_true(http_client_read(&client, false, &response));
            assert_int_equal(response.status, expected[k]);
            http_response_done(&response);
        }
        assert_status(&client, "GET /static HTTP/1.1\r\n" HOST "\r\n", 200);
        http_client_close(&client);
    }
}

/* Their 400 is the library's own (HTML, its head twice), so only the status is looked at.
 */
static void lengths_that_are_no_numbers_are_refused(void **state)
{
    static const char *const lengths[] = { "-1",   "+5", "0x5",
                                           "5, 5", "a",  "99999999999999999999999" };

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char request[512];
        struct http_client client;
        struct http_response response;

        (void)snprintf(request, sizeof(request),
                       "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %s\r\n\r\n",
                       lengths[i]);
        http_client_open(&client, fixture_port());
        http_client_ask(&client, request, &response);
        assert_true(response.status == 400 || response.status == 413);
        http_response_done(&response);
        http_client_close(&client);
    }
}

static void old_and_unknown_versions_are_served_or_refused(void **state)
{
    struct http_client client;
    struct http_response response;

    (void)state;
    assert_refused("GET /static HTTP/1.0\r\n\r\n", 200);
    http_client_open(&client, fixture_port());
    assert_status(&client, "GET /static HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200);
    http_client_ask(&client, "GET /static HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
                    &response);
    assert_string_equal(http_response_header(&response, "Connection"), "close");
    assert_true(http_client_ended(&client));
    http_response_done(&response);
    http_client_close(&client);
    assert_refused("GET /static HTTP/2.0\r\n" HOST "\r\n", 505);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_body_limit_is_exact),
        cmocka_unit_test(hopeless_bodies_are_refused_before_they_come),
        cmocka_unit_test(an_endless_chunked_body_ends_the_connection),
        cmocka_unit_test(a_large_body_comes_back_unchanged),
        cmocka_unit_test(unwanted_and_encoded_bodies_are_dropped),
        cmocka_unit_test(packed_bodies_come_to_the_handler_that_unpacks_alone),
        cmocka_unit_test(requests_that_can_be_read_in_two_ways_are_refused),
        cmocka_unit_test(a_wait_for_permission_without_a_body_takes_no_bytes),
        cmocka_unit_test(lengths_that_are_no_numbers_are_refused),
        cmocka_unit_test(old_and_unknown_versions_are_served_or_refused),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
