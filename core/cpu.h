/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h - which vector instructions may be used here.
 *
 * Each answer needs both the CPU and an operating system that saves the registers. False
 * on every other architecture. Any thread.
 */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include <stdbool.h>

/* AVX2 with POPCNT and BMI1. */
bool cpu_has_avx2(void);
/* AVX-512 F, BW, VL, DQ and VPOPCNTDQ. */
bool cpu_has_avx512_vpopcntdq(void);
/* AVX-512 F and VNNI. */
bool cpu_has_avx512_vnni(void);
/* AVX-512 of cpu_has_avx512_vpopcntdq, GFNI and VBMI. */
bool cpu_has_avx512_gfni(void);
/* AMD: a three-way logic instruction (vpternlog) whose inputs all come from registers
 * runs on half of the vector pipes, so code that trades counts for them loses (measured
 * on Zen 4, core/README.md). */
bool cpu_has_slow_ternary_logic(void);

#endif
