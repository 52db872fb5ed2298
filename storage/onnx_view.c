/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_view.h"

#include <string.h>

void view_make(struct onnx_view *view, const int64_t side[VIEW_SIDES],
               const enum view_side *order, size_t rank)
{
    memset(view, 0, sizeof(*view));
    memcpy(view->side, side, sizeof(view->side));
    view->rank = rank;
    for (size_t i = 0; i < rank; i++) {
        view->dims[i] = side[order[i]];
        if (side[order[i]] != 1)
            view->axes[i] = (struct view_axis) { 1, { (unsigned char)order[i] } };
    }
}

bool view_reshape(struct onnx_view *view, size_t rank, const int64_t *dims)
{
    unsigned char parts[VIEW_SIDES];
    size_t n = 0, at = 0;
    struct view_axis axes[ONNX_MAX_RANK];

    memset(axes, 0, sizeof(axes));
    for (size_t i = 0; i < view->rank; i++)
        for (size_t k = 0; k < view->axes[i].n && n < VIEW_SIDES; k++)
            parts[n++] = view->axes[i].part[k];
    for (size_t i = 0; i < rank; i++) {
        int64_t have = 1;

        while (have < dims[i] && at < n) {
            have *= view->side[parts[at]];
            axes[i].part[axes[i].n++] = parts[at++];
        }
        if (have != dims[i])
            return false;
    }
    if (at != n)
        return false;
    view->rank = rank;
    memcpy(view->axes, axes, sizeof(axes));
    for (size_t i = 0; i < rank; i++)
        view->dims[i] = dims[i];
    return true;
}

void view_permute(struct onnx_view *view, const size_t *perm)
{
    struct onnx_view old = *view;

    for (size_t i = 0; i < view->rank; i++) {
        view->axes[i] = old.axes[perm[i]];
        view->dims[i] = old.dims[perm[i]];
    }
}

bool view_axis_is(const struct onnx_view *view, size_t axis, enum view_side side)
{
    const struct view_axis *a = &view->axes[axis];

    if (view->side[side] == 1)
        return a->n == 0;
    return a->n == 1 && a->part[0] == side;
}

enum view_side view_spatial(const struct onnx_view *view, size_t axis)
{
    const struct view_axis *a = &view->axes[axis];
    enum view_side single[2] = { VIEW_SIDES, VIEW_SIDES };
    size_t n_sides = 0, n_axes = 0, before = 0;

    if (a->n == 1 && (a->part[0] == VIEW_H || a->part[0] == VIEW_W))
        return (enum view_side)a->part[0];
    for (unsigned side = VIEW_H; side <= VIEW_W; side++)
        if (view->side[side] == 1)
            single[n_sides++] = (enum view_side)side;
    for (size_t d = 1; d < view->rank; d++) {
        n_axes += view->axes[d].n == 0;
        before += view->axes[d].n == 0 && d < axis;
    }
    bool one_way = axis > 0 && a->n == 0 && view->side[VIEW_C] > 1 && n_axes == n_sides;
    return one_way ? single[before] : VIEW_SIDES;
}

bool view_is_nchw(const struct onnx_view *view)
{
    return view->rank == 4 && view_axis_is(view, 0, VIEW_N) &&
           view_axis_is(view, 1, VIEW_C) && view_axis_is(view, 2, VIEW_H) &&
           view_axis_is(view, 3, VIEW_W);
}

static bool axis_equal(const struct onnx_view *a, const struct onnx_view *b, size_t axis)
{
    const struct view_axis *x = &a->axes[axis], *y = &b->axes[axis];

    return x->n == y->n && memcmp(x->part, y->part, x->n) == 0;
}

bool view_equal(const struct onnx_view *a, const struct onnx_view *b)
{
    bool equal = a->rank == b->rank;

    for (size_t i = 0; equal && i < a->rank; i++)
        equal = axis_equal(a, b, i);
    return equal;
}

bool view_beside(const struct onnx_view *a, const struct onnx_view *b, size_t axis)
{
    bool beside = a->rank == b->rank && view_axis_is(a, axis, VIEW_C) &&
                  view_axis_is(b, axis, VIEW_C);

    for (size_t i = 0; beside && i < a->rank; i++)
        beside = i == axis || axis_equal(a, b, i);
    return beside;
}

/* The channel that index `i` of an axis stands for, or -1 where it runs over none. */
static int64_t channel_of(const struct onnx_view *view, size_t axis, int64_t i)
{
    const struct view_axis *a = &view->axes[axis];

    for (size_t k = a->n; k-- > 0;) {
        int64_t len = view->side[a->part[k]];

        if (a->part[k] == VIEW_C)
            return i % len;
        i /= len;
    }
    return -1;
}

static void add_axes(struct onnx_view *view, size_t rank)
{
    size_t more = rank - view->rank;

    memmove(view->axes + more, view->axes, view->rank * sizeof(view->axes[0]));
    memmove(view->dims + more, view->dims, view->rank * sizeof(view->dims[0]));
    for (size_t i = 0; i < more; i++) {
        view->axes[i] = (struct view_axis) { 0 };
        view->dims[i] = 1;
    }
    view->rank = rank;
}

bool view_per_channel(struct onnx_view *view, const struct onnx_tensor *constant,
                      float *ret, const char **ret_why)
{
    int64_t index[ONNX_MAX_RANK] = { 0 }, n_channels = view->side[VIEW_C];
    bool first = true;

    *ret_why = "a constant without elements";
    if (constant->rank > view->rank)
        add_axes(view, constant->rank);
    size_t shift = view->rank - constant->rank;
    for (size_t i = 0; i < constant->rank; i++)
        if (constant->dims[i] != 1 && constant->dims[i] != view->dims[i + shift]) {
            *ret_why = "a constant whose shape does not fit the tensor";
            return false;
        }
    /* The channel that the present element belongs to: -1 for all of them. */
    int64_t previous = -1;
    for (size_t at = 0; at < constant->n; at++) {
        int64_t channel = -1;
        float value = onnx_tensor_at(constant, at);

        for (size_t i = 0; i < constant->rank; i++)
            if (constant->dims[i] != 1) {
                int64_t found = channel_of(view, i + shift, index[i]);
                channel = found >= 0 ? found : channel;
            }
        if (channel < 0) {
            if (!first && ret[0] != value) {
                *ret_why = "a constant that varies within a channel";
                return false;
            }
            for (int64_t c = 0; first && c < n_channels; c++)
                ret[c] = value;
            first = false;
        } else {
            /* Channels come in rising order the first time round. */
            if (channel > previous) {
                ret[channel] = value;
                previous = channel;
            } else if (ret[channel] != value) {
                *ret_why = "a constant that varies within a channel";
                return false;
            }
        }
        for (size_t i = constant->rank; i-- > 0;) {
            if (++index[i] < constant->dims[i])
                break;
            index[i] = 0;
        }
    }
    return constant->n > 0;
}
