/* SPDX-License-Identifier: Apache-2.0 */
/* row.h - binds the values of a statement, one after the other. A value that did not take
 * makes row_done fail, so that nothing has to be looked at in between. Internal to
 * storage/. */
#ifndef STORAGE_ROW_H
#define STORAGE_ROW_H

#include "storage/db_internal.h"

#include <stdbool.h>

struct row {
    sqlite3_stmt *statement; /* NULL: it could not be prepared, and row_done says so */
    int n_bound;
    int rc;
};

/* `sql` is read when the statement is first asked for. */
struct row row_of(struct db *db, enum db_statement which, const char *sql);
void row_int(struct row *row, int64_t value);
void row_count(struct row *row, uint64_t value);
void row_real(struct row *row, double value);
/* NULL where the value says nothing. */
void row_real_if(struct row *row, bool there, double value);
void row_count_if(struct row *row, bool there, uint64_t value);
/* `text` stays as it is until the row is done; NULL is NULL. */
void row_text(struct row *row, const char *text);
/* Runs a statement that gives no more rows, and ends it. */
MUST_CHECK enum status row_done(struct db *db, struct row *row);
/* Ends one that was stepped through; its last result is in row->rc. */
MUST_CHECK enum status row_end(struct db *db, struct row *row);

#endif
