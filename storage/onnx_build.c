/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_build.h"

#include "storage/onnx_bounds.h"
#include "storage/onnx_weights.h"

#include "core/bits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every level of the recursion makes a stage. */
#define MAX_DEPTH (NETWORK_MAX_STAGES + 64)

void *build_array(struct build *b, size_t n, size_t size)
{
    void *p = calloc(n == 0 ? 1 : n, size);

    if (p == NULL)
        (void)onnx_nomem(b->ctx);
    return p;
}

struct network_stage *build_stage(struct build *b, const struct onnx_node *from,
                                  enum network_op op, size_t in0, size_t in1,
                                  enum network_value_kind kind, uint32_t h, uint32_t w,
                                  uint32_t c)
{
    if (b->net->n_stages == NETWORK_MAX_STAGES) {
        (void)onnx_refuse(b->ctx, ONNX_CODE_TOO_LARGE, from, "1024 stages",
                          "more stages");
        return NULL;
    }
    struct network_stage *stage = &b->net->stages[b->net->n_stages++];
    *stage = (struct network_stage) {
        .op = op,
        .in = { (uint32_t)in0, in1 == ONNX_NONE ? 0 : (uint32_t)in1 },
        .out = { kind, h, w, c },
    };
    return stage;
}

static struct network_stage *node_stage(struct build *b, const struct ir_node *node,
                                        enum network_op op, size_t in0, size_t in1,
                                        enum network_value_kind kind)
{
    return build_stage(b, node->from, op, in0, in1, kind, node->h, node->w, node->c);
}

/* -- Layers -- */

static bool name_taken(const struct network *net, const char *name)
{
    for (size_t i = 0; i + 1 < net->n_layers; i++)
        if (strcmp(net->layers[i].name, name) == 0)
            return true;
    return false;
}

/* The node's name in plain characters, with a number behind it where that is taken. */
static char *layer_name(struct build *b, const struct ir_node *node)
{
    char name[ONNX_NAME_LEN + 16] = "";

    if (node->from != NULL)
        onnx_name_copy(name, node->from->name);
    for (char *p = name; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            *p = '_';
    size_t len = strlen(name);
    if (len == 0 || name_taken(b->net, name))
        (void)snprintf(name + len, sizeof(name) - len, "%slayer%zu", len == 0 ? "" : "#",
                       b->net->n_layers - 1);
    char *copy = strdup(name);
    if (copy == NULL)
        (void)onnx_nomem(b->ctx);
    return copy;
}

/* What an IR_BINARY node reads, and of which kind. */
static size_t layer_input(struct build *b, const struct ir_node *node)
{
    return node->bit_input ? build_bits(b, node->src[0]) : build_real(b, node->src[0]);
}

struct network_layer *build_layer(struct build *b, struct ir_node *node, bool fires)
{
    size_t in = layer_input(b, node), n_words = node->c * bits_words(node->n_in);

    if (in == ONNX_NONE)
        return NULL;
    if (b->net->n_layers == NETWORK_MAX_LAYERS) {
        (void)onnx_refuse(b->ctx, ONNX_CODE_TOO_LARGE, node->from, "64 binary layers",
                          "more binary layers");
        return NULL;
    }
    struct network_stage *stage =
        node_stage(b, node, NETWORK_OP_BINARY, in, ONNX_NONE,
                   fires ? NETWORK_VALUE_BITS : NETWORK_VALUE_REALS);
    if (stage == NULL)
        return NULL;
    stage->window = node->window;
    stage->padding = node->padding;
    stage->groups = node->groups;
    stage->layer = (uint32_t)b->net->n_layers;
    struct network_layer *layer = &b->net->layers[b->net->n_layers++];
    layer->kind = fires ? NETWORK_FIRE : NETWORK_LOGITS;
    layer->n_in = node->n_in;
    layer->n_out = node->c;
    layer->name = layer_name(b, node);
    layer->weights = build_array(b, n_words, sizeof(*layer->weights));
    if (layer->name == NULL || layer->weights == NULL)
        return NULL;
    memcpy(layer->weights, node->bits, n_words * sizeof(*layer->weights));
    if (fires) {
        layer->threshold = build_array(b, node->c, sizeof(*layer->threshold));
        layer->falling = build_array(b, bits_words(node->c), sizeof(*layer->falling));
    } else {
        layer->scale = build_array(b, node->c, sizeof(*layer->scale));
        layer->bias = build_array(b, node->c, sizeof(*layer->bias));
    }
    if (fires ? layer->threshold == NULL || layer->falling == NULL
              : layer->scale == NULL || layer->bias == NULL)
        return NULL;
    if (node->n_zero_rows > 0 &&
        !onnx_remark(
            b->ctx, "zero_rows", node->from,
            "%zu of %u outputs have weights of zero only: their cells do not matter",
            node->n_zero_rows, node->c))
        return NULL;
    return layer;
}

/* -- Chains of elementwise nodes on reals -- */

/* nodes[*at .. n) as far as they are affine, taken together: a * x + b. Sets *at behind
 * them. */
static bool take_affine(struct build *b, struct ir_node *const *nodes, size_t n,
                        size_t *at, float *a, float *bias)
{
    size_t from = *at;

    while (*at < n && nodes[*at]->op != IR_CLIP && nodes[*at]->op != IR_SLOPE)
        ++*at;
    uint32_t channels = *at > from ? nodes[from]->c : 0;
    for (uint32_t c = 0; c < channels; c++) {
        double scale = (double)a[c], shift = (double)bias[c];

        for (size_t i = from; i < *at; i++)
            (void)ir_affine(nodes[i], c, &scale, &shift);
        a[c] = (float)scale;
        bias[c] = (float)shift;
        if (!isfinite(a[c]) || !isfinite(bias[c]))
            return onnx_refuse(b->ctx, ONNX_CODE_TAIL, nodes[from]->from,
                               "finite factors",
                               "a factor that is no number in channel %u", c);
    }
    return true;
}

/* How many nodes only add: they become the bias of a real layer. */
static size_t count_shifts(struct ir_node *const *nodes, size_t n)
{
    size_t at = 0;

    while (at < n && (nodes[at]->op == IR_ADD || nodes[at]->op == IR_SUB))
        at++;
    return at;
}

static size_t binary_real(struct build *b, struct ir_node *node,
                          struct ir_node *const *nodes, size_t n, size_t *at)
{
    struct network_layer *layer = build_layer(b, node, false);

    if (layer == NULL)
        return ONNX_NONE;
    size_t value = b->net->n_stages;
    for (uint32_t c = 0; c < node->c; c++)
        layer->scale[c] = 1;
    return take_affine(b, nodes, n, at, layer->scale, layer->bias) ? value : ONNX_NONE;
}

static size_t real_layer(struct build *b, struct ir_node *node,
                         struct ir_node *const *nodes, size_t n, size_t *at)
{
    bool bits = b->ir->nodes[node->src[0]]->op == IR_LEVELS;
    float k = 0;
    bool ties;
    /* Levels of +-1 are read as bits. */
    bool plain = bits && ir_bipolar(b->ir->nodes[node->src[0]], &k, &ties) && k == 1;
    size_t in = plain ? build_bits(b, node->src[0]) : build_real(b, node->src[0]);
    size_t n_weights = node->c * node->n_in;

    if (in == ONNX_NONE)
        return ONNX_NONE;
    struct network_stage *stage =
        node_stage(b, node, NETWORK_OP_REAL, in, ONNX_NONE, NETWORK_VALUE_REALS);
    if (stage == NULL)
        return ONNX_NONE;
    size_t value = b->net->n_stages;
    stage->window = node->window;
    stage->groups = node->groups;
    stage->a = build_array(b, n_weights, sizeof(*stage->a));
    stage->b = build_array(b, node->c, sizeof(*stage->b));
    if (stage->a == NULL || stage->b == NULL)
        return ONNX_NONE;
    stage->n_a = n_weights;
    stage->n_b = node->c;
    memcpy(stage->a, node->real, n_weights * sizeof(*stage->a));
    float *unit = ir_constant(b->ctx, node->c, 1);
    if (unit == NULL ||
        !take_affine(b, nodes, count_shifts(nodes, n), at, unit, stage->b))
        return ONNX_NONE;
    b->n_real_layers++;
    b->n_real_weights += n_weights;
    return onnx_remark(b->ctx, "real_layer", node->from,
                       "%zu weights are real numbers: kept in float32, outside the array",
                       n_weights)
               ? value
               : ONNX_NONE;
}

static size_t affine_stage(struct build *b, struct ir_node *const *nodes, size_t n,
                           size_t *at, size_t in)
{
    struct ir_node *first = nodes[*at];
    struct network_stage *stage =
        node_stage(b, first, NETWORK_OP_AFFINE, in, ONNX_NONE, NETWORK_VALUE_REALS);

    if (stage == NULL)
        return ONNX_NONE;
    size_t value = b->net->n_stages;
    stage->a = build_array(b, first->c, sizeof(*stage->a));
    stage->b = build_array(b, first->c, sizeof(*stage->b));
    if (stage->a == NULL || stage->b == NULL)
        return ONNX_NONE;
    stage->n_a = stage->n_b = first->c;
    for (uint32_t c = 0; c < first->c; c++)
        stage->a[c] = 1;
    return take_affine(b, nodes, n, at, stage->a, stage->b) ? value : ONNX_NONE;
}

static size_t as_reals(struct build *b, size_t value)
{
    if (value == ONNX_NONE || network_value(b->net, value).kind != NETWORK_VALUE_PIXELS)
        return value;
    if (b->pixel_reals != ONNX_NONE)
        return b->pixel_reals;
    struct network_value pixels = network_value(b->net, value);
    if (build_stage(b, NULL, NETWORK_OP_REALS, value, ONNX_NONE, NETWORK_VALUE_REALS,
                    pixels.height, pixels.width, pixels.channels) == NULL)
        return ONNX_NONE;
    b->pixel_reals = b->net->n_stages;
    return b->pixel_reals;
}

static size_t bend_stage(struct build *b, const struct ir_node *node, size_t in)
{
    bool slope = node->op == IR_SLOPE;

    in = as_reals(b, in);
    if (in == ONNX_NONE)
        return ONNX_NONE;
    struct network_stage *stage =
        node_stage(b, node, slope ? NETWORK_OP_SLOPE : NETWORK_OP_CLIP, in, ONNX_NONE,
                   NETWORK_VALUE_REALS);
    if (stage == NULL)
        return ONNX_NONE;
    size_t value = b->net->n_stages;
    if (!slope) {
        /* A side without a bound: the largest number there is. */
        stage->low = fmaxf(node->low, -3.402823466e+38F);
        stage->high = fminf(node->high, 3.402823466e+38F);
        return value;
    }
    stage->a = build_array(b, node->c, sizeof(*stage->a));
    if (stage->a == NULL)
        return ONNX_NONE;
    stage->n_a = node->c;
    memcpy(stage->a, node->p[0], node->c * sizeof(*stage->a));
    return value;
}

static size_t chain(struct build *b, size_t top)
{
    struct ir_node *const *all = b->ir->nodes;
    size_t n = 1, base = all[top]->src[0], at = 0, value;

    while (ir_elementwise(all[base]->op) && all[base]->uses == 1 &&
           all[base]->value == ONNX_NONE) {
        base = all[base]->src[0];
        n++;
    }
    struct ir_node **nodes = onnx_new(b->ctx, n, sizeof(*nodes));
    if (nodes == NULL)
        return ONNX_NONE;
    for (size_t i = n, node = top; i-- > 0; node = all[node]->src[0])
        nodes[i] = all[node];
    bool alone = all[base]->uses == 1 && all[base]->value == ONNX_NONE;
    if (alone && all[base]->op == IR_BINARY)
        value = binary_real(b, all[base], nodes, n, &at);
    else if (alone && all[base]->op == IR_REAL)
        value = real_layer(b, all[base], nodes, n, &at);
    else
        value = build_real(b, base);
    while (value != ONNX_NONE && at < n)
        value = nodes[at]->op == IR_CLIP || nodes[at]->op == IR_SLOPE
                    ? bend_stage(b, nodes[at++], value)
                    : affine_stage(b, nodes, n, &at, value);
    return value;
}

/* -- The other nodes -- */

static size_t pool_stage(struct build *b, const struct ir_node *node)
{
    bool mean = node->op == IR_MEAN_POOL;
    size_t in = build_reals(b, node->src[0]);

    if (in == ONNX_NONE)
        return ONNX_NONE;
    struct network_stage *stage =
        node_stage(b, node, mean ? NETWORK_OP_POOL_MEAN : NETWORK_OP_POOL_MAX, in,
                   ONNX_NONE, NETWORK_VALUE_REALS);
    if (stage == NULL)
        return ONNX_NONE;
    stage->window = node->window;
    stage->count_outside = node->count_outside;
    return b->net->n_stages;
}

static size_t pair_stage(struct build *b, const struct ir_node *node)
{
    size_t in0 = build_reals(b, node->src[0]);
    size_t in1 = in0 == ONNX_NONE ? ONNX_NONE : build_reals(b, node->src[1]);

    if (in1 == ONNX_NONE ||
        node_stage(b, node, node->op == IR_SUM ? NETWORK_OP_ADD : NETWORK_OP_CONCAT, in0,
                   in1, NETWORK_VALUE_REALS) == NULL)
        return ONNX_NONE;
    return b->net->n_stages;
}

/* Levels as the numbers they are: two for each channel. */
static size_t level_stages(struct build *b, size_t index)
{
    const struct ir_node *node = b->ir->nodes[index];
    size_t in = build_bits(b, index);
    bool plain = true;

    if (in == ONNX_NONE ||
        node_stage(b, node, NETWORK_OP_REALS, in, ONNX_NONE, NETWORK_VALUE_REALS) == NULL)
        return ONNX_NONE;
    size_t value = b->net->n_stages;
    for (uint32_t c = 0; c < node->c; c++)
        plain &= fmaxf(node->p[0][c], node->p[2][c]) == 1 &&
                 fminf(node->p[0][c], node->p[2][c]) == -1;
    if (plain)
        return value;
    struct network_stage *stage =
        node_stage(b, node, NETWORK_OP_AFFINE, value, ONNX_NONE, NETWORK_VALUE_REALS);
    if (stage == NULL)
        return ONNX_NONE;
    stage->a = build_array(b, node->c, sizeof(*stage->a));
    stage->b = build_array(b, node->c, sizeof(*stage->b));
    if (stage->a == NULL || stage->b == NULL)
        return ONNX_NONE;
    stage->n_a = stage->n_b = node->c;
    for (uint32_t c = 0; c < node->c; c++) {
        float high = fmaxf(node->p[0][c], node->p[2][c]);
        float low = fminf(node->p[0][c], node->p[2][c]);

        stage->a[c] = (high - low) / 2;
        stage->b[c] = (high + low) / 2;
    }
    return b->net->n_stages;
}

static size_t build_one(struct build *b, size_t index)
{
    struct ir_node *node = b->ir->nodes[index];
    size_t none = 0;

    switch (node->op) {
    case IR_INPUT:
        return 0;
    case IR_LEVELS:
        return level_stages(b, index);
    case IR_BINARY:
        return binary_real(b, node, NULL, 0, &none);
    case IR_REAL:
        return real_layer(b, node, NULL, 0, &none);
    case IR_MAX_POOL:
    case IR_MEAN_POOL:
        return pool_stage(b, node);
    case IR_SUM:
    case IR_CONCAT:
        return pair_stage(b, node);
    case IR_PAD:
        (void)onnx_refuse(b->ctx, ONNX_CODE_PADDING, node->from,
                          "a Pad in front of a convolution or a pool", "a Pad elsewhere");
        return ONNX_NONE;
    default:
        if (ir_elementwise(node->op))
            return chain(b, index);
        (void)onnx_refuse(b->ctx, ONNX_CODE_OPERATOR, node->from, "a feature map",
                          "something else in a map's place");
        return ONNX_NONE;
    }
}

size_t build_real(struct build *b, size_t index)
{
    struct ir_node *node = b->ir->nodes[index];

    if (node->value != ONNX_NONE)
        return node->value;
    if (b->depth == MAX_DEPTH) {
        (void)onnx_refuse(b->ctx, ONNX_CODE_TOO_LARGE, node->from, "1024 stages",
                          "a network too deep");
        return ONNX_NONE;
    }
    b->depth++;
    node->value = build_one(b, index);
    b->depth--;
    return node->value;
}

size_t build_reals(struct build *b, size_t node)
{
    return as_reals(b, build_real(b, node));
}

/* -- All -- */

static void count_uses(struct ir *ir, size_t logits)
{
    ir->nodes[logits]->live = true;
    ir->nodes[logits]->uses = 1;
    for (size_t i = logits + 1; i-- > 0;) {
        struct ir_node *node = ir->nodes[i];
        bool layer = node->op == IR_BINARY || node->op == IR_REAL;

        for (size_t k = 0; node->live && k < node->n_src; k++) {
            struct ir_node *src = ir->nodes[node->src[k]];

            src->live = true;
            src->uses++;
            src->after_layer |= layer || node->after_layer;
        }
    }
}

/* Real weights on bits are a last layer, or an export of the training weights. */
static bool check_layers(struct onnx_context *ctx, const struct ir *ir)
{
    size_t n_binary = 0, n_cells = 0;
    size_t most = ctx->options->max_cells;

    if (most == 0 || most > NETWORK_MAX_CELLS)
        most = NETWORK_MAX_CELLS;
    for (size_t i = 0; i < ir->n; i++) {
        const struct ir_node *node = ir->nodes[i];
        struct weights_look look;

        if (!node->live)
            continue;
        if (node->op == IR_BINARY) {
            n_binary++;
            n_cells += node->c * node->n_in;
        }
        /* Named `after_layer`: a layer follows it. */
        if (node->op != IR_REAL || ir->nodes[node->src[0]]->op != IR_LEVELS ||
            !node->after_layer)
            continue;
        weights_look(node->real, node->c, node->n_in, &look);
        return onnx_refuse(ctx, ONNX_CODE_WEIGHT_NOT_BINARY, node->from,
                           "+a and -a in every row, but for first and last layers",
                           "%.0f %% of rows have more than one magnitude; largest spread "
                           "%.2g in row %zu",
                           100.0 * (double)look.n_mixed / (double)look.n_rows,
                           (double)look.worst_spread, look.worst_row);
    }
    if (n_binary == 0)
        return onnx_refuse(
            ctx, ONNX_CODE_NO_BINARY_LAYER, NULL,
            "a layer of weights +a and -a on inputs of +1 and -1, or pixels",
            "no layer is binary: there is nothing to store");
    if (n_cells > most)
        return onnx_refuse(ctx, ONNX_CODE_TOO_LARGE, NULL, "a smaller network",
                           "%zu bits of weights; the array has %zu", n_cells, most);
    return true;
}

bool onnx_build(struct onnx_context *ctx, struct ir *ir, size_t logits,
                struct network *net, size_t *ret_real_layers, size_t *ret_real_weights)
{
    struct build b = { .ctx = ctx, .ir = ir, .net = net, .pixel_reals = ONNX_NONE };

    count_uses(ir, logits);
    if (!check_layers(ctx, ir) || !onnx_bounds(ctx, ir))
        return false;
    net->layers = build_array(&b, NETWORK_MAX_LAYERS, sizeof(*net->layers));
    net->stages = build_array(&b, NETWORK_MAX_STAGES, sizeof(*net->stages));
    if (net->layers == NULL || net->stages == NULL)
        return false;
    size_t value = build_reals(&b, logits);
    if (value == ONNX_NONE)
        return false;
    if (value != net->n_stages)
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, NULL, "logits as the last value",
                           "an output that something else is computed from");
    *ret_real_layers = b.n_real_layers;
    *ret_real_weights = b.n_real_weights;
    return true;
}
