/* SPDX-License-Identifier: Apache-2.0 */
/* network_check: texts, the input contract, layers by themselves; then stage after stage,
 * which is network_check_stages.c's. Nothing is read through a size, and no sizes are
 * multiplied, before both are within their limits. */
#include "core/network_check_internal.h"

#include "core/bits.h"
#include "core/kernel.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status network_refuse(char why[ERR_LEN], const char *format, ...)
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
        return network_refuse(why,
                              "the network's name is not 1 to 64 of A-Z a-z 0-9 . _ -");
    if ((net->description != NULL && !is_text(net->description)) ||
        (net->training != NULL && !is_text(net->training)) ||
        (net->test_set != NULL && !is_text(net->test_set)))
        return network_refuse(why, "description, training or test set is not UTF-8 text");
    if (net->test_correct > net->test_total)
        return network_refuse(why, "%u of %u test pictures correct", net->test_correct,
                              net->test_total);
    if (net->n_classes == 0 || net->n_classes > NETWORK_MAX_CLASSES)
        return network_refuse(why, "%zu classes, expected 1 to %d", net->n_classes,
                              NETWORK_MAX_CLASSES);
    if (net->labels == NULL)
        return network_refuse(why, "no labels");
    for (size_t c = 0; c < net->n_classes; c++) {
        if (!is_text(net->labels[c]))
            return network_refuse(why, "label %zu is not UTF-8 text", c);
    }
    return ST_OK;
}

static enum status check_input(const struct network_input *in, char why[ERR_LEN])
{
    if (in->height == 0 || in->height > NETWORK_MAX_SIDE || in->width == 0 ||
        in->width > NETWORK_MAX_SIDE)
        return network_refuse(why, "pictures of %u x %u, expected sides of 1 to %d",
                              in->width, in->height, NETWORK_MAX_SIDE);
    if (in->channels != 1 && in->channels != 3)
        return network_refuse(why, "%u channels, expected 1 or 3", in->channels);
    if (in->encoding != NETWORK_PIXELS && in->encoding != NETWORK_BINARY)
        return network_refuse(why, "unknown input encoding %d", (int)in->encoding);
    if (in->encoding == NETWORK_PIXELS && in->threshold != 0)
        return network_refuse(why, "threshold %u with pixel input, expected 0",
                              in->threshold);
    if (in->encoding == NETWORK_BINARY &&
        (in->threshold == 0 || in->threshold > UINT8_MAX))
        return network_refuse(why, "threshold %u of the binary input, expected 1 to 255",
                              in->threshold);
    if (in->bgr && in->channels != 3)
        return network_refuse(why, "blue first, but %u channels", in->channels);
    if (in->fit != NETWORK_LETTERBOX && in->fit != NETWORK_CROP)
        return network_refuse(why, "unknown fit %d of pictures", (int)in->fit);
    if (in->fit == NETWORK_LETTERBOX && in->resize != 0)
        return network_refuse(
            why, "pictures are fitted whole, but there is a resize of %u", in->resize);
    if (in->fit == NETWORK_CROP && (in->resize < in->height || in->resize < in->width ||
                                    in->resize > NETWORK_MAX_SIDE))
        return network_refuse(why, "a resize to %u before cropping %u x %u", in->resize,
                              in->width, in->height);
    return ST_OK;
}

static enum status check_weights(const struct network_layer *layer, char why[ERR_LEN])
{
    size_t n_words = bits_words(layer->n_in);
    uint64_t padding = ~bits_mask(layer->n_in, n_words - 1);

    if (layer->weights == NULL)
        return network_refuse(why, "layer %s: no weights", layer->name);
    for (size_t j = 0; j < layer->n_out; j++) {
        if ((layer->weights[(j + 1) * n_words - 1] & padding) != 0)
            return network_refuse(why, "layer %s: row %zu has bits past its %zu inputs",
                                  layer->name, j, layer->n_in);
    }
    return ST_OK;
}

static enum status check_fire(const struct network_layer *layer, char why[ERR_LEN])
{
    size_t last = bits_words(layer->n_out) - 1;

    if (layer->threshold == NULL || layer->falling == NULL)
        return network_refuse(why, "layer %s: no thresholds or directions", layer->name);
    if ((layer->falling[last] & ~bits_mask(layer->n_out, last)) != 0)
        return network_refuse(why, "layer %s: directions past its %zu outputs",
                              layer->name, layer->n_out);
    return ST_OK;
}

static enum status check_finite(const float *values, size_t n, const char *what,
                                char why[ERR_LEN])
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            return network_refuse(why, "%s %zu is not finite", what, i);
    }
    return ST_OK;
}

static enum status check_logits(const struct network_layer *layer, char why[ERR_LEN])
{
    char what[ERR_LEN];

    if (layer->scale == NULL || layer->bias == NULL)
        return network_refuse(why, "layer %s: no scales or biases", layer->name);
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
        return network_refuse(why, "layer %zu: its name is empty or not UTF-8 text", l);
    for (size_t other = 0; other < l; other++) {
        if (strcmp(net->layers[other].name, layer->name) == 0)
            return network_refuse(why, "layers %zu and %zu are both called %s", other, l,
                                  layer->name);
    }
    if (layer->kind != NETWORK_FIRE && layer->kind != NETWORK_LOGITS)
        return network_refuse(why, "layer %s: unknown kind %d", layer->name,
                              (int)layer->kind);
    if (layer->n_in == 0 || layer->n_in > KERNEL_MAX_INPUTS || layer->n_out == 0 ||
        layer->n_out > NETWORK_MAX_CHANNELS)
        return network_refuse(
            why,
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
            return network_refuse(why, "more than %zu weights up to layer %zu",
                                  NETWORK_MAX_CELLS, l);
        left -= layer->n_out * layer->n_in;
    }
    return ST_OK;
}

static enum status check_layers(const struct network *net, char why[ERR_LEN])
{
    if (net->n_layers == 0 || net->n_layers > NETWORK_MAX_LAYERS || net->layers == NULL)
        return network_refuse(why, "%zu layers, expected 1 to %d", net->n_layers,
                              NETWORK_MAX_LAYERS);

    enum status st = check_cells(net, why);
    for (size_t l = 0; st == ST_OK && l < net->n_layers; l++)
        st = check_layer(net, l, why);
    return st;
}

enum status network_check(const struct network *net, char why[ERR_LEN])
{
    enum status st = check_texts(net, why);

    if (st == ST_OK)
        st = check_input(&net->input, why);
    if (st == ST_OK)
        st = check_layers(net, why);
    if (st == ST_OK)
        st = network_check_stages(net, why);
    return st;
}
