/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/assemble.h"

#include "daemon/access_log.h"
#include "daemon/datasets.h"
#include "daemon/jobs.h"
#include "daemon/log.h"
#include "daemon/lane.h"
#include "daemon/registry.h"
#include "daemon/start.h"
#include "daemon/wall.h"
#include "storage/history.h"
#include "storage/version_book.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* libmicrohttpd's buffers, per connection: the longest head. It clears them for every
 * request, so more costs time: 64 KiB a microsecond. */
#define CONNECTION_MEMORY (16 * 1024)

#define CONNECTIONS_MAX 1000000

static unsigned count_cores(void)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return 1;
    int n = CPU_COUNT(&allowed);
    return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

/* What new arrays are made of. */
static enum status find_device(struct daemon *daemon, char why[ERR_LEN])
{
    const struct device_preset *preset = device_preset(daemon->settings.device);
    size_t n;
    const struct device_preset *presets = device_presets(&n);

    if (preset != NULL) {
        daemon->device = device_default();
        daemon->device.params = preset->params;
        (void)snprintf(daemon->device.name, sizeof(daemon->device.name), "%s",
                       preset->name);
        return ST_OK;
    }
    int len =
        snprintf(why, ERR_LEN, "device: \"%.40s\" is none of ", daemon->settings.device);
    for (size_t i = 0; i < n && len < ERR_LEN - 40; i++)
        len += snprintf(why + len, ERR_LEN - (size_t)len, "%s%s", i > 0 ? "|" : "",
                        presets[i].name);
    return ST_RANGE;
}

enum status assemble_init(struct daemon *daemon, const struct settings *settings,
                          char why[ERR_LEN])
{
    unsigned cores = count_cores();

    *daemon = (struct daemon) {
        .settings = *settings,
        .costs = { .bit_operation_fj = settings->bit_operation_fj,
                   .threshold_fj = settings->threshold_fj,
                   .logit_fj = settings->logit_fj },
        .n_threads = (settings->threads != 0 ? (unsigned)settings->threads : cores) +
                     (settings->admin_listen[0] != '\0'),
        .n_workers = settings->workers != 0 ? (unsigned)settings->workers : cores,
        .began_ns = wall_monotonic_ns(),
        .began_s = wall_seconds(),
    };
    daemon->kernel = strcmp(settings->kernel, "auto") == 0
                         ? kernel_best()
                         : kernel_find(settings->kernel);
    enum status st = proxies_parse(settings->trusted_proxies, &daemon->proxies, why);
    if (st != ST_OK)
        return st;
    if (daemon->kernel != NULL)
        return find_device(daemon, why);
    int len =
        snprintf(why, ERR_LEN, "kernel: \"%.40s\" is none of auto", settings->kernel);
    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++)
        if (kernel->usable())
            len += snprintf(why + len, ERR_LEN - (size_t)len, "|%s", kernel->name);
    return ST_RANGE;
}

/* -- The parts -- */

static void on_done(void *ctx, const struct http_done *done)
{
    struct daemon *daemon = ctx;

    traffic_count(daemon->traffic, done);
    access_log(daemon, done);
}

/* A client that leaves, a page that was closed, is nobody's fault. */
static void on_log(void *ctx, const char *message)
{
    bool left = strstr(message, "no longer available") != NULL;

    (void)ctx;
    log_line(left ? LOG_DEBUG : LOG_WARNING, "http", "%.300s", message);
}

static enum status make_lanes(struct daemon *daemon)
{
    daemon->lanes = calloc(daemon_classifiers(daemon), sizeof(struct lane *));
    if (daemon->lanes == NULL)
        return ST_NOMEM;
    for (unsigned i = 0; i < daemon_classifiers(daemon); i++) {
        enum status st = lane_new(i, &daemon->lanes[i]);

        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status make_pools(struct daemon *daemon)
{
    size_t capacity = daemon->settings.queue;
    const struct pool_options workers = { "worker", daemon->n_workers, capacity, false };
    const struct pool_options programming = { "programming", 1, capacity, true };
    const struct pool_options reader = { "reader", 1, capacity, true };
    enum status st = pool_new(&workers, &daemon->workers);

    if (st == ST_OK)
        st = pool_new(&programming, &daemon->programming);
    if (st == ST_OK)
        st = pool_new(&reader, &daemon->reader);
    return st;
}

enum status assemble_arrays(struct daemon *daemon, char why[ERR_LEN])
{
    enum status st = events_new(&daemon->events);

    if (st == ST_OK)
        st = make_pools(daemon);
    if (st == ST_OK)
        return start_arrays(daemon, why);
    (void)snprintf(why, ERR_LEN, "out of memory");
    return st;
}

static enum status make_http(struct daemon *daemon, char why[ERR_LEN])
{
    const struct http_options options = {
        .n_threads = daemon->n_threads - daemon_has_admin(daemon),
        .reserved_thread = daemon_has_admin(daemon),
        .routes = routes,
        .n_routes = n_routes,
        .ctx = daemon,
        .unpacks = infer_handle,
        .on_done = on_done,
        .on_log = on_log,
        .tls = daemon->settings.tls_certificate[0] != '\0',
        .idle_timeout_s = (unsigned)daemon->settings.idle_timeout_s,
        /* max_connections counts when they are accepted, and may change. */
        .connection_limit = CONNECTIONS_MAX,
        .body_memory = (size_t)daemon->settings.body_memory_mb << 20,
        .connection_memory = CONNECTION_MEMORY,
    };

    return http_server_new(&options, &daemon->http, why);
}

enum status assemble_parts(struct daemon *daemon, char why[ERR_LEN])
{
    enum status st = make_lanes(daemon);

    (void)snprintf(why, ERR_LEN, "out of memory");
    if (st == ST_OK)
        st = feedback_memory_new(daemon->n_threads, &daemon->feedback);
    if (st == ST_OK)
        st = traffic_new(daemon->n_threads, n_routes, &daemon->traffic);
    if (st == ST_OK)
        st = jobs_new(daemon, &daemon->jobs);
    if (st == ST_OK)
        st = make_http(daemon, why);
    if (st == ST_OK)
        config_apply(daemon->config, daemon);
    return st;
}

/* Queues end first, while their answers can still go out; the record last, when nobody
 * counts any more. */
void assemble_free(struct daemon *daemon)
{
    jobs_stop(daemon->jobs);
    pool_free(daemon->programming);
    pool_free(daemon->workers);
    pool_free(daemon->reader);
    http_server_free(daemon->http);
    history_close(daemon->history);
    jobs_free(daemon->jobs);
    datasets_free(daemon->datasets_seen);
    if (daemon->record != NULL)
        record_event(daemon->record, METRICS_INFO, "stop", NULL,
                     "every request was answered");
    record_stop(daemon->record);
    events_free(daemon->events);
    conditions_drop(daemon->last_conditions);
    feedback_memory_free(daemon->feedback);
    traffic_free(daemon->traffic);
    for (unsigned i = 0; daemon->lanes != NULL && i < daemon_classifiers(daemon); i++)
        lane_free(daemon->lanes[i]);
    free(daemon->lanes);
    registry_free(daemon->registry);
    version_book_free(daemon->versions);
    config_free(daemon->config);
}
