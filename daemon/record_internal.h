/* SPDX-License-Identifier: Apache-2.0 */
/* record_internal.h - what record.c, record_rows.c and record_writer.c share. */
#ifndef DAEMON_RECORD_INTERNAL_H
#define DAEMON_RECORD_INTERNAL_H

#include "daemon/record.h"
#include "daemon/registry.h"
#include "daemon/row_ring.h"

/* Rows kept in memory while the database cannot be written. */
#define MAX_PENDING 4096
/* Models that are added and not yet let go. Beyond MAX_PENDING each has a row of its own.
 */
#define MAX_MODELS (2 * REGISTRY_MAX)
#define MAX_ROWS   (MAX_PENDING + MAX_MODELS)
/* Of the ledger; room for all of it, so that the last transaction leaves nothing. */
#define MAX_GAINS ((size_t)MAX_MODELS * NETWORK_MAX_LAYERS)

/* Rows of requests that may wait for the writer: of all data threads together, and of one
 * at least. */
#define MAX_REQUEST_ROWS 65536
#define MIN_LANE_ROWS    8192
#define MAX_LANES        130 /* 65 data threads, 64 workers, the main thread */
/* Late labels that may wait for the writer: as many as are remembered of a thread. */
#define MAX_LATE 65536

struct record_model {
    struct record_model *next;
    struct model *model; /* a reference of ours */
    bool removed;        /* let go once all of it is written */
    int64_t db_id;
    bool had_id;                 /* of a file that was lost, or of this one */
    struct generation *live;     /* under watch, each with a reference of ours */
    struct record_totals totals; /* of generations let go, feedback, programmings, and of
                                    the ledger as it was at the start */
    struct energy unwritten[NETWORK_MAX_LAYERS]; /* of the ledger: not in the database */
    /* What record_totals told last, of what is summed in fractions. */
    struct energy told[NETWORK_MAX_LAYERS];
    double told_latency_us;
};

/* What a row of history borrows. */
struct pending_programming {
    const struct record_model *model;
    struct metrics_programming row; /* without the model's id: it may have none yet */
    struct metrics_layer layers[NETWORK_MAX_LAYERS];
    struct mram_forecast forecasts[NETWORK_MAX_LAYERS];
    struct mram_result results[NETWORK_MAX_LAYERS];
    struct mram_state states[NETWORK_MAX_LAYERS];
};

/* Late labels on their way into a window; the writer thread alone adds to windows. */
struct pending_feedback {
    const struct record_model *model;
    uint64_t generation;
    struct tally_sum gain;
};

/* The id that the row of a request got; to be found by the request's. */
struct numbered_request {
    uint64_t request_id;
    int64_t row_id; /* 0: none */
};

/* Rows of requests; record_requests.c's. What is not said to be another's is the writer
 * thread's. */
struct record_requests {
    struct row_ring *rings; /* ours, [n_lanes] */
    unsigned n_lanes, n_threads;
    _Atomic bool full; /* a ring is getting full: the writer is called */
    const struct metrics_inference **rows; /* ours, room for all of the rings */
    size_t *n_of_lane;                     /* ours, [n_lanes]: how many of `rows` */
    struct numbered_request *numbered; /* ours, [n_threads][MAX_LATE], by low bits of the
                                          request's id */
    int64_t next_id;                   /* of rows; under db_mutex */
    bool given_up;                     /* there was no room for the last ones */
    bool wait;                         /* some could not be written */
    struct record_label *late;         /* ours, [MAX_LATE]; under mutex */
    size_t n_late;                     /* under mutex */
    struct metrics_late_label *labels; /* ours, [MAX_LATE]; of the running transaction */
};

/* Two locks. db_mutex is taken before mutex where both are held; mutex is never held
 * while SQLite works. A model's db_id is written under both, so either will do to read
 * it. */
struct record {
    char path[1200];
    const struct settings *settings; /* borrowed */
    struct events *listeners;        /* NULL: none */
    /* Of one thread at a time: the writer's transactions, and models that are added. */
    pthread_mutex_t db_mutex;
    struct db *db; /* NULL while it cannot be opened */
    pthread_t writer;

    pthread_mutex_t mutex; /* of all below, and of what the models have counted */
    pthread_cond_t wake, written;
    struct record_model *models; /* ours; a list that only the writer shortens, so that it
                                    walks what it saw once without the mutex */
    size_t n_models;
    bool stopping;
    uint64_t asked, done; /* rounds of the writer, see record_flush */
    struct record_health health;
    /* Pending rows; ours. While a transaction runs, its rows are not touched. */
    struct pending_programming *programmings[MAX_PENDING];
    size_t n_programmings;
    struct metrics_window *windows;        /* [MAX_ROWS], see window_row */
    const struct record_model **window_of; /* whose they are */
    size_t n_windows;
    struct metrics_event events[MAX_PENDING];
    const struct record_model *event_of[MAX_PENDING]; /* NULL: nobody's */
    size_t n_events;
    struct pending_feedback *feedback; /* [MAX_ROWS], see feedback_row */
    size_t n_feedback;
    struct metrics_programming rows[MAX_PENDING]; /* of the running transaction */
    struct metrics_energy *gains;                 /* likewise; [MAX_GAINS] */
    struct record_model **gainers;                /* whose they are */
    struct record_requests requests;
};

/* Does a change of this cause write the cells? */
static inline bool record_writes(enum mram_cause cause)
{
    return cause == MRAM_PROGRAMMED || cause == MRAM_SCRUBBED;
}

/* -- record_rows.c; all under the mutex -- */

/* Counts a gain into the window of now. The writer thread. */
void record_rows_add_window(struct record *record, const struct record_model *model,
                            const struct generation *generation,
                            const struct tally_sum *gain);
void record_rows_add_feedback(struct record *record, const struct record_model *model,
                              uint64_t generation, const struct tally_sum *gain);
/* Late labels so far become windows. The writer thread. */
void record_rows_collect_feedback(struct record *record);
void record_rows_add_programming(struct record *record, const struct record_model *model,
                                 const struct generation *generation);
void record_rows_add_event(struct record *record, const struct record_model *model,
                           const struct metrics_event *event);
/* Does any row wait for this model? */
bool record_rows_wait(const struct record *record, const struct record_model *model);
/* Takes the first n of each kind away. The writer thread. */
void record_rows_forget(struct record *record, size_t n_programmings, size_t n_windows,
                        size_t n_events);

/* Is the row of this generation on its way? */
bool record_rows_has_programming(const struct record *record,
                                 const struct record_model *model,
                                 const struct generation *generation);

/* -- record_requests.c -- */

MUST_CHECK enum status record_requests_init(struct record_requests *requests,
                                            unsigned n_threads, unsigned n_lanes);
void record_requests_done(struct record_requests *requests);
/* Rows that the rings had no room for. Any thread. */
uint64_t record_requests_dropped(const struct record_requests *requests);
/* The rest is the writer thread's. Does any row wait? */
bool record_requests_any(const struct record_requests *requests);
/* The file in which rows were numbered has gone. */
void record_requests_forget_numbers(struct record_requests *requests);
/* All rows that wait now, by time, become the batch's. */
void record_requests_gather(struct record_requests *requests,
                            struct metrics_batch *batch);
/* Gives them the ids of their models and of their own, and finds the rows of the first
 * n_late labels. Under db_mutex, once the models have ids. */
void record_requests_number(struct record_requests *requests,
                            const struct record_model *models, size_t n_late,
                            struct metrics_batch *batch);
/* The batch is written, or it is not and its rows wait on. */
void record_requests_written(struct record_requests *requests,
                             const struct metrics_batch *batch);
void record_requests_failed(struct record_requests *requests,
                            const struct metrics_batch *batch);
/* Lets go of the batch's rows; how many they were. */
size_t record_requests_give_up(struct record_requests *requests,
                               struct metrics_batch *batch);
/* Takes the first n_late labels away. Under the mutex. */
void record_requests_forget_late(struct record_requests *requests, size_t n_late);

/* -- record_writer.c -- */

/* The thread, until record->stopping. */
void *record_writer_run(void *record);
/* Opens the database and tells what that found; as db_open. Under db_mutex, or before the
 * thread runs. */
enum status record_writer_open(struct record *record, char why[ERR_LEN]);
/* Gives the model its row of the database, and what that knows of it. If it cannot be
 * now, the writer tries again. Not under the mutex. */
void record_writer_register(struct record *record, struct record_model *model);
/* What a generation has answered, added to the totals of its model. Under the mutex. */
void record_writer_add_tally(struct record_totals *totals,
                             const struct generation *generation,
                             const struct tally_sum *tally);

#endif
