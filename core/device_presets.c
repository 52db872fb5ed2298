/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that can be named. */
#include "core/device.h"

#include <string.h>

/* What no source of ours gives: the values of "default", see core/README.md. */
#define ASSUMED                                                                          \
    .tmr_half_v = 0.50, .stray_ratio = 0.02, .reference_k = 300.0, .bloch_k = 1120.0,    \
    .anisotropy_exponent = 2.18, .tmr_loss_per_k = 1.5e-3, .access_ohm = 2000.0,         \
    .driver_efficiency = 0.85, .bitline_f = 60e-15, .control_j = 20e-15, .read_v = 0.08, \
    .read_s = 2e-9, .sense_j = 5e-15, .sigma_ln_diameter = 0.025, .sigma_ln_ra = 0.03,   \
    .sigma_ln_anisotropy = 0.03, .sigma_ln_sense = 0.05, .sigma_ln_reference = 0.03

static const struct device_preset presets[] = {
    {
        .name = "default",
        .what = "40 nm, low barrier, low energy: keeps its bits at room temperature",
        .source = "ours, typical of 22-28 nm nodes: what each value rests on is in "
                  "core/README.md",
        .params = { .diameter_m = 40e-9,
                    .free_layer_m = 1.6e-9,
                    .saturation_a_per_m = 0.90e6,
                    .anisotropy_t = 0.28,
                    .damping = 0.012,
                    .spin_efficiency = 0.50,
                    .ra_ohm_m2 = 7.5e-12,
                    .tmr = 1.5,
                    ASSUMED },
    },
    {
        .name = "retention",
        .what = "40 nm, high barrier: ten years at 85 C",
        .source = "ours: default with Bk = 0.38 T",
        .params = { .diameter_m = 40e-9,
                    .free_layer_m = 1.6e-9,
                    .saturation_a_per_m = 0.90e6,
                    .anisotropy_t = 0.38,
                    .damping = 0.012,
                    .spin_efficiency = 0.50,
                    .ra_ohm_m2 = 7.5e-12,
                    .tmr = 1.5,
                    ASSUMED },
    },
    {
        .name = "scaled",
        .what = "30 nm: the least energy, and the least retention",
        .source = "ours: default with d = 30 nm, Bk = 0.40 T, RA = 5 ohm um^2",
        .params = { .diameter_m = 30e-9,
                    .free_layer_m = 1.6e-9,
                    .saturation_a_per_m = 0.90e6,
                    .anisotropy_t = 0.40,
                    .damping = 0.012,
                    .spin_efficiency = 0.50,
                    .ra_ohm_m2 = 5e-12,
                    .tmr = 1.5,
                    ASSUMED },
    },
    {
        /* Bk = 2 Keff / Ms, Keff = Ki / tF - mu0 Ms^2 (Nz - Nx) / 2 with Ki = 1e-3 J/m^2,
         * Nz - Nx = 0.941 - 0.029; RA from RP = 6 kohm; TMR = 2 P^2 / (1 - P^2), P =
         * 0.75, which is the spin efficiency, too (OOMMF's form of the torque, Lambda =
         * 1). */
        .name = "arm-50nm",
        .what = "50 nm, as the public compact model of Arm has it",
        .source =
            "Garcia-Redondo, Prabhat, Bhargava, Dray, A Compact Model for Scalable MTJ "
            "Simulation, SMACD 2021, arXiv:2106.04976: the defaults of its code "
            "(ARM-software/mram_simulation_framework): d 50 nm, tF 1.0 nm, Ms 1.2e6 A/m, "
            "Ki 1e-3 J/m^2, demagnetisation 0.029/0.029/0.941, damping 0.01, P 0.75, "
            "RP 6 kohm; Bk, RA and TMR follow; the rest is default",
        .params = { .diameter_m = 50e-9,
                    .free_layer_m = 1.0e-9,
                    .saturation_a_per_m = 1.2e6,
                    .anisotropy_t = 0.29140,
                    .damping = 0.01,
                    .spin_efficiency = 0.75,
                    .ra_ohm_m2 = 11.781e-12,
                    .tmr = 2.5714,
                    ASSUMED },
    },
    {
        /* Delta = 43 fixes Ms Bk tF, IC0 = 49 uA then alpha / eta. */
        .name = "ikeda-2010",
        .what = "40 nm, an early junction: thick barrier, high switching voltage",
        .source =
            "Ikeda et al., A perpendicular-anisotropy CoFeB-MgO magnetic tunnel "
            "junction, "
            "Nature Materials 9, 721 (2010): d 40 nm, tF 1.7 nm, TMR 124 %, RA 18 ohm "
            "um^2, "
            "Delta 43, IC0 49 uA; Ms and spin efficiency are default, Bk and damping "
            "chosen to give Delta and IC0; the rest is default",
        .params = { .diameter_m = 40e-9,
                    .free_layer_m = 1.7e-9,
                    .saturation_a_per_m = 0.90e6,
                    .anisotropy_t = 0.18527,
                    .damping = 0.022636,
                    .spin_efficiency = 0.50,
                    .ra_ohm_m2 = 18e-12,
                    .tmr = 1.24,
                    ASSUMED },
    },
};

#define N_PRESETS (sizeof(presets) / sizeof(presets[0]))

const struct device_preset *device_presets(size_t *ret_n)
{
    *ret_n = N_PRESETS;
    return presets;
}

const struct device_preset *device_preset(const char *name)
{
    for (size_t i = 0; i < N_PRESETS; i++)
        if (strcmp(name, presets[i].name) == 0)
            return &presets[i];
    return NULL;
}
