/* SPDX-License-Identifier: Apache-2.0 */
/* mram_risk.h - from cells that may fail to weights that are expected to be wrong.
 *
 * Cells of a layer are counted by how they can go wrong, and codewords by how many such
 * bits they hold; the formulas of core/README.md ("Pairs", "Codes") are then taken at the
 * layer's mean rates. Private to mram_forecast.c.
 */
#ifndef CORE_MRAM_RISK_H
#define CORE_MRAM_RISK_H

#include "core/mram_array.h"

#define MRAM_MAX_CODEWORD (64 + ECC_MAX_CHECK_BITS)
/* Bits of a codeword that are sure to be wrong are told apart up to here. */
#define MRAM_MAX_SURE 3

struct mram_risk {
    const struct mram *mram;        /* borrowed */
    const struct mram_layer *layer; /* borrowed */
    /* Cells, all sections: at risk, and expected wrong among them, by direction. */
    double n_cells[2], errors[2];
    double dead_errors;
    /* Bits as a read would see them, after the pairs: a lone cell at risk by direction;
     * both of a pair; its first or its second by that cell's direction; one that cannot
     * be right and leaves it to the coin; a short that makes it wrong. */
    double n_lone[2], n_both, n_first[2], n_second[2], n_coin, n_sure;
    /* Codewords by number of data bits, bits sure to be wrong, bits at risk. */
    uint64_t words[65][MRAM_MAX_SURE + 1][MRAM_MAX_CODEWORD + 1];
    /* This tile: data cells, check cells. */
    size_t number;
    uint64_t toggles[MRAM_SECTIONS][MRAM_TILE_WORDS];
    uint64_t target[MRAM_SECTIONS][MRAM_TILE_WORDS];
    uint64_t dead_wrong[MRAM_SECTIONS][MRAM_TILE_WORDS];
    uint64_t shorted[MRAM_SECTIONS][MRAM_TILE_WORDS];
};

void mram_risk_begin(const struct mram *mram, const struct mram_layer *layer,
                     struct mram_risk *ret_risk);
/* A tile: begin, add each of its sections, end. `dead` may be NULL. errors: expected
 * among the toggling cells, by direction. */
void mram_risk_tile(struct mram_risk *risk, size_t number);
void mram_risk_section(struct mram_risk *risk, enum mram_section section,
                       const uint64_t *toggles, const uint64_t *target,
                       const struct mram_dead *dead, const uint64_t n_toggles[2],
                       const double errors[2]);
void mram_risk_tile_end(struct mram_risk *risk);

/* Cells in the wrong state, weights delivered wrong. */
double mram_risk_errors(const struct mram_risk *risk);
double mram_risk_wrong_bits(const struct mram_risk *risk);

#endif
