/* SPDX-License-Identifier: Apache-2.0 */
/* accept.h - which of the types that there are does a client want? RFC 9110, 12.5.1.
 *
 * Pure. The list is walked once for each type and takes no memory. The range that says
 * most of a type counts: with its parameters, the type alone, all of its kind, all. A
 * parameter that we do not name (charset of JSON) is no reason to refuse. As clients send
 * them, `*` stands for all types and ".2" is a weight. What is malformed is not there; a
 * list without anything else wants everything.
 */
#ifndef API_ACCEPT_H
#define API_ACCEPT_H

#include <stddef.h>

/* `types` is ended by NULL: media types in lower case with their parameters, as in
 * Content-Type ("text/plain; version=0.0.4"). The one that `accept` wants most, the first
 * among equals; NULL if it wants none. */
const char *accept_choose(const char *accept, const char *const *types);

#endif
