/* SPDX-License-Identifier: Apache-2.0 */
/* Windows, the ledger, latencies, events, and batches that fail. */
#include "tests/unit/metrics_fixture.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* -- Buckets and models -- */

static void a_latency_falls_into_the_first_bucket_that_reaches_it(void **state)
{
    (void)state;
    assert_int_equal(metrics_latency_bucket(0.0), 0);
    for (unsigned i = 0; i < METRICS_LATENCY_EDGES; i++) {
        double edge = metrics_latency_edges_us[i];

        assert_int_equal(metrics_latency_bucket(edge), i);
        assert_int_equal(metrics_latency_bucket(nextafter(edge, INFINITY)), i + 1);
        if (i > 0)
            assert_true(edge > metrics_latency_edges_us[i - 1]);
    }
    assert_int_equal(metrics_latency_bucket(INFINITY), METRICS_LATENCY_EDGES);
}

static void a_model_file_is_registered_once(void **state)
{
    (void)state;
    struct fixture f;
    struct network *other_name = network_called("second", 1);
    struct network *other_file = network_called("first", 2);
    int64_t again = 0, second = 0, third = 0, since = 0;

    fixture_make(&f);
    assert_int_equal(metrics_add_model(f.db, f.net, NOW + 5, &again, &since), ST_OK);
    assert_int_equal(again, f.model_id);
    assert_int_equal(since, NOW);
    assert_int_equal(metrics_add_model(f.db, other_name, NOW, &second, &since), ST_OK);
    assert_int_equal(metrics_add_model(f.db, other_file, NOW + 7, &third, &since), ST_OK);
    assert_int_equal(since, NOW + 7);
    assert_true(second != f.model_id && third != f.model_id && second != third);
    assert_true(value(&f, "SELECT count(*) FROM model") == 3);
    assert_one(
        &f, "model",
        "name = 'second' AND cells = 81 AND classes = 3 AND created_ts = 1700000000");
    network_free(other_name);
    network_free(other_file);
    fixture_free(&f);
}

static int64_t add_as(struct fixture *f, uint32_t version, int64_t now_s)
{
    int64_t id = 0, since_s = 0;

    f->net->version = version;
    assert_int_equal(metrics_add_model(f->db, f->net, now_s, &id, &since_s), ST_OK);
    assert_true(since_s <= now_s);
    return id;
}

/* A number is told once; the network that comes again under another is another row, so
 * that what the first has counted stays the first's. */
static void a_network_that_comes_again_is_another_version(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    /* Known before it had a number: its first is that of what was counted before. */
    assert_one(&f, "model", "version = 1");
    change(&f, "UPDATE model SET version = NULL");
    assert_int_equal(add_as(&f, 1, NOW + 1), f.model_id);
    int64_t third = add_as(&f, 3, NOW + 2);
    assert_int_not_equal(third, f.model_id);
    assert_int_equal(add_as(&f, 1, NOW + 3), f.model_id);
    assert_int_equal(add_as(&f, 3, NOW + 4), third);
    /* Beside others, a row without a number is of one that nobody knows: none of these.
     */
    change(&f, "INSERT INTO model"
               "  SELECT 99, name, checksum, description, cells, classes, test_correct,"
               "         test_total, created_ts, NULL FROM model WHERE version = 1");
    assert_int_not_equal(add_as(&f, 4, NOW + 5), 99);
    assert_true(value(&f, "SELECT count(*) FROM model") == 4);
    assert_one(&f, "model", "version = 3 AND created_ts = 1700000002");
    assert_one(&f, "model", "version IS NULL");
    fixture_free(&f);
}

/* -- Windows -- */

static struct metrics_window a_window(const struct fixture *f, int64_t window_s,
                                      uint64_t generation)
{
    struct metrics_window w = {
        .model_id = f->model_id,
        .generation = generation,
        .window_s = window_s,
        .requests = 3,
        .images = 5,
        .labelled = 4,
        .correct = 3,
        .errors = 1,
        .bits_read = 405,
        .read_pj = 10.0,
        .compute_pj = 5.0,
        .latency_sum_us = 600.0,
        .latency_max_us = 400.0,
    };

    w.latency[metrics_latency_bucket(100.0)] = 2;
    w.latency[metrics_latency_bucket(400.0)] = 1;
    return w;
}

static void what_is_added_to_a_window_adds_up(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w = a_window(&f, NOW, 1);
    assert_int_equal(write_windows(&f, &w, 1), ST_OK);
    w.latency_max_us = 300.0;
    assert_int_equal(write_windows(&f, &w, 1), ST_OK);
    struct metrics_window more[2] = { w, a_window(&f, NOW, 2) };
    assert_int_equal(write_windows(&f, more, 2), ST_OK);
    assert_one(
        &f, "w10",
        "ts = 1700000000 AND generation = 1 AND requests = 9 AND images = 15"
        " AND labelled = 12 AND correct = 9 AND errors = 3 AND bits_read = 1215"
        " AND read_pj = 30.0 AND compute_pj = 15.0 AND latency_sum_us = 1800.0"
        " AND le_50 = 0 AND le_100 = 6 AND le_250 = 6 AND le_500 = 9 AND le_inf = 9"
        " AND latency_max_us = 400.0");
    assert_true(value(&f, "SELECT sum(le_inf) FROM w10 WHERE generation = 1") == 9);
    assert_one(&f, "v_accuracy",
               "model = 'first' AND labelled = 16 AND correct = 12 AND accuracy = 0.75");
    fixture_free(&f);
}

static void versions_have_rows_of_their_own(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w[3] = { a_window(&f, NOW, 1), a_window(&f, NOW, 2),
                                   a_window(&f, NOW, 3) };
    w[0].model_id = add_as(&f, 1, NOW);
    w[1].model_id = w[2].model_id = add_as(&f, 2, NOW);
    w[1].correct = 0;
    w[2].latency_max_us = 450.0;
    assert_int_equal(write_windows(&f, w, 3), ST_OK);
    struct metrics_energy e[2] = { { .model_id = w[0].model_id, .layer_name = "fc1" },
                                   { .model_id = w[1].model_id, .layer_name = "fc1" } };
    e[0].gain.pj[0] = 1.0;
    e[1].gain.pj[0] = 2.0;
    struct metrics_batch batch = { .energies = e, .n_energies = 2 };
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);

    assert_one(&f, "v_accuracy", "model = 'first' AND version = 1 AND accuracy = 0.75");
    assert_one(&f, "v_accuracy", "model = 'first' AND version = 2 AND accuracy = 0.375");
    assert_one(&f, "v_requests", "model = 'first' AND version = 1 AND requests = 3");
    assert_one(&f, "v_requests", "model = 'first' AND version = 2 AND requests = 6");
    assert_one(&f, "v_energy", "version = 2 AND abs(read_j - 20e-12) < 1e-20");
    assert_one(&f, "v_latency", "version = 1 AND max_us = 400.0");
    assert_one(&f, "v_latency", "version = 2 AND max_us = 450.0");
    assert_one(&f, "v_energy_ledger", "version = 1 AND abs(joules - 1e-12) < 1e-20");
    assert_one(&f, "v_energy_ledger", "version = 2 AND abs(joules - 2e-12) < 1e-20");
    fixture_free(&f);
}

static void a_window_without_labels_has_no_accuracy(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w = a_window(&f, NOW, 1);
    w.labelled = w.correct = 0;
    assert_int_equal(write_windows(&f, &w, 1), ST_OK);
    assert_true(value(&f, "SELECT count(*) FROM v_accuracy") == 0);
    assert_true(value(&f, "SELECT count(*) FROM v_latency") == 1);
    fixture_free(&f);
}

static void energy_is_joules_and_picojoules_per_image(void **state)
{
    (void)state;
    struct programmed plain = plain_cells();
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w[2] = { a_window(&f, NOW, 1), a_window(&f, NOW, 2) };
    struct metrics_programming p[2] = { a_programming(&f, NOW + 9, 2, &plain),
                                        a_programming(&f, NOW + 10, 3, &plain) };
    assert_int_equal(write_windows(&f, w, 2), ST_OK);
    assert_int_equal(write_programmings(&f, p, 2), ST_OK);
    assert_near(value(&f, "SELECT read_j FROM v_energy WHERE ts = 1700000000"), 20e-12);
    assert_near(value(&f, "SELECT compute_j FROM v_energy WHERE ts = 1700000000"),
                10e-12);
    assert_near(value(&f, "SELECT write_j FROM v_energy WHERE ts = 1700000000"), 38e-12);
    assert_near(value(&f, "SELECT pj_per_image FROM v_energy WHERE ts = 1700000000"),
                3.0);
    assert_one(
        &f, "v_energy",
        "ts = 1700000010 AND pj_per_image IS NULL AND read_j = 0.0 AND write_j > 0");
    fixture_free(&f);
}

/* -- The ledger -- */

/* Every kind another energy. */
static struct metrics_energy a_gain(const struct fixture *f, size_t layer, double pj)
{
    struct metrics_energy e = {
        .model_id = f->model_id,
        .layer = layer,
        .layer_name = f->net->layers[layer].name,
    };

    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        e.gain.pj[k] = pj * (double)(1U << k);
    return e;
}

static void assert_ledger(struct fixture *f, double first_pj, double second_pj)
{
    const double expected[3] = { first_pj, second_pj, 0.0 };
    struct energy energies[3];

    memset(energies, 0xff, sizeof(energies));
    assert_int_equal(metrics_read_energy(f->db, f->model_id, 3, energies), ST_OK);
    for (unsigned l = 0; l < 3; l++)
        for (unsigned k = 0; k < ENERGY_KINDS; k++)
            assert_true(energies[l].pj[k] == expected[l] * (double)(1U << k));
}

static void the_ledger_adds_up_and_outlives_the_process(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    assert_ledger(&f, 0.0, 0.0);
    for (unsigned i = 1; i <= 5; i++) {
        struct db_opened opened;
        char why[ERR_LEN];
        struct metrics_energy e[3] = { a_gain(&f, 0, 2.0), a_gain(&f, 1, 0.5),
                                       a_gain(&f, 0, 1.0) };
        struct metrics_batch batch = { .energies = e, .n_energies = 3 };

        assert_int_equal(metrics_write(f.db, &batch), ST_OK);
        assert_ledger(&f, 3.0 * i, 0.5 * i);
        db_close(f.db);
        assert_int_equal(db_open(f.path, &f.db, &opened, why), ST_OK);
        assert_ledger(&f, 3.0 * i, 0.5 * i);
    }
    struct energy none;
    assert_int_equal(metrics_read_energy(f.db, 999, 1, &none), ST_OK);
    assert_true(energy_sum(&none) == 0.0);
    fixture_free(&f);
}

static void the_ledger_is_joules_by_layer_and_kind(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_energy e[2] = { a_gain(&f, 0, 1.0), a_gain(&f, 1, 10.0) };
    struct metrics_batch batch = { .energies = e, .n_energies = 2 };
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    for (size_t l = 0; l < 2; l++)
        for (unsigned k = 0; k < ENERGY_KINDS; k++) {
            char sql[256];

            (void)snprintf(sql, sizeof(sql),
                           "SELECT joules FROM v_energy_ledger WHERE model = 'first'"
                           " AND layer = %zu AND name = 'layer%zu' AND kind = '%s'",
                           l, l, energy_name((enum energy_kind)k));
            assert_near(value(&f, sql), e[l].gain.pj[k] * 1e-12);
        }
    assert_true(value(&f, "SELECT count(*) FROM v_energy_ledger") == 2 * ENERGY_KINDS);
    /* Another file of that name: what it spent is added. */
    struct network *other = network_called("first", 2);
    assert_int_equal(metrics_add_model(f.db, other, NOW, &e[0].model_id, &f.since_s),
                     ST_OK);
    batch.n_energies = 1;
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    assert_near(value(&f, "SELECT joules FROM v_energy_ledger WHERE layer = 0"
                          " AND kind = 'hold'"),
                4e-12);
    assert_ledger(&f, 1.0, 10.0);
    network_free(other);
    fixture_free(&f);
}

static void a_batch_that_fails_adds_nothing_to_the_ledger(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_energy e[2] = { a_gain(&f, 0, 1.0), a_gain(&f, 1, 1.0) };
    struct metrics_event event = { .at_s = NOW, .kind = "start", .model_id = 999 };
    struct metrics_batch batch = { .energies = e, .n_energies = 2 };

    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    batch.events = &event;
    batch.n_events = 1;
    assert_int_equal(metrics_write(f.db, &batch), ST_IO);
    assert_ledger(&f, 1.0, 1.0);
    batch.n_events = 0;
    e[1].model_id = 999;
    assert_int_equal(metrics_write(f.db, &batch), ST_IO);
    assert_ledger(&f, 1.0, 1.0);
    fixture_free(&f);
}

static void a_ledger_that_is_gone_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    struct energy energies[2];

    fixture_make(&f);
    sqlite3 *other;

    assert_int_equal(sqlite3_open(f.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "DROP VIEW v_energy_ledger; DROP TABLE energy",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    energies[0].pj[0] = 5.0;
    assert_int_equal(metrics_read_energy(f.db, f.model_id, 2, energies), ST_IO);
    assert_true(energies[0].pj[0] == 5.0);
    assert_non_null(strstr(db_message(f.db), "energy"));
    fixture_free(&f);
}

/* -- Latency against a slow reference -- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The percentile as README.md defines it, from the counts. */
static double slow_percentile(const uint64_t counts[], double max_us, double q)
{
    double total = 0.0, below = 0.0;

    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++)
        total += (double)counts[b];
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        double n = (double)counts[b];
        if (n > 0 && below + n >= q * total) {
            double low = b == 0 ? 0.0 : metrics_latency_edges_us[b - 1];
            double high =
                b == METRICS_LATENCY_EDGES ? max_us : metrics_latency_edges_us[b];
            high = fmin(high, max_us);
            return low + (high - low) * (q * total - below) / n;
        }
        below += n;
    }
    return NAN;
}

/* Latencies spread evenly over orders of magnitude, into windows of several generations.
 */
static void percentiles_agree_with_a_slow_count(void **state)
{
    (void)state;
    static const double quantiles[] = { 0.50, 0.95, 0.99 };
    static const char *const columns[] = { "p50_us", "p95_us", "p99_us" };
    struct fixture f;
    unsigned seed = 1;

    fixture_make(&f);
    for (unsigned round = 0; round < 30; round++) {
        int64_t ts = NOW + 10 * (int64_t)round;
        size_t n = 1 + (size_t)rand_r(&seed) % 200;
        double samples[200], sum_us = 0.0;
        uint64_t counts[METRICS_LATENCY_EDGES + 1] = { 0 };
        struct metrics_window w[3] = { { 0 } };

        for (size_t i = 0; i < n; i++) {
            struct metrics_window *part = &w[i % 3];
            unsigned decades = 1 + round % 7;
            double us = pow(10.0, (double)decades * rand_r(&seed) / RAND_MAX);
            unsigned bucket = metrics_latency_bucket(us);

            samples[i] = us;
            sum_us += us;
            counts[bucket]++;
            part->latency[bucket]++;
            part->latency_sum_us += us;
            part->latency_max_us = fmax(part->latency_max_us, us);
            part->requests++;
        }
        for (unsigned g = 0; g < 3; g++) {
            w[g].model_id = f.model_id;
            w[g].generation = g + 1;
            w[g].window_s = ts;
        }
        assert_int_equal(write_windows(&f, w, 3), ST_OK);
        qsort(samples, n, sizeof(samples[0]), compare);
        for (unsigned q = 0; q < 3; q++) {
            char sql[128];
            (void)snprintf(sql, sizeof(sql), "SELECT %s FROM v_latency WHERE ts = %lld",
                           columns[q], (long long)ts);
            double found = value(&f, sql);
            size_t rank = (size_t)ceil(quantiles[q] * (double)n);

            assert_near(found, slow_percentile(counts, samples[n - 1], quantiles[q]));
            /* The sample of that rank lies in the bucket that was found. */
            double low =
                metrics_latency_bucket(samples[rank - 1]) == 0
                    ? 0.0
                    : metrics_latency_edges_us[metrics_latency_bucket(samples[rank - 1]) -
                                               1];
            assert_true(found >= low && found <= samples[n - 1]);
            assert_true(metrics_latency_bucket(found) <=
                        metrics_latency_bucket(samples[rank - 1]));
        }
        char sql[128];
        (void)snprintf(sql, sizeof(sql), "SELECT mean_us FROM v_latency WHERE ts = %lld",
                       (long long)ts);
        assert_near(value(&f, sql), sum_us / (double)n);
        (void)snprintf(sql, sizeof(sql), "SELECT max_us FROM v_latency WHERE ts = %lld",
                       (long long)ts);
        assert_near(value(&f, sql), samples[n - 1]);
    }
    fixture_free(&f);
}

/* A dashboard asks for the last hour of a file that holds years. */
static void a_view_of_some_time_reads_only_that_time(void **state)
{
    (void)state;
    static const char *const views[] = { "v_accuracy", "v_energy", "v_latency" };
    struct fixture f;

    fixture_make(&f);
    for (size_t i = 0; i < 3; i++) {
        sqlite3_stmt *query;
        char sql[128];
        bool searched = false;

        (void)snprintf(sql, sizeof(sql),
                       "EXPLAIN QUERY PLAN SELECT * FROM %s WHERE ts >= 1700000000",
                       views[i]);
        assert_int_equal(sqlite3_prepare_v2(f.reader, sql, -1, &query, NULL), SQLITE_OK);
        while (sqlite3_step(query) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(query, 3);
            searched |= strcmp(step, "SEARCH w USING PRIMARY KEY (ts>?)") == 0;
            assert_null(strstr(step, "SCAN w"));
        }
        assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
        assert_true(searched);
    }
    fixture_free(&f);
}

/* -- Events and batches -- */

static void events_tell_severity_and_model(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_event events[3] = {
        { .at_s = NOW, .severity = METRICS_INFO, .kind = "start", .message = "hello" },
        { .at_s = NOW + 1, .severity = METRICS_WARNING, .kind = "database" },
        { .at_s = NOW + 2, .severity = METRICS_ERROR, .kind = "programming" },
    };
    events[2].model_id = f.model_id;
    struct metrics_batch batch = { .events = events, .n_events = 3 };
    assert_int_equal(metrics_write(f.db, &batch), ST_OK);
    assert_one(
        &f, "v_events",
        "ts = 1700000000 AND severity = 'info' AND kind = 'start' AND model IS NULL"
        " AND message = 'hello'");
    assert_one(&f, "v_events", "severity = 'warning' AND kind = 'database'");
    assert_one(&f, "v_events", "severity = 'error' AND model = 'first'");
    fixture_free(&f);
}

static void a_batch_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f);
    struct metrics_window w[2] = { a_window(&f, NOW, 1), a_window(&f, NOW, 2) };
    w[1].model_id = 999; /* nobody */
    assert_int_equal(write_windows(&f, w, 2), ST_IO);
    assert_non_null(strstr(db_message(f.db), "FOREIGN KEY"));
    assert_true(value(&f, "SELECT count(*) FROM w10") == 0);
    assert_int_equal(write_windows(&f, w, 1), ST_OK);
    assert_true(value(&f, "SELECT sum(requests) FROM w10") == 3);
    fixture_free(&f);
}

/* Somebody else changed the tables while we had them open. */
static void a_table_that_is_gone_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    sqlite3 *other;

    fixture_make(&f);
    assert_int_equal(sqlite3_open(f.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "DROP TABLE w10", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    struct metrics_window w = a_window(&f, NOW, 1);
    assert_int_equal(write_windows(&f, &w, 1), ST_IO);
    assert_int_equal(write_windows(&f, &w, 1), ST_IO);
    assert_non_null(strstr(db_message(f.db), "w10"));
    fixture_free(&f);
}

static void a_full_disk_loses_and_doubles_nothing(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t n_kept = 0;
    size_t n_failed = 0;

    fixture_make(&f);
    struct metrics_window *w = calloc(500, sizeof(*w));
    assert_non_null(w);
    db_limit_pages(f.db, 40);
    for (size_t i = 0; i < 50; i++) {
        for (size_t j = 0; j < 500; j++)
            w[j] = a_window(&f, NOW + 10 * (int64_t)(i * 500 + j), 1);
        enum status st = write_windows(&f, w, 500);
        if (st == ST_OK) {
            n_kept++;
            continue;
        }
        assert_int_equal(st, ST_IO);
        assert_non_null(strstr(db_message(f.db), "full"));
        /* Not even a part of it is there, and more would not be either. */
        assert_true(value(&f, "SELECT count(*) FROM w10") == (double)(500 * n_kept));
        n_failed++;
        if (n_failed == 3)
            db_limit_pages(f.db, 0);
        i--; /* the same batch again */
    }
    assert_int_equal(n_failed, 3);
    assert_true(value(&f, "SELECT sum(requests) FROM w10") == 3 * 500 * 50);
    assert_true(value(&f, "SELECT sum(le_inf) FROM w10") == 3 * 500 * 50);
    free(w);
    fixture_free(&f);
}

/* Writes one request after the other into the windows, and says so through `fd`. */
static void write_for_ever(const char *path, const struct network *net, int fd)
{
    struct db *db;
    struct db_opened opened;
    char why[ERR_LEN];
    struct metrics_window w = { .generation = 1 };
    int64_t since_s;

    if (db_open(path, &db, &opened, why) != ST_OK ||
        metrics_add_model(db, net, NOW, &w.model_id, &since_s) != ST_OK)
        _exit(1);
    for (int64_t i = 0;; i++) {
        struct metrics_batch batch = { .windows = &w, .n_windows = 1 };

        w.window_s = NOW + 10 * (i / 3);
        w.requests = 1;
        w.latency[3] = 1;
        if (metrics_write(db, &batch) != ST_OK || write(fd, "x", 1) != 1)
            _exit(1);
    }
}

static void a_kill_loses_nothing_that_was_committed(void **state)
{
    (void)state;
    struct scratch scratch;
    struct network *net = network_called("first", 1);
    unsigned seed = 1;
    double n_before = 0.0;

    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "m.db");
    for (unsigned i = 0; i < 20; i++) {
        struct fixture f;
        struct db_opened opened;
        char why[ERR_LEN], bytes[4096];
        int pipe_fd[2], wait_status;
        double n_told = 0.0;

        assert_int_equal(pipe(pipe_fd), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(pipe_fd[0]);
            write_for_ever(path, net, pipe_fd[1]);
        }
        assert_int_equal(close(pipe_fd[1]), 0);
        struct timespec pause = { .tv_nsec = 5000000 + rand_r(&seed) % 20000000 };
        assert_int_equal(nanosleep(&pause, NULL), 0);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &wait_status, 0), child);
        assert_true(WIFSIGNALED(wait_status));
        for (ssize_t n; (n = read(pipe_fd[0], bytes, sizeof(bytes))) > 0;)
            n_told += (double)n;
        assert_int_equal(close(pipe_fd[0]), 0);

        assert_int_equal(db_open(path, &f.db, &opened, why), ST_OK);
        assert_string_equal(opened.set_aside, "");
        assert_int_equal(sqlite3_open(path, &f.reader), SQLITE_OK);
        assert_one(&f, "pragma_integrity_check", "integrity_check = 'ok'");
        double n = value(&f, "SELECT total(requests) FROM w10");
        /* The last one may have been committed and not told. */
        assert_true(n == n_before + n_told || n == n_before + n_told + 1);
        assert_true(value(&f, "SELECT total(le_inf) FROM w10") == n);
        n_before = n;
        assert_int_equal(sqlite3_close(f.reader), SQLITE_OK);
        db_close(f.db);
    }
    print_message("%g batches committed\n", n_before);
    network_free(net);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_latency_falls_into_the_first_bucket_that_reaches_it),
        cmocka_unit_test(a_model_file_is_registered_once),
        cmocka_unit_test(a_network_that_comes_again_is_another_version),
        cmocka_unit_test(what_is_added_to_a_window_adds_up),
        cmocka_unit_test(versions_have_rows_of_their_own),
        cmocka_unit_test(a_window_without_labels_has_no_accuracy),
        cmocka_unit_test(energy_is_joules_and_picojoules_per_image),
        cmocka_unit_test(the_ledger_adds_up_and_outlives_the_process),
        cmocka_unit_test(the_ledger_is_joules_by_layer_and_kind),
        cmocka_unit_test(a_batch_that_fails_adds_nothing_to_the_ledger),
        cmocka_unit_test(a_ledger_that_is_gone_is_an_error),
        cmocka_unit_test(percentiles_agree_with_a_slow_count),
        cmocka_unit_test(a_view_of_some_time_reads_only_that_time),
        cmocka_unit_test(events_tell_severity_and_model),
        cmocka_unit_test(a_batch_is_written_whole_or_not_at_all),
        cmocka_unit_test(a_table_that_is_gone_is_an_error),
        cmocka_unit_test(a_full_disk_loses_and_doubles_nothing),
        cmocka_unit_test(a_kill_loses_nothing_that_was_committed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
