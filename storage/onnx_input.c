/* SPDX-License-Identifier: Apache-2.0 */
/* The input contract: what the file does not say about its pictures, or only by the way
 * it uses them. */
#include "storage/onnx_lower.h"

#include <math.h>
#include <string.h>

static bool refuse(struct lower *l, const char *accepted, const char *found)
{
    return onnx_refuse(l->ctx, ONNX_CODE_INPUT_CONTRACT, NULL, accepted, "%s", found);
}

/* -- Who reads the picture -- */

static const struct onnx_node *reader(const struct lower *l, size_t value)
{
    size_t producer = l->graph->values[value].producer;

    /* Readers stand behind it. */
    for (size_t k = producer == ONNX_NONE ? 0 : producer + 1; k < l->graph->n_nodes; k++)
        for (size_t i = 0; l->live[k] && i < l->graph->nodes[k].n_inputs; i++)
            if (l->graph->nodes[k].in[i] == value &&
                strcmp(l->graph->nodes[k].op, "Shape") != 0)
                return &l->graph->nodes[k];
    return NULL;
}

/* A constant before anything is folded. */
static const struct onnx_tensor *early_constant(const struct lower *l, size_t value)
{
    if (value == ONNX_NONE)
        return NULL;
    const struct onnx_value *v = &l->graph->values[value];
    if (v->constant != NULL || v->producer == ONNX_NONE)
        return v->constant;
    const struct onnx_node *node = &l->graph->nodes[v->producer];
    const struct onnx_attribute *a = onnx_node_attribute(node, "value");
    return strcmp(node->op, "Constant") == 0 && a != NULL ? a->tensor : NULL;
}

static bool one_of(const char *op, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(op, *list) == 0)
            return true;
    return false;
}

/* Follows the picture to the first operator that wants NCHW. axis: [4], which axis of
 * `dims` comes as batch, channel, row, column there. A flat input may be given four
 * dimensions on the way: they replace `dims`. */
static bool trace_layout(const struct lower *l, size_t *rank, int64_t *dims, size_t *axis)
{
    static const char *const same[] = {
        "Add",      "Sub",         "Mul",   "Div",     "Cast",
        "Identity", "Clip",        "Sign",  "Greater", "GreaterOrEqual",
        "Less",     "LessOrEqual", "Where", "Not",     "BipolarQuant",
        "Pad",      NULL
    };
    static const char *const nchw[] = { "Conv", "MaxPool", "AveragePool",
                                        "BatchNormalization", NULL };
    size_t value = l->graph->input;

    for (size_t i = 0; i < 4; i++)
        axis[i] = i;
    for (;;) {
        const struct onnx_node *node = reader(l, value);
        const int64_t *perm;
        size_t n = 0;

        if (node == NULL || node->n_outputs == 0 || node->out[0] == ONNX_NONE)
            return false;
        const struct onnx_attribute *a = onnx_node_attribute(node, "perm");
        perm = a == NULL ? NULL : a->ints;
        n = a == NULL ? 0 : a->n;
        if (strcmp(node->op, "Transpose") == 0) {
            size_t old[4];

            if (*rank != 4 || perm == NULL || n != 4)
                return false;
            memcpy(old, axis, sizeof(old));
            for (size_t i = 0; i < 4; i++) {
                if (perm[i] < 0 || perm[i] > 3)
                    return false;
                axis[i] = old[perm[i]];
            }
        } else if (strcmp(node->op, "Reshape") == 0 && *rank < 4) {
            const struct onnx_tensor *t =
                node->n_inputs > 1 ? early_constant(l, node->in[1]) : NULL;

            if (t == NULL || t->type != ONNX_INT || t->n != 4 || t->i[1] < 1 ||
                t->i[2] < 1 || t->i[3] < 1)
                return false;
            memcpy(dims, t->i, 4 * sizeof(*dims));
            *rank = 4;
        } else if (one_of(node->op, nchw)) {
            return *rank == 4;
        } else if (!one_of(node->op, same)) {
            return false;
        }
        value = node->out[0];
    }
}

/* -- Sides -- */

static bool is_colours(int64_t n)
{
    return n == 1 || n == 3;
}

/* Which axes of a picture of three dimensions are channel, row, column. */
static bool choose_layout(struct lower *l, const int64_t *dims, bool traced,
                          const size_t *axis, enum onnx_layout *ret)
{
    enum onnx_layout given = l->ctx->options->layout, found = ONNX_LAYOUT_AUTO;

    if (traced && axis[0] == 0)
        found = axis[1] == 1   ? ONNX_LAYOUT_NCHW
                : axis[1] == 3 ? ONNX_LAYOUT_NHWC
                               : ONNX_LAYOUT_AUTO;
    if (traced && found == ONNX_LAYOUT_AUTO)
        return refuse(l, "a picture in NCHW or NHWC", "rows and columns are exchanged");
    if (found == ONNX_LAYOUT_AUTO && is_colours(dims[0]) != is_colours(dims[2]))
        found = is_colours(dims[0]) ? ONNX_LAYOUT_NCHW : ONNX_LAYOUT_NHWC;
    if (given != ONNX_LAYOUT_AUTO && traced && given != found)
        return refuse(l, "the layout that the file uses",
                      "another layout is given than the first layer reads");
    if (given != ONNX_LAYOUT_AUTO)
        found = given;
    if (found == ONNX_LAYOUT_AUTO)
        return refuse(l, "layout=nchw or layout=nhwc",
                      "the layout is not given and does not follow from the file");
    *ret = found;
    return true;
}

static bool set_sides(struct lower *l, int64_t h, int64_t w, int64_t c)
{
    if (!is_colours(c) || h < 1 || w < 1 || h > NETWORK_MAX_SIDE || w > NETWORK_MAX_SIDE)
        return onnx_refuse(l->ctx, ONNX_CODE_INPUT_CONTRACT, NULL,
                           "pictures of 1 or 3 channels, sides up to 4096",
                           "an input of %lld x %lld, %lld channels", (long long)w,
                           (long long)h, (long long)c);
    l->input->height = (uint32_t)h;
    l->input->width = (uint32_t)w;
    l->input->channels = (uint32_t)c;
    return true;
}

static bool given_sides(struct lower *l, int64_t n, int64_t *h, int64_t *w, int64_t *c)
{
    const struct onnx_options *o = l->ctx->options;
    int64_t side = 1;

    if (o->height > NETWORK_MAX_SIDE || o->width > NETWORK_MAX_SIDE || o->channels > 3)
        return refuse(l, "sides up to 4096, 1 or 3 channels", "a larger size is given");
    if (o->height != 0 && o->width != 0) {
        *h = o->height;
        *w = o->width;
        *c = o->channels != 0 ? o->channels : n / (*h * *w);
    } else {
        bool three = o->channels == 3 ||
                     (o->channels == 0 &&
                      (o->colour == ONNX_COLOUR_RGB || o->colour == ONNX_COLOUR_BGR));

        *c = three ? 3 : 1;
        while (side * side * *c < n && side <= NETWORK_MAX_SIDE)
            side++;
        *h = *w = side;
    }
    if (*h * *w * *c != n)
        return onnx_refuse(l->ctx, ONNX_CODE_INPUT_CONTRACT, NULL,
                           "height, width and channels of the picture",
                           "a flat input of %lld numbers", (long long)n);
    return true;
}

/* Rank 1 or 2: a picture that was flattened before it came. */
static bool flat_input(struct lower *l, int64_t n, bool traced, const int64_t *dims,
                       const size_t *axis, struct onnx_view *view, size_t rank)
{
    enum onnx_layout layout = ONNX_LAYOUT_NCHW;
    int64_t h = 0, w = 0, c = 0;

    if (traced) {
        if (!choose_layout(l, dims + 1, true, axis, &layout))
            return false;
        bool nchw = layout == ONNX_LAYOUT_NCHW;
        c = nchw ? dims[1] : dims[3];
        h = nchw ? dims[2] : dims[1];
        w = nchw ? dims[3] : dims[2];
        if (h > NETWORK_MAX_SIDE || w > NETWORK_MAX_SIDE || c > 3 || h * w * c != n)
            return refuse(l, "a picture as large as the input",
                          "a reshape to another size");
    } else {
        if (!given_sides(l, n, &h, &w, &c))
            return false;
        if (c > 1 && l->ctx->options->layout == ONNX_LAYOUT_AUTO)
            return refuse(l, "layout=nchw or layout=nhwc",
                          "a flat input of three colours");
        if (c > 1)
            layout = l->ctx->options->layout;
    }
    if (!set_sides(l, h, w, c))
        return false;

    static const enum view_side nchw[] = { VIEW_N, VIEW_C, VIEW_H, VIEW_W };
    static const enum view_side nhwc[] = { VIEW_N, VIEW_H, VIEW_W, VIEW_C };
    int64_t side[VIEW_SIDES] = { 1, c, h, w }, flat[2] = { l->graph->batch, n };

    side[VIEW_N] = l->graph->batch;
    view_make(view, side, layout == ONNX_LAYOUT_NCHW ? nchw : nhwc, 4);
    return view_reshape(view, rank, rank == 1 ? flat + 1 : flat) ||
           refuse(l, "a flat picture", "a batch that is part of it");
}

static bool map_input(struct lower *l, const int64_t *dims, bool traced,
                      const size_t *axis, struct onnx_view *view, size_t rank)
{
    static const enum view_side nchw[] = { VIEW_N, VIEW_C, VIEW_H, VIEW_W };
    static const enum view_side nhwc[] = { VIEW_N, VIEW_H, VIEW_W, VIEW_C };
    static const enum view_side grey[] = { VIEW_N, VIEW_H, VIEW_W };
    enum onnx_layout layout;

    if (rank == 3 && (l->graph->input_dims[0] < 0 || !is_colours(dims[0])) &&
        !(l->graph->input_dims[0] > 0 && is_colours(dims[2]))) {
        int64_t side[VIEW_SIDES] = { l->graph->batch, 1, dims[1], dims[2] };

        if (!set_sides(l, dims[1], dims[2], 1))
            return false;
        view_make(view, side, grey, 3);
        return true;
    }
    const int64_t *d = rank == 4 ? dims + 1 : dims;
    if (!choose_layout(l, d, traced, axis, &layout))
        return false;
    bool first = layout == ONNX_LAYOUT_NCHW;
    int64_t c = first ? d[0] : d[2], h = first ? d[1] : d[0], w = first ? d[2] : d[1];
    int64_t side[VIEW_SIDES] = { rank == 4 ? l->graph->batch : 1, c, h, w };

    if (!set_sides(l, h, w, c))
        return false;
    if (rank == 3)
        l->graph->batch = 1;
    view_make(view, side, rank == 4 ? (first ? nchw : nhwc) : (first ? nchw : nhwc) + 1,
              rank);
    return true;
}

static bool find_sides(struct lower *l, struct onnx_view *view)
{
    const struct onnx_graph *graph = l->graph;
    size_t rank = graph->input_rank, traced_rank = rank, axis[4];
    int64_t dims[ONNX_MAX_RANK];

    memcpy(dims, graph->input_dims, sizeof(dims));
    l->graph->batch = rank > 1 && dims[0] > 0 ? dims[0] : 1;
    if (rank > 1 && dims[0] < 0)
        dims[0] = 1;
    bool traced = trace_layout(l, &traced_rank, dims, axis);
    if (rank <= 2)
        return flat_input(l, graph->input_dims[rank - 1], traced, dims, axis, view, rank);
    if (traced_rank != rank) {
        memcpy(dims, graph->input_dims, sizeof(dims));
        dims[0] = dims[0] < 0 ? 1 : dims[0];
        traced = false;
    }
    return map_input(l, dims, traced, axis, view, rank);
}

/* -- Numbers -- */

/* What the file itself says of the range: bytes, metadata, or a division by 255 first. */
static enum onnx_range derive_range(const struct lower *l)
{
    static const char *const same[] = { "Transpose", "Cast",    "Identity",  "Flatten",
                                        "Reshape",   "Squeeze", "Unsqueeze", NULL };
    const char *said = l->graph->pixel_range;
    size_t value = l->graph->input;

    if (l->graph->input_is_bytes)
        return ONNX_RANGE_255;
    if (said != NULL && strcmp(said, "NominalRange_0_255") == 0)
        return ONNX_RANGE_255;
    if (said != NULL && strcmp(said, "Normalized_0_1") == 0)
        return ONNX_RANGE_1;
    if (said != NULL && strcmp(said, "Normalized_1_1") == 0)
        return ONNX_RANGE_SIGNED;
    for (;;) {
        const struct onnx_node *node = reader(l, value);

        if (node == NULL || node->n_outputs == 0 || node->out[0] == ONNX_NONE)
            return ONNX_RANGE_UNKNOWN;
        bool div = strcmp(node->op, "Div") == 0, mul = strcmp(node->op, "Mul") == 0;
        if (div || mul) {
            const struct onnx_tensor *t =
                node->n_inputs == 2 ? early_constant(l, node->in[1]) : NULL;
            float by = t != NULL && t->n == 1 ? onnx_tensor_at(t, 0) : 0;

            by = mul && by != 0 ? 1 / by : by;
            return by > 254.9F && by < 256.1F ? ONNX_RANGE_255 : ONNX_RANGE_UNKNOWN;
        }
        if (!one_of(node->op, same))
            return ONNX_RANGE_UNKNOWN;
        value = node->out[0];
    }
}

static size_t constant(struct lower *l, size_t src, enum ir_op op, float value)
{
    if (src == ONNX_NONE)
        return ONNX_NONE;
    float *p = ir_constant(l->ctx, l->ir.nodes[src]->c, value);
    return p == NULL ? ONNX_NONE : lower_arithmetic(l, NULL, src, op, p);
}

static size_t per_channel(struct lower *l, size_t src, enum ir_op op, const float *values)
{
    if (src == ONNX_NONE)
        return ONNX_NONE;
    uint32_t c = l->ir.nodes[src]->c;
    float *p = ir_constant(l->ctx, c, 0);
    if (p == NULL)
        return ONNX_NONE;
    memcpy(p, values, c * sizeof(*p));
    for (uint32_t i = 0; i < c; i++)
        if (!isfinite(p[i]) || (op == IR_DIV && p[i] == 0)) {
            (void)refuse(l, "finite means, deviations that are not 0", "another number");
            return ONNX_NONE;
        }
    return lower_arithmetic(l, NULL, src, op, p);
}

/* What a person says of the range counts; what the file says besides is remarked, but for
 * an input of integers, which no fraction reaches. */
static bool check_range(struct lower *l, enum onnx_range found)
{
    const struct onnx_options *o = l->ctx->options;
    bool unit = o->range == ONNX_RANGE_SCALE && o->scale == 1;
    enum onnx_range given = unit ? ONNX_RANGE_255 : o->range;
    bool other = given != ONNX_RANGE_UNKNOWN && given != ONNX_RANGE_255;

    if (l->graph->input_is_whole && (other || o->mean_given || o->std_given))
        return refuse(l, "range=0..255 without mean and std",
                      "fractions are given for an input of integers");
    return given == ONNX_RANGE_UNKNOWN || found == ONNX_RANGE_UNKNOWN || found == given ||
           onnx_remark(l->ctx, "range", NULL,
                       "the file itself takes a pixel as %s, another range is given: is "
                       "it right?",
                       found == ONNX_RANGE_255 ? "0..255"
                       : found == ONNX_RANGE_1 ? "0..1"
                                               : "-1..1");
}

/* A mean outside of the range, or a deviation of another size: most likely they were
 * stated for pixels of another range. */
static bool check_norm(struct lower *l, double low, double high)
{
    const struct onnx_options *o = l->ctx->options;
    double size = high - low;

    for (uint32_t c = 0; c < l->input->channels; c++) {
        double mean = o->mean_given ? (double)o->mean[c] : low;
        double std = o->std_given ? fabs((double)o->std[c]) : 1;

        if (mean >= low && mean <= high &&
            (std == 1 || (std <= 2 * size && std >= size / 100)))
            continue;
        return onnx_remark(l->ctx, "range", NULL,
                           "mean %g and deviation %g do not suit a range of %g to %g: is "
                           "it right?",
                           mean, std, low, high);
    }
    return true;
}

static size_t scale_input(struct lower *l, size_t src)
{
    const struct onnx_options *o = l->ctx->options;
    enum onnx_range found = derive_range(l);
    enum onnx_range range = o->range != ONNX_RANGE_UNKNOWN ? o->range : found;

    if (!check_range(l, found))
        return ONNX_NONE;
    double low = 0, high = 255;
    switch (range) {
    case ONNX_RANGE_255:
        break;
    case ONNX_RANGE_1:
        src = constant(l, src, IR_DIV, 255);
        high = 1;
        break;
    case ONNX_RANGE_SIGNED:
        src = constant(l, constant(l, src, IR_DIV, 127.5F), IR_SUB, 1);
        low = -1;
        high = 1;
        break;
    case ONNX_RANGE_SCALE:
        if (!isfinite(o->scale) || o->scale == 0)
            return refuse(l, "a finite scale that is not 0", "no scale") ? 0 : ONNX_NONE;
        src = constant(l, src, IR_MUL, o->scale);
        low = fmin(0, 255 * (double)o->scale);
        high = fmax(0, 255 * (double)o->scale);
        break;
    default:
        (void)refuse(
            l, "range=0..255, 0..1, -1..1 or a scale",
            "what range the network's input has is not given and does not follow "
            "from the file");
        return ONNX_NONE;
    }
    if (!check_norm(l, low, high))
        return ONNX_NONE;
    if (o->mean_given)
        src = per_channel(l, src, IR_SUB, o->mean);
    if (o->std_given)
        src = per_channel(l, src, IR_DIV, o->std);
    return src;
}

bool lower_input(struct lower *l)
{
    const struct onnx_options *o = l->ctx->options;
    struct network_input *input = l->input;
    struct onnx_view view;

    if (!find_sides(l, &view))
        return false;
    bool colours = o->colour == ONNX_COLOUR_RGB || o->colour == ONNX_COLOUR_BGR;
    if ((colours && input->channels != 3) ||
        (o->colour == ONNX_COLOUR_GREY && input->channels != 1))
        return onnx_refuse(l->ctx, ONNX_CODE_INPUT_CONTRACT, NULL,
                           "grey for one channel, rgb or bgr for three",
                           "other colours are given for %u channels", input->channels);
    input->bgr = o->colour == ONNX_COLOUR_BGR;
    if (o->resize != 0 && !o->crop)
        return refuse(l, "resize with crop=true", "resize without crop");
    if (o->crop) {
        uint32_t longer = input->height > input->width ? input->height : input->width;

        input->fit = NETWORK_CROP;
        input->resize = o->resize == 0 ? longer : o->resize;
        if (input->resize < longer || input->resize > NETWORK_MAX_SIDE)
            return refuse(l, "a resize at least as large as the picture",
                          "a smaller one");
    }
    size_t src = ir_new(l->ctx, &l->ir, IR_INPUT, NULL, ONNX_NONE);
    struct lowered *x = src == ONNX_NONE ? NULL : onnx_new(l->ctx, 1, sizeof(*x));
    if (x == NULL)
        return false;
    struct ir_node *pixels = l->ir.nodes[src];
    pixels->h = input->height;
    pixels->w = input->width;
    pixels->c = input->channels;
    pixels->from_input = true;
    x->ir = scale_input(l, src);
    x->view = view;
    l->maps[l->graph->input] = x;
    return x->ir != ONNX_NONE;
}
