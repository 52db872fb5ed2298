/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interval.h"

#include <math.h>

struct interval interval_wilson(uint64_t hits, uint64_t n)
{
    if (n == 0)
        return (struct interval) { 0.0, 1.0 };

    double total = (double)n, share = (double)hits / total;
    double z2 = INTERVAL_95 * INTERVAL_95;
    double middle = share + z2 / (2.0 * total);
    double half =
        INTERVAL_95 * sqrt((share * (1.0 - share) + z2 / (4.0 * total)) / total);
    double scale = 1.0 + z2 / total;

    /* Exact at the ends, where rounding would leave 1e-17 or fall short of 1. */
    return (struct interval) { hits == 0 ? 0.0 : (middle - half) / scale,
                               hits == n ? 1.0 : (middle + half) / scale };
}
