/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_constant.h - a TensorProto as a plain tensor. Internal to storage/onnx_*. */
#ifndef STORAGE_ONNX_CONSTANT_H
#define STORAGE_ONNX_CONSTANT_H

#include <onnx.pb-c.h>

#include "storage/onnx_tensor.h"

/* Converts exactly, or refuses. NULL: the context says why. */
struct onnx_tensor *onnx_constant_read(struct onnx_context *ctx,
                                       const Onnx__TensorProto *from,
                                       const struct onnx_node *node, const char *name);

#endif
