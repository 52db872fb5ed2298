/* SPDX-License-Identifier: Apache-2.0 */
/* A whole daemon in one process: queues, clients that leave, and the end. */
#include "tests/flow/answers.h"
#include "tests/flow/serve_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A picture for infer; `parameters` of its output. */
static void write_tensor(char *text, size_t size, unsigned seed, const char *parameters)
{
    size_t len = (size_t)snprintf(text, size,
                                  "{\"inputs\":[{\"name\":\"input\",\"shape\":[1,%d],"
                                  "\"datatype\":\"UINT8\",\"data\":",
                                  SERVE_PIXELS);

    for (unsigned i = 0; i < SERVE_PIXELS; i++)
        len += (size_t)snprintf(text + len, size - len, "%c%u", i == 0 ? '[' : ',',
                                (i * seed + 5) % 256);
    len += (size_t)snprintf(
        text + len, size - len,
        "]}],\"outputs\":[{\"name\":\"scores\",\"parameters\":{%s}}]}", parameters);
    assert_true(len < size);
}

/* -- Counters -- */

/* What /metrics has after `sample`, which ends with a blank; 0 if it is not there. */
static double metric(struct serve *serve, const char *sample)
{
    struct http_response response;

    serve_get(serve, "/metrics", &response);
    const char *at = strstr(response.body, sample);
    double value = at == NULL ? 0 : strtod(at + strlen(sample), NULL);
    http_response_done(&response);
    return value;
}

/* Requests for "first" that ended so. */
static double outcome(struct serve *serve, const char *name)
{
    char sample[100];

    (void)snprintf(
        sample, sizeof(sample),
        "spinbnn_inference_requests_total{model=\"first\",version=\"1\",outcome=\"%s\"} ",
        name);
    return metric(serve, sample);
}

/* Classify requests that are counted with this code. */
static double count_code(struct serve *serve, const char *code)
{
    char sample[160];

    (void)snprintf(sample, sizeof(sample),
                   "spinbnn_http_requests_total{route=\"/api/v1/models/{m}/classify\","
                   "method=\"POST\",code=\"%s\"} ",
                   code);
    return metric(serve, sample);
}

/* -- Queues -- */

/* One request that is taken, and one more than the queue holds. */
static void overflow(struct serve *serve, struct pool *pool, const char *method,
                     const char *path, const char *type, const char *body,
                     bool (*send)(struct http_client *client))
{
    struct serve_gate gate = { 0 };
    struct http_client first, second;
    struct http_response response;

    serve_close_gate(&gate, pool, 1);
    http_client_open(&first, serve->port);
    http_client_open(&second, serve->port);
    assert_true(send != NULL
                    ? send(&first)
                    : serve_send(&first, method, path, type, body, strlen(body)));
    while (pool_load(pool) < 2)
        serve_wait_a_little();
    assert_true(send != NULL
                    ? send(&second)
                    : serve_send(&second, method, path, type, body, strlen(body)));
    assert_true(http_client_read(&second, false, &response));
    assert_int_equal(response.status, 429);
    assert_string_equal(http_response_header(&response, "Retry-After"), "1");
    assert_non_null(
        strstr(response.body, strncmp(path != NULL ? path : "", "/v2/", 4) == 0
                                  ? "{\"error\":\"inference: 1 jobs are"
                                  : "\"code\":\"queue_full\""));
    http_response_done(&response);

    /* Health and metrics do not wait for it. */
    serve_get(serve, "/v2/health/ready", &response);
    http_response_done(&response);
    serve_get(serve, "/metrics", &response);
    http_response_done(&response);

    serve_open_gate(&gate);
    assert_true(http_client_read(&first, false, &response));
    assert_int_equal(response.status, 200);
    http_response_done(&response);
    /* The connection that was refused is as good as before. */
    assert_true(send != NULL
                    ? send(&second)
                    : serve_send(&second, method, path, type, body, strlen(body)));
    assert_true(http_client_read(&second, false, &response));
    assert_int_equal(response.status, 200);
    http_response_done(&response);
    http_client_close(&first);
    http_client_close(&second);
}

static void a_full_queue_is_429_and_says_when_to_come_back(void **state)
{
    static char tensor[1000];
    struct serve *serve = *state;

    serve_start(serve, 0, 1);
    overflow(serve, serve->daemon.workers, NULL, NULL, NULL, NULL, serve_send_picture);
    assert_true(serve_status(serve, "errors") == 1);
    write_tensor(tensor, sizeof(tensor), 1, "");
    overflow(serve, serve->daemon.workers, "POST", "/v2/models/first/infer", SERVE_JSON,
             tensor, NULL);
    assert_true(serve_status(serve, "errors") == 2);
    assert_true(outcome(serve, "rejected") == 2);
    overflow(serve, serve->daemon.workers, "POST", "/api/v1/device/write-error",
             "application/json",
             "{\"array_mean\":true,\"points\":[{\"voltage_v\":0.5,\"pulse_ns\":10,"
             "\"temperature_k\":300,\"direction\":\"p2ap\"}]}",
             NULL);
    overflow(serve, serve->daemon.programming, "PATCH", SERVE_POINT, "application/json",
             "{\"mode\":\"iid\",\"bit_error_rate\":0.1}", NULL);
    overflow(serve, serve->daemon.programming, "POST", SERVE_FIRST "/inject", SERVE_JSON,
             "{\"share\":0.1}", NULL);
    overflow(serve, serve->daemon.programming, "GET", SERVE_FIRST "/memory", NULL, "",
             NULL);
    overflow(serve, serve->daemon.workers, "POST", "/api/v1/solve", SERVE_JSON,
             "{\"target_error_rate\":0.01,\"pulse_ns\":10}", NULL);
    overflow(serve, serve->daemon.reader, "GET", "/api/v1/series?metric=requests", NULL,
             "", NULL);
    serve_stop(serve);
}

/* -- Clients that leave -- */

/* The library may see first that there is nobody to send to. */
static double count_gone(struct serve *serve)
{
    return count_code(serve, "0") + count_code(serve, "499");
}

/* -- Together -- */

static double passes(struct serve *serve, const char *model)
{
    char sample[96];

    (void)snprintf(sample, sizeof(sample),
                   "spinbnn_inference_batch_size_count{model=\"%s\",version=\"1\"} ",
                   model);
    return metric(serve, sample);
}

/* {"images":[{"pixels":[...]},...]} of n pictures, all different. */
static void write_pictures(char *text, size_t size, unsigned n, unsigned seed)
{
    size_t len = (size_t)snprintf(text, size, "{\"images\":");

    for (unsigned i = 0; i < n * SERVE_PIXELS; i++)
        len += (size_t)snprintf(text + len, size - len, "%s%u",
                                i == 0                  ? "[{\"pixels\":["
                                : i % SERVE_PIXELS == 0 ? "]},{\"pixels\":["
                                                        : ",",
                                (i * i * 31 + seed * (i + 7)) % 256);
    (void)snprintf(text + len, size - len, "]}]}");
    assert_true(len < size - 5);
}

/* What an answer says of the pictures, whenever it was computed: of infer all. */
static void note_results(struct http_client *client, char *ret_text, size_t size)
{
    struct http_response response;

    assert_true(http_client_read(client, false, &response));
    const char *begin = strstr(response.body, "\"results\":");
    if (begin == NULL)
        begin = strstr(response.body, "\"detail\":");
    const char *end = strstr(response.body, "\"time_us\":");
    if (end == NULL)
        end = strstr(response.body, "\"instance\":");
    if (begin == NULL && end == NULL) {
        begin = response.body;
        end = begin + strlen(begin);
    }
    assert_true(begin != NULL && end != NULL && (size_t)(end - begin) < size - 8);
    (void)snprintf(ret_text, size, "%u %.*s", response.status, (int)(end - begin), begin);
    http_response_done(&response);
}

static void what_waits_for_a_model_goes_through_it_together(void **state)
{
#define CLASSIFY(model) "/api/v1/models/" model "/classify"
#define INFER(model)    "/v2/models/" model "/infer"
    static char one[1000], three[2000], other[1000], picture[SERVE_PIXELS + 1];
    static char tensor[1000], classes[1000];
    const struct serve_request requests[] = {
        { "POST", CLASSIFY("first") "?top=1", SERVE_JSON, three },
        { "POST", CLASSIFY("first") "?top=10&label=3", SERVE_JSON, one },
        { "POST", CLASSIFY("second"), SERVE_JSON, one },
        { "POST", CLASSIFY("first"), SERVE_JSON, "{\"images\":[{\"pixels\":[1]}]}" },
        { "POST", CLASSIFY("first") "?top=4", "application/octet-stream", picture },
        { "POST", CLASSIFY("first"), "application/octet-stream", "no picture" },
        { "POST", CLASSIFY("first"), SERVE_JSON, other },
        { "POST", INFER("first"), SERVE_JSON, tensor },
        { "POST", INFER("first"), SERVE_JSON, "{\"inputs\":[]}" },
        { "POST", INFER("first"), SERVE_JSON, classes },
    };
    enum { N = sizeof(requests) / sizeof(requests[0]) };
    static char alone[N][8000], together[8000];
    struct serve *serve = *state;
    struct serve_gate gate = { 0 };
    struct http_client clients[N];

    write_pictures(one, sizeof(one), 1, 1);
    write_pictures(three, sizeof(three), 3, 2);
    write_pictures(other, sizeof(other), 1, 3);
    write_tensor(tensor, sizeof(tensor), 4, "");
    write_tensor(classes, sizeof(classes), 5, "\"classification\":2");
    memset(picture, 'x', SERVE_PIXELS);
    serve_start(serve, 0, 64);
    for (unsigned turn = 0; turn < 2; turn++) {
        double first = passes(serve, "first"), second = passes(serve, "second");

        if (turn == 1)
            serve_close_gate(&gate, serve->daemon.workers, 1);
        for (unsigned i = 0; i < N; i++) {
            http_client_open(&clients[i], serve->port);
            assert_true(serve_send(&clients[i], requests[i].method, requests[i].path,
                                   requests[i].type, requests[i].body,
                                   strlen(requests[i].body)));
            if (turn == 0)
                note_results(&clients[i], alone[i], sizeof(alone[i]));
            while (turn == 1 && pool_load(serve->daemon.workers) < i + 2)
                serve_wait_a_little();
        }
        if (turn == 1)
            serve_open_gate(&gate);
        for (unsigned i = 0; i < N; i++) {
            if (turn == 1) {
                note_results(&clients[i], together, sizeof(together));
                assert_string_equal(together, alone[i]);
            }
            http_client_close(&clients[i]);
        }
        /* What cannot be read takes no part. */
        assert_true(passes(serve, "first") - first == (turn == 0 ? 6 : 1));
        assert_true(passes(serve, "second") - second == 1);
    }
    assert_true(serve_status(serve, "images") == 2 * 8);
    assert_true(serve_status(serve, "errors") == 2 * 3);
    assert_true(outcome(serve, "invalid") == 2 * 3);
    serve_stop(serve);
}

/* -- Deadlines -- */

/* A request of infer that may wait so long. */
static void write_impatient(char *text, size_t size, unsigned long long timeout_us)
{
    write_tensor(text, size, 1, "");

    size_t len = strlen(text) - 1; /* without the last brace */
    int n = snprintf(text + len, size - len, ",\"parameters\":{\"timeout\":%llu}}",
                     timeout_us);
    assert_true(n > 0 && (size_t)n < size - len);
}

static bool send_infer(struct http_client *client, unsigned long long timeout_us)
{
    char body[1000];

    write_impatient(body, sizeof(body), timeout_us);
    return serve_send(client, "POST", "/v2/models/first/infer", SERVE_JSON, body,
                      strlen(body));
}

static void expect(struct http_client *client, unsigned status, const char *words)
{
    struct http_response response;

    assert_true(http_client_read(client, false, &response));
    assert_int_equal(response.status, status);
    if (strstr(response.body, words) == NULL)
        fail_msg("%s", response.body);
    http_response_done(&response);
}

/* Lets all of them wait for the one worker, longer than 1 ms, and on. */
static void send_and_wait(struct serve *serve, struct serve_gate *gate,
                          struct http_client clients[4])
{
    static const unsigned long long timeouts_us[] = { 1, 0, 3600000000ULL };

    serve_close_gate(gate, serve->daemon.workers, 1);
    for (size_t i = 0; i < 3; i++)
        assert_true(send_infer(&clients[i], timeouts_us[i]));
    assert_true(serve_send_picture(&clients[3]));
    while (pool_load(serve->daemon.workers) < 5)
        serve_wait_a_little();
    for (unsigned i = 0; i < 3; i++)
        serve_wait_a_little();
}

/* Rows of requests that were answered so. */
static size_t count_rows(struct serve *serve, const char *status)
{
    struct http_response response;
    size_t n = 0;

    serve_get(serve, "/api/v1/inferences", &response);
    for (const char *at = response.body; (at = strstr(at, status)) != NULL; at++)
        n++;
    http_response_done(&response);
    return n;
}

static void what_waited_too_long_is_504_and_not_computed(void **state)
{
    struct serve *serve = *state;
    struct serve_gate first = { 0 }, second = { 0 };
    struct http_client clients[4];

    serve_start(serve, 0, 64);
    for (size_t i = 0; i < 4; i++)
        http_client_open(&clients[i], serve->port);

    /* By the client's own word; who goes through the network with it is not hurt. */
    send_and_wait(serve, &first, clients);
    serve_open_gate(&first);
    expect(&clients[0], 504, "{\"error\":\"the request waited ");
    expect(&clients[1], 200, "\"outputs\"");
    expect(&clients[2], 200, "\"outputs\"");
    expect(&clients[3], 200, "\"results\"");
    assert_true(serve_status(serve, "images") == 3);
    assert_true(serve_status(serve, "errors") == 1);

    /* By the daemon's, which a client cannot stretch, and whose end is no worker's. */
    serve->daemon.settings.request_rows = 1;
    serve->daemon.settings.request_rows_max = 100;
    serve->daemon.settings.request_rows_hours = 1;
    send_and_wait(serve, &second, clients);
    serve->daemon.settings.request_timeout_ms = 1;
    for (size_t i = 0; i < 3; i++)
        expect(&clients[i], 504, "at most 1.000 ms were allowed");
    expect(&clients[3], 504, "\"code\":\"deadline_exceeded\"");
    serve->daemon.settings.request_timeout_ms = 0;
    assert_int_equal(pool_load(serve->daemon.workers), 1);
    assert_true(serve_status(serve, "images") == 3);
    assert_true(serve_status(serve, "errors") == 5);
    assert_true(outcome(serve, "timeout") == 5);
    assert_true(count_code(serve, "504") == 1);
    assert_true(record_flush(serve->daemon.record));
    assert_int_equal(count_rows(serve, "\"status\":504"), 4);
    serve_open_gate(&second);

    /* What is computed at once has not waited. */
    serve->daemon.settings.inline_budget_us = 1000000;
    assert_true(send_infer(&clients[0], 1));
    expect(&clients[0], 200, "\"outputs\"");
    for (size_t i = 0; i < 4; i++)
        http_client_close(&clients[i]);
    serve_stop(serve);
}

/* -- Clients that leave -- */

static void a_client_that_leaves_its_queued_request_costs_nothing(void **state)
{
    struct serve *serve = *state;
    struct serve_gate gate = { 0 };
    struct http_client clients[20];

    serve_start(serve, 0, 64);
    serve_close_gate(&gate, serve->daemon.workers, 1);
    for (unsigned i = 0; i < 20; i++) {
        http_client_open(&clients[i], serve->port);
        assert_true(serve_send_picture(&clients[i]));
    }
    while (pool_load(serve->daemon.workers) < 21)
        serve_wait_a_little();
    for (unsigned i = 0; i < 20; i++)
        http_client_close(&clients[i]);
    serve_open_gate(&gate);
    for (unsigned i = 0; i < 1000 && count_gone(serve) != 20; i++)
        serve_wait_a_little();
    assert_true(count_gone(serve) == 20);
    /* Nothing was computed for them, and it is nobody's error. */
    assert_true(serve_status(serve, "images") == 0);
    assert_true(serve_status(serve, "errors") == 0);
    assert_true(outcome(serve, "cancelled") == 20);
    (void)answers_classify(serve);
    assert_true(serve_status(serve, "images") == 1);
    serve_stop(serve);
}

static void a_client_that_leaves_in_the_middle_of_a_body_is_forgotten(void **state)
{
    static const char head[] =
        "POST /api/v1/models/first/classify HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Length: 64\r\n\r\nhalf a body";
    struct serve *serve = *state;

    serve_start(serve, 1000000, 4);
    for (unsigned i = 0; i < 50; i++) {
        struct http_client client;

        http_client_open(&client, serve->port);
        assert_true(http_client_text(&client, head));
        if (i % 2 == 0)
            serve_wait_a_little();
        http_client_close(&client);
    }
    (void)answers_classify(serve);
    assert_true(serve_status(serve, "requests") == 1);
    serve_stop(serve);
}

/* -- Many connections -- */

static void a_hundred_connections_are_served_side_by_side(void **state)
{
    enum { N = 100 };
    static struct http_client clients[N];
    struct serve *serve = *state;

    for (uint64_t budget = 0; budget <= 1000000; budget += 1000000) {
        serve_start(serve, budget, N);
        for (size_t i = 0; i < N; i++)
            http_client_open(&clients[i], serve->port);
        for (unsigned round = 0; round < 5; round++) {
            for (size_t i = 0; i < N; i++)
                assert_true(serve_send_picture(&clients[i]));
            for (size_t i = 0; i < N; i++) {
                struct http_response response;

                assert_true(http_client_read(&clients[N - 1 - i], false, &response));
                assert_int_equal(response.status, 200);
                http_response_done(&response);
            }
        }
        assert_true(serve_status(serve, "requests") == 5 * N);
        for (size_t i = 0; i < N; i++)
            http_client_close(&clients[i]);
        serve_stop(serve);
    }
}

/* -- The end -- */

/* Begins a request whose head is completed with finish. */
static void begin(struct http_client *client, unsigned port, const char *path)
{
    char head[200];

    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost\r\n", path);
    http_client_open(client, port);
    assert_true(http_client_text(client, head));
}

static void finish(struct http_client *client, unsigned status, const char *body)
{
    struct http_response response;

    assert_true(http_client_text(client, "\r\n"));
    assert_true(http_client_read(client, false, &response));
    assert_int_equal(response.status, status);
    assert_string_equal(response.body, body);
    assert_string_equal(http_response_header(&response, "Connection"), "close");
    assert_true((status == 503) ==
                (http_response_header(&response, "Retry-After") != NULL));
    http_response_done(&response);
    http_client_close(client);
}

static void requests_that_wait_are_answered_before_the_end(void **state)
{
    enum { N = 10 };
    struct serve *serve = *state;
    struct serve_gate gate = { 0 };
    struct http_client clients[N], idle, live, ready, model_ready;

    serve_start(serve, 0, 64);
    begin(&live, serve->port, "/v2/health/live");
    begin(&ready, serve->port, "/v2/health/ready");
    begin(&model_ready, serve->port, "/v2/models/first/ready");
    http_client_open(&idle, serve->port);
    serve_close_gate(&gate, serve->daemon.workers, 1);
    for (unsigned i = 0; i < N; i++) {
        http_client_open(&clients[i], serve->port);
        assert_true(serve_send_picture(&clients[i]));
    }
    while (pool_load(serve->daemon.workers) < N + 1)
        serve_wait_a_little();
    serve_terminate(serve);
    while (!atomic_load(&serve->daemon.draining))
        serve_wait_a_little();
    finish(&live, 200, "{\"live\":true}\n");
    finish(&ready, 503, "{\"ready\":false,\"live\":true}\n");
    finish(&model_ready, 503, "{\"name\":\"first\",\"ready\":false}\n");
    assert_true(http_client_ended(&idle));
    http_client_close(&idle);
    serve_open_gate(&gate);
    for (unsigned i = 0; i < N; i++) {
        struct http_response response;

        assert_true(http_client_read(&clients[i], false, &response));
        assert_int_equal(response.status, 200);
        assert_string_equal(http_response_header(&response, "Connection"), "close");
        http_response_done(&response);
        assert_true(http_client_ended(&clients[i]));
        http_client_close(&clients[i]);
    }
    serve_join(serve);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, serve_setup, serve_teardown)
    const struct CMUnitTest tests[] = {
        FRESH(a_full_queue_is_429_and_says_when_to_come_back),
        FRESH(what_waits_for_a_model_goes_through_it_together),
        FRESH(what_waited_too_long_is_504_and_not_computed),
        FRESH(a_client_that_leaves_its_queued_request_costs_nothing),
        FRESH(a_client_that_leaves_in_the_middle_of_a_body_is_forgotten),
        FRESH(a_hundred_connections_are_served_side_by_side),
        FRESH(requests_that_wait_are_answered_before_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
