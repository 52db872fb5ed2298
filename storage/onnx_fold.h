/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_fold.h - computes a node whose inputs are all constant.
 *
 * float32 arithmetic, one operation at a time, as written. Internal to storage/onnx_*.
 */
#ifndef STORAGE_ONNX_FOLD_H
#define STORAGE_ONNX_FOLD_H

#include "storage/onnx_graph.h"

/* Gives output 0 of the node its constant. */
bool onnx_fold(struct onnx_context *ctx, struct onnx_graph *graph,
               const struct onnx_node *node);

/* For onnx_fold's parts: a tensor of the result, within the budget; NULL: refused. */
struct onnx_tensor *onnx_fold_new(struct onnx_context *ctx, struct onnx_graph *graph,
                                  const struct onnx_node *node, enum onnx_type type,
                                  size_t rank, const int64_t *dims);
/* Operators that broadcast, and those that move elements. NULL with *ret_known false: not
 * one of these. */
const struct onnx_tensor *onnx_fold_broadcast(struct onnx_context *ctx,
                                              struct onnx_graph *graph,
                                              const struct onnx_node *node,
                                              const struct onnx_tensor *const *in,
                                              bool *ret_known);
const struct onnx_tensor *onnx_fold_move(struct onnx_context *ctx,
                                         struct onnx_graph *graph,
                                         const struct onnx_node *node,
                                         const struct onnx_tensor *const *in,
                                         bool *ret_known);

#endif
