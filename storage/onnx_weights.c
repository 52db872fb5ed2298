/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_weights.h"

#include "core/bits.h"

#include <math.h>
#include <string.h>

/* Exporters fold scales in float32: magnitudes of a row differ by a few roundings. */
#define TOLERANCE 1e-5F

void weights_look(const float *rows, size_t n_rows, size_t n_in, struct weights_look *ret)
{
    bool plus = false, minus = false;

    memset(ret, 0, sizeof(*ret));
    ret->n_rows = n_rows;
    ret->finite = true;
    for (size_t j = 0; j < n_rows; j++) {
        const float *row = rows + j * n_in;
        float most = 0, least = HUGE_VALF;
        size_t n_zeros = 0;

        for (size_t k = 0; k < n_in; k++) {
            float magnitude = fabsf(row[k]);

            ret->finite &= isfinite(magnitude) != 0;
            plus |= row[k] > 0;
            minus |= row[k] < 0;
            most = magnitude > most ? magnitude : most;
            if (magnitude == 0)
                n_zeros++;
            else if (magnitude < least)
                least = magnitude;
        }
        if (n_zeros == n_in) {
            ret->n_zero++;
        } else if (most - least > TOLERANCE * most) {
            float spread = 1 - least / most;

            if (ret->n_mixed++ == 0 || spread > ret->worst_spread) {
                ret->worst_row = j;
                ret->worst_spread = spread;
            }
        } else if (n_zeros > 0) {
            ret->n_holed++;
            ret->n_holes += n_zeros;
        }
    }
    ret->both_signs = plus && minus;
}

bool weights_pack(struct onnx_context *ctx, const float *rows, size_t n_rows, size_t n_in,
                  uint64_t **ret_bits, float **ret_scale)
{
    size_t n_words = bits_words(n_in);
    uint64_t *bits = onnx_new(ctx, n_rows * n_words, sizeof(*bits));
    float *scale = onnx_new(ctx, n_rows, sizeof(*scale));

    if (bits == NULL || scale == NULL)
        return false;
    for (size_t j = 0; j < n_rows; j++)
        for (size_t k = 0; k < n_in; k++) {
            float w = rows[j * n_in + k];

            if (w > 0)
                bits_put(bits + j * n_words, k, true);
            scale[j] = fabsf(w) > scale[j] ? fabsf(w) : scale[j];
        }
    *ret_bits = bits;
    *ret_scale = scale;
    return true;
}
