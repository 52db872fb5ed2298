/* SPDX-License-Identifier: Apache-2.0 */
/* interval.h - how sure is a share that was counted? Pure. */
#ifndef CLI_INTERVAL_H
#define CLI_INTERVAL_H

#include <stdint.h>

/* 97.5 % quantile of the normal distribution: two-sided 95 %. */
#define INTERVAL_95 1.959963984540054

struct interval {
    double low, high; /* 0 <= low <= share <= high <= 1 */
};

/* The 95 % interval of a share of `hits` in `n` (hits <= n), by Wilson's score, which
 * stays inside 0..1 and does not shrink to a point at 0 or n hits. n == 0 gives 0 .. 1.
 * Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209. */
struct interval interval_wilson(uint64_t hits, uint64_t n);

#endif
