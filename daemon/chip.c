/* SPDX-License-Identifier: Apache-2.0 */
/* chip.c - what a model's array is made of.
 *
 *   chip_get, chip_put   data thread          queue
 *   get_work             programming thread   device and defects, answered
 *   put_work             programming thread   another device is a new array: made,
 *                                             programmed, answered as an operating point
 *   chip_presets         data thread          the devices that come with us
 */
#include "api/device_config_json.h"
#include "api/point_json.h"
#include "daemon/array.h"
#include "daemon/program.h"
#include "storage/array_image.h"

#include <stdlib.h>
#include <string.h>

void chip_presets(void *ctx, struct http_call *call)
{
    struct buf body = http_take_buf(call);

    (void)ctx;
    device_config_write_presets(&body);
    http_reply(call, 200, "application/json", &body);
}

static void get_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    struct generation *generation = generation_take(model);
    const struct device_view view = {
        .model = model->net->name,
        .net = model->net,
        .device = &generation->conditions->device,
        .defects = array_defects(model),
    };
    struct buf body = BUF_INIT;

    (void)daemon;
    device_config_write(&body, &view);
    http_reply(call, 200, "application/json", &body);
    generation_drop(generation);
}

void chip_get(void *ctx, struct http_call *call)
{
    array_defer(ctx, call, get_work);
}

/* -- Another device -- */

static bool parse(struct http_call *call, const struct model *model,
                  struct device_request *request, struct problem *problem)
{
    const char *new_array = http_call_query(call, "new_array");
    size_t len;
    const char *body = (const char *)http_call_body(call, &len);

    if (strcmp(http_call_content_type(call), "text/csv") == 0)
        return device_config_parse_csv(body, len, http_call_query(call, "name"),
                                       new_array != NULL &&
                                           strcmp(new_array, "true") == 0,
                                       request, problem) == ST_OK;
    return device_config_parse(body, len, model->net, request, problem) == ST_OK;
}

/* The new array takes the place of the old one. */
static enum status replace(struct daemon *daemon, struct model *model,
                           const struct mram_defects *defects, uint64_t seed)
{
    struct mram_shape shapes[NETWORK_MAX_LAYERS];
    struct mram *mram = NULL;

    array_image_shapes(model->net, shapes);
    enum status st = mram_new(shapes, model->net->n_layers, seed, &mram);
    if (st == ST_OK)
        st = mram_set_defects(mram, defects);
    if (st != ST_OK) {
        mram_free(mram);
        return st;
    }
    array_replace(daemon, model, mram);
    return ST_OK;
}

/* The operating point of the new array; false with a problem whose pointers begin where
 * the patch does. */
static bool patch_points(const struct device_request *request, const struct model *model,
                         const struct device *device, struct operating_points *points,
                         struct problem *problem)
{
    static const char at[] = "/operating_point";
    const char *patch = request->point_patch;

    if (patch == NULL || point_json_patch(patch, strlen(patch), model->net, NULL, device,
                                          POINT_JSON_BASE, points, problem) == ST_OK)
        return true;
    for (size_t i = 0; i < problem->n_errors; i++) {
        char pointer[sizeof(problem->errors[i].pointer)];

        (void)snprintf(pointer, sizeof(pointer), "%s%.40s", at,
                       problem->errors[i].pointer);
        memcpy(problem->errors[i].pointer, pointer, sizeof(pointer));
    }
    return false;
}

static void make(struct daemon *daemon, struct model *model, struct http_call *call,
                 const struct device_request *request)
{
    struct generation *current, *next;

    if (!array_begin_anew(daemon, model, call, MRAM_PROGRAMMED, &current, &next))
        return;
    struct operating_points points = current->conditions->points;
    struct problem problem;
    const struct device *device =
        request->has_device ? &request->device : &current->conditions->device;

    if (!patch_points(request, model, device, &points, &problem)) {
        http_reply_problem(call, &problem);
    } else if (program_resolve(daemon, model, &points, device, "/operating_point", next,
                               call)) {
        enum status st = replace(daemon, model, &request->defects, points.base.seed);

        if (st == ST_OK)
            st = program_cells(daemon, model, next);
        if (st == ST_OK)
            program_reply(call, next);
        else
            array_reply_no_memory(call);
    }
    generation_drop(next);
    generation_drop(current);
}

static void put_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    struct device_request request = { .new_array = false };
    struct problem problem;

    if (!parse(call, model, &request, &problem)) {
        http_reply_problem(call, &problem);
    } else if (!request.new_array) {
        problem_set(&problem, 409, "new_array",
                    "another device is another array: what this one holds is lost; say "
                    "\"new_array\": true");
        http_reply_problem(call, &problem);
    } else {
        make(daemon, model, call, &request);
    }
    device_request_done(&request);
}

void chip_put(void *ctx, struct http_call *call)
{
    if (daemon_json_or_415(call, "text/csv"))
        array_defer(ctx, call, put_work);
}
