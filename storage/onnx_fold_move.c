/* SPDX-License-Identifier: Apache-2.0 */
/* Constant folding of the operators that move elements without changing them. */
#include "storage/onnx_fold.h"

#include "storage/onnx_shape.h"

#include <string.h>

static void copy_one(struct onnx_tensor *to, size_t at, const struct onnx_tensor *from,
                     size_t i)
{
    if (to->type == ONNX_FLOAT)
        to->f[at] = from->f[i];
    else
        to->i[at] = from->i[i];
}

/* The result is read in order; element `at` of it comes from `base` + sum of index *
 * step. */
static void gather_strided(struct onnx_tensor *to, const struct onnx_tensor *from,
                           size_t base, const ptrdiff_t *step)
{
    size_t index[ONNX_MAX_RANK] = { 0 };
    ptrdiff_t source = (ptrdiff_t)base;

    for (size_t at = 0; at < to->n; at++) {
        copy_one(to, at, from, (size_t)source);
        for (size_t d = to->rank; d-- > 0;) {
            source += step[d];
            if (++index[d] < (size_t)to->dims[d])
                break;
            source -= step[d] * (ptrdiff_t)to->dims[d];
            index[d] = 0;
        }
    }
}

static const struct onnx_tensor *transpose(struct onnx_context *ctx,
                                           struct onnx_graph *graph,
                                           const struct onnx_node *node,
                                           const struct onnx_tensor *x)
{
    size_t perm[ONNX_MAX_RANK], strides[ONNX_MAX_RANK];
    ptrdiff_t step[ONNX_MAX_RANK];
    int64_t dims[ONNX_MAX_RANK];

    if (!onnx_permutation(ctx, node, x->rank, perm))
        return NULL;
    onnx_tensor_strides(x->rank, x->dims, strides);
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = x->dims[perm[d]];
        step[d] = (ptrdiff_t)strides[perm[d]];
    }
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, x->type, x->rank, dims);
    if (y != NULL)
        gather_strided(y, x, 0, step);
    return y;
}

static const struct onnx_tensor *reshape(struct onnx_context *ctx,
                                         struct onnx_graph *graph,
                                         const struct onnx_node *node,
                                         const struct onnx_tensor *x)
{
    struct onnx_tensor *y = onnx_new(ctx, 1, sizeof(*y));

    if (y == NULL)
        return NULL;
    *y = *x; /* the elements are shared: constants never change */
    if (!onnx_reshaped(ctx, graph, node, x->rank, x->dims, &y->rank, y->dims))
        return NULL;
    return y;
}

static const struct onnx_tensor *expand(struct onnx_context *ctx,
                                        struct onnx_graph *graph,
                                        const struct onnx_node *node,
                                        const struct onnx_tensor *x)
{
    int64_t want[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    ptrdiff_t step[ONNX_MAX_RANK];
    size_t strides[ONNX_MAX_RANK], n;
    bool given;

    if (!onnx_ints_input(ctx, graph, node, 1, want, &n, &given))
        return NULL;
    size_t rank = n > x->rank ? n : x->rank;
    onnx_tensor_strides(x->rank, x->dims, strides);
    for (size_t d = 0; d < rank; d++) {
        int64_t have = d + x->rank < rank ? 1 : x->dims[d + x->rank - rank];
        int64_t other = d + n < rank ? 1 : want[d + n - rank];

        if (have != other && have != 1 && other != 1) {
            (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "shapes that broadcast",
                              "a length of %lld does not become %lld", (long long)have,
                              (long long)other);
            return NULL;
        }
        dims[d] = have == 1 ? other : have;
        step[d] = have == 1 ? 0 : (ptrdiff_t)strides[d + x->rank - rank];
    }
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, x->type, rank, dims);
    if (y != NULL)
        gather_strided(y, x, 0, step);
    return y;
}

/* starts, ends, axes, steps: inputs since opset 10, attributes before (without steps). */
static bool slice_ints(struct onnx_context *ctx, const struct onnx_graph *graph,
                       const struct onnx_node *node, const char *name, size_t input,
                       int64_t *ret, size_t *ret_n, bool *ret_given)
{
    const int64_t *ints;
    size_t n;

    if (!onnx_node_ints(ctx, node, name, &ints, &n))
        return false;
    if (ints == NULL)
        return onnx_ints_input(ctx, graph, node, input, ret, ret_n, ret_given);
    if (n > ONNX_MAX_RANK)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "up to 8 axes", "%zu of them", n);
    memcpy(ret, ints, n * sizeof(*ret));
    *ret_n = n;
    *ret_given = true;
    return true;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static const struct onnx_tensor *slice(struct onnx_context *ctx, struct onnx_graph *graph,
                                       const struct onnx_node *node,
                                       const struct onnx_tensor *x)
{
    int64_t starts[ONNX_MAX_RANK], ends[ONNX_MAX_RANK], axes[ONNX_MAX_RANK];
    int64_t steps[ONNX_MAX_RANK], dims[ONNX_MAX_RANK];
    ptrdiff_t step[ONNX_MAX_RANK];
    size_t strides[ONNX_MAX_RANK], n, n_ends, n_axes, n_steps, base = 0;
    bool given, axes_given, steps_given;

    if (!slice_ints(ctx, graph, node, "starts", 1, starts, &n, &given) ||
        !slice_ints(ctx, graph, node, "ends", 2, ends, &n_ends, &given) ||
        !onnx_axes(ctx, graph, node, 3, x->rank, axes, &n_axes, &axes_given) ||
        !slice_ints(ctx, graph, node, "steps", 4, steps, &n_steps, &steps_given))
        return NULL;
    bool good = n == n_ends && n <= x->rank && (!axes_given || n_axes == n) &&
                (!steps_given || n_steps == n);
    onnx_tensor_strides(x->rank, x->dims, strides);
    for (size_t d = 0; d < x->rank; d++) {
        dims[d] = x->dims[d];
        step[d] = (ptrdiff_t)strides[d];
    }
    for (size_t k = 0; good && k < n; k++) {
        size_t d = axes_given ? (size_t)axes[k] : k;
        int64_t len = x->dims[d], by = steps_given ? steps[k] : 1;
        int64_t from = starts[k], to = ends[k];

        good = by != 0 && by != INT64_MIN;
        if (!good)
            break;
        from = clamp(from < 0 ? from + len : from, 0, by < 0 ? len - 1 : len);
        to = clamp(to < 0 ? to + len : to, by < 0 ? -1 : 0, len);
        if (ends[k] < -len && by < 0)
            to = -1;
        int64_t span = by < 0 ? from - to : to - from, size = by < 0 ? -by : by;
        dims[d] = span <= 0 ? 0 : (span - 1) / size + 1;
        if (dims[d] > 0) {
            base += (size_t)from * strides[d];
            step[d] = dims[d] > 1 ? (ptrdiff_t)by * (ptrdiff_t)strides[d] : 0;
        }
    }
    if (!good) {
        (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node,
                          "one start, end and step for each axis",
                          "lists that do not match");
        return NULL;
    }
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, x->type, x->rank, dims);
    if (y != NULL)
        gather_strided(y, x, base, step);
    return y;
}

static const struct onnx_tensor *
gather(struct onnx_context *ctx, struct onnx_graph *graph, const struct onnx_node *node,
       const struct onnx_tensor *x, const struct onnx_tensor *which)
{
    int64_t dims[ONNX_MAX_RANK];
    size_t axis, rank = x->rank + (which == NULL ? 0 : which->rank), outer = 1, inner = 1;

    if (which == NULL || which->type != ONNX_INT || x->rank == 0 ||
        rank - 1 > ONNX_MAX_RANK) {
        (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "integer indices",
                          "something else");
        return NULL;
    }
    if (!onnx_axis(ctx, node, "axis", 0, x->rank, &axis))
        return NULL;
    size_t to = 0;
    for (size_t d = 0; d < axis; d++) {
        dims[to++] = x->dims[d];
        outer *= (size_t)x->dims[d];
    }
    for (size_t d = 0; d < which->rank; d++)
        dims[to++] = which->dims[d];
    for (size_t d = axis + 1; d < x->rank; d++) {
        dims[to++] = x->dims[d];
        inner *= (size_t)x->dims[d];
    }
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, x->type, to, dims);
    if (y == NULL)
        return NULL;
    size_t at = 0, len = (size_t)x->dims[axis];
    for (size_t o = 0; o < outer; o++)
        for (size_t k = 0; k < which->n; k++) {
            int64_t i = which->i[k] < 0 ? which->i[k] + (int64_t)len : which->i[k];

            if (i < 0 || i >= (int64_t)len) {
                (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "an index inside",
                                  "index %lld of %zu", (long long)which->i[k], len);
                return NULL;
            }
            for (size_t in = 0; in < inner; in++)
                copy_one(y, at++, x, (o * len + (size_t)i) * inner + in);
        }
    return y;
}

static const struct onnx_tensor *concat(struct onnx_context *ctx,
                                        struct onnx_graph *graph,
                                        const struct onnx_node *node,
                                        const struct onnx_tensor *const *in)
{
    int64_t dims[ONNX_MAX_RANK];
    size_t axis, outer = 1, inner = 1;

    if (in[0]->rank == 0 || !onnx_axis(ctx, node, "axis", 1, in[0]->rank, &axis)) {
        (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "tensors with axes", "a scalar");
        return NULL;
    }
    memcpy(dims, in[0]->dims, sizeof(dims));
    for (size_t k = 1; k < node->n_inputs; k++) {
        bool good =
            in[k] != NULL && in[k]->type == in[0]->type && in[k]->rank == in[0]->rank;

        for (size_t d = 0; good && d < in[0]->rank; d++)
            good = d == axis ? !__builtin_add_overflow(dims[d], in[k]->dims[d], &dims[d])
                             : dims[d] == in[k]->dims[d];
        if (!good) {
            (void)onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "equal shapes but for the axis",
                              "input %zu differs", k);
            return NULL;
        }
    }
    for (size_t d = 0; d < in[0]->rank; d++) {
        outer *= d < axis ? (size_t)dims[d] : 1;
        inner *= d > axis ? (size_t)dims[d] : 1;
    }
    struct onnx_tensor *y =
        onnx_fold_new(ctx, graph, node, in[0]->type, in[0]->rank, dims);
    size_t at = 0;
    for (size_t o = 0; y != NULL && o < outer; o++)
        for (size_t k = 0; k < node->n_inputs; k++) {
            size_t len = (size_t)in[k]->dims[axis] * inner;

            for (size_t i = 0; i < len; i++)
                copy_one(y, at++, in[k], o * len + i);
        }
    return y;
}

static const struct onnx_tensor *
of_shape(struct onnx_context *ctx, struct onnx_graph *graph, const struct onnx_node *node)
{
    const struct onnx_attribute *value = onnx_node_attribute(node, "value");
    const struct onnx_tensor *fill = value == NULL ? NULL : value->tensor;
    int64_t dims[ONNX_MAX_RANK];
    size_t rank;
    bool given;

    if (!onnx_ints_input(ctx, graph, node, 0, dims, &rank, &given))
        return NULL;
    if (value != NULL && (fill == NULL || fill->n != 1)) {
        (void)onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "a value of one element",
                          "something else");
        return NULL;
    }
    struct onnx_tensor *y = onnx_fold_new(
        ctx, graph, node, fill == NULL ? ONNX_FLOAT : fill->type, rank, dims);
    for (size_t i = 0; y != NULL && fill != NULL && i < y->n; i++)
        copy_one(y, i, fill, 0);
    return y;
}

static const struct onnx_tensor *shape_of(struct onnx_context *ctx,
                                          struct onnx_graph *graph,
                                          const struct onnx_node *node,
                                          const struct onnx_tensor *x)
{
    size_t from, to;

    if (!onnx_shape_part(ctx, node, x->rank, &from, &to))
        return NULL;
    int64_t n = (int64_t)(to - from);
    struct onnx_tensor *y = onnx_fold_new(ctx, graph, node, ONNX_INT, 1, &n);
    if (y != NULL)
        memcpy(y->i, x->dims + from, (to - from) * sizeof(*y->i));
    return y;
}

const struct onnx_tensor *onnx_fold_move(struct onnx_context *ctx,
                                         struct onnx_graph *graph,
                                         const struct onnx_node *node,
                                         const struct onnx_tensor *const *in,
                                         bool *ret_known)
{
    const char *op = node->op;

    *ret_known = true;
    if (strcmp(op, "Transpose") == 0)
        return transpose(ctx, graph, node, in[0]);
    if (strcmp(op, "Reshape") == 0 || strcmp(op, "Flatten") == 0 ||
        strcmp(op, "Squeeze") == 0 || strcmp(op, "Unsqueeze") == 0)
        return reshape(ctx, graph, node, in[0]);
    if (strcmp(op, "Expand") == 0)
        return expand(ctx, graph, node, in[0]);
    if (strcmp(op, "Slice") == 0)
        return slice(ctx, graph, node, in[0]);
    if (strcmp(op, "Gather") == 0)
        return gather(ctx, graph, node, in[0], node->n_inputs > 1 ? in[1] : NULL);
    if (strcmp(op, "Concat") == 0)
        return concat(ctx, graph, node, in);
    if (strcmp(op, "ConstantOfShape") == 0)
        return of_shape(ctx, graph, node);
    if (strcmp(op, "Shape") == 0)
        return shape_of(ctx, graph, node, in[0]);
    *ret_known = false;
    return NULL;
}
