/* SPDX-License-Identifier: Apache-2.0 */
/* mtj_array.h - cells differ: device-to-device variation, array means, inverse problems.
 *
 * Each cell has fixed lognormal factors on diameter, RA and anisotropy. Array means are
 * tensor-product Gauss-Hermite quadratures with 8 nodes per factor; the 512 node
 * combinations are also the *classes* that simulated cells are drawn from, so that a
 * sampled array has the quadrature's mean exactly in expectation. Pure; any thread.
 */
#ifndef CORE_MTJ_ARRAY_H
#define CORE_MTJ_ARRAY_H

#include "core/mtj.h"

#include <stdint.h>

#define MTJ_NODES   8
#define MTJ_CLASSES 512

/* A write as the operator asks for it. Voltages by enum mtj_direction. */
struct mtj_pulse {
    double voltage_v[2]; /* 0 .. MTJ_MAX_VOLTAGE_V */
    double pulse_s;      /* MTJ_MIN_PULSE_S .. MTJ_MAX_PULSE_S */
    double temperature_k;
};

/* Share of cells in class c; sums to 1. Class c = (a * 8 + b) * 8 + g, nodes of diameter,
 * RA, anisotropy. */
double mtj_class_weight(unsigned c);
/* The device of class c at a temperature. */
void mtj_class_device(const struct mtj_params *params, double temperature_k, unsigned c,
                      struct mtj *ret_mtj);

/* Error rates and energies of every class under one pulse. */
struct mtj_class_table {
    double error_rate[MTJ_CLASSES][2]; /* by enum mtj_direction */
    double toggle_pj[MTJ_CLASSES][2];
    double hold_pj[MTJ_CLASSES][2];
    double weight[MTJ_CLASSES];
};
void mtj_class_table(const struct mtj_params *params, const struct mtj_pulse *pulse,
                     struct mtj_class_table *ret_table);

/* Every class left alone for `seconds`: probability that it flips, by the state that
 * enum mtj_direction starts in; and of one read: that it flips a cell in P. */
void mtj_class_flips(const struct mtj_params *params, double temperature_k,
                     double seconds, double ret_flip[MTJ_CLASSES][2]);
void mtj_class_disturb(const struct mtj_params *params, double temperature_k,
                       double ret_disturb[MTJ_CLASSES]);

/* Array mean of the write error rate and of the energies for one direction. */
struct mtj_mean {
    double error_rate, ln_error_rate;
    double toggle_pj, hold_pj;
};
struct mtj_mean mtj_array_mean(const struct mtj_params *params,
                               enum mtj_direction direction, double voltage_v,
                               double pulse_s, double temperature_k);
/* ln of the mean of a power of the error rate, E[WER^power]: the probability that `power`
 * pulses in a row fail on the same cell. Not the power of the mean: weak cells fail again
 * and again. */
double mtj_array_ln_power(const struct mtj_params *params, enum mtj_direction direction,
                          double voltage_v, double pulse_s, double temperature_k,
                          unsigned power);
/* Array means of retention (24 nodes in diameter and anisotropy) and of read energy by
 * state. */
double mtj_array_retention(const struct mtj_params *params, enum mtj_direction from,
                           double seconds, double temperature_k);
double mtj_array_read_j(const struct mtj_params *params, enum mtj_direction from,
                        double temperature_k);

/* -- Inverse problems --
 *
 * `params` as mtj_params_check has them; 0 < target < 1, pulse and temperature within the
 * ranges of mtj.h and max_voltage_v within 1 mV .. 3 V, or ST_RANGE with `why`. */

/* Voltage at which the array-mean write error rate of `direction` is `target`, to 1e-9 V
 * (1 mV where even that is enough). ST_UNREACHABLE with `why` (the rate reached at the
 * supply limit) if even max_voltage_v leaves more. */
MUST_CHECK enum status mtj_solve_voltage(const struct mtj_params *params,
                                         enum mtj_direction direction, double target,
                                         double pulse_s, double temperature_k,
                                         double max_voltage_v, double *ret_voltage_v,
                                         char why[ERR_LEN]);
/* Both directions. */
MUST_CHECK enum status mtj_solve_pulse(const struct mtj_params *params, double target,
                                       double pulse_s, double temperature_k,
                                       double max_voltage_v, struct mtj_pulse *ret_pulse,
                                       char why[ERR_LEN]);
/* The pulse of least mean toggle energy (mean over both directions) for `target`, width
 * searched over 2 .. 100 ns. */
MUST_CHECK enum status mtj_cheapest_pulse(const struct mtj_params *params, double target,
                                          double temperature_k, double max_voltage_v,
                                          struct mtj_pulse *ret_pulse, char why[ERR_LEN]);

#endif
