/* SPDX-License-Identifier: Apache-2.0 */
/* series.c - GET /api/v1/series: a metric over time, from the database.
 *
 *   series_handle   data thread     what is asked for?
 *   series_work     reader thread   was there ever such a version? The query, the answer
 */
#include "api/csv.h"
#include "daemon/daemon.h"
#include "daemon/query.h"
#include "daemon/wall.h"
#include "storage/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SPAN_S 3600
#define DEFAULT_STEP_S METRICS_WINDOW_S
#define MAX_TIME_S     INT64_C(253402300800) /* the year 10000 */

struct series {
    struct turn turn;
    const char *type; /* JSON or DAEMON_CSV_TYPE */
    struct history_query query;
    bool is_served; /* or no model is asked for */
    struct history_points points;
};

/* -- What is asked for -- */

/* "-90", "-15m", "-2h", "-7d": before now. */
static bool parse_ago(const char *text, int64_t now_s, int64_t *ret_s)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    char *end;
    long long n = strtoll(text + 1, &end, 10);

    if (text[1] < '0' || text[1] > '9' || n > MAX_TIME_S / 86400)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (*end == units[i].unit && (*end == '\0' || end[1] == '\0')) {
            *ret_s = now_s - n * units[i].seconds;
            return true;
        }
    return false;
}

/* Seconds since 1970, RFC 3339 in UTC, "now", or before now. */
static bool parse_time(const char *text, int64_t now_s, int64_t *ret_s)
{
    struct tm tm = { 0 };
    char *end;

    if (strcmp(text, "now") == 0) {
        *ret_s = now_s;
        return true;
    }
    if (text[0] == '-')
        return parse_ago(text, now_s, ret_s);
    if (text[0] < '0' || text[0] > '9')
        return false;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest != NULL && strcmp(rest, "Z") == 0) {
        *ret_s = (int64_t)timegm(&tm);
        return true;
    }
    long long n = strtoll(text, &end, 10);
    *ret_s = n;
    return *end == '\0' && n <= MAX_TIME_S;
}

static void read_time(const struct http_call *call, const char *name, int64_t standard,
                      int64_t now_s, int64_t *ret_s, struct problem *problem)
{
    const char *text = http_call_query(call, name);
    char pointer[16];

    *ret_s = standard;
    if (text == NULL || parse_time(text, now_s, ret_s))
        return;
    (void)snprintf(pointer, sizeof(pointer), "?%s", name);
    problem_add(
        problem, pointer,
        "%s: \"%.40s\" is no time; give seconds since 1970, 2026-01-31T12:00:00Z, now, "
        "or before now: -90s, -15m, -2h, -7d",
        name, text);
}

static void read_metric(struct series *s, struct problem *problem)
{
    const char *text = http_call_query(s->turn.call, "metric");

    for (int m = 0; text != NULL && m < HISTORY_METRICS; m++)
        if (strcmp(text, history_metric_name((enum history_metric)m)) == 0) {
            s->query.metric = (enum history_metric)m;
            return;
        }
    problem_add(problem, "?metric",
                "metric: \"%.40s\" is none of accuracy, bit_error_rate, "
                "energy, requests, latency",
                text != NULL ? text : "");
}

static void read_model(struct series *s)
{
    s->query.model = http_call_query(s->turn.call, "model");
    if (s->query.model != NULL && s->query.model[0] == '\0')
        s->query.model = NULL;
}

static void read_version(struct series *s, struct problem *problem)
{
    char why[ERR_LEN];

    if (!query_version_of(s->turn.call, s->query.model, &s->query.version, why))
        problem_add(problem, "?version", "version: %s", why);
}

static bool is_served(const struct series *s)
{
    if (s->query.model == NULL)
        return true;
    struct model *model =
        registry_take_version(s->turn.daemon->registry, s->query.model, s->query.version);
    model_drop(model);
    return model != NULL;
}

static void read_step(struct series *s, struct problem *problem)
{
    const char *text = http_call_query(s->turn.call, "step");
    char *end;

    s->query.step_s = DEFAULT_STEP_S;
    if (text == NULL)
        return;
    long long step = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && step >= 1 &&
        step <= 31536000) {
        s->query.step_s = step;
        return;
    }
    problem_add(problem, "?step",
                "step: \"%.40s\" is not a whole number within 1 .. 31536000 s", text);
}

static bool read_query(struct series *s, struct problem *problem)
{
    int64_t now = wall_seconds();

    problem_set(problem, 422, "invalid_query", "%s", "");
    read_metric(s, problem);
    read_model(s);
    read_version(s, problem);
    read_step(s, problem);
    read_time(s->turn.call, "to", now + 1, now, &s->query.to_s, problem);
    read_time(s->turn.call, "from", s->query.to_s - DEFAULT_SPAN_S, now, &s->query.from_s,
              problem);
    if (problem->n_errors == 0 && s->query.from_s >= s->query.to_s)
        problem_add(problem, "?from", "from: %" PRId64 " is not before to, %" PRId64,
                    s->query.from_s, s->query.to_s);
    s->is_served = is_served(s);
    return problem->n_errors == 0;
}

/* -- The answer -- */

/* Each series tells which version it is of; without one asked for it is of all. */
static void write_version(struct buf *body, uint32_t version)
{
    if (version != 0)
        buf_printf(body, ",\"version\":\"%" PRIu32 "\"", version);
    else
        buf_text(body, ",\"version\":null");
}

static void write_points(const struct series *s, struct buf *body, size_t n_columns)
{
    for (size_t i = 0; i < s->points.n; i++) {
        const struct history_point *point = &s->points.points[i];
        bool first = i == 0 || strcmp(point->model, point[-1].model) != 0;

        if (first) {
            buf_text(body, i == 0 ? "{\"model\":" : "]},{\"model\":");
            buf_json_string(body, point->model);
            write_version(body, s->query.version);
            buf_text(body, ",\"points\":[");
        }
        buf_printf(body, "%s[%" PRId64, first ? "" : ",", point->ts);
        for (size_t c = 0; c < n_columns; c++) {
            buf_char(body, ',');
            buf_number(body, point->value[c]);
        }
        buf_char(body, ']');
    }
    if (s->points.n > 0)
        buf_text(body, "]}");
}

static void write_json(const struct series *s, const char *const *columns,
                       struct buf *body)
{
    size_t n_columns = 0;

    buf_printf(body,
               "{\"metric\":\"%s\",\"from\":%" PRId64 ",\"to\":%" PRId64
               ",\"step\":%" PRId64 ",\"columns\":[\"ts\"",
               history_metric_name(s->query.metric), s->query.from_s, s->query.to_s,
               s->query.step_s);
    for (; columns[n_columns] != NULL; n_columns++)
        buf_printf(body, ",\"%s\"", columns[n_columns]);
    buf_text(body, "],\"series\":[");
    write_points(s, body, n_columns);
    buf_text(body, "]}\n");
}

/* One record per point, behind the names of the columns. */
static void write_csv(const struct series *s, const char *const *columns,
                      struct buf *body)
{
    size_t n_columns = 0;

    buf_text(body, "model,version,ts");
    for (; columns[n_columns] != NULL; n_columns++)
        buf_printf(body, ",%s", columns[n_columns]);
    buf_text(body, CSV_END);
    for (size_t i = 0; i < s->points.n; i++) {
        const struct history_point *point = &s->points.points[i];

        csv_text(body, point->model);
        buf_char(body, ',');
        if (s->query.version != 0)
            buf_printf(body, "%" PRIu32, s->query.version);
        buf_printf(body, ",%" PRId64, point->ts);
        for (size_t c = 0; c < n_columns; c++) {
            buf_char(body, ',');
            csv_number(body, point->value[c]);
        }
        buf_text(body, CSV_END);
    }
}

static void reply(struct series *s)
{
    const char *const *columns = history_columns(s->query.metric);
    struct buf body = BUF_INIT;

    if (strcmp(s->type, DAEMON_CSV_TYPE) == 0)
        write_csv(s, columns, &body);
    else
        write_json(s, columns, &body);
    http_set_header(s->turn.call, "Vary", "Accept");
    http_reply(s->turn.call, 200, s->type, &body);
}

/* Was there ever such a version? What is served no more has its points still. */
static enum status look(const struct series *s, bool *ret_known, char why[ERR_LEN])
{
    enum status st = daemon_history(s->turn.daemon, why);

    *ret_known = s->is_served;
    return st == ST_OK && !s->is_served
               ? history_knows(s->turn.daemon->history, s->query.model, s->query.version,
                               ret_known, why)
               : st;
}

static void set_unknown(const struct series *s, struct problem *problem)
{
    problem_set(problem, 422, "invalid_query", "%s", "");
    if (s->query.version == 0)
        problem_add(problem, "?model", "model: there is no model \"%.64s\"",
                    s->query.model);
    else
        problem_add(problem, "?version",
                    "version: there never was a version %" PRIu32 " of model \"%.64s\"",
                    s->query.version, s->query.model);
}

static void set_failed(enum status st, const char *why, struct problem *problem)
{
    problem_set(problem, st == ST_RANGE ? 422 : 503,
                st == ST_RANGE ? "too_many_points" : "history_unavailable", "%s", why);
    if (st != ST_RANGE)
        problem->retry_after_s = 1;
}

static void answer(struct series *s)
{
    char why[ERR_LEN];
    struct problem problem;
    bool is_known;
    enum status st = look(s, &is_known, why);

    if (st == ST_OK && is_known)
        st = history_series(s->turn.daemon->history, &s->query, &s->points, why);
    if (st == ST_OK && is_known) {
        reply(s);
        history_points_done(&s->points);
        return;
    }
    if (st == ST_OK)
        set_unknown(s, &problem);
    else
        set_failed(st, why, &problem);
    http_reply_problem(s->turn.call, &problem);
}

static void series_work(void *arg, unsigned worker)
{
    struct series *s = arg;

    (void)worker;
    answer(s);
    free(s);
}

void series_handle(void *ctx, struct http_call *call)
{
    static const struct turn_kind kind = { .work = series_work, .free = free };
    struct daemon *daemon = ctx;
    struct series *s = calloc(1, sizeof(*s));
    struct problem problem;

    if (s == NULL) {
        problem_out_of_memory(&problem);
        http_reply_problem(call, &problem);
        return;
    }
    s->turn = (struct turn) { .kind = &kind, .daemon = daemon, .call = call };
    s->type = http_call_accepted(call);
    if (!read_query(s, &problem)) {
        http_reply_problem(call, &problem);
        free(s);
        return;
    }
    turn_queue(&s->turn, daemon->reader, "history");
}
