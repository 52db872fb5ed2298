/* SPDX-License-Identifier: Apache-2.0 */
/* The image from bytes, none of which is believed: they may come from another machine. */
#include "storage/array_image_internal.h"

#include "core/rng.h"
#include "storage/cursor.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEED   ((UINT64_C(1) << 53) - 1)
#define DEFECT_LEN 20

/* An image that is taking shape; all of it ours. */
struct reading {
    struct cursor c;
    const struct network *net; /* borrowed */
    struct array_image image;
    struct mram *mram;
    struct mram_defects defects;
    uint64_t seed; /* of the array */
};

static bool read_bool(struct cursor *c, const char *what)
{
    return cursor_u32_in(c, what, 0, 1) == 1;
}

/* Any number but not NaN, not infinite. */
static double read_finite(struct cursor *c, const char *what)
{
    return cursor_f64_in(c, what, -DBL_MAX, DBL_MAX);
}

static double read_positive(struct cursor *c, const char *what)
{
    return cursor_f64_in(c, what, 0.0, DBL_MAX);
}

/* Two counts that together are at most `max`. */
static void read_pair(struct cursor *c, const char *what, uint64_t max, uint64_t pair[2])
{
    pair[0] = cursor_u64_in(c, what, 0, max);
    pair[1] = cursor_u64_in(c, what, 0, max - pair[0]);
}

/* -- Head and device -- */

/* Is this image one of net's? */
static void read_head(struct reading *r)
{
    struct array_image *image = &r->image;
    struct cursor *c = &r->c;
    size_t at = c->at;

    image->model_checksum = cursor_u32(c, "model checksum");
    if (image->model_checksum != r->net->checksum)
        cursor_fail(c, ST_CONFLICT, at,
                    "model checksum: the image is of a model file %08x, not of %08x",
                    image->model_checksum, r->net->checksum);
    image->n_layers = cursor_u32_in(c, "layers", (uint32_t)r->net->n_layers,
                                    (uint32_t)r->net->n_layers);
    image->generation = cursor_u64_in(c, "generation", 0, RNG_MAX_GENERATION);
    image->cause = (enum mram_cause)cursor_u32_in(c, "cause", 0, MRAM_IMPORTED);
    image->changed_at_s = (int64_t)cursor_u64_in(c, "time", 0, INT64_MAX);
    image->programmed_at_s =
        (int64_t)cursor_u64_in(c, "time of the programming", 0, INT64_MAX);
    image->age_s = read_positive(c, "age");
    r->seed = cursor_u64(c, "array's seed");
}

static void read_name(struct cursor *c, char ret_name[DEVICE_NAME_LEN])
{
    size_t at = c->at;
    char *name = cursor_string(c, "device's name");

    if (name != NULL && strlen(name) >= DEVICE_NAME_LEN)
        cursor_fail(c, ST_FORMAT, at,
                    "device's name: expected at most %d bytes, found %zu",
                    DEVICE_NAME_LEN - 1, strlen(name));
    if (c->st == ST_OK)
        memcpy(ret_name, name, strlen(name) + 1);
    free(name);
}

static void read_table(struct cursor *c, struct device *device)
{
    char why[ERR_LEN];
    uint32_t len = cursor_u32(c, "length of the table");
    size_t at = c->at;
    const uint8_t *text = cursor_take(c, len, "table");

    if (text == NULL)
        return;
    enum status st = device_table_parse((const char *)text, len, &device->table, why);
    if (st != ST_OK)
        cursor_fail(c, st == ST_NOMEM ? ST_NOMEM : ST_FORMAT, at, "table: %s", why);
}

static void read_params(struct cursor *c, struct mtj_params *ret_params)
{
    double params[ARRAY_IMAGE_PARAMS];

    for (size_t i = 0; i < ARRAY_IMAGE_PARAMS; i++)
        params[i] = read_finite(c, "parameter");
    memcpy(ret_params, params, sizeof(params));
}

static void read_device(struct cursor *c, struct device *device)
{
    char why[ERR_LEN];
    size_t at = c->at;

    *device = device_default();
    read_name(c, device->name);
    device->kind = (enum device_kind)cursor_u32_in(c, "kind of device", 0, DEVICE_TABLE);
    if (device->kind == DEVICE_TABLE)
        read_table(c, device);
    else
        read_params(c, &device->params);
    if (c->st == ST_OK && device_check(device, why) != ST_OK)
        cursor_fail(c, ST_FORMAT, at, "device: %s", why);
}

/* -- Operating points -- */

static void read_point(struct cursor *c, const struct device *device, unsigned *ret_set,
                       struct operating_point *op)
{
    const struct device_temperatures range = device_temperatures(device);

    *ret_set = cursor_u32_in(c, "members", 0, OPERATING_ALL_MEMBERS);
    op->mode = (enum mram_mode)cursor_u32_in(c, "mode", 0, MRAM_IID);
    op->over = (enum mram_over)cursor_u32_in(c, "over", 0, MRAM_OVER_ERASED_AP);
    op->temperature_k = cursor_f64_in(c, "temperature", range.min_k, range.max_k);
    op->bit_error_rate[MTJ_P2AP] = read_finite(c, "bit error rate to P");
    op->bit_error_rate[MTJ_AP2P] = read_finite(c, "bit error rate to AP");
    op->has_target = read_bool(c, "has target");
    op->target_write_error_rate = read_finite(c, "target");
    op->has_pulse = read_bool(c, "has pulse");
    op->pulse_ns = read_finite(c, "pulse");
    op->voltage_v[MTJ_P2AP] = read_finite(c, "voltage P2AP");
    op->voltage_v[MTJ_AP2P] = read_finite(c, "voltage AP2P");
    op->ecc = (enum ecc_code)cursor_u32_in(c, "code", 0, ECC_CODES - 1);
    op->pairs = read_bool(c, "pairs");
    op->polarity =
        (enum mram_polarity)cursor_u32_in(c, "polarity", 0, MRAM_POLARITY_SEEDED);
    op->verify_retries = cursor_u32(c, "retries");
    op->seed = cursor_u64_in(c, "operating point's seed", 0, MAX_SEED);
    op->read_disturb = read_bool(c, "read disturb");
}

/* What the mode does not use may be any number, as it may in a request. */
static void check_point(struct cursor *c, size_t at, const struct device *device,
                        const struct operating_point *op)
{
    struct operating_point_fault faults[OPERATING_POINT_MAX_FAULTS];

    if (c->st == ST_OK && operating_point_check(op, device, faults) > 0)
        cursor_fail(c, ST_FORMAT, at, "%s: %s", faults[0].field, faults[0].why);
}

static void read_base(struct cursor *c, const struct device *device, uint64_t seed,
                      struct operating_points *points)
{
    size_t at = c->at;
    unsigned set;

    read_point(c, device, &set, &points->base);
    if (set != OPERATING_ALL_MEMBERS)
        cursor_fail(c, ST_FORMAT, at, "members: expected all of them, found %#x", set);
    check_point(c, at, device, &points->base);
    if (c->st == ST_OK && points->base.seed != seed)
        cursor_fail(c, ST_FORMAT, at, "seed: it is not that of the array");
}

static void read_layer_point(struct cursor *c, const struct device *device,
                             struct operating_points *points, size_t l)
{
    size_t at = c->at;
    struct operating_point op;

    read_point(c, device, &points->layers[l].set, &op);
    points->layers[l].op = op;
    if (c->st != ST_OK)
        return;
    struct operating_point expected = operating_points_at(points, l);
    if (!operating_point_same(&op, &expected))
        cursor_fail(c, ST_FORMAT, at, "what is inherited differs from the base");
    check_point(c, at, device, &op);
}

/* -- Defects -- */

static void read_defect(struct cursor *c, const struct network *net,
                        struct mram_defect *defect)
{
    uint32_t layer = cursor_u32_in(c, "defect's layer", 0, (uint32_t)net->n_layers - 1);
    const struct network_layer *of = &net->layers[layer];

    defect->layer = layer;
    defect->row = cursor_u32_in(c, "defect's row", 0, (uint32_t)of->n_out - 1);
    defect->column = cursor_u32_in(c, "defect's column", 0, (uint32_t)of->n_in - 1);
    defect->partner = read_bool(c, "defect's partner");
    defect->kind = (enum mram_defect_kind)cursor_u32_in(c, "defect's kind", 0,
                                                        MRAM_DEFECT_KINDS - 1);
}

static void read_defects(struct reading *r)
{
    struct cursor *c = &r->c;

    for (unsigned k = 0; k < MRAM_DEFECT_KINDS; k++)
        r->defects.share[k] = cursor_f64_in(c, "share of defects", 0.0, 0.5);
    size_t n = cursor_u32_in(c, "listed defects", 0, MRAM_MAX_LISTED);
    if (c->st == ST_OK && n > (c->len - c->at) / DEFECT_LEN)
        cursor_fail(c, ST_FORMAT, c->at,
                    "listed defects: expected %zu, found room for %zu", n,
                    (c->len - c->at) / DEFECT_LEN);
    if (c->st != ST_OK)
        return;
    r->defects.n_listed = n;
    r->defects.listed = calloc(n + 1, sizeof(*r->defects.listed));
    if (r->defects.listed == NULL)
        cursor_fail(c, ST_NOMEM, c->at, "not enough memory for %zu defects", n);
    for (size_t i = 0; i < n && c->st == ST_OK; i++)
        read_defect(c, r->net, &r->defects.listed[i]);
}

/* -- Layers -- */

/* What a layer of this layout has, as bounds of what is counted. */
struct bounds {
    uint64_t weights, codewords, cells;
};

static struct bounds bounds_of(const struct network_layer *layer,
                               const struct mram_layout *layout, uint64_t n_words)
{
    struct bounds b = { .weights = (uint64_t)layer->n_out * layer->n_in };

    if (layout->ecc != ECC_NONE)
        b.codewords = n_words;
    b.cells = b.weights + b.codewords * ecc_check_bits(layout->ecc);
    if (layout->pairs)
        b.cells *= 2;
    return b;
}

static void read_energy(struct cursor *c, struct mram_energy *energy)
{
    energy->toggle_pj = read_positive(c, "energy of toggles");
    energy->hold_pj = read_positive(c, "energy of holds");
    energy->check_pj = read_positive(c, "energy of check cells");
    energy->encode_pj = read_positive(c, "energy of encoding");
    energy->verify_pj = read_positive(c, "energy of verifying");
}

static void read_forecast(struct cursor *c, struct mram_forecast *forecast)
{
    forecast->errors = read_positive(c, "forecast of errors");
    forecast->wrong_bits = read_positive(c, "forecast of wrong bits");
    read_energy(c, &forecast->energy);
}

static void read_result(struct cursor *c, const struct bounds *b,
                        struct mram_result *result)
{
    read_pair(c, "toggles", b->cells, result->toggles);
    read_pair(c, "holds", b->cells, result->holds);
    result->failures = cursor_u64_in(c, "failures", 0, b->cells);
    result->retries = cursor_u64_in(c, "retries", 0, b->cells * MRAM_MAX_RETRIES);
    read_energy(c, &result->energy);
}

/* All zero until the layer is read for the first time. */
static void read_state(struct cursor *c, const struct bounds *b, struct mram_state *state)
{
    state->weights = cursor_u64_in(c, "weights", 0, b->weights);
    state->cells = cursor_u64_in(c, "cells", 0, b->cells);
    state->parallel = cursor_u64_in(c, "cells in P", 0, state->cells);
    read_pair(c, "errors", state->cells, state->errors);
    state->stuck = cursor_u64_in(c, "stuck cells", 0, state->cells);
    state->stuck_errors = cursor_u64_in(c, "stuck errors", 0, state->stuck);
    state->equal_pairs = cursor_u64_in(c, "equal pairs", 0, state->cells / 2);
    state->words = cursor_u64_in(c, "codewords", 0, b->codewords);
    state->corrected = cursor_u64_in(c, "corrected words", 0, state->words);
    state->detected = cursor_u64_in(c, "detected words", 0, state->words);
    state->miscorrected = cursor_u64_in(c, "miscorrected words", 0, state->words);
    read_pair(c, "wrong weights", state->weights, state->wrong);
}

static void read_section(struct reading *r, size_t l, enum mram_section section)
{
    struct cursor *c = &r->c;
    size_t n_words = mram_section_words(r->mram, l, section);

    cursor_u64_in(c, "words", n_words, n_words);
    size_t begin = c->at;
    const uint8_t *p = cursor_take(c, 8 * n_words, "contents");
    if (p == NULL)
        return;
    uint64_t *words = malloc(8 * n_words);
    if (words == NULL) {
        cursor_fail(c, ST_NOMEM, begin, "not enough memory for %zu words", n_words);
        return;
    }
    for (size_t w = 0; w < n_words; w++)
        words[w] = le_load64(p + 8 * w);
    enum status st = mram_restore(r->mram, l, section, words);
    if (st != ST_OK)
        cursor_fail(c, st, begin, "contents: expected 0 where there is no cell, found 1");
    free(words);
}

static void read_layer(struct reading *r, size_t l)
{
    struct array_image *image = &r->image;
    struct cursor *c = &r->c;

    read_layer_point(c, &image->device, &image->points, l);
    if (c->st != ST_OK)
        return;
    struct mram_layout layout = operating_point_layout(&image->points.layers[l].op);
    enum status st = mram_set_layout(r->mram, l, &layout);
    if (st != ST_OK)
        cursor_fail(c, st, c->at, "cannot lay out %zu words",
                    mram_section_words(r->mram, l, MRAM_DATA));
    struct bounds b =
        bounds_of(&r->net->layers[l], &layout, mram_section_words(r->mram, l, MRAM_DATA));

    read_forecast(c, &image->forecasts[l]);
    read_result(c, &b, &image->results[l]);
    read_state(c, &b, &image->states[l]);
    for (unsigned s = 0; s < MRAM_SECTIONS && c->st == ST_OK; s++)
        if (mram_section(r->mram, l, (enum mram_section)s) != NULL)
            read_section(r, l, (enum mram_section)s);
}

static void read_layers(struct reading *r)
{
    struct cursor *c = &r->c;

    for (size_t l = 0; l < r->net->n_layers && c->st == ST_OK; l++) {
        (void)snprintf(c->where, sizeof(c->where), "layer %zu ", l);
        read_layer(r, l);
    }
    c->where[0] = '\0';
}

/* -- The whole -- */

/* A new array of net's shape and room for what is told of its layers. */
static void make_array(struct reading *r)
{
    struct mram_shape shapes[NETWORK_MAX_LAYERS];
    struct array_image *image = &r->image;
    size_t n = r->net->n_layers;

    array_image_shapes(r->net, shapes);
    enum status st = mram_new(shapes, n, r->seed, &r->mram);
    if (st != ST_OK)
        cursor_fail(&r->c, st, r->c.at, "cannot make an array of %zu cells",
                    network_cells(r->net));
    image->points.n_layers = n;
    image->forecasts = calloc(n, sizeof(*image->forecasts));
    image->results = calloc(n, sizeof(*image->results));
    image->states = calloc(n, sizeof(*image->states));
    if (image->forecasts == NULL || image->results == NULL || image->states == NULL)
        cursor_fail(&r->c, ST_NOMEM, r->c.at, "not enough memory for %zu layers", n);
}

/* Last, so that the cells they stand for hold what they must, whatever was restored. */
static void set_defects(struct reading *r, size_t at)
{
    enum status st = mram_set_defects(r->mram, &r->defects);

    if (st != ST_OK)
        cursor_fail(&r->c, st == ST_NOMEM ? ST_NOMEM : ST_FORMAT, at,
                    "defects: out of range");
}

static void read_image(struct reading *r)
{
    read_head(r);
    if (r->c.st == ST_OK)
        read_device(&r->c, &r->image.device);
    read_base(&r->c, &r->image.device, r->seed, &r->image.points);
    size_t defects_at = r->c.at;
    read_defects(r);
    if (r->c.st == ST_OK)
        make_array(r);
    read_layers(r);
    cursor_end(&r->c);
    if (r->c.st == ST_OK)
        set_defects(r, defects_at);
}

enum status array_image_parse(const uint8_t *bytes, size_t len, const struct network *net,
                              struct array_image *ret_image, struct mram **ret_mram,
                              char why[ERR_LEN])
{
    struct reading r = { .net = net };

    cursor_begin(&r.c, bytes, len, ARRAY_IMAGE_MAGIC, ARRAY_IMAGE_VERSION, why);
    if (r.c.st == ST_UNSUPPORTED) {
        (void)snprintf(why, ERR_LEN, "an image of version %u; expected %d",
                       (unsigned)le_load32(bytes + CURSOR_MAGIC_LEN),
                       ARRAY_IMAGE_VERSION);
        r.c.st = ST_FORMAT;
    }
    if (r.c.st == ST_OK)
        read_image(&r);
    free(r.defects.listed);
    if (r.c.st != ST_OK) {
        mram_free(r.mram);
        array_image_done(&r.image);
        return r.c.st;
    }
    *ret_image = r.image;
    *ret_mram = r.mram;
    return ST_OK;
}
