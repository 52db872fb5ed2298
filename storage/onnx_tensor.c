/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_tensor.h"

#include <stdio.h>
#include <string.h>

struct onnx_tensor *onnx_tensor_new(struct onnx_context *ctx,
                                    const struct onnx_node *node, enum onnx_type type,
                                    size_t rank, const int64_t *dims)
{
    size_t n = 1;

    if (rank > ONNX_MAX_RANK) {
        (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "at most 8 dimensions",
                          "a tensor of %zu dimensions", rank);
        return NULL;
    }
    for (size_t i = 0; i < rank; i++)
        if (dims[i] < 0 || __builtin_mul_overflow(n, (size_t)dims[i], &n) ||
            n > ONNX_MAX_ELEMENTS) {
            (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "at most 2^31 elements",
                              "a tensor with a dimension of %lld", (long long)dims[i]);
            return NULL;
        }
    struct onnx_tensor *t = onnx_new(ctx, 1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->type = type;
    t->rank = rank;
    t->n = n;
    if (rank > 0)
        memcpy(t->dims, dims, rank * sizeof(*dims));
    if (type == ONNX_FLOAT)
        t->f = onnx_new(ctx, n, sizeof(*t->f));
    else
        t->i = onnx_new(ctx, n, sizeof(*t->i));
    return t->f == NULL && t->i == NULL ? NULL : t;
}

void onnx_tensor_strides(size_t rank, const int64_t *dims, size_t *strides)
{
    size_t step = 1;

    for (size_t i = rank; i-- > 0;) {
        strides[i] = step;
        step *= (size_t)dims[i];
    }
}

const char *onnx_dims_text(size_t rank, const int64_t *dims, char *text, size_t len)
{
    size_t at = (size_t)snprintf(text, len, "[");

    for (size_t i = 0; i < rank && at < len; i++)
        at += (size_t)snprintf(text + at, len - at, "%s%lld", i > 0 ? ", " : "",
                               (long long)dims[i]);
    if (at < len)
        (void)snprintf(text + at, len - at, "]");
    return text;
}
