/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram.h"

#include "core/bits.h"
#include "core/mram_kernel.h"
#include "core/mram_tile.h"
#include "core/rng.h"

#include <assert.h>
#include <float.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CELLS (UINT64_C(1) << 40)
/* Tiles start on cache lines, so that threads on neighbouring tiles do not share one. */
#define ALIGNMENT 64

struct layer {
    size_t n_rows, n_cols, row_words, n_words;
    size_t first_tile;
};

struct mram {
    uint64_t seed;
    size_t n_layers, n_tiles, n_cells;
    const struct mram_kernel *kernel;
    struct mram_classes classes;
    uint64_t *store; /* ours: MRAM_TILE_WORDS to a tile */
    struct layer layers[];
};

static uint64_t *tile_words(const struct mram *mram, size_t tile)
{
    return mram->store + tile * MRAM_TILE_WORDS;
}

/* The layer that holds `tile`. */
static size_t layer_of(const struct mram *mram, size_t tile)
{
    size_t layer = 0;

    while (layer + 1 < mram->n_layers && mram->layers[layer + 1].first_tile <= tile)
        layer++;
    return layer;
}

/* Words of the layer that lie before a tile. */
static size_t words_before(const struct layer *layer, size_t tile)
{
    return (tile - layer->first_tile) * MRAM_TILE_WORDS;
}

static struct mram_tile tile_at(const struct mram *mram, const struct layer *layer,
                                size_t number)
{
    size_t before = words_before(layer, number);
    size_t n_words = layer->n_words - before;
    size_t row_words = layer->row_words;
    uint64_t tail_mask = bits_mask(layer->n_cols, row_words - 1);

    if (n_words > MRAM_TILE_WORDS)
        n_words = MRAM_TILE_WORDS;
    size_t first_tail = row_words - 1 - before % row_words;
    size_t n_tails =
        first_tail < n_words ? (n_words - 1 - first_tail) / row_words + 1 : 0;
    size_t padding = 64 - (size_t)__builtin_popcountll(tail_mask);

    return (struct mram_tile) {
        .seed = mram->seed,
        .number = number,
        .n_words = n_words,
        .n_cells = n_words * 64 - n_tails * padding,
        .row_words = row_words,
        .first_tail = first_tail,
        .tail_mask = tail_mask,
    };
}

/* -- The array -- */

static enum status check_shapes(const struct mram_shape *shapes, size_t n_layers)
{
    uint64_t left = MAX_CELLS;

    if (n_layers == 0)
        return ST_RANGE;
    for (size_t i = 0; i < n_layers; i++) {
        if (shapes[i].n_rows == 0 || shapes[i].n_cols == 0 ||
            shapes[i].n_rows > left / shapes[i].n_cols)
            return ST_RANGE;
        left -= (uint64_t)shapes[i].n_rows * shapes[i].n_cols;
    }
    return ST_OK;
}

static void lay_out(struct mram *mram, const struct mram_shape *shapes)
{
    for (size_t i = 0; i < mram->n_layers; i++) {
        struct layer *layer = &mram->layers[i];

        layer->n_rows = shapes[i].n_rows;
        layer->n_cols = shapes[i].n_cols;
        layer->row_words = bits_words(layer->n_cols);
        layer->n_words = layer->n_rows * layer->row_words;
        layer->first_tile = mram->n_tiles;
        mram->n_tiles += (layer->n_words + MRAM_TILE_WORDS - 1) / MRAM_TILE_WORDS;
        mram->n_cells += layer->n_rows * layer->n_cols;
    }
}

static void fabricate(struct mram *mram)
{
    double weight[MTJ_CLASSES];

    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        weight[c] = mtj_class_weight(c);
    mram_classes_init(&mram->classes, weight);

    for (size_t t = 0; t < mram->n_tiles; t++) {
        struct mram_tile tile = tile_at(mram, &mram->layers[layer_of(mram, t)], t);
        mram_tile_random(&tile, mram->kernel, 0, tile_words(mram, t));
    }
}

enum status mram_new(const struct mram_shape *shapes, size_t n_layers, uint64_t seed,
                     struct mram **ret_mram)
{
    enum status st = check_shapes(shapes, n_layers);
    if (st != ST_OK)
        return st;

    /* At most 2^40 layers of one cell each: no product here overflows. */
    struct mram *mram = calloc(1, sizeof(*mram) + n_layers * sizeof(mram->layers[0]));
    if (mram == NULL)
        return ST_NOMEM;
    mram->seed = seed;
    mram->n_layers = n_layers;
    mram->kernel = mram_kernel_best();
    lay_out(mram, shapes);
    mram->store =
        aligned_alloc(ALIGNMENT, mram->n_tiles * MRAM_TILE_WORDS * sizeof(uint64_t));
    if (mram->store == NULL) {
        mram_free(mram);
        return ST_NOMEM;
    }
    fabricate(mram);
    *ret_mram = mram;
    return ST_OK;
}

void mram_free(struct mram *mram)
{
    if (mram == NULL)
        return;
    free(mram->store);
    free(mram);
}

uint64_t mram_seed(const struct mram *mram)
{
    return mram->seed;
}

size_t mram_layers(const struct mram *mram)
{
    return mram->n_layers;
}

size_t mram_tiles(const struct mram *mram)
{
    return mram->n_tiles;
}

size_t mram_cells(const struct mram *mram)
{
    return mram->n_cells;
}

const uint64_t *mram_contents(const struct mram *mram, size_t layer)
{
    assert(layer < mram->n_layers);
    return tile_words(mram, mram->layers[layer].first_tile);
}

size_t mram_layer_words(const struct mram *mram, size_t layer)
{
    assert(layer < mram->n_layers);
    return mram->layers[layer].n_words;
}

enum status mram_restore(struct mram *mram, size_t layer, const uint64_t *words)
{
    assert(layer < mram->n_layers);
    const struct layer *l = &mram->layers[layer];
    uint64_t padding = ~bits_mask(l->n_cols, l->row_words - 1);

    for (size_t row = 0; row < l->n_rows; row++)
        if ((words[row * l->row_words + l->row_words - 1] & padding) != 0)
            return ST_FORMAT;
    memcpy(tile_words(mram, l->first_tile), words, l->n_words * sizeof(*words));
    return ST_OK;
}

const struct mram_kernel *mram_kernel(const struct mram *mram)
{
    return mram->kernel;
}

void mram_use_kernel(struct mram *mram, const struct mram_kernel *kernel)
{
    mram->kernel = kernel;
}

/* -- What programming is asked for -- */

static bool is_rate(double p)
{
    return p >= 0.0 && p <= 1.0; /* false for a NaN */
}

static bool is_energy(double pj)
{
    return pj >= 0.0 && pj <= DBL_MAX;
}

static bool is_energy_pair(const double toggle_pj[2], const double hold_pj[2])
{
    return is_energy(toggle_pj[0]) && is_energy(toggle_pj[1]) && is_energy(hold_pj[0]) &&
           is_energy(hold_pj[1]);
}

static bool classes_in_range(const struct mtj_class_table *classes)
{
    if (classes == NULL)
        return false;
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        if (!is_rate(classes->error_rate[c][0]) || !is_rate(classes->error_rate[c][1]) ||
            !is_energy_pair(classes->toggle_pj[c], classes->hold_pj[c]))
            return false;
    return true;
}

static bool write_in_range(const struct mram_write *write)
{
    if (write->generation == 0 || write->generation > RNG_MAX_GENERATION)
        return false;
    if (write->mode == MRAM_IID)
        return is_rate(write->flip_rate);
    if (write->over < MRAM_OVER_PRESENT || write->over > MRAM_OVER_ERASED_AP)
        return false;
    if (write->mode == MRAM_DEVICE)
        return classes_in_range(write->classes);
    return write->mode == MRAM_UNIFORM && is_rate(write->error_rate[0]) &&
           is_rate(write->error_rate[1]) &&
           is_energy_pair(write->toggle_pj, write->hold_pj);
}

/* -- One programming -- */

/* What is worked out once, and what a tile needs on its way. */
struct job {
    const struct mram *mram;         /* borrowed */
    const struct mram_write *write;  /* borrowed */
    struct mram_odds odds;           /* uniform, iid */
    struct mram_class_odds by_class; /* device */
    struct mram_census census;       /* device: of this tile */
    uint64_t old[MRAM_TILE_WORDS];
    uint64_t active[MRAM_TILE_WORDS];
    uint64_t fail[MRAM_TILE_WORDS];  /* device */
    uint64_t would[MRAM_TILE_WORDS]; /* what a forecast would have stored */
};

static void job_init(struct job *job, const struct mram *mram,
                     const struct mram_write *write)
{
    const double flip[2] = { write->flip_rate, write->flip_rate };

    job->mram = mram;
    job->write = write;
    if (write->mode == MRAM_DEVICE)
        mram_class_odds_init(write->classes->error_rate, &job->by_class);
    else
        mram_odds_init(write->mode == MRAM_IID ? flip : write->error_rate, &job->odds);
}

/* What the write goes over. */
static const uint64_t *old_of(struct job *job, const struct mram_tile *tile,
                              const uint64_t *wanted)
{
    switch (job->write->over) {
    case MRAM_OVER_PRESENT:
        return tile_words(job->mram, tile->number);
    case MRAM_OVER_RANDOM:
        mram_tile_random(tile, job->mram->kernel, job->write->generation, job->old);
        break;
    case MRAM_OVER_COMPLEMENT:
        mram_tile_cells(tile, job->old);
        for (size_t w = 0; w < tile->n_words; w++)
            job->old[w] ^= wanted[w];
        break;
    case MRAM_OVER_ERASED_P:
        mram_tile_cells(tile, job->old);
        break;
    case MRAM_OVER_ERASED_AP:
        memset(job->old, 0, sizeof(job->old));
        break;
    }
    return job->old;
}

/* Stores the wanted bits, as if nothing failed, and leaves in job->active what toggles.
 */
static struct mram_result store_tile(struct job *job, const struct mram_tile *tile,
                                     const uint64_t *wanted, uint64_t *stored)
{
    struct mram_counts n;

    job->mram->kernel->write(stored, old_of(job, tile, wanted), wanted, tile->n_words,
                             job->active, &n);
    memset(job->active + tile->n_words, 0,
           (MRAM_TILE_WORDS - tile->n_words) * sizeof(job->active[0]));
    return (struct mram_result) {
        .cells = tile->n_cells,
        .toggles = { n.old - n.both, n.wanted - n.both },
        .holds = { tile->n_cells - n.old - n.wanted + n.both, n.both },
    };
}

static double uniform_pj(const struct mram_write *write, const struct mram_result *result)
{
    double pj = 0.0;

    for (unsigned d = 0; d < 2; d++)
        pj += (double)result->toggles[d] * write->toggle_pj[d] +
              (double)result->holds[d] * write->hold_pj[d];
    return pj;
}

/* Energy by class, and how many cells are expected to fail. */
static double census_pj(const struct mram_census *census,
                        const struct mtj_class_table *classes, double *ret_wrong)
{
    double pj = 0.0, wrong = 0.0;

    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        const uint32_t *holds = census->n[c], *toggles = census->n[c] + 2;

        for (unsigned d = 0; d < 2; d++) {
            pj +=
                holds[d] * classes->hold_pj[c][d] + toggles[d] * classes->toggle_pj[c][d];
            wrong += toggles[d] * classes->error_rate[c][d];
        }
    }
    *ret_wrong = wrong;
    return pj;
}

static void fail_by_class(struct job *job, const struct mram_tile *tile, uint64_t *stored,
                          struct mram_result *result)
{
    const struct mram *mram = job->mram;
    double expected;

    mram_tile_classes(tile, mram->kernel, &mram->classes, &job->by_class,
                      job->write->generation, job->active, stored, &job->census,
                      job->fail);
    uint64_t n_failed =
        mram->kernel->flip(stored, job->fail, tile->n_words, &result->errors[MTJ_AP2P]);
    result->errors[MTJ_P2AP] = n_failed - result->errors[MTJ_AP2P];
    result->energy_pj = census_pj(&job->census, job->write->classes, &expected);
}

static struct mram_result write_tile(struct job *job, const struct mram_tile *tile,
                                     const uint64_t *wanted)
{
    uint64_t *stored = tile_words(job->mram, tile->number);
    struct mram_result result = store_tile(job, tile, wanted, stored);

    if (job->write->mode == MRAM_DEVICE) {
        fail_by_class(job, tile, stored, &result);
        return result;
    }
    mram_tile_fail(tile, job->mram->kernel, &job->odds, RNG_WRITE, job->write->generation,
                   job->active, stored, result.errors);
    result.energy_pj = uniform_pj(job->write, &result);
    return result;
}

static struct mram_result flip_tile(struct job *job, const struct mram_tile *tile,
                                    const uint64_t *wanted)
{
    uint64_t *stored = tile_words(job->mram, tile->number);
    struct mram_result result = { .cells = tile->n_cells };

    memcpy(stored, wanted, tile->n_words * sizeof(*stored));
    mram_tile_cells(tile, job->active);
    mram_tile_fail(tile, job->mram->kernel, &job->odds, RNG_FLIP, job->write->generation,
                   job->active, stored, result.errors);
    return result;
}

static void add_result(struct mram_result *to, const struct mram_result *result)
{
    to->cells += result->cells;
    for (unsigned d = 0; d < 2; d++) {
        to->toggles[d] += result->toggles[d];
        to->holds[d] += result->holds[d];
        to->errors[d] += result->errors[d];
    }
    to->energy_pj += result->energy_pj;
}

enum status mram_program(struct mram *mram, const uint64_t *const *wanted,
                         const struct mram_write *write, size_t first, size_t n,
                         struct mram_result *ret_results)
{
    struct job job;

    if (!write_in_range(write) || first > mram->n_tiles || n > mram->n_tiles - first)
        return ST_RANGE;

    job_init(&job, mram, write);
    for (size_t t = first; t < first + n; t++) {
        size_t l = layer_of(mram, t);
        const struct layer *layer = &mram->layers[l];
        struct mram_tile tile = tile_at(mram, layer, t);
        const uint64_t *bits = wanted[l] + words_before(layer, t);
        struct mram_result result = write->mode == MRAM_IID
                                        ? flip_tile(&job, &tile, bits)
                                        : write_tile(&job, &tile, bits);
        add_result(&ret_results[l], &result);
    }
    return ST_OK;
}

struct mram_result mram_sum(const struct mram_result *results, size_t n)
{
    struct mram_result sum = { 0 };

    for (size_t i = 0; i < n; i++)
        add_result(&sum, &results[i]);
    return sum;
}

/* -- What to expect -- */

static struct mram_forecast forecast_tile(struct job *job, const struct mram_tile *tile,
                                          const uint64_t *wanted)
{
    const struct mram *mram = job->mram;
    const struct mram_write *write = job->write;
    struct mram_forecast forecast;

    if (write->mode == MRAM_IID)
        return (struct mram_forecast) { (double)tile->n_cells * write->flip_rate, 0.0 };

    struct mram_result result = store_tile(job, tile, wanted, job->would);
    if (write->mode == MRAM_DEVICE) {
        mram_tile_classes(tile, mram->kernel, &mram->classes, &job->by_class,
                          write->generation, job->active, wanted, &job->census, NULL);
        forecast.energy_pj =
            census_pj(&job->census, write->classes, &forecast.wrong_bits);
        return forecast;
    }
    forecast.energy_pj = uniform_pj(write, &result);
    forecast.wrong_bits = (double)result.toggles[0] * write->error_rate[0] +
                          (double)result.toggles[1] * write->error_rate[1];
    return forecast;
}

enum status mram_predict(const struct mram *mram, const uint64_t *const *wanted,
                         const struct mram_write *write,
                         struct mram_forecast *ret_forecast)
{
    struct mram_forecast sum = { 0 };
    struct job job;

    if (!write_in_range(write))
        return ST_RANGE;

    job_init(&job, mram, write);
    for (size_t t = 0; t < mram->n_tiles; t++) {
        size_t l = layer_of(mram, t);
        const struct layer *layer = &mram->layers[l];
        struct mram_tile tile = tile_at(mram, layer, t);
        const uint64_t *bits = wanted[l] + words_before(layer, t);
        struct mram_forecast forecast = forecast_tile(&job, &tile, bits);

        sum.wrong_bits += forecast.wrong_bits;
        sum.energy_pj += forecast.energy_pj;
    }
    *ret_forecast = sum;
    return ST_OK;
}
