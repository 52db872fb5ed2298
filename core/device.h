/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - what the cells of an array are made of: a junction, or what somebody
 * measured.
 *
 * Everything that the array needs of a device goes through here, so that a macrospin
 * junction (mtj.h) and a table of measured error rates and energies (device_table.h)
 * serve the same operating points, array and ledger. Pure; any thread.
 */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include "core/device_table.h"
#include "core/mtj_array.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

#define DEVICE_NAME_LEN 64

enum device_kind {
    DEVICE_MTJ = 0,   /* `params` */
    DEVICE_TABLE = 1, /* `table`; all cells alike */
};

struct device {
    char name[DEVICE_NAME_LEN]; /* the preset that it is, else what its owner called it */
    enum device_kind kind;
    struct mtj_params params;   /* DEVICE_MTJ; the defaults otherwise */
    struct device_table *table; /* ours, DEVICE_TABLE; NULL otherwise */
};

/* The preset "default". */
struct device device_default(void);
/* A deep copy. ST_NOMEM. */
MUST_CHECK enum status device_copy(const struct device *device, struct device *ret_copy);
void device_done(struct device *device);
/* Same kind, parameters and rows; names do not count. */
bool device_same(const struct device *a, const struct device *b);
/* ST_RANGE: a parameter is out of range; `why` names it, its value and range. */
MUST_CHECK enum status device_check(const struct device *device, char why[ERR_LEN]);

/* -- Presets -- */

struct device_preset {
    const char *name, *what;
    const char *source; /* citation, or which values are assumptions of ours */
    struct mtj_params params;
};
/* "default" first. */
const struct device_preset *device_presets(size_t *ret_n);
/* NULL if there is none. */
const struct device_preset *device_preset(const char *name);

/* -- The parameters by name, for JSON, files and the command line -- */

struct device_field {
    const char *name; /* "diameter_nm"; the unit of the user's side ends the name */
    const char *unit; /* "nm", "" without one */
    const char *what;
    size_t offset;   /* of a double in struct mtj_params */
    double scale;    /* SI value = user's value * scale */
    double min, max; /* user's units, ends included unless `above`; as mtj_params_check */
    bool above;      /* min itself is excluded */
};
const struct device_field *device_fields(size_t *ret_n);

/* -- Writes -- */

/* Do voltage and pulse matter to it? A table without such a column has one rate for all;
 * voltages and pulses are then neither needed nor reported. */
bool device_has_voltage(const struct device *device);
bool device_has_pulse(const struct device *device);

/* Range of temperatures, ends included: that of the physics, or of what a table may
 * state. */
struct device_temperatures {
    double min_k, max_k;
};
struct device_temperatures device_temperatures(const struct device *device);
/* ns to s; an end of a junction's range stays inside, whatever the product rounds to. */
double device_pulse_seconds(const struct device *device, double pulse_ns);

/* Is the device defined at this temperature (within that range, and a junction's Delta in
 * range)? ST_RANGE. A table is at all of them: where nothing was measured, device_remark
 * says so. */
MUST_CHECK enum status device_check_temperature(const struct device *device,
                                                double temperature_k, char why[ERR_LEN]);

/* Error rates and energies of every class; a table's classes are all alike. */
void device_classes(const struct device *device, const struct mtj_pulse *pulse,
                    struct mtj_class_table *ret_table);
/* Array mean of one direction. */
struct mtj_mean device_mean(const struct device *device, enum mtj_direction direction,
                            double voltage_v, double pulse_s, double temperature_k);
/* ln of the mean probability that `writes` such pulses in a row fail on the same cell. */
double device_ln_failure(const struct device *device, enum mtj_direction direction,
                         double voltage_v, double pulse_s, double temperature_k,
                         unsigned writes);
/* Says in `remark` (empty if there is nothing to say) where a pulse lies outside what was
 * measured and what was taken in its place. */
void device_remark(const struct device *device, const struct mtj_pulse *pulse,
                   char remark[ERR_LEN]);

/* As mtj_solve_pulse and mtj_cheapest_pulse, up to MTJ_MAX_VOLTAGE_V.
 *
 * For a table within what was measured, whatever its voltages: nothing is extrapolated to
 * reach a target. A target above the rate of the weakest write that was measured is
 * ST_UNREACHABLE, as one below that of the strongest is; `why` names the span and the
 * rates at its ends. A pulse that was not measured is ST_RANGE. The cheapest pulse is
 * searched at the measured widths and between them. Where the rate is flat over voltage,
 * the least voltage. A table without voltages has nothing to choose from: its rates are
 * the answer if both are at most the target, and the cheapest pulse is the cheapest one
 * for which they are. */
MUST_CHECK enum status device_solve_pulse(const struct device *device, double target,
                                          double pulse_s, double temperature_k,
                                          struct mtj_pulse *ret_pulse, char why[ERR_LEN]);
MUST_CHECK enum status device_cheapest_pulse(const struct device *device, double target,
                                             double temperature_k,
                                             struct mtj_pulse *ret_pulse,
                                             char why[ERR_LEN]);

/* Energy of one pulse on a cell that cannot switch, pJ, by enum mtj_direction: stuck in
 * P, stuck in AP, or a short (the junction replaced by DEVICE_SHORT_OHM). A table has its
 * toggle energy for all of them. */
#define DEVICE_SHORT_OHM 100.0
struct device_stuck_energy {
    double stuck_p_pj[2], stuck_ap_pj[2], shorted_pj[2];
};
struct device_stuck_energy device_stuck_energy(const struct device *device,
                                               const struct mtj_pulse *pulse);

/* -- Left alone, and read -- */

/* Probabilities that a cell leaves its state; [2] by the state it is in: MTJ_P2AP a cell
 * in P, MTJ_AP2P a cell in AP. */
struct device_flips {
    double by_class[MTJ_CLASSES][2];
    double mean[2]; /* array mean; retention of a junction: 24 nodes a factor, which rare
                       cells need: the mean of by_class may be another (README) */
};
/* Left alone for `seconds` >= 0 at a temperature. */
void device_retention(const struct device *device, double seconds, double temperature_k,
                      struct device_flips *ret_flips);
/* Read n_reads times (upper bound; only cells in P, for a junction). */
void device_read_disturb(const struct device *device, double n_reads,
                         double temperature_k, struct device_flips *ret_flips);

/* Mean energy of reading one cell, pJ, by its state; of a pair (two branch currents, one
 * sense amplifier; twice a cell for a table). */
struct device_read_energy {
    double cell_pj[2]; /* by the state it is in */
    double pair_pj;    /* one cell in P, one in AP */
};
struct device_read_energy device_read_energy(const struct device *device,
                                             double temperature_k);
/* Probability of a wrong sense decision: single cells, pairs. 0 for a table. */
double device_sense_error(const struct device *device, bool pairs, double temperature_k);

#endif
