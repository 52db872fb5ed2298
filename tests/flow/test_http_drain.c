/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from other threads, clients that leave, and the ways a server comes to its end.
 */
#include "tests/flow/http_expect.h"
#include "tests/flow/http_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#define HOLD "GET /hold HTTP/1.1\r\n" HOST "\r\n"

static void pause_ms(long ms)
{
    struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

    (void)nanosleep(&time, NULL);
}

/* Waits up to 10 s until `n` requests are told done. */
static void wait_done(size_t n)
{
    for (int i = 0; i < 1000 && fixture_counts().done < n; i++)
        pause_ms(10);
    assert_int_equal(fixture_counts().done, n);
}

/* Waits up to 10 s until `n` connections are left, closing idle ones if `close_idle`. */
static void wait_connections(struct http_server *server, size_t n, bool close_idle)
{
    for (int i = 0; i < 1000 && http_server_connections(server) != n; i++) {
        if (close_idle)
            http_server_close_idle(server);
        pause_ms(10);
    }
    assert_int_equal(http_server_connections(server), n);
}

static void a_thousand_deferred_requests_each_get_their_own_answer(void **state)
{
    enum { CLIENTS = 10, EACH = 100 };
    struct http_client clients[CLIENTS];

    (void)state;
    for (int c = 0; c < CLIENTS; c++)
        http_client_open(&clients[c], fixture_port());
    for (int i = 0; i < EACH; i++)
        for (int c = 0; c < CLIENTS; c++) {
            char request[128];
            (void)snprintf(request, sizeof(request),
                           "POST /later HTTP/1.1\r\n" HOST
                           "Content-Length: 6\r\n\r\n%06d",
                           c * EACH + i);
            assert_true(http_client_text(&clients[c], request));
        }
    for (int i = 0; i < EACH; i++)
        for (int c = 0; c < CLIENTS; c++) {
            struct http_response response;
            assert_true(http_client_read(&clients[c], false, &response));
            assert_int_equal(response.status, 200);
            assert_int_equal(atoi(response.body), c * EACH + i);
            http_response_done(&response);
        }
    for (int c = 0; c < CLIENTS; c++)
        http_client_close(&clients[c]);
    wait_done(CLIENTS * EACH);
    assert_int_equal(fixture_counts().unanswered, 0);
    assert_int_equal(fixture_counts().matched, CLIENTS * EACH);
}

static void a_client_that_leaves_is_noticed_and_told_as_unanswered(void **state)
{
    struct http_client client;

    http_client_open(&client, fixture_port());
    assert_true(http_client_text(&client, HOLD));
    fixture_wait_held(1);
    assert_int_equal(http_server_connections(*state), 1);
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)),
                     0);
    http_client_close(&client);
    pause_ms(50);
    http_server_close_left(*state);
    fixture_release(1);
    assert_true(fixture_saw_client_gone());
    assert_true(fixture_saw_client_left());
    wait_done(1);
    assert_int_equal(fixture_counts().unanswered, 1);
    wait_connections(*state, 0, false);
}

static void a_client_that_leaves_within_a_body_is_told_too(void **state)
{
    struct http_client client;

    http_client_open(&client, fixture_port());
    assert_true(http_client_text(&client, "POST /echo HTTP/1.1\r\n" HOST
                                          "Content-Length: 100\r\n\r\nhalf"));
    http_client_close(&client);
    for (int i = 0; i < 1000 && fixture_counts().done < 1; i++) {
        http_server_close_left(*state);
        pause_ms(10);
    }
    wait_done(1);
    assert_int_equal(fixture_counts().unanswered, 1);
    wait_connections(*state, 0, false);
}

static void a_client_that_waits_is_not_gone(void **state)
{
    struct http_client client;
    struct http_response response;

    http_client_open(&client, fixture_port());
    assert_true(http_client_text(&client, HOLD));
    fixture_wait_held(1);
    for (unsigned i = 0; i < 2; i++)
        http_server_close_left(*state);
    fixture_release(1);
    assert_false(fixture_saw_client_gone());
    assert_false(fixture_saw_client_left());
    assert_true(http_client_read(&client, false, &response));
    assert_string_equal(response.body, "released");
    http_response_done(&response);
    http_client_close(&client);
}

static void draining_answers_what_runs_and_closes_the_rest(void **state)
{
    struct http_client idle, busy, fresh;
    struct http_response response;

    http_client_open(&idle, fixture_port());
    http_client_open(&busy, fixture_port());
    http_client_open(&fresh, fixture_port());
    http_client_ask(&idle, "GET /static HTTP/1.1\r\n" HOST "\r\n", &response);
    assert_null(http_response_header(&response, "Connection"));
    http_response_done(&response);
    assert_true(http_client_text(&busy, HOLD));
    fixture_wait_held(1);

    http_server_drain(*state);
    wait_connections(*state, 1, true);
    assert_true(http_client_ended(&idle));
    assert_true(http_client_ended(&fresh));
    pause_ms(250);
    http_server_close_idle(*state);
    assert_int_equal(http_server_connections(*state), 1);

    fixture_release(1);
    assert_false(fixture_saw_client_gone());
    assert_true(http_client_read(&busy, false, &response));
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, "released");
    assert_string_equal(http_response_header(&response, "Connection"), "close");
    http_response_done(&response);
    assert_true(http_client_ended(&busy));
    wait_connections(*state, 0, false);
    assert_int_equal(fixture_counts().unanswered, 0);
    http_client_close(&idle);
    http_client_close(&busy);
    http_client_close(&fresh);
}

/* Before, the connection stayed open after the same answer. */
static void draining_closes_after_an_answer_that_was_given_before(void **state)
{
    struct http_client client;
    struct http_response response;

    http_client_open(&client, fixture_port());
    for (int i = 0; i < 6; i++) {
        if (i == 5)
            http_server_drain(*state);
        http_client_ask(&client, "GET /alive HTTP/1.1\r\n" HOST "\r\n", &response);
        assert_string_equal(response.body, "alive");
        const char *connection = http_response_header(&response, "Connection");
        if (i < 5)
            assert_null(connection);
        else
            assert_string_equal(connection, "close");
        http_response_done(&response);
    }
    assert_true(http_client_ended(&client));
    http_client_close(&client);
}

/* Requests that keep coming while the server drains are all answered; each answer ends
 * its connection, and the next request goes to a new one. */
static void draining_under_load_loses_no_request(void **state)
{
    struct http_client clients[8];
    struct http_response response;
    size_t n_answers = 0;

    for (int c = 0; c < 8; c++)
        http_client_open(&clients[c], fixture_port());
    for (int round = 0; round < 60; round++) {
        if (round == 20)
            http_server_drain(*state);
        if (round >= 20)
            http_server_close_idle(*state);
        for (int c = 0; c < 8; c++)
            assert_true(http_client_text(&clients[c], "POST /later HTTP/1.1\r\n" HOST
                                                      "Content-Length: 1\r\n\r\nx"));
        for (int c = 0; c < 8; c++) {
            assert_true(http_client_read(&clients[c], false, &response));
            assert_int_equal(response.status, 200);
            n_answers++;
            if (http_response_header(&response, "Connection") != NULL) {
                assert_true(http_client_ended(&clients[c]));
                http_client_close(&clients[c]);
                http_client_open(&clients[c], fixture_port());
            }
            http_response_done(&response);
        }
    }
    for (int c = 0; c < 8; c++)
        http_client_close(&clients[c]);
    wait_done(n_answers);
    assert_int_equal(fixture_counts().unanswered, 0);
    wait_connections(*state, 0, true);
}

static void close_all_ends_even_what_is_not_answered(void **state)
{
    struct http_client idle, busy;

    http_client_open(&idle, fixture_port());
    http_client_open(&busy, fixture_port());
    assert_true(http_client_text(&busy, HOLD));
    fixture_wait_held(1);
    wait_connections(*state, 2, false);
    http_server_close_all(*state);
    assert_true(http_client_ended(&idle));
    assert_true(http_client_ended(&busy));
    wait_connections(*state, 1, false);
    fixture_release(1);
    assert_true(fixture_saw_client_gone());
    wait_connections(*state, 0, false);
    wait_done(1);
    assert_int_equal(fixture_counts().unanswered, 1);
    http_client_close(&idle);
    http_client_close(&busy);
}

static void slow_heads_are_closed_and_slow_answers_are_not(void **state)
{
    struct http_client silent, slow, busy;

    http_client_open(&silent, fixture_port());
    http_client_open(&slow, fixture_port());
    http_client_open(&busy, fixture_port());
    assert_true(http_client_text(&slow, "GET /echo HTTP/1.1\r\nHost: "));
    assert_true(http_client_text(&busy, HOLD));
    fixture_wait_held(1);
    wait_connections(*state, 3, false);
    http_server_close_slow(*state, 5000000000u);
    pause_ms(100);
    assert_int_equal(http_server_connections(*state), 3);
    http_server_close_slow(*state, 50000000u);
    assert_true(http_client_ended(&silent));
    assert_true(http_client_ended(&slow));
    wait_connections(*state, 1, false);
    fixture_release(1);
    http_client_close(&silent);
    http_client_close(&slow);
    http_client_close(&busy);
}

static void slow_bodies_are_closed(void **state)
{
    struct http_client slow;

    http_client_open(&slow, fixture_port());
    assert_true(http_client_text(&slow, "POST /echo HTTP/1.1\r\n" HOST
                                        "Content-Length: 20000\r\n\r\nx"));
    wait_connections(*state, 1, false);
    http_server_close_slow(*state, 60000000000u);
    pause_ms(100);
    assert_int_equal(http_server_connections(*state), 1);
    http_server_close_slow(*state, 50000000u);
    assert_true(http_client_ended(&slow));
    http_client_close(&slow);
}

static void unused_connections_are_closed_and_busy_ones_are_not(void **state)
{
    struct http_client fresh, idle, half, busy;
    struct http_response response;

    http_client_open(&fresh, fixture_port());
    http_client_open(&idle, fixture_port());
    http_client_open(&half, fixture_port());
    http_client_open(&busy, fixture_port());
    http_client_ask(&idle, "GET /static HTTP/1.1\r\n" HOST "\r\n", &response);
    http_response_done(&response);
    assert_true(http_client_text(&half, "GET /echo HTTP/1.1\r\nHost: "));
    assert_true(http_client_text(&busy, HOLD));
    fixture_wait_held(1);
    wait_connections(*state, 4, false);
    http_server_close_unused(*state, 60000000000u);
    pause_ms(100);
    assert_int_equal(http_server_connections(*state), 4);
    http_server_close_unused(*state, 50000000u);
    assert_true(http_client_ended(&fresh));
    assert_true(http_client_ended(&idle));
    wait_connections(*state, 2, false);
    assert_true(http_client_text(&half, "localhost\r\n\r\n"));
    assert_true(http_client_read(&half, false, &response));
    assert_int_equal(response.status, 200);
    http_response_done(&response);
    fixture_release(1);
    assert_true(http_client_read(&busy, false, &response));
    assert_int_equal(response.status, 200);
    http_response_done(&response);
    http_client_close(&fresh);
    http_client_close(&idle);
    http_client_close(&half);
    http_client_close(&busy);
}

/* Asks without reading until nothing fits any more on the way there. */
static void fill(const struct http_client *client, const char *request)
{
    struct pollfd room = { client->fd, POLLOUT, 0 };
    size_t len = strlen(request), at = 0;

    while (poll(&room, 1, 300) == 1) {
        ssize_t n = send(client->fd, request + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);

        assert_true(n > 0 || errno == EAGAIN);
        at = n > 0 ? (at + (size_t)n) % len : at;
    }
}

static void who_takes_no_answers_is_let_go(void **state)
{
    struct http_client client;

    http_client_open(&client, fixture_port());
    fill(&client, "GET /static HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(http_server_connections(*state), 1);
    for (int i = 0; i < 1000 && http_server_connections(*state) > 0; i++) {
        http_server_close_unused(*state, 50000000u);
        pause_ms(10);
    }
    assert_int_equal(http_server_connections(*state), 0);
    http_client_close(&client);
}

/* Takes little before it is read, so that much of a long answer stays with the server. */
static void open_narrow(struct http_client *client)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)fixture_port()),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 4096;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    http_client_wrap(client, fd);
}

static void long_answers_may_be_taken_slowly(void **state)
{
    enum { LEN = 3 << 20 };
    struct http_client client;
    char *body = malloc(LEN);
    size_t n = 0;

    assert_non_null(body);
    memset(body, 'x', LEN);
    open_narrow(&client);
    assert_true(http_client_text(&client, "POST /large HTTP/1.1\r\n" HOST
                                          "Content-Length: 3145728\r\n\r\n"));
    assert_true(http_client_send(&client, body, LEN));
    struct pollfd answer = { client.fd, POLLIN, 0 };
    assert_int_equal(poll(&answer, 1, 10000), 1);
    for (int i = 0; i < 20; i++) {
        http_server_close_unused(*state, 1);
        pause_ms(10);
    }
    assert_int_equal(http_server_connections(*state), 1);
    for (ssize_t got = 1; got > 0 && n < LEN; n += (size_t)got)
        got = recv(client.fd, body, LEN, 0);
    assert_true(n >= LEN);
    http_client_close(&client);
    free(body);
}

static void a_full_server_turns_connections_away_until_one_leaves(void **state)
{
    struct http_client clients[4], extra;
    struct http_response response;

    (void)state;
    fixture_stop();
    struct http_server *server = fixture_start(2, 2);
    for (int c = 0; c < 4; c++) {
        http_client_open(&clients[c], fixture_port());
        http_client_ask(&clients[c], "GET /static HTTP/1.1\r\n" HOST "\r\n", &response);
        http_response_done(&response);
    }
    http_client_open(&extra, fixture_port());
    assert_true(http_client_ended(&extra));
    http_client_close(&extra);
    http_client_close(&clients[0]);
    wait_connections(server, 3, false);
    http_client_open(&extra, fixture_port());
    http_client_ask(&extra, "GET /static HTTP/1.1\r\n" HOST "\r\n", &response);
    http_response_done(&response);
    http_client_close(&extra);
    for (int c = 1; c < 4; c++)
        http_client_close(&clients[c]);
}

/* The end comes right behind the last bytes, where the library does not see it. */
static void who_leaves_in_the_middle_of_a_request_is_let_go(void **state)
{
    static const char *const halves[] = {
        "POST /ec",
        "POST /echo HTTP/1.1\r\nHost: ",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nhalf",
    };
    struct http_client holding, waiting, half, last;
    struct http_response response;

    /* One that is being worked on. */
    http_client_open(&holding, fixture_port());
    assert_true(http_client_text(&holding, "GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    fixture_wait_held(1);
    /* A part of one, and nothing wrong with its client. */
    http_client_open(&waiting, fixture_port());
    assert_true(http_client_text(&waiting, halves[2]));
    for (size_t i = 0; i < 60; i++) {
        http_client_open(&half, fixture_port());
        assert_true(http_client_text(&half, halves[i % 3]));
        http_client_close(&half);
    }
    /* They are accepted in order: all of them are there. */
    http_client_open(&last, fixture_port());
    http_client_ask(&last, "GET /static HTTP/1.1\r\n" HOST "\r\n", &response);
    http_response_done(&response);
    for (int i = 0; i < 1000 && http_server_connections(*state) > 3; i++) {
        http_server_close_left(*state);
        pause_ms(10);
    }
    assert_int_equal(http_server_connections(*state), 3);
    fixture_release(1);
    assert_true(http_client_read(&holding, false, &response));
    assert_int_equal(response.status, 200);
    http_response_done(&response);
    assert_true(http_client_text(
        &waiting, "123456789012345678901234567890123456789012345678901234567890"
                  "123456789012345678901234567890123456"));
    assert_true(http_client_read(&waiting, false, &response));
    assert_int_equal(response.status, 200);
    http_response_done(&response);
    http_client_close(&holding);
    http_client_close(&waiting);
    http_client_close(&last);
}

static void a_server_may_end_with_open_connections(void **state)
{
    struct http_client client;
    struct http_response response;

    (void)state;
    http_client_open(&client, fixture_port());
    http_client_ask(&client, "GET /static HTTP/1.1\r\n" HOST "\r\n", &response);
    http_response_done(&response);
    assert_true(http_client_text(&client, "POST /echo HTTP/1.1\r\n" HOST
                                          "Content-Length: 100\r\n\r\nhalf"));
    pause_ms(20);
    fixture_stop();
    assert_true(http_client_ended(&client));
    http_client_close(&client);
    assert_int_equal(fixture_counts().done, 2);
    assert_int_equal(fixture_counts().unanswered, 1);
    (void)fixture_start(1, 10);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

/* Random bytes, and valid requests with some bytes changed. */
static void a_thousand_random_requests_do_no_harm(void **state)
{
    static const char *const seeds[] = {
        "POST /echo?a=%20b HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
        "POST /later HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "GET /models/a%20b?x=y&a=1 HTTP/1.1\r\n" HOST "X-Test: 1\r\n\r\n",
        "HEAD /static HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n",
    };
    uint64_t random = 5;

    for (int i = 0; i < 1000; i++) {
        struct http_client client;
        char bytes[300];
        size_t len;

        if (i % 4 == 0) {
            len = next_random(&random) % sizeof(bytes);
            for (size_t j = 0; j < len; j++)
                bytes[j] = (char)next_random(&random);
        } else {
            const char *seed = seeds[next_random(&random) % 4];
            len = strlen(seed);
            memcpy(bytes, seed, len);
            for (uint64_t n = next_random(&random) % 6; n > 0; n--)
                bytes[next_random(&random) % len] = (char)next_random(&random);
        }
        http_client_open(&client, fixture_port());
        (void)http_client_send(&client, bytes, len);
        /* Some are answered, some wait for more: nobody waits for them. */
        struct pollfd fds = { .fd = client.fd, .events = POLLIN };
        (void)poll(&fds, 1, 2);
        http_client_close(&client);
    }
    struct http_client client;
    struct http_response response;
    http_client_open(&client, fixture_port());
    http_client_ask(&client, "GET /static HTTP/1.1\r\n" HOST "\r\n", &response);
    assert_int_equal(response.status, 200);
    http_response_done(&response);
    http_client_close(&client);
    http_server_close_all(*state);
    wait_connections(*state, 0, false);
}

static void impossible_options_are_refused_with_a_reason(void **state)
{
    struct http_route bad = { "GET", "no-slash", 0, 0, NULL, NULL, NULL };
    struct http_options good = { .n_threads = 1,
                                 .connection_limit = 10,
                                 .connection_memory = 32768 };
    struct http_server *server = NULL;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct http_options options = good;
        char why[ERR_LEN] = "";

        options.n_threads = i == 0 ? 0 : i == 1 ? 65 : 1;
        options.connection_limit = i == 2 ? 0 : 10;
        options.connection_memory = i == 3 ? 100 : 32768;
        options.routes = &bad;
        options.n_routes = i == 4;
        assert_int_equal(http_server_new(&options, &server, why),
                         i == 4 ? ST_FORMAT : ST_RANGE);
        assert_true(why[0] != '\0');
        assert_null(server);
    }
    http_server_free(NULL);
}

#define FLOW(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW(a_thousand_deferred_requests_each_get_their_own_answer),
        FLOW(a_client_that_leaves_is_noticed_and_told_as_unanswered),
        FLOW(a_client_that_leaves_within_a_body_is_told_too),
        FLOW(a_client_that_waits_is_not_gone),
        FLOW(draining_answers_what_runs_and_closes_the_rest),
        FLOW(draining_closes_after_an_answer_that_was_given_before),
        FLOW(draining_under_load_loses_no_request),
        FLOW(close_all_ends_even_what_is_not_answered),
        FLOW(who_leaves_in_the_middle_of_a_request_is_let_go),
        FLOW(slow_heads_are_closed_and_slow_answers_are_not),
        FLOW(slow_bodies_are_closed),
        FLOW(unused_connections_are_closed_and_busy_ones_are_not),
        FLOW(who_takes_no_answers_is_let_go),
        FLOW(long_answers_may_be_taken_slowly),
        FLOW(a_full_server_turns_connections_away_until_one_leaves),
        FLOW(a_server_may_end_with_open_connections),
        FLOW(a_thousand_random_requests_do_no_harm),
        cmocka_unit_test(impossible_options_are_refused_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
