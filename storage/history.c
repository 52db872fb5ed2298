/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/history.h"

#include "storage/db_schema.h"
#include "storage/file.h"
#include "storage/history_internal.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 2000
/* Virtual machine steps between two looks at the clock: well under a millisecond. */
#define STEPS_PER_LOOK 10000

/* Every query has the parameters ?1 from, ?2 to, ?3 step, ?4 model or NULL, ?5 limit, ?6
 * version or 0, and gives ts, model and the columns of its metric. */
struct series {
    const char *name;
    const char *columns[HISTORY_MAX_COLUMNS + 1];
    const char *sql;
};

#define OF_MODEL " AND (?4 IS NULL OR m.name = ?4) AND (?6 = 0 OR m.version = ?6)"
#define OF_WINDOWS                                                                       \
    " FROM w10 AS w JOIN model AS m ON m.id = w.model_id"                                \
    " WHERE w.ts >= ?1 AND w.ts < ?2" OF_MODEL
#define BY_MODEL_AND_STEP " GROUP BY model, at ORDER BY model, at LIMIT ?5"

static const struct series series[HISTORY_METRICS] = {
    [HISTORY_ACCURACY] = {
        "accuracy",
        { "accuracy", "labelled", NULL },
        "SELECT w.ts / ?3 * ?3 AS at, m.name AS model,"
        "       CASE WHEN sum(w.labelled) > 0"
        "            THEN sum(w.correct) * 1.0 / sum(w.labelled) END, sum(w.labelled)"
        OF_WINDOWS BY_MODEL_AND_STEP,
    },
    [HISTORY_BIT_ERROR_RATE] = {
        "bit_error_rate",
        { "bit_error_rate", "wrong_bits", "cells", NULL },
        "SELECT at, model, CASE WHEN sum(weights) > 0"
        "                       THEN sum(wrong_bits) * 1.0 / sum(weights) END,"
        "       sum(wrong_bits), sum(weights)"
        "  FROM (SELECT o.ts / ?3 * ?3 AS at, m.name AS model, o.wrong_bits AS wrong_bits,"
        "               o.weights AS weights,"
        "               row_number() OVER (PARTITION BY o.model_id, o.ts / ?3"
        "                                  ORDER BY o.ts DESC, o.id DESC) AS nth"
        "          FROM operating_point AS o JOIN model AS m ON m.id = o.model_id"
        "          WHERE o.ts >= ?1 AND o.ts < ?2" OF_MODEL ")"
        "  WHERE nth = 1" BY_MODEL_AND_STEP,
    },
    [HISTORY_ENERGY] = {
        "energy",
        { "inference_j", "write_j", "pj_per_image", NULL },
        "SELECT w.ts / ?3 * ?3 AS at, m.name AS model,"
        "       sum(w.read_pj + w.compute_pj) * 1e-12, sum(w.write_pj) * 1e-12,"
        "       CASE WHEN sum(w.images) > 0"
        "            THEN sum(w.read_pj + w.compute_pj) / sum(w.images) END"
        OF_WINDOWS BY_MODEL_AND_STEP,
    },
    [HISTORY_REQUESTS] = {
        "requests",
        { "requests", "images", "errors", NULL },
        "SELECT w.ts / ?3 * ?3 AS at, m.name AS model, sum(w.requests), sum(w.images),"
        "       sum(w.errors)"
        OF_WINDOWS BY_MODEL_AND_STEP,
    },
    /* The query is put together by latency_sql. */
    [HISTORY_LATENCY] = {
        "latency",
        { "p50_us", "p95_us", "p99_us", "mean_us", NULL },
        NULL,
    },
};

const char *history_metric_name(enum history_metric metric)
{
    return series[metric].name;
}

const char *const *history_columns(enum history_metric metric)
{
    return series[metric].columns;
}

/* -- Opening -- */

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Not zero stops the query. */
static int look_at_clock(void *context)
{
    const struct history *history = context;

    return now_ms() > history->deadline_ms;
}

static enum status failed(struct history *history, const char *path, char why[ERR_LEN])
{
    int rc = sqlite3_errcode(history->handle);

    return file_fail(rc == SQLITE_NOMEM ? ST_NOMEM : ST_IO, path,
                     rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE
                         ? "the database of another program"
                         : sqlite3_errmsg(history->handle),
                     why);
}

enum status history_open(const char *path, struct history **ret_history,
                         char why[ERR_LEN])
{
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return file_fail(ST_NOT_FOUND, path, strerror(ENOENT), why);
    struct history *history = calloc(1, sizeof(*history));
    if (history == NULL)
        return file_fail(ST_NOMEM, path, "not enough memory", why);

    history->limit_ms = LIMIT_MS;
    history_begin(history);
    int rc = sqlite3_open_v2(path, &history->handle,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(history->handle, LIMIT_MS);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(history->handle,
                          "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;"
                          "PRAGMA trusted_schema = OFF;",
                          NULL, NULL, NULL);
    if (rc != SQLITE_OK || !db_schema_is_ours(history->handle)) {
        enum status st = failed(history, path, why);
        history_close(history);
        return st;
    }
    sqlite3_progress_handler(history->handle, STEPS_PER_LOOK, look_at_clock, history);
    *ret_history = history;
    return ST_OK;
}

bool history_in_place(const struct history *history)
{
    int moved = 0;

    return sqlite3_file_control(history->handle, "main", SQLITE_FCNTL_HAS_MOVED,
                                &moved) != SQLITE_OK ||
           !moved;
}

void history_close(struct history *history)
{
    if (history == NULL)
        return;
    for (size_t i = 0; i < HISTORY_METRICS; i++)
        (void)sqlite3_finalize(history->queries[i]); /* repeats an old error */
    (void)sqlite3_finalize(history->inferences);
    (void)sqlite3_finalize(history->known);
    (void)sqlite3_close(history->handle); /* no statement is left open */
    free(history);
}

void history_limit_ms(struct history *history, unsigned ms)
{
    history->limit_ms = ms;
}

/* -- Queries -- */

/* v_latency over steps. sqlite3_free() it; NULL without memory. */
static char *latency_sql(void)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    sqlite3_str_appendall(sql, "SELECT at, model");
    db_schema_append_latencies(sql);
    sqlite3_str_appendall(sql, " FROM (SELECT w.ts / ?3 * ?3 AS at, m.name AS model");
    db_schema_append_latency_sums(sql);
    sqlite3_str_appendall(sql, OF_WINDOWS " AND w.le_inf > 0 GROUP BY model, at)"
                                          " ORDER BY model, at LIMIT ?5");
    return sqlite3_str_finish(sql);
}

/* Prepares the metric's query, if it is not. Gives an SQLite result code. */
static int prepare(struct history *history, enum history_metric metric)
{
    sqlite3_stmt **query = &history->queries[metric];

    if (*query != NULL)
        return SQLITE_OK;
    char *latency = metric == HISTORY_LATENCY ? latency_sql() : NULL;
    const char *sql = metric == HISTORY_LATENCY ? latency : series[metric].sql;
    int rc = sql == NULL ? SQLITE_NOMEM
                         : sqlite3_prepare_v3(history->handle, sql, -1,
                                              SQLITE_PREPARE_PERSISTENT, query, NULL);
    sqlite3_free(latency);
    return rc;
}

struct point_list {
    struct history_point *points; /* ours until handed over */
    size_t n, size;
};

/* Room for one more, or NULL. */
static struct history_point *next_point(struct point_list *list)
{
    if (list->n == list->size) {
        size_t size = list->size == 0 ? 64 : 2 * list->size;
        struct history_point *points = realloc(list->points, size * sizeof(*points));

        if (points == NULL)
            return NULL;
        list->points = points;
        list->size = size;
    }
    return &list->points[list->n++];
}

static void read_point(sqlite3_stmt *query, struct history_point *ret_point)
{
    int n_columns = sqlite3_column_count(query) - 2;
    const char *model = (const char *)sqlite3_column_text(query, 1);

    ret_point->ts = sqlite3_column_int64(query, 0);
    (void)snprintf(ret_point->model, sizeof(ret_point->model), "%s",
                   model != NULL ? model : "");
    for (int i = 0; i < HISTORY_MAX_COLUMNS; i++) {
        bool there = i < n_columns && sqlite3_column_type(query, i + 2) != SQLITE_NULL;
        ret_point->value[i] = there ? sqlite3_column_double(query, i + 2) : NAN;
    }
}

static enum status read_points(struct history *history, sqlite3_stmt *query,
                               struct point_list *list, char why[ERR_LEN])
{
    int rc;

    while ((rc = sqlite3_step(query)) == SQLITE_ROW) {
        if (list->n == HISTORY_MAX_POINTS) {
            (void)snprintf(why, ERR_LEN,
                           "step: more than %d points; ask for a larger step",
                           HISTORY_MAX_POINTS);
            return ST_RANGE;
        }
        struct history_point *point = next_point(list);
        if (point == NULL) {
            (void)snprintf(why, ERR_LEN, "not enough memory for %zu points", list->n);
            return ST_NOMEM;
        }
        read_point(query, point);
    }
    return history_end(history, rc, why);
}

void history_begin(struct history *history)
{
    history->deadline_ms = now_ms() + history->limit_ms;
}

enum status history_end(struct history *history, int rc, char why[ERR_LEN])
{
    if (rc == SQLITE_DONE)
        return ST_OK;
    if (rc == SQLITE_INTERRUPT || rc == SQLITE_BUSY) {
        (void)snprintf(why, ERR_LEN, "the query took longer than %u ms; ask for less",
                       history->limit_ms);
        return ST_BUSY;
    }
    (void)snprintf(why, ERR_LEN, "database: %s", sqlite3_errmsg(history->handle));
    return rc == SQLITE_NOMEM ? ST_NOMEM : ST_IO;
}

static int bind(sqlite3_stmt *query, const struct history_query *q)
{
    int rc = sqlite3_bind_int64(query, 1, q->from_s);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(query, 2, q->to_s);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(query, 3, q->step_s);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(query, 4, q->model, -1, SQLITE_STATIC);
    /* One more, to tell "exactly so many" from "more". */
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(query, 5, HISTORY_MAX_POINTS + 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(query, 6, q->version);
    return rc;
}

enum status history_series(struct history *history, const struct history_query *query,
                           struct history_points *ret_points, char why[ERR_LEN])
{
    struct point_list list = { .n = 0 };

    assert((unsigned)query->metric < HISTORY_METRICS);
    if (query->step_s < 1) {
        (void)snprintf(why, ERR_LEN, "step: expected at least 1 s, found %lld",
                       (long long)query->step_s);
        return ST_RANGE;
    }
    history_begin(history);
    int rc = prepare(history, query->metric);
    sqlite3_stmt *prepared = history->queries[query->metric];
    if (rc == SQLITE_OK)
        rc = bind(prepared, query);
    if (rc != SQLITE_OK) {
        (void)snprintf(why, ERR_LEN, "database: %s", sqlite3_errstr(rc));
        return rc == SQLITE_NOMEM ? ST_NOMEM : ST_IO;
    }
    enum status st = read_points(history, prepared, &list, why);
    (void)sqlite3_reset(prepared); /* repeats the error of the last step */
    (void)sqlite3_clear_bindings(prepared);
    if (st != ST_OK) {
        free(list.points);
        return st;
    }
    *ret_points = (struct history_points) { .points = list.points, .n = list.n };
    return ST_OK;
}

void history_points_done(struct history_points *points)
{
    if (points == NULL)
        return;
    free(points->points);
    *points = (struct history_points) { .n = 0 };
}

/* -- What there was -- */

enum status history_knows(struct history *history, const char *model, uint32_t version,
                          bool *ret_known, char why[ERR_LEN])
{
    int rc = SQLITE_OK;

    history_begin(history);
    if (history->known == NULL)
        rc = sqlite3_prepare_v3(history->handle,
                                "SELECT 1 FROM model WHERE name = ?1"
                                "  AND (?2 = 0 OR version = ?2) LIMIT 1",
                                -1, SQLITE_PREPARE_PERSISTENT, &history->known, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(history->known, 1, model, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(history->known, 2, version);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(history->known);
    *ret_known = rc == SQLITE_ROW;
    enum status st = history_end(history, *ret_known ? SQLITE_DONE : rc, why);
    if (history->known != NULL) {
        (void)sqlite3_reset(history->known); /* repeats the error of the step */
        (void)sqlite3_clear_bindings(history->known);
    }
    return st;
}
