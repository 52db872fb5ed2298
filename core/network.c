/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 64
/* Bits of a pixel and of a real: a weight meets each of them. */
#define PIXEL_BITS 8
#define REAL_BITS  32

/* -- Values -- */

static struct network_value picture(const struct network_input *input)
{
    return (struct network_value) {
        .kind =
            input->encoding == NETWORK_PIXELS ? NETWORK_VALUE_PIXELS : NETWORK_VALUE_BITS,
        .height = input->height,
        .width = input->width,
        .channels = input->channels,
    };
}

struct network_value network_value(const struct network *net, size_t v)
{
    return v == 0 ? picture(&net->input) : net->stages[v - 1].out;
}

size_t network_value_size(const struct network_value *value)
{
    return (size_t)value->height * value->width * value->channels;
}

const char *network_op_name(enum network_op op)
{
    static const char *const names[NETWORK_OPS] = {
        [NETWORK_OP_BINARY] = "binary",
        [NETWORK_OP_REAL] = "real",
        [NETWORK_OP_POOL_BITS] = "pool bits",
        [NETWORK_OP_POOL_MAX] = "pool max",
        [NETWORK_OP_POOL_MEAN] = "pool mean",
        [NETWORK_OP_AFFINE] = "affine",
        [NETWORK_OP_SLOPE] = "slope",
        [NETWORK_OP_CLIP] = "clip",
        [NETWORK_OP_SIGN] = "sign",
        [NETWORK_OP_REALS] = "reals",
        [NETWORK_OP_ADD] = "add",
        [NETWORK_OP_CONCAT] = "concat",
    };

    return names[op];
}

uint32_t network_window_out(uint32_t side, uint32_t kernel, uint32_t stride,
                            uint32_t dilation, uint32_t pad_before, uint32_t pad_after)
{
    if (kernel == 0 || stride == 0 || dilation == 0)
        return 0;

    uint64_t padded = (uint64_t)side + pad_before + pad_after;
    uint64_t reach = (uint64_t)dilation * (kernel - 1) + 1;
    uint64_t out = padded < reach ? 0 : (padded - reach) / stride + 1;

    return out > UINT32_MAX ? 0 : (uint32_t)out;
}

/* -- Chains -- */

/* A layer's size, or one that network_check will not find equal to it. */
static uint32_t side_of(size_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static struct network_stage dense_stage(const struct network_value *in, size_t l,
                                        const struct network_layer *layer)
{
    bool fires = layer->kind == NETWORK_FIRE;

    return (struct network_stage) {
        .op = NETWORK_OP_BINARY,
        .in = { (uint32_t)l, 0 },
        .out = { fires ? NETWORK_VALUE_BITS : NETWORK_VALUE_REALS, 1, 1,
                 side_of(layer->n_out) },
        .window = { .kernel_h = in->height,
                    .kernel_w = in->width,
                    .stride_h = 1,
                    .stride_w = 1,
                    .dilation_h = 1,
                    .dilation_w = 1 },
        .groups = 1,
        .layer = (uint32_t)l,
    };
}

static void stages_done(struct network *net)
{
    for (size_t i = 0; net->stages != NULL && i < net->n_stages; i++) {
        free(net->stages[i].a);
        free(net->stages[i].b);
        free(net->stages[i].mask);
    }
    free(net->stages);
    net->stages = NULL;
    net->n_stages = 0;
}

enum status network_chain(struct network *net)
{
    struct network_stage *stages = calloc(net->n_layers, sizeof(*stages));
    struct network_value in = picture(&net->input);

    if (stages == NULL)
        return ST_NOMEM;
    for (size_t l = 0; l < net->n_layers; l++) {
        stages[l] = dense_stage(&in, l, &net->layers[l]);
        in = stages[l].out;
    }
    stages_done(net);
    net->stages = stages;
    net->n_stages = net->n_layers;
    return ST_OK;
}

/* -- Sizes -- */

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

size_t network_layer_stage(const struct network *net, size_t layer)
{
    size_t i = 0;

    while (i < net->n_stages &&
           (net->stages[i].op != NETWORK_OP_BINARY || net->stages[i].layer != layer))
        i++;
    return i;
}

static const struct network_stage *stage_of(const struct network *net, size_t layer)
{
    size_t i = network_layer_stage(net, layer);

    assert(i < net->n_stages);
    return &net->stages[i];
}

uint64_t network_layer_places(const struct network *net, size_t layer)
{
    const struct network_stage *stage = stage_of(net, layer);

    return (uint64_t)stage->out.height * stage->out.width;
}

uint64_t network_layer_bit_operations(const struct network *net, size_t layer)
{
    static const uint64_t bits[] = { [NETWORK_VALUE_PIXELS] = PIXEL_BITS,
                                     [NETWORK_VALUE_BITS] = 1,
                                     [NETWORK_VALUE_REALS] = REAL_BITS };
    struct network_value in = network_value(net, stage_of(net, layer)->in[0]);

    return (uint64_t)net->layers[layer].n_out * net->layers[layer].n_in *
           network_layer_places(net, layer) * bits[in.kind];
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
    stages_done(net);
    for (size_t c = 0; net->labels != NULL && c < net->n_classes; c++)
        free(net->labels[c]);
    free(net->labels);
    free(net->name);
    free(net->description);
    free(net->training);
    free(net->test_set);
    free(net);
}
