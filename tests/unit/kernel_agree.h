/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_agree.h - does a kernel give the bits of a bit-by-bit count?
 *
 * Needs nothing but core, so that it also runs where no test library is (tests/arm64.sh).
 */
#ifndef TESTS_UNIT_KERNEL_AGREE_H
#define TESTS_UNIT_KERNEL_AGREE_H

#include "core/kernel.h"

#include <stdbool.h>
#include <stddef.h>

/* One call of counts and fire on random bits, compared with a count of single bits. False
 * with a line on stderr where they differ. */
bool kernel_agree_shape(const struct kernel *kernel, size_t n_in, size_t n_out,
                        size_t n_x, size_t extra_stride);

/* The same with rows of pixels: kernel_lookup.h. */
bool kernel_agree_pixels(const struct kernel *kernel, size_t n_in, size_t n_out);

/* Many shapes. */
bool kernel_agree(const struct kernel *kernel);

#endif
