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

/* One call of each function on random bits, compared with a count of single bits;
 * fire_planes takes eight of the n_x rows as one picture. False with a line on stderr
 * where they differ. */
bool kernel_agree_shape(const struct kernel *kernel, size_t n_in, size_t n_out,
                        size_t n_x, size_t extra_stride);

/* Many shapes. */
bool kernel_agree(const struct kernel *kernel);

#endif
