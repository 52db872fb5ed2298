/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_constant.h"

#include "storage/cursor.h"

#include <math.h>
#include <string.h>

/* Where the elements of a tensor stand: in raw bytes, little-endian, or in one of the
 * lists of numbers. */
struct source {
    const Onnx__TensorProto *from;
    unsigned width; /* bytes of an element in raw_data */
    size_t n;       /* elements there */
};

static unsigned raw_width(int32_t type)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        return 1;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        return 2;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
        return 4;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
        return 8;
    default:
        return 0;
    }
}

static size_t list_length(const Onnx__TensorProto *from)
{
    switch (from->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        return from->n_float_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        return from->n_double_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return from->n_int64_data;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
        return from->n_uint64_data;
    default:
        return from->n_int32_data;
    }
}

static uint64_t raw_at(const struct source *s, size_t i)
{
    const uint8_t *p = s->from->raw_data.data + i * s->width;
    uint64_t bits = 0;

    for (unsigned b = 0; b < s->width; b++)
        bits |= (uint64_t)p[b] << (8 * b);
    return bits;
}

static int64_t sign_extend(uint64_t bits, unsigned width)
{
    unsigned shift = 64 - 8 * width;

    return (int64_t)(bits << shift) >> shift;
}

static bool int_at(const struct source *s, size_t i, int64_t *ret)
{
    const Onnx__TensorProto *from = s->from;
    uint64_t bits = s->width > 0 ? raw_at(s, i) : 0;

    switch (from->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        *ret = s->width > 0 ? (int64_t)bits : from->int64_data[i];
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT32:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT64:
        bits = s->width > 0 ? bits : from->uint64_data[i];
        *ret = (int64_t)bits;
        return bits <= INT64_MAX;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT16:
        *ret = s->width > 0 ? (int64_t)bits : from->int32_data[i];
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        *ret = (s->width > 0 ? (int64_t)bits : from->int32_data[i]) != 0;
        return true;
    default:
        *ret = s->width > 0 ? sign_extend(bits, s->width) : from->int32_data[i];
        return true;
    }
}

static float from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static float from_half(uint32_t half)
{
    uint32_t exponent = half >> 10 & 0x1F, fraction = half & 0x3FF;
    float magnitude;

    if (exponent == 31)
        magnitude = fraction == 0 ? INFINITY : NAN;
    else if (exponent == 0)
        magnitude = ldexpf((float)fraction, -24);
    else
        magnitude = ldexpf((float)(fraction | 0x400), (int)exponent - 25);
    return half & 0x8000 ? -magnitude : magnitude;
}

/* False: not a float32. */
static bool float_at(const struct source *s, size_t i, float *ret)
{
    const Onnx__TensorProto *from = s->from;

    switch (from->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
        *ret = s->width > 0 ? from_bits((uint32_t)raw_at(s, i)) : from->float_data[i];
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
        *ret = from_half(s->width > 0 ? (uint32_t)raw_at(s, i)
                                      : (uint32_t)from->int32_data[i] & 0xFFFF);
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
        *ret = from_bits((s->width > 0 ? (uint32_t)raw_at(s, i)
                                       : (uint32_t)from->int32_data[i] & 0xFFFF)
                         << 16);
        return true;
    default: {
        double value;
        uint64_t bits = s->width > 0 ? raw_at(s, i) : 0;

        if (s->width > 0)
            memcpy(&value, &bits, sizeof(value));
        else
            value = from->double_data[i];
        *ret = (float)value;
        return isnan(value) || (double)*ret == value;
    }
    }
}

static bool type_of(struct onnx_context *ctx, const Onnx__TensorProto *from,
                    const struct onnx_node *node, const char *shown, enum onnx_type *ret)
{
    switch (from->data_type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
    case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
    case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
        *ret = ONNX_FLOAT;
        return true;
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        *ret = ONNX_BOOL;
        return true;
    default:
        if (raw_width(from->data_type) == 0)
            return onnx_refuse(ctx, ONNX_CODE_OPERATOR, node,
                               "float, double, float16, bfloat16, integers, bool",
                               "tensor '%s' has elements of type %d", shown,
                               (int)from->data_type);
        *ret = ONNX_INT;
        return true;
    }
}

static bool find_source(struct onnx_context *ctx, const Onnx__TensorProto *from,
                        const struct onnx_node *node, const char *shown, size_t n,
                        struct source *ret)
{
    struct source s = { .from = from };

    if (from->has_raw_data) {
        s.width = raw_width(from->data_type);
        s.n = from->raw_data.len / s.width;
        if (from->raw_data.len % s.width != 0)
            s.n = SIZE_MAX;
    } else {
        s.n = list_length(from);
    }
    if (s.n != n)
        return onnx_refuse(
            ctx, ONNX_CODE_SHAPE, node, "as many elements as the shape says",
            "tensor '%s': the shape says %zu elements, the data differs", shown, n);
    *ret = s;
    return true;
}

struct onnx_tensor *onnx_constant_read(struct onnx_context *ctx,
                                       const Onnx__TensorProto *from,
                                       const struct onnx_node *node, const char *name)
{
    char shown[ONNX_NAME_LEN];
    enum onnx_type type;
    struct source s;

    onnx_name_copy(shown, name == NULL ? "" : name);
    if (from->n_external_data > 0 ||
        (from->has_data_location &&
         from->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)) {
        (void)onnx_refuse(ctx, ONNX_CODE_EXTERNAL_DATA, node,
                          "save the model as one file",
                          "weights are in a separate file (tensor '%s')", shown);
        return NULL;
    }
    if (from->segment != NULL) {
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "whole tensors",
                          "tensor '%s' comes in segments", shown);
        return NULL;
    }
    if (!type_of(ctx, from, node, shown, &type))
        return NULL;
    /* The shape is compared with the data before memory is taken. */
    size_t n = 1;
    for (size_t i = 0; i < from->n_dims; i++)
        if (from->dims[i] < 0 || __builtin_mul_overflow(n, (size_t)from->dims[i], &n) ||
            n > ONNX_MAX_ELEMENTS) {
            (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "at most 2^31 elements",
                              "tensor '%s' has a dimension of %lld", shown,
                              (long long)from->dims[i]);
            return NULL;
        }
    if (!find_source(ctx, from, node, shown, n, &s))
        return NULL;
    struct onnx_tensor *t = onnx_tensor_new(ctx, node, type, from->n_dims, from->dims);
    if (t == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (type == ONNX_FLOAT ? float_at(&s, i, &t->f[i]) : int_at(&s, i, &t->i[i]))
            continue;
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node,
                          "numbers that float32 or int64 hold",
                          "tensor '%s': element %zu loses digits", shown, i);
        return NULL;
    }
    return t;
}
