/* SPDX-License-Identifier: Apache-2.0 */
/* From the rows that were stated to curves that fall. */
#include "core/device_table_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- From rows to curves -- */

/* A point on its way to a curve. */
struct item {
    double key[4]; /* direction, temperature, pulse, voltage */
    double ln_rate, toggle_pj, hold_pj;
    double n; /* rows that it is the mean of */
};

static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;

    for (unsigned k = 0; k < 4; k++)
        if (left->key[k] != right->key[k])
            return left->key[k] < right->key[k] ? -1 : 1;
    return 0;
}

static size_t make_items(const struct device_table *table, struct item *items)
{
    size_t n = 0;

    for (size_t i = 0; i < table->n_rows; i++) {
        const struct device_row *row = &table->rows[i].row;

        for (unsigned to = 0; to < 2; to++) {
            if (!table->rows[i].both && row->direction != (enum mtj_direction)to)
                continue;
            items[n++] = (struct item) {
                .key = { to, row->temperature_k, row->pulse_s, row->voltage_v },
                .ln_rate = log(row->error_rate),
                .toggle_pj = row->toggle_pj,
                .hold_pj = row->hold_pj,
                .n = 1.0,
            };
        }
    }
    return n;
}

/* Sorted items of the same point become one; returns how many are left. */
static size_t merge_items(struct item *items, size_t n)
{
    size_t n_left = 0;

    for (size_t i = 0; i < n; n_left++) {
        struct item sum = items[i];
        size_t first = i;

        for (i++; i < n && compare_items(&items[first], &items[i]) == 0; i++) {
            sum.ln_rate += items[i].ln_rate;
            sum.toggle_pj += items[i].toggle_pj;
            sum.hold_pj += items[i].hold_pj;
            sum.n += 1.0;
        }
        sum.ln_rate /= sum.n;
        sum.toggle_pj /= sum.n;
        sum.hold_pj /= sum.n;
        items[n_left] = sum;
    }
    return n_left;
}

PRINTF_LIKE(2, 3)
static void remark(struct device_table *table, const char *format, ...)
{
    size_t len = strlen(table->remarks);
    va_list args;

    if (len > 0 && len + 2 < DEVICE_TABLE_REMARKS_LEN) {
        (void)strcpy(table->remarks + len, "; ");
        len += 2;
    }
    va_start(args, format);
    (void)vsnprintf(table->remarks + len, DEVICE_TABLE_REMARKS_LEN - len, format, args);
    va_end(args);
}

/* Pool-adjacent-violators: the falling sequence nearest to the ln rates in the sense of
 * least squares. Blocks of equal rate, each with the mean of its items; returns how many
 * items are in blocks that had to be pooled. */
static size_t pool(struct item *items, size_t n, size_t *block_sizes)
{
    size_t n_blocks = 0, n_pooled = 0;

    /* Block b is kept in items[b]: its mean in ln_rate, its weight in n. The other values
     * of those items are needed later, so that the two are moved only. */
    for (size_t i = 0; i < n; i++) {
        double ln_rate = items[i].ln_rate, weight = items[i].n;
        size_t size = 1;

        while (n_blocks > 0 && items[n_blocks - 1].ln_rate < ln_rate) {
            const struct item *before = &items[n_blocks - 1];

            ln_rate =
                (ln_rate * weight + before->ln_rate * before->n) / (weight + before->n);
            weight += before->n;
            size += block_sizes[--n_blocks];
        }
        items[n_blocks].ln_rate = ln_rate;
        items[n_blocks].n = weight;
        block_sizes[n_blocks++] = size;
    }
    for (size_t b = n_blocks, i = n; b-- > 0;) {
        double ln_rate = items[b].ln_rate;

        n_pooled += block_sizes[b] > 1 ? block_sizes[b] : 0;
        for (size_t k = 0; k < block_sizes[b]; k++)
            items[--i].ln_rate = ln_rate;
    }
    return n_pooled;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* Fills points, curves, slices, spans from sorted items. */
static void fill(struct device_table *table, const struct item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct item *item = &items[i], *before = i == 0 ? NULL : &items[i - 1];
        unsigned to = item->key[0] > 0.0;
        bool new_slice = before == NULL || before->key[0] != item->key[0] ||
                         before->key[1] != item->key[1];

        if (new_slice) {
            if (table->directions[to].n++ == 0)
                table->directions[to].first = table->n_slices;
            table->slices[table->n_slices++] =
                (struct slice) { .at = item->key[1], .first = table->n_curves };
        }
        if (new_slice || before->key[2] != item->key[2]) {
            table->slices[table->n_slices - 1].n++;
            table->curves[table->n_curves++] = (struct curve) {
                .at = item->key[2],
                .first = table->n_points,
            };
            table->pulses[table->n_pulses++] = item->key[2];
        }
        table->curves[table->n_curves - 1].n++;
        table->points[table->n_points++] = (struct point) {
            .at = item->key[3],
            .ln_rate = item->ln_rate,
            .toggle_pj = item->toggle_pj,
            .hold_pj = item->hold_pj,
        };

        struct device_span *span = &table->directions[to].span;
        if (before == NULL || before->key[0] != item->key[0])
            *span = (struct device_span) { item->key[3], item->key[3], item->key[2],
                                           item->key[2], item->key[1], item->key[1] };
        span->min_voltage_v = fmin(span->min_voltage_v, item->key[3]);
        span->max_voltage_v = fmax(span->max_voltage_v, item->key[3]);
        span->min_pulse_s = fmin(span->min_pulse_s, item->key[2]);
        span->max_pulse_s = fmax(span->max_pulse_s, item->key[2]);
        span->max_temperature_k = item->key[1]; /* sorted */
    }

    qsort(table->pulses, table->n_pulses, sizeof(*table->pulses), compare_doubles);
    size_t n_distinct = 0;
    for (size_t i = 0; i < table->n_pulses; i++)
        if (n_distinct == 0 || table->pulses[n_distinct - 1] != table->pulses[i])
            table->pulses[n_distinct++] = table->pulses[i];
    table->n_pulses = n_distinct;
}

static void pool_curves(struct device_table *table, struct item *items, size_t n,
                        size_t *block_sizes)
{
    size_t n_pooled = 0, n_curves = 0;
    const struct item *where = NULL;

    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && memcmp(items[i].key, items[next].key,
                                              3 * sizeof(items[i].key[0])) == 0;)
            next++;
        size_t pooled = pool(&items[i], next - i, block_sizes);
        if (pooled > 0) {
            where = where == NULL ? &items[i] : where;
            n_pooled += pooled;
            n_curves++;
        }
    }
    if (where == NULL)
        return;
    remark(table, "error rates that rose with voltage were pooled: %zu points on %zu %s",
           n_pooled, n_curves, n_curves == 1 ? "curve" : "curves");
    remark(table, "the first is %s", where->key[0] > 0.0 ? "ap2p" : "p2ap");
    size_t len = strlen(table->remarks);
    if (table->has[COL_PULSE])
        len += (size_t)snprintf(table->remarks + len, DEVICE_TABLE_REMARKS_LEN - len,
                                " at %.6g ns", where->key[2] / DEVICE_TABLE_NS);
    if (table->has[COL_TEMPERATURE])
        (void)snprintf(table->remarks + len, DEVICE_TABLE_REMARKS_LEN - len, " at %.6g K",
                       where->key[1]);
}

enum status device_table_build(struct device_table *table)
{
    size_t most = 2 * table->n_rows;
    struct item *items = calloc(most, sizeof(*items));
    size_t *block_sizes = calloc(most, sizeof(*block_sizes));
    enum status st = ST_NOMEM;

    table->points = calloc(most, sizeof(*table->points));
    table->curves = calloc(most, sizeof(*table->curves));
    table->slices = calloc(most, sizeof(*table->slices));
    table->pulses = calloc(most, sizeof(*table->pulses));
    if (items == NULL || block_sizes == NULL || table->points == NULL ||
        table->curves == NULL || table->slices == NULL || table->pulses == NULL)
        goto out;

    size_t n = make_items(table, items);
    qsort(items, n, sizeof(*items), compare_items);
    size_t n_left = merge_items(items, n);
    if (n_left < n)
        remark(table,
               "points stated more than once were averaged: %zu rows became %zu points",
               n, n_left);
    pool_curves(table, items, n_left, block_sizes);
    fill(table, items, n_left);
    st = ST_OK;
out:
    free(items);
    free(block_sizes);
    return st;
}
