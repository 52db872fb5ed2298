/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_shape.h - what the operators that only rename axes make of a shape; constants and
 * feature maps alike. Internal to storage/onnx_*. */
#ifndef STORAGE_ONNX_SHAPE_H
#define STORAGE_ONNX_SHAPE_H

#include "storage/onnx_graph.h"

/* Constant input `i` of a node; NULL if it is left out. Refuses a computed one. */
bool onnx_constant_input(struct onnx_context *ctx, const struct onnx_graph *graph,
                         const struct onnx_node *node, size_t i,
                         const struct onnx_tensor **ret);
/* The same, as integers: ret [ONNX_MAX_RANK]; *ret_n is 0 and *ret_given false without.
 */
bool onnx_ints_input(struct onnx_context *ctx, const struct onnx_graph *graph,
                     const struct onnx_node *node, size_t i, int64_t *ret, size_t *ret_n,
                     bool *ret_given);
/* Axes as the attribute `axes` (older opsets) or input `input` gives them, counted from
 * the front, each once. */
bool onnx_axes(struct onnx_context *ctx, const struct onnx_graph *graph,
               const struct onnx_node *node, size_t input, size_t rank, int64_t *ret,
               size_t *ret_n, bool *ret_given);
/* One axis, counted from the front; 0 .. end. */
bool onnx_axis(struct onnx_context *ctx, const struct onnx_node *node, const char *name,
               int64_t absent, size_t end, size_t *ret);

/* Reshape, Flatten, Squeeze, Unsqueeze: the new dimensions, [ONNX_MAX_RANK]. The product
 * stays. */
bool onnx_reshaped(struct onnx_context *ctx, const struct onnx_graph *graph,
                   const struct onnx_node *node, size_t rank, const int64_t *dims,
                   size_t *ret_rank, int64_t *ret_dims);
/* Shape: which of `rank` dimensions it gives, from .. to. */
bool onnx_shape_part(struct onnx_context *ctx, const struct onnx_node *node, size_t rank,
                     size_t *ret_from, size_t *ret_to);
/* Transpose: axis i of the result is axis perm[i] of the input; [rank]. */
bool onnx_permutation(struct onnx_context *ctx, const struct onnx_node *node, size_t rank,
                      size_t *perm);

#endif
