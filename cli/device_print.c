/* SPDX-License-Identifier: Apache-2.0 */
/* Devices as text. */
#include "cli/device.h"

#include "cli/field.h"
#include "cli/output.h"

#include <string.h>

#define MAX_SHOWN_DEFECTS 20

/* -- The device of a model -- */

static void print_kind(FILE *out, const json_t *device)
{
    char a[OUTPUT_NUMBER], line[128];

    if (strcmp(field_text(device, "kind", "mtj"), "table") != 0) {
        output_line(out, "kind", "magnetic tunnel junction (macrospin)");
        return;
    }
    snprintf(line, sizeof(line), "measured table, %s rows",
             output_count(field_number(device, "table.rows"), a));
    output_line(out, "kind", line);

    const json_t *remarks = field(device, "table.remarks"), *remark;
    size_t i;

    if (json_is_string(remarks) && json_string_length(remarks) > 0)
        output_line(out, "remarks", json_string_value(remarks));
    json_array_foreach(remarks, i, remark)
    {
        if (json_is_string(remark))
            output_line(out, i == 0 ? "remarks" : "", json_string_value(remark));
    }
}

static void print_derived(FILE *out, const json_t *derived)
{
    static const struct {
        const char *member, *title, *unit;
    } lines[] = {
        { "delta", "barrier", "kT" },
        { "critical_current_ua", "critical current", "uA" },
        { "critical_voltage_v", "critical voltage", "V" },
        { "parallel_ohm", "resistance in P", "ohm" },
        { "tmr", "TMR", "" },
        { "damping_ns", "damping time", "ns" },
    };
    char text[OUTPUT_NUMBER];

    if (derived == NULL)
        return;
    fputs("\nat 300 K:\n", out);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const json_t *both = field(derived, lines[i].member);

        /* By direction, where it differs. */
        if (json_is_object(both)) {
            char b[OUTPUT_NUMBER], line[3 * OUTPUT_NUMBER];

            snprintf(line, sizeof(line), "%s P to AP, %s AP to P",
                     output_number(field_number(both, "p2ap"), lines[i].unit, text),
                     output_number(field_number(both, "ap2p"), lines[i].unit, b));
            output_line(out, lines[i].title, line);
        } else {
            output_line(out, lines[i].title,
                        output_number(field_number(derived, lines[i].member),
                                      lines[i].unit, text));
        }
    }
}

static enum status print_parameters(FILE *out, json_t *parameters)
{
    struct table table;
    const char *name;
    json_t *value;
    char text[OUTPUT_NUMBER];

    if (json_object_size(parameters) == 0)
        return ST_OK;
    table_init(&table, "PARAMETER|>VALUE");
    json_object_foreach(parameters, name, value)
    {
        table_add(&table, name);
        table_add(&table, output_number(field_number(parameters, name), "", text));
    }
    fputc('\n', out);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

static void print_defects(FILE *out, const json_t *defects)
{
    const json_t *cell, *cells = field(defects, "cells");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], line[4 * OUTPUT_NUMBER];
    size_t i;

    if (defects == NULL)
        return;
    fputs("\ndefects:\n", out);
    snprintf(line, sizeof(line), "%s stuck in P, %s stuck in AP, %s shorted",
             output_rate(field_number(defects, "stuck_p"), a),
             output_rate(field_number(defects, "stuck_ap"), b),
             output_rate(field_number(defects, "shorted"), c));
    output_line(out, "share of cells", line);
    json_array_foreach(cells, i, cell)
    {
        if (i == MAX_SHOWN_DEFECTS) {
            snprintf(line, sizeof(line), "... (%s in all)",
                     output_count((double)json_array_size(cells), a));
            output_line(out, "", line);
            return;
        }
        snprintf(line, sizeof(line), "%.60s:%s:%s%s %.40s",
                 field_text(cell, "layer", "?"), output_id(field_number(cell, "row"), a),
                 output_id(field_number(cell, "column"), b),
                 field_true(cell, "partner") ? " (partner)" : "",
                 field_text(cell, "kind", "?"));
        output_line(out, i == 0 ? "by name" : "", line);
    }
}

enum status device_print(FILE *out, const char *model, const json_t *device)
{
    fputs("device of ", out);
    output_text(out, model);
    fputs(": ", out);
    output_text(out, field_text(device, "device", "?"));
    fputc('\n', out);
    print_kind(out, device);
    print_derived(out, field(device, "derived"));
    print_defects(out, field(device, "defects"));
    return print_parameters(out, field(device, "parameters"));
}

/* -- Presets -- */

static enum status print_fields(FILE *out, const json_t *fields)
{
    struct table table;
    const json_t *one;
    char a[OUTPUT_NUMBER];
    size_t i;

    table_init(&table, "PARAMETER|UNIT|>FROM|>TO|MEANING");
    json_array_foreach(fields, i, one)
    {
        table_add(&table, field_text(one, "name", "?"));
        table_add(&table, field_text(one, "unit", ""));
        table_add(&table, output_number(field_number(one, "min"), "", a));
        table_add(&table, output_number(field_number(one, "max"), "", a));
        table_add(&table, field_text(one, "what", ""));
    }
    fputs("\nparameters of a junction, for device set --set FIELD=VALUE:\n", out);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

enum status device_print_presets(FILE *out, const char *model, const json_t *presets)
{
    const json_t *preset;
    size_t i;

    (void)model;
    json_array_foreach(field(presets, "presets"), i, preset)
    {
        char name[64];

        output_clean(field_text(preset, "name", "?"), name, sizeof(name));
        output_line(out, name, field_text(preset, "what", "-"));
        output_line(out, "", field_text(preset, "source", "-"));
    }
    return json_array_size(field(presets, "fields")) > 0
               ? print_fields(out, field(presets, "fields"))
               : ST_OK;
}
