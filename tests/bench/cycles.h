/* SPDX-License-Identifier: Apache-2.0 */
/* cycles.h - thread CPU time in core cycles.
 *
 * Virtual machines have no cycle counter for us and their clock moves, so it is measured
 * beside each timing: a chain of dependent 64-bit multiplications, three cycles each on
 * every x86-64 core since 2008.
 */
#ifndef TESTS_BENCH_CYCLES_H
#define TESTS_BENCH_CYCLES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define CYCLES_CHAIN        10
#define CYCLES_ROUNDS       5000
#define CYCLES_PER_MULTIPLY 3.0

static inline double cpu_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* cannot fail with this clock */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Core cycles per nanosecond right now. */
static inline double cycles_per_ns(void)
{
    uint64_t v = 3;
    double began = cpu_ns();

    for (unsigned i = 0; i < CYCLES_ROUNDS; i++) {
#if defined(__x86_64__)
        __asm__ volatile(".rept 10\n\timul %0, %0\n\t.endr" : "+r"(v));
#else
        for (unsigned k = 0; k < CYCLES_CHAIN; k++)
            __asm__ volatile("" : "+r"(v) : "0"(v * v));
#endif
    }
    return CYCLES_PER_MULTIPLY * CYCLES_CHAIN * CYCLES_ROUNDS / (cpu_ns() - began);
}

static inline int cycles_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts the values. */
static inline double cycles_median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), cycles_compare);
    return values[n / 2];
}

#endif
