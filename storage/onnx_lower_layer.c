/* SPDX-License-Identifier: Apache-2.0 */
/* Conv, Gemm and MatMul: layers of binary weights, or of real ones. */
#include "storage/onnx_lower.h"

#include "storage/onnx_shape.h"
#include "storage/onnx_weights.h"

#include "core/bits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A layer in the making. */
struct layer {
    size_t src;  /* IR node, pads taken off */
    float *rows; /* arena, [n_out][n_in], row, column, channel */
    size_t n_out, n_in;
    struct network_window window;
    enum network_padding padding;
    uint32_t groups, h, w; /* of the output */
};

static bool padded(const struct network_window *win)
{
    return (win->pad_top | win->pad_left | win->pad_bottom | win->pad_right) != 0;
}

/* Takes a Pad off the source: it becomes the window's own pads. */
static bool absorb_pad(struct lower *l, const struct onnx_node *node, struct layer *layer)
{
    const struct ir_node *pad = l->ir.nodes[layer->src];
    float k = 0;
    bool ties;

    if (pad->op != IR_PAD)
        return true;
    const struct ir_node *inner = l->ir.nodes[pad->src[0]];
    bool bits = inner->op == IR_LEVELS && ir_bipolar(inner, &k, &ties);
    if (pad->fill != 0 && !(bits && fabsf(pad->fill) == k))
        return onnx_refuse(l->ctx, ONNX_CODE_PADDING, node,
                           "a Pad with 0, or with -1 or +1 after the binarisation",
                           "a Pad with %g", (double)pad->fill);
    if (pad->fill != 0 && padded(&layer->window))
        return onnx_refuse(l->ctx, ONNX_CODE_PADDING, node, "one kind of padding",
                           "a Pad with %g, and pads with 0", (double)pad->fill);
    layer->window.pad_top += pad->window.pad_top;
    layer->window.pad_left += pad->window.pad_left;
    layer->window.pad_bottom += pad->window.pad_bottom;
    layer->window.pad_right += pad->window.pad_right;
    if (pad->fill != 0)
        layer->padding = pad->fill > 0 ? NETWORK_PAD_PLUS : NETWORK_PAD_MINUS;
    layer->src = pad->src[0];
    return true;
}

static size_t new_layer(struct lower *l, const struct onnx_node *node, enum ir_op op,
                        const struct layer *layer, size_t src)
{
    size_t made = ir_new(l->ctx, &l->ir, op, node, src);

    if (made == ONNX_NONE)
        return ONNX_NONE;
    struct ir_node *ir = l->ir.nodes[made];
    ir->h = layer->h;
    ir->w = layer->w;
    ir->c = (uint32_t)layer->n_out;
    ir->window = layer->window;
    ir->groups = layer->groups;
    ir->n_in = layer->n_in;
    ir->from_input = false;
    return made;
}

static size_t real_layer(struct lower *l, const struct onnx_node *node,
                         const struct layer *layer)
{
    size_t made = new_layer(l, node, IR_REAL, layer, layer->src);

    if (made != ONNX_NONE)
        l->ir.nodes[made]->real = layer->rows;
    return made;
}

/* Elementwise constants between the pixels and `src`, as one a for all channels and a b
 * for each. False: not affine, or one a is not enough. */
static bool input_affine(struct lower *l, size_t src, double *ret_a, double *ret_b,
                         size_t *ret_pixels)
{
    size_t chain[64], n = 0;

    for (; ir_elementwise(l->ir.nodes[src]->op); src = l->ir.nodes[src]->src[0]) {
        if (n == 64)
            return false;
        chain[n++] = src;
    }
    if (l->ir.nodes[src]->op != IR_INPUT)
        return false;
    for (uint32_t c = 0; c < l->ir.nodes[src]->c; c++) {
        double a = 1, b = 0;

        for (size_t i = n; i-- > 0;)
            if (!ir_affine(l->ir.nodes[chain[i]], c, &a, &b))
                return false;
        if (c > 0 && a != *ret_a)
            return false;
        *ret_a = a;
        ret_b[c] = b;
    }
    *ret_pixels = src;
    return true;
}

/* Binary weights on a * pixel + b: integers, then a tail that scales and shifts them;
 * NULL in *ret_shift: no shift. False: keep the real numbers. */
static bool integers(struct lower *l, const struct layer *layer, const uint64_t *bits,
                     size_t *ret_pixels, float *ret_a, float *shift)
{
    double a = 1, b[3] = { 0 };
    bool any = false;
    uint32_t channels = l->ir.nodes[layer->src]->c;
    size_t pixels;

    if (channels > 3 || !input_affine(l, layer->src, &a, b, &pixels))
        return false;
    for (uint32_t c = 0; c < channels; c++)
        any |= b[c] != 0;
    if (any && padded(&layer->window))
        return false;
    size_t n_group = channels / layer->groups, per = layer->n_out / layer->groups;
    for (size_t j = 0; j < layer->n_out; j++) {
        double sum = 0;

        for (size_t k = 0; k < layer->n_in; k++) {
            double x = b[j / per * n_group + k % n_group];

            sum += bits_get(bits + j * bits_words(layer->n_in), k) ? x : -x;
        }
        shift[j] = (float)sum;
    }
    *ret_a = (float)a;
    *ret_pixels = pixels;
    return true;
}

static size_t scaled(struct lower *l, const struct onnx_node *node, size_t made,
                     float factor)
{
    if (made == ONNX_NONE || factor == 1)
        return made;
    float *p = ir_constant(l->ctx, l->ir.nodes[made]->c, factor);
    return p == NULL ? ONNX_NONE : lower_arithmetic(l, node, made, IR_MUL, p);
}

static size_t binary_layer(struct lower *l, const struct onnx_node *node,
                           const struct layer *layer, const struct weights_look *look)
{
    const struct ir_node *src = l->ir.nodes[layer->src];
    uint64_t *bits;
    float *scale, *shift = ir_constant(l->ctx, (uint32_t)layer->n_out, 0);
    float factor = 1, k = 1;
    size_t input = layer->src;
    bool ties, unit = true, bit_input = src->op == IR_LEVELS, shifts = false;

    if (shift == NULL ||
        !weights_pack(l->ctx, layer->rows, layer->n_out, layer->n_in, &bits, &scale))
        return ONNX_NONE;
    if (bit_input && !ir_bipolar(src, &k, &ties)) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_ACTIVATION, node, "inputs of +1 and -1",
                          "binarised inputs of other values (%g, %g, %g)",
                          (double)src->p[0][0], (double)src->p[1][0],
                          (double)src->p[2][0]);
        return ONNX_NONE;
    }
    if (!bit_input && integers(l, layer, bits, &input, &factor, shift))
        for (size_t j = 0; j < layer->n_out; j++)
            shifts |= shift[j] != 0;
    size_t made = new_layer(l, node, IR_BINARY, layer, input);
    if (made == ONNX_NONE)
        return ONNX_NONE;
    struct ir_node *ir = l->ir.nodes[made];
    ir->bits = bits;
    ir->bit_input = bit_input;
    ir->padding = bit_input ? layer->padding : NETWORK_PAD_ZERO;
    ir->n_zero_rows = look->n_zero;
    made = scaled(l, node, scaled(l, node, made, k), factor);
    if (made != ONNX_NONE && shifts)
        made = lower_arithmetic(l, node, made, IR_ADD, shift);
    for (size_t j = 0; j < layer->n_out; j++)
        unit &= scale[j] == 1;
    if (made != ONNX_NONE && !unit)
        made = lower_arithmetic(l, node, made, IR_MUL, scale);
    return made;
}

/* Where the real numbers come from, for people. */
static void origin(const struct lower *l, size_t src, char *text, size_t len)
{
    const struct onnx_node *from = l->ir.nodes[src]->from;

    if (from == NULL)
        (void)snprintf(text, len, "the input");
    else
        (void)snprintf(text, len, "%.40s `%.80s`", from->op, from->name);
}

static size_t make_layer(struct lower *l, const struct onnx_node *node,
                         struct layer *layer)
{
    struct weights_look look;
    char text[160];

    if (!absorb_pad(l, node, layer))
        return ONNX_NONE;
    weights_look(layer->rows, layer->n_out, layer->n_in, &look);
    const struct ir_node *src = l->ir.nodes[layer->src];
    bool bit_input = src->op == IR_LEVELS;
    if (!look.finite) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node, "finite weights",
                          "a weight that is no number");
        return ONNX_NONE;
    }
    if (look.n_mixed == 0 && look.n_holed > 0 && (bit_input || src->from_input)) {
        (void)onnx_refuse(
            l->ctx, ONNX_CODE_WEIGHT_NOT_BINARY, node, "+a and -a in every row",
            "%zu zeros among the signs of %zu rows", look.n_holes, look.n_holed);
        return ONNX_NONE;
    }
    /* On real maps in the middle, weights of one sign are a blur or a mean. */
    if (!weights_binary(&look) || (!bit_input && !look.both_signs)) {
        if (layer->padding != NETWORK_PAD_ZERO) {
            (void)onnx_refuse(l->ctx, ONNX_CODE_PADDING, node,
                              "pads of 0 for real weights", "a Pad with another value");
            return ONNX_NONE;
        }
        return real_layer(l, node, layer);
    }
    if (bit_input || src->from_input)
        return binary_layer(l, node, layer, &look);
    if (!l->ctx->options->assume_sign) {
        origin(l, layer->src, text, sizeof(text));
        (void)onnx_refuse(l->ctx, ONNX_CODE_INPUT_NOT_BINARY, node,
                          "torch.sign in the forward pass when exporting, or "
                          "assume_sign=true if it was trained with binary activations",
                          "binary weights but real-valued input (from %s): the exporter "
                          "lost the sign of activations",
                          text);
        return ONNX_NONE;
    }
    struct ir_map sign = { .kind = IR_MAP_COMPARE, .out = { 1, 0, -1 } };
    sign.at = ir_constant(l->ctx, src->c, 0);
    if (sign.at == NULL || !onnx_remark(l->ctx, "assumed_sign", node,
                                        "its real input is binarised by its sign"))
        return ONNX_NONE;
    layer->src = ir_apply(l->ctx, &l->ir, node, layer->src, &sign);
    return layer->src == ONNX_NONE ? ONNX_NONE : binary_layer(l, node, layer, &look);
}

/* -- Conv -- */

/* (out, in, kh, kw) as rows in the order kh, kw, in. */
static float *conv_rows(struct lower *l, const struct onnx_tensor *t)
{
    size_t n_out = (size_t)t->dims[0], in = (size_t)t->dims[1];
    size_t area = (size_t)t->dims[2] * (size_t)t->dims[3];
    float *rows = onnx_new(l->ctx, t->n, sizeof(*rows));

    for (size_t j = 0; rows != NULL && j < n_out; j++)
        for (size_t c = 0; c < in; c++)
            for (size_t k = 0; k < area; k++)
                rows[(j * area + k) * in + c] =
                    onnx_tensor_at(t, (j * in + c) * area + k);
    return rows;
}

static bool add_bias(struct lower *l, const struct onnx_node *node, size_t i, float beta,
                     struct onnx_view *view, size_t *made)
{
    if (*made == ONNX_NONE)
        return false;
    if (i >= node->n_inputs || node->in[i] == ONNX_NONE || beta == 0)
        return true;
    float *p = lower_per_channel(l, node, i, view);
    if (p == NULL)
        return false;
    for (int64_t c = 0; c < view->side[VIEW_C]; c++)
        p[c] *= beta;
    *made = lower_arithmetic(l, node, *made, IR_ADD, p);
    return *made != ONNX_NONE;
}

bool lower_conv(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);
    const struct onnx_tensor *t;
    int64_t group;

    if (x == NULL || !onnx_constant_input(l->ctx, l->graph, node, 1, &t) ||
        !onnx_node_int(l->ctx, node, "group", 1, &group))
        return false;
    const struct ir_node *in = lower_ir(l, x);
    if (t == NULL || t->type != ONNX_FLOAT || t->rank != 4 || !view_is_nchw(&x->view))
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node,
                           "a two-dimensional convolution of a map in NCHW",
                           "weights or input of other dimensions or layout");
    bool good = group >= 1 && group <= in->c && in->c % (uint32_t)group == 0 &&
                t->dims[1] == in->c / group && t->dims[0] >= 1 &&
                t->dims[0] % group == 0 && t->dims[0] <= NETWORK_MAX_CHANNELS &&
                t->dims[2] >= 1 && t->dims[3] >= 1 && t->dims[2] <= NETWORK_MAX_SIDE &&
                t->dims[3] <= NETWORK_MAX_SIDE;
    if (!good) {
        char text[128];

        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node,
                           "weights (outputs, channels / group, rows, columns)",
                           "weights %s in %lld groups for %u channels",
                           onnx_dims_text(t->rank, t->dims, text, sizeof(text)),
                           (long long)group, in->c);
    }
    uint32_t kernel[2] = { (uint32_t)t->dims[2], (uint32_t)t->dims[3] };
    struct layer layer = {
        .src = x->ir,
        .n_out = (size_t)t->dims[0],
        .n_in = t->n / (size_t)t->dims[0],
        .groups = (uint32_t)group,
    };
    if (!lower_window(l, node, kernel, in->h, in->w, &layer.window, &layer.h, &layer.w))
        return false;
    layer.rows = conv_rows(l, t);
    if (layer.rows == NULL)
        return false;
    size_t made = make_layer(l, node, &layer);
    struct onnx_view view, bias_view;
    lower_nchw(l, layer.h, layer.w, (uint32_t)layer.n_out, &view);
    /* A bias is [channels]. */
    bias_view = (struct onnx_view) { .rank = 1, .dims = { (int64_t)layer.n_out } };
    memcpy(bias_view.side, view.side, sizeof(view.side));
    bias_view.axes[0] = view.axes[1];
    return add_bias(l, node, 2, 1, &bias_view, &made) &&
           lower_out(l, node, made, &view, false);
}

/* -- Gemm, MatMul -- */

/* Column k of the file's order, as flattened in the file, is this one in ours. */
static size_t our_column(const struct onnx_view *view, size_t axis, size_t k)
{
    const struct view_axis *a = &view->axes[axis];
    size_t at[VIEW_SIDES] = { 0 };

    for (size_t i = a->n; i-- > 0;) {
        size_t len = (size_t)view->side[a->part[i]];

        at[a->part[i]] = k % len;
        k /= len;
    }
    return (at[VIEW_H] * (size_t)view->side[VIEW_W] + at[VIEW_W]) *
               (size_t)view->side[VIEW_C] +
           at[VIEW_C];
}

/* x (..., K) times weights of K inputs; the last axis holds the whole map, or its
 * channels alone: then it is a convolution of 1 x 1. */
static bool dense(struct lower *l, const struct onnx_node *node, bool out_first,
                  float alpha, float beta)
{
    const struct lowered *x = lower_in(l, node, 0);
    const struct onnx_tensor *t;
    struct onnx_view view;

    if (x == NULL || !onnx_constant_input(l->ctx, l->graph, node, 1, &t))
        return false;
    const struct ir_node *in = lower_ir(l, x);
    size_t axis = x->view.rank - 1;
    if (t == NULL || t->type != ONNX_FLOAT || t->rank != 2 || x->view.rank == 0 ||
        t->dims[out_first ? 1 : 0] != x->view.dims[axis])
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node, "weights (inputs, outputs)",
                           "weights that do not fit the input");
    bool pointwise = view_axis_is(&x->view, axis, VIEW_C) && (in->h > 1 || in->w > 1);
    bool whole = true;
    for (size_t i = 0; i < axis; i++)
        for (size_t k = 0; k < x->view.axes[i].n; k++)
            whole &= x->view.axes[i].part[k] == VIEW_N;
    int64_t n_out = t->dims[out_first ? 0 : 1];
    for (size_t k = 0; k < x->view.axes[axis].n; k++)
        whole &= x->view.axes[axis].part[k] != VIEW_N;
    if ((!pointwise && !whole) || n_out < 1 || n_out > NETWORK_MAX_CHANNELS ||
        (pointwise && in->op == IR_PAD))
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node, "a flat input, batch first",
                           "an input of another layout");
    struct layer layer = {
        .src = x->ir,
        .n_out = (size_t)n_out,
        .n_in = t->n / (size_t)n_out,
        .groups = 1,
        .h = pointwise ? in->h : 1,
        .w = pointwise ? in->w : 1,
        .window = { .kernel_h = pointwise ? 1 : in->h,
                    .kernel_w = pointwise ? 1 : in->w,
                    .stride_h = 1,
                    .stride_w = 1,
                    .dilation_h = 1,
                    .dilation_w = 1 },
    };
    layer.rows = onnx_new(l->ctx, t->n, sizeof(*layer.rows));
    if (layer.rows == NULL)
        return false;
    for (size_t k = 0; k < layer.n_in; k++) {
        size_t to = pointwise ? k : our_column(&x->view, axis, k);

        for (size_t j = 0; j < layer.n_out; j++)
            layer.rows[j * layer.n_in + to] =
                onnx_tensor_at(t, out_first ? j * layer.n_in + k : k * layer.n_out + j);
    }
    size_t made = make_layer(l, node, &layer);
    view = x->view;
    view.side[VIEW_C] = view.dims[axis] = n_out;
    view.axes[axis] = (struct view_axis) { n_out == 1 ? 0 : 1, { VIEW_C } };
    if (!pointwise)
        view.side[VIEW_H] = view.side[VIEW_W] = 1;
    made = scaled(l, node, made, alpha);
    return add_bias(l, node, 2, beta, &view, &made) &&
           lower_out(l, node, made, &view, false);
}

bool lower_gemm(struct lower *l, const struct onnx_node *node)
{
    int64_t trans_a, trans_b;
    float alpha, beta;

    if (!onnx_node_int(l->ctx, node, "transA", 0, &trans_a) ||
        !onnx_node_int(l->ctx, node, "transB", 0, &trans_b) ||
        !onnx_node_float(l->ctx, node, "alpha", 1, &alpha) ||
        !onnx_node_float(l->ctx, node, "beta", 1, &beta))
        return false;
    if (trans_a != 0 || !isfinite(alpha) || !isfinite(beta))
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node,
                           "transA=0, finite alpha and beta",
                           "transA=%lld, alpha=%g, beta=%g", (long long)trans_a,
                           (double)alpha, (double)beta);
    return dense(l, node, trans_b != 0, alpha, beta);
}

bool lower_matmul(struct lower *l, const struct onnx_node *node)
{
    return dense(l, node, false, 1, 1);
}
