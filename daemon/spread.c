/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/spread.h"

#include <pthread.h>
#include <stdlib.h>

struct spread {
    spread_part *run;
    void *ctx;
    size_t n_parts;
    pthread_mutex_t mutex;
    pthread_cond_t ended; /* nobody computes a part any more */
    size_t next, n_running;
    unsigned refs;
    size_t n_returned;
    size_t returned[]; /* by helpers that cannot, one by each */
};

/* Under the mutex. */
static bool take_part(struct spread *spread, size_t *ret_part)
{
    if (spread->next == spread->n_parts)
        return false;
    *ret_part = spread->next++;
    spread->n_running++;
    return true;
}

/* Called and returns with the mutex held. */
static void run_parts(struct spread *spread, unsigned worker)
{
    bool able = true;
    size_t part;

    while (able && take_part(spread, &part)) {
        (void)pthread_mutex_unlock(&spread->mutex);
        able = spread->run(spread->ctx, part, worker);
        (void)pthread_mutex_lock(&spread->mutex);
        if (!able)
            spread->returned[spread->n_returned++] = part;
        if (--spread->n_running == 0)
            (void)pthread_cond_signal(&spread->ended);
    }
}

/* Called with the mutex held. */
static void drop(struct spread *spread)
{
    bool last = --spread->refs == 0;

    (void)pthread_mutex_unlock(&spread->mutex);
    if (!last)
        return;
    (void)pthread_cond_destroy(&spread->ended);
    (void)pthread_mutex_destroy(&spread->mutex);
    free(spread);
}

static void help(void *arg, unsigned worker)
{
    struct spread *spread = arg;

    (void)pthread_mutex_lock(&spread->mutex);
    run_parts(spread, worker);
    drop(spread);
}

static struct spread *spread_new(size_t n_parts, spread_part *run, void *ctx,
                                 size_t n_helpers)
{
    struct spread *spread =
        calloc(1, sizeof(*spread) + n_helpers * sizeof(spread->returned[0]));

    if (spread == NULL)
        return NULL;
    spread->run = run;
    spread->ctx = ctx;
    spread->n_parts = n_parts;
    spread->refs = 1;
    (void)pthread_mutex_init(&spread->mutex, NULL);
    (void)pthread_cond_init(&spread->ended, NULL);
    return spread;
}

static void call_helpers(struct spread *spread, struct pool *pool, size_t n_helpers)
{
    for (size_t i = 0; i < n_helpers; i++) {
        (void)pthread_mutex_lock(&spread->mutex);
        spread->refs++;
        (void)pthread_mutex_unlock(&spread->mutex);
        if (pool_submit(pool, help, spread) == ST_OK)
            continue;
        (void)pthread_mutex_lock(&spread->mutex);
        drop(spread);
        return;
    }
}

void spread_run(struct pool *pool, unsigned worker, size_t n_parts, spread_part *run,
                void *ctx)
{
    size_t idle = pool_idle(pool), n_helpers = n_parts - 1 < idle ? n_parts - 1 : idle;
    struct spread *spread =
        n_helpers > 0 ? spread_new(n_parts, run, ctx, n_helpers) : NULL;

    if (spread == NULL) {
        for (size_t part = 0; part < n_parts; part++)
            (void)run(ctx, part, worker); /* the caller's can */
        return;
    }
    call_helpers(spread, pool, n_helpers);
    (void)pthread_mutex_lock(&spread->mutex);
    run_parts(spread, worker);
    while (spread->n_running > 0)
        (void)pthread_cond_wait(&spread->ended, &spread->mutex);
    for (size_t i = 0; i < spread->n_returned; i++)
        (void)run(ctx, spread->returned[i], worker); /* likewise */
    drop(spread);
}
