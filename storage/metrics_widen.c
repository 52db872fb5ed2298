/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_widen.c - old windows become fewer and wider, in small steps. */
#include "storage/metrics.h"

#include "storage/metrics_internal.h"
#include "storage/row.h"

#define DAY_S INT64_C(86400)
/* Pages that one step gives back to the file system at most. */
#define VACUUM_PAGES "200"

/* Windows of one width become those of the next. */
struct widening {
    int64_t from_s, to_s;
    int64_t age_s;  /* before that they stay as they are */
    int64_t step_s; /* of time, a multiple of to_s: some thousand rows for many models */
};

static const struct widening widenings[] = {
    { METRICS_WINDOW_S, 300, 7 * DAY_S, 3600 },
    { 300, 3600, 90 * DAY_S, DAY_S },
};
#define N_WIDENINGS (sizeof(widenings) / sizeof(widenings[0]))

/* Those that begin within from_s .. to_s - 1 become width_s wide. */
struct step {
    int64_t from_s, to_s, width_s;
};

/* The oldest stretch of windows that are too narrow for their age; an empty one if there
 * is none. A stretch ends where windows are young enough. */
static enum status next_step(struct db *db, const struct widening *w, int64_t now_s,
                             struct step *ret_step)
{
    struct row row = row_of(db, DB_OLDEST_WINDOW,
                            "SELECT min(ts) FROM w10 WHERE width_s = ?1 AND ts < ?2");
    int64_t young_s = (now_s - w->age_s) / w->to_s * w->to_s;

    *ret_step = (struct step) { .width_s = w->to_s };
    row_int(&row, w->from_s);
    row_int(&row, young_s);
    if (row.rc == SQLITE_OK)
        row.rc = sqlite3_step(row.statement);
    if (row.rc == SQLITE_ROW && sqlite3_column_type(row.statement, 0) != SQLITE_NULL) {
        int64_t oldest_s = sqlite3_column_int64(row.statement, 0);
        int64_t end_s = oldest_s / w->step_s * w->step_s + w->step_s;

        ret_step->from_s = oldest_s / w->to_s * w->to_s;
        ret_step->to_s = end_s < young_s ? end_s : young_s;
    }
    if (row.rc == SQLITE_ROW)
        row.rc = SQLITE_OK;
    return row_end(db, &row);
}

enum part { MAKE, ADD, DROP, PUT, EMPTY };

/* Wider windows are put together beside the table: they have the key of one of those that
 * they replace. */
static void append_part(sqlite3_str *sql, enum part part)
{
    static const char span[] = " WHERE ts >= ?1 AND ts < ?2 AND width_s <= ?3";

    switch (part) {
    case MAKE:
        sqlite3_str_appendall(sql, "CREATE TEMP TABLE IF NOT EXISTS widened AS"
                                   " SELECT * FROM w10 WHERE 0");
        break;
    case ADD:
        sqlite3_str_appendall(sql, "INSERT INTO widened (");
        metrics_append_window_names(sql);
        sqlite3_str_appendall(
            sql, ", width_s) SELECT ts / ?3 * ?3 AS wide, model_id, generation");
        metrics_append_window_sums(sql);
        sqlite3_str_appendf(sql, ", ?3 FROM w10%s GROUP BY wide, model_id, generation",
                            span);
        break;
    case DROP:
        sqlite3_str_appendf(sql, "DELETE FROM w10%s", span);
        break;
    case PUT:
        sqlite3_str_appendall(sql, "INSERT INTO w10 (");
        metrics_append_window_names(sql);
        sqlite3_str_appendall(sql, ", width_s) SELECT ");
        metrics_append_window_names(sql);
        sqlite3_str_appendall(sql, ", width_s FROM widened WHERE true");
        metrics_append_window_changes(sql);
        break;
    case EMPTY:
        sqlite3_str_appendall(sql, "DELETE FROM widened");
        break;
    }
}

static enum status run_part(struct db *db, enum db_statement which, enum part part,
                            const struct step *step)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    append_part(sql, part);
    char *text = sqlite3_str_finish(sql); /* NULL without memory: fails when prepared */
    struct row row = row_of(db, which, text != NULL ? text : "");
    if (part == ADD || part == DROP) {
        row_int(&row, step->from_s);
        row_int(&row, step->to_s);
        row_int(&row, step->width_s);
    }
    enum status st = row_done(db, &row);
    sqlite3_free(text);
    return st;
}

static enum status widen(struct db *db, void *ctx)
{
    static const enum db_statement statements[] = {
        [ADD] = DB_ADD_WIDENED,
        [DROP] = DB_DROP_NARROW,
        [PUT] = DB_PUT_WIDENED,
        [EMPTY] = DB_EMPTY_WIDENED,
    };
    enum status st = ST_OK;

    for (enum part part = ADD; part <= EMPTY && st == ST_OK; part++)
        st = run_part(db, statements[part], part, ctx);
    return st;
}

enum status metrics_give_back(struct db *db)
{
    struct row row = row_of(db, DB_VACUUM, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")");

    while (row.rc == SQLITE_OK && row.statement != NULL &&
           (row.rc = sqlite3_step(row.statement)) == SQLITE_ROW)
        row.rc = SQLITE_OK;
    if (row.rc == SQLITE_DONE)
        row.rc = SQLITE_OK;
    return row_end(db, &row);
}

enum status metrics_widen(struct db *db, int64_t now_s, bool *ret_more)
{
    struct step step = { 0 };
    enum status st = ST_OK;

    for (size_t i = 0; i < N_WIDENINGS && st == ST_OK && step.to_s == step.from_s; i++)
        st = next_step(db, &widenings[i], now_s, &step);
    *ret_more = step.to_s > step.from_s;
    if (st != ST_OK || !*ret_more)
        return st;
    st = run_part(db, DB_MAKE_WIDENED, MAKE, &step);
    if (st == ST_OK)
        st = metrics_in_transaction(db, widen, &step);
    return st == ST_OK ? metrics_give_back(db) : st;
}
