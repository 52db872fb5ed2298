/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pool.h"

#include "tests/lib/fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
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

/* -- Along with others -- */

/* A job that takes others of its kind along: the numbers, in the order of their turn. */
struct company {
    struct pool *pool;
    unsigned turns[8][8], n_together[8], n_turns; /* one thread: no lock */
    unsigned room;
};
struct guest {
    struct company *company;
    unsigned number;
};

static void note_guest(struct company *company, unsigned number)
{
    unsigned turn = company->n_turns;

    company->turns[turn][company->n_together[turn]++] = number;
}

/* Even numbers come along while there is room. */
static bool take_even(void *ctx, void *arg)
{
    struct company *company = ctx;
    const struct guest *guest = arg;

    if (guest->number % 2 != 0 || company->room == 0)
        return false;
    company->room--;
    note_guest(company, guest->number);
    return true;
}

static void run_guest(void *arg, unsigned worker)
{
    const struct guest *guest = arg;
    struct company *company = guest->company;

    (void)worker;
    note_guest(company, guest->number);
    if (guest->number % 2 == 0)
        pool_take_along(company->pool, run_guest, take_even, company);
    company->n_turns++;
}

static void queue_guests(struct company *company, struct guest *guests,
                         const unsigned *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        guests[i] = (struct guest) { company, numbers[i] };
        assert_int_equal(pool_submit(company->pool, run_guest, &guests[i]), ST_OK);
    }
}

static void expect_turn(const struct company *company, unsigned turn, unsigned n,
                        const unsigned *numbers)
{
    assert_int_equal(company->n_together[turn], n);
    assert_memory_equal(company->turns[turn], numbers, n * sizeof(*numbers));
}

static void a_job_takes_along_what_it_wants_and_leaves_the_rest_in_order(void **state)
{
    static const unsigned numbers[] = { 0, 1, 2, 4, 3, 6 };
    static const unsigned turns[] = { 0, 2, 4, 1, 3, 6 };
    struct company company = { .pool = new_pool(1, 7, false), .room = 2 };
    struct gate gate = { 0 }, other = { .open = true };
    struct guest guests[6];

    (void)state;
    /* The queue begins anywhere in its ring. */
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pool_submit(company.pool, wait_at_gate, &other), ST_OK);
    wait_inside(&other, 4);
    assert_int_equal(pool_submit(company.pool, wait_at_gate, &gate), ST_OK);
    wait_inside(&gate, 1);
    queue_guests(&company, guests, numbers, 6);
    /* Not of its kind: not even shown. */
    assert_int_equal(pool_submit(company.pool, wait_at_gate, &other), ST_OK);
    atomic_store(&gate.open, true);
    pool_free(company.pool);

    assert_int_equal(company.n_turns, 4);
    expect_turn(&company, 0, 3, &turns[0]);
    expect_turn(&company, 1, 1, &turns[3]);
    expect_turn(&company, 2, 1, &turns[4]);
    expect_turn(&company, 3, 1, &turns[5]);
    assert_int_equal(atomic_load(&other.n_inside), 5);
}

static void a_job_leaves_the_other_threads_their_share(void **state)
{
    static const unsigned numbers[] = { 0, 2, 4, 6, 8 };
    struct company company = { .pool = new_pool(2, 8, false), .room = 8 };
    struct gate first = { 0 }, second = { 0 };
    struct guest guests[5];

    (void)state;
    assert_int_equal(pool_submit(company.pool, wait_at_gate, &first), ST_OK);
    assert_int_equal(pool_submit(company.pool, wait_at_gate, &second), ST_OK);
    wait_inside(&first, 1);
    wait_inside(&second, 1);
    queue_guests(&company, guests, numbers, 5);
    atomic_store(&first.open, true); /* one thread alone does it all */
    while (pool_load(company.pool) > 1)
        wait_a_little();
    atomic_store(&second.open, true);
    pool_free(company.pool);

    assert_int_equal(company.n_turns, 3);
    expect_turn(&company, 0, 3, &numbers[0]); /* half of the four that waited */
    expect_turn(&company, 1, 1, &numbers[3]);
    expect_turn(&company, 2, 1, &numbers[4]);
}

/* -- Taken out -- */

static void what_is_taken_out_never_runs_and_leaves_its_place(void **state)
{
    static const unsigned numbers[] = { 0, 1, 2, 3, 4, 5 }, odd[] = { 1, 3, 5 };
    struct company company = { .pool = new_pool(1, 6, false), .room = 8 };
    struct gate gate = { 0 };
    struct guest guests[6];

    (void)state;
    assert_int_equal(pool_submit(company.pool, wait_at_gate, &gate), ST_OK);
    wait_inside(&gate, 1);
    queue_guests(&company, guests, numbers, 6);
    assert_int_equal(pool_submit(company.pool, wait_at_gate, &gate), ST_BUSY);
    pool_take_out(company.pool, run_guest, take_even, &company);
    assert_int_equal(pool_load(company.pool), 1 + 3);
    assert_int_equal(company.n_together[0], 3); /* by this thread */
    company.n_turns++;
    /* None of this kind waits; behind the others is room. */
    pool_take_out(company.pool, wait_at_gate, take_even, &company);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pool_submit(company.pool, wait_at_gate, &gate), ST_OK);
    assert_int_equal(pool_submit(company.pool, wait_at_gate, &gate), ST_BUSY);
    atomic_store(&gate.open, true);
    pool_free(company.pool);

    assert_int_equal(company.n_turns, 4);
    for (unsigned i = 0; i < 3; i++)
        expect_turn(&company, 1 + i, 1, &odd[i]);
    assert_int_equal(atomic_load(&gate.n_inside), 4);
}

static void nothing_is_taken_out_of_an_empty_queue(void **state)
{
    struct company company = { .pool = new_pool(2, 4, false), .room = 8 };

    (void)state;
    pool_take_out(company.pool, run_guest, take_even, &company);
    assert_int_equal(pool_load(company.pool), 0);
    pool_free(company.pool);
    assert_int_equal(company.n_together[0], 0);
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

/* Takes what waits, again and again, until told to end. */
struct taker {
    struct pool *pool;
    atomic_bool stop;
    uint64_t taken;
};

static bool take_any(void *ctx, void *arg)
{
    struct taker *taker = ctx;

    (void)arg; /* all have the same */
    taker->taken++;
    return true;
}

static void *take_many(void *arg)
{
    struct taker *taker = arg;

    while (!atomic_load(&taker->stop)) {
        pool_take_out(taker->pool, count_worker, take_any, taker);
        wait_a_little();
    }
    return NULL;
}

static void every_job_runs_once_or_is_taken_out_once(void **state)
{
    struct pool *pool = new_pool(4, 16, false);
    struct sum sum = { 0 };
    struct submitter submitters[3];
    struct taker taker = { .pool = pool };
    pthread_t threads[3], taking;
    uint64_t taken = 0;

    (void)state;
    assert_int_equal(pthread_create(&taking, NULL, take_many, &taker), 0);
    for (size_t i = 0; i < 3; i++) {
        submitters[i] = (struct submitter) { pool, &sum, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &submitters[i]),
                         0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        taken += submitters[i].taken;
    }
    atomic_store(&taker.stop, true);
    assert_int_equal(pthread_join(taking, NULL), 0);
    pool_free(pool);
    assert_true(taken > 0);
    assert_int_equal(atomic_load(&sum.total) + taker.taken, taken);
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
        cmocka_unit_test(a_job_takes_along_what_it_wants_and_leaves_the_rest_in_order),
        cmocka_unit_test(a_job_leaves_the_other_threads_their_share),
        cmocka_unit_test(what_is_taken_out_never_runs_and_leaves_its_place),
        cmocka_unit_test(nothing_is_taken_out_of_an_empty_queue),
        cmocka_unit_test(every_job_runs_once_or_is_taken_out_once),
        cmocka_unit_test(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
