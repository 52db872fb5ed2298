/* SPDX-License-Identifier: Apache-2.0 */
/* interval.h - how sure is a share that was counted? Pure. */
#ifndef CORE_INTERVAL_H
#define CORE_INTERVAL_H

#include <stdint.h>

/* 97.5 % quantile of the normal distribution: two-sided 95 %. */
#define INTERVAL_95 1.959963984540054

struct interval {
    double low, high; /* 0 <= low <= share <= high <= 1 */
};

/* The interval of a share of `hits` in `n` (hits <= n) whose ends are z deviations away,
 * by Wilson's score, which stays inside 0..1 and does not shrink to a point at 0 or n
 * hits. n == 0 gives 0 .. 1. Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209. */
struct interval interval_wilson(uint64_t hits, uint64_t n, double z);

/* The z that a normal variable exceeds with probability 1 - confidence (0.5 <= confidence
 * < 1): with it, one end of the interval alone holds with that confidence. */
double interval_one_sided(double confidence);

#endif
