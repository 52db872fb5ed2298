/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/metrics.h"

#include "storage/db_schema.h"
#include "storage/metrics_internal.h"
#include "storage/row.h"

#include <stdbool.h>
#include <string.h>

const double metrics_latency_edges_us[METRICS_LATENCY_EDGES] = {
    10,   25,    50,    100,   250,    500,    1000,    2500,
    5000, 10000, 25000, 50000, 100000, 250000, 1000000,
};

unsigned metrics_latency_bucket(double us)
{
    unsigned bucket = 0;

    while (bucket < METRICS_LATENCY_EDGES && !(us <= metrics_latency_edges_us[bucket]))
        bucket++;
    return bucket;
}

/* -- Models -- */

/* A network that was there before there were versions gets its first. Where it has others
 * beside, the row without one is of some version that nobody knows. */
static enum status number_model(struct db *db, const struct network *net)
{
    struct row row = row_of(db, DB_NUMBER_MODEL,
                            "UPDATE model SET version = ?3"
                            "  WHERE name = ?1 AND checksum = ?2 AND version IS NULL"
                            "    AND (SELECT count(*) FROM model"
                            "           WHERE name = ?1 AND checksum = ?2) = 1");

    row_text(&row, net->name);
    row_int(&row, net->checksum);
    row_count(&row, net->version);
    return row_done(db, &row);
}

static enum status put_model(struct db *db, const struct network *net, int64_t now_s,
                             int64_t *ret_model_id, int64_t *ret_since_s)
{
    struct row row =
        row_of(db, DB_ADD_MODEL,
               "INSERT INTO model (name, checksum, description, cells, classes,"
               "                   test_correct, test_total, created_ts, version)"
               "  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
               "  ON CONFLICT (name, checksum, version) DO UPDATE"
               "    SET description = excluded.description"
               "  RETURNING id, created_ts");
    int64_t id = 0, since_s = 0;

    row_text(&row, net->name);
    row_int(&row, net->checksum);
    row_text(&row, net->description != NULL ? net->description : "");
    row_count(&row, network_cells(net));
    row_count(&row, net->n_classes);
    row_int(&row, net->test_correct);
    row_int(&row, net->test_total);
    row_int(&row, now_s);
    row_count(&row, net->version);
    if (row.rc == SQLITE_OK && sqlite3_step(row.statement) != SQLITE_ROW)
        row.rc = SQLITE_ERROR;
    if (row.rc == SQLITE_OK) {
        id = sqlite3_column_int64(row.statement, 0);
        since_s = sqlite3_column_int64(row.statement, 1);
    }
    /* The second step ends the statement and with it the transaction. */
    enum status st = row_done(db, &row);
    if (st == ST_OK) {
        *ret_model_id = id;
        *ret_since_s = since_s;
    }
    return st;
}

enum status metrics_add_model(struct db *db, const struct network *net, int64_t now_s,
                              int64_t *ret_model_id, int64_t *ret_since_s)
{
    enum status st = number_model(db, net);

    return st == ST_OK ? put_model(db, net, now_s, ret_model_id, ret_since_s) : st;
}

/* -- Windows -- */

static const char *const window_columns[] = {
    "requests", "images",     "labelled", "correct",        "errors",        "bits_read",
    "read_pj",  "compute_pj", "write_pj", "latency_sum_us", "latency_max_us"
};
#define WINDOW_COLUMNS (sizeof(window_columns) / sizeof(window_columns[0]))

static void append_change(sqlite3_str *sql, const char *name, bool maximum)
{
    if (maximum)
        sqlite3_str_appendf(sql, ", %s = max(%s, excluded.%s)", name, name, name);
    else
        sqlite3_str_appendf(sql, ", %s = %s + excluded.%s", name, name, name);
}

static bool is_maximum(const char *column)
{
    return strcmp(column, "latency_max_us") == 0;
}

void metrics_append_window_names(sqlite3_str *sql)
{
    char name[DB_LATENCY_COLUMN_LEN];

    sqlite3_str_appendall(sql, "ts, model_id, generation");
    for (size_t i = 0; i < WINDOW_COLUMNS; i++)
        sqlite3_str_appendf(sql, ", %s", window_columns[i]);
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        db_schema_latency_column(b, name);
        sqlite3_str_appendf(sql, ", %s", name);
    }
}

void metrics_append_window_sums(sqlite3_str *sql)
{
    char name[DB_LATENCY_COLUMN_LEN];

    for (size_t i = 0; i < WINDOW_COLUMNS; i++)
        sqlite3_str_appendf(sql, ", %s(%s)",
                            is_maximum(window_columns[i]) ? "max" : "sum",
                            window_columns[i]);
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        db_schema_latency_column(b, name);
        sqlite3_str_appendf(sql, ", sum(%s)", name);
    }
}

void metrics_append_window_changes(sqlite3_str *sql)
{
    char name[DB_LATENCY_COLUMN_LEN];

    sqlite3_str_appendall(sql, " ON CONFLICT (ts, model_id, generation) DO UPDATE"
                               " SET width_s = max(width_s, excluded.width_s)");
    for (size_t i = 0; i < WINDOW_COLUMNS; i++)
        append_change(sql, window_columns[i], is_maximum(window_columns[i]));
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        db_schema_latency_column(b, name);
        append_change(sql, name, false);
    }
}

/* The window's row, or what is added to it if it is there. sqlite3_free() it; NULL
 * without memory. */
static char *window_sql(void)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    sqlite3_str_appendall(sql, "INSERT INTO w10 (");
    metrics_append_window_names(sql);
    sqlite3_str_appendall(sql, ") VALUES (?1, ?2, ?3");
    for (unsigned i = 0; i < WINDOW_COLUMNS + METRICS_LATENCY_EDGES + 1; i++)
        sqlite3_str_appendf(sql, ", ?%u", i + 4);
    sqlite3_str_appendall(sql, ")");
    metrics_append_window_changes(sql);
    return sqlite3_str_finish(sql);
}

/* The text is made only when it is first needed. */
static struct row window_row(struct db *db)
{
    if (db->statements[DB_ADD_WINDOW] != NULL)
        return row_of(db, DB_ADD_WINDOW, NULL);
    char *sql = window_sql();
    /* Without memory for the text an empty statement is prepared, which is a failure too.
     */
    struct row row = row_of(db, DB_ADD_WINDOW, sql != NULL ? sql : "");
    sqlite3_free(sql);
    return row;
}

static enum status write_window(struct db *db, const struct metrics_window *w,
                                double write_pj)
{
    struct row row = window_row(db);
    uint64_t n_within = 0;

    row_int(&row, w->window_s);
    row_int(&row, w->model_id);
    row_count(&row, w->generation);
    row_count(&row, w->requests);
    row_count(&row, w->images);
    row_count(&row, w->labelled);
    row_count(&row, w->correct);
    row_count(&row, w->errors);
    row_count(&row, w->bits_read);
    row_real(&row, w->read_pj);
    row_real(&row, w->compute_pj);
    row_real(&row, write_pj);
    row_real(&row, w->latency_sum_us);
    row_real(&row, w->latency_max_us);
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        n_within += w->latency[b];
        row_count(&row, n_within);
    }
    return row_done(db, &row);
}

/* The energy of a write belongs to the window that its second lies in. */
static enum status write_write_energy(struct db *db, const struct metrics_programming *p)
{
    struct mram_result sum = mram_result_sum(p->results, p->net->n_layers);
    double energy_pj = mram_energy_sum(&sum.energy);
    const struct metrics_window w = {
        .model_id = p->model_id,
        .generation = p->generation,
        .window_s = p->at_s / METRICS_WINDOW_S * METRICS_WINDOW_S,
    };

    return energy_pj > 0.0 ? write_window(db, &w, energy_pj) : ST_OK;
}

/* -- Events -- */

static enum status write_event(struct db *db, const struct metrics_event *e)
{
    struct row row = row_of(db, DB_ADD_EVENT,
                            "INSERT INTO event (ts, severity, kind, model_id, message)"
                            "  VALUES (?1, ?2, ?3, nullif(?4, 0), ?5)");

    row_int(&row, e->at_s);
    row_int(&row, (int64_t)e->severity);
    row_text(&row, e->kind);
    row_int(&row, e->model_id);
    row_text(&row, e->message);
    return row_done(db, &row);
}

/* -- The batch -- */

static enum status write_all(struct db *db, void *ctx)
{
    const struct metrics_batch *batch = ctx;
    enum status st = ST_OK;

    for (size_t i = 0; i < batch->n_programmings && st == ST_OK; i++)
        st = metrics_put_programming(db, &batch->programmings[i]);
    for (size_t i = 0; i < batch->n_programmings && st == ST_OK; i++)
        st = write_write_energy(db, &batch->programmings[i]);
    for (size_t i = 0; i < batch->n_energies && st == ST_OK; i++)
        st = metrics_put_energy(db, &batch->energies[i]);
    for (size_t i = 0; i < batch->n_windows && st == ST_OK; i++)
        st = write_window(db, &batch->windows[i], 0.0);
    for (size_t i = 0; i < batch->n_events && st == ST_OK; i++)
        st = write_event(db, &batch->events[i]);
    return st == ST_OK ? metrics_put_inferences(db, batch) : st;
}

static enum status run(struct db *db, enum db_statement which, const char *sql)
{
    struct row row = row_of(db, which, sql);

    return row_done(db, &row);
}

/* Some failures, such as a full disk, have already rolled back. */
static void roll_back(struct db *db)
{
    char message[ERR_LEN];

    if (sqlite3_get_autocommit(db->handle))
        return;
    memcpy(message, db->message, ERR_LEN);
    /* If this fails too there is nothing left to try; before the next BEGIN there is. */
    (void)!run(db, DB_ROLLBACK, "ROLLBACK");
    memcpy(db->message, message, ERR_LEN);
}

enum status metrics_in_transaction(struct db *db, metrics_work *work, void *ctx)
{
    roll_back(db); /* what could not be, for want of memory, the last time */
    enum status st = run(db, DB_BEGIN, "BEGIN IMMEDIATE");

    if (st != ST_OK)
        return st;
    st = work(db, ctx);
    if (st == ST_OK)
        st = run(db, DB_COMMIT, "COMMIT");
    if (st != ST_OK) {
        roll_back(db);
        metrics_forget_contexts(db);
    }
    return st;
}

enum status metrics_write(struct db *db, const struct metrics_batch *batch)
{
    return metrics_in_transaction(db, write_all, (void *)batch);
}
