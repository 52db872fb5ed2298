/* SPDX-License-Identifier: Apache-2.0 */
/* layer_stats.h - what can be told of a layer's weights without data. Pure. */
#ifndef CLI_LAYER_STATS_H
#define CLI_LAYER_STATS_H

#include "core/network.h"

struct layer_stats {
    size_t cells;
    size_t plus_ones; /* weights that are +1 */
    /* Outputs whose threshold no input can cross, 0 for a layer of logits. */
    size_t never_fire, always_fire;
};

/* Layer `layer` of a checked network. */
struct layer_stats layer_stats(const struct network *net, size_t layer);

#endif
