/* SPDX-License-Identifier: Apache-2.0 */
/* Binary weights with pixels or bits, through the kernels of kernel.h.
 *
 * Whatever the window, a place of the output is one row of n_in inputs that meets a
 * matrix of weights. Where such rows lie in the map already (a dense layer; a window of
 * one element) the kernels read them there; else they are gathered, window after window,
 * many places at a time. Bits are gathered without gaps, in the order of the weights, so
 * that weights need no layout of their own, whatever the number of channels.
 *
 * Outside the map. A pixel of 0 adds nothing to a sum, so it is gathered as it is; so are
 * -1 and +1 where the stage pads with them. A bit cannot be 0: a place whose window
 * reaches out is gathered twice, with -1 and with +1 outside. With m0 and m1 the
 * mismatches of the two, the sums are n_in - 2 m0 and n_in - 2 m1; what is outside adds
 * the opposite to them, so their mean, n_in - m0 - m1, is the sum over what is inside.
 * That holds for the weights that are delivered, whatever they should have been.
 */
#include "core/infer_stage.h"
#include "core/kernel_lookup.h"
#include "core/window.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64

/* The outputs of one group of channels. */
struct group {
    struct kernel_lookup lookup; /* pixels; else all zero, and there are */
    struct kernel_matrix matrix;
    int64_t *limit;  /* ours, FIRE, [8 * n_blocks]: see kernel.h */
    uint8_t *invert; /* ours, FIRE, [n_blocks] */
};

/* How rows come about, and how many at a time. */
struct shape {
    enum network_value_kind kind;
    bool fires;
    bool direct;    /* rows lie in the map */
    bool by_places; /* direct: one row a place, else one a picture */
    bool twice;     /* places whose window reaches out are gathered twice */
    size_t n_in, n_out, n_groups;
    size_t n_words; /* of a row of bits */
    size_t n_rows;  /* at a time */
    size_t n_lanes; /* of a group's counts */
    struct window_side rows, columns;
    size_t in_channels; /* of a group */
    size_t group_out;
};

struct infer_binary {
    const struct network_layer *layer; /* borrowed */
    enum network_padding padding;
    struct shape shape;
    struct group *groups; /* ours, [n_groups] */
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static bool has_pads(const struct network_window *w)
{
    return (w->pad_top | w->pad_left | w->pad_bottom | w->pad_right) != 0;
}

static bool is_single(const struct network_window *w)
{
    return w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1 &&
           !has_pads(w);
}

static struct shape shape_of(const struct network *net, const struct network_stage *stage)
{
    const struct network_layer *layer = &net->layers[stage->layer];
    struct infer_map in = infer_map_of(net, stage->in[0]);
    bool pixels = in.value.kind == NETWORK_VALUE_PIXELS;
    bool dense = infer_is_dense(net, stage);
    bool gapless = pixels || in.packed || in.value.channels % BITS_PER_WORD == 0 ||
                   infer_places(&in.value) == 1;
    struct shape shape = {
        .kind = in.value.kind,
        .fires = layer->kind == NETWORK_FIRE,
        .by_places = stage->groups == 1 && !dense && is_single(&stage->window),
        .twice =
            !pixels && stage->padding == NETWORK_PAD_ZERO && has_pads(&stage->window),
        .n_in = layer->n_in,
        .n_out = layer->n_out,
        .n_groups = stage->groups,
        .n_words = bits_words(layer->n_in),
        .rows = window_rows(&in.value, &stage->window),
        .columns = window_columns(&in.value, &stage->window),
        .in_channels = in.value.channels / stage->groups,
        .group_out = layer->n_out / stage->groups,
    };

    shape.by_places = shape.by_places && !pixels;
    shape.direct = shape.by_places || (dense && gapless);
    shape.n_lanes = round_up(shape.group_out, KERNEL_LANES);
    shape.n_rows = pixels ? 1 : infer_rows(shape.n_words * sizeof(uint64_t) * 2);
    return shape;
}

/* -- Weights -- */

/* first: the group's first output among the layer's. */
static void fill_rule(struct group *group, const struct network_layer *layer,
                      size_t first)
{
    size_t n_lanes = group->matrix.n_blocks * KERNEL_LANES;

    for (size_t j = 0; j < group->matrix.n_out; j++) {
        bool falling = bits_get(layer->falling, first + j);
        int64_t threshold = layer->threshold[first + j];
        int64_t n_in = (int64_t)layer->n_in;

        group->limit[j] = kernel_limit(n_in, n_in, threshold, falling);
        if (falling)
            group->invert[j / KERNEL_LANES] |= (uint8_t)(1U << (j % KERNEL_LANES));
    }
    for (size_t j = group->matrix.n_out; j < n_lanes; j++)
        group->limit[j] = -1;
}

static enum status group_init(struct group *group, const struct infer_binary *binary,
                              size_t first, const uint64_t *bits)
{
    const struct shape *shape = &binary->shape;
    const struct network_layer *layer = binary->layer;

    if (shape->kind == NETWORK_VALUE_PIXELS)
        return kernel_lookup_init(&group->lookup, bits, shape->group_out, shape->n_in,
                                  shape->fires ? layer->threshold : NULL, layer->falling,
                                  first);

    enum status st =
        kernel_matrix_init(&group->matrix, bits, shape->group_out, shape->n_in);
    if (st != ST_OK || !shape->fires)
        return st;

    group->limit = calloc(shape->n_lanes, sizeof(*group->limit));
    group->invert = calloc(group->matrix.n_blocks, sizeof(*group->invert));
    if (group->limit == NULL || group->invert == NULL)
        return ST_NOMEM;
    fill_rule(group, layer, first);
    return ST_OK;
}

enum status infer_binary_new(const struct network *net, const struct network_stage *stage,
                             const uint64_t *bits, struct infer_binary **ret_binary)
{
    struct infer_binary *binary = calloc(1, sizeof(*binary));
    enum status st = ST_OK;

    if (binary == NULL)
        return ST_NOMEM;
    binary->layer = &net->layers[stage->layer];
    binary->padding = stage->padding;
    binary->shape = shape_of(net, stage);
    binary->groups = calloc(binary->shape.n_groups, sizeof(*binary->groups));
    if (binary->groups == NULL)
        st = ST_NOMEM;
    for (size_t g = 0; st == ST_OK && g < binary->shape.n_groups; g++) {
        size_t first = g * binary->shape.group_out;

        st = group_init(&binary->groups[g], binary, first,
                        bits + first * binary->shape.n_words);
    }
    if (st != ST_OK) {
        infer_binary_free(binary);
        return st;
    }
    *ret_binary = binary;
    return ST_OK;
}

void infer_binary_free(struct infer_binary *binary)
{
    if (binary == NULL)
        return;
    for (size_t g = 0; binary->groups != NULL && g < binary->shape.n_groups; g++) {
        kernel_lookup_done(&binary->groups[g].lookup);
        kernel_matrix_done(&binary->groups[g].matrix);
        free(binary->groups[g].limit);
        free(binary->groups[g].invert);
    }
    free(binary->groups);
    free(binary);
}

/* -- Working memory -- */

/* Rows of one go, carved out of `work`. */
struct work {
    uint64_t *rows;  /* [n_rows][n_words], twice */
    uint64_t *fired; /* [n_rows][bits_words(group_out)] */
    int32_t *counts; /* [n_rows], twice, [n_lanes]; or sums */
    uint8_t *pixels; /* [n_in] */
    void *lookup;    /* of kernel_lookup.h */
    size_t *places;  /* [n_rows]: where the outputs go */
};

/* Gives the bytes; carves where ret_work is not NULL. */
static size_t carve(const struct shape *shape, void *work, struct work *ret_work)
{
    bool pixels = shape->kind == NETWORK_VALUE_PIXELS;
    size_t n_rows = shape->n_rows;
    size_t row_words = shape->direct || pixels ? 0 : 2 * shape->n_words;
    size_t rows_size = round_up(n_rows * row_words * sizeof(uint64_t), ALIGNMENT);
    size_t fired_size =
        round_up(n_rows * bits_words(shape->group_out) * sizeof(uint64_t), ALIGNMENT);
    size_t counts_size =
        round_up(2 * n_rows * shape->n_lanes * sizeof(int32_t), ALIGNMENT);
    size_t pixels_size = pixels ? round_up(shape->n_in, ALIGNMENT) : 0;
    size_t lookup_size = pixels ? kernel_lookup_scratch(shape->n_in) : 0;
    size_t places_size = round_up(n_rows * sizeof(size_t), ALIGNMENT);

    if (ret_work != NULL) {
        uint8_t *at = work;

        ret_work->rows = (uint64_t *)(void *)at;
        ret_work->fired = (uint64_t *)(void *)(at += rows_size);
        ret_work->counts = (int32_t *)(void *)(at += fired_size);
        ret_work->pixels = at += counts_size;
        ret_work->lookup = at += pixels_size;
        ret_work->places = (size_t *)(void *)(at + lookup_size);
    }
    return rows_size + fired_size + counts_size + pixels_size + lookup_size + places_size;
}

size_t infer_binary_work(const struct network *net, const struct network_stage *stage)
{
    struct shape shape = shape_of(net, stage);

    return carve(&shape, NULL, NULL);
}

/* -- From counts to outputs -- */

static float logit(const struct network_layer *layer, size_t j, int64_t s)
{
    return (float)((double)layer->scale[j] * (double)s + (double)layer->bias[j]);
}

static void logit_row(const struct infer_binary *binary, size_t g, const int32_t *counts,
                      float *ret)
{
    size_t first = g * binary->shape.group_out;

    for (size_t j = 0; j < binary->shape.group_out; j++)
        ret[j] = logit(binary->layer, first + j,
                       (int64_t)binary->shape.n_in - 2 * (int64_t)counts[j]);
}

/* counts: with -1 outside, and n_lanes further with +1. */
static void logit_twice(const struct infer_binary *binary, size_t g,
                        const int32_t *counts, float *ret)
{
    size_t first = g * binary->shape.group_out, n_lanes = binary->shape.n_lanes;

    for (size_t j = 0; j < binary->shape.group_out; j++)
        ret[j] = logit(binary->layer, first + j,
                       (int64_t)binary->shape.n_in - counts[j] - counts[n_lanes + j]);
}

static void fire_twice(const struct infer_binary *binary, size_t g, const int32_t *counts,
                       uint64_t *ret)
{
    const struct network_layer *layer = binary->layer;
    size_t first = g * binary->shape.group_out, n_lanes = binary->shape.n_lanes;

    memset(ret, 0, bits_words(binary->shape.group_out) * sizeof(*ret));
    for (size_t j = 0; j < binary->shape.group_out; j++) {
        int64_t s = (int64_t)binary->shape.n_in - counts[j] - counts[n_lanes + j];
        int64_t threshold = layer->threshold[first + j];
        bool fires =
            bits_get(layer->falling, first + j) ? s <= threshold : s >= threshold;

        ret[j / BITS_PER_WORD] |= (uint64_t)fires << (j % BITS_PER_WORD);
    }
}

/* -- Rows that lie in the map -- */

static void direct_bits(const struct infer_binary *binary, const struct kernel *kernel,
                        const struct infer_map *in, size_t n, const struct work *work,
                        struct infer_map *out)
{
    const struct shape *shape = &binary->shape;
    const struct group *group = &binary->groups[0];
    size_t n_places = shape->by_places ? infer_places(&in->value) : 1;
    size_t in_stride = in->stride / n_places, out_stride = out->stride / n_places;

    n *= n_places;
    if (shape->fires) {
        const struct kernel_rule rule = { group->limit, group->invert };

        kernel->fire(&group->matrix, &rule, in->bits, n, in_stride, out->bits,
                     out_stride);
        return;
    }
    for (size_t i = 0; i < n; i += shape->n_rows) {
        size_t n_now = n - i < shape->n_rows ? n - i : shape->n_rows;

        kernel->counts(&group->matrix, in->bits + i * in_stride, n_now, in_stride,
                       work->counts);
        for (size_t k = 0; k < n_now; k++)
            logit_row(binary, 0, work->counts + k * shape->n_lanes,
                      out->reals + (i + k) * out_stride);
    }
}

/* -- Rows that are gathered -- */

static void bits_clear(uint64_t *bits, size_t at, size_t n)
{
    while (n > 0) {
        size_t shift = at % BITS_PER_WORD, room = BITS_PER_WORD - shift;
        size_t now = n < room ? n : room;

        bits[at / BITS_PER_WORD] &= ~(~UINT64_C(0) >> (BITS_PER_WORD - now) << shift);
        at += now;
        n -= now;
    }
}

/* Row of bits: `plus` outside the map, else -1. */
static void gather_bits(const struct infer_binary *binary, size_t g,
                        const struct infer_map *in, const uint64_t *map,
                        const struct window_taps *rows, const struct window_taps *columns,
                        bool plus, uint64_t *ret_row)
{
    const struct shape *shape = &binary->shape;
    size_t place_words = bits_words(in->value.channels);
    size_t n = shape->in_channels, from_bit = g * n;

    memset(ret_row, plus ? 0xFF : 0, shape->n_words * sizeof(*ret_row));
    ret_row[shape->n_words - 1] &= bits_mask(shape->n_in, shape->n_words - 1);
    for (uint32_t y = rows->first; y < rows->end; y++) {
        size_t row = (size_t)(rows->at + (int64_t)y * shape->rows.dilation);

        for (uint32_t x = columns->first; x < columns->end; x++) {
            size_t column = (size_t)(columns->at + (int64_t)x * shape->columns.dilation);
            const uint64_t *place = map + (row * in->value.width + column) * place_words;
            size_t to_bit = ((size_t)y * shape->columns.kernel + x) * n;

            if (n == place_words * BITS_PER_WORD) { /* whole words */
                uint64_t *to = ret_row + to_bit / BITS_PER_WORD;

                for (size_t w = 0; w < place_words; w++)
                    to[w] = place[w];
                continue;
            }
            if (plus)
                bits_clear(ret_row, to_bit, n);
            bits_or(ret_row, to_bit, place, from_bit, n);
        }
    }
}

static void gather_pixels(const struct infer_binary *binary, size_t g,
                          const struct infer_map *in, const uint8_t *map,
                          const struct window_taps *rows,
                          const struct window_taps *columns, uint8_t *ret_row)
{
    const struct shape *shape = &binary->shape;
    size_t n = shape->in_channels;

    memset(ret_row, 0, shape->n_in);
    for (uint32_t y = rows->first; y < rows->end; y++) {
        size_t row = (size_t)(rows->at + (int64_t)y * shape->rows.dilation);

        for (uint32_t x = columns->first; x < columns->end; x++) {
            size_t column = (size_t)(columns->at + (int64_t)x * shape->columns.dilation);

            memcpy(ret_row + ((size_t)y * shape->columns.kernel + x) * n,
                   map + (row * in->value.width + column) * in->value.channels + g * n,
                   n);
        }
    }
}

/* One go: rows that wait, and where their outputs belong. */
struct go {
    const struct infer_binary *binary;
    const struct kernel *kernel;
    size_t g;
    bool twice; /* two rows for each place */
    struct work work;
    size_t n; /* places that wait */
    struct infer_map *out;
};

static void put_fired(const struct go *go, const uint64_t *fired, size_t place)
{
    const struct shape *shape = &go->binary->shape;
    size_t n_words = bits_words(shape->n_out);
    uint64_t *to = go->out->bits + place * n_words;

    if (shape->n_groups == 1)
        memcpy(to, fired, n_words * sizeof(*to));
    else /* the whole map was cleared before */
        bits_or(to, go->g * shape->group_out, fired, 0, shape->group_out);
}

static float *reals_of(const struct go *go, size_t place)
{
    const struct shape *shape = &go->binary->shape;

    return go->out->reals + place * shape->n_out + go->g * shape->group_out;
}

/* A row of pixels is done when it is gathered. */
static void run_pixels(struct go *go, const struct infer_map *in, size_t picture,
                       const struct window_taps *rows, const struct window_taps *columns,
                       size_t place)
{
    const struct infer_binary *binary = go->binary;
    const struct shape *shape = &binary->shape;
    const struct kernel_lookup *lookup = &binary->groups[go->g].lookup;
    const uint8_t *row = in->pixels + picture * in->stride;
    size_t first = go->g * shape->group_out;

    if (!shape->direct) {
        gather_pixels(binary, go->g, in, row, rows, columns, go->work.pixels);
        row = go->work.pixels;
    }
    if (shape->fires) {
        kernel_lookup_fire(lookup, go->kernel, row, go->work.lookup, go->work.fired);
        put_fired(go, go->work.fired, place);
        return;
    }
    kernel_lookup_sums(lookup, go->kernel, row, go->work.lookup, go->work.counts);
    for (size_t j = 0; j < shape->group_out; j++)
        reals_of(go, place)[j] = logit(binary->layer, first + j, go->work.counts[j]);
}

static void finish_bits(struct go *go)
{
    const struct shape *shape = &go->binary->shape;
    const struct group *group = &go->binary->groups[go->g];
    const struct kernel_rule rule = { group->limit, group->invert };
    size_t fired_words = bits_words(shape->group_out);

    if (shape->fires)
        go->kernel->fire(&group->matrix, &rule, go->work.rows, go->n, shape->n_words,
                         go->work.fired, fired_words);
    else
        go->kernel->counts(&group->matrix, go->work.rows, go->n, shape->n_words,
                           go->work.counts);
    for (size_t k = 0; k < go->n; k++) {
        if (shape->fires)
            put_fired(go, go->work.fired + k * fired_words, go->work.places[k]);
        else
            logit_row(go->binary, go->g, go->work.counts + k * shape->n_lanes,
                      reals_of(go, go->work.places[k]));
    }
}

static void finish_twice(struct go *go)
{
    const struct shape *shape = &go->binary->shape;
    const struct group *group = &go->binary->groups[go->g];

    go->kernel->counts(&group->matrix, go->work.rows, 2 * go->n, shape->n_words,
                       go->work.counts);
    for (size_t k = 0; k < go->n; k++) {
        const int32_t *counts = go->work.counts + 2 * k * shape->n_lanes;

        if (shape->fires) {
            fire_twice(go->binary, go->g, counts, go->work.fired);
            put_fired(go, go->work.fired, go->work.places[k]);
        } else {
            logit_twice(go->binary, go->g, counts, reals_of(go, go->work.places[k]));
        }
    }
}

static void finish(struct go *go)
{
    if (go->n > 0) {
        if (go->twice)
            finish_twice(go);
        else
            finish_bits(go);
    }
    go->n = 0;
}

static void gather(struct go *go, const struct infer_map *in, size_t picture,
                   const struct window_taps *rows, const struct window_taps *columns)
{
    const struct infer_binary *binary = go->binary;
    const struct shape *shape = &binary->shape;
    const uint64_t *map = in->bits + picture * in->stride;
    uint64_t *row = go->work.rows + go->n * (go->twice ? 2 : 1) * shape->n_words;

    gather_bits(binary, go->g, in, map, rows, columns,
                binary->padding == NETWORK_PAD_PLUS, row);
    if (go->twice)
        gather_bits(binary, go->g, in, map, rows, columns, true, row + shape->n_words);
}

static bool reaches_out(const struct window_taps *taps, const struct window_side *side)
{
    return taps->first > 0 || taps->end < side->kernel;
}

/* All places of one group, of the windows that reach out or of the others where it makes
 * a difference. */
static void run_places(struct go *go, const struct infer_map *in, size_t n)
{
    const struct shape *shape = &go->binary->shape;
    const struct network_value *out = &go->out->value;
    size_t n_places = infer_places(out);

    for (size_t picture = 0; picture < n; picture++) {
        for (uint32_t y = 0; y < out->height; y++) {
            struct window_taps rows = window_taps(&shape->rows, y);

            for (uint32_t x = 0; x < out->width; x++) {
                struct window_taps columns = window_taps(&shape->columns, x);
                size_t place = picture * n_places + (size_t)y * out->width + x;
                bool out_there = reaches_out(&rows, &shape->rows) ||
                                 reaches_out(&columns, &shape->columns);

                if (shape->kind == NETWORK_VALUE_PIXELS) {
                    run_pixels(go, in, picture, &rows, &columns, place);
                    continue;
                }
                if (shape->twice && out_there != go->twice)
                    continue;
                gather(go, in, picture, &rows, &columns);
                go->work.places[go->n++] = place;
                if (go->n == shape->n_rows)
                    finish(go);
            }
        }
    }
    finish(go);
}

void infer_binary_run(const struct infer_binary *binary, const struct kernel *kernel,
                      const struct infer_map *in, size_t n, void *work,
                      struct infer_map *out)
{
    const struct shape *shape = &binary->shape;
    struct go go = { .binary = binary, .kernel = kernel, .out = out };

    (void)carve(shape, work, &go.work);
    if (shape->direct && shape->kind == NETWORK_VALUE_BITS) {
        direct_bits(binary, kernel, in, n, &go.work, out);
        return;
    }
    if (shape->fires && shape->n_groups > 1)
        memset(out->bits, 0, n * out->stride * sizeof(*out->bits));
    for (go.g = 0; go.g < shape->n_groups; go.g++) {
        go.twice = false;
        run_places(&go, in, n);
        if (shape->twice) {
            go.twice = true;
            run_places(&go, in, n);
        }
    }
}
