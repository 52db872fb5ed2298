/* SPDX-License-Identifier: Apache-2.0 */
/* infer_input.h - 8-bit pixels become bit vectors.
 *
 * Private to the forward pass. Pure; any thread.
 */
#ifndef CORE_INFER_INPUT_H
#define CORE_INFER_INPUT_H

#include "core/kernel.h"

#include <stddef.h>
#include <stdint.h>

/* Bit i: pixel i >= threshold. 1 <= threshold <= 255. ret_bits: bits_words(n) words,
 * padding zero. */
void infer_input_binary(const uint8_t *pixels, size_t n, uint32_t threshold,
                        uint64_t *ret_bits);

/* Bit i of row b: bit b of pixel i. ret_planes: KERNEL_PLANES rows of bits_words(n)
 * words, padding zero. */
void infer_input_planes(const uint8_t *pixels, size_t n, uint64_t *ret_planes);

#endif
