/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - threads that take jobs from one bounded queue, in order.
 *
 * A full queue is an answer (ST_BUSY), never a wait.
 */
#ifndef DAEMON_POOL_H
#define DAEMON_POOL_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Runs on a thread of the pool; `worker` is its index, 0 .. n_threads - 1. */
typedef void pool_job(void *arg, unsigned worker);

struct pool_options {
    const char *name;   /* of the threads, at most 12 characters */
    unsigned n_threads; /* >= 1 */
    size_t capacity;    /* jobs that may wait, >= 1 */
    bool background;    /* lower scheduling priority, where the system lets us */
};

/* Threads inherit the caller's signal mask: block signals first. */
MUST_CHECK enum status pool_new(const struct pool_options *options,
                                struct pool **ret_pool);
/* ST_BUSY if the queue is full; `job` is then not run. Any thread. */
MUST_CHECK enum status pool_submit(struct pool *pool, pool_job *job, void *arg);
/* For a job that does others of its kind along with its own: shows `take` the arguments
 * of the same `job` that wait, oldest first, and leaves those to the caller for which it
 * says yes; no more than this thread's share of all that waits. `take` runs under the
 * pool's lock. On a thread of the pool. */
typedef bool pool_take(void *ctx, void *arg);
void pool_take_along(struct pool *pool, pool_job *job, pool_take *take, void *ctx);
/* The same without a limit, for who ends what waits without its turn. Any thread. */
void pool_take_out(struct pool *pool, pool_job *job, pool_take *take, void *ctx);
/* Jobs waiting or running. Any thread. */
size_t pool_load(struct pool *pool);
/* Threads that have nothing to do and nothing that waits for them. Any thread. */
size_t pool_idle(struct pool *pool);
/* Runs what waits, then ends the threads. NULL is fine. */
void pool_free(struct pool *pool);

#endif
