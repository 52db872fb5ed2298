/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKGROUND_NICE 10

struct pool_task {
    pool_job *job;
    void *arg;
};

struct pool_thread {
    struct pool *pool;
    unsigned worker;
    pthread_t thread;
};

struct pool {
    struct pool_options options;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct pool_task *ring; /* [options.capacity] */
    size_t first, n_waiting, n_running;
    bool stopping;
    struct pool_thread *threads;
    unsigned n_started;
};

static void step_back(const struct pool *pool)
{
    if (pool->options.background)
        /* Per thread on Linux. Refused in some sandboxes: then it runs as the others do.
         */
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), BACKGROUND_NICE);
}

/* The i-th of those that wait, or the place behind them. Under the mutex. */
static struct pool_task *waiting(const struct pool *pool, size_t i)
{
    return &pool->ring[(pool->first + i) % pool->options.capacity];
}

static void *pool_run(void *arg)
{
    struct pool_thread *self = arg;
    struct pool *pool = self->pool;

    step_back(pool);
    (void)pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->n_waiting == 0 && !pool->stopping)
            (void)pthread_cond_wait(&pool->wake, &pool->mutex);
        if (pool->n_waiting == 0)
            break;

        struct pool_task task = *waiting(pool, 0);

        pool->first = (pool->first + 1) % pool->options.capacity;
        pool->n_waiting--;
        pool->n_running++;
        (void)pthread_mutex_unlock(&pool->mutex);
        task.job(task.arg, self->worker);
        (void)pthread_mutex_lock(&pool->mutex);
        pool->n_running--;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

enum status pool_new(const struct pool_options *options, struct pool **ret_pool)
{
    struct pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        return ST_NOMEM;
    pool->options = *options;
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    pool->ring = calloc(options->capacity, sizeof(*pool->ring));
    pool->threads = calloc(options->n_threads, sizeof(*pool->threads));
    if (pool->ring == NULL || pool->threads == NULL) {
        pool_free(pool);
        return ST_NOMEM;
    }
    for (unsigned i = 0; i < options->n_threads; i++) {
        char name[16];

        pool->threads[i] = (struct pool_thread) { .pool = pool, .worker = i };
        if (pthread_create(&pool->threads[i].thread, NULL, pool_run, &pool->threads[i]) !=
            0) {
            pool_free(pool);
            return ST_NOMEM;
        }
        pool->n_started++;
        (void)snprintf(name, sizeof(name), "%.12s%u", options->name, i % 100);
        (void)pthread_setname_np(pool->threads[i].thread, name);
    }
    *ret_pool = pool;
    return ST_OK;
}

enum status pool_submit(struct pool *pool, pool_job *job, void *arg)
{
    enum status st = ST_BUSY;

    (void)pthread_mutex_lock(&pool->mutex);
    if (pool->n_waiting < pool->options.capacity && !pool->stopping) {
        *waiting(pool, pool->n_waiting++) = (struct pool_task) { job, arg };
        (void)pthread_cond_signal(&pool->wake);
        st = ST_OK;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return st;
}

/* Under the mutex. */
static void take_out(struct pool *pool, size_t most, pool_job *job, pool_take *take,
                     void *ctx)
{
    size_t n = pool->n_waiting, n_left = 0, n_taken = 0;

    for (size_t i = 0; i < n; i++) {
        struct pool_task *task = waiting(pool, i);

        if (n_taken < most && task->job == job && take(ctx, task->arg))
            n_taken++;
        else
            *waiting(pool, n_left++) = *task;
    }
    pool->n_waiting = n_left;
}

void pool_take_along(struct pool *pool, pool_job *job, pool_take *take, void *ctx)
{
    (void)pthread_mutex_lock(&pool->mutex);
    take_out(pool, pool->n_waiting / pool->options.n_threads, job, take, ctx);
    (void)pthread_mutex_unlock(&pool->mutex);
}

void pool_take_out(struct pool *pool, pool_job *job, pool_take *take, void *ctx)
{
    (void)pthread_mutex_lock(&pool->mutex);
    take_out(pool, pool->n_waiting, job, take, ctx);
    (void)pthread_mutex_unlock(&pool->mutex);
}

size_t pool_load(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    size_t n = pool->n_waiting + pool->n_running;
    (void)pthread_mutex_unlock(&pool->mutex);
    return n;
}

size_t pool_idle(struct pool *pool)
{
    size_t load = pool_load(pool);

    return load < pool->options.n_threads ? pool->options.n_threads - load : 0;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    (void)pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->n_started; i++)
        (void)pthread_join(pool->threads[i].thread, NULL);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool->threads);
    free(pool->ring);
    free(pool);
}
