/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_shape.h"

#include <string.h>

bool onnx_constant_input(struct onnx_context *ctx, const struct onnx_graph *graph,
                         const struct onnx_node *node, size_t i,
                         const struct onnx_tensor **ret)
{
    *ret = NULL;
    if (i >= node->n_inputs || node->in[i] == ONNX_NONE)
        return true;
    *ret = graph->values[node->in[i]].constant;
    if (*ret == NULL)
        return onnx_refuse(ctx, ONNX_CODE_OPERATOR, node, "a constant",
                           "input %zu is computed, not constant", i);
    return true;
}

bool onnx_ints_input(struct onnx_context *ctx, const struct onnx_graph *graph,
                     const struct onnx_node *node, size_t i, int64_t *ret, size_t *ret_n,
                     bool *ret_given)
{
    const struct onnx_tensor *t;

    *ret_n = 0;
    *ret_given = false;
    if (!onnx_constant_input(ctx, graph, node, i, &t))
        return false;
    if (t == NULL)
        return true;
    if (t->type != ONNX_INT || t->rank > 1 || t->n > ONNX_MAX_RANK)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "up to 8 integers",
                           "input %zu is not a short list of integers", i);
    memcpy(ret, t->i, t->n * sizeof(*ret));
    *ret_n = t->n;
    *ret_given = true;
    return true;
}

static bool from_front(struct onnx_context *ctx, const struct onnx_node *node, size_t end,
                       int64_t *axis)
{
    if (*axis < 0)
        *axis += (int64_t)end;
    if (*axis < 0 || *axis >= (int64_t)end)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "an axis of the tensor",
                           "axis outside %zu dimensions", end);
    return true;
}

bool onnx_axis(struct onnx_context *ctx, const struct onnx_node *node, const char *name,
               int64_t absent, size_t end, size_t *ret)
{
    int64_t axis;

    if (!onnx_node_int(ctx, node, name, absent, &axis) ||
        !from_front(ctx, node, end, &axis))
        return false;
    *ret = (size_t)axis;
    return true;
}

bool onnx_axes(struct onnx_context *ctx, const struct onnx_graph *graph,
               const struct onnx_node *node, size_t input, size_t rank, int64_t *ret,
               size_t *ret_n, bool *ret_given)
{
    const struct onnx_attribute *attribute = onnx_node_attribute(node, "axes");
    unsigned seen = 0;

    if (attribute != NULL) {
        if (attribute->kind != ONNX_ATTRIBUTE_INTS || attribute->n > ONNX_MAX_RANK)
            return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "up to 8 axes",
                               "attribute 'axes' is something else");
        memcpy(ret, attribute->ints, attribute->n * sizeof(*ret));
        *ret_n = attribute->n;
        *ret_given = true;
    } else if (!onnx_ints_input(ctx, graph, node, input, ret, ret_n, ret_given)) {
        return false;
    }
    for (size_t i = 0; i < *ret_n; i++) {
        if (!from_front(ctx, node, rank, &ret[i]))
            return false;
        if (seen >> ret[i] & 1)
            return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "each axis once",
                               "axis %lld twice", (long long)ret[i]);
        seen |= 1U << ret[i];
    }
    return true;
}

static bool flatten(struct onnx_context *ctx, const struct onnx_node *node, size_t rank,
                    const int64_t *dims, size_t *ret_rank, int64_t *ret_dims)
{
    int64_t axis;

    if (!onnx_node_int(ctx, node, "axis", 1, &axis))
        return false;
    if (axis < 0)
        axis += (int64_t)rank;
    if (axis < 0 || axis > (int64_t)rank)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "an axis of the tensor",
                           "axis outside %zu dimensions", rank);
    *ret_rank = 2;
    ret_dims[0] = ret_dims[1] = 1;
    for (size_t i = 0; i < rank; i++)
        ret_dims[(int64_t)i >= axis] *= dims[i];
    return true;
}

static bool squeeze(struct onnx_context *ctx, const struct onnx_graph *graph,
                    const struct onnx_node *node, size_t rank, const int64_t *dims,
                    size_t *ret_rank, int64_t *ret_dims)
{
    int64_t axes[ONNX_MAX_RANK];
    size_t n = 0, to = 0;
    bool given = false;

    if (!onnx_axes(ctx, graph, node, 1, rank, axes, &n, &given))
        return false;
    for (size_t i = 0; i < rank; i++) {
        bool drop = !given && dims[i] == 1;

        for (size_t k = 0; k < n; k++)
            drop |= axes[k] == (int64_t)i;
        if (drop && dims[i] != 1)
            return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "axes of length 1",
                               "axis %zu has length %lld", i, (long long)dims[i]);
        if (!drop)
            ret_dims[to++] = dims[i];
    }
    *ret_rank = to;
    return true;
}

static bool unsqueeze(struct onnx_context *ctx, const struct onnx_graph *graph,
                      const struct onnx_node *node, size_t rank, const int64_t *dims,
                      size_t *ret_rank, int64_t *ret_dims)
{
    const struct onnx_attribute *attribute = onnx_node_attribute(node, "axes");
    const struct onnx_tensor *input = NULL;
    int64_t axes[ONNX_MAX_RANK];
    size_t n = 0, from = 0;
    bool given = false;

    if (attribute == NULL && !onnx_constant_input(ctx, graph, node, 1, &input))
        return false;
    n = attribute != NULL ? attribute->n : input != NULL ? input->n : 0;
    if (n == 0 || n + rank > ONNX_MAX_RANK)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "axes, up to 8 dimensions in all",
                           "%zu new axes", n);
    *ret_rank = rank + n;
    if (!onnx_axes(ctx, graph, node, 1, *ret_rank, axes, &n, &given))
        return false;
    for (size_t i = 0; i < *ret_rank; i++) {
        bool fresh = false;

        for (size_t k = 0; k < n; k++)
            fresh |= axes[k] == (int64_t)i;
        ret_dims[i] = fresh ? 1 : dims[from++];
    }
    return true;
}

static bool reshape(struct onnx_context *ctx, const struct onnx_graph *graph,
                    const struct onnx_node *node, size_t rank, const int64_t *dims,
                    size_t *ret_rank, int64_t *ret_dims)
{
    int64_t allowzero, known = 1, all = 1;
    size_t open = SIZE_MAX;
    bool given = false;

    if (!onnx_node_int(ctx, node, "allowzero", 0, &allowzero) ||
        !onnx_ints_input(ctx, graph, node, 1, ret_dims, ret_rank, &given))
        return false;
    if (!given)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "a shape", "no shape");
    for (size_t i = 0; i < rank; i++)
        all *= dims[i];
    for (size_t i = 0; i < *ret_rank; i++) {
        if (ret_dims[i] == 0 && allowzero == 0 && i < rank)
            ret_dims[i] = dims[i];
        if (ret_dims[i] == -1 && open == SIZE_MAX)
            open = i;
        else if (ret_dims[i] <= 0 || __builtin_mul_overflow(known, ret_dims[i], &known))
            known = 0;
    }
    if (open != SIZE_MAX && known > 0 && all % known == 0)
        ret_dims[open] = all / known;
    if (known <= 0 || (open == SIZE_MAX ? known != all : all % known != 0))
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "a shape of as many elements",
                           "a shape that %lld elements do not fill", (long long)all);
    return true;
}

bool onnx_reshaped(struct onnx_context *ctx, const struct onnx_graph *graph,
                   const struct onnx_node *node, size_t rank, const int64_t *dims,
                   size_t *ret_rank, int64_t *ret_dims)
{
    if (strcmp(node->op, "Flatten") == 0)
        return flatten(ctx, node, rank, dims, ret_rank, ret_dims);
    if (strcmp(node->op, "Squeeze") == 0)
        return squeeze(ctx, graph, node, rank, dims, ret_rank, ret_dims);
    if (strcmp(node->op, "Unsqueeze") == 0)
        return unsqueeze(ctx, graph, node, rank, dims, ret_rank, ret_dims);
    return reshape(ctx, graph, node, rank, dims, ret_rank, ret_dims);
}

bool onnx_shape_part(struct onnx_context *ctx, const struct onnx_node *node, size_t rank,
                     size_t *ret_from, size_t *ret_to)
{
    int64_t n = (int64_t)rank, part[2];

    if (!onnx_node_int(ctx, node, "start", 0, &part[0]) ||
        !onnx_node_int(ctx, node, "end", n, &part[1]))
        return false;
    for (size_t i = 0; i < 2; i++) {
        part[i] += part[i] < 0 ? n : 0;
        part[i] = part[i] < 0 ? 0 : part[i] > n ? n : part[i];
    }
    *ret_from = (size_t)part[0];
    *ret_to = (size_t)(part[1] < part[0] ? part[0] : part[1]);
    return true;
}

bool onnx_permutation(struct onnx_context *ctx, const struct onnx_node *node, size_t rank,
                      size_t *perm)
{
    const int64_t *ints;
    size_t n;
    unsigned seen = 0;

    if (!onnx_node_ints(ctx, node, "perm", &ints, &n))
        return false;
    if (ints != NULL && n != rank)
        return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "one entry for each dimension",
                           "perm has %zu entries, the tensor %zu dimensions", n, rank);
    for (size_t i = 0; i < rank; i++) {
        int64_t axis = ints == NULL ? (int64_t)(rank - 1 - i) : ints[i];

        if (axis < 0 || axis >= (int64_t)rank || (seen >> axis & 1))
            return onnx_refuse(ctx, ONNX_CODE_SHAPE, node, "each axis once",
                               "perm is no permutation");
        seen |= 1U << axis;
        perm[i] = (size_t)axis;
    }
    return true;
}
