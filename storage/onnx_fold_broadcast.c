/* SPDX-License-Identifier: Apache-2.0 */
/* Constant folding of the operators whose inputs are broadcast against each other. */
#include "storage/onnx_fold.h"

#include <math.h>
#include <string.h>

enum binary {
    B_ADD,
    B_SUB,
    B_MUL,
    B_DIV,
    B_POW,
    B_GREATER,
    B_GREATER_EQUAL,
    B_LESS,
    B_LESS_EQUAL,
    B_EQUAL,
    B_MIN,
    B_MAX,
    B_NONE
};

static enum binary binary_of(const char *op)
{
    static const char *const names[] = {
        "Add",  "Sub",         "Mul",   "Div", "Pow", "Greater", "GreaterOrEqual",
        "Less", "LessOrEqual", "Equal", "Min", "Max"
    };

    for (unsigned i = 0; i < B_NONE; i++)
        if (strcmp(op, names[i]) == 0)
            return (enum binary)i;
    return B_NONE;
}

static bool compares(enum binary op)
{
    return op >= B_GREATER && op <= B_EQUAL;
}

static float apply_float(enum binary op, float a, float b)
{
    switch (op) {
    case B_ADD:
        return a + b;
    case B_SUB:
        return a - b;
    case B_MUL:
        return a * b;
    case B_DIV:
        return a / b;
    case B_POW: /* correctly rounded where it matters: square roots, squares */
        return b == 0.5F ? sqrtf(a) : b == 2.0F ? a * a : powf(a, b);
    case B_MIN:
        return a < b ? a : b;
    default:
        return a > b ? a : b;
    }
}

static bool compare_double(enum binary op, double a, double b)
{
    switch (op) {
    case B_GREATER:
        return a > b;
    case B_GREATER_EQUAL:
        return a >= b;
    case B_LESS:
        return a < b;
    case B_LESS_EQUAL:
        return a <= b;
    default:
        return a == b;
    }
}

static bool apply_int(enum binary op, int64_t a, int64_t b, int64_t *ret)
{
    switch (op) {
    case B_ADD:
        return !__builtin_add_overflow(a, b, ret);
    case B_SUB:
        return !__builtin_sub_overflow(a, b, ret);
    case B_MUL:
        return !__builtin_mul_overflow(a, b, ret);
    case B_DIV:
        if (b == 0 || (a == INT64_MIN && b == -1))
            return false;
        *ret = a / b;
        return true;
    case B_MIN:
        *ret = a < b ? a : b;
        return true;
    case B_MAX:
        *ret = a > b ? a : b;
        return true;
    default:
        return false;
    }
}

struct broadcast {
    size_t rank, n_in;
    int64_t dims[ONNX_MAX_RANK];
    size_t step[3][ONNX_MAX_RANK];
    size_t at[3], index[ONNX_MAX_RANK];
};

static bool broadcast_begin(struct onnx_context *ctx, const struct onnx_node *node,
                            const struct onnx_tensor *const *in, size_t n_in,
                            struct broadcast *b)
{
    memset(b, 0, sizeof(*b));
    b->n_in = n_in;
    for (size_t k = 0; k < n_in; k++)
        b->rank = in[k]->rank > b->rank ? in[k]->rank : b->rank;
    for (size_t d = 0; d < b->rank; d++)
        b->dims[d] = 1;
    for (size_t k = 0; k < n_in; k++) {
        size_t strides[ONNX_MAX_RANK], shift = b->rank - in[k]->rank;

        onnx_tensor_strides(in[k]->rank, in[k]->dims, strides);
        for (size_t d = 0; d < in[k]->rank; d++) {
            int64_t len = in[k]->dims[d], *have = &b->dims[d + shift];

            if (len != 1 && *have != 1 && len != *have)
                return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "shapes that broadcast",
                                   "lengths %lld and %lld", (long long)*have,
                                   (long long)len);
            *have = len != 1 ? len : *have;
            b->step[k][d + shift] = len == 1 ? 0 : strides[d];
        }
    }
    return true;
}

static void broadcast_next(struct broadcast *b)
{
    for (size_t d = b->rank; d-- > 0;) {
        bool wraps = ++b->index[d] == (size_t)b->dims[d];

        for (size_t k = 0; k < b->n_in; k++)
            b->at[k] += b->step[k][d];
        if (!wraps)
            return;
        for (size_t k = 0; k < b->n_in; k++)
            b->at[k] -= b->step[k][d] * (size_t)b->dims[d];
        b->index[d] = 0;
    }
}

static const struct onnx_tensor *fold_binary(struct onnx_context *ctx,
                                             struct onnx_graph *graph,
                                             const struct onnx_node *node, enum binary op,
                                             const struct onnx_tensor *const *in)
{
    const struct onnx_tensor *a = in[0], *b = in[1];
    bool floats = a->type == ONNX_FLOAT;
    struct broadcast walk;

    if (a->type == ONNX_BOOL || a->type != b->type) {
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "two floats or two integers",
                          "constants of other types");
        return NULL;
    }
    if (!broadcast_begin(ctx, node, in, 2, &walk))
        return NULL;
    struct onnx_tensor *y = onnx_fold_new(
        ctx, graph, node, compares(op) ? ONNX_BOOL : a->type, walk.rank, walk.dims);
    for (size_t i = 0; y != NULL && i < y->n; i++, broadcast_next(&walk)) {
        if (compares(op) && floats)
            y->i[i] =
                compare_double(op, (double)a->f[walk.at[0]], (double)b->f[walk.at[1]]);
        else if (compares(op))
            y->i[i] =
                compare_double(op, (double)a->i[walk.at[0]], (double)b->i[walk.at[1]]);
        else if (floats)
            y->f[i] = apply_float(op, a->f[walk.at[0]], b->f[walk.at[1]]);
        else if (!apply_int(op, a->i[walk.at[0]], b->i[walk.at[1]], &y->i[i])) {
            (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "integers that int64 holds",
                              "integer arithmetic that overflows");
            return NULL;
        }
    }
    return y;
}

static const struct onnx_tensor *fold_where(struct onnx_context *ctx,
                                            struct onnx_graph *graph,
                                            const struct onnx_node *node,
                                            const struct onnx_tensor *const *in)
{
    struct broadcast walk;

    if (node->n_inputs != 3 || in[2] == NULL || in[0]->type != ONNX_BOOL ||
        in[1]->type != in[2]->type) {
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "a condition and two alike",
                          "constants of other types");
        return NULL;
    }
    if (!broadcast_begin(ctx, node, in, 3, &walk))
        return NULL;
    struct onnx_tensor *y =
        onnx_fold_new(ctx, graph, node, in[1]->type, walk.rank, walk.dims);
    for (size_t i = 0; y != NULL && i < y->n; i++, broadcast_next(&walk)) {
        unsigned k = in[0]->i[walk.at[0]] ? 1 : 2;

        if (y->type == ONNX_FLOAT)
            y->f[i] = in[k]->f[walk.at[k]];
        else
            y->i[i] = in[k]->i[walk.at[k]];
    }
    return y;
}

static const struct onnx_tensor *fold_bipolar(struct onnx_context *ctx,
                                              struct onnx_graph *graph,
                                              const struct onnx_node *node,
                                              const struct onnx_tensor *const *in)
{
    struct broadcast walk;

    if (node->n_inputs != 2 || in[0]->type != ONNX_FLOAT || in[1]->type != ONNX_FLOAT) {
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "floats and a scale",
                          "something else");
        return NULL;
    }
    if (!broadcast_begin(ctx, node, in, 2, &walk))
        return NULL;
    struct onnx_tensor *y =
        onnx_fold_new(ctx, graph, node, ONNX_FLOAT, walk.rank, walk.dims);
    for (size_t i = 0; y != NULL && i < y->n; i++, broadcast_next(&walk))
        y->f[i] =
            in[0]->f[walk.at[0]] >= 0 ? in[1]->f[walk.at[1]] : -in[1]->f[walk.at[1]];
    return y;
}

const struct onnx_tensor *onnx_fold_broadcast(struct onnx_context *ctx,
                                              struct onnx_graph *graph,
                                              const struct onnx_node *node,
                                              const struct onnx_tensor *const *in,
                                              bool *ret_known)
{
    enum binary binary = binary_of(node->op);

    *ret_known = true;
    if (node->domain == ONNX_DOMAIN_QUANT)
        return fold_bipolar(ctx, graph, node, in);
    if (binary != B_NONE && node->n_inputs == 2)
        return fold_binary(ctx, graph, node, binary, in);
    if (strcmp(node->op, "Where") == 0)
        return fold_where(ctx, graph, node, in);
    *ret_known = false;
    return NULL;
}
