/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_bounds.h - between which numbers every channel of a map lies, whatever the
 * picture.
 *
 * Interval arithmetic from the pixels on. What it finds is remarked or refused, and
 * decides no threshold: stored bits may be read wrong, and sums then leave these bounds.
 * Internal to storage/onnx_*.
 */
#ifndef STORAGE_ONNX_BOUNDS_H
#define STORAGE_ONNX_BOUNDS_H

#include "storage/onnx_ir.h"

/* Sets least, most, whole and reached of the live nodes. False: no memory. */
bool onnx_bounds(struct onnx_context *ctx, struct ir *ir);

#endif
