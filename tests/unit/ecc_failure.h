/* SPDX-License-Identifier: Apache-2.0 */
/* ecc_failure.h - how many codewords a code cannot mend, to hold counts of them against.
 */
#ifndef TESTS_UNIT_ECC_FAILURE_H
#define TESTS_UNIT_ECC_FAILURE_H

#include "core/ecc.h"

#include <math.h>

/* Probability that a codeword has more errors than the code corrects; without a code,
 * any. */
static inline double word_failure(enum ecc_code code, unsigned n_data, double p)
{
    unsigned n = n_data + ecc_check_bits(code);
    double sum = 0.0;

    for (unsigned e = (unsigned)code + 1; e <= n; e++)
        sum += ecc_chance(n, e, p);
    return fmin(sum, 1.0);
}

#endif
