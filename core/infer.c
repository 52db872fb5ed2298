/* SPDX-License-Identifier: Apache-2.0 */
#include "core/infer.h"

#include "core/bits.h"
#include "core/infer_input.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIXEL_MAX 255
/* Pictures that go through the layers together: enough for the kernels to share weight
 * loads, few enough that what lies between two layers stays in L2. */
#define CHUNK_MAX   64
#define CHUNK_MIN   8
#define CHUNK_BYTES ((size_t)256 << 10)

/* -- Weights -- */

struct layer {
    struct kernel_matrix matrix;
    int64_t
        *limit; /* [8 * n_blocks], NETWORK_FIRE: see kernel.h; pixels: of weighted sums */
    uint8_t *invert; /* [n_blocks], NETWORK_FIRE */
    int64_t *top;    /* [n_out], pixels: the sum where nothing differs */
};

struct infer_weights {
    const struct network *net;   /* borrowed */
    const struct kernel *kernel; /* borrowed */
    struct layer *layers;        /* [net->n_layers] */
};

static bool takes_pixels(const struct network *net, size_t l)
{
    return l == 0 && net->input.encoding == NETWORK_PIXELS;
}

/* Largest integer <= a / 2; C rounds towards zero. */
static int64_t floor_half(int64_t a)
{
    return a >= 0 ? a / 2 : -((1 - a) / 2);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

/* With +-1 inputs s = K - 2 m: s >= t is m <= floor((K - t) / 2), and s <= t is not
 * s >= t + 1. */
static int64_t limit_of_mismatches(size_t n_in, int64_t threshold, bool falling)
{
    int64_t k = (int64_t)n_in;

    return clamp(floor_half(k - threshold - falling), -1, k);
}

/* With pixels s = top - M: s >= t is M <= top - t, and s <= t is not s >= t + 1. */
static int64_t limit_of_weighted(size_t n_in, int64_t top, int64_t threshold,
                                 bool falling)
{
    return clamp(top - threshold - falling, -1, PIXEL_MAX * (int64_t)n_in);
}

static void fill_top(struct layer *layer, const struct network_layer *from,
                     const uint64_t *bits)
{
    size_t n_words = bits_words(from->n_in);

    for (size_t j = 0; j < from->n_out; j++)
        layer->top[j] = PIXEL_MAX * (int64_t)bits_count(bits + j * n_words, n_words);
}

static void fill_rule(struct layer *layer, const struct network_layer *from)
{
    size_t n_lanes = layer->matrix.n_blocks * KERNEL_LANES;

    for (size_t j = 0; j < from->n_out; j++) {
        bool falling = bits_get(from->falling, j);
        int64_t threshold = from->threshold[j];

        layer->limit[j] =
            layer->top != NULL
                ? limit_of_weighted(from->n_in, layer->top[j], threshold, falling)
                : limit_of_mismatches(from->n_in, threshold, falling);
        if (falling)
            layer->invert[j / KERNEL_LANES] |= (uint8_t)(1U << (j % KERNEL_LANES));
    }
    for (size_t j = from->n_out; j < n_lanes; j++)
        layer->limit[j] = -1;
}

static enum status layer_init(struct layer *layer, const struct network *net, size_t l,
                              const uint64_t *bits)
{
    const struct network_layer *from = &net->layers[l];
    enum status st = kernel_matrix_init(&layer->matrix, bits, from->n_out, from->n_in);

    if (st != ST_OK)
        return st;
    if (takes_pixels(net, l)) {
        layer->top = calloc(from->n_out, sizeof(*layer->top));
        if (layer->top == NULL)
            return ST_NOMEM;
        fill_top(layer, from, bits);
    }
    if (from->kind != NETWORK_FIRE)
        return ST_OK;

    layer->limit = calloc(layer->matrix.n_blocks * KERNEL_LANES, sizeof(*layer->limit));
    layer->invert = calloc(layer->matrix.n_blocks, sizeof(*layer->invert));
    if (layer->limit == NULL || layer->invert == NULL)
        return ST_NOMEM;
    fill_rule(layer, from);
    return ST_OK;
}

enum status infer_weights_new(const struct network *net, const struct kernel *kernel,
                              const uint64_t *const *layer_bits,
                              struct infer_weights **ret_weights)
{
    enum status st = ST_OK;
    struct infer_weights *weights = calloc(1, sizeof(*weights));

    if (weights == NULL)
        return ST_NOMEM;
    weights->net = net;
    weights->kernel = kernel;
    weights->layers = calloc(net->n_layers, sizeof(*weights->layers));
    if (weights->layers == NULL)
        st = ST_NOMEM;
    for (size_t l = 0; st == ST_OK && l < net->n_layers; l++)
        st = layer_init(&weights->layers[l], net, l, layer_bits[l]);
    if (st != ST_OK) {
        infer_weights_free(weights);
        return st;
    }
    *ret_weights = weights;
    return ST_OK;
}

void infer_weights_free(struct infer_weights *weights)
{
    if (weights == NULL)
        return;
    for (size_t l = 0; weights->layers != NULL && l < weights->net->n_layers; l++) {
        kernel_matrix_done(&weights->layers[l].matrix);
        free(weights->layers[l].limit);
        free(weights->layers[l].invert);
        free(weights->layers[l].top);
    }
    free(weights->layers);
    free(weights);
}

/* -- Scratch -- */

struct infer_scratch {
    size_t max_batch;
    size_t chunk;
    size_t row_words;  /* of the widest layer's input */
    uint64_t *rows[2]; /* [chunk][row_words] each: what comes in and what goes out */
    size_t n_planes;   /* words of one picture's planes; 0 if it is binarised */
    uint64_t *planes;  /* [chunk][n_planes] */
    int32_t *counts;
};

static size_t lanes_of(size_t n_out)
{
    return (n_out + KERNEL_LANES - 1) / KERNEL_LANES * KERNEL_LANES;
}

static void size_scratch(struct infer_scratch *scratch, const struct network *net)
{
    bool pixels = takes_pixels(net, 0);

    scratch->n_planes = pixels ? KERNEL_PLANES * bits_words(network_inputs(net)) : 0;
    scratch->row_words = 1;
    for (size_t l = pixels; l < net->n_layers; l++) {
        size_t n_words = bits_words(net->layers[l].n_in);
        if (n_words > scratch->row_words)
            scratch->row_words = n_words;
    }

    size_t picture_words = 2 * scratch->row_words + scratch->n_planes;
    scratch->chunk = CHUNK_BYTES / sizeof(uint64_t) / picture_words;
    if (scratch->chunk < CHUNK_MIN)
        scratch->chunk = CHUNK_MIN;
    if (scratch->chunk > CHUNK_MAX)
        scratch->chunk = CHUNK_MAX;
    if (scratch->chunk > scratch->max_batch)
        scratch->chunk = scratch->max_batch;
}

/* The last layer's for a chunk; if it takes pixels, those of one picture's planes. */
static size_t counts_needed(const struct infer_scratch *scratch,
                            const struct network *net)
{
    size_t last = net->n_layers - 1;
    size_t n_rows = takes_pixels(net, last) ? KERNEL_PLANES : scratch->chunk;

    return n_rows * lanes_of(net->layers[last].n_out);
}

enum status infer_scratch_new(const struct network *net, size_t max_batch,
                              struct infer_scratch **ret_scratch)
{
    if (max_batch == 0 || max_batch > INFER_MAX_BATCH)
        return ST_RANGE;

    struct infer_scratch *scratch = calloc(1, sizeof(*scratch));
    if (scratch == NULL)
        return ST_NOMEM;
    scratch->max_batch = max_batch;
    size_scratch(scratch, net);

    size_t n_words = scratch->chunk * scratch->row_words;
    scratch->rows[0] = calloc(n_words, sizeof(uint64_t));
    scratch->rows[1] = calloc(n_words, sizeof(uint64_t));
    scratch->planes = calloc(scratch->chunk * scratch->n_planes + 1, sizeof(uint64_t));
    scratch->counts = calloc(counts_needed(scratch, net), sizeof(int32_t));
    if (scratch->rows[0] == NULL || scratch->rows[1] == NULL || scratch->planes == NULL ||
        scratch->counts == NULL) {
        infer_scratch_free(scratch);
        return ST_NOMEM;
    }
    *ret_scratch = scratch;
    return ST_OK;
}

void infer_scratch_free(struct infer_scratch *scratch)
{
    if (scratch == NULL)
        return;
    free(scratch->rows[0]);
    free(scratch->rows[1]);
    free(scratch->planes);
    free(scratch->counts);
    free(scratch);
}

/* -- The forward pass -- */

/* With m_b the mismatches of a row with bit plane b of the pixels and `ones` the +1
 * weights of the row: of the inputs whose bit b is set, (ones - m_b) more meet +1 than
 * meet -1. So s = sum of 2^b (ones - m_b) = 255 ones - M with M = sum of 2^b m_b. */
static void logit_pixels(const struct infer_weights *weights,
                         struct infer_scratch *scratch, const uint8_t *pixels,
                         float *ret_logits)
{
    const struct network_layer *from = &weights->net->layers[0];
    const struct layer *layer = &weights->layers[0];
    size_t n_lanes = layer->matrix.n_blocks * KERNEL_LANES;

    infer_input_planes(pixels, from->n_in, scratch->planes);
    weights->kernel->counts(&layer->matrix, scratch->planes, KERNEL_PLANES,
                            layer->matrix.n_words, scratch->counts);
    for (size_t j = 0; j < from->n_out; j++) {
        int64_t s = layer->top[j];

        for (size_t b = 0; b < KERNEL_PLANES; b++)
            s -= (int64_t)scratch->counts[b * n_lanes + j] << b;
        ret_logits[j] =
            (float)((double)from->scale[j] * (double)s + (double)from->bias[j]);
    }
}

static void logit_rows(const struct infer_weights *weights, struct infer_scratch *scratch,
                       const uint64_t *rows, size_t n, float *ret_logits)
{
    size_t l = weights->net->n_layers - 1;
    const struct network_layer *from = &weights->net->layers[l];
    const struct kernel_matrix *matrix = &weights->layers[l].matrix;

    weights->kernel->counts(matrix, rows, n, scratch->row_words, scratch->counts);
    for (size_t i = 0; i < n; i++) {
        const int32_t *m = scratch->counts + i * matrix->n_blocks * KERNEL_LANES;

        for (size_t j = 0; j < from->n_out; j++) {
            int64_t s = (int64_t)from->n_in - 2 * (int64_t)m[j];
            *ret_logits++ =
                (float)((double)from->scale[j] * (double)s + (double)from->bias[j]);
        }
    }
}

/* The first hidden layer from the pixels; what it fires is left in `rows`. */
static void fire_pixels(const struct infer_weights *weights,
                        struct infer_scratch *scratch, const uint8_t *pixels, size_t n,
                        uint64_t *rows)
{
    const struct layer *layer = &weights->layers[0];
    const struct kernel_matrix *matrix = &layer->matrix;
    const struct kernel_rule rule = { .limit = layer->limit, .invert = layer->invert };

    for (size_t i = 0; i < n; i++)
        infer_input_planes(pixels + i * matrix->n_in, matrix->n_in,
                           scratch->planes + i * scratch->n_planes);
    weights->kernel->fire_planes(matrix, &rule, scratch->planes, n, matrix->n_words, rows,
                                 scratch->row_words);
}

/* One chunk: pixels to bits, bits from layer to layer, the last one to logits. */
static void run_chunk(const struct infer_weights *weights, struct infer_scratch *scratch,
                      const uint8_t *pixels, size_t n, float *ret_logits)
{
    const struct network *net = weights->net;
    size_t n_inputs = network_inputs(net);
    uint64_t *in = scratch->rows[0], *out = scratch->rows[1];
    size_t l = 0;

    if (takes_pixels(net, 0)) {
        fire_pixels(weights, scratch, pixels, n, in);
        l = 1;
    } else {
        for (size_t i = 0; i < n; i++)
            infer_input_binary(pixels + i * n_inputs, n_inputs, net->input.threshold,
                               in + i * scratch->row_words);
    }
    for (; l + 1 < net->n_layers; l++) {
        const struct layer *layer = &weights->layers[l];
        const struct kernel_rule rule = { .limit = layer->limit,
                                          .invert = layer->invert };

        weights->kernel->fire(&layer->matrix, &rule, in, n, scratch->row_words, out,
                              scratch->row_words);
        uint64_t *swap = in;
        in = out;
        out = swap;
    }
    logit_rows(weights, scratch, in, n, ret_logits);
}

void infer_run(const struct infer_weights *weights, struct infer_scratch *scratch,
               const uint8_t *pixels, size_t n, float *ret_logits)
{
    const struct network *net = weights->net;
    size_t n_inputs = network_inputs(net);

    assert(n >= 1 && n <= scratch->max_batch);
    if (net->n_layers == 1 && takes_pixels(net, 0)) {
        for (size_t i = 0; i < n; i++)
            logit_pixels(weights, scratch, pixels + i * n_inputs,
                         ret_logits + i * net->n_classes);
        return;
    }
    for (size_t i = 0; i < n; i += scratch->chunk) {
        size_t n_chunk = n - i < scratch->chunk ? n - i : scratch->chunk;

        run_chunk(weights, scratch, pixels + i * n_inputs, n_chunk,
                  ret_logits + i * net->n_classes);
    }
}

/* -- What the logits say -- */

void infer_rank(const float *logits, size_t n_classes, size_t top, uint32_t *ret_classes)
{
    size_t n = 0;

    assert(top >= 1 && top <= n_classes);
    for (size_t c = 0; c < n_classes; c++) {
        size_t place = n;

        while (place > 0 && logits[c] > logits[ret_classes[place - 1]])
            place--;
        if (place == top)
            continue;
        if (n < top)
            n++;
        for (size_t i = n - 1; i > place; i--)
            ret_classes[i] = ret_classes[i - 1];
        ret_classes[place] = (uint32_t)c;
    }
}

void infer_probabilities(const float *logits, size_t n_classes, float *ret_p)
{
    float max = logits[0];
    double sum = 0.0;

    for (size_t c = 1; c < n_classes; c++)
        max = logits[c] > max ? logits[c] : max;
    for (size_t c = 0; c < n_classes; c++)
        sum += exp((double)logits[c] - (double)max);
    for (size_t c = 0; c < n_classes; c++)
        ret_p[c] = (float)(exp((double)logits[c] - (double)max) / sum);
}

struct infer_costs infer_costs_default(void)
{
    return (struct infer_costs) { .bit_operation_fj = 8.0,
                                  .threshold_fj = 16.0,
                                  .logit_fj = 1000.0 };
}

double infer_compute_pj(const struct network *net, size_t layer,
                        const struct infer_costs *costs)
{
    const struct network_layer *l = &net->layers[layer];
    bool fires = l->kind == NETWORK_FIRE;

    return ((double)network_layer_bit_operations(net, layer) * costs->bit_operation_fj +
            (double)l->n_out * (fires ? costs->threshold_fj : costs->logit_fj)) /
           1000.0;
}
