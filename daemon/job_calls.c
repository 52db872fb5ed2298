/* SPDX-License-Identifier: Apache-2.0 */
/* job_calls.c - /api/v1/jobs: experiments are asked for, looked at, ended.
 *
 *   jobs_post      data thread     the body, the model, are the conditions possible?
 *   post_job       reader thread   does the data set fit? a row, then it waits (jobs.h)
 *   jobs_get, ..   data thread     from memory
 *   jobs_delete    data thread     queue
 *   delete_job     reader thread   cancels or forgets
 *   jobs_results   data thread     queue
 *   show_results   reader thread   trials out of the database
 */
#include "daemon/datasets.h"
#include "daemon/experiment.h"
#include "daemon/jobs.h"
#include "daemon/query.h"
#include "storage/job_results.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LISTED 100
#define JSON           "application/json"
/* Somebody else's job may take long. */
#define RETRY_AFTER_S 10

struct job_call {
    struct turn turn;
    void (*work)(struct job_call *c); /* answers */
    int64_t id;
    const char *type; /* of results: JSON or DAEMON_CSV_TYPE */
    /* POST: */
    struct job_request request;
    struct model *model;
    struct device device;
};

static void call_free(void *arg)
{
    struct job_call *c = arg;

    job_request_done(&c->request);
    device_done(&c->device);
    model_drop(c->model);
    free(c);
}

static void run_call(void *arg, unsigned worker)
{
    struct job_call *c = arg;

    (void)worker;
    c->work(c);
    call_free(c);
}

static struct job_call *call_new(struct daemon *daemon, struct http_call *call)
{
    static const struct turn_kind kind = { .work = run_call, .free = call_free };
    struct job_call *c = calloc(1, sizeof(*c));
    struct problem problem;

    if (c == NULL) {
        problem_out_of_memory(&problem);
        http_reply_problem(call, &problem);
        return NULL;
    }
    c->turn = (struct turn) { .kind = &kind, .daemon = daemon, .call = call };
    return c;
}

/* To the reader thread. */
static void submit(struct job_call *c, void (*work)(struct job_call *c))
{
    c->work = work;
    turn_queue(&c->turn, c->turn.daemon->reader, "jobs");
}

static void reply_unavailable(struct http_call *call, const char *why)
{
    struct problem problem;

    problem_set(&problem, 503, "database_unavailable", "%s", why);
    problem.retry_after_s = 1;
    http_reply_problem(call, &problem);
}

static void reply_no_memory(struct http_call *call)
{
    struct problem problem;

    problem_out_of_memory(&problem);
    http_reply_problem(call, &problem);
}

/* -- POST -- */

/* The model that is named, and what it is made of now. */
static bool take_model(struct job_call *c, struct problem *problem)
{
    c->model = registry_take(c->turn.daemon->registry, c->request.model);
    if (c->model == NULL) {
        problem_set(problem, 422, "unknown_model", "there is no model \"%.64s\"",
                    c->request.model);
        problem_add(problem, "/model", "there is no model \"%.64s\"", c->request.model);
        return false;
    }
    struct generation *generation = generation_take(c->model);
    enum status st = device_copy(&generation->conditions->device, &c->device);

    generation_drop(generation);
    if (st != ST_OK)
        problem_out_of_memory(problem);
    return st == ST_OK;
}

/* False with a 422: no such data set, or it does not fit. */
static bool look_at_pictures(struct job_call *c, size_t *ret_n, struct problem *problem)
{
    const struct job_request *request = &c->request;
    struct dataset_look look;
    char why[ERR_LEN];

    *ret_n = 0;
    if (request->dataset[0] == '\0')
        return true;
    datasets_look(c->turn.daemon, request->dataset, request->split, &look);
    *ret_n = request->limit > 0 && request->limit < look.n ? request->limit : look.n;
    if (look.st == ST_OK && datasets_fit(&look, c->model->net, why) == ST_OK)
        return true;
    if (look.st == ST_NOMEM) {
        problem_out_of_memory(problem);
        return false;
    }
    problem_set(problem, 422,
                look.st == ST_OK ? "dataset_does_not_fit" : "dataset_unusable", "%s",
                look.st == ST_OK ? why : look.why);
    problem_add(problem, "/dataset", "%s", look.st == ST_OK ? why : look.why);
    return false;
}

static void reply_accepted(struct http_call *call, int64_t id, struct buf *body)
{
    char location[64];

    (void)snprintf(location, sizeof(location), "/api/v1/jobs/%" PRId64, id);
    http_set_header(call, "Location", location);
    buf_char(body, '\n');
    http_reply(call, 202, JSON, body);
}

static void submit_job(struct job_call *c, size_t n_pictures)
{
    struct problem problem;
    struct buf body = BUF_INIT;
    char why[ERR_LEN];
    int64_t id;

    switch (jobs_submit(c->turn.daemon->jobs, &c->request, c->model, &c->device,
                        n_pictures, &id, &body, why)) {
    case ST_OK:
        reply_accepted(c->turn.call, id, &body);
        return;
    case ST_BUSY:
        problem_set(&problem, 429, "queue_full", "jobs: %s", why);
        problem.retry_after_s = RETRY_AFTER_S;
        http_reply_problem(c->turn.call, &problem);
        return;
    case ST_NOMEM:
        reply_no_memory(c->turn.call);
        return;
    default:
        reply_unavailable(c->turn.call, why);
    }
}

static void post_job(struct job_call *c)
{
    struct problem problem;
    size_t n_pictures;

    if (look_at_pictures(c, &n_pictures, &problem))
        submit_job(c, n_pictures);
    else
        http_reply_problem(c->turn.call, &problem);
}

void jobs_post(void *ctx, struct http_call *call)
{
    struct problem problem;
    size_t len;
    const char *json = (const char *)http_call_body(call, &len);

    if (!daemon_json_or_415(call, NULL))
        return;
    struct job_call *c = call_new(ctx, call);
    if (c == NULL)
        return;
    if (job_json_parse(json, len, &c->request, &problem) == ST_OK &&
        take_model(c, &problem) &&
        experiment_check(&c->request, c->model->net, &c->device, &problem) == ST_OK) {
        submit(c, post_job);
        return;
    }
    http_reply_problem(call, &problem);
    call_free(c);
}

/* -- By number -- */

static void reply_unknown(struct http_call *call)
{
    struct problem problem;

    problem_set(&problem, 404, "unknown_job",
                "there is no job \"%.20s\"; GET /api/v1/jobs lists them",
                http_call_param(call, 0));
    http_reply_problem(call, &problem);
}

/* 0, which no job has, for what is no number. */
static int64_t id_of(const struct http_call *call)
{
    const char *text = http_call_param(call, 0);
    char *end;
    long long id = strtoll(text, &end, 10);

    return text[0] >= '1' && text[0] <= '9' && *end == '\0' ? id : 0;
}

void jobs_get(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct buf body = http_take_buf(call);

    if (!jobs_write(daemon->jobs, id_of(call), &body)) {
        buf_free(&body);
        reply_unknown(call);
        return;
    }
    buf_char(&body, '\n');
    http_reply(call, 200, JSON, &body);
}

void jobs_list(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    uint64_t limit = DEFAULT_LISTED;

    if (!query_number_or_422(call, "limit", 1, JOBS_KEPT, &limit))
        return;
    struct buf body = http_take_buf(call);
    jobs_write_list(daemon->jobs, limit, &body);
    http_reply(call, 200, JSON, &body);
}

static void delete_job(struct job_call *c)
{
    struct buf body = BUF_INIT;
    char why[ERR_LEN];

    switch (jobs_end(c->turn.daemon->jobs, c->id, &body, why)) {
    case JOBS_UNKNOWN:
        reply_unknown(c->turn.call);
        break;
    case JOBS_CANCELLED:
        buf_char(&body, '\n');
        http_reply(c->turn.call, 200, JSON, &body);
        break;
    case JOBS_STOPPING:
        buf_char(&body, '\n');
        http_reply(c->turn.call, 202, JSON, &body);
        break;
    case JOBS_FORGOTTEN:
        http_reply_static(c->turn.call, 204, NULL, "", 0);
        break;
    case JOBS_NOT_NOW:
        reply_unavailable(c->turn.call, why);
        break;
    }
}

void jobs_delete(void *ctx, struct http_call *call)
{
    struct job_call *c = call_new(ctx, call);

    if (c == NULL)
        return;
    c->id = id_of(call);
    submit(c, delete_job);
}

/* -- What came of it -- */

struct reading {
    int64_t id;
    struct job_trials trials;
};

static enum status read_trials(struct db *db, void *ctx)
{
    struct reading *reading = ctx;

    return job_results_read(db, reading->id, &reading->trials);
}

static void reply_trials(const struct job_call *c, const struct job_head *head)
{
    struct reading reading = { .id = c->id };
    struct buf body = BUF_INIT;
    char why[ERR_LEN];

    if (record_with_database(c->turn.daemon->record, read_trials, &reading, why) !=
        ST_OK) {
        reply_unavailable(c->turn.call, why);
        return;
    }
    if (strcmp(c->type, DAEMON_CSV_TYPE) == 0) {
        job_json_csv(&body, head, &reading.trials);
    } else {
        job_json_results(&body, head, &reading.trials);
        buf_char(&body, '\n');
    }
    http_set_header(c->turn.call, "Vary", "Accept");
    http_reply(c->turn.call, 200, c->type, &body);
    job_trials_done(&reading.trials);
}

static void show_results(struct job_call *c)
{
    struct job_head head = { 0 };

    switch (jobs_copy(c->turn.daemon->jobs, c->id, &head)) {
    case ST_OK:
        reply_trials(c, &head);
        break;
    case ST_NOT_FOUND:
        reply_unknown(c->turn.call);
        break;
    default:
        reply_no_memory(c->turn.call);
    }
    job_head_done(&head);
}

void jobs_results(void *ctx, struct http_call *call)
{
    struct job_call *c = call_new(ctx, call);
    if (c == NULL)
        return;
    c->id = id_of(call);
    c->type = http_call_accepted(call);
    submit(c, show_results);
}
