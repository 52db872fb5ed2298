/* SPDX-License-Identifier: Apache-2.0 */
/* device_table_solve.h - the write of a table for a wanted error rate.
 *
 * Private to device.c and device_table_solve.c: device_solve_pulse and
 * device_cheapest_pulse (device.h) say what comes back, and have looked at target and
 * temperature before.
 */
#ifndef CORE_DEVICE_TABLE_SOLVE_H
#define CORE_DEVICE_TABLE_SOLVE_H

#include "core/device_table.h"
#include "core/mtj_array.h"

/* Is it outside? Forgives what a change of units rounds. */
bool device_table_outside(double value, double min, double max);

MUST_CHECK enum status device_table_solve_pulse(const struct device_table *table,
                                                double target, double pulse_s,
                                                double temperature_k,
                                                struct mtj_pulse *ret_pulse,
                                                char why[ERR_LEN]);
MUST_CHECK enum status device_table_cheapest_pulse(const struct device_table *table,
                                                   double target, double temperature_k,
                                                   struct mtj_pulse *ret_pulse,
                                                   char why[ERR_LEN]);

#endif
