/* SPDX-License-Identifier: Apache-2.0 */
/* mram_tile.h - one tile, and which of its cells a write fails to toggle.
 *
 * Private to mram*.c and its tests. Bit vectors of a tile are MRAM_TILE_WORDS long; words
 * past the tile's part of its layer are zero. Pure; any thread.
 */
#ifndef CORE_MRAM_TILE_H
#define CORE_MRAM_TILE_H

#include "core/mram.h"
#include "core/mram_kernel.h"

#include <stddef.h>
#include <stdint.h>

/* One section of a tile. */
struct mram_tile {
    uint64_t seed;
    uint64_t number; /* keys its draws: the tile through all layers, the section */
    size_t n_words;  /* 1 .. MRAM_TILE_WORDS; zero beyond */
    size_t n_cells;
    /* Data: where rows end. */
    size_t row_words;
    size_t first_tail;  /* first word that ends a row; further ones follow at row_words */
    uint64_t tail_mask; /* cells of such a word */
    /* Check bits: codewords, and cells of a byte in the first and the second part; 0 in a
     * data section. */
    size_t n_codewords;
    uint8_t byte_cells[2];
};

/* Where section and attempt go in the key of a draw. */
#define MRAM_KEY_SECTION_SHIFT 48
#define MRAM_KEY_ATTEMPT_SHIFT 52

/* Ones where there is a cell. */
void mram_tile_cells(const struct mram_tile *tile, uint64_t *ret_words);
/* Seeded random bits in every cell, zero elsewhere: word w of a tile is draws 2 * w and
 * 2 * w + 1 of the batches of (seed, purpose, generation, tile). */
void mram_tile_random(const struct mram_tile *tile, const struct mram_kernel *kernel,
                      enum rng_purpose purpose, uint64_t generation, uint64_t *ret_words);

/* -- Cells of one rate -- */

/* Up to this rate a tile's failures are found by geometric skips, above it by bit-sliced
 * Bernoulli draws: near here they cost the same. Part of the array format. */
#define MRAM_SPARSE_RATE 0x1p-7

/* What is derived from the rates once per programming. Both directions use the numbers of
 * one stream, whatever their rates. */
struct mram_odds {
    enum { MRAM_NEVER, MRAM_SPARSE, MRAM_DENSE } method;
    double inv_ln_q; /* sparse: of the greater rate */
    uint64_t
        threshold[2]; /* of 2^64: dense: the rate; sparse: its share of the greater */
    bool always[2];   /* a rate, or a share, of 1 */
};
void mram_odds_init(const double rate[2], struct mram_odds *ret_odds);

/* Flips what fails among the cells that are `active`, with the odds of
 * direction AP2P where `stored` is one, else P2AP, by draws of (seed, purpose,
 * generation, tile); ret_errors: how many, by direction. `stored` holds the wanted bits.
 */
void mram_tile_fail(const struct mram_tile *tile, const struct mram_kernel *kernel,
                    const struct mram_odds *odds, enum rng_purpose purpose,
                    uint64_t generation, const uint64_t *active, uint64_t *stored,
                    uint64_t ret_errors[2]);

/* -- Cells by class -- */

/* Draws a class from 32 bits: the upper nine choose a column, the others whether it is
 * the column's own class or its other one (Walker's alias method); a tie there takes 32
 * more bits, so that a class of share 1e-12 has its share. Exact in integers: shares of
 * 2^64. A column without another class has itself as the other. */
struct mram_classes {
    uint32_t entry[MTJ_CLASSES]; /* upper 23 bits: below this its own; lower 9: other */
    uint32_t keep_low[MTJ_CLASSES]; /* the 32 bits below those 23 */
};
/* weight: shares below 1 that sum to 1 up to rounding; the commonest takes the rest. */
void mram_classes_init(struct mram_classes *ret_classes,
                       const double weight[MTJ_CLASSES]);

/* Failure thresholds by class and direction, of 2^64. */
struct mram_class_odds {
    uint32_t high[MTJ_CLASSES][2];
    uint64_t low[MTJ_CLASSES][2]; /* 0 .. 2^32: the last means always */
};
void mram_class_odds_init(const double rate[MTJ_CLASSES][2],
                          struct mram_class_odds *ret_odds);

/* Cells of a tile by class, and by wanted bit + 2 * whether it is active. */
struct mram_census {
    uint32_t n[MTJ_CLASSES][4];
};

/* What is drawn for the cells of a section. */
struct mram_draw {
    const struct mram_tile *tile;
    const struct mram_kernel *kernel;
    const struct mram_classes *classes;
    const struct mram_class_odds *odds;
    enum rng_purpose purpose;
    uint64_t generation;
    unsigned attempt; /* 0, or which retry */
};

/* Takes the census of the cells in `cells`, which of them are active and what `bits` they
 * have, and, where ret_fail is not NULL, draws which active ones fail by the odds of
 * their class and bit. The class of a cell is fixed for the life of the array: cell b of
 * word w has draw b of batch w of (seed, RNG_FABRICATION, 0, tile); whether it fails, the
 * same draw of (seed, purpose, generation, tile and attempt). The tie of cell c takes the
 * first draw of block 16384 + c. */
void mram_tile_classes(const struct mram_draw *draw, const uint64_t *cells,
                       const uint64_t *active, const uint64_t *bits,
                       struct mram_census *ret_census, uint64_t *ret_fail);
/* The same where few cells are active, and only those are counted. */
void mram_tile_few(const struct mram_draw *draw, const uint64_t *active,
                   const uint64_t *bits, struct mram_census *ret_census,
                   uint64_t *ret_fail);
/* Class of every cell position of word `word`, [64]. */
void mram_tile_word_classes(const struct mram_draw *draw, size_t word,
                            uint16_t ret_class[64]);

#endif
