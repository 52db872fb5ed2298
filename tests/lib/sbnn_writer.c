/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/sbnn_writer.h"

#include "core/bits.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { CHECKSUM_AT = 12, LENGTH_AT = 16, HEADER_LEN = 24 };

static void *room(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

/* -- Bytes -- */

struct out {
    uint8_t *bytes;
    size_t len, size;
};

static void put(struct out *out, const void *p, size_t len)
{
    if (len == 0)
        return;
    if (out->len + len > out->size) {
        out->size = 2 * (out->len + len);
        out->bytes = room(realloc(out->bytes, out->size));
    }
    memcpy(out->bytes + out->len, p, len);
    out->len += len;
}

static void put_uint(struct out *out, uint64_t value, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        put(out, &byte, 1);
    }
}

static void put_u32(struct out *out, uint64_t value)
{
    put_uint(out, value, 4);
}

static void put_string(struct out *out, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    put_uint(out, len, 2);
    put(out, text, len);
}

static void put_floats(struct out *out, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &values[i], sizeof(bits));
        put_u32(out, bits);
    }
}

/* Whole bytes of each row, padding bits and all. */
static void put_bits(struct out *out, const uint64_t *words, size_t n_rows, size_t n_bits)
{
    for (size_t r = 0; r < n_rows; r++)
        for (size_t b = 0; b < (n_bits + 7) / 8; b++)
            put_uint(out, words[r * bits_words(n_bits) + b / 8] >> (8 * (b % 8)) & 0xff,
                     1);
}

void sbnn_seal(uint8_t *bytes, size_t len)
{
    if (len < HEADER_LEN)
        return;
    for (unsigned i = 0; i < 8; i++)
        bytes[LENGTH_AT + i] = (uint8_t)((uint64_t)len >> (8 * i));
    uint32_t crc = (uint32_t)crc32_z(0, bytes + LENGTH_AT, len - LENGTH_AT);
    for (unsigned i = 0; i < 4; i++)
        bytes[CHECKSUM_AT + i] = (uint8_t)(crc >> (8 * i));
}

/* -- A network as bytes -- */

static void put_layer(struct out *out, const struct network_layer *layer, size_t l,
                      struct sbnn_bytes *ret)
{
    put_string(out, layer->name);
    if (l >= sizeof(ret->kind_at) / sizeof(ret->kind_at[0]))
        abort();
    ret->kind_at[l] = out->len;
    put_u32(out, (uint64_t)layer->kind);
    put_u32(out, layer->n_in);
    put_u32(out, layer->n_out);
    ret->values_at[l] = out->len;
    if (layer->kind == NETWORK_FIRE) {
        for (size_t j = 0; j < layer->n_out; j++)
            put_u32(out, (uint32_t)layer->threshold[j]);
        put_bits(out, layer->falling, 1, layer->n_out);
    }
    if (layer->kind == NETWORK_LOGITS) {
        put_floats(out, layer->scale, layer->n_out);
        put_floats(out, layer->bias, layer->n_out);
    }
    ret->weights_at[l] = out->len;
    put_bits(out, layer->weights, layer->n_out, layer->n_in);
}

static void put_stage(struct out *out, const struct network_stage *s, size_t n_channels)
{
    const struct network_window *w = &s->window;
    const uint32_t head[] = {
        (uint32_t)s->op,  s->in[0],
        s->in[1],         (uint32_t)s->out.kind,
        s->out.height,    s->out.width,
        s->out.channels,  w->kernel_h,
        w->kernel_w,      w->stride_h,
        w->stride_w,      w->dilation_h,
        w->dilation_w,    w->pad_top,
        w->pad_left,      w->pad_bottom,
        w->pad_right,     (uint32_t)s->padding,
        s->groups,        s->layer,
        s->count_outside, s->strict,
    };
    const float range[] = { s->low, s->high };

    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        put_u32(out, head[i]);
    put_floats(out, range, 2);
    put_u32(out, s->n_a);
    put_u32(out, s->n_b);
    put_floats(out, s->a, s->n_a);
    put_floats(out, s->b, s->n_b);
    if (s->op == NETWORK_OP_POOL_BITS || s->op == NETWORK_OP_SIGN)
        put_bits(out, s->mask, 1, n_channels);
}

static void put_head(struct out *out, const struct network *net, uint32_t version)
{
    static const uint8_t magic[8] = { 0x89, 'S', 'B', 'N', 'N', '\r', '\n', 0x1a };

    put(out, magic, sizeof(magic));
    put_u32(out, version);
    put_u32(out, 0);
    put_uint(out, 0, 8);
    put_string(out, net->name);
    put_string(out, net->description);
    put_string(out, net->training);
    put_string(out, net->test_set);
    put_u32(out, net->test_correct);
    put_u32(out, net->test_total);
}

static struct sbnn_bytes write_version(const struct network *net, uint32_t version)
{
    struct sbnn_bytes ret = { .bytes = NULL };
    struct out out = { .bytes = NULL };

    put_head(&out, net, version);
    ret.input_at = out.len;
    put_u32(&out, net->input.height);
    put_u32(&out, net->input.width);
    put_u32(&out, net->input.channels);
    put_u32(&out, (uint64_t)net->input.encoding);
    put_u32(&out, net->input.threshold);
    if (version == 2) {
        put_u32(&out, net->input.bgr);
        put_u32(&out, (uint64_t)net->input.fit);
        put_u32(&out, net->input.resize);
    }
    ret.classes_at = out.len;
    put_u32(&out, net->n_classes);
    for (size_t i = 0; i < net->n_classes; i++)
        put_string(&out, net->labels[i]);
    ret.layers_at = out.len;
    put_u32(&out, net->n_layers);
    for (size_t l = 0; l < net->n_layers; l++)
        put_layer(&out, &net->layers[l], l, &ret);
    if (version == 2) {
        put_u32(&out, net->n_stages);
        ret.stages_at = out.len;
        for (size_t i = 0; i < net->n_stages; i++)
            put_stage(&out, &net->stages[i],
                      network_value(net, net->stages[i].in[0]).channels);
    }
    sbnn_seal(out.bytes, out.len);
    ret.bytes = out.bytes;
    ret.len = out.len;
    return ret;
}

struct sbnn_bytes sbnn_write(const struct network *net)
{
    return write_version(net, 1);
}

struct sbnn_bytes sbnn_write_stages(const struct network *net)
{
    return write_version(net, 2);
}

void sbnn_write_file(const char *path, const struct network *net)
{
    struct sbnn_bytes file = sbnn_write(net);
    FILE *f = room(fopen(path, "wb"));

    if (fwrite(file.bytes, 1, file.len, f) != file.len || fclose(f) != 0)
        abort();
    free(file.bytes);
}

/* -- Random networks -- */

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t *random_bits(size_t n_rows, size_t n_bits, uint64_t *state)
{
    size_t n_words = bits_words(n_bits);
    uint64_t *words = room(calloc(n_rows * n_words, sizeof(*words)));

    for (size_t i = 0; i < n_rows * n_words; i++)
        words[i] = draw(state) & bits_mask(n_bits, i % n_words);
    return words;
}

/* Thresholds lie where sums of random inputs do: within one standard deviation of it. */
static void make_fire(struct network_layer *layer, bool pixels, uint64_t *state)
{
    int32_t reach = 1;

    while ((size_t)reach * (size_t)reach < layer->n_in)
        reach++;
    reach *= pixels ? 147 : 1; /* root mean square of 0..255 */
    layer->threshold = room(calloc(layer->n_out, sizeof(*layer->threshold)));
    for (size_t j = 0; j < layer->n_out; j++)
        layer->threshold[j] = (int32_t)(draw(state) % (2 * (uint64_t)reach + 1)) - reach;
    layer->falling = random_bits(1, layer->n_out, state);
}

static void make_logits(struct network_layer *layer, uint64_t *state)
{
    layer->scale = room(calloc(layer->n_out, sizeof(*layer->scale)));
    layer->bias = room(calloc(layer->n_out, sizeof(*layer->bias)));
    for (size_t j = 0; j < layer->n_out; j++) {
        layer->scale[j] = 0.001f * (float)(1 + draw(state) % 100);
        layer->bias[j] = 0.01f * (float)(draw(state) % 200) - 1.0f;
    }
}

static char *numbered(const char *what, size_t number)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%s%zu", what, number);
    return room(strdup(text));
}

struct network *sbnn_random(const struct sbnn_shape *shape, uint64_t seed)
{
    struct network *net = room(calloc(1, sizeof(*net)));
    uint64_t state = seed;
    size_t n_in =
        (size_t)shape->input.height * shape->input.width * shape->input.channels;

    net->name = room(strdup(shape->name));
    net->version = 1;
    net->description = room(strdup("a random network for tests, \xc3\xa4\xe2\x82\xac"));
    net->training = room(strdup("none"));
    net->test_set = room(strdup(""));
    net->input = shape->input;
    net->n_layers = shape->n_layers;
    net->layers = room(calloc(net->n_layers, sizeof(*net->layers)));
    for (size_t l = 0; l < net->n_layers; l++) {
        struct network_layer *layer = &net->layers[l];

        layer->name = numbered("layer", l);
        layer->kind = l + 1 == net->n_layers ? NETWORK_LOGITS : NETWORK_FIRE;
        layer->n_in = n_in;
        layer->n_out = shape->n_out[l];
        if (layer->kind == NETWORK_FIRE)
            make_fire(layer, l == 0 && net->input.encoding == NETWORK_PIXELS, &state);
        else
            make_logits(layer, &state);
        layer->weights = random_bits(layer->n_out, n_in, &state);
        n_in = layer->n_out;
    }
    net->n_classes = n_in;
    net->labels = room(calloc(net->n_classes, sizeof(*net->labels)));
    for (size_t i = 0; i < net->n_classes; i++)
        net->labels[i] = numbered("class ", i);

    if (network_chain(net) != ST_OK)
        abort();

    struct sbnn_bytes file = sbnn_write(net);
    for (unsigned i = 0; i < 4; i++)
        net->checksum |= (uint32_t)file.bytes[CHECKSUM_AT + i] << (8 * i);
    free(file.bytes);
    return net;
}
