/* SPDX-License-Identifier: Apache-2.0 */
#include "core/energy.h"

static const char *const names[ENERGY_KINDS] = {
    [ENERGY_TOGGLE] = "toggle", [ENERGY_HOLD] = "hold",       [ENERGY_CHECK] = "check",
    [ENERGY_ENCODE] = "encode", [ENERGY_DECODE] = "decode",   [ENERGY_VERIFY] = "verify",
    [ENERGY_READ] = "read",     [ENERGY_COMPUTE] = "compute",
};

const char *energy_name(enum energy_kind kind)
{
    return names[kind];
}

double energy_sum(const struct energy *energy)
{
    double sum = 0.0;

    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        sum += energy->pj[k];
    return sum;
}

double energy_of_inference(const struct energy *energy)
{
    return energy->pj[ENERGY_READ] + energy->pj[ENERGY_DECODE] +
           energy->pj[ENERGY_COMPUTE];
}

double energy_of_programming(const struct energy *energy)
{
    return energy->pj[ENERGY_TOGGLE] + energy->pj[ENERGY_HOLD] +
           energy->pj[ENERGY_CHECK] + energy->pj[ENERGY_ENCODE] +
           energy->pj[ENERGY_VERIFY];
}

void energy_add_times(struct energy *to, double times, const struct energy *more)
{
    for (unsigned k = 0; k < ENERGY_KINDS; k++)
        to->pj[k] += times * more->pj[k];
}

void energy_add(struct energy *to, const struct energy *more)
{
    energy_add_times(to, 1.0, more);
}

struct energy energy_of_write(const struct mram_energy *energy)
{
    return (struct energy) { .pj = {
                                 [ENERGY_TOGGLE] = energy->toggle_pj,
                                 [ENERGY_HOLD] = energy->hold_pj,
                                 [ENERGY_CHECK] = energy->check_pj,
                                 [ENERGY_ENCODE] = energy->encode_pj,
                                 [ENERGY_VERIFY] = energy->verify_pj,
                             } };
}

struct energy energy_of_read(const struct mram_state *state,
                             const struct mram_layout *layout,
                             const struct device_read_energy *read)
{
    struct energy energy = { .pj = { 0.0 } };
    double n_p = (double)state->parallel, n_ap = (double)(state->cells - state->parallel);

    /* A pair's currents are those of one cell in each state, up to equal pairs. */
    energy.pj[ENERGY_READ] =
        layout->pairs ? 0.5 * (double)state->cells * read->pair_pj
                      : n_p * read->cell_pj[MTJ_P2AP] + n_ap * read->cell_pj[MTJ_AP2P];
    energy.pj[ENERGY_DECODE] = (double)state->words * ecc_decode_pj(layout->ecc);
    return energy;
}
