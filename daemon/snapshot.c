/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c - a copy of the database that dashboards and backups may read.
 *
 *   snapshot_handle   data thread     POST /api/v1/database/snapshot
 *   snapshot_tick     main thread     by the clock, each second
 *   copy              reader thread   everything that was answered so far is in it
 */
#include "daemon/daemon.h"
#include "daemon/wall.h"
#include "storage/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

static void path_of(const struct daemon *daemon, char *ret_path, size_t size)
{
    (void)snprintf(ret_path, size, "%s/spinbnn-snapshot.db", daemon->settings.state_dir);
}

static enum status copy(struct daemon *daemon, uint64_t *ret_bytes, char why[ERR_LEN])
{
    char to[SETTINGS_TEXT_LEN + 32];

    path_of(daemon, to, sizeof(to));
    if (!record_flush(daemon->record)) {
        (void)snprintf(why, ERR_LEN, "the database cannot be written now");
        return ST_IO;
    }
    return snapshot_write(record_path(daemon->record), to, ret_bytes, why);
}

/* -- When asked -- */

static void reply(const struct daemon *daemon, struct http_call *call, uint64_t bytes,
                  int64_t at_s)
{
    char path[SETTINGS_TEXT_LEN + 32];
    struct buf body = BUF_INIT;

    path_of(daemon, path, sizeof(path));
    buf_text(&body, "{\"path\":");
    buf_json_string(&body, path);
    buf_printf(&body, ",\"bytes\":%llu,\"ts\":%lld}\n", (unsigned long long)bytes,
               (long long)at_s);
    http_reply(call, 200, "application/json", &body);
}

static void answer(struct daemon *daemon, struct http_call *call)
{
    int64_t now_s = wall_seconds();
    uint64_t bytes;
    char why[ERR_LEN];

    if (copy(daemon, &bytes, why) == ST_OK) {
        reply(daemon, call, bytes, now_s);
    } else {
        struct problem problem;

        problem_set(&problem, 503, "snapshot_failed", "%s", why);
        problem.retry_after_s = 1;
        http_reply_problem(call, &problem);
    }
}

void snapshot_handle(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;

    turn_queue_call(daemon, call, answer, daemon->reader, "history");
}

/* -- By the clock -- */

static void snapshot_due(void *arg, unsigned worker)
{
    struct daemon *daemon = arg;
    uint64_t bytes;
    char why[ERR_LEN];

    (void)worker;
    if (copy(daemon, &bytes, why) != ST_OK)
        record_event(daemon->record, METRICS_WARNING, "snapshot", NULL, "%s", why);
}

/* The first one soon after the start: who waits for the file shall see one. */
void snapshot_tick(struct daemon *daemon)
{
    uint64_t every_s = daemon->settings.snapshot_interval_s, now_ns = wall_monotonic_ns();

    if (every_s == 0 ||
        (daemon->last_snapshot_ns != 0 &&
         now_ns - daemon->last_snapshot_ns < every_s * UINT64_C(1000000000)))
        return;
    daemon->last_snapshot_ns = now_ns;
    (void)!pool_submit(daemon->reader, snapshot_due, daemon); /* full: the next time */
}
