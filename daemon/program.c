/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - turning a knob: from a merge patch to a new generation that serves.
 *
 *   program_patch   data thread          find the model, queue
 *   program_work    programming thread   If-Match, patch, resolve, then the last
 *   program_generation                   write the cells, lay out what they hold,
 *                                        save the array, swap the pointer
 *
 * There is one programming thread, so that arrays and operating points need no locks.
 * Serving goes on with the old generation until the swap.
 */
#include "api/etag.h"
#include "api/point_json.h"
#include "core/bits.h"
#include "core/rng.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/wall.h"
#include "storage/array_image.h"

#include <stdlib.h>
#include <string.h>

#define PATCH_TYPES "application/merge-patch+json, application/json"
#define TAG_LEN     32

/* -- What an operating point comes to -- */

/* operating_point_resolve takes some ms. The last result is remembered: models often
 * share their conditions, at the first start all of them. */
static enum status resolve(struct daemon *daemon, const struct operating_point *op,
                           struct operating_point_resolved *ret_resolved,
                           const char **ret_field, char why[ERR_LEN])
{
    if (!daemon->resolved_once || !operating_point_same(op, &daemon->last_op)) {
        enum status st = operating_point_resolve(op, &daemon->device,
                                                 &daemon->last_resolved, ret_field, why);

        daemon->resolved_once = st == ST_OK;
        daemon->last_op = *op;
        if (st != ST_OK)
            return st;
    }
    *ret_resolved = daemon->last_resolved;
    return ST_OK;
}

/* -- Making a generation -- */

/* Energy of reading every cell once, from what the cells hold, pJ. */
static double read_energy_pj(const struct model *model, const struct mtj_params *device,
                             double temperature_k)
{
    struct mtj mtj;
    uint64_t n_parallel = 0;
    size_t cells = mram_cells(model->mram);

    mtj_init_unchecked(device, temperature_k, &mtj);
    for (size_t layer = 0; layer < mram_layers(model->mram); layer++)
        n_parallel += bits_count(mram_contents(model->mram, layer),
                                 mram_layer_words(model->mram, layer));
    return ((double)n_parallel * mtj_read_j(&mtj, MTJ_P2AP) +
            (double)(cells - n_parallel) * mtj_read_j(&mtj, MTJ_AP2P)) *
           1e12;
}

/* What the cells hold now, laid out for the kernel. */
static enum status deliver(const struct daemon *daemon, const struct model *model,
                           struct generation *generation)
{
    const uint64_t *layers[NETWORK_MAX_LAYERS];

    for (size_t i = 0; i < model->net->n_layers; i++)
        layers[i] = mram_contents(model->mram, i);
    generation->total = mram_sum(generation->results, model->net->n_layers);
    generation->read_pj =
        read_energy_pj(model, &daemon->device, generation->op.temperature_k);
    generation->compute_pj = infer_compute_pj(model->net, &daemon->costs);
    return infer_weights_new(model->net, daemon->kernel, layers, &generation->weights);
}

static enum status write_cells(struct model *model, struct generation *generation)
{
    struct mram_write write =
        operating_point_write(&generation->op, &generation->resolved, generation->number);
    const uint64_t *wanted[NETWORK_MAX_LAYERS];

    for (size_t i = 0; i < model->net->n_layers; i++)
        wanted[i] = model->net->layers[i].weights;
    enum status st = mram_predict(model->mram, wanted, &write, &generation->forecast);
    if (st == ST_OK)
        st = mram_program(model->mram, wanted, &write, 0, mram_tiles(model->mram),
                          generation->results);
    return st;
}

/* After a programming that broke off: the array as it was last saved. */
static void reload_array(struct model *model)
{
    struct array_image image;
    char why[ERR_LEN];

    /* Without an image a new array will do: it is about to be programmed. */
    if (array_image_load(model->image_path, model->net, &image, &model->mram, why) ==
        ST_OK)
        array_image_done(&image);
}

/* Another seed is another chip: fresh cells with contents of their own. */
static enum status renew_array(struct model *model, uint64_t seed)
{
    struct mram_shape shapes[NETWORK_MAX_LAYERS];
    struct mram *mram;

    if (model->mram == NULL)
        reload_array(model);
    if (model->mram != NULL && mram_seed(model->mram) == seed)
        return ST_OK;
    array_image_shapes(model->net, shapes);
    enum status st = mram_new(shapes, model->net->n_layers, seed, &mram);
    if (st != ST_OK)
        return st;
    mram_free(model->mram);
    model->mram = mram;
    return ST_OK;
}

static void save(struct daemon *daemon, const struct model *model,
                 struct generation *generation)
{
    char why[ERR_LEN];
    struct array_image image = {
        .model_checksum = model->net->checksum,
        .generation = generation->number,
        .programmed_at_s = generation->programmed_at_s,
        .op = generation->op,
        .forecast = generation->forecast,
        .n_layers = model->net->n_layers,
        .results = generation->results,
    };

    generation->durable =
        array_image_save(model->image_path, &image, model->mram, why) == ST_OK;
    if (!generation->durable)
        record_event(daemon->record, METRICS_ERROR, "array", model,
                     "generation %llu is not on disk: %.180s",
                     (unsigned long long)generation->number, why);
}

/* Takes a generation whose number, op and resolved are filled in. On success it serves
 * and the caller holds a reference more. */
static enum status program_generation(struct daemon *daemon, struct model *model,
                                      struct generation *generation)
{
    uint64_t began = wall_monotonic_ns();
    enum status st = renew_array(model, generation->op.seed);

    if (st == ST_OK)
        st = write_cells(model, generation);
    if (st == ST_OK)
        st = deliver(daemon, model, generation);
    if (st != ST_OK) {
        /* The cells may have changed already: no generation may build on them. */
        mram_free(model->mram);
        model->mram = NULL;
        return st;
    }
    generation->programmed_at_s = wall_seconds();
    generation->duration_ms = (double)(wall_monotonic_ns() - began) / 1e6;
    save(daemon, model, generation);
    record_generation(daemon->record, generation, true);
    log_line(LOG_INFO, "program",
             "model=%s generation=%llu mode=%s wrong_bits=%llu cells=%llu energy_pj=%.0f "
             "ms=%.2f",
             model->net->name, (unsigned long long)generation->number,
             operating_point_mode_name(generation->op.mode),
             (unsigned long long)generation_wrong_bits(generation),
             (unsigned long long)generation->total.cells, generation->total.energy_pj,
             generation->duration_ms);
    generation_keep(generation);
    model_publish(model, generation);
    return ST_OK;
}

/* -- The answers -- */

static void write_tag(char ret_tag[TAG_LEN], uint64_t generation)
{
    (void)snprintf(ret_tag, TAG_LEN, "\"%llu\"", (unsigned long long)generation);
}

static void reply_point(struct http_call *call, const struct generation *generation)
{
    struct point_view view = {
        .model = generation->model->net->name,
        .op = &generation->op,
        .resolved = &generation->resolved,
        .forecast = generation->forecast,
        .net = generation->model->net,
        .results = generation->results,
        .generation = generation->number,
        .programmed_at_s = generation->programmed_at_s,
        .durable = generation->durable,
    };
    struct buf body = BUF_INIT;
    char etag[TAG_LEN];

    write_tag(etag, generation->number);
    http_set_header(call, "ETag", etag);
    http_set_header(call, "Accept-Patch", PATCH_TYPES);
    point_json_write(&body, &view);
    http_reply(call, 200, "application/json", &body);
}

void program_get(void *ctx, struct http_call *call)
{
    struct model *model = daemon_model_or_404(ctx, call);

    if (model == NULL)
        return;
    struct generation *generation = generation_take(model);
    const char *none_match = http_call_header(call, "If-None-Match");
    char etag[TAG_LEN];

    write_tag(etag, generation->number);
    if (none_match != NULL && etag_matches(none_match, etag, true)) {
        http_set_header(call, "ETag", etag);
        http_reply_static(call, 304, NULL, "", 0);
    } else {
        reply_point(call, generation);
    }
    generation_drop(generation);
}

/* -- PATCH -- */

struct program {
    struct daemon *daemon;
    struct model *model;
    struct http_call *call;
};

/* The next operating point of a model from the request; false with a problem. */
static bool next_point(const struct program *p, const struct generation *current,
                       struct generation *next, struct problem *problem)
{
    const char *match = http_call_header(p->call, "If-Match");
    const char *field;
    char etag[TAG_LEN], why[ERR_LEN];
    size_t len;
    const uint8_t *body = http_call_body(p->call, &len);

    write_tag(etag, current->number);
    if (match != NULL && !etag_matches(match, etag, false)) {
        problem_set(problem, 412, "stale_etag",
                    "If-Match was %.40s, the current version is %s", match, etag);
        return false;
    }
    if (current->number >= RNG_MAX_GENERATION) {
        problem_set(problem, 409, "generations_spent",
                    "the array was programmed %llu times; "
                    "delete its image to begin a new one",
                    (unsigned long long)current->number);
        return false;
    }
    next->number = current->number + 1;
    next->op = current->op;
    if (point_json_patch((const char *)body, len, &current->resolved, &next->op,
                         problem) != ST_OK)
        return false;
    enum status st = resolve(p->daemon, &next->op, &next->resolved, &field, why);
    if (st != ST_OK) {
        /* Ranges were checked before; this is what no setting in range can do. */
        const char *reason = strstr(why, ": ");
        char pointer[64];

        problem_set(problem, 422, "unreachable", "/%s", why);
        (void)snprintf(pointer, sizeof(pointer), "/%s", field);
        problem_add(problem, pointer, "%s", reason != NULL ? reason + 2 : why);
    }
    return st == ST_OK;
}

static void program_work(void *arg, unsigned worker)
{
    struct program *p = arg;
    struct generation *current = generation_take(p->model);
    struct generation *next = NULL;
    struct problem problem;

    (void)worker; /* there is one */
    if (generation_new(p->model, daemon_lanes(p->daemon), &next) != ST_OK) {
        problem_set(&problem, 503, "out_of_memory", "there is not enough memory now");
        http_reply_problem(p->call, &problem);
    } else if (!next_point(p, current, next, &problem)) {
        http_reply_problem(p->call, &problem);
    } else if (program_generation(p->daemon, p->model, next) != ST_OK) {
        problem_set(&problem, 503, "out_of_memory",
                    "there is not enough memory now; the old "
                    "generation serves on");
        http_reply_problem(p->call, &problem);
    } else {
        reply_point(p->call, next);
    }
    generation_drop(next);
    generation_drop(current);
    free(p);
}

/* An absent type is taken as JSON, and so is curl's default for --data. */
static bool type_ok(const struct http_call *call)
{
    const char *type = http_call_content_type(call);

    return type[0] == '\0' || strcmp(type, "application/merge-patch+json") == 0 ||
           strcmp(type, "application/json") == 0 ||
           strcmp(type, "application/x-www-form-urlencoded") == 0;
}

void program_patch(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;
    struct model *model = daemon_model_or_404(daemon, call);
    struct problem problem;

    if (model == NULL)
        return;
    if (!type_ok(call)) {
        problem_set(&problem, 415, "unsupported_type",
                    "Content-Type \"%.60s\" is not read here; send " PATCH_TYPES,
                    http_call_content_type(call));
        http_set_header(call, "Accept-Patch", PATCH_TYPES);
        http_reply_problem(call, &problem);
        return;
    }
    struct program *p = malloc(sizeof(*p));
    if (p == NULL) {
        problem_set(&problem, 503, "out_of_memory", "there is not enough memory now");
        http_reply_problem(call, &problem);
        return;
    }
    *p = (struct program) { daemon, model, call };
    http_defer(call);
    if (pool_submit(daemon->programming, program_work, p) == ST_OK)
        return;
    daemon_reply_busy(daemon, call, "programming");
    free(p);
}

/* -- At start -- */

/* An image that cannot be used is no reason not to serve. */
static enum status begin_anew(struct daemon *daemon, struct model *model,
                              const char *reason)
{
    record_event(daemon->record, METRICS_WARNING, "array", model,
                 "a new array is programmed: %.200s", reason);
    mram_free(model->mram);
    model->mram = NULL;
    return ST_NOT_FOUND;
}

/* Brings back what the array held. ST_NOT_FOUND: there is no usable image; `why` says
 * what else is wrong, if it is not memory. */
static enum status bring_back(struct daemon *daemon, struct model *model,
                              struct generation *generation, char why[ERR_LEN])
{
    struct array_image image;
    const char *field;
    enum status st =
        array_image_load(model->image_path, model->net, &image, &model->mram, why);

    if (st == ST_FORMAT || st == ST_CONFLICT)
        return begin_anew(daemon, model, why);
    if (st != ST_OK)
        return st;
    generation->number = image.generation;
    generation->programmed_at_s = image.programmed_at_s;
    generation->durable = true;
    generation->op = image.op;
    generation->forecast = image.forecast;
    memcpy(generation->results, image.results,
           model->net->n_layers * sizeof(*generation->results));
    array_image_done(&image);
    /* A checksum does not make the conditions possible ones. */
    if (resolve(daemon, &generation->op, &generation->resolved, &field, why) != ST_OK)
        return begin_anew(daemon, model, why);
    st = deliver(daemon, model, generation);
    if (st == ST_OK) {
        record_generation(daemon->record, generation, false);
        log_line(LOG_INFO, "array",
                 "model=%s generation=%llu wrong_bits=%llu as it was left",
                 model->net->name, (unsigned long long)generation->number,
                 (unsigned long long)generation_wrong_bits(generation));
        generation_keep(generation);
        model_publish(model, generation);
    }
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

enum status program_start(struct daemon *daemon, struct model *model, char why[ERR_LEN])
{
    struct generation *generation;
    const char *field;
    enum status st = generation_new(model, daemon_lanes(daemon), &generation);

    why[0] = '\0';
    if (st != ST_OK) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return st;
    }
    st = bring_back(daemon, model, generation, why);
    if (st == ST_NOT_FOUND) {
        why[0] = '\0';
        generation->number = 1;
        generation->durable = false;
        generation->op = operating_point_default();
        st = resolve(daemon, &generation->op, &generation->resolved, &field, why);
        if (st == ST_OK)
            st = program_generation(daemon, model, generation);
    }
    if (st == ST_OK)
        warm_up(model, generation);
    else if (why[0] == '\0')
        (void)snprintf(why, ERR_LEN, "%.180s: not enough memory for the array",
                       model->image_path);
    generation_drop(generation);
    return st;
}
