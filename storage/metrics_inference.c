/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of requests. There may be tens of thousands a second, so SQLite takes them itself:
 * they are the table `pending` of the connection while their transaction runs, and one
 * statement moves all of them. To bind and step each by itself costs half as much again.
 */
#include "storage/metrics_internal.h"
#include "storage/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- The table `pending` -- */

/* In the order of the table inference. */
#define PENDING_COLUMNS                                                                  \
    "id, context_id, ms, request_id, predicted, label, labelled, correct, probability,"  \
    " margin, latency_us"
enum pending_column {
    PENDING_ID,
    PENDING_CONTEXT_ID,
    PENDING_MS,
    PENDING_REQUEST_ID,
    PENDING_PREDICTED,
    PENDING_LABEL,
    PENDING_LABELLED,
    PENDING_CORRECT,
    PENDING_PROBABILITY,
    PENDING_MARGIN,
    PENDING_LATENCY_US
};

struct pending_table {
    sqlite3_vtab base; /* first: SQLite knows no more of it */
    const struct db *db;
};

struct pending_cursor {
    sqlite3_vtab_cursor base; /* first */
    const struct metrics_batch *batch;
    const int64_t *context_ids;
    size_t at;
};

static int pending_connect(sqlite3 *handle, void *db, int argc, const char *const *argv,
                           sqlite3_vtab **ret_table, char **ret_error)
{
    struct pending_table *table = calloc(1, sizeof(*table));
    int rc =
        table == NULL
            ? SQLITE_NOMEM
            : sqlite3_declare_vtab(handle, "CREATE TABLE pending (" PENDING_COLUMNS ")");

    (void)argc;
    (void)argv;
    (void)ret_error;
    if (rc != SQLITE_OK) {
        free(table);
        return rc;
    }
    table->db = db;
    *ret_table = &table->base;
    return SQLITE_OK;
}

static int pending_disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

/* There is one way to read it: all of it. */
static int pending_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    (void)info;
    return SQLITE_OK;
}

static int pending_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    struct pending_cursor *cursor = calloc(1, sizeof(*cursor));

    (void)table;
    if (cursor == NULL)
        return SQLITE_NOMEM;
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int pending_close(sqlite3_vtab_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static int pending_filter(sqlite3_vtab_cursor *base, int index, const char *name,
                          int argc, sqlite3_value **argv)
{
    struct pending_cursor *cursor = (struct pending_cursor *)base;
    const struct db *db = ((const struct pending_table *)base->pVtab)->db;

    (void)index;
    (void)name;
    (void)argc;
    (void)argv;
    cursor->batch = db->pending;
    cursor->context_ids = db->context_ids;
    cursor->at = 0;
    return SQLITE_OK;
}

static int pending_next(sqlite3_vtab_cursor *cursor)
{
    ((struct pending_cursor *)cursor)->at++;
    return SQLITE_OK;
}

/* Somebody else's SQL cannot get here, but a table without a batch is empty all the same.
 */
static int pending_eof(sqlite3_vtab_cursor *base)
{
    const struct pending_cursor *cursor = (const struct pending_cursor *)base;

    return cursor->batch == NULL || cursor->at >= cursor->batch->n_inferences;
}

static int pending_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_id)
{
    *ret_id = (sqlite3_int64)((const struct pending_cursor *)cursor)->at;
    return SQLITE_OK;
}

/* Without a result it is NULL. */
static void result_if(sqlite3_context *result, bool there, sqlite3_int64 n)
{
    if (there)
        sqlite3_result_int64(result, n);
}

static int pending_column(sqlite3_vtab_cursor *base, sqlite3_context *result, int column)
{
    const struct pending_cursor *cursor = (const struct pending_cursor *)base;
    const struct metrics_inference *row = cursor->batch->inferences[cursor->at];

    switch ((enum pending_column)column) {
    case PENDING_ID:
        sqlite3_result_int64(result,
                             cursor->batch->first_inference + (sqlite3_int64)cursor->at);
        break;
    case PENDING_CONTEXT_ID:
        sqlite3_result_int64(result, cursor->context_ids[cursor->at]);
        break;
    case PENDING_MS:
        sqlite3_result_int64(result, row->at_ms % 1000);
        break;
    case PENDING_REQUEST_ID:
        sqlite3_result_int64(result, (sqlite3_int64)row->request_id);
        break;
    case PENDING_PREDICTED:
        result_if(result, row->predicted >= 0, row->predicted);
        break;
    case PENDING_LABEL:
        result_if(result, row->label >= 0, row->label);
        break;
    case PENDING_LABELLED:
        sqlite3_result_int64(result, row->labelled);
        break;
    case PENDING_CORRECT:
        sqlite3_result_int64(result, row->correct);
        break;
    case PENDING_PROBABILITY:
        if (row->predicted >= 0)
            sqlite3_result_double(result, (double)row->probability);
        break;
    case PENDING_MARGIN: /* SQLite makes NULL of NaN */
        if (row->predicted >= 0)
            sqlite3_result_double(result, (double)row->margin);
        break;
    case PENDING_LATENCY_US:
        sqlite3_result_double(result, row->latency_us);
        break;
    }
    return SQLITE_OK;
}

/* No xCreate: nobody makes one, it is there. */
static const sqlite3_module pending_module = {
    .xConnect = pending_connect,
    .xBestIndex = pending_best_index,
    .xDisconnect = pending_disconnect,
    .xOpen = pending_open,
    .xClose = pending_close,
    .xFilter = pending_filter,
    .xNext = pending_next,
    .xEof = pending_eof,
    .xColumn = pending_column,
    .xRowid = pending_rowid,
};

/* -- Contexts -- */

static bool same_context(const struct metrics_inference *a,
                         const struct metrics_inference *b)
{
    return a->model_id == b->model_id && a->generation == b->generation &&
           a->route == b->route && a->status == b->status && a->images == b->images &&
           a->wrong_bits == b->wrong_bits && a->energy_pj == b->energy_pj;
}

/* Its place in the cache; another that comes there takes it. */
static struct db_context *cached(struct db *db, const struct metrics_inference *row)
{
    uint64_t mixed = (uint64_t)row->model_id * 31 + row->generation * 17 +
                     row->images * 5 + row->status * 3U + row->route;

    return &db->contexts[mixed % DB_CONTEXTS];
}

static enum status put_context(struct db *db, const struct metrics_inference *like,
                               int64_t *ret_id)
{
    struct row row = row_of(
        db, DB_PUT_CONTEXT,
        "INSERT INTO inference_context (model_id, generation, route, status, images,"
        "    wrong_bits, energy_pj, used_ts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        "  ON CONFLICT (model_id, generation, route, status, images, wrong_bits,"
        "    energy_pj) DO UPDATE SET used_ts = max(used_ts, excluded.used_ts)"
        "  RETURNING id");

    row_int(&row, like->model_id);
    row_count(&row, like->generation);
    row_int(&row, like->route);
    row_int(&row, like->status);
    row_int(&row, like->images);
    row_count(&row, like->wrong_bits);
    row_real(&row, like->energy_pj);
    row_int(&row, like->at_ms / 1000);
    if (row.rc == SQLITE_OK && sqlite3_step(row.statement) != SQLITE_ROW)
        row.rc = SQLITE_ERROR;
    if (row.rc == SQLITE_OK)
        *ret_id = sqlite3_column_int64(row.statement, 0);
    return row_done(db, &row);
}

static enum status find_context(struct db *db, const struct metrics_inference *row,
                                int64_t *ret_id)
{
    struct db_context *context = cached(db, row);
    enum status st = ST_OK;

    if (context->id == 0 || !same_context(&context->like, row) ||
        row->at_ms > context->like.at_ms + METRICS_CONTEXT_FRESH_S * 1000) {
        context->like = *row;
        context->id = 0;
        st = put_context(db, row, &context->id);
    }
    *ret_id = context->id;
    return st;
}

/* Those of the transaction may not be there any more. */
void metrics_forget_contexts(struct db *db)
{
    memset(db->contexts, 0, sizeof(db->contexts));
}

/* db->context_ids of all rows. */
static enum status find_contexts(struct db *db, const struct metrics_batch *batch)
{
    enum status st = ST_OK;

    if (batch->n_inferences > db->cap_context_ids) {
        int64_t *ids =
            realloc(db->context_ids, batch->n_inferences * sizeof(db->context_ids[0]));

        if (ids == NULL) {
            (void)snprintf(db->message, sizeof(db->message), "not enough memory");
            return ST_NOMEM;
        }
        db->context_ids = ids;
        db->cap_context_ids = batch->n_inferences;
    }
    for (size_t i = 0; i < batch->n_inferences && st == ST_OK; i++)
        st = find_context(db, batch->inferences[i], &db->context_ids[i]);
    return st;
}

/* -- Writing -- */

static struct row inferences_row(struct db *db)
{
    /* Again if it failed before; then it takes the place of itself. */
    if (db->statements[DB_ADD_INFERENCES] == NULL &&
        sqlite3_create_module(db->handle, "pending", &pending_module, db) != SQLITE_OK)
        return (struct row) { .rc = SQLITE_ERROR };
    return row_of(db, DB_ADD_INFERENCES,
                  "INSERT INTO inference (" PENDING_COLUMNS ")"
                  "  SELECT " PENDING_COLUMNS " FROM pending");
}

static enum status put_rows(struct db *db, const struct metrics_batch *batch)
{
    struct row row = inferences_row(db);

    db->pending = batch;
    enum status st = row_done(db, &row);
    db->pending = NULL;
    return st;
}

enum status metrics_put_second(struct db *db, const struct metrics_second *second)
{
    struct row row = row_of(db, DB_ADD_SECOND,
                            "INSERT INTO inference_second (first_id, ts, n)"
                            "  VALUES (?1, ?2, ?3)");

    row_int(&row, second->first_id);
    row_int(&row, second->ts);
    row_int(&row, second->n);
    return row_done(db, &row);
}

static enum status put_seconds(struct db *db, const struct metrics_batch *batch)
{
    const struct metrics_inference *const *rows = batch->inferences;
    enum status st = ST_OK;

    for (size_t begin = 0, end; begin < batch->n_inferences && st == ST_OK; begin = end) {
        int64_t ts = rows[begin]->at_ms / 1000;

        for (end = begin + 1; end < batch->n_inferences && rows[end]->at_ms / 1000 == ts;)
            end++;
        const struct metrics_second second = { batch->first_inference + (int64_t)begin,
                                               ts, (int64_t)(end - begin) };
        st = metrics_put_second(db, &second);
    }
    return st;
}

/* Ids of rows that are gone do not come again: somebody may still page from there. */
static enum status put_next(struct db *db, int64_t next)
{
    struct row row = row_of(db, DB_PUT_NEXT_INFERENCE,
                            "INSERT OR REPLACE INTO meta (key, value)"
                            "  VALUES ('next_inference', CAST(?1 AS TEXT))");

    row_int(&row, next);
    return row_done(db, &row);
}

static enum status put_label(struct db *db, const struct metrics_late_label *label)
{
    struct row row = row_of(db, DB_LABEL_INFERENCE,
                            "UPDATE inference SET label = ?2, labelled = ?3, correct = ?4"
                            "  WHERE id = ?1");

    row_int(&row, label->inference_id);
    row_int(&row, label->label);
    row_int(&row, label->labelled);
    row_int(&row, label->correct);
    return row_done(db, &row);
}

enum status metrics_put_inferences(struct db *db, const struct metrics_batch *batch)
{
    enum status st = ST_OK;

    if (batch->n_inferences > 0) {
        st = find_contexts(db, batch);
        if (st == ST_OK)
            st = put_rows(db, batch);
        if (st == ST_OK)
            st = put_seconds(db, batch);
        if (st == ST_OK)
            st = put_next(db, batch->first_inference + (int64_t)batch->n_inferences);
    }
    for (size_t i = 0; i < batch->n_late_labels && st == ST_OK; i++)
        st = put_label(db, &batch->late_labels[i]);
    return st;
}

enum status metrics_next_inference(struct db *db, int64_t *ret_id)
{
    struct row row =
        row_of(db, DB_NEXT_INFERENCE,
               "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'next_inference'");
    int64_t id = 1;

    if (row.rc == SQLITE_OK) {
        int rc = sqlite3_step(row.statement);

        if (rc == SQLITE_ROW)
            id = sqlite3_column_int64(row.statement, 0);
        else if (rc != SQLITE_DONE)
            row.rc = SQLITE_ERROR;
    }
    enum status st = row_end(db, &row);
    if (st == ST_OK)
        *ret_id = id;
    return st;
}
