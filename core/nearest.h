/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.h - the name that somebody probably meant. Pure; any thread. */
#ifndef CORE_NEAREST_H
#define CORE_NEAREST_H

/* Longer words and names are near to nothing. */
#define NEAREST_MAX_LEN 64

/* The one of `names` (ended by NULL) that differs least from `word`, or NULL if none is
 * near: more than a third of the longer one's letters (at least one) would have to
 * change, and neither begins with the other. A change is a letter inserted, removed,
 * replaced or swapped with its neighbour (optimal string alignment distance); capitals
 * are small letters, '-' is '_'. Of equally near names the first one. */
const char *nearest_name(const char *word, const char *const *names);

#endif
