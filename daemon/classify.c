/* SPDX-License-Identifier: Apache-2.0 */
/* classify.c - one classify request, from body to answer.
 *
 *   classify_handle   data thread         route, options, how long will it take?
 *   classify_worker   worker, if long     the same work on another thread
 *   serve             either              decode, forward pass, count, answer
 *
 * Small requests are computed where they were parsed: handing one to another thread costs
 * more than the inference of a small network.
 */
#include "api/classify_json.h"
#include "api/image.h"
#include "daemon/daemon.h"
#include "daemon/wall.h"

#include <stdlib.h>
#include <string.h>

#define MAX_IMAGES 1024 /* of one request */
/* Pictures that go through the network at once: their activations stay in the L1 cache.
 */
#define BATCH 64
/* A body longer than this is decoded by a worker, whatever the network costs. */
#define INLINE_BODY (64 * 1024)
#define DEFAULT_TOP 3

/* Working memory of one thread that classifies. */
struct lane {
    unsigned index;
    /* By the model's slot, made at first use; of the model with this id. */
    struct {
        uint32_t id;
        struct infer_scratch *scratch;
    } scratch[REGISTRY_MAX];
    struct classify_input input;
    size_t cap_classes;
    float *logits, *probabilities; /* [BATCH * cap_classes], [cap_classes] */
    uint32_t *ranked;              /* [cap_classes] */
    uint32_t *classes;             /* [MAX_IMAGES]: the best of each picture */
    struct classify_score *scores; /* [cap_scores] */
    size_t cap_scores;
};

/* A request on its way. */
struct classify {
    struct daemon *daemon;
    struct model *model;
    struct http_call *call;
    size_t top;
    int32_t label; /* of a single picture; -1 none */
    bool is_json;
};

enum status lane_new(unsigned index, struct lane **ret_lane)
{
    struct lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL)
        return ST_NOMEM;
    lane->index = index;
    lane->classes = calloc(MAX_IMAGES, sizeof(*lane->classes));
    if (lane->classes == NULL) {
        lane_free(lane);
        return ST_NOMEM;
    }
    *ret_lane = lane;
    return ST_OK;
}

void lane_free(struct lane *lane)
{
    if (lane == NULL)
        return;
    for (size_t i = 0; i < REGISTRY_MAX; i++)
        infer_scratch_free(lane->scratch[i].scratch);
    classify_input_done(&lane->input);
    free(lane->scores);
    free(lane->classes);
    free(lane->ranked);
    free(lane->probabilities);
    free(lane->logits);
    free(lane);
}

/* -- Options -- */

/* A whole number from the query; false with a violation in `problem`. */
static bool read_number(const struct http_call *call, const char *name, uint64_t min,
                        uint64_t max, uint64_t standard, uint64_t *ret_number,
                        struct problem *problem)
{
    const char *text = http_call_query(call, name);
    char pointer[16], *end;

    *ret_number = standard;
    if (text == NULL)
        return true;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && strlen(text) < 10 &&
        number >= min && number <= max) {
        *ret_number = number;
        return true;
    }
    problem_set(problem, 422, "invalid_query", "%s", "");
    (void)snprintf(pointer, sizeof(pointer), "?%s", name);
    problem_add(problem, pointer,
                "query argument %s: \"%.40s\" is not a whole number within %llu .. %llu",
                name, text, (unsigned long long)min, (unsigned long long)max);
    return false;
}

static bool read_options(struct classify *c, struct problem *problem)
{
    size_t n_classes = c->model->net->n_classes;
    uint64_t top, label;

    if (!read_number(c->call, "top", 1, n_classes,
                     n_classes < DEFAULT_TOP ? n_classes : DEFAULT_TOP, &top, problem) ||
        !read_number(c->call, "label", 0, n_classes - 1, UINT32_MAX, &label, problem))
        return false;
    c->top = top;
    c->label = label == UINT32_MAX ? -1 : (int32_t)label;
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

/* Another model may have taken the slot since. */
static struct infer_scratch *scratch_of(struct lane *lane, const struct model *model)
{
    struct infer_scratch **scratch = &lane->scratch[model->slot].scratch;

    if (lane->scratch[model->slot].id != model->id) {
        infer_scratch_free(*scratch);
        *scratch = NULL;
        lane->scratch[model->slot].id = model->id;
    }
    if (*scratch == NULL && infer_scratch_new(model->net, BATCH, scratch) != ST_OK)
        return NULL;
    return *scratch;
}

/* Room for the scores of a batch of so many classes. */
static bool reserve_classes(struct lane *lane, size_t n)
{
    if (n <= lane->cap_classes)
        return true;
    float *logits = realloc(lane->logits, BATCH * n * sizeof(*logits));
    if (logits != NULL)
        lane->logits = logits;
    float *probabilities = realloc(lane->probabilities, n * sizeof(*probabilities));
    if (probabilities != NULL)
        lane->probabilities = probabilities;
    uint32_t *ranked = realloc(lane->ranked, n * sizeof(*ranked));
    if (ranked != NULL)
        lane->ranked = ranked;
    if (logits == NULL || probabilities == NULL || ranked == NULL)
        return false;
    lane->cap_classes = n;
    return true;
}

static bool reserve_scores(struct lane *lane, size_t n)
{
    if (n <= lane->cap_scores)
        return true;
    struct classify_score *scores = realloc(lane->scores, n * sizeof(*scores));
    if (scores == NULL)
        return false;
    lane->scores = scores;
    lane->cap_scores = n;
    return true;
}

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

    if (classify_json_parse((const char *)body, len, c->model->net, MAX_IMAGES,
                            &lane->input, problem) != ST_OK)
        return false;
    if (c->label >= 0 && lane->input.n != 1) {
        problem_set(problem, 422, "invalid_query",
                    "query argument label: the body has %zu "
                    "pictures; give their labels in the body",
                    lane->input.n);
        return false;
    }
    if (c->label >= 0)
        lane->input.labels[0] = c->label;
    return true;
}

/* Runs all pictures; fills lane->scores and lane->classes. */
static void compute(const struct classify *c, struct lane *lane,
                    const struct generation *generation, struct infer_scratch *scratch)
{
    size_t inputs = network_inputs(c->model->net), n_classes = c->model->net->n_classes;

    for (size_t begin = 0; begin < lane->input.n; begin += BATCH) {
        size_t n = lane->input.n - begin < BATCH ? lane->input.n - begin : BATCH;

        infer_run(generation->weights, scratch, lane->input.pixels + begin * inputs, n,
                  lane->logits);
        for (size_t i = 0; i < n; i++) {
            const float *logits = lane->logits + i * n_classes;
            struct classify_score *scores = lane->scores + (begin + i) * c->top;

            infer_rank(logits, n_classes, c->top, lane->ranked);
            infer_probabilities(logits, n_classes, lane->probabilities);
            for (size_t k = 0; k < c->top; k++) {
                uint32_t class_index = lane->ranked[k];

                scores[k] = (struct classify_score) { class_index,
                                                      lane->probabilities[class_index],
                                                      logits[class_index] };
            }
            lane->classes[begin + i] = scores[0].class_index;
        }
    }
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
                   struct generation *generation, struct infer_scratch *scratch)
{
    uint64_t began = wall_monotonic_ns();

    compute(c, lane, generation, scratch);
    uint64_t computed = wall_monotonic_ns();
    model_cost_update(c->model, computed - began, lane->input.n);

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
    struct infer_scratch *scratch = scratch_of(lane, c->model);
    bool decoded =
        c->is_json ? decode_json(c, lane, &problem) : decode_picture(c, lane, &problem);

    if (decoded && (scratch == NULL || !reserve_classes(lane, c->model->net->n_classes) ||
                    !reserve_scores(lane, lane->input.n * c->top))) {
        problem_set(&problem, 503, "out_of_memory", "there is not enough memory now");
        decoded = false;
    }
    if (decoded) {
        answer(c, lane, generation, scratch);
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
