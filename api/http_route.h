/* SPDX-License-Identifier: Apache-2.0 */
/* http_route.h - from the bytes of a request target to a row of the route table.
 *
 * Inside api/ only. Pure functions; the table is read by all data threads.
 */
#ifndef API_HTTP_ROUTE_H
#define API_HTTP_ROUTE_H

#include "api/http.h"

#define HTTP_ROUTE_MAX_SEGMENTS 16
#define HTTP_ROUTE_MAX_PARAMS   8
/* "GET, HEAD, OPTIONS" and the like, for the header Allow. */
#define HTTP_ROUTE_ALLOW_LEN 128

struct http_route_table;

/* `routes` is borrowed. ST_FORMAT: a pattern does not start with '/', has too many
 * segments or parameters, or a brace in the wrong place. */
MUST_CHECK enum status http_route_table_new(const struct http_route *routes,
                                            size_t n_routes,
                                            struct http_route_table **ret_table,
                                            char why[ERR_LEN]);
void http_route_table_free(struct http_route_table *table);

/* A path taken apart: decoded segments, zero-terminated, in the caller's copy of the
 * path. */
struct http_route_path {
    size_t n;
    const char *segment[HTTP_ROUTE_MAX_SEGMENTS];
    size_t len[HTTP_ROUTE_MAX_SEGMENTS]; /* of each segment */
};

/* Splits `path` (zero-terminated, starts with '/') on '/' and decodes each segment once,
 * in place. ST_FORMAT: an escape is broken, or is %2F or %00. ST_RANGE: too many
 * segments. */
MUST_CHECK enum status http_route_split(char *path, struct http_route_path *ret_path);

struct http_route_match {
    size_t route; /* index in the table */
    size_t n_params;
    const char *param[HTTP_ROUTE_MAX_PARAMS]; /* borrowed from the path */
};

/* The first row whose method and pattern fit; HEAD is looked up as GET. ST_NOT_FOUND: no
 * pattern fits. ST_UNSUPPORTED: one does, but not with this method. */
MUST_CHECK enum status http_route_find(const struct http_route_table *table,
                                       const char *method,
                                       const struct http_route_path *path,
                                       struct http_route_match *ret_match);
/* The methods of all rows that fit `path`, or of the whole table if path is NULL, with
 * HEAD and OPTIONS. */
void http_route_allow(const struct http_route_table *table,
                      const struct http_route_path *path,
                      char ret_allow[HTTP_ROUTE_ALLOW_LEN]);

/* Decodes `query` (zero-terminated, without '?') in place into name and value texts, one
 * after the other, each zero-terminated; returns how many pairs. '+' is a space; a broken
 * escape and %00 stay as they are. `query` must have room for twice its length and 2. */
size_t http_route_decode_query(char *query);

#endif
