/* SPDX-License-Identifier: Apache-2.0 */
/* transfer.c - the array as a thing to keep, send and compare.
 *
 *   transfer_get    export: the bytes of an image
 *   transfer_put    import: an image becomes the next generation
 *   transfer_diff   which weights were wrong in two generations
 *
 * All of it on the programming thread, which owns the arrays.
 */
#include "api/array_json.h"
#include "daemon/array.h"
#include "daemon/program.h"
#include "daemon/query.h"
#include "daemon/wall.h"
#include "storage/array_image.h"

#include <stdlib.h>
#include <string.h>

#define IMAGE_TYPE "application/octet-stream"
/* Of places that a diff lists, for each layer. */
#define MAX_LISTED 10000

/* -- Export -- */

static void reply_image(struct http_call *call, const struct generation *generation,
                        uint8_t *bytes, size_t len)
{
    struct buf body = BUF_INIT;
    char name[160];

    (void)snprintf(name, sizeof(name), "attachment; filename=\"%s-%llu.array\"",
                   generation->model->net->name, (unsigned long long)generation->number);
    buf_bytes(&body, bytes, len);
    free(bytes);
    array_set_tag(call, generation);
    http_set_header(call, "Content-Disposition", name);
    http_reply(call, 200, IMAGE_TYPE, &body);
}

static void get_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    uint8_t *bytes;
    size_t len;

    (void)daemon;
    if (!array_there(model, call))
        return;
    struct generation *generation = generation_take(model);
    struct array_image image = array_describe(model, generation);
    if (array_image_bytes(&image, model->mram, &bytes, &len) != ST_OK)
        array_reply_no_memory(call);
    else
        reply_image(call, generation, bytes, len);
    generation_drop(generation);
}

void transfer_get(void *ctx, struct http_call *call)
{
    array_defer(ctx, call, get_work);
}

/* -- Import -- */

/* An image that was made elsewhere: what it says has happened there. */
static enum status import(struct daemon *daemon, struct model *model,
                          struct generation *next, const struct array_image *image,
                          struct mram *mram)
{
    uint64_t began = wall_monotonic_ns();

    array_replace(daemon, model, mram);
    array_adopt(next, image);
    next->cause = MRAM_IMPORTED;
    next->changed_at_s = wall_seconds();
    model->imported_at_s = next->changed_at_s;
    enum status st = array_read(model, next);
    if (st == ST_OK)
        return array_publish(daemon, model, next, began);
    array_lose(model);
    return st;
}

static void refuse_image(struct http_call *call, enum status st, const char *why)
{
    struct problem problem;

    if (st == ST_NOMEM) {
        array_reply_no_memory(call);
        return;
    }
    problem_set(&problem, st == ST_CONFLICT ? 409 : 422,
                st == ST_CONFLICT ? "other_model" : "invalid_image",
                "the body is not an array image of this model: %.200s", why);
    http_reply_problem(call, &problem);
}

static void put_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    struct generation *current, *next;
    struct array_image image;
    struct mram *mram;
    char why[ERR_LEN];
    size_t len;
    const uint8_t *body = http_call_body(call, &len);
    enum status st = array_image_parse(body, len, model->net, &image, &mram, why);

    if (st != ST_OK) {
        refuse_image(call, st, why);
        return;
    }
    if (!array_begin_anew(daemon, model, call, MRAM_IMPORTED, &current, &next)) {
        mram_free(mram);
        array_image_done(&image);
        return;
    }
    if (!program_resolve(daemon, model, &image.points, &image.device, "", next, call))
        mram_free(mram);
    else if (import(daemon, model, next, &image, mram) != ST_OK)
        array_reply_no_memory(call);
    else
        program_reply(call, next);
    array_image_done(&image);
    generation_drop(next);
    generation_drop(current);
}

void transfer_put(void *ctx, struct http_call *call)
{
    array_defer(ctx, call, put_work);
}

/* -- Diff -- */

/* A generation that must be named; false after a 422. */
static bool query_generation(struct http_call *call, const char *name,
                             uint64_t *ret_number)
{
    struct problem problem;

    if (http_call_query(call, name) != NULL)
        return query_number_or_422(call, name, 0, UINT32_MAX, ret_number);
    query_refuse(&problem, name, "is missing; expected the number of a generation");
    http_reply_problem(call, &problem);
    return false;
}

static const struct wrong_map *kept_map(struct http_call *call, const struct model *model,
                                        uint64_t generation)
{
    const struct wrong_map *map = model->kept[generation % WRONG_MAP_KEPT];
    struct problem problem;

    if (map != NULL && wrong_map_generation(map) == generation)
        return map;
    problem_set(
        &problem, 404, "generation_not_kept",
        "the wrong weights of generation %llu are not known; those of the last %d "
        "generations since the daemon started are",
        (unsigned long long)generation, WRONG_MAP_KEPT);
    http_reply_problem(call, &problem);
    return NULL;
}

/* `places`: [n_layers * max]. */
static void reply_diff(struct http_call *call, const struct model *model,
                       const struct wrong_map *a, const struct wrong_map *b,
                       struct place *places, size_t max)
{
    struct array_difference layers[NETWORK_MAX_LAYERS];
    const struct array_diff diff = {
        .model = model->net->name,
        .net = model->net,
        .a = wrong_map_generation(a),
        .b = wrong_map_generation(b),
        .layers = layers,
    };
    struct buf body = BUF_INIT;

    for (size_t l = 0; l < model->net->n_layers; l++) {
        struct place *of_layer = places + l * max;
        size_t n;
        struct wrong_overlap overlap =
            wrong_map_compare(a, b, l, model->net->layers[l].n_in, of_layer, max, &n);

        layers[l] =
            (struct array_difference) { overlap.a, overlap.b, overlap.both, n, of_layer };
    }
    array_json_write_diff(&body, &diff);
    http_reply(call, 200, "application/json", &body);
}

static void diff_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    uint64_t a, b, list = 0;

    (void)daemon;
    if (!query_generation(call, "a", &a) || !query_generation(call, "b", &b) ||
        !query_number_or_422(call, "list", 0, MAX_LISTED, &list))
        return;
    const struct wrong_map *of_a = kept_map(call, model, a);
    const struct wrong_map *of_b = of_a != NULL ? kept_map(call, model, b) : NULL;
    if (of_a == NULL || of_b == NULL)
        return;
    struct place *places = calloc(model->net->n_layers * list + 1, sizeof(*places));
    if (places == NULL)
        array_reply_no_memory(call);
    else
        reply_diff(call, model, of_a, of_b, places, list);
    free(places);
}

void transfer_diff(void *ctx, struct http_call *call)
{
    array_defer(ctx, call, diff_work);
}
