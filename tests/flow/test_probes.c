/* SPDX-License-Identifier: Apache-2.0 */
/* What orchestrators and load balancers ask, in every state that a daemon and a model can
 * be in, and while everything that computes stands still. */
#include "tests/flow/serve_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "/v2/models/first"

/* -- States -- */

/* What is answered in a state: server ready, model ready, a picture; what index says. */
struct probes {
    const char *state;
    unsigned ready, model_ready, classify;
    const char *row; /* of the model in index; NULL: not asked */
};

static void expect_answer(const struct probes *want, struct http_client *client,
                          const char *what, unsigned status)
{
    struct http_response response;

    assert_true(http_client_read(client, false, &response));
    if (response.status != status)
        fail_msg("%s: %s: %u, not %u: %s", want->state, what, response.status, status,
                 response.body);
    if (status == 503)
        assert_non_null(http_response_header(&response, "Retry-After"));
    http_response_done(&response);
}

static void ask(const struct probes *want, struct http_client *client, const char *path,
                unsigned status)
{
    char head[200];

    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                   path);
    assert_true(http_client_text(client, head));
    expect_answer(want, client, path, status);
}

static void expect_row(const struct probes *want, struct http_client *client)
{
    struct http_response response;

    assert_true(serve_send(client, "POST", "/v2/repository/index", SERVE_JSON, "", 0));
    assert_true(http_client_read(client, false, &response));
    assert_int_equal(response.status, 200);
    if (strstr(response.body, want->row) == NULL)
        fail_msg("%s: %s", want->state, response.body);
    http_response_done(&response);
}

static void probe(struct serve *serve, const struct probes *want)
{
    struct http_client client;

    http_client_open(&client, serve->port);
    ask(want, &client, "/v2/health/live", 200);
    ask(want, &client, "/v2/health/ready", want->ready);
    ask(want, &client, MODEL "/ready", want->model_ready);
    ask(want, &client, MODEL "/versions/1/ready", want->model_ready);
    assert_true(serve_send_picture(&client));
    expect_answer(want, &client, "a picture", want->classify);
    if (want->row != NULL)
        expect_row(want, &client);
    http_client_close(&client);
}

static void unload(struct serve *serve)
{
    static const struct probes done = { .state = "unload" };
    struct http_client client;

    http_client_open(&client, serve->port);
    assert_true(serve_send(&client, "POST", "/v2/repository/models/first/unload",
                           SERVE_JSON, "", 0));
    expect_answer(&done, &client, "unload", 200);
    http_client_close(&client);
}

/* The state of the daemon decides over the server, the state of a model over the model:
 * one that an operator took out of service, or that cannot be loaded, is no reason to
 * take the others from a load balancer. */
static void probes_say_what_is_true_in_every_state(void **state)
{
#define ROW(state, reason)                                                               \
    "{\"name\":\"first\",\"version\":\"1\",\"state\":\"" state "\",\"reason\":\"" reason \
    "\"}"
    static const struct probes starting = { "starting", 503, 503, 200, ROW("READY", "") };
    static const struct probes serving = { "serving", 200, 200, 200, ROW("READY", "") };
    static const struct probes kept = { "a failed load of what serves", 200, 200, 200,
                                        ROW("READY", "broken") };
    static const struct probes unloaded = { "unloaded", 200, 404, 404,
                                            ROW("UNAVAILABLE", "unloaded") };
    static const struct probes loading = { "loading", 200, 503, 503, ROW("LOADING", "") };
    static const struct probes failed = { "a failed load", 200, 404, 404,
                                          ROW("UNAVAILABLE", "broken") };
    struct serve *serve = *state;
    struct registry *registry;

    serve_start(serve, 1000000, 4);
    registry = serve->daemon.registry;
    serve->daemon.ready = false;
    probe(serve, &starting);
    serve->daemon.ready = true;
    probe(serve, &serving);
    assert_int_equal(registry_note(registry, "first", 1, REGISTRY_UNAVAILABLE, "broken"),
                     ST_OK);
    probe(serve, &kept);
    unload(serve);
    probe(serve, &unloaded);
    assert_int_equal(registry_note(registry, "first", 1, REGISTRY_LOADING, ""), ST_OK);
    probe(serve, &loading);
    assert_int_equal(registry_note(registry, "first", 1, REGISTRY_UNAVAILABLE, "broken"),
                     ST_OK);
    probe(serve, &failed);
    serve_stop(serve);
}

static void probes_of_a_daemon_that_drains(void **state)
{
    static const struct probes draining = { "draining", 503, 503, 200, NULL };
    struct serve *serve = *state;

    serve_start(serve, 1000000, 4);
    serve->daemon.draining = true;
    probe(serve, &draining);
    serve->daemon.draining = false;
    serve_stop(serve);
}

/* -- Blocked -- */

static void health_does_not_wait_for_anything_that_computes(void **state)
{
    static const char *const paths[] = {
        "/v2/health/live",
        "/v2/health/ready",
        MODEL "/ready",
        "/metrics",
        "/v2",
        "/v2/models",
        MODEL,
        MODEL "/config",
        MODEL "/stats",
        "/api/v1/models",
        SERVE_POINT,
        "/api/v1/config",
        "/api/v1/status",
        "/api/v1/models/first",
        "/v2/logging",
    };
    struct serve *serve = *state;
    struct serve_gate gates[3] = { { .open = true } };
    struct pool *pools[3];

    serve_start(serve, 0, 4);
    pools[0] = serve->daemon.workers;
    pools[1] = serve->daemon.programming;
    pools[2] = serve->daemon.reader;
    for (size_t i = 0; i < 3; i++)
        serve_close_gate(&gates[i], pools[i], 1);
    /* As often as both data threads have had a turn, a connection each. */
    for (unsigned turn = 0; turn < 4; turn++)
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
            struct http_response response;

            serve_get(serve, paths[i], &response);
            http_response_done(&response);
        }
    for (size_t i = 0; i < 3; i++) {
        assert_true(pool_load(pools[i]) >= 1);
        serve_open_gate(&gates[i]);
    }
    serve_stop(serve);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, serve_setup, serve_teardown)
    const struct CMUnitTest tests[] = {
        FRESH(probes_say_what_is_true_in_every_state),
        FRESH(probes_of_a_daemon_that_drains),
        FRESH(health_does_not_wait_for_anything_that_computes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
