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

enum status program_conditions(struct daemon *daemon,
                               const struct operating_points *points,
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
    enum status st =
        program_conditions(daemon, points, device, &conditions, &layer, &field, why);

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
