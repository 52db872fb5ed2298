/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_ir.h"

#include <math.h>
#include <string.h>

size_t ir_new(struct onnx_context *ctx, struct ir *ir, enum ir_op op,
              const struct onnx_node *from, size_t src)
{
    if (ir->n == ir->room) {
        size_t room = ir->room == 0 ? 256 : ir->room * 2;
        struct ir_node **nodes = onnx_new(ctx, room, sizeof(*nodes));

        if (nodes == NULL)
            return ONNX_NONE;
        if (ir->n > 0)
            memcpy(nodes, ir->nodes, ir->n * sizeof(*nodes));
        ir->nodes = nodes;
        ir->room = room;
    }
    struct ir_node *node = onnx_new(ctx, 1, sizeof(*node));
    if (node == NULL)
        return ONNX_NONE;
    node->op = op;
    node->from = from;
    node->value = node->bits_value = ONNX_NONE;
    if (src != ONNX_NONE) {
        node->n_src = 1;
        node->src[0] = src;
        node->h = ir->nodes[src]->h;
        node->w = ir->nodes[src]->w;
        node->c = ir->nodes[src]->c;
        node->from_input = ir->nodes[src]->from_input;
    }
    ir->nodes[ir->n] = node;
    return ir->n++;
}

float *ir_constant(struct onnx_context *ctx, uint32_t c, float value)
{
    float *p = onnx_new(ctx, c, sizeof(*p));

    for (uint32_t i = 0; p != NULL && i < c; i++)
        p[i] = value;
    return p;
}

float ir_eval(const struct ir_node *node, uint32_t c, float x)
{
    float *const *p = node->p;

    switch (node->op) {
    case IR_ADD:
        return x + p[0][c];
    case IR_SUB:
        return x - p[0][c];
    case IR_RSUB:
        return p[0][c] - x;
    case IR_MUL:
        return x * p[0][c];
    case IR_DIV:
        return x / p[0][c];
    case IR_BN:
        return (x - p[2][c]) / sqrtf(p[3][c] + node->eps) * p[0][c] + p[1][c];
    case IR_CLIP:
        x = x < node->low ? node->low : x;
        return x > node->high ? node->high : x;
    default: /* IR_SLOPE */
        if (x >= 0)
            return x;
        return p[0][c] == 0 ? 0 : p[0][c] * x;
    }
}

static float map_value(const struct ir_map *map, uint32_t c, float x)
{
    switch (map->kind) {
    case IR_MAP_ELEMENT:
        return ir_eval(&map->element, c, x);
    case IR_MAP_COMPARE:
        return map->out[x > map->at[c] ? 0 : x == map->at[c] ? 1 : 2];
    default:
        return x != 0 ? map->yes[c] : map->no[c];
    }
}

static size_t map_levels(struct onnx_context *ctx, struct ir *ir,
                         const struct onnx_node *from, size_t src,
                         const struct ir_map *map)
{
    const struct ir_node *old = ir->nodes[src];
    size_t made = ir_new(ctx, ir, IR_LEVELS, from, old->src[0]);

    for (unsigned k = 0; made != ONNX_NONE && k < 3; k++) {
        float *p = ir_constant(ctx, old->c, 0);

        if (p == NULL)
            return ONNX_NONE;
        for (uint32_t c = 0; c < old->c; c++)
            p[c] = map_value(map, c, old->p[k][c]);
        ir->nodes[made]->p[k] = p;
    }
    return made;
}

/* The pad stays outermost: what it fills with is mapped as well. */
static size_t map_pad(struct onnx_context *ctx, struct ir *ir,
                      const struct onnx_node *from, size_t src, const struct ir_map *map)
{
    const struct ir_node *pad = ir->nodes[src];
    float fill = map_value(map, 0, pad->fill);

    for (uint32_t c = 1; c < pad->c; c++)
        if (map_value(map, c, pad->fill) != fill) {
            (void)onnx_refuse(ctx, ONNX_CODE_PADDING, from,
                              "a Pad after the binarisation, with -1, 0 or +1",
                              "a Pad before it becomes another value in every channel");
            return ONNX_NONE;
        }
    size_t inner = ir_apply(ctx, ir, from, pad->src[0], map);
    if (inner == ONNX_NONE)
        return ONNX_NONE;
    size_t made = ir_new(ctx, ir, IR_PAD, from, inner);
    if (made == ONNX_NONE)
        return ONNX_NONE;
    struct ir_node *to = ir->nodes[made];
    to->h = pad->h;
    to->w = pad->w;
    to->window = pad->window;
    to->fill = fill;
    return made;
}

/* Equal comparisons of one map share a cut, so that the map may become bits at once. */
static size_t find_cut(struct onnx_context *ctx, struct ir *ir,
                       const struct onnx_node *from, size_t src, const float *at)
{
    size_t bytes = ir->nodes[src]->c * sizeof(*at);

    for (size_t i = src + 1; i < ir->n; i++)
        if (ir->nodes[i]->op == IR_CUT && ir->nodes[i]->src[0] == src &&
            memcmp(ir->nodes[i]->p[0], at, bytes) == 0)
            return i;
    size_t cut = ir_new(ctx, ir, IR_CUT, from, src);
    if (cut == ONNX_NONE)
        return ONNX_NONE;
    float *copy = ir_constant(ctx, ir->nodes[src]->c, 0);
    if (copy == NULL)
        return ONNX_NONE;
    memcpy(copy, at, bytes);
    ir->nodes[cut]->p[0] = copy;
    return cut;
}

static size_t compare(struct onnx_context *ctx, struct ir *ir,
                      const struct onnx_node *from, size_t src, const struct ir_map *map)
{
    size_t cut = find_cut(ctx, ir, from, src, map->at);

    if (cut == ONNX_NONE)
        return ONNX_NONE;
    size_t levels = ir_new(ctx, ir, IR_LEVELS, from, cut);
    for (unsigned k = 0; levels != ONNX_NONE && k < 3; k++) {
        ir->nodes[levels]->p[k] = ir_constant(ctx, ir->nodes[cut]->c, map->out[k]);
        if (ir->nodes[levels]->p[k] == NULL)
            return ONNX_NONE;
    }
    return levels;
}

size_t ir_apply(struct onnx_context *ctx, struct ir *ir, const struct onnx_node *from,
                size_t src, const struct ir_map *map)
{
    if (ir->nodes[src]->op == IR_PAD)
        return map_pad(ctx, ir, from, src, map);
    if (ir->nodes[src]->op == IR_LEVELS)
        return map_levels(ctx, ir, from, src, map);
    if (map->kind == IR_MAP_COMPARE)
        return compare(ctx, ir, from, src, map);
    if (map->kind == IR_MAP_CHOOSE) {
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, from, "a condition from a comparison",
                          "a condition that is no comparison");
        return ONNX_NONE;
    }
    size_t made = ir_new(ctx, ir, map->element.op, from, src);
    if (made == ONNX_NONE)
        return ONNX_NONE;
    struct ir_node *node = ir->nodes[made];
    memcpy(node->p, map->element.p, sizeof(node->p));
    node->eps = map->element.eps;
    node->low = map->element.low;
    node->high = map->element.high;
    return made;
}

bool ir_affine(const struct ir_node *node, uint32_t c, double *a, double *b)
{
    float *const *p = node->p;

    switch (node->op) {
    case IR_ADD:
        *b += (double)p[0][c];
        return true;
    case IR_SUB:
        *b -= (double)p[0][c];
        return true;
    case IR_RSUB:
        *a = -*a;
        *b = (double)p[0][c] - *b;
        return true;
    case IR_MUL:
        *a *= (double)p[0][c];
        *b *= (double)p[0][c];
        return true;
    case IR_DIV:
        *a /= (double)p[0][c];
        *b /= (double)p[0][c];
        return true;
    case IR_BN: {
        double scale = (double)p[0][c] / sqrt((double)p[3][c] + (double)node->eps);

        *a *= scale;
        *b = (*b - (double)p[2][c]) * scale + (double)p[1][c];
        return true;
    }
    default:
        return false;
    }
}

bool ir_bipolar(const struct ir_node *levels, float *ret_k, bool *ret_ties)
{
    float k = fabsf(levels->p[0][0]);
    bool ties = false;

    for (uint32_t c = 0; c < levels->c; c++) {
        float above = levels->p[0][c], at = levels->p[1][c], below = levels->p[2][c];

        if (!(k > 0) || !isfinite(k) || fabsf(above) != k || below != -above ||
            (at != 0 && fabsf(at) != k))
            return false;
        ties |= at == 0;
    }
    *ret_k = k;
    *ret_ties = ties;
    return true;
}
