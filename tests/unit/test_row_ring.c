/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/row_ring.h"

#include "tests/lib/fault.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 4096

/* Puts a row that says its number. False: it was dropped. */
static bool put(struct row_ring *ring, uint64_t number, bool *ret_tell)
{
    struct row_ring_row *place = row_ring_place(ring);

    *ret_tell = false;
    if (place == NULL)
        return false;
    place->model = (uint32_t)number;
    place->row = (struct metrics_inference) { .request_id = number };
    *ret_tell = row_ring_put(ring);
    return true;
}

static void a_full_ring_drops_and_counts(void **state)
{
    (void)state;
    struct row_ring ring;
    bool tell;

    assert_int_equal(row_ring_init(&ring, ROWS), ST_OK);
    for (uint64_t i = 0; i < ROWS; i++)
        assert_true(put(&ring, i, &tell));
    for (uint64_t i = 0; i < 10; i++)
        assert_false(put(&ring, 99999, &tell));
    assert_int_equal(row_ring_dropped(&ring), 10);
    assert_int_equal(row_ring_waiting(&ring), ROWS);
    /* What was taken makes room, and no more than that. */
    row_ring_take(&ring, 3);
    for (uint64_t i = 0; i < 3; i++)
        assert_true(put(&ring, ROWS + i, &tell));
    assert_false(put(&ring, 99999, &tell));
    assert_int_equal(row_ring_dropped(&ring), 11);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(row_ring_at(&ring, i)->row.request_id, i + 3);
    row_ring_done(&ring);
}

static void the_taker_is_told_from_half_on_until_he_takes(void **state)
{
    (void)state;
    struct row_ring ring;
    bool tell;
    unsigned n_told = 0;

    assert_int_equal(row_ring_init(&ring, ROWS), ST_OK);
    for (unsigned turn = 0; turn < 3; turn++) {
        n_told = 0;
        for (uint64_t i = 0; i < ROWS; i++) {
            assert_true(put(&ring, i, &tell));
            assert_true(!tell || row_ring_waiting(&ring) >= ROWS / 2);
            n_told += tell;
        }
        assert_true(n_told >= 2);
        row_ring_take(&ring, ROWS);
    }
    /* One that takes in time is not told. */
    for (uint64_t i = 0; i < (uint64_t)3 * ROWS; i++) {
        assert_true(put(&ring, i, &tell));
        assert_false(tell);
        row_ring_take(&ring, 1);
    }
    row_ring_done(&ring);
}

static void one_in_so_many_is_wanted(void **state)
{
    (void)state;
    struct row_ring ring;

    assert_int_equal(row_ring_init(&ring, ROWS), ST_OK);
    for (uint64_t one_in = 0; one_in < 12; one_in++) {
        unsigned n = 0;

        ring.n_asked = 0;
        for (unsigned i = 0; i < 120; i++)
            n += row_ring_wants(&ring, one_in);
        assert_int_equal(n, one_in == 0 ? 0 : (120 + one_in - 1) / one_in);
    }
    row_ring_done(&ring);
}

#define PUT UINT64_C(400000)

static void *put_all(void *arg)
{
    struct row_ring *ring = arg;
    bool tell;

    for (uint64_t i = 0; i < PUT; i++)
        if (!put(ring, i, &tell))
            (void)sched_yield();
    return NULL;
}

/* What is taken is whole and in order, and with what was dropped it is all. */
static void rows_pass_from_thread_to_thread(void **state)
{
    (void)state;
    struct row_ring ring;
    pthread_t thread;
    uint64_t n_taken = 0, next = 0;

    assert_int_equal(row_ring_init(&ring, 64), ST_OK);
    assert_int_equal(pthread_create(&thread, NULL, put_all, &ring), 0);
    while (n_taken + row_ring_dropped(&ring) < PUT) {
        size_t n = row_ring_waiting(&ring);

        for (size_t i = 0; i < n; i++) {
            const struct row_ring_row *row = row_ring_at(&ring, i);

            assert_true(row->row.request_id >= next);
            assert_int_equal(row->model, row->row.request_id);
            next = row->row.request_id + 1;
        }
        row_ring_take(&ring, n);
        n_taken += n;
        if (n == 0)
            (void)sched_yield();
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(row_ring_waiting(&ring), 0);
    assert_true(n_taken > 0);
    row_ring_done(&ring);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    struct row_ring ring;

    fault_at(0);
    assert_int_equal(row_ring_init(&ring, ROWS), ST_NOMEM);
    fault_off();
    row_ring_done(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_ring_drops_and_counts),
        cmocka_unit_test(the_taker_is_told_from_half_on_until_he_takes),
        cmocka_unit_test(one_in_so_many_is_wanted),
        cmocka_unit_test(rows_pass_from_thread_to_thread),
        cmocka_unit_test(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
