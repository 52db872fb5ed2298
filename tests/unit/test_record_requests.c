/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of requests, from the threads that answer to the database. */
#include "tests/unit/record_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define RING     65536 /* one data thread has all of it */
#define THREADS  2
#define REQUESTS 30000 /* of each thread */

/* One request for models[i], with its row where one is wanted. */
static bool answer_one(struct fixture *f, size_t i, unsigned lane, uint64_t request_id)
{
    struct generation *generation = generation_take(f->models[i]);

    tally_answer(&generation->tallies[lane], 1, 0, 0, 100);
    struct metrics_inference *row = record_row(f->record, lane, f->models[i]);
    if (row != NULL) {
        *row = (struct metrics_inference) {
            .at_ms = (int64_t)time(NULL) * 1000 + (int64_t)(request_id % 1000),
            .request_id = request_id,
            .generation = generation->number,
            .images = 1,
            .predicted = 3,
            .label = -1,
            .status = 200,
        };
        record_row_put(f->record, lane);
    }
    generation_drop(generation);
    return row != NULL;
}

static int make_with_rows(void **state)
{
    int rc = make(state);
    struct fixture *f = *state;

    f->settings.request_rows = 1;
    (void)program(f, 0, 1, true);
    (void)program(f, 1, 1, true);
    return rc;
}

static void every_request_is_a_row_of_its_model(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 900; i++)
        (void)answer_one(f, i % 3 == 0, i % N_LANES, i);
    record_flush(f->record);
    assert_true(ask(f, "SELECT count(*) FROM v_inference WHERE model = 'first'") == 600);
    assert_true(ask(f, "SELECT count(*) FROM v_inference WHERE model = 'second'") == 300);
    assert_true(ask(f, "SELECT count(DISTINCT request_id) FROM v_inference") == 900);
    /* Two rings, one order. */
    assert_true(ask(f, "SELECT count(*) FROM (SELECT ts_ms - lag(ts_ms) OVER (ORDER BY "
                       "id) AS step FROM v_inference) WHERE step < 0") == 0);
    /* And on after a restart. */
    stop(f);
    start(f);
    (void)program(f, 0, 1, false);
    (void)answer_one(f, 0, 0, 1000);
    record_flush(f->record);
    assert_true(ask(f, "SELECT max(id) FROM inference") == 901);
}

static void a_reload_turns_them_on_and_off(void **state)
{
    struct fixture *f = *state;
    unsigned n = 0;

    f->settings.request_rows = 0;
    for (unsigned i = 0; i < 100; i++)
        n += answer_one(f, 0, 0, i);
    assert_int_equal(n, 0);
    f->settings.request_rows = 10;
    for (unsigned i = 0; i < 100; i++)
        n += answer_one(f, 0, 0, i);
    assert_int_equal(n, 10);
    record_flush(f->record);
    assert_true(ask(f, "SELECT count(*) FROM inference") == 10);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 200);
}

static void a_late_label_finds_its_row(void **state)
{
    struct fixture *f = *state;
    struct record_label label = { .label = 7, .labelled = 1, .correct = 1 };

    (void)answer_one(f, 0, 0, 11);
    (void)answer_one(f, 0, 0, 12);
    label.request_id = 11; /* in one transaction with its row */
    record_late_label(f->record, &label);
    record_flush(f->record);
    assert_true(ask(f, "SELECT count(*) FROM v_inference WHERE label = 7 AND correct = 1"
                       " AND request_id = '000000000000000b'") == 1);
    label.request_id = 12; /* after it */
    label.label = 8;
    record_late_label(f->record, &label);
    label.request_id = 13; /* there is none */
    record_late_label(f->record, &label);
    label.request_id = 12 + 65536; /* the same low bits */
    label.label = 9;
    record_late_label(f->record, &label);
    label.request_id = UINT64_C(9) << 56 | 12; /* of no thread of ours */
    record_late_label(f->record, &label);
    record_flush(f->record);
    assert_true(ask(f, "SELECT count(*) FROM v_inference WHERE label = 8 AND"
                       " request_id = '000000000000000c'") == 1);
    assert_true(ask(f, "SELECT count(label) FROM inference") == 2);
}

/* -- Many at once -- */

struct crowd {
    struct fixture *f;
    unsigned lane;
    unsigned n_rows;
};

static void *answer_many(void *arg)
{
    struct crowd *crowd = arg;

    for (unsigned i = 0; i < REQUESTS; i++)
        crowd->n_rows += answer_one(crowd->f, crowd->lane, crowd->lane,
                                    (uint64_t)crowd->lane << 56 | i);
    return NULL;
}

/* While rows of events, labels and reads of the totals go on. */
static void threads_that_answer_lose_nothing_uncounted(void **state)
{
    struct fixture *f = *state;
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    double n_rows = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd) { f, i, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, answer_many, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < 50; i++) {
        struct record_label label = { .request_id = i, .labelled = 1 };

        record_late_label(f->record, &label);
        (void)record_health(f->record);
        record_flush(f->record);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        n_rows += crowd[i].n_rows;
    }
    uint64_t dropped = record_health(f->record).rows_dropped;
    stop(f);
    assert_true(ask(f, "SELECT count(*) FROM inference") == n_rows);
    assert_true(ask(f, "SELECT count(DISTINCT request_id) FROM inference") == n_rows);
    assert_true(n_rows + (double)dropped == THREADS * REQUESTS);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == THREADS * REQUESTS);
    start(f);
}

/* Half a ring calls the writer; so more than a ring fits into a second. */
static void a_ring_that_fills_is_written_before_the_second_is_over(void **state)
{
    struct fixture *f = *state;

    record_flush(f->record);
    uint64_t before = record_health(f->record).commits;
    for (unsigned i = 0; i < RING; i++)
        (void)answer_one(f, 0, 0, i);
    wait_for_writer(f);
    assert_true(record_health(f->record).commits > before);
    assert_int_equal(record_health(f->record).rows_dropped, 0);
}

/* -- When the database cannot be written -- */

/* Somebody holds a lock on it: no time is lost, and nothing can be written. */
static void lock_database(struct fixture *f)
{
    (void)ask(f, "CREATE TRIGGER broken BEFORE INSERT ON inference"
                 " BEGIN SELECT raise(ABORT, 'not now'); END");
}

static void a_full_ring_drops_rows_and_counts_them(void **state)
{
    struct fixture *f = *state;
    unsigned n = 0;

    lock_database(f);
    for (unsigned i = 0; i < RING + 1000; i++)
        n += answer_one(f, 0, 0, i);
    assert_int_equal(n, RING);
    assert_int_equal(record_health(f->record).rows_dropped, 1000);
    wait_for_writer(f);
    assert_true(record_health(f->record).degraded);
    assert_true(ask(f, "SELECT count(*) FROM inference") == 0);
    (void)ask(f, "DROP TRIGGER broken");
    stop(f);
    assert_true(ask(f, "SELECT count(*) FROM inference") == RING);
    /* What was counted otherwise is not dropped. */
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == RING + 1000);
    start(f);
}

static void a_label_that_waits_with_its_row_finds_it(void **state)
{
    struct fixture *f = *state;
    const struct record_label label = { .request_id = 5, .label = 6, .labelled = 1 };

    lock_database(f);
    for (unsigned i = 0; i < 10; i++)
        (void)answer_one(f, 0, 0, i);
    record_late_label(f->record, &label);
    wait_for_writer(f);
    /* More rows, which come in front: the ids are others than in the first try. */
    (void)answer_one(f, 1, 1, 99);
    (void)ask(f, "DROP TRIGGER broken");
    wait_for_writer(f); /* the round that runs may not have seen it */
    record_flush(f->record);
    assert_true(ask(f, "SELECT count(*) FROM inference") == 11);
    assert_true(ask(f, "SELECT request_id FROM inference WHERE label = 6") == 5);
    assert_true(ask(f, "SELECT count(label) FROM inference") == 1);
}

/* A model whose rows wait is not let go. */
static void a_model_waits_for_its_rows(void **state)
{
    struct fixture *f = *state;
    struct model *model = f->models[0];

    lock_database(f);
    (void)answer_one(f, 0, 0, 1);
    record_remove_model(f->record, model);
    model_publish(model, NULL);
    wait_for_writer(f);
    wait_for_writer(f);
    assert_true(atomic_load(&model->refs) > 1);
    (void)ask(f, "DROP TRIGGER broken");
    wait_for_writer(f);
    record_flush(f->record);
    record_flush(f->record);
    assert_int_equal(atomic_load(&model->refs), 1);
    assert_true(ask(f, "SELECT count(*) FROM v_inference WHERE model = 'first'") == 1);
}

/* -- The limit of the file -- */

static double size_mb(const struct fixture *f)
{
    struct stat info;

    assert_int_equal(stat(f->path, &info), 0);
    return (double)info.st_size / (1 << 20);
}

static void rows_are_given_up_first_and_windows_go_on(void **state)
{
    struct fixture *f = *state;
    uint64_t n = 0;

    f->settings.db_max_mb = 1;
    for (unsigned turn = 0; turn < 12; turn++) {
        for (unsigned i = 0; i < 6000; i++, n++)
            assert_true(answer_one(f, 0, 0, n));
        record_flush(f->record);
        assert_false(record_health(f->record).degraded);
        assert_true(size_mb(f) <= 1.0);
    }
    /* What is there is the end of it; what could not be written was counted. */
    assert_true(ask(f, "SELECT count(*) FROM inference") > 0);
    assert_true(ask(f, "SELECT count(*) FROM inference") < (double)n / 2);
    assert_true(ask(f, "SELECT max(id) FROM inference") +
                    (double)record_health(f->record).rows_dropped ==
                (double)n);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == (double)n);
    /* More than fits in any case. */
    uint64_t before = record_health(f->record).rows_dropped;
    for (unsigned i = 0; i < 30000; i++, n++)
        assert_true(answer_one(f, 0, 0, n));
    record_flush(f->record);
    record_flush(f->record);
    assert_true(record_health(f->record).rows_dropped > before);
    assert_false(record_health(f->record).degraded);
    assert_true(record_health(f->record).write_errors > 0);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == (double)n);
    assert_true(size_mb(f) <= 1.0);
}

/* As with a full disk: counting goes on, and all of it is written when there is room. */
static void a_file_that_is_full_is_a_full_disk(void **state)
{
    struct fixture *f = *state;
    uint64_t n = 0;

    f->settings.db_max_mb = 1;
    /* Somebody's table takes all that there is. */
    (void)ask(f, "CREATE TABLE big AS WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL"
                 " SELECT n + 1 FROM i WHERE n < 250) SELECT zeroblob(4000) FROM i");
    while (!record_health(f->record).degraded) {
        for (unsigned i = 0; i < 100; i++, n++)
            (void)answer_one(f, 0, 0, n);
        (void)program(f, 0, 2 + n, true);
        record_flush(f->record);
    }
    assert_true(record_health(f->record).rows_dropped > 0);
    for (unsigned i = 0; i < 100; i++, n++)
        (void)answer_one(f, 0, 0, n);
    wait_for_writer(f);
    assert_true(record_health(f->record).degraded);
    assert_int_equal(totals(f, 0).tally.requests, n);
    f->settings.db_max_mb = 0;
    wait_for_writer(f);
    record_flush(f->record);
    assert_false(record_health(f->record).degraded);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == (double)n);
}

static void rows_go_when_they_are_too_many(void **state)
{
    struct fixture *f = *state;

    f->settings.request_rows_max = 1000;
    for (unsigned i = 0; i < 40000; i++)
        (void)answer_one(f, 0, 0, i);
    record_flush(f->record);
    assert_true(ask(f, "SELECT count(*) FROM v_inference") == 1000);
    assert_true(ask(f, "SELECT min(id) FROM v_inference") == 39001);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make_with_rows, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(every_request_is_a_row_of_its_model),
        FRESH(a_reload_turns_them_on_and_off),
        FRESH(a_late_label_finds_its_row),
        FRESH(threads_that_answer_lose_nothing_uncounted),
        FRESH(a_ring_that_fills_is_written_before_the_second_is_over),
        FRESH(a_full_ring_drops_rows_and_counts_them),
        FRESH(a_label_that_waits_with_its_row_finds_it),
        FRESH(a_model_waits_for_its_rows),
        FRESH(rows_are_given_up_first_and_windows_go_on),
        FRESH(a_file_that_is_full_is_a_full_disk),
        FRESH(rows_go_when_they_are_too_many),
    };

    log_set_level("error");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
