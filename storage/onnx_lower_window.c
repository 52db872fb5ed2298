/* SPDX-License-Identifier: Apache-2.0 */
/* Windows that move over a map: pools, pads, and the window of a convolution. */
#include "storage/onnx_lower.h"

#include "storage/onnx_shape.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define MAX_WINDOW 65536 /* any side, stride, dilation or pad */

void lower_nchw(const struct lower *l, uint32_t h, uint32_t w, uint32_t c,
                struct onnx_view *ret)
{
    static const enum view_side order[] = { VIEW_N, VIEW_C, VIEW_H, VIEW_W };
    int64_t side[VIEW_SIDES] = { 1, c, h, w };

    side[VIEW_N] = l->graph->batch;
    view_make(ret, side, order, 4);
}

/* An attribute of `n` numbers, each low .. MAX_WINDOW; all `absent` without it. */
static bool sizes(struct lower *l, const struct onnx_node *node, const char *name,
                  size_t n, int64_t low, uint32_t absent, uint32_t *ret, bool *ret_given)
{
    const int64_t *ints;
    size_t have;

    if (!onnx_node_ints(l->ctx, node, name, &ints, &have))
        return false;
    *ret_given = ints != NULL;
    if (ints != NULL && have != n)
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node, "two dimensions",
                           "%s has %zu entries", name, have);
    for (size_t i = 0; i < n; i++) {
        if (ints != NULL && (ints[i] < low || ints[i] > MAX_WINDOW))
            return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node, "small numbers",
                               "%s holds %lld", name, (long long)ints[i]);
        ret[i] = ints == NULL ? absent : (uint32_t)ints[i];
    }
    return true;
}

/* One direction of auto_pad SAME: out = ceil(in / stride). */
static void same_pads(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t dilation,
                      bool upper, uint32_t *before, uint32_t *after)
{
    int64_t out = ((int64_t)in + stride - 1) / stride;
    int64_t total = (out - 1) * stride + (int64_t)(kernel - 1) * dilation + 1 - in;

    total = total < 0 ? 0 : total;
    *before = (uint32_t)(upper ? total / 2 : total - total / 2);
    *after = (uint32_t)total - *before;
}

/* ceil_mode: as if padded further, but no window may begin behind the map. */
static uint32_t ceil_pad(uint32_t in, uint32_t kernel, uint32_t stride, uint32_t dilation,
                         uint32_t before, uint32_t after)
{
    int64_t free = (int64_t)in + before + after - (int64_t)dilation * (kernel - 1) - 1;

    if (free < 0 || free % stride == 0)
        return after;
    int64_t out = free / stride + 2;
    if ((out - 1) * stride >= (int64_t)in + before)
        return after;
    return after + (uint32_t)(stride - free % stride);
}

static bool window_pads(struct lower *l, const struct onnx_node *node, uint32_t h,
                        uint32_t w, struct network_window *win)
{
    uint32_t pads[4];
    const char *automatic;
    bool given;
    int64_t ceil_mode;

    if (!sizes(l, node, "pads", 4, 0, 0, pads, &given) ||
        !onnx_node_string(l->ctx, node, "auto_pad", "NOTSET", &automatic) ||
        !onnx_node_int(l->ctx, node, "ceil_mode", 0, &ceil_mode))
        return false;
    win->pad_top = pads[0];
    win->pad_left = pads[1];
    win->pad_bottom = pads[2];
    win->pad_right = pads[3];
    bool upper = strcmp(automatic, "SAME_UPPER") == 0;
    if (upper || strcmp(automatic, "SAME_LOWER") == 0) {
        same_pads(h, win->kernel_h, win->stride_h, win->dilation_h, upper, &win->pad_top,
                  &win->pad_bottom);
        same_pads(w, win->kernel_w, win->stride_w, win->dilation_w, upper, &win->pad_left,
                  &win->pad_right);
    } else if (strcmp(automatic, "VALID") == 0) {
        win->pad_top = win->pad_left = win->pad_bottom = win->pad_right = 0;
    } else if (strcmp(automatic, "NOTSET") != 0) {
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node,
                           "NOTSET, VALID, SAME_UPPER, SAME_LOWER", "auto_pad '%.40s'",
                           automatic);
    }
    if (ceil_mode != 0) {
        win->pad_bottom = ceil_pad(h, win->kernel_h, win->stride_h, win->dilation_h,
                                   win->pad_top, win->pad_bottom);
        win->pad_right = ceil_pad(w, win->kernel_w, win->stride_w, win->dilation_w,
                                  win->pad_left, win->pad_right);
    }
    return true;
}

bool lower_window(struct lower *l, const struct onnx_node *node, const uint32_t kernel[2],
                  uint32_t h, uint32_t w, struct network_window *ret, uint32_t *ret_h,
                  uint32_t *ret_w)
{
    uint32_t shape[2], strides[2], dilations[2];
    bool given, unused;

    if (!sizes(l, node, "kernel_shape", 2, 1, 0, shape, &given) ||
        !sizes(l, node, "strides", 2, 1, 1, strides, &unused) ||
        !sizes(l, node, "dilations", 2, 1, 1, dilations, &unused))
        return false;
    bool of_weights = kernel[0] != 0;
    if (of_weights ? given && (shape[0] != kernel[0] || shape[1] != kernel[1]) : !given)
        return onnx_refuse(
            l->ctx, ONNX_CODE_SHAPE, node, "a kernel_shape as the weights have",
            given ? "kernel_shape differs from the weights" : "no kernel_shape");
    *ret = (struct network_window) {
        .kernel_h = of_weights ? kernel[0] : shape[0],
        .kernel_w = of_weights ? kernel[1] : shape[1],
        .stride_h = strides[0],
        .stride_w = strides[1],
        .dilation_h = dilations[0],
        .dilation_w = dilations[1],
    };
    if (!window_pads(l, node, h, w, ret))
        return false;
    *ret_h = network_window_out(h, ret->kernel_h, ret->stride_h, ret->dilation_h,
                                ret->pad_top, ret->pad_bottom);
    *ret_w = network_window_out(w, ret->kernel_w, ret->stride_w, ret->dilation_w,
                                ret->pad_left, ret->pad_right);
    if (*ret_h == 0 || *ret_w == 0 || *ret_h > NETWORK_MAX_SIDE ||
        *ret_w > NETWORK_MAX_SIDE)
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node, "a window that fits its map",
                           "a window of %u x %u on a map of %u x %u", ret->kernel_h,
                           ret->kernel_w, h, w);
    return true;
}

static const struct lowered *nchw_in(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);

    if (x == NULL || (view_is_nchw(&x->view) && !x->is_bool))
        return x;
    (void)onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node,
                      "batch, channels, rows, columns (NCHW)",
                      "a tensor of another layout");
    return NULL;
}

/* -- Pads -- */

/* A pad in front of a pool that changes nothing in it: becomes the pool's own. */
static bool absorb_pad(struct lower *l, const struct onnx_node *node, size_t *src,
                       struct network_window *win)
{
    const struct ir_node *pad = l->ir.nodes[*src];

    if (pad->op != IR_PAD)
        return true;
    const struct ir_node *inner = l->ir.nodes[pad->src[0]];
    bool lowest = pad->fill <= -FLT_MAX;
    if (inner->op == IR_SLOPE && pad->fill == 0) /* after a Relu nothing is below zero */
        for (uint32_t c = 0; c < inner->c && (c == 0 || lowest); c++)
            lowest = inner->p[0][c] == 0;
    if (inner->op == IR_LEVELS) {
        float k;
        bool ties;

        lowest |= ir_bipolar(inner, &k, &ties) && pad->fill == -k;
    }
    if (!lowest)
        return onnx_refuse(l->ctx, ONNX_CODE_PADDING, node,
                           "a Pad with the lowest value that the map can have",
                           "a Pad with %g in front of a pool", (double)pad->fill);
    win->pad_top += pad->window.pad_top;
    win->pad_left += pad->window.pad_left;
    win->pad_bottom += pad->window.pad_bottom;
    win->pad_right += pad->window.pad_right;
    *src = pad->src[0];
    return true;
}

/* A Pad as the node has it. */
struct pads {
    int64_t of[2 * ONNX_MAX_RANK]; /* before each axis, then after each */
    float fill;
};

static bool read_pads(struct lower *l, const struct onnx_node *node, size_t rank,
                      struct pads *ret)
{
    const char *mode;
    const int64_t *attribute;
    int64_t axes[ONNX_MAX_RANK];
    size_t n_attribute, n_axes = 0;
    bool axes_given = false;
    const struct onnx_tensor *t = NULL, *value = NULL;

    *ret = (struct pads) { .fill = 0 };
    if (!onnx_node_string(l->ctx, node, "mode", "constant", &mode) ||
        !onnx_node_ints(l->ctx, node, "pads", &attribute, &n_attribute) ||
        !onnx_node_float(l->ctx, node, "value", 0, &ret->fill) ||
        !onnx_constant_input(l->ctx, l->graph, node, 1, &t) ||
        !onnx_constant_input(l->ctx, l->graph, node, 2, &value) ||
        !onnx_axes(l->ctx, l->graph, node, 3, rank, axes, &n_axes, &axes_given))
        return false;
    if (strcmp(mode, "constant") != 0)
        return onnx_refuse(l->ctx, ONNX_CODE_PADDING, node, "mode constant",
                           "mode '%.40s'", mode);
    size_t n = axes_given ? n_axes : rank;
    const int64_t *from = attribute != NULL ? attribute : t == NULL ? NULL : t->i;
    size_t have = attribute != NULL ? n_attribute : t == NULL ? 0 : t->n;
    if (from == NULL || have != 2 * n || (value != NULL && value->n != 1))
        return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node,
                           "two pads for each axis and one value", "%zu pads", have);
    for (size_t i = 0; i < n; i++) {
        size_t d = axes_given ? (size_t)axes[i] : i;

        ret->of[d] = from[i];
        ret->of[rank + d] = from[n + i];
    }
    if (value != NULL)
        ret->fill = onnx_tensor_at(value, 0);
    return true;
}

/* What that is of a map: top, left, bottom, right. */
static bool pad_amounts(struct lower *l, const struct onnx_node *node,
                        const struct onnx_view *view, const struct pads *pads,
                        uint32_t ret[4])
{
    memset(ret, 0, 4 * sizeof(*ret));
    for (size_t i = 0; i < 2 * view->rank; i++) {
        size_t d = i % view->rank;
        enum view_side side = view_spatial(view, d);

        if (pads->of[i] == 0)
            continue;
        if (side == VIEW_SIDES || pads->of[i] < 0 || pads->of[i] > MAX_WINDOW)
            return onnx_refuse(l->ctx, ONNX_CODE_PADDING, node,
                               "pads of rows and columns", "a pad of %lld on axis %zu",
                               (long long)pads->of[i], d);
        ret[(i < view->rank ? 0 : 2) + (side == VIEW_H ? 0 : 1)] = (uint32_t)pads->of[i];
    }
    return true;
}

bool lower_pad(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);
    struct pads pads;
    uint32_t amount[4];

    if (x == NULL || !read_pads(l, node, x->view.rank, &pads) ||
        !pad_amounts(l, node, &x->view, &pads, amount))
        return false;
    if (amount[0] + amount[1] + amount[2] + amount[3] == 0)
        return lower_out(l, node, x->ir, &x->view, x->is_bool);
    if (lower_ir(l, x)->op == IR_PAD)
        return onnx_refuse(l->ctx, ONNX_CODE_PADDING, node, "one Pad", "a Pad of a Pad");
    size_t made = ir_new(l->ctx, &l->ir, IR_PAD, node, x->ir);
    if (made == ONNX_NONE)
        return false;
    struct ir_node *pad = l->ir.nodes[made];
    pad->fill = pads.fill;
    pad->window.pad_top = amount[0];
    pad->window.pad_left = amount[1];
    pad->window.pad_bottom = amount[2];
    pad->window.pad_right = amount[3];
    pad->h += amount[0] + amount[2];
    pad->w += amount[1] + amount[3];
    struct onnx_view view = x->view;
    view.side[VIEW_H] = pad->h;
    view.side[VIEW_W] = pad->w;
    for (size_t d = 0; d < view.rank; d++) {
        int64_t more = pads.of[d] + pads.of[view.rank + d];

        /* A side of one row or column is in no axis; now it is longer. */
        if (more > 0)
            view.axes[d] =
                (struct view_axis) { 1, { (unsigned char)view_spatial(&x->view, d) } };
        view.dims[d] += more;
    }
    return lower_out(l, node, made, &view, x->is_bool);
}

/* -- Pools -- */

/* The pool itself, made over src; ONNX_NONE: refused. */
static size_t pool(struct lower *l, const struct onnx_node *node, enum ir_op op,
                   size_t src, const struct network_window *win, uint32_t h, uint32_t w)
{
    const struct ir_node *in = l->ir.nodes[src];
    float k = 0;
    bool ties, bits = op == IR_MAX_POOL && in->op == IR_LEVELS;

    if (bits && !ir_bipolar(in, &k, &ties)) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_ACTIVATION, node, "activations of +1 and -1",
                          "a pool of other values");
        return ONNX_NONE;
    }
    size_t made = ir_new(l->ctx, &l->ir, bits ? IR_BIT_POOL : op, node, src);
    if (made == ONNX_NONE)
        return ONNX_NONE;
    struct ir_node *node_ir = l->ir.nodes[made];
    node_ir->window = *win;
    node_ir->h = h;
    node_ir->w = w;
    if (!bits)
        return made;
    size_t levels = ir_new(l->ctx, &l->ir, IR_LEVELS, node, made);
    for (unsigned i = 0; levels != ONNX_NONE && i < 3; i++) {
        l->ir.nodes[levels]->p[i] = ir_constant(l->ctx, node_ir->c, i == 2 ? -k : k);
        if (l->ir.nodes[levels]->p[i] == NULL)
            return ONNX_NONE;
    }
    return levels;
}

static bool pool_out(struct lower *l, const struct onnx_node *node, size_t made)
{
    struct onnx_view view;

    if (made == ONNX_NONE)
        return false;
    const struct ir_node *ir = l->ir.nodes[made];
    lower_nchw(l, ir->h, ir->w, ir->c, &view);
    return lower_out(l, node, made, &view, false);
}

bool lower_max_pool(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = nchw_in(l, node);
    uint32_t none[2] = { 0, 0 }, h, w;
    struct network_window win;

    if (x == NULL)
        return false;
    size_t src = x->ir;
    const struct ir_node *in = l->ir.nodes[src];
    if (node->n_outputs > 1 && node->out[1] != ONNX_NONE)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node, "one output",
                           "indices as well");
    if (!lower_window(l, node, none, in->h, in->w, &win, &h, &w) ||
        !absorb_pad(l, node, &src, &win))
        return false;
    return pool_out(l, node, pool(l, node, IR_MAX_POOL, src, &win, h, w));
}

bool lower_average_pool(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = nchw_in(l, node);
    uint32_t none[2] = { 0, 0 }, h, w;
    struct network_window win;
    int64_t include, ceil_mode;

    if (x == NULL || !onnx_node_int(l->ctx, node, "count_include_pad", 0, &include) ||
        !onnx_node_int(l->ctx, node, "ceil_mode", 0, &ceil_mode))
        return false;
    const struct ir_node *in = lower_ir(l, x);
    if (in->op == IR_PAD)
        return onnx_refuse(l->ctx, ONNX_CODE_PADDING, node, "pads of the pool itself",
                           "a Pad in front of an AveragePool");
    if (include != 0 && ceil_mode != 0)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node,
                           "ceil_mode or count_include_pad, not both", "both");
    if (!lower_window(l, node, none, in->h, in->w, &win, &h, &w))
        return false;
    size_t made = pool(l, node, IR_MEAN_POOL, x->ir, &win, h, w);
    if (made != ONNX_NONE)
        l->ir.nodes[made]->count_outside = include != 0;
    return pool_out(l, node, made);
}

static size_t whole_map(struct lower *l, const struct onnx_node *node, enum ir_op op,
                        const struct lowered *x)
{
    const struct ir_node *in = lower_ir(l, x);
    struct network_window win = {
        .kernel_h = in->h,
        .kernel_w = in->w,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
    };

    if (in->op == IR_PAD) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_PADDING, node, "a map that is not padded",
                          "a Pad in front of a pool of the whole map");
        return ONNX_NONE;
    }
    return pool(l, node, op, x->ir, &win, 1, 1);
}

bool lower_global_pool(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = nchw_in(l, node);
    bool max = strcmp(node->op, "GlobalMaxPool") == 0;

    return x != NULL &&
           pool_out(l, node, whole_map(l, node, max ? IR_MAX_POOL : IR_MEAN_POOL, x));
}

/* Over rows and columns, which is a pool of the whole map. */
bool lower_reduce_mean(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *x = lower_in(l, node, 0);
    int64_t axes[ONNX_MAX_RANK], keep;
    size_t n_axes = 0;
    bool given = false;
    struct onnx_view view;

    if (x == NULL || !onnx_node_int(l->ctx, node, "keepdims", 1, &keep) ||
        !onnx_axes(l->ctx, l->graph, node, 1, x->view.rank, axes, &n_axes, &given))
        return false;
    bool gone[ONNX_MAX_RANK] = { false };
    for (size_t i = 0; i < n_axes; i++)
        gone[axes[i]] = true;
    bool good = n_axes > 0 && !x->is_bool && lower_ir(l, x)->op != IR_LEVELS;
    view = (struct onnx_view) { .rank = 0 };
    memcpy(view.side, x->view.side, sizeof(view.side));
    view.side[VIEW_H] = view.side[VIEW_W] = 1;
    for (size_t d = 0; d < x->view.rank; d++) {
        const struct view_axis *axis = &x->view.axes[d];

        for (size_t k = 0; k < axis->n; k++)
            good &= gone[d] == (axis->part[k] == VIEW_H || axis->part[k] == VIEW_W);
        if (gone[d] && keep == 0)
            continue;
        view.axes[view.rank] = gone[d] ? (struct view_axis) { 0 } : *axis;
        view.dims[view.rank++] = gone[d] ? 1 : x->view.dims[d];
    }
    if (!good)
        return onnx_refuse(l->ctx, ONNX_CODE_OPERATOR, node,
                           "a mean over all rows and columns of a real map",
                           "a mean over other axes");
    return lower_out(l, node, whole_map(l, node, IR_MEAN_POOL, x), &view, false);
}

/* -- Side by side -- */

static size_t concat_two(struct lower *l, const struct onnx_node *node, size_t a,
                         size_t b)
{
    const struct ir_node *x = l->ir.nodes[a], *y = l->ir.nodes[b];
    float k = 0, other = 0;
    bool ties, bits = x->op == IR_LEVELS && y->op == IR_LEVELS;

    if (x->op == IR_PAD || y->op == IR_PAD) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_PADDING, node, "maps that are not padded",
                          "a Pad in front of a Concat");
        return ONNX_NONE;
    }
    if (bits &&
        (!ir_bipolar(x, &k, &ties) || !ir_bipolar(y, &other, &ties) || k != other)) {
        (void)onnx_refuse(l->ctx, ONNX_CODE_ACTIVATION, node, "activations of +k and -k",
                          "binarised maps of different values");
        return ONNX_NONE;
    }
    size_t made = ir_new(l->ctx, &l->ir, bits ? IR_BIT_CONCAT : IR_CONCAT, node, a);
    if (made == ONNX_NONE)
        return ONNX_NONE;
    struct ir_node *to = l->ir.nodes[made];
    to->n_src = 2;
    to->src[1] = b;
    to->c = x->c + y->c;
    to->from_input &= y->from_input;
    if (!bits)
        return made;
    size_t levels = ir_new(l->ctx, &l->ir, IR_LEVELS, node, made);
    for (unsigned i = 0; levels != ONNX_NONE && i < 3; i++) {
        l->ir.nodes[levels]->p[i] = ir_constant(l->ctx, to->c, i == 2 ? -k : k);
        if (l->ir.nodes[levels]->p[i] == NULL)
            return ONNX_NONE;
    }
    return levels;
}

bool lower_concat(struct lower *l, const struct onnx_node *node)
{
    const struct lowered *first = lower_in(l, node, 0);
    size_t axis, made;

    if (first == NULL || !onnx_axis(l->ctx, node, "axis", 1, first->view.rank, &axis))
        return false;
    struct onnx_view view = first->view;
    made = first->ir;
    for (size_t i = 1; i < node->n_inputs; i++) {
        const struct lowered *x = lower_in(l, node, i);

        if (x == NULL)
            return false;
        const struct ir_node *a = l->ir.nodes[made], *b = lower_ir(l, x);
        if (!view_beside(&first->view, &x->view, axis) || a->h != b->h || a->w != b->w ||
            first->is_bool || x->is_bool || b->c > NETWORK_MAX_CHANNELS - a->c)
            return onnx_refuse(l->ctx, ONNX_CODE_SHAPE, node,
                               "maps of one size, side by side in channels",
                               "input %zu does not fit", i);
        made = concat_two(l, node, made, x->ir);
        if (made == ONNX_NONE)
            return false;
    }
    view.side[VIEW_C] = view.dims[axis] = l->ir.nodes[made]->c;
    /* Single channels were in no axis. */
    view.axes[axis] = (struct view_axis) { view.dims[axis] == 1 ? 0 : 1, { VIEW_C } };
    return lower_out(l, node, made, &view, false);
}
