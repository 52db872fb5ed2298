/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_fixture.h - a database with one small network in it, what a programming of that
 * left, and a reader who sees what is committed.
 */
#ifndef TESTS_METRICS_FIXTURE_H
#define TESTS_METRICS_FIXTURE_H

#include "storage/metrics.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000)

struct fixture {
    struct scratch scratch;
    char path[128];
    struct db *db;
    struct network *net;
    int64_t model_id, since_s;
    sqlite3 *reader; /* sees what is committed */
};

static inline struct network *network_called(const char *name, uint64_t seed)
{
    struct sbnn_shape shape = {
        name, { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
    };

    return sbnn_random(&shape, seed);
}

static inline void fixture_make(struct fixture *f)
{
    struct db_opened opened;
    char why[ERR_LEN];

    scratch_make(&f->scratch);
    (void)snprintf(f->path, sizeof(f->path), "%s", scratch_path(&f->scratch, "m.db"));
    f->net = network_called("first", 1);
    assert_int_equal(db_open(f->path, &f->db, &opened, why), ST_OK);
    assert_int_equal(metrics_add_model(f->db, f->net, NOW, &f->model_id, &f->since_s),
                     ST_OK);
    assert_int_equal(f->since_s, NOW);
    assert_int_equal(sqlite3_open_v2(f->path, &f->reader, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
}

static inline void fixture_free(struct fixture *f)
{
    assert_int_equal(sqlite3_close(f->reader), SQLITE_OK);
    db_close(f->db);
    network_free(f->net);
    scratch_remove(&f->scratch);
}

/* The first column of the first row; NaN for NULL or no row. */
static inline double value(const struct fixture *f, const char *sql)
{
    sqlite3_stmt *query;
    double v = NAN;

    assert_int_equal(sqlite3_prepare_v2(f->reader, sql, -1, &query, NULL), SQLITE_OK);
    if (sqlite3_step(query) == SQLITE_ROW && sqlite3_column_type(query, 0) != SQLITE_NULL)
        v = sqlite3_column_double(query, 0);
    assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
    return v;
}

/* 1 if `condition` holds for exactly one row of `from`. */
static inline void assert_one(const struct fixture *f, const char *from,
                              const char *condition)
{
    char sql[1024];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE %s", from, condition);
    double n = value(f, sql);
    if (n != 1)
        print_error("%s: %g rows\n", sql, n);
    assert_true(n == 1);
}

/* As the program that the file belongs to would not do it. */
static inline void change(const struct fixture *f, const char *sql)
{
    sqlite3 *other;
    char *error = NULL;

    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    if (sqlite3_exec(other, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static inline void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b))))
        print_error("%.17g is not %.17g\n", a, b);
    assert_true(fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)));
}

static inline enum status write_windows(struct fixture *f,
                                        const struct metrics_window *windows, size_t n)
{
    struct metrics_batch batch = { .windows = windows, .n_windows = n };

    return metrics_write(f->db, &batch);
}

static inline enum status
write_programmings(struct fixture *f, const struct metrics_programming *programmings,
                   size_t n)
{
    struct metrics_batch batch = { .programmings = programmings, .n_programmings = n };

    return metrics_write(f->db, &batch);
}

/* What a programming of the fixture's network left: plain cells, in mode device. */
struct programmed {
    struct metrics_layer layers[2];
    struct mram_forecast forecasts[2];
    struct mram_result results[2];
    struct mram_state states[2];
};

static inline struct programmed plain_cells(void)
{
    const struct metrics_layer layer = {
        .op = operating_point_default(),
        .pulse = { .voltage_v = { 0.8, 0.6 }, .pulse_s = 10e-9, .temperature_k = 300.0 },
        .write_error_rate = 1e-9,
    };

    return (struct programmed) {
        .layers = { layer, layer },
        .forecasts = { { .errors = 0.25,
                         .wrong_bits = 0.25,
                         .energy = { .toggle_pj = 20.0, .hold_pj = 12.0 } },
                       { .wrong_bits = 0.5, .energy = { .toggle_pj = 8.0 } } },
        .results = { { .toggles = { 10, 20 },
                       .holds = { 20, 4 },
                       .failures = 3,
                       .energy = { .toggle_pj = 20.0, .hold_pj = 10.0 } },
                     { .toggles = { 5, 0 },
                       .holds = { 2, 20 },
                       .failures = 1,
                       .energy = { .toggle_pj = 5.0, .hold_pj = 3.0 } } },
        .states = { { .weights = 54, .cells = 54, .errors = { 1, 2 }, .wrong = { 1, 2 } },
                    { .weights = 27,
                      .cells = 27,
                      .errors = { 1, 0 },
                      .wrong = { 1, 0 } } },
    };
}

/* `programmed` is borrowed. */
static inline struct metrics_programming
a_programming(const struct fixture *f, int64_t at_s, uint64_t generation,
              const struct programmed *programmed)
{
    return (struct metrics_programming) {
        .model_id = f->model_id,
        .at_s = at_s,
        .generation = generation,
        .device = "default",
        .base = programmed->layers[0],
        .net = f->net,
        .layers = programmed->layers,
        .forecasts = programmed->forecasts,
        .results = programmed->results,
        .states = programmed->states,
        .duration_ms = 1.5,
    };
}

#endif
