/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_tensor.h - a constant tensor: float32, or integers. Internal to storage/onnx_*. */
#ifndef STORAGE_ONNX_TENSOR_H
#define STORAGE_ONNX_TENSOR_H

#include "storage/onnx_context.h"

#define ONNX_MAX_RANK 8
/* Upper bound of the elements of one tensor. */
#define ONNX_MAX_ELEMENTS ((size_t)1 << 31)

enum onnx_type {
    ONNX_FLOAT, /* float32, and what becomes it exactly */
    ONNX_INT,   /* any integer, as int64 */
    ONNX_BOOL,  /* 0 or 1, in the integers */
};

struct onnx_tensor {
    enum onnx_type type;
    size_t rank; /* 0 .. ONNX_MAX_RANK */
    int64_t dims[ONNX_MAX_RANK];
    size_t n;   /* elements */
    float *f;   /* arena, ONNX_FLOAT */
    int64_t *i; /* arena, else */
};

/* Zeroes. NULL: a dimension is negative, the product overflows, or no memory. */
struct onnx_tensor *onnx_tensor_new(struct onnx_context *ctx,
                                    const struct onnx_node *node, enum onnx_type type,
                                    size_t rank, const int64_t *dims);
/* Element `at` as a float, rounded if need be. */
static inline float onnx_tensor_at(const struct onnx_tensor *t, size_t at)
{
    return t->type == ONNX_FLOAT ? t->f[at] : (float)t->i[at];
}

/* Elements a step along an axis is long. strides: [rank]. */
void onnx_tensor_strides(size_t rank, const int64_t *dims, size_t *strides);
/* "[1, 3, 30, 30]" */
const char *onnx_dims_text(size_t rank, const int64_t *dims, char *text, size_t len);

#endif
