/* SPDX-License-Identifier: Apache-2.0 */
/* From a wanted error rate to what was measured for it. */
#include "core/device_table_solve.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#define NANO 1e9

static const char *const direction_names[] = { "p2ap", "ap2p" };

bool device_table_outside(double value, double min, double max)
{
    return !(value >= min * (1.0 - 1e-9) && value <= max * (1.0 + 1e-9));
}

#define LEAST_STEP_V 1e-12

static double table_ln_rate(const struct device_table *table,
                            enum mtj_direction direction, double voltage_v,
                            const struct mtj_pulse *pulse)
{
    return device_table_at(table, direction, voltage_v, pulse->pulse_s,
                           pulse->temperature_k)
        .ln_error_rate;
}

/* " for 10 ns at 300 K", of what the table depends on. */
static const char *conditions(const struct device_table *table,
                              const struct mtj_pulse *pulse, char text[64])
{
    int n = 0;

    text[0] = '\0';
    if (device_table_has_pulse(table))
        n = snprintf(text, 64, " for %.6g ns", pulse->pulse_s * NANO);
    if (device_table_has_temperature(table))
        (void)snprintf(text + n, 64 - (size_t)n, " at %.6g K", pulse->temperature_k);
    return text;
}

/* Least measured voltage at which the rate is the target. */
static enum status table_voltage(const struct device_table *table,
                                 enum mtj_direction direction, double target,
                                 struct mtj_pulse *pulse, char why[ERR_LEN])
{
    const char *name = direction_names[direction];
    double ln_target = log(target);
    double low, high;
    char where[64];

    if (!device_table_has_voltage(table)) {
        double ln_rate = table_ln_rate(table, direction, 0.0, pulse);

        pulse->voltage_v[direction] = 0.0;
        if (ln_rate <= ln_target + 1e-12)
            return ST_OK;
        (void)snprintf(why, ERR_LEN,
                       "%s: the write error rate%s is %.3g, above %g, and the table has "
                       "no voltage that would change it",
                       name, conditions(table, pulse, where), exp(ln_rate), target);
        return ST_UNREACHABLE;
    }
    if (!device_table_voltages(table, direction, pulse->pulse_s, pulse->temperature_k,
                               &low, &high)) {
        (void)snprintf(why, ERR_LEN,
                       "%s: no voltage%s lies within what was measured of each of the "
                       "neighbouring curves",
                       name, conditions(table, pulse, where));
        return ST_UNREACHABLE;
    }

    double ln_low = table_ln_rate(table, direction, low, pulse);
    double ln_high = table_ln_rate(table, direction, high, pulse);
    if (ln_low < ln_target - 1e-12 || ln_high > ln_target + 1e-12) {
        (void)snprintf(why, ERR_LEN,
                       "%s: %g is outside the write error rates measured%s, %.3g at %g V "
                       ".. %.3g at %g V",
                       name, target, conditions(table, pulse, where), exp(ln_low), low,
                       exp(ln_high), high);
        return ST_UNREACHABLE;
    }
    if (ln_low <= ln_target + 1e-12)
        high = low;
    while (high - low > LEAST_STEP_V) {
        double middle = 0.5 * (low + high);

        if (table_ln_rate(table, direction, middle, pulse) <= ln_target)
            high = middle;
        else
            low = middle;
    }
    pulse->voltage_v[direction] = high;
    return ST_OK;
}

static enum status table_pulse(const struct device_table *table, double target,
                               struct mtj_pulse *pulse, char why[ERR_LEN])
{
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        enum status st = table_voltage(table, to, target, pulse, why);

        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

enum status device_table_solve_pulse(const struct device_table *table, double target,
                                     double pulse_s, double temperature_k,
                                     struct mtj_pulse *ret_pulse, char why[ERR_LEN])
{
    struct mtj_pulse pulse = { .pulse_s = pulse_s, .temperature_k = temperature_k };

    if (!device_table_has_pulse(table))
        pulse.pulse_s = 0.0;
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        struct device_span span = device_table_span(table, to);

        if (device_table_outside(pulse.pulse_s, span.min_pulse_s, span.max_pulse_s)) {
            (void)snprintf(
                why, ERR_LEN,
                "pulse_s: %s was measured for %.6g .. %.6g ns, not for %.6g ns",
                direction_names[to], span.min_pulse_s * NANO, span.max_pulse_s * NANO,
                pulse_s * NANO);
            return ST_RANGE;
        }
    }
    enum status st = table_pulse(table, target, &pulse, why);
    if (st == ST_OK)
        *ret_pulse = pulse;
    return st;
}

/* Mean toggle energy of both directions at the target with this width; infinite if it is
 * not reached. */
static double table_energy_pj(const struct device_table *table, double target,
                              double pulse_s, double temperature_k)
{
    struct mtj_pulse pulse = { .pulse_s = pulse_s, .temperature_k = temperature_k };
    double energy_pj = 0.0;
    char why[ERR_LEN];

    if (table_pulse(table, target, &pulse, why) != ST_OK)
        return INFINITY;
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        energy_pj +=
            0.5 * device_table_at(table, to, pulse.voltage_v[to], pulse_s, temperature_k)
                      .toggle_pj;
    return energy_pj;
}

/* Steps between two measured widths in the first pass, and between two of those in the
 * second. The energy is smooth there but for kinks where a voltage passes a point. */
#define WIDTH_STEPS 4
#define FINE_STEPS  32

/* Cheapest of some widths between two, ends included, equally far apart: a table's
 * ln rates are straight in t. */
static void search_widths(const struct device_table *table, double target,
                          double temperature_k, double from_s, double to_s,
                          unsigned steps, double *best_s, double *best_pj)
{
    for (unsigned k = 0; k <= steps; k++) {
        double width_s = k == 0       ? from_s
                         : k == steps ? to_s
                                      : from_s + (to_s - from_s) * k / steps;
        double energy_pj = table_energy_pj(table, target, width_s, temperature_k);

        if (energy_pj < *best_pj) {
            *best_pj = energy_pj;
            *best_s = width_s;
        }
    }
}

enum status device_table_cheapest_pulse(const struct device_table *table, double target,
                                        double temperature_k, struct mtj_pulse *ret_pulse,
                                        char why[ERR_LEN])
{
    struct device_span p2ap = device_table_span(table, MTJ_P2AP);
    struct device_span ap2p = device_table_span(table, MTJ_AP2P);
    double min_s = fmax(p2ap.min_pulse_s, ap2p.min_pulse_s);
    double max_s = fmin(p2ap.max_pulse_s, ap2p.max_pulse_s);
    double best_s = 0.0, best_pj = INFINITY, before_s = 0.0;
    size_t n;
    const double *widths = device_table_pulses(table, &n);

    if (!device_table_has_pulse(table))
        return device_table_solve_pulse(table, target, 0.0, temperature_k, ret_pulse,
                                        why);
    if (min_s > max_s) {
        (void)snprintf(why, ERR_LEN,
                       "the two directions have no measured width in common");
        return ST_UNREACHABLE;
    }
    for (size_t i = 0; i < n; i++) {
        if (widths[i] < min_s || widths[i] > max_s)
            continue;
        search_widths(table, target, temperature_k, before_s > 0.0 ? before_s : widths[i],
                      widths[i], before_s > 0.0 ? WIDTH_STEPS : 0, &best_s, &best_pj);
        before_s = widths[i];
    }
    if (best_pj == INFINITY) {
        char cause[ERR_LEN];
        enum status st = device_table_solve_pulse(table, target, max_s, temperature_k,
                                                  ret_pulse, cause);

        assert(st != ST_OK); /* the loop has tried it */
        (void)st;
        (void)snprintf(why, ERR_LEN, "no width within %.6g .. %.6g ns: %.180s",
                       min_s * NANO, max_s * NANO, cause);
        return ST_UNREACHABLE;
    }

    /* Around the best, a step of the first pass to either side at most. */
    double low_s = min_s, high_s = max_s;
    for (size_t i = 0; i < n; i++) {
        if (widths[i] >= min_s && widths[i] < best_s)
            low_s = widths[i];
        if (widths[i] <= max_s && widths[i] > best_s) {
            high_s = widths[i];
            break;
        }
    }
    double middle_s = best_s;
    search_widths(table, target, temperature_k, low_s, middle_s, FINE_STEPS, &best_s,
                  &best_pj);
    search_widths(table, target, temperature_k, middle_s, high_s, FINE_STEPS, &best_s,
                  &best_pj);
    return device_table_solve_pulse(table, target, best_s, temperature_k, ret_pulse, why);
}
