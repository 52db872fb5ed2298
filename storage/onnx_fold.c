/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_fold.h"

#include "storage/onnx_shape.h"

#include <math.h>
#include <string.h>

#define MAX_INPUTS 64

struct onnx_tensor *onnx_fold_new(struct onnx_context *ctx, struct onnx_graph *graph,
                                  const struct onnx_node *node, enum onnx_type type,
                                  size_t rank, const int64_t *dims)
{
    size_t n = 1;
    /* Constants that the graph computes take memory in proportion to the file. */
    size_t limit = graph->n_constant * 16 + ((size_t)1 << 20);

    for (size_t i = 0; i < rank; i++)
        if (dims[i] < 0 || __builtin_mul_overflow(n, (size_t)dims[i], &n))
            n = SIZE_MAX;
    if (n > limit || graph->n_folded > limit - n) {
        (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "16 times the elements in the file",
                          "constants that the graph makes grow too large");
        return NULL;
    }
    graph->n_folded += n;
    return onnx_tensor_new(ctx, node, type, rank, dims);
}

/* -- One input -- */

static bool unary_float(const char *op, float x, float *ret)
{
    if (strcmp(op, "Sign") == 0)
        *ret = (float)((x > 0) - (x < 0));
    else if (strcmp(op, "Abs") == 0)
        *ret = fabsf(x);
    else if (strcmp(op, "Neg") == 0)
        *ret = -x;
    else if (strcmp(op, "Sqrt") == 0)
        *ret = sqrtf(x);
    else if (strcmp(op, "Reciprocal") == 0)
        *ret = 1.0F / x;
    else if (strcmp(op, "Relu") == 0)
        *ret = x > 0 ? x : 0;
    else
        return false;
    return true;
}

/* NULL with *ret_known false: not an operator of one input. */
static const struct onnx_tensor *fold_unary(struct onnx_context *ctx,
                                            struct onnx_graph *graph,
                                            const struct onnx_node *node,
                                            const struct onnx_tensor *x, bool *ret_known)
{
    float probe;
    bool negates = strcmp(node->op, "Not") == 0;

    *ret_known = negates || unary_float(node->op, 1.0F, &probe);
    if (!*ret_known)
        return NULL;
    if (x->type != (negates ? ONNX_BOOL : ONNX_FLOAT)) {
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "a constant of floats",
                          "a constant of another type");
        return NULL;
    }
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, x->type, x->rank, x->dims);
    for (size_t i = 0; y != NULL && i < y->n; i++)
        if (negates)
            y->i[i] = !x->i[i];
        else
            (void)unary_float(node->op, x->f[i], &y->f[i]);
    return y;
}

static bool cast_type(struct onnx_context *ctx, const struct onnx_node *node,
                      enum onnx_type *ret)
{
    int64_t to;

    if (!onnx_node_int(ctx, node, "to", 0, &to))
        return false;
    switch (to) {
    case 1: /* float, and double whose values are floats */
    case 11:
        *ret = ONNX_FLOAT;
        return true;
    case 6: /* int32, int64 */
    case 7:
        *ret = ONNX_INT;
        return true;
    case 9:
        *ret = ONNX_BOOL;
        return true;
    default:
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "float, int32, int64, bool",
                           "a cast to type %lld", (long long)to);
    }
}

static const struct onnx_tensor *fold_cast(struct onnx_context *ctx,
                                           struct onnx_graph *graph,
                                           const struct onnx_node *node,
                                           const struct onnx_tensor *x)
{
    enum onnx_type to;

    if (!cast_type(ctx, node, &to))
        return NULL;
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, to, x->rank, x->dims);
    for (size_t i = 0; y != NULL && i < y->n; i++) {
        if (to == ONNX_FLOAT) {
            y->f[i] = onnx_tensor_at(x, i);
        } else if (x->type != ONNX_FLOAT) {
            y->i[i] = to == ONNX_BOOL ? x->i[i] != 0 : x->i[i];
        } else if (to == ONNX_BOOL) {
            y->i[i] = x->f[i] != 0;
        } else if (fabsf(x->f[i]) < 9.0e18F) {
            y->i[i] = (int64_t)x->f[i];
        } else {
            (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "integers that int64 holds",
                              "a float outside int64");
            return NULL;
        }
    }
    return y;
}

static bool scalar_or(struct onnx_context *ctx, const struct onnx_node *node, size_t i,
                      const char *attribute, const struct onnx_tensor *const *in,
                      float absent, float *ret)
{
    if (i >= node->n_inputs || in[i] == NULL)
        return onnx_node_float(ctx, node, attribute, absent, ret);
    if (in[i]->n != 1)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "one number", "%zu numbers",
                           in[i]->n);
    *ret = onnx_tensor_at(in[i], 0);
    return true;
}

static const struct onnx_tensor *fold_clip(struct onnx_context *ctx,
                                           struct onnx_graph *graph,
                                           const struct onnx_node *node,
                                           const struct onnx_tensor *const *in)
{
    float low, high;

    if (!scalar_or(ctx, node, 1, "min", in, -INFINITY, &low) ||
        !scalar_or(ctx, node, 2, "max", in, INFINITY, &high))
        return NULL;
    struct onnx_tensor *y =
        onnx_fold_new(ctx, graph, node, ONNX_FLOAT, in[0]->rank, in[0]->dims);
    for (size_t i = 0; y != NULL && i < y->n; i++) {
        float x = onnx_tensor_at(in[0], i);

        x = x < low ? low : x;
        y->f[i] = x > high ? high : x;
    }
    return y;
}

/* Sums in double: runtimes add in different orders. */
static const struct onnx_tensor *fold_reduce_mean(struct onnx_context *ctx,
                                                  struct onnx_graph *graph,
                                                  const struct onnx_node *node,
                                                  const struct onnx_tensor *x)
{
    int64_t axes[ONNX_MAX_RANK], dims[ONNX_MAX_RANK], keep, noop;
    size_t n_axes = 0, strides[ONNX_MAX_RANK], rank = 0, step[ONNX_MAX_RANK] = { 0 };
    size_t index[ONNX_MAX_RANK] = { 0 }, at = 0;
    bool given = false, gone[ONNX_MAX_RANK] = { false };

    if (!onnx_axes(ctx, graph, node, 1, x->rank, axes, &n_axes, &given) ||
        !onnx_node_int(ctx, node, "keepdims", 1, &keep) ||
        !onnx_node_int(ctx, node, "noop_with_empty_axes", 0, &noop))
        return NULL;
    if (n_axes == 0 && noop != 0)
        return x;
    for (size_t d = 0; d < x->rank; d++)
        gone[d] = n_axes == 0;
    for (size_t k = 0; k < n_axes; k++)
        gone[axes[k]] = true;
    for (size_t d = 0; d < x->rank; d++)
        if (!gone[d] || keep != 0)
            dims[rank++] = gone[d] ? 1 : x->dims[d];
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, ONNX_FLOAT, rank, dims);
    double *sum = y == NULL ? NULL : onnx_new(ctx, y->n, sizeof(*sum));
    if (sum == NULL)
        return NULL;
    onnx_tensor_strides(rank, dims, strides);
    for (size_t d = 0, to = 0; d < x->rank; d++) {
        if (!gone[d])
            step[d] = strides[to];
        to += !gone[d] || keep != 0;
    }
    for (size_t i = 0; i < x->n; i++) {
        sum[at] += (double)onnx_tensor_at(x, i);
        for (size_t d = x->rank; d-- > 0;) {
            at += step[d];
            if (++index[d] < (size_t)x->dims[d])
                break;
            at -= step[d] * (size_t)x->dims[d];
            index[d] = 0;
        }
    }
    for (size_t i = 0; i < y->n; i++)
        y->f[i] = (float)(sum[i] / ((double)x->n / (double)y->n));
    return y;
}

static const struct onnx_tensor *fold_constant(struct onnx_context *ctx,
                                               struct onnx_graph *graph,
                                               const struct onnx_node *node)
{
    const struct onnx_attribute *a =
        node->n_attributes == 1 ? &node->attributes[0] : NULL;
    struct onnx_tensor *y = NULL;

    if (a != NULL && strcmp(a->name, "value") == 0 && a->kind == ONNX_ATTRIBUTE_TENSOR) {
        graph->n_constant += a->tensor->n;
        return a->tensor;
    }
    bool one_float = a != NULL && strcmp(a->name, "value_float") == 0;
    bool one_int = a != NULL && strcmp(a->name, "value_int") == 0;
    bool floats = a != NULL && strcmp(a->name, "value_floats") == 0;
    bool ints = a != NULL && strcmp(a->name, "value_ints") == 0;
    if ((one_float && a->kind == ONNX_ATTRIBUTE_FLOAT) ||
        (one_int && a->kind == ONNX_ATTRIBUTE_INT)) {
        y = onnx_fold_new(ctx, graph, node, one_float ? ONNX_FLOAT : ONNX_INT, 0, NULL);
        if (y != NULL && one_float)
            y->f[0] = a->f;
        else if (y != NULL)
            y->i[0] = a->i;
        return y;
    }
    if ((floats && a->kind == ONNX_ATTRIBUTE_FLOATS) ||
        (ints && a->kind == ONNX_ATTRIBUTE_INTS)) {
        int64_t n = (int64_t)a->n;

        graph->n_constant += a->n;
        y = onnx_fold_new(ctx, graph, node, floats ? ONNX_FLOAT : ONNX_INT, 1, &n);
        if (y != NULL && floats)
            memcpy(y->f, a->floats, a->n * sizeof(*y->f));
        else if (y != NULL)
            memcpy(y->i, a->ints, a->n * sizeof(*y->i));
        return y;
    }
    (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node,
                      "value, value_float(s), value_int(s)", "another kind of constant");
    return NULL;
}

/* -- Quantised weights -- */

/* A per-axis factor for element `i`: one number, or one for each index of `axis`. */
static float along(const struct onnx_tensor *t, const struct onnx_tensor *x, size_t axis,
                   size_t i)
{
    size_t inner = 1;

    if (t->n == 1)
        return onnx_tensor_at(t, 0);
    for (size_t d = axis + 1; d < x->rank; d++)
        inner *= (size_t)x->dims[d];
    return onnx_tensor_at(t, i / inner % (size_t)x->dims[axis]);
}

static const struct onnx_tensor *fold_dequantize(struct onnx_context *ctx,
                                                 struct onnx_graph *graph,
                                                 const struct onnx_node *node,
                                                 const struct onnx_tensor *const *in)
{
    const struct onnx_tensor *x = in[0], *scale = in[1];
    const struct onnx_tensor *zero = node->n_inputs > 2 ? in[2] : NULL;
    int64_t axis;

    if (!onnx_node_int(ctx, node, "axis", 1, &axis))
        return NULL;
    if (axis < 0)
        axis += (int64_t)x->rank;
    bool inside = axis >= 0 && axis < (int64_t)x->rank;
    bool good = x->type == ONNX_INT && scale->type == ONNX_FLOAT &&
                (scale->n == 1 ||
                 (inside && scale->rank == 1 && scale->n == (size_t)x->dims[axis])) &&
                (zero == NULL || zero->n == scale->n);
    if (!good) {
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node,
                          "integers and one scale, or one for each index of an axis",
                          "other shapes or types");
        return NULL;
    }
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, ONNX_FLOAT, x->rank, x->dims);
    for (size_t i = 0; y != NULL && i < y->n; i++)
        y->f[i] =
            ((float)x->i[i] - (zero == NULL ? 0 : along(zero, x, (size_t)axis, i))) *
            along(scale, x, (size_t)axis, i);
    return y;
}

/* -- All -- */

static const struct onnx_tensor *fold_other(struct onnx_context *ctx,
                                            struct onnx_graph *graph,
                                            const struct onnx_node *node,
                                            const struct onnx_tensor *const *in)
{
    const char *op = node->op;

    if (strcmp(op, "Clip") == 0)
        return fold_clip(ctx, graph, node, in);
    if (strcmp(op, "Cast") == 0)
        return fold_cast(ctx, graph, node, in[0]);
    if (strcmp(op, "ReduceMean") == 0)
        return fold_reduce_mean(ctx, graph, node, in[0]);
    if (strcmp(op, "Identity") == 0 || strcmp(op, "Dropout") == 0)
        return in[0];
    if (strcmp(op, "DequantizeLinear") == 0 && node->n_inputs >= 2 && in[1] != NULL)
        return fold_dequantize(ctx, graph, node, in);
    (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "an operator that can be computed",
                      "%.60s of constants", op);
    return NULL;
}

bool onnx_fold(struct onnx_context *ctx, struct onnx_graph *graph,
               const struct onnx_node *node)
{
    const struct onnx_tensor *in[MAX_INPUTS] = { NULL }, *y = NULL;
    bool known = true;

    if (node->n_outputs != 1 && strcmp(node->op, "Dropout") != 0)
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "one output", "%zu outputs",
                           node->n_outputs);
    if (node->n_inputs > MAX_INPUTS)
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "at most 64 inputs",
                           "%zu inputs", node->n_inputs);
    for (size_t i = 0; i < node->n_inputs; i++)
        if (node->in[i] != ONNX_NONE)
            in[i] = graph->values[node->in[i]].constant;
    if (strcmp(node->op, "Constant") == 0)
        y = fold_constant(ctx, graph, node);
    else if (node->n_inputs == 0 || in[0] == NULL ||
             (node->n_inputs > 1 && in[1] == NULL && strcmp(node->op, "Clip") != 0))
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "its inputs",
                          "an input is missing");
    else if (node->domain == ONNX_DOMAIN_QUANT && strcmp(node->op, "BipolarQuant") == 0)
        y = onnx_fold_broadcast(ctx, graph, node, in, &known);
    else if (node->domain != ONNX_DOMAIN_ONNX)
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "BipolarQuant",
                          "%.60s of constants (domain '%.60s')", node->op,
                          node->domain_name);
    else {
        y = onnx_fold_move(ctx, graph, node, in, &known);
        if (!known)
            y = fold_unary(ctx, graph, node, in[0], &known);
        if (!known)
            y = onnx_fold_broadcast(ctx, graph, node, in, &known);
        if (!known)
            y = fold_other(ctx, graph, node, in);
    }
    if (y == NULL)
        return false;
    if (node->out[0] != ONNX_NONE)
        graph->values[node->out[0]].constant = y;
    return true;
}
