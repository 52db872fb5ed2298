/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/spread.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define N_THREADS 4
#define N_PARTS   200

struct job {
    struct pool *pool;
    size_t n_parts;
    long part_ns;
    atomic_uint unable;         /* workers that cannot, bit by bit */
    atomic_uint done[N_PARTS];  /* times that a part was computed */
    atomic_uint by[N_THREADS];  /* parts by worker */
    atomic_uint inside, widest; /* at the same time */
    atomic_bool ended, open;
    bool without_memory;
};

static void sleep_ns(long ns)
{
    (void)nanosleep(&(struct timespec) { .tv_nsec = ns }, NULL);
}

static bool part(void *ctx, size_t number, unsigned worker)
{
    struct job *job = ctx;

    if ((atomic_load(&job->unable) & 1u << worker) != 0)
        return false;
    unsigned inside = atomic_fetch_add(&job->inside, 1) + 1;
    unsigned widest = atomic_load(&job->widest);
    while (inside > widest &&
           !atomic_compare_exchange_weak(&job->widest, &widest, inside))
        continue;
    sleep_ns(job->part_ns);
    atomic_fetch_add(&job->done[number], 1);
    atomic_fetch_add(&job->by[worker], 1);
    atomic_fetch_sub(&job->inside, 1);
    return true;
}

static void run_job(void *arg, unsigned worker)
{
    struct job *job = arg;

    atomic_fetch_and(&job->unable, ~(1u << worker)); /* the caller's always can */
    if (job->without_memory)
        fault_at(0);
    spread_run(job->pool, worker, job->n_parts, part, job);
    if (job->without_memory)
        assert_true(fault_off());
    assert_int_equal(atomic_load(&job->inside), 0);
    for (size_t i = 0; i < job->n_parts; i++)
        assert_int_equal(atomic_load(&job->done[i]), 1);
    atomic_store(&job->ended, true);
}

static int make(void **state)
{
    static struct job job;
    const struct pool_options options = { "spread", N_THREADS, 64, false };

    memset(&job, 0, sizeof(job));
    job.n_parts = N_PARTS;
    job.part_ns = 100000;
    *state = &job;
    return pool_new(&options, &job.pool) == ST_OK ? 0 : -1;
}

static int unmake(void **state)
{
    struct job *job = *state;

    pool_free(job->pool);
    return 0;
}

static void run_and_wait(struct job *job)
{
    assert_int_equal(pool_submit(job->pool, run_job, job), ST_OK);
    while (!atomic_load(&job->ended))
        sleep_ns(100000);
}

static void every_part_is_computed_once_by_whoever_is_idle(void **state)
{
    struct job *job = *state;

    run_and_wait(job);
    assert_true(atomic_load(&job->widest) > 1);
    assert_true(atomic_load(&job->widest) <= N_THREADS);
}

static bool part_from_outside(void *ctx, size_t number, unsigned worker)
{
    struct job *job = ctx;

    assert_true(worker < N_THREADS || worker == SPREAD_OUTSIDE);
    if (worker == SPREAD_OUTSIDE)
        atomic_fetch_add(&job->inside, 1);
    sleep_ns(job->part_ns);
    atomic_fetch_add(&job->done[number], 1);
    return true;
}

static void a_caller_from_outside_computes_too(void **state)
{
    struct job *job = *state;

    spread_run(job->pool, SPREAD_OUTSIDE, job->n_parts, part_from_outside, job);
    for (size_t i = 0; i < job->n_parts; i++)
        assert_int_equal(atomic_load(&job->done[i]), 1);
    job->n_parts = 1;
    spread_run(job->pool, SPREAD_OUTSIDE, job->n_parts, part_from_outside, job);
    assert_int_equal(atomic_load(&job->done[0]), 2);
    assert_true(atomic_load(&job->inside) > 0);
}

static void one_part_needs_no_help(void **state)
{
    struct job *job = *state;

    job->n_parts = 1;
    run_and_wait(job);
    assert_int_equal(atomic_load(&job->widest), 1);
}

static void who_cannot_leaves_it_to_the_caller(void **state)
{
    struct job *job = *state;

    atomic_store(&job->unable, (1u << N_THREADS) - 1);
    run_and_wait(job);
    assert_int_equal(atomic_load(&job->widest), 1);
}

static void without_memory_the_caller_does_it_all(void **state)
{
    struct job *job = *state;

    job->without_memory = true;
    run_and_wait(job);
    assert_int_equal(atomic_load(&job->widest), 1);
}

static void wait_for_gate(void *arg, unsigned worker)
{
    atomic_bool *open = arg;

    (void)worker;
    while (!atomic_load(open))
        sleep_ns(100000);
}

/* Nobody waits for those that are busy. */
static void a_busy_pool_leaves_it_to_the_caller(void **state)
{
    struct job *job = *state;

    for (unsigned i = 0; i < N_THREADS - 1; i++)
        assert_int_equal(pool_submit(job->pool, wait_for_gate, &job->open), ST_OK);
    run_and_wait(job);
    assert_int_equal(atomic_load(&job->widest), 1);
    atomic_store(&job->open, true);
}

/* Several callers at once, each with helpers that may come late. */
static void jobs_do_not_disturb_each_other(void **state)
{
    struct job *job = *state;
    static struct job jobs[16];

    for (size_t i = 0; i < 16; i++) {
        memset(&jobs[i], 0, sizeof(jobs[i]));
        jobs[i].pool = job->pool;
        jobs[i].n_parts = 1 + 11 * i;
        assert_int_equal(pool_submit(job->pool, run_job, &jobs[i]), ST_OK);
    }
    for (size_t i = 0; i < 16; i++)
        while (!atomic_load(&jobs[i].ended))
            sleep_ns(100000);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(a_caller_from_outside_computes_too),
        FRESH(every_part_is_computed_once_by_whoever_is_idle),
        FRESH(one_part_needs_no_help),
        FRESH(who_cannot_leaves_it_to_the_caller),
        FRESH(without_memory_the_caller_does_it_all),
        FRESH(a_busy_pool_leaves_it_to_the_caller),
        FRESH(jobs_do_not_disturb_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
