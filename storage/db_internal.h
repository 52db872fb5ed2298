/* SPDX-License-Identifier: Apache-2.0 */
/* db_internal.h - what db.c shares with metrics*.c: the writing connection. */
#ifndef STORAGE_DB_INTERNAL_H
#define STORAGE_DB_INTERNAL_H

#include "storage/db.h"

#include <sqlite3.h>

/* Statements that are prepared when first used and kept until the database is closed. */
enum db_statement {
    DB_BEGIN,
    DB_COMMIT,
    DB_ROLLBACK,
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
    DB_STATEMENTS
};

struct db {
    sqlite3 *handle;                         /* ours */
    sqlite3_stmt *statements[DB_STATEMENTS]; /* ours */
    char message[ERR_LEN];
};

/* Keeps what SQLite says of its last failure for db_message, and gives ST_IO (ST_NOMEM
 * for want of memory). */
MUST_CHECK enum status db_failed(struct db *db);
/* The statement, prepared from `sql` when first asked for; borrowed, reset, without
 * bindings. NULL on failure. */
sqlite3_stmt *db_prepared(struct db *db, enum db_statement which, const char *sql);

#endif
