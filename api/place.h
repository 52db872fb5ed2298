/* SPDX-License-Identifier: Apache-2.0 */
/* place.h - the weight or the layer of a network that somebody names. Pure; any thread.
 */
#ifndef API_PLACE_H
#define API_PLACE_H

#include "core/network.h"

/* One weight. */
struct place {
    size_t layer, row, column; /* row: output, column: input */
};

/* False if there is none of that name. */
bool place_find_layer(const struct network *net, const char *name, size_t *ret_layer);
/* The name that was probably meant, of the network; NULL if none is near. */
const char *place_nearest_layer(const struct network *net, const char *name);

#endif
