/* SPDX-License-Identifier: Apache-2.0 */
/* A whole daemon in one process: requests and programmings at the same time. */
#include "tests/flow/answers.h"
#include "tests/flow/serve_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* -- A storm of programmings -- */

enum { CLASSIFIERS = 4, PATCHERS = 2, PATCHES = 30, MOST_CLIENTS = 8 };

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
        uint64_t generation = response.status == 200 ? answers_note(response.body) : 0;
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

/* Asks and counts; false if the connection was closed. */
static bool change(struct client *self, struct http_client *client,
                   const struct serve_request *request)
{
    struct http_response response;

    if (!serve_send(client, request->method, request->path, request->type, request->body,
                    strlen(request->body)) ||
        !http_client_read(client, false, &response)) {
        self->n_bad++;
        return false;
    }
    if (response.status == 200)
        self->n_good++;
    else if (self->n_bad++ == 0)
        (void)snprintf(self->first_bad, sizeof(self->first_bad), "%s: %u %.200s",
                       request->path, response.status, response.body);
    http_response_done(&response);
    return true;
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
        const struct serve_request patch = { "PATCH", SERVE_POINT, SERVE_JSON,
                                             bodies[(i + self->number) % 5] };

        if (!change(self, &client, &patch))
            break;
    }
    http_client_close(&client);
    return NULL;
}

/* n_changers threads that change something, and CLASSIFIERS that classify until those are
 * done. None may see anything bad, nor an older generation after a newer one. */
static void run_storm(struct serve *serve, struct client *clients, unsigned n_changers,
                      void *(*change_some)(void *client))
{
    pthread_t threads[MOST_CLIENTS];
    unsigned n = n_changers + CLASSIFIERS;

    assert_true(n <= MOST_CLIENTS);
    atomic_store(&storm_over, false);
    for (unsigned i = 0; i < n; i++) {
        clients[i] = (struct client) { .serve = serve, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < n_changers ? change_some : classify_many,
                                        &clients[i]),
                         0);
    }
    for (unsigned i = 0; i < n; i++) {
        if (i == n_changers)
            atomic_store(&storm_over, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (clients[i].n_bad > 0)
            fail_msg("client %u: %u bad, first %s", i, clients[i].n_bad,
                     clients[i].first_bad);
        assert_false(clients[i].back);
    }
}

static void storm(struct serve *serve, uint64_t inline_budget_us)
{
    struct client clients[PATCHERS + CLASSIFIERS];

    answers_forget();
    serve_start(serve, inline_budget_us, 256);
    uint64_t before = answers_classify(serve), n_good = 2;

    run_storm(serve, clients, PATCHERS, patch_many);
    for (unsigned i = 0; i < PATCHERS; i++)
        assert_int_equal(clients[i].n_good, PATCHES);
    for (unsigned i = PATCHERS; i < PATCHERS + CLASSIFIERS; i++)
        n_good += clients[i].n_good;
    assert_int_equal(answers_classify(serve), before + PATCHERS * PATCHES);
    assert_int_equal(answers_different(), 0);
    assert_true(answers_generations() > 2);
    assert_true(serve_status(serve, "requests") == (double)n_good);
    assert_true(serve_status(serve, "images") == (double)n_good);
    assert_true(serve_status(serve, "labelled") == (double)n_good);
    assert_true(serve_status(serve, "errors") == 0);

    /* The array outlives the process: the same generation gives the same scores. */
    serve_stop(serve);
    serve_start(serve, inline_budget_us, 256);
    assert_int_equal(answers_classify(serve), before + PATCHERS * PATCHES);
    assert_int_equal(answers_different(), 0);
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

/* Each of them is answered with 200 whatever came before. No layer is ever in iid, which
 * could not age. */
static const struct serve_request changes[] = {
    { "PATCH", SERVE_POINT, SERVE_JSON,
      "{\"mode\":\"device\",\"program_over\":\"random\",\"pulse_ns\":10,\"ecc\":"
      "\"secded\","
      "\"target_write_error_rate\":0.02,\"temperature_k\":300}" },
    { "POST", SERVE_FIRST "/age", SERVE_JSON, "{\"seconds\":1e6,\"temperature_k\":370}" },
    { "GET", SERVE_FIRST "/memory?weakest=50", NULL, "" },
    { "POST", SERVE_FIRST "/inject", SERVE_JSON, "{\"share\":0.01,\"seed\":3}" },
    { "POST", SERVE_FIRST "/scrub", SERVE_JSON, "{}" },
    { "GET", SERVE_FIRST "/memory/tiles/0.png", NULL, "" },
    { "PATCH", SERVE_POINT "?layer=layer1", SERVE_JSON,
      "{\"cell\":\"2t2r\",\"verify_retries\":2,\"polarity\":\"seeded\"}" },
    { "GET", SERVE_FIRST "/array", NULL, "" },
    { "POST", SERVE_FIRST "/inject", SERVE_JSON,
      "{\"bits\":[{\"layer\":\"layer0\",\"row\":3,\"column\":7}]}" },
    { "GET", SERVE_FIRST "/energy", NULL, "" },
    /* Reads wear in the background. */
    { "PATCH", SERVE_POINT, SERVE_JSON,
      "{\"mode\":\"uniform\",\"read_disturb\":true,\"temperature_k\":440,"
      "\"ecc\":\"bch2\",\"target_write_error_rate\":0.001}" },
    { "GET", SERVE_FIRST "/memory/tiles/1.pgm", NULL, "" },
    { "GET", SERVE_FIRST "/device", NULL, "" },
    { "PUT", SERVE_FIRST "/device", SERVE_JSON,
      "{\"new_array\":true,\"defects\":{\"stuck_p\":0.01},\"operating_point\":"
      "{\"read_disturb\":false,\"temperature_k\":300}}" },
    { "POST", SERVE_FIRST "/program", SERVE_JSON, "{}" },
    { "POST", "/api/v1/solve", SERVE_JSON,
      "{\"target_error_rate\":0.01,\"pulse_ns\":10,\"device\":{\"model\":\"first\"}}" },
    { "GET", "/metrics", NULL, "" },
    { "GET", SERVE_POINT, NULL, "" },
    { "DELETE", SERVE_POINT, NULL, "" },
};
#define N_CHANGES (sizeof(changes) / sizeof(changes[0]))

enum { CHANGERS = 3, ROUNDS = 2 };

static void *change_many(void *arg)
{
    struct client *self = arg;
    struct http_client client;

    http_client_open(&client, self->serve->port);
    for (size_t i = 0; i < ROUNDS * N_CHANGES; i++) {
        const struct serve_request *request =
            &changes[(i + self->number * N_CHANGES / CHANGERS) % N_CHANGES];

        if (!change(self, &client, request))
            break;
    }
    http_client_close(&client);
    return NULL;
}

static void whatever_happens_to_the_array_disturbs_no_request(void **state)
{
    struct serve *serve = *state;
    struct client clients[CHANGERS + CLASSIFIERS];

    answers_forget();
    serve->scrub_interval_s = 1;
    serve_start(serve, 100, 256);
    run_storm(serve, clients, CHANGERS, change_many);
    assert_int_equal(answers_different(), 0);
    assert_true(answers_generations() > 2);
    assert_true(serve_status(serve, "errors") == 0);
    serve_stop(serve);

    /* The array outlives the process: as it was left, and so it answers. */
    serve->scrub_interval_s = 0;
    serve_start(serve, 100, 256);
    (void)answers_classify(serve);
    assert_int_equal(answers_different(), 0);
    serve_stop(serve);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, serve_setup, serve_teardown)
    const struct CMUnitTest tests[] = {
        FRESH(a_storm_of_programmings_disturbs_no_request),
        FRESH(a_storm_disturbs_no_worker),
        FRESH(whatever_happens_to_the_array_disturbs_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
