/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/traffic.h"

#include "api/prometheus.h"
#include "storage/metrics.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A closed set, so that the number of series is bounded. 0: the client left, 499: it had
 * left before its turn to be computed came. The last entry stands for any other. */
static const unsigned codes[] = { 0,   200, 201, 202, 204, 304, 400, 401, 403, 404,
                                  405, 406, 409, 411, 412, 413, 414, 415, 417, 421,
                                  422, 429, 431, 499, 500, 501, 503, 504, 507, 999 };
#define N_CODES (sizeof(codes) / sizeof(codes[0]))

struct route_traffic {
    _Atomic uint64_t by_code[N_CODES];
    _Atomic uint64_t by_latency[METRICS_LATENCY_EDGES + 1];
    _Atomic double seconds;
};

struct thread_traffic {
    alignas(64) struct route_traffic *routes; /* ours, [n_routes + 1], last: no route */
};

struct traffic {
    unsigned n_threads;
    size_t n_routes;
    struct thread_traffic *threads;
};

enum status traffic_new(unsigned n_threads, size_t n_routes, struct traffic **ret_traffic)
{
    struct traffic *traffic = calloc(1, sizeof(*traffic));

    if (traffic == NULL)
        return ST_NOMEM;
    traffic->n_routes = n_routes;
    traffic->threads = aligned_alloc(alignof(struct thread_traffic),
                                     n_threads * sizeof(*traffic->threads));
    if (traffic->threads == NULL) {
        free(traffic);
        return ST_NOMEM;
    }
    for (unsigned i = 0; i < n_threads; i++) {
        traffic->threads[i].routes = calloc(n_routes + 1, sizeof(struct route_traffic));
        if (traffic->threads[i].routes == NULL) {
            traffic_free(traffic);
            return ST_NOMEM;
        }
        traffic->n_threads++;
    }
    *ret_traffic = traffic;
    return ST_OK;
}

void traffic_free(struct traffic *traffic)
{
    if (traffic == NULL)
        return;
    for (unsigned i = 0; i < traffic->n_threads; i++)
        free(traffic->threads[i].routes);
    free(traffic->threads);
    free(traffic);
}

static unsigned code_index(unsigned status)
{
    for (unsigned i = 0; i + 1 < N_CODES; i++)
        if (codes[i] == status)
            return i;
    return N_CODES - 1;
}

/* One writer per counter: load and store need not be one step. */
static void add_one(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter,
                          atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

void traffic_count(struct traffic *traffic, const struct http_done *done)
{
    struct route_traffic *route =
        &traffic->threads[http_call_thread(done->call)].routes[done->route];
    double us = (double)done->duration_ns / 1e3;
    double seconds = atomic_load_explicit(&route->seconds, memory_order_relaxed);

    add_one(&route->by_code[code_index(done->status)]);
    add_one(&route->by_latency[metrics_latency_bucket(us)]);
    atomic_store_explicit(&route->seconds, seconds + us / 1e6, memory_order_relaxed);
}

/* Sums over threads. */
static uint64_t sum_code(const struct traffic *traffic, size_t route, unsigned code)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < traffic->n_threads; i++)
        n += atomic_load_explicit(&traffic->threads[i].routes[route].by_code[code],
                                  memory_order_relaxed);
    return n;
}

uint64_t traffic_requests(const struct traffic *traffic)
{
    uint64_t n = 0;

    for (size_t route = 0; route <= traffic->n_routes; route++)
        for (unsigned code = 0; code < N_CODES; code++)
            n += sum_code(traffic, route, code);
    return n;
}

static void write_requests(const struct traffic *traffic, const struct http_route *table,
                           struct buf *buf)
{
    prometheus_family(
        buf, "spinbnn_http_requests_total", "counter",
        "HTTP requests by route, method and status; code 0 and 499: the client left.");
    for (size_t route = 0; route <= traffic->n_routes; route++)
        for (unsigned code = 0; code < N_CODES; code++) {
            uint64_t n = sum_code(traffic, route, code);
            bool known = route < traffic->n_routes;
            char text[8];

            /* From the beginning where an answer of that kind is the rule. */
            if (n == 0 && !(known && codes[code] == 200))
                continue;
            (void)snprintf(text, sizeof(text), "%u", codes[code]);
            const struct prometheus_label labels[] = {
                { "route", known ? table[route].pattern : "_other" },
                { "method", known ? table[route].method : "_other" },
                { "code", code + 1 < N_CODES ? text : "_other" },
            };
            prometheus_sample(buf, "spinbnn_http_requests_total", labels, 3, (double)n);
        }
}

static void write_durations(const struct traffic *traffic, const struct http_route *table,
                            struct buf *buf)
{
    double edges[METRICS_LATENCY_EDGES];

    for (unsigned i = 0; i < METRICS_LATENCY_EDGES; i++)
        edges[i] = metrics_latency_edges_us[i] / 1e6;
    prometheus_family(
        buf, "spinbnn_http_request_duration_seconds", "histogram",
        "From the first byte of a request to its answer handed to the kernel.");
    for (size_t route = 0; route <= traffic->n_routes; route++) {
        uint64_t counts[METRICS_LATENCY_EDGES + 1] = { 0 };
        double seconds = 0;
        bool known = route < traffic->n_routes;
        const struct prometheus_label labels[] = {
            { "route", known ? table[route].pattern : "_other" },
            { "method", known ? table[route].method : "_other" },
        };

        for (unsigned i = 0; i < traffic->n_threads; i++) {
            const struct route_traffic *of = &traffic->threads[i].routes[route];

            for (unsigned b = 0; b <= METRICS_LATENCY_EDGES; b++)
                counts[b] +=
                    atomic_load_explicit(&of->by_latency[b], memory_order_relaxed);
            seconds += atomic_load_explicit(&of->seconds, memory_order_relaxed);
        }
        prometheus_histogram(buf, "spinbnn_http_request_duration_seconds", labels, 2,
                             edges, counts, METRICS_LATENCY_EDGES, seconds);
    }
}

void traffic_write(const struct traffic *traffic, const struct http_route *table,
                   struct buf *buf)
{
    write_requests(traffic, table, buf);
    write_durations(traffic, table, buf);
}
