/* SPDX-License-Identifier: Apache-2.0 */
/* The reserved data thread answers while all the others stand still. */
#include "api/http.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 2

static atomic_bool open_gate;
static atomic_uint n_blocked;

static void wait_a_little(void)
{
    const struct timespec ms = { .tv_nsec = 1000000 };

    (void)nanosleep(&ms, NULL);
}

static void ping(void *ctx, struct http_call *call)
{
    (void)ctx;
    http_reply_static(call, 200, "text/plain", "pong", 4);
}

static void block(void *ctx, struct http_call *call)
{
    atomic_fetch_add(&n_blocked, 1);
    while (!atomic_load(&open_gate))
        wait_a_little();
    ping(ctx, call);
}

static const struct http_route routes[] = {
    { "GET", "/ping", 0, 0, ping, NULL, NULL },
    { "GET", "/block", 0, 0, block, NULL, NULL },
};

typedef enum status adder(struct http_server *server, int fd, const struct sockaddr *peer,
                          socklen_t peer_len);

/* A connection with a request on it; the client's end. */
static int ask(struct http_server *server, adder *add, const char *path)
{
    char head[100];
    int fds[2];
    int len =
        snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(write(fds[1], head, (size_t)len), len);
    assert_int_equal(add(server, fds[0], NULL, 0), ST_OK);
    return fds[1];
}

/* Ends the connection; the data thread that answered. */
static unsigned answered_by(int fd)
{
    char answer[1000];
    size_t len = 0;
    unsigned index = 0;

    do {
        ssize_t n = read(fd, answer + len, sizeof(answer) - 1 - len);

        assert_true(n > 0);
        len += (size_t)n;
        answer[len] = '\0';
    } while (strstr(answer, "\r\n\r\npong") == NULL);
    (void)close(fd);
    assert_non_null(strstr(answer, "200 OK"));
    assert_int_equal(
        sscanf(strstr(answer, "X-Request-Id: "), "X-Request-Id: %2x", &index), 1);
    return index;
}

static void it_answers_while_all_others_are_blocked(void **state)
{
    const struct http_options options = {
        .n_threads = THREADS,
        .reserved_thread = true,
        .routes = routes,
        .n_routes = 2,
        .idle_timeout_s = 75,
        .connection_limit = 100,
        .body_memory = 1 << 30,
        .connection_memory = 32768,
    };
    struct http_server *server;
    char why[ERR_LEN];
    int blocked[THREADS];

    (void)state;
    assert_int_equal(http_server_new(&options, &server, why), ST_OK);
    for (unsigned i = 0; i < THREADS; i++)
        blocked[i] = ask(server, http_server_add, "/block");
    while (atomic_load(&n_blocked) < THREADS)
        wait_a_little();
    uint64_t stuck_ns = http_server_stuck_ns(server);
    assert_true(stuck_ns > 0);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(answered_by(ask(server, http_server_add_reserved, "/ping")),
                         THREADS);
    assert_true(http_server_stuck_ns(server) > stuck_ns);
    atomic_store(&open_gate, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(answered_by(blocked[i]), i);
    /* And the others never give it anything. */
    for (unsigned i = 0; i < 2 * THREADS; i++)
        assert_int_equal(answered_by(ask(server, http_server_add, "/ping")), i % THREADS);
    /* An answer may be read before its handler has returned. */
    while (http_server_stuck_ns(server) != 0)
        wait_a_little();
    http_server_free(server);
}

static void it_has_a_limit_of_its_own(void **state)
{
    const struct http_options options = {
        .n_threads = 1,
        .reserved_thread = true,
        .routes = routes,
        .n_routes = 2,
        .idle_timeout_s = 75,
        .connection_limit = 1,
        .body_memory = 1 << 30,
        .connection_memory = 32768,
    };
    struct http_server *server;
    char why[ERR_LEN];
    int fds[2];

    (void)state;
    assert_int_equal(http_server_new(&options, &server, why), ST_OK);
    int plain = ask(server, http_server_add, "/ping");
    int reserved = ask(server, http_server_add_reserved, "/ping");
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(http_server_add_reserved(server, fds[0], NULL, 0), ST_BUSY);
    (void)close(fds[1]);
    assert_int_equal(http_server_connections(server), 2);
    assert_int_equal(answered_by(plain), 0);
    assert_int_equal(answered_by(reserved), 1);
    http_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_answers_while_all_others_are_blocked),
        cmocka_unit_test(it_has_a_limit_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
