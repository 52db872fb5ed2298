/* SPDX-License-Identifier: Apache-2.0 */
/* look.c - a look inside the memory: GET memory and GET memory/tiles/{id}.
 *
 *   look_memory, look_tile   data thread          queue
 *   memory_work, tile_work   programming thread   read the array, answer
 */
#include "api/memory_json.h"
#include "api/tile_image.h"
#include "core/bits.h"
#include "daemon/array.h"
#include "daemon/query.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEAKEST_BY_DEFAULT 10

/* -- Memory -- */

/* What one layer's view borrows. */
struct layer_look {
    uint64_t census[MTJ_CLASSES];
    uint64_t *tile_wrong;        /* ours, [n_tiles] */
    struct memory_cell *weakest; /* ours */
    size_t n_weakest;
};

static uint64_t *count_tiles(const struct model *model, size_t layer)
{
    const struct mram *mram = model->mram;
    const uint64_t *wanted = model->net->layers[layer].weights;
    size_t n_tiles = mram_layer_tiles(mram, layer), first = mram_first_tile(mram, layer);
    uint64_t *wrong = calloc(n_tiles, sizeof(*wrong));
    uint64_t target[MRAM_TILE_WORDS];

    for (size_t t = 0; wrong != NULL && t < n_tiles; t++) {
        for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
            enum mram_section section = (enum mram_section)s;
            size_t n_words;
            const uint64_t *stored =
                mram_tile_section(mram, first + t, section, &n_words);

            if (stored == NULL)
                continue;
            mram_target(mram, wanted, first + t, section, target);
            for (size_t w = 0; w < n_words; w++)
                wrong[t] += (uint64_t)__builtin_popcountll(stored[w] ^ target[w]);
        }
    }
    return wrong;
}

/* Greatest rate of a class in either direction. */
static double class_rate(const struct operating_point_resolved *resolved, unsigned c)
{
    return fmax(resolved->classes.error_rate[c][0], resolved->classes.error_rate[c][1]);
}

struct ranked {
    double rate;
    unsigned class;
};

static int weaker_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->rate != y->rate)
        return x->rate > y->rate ? -1 : 1;
    return (int)x->class - (int)y->class;
}

static double delta_of(const struct device *device, double temperature_k, unsigned class)
{
    struct mtj mtj;

    if (device->kind != DEVICE_MTJ)
        return NAN;
    mtj_class_device(&device->params, temperature_k, class, &mtj);
    return mtj.delta;
}

/* Cells of the weakest classes that have any, the weakest first. */
static bool find_weakest(const struct model *model, const struct generation *generation,
                         size_t layer, size_t n, struct layer_look *look)
{
    const struct conditions *conditions = generation->conditions;
    const struct operating_point_resolved *resolved = conditions->resolved[layer];
    struct operating_point op = operating_points_at(&conditions->points, layer);
    struct ranked order[MTJ_CLASSES];
    struct mram_place *places = calloc(n + 1, sizeof(*places));

    look->weakest = calloc(n + 1, sizeof(*look->weakest));
    if (places == NULL || look->weakest == NULL) {
        free(places);
        return false;
    }
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        order[c] = (struct ranked) { class_rate(resolved, c), c };
    qsort(order, MTJ_CLASSES, sizeof(order[0]), weaker_first);
    for (unsigned i = 0; i < MTJ_CLASSES && look->n_weakest < n; i++) {
        unsigned c = order[i].class;
        bool in_class[MTJ_CLASSES] = { false };

        if (look->census[c] == 0)
            continue;
        in_class[c] = true;
        size_t found =
            mram_find(model->mram, layer, in_class, places, n - look->n_weakest);
        for (size_t k = 0; k < found; k++)
            look->weakest[look->n_weakest++] = (struct memory_cell) {
                .row = places[k].row,
                .column = places[k].column,
                .error_rate = { resolved->classes.error_rate[c][0],
                                resolved->classes.error_rate[c][1] },
                .delta = delta_of(&conditions->device, op.temperature_k, c),
            };
    }
    free(places);
    return true;
}

static bool look_at(const struct model *model, const struct generation *generation,
                    size_t layer, size_t n_weakest, struct layer_look *look,
                    struct memory_layer *view)
{
    const struct mram *mram = model->mram;
    struct operating_point op =
        operating_points_at(&generation->conditions->points, layer);

    mram_census(mram, layer, look->census);
    look->tile_wrong = count_tiles(model, layer);
    if (look->tile_wrong == NULL ||
        (op.mode == MRAM_DEVICE &&
         !find_weakest(model, generation, layer, n_weakest, look)))
        return false;
    *view = (struct memory_layer) {
        .shape = mram_shape(mram, layer),
        .first_tile = mram_first_tile(mram, layer),
        .n_tiles = mram_layer_tiles(mram, layer),
        .tile_wrong_cells = look->tile_wrong,
        .state = generation->states[layer],
        .layout = mram_layout(mram, layer),
        .mode = op.mode,
        .census = look->census,
        .resolved = generation->conditions->resolved[layer],
        .n_weakest = look->n_weakest,
        .weakest = look->weakest,
    };
    return true;
}

static void reply_memory(struct daemon *daemon, const struct model *model,
                         struct http_call *call, const struct generation *generation,
                         size_t n_weakest)
{
    size_t n_layers = model->net->n_layers;
    struct layer_look *looks = calloc(n_layers, sizeof(*looks));
    struct memory_layer layers[NETWORK_MAX_LAYERS];
    bool all = looks != NULL;

    for (size_t l = 0; all && l < n_layers; l++)
        all = look_at(model, generation, l, n_weakest, &looks[l], &layers[l]);
    if (all) {
        const struct memory_view view = {
            .model = model->net->name,
            .net = model->net,
            .generation = generation->number,
            .cause = generation->cause,
            .seed = mram_seed(model->mram),
            .device = generation->conditions->device.name,
            .age_s = generation->age_s,
            .pending_reads = array_pending_reads(daemon, model),
            .layers = layers,
        };
        struct buf body = BUF_INIT;

        memory_json_write(&body, &view);
        http_reply(call, 200, "application/json", &body);
    } else {
        array_reply_no_memory(call);
    }
    for (size_t l = 0; looks != NULL && l < n_layers; l++) {
        free(looks[l].tile_wrong);
        free(looks[l].weakest);
    }
    free(looks);
}

static void memory_work(struct daemon *daemon, struct model *model,
                        struct http_call *call)
{
    uint64_t n_weakest = WEAKEST_BY_DEFAULT;

    if (!query_number_or_422(call, "weakest", 0, MEMORY_JSON_MAX_WEAKEST, &n_weakest) ||
        !array_there(model, call))
        return;
    struct generation *generation = generation_take(model);

    reply_memory(daemon, model, call, generation, n_weakest);
    generation_drop(generation);
}

void look_memory(void *ctx, struct http_call *call)
{
    array_defer(ctx, call, memory_work);
}

/* -- Tiles -- */

static const char *const png_type[] = { "image/png", NULL };
static const char *const pgm_type[] = { "image/x-portable-graymap", NULL };

static const char *const section_names[MRAM_SECTIONS] = {
    [MRAM_DATA] = "data",
    [MRAM_CHECK] = "check",
    [MRAM_DATA_PARTNER] = "data_partner",
    [MRAM_CHECK_PARTNER] = "check_partner",
};

static bool find_section(struct http_call *call, enum mram_section *ret_section)
{
    const char *name = http_call_query(call, "section");
    struct problem problem;

    *ret_section = MRAM_DATA;
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        if (name != NULL && strcmp(name, section_names[s]) != 0)
            continue;
        *ret_section = (enum mram_section)s;
        return true;
    }
    query_refuse(&problem, "section",
                 "\"%.40s\" is none of data, check, data_partner, check_partner", name);
    http_reply_problem(call, &problem);
    return false;
}

/* "7.png" or "7.pgm". */
static bool find_tile(struct http_call *call, const struct model *model, size_t *ret_tile,
                      bool *ret_png)
{
    const char *name = http_call_param(call, 1);
    size_t n_tiles = mram_tiles(model->mram);
    struct problem problem;
    char *end;

    errno = 0;
    unsigned long long tile = strtoull(name, &end, 10);
    *ret_png = strcmp(end, ".png") == 0;
    if (name[0] >= '0' && name[0] <= '9' && errno == 0 && tile < n_tiles &&
        (*ret_png || strcmp(end, ".pgm") == 0)) {
        *ret_tile = tile;
        return true;
    }
    problem_set(
        &problem, 404, "unknown_tile",
        "\"%.40s\" is no tile of model \"%s\"; expected 0.png .. %zu.png, or .pgm", name,
        model->net->name, n_tiles - 1);
    http_reply_problem(call, &problem);
    return false;
}

static bool have_section(struct http_call *call, const struct model *model, size_t tile,
                         enum mram_section section)
{
    size_t layer = mram_tile_layer(model->mram, tile), n_words;
    struct problem problem;

    if (mram_tile_section(model->mram, tile, section, &n_words) != NULL)
        return true;
    problem_set(&problem, 404, "unknown_section",
                "layer \"%.60s\" has no section %s: that takes %s",
                model->net->layers[layer].name, section_names[section],
                section == MRAM_CHECK          ? "a code"
                : section == MRAM_DATA_PARTNER ? "2t2r cells"
                                               : "a code and 2t2r cells");
    http_reply_problem(call, &problem);
    return false;
}

static void reply_tile(struct http_call *call, const struct model *model, size_t number,
                       enum mram_section section, bool png)
{
    const struct mram *mram = model->mram;
    const uint64_t *wanted = model->net->layers[mram_tile_layer(mram, number)].weights;
    uint64_t cells[MRAM_TILE_WORDS], wrong[MRAM_TILE_WORDS], dead[MRAM_TILE_WORDS];
    uint64_t state[MRAM_TILE_WORDS] = { 0 };
    size_t n_words;
    const uint64_t *stored = mram_tile_section(mram, number, section, &n_words);
    struct buf body = BUF_INIT;
    struct tile_image tile = {
        .n_words = section == MRAM_DATA || section == MRAM_DATA_PARTNER
                       ? MRAM_TILE_WORDS
                       : MRAM_CHECK_WORDS,
        .cells = cells,
        .state = state,
        .wrong = wrong,
        .dead = dead,
    };

    memcpy(state, stored, n_words * sizeof(*state));
    mram_cells(mram, number, section, cells);
    mram_target(mram, wanted, number, section, wrong);
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++)
        wrong[w] ^= state[w];
    mram_dead_cells(mram, number, section, dead);
    if (!png)
        tile_image_pgm(&body, &tile);
    else if (tile_image_png(&body, &tile) != ST_OK)
        body.failed = true;
    http_reply(call, 200, png ? png_type[0] : pgm_type[0], &body);
}

static void tile_work(struct daemon *daemon, struct model *model, struct http_call *call)
{
    enum mram_section section;
    size_t number;
    bool png;

    (void)daemon;
    if (array_there(model, call) && find_section(call, &section) &&
        find_tile(call, model, &number, &png) &&
        have_section(call, model, number, section))
        reply_tile(call, model, number, section, png);
}

/* A name that is none of these gets its answer later. */
void look_tile(void *ctx, struct http_call *call)
{
    const char *ending = strrchr(http_call_param(call, 1), '.');
    const char *const *types = NULL;

    if (ending != NULL && strcmp(ending, ".png") == 0)
        types = png_type;
    else if (ending != NULL && strcmp(ending, ".pgm") == 0)
        types = pgm_type;
    if (types == NULL || http_accepts_or_406(call, types))
        array_defer(ctx, call, tile_work);
}
