/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pass.h"

#include "daemon/lane.h"
#include "daemon/wall.h"

#include <math.h>
#include <stdlib.h>

/* A body that is packed or longer than this is read by a worker, whatever the network
 * costs. */
#define INLINE_BODY (64 * 1024)
/* Pictures of requests that are taken along, and how long they may keep the first one
 * waiting: beyond that a batch saves nothing. */
#define PASS_PICTURES 64
#define PASS_NS       UINT64_C(5000000)

/* -- One request of a pass -- */

static enum tally_outcome outcome_of(unsigned status)
{
    return status == 429   ? TALLY_REJECTED
           : status == 504 ? TALLY_TIMEOUT
           : status < 500  ? TALLY_INVALID
                           : TALLY_ERROR;
}

/* Answered with this status, without an inference. */
static void add_refused_row(const struct pass_request *r, unsigned lane,
                            const struct generation *generation, unsigned status,
                            uint64_t latency_ns)
{
    struct metrics_inference *row = record_row(r->daemon->record, lane, r->model);

    if (row == NULL)
        return;
    *row = (struct metrics_inference) {
        .at_ms = wall_milliseconds(),
        .request_id = http_call_id(r->call),
        .generation = generation->number,
        .wrong_bits = generation_wrong_bits(generation),
        .latency_us = (double)latency_ns / 1e3,
        .predicted = -1,
        .label = -1,
        .status = (uint16_t)status,
        .route = (uint8_t)r->route,
    };
    record_row_put(r->daemon->record, lane);
}

static void count_refused(const struct pass_request *r, unsigned lane,
                          struct generation *generation, unsigned status)
{
    struct tally *tally = &generation->tallies[lane];
    uint64_t ns = wall_monotonic_ns() - http_call_began_ns(r->call);

    tally_refuse(tally, outcome_of(status));
    tally_spend(tally, TALLY_REFUSE, ns);
    add_refused_row(r, lane, generation, status, ns);
}

static void refuse(const struct pass_request *r, const struct lane *lane,
                   struct generation *generation, const struct problem *problem)
{
    count_refused(r, lane->index, generation, problem->status);
    http_reply_problem(r->call, problem);
}

/* What the client allows is in the body, and so known late. */
static bool read_in_time(struct pass_request *r, struct lane *lane,
                         struct problem *problem)
{
    return r->form->read(r, &lane->read, problem) &&
           turn_in_time(r->call, r->oip.timeout_us * UINT64_C(1000), problem);
}

/* Reads a request's pictures behind those of the pass. False: it has been answered.
 * now_ns: when that begins, then when it has ended. */
static bool join(struct pass_request *r, struct lane *lane, struct generation *generation,
                 uint64_t *now_ns)
{
    struct problem problem;
    uint64_t began_ns = *now_ns;
    bool joined = read_in_time(r, lane, &problem);

    *now_ns = wall_monotonic_ns();
    r->read_ns = *now_ns - began_ns;
    if (joined) {
        r->first = lane->input.n;
        r->n = lane->read.n;
        joined = lane_join(lane, r->model) == ST_OK;
        if (!joined)
            problem_out_of_memory(&problem);
    }
    if (!joined)
        refuse(r, lane, generation, &problem);
    return joined;
}

/* When a pass was computed. */
struct span {
    struct lane_time at;
    int64_t ended_ms; /* UTC, about */
};

static void count_time(const struct pass_request *r, struct tally *tally,
                       const struct span *span)
{
    uint64_t before_ns = span->at.began_ns - http_call_began_ns(r->call);

    tally_spend(tally, TALLY_QUEUE, before_ns - r->read_ns);
    tally_spend(tally, TALLY_READ, r->read_ns);
    tally_spend(tally, TALLY_COMPUTE, span->at.ended_ns - span->at.began_ns);
    tally_date(tally, span->ended_ms);
}

/* How far the best logit of a picture is above the next one. */
static float margin(const float *logits, size_t n, uint32_t best)
{
    float next = -INFINITY;

    for (size_t i = 0; i < n; i++)
        if (i != best && logits[i] > next)
            next = logits[i];
    return n > 1 ? logits[best] - next : NAN;
}

/* How many of its labels there are, and are right. */
struct hits {
    uint32_t labelled, correct;
};

static void add_row(const struct pass_request *r, const struct lane *lane,
                    const struct generation *generation,
                    const struct classify_answer *out, int64_t at_ms, struct hits hits)
{
    struct metrics_inference *row = record_row(r->daemon->record, lane->index, r->model);

    if (row == NULL)
        return;
    *row = (struct metrics_inference) {
        .at_ms = at_ms,
        .request_id = out->request_id,
        .generation = generation->number,
        .wrong_bits = out->memory.wrong_bits,
        .energy_pj = energy_sum(&out->energy),
        .latency_us = out->total_us,
        .images = (uint32_t)r->n,
        .labelled = hits.labelled,
        .correct = hits.correct,
        .predicted = (int32_t)lane->classes[r->first],
        .label = lane->input.labels[r->first],
        .probability = (float)out->scores[0].probability,
        .margin = margin(out->logits, out->net->n_classes, lane->classes[r->first]),
        .status = 200,
        .route = (uint8_t)r->route,
    };
    record_row_put(r->daemon->record, lane->index);
}

/* Before the answer goes out: a label may come back at once. */
static void count(const struct pass_request *r, const struct lane *lane,
                  struct generation *generation, const struct classify_answer *out,
                  int64_t at_ms)
{
    const int32_t *labels = lane->input.labels + r->first;
    const uint32_t *classes = lane->classes + r->first;
    struct hits hits = { 0 };

    for (size_t i = 0; i < r->n; i++) {
        hits.labelled += labels[i] >= 0;
        hits.correct += labels[i] == (int32_t)classes[i];
    }
    tally_answer(&generation->tallies[lane->index], r->n, hits.labelled, hits.correct,
                 out->total_us);
    feedback_note(r->daemon->feedback, http_call_id(r->call), r->model->id,
                  generation->number, classes, labels, r->n);
    add_row(r, lane, generation, out, at_ms, hits);
}

/* now_ns: when that begins, then when it has ended. */
static void answer(const struct pass_request *r, struct lane *lane,
                   struct generation *generation, const struct span *span,
                   uint64_t *now_ns)
{
    struct tally *tally = &generation->tallies[lane->index];
    uint64_t arrived_ns = http_call_began_ns(r->call), began_ns = *now_ns;
    struct classify_answer out = {
        .net = r->model->net,
        .generation = generation->number,
        .request_id = http_call_id(r->call),
        .n_images = r->n,
        .top = r->top,
        .scores = lane->scores + r->first * lane->top,
        .stride = lane->top,
        .logits = lane->logits + r->first * r->model->net->n_classes,
        .memory = generation_memory(generation),
        .queue_us = (double)(span->at.began_ns - arrived_ns) / 1e3,
        .compute_us = (double)(span->at.ended_ns - span->at.began_ns) / 1e3,
        .total_us = (double)(span->at.ended_ns - arrived_ns) / 1e3,
        .memo = &lane->memo,
    };
    struct buf body = BUF_INIT;

    energy_add_times(&out.energy, (double)r->n, &generation->total_per_image);
    if (lane->index < r->daemon->n_threads)
        body = http_take_buf(r->call);
    count(r, lane, generation, &out, span->ended_ms);
    count_time(r, tally, span);
    r->form->answer(r, &out, &body);
    *now_ns = wall_monotonic_ns();
    tally_spend(tally, TALLY_WRITE, *now_ns - began_ns);
}

/* -- A pass -- */

/* Puts the requests that were read in front and gives how many; the others have been
 * answered. now_ns: when that begins, then when it has ended. A clock costs as much as
 * all counting beside it, so each reading of it ends one thing and begins the next. */
static size_t read_all(struct pass_request **pass, size_t n, struct lane *lane,
                       struct generation *generation, uint64_t *now_ns)
{
    size_t n_read = 0;

    lane->input.n = 0;
    for (size_t i = 0; i < n; i++) {
        struct pass_request *r = pass[i];

        if (!join(r, lane, generation, now_ns))
            continue;
        pass[i] = pass[n_read];
        pass[n_read++] = r;
    }
    return n_read;
}

static void compute(struct pass_request *const *pass, size_t n, struct lane *lane,
                    struct generation *generation, uint64_t now_ns)
{
    struct model *model = generation->model;
    struct span span = { lane_compute(pass[0]->daemon, lane, generation, now_ns), 0 };

    span.ended_ms = wall_milliseconds();
    now_ns = span.at.ended_ns;
    model_cost_update(model, span.at.busy_ns, lane->input.n);
    tally_pass(&generation->tallies[lane->index], lane->input.n);
    for (size_t i = 0; i < n; i++)
        answer(pass[i], lane, generation, &span, &now_ns);
}

static void refuse_all(struct pass_request *const *pass, size_t n,
                       const struct lane *lane, struct generation *generation)
{
    struct problem problem;

    problem_out_of_memory(&problem);
    for (size_t i = 0; i < n; i++)
        refuse(pass[i], lane, generation, &problem);
}

/* All of one model, at least one; answers each. Changes the order of `pass`. now_ns: now,
 * about. */
static void run(struct pass_request **pass, size_t n, struct lane *lane, uint64_t now_ns)
{
    struct generation *generation = generation_take(pass[0]->model);
    size_t n_read = read_all(pass, n, lane, generation, &now_ns), top = 0;

    for (size_t i = 0; i < n_read; i++)
        top = pass[i]->top > top ? pass[i]->top : top;
    if (n_read > 0 && lane_reserve(lane, generation->model, top) != ST_OK)
        refuse_all(pass, n_read, lane, generation);
    else if (n_read > 0)
        compute(pass, n_read, lane, generation, now_ns);
    generation_drop(generation);
}

/* -- On a worker -- */

/* Requests for one model, and room for more of its pictures. */
struct party {
    struct pass_request *requests[PASS_PICTURES];
    size_t n, room;
};

static void release(void *arg)
{
    struct pass_request *r = arg;

    model_drop(r->model);
    free(r);
}

static size_t room_beside(const struct pass_request *first)
{
    uint64_t ns =
        atomic_load_explicit(&first->model->ns_per_picture, memory_order_relaxed);
    uint64_t most = ns > PASS_NS / PASS_PICTURES ? PASS_NS / ns : PASS_PICTURES;

    return most > first->pictures_at_most ? most - first->pictures_at_most : 0;
}

/* Under the pool's lock: no call of the system here. */
static bool take_along(void *ctx, void *arg)
{
    struct party *party = ctx;
    struct turn *turn = arg;

    if (turn->kind != party->requests[0]->turn.kind)
        return false;
    struct pass_request *r = arg;
    if (r->model != party->requests[0]->model || r->pictures_at_most > party->room)
        return false;
    party->room -= r->pictures_at_most;
    party->requests[party->n++] = r;
    return true;
}

/* The first one may begin. */
static void pass_on_worker(void *arg, unsigned worker)
{
    struct pass_request *first = arg;
    struct daemon *daemon = first->daemon;
    struct lane *lane = daemon->lanes[daemon->n_threads + worker];
    struct party party = { { first }, 1, room_beside(first) };
    size_t n = 1;

    pool_take_along(daemon->workers, turn_run, take_along, &party);
    for (size_t i = 1; i < party.n; i++)
        if (turn_may_go_on(&party.requests[i]->turn, lane->index))
            party.requests[n++] = party.requests[i];
    run(party.requests, n, lane, wall_monotonic_ns());
    for (size_t i = 0; i < n; i++)
        release(party.requests[i]);
}

static void count_ended(const void *arg, unsigned lane, unsigned status)
{
    const struct pass_request *r = arg;
    struct generation *generation = generation_take(r->model);

    if (status == 499)
        tally_refuse(&generation->tallies[lane], TALLY_CANCELLED);
    else
        count_refused(r, lane, generation, status);
    generation_drop(generation);
}

static const struct turn_kind pass_turn = { pass_on_worker, release, count_ended };

/* -- Where it runs -- */

/* Predicted from the model's moving average. */
static bool takes_long(const struct pass_request *r)
{
    size_t len;
    uint64_t ns = atomic_load_explicit(&r->model->ns_per_picture, memory_order_relaxed);

    (void)http_call_body(r->call, &len);
    return len > INLINE_BODY || http_call_is_packed(r->call) ||
           ns * r->pictures_at_most >
               r->daemon->settings.inline_budget_us * UINT64_C(1000);
}

void pass_count_refused(const struct pass_request *request, unsigned status)
{
    count_ended(request, http_call_thread(request->call), status);
}

void pass_refuse(const struct pass_request *request, const struct problem *problem)
{
    pass_count_refused(request, problem->status);
    http_reply_problem(request->call, problem);
}

static void hand_over(const struct pass_request *here)
{
    struct pass_request *r = malloc(sizeof(*r));
    struct problem problem;

    if (r == NULL) {
        problem_out_of_memory(&problem);
        pass_refuse(here, &problem);
        return;
    }
    *r = *here;
    r->turn = (struct turn) { .kind = &pass_turn, .daemon = r->daemon, .call = r->call };
    model_keep(r->model);
    turn_queue(&r->turn, r->daemon->workers, "inference");
}

void pass_run(const struct pass_request *request)
{
    struct pass_request here = *request, *pass[1] = { &here };

    if (takes_long(request))
        hand_over(request);
    else
        run(pass, 1, request->daemon->lanes[http_call_thread(request->call)],
            http_call_handled_ns(request->call));
}
