/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.c - `spinbnn inspect FILE.sbnn`: what is in a model file; asks no daemon. */
#include "cli/cli.h"
#include "cli/layer_stats.h"
#include "cli/output.h"
#include "cli/report.h"
#include "core/interval.h"
#include "storage/model_file.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>

static const struct option no_options[] = { { .name = NULL } };

static const char *kind_name(enum network_layer_kind kind)
{
    return kind == NETWORK_FIRE ? "fire" : "logits";
}

static const char *value_name(enum network_value_kind kind)
{
    return kind == NETWORK_VALUE_PIXELS ? "pixels"
           : kind == NETWORK_VALUE_BITS ? "bits"
                                        : "reals";
}

/* Real-valued parameters, which lie in registers. */
static size_t count_reals(const struct network *net)
{
    size_t n = 0;

    for (size_t i = 0; i < net->n_stages; i++)
        n += net->stages[i].n_a + net->stages[i].n_b;
    return n;
}

/* Are the layers all there is to tell? */
static bool is_chain(const struct network *net)
{
    for (size_t i = 0; i < net->n_stages; i++) {
        struct network_value in = network_value(net, i);
        const struct network_stage *s = &net->stages[i];

        if (s->op != NETWORK_OP_BINARY || s->in[0] != i || s->layer != i ||
            s->window.kernel_h != in.height || s->window.kernel_w != in.width)
            return false;
    }
    return true;
}

/* -- Text -- */

static const char *channels_name(const struct network_input *in)
{
    return in->channels == 1 ? "grey" : in->bgr ? "BGR" : "RGB";
}

static void print_head(const struct network *net, const char *file, double bytes)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], line[256];
    const struct network_input *in = &net->input;

    output_text(stdout, net->name);
    putchar('\n');
    output_line(stdout, "description", net->description);
    output_line(stdout, "training", net->training);
    snprintf(line, sizeof(line), "%.180s, %s, checksum %08x", file,
             output_bytes(bytes, a), (unsigned)net->checksum);
    output_line(stdout, "file", line);
    if (in->encoding == NETWORK_BINARY)
        snprintf(line, sizeof(line), "%u x %u %s, +1 where pixel >= %u, else -1",
                 (unsigned)in->height, (unsigned)in->width, channels_name(in),
                 (unsigned)in->threshold);
    else
        snprintf(line, sizeof(line), "%u x %u %s, pixels 0..255", (unsigned)in->height,
                 (unsigned)in->width, channels_name(in));
    output_line(stdout, "input", line);
    snprintf(line, sizeof(line), "%s (one bit each), %s bit operations a picture",
             output_count((double)network_cells(net), a),
             output_count((double)network_bit_operations(net), b));
    output_line(stdout, "weights", line);
    if (in->fit == NETWORK_CROP) {
        snprintf(line, sizeof(line), "shorter side to %u, then the middle",
                 (unsigned)in->resize);
        output_line(stdout, "fit", line);
    }
    if (count_reals(net) > 0) {
        snprintf(line, sizeof(line), "%s real-valued, not in cells",
                 output_count((double)count_reals(net), a));
        output_line(stdout, "parameters", line);
    }
}

static void print_accuracy(const struct network *net)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], line[256];

    if (net->test_total == 0) {
        output_line(stdout, "accuracy", "not recorded");
        return;
    }

    struct interval i = interval_wilson(net->test_correct, net->test_total, INTERVAL_95);
    snprintf(line, sizeof(line), "%s, 95 %% interval %s to %s",
             output_percent((double)net->test_correct / net->test_total, a),
             output_percent(i.low, b), output_percent(i.high, c));
    output_line(stdout, "accuracy", line);
    snprintf(line, sizeof(line), "%s of %s, %.120s, without wrong bits",
             output_count(net->test_correct, a), output_count(net->test_total, b),
             net->test_set);
    output_line(stdout, "", line);
}

static void print_labels(const struct network *net)
{
    printf("  %-16s  ", "labels");
    for (size_t i = 0; i < net->n_classes; i++) {
        if (i == 20) {
            printf(", ... (%zu in all)", net->n_classes);
            break;
        }
        fputs(i ? ", " : "", stdout);
        output_text(stdout, net->labels[i]);
    }
    fputs("\n\n", stdout);
}

static int print_layers(const struct network *net)
{
    struct table table;
    char text[OUTPUT_NUMBER];
    size_t constant = 0;

    table_init(&table, "LAYER|KIND|>INPUTS|>OUTPUTS|>CELLS|>WEIGHTS +1|>NEVER FIRE|"
                       ">ALWAYS FIRE");
    for (size_t l = 0; l < net->n_layers; l++) {
        const struct network_layer *layer = &net->layers[l];
        struct layer_stats stats = layer_stats(net, l);
        bool fires = layer->kind == NETWORK_FIRE;

        table_add(&table, layer->name);
        table_add(&table, kind_name(layer->kind));
        table_add(&table, output_count((double)layer->n_in, text));
        table_add(&table, output_count((double)layer->n_out, text));
        table_add(&table, output_count((double)stats.cells, text));
        table_add(&table,
                  output_percent((double)stats.plus_ones / (double)stats.cells, text));
        table_add(&table, fires ? output_count((double)stats.never_fire, text) : "-");
        table_add(&table, fires ? output_count((double)stats.always_fire, text) : "-");
        constant += stats.never_fire + stats.always_fire;
    }

    enum status st = table_print(&table, stdout, 2);
    table_done(&table);
    if (st != ST_OK)
        return report(EXIT_FAILURE, "out of memory");
    if (constant > 0)
        printf(
            "\n  Outputs that never or always fire do not depend on the picture: their\n"
            "  weights could be anything.\n");
    return EXIT_SUCCESS;
}

static void add_window(struct table *table, const struct network_stage *s)
{
    const struct network_window *w = &s->window;
    char text[64] = "-";

    if (w->kernel_h > 0)
        snprintf(text, sizeof(text), "%u x %u by %u x %u", (unsigned)w->kernel_h,
                 (unsigned)w->kernel_w, (unsigned)w->stride_h, (unsigned)w->stride_w);
    table_add(table, text);
}

static int print_stages(const struct network *net)
{
    struct table table;
    char text[64];

    table_init(&table, ">STAGE|OP|TAKES|WINDOW|LAYER|MAKES");
    for (size_t i = 0; i < net->n_stages; i++) {
        const struct network_stage *s = &net->stages[i];
        bool two = s->op == NETWORK_OP_ADD || s->op == NETWORK_OP_CONCAT;

        snprintf(text, sizeof(text), "%zu", i + 1);
        table_add(&table, text);
        table_add(&table, network_op_name(s->op));
        if (two)
            snprintf(text, sizeof(text), "%u, %u", (unsigned)s->in[0],
                     (unsigned)s->in[1]);
        else
            snprintf(text, sizeof(text), "%u", (unsigned)s->in[0]);
        table_add(&table, text);
        add_window(&table, s);
        table_add(&table, s->op == NETWORK_OP_BINARY ? net->layers[s->layer].name : "-");
        snprintf(text, sizeof(text), "%u x %u x %u %s", (unsigned)s->out.height,
                 (unsigned)s->out.width, (unsigned)s->out.channels,
                 value_name(s->out.kind));
        table_add(&table, text);
    }
    putchar('\n');

    enum status st = table_print(&table, stdout, 2);
    table_done(&table);
    return st == ST_OK ? EXIT_SUCCESS : report(EXIT_FAILURE, "out of memory");
}

static int print_text(const struct network *net, const char *file, double bytes)
{
    print_head(net, file, bytes);
    print_accuracy(net);
    print_labels(net);
    int code = print_layers(net);
    if (code == EXIT_SUCCESS && !is_chain(net))
        code = print_stages(net);
    return code;
}

/* -- JSON, with the member names of GET /api/v1/models/{m} -- */

static json_t *json_layers(const struct network *net)
{
    json_t *layers = json_array();

    for (size_t l = 0; l < net->n_layers; l++) {
        const struct network_layer *layer = &net->layers[l];
        struct layer_stats stats = layer_stats(net, l);

        /* A failed append leaves a short array; print_json checks its length. */
        (void)json_array_append_new(
            layers,
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:I, s:I}", "name", layer->name,
                      "kind", kind_name(layer->kind), "inputs", (json_int_t)layer->n_in,
                      "outputs", (json_int_t)layer->n_out, "cells",
                      (json_int_t)stats.cells, "plus_one_share",
                      (double)stats.plus_ones / (double)stats.cells, "never_fire",
                      (json_int_t)stats.never_fire, "always_fire",
                      (json_int_t)stats.always_fire));
    }
    return layers;
}

static json_t *json_stages(const struct network *net)
{
    json_t *stages = json_array();

    for (size_t i = 0; i < net->n_stages; i++) {
        const struct network_stage *s = &net->stages[i];
        const struct network_window *w = &s->window;
        bool binary = s->op == NETWORK_OP_BINARY;
        bool two = s->op == NETWORK_OP_ADD || s->op == NETWORK_OP_CONCAT;
        json_t *takes =
            two ? json_pack("[I, I]", (json_int_t)s->in[0], (json_int_t)s->in[1])
                : json_pack("[I]", (json_int_t)s->in[0]);

        /* A failed append leaves a short array; print_json checks its length. */
        (void)json_array_append_new(
            stages,
            json_pack(
                "{s:s, s:o, s:o, s:o, s:o, s:s, s:[I, I, I]}", "op",
                network_op_name(s->op), "takes", takes, "layer",
                binary ? json_string(net->layers[s->layer].name) : json_null(), "kernel",
                w->kernel_h == 0 ? json_null()
                                 : json_pack("[I, I]", (json_int_t)w->kernel_h,
                                             (json_int_t)w->kernel_w),
                "stride",
                w->kernel_h == 0 ? json_null()
                                 : json_pack("[I, I]", (json_int_t)w->stride_h,
                                             (json_int_t)w->stride_w),
                "makes", value_name(s->out.kind), "shape", (json_int_t)s->out.height,
                (json_int_t)s->out.width, (json_int_t)s->out.channels));
    }
    return stages;
}

static json_t *json_accuracy(const struct network *net)
{
    if (net->test_total == 0)
        return json_null();
    return json_pack("{s:s, s:I, s:I, s:f}", "test_set", net->test_set, "correct",
                     (json_int_t)net->test_correct, "total", (json_int_t)net->test_total,
                     "ratio", (double)net->test_correct / net->test_total);
}

static json_t *json_labels(const struct network *net)
{
    json_t *labels = json_array();

    for (size_t i = 0; i < net->n_classes; i++)
        (void)json_array_append_new(labels, json_string(net->labels[i]));
    return labels;
}

static int print_json(const struct network *net, const char *file, double bytes)
{
    const struct network_input *in = &net->input;
    char checksum[9];
    json_t *layers = json_layers(net), *labels = json_labels(net);
    json_t *stages = json_stages(net);
    bool whole = json_array_size(layers) == net->n_layers &&
                 json_array_size(labels) == net->n_classes &&
                 json_array_size(stages) == net->n_stages;

    snprintf(checksum, sizeof(checksum), "%08x", (unsigned)net->checksum);

    json_t *input = json_pack(
        "{s:I, s:I, s:I, s:s, s:o}", "height", (json_int_t)in->height, "width",
        (json_int_t)in->width, "channels", (json_int_t)in->channels, "encoding",
        in->encoding == NETWORK_BINARY ? "binary" : "pixels", "threshold",
        in->encoding == NETWORK_BINARY ? json_integer(in->threshold) : json_null());
    json_t *all =
        json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:I, s:o}",
                  "file", file, "file_size_bytes", (json_int_t)bytes, "name", net->name,
                  "description", net->description, "training", net->training, "checksum",
                  checksum, "input", input, "classes", (json_int_t)net->n_classes,
                  "labels", labels, "layers", layers, "stages", stages, "cells",
                  (json_int_t)network_cells(net), "accuracy", json_accuracy(net));
    int code = EXIT_SUCCESS;

    /* json_pack has taken every part, whether or not it succeeded. */
    if (!whole || all == NULL || output_json(stdout, all, false) != ST_OK)
        code = report(EXIT_FAILURE,
                      "%s cannot be shown as JSON (a text that is no UTF-8, "
                      "or out of memory)",
                      file);
    json_decref(all);
    return code;
}

static int run(const struct cli *cli, const struct option_value *values, char **args,
               size_t n_args)
{
    struct network *net = NULL;
    struct stat about = { 0 };
    char why[ERR_LEN];
    enum status st = model_file_load(args[0], &net, why);

    (void)values;
    (void)n_args;
    if (st == ST_FORMAT || st == ST_UNSUPPORTED || st == ST_RANGE)
        return report(EX_DATAERR, "%s", why);
    if (st == ST_NOMEM)
        return report(EXIT_FAILURE, "%s: out of memory", args[0]);
    if (st != ST_OK)
        return report(EXIT_FAILURE, "%s", why);

    (void)stat(args[0], &about); /* it was there a moment ago; else the size is 0 */
    int code = cli->json ? print_json(net, args[0], (double)about.st_size)
                         : print_text(net, args[0], (double)about.st_size);
    network_free(net);
    return code;
}

const struct command inspect_command = {
    .name = "inspect",
    .args = "FILE.sbnn",
    .summary = "show what is in a model file, without a daemon",
    .about =
        "Prints name, input contract, labels, recorded accuracy, how the network was\n"
        "trained, and layer by layer its size, the share of weights that are +1 and\n"
        "how many outputs cannot depend on the picture. A broken file is exit status\n"
        "65.\n",
    .examples = "  spinbnn inspect models/mnist.sbnn\n"
                "  spinbnn inspect --json models/mnist.sbnn | jq .layers\n",
    .options = no_options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
