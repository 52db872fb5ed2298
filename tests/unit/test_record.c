/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record.h"

#include "tests/lib/fault.h"
#include "tests/unit/record_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* One layer's share of so many pictures and writes. */
static void assert_ledger(const struct energy *energy, double images, double writes)
{
    assert_true(energy->pj[ENERGY_READ] == images * READ_PJ);
    assert_true(energy->pj[ENERGY_DECODE] == images * DECODE_PJ);
    assert_true(energy->pj[ENERGY_COMPUTE] == images * COMP_PJ);
    assert_true(energy->pj[ENERGY_TOGGLE] == writes * TOGGLE_PJ);
    assert_true(energy->pj[ENERGY_CHECK] == writes * CHECK_PJ);
    assert_true(energy->pj[ENERGY_HOLD] == 0 && energy->pj[ENERGY_ENCODE] == 0 &&
                energy->pj[ENERGY_VERIFY] == 0);
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
    (void)program(f, 1, 1, true);
    answer(f, 1, 0, 5);

    /* At once, while generation 1 is watched and after it is let go. */
    for (int turn = 0; turn < 3; turn++) {
        struct record_totals sums = totals(f, 0);

        assert_int_equal(sums.tally.requests, 60);
        assert_int_equal(sums.tally.images, 120);
        assert_int_equal(sums.tally.labelled, 60);
        assert_int_equal(sums.tally.correct, 30);
        assert_int_equal(sums.cells_read, 120 * 81);
        assert_true(sums.tally.latency_sum_us == 6000);
        assert_true(sums.tally.latency_max_us == 100);
        assert_int_equal(sums.tally.latency[metrics_latency_bucket(100)], 60);
        assert_ledger(&sums.energy[0], 120, 2);
        assert_ledger(&sums.energy[1], 120, 2);
        assert_true(energy_of_inference(&sums.total_energy) ==
                    2 * 120 * (READ_PJ + DECODE_PJ + COMP_PJ));
        assert_int_equal(sums.programmings, 2);
        assert_true(energy_of_programming(&sums.total_energy) ==
                    2 * 2 * (TOGGLE_PJ + CHECK_PJ));
        assert_int_equal(sums.programming_errors[MTJ_P2AP], 4);
        assert_int_equal(sums.programming_toggles[MTJ_AP2P], 20);
        assert_int_equal(totals(f, 1).tally.requests, 5);
        assert_int_equal(totals(f, 1).programmings, 1);
        record_event(f->record, METRICS_INFO, "test", NULL, "turn %d", turn);
        wait_for_writer(f);
    }
}

/* A sum depends on its order in the last digit, and letting go changes the order. */
static void no_sum_of_fractions_falls_when_generations_are_let_go(void **state)
{
    struct fixture *f = *state;
    struct generation *kept[4] = { NULL };

    for (uint64_t number = 1; number <= 20; number++) {
        (void)program(f, 0, number, true);
        struct generation *generation = generation_take(f->models[0]);

        tally_answer(&generation->tallies[0], 1, 0, 0, 0.1 * (double)number);
        double latency_us = totals(f, 0).tally.latency_sum_us;
        generation_drop(kept[number % 4]);
        kept[number % 4] = generation;
        record_flush(f->record);
        assert_true(totals(f, 0).tally.latency_sum_us >= latency_us);
        assert_true(fabs(latency_us - 0.05 * (double)(number * (number + 1))) < 1e-9);
    }
    for (size_t i = 0; i < 4; i++)
        generation_drop(kept[i]);
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
    tally_refuse(&generation->tallies[0], TALLY_INVALID);
    generation_drop(generation);
    record_event(f->record, METRICS_WARNING, "test", f->models[1], "a %s", "word");
    stop(f);

    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 24);
    assert_true(ask(f, "SELECT sum(requests) FROM w10 WHERE generation = 1") == 15);
    assert_true(ask(f, "SELECT sum(images) FROM w10") == 48);
    assert_true(ask(f, "SELECT sum(errors) FROM w10") == 1);
    assert_true(ask(f, "SELECT sum(bits_read) FROM w10") == 48 * 81);
    assert_true(ask(f, "SELECT sum(read_pj) FROM w10") == 48 * 2 * (READ_PJ + DECODE_PJ));
    assert_true(ask(f, "SELECT sum(compute_pj) FROM w10") == 48 * 2 * COMP_PJ);
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

    (void)program(f, 0, 5, true);
    stop(f);
    start(f);
    (void)program(f, 0, 5, false);
    answer(f, 0, 0, 1);
    assert_int_equal(totals(f, 0).programmings, 0);
    stop(f);
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 1);
    assert_true(ask(f, "SELECT sum(requests) FROM w10 WHERE generation = 5") == 1);
    start(f);
}

/* The process was killed after the image was written and before the row was. */
static void an_array_whose_row_is_missing_gets_it(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 4, true);
    stop(f);
    start(f);
    (void)program(f, 0, 5, false);
    record_flush(f->record);
    assert_true(ask(f, "SELECT count(*) FROM operating_point WHERE generation = 5") == 1);
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 2);
    assert_int_equal(totals(f, 0).programmings, 1);
}

/* -- The ledger -- */

/* Only a write spends energy on cells; reading goes on under any cause. */
static void what_wrote_nothing_costs_nothing(void **state)
{
    static const enum mram_cause causes[] = { MRAM_AGED, MRAM_DISTURBED, MRAM_INJECTED,
                                              MRAM_IMPORTED };
    struct fixture *f = *state;

    (void)change(f, 0, 1, MRAM_PROGRAMMED, true);
    for (size_t i = 0; i < 4; i++) {
        (void)change(f, 0, 2 + i, causes[i], true);
        answer(f, 0, 0, 1);
    }
    struct record_totals sums = totals(f, 0);
    assert_int_equal(sums.programmings, 1);
    assert_int_equal(sums.programming_toggles[MTJ_AP2P], 10);
    assert_ledger(&sums.energy[0], 8, 1);
    (void)change(f, 0, 6, MRAM_SCRUBBED, true);
    sums = totals(f, 0);
    assert_int_equal(sums.programmings, 2);
    assert_ledger(&sums.energy[1], 8, 2);
    stop(f);
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 6);
    assert_true(ask(f, "SELECT count(*) FROM operating_point WHERE energy_pj > 0") == 2);
    assert_true(ask(f, "SELECT sum(wrong_bits) FROM operating_point") == 6 * 6);
    start(f);
}

static double written(struct fixture *f, const char *kind)
{
    char sql[160];

    (void)snprintf(sql, sizeof(sql), "SELECT sum(%s_pj) FROM energy", kind);
    return ask(f, sql);
}

static void the_ledger_goes_on_after_a_restart(void **state)
{
    struct fixture *f = *state;

    for (unsigned turn = 1; turn <= 3; turn++) {
        (void)program(f, 0, turn, true);
        answer(f, 0, 0, 5);
        answer(f, 0, 1, 5);
        struct record_totals before = totals(f, 0);
        assert_ledger(&before.energy[0], 20 * turn, turn);
        assert_ledger(&totals(f, 1).energy[0], 0, 0);
        stop(f);
        assert_true(written(f, "read") == 2 * 20 * turn * READ_PJ);
        assert_true(written(f, "decode") == 2 * 20 * turn * DECODE_PJ);
        assert_true(written(f, "compute") == 2 * 20 * turn * COMP_PJ);
        assert_true(written(f, "toggle") == 2 * turn * TOGGLE_PJ);
        assert_true(written(f, "check") == 2 * turn * CHECK_PJ);
        start(f);
        struct record_totals after = totals(f, 0);
        assert_memory_equal(after.energy, before.energy, sizeof(after.energy));
        assert_memory_equal(&after.total_energy, &before.total_energy,
                            sizeof(after.total_energy));
        assert_int_equal(after.since_s, before.since_s);
        /* What else is counted begins again. */
        assert_int_equal(after.tally.images, 0);
    }
}

static void energy_that_could_not_be_written_is_written_later(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    wait_for_writer(f);
    break_database(f);
    for (unsigned i = 0; i < 3; i++) {
        (void)program(f, 0, 2 + i, true);
        answer(f, 0, 0, 5);
        wait_for_writer(f);
    }
    assert_true(record_health(f->record).degraded);
    assert_true(written(f, "toggle") == 2 * TOGGLE_PJ);
    assert_ledger(&totals(f, 0).energy[0], 30, 4);
    mend_database(f);
    wait_for_writer(f);
    assert_true(written(f, "toggle") == 4 * 2 * TOGGLE_PJ);
    assert_true(written(f, "read") == 30 * 2 * READ_PJ);
    /* Once. */
    answer(f, 0, 0, 1);
    wait_for_writer(f);
    assert_true(written(f, "toggle") == 4 * 2 * TOGGLE_PJ);
    assert_true(written(f, "read") == 32 * 2 * READ_PJ);
}

/* What could not be written is, in the one transaction that there is at the end. */
static void the_whole_ledger_is_written_at_the_end(void **state)
{
    enum { MODELS = 1100, LAYERS = 8 };
    static struct model *models[MODELS];
    const struct sbnn_shape shape = { "many",
                                      { 2, 3, 1, NETWORK_BINARY, .threshold = 128 },
                                      LAYERS,
                                      { 1, 1, 1, 1, 1, 1, 1, 2 } };
    struct fixture *f = *state;
    struct conditions *conditions = default_conditions(LAYERS);
    struct device device = device_default();

    break_database(f);
    for (unsigned i = 0; i < MODELS; i++) {
        struct generation *generation;
        char why[ERR_LEN];

        assert_int_equal(
            model_new(sbnn_random(&shape, i), MODEL_BUILTIN, "x", &device, &models[i]),
            ST_OK);
        assert_int_equal(record_add_model(f->record, models[i], why), ST_OK);
        assert_int_equal(generation_new(models[i], N_LANES, &generation), ST_OK);
        generation->cause = MRAM_PROGRAMMED;
        generation->conditions = conditions_keep(conditions);
        for (size_t l = 0; l < LAYERS; l++)
            generation->results[l].energy.toggle_pj = TOGGLE_PJ;
        record_generation(f->record, generation, true);
        generation_drop(generation);
    }
    mend_database(f);
    stop(f);
    assert_true(written(f, "toggle") == MODELS * LAYERS * TOGGLE_PJ);
    for (unsigned i = 0; i < MODELS; i++)
        model_drop(models[i]);
    conditions_drop(conditions);
    start(f);
}

/* -- Labels -- */

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
    (void)program(f, 1, 1, true);
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

/* As on a disk that is full at the start, and is not later. */
static void start_without_database(struct fixture *f, char aside[sizeof(f->path)])
{
    stop(f);
    (void)snprintf(aside, sizeof(f->path), "%s", scratch_path(&f->scratch, "aside"));
    assert_int_equal(rename(f->path, aside), 0);
    assert_int_equal(mkdir(f->path, 0750), 0);
    start(f);
    assert_true(record_health(f->record).degraded);
}

static void wait_until_it_writes(struct fixture *f)
{
    for (int i = 0; i < WAIT_MAX && record_health(f->record).degraded; i++)
        wait_a_little();
    assert_false(record_health(f->record).degraded);
}

static void a_database_that_cannot_be_opened_is_tried_again(void **state)
{
    struct fixture *f = *state;
    char aside[sizeof(f->path)];

    start_without_database(f, aside);
    (void)program(f, 0, 1, true);
    record_flush(f->record);
    assert_true(record_health(f->record).degraded);
    assert_int_equal(record_health(f->record).rows_dropped, 0);

    assert_int_equal(rmdir(f->path), 0);
    assert_int_equal(rename(aside, f->path), 0);
    wait_until_it_writes(f);
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 1);
}

static void it_is_tried_again_though_nothing_waits(void **state)
{
    struct fixture *f = *state;
    char aside[sizeof(f->path)];

    (void)program(f, 0, 1, true);
    start_without_database(f, aside);
    assert_ledger(&totals(f, 0).energy[0], 0, 0);
    assert_int_equal(rmdir(f->path), 0);
    assert_int_equal(rename(aside, f->path), 0);
    wait_until_it_writes(f);
    assert_ledger(&totals(f, 0).energy[0], 0, 1);
}

static void what_is_found_when_it_opens_later_is_an_event(void **state)
{
    struct fixture *f = *state;
    char aside[sizeof(f->path)];

    start_without_database(f, aside);
    assert_int_equal(rmdir(f->path), 0);
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(fputs("no database\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    wait_until_it_writes(f);
    record_flush(f->record);
    assert_int_equal(sqlite3_close(f->beside), SQLITE_OK);
    assert_int_equal(sqlite3_open(f->path, &f->beside), SQLITE_OK);
    assert_true(ask(f, "SELECT count(*) FROM event WHERE severity = 2 AND"
                       " kind = 'database' AND message LIKE '%corrupt%'") == 1);
}

/* -- A file that goes while it is written to -- */

static void wait_until_it_is_missed(struct fixture *f, uint64_t files_lost)
{
    for (unsigned turns = 0; record_health(f->record).files_lost < files_lost; turns++) {
        assert_true(turns < WAIT_MAX);
        wait_a_little();
    }
    /* Rows of generations come with the transaction after that. */
    assert_true(record_flush(f->record) && record_flush(f->record));
    assert_false(record_health(f->record).degraded);
    assert_int_equal(sqlite3_close(f->beside), SQLITE_OK);
    assert_int_equal(sqlite3_open(f->path, &f->beside), SQLITE_OK);
}

static void a_file_that_is_deleted_is_begun_anew(void **state)
{
    struct fixture *f = *state;

    (void)program(f, 0, 1, true);
    (void)program(f, 0, 2, true);
    answer(f, 0, 0, 10);
    assert_true(record_flush(f->record));
    struct record_totals before = totals(f, 0);
    for (unsigned times = 1; times <= 2; times++) {
        assert_int_equal(unlink(f->path), 0);
        wait_until_it_is_missed(f, times);
        assert_true(ask(f, "SELECT count(*) FROM w10 WHERE requests > 0") == 0);
        assert_true(ask(f, "SELECT count(*) FROM model") == 2);
        assert_true(ask(f, "SELECT count(*) FROM operating_point") == 1);
        assert_true(ask(f, "SELECT generation FROM operating_point") == 2);
        assert_true(ask(f, "SELECT count(*) FROM event WHERE severity = 2 AND"
                           " message LIKE '%deleted or replaced%'") == 1);
        assert_true(written(f, "read") == 2 * 20 * READ_PJ);
        assert_true(written(f, "toggle") == 2 * 2 * TOGGLE_PJ);
        struct record_totals after = totals(f, 0);
        assert_memory_equal(&after, &before, sizeof(after));
    }
    answer(f, 0, 0, 3);
    assert_true(record_flush(f->record));
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 3);
    before = totals(f, 0);
    stop(f);
    assert_true(ask(f, "SELECT value FROM meta WHERE key = 'clean'") == 1);
    start(f);
    assert_memory_equal(totals(f, 0).energy, before.energy, sizeof(before.energy));
    assert_int_equal(totals(f, 0).since_s, before.since_s);
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    char bytes[4096];

    assert_non_null(in);
    assert_non_null(out);
    for (size_t n; (n = fread(bytes, 1, sizeof(bytes), in)) > 0;)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(fclose(in), 0);
}

/* Put there as people put a copy back, without a look at the log beside it. */
static void an_older_copy_in_its_place_goes_on_with_the_ledger(void **state)
{
    struct fixture *f = *state;
    char copy[sizeof(f->path)], away[sizeof(f->path)];

    (void)snprintf(copy, sizeof(copy), "%s", scratch_path(&f->scratch, "copy.db"));
    (void)snprintf(away, sizeof(away), "%s", scratch_path(&f->scratch, "away.db"));
    (void)program(f, 0, 1, true);
    answer(f, 0, 0, 10);
    stop(f);
    copy_file(f->path, copy);
    start(f);
    (void)program(f, 0, 2, true);
    answer(f, 0, 0, 5);
    assert_true(record_flush(f->record));
    struct record_totals before = totals(f, 0);

    assert_int_equal(rename(f->path, away), 0);
    assert_int_equal(rename(copy, f->path), 0);
    wait_until_it_is_missed(f, 1);
    struct record_totals after = totals(f, 0);
    assert_memory_equal(&after, &before, sizeof(after));
    assert_true(ask(f, "SELECT count(*) FROM operating_point") == 2);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 10);
    assert_true(written(f, "read") == 2 * 30 * READ_PJ);
    assert_true(written(f, "toggle") == 2 * 2 * TOGGLE_PJ);
    assert_true(ask(f, "SELECT quick_check = 'ok' FROM pragma_quick_check") == 1);
    /* The other one is whole where it is now. */
    assert_int_equal(sqlite3_close(f->beside), SQLITE_OK);
    assert_int_equal(sqlite3_open(away, &f->beside), SQLITE_OK);
    assert_true(ask(f, "SELECT sum(requests) FROM w10") == 15);
    assert_true(ask(f, "SELECT value FROM meta WHERE key = 'clean'") == 1);
}

static void where_no_database_can_be_begun_there_is_no_start(void **state)
{
    struct record_options o = options(*state);
    struct record *record = NULL;
    char why[ERR_LEN];

    o.path = "/nonexistent/r.db";
    assert_int_equal(record_start(&o, &record, why), ST_IO);
    assert_non_null(strstr(why, "/nonexistent/r.db"));
    assert_null(record);
    record_stop(NULL);
}

/* What was counted for it is written first. */
static void a_model_that_is_removed_is_let_go(void **state)
{
    struct fixture *f = *state;
    struct model *model = f->models[0];

    (void)program(f, 0, 1, true);
    record_remove_model(f->record, model);
    answer(f, 0, 0, 2);
    record_flush(f->record);
    assert_true(atomic_load(&model->refs) > 1); /* it serves still */
    model_publish(model, NULL);
    record_flush(f->record);
    assert_int_equal(atomic_load(&model->refs), 1);
    assert_true(ask(f, "SELECT sum(images) FROM w10 JOIN model ON model.id = model_id"
                       " WHERE name = 'first'") == 4);
}

/* Sent again while it serves: both spend on one ledger. */
static void a_network_that_takes_its_own_place_goes_on_with_its_ledger(void **state)
{
    struct fixture *f = *state;
    struct record_totals sums;
    char why[ERR_LEN];

    (void)program(f, 0, 1, true);
    struct generation *serving = generation_take(f->models[0]);
    struct model *again = new_model("first", 1);
    assert_int_equal(record_add_model(f->record, again, why), ST_OK);
    record_remove_model(f->record, f->models[0]);
    tally_answer(&serving->tallies[0], 10, 0, 0, 1);
    record_flush(f->record);
    record_totals(f->record, again, &sums);
    assert_ledger(&sums.energy[0], 10, 1);
    assert_true(written(f, "read") == 2 * 10 * READ_PJ);
    record_flush(f->record);
    record_totals(f->record, again, &sums);
    assert_ledger(&sums.energy[1], 10, 1);
    generation_drop(serving);
    model_drop(again);
}

static void an_unclean_end_is_an_event_of_the_next_start(void **state)
{
    struct fixture *f = *state;
    const struct record_options o = options(f);
    struct record *again = NULL;
    char why[ERR_LEN];

    /* The first writer still has it open, so it never closed it. */
    assert_int_equal(record_start(&o, &again, why), ST_OK);
    record_stop(again);
    assert_true(ask(f, "SELECT count(*) FROM event WHERE severity = 1 AND"
                       " kind = 'database'") == 1);
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;
    const struct record_options o = options(f);
    enum status st = ST_NOMEM;

    stop(f);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        char why[ERR_LEN] = "nothing";

        fault_at(nth);
        st = record_start(&o, &f->record, why);
        fault_off();
        if (st != ST_OK) {
            assert_int_equal(st, ST_NOMEM);
            assert_string_not_equal(why, "nothing");
        }
    }
    char why[ERR_LEN];

    fault_at(0);
    assert_int_equal(record_add_model(f->record, f->models[0], why), ST_NOMEM);
    fault_off();
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(record_add_model(f->record, f->models[i], why), ST_OK);

    struct generation *generation = new_generation(f, 0, 1, MRAM_PROGRAMMED);
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
        FRESH(no_sum_of_fractions_falls_when_generations_are_let_go),
        FRESH(nothing_is_missing_after_the_end),
        FRESH(an_array_that_was_brought_back_is_no_new_programming),
        FRESH(an_array_whose_row_is_missing_gets_it),
        FRESH(what_wrote_nothing_costs_nothing),
        FRESH(the_ledger_goes_on_after_a_restart),
        FRESH(energy_that_could_not_be_written_is_written_later),
        FRESH(the_whole_ledger_is_written_at_the_end),
        FRESH(late_labels_count_for_generations_that_are_gone),
        FRESH(more_late_labels_than_a_second_holds_are_all_counted),
        FRESH(many_late_labels_stay_with_their_model),
        FRESH(a_generation_is_let_go_when_nobody_holds_it),
        FRESH(nothing_is_lost_while_the_database_fails),
        FRESH(the_last_rows_are_written_even_if_it_was_degraded),
        FRESH(a_writer_beside_us_only_delays),
        FRESH(rows_that_no_longer_fit_are_counted_and_windows_merge),
        FRESH(a_database_that_cannot_be_opened_is_tried_again),
        FRESH(a_file_that_is_deleted_is_begun_anew),
        FRESH(an_older_copy_in_its_place_goes_on_with_the_ledger),
        FRESH(it_is_tried_again_though_nothing_waits),
        FRESH(what_is_found_when_it_opens_later_is_an_event),
        FRESH(where_no_database_can_be_begun_there_is_no_start),
        FRESH(a_model_that_is_removed_is_let_go),
        FRESH(a_network_that_takes_its_own_place_goes_on_with_its_ledger),
        FRESH(an_unclean_end_is_an_event_of_the_next_start),
        FRESH(memory_that_is_not_there_is_told),
    };

    log_set_level("error");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
