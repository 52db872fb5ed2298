/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_internal.h - what metrics.c shares: the transaction, the columns of w10, and
 * the parts of a batch that have files of their own, inside the transaction of
 * metrics_write. */
#ifndef STORAGE_METRICS_INTERNAL_H
#define STORAGE_METRICS_INTERNAL_H

#include "storage/db_internal.h"
#include "storage/metrics.h"

/* All of the work or nothing. */
typedef enum status metrics_work(struct db *db, void *ctx);
MUST_CHECK enum status metrics_in_transaction(struct db *db, metrics_work *work,
                                              void *ctx);

/* Names of the columns of w10 without width_s, keys first; sums of those that are no
 * keys, a comma before each; what an INSERT adds to a row that is there. */
void metrics_append_window_names(sqlite3_str *sql);
void metrics_append_window_sums(sqlite3_str *sql);
void metrics_append_window_changes(sqlite3_str *sql);

/* The generation and its layers. */
MUST_CHECK enum status metrics_put_programming(struct db *db,
                                               const struct metrics_programming *p);
/* The rows of requests that were written together and ended in one second: the ids from
 * first_id on. */
struct metrics_second {
    int64_t first_id, ts, n;
};
MUST_CHECK enum status metrics_put_second(struct db *db,
                                          const struct metrics_second *second);
/* After so many seconds of rows a context says again that it is in use. */
#define METRICS_CONTEXT_FRESH_S 3600
/* After a transaction that failed: what it put is not there. */
void metrics_forget_contexts(struct db *db);
/* Rows of requests, and labels that came late. */
MUST_CHECK enum status metrics_put_inferences(struct db *db,
                                              const struct metrics_batch *batch);
/* Gives some free pages back to the file system; not so many that it takes long. */
MUST_CHECK enum status metrics_give_back(struct db *db);

/* Adds a gain to the ledger. */
MUST_CHECK enum status metrics_put_energy(struct db *db, const struct metrics_energy *e);

#endif
