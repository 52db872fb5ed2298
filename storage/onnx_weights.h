/* SPDX-License-Identifier: Apache-2.0 */
/* onnx_weights.h - are these weights binary? Internal to storage/onnx_*. */
#ifndef STORAGE_ONNX_WEIGHTS_H
#define STORAGE_ONNX_WEIGHTS_H

#include "storage/onnx_context.h"

struct weights_look {
    size_t n_rows;
    size_t n_mixed;     /* rows of more than one magnitude */
    size_t n_zero;      /* rows of zeros only */
    size_t n_holed;     /* rows of one magnitude, and zeros */
    size_t n_holes;     /* zeros in those */
    size_t worst_row;   /* of the mixed */
    float worst_spread; /* 1 - least / greatest magnitude of the worst row */
    bool both_signs, finite;
};

void weights_look(const float *rows, size_t n_rows, size_t n_in,
                  struct weights_look *ret);
static inline bool weights_binary(const struct weights_look *look)
{
    return look->n_mixed == 0 && look->n_holed == 0 && look->n_zero < look->n_rows;
}
/* Signs as bits, rows of bits_words(n_in) words, and the magnitude of every row; arena.
 */
bool weights_pack(struct onnx_context *ctx, const float *rows, size_t n_rows, size_t n_in,
                  uint64_t **ret_bits, float **ret_scale);

#endif
