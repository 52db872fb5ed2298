/* SPDX-License-Identifier: Apache-2.0 */
/* Do the stages of a network fit together, and within what may be computed? Stage after
 * stage; no sizes are multiplied before both are within their limits. */
#include "core/network_check_internal.h"

#include "core/bits.h"
#include "core/kernel.h"
#include "core/window.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* The stage that is looked at, and what the ones before have used up. */
struct check {
    const struct network *net;
    size_t i;
    const struct network_stage *stage;
    struct network_value in, out; /* out: what the stage has to make */
    bool layer_used[NETWORK_MAX_LAYERS];
    bool value_used[NETWORK_MAX_STAGES + 1];
    size_t elements_left, reals_left;
    uint64_t operations_left;
    char *why;
};

/* "stage 3 (add): " and the reason. */
PRINTF_LIKE(2, 3)
static enum status refuse_stage(const struct check *c, const char *format, ...)
{
    va_list args;
    int n = snprintf(c->why, ERR_LEN, "stage %zu (%s): ", c->i,
                     network_op_name(c->stage->op));

    if (n < 0 || n >= ERR_LEN)
        return ST_FORMAT;
    va_start(args, format);
    (void)vsnprintf(c->why + n, (size_t)(ERR_LEN - n), format, args);
    va_end(args);
    return ST_FORMAT;
}

static const char *kind_name(enum network_value_kind kind)
{
    return kind == NETWORK_VALUE_PIXELS ? "pixels"
           : kind == NETWORK_VALUE_BITS ? "bits"
                                        : "reals";
}

static bool is_zero_window(const struct network_window *w)
{
    return (w->kernel_h | w->kernel_w | w->stride_h | w->stride_w | w->dilation_h |
            w->dilation_w | w->pad_top | w->pad_left | w->pad_bottom | w->pad_right) == 0;
}

static bool has_window(enum network_op op)
{
    return op == NETWORK_OP_BINARY || op == NETWORK_OP_REAL ||
           op == NETWORK_OP_POOL_BITS || op == NETWORK_OP_POOL_MAX ||
           op == NETWORK_OP_POOL_MEAN;
}

static bool takes_two(enum network_op op)
{
    return op == NETWORK_OP_ADD || op == NETWORK_OP_CONCAT;
}

static enum status check_unused(const struct check *c)
{
    const struct network_stage *s = c->stage;

    if (!takes_two(s->op) && s->in[1] != 0)
        return refuse_stage(c, "a second input of an op that takes one");
    if (!has_window(s->op) && !is_zero_window(&s->window))
        return refuse_stage(c, "a window of an op that has none");
    if ((s->op != NETWORK_OP_BINARY || c->in.kind != NETWORK_VALUE_BITS) &&
        s->padding != NETWORK_PAD_ZERO)
        return refuse_stage(c, "padding %d, but only bits know another than 0",
                            (int)s->padding);
    if (s->op != NETWORK_OP_BINARY && s->op != NETWORK_OP_REAL && s->groups != 0)
        return refuse_stage(c, "%u groups of an op that has none", s->groups);
    if (s->op != NETWORK_OP_BINARY && s->layer != 0)
        return refuse_stage(c, "a layer of an op that has none");
    if ((s->op != NETWORK_OP_POOL_MEAN && s->count_outside) ||
        (s->op != NETWORK_OP_SIGN && s->strict) ||
        (s->op != NETWORK_OP_CLIP && (s->low != 0.0F || s->high != 0.0F)))
        return refuse_stage(c, "a setting of another op");
    if ((s->op != NETWORK_OP_POOL_BITS && s->op != NETWORK_OP_SIGN) && s->mask != NULL)
        return refuse_stage(c, "a mask of an op that has none");
    return ST_OK;
}

static bool sides_ok(uint32_t a, uint32_t b, uint32_t least)
{
    return a >= least && a <= NETWORK_MAX_SIDE && b >= least && b <= NETWORK_MAX_SIDE;
}

/* Fills in the sides of what comes out. */
static enum status check_window(struct check *c)
{
    const struct network_window *w = &c->stage->window;

    if (!sides_ok(w->kernel_h, w->kernel_w, 1) ||
        !sides_ok(w->stride_h, w->stride_w, 1) ||
        !sides_ok(w->dilation_h, w->dilation_w, 1) ||
        !sides_ok(w->pad_top, w->pad_bottom, 0) ||
        !sides_ok(w->pad_left, w->pad_right, 0))
        return refuse_stage(c, "a side of its window is not 1 to %d (pads 0 to %d)",
                            NETWORK_MAX_SIDE, NETWORK_MAX_SIDE);
    c->out.height = network_window_out(c->in.height, w->kernel_h, w->stride_h,
                                       w->dilation_h, w->pad_top, w->pad_bottom);
    c->out.width = network_window_out(c->in.width, w->kernel_w, w->stride_w,
                                      w->dilation_w, w->pad_left, w->pad_right);
    if (c->out.height == 0 || c->out.width == 0)
        return refuse_stage(c, "a window of %u x %u does not fit a map of %u x %u",
                            w->kernel_h, w->kernel_w, c->in.height, c->in.width);
    return ST_OK;
}

static bool every_place_meets_some(const struct window_side *side, uint32_t n_out)
{
    for (uint32_t out = 0; out < n_out; out++) {
        struct window_taps taps = window_taps(side, out);
        if (taps.first == taps.end)
            return false;
    }
    return true;
}

/* The size is known to be within the limits before it is asked how big the product of
 * sides may be: each of these is at most 2^16. */
static enum status check_size(struct check *c)
{
    const struct network_value *v = &c->out;

    if (v->height > NETWORK_MAX_SIDE || v->width > NETWORK_MAX_SIDE ||
        v->channels > NETWORK_MAX_CHANNELS || network_value_size(v) > NETWORK_MAX_VALUE)
        return refuse_stage(c, "makes %u x %u x %u, more than %zu elements", v->height,
                            v->width, v->channels, NETWORK_MAX_VALUE);
    if (network_value_size(v) > c->elements_left)
        return refuse_stage(c, "more than %zu elements in all values",
                            NETWORK_MAX_ELEMENTS);
    c->elements_left -= network_value_size(v);
    return ST_OK;
}

static enum status spend_operations(struct check *c, uint64_t per_place)
{
    uint64_t places = (uint64_t)c->out.height * c->out.width;

    if (per_place > c->operations_left / places)
        return refuse_stage(c, "more than 2^44 operations in one pass");
    c->operations_left -= per_place * places;
    return ST_OK;
}

static enum status spend_reals(struct check *c, size_t n)
{
    if (n > c->reals_left)
        return refuse_stage(c, "more than %zu real-valued parameters", NETWORK_MAX_REALS);
    c->reals_left -= n;
    return ST_OK;
}

/* Numbers of entries of the real parameters, and that they are there and finite. */
static enum status check_reals(struct check *c, size_t n_a, size_t n_b)
{
    const struct network_stage *s = c->stage;

    if (s->n_a != n_a || s->n_b != n_b)
        return refuse_stage(c, "%zu and %zu real-valued parameters, expected %zu and %zu",
                            s->n_a, s->n_b, n_a, n_b);
    if ((n_a != 0 && s->a == NULL) || (n_b != 0 && s->b == NULL))
        return refuse_stage(c, "no real-valued parameters");
    enum status st = spend_reals(c, n_a);
    if (st == ST_OK)
        st = spend_reals(c, n_b);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < n_a; i++) {
        if (!isfinite(s->a[i]))
            return refuse_stage(c, "parameter %zu of a is not finite", i);
    }
    for (size_t i = 0; i < n_b; i++) {
        if (!isfinite(s->b[i]))
            return refuse_stage(c, "parameter %zu of b is not finite", i);
    }
    return ST_OK;
}

static enum status check_mask(const struct check *c)
{
    size_t last = bits_words(c->in.channels) - 1;

    if (c->stage->mask == NULL)
        return refuse_stage(c, "no mask");
    if ((c->stage->mask[last] & ~bits_mask(c->in.channels, last)) != 0)
        return refuse_stage(c, "its mask has bits past its %u channels", c->in.channels);
    return ST_OK;
}

static enum status check_kind(const struct check *c, bool fits)
{
    return fits ? ST_OK : refuse_stage(c, "does not take %s", kind_name(c->in.kind));
}

static enum status check_groups(const struct check *c, size_t n_out)
{
    uint32_t groups = c->stage->groups;

    if (groups == 0 || c->in.channels % groups != 0 || n_out % groups != 0)
        return refuse_stage(c, "%u groups do not divide %u channels in and %zu out",
                            groups, c->in.channels, n_out);
    return ST_OK;
}

/* Inputs of one output. No product of these sizes overflows. */
static size_t fan_in(const struct check *c)
{
    return (size_t)c->stage->window.kernel_h * c->stage->window.kernel_w *
           (c->in.channels / c->stage->groups);
}

static enum status check_binary(struct check *c)
{
    static const uint64_t bits[] = {
        [NETWORK_VALUE_PIXELS] = 8, [NETWORK_VALUE_BITS] = 1, [NETWORK_VALUE_REALS] = 32
    };
    const struct network_stage *s = c->stage;

    if (s->layer >= c->net->n_layers)
        return refuse_stage(c, "layer %u of %zu", s->layer, c->net->n_layers);

    const struct network_layer *layer = &c->net->layers[s->layer];
    enum status st = check_window(c);
    if (st == ST_OK)
        st = check_groups(c, layer->n_out);
    if (st != ST_OK)
        return st;
    if (c->layer_used[s->layer])
        return refuse_stage(c, "layer %s is another stage's", layer->name);
    c->layer_used[s->layer] = true;
    if (s->padding != NETWORK_PAD_ZERO && s->padding != NETWORK_PAD_MINUS &&
        s->padding != NETWORK_PAD_PLUS)
        return refuse_stage(c, "unknown padding %d", (int)s->padding);
    if (layer->n_in != fan_in(c))
        return refuse_stage(c, "layer %s: %zu inputs, but %zu come in", layer->name,
                            layer->n_in, fan_in(c));
    if (c->in.kind == NETWORK_VALUE_PIXELS && layer->n_in > KERNEL_MAX_PIXELS)
        return refuse_stage(c, "layer %s: %zu pixels, at most %zu", layer->name,
                            layer->n_in, KERNEL_MAX_PIXELS);
    if (layer->kind == NETWORK_FIRE && c->in.kind == NETWORK_VALUE_REALS)
        return refuse_stage(c, "layer %s: thresholds for sums of reals", layer->name);
    c->out.kind = layer->kind == NETWORK_FIRE ? NETWORK_VALUE_BITS : NETWORK_VALUE_REALS;
    c->out.channels = (uint32_t)layer->n_out;
    st = check_reals(c, 0, 0);
    if (st == ST_OK && c->in.kind == NETWORK_VALUE_REALS)
        st = spend_reals(c, layer->n_in * layer->n_out);
    if (st == ST_OK)
        st = spend_operations(c, layer->n_in * layer->n_out * bits[c->in.kind]);
    return st;
}

static enum status check_real(struct check *c)
{
    c->out.kind = NETWORK_VALUE_REALS;
    c->out.channels = c->stage->out.channels;
    if (c->out.channels == 0 || c->out.channels > NETWORK_MAX_CHANNELS)
        return refuse_stage(c, "%u channels, expected 1 to %d", c->out.channels,
                            NETWORK_MAX_CHANNELS);

    enum status st = check_window(c);
    if (st == ST_OK)
        st = check_groups(c, c->out.channels);
    if (st == ST_OK)
        st = check_reals(c, c->out.channels * fan_in(c), c->out.channels);
    if (st == ST_OK)
        st = spend_operations(c, 32 * (uint64_t)c->stage->n_a);
    return st;
}

static enum status check_pool(struct check *c)
{
    const struct network_stage *s = c->stage;
    bool bits = s->op == NETWORK_OP_POOL_BITS;
    enum status st =
        check_kind(c, c->in.kind == (bits ? NETWORK_VALUE_BITS : NETWORK_VALUE_REALS));

    if (st == ST_OK)
        st = check_window(c);
    if (st == ST_OK && bits)
        st = check_mask(c);
    if (st == ST_OK)
        st = check_reals(c, 0, 0);
    if (st == ST_OK)
        st = check_size(c);
    if (st != ST_OK)
        return st;

    struct window_side rows = window_rows(&c->in, &s->window);
    struct window_side columns = window_columns(&c->in, &s->window);
    if (!every_place_meets_some(&rows, c->out.height) ||
        !every_place_meets_some(&columns, c->out.width))
        return refuse_stage(c, "a window lies outside the map as a whole");
    return spend_operations(c, (uint64_t)s->window.kernel_h * s->window.kernel_w *
                                   c->in.channels * (bits ? 1 : 32));
}

/* Ops that go element by element. */
static enum status check_elements(struct check *c)
{
    const struct network_stage *s = c->stage;
    bool pixels = c->in.kind == NETWORK_VALUE_PIXELS;
    bool reals = c->in.kind == NETWORK_VALUE_REALS;
    size_t n = c->in.channels;
    enum status st;

    c->out.kind = s->op == NETWORK_OP_SIGN ? NETWORK_VALUE_BITS : NETWORK_VALUE_REALS;
    st = check_kind(c, s->op == NETWORK_OP_REALS    ? !reals
                       : s->op == NETWORK_OP_AFFINE ? reals || pixels
                                                    : reals);
    if (st != ST_OK)
        return st;
    switch (s->op) {
    case NETWORK_OP_AFFINE:
        return check_reals(c, n, n);
    case NETWORK_OP_SLOPE:
        return check_reals(c, n, 0);
    case NETWORK_OP_SIGN:
        st = check_reals(c, n, 0);
        return st == ST_OK ? check_mask(c) : st;
    case NETWORK_OP_CLIP:
        if (!isfinite(s->low) || !isfinite(s->high) || s->low > s->high)
            return refuse_stage(c, "clips to %g .. %g", (double)s->low, (double)s->high);
        return check_reals(c, 0, 0);
    default:
        return check_reals(c, 0, 0);
    }
}

static enum status check_two(struct check *c)
{
    struct network_value other = network_value(c->net, c->stage->in[1]);
    bool adds = c->stage->op == NETWORK_OP_ADD;
    enum status st = check_kind(c, c->in.kind == NETWORK_VALUE_REALS ||
                                       (!adds && c->in.kind == NETWORK_VALUE_BITS));

    if (st != ST_OK)
        return st;
    if (other.kind != c->in.kind || other.height != c->in.height ||
        other.width != c->in.width || (adds && other.channels != c->in.channels))
        return refuse_stage(c, "%s of %u x %u x %u and %s of %u x %u x %u",
                            kind_name(c->in.kind), c->in.height, c->in.width,
                            c->in.channels, kind_name(other.kind), other.height,
                            other.width, other.channels);
    if (!adds)
        c->out.channels += other.channels;
    return check_reals(c, 0, 0);
}

static enum status check_op(struct check *c)
{
    switch (c->stage->op) {
    case NETWORK_OP_BINARY:
        return check_binary(c);
    case NETWORK_OP_REAL:
        return check_real(c);
    case NETWORK_OP_POOL_BITS:
    case NETWORK_OP_POOL_MAX:
    case NETWORK_OP_POOL_MEAN:
        return check_pool(c);
    case NETWORK_OP_ADD:
    case NETWORK_OP_CONCAT:
        return check_two(c);
    default:
        return check_elements(c);
    }
}

static bool same_value(const struct network_value *a, const struct network_value *b)
{
    return a->kind == b->kind && a->height == b->height && a->width == b->width &&
           a->channels == b->channels;
}

static enum status check_stage(struct check *c)
{
    const struct network_stage *s = c->stage;

    if ((unsigned)s->op >= NETWORK_OPS)
        return network_refuse(c->why, "stage %zu: unknown op %d", c->i, (int)s->op);
    if (s->in[0] > c->i || s->in[1] > c->i)
        return refuse_stage(c, "takes value %u, which is not made before it",
                            s->in[0] > c->i ? s->in[0] : s->in[1]);
    c->in = network_value(c->net, s->in[0]);
    c->out = c->in;
    c->value_used[s->in[0]] = true;
    if (takes_two(s->op))
        c->value_used[s->in[1]] = true;

    enum status st = check_unused(c);
    if (st == ST_OK)
        st = check_op(c);
    /* Pools have been there before they went through their places. */
    if (st == ST_OK && s->op != NETWORK_OP_POOL_BITS && s->op != NETWORK_OP_POOL_MAX &&
        s->op != NETWORK_OP_POOL_MEAN)
        st = check_size(c);
    if (st == ST_OK && !same_value(&c->out, &s->out))
        return refuse_stage(
            c, "makes %s of %u x %u x %u, but is said to make %s of %u x %u x %u",
            kind_name(c->out.kind), c->out.height, c->out.width, c->out.channels,
            kind_name(s->out.kind), s->out.height, s->out.width, s->out.channels);
    return st;
}

static enum status check_uses(const struct check *c)
{
    const struct network *net = c->net;
    struct network_value last = network_value(net, net->n_stages);

    for (size_t l = 0; l < net->n_layers; l++) {
        if (!c->layer_used[l])
            return network_refuse(c->why, "layer %s: no stage uses it",
                                  net->layers[l].name);
    }
    for (size_t v = 0; v < net->n_stages; v++) {
        if (!c->value_used[v])
            return network_refuse(c->why, "value %zu is not used", v);
    }
    if (last.kind != NETWORK_VALUE_REALS || last.height != 1 || last.width != 1 ||
        last.channels != net->n_classes)
        return network_refuse(
            c->why, "the last stage makes %s of %u x %u x %u, but there are %zu classes",
            kind_name(last.kind), last.height, last.width, last.channels, net->n_classes);
    return ST_OK;
}

enum status network_check_stages(const struct network *net, char why[ERR_LEN])
{
    struct check c = { .net = net,
                       .elements_left = NETWORK_MAX_ELEMENTS,
                       .reals_left = NETWORK_MAX_REALS,
                       .operations_left = NETWORK_MAX_OPERATIONS,
                       .why = why };
    enum status st = ST_OK;

    if (net->n_stages == 0 || net->n_stages > NETWORK_MAX_STAGES || net->stages == NULL)
        return network_refuse(why, "%zu stages, expected 1 to %d", net->n_stages,
                              NETWORK_MAX_STAGES);
    for (; st == ST_OK && c.i < net->n_stages; c.i++) {
        c.stage = &net->stages[c.i];
        st = check_stage(&c);
    }
    return st == ST_OK ? check_uses(&c) : st;
}
