/* SPDX-License-Identifier: Apache-2.0 */
/* Binary weights moved over a map of pixels or bits by the kernels that know windows:
 * picture by picture, nothing is gathered. */
#include "core/infer_stage.h"
#include "core/kernel_conv.h"
#include "core/kernel_pixels.h"

#include <stdlib.h>

#define ALIGNMENT 64
/* Instructions: of one vector of weights that is met, in halves; of one tap that is
 * gathered instead. */
#define VECTOR_HALVES 5
#define TAP_HALVES    30
/* Limits are kept for each class of places: so many of them at most, and so many times
 * the pixels in a picture with its border. */
#define MAX_LIMITS  ((size_t)1 << 22)
#define MAX_BORDERS 4

struct infer_window {
    const struct network_layer *layer; /* borrowed */
    enum network_value_kind kind;      /* of the input: which of these is made */
    struct kernel_conv conv;
    struct kernel_pixels pixels;
};

static struct kernel_shape shape_of(const struct network *net,
                                    const struct network_stage *stage)
{
    struct network_value in = network_value(net, stage->in[0]);

    return (struct kernel_shape) { in.height,           in.width,      in.channels,
                                   stage->out.channels, stage->groups, stage->window };
}

/* Weights with a tail at each tap are longer than gathered ones without. */
static bool worth_it(const struct kernel_shape *shape)
{
    size_t n_taps = (size_t)shape->window.kernel_h * shape->window.kernel_w;
    size_t tap_words = bits_words(shape->channels / shape->groups);
    size_t n_blocks = (shape->n_out / shape->groups + KERNEL_LANES - 1) / KERNEL_LANES;
    size_t spared = n_taps * tap_words - bits_words(kernel_shape_fan_in(shape));

    return spared * n_blocks * VECTOR_HALVES <= n_taps * tap_words * TAP_HALVES;
}

static bool takes_bits(const struct kernel_shape *shape)
{
    const struct network_window *w = &shape->window;
    size_t rows = kernel_shape_height(shape), columns = kernel_shape_width(shape);

    if (rows > 2 * (size_t)w->kernel_h + 1)
        rows = 2 * (size_t)w->kernel_h + 1;
    if (columns > 2 * (size_t)w->kernel_w + 1)
        columns = 2 * (size_t)w->kernel_w + 1;
    return kernel_conv_aligned(shape) && worth_it(shape) &&
           rows * columns <= MAX_LIMITS / shape->n_out;
}

static bool takes_pixels(const struct kernel_shape *shape)
{
    size_t n_pixels = shape->height * shape->width * shape->channels;

    return kernel_pixels_scratch(shape) <=
           (n_pixels / sizeof(uint64_t) + ALIGNMENT) * MAX_BORDERS;
}

bool infer_window_takes(const struct network *net, const struct network_stage *stage)
{
    struct network_value in = network_value(net, stage->in[0]);

    if (stage->op != NETWORK_OP_BINARY || in.kind == NETWORK_VALUE_REALS ||
        infer_is_dense(net, stage))
        return false;

    const struct kernel_shape shape = shape_of(net, stage);
    if (kernel_shape_check(&shape) != ST_OK)
        return false;
    return in.kind == NETWORK_VALUE_BITS ? takes_bits(&shape) : takes_pixels(&shape);
}

enum status infer_window_new(const struct network *net, const struct network_stage *stage,
                             const uint64_t *bits, struct infer_window **ret_window)
{
    const struct network_layer *layer = &net->layers[stage->layer];
    const struct kernel_shape shape = shape_of(net, stage);
    bool fires = layer->kind == NETWORK_FIRE;
    const int32_t *threshold = fires ? layer->threshold : NULL;
    const uint64_t *falling = fires ? layer->falling : NULL;
    struct infer_window *window = calloc(1, sizeof(*window));
    enum status st;

    if (window == NULL)
        return ST_NOMEM;
    window->layer = layer;
    window->kind = network_value(net, stage->in[0]).kind;
    if (window->kind == NETWORK_VALUE_BITS)
        st = kernel_conv_init(&window->conv, &shape, stage->padding, bits, threshold,
                              falling);
    else
        st = kernel_pixels_init(&window->pixels, &shape, bits, threshold, falling);
    if (st != ST_OK) {
        infer_window_free(window);
        return st;
    }
    *ret_window = window;
    return ST_OK;
}

void infer_window_free(struct infer_window *window)
{
    if (window == NULL)
        return;
    kernel_conv_done(&window->conv);
    kernel_pixels_done(&window->pixels);
    free(window);
}

static size_t scratch_size(const struct kernel_shape *shape)
{
    size_t size = kernel_pixels_scratch(shape) * sizeof(uint64_t);

    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Pixels: the picture with its border, and sums that become logits. */
size_t infer_window_work(const struct network *net, const struct network_stage *stage)
{
    const struct kernel_shape shape = shape_of(net, stage);

    if (network_value(net, stage->in[0]).kind == NETWORK_VALUE_BITS)
        return 0;
    if (net->layers[stage->layer].kind == NETWORK_FIRE)
        return scratch_size(&shape);
    size_t sums = network_value_size(&stage->out) * sizeof(int32_t);
    return scratch_size(&shape) + (sums + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void run_bits(const struct infer_window *window, const struct kernel *kernel,
                     const uint64_t *x, struct infer_map *out, size_t picture)
{
    const struct network_layer *layer = window->layer;

    if (layer->kind == NETWORK_FIRE)
        kernel_conv_fire(&window->conv, kernel, x, out->bits + picture * out->stride);
    else
        kernel_conv_scaled(&window->conv, kernel, x, layer->scale, layer->bias,
                           out->reals + picture * out->stride);
}

static void run_pixels(const struct infer_window *window, const struct kernel *kernel,
                       const uint8_t *x, void *work, struct infer_map *out,
                       size_t picture)
{
    const struct network_layer *layer = window->layer;
    size_t n_out = out->value.channels, n = network_value_size(&out->value);

    if (layer->kind == NETWORK_FIRE) {
        kernel_pixels_fire(&window->pixels, kernel, x, work,
                           out->bits + picture * out->stride);
        return;
    }

    int32_t *sums =
        (int32_t *)(void *)((uint8_t *)work + scratch_size(&window->pixels.shape));
    float *reals = out->reals + picture * out->stride;
    kernel_pixels_sums(&window->pixels, kernel, x, work, sums);
    for (size_t i = 0; i < n; i += n_out) {
        for (size_t j = 0; j < n_out; j++)
            reals[i + j] = (float)((double)layer->scale[j] * (double)sums[i + j] +
                                   (double)layer->bias[j]);
    }
}

void infer_window_run(const struct infer_window *window, const struct kernel *kernel,
                      const struct infer_map *in, size_t n, void *work,
                      struct infer_map *out)
{
    for (size_t i = 0; i < n; i++) {
        if (window->kind == NETWORK_VALUE_BITS)
            run_bits(window, kernel, in->bits + i * in->stride, out, i);
        else
            run_pixels(window, kernel, in->pixels + i * in->stride, work, out, i);
    }
}
