/* SPDX-License-Identifier: Apache-2.0 */
/* record_fixture.h - a record with two small models, and somebody else's connection to
 * its database.
 */
#ifndef TESTS_RECORD_FIXTURE_H
#define TESTS_RECORD_FIXTURE_H

#include "daemon/log.h"
#include "daemon/record.h"
#include "daemon/settings.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include <cmocka.h>

#define N_LANES 2
/* By layer, all sums exact. */
#define READ_PJ   1.5
#define DECODE_PJ 0.25
#define COMP_PJ   1.0
#define TOGGLE_PJ 16.0
#define CHECK_PJ  4.0
#define WAIT_MAX  4000 /* turns of 5 ms */

struct fixture {
    struct scratch scratch;
    char path[128];
    struct model *models[2];
    struct conditions *conditions; /* shared by all generations */
    struct settings settings;      /* what a reload may change */
    struct record *record;
    sqlite3 *beside; /* somebody else's connection */
};

/* -- Helpers -- */

static inline struct model *new_model(const char *name, uint64_t seed)
{
    const struct sbnn_shape shape = {
        name, { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
    };
    struct model *model = NULL;

    struct device device = device_default();

    assert_int_equal(
        model_new(sbnn_random(&shape, seed), MODEL_BUILTIN, "x", &device, &model), ST_OK);
    return model;
}

static inline struct conditions *default_conditions(size_t n_layers)
{
    struct operating_points points = operating_points_default(n_layers);
    struct device device = device_default();
    struct conditions *conditions = NULL;
    const char *field;
    char why[ERR_LEN];
    size_t layer;

    assert_int_equal(
        conditions_new(&points, &device, NULL, &conditions, &layer, &field, why), ST_OK);
    return conditions;
}

static inline struct record_options options(const struct fixture *f)
{
    return (struct record_options) {
        .path = f->path,
        .settings = &f->settings,
        .n_threads = 1,
        .n_lanes = N_LANES,
    };
}

static inline void start(struct fixture *f)
{
    const struct record_options o = options(f);
    char why[ERR_LEN];

    assert_int_equal(record_start(&o, &f->record, why), ST_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(record_add_model(f->record, f->models[i], why), ST_OK);
}

static inline int make(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof(f));
    scratch_make(&f.scratch);
    (void)snprintf(f.path, sizeof(f.path), "%s", scratch_path(&f.scratch, "r.db"));
    f.models[0] = new_model("first", 1);
    f.models[1] = new_model("second", 2);
    f.conditions = default_conditions(2);
    f.settings.request_rows_hours = 24;
    f.settings.request_rows_max = 2000000;
    start(&f);
    assert_int_equal(sqlite3_open(f.path, &f.beside), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(f.beside, 5000), SQLITE_OK);
    *state = &f;
    return 0;
}

/* The end of serving: nobody holds a generation any more. */
static inline void stop(struct fixture *f)
{
    for (size_t i = 0; i < 2; i++)
        model_publish(f->models[i], NULL);
    record_stop(f->record);
    f->record = NULL;
}

static inline int unmake(void **state)
{
    struct fixture *f = *state;

    stop(f);
    assert_int_equal(sqlite3_close(f->beside), SQLITE_OK);
    for (size_t i = 0; i < 2; i++)
        model_drop(f->models[i]);
    conditions_drop(f->conditions);
    scratch_remove(&f->scratch);
    return 0;
}

/* Runs SQL on the other connection; the first column of the first row, NaN without. */
static inline double ask(struct fixture *f, const char *sql)
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

static inline void wait_a_little(void)
{
    const struct timespec ms = { .tv_nsec = 5000000 };

    (void)nanosleep(&ms, NULL);
}

/* Two transactions from now, or two attempts. */
static inline void wait_for_writer(struct fixture *f)
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
static inline void break_database(struct fixture *f)
{
    static const char *const tables[] = { "w10", "event", "operating_point", "energy" };

    for (size_t i = 0; i < 4; i++) {
        char sql[256];

        (void)snprintf(sql, sizeof(sql),
                       "CREATE TRIGGER broken_%s BEFORE INSERT ON %s"
                       " BEGIN SELECT raise(ABORT, 'the disk is full'); END",
                       tables[i], tables[i]);
        (void)ask(f, sql);
    }
}

static inline void mend_database(struct fixture *f)
{
    (void)ask(f, "DROP TRIGGER broken_w10");
    (void)ask(f, "DROP TRIGGER broken_event");
    (void)ask(f, "DROP TRIGGER broken_operating_point");
    (void)ask(f, "DROP TRIGGER broken_energy");
}

/* A new state of models[i]: what was written, and what is held and delivered. */
static inline struct generation *new_generation(struct fixture *f, size_t i,
                                                uint64_t number, enum mram_cause cause)
{
    struct generation *generation = NULL;

    assert_int_equal(generation_new(f->models[i], N_LANES, &generation), ST_OK);
    generation->number = number;
    generation->cause = cause;
    generation->changed_at_s = generation->programmed_at_s = (int64_t)time(NULL);
    generation->conditions = conditions_keep(f->conditions);
    for (size_t l = 0; l < 2; l++) {
        generation->results[l] = (struct mram_result) {
            .toggles = { 4, 5 },
            .energy = { .toggle_pj = TOGGLE_PJ, .check_pj = CHECK_PJ },
        };
        generation->states[l] = (struct mram_state) {
            .weights = l == 0 ? 54 : 27,
            .cells = l == 0 ? 54 : 27,
            .errors = { 1, 2 },
            .wrong = { 2, 1 },
        };
        generation->per_image[l].pj[ENERGY_READ] = READ_PJ;
        generation->per_image[l].pj[ENERGY_DECODE] = DECODE_PJ;
        generation->per_image[l].pj[ENERGY_COMPUTE] = COMP_PJ;
        energy_add(&generation->total_per_image, &generation->per_image[l]);
    }
    generation->total = mram_state_sum(generation->states, 2);
    return generation;
}

/* Recorded and serving. The caller holds no reference. */
static inline struct generation *change(struct fixture *f, size_t i, uint64_t number,
                                        enum mram_cause cause, bool fresh)
{
    struct generation *generation = new_generation(f, i, number, cause);

    record_generation(f->record, generation, fresh);
    model_publish(f->models[i], generation);
    return generation;
}

static inline struct generation *program(struct fixture *f, size_t i, uint64_t number,
                                         bool fresh)
{
    return change(f, i, number, MRAM_PROGRAMMED, fresh);
}

static inline void answer(struct fixture *f, size_t i, unsigned lane, unsigned times)
{
    struct generation *generation = generation_take(f->models[i]);

    for (unsigned t = 0; t < times; t++)
        tally_answer(&generation->tallies[lane], 2, 1, t % 2, 100);
    generation_drop(generation);
}

static inline struct record_totals totals(struct fixture *f, size_t i)
{
    struct record_totals sums;

    record_totals(f->record, f->models[i], &sums);
    return sums;
}

#endif
