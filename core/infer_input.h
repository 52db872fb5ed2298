/* SPDX-License-Identifier: Apache-2.0 */
/* infer_input.h - how 8-bit pixels meet one-bit weights.
 *
 * Private to the forward pass. Bytes become bit vectors eight at a time by arithmetic on
 * words, without an instruction set of their own. Pure; any thread.
 */
#ifndef CORE_INFER_INPUT_H
#define CORE_INFER_INPUT_H

#include "core/kernel.h"

#include <stddef.h>
#include <stdint.h>

#define INFER_PLANES 8

/* Bit i: pixel i >= threshold. 1 <= threshold <= 255. ret_bits: bits_words(n) words,
 * padding zero. */
void infer_input_binary(const uint8_t *pixels, size_t n, uint32_t threshold,
                        uint64_t *ret_bits);

/* Bit i of row b: bit b of pixel i. ret_planes: INFER_PLANES rows of bits_words(n) words,
 * padding zero. */
void infer_input_planes(const uint8_t *pixels, size_t n, uint64_t *ret_planes);

/* Sum over the planes b of 2^b counts[b]. counts: INFER_PLANES rows of 8 * n_blocks;
 * ret_weighted: 8 * n_blocks; may be the first row of counts. */
void infer_input_weigh(const int32_t *counts, size_t n_blocks, uint32_t *ret_weighted);

/* Output bits of weighted sums: kernel.h's rule with the sum in place of the count.
 * ret_y: ceil(n_blocks / 8) words. */
void infer_input_fire(const uint32_t *weighted, size_t n_blocks,
                      const struct kernel_rule *rule, uint64_t *ret_y);

#endif
