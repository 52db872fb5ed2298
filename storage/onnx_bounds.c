/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_bounds.h"

#include "core/bits.h"

#include <math.h>

#define PIXEL_MOST 255

struct bounds {
    double low, high;
};

static struct bounds of_channel(const struct ir_node *node, uint32_t c)
{
    return (struct bounds) { node->least[c], node->most[c] };
}

static void set(struct ir_node *node, uint32_t c, struct bounds b)
{
    bool known = b.low <= b.high; /* also where one is no number */

    node->least[c] = known ? b.low : -HUGE_VAL;
    node->most[c] = known ? b.high : HUGE_VAL;
}

static struct bounds with(struct bounds b, double x)
{
    b.low = fmin(b.low, x);
    b.high = fmax(b.high, x);
    return b;
}

static bool padded(const struct ir_node *node)
{
    const struct network_window *w = &node->window;

    return (w->pad_top | w->pad_left | w->pad_bottom | w->pad_right) != 0;
}

/* Monotone, or bent at zero. */
static struct bounds of_element(const struct ir_node *node, uint32_t c, struct bounds x)
{
    double a = (double)ir_eval(node, c, (float)x.low);
    struct bounds y = { a, a };

    y = with(y, (double)ir_eval(node, c, (float)x.high));
    return node->op == IR_SLOPE && x.low < 0 && x.high > 0 ? with(y, 0) : y;
}

/* Output j of a layer, whose weight k is `real`, or +1 or -1. */
static struct bounds of_layer(const struct ir_node *node, const struct ir_node *src,
                              size_t j)
{
    size_t n_group = src->c / node->groups,
           first = j / (node->c / node->groups) * n_group;
    struct bounds sum = { 0, 0 };

    for (size_t k = 0; k < node->n_in; k++) {
        struct bounds x = of_channel(src, (uint32_t)(first + k % n_group));
        double w = node->op == IR_REAL
                       ? (double)node->real[j * node->n_in + k]
                       : (bits_get(node->bits + j * bits_words(node->n_in), k) ? 1 : -1);

        if (padded(node))
            x = with(x, 0);
        sum.low += w == 0 ? 0 : w * (w > 0 ? x.low : x.high);
        sum.high += w == 0 ? 0 : w * (w > 0 ? x.high : x.low);
    }
    return sum;
}

static struct bounds of_levels(const struct ir_node *node, uint32_t c)
{
    struct bounds b = { (double)node->p[0][c], (double)node->p[0][c] };

    return with(with(b, (double)node->p[1][c]), (double)node->p[2][c]);
}

static struct bounds find(const struct ir *ir, const struct ir_node *node, uint32_t c)
{
    const struct ir_node *a = node->n_src > 0 ? ir->nodes[node->src[0]] : NULL;
    const struct ir_node *b = node->n_src > 1 ? ir->nodes[node->src[1]] : NULL;
    double n_in = (double)node->n_in;

    switch (node->op) {
    case IR_INPUT:
        return (struct bounds) { 0, PIXEL_MOST };
    case IR_LEVELS:
        return of_levels(node, c);
    case IR_BINARY:
        return node->bit_input ? (struct bounds) { -n_in, n_in } : of_layer(node, a, c);
    case IR_REAL:
        return of_layer(node, a, c);
    case IR_PAD:
        return with(of_channel(a, c), (double)node->fill);
    case IR_MEAN_POOL:
        return node->count_outside ? with(of_channel(a, c), 0) : of_channel(a, c);
    case IR_SUM:
        return (struct bounds) { a->least[c] + b->least[c], a->most[c] + b->most[c] };
    case IR_CONCAT:
        return c < a->c ? of_channel(a, c) : of_channel(b, c - a->c);
    default:
        return ir_elementwise(node->op) ? of_element(node, c, of_channel(a, c))
                                        : of_channel(a, c);
    }
}

/* Are the values few, and zero one of them: integers, and what is made of them without a
 * shift? Behind a normalisation an exact zero is an accident. */
static bool whole(const struct ir *ir, const struct ir_node *node)
{
    bool all = true;

    for (size_t i = 0; i < node->n_src; i++)
        all &= ir->nodes[node->src[i]]->whole;
    switch (node->op) {
    case IR_INPUT:
    case IR_LEVELS:
        return true;
    case IR_BINARY:
        return node->bit_input || all;
    case IR_REAL:
    case IR_ADD:
    case IR_SUB:
    case IR_RSUB:
    case IR_BN:
        return false;
    default:
        return all;
    }
}

/* Are the bounds values that occur? A Relu reaches its zero; a sum with less at the
 * border may come near to its bound and no further. */
static bool reached(const struct ir *ir, const struct ir_node *node)
{
    bool all = true;

    for (size_t i = 0; i < node->n_src; i++)
        all &= ir->nodes[node->src[i]]->reached;
    switch (node->op) {
    case IR_LEVELS:
    case IR_SLOPE:
        return true;
    case IR_BINARY:
        return node->bit_input || (all && !padded(node));
    case IR_REAL:
        return all && !padded(node);
    case IR_MEAN_POOL:
        return all && !node->count_outside;
    default:
        return all;
    }
}

bool onnx_bounds(struct onnx_context *ctx, struct ir *ir)
{
    for (size_t i = 0; i < ir->n; i++) {
        struct ir_node *node = ir->nodes[i];

        /* Cuts and what is made of bits: the levels behind them have the numbers. */
        if (!node->live || node->op == IR_CUT || node->op == IR_BIT_POOL ||
            node->op == IR_BIT_CONCAT)
            continue;
        node->least = onnx_new(ctx, node->c, sizeof(*node->least));
        node->most = onnx_new(ctx, node->c, sizeof(*node->most));
        if (node->least == NULL || node->most == NULL)
            return false;
        for (uint32_t c = 0; c < node->c; c++)
            set(node, c, find(ir, node, c));
        node->whole = whole(ir, node);
        node->reached = reached(ir, node);
    }
    return true;
}
