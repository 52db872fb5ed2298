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
/* Adds a gain to the ledger. */
MUST_CHECK enum status metrics_put_energy(struct db *db, const struct metrics_energy *e);

#endif
