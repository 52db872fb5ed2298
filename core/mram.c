/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram.h"

#include "core/bits.h"
#include "core/mram_array.h"
#include "core/mram_kernel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WEIGHTS (UINT64_C(1) << 40)
/* Tiles start on cache lines, so that threads on neighbouring tiles do not share one. */
#define ALIGNMENT 64

/* -- Making one -- */

static enum status check_shapes(const struct mram_shape *shapes, size_t n_layers)
{
    uint64_t left = MAX_WEIGHTS;

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
        struct mram_layer *layer = &mram->layers[i];

        layer->n_rows = shapes[i].n_rows;
        layer->n_cols = shapes[i].n_cols;
        layer->row_words = bits_words(layer->n_cols);
        layer->n_words = layer->n_rows * layer->row_words;
        layer->first_tile = mram->n_tiles;
        layer->n_tiles = (layer->n_words + MRAM_TILE_WORDS - 1) / MRAM_TILE_WORDS;
        mram->n_tiles += layer->n_tiles;
        mram->n_weights += layer->n_rows * layer->n_cols;
    }
}

static size_t section_bytes(const struct mram_layer *layer, enum mram_section section)
{
    return layer->n_tiles * mram_section_stride(section) * sizeof(uint64_t);
}

/* A section as fabricated: seeded random bits. A partner's are its own. */
static uint64_t *fabricate(const struct mram *mram, const struct mram_layer *layer,
                           enum mram_section section)
{
    size_t stride = mram_section_stride(section);
    uint64_t *words = aligned_alloc(ALIGNMENT, section_bytes(layer, section));
    uint64_t bits[MRAM_TILE_WORDS];

    if (words == NULL)
        return NULL;
    for (size_t t = 0; t < layer->n_tiles; t++) {
        struct mram_tile tile = mram_tile_of(mram, layer, layer->first_tile + t, section);

        mram_tile_random(&tile, mram->kernel, RNG_CONTENTS, 0, bits);
        memcpy(words + t * stride, bits, stride * sizeof(*words));
    }
    return words;
}

enum status mram_new(const struct mram_shape *shapes, size_t n_layers, uint64_t seed,
                     struct mram **ret_mram)
{
    double weight[MTJ_CLASSES];
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
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        weight[c] = mtj_class_weight(c);
    mram_classes_init(&mram->classes, weight);
    for (size_t l = 0; l < n_layers; l++) {
        struct mram_layer *layer = &mram->layers[l];

        layer->section[MRAM_DATA] = fabricate(mram, layer, MRAM_DATA);
        if (layer->section[MRAM_DATA] == NULL) {
            mram_free(mram);
            return ST_NOMEM;
        }
    }
    *ret_mram = mram;
    return ST_OK;
}

void mram_free(struct mram *mram)
{
    if (mram == NULL)
        return;
    for (size_t l = 0; l < mram->n_layers; l++) {
        for (unsigned s = 0; s < MRAM_SECTIONS; s++)
            free(mram->layers[l].section[s]);
        free(mram->layers[l].delivered);
    }
    free(mram->defects.listed);
    free(mram->fixed);
    free(mram);
}

/* -- Its shape -- */

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

size_t mram_weights(const struct mram *mram)
{
    return mram->n_weights;
}

struct mram_shape mram_shape(const struct mram *mram, size_t layer)
{
    assert(layer < mram->n_layers);
    return (struct mram_shape) { mram->layers[layer].n_rows, mram->layers[layer].n_cols };
}

size_t mram_first_tile(const struct mram *mram, size_t layer)
{
    assert(layer < mram->n_layers);
    return mram->layers[layer].first_tile;
}

size_t mram_layer_tiles(const struct mram *mram, size_t layer)
{
    assert(layer < mram->n_layers);
    return mram->layers[layer].n_tiles;
}

size_t mram_tile_layer(const struct mram *mram, size_t tile)
{
    size_t layer = 0;

    while (layer + 1 < mram->n_layers && mram->layers[layer + 1].first_tile <= tile)
        layer++;
    return layer;
}

struct mram_layout mram_layout(const struct mram *mram, size_t layer)
{
    assert(layer < mram->n_layers);
    return mram->layers[layer].layout;
}

/* -- Layouts -- */

bool mram_has_section(const struct mram_layout *layout, enum mram_section section)
{
    return (!mram_section_is_check(section) || layout->ecc != ECC_NONE) &&
           (!mram_section_is_partner(section) || layout->pairs);
}

bool mram_is_plain(const struct mram_layout *layout)
{
    return layout->ecc == ECC_NONE && !layout->pairs &&
           layout->polarity == MRAM_POLARITY_NONE;
}

static bool same_layout(const struct mram_layout *a, const struct mram_layout *b)
{
    return a->ecc == b->ecc && a->pairs == b->pairs && a->polarity == b->polarity;
}

static bool layout_in_range(const struct mram_layout *layout)
{
    return layout->ecc >= ECC_NONE && layout->ecc <= ECC_BCH2 &&
           layout->polarity >= MRAM_POLARITY_NONE &&
           layout->polarity <= MRAM_POLARITY_SEEDED;
}

/* What a layer needs besides what it keeps; what it got is to be freed if one is not to
 * be had. */
static bool new_sections(const struct mram *mram, struct mram_layer *next,
                         const struct mram_layer *before)
{
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        enum mram_section section = (enum mram_section)s;
        bool keep =
            before->section[s] != NULL && mram_has_section(&next->layout, section) &&
            (!mram_section_is_check(section) || next->layout.ecc == before->layout.ecc);

        next->section[s] = keep ? before->section[s] : NULL;
        if (keep || !mram_has_section(&next->layout, section))
            continue;
        next->section[s] = fabricate(mram, next, section);
        if (next->section[s] == NULL)
            return false;
    }
    if (!mram_is_plain(&next->layout)) {
        next->delivered = calloc(1, section_bytes(next, MRAM_DATA));
        return next->delivered != NULL;
    }
    return true;
}

/* Frees the sections of `layer` that `other` does not share. */
static void free_sections(struct mram_layer *layer, const struct mram_layer *other)
{
    for (unsigned s = 0; s < MRAM_SECTIONS; s++)
        if (layer->section[s] != other->section[s])
            free(layer->section[s]);
    free(layer->delivered);
}

enum status mram_set_layout(struct mram *mram, size_t layer,
                            const struct mram_layout *layout)
{
    assert(layer < mram->n_layers);
    struct mram_layer *before = &mram->layers[layer];
    struct mram_layer next = *before;

    if (!layout_in_range(layout))
        return ST_RANGE;
    if (same_layout(layout, &before->layout))
        return ST_OK;
    next.layout = *layout;
    memset(next.section, 0, sizeof(next.section));
    next.delivered = NULL;
    if (!new_sections(mram, &next, before)) {
        free_sections(&next, before);
        return ST_NOMEM;
    }
    free_sections(before, &next);
    *before = next;
    mram_hold_layer(mram, before);
    return ST_OK;
}

/* -- Contents -- */

const uint64_t *mram_section(const struct mram *mram, size_t layer,
                             enum mram_section section)
{
    assert(layer < mram->n_layers);
    return mram->layers[layer].section[section];
}

size_t mram_section_words(const struct mram *mram, size_t layer,
                          enum mram_section section)
{
    assert(layer < mram->n_layers);
    const struct mram_layer *l = &mram->layers[layer];

    if (l->section[section] == NULL)
        return 0;
    return section == MRAM_DATA ? l->n_words : l->n_tiles * mram_section_stride(section);
}

enum status mram_restore(struct mram *mram, size_t layer, enum mram_section section,
                         const uint64_t *words)
{
    assert(layer < mram->n_layers);
    struct mram_layer *l = &mram->layers[layer];
    assert(l->section[section] != NULL);
    size_t n_words = mram_section_words(mram, layer, section);
    size_t stride = mram_section_stride(section);
    uint64_t cells[MRAM_TILE_WORDS];

    for (size_t first = 0; first < n_words; first += stride) {
        size_t n = n_words - first < stride ? n_words - first : stride;

        mram_cells(mram, l->first_tile + first / stride, section, cells);
        for (size_t w = 0; w < n; w++)
            if ((words[first + w] & ~cells[w]) != 0)
                return ST_FORMAT;
    }
    memcpy(l->section[section], words, n_words * sizeof(*words));
    mram_hold_layer(mram, l);
    return ST_OK;
}

const uint64_t *mram_delivered(const struct mram *mram, size_t layer)
{
    assert(layer < mram->n_layers);
    const struct mram_layer *l = &mram->layers[layer];

    return l->delivered != NULL ? l->delivered : l->section[MRAM_DATA];
}

const struct mram_kernel *mram_kernel(const struct mram *mram)
{
    return mram->kernel;
}

void mram_use_kernel(struct mram *mram, const struct mram_kernel *kernel)
{
    mram->kernel = kernel;
}

const char *mram_cause_name(enum mram_cause cause)
{
    static const char *const names[] = {
        [MRAM_PROGRAMMED] = "program", [MRAM_SCRUBBED] = "scrub",
        [MRAM_AGED] = "age",           [MRAM_DISTURBED] = "disturb",
        [MRAM_INJECTED] = "inject",    [MRAM_IMPORTED] = "import",
    };

    return names[cause];
}

/* -- Sums -- */

double mram_energy_sum(const struct mram_energy *energy)
{
    return energy->toggle_pj + energy->hold_pj + energy->check_pj + energy->encode_pj +
           energy->verify_pj;
}

uint64_t mram_wrong(const struct mram_state *state)
{
    return state->wrong[0] + state->wrong[1];
}

uint64_t mram_errors(const struct mram_state *state)
{
    return state->errors[MTJ_P2AP] + state->errors[MTJ_AP2P];
}

static void add_energy(struct mram_energy *to, const struct mram_energy *energy)
{
    to->toggle_pj += energy->toggle_pj;
    to->hold_pj += energy->hold_pj;
    to->check_pj += energy->check_pj;
    to->encode_pj += energy->encode_pj;
    to->verify_pj += energy->verify_pj;
}

struct mram_result mram_result_sum(const struct mram_result *results, size_t n)
{
    struct mram_result sum = { .failures = 0 };

    for (size_t i = 0; i < n; i++) {
        for (unsigned d = 0; d < 2; d++) {
            sum.toggles[d] += results[i].toggles[d];
            sum.holds[d] += results[i].holds[d];
        }
        sum.failures += results[i].failures;
        sum.retries += results[i].retries;
        add_energy(&sum.energy, &results[i].energy);
    }
    return sum;
}

struct mram_state mram_state_sum(const struct mram_state *states, size_t n)
{
    struct mram_state sum = { .weights = 0 };

    for (size_t i = 0; i < n; i++) {
        const struct mram_state *s = &states[i];

        for (unsigned d = 0; d < 2; d++) {
            sum.errors[d] += s->errors[d];
            sum.wrong[d] += s->wrong[d];
        }
        sum.weights += s->weights;
        sum.cells += s->cells;
        sum.parallel += s->parallel;
        sum.stuck += s->stuck;
        sum.stuck_errors += s->stuck_errors;
        sum.equal_pairs += s->equal_pairs;
        sum.words += s->words;
        sum.corrected += s->corrected;
        sum.detected += s->detected;
        sum.miscorrected += s->miscorrected;
    }
    return sum;
}

struct mram_forecast mram_forecast_sum(const struct mram_forecast *forecasts, size_t n)
{
    struct mram_forecast sum = { .errors = 0.0 };

    for (size_t i = 0; i < n; i++) {
        sum.errors += forecasts[i].errors;
        sum.wrong_bits += forecasts[i].wrong_bits;
        add_energy(&sum.energy, &forecasts[i].energy);
    }
    return sum;
}
