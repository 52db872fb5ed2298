/* SPDX-License-Identifier: Apache-2.0 */
/* upload.c - models that come and go while others are served.
 *
 *   upload_put       data thread          queue
 *   put_work         programming thread   read the file or import it, keep it, program
 *                                         its array, then serve it in place of one of
 *                                         its name
 *   upload_delete    data thread          queue
 *   delete_work      programming thread   serve it no more, forget its files
 *
 * Requests in flight end on the model that they began with; its last reference frees it.
 */
#include "core/nearest.h"
#include "daemon/array.h"
#include "daemon/describe.h"
#include "daemon/log.h"
#include "daemon/serving.h"
#include "storage/model_file.h"
#include "storage/onnx_contract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- From bytes to a network -- */

static void refuse_import(const struct onnx_report *report, const char *why,
                          struct problem *problem)
{
    problem_set(problem, 422, onnx_code_name(report->code), "%s", why);
    if (report->node[0] != '\0')
        problem_add(problem, "", "node %ld, \"%.80s\" (%.32s)", report->position,
                    report->node, report->op);
    if (report->found[0] != '\0')
        problem_add(problem, "", "found: %s", report->found);
    if (report->accepted[0] != '\0')
        problem_add(problem, "", "accepted: %s", report->accepted);
}

/* A violation; the first of them makes the problem. */
static void refuse_argument(struct problem *problem, const char *name, const char *why)
{
    char pointer[32];

    if (problem->status == 0)
        problem_set(problem, 422, "invalid_query", "%s", "");
    (void)snprintf(pointer, sizeof(pointer), "?%.30s", name);
    problem_add(problem, pointer, "query argument %.200s", why);
}

/* A slip in a name would leave the network with another input than its owner thinks. */
static void refuse_unknown(struct http_call *call, struct problem *problem)
{
    const char *names[32] = { NULL };
    const char *name;
    char why[ERR_LEN];

    for (size_t i = 0; onnx_contract_members[i].name != NULL && i < 31; i++)
        names[i] = onnx_contract_members[i].name;
    for (size_t i = 0; (name = http_call_query_name(call, i)) != NULL; i++) {
        const char *near = nearest_name(name, names);

        if (near != NULL && strcmp(near, name) == 0)
            continue;
        (void)snprintf(why, sizeof(why), "%.30s is not known%s%s%s", name,
                       near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                       near != NULL ? "?" : "");
        refuse_argument(problem, name, why);
    }
}

/* Every violation of the query, not just the first. */
static enum status read_contract(struct http_call *call, struct onnx_contract *contract,
                                 struct problem *problem)
{
    char why[ERR_LEN];

    problem->status = 0;
    for (const struct onnx_contract_member *m = onnx_contract_members; m->name != NULL;
         m++) {
        const char *value = http_call_query(call, m->name);
        enum status st =
            value != NULL ? onnx_contract_set(contract, m->name, value, why) : ST_OK;

        if (st == ST_NOMEM) {
            problem_out_of_memory(problem);
            return st;
        }
        if (st != ST_OK)
            refuse_argument(problem, m->name, why);
    }
    refuse_unknown(call, problem);
    return problem->status == 0 ? ST_OK : ST_RANGE;
}

/* A model file says itself what a pixel is. */
static enum status refuse_contract(struct http_call *call, struct problem *problem)
{
    const char *name;
    char why[ERR_LEN];

    problem->status = 0;
    for (size_t i = 0; (name = http_call_query_name(call, i)) != NULL; i++) {
        (void)snprintf(why, sizeof(why), "%.30s is for ONNX files; this is a model file",
                       name);
        refuse_argument(problem, name, why);
    }
    return problem->status == 0 ? ST_OK : ST_RANGE;
}

static enum status import_bytes(struct http_call *call, struct network **ret_net,
                                struct onnx_report *ret_report, struct problem *problem)
{
    struct onnx_contract contract;
    char why[ERR_LEN];
    size_t len;
    const uint8_t *body = http_call_body(call, &len);

    onnx_contract_init(&contract);
    enum status st = read_contract(call, &contract, problem);
    if (st == ST_OK) {
        st = onnx_import(body, len, &contract.options, ret_net, ret_report, why);
        if (st == ST_NOMEM)
            problem_out_of_memory(problem);
        else if (st != ST_OK)
            refuse_import(ret_report, why, problem);
    }
    onnx_contract_done(&contract);
    return st;
}

static enum status parse_bytes(struct http_call *call, struct network **ret_net,
                               struct problem *problem)
{
    char why[ERR_LEN];
    size_t len;
    const uint8_t *body = http_call_body(call, &len);

    if (refuse_contract(call, problem) != ST_OK)
        return ST_RANGE;
    enum status st = model_file_parse(body, len, ret_net, why);
    if (st == ST_NOMEM)
        problem_out_of_memory(problem);
    else if (st != ST_OK)
        problem_set(problem, 422, "invalid_model_file", "%s", why);
    return st;
}

/* Files say a name of their own; the path's is the one that counts. */
static enum status rename_network(struct network *net, const char *name,
                                  struct problem *problem)
{
    char *copy = strdup(name);

    if (copy == NULL) {
        problem_out_of_memory(problem);
        return ST_NOMEM;
    }
    free(net->name);
    net->name = copy;
    return ST_OK;
}

/* -- Its file -- */

/* The network as its file gives it back, so that what is served is what a restart will
 * serve. Takes `net`. */
static enum status keep_file(struct network **net, const char *path,
                             struct problem *problem)
{
    struct network *again = NULL;
    char why[ERR_LEN];
    enum status st = model_file_save(path, *net, why);

    if (st == ST_OK)
        st = model_file_load(path, &again, why);
    if (st != ST_OK)
        problem_set(problem,
                    st == ST_IO      ? 507
                    : st == ST_NOMEM ? 503
                                     : 422,
                    "model_not_kept", "the model cannot be kept: %.200s", why);
    network_free(*net);
    *net = again;
    return st;
}

static enum status make_folder(const struct daemon *daemon, struct problem *problem)
{
    char folder[SETTINGS_TEXT_LEN + 16];

    (void)snprintf(folder, sizeof(folder), "%s/models", daemon->settings.state_dir);
    if (mkdir(folder, 0750) == 0 || errno == EEXIST)
        return ST_OK;
    problem_set(problem, 507, "model_not_kept", "%.180s: %s", folder, strerror(errno));
    return ST_IO;
}

/* -- Serving it -- */

/* Its file goes from `path` to its own place. */
static enum status place_file(const struct model *model, const char *path,
                              struct problem *problem)
{
    char why[ERR_LEN] = "";
    enum status st = model_file_move(path, model->file_path, why);

    if (st != ST_OK)
        problem_set(problem, 507, "model_not_kept", "%.240s", why);
    else if (why[0] != '\0')
        log_line(LOG_WARNING, "model", "%.240s", why);
    return st;
}

static enum status publish(struct daemon *daemon, struct model *model,
                           struct problem *problem)
{
    char why[ERR_LEN];
    enum status st = serving_publish(daemon, model, problem);

    /* Nobody else has the name: a file that stayed would hinder the next start. */
    if (st != ST_OK && model_file_remove(model->file_path, why) != ST_OK)
        log_line(LOG_ERROR, "model", "\"%.240s\" cannot be removed", why);
    return st;
}

/* Takes `net`; its file is at `path` and goes to the model's own place. `served`: what
 * has its name now, or NULL. The same network goes on with the same array. */
static enum status serve(struct daemon *daemon, struct network *net, const char *path,
                         struct model *served, struct model **ret_model,
                         struct problem *problem)
{
    bool beside = served == NULL || served->net->checksum != net->checksum;
    enum status st =
        serving_begin(daemon, net, MODEL_UPLOADED, served, beside, ret_model, problem);

    if (st != ST_OK)
        return st;
    st = place_file(*ret_model, path, problem);
    if (st == ST_OK)
        st = publish(daemon, *ret_model, problem);
    if (st != ST_OK)
        serving_abandon(daemon, *ret_model);
    return st;
}

/* -- PUT -- */

static void write_remarks(struct buf *body, const struct onnx_report *report)
{
    buf_text(body, ",\"remarks\":[");
    for (size_t i = 0; i < report->n_remarks; i++) {
        buf_text(body, i > 0 ? ",{\"code\":" : "{\"code\":");
        buf_json_string(body, report->remarks[i].code);
        buf_text(body, ",\"node\":");
        buf_json_string(body, report->remarks[i].node);
        buf_text(body, ",\"text\":");
        buf_json_string(body, report->remarks[i].text);
        buf_char(body, '}');
    }
    buf_printf(body, "],\"remarks_dropped\":%zu}\n", report->n_dropped);
}

static void reply_served(struct http_call *call, struct model *model, bool created,
                         const struct onnx_report *report)
{
    struct buf body = BUF_INIT;

    buf_text(&body, "{\"model\":");
    describe_write(&body, model);
    write_remarks(&body, report);
    http_reply(call, created ? 201 : 200, "application/json", &body);
}

static enum status put(struct daemon *daemon, struct http_call *call, const char *name,
                       struct model *served, struct onnx_report *report,
                       struct model **ret_model, struct problem *problem)
{
    char path[SETTINGS_TEXT_LEN + 100];
    struct network *net = NULL;
    size_t len;
    const uint8_t *body = http_call_body(call, &len);
    enum status st = model_file_is(body, len) ? parse_bytes(call, &net, problem)
                                              : import_bytes(call, &net, report, problem);

    if (st != ST_OK)
        return st;
    (void)snprintf(path, sizeof(path), "%s/models/%s.new", daemon->settings.state_dir,
                   name);
    st = rename_network(net, name, problem);
    if (st == ST_OK)
        st = make_folder(daemon, problem);
    if (st != ST_OK) {
        network_free(net);
        return st;
    }
    st = keep_file(&net, path, problem);
    if (st == ST_OK)
        st = serve(daemon, net, path, served, ret_model, problem);
    if (st != ST_OK)
        (void)unlink(path); /* if it stays, the next upload writes over it */
    return st;
}

static void put_work(struct daemon *daemon, struct http_call *call)
{
    const char *name = http_call_param(call, 0);
    struct model *before = registry_take(daemon->registry, name), *model = NULL;
    struct onnx_report report = { .remarks = NULL };
    struct problem problem;

    if (put(daemon, call, name, before, &report, &model, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
    } else {
        record_event(daemon->record, METRICS_INFO, "model", model,
                     "uploaded: %zu cells in %zu layers", network_cells(model->net),
                     model->net->n_layers);
        reply_served(call, model, before == NULL, &report);
        model_drop(model);
    }
    onnx_report_done(&report);
    model_drop(before);
}

void upload_put(void *ctx, struct http_call *call)
{
    struct problem problem;

    if (!network_name_ok(http_call_param(call, 0))) {
        problem_set(&problem, 422, "invalid_name",
                    "\"%.80s\" is no name of a model: 1 to 64 of A-Z a-z 0-9 . _ -, not "
                    "beginning with a dot",
                    http_call_param(call, 0));
        http_reply_problem(call, &problem);
        return;
    }
    daemon_program(ctx, call, put_work);
}

/* -- DELETE -- */

static const char *origin_text(enum model_origin origin)
{
    return origin == MODEL_BUILTIN ? "is built into the daemon" : "lies in model_dir";
}

static void delete_work(struct daemon *daemon, struct model *model,
                        struct http_call *call)
{
    struct buf body = BUF_INIT;
    struct problem problem;
    char why[ERR_LEN];

    if (model->origin != MODEL_UPLOADED) {
        problem_set(&problem, 409, "not_uploaded",
                    "model \"%s\" %s; only what was uploaded can be deleted",
                    model->net->name, origin_text(model->origin));
        http_reply_problem(call, &problem);
        return;
    }
    if (model->retired) {
        problem_set(&problem, 404, "unknown_model", "model \"%s\" has gone already",
                    model->net->name);
        http_reply_problem(call, &problem);
        return;
    }
    /* The file first: with it the model would come back at the next start. */
    if (model_file_remove(model->file_path, why) != ST_OK) {
        problem_set(&problem, 507, "model_not_deleted", "it is served on: %.200s", why);
        http_reply_problem(call, &problem);
        return;
    }
    if (why[0] != '\0')
        record_event(daemon->record, METRICS_WARNING, "model", model,
                     "it may come back after a power cut: %.180s", why);
    if (unlink(model->image_path) != 0 && errno != ENOENT)
        record_event(daemon->record, METRICS_WARNING, "model", model,
                     "the file of its array stays: %s", strerror(errno));
    record_event(daemon->record, METRICS_INFO, "model", model, "deleted");
    (void)registry_remove(daemon->registry, model); /* only this thread takes any out */
    serving_end(daemon, model); /* the registry's reference; the caller has one more */
    http_reply(call, 204, NULL, &body);
}

void upload_delete(void *ctx, struct http_call *call)
{
    array_defer(ctx, call, delete_work);
}
