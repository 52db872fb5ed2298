/* SPDX-License-Identifier: Apache-2.0 */
/* etag.h - the lists of If-Match and If-None-Match (RFC 9110, 13.1). */
#ifndef API_ETAG_H
#define API_ETAG_H

#include <stdbool.h>

/* Does `list` name `tag`, our strong tag with its quotes, or is it "*"? `weak`: W/"x" in
 * the list names "x" too, as If-None-Match wants it; for If-Match it never does. What is
 * no list names nothing from there on. */
bool etag_matches(const char *list, const char *tag, bool weak);

#endif
