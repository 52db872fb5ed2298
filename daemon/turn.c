/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/turn.h"

#include "daemon/daemon.h"
#include "daemon/wall.h"

#include <stdlib.h>

/* Without the work. */
static void end(struct turn *turn, unsigned lane, const struct problem *problem)
{
    if (turn->kind->count != NULL)
        turn->kind->count(turn, lane, problem->status);
    http_reply_problem(turn->call, problem);
    turn->kind->free(turn);
}

/* -- Into the queue -- */

void turn_queue(struct turn *turn, struct pool *pool, const char *what)
{
    struct problem problem;

    http_defer(turn->call);
    if (pool_submit(pool, turn_run, turn) == ST_OK)
        return;
    problem_set(&problem, 429, "queue_full", "%s: %llu jobs are waiting already", what,
                (unsigned long long)turn->daemon->settings.queue);
    problem.retry_after_s = 1;
    end(turn, http_call_thread(turn->call), &problem);
}

/* -- Its turn -- */

bool turn_in_time(const struct http_call *call, uint64_t limit_ns,
                  struct problem *ret_problem)
{
    uint64_t since_ns = http_call_deferred_ns(call);

    if (limit_ns == 0 || since_ns == 0)
        return true;
    uint64_t waited_ns = wall_monotonic_ns() - since_ns;
    if (waited_ns <= limit_ns)
        return true;
    problem_set(ret_problem, 504, "deadline_exceeded",
                "the request waited %.3f ms for its turn, at most %.3f ms were allowed",
                (double)waited_ns / 1e6, (double)limit_ns / 1e6);
    return false;
}

/* Nobody waits for the answer. */
static void set_gone(struct problem *problem)
{
    problem_set(problem, 499, "client_gone", "the client closed its connection");
}

static bool has_client(const struct http_call *call, struct problem *ret_problem)
{
    if (!http_call_client_gone(call))
        return true;
    set_gone(ret_problem);
    return false;
}

static uint64_t timeout_ns(const struct daemon *daemon)
{
    return daemon->settings.request_timeout_ms * UINT64_C(1000000);
}

bool turn_may_go_on(struct turn *turn, unsigned lane)
{
    struct problem problem;

    if (has_client(turn->call, &problem) &&
        (turn->begun || turn_in_time(turn->call, timeout_ns(turn->daemon), &problem))) {
        turn->begun = true;
        return true;
    }
    end(turn, lane, &problem);
    return false;
}

void turn_run(void *arg, unsigned worker)
{
    struct turn *turn = arg;

    if (turn_may_go_on(turn, turn->daemon->n_threads + worker))
        turn->kind->work(turn, worker);
}

/* -- Before its turn -- */

/* Turns that are taken out of a queue, for nothing but their end. */
struct sweep {
    uint64_t now_ns, limit_ns; /* 0: none */
    bool young;                /* this one has not waited so long, nor those behind it */
    struct turn *taken;
};

static bool take(struct sweep *sweep, struct turn *turn)
{
    turn->next = sweep->taken;
    sweep->taken = turn;
    return true;
}

/* Under the pool's lock: no call of the system here. They wait in the order in which they
 * came, so behind the first whose time is not over none is looked at. */
static bool take_late(void *ctx, void *arg)
{
    struct sweep *sweep = ctx;
    struct turn *turn = arg;

    if (sweep->young || turn->begun)
        return false;
    sweep->young = http_call_deferred_ns(turn->call) + sweep->limit_ns >= sweep->now_ns;
    return !sweep->young && take(sweep, turn);
}

/* Likewise. */
static bool take_left(void *ctx, void *arg)
{
    const struct turn *turn = arg;

    return http_call_client_left(turn->call) && take(ctx, arg);
}

/* One that is not late was taken for its client. */
static void end_taken(const struct sweep *sweep, unsigned lane)
{
    for (struct turn *turn = sweep->taken, *next; turn != NULL; turn = next) {
        struct problem problem;

        next = turn->next;
        if (turn_in_time(turn->call, sweep->limit_ns, &problem))
            set_gone(&problem);
        end(turn, lane, &problem);
    }
}

static void sweep_queues(struct daemon *daemon, uint64_t limit_ns, pool_take *over)
{
    struct pool *const pools[] = { daemon->workers, daemon->programming, daemon->reader };

    for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
        struct sweep sweep = { .now_ns = wall_monotonic_ns(), .limit_ns = limit_ns };

        pool_take_out(pools[i], turn_run, over, &sweep);
        end_taken(&sweep, daemon_main_lane(daemon));
    }
}

void turn_end_late(struct daemon *daemon)
{
    uint64_t limit_ns = timeout_ns(daemon);

    if (limit_ns != 0)
        sweep_queues(daemon, limit_ns, take_late);
}

void turn_end_left(struct daemon *daemon)
{
    sweep_queues(daemon, 0, take_left);
}

/* -- Calls of which nothing need be kept -- */

struct plain {
    struct turn turn;
    turn_work *work;
};

static void run_plain(void *arg, unsigned worker)
{
    struct plain *plain = arg;

    (void)worker;
    plain->work(plain->turn.daemon, plain->turn.call);
    free(plain);
}

void turn_queue_call(struct daemon *daemon, struct http_call *call, turn_work *work,
                     struct pool *pool, const char *what)
{
    static const struct turn_kind kind = { .work = run_plain, .free = free };
    struct plain *plain = malloc(sizeof(*plain));
    struct problem problem;

    if (plain == NULL) {
        problem_out_of_memory(&problem);
        http_reply_problem(call, &problem);
        return;
    }
    *plain = (struct plain) { { .kind = &kind, .daemon = daemon, .call = call }, work };
    turn_queue(&plain->turn, pool, what);
}
