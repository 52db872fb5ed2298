/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_isa.h - what kernel.c takes from the file of each instruction set.
 *
 * Private to the kernel files. A function may run only where its kernel is usable.
 */
#ifndef CORE_KERNEL_ISA_H
#define CORE_KERNEL_ISA_H

#include "core/kernel.h"

/* Loops of a known count whose body names registers: gone through in full. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

#define KERNEL_DECLARE(isa)                                                              \
    void kernel_counts_##isa(const struct kernel_matrix *w, const uint64_t *x,           \
                             size_t n_x, size_t x_stride, int32_t *ret_m);               \
    void kernel_fire_##isa(const struct kernel_matrix *w,                                \
                           const struct kernel_rule *rule, const uint64_t *x,            \
                           size_t n_x, size_t x_stride, uint64_t *ret_y,                 \
                           size_t y_stride);                                             \
    void kernel_lookup_##isa(const struct kernel_lookup_job *job);                       \
    void kernel_conv_##isa(const struct kernel_conv_job *job);                           \
    void kernel_pixels_##isa(const struct kernel_pixels_job *job);                       \
    void kernel_reals_##isa(const struct kernel_reals_job *job)

KERNEL_DECLARE(scalar);
KERNEL_DECLARE(neon);
KERNEL_DECLARE(avx2);
KERNEL_DECLARE(avx512);
KERNEL_DECLARE(avx512_csa);
/* The adder makes no difference to these. */
#define kernel_lookup_avx512_csa kernel_lookup_avx512
#define kernel_pixels_avx512_csa kernel_pixels_avx512
#define kernel_reals_avx512_csa  kernel_reals_avx512
/* Vectors of two lanes gain nothing. */
#define kernel_conv_neon   kernel_conv_scalar
#define kernel_pixels_neon kernel_pixels_scalar
#define kernel_reals_neon  kernel_reals_scalar
/* Only where cpu_has_avx512_vnni. */
void kernel_pixels_vnni(const struct kernel_pixels_job *job);

/* Clears the words of a result row that the blocks do not reach, so that the blocks may
 * be stored in any order. */
static inline void kernel_clear_last(const struct kernel_matrix *w, uint64_t *y,
                                     size_t n_x, size_t y_stride)
{
    if (w->n_blocks % KERNEL_LANES == 0)
        return;
    for (size_t i = 0; i < n_x; i++)
        y[i * y_stride + w->n_blocks / KERNEL_LANES] = 0;
}

#endif
