/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/job_results.h"

#include "tests/lib/fault.h"
#include "tests/unit/metrics_fixture.h"

#include <stdlib.h>

static int make(void **state)
{
    static struct fixture f;

    fixture_make(&f);
    *state = &f;
    return 0;
}

static int end(void **state)
{
    fixture_free(*state);
    return 0;
}

static int64_t begin(const struct fixture *f, enum job_kind kind)
{
    static char request[] = "{\"kind\":\"sweep\"}";
    struct job_head head = {
        .kind = kind,
        .state = JOB_QUEUED,
        .model = "first",
        .request = request,
        .created_s = NOW,
        .total = 30,
    };
    int64_t id;

    assert_int_equal(job_results_begin(f->db, &head, &id), ST_OK);
    return id;
}

/* After the file was lost jobs of it are still known. */
static void a_new_job_is_numbered_above_the_last_that_is_known(void **state)
{
    const struct fixture *f = *state;
    static char request[] = "{}";
    struct job_head head = { .kind = JOB_SWEEP, .model = "first", .request = request };
    int64_t id;

    head.id = 41;
    assert_int_equal(job_results_begin(f->db, &head, &id), ST_OK);
    assert_int_equal(id, 42);
    head.id = 7;
    assert_int_equal(job_results_begin(f->db, &head, &id), ST_OK);
    assert_int_equal(id, 43);
}

static struct job_trial trial_at(uint64_t point)
{
    static char patch[] = "{\"target_write_error_rate\":0.001}";

    return (struct job_trial) {
        .point = point,
        .operating_point = point > 0 ? patch : NULL,
        .seed = (UINT64_C(1) << 53) - 1,
        .generation = point > 0 ? 0 : 7,
        .write_error_rate = 1e-3,
        .weights = 1000,
        .cells = 1072,
        .predicted_wrong_bits = 0.5,
        .wrong_bits = point,
        .has_energy = point != 2,
        .predicted_energy_pj = 2.25,
        .energy_pj = 2.5,
        .images = point != 1 ? 40 : 0,
        .correct = 30,
        .correct_top = 39,
    };
}

static void a_job_comes_back_as_it_was_written(void **state)
{
    const struct fixture *f = *state;
    int64_t id = begin(f, JOB_MINIMISE);
    char summary[] = "{\"energy_pj\":1}";
    struct job_head head = {
        .id = id,
        .state = JOB_FAILED,
        .started_s = NOW + 1,
        .ended_s = NOW + 2,
        .done = 10,
        .total = 30,
        .error = "out of pictures",
        .summary = summary,
    };
    struct job_head *heads;
    size_t n;

    assert_int_equal(job_results_update(f->db, &head), ST_OK);
    assert_int_equal(job_results_list(f->db, 10, &heads, &n), ST_OK);
    assert_int_equal(n, 1);
    assert_int_equal(heads[0].id, id);
    assert_int_equal(heads[0].kind, JOB_MINIMISE);
    assert_int_equal(heads[0].state, JOB_FAILED);
    assert_string_equal(heads[0].model, "first");
    assert_string_equal(heads[0].request, "{\"kind\":\"sweep\"}");
    assert_int_equal(heads[0].created_s, NOW);
    assert_int_equal(heads[0].started_s, NOW + 1);
    assert_int_equal(heads[0].ended_s, NOW + 2);
    assert_int_equal(heads[0].done, 10);
    assert_int_equal(heads[0].total, 30);
    assert_string_equal(heads[0].error, "out of pictures");
    assert_string_equal(heads[0].summary, summary);
    job_head_done(&heads[0]);
    free(heads);
}

static void trials_come_back_in_their_order(void **state)
{
    const struct fixture *f = *state;
    int64_t id = begin(f, JOB_SWEEP), other = begin(f, JOB_SWEEP);
    struct job_trials trials;

    for (size_t i = 3; i-- > 0;) {
        struct job_trial trial = trial_at(i);

        assert_int_equal(job_results_add(f->db, id, i, &trial), ST_OK);
    }
    assert_int_equal(job_results_read(f->db, id, &trials), ST_OK);
    assert_int_equal(trials.n, 3);
    for (size_t i = 0; i < 3; i++) {
        struct job_trial wanted = trial_at(i);
        const struct job_trial *t = &trials.trials[i];

        assert_int_equal(t->point, i);
        if (i == 0)
            assert_null(t->operating_point);
        else
            assert_string_equal(t->operating_point, wanted.operating_point);
        assert_int_equal(t->seed, wanted.seed);
        assert_int_equal(t->generation, wanted.generation);
        assert_true(t->write_error_rate == wanted.write_error_rate);
        assert_int_equal(t->weights, 1000);
        assert_int_equal(t->cells, 1072);
        assert_true(t->predicted_wrong_bits == 0.5);
        assert_int_equal(t->wrong_bits, i);
        assert_int_equal(t->has_energy, wanted.has_energy);
        assert_true(t->energy_pj == (t->has_energy ? 2.5 : 0.0));
        assert_int_equal(t->images, wanted.images);
        assert_int_equal(t->correct, t->images > 0 ? 30 : 0);
        assert_int_equal(t->correct_top, t->images > 0 ? 39 : 0);
    }
    job_trials_done(&trials);
    assert_int_equal(job_results_read(f->db, other, &trials), ST_OK);
    assert_int_equal(trials.n, 0);
    job_trials_done(&trials);
}

static void the_view_shows_shares(void **state)
{
    const struct fixture *f = *state;
    int64_t id = begin(f, JOB_SWEEP);

    for (size_t i = 0; i < 3; i++) {
        struct job_trial trial = trial_at(i);

        assert_int_equal(job_results_add(f->db, id, i, &trial), ST_OK);
    }
    assert_one(f, "v_job_result",
               "point = 0 AND generation = 7 AND operating_point IS NULL"
               " AND accuracy = 0.75 AND accuracy_top5 = 0.975 AND kind = 'sweep'"
               " AND model = 'first' AND state = 'queued' AND energy_pj = 2.5");
    assert_one(f, "v_job_result",
               "point = 1 AND accuracy IS NULL AND bit_error_rate = 1e-3");
    assert_one(f, "v_job_result",
               "point = 2 AND energy_pj IS NULL AND generation IS NULL");
}

static void a_job_that_is_removed_takes_its_trials_along_and_its_number(void **state)
{
    const struct fixture *f = *state;
    int64_t id = begin(f, JOB_SWEEP);
    struct job_trial trial = trial_at(1);

    assert_int_equal(job_results_add(f->db, id, 0, &trial), ST_OK);
    assert_int_equal(job_results_remove(f->db, id), ST_OK);
    assert_int_equal(job_results_remove(f->db, id), ST_OK);
    assert_true(value(f, "SELECT count(*) FROM job_result") == 0.0);
    assert_true(begin(f, JOB_SWEEP) > id);
}

static void what_had_not_ended_is_interrupted(void **state)
{
    const struct fixture *f = *state;

    for (int s = 0; s < JOB_STATES; s++) {
        struct job_head head = { .id = begin(f, JOB_SWEEP), .state = (enum job_state)s };

        assert_int_equal(job_results_update(f->db, &head), ST_OK);
    }
    assert_int_equal(job_results_interrupt(f->db, NOW + 9), ST_OK);
    assert_true(value(f, "SELECT count(*) FROM job WHERE state = 'interrupted'"
                         "  AND ended_ts = 1700000009") == 2.0);
    assert_true(value(f, "SELECT count(DISTINCT state) FROM job") == 4.0);
}

static void the_list_is_of_the_newest(void **state)
{
    const struct fixture *f = *state;
    int64_t last = 0;
    struct job_head *heads;
    size_t n;

    for (int i = 0; i < 9; i++)
        last = begin(f, JOB_EVALUATE);
    assert_int_equal(job_results_list(f->db, 3, &heads, &n), ST_OK);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(heads[i].id, last - 2 + (int64_t)i);
        job_head_done(&heads[i]);
    }
    free(heads);
}

static void without_memory_nothing_comes_back_and_nothing_leaks(void **state)
{
    const struct fixture *f = *state;
    int64_t id = begin(f, JOB_SWEEP);
    struct job_trials trials;
    struct job_head *heads;
    enum status st = ST_NOMEM;
    size_t n;

    for (size_t i = 0; i < 5; i++) {
        struct job_trial trial = trial_at(i);

        assert_int_equal(job_results_add(f->db, id, i, &trial), ST_OK);
    }
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = job_results_read(f->db, id, &trials);
        fault_off();
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    job_trials_done(&trials);
    st = ST_NOMEM;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = job_results_list(f->db, 10, &heads, &n);
        fault_off();
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    job_head_done(&heads[0]);
    free(heads);
}

/* A full disk: what was there stays, and the reason is told. */
static void a_failure_is_told_and_changes_nothing(void **state)
{
    const struct fixture *f = *state;
    int64_t id = begin(f, JOB_SWEEP);
    struct job_trial trial = trial_at(1);
    enum status st = ST_OK;
    size_t n = 0;

    db_limit_pages(f->db, 1); /* not one more than there are */
    for (; n < 10000 && st == ST_OK; n++)
        st = job_results_add(f->db, id, n, &trial);
    assert_int_equal(st, ST_IO);
    assert_non_null(strstr(db_message(f->db), "full"));
    db_limit_pages(f->db, 0);
    assert_true(value(f, "SELECT count(*) FROM job_result") == (double)(n - 1));
    assert_int_equal(job_results_add(f->db, id, n, &trial), ST_OK);
}

int main(void)
{
#define WITH_DATABASE(test) cmocka_unit_test_setup_teardown(test, make, end)
    const struct CMUnitTest tests[] = {
        WITH_DATABASE(a_job_comes_back_as_it_was_written),
        WITH_DATABASE(a_new_job_is_numbered_above_the_last_that_is_known),
        WITH_DATABASE(trials_come_back_in_their_order),
        WITH_DATABASE(the_view_shows_shares),
        WITH_DATABASE(a_job_that_is_removed_takes_its_trials_along_and_its_number),
        WITH_DATABASE(what_had_not_ended_is_interrupted),
        WITH_DATABASE(the_list_is_of_the_newest),
        WITH_DATABASE(without_memory_nothing_comes_back_and_nothing_leaks),
        WITH_DATABASE(a_failure_is_told_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
