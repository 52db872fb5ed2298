/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - everything that is counted, and the thread that writes it to SQLite.
 *
 * Lanes count into the tallies of generations. Once a second the writer thread reads
 * every tally, writes what was added since the last time in one transaction, and lets go
 * of generations that serve nobody any more. If the database cannot be written, nothing
 * is taken off: the next transaction that succeeds carries it all. Requests never wait
 * here.
 */
#ifndef DAEMON_RECORD_H
#define DAEMON_RECORD_H

#include "daemon/model.h"

struct db;
struct record;
struct events;
struct settings;

struct record_options {
    const char *path;
    const struct settings *settings; /* borrowed: numbers that a reload may change */
    struct events *events;           /* hears of events; NULL: nobody does */
    unsigned n_threads, n_lanes;     /* data threads; all that answer */
};
/* Opens the database and starts the writer. Threads inherit the caller's signal mask. A
 * database that was begun and cannot be opened for now (ST_IO of db_open) is tried again
 * each second. */
MUST_CHECK enum status record_start(const struct record_options *options,
                                    struct record **ret_record, char why[ERR_LEN]);
/* From now on the model may be told of; keeps a reference of its own. Waits for a running
 * transaction. ST_NOMEM; ST_BUSY: too many models wait to be let go. */
MUST_CHECK enum status record_add_model(struct record *record, struct model *model,
                                        char why[ERR_LEN]);
/* The model is served no more; what is left of it is written, then let go. */
void record_remove_model(struct record *record, struct model *model);
/* Writes what is left, closes the database. No lane may count any more. */
void record_stop(struct record *record);

/* Tells of a new generation, once and before it is published; keeps a reference of its
 * own. `fresh`: it came about just now (a row of history, and energy spent), and was not
 * read back at start. One that was read back and has no row is taken for fresh. */
void record_generation(struct record *record, struct generation *generation, bool fresh);
/* Waits until what was told so far is in the database, or known to be impossible now:
 * what is answered afterwards is not lost by a process that ends. False: it is not there.
 * Not on a data thread. */
bool record_flush(struct record *record);
/* Lets `work` have the database, alone; ST_IO with `why` while there is none, else what
 * it gives. Not on a data thread. */
typedef enum status record_work(struct db *db, void *ctx);
MUST_CHECK enum status record_with_database(struct record *record, record_work *work,
                                            void *ctx, char why[ERR_LEN]);
/* Adds an event. `kind` static; `model` may be NULL. */
void record_event(struct record *record, enum metrics_severity severity, const char *kind,
                  const struct model *model, const char *format, ...) PRINTF_LIKE(5, 6);
/* Labels that came after the answer, for generation `number` of a model. */
void record_feedback(struct record *record, const struct model *model, uint64_t number,
                     uint64_t labelled, uint64_t correct);

/* A row of the request that ended now, if request_rows wants one: the caller, which is
 * the thread of this lane, fills it, but for the model's id of the database, and puts it
 * before it answers. NULL: none is wanted, or there is no room, and it is counted. */
struct metrics_inference *record_row(struct record *record, unsigned lane,
                                     const struct model *model);
void record_row_put(struct record *record, unsigned lane);

/* Labels that came after the answer, for the row of their request if there is one. */
struct record_label {
    uint64_t request_id;
    uint32_t label; /* of the first picture */
    uint32_t labelled, correct;
};
void record_late_label(struct record *record, const struct record_label *label);

/* Everything counted for a model since the start. Any thread. */
struct record_totals {
    struct tally_sum tally;
    uint64_t cells_read;            /* by inferences */
    uint64_t programmings;          /* and scrubs: whatever wrote the cells */
    uint64_t programming_errors[2]; /* cells left wrong, by enum mtj_direction */
    uint64_t programming_toggles[2];
    /* The ledger, by layer and in all: since the database was begun, restarts included.
     */
    struct energy energy[NETWORK_MAX_LAYERS], total_energy;
    int64_t since_s; /* UTC: when the database first heard of the version */
};
void record_totals(struct record *record, const struct model *model,
                   struct record_totals *ret_totals);

/* Everything counted for one generation that the caller holds, late labels included. Any
 * thread. */
struct tally_sum record_generation_tally(struct record *record,
                                         const struct generation *generation);

/* State of the database. Any thread. */
struct record_health {
    bool degraded;         /* the last write failed */
    uint64_t write_errors; /* transactions that failed */
    uint64_t files_lost;   /* under us: deleted, replaced or corrupt */
    uint64_t rows_dropped; /* programmings, events, rows and late labels of requests that
                              no longer fitted in memory or in the file */
    uint64_t commits;
    double commit_seconds; /* in all */
};
struct record_health record_health(struct record *record);
const char *record_path(const struct record *record);

#endif
