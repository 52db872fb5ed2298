/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that wait too long for their turn, or for nobody: nothing is begun for them,
 * on none of the threads that work in turn. */
#include "tests/flow/serve_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define N(list) (sizeof(list) / sizeof((list)[0]))
#define MOST    32

static const struct serve_request programming[] = {
    { "PATCH", SERVE_POINT, SERVE_JSON, "{\"mode\":\"iid\",\"bit_error_rate\":0.1}" },
    { "DELETE", SERVE_POINT, NULL, "" },
    { "POST", SERVE_FIRST "/program", NULL, "" },
    { "POST", SERVE_FIRST "/scrub", NULL, "" },
    { "POST", SERVE_FIRST "/age", SERVE_JSON, "{\"seconds\":1e9}" },
    { "POST", SERVE_FIRST "/inject", SERVE_JSON, "{\"share\":0.1}" },
    { "PUT", SERVE_FIRST "/device", SERVE_JSON,
      "{\"new_array\":true,\"preset\":\"retention\"}" },
    { "GET", SERVE_FIRST "/array", NULL, "" },
    { "PUT", SERVE_FIRST "/array", NULL, "an image" },
    { "GET", SERVE_FIRST "/array/diff?a=1&b=1", NULL, "" },
    { "GET", SERVE_FIRST "/memory", NULL, "" },
    { "GET", SERVE_FIRST "/memory/tiles/0.png", NULL, "" },
    { "PUT", "/api/v1/models/third", NULL, "a network" },
    { "DELETE", SERVE_FIRST, NULL, "" },
    { "POST", "/v2/repository/models/first/unload", NULL, "" },
    { "POST", "/v2/repository/models/first/load", NULL, "" },
};
static const struct serve_request workers[] = {
    { "POST", "/api/v1/solve", SERVE_JSON,
      "{\"target_error_rate\":0.01,\"pulse_ns\":10}" },
    { "POST", "/api/v1/device/write-error", SERVE_JSON,
      "{\"array_mean\":true,\"points\":[{\"voltage_v\":0.5,\"pulse_ns\":10,"
      "\"temperature_k\":300,\"direction\":\"p2ap\"}]}" },
};
static const struct serve_request classify = {
    "POST", SERVE_FIRST "/classify", "application/octet-stream",
    "a picture of so many bytes: sixty-four, and what they are is one"
};
static const struct serve_request reader[] = {
    { "GET", "/api/v1/series?metric=requests", NULL, "" },
    { "POST", "/api/v1/database/snapshot", NULL, "" },
    { "POST", "/api/v1/admin/reload", NULL, "" },
};

static void send_one(struct http_client *client, const struct serve_request *r)
{
    assert_true(
        serve_send(client, r->method, r->path, r->type, r->body, strlen(r->body)));
}

static void expect(struct http_client *client, unsigned status)
{
    struct http_response response;

    assert_true(http_client_read(client, false, &response));
    assert_int_equal(response.status, status);
    http_response_done(&response);
}

/* Sends all of them while the pool is at the gate, and waits until all wait there. */
static void send_all(struct serve *serve, struct pool *pool,
                     const struct serve_request *requests, size_t n,
                     struct http_client *clients)
{
    for (size_t i = 0; i < n; i++) {
        http_client_open(&clients[i], serve->port);
        send_one(&clients[i], &requests[i]);
    }
    while (pool_load(pool) < 1 + n)
        serve_wait_a_little();
}

static void assert_untouched(struct serve *serve)
{
    struct http_response response;

    serve_get(serve, SERVE_POINT, &response);
    assert_true(serve_number(response.body, "generation") == 1);
    assert_non_null(strstr(response.body, "\"mode\":\"device\""));
    http_response_done(&response);
    serve_get(serve, "/api/v1/models", &response);
    assert_null(strstr(response.body, "third"));
    http_response_done(&response);
    assert_true(access(scratch_path(&serve->scratch, "spinbnn-snapshot.db"), F_OK) != 0);
}

/* -- Too late -- */

/* Sends all of them while they may wait, and waits longer than the millisecond that they
 * have from then on. */
static void send_impatient(struct serve *serve, struct pool *pool,
                           const struct serve_request *requests, size_t n,
                           struct http_client *clients)
{
    serve->daemon.settings.request_timeout_ms = 0;
    send_all(serve, pool, requests, n, clients);
    for (unsigned i = 0; i < 3; i++)
        serve_wait_a_little();
    serve->daemon.settings.request_timeout_ms = 1;
}

static void expect_late(const struct serve_request *requests, size_t n,
                        struct http_client *clients)
{
    for (size_t i = 0; i < n; i++) {
        bool v2 = strncmp(requests[i].path, "/v2/", 4) == 0;
        struct http_response response;

        assert_true(http_client_read(&clients[i], false, &response));
        if (response.status != 504)
            fail_msg("%s %s: %u", requests[i].method, requests[i].path, response.status);
        assert_non_null(strstr(response.body, "at most 1.000 ms were allowed"));
        assert_non_null(
            strstr(response.body, v2 ? "{\"error\":\"" : "deadline_exceeded"));
        http_response_done(&response);
        http_client_close(&clients[i]);
    }
}

static void assert_late(struct serve *serve, struct pool *pool,
                        const struct serve_request *requests, size_t n)
{
    struct http_client clients[MOST];
    struct serve_gate gate = { 0 };

    serve_close_gate(&gate, pool, 1);
    send_impatient(serve, pool, requests, n, clients);
    serve_open_gate(&gate);
    expect_late(requests, n, clients);
}

static void what_waited_too_long_is_not_begun(void **state)
{
    struct serve *serve = *state;
    struct http_client client;

    serve_start(serve, 1000000, 64);
    assert_late(serve, serve->daemon.programming, programming, N(programming));
    assert_late(serve, serve->daemon.workers, workers, N(workers));
    assert_late(serve, serve->daemon.reader, reader, N(reader));
    assert_untouched(serve);

    /* One that need not wait so long is done. */
    serve->daemon.settings.request_timeout_ms = 3600000;
    http_client_open(&client, serve->port);
    send_one(&client, &programming[0]);
    expect(&client, 200);
    http_client_close(&client);
    serve_stop(serve);
}

/* Nobody takes anything out of the queue until all are answered. */
static void assert_answered(struct serve *serve, struct pool *pool,
                            const struct serve_request *requests, size_t n)
{
    struct http_client clients[MOST];
    struct serve_gate gate = { 0 };

    serve_close_gate(&gate, pool, 1);
    send_impatient(serve, pool, requests, n, clients);
    expect_late(requests, n, clients);
    assert_int_equal(pool_load(pool), 1);
    serve_open_gate(&gate);
}

static void what_waits_too_long_is_answered_while_it_waits(void **state)
{
    struct serve *serve = *state;

    serve_start(serve, 1000000, 64);
    assert_answered(serve, serve->daemon.programming, programming, N(programming));
    assert_answered(serve, serve->daemon.workers, workers, N(workers));
    assert_answered(serve, serve->daemon.reader, reader, N(reader));
    assert_untouched(serve);
    serve_stop(serve);
}

/* Of a queue with room for one. */
static void assert_place_freed(struct serve *serve, struct pool *pool,
                               const struct serve_request *request)
{
    struct serve_gate gate = { 0 };
    struct http_client first, second;

    serve_close_gate(&gate, pool, 1);
    send_impatient(serve, pool, request, 1, &first);
    expect_late(request, 1, &first);
    serve->daemon.settings.request_timeout_ms = 0;
    send_all(serve, pool, request, 1, &first);
    http_client_open(&second, serve->port);
    send_one(&second, request);
    expect(&second, 429);
    serve_open_gate(&gate);
    expect(&first, 200);
    http_client_close(&first);
    http_client_close(&second);
}

static void the_place_of_what_waited_too_long_is_free(void **state)
{
    struct serve *serve = *state;

    serve_start(serve, 0, 1);
    assert_place_freed(serve, serve->daemon.workers, &classify);
    assert_place_freed(serve, serve->daemon.workers, &workers[0]);
    assert_place_freed(serve, serve->daemon.programming, &programming[0]);
    assert_place_freed(serve, serve->daemon.reader, &reader[0]);
    /* What was refused and what waited too long are two outcomes. */
    assert_true(serve_status(serve, "requests") == 1);
    assert_true(serve_status(serve, "errors") == 2);
    serve_stop(serve);
}

/* -- For nobody -- */

/* Requests of all routes that are counted as of clients that left. The library may see
 * first that there is nobody to send to. */
static size_t count_left(struct serve *serve)
{
    struct http_response response;
    size_t n = 0;

    serve_get(serve, "/metrics", &response);
    for (const char *at = response.body; (at = strstr(at, ",code=\"")) != NULL; at++)
        if (strncmp(at, ",code=\"0\"} ", 11) == 0)
            n += strtoul(at + 11, NULL, 10);
        else if (strncmp(at, ",code=\"499\"} ", 13) == 0)
            n += strtoul(at + 13, NULL, 10);
    http_response_done(&response);
    return n;
}

static void leave_all(struct serve *serve, struct pool *pool,
                      const struct serve_request *requests, size_t n)
{
    size_t before = count_left(serve);
    struct http_client clients[MOST];
    struct serve_gate gate = { 0 };

    serve_close_gate(&gate, pool, 1);
    send_all(serve, pool, requests, n, clients);
    for (size_t i = 0; i < n; i++)
        http_client_close(&clients[i]);
    serve_open_gate(&gate);
    while (count_left(serve) != before + n)
        serve_wait_a_little();
}

static void nothing_is_begun_for_clients_that_left(void **state)
{
    struct serve *serve = *state;

    serve_start(serve, 1000000, 64);
    leave_all(serve, serve->daemon.programming, programming, N(programming));
    leave_all(serve, serve->daemon.workers, workers, N(workers));
    leave_all(serve, serve->daemon.reader, reader, N(reader));
    assert_untouched(serve);
    serve_stop(serve);
}

/* Of a queue with room for one. */
static void assert_deserted(struct serve *serve, struct pool *pool,
                            const struct serve_request *request)
{
    struct serve_gate gate = { 0 };
    struct http_client first, second;

    serve_close_gate(&gate, pool, 1);
    send_all(serve, pool, request, 1, &first);
    http_client_close(&first);
    while (pool_load(pool) > 1)
        serve_wait_a_little();
    send_all(serve, pool, request, 1, &second);
    serve_open_gate(&gate);
    expect(&second, 200);
    http_client_close(&second);
}

static void the_place_of_a_client_that_left_is_free(void **state)
{
    struct serve *serve = *state;
    size_t before;

    serve_start(serve, 0, 1);
    before = count_left(serve);
    assert_deserted(serve, serve->daemon.workers, &classify);
    assert_deserted(serve, serve->daemon.workers, &workers[0]);
    assert_deserted(serve, serve->daemon.programming, &programming[0]);
    assert_deserted(serve, serve->daemon.reader, &reader[0]);
    while (count_left(serve) != before + 4)
        serve_wait_a_little();
    assert_true(serve_status(serve, "requests") == 1);
    assert_true(serve_status(serve, "errors") == 0);
    serve_stop(serve);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, serve_setup, serve_teardown)
    const struct CMUnitTest tests[] = {
        FRESH(what_waited_too_long_is_not_begun),
        FRESH(what_waits_too_long_is_answered_while_it_waits),
        FRESH(the_place_of_what_waited_too_long_is_free),
        FRESH(nothing_is_begun_for_clients_that_left),
        FRESH(the_place_of_a_client_that_left_is_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
