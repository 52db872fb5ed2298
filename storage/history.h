/* SPDX-License-Identifier: Apache-2.0 */
/* history.h - reads the database back, on a read-only connection. One thread at a time.
 */
#ifndef STORAGE_HISTORY_H
#define STORAGE_HISTORY_H

#include "core/status.h"
#include "storage/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history;

/* ST_NOT_FOUND, ST_NOMEM or ST_IO with `why`. */
MUST_CHECK enum status history_open(const char *path, struct history **ret_history,
                                    char why[ERR_LEN]);
/* Is the file still at its path? As db_in_place. */
bool history_in_place(const struct history *history);
/* Takes NULL. */
void history_close(struct history *history);
/* How long one query may take instead of 2 s; for tests. */
void history_limit_ms(struct history *history, unsigned ms);

enum history_metric {
    HISTORY_ACCURACY,       /* columns accuracy, labelled */
    HISTORY_BIT_ERROR_RATE, /* bit_error_rate, wrong_bits, cells (weights, all of them
                               and those delivered wrong): of each generation; of the
                               last one of each version in a step, since that is what
                               its array then holds */
    HISTORY_ENERGY,         /* inference_j, write_j, pj_per_image */
    HISTORY_REQUESTS,       /* requests, images, errors */
    HISTORY_LATENCY,        /* p50_us, p95_us, p99_us, mean_us */
    HISTORY_METRICS
};
#define HISTORY_MAX_COLUMNS 4
#define HISTORY_MAX_POINTS  100000

const char *history_metric_name(enum history_metric metric);
/* NULL-terminated names of the value columns. */
const char *const *history_columns(enum history_metric metric);

struct history_query {
    enum history_metric metric;
    const char *model;    /* NULL: all models, each its own points */
    uint32_t version;     /* of the model; 0: all, added up before anything is divided */
    int64_t from_s, to_s; /* from <= ts < to */
    int64_t step_s;       /* points are merged into steps of this width, >= 1 */
};
/* NaN marks a value that is not there (accuracy without labels), and columns that the
 * metric does not have. */
struct history_point {
    int64_t ts; /* of the step's beginning, a multiple of step_s */
    char model[65];
    double value[HISTORY_MAX_COLUMNS];
};
struct history_points {
    struct history_point *points; /* ours; by model, then ts */
    size_t n;
};
/* ST_RANGE: step_s below 1, or more than HISTORY_MAX_POINTS points (ask for a larger
 * step). ST_BUSY: took longer than 2 s. ST_IO, ST_NOMEM. The window that is still being
 * filled is there like any other. */
MUST_CHECK enum status history_series(struct history *history,
                                      const struct history_query *query,
                                      struct history_points *ret_points,
                                      char why[ERR_LEN]);
void history_points_done(struct history_points *points);
/* Was there ever such a model, and such a version of it? 0: any. ST_BUSY, ST_IO, ST_NOMEM
 * as before. */
MUST_CHECK enum status history_knows(struct history *history, const char *model,
                                     uint32_t version, bool *ret_known,
                                     char why[ERR_LEN]);

/* Rows of requests, the newest first. */
#define HISTORY_MAX_INFERENCES 1000
struct history_inference {
    int64_t id;
    char model[65];
    uint32_t version;
    struct metrics_inference row; /* without model_id */
};
struct history_inference_query {
    const char *model; /* NULL: all */
    uint32_t version;  /* of the model; 0: all */
    int64_t before_id; /* only those with a lower id; INT64_MAX: all */
    size_t limit;      /* 1 .. HISTORY_MAX_INFERENCES */
};
/* ret_rows: [query->limit], the caller's; ret_n of them are filled. ST_BUSY: took longer
 * than 2 s, a model that has few rows among many. ST_IO, ST_NOMEM. */
MUST_CHECK enum status history_inferences(struct history *history,
                                          const struct history_inference_query *query,
                                          struct history_inference *ret_rows,
                                          size_t *ret_n, char why[ERR_LEN]);

#endif
