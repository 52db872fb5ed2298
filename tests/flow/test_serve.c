/* SPDX-License-Identifier: Apache-2.0 */
/* A whole daemon in one process: requests, programmings and faults at the same time. */
#include "tests/flow/serve_fixture.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POINT       "/api/v1/models/first/operating-point"
#define ANSWER_LEN  1024
#define GENERATIONS 512

static int make(void **state)
{
    static struct serve serve;

    serve_make(&serve);
    *state = &serve;
    return 0;
}

static int unmake(void **state)
{
    serve_remove(*state);
    return 0;
}

/* -- What a generation says of the picture is always the same -- */

/* Scores and wrong bits by generation, from whoever asked first. */
static struct {
    pthread_mutex_t lock;
    char answers[GENERATIONS][ANSWER_LEN];
    size_t n_seen, n_different;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void forget_seen(void)
{
    memset(seen.answers, 0, sizeof(seen.answers));
    seen.n_seen = seen.n_different = 0;
}

/* Looks at an answer of classify; gives its generation. */
static uint64_t note_answer(const char *body)
{
    const char *begin = strstr(body, "\"results\":"), *end = strstr(body, "\"energy\":");
    double generation = serve_number(body, "generation");
    size_t len = begin != NULL && end != NULL ? (size_t)(end - begin) : ANSWER_LEN;

    if (generation < 1 || generation >= GENERATIONS || len >= ANSWER_LEN)
        return 0;
    char *known = seen.answers[(size_t)generation];
    (void)pthread_mutex_lock(&seen.lock);
    if (known[0] == '\0') {
        memcpy(known, begin, len);
        seen.n_seen++;
    } else if (strncmp(known, begin, len) != 0) {
        seen.n_different++;
    }
    (void)pthread_mutex_unlock(&seen.lock);
    return (uint64_t)generation;
}

/* Classifies once; expects an answer, gives its generation. */
static uint64_t classify(struct serve *serve)
{
    struct http_client client;
    struct http_response response;

    http_client_open(&client, serve->port);
    assert_true(serve_send_picture(&client));
    assert_true(http_client_read(&client, false, &response));
    assert_int_equal(response.status, 200);
    uint64_t generation = note_answer(response.body);
    assert_true(generation > 0);
    http_response_done(&response);
    http_client_close(&client);
    return generation;
}

static double of_status(struct serve *serve, const char *name)
{
    struct http_response response;

    serve_get(serve, "/api/v1/status", &response);
    const char *first = strstr(response.body, "\"name\":\"first\"");
    assert_non_null(first);
    double value = serve_number(first, name);
    http_response_done(&response);
    return value;
}

/* Classify requests that are counted with this code. */
static double count_code(struct serve *serve, const char *code)
{
    struct http_response response;
    char sample[160];

    (void)snprintf(sample, sizeof(sample),
                   "spinbnn_http_requests_total{route=\"/api/v1/models/{m}/classify\","
                   "method=\"POST\",code=\"%s\"} ",
                   code);
    serve_get(serve, "/metrics", &response);
    const char *at = strstr(response.body, sample);
    double n = at == NULL ? 0 : strtod(at + strlen(sample), NULL);
    http_response_done(&response);
    return n;
}

/* The library may see first that there is nobody to send to. */
static double count_gone(struct serve *serve)
{
    return count_code(serve, "0") + count_code(serve, "499");
}

/* -- A storm -- */

enum { CLASSIFIERS = 4, PATCHERS = 2, PATCHES = 30 };

struct client {
    struct serve *serve;
    unsigned number;
    unsigned n_good, n_bad;
    uint64_t last_generation;
    bool back; /* generations went backwards */
    char first_bad[300];
};

static atomic_bool storm_over;

static void *classify_many(void *arg)
{
    struct client *self = arg;
    struct http_client client;

    http_client_open(&client, self->serve->port);
    while (!atomic_load(&storm_over)) {
        struct http_response response;

        if (!serve_send_picture(&client) ||
            !http_client_read(&client, false, &response)) {
            self->n_bad++;
            break;
        }
        uint64_t generation = response.status == 200 ? note_answer(response.body) : 0;
        if (generation > 0)
            self->n_good++;
        else if (self->n_bad++ == 0)
            (void)snprintf(self->first_bad, sizeof(self->first_bad), "%u %.250s",
                           response.status, response.body);
        self->back = self->back || (generation > 0 && generation < self->last_generation);
        self->last_generation = generation;
        http_response_done(&response);
    }
    http_client_close(&client);
    return NULL;
}

static void *patch_many(void *arg)
{
    static const char *const bodies[] = {
        "{\"mode\":\"iid\",\"bit_error_rate\":0.01}",
        "{\"mode\":\"uniform\",\"program_over\":\"random\",\"pulse_ns\":10,"
        "\"target_write_error_rate\":0.01}",
        "{\"mode\":\"device\",\"program_over\":\"complement\","
        "\"target_write_error_rate\":0.05,\"pulse_ns\":10}",
        "{\"seed\":7}",
        "{\"seed\":8}",
    };
    struct client *self = arg;
    struct http_client client;

    http_client_open(&client, self->serve->port);
    for (unsigned i = 0; i < PATCHES; i++) {
        const char *body = bodies[(i + self->number) % 5];
        struct http_response response;

        if (!serve_send(&client, "PATCH", POINT, "application/json", body,
                        strlen(body)) ||
            !http_client_read(&client, false, &response)) {
            self->n_bad++;
            break;
        }
        if (response.status == 200)
            self->n_good++;
        else if (self->n_bad++ == 0)
            (void)snprintf(self->first_bad, sizeof(self->first_bad), "%u %.250s",
                           response.status, response.body);
        http_response_done(&response);
    }
    http_client_close(&client);
    return NULL;
}

static void storm(struct serve *serve, uint64_t inline_budget_us)
{
    struct client clients[CLASSIFIERS + PATCHERS];
    pthread_t threads[CLASSIFIERS + PATCHERS];

    forget_seen();
    serve_start(serve, inline_budget_us, 256);
    atomic_store(&storm_over, false);
    uint64_t before = classify(serve), n_good = 2;
    for (unsigned i = 0; i < CLASSIFIERS + PATCHERS; i++) {
        bool patcher = i < PATCHERS;

        clients[i] = (struct client) { .serve = serve, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        patcher ? patch_many : classify_many,
                                        &clients[i]),
                         0);
    }
    for (unsigned i = 0; i < CLASSIFIERS + PATCHERS; i++) {
        if (i == PATCHERS)
            atomic_store(&storm_over, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (clients[i].n_bad > 0)
            fail_msg("client %u: %u bad, first %s", i, clients[i].n_bad,
                     clients[i].first_bad);
        if (i < PATCHERS)
            assert_int_equal(clients[i].n_good, PATCHES);
        else
            n_good += clients[i].n_good;
        assert_false(clients[i].back);
    }
    assert_int_equal(classify(serve), before + PATCHERS * PATCHES);
    assert_int_equal(seen.n_different, 0);
    assert_true(seen.n_seen > 2);
    assert_true(of_status(serve, "requests") == (double)n_good);
    assert_true(of_status(serve, "images") == (double)n_good);
    assert_true(of_status(serve, "labelled") == (double)n_good);
    assert_true(of_status(serve, "errors") == 0);

    /* The array outlives the process: the same generation gives the same scores. */
    serve_stop(serve);
    serve_start(serve, inline_budget_us, 256);
    assert_int_equal(classify(serve), before + PATCHERS * PATCHES);
    assert_int_equal(seen.n_different, 0);
    serve_stop(serve);
}

static void a_storm_of_programmings_disturbs_no_request(void **state)
{
    storm(*state, 1000000);
}

static void a_storm_disturbs_no_worker(void **state)
{
    storm(*state, 0);
}

/* -- A storm of everything that can happen to an array -- */

#define OF_FIRST "/api/v1/models/first"

struct request {
    const char *method, *path, *type, *body;
};

#define JSON "application/json"
/* Of a table, which is quickly solved. */
#define SOLVE_TABLE                                                                      \
    "{\"target_error_rate\":0.01,\"device\":{\"table_csv\":"                             \
    "\"direction,voltage_v,error_rate\\nboth,0.1,0.1\\nboth,0.9,1e-9\"}}"
/* Each of them is answered with 200 whatever came before. No layer is ever in iid, which
 * could not age. */
static const struct request changes[] = {
    { "PATCH", POINT, JSON,
      "{\"mode\":\"device\",\"program_over\":\"random\",\"pulse_ns\":10,\"ecc\":"
      "\"secded\","
      "\"target_write_error_rate\":0.02,\"temperature_k\":300}" },
    { "POST", OF_FIRST "/age", JSON, "{\"seconds\":1e6,\"temperature_k\":370}" },
    { "GET", OF_FIRST "/memory?weakest=50", NULL, "" },
    { "POST", OF_FIRST "/inject", JSON, "{\"share\":0.01,\"seed\":3}" },
    { "POST", OF_FIRST "/scrub", JSON, "{}" },
    { "GET", OF_FIRST "/memory/tiles/0.png", NULL, "" },
    { "PATCH", POINT "?layer=layer1", JSON,
      "{\"cell\":\"2t2r\",\"verify_retries\":2,\"polarity\":\"seeded\"}" },
    { "GET", OF_FIRST "/array", NULL, "" },
    { "POST", OF_FIRST "/inject", JSON,
      "{\"bits\":[{\"layer\":\"layer0\",\"row\":3,\"column\":7}]}" },
    { "GET", OF_FIRST "/energy", NULL, "" },
    /* Reads wear in the background. */
    { "PATCH", POINT, JSON,
      "{\"mode\":\"uniform\",\"read_disturb\":true,\"temperature_k\":440,"
      "\"ecc\":\"bch2\",\"target_write_error_rate\":0.001}" },
    { "GET", OF_FIRST "/memory/tiles/1.pgm", NULL, "" },
    { "GET", OF_FIRST "/device", NULL, "" },
    { "PUT", OF_FIRST "/device", JSON,
      "{\"new_array\":true,\"defects\":{\"stuck_p\":0.01},\"operating_point\":"
      "{\"read_disturb\":false,\"temperature_k\":300}}" },
    { "POST", OF_FIRST "/program", JSON, "{}" },
    { "POST", "/api/v1/solve", JSON,
      "{\"target_error_rate\":0.01,\"pulse_ns\":10,\"device\":{\"model\":\"first\"}}" },
    { "GET", "/metrics", NULL, "" },
    { "GET", POINT, NULL, "" },
    { "DELETE", POINT, NULL, "" },
};
#define N_CHANGES (sizeof(changes) / sizeof(changes[0]))

enum { CHANGERS = 3, ROUNDS = 2 };

static void *change_many(void *arg)
{
    struct client *self = arg;
    struct http_client client;

    http_client_open(&client, self->serve->port);
    for (size_t i = 0; i < ROUNDS * N_CHANGES; i++) {
        const struct request *request =
            &changes[(i + self->number * N_CHANGES / CHANGERS) % N_CHANGES];
        struct http_response response;

        if (!serve_send(&client, request->method, request->path, request->type,
                        request->body, strlen(request->body)) ||
            !http_client_read(&client, false, &response)) {
            self->n_bad++;
            break;
        }
        if (response.status == 200)
            self->n_good++;
        else if (self->n_bad++ == 0)
            (void)snprintf(self->first_bad, sizeof(self->first_bad), "%s: %u %.200s",
                           request->path, response.status, response.body);
        http_response_done(&response);
    }
    http_client_close(&client);
    return NULL;
}

static void whatever_happens_to_the_array_disturbs_no_request(void **state)
{
    struct serve *serve = *state;
    struct client clients[CHANGERS + CLASSIFIERS];
    pthread_t threads[CHANGERS + CLASSIFIERS];

    forget_seen();
    serve->scrub_interval_s = 1;
    serve_start(serve, 100, 256);
    atomic_store(&storm_over, false);
    for (unsigned i = 0; i < CHANGERS + CLASSIFIERS; i++) {
        clients[i] = (struct client) { .serve = serve, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < CHANGERS ? change_many : classify_many,
                                        &clients[i]),
                         0);
    }
    for (unsigned i = 0; i < CHANGERS + CLASSIFIERS; i++) {
        if (i == CHANGERS)
            atomic_store(&storm_over, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (clients[i].n_bad > 0)
            fail_msg("client %u: %u bad, first %s", i, clients[i].n_bad,
                     clients[i].first_bad);
        assert_false(clients[i].back);
    }
    assert_int_equal(seen.n_different, 0);
    assert_true(seen.n_seen > 2);
    assert_true(of_status(serve, "errors") == 0);
    serve_stop(serve);

    /* The array outlives the process: as it was left, and so it answers. */
    serve->scrub_interval_s = 0;
    serve_start(serve, 100, 256);
    (void)classify(serve);
    assert_int_equal(seen.n_different, 0);
    serve_stop(serve);
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
    assert_non_null(strstr(response.body, "\"code\":\"queue_full\""));
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
    struct serve *serve = *state;

    serve_start(serve, 0, 1);
    overflow(serve, serve->daemon.workers, NULL, NULL, NULL, NULL, serve_send_picture);
    assert_true(of_status(serve, "errors") == 1);
    overflow(serve, serve->daemon.workers, "POST", "/api/v1/device/write-error",
             "application/json",
             "{\"array_mean\":true,\"points\":[{\"voltage_v\":0.5,\"pulse_ns\":10,"
             "\"temperature_k\":300,\"direction\":\"p2ap\"}]}",
             NULL);
    overflow(serve, serve->daemon.programming, "PATCH", POINT, "application/json",
             "{\"mode\":\"iid\",\"bit_error_rate\":0.1}", NULL);
    overflow(serve, serve->daemon.programming, "POST", OF_FIRST "/inject", JSON,
             "{\"share\":0.1}", NULL);
    overflow(serve, serve->daemon.programming, "GET", OF_FIRST "/memory", NULL, "", NULL);
    overflow(serve, serve->daemon.workers, "POST", "/api/v1/solve", JSON,
             "{\"target_error_rate\":0.01,\"pulse_ns\":10}", NULL);
    overflow(serve, serve->daemon.reader, "GET", "/api/v1/series?metric=requests", NULL,
             "", NULL);
    serve_stop(serve);
}

/* -- Clients that leave -- */

static void a_client_that_leaves_its_queued_request_costs_nothing(void **state)
{
    struct serve *serve = *state;
    struct serve_gate gate = { 0 };

    serve_start(serve, 0, 64);
    serve_close_gate(&gate, serve->daemon.workers, 1);
    for (unsigned i = 0; i < 20; i++) {
        struct http_client client;

        http_client_open(&client, serve->port);
        assert_true(serve_send_picture(&client));
        while (pool_load(serve->daemon.workers) < 2 + i)
            serve_wait_a_little();
        http_client_close(&client);
    }
    serve_open_gate(&gate);
    for (unsigned i = 0; i < 1000 && count_gone(serve) != 20; i++)
        serve_wait_a_little();
    assert_true(count_gone(serve) == 20);
    /* Nothing was computed for them. */
    assert_true(of_status(serve, "images") == 0);
    (void)classify(serve);
    assert_true(of_status(serve, "images") == 1);
    serve_stop(serve);
}

static void a_client_that_leaves_in_the_middle_of_a_body_is_forgotten(void **state)
{
    static const char head[] =
        "POST /api/v1/models/first/classify HTTP/1.1\r\nHost: x\r\n"
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
    (void)classify(serve);
    assert_true(of_status(serve, "requests") == 1);
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
        assert_true(of_status(serve, "requests") == 5 * N);
        for (size_t i = 0; i < N; i++)
            http_client_close(&clients[i]);
        serve_stop(serve);
    }
}

/* -- The end -- */

static void requests_that_wait_are_answered_before_the_end(void **state)
{
    enum { N = 10 };
    struct serve *serve = *state;
    struct serve_gate gate = { 0 };
    struct http_client clients[N], idle;

    serve_start(serve, 0, 64);
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

/* -- Without memory -- */

static uint64_t generation_of_point(struct serve *serve)
{
    struct http_response response;

    serve_get(serve, POINT, &response);
    double generation = serve_number(response.body, "generation");
    http_response_done(&response);
    assert_true(generation >= 1);
    return (uint64_t)generation;
}

/* One request; its status, 0 if the connection was closed without an answer. */
static unsigned try_request(struct serve *serve, const struct request *request,
                            size_t len, unsigned nth, bool *ret_hit)
{
    struct http_client client;
    struct http_response response;
    unsigned status = 0;

    http_client_open(&client, serve->port);
    fault_at_others(nth);
    if (serve_send(&client, request->method, request->path, request->type, request->body,
                   len) &&
        http_client_read(&client, false, &response)) {
        status = response.status;
        http_response_done(&response);
    }
    *ret_hit = fault_off();
    http_client_close(&client);
    return status;
}

static void a_programming_without_memory_keeps_the_old_generation(void **state)
{
    /* Another seed is another array: the programming with the most allocations. */
    static const char *const points[] = {
        "\"mode\":\"device\",\"program_over\":\"random\",\"pulse_ns\":10,"
        "\"target_write_error_rate\":0.02",
        "\"mode\":\"iid\",\"bit_error_rate\":0.05",
    };
    struct serve *serve = *state;
    unsigned n_refused = 0, quiet = 0;

    forget_seen();
    serve_start(serve, 1000000, 16);
    uint64_t before = classify(serve);
    for (unsigned nth = 0; quiet < 5 && nth < 500; nth++) {
        char body[256];
        bool hit;

        (void)snprintf(body, sizeof(body), "{%s,\"seed\":%u}", points[nth % 2], nth);
        const struct request patch = { "PATCH", POINT, JSON, body };
        unsigned status = try_request(serve, &patch, strlen(body), nth, &hit);
        quiet = hit ? 0 : quiet + 1;
        uint64_t now = generation_of_point(serve);
        assert_true(status == 200 || status == 503 || status == 500 || status == 0);
        if (status == 503) {
            n_refused++;
            assert_int_equal(now, before);
        }
        if (status == 200)
            assert_int_equal(now, before + 1);
        assert_in_range(now, before, before + 1);
        assert_int_equal(classify(serve), now);
        before = now;
    }
    assert_true(quiet == 5 && n_refused >= 5);
    assert_int_equal(seen.n_different, 0);

    /* What serves is also what is on disk. */
    serve_stop(serve);
    serve_start(serve, 1000000, 16);
    assert_int_equal(classify(serve), before);
    assert_int_equal(seen.n_different, 0);
    serve_stop(serve);
}

/* A request with one allocation after the other failing, until none is left to fail. What
 * serves is the generation before or the one asked for, whole. */
static void starve(struct serve *serve, const struct request *request, size_t len,
                   bool changes_array)
{
    static const struct request again = { "POST", OF_FIRST "/program", JSON, "{}" };
    unsigned n_refused = 0, quiet = 0;

    for (unsigned nth = 0; quiet < 3 && nth < 500; nth++) {
        uint64_t before = classify(serve);
        bool hit;
        unsigned status = try_request(serve, request, len, nth, &hit);
        uint64_t now = classify(serve);

        quiet = hit ? 0 : quiet + 1;
        if (status != 200 && status != 503 && status != 500 && status != 0)
            fail_msg("%s %s: %u", request->method, request->path, status);
        assert_in_range(now, before, before + (changes_array ? 1 : 0));
        if (status == 503) {
            n_refused++;
            assert_int_equal(now, before);
        }
        if (status == 200)
            assert_int_equal(now, before + (changes_array ? 1 : 0));
        /* Whatever was lost can be programmed again. */
        if (changes_array && status != 200)
            assert_int_equal(try_request(serve, &again, 2, 1000000, &hit), 200);
    }
    if (quiet < 3 || n_refused == 0)
        fail_msg("%s %s: %u refused, %u quiet", request->method, request->path, n_refused,
                 quiet);
}

static void whatever_happens_without_memory_keeps_the_old_generation(void **state)
{
    static const struct request requests[] = {
        { "PATCH", POINT, JSON,
          "{\"mode\":\"uniform\",\"pulse_ns\":10,\"target_write_error_rate\":0.02,"
          "\"program_over\":\"random\",\"ecc\":\"bch2\",\"cell\":\"2t2r\"}" },
        { "POST", OF_FIRST "/age", JSON, "{\"seconds\":1e6,\"temperature_k\":370}" },
        { "POST", OF_FIRST "/scrub", JSON, "{}" },
        { "POST", OF_FIRST "/inject", JSON,
          "{\"share\":0.01,\"bits\":[{\"layer\":\"layer0\",\"row\":3,\"column\":7}]}" },
        { "PUT", OF_FIRST "/device", JSON,
          "{\"new_array\":true,\"preset\":\"scaled\",\"defects\":{\"shorted\":0.01}}" },
        { "PUT", OF_FIRST "/device", JSON,
          "{\"new_array\":true,\"table_csv\":\"direction,error_rate\\nboth,0.01\","
          "\"operating_point\":{\"target_write_error_rate\":null}}" },
    };
    static const struct request looks[] = {
        { "GET", OF_FIRST "/memory", NULL, "" },
        { "GET", OF_FIRST "/memory/tiles/0.png", NULL, "" },
        { "GET", OF_FIRST "/array", NULL, "" },
        { "GET", OF_FIRST "/array/diff?a=1&b=1&list=5", NULL, "" },
        { "POST", "/api/v1/solve", JSON, SOLVE_TABLE },
    };
    struct serve *serve = *state;

    forget_seen();
    serve_start(serve, 1000000, 16);
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
        starve(serve, &looks[i], strlen(looks[i].body), false);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        starve(serve, &requests[i], strlen(requests[i].body), true);
    assert_int_equal(seen.n_different, 0);
    uint64_t last = classify(serve);
    serve_stop(serve);
    serve_start(serve, 1000000, 16);
    assert_int_equal(classify(serve), last);
    assert_int_equal(seen.n_different, 0);
    serve_stop(serve);
}

/* An import, which takes the place of the array. */
static void an_import_without_memory_keeps_the_old_array(void **state)
{
    struct serve *serve = *state;
    struct http_response image;

    forget_seen();
    serve_start(serve, 1000000, 16);
    serve_get(serve, OF_FIRST "/array", &image);
    const struct request import = { "PUT", OF_FIRST "/array", "application/octet-stream",
                                    image.body };
    starve(serve, &import, image.body_len, true);
    http_response_done(&image);
    assert_int_equal(seen.n_different, 0);
    serve_stop(serve);
}

static void classify_without_memory_is_an_answer_or_a_closed_connection(void **state)
{
    struct serve *serve = *state;

    serve_start(serve, 0, 16);
    for (unsigned nth = 0; nth < 60; nth++) {
        struct http_client client;
        struct http_response response;

        http_client_open(&client, serve->port);
        fault_at_others(nth);
        if (serve_send_picture(&client) && http_client_read(&client, false, &response)) {
            assert_true(response.status == 200 || response.status == 500 ||
                        response.status == 503);
            http_response_done(&response);
        }
        (void)fault_off();
        http_client_close(&client);
    }
    (void)classify(serve);
    serve_stop(serve);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(a_storm_of_programmings_disturbs_no_request),
        FRESH(a_storm_disturbs_no_worker),
        FRESH(whatever_happens_to_the_array_disturbs_no_request),
        FRESH(a_full_queue_is_429_and_says_when_to_come_back),
        FRESH(a_client_that_leaves_its_queued_request_costs_nothing),
        FRESH(a_client_that_leaves_in_the_middle_of_a_body_is_forgotten),
        FRESH(a_hundred_connections_are_served_side_by_side),
        FRESH(requests_that_wait_are_answered_before_the_end),
        FRESH(a_programming_without_memory_keeps_the_old_generation),
        FRESH(whatever_happens_without_memory_keeps_the_old_generation),
        FRESH(an_import_without_memory_keeps_the_old_array),
        FRESH(classify_without_memory_is_an_answer_or_a_closed_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
