/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_view.h - which axis of a tensor is which side of its map.
 *
 * A view says of every axis of a tensor in the file which of batch, channel, row and
 * column it runs over, in which order where several were flattened into one. Sides of
 * length 1 are in no axis: they can be anywhere. Reshape and Transpose change the view
 * and nothing else. Internal to storage/onnx_*.
 */
#ifndef STORAGE_ONNX_VIEW_H
#define STORAGE_ONNX_VIEW_H

#include "storage/onnx_tensor.h"

enum view_side { VIEW_N, VIEW_C, VIEW_H, VIEW_W, VIEW_SIDES };

struct onnx_view {
    int64_t
        side[VIEW_SIDES]; /* lengths; VIEW_N: the batch of the file, 1 if it is free */
    size_t rank;
    int64_t dims[ONNX_MAX_RANK];
    struct view_axis {
        size_t n;
        unsigned char part[VIEW_SIDES]; /* the last one runs fastest */
    } axes[ONNX_MAX_RANK];
};

/* A view with one side on each axis; sides of length 1 are left out. */
void view_make(struct onnx_view *view, const int64_t side[VIEW_SIDES],
               const enum view_side *order, size_t rank);
/* False: an axis of the new shape would cut a side in pieces. */
bool view_reshape(struct onnx_view *view, size_t rank, const int64_t *dims);
void view_permute(struct onnx_view *view, const size_t *perm);

/* Does the axis run over exactly this side, or, if that has length 1, over nothing? */
bool view_axis_is(const struct onnx_view *view, size_t axis, enum view_side side);
/* The side of rows or columns that the axis runs over, VIEW_H or VIEW_W; else VIEW_SIDES.
 * Sides of length 1 as well, where only one way is left: more than one channel, rows
 * before columns, the batch first. */
enum view_side view_spatial(const struct onnx_view *view, size_t axis);
/* Rank 4, batch, channel, row, column: what Conv and pools take. */
bool view_is_nchw(const struct onnx_view *view);
/* Do two tensors of equal sides have equal axes? */
bool view_equal(const struct onnx_view *a, const struct onnx_view *b);

/* Are they equal but for channels, which axis `axis` runs over in both? */
bool view_beside(const struct onnx_view *a, const struct onnx_view *b, size_t axis);

/* A constant that is broadcast over the view, as one number for each channel: ret
 * [side[VIEW_C]]. Adds axes in front of the view if the constant has more. False with a
 * reason in *ret_why: it is larger than the view, or varies within a channel. */
bool view_per_channel(struct onnx_view *view, const struct onnx_tensor *constant,
                      float *ret, const char **ret_why);

#endif
