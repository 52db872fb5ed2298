/* SPDX-License-Identifier: Apache-2.0 */
#include "api/place.h"

#include "core/nearest.h"

#include <string.h>

bool place_find_layer(const struct network *net, const char *name, size_t *ret_layer)
{
    for (size_t l = 0; l < net->n_layers; l++) {
        if (strcmp(net->layers[l].name, name) == 0) {
            *ret_layer = l;
            return true;
        }
    }
    return false;
}

const char *place_nearest_layer(const struct network *net, const char *name)
{
    const char *names[NETWORK_MAX_LAYERS + 1];
    size_t n = 0;

    for (; n < net->n_layers && n < NETWORK_MAX_LAYERS; n++)
        names[n] = net->layers[n].name;
    names[n] = NULL;
    return nearest_name(name, names);
}
