/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/job_results.h"

#include "storage/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Writing -- */

static void add_time(struct row *row, int64_t at_s)
{
    row_count_if(row, at_s > 0, (uint64_t)at_s);
}

enum status job_results_begin(struct db *db, const struct job_head *head, int64_t *ret_id)
{
    struct row row = row_of(db, DB_ADD_JOB,
                            "INSERT INTO job (id, kind, state, model, request,"
                            "    created_ts, done, total) VALUES ("
                            "  (SELECT max(?, coalesce(max(seq), 0)) + 1"
                            "     FROM sqlite_sequence WHERE name = 'job'),"
                            "  ?, ?, ?, ?, ?, ?, ?)");

    row_int(&row, head->id);
    row_text(&row, job_kind_name(head->kind));
    row_text(&row, job_state_name(head->state));
    row_text(&row, head->model);
    row_text(&row, head->request);
    row_int(&row, head->created_s);
    row_count(&row, head->done);
    row_count(&row, head->total);
    enum status st = row_done(db, &row);
    if (st == ST_OK)
        *ret_id = sqlite3_last_insert_rowid(db->handle);
    return st;
}

enum status job_results_update(struct db *db, const struct job_head *head)
{
    struct row row = row_of(db, DB_UPDATE_JOB,
                            "UPDATE job SET state = ?, started_ts = ?, ended_ts = ?,"
                            "    done = ?, total = ?, error = ?, summary = ?"
                            "  WHERE id = ?");

    row_text(&row, job_state_name(head->state));
    add_time(&row, head->started_s);
    add_time(&row, head->ended_s);
    row_count(&row, head->done);
    row_count(&row, head->total);
    row_text(&row, head->error[0] != '\0' ? head->error : NULL);
    row_text(&row, head->summary);
    row_int(&row, head->id);
    return row_done(db, &row);
}

enum status job_results_add(struct db *db, int64_t id, size_t nth,
                            const struct job_trial *t)
{
    struct row row = row_of(
        db, DB_ADD_JOB_RESULT,
        "INSERT INTO job_result (job_id, trial, point, operating_point, seed, generation,"
        "    predicted_write_error_rate, weights, cells, predicted_wrong_bits,"
        "    wrong_bits, predicted_energy_pj, energy_pj, images, correct, correct_top5)"
        "  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

    row_int(&row, id);
    row_count(&row, nth);
    row_count(&row, t->point);
    row_text(&row, t->operating_point);
    row_count(&row, t->seed);
    row_count_if(&row, t->generation > 0, t->generation);
    row_real(&row, t->write_error_rate);
    row_count(&row, t->weights);
    row_count(&row, t->cells);
    row_real(&row, t->predicted_wrong_bits);
    row_count(&row, t->wrong_bits);
    row_real_if(&row, t->has_energy, t->predicted_energy_pj);
    row_real_if(&row, t->has_energy, t->energy_pj);
    row_count(&row, t->images);
    row_count_if(&row, t->images > 0, t->correct);
    row_count_if(&row, t->images > 0, t->correct_top);
    return row_done(db, &row);
}

enum status job_results_remove(struct db *db, int64_t id)
{
    /* Its trials go with it: ON DELETE CASCADE. */
    struct row row = row_of(db, DB_REMOVE_JOB, "DELETE FROM job WHERE id = ?");

    row_int(&row, id);
    return row_done(db, &row);
}

enum status job_results_interrupt(struct db *db, int64_t now_s)
{
    struct row row = row_of(db, DB_INTERRUPT_JOBS,
                            "UPDATE job SET state = 'interrupted', ended_ts = ?"
                            "  WHERE state IN ('queued', 'running')");

    row_int(&row, now_s);
    return row_done(db, &row);
}

/* -- Reading -- */

/* A list that grows by one. NULL without memory, and the list is as it was. */
static void *append(void **list, size_t n, size_t size)
{
    /* Twice as long whenever the length is a power of two. */
    if ((n & (n - 1)) == 0) {
        void *longer = realloc(*list, (n == 0 ? 1 : 2 * n) * size);

        if (longer == NULL)
            return NULL;
        *list = longer;
    }
    void *item = (char *)*list + n * size;
    memset(item, 0, size);
    return item;
}

/* A copy, or NULL of NULL; false without memory. */
static bool copy_text(sqlite3_stmt *query, int column, char **ret_text)
{
    const char *text = (const char *)sqlite3_column_text(query, column);

    *ret_text = text != NULL ? strdup(text) : NULL;
    return text == NULL || *ret_text != NULL;
}

static void read_text(sqlite3_stmt *query, int column, char *ret_text, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(query, column);

    (void)snprintf(ret_text, size, "%s", text != NULL ? text : "");
}

/* What no version wrote is taken for an evaluation that failed. */
static bool read_head(sqlite3_stmt *query, struct job_head *head)
{
    char name[32];

    head->id = sqlite3_column_int64(query, 0);
    read_text(query, 1, name, sizeof(name));
    if (!job_kind_from_name(name, &head->kind))
        head->kind = JOB_EVALUATE;
    read_text(query, 2, name, sizeof(name));
    if (!job_state_from_name(name, &head->state))
        head->state = JOB_FAILED;
    read_text(query, 3, head->model, sizeof(head->model));
    head->created_s = sqlite3_column_int64(query, 5);
    head->started_s = sqlite3_column_int64(query, 6);
    head->ended_s = sqlite3_column_int64(query, 7);
    head->done = (uint64_t)sqlite3_column_int64(query, 8);
    head->total = (uint64_t)sqlite3_column_int64(query, 9);
    read_text(query, 10, head->error, sizeof(head->error));
    bool whole = copy_text(query, 4, &head->request);
    return copy_text(query, 11, &head->summary) && whole;
}

static bool read_trial(sqlite3_stmt *query, struct job_trial *t)
{
    t->point = (uint64_t)sqlite3_column_int64(query, 0);
    t->seed = (uint64_t)sqlite3_column_int64(query, 2);
    t->generation = (uint64_t)sqlite3_column_int64(query, 3);
    t->write_error_rate = sqlite3_column_double(query, 4);
    t->weights = (uint64_t)sqlite3_column_int64(query, 5);
    t->cells = (uint64_t)sqlite3_column_int64(query, 6);
    t->predicted_wrong_bits = sqlite3_column_double(query, 7);
    t->wrong_bits = (uint64_t)sqlite3_column_int64(query, 8);
    t->has_energy = sqlite3_column_type(query, 10) != SQLITE_NULL;
    t->predicted_energy_pj = sqlite3_column_double(query, 9);
    t->energy_pj = sqlite3_column_double(query, 10);
    t->images = (uint64_t)sqlite3_column_int64(query, 11);
    t->correct = (uint64_t)sqlite3_column_int64(query, 12);
    t->correct_top = (uint64_t)sqlite3_column_int64(query, 13);
    return copy_text(query, 1, &t->operating_point);
}

/* The next row is there; an error or the end is in row->rc, as row_end wants it. */
static bool next_row(struct row *row)
{
    if (row->rc != SQLITE_OK)
        return false;
    int rc = sqlite3_step(row->statement);
    if (rc == SQLITE_ROW)
        return true;
    row->rc = rc == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
    return false;
}

/* Ends a query that was read, or broken off for want of memory. */
static enum status end_reading(struct db *db, struct row *row, bool starved)
{
    enum status st = row_end(db, row);

    return starved ? ST_NOMEM : st;
}

enum status job_results_list(struct db *db, size_t max, struct job_head **ret_heads,
                             size_t *ret_n)
{
    struct row row = row_of(
        db, DB_LIST_JOBS,
        "SELECT id, kind, state, model, request, created_ts, started_ts, ended_ts, done,"
        "       total, error, summary"
        "  FROM (SELECT * FROM job ORDER BY id DESC LIMIT ?) ORDER BY id");
    void *heads = NULL;
    size_t n = 0;
    bool starved = false;

    row_count(&row, max);
    while (!starved && next_row(&row)) {
        struct job_head *head = append(&heads, n, sizeof(*head));

        n += head != NULL;
        starved = head == NULL || !read_head(row.statement, head);
    }
    enum status st = end_reading(db, &row, starved);
    if (st == ST_OK) {
        *ret_heads = heads;
        *ret_n = n;
        return ST_OK;
    }
    for (size_t i = 0; i < n; i++)
        job_head_done((struct job_head *)heads + i);
    free(heads);
    return st;
}

enum status job_results_read(struct db *db, int64_t id, struct job_trials *ret_trials)
{
    struct row row =
        row_of(db, DB_READ_JOB_RESULTS,
               "SELECT point, operating_point, seed, generation,"
               "       predicted_write_error_rate, weights, cells, predicted_wrong_bits,"
               "       wrong_bits, predicted_energy_pj, energy_pj, images, correct,"
               "       correct_top5"
               "  FROM job_result WHERE job_id = ? ORDER BY trial");
    struct job_trials trials = { .n = 0 };
    void *list = NULL;
    bool starved = false;

    row_int(&row, id);
    while (!starved && next_row(&row)) {
        struct job_trial *trial = append(&list, trials.n, sizeof(*trial));

        trials.n += trial != NULL;
        starved = trial == NULL || !read_trial(row.statement, trial);
    }
    trials.trials = list;
    enum status st = end_reading(db, &row, starved);
    if (st == ST_OK)
        *ret_trials = trials;
    else
        job_trials_done(&trials);
    return st;
}
