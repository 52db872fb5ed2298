/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network.h"

#include "core/bits.h"
#include "core/kernel.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 64
/* Bits of a pixel: a weight meets each of them. */
#define PIXEL_BITS 8

size_t network_inputs(const struct network *net)
{
    const struct network_input *in = &net->input;

    return (size_t)in->height * in->width * in->channels;
}

size_t network_cells(const struct network *net)
{
    size_t n = 0;

    for (size_t l = 0; l < net->n_layers; l++)
        n += net->layers[l].n_out * net->layers[l].n_in;
    return n;
}

uint64_t network_layer_bit_operations(const struct network *net, size_t layer)
{
    uint64_t n = (uint64_t)net->layers[layer].n_out * net->layers[layer].n_in;

    return layer == 0 && net->input.encoding == NETWORK_PIXELS ? PIXEL_BITS * n : n;
}

uint64_t network_bit_operations(const struct network *net)
{
    uint64_t n = 0;

    for (size_t l = 0; l < net->n_layers; l++)
        n += network_layer_bit_operations(net, l);
    return n;
}

bool network_name_ok(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    size_t len = strspn(name, allowed);

    return len >= 1 && len <= NAME_MAX_LEN && name[len] == '\0' && name[0] != '.';
}

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
        return refuse(why, "the network's name is not 1 to %d of A-Z a-z 0-9 . _ -",
                      NAME_MAX_LEN);
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

static enum status check_logits(const struct network_layer *layer, size_t n_classes,
                                char why[ERR_LEN])
{
    if (layer->n_out != n_classes)
        return refuse(why, "layer %s: %zu logits for %zu classes", layer->name,
                      layer->n_out, n_classes);
    if (layer->scale == NULL || layer->bias == NULL)
        return refuse(why, "layer %s: no scales or biases", layer->name);
    for (size_t j = 0; j < layer->n_out; j++) {
        if (!isfinite(layer->scale[j]) || !isfinite(layer->bias[j]))
            return refuse(why, "layer %s: scale or bias %zu is not finite", layer->name,
                          j);
    }
    return ST_OK;
}

static enum status check_layer(const struct network *net, size_t l, size_t n_before,
                               char why[ERR_LEN])
{
    const struct network_layer *layer = &net->layers[l];
    bool last = l + 1 == net->n_layers;
    enum status st;

    if (!is_text(layer->name) || layer->name[0] == '\0')
        return refuse(why, "layer %zu: its name is empty or not UTF-8 text", l);
    for (size_t other = 0; other < l; other++) {
        if (strcmp(net->layers[other].name, layer->name) == 0)
            return refuse(why, "layers %zu and %zu are both called %s", other, l,
                          layer->name);
    }
    if (layer->kind != (last ? NETWORK_LOGITS : NETWORK_FIRE))
        return refuse(why, "layer %s: the last layer, and only it, gives logits",
                      layer->name);
    if (layer->n_in != n_before)
        return refuse(why, "layer %s: %zu inputs, but %zu come in", layer->name,
                      layer->n_in, n_before);
    if (layer->n_in == 0 || layer->n_in > KERNEL_MAX_INPUTS || layer->n_out == 0)
        return refuse(why,
                      "layer %s: %zu inputs to %zu outputs, expected 1 to %zu inputs",
                      layer->name, layer->n_in, layer->n_out, KERNEL_MAX_INPUTS);
    st = check_weights(layer, why);
    if (st != ST_OK)
        return st;
    return last ? check_logits(layer, net->n_classes, why) : check_fire(layer, why);
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

enum status network_check(const struct network *net, char why[ERR_LEN])
{
    enum status st = check_texts(net, why);

    if (st == ST_OK)
        st = check_input(&net->input, why);
    if (st != ST_OK)
        return st;
    if (net->n_layers == 0 || net->n_layers > NETWORK_MAX_LAYERS || net->layers == NULL)
        return refuse(why, "%zu layers, expected 1 to %d", net->n_layers,
                      NETWORK_MAX_LAYERS);
    st = check_cells(net, why);

    size_t n_before = network_inputs(net);
    for (size_t l = 0; st == ST_OK && l < net->n_layers; l++) {
        st = check_layer(net, l, n_before, why);
        n_before = net->layers[l].n_out;
    }
    return st;
}

static void layer_done(struct network_layer *layer)
{
    free(layer->name);
    free(layer->weights);
    free(layer->threshold);
    free(layer->falling);
    free(layer->scale);
    free(layer->bias);
}

void network_free(struct network *net)
{
    if (net == NULL)
        return;
    for (size_t l = 0; net->layers != NULL && l < net->n_layers; l++)
        layer_done(&net->layers[l]);
    free(net->layers);
    for (size_t c = 0; net->labels != NULL && c < net->n_classes; c++)
        free(net->labels[c]);
    free(net->labels);
    free(net->name);
    free(net->description);
    free(net->training);
    free(net->test_set);
    free(net);
}
