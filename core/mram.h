/* SPDX-License-Identifier: Apache-2.0 */
/* mram.h - the array: tiles of ST-MRAM cells, and what programming does to them.
 *
 * A cell holds P (bit 1, weight +1) or AP (bit 0, weight -1). A layer is n_rows x n_cols
 * cells, each row padded to whole words; padding bits are no cells: they stay zero, cost
 * nothing and never fail. The words of a layer fill its tiles in order, MRAM_TILE_WORDS
 * to a tile (256 word lines of 256 cells); the last tile of a layer may be part empty.
 * Tiles are numbered through all layers.
 *
 * Programming writes wanted bits over what the cells hold. In `device` and `uniform` only
 * cells that must toggle can fail, a failed cell keeps its old state, and every cell
 * costs its toggle or hold energy. In `iid` the wanted bits are stored and each is then
 * flipped with probability p, without physics: no energies, no history.
 *
 * All randomness is keyed by (seed, purpose, generation, tile or cell): the same bits for
 * any division of the tiles over threads and for any kernel.
 */
#ifndef CORE_MRAM_H
#define CORE_MRAM_H

#include "core/mtj_array.h"
#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

#define MRAM_TILE_COLUMNS 256
#define MRAM_TILE_ROWS    256
#define MRAM_TILE_WORDS   1024
#define MRAM_TILE_CELLS   65536

enum mram_mode {
    MRAM_DEVICE = 0,  /* each cell by its own device factors (class) */
    MRAM_UNIFORM = 1, /* every cell the array mean */
    MRAM_IID = 2,     /* flip stored bits, no physics */
};

/* What programming writes over. Anything but PRESENT replaces the contents before the
 * write, without error and without cost, as if the array had been used in between. */
enum mram_over {
    MRAM_OVER_PRESENT = 0,    /* what the array holds */
    MRAM_OVER_RANDOM = 1,     /* seeded random bits, as if another network had been there:
                                 half of the cells toggle */
    MRAM_OVER_COMPLEMENT = 2, /* every cell must toggle: the worst case */
    MRAM_OVER_ERASED_P = 3,   /* block reset to P: only AP bits are written */
    MRAM_OVER_ERASED_AP = 4,  /* block reset to AP: only P bits are written */
};

struct mram_shape {
    size_t n_rows, n_cols; /* cells; > 0 */
};

/* The conditions of one programming. */
struct mram_write {
    enum mram_mode mode;
    enum mram_over over;  /* device and uniform */
    uint64_t generation;  /* 1 .. RNG_MAX_GENERATION; keys the draws */
    double flip_rate;     /* iid: 0..1 */
    double error_rate[2]; /* uniform: array-mean WER, 0..1, by enum mtj_direction */
    double toggle_pj[2];  /* uniform: energy of a cell that toggles, >= 0, by direction */
    double hold_pj[2];    /* uniform: of a cell already there, by the direction written */
    const struct mtj_class_table *classes; /* device: borrowed */
};

/* What came of it, of one layer or summed. Index [2] is enum mtj_direction. */
struct mram_result {
    uint64_t cells;
    uint64_t toggles[2]; /* cells that had to toggle; 0 in iid, which has no history */
    uint64_t holds[2];   /* cells written that already held their bit; 0 in iid */
    uint64_t errors[2];  /* cells that hold the wrong bit, by the direction that failed:
                            P2AP: wanted AP, holds P */
    double energy_pj;    /* 0 in iid */
};

struct mram;

/* A new array "as fabricated": seeded random contents, generation 0.
 * ST_RANGE: no layers, an empty shape, or more than 2^40 cells. */
MUST_CHECK enum status mram_new(const struct mram_shape *shapes, size_t n_layers,
                                uint64_t seed, struct mram **ret_mram);
void mram_free(struct mram *mram);

uint64_t mram_seed(const struct mram *mram);
size_t mram_layers(const struct mram *mram);
size_t mram_tiles(const struct mram *mram);
size_t mram_cells(const struct mram *mram);
/* Words of layer `layer`: n_rows rows of bits_words(n_cols). Padding zero. The pointer
 * lives as long as the array; programming changes what it shows. */
const uint64_t *mram_contents(const struct mram *mram, size_t layer);
size_t mram_layer_words(const struct mram *mram, size_t layer);
/* Puts back contents that were saved; `words` as mram_contents gave them.
 * ST_FORMAT if a padding bit is set. */
MUST_CHECK enum status mram_restore(struct mram *mram, size_t layer,
                                    const uint64_t *words);

/* Programs tiles first .. first + n - 1. wanted[l]: layer l's words, as network_layer has
 * them. ret_results: one per layer, to which what happened is *added*; the caller zeroes
 * them. Disjoint ranges may run on different threads at once; integer counts and bits do
 * not depend on the division, energies are sums of doubles in tile order per range.
 * A `write` outside its ranges, or tiles that are not there, are ST_RANGE, and nothing is
 * changed. Takes about 64 KiB of stack. */
MUST_CHECK enum status mram_program(struct mram *mram, const uint64_t *const *wanted,
                                    const struct mram_write *write, size_t first,
                                    size_t n, struct mram_result *ret_results);

/* Sum of n results. */
struct mram_result mram_sum(const struct mram_result *results, size_t n);

/* What a programming of `wanted` under `write` is expected to give, from the true present
 * contents (or those that `over` and the generation put in their place) and, in device,
 * the true classes: mean wrong bits, and the energy, which does not depend on which cells
 * fail. Same arguments and errors as mram_program, over all tiles; changes nothing. */
struct mram_forecast {
    double wrong_bits; /* expected */
    double energy_pj;  /* expected, 0 in iid */
};
MUST_CHECK enum status mram_predict(const struct mram *mram,
                                    const uint64_t *const *wanted,
                                    const struct mram_write *write,
                                    struct mram_forecast *ret_forecast);

#endif
