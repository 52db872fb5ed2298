/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts become bits: thresholds of a layer, the picture's own threshold, or a stage that
 * takes the sign of reals. */
#include "storage/onnx_build.h"
#include "storage/onnx_tail.h"

#include "core/bits.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define PIXEL_MOST 255

/* -- Levels as bits -- */

/* 1 for the larger of two levels; at zero one of them, or a tie. */
static bool level_bits(struct build *b, struct ir_node *levels)
{
    unsigned char *bit = onnx_new(b->ctx, (size_t)levels->c * 3, 1);

    if (bit == NULL)
        return false;
    for (uint32_t c = 0; c < levels->c; c++) {
        float above = levels->p[0][c], at = levels->p[1][c], below = levels->p[2][c];
        float high = fmaxf(above, below), low = fminf(above, below);
        bool same = high == low;

        bit[c] = same ? high > 0 : above == high;
        bit[2 * levels->c + c] = same ? high > 0 : below == high;
        if (at == high || at == low)
            bit[levels->c + c] = same ? high > 0 : at == high;
        else if (at == 0 && above == -below)
            bit[levels->c + c] = 2;
        else
            return onnx_refuse(b->ctx, ONNX_CODE_ACTIVATION, levels->from,
                               "activations of two values", "three: %g, %g and %g",
                               (double)above, (double)at, (double)below);
        if (same && at != high)
            return onnx_refuse(b->ctx, ONNX_CODE_ACTIVATION, levels->from,
                               "activations of two values", "a value at zero only");
    }
    levels->bit = bit;
    return true;
}

static bool same_bits(const struct ir_node *a, const struct ir_node *b)
{
    return memcmp(a->bit, b->bit, (size_t)a->c * 3) == 0;
}

/* Do all that read this cut read the same bits? */
static bool one_reading(struct build *b, const struct ir_node *levels, size_t cut)
{
    for (size_t i = cut + 1; i < b->ir->n; i++) {
        struct ir_node *other = b->ir->nodes[i];

        if (!other->live || other->op != IR_LEVELS || other->src[0] != cut)
            continue;
        if (other->bit == NULL && !level_bits(b, other))
            return false;
        if (!same_bits(levels, other))
            return false;
    }
    return true;
}

/* -- Rules -- */

struct place {
    struct tail tail;
    const struct ir_node *cut;
    size_t base; /* node that the tail begins at */
    size_t n_pools;
};

/* Walks from the cut down through what only it reads. pools: through max pools as well.
 */
static bool find_tail(struct build *b, const struct ir_node *levels, bool pools,
                      struct place *ret)
{
    struct ir_node *const *all = b->ir->nodes;
    const struct ir_node *cut = all[levels->src[0]];
    size_t n = 0, node;

    for (node = cut->src[0]; all[node]->uses == 1 && all[node]->value == ONNX_NONE;
         node = all[node]->src[0]) {
        bool rises = true;

        if (all[node]->op == IR_MAX_POOL ? !pools : !ir_elementwise(all[node]->op))
            break;
        for (uint32_t c = 0; all[node]->op == IR_SLOPE && c < all[node]->c; c++)
            rises &= all[node]->p[0][c] >= 0;
        if (!rises)
            break;
        n++;
    }
    const struct ir_node **nodes = onnx_new(b->ctx, n, sizeof(*nodes));
    if (nodes == NULL)
        return false;
    ret->base = node;
    ret->cut = cut;
    ret->n_pools = 0;
    node = cut->src[0];
    for (size_t i = n; i-- > 0; node = all[node]->src[0]) {
        nodes[i] = all[node];
        ret->n_pools += all[node]->op == IR_MAX_POOL;
    }
    ret->tail = (struct tail) {
        .nodes = nodes,
        .n = n,
        .at = cut->p[0],
        .bit = levels->bit,
        .c = cut->c,
        .ties_down = b->ctx->options->ties_down,
    };
    return true;
}

static bool refuse_tail(struct build *b, const struct place *place, uint32_t c,
                        enum tail_result result)
{
    if (result == TAIL_ZERO_OR_ONE)
        return onnx_refuse(b->ctx, ONNX_CODE_ACTIVATION, place->cut->from,
                           "activations of +1 and -1",
                           "the sign of what is never below (or above) zero: 0 and 1");
    return onnx_refuse(b->ctx, ONNX_CODE_TAIL, place->cut->from,
                       "operators that rise or fall throughout", "%s in channel %u",
                       result == TAIL_NOT_MONOTONE ? "not monotone" : "not a number", c);
}

struct counts {
    size_t constant, ties, near_ties;
};

static bool remark_counts(struct build *b, const struct onnx_node *from,
                          const struct counts *n, uint32_t c)
{
    bool good = true, doubtful = !b->binarised && 2 * n->constant >= c;

    b->binarised = true;
    if (n->constant > 0)
        good = onnx_remark(b->ctx, "constant_outputs", from,
                           "%zu of %u outputs are the same for every picture%s",
                           n->constant, c, doubtful ? ": is the range right?" : "");
    if (good && n->ties > 0)
        good = onnx_remark(b->ctx, "ties", from,
                           "%zu of %u outputs can meet a sign of exactly zero: it counts "
                           "as %s1",
                           n->ties, c, b->ctx->options->ties_down ? "-" : "+");
    if (good && n->near_ties > 0)
        good = onnx_remark(b->ctx, "near_ties", from,
                           "%zu of %u thresholds lie within 1e-4 of a sum that occurs",
                           n->near_ties, c);
    return good;
}

/* -- Thresholds of a layer -- */

/* Every which of the sums low .. high occurs: with +-1 on both sides of all K products
 * every second; zeros at the border leave whole taps out. */
static int64_t sum_step(const struct ir_node *binary)
{
    const struct network_window *w = &binary->window;
    bool pads = (w->pad_top | w->pad_left | w->pad_bottom | w->pad_right) != 0;
    size_t per_tap = binary->n_in / ((size_t)w->kernel_h * w->kernel_w);

    if (!binary->bit_input)
        return 1;
    return pads && binary->padding == NETWORK_PAD_ZERO && per_tap % 2 != 0 ? 1 : 2;
}

/* Are the outputs of this layer integers? */
static bool of_integers(const struct build *b, const struct ir_node *node)
{
    return node->op == IR_BINARY &&
           (node->bit_input || b->ir->nodes[node->src[0]]->op == IR_INPUT);
}

/* Their largest magnitude, whatever the weights. */
static int64_t sum_most(const struct ir_node *binary)
{
    return (int64_t)binary->n_in * (binary->bit_input ? 1 : PIXEL_MOST);
}

static bool set_rules(struct build *b, struct place *place, const struct ir_node *binary,
                      struct network_layer *layer, int64_t most)
{
    struct counts n = { 0 };

    for (uint32_t c = 0; c < binary->c; c++) {
        struct tail_rule rule;
        enum tail_result result =
            tail_rule_integer(&place->tail, c, -most, most, sum_step(binary), &rule);

        if (result != TAIL_OK)
            return refuse_tail(b, place, c, result);
        layer->threshold[c] = (int32_t)rule.threshold;
        bits_put(layer->falling, c, rule.falling);
        n.constant += tail_constant(&place->tail, c, binary->least[c], binary->most[c]);
        n.ties += rule.tie;
        n.near_ties += rule.near_tie && !rule.tie;
    }
    return remark_counts(b, binary->from, &n, binary->c);
}

static size_t pool_stages(struct build *b, struct place *place, int64_t most)
{
    for (size_t i = 0; i < place->tail.n; i++) {
        const struct ir_node *pool = place->tail.nodes[i];

        if (pool->op != IR_MAX_POOL)
            continue;
        struct network_stage *stage =
            build_stage(b, pool->from, NETWORK_OP_POOL_BITS, b->net->n_stages, ONNX_NONE,
                        NETWORK_VALUE_BITS, pool->h, pool->w, pool->c);
        if (stage == NULL)
            return ONNX_NONE;
        stage->window = pool->window;
        stage->mask = build_array(b, bits_words(pool->c), sizeof(*stage->mask));
        if (stage->mask == NULL)
            return ONNX_NONE;
        for (uint32_t c = 0; c < pool->c; c++)
            if (tail_pool_and(&place->tail, i, c, (double)-most, (double)most))
                bits_put(stage->mask, c, true);
    }
    return b->net->n_stages;
}

static size_t fire(struct build *b, struct place *place)
{
    struct ir_node *binary = b->ir->nodes[place->base];
    int64_t most = sum_most(binary);

    if (most >= INT32_MAX) {
        (void)onnx_refuse(b->ctx, ONNX_CODE_TOO_LARGE, binary->from, "sums of 31 bits",
                          "%zu inputs of one output", binary->n_in);
        return ONNX_NONE;
    }
    struct network_layer *layer = build_layer(b, binary, true);
    if (layer == NULL || !set_rules(b, place, binary, layer, most))
        return ONNX_NONE;
    return pool_stages(b, place, most);
}

/* -- Sign stages -- */

static bool picture_rules(struct build *b, struct place *place, struct tail_rule *rules,
                          bool *ret_one_threshold)
{
    bool one = true;

    for (uint32_t c = 0; c < place->tail.c; c++) {
        enum tail_result result =
            tail_rule_integer(&place->tail, c, 0, PIXEL_MOST, 1, &rules[c]);

        if (result != TAIL_OK)
            return refuse_tail(b, place, c, result);
        one &= !rules[c].falling && !rules[c].constant &&
               rules[c].threshold == rules[0].threshold;
    }
    *ret_one_threshold = one;
    return true;
}

static size_t sign_stage(struct build *b, const struct place *place, size_t in,
                         const struct tail_rule *rules)
{
    const struct ir_node *cut = place->cut;
    const struct ir_node *base = b->ir->nodes[place->base];
    struct network_stage *stage =
        build_stage(b, cut->from, NETWORK_OP_SIGN, in, ONNX_NONE, NETWORK_VALUE_BITS,
                    cut->h, cut->w, cut->c);
    struct counts n = { 0 };

    if (stage == NULL)
        return ONNX_NONE;
    size_t value = b->net->n_stages;
    stage->a = build_array(b, cut->c, sizeof(*stage->a));
    stage->mask = build_array(b, bits_words(cut->c), sizeof(*stage->mask));
    if (stage->a == NULL || stage->mask == NULL)
        return ONNX_NONE;
    stage->n_a = cut->c;
    for (uint32_t c = 0; c < cut->c; c++) {
        stage->a[c] = (float)rules[c].threshold;
        bits_put(stage->mask, c, rules[c].falling);
        n.constant += tail_constant(&place->tail, c, base->least[c], base->most[c]);
        n.ties += rules[c].tie;
        n.near_ties += rules[c].near_tie && !rules[c].tie;
    }
    return remark_counts(b, cut->from, &n, cut->c) ? value : ONNX_NONE;
}

/* Of sums that float32 holds, which a shortcut reads as well, or of any reals. */
static bool real_rules(struct build *b, struct place *place, struct tail_rule *rules)
{
    const struct ir_node *base = b->ir->nodes[place->base];
    int64_t most = sum_most(base);
    bool sums = of_integers(b, base) && most <= INT64_C(1) << 24;

    for (uint32_t c = 0; c < place->tail.c; c++) {
        struct tail_range range = { base->least[c], base->most[c], base->whole,
                                    base->reached };
        enum tail_result result =
            sums ? tail_rule_integer(&place->tail, c, -most, most, sum_step(base),
                                     &rules[c])
                 : tail_rule_real(&place->tail, c, &range, &rules[c]);

        if (result != TAIL_OK)
            return refuse_tail(b, place, c, result);
    }
    return true;
}

static size_t sign(struct build *b, const struct ir_node *levels)
{
    struct place place;
    bool one = false;

    if (!find_tail(b, levels, false, &place))
        return ONNX_NONE;
    struct ir_node *base = b->ir->nodes[place.base];
    struct tail_rule *rules = onnx_new(b->ctx, place.tail.c, sizeof(*rules));
    if (rules == NULL)
        return ONNX_NONE;
    if (base->op == IR_INPUT) {
        if (!picture_rules(b, &place, rules, &one))
            return ONNX_NONE;
        bool alone = base->uses == 1 && one_reading(b, levels, levels->src[0]);
        if (one && alone && rules[0].threshold >= 1) {
            b->net->input.encoding = NETWORK_BINARY;
            b->net->input.threshold = (uint32_t)rules[0].threshold;
            return 0;
        }
    } else if (!real_rules(b, &place, rules)) {
        return ONNX_NONE;
    }
    size_t in = build_reals(b, place.base);
    return in == ONNX_NONE ? ONNX_NONE : sign_stage(b, &place, in, rules);
}

/* -- Bits of bits -- */

/* The pool or the concatenation itself. */
static size_t bit_stage(struct build *b, struct ir_node *node)
{
    bool pool = node->op == IR_BIT_POOL;
    size_t in0 = build_bits(b, node->src[0]), in1 = ONNX_NONE;

    if (node->value != ONNX_NONE || in0 == ONNX_NONE)
        return in0 == ONNX_NONE ? ONNX_NONE : node->value;
    if (!pool && (in1 = build_bits(b, node->src[1])) == ONNX_NONE)
        return ONNX_NONE;
    struct network_stage *stage =
        build_stage(b, node->from, pool ? NETWORK_OP_POOL_BITS : NETWORK_OP_CONCAT, in0,
                    in1, NETWORK_VALUE_BITS, node->h, node->w, node->c);
    if (stage == NULL)
        return ONNX_NONE;
    node->value = b->net->n_stages;
    if (!pool)
        return node->value;
    stage->window = node->window;
    stage->mask = build_array(b, bits_words(node->c), sizeof(*stage->mask));
    return stage->mask == NULL ? ONNX_NONE : node->value;
}

/* Levels of bits are those bits, unless something turned them round. */
static size_t bits_of_bits(struct build *b, const struct ir_node *levels)
{
    struct ir_node *source = b->ir->nodes[levels->src[0]];
    const unsigned char *above = levels->bit, *below = levels->bit + 2 * levels->c;
    size_t value = bit_stage(b, source);
    bool plain = true;

    for (uint32_t c = 0; c < levels->c; c++)
        plain &= above[c] == 1 && below[c] == 0;
    if (plain || value == ONNX_NONE)
        return value;
    if (build_stage(b, levels->from, NETWORK_OP_REALS, value, ONNX_NONE,
                    NETWORK_VALUE_REALS, levels->h, levels->w, levels->c) == NULL)
        return ONNX_NONE;
    struct network_stage *stage =
        build_stage(b, levels->from, NETWORK_OP_SIGN, b->net->n_stages, ONNX_NONE,
                    NETWORK_VALUE_BITS, levels->h, levels->w, levels->c);
    if (stage == NULL)
        return ONNX_NONE;
    stage->a = build_array(b, levels->c, sizeof(*stage->a));
    stage->mask = build_array(b, bits_words(levels->c), sizeof(*stage->mask));
    if (stage->a == NULL || stage->mask == NULL)
        return ONNX_NONE;
    stage->n_a = levels->c;
    for (uint32_t c = 0; c < levels->c; c++) {
        if (above[c] == below[c])
            stage->a[c] = above[c] ? -FLT_MAX : FLT_MAX;
        bits_put(stage->mask, c, above[c] < below[c]);
    }
    return b->net->n_stages;
}

static size_t build_cut(struct build *b, const struct ir_node *levels)
{
    struct place place;

    if (!find_tail(b, levels, true, &place))
        return ONNX_NONE;
    struct ir_node *base = b->ir->nodes[place.base];
    bool whole = of_integers(b, base) && base->uses == 1 && base->value == ONNX_NONE;
    bool one = whole && one_reading(b, levels, levels->src[0]);
    if (b->ctx->st != ST_OK)
        return ONNX_NONE;
    return one ? fire(b, &place) : sign(b, levels);
}

size_t build_bits(struct build *b, size_t index)
{
    struct ir_node *levels = b->ir->nodes[index];
    size_t source = levels->src[0];

    if (levels->bits_value != ONNX_NONE)
        return levels->bits_value;
    if (levels->bit == NULL && !level_bits(b, levels))
        return ONNX_NONE;
    for (size_t i = source + 1; i < b->ir->n; i++) {
        const struct ir_node *other = b->ir->nodes[i];

        if (other->op == IR_LEVELS && other->src[0] == source &&
            other->bits_value != ONNX_NONE && same_bits(other, levels)) {
            levels->bits_value = other->bits_value;
            return levels->bits_value;
        }
    }
    if (b->depth > NETWORK_MAX_STAGES) {
        (void)onnx_refuse(b->ctx, ONNX_CODE_TOO_LARGE, levels->from, "1024 stages",
                          "a network too deep");
        return ONNX_NONE;
    }
    b->depth++;
    levels->bits_value = b->ir->nodes[source]->op == IR_CUT ? build_cut(b, levels)
                                                            : bits_of_bits(b, levels);
    b->depth--;
    return levels->bits_value;
}
