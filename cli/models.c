/* SPDX-License-Identifier: Apache-2.0 */
/* models.c - `spinbnn models`: what the daemon serves; with --model one of them in full.
 */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/report.h"

#include <math.h>
#include <stdlib.h>

static const struct option no_options[] = { { .name = NULL } };

/* "28 x 28 grey, +1 where pixel >= 128" */
static void describe_input(const json_t *model, char *ret_text, size_t size)
{
    double threshold = field_number(model, "input.threshold");
    int len =
        snprintf(ret_text, size, "%.0f x %.0f %s", field_number(model, "input.height"),
                 field_number(model, "input.width"),
                 field_number(model, "input.channels") == 3.0 ? "RGB" : "grey");

    if (isfinite(threshold) && len > 0 && (size_t)len < size)
        snprintf(ret_text + len, size - (size_t)len, ", +1 where pixel >= %.0f",
                 threshold);
}

static int print_list(const json_t *models)
{
    struct table table;
    const json_t *model;
    char text[OUTPUT_NUMBER], input[64];
    size_t i;

    table_init(&table,
               "NAME|>VERSION|STATE|INPUT|>CLASSES|>CELLS|>WRONG BITS|>BIT ERROR RATE|"
               ">ACCURACY*|>ENERGY**");
    json_array_foreach(models, i, model)
    {
        snprintf(input, sizeof(input), "%.0f x %.0f %s",
                 field_number(model, "input.height"), field_number(model, "input.width"),
                 field_number(model, "input.channels") == 3.0 ? "RGB" : "grey");
        table_add(&table, field_text(model, "name", "?"));
        table_add(&table, field_text(model, "version", "-"));
        table_add(&table, field_text(model, "state", "?"));
        table_add(&table, input);
        table_add(&table, output_count(field_number(model, "classes"), text));
        table_add(&table, output_count(field_number(model, "cells"), text));
        table_add(&table, output_count(field_number(model, "memory.wrong_bits"), text));
        table_add(&table,
                  output_rate(field_number(model, "memory.bit_error_rate"), text));
        table_add(&table, output_percent(field_number(model, "accuracy.ratio"), text));
        table_add(&table, output_energy(field_number(model, "energy.total_pj"), text));
    }

    enum status st = table_print(&table, stdout, 0);
    table_done(&table);
    if (st != ST_OK)
        return report(EXIT_FAILURE, "out of memory");
    printf("\n*  shipped: measured without wrong bits    **  of one picture\n"
           "One of them in full: spinbnn models --model NAME, or NAME:VERSION\n");
    return EXIT_SUCCESS;
}

static void print_labels(const json_t *labels)
{
    const json_t *label;
    size_t i;

    printf("  %-16s  ", "labels");
    json_array_foreach(labels, i, label)
    {
        if (i == 20) {
            printf(", ... (%zu in all)", json_array_size(labels));
            break;
        }
        fputs(i ? ", " : "", stdout);
        output_text(stdout, json_is_string(label) ? json_string_value(label) : "?");
    }
    putchar('\n');
}

static int print_layers(const json_t *layers)
{
    struct table table;
    const json_t *layer;
    char text[OUTPUT_NUMBER];
    size_t i;

    table_init(&table, "LAYER|KIND|>INPUTS|>OUTPUTS|>CELLS");
    json_array_foreach(layers, i, layer)
    {
        table_add(&table, field_text(layer, "name", "?"));
        table_add(&table, field_text(layer, "kind", "?"));
        table_add(&table, output_count(field_number(layer, "inputs"), text));
        table_add(&table, output_count(field_number(layer, "outputs"), text));
        table_add(&table, output_count(field_number(layer, "cells"), text));
    }

    enum status st = table_print(&table, stdout, 2);
    table_done(&table);
    return st == ST_OK ? EXIT_SUCCESS : report(EXIT_FAILURE, "out of memory");
}

static int print_model(const json_t *model)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], line[256];

    output_text(stdout, field_text(model, "name", "?"));
    putchar('\n');
    output_line(stdout, "version", field_text(model, "version", "-"));
    output_line(stdout, "description", field_text(model, "description", "-"));
    output_line(stdout, "training", field_text(model, "training", "-"));
    output_line(stdout, "checksum", field_text(model, "checksum", "-"));
    output_line(stdout, "state", field_text(model, "state", "-"));
    output_line(stdout, "generation", output_id(field_number(model, "generation"), a));
    describe_input(model, line, sizeof(line));
    output_line(stdout, "input", line);
    print_labels(field(model, "labels"));
    if (field(model, "accuracy") != NULL) {
        snprintf(line, sizeof(line), "%s (%s of %s, %.100s), without wrong bits",
                 output_percent(field_number(model, "accuracy.ratio"), a),
                 output_count(field_number(model, "accuracy.correct"), b),
                 output_count(field_number(model, "accuracy.total"), c),
                 field_text(model, "accuracy.test_set", "unnamed test set"));
        output_line(stdout, "accuracy", line);
    } else {
        output_line(stdout, "accuracy", "unknown");
    }
    snprintf(line, sizeof(line), "%s wrong of %s cells, bit error rate %s",
             output_count(field_number(model, "memory.wrong_bits"), a),
             output_count(field_number(model, "memory.cells"), b),
             output_rate(field_number(model, "memory.bit_error_rate"), c));
    output_line(stdout, "memory", line);
    snprintf(line, sizeof(line), "%s a picture: %s reading cells, %s computing",
             output_energy(field_number(model, "energy.total_pj"), a),
             output_energy(field_number(model, "energy.read_pj"), b),
             output_energy(field_number(model, "energy.compute_pj"), c));
    output_line(stdout, "energy", line);
    putchar('\n');
    return print_layers(field(model, "layers"));
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    struct client *client = NULL;
    struct reply reply;
    char *path = NULL;

    (void)values;
    (void)args;
    (void)n_args;
    int code = client_open(cli, &client);
    if (code != EXIT_SUCCESS)
        return code;
    if (cli->model != NULL &&
        (path = client_model_path(client, cli->model, "")) == NULL) {
        client_close(client);
        return report(EXIT_FAILURE, "out of memory");
    }

    const struct request ask = { .method = "GET",
                                 .path = path != NULL ? path : "/api/v1/models" };
    if (!client_call(client, &ask, true, cli->model != NULL ? cli->model : "models",
                     &reply))
        code = reply.exit_code;
    else if (cli->json)
        code =
            output_json(stdout, reply.json, false) == ST_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        code = path != NULL ? print_model(reply.json)
                            : print_list(field(reply.json, "models"));
    reply_done(&reply);
    free(path);
    client_close(client);
    return code;
}

const struct command models_command = {
    .name = "models",
    .args = "",
    .summary = "list what the daemon serves, or show one model in full",
    .about = "Lists the models with their size, the wrong bits that their memory holds\n"
             "now, the accuracy that was measured without wrong bits, and the energy of\n"
             "one picture. With --model NAME: everything about one, layer by layer.\n",
    .examples = "  spinbnn models\n"
                "  spinbnn models --model mnist\n"
                "  spinbnn models --json | jq -r '.models[].name'\n",
    .options = no_options,
    .run = run,
};
