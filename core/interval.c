/* SPDX-License-Identifier: Apache-2.0 */
#include "core/interval.h"

#include <math.h>

struct interval interval_wilson(uint64_t hits, uint64_t n, double z)
{
    if (n == 0)
        return (struct interval) { 0.0, 1.0 };

    double total = (double)n, share = (double)hits / total;
    double z2 = z * z;
    double middle = share + z2 / (2.0 * total);
    double half = z * sqrt((share * (1.0 - share) + z2 / (4.0 * total)) / total);
    double scale = 1.0 + z2 / total;

    /* Exact at the ends, where rounding would leave 1e-17 or fall short of 1. */
    return (struct interval) { hits == 0 ? 0.0 : (middle - half) / scale,
                               hits == n ? 1.0 : (middle + half) / scale };
}

/* By halving: erfc falls with z, and nobody asks often. */
double interval_one_sided(double confidence)
{
    double low = 0.0, high = 40.0;

    for (int i = 0; i < 64; i++) {
        double z = 0.5 * (low + high);

        if (0.5 * erfc(z / sqrt(2.0)) > 1.0 - confidence)
            low = z;
        else
            high = z;
    }
    return high;
}
