/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/lane.h"

#include "daemon/spread.h"
#include "daemon/wall.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Pictures that go through the network at once: their activations stay in the cache. */
#define BATCH 64
/* Parts of a batch for each worker: one that was held up leaves its share to the others,
 * and in the end they wait for the last part of one of them. */
#define PARTS_PER_WORKER 16
/* What a part should take at least, that handing it over does not count. */
#define PART_NS UINT64_C(300000)

struct lane_scratch {
    /* By the model's slot, made at first use; of the model with this id. That of one that
     * was deleted stays until another has its slot. */
    struct {
        uint32_t id;
        struct infer_scratch *scratch;
    } of[REGISTRY_MAX];
    size_t cap_classes;
    float *probabilities; /* [cap_classes] */
    uint32_t *ranked;     /* [cap_classes] */
};

enum status lane_new(unsigned index, struct lane **ret_lane)
{
    struct lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL)
        return ST_NOMEM;
    lane->index = index;
    lane->scratch = calloc(1, sizeof(*lane->scratch));
    if (lane->scratch == NULL) {
        lane_free(lane);
        return ST_NOMEM;
    }
    *ret_lane = lane;
    return ST_OK;
}

static void scratch_free(struct lane_scratch *scratch)
{
    if (scratch == NULL)
        return;
    for (size_t i = 0; i < REGISTRY_MAX; i++)
        infer_scratch_free(scratch->of[i].scratch);
    free(scratch->ranked);
    free(scratch->probabilities);
    free(scratch);
}

void lane_free(struct lane *lane)
{
    if (lane == NULL)
        return;
    scratch_free(lane->scratch);
    classify_input_done(&lane->read);
    classify_input_done(&lane->input);
    free(lane->scores);
    free(lane->logits);
    free(lane->classes);
    free(lane);
}

/* -- Room -- */

/* Another model may have taken the slot since. */
static bool reserve_network(struct lane_scratch *all, const struct model *model)
{
    struct infer_scratch **scratch = &all->of[model->slot].scratch;

    if (all->of[model->slot].id != model->id) {
        infer_scratch_free(*scratch);
        *scratch = NULL;
        all->of[model->slot].id = model->id;
    }
    return *scratch != NULL || infer_scratch_new(model->net, BATCH, scratch) == ST_OK;
}

static bool reserve_classes(struct lane_scratch *scratch, size_t n)
{
    if (n <= scratch->cap_classes)
        return true;
    float *probabilities = realloc(scratch->probabilities, n * sizeof(*probabilities));
    if (probabilities != NULL)
        scratch->probabilities = probabilities;
    uint32_t *ranked = realloc(scratch->ranked, n * sizeof(*ranked));
    if (ranked != NULL)
        scratch->ranked = ranked;
    if (probabilities == NULL || ranked == NULL)
        return false;
    scratch->cap_classes = n;
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

static bool reserve_logits(struct lane *lane, size_t n)
{
    if (n <= lane->cap_logits)
        return true;
    float *logits = realloc(lane->logits, n * sizeof(*logits));
    if (logits == NULL)
        return false;
    lane->logits = logits;
    lane->cap_logits = n;
    return true;
}

static bool reserve_best(struct lane *lane, size_t n)
{
    if (n <= lane->cap_classes)
        return true;
    uint32_t *classes = realloc(lane->classes, n * sizeof(*classes));
    if (classes == NULL)
        return false;
    lane->classes = classes;
    lane->cap_classes = n;
    return true;
}

/* What computing needs, be it for the lane's own input or another's. */
static bool reserve_scratch(struct lane_scratch *scratch, const struct model *model)
{
    return reserve_network(scratch, model) &&
           reserve_classes(scratch, model->net->n_classes);
}

enum status lane_reserve(struct lane *lane, const struct model *model, size_t top)
{
    lane->top = top;
    return reserve_scratch(lane->scratch, model) &&
                   reserve_scores(lane, lane->input.n * top) &&
                   reserve_logits(lane, lane->input.n * model->net->n_classes) &&
                   reserve_best(lane, lane->input.n)
               ? ST_OK
               : ST_NOMEM;
}

/* The first ones are not copied: most passes are of one request. */
enum status lane_join(struct lane *lane, const struct model *model)
{
    struct classify_input *all = &lane->input, *more = &lane->read;

    if (all->n > 0)
        return classify_input_append(all, more, network_inputs(model->net));
    struct classify_input empty = *all;
    *all = *more;
    *more = empty;
    return ST_OK;
}

/* -- Computing -- */

struct batch {
    struct daemon *daemon;
    struct lane *lane; /* whose input, scores and logits it is */
    const struct generation *generation;
    size_t per_part; /* pictures, 1 .. BATCH */
    _Atomic uint64_t busy_ns;
};

static void rank(const struct batch *batch, struct lane_scratch *scratch,
                 const float *logits, size_t image)
{
    size_t n_classes = batch->generation->model->net->n_classes;
    size_t top = batch->lane->top;
    struct classify_score *scores = batch->lane->scores + image * top;

    infer_rank(logits, n_classes, top, scratch->ranked);
    infer_probabilities(logits, n_classes, scratch->probabilities);
    for (size_t k = 0; k < top; k++) {
        uint32_t class_index = scratch->ranked[k];

        scores[k] =
            (struct classify_score) { class_index, scratch->probabilities[class_index],
                                      logits[class_index] };
    }
    batch->lane->classes[image] = scores[0].class_index;
}

static void compute_part(struct batch *batch, size_t part, struct lane_scratch *scratch)
{
    const struct model *model = batch->generation->model;
    const struct classify_input *input = &batch->lane->input;
    size_t n_classes = model->net->n_classes;
    size_t begin = part * batch->per_part, left = input->n - begin;
    size_t n = left < batch->per_part ? left : batch->per_part;
    float *logits = batch->lane->logits + begin * n_classes;

    infer_run(batch->generation->weights, scratch->of[model->slot].scratch,
              input->pixels + begin * network_inputs(model->net), n, logits);
    for (size_t i = 0; i < n; i++)
        rank(batch, scratch, logits + i * n_classes, begin + i);
}

static bool part_on_worker(void *ctx, size_t part, unsigned worker)
{
    struct batch *batch = ctx;
    struct lane *lane = batch->daemon->lanes[batch->daemon->n_threads + worker];

    if (!reserve_scratch(lane->scratch, batch->generation->model))
        return false;
    uint64_t began = wall_monotonic_ns();
    compute_part(batch, part, lane->scratch);
    atomic_fetch_add_explicit(&batch->busy_ns, wall_monotonic_ns() - began,
                              memory_order_relaxed);
    return true;
}

/* A batch of a worker is cut so that the workers come out even; not into parts that are
 * not worth it, which a model that was never timed is taken not to have. */
static size_t pictures_per_part(const struct daemon *daemon, const struct lane *lane,
                                const struct model *model)
{
    uint64_t ns = atomic_load_explicit(&model->ns_per_picture, memory_order_relaxed);
    size_t n_parts = daemon->n_workers * PARTS_PER_WORKER;
    size_t even = (lane->input.n + n_parts - 1) / n_parts;
    size_t least = ns > 0 ? PART_NS / ns + 1 : 1;
    size_t per_part = even > least ? even : least;

    if (lane->index < daemon->n_threads || daemon->n_workers == 1 || per_part > BATCH)
        return BATCH;
    return per_part;
}

struct lane_time lane_compute(struct daemon *daemon, struct lane *lane,
                              const struct generation *generation, uint64_t began_ns)
{
    struct batch batch = {
        .daemon = daemon,
        .lane = lane,
        .generation = generation,
        .per_part = pictures_per_part(daemon, lane, generation->model),
    };
    size_t n_parts = (lane->input.n + batch.per_part - 1) / batch.per_part;
    struct lane_time time = { .began_ns = began_ns };

    if (lane->index >= daemon->n_threads) {
        spread_run(daemon->workers, lane->index - daemon->n_threads, n_parts,
                   part_on_worker, &batch);
        time.ended_ns = wall_monotonic_ns();
        time.busy_ns = atomic_load_explicit(&batch.busy_ns, memory_order_relaxed);
    } else {
        for (size_t part = 0; part < n_parts; part++)
            compute_part(&batch, part, lane->scratch);
        time.ended_ns = wall_monotonic_ns();
        time.busy_ns = time.ended_ns - began_ns;
    }
    return time;
}
