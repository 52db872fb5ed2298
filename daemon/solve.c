/* SPDX-License-Identifier: Apache-2.0 */
/* solve.c - POST /api/v1/solve: from a wanted error rate to a write, and what each way of
 * protecting it costs.
 *
 *   solve_handle   data thread   parse; the device of a model is copied
 *   solve_work     worker        some tens of ms, then the answer
 */
#include "api/solve_json.h"
#include "daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct solve_job {
    struct turn turn;
    struct solve_body body;
};

static void job_free(void *arg)
{
    struct solve_job *job = arg;

    solve_body_done(&job->body);
    free(job);
}

/* `why` is "FIELD: REASON". */
static void add_fault(struct problem *problem, const char *why)
{
    size_t len = strcspn(why, ":");
    const char *reason = why + len + (why[len] == ':' ? 2 : 0);
    char pointer[ERR_LEN + 1];

    (void)snprintf(pointer, sizeof(pointer), "/%.*s", (int)len, why);
    problem_add(problem, pointer, "%s", reason);
}

static void answer(struct http_call *call, const struct device *device,
                   const struct solve_request *request)
{
    struct solve_answer solved;
    struct problem problem;
    char why[ERR_LEN];
    enum status st = solve_schemes(device, request, &solved, why);

    if (st == ST_OK) {
        struct buf body = BUF_INIT;

        solve_json_write(&body, device, request, &solved);
        http_reply(call, 200, "application/json", &body);
        return;
    }
    problem_set(&problem, 422, st == ST_UNREACHABLE ? "unreachable" : "out_of_range",
                "%s", why);
    add_fault(&problem, why);
    http_reply_problem(call, &problem);
}

static void solve_work(void *arg, unsigned worker)
{
    struct solve_job *job = arg;

    (void)worker;
    answer(job->turn.call, &job->body.device, &job->body.request);
    job_free(job);
}

/* Takes the device of the model that the body names; false with a problem. */
static bool take_device(struct daemon *daemon, struct solve_body *body,
                        struct problem *problem)
{
    struct model *model = registry_take(daemon->registry, body->model);
    struct device device;

    if (model == NULL) {
        problem_set(problem, 422, "unknown_model", "there is no model \"%.64s\"",
                    body->model);
        problem_add(problem, "/device/model", "there is no model \"%.64s\"", body->model);
        return false;
    }
    struct generation *generation = generation_take(model);
    enum status st = device_copy(&generation->conditions->device, &device);

    generation_drop(generation);
    model_drop(model);
    if (st != ST_OK) {
        problem_out_of_memory(problem);
        return false;
    }
    device_done(&body->device);
    body->device = device;
    return true;
}

void solve_handle(void *ctx, struct http_call *call)
{
    static const struct turn_kind kind = { .work = solve_work, .free = job_free };
    struct daemon *daemon = ctx;
    struct problem problem;
    size_t len;
    const char *json = (const char *)http_call_body(call, &len);

    if (!daemon_json_or_415(call, NULL))
        return;
    struct solve_job *job = calloc(1, sizeof(*job));
    problem_out_of_memory(&problem);
    if (job == NULL) {
        http_reply_problem(call, &problem);
        return;
    }
    job->turn = (struct turn) { .kind = &kind, .daemon = daemon, .call = call };
    if (solve_json_parse(json, len, &job->body, &problem) != ST_OK ||
        (job->body.model[0] != '\0' && !take_device(daemon, &job->body, &problem))) {
        http_reply_problem(call, &problem);
        job_free(job);
        return;
    }
    turn_queue(&job->turn, daemon->workers, "solve");
}
