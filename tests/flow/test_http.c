/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP manners over real sockets: what is asked and how it is answered. */
#include "tests/flow/http_expect.h"
#include "tests/flow/http_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void a_connection_serves_many_requests(void **state)
{
    struct http_client client;
    char last_id[32] = "";

    (void)state;
    http_client_open(&client, fixture_port());
    for (int i = 0; i < 200; i++) {
        char request[512];
        struct http_response response;

        (void)snprintf(request, sizeof(request),
                       "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n%0*d",
                       i + 1, i + 1, i);
        http_client_ask(&client, request, &response);
        assert_int_equal(response.status, 200);
        assert_int_equal(response.body_len, i + 1);
        assert_int_equal(atoi(response.body), i);
        assert_common_headers(&response);
        assert_null(http_response_header(&response, "Cache-Control"));
        const char *id = http_response_header(&response, "X-Request-Id");
        assert_string_not_equal(id, last_id);
        (void)snprintf(last_id, sizeof(last_id), "%s", id);
        http_response_done(&response);
    }
    http_client_close(&client);
}

/* The library's response is kept for the next one. */
static void answers_of_the_same_bytes_have_ids_of_their_own(void **state)
{
    static const char *const requests[] = { "GET /alive HTTP/1.1\r\n" HOST "\r\n",
                                            "POST /alive HTTP/1.1\r\n" HOST
                                            "Content-Length: 0\r\n\r\n" };
    struct http_client clients[3];
    char ids[12][32];

    (void)state;
    for (int i = 0; i < 12; i++) {
        struct http_client *client = &clients[i % 3];
        struct http_response response;

        if (i < 3)
            http_client_open(client, fixture_port());
        http_client_ask(client, requests[i / 3 % 2], &response);
        assert_int_equal(response.status, 200);
        assert_common_headers(&response);
        assert_string_equal(response.body, "alive");
        const char *cache = http_response_header(&response, "Cache-Control");
        if (i / 3 % 2 == 0)
            assert_string_equal(cache, "no-store");
        else
            assert_null(cache); /* nobody stores it anyway */
        (void)snprintf(ids[i], sizeof(ids[i]), "%s",
                       http_response_header(&response, "X-Request-Id"));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(ids[k], ids[i]);
        http_response_done(&response);
    }
    for (int i = 0; i < 3; i++)
        http_client_close(&clients[i]);
}

static void answers_of_the_same_bytes_have_fields_of_their_own(void **state)
{
    struct http_client client;

    (void)state;
    http_client_open(&client, fixture_port());
    for (int i = 0; i < 6; i++) {
        char request[64], tag[16];
        struct http_response response;

        (void)snprintf(tag, sizeof(tag), "tag%d", i / 2 % 2);
        (void)snprintf(request, sizeof(request),
                       "GET /tagged/%s HTTP/1.1\r\n" HOST "\r\n", tag);
        http_client_ask(&client, request, &response);
        assert_common_headers(&response);
        assert_string_equal(response.body, "tagged");
        assert_string_equal(http_response_header(&response, "ETag"), tag);
        http_response_done(&response);
    }
    http_client_close(&client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct http_client client;
    char requests[8192] = "";

    (void)state;
    for (int i = 0; i < 20; i++) {
        size_t used = strlen(requests);
        (void)snprintf(requests + used, sizeof(requests) - used,
                       "POST %s HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n%04d",
                       i % 3 == 0 ? "/later" : "/echo", i);
    }
    http_client_open(&client, fixture_port());
    assert_true(http_client_text(&client, requests));
    for (int i = 0; i < 20; i++) {
        struct http_response response;
        assert_true(http_client_read(&client, false, &response));
        assert_int_equal(response.status, 200);
        assert_int_equal(atoi(response.body), i);
        http_response_done(&response);
    }
    http_client_close(&client);
}

static void a_chunked_body_arrives_whole(void **state)
{
    struct http_client client;
    struct http_response response;

    (void)state;
    http_client_open(&client, fixture_port());
    http_client_ask(&client,
                    "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                    "5\r\nhello\r\n1;x=y\r\n,\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n",
                    &response);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, "hello, world");
    http_response_done(&response);
    assert_status(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n", 200);
    http_client_close(&client);
}

static void a_request_may_arrive_byte_by_byte(void **state)
{
    static const char request[] =
        "POST /echo?a=1 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello";
    struct http_client client;
    struct http_response response;

    (void)state;
    http_client_open(&client, fixture_port());
    for (size_t i = 0; i + 1 < sizeof(request); i++) {
        assert_true(http_client_send(&client, request + i, 1));
        usleep(300);
    }
    assert_true(http_client_read(&client, false, &response));
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, "hello");
    http_response_done(&response);
    http_client_close(&client);
}

static void head_is_get_without_the_body(void **state)
{
    struct http_client client;
    struct http_response get, head;

    (void)state;
    http_client_open(&client, fixture_port());
    http_client_ask(&client, "GET /static HTTP/1.1\r\n" HOST "\r\n", &get);
    http_client_ask(&client, "HEAD /static HTTP/1.1\r\n" HOST "\r\n", &head);
    assert_int_equal(head.status, 200);
    assert_string_equal(http_response_header(&head, "Content-Length"), "6");
    assert_string_equal(http_response_header(&head, "Content-Type"), "text/css");
    assert_string_equal(http_response_header(&head, "Cache-Control"), "max-age=60");
    assert_string_equal(get.body, "body{}");
    http_response_done(&get);
    http_response_done(&head);
    assert_status(&client, "HEAD /nope HTTP/1.1\r\n" HOST "\r\n", 404);
    assert_status(&client, "HEAD /later HTTP/1.1\r\n" HOST "\r\n", 405);
    http_client_close(&client);
}

static void options_and_wrong_methods_say_what_is_allowed(void **state)
{
    static const struct {
        const char *request;
        unsigned status;
        const char *allow;
    } cases[] = {
        { "OPTIONS /echo", 204, "POST, GET, HEAD, OPTIONS" },
        { "OPTIONS /models/x", 204, "GET, HEAD, OPTIONS" },
        { "OPTIONS *", 204, "POST, GET, HEAD, OPTIONS" },
        { "DELETE /echo", 405, "POST, GET, HEAD, OPTIONS" },
        { "BREW /later", 405, "POST, OPTIONS" },
        { "GET /later", 405, "POST, OPTIONS" },
        { "OPTIONS /nope", 404, NULL },
        { "BREW /nope", 404, NULL },
    };
    struct http_client client;

    (void)state;
    http_client_open(&client, fixture_port());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char request[128];
        struct http_response response;

        (void)snprintf(request, sizeof(request), "%s HTTP/1.1\r\n" HOST "\r\n",
                       cases[i].request);
        http_client_ask(&client, request, &response);
        assert_int_equal(response.status, cases[i].status);
        const char *allow = http_response_header(&response, "Allow");
        if (cases[i].allow == NULL)
            assert_null(allow);
        else
            assert_string_equal(allow, cases[i].allow);
        http_response_done(&response);
    }
    http_client_close(&client);
}

static void errors_are_problems_and_under_v2_error_objects(void **state)
{
    struct http_client client;
    struct http_response response;

    (void)state;
    http_client_open(&client, fixture_port());
    http_client_ask(&client, "GET /busy HTTP/1.1\r\n" HOST "\r\n", &response);
    assert_int_equal(response.status, 429);
    assert_string_equal(http_response_header(&response, "Content-Type"),
                        "application/problem+json");
    assert_string_equal(http_response_header(&response, "Retry-After"), "2");
    assert_non_null(strstr(response.body, "\"bad bytes: \xef\xbf\xbd\\u0001\\\"\""));
    const char *id = http_response_header(&response, "X-Request-Id");
    assert_non_null(strstr(response.body, id)); /* as the instance */
    http_response_done(&response);

    http_client_ask(&client, "GET /v2/busy HTTP/1.1\r\n" HOST "\r\n", &response);
    assert_string_equal(http_response_header(&response, "Content-Type"),
                        "application/json");
    assert_string_equal(response.body,
                        "{\"error\":\"bad bytes: \xef\xbf\xbd\\u0001\\\"\"}");
    http_response_done(&response);

    http_client_ask(&client, "GET /v2/failed HTTP/1.1\r\n" HOST "\r\n", &response);
    assert_int_equal(response.status, 500);
    assert_string_equal(response.body, "{\"error\":\"no memory for the answer\"}");
    http_response_done(&response);

    http_client_ask(&client, "GET /v2x HTTP/1.1\r\n" HOST "\r\n", &response);
    assert_string_equal(http_response_header(&response, "Content-Type"),
                        "application/problem+json");
    http_response_done(&response);

    http_client_ask(&client, "GET /\xff\"<\x80 HTTP/1.1\r\n" HOST "\r\n", &response);
    assert_int_equal(response.status, 404);
    assert_non_null(strstr(response.body, "/\xef\xbf\xbd\\\"<\xef\xbf\xbd"));
    http_response_done(&response);
    http_client_close(&client);
}

static void handlers_that_fail_or_say_nothing_are_a_500(void **state)
{
    struct http_client client;

    (void)state;
    http_client_open(&client, fixture_port());
    assert_status(&client, "GET /failed HTTP/1.1\r\n" HOST "\r\n", 500);
    assert_status(&client, "GET /silent HTTP/1.1\r\n" HOST "\r\n", 500);
    assert_status(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n", 200);
    http_client_close(&client);
}

static void targets_and_headers_reach_the_handler_decoded(void **state)
{
    struct http_client client;
    struct http_response response;

    (void)state;
    http_client_open(&client, fixture_port());
    http_client_ask(&client,
                    "GET /models/a%20b%3F?a=1%202+3&b%20c=&a=second HTTP/1.1\r\n" HOST
                    "content-type: Text/PLAIN; charset=utf-8\r\nx-TEST: v w\r\n\r\n",
                    &response);
    assert_string_equal(response.body,
                        "method=GET\npath=/models/a%20b%3F\nm=a b?\na=1 2 3\n"
                        "b c=\ntype=text/plain\nx-test=v w\n");
    assert_string_equal(http_response_header(&response, "ETag"), "\"7\"");
    http_response_done(&response);

    http_client_ask(&client, "HEAD /models/x HTTP/1.1\r\n" HOST "\r\n", &response);
    assert_int_equal(response.status, 200);
    http_response_done(&response);
    http_client_ask(&client, "GET http://h:80/models/x?a#b HTTP/1.1\r\n" HOST "\r\n",
                    &response);
    assert_string_equal(response.body, "method=GET\npath=/models/x\nm=x\na=(none)\n"
                                       "b c=(none)\ntype=\nx-test=(none)\n");
    http_response_done(&response);
    assert_status(&client, "GET /models/a%2Fb HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_status(&client, "GET /models/a%00b HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_status(&client, "GET /models/a%zz HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_status(&client, "GET /models/a b HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_status(&client, "GET /models/a\x01 HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_status(&client, "GET HTTPS://h/models/x HTTP/1.1\r\n" HOST "\r\n", 200);
    assert_status(&client, "GET ftp://h/models/x HTTP/1.1\r\n" HOST "\r\n", 404);
    assert_status(&client, "GET http://h HTTP/1.1\r\n" HOST "\r\n", 404);
    http_client_close(&client);
}

/* What is wanted in header lines, on this path: the status and the type that come. */
static void assert_form(const char *path, const char *accept, unsigned status,
                        const char *type)
{
    struct http_client client;
    struct http_response response;
    char request[512];

    http_client_open(&client, fixture_port());
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "%s\r\n", path,
                   accept);
    http_client_ask(&client, request, &response);
    if (response.status != status)
        fail_msg("%s %s: %u %s", path, accept, response.status, response.body);
    assert_string_equal(http_response_header(&response, "Content-Type"), type);
    assert_common_headers(&response);
    http_response_done(&response);
    http_client_close(&client);
}

static void accept_chooses_and_what_there_is_not_is_a_406(void **state)
{
    const char *text = "text/plain", *csv = "text/csv; header=present";

    (void)state;
    assert_form("/forms", "", 200, text);
    assert_form("/forms", "Accept: */*\r\n", 200, text);
    assert_form("/forms", "Accept: text/csv\r\n", 200, csv);
    assert_form("/forms", "accept: text/csv, text/plain;q=0.5\r\n", 200, csv);
    assert_form("/forms", "Accept: text/plain;q=0.5\r\nAccept: text/csv\r\n", 200, csv);
    assert_form("/forms", "Accept: */*\r\nAccept: text/plain;q=0\r\n", 200, csv);
    assert_form("/forms", "Accept: a/b\r\nAccept: */*\r\n", 200, text);
    assert_form("/forms", "Accept:\r\n", 200, text);
    assert_form("/forms", "Accept: a/b\r\n", 406, "application/problem+json");
    assert_form("/v2/forms", "Accept: a/b\r\n", 406, "application/json");
    assert_form("/own-form", "Accept: image/*\r\n", 200, "image/png");
    assert_form("/own-form", "", 200, "image/png");
    assert_form("/own-form", "Accept: text/plain\r\n", 406, "application/problem+json");
    /* Who takes no error gets it all the same. */
    assert_form("/busy", "Accept: text/csv\r\n", 429, "application/problem+json");
    /* Where types are not told there is nothing to choose. */
    assert_form("/models/x", "Accept: a/b\r\n", 200, "text/plain");
}

static void a_406_names_what_there_is_and_keeps_the_connection(void **state)
{
    struct http_client client;
    struct http_response response;

    (void)state;
    http_client_open(&client, fixture_port());
    http_client_ask(&client,
                    "POST /forms HTTP/1.1\r\n" HOST
                    "Accept: a/b\r\nContent-Length: 4\r\n\r\nbody",
                    &response);
    assert_int_equal(response.status, 406);
    assert_non_null(strstr(response.body, "\"code\":\"not_acceptable\""));
    assert_non_null(strstr(response.body, "text/plain, text/csv; header=present"));
    http_response_done(&response);
    assert_status(&client, "GET /forms HTTP/1.1\r\n" HOST "\r\n", 200);
    http_client_close(&client);
}

static void an_argument_that_the_route_does_not_know_is_named(void **state)
{
    struct http_client client;
    struct http_response response;

    (void)state;
    http_client_open(&client, fixture_port());
    assert_status(&client, "GET /asked HTTP/1.1\r\n" HOST "\r\n", 200);
    assert_status(&client, "GET /asked?model=&limit=1 HTTP/1.1\r\n" HOST "\r\n", 200);
    assert_status(&client, "GET /echo?limt=1 HTTP/1.1\r\n" HOST "\r\n", 200);
    http_client_ask(&client, "GET /asked?limt=1&model=a&%22 HTTP/1.1\r\n" HOST "\r\n",
                    &response);
    assert_int_equal(response.status, 422);
    assert_non_null(strstr(response.body, "\"code\":\"invalid_query\""));
    assert_non_null(strstr(response.body, "\"?limt\""));
    assert_non_null(strstr(response.body, "did you mean limit?"));
    assert_non_null(strstr(response.body, "\"?\\\"\""));
    assert_null(strstr(response.body, "\"?model\""));
    http_response_done(&response);
    http_client_close(&client);
}

static void a_query_of_a_thousand_arguments_is_no_burden(void **state)
{
    char *request = malloc(32768);
    struct http_client client;

    (void)state;
    assert_non_null(request);
    strcpy(request, "GET /models/x?");
    memset(request + 14, '&', 12000);
    strcpy(request + 14 + 12000, "a=5 HTTP/1.1\r\n" HOST "\r\n");
    http_client_open(&client, fixture_port());
    assert_status(&client, request, 200);
    http_client_close(&client);
    free(request);
}

/* A connection whose server side takes few bytes at a time. */
static void open_narrow(struct http_client *client, struct http_server *server)
{
    const struct sockaddr peer = { .sa_family = AF_UNIX };
    int fds[2], least = 1;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(http_server_add(server, fds[0], &peer, sizeof(peer.sa_family)),
                     ST_OK);
    http_client_wrap(client, fds[1]);
}

#define ECHO_LEN 900
#define N_LATE   60

static void ask_for_echo(struct http_client *client, int number)
{
    char request[ECHO_LEN + 128];

    (void)snprintf(request, sizeof(request),
                   "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n%0*d",
                   ECHO_LEN, ECHO_LEN, number);
    assert_true(http_client_text(client, request));
}

static void expect_echo(struct http_client *client, int number)
{
    struct http_response response;
    char body[ECHO_LEN + 1];

    (void)snprintf(body, sizeof(body), "%0*d", ECHO_LEN, number);
    assert_true(http_client_read(client, false, &response));
    assert_string_equal(response.body, body);
    http_response_done(&response);
}

/* What is kept is not filled anew while somebody has yet to take the rest of it. */
static void an_answer_that_is_taken_late_stays_what_it_was(void **state)
{
    struct http_client slow, others[4];

    open_narrow(&slow, *state);
    for (int i = 0; i < N_LATE; i++)
        ask_for_echo(&slow, i);
    for (int i = 0; i < 40; i++) {
        if (i < 4)
            http_client_open(&others[i], fixture_port());
        ask_for_echo(&others[i % 4], 1000 + i);
        expect_echo(&others[i % 4], 1000 + i);
    }
    for (int i = 0; i < N_LATE; i++)
        expect_echo(&slow, i);
    for (int i = 0; i < 4; i++)
        http_client_close(&others[i]);
    http_client_close(&slow);
}

static void unix_sockets_are_served_too(void **state)
{
    int fds[2];
    struct http_client client;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    struct sockaddr peer = { .sa_family = AF_UNIX };
    assert_int_equal(http_server_add(*state, fds[0], &peer, sizeof(peer.sa_family)),
                     ST_OK);
    int client_fd = dup(fds[1]);
    assert_true(client_fd >= 0);
    close(fds[1]);
    assert_int_equal(fcntl(client_fd, F_SETFL, 0), 0);
    http_client_wrap(&client, client_fd);
    assert_status(&client, "GET /static HTTP/1.1\r\n" HOST "\r\n", 200);
    assert_status(&client, "POST /later HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab",
                  200);
    http_client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_many_requests),
        cmocka_unit_test(answers_of_the_same_bytes_have_ids_of_their_own),
        cmocka_unit_test(answers_of_the_same_bytes_have_fields_of_their_own),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_chunked_body_arrives_whole),
        cmocka_unit_test(a_request_may_arrive_byte_by_byte),
        cmocka_unit_test(head_is_get_without_the_body),
        cmocka_unit_test(options_and_wrong_methods_say_what_is_allowed),
        cmocka_unit_test(errors_are_problems_and_under_v2_error_objects),
        cmocka_unit_test(handlers_that_fail_or_say_nothing_are_a_500),
        cmocka_unit_test(targets_and_headers_reach_the_handler_decoded),
        cmocka_unit_test(accept_chooses_and_what_there_is_not_is_a_406),
        cmocka_unit_test(a_406_names_what_there_is_and_keeps_the_connection),
        cmocka_unit_test(an_argument_that_the_route_does_not_know_is_named),
        cmocka_unit_test(a_query_of_a_thousand_arguments_is_no_burden),
        cmocka_unit_test(an_answer_that_is_taken_late_stays_what_it_was),
        cmocka_unit_test(unix_sockets_are_served_too),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
