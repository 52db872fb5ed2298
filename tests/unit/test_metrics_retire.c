/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept no longer goes, and nothing else: against slow counts of what is left. */
#include "tests/unit/metrics_fixture.h"

#include <stdlib.h>

#define DAY_S INT64_C(86400)
#define N     20000 /* rows of requests */

static const struct metrics_limits wide = { .inference_age_s = 1000 * DAY_S,
                                            .inferences = 1000000000 };

static int make(void **state)
{
    static struct fixture f;

    fixture_make(&f);
    *state = &f;
    return 0;
}

static int unmake(void **state)
{
    fixture_free(*state);
    return 0;
}

static unsigned retire_all(struct fixture *f, const struct metrics_limits *limits,
                           int64_t now_s)
{
    unsigned n = 0;
    bool more = true;

    for (; more; n++)
        assert_int_equal(metrics_retire(f->db, limits, now_s, &more), ST_OK);
    return n - 1;
}

/* -- Rows of requests -- */

/* `n` rows, `a_second` of them each second from `from_s` on, in batches of a second. */
static void write_rows(struct fixture *f, int64_t from_s, size_t n, size_t a_second)
{
    struct metrics_inference row = { .model_id = f->model_id,
                                     .predicted = 1,
                                     .label = 1 };
    const struct metrics_inference **list = calloc(a_second, sizeof(list[0]));
    struct metrics_batch batch = { .inferences = list, .n_inferences = a_second };

    assert_non_null(list);
    assert_int_equal(metrics_next_inference(f->db, &batch.first_inference), ST_OK);
    for (size_t i = 0; i < a_second; i++)
        list[i] = &row;
    for (size_t i = 0; i < n; i += a_second) {
        row.at_ms = (from_s + (int64_t)(i / a_second)) * 1000;
        assert_int_equal(metrics_write(f->db, &batch), ST_OK);
        batch.first_inference += (int64_t)a_second;
    }
    free(list);
}

/* How many rows there are, if every one is of a second and the other way round. */
static double count_rows(const struct fixture *f)
{
    double n = value(f, "SELECT count(*) FROM inference");

    assert_true(value(f, "SELECT total(n) FROM inference_second") == n);
    assert_true(value(f, "SELECT count(*) FROM v_inference") == n);
    return n;
}

static void rows_go_by_age_the_oldest_first_and_in_slices(void **state)
{
    struct fixture *f = *state;
    const struct metrics_limits an_hour = { .inference_age_s = 3600,
                                            .inferences = 1000000 };
    bool more;

    write_rows(f, NOW, N, 4); /* 5000 seconds */
    assert_int_equal(metrics_retire(f->db, &an_hour, NOW + 3600, &more), ST_OK);
    assert_false(more);
    assert_true(count_rows(f) == N);
    /* 4000 seconds are too old. */
    assert_int_equal(metrics_retire(f->db, &an_hour, NOW + 7600, &more), ST_OK);
    assert_true(more);
    assert_true(count_rows(f) == N - METRICS_SLICE);
    assert_true(value(f, "SELECT min(id) FROM inference") == METRICS_SLICE + 1);
    (void)retire_all(f, &an_hour, NOW + 7600);
    assert_true(count_rows(f) == N - 4 * 4000);
    assert_true(value(f, "SELECT min(ts) FROM v_inference") == (double)(NOW + 4000));
    /* All have one context, which goes after them. */
    assert_true(value(f, "SELECT count(*) FROM inference_context") == 1);
    (void)retire_all(f, &an_hour, NOW + 100000);
    assert_true(count_rows(f) == 0);
    assert_true(value(f, "SELECT count(*) FROM inference_context") == 0);
    /* And comes back with the next row. */
    write_rows(f, NOW + 100000, 4, 4);
    assert_true(count_rows(f) == 4);
}

static void rows_go_by_number_whatever_their_age(void **state)
{
    struct fixture *f = *state;
    const struct metrics_limits few = { .inference_age_s = 1000 * DAY_S,
                                        .inferences = 777 };

    /* The clock was wrong for a while: those rows are neither kept for ever, nor do they
     * keep others from going, nor make them go. */
    write_rows(f, NOW + 500 * DAY_S, 300, 300);
    write_rows(f, NOW, 12000, 6000);
    (void)retire_all(f, &few, NOW + 10);
    assert_true(count_rows(f) == 777);
    assert_true(value(f, "SELECT min(id) FROM inference") == 12300 - 777 + 1);
    write_rows(f, NOW + 10, 1, 1);
    assert_int_equal(retire_all(f, &few, NOW + 10), 1);
    assert_true(count_rows(f) == 777);
}

static void pages_are_given_back_when_nothing_is_left_to_go(void **state)
{
    struct fixture *f = *state;
    const struct metrics_limits few = { .inference_age_s = DAY_S, .inferences = 10 };
    bool more;

    write_rows(f, NOW, N, N);
    double before = value(f, "SELECT page_count FROM pragma_page_count");
    (void)retire_all(f, &few, NOW);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(metrics_retire(f->db, &few, NOW, &more), ST_OK);
    assert_true(value(f, "SELECT page_count FROM pragma_page_count") < before / 2);
    assert_true(value(f, "SELECT freelist_count FROM pragma_freelist_count") == 0);
}

/* Under a limit of the file rows have their share, and windows the rest. */
static void rows_make_room_for_windows(void **state)
{
    struct fixture *f = *state;
    const char used[] = "SELECT page_count - freelist_count"
                        "  FROM pragma_page_count, pragma_freelist_count";
    struct metrics_window w = { .model_id = f->model_id, .requests = 1 };
    uint64_t n_windows = 0;

    write_rows(f, NOW, N, 500);
    uint64_t limit = (uint64_t)value(f, used) + 20;
    db_limit_pages(f->db, limit);
    for (int64_t second = 0; second < 40; second++) {
        write_rows(f, NOW + 100 + second, 200, 200);
        (void)retire_all(f, &wide, NOW + 200);
        assert_true(value(f, used) <= METRICS_ROWS_SHARE * (double)limit);
        assert_true(count_rows(f) > 0);
    }
    double n_rows = count_rows(f);
    /* More windows are fewer rows, until there are none left. */
    enum status st = ST_OK;
    for (; st == ST_OK; n_windows++) {
        struct metrics_batch batch = { .windows = &w, .n_windows = 1 };

        w.window_s = NOW + 10 * (int64_t)n_windows;
        st = metrics_write(f->db, &batch);
        if (n_windows % 16 == 0)
            (void)retire_all(f, &wide, NOW + 200);
    }
    assert_true(db_was_full(f->db));
    assert_true(n_rows > 0);
    assert_true(count_rows(f) == 0);
    assert_true(value(f, used) > METRICS_ROWS_SHARE * (double)limit);
    assert_true(value(f, "SELECT count(*) FROM w10") == (double)(n_windows - 1));
}

/* -- Events -- */

static void events_go_by_age_and_by_number(void **state)
{
    struct fixture *f = *state;
    char sql[400];

    (void)snprintf(sql, sizeof(sql),
                   "WITH RECURSIVE i (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i"
                   "    WHERE n < %d) INSERT INTO event (ts, severity, kind, message)"
                   "  SELECT %lld + n, 0, 'test', n FROM i",
                   METRICS_EVENTS + 12344, (long long)NOW);
    change(f, sql);
    assert_true(retire_all(f, &wide, NOW + METRICS_EVENTS) == 3);
    assert_true(value(f, "SELECT count(*) FROM event") == METRICS_EVENTS);
    assert_true(value(f, "SELECT min(ts) FROM event") == (double)(NOW + 12345));
    /* A second of 90 days ago is still there. */
    (void)retire_all(f, &wide, NOW + METRICS_EVENT_AGE_S + 20000);
    assert_true(value(f, "SELECT min(ts) FROM v_events") == (double)(NOW + 20000));
    (void)retire_all(f, &wide, NOW + METRICS_EVENT_AGE_S + 1000000);
    assert_true(value(f, "SELECT count(*) FROM event") == 0);
    assert_int_equal(retire_all(f, &wide, NOW + METRICS_EVENT_AGE_S + 1000000), 0);
}

/* -- Generations -- */

/* Generations 1 .. n, a minute apart, each with a window of its write and, where it is a
 * multiple of `answers`, one of an answer. */
static void write_generations(struct fixture *f, uint64_t n, uint64_t answers)
{
    const struct programmed programmed = plain_cells();

    for (uint64_t g = 1; g <= n; g++) {
        int64_t at_s = NOW + 60 * (int64_t)g;
        struct metrics_programming p = a_programming(f, at_s, g, &programmed);
        struct metrics_window w = {
            .model_id = f->model_id,
            .generation = g,
            .window_s = at_s / METRICS_WINDOW_S * METRICS_WINDOW_S,
            .requests = 1,
            .images = 2,
        };
        struct metrics_batch batch = {
            .programmings = &p,
            .n_programmings = 1,
            .windows = &w,
            .n_windows = g % answers == 0,
        };

        assert_int_equal(metrics_write(f->db, &batch), ST_OK);
    }
}

static void assert_sound(const struct fixture *f)
{
    assert_true(value(f, "SELECT count(*) FROM pragma_foreign_key_check") == 0);
    assert_true(value(f, "SELECT count(*) FROM operating_point_layer") ==
                2 * value(f, "SELECT count(*) FROM operating_point"));
}

static void what_answered_nothing_goes_when_it_is_old(void **state)
{
    struct fixture *f = *state;
    int64_t later = NOW + METRICS_IDLE_AGE_S + 60 * 101;

    write_generations(f, 205, 10);
    double write_j = value(f, "SELECT sum(write_j) FROM v_energy");
    assert_int_equal(retire_all(f, &wide, NOW + METRICS_IDLE_AGE_S), 0);
    /* It looks again when an hour is over. */
    assert_int_equal(retire_all(f, &wide, NOW + METRICS_IDLE_AGE_S + 3500), 0);
    assert_int_equal(retire_all(f, &wide, later), 5); /* 90 of 100, by 20 */
    assert_true(value(f, "SELECT count(*) FROM v_operating_point") == 115);
    assert_true(value(f, "SELECT count(*) FROM v_operating_point WHERE generation <= 100"
                         "   AND (generation % 10 <> 0 OR images <> 2)") == 0);
    /* Each was in force as long as before, though what came after it is gone. */
    assert_true(value(f, "SELECT count(*) FROM v_operating_point"
                         "  WHERE until_ts - ts = 60") == 114);
    assert_one(f, "v_operating_point", "until_ts IS NULL AND generation = 205");
    assert_true(value(f, "SELECT sum(write_j) FROM v_energy") == write_j);
    assert_true(value(f, "SELECT sum(requests) FROM v_requests") == 20);
    assert_sound(f);
    /* The last one stays, however old it is. */
    (void)retire_all(f, &wide, NOW + 1000 * DAY_S);
    assert_true(value(f, "SELECT count(*) FROM v_operating_point") == 21);
    assert_one(f, "v_operating_point", "until_ts IS NULL AND generation = 205");
    assert_true(value(f, "SELECT sum(write_j) FROM v_energy") == write_j);
    assert_sound(f);
}

/* Copies of generation 1 as 2 .. n + 1 would be, each with an hour in which it answered.
 */
static void make_many(const struct fixture *f, unsigned n)
{
    char sql[1600];

    (void)snprintf(
        sql, sizeof(sql),
        "BEGIN;"
        "CREATE TEMP TABLE i AS WITH RECURSIVE i (n) AS"
        "  (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < %u) SELECT n FROM i;"
        "CREATE TEMP TABLE o AS SELECT o.* FROM operating_point AS o;"
        "CREATE TEMP TABLE w AS SELECT w.* FROM w10 AS w;"
        "UPDATE o SET id = NULL;"
        "INSERT INTO operating_point SELECT o.* FROM i CROSS JOIN o;"
        "UPDATE operating_point SET generation = id, ts = ts + id WHERE id > 1;"
        "UPDATE w SET requests = 3, images = 3, latency_max_us = 7;"
        "CREATE TEMP TABLE many AS SELECT i.n, w.* FROM i CROSS JOIN w;"
        "UPDATE many SET generation = n + 1, ts = ts + n %% 50 * 10;"
        "ALTER TABLE many DROP COLUMN n;"
        "INSERT INTO w10 SELECT * FROM many;"
        "COMMIT",
        n);
    change(f, sql);
}

static void beyond_the_limit_the_first_go_and_what_they_counted_stays(void **state)
{
    struct fixture *f = *state;

    write_generations(f, 1, 1);
    make_many(f, METRICS_GENERATIONS + 49);
    double images = value(f, "SELECT sum(images) FROM v_requests");
    double write_j = value(f, "SELECT sum(write_j) FROM v_energy");
    assert_true(images == 2 + 3 * (METRICS_GENERATIONS + 49));
    /* A row of another model's, older than all, which is its only one. */
    change(f, "INSERT INTO model (id, name, checksum, description, cells, classes,"
              "    test_correct, test_total, created_ts)"
              "  VALUES (77, 'other', 1, '', 1, 1, 1, 1, 1);"
              "CREATE TEMP TABLE o AS SELECT * FROM operating_point WHERE id = 1;"
              "UPDATE o SET id = -5, model_id = 77;"
              "INSERT INTO operating_point SELECT * FROM o");
    assert_int_equal(retire_all(f, &wide, NOW + DAY_S), 3); /* 51, by 20 */
    assert_true(value(f, "SELECT count(*) FROM operating_point") == METRICS_GENERATIONS);
    assert_one(f, "v_operating_point", "model = 'other'");
    assert_true(value(f, "SELECT min(generation) FROM v_operating_point"
                         "  WHERE model = 'first'") == 52);
    assert_true(value(f, "SELECT sum(images) FROM v_requests") == images);
    assert_true(value(f, "SELECT sum(write_j) FROM v_energy") == write_j);
    assert_true(value(f, "SELECT sum(images) FROM w10 WHERE generation = 0") ==
                2 + 3 * 50);
    assert_true(value(f, "SELECT max(latency_max_us) FROM w10 WHERE generation = 0") ==
                7);
    assert_true(value(f, "SELECT min(width_s) FROM w10 WHERE generation = 0") ==
                METRICS_WINDOW_S);
    assert_true(value(f, "SELECT sum(images) FROM v_operating_point") ==
                images - (2 + 3 * 50));
    assert_true(value(f, "SELECT count(*) FROM pragma_foreign_key_check") == 0);
}

/* -- Failures -- */

static void without_memory_nothing_is_half_gone(void **state)
{
    struct fixture *f = *state;
    const struct metrics_limits few = { .inference_age_s = 1, .inferences = 10 };
    int64_t later = NOW + 1000 * DAY_S;
    bool more = true;
    unsigned n_failed = 0;

    write_rows(f, NOW, 400, 40);
    write_generations(f, 30, 10);
    double write_j = value(f, "SELECT sum(write_j) FROM v_energy");
    for (sqlite3_int64 room = 512; more; room += 512) {
        (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + room);
        enum status st = metrics_retire(f->db, &few, later, &more);
        (void)sqlite3_hard_heap_limit64(0);
        assert_true(st == ST_OK || st == ST_NOMEM || st == ST_IO);
        n_failed += st != ST_OK;
        more = more || st != ST_OK;
        (void)count_rows(f);
        assert_true(value(f, "SELECT sum(write_j) FROM v_energy") == write_j);
        assert_sound(f);
    }
    assert_true(n_failed > 5);
    (void)retire_all(f, &few, later + 3600);
    assert_true(count_rows(f) == 0);
    /* 10 and 20 have answered; 30 is the last. */
    assert_true(value(f, "SELECT count(*) FROM operating_point") == 3);
}

int main(void)
{
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(rows_go_by_age_the_oldest_first_and_in_slices),
        WITH_FIXTURE(rows_go_by_number_whatever_their_age),
        WITH_FIXTURE(pages_are_given_back_when_nothing_is_left_to_go),
        WITH_FIXTURE(rows_make_room_for_windows),
        WITH_FIXTURE(events_go_by_age_and_by_number),
        WITH_FIXTURE(what_answered_nothing_goes_when_it_is_old),
        WITH_FIXTURE(beyond_the_limit_the_first_go_and_what_they_counted_stays),
        WITH_FIXTURE(without_memory_nothing_is_half_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
