/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_retire.c - what is kept no longer goes, in small steps. Each looks first, and
 * begins a transaction only where there is something to do. */
#include "storage/metrics_internal.h"
#include "storage/row.h"

/* Generations of one step; each may take thousands of windows along. */
#define GENERATIONS_A_STEP 20
/* Those that answered nothing are looked for so often, since that reads all old ones. */
#define IDLE_EVERY_S 3600

/* The only row of a statement that gives one, as integers; ST_NOT_FOUND if there is none.
 */
static enum status take_one(struct db *db, struct row *row, int n, int64_t *ret_values)
{
    bool there = false;

    if (row->rc == SQLITE_OK) {
        int rc = sqlite3_step(row->statement);

        there = rc == SQLITE_ROW;
        if (!there && rc != SQLITE_DONE)
            row->rc = SQLITE_ERROR;
        for (int i = 0; there && i < n; i++)
            ret_values[i] = sqlite3_column_int64(row->statement, i);
    }
    enum status st = row_end(db, row);
    return st == ST_OK && !there ? ST_NOT_FOUND : st;
}

/* -- Rows of requests -- */

struct rows_due {
    int64_t old_s;  /* all before go */
    int64_t excess; /* so many of the first go, whatever their age */
    int64_t dropped;
};

static enum status count_pages(struct db *db, int64_t *ret_used)
{
    struct row row = row_of(db, DB_USED_PAGES,
                            "SELECT page_count - freelist_count"
                            "  FROM pragma_page_count, pragma_freelist_count");

    return take_one(db, &row, 1, ret_used);
}

/* Ids have no gaps but where a clock went back; then there are fewer than this. */
static enum status count_inferences(struct db *db, int64_t *ret_n)
{
    struct row row = row_of(db, DB_COUNT_INFERENCES,
                            "SELECT coalesce((SELECT max(id) FROM inference) -"
                            "                (SELECT min(id) FROM inference) + 1, 0)");

    return take_one(db, &row, 1, ret_n);
}

static enum status first_second(struct db *db, struct metrics_second *ret_second)
{
    struct row row = row_of(db, DB_FIRST_SECOND,
                            "SELECT first_id, ts, n FROM inference_second"
                            "  ORDER BY first_id LIMIT 1");
    int64_t values[3] = { 0 };
    enum status st = take_one(db, &row, 3, values);

    *ret_second = (struct metrics_second) { values[0], values[1], values[2] };
    return st;
}

static enum status old_second(struct db *db, int64_t old_s,
                              struct metrics_second *ret_second)
{
    struct row row = row_of(db, DB_OLDEST_SECOND,
                            "SELECT first_id, ts, n FROM inference_second"
                            "  WHERE ts < ?1 ORDER BY ts LIMIT 1");
    int64_t values[3] = { 0 };

    row_int(&row, old_s);
    enum status st = take_one(db, &row, 3, values);
    *ret_second = (struct metrics_second) { values[0], values[1], values[2] };
    return st;
}

static enum status run_for_ids(struct db *db, enum db_statement which, const char *sql,
                               int64_t from, int64_t to)
{
    struct row row = row_of(db, which, sql);

    row_int(&row, from);
    row_int(&row, to);
    return row_done(db, &row);
}

/* The first `most` rows of a second, or all of them. */
static enum status drop_from(struct db *db, const struct metrics_second *second,
                             int64_t most, int64_t *dropped)
{
    int64_t n = second->n < most ? second->n : most;
    const struct metrics_second rest = { second->first_id + n, second->ts,
                                         second->n - n };
    enum status st = run_for_ids(db, DB_DROP_INFERENCES,
                                 "DELETE FROM inference WHERE id >= ?1 AND id < ?2",
                                 second->first_id, second->first_id + n);

    if (st == ST_OK)
        st = run_for_ids(db, DB_DROP_SECOND,
                         "DELETE FROM inference_second WHERE first_id BETWEEN ?1 AND ?2",
                         second->first_id, second->first_id);
    if (st == ST_OK && rest.n > 0)
        st = metrics_put_second(db, &rest);
    *dropped += n;
    return st;
}

static enum status drop_inferences(struct db *db, void *ctx)
{
    struct rows_due *due = ctx;
    enum status st = ST_OK;

    due->dropped = 0;
    while (st == ST_OK && due->dropped < METRICS_SLICE) {
        struct metrics_second second;
        bool surplus = due->dropped < due->excess;

        st = surplus ? first_second(db, &second) : old_second(db, due->old_s, &second);
        if (st == ST_OK)
            st = drop_from(db, &second,
                           (surplus ? due->excess : METRICS_SLICE) - due->dropped,
                           &due->dropped);
    }
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status look_at_rows(struct db *db, const struct metrics_limits *limits,
                                int64_t now_s, struct rows_due *ret_due, bool *ret_any)
{
    struct metrics_second second;
    int64_t n = 0, pages = 0, most = (int64_t)limits->inferences;

    *ret_due = (struct rows_due) { .old_s = now_s - limits->inference_age_s };
    enum status st = count_inferences(db, &n);
    if (st == ST_OK && db->page_limit > 0)
        st = count_pages(db, &pages);
    if (st != ST_OK)
        return st;
    ret_due->excess = n > most ? n - most : 0;
    if (n > 0 && (double)pages > METRICS_ROWS_SHARE * (double)db->page_limit)
        ret_due->excess = METRICS_SLICE;
    if (ret_due->excess > METRICS_SLICE)
        ret_due->excess = METRICS_SLICE;
    st = old_second(db, ret_due->old_s, &second);
    *ret_any = st == ST_OK || ret_due->excess > 0;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status drop_contexts(struct db *db, void *ctx)
{
    const int64_t *before_s = ctx;

    return run_for_ids(db, DB_DROP_CONTEXTS,
                       "DELETE FROM inference_context WHERE id IN"
                       "  (SELECT id FROM inference_context WHERE used_ts < ?1"
                       "     ORDER BY used_ts LIMIT ?2)",
                       *before_s, METRICS_SLICE);
}

/* A row may be so much younger than the last use that its context told. Once no row is
 * older than old_s, those used before have none. */
static enum status retire_contexts(struct db *db, int64_t old_s, bool *ret_done)
{
    int64_t before_s = old_s - METRICS_CONTEXT_FRESH_S - 1, due = 0;
    struct row row =
        row_of(db, DB_OLD_CONTEXTS,
               "SELECT EXISTS (SELECT 1 FROM inference_context WHERE used_ts < ?1)");

    row_int(&row, before_s);
    enum status st = take_one(db, &row, 1, &due);
    *ret_done = due != 0;
    if (st != ST_OK || !*ret_done)
        return st;
    metrics_forget_contexts(db);
    return metrics_in_transaction(db, drop_contexts, &before_s);
}

static enum status retire_inferences(struct db *db, const struct metrics_limits *limits,
                                     int64_t now_s, bool *ret_done)
{
    struct rows_due due;
    enum status st = look_at_rows(db, limits, now_s, &due, ret_done);

    if (st == ST_OK && *ret_done)
        return metrics_in_transaction(db, drop_inferences, &due);
    return st == ST_OK ? retire_contexts(db, due.old_s, ret_done) : st;
}

/* -- Events -- */

static enum status drop_events(struct db *db, void *ctx)
{
    const int64_t *old_s = ctx;
    enum status st = run_for_ids(db, DB_DROP_OLD_EVENTS,
                                 "DELETE FROM event WHERE id IN"
                                 "  (SELECT id FROM event WHERE ts < ?1"
                                 "     ORDER BY ts LIMIT ?2)",
                                 *old_s, METRICS_SLICE);

    return st == ST_OK ? run_for_ids(db, DB_DROP_SURPLUS_EVENTS,
                                     "DELETE FROM event"
                                     "  WHERE id <= (SELECT max(id) FROM event) - ?1"
                                     "    AND id < (SELECT min(id) FROM event) + ?2",
                                     METRICS_EVENTS, METRICS_SLICE)
                       : st;
}

static enum status retire_events(struct db *db, int64_t now_s, bool *ret_done)
{
    int64_t old_s = now_s - METRICS_EVENT_AGE_S, due = 0;
    struct row row = row_of(db, DB_OLD_EVENTS,
                            "SELECT EXISTS (SELECT 1 FROM event WHERE ts < ?1) OR"
                            "       coalesce((SELECT max(id) FROM event) -"
                            "                (SELECT min(id) FROM event) >= ?2, 0)");

    row_int(&row, old_s);
    row_int(&row, METRICS_EVENTS);
    enum status st = take_one(db, &row, 1, &due);
    *ret_done = due != 0;
    return st == ST_OK && *ret_done ? metrics_in_transaction(db, drop_events, &old_s)
                                    : st;
}

/* -- Generations -- */

/* A row of operating_point. */
struct old_generation {
    int64_t id, model_id, number, ts;
};

/* A version's last one is what its array holds. */
#define HAS_SUCCESSOR                                                                    \
    "EXISTS (SELECT 1 FROM operating_point AS n"                                         \
    "          WHERE n.model_id = o.model_id AND n.id > o.id)"

static enum status take_generation(struct db *db, struct row *row,
                                   struct old_generation *ret_generation)
{
    int64_t values[4] = { 0 };
    enum status st = take_one(db, row, 4, values);

    *ret_generation =
        (struct old_generation) { values[0], values[1], values[2], values[3] };
    return st;
}

/* The first one, if there are too many; ST_NOT_FOUND otherwise. */
static enum status find_surplus(struct db *db, struct old_generation *ret_generation)
{
    int64_t n = 0;
    struct row count =
        row_of(db, DB_COUNT_GENERATIONS, "SELECT count(*) FROM operating_point");
    enum status st = take_one(db, &count, 1, &n);

    if (st != ST_OK || n <= METRICS_GENERATIONS)
        return st == ST_OK ? ST_NOT_FOUND : st;
    struct row row = row_of(db, DB_FIRST_GENERATION,
                            "SELECT o.id, o.model_id, o.generation, o.ts"
                            "  FROM operating_point AS o WHERE " HAS_SUCCESSOR
                            "  ORDER BY o.id LIMIT 1");
    return take_generation(db, &row, ret_generation);
}

/* The next one of which nothing is told but that it was written. Rows of requests are
 * counted in windows, too, so those are not asked. */
static enum status find_idle(struct db *db, int64_t now_s,
                             struct old_generation *ret_generation)
{
    if (now_s < db->idle_next_s)
        return ST_NOT_FOUND;
    struct row row = row_of(
        db, DB_IDLE_GENERATION,
        "SELECT o.id, o.model_id, o.generation, o.ts FROM operating_point AS o"
        "  WHERE o.id > ?1 AND o.ts < ?2 AND " HAS_SUCCESSOR
        "    AND NOT EXISTS (SELECT 1 FROM w10 AS w"
        "                      WHERE w.model_id = o.model_id"
        "                        AND w.generation = o.generation"
        "                        AND (w.requests > 0 OR w.errors > 0 OR w.labelled > 0))"
        "  ORDER BY o.id LIMIT 1");
    row_int(&row, db->idle_from_id);
    row_int(&row, now_s - METRICS_IDLE_AGE_S);
    enum status st = take_generation(db, &row, ret_generation);
    if (st == ST_OK) {
        db->idle_from_id = ret_generation->id;
    } else if (st == ST_NOT_FOUND) {
        db->idle_from_id = 0;
        db->idle_next_s = now_s + IDLE_EVERY_S;
    }
    return st;
}

static enum status find_generation(struct db *db, int64_t now_s,
                                   struct old_generation *ret_generation)
{
    enum status st = find_surplus(db, ret_generation);

    return st == ST_NOT_FOUND ? find_idle(db, now_s, ret_generation) : st;
}

/* Another row may have the same number, of an array that was begun anew: then windows
 * cannot be told apart, and stay. */
#define OF_THIS_GENERATION                                                               \
    " WHERE model_id = ?1 AND generation = ?2 AND generation <> 0"                       \
    "   AND NOT EXISTS (SELECT 1 FROM operating_point"                                   \
    "                     WHERE model_id = ?1 AND generation = ?2 AND id <> ?3)"

static enum status run_for(struct db *db, enum db_statement which, const char *sql,
                           const struct old_generation *g)
{
    struct row row = row_of(db, which, sql);

    row_int(&row, g->model_id);
    row_int(&row, g->number);
    row_int(&row, g->id);
    return row_done(db, &row);
}

/* What its windows counted is counted on, of no generation. */
static enum status fold_windows(struct db *db, const struct old_generation *g)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);

    sqlite3_str_appendall(sql, "INSERT INTO w10 (");
    metrics_append_window_names(sql);
    sqlite3_str_appendall(sql, ", width_s) SELECT ts, model_id, 0");
    metrics_append_window_sums(sql);
    sqlite3_str_appendall(sql,
                          ", max(width_s) FROM w10" OF_THIS_GENERATION " GROUP BY ts");
    metrics_append_window_changes(sql);
    char *text = sqlite3_str_finish(sql); /* NULL without memory: fails when prepared */
    enum status st = run_for(db, DB_FOLD_WINDOWS, text != NULL ? text : "", g);
    sqlite3_free(text);
    return st == ST_OK
               ? run_for(db, DB_DROP_WINDOWS, "DELETE FROM w10" OF_THIS_GENERATION, g)
               : st;
}

/* The one before it was in force until now, and not longer. */
static enum status end_predecessor(struct db *db, const struct old_generation *g)
{
    struct row row = row_of(
        db, DB_END_GENERATION,
        "UPDATE operating_point SET until_ts = coalesce(until_ts, ?2)"
        "  WHERE id = (SELECT p.id"
        "                FROM operating_point AS p INDEXED BY operating_point_by_time"
        "                CROSS JOIN model AS m ON m.id = p.model_id"
        "                WHERE p.ts <= ?2 AND (p.ts < ?2 OR p.id < ?3)"
        "                  AND m.name = (SELECT name FROM model WHERE id = ?1)"
        "                ORDER BY p.ts DESC, p.id DESC LIMIT 1)");

    row_int(&row, g->model_id);
    row_int(&row, g->ts);
    row_int(&row, g->id);
    return row_done(db, &row);
}

static enum status drop_generation(struct db *db, const struct old_generation *g)
{
    enum status st = fold_windows(db, g);

    if (st == ST_OK)
        st = end_predecessor(db, g);
    if (st == ST_OK)
        st = run_for_ids(db, DB_DROP_GENERATION,
                         "DELETE FROM operating_point WHERE id BETWEEN ?1 AND ?2", g->id,
                         g->id);
    return st;
}

/* Begins with one that was found, and finds more. */
struct generations_due {
    struct old_generation first;
    int64_t now_s;
};

static enum status drop_generations(struct db *db, void *ctx)
{
    const struct generations_due *due = ctx;
    struct old_generation generation = due->first;
    enum status st = ST_OK;

    for (unsigned n = 1; st == ST_OK; n++) {
        st = drop_generation(db, &generation);
        if (n == GENERATIONS_A_STEP)
            break;
        if (st == ST_OK)
            st = find_generation(db, due->now_s, &generation);
    }
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status retire_generations(struct db *db, int64_t now_s, bool *ret_done)
{
    struct generations_due due = { .now_s = now_s };
    int64_t from_id = db->idle_from_id, next_s = db->idle_next_s;
    enum status st = find_generation(db, now_s, &due.first);

    *ret_done = st == ST_OK;
    if (st != ST_OK)
        return st == ST_NOT_FOUND ? ST_OK : st;
    st = metrics_in_transaction(db, drop_generations, &due);
    if (st != ST_OK) { /* they are still there */
        db->idle_from_id = from_id;
        db->idle_next_s = next_s;
    }
    return st;
}

/* -- One step -- */

static enum status give_back(struct db *db)
{
    int64_t n_free = 0;
    struct row row = row_of(db, DB_FREE_PAGES, "PRAGMA freelist_count");
    enum status st = take_one(db, &row, 1, &n_free);

    return st == ST_OK && n_free > 0 ? metrics_give_back(db) : st;
}

enum status metrics_retire(struct db *db, const struct metrics_limits *limits,
                           int64_t now_s, bool *ret_more)
{
    bool rows = false, events = false, generations = false;
    enum status st = retire_inferences(db, limits, now_s, &rows);

    if (st == ST_OK)
        st = retire_events(db, now_s, &events);
    if (st == ST_OK)
        st = retire_generations(db, now_s, &generations);
    *ret_more = st == ST_OK && (rows || events || generations);
    return st == ST_OK && !*ret_more ? give_back(db) : st;
}
