/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/history.h"

#include "storage/metrics.h"
#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cmocka.h>

#define NOW 1700000000

/* -- Helpers -- */

/* A writer that stays open, two models, and a reader. */
struct fixture {
    struct scratch scratch;
    char path[128];
    struct db *db;
    struct network *net[2];
    int64_t model_id[2];
    struct history *history;
};

static void fixture_make(struct fixture *f)
{
    static const char *const names[2] = { "alpha", "beta" };
    struct db_opened opened;
    char why[ERR_LEN];

    scratch_make(&f->scratch);
    (void)snprintf(f->path, sizeof(f->path), "%s", scratch_path(&f->scratch, "m.db"));
    assert_int_equal(db_open(f->path, &f->db, &opened, why), ST_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct sbnn_shape shape = {
            names[i], { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
        };

        int64_t since_s;

        f->net[i] = sbnn_random(&shape, 1);
        assert_int_equal(
            metrics_add_model(f->db, f->net[i], NOW, &f->model_id[i], &since_s), ST_OK);
    }
    assert_int_equal(history_open(f->path, &f->history, why), ST_OK);
}

static void fixture_free(struct fixture *f)
{
    history_close(f->history);
    db_close(f->db);
    network_free(f->net[0]);
    network_free(f->net[1]);
    scratch_remove(&f->scratch);
}

static struct history_points ask_version(struct fixture *f, enum history_metric metric,
                                         const char *model, uint32_t version,
                                         int64_t from_s, int64_t to_s, int64_t step_s)
{
    struct history_query query = { metric, model, version, from_s, to_s, step_s };
    struct history_points points = { .points = NULL };
    char why[ERR_LEN];
    enum status st = history_series(f->history, &query, &points, why);

    if (st != ST_OK)
        print_error("%s\n", why);
    assert_int_equal(st, ST_OK);
    return points;
}

static struct history_points ask(struct fixture *f, enum history_metric metric,
                                 const char *model, int64_t from_s, int64_t to_s,
                                 int64_t step_s)
{
    return ask_version(f, metric, model, 0, from_s, to_s, step_s);
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b))))
        print_error("%.17g is not %.17g\n", a, b);
    assert_true(fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)));
}

#define N_WINDOWS 60

/* Windows of both models and two generations, none of them alike; some without labels. */
static void write_windows(struct fixture *f, struct metrics_window *ret_windows)
{
    unsigned seed = 1;

    for (size_t i = 0; i < N_WINDOWS; i++) {
        struct metrics_window *w = &ret_windows[i];

        memset(w, 0, sizeof(*w));
        w->model_id = f->model_id[i % 2];
        w->generation = 1 + i / 2 % 2;
        w->window_s = NOW + 10 * (int64_t)(i / 4);
        w->requests = 1 + (uint64_t)rand_r(&seed) % 100;
        w->images = w->requests * 2;
        w->labelled = i % 5 == 0 ? 0 : w->images / 2;
        w->correct = w->labelled / 3;
        w->errors = w->requests / 10;
        w->read_pj = rand_r(&seed) % 1000;
        w->compute_pj = rand_r(&seed) % 1000;
        w->latency_max_us = 150.0 + (double)i;
        w->latency_sum_us = 80.0 * (double)w->requests;
        for (uint64_t n = 0; n < w->requests; n++)
            w->latency[rand_r(&seed) % 5]++;
    }
    struct metrics_batch batch = { .windows = ret_windows, .n_windows = N_WINDOWS };
    assert_int_equal(metrics_write(f->db, &batch), ST_OK);
}

/* What of `windows` lies in the step that begins at ts. */
static struct metrics_window sum_of(const struct metrics_window *windows,
                                    int64_t model_id, int64_t ts, int64_t step_s)
{
    struct metrics_window sum = { 0 };

    for (size_t i = 0; i < N_WINDOWS; i++) {
        const struct metrics_window *w = &windows[i];

        if (w->model_id != model_id || w->window_s < ts || w->window_s >= ts + step_s)
            continue;
        sum.requests += w->requests;
        sum.images += w->images;
        sum.labelled += w->labelled;
        sum.correct += w->correct;
        sum.errors += w->errors;
        sum.read_pj += w->read_pj;
        sum.compute_pj += w->compute_pj;
        sum.latency_sum_us += w->latency_sum_us;
        sum.latency_max_us = fmax(sum.latency_max_us, w->latency_max_us);
        for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++)
            sum.latency[b] += w->latency[b];
    }
    return sum;
}

static double slow_percentile(const struct metrics_window *sum, double q)
{
    double total = 0.0, below = 0.0;

    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++)
        total += (double)sum->latency[b];
    for (unsigned b = 0; b < METRICS_LATENCY_EDGES; b++) {
        double n = (double)sum->latency[b];
        if (n > 0 && below + n >= q * total) {
            double low = b == 0 ? 0.0 : metrics_latency_edges_us[b - 1];
            double high = fmin(metrics_latency_edges_us[b], sum->latency_max_us);
            return low + (high - low) * (q * total - below) / n;
        }
        below += n;
    }
    return NAN;
}

/* -- Windows -- */

static void names_and_columns_are_told(void **state)
{
    (void)state;
    for (int m = 0; m < HISTORY_METRICS; m++) {
        const char *const *columns = history_columns((enum history_metric)m);
        size_t n = 0;

        while (columns[n] != NULL)
            n++;
        assert_in_range(n, 1, HISTORY_MAX_COLUMNS);
        assert_non_null(history_metric_name((enum history_metric)m));
    }
    assert_string_equal(history_metric_name(HISTORY_LATENCY), "latency");
    assert_string_equal(history_columns(HISTORY_LATENCY)[0], "p50_us");
}

static void steps_are_the_sums_of_their_windows(void **state)
{
    (void)state;
    static const int64_t steps[] = { 1, 10, 20, 60, 100000 };
    struct metrics_window windows[N_WINDOWS];
    struct fixture f;

    fixture_make(&f);
    write_windows(&f, windows);
    for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
        int64_t step_s = steps[s];
        struct history_points series[HISTORY_METRICS];

        for (int m = 0; m < HISTORY_METRICS; m++)
            series[m] = ask(&f, (enum history_metric)m, NULL, NOW, NOW + 100000, step_s);
        size_t n = series[HISTORY_REQUESTS].n;
        assert_true(n >= 2 && n <= 30);
        assert_int_equal(series[HISTORY_ACCURACY].n, n);
        assert_int_equal(series[HISTORY_LATENCY].n, n);
        assert_int_equal(series[HISTORY_ENERGY].n, n);
        for (size_t i = 0; i < n; i++) {
            const struct history_point *requests = &series[HISTORY_REQUESTS].points[i];
            const struct history_point *accuracy = &series[HISTORY_ACCURACY].points[i];
            const struct history_point *latency = &series[HISTORY_LATENCY].points[i];
            const struct history_point *energy = &series[HISTORY_ENERGY].points[i];
            int64_t id = f.model_id[strcmp(requests->model, "beta") == 0];
            struct metrics_window sum = sum_of(windows, id, requests->ts, step_s);

            assert_int_equal(requests->ts % step_s, 0);
            if (i > 0 && strcmp(requests->model, requests[-1].model) == 0)
                assert_true(requests->ts > requests[-1].ts);
            if (i > 0)
                assert_true(strcmp(requests->model, requests[-1].model) >= 0);
            assert_near(requests->value[0], (double)sum.requests);
            assert_near(requests->value[1], (double)sum.images);
            assert_near(requests->value[2], (double)sum.errors);
            assert_true(isnan(requests->value[3]));
            assert_int_equal(accuracy->ts, requests->ts);
            assert_near(accuracy->value[1], (double)sum.labelled);
            if (sum.labelled == 0)
                assert_true(isnan(accuracy->value[0]));
            else
                assert_near(accuracy->value[0],
                            (double)sum.correct / (double)sum.labelled);
            assert_string_equal(latency->model, requests->model);
            assert_near(latency->value[0], slow_percentile(&sum, 0.50));
            assert_near(latency->value[1], slow_percentile(&sum, 0.95));
            assert_near(latency->value[2], slow_percentile(&sum, 0.99));
            assert_near(latency->value[3], sum.latency_sum_us / (double)sum.requests);
            assert_near(energy->value[0], (sum.read_pj + sum.compute_pj) * 1e-12);
            assert_true(energy->value[1] == 0.0);
            assert_near(energy->value[2],
                        (sum.read_pj + sum.compute_pj) / (double)sum.images);
        }
        for (int m = 0; m < HISTORY_METRICS; m++)
            history_points_done(&series[m]);
    }
    fixture_free(&f);
}

static void a_step_without_labels_has_no_accuracy(void **state)
{
    (void)state;
    struct fixture f;
    struct metrics_window w = { .window_s = NOW, .generation = 1, .requests = 4 };
    struct metrics_batch batch = { .windows = &w, .n_windows = 1 };

    fixture_make(&f);
    w.model_id = f.model_id[0];
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    struct history_points points = ask(&f, HISTORY_ACCURACY, NULL, 0, INT64_MAX, 10);
    assert_int_equal(points.n, 1);
    assert_true(isnan(points.points[0].value[0]));
    assert_true(points.points[0].value[1] == 0.0);
    history_points_done(&points);
    history_points_done(NULL);
    fixture_free(&f);
}

static void a_model_and_a_range_can_be_asked_for(void **state)
{
    (void)state;
    struct metrics_window windows[N_WINDOWS];
    struct fixture f;

    fixture_make(&f);
    write_windows(&f, windows);
    struct history_points all = ask(&f, HISTORY_REQUESTS, NULL, NOW, NOW + 1000, 10);
    struct history_points one = ask(&f, HISTORY_REQUESTS, "beta", NOW, NOW + 1000, 10);
    struct history_points part =
        ask(&f, HISTORY_REQUESTS, "beta", NOW + 20, NOW + 50, 10);
    struct history_points none = ask(&f, HISTORY_REQUESTS, "gamma", NOW, NOW + 1000, 10);
    assert_int_equal(all.n, 30);
    assert_int_equal(one.n, 15);
    assert_int_equal(part.n, 3);
    assert_int_equal(part.points[0].ts, NOW + 20);
    assert_int_equal(part.points[2].ts, NOW + 40);
    assert_int_equal(none.n, 0);
    assert_string_equal(one.points[0].model, "beta");
    history_points_done(&all);
    history_points_done(&one);
    history_points_done(&part);
    history_points_done(&none);
    fixture_free(&f);
}

static void what_is_committed_is_seen_at_once(void **state)
{
    (void)state;
    struct fixture f;
    struct metrics_window w = { .window_s = NOW, .generation = 1, .requests = 1 };
    struct metrics_batch batch = { .windows = &w, .n_windows = 1 };

    fixture_make(&f);
    w.model_id = f.model_id[0];
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(metrics_write(f.db, &batch), ST_OK);
        struct history_points points = ask(&f, HISTORY_REQUESTS, NULL, NOW, NOW + 10, 10);
        assert_int_equal(points.n, 1);
        assert_true(points.points[0].value[0] == i);
        history_points_done(&points);
    }
    fixture_free(&f);
}

/* -- Programmings -- */

static void a_step_shows_what_the_array_holds_at_its_end(void **state)
{
    (void)state;
    /* Three times as many cells as weights, and more of them wrong. */
    const struct mram_state states[3][2] = {
        { { .weights = 54, .cells = 162, .errors = { 9, 9 }, .wrong = { 5, 0 } },
          { .weights = 27, .cells = 81 } },
        { { .weights = 54, .cells = 162, .errors = { 9, 9 }, .wrong = { 0, 2 } },
          { .weights = 27, .cells = 81 } },
        { { .weights = 54, .cells = 162, .errors = { 9, 9 }, .wrong = { 1, 0 } },
          { .weights = 27, .cells = 81 } },
    };
    const struct mram_result results[3][2] = {
        { { .energy = { .toggle_pj = 60.0, .check_pj = 40.0 } } },
        { { .energy = { .hold_pj = 200.0 } } },
        { { .energy = { .verify_pj = 300.0, .encode_pj = 100.0 } } },
    };
    const struct metrics_layer layer = { .op = operating_point_default() };
    const struct metrics_layer layers[2] = { layer, layer };
    const struct mram_forecast forecasts[2] = { { .errors = 0.0 } };
    struct metrics_programming p[3];
    struct fixture f;

    fixture_make(&f);
    for (size_t i = 0; i < 3; i++)
        p[i] = (struct metrics_programming) { .model_id = f.model_id[0],
                                              .at_s = NOW + 4 * (int64_t)i,
                                              .generation = i + 1,
                                              .base = layer,
                                              .net = f.net[0],
                                              .layers = layers,
                                              .forecasts = forecasts,
                                              .results = results[i],
                                              .states = states[i] };
    struct metrics_batch batch = { .programmings = p, .n_programmings = 3 };
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);

    struct history_points rate = ask(&f, HISTORY_BIT_ERROR_RATE, NULL, NOW, NOW + 100, 5);
    assert_int_equal(rate.n, 2);
    assert_int_equal(rate.points[0].ts, NOW);
    assert_near(rate.points[0].value[0], 2.0 / 81);
    assert_true(rate.points[0].value[1] == 2.0 && rate.points[0].value[2] == 81.0);
    assert_int_equal(rate.points[1].ts, NOW + 5);
    assert_true(rate.points[1].value[1] == 1.0);
    history_points_done(&rate);

    struct history_points energy = ask(&f, HISTORY_ENERGY, "alpha", NOW, NOW + 100, 10);
    assert_int_equal(energy.n, 1);
    assert_near(energy.points[0].value[1], 700e-12);
    assert_true(isnan(energy.points[0].value[2]));
    history_points_done(&energy);
    fixture_free(&f);
}

/* -- Versions -- */

/* Alpha's network is its version 1, and another one its version 2. */
static void make_versions(struct fixture *f, int64_t ret_ids[2])
{
    struct sbnn_shape shape = {
        "alpha", { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
    };
    struct network *second = sbnn_random(&shape, 2);
    int64_t since_s;

    f->net[0]->version = 1;
    second->version = 2;
    assert_int_equal(metrics_add_model(f->db, f->net[0], NOW, &ret_ids[0], &since_s),
                     ST_OK);
    assert_int_equal(metrics_add_model(f->db, second, NOW, &ret_ids[1], &since_s), ST_OK);
    assert_int_not_equal(ret_ids[0], ret_ids[1]);
    network_free(second);
}

/* A step has what one version counted, or all of them: those are added up first, so that
 * each counts as much as it has pictures, labels, requests. */
static void versions_are_told_apart_and_together(void **state)
{
    (void)state;
    struct metrics_window w[2] = { { .window_s = NOW,
                                     .requests = 3,
                                     .images = 4,
                                     .labelled = 4,
                                     .correct = 1,
                                     .errors = 1,
                                     .read_pj = 40.0,
                                     .latency_sum_us = 60.0,
                                     .latency_max_us = 20.0 },
                                   { .window_s = NOW,
                                     .requests = 1,
                                     .images = 12,
                                     .labelled = 12,
                                     .correct = 12,
                                     .read_pj = 24.0,
                                     .latency_sum_us = 800.0,
                                     .latency_max_us = 800.0 } };
    static const struct {
        enum history_metric metric;
        double value[3][HISTORY_MAX_COLUMNS]; /* of both; of version 1, 2; -1: any */
    } wanted[] = {
        { HISTORY_ACCURACY, { { 13.0 / 16, 16 }, { 0.25, 4 }, { 1, 12 } } },
        { HISTORY_REQUESTS, { { 4, 16, 1 }, { 3, 4, 1 }, { 1, 12, 0 } } },
        { HISTORY_ENERGY, { { 64e-12, 0, 4 }, { 40e-12, 0, 10 }, { 24e-12, 0, 2 } } },
        { HISTORY_LATENCY,
          { { -1, -1, -1, 215 }, { -1, -1, -1, 20 }, { -1, -1, -1, 800 } } },
    };
    struct metrics_batch batch = { .windows = w, .n_windows = 2 };
    struct fixture f;
    int64_t ids[2];

    fixture_make(&f);
    make_versions(&f, ids);
    w[0].model_id = ids[0];
    w[1].model_id = ids[1];
    w[0].latency[metrics_latency_bucket(20.0)] = 3;
    w[1].latency[metrics_latency_bucket(800.0)] = 1;
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        for (uint32_t version = 0; version <= 2; version++) {
            struct history_points points =
                ask_version(&f, wanted[i].metric, "alpha", version, NOW, NOW + 10, 10);

            assert_int_equal(points.n, 1);
            assert_string_equal(points.points[0].model, "alpha");
            for (unsigned c = 0; c < HISTORY_MAX_COLUMNS; c++)
                if (wanted[i].value[version][c] > 0)
                    assert_near(points.points[0].value[c], wanted[i].value[version][c]);
            history_points_done(&points);
        }
    /* Half of all requests took no longer than 25 us, though half of the versions did. */
    struct history_points both = ask(&f, HISTORY_LATENCY, "alpha", NOW, NOW + 10, 10);
    assert_true(both.points[0].value[0] <= 25 && both.points[0].value[2] > 500);
    history_points_done(&both);
    struct history_points none =
        ask_version(&f, HISTORY_REQUESTS, "beta", 2, NOW, NOW + 10, 10);
    assert_int_equal(none.n, 0);
    history_points_done(&none);
    fixture_free(&f);
}

static void arrays_of_versions_are_added_up(void **state)
{
    (void)state;
    static const struct mram_state states[3][2] = {
        { { .weights = 54, .cells = 54, .wrong = { 9, 9 } }, { .weights = 27 } },
        { { .weights = 54, .cells = 54, .wrong = { 5, 0 } }, { .weights = 27 } },
        { { .weights = 108, .cells = 108, .wrong = { 1, 0 } }, { .weights = 54 } },
    };
    const struct metrics_layer layer = { .op = operating_point_default() };
    const struct metrics_layer layers[2] = { layer, layer };
    const struct mram_forecast forecasts[2] = { { .errors = 0.0 } };
    const struct mram_result results[2] = { { .failures = 0 } };
    struct metrics_programming p[3];
    struct fixture f;
    int64_t ids[2];

    fixture_make(&f);
    make_versions(&f, ids);
    for (size_t i = 0; i < 3; i++)
        p[i] = (struct metrics_programming) { .model_id = ids[i == 2],
                                              .at_s = NOW + (int64_t)i,
                                              .generation = i + 1,
                                              .base = layer,
                                              .net = f.net[0],
                                              .layers = layers,
                                              .forecasts = forecasts,
                                              .results = results,
                                              .states = states[i] };
    struct metrics_batch batch = { .programmings = p, .n_programmings = 3 };
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    static const double wanted[3][2] = { { 6, 81 + 162 }, { 5, 81 }, { 1, 162 } };
    for (uint32_t version = 0; version <= 2; version++) {
        struct history_points points =
            ask_version(&f, HISTORY_BIT_ERROR_RATE, "alpha", version, NOW, NOW + 10, 10);

        assert_int_equal(points.n, 1);
        assert_near(points.points[0].value[0], wanted[version][0] / wanted[version][1]);
        assert_near(points.points[0].value[1], wanted[version][0]);
        assert_near(points.points[0].value[2], wanted[version][1]);
        history_points_done(&points);
    }
    fixture_free(&f);
}

static bool knows(struct fixture *f, const char *model, uint32_t version)
{
    char why[ERR_LEN];
    bool known = false;

    assert_int_equal(history_knows(f->history, model, version, &known, why), ST_OK);
    return known;
}

static void what_there_was_is_known(void **state)
{
    (void)state;
    struct fixture f;
    int64_t ids[2];
    bool known;
    char why[ERR_LEN];

    fixture_make(&f);
    make_versions(&f, ids);
    assert_true(knows(&f, "alpha", 0) && knows(&f, "alpha", 1) && knows(&f, "alpha", 2));
    assert_false(knows(&f, "alpha", 3) || knows(&f, "alph", 0) || knows(&f, "", 0));
    assert_true(knows(&f, "beta", 0) && knows(&f, "beta", 1));
    assert_false(knows(&f, "beta", 2));
    history_limit_ms(f.history, 60000);
    db_close(f.db);
    f.db = NULL;
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(f.path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle,
                                  "DROP VIEW v_inference;"
                                  "ALTER TABLE model RENAME TO gone",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    assert_int_equal(history_knows(f.history, "alpha", 1, &known, why), ST_IO);
    fixture_free(&f);
}

/* -- Limits -- */

static void too_many_points_are_refused(void **state)
{
    (void)state;
    const size_t n = HISTORY_MAX_POINTS + 1;
    struct fixture f;
    struct metrics_window *w = calloc(n, sizeof(*w));
    struct metrics_batch batch = { .windows = w, .n_windows = n };
    struct history_query query = { HISTORY_REQUESTS, NULL, 0, 0, INT64_MAX, 10 };
    struct history_points points = { .points = NULL };
    char why[ERR_LEN];

    assert_non_null(w);
    fixture_make(&f);
    history_limit_ms(f.history, 60000);
    for (size_t i = 0; i < n; i++) {
        w[i].model_id = f.model_id[0];
        w[i].window_s = 10 * (int64_t)i;
    }
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    assert_int_equal(history_series(f.history, &query, &points, why), ST_RANGE);
    assert_null(points.points);
    query.to_s = 10 * (int64_t)(n - 1);
    assert_int_equal(history_series(f.history, &query, &points, why), ST_OK);
    assert_int_equal(points.n, HISTORY_MAX_POINTS);
    history_points_done(&points);
    query.step_s = 20;
    query.to_s = INT64_MAX;
    assert_int_equal(history_series(f.history, &query, &points, why), ST_OK);
    history_points_done(&points);

    /* The same query, without the time for it, and once more with it. */
    history_limit_ms(f.history, 0);
    assert_int_equal(history_series(f.history, &query, &points, why), ST_BUSY);
    assert_null(points.points);
    history_limit_ms(f.history, 60000);
    assert_int_equal(history_series(f.history, &query, &points, why), ST_OK);
    history_points_done(&points);
    free(w);
    fixture_free(&f);
}

static void a_step_below_a_second_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct history_query query = { HISTORY_REQUESTS, NULL, 0, 0, 10, 0 };
    struct history_points points;
    char why[ERR_LEN];

    fixture_make(&f);
    assert_int_equal(history_series(f.history, &query, &points, why), ST_RANGE);
    query.step_s = -5;
    assert_int_equal(history_series(f.history, &query, &points, why), ST_RANGE);
    fixture_free(&f);
}

static void only_our_database_is_opened(void **state)
{
    (void)state;
    struct scratch scratch;
    struct history *history = NULL;
    char why[ERR_LEN];

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "none.db");
    assert_int_equal(history_open(path, &history, why), ST_NOT_FOUND);
    assert_memory_equal(why, path, strlen(path));
    assert_int_not_equal(access(path, F_OK), 0);
    path = scratch_file(&scratch, "junk.db", "junk", 4);
    assert_int_equal(history_open(path, &history, why), ST_IO);
    path = scratch_file(&scratch, "empty.db", "", 0);
    assert_int_equal(history_open(path, &history, why), ST_IO);
    assert_null(history);
    history_close(NULL);
    scratch_remove(&scratch);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    struct metrics_window windows[N_WINDOWS];
    struct fixture f;
    struct history *history = NULL;
    struct history_query query = { HISTORY_REQUESTS, NULL, 0, NOW, NOW + 1000, 10 };
    struct history_points points = { .points = NULL };
    char why[ERR_LEN];
    enum status st = ST_NOMEM;

    fixture_make(&f);
    write_windows(&f, windows);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = history_open(f.path, &history, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && history == NULL));
    }
    st = ST_NOMEM;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = history_series(f.history, &query, &points, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && points.points == NULL));
    }
    history_points_done(&points);
    st = ST_NOMEM;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        bool known;

        fault_at(nth);
        st = history_knows(history, "alpha", 0, &known, why);
        fault_off();
        assert_true(st == ST_NOMEM || (st == ST_OK && known));
    }
    history_close(history);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_columns_are_told),
        cmocka_unit_test(steps_are_the_sums_of_their_windows),
        cmocka_unit_test(a_step_without_labels_has_no_accuracy),
        cmocka_unit_test(a_model_and_a_range_can_be_asked_for),
        cmocka_unit_test(what_is_committed_is_seen_at_once),
        cmocka_unit_test(a_step_shows_what_the_array_holds_at_its_end),
        cmocka_unit_test(versions_are_told_apart_and_together),
        cmocka_unit_test(arrays_of_versions_are_added_up),
        cmocka_unit_test(what_there_was_is_known),
        cmocka_unit_test(too_many_points_are_refused),
        cmocka_unit_test(a_step_below_a_second_is_refused),
        cmocka_unit_test(only_our_database_is_opened),
        cmocka_unit_test(without_memory_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
