/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pool.h"

#include "tests/lib/fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static struct pool *new_pool(unsigned n_threads, size_t capacity, bool background)
{
    const struct pool_options options = { "test", n_threads, capacity, background };
    struct pool *pool = NULL;

    assert_int_equal(pool_new(&options, &pool), ST_OK);
    return pool;
}

static void wait_a_little(void)
{
    const struct timespec ms = { .tv_nsec = 1000000 };

    (void)nanosleep(&ms, NULL);
}

/* A job that waits until the gate opens. */
struct gate {
    atomic_bool open;
    atomic_uint n_inside;
};

static void wait_at_gate(void *arg, unsigned worker)
{
    struct gate *gate = arg;

    (void)worker;
    atomic_fetch_add(&gate->n_inside, 1);
    while (!atomic_load(&gate->open))
        wait_a_little();
}

static void wait_inside(struct gate *gate, unsigned n)
{
    while (atomic_load(&gate->n_inside) < n)
        wait_a_little();
}

/* -- Order and limits -- */

struct order {
    unsigned next; /* one thread runs the jobs: no lock */
    bool broken;
};
struct numbered {
    struct order *order;
    unsigned number;
};

static void check_order(void *arg, unsigned worker)
{
    const struct numbered *numbered = arg;

    if (worker != 0 || numbered->order->next != numbered->number)
        numbered->order->broken = true;
    numbered->order->next++;
}

static void one_thread_runs_jobs_in_order(void **state)
{
    enum { N = 500 };
    struct pool *pool = new_pool(1, N, false);
    struct order order = { 0 };
    static struct numbered jobs[N];

    (void)state;
    for (unsigned i = 0; i < N; i++) {
        jobs[i] = (struct numbered) { &order, i };
        assert_int_equal(pool_submit(pool, check_order, &jobs[i]), ST_OK);
    }
    pool_free(pool);
    assert_int_equal(order.next, N);
    assert_false(order.broken);
}

static void a_full_queue_is_an_answer(void **state)
{
    struct pool *pool = new_pool(2, 3, false);
    struct gate gate = { 0 };

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pool_submit(pool, wait_at_gate, &gate), ST_OK);
    wait_inside(&gate, 2);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pool_submit(pool, wait_at_gate, &gate), ST_OK);
    assert_int_equal(pool_load(pool), 5);
    assert_int_equal(pool_submit(pool, wait_at_gate, &gate), ST_BUSY);
    assert_int_equal(pool_load(pool), 5);
    atomic_store(&gate.open, true);
    while (pool_load(pool) > 0)
        wait_a_little();
    /* There is room again. */
    assert_int_equal(pool_submit(pool, wait_at_gate, &gate), ST_OK);
    pool_free(pool);
    assert_int_equal(atomic_load(&gate.n_inside), 6);
}

static void what_waits_still_runs_at_the_end(void **state)
{
    struct pool *pool = new_pool(1, 100, true);
    struct gate gate = { 0 };

    (void)state;
    for (unsigned i = 0; i < 101; i++) {
        assert_int_equal(pool_submit(pool, wait_at_gate, &gate), ST_OK);
        if (i == 0)
            wait_inside(&gate, 1);
    }
    atomic_store(&gate.open, true);
    pool_free(pool);
    assert_int_equal(atomic_load(&gate.n_inside), 101);
}

/* -- Many threads -- */

struct sum {
    atomic_uint_fast64_t total;
    atomic_uint by_worker[4], strangers;
};

static void count_worker(void *arg, unsigned worker)
{
    struct sum *sum = arg;

    atomic_fetch_add(&sum->total, 1);
    if (worker < 4)
        atomic_fetch_add(&sum->by_worker[worker], 1);
    else
        atomic_fetch_add(&sum->strangers, 1);
}

struct submitter {
    struct pool *pool;
    struct sum *sum;
    uint64_t taken;
};

static void *submit_many(void *arg)
{
    struct submitter *self = arg;

    for (unsigned i = 0; i < 20000; i++)
        self->taken += pool_submit(self->pool, count_worker, self->sum) == ST_OK;
    return NULL;
}

static void every_job_that_is_taken_runs_once(void **state)
{
    struct pool *pool = new_pool(4, 16, false);
    struct sum sum = { 0 };
    struct submitter submitters[3];
    pthread_t threads[3];
    uint64_t taken = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        submitters[i] = (struct submitter) { pool, &sum, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &submitters[i]),
                         0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        taken += submitters[i].taken;
    }
    pool_free(pool);
    assert_true(taken > 0);
    assert_int_equal(atomic_load(&sum.total), taken);
    assert_int_equal(atomic_load(&sum.strangers), 0);
}

static void memory_that_is_not_there_is_told(void **state)
{
    const struct pool_options options = { "a name that is too long", 3, 8, false };
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct pool *pool = NULL;

        fault_at(nth);
        st = pool_new(&options, &pool);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && pool == NULL));
        pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_runs_jobs_in_order),
        cmocka_unit_test(a_full_queue_is_an_answer),
        cmocka_unit_test(what_waits_still_runs_at_the_end),
        cmocka_unit_test(every_job_that_is_taken_runs_once),
        cmocka_unit_test(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
