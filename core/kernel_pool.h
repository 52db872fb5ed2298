/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_pool.h - the window's OR, or AND, of a map of bits.
 *
 * Words are the vectors here: plain C for every machine.
 */
#ifndef CORE_KERNEL_POOL_H
#define CORE_KERNEL_POOL_H

#include "core/network.h"

#include <stddef.h>
#include <stdint.h>

/* height x width x channels, a place being bits_words(channels) words with padding zero,
 * into a map of network_window_out places each way. Where and_mask has a one the bit is
 * the AND of the window, else its OR. What lies outside takes no part; nothing at all
 * gives 0. */
void kernel_pool_bits(const struct network_window *window, size_t height, size_t width,
                      size_t channels, const uint64_t *and_mask, const uint64_t *x,
                      uint64_t *ret_y);

#endif
