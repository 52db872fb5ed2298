/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/layer_stats.h"

#include "core/bits.h"

/* The least and the largest sum that inputs can give to an output with `ones` weights of
 * +1: inputs are +-1, or pixels 0..255 in front of a first layer that takes them. */
static void sum_range(size_t n_in, uint64_t ones, bool pixels, int64_t *ret_least,
                      int64_t *ret_most)
{
    *ret_least = pixels ? -255 * (int64_t)(n_in - ones) : -(int64_t)n_in;
    *ret_most = pixels ? 255 * (int64_t)ones : (int64_t)n_in;
}

struct layer_stats layer_stats(const struct network *net, size_t layer)
{
    const struct network_layer *l = &net->layers[layer];
    size_t i = network_layer_stage(net, layer);
    bool pixels = network_value(net, net->stages[i].in[0]).kind == NETWORK_VALUE_PIXELS;
    struct layer_stats stats = { .cells = l->n_in * l->n_out };

    for (size_t j = 0; j < l->n_out; j++) {
        size_t words = bits_words(l->n_in);
        uint64_t ones = bits_count(l->weights + j * words, words);
        int64_t least, most;

        stats.plus_ones += ones;
        if (l->kind != NETWORK_FIRE)
            continue;
        sum_range(l->n_in, ones, pixels, &least, &most);
        if (bits_get(l->falling, j)) {
            stats.never_fire += l->threshold[j] < least;
            stats.always_fire += l->threshold[j] >= most;
        } else {
            stats.never_fire += l->threshold[j] > most;
            stats.always_fire += l->threshold[j] <= least;
        }
    }
    return stats;
}
