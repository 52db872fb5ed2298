/* SPDX-License-Identifier: Apache-2.0 */
/* The model file as bytes: the order of the fields is here and, the other way round, in
 * model_file.c. Everything is put twice: nowhere, to learn how long it is, then into
 * memory of that length. */
#include "storage/model_file.h"

#include "core/bits.h"
#include "storage/cursor.h"
#include "storage/file.h"
#include "storage/model_file_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#define TEXT_MAX UINT16_MAX

struct sink {
    uint8_t *bytes; /* borrowed; NULL: only counts */
    size_t len;     /* so far */
    bool fits;      /* no text was too long for its length */
};

/* Room for the next n bytes, or NULL while counting. */
static uint8_t *room(struct sink *sink, size_t n)
{
    uint8_t *p = sink->bytes == NULL ? NULL : sink->bytes + sink->len;

    sink->len += n;
    return p;
}

static void put_u32(struct sink *sink, size_t value)
{
    uint8_t *p = room(sink, 4);

    if (p != NULL)
        le_store32(p, (uint32_t)value);
}

static void put_float(struct sink *sink, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_u32(sink, bits);
}

static void put_floats(struct sink *sink, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_float(sink, values[i]);
}

static void put_text(struct sink *sink, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    uint8_t *p = room(sink, 2 + len);

    if (len > TEXT_MAX)
        sink->fits = false;
    if (p == NULL)
        return;
    p[0] = (uint8_t)len;
    p[1] = (uint8_t)(len >> 8);
    if (len > 0)
        memcpy(p + 2, text, len);
}

/* Whole bytes of each row. */
static void put_bits(struct sink *sink, const uint64_t *words, size_t n_rows,
                     size_t n_bits)
{
    size_t row_len = n_bits / 8 + (n_bits % 8 != 0), n_words = bits_words(n_bits);
    uint8_t *p = room(sink, n_rows * row_len);

    if (p == NULL)
        return;
    for (size_t r = 0; r < n_rows; r++)
        for (size_t i = 0; i < row_len; i++)
            *p++ = (uint8_t)(words[r * n_words + i / 8] >> (8 * (i % 8)));
}

static void put_input(struct sink *sink, const struct network_input *input)
{
    put_u32(sink, input->height);
    put_u32(sink, input->width);
    put_u32(sink, input->channels);
    put_u32(sink, input->encoding);
    put_u32(sink, input->threshold);
    put_u32(sink, input->bgr);
    put_u32(sink, input->fit);
    put_u32(sink, input->resize);
}

static void put_layer(struct sink *sink, const struct network_layer *layer)
{
    put_text(sink, layer->name);
    put_u32(sink, layer->kind);
    put_u32(sink, layer->n_in);
    put_u32(sink, layer->n_out);
    if (layer->kind == NETWORK_FIRE) {
        for (size_t j = 0; j < layer->n_out; j++)
            put_u32(sink, (uint32_t)layer->threshold[j]);
        put_bits(sink, layer->falling, 1, layer->n_out);
    } else {
        put_floats(sink, layer->scale, layer->n_out);
        put_floats(sink, layer->bias, layer->n_out);
    }
    put_bits(sink, layer->weights, layer->n_out, layer->n_in);
}

static void put_window(struct sink *sink, const struct network_window *w)
{
    put_u32(sink, w->kernel_h);
    put_u32(sink, w->kernel_w);
    put_u32(sink, w->stride_h);
    put_u32(sink, w->stride_w);
    put_u32(sink, w->dilation_h);
    put_u32(sink, w->dilation_w);
    put_u32(sink, w->pad_top);
    put_u32(sink, w->pad_left);
    put_u32(sink, w->pad_bottom);
    put_u32(sink, w->pad_right);
}

static void put_stage(struct sink *sink, const struct network *net,
                      const struct network_stage *s)
{
    put_u32(sink, s->op);
    put_u32(sink, s->in[0]);
    put_u32(sink, s->in[1]);
    put_u32(sink, s->out.kind);
    put_u32(sink, s->out.height);
    put_u32(sink, s->out.width);
    put_u32(sink, s->out.channels);
    put_window(sink, &s->window);
    put_u32(sink, s->padding);
    put_u32(sink, s->groups);
    put_u32(sink, s->layer);
    put_u32(sink, s->count_outside);
    put_u32(sink, s->strict);
    put_float(sink, s->low);
    put_float(sink, s->high);
    put_u32(sink, s->n_a);
    put_u32(sink, s->n_b);
    put_floats(sink, s->a, s->n_a);
    put_floats(sink, s->b, s->n_b);
    if (s->mask != NULL)
        put_bits(sink, s->mask, 1, network_value(net, s->in[0]).channels);
}

/* Behind the header. */
static void put_network(struct sink *sink, const struct network *net)
{
    put_text(sink, net->name);
    put_text(sink, net->description);
    put_text(sink, net->training);
    put_text(sink, net->test_set);
    put_u32(sink, net->test_correct);
    put_u32(sink, net->test_total);
    put_input(sink, &net->input);
    put_u32(sink, net->n_classes);
    for (size_t i = 0; i < net->n_classes; i++)
        put_text(sink, net->labels[i]);
    put_u32(sink, net->n_layers);
    for (size_t l = 0; l < net->n_layers; l++)
        put_layer(sink, &net->layers[l]);
    put_u32(sink, net->n_stages);
    for (size_t i = 0; i < net->n_stages; i++)
        put_stage(sink, net, &net->stages[i]);
}

static void put_header(uint8_t *bytes, size_t len)
{
    memcpy(bytes, model_file_magic, CURSOR_MAGIC_LEN);
    le_store32(bytes + CURSOR_MAGIC_LEN, MODEL_FILE_VERSION);
    le_store64(bytes + CURSOR_LENGTH_AT, len);
    le_store32(bytes + CURSOR_CRC_AT,
               (uint32_t)crc32_z(0, bytes + CURSOR_LENGTH_AT, len - CURSOR_LENGTH_AT));
}

enum status model_file_bytes(const struct network *net, uint8_t **ret_bytes,
                             size_t *ret_len)
{
    struct sink sink = { .len = CURSOR_HEADER_LEN, .fits = true };

    put_network(&sink, net);
    if (!sink.fits || sink.len > MODEL_FILE_MAX_BYTES)
        return ST_RANGE;

    size_t len = sink.len;
    uint8_t *bytes = malloc(len);
    if (bytes == NULL)
        return ST_NOMEM;
    sink = (struct sink) { .bytes = bytes, .len = CURSOR_HEADER_LEN, .fits = true };
    put_network(&sink, net);
    assert(sink.len == len);
    put_header(bytes, len);
    *ret_bytes = bytes;
    *ret_len = len;
    return ST_OK;
}

enum status model_file_save(const char *path, const struct network *net,
                            char why[ERR_LEN])
{
    uint8_t *bytes;
    size_t len;
    enum status st = model_file_bytes(net, &bytes, &len);

    if (st != ST_OK)
        return file_fail(st, path,
                         st == ST_NOMEM ? "not enough memory"
                                        : "a text or the network is too long for a file",
                         why);
    st = file_write(path, bytes, len, why);
    free(bytes);
    return st;
}

static void tell_sync(const char *path, char why[ERR_LEN])
{
    int error = file_sync_folder(path);

    why[0] = '\0';
    if (error != 0)
        (void)file_fail(ST_IO, path, strerror(error), why);
}

bool model_file_is(const uint8_t *bytes, size_t len)
{
    return len >= CURSOR_MAGIC_LEN &&
           memcmp(bytes, model_file_magic, CURSOR_MAGIC_LEN) == 0;
}

enum status model_file_move(const char *from, const char *to, char why[ERR_LEN])
{
    if (rename(from, to) != 0)
        return file_fail(ST_IO, to, strerror(errno), why);
    tell_sync(to, why);
    return ST_OK;
}

enum status model_file_remove(const char *path, char why[ERR_LEN])
{
    if (unlink(path) != 0 && errno != ENOENT)
        return file_fail(ST_IO, path, strerror(errno), why);
    tell_sync(path, why);
    return ST_OK;
}
