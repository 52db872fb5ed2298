/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_paths(const char *state_dir, const char *name, uint32_t version,
                 char ret_image[MODEL_PATH_LEN], char ret_file[MODEL_PATH_LEN])
{
    char behind[16] = "";

    if (version > 1)
        (void)snprintf(behind, sizeof(behind), "@%" PRIu32, version);
    (void)snprintf(ret_image, MODEL_PATH_LEN, "%s/arrays/%s%s.array", state_dir, name,
                   behind);
    (void)snprintf(ret_file, MODEL_PATH_LEN, "%s/models/%s%s.sbnn", state_dir, name,
                   behind);
}

enum status model_new(struct network *net, enum model_origin origin,
                      const char *state_dir, const struct device *device,
                      struct model **ret_model)
{
    static atomic_uint next_id;
    struct model *model = aligned_alloc(alignof(struct model), sizeof(*model));

    if (model != NULL)
        memset(model, 0, sizeof(*model));
    if (model == NULL || device_copy(device, &model->device) != ST_OK) {
        free(model);
        network_free(net);
        return ST_NOMEM;
    }
    atomic_init(&model->refs, 1);
    model->id = atomic_fetch_add(&next_id, 1) + 1;
    model->net = net;
    model->origin = origin;
    model_paths(state_dir, net->name, net->version, model->image_path, model->file_path);
    (void)pthread_mutex_init(&model->mutex, NULL);
    *ret_model = model;
    return ST_OK;
}

void model_keep(struct model *model)
{
    (void)atomic_fetch_add_explicit(&model->refs, 1, memory_order_relaxed);
}

static void generation_free(struct generation *generation)
{
    infer_weights_free(generation->weights);
    conditions_drop(generation->conditions);
    free(generation->tallies);
    free(generation->per_image);
    free(generation->states);
    free(generation->results);
    free(generation->forecasts);
    free(generation);
}

/* One reference less, of whoever; those of others keep the model besides. */
static void generation_let_go(struct generation *generation)
{
    if (generation != NULL &&
        atomic_fetch_sub_explicit(&generation->refs, 1, memory_order_acq_rel) == 1)
        generation_free(generation);
}

void model_drop(struct model *model)
{
    if (model == NULL ||
        atomic_fetch_sub_explicit(&model->refs, 1, memory_order_acq_rel) != 1)
        return;
    generation_let_go(model->current);
    mram_free(model->mram);
    free(model->lost_defects.listed);
    device_done(&model->device);
    for (size_t i = 0; i < WRONG_MAP_KEPT; i++)
        wrong_map_free(model->kept[i]);
    (void)pthread_mutex_destroy(&model->mutex);
    network_free(model->net);
    free(model);
}

enum status generation_new(struct model *model, unsigned n_lanes,
                           struct generation **ret_generation)
{
    struct generation *generation = calloc(1, sizeof(*generation));

    if (generation == NULL)
        return ST_NOMEM;
    atomic_init(&generation->refs, 1);
    generation->model = model;
    model_keep(model);
    generation->n_lanes = n_lanes;
    size_t n_layers = model->net->n_layers;
    generation->forecasts = calloc(n_layers, sizeof(*generation->forecasts));
    generation->results = calloc(n_layers, sizeof(*generation->results));
    generation->states = calloc(n_layers, sizeof(*generation->states));
    generation->per_image = calloc(n_layers, sizeof(*generation->per_image));
    generation->tallies =
        aligned_alloc(alignof(struct tally), n_lanes * sizeof(*generation->tallies));
    if (generation->forecasts == NULL || generation->results == NULL ||
        generation->states == NULL || generation->per_image == NULL ||
        generation->tallies == NULL) {
        generation_drop(generation);
        return ST_NOMEM;
    }
    memset(generation->tallies, 0, n_lanes * sizeof(*generation->tallies));
    *ret_generation = generation;
    return ST_OK;
}

struct generation *generation_take(struct model *model)
{
    (void)pthread_mutex_lock(&model->mutex);
    struct generation *generation = model->current;
    if (generation != NULL)
        generation_keep(generation);
    (void)pthread_mutex_unlock(&model->mutex);
    return generation;
}

void generation_keep(struct generation *generation)
{
    model_keep(generation->model);
    (void)atomic_fetch_add_explicit(&generation->refs, 1, memory_order_relaxed);
}

void generation_drop(struct generation *generation)
{
    if (generation == NULL)
        return;
    struct model *model = generation->model;

    generation_let_go(generation);
    model_drop(model);
}

void model_publish(struct model *model, struct generation *generation)
{
    (void)pthread_mutex_lock(&model->mutex);
    struct generation *before = model->current;
    model->current = generation;
    (void)pthread_mutex_unlock(&model->mutex);
    generation_let_go(before);
    if (generation != NULL)
        model_drop(model); /* the model's own reference does not keep the model */
}

uint64_t generation_wrong_bits(const struct generation *generation)
{
    return mram_wrong(&generation->total);
}

struct classify_memory generation_memory(const struct generation *generation)
{
    return (struct classify_memory) {
        .weights = generation->total.weights,
        .cells = generation->total.cells,
        .wrong_bits = generation_wrong_bits(generation),
    };
}

struct tally_sum generation_tally(const struct generation *generation)
{
    struct tally_sum sum = { 0 };

    for (unsigned lane = 0; lane < generation->n_lanes; lane++)
        tally_read(&generation->tallies[lane], &sum);
    return sum;
}

void model_cost_update(struct model *model, uint64_t ns, size_t n_pictures)
{
    uint64_t now = ns / n_pictures;
    uint64_t before = atomic_load_explicit(&model->ns_per_picture, memory_order_relaxed);

    /* A sixteenth of the new value: calm, but follows within some tens of requests. */
    atomic_store_explicit(&model->ns_per_picture,
                          before == 0 ? now : before - before / 16 + now / 16,
                          memory_order_relaxed);
}
