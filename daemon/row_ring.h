/* SPDX-License-Identifier: Apache-2.0 */
/* row_ring.h - rows of requests on their way from one thread that answers to the one that
 * writes: one puts, one takes, and neither waits for the other.
 */
#ifndef DAEMON_ROW_RING_H
#define DAEMON_ROW_RING_H

#include "storage/metrics.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

struct row_ring_row {
    uint32_t model; /* its id in this process */
    struct metrics_inference row;
};

struct row_ring {
    /* The putting thread's. */
    alignas(64) _Atomic uint64_t n_put;
    uint64_t n_taken_seen;      /* n_taken as it was when last looked at */
    uint64_t n_asked;           /* row_ring_wants */
    _Atomic uint64_t n_dropped; /* rows that found no place */
    /* The taking thread's. */
    alignas(64) _Atomic uint64_t n_taken;
    /* Of both, fixed. Pages that no row has come to use no memory. */
    uint64_t mask;
    struct row_ring_row *rows; /* ours, [mask + 1]; row i at i & mask */
};

/* n_rows: a power of two. ST_NOMEM. */
MUST_CHECK enum status row_ring_init(struct row_ring *ring, size_t n_rows);
void row_ring_done(struct row_ring *ring);

/* -- The putting thread -- */

/* Is the request that ended now one of which a row is wanted? The first of `one_in` is.
 */
static inline bool row_ring_wants(struct row_ring *ring, uint64_t one_in)
{
    return one_in != 0 && ring->n_asked++ % one_in == 0;
}
/* A place for a row, to be filled and put; NULL: there is none, and the row is counted as
 * dropped. */
struct row_ring_row *row_ring_place(struct row_ring *ring);
/* Puts the row in the last place. True: it is time to take, since half is full. */
bool row_ring_put(struct row_ring *ring);

/* -- The taking thread -- */

/* How many there are to take. */
size_t row_ring_waiting(const struct row_ring *ring);
/* The i-th of them. */
static inline struct row_ring_row *row_ring_at(const struct row_ring *ring, size_t i)
{
    uint64_t n = atomic_load_explicit(&ring->n_taken, memory_order_relaxed) + i;

    return &ring->rows[n & ring->mask];
}
/* Takes the first n; they must not be looked at any more. */
void row_ring_take(struct row_ring *ring, size_t n);

/* Any thread. */
uint64_t row_ring_dropped(const struct row_ring *ring);

#endif
