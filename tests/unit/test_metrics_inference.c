/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of requests, written and read back. */
#include "storage/history.h"
#include "tests/unit/metrics_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N 500

struct rows {
    struct fixture f;
    int64_t second_id; /* of another model */
    struct metrics_inference rows[N];
    const struct metrics_inference *list[N];
};

/* Each differs from the others in every member; all values are exact in binary. */
static struct metrics_inference a_row(const struct rows *r, unsigned i)
{
    return (struct metrics_inference) {
        .at_ms = NOW * 1000 + 250 * i,
        .request_id = (UINT64_C(1) << 56) + i,
        .model_id = i % 3 == 0 ? r->second_id : r->f.model_id,
        .generation = 1 + i / 100,
        .wrong_bits = i * 7,
        .energy_pj = 0.5 * i,
        .latency_us = 10.25 + i,
        .images = 1 + i % 4,
        .labelled = i % 2,
        .correct = i % 4 == 3,
        .predicted = (int32_t)(i % 10),
        .label = i % 2 == 1 ? (int32_t)(i % 9) : -1,
        .probability = 0.5F,
        .margin = 0.25F * (float)i,
        .status = 200,
        .route = i % 5 == 0 ? METRICS_INFER : METRICS_CLASSIFY,
    };
}

static int rows_make(void **state)
{
    static struct rows r;
    struct network *second = network_called("second", 2);
    int64_t since_s;

    fixture_make(&r.f);
    assert_int_equal(metrics_add_model(r.f.db, second, NOW, &r.second_id, &since_s),
                     ST_OK);
    network_free(second);
    for (unsigned i = 0; i < N; i++) {
        r.rows[i] = a_row(&r, i);
        r.list[i] = &r.rows[i];
    }
    *state = &r;
    return 0;
}

static int rows_free(void **state)
{
    struct rows *r = *state;

    fixture_free(&r->f);
    return 0;
}

static int64_t next_id(struct rows *r)
{
    int64_t id = 0;

    assert_int_equal(metrics_next_inference(r->f.db, &id), ST_OK);
    return id;
}

static enum status write_rows(struct rows *r, size_t first, size_t n)
{
    const struct metrics_batch batch = {
        .inferences = r->list + first,
        .n_inferences = n,
        .first_inference = next_id(r),
    };

    return metrics_write(r->f.db, &batch);
}

static void a_row_is_read_as_it_was_written(void **state)
{
    struct rows *r = *state;

    r->rows[4].images = 0; /* refused */
    r->rows[4].predicted = -1;
    r->rows[4].status = 422;
    r->rows[8].margin = NAN; /* of one class */
    assert_int_equal(write_rows(r, 0, N), ST_OK);
    assert_true(value(&r->f, "SELECT count(*) FROM v_inference") == N);
    assert_one(&r->f, "v_inference",
               "id = 8 AND ts = 1700000001 AND ts_ms = 1700000001750 AND"
               " request_id = '0100000000000007' AND model = 'first' AND generation = 1"
               " AND route = 'classify' AND status = 200 AND images = 4 AND predicted = 7"
               " AND label = 7 AND labelled = 1 AND correct = 1 AND probability = 0.5 AND"
               " margin = 1.75 AND wrong_bits = 49 AND energy_pj = 3.5 AND"
               " latency_us = 17.25");
    assert_one(&r->f, "v_inference", "id = 7 AND model = 'second' AND label IS NULL");
    assert_one(&r->f, "v_inference", "id = 6 AND route = 'infer'");
    assert_one(&r->f, "v_inference",
               "id = 5 AND status = 422 AND images = 0 AND predicted IS NULL AND"
               " probability IS NULL AND margin IS NULL");
    assert_one(&r->f, "v_inference",
               "id = 9 AND margin IS NULL AND predicted IS NOT NULL");
    /* Every row once, with the second that it ended in. */
    assert_true(value(&r->f, "SELECT count(DISTINCT id) FROM v_inference"
                             " WHERE ts = ts_ms / 1000 AND ts = 1700000000 + (id - 1) / 4"
                             "   AND latency_us = 9.25 + id") == N);
}

static void a_condition_on_time_reads_only_that_time(void **state)
{
    struct rows *r = *state;
    sqlite3_stmt *plan;
    char text[1024] = "";

    assert_int_equal(write_rows(r, 0, 200), ST_OK);
    assert_int_equal(write_rows(r, 200, 300), ST_OK);
    assert_true(value(&r->f, "SELECT count(*) FROM v_inference"
                             " WHERE ts >= 1700000010 AND ts < 1700000020") == 40);
    assert_int_equal(sqlite3_prepare_v2(r->f.reader,
                                        "EXPLAIN QUERY PLAN SELECT * FROM v_inference"
                                        " WHERE ts >= 1700000010 AND ts < 1700000020",
                                        -1, &plan, NULL),
                     SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW)
        (void)strncat(text, (const char *)sqlite3_column_text(plan, 3),
                      sizeof(text) - strlen(text) - 1);
    assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);
    assert_non_null(strstr(text, "inference_second_by_time (ts>? AND ts<?)"));
    assert_non_null(strstr(text, "SEARCH i USING INTEGER PRIMARY KEY (rowid>? AND rowid<"
                                 "?)"));
}

static void ids_go_on_after_all_rows_are_gone_and_the_file_was_closed(void **state)
{
    struct rows *r = *state;
    const struct metrics_limits none = { .inference_age_s = 1, .inferences = 1 };
    struct db_opened opened;
    char why[ERR_LEN];
    bool more = true;

    assert_int_equal(next_id(r), 1);
    assert_int_equal(write_rows(r, 0, 10), ST_OK);
    assert_int_equal(next_id(r), 11);
    while (more)
        assert_int_equal(metrics_retire(r->f.db, &none, NOW + 1000, &more), ST_OK);
    assert_true(value(&r->f, "SELECT count(*) FROM inference") == 0);
    db_close(r->f.db);
    assert_int_equal(db_open(r->f.path, &r->f.db, &opened, why), ST_OK);
    assert_int_equal(next_id(r), 11);
    assert_int_equal(write_rows(r, 10, 1), ST_OK);
    assert_one(&r->f, "v_inference", "id = 11");
}

static void a_late_label_changes_its_row_alone(void **state)
{
    struct rows *r = *state;
    const struct metrics_late_label labels[] = {
        { .inference_id = 3, .label = 9, .labelled = 4, .correct = 2 },
        { .inference_id = 1000, .label = 1, .labelled = 1, .correct = 1 }, /* nobody's */
    };
    const struct metrics_batch batch = {
        .inferences = r->list, /* with their rows in one batch */
        .n_inferences = 10,
        .first_inference = 1,
        .late_labels = labels,
        .n_late_labels = 2,
    };

    assert_int_equal(metrics_write(r->f.db, &batch), ST_OK);
    assert_one(&r->f, "v_inference",
               "id = 3 AND label = 9 AND labelled = 4 AND correct = 2 AND predicted = 2");
    assert_one(&r->f, "inference", "label = 9");
    assert_true(value(&r->f, "SELECT count(*) FROM inference") == 10);
}

/* Rows with nothing alike, more kinds of them than are remembered, and again. */
static void what_rows_have_alike_is_told_once(void **state)
{
    struct rows *r = *state;

    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < N; i++) {
            r->rows[i].generation = 1 + i;
            r->rows[i].at_ms += (int64_t)turn * 3000000;
        }
        assert_int_equal(write_rows(r, 0, N), ST_OK);
        assert_true(value(&r->f, "SELECT count(*) FROM inference_context") == N);
        assert_true(value(&r->f, "SELECT count(*) FROM v_inference") ==
                    (double)(N * (turn + 1)));
        /* It says for an hour at most that it is in use when it is not. */
        assert_true(value(&r->f, "SELECT count(*) FROM inference_context AS c WHERE"
                                 "  c.used_ts + 3600 <"
                                 "  (SELECT max(ts) FROM v_inference AS v"
                                 "     WHERE v.generation = c.generation)") == 0);
    }
}

/* -- Failures -- */

static void a_batch_without_room_leaves_nothing(void **state)
{
    struct rows *r = *state;
    double pages = value(&r->f, "SELECT page_count FROM pragma_page_count");

    db_limit_pages(r->f.db, (uint64_t)pages + 2);
    assert_int_equal(write_rows(r, 0, N), ST_IO);
    assert_true(db_was_full(r->f.db));
    assert_true(value(&r->f, "SELECT count(*) FROM inference") == 0);
    assert_true(value(&r->f, "SELECT count(*) FROM inference_second") == 0);
    assert_int_equal(next_id(r), 1);
    /* Another failure is another reason. */
    struct metrics_window w = { .model_id = 999, .window_s = NOW };
    assert_int_equal(write_windows(&r->f, &w, 1), ST_IO);
    assert_false(db_was_full(r->f.db));
    db_limit_pages(r->f.db, 0);
    assert_int_equal(write_rows(r, 0, N), ST_OK);
    assert_true(value(&r->f, "SELECT count(*) FROM v_inference") == N);
}

static void without_memory_nothing_is_written(void **state)
{
    struct rows *r = *state;
    enum status st = ST_NOMEM;
    unsigned n_failed = 0;

    (void)next_id(r);
    for (sqlite3_int64 room = 512; st != ST_OK; room += 512) {
        (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + room);
        st = write_rows(r, 0, N);
        (void)sqlite3_hard_heap_limit64(0);
        assert_true(st == ST_OK || st == ST_NOMEM || st == ST_IO);
        n_failed += st != ST_OK;
        assert_true(value(&r->f, "SELECT count(*) FROM inference") ==
                    (st == ST_OK ? N : 0));
        assert_true(value(&r->f, "SELECT count(*) FROM v_inference") ==
                    (st == ST_OK ? N : 0));
    }
    assert_true(n_failed > 5);
    assert_true(value(&r->f, "SELECT sum(n) FROM inference_second") == N);
}

/* A batch of rows and the window that counts them, for ever. */
static void write_for_ever(struct rows *r)
{
    struct db_opened opened;
    char why[ERR_LEN];

    if (db_open(r->f.path, &r->f.db, &opened, why) != ST_OK)
        _exit(1);
    for (size_t i = 0;; i++) {
        const struct metrics_window w = { .model_id = r->f.model_id,
                                          .window_s = NOW,
                                          .requests = 1 + i % N };
        struct metrics_batch batch = {
            .windows = &w,
            .n_windows = 1,
            .inferences = r->list,
            .n_inferences = 1 + i % N,
        };

        if (metrics_next_inference(r->f.db, &batch.first_inference) != ST_OK ||
            metrics_write(r->f.db, &batch) != ST_OK)
            _exit(1);
    }
}

static void a_kill_leaves_no_half_batch(void **state)
{
    struct rows *r = *state;
    struct db_opened opened;
    char why[ERR_LEN];
    unsigned seed = 1;

    /* More of them, and later, where no batch was whole in time. */
    for (unsigned i = 0; i < 15 || (i < 90 && next_id(r) == 1); i++) {
        db_close(r->f.db);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_for_ever(r);
        const struct timespec a_while = {
            .tv_nsec = (5000000 + (long)(rand_r(&seed) % 20000000)) * (1 + (long)i / 15)
        };
        (void)nanosleep(&a_while, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(db_open(r->f.path, &r->f.db, &opened, why), ST_OK);
        assert_string_equal(opened.set_aside, "");
        double n = value(&r->f, "SELECT count(*) FROM inference");
        assert_true(n == value(&r->f, "SELECT total(requests) FROM w10"));
        assert_true(n == value(&r->f, "SELECT total(n) FROM inference_second"));
        assert_true(n == value(&r->f, "SELECT count(*) FROM v_inference"));
        assert_true((double)next_id(r) == n + 1);
    }
    assert_true(next_id(r) > 1);
}

/* -- Reading -- */

static struct history *open_history(struct rows *r)
{
    struct history *history = NULL;
    char why[ERR_LEN];

    assert_int_equal(history_open(r->f.path, &history, why), ST_OK);
    return history;
}

/* All pages of `limit` rows; how many rows there are in all. */
static size_t read_all(struct history *history, const char *model, size_t limit)
{
    static struct history_inference page[HISTORY_MAX_INFERENCES];
    struct history_inference_query query = { model, 0, INT64_MAX, limit };
    char why[ERR_LEN];
    size_t n, total = 0;

    do {
        assert_int_equal(history_inferences(history, &query, page, &n, why), ST_OK);
        for (size_t i = 0; i < n; i++) {
            assert_true(page[i].id < query.before_id);
            query.before_id = page[i].id;
            if (model != NULL)
                assert_string_equal(page[i].model, model);
        }
        total += n;
    } while (n == limit);
    return total;
}

static void pages_have_every_row_once_and_the_newest_first(void **state)
{
    struct rows *r = *state;
    struct history *history = open_history(r);

    assert_int_equal(read_all(history, NULL, 10), 0);
    assert_int_equal(write_rows(r, 0, 300), ST_OK);
    assert_int_equal(write_rows(r, 300, 200), ST_OK);
    for (size_t limit = 1; limit <= 1000; limit = limit * 3 + 1) {
        assert_int_equal(read_all(history, NULL, limit), N);
        assert_int_equal(read_all(history, "second", limit), (N + 2) / 3);
        assert_int_equal(read_all(history, "nobody", limit), 0);
    }
    history_close(history);
}

static void a_row_that_is_read_back_is_the_row(void **state)
{
    struct rows *r = *state;
    struct history *history = open_history(r);
    struct history_inference page[4];
    const struct history_inference_query query = { NULL, 0, 9, 4 };
    char why[ERR_LEN];
    size_t n;

    r->rows[4].predicted = -1;
    assert_int_equal(write_rows(r, 0, N), ST_OK);
    assert_int_equal(history_inferences(history, &query, page, &n, why), ST_OK);
    assert_int_equal(n, 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct metrics_inference *got = &page[i].row, *want = &r->rows[7 - i];

        assert_int_equal(page[i].id, 8 - i);
        assert_string_equal(page[i].model, (7 - i) % 3 == 0 ? "second" : "first");
        assert_int_equal(got->at_ms, want->at_ms);
        assert_int_equal(got->request_id, want->request_id);
        assert_int_equal(got->generation, want->generation);
        assert_int_equal(got->wrong_bits, want->wrong_bits);
        assert_true(got->energy_pj == want->energy_pj);
        assert_true(got->latency_us == want->latency_us);
        assert_int_equal(got->images, want->images);
        assert_int_equal(got->labelled, want->labelled);
        assert_int_equal(got->correct, want->correct);
        assert_int_equal(got->predicted, want->predicted);
        assert_int_equal(got->label, want->label);
        assert_int_equal(got->status, want->status);
        assert_int_equal(got->route, want->route);
        if (want->predicted >= 0) {
            assert_true(got->probability == want->probability);
            assert_true(got->margin == want->margin);
        } else {
            assert_true(isnan(got->probability) && isnan(got->margin));
        }
    }
    history_close(history);
}

static void a_table_that_is_gone_is_an_error(void **state)
{
    struct rows *r = *state;
    struct history *history = open_history(r);
    struct history_inference row;
    const struct history_inference_query query = { NULL, 0, INT64_MAX, 1 };
    sqlite3 *other;
    char why[ERR_LEN];
    size_t n;

    assert_int_equal(sqlite3_open(r->f.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "DROP TABLE inference", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(history_inferences(history, &query, &row, &n, why), ST_IO);
        assert_non_null(strstr(why, "inference"));
        assert_int_equal(write_rows(r, 0, 1), ST_IO);
        assert_non_null(strstr(db_message(r->f.db), "inference"));
    }
    history_close(history);
}

int main(void)
{
#define WITH_ROWS(test) cmocka_unit_test_setup_teardown(test, rows_make, rows_free)
    const struct CMUnitTest tests[] = {
        WITH_ROWS(a_row_is_read_as_it_was_written),
        WITH_ROWS(a_condition_on_time_reads_only_that_time),
        WITH_ROWS(ids_go_on_after_all_rows_are_gone_and_the_file_was_closed),
        WITH_ROWS(a_late_label_changes_its_row_alone),
        WITH_ROWS(what_rows_have_alike_is_told_once),
        WITH_ROWS(a_batch_without_room_leaves_nothing),
        WITH_ROWS(without_memory_nothing_is_written),
        WITH_ROWS(a_kill_leaves_no_half_batch),
        WITH_ROWS(pages_have_every_row_once_and_the_newest_first),
        WITH_ROWS(a_row_that_is_read_back_is_the_row),
        WITH_ROWS(a_table_that_is_gone_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
