/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/traffic.h"

#include "api/http_internal.h"
#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_THREADS 3

static const struct http_route table[] = {
    { "GET", "/one", 0, 0, NULL, NULL, NULL },
    { "POST", "/two/{m}", 10, 0, NULL, NULL, NULL },
};
#define N_ROUTES (sizeof(table) / sizeof(table[0]))

static struct traffic *new_traffic(void)
{
    struct traffic *traffic = NULL;

    assert_int_equal(traffic_new(N_THREADS, N_ROUTES, &traffic), ST_OK);
    return traffic;
}

/* A request that ended on `thread`. */
static void done(struct traffic *traffic, unsigned thread, size_t route, unsigned status,
                 double us)
{
    struct http_thread of = { .index = thread };
    const struct http_call call = { .thread = &of };
    const struct http_done told = { .route = route,
                                    .method = "GET",
                                    .status = status,
                                    .duration_ns = (uint64_t)(us * 1e3),
                                    .call = &call };

    traffic_count(traffic, &told);
}

/* The value of a sample; -1 if there is none. */
static double sample(const struct traffic *traffic, const char *name)
{
    struct buf buf = BUF_INIT;
    double value = -1;

    traffic_write(traffic, table, &buf);
    buf_char(&buf, '\0');
    assert_false(buf.failed);
    for (char *line = strtok(buf.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
            value = strtod(line + strlen(name), NULL);
    buf_free(&buf);
    return value;
}

static size_t count_samples(const struct traffic *traffic)
{
    struct buf buf = BUF_INIT;
    size_t n = 0;

    traffic_write(traffic, table, &buf);
    for (size_t i = 0; i < buf.len; i++)
        n += buf.data[i] == '\n';
    buf_free(&buf);
    return n;
}

#define REQUESTS(route, method, code)                                                    \
    "spinbnn_http_requests_total{route=\"" route "\",method=\"" method "\",code=\"" code \
    "\"}"
#define DURATION(part, route, method, rest)                                              \
    "spinbnn_http_request_duration_seconds_" part "{route=\"" route                      \
    "\",method=\"" method "\"" rest "}"

static void routes_are_there_from_the_beginning(void **state)
{
    struct traffic *traffic = new_traffic();

    (void)state;
    assert_int_equal(traffic_requests(traffic), 0);
    assert_true(sample(traffic, REQUESTS("/one", "GET", "200")) == 0);
    assert_true(sample(traffic, REQUESTS("/two/{m}", "POST", "200")) == 0);
    assert_true(sample(traffic, REQUESTS("/one", "GET", "404")) == -1);
    traffic_free(traffic);
}

static void requests_are_summed_over_threads(void **state)
{
    struct traffic *traffic = new_traffic();

    (void)state;
    for (unsigned thread = 0; thread < N_THREADS; thread++)
        for (unsigned i = 0; i <= thread; i++)
            done(traffic, thread, 1, 200, 30);
    done(traffic, 0, 1, 422, 30);
    done(traffic, 1, 0, 0, 30);
    assert_int_equal(traffic_requests(traffic), 8);
    assert_true(sample(traffic, REQUESTS("/two/{m}", "POST", "200")) == 6);
    assert_true(sample(traffic, REQUESTS("/two/{m}", "POST", "422")) == 1);
    assert_true(sample(traffic, REQUESTS("/one", "GET", "0")) == 1);
    assert_true(sample(traffic, DURATION("count", "/two/{m}", "POST", "")) == 7);
    traffic_free(traffic);
}

static void durations_fall_into_buckets_that_add_up(void **state)
{
    struct traffic *traffic = new_traffic();

    (void)state;
    done(traffic, 0, 0, 200, 10);
    done(traffic, 1, 0, 200, 11);
    done(traffic, 2, 0, 200, 5e6);
    assert_true(sample(traffic, DURATION("bucket", "/one", "GET", ",le=\"1e-05\"")) == 1);
    assert_true(sample(traffic, DURATION("bucket", "/one", "GET", ",le=\"2.5e-05\"")) ==
                2);
    assert_true(sample(traffic, DURATION("bucket", "/one", "GET", ",le=\"1\"")) == 2);
    assert_true(sample(traffic, DURATION("bucket", "/one", "GET", ",le=\"+Inf\"")) == 3);
    double sum = sample(traffic, DURATION("sum", "/one", "GET", ""));
    assert_true(sum > 5.0000209 && sum < 5.0000211);
    traffic_free(traffic);
}

static void strange_paths_and_codes_make_no_new_series(void **state)
{
    struct traffic *traffic = new_traffic();

    (void)state;
    done(traffic, 0, N_ROUTES, 404, 1);
    done(traffic, 0, N_ROUTES, 418, 1);
    done(traffic, 0, N_ROUTES, 499, 1);
    size_t before = count_samples(traffic);
    for (unsigned code = 100; code < 1000; code++)
        if (code % 100 > 31 && code != 499)
            done(traffic, code % N_THREADS, N_ROUTES, code, 1);
    assert_int_equal(count_samples(traffic), before);
    assert_true(sample(traffic, REQUESTS("_other", "_other", "_other")) == 9 * 68);
    assert_true(sample(traffic, REQUESTS("_other", "_other", "404")) == 1);
    traffic_free(traffic);
}

static void memory_that_is_not_there_is_told(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct traffic *traffic = NULL;

        fault_at(nth);
        st = traffic_new(N_THREADS, N_ROUTES, &traffic);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && traffic == NULL));
        traffic_free(traffic);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_there_from_the_beginning),
        cmocka_unit_test(requests_are_summed_over_threads),
        cmocka_unit_test(durations_fall_into_buckets_that_add_up),
        cmocka_unit_test(strange_paths_and_codes_make_no_new_series),
        cmocka_unit_test(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
