/* SPDX-License-Identifier: Apache-2.0 */
/* start.c - arrays on their way into service.
 *
 *   find       the image, or a new array           each array by itself
 *   write      a new array, for the first time     each layer by itself
 *   save       its image                           each new array by itself
 *   deliver    what its cells deliver              likewise
 *   serve      record, log, publish                one after the other
 *
 * When the daemon starts, what goes by itself goes over the workers, and the database is
 * opened beside the finding. Nothing is written before it is known to be ours.
 */
#include "daemon/start.h"

#include "daemon/array.h"
#include "daemon/program.h"
#include "daemon/spread.h"
#include "daemon/wall.h"
#include "storage/array_image.h"

#include <stdlib.h>
#include <string.h>

/* One array. */
struct start {
    struct model *model;           /* borrowed */
    struct generation *generation; /* ours */
    bool is_new;                   /* there was no image that can be used */
    char unusable[ERR_LEN];        /* what is wrong with its image, or "" */
    char unsaved[ERR_LEN];         /* if it is not durable */
    enum status st;
    char why[ERR_LEN];
};

/* A layer to be written. */
struct start_layer {
    struct start *start;
    size_t layer, cells;
    enum status st;
};

struct starts {
    struct daemon *daemon;
    uint64_t began_ns;
    bool at_once;     /* over the workers */
    bool with_record; /* it is opened, and gets to know the models */
    enum status record_st;
    char record_why[ERR_LEN];
    pthread_mutex_t resolving; /* most want the same conditions: one solves for all */
    size_t n;
    struct start *of;       /* ours, [n] */
    struct start **largest; /* ours, [n]: the same, the largest first */
    size_t n_layers;
    struct start_layer *layers; /* ours, [n_layers]; the largest first */
};

static void run_parts(struct starts *starts, size_t n_parts, spread_part *run)
{
    struct daemon *daemon = starts->daemon;

    if (starts->at_once && n_parts > 0) {
        spread_run(daemon->workers, SPREAD_OUTSIDE, n_parts, run, starts);
        return;
    }
    for (size_t part = 0; part < n_parts; part++)
        (void)run(starts, part, SPREAD_OUTSIDE); /* it always can */
}

/* -- Find -- */

static enum status resolve(struct starts *starts, struct start *start,
                           const struct operating_points *points,
                           const struct device *device)
{
    const char *field;
    size_t layer;

    (void)pthread_mutex_lock(&starts->resolving);
    enum status st =
        program_conditions(starts->daemon, points, device, &start->generation->conditions,
                           &layer, &field, start->why);
    (void)pthread_mutex_unlock(&starts->resolving);
    return st;
}

/* An image that cannot be used is no reason not to serve. */
static enum status begin_anew(struct start *start)
{
    memcpy(start->unusable, start->why, ERR_LEN);
    mram_free(start->model->mram); /* its defects are not the new one's */
    start->model->mram = NULL;
    return ST_NOT_FOUND;
}

/* Brings back what the array held. ST_NOT_FOUND: there is no usable image. A checksum
 * does not make its conditions possible ones. */
static enum status bring_back(struct starts *starts, struct start *start)
{
    struct model *model = start->model;
    struct generation *generation = start->generation;
    struct array_image image;
    enum status st =
        array_image_load(model->image_path, model->net, &image, &model->mram, start->why);

    if (st == ST_FORMAT || st == ST_CONFLICT)
        return begin_anew(start);
    if (st != ST_OK)
        return st;
    generation->number = image.generation;
    generation->durable = true;
    array_adopt(generation, &image);
    st = resolve(starts, start, &image.points, &image.device);
    array_image_done(&image);
    if (st == ST_RANGE || st == ST_UNREACHABLE)
        return begin_anew(start);
    if (st == ST_OK)
        st = array_read(model, generation);
    if (st == ST_OK)
        st = array_deliver(starts->daemon, model, generation);
    return st;
}

static enum status make_new(struct starts *starts, struct start *start)
{
    struct generation *generation = start->generation;
    struct operating_points points =
        operating_points_default(start->model->net->n_layers);

    start->is_new = true;
    start->why[0] = '\0';
    conditions_drop(generation->conditions);
    generation->conditions = NULL;
    generation->cause = MRAM_PROGRAMMED;
    generation->changed_at_s = wall_seconds();
    generation->durable = false;
    enum status st = resolve(starts, start, &points, &start->model->device);
    return st == ST_OK ? array_fit(start->model, generation) : st;
}

static void find(struct starts *starts, struct start *start)
{
    start->st =
        generation_new(start->model, daemon_lanes(starts->daemon), &start->generation);
    if (start->st == ST_OK)
        start->st = bring_back(starts, start);
    if (start->st == ST_NOT_FOUND)
        start->st = make_new(starts, start);
}

static void open_record(struct starts *starts)
{
    struct daemon *daemon = starts->daemon;
    char path[SETTINGS_TEXT_LEN + 16];
    const struct record_options options = {
        .path = path,
        .settings = &daemon->settings,
        .events = daemon->events,
        .n_threads = daemon->n_threads,
        .n_lanes = daemon_lanes(daemon),
    };

    (void)snprintf(path, sizeof(path), "%s/spinbnn.db", daemon->settings.state_dir);
    starts->record_st = record_start(&options, &daemon->record, starts->record_why);
}

/* The database takes longest. */
static bool find_part(void *ctx, size_t part, unsigned worker)
{
    struct starts *starts = ctx;

    (void)worker;
    if (!starts->with_record)
        find(starts, starts->largest[part]);
    else if (part > 0)
        find(starts, starts->largest[part - 1]);
    else
        open_record(starts);
    return true;
}

/* -- Write -- */

/* After those of its name that were there, and those before it that are new. */
static void give_number(struct starts *starts, size_t nth)
{
    struct start *start = &starts->of[nth];
    const char *name = start->model->net->name;
    uint64_t last = array_last_generation(starts->daemon, name);

    for (size_t i = 0; i < nth; i++) {
        const struct start *before = &starts->of[i];

        if (strcmp(before->model->net->name, name) == 0 &&
            before->generation->number > last)
            last = before->generation->number;
    }
    start->generation->number = last < RNG_MAX_GENERATION ? last + 1 : 1;
    start->generation->programmed_at_s = wall_seconds();
    start->generation->age_s = 0.0;
}

static int by_cells(const void *a, const void *b)
{
    size_t of_a = ((const struct start_layer *)a)->cells;
    size_t of_b = ((const struct start_layer *)b)->cells;

    return (of_a < of_b) - (of_a > of_b);
}

static enum status list_layers(struct starts *starts)
{
    size_t n = 0;

    for (size_t i = 0; i < starts->n; i++)
        n += starts->of[i].model->net->n_layers;
    starts->layers = calloc(n + 1, sizeof(*starts->layers));
    if (starts->layers == NULL)
        return ST_NOMEM;
    for (size_t i = 0; i < starts->n; i++) {
        struct start *start = &starts->of[i];
        const struct network *net = start->model->net;

        for (size_t l = 0; start->is_new && l < net->n_layers; l++)
            starts->layers[starts->n_layers++] = (struct start_layer) {
                start, l, net->layers[l].n_out * net->layers[l].n_in, ST_OK
            };
        if (start->is_new)
            give_number(starts, i);
    }
    qsort(starts->layers, starts->n_layers, sizeof(*starts->layers), by_cells);
    return ST_OK;
}

static bool write_part(void *ctx, size_t part, unsigned worker)
{
    struct starts *starts = ctx;
    struct start_layer *layer = &starts->layers[part];

    (void)worker;
    layer->st = array_write_layers(layer->start->model, layer->start->generation,
                                   layer->layer, 1);
    return true;
}

static enum status write_new(struct starts *starts)
{
    enum status st = list_layers(starts);

    if (st == ST_OK)
        run_parts(starts, starts->n_layers, write_part);
    for (size_t i = 0; i < starts->n_layers; i++)
        if (starts->layers[i].st != ST_OK)
            starts->layers[i].start->st = starts->layers[i].st;
    return st;
}

/* -- Save and deliver -- */

/* Saving first: it waits for the disk meanwhile. */
static bool finish_part(void *ctx, size_t part, unsigned worker)
{
    struct starts *starts = ctx;
    struct start *start = starts->largest[part % starts->n];

    (void)worker;
    if (!start->is_new)
        return true;
    if (part < starts->n) {
        array_save(start->model, start->generation, start->unsaved);
        return true;
    }
    start->st = array_deliver(starts->daemon, start->model, start->generation);
    start->generation->duration_ms =
        (double)(wall_monotonic_ns() - starts->began_ns) / 1e6;
    return true;
}

/* -- Serve -- */

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

static void record_one(struct daemon *daemon, struct start *start)
{
    if (start->unusable[0] != '\0')
        record_event(daemon->record, METRICS_WARNING, "array", start->model,
                     "a new array is programmed: %.200s", start->unusable);
    if (start->is_new)
        array_record(daemon, start->generation, start->unsaved);
    else
        record_generation(daemon->record, start->generation, false);
}

static void serve(struct starts *starts)
{
    struct daemon *daemon = starts->daemon;

    for (size_t i = 0; i < starts->n; i++)
        record_one(daemon, &starts->of[i]);
    if (starts->n_layers > 0)
        (void)record_flush(daemon->record); /* if it cannot be now, the writer will */
    for (size_t i = 0; i < starts->n; i++) {
        struct start *start = &starts->of[i];

        if (start->is_new)
            array_serve(daemon, start->model, start->generation);
        else
            array_serve_as_left(start->model, start->generation);
        warm_up(start->model, start->generation);
    }
}

/* -- From end to end -- */

/* The first that failed. */
static enum status judge(const struct starts *starts, char why[ERR_LEN])
{
    for (size_t i = 0; i < starts->n; i++) {
        const struct start *start = &starts->of[i];

        if (start->st == ST_OK)
            continue;
        if (start->why[0] != '\0')
            memcpy(why, start->why, ERR_LEN);
        else
            (void)snprintf(why, ERR_LEN, "%.180s: not enough memory for the array",
                           start->model->image_path);
        return start->st;
    }
    return ST_OK;
}

static enum status find_all(struct starts *starts, char why[ERR_LEN])
{
    run_parts(starts, starts->n + starts->with_record, find_part);
    if (starts->record_st == ST_OK)
        return judge(starts, why);
    memcpy(why, starts->record_why, ERR_LEN);
    return starts->record_st;
}

static enum status make_all(struct starts *starts, char why[ERR_LEN])
{
    enum status st = write_new(starts);

    if (st != ST_OK) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return st;
    }
    st = judge(starts, why);
    if (st != ST_OK)
        return st;
    run_parts(starts, 2 * starts->n, finish_part);
    return judge(starts, why);
}

static enum status add_all(struct starts *starts, char why[ERR_LEN])
{
    enum status st = ST_OK;

    for (size_t i = 0; starts->with_record && i < starts->n && st == ST_OK; i++)
        st = record_add_model(starts->daemon->record, starts->of[i].model, why);
    return st;
}

static int by_size(const void *a, const void *b)
{
    uint64_t of_a = network_cells((*(struct start *const *)a)->model->net);
    uint64_t of_b = network_cells((*(struct start *const *)b)->model->net);

    return (of_a < of_b) - (of_a > of_b);
}

static bool list_models(struct starts *starts, struct model *const *models)
{
    size_t room = starts->n + 1; /* there may be none */

    starts->of = calloc(room, sizeof(*starts->of));
    starts->largest = calloc(room, sizeof(struct start *));
    if (starts->of == NULL || starts->largest == NULL)
        return false;
    for (size_t i = 0; i < starts->n; i++) {
        starts->of[i].model = models[i];
        starts->largest[i] = &starts->of[i];
    }
    qsort(starts->largest, starts->n, sizeof(struct start *), by_size);
    return true;
}

static void done(struct starts *starts)
{
    for (size_t i = 0; starts->of != NULL && i < starts->n; i++)
        generation_drop(starts->of[i].generation);
    (void)pthread_mutex_destroy(&starts->resolving);
    free(starts->layers);
    free(starts->largest);
    free(starts->of);
}

static enum status run(struct starts *starts, struct model *const *models,
                       char why[ERR_LEN])
{
    enum status st = ST_NOMEM;

    starts->began_ns = wall_monotonic_ns();
    (void)pthread_mutex_init(&starts->resolving, NULL);
    if (list_models(starts, models))
        st = find_all(starts, why);
    else
        (void)snprintf(why, ERR_LEN, "out of memory");
    if (st == ST_OK)
        st = make_all(starts, why);
    if (st == ST_OK)
        st = add_all(starts, why);
    if (st == ST_OK)
        serve(starts);
    done(starts);
    return st;
}

enum status start_arrays(struct daemon *daemon, char why[ERR_LEN])
{
    struct model *models[REGISTRY_MAX];
    struct starts starts = {
        .daemon = daemon,
        .at_once = true,
        .with_record = true,
        .n = registry_list(daemon->registry, models),
    };
    enum status st = run(&starts, models, why);

    registry_drop_list(models, starts.n);
    return st;
}

enum status start_array(struct daemon *daemon, struct model *model, char why[ERR_LEN])
{
    struct starts starts = { .daemon = daemon, .n = 1 };

    return run(&starts, &model, why);
}
