/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device_table_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BOLTZMANN_EV 8.617333262e-5 /* eV/K, CODATA 2018 */
#define ESCAPE_K     300.0          /* temperature of the stated escape rates */
/* Between two statements of the same number: 1e-8 and 10 * 1e-9. */
#define INSIDE_SLACK 1e-9

void device_table_free(struct device_table *table)
{
    if (table == NULL)
        return;
    free(table->rows);
    free(table->points);
    free(table->curves);
    free(table->slices);
    free(table->pulses);
    free(table);
}

static void *copied(const void *from, size_t n, size_t size)
{
    void *to = calloc(n, size);

    if (to != NULL)
        memcpy(to, from, n * size);
    return to;
}

enum status device_table_copy(const struct device_table *table,
                              struct device_table **ret_copy)
{
    struct device_table *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return ST_NOMEM;
    *copy = *table;
    copy->rows = copied(table->rows, table->n_rows, sizeof(*copy->rows));
    copy->points = copied(table->points, table->n_points, sizeof(*copy->points));
    copy->curves = copied(table->curves, table->n_curves, sizeof(*copy->curves));
    copy->slices = copied(table->slices, table->n_slices, sizeof(*copy->slices));
    copy->pulses = copied(table->pulses, table->n_pulses, sizeof(*copy->pulses));
    if (copy->rows == NULL || copy->points == NULL || copy->curves == NULL ||
        copy->slices == NULL || copy->pulses == NULL) {
        device_table_free(copy);
        return ST_NOMEM;
    }
    *ret_copy = copy;
    return ST_OK;
}

bool device_table_same(const struct device_table *a, const struct device_table *b)
{
    if (a->n_rows != b->n_rows || memcmp(a->has, b->has, sizeof(a->has)) != 0)
        return false;
    for (unsigned column = FIRST_FIGURE; column < N_COLUMNS; column++)
        if (a->figures[column] != b->figures[column])
            return false;
    for (size_t i = 0; i < a->n_rows; i++) {
        const struct device_row *left = &a->rows[i].row, *right = &b->rows[i].row;

        if (a->rows[i].both != b->rows[i].both || left->direction != right->direction ||
            left->voltage_v != right->voltage_v || left->pulse_s != right->pulse_s ||
            left->temperature_k != right->temperature_k ||
            left->error_rate != right->error_rate ||
            left->toggle_pj != right->toggle_pj || left->hold_pj != right->hold_pj)
            return false;
    }
    return true;
}

/* -- What it is -- */

bool device_table_has_voltage(const struct device_table *table)
{
    return table->has[COL_VOLTAGE];
}

bool device_table_has_pulse(const struct device_table *table)
{
    return table->has[COL_PULSE];
}

bool device_table_has_temperature(const struct device_table *table)
{
    return table->has[COL_TEMPERATURE];
}

size_t device_table_rows(const struct device_table *table)
{
    return table->n_rows;
}

const char *device_table_remarks(const struct device_table *table)
{
    return table->remarks;
}

struct device_span device_table_span(const struct device_table *table,
                                     enum mtj_direction direction)
{
    return table->directions[direction].span;
}

const double *device_table_pulses(const struct device_table *table, size_t *ret_n)
{
    *ret_n = table->n_pulses;
    return table->pulses;
}

/* -- Interpolation -- */

/* Two neighbours of a sorted array and how far from the first to the second. */
struct between {
    size_t low, high; /* the same at an item and outside */
    double share;     /* 0 .. 1 */
    bool inside;
};

/* Items of `size` bytes that begin with a double, rising. Not a number is outside. */
static struct between between(const void *items, size_t size, size_t n, double at)
{
    size_t low = 0, high = n - 1;
    double first, last, below, above;

    memcpy(&first, items, sizeof(first));
    memcpy(&last, (const char *)items + high * size, sizeof(last));
    if (!(at > first))
        return (struct between) {
            .inside = at >= first - INSIDE_SLACK * (1.0 + fabs(first)),
        };
    if (at >= last)
        return (struct between) {
            .low = high,
            .high = high,
            .inside = at <= last + INSIDE_SLACK * (1.0 + fabs(last)),
        };
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        double key;

        memcpy(&key, (const char *)items + middle * size, sizeof(key));
        if (key <= at)
            low = middle;
        else
            high = middle;
    }
    memcpy(&below, (const char *)items + low * size, sizeof(below));
    memcpy(&above, (const char *)items + high * size, sizeof(above));
    if (at == below)
        high = low;
    return (struct between) {
        .low = low,
        .high = high,
        .share = high == low ? 0.0 : (at - below) / (above - below),
        .inside = true,
    };
}

static double mixed(double low, double high, double share)
{
    return (1.0 - share) * low + share * high;
}

static struct device_table_point mix(struct device_table_point low,
                                     struct device_table_point high, struct between where)
{
    return (struct device_table_point) {
        .ln_error_rate = mixed(low.ln_error_rate, high.ln_error_rate, where.share),
        .toggle_pj = mixed(low.toggle_pj, high.toggle_pj, where.share),
        .hold_pj = mixed(low.hold_pj, high.hold_pj, where.share),
        .inside = low.inside && high.inside && where.inside,
    };
}

static struct device_table_point point_at(const struct point *point)
{
    return (struct device_table_point) { point->ln_rate, point->toggle_pj, point->hold_pj,
                                         true };
}

static struct device_table_point curve_at(const struct device_table *table,
                                          const struct curve *curve, double voltage_v)
{
    const struct point *points = &table->points[curve->first];
    struct between where = between(points, sizeof(*points), curve->n, voltage_v);

    return mix(point_at(&points[where.low]), point_at(&points[where.high]), where);
}

/* Coordinates of a write; 0 for what the table does not depend on. */
struct spot {
    enum mtj_direction direction;
    double voltage_v, pulse_s, temperature_k;
};

static struct spot spot_of(const struct device_table *table, enum mtj_direction direction,
                           double voltage_v, double pulse_s, double temperature_k)
{
    return (struct spot) {
        .direction = direction,
        .voltage_v = table->has[COL_VOLTAGE] ? voltage_v : 0.0,
        .pulse_s = table->has[COL_PULSE] ? pulse_s : 0.0,
        .temperature_k = table->has[COL_TEMPERATURE] ? temperature_k : 0.0,
    };
}

static struct device_table_point slice_at(const struct device_table *table,
                                          const struct slice *slice,
                                          const struct spot *spot)
{
    const struct curve *curves = &table->curves[slice->first];
    struct between where = between(curves, sizeof(*curves), slice->n, spot->pulse_s);

    return mix(curve_at(table, &curves[where.low], spot->voltage_v),
               curve_at(table, &curves[where.high], spot->voltage_v), where);
}

struct device_table_point device_table_at(const struct device_table *table,
                                          enum mtj_direction direction, double voltage_v,
                                          double pulse_s, double temperature_k)
{
    const struct slice *slices = &table->slices[table->directions[direction].first];
    struct spot spot = spot_of(table, direction, voltage_v, pulse_s, temperature_k);
    struct between where = between(slices, sizeof(*slices),
                                   table->directions[direction].n, spot.temperature_k);

    return mix(slice_at(table, &slices[where.low], &spot),
               slice_at(table, &slices[where.high], &spot), where);
}

bool device_table_voltages(const struct device_table *table, enum mtj_direction direction,
                           double pulse_s, double temperature_k, double *ret_min_v,
                           double *ret_max_v)
{
    const struct slice *slices = &table->slices[table->directions[direction].first];
    struct spot spot = spot_of(table, direction, 0.0, pulse_s, temperature_k);
    struct between at_temperature = between(
        slices, sizeof(*slices), table->directions[direction].n, spot.temperature_k);
    const size_t used_slices[2] = { at_temperature.low, at_temperature.high };
    double min_v = 0.0, max_v = INFINITY;

    for (unsigned i = 0; i < 2; i++) {
        const struct slice *slice = &slices[used_slices[i]];
        const struct curve *curves = &table->curves[slice->first];
        struct between at_pulse =
            between(curves, sizeof(*curves), slice->n, spot.pulse_s);
        const size_t used_curves[2] = { at_pulse.low, at_pulse.high };

        for (unsigned j = 0; j < 2; j++) {
            const struct curve *curve = &curves[used_curves[j]];

            min_v = fmax(min_v, table->points[curve->first].at);
            max_v = fmin(max_v, table->points[curve->first + curve->n - 1].at);
        }
    }
    *ret_min_v = min_v;
    *ret_max_v = max_v;
    return min_v <= max_v;
}

/* -- Read and retention -- */

double device_table_read_pj(const struct device_table *table)
{
    return table->figures[COL_READ];
}

double device_table_read_disturb(const struct device_table *table)
{
    return table->figures[COL_DISTURB];
}

double device_table_escape_rate(const struct device_table *table, enum mtj_direction from,
                                double temperature_k)
{
    double rate = table->figures[from == MTJ_P2AP ? COL_RATE_P : COL_RATE_AP];

    return rate * exp(table->figures[COL_ACTIVATION] / BOLTZMANN_EV *
                      (1.0 / ESCAPE_K - 1.0 / temperature_k));
}
