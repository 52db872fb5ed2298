/* SPDX-License-Identifier: Apache-2.0 */
#include "core/kernel_conv.h"

#include "core/bits.h"

#include <stdlib.h>
#include <string.h>

#define VECTOR (KERNEL_LANES * sizeof(uint64_t))

static size_t n_lanes(const struct kernel_conv *conv)
{
    return conv->n_blocks * KERNEL_LANES;
}

/* Entries of limit or top for one class of places. */
static size_t class_stride(const struct kernel_conv *conv)
{
    return conv->shape.groups * n_lanes(conv);
}

static size_t n_taps(const struct kernel_conv *conv)
{
    return (size_t)conv->shape.window.kernel_h * conv->shape.window.kernel_w;
}

/* -- Making -- */

/* Word k of a row, where each tap begins a word of its own. */
static uint64_t tap_word(const struct kernel_conv *conv, const uint64_t *row, size_t k)
{
    size_t begin = k % conv->tap_words * BITS_PER_WORD;
    size_t n =
        conv->channels - begin < BITS_PER_WORD ? conv->channels - begin : BITS_PER_WORD;

    return bits_take(row, k / conv->tap_words * conv->channels + begin, n);
}

/* words[block][tap][word][lane] of one group, written in order. */
static void lay_out(const struct kernel_conv *conv, const uint64_t *rows, uint64_t *word)
{
    size_t row_words = bits_words(n_taps(conv) * conv->channels);
    bool whole = conv->channels % BITS_PER_WORD == 0; /* rows are such words already */

    for (size_t block = 0; block < conv->n_blocks; block++) {
        size_t first = block * KERNEL_LANES;
        size_t n =
            conv->n_out - first < KERNEL_LANES ? conv->n_out - first : KERNEL_LANES;

        for (size_t k = 0; k < conv->n_words; k++, word += KERNEL_LANES) {
            for (size_t lane = 0; lane < KERNEL_LANES; lane++) {
                const uint64_t *row = rows + (first + lane) * row_words;
                word[lane] = lane >= n ? 0 : whole ? row[k] : tap_word(conv, row, k);
            }
        }
    }
}

static void fill_offsets(struct kernel_conv *conv)
{
    const struct network_window *window = &conv->shape.window;

    for (size_t k = 0; k < conv->n_words; k++) {
        size_t tap = k / conv->tap_words;
        size_t row = tap / window->kernel_w * window->dilation_h;
        size_t column = tap % window->kernel_w * window->dilation_w;

        conv->offset[k] =
            (row * conv->shape.width + column) * conv->x_place + k % conv->tap_words;
    }
}

/* sum[r][c]: ones of one output's taps above row r and left of column c. */
static void sum_ones(const struct kernel_conv *conv, const uint64_t *row, uint32_t *sum)
{
    size_t width = conv->shape.window.kernel_w, at = 0;

    memset(sum, 0, (width + 1) * sizeof(*sum));
    for (size_t r = 1; r <= conv->shape.window.kernel_h; r++) {
        uint32_t *line = sum + r * (width + 1), in_row = 0;

        line[0] = 0;
        for (size_t c = 1; c <= width; c++) {
            for (size_t left = conv->channels; left > 0;) {
                size_t n = left < BITS_PER_WORD ? left : BITS_PER_WORD;
                in_row += (uint32_t)__builtin_popcountll(bits_take(row, at, n));
                at += n;
                left -= n;
            }
            line[c] = line[c - (width + 1)] + in_row;
        }
    }
}

/* Inputs inside, and what s is where none of them differs. */
struct place_class {
    int64_t n_in, top;
};

static struct place_class class_of(const struct kernel_conv *conv, const uint32_t *ones,
                                   enum network_padding padding, size_t row_class,
                                   size_t column_class)
{
    struct kernel_span r = conv->rows.span[row_class];
    struct kernel_span c = conv->columns.span[column_class];
    size_t stride = conv->shape.window.kernel_w + 1;
    int64_t all = (int64_t)(n_taps(conv) * conv->channels);
    int64_t n_in = (int64_t)(r.to - r.from) * (c.to - c.from) * (int64_t)conv->channels;
    struct place_class made = { n_in, n_in };

    if (padding == NETWORK_PAD_ZERO)
        return made;
    int64_t ones_in = (int64_t)ones[r.to * stride + c.to] +
                      ones[r.from * stride + c.from] - ones[r.from * stride + c.to] -
                      ones[r.to * stride + c.from];
    int64_t ones_out =
        (int64_t)ones[n_taps(conv) + stride - 1 + conv->shape.window.kernel_h] - ones_in;
    int64_t differ = padding == NETWORK_PAD_MINUS ? ones_out : all - n_in - ones_out;
    made.top = all - 2 * differ;
    return made;
}

/* Output j of all, in every class. */
static void fill_output(struct kernel_conv *conv, const uint32_t *ones,
                        enum network_padding padding, size_t j, const int32_t *threshold,
                        const uint64_t *falling)
{
    size_t lane = j / conv->n_out * n_lanes(conv) + j % conv->n_out;

    for (size_t i = 0; i < conv->rows.n_classes * conv->columns.n_classes; i++) {
        size_t at = i * class_stride(conv) + lane;
        struct place_class class =
            class_of(conv, ones, padding, i / conv->columns.n_classes,
                     i % conv->columns.n_classes);

        if (threshold == NULL)
            conv->top[at] = (int32_t) class.top;
        else
            conv->limit[at] =
                kernel_limit(class.top, class.n_in, threshold[j], bits_get(falling, j));
    }
    if (threshold != NULL && bits_get(falling, j))
        conv->invert[lane / KERNEL_LANES] |= (uint8_t)(1U << (lane % KERNEL_LANES));
}

static enum status fill_classes(struct kernel_conv *conv, enum network_padding padding,
                                const uint64_t *rows, const int32_t *threshold,
                                const uint64_t *falling)
{
    size_t row_words = bits_words(n_taps(conv) * conv->channels);
    size_t n_entries = conv->rows.n_classes * conv->columns.n_classes;
    const struct network_window *window = &conv->shape.window;
    uint32_t *ones = calloc((size_t)window->kernel_h + 1,
                            ((size_t)window->kernel_w + 1) * sizeof(*ones));

    if (__builtin_mul_overflow(n_entries, class_stride(conv), &n_entries)) {
        free(ones);
        return ST_RANGE;
    }
    if (threshold == NULL) {
        conv->top = calloc(n_entries, sizeof(*conv->top));
    } else {
        conv->limit = malloc(n_entries <= SIZE_MAX / sizeof(*conv->limit)
                                 ? n_entries * sizeof(*conv->limit)
                                 : SIZE_MAX);
        conv->invert = calloc(conv->shape.groups, conv->n_blocks);
    }
    if (ones == NULL || (threshold == NULL && conv->top == NULL) ||
        (threshold != NULL && (conv->limit == NULL || conv->invert == NULL))) {
        free(ones);
        return ST_NOMEM;
    }
    for (size_t i = 0; i < n_entries && threshold != NULL; i++)
        conv->limit[i] = -1;
    for (size_t j = 0; j < conv->shape.n_out; j++) {
        if (padding != NETWORK_PAD_ZERO)
            sum_ones(conv, rows + j * row_words, ones);
        fill_output(conv, ones, padding, j, threshold, falling);
    }
    free(ones);
    return ST_OK;
}

static enum status make(struct kernel_conv *conv, enum network_padding padding,
                        const uint64_t *rows, const int32_t *threshold,
                        const uint64_t *falling)
{
    size_t row_words = bits_words(n_taps(conv) * conv->channels);
    size_t group_words, n_words;
    enum status st = kernel_axis_rows(&conv->rows, &conv->shape);

    if (st == ST_OK)
        st = kernel_axis_columns(&conv->columns, &conv->shape);
    if (st != ST_OK)
        return st;
    if (__builtin_mul_overflow(conv->n_blocks * conv->n_words, VECTOR, &group_words) ||
        __builtin_mul_overflow(group_words, conv->shape.groups, &n_words))
        return ST_RANGE;
    group_words /= sizeof(uint64_t);

    conv->words = aligned_alloc(VECTOR, n_words);
    conv->offset = calloc(conv->n_words, sizeof(*conv->offset));
    if (conv->words == NULL || conv->offset == NULL)
        return ST_NOMEM;
    for (size_t g = 0; g < conv->shape.groups; g++)
        lay_out(conv, rows + g * conv->n_out * row_words, conv->words + g * group_words);
    fill_offsets(conv);
    return fill_classes(conv, padding, rows, threshold, falling);
}

bool kernel_conv_aligned(const struct kernel_shape *shape)
{
    return shape->groups == 1 || (shape->channels / shape->groups % BITS_PER_WORD == 0 &&
                                  shape->n_out / shape->groups % KERNEL_LANES == 0);
}

enum status kernel_conv_init(struct kernel_conv *conv, const struct kernel_shape *shape,
                             enum network_padding padding, const uint64_t *rows,
                             const int32_t *threshold, const uint64_t *falling)
{
    enum status st = kernel_shape_check(shape);

    if (st != ST_OK)
        return st;
    if (!kernel_conv_aligned(shape))
        return ST_RANGE;

    struct kernel_conv made = {
        .shape = *shape,
        .channels = shape->channels / shape->groups,
        .n_out = shape->n_out / shape->groups,
        .x_place = bits_words(shape->channels),
    };
    made.n_blocks = made.n_out / KERNEL_LANES + (made.n_out % KERNEL_LANES != 0);
    made.tap_words = bits_words(made.channels);
    made.n_words = n_taps(&made) * made.tap_words;
    st = make(&made, padding, rows, threshold, falling);
    if (st != ST_OK) {
        kernel_conv_done(&made);
        return st;
    }
    *conv = made;
    return ST_OK;
}

void kernel_conv_done(struct kernel_conv *conv)
{
    kernel_axis_done(&conv->rows);
    kernel_axis_done(&conv->columns);
    free(conv->words);
    free(conv->offset);
    free(conv->limit);
    free(conv->top);
    free(conv->invert);
    *conv = (struct kernel_conv) { 0 };
}

/* -- Running: group by group -- */

static struct kernel_conv_job job_of(const struct kernel_conv *conv, size_t g,
                                     const uint64_t *x)
{
    return (struct kernel_conv_job) {
        .conv = conv,
        .words = conv->words + g * conv->n_blocks * conv->n_words * KERNEL_LANES,
        .x = x + g * conv->channels / BITS_PER_WORD,
        .class_stride = class_stride(conv),
    };
}

void kernel_conv_fire(const struct kernel_conv *conv, const struct kernel *kernel,
                      const uint64_t *x, uint64_t *ret_y)
{
    size_t n_places = conv->rows.n_out * conv->columns.n_out;
    size_t y_words = bits_words(conv->shape.n_out);

    if (conv->shape.groups * conv->n_blocks % sizeof(uint64_t) != 0)
        memset(ret_y, 0, n_places * y_words * sizeof(*ret_y));
    for (size_t g = 0; g < conv->shape.groups; g++) {
        struct kernel_conv_job job = job_of(conv, g, x);

        job.limit = conv->limit + g * n_lanes(conv);
        job.invert = conv->invert + g * conv->n_blocks;
        job.y = ret_y;
        job.y_place = y_words;
        job.y_block = g * conv->n_blocks;
        kernel->conv(&job);
    }
}

void kernel_conv_scaled(const struct kernel_conv *conv, const struct kernel *kernel,
                        const uint64_t *x, const float *scale, const float *bias,
                        float *ret_y)
{
    for (size_t g = 0; g < conv->shape.groups; g++) {
        struct kernel_conv_job job = job_of(conv, g, x);

        job.top = conv->top + g * n_lanes(conv);
        job.scale = scale + g * conv->n_out;
        job.bias = bias + g * conv->n_out;
        job.scaled = ret_y + g * conv->n_out;
        job.scaled_place = conv->shape.n_out;
        kernel->conv(&job);
    }
}
