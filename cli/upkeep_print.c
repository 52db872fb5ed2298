/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of scrub, age and inject as text. */
#include "cli/upkeep.h"

#include "cli/field.h"
#include "cli/state.h"

#include <math.h>

/* A line for before and one for after. */
static void print_change(FILE *out, const json_t *answer)
{
    state_line(out, "before", field(answer, "before"));
    state_line(out, "now", field(answer, "result"));
    state_details(out, field(answer, "result"));
}

static enum status print_layers(FILE *out, const json_t *result)
{
    bool code = state_has_code(result);
    struct table table;
    const json_t *layer;
    size_t i;

    state_table_init(&table, code, "");
    json_array_foreach(field(result, "layers"), i, layer)
        state_add(&table, field_text(layer, "name", "?"), layer, code);
    state_add(&table, "all", result, code);
    fputc('\n', out);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

enum status scrub_print(FILE *out, const char *model, const json_t *answer)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[2 * OUTPUT_NUMBER + 32];
    double energy = field_number(answer, "energy_pj");

    state_heading(out, "scrubbed ", model, answer);
    snprintf(line, sizeof(line), "%s cells%s%s",
             output_count(field_number(answer, "restored_cells"), a),
             isfinite(energy) ? " for " : "",
             isfinite(energy) ? output_energy(energy, b) : "");
    output_line(out, "restored", line);
    print_change(out, answer);
    state_energy(out, field(answer, "energy"));
    return print_layers(out, field(answer, "result"));
}

static void add_flips(struct table *table, const json_t *object)
{
    char text[OUTPUT_NUMBER];
    double expected = state_flips_sum(field(object, "expected"));

    table_add(table, output_count(state_flips_sum(field(object, "flipped")), text));
    table_add(table, output_expected(expected, text));
}

static enum status print_aged_layers(FILE *out, const json_t *answer)
{
    const json_t *result = field(answer, "result"), *layer;
    bool code = state_has_code(result);
    struct table table;
    size_t i;

    state_table_init(&table, code, "|>FLIPPED|>EXPECTED");
    json_array_foreach(field(result, "layers"), i, layer)
    {
        state_add(&table, field_text(layer, "name", "?"), layer, code);
        add_flips(&table, layer);
    }
    state_add(&table, "all", result, code);
    add_flips(&table, answer);
    fputc('\n', out);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

enum status age_print(FILE *out, const char *model, const json_t *answer)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[4 * OUTPUT_NUMBER];

    state_heading(out, "aged ", model, answer);
    snprintf(line, sizeof(line), "%s at %s",
             output_duration(field_number(answer, "seconds"), a),
             output_number(field_number(answer, "temperature_k"), "K", b));
    output_line(out, "left alone", line);
    output_line(out, "since written", output_duration(field_number(answer, "age_s"), a));
    state_flips(field(answer, "flipped"), line, sizeof(line));
    output_line(out, "flipped", line);
    print_change(out, answer);
    return print_aged_layers(out, answer);
}

enum status inject_print(FILE *out, const char *model, const json_t *answer)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[2 * OUTPUT_NUMBER + 64];
    double stuck = field_number(answer, "stuck");

    state_heading(out, "injected into ", model, answer);
    snprintf(line, sizeof(line), "%s cells",
             output_count(field_number(answer, "flipped"), a));
    if (stuck > 0.0)
        snprintf(line, sizeof(line), "%s cells; %s are stuck and stayed", a,
                 output_count(stuck, b));
    output_line(out, "flipped", line);
    print_change(out, answer);
    return print_layers(out, field(answer, "result"));
}
