/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - GET /api/v1/status and the two health routes. */
#include "daemon/daemon.h"
#include "daemon/wall.h"

#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>

static void write_number(struct buf *body, const char *name, double value)
{
    buf_printf(body, "\"%s\":", name);
    buf_number(body, value);
}

static double accuracy(const struct tally_sum *tally)
{
    return tally->labelled == 0 ? NAN : (double)tally->correct / (double)tally->labelled;
}

/* What the generation that serves now has done. */
static void write_current(struct buf *body, const struct daemon *daemon,
                          const struct generation *generation)
{
    struct tally_sum tally = record_generation_tally(daemon->record, generation);

    buf_printf(body,
               "\"current\":{\"images\":%" PRIu64 ",\"labelled\":%" PRIu64
               ",\"correct\":%" PRIu64 ",",
               tally.images, tally.labelled, tally.correct);
    write_number(body, "accuracy", accuracy(&tally));
    buf_text(body, "},");
}

static void write_model(struct buf *body, const struct daemon *daemon,
                        struct model *model)
{
    struct generation *generation = generation_take(model);
    struct record_totals totals;
    uint64_t wrong = generation_wrong_bits(generation);

    record_totals(daemon->record, model, &totals);
    buf_text(body, "{\"name\":");
    buf_json_string(body, model->net->name);
    buf_printf(body,
               ",\"version\":\"%" PRIu32 "\",\"generation\":%" PRIu64
               ",\"mode\":\"%s\",\"requests\":%" PRIu64 ",\"images\":%" PRIu64
               ",\"errors\":%" PRIu64 ",\"labelled\":%" PRIu64 ",\"correct\":%" PRIu64
               ",",
               model->net->version, generation->number,
               operating_point_mode_name(generation->conditions->points.base.mode),
               totals.tally.requests, totals.tally.images, totals.tally.errors,
               totals.tally.labelled, totals.tally.correct);
    write_number(body, "accuracy", accuracy(&totals.tally));
    buf_char(body, ',');
    write_current(body, daemon, generation);
    buf_printf(body,
               "\"cause\":\"%s\",\"cells\":%" PRIu64 ",\"weights\":%" PRIu64
               ",\"cell_errors\":%" PRIu64 ",\"wrong_bits\":%" PRIu64 ",",
               mram_cause_name(generation->cause), generation->total.cells,
               generation->total.weights, mram_errors(&generation->total), wrong);
    write_number(body, "bit_error_rate",
                 (double)wrong / (double)generation->total.weights);
    buf_char(body, ',');
    write_number(body, "inference_energy_pj", energy_of_inference(&totals.total_energy));
    buf_printf(body, ",\"programmings\":%" PRIu64 ",", totals.programmings);
    write_number(body, "programming_energy_pj",
                 energy_of_programming(&totals.total_energy));
    buf_text(body, ",\"latency_us\":{");
    write_number(body, "p50", tally_quantile_us(&totals.tally, 0.5));
    buf_char(body, ',');
    write_number(body, "p99", tally_quantile_us(&totals.tally, 0.99));
    buf_text(body, "}}");
    generation_drop(generation);
}

static void write_database(struct buf *body, struct record *record)
{
    struct record_health health = record_health(record);
    struct stat file;

    buf_text(body, "\"database\":{\"path\":");
    buf_json_string(body, record_path(record));
    buf_printf(body,
               ",\"degraded\":%s,\"write_errors\":%" PRIu64 ",\"rows_dropped\":%" PRIu64
               ",\"size_bytes\":%" PRId64 "}",
               health.degraded ? "true" : "false", health.write_errors,
               health.rows_dropped,
               stat(record_path(record), &file) == 0 ? (int64_t)file.st_size : 0);
}

void status_write(const struct daemon *daemon, struct buf *body)
{
    buf_text(body, "{\"name\":\"spinbnn\",\"version\":\"" SPINBNN_VERSION "\",");
    write_number(body, "uptime_s",
                 (double)(wall_monotonic_ns() - daemon->began_ns) / 1e9);
    buf_printf(body,
               ",\"ready\":%s,\"draining\":%s,\"kernel\":\"%s\",\"threads\":%u,"
               "\"workers\":%u,\"connections\":%zu,\"queued\":%zu,\"requests\":%" PRIu64
               ",\"models\":[",
               daemon->ready && !daemon->draining ? "true" : "false",
               daemon->draining ? "true" : "false", daemon->kernel->name,
               daemon->n_threads, daemon->n_workers,
               http_server_connections(daemon->http), pool_load(daemon->workers),
               traffic_requests(daemon->traffic));
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(daemon->registry, models);

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(body, ',');
        write_model(body, daemon, models[i]);
    }
    registry_drop_list(models, n);
    buf_text(body, "],");
    write_database(body, daemon->record);
    buf_char(body, '}');
}

void status_handle(void *ctx, struct http_call *call)
{
    struct buf body = http_take_buf(call);

    status_write(ctx, &body);
    buf_char(&body, '\n');
    http_reply(call, 200, "application/json", &body);
}

void status_live(void *ctx, struct http_call *call)
{
    static const char live[] = "{\"live\":true}\n";

    (void)ctx;
    http_reply_static(call, 200, "application/json", live, sizeof(live) - 1);
}

/* Ready: every model serves, and we are not stopping. */
void status_ready(void *ctx, struct http_call *call)
{
    static const char yes[] = "{\"ready\":true,\"live\":true}\n";
    static const char no[] = "{\"ready\":false,\"live\":true}\n";
    const struct daemon *daemon = ctx;

    if (daemon->ready && !daemon->draining) {
        http_reply_static(call, 200, "application/json", yes, sizeof(yes) - 1);
        return;
    }
    http_set_header(call, "Retry-After", "1");
    http_reply_static(call, 503, "application/json", no, sizeof(no) - 1);
}
