/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state.h"

#include "cli/field.h"

#include <math.h>
#include <string.h>

/* -- Rows -- */

bool state_has_code(const json_t *result)
{
    const json_t *layer;
    size_t i;

    if (field(result, "code") != NULL)
        return true;
    json_array_foreach(field(result, "layers"), i, layer)
    {
        if (field(layer, "code") != NULL)
            return true;
    }
    return false;
}

void state_table_init(struct table *table, bool code, const char *more)
{
    char columns[256];

    snprintf(columns, sizeof(columns),
             "LAYER|>WEIGHTS|>WRONG BITS|>BIT ERROR RATE|>CELLS|>CELL ERRORS%s%s",
             code ? "|>CORRECTED|>DETECTED|>MISCORRECTED" : "", more);
    table_init(table, columns);
}

static void add_count(struct table *table, const json_t *state, const char *path)
{
    char text[OUTPUT_NUMBER];

    table_add(table, output_count(field_number(state, path), text));
}

void state_add(struct table *table, const char *name, const json_t *state, bool code)
{
    char text[OUTPUT_NUMBER];

    table_add(table, name);
    add_count(table, state, "weights");
    add_count(table, state, "wrong_bits");
    table_add(table, output_rate(field_number(state, "bit_error_rate"), text));
    add_count(table, state, "cells");
    add_count(table, state, "cell_errors");
    if (code) {
        add_count(table, state, "code.corrected");
        add_count(table, state, "code.detected");
        add_count(table, state, "code.miscorrected");
    }
}

/* -- Lines -- */

void state_line(FILE *out, const char *name, const json_t *state)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], d[OUTPUT_NUMBER],
        e[OUTPUT_NUMBER], line[6 * OUTPUT_NUMBER];

    snprintf(line, sizeof(line), "%s of %s weights wrong (%s), %s of %s cells",
             output_count(field_number(state, "wrong_bits"), a),
             output_count(field_number(state, "weights"), b),
             output_rate(field_number(state, "bit_error_rate"), c),
             output_count(field_number(state, "cell_errors"), d),
             output_count(field_number(state, "cells"), e));
    output_line(out, name, line);
}

static void code_line(FILE *out, const json_t *code)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], d[OUTPUT_NUMBER],
        line[5 * OUTPUT_NUMBER];

    if (code == NULL)
        return;
    snprintf(line, sizeof(line),
             "%s words: %s corrected, %s detected only, %s miscorrected",
             output_count(field_number(code, "words"), a),
             output_count(field_number(code, "corrected"), b),
             output_count(field_number(code, "detected"), c),
             output_count(field_number(code, "miscorrected"), d));
    output_line(out, "code", line);
}

void state_details(FILE *out, const json_t *state)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[4 * OUTPUT_NUMBER];

    if (field(state, "wrong") != NULL) {
        snprintf(line, sizeof(line), "%s of -1 read as +1, %s of +1 read as -1",
                 output_count(field_number(state, "wrong.minus_to_plus"), a),
                 output_count(field_number(state, "wrong.plus_to_minus"), b));
        output_line(out, "wrong bits", line);
    }
    if (field_number(state, "cell_errors") > 0.0) {
        snprintf(line, sizeof(line),
                 "%s in P that should be AP, %s in AP that should be P",
                 output_count(field_number(state, "errors.p2ap"), a),
                 output_count(field_number(state, "errors.ap2p"), b));
        output_line(out, "cell errors", line);
    }
    code_line(out, field(state, "code"));
    if (field_number(state, "stuck_cells") > 0.0) {
        snprintf(line, sizeof(line), "%s cells, %s of them wrong",
                 output_count(field_number(state, "stuck_cells"), a),
                 output_count(field_number(state, "stuck_errors"), b));
        output_line(out, "stuck", line);
    }
    if (field_number(state, "equal_pairs") > 0.0) {
        snprintf(line, sizeof(line), "%s, which read as chance has it",
                 output_count(field_number(state, "equal_pairs"), a));
        output_line(out, "equal pairs", line);
    }
}

void state_changes(FILE *out, const json_t *outcome)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[6 * OUTPUT_NUMBER];
    double failures = field_number(outcome, "failures");
    double retries = field_number(outcome, "retries");
    int len;

    if (field(outcome, "energy_pj") == NULL || field(outcome, "toggles") == NULL)
        return;
    len = snprintf(line, sizeof(line), "%s cells P to AP, %s AP to P",
                   output_count(field_number(outcome, "toggles.p2ap"), a),
                   output_count(field_number(outcome, "toggles.ap2p"), b));
    if (isfinite(failures))
        len += snprintf(line + len, sizeof(line) - (size_t)len,
                        "; the first pulse failed on %s", output_count(failures, a));
    if (retries > 0.0)
        snprintf(line + len, sizeof(line) - (size_t)len, ", %s pulses were given again",
                 output_count(retries, a));
    output_line(out, "had to change", line);
}

void state_energy(FILE *out, const json_t *energy)
{
    static const struct {
        const char *member, *kind;
    } kinds[] = {
        { "toggle_pj", "changing cells" }, { "hold_pj", "cells that held" },
        { "check_pj", "check cells" },     { "encode_pj", "encoding" },
        { "verify_pj", "verifying" },
    };
    const size_t n_kinds = sizeof(kinds) / sizeof(kinds[0]);
    char text[OUTPUT_NUMBER], line[8 * OUTPUT_NUMBER];
    bool more = false;
    size_t used = 0;

    for (size_t i = 2; i < n_kinds; i++)
        more = more || field_number(energy, kinds[i].member) > 0.0;
    if (!more)
        return;
    for (size_t i = 0; i < n_kinds; i++) {
        double pj = field_number(energy, kinds[i].member);

        if (pj > 0.0)
            used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s %s",
                                     used > 0 ? ", " : "", output_energy(pj, text),
                                     kinds[i].kind);
    }
    output_line(out, "energy", line);
}

void state_flips(const json_t *flips, char *ret_text, size_t size)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];

    snprintf(ret_text, size, "%s from P, %s from AP",
             output_count(field_number(flips, "from_p"), a),
             output_count(field_number(flips, "from_ap"), b));
}

double state_flips_sum(const json_t *flips)
{
    return field_number(flips, "from_p") + field_number(flips, "from_ap");
}

/* -- Parts of an answer -- */

void state_heading(FILE *out, const char *lead, const char *model, const json_t *answer)
{
    char text[OUTPUT_NUMBER];

    fputs(lead, out);
    output_text(out, model);
    fprintf(out, ", generation %s\n",
            output_id(field_number(answer, "generation"), text));
}
