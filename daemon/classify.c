/* SPDX-License-Identifier: Apache-2.0 */
/* classify.c - one classify request, from body to answer.
 *
 *   classify_handle   data thread         route, options, how long will it take?
 *   classify_worker   worker, if long     the same work on another thread
 *   serve             either              decode, forward pass, count, answer
 *
 * Small requests are computed where they were parsed: handing one to another thread costs
 * more than the inference of a small network. A batch that a worker computes is shared
 * with the workers that are idle (lane.h).
 */
#include "api/classify_json.h"
#include "api/image.h"
#include "daemon/lane.h"
#include "daemon/query.h"
#include "daemon/wall.h"

#include <stdlib.h>
#include <string.h>

/* A body longer than this is decoded by a worker, whatever the network costs. */
#define INLINE_BODY (64 * 1024)
#define DEFAULT_TOP 3

/* A request on its way. */
struct classify {
    struct daemon *daemon;
    struct model *model;
    struct http_call *call;
    size_t top;
    int32_t label; /* of a single picture; -1 none */
    bool is_json;
};

/* -- Options -- */

static bool read_options(struct classify *c, struct problem *problem)
{
    size_t n_classes = c->model->net->n_classes;
    uint64_t top = n_classes < DEFAULT_TOP ? n_classes : DEFAULT_TOP;
    uint64_t label = UINT64_MAX;

    if (!query_number(c->call, "top", 1, n_classes, &top, problem) ||
        !query_number(c->call, "label", 0, n_classes - 1, &label, problem))
        return false;
    c->top = top;
    c->label = label == UINT64_MAX ? -1 : (int32_t)label;
    return true;
}

/* JSON or picture? A body without a usable type (curl sends a form's) is looked at. */
static bool read_type(struct classify *c, struct problem *problem)
{
    static const char *const pictures[] = {
        "application/octet-stream",
        "image/png",
        "image/jpeg",
        "image/x-portable-graymap",
        "image/x-portable-pixmap",
        "image/x-portable-anymap",
    };
    const char *type = http_call_content_type(c->call);
    size_t len;
    const uint8_t *body = http_call_body(c->call, &len);

    if (len == 0) {
        problem_set(problem, 400, "empty_body",
                    "the body is empty; send a picture (PNG, JPEG, PGM, "
                    "PPM), %zu raw pixels or JSON",
                    network_inputs(c->model->net));
        return false;
    }
    c->is_json = strcmp(type, "application/json") == 0;
    if (c->is_json)
        return true;
    for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++)
        if (strcmp(type, pictures[i]) == 0)
            return true;
    if (type[0] == '\0' || strcmp(type, "application/x-www-form-urlencoded") == 0) {
        c->is_json = body[0] == '{' && len != network_inputs(c->model->net);
        return true;
    }
    problem_set(
        problem, 415, "unsupported_type",
        "Content-Type \"%.60s\" is not read here; send application/json, image/png, "
        "image/jpeg, image/x-portable-graymap, image/x-portable-pixmap or "
        "application/octet-stream (raw pixels)",
        type);
    return false;
}

/* -- The work -- */

/* HTTP status of a picture that cannot be used. */
static unsigned picture_status(enum status st)
{
    return st == ST_UNSUPPORTED ? 415 : st == ST_RANGE ? 413 : 422;
}

static bool decode_picture(const struct classify *c, struct lane *lane,
                           struct problem *problem)
{
    char why[ERR_LEN];
    size_t len;
    const uint8_t *body = http_call_body(c->call, &len);
    enum status st =
        classify_input_reserve(&lane->input, 1, network_inputs(c->model->net));

    if (st == ST_OK) {
        st = image_fit(body, len, &c->model->net->input, lane->input.pixels, why);
        lane->input.n = 1;
        lane->input.labels[0] = c->label;
    }
    if (st == ST_NOMEM)
        problem_set(problem, 503, "out_of_memory", "there is not enough memory now");
    else if (st != ST_OK)
        problem_set(problem, picture_status(st), "invalid_picture", "%s", why);
    return st == ST_OK;
}

static bool decode_json(const struct classify *c, struct lane *lane,
                        struct problem *problem)
{
    size_t len;
    const uint8_t *body = http_call_body(c->call, &len);

    if (classify_json_parse((const char *)body, len, c->model->net, LANE_MAX_IMAGES,
                            &lane->input, problem) != ST_OK)
        return false;
    if (c->label >= 0 && lane->input.n != 1) {
        query_refuse(problem, "label",
                     "the body has %zu pictures; give their labels in the body",
                     lane->input.n);
        return false;
    }
    if (c->label >= 0)
        lane->input.labels[0] = c->label;
    return true;
}

static void count(const struct classify *c, struct lane *lane,
                  struct generation *generation, double latency_us)
{
    uint64_t labelled = 0, correct = 0;

    for (size_t i = 0; i < lane->input.n; i++) {
        labelled += lane->input.labels[i] >= 0;
        correct += lane->input.labels[i] == (int32_t)lane->classes[i];
    }
    tally_answer(&generation->tallies[lane->index], lane->input.n, labelled, correct,
                 latency_us);
    feedback_note(c->daemon->feedback, http_call_id(c->call), c->model->id,
                  generation->number, lane->classes, lane->input.labels, lane->input.n);
}

static void answer(const struct classify *c, struct lane *lane,
                   struct generation *generation)
{
    uint64_t began = wall_monotonic_ns();
    uint64_t busy_ns = lane_compute(c->daemon, lane, generation, c->top);
    uint64_t computed = wall_monotonic_ns();

    model_cost_update(c->model, busy_ns, lane->input.n);

    uint64_t arrived = http_call_began_ns(c->call);
    struct classify_answer out = {
        .net = c->model->net,
        .generation = generation->number,
        .request_id = http_call_id(c->call),
        .n_images = lane->input.n,
        .top = c->top,
        .scores = lane->scores,
        .memory = generation_memory(generation),
        .queue_us = (double)(began - arrived) / 1e3,
        .compute_us = (double)(computed - began) / 1e3,
        .total_us = (double)(computed - arrived) / 1e3,
    };
    struct buf body = BUF_INIT;

    energy_add_times(&out.energy, (double)lane->input.n, &generation->total_per_image);
    if (lane->index < c->daemon->n_threads)
        body = http_take_buf(c->call);
    classify_json_write(&body, &out);
    count(c, lane, generation, out.total_us);
    http_reply(c->call, 200, "application/json", &body);
}

static void serve(const struct classify *c, struct lane *lane)
{
    struct problem problem;
    struct generation *generation = generation_take(c->model);
    bool decoded =
        c->is_json ? decode_json(c, lane, &problem) : decode_picture(c, lane, &problem);

    if (decoded && lane_reserve(lane, c->model, c->top) != ST_OK) {
        problem_set(&problem, 503, "out_of_memory", "there is not enough memory now");
        decoded = false;
    }
    if (decoded) {
        answer(c, lane, generation);
    } else {
        tally_error(&generation->tallies[lane->index]);
        http_reply_problem(c->call, &problem);
    }
    generation_drop(generation);
}

/* -- Where it runs -- */

/* Predicted from the model's moving average; a body cannot hold more pictures than bytes
 * for them. */
static bool takes_long(const struct classify *c)
{
    size_t len, inputs = network_inputs(c->model->net);
    uint64_t ns = atomic_load_explicit(&c->model->ns_per_picture, memory_order_relaxed);

    (void)http_call_body(c->call, &len);
    uint64_t pictures = c->is_json ? len / inputs + 1 : 1;
    return len > INLINE_BODY ||
           ns * pictures > c->daemon->settings.inline_budget_us * UINT64_C(1000);
}

static void classify_worker(void *arg, unsigned worker)
{
    struct classify *c = arg;

    if (http_call_client_gone(c->call))
        daemon_reply_gone(c->call);
    else
        serve(c, c->daemon->lanes[c->daemon->n_threads + worker]);
    model_drop(c->model);
    free(c);
}

/* A request that was refused before it came to a lane's work. On the data thread. */
static void count_refused(const struct classify *c)
{
    struct generation *generation = generation_take(c->model);

    tally_error(&generation->tallies[http_call_thread(c->call)]);
    generation_drop(generation);
}

static void hand_over(const struct classify *here)
{
    struct classify *c = malloc(sizeof(*c));
    struct problem problem;

    if (c == NULL) {
        count_refused(here);
        problem_set(&problem, 503, "out_of_memory", "there is not enough memory now");
        http_reply_problem(here->call, &problem);
        return;
    }
    *c = *here;
    model_keep(c->model);
    http_defer(c->call);
    if (pool_submit(c->daemon->workers, classify_worker, c) == ST_OK)
        return;
    count_refused(here);
    daemon_reply_busy(c->daemon, c->call, "inference");
    model_drop(c->model);
    free(c);
}

void classify_handle(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;
    struct classify c = { .daemon = daemon, .call = call };
    struct problem problem;

    c.model = daemon_take_or_404(daemon, call);
    if (c.model == NULL)
        return;
    if (!read_options(&c, &problem) || !read_type(&c, &problem)) {
        count_refused(&c);
        http_reply_problem(call, &problem);
    } else if (takes_long(&c)) {
        hand_over(&c);
    } else {
        serve(&c, daemon->lanes[http_call_thread(call)]);
    }
    model_drop(c.model);
}
