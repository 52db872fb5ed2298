/* SPDX-License-Identifier: Apache-2.0 */
/* device_table_internal.h - the inside of struct device_table.
 *
 * Private to device_table.c (what it is and what it says at a point), device_table_text.c
 * (from text and back) and device_table_curves.c (from rows to curves).
 */
#ifndef CORE_DEVICE_TABLE_INTERNAL_H
#define CORE_DEVICE_TABLE_INTERNAL_H

#include "core/device_table.h"

#define DEVICE_TABLE_NS 1e-9

enum device_column {
    COL_DIRECTION,
    COL_VOLTAGE,
    COL_PULSE,
    COL_TEMPERATURE,
    COL_ERROR_RATE,
    COL_TOGGLE,
    COL_HOLD,
    COL_READ, /* from here on one figure for the whole table */
    COL_RATE_P,
    COL_RATE_AP,
    COL_ACTIVATION,
    COL_DISTURB,
    N_COLUMNS,
    FIRST_FIGURE = COL_READ,
};

#define DEVICE_TABLE_REMARKS_LEN (3 * ERR_LEN)

/* A row of the text. */
struct given {
    struct device_row row; /* of direction MTJ_P2AP where `both` */
    double pulse_ns;       /* as stated: a product with 1e-9 cannot be undone */
    bool both;
};

/* What is interpolated: points of a curve over voltage, curves of a slice over pulse,
 * slices of a direction over temperature. `at` comes first in all three, for between().
 */
struct point {
    double at; /* voltage, V */
    double ln_rate, toggle_pj, hold_pj;
};

struct curve {
    double at; /* the pulse, s; 0 where there is none */
    size_t first, n;
};

struct slice {
    double at; /* temperature, K */
    size_t first, n;
};

struct device_table {
    struct given *rows; /* ours, as are the arrays below */
    struct point *points;
    struct curve *curves;
    struct slice *slices;
    double *pulses;
    size_t n_rows, n_points, n_curves, n_slices, n_pulses;
    struct {
        size_t first, n; /* slices */
        struct device_span span;
    } directions[2];
    bool has[N_COLUMNS];
    double figures[N_COLUMNS]; /* those of the whole table */
    char remarks[DEVICE_TABLE_REMARKS_LEN];
};

/* Sorts, averages and pools the rows, and lays the curves out. ST_NOMEM. */
MUST_CHECK enum status device_table_build(struct device_table *table);

#endif
