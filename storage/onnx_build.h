/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_build.h - from onnx_ir.h to layers and stages of a network.
 *
 * A cut whose map is only read by it, and comes through a tail from binary weights on
 * bits or pixels, becomes the thresholds of that layer. Everything else is kept in real
 * numbers, with affine steps in a row taken together. Internal to storage/onnx_*.
 */
#ifndef STORAGE_ONNX_BUILD_H
#define STORAGE_ONNX_BUILD_H

#include "storage/onnx_ir.h"

struct build {
    struct onnx_context *ctx;
    struct ir *ir;
    struct network *net; /* borrowed: layers and stages are added to it */
    size_t pixel_reals;  /* value: the pixels as reals, or ONNX_NONE */
    unsigned depth;
    bool binarised; /* a cut was built already */
    size_t n_real_layers, n_real_weights;
};

/* Fills in layers, stages and the input's encoding. */
bool onnx_build(struct onnx_context *ctx, struct ir *ir, size_t logits,
                struct network *net, size_t *ret_real_layers, size_t *ret_real_weights);

/* For the parts of it. Values, or ONNX_NONE: refused. */
size_t build_real(struct build *b, size_t node);  /* reals, or the picture's pixels */
size_t build_reals(struct build *b, size_t node); /* reals */
size_t build_bits(struct build *b, size_t levels);

/* A stage that reads in0 (and in1, or ONNX_NONE); NULL: refused. Its value is
 * net->n_stages. Owned by the network. */
struct network_stage *build_stage(struct build *b, const struct onnx_node *from,
                                  enum network_op op, size_t in0, size_t in1,
                                  enum network_value_kind kind, uint32_t h, uint32_t w,
                                  uint32_t c);
/* [n] zeroed, owned by the network's stage or layer; NULL: no memory. */
void *build_array(struct build *b, size_t n, size_t size);
/* The layer of an IR_BINARY node and its stage; NULL: refused. `fires`: thresholds, else
 * scale and bias, are allocated and zero. */
struct network_layer *build_layer(struct build *b, struct ir_node *node, bool fires);

#endif
