/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_lower.h"

#include "storage/onnx_fold.h"
#include "storage/onnx_shape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- The operators that we know -- */

struct known_operator {
    const char *name;
    size_t max_inputs;
    bool (*lower)(struct lower *, const struct onnx_node *); /* NULL: constants only */
    const char *attributes;                                  /* allowed, between blanks */
};

/* Attributes that do not change what is computed for one picture are let through. */
static const struct known_operator operators[] = {
    { "Abs", 1, NULL, " " },
    { "Add", 2, lower_arithmetic_node, " " },
    { "ArgMax", 1, lower_head, " axis keepdims select_last_index " },
    { "AveragePool", 1, lower_average_pool,
      " auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides " },
    { "BatchNormalization", 5, lower_batch_norm,
      " epsilon momentum spatial training_mode " },
    { "Cast", 1, lower_cast, " to saturate " },
    { "Clip", 3, lower_clip, " min max " },
    { "Concat", 64, lower_concat, " axis " },
    { "Constant", 0, NULL,
      " value value_float value_floats value_int value_ints value_string sparse_value " },
    { "ConstantOfShape", 1, NULL, " value " },
    { "Conv", 3, lower_conv, " auto_pad dilations group kernel_shape pads strides " },
    { "DequantizeLinear", 3, NULL, " axis " },
    { "Div", 2, lower_arithmetic_node, " " },
    { "Dropout", 3, lower_dropout, " ratio seed " },
    { "Equal", 2, NULL, " " },
    { "Expand", 2, NULL, " " },
    { "Flatten", 1, lower_reshape, " axis " },
    { "Gather", 2, NULL, " axis " },
    { "Gemm", 3, lower_gemm, " alpha beta transA transB " },
    { "GlobalAveragePool", 1, lower_global_pool, " " },
    { "GlobalMaxPool", 1, lower_global_pool, " " },
    { "Greater", 2, lower_compare, " " },
    { "GreaterOrEqual", 2, lower_compare, " " },
    { "Identity", 1, NULL, " " },
    { "LeakyRelu", 1, lower_slope, " alpha " },
    { "Less", 2, lower_compare, " " },
    { "LessOrEqual", 2, lower_compare, " " },
    { "LogSoftmax", 1, lower_head, " axis " },
    { "MatMul", 2, lower_matmul, " " },
    { "Max", 2, NULL, " " },
    { "MaxPool", 1, lower_max_pool,
      " auto_pad ceil_mode dilations kernel_shape pads storage_order strides " },
    { "Min", 2, NULL, " " },
    { "Mul", 2, lower_arithmetic_node, " " },
    { "Neg", 1, NULL, " " },
    { "Not", 1, lower_not, " " },
    { "Pad", 4, lower_pad, " mode pads value " },
    { "Pow", 2, NULL, " " },
    { "PRelu", 2, lower_slope, " " },
    { "Reciprocal", 1, NULL, " " },
    { "ReduceMean", 2, lower_reduce_mean, " axes keepdims noop_with_empty_axes " },
    { "Relu", 1, lower_slope, " " },
    { "Reshape", 2, lower_reshape, " allowzero " },
    { "Shape", 1, NULL, " end start " },
    { "Sign", 1, lower_sign, " " },
    { "Slice", 5, NULL, " axes ends starts " },
    { "Softmax", 1, lower_head, " axis " },
    { "Sqrt", 1, NULL, " " },
    { "Squeeze", 2, lower_reshape, " axes " },
    { "Sub", 2, lower_arithmetic_node, " " },
    { "TopK", 2, lower_head, " axis largest sorted " },
    { "Transpose", 1, lower_transpose, " perm " },
    { "Unsqueeze", 2, lower_reshape, " axes " },
    { "Where", 3, lower_where, " " },
};

static const struct known_operator quant_operators[] = {
    { "BipolarQuant", 2, lower_bipolar_quant, " " },
    { "MultiThreshold", 2, lower_multi_threshold,
      " data_layout out_bias out_dtype out_scale " },
};

/* Known, and no activation of a binarized network. */
static const char not_binary[] =
    " HardSigmoid HardSwish Tanh Sigmoid Softplus Softsign Elu Selu Celu Gelu Mish Quant "
    "Erf Swish ";

static bool listed(const char *list, const char *word)
{
    char key[66];

    int n = snprintf(key, sizeof(key), " %s ", word);
    return n > 2 && (size_t)n < sizeof(key) && strchr(word, ' ') == NULL &&
           strstr(list, key) != NULL;
}

static const struct known_operator *find_operator(const struct onnx_node *node)
{
    bool quant = node->domain == ONNX_DOMAIN_QUANT;
    const struct known_operator *list = quant ? quant_operators : operators;
    size_t n = quant ? sizeof(quant_operators) / sizeof(*list)
                     : sizeof(operators) / sizeof(*list);

    if (node->domain == ONNX_DOMAIN_OTHER)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, node->op) == 0)
            return &list[i];
    return NULL;
}

static bool check_operator(struct onnx_context *ctx, const struct onnx_node *node,
                           const struct known_operator *op)
{
    if (op == NULL && listed(not_binary, node->op))
        return onnx_refuse(ctx, ONNX_CODE_ACTIVATION, node, "activations of one bit",
                           "%.60s is no binarisation", node->op);
    if (op == NULL)
        return onnx_refuse(
            ctx, ONNX_CODE_OPERATOR, node, "the operators of storage/README.md",
            "operator '%.60s' of domain '%.60s'", node->op, node->domain_name);
    if (node->n_inputs > op->max_inputs)
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "the inputs that ONNX names",
                           "%zu inputs", node->n_inputs);
    for (size_t i = 0; i < node->n_attributes; i++)
        if (!listed(op->attributes, node->attributes[i].name))
            return onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "the attributes ONNX names",
                               "attribute '%.60s'", node->attributes[i].name);
    return true;
}

/* -- For the operators' functions -- */

const struct lowered *lower_in(struct lower *l, const struct onnx_node *node, size_t i)
{
    const struct lowered *x = NULL;

    if (i < node->n_inputs && node->in[i] != ONNX_NONE)
        x = l->maps[node->in[i]];
    if (x == NULL) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "a feature map",
                          "input %zu is constant or left out", i);
        return NULL;
    }
    if (l->ir.nodes[x->ir]->op == IR_HEAD && strcmp(node->op, "Cast") != 0) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node,
                          "Softmax as the last operator",
                          "something is computed from probabilities or ranks");
        return NULL;
    }
    return x;
}

float *lower_per_channel(struct lower *l, const struct onnx_node *node, size_t i,
                         struct onnx_view *view)
{
    const struct onnx_tensor *t;
    const char *reason = NULL;

    if (!onnx_constant_input(l->ctx, l->graph, node, i, &t))
        return NULL;
    if (t == NULL) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "its inputs",
                          "input %zu is missing", i);
        return NULL;
    }
    float *p = ir_constant(l->ctx, (uint32_t)view->side[VIEW_C], 0);
    if (p == NULL)
        return NULL;
    if (!view_per_channel(view, t, p, &reason)) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_TAIL, node, ONNX_PER_CHANNEL, "%s", reason);
        return NULL;
    }
    for (int64_t c = 0; c < view->side[VIEW_C]; c++)
        if (!isfinite(p[c])) {
            (void)onnx_refuse(l->ctx, ONNX_CODE_TAIL, node, "finite numbers",
                              "input %zu holds %g", i, (double)p[c]);
            return NULL;
        }
    return p;
}

bool lower_out(struct lower *l, const struct onnx_node *node, size_t ir,
               const struct onnx_view *view, bool is_bool)
{
    if (ir == ONNX_NONE)
        return false;
    const struct ir_node *made = l->ir.nodes[ir];
    if ((uint64_t)made->h * made->w * made->c > NETWORK_MAX_VALUE)
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node, "maps of up to 2^26 elements",
                           "a map of %u x %u x %u", made->h, made->w, made->c);
    struct lowered *out = onnx_new(l->ctx, 1, sizeof(*out));
    if (out == NULL)
        return false;
    out->ir = ir;
    out->view = *view;
    out->is_bool = is_bool;
    if (node->n_outputs == 0 || node->out[0] == ONNX_NONE)
        return onnx_refuse(l->ctx, ONNX_CODE_SYNTAX, node, "an output",
                           "no first output");
    l->maps[node->out[0]] = out;
    return true;
}

bool lower_apply(struct lower *l, const struct onnx_node *node, const struct lowered *x,
                 const struct onnx_view *view, const struct ir_map *map, bool is_bool)
{
    bool chooses = map->kind == IR_MAP_CHOOSE;

    if (x->is_bool != chooses && !(chooses && strcmp(node->op, "Cast") == 0))
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "numbers",
                           "arithmetic with a condition");
    return lower_out(l, node, ir_apply(l->ctx, &l->ir, node, x->ir, map), view, is_bool);
}

size_t lower_arithmetic(struct lower *l, const struct onnx_node *node, size_t src,
                        enum ir_op op, float *p)
{
    struct ir_map map = { .kind = IR_MAP_ELEMENT, .element = { .op = op } };

    map.element.p[0] = p;
    return ir_apply(l->ctx, &l->ir, node, src, &map);
}

/* -- Axes -- */

bool lower_reshape(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x;
    int64_t dims[ONNX_MAX_RANK];
    size_t rank;
    char text[128];

    if (node->n_inputs == 0 || node->in[0] == ONNX_NONE || l->maps[node->in[0]] == NULL)
        return lower_in(l, node, 0) != NULL;
    x = l->maps[node->in[0]];
    if (!onnx_reshaped(l->ctx, l->graph, node, x->view.rank, x->view.dims, &rank, dims))
        return false;
    struct onnx_view view = x->view;
    if (!view_reshape(&view, rank, dims))
        return onnx_refuse(
            l->ctx, ONNX_CODE_SHAPE, node,
            "axes that are merged or split between channels, rows, columns",
            "a reshape to %s", onnx_dims_text(rank, dims, text, sizeof(text)));
    return lower_out(l, node, x->ir, &view, x->is_bool);
}

bool lower_transpose(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);
    size_t perm[ONNX_MAX_RANK];

    if (x == NULL || !onnx_permutation(l->ctx, node, x->view.rank, perm))
        return false;
    struct onnx_view view = x->view;
    view_permute(&view, perm);
    return lower_out(l, node, x->ir, &view, x->is_bool);
}

/* Shape of a map is a constant. */
static bool shape(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);
    size_t from, to;

    if (x == NULL || node->out[0] == ONNX_NONE ||
        !onnx_shape_part(l->ctx, node, x->view.rank, &from, &to))
        return false;
    int64_t n = (int64_t)(to - from);
    struct onnx_tensor *t = onnx_tensor_new(l->ctx, node, ONNX_INT, 1, &n);
    if (t == NULL)
        return false;
    memcpy(t->i, x->view.dims + from, (to - from) * sizeof(*t->i));
    l->graph->values[node->out[0]].constant = t;
    return true;
}

/* Does nothing unless it is told to train. */
bool lower_dropout(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);
    const struct onnx_tensor *training;

    if (x == NULL || !onnx_constant_input(l->ctx, l->graph, node, 2, &training))
        return false;
    if (training != NULL && (training->n != 1 || onnx_tensor_at(training, 0) != 0))
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "a graph for inference",
                           "training_mode is set");
    return lower_out(l, node, x->ir, &x->view, x->is_bool);
}

/* -- Heads -- */

/* Softmax, LogSoftmax, ArgMax, TopK: the ranking is ours; several may follow each other.
 */
bool lower_head(struct lower *l, const struct onnx_node *node)
{
    bool top = strcmp(node->op, "TopK") == 0, arg = strcmp(node->op, "ArgMax") == 0;
    int64_t largest, last;
    size_t axis, src;

    if (node->n_inputs == 0 || node->in[0] == ONNX_NONE || l->maps[node->in[0]] == NULL)
        return lower_in(l, node, 0) != NULL;
    const struct lowered *x = l->maps[node->in[0]];
    bool first_default = !top && (arg || l->graph->opset < 13);
    if (!onnx_axis(l->ctx, node, "axis",
                   arg             ? 0
                   : first_default ? 1
                                   : -1,
                   x->view.rank, &axis) ||
        !onnx_node_int(l->ctx, node, "largest", 1, &largest) ||
        !onnx_node_int(l->ctx, node, "select_last_index", 0, &last))
        return false;
    if (largest == 0)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "the largest",
                           "the smallest");
    if (last != 0 &&
        !onnx_remark(l->ctx, "argmax_ties", node,
                     "of equal classes the file takes the last one; here the "
                     "lowest wins"))
        return false;
    const struct ir_node *in = lower_ir(l, x);
    bool classes = !x->is_bool && in->h == 1 && in->w == 1;
    for (size_t d = 0; d < x->view.rank; d++)
        if (x->view.axes[d].n > 0 && x->view.axes[d].part[0] == VIEW_C)
            /* Before opset 13 Softmax takes all axes from this one on together. */
            classes &= first_default && !arg ? axis <= d : axis == d;
    if (!classes)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "one row of classes",
                           "over an axis that is not the classes");
    src = x->ir;
    if (in->op != IR_HEAD)
        src = ir_new(l->ctx, &l->ir, IR_HEAD, node, x->ir);
    if (!lower_out(l, node, src, &x->view, false))
        return false;
    if (top && node->n_outputs > 1 && node->out[1] != ONNX_NONE)
        l->maps[node->out[1]] = l->maps[node->out[0]];
    return true;
}

/* -- The graph -- */

/* q - p + p is q, whatever p is: the straight-through estimator. */
static size_t straight_through(const struct onnx_graph *graph,
                               const struct onnx_node *node)
{
    if (node->domain != ONNX_DOMAIN_ONNX || strcmp(node->op, "Add") != 0 ||
        node->n_inputs != 2)
        return ONNX_NONE;
    for (size_t i = 0; i < 2; i++) {
        size_t difference = node->in[i], p = node->in[1 - i];

        if (difference == ONNX_NONE || p == ONNX_NONE ||
            graph->values[difference].producer == ONNX_NONE)
            continue;
        const struct onnx_node *sub = &graph->nodes[graph->values[difference].producer];
        if (sub->domain == ONNX_DOMAIN_ONNX && strcmp(sub->op, "Sub") == 0 &&
            sub->n_inputs == 2 && sub->in[1] == p && sub->in[0] != ONNX_NONE)
            return sub->in[0];
    }
    return ONNX_NONE;
}

static bool passes_through(const struct onnx_node *node)
{
    return node->domain == ONNX_DOMAIN_ONNX && node->n_inputs > 0 &&
           strcmp(node->op, "Identity") == 0;
}

/* Readers of a value that only passes another on read that one. */
static bool find_aliases(struct onnx_context *ctx, struct onnx_graph *graph)
{
    size_t *alias = onnx_new(ctx, graph->n_values, sizeof(*alias));

    if (alias == NULL)
        return false;
    for (size_t v = 0; v < graph->n_values; v++)
        alias[v] = v;
    for (size_t k = 0; k < graph->n_nodes; k++) {
        struct onnx_node *node = &graph->nodes[k];
        size_t source;

        for (size_t i = 0; i < node->n_inputs; i++)
            if (node->in[i] != ONNX_NONE)
                node->in[i] = alias[node->in[i]];
        source = straight_through(graph, node);
        if (source == ONNX_NONE && passes_through(node))
            source = node->in[0];
        if (source != ONNX_NONE && node->n_outputs > 0 && node->out[0] != ONNX_NONE)
            alias[node->out[0]] = source;
    }
    for (size_t i = 0; i < graph->n_outputs; i++)
        graph->outputs[i] = alias[graph->outputs[i]];
    return true;
}

static void mark(const struct lower *l, size_t value)
{
    if (value != ONNX_NONE && l->graph->values[value].producer != ONNX_NONE)
        l->live[l->graph->values[value].producer] = true;
}

static bool find_live(struct lower *l)
{
    size_t n_unused = 0;

    for (size_t i = 0; i < l->graph->n_outputs; i++)
        mark(l, l->graph->outputs[i]);
    for (size_t k = l->graph->n_nodes; k-- > 0;) {
        const struct onnx_node *node = &l->graph->nodes[k];

        for (size_t i = 0; l->live[k] && i < node->n_inputs; i++)
            mark(l, node->in[i]);
        n_unused += !l->live[k] && !passes_through(node) &&
                    straight_through(l->graph, node) == ONNX_NONE;
    }
    return n_unused == 0 ||
           onnx_remark(l->ctx, "unused_nodes", NULL,
                       "%zu nodes that no output needs are left out", n_unused);
}

static bool all_constant(const struct onnx_graph *graph, const struct onnx_node *node)
{
    for (size_t i = 0; i < node->n_inputs; i++)
        if (node->in[i] != ONNX_NONE && graph->values[node->in[i]].constant == NULL)
            return false;
    return true;
}

static bool lower_node(struct lower *l, const struct onnx_node *node)
{
    const struct known_operator *op = find_operator(node);

    if (!check_operator(l->ctx, node, op))
        return false;
    if (node->n_outputs == 0)
        return true;
    if (all_constant(l->graph, node))
        return onnx_fold(l->ctx, l->graph, node);
    if (strcmp(node->op, "Shape") == 0)
        return shape(l, node);
    if (op->lower == NULL)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "constants as its inputs",
                           "%.60s of a feature map", node->op);
    return op->lower(l, node);
}

/* The one node that all outputs come from, Softmax and ranks taken off. */
static bool find_logits(struct lower *l, size_t *ret)
{
    *ret = ONNX_NONE;
    for (size_t i = 0; i < l->graph->n_outputs; i++) {
        size_t value = l->graph->outputs[i];
        const struct lowered *x = l->maps[value];

        if (x == NULL || x->is_bool)
            return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, NULL, "logits of the classes",
                               "output '%.100s' does not depend on the input, or is a "
                               "condition",
                               l->graph->values[value].name);
        size_t ir = x->ir;
        if (l->ir.nodes[ir]->op == IR_HEAD)
            ir = l->ir.nodes[ir]->src[0];
        if (*ret != ONNX_NONE && *ret != ir)
            return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, NULL, "one output",
                               "%zu outputs that are not of the same logits",
                               l->graph->n_outputs);
        *ret = ir;
    }
    const struct ir_node *logits = l->ir.nodes[*ret];
    if (logits->h != 1 || logits->w != 1 || logits->op == IR_PAD)
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, logits->from, "one row of classes",
                           "an output of %u x %u x %u", logits->h, logits->w, logits->c);
    if (logits->op == IR_LEVELS)
        return onnx_refuse(l->ctx, ONNX_CODE_ACTIVATION, logits->from, "logits",
                           "an output that is binarised");
    return true;
}

bool onnx_lower(struct onnx_context *ctx, struct onnx_graph *graph,
                struct network_input *input, struct ir *ret_ir, size_t *ret_logits)
{
    struct lower l = { .ctx = ctx, .graph = graph, .input = input };

    l.maps = onnx_new(ctx, graph->n_values, sizeof(*l.maps));
    l.live = onnx_new(ctx, graph->n_nodes, sizeof(*l.live));
    if (l.maps == NULL || l.live == NULL || !find_aliases(ctx, graph) || !find_live(&l) ||
        !lower_input(&l))
        return false;
    for (size_t k = 0; k < graph->n_nodes; k++)
        if (l.live[k] && !lower_node(&l, &graph->nodes[k]))
            return false;
    if (!find_logits(&l, ret_logits))
        return false;
    *ret_ir = l.ir;
    return true;
}
