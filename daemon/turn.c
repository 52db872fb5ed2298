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

static void set_late(struct problem *problem, uint64_t waited_ns, uint64_t limit_ns)
{
    problem_set(problem, 504, "deadline_exceeded",
                "the request waited %.3f ms for its turn, at most %.3f ms were allowed",
                (double)waited_ns / 1e6, (double)limit_ns / 1e6);
}

bool turn_in_time(const struct http_call *call, uint64_t limit_ns,
                  struct problem *ret_problem)
{
    uint64_t since_ns = http_call_deferred_ns(call);

    if (limit_ns == 0 || since_ns == 0)
        return true;
    uint64_t waited_ns = wall_monotonic_ns() - since_ns;
    if (waited_ns <= limit_ns)
        return true;
    set_late(ret_problem, waited_ns, limit_ns);
    return false;
}

/* Nobody waits for the answer. */
static bool has_client(const struct http_call *call, struct problem *ret_problem)
{
    if (!http_call_client_gone(call))
        return true;
    problem_set(ret_problem, 499, "client_gone", "the client closed its connection");
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

struct sweep {
    uint64_t now_ns, limit_ns;
    bool young; /* this one, and so are those behind it */
    struct turn *taken;
};

/* Under the pool's lock: no call of the system here. They wait in the order in which they
 * came, so behind the first whose time is not over none is looked at. */
static bool take_late(void *ctx, void *arg)
{
    struct sweep *sweep = ctx;
    struct turn *turn = arg;

    if (sweep->young || turn->begun)
        return false;
    sweep->young = http_call_deferred_ns(turn->call) + sweep->limit_ns >= sweep->now_ns;
    if (sweep->young)
        return false;
    turn->next = sweep->taken;
    sweep->taken = turn;
    return true;
}

static void end_late(const struct sweep *sweep, unsigned lane)
{
    struct problem problem;

    for (struct turn *turn = sweep->taken, *next; turn != NULL; turn = next) {
        next = turn->next;
        set_late(&problem, sweep->now_ns - http_call_deferred_ns(turn->call),
                 sweep->limit_ns);
        end(turn, lane, &problem);
    }
}

void turn_end_late(struct daemon *daemon)
{
    struct pool *const pools[] = { daemon->workers, daemon->programming, daemon->reader };
    uint64_t limit_ns = timeout_ns(daemon);

    for (size_t i = 0; limit_ns != 0 && i < sizeof(pools) / sizeof(pools[0]); i++) {
        struct sweep sweep = { .now_ns = wall_monotonic_ns(), .limit_ns = limit_ns };

        pool_take_out(pools[i], turn_run, take_late, &sweep);
        end_late(&sweep, daemon_main_lane(daemon));
    }
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
