/* SPDX-License-Identifier: Apache-2.0 */
/* inferences.c - GET /api/v1/inferences: rows of requests, the newest first, a page at a
 * time.
 *
 *   inferences_handle   data thread     what is asked for?
 *   inferences_work     reader thread   the query, the answer
 */
#include "daemon/daemon.h"
#include "daemon/query.h"
#include "storage/history.h"

#include <inttypes.h>
#include <stdlib.h>

#define DEFAULT_LIMIT 100

struct inferences {
    struct turn turn;
    struct history_inference_query query;
    size_t n;
    struct history_inference rows[]; /* [query.limit] */
};

/* -- What is asked for -- */

/* A model that is served no more may still have rows: any name will do, and any version.
 */
static bool read_query(const struct http_call *call,
                       struct history_inference_query *ret_query, struct problem *problem)
{
    uint64_t limit = DEFAULT_LIMIT, after = INT64_MAX;

    if (!query_number(call, "limit", 1, HISTORY_MAX_INFERENCES, &limit, problem) ||
        !query_number(call, "after", 1, INT64_MAX, &after, problem))
        return false;
    const char *model = http_call_query(call, "model");
    uint32_t version;
    char why[ERR_LEN];
    if (model != NULL && model[0] == '\0')
        model = NULL;
    if (!query_version_of(call, model, &version, why)) {
        query_refuse(problem, "version", "%s", why);
        return false;
    }
    *ret_query = (struct history_inference_query) {
        .model = model,
        .before_id = (int64_t)after,
        .limit = limit,
        .version = version,
    };
    return true;
}

/* -- The answer -- */

static void write_index(struct buf *body, const char *name, int32_t index)
{
    if (index >= 0)
        buf_printf(body, ",\"%s\":%" PRId32, name, index);
    else
        buf_printf(body, ",\"%s\":null", name);
}

static void write_real(struct buf *body, const char *name, double value, unsigned places)
{
    buf_printf(body, ",\"%s\":", name);
    buf_fixed(body, value, places);
}

static void write_row(struct buf *body, const struct history_inference *inference)
{
    const struct metrics_inference *row = &inference->row;

    buf_printf(body,
               "{\"id\":%" PRId64 ",\"ts_ms\":%" PRId64 ",\"request_id\":\"%016" PRIx64
               "\",\"model\":",
               inference->id, row->at_ms, row->request_id);
    buf_json_string(body, inference->model);
    buf_printf(body,
               ",\"version\":\"%" PRIu32 "\",\"generation\":%" PRIu64
               ",\"route\":\"%s\",\"status\":%u,\"images\":%" PRIu32,
               inference->version, row->generation,
               row->route == METRICS_CLASSIFY ? "classify" : "infer", row->status,
               row->images);
    write_index(body, "predicted", row->predicted);
    write_index(body, "label", row->label);
    buf_printf(body, ",\"labelled\":%" PRIu32 ",\"correct\":%" PRIu32, row->labelled,
               row->correct);
    write_real(body, "probability", (double)row->probability, 6);
    write_real(body, "margin", (double)row->margin, 4);
    buf_printf(body, ",\"wrong_bits\":%" PRIu64, row->wrong_bits);
    write_real(body, "energy_pj", row->energy_pj, 3);
    write_real(body, "latency_us", row->latency_us, 1);
    buf_char(body, '}');
}

/* Where a page is full there may be another. */
static void reply(const struct inferences *job)
{
    struct buf body = BUF_INIT;

    buf_text(&body, "{\"inferences\":[");
    for (size_t i = 0; i < job->n; i++) {
        if (i > 0)
            buf_char(&body, ',');
        write_row(&body, &job->rows[i]);
    }
    buf_text(&body, "],\"next\":");
    if (job->n == job->query.limit)
        buf_printf(&body, "%" PRId64, job->rows[job->n - 1].id);
    else
        buf_text(&body, "null");
    buf_text(&body, "}\n");
    http_reply(job->turn.call, 200, "application/json", &body);
}

static void answer(struct inferences *job)
{
    char why[ERR_LEN];
    struct problem problem;
    enum status st = daemon_history(job->turn.daemon, why);

    if (st == ST_OK)
        st = history_inferences(job->turn.daemon->history, &job->query, job->rows,
                                &job->n, why);
    if (st == ST_OK) {
        reply(job);
        return;
    }
    problem_set(&problem, 503, "history_unavailable", "%s", why);
    problem.retry_after_s = 1;
    http_reply_problem(job->turn.call, &problem);
}

static void inferences_work(void *arg, unsigned worker)
{
    struct inferences *job = arg;

    (void)worker; /* there is one */
    answer(job);
    free(job);
}

void inferences_handle(void *ctx, struct http_call *call)
{
    static const struct turn_kind kind = { .work = inferences_work, .free = free };
    struct daemon *daemon = ctx;
    struct history_inference_query query;
    struct problem problem;

    if (!read_query(call, &query, &problem)) {
        http_reply_problem(call, &problem);
        return;
    }
    struct inferences *job = calloc(1, sizeof(*job) + query.limit * sizeof(job->rows[0]));
    if (job == NULL) {
        problem_out_of_memory(&problem);
        http_reply_problem(call, &problem);
        return;
    }
    job->turn = (struct turn) { .kind = &kind, .daemon = daemon, .call = call };
    job->query = query;
    turn_queue(&job->turn, daemon->reader, "history");
}
