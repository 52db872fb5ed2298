/* SPDX-License-Identifier: Apache-2.0 */
/* popcnt_loop.h - the base that kernels are compared with: one output after the other
 * from row-major weights, four sums, the instruction itself. Compilers would make vectors
 * of the same loop in C.
 */
#ifndef TESTS_BENCH_POPCNT_LOOP_H
#define TESTS_BENCH_POPCNT_LOOP_H

#include <stddef.h>
#include <stdint.h>

/* Differing bits. */
static inline uint64_t popcnt_loop(const uint64_t *a, const uint64_t *b, size_t n_words)
{
    uint64_t sum = 0;
    size_t n_tail = n_words % 4;

#if defined(__x86_64__)
    uint64_t s[4] = { 0 }, t[4];
    size_t n_rounds = n_words / 4;

    if (n_rounds > 0)
        __asm__ volatile(
            "1:\n\t"
            "mov (%[a]), %[t0]\n\tmov 8(%[a]), %[t1]\n\t"
            "mov 16(%[a]), %[t2]\n\tmov 24(%[a]), %[t3]\n\t"
            "xor (%[b]), %[t0]\n\txor 8(%[b]), %[t1]\n\t"
            "xor 16(%[b]), %[t2]\n\txor 24(%[b]), %[t3]\n\t"
            "popcnt %[t0], %[t0]\n\tpopcnt %[t1], %[t1]\n\t"
            "popcnt %[t2], %[t2]\n\tpopcnt %[t3], %[t3]\n\t"
            "add %[t0], %[s0]\n\tadd %[t1], %[s1]\n\t"
            "add %[t2], %[s2]\n\tadd %[t3], %[s3]\n\t"
            "add $32, %[a]\n\tadd $32, %[b]\n\tdec %[n]\n\tjnz 1b"
            : [s0] "+r"(s[0]), [s1] "+r"(s[1]), [s2] "+r"(s[2]), [s3] "+r"(s[3]),
              [t0] "=&r"(t[0]), [t1] "=&r"(t[1]), [t2] "=&r"(t[2]), [t3] "=&r"(t[3]),
              [a] "+r"(a), [b] "+r"(b), [n] "+r"(n_rounds)
            :
            : "memory", "cc");
    sum = s[0] + s[1] + s[2] + s[3];
#else
    n_tail = n_words;
#endif
    for (size_t k = 0; k < n_tail; k++) {
        uint64_t differing = a[k] ^ b[k];

#if defined(__x86_64__)
        __asm__("popcnt %0, %0" : "+r"(differing) : : "cc");
        sum += differing;
#else
        sum += (uint64_t)__builtin_popcountll(differing);
#endif
    }
    return sum;
}

#endif
