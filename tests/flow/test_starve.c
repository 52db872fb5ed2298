/* SPDX-License-Identifier: Apache-2.0 */
/* A whole daemon in one process, and allocations that fail under its requests. */
#include "tests/flow/answers.h"
#include "tests/flow/serve_fixture.h"

#include "daemon/jobs.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

/* Of a table, which is quickly solved. */
#define SOLVE_TABLE                                                                      \
    "{\"target_error_rate\":0.01,\"device\":{\"table_csv\":"                             \
    "\"direction,voltage_v,error_rate\\nboth,0.1,0.1\\nboth,0.9,1e-9\"}}"

static uint64_t generation_of_point(struct serve *serve)
{
    struct http_response response;

    serve_get(serve, SERVE_POINT, &response);
    double generation = serve_number(response.body, "generation");
    http_response_done(&response);
    assert_true(generation >= 1);
    return (uint64_t)generation;
}

/* One request; its status, 0 if the connection was closed without an answer. The
 * connection is opened after fault_at_others: the server may allocate for it as soon as
 * it is there, and which allocation is the nth must not depend on when. */
static unsigned ask(struct serve *serve, const struct serve_request *request, size_t len)
{
    struct http_client client;
    struct http_response response;
    unsigned status = 0;

    http_client_open(&client, serve->port);
    if (serve_send(&client, request->method, request->path, request->type, request->body,
                   len) &&
        http_client_read(&client, false, &response)) {
        status = response.status;
        http_response_done(&response);
    }
    http_client_close(&client);
    return status;
}

static unsigned try_request(struct serve *serve, const struct serve_request *request,
                            size_t len, unsigned nth, bool *ret_hit)
{
    fault_at_others(nth);
    unsigned status = ask(serve, request, len);
    *ret_hit = fault_off();
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

    answers_forget();
    serve_start(serve, 1000000, 16);
    uint64_t before = answers_classify(serve);
    for (unsigned nth = 0; quiet < 5 && nth < 500; nth++) {
        char body[256];
        bool hit;

        (void)snprintf(body, sizeof(body), "{%s,\"seed\":%u}", points[nth % 2], nth);
        const struct serve_request patch = { "PATCH", SERVE_POINT, SERVE_JSON, body };
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
        assert_int_equal(answers_classify(serve), now);
        before = now;
    }
    assert_true(quiet == 5 && n_refused >= 5);
    assert_int_equal(answers_different(), 0);

    /* What serves is also what is on disk. */
    serve_stop(serve);
    serve_start(serve, 1000000, 16);
    assert_int_equal(answers_classify(serve), before);
    assert_int_equal(answers_different(), 0);
    serve_stop(serve);
}

/* A request with one allocation after the other failing, until none is left to fail. What
 * serves is the generation before or the one asked for, whole. */
static void starve(struct serve *serve, const struct serve_request *request, size_t len,
                   bool changes_array)
{
    static const struct serve_request again = { "POST", SERVE_FIRST "/program",
                                                SERVE_JSON, "{}" };
    unsigned n_refused = 0, quiet = 0;

    for (unsigned nth = 0; quiet < 3 && nth < 500; nth++) {
        uint64_t before = answers_classify(serve);
        bool hit;
        unsigned status = try_request(serve, request, len, nth, &hit);
        uint64_t now = answers_classify(serve);

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
    static const struct serve_request requests[] = {
        { "PATCH", SERVE_POINT, SERVE_JSON,
          "{\"mode\":\"uniform\",\"pulse_ns\":10,\"target_write_error_rate\":0.02,"
          "\"program_over\":\"random\",\"ecc\":\"bch2\",\"cell\":\"2t2r\"}" },
        { "POST", SERVE_FIRST "/age", SERVE_JSON,
          "{\"seconds\":1e6,\"temperature_k\":370}" },
        { "POST", SERVE_FIRST "/scrub", SERVE_JSON, "{}" },
        { "POST", SERVE_FIRST "/inject", SERVE_JSON,
          "{\"share\":0.01,\"bits\":[{\"layer\":\"layer0\",\"row\":3,\"column\":7}]}" },
        { "PUT", SERVE_FIRST "/device", SERVE_JSON,
          "{\"new_array\":true,\"preset\":\"scaled\",\"defects\":{\"shorted\":0.01}}" },
        { "PUT", SERVE_FIRST "/device", SERVE_JSON,
          "{\"new_array\":true,\"table_csv\":\"direction,error_rate\\nboth,0.01\","
          "\"operating_point\":{\"target_write_error_rate\":null}}" },
    };
    static const struct serve_request looks[] = {
        { "GET", SERVE_FIRST "/memory", NULL, "" },
        { "GET", SERVE_FIRST "/memory/tiles/0.png", NULL, "" },
        { "GET", SERVE_FIRST "/array", NULL, "" },
        { "GET", SERVE_FIRST "/array/diff?a=1&b=1&list=5", NULL, "" },
        { "POST", "/api/v1/solve", SERVE_JSON, SOLVE_TABLE },
    };
    struct serve *serve = *state;

    answers_forget();
    serve_start(serve, 1000000, 16);
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
        starve(serve, &looks[i], strlen(looks[i].body), false);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        starve(serve, &requests[i], strlen(requests[i].body), true);
    assert_int_equal(answers_different(), 0);
    uint64_t last = answers_classify(serve);
    serve_stop(serve);
    serve_start(serve, 1000000, 16);
    assert_int_equal(answers_classify(serve), last);
    assert_int_equal(answers_different(), 0);
    serve_stop(serve);
}

/* An import, which takes the place of the array. */
static void an_import_without_memory_keeps_the_old_array(void **state)
{
    struct serve *serve = *state;
    struct http_response image;

    answers_forget();
    serve_start(serve, 1000000, 16);
    serve_get(serve, SERVE_FIRST "/array", &image);
    const struct serve_request import = { "PUT", SERVE_FIRST "/array",
                                          "application/octet-stream", image.body };
    starve(serve, &import, image.body_len, true);
    http_response_done(&image);
    assert_int_equal(answers_different(), 0);
    serve_stop(serve);
}

/* A body that is unpacked before it is read. */
static void a_packed_infer_without_memory_is_refused(void **state)
{
    struct serve *serve = *state;
    char body[128 + 2 * SERVE_PIXELS];
    uint8_t packed[sizeof(body)];
    uLongf len = sizeof(packed);
    size_t at = (size_t)snprintf(body, sizeof(body),
                                 "{\"inputs\":[{\"name\":\"input\",\"datatype\":"
                                 "\"UINT8\",\"shape\":[1,%d],\"data\":[7",
                                 SERVE_PIXELS);

    for (size_t i = 1; i < SERVE_PIXELS; i++, at += 2)
        memcpy(body + at, ",7", 2);
    memcpy(body + at, "]}]}", 4);
    assert_int_equal(compress(packed, &len, (const Bytef *)body, at + 4), Z_OK);
    const struct serve_request infer = { "POST", "/v2/models/first/infer",
                                         SERVE_JSON "\r\nContent-Encoding: deflate",
                                         (const char *)packed };
    answers_forget();
    serve_start(serve, 1000000, 16);
    starve(serve, &infer, len, false);
    serve_stop(serve);
}

static void classify_without_memory_is_an_answer_or_a_closed_connection(void **state)
{
    struct serve *serve = *state;

    serve_start(serve, 0, 16);
    for (unsigned nth = 0; nth < 60; nth++) {
        struct http_client client;
        struct http_response response;

        fault_at_others(nth);
        http_client_open(&client, serve->port);
        if (serve_send_picture(&client) && http_client_read(&client, false, &response)) {
            assert_true(response.status == 200 || response.status == 500 ||
                        response.status == 503);
            http_response_done(&response);
        }
        (void)fault_off();
        http_client_close(&client);
    }
    (void)answers_classify(serve);
    serve_stop(serve);
}

/* -- Jobs -- */

#define PICTURES 40

/* A data set in the state folder, which is one in the folder that holds it. */
static void make_pictures(struct serve *serve)
{
    static uint8_t images[16 + PICTURES * SERVE_PIXELS] = { 0, 0, 8, 3, 0, 0, 0, PICTURES,
                                                            0, 0, 0, 8, 0, 0, 0, 8 };
    static uint8_t labels[8 + PICTURES] = { 0, 0, 8, 1, 0, 0, 0, PICTURES };

    for (size_t i = 16; i < sizeof(images); i++)
        images[i] = (uint8_t)(i * i >> 3);
    for (size_t i = 8; i < sizeof(labels); i++)
        labels[i] = (uint8_t)(i % 10);
    (void)scratch_file(&serve->scratch, "t10k-images-idx3-ubyte", images, sizeof(images));
    (void)scratch_file(&serve->scratch, "t10k-labels-idx1-ubyte", labels, sizeof(labels));
}

static void wait_for_jobs(const struct serve *serve)
{
    size_t n[JOB_STATES];

    for (;;) {
        jobs_count(serve->daemon.jobs, n);
        if (n[JOB_QUEUED] + n[JOB_RUNNING] == 0)
            return;
        serve_wait_a_little();
    }
}

/* What came of the last job: the points of its results. The caller frees it. */
static char *points_of(struct serve *serve, int64_t id)
{
    struct http_response response;
    char path[64];

    (void)snprintf(path, sizeof(path), "/api/v1/jobs/%lld/results", (long long)id);
    serve_get(serve, path, &response);
    const char *points = strstr(response.body, "\"points\"");
    assert_non_null(points);
    char *copy = strdup(points);
    http_response_done(&response);
    return copy;
}

/* The last one that was asked for, which has ended. */
static void look_at_last_job(struct serve *serve, bool *ret_done, int64_t *ret_id)
{
    struct http_response response;

    serve_get(serve, "/api/v1/jobs?limit=1", &response);
    *ret_id = (int64_t)serve_number(response.body, "id");
    *ret_done = strstr(response.body, "\"state\":\"done\"") != NULL;
    if (!*ret_done && strstr(response.body, "\"state\":\"failed\"") == NULL)
        fail_msg("%s", response.body);
    assert_true((strstr(response.body, "\"error\":null") != NULL) == *ret_done);
    http_response_done(&response);
}

/* A job that is taken ends whole, or fails and says so. `rest`: members of its request;
 * `step`: one in so many allocations fails. */
static void starve_job(struct serve *serve, const char *dataset, const char *rest,
                       unsigned step)
{
    unsigned n_failed = 0, n_refused = 0, quiet = 0;
    char body[512], *whole = NULL;
    int64_t last = 0, id;

    (void)snprintf(body, sizeof(body), "{\"model\":\"first\",\"dataset\":\"%s\",%s}",
                   dataset, rest);
    const struct serve_request post = { "POST", "/api/v1/jobs", SERVE_JSON, body };
    for (unsigned nth = 0; quiet < 3 && nth < 2000; nth += step) {
        bool done;

        fault_at_others(nth);
        unsigned status = ask(serve, &post, strlen(body));
        wait_for_jobs(serve);
        quiet = fault_off() ? 0 : quiet + 1;
        if (status != 202 && status != 503 && status != 500 && status != 0)
            fail_msg("%s: %u", body, status);
        n_refused += status != 202;
        if (status != 202)
            continue;
        look_at_last_job(serve, &done, &id);
        assert_true(id > last);
        last = id;
        n_failed += !done;
        if (!done)
            continue;
        char *points = points_of(serve, id);
        if (whole != NULL)
            assert_string_equal(points, whole);
        free(whole);
        whole = points;
    }
    free(whole);
    if (quiet < 3 || n_failed == 0 || n_refused == 0)
        fail_msg("%s: %u failed, %u refused, %u quiet", body, n_failed, n_refused, quiet);
}

static void a_job_without_memory_fails_and_nothing_else_happens(void **state)
{
    struct serve *serve = *state;
    char folder[64];

    answers_forget();
    make_pictures(serve);
    (void)snprintf(folder, sizeof(folder), "%s", serve->scratch.dir);
    char *name = strrchr(folder, '/');
    *name++ = '\0';
    serve->data = folder;
    serve_start(serve, 1000000, 16);
    uint64_t before = answers_classify(serve);
    starve_job(serve, name, "\"kind\":\"evaluate\"", 2);
    starve_job(serve, name, "\"kind\":\"sweep\",\"axes\":{\"ecc\":[\"none\",\"bch2\"]}",
               7);
    starve_job(serve, name,
               "\"kind\":\"minimise-energy\",\"points\":[{\"mode\":\"uniform\"}],"
               "\"tolerance\":0.5",
               43);
    assert_int_equal(answers_classify(serve), before);
    assert_int_equal(answers_different(), 0);
    serve_stop(serve);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, serve_setup, serve_teardown)
    const struct CMUnitTest tests[] = {
        FRESH(a_programming_without_memory_keeps_the_old_generation),
        FRESH(whatever_happens_without_memory_keeps_the_old_generation),
        FRESH(an_import_without_memory_keeps_the_old_array),
        FRESH(a_packed_infer_without_memory_is_refused),
        FRESH(a_job_without_memory_fails_and_nothing_else_happens),
        FRESH(classify_without_memory_is_an_answer_or_a_closed_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
