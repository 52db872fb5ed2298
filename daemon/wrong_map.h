/* SPDX-License-Identifier: Apache-2.0 */
/* wrong_map.h - which weights one generation delivered wrong, kept to be compared. */
#ifndef DAEMON_WRONG_MAP_H
#define DAEMON_WRONG_MAP_H

#include "api/place.h"
#include "core/mram.h"

/* Generations that a model keeps the maps of. */
#define WRONG_MAP_KEPT 16

struct wrong_map;

/* Of what `mram` delivers now. wanted[l]: layer l's words. Takes eight bytes a wrong
 * weight or one bit a weight, whichever is less. */
MUST_CHECK enum status wrong_map_new(const struct mram *mram,
                                     const uint64_t *const *wanted, uint64_t generation,
                                     struct wrong_map **ret_map);
void wrong_map_free(struct wrong_map *map);
uint64_t wrong_map_generation(const struct wrong_map *map);

/* Of one layer in two maps of the same model. */
struct wrong_overlap {
    uint64_t a, b, both;
};
/* Up to `max` weights wrong in both go to ret_places, in order of place; *ret_n of them.
 * n_cols: inputs of the layer. */
struct wrong_overlap wrong_map_compare(const struct wrong_map *a,
                                       const struct wrong_map *b, size_t layer,
                                       size_t n_cols, struct place *ret_places,
                                       size_t max, size_t *ret_n);

#endif
