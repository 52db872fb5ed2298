/* SPDX-License-Identifier: Apache-2.0 */
/* energy.c - `spinbnn energy`: the ledger, by layer and kind. */
#include "cli/energy.h"

#include "cli/ask.h"
#include "cli/field.h"
#include "cli/output.h"

#include <string.h>

static const struct option no_options[] = { { .name = NULL } };

#define PJ_PER_J 1e12

static const struct {
    const char *member, *title;
    bool always; /* a column even where it is 0 for all */
} kinds[] = {
    { "toggle", "|>TOGGLE", true },  { "hold", "|>HOLD", true },
    { "check", "|>CHECK", false },   { "encode", "|>ENCODE", false },
    { "verify", "|>VERIFY", false }, { "read", "|>READ", true },
    { "decode", "|>DECODE", false }, { "compute", "|>COMPUTE", true },
    { "total", "|>TOTAL", true },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool is_shown(const json_t *total, size_t kind)
{
    return kinds[kind].always || field_number(total, kinds[kind].member) > 0.0;
}

static void add_row(struct table *table, const char *name, const json_t *joules,
                    const json_t *total)
{
    char text[OUTPUT_NUMBER];

    table_add(table, name);
    for (size_t i = 0; i < N_KINDS; i++)
        if (is_shown(total, i))
            table_add(table, output_energy(
                                 PJ_PER_J * field_number(joules, kinds[i].member), text));
}

static enum status print_table(FILE *out, const json_t *ledger)
{
    const json_t *total = field(ledger, "joules"), *layer;
    char columns[160] = "LAYER";
    struct table table;
    size_t i;

    for (i = 0; i < N_KINDS; i++)
        if (is_shown(total, i))
            strcat(columns, kinds[i].title); /* all of them fit */
    table_init(&table, columns);
    json_array_foreach(field(ledger, "layers"), i, layer)
        add_row(&table, field_text(layer, "name", "?"), field(layer, "joules"), total);
    add_row(&table, "all", total, total);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

static void print_picture(FILE *out, const json_t *ledger)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], d[OUTPUT_NUMBER],
        line[5 * OUTPUT_NUMBER];
    double decode = field_number(ledger, "per_image_pj.decode");

    snprintf(line, sizeof(line), "%s: %s reading cells, %s computing%s%s",
             output_energy(field_number(ledger, "per_image_pj.total"), a),
             output_energy(field_number(ledger, "per_image_pj.read"), b),
             output_energy(field_number(ledger, "per_image_pj.compute"), c),
             decode > 0.0 ? ", decoding " : "",
             decode > 0.0 ? output_energy(decode, d) : "");
    output_line(out, "a picture", line);
    if (field(ledger, "operations") == NULL)
        return;
    snprintf(line, sizeof(line), "%s a bit operation, %s a threshold, %s a logit",
             output_number(field_number(ledger, "operations.bit_operation_fj"), "fJ", a),
             output_number(field_number(ledger, "operations.threshold_fj"), "fJ", b),
             output_number(field_number(ledger, "operations.logit_fj"), "fJ", c));
    output_line(out, "computing", line);
}

enum status energy_print(FILE *out, const char *model, const json_t *ledger)
{
    fputs("energy of ", out);
    output_text(out, model);
    fputs(" since ", out);
    output_text(out, field_text(ledger, "since", "the daemon started"));
    fputs("\n\n", out);
    if (print_table(out, ledger) != ST_OK)
        return ST_NOMEM;
    fputc('\n', out);
    print_picture(out, ledger);
    return ST_OK;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    const struct ask ask = { .method = "GET", .path = "/energy", .print = energy_print };

    (void)values;
    (void)args;
    (void)n_args;
    return ask_run(cli, &ask);
}

const struct command energy_command = {
    .name = "energy",
    .args = "",
    .summary = "show where a model's energy went, by layer and kind",
    .about =
        "Writing: cells that changed (toggle) or held their bit, check cells of a code,\n"
        "making check bits (encode), reading back (verify). Inference: reading cells,\n"
        "mending words (decode), and the arithmetic (compute).\n",
    .examples = "  spinbnn energy -m mnist\n"
                "  spinbnn energy -m mnist --json | jq .joules.total\n",
    .options = no_options,
    .run = run,
};
