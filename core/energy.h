/* SPDX-License-Identifier: Apache-2.0 */
/* energy.h - the kinds of energy that the ledger tells apart. */
#ifndef CORE_ENERGY_H
#define CORE_ENERGY_H

#include "core/mram.h"

enum energy_kind {
    ENERGY_TOGGLE = 0, /* pulses on data cells that toggle */
    ENERGY_HOLD,       /* pulses on data cells that hold their bit already */
    ENERGY_CHECK,      /* pulses on check cells */
    ENERGY_ENCODE,     /* making check bits */
    ENERGY_DECODE,     /* checking and mending words on the way to inference */
    ENERGY_VERIFY,     /* reads after writes */
    ENERGY_READ,       /* reads of inference */
    ENERGY_COMPUTE,    /* arithmetic of inference, binary layers only: what real-valued
                          layers cost is left out */
    ENERGY_KINDS
};

struct energy {
    double pj[ENERGY_KINDS];
};

/* "toggle", "hold", ... */
const char *energy_name(enum energy_kind kind);
double energy_sum(const struct energy *energy);
/* Reading, decoding and computing. */
double energy_of_inference(const struct energy *energy);
/* All the others; summed by itself, so that it does not fall when one of those above
 * rises. */
double energy_of_programming(const struct energy *energy);
void energy_add(struct energy *to, const struct energy *more);
/* to += times * more. */
void energy_add_times(struct energy *to, double times, const struct energy *more);
struct energy energy_of_write(const struct mram_energy *energy);

/* Of reading a layer once for inference: every cell (a pair as a pair), and the decoder
 * for every codeword. */
struct energy energy_of_read(const struct mram_state *state,
                             const struct mram_layout *layout,
                             const struct device_read_energy *read);

#endif
