/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/point.h"

#include "cli/field.h"
#include "cli/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const modes[] = { "device", "uniform", "iid", NULL };
static const char *const overs[] = { "present",  "random",    "complement",
                                     "erased_p", "erased_ap", NULL };

const struct option point_options[POINT_OPTIONS + 1] = {
    [POINT_MODE] = { .name = "mode",
                     .kind = OPTION_CHOICE,
                     .value = "MODE",
                     .choices = modes,
                     .help = "device, uniform or iid" },
    [POINT_TARGET] = { .name = "target",
                       .kind = OPTION_NUMBER,
                       .value = "RATE",
                       .help =
                           "write error rate to reach, of cells that must change; the "
                           "voltages are solved for" },
    [POINT_PULSE] = { .name = "pulse-ns",
                      .kind = OPTION_NUMBER,
                      .value = "NS",
                      .help =
                          "width of the write pulse; with --target and without this the "
                          "cheapest pulse is taken" },
    [POINT_P2AP] = { .name = "voltage-p2ap",
                     .kind = OPTION_NUMBER,
                     .value = "V",
                     .help = "write voltage from P to AP (weight +1 to -1)" },
    [POINT_AP2P] = { .name = "voltage-ap2p",
                     .kind = OPTION_NUMBER,
                     .value = "V",
                     .help = "write voltage from AP to P (weight -1 to +1)" },
    [POINT_BIT_ERROR_RATE] = { .name = "bit-error-rate",
                               .kind = OPTION_NUMBER,
                               .value = "RATE",
                               .help =
                                   "mode iid: probability that a stored bit is wrong" },
    [POINT_TEMPERATURE] = { .name = "temperature-k",
                            .kind = OPTION_NUMBER,
                            .value = "K",
                            .help = "temperature of the cells while they are written" },
    [POINT_OVER] = { .name = "over",
                     .kind = OPTION_CHOICE,
                     .value = "CONTENTS",
                     .choices = overs,
                     .help = "what is written over: present (what is there), random, "
                             "complement (all cells must change), erased_p, erased_ap" },
    [POINT_SEED] = { .name = "seed",
                     .kind = OPTION_COUNT,
                     .value = "N",
                     .help =
                         "of the simulated devices and their luck: the same seed gives "
                         "the same wrong bits" },
    [POINT_DEFAULT] = { .name = "default",
                        .kind = OPTION_LIST,
                        .value = "FIELD",
                        .help = "put this one back to its default; may be repeated" },
    [POINT_IF_MATCH] = { .name = "if-match",
                         .kind = OPTION_COUNT,
                         .value = "GENERATION",
                         .help = "only if the memory still holds this generation" },
    [POINT_OPTIONS] = { .name = NULL },
};

/* What each option is called in JSON; "object.member" one level down. */
static const char *const fields[POINT_OPTIONS] = {
    [POINT_MODE] = "mode",
    [POINT_TARGET] = "target_write_error_rate",
    [POINT_PULSE] = "pulse_ns",
    [POINT_P2AP] = "write_voltage_v.p2ap",
    [POINT_AP2P] = "write_voltage_v.ap2p",
    [POINT_BIT_ERROR_RATE] = "bit_error_rate",
    [POINT_TEMPERATURE] = "temperature_k",
    [POINT_OVER] = "program_over",
    [POINT_SEED] = "seed",
};

/* -- The patch -- */

/* Takes `value`. ST_RANGE if the member is there already. */
static enum status put(json_t *patch, const char *path, json_t *value)
{
    size_t len = strcspn(path, ".");
    json_t *object = patch;
    enum status st = ST_OK;

    if (path[len] == '.') {
        object = json_object_getn(patch, path, len);
        if (object == NULL && json_object_setn_new(patch, path, len, json_object()) == 0)
            object = json_object_getn(patch, path, len);
        path += len + 1;
    }
    if (object == NULL || value == NULL)
        st = ST_NOMEM;
    else if (!json_is_object(object) || json_object_get(object, path) != NULL)
        st = ST_RANGE;
    else if (json_object_set(object, path, value) != 0)
        st = ST_NOMEM;
    json_decref(value);
    return st;
}

static enum status put_given(json_t *patch, const struct option_value *values)
{
    enum status st = ST_OK;

    for (size_t i = 0; i < POINT_OPTIONS && st == ST_OK; i++) {
        if (!values[i].given || fields[i] == NULL)
            continue;
        if (point_options[i].kind == OPTION_CHOICE)
            st = put(patch, fields[i], json_string(values[i].text));
        else if (point_options[i].kind == OPTION_COUNT)
            st = put(patch, fields[i], json_integer((json_int_t)values[i].count));
        else
            st = put(patch, fields[i], json_real(values[i].number));
    }
    return st;
}

/* The JSON member that --default FIELD means: its own name, or the option's. */
static const char *default_member(const char *name)
{
    if (strcmp(name, "write_voltage_v") == 0 || strncmp(name, "voltage", 7) == 0)
        return "write_voltage_v"; /* the two voltages go together */
    for (size_t i = 0; i < POINT_OPTIONS; i++)
        if (fields[i] != NULL &&
            (strcmp(name, fields[i]) == 0 || strcmp(name, point_options[i].name) == 0))
            return fields[i];
    return NULL;
}

static enum status put_defaults(json_t *patch, const struct option_value *defaults,
                                char why[ERR_LEN])
{
    static const char *const names[] = { "mode",    "target",         "pulse-ns",
                                         "voltage", "bit-error-rate", "temperature-k",
                                         "over",    "seed",           NULL };

    for (size_t i = 0; i < defaults->n_list; i++) {
        const char *member = default_member(defaults->list[i]);

        if (member == NULL) {
            char suggestion[64];

            options_suggest(defaults->list[i], names, suggestion, sizeof(suggestion));
            snprintf(why, ERR_LEN, "--default: there is no field %.60s%s",
                     defaults->list[i], suggestion);
            return ST_RANGE;
        }
        enum status st = put(patch, member, json_null());
        if (st == ST_RANGE)
            snprintf(why, ERR_LEN, "--default %.60s: the field is given a second time",
                     defaults->list[i]);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

enum status point_patch(const struct option_value values[POINT_OPTIONS], char **ret_patch,
                        char why[ERR_LEN])
{
    json_t *patch = json_object();
    enum status st = patch != NULL ? ST_OK : ST_NOMEM;

    snprintf(why, ERR_LEN, "out of memory");
    if (st == ST_OK)
        st = put_given(patch, values);
    if (st == ST_OK)
        st = put_defaults(patch, &values[POINT_DEFAULT], why);
    if (st == ST_OK && json_object_size(patch) == 0) {
        snprintf(why, ERR_LEN, "nothing to set; --help lists what can be set");
        st = ST_RANGE;
    }
    if (st == ST_OK) {
        /* 15 digits: a number goes out as it was typed, 0.05 and not
         * 0.050000000000000003. */
        char *text = json_dumps(patch, JSON_COMPACT | JSON_REAL_PRECISION(15));

        if (text != NULL)
            *ret_patch = text;
        else
            st = ST_NOMEM;
    }
    json_decref(patch);
    return st;
}

/* -- The answer -- */

static const char *explain_mode(const char *mode)
{
    if (strcmp(mode, "device") == 0)
        return " (every cell as fabricated)";
    if (strcmp(mode, "uniform") == 0)
        return " (every cell like the mean)";
    return strcmp(mode, "iid") == 0 ? " (bits flipped at random, no physics)" : "";
}

/* " (solved)" behind what the daemon worked out from the target. */
static const char *solved(const json_t *point, const char *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(field(point, "solved"), i, entry)
    {
        if (json_is_string(entry) && strcmp(json_string_value(entry), name) == 0)
            return " (solved)";
    }
    return "";
}

/* A line for one condition; none if it does not apply. */
static void print_number(FILE *out, const json_t *point, const char *name,
                         const char *path, const char *unit)
{
    char text[OUTPUT_NUMBER], line[OUTPUT_NUMBER + 16];
    double value = field_number(point, path);

    if (!isfinite(value))
        return;
    snprintf(line, sizeof(line), "%s%s", output_number(value, unit, text),
             solved(point, path));
    output_line(out, name, line);
}

static void print_rate(FILE *out, const json_t *point, const char *name, const char *path)
{
    char text[OUTPUT_NUMBER];
    double value = field_number(point, path);

    if (isfinite(value))
        output_line(out, name, output_rate(value, text));
}

static void print_conditions(FILE *out, const json_t *point)
{
    const char *mode = field_text(point, "mode", "?");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[128];
    double p2ap = field_number(point, "write_voltage_v.p2ap");
    double ap2p = field_number(point, "write_voltage_v.ap2p");

    snprintf(line, sizeof(line), "%.40s%s", mode, explain_mode(mode));
    output_line(out, "mode", line);
    print_rate(out, point, "target", "target_write_error_rate");
    print_rate(out, point, "bit error rate", "bit_error_rate");
    if (isfinite(p2ap) || isfinite(ap2p)) {
        snprintf(line, sizeof(line), "%s P to AP, %s AP to P%s",
                 output_number(p2ap, "V", a), output_number(ap2p, "V", b),
                 solved(point, "write_voltage_v"));
        output_line(out, "write voltage", line);
    }
    print_number(out, point, "pulse", "pulse_ns", "ns");
    print_number(out, point, "temperature", "temperature_k", "K");
    if (strcmp(mode, "iid") != 0)
        output_line(out, "written over", field_text(point, "program_over", "present"));
    output_line(out, "seed", output_id(field_number(point, "seed"), a));
    if (field(point, "programmed_at") != NULL)
        output_line(out, "programmed at", field_text(point, "programmed_at", "-"));
}

/* Cells that had to change their state; NaN without physics, which shows as no energy. */
static double toggles(const json_t *result)
{
    if (field(result, "energy_pj") == NULL)
        return (double)NAN;
    return field_number(result, "toggles.p2ap") + field_number(result, "toggles.ap2p");
}

/* cells, wrong bits, rate, changed cells, errors by direction, energy */
static void add_result(struct table *table, const char *name, const json_t *result)
{
    char text[OUTPUT_NUMBER];
    double cells = field_number(result, "cells");
    double wrong = field_number(result, "wrong_bits");

    table_add(table, name);
    table_add(table, output_count(cells, text));
    table_add(table, output_count(wrong, text));
    table_add(table, output_rate(cells > 0.0 ? wrong / cells : (double)NAN, text));
    table_add(table, output_count(toggles(result), text));
    table_add(table, output_count(field_number(result, "errors.p2ap"), text));
    table_add(table, output_count(field_number(result, "errors.ap2p"), text));
    table_add(table, output_energy(field_number(result, "energy_pj"), text));
}

static void add_prediction(struct table *table, const json_t *point)
{
    char text[OUTPUT_NUMBER];
    double cells = field_number(point, "result.cells");
    double rate = field_number(point, "predicted.stored_bit_error_rate");
    double wrong = field_number(point, "predicted.wrong_bits");

    table_add(table, "predicted");
    table_add(table, output_count(cells, text));
    table_add(table, output_count(isfinite(wrong) ? wrong : rate * cells, text));
    table_add(table, output_rate(rate, text));
    table_add(table, "");
    table_add(table, "");
    table_add(table, "");
    table_add(table, output_energy(field_number(point, "predicted.energy_pj"), text));
}

static enum status print_results(FILE *out, const json_t *point)
{
    struct table table;
    const json_t *layer;
    size_t i;

    table_init(&table, "LAYER|>CELLS|>WRONG BITS|>BIT ERROR RATE|>CHANGED|>P TO AP|"
                       ">AP TO P|>WRITE ENERGY");
    json_array_foreach(field(point, "result.layers"), i, layer)
        add_result(&table, field_text(layer, "name", "?"), layer);
    add_result(&table, "all", field(point, "result"));
    add_prediction(&table, point);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

enum status point_print(FILE *out, const char *model, const json_t *point)
{
    char text[OUTPUT_NUMBER];
    double generation = field_number(point, "result.generation");

    if (!isfinite(generation))
        generation = field_number(point, "generation");
    fputs("operating point of ", out);
    output_text(out, model);
    fprintf(out, ", generation %s\n", output_id(generation, text));
    print_conditions(out, point);
    print_rate(out, point, "write error rate", "predicted.write_error_rate");
    fputc('\n', out);
    if (print_results(out, point) != ST_OK)
        return ST_NOMEM;
    if (toggles(field(point, "result")) == 0.0)
        fputs("\n  No cell had to change its state, so none could fail. --over random "
              "writes\n"
              "  over other contents.\n",
              out);
    return ST_OK;
}
