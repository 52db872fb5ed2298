/* SPDX-License-Identifier: Apache-2.0 */
/* db_internal.h - what db.c shares with metrics*.c: the writing connection. */
#ifndef STORAGE_DB_INTERNAL_H
#define STORAGE_DB_INTERNAL_H

#include "storage/db.h"
#include "storage/metrics.h"

#include <sqlite3.h>
#include <sys/stat.h>

/* Statements that are prepared when first used and kept until the database is closed. */
enum db_statement {
    DB_BEGIN,
    DB_COMMIT,
    DB_ROLLBACK,
    DB_NUMBER_MODEL,
    DB_ADD_MODEL,
    DB_ADD_PROGRAMMING,
    DB_ADD_PROGRAMMING_LAYER,
    DB_ADD_WINDOW,
    DB_ADD_EVENT,
    DB_ADD_ENERGY,
    DB_READ_ENERGY,
    DB_HAS_GENERATION,
    DB_OLDEST_WINDOW,
    DB_MAKE_WIDENED,
    DB_ADD_WIDENED,
    DB_DROP_NARROW,
    DB_PUT_WIDENED,
    DB_EMPTY_WIDENED,
    DB_VACUUM,
    DB_ADD_JOB,
    DB_UPDATE_JOB,
    DB_ADD_JOB_RESULT,
    DB_REMOVE_JOB,
    DB_INTERRUPT_JOBS,
    DB_LIST_JOBS,
    DB_READ_JOB_RESULTS,
    DB_FREE_PAGES,
    DB_USED_PAGES,
    DB_ADD_INFERENCES,
    DB_PUT_CONTEXT,
    DB_OLD_CONTEXTS,
    DB_DROP_CONTEXTS,
    DB_ADD_SECOND,
    DB_NEXT_INFERENCE,
    DB_PUT_NEXT_INFERENCE,
    DB_LABEL_INFERENCE,
    DB_COUNT_INFERENCES,
    DB_OLDEST_SECOND,
    DB_FIRST_SECOND,
    DB_DROP_INFERENCES,
    DB_DROP_SECOND,
    DB_OLD_EVENTS,
    DB_DROP_OLD_EVENTS,
    DB_DROP_SURPLUS_EVENTS,
    DB_COUNT_GENERATIONS,
    DB_FIRST_GENERATION,
    DB_IDLE_GENERATION,
    DB_FOLD_WINDOWS,
    DB_DROP_WINDOWS,
    DB_END_GENERATION,
    DB_DROP_GENERATION,
    DB_STATEMENTS
};

/* What rows of requests have alike, and its row of inference_context; 0: none. */
#define DB_CONTEXTS 256
struct db_context {
    struct metrics_inference like;
    int64_t id;
};

/* Of the files beside the database: its log and the index of that. */
enum { DB_WAL, DB_SHM, DB_SIDES };

struct db {
    sqlite3 *handle;                         /* ours */
    struct stat sides[DB_SIDES];             /* as they were when it was opened */
    sqlite3_stmt *statements[DB_STATEMENTS]; /* ours */
    char message[ERR_LEN];
    bool was_full;       /* of the failure that the message tells */
    bool was_corrupt;    /* of any failure */
    uint64_t page_limit; /* 0: none */
    /* Of the transaction that runs, for the table `pending`. */
    const struct metrics_batch *pending;
    int64_t *context_ids; /* ours, of its rows */
    size_t cap_context_ids;
    struct db_context contexts[DB_CONTEXTS]; /* some of those that were used last */
    /* metrics_retire's look at generations that answered nothing. */
    int64_t idle_from_id, idle_next_s;
};

/* Keeps what SQLite says of its last failure for db_message, and gives ST_IO (ST_NOMEM
 * for want of memory). */
MUST_CHECK enum status db_failed(struct db *db);
/* The statement, prepared from `sql` when first asked for; borrowed, reset, without
 * bindings. NULL on failure. */
sqlite3_stmt *db_prepared(struct db *db, enum db_statement which, const char *sql);

#endif
