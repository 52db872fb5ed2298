/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/row_ring.h"

#include <assert.h>
#include <stdlib.h>

/* Beyond half of a ring its taker is told every so many rows: it may have missed the
 * first word. */
#define TELL_EVERY 1024

enum status row_ring_init(struct row_ring *ring, size_t n_rows)
{
    assert(n_rows > 0 && (n_rows & (n_rows - 1)) == 0);
    *ring = (struct row_ring) { .mask = n_rows - 1 };
    ring->rows = calloc(n_rows, sizeof(*ring->rows));
    return ring->rows != NULL ? ST_OK : ST_NOMEM;
}

void row_ring_done(struct row_ring *ring)
{
    free(ring->rows);
    ring->rows = NULL;
}

struct row_ring_row *row_ring_place(struct row_ring *ring)
{
    uint64_t n = atomic_load_explicit(&ring->n_put, memory_order_relaxed);

    if (n - ring->n_taken_seen > ring->mask) {
        ring->n_taken_seen = atomic_load_explicit(&ring->n_taken, memory_order_acquire);
        if (n - ring->n_taken_seen > ring->mask) {
            uint64_t dropped =
                atomic_load_explicit(&ring->n_dropped, memory_order_relaxed);

            atomic_store_explicit(&ring->n_dropped, dropped + 1, memory_order_relaxed);
            return NULL;
        }
    }
    return &ring->rows[n & ring->mask];
}

bool row_ring_put(struct row_ring *ring)
{
    uint64_t n = atomic_load_explicit(&ring->n_put, memory_order_relaxed) + 1;

    atomic_store_explicit(&ring->n_put, n, memory_order_release);
    if (n - ring->n_taken_seen <= ring->mask / 2 || n % TELL_EVERY != 0)
        return false;
    ring->n_taken_seen = atomic_load_explicit(&ring->n_taken, memory_order_acquire);
    return n - ring->n_taken_seen > ring->mask / 2;
}

size_t row_ring_waiting(const struct row_ring *ring)
{
    return atomic_load_explicit(&ring->n_put, memory_order_acquire) -
           atomic_load_explicit(&ring->n_taken, memory_order_relaxed);
}

void row_ring_take(struct row_ring *ring, size_t n)
{
    uint64_t taken = atomic_load_explicit(&ring->n_taken, memory_order_relaxed);

    atomic_store_explicit(&ring->n_taken, taken + n, memory_order_release);
}

uint64_t row_ring_dropped(const struct row_ring *ring)
{
    return atomic_load_explicit(&ring->n_dropped, memory_order_relaxed);
}
