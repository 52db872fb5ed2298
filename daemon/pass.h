/* SPDX-License-Identifier: Apache-2.0 */
/* pass.h - requests for one model, through the network together.
 *
 *   pass_run        data thread         how long will it take? here, or on a worker
 *   pass_on_worker  worker, if long     what waits for the same model comes along
 *   run             either              read, forward pass, count, answer each by itself
 *
 * Small requests are computed where they were parsed: handing one to another thread costs
 * more than the inference of a small network. A worker takes what waits in the queue for
 * the same model, without waiting for more to come; the pass is shared with the workers
 * that are idle (lane.h). One that waits too long is answered 504 and not computed: by turn.h,
 * or, where the `timeout` of infer says so, once its body was read.
 */
#ifndef DAEMON_PASS_H
#define DAEMON_PASS_H

#include "api/oip_request.h"
#include "daemon/daemon.h"

struct pass_request;

/* How a kind of request is read and answered. Any thread. */
struct pass_form {
    /* Reads the body's pictures into `input`, which keeps its memory, and may change
     * what the request asks for; false with the problem. */
    bool (*read)(struct pass_request *request, struct classify_input *input,
                 struct problem *ret_problem);
    /* Answers the call; `body` is empty and the callee's. */
    void (*answer)(const struct pass_request *request,
                   const struct classify_answer *answer, struct buf *body);
};

struct pass_request {
    struct turn turn; /* if it waits for a worker; pass.c's */
    struct daemon *daemon;
    struct model *model;
    struct http_call *call;
    const struct pass_form *form;
    enum metrics_route route;
    size_t top;              /* best classes of each picture, 1 .. classes */
    size_t pictures_at_most; /* that the body can hold */
    int32_t label;           /* of a single picture; -1 none */
    struct oip_request oip;  /* infer.c's */
    /* Where its pictures are in the pass, and how long reading them took; pass.c's. */
    size_t first, n;
    uint64_t read_ns;
};

/* Computes and answers, here or on a worker; the call is answered in any case. The
 * request is copied, the model kept as long as needed. On the call's data thread. */
void pass_run(const struct pass_request *request);
/* Counts a request that was refused with this status before it came here. On its data
 * thread. */
void pass_count_refused(const struct pass_request *request, unsigned status);
/* The same, and answers it. */
void pass_refuse(const struct pass_request *request, const struct problem *problem);

#endif
