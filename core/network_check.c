/* SPDX-License-Identifier: Apache-2.0 */
/* network_check: texts, the input contract, layers by themselves, then stage after stage.
 * Nothing is read through a size, and no sizes are multiplied, before both are within
 * their limits. */
#include "core/network.h"

#include "core/bits.h"
#include "core/kernel.h"
#include "core/window.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

PRINTF_LIKE(2, 3)
static enum status refuse(char why[ERR_LEN], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, ERR_LEN, format, args); /* a long reason is cut short */
    va_end(args);
    return ST_FORMAT;
}

/* Length of the UTF-8 sequence at s, 0 if it is none. Overlong forms, surrogates and
 * values above U+10FFFF are none (RFC 3629, section 4). */
static size_t utf8_sequence(const unsigned char *s)
{
    static const struct {
        unsigned char first, last, low, high; /* first byte; bounds of the second */
        size_t len;
    } forms[] = {
        { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
        { 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 },
        { 0xEE, 0xEF, 0x80, 0xBF, 3 }, { 0xF0, 0xF0, 0x90, 0xBF, 4 },
        { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
    };

    if (s[0] < 0x80)
        return 1;
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        if (s[0] < forms[f].first || s[0] > forms[f].last)
            continue;
        if (s[1] < forms[f].low || s[1] > forms[f].high)
            return 0;
        for (size_t i = 2; i < forms[f].len; i++) {
            if (s[i] < 0x80 || s[i] > 0xBF)
                return 0;
        }
        return forms[f].len;
    }
    return 0;
}

static bool is_text(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    if (s == NULL)
        return false;
    while (*s != '\0') {
        size_t len = utf8_sequence(s);

        if (len == 0)
            return false;
        s += len;
    }
    return true;
}

static enum status check_texts(const struct network *net, char why[ERR_LEN])
{
    if (net->name == NULL || !network_name_ok(net->name))
        return refuse(why, "the network's name is not 1 to 64 of A-Z a-z 0-9 . _ -");
    if ((net->description != NULL && !is_text(net->description)) ||
        (net->training != NULL && !is_text(net->training)) ||
        (net->test_set != NULL && !is_text(net->test_set)))
        return refuse(why, "description, training or test set is not UTF-8 text");
    if (net->test_correct > net->test_total)
        return refuse(why, "%u of %u test pictures correct", net->test_correct,
                      net->test_total);
    if (net->n_classes == 0 || net->n_classes > NETWORK_MAX_CLASSES)
        return refuse(why, "%zu classes, expected 1 to %d", net->n_classes,
                      NETWORK_MAX_CLASSES);
    if (net->labels == NULL)
        return refuse(why, "no labels");
    for (size_t c = 0; c < net->n_classes; c++) {
        if (!is_text(net->labels[c]))
            return refuse(why, "label %zu is not UTF-8 text", c);
    }
    return ST_OK;
}

static enum status check_input(const struct network_input *in, char why[ERR_LEN])
{
    if (in->height == 0 || in->height > NETWORK_MAX_SIDE || in->width == 0 ||
        in->width > NETWORK_MAX_SIDE)
        return refuse(why, "pictures of %u x %u, expected sides of 1 to %d", in->width,
                      in->height, NETWORK_MAX_SIDE);
    if (in->channels != 1 && in->channels != 3)
        return refuse(why, "%u channels, expected 1 or 3", in->channels);
    if (in->encoding != NETWORK_PIXELS && in->encoding != NETWORK_BINARY)
        return refuse(why, "unknown input encoding %d", (int)in->encoding);
    if (in->encoding == NETWORK_PIXELS && in->threshold != 0)
        return refuse(why, "threshold %u with pixel input, expected 0", in->threshold);
    if (in->encoding == NETWORK_BINARY &&
        (in->threshold == 0 || in->threshold > UINT8_MAX))
        return refuse(why, "threshold %u of the binary input, expected 1 to 255",
                      in->threshold);
    if (in->bgr && in->channels != 3)
        return refuse(why, "blue first, but %u channels", in->channels);
    if (in->fit != NETWORK_LETTERBOX && in->fit != NETWORK_CROP)
        return refuse(why, "unknown fit %d of pictures", (int)in->fit);
    if (in->fit == NETWORK_LETTERBOX && in->resize != 0)
        return refuse(why, "pictures are fitted whole, but there is a resize of %u",
                      in->resize);
    if (in->fit == NETWORK_CROP && (in->resize < in->height || in->resize < in->width ||
                                    in->resize > NETWORK_MAX_SIDE))
        return refuse(why, "a resize to %u before cropping %u x %u", in->resize,
                      in->width, in->height);
    return ST_OK;
}

static enum status check_weights(const struct network_layer *layer, char why[ERR_LEN])
{
    size_t n_words = bits_words(layer->n_in);
    uint64_t padding = ~bits_mask(layer->n_in, n_words - 1);

    if (layer->weights == NULL)
        return refuse(why, "layer %s: no weights", layer->name);
    for (size_t j = 0; j < layer->n_out; j++) {
        if ((layer->weights[(j + 1) * n_words - 1] & padding) != 0)
            return refuse(why, "layer %s: row %zu has bits past its %zu inputs",
                          layer->name, j, layer->n_in);
    }
    return ST_OK;
}

static enum status check_fire(const struct network_layer *layer, char why[ERR_LEN])
{
    size_t last = bits_words(layer->n_out) - 1;

    if (layer->threshold == NULL || layer->falling == NULL)
        return refuse(why, "layer %s: no thresholds or directions", layer->name);
    if ((layer->falling[last] & ~bits_mask(layer->n_out, last)) != 0)
        return refuse(why, "layer %s: directions past its %zu outputs", layer->name,
                      layer->n_out);
    return ST_OK;
}

static enum status check_finite(const float *values, size_t n, const char *what,
                                char why[ERR_LEN])
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            return refuse(why, "%s %zu is not finite", what, i);
    }
    return ST_OK;
}

static enum status check_logits(const struct network_layer *layer, char why[ERR_LEN])
{
    char what[ERR_LEN];

    if (layer->scale == NULL || layer->bias == NULL)
        return refuse(why, "layer %s: no scales or biases", layer->name);
    (void)snprintf(what, sizeof(what), "layer %.100s: scale", layer->name);
    enum status st = check_finite(layer->scale, layer->n_out, what, why);
    if (st != ST_OK)
        return st;
    (void)snprintf(what, sizeof(what), "layer %.100s: bias", layer->name);
    return check_finite(layer->bias, layer->n_out, what, why);
}

static enum status check_layer(const struct network *net, size_t l, char why[ERR_LEN])
{
    const struct network_layer *layer = &net->layers[l];

    if (!is_text(layer->name) || layer->name[0] == '\0')
        return refuse(why, "layer %zu: its name is empty or not UTF-8 text", l);
    for (size_t other = 0; other < l; other++) {
        if (strcmp(net->layers[other].name, layer->name) == 0)
            return refuse(why, "layers %zu and %zu are both called %s", other, l,
                          layer->name);
    }
    if (layer->kind != NETWORK_FIRE && layer->kind != NETWORK_LOGITS)
        return refuse(why, "layer %s: unknown kind %d", layer->name, (int)layer->kind);
    if (layer->n_in == 0 || layer->n_in > KERNEL_MAX_INPUTS || layer->n_out == 0 ||
        layer->n_out > NETWORK_MAX_CHANNELS)
        return refuse(why,
                      "layer %s: %zu inputs to %zu outputs, expected 1 to %zu inputs "
                      "and 1 to %d outputs",
                      layer->name, layer->n_in, layer->n_out, KERNEL_MAX_INPUTS,
                      NETWORK_MAX_CHANNELS);
    enum status st = check_weights(layer, why);
    if (st != ST_OK)
        return st;
    return layer->kind == NETWORK_FIRE ? check_fire(layer, why)
                                       : check_logits(layer, why);
}

/* Before anything is read through the sizes. */
static enum status check_cells(const struct network *net, char why[ERR_LEN])
{
    size_t left = NETWORK_MAX_CELLS;

    for (size_t l = 0; l < net->n_layers; l++) {
        const struct network_layer *layer = &net->layers[l];

        if (layer->n_in != 0 && layer->n_out > left / layer->n_in)
            return refuse(why, "more than %zu weights up to layer %zu", NETWORK_MAX_CELLS,
                          l);
        left -= layer->n_out * layer->n_in;
    }
    return ST_OK;
}

static enum status check_layers(const struct network *net, char why[ERR_LEN])
{
    if (net->n_layers == 0 || net->n_layers > NETWORK_MAX_LAYERS || net->layers == NULL)
        return refuse(why, "%zu layers, expected 1 to %d", net->n_layers,
                      NETWORK_MAX_LAYERS);

    enum status st = check_cells(net, why);
    for (size_t l = 0; st == ST_OK && l < net->n_layers; l++)
        st = check_layer(net, l, why);
    return st;
}

/* -- Stages -- */

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

static const char *const op_names[NETWORK_OPS] = {
    [NETWORK_OP_BINARY] = "binary",
    [NETWORK_OP_REAL] = "real",
    [NETWORK_OP_POOL_BITS] = "pool bits",
    [NETWORK_OP_POOL_MAX] = "pool max",
    [NETWORK_OP_POOL_MEAN] = "pool mean",
    [NETWORK_OP_AFFINE] = "affine",
    [NETWORK_OP_SLOPE] = "slope",
    [NETWORK_OP_CLIP] = "clip",
    [NETWORK_OP_SIGN] = "sign",
    [NETWORK_OP_REALS] = "reals",
    [NETWORK_OP_ADD] = "add",
    [NETWORK_OP_CONCAT] = "concat",
};

/* "stage 3 (add): " and the reason. */
PRINTF_LIKE(2, 3)
static enum status refuse_stage(const struct check *c, const char *format, ...)
{
    va_list args;
    int n = snprintf(c->why, ERR_LEN, "stage %zu (%s): ", c->i, op_names[c->stage->op]);

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
        return refuse(c->why, "stage %zu: unknown op %d", c->i, (int)s->op);
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
            return refuse(c->why, "layer %s: no stage uses it", net->layers[l].name);
    }
    for (size_t v = 0; v < net->n_stages; v++) {
        if (!c->value_used[v])
            return refuse(c->why, "value %zu is not used", v);
    }
    if (last.kind != NETWORK_VALUE_REALS || last.height != 1 || last.width != 1 ||
        last.channels != net->n_classes)
        return refuse(
            c->why, "the last stage makes %s of %u x %u x %u, but there are %zu classes",
            kind_name(last.kind), last.height, last.width, last.channels, net->n_classes);
    return ST_OK;
}

static enum status check_stages(const struct network *net, char why[ERR_LEN])
{
    struct check c = { .net = net,
                       .elements_left = NETWORK_MAX_ELEMENTS,
                       .reals_left = NETWORK_MAX_REALS,
                       .operations_left = NETWORK_MAX_OPERATIONS,
                       .why = why };
    enum status st = ST_OK;

    if (net->n_stages == 0 || net->n_stages > NETWORK_MAX_STAGES || net->stages == NULL)
        return refuse(why, "%zu stages, expected 1 to %d", net->n_stages,
                      NETWORK_MAX_STAGES);
    for (; st == ST_OK && c.i < net->n_stages; c.i++) {
        c.stage = &net->stages[c.i];
        st = check_stage(&c);
    }
    return st == ST_OK ? check_uses(&c) : st;
}

enum status network_check(const struct network *net, char why[ERR_LEN])
{
    enum status st = check_texts(net, why);

    if (st == ST_OK)
        st = check_input(&net->input, why);
    if (st == ST_OK)
        st = check_layers(net, why);
    if (st == ST_OK)
        st = check_stages(net, why);
    return st;
}
