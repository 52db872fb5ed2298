/* SPDX-License-Identifier: Apache-2.0 */
/* dump.c - the state of everything into the log, for whoever cannot ask over HTTP. */
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/wall.h"

/* Without any lock but those of the pools: it is to be seen even if something hangs. */
static void dump_daemon(const struct daemon *daemon)
{
    struct log_fields line;

    if (!log_begin(&line, LOG_INFO, "state"))
        return;
    log_number(&line, "uptime_s", (wall_monotonic_ns() - daemon->began_ns) / 1000000000u);
    log_number(&line, "ready", daemon->ready && !daemon->draining);
    log_number(&line, "draining", daemon->draining);
    log_number(&line, "connections", http_server_connections(daemon->http));
    log_number(&line, "accepted", daemon->accepted);
    log_number(&line, "refused", daemon->refused);
    log_number(&line, "handler_ms", http_server_stuck_ns(daemon->http) / 1000000u);
    log_number(&line, "workers_load", pool_load(daemon->workers));
    log_number(&line, "programming_load", pool_load(daemon->programming));
    log_number(&line, "reader_load", pool_load(daemon->reader));
    log_end(&line);
}

static void dump_record(const struct daemon *daemon)
{
    struct record_health health = record_health(daemon->record);
    struct log_fields line;

    if (!log_begin(&line, LOG_INFO, "state"))
        return;
    log_text(&line, "database", record_path(daemon->record));
    log_number(&line, "degraded", health.degraded);
    log_number(&line, "commits", health.commits);
    log_number(&line, "write_errors", health.write_errors);
    log_number(&line, "rows_dropped", health.rows_dropped);
    log_end(&line);
}

static void dump_model(const struct daemon *daemon, struct model *model)
{
    struct generation *generation = generation_take(model);
    struct record_totals totals;
    struct log_fields line;

    record_totals(daemon->record, model, &totals);
    if (log_begin(&line, LOG_INFO, "state")) {
        log_text(&line, "model", model->net->name);
        log_number(&line, "version", model->net->version);
        log_number(&line, "generation", generation->number);
        log_number(&line, "durable", generation->durable);
        log_number(&line, "wrong_bits", generation_wrong_bits(generation));
        log_number(&line, "requests", totals.tally.requests);
        log_number(&line, "errors", totals.tally.errors);
        log_number(&line, "cancelled", totals.tally.refused[TALLY_CANCELLED]);
        log_end(&line);
    }
    generation_drop(generation);
}

void dump_state(const struct daemon *daemon)
{
    struct model *models[REGISTRY_MAX];

    dump_daemon(daemon);
    dump_record(daemon);
    size_t n = registry_list(daemon->registry, models);

    for (size_t i = 0; i < n; i++)
        dump_model(daemon, models[i]);
    registry_drop_list(models, n);
}
