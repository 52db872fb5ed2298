/* SPDX-License-Identifier: Apache-2.0 */
/* infer_input.h - 8-bit pixels become bit vectors.
 *
 * Private to the forward pass. Pure; any thread.
 */
#ifndef CORE_INFER_INPUT_H
#define CORE_INFER_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* Bit i: pixel i >= threshold. 1 <= threshold <= 255. ret_bits: bits_words(n) words,
 * padding zero. */
void infer_input_binary(const uint8_t *pixels, size_t n, uint32_t threshold,
                        uint64_t *ret_bits);

#endif
