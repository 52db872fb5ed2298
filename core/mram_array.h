/* SPDX-License-Identifier: Apache-2.0 */
/* mram_array.h - the inside of struct mram, and one tile's sections as the flows see
 * them.
 *
 * Private to mram*.c.
 */
#ifndef CORE_MRAM_ARRAY_H
#define CORE_MRAM_ARRAY_H

#include "core/mram.h"
#include "core/mram_tile.h"

struct mram_layer {
    size_t n_rows, n_cols, row_words, n_words;
    size_t first_tile, n_tiles;
    struct mram_layout layout;
    uint64_t *section[MRAM_SECTIONS]; /* ours; NULL where the layout has none */
    uint64_t *delivered;              /* ours; NULL: the data section is delivered */
};

/* A listed defect where it lies; sorted by tile, section and cell. */
struct mram_fixed {
    size_t tile;
    enum mram_section section;
    uint32_t cell;
    enum mram_defect_kind kind;
};

struct mram {
    uint64_t seed;
    size_t n_layers, n_tiles, n_weights;
    const struct mram_kernel *kernel;
    struct mram_classes classes;
    struct mram_defects defects; /* `listed` ours */
    struct mram_fixed *fixed;    /* ours, [defects.n_listed] */
    struct mram_layer layers[];
};

/* Words per tile of a section. */
static inline size_t mram_section_stride(enum mram_section section)
{
    return section == MRAM_DATA || section == MRAM_DATA_PARTNER ? MRAM_TILE_WORDS
                                                                : MRAM_CHECK_WORDS;
}

static inline bool mram_section_is_check(enum mram_section section)
{
    return section == MRAM_CHECK || section == MRAM_CHECK_PARTNER;
}

static inline bool mram_section_is_partner(enum mram_section section)
{
    return section == MRAM_DATA_PARTNER || section == MRAM_CHECK_PARTNER;
}

/* Does a layout have it? */
bool mram_has_section(const struct mram_layout *layout, enum mram_section section);

/* Words of the layer that lie before a tile. */
static inline size_t mram_words_before(const struct mram_layer *layer, size_t tile)
{
    return (tile - layer->first_tile) * MRAM_TILE_WORDS;
}

/* Data words of the layer in a tile. */
static inline size_t mram_words_in(const struct mram_layer *layer, size_t tile)
{
    size_t left = layer->n_words - mram_words_before(layer, tile);

    return left < MRAM_TILE_WORDS ? left : MRAM_TILE_WORDS;
}

/* A section of a tile; where its words are. */
struct mram_tile mram_tile_of(const struct mram *mram, const struct mram_layer *layer,
                              size_t number, enum mram_section section);
uint64_t *mram_tile_words(const struct mram_layer *layer, size_t number,
                          enum mram_section section);

/* Weights of one tile to the states of its data cells and back; words past the tile are
 * left alone. `in` may be `out`. */
void mram_apply_polarity(const struct mram *mram, const struct mram_layer *layer,
                         size_t tile, const uint64_t *in, uint64_t *out);

/* Check section of data cells `data` (as many words as the tile has), zero beyond;
 * ret_words: MRAM_CHECK_WORDS. */
void mram_check_words(const struct mram *mram, const struct mram_layer *layer,
                      size_t tile, const uint64_t *data, uint64_t *ret_words);

/* What the first cells of a tile should hold; ret_check: MRAM_CHECK_WORDS, left alone
 * without a code. `wanted`: of the layer. */
void mram_tile_targets(const struct mram *mram, const struct mram_layer *layer,
                       size_t tile, const uint64_t *wanted, uint64_t *ret_data,
                       uint64_t *ret_check);

/* What is wrong with the cells of a section: a bit vector for each kind, all zero
 * without defects. */
struct mram_dead {
    bool any;
    uint64_t kind[MRAM_DEFECT_KINDS][MRAM_TILE_WORDS];
};
void mram_find_dead(const struct mram *mram, const struct mram_tile *tile, size_t number,
                    enum mram_section section, struct mram_dead *ret_dead);
/* Ones where a cell is dead, of word w. */
static inline uint64_t mram_dead_word(const struct mram_dead *dead, size_t w)
{
    return dead->kind[MRAM_STUCK_P][w] | dead->kind[MRAM_STUCK_AP][w] |
           dead->kind[MRAM_SHORTED][w];
}
/* Puts dead cells into the state that they are in. */
void mram_hold_dead(const struct mram_dead *dead, uint64_t *words, size_t n_words);
/* The same for all that a layer holds. */
void mram_hold_layer(const struct mram *mram, struct mram_layer *layer);

/* Reads one tile: what it delivers goes to the layer's delivered words, what it holds is
 * added to `state`. `wanted`: of the layer; target: of this tile, by MRAM_DATA and
 * MRAM_CHECK; not looked at in a layer whose cells are its weights. */
void mram_read_tile(struct mram *mram, struct mram_layer *layer, size_t tile,
                    const uint64_t *wanted, const uint64_t *const target[2],
                    struct mram_state *state);
/* Are the data cells the weights, just so? */
bool mram_is_plain(const struct mram_layout *layout);

#endif
