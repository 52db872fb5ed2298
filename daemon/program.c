/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - turning a knob: from a merge patch to a new generation that serves.
 *
 *   program_patch    data thread          queue
 *   program_delete     (likewise)         back to the defaults
 *   program_again      (likewise)         under the same conditions
 *   patch_work, ..   programming thread   If-Match, patch
 *   finish                                resolve, write the cells, publish, answer
 */
#include "api/array_json.h"
#include "api/etag.h"
#include "api/place.h"
#include "api/point_json.h"
#include "api/violation.h"
#include "core/rng.h"
#include "daemon/array.h"
#include "daemon/log.h"
#include "daemon/program.h"
#include "daemon/wall.h"
#include "storage/array_image.h"

#include <stdlib.h>
#include <string.h>

#define PATCH_TYPE  "application/merge-patch+json"
#define PATCH_TYPES PATCH_TYPE ", application/json"

/* -- What operating points come to -- */

/* The last conditions are remembered: models often share theirs, or those of different
 * shapes what their layers ask for; at the first start all of them. */
static enum status resolve(struct daemon *daemon, const struct operating_points *points,
                           const struct device *device,
                           struct conditions **ret_conditions, size_t *ret_layer,
                           const char **ret_field, char why[ERR_LEN])
{
    struct conditions *last = daemon->last_conditions;

    if (last == NULL || !conditions_are(last, points, device)) {
        enum status st =
            conditions_new(points, device, last, &last, ret_layer, ret_field, why);
        if (st != ST_OK)
            return st;
        conditions_drop(daemon->last_conditions);
        daemon->last_conditions = last;
    }
    *ret_conditions = conditions_keep(last);
    return ST_OK;
}

/* Ranges were checked before; this is what no setting in range can do. */
static void set_unreachable(struct problem *problem, const struct model *model,
                            const struct operating_points *points, const char *at,
                            size_t layer, const char *field, const char *why)
{
    const char *reason = strstr(why, ": ");
    char layers[VIOLATION_POINTER_LEN], of_layer[VIOLATION_POINTER_LEN],
        pointer[VIOLATION_POINTER_LEN];

    problem_set(problem, 422, "unreachable", "%s/%s", at, why);
    violation_pointer(layers, at, "layers");
    violation_pointer(of_layer, layers, model->net->layers[layer].name);
    violation_pointer(pointer, points->layers[layer].set != 0 ? of_layer : at, field);
    problem_add(problem, pointer, "%s", reason != NULL ? reason + 2 : why);
}

bool program_resolve(struct daemon *daemon, const struct model *model,
                     const struct operating_points *points, const struct device *device,
                     const char *at, struct generation *next, struct http_call *call)
{
    struct conditions *conditions;
    struct problem problem;
    const char *field;
    size_t layer;
    char why[ERR_LEN];
    enum status st = resolve(daemon, points, device, &conditions, &layer, &field, why);

    if (st == ST_OK) {
        conditions_drop(next->conditions);
        next->conditions = conditions;
        return true;
    }
    if (st == ST_NOMEM) {
        array_reply_no_memory(call);
        return false;
    }
    set_unreachable(&problem, model, points, at, layer, field, why);
    http_reply_problem(call, &problem);
    return false;
}

/* -- Making a generation -- */

enum status program_cells(struct daemon *daemon, struct model *model,
                          struct generation *next)
{
    uint64_t began = wall_monotonic_ns();
    enum status st = array_fit(model, next);

    if (st == ST_OK)
        st = array_write(model, next);
    if (st == ST_OK)
        return array_publish(daemon, model, next, began);
    array_lose(model);
    return st;
}

/* -- The answers -- */

static void reply_point(struct http_call *call, const struct generation *generation,
                        size_t layer)
{
    const struct conditions *conditions = generation->conditions;
    struct point_view view = {
        .model = generation->model->net->name,
        .layer = layer,
        .points = &conditions->points,
        .resolved = conditions->resolved,
        .forecasts = generation->forecasts,
        .results = generation->results,
        .states = generation->states,
        .net = generation->model->net,
        .generation = generation->number,
        .cause = generation->cause,
        .changed_at_s = generation->changed_at_s,
        .programmed_at_s = generation->programmed_at_s,
        .age_s = generation->age_s,
        .device = &conditions->device,
        .durable = generation->durable,
    };
    struct buf body = BUF_INIT;

    array_set_tag(call, generation);
    http_set_header(call, "Accept-Patch", PATCH_TYPES);
    point_json_write(&body, &view);
    http_reply(call, 200, "application/json", &body);
}

void program_reply(struct http_call *call, const struct generation *generation)
{
    reply_point(call, generation, POINT_JSON_BASE);
}

/* The layer that ?layer= names, or the base; false after a 404. */
static bool find_layer(struct http_call *call, const struct model *model,
                       size_t *ret_layer)
{
    const char *name = http_call_query(call, "layer");
    struct problem problem;

    *ret_layer = POINT_JSON_BASE;
    if (name == NULL)
        return true;
    if (place_find_layer(model->net, name, ret_layer))
        return true;
    const char *near = place_nearest_layer(model->net, name);
    problem_set(&problem, 404, "unknown_layer",
                "model \"%s\" has no layer \"%.60s\"%s%.60s%s", model->net->name, name,
                near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                near != NULL ? "?" : "");
    http_reply_problem(call, &problem);
    return false;
}

void program_get(void *ctx, struct http_call *call)
{
    struct model *model = daemon_take_or_404(ctx, call);
    size_t layer;

    if (model == NULL)
        return;
    if (!find_layer(call, model, &layer)) {
        model_drop(model);
        return;
    }
    struct generation *generation = generation_take(model);
    const char *none_match = http_call_header(call, "If-None-Match");
    char etag[ARRAY_TAG_LEN];

    array_tag(generation, etag);
    if (none_match != NULL && etag_matches(none_match, etag, true)) {
        array_set_tag(call, generation);
        http_reply_static(call, 304, NULL, "", 0);
    } else {
        reply_point(call, generation, layer);
    }
    generation_drop(generation);
    model_drop(model);
}

/* -- PATCH, DELETE and again -- */

/* Writes `next` under `points` and answers. */
static void finish(struct daemon *daemon, struct model *model, struct http_call *call,
                   const struct operating_points *points,
                   const struct generation *current, struct generation *next,
                   size_t layer)
{
    if (!program_resolve(daemon, model, points, &current->conditions->device, "", next,
                         call))
        return;
    array_account_reads(daemon, model, current, next->number);
    if (program_cells(daemon, model, next) != ST_OK)
        array_reply_no_memory(call);
    else
        reply_point(call, next, layer);
}

static void patch_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    struct generation *current, *next;
    struct problem problem;
    size_t len, layer;

    if (!find_layer(call, model, &layer) ||
        !array_begin_anew(daemon, model, call, MRAM_PROGRAMMED, &current, &next))
        return;
    const struct conditions *conditions = current->conditions;
    struct operating_points points = conditions->points;
    const uint8_t *body = http_call_body(call, &len);

    if (point_json_patch((const char *)body, len, model->net, conditions->resolved,
                         &conditions->device, layer, &points, &problem) != ST_OK)
        http_reply_problem(call, &problem);
    else
        finish(daemon, model, call, &points, current, next, layer);
    generation_drop(next);
    generation_drop(current);
}

static void delete_work(struct daemon *daemon, struct model *model,
                        struct http_call *call)
{
    struct generation *current, *next;
    size_t layer;

    if (!find_layer(call, model, &layer) ||
        !array_begin_anew(daemon, model, call, MRAM_PROGRAMMED, &current, &next))
        return;
    struct operating_points points = current->conditions->points;

    if (layer == POINT_JSON_BASE)
        points = operating_points_default(points.n_layers);
    else
        points.layers[layer].set = 0;
    finish(daemon, model, call, &points, current, next, layer);
    generation_drop(next);
    generation_drop(current);
}

static void again_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    struct generation *current, *next;
    struct problem problem;
    size_t len;
    const char *body = (const char *)http_call_body(call, &len);

    if (array_json_parse_empty(body, len, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
        return;
    }
    if (!array_begin_anew(daemon, model, call, MRAM_PROGRAMMED, &current, &next))
        return;
    struct operating_points points = current->conditions->points;

    finish(daemon, model, call, &points, current, next, POINT_JSON_BASE);
    generation_drop(next);
    generation_drop(current);
}

void program_patch(void *ctx, struct http_call *call)
{
    if (!daemon_is_json(call, PATCH_TYPE)) /* otherwise the answer says so itself */
        http_set_header(call, "Accept-Patch", PATCH_TYPES);
    if (daemon_json_or_415(call, PATCH_TYPE))
        array_defer(ctx, call, patch_work);
}

void program_delete(void *ctx, struct http_call *call)
{
    array_defer(ctx, call, delete_work);
}

void program_again(void *ctx, struct http_call *call)
{
    if (daemon_json_or_415(call, NULL))
        array_defer(ctx, call, again_work);
}

/* -- At start -- */

/* An image that cannot be used is no reason not to serve. */
static enum status begin_anew(struct daemon *daemon, struct model *model,
                              const char *reason)
{
    record_event(daemon->record, METRICS_WARNING, "array", model,
                 "a new array is programmed: %.200s", reason);
    mram_free(model->mram); /* its defects are not the new one's */
    model->mram = NULL;
    return ST_NOT_FOUND;
}

/* Fills in a generation from an image; a checksum does not make the conditions possible
 * ones. */
static enum status adopt(struct daemon *daemon, const struct array_image *image,
                         struct generation *generation, char why[ERR_LEN])
{
    const char *field;
    size_t layer;

    generation->number = image->generation;
    generation->durable = true;
    array_adopt(generation, image);
    return resolve(daemon, &image->points, &image->device, &generation->conditions,
                   &layer, &field, why);
}

/* Brings back what the array held. ST_NOT_FOUND: there is no usable image; `why` says
 * what else is wrong, if it is not memory. */
static enum status bring_back(struct daemon *daemon, struct model *model,
                              struct generation *generation, char why[ERR_LEN])
{
    struct array_image image;
    enum status st =
        array_image_load(model->image_path, model->net, &image, &model->mram, why);

    if (st == ST_FORMAT || st == ST_CONFLICT)
        return begin_anew(daemon, model, why);
    if (st != ST_OK)
        return st;
    st = adopt(daemon, &image, generation, why);
    array_image_done(&image);
    if (st == ST_RANGE || st == ST_UNREACHABLE)
        return begin_anew(daemon, model, why);
    if (st == ST_OK)
        st = array_read(model, generation);
    if (st == ST_OK)
        st = array_publish_as_left(daemon, model, generation);
    return st;
}

/* A first measurement of the cost, so that the first request is not misjudged. */
static void warm_up(struct model *model, const struct generation *generation)
{
    struct infer_scratch *scratch;
    uint8_t *pixels = calloc(1, network_inputs(model->net));
    float *logits = calloc(model->net->n_classes, sizeof(*logits));

    if (pixels != NULL && logits != NULL &&
        infer_scratch_new(model->net, 1, &scratch) == ST_OK) {
        uint64_t began = wall_monotonic_ns();

        infer_run(generation->weights, scratch, pixels, 1, logits);
        model_cost_update(model, wall_monotonic_ns() - began, 1);
        infer_scratch_free(scratch);
    }
    free(logits);
    free(pixels);
}

static enum status first_programming(struct daemon *daemon, struct model *model,
                                     struct generation *generation, char why[ERR_LEN])
{
    uint64_t last = array_last_generation(daemon, model->net->name);
    struct operating_points points = operating_points_default(model->net->n_layers);
    const char *field;
    size_t layer;

    conditions_drop(generation->conditions);
    generation->conditions = NULL;
    generation->number = last < RNG_MAX_GENERATION ? last + 1 : 1;
    generation->cause = MRAM_PROGRAMMED;
    generation->changed_at_s = wall_seconds();
    generation->durable = false;
    enum status st = resolve(daemon, &points, &model->device, &generation->conditions,
                             &layer, &field, why);
    if (st == ST_OK)
        st = program_cells(daemon, model, generation);
    return st;
}

enum status program_start(struct daemon *daemon, struct model *model, char why[ERR_LEN])
{
    struct generation *generation;
    enum status st = generation_new(model, daemon_lanes(daemon), &generation);

    why[0] = '\0';
    if (st != ST_OK) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return st;
    }
    st = bring_back(daemon, model, generation, why);
    if (st == ST_NOT_FOUND) {
        why[0] = '\0';
        st = first_programming(daemon, model, generation, why);
    }
    if (st == ST_OK)
        warm_up(model, generation);
    else if (why[0] == '\0')
        (void)snprintf(why, ERR_LEN, "%.180s: not enough memory for the array",
                       model->image_path);
    generation_drop(generation);
    return st;
}
