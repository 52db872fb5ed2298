/* SPDX-License-Identifier: Apache-2.0 */
/* mram_drift.c - cells that change without being written: by themselves, by reads, by
 * injected faults. */
#include "core/bits.h"
#include "core/mram_array.h"
#include "core/mram_kernel.h"

#include <string.h>

/* A section under a drift. Rates and odds are by stored bit, as the draws have them: a
 * cell in AP is 0, and its direction of leaving is AP2P. */
struct drifting {
    const struct mram *mram;
    const struct mram_drift *drift;
    double rate[2]; /* every cell the mean */
    double class_rate[MTJ_CLASSES][2];
    struct mram_odds odds;
    struct mram_class_odds by_class;
};

static void begin(struct drifting *d, const struct mram *mram,
                  const struct mram_drift *drift)
{
    const struct device_flips *flips = drift->flips;

    d->mram = mram;
    d->drift = drift;
    d->rate[0] = flips->mean[MTJ_AP2P];
    d->rate[1] = flips->mean[MTJ_P2AP];
    mram_odds_init(d->rate, &d->odds);
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        d->class_rate[c][0] = flips->by_class[c][MTJ_AP2P];
        d->class_rate[c][1] = flips->by_class[c][MTJ_P2AP];
    }
    mram_class_odds_init(d->class_rate, &d->by_class);
}

static uint64_t flip_by_class(const struct drifting *d, const struct mram_tile *tile,
                              const uint64_t *living, uint64_t *stored,
                              struct mram_drifted *drifted, uint64_t *ret_from_p)
{
    struct mram_draw draw = {
        .tile = tile,
        .kernel = d->mram->kernel,
        .classes = &d->mram->classes,
        .odds = &d->by_class,
        .purpose = d->drift->purpose,
        .generation = d->drift->generation,
    };
    struct mram_census census;
    uint64_t fail[MRAM_TILE_WORDS];

    mram_tile_classes(&draw, living, living, stored, &census, fail);
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        drifted->expected[MTJ_AP2P] += census.n[c][2] * d->class_rate[c][0];
        drifted->expected[MTJ_P2AP] += census.n[c][3] * d->class_rate[c][1];
    }
    return d->mram->kernel->flip(stored, fail, tile->n_words, ret_from_p);
}

/* mram_tile_fail names a stored one AP2P, the direction of a write that made it so. */
static uint64_t flip_by_rate(const struct drifting *d, const struct mram_tile *tile,
                             const uint64_t *living, uint64_t *stored,
                             struct mram_drifted *drifted, uint64_t *ret_from_p)
{
    struct mram_counts n;
    uint64_t flipped[2];

    d->mram->kernel->count(living, stored, tile->n_words, &n);
    drifted->expected[MTJ_P2AP] += (double)n.both * d->rate[1];
    drifted->expected[MTJ_AP2P] += (double)(n.old - n.both) * d->rate[0];
    mram_tile_fail(tile, d->mram->kernel, &d->odds, d->drift->purpose,
                   d->drift->generation, living, stored, flipped);
    *ret_from_p = flipped[1];
    return flipped[0] + flipped[1];
}

static void living_cells(const struct mram *mram, const struct mram_tile *tile,
                         size_t number, enum mram_section section, uint64_t *ret_living)
{
    struct mram_dead dead;

    mram_tile_cells(tile, ret_living);
    mram_find_dead(mram, tile, number, section, &dead);
    for (size_t w = 0; dead.any && w < tile->n_words; w++)
        ret_living[w] &= ~mram_dead_word(&dead, w);
}

static void drift_section(const struct drifting *d, const struct mram_layer *layer,
                          size_t number, enum mram_section section,
                          struct mram_drifted *drifted)
{
    struct mram_tile tile = mram_tile_of(d->mram, layer, number, section);
    uint64_t *stored = mram_tile_words(layer, number, section);
    uint64_t living[MRAM_TILE_WORDS], from_p;

    living_cells(d->mram, &tile, number, section, living);
    uint64_t n = d->drift->by_class
                     ? flip_by_class(d, &tile, living, stored, drifted, &from_p)
                     : flip_by_rate(d, &tile, living, stored, drifted, &from_p);
    drifted->flipped[MTJ_P2AP] += from_p;
    drifted->flipped[MTJ_AP2P] += n - from_p;
}

static bool rates_in_range(const struct device_flips *flips)
{
    for (unsigned s = 0; s < 2; s++) {
        if (!(flips->mean[s] >= 0.0 && flips->mean[s] <= 1.0))
            return false;
        for (unsigned c = 0; c < MTJ_CLASSES; c++)
            if (!(flips->by_class[c][s] >= 0.0 && flips->by_class[c][s] <= 1.0))
                return false;
    }
    return true;
}

enum status mram_drift(struct mram *mram, const struct mram_drift *drifts, size_t first,
                       size_t n, struct mram_drifted *ret_drifted)
{
    struct drifting d = { .drift = NULL };

    if (first > mram->n_tiles || n > mram->n_tiles - first)
        return ST_RANGE;
    for (size_t l = 0; l < mram->n_layers; l++)
        if (drifts[l].generation > RNG_MAX_GENERATION || !rates_in_range(drifts[l].flips))
            return ST_RANGE;
    for (size_t t = first; t < first + n; t++) {
        size_t l = mram_tile_layer(mram, t);

        if (d.drift != &drifts[l])
            begin(&d, mram, &drifts[l]);
        for (unsigned s = 0; s < MRAM_SECTIONS; s++)
            if (mram->layers[l].section[s] != NULL)
                drift_section(&d, &mram->layers[l], t, (enum mram_section)s,
                              &ret_drifted[l]);
    }
    return ST_OK;
}

/* -- Injected faults -- */

void mram_inject(struct mram *mram, double share, uint64_t seed, uint64_t generation,
                 uint64_t *ret_flipped)
{
    struct mram_odds odds;
    const double rate[2] = { share, share };

    mram_odds_init(rate, &odds);
    for (size_t t = 0; t < mram->n_tiles; t++) {
        const struct mram_layer *layer = &mram->layers[mram_tile_layer(mram, t)];

        for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
            if (layer->section[s] == NULL)
                continue;
            enum mram_section section = (enum mram_section)s;
            struct mram_tile tile = mram_tile_of(mram, layer, t, section);
            uint64_t living[MRAM_TILE_WORDS], flipped[2];

            living_cells(mram, &tile, t, section, living);
            tile.seed ^= seed;
            mram_tile_fail(&tile, mram->kernel, &odds, RNG_INJECT, generation, living,
                           mram_tile_words(layer, t, section), flipped);
            *ret_flipped += flipped[0] + flipped[1];
        }
    }
}

static bool flip_cell(struct mram *mram, size_t number, enum mram_section section,
                      size_t cell)
{
    const struct mram_layer *layer = &mram->layers[mram_tile_layer(mram, number)];
    struct mram_tile tile = mram_tile_of(mram, layer, number, section);
    uint64_t living[MRAM_TILE_WORDS];

    living_cells(mram, &tile, number, section, living);
    if (!bits_get(living, cell))
        return false;
    uint64_t *stored = mram_tile_words(layer, number, section);
    bits_put(stored, cell, !bits_get(stored, cell));
    return true;
}

unsigned mram_inject_bit(struct mram *mram, size_t layer, size_t row, size_t column)
{
    const struct mram_layer *l = &mram->layers[layer];
    size_t word = row * l->row_words + column / 64;
    size_t number = l->first_tile + word / MRAM_TILE_WORDS;
    size_t cell = word % MRAM_TILE_WORDS * 64 + column % 64;
    unsigned flipped = flip_cell(mram, number, MRAM_DATA, cell);

    if (l->layout.pairs)
        flipped += flip_cell(mram, number, MRAM_DATA_PARTNER, cell);
    return flipped;
}
