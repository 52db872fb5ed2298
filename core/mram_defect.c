/* SPDX-License-Identifier: Apache-2.0 */
/* Cells that no write changes. Seeded ones are drawn where they are needed, tile by tile;
 * listed ones are kept sorted by place. */
#include "core/bits.h"
#include "core/mram_array.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SHARE 0.5

static bool shares_in_range(const struct mram_defects *defects)
{
    double sum = 0.0;

    for (unsigned k = 0; k < MRAM_DEFECT_KINDS; k++) {
        if (!(defects->share[k] >= 0.0 && defects->share[k] <= MAX_SHARE))
            return false;
        sum += defects->share[k];
    }
    return sum <= MAX_SHARE;
}

static bool place_in_range(const struct mram *mram, const struct mram_defect *defect)
{
    if (defect->layer >= mram->n_layers)
        return false;
    const struct mram_layer *layer = &mram->layers[defect->layer];

    return defect->row < layer->n_rows && defect->column < layer->n_cols &&
           defect->kind >= MRAM_STUCK_P && defect->kind <= MRAM_SHORTED;
}

static struct mram_fixed fixed_of(const struct mram *mram,
                                  const struct mram_defect *defect)
{
    const struct mram_layer *layer = &mram->layers[defect->layer];
    size_t word = defect->row * layer->row_words + defect->column / 64;

    return (struct mram_fixed) {
        .tile = layer->first_tile + word / MRAM_TILE_WORDS,
        .section = defect->partner ? MRAM_DATA_PARTNER : MRAM_DATA,
        .cell = (uint32_t)(word % MRAM_TILE_WORDS * 64 + defect->column % 64),
        .kind = defect->kind,
    };
}

static int by_place(const void *a, const void *b)
{
    const struct mram_fixed *x = a, *y = b;

    if (x->tile != y->tile)
        return x->tile < y->tile ? -1 : 1;
    if (x->section != y->section)
        return x->section < y->section ? -1 : 1;
    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

void mram_hold_layer(const struct mram *mram, struct mram_layer *layer)
{
    struct mram_dead dead;

    for (size_t t = layer->first_tile; t < layer->first_tile + layer->n_tiles; t++) {
        for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
            if (layer->section[s] == NULL)
                continue;
            enum mram_section section = (enum mram_section)s;
            struct mram_tile tile = mram_tile_of(mram, layer, t, section);

            mram_find_dead(mram, &tile, t, section, &dead);
            mram_hold_dead(&dead, mram_tile_words(layer, t, section), tile.n_words);
        }
    }
}

enum status mram_set_defects(struct mram *mram, const struct mram_defects *defects)
{
    size_t n = defects->n_listed;

    if (!shares_in_range(defects) || n > MRAM_MAX_LISTED)
        return ST_RANGE;
    for (size_t i = 0; i < n; i++)
        if (!place_in_range(mram, &defects->listed[i]))
            return ST_RANGE;

    struct mram_defect *listed = calloc(n + 1, sizeof(*listed));
    struct mram_fixed *fixed = calloc(n + 1, sizeof(*fixed));
    if (listed == NULL || fixed == NULL) {
        free(listed);
        free(fixed);
        return ST_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        listed[i] = defects->listed[i];
        fixed[i] = fixed_of(mram, &listed[i]);
    }
    qsort(fixed, n, sizeof(*fixed), by_place);
    free(mram->defects.listed);
    free(mram->fixed);
    mram->defects = *defects;
    mram->defects.listed = listed;
    mram->fixed = fixed;
    for (size_t l = 0; l < mram->n_layers; l++)
        mram_hold_layer(mram, &mram->layers[l]);
    return ST_OK;
}

const struct mram_defects *mram_defects(const struct mram *mram)
{
    return &mram->defects;
}

void mram_take_defects(struct mram *mram, struct mram_defects *ret_defects)
{
    *ret_defects = mram->defects;
    mram->defects = (struct mram_defects) { .n_listed = 0 };
}

/* -- The dead cells of a section -- */

static void put_dead(struct mram_dead *dead, size_t cell, enum mram_defect_kind kind)
{
    for (unsigned k = 0; k < MRAM_DEFECT_KINDS; k++)
        bits_put(dead->kind[k], cell, k == kind);
    dead->any = true;
}

static enum mram_defect_kind draw_kind(struct rng_stream *rng,
                                       const double share[MRAM_DEFECT_KINDS], double all)
{
    double at = (double)(rng_u64(rng) >> 11) * 0x1p-53 * all;

    if (at < share[MRAM_STUCK_P])
        return MRAM_STUCK_P;
    return at < share[MRAM_STUCK_P] + share[MRAM_STUCK_AP] ? MRAM_STUCK_AP : MRAM_SHORTED;
}

/* Skips from hit to hit; a hit on what is no cell is no defect. */
static void find_seeded(const struct mram *mram, const struct mram_tile *tile,
                        struct mram_dead *dead)
{
    const double *share = mram->defects.share;
    double all = share[MRAM_STUCK_P] + share[MRAM_STUCK_AP] + share[MRAM_SHORTED];
    uint64_t cells[MRAM_TILE_WORDS], left = tile->n_words * 64;
    double inv_ln_q = rng_inv_ln_q(all);
    struct rng_stream rng;

    mram_tile_cells(tile, cells);
    rng_start(&rng, tile->seed, RNG_DEFECT, 0, tile->number);
    for (uint64_t cell = 0;; cell++, left--) {
        uint64_t skip = rng_skip(&rng, inv_ln_q);
        if (skip >= left)
            return;
        cell += skip;
        left -= skip;
        enum mram_defect_kind kind = draw_kind(&rng, share, all);
        if (bits_get(cells, cell))
            put_dead(dead, cell, kind);
    }
}

/* The first listed defect that is not before (tile, section). */
static size_t first_fixed(const struct mram *mram, size_t tile, enum mram_section section)
{
    size_t low = 0, high = mram->defects.n_listed;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct mram_fixed *f = &mram->fixed[middle];

        if (f->tile < tile || (f->tile == tile && f->section < section))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void mram_find_dead(const struct mram *mram, const struct mram_tile *tile, size_t number,
                    enum mram_section section, struct mram_dead *ret_dead)
{
    const struct mram_defects *defects = &mram->defects;
    size_t i = first_fixed(mram, number, section);
    bool seeded = defects->share[0] + defects->share[1] + defects->share[2] > 0.0;
    bool listed = i < defects->n_listed && mram->fixed[i].tile == number &&
                  mram->fixed[i].section == section;

    ret_dead->any = false;
    if (!seeded && !listed)
        return;
    memset(ret_dead->kind, 0, sizeof(ret_dead->kind));
    if (seeded)
        find_seeded(mram, tile, ret_dead);
    for (; i < defects->n_listed && mram->fixed[i].tile == number &&
           mram->fixed[i].section == section;
         i++)
        put_dead(ret_dead, mram->fixed[i].cell, mram->fixed[i].kind);
}

void mram_hold_dead(const struct mram_dead *dead, uint64_t *words, size_t n_words)
{
    if (!dead->any)
        return;
    for (size_t w = 0; w < n_words; w++)
        words[w] = (words[w] & ~dead->kind[MRAM_STUCK_AP][w]) |
                   dead->kind[MRAM_STUCK_P][w] | dead->kind[MRAM_SHORTED][w];
}

void mram_dead_cells(const struct mram *mram, size_t tile, enum mram_section section,
                     uint64_t *ret_words)
{
    struct mram_tile t =
        mram_tile_of(mram, &mram->layers[mram_tile_layer(mram, tile)], tile, section);
    struct mram_dead dead;

    mram_find_dead(mram, &t, tile, section, &dead);
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++)
        ret_words[w] = dead.any ? mram_dead_word(&dead, w) : 0;
}
