/* SPDX-License-Identifier: Apache-2.0 */
/* Products of reals, in single precision and in the order of kernel_reals.h. Bits and
 * pixels become reals first, picture by picture. */
#include "core/infer_stage.h"
#include "core/kernel_reals.h"

#include <stdlib.h>

#define ALIGNMENT 64

struct infer_real {
    const struct network_layer *layer; /* borrowed; NULL: real weights */
    struct kernel_reals kernel;
};

static struct kernel_shape shape_of(const struct network *net,
                                    const struct network_stage *stage)
{
    struct network_value in = network_value(net, stage->in[0]);

    return (struct kernel_shape) { in.height,           in.width,      in.channels,
                                   stage->out.channels, stage->groups, stage->window };
}

/* n_out rows of bits as +-1. */
static float *signs_of(const uint64_t *bits, size_t n_out, size_t n_in)
{
    float *signs = calloc(n_out, n_in * sizeof(*signs));

    for (size_t i = 0; signs != NULL && i < n_out * n_in; i++)
        signs[i] = bits_get(bits + i / n_in * bits_words(n_in), i % n_in) ? 1.0F : -1.0F;
    return signs;
}

enum status infer_real_new(const struct network *net, const struct network_stage *stage,
                           const uint64_t *bits, struct infer_real **ret_real)
{
    const struct kernel_shape shape = shape_of(net, stage);
    struct infer_real *real = calloc(1, sizeof(*real));
    float *signs = NULL;
    enum status st = real == NULL ? ST_NOMEM : ST_OK;

    if (st == ST_OK && bits != NULL) {
        real->layer = &net->layers[stage->layer];
        signs = signs_of(bits, shape.n_out, kernel_shape_fan_in(&shape));
        st = signs == NULL ? ST_NOMEM : ST_OK;
    }
    if (st == ST_OK)
        st = kernel_reals_init(&real->kernel, &shape, bits == NULL ? stage->a : signs,
                               bits == NULL ? stage->b : NULL);
    free(signs);
    if (st != ST_OK) {
        infer_real_free(real);
        return st;
    }
    *ret_real = real;
    return ST_OK;
}

void infer_real_free(struct infer_real *real)
{
    if (real == NULL)
        return;
    kernel_reals_done(&real->kernel);
    free(real);
}

size_t infer_real_work(const struct network *net, const struct network_stage *stage)
{
    struct network_value in = network_value(net, stage->in[0]);
    size_t size = network_value_size(&in) * sizeof(float);

    if (in.kind == NETWORK_VALUE_REALS)
        return 0;
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void reals_of_bits(const struct network_value *value, const uint64_t *bits,
                          float *ret)
{
    for (size_t i = 0; i < infer_places(value); i++, bits += bits_words(value->channels))
        for (size_t c = 0; c < value->channels; c++)
            *ret++ = bits_get(bits, c) ? 1.0F : -1.0F;
}

/* One picture's map as reals: its own, or made in `work`. */
static const float *reals_in(const struct infer_map *in, size_t picture, float *work)
{
    switch (in->value.kind) {
    case NETWORK_VALUE_REALS:
        return in->reals + picture * in->stride;
    case NETWORK_VALUE_BITS:
        reals_of_bits(&in->value, in->bits + picture * in->stride, work);
        return work;
    case NETWORK_VALUE_PIXELS:
        for (size_t i = 0; i < in->stride; i++)
            work[i] = in->pixels[picture * in->stride + i];
        return work;
    }
    return work;
}

void infer_real_run(const struct infer_real *real, const struct kernel *kernel,
                    const struct infer_map *in, size_t n, void *work,
                    struct infer_map *out)
{
    const struct network_layer *layer = real->layer;
    size_t n_out = out->value.channels;

    for (size_t picture = 0; picture < n; picture++) {
        float *y = out->reals + picture * out->stride;

        kernel_reals_run(&real->kernel, kernel, reals_in(in, picture, work), y);
        for (size_t i = 0; i < out->stride && layer != NULL; i++) {
            size_t j = i % n_out;
            y[i] =
                (float)((double)layer->scale[j] * (double)y[i] + (double)layer->bias[j]);
        }
    }
}
