/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/metrics.h"

#include "storage/db_internal.h"
#include "storage/db_schema.h"

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

/* -- Binding: one value after the other; a value that did not take makes the step fail --
 */

struct row {
    sqlite3_stmt *statement; /* NULL: it could not be prepared, and step says so */
    int n_bound;
    int rc;
};

static struct row row_of(struct db *db, enum db_statement which, const char *sql)
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

static void add_int(struct row *row, int64_t value)
{
    bound(row, sqlite3_bind_int64(row->statement, ++row->n_bound, value));
}

/* SQLite's integers are signed. */
static void add_count(struct row *row, uint64_t value)
{
    add_int(row, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void add_real(struct row *row, double value)
{
    bound(row, sqlite3_bind_double(row->statement, ++row->n_bound, value));
}

/* NULL where the value says nothing. */
static void add_real_if(struct row *row, bool there, double value)
{
    if (there)
        add_real(row, value);
    else
        bound(row, sqlite3_bind_null(row->statement, ++row->n_bound));
}

/* `text` stays as it is until the row is done. */
static void add_text(struct row *row, const char *text)
{
    bound(row,
          sqlite3_bind_text(row->statement, ++row->n_bound, text, -1, SQLITE_STATIC));
}

/* Runs a statement that gives no rows. */
static enum status row_done(struct db *db, struct row *row)
{
    enum status st = ST_OK;

    if (row->rc == SQLITE_OK && sqlite3_step(row->statement) != SQLITE_DONE)
        row->rc = SQLITE_ERROR;
    if (row->rc != SQLITE_OK)
        st = db_failed(db);
    /* There is no statement if it could not be prepared. */
    if (row->statement != NULL) {
        (void)sqlite3_reset(row->statement); /* repeats the error of the step */
        (void)sqlite3_clear_bindings(row->statement);
    }
    return st;
}

/* -- Models -- */

enum status metrics_add_model(struct db *db, const struct network *net, int64_t now_s,
                              int64_t *ret_model_id)
{
    struct row row =
        row_of(db, DB_ADD_MODEL,
               "INSERT INTO model (name, checksum, description, cells, classes,"
               "                   test_correct, test_total, created_ts)"
               "  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
               "  ON CONFLICT (name, checksum) DO UPDATE"
               "    SET description = excluded.description"
               "  RETURNING id");
    int64_t id = 0;

    add_text(&row, net->name);
    add_int(&row, net->checksum);
    add_text(&row, net->description != NULL ? net->description : "");
    add_count(&row, network_cells(net));
    add_count(&row, net->n_classes);
    add_int(&row, net->test_correct);
    add_int(&row, net->test_total);
    add_int(&row, now_s);
    if (row.rc == SQLITE_OK && sqlite3_step(row.statement) != SQLITE_ROW)
        row.rc = SQLITE_ERROR;
    if (row.rc == SQLITE_OK)
        id = sqlite3_column_int64(row.statement, 0);
    /* The second step ends the statement and with it the transaction. */
    enum status st = row_done(db, &row);
    if (st == ST_OK)
        *ret_model_id = id;
    return st;
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

/* The window's row, or what is added to it if it is there. sqlite3_free() it; NULL
 * without memory. */
static char *window_sql(void)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    char name[DB_LATENCY_COLUMN_LEN];

    sqlite3_str_appendall(sql, "INSERT INTO w10 (ts, model_id, generation");
    for (size_t i = 0; i < WINDOW_COLUMNS; i++)
        sqlite3_str_appendf(sql, ", %s", window_columns[i]);
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        db_schema_latency_column(b, name);
        sqlite3_str_appendf(sql, ", %s", name);
    }
    sqlite3_str_appendall(sql, ") VALUES (?1, ?2, ?3");
    for (unsigned i = 0; i < WINDOW_COLUMNS + METRICS_LATENCY_EDGES + 1; i++)
        sqlite3_str_appendf(sql, ", ?%u", i + 4);
    /* The first assignment changes nothing and is there for the commas of the others. */
    sqlite3_str_appendall(
        sql, ") ON CONFLICT (ts, model_id, generation) DO UPDATE SET ts = ts");
    for (size_t i = 0; i < WINDOW_COLUMNS; i++)
        append_change(sql, window_columns[i],
                      strcmp(window_columns[i], "latency_max_us") == 0);
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        db_schema_latency_column(b, name);
        append_change(sql, name, false);
    }
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

    add_int(&row, w->window_s);
    add_int(&row, w->model_id);
    add_count(&row, w->generation);
    add_count(&row, w->requests);
    add_count(&row, w->images);
    add_count(&row, w->labelled);
    add_count(&row, w->correct);
    add_count(&row, w->errors);
    add_count(&row, w->bits_read);
    add_real(&row, w->read_pj);
    add_real(&row, w->compute_pj);
    add_real(&row, write_pj);
    add_real(&row, w->latency_sum_us);
    add_real(&row, w->latency_max_us);
    for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++) {
        n_within += w->latency[b];
        add_count(&row, n_within);
    }
    return row_done(db, &row);
}

/* -- Programmings -- */

static void add_result(struct row *row, const struct mram_result *r, bool physical)
{
    add_count(row, r->cells);
    add_count(row, r->errors[MTJ_P2AP] + r->errors[MTJ_AP2P]);
    add_count(row, r->errors[MTJ_P2AP]);
    add_count(row, r->errors[MTJ_AP2P]);
    add_count(row, r->toggles[MTJ_P2AP]);
    add_count(row, r->toggles[MTJ_AP2P]);
    add_real_if(row, physical, r->energy_pj);
}

static enum status write_layers(struct db *db, const struct metrics_programming *p,
                                bool physical)
{
    int64_t id = sqlite3_last_insert_rowid(db->handle);
    enum status st = ST_OK;

    for (size_t l = 0; l < p->net->n_layers && st == ST_OK; l++) {
        struct row row =
            row_of(db, DB_ADD_PROGRAMMING_LAYER,
                   "INSERT INTO operating_point_layer (operating_point_id, layer, name,"
                   "    cells, wrong_bits, errors_p2ap, errors_ap2p, toggles_p2ap,"
                   "    toggles_ap2p, energy_pj)"
                   "  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");

        add_int(&row, id);
        add_count(&row, l);
        add_text(&row, p->net->layers[l].name);
        add_result(&row, &p->results[l], physical);
        st = row_done(db, &row);
    }
    return st;
}

/* The energy of a programming belongs to the window that its second lies in. */
static enum status write_energy(struct db *db, const struct metrics_programming *p,
                                double energy_pj)
{
    const struct metrics_window w = {
        .model_id = p->model_id,
        .generation = p->generation,
        .window_s = p->at_s / METRICS_WINDOW_S * METRICS_WINDOW_S,
    };

    return write_window(db, &w, energy_pj);
}

/* Conditions that do not belong to the mode are NULL. */
static void add_conditions(struct row *row, const struct metrics_programming *p,
                           bool physical)
{
    const struct operating_point *op = &p->op;

    add_text(row, operating_point_mode_name(op->mode));
    add_text(row, physical ? operating_point_over_name(op->over) : NULL);
    add_count(row, op->seed);
    add_real_if(row, physical, op->temperature_k);
    add_real_if(row, physical, p->pulse.pulse_s * 1e9);
    add_real_if(row, physical, p->pulse.voltage_v[MTJ_P2AP]);
    add_real_if(row, physical, p->pulse.voltage_v[MTJ_AP2P]);
    add_real_if(row, physical && op->has_target, op->target_write_error_rate);
    add_real_if(row, !physical, op->bit_error_rate);
}

static enum status write_programming(struct db *db, const struct metrics_programming *p)
{
    struct mram_result sum = mram_sum(p->results, p->net->n_layers);
    bool physical = p->op.mode != MRAM_IID;
    struct row row = row_of(
        db, DB_ADD_PROGRAMMING,
        "INSERT INTO operating_point (ts, model_id, generation, mode, program_over,"
        "    seed, temperature_k, pulse_ns, write_voltage_p2ap_v,"
        "    write_voltage_ap2p_v, target_write_error_rate, bit_error_rate,"
        "    predicted_write_error_rate, predicted_wrong_bits, predicted_energy_pj,"
        "    cells, wrong_bits, errors_p2ap, errors_ap2p, toggles_p2ap,"
        "    toggles_ap2p, energy_pj, duration_ms)"
        "  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
        "          ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)");

    add_int(&row, p->at_s);
    add_int(&row, p->model_id);
    add_count(&row, p->generation);
    add_conditions(&row, p, physical);
    add_real(&row, p->write_error_rate);
    add_real(&row, p->forecast.wrong_bits);
    add_real_if(&row, physical, p->forecast.energy_pj);
    add_result(&row, &sum, physical);
    add_real(&row, p->duration_ms);
    enum status st = row_done(db, &row);
    if (st == ST_OK)
        st = write_layers(db, p, physical);
    return st == ST_OK && physical ? write_energy(db, p, sum.energy_pj) : st;
}

/* -- Events -- */

static enum status write_event(struct db *db, const struct metrics_event *e)
{
    struct row row = row_of(db, DB_ADD_EVENT,
                            "INSERT INTO event (ts, severity, kind, model_id, message)"
                            "  VALUES (?1, ?2, ?3, nullif(?4, 0), ?5)");

    add_int(&row, e->at_s);
    add_int(&row, (int64_t)e->severity);
    add_text(&row, e->kind);
    add_int(&row, e->model_id);
    add_text(&row, e->message);
    return row_done(db, &row);
}

/* -- The batch -- */

static enum status write_all(struct db *db, const struct metrics_batch *batch)
{
    enum status st = ST_OK;

    for (size_t i = 0; i < batch->n_programmings && st == ST_OK; i++)
        st = write_programming(db, &batch->programmings[i]);
    for (size_t i = 0; i < batch->n_windows && st == ST_OK; i++)
        st = write_window(db, &batch->windows[i], 0.0);
    for (size_t i = 0; i < batch->n_events && st == ST_OK; i++)
        st = write_event(db, &batch->events[i]);
    return st;
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
    /* If this fails too there is nothing left to try; the next BEGIN tells. */
    (void)!run(db, DB_ROLLBACK, "ROLLBACK");
    memcpy(db->message, message, ERR_LEN);
}

enum status metrics_write(struct db *db, const struct metrics_batch *batch)
{
    enum status st = run(db, DB_BEGIN, "BEGIN IMMEDIATE");

    if (st != ST_OK)
        return st;
    st = write_all(db, batch);
    if (st == ST_OK)
        st = run(db, DB_COMMIT, "COMMIT");
    if (st != ST_OK)
        roll_back(db);
    return st;
}
