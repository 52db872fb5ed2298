/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/array.h"

#include "api/etag.h"
#include "core/rng.h"
#include "daemon/cells.h"
#include "daemon/log.h"
#include "daemon/wall.h"
#include "storage/array_image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- To the programming thread -- */

struct array_call {
    struct turn turn;
    struct model *model;
    array_work *work;
};

static void free_call(void *arg)
{
    struct array_call *c = arg;

    model_drop(c->model);
    free(c);
}

static void run_call(void *arg, unsigned worker)
{
    struct array_call *c = arg;

    (void)worker; /* there is one */
    c->work(c->turn.daemon, c->model, c->turn.call);
    free_call(c);
}

void array_tag(const struct generation *generation, char ret_tag[ARRAY_TAG_LEN])
{
    (void)snprintf(ret_tag, ARRAY_TAG_LEN, "\"%llu\"",
                   (unsigned long long)generation->number);
}

void array_set_tag(struct http_call *call, const struct generation *generation)
{
    char tag[ARRAY_TAG_LEN];

    array_tag(generation, tag);
    http_set_header(call, "ETag", tag);
}

void array_reply_no_memory(struct http_call *call)
{
    struct problem problem;

    problem_set(&problem, 503, "out_of_memory",
                "there is not enough memory now; the old generation serves on");
    http_reply_problem(call, &problem);
}

void array_defer(struct daemon *daemon, struct http_call *call, array_work *work)
{
    static const struct turn_kind kind = { .work = run_call, .free = free_call };
    struct model *model = daemon_take_or_404(daemon, call);

    if (model == NULL)
        return;
    struct array_call *c = malloc(sizeof(*c));
    if (c == NULL) {
        array_reply_no_memory(call);
        model_drop(model);
        return;
    }
    *c = (struct array_call) { { .kind = &kind, .daemon = daemon, .call = call },
                               model,
                               work };
    turn_queue(&c->turn, daemon->programming, "programming");
}

bool array_there(const struct model *model, struct http_call *call)
{
    struct problem problem;

    if (model->mram != NULL)
        return true;
    problem_set(&problem, 503, "array_lost",
                "a change of the array broke off for lack of memory and its image could "
                "not be read back; the old generation serves on; program it again");
    if (call != NULL)
        http_reply_problem(call, &problem);
    return false;
}

/* -- Images -- */

struct array_image array_describe(const struct model *model,
                                  const struct generation *generation)
{
    return (struct array_image) {
        .model_checksum = model->net->checksum,
        .generation = generation->number,
        .cause = generation->cause,
        .changed_at_s = generation->changed_at_s,
        .programmed_at_s = generation->programmed_at_s,
        .age_s = generation->age_s,
        .device = generation->conditions->device,
        .points = generation->conditions->points,
        .n_layers = model->net->n_layers,
        .forecasts = generation->forecasts,
        .results = generation->results,
        .states = generation->states,
    };
}

static void copy_layers(struct generation *to, const struct mram_forecast *forecasts,
                        const struct mram_result *results,
                        const struct mram_state *states)
{
    size_t n = to->model->net->n_layers;

    memcpy(to->forecasts, forecasts, n * sizeof(*forecasts));
    memcpy(to->results, results, n * sizeof(*results));
    memcpy(to->states, states, n * sizeof(*states));
}

void array_adopt(struct generation *generation, const struct array_image *image)
{
    generation->cause = image->cause;
    generation->changed_at_s = image->changed_at_s;
    generation->programmed_at_s = image->programmed_at_s;
    generation->age_s = image->age_s;
    copy_layers(generation, image->forecasts, image->results, image->states);
}

/* After a change that broke off: the array as it was last saved, if that is the
 * generation that serves. */
static void reload(struct model *model, const struct generation *current)
{
    struct array_image image;
    char why[ERR_LEN];

    if (array_image_load(model->image_path, model->net, &image, &model->mram, why) !=
        ST_OK)
        return;
    /* What it delivers is read when the flow has changed it. */
    bool same = image.generation == current->number;
    array_image_done(&image);
    if (!same)
        array_lose(model);
}

/* -- The next generation -- */

uint64_t array_last_generation(const struct daemon *daemon, const char *name)
{
    struct model *models[REGISTRY_VERSIONS];
    size_t n = registry_versions(daemon->registry, name, models);
    uint64_t last = 0;

    for (size_t i = 0; i < n; i++) {
        struct generation *generation = generation_take(models[i]);

        if (generation != NULL && generation->number > last)
            last = generation->number;
        generation_drop(generation);
    }
    registry_drop_list(models, n);
    return last;
}

/* If-Match, and the limit of numbers. */
static bool may_follow(const struct generation *current, uint64_t last,
                       struct http_call *call, struct problem *problem)
{
    const char *match = call != NULL ? http_call_header(call, "If-Match") : NULL;
    char etag[ARRAY_TAG_LEN];

    array_tag(current, etag);
    if (match != NULL && !etag_matches(match, etag, false)) {
        problem_set(problem, 412, "stale_etag",
                    "If-Match was %.40s, the current version is %s", match, etag);
        return false;
    }
    if (last >= RNG_MAX_GENERATION) {
        problem_set(problem, 409, "generations_spent",
                    "the array was changed %llu times; "
                    "delete its image to begin a new one",
                    (unsigned long long)last);
        return false;
    }
    return true;
}

bool array_begin_anew(struct daemon *daemon, struct model *model, struct http_call *call,
                      enum mram_cause cause, struct generation **ret_current,
                      struct generation **ret_next)
{
    struct generation *current = generation_take(model), *next = NULL;
    uint64_t last = array_last_generation(daemon, model->net->name);
    struct problem problem;

    if (model->retired) {
        problem_set(&problem, 404, "unknown_model",
                    "model \"%s\" was deleted or replaced meanwhile", model->net->name);
        if (call != NULL)
            http_reply_problem(call, &problem);
        generation_drop(current);
        return false;
    }
    problem_set(&problem, 503, "out_of_memory",
                "there is not enough memory now; the old generation serves on");
    if (!may_follow(current, last, call, &problem) ||
        generation_new(model, daemon_lanes(daemon), &next) != ST_OK) {
        if (call != NULL)
            http_reply_problem(call, &problem);
        generation_drop(current);
        return false;
    }
    next->number = last + 1;
    next->cause = cause;
    next->changed_at_s = wall_seconds();
    next->programmed_at_s = current->programmed_at_s;
    next->age_s = current->age_s;
    next->conditions = conditions_keep(current->conditions);
    copy_layers(next, current->forecasts, current->results, current->states);
    if (model->mram == NULL)
        reload(model, current);
    *ret_current = current;
    *ret_next = next;
    return true;
}

bool array_begin(struct daemon *daemon, struct model *model, struct http_call *call,
                 enum mram_cause cause, struct generation **ret_current,
                 struct generation **ret_next)
{
    if (!array_begin_anew(daemon, model, call, cause, ret_current, ret_next))
        return false;
    if (array_there(model, call))
        return true;
    generation_drop(*ret_next);
    generation_drop(*ret_current);
    return false;
}

void array_lose(struct model *model)
{
    if (model->mram == NULL)
        return;
    free(model->lost_defects.listed);
    mram_take_defects(model->mram, &model->lost_defects);
    mram_free(model->mram);
    model->mram = NULL;
}

const struct mram_defects *array_defects(const struct model *model)
{
    return model->mram != NULL ? mram_defects(model->mram) : &model->lost_defects;
}

/* -- Reads that wear -- */

uint64_t array_pending_reads(struct daemon *daemon, const struct model *model)
{
    /* In this order: what is accounted for was counted before. */
    uint64_t accounted = model->images_accounted;
    struct record_totals totals;

    record_totals(daemon->record, model, &totals);
    return totals.tally.images - accounted;
}

void array_replace(struct daemon *daemon, struct model *model, struct mram *mram)
{
    mram_free(model->mram);
    model->mram = mram;
    model->images_accounted += array_pending_reads(daemon, model);
}

void array_account_reads(struct daemon *daemon, struct model *model,
                         const struct generation *current, uint64_t generation)
{
    const struct conditions *conditions = current->conditions;
    uint64_t reads = array_pending_reads(daemon, model);
    struct mram_drift drifts[NETWORK_MAX_LAYERS];
    struct mram_drifted drifted[NETWORK_MAX_LAYERS];
    struct device_flips flips;
    size_t n_layers = conditions->n_layers;

    model->images_accounted += reads;
    if (model->mram == NULL || !conditions->points.base.read_disturb || reads == 0)
        return;
    memset(drifted, 0, sizeof(drifted));
    /* Layers may differ in temperature; each is taken by itself. */
    for (size_t l = 0; l < n_layers; l++) {
        struct operating_point op = operating_points_at(&conditions->points, l);

        if (op.mode == MRAM_IID)
            continue; /* it knows no devices */
        device_read_disturb(&conditions->device, (double)reads, op.temperature_k, &flips);
        for (size_t i = 0; i < n_layers; i++)
            drifts[i] = (struct mram_drift) { RNG_DISTURB, generation,
                                              op.mode == MRAM_DEVICE, &flips };
        if (mram_drift(model->mram, drifts, mram_first_tile(model->mram, l),
                       mram_layer_tiles(model->mram, l), drifted) != ST_OK)
            return; /* not for these arguments */
    }
}

/* -- Cells -- */

/* Another seed is another chip: fresh cells with contents of their own, and the defects
 * that were asked for. */
static enum status renew(struct model *model, uint64_t seed)
{
    struct mram *mram;

    if (model->mram != NULL && mram_seed(model->mram) == seed)
        return ST_OK;
    enum status st = cells_new(model->net, seed, array_defects(model), &mram);
    if (st != ST_OK)
        return st;
    mram_free(model->mram);
    model->mram = mram;
    return ST_OK;
}

enum status array_fit(struct model *model, const struct generation *generation)
{
    const struct operating_points *points = &generation->conditions->points;
    enum status st = renew(model, points->base.seed);

    return st == ST_OK ? cells_fit(model->mram, points) : st;
}

enum status array_write_layers(struct model *model, struct generation *generation,
                               size_t first, size_t n)
{
    const struct cells_outcome outcome = { generation->forecasts, generation->results,
                                           generation->states };

    /* A scrub writes over what is there, whatever the first write went over. */
    return cells_write(model->mram, model->net, generation->conditions,
                       generation->number, generation->cause == MRAM_SCRUBBED, first, n,
                       &outcome);
}

enum status array_write(struct model *model, struct generation *generation)
{
    generation->programmed_at_s = wall_seconds();
    generation->age_s = 0.0;
    return array_write_layers(model, generation, 0, model->net->n_layers);
}

enum status array_read(struct model *model, struct generation *generation)
{
    const uint64_t *wanted[NETWORK_MAX_LAYERS];

    cells_wanted(model->net, wanted);
    memset(generation->states, 0, model->net->n_layers * sizeof(*generation->states));
    return mram_read(model->mram, wanted, 0, mram_tiles(model->mram), generation->states);
}

/* -- Serving it -- */

static void count_energy(const struct daemon *daemon, const struct model *model,
                         struct generation *generation)
{
    const struct conditions *conditions = generation->conditions;

    generation->total_per_image = (struct energy) { .pj = { 0.0 } };
    for (size_t l = 0; l < conditions->n_layers; l++) {
        struct mram_layout layout = mram_layout(model->mram, l);
        struct energy *energy = &generation->per_image[l];

        *energy = energy_of_read(&generation->states[l], &layout, &conditions->read[l]);
        energy->pj[ENERGY_COMPUTE] = infer_compute_pj(model->net, l, &daemon->costs);
        energy_add(&generation->total_per_image, energy);
    }
}

/* Without memory for it the generation cannot be compared later; no more than that. */
static void keep_wrong(struct model *model, const struct generation *generation)
{
    struct wrong_map **slot = &model->kept[generation->number % WRONG_MAP_KEPT];
    const uint64_t *wanted[NETWORK_MAX_LAYERS];
    struct wrong_map *map = NULL;

    cells_wanted(model->net, wanted);
    if (wrong_map_new(model->mram, wanted, generation->number, &map) != ST_OK)
        map = NULL;
    wrong_map_free(*slot);
    *slot = map;
}

enum status array_deliver(const struct daemon *daemon, struct model *model,
                          struct generation *generation)
{
    generation->total = mram_state_sum(generation->states, model->net->n_layers);
    count_energy(daemon, model, generation);
    enum status st =
        cells_deliver(model->mram, model->net, daemon->kernel, &generation->weights);
    if (st == ST_OK)
        keep_wrong(model, generation);
    return st;
}

void array_save(const struct model *model, struct generation *generation,
                char why[ERR_LEN])
{
    struct array_image image = array_describe(model, generation);

    generation->durable =
        array_image_save(model->image_path, &image, model->mram, why) == ST_OK;
}

void array_record(struct daemon *daemon, struct generation *generation, const char *why)
{
    if (!generation->durable)
        record_event(daemon->record, METRICS_ERROR, "array", generation->model,
                     "generation %llu is not on disk: %.180s",
                     (unsigned long long)generation->number, why);
    record_generation(daemon->record, generation, true);
}

void array_serve_as_left(struct model *model, struct generation *generation)
{
    log_line(
        LOG_INFO, "array",
        "model=%s version=%" PRIu32 " generation=%llu wrong_bits=%llu as it was left",
        model->net->name, model->net->version, (unsigned long long)generation->number,
        (unsigned long long)generation_wrong_bits(generation));
    generation_keep(generation);
    model_publish(model, generation);
}

void array_serve(struct daemon *daemon, struct model *model,
                 struct generation *generation)
{
    /* Of other causes the results are those of the last programming. */
    bool wrote =
        generation->cause == MRAM_PROGRAMMED || generation->cause == MRAM_SCRUBBED;
    struct mram_result sum =
        mram_result_sum(generation->results, wrote ? model->net->n_layers : 0);

    log_line(LOG_INFO, mram_cause_name(generation->cause),
             "model=%s version=%" PRIu32
             " generation=%llu wrong_bits=%llu weights=%llu cell_errors=%llu "
             "cells=%llu energy_pj=%.0f ms=%.2f",
             model->net->name, model->net->version,
             (unsigned long long)generation->number,
             (unsigned long long)generation_wrong_bits(generation),
             (unsigned long long)generation->total.weights,
             (unsigned long long)mram_errors(&generation->total),
             (unsigned long long)generation->total.cells, mram_energy_sum(&sum.energy),
             generation->duration_ms);
    generation_keep(generation);
    model_publish(model, generation);
    events_generation(daemon->events, generation);
}

enum status array_publish(struct daemon *daemon, struct model *model,
                          struct generation *generation, uint64_t began_ns)
{
    char why[ERR_LEN];
    enum status st = array_deliver(daemon, model, generation);

    if (st != ST_OK) {
        array_lose(model);
        return st;
    }
    generation->duration_ms = (double)(wall_monotonic_ns() - began_ns) / 1e6;
    array_save(model, generation, why);
    array_record(daemon, generation, why);
    record_flush(daemon->record);
    array_serve(daemon, model, generation);
    return ST_OK;
}
