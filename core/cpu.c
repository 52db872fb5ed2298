/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cpu.h"

#if defined(__x86_64__)

/* The compilers' run time asks XGETBV too, so a register file that the operating system
 * does not save counts as missing. __builtin_cpu_init may be called again and again. */
bool cpu_has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("bmi");
}

bool cpu_has_avx512_vpopcntdq(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vpopcntdq");
}

bool cpu_has_avx512_vnni(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni");
}

bool cpu_has_avx512_gfni(void)
{
    return cpu_has_avx512_vpopcntdq() && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("gfni");
}

bool cpu_has_slow_ternary_logic(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_is("amd");
}

#else

bool cpu_has_avx2(void)
{
    return false;
}

bool cpu_has_avx512_vpopcntdq(void)
{
    return false;
}

bool cpu_has_avx512_vnni(void)
{
    return false;
}

bool cpu_has_avx512_gfni(void)
{
    return false;
}

bool cpu_has_slow_ternary_logic(void)
{
    return false;
}

#endif
