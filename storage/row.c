/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/row.h"

#include <stddef.h>

struct row row_of(struct db *db, enum db_statement which, const char *sql)
{
    struct row row = { .statement = db_prepared(db, which, sql), .rc = SQLITE_OK };

    if (row.statement == NULL)
        row.rc = SQLITE_ERROR;
    return row;
}

static void bound(struct row *row, int rc)
{
    if (row->rc == SQLITE_OK)
        row->rc = rc;
}

void row_int(struct row *row, int64_t value)
{
    bound(row, sqlite3_bind_int64(row->statement, ++row->n_bound, value));
}

/* SQLite's integers are signed. */
void row_count(struct row *row, uint64_t value)
{
    row_int(row, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void row_real(struct row *row, double value)
{
    bound(row, sqlite3_bind_double(row->statement, ++row->n_bound, value));
}

void row_real_if(struct row *row, bool there, double value)
{
    if (there)
        row_real(row, value);
    else
        bound(row, sqlite3_bind_null(row->statement, ++row->n_bound));
}

void row_count_if(struct row *row, bool there, uint64_t value)
{
    if (there)
        row_count(row, value);
    else
        bound(row, sqlite3_bind_null(row->statement, ++row->n_bound));
}

void row_text(struct row *row, const char *text)
{
    bound(row,
          sqlite3_bind_text(row->statement, ++row->n_bound, text, -1, SQLITE_STATIC));
}

enum status row_done(struct db *db, struct row *row)
{
    if (row->rc == SQLITE_OK && sqlite3_step(row->statement) != SQLITE_DONE)
        row->rc = SQLITE_ERROR;
    return row_end(db, row);
}

enum status row_end(struct db *db, struct row *row)
{
    enum status st = ST_OK;

    if (row->rc != SQLITE_OK)
        st = db_failed(db);
    /* There is no statement if it could not be prepared. */
    if (row->statement != NULL) {
        (void)sqlite3_reset(row->statement); /* repeats the error of the step */
        (void)sqlite3_clear_bindings(row->statement);
    }
    return st;
}
