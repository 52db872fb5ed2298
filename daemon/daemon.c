/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <stdlib.h>
#include <string.h>

/* Why a model is not there. */
static void set_absent(struct problem *problem, const char *name,
                       const struct registry_note *note)
{
    if (note->state == REGISTRY_UNKNOWN) {
        problem_set(problem, 404, "unknown_model",
                    "there is no model \"%.80s\"; GET /api/v1/models lists them", name);
    } else if (note->state == REGISTRY_LOADING) {
        problem_set(problem, 503, "model_loading", "model \"%.80s\" is being loaded",
                    name);
        problem->retry_after_s = 1;
    } else {
        problem_set(problem, 404, "unknown_model",
                    "model \"%.80s\" is not served: %.150s", name, note->reason);
    }
}

struct model *daemon_take_or_404(const struct daemon *daemon, struct http_call *call)
{
    const char *name = http_call_param(call, 0);
    struct registry_note note;
    struct model *model = registry_look(daemon->registry, name, &note);
    struct problem problem;

    if (model == NULL) {
        set_absent(&problem, name, &note);
        http_reply_problem(call, &problem);
    }
    return model;
}

void daemon_reply_busy(const struct daemon *daemon, struct http_call *call,
                       const char *what)
{
    struct problem problem;

    problem_set(&problem, 429, "queue_full", "%s: %llu jobs are waiting already", what,
                (unsigned long long)daemon->settings.queue);
    problem.retry_after_s = 1;
    http_reply_problem(call, &problem);
}

bool daemon_is_json(const struct http_call *call, const char *also)
{
    const char *type = http_call_content_type(call);
    size_t len;

    (void)http_call_body(call, &len);
    return len == 0 || type[0] == '\0' || strcmp(type, "application/json") == 0 ||
           strcmp(type, "application/x-www-form-urlencoded") == 0 ||
           (also != NULL && strcmp(type, also) == 0);
}

bool daemon_json_or_415(struct http_call *call, const char *also)
{
    struct problem problem;

    if (daemon_is_json(call, also))
        return true;
    problem_set(&problem, 415, "unsupported_type",
                "Content-Type \"%.60s\" is not read here; send application/json%s%s",
                http_call_content_type(call), also != NULL ? " or " : "",
                also != NULL ? also : "");
    http_reply_problem(call, &problem);
    return false;
}

struct job {
    struct daemon *daemon;
    struct http_call *call;
    daemon_work *work;
};

static void run_job(void *arg, unsigned worker)
{
    struct job *job = arg;

    (void)worker; /* there is one */
    if (daemon_may_begin(job->daemon, job->call))
        job->work(job->daemon, job->call);
    free(job);
}

void daemon_program(struct daemon *daemon, struct http_call *call, daemon_work *work)
{
    struct job *job = malloc(sizeof(*job));
    struct problem problem;

    if (job == NULL) {
        problem_out_of_memory(&problem);
        http_reply_problem(call, &problem);
        return;
    }
    *job = (struct job) { daemon, call, work };
    http_defer(call);
    if (pool_submit(daemon->programming, run_job, job) == ST_OK)
        return;
    daemon_reply_busy(daemon, call, "programming");
    free(job);
}

bool daemon_in_time(const struct http_call *call, uint64_t limit_ns,
                    struct problem *ret_problem)
{
    uint64_t waited_ns = http_call_waited_ns(call);

    if (limit_ns == 0 || waited_ns <= limit_ns)
        return true;
    problem_set(ret_problem, 504, "deadline_exceeded",
                "the request waited %.3f ms for its turn, at most %.3f ms were allowed",
                (double)waited_ns / 1e6, (double)limit_ns / 1e6);
    return false;
}

void daemon_reply_gone(struct http_call *call)
{
    struct problem problem;

    problem_set(&problem, 499, "client_gone", "the client closed its connection");
    http_reply_problem(call, &problem);
}

bool daemon_may_begin(const struct daemon *daemon, struct http_call *call)
{
    uint64_t limit_ns = daemon->settings.request_timeout_ms * UINT64_C(1000000);
    struct problem problem;

    if (http_call_client_gone(call)) {
        daemon_reply_gone(call);
        return false;
    }
    if (daemon_in_time(call, limit_ns, &problem))
        return true;
    http_reply_problem(call, &problem);
    return false;
}
