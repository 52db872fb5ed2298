/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to every element by a constant: a tail's operators, and the ways to write
 * a binarisation. */
#include "storage/onnx_lower.h"

#include "storage/onnx_shape.h"

#include <math.h>
#include <string.h>

static bool is(const struct onnx_node *node, const char *op)
{
    return strcmp(node->op, op) == 0;
}

static bool is_map(const struct lower *l, const struct onnx_node *node, size_t i)
{
    return node->in[i] != ONNX_NONE && l->maps[node->in[i]] != NULL;
}

/* -- Arithmetic -- */

/* Two feature maps: a sum of equal shapes, or nothing that we can. */
static bool combine(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *a = lower_in(l, node, 0), *b = lower_in(l, node, 1);

    if (a == NULL || b == NULL)
        return false;
    const struct ir_node *x = lower_ir(l, a), *y = lower_ir(l, b);
    if (x->op == IR_LEVELS && y->op == IR_LEVELS)
        return onnx_refuse(l->ctx, ONNX_CODE_ACTIVATION, node, "activations of +1 and -1",
                           "two binarised maps combined: more than two values");
    if (!is(node, "Add"))
        return onnx_refuse(l->ctx, ONNX_CODE_RESIDUAL, node, "Add of two feature maps",
                           "%.40s of two feature maps", node->op);
    if (x->op == IR_PAD || y->op == IR_PAD)
        return onnx_refuse(l->ctx, ONNX_CODE_PADDING, node,
                           "a Pad in front of a convolution", "a padded map is added");
    if (x->h != y->h || x->w != y->w || x->c != y->c || !view_equal(&a->view, &b->view))
        return onnx_refuse(l->ctx, ONNX_CODE_RESIDUAL, node, "feature maps of one shape",
                           "maps of %u x %u x %u and %u x %u x %u added", x->h, x->w,
                           x->c, y->h, y->w, y->c);
    size_t made = ir_new(l->ctx, &l->ir, IR_SUM, node, a->ir);
    if (made == ONNX_NONE)
        return false;
    l->ir.nodes[made]->n_src = 2;
    l->ir.nodes[made]->src[1] = b->ir;
    l->ir.nodes[made]->from_input &= y->from_input;
    return lower_out(l, node, made, &a->view, false);
}

/* Arithmetic with an integer constant is integer arithmetic: it wraps and truncates. Of
 * the few small levels of a binarisation it is exact, but for division. */
static bool check_integers(struct lower *l, const struct onnx_node *node, size_t constant,
                           const struct ir_node *x)
{
    const struct onnx_tensor *t;
    bool levels = x->op == IR_LEVELS || x->op == IR_PAD;

    if (!onnx_constant_input(l->ctx, l->graph, node, constant, &t))
        return false;
    return t == NULL || t->type != ONNX_INT || (levels && !is(node, "Div")) ||
           onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "arithmetic in floats",
                       "%.40s of integers", node->op);
}

bool lower_arithmetic_node(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_ELEMENT };

    if (node->n_inputs != 2)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "two inputs", "%zu inputs",
                           node->n_inputs);
    if (is_map(l, node, 0) && is_map(l, node, 1))
        return combine(l, node);
    size_t i = is_map(l, node, 0) ? 0 : 1;
    const struct lowered *x = lower_in(l, node, i);
    if (x == NULL || !check_integers(l, node, 1 - i, lower_ir(l, x)))
        return false;
    struct onnx_view view = x->view;
    float *p = lower_per_channel(l, node, 1 - i, &view);
    if (p == NULL)
        return false;
    if (is(node, "Add"))
        map.element.op = IR_ADD;
    else if (is(node, "Mul"))
        map.element.op = IR_MUL;
    else if (is(node, "Sub"))
        map.element.op = i == 0 ? IR_SUB : IR_RSUB;
    else
        map.element.op = IR_DIV;
    if (map.element.op == IR_DIV) {
        bool zero = false;

        for (uint32_t c = 0; c < lower_ir(l, x)->c; c++)
            zero |= p[c] == 0;
        if (i == 1 || zero)
            return onnx_refuse(
                l->ctx, ONNX_CODE_TAIL, node, "division by a constant that is not zero",
                i == 1 ? "a constant divided by a map" : "division by zero");
    }
    map.element.p[0] = p;
    return lower_apply(l, node, x, &view, &map, false);
}

/* Up to opset 13 further outputs, used or not, are what an export for training has. */
static bool remark_training(struct lower *l, const struct onnx_node *node)
{
    bool more = false;

    for (size_t i = 1; i < node->n_outputs; i++)
        more |= node->out[i] != ONNX_NONE;
    return !more || onnx_remark(l->ctx, "training_norm", node,
                                "exported for training: the statistics in the file are "
                                "used, not those of a batch");
}

bool lower_batch_norm(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_ELEMENT, .element = { .op = IR_BN } };
    const struct lowered *x = lower_in(l, node, 0);
    int64_t training, spatial;

    if (x == NULL || !onnx_node_int(l->ctx, node, "training_mode", 0, &training) ||
        !onnx_node_int(l->ctx, node, "spatial", 1, &spatial) ||
        !onnx_node_float(l->ctx, node, "epsilon", 1e-5F, &map.element.eps))
        return false;
    if (training != 0 || spatial != 1)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node,
                           "a normalisation for inference, per channel",
                           training != 0 ? "training_mode is set" : "spatial is not set");
    if (node->n_inputs != 5 || x->view.rank < 2)
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node,
                           "channels on axis 1, four constants",
                           "%zu inputs, %zu dimensions", node->n_inputs, x->view.rank);
    for (size_t i = 0; i < 4; i++) {
        const struct onnx_tensor *t;
        struct onnx_view view = x->view;
        const char *reason = NULL;

        if (!onnx_constant_input(l->ctx, l->graph, node, i + 1, &t))
            return false;
        if (t == NULL || t->rank != 1 || t->dims[0] != view.dims[1])
            return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node,
                               "a constant for each channel",
                               "input %zu has another shape", i + 1);
        /* Axis 1, whatever follows it. */
        struct onnx_tensor column = *t;
        column.rank = view.rank - 1;
        for (size_t d = 1; d < column.rank; d++)
            column.dims[d] = 1;
        float *p = ir_constant(l->ctx, lower_ir(l, x)->c, 0);
        if (p == NULL)
            return false;
        if (!view_per_channel(&view, &column, p, &reason))
            return onnx_refuse(l->ctx, ONNX_CODE_TAIL, node, ONNX_PER_CHANNEL, "%s",
                               reason);
        for (uint32_t c = 0; c < lower_ir(l, x)->c; c++)
            if (!isfinite(p[c]) || (i == 3 && !(p[c] + map.element.eps > 0)))
                return onnx_refuse(l->ctx, ONNX_CODE_TAIL, node,
                                   "finite numbers, variances above zero",
                                   "input %zu: %g in channel %u", i + 1, (double)p[c], c);
        map.element.p[i] = p;
    }
    return remark_training(l, node) && lower_apply(l, node, x, &x->view, &map, false);
}

/* A bound: an attribute before opset 11, an input since. */
static bool bound(struct lower *l, const struct onnx_node *node, size_t i,
                  const char *name, float absent, float *ret)
{
    const struct onnx_tensor *t;

    if (!onnx_node_float(l->ctx, node, name, absent, ret) ||
        !onnx_constant_input(l->ctx, l->graph, node, i, &t))
        return false;
    if (t == NULL)
        return true;
    if (t->n != 1)
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node, "one number", "%zu bounds",
                           t->n);
    *ret = onnx_tensor_at(t, 0);
    return true;
}

bool lower_clip(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_ELEMENT, .element = { .op = IR_CLIP } };
    const struct lowered *x = lower_in(l, node, 0);

    if (x == NULL || !bound(l, node, 1, "min", -HUGE_VALF, &map.element.low) ||
        !bound(l, node, 2, "max", HUGE_VALF, &map.element.high))
        return false;
    if (!(map.element.low <= map.element.high))
        return onnx_refuse(l->ctx, ONNX_CODE_TAIL, node, "min below max",
                           "clip from %g to %g", (double)map.element.low,
                           (double)map.element.high);
    return lower_apply(l, node, x, &x->view, &map, false);
}

/* Relu, LeakyRelu, PRelu. */
bool lower_slope(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_ELEMENT, .element = { .op = IR_SLOPE } };
    const struct lowered *x = lower_in(l, node, 0);
    float alpha = 0;

    if (x == NULL)
        return false;
    struct onnx_view view = x->view;
    if (is(node, "PRelu")) {
        map.element.p[0] = lower_per_channel(l, node, 1, &view);
    } else {
        if (is(node, "LeakyRelu") &&
            !onnx_node_float(l->ctx, node, "alpha", 0.01F, &alpha))
            return false;
        if (!isfinite(alpha))
            return onnx_refuse(l->ctx, ONNX_CODE_TAIL, node, "a finite slope",
                               "no number");
        map.element.p[0] = ir_constant(l->ctx, lower_ir(l, x)->c, alpha);
    }
    return map.element.p[0] != NULL && lower_apply(l, node, x, &view, &map, false);
}

/* -- Binarisations -- */

bool lower_sign(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_COMPARE, .out = { 1, 0, -1 } };
    const struct lowered *x = lower_in(l, node, 0);

    if (x == NULL)
        return false;
    map.at = ir_constant(l->ctx, lower_ir(l, x)->c, 0);
    return map.at != NULL && lower_apply(l, node, x, &x->view, &map, false);
}

bool lower_compare(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_COMPARE };

    if (node->n_inputs != 2 || (is_map(l, node, 0) && is_map(l, node, 1)))
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node,
                           "a comparison with a constant", "two feature maps compared");
    size_t i = is_map(l, node, 0) ? 0 : 1;
    const struct lowered *x = lower_in(l, node, i);
    if (x == NULL)
        return false;
    struct onnx_view view = x->view;
    map.at = lower_per_channel(l, node, 1 - i, &view);
    if (map.at == NULL)
        return false;
    bool greater = node->op[0] == 'G';
    bool equal = strstr(node->op, "OrEqual") != NULL;
    /* t > x is x < t. */
    map.out[0] = greater == (i == 0);
    map.out[1] = equal;
    map.out[2] = greater != (i == 0);
    return lower_apply(l, node, x, &view, &map, true);
}

bool lower_where(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_CHOOSE };
    const struct lowered *x = lower_in(l, node, 0);

    if (x == NULL)
        return false;
    if (node->n_inputs != 3 || !x->is_bool)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node,
                           "a comparison and two constants",
                           "a condition that is no comparison");
    struct onnx_view view = x->view;
    map.yes = lower_per_channel(l, node, 1, &view);
    map.no = map.yes == NULL ? NULL : lower_per_channel(l, node, 2, &view);
    return map.no != NULL && lower_apply(l, node, x, &view, &map, false);
}

static bool choose(struct lower *l, const struct onnx_node *node, const struct lowered *x,
                   float yes, float no, bool is_bool)
{
    struct ir_map map = { .kind = IR_MAP_CHOOSE };
    float *a = ir_constant(l->ctx, lower_ir(l, x)->c, yes);
    float *b = ir_constant(l->ctx, lower_ir(l, x)->c, no);

    map.yes = a;
    map.no = b;
    return a != NULL && b != NULL && lower_apply(l, node, x, &x->view, &map, is_bool);
}

bool lower_not(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);

    if (x == NULL)
        return false;
    if (!x->is_bool)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "a comparison",
                           "something else");
    return choose(l, node, x, 0, 1, true);
}

static bool integral(const struct ir_node *levels)
{
    bool good = true;

    for (unsigned k = 0; k < 3; k++)
        for (uint32_t c = 0; c < levels->c; c++)
            good &= levels->p[k][c] == truncf(levels->p[k][c]);
    return good;
}

bool lower_cast(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);
    int64_t to;

    if (x == NULL || !onnx_node_int(l->ctx, node, "to", 0, &to))
        return false;
    const struct ir_node *ir = lower_ir(l, x);
    bool is_float = to == 1 || to == 11; /* float, double */
    bool whole = (ir->op == IR_LEVELS && integral(ir)) ||
                 (ir->op == IR_PAD && x->is_bool) || ir->op == IR_HEAD;
    if (is_float || (whole && (to == 6 || to == 7)))
        return lower_out(l, node, x->ir, &x->view, false);
    if (whole && to == 9 && ir->op != IR_HEAD)
        return choose(l, node, x, 1, 0, true);
    return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "a cast to float",
                       "a cast of a feature map to type %lld", (long long)to);
}

/* +-scale, + at zero. */
bool lower_bipolar_quant(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_COMPARE, .out = { 1, 1, -1 } };
    const struct lowered *x = lower_in(l, node, 0);

    if (x == NULL)
        return false;
    struct onnx_view view = x->view;
    float *scale = lower_per_channel(l, node, 1, &view);
    map.at = ir_constant(l->ctx, lower_ir(l, x)->c, 0);
    if (scale == NULL || map.at == NULL)
        return false;
    size_t made = ir_apply(l->ctx, &l->ir, node, x->ir, &map);
    if (made != ONNX_NONE)
        made = lower_arithmetic(l, node, made, IR_MUL, scale);
    return lower_out(l, node, made, &view, false);
}

bool lower_multi_threshold(struct lower *l, const struct onnx_node *node)
{
    struct ir_map map = { .kind = IR_MAP_COMPARE };
    const struct lowered *x = lower_in(l, node, 0);
    const struct onnx_tensor *t;
    const char *layout, *reason = NULL;
    float scale, bias;

    if (x == NULL || !onnx_constant_input(l->ctx, l->graph, node, 1, &t) ||
        !onnx_node_string(l->ctx, node, "data_layout", "NCHW", &layout) ||
        !onnx_node_float(l->ctx, node, "out_scale", 1, &scale) ||
        !onnx_node_float(l->ctx, node, "out_bias", 0, &bias))
        return false;
    if (t == NULL || t->rank != 2 || t->dims[1] != 1)
        return onnx_refuse(l->ctx, ONNX_CODE_ACTIVATION, node,
                           "one threshold for each channel",
                           "several thresholds: more than one bit");
    struct onnx_view view = x->view;
    size_t axis =
        strcmp(layout, "NHWC") == 0 || strcmp(layout, "NC") == 0 || view.rank < 2
            ? view.rank - 1
            : 1;
    if (strcmp(layout, "NC") == 0 && view.rank >= 2)
        axis = 1;
    struct onnx_tensor column = *t;
    column.rank = view.rank - axis;
    for (size_t d = 1; d < column.rank; d++)
        column.dims[d] = 1;
    float *at = ir_constant(l->ctx, lower_ir(l, x)->c, 0);
    if (at == NULL)
        return false;
    if (view.rank == 0 || !view_per_channel(&view, &column, at, &reason))
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node,
                           "one threshold for each channel", "%s",
                           reason == NULL ? "a scalar" : reason);
    for (uint32_t c = 0; c < lower_ir(l, x)->c; c++)
        if (!isfinite(at[c]))
            return onnx_refuse(l->ctx, ONNX_CODE_ACTIVATION, node, "finite thresholds",
                               "no number in channel %u", c);
    map.at = at;
    map.out[0] = map.out[1] = scale + bias;
    map.out[2] = bias;
    return lower_apply(l, node, x, &view, &map, false);
}
