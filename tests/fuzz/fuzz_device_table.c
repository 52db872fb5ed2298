/* SPDX-License-Identifier: Apache-2.0 */
/* A measured device as text. */
#include "core/device_table.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What is printed reads back the same. */
static void print(const struct device_table *table)
{
    size_t len = device_table_print(table, NULL, 0);
    char *text = malloc(len + 1);
    struct device_table *again;
    char why[ERR_LEN];

    if (text == NULL || device_table_print(table, text, len + 1) != len ||
        strlen(text) != len)
        abort();
    if (len <= DEVICE_TABLE_MAX_BYTES) {
        if (device_table_parse(text, len, &again, why) != ST_OK ||
            !device_table_same(table, again))
            abort();
        device_table_free(again);
    }
    free(text);
}

/* Over its span and past it: finite, a rate, and never rising with voltage. */
static void scan(const struct device_table *table, enum mtj_direction direction)
{
    struct device_span span = device_table_span(table, direction);
    double width_v = span.max_voltage_v - span.min_voltage_v;

    for (int k = -1; k <= 3; k++)
        for (int p = -1; p <= 3; p++) {
            double before = 0.0;

            for (int v = -1; v <= 9; v++) {
                struct device_table_point point = device_table_at(
                    table, direction, span.min_voltage_v + v / 8.0 * width_v,
                    span.min_pulse_s + p / 2.0 * (span.max_pulse_s - span.min_pulse_s),
                    span.min_temperature_k +
                        k / 2.0 * (span.max_temperature_k - span.min_temperature_k));

                if (!isfinite(point.ln_error_rate) || !isfinite(point.toggle_pj) ||
                    !isfinite(point.hold_pj) ||
                    point.ln_error_rate > before + 1e-9 * (1.0 - before))
                    abort();
                before = point.ln_error_rate;
            }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct device_table *table, *copy;
    char why[ERR_LEN] = "";
    enum status st = device_table_parse((const char *)bytes, len, &table, why);

    if (st != ST_OK) {
        if (why[0] == '\0' || (st != ST_FORMAT && st != ST_RANGE && st != ST_NOMEM))
            abort();
        return 0;
    }
    print(table);
    scan(table, MTJ_P2AP);
    scan(table, MTJ_AP2P);
    if (device_table_copy(table, &copy) == ST_OK) {
        if (!device_table_same(table, copy))
            abort();
        device_table_free(copy);
    }
    device_table_free(table);
    return 0;
}
