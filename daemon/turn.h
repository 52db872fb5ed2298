/* SPDX-License-Identifier: Apache-2.0 */
/* turn.h - calls that wait for their turn on a thread of a pool.
 *
 *   turn_queue      data thread          defers the call; 429 where the queue is full
 *   turn_end_late   main thread          504 once it has waited too long, off the queue
 *   turn_end_left   main thread          499 once its client has left, likewise
 *   turn_run        thread of the pool   504 where its turn came too late, 499 where the
 *                                        client has left; else the work
 *
 * Whoever took a turn out of its queue has it alone, so each is answered once. What has
 * begun is not broken off.
 */
#ifndef DAEMON_TURN_H
#define DAEMON_TURN_H

#include "api/http.h"
#include "daemon/pool.h"

struct daemon;

/* What a flow does with its turns. Each function gets the turn, which is the first member
 * of what the flow keeps for a call. */
struct turn_kind {
    /* Carries it out, answers, and frees it or queues it again. */
    void (*work)(void *turn, unsigned worker);
    void (*free)(void *turn);
    /* Counts in a lane one that is answered with this status instead. Of the workers'
     * queue alone; NULL: it counts for nothing. */
    void (*count)(const void *turn, unsigned lane, unsigned status);
};

struct turn {
    const struct turn_kind *kind;
    struct daemon *daemon;
    struct http_call *call;
    bool begun;
    struct turn *next; /* turn.c's, once it is out of the queue */
};

/* Queues it; from here on it is answered and freed in any case. `what` waits there, in a
 * 429. On the call's data thread. */
void turn_queue(struct turn *turn, struct pool *pool, const char *what);
/* The job as which turns wait. One that was begun is queued again as such. */
pool_job turn_run;
/* May it begin, now that its turn has come, or go on? False: it waited for its beginning
 * longer than request_timeout_ms, or its client has left; it was answered, counted in
 * this lane and freed. */
bool turn_may_go_on(struct turn *turn, unsigned lane);
/* Ends what waits for its beginning in a queue of the daemon, and has done so for longer
 * than request_timeout_ms. Main thread, many times a second. */
void turn_end_late(struct daemon *daemon);
/* Ends what waits there for a client that http_server_close_left found to have left.
 * Main thread. */
void turn_end_left(struct daemon *daemon);
/* Has a call waited for its turn no longer than it may? A limit of 0 is none. False with
 * the problem, a 504. */
bool turn_in_time(const struct http_call *call, uint64_t limit_ns,
                  struct problem *ret_problem);

/* The same for a call of which nothing need be kept: `work` answers it. */
typedef void turn_work(struct daemon *daemon, struct http_call *call);
void turn_queue_call(struct daemon *daemon, struct http_call *call, turn_work *work,
                     struct pool *pool, const char *what);

#endif
