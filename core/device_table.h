/* SPDX-License-Identifier: Apache-2.0 */
/* device_table.h - a device as somebody measured it: error rate and energy of a write per
 * voltage, pulse width, temperature and direction.
 *
 * Text, one row per point, as a spreadsheet writes it:
 *
 *     direction,voltage_v,pulse_ns,temperature_k,error_rate,toggle_pj,hold_pj
 *     p2ap,0.45,10,300,4.7e-2,0.24,0.20
 *
 * Columns in any order, capitals or not; lines that begin with # are remarks, empty ones
 * are skipped; fields may be quoted; any line ending, a byte order mark. direction (p2ap,
 * ap2p or both) and error_rate are needed. Without voltage_v, pulse_ns or temperature_k
 * the device does not depend on it: a table of direction, temperature_k and error_rate
 * states a FeFET, SOT or RRAM study's plain rates. Without energies they are 0; without
 * hold_pj it is toggle_pj. Optional, same on every row or only on the first: read_pj,
 * retention_rate_p_per_s, retention_rate_ap_per_s (escape rates at 300 K),
 * retention_activation_ev (Arrhenius), read_disturb (per read, cells in P).
 *
 * ln(error rate) is interpolated linearly between voltages, then between pulses, then
 * between temperatures; energies likewise, linearly. Points do not need to form a grid:
 * each (temperature, pulse) has its own voltages. Where measured rates rise with voltage
 * they are pooled to a falling sequence (pool-adjacent-violators in ln rate), so that the
 * inverse is defined; `device_table_remarks` says so. Outside the points the nearest is
 * taken: nothing is extrapolated. An error rate of 0 (no failure seen) is refused: state
 * the bound that was measured. A point stated more than once counts once, with the mean
 * of its ln rates and of its energies.
 *
 * Ranges: voltage_v 0 .. 20, pulse_ns 0.01 .. 1e9, temperature_k 1 .. 1000, error_rate
 * 0 (excluded) .. 1, toggle_pj, hold_pj and read_pj 0 .. 1e9, retention rates 0 .. 1e15,
 * retention_activation_ev 0 .. 10, read_disturb 0 .. 1. Pure; any thread.
 */
#ifndef CORE_DEVICE_TABLE_H
#define CORE_DEVICE_TABLE_H

#include "core/mtj.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

/* Ranges of what a table may state. */
#define DEVICE_TABLE_MAX_VOLTAGE_V     20.0
#define DEVICE_TABLE_MIN_PULSE_NS      0.01
#define DEVICE_TABLE_MAX_PULSE_NS      1e9
#define DEVICE_TABLE_MIN_TEMPERATURE_K 1.0
#define DEVICE_TABLE_MAX_TEMPERATURE_K 1000.0

#define DEVICE_TABLE_MAX_ROWS  10000
#define DEVICE_TABLE_MAX_BYTES (1 << 20)

/* One measured point, as given. */
struct device_row {
    enum mtj_direction direction;
    double voltage_v, pulse_s, temperature_k; /* 0 where there is no such column */
    double error_rate, toggle_pj, hold_pj;
};

struct device_table;

/* ST_FORMAT (syntax; line and column in `why`), ST_RANGE (a value; line, column and
 * range; more than DEVICE_TABLE_MAX_ROWS or _BYTES), ST_NOMEM. A direction without any
 * row is ST_FORMAT. */
MUST_CHECK enum status device_table_parse(const char *text, size_t len,
                                          struct device_table **ret_table,
                                          char why[ERR_LEN]);
MUST_CHECK enum status device_table_copy(const struct device_table *table,
                                         struct device_table **ret_copy);
void device_table_free(struct device_table *table);
/* Same columns and rows as given, same figures; remarks and number formats do not count.
 */
bool device_table_same(const struct device_table *a, const struct device_table *b);

/* Writes it as text that device_table_parse reads back to the same table, its # lines
 * left out; returns the length, without the final zero; at most `size` bytes are written.
 * As snprintf. */
size_t device_table_print(const struct device_table *table, char *text, size_t size);

bool device_table_has_voltage(const struct device_table *table);
bool device_table_has_pulse(const struct device_table *table);
bool device_table_has_temperature(const struct device_table *table);
/* As given: a row of `both` is one. */
size_t device_table_rows(const struct device_table *table);
/* What was done to the rows on the way in: "" or text for people. */
const char *device_table_remarks(const struct device_table *table);

struct device_table_point {
    double ln_error_rate, toggle_pj, hold_pj;
    bool inside; /* within what was measured */
};
/* What the table does not depend on does not matter. */
struct device_table_point device_table_at(const struct device_table *table,
                                          enum mtj_direction direction, double voltage_v,
                                          double pulse_s, double temperature_k);

/* What was measured in one direction. */
struct device_span {
    double min_voltage_v, max_voltage_v;
    double min_pulse_s, max_pulse_s;
    double min_temperature_k, max_temperature_k;
};
struct device_span device_table_span(const struct device_table *table,
                                     enum mtj_direction direction);

/* Voltages at which every curve that counts for this pulse and temperature was measured;
 * false if there are none in common. */
bool device_table_voltages(const struct device_table *table, enum mtj_direction direction,
                           double pulse_s, double temperature_k, double *ret_min_v,
                           double *ret_max_v);
/* The pulse widths that occur, rising; borrowed from the table. */
const double *device_table_pulses(const struct device_table *table, size_t *ret_n);

/* The optional figures; 0 where not given. */
double device_table_read_pj(const struct device_table *table);
double device_table_read_disturb(const struct device_table *table);
/* Escape rate from the state that `from` starts in, 1/s. */
double device_table_escape_rate(const struct device_table *table, enum mtj_direction from,
                                double temperature_k);

#endif
