/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record.h"

#include "daemon/log.h"
#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include <cmocka.h>

#define N_LANES  2
#define READ_PJ  3.0
#define COMP_PJ  2.0
#define PROG_PJ  40.0
#define WAIT_MAX 4000 /* turns of 5 ms */

struct fixture {
    struct scratch scratch;
    char path[128];
    struct model *models[2];
    struct record *record;
    sqlite3 *beside; /* somebody else's connection */
};

/* -- Helpers -- */

static struct model *new_model(const char *name, size_t index)
{
    const struct sbnn_shape shape = {
        name, { 2, 3, 1, NETWORK_BINARY, 128 }, 2, { 9, 3 }
    };
    struct model *model = NULL;

    assert_int_equal(model_new(sbnn_random(&shape, index + 1), index, "x", &model),
                     ST_OK);
    return model;
}

static void start(struct fixture *f)
{
    char why[ERR_LEN];

    assert_int_equal(record_start(f->path, f->models, 2, &f->record, why), ST_OK);
}

static int make(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof(f));
    scratch_make(&f.scratch);
    (void)snprintf(f.path, sizeof(f.path), "%s", scratch_path(&f.scratch, "r.db"));
    f.models[0] = new_model("first", 0);
    f.models[1] = new_model("second", 1);
    start(&f);
    assert_int_equal(sqlite3_open(f.path, &f.beside), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(f.beside, 5000), SQLITE_OK);
    *state = &f;
    return 0;
}

/* The end of serving: nobody holds a generation any more. */
static void stop(struct fixture *f)
{
    for (size_t i = 0; i < 2; i++)
        model_publish(f->models[i], NULL);
    record_stop(f->record);
    f->record = NULL;
}

static int unmake(void **state)
{
    struct fixture *f = *state;

    stop(f);
    assert_int_equal(sqlite3_close(f->beside), SQLITE_OK);
    for (size_t i = 0; i < 2; i++)
        model_free(f->models[i]);
    scratch_remove(&f->scratch);
    return 0;
}

/* Runs SQL on the other connection; the first column of the first row, NaN without. */
static double ask(struct fixture *f, const char *sql)
{
    sqlite3_stmt *statement;
    double value = NAN;

    if (sqlite3_prepare_v2(f->beside, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->beside));
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        value = sqlite3_column_double(statement, 0);
    assert_true(rc == SQLITE_ROW || rc == SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return value;
}

static void wait_a_little(void)
{
    const struct timespec ms = { .tv_nsec = 5000000 };

    (void)nanosleep(&ms, NULL);
}

/* Two transactions from now, or two attempts. */
static void wait_for_writer(struct fixture *f)
{
    struct record_health before = record_health(f->record);

    for (int i = 0; i < WAIT_MAX; i++) {
        struct record_health now = record_health(f->record);

        if (now.commits + now.write_errors > before.commits + before.write_errors)
            return;
        wait_a_little();
    }
    fail_msg("the writer thread does nothing");
}

/* From now on every transaction fails, as on a full disk, and no time is lost. */
static void break_database(struct fixture *f)
{
    static const char *const tables[] = { "w10", "event", "operating_point" };

    for (size_t i = 0; i < 3; i++) {
        char sql[256];

        (void)snprintf(sql, sizeof(sql),
                       "CREATE TRIGGER broken_%s BEFORE INSERT ON %s"
                       " BEGIN SELECT raise(ABORT, 'the disk is full'); END",
                       tables[i], tables[i]);
        (void)ask(f, sql);
    }
}

static void mend_database(struct fixture *f)
{
    (void)ask(f, "DROP TRIGGER broken_w10");
    (void)ask(f, "DROP TRIGGER broken_event");
    (void)ask(f, "DROP TRIGGER broken_operating_point");
}

/* A programming of models[i], recorded and serving. The caller holds no reference. */
static struct generation *program(struct fixture *f, size_t i, uint64_t number,
                                  bool fresh)
{
    struct generation *generation = NULL;

    assert_int_equal(generation_new(f->models[i], N_LANES, &generation), ST_OK);
    generation->number = number;
    generation->programmed_at_s = (int64_t)time(NULL);
    generation->op = operating_point_default();
    generation->read_pj = READ_PJ;
    generation->compute_pj = COMP_PJ;
    for (size_t l = 0; l < 2; l++)
        generation->results[l] = (struct mram_result) {
            .cells = l == 0 ? 54 : 27,
            .toggles = { 4, 5 },
            .errors = { 1, 2 },
            .energy_pj = PROG_PJ / 2,
        };
    generation->total = mram_sum(generation->results, 2);
    record_generation(f->record, generation, fresh);
    model_publish(f->models[i], generation);
    return generation;
}

static void answer(struct fixture *f, size_t i, unsigned lane, unsigned times)
{
    struct generation *generation = generation_take(f->models[i]);

    for (unsigned t = 0; t < times; t++)
        tally_answer(&generation->tallies[lane], 2, 1, t % 2, 100);
    generation_drop(generation);
}

static struct record_totals totals(struct fixture *f, size_t i)
{
    struct record_totals sums;

    record_totals(f->record, f->models[i], &sums);
    return sums;
}

/* -- What was answered is there -- */

static void totals_are_the_sums_over_lanes_and_generations(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    answer(f, 0, 0, 10);
    answer(f, 0, 1, 20);
    (void)program(f, 0, 2, true);
    answer(f, 0, 1, 30);
    (void)program(f, 1, 1, false);
    answer(f, 1, 0, 5);

    /* At once, while generation 1 is watched and after it is let go. */
    for (int turn = 0; turn < 3; turn++) {
        struct record_totals sums = totals(f, 0);

        assert_int_equal(sums.tally.requests, 60);
        assert_int_equal(sums.tally.images, 120);
        assert_int_equal(sums.tally.labelled, 60);
        assert_int_equal(sums.tally.correct, 30);
        assert_true(sums.tally.latency_sum_us == 6000);
        assert_true(sums.tally.latency_max_us == 100);
        assert_int_equal(sums.tally.latency[metrics_latency_bucket(100)], 60);
        assert_true(sums.read_pj == 120 * READ_PJ && sums.compute_pj == 120 * COMP_PJ);
        assert_int_equal(sums.programmings, 2);
        assert_true(sums.programming_pj == 2 * PROG_PJ);
        assert_int_equal(sums.programming_errors[MTJ_P2AP], 4);
        assert_int_equal(sums.programming_toggles[MTJ_AP2P], 20);
        assert_int_equal(totals(f, 1).tally.requests, 5);
        assert_int_equal(totals(f, 1).programmings, 0);
        record_event(f->record, METRICS_INFO, "test", NULL, "turn %d", turn);
        wait_for_writer(f);
    }
}

static void nothing_is_missing_after_the_end(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    answer(f, 0, 0, 7);
    wait_for_writer(f);
    answer(f, 0, 1, 8);
    (void)program(f, 0, 2, true);
    answer(f, 0, 0, 9);
    struct generation *generation = generation_take(f->models[0]);
    tally_error(&generation->tallies[0]);
    generation_drop(generation);
    record_event(f->record, METRICS_WARNING, "test", f->models[1], "a %s", "word");
    stop(f);

    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 24);
    assert_true(ask(f, "SELECT sum(requests) FROM w10 WHERE generation = 1") == 15);
    assert_true(ask(f, "SELECT sum(images) FROM w10") == 48);
    assert_true(ask(f, "SELECT sum(errors) FROM w10") == 1);
    assert_true(ask(f, "SELECT sum(bits_read) FROM w10") == 48 * 81);
    assert_true(ask(f, "SELECT sum(read_pj) FROM w10") == 48 * READ_PJ);
    assert_true(ask(f, "SELECT max(latency_max_us) FROM w10") == 100);
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 2);
    assert_true(ask(f, "SELECT sum(wrong_bits) FROM operating_point_layer") == 12);
    assert_true(ask(f, "SELECT count(*) FROM v_events WHERE model = 'second' AND"
                       " severity = 'warning' AND message = 'a word'") == 1);
    start(f);
}

static void an_array_that_was_brought_back_is_no_new_programming(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 5, false);
    answer(f, 0, 0, 1);
    stop(f);
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 0);
    assert_true(ask(f, "SELECT sum(requests) FROM w10 WHERE generation = 5") == 1);
    start(f);
}

static void late_labels_count_for_generations_that_are_gone(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    answer(f, 0, 0, 1);
    (void)program(f, 0, 2, true);
    wait_for_writer(f);
    record_feedback(f->record, f->models[0], 1, 3, 2);
    record_feedback(f->record, f->models[0], 1, 4, 0);
    record_feedback(f->record, f->models[0], 2, 1, 1);
    struct record_totals sums = totals(f, 0);
    assert_int_equal(sums.tally.labelled, 1 + 8);
    assert_int_equal(sums.tally.correct, 3);
    assert_int_equal(sums.tally.requests, 1);
    stop(f);
    assert_true(ask(f, "SELECT sum(labelled) FROM w10 WHERE generation = 1") == 8);
    assert_true(ask(f, "SELECT sum(correct) FROM w10 WHERE generation = 2") == 1);
    start(f);
}

static void more_late_labels_than_a_second_holds_are_all_counted(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    for (unsigned i = 0; i < 10000; i++)
        record_feedback(f->record, f->models[0], 1, 2, i % 2);
    assert_int_equal(totals(f, 0).tally.labelled, 20000);
    stop(f);
    assert_true(ask(f, "SELECT sum(labelled) FROM w10") == 20000);
    assert_true(ask(f, "SELECT sum(correct) FROM w10") == 5000);
    start(f);
}

/* Labels for two models interleaved: each row must land on its own model, in the last
 * pending place as everywhere. */
static void many_late_labels_stay_with_their_model(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    (void)program(f, 1, 1, true);
    for (unsigned i = 0; i < 10000; i++)
        record_feedback(f->record, f->models[i % 2], 1, 1, 1);
    stop(f);
    assert_true(ask(f, "SELECT sum(labelled) FROM v_accuracy WHERE model = 'first'") ==
                5000);
    assert_true(ask(f, "SELECT sum(labelled) FROM v_accuracy WHERE model = 'second'") ==
                5000);
    start(f);
}

/* -- Generations come and go -- */

static void a_generation_is_let_go_when_nobody_holds_it(void **state)
{
    struct fixture *f = *state;
    struct generation *old = program(f, 0, 1, true);

    generation_keep(old); /* a request that takes long */
    (void)program(f, 0, 2, true);
    wait_for_writer(f);
    assert_int_equal(atomic_load(&old->refs), 2);
    /* It still counts. */
    tally_answer(&old->tallies[0], 1, 0, 0, 10);
    wait_for_writer(f);
    assert_int_equal(totals(f, 0).tally.requests, 1);
    tally_answer(&old->tallies[0], 1, 0, 0, 10);
    generation_drop(old);
    record_event(f->record, METRICS_INFO, "test", NULL, "so that there is a commit");
    wait_for_writer(f);
    assert_int_equal(totals(f, 0).tally.requests, 2);
    assert_true(ask(f, "SELECT sum(requests) FROM w10 WHERE generation = 1") == 2);
}

/* -- When the database cannot be written -- */

static void nothing_is_lost_while_the_database_fails(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    answer(f, 0, 0, 10);
    wait_for_writer(f);
    break_database(f);
    answer(f, 0, 1, 11);
    wait_for_writer(f);
    assert_true(record_health(f->record).degraded);
    for (unsigned i = 0; i < 3; i++) {
        (void)program(f, 0, 2 + i, true);
        answer(f, 0, 0, 5);
        record_event(f->record, METRICS_ERROR, "test", NULL, "event %u", i);
        record_feedback(f->record, f->models[0], 1, 1, 1);
        wait_for_writer(f);
    }
    struct record_health health = record_health(f->record);
    assert_true(health.degraded);
    assert_true(health.write_errors >= 4);
    assert_int_equal(health.rows_dropped, 0);
    assert_int_equal(totals(f, 0).tally.requests, 36);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 10);

    mend_database(f);
    wait_for_writer(f);
    assert_false(record_health(f->record).degraded);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 36);
    assert_true(ask(f, "SELECT sum(labelled) FROM w10") == 36 + 3);
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 4);
    assert_true(ask(f, "SELECT count(*) FROM event WHERE kind = 'test'") == 3);
    answer(f, 0, 0, 4);
    stop(f);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 40);
    start(f);
}

static void the_last_rows_are_written_even_if_it_was_degraded(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    break_database(f);
    answer(f, 0, 0, 3);
    wait_for_writer(f);
    assert_true(record_health(f->record).degraded);
    mend_database(f);
    stop(f);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 3);
    start(f);
}

static void a_writer_beside_us_only_delays(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    wait_for_writer(f);
    (void)ask(f, "BEGIN IMMEDIATE");
    answer(f, 0, 0, 6);
    /* Counting and asking do not wait for it. */
    for (unsigned i = 0; i < 200; i++) {
        answer(f, 0, 1, 1);
        assert_int_equal(totals(f, 0).tally.requests, 7 + i);
        wait_a_little();
    }
    (void)ask(f, "COMMIT");
    stop(f);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 206);
    start(f);
}

static void rows_that_no_longer_fit_are_counted_and_windows_merge(void **state)
{
    struct fixture *f = *state;
    enum { EVENTS = 5000, GENERATIONS = 4500 };

    break_database(f);
    (void)program(f, 1, 1, false);
    answer(f, 1, 0, 1);
    for (unsigned i = 0; i < EVENTS; i++)
        record_event(f->record, METRICS_INFO, "test", NULL, "event %u", i);
    for (unsigned i = 0; i < GENERATIONS; i++) {
        (void)program(f, 0, 1 + i, true);
        answer(f, 0, i % N_LANES, 1);
    }
    answer(f, 1, 0, 1);
    wait_for_writer(f);
    wait_for_writer(f);
    struct record_health health = record_health(f->record);
    assert_true(health.rows_dropped >= EVENTS - 4096 + GENERATIONS - 4096);
    assert_int_equal(totals(f, 0).tally.requests, GENERATIONS);
    assert_int_equal(totals(f, 0).programmings, GENERATIONS);

    mend_database(f);
    wait_for_writer(f);
    assert_false(record_health(f->record).degraded);
    /* Requests are never dropped: those of the last generations are in the last row. */
    assert_true(ask(f, "SELECT sum(requests) FROM w10 JOIN model ON model.id = model_id"
                       " WHERE name = 'first'") == GENERATIONS);
    assert_true(ask(f, "SELECT sum(requests) FROM w10 JOIN model ON model.id = model_id"
                       " WHERE name = 'second'") == 2);
    assert_true(ask(f, "SELECT sum(images) FROM w10") == 2 * (GENERATIONS + 2));
    assert_true(ask(f, "SELECT count(*) FROM w10 WHERE requests > 0") <= 4096 + 2);
    assert_true(ask(f, "SELECT count(*) FROM event WHERE kind = 'test'") == 4096);
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 4096);
}

/* -- Start -- */

static void a_path_that_cannot_be_opened_is_told(void **state)
{
    struct fixture *f = *state;
    struct record *record = NULL;
    char why[ERR_LEN];

    assert_int_equal(record_start("/nonexistent/r.db", f->models, 2, &record, why),
                     ST_IO);
    assert_non_null(strstr(why, "/nonexistent/r.db"));
    assert_null(record);
    record_stop(NULL);
}

static void an_unclean_end_is_an_event_of_the_next_start(void **state)
{
    struct fixture *f = *state;
    struct record *again = NULL;
    char why[ERR_LEN];

    /* The first writer still has it open, so it never closed it. */
    assert_int_equal(record_start(f->path, f->models, 2, &again, why), ST_OK);
    record_stop(again);
    assert_true(ask(f, "SELECT count(*) FROM event WHERE severity = 1 AND"
                       " kind = 'database'") == 1);
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;
    enum status st = ST_NOMEM;

    stop(f);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        char why[ERR_LEN] = "nothing";

        fault_at(nth);
        st = record_start(f->path, f->models, 2, &f->record, why);
        fault_off();
        if (st != ST_OK) {
            assert_int_equal(st, ST_NOMEM);
            assert_string_not_equal(why, "nothing");
        }
    }

    struct generation *generation = NULL;
    assert_int_equal(generation_new(f->models[0], N_LANES, &generation), ST_OK);
    /* The row of history is lost and counted; what the generation serves is not. */
    fault_at(0);
    record_generation(f->record, generation, true);
    fault_off();
    tally_answer(&generation->tallies[0], 1, 0, 0, 1);
    generation_drop(generation);
    assert_int_equal(record_health(f->record).rows_dropped, 1);
    assert_int_equal(totals(f, 0).programmings, 1);
    assert_int_equal(totals(f, 0).tally.requests, 1);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(totals_are_the_sums_over_lanes_and_generations),
        FRESH(nothing_is_missing_after_the_end),
        FRESH(an_array_that_was_brought_back_is_no_new_programming),
        FRESH(late_labels_count_for_generations_that_are_gone),
        FRESH(more_late_labels_than_a_second_holds_are_all_counted),
        FRESH(many_late_labels_stay_with_their_model),
        FRESH(a_generation_is_let_go_when_nobody_holds_it),
        FRESH(nothing_is_lost_while_the_database_fails),
        FRESH(the_last_rows_are_written_even_if_it_was_degraded),
        FRESH(a_writer_beside_us_only_delays),
        FRESH(rows_that_no_longer_fit_are_counted_and_windows_merge),
        FRESH(a_path_that_cannot_be_opened_is_told),
        FRESH(an_unclean_end_is_an_event_of_the_next_start),
        FRESH(memory_that_is_not_there_is_told),
    };

    log_open(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
