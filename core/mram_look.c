/* SPDX-License-Identifier: Apache-2.0 */
/* mram_look.c - which cell is which device. */
#include "core/bits.h"
#include "core/mram_array.h"

#include <string.h>

static struct mram_draw fabrication(const struct mram *mram, const struct mram_tile *tile)
{
    return (struct mram_draw) {
        .tile = tile,
        .kernel = mram->kernel,
        .classes = &mram->classes,
        .purpose = RNG_FABRICATION,
    };
}

void mram_census(const struct mram *mram, size_t layer, uint64_t ret_n[MTJ_CLASSES])
{
    const struct mram_layer *l = &mram->layers[layer];
    static const uint64_t none[MRAM_TILE_WORDS];

    memset(ret_n, 0, MTJ_CLASSES * sizeof(*ret_n));
    for (size_t t = l->first_tile; t < l->first_tile + l->n_tiles; t++) {
        struct mram_tile tile = mram_tile_of(mram, l, t, MRAM_DATA);
        struct mram_draw draw = fabrication(mram, &tile);
        struct mram_census census;
        uint64_t cells[MRAM_TILE_WORDS];

        mram_tile_cells(&tile, cells);
        mram_tile_classes(&draw, cells, none, none, &census, NULL);
        for (unsigned c = 0; c < MTJ_CLASSES; c++)
            ret_n[c] += census.n[c][0];
    }
}

size_t mram_find(const struct mram *mram, size_t layer, const bool in_class[MTJ_CLASSES],
                 struct mram_place *ret_places, size_t max)
{
    const struct mram_layer *l = &mram->layers[layer];
    size_t n = 0;

    for (size_t word = 0; word < l->n_words && n < max; word++) {
        size_t number = l->first_tile + word / MRAM_TILE_WORDS;
        struct mram_tile tile = mram_tile_of(mram, l, number, MRAM_DATA);
        struct mram_draw draw = fabrication(mram, &tile);
        uint64_t cells = bits_mask(l->n_cols, word % l->row_words);
        uint16_t class[64];

        mram_tile_word_classes(&draw, word % MRAM_TILE_WORDS, class);
        for (unsigned b = 0; b < 64 && n < max; b++)
            if ((cells >> b & 1) != 0 && in_class[class[b]])
                ret_places[n++] = (struct mram_place) {
                    .layer = layer,
                    .row = word / l->row_words,
                    .column = word % l->row_words * 64 + b,
                    .class = class[b],
                };
    }
    return n;
}
