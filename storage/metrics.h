/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - what the daemon counts, written in one transaction a second.
 *
 * Time is UTC seconds. Requests are counted into windows of METRICS_WINDOW_S; a batch
 * holds what was added since the last batch, and is added to the window's row. The thread
 * that opened `db`.
 */
#ifndef STORAGE_METRICS_H
#define STORAGE_METRICS_H

#include "core/energy.h"
#include "core/network.h"
#include "core/operating_point.h"
#include "storage/db.h"

#define METRICS_WINDOW_S 10

/* Upper edges of the latency buckets, in microseconds; the last bucket has no edge. The
 * same edges are in /metrics, in seconds. */
#define METRICS_LATENCY_EDGES 15
extern const double metrics_latency_edges_us[METRICS_LATENCY_EDGES];
/* Bucket of a latency, 0 .. METRICS_LATENCY_EDGES. */
unsigned metrics_latency_bucket(double us);

/* Registers a network in its version (once per name, checksum and version);
 * ret_since_s: when it first was. */
MUST_CHECK enum status metrics_add_model(struct db *db, const struct network *net,
                                         int64_t now_s, int64_t *ret_model_id,
                                         int64_t *ret_since_s);

/* A new generation of an array: a programming, or what else changed its contents. */
struct metrics_layer {
    struct operating_point op; /* what the layer was written with */
    struct mtj_pulse pulse;    /* as resolved; zero in iid */
    double write_error_rate;   /* predicted, toggle-conditional mean of both directions;
                                  the mean flip rate in iid */
};
struct metrics_programming {
    int64_t model_id, at_s;
    uint64_t generation;
    enum mram_cause cause;
    char device[DEVICE_NAME_LEN];
    double age_s;              /* simulated, since programmed */
    struct metrics_layer base; /* what layers inherit */
    const struct network *net; /* borrowed: layer names */
    /* Borrowed, [net->n_layers]. For causes other than program and scrub the results are
     * zero: nothing was written. */
    const struct metrics_layer *layers;
    const struct mram_forecast *forecasts;
    const struct mram_result *results;
    const struct mram_state *states;
    double duration_ms;
};

/* Energy spent since the last batch, by layer. */
struct metrics_energy {
    int64_t model_id;
    size_t layer;
    const char *layer_name; /* borrowed */
    struct energy gain;
};

/* Requests of one model and generation in one window, since the last batch. */
struct metrics_window {
    int64_t model_id;
    uint64_t generation;
    int64_t window_s; /* start, a multiple of METRICS_WINDOW_S */
    uint64_t requests, images, labelled, correct, errors; /* errors: 4xx and 5xx */
    uint64_t bits_read;
    double read_pj, compute_pj; /* decoding counts as reading */
    double latency_sum_us, latency_max_us;
    uint64_t latency[METRICS_LATENCY_EDGES + 1];
};

enum metrics_severity { METRICS_INFO = 0, METRICS_WARNING = 1, METRICS_ERROR = 2 };
struct metrics_event {
    int64_t at_s;
    enum metrics_severity severity;
    const char *kind; /* "start", "stop", "programming", "database", ...; static */
    int64_t model_id; /* 0: none */
    char message[ERR_LEN];
};

/* One request, where a row for each is wanted. */
enum metrics_route { METRICS_CLASSIFY = 0, METRICS_INFER = 1 };
struct metrics_inference {
    int64_t at_ms;       /* UTC, of the answer */
    uint64_t request_id; /* below 2^63 */
    int64_t model_id;
    uint64_t generation, wrong_bits;
    double energy_pj, latency_us;
    uint32_t images, labelled, correct; /* of all pictures; images 0: none was computed */
    int32_t predicted, label;           /* of the first picture; -1: none */
    float probability;                  /* of `predicted` */
    float margin;                       /* of its logit to the next one; NaN: no other */
    uint16_t status;                    /* of HTTP */
    uint8_t route;                      /* enum metrics_route */
};
/* Labels that came after the answer, into the row with this id, if it is there. */
struct metrics_late_label {
    int64_t inference_id;
    uint32_t label, labelled, correct;
};

/* All of it or nothing, in one transaction. ST_IO or ST_NOMEM (db_message says why): the
 * caller keeps the batch and tries again. A window of a generation whose programming is
 * not there is kept all the same. */
struct metrics_batch {
    const struct metrics_programming *programmings;
    size_t n_programmings;
    const struct metrics_window *windows;
    size_t n_windows;
    const struct metrics_event *events;
    size_t n_events;
    const struct metrics_energy *energies;
    size_t n_energies;
    /* Rows of requests, by time; they get the ids from first_inference on, which is what
     * metrics_next_inference gave, or what came after the rows written since. */
    const struct metrics_inference *const *inferences;
    size_t n_inferences;
    int64_t first_inference;
    const struct metrics_late_label *late_labels; /* after the rows */
    size_t n_late_labels;
};
MUST_CHECK enum status metrics_write(struct db *db, const struct metrics_batch *batch);

/* Windows grow wider as they grow old: METRICS_WINDOW_S, then 5 minutes after 7 days, 1
 * hour after 90. Sums stay what they are. Takes one step, at most a day of windows, in a
 * transaction of its own; ret_more: it did, and there may be more to do. ST_IO, ST_NOMEM:
 * nothing changed. */
MUST_CHECK enum status metrics_widen(struct db *db, int64_t now_s, bool *ret_more);

/* Above the ids of all rows of requests that there ever were. ST_IO, ST_NOMEM. */
MUST_CHECK enum status metrics_next_inference(struct db *db, int64_t *ret_id);

/* What is kept no longer goes, a slice at a time:
 * - rows of requests that are older than inference_age_s or more than `inferences`, and,
 *   under a limit of the file (db_limit_pages), all that use more than METRICS_ROWS_SHARE
 *   of it: what is left is for windows;
 * - events older than METRICS_EVENT_AGE_S or more than METRICS_EVENTS;
 * - generations that answered nothing and are older than METRICS_IDLE_AGE_S, and those
 *   that are more than METRICS_GENERATIONS, but the last one of each version. What
 *   their windows counted goes to generation 0.
 * When nothing is left to go, free pages are given back, some at a time. ret_more: a
 * slice went, and there may be more. ST_IO, ST_NOMEM: nothing changed. */
#define METRICS_SLICE       5000
#define METRICS_ROWS_SHARE  0.75
#define METRICS_EVENT_AGE_S (INT64_C(90) * 86400)
#define METRICS_EVENTS      100000
#define METRICS_IDLE_AGE_S  (INT64_C(90) * 86400)
#define METRICS_GENERATIONS 20000
struct metrics_limits {
    int64_t inference_age_s;
    uint64_t inferences;
};
MUST_CHECK enum status metrics_retire(struct db *db, const struct metrics_limits *limits,
                                      int64_t now_s, bool *ret_more);

/* Is there a row of history for this generation? ST_IO, ST_NOMEM. */
MUST_CHECK enum status metrics_has_generation(struct db *db, int64_t model_id,
                                              uint64_t generation, bool *ret_there);

/* The ledger: everything ever spent by a version's layers, as the batches added it up;
 * ret_energies: [n_layers], zero where there is nothing yet. ST_IO, ST_NOMEM. */
MUST_CHECK enum status metrics_read_energy(struct db *db, int64_t model_id,
                                           size_t n_layers, struct energy *ret_energies);

#endif
