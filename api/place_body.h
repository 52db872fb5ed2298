/* SPDX-License-Identifier: Apache-2.0 */
/* place_body.h - places in the array, as bodies name them: {"layer","row","column"}. */
#ifndef API_PLACE_BODY_H
#define API_PLACE_BODY_H

#include "api/json_body.h"
#include "api/place.h"

/* Reads the three members of `object`, which may have others. Each adds a violation where
 * it is missing, of another type, or not a place of the network; false then. `base`:
 * pointer of the object. */
bool place_body_read(const json_t *object, const struct network *net, const char *base,
                     struct violations *violations, struct place *ret_place);

/* The layer that a text names; else a violation with the nearest name. */
bool place_body_layer(const char *name, const struct network *net, const char *pointer,
                      struct violations *violations, size_t *ret_layer);

/* A cell that a list names: a weight's own or, as partner, the other one of its pair. */
struct place_cell {
    struct place place;
    bool partner;
    size_t index; /* in the list */
};
/* Sorts the cells; a violation at LIST/INDEX for the first one that is named twice. */
void place_body_distinct(struct place_cell *cells, size_t n, const char *list,
                         struct violations *violations);

#endif
