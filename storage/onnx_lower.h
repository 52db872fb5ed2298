/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_lower.h - from the nodes of the file to onnx_ir.h, one function per operator.
 *
 * Internal to storage/onnx_*. A function that gives false has refused.
 */
#ifndef STORAGE_ONNX_LOWER_H
#define STORAGE_ONNX_LOWER_H

#include "storage/onnx_ir.h"
#include "storage/onnx_view.h"

/* What is accepted of constants in a tail. */
#define ONNX_PER_CHANNEL                                                                 \
    "one number for each channel, also behind a Flatten: normalise in front of it"

/* A computed tensor of the file. */
struct lowered {
    size_t ir;
    struct onnx_view view;
    bool is_bool;
};

struct lower {
    struct onnx_context *ctx;
    struct onnx_graph *graph;
    struct ir ir;
    struct lowered **maps; /* arena, by value; NULL: constant, or not needed */
    bool *live;            /* arena, by node */
    struct network_input *input;
    bool layout_known;
};

/* Lowers all that the outputs need; *ret_logits is the node they come from. */
bool onnx_lower(struct onnx_context *ctx, struct onnx_graph *graph,
                struct network_input *input, struct ir *ret_ir, size_t *ret_logits);

/* The picture as the network's contract says, as value graph->input (onnx_input.c). */
bool lower_input(struct lower *l);

/* Input i as a map. NULL: refused, it is constant or left out. */
const struct lowered *lower_in(struct lower *l, const struct onnx_node *node, size_t i);
static inline struct ir_node *lower_ir(const struct lower *l, const struct lowered *x)
{
    return l->ir.nodes[x->ir];
}
/* Constant input i, of floats or integers, as one finite number for each channel of `x`;
 * arena; NULL: refused. May add axes to the view. */
float *lower_per_channel(struct lower *l, const struct onnx_node *node, size_t i,
                         struct onnx_view *view);
/* Sets output 0. ir ONNX_NONE: passes a failure on. */
bool lower_out(struct lower *l, const struct onnx_node *node, size_t ir,
               const struct onnx_view *view, bool is_bool);
/* x with `map` applied, as output 0. */
bool lower_apply(struct lower *l, const struct onnx_node *node, const struct lowered *x,
                 const struct onnx_view *view, const struct ir_map *map, bool is_bool);
/* Multiplies or adds one number per channel; ONNX_NONE: refused. */
size_t lower_arithmetic(struct lower *l, const struct onnx_node *node, size_t src,
                        enum ir_op op, float *p);

/* Reads kernel, strides, dilations, pads, auto_pad and ceil_mode of a node that moves a
 * window over h x w. kernel: from the weights, or {0, 0}: the attribute. `ceil_pads`:
 * whether the last places may reach past the pads. */
bool lower_window(struct lower *l, const struct onnx_node *node, const uint32_t kernel[2],
                  uint32_t h, uint32_t w, struct network_window *ret, uint32_t *ret_h,
                  uint32_t *ret_w);
/* NCHW view of a map. */
void lower_nchw(const struct lower *l, uint32_t h, uint32_t w, uint32_t c,
                struct onnx_view *ret);

bool lower_conv(struct lower *l, const struct onnx_node *node);
bool lower_gemm(struct lower *l, const struct onnx_node *node);
bool lower_matmul(struct lower *l, const struct onnx_node *node);

bool lower_arithmetic_node(struct lower *l, const struct onnx_node *node);
bool lower_batch_norm(struct lower *l, const struct onnx_node *node);
bool lower_clip(struct lower *l, const struct onnx_node *node);
bool lower_slope(struct lower *l, const struct onnx_node *node);

bool lower_sign(struct lower *l, const struct onnx_node *node);
bool lower_compare(struct lower *l, const struct onnx_node *node);
bool lower_where(struct lower *l, const struct onnx_node *node);
bool lower_not(struct lower *l, const struct onnx_node *node);
bool lower_cast(struct lower *l, const struct onnx_node *node);
bool lower_bipolar_quant(struct lower *l, const struct onnx_node *node);
bool lower_multi_threshold(struct lower *l, const struct onnx_node *node);

bool lower_max_pool(struct lower *l, const struct onnx_node *node);
bool lower_average_pool(struct lower *l, const struct onnx_node *node);
bool lower_global_pool(struct lower *l, const struct onnx_node *node);
bool lower_reduce_mean(struct lower *l, const struct onnx_node *node);
bool lower_pad(struct lower *l, const struct onnx_node *node);
bool lower_concat(struct lower *l, const struct onnx_node *node);

bool lower_reshape(struct lower *l, const struct onnx_node *node);
bool lower_transpose(struct lower *l, const struct onnx_node *node);
bool lower_dropout(struct lower *l, const struct onnx_node *node);
bool lower_head(struct lower *l, const struct onnx_node *node);

#endif
