/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/model_file.h"

#include "core/bits.h"
#include "core/kernel.h"
#include "storage/cursor.h"
#include "storage/file.h"
#include "storage/model_file_internal.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n > 0 elements, or NULL with ST_NOMEM at the cursor. */
static void *room(struct cursor *c, size_t n, size_t size)
{
    void *p = c->st == ST_OK ? calloc(n, size) : NULL;

    if (c->st == ST_OK && p == NULL)
        cursor_fail(c, ST_NOMEM, c->at, "not enough memory for %zu x %zu bytes", n, size);
    return p;
}

static void read_head(struct cursor *c, struct network *net)
{
    size_t at = c->at;

    net->name = cursor_string(c, "name");
    if (net->name != NULL && !network_name_ok(net->name))
        cursor_fail(c, ST_FORMAT, at,
                    "name: expected 1..64 of A-Z a-z 0-9 . _ -, not starting with a dot");
    net->description = cursor_string(c, "description");
    net->training = cursor_string(c, "training");
    net->test_set = cursor_string(c, "test set");
    net->test_correct = cursor_u32(c, "test correct");
    at = c->at;
    net->test_total = cursor_u32(c, "test total");
    if (net->test_correct > net->test_total)
        cursor_fail(c, ST_FORMAT, at, "test total: expected at least %u, found %u",
                    net->test_correct, net->test_total);
}

/* What a picture is fitted by came with version 2. */
static void read_fit(struct cursor *c, struct network_input *input)
{
    input->bgr = cursor_u32_in(c, "blue first", 0, input->channels == 3) != 0;
    input->fit = (enum network_fit)cursor_u32_in(c, "fit", 0, NETWORK_CROP);
    if (input->fit == NETWORK_CROP)
        input->resize = cursor_u32_in(
            c, "resize", input->height > input->width ? input->height : input->width,
            NETWORK_MAX_SIDE);
    else
        input->resize = cursor_u32_in(c, "resize", 0, 0);
}

static void read_input(struct cursor *c, struct network_input *input)
{
    input->height = cursor_u32_in(c, "height", 1, NETWORK_MAX_SIDE);
    input->width = cursor_u32_in(c, "width", 1, NETWORK_MAX_SIDE);
    size_t at = c->at;
    input->channels = cursor_u32_in(c, "channels", 1, 3);
    if (input->channels == 2)
        cursor_fail(c, ST_FORMAT, at, "channels: expected 1 or 3, found 2");
    input->encoding = (enum network_encoding)cursor_u32_in(c, "encoding", 0, 1);
    if (input->encoding == NETWORK_BINARY)
        input->threshold = cursor_u32_in(c, "threshold", 1, 255);
    else
        input->threshold = cursor_u32_in(c, "threshold", 0, 0);
    if (cursor_version(c) >= 2)
        read_fit(c, input);
}

static void read_labels(struct cursor *c, struct network *net)
{
    size_t at = c->at;
    size_t n = cursor_u32_in(c, "number of classes", 1, NETWORK_MAX_CLASSES);

    /* The shortest label is its length alone. */
    if (n > (c->len - c->at) / 2)
        cursor_fail(c, ST_FORMAT, at,
                    "number of classes: %zu labels do not fit in %zu bytes", n,
                    c->len - c->at);
    net->labels = room(c, n, sizeof(*net->labels));
    if (net->labels == NULL)
        return;
    net->n_classes = n;
    for (size_t i = 0; i < n && c->st == ST_OK; i++)
        net->labels[i] = cursor_string(c, "label");
}

/* n_rows rows of n_bits bits into whole words. */
static void read_bits(struct cursor *c, const char *what, size_t n_rows, size_t n_bits,
                      uint64_t **ret_words)
{
    size_t row_len = n_bits / 8 + (n_bits % 8 != 0);
    size_t n_words = bits_words(n_bits);
    size_t begin = c->at;
    const uint8_t *rows = cursor_take(c, n_rows * row_len, what);
    uint64_t *words = room(c, n_rows * n_words, sizeof(*words));

    *ret_words = words;
    if (words == NULL)
        return;
    for (size_t r = 0; r < n_rows; r++) {
        uint64_t *row = words + r * n_words;

        memcpy(row, rows + r * row_len, row_len);
        for (size_t w = 0; w < n_words; w++)
            row[w] = le64toh(row[w]);
        if ((row[n_words - 1] & ~bits_mask(n_bits, n_words - 1)) != 0) {
            cursor_fail(c, ST_FORMAT, begin + (r + 1) * row_len - 1,
                        "%s: row %zu: expected padding bits of 0, found 1", what, r);
            return;
        }
    }
}

static void read_floats(struct cursor *c, const char *what, size_t n, float **ret_values)
{
    size_t begin = c->at;
    const uint8_t *p = cursor_take(c, n * 4, what);
    float *values = room(c, n, sizeof(*values));

    *ret_values = values;
    if (values == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = le_load32(p + 4 * i);

        memcpy(&values[i], &bits, sizeof(bits));
        if (!isfinite(values[i])) {
            cursor_fail(c, ST_FORMAT, begin + 4 * i,
                        "%s: expected a finite number, found %g at %zu", what,
                        (double)values[i], i);
            return;
        }
    }
}

static void read_thresholds(struct cursor *c, size_t n, int32_t **ret_values)
{
    const uint8_t *p = cursor_take(c, n * 4, "thresholds");
    int32_t *values = room(c, n, sizeof(*values));

    *ret_values = values;
    if (values == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        values[i] = (int32_t)le_load32(p + 4 * i);
}

/* Reads the shape and holds it against what is left of the cell budget, before anything
 * of that size is read. In a chain it is known but for the outputs inside. */
static void read_shape(struct cursor *c, const struct network *net, size_t l, size_t n_in,
                       size_t *cells_left, struct network_layer *layer)
{
    bool chain = cursor_version(c) == 1, last = l + 1 == net->n_layers;
    uint32_t kinds[2] = { NETWORK_FIRE, NETWORK_LOGITS };
    uint32_t inputs[2] = { 1, KERNEL_MAX_INPUTS };
    uint32_t outputs[2] = { 1, NETWORK_MAX_CHANNELS };

    if (chain) {
        kinds[0] = kinds[1] = last ? NETWORK_LOGITS : NETWORK_FIRE;
        inputs[0] = inputs[1] = (uint32_t)n_in;
    }
    if (chain && last)
        outputs[0] = outputs[1] = (uint32_t)net->n_classes;
    layer->kind = (enum network_layer_kind)cursor_u32_in(c, "kind", kinds[0], kinds[1]);
    layer->n_in = cursor_u32_in(c, "inputs", inputs[0], inputs[1]);
    layer->n_out = cursor_u32_in(c, "outputs", outputs[0], outputs[1]);
    if (c->st != ST_OK)
        return;
    if (layer->n_out > *cells_left / layer->n_in) {
        cursor_fail(c, ST_FORMAT, c->at - 4,
                    "outputs: %zu x %zu weights are more than the %zu that may follow",
                    layer->n_out, layer->n_in, *cells_left);
        return;
    }
    *cells_left -= layer->n_out * layer->n_in;
}

static void read_layer(struct cursor *c, const struct network *net, size_t l, size_t n_in,
                       size_t *cells_left)
{
    struct network_layer *layer = &net->layers[l];

    (void)snprintf(c->where, sizeof(c->where), "layer %zu ", l);
    layer->name = cursor_string(c, "name");
    read_shape(c, net, l, n_in, cells_left, layer);
    if (c->st != ST_OK)
        return;
    if (layer->kind == NETWORK_FIRE) {
        read_thresholds(c, layer->n_out, &layer->threshold);
        read_bits(c, "falling", 1, layer->n_out, &layer->falling);
    }
    if (layer->kind == NETWORK_LOGITS) {
        read_floats(c, "scale", layer->n_out, &layer->scale);
        read_floats(c, "bias", layer->n_out, &layer->bias);
    }
    read_bits(c, "weights", layer->n_out, layer->n_in, &layer->weights);
    c->where[0] = '\0';
}

static void read_layers(struct cursor *c, struct network *net)
{
    size_t n = cursor_u32_in(c, "number of layers", 1, NETWORK_MAX_LAYERS);
    size_t n_in = network_inputs(net);
    size_t cells_left = NETWORK_MAX_CELLS;

    net->layers = room(c, n, sizeof(*net->layers));
    if (net->layers == NULL)
        return;
    net->n_layers = n;
    for (size_t l = 0; l < n && c->st == ST_OK; l++) {
        read_layer(c, net, l, n_in, &cells_left);
        n_in = net->layers[l].n_out;
    }
}

/* -- Stages -- */

static void read_value(struct cursor *c, struct network_value *value)
{
    value->kind =
        (enum network_value_kind)cursor_u32_in(c, "kind", 0, NETWORK_VALUE_REALS);
    value->height = cursor_u32_in(c, "height", 1, NETWORK_MAX_SIDE);
    value->width = cursor_u32_in(c, "width", 1, NETWORK_MAX_SIDE);
    value->channels = cursor_u32_in(c, "channels", 1, NETWORK_MAX_CHANNELS);
}

/* network_check knows which stages have one. */
static void read_window(struct cursor *c, struct network_window *window)
{
    window->kernel_h = cursor_u32(c, "kernel height");
    window->kernel_w = cursor_u32(c, "kernel width");
    window->stride_h = cursor_u32(c, "vertical stride");
    window->stride_w = cursor_u32(c, "horizontal stride");
    window->dilation_h = cursor_u32(c, "vertical dilation");
    window->dilation_w = cursor_u32(c, "horizontal dilation");
    window->pad_top = cursor_u32(c, "top pad");
    window->pad_left = cursor_u32(c, "left pad");
    window->pad_bottom = cursor_u32(c, "bottom pad");
    window->pad_right = cursor_u32(c, "right pad");
}

static float read_float(struct cursor *c, const char *what)
{
    uint32_t bits = cursor_u32(c, what);
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void read_stage(struct cursor *c, const struct network *net, size_t i)
{
    struct network_stage *s = &net->stages[i];

    (void)snprintf(c->where, sizeof(c->where), "stage %zu ", i);
    s->op = (enum network_op)cursor_u32_in(c, "op", 0, NETWORK_OPS - 1);
    s->in[0] = cursor_u32_in(c, "input", 0, (uint32_t)i);
    s->in[1] = cursor_u32_in(c, "second input", 0, (uint32_t)i);
    read_value(c, &s->out);
    read_window(c, &s->window);
    s->padding = (enum network_padding)cursor_u32_in(c, "padding", 0, NETWORK_PAD_PLUS);
    s->groups = cursor_u32(c, "groups");
    s->layer = cursor_u32(c, "layer");
    s->count_outside = cursor_u32_in(c, "count outside", 0, 1) != 0;
    s->strict = cursor_u32_in(c, "strict", 0, 1) != 0;
    s->low = read_float(c, "low");
    s->high = read_float(c, "high");
    s->n_a = cursor_u32(c, "entries of a");
    s->n_b = cursor_u32(c, "entries of b");
    if (s->n_a > 0)
        read_floats(c, "a", s->n_a, &s->a);
    if (s->n_b > 0)
        read_floats(c, "b", s->n_b, &s->b);
    /* The value that comes in has been read. */
    if (c->st == ST_OK && (s->op == NETWORK_OP_POOL_BITS || s->op == NETWORK_OP_SIGN))
        read_bits(c, "mask", 1, network_value(net, s->in[0]).channels, &s->mask);
    c->where[0] = '\0';
}

static void read_stages(struct cursor *c, struct network *net)
{
    size_t n = cursor_u32_in(c, "number of stages", 1, NETWORK_MAX_STAGES);

    net->stages = room(c, n, sizeof(*net->stages));
    if (net->stages == NULL)
        return;
    net->n_stages = n;
    for (size_t i = 0; i < n && c->st == ST_OK; i++)
        read_stage(c, net, i);
}

static void make_chain(struct cursor *c, struct network *net)
{
    if (c->st == ST_OK && network_chain(net) != ST_OK)
        cursor_fail(c, ST_NOMEM, c->at, "not enough memory for %zu stages",
                    net->n_layers);
}

enum status model_file_parse(const uint8_t *bytes, size_t len, struct network **ret_net,
                             char why[ERR_LEN])
{
    struct cursor c;

    cursor_begin_any(&c, bytes, len, model_file_magic, MODEL_FILE_OLDEST,
                     MODEL_FILE_VERSION, why);
    struct network *net = room(&c, 1, sizeof(*net));
    if (net == NULL)
        return c.st;

    net->checksum = cursor_checksum(&c);
    read_head(&c, net);
    read_input(&c, &net->input);
    read_labels(&c, net);
    read_layers(&c, net);
    if (cursor_version(&c) == 1)
        make_chain(&c, net);
    else
        read_stages(&c, net);
    cursor_end(&c);
    if (c.st == ST_OK)
        c.st = network_check(net, why);
    if (c.st != ST_OK) {
        network_free(net);
        return c.st;
    }
    *ret_net = net;
    return ST_OK;
}

enum status model_file_load(const char *path, struct network **ret_net, char why[ERR_LEN])
{
    uint8_t *bytes;
    size_t len;
    enum status st = file_read(path, MODEL_FILE_MAX_BYTES, &bytes, &len, why);

    if (st != ST_OK)
        return st;
    st = model_file_parse(bytes, len, ret_net, why);
    if (st != ST_OK)
        file_prefix(path, why);
    free(bytes);
    return st;
}
