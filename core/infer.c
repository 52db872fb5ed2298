/* SPDX-License-Identifier: Apache-2.0 */
/* The executor: values in buffers, stages one after the other. Pictures go through in
 * chunks whose values stay near the CPU; each family of stages has a file of its own
 * (infer_stage.h). */
#include "core/infer.h"

#include "core/infer_input.h"
#include "core/infer_stage.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64
/* Bytes of the values of one chunk. Chains of dense layers stay in L2; maps are larger,
 * and their stages work through them row by row anyway. */
#define CHUNK_SIZE     ((size_t)256 << 10)
#define CHUNK_MAP_SIZE ((size_t)4 << 20)

/* -- Weights -- */

struct prepared {                /* all NULL: a stage without weights */
    struct infer_window *window; /* ours */
    struct infer_binary *binary; /* ours */
    struct infer_real *real;     /* ours */
};

struct infer_weights {
    const struct network *net;   /* borrowed */
    const struct kernel *kernel; /* borrowed */
    struct prepared *stages;     /* ours, [net->n_stages] */
};

static bool is_binary(const struct network *net, const struct network_stage *stage)
{
    return stage->op == NETWORK_OP_BINARY &&
           network_value(net, stage->in[0]).kind != NETWORK_VALUE_REALS;
}

static bool is_real(const struct network *net, const struct network_stage *stage)
{
    return stage->op == NETWORK_OP_REAL ||
           (stage->op == NETWORK_OP_BINARY && !is_binary(net, stage));
}

static enum status prepare(const struct network *net, const struct network_stage *stage,
                           const uint64_t *const *layer_bits, struct prepared *prepared)
{
    const uint64_t *bits =
        stage->op == NETWORK_OP_BINARY ? layer_bits[stage->layer] : NULL;

    if (infer_window_takes(net, stage))
        return infer_window_new(net, stage, bits, &prepared->window);
    if (is_binary(net, stage))
        return infer_binary_new(net, stage, bits, &prepared->binary);
    if (is_real(net, stage))
        return infer_real_new(net, stage, bits, &prepared->real);
    return ST_OK;
}

enum status infer_weights_new(const struct network *net, const struct kernel *kernel,
                              const uint64_t *const *layer_bits,
                              struct infer_weights **ret_weights)
{
    enum status st = ST_OK;
    struct infer_weights *weights = calloc(1, sizeof(*weights));

    if (weights == NULL)
        return ST_NOMEM;
    weights->net = net;
    weights->kernel = kernel;
    weights->stages = calloc(net->n_stages, sizeof(*weights->stages));
    if (weights->stages == NULL)
        st = ST_NOMEM;
    for (size_t i = 0; st == ST_OK && i < net->n_stages; i++)
        st = prepare(net, &net->stages[i], layer_bits, &weights->stages[i]);
    if (st != ST_OK) {
        infer_weights_free(weights);
        return st;
    }
    *ret_weights = weights;
    return ST_OK;
}

void infer_weights_free(struct infer_weights *weights)
{
    if (weights == NULL)
        return;
    for (size_t i = 0; weights->stages != NULL && i < weights->net->n_stages; i++) {
        infer_window_free(weights->stages[i].window);
        infer_binary_free(weights->stages[i].binary);
        infer_real_free(weights->stages[i].real);
    }
    free(weights->stages);
    free(weights);
}

/* -- Scratch -- */

struct infer_scratch {
    size_t max_batch;
    size_t chunk;
    struct infer_map *maps; /* ours, [n_stages + 1]; the first and the last may have no
                               memory of ours */
    uint8_t *values;        /* ours */
    void *work;             /* ours; what one stage needs besides */
};

static size_t round_up(size_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Bytes of one picture's value in a buffer. */
static size_t value_size(const struct network *net, size_t v)
{
    struct infer_map map = infer_map_of(net, v);

    if (map.value.kind == NETWORK_VALUE_PIXELS || v == net->n_stages)
        return 0; /* the caller's */
    return map.stride *
           (map.value.kind == NETWORK_VALUE_BITS ? sizeof(uint64_t) : sizeof(float));
}

/* Which values share a buffer: a value needs its own from the stage that makes it to the
 * last one that takes it. */
struct plan {
    size_t *last_use; /* ours, [n_values]: the stage */
    size_t *buffer;   /* ours, [n_values] */
    size_t *size;     /* ours, [n_values], of buffers: bytes a picture */
    bool *taken;      /* ours, [n_values], of buffers */
    size_t n_buffers;
};

static void plan_done(struct plan *plan)
{
    free(plan->last_use);
    free(plan->buffer);
    free(plan->size);
    free(plan->taken);
}

static bool takes_two(const struct network_stage *stage)
{
    return stage->op == NETWORK_OP_ADD || stage->op == NETWORK_OP_CONCAT;
}

/* Reals of reals, element by element: may work in place. */
static bool in_place(const struct network *net, const struct network_stage *stage)
{
    return network_value(net, stage->in[0]).kind == NETWORK_VALUE_REALS &&
           (stage->op == NETWORK_OP_AFFINE || stage->op == NETWORK_OP_SLOPE ||
            stage->op == NETWORK_OP_CLIP || stage->op == NETWORK_OP_ADD);
}

/* A free buffer: the smallest that is large enough, else the largest, which has to grow
 * least; a new one if none is free. */
static size_t take_buffer(struct plan *plan, size_t size)
{
    size_t best = plan->n_buffers;

    for (size_t b = 0; b < plan->n_buffers; b++) {
        if (plan->taken[b])
            continue;
        if (best == plan->n_buffers ||
            (plan->size[best] < size
                 ? plan->size[b] > plan->size[best]
                 : plan->size[b] >= size && plan->size[b] < plan->size[best]))
            best = b;
    }
    if (best == plan->n_buffers)
        plan->size[plan->n_buffers++] = 0;
    if (plan->size[best] < size)
        plan->size[best] = size;
    plan->taken[best] = true;
    return best;
}

static void release(struct plan *plan, size_t v, size_t stage)
{
    if (plan->last_use[v] == stage)
        plan->taken[plan->buffer[v]] = false;
}

static enum status plan_init(struct plan *plan, const struct network *net)
{
    size_t n_values = net->n_stages + 1;

    *plan = (struct plan) {
        .last_use = calloc(n_values, sizeof(*plan->last_use)),
        .buffer = calloc(n_values, sizeof(*plan->buffer)),
        .size = calloc(n_values, sizeof(*plan->size)),
        .taken = calloc(n_values, sizeof(*plan->taken)),
    };
    if (plan->last_use == NULL || plan->buffer == NULL || plan->size == NULL ||
        plan->taken == NULL)
        return ST_NOMEM;
    for (size_t i = 0; i < net->n_stages; i++) {
        plan->last_use[net->stages[i].in[0]] = i;
        if (takes_two(&net->stages[i]))
            plan->last_use[net->stages[i].in[1]] = i;
    }
    plan->buffer[0] = take_buffer(plan, value_size(net, 0));
    for (size_t i = 0; i < net->n_stages; i++) {
        const struct network_stage *stage = &net->stages[i];
        bool alone = in_place(net, stage) && plan->last_use[stage->in[0]] == i;

        if (alone)
            release(plan, stage->in[0], i);
        plan->buffer[i + 1] = alone && value_size(net, i + 1) != 0
                                  ? plan->buffer[stage->in[0]]
                                  : take_buffer(plan, value_size(net, i + 1));
        plan->taken[plan->buffer[i + 1]] = true;
        if (!alone)
            release(plan, stage->in[0], i);
        if (takes_two(stage) && plan->buffer[stage->in[1]] != plan->buffer[i + 1])
            release(plan, stage->in[1], i);
    }
    return ST_OK;
}

static size_t plan_size(const struct plan *plan)
{
    size_t size = 0;

    for (size_t b = 0; b < plan->n_buffers; b++)
        size += round_up(plan->size[b]);
    return size;
}

/* Is every stage a dense layer? */
static bool is_chain(const struct network *net)
{
    for (size_t i = 0; i < net->n_stages; i++) {
        if (!infer_is_dense(net, &net->stages[i]))
            return false;
    }
    return true;
}

static size_t chunk_of(const struct network *net, const struct plan *plan,
                       size_t max_batch)
{
    bool chain = is_chain(net);
    size_t size = plan_size(plan) + 1;
    size_t least = chain ? INFER_ROWS_MIN : 1;
    size_t chunk = (chain ? CHUNK_SIZE : CHUNK_MAP_SIZE) / size;

    if (chunk < least)
        chunk = least;
    if (chunk > INFER_ROWS_MAX)
        chunk = INFER_ROWS_MAX;
    return chunk > max_batch ? max_batch : chunk;
}

static size_t work_size(const struct network *net)
{
    size_t most = ALIGNMENT;

    for (size_t i = 0; i < net->n_stages; i++) {
        const struct network_stage *stage = &net->stages[i];
        size_t size = infer_window_takes(net, stage) ? infer_window_work(net, stage)
                      : is_binary(net, stage)        ? infer_binary_work(net, stage)
                      : is_real(net, stage)          ? infer_real_work(net, stage)
                                                     : 0;

        most = size > most ? size : most;
    }
    return most;
}

/* Gives each value its place in scratch->values. */
static void place_values(struct infer_scratch *scratch, const struct network *net,
                         const struct plan *plan)
{
    for (size_t v = 0; v <= net->n_stages; v++) {
        struct infer_map *map = &scratch->maps[v];
        size_t offset = 0;

        for (size_t b = 0; b < plan->buffer[v]; b++)
            offset += round_up(plan->size[b]) * scratch->chunk;
        *map = infer_map_of(net, v);
        if (map->value.kind == NETWORK_VALUE_BITS)
            map->bits = (uint64_t *)(void *)(scratch->values + offset);
        else if (map->value.kind == NETWORK_VALUE_REALS)
            map->reals = (float *)(void *)(scratch->values + offset);
    }
}

static enum status scratch_init(struct infer_scratch *scratch, const struct network *net,
                                const struct plan *plan)
{
    scratch->chunk = chunk_of(net, plan, scratch->max_batch);
    scratch->maps = calloc(net->n_stages + 1, sizeof(*scratch->maps));
    scratch->values =
        aligned_alloc(ALIGNMENT, plan_size(plan) * scratch->chunk + ALIGNMENT);
    scratch->work = aligned_alloc(ALIGNMENT, work_size(net));
    if (scratch->maps == NULL || scratch->values == NULL || scratch->work == NULL)
        return ST_NOMEM;
    place_values(scratch, net, plan);
    return ST_OK;
}

enum status infer_scratch_new(const struct network *net, size_t max_batch,
                              struct infer_scratch **ret_scratch)
{
    if (max_batch == 0 || max_batch > INFER_MAX_BATCH)
        return ST_RANGE;

    struct infer_scratch *scratch = calloc(1, sizeof(*scratch));
    struct plan plan;

    if (scratch == NULL)
        return ST_NOMEM;
    scratch->max_batch = max_batch;
    enum status st = plan_init(&plan, net);
    if (st == ST_OK)
        st = scratch_init(scratch, net, &plan);
    plan_done(&plan);
    if (st != ST_OK) {
        infer_scratch_free(scratch);
        return st;
    }
    *ret_scratch = scratch;
    return ST_OK;
}

void infer_scratch_free(struct infer_scratch *scratch)
{
    if (scratch == NULL)
        return;
    free(scratch->maps);
    free(scratch->values);
    free(scratch->work);
    free(scratch);
}

/* -- The forward pass -- */

/* The picture of +-1: as one row, or place by place. */
static void binarise(const struct network_input *input, const uint8_t *pixels, size_t n,
                     struct infer_map *map)
{
    size_t size = network_value_size(&map->value);
    size_t n_places = map->packed ? 1 : infer_places(&map->value);
    size_t n_bits = size / n_places, n_words = map->stride / n_places;

    for (size_t i = 0; i < n * n_places; i++)
        infer_input_binary(pixels + i * n_bits, n_bits, input->threshold,
                           map->bits + i * n_words);
}

static void run_stage(const struct infer_weights *weights, struct infer_scratch *scratch,
                      size_t i, size_t n)
{
    const struct network_stage *stage = &weights->net->stages[i];
    const struct prepared *prepared = &weights->stages[i];
    const struct infer_map *in = &scratch->maps[stage->in[0]];
    struct infer_map *out = &scratch->maps[i + 1];

    switch (stage->op) {
    case NETWORK_OP_BINARY:
    case NETWORK_OP_REAL:
        if (prepared->window != NULL)
            infer_window_run(prepared->window, weights->kernel, in, n, scratch->work,
                             out);
        else if (prepared->binary != NULL)
            infer_binary_run(prepared->binary, weights->kernel, in, n, scratch->work,
                             out);
        else
            infer_real_run(prepared->real, weights->kernel, in, n, scratch->work, out);
        return;
    case NETWORK_OP_POOL_BITS:
    case NETWORK_OP_POOL_MAX:
    case NETWORK_OP_POOL_MEAN:
        infer_pool_run(stage, in, n, out);
        return;
    default:
        infer_elements_run(stage, in, &scratch->maps[stage->in[1]], n, out);
        return;
    }
}

/* Answers are numbers, whatever the parameters of a network add up to. */
static void keep_finite(float *logits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(logits[i]))
            logits[i] = logits[i] > 0.0F ? FLT_MAX : -FLT_MAX;
    }
}

void infer_run(const struct infer_weights *weights, struct infer_scratch *scratch,
               const uint8_t *pixels, size_t n, float *ret_logits)
{
    const struct network *net = weights->net;
    struct infer_map *first = &scratch->maps[0], *last = &scratch->maps[net->n_stages];
    size_t n_inputs = network_inputs(net);

    assert(n >= 1 && n <= scratch->max_batch);
    for (size_t i = 0; i < n; i += scratch->chunk) {
        size_t n_chunk = n - i < scratch->chunk ? n - i : scratch->chunk;

        if (first->value.kind == NETWORK_VALUE_BITS)
            binarise(&net->input, pixels + i * n_inputs, n_chunk, first);
        else
            first->pixels = pixels + i * n_inputs;
        last->reals = ret_logits + i * net->n_classes;
        for (size_t s = 0; s < net->n_stages; s++)
            run_stage(weights, scratch, s, n_chunk);
    }
    keep_finite(ret_logits, n * net->n_classes);
}
