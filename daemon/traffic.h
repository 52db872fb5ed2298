/* SPDX-License-Identifier: Apache-2.0 */
/* traffic.h - HTTP requests by route, method, status and duration, for /metrics.
 *
 * Each data thread counts for itself; anybody may read at any time.
 */
#ifndef DAEMON_TRAFFIC_H
#define DAEMON_TRAFFIC_H

#include "api/http.h"

struct traffic;

MUST_CHECK enum status traffic_new(unsigned n_threads, size_t n_routes,
                                   struct traffic **ret_traffic);
void traffic_free(struct traffic *traffic);

/* On the call's data thread. */
void traffic_count(struct traffic *traffic, const struct http_done *done);
/* Requests answered since the start, whatever the answer. */
uint64_t traffic_requests(const struct traffic *traffic);
/* Writes the families spinbnn_http_requests_total and _duration_seconds. */
void traffic_write(const struct traffic *traffic, const struct http_route *table,
                   struct buf *buf);

#endif
