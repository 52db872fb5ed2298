/* SPDX-License-Identifier: Apache-2.0 */
/* The import from file to network:
 *
 *   onnx_graph_read   bytes -> a plain graph
 *   onnx_lower        nodes -> steps on maps (onnx_ir.h), constants folded on the way
 *   onnx_build        steps -> layers and stages
 *   finish            name, description, labels; network_check
 */
#include "storage/onnx_import.h"

#include "storage/onnx_build.h"
#include "storage/onnx_lower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *onnx_code_name(enum onnx_code code)
{
    static const char *const names[] = {
        [ONNX_CODE_NONE] = "",
        [ONNX_CODE_SYNTAX] = "onnx_syntax",
        [ONNX_CODE_VERSION] = "onnx_version",
        [ONNX_CODE_EXTERNAL_DATA] = "onnx_external_data",
        [ONNX_CODE_OPERATOR] = "onnx_operator",
        [ONNX_CODE_SHAPE] = "onnx_shape",
        [ONNX_CODE_WEIGHT_NOT_BINARY] = "bnn_weight_not_binary",
        [ONNX_CODE_INPUT_NOT_BINARY] = "bnn_input_not_binary",
        [ONNX_CODE_ACTIVATION] = "bnn_activation",
        [ONNX_CODE_TAIL] = "bnn_tail",
        [ONNX_CODE_PADDING] = "bnn_padding",
        [ONNX_CODE_RESIDUAL] = "bnn_residual",
        [ONNX_CODE_NO_BINARY_LAYER] = "bnn_no_binary_layer",
        [ONNX_CODE_INPUT_CONTRACT] = "input_contract",
        [ONNX_CODE_TOO_LARGE] = "too_large",
    };

    return names[code];
}

void onnx_report_done(struct onnx_report *report)
{
    free(report->remarks);
    report->remarks = NULL;
    report->n_remarks = 0;
}

/* -- Texts -- */

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* Letters, digits, dot, underscore and minus; others become a minus. */
static char *network_name(const struct onnx_options *options, const char *graph_name)
{
    char name[65];
    size_t n = 0;
    const char *from = is_given(options->name) ? options->name : graph_name;

    for (; *from != '\0' && n < sizeof(name) - 1; from++) {
        bool good = (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') ||
                    (*from >= '0' && *from <= '9') || *from == '_' ||
                    (n > 0 && (*from == '.' || *from == '-'));

        if (good || n > 0)
            name[n++] = *from == '.' || good ? *from : '-';
    }
    name[n] = '\0';
    return strdup(n == 0 ? "network" : name);
}

static bool make_labels(struct onnx_context *ctx, struct network *net)
{
    const struct onnx_options *o = ctx->options;
    char number[24];

    if (o->n_labels != 0 && o->n_labels != net->n_classes)
        return onnx_refuse(ctx, ONNX_CODE_INPUT_CONTRACT, NULL, "a label for each class",
                           "%zu labels for %zu classes", o->n_labels, net->n_classes);
    net->labels = calloc(net->n_classes, sizeof(*net->labels));
    if (net->labels == NULL)
        return onnx_nomem(ctx);
    for (size_t c = 0; c < net->n_classes; c++) {
        (void)snprintf(number, sizeof(number), "%zu", c);
        net->labels[c] = strdup(o->n_labels != 0 ? o->labels[c] : number);
        if (net->labels[c] == NULL)
            return onnx_nomem(ctx);
    }
    return o->n_labels != 0 ||
           onnx_remark(ctx, "no_labels", NULL, "the classes have no names: 0 to %zu",
                       net->n_classes - 1);
}

static bool make_texts(struct onnx_context *ctx, const struct onnx_graph *graph,
                       struct network *net, size_t n_real_layers, size_t n_real_weights)
{
    const char *said = ctx->options->description;
    char producer[41], text[1024];
    size_t n = 0;

    for (const char *p = graph->producer; *p != '\0' && n < sizeof(producer) - 1; p++)
        if (*p >= ' ' && *p <= '~')
            producer[n++] = *p;
    producer[n] = '\0';
    (void)snprintf(
        text, sizeof(text),
        "%s%sONNX%s%s. %zu layers with %zu binary weights in cells; %zu layers "
        "with %zu real weights outside the array.",
        is_given(said) ? said : "", is_given(said) ? " " : "", n > 0 ? " from " : "",
        producer, net->n_layers, network_cells(net), n_real_layers, n_real_weights);
    net->name = network_name(ctx->options, graph->name);
    net->description = strdup(text);
    net->training = strdup("");
    net->test_set = strdup("");
    return (net->name != NULL && net->description != NULL && net->training != NULL &&
            net->test_set != NULL) ||
           onnx_nomem(ctx);
}

/* -- All -- */

static bool import(struct onnx_context *ctx, const uint8_t *bytes, size_t len,
                   struct network *net)
{
    struct onnx_graph graph;
    struct ir ir = { 0 };
    size_t logits = 0, n_real_layers = 0, n_real_weights = 0;
    char why[ERR_LEN];

    if (!onnx_graph_read(ctx, bytes, len, &graph) ||
        !onnx_lower(ctx, &graph, &net->input, &ir, &logits))
        return false;
    if (ir.nodes[logits]->c > NETWORK_MAX_CLASSES)
        return onnx_refuse(ctx, ONNX_CODE_TOO_LARGE, NULL, "65536 classes", "%u classes",
                           ir.nodes[logits]->c);
    if (!onnx_build(ctx, &ir, logits, net, &n_real_layers, &n_real_weights))
        return false;
    net->n_classes = ir.nodes[logits]->c;
    if (!make_texts(ctx, &graph, net, n_real_layers, n_real_weights) ||
        !make_labels(ctx, net))
        return false;
    return network_check(net, why) == ST_OK ||
           onnx_refuse(ctx, ONNX_CODE_SHAPE, NULL, "a network within the limits", "%s",
                       why);
}

static void say_why(const struct onnx_report *report, enum status st, char why[ERR_LEN])
{
    int n = 0;

    if (st == ST_NOMEM) {
        (void)snprintf(why, ERR_LEN, "not enough memory");
        return;
    }
    n = snprintf(why, ERR_LEN, "%s: ", onnx_code_name(report->code));
    if (report->position >= 0)
        n += snprintf(why + n, ERR_LEN - (size_t)n,
                      "node %ld, %.30s `%.50s`: ", report->position, report->op,
                      report->node);
    n += snprintf(why + n, ERR_LEN - (size_t)n, "%.120s", report->found);
    if (report->accepted[0] != '\0' && n < ERR_LEN)
        (void)snprintf(why + n, ERR_LEN - (size_t)n, "; accepted: %s", report->accepted);
    onnx_clean(why);
}

enum status onnx_import(const uint8_t *bytes, size_t len,
                        const struct onnx_options *options, struct network **ret_net,
                        struct onnx_report *ret_report, char why[ERR_LEN])
{
    struct onnx_context ctx = { .options = options, .report = ret_report };

    /* Weights are held three or four times over, as they are, folded and in our order;
     * the rest is for what a small file may make of itself. */
    ctx.room = ((size_t)1 << 30) + 16 * (len < ONNX_MAX_BYTES ? len : ONNX_MAX_BYTES);
    memset(ret_report, 0, sizeof(*ret_report));
    ret_report->position = -1;
    struct network *net = calloc(1, sizeof(*net));
    if (net == NULL)
        (void)onnx_nomem(&ctx);
    else
        (void)import(&ctx, bytes, len, net);
    onnx_context_done(&ctx);
    if (ctx.st != ST_OK) {
        network_free(net);
        say_why(ret_report, ctx.st, why);
        return ctx.st;
    }
    *ret_net = net;
    return ST_OK;
}
