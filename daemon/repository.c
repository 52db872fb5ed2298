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
#include "daemon/catalogue.h"
#include "daemon/serving.h"
#include "daemon/v2.h"

#include <inttypes.h>
#include <malloc.h>
#include <string.h>

/* -- index -- */

struct index {
    struct buf *body;
    bool ready_only;
    size_t n;
};

static void write_row(void *ctx, const char *name, uint32_t version,
                      enum registry_state state, const char *reason)
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
    oip_index_write(index->body, name, version, states[state], reason);
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

static void defer(struct daemon *daemon, struct http_call *call, turn_work *work)
{
    struct problem problem;
    size_t len;
    const char *body = (const char *)http_call_body(call, &len);

    if (!v2_json_or_415(call))
        return;
    if (oip_load_parse(body, len, &problem) != ST_OK)
        http_reply_problem(call, &problem);
    else
        turn_queue_call(daemon, call, work, daemon->programming, "programming");
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
                    "the array of model \"%s\", version %" PRIu32 ", is not on disk and "
                    "would be lost; program it again",
                    model->net->name, model->net->version);
    return is;
}

static bool are_on_disk(const struct daemon *daemon, const char *name,
                        struct problem *problem)
{
    struct model *models[REGISTRY_VERSIONS];
    size_t n = registry_versions(daemon->registry, name, models);
    bool are = true;

    for (size_t i = 0; i < n && are; i++)
        are = is_on_disk(models[i], problem);
    registry_drop_list(models, n);
    return are;
}

/* -- load -- */

/* With the file's name, which tells versions apart, but without its place, which is
 * nobody's business. */
static void set_unreadable(struct problem *problem, const char *name, const char *why)
{
    const char *at = strstr(why, ".sbnn: ");

    while (at != NULL && at > why && at[-1] != '/')
        at--;
    if (at != NULL)
        problem_set(problem, 422, "invalid_model_file", "%.250s", at);
    else
        problem_set(problem, 422, "invalid_model_file", "model \"%s\": %.200s", name,
                    why);
}

static enum status read_versions(struct daemon *daemon, const char *name,
                                 struct registry **ret_registry, struct problem *problem)
{
    char why[ERR_LEN] = "";
    enum status st = network_name_ok(name)
                         ? catalogue_read(daemon, name, ret_registry, why)
                         : ST_NOT_FOUND;

    if (st == ST_NOT_FOUND)
        set_unknown(problem, name);
    else if (st == ST_NOMEM)
        problem_out_of_memory(problem);
    else if (st != ST_OK)
        set_unreadable(problem, name, why);
    return st;
}

/* What index says of it from now on; without memory for it the state before stays. */
static void note(struct daemon *daemon, const char *name, enum registry_state state,
                 const char *reason)
{
    if (registry_note(daemon->registry, name, catalogue_next(daemon, name), state,
                      reason) != ST_OK)
        record_event(daemon->record, METRICS_WARNING, "model", NULL,
                     "%s: no memory to note its state", name);
}

/* Brings all of them into service, or none. */
static enum status serve(struct daemon *daemon, const char *name,
                         struct model *const *models, size_t n, struct problem *problem)
{
    enum status st =
        serving_has_room(daemon, name, models, n, problem) ? ST_OK : ST_RANGE;
    size_t n_begun = 0;

    for (; n_begun < n && st == ST_OK; n_begun += st == ST_OK)
        st = serving_begin(daemon, models[n_begun], problem);
    if (st == ST_OK)
        st = serving_publish(daemon, name, models, n, problem);
    for (size_t i = 0; i < n_begun && st != ST_OK; i++)
        serving_abandon(daemon, models[i]);
    return st;
}

static enum status load(struct daemon *daemon, const char *name, struct problem *problem)
{
    struct model *models[REGISTRY_VERSIONS];
    struct registry *versions;

    if (!are_on_disk(daemon, name, problem))
        return ST_IO;
    enum status st = read_versions(daemon, name, &versions, problem);
    if (st != ST_OK)
        return st;
    size_t n = registry_versions(versions, name, models);
    registry_free(versions);
    note(daemon, name, REGISTRY_LOADING, "");
    st = serve(daemon, name, models, n, problem);
    for (size_t i = 0; i < n && st == ST_OK; i++)
        record_event(daemon->record, METRICS_INFO, "model", models[i],
                     "loaded: version %" PRIu32, models[i]->net->version);
    registry_drop_list(models, n);
    return st;
}

static void load_work(struct daemon *daemon, struct http_call *call)
{
    const char *name = http_call_param(call, 0);
    struct model *served = registry_take(daemon->registry, name);
    struct problem problem;
    enum status st = load(daemon, name, &problem);

    if (st == ST_OK) {
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

static enum status unload(struct daemon *daemon, const char *name,
                          struct problem *problem)
{
    struct model *gone[REGISTRY_VERSIONS];
    size_t n_gone = 0;

    if (!are_on_disk(daemon, name, problem))
        return ST_IO;
    enum status st = registry_park(daemon->registry, name, "unloaded", gone, &n_gone);
    if (st != ST_OK)
        problem_out_of_memory(problem);
    for (size_t i = 0; i < n_gone; i++) {
        record_event(daemon->record, METRICS_INFO, "model", gone[i],
                     "unloaded: version %" PRIu32, gone[i]->net->version);
        serving_end(daemon, gone[i]);
    }
    return st;
}

static void unload_work(struct daemon *daemon, struct http_call *call)
{
    const char *name = http_call_param(call, 0);
    struct registry_note note;
    struct model *model = registry_look(daemon->registry, name, 0, &note);
    bool is_served = model != NULL;
    struct problem problem;

    model_drop(model);
    if (!is_served && note.state == REGISTRY_UNKNOWN) {
        set_unknown(&problem, name);
        http_reply_problem(call, &problem);
        return;
    }
    if (is_served && unload(daemon, name, &problem) != ST_OK) {
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
