/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum status model_new(struct network *net, size_t index, const char *state_dir,
                      struct model **ret_model)
{
    struct model *model = calloc(1, sizeof(*model));

    if (model == NULL) {
        network_free(net);
        return ST_NOMEM;
    }
    model->net = net;
    model->index = index;
    (void)snprintf(model->image_path, sizeof(model->image_path), "%s/arrays/%s.array",
                   state_dir, net->name);
    (void)pthread_mutex_init(&model->mutex, NULL);
    *ret_model = model;
    return ST_OK;
}

void model_free(struct model *model)
{
    if (model == NULL)
        return;
    generation_drop(model->current);
    mram_free(model->mram);
    (void)pthread_mutex_destroy(&model->mutex);
    network_free(model->net);
    free(model);
}

enum status generation_new(const struct model *model, unsigned n_lanes,
                           struct generation **ret_generation)
{
    struct generation *generation = calloc(1, sizeof(*generation));

    if (generation == NULL)
        return ST_NOMEM;
    atomic_init(&generation->refs, 1);
    generation->model = model;
    generation->n_lanes = n_lanes;
    generation->results = calloc(model->net->n_layers, sizeof(*generation->results));
    generation->tallies =
        aligned_alloc(alignof(struct tally), n_lanes * sizeof(*generation->tallies));
    if (generation->results == NULL || generation->tallies == NULL) {
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
    (void)atomic_fetch_add_explicit(&generation->refs, 1, memory_order_relaxed);
}

void generation_drop(struct generation *generation)
{
    if (generation == NULL ||
        atomic_fetch_sub_explicit(&generation->refs, 1, memory_order_acq_rel) != 1)
        return;
    infer_weights_free(generation->weights);
    free(generation->tallies);
    free(generation->results);
    free(generation);
}

void model_publish(struct model *model, struct generation *generation)
{
    (void)pthread_mutex_lock(&model->mutex);
    struct generation *before = model->current;
    model->current = generation;
    (void)pthread_mutex_unlock(&model->mutex);
    generation_drop(before);
}

uint64_t generation_wrong_bits(const struct generation *generation)
{
    return generation->total.errors[MTJ_P2AP] + generation->total.errors[MTJ_AP2P];
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
