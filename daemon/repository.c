/* SPDX-License-Identifier: Apache-2.0 */
/* repository.c - the model repository of the Open Inference Protocol: which models there
 * are, in and out of service.
 *
 *   repository_index    data thread          answers
 *   repository_load     data thread          queue
 *   load_work           programming thread   read the file again, bring back its array,
 *                                            then serve it in place of one of its name
 *   repository_unload   data thread          queue
 *   unload_work         programming thread   serve it no more; its files stay
 *
 * Requests in flight end on the model that they began with.
 */
#include "api/oip_repository.h"
#include "core/network.h"
#include "daemon/serving.h"
#include "daemon/v2.h"

#include <malloc.h>
#include <string.h>

/* -- index -- */

struct index {
    struct buf *body;
    bool ready_only;
    size_t n;
};

static void write_row(void *ctx, const char *name, enum registry_state state,
                      const char *reason)
{
    static const char *const states[] = {
        [REGISTRY_READY] = "READY",
        [REGISTRY_LOADING] = "LOADING",
        [REGISTRY_UNAVAILABLE] = "UNAVAILABLE",
    };
    struct index *index = ctx;

    if (index->ready_only && state != REGISTRY_READY)
        return;
    if (index->n++ > 0)
        buf_char(index->body, ',');
    oip_index_write(index->body, name, states[state], reason);
}

void repository_index(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct index index = { .n = 0 };
    struct problem problem;
    size_t len;
    const char *request = (const char *)http_call_body(call, &len);

    if (!v2_json_or_415(call))
        return;
    if (oip_index_parse(request, len, &index.ready_only, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
        return;
    }
    struct buf body = http_take_buf(call);
    index.body = &body;
    buf_char(&body, '[');
    registry_visit(daemon->registry, write_row, &index);
    buf_text(&body, "]\n");
    http_reply(call, 200, "application/json", &body);
}

/* -- To the programming thread -- */

static void defer(struct daemon *daemon, struct http_call *call, daemon_work *work)
{
    struct problem problem;
    size_t len;
    const char *body = (const char *)http_call_body(call, &len);

    if (!v2_json_or_415(call))
        return;
    if (oip_load_parse(body, len, &problem) != ST_OK)
        http_reply_problem(call, &problem);
    else
        daemon_program(daemon, call, work);
}

static void set_unknown(struct problem *problem, const char *name)
{
    problem_set(problem, 404, "unknown_model",
                "there is no model \"%.80s\" in the repository", name);
}

static void reply_done(struct http_call *call)
{
    static const char done[] = "{}\n";

    http_reply_static(call, 200, "application/json", done, sizeof(done) - 1);
}

/* An array that could not be saved is in memory alone. False after the problem. */
static bool is_on_disk(struct model *model, struct problem *problem)
{
    struct generation *generation = generation_take(model);
    bool is = generation->durable;

    generation_drop(generation);
    if (!is)
        problem_set(problem, 507, "array_not_durable",
                    "the array of model \"%s\" is not on disk and would be lost; "
                    "program it again",
                    model->net->name);
    return is;
}

/* -- load -- */

/* Without the file's place, which is nobody's business. */
static const char *reason_of(const char *why)
{
    static const char end[] = ".sbnn: ";
    const char *at = strstr(why, end);

    return at != NULL ? at + sizeof(end) - 1 : why;
}

static enum status read_network(struct daemon *daemon, const char *name,
                                struct network **ret_net, enum model_origin *ret_origin,
                                struct problem *problem)
{
    char why[ERR_LEN] = "";
    enum status st = network_name_ok(name)
                         ? registry_read(daemon, name, ret_net, ret_origin, why)
                         : ST_NOT_FOUND;

    if (st == ST_NOT_FOUND)
        set_unknown(problem, name);
    else if (st == ST_NOMEM)
        problem_out_of_memory(problem);
    else if (st != ST_OK)
        problem_set(problem, 422, "invalid_model_file", "model \"%s\": %.200s", name,
                    reason_of(why));
    return st;
}

/* What index says of it from now on; without memory for it the state before stays. */
static void note(struct daemon *daemon, const char *name, enum registry_state state,
                 const char *reason)
{
    if (registry_note(daemon->registry, name, state, reason) != ST_OK)
        record_event(daemon->record, METRICS_WARNING, "model", NULL,
                     "%s: no memory to note its state", name);
}

static enum status load(struct daemon *daemon, const char *name, struct model *served,
                        struct model **ret_model, struct problem *problem)
{
    struct network *net;
    enum model_origin origin;

    if (served != NULL && !is_on_disk(served, problem))
        return ST_IO;
    enum status st = read_network(daemon, name, &net, &origin, problem);
    if (st != ST_OK)
        return st;
    bool beside = served != NULL && served->net->checksum != net->checksum;
    note(daemon, name, REGISTRY_LOADING, "");
    st = serving_begin(daemon, net, origin, served, beside, ret_model, problem);
    if (st != ST_OK)
        return st;
    st = serving_publish(daemon, *ret_model, problem);
    if (st != ST_OK)
        serving_abandon(daemon, *ret_model);
    return st;
}

static void load_work(struct daemon *daemon, struct http_call *call)
{
    const char *name = http_call_param(call, 0);
    struct model *served = registry_take(daemon->registry, name), *model;
    struct problem problem;
    enum status st = load(daemon, name, served, &model, &problem);

    if (st == ST_OK) {
        record_event(daemon->record, METRICS_INFO, "model", model, "loaded");
        model_drop(model);
        reply_done(call);
    } else {
        if (served != NULL || st != ST_NOT_FOUND)
            note(daemon, name, REGISTRY_UNAVAILABLE, problem.detail);
        http_reply_problem(call, &problem);
    }
    model_drop(served);
}

void repository_load(void *ctx, struct http_call *call)
{
    defer(ctx, call, load_work);
}

/* -- unload -- */

/* Takes the caller's reference. */
static enum status unload(struct daemon *daemon, struct model *model,
                          struct problem *problem)
{
    enum status st = is_on_disk(model, problem) ? ST_OK : ST_IO;

    if (st == ST_OK) {
        st = registry_park(daemon->registry, model, "unloaded");
        if (st != ST_OK)
            problem_out_of_memory(problem);
    }
    if (st == ST_OK) {
        record_event(daemon->record, METRICS_INFO, "model", model, "unloaded");
        serving_end(daemon, model); /* the registry's reference */
    }
    model_drop(model);
    return st;
}

static void unload_work(struct daemon *daemon, struct http_call *call)
{
    const char *name = http_call_param(call, 0);
    struct registry_note note;
    struct model *model = registry_look(daemon->registry, name, &note);
    struct problem problem;

    if (model == NULL && note.state == REGISTRY_UNKNOWN) {
        set_unknown(&problem, name);
        http_reply_problem(call, &problem);
        return;
    }
    if (model != NULL && unload(daemon, model, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
        return;
    }
    record_flush(daemon->record); /* the writer has the last reference */
    (void)malloc_trim(0); /* what was freed goes to the system; or there is nothing */
    reply_done(call);
}

void repository_unload(void *ctx, struct http_call *call)
{
    defer(ctx, call, unload_work);
}
