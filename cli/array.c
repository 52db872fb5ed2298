/* SPDX-License-Identifier: Apache-2.0 */
/* array.c - `spinbnn array export|import|diff`: the array as a file, and against itself.
 */
#include "cli/array.h"

#include "cli/ask.h"
#include "cli/client.h"
#include "cli/field.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/point.h"
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* Bits of a diff that are shown without --json. */
#define MAX_SHOWN_BITS 1000

enum { OUTPUT, LIST, N_OPTIONS };

static const struct option options[] = {
    [OUTPUT] = { .name = "output",
                 .letter = 'o',
                 .kind = OPTION_TEXT,
                 .value = "FILE",
                 .help = "export: where the image goes; - is standard output" },
    [LIST] = { .name = "list",
               .kind = OPTION_COUNT,
               .value = "K",
               .help =
                   "diff: name up to K weights of each layer that are wrong in both" },
    { .name = NULL },
};

/* -- diff: the answer -- */

static void add_diff(struct table *table, const char *name, const json_t *diff)
{
    static const char *const members[] = { "wrong_a", "wrong_b", "only_a", "only_b",
                                           "both" };
    char text[OUTPUT_NUMBER];
    double expected = field_number(diff, "expected_both_if_independent");

    table_add(table, name);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        table_add(table, output_count(field_number(diff, members[i]), text));
    table_add(table, output_expected(expected, text));
}

static void print_bits(FILE *out, const json_t *layers)
{
    const json_t *layer, *bit;
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];
    size_t i, k, n = 0;

    json_array_foreach(layers, i, layer)
    {
        json_array_foreach(field(layer, "bits"), k, bit)
        {
            if (n == MAX_SHOWN_BITS) {
                fputs("  ... (--json shows all)\n", out);
                return;
            }
            fputs(n++ == 0 ? "\nwrong in both, as LAYER:ROW:COLUMN:\n  " : "  ", out);
            output_text(out, field_text(layer, "name", "?"));
            fprintf(out, ":%s:%s\n", output_id(field_number(bit, "row"), a),
                    output_id(field_number(bit, "column"), b));
        }
    }
}

enum status array_print_diff(FILE *out, const char *model, const json_t *diff)
{
    struct table table;
    const json_t *layer, *layers = field(diff, "layers");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];
    double both = field_number(diff, "both");
    double expected = field_number(diff, "expected_both_if_independent");
    size_t i;

    output_text(out, model);
    fprintf(out, ", wrong weights of generations %s (A) and %s (B)\n",
            output_id(field_number(diff, "a"), a), output_id(field_number(diff, "b"), b));
    table_init(&table,
               "LAYER|>WRONG IN A|>WRONG IN B|>ONLY A|>ONLY B|>BOTH|>BOTH BY CHANCE");
    json_array_foreach(layers, i, layer)
        add_diff(&table, field_text(layer, "name", "?"), layer);
    add_diff(&table, "all", diff);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    if (st != ST_OK)
        return st;
    /* Five standard deviations, and a handful at least: said only of what is no chance.
     */
    if (both > expected + 5.0 * sqrt(expected) + 5.0)
        fputs(
            "\n  Far more are wrong in both than by chance: the same cells fail again.\n",
            out);
    print_bits(out, layers);
    return ST_OK;
}

/* -- The verbs -- */

static int export(const struct cli *cli, const struct option_value *values)
{
    if (!values[OUTPUT].given)
        return report(EX_USAGE, "array export: where to? say --output FILE");
    const struct ask ask = { .path = "/array" };

    return ask_save(cli, &ask, values[OUTPUT].text);
}

static int import(const struct cli *cli, const char *file)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    char why[ERR_LEN];

    /* As large as an image can have been exported. */
    if (input_read(file, CLIENT_MAX_ANSWER, &bytes, &len, why) != ST_OK)
        return report(EXIT_FAILURE, "%s: %s", file, why);

    const struct ask ask = { .method = "PUT",
                             .path = "/array",
                             .content_type = "application/octet-stream",
                             .body = bytes,
                             .len = len,
                             .print = point_print };
    int code = ask_run(cli, &ask);
    free(bytes);
    return code;
}

/* A generation; 0 is none. */
static unsigned long long generation_of(const char *text)
{
    char *end = NULL;
    unsigned long long n =
        text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;

    return n > 0 && *end == '\0' ? n : 0;
}

static int diff(const struct cli *cli, const struct option_value *values, char **args)
{
    unsigned long long a = generation_of(args[0]), b = generation_of(args[1]);
    char path[128], list[40] = "";
    const struct ask ask = { .method = "GET", .path = path, .print = array_print_diff };

    if (a == 0 || b == 0)
        return report(EX_USAGE,
                      "array diff: %.64s is no generation; they are numbers "
                      "from 1, as operating-point get shows",
                      a == 0 ? args[0] : args[1]);
    if (values[LIST].given)
        snprintf(list, sizeof(list), "&list=%llu",
                 (unsigned long long)values[LIST].count);
    snprintf(path, sizeof(path), "/array/diff?a=%llu&b=%llu%s", a, b, list);
    return ask_run(cli, &ask);
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    /* Which arguments and which option go with which verb. */
    static const char *const verbs[] = { "export", "import", "diff", NULL };
    static const struct {
        size_t n_args;
        const char *args;
        size_t other_option;
    } rules[] = { { 0, "no argument", LIST },
                  { 1, "one FILE", OUTPUT },
                  { 2, "two generations", OUTPUT } };
    char verb_name[32];
    size_t verb = 0;

    while (verbs[verb] != NULL && strcmp(args[0], verbs[verb]) != 0)
        verb++;
    if (verbs[verb] == NULL)
        return ask_unknown_verb("array", args[0], verbs);

    snprintf(verb_name, sizeof(verb_name), "array %s", verbs[verb]);
    if (n_args - 1 != rules[verb].n_args)
        return report(EX_USAGE, "%s takes %s; spinbnn array --help explains", verb_name,
                      rules[verb].args);
    int code = ask_refuse(verb_name, options, values, rules[verb].other_option, 1);
    /* A file has nothing to list either. */
    if (code == EXIT_SUCCESS && verb == 1)
        code = ask_refuse(verb_name, options, values, LIST, 1);
    if (code != EXIT_SUCCESS)
        return code;
    return verb == 0   ? export(cli, values)
           : verb == 1 ? import(cli, args[1])
                       : diff(cli, values, args + 1);
}

const struct command array_command = {
    .name = "array",
    .args = "export|import|diff [FILE | A B]",
    .summary = "keep a model's array as a file, or compare two generations of it",
    .about =
        "`export` writes every cell, the devices and the conditions to a file with a\n"
        "checksum; `import` puts such a file in the place of the array, as a new\n"
        "generation, of a model with the same network.\n"
        "\n"
        "`diff` counts the weights that are wrong in two generations, A and B. Weak\n"
        "cells fail again and again: in mode device more are wrong in both than by\n"
        "chance. The daemon remembers the last 16 generations.\n",
    .examples = "  spinbnn array export -m mnist -o mnist.array\n"
                "  spinbnn array import -m mnist mnist.array\n"
                "  spinbnn array diff -m mnist 12 13 --list 5\n",
    .options = options,
    .min_args = 1,
    .max_args = 3,
    .run = run,
};
