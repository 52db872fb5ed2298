/* SPDX-License-Identifier: Apache-2.0 */
/* upload.c - models that come and go while others are served.
 *
 *   upload_put       data thread          queue
 *   put_work         programming thread   read the file or import it, keep it, program
 *                                         its array, then serve it as the next version
 *                                         of its name
 *   upload_delete    data thread          queue
 *   delete_work      programming thread   serve it no more, forget its files: all its
 *                                         versions, or one
 *
 * Requests in flight end on the model that they began with; its last reference frees it.
 */
#include "core/nearest.h"
#include "daemon/array.h"
#include "daemon/catalogue.h"
#include "daemon/describe.h"
#include "daemon/log.h"
#include "daemon/serving.h"
#include "storage/model_file.h"
#include "storage/onnx_contract.h"

#include <errno.h>
#include <inttypes.h>
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

/* The versions of its name with `model` in its place: the highest, or that which it is
 * again. Only this thread takes any out of the registry, so it keeps them. */
static size_t line_up(struct daemon *daemon, struct model *model, size_t keep,
                      struct model *ret_models[REGISTRY_VERSIONS])
{
    struct model *served[REGISTRY_VERSIONS];
    size_t n_served = registry_versions(daemon->registry, model->net->name, served);
    size_t n = 0;

    if (n_served == 0 || served[0]->net->version < model->net->version)
        ret_models[n++] = model;
    for (size_t i = 0; i < n_served && n < keep; i++) {
        bool again = served[i]->net->version == model->net->version;

        ret_models[n++] = again ? model : served[i];
    }
    registry_drop_list(served, n_served);
    return n;
}

/* ret_seen: its number has been told, so that it is nobody else's. */
static enum status begin_and_publish(struct daemon *daemon, struct model *model,
                                     const char *path, bool *ret_seen,
                                     struct problem *problem)
{
    const char *name = model->net->name;
    struct model *models[REGISTRY_VERSIONS];
    size_t keep = catalogue_keep(daemon), n = line_up(daemon, model, keep, models);

    *ret_seen = false;
    if (!serving_has_room(daemon, name, models, n, problem))
        return ST_RANGE;
    enum status st = serving_begin(daemon, model, problem);
    if (st != ST_OK)
        return st;
    *ret_seen = true; /* its first generation is in the history */
    st = place_file(model, path, problem);
    if (st == ST_OK)
        st = serving_publish(daemon, name, models, n, problem);
    if (st != ST_OK)
        serving_abandon(daemon, model);
    else if (n == keep)
        catalogue_sweep(daemon, name, models[n - 1]->net->version);
    return st;
}

/* Takes `net`; its file is at `path` and goes to the model's own place. A network that
 * has its version already goes on with the same array. */
static enum status serve(struct daemon *daemon, struct network *net, const char *path,
                         struct model **ret_model, struct problem *problem)
{
    struct model *model;
    char why[ERR_LEN];
    bool fresh, seen;

    if (catalogue_number(daemon, net, &fresh, why) != ST_OK) {
        problem_set(problem, 507, "model_not_kept", "%.240s", why);
        network_free(net);
        return ST_IO;
    }
    enum status st = model_new(net, MODEL_UPLOADED, daemon->settings.state_dir,
                               &daemon->device, &model);
    if (st != ST_OK) {
        problem_out_of_memory(problem);
        return st;
    }
    st = begin_and_publish(daemon, model, path, &seen, problem);
    if (st == ST_OK) {
        *ret_model = model;
        return ST_OK;
    }
    if (fresh && seen)
        catalogue_remove(daemon, model);
    else if (fresh)
        catalogue_take_back(daemon, model);
    model_drop(model);
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
                       struct onnx_report *report, struct model **ret_model,
                       struct problem *problem)
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
        st = serve(daemon, net, path, ret_model, problem);
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

    if (put(daemon, call, name, &report, &model, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
    } else {
        record_event(daemon->record, METRICS_INFO, "model", model,
                     "uploaded: version %" PRIu32 ", %zu cells in %zu layers",
                     model->net->version, network_cells(model->net),
                     model->net->n_layers);
        reply_served(call, model, before == NULL, &report);
        model_drop(model);
    }
    onnx_report_done(&report);
    model_drop(before);
}

void upload_put(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;
    struct problem problem;

    if (!network_name_ok(http_call_param(call, 0))) {
        problem_set(&problem, 422, "invalid_name",
                    "\"%.80s\" is no name of a model: 1 to 64 of A-Z a-z 0-9 . _ -, not "
                    "beginning with a dot",
                    http_call_param(call, 0));
        http_reply_problem(call, &problem);
        return;
    }
    turn_queue_call(daemon, call, put_work, daemon->programming, "programming");
}

/* -- DELETE -- */

static const char *origin_text(enum model_origin origin)
{
    return origin == MODEL_BUILTIN ? "is built into the daemon" : "lies in model_dir";
}

/* Takes it out of the registry; only this thread takes any out. */
static void end(struct daemon *daemon, struct model *model)
{
    struct model *models[REGISTRY_VERSIONS], *gone[REGISTRY_VERSIONS];
    size_t n_all = registry_versions(daemon->registry, model->net->name, models), n = 0;
    size_t n_gone;

    registry_drop_list(models, n_all);
    for (size_t i = 0; i < n_all; i++)
        if (models[i] != model)
            models[n++] = models[i];
    /* There is room for fewer. */
    if (registry_set(daemon->registry, model->net->name, models, n, gone, &n_gone) !=
        ST_OK)
        return;
    for (size_t i = 0; i < n_gone; i++)
        serving_end(daemon, gone[i]);
}

/* The file first: with it the model would come back at the next start. */
static bool delete_one(struct daemon *daemon, struct model *model,
                       struct problem *problem)
{
    char why[ERR_LEN];

    if (model_file_remove(model->file_path, why) != ST_OK) {
        problem_set(problem, 507, "model_not_deleted", "it is served on: %.200s", why);
        return false;
    }
    if (why[0] != '\0')
        record_event(daemon->record, METRICS_WARNING, "model", model,
                     "it may come back after a power cut: %.180s", why);
    record_event(daemon->record, METRICS_INFO, "model", model,
                 "deleted: version %" PRIu32, model->net->version);
    model->retired = true; /* nobody writes its array's file again */
    end(daemon, model);
    catalogue_remove(daemon, model);
    return true;
}

static bool is_sent(const struct model *model, struct problem *problem)
{
    if (model->origin == MODEL_UPLOADED)
        return true;
    problem_set(problem, 409, "not_uploaded",
                "model \"%s\" %s; only what was uploaded can be deleted",
                model->net->name, origin_text(model->origin));
    return false;
}

/* What was sent of the name, the lowest version first, so that the model answers as
 * before until it has gone; and what is left of versions that nobody serves. */
static bool delete_all(struct daemon *daemon, const char *name, struct problem *problem)
{
    struct model *models[REGISTRY_VERSIONS];
    size_t n = registry_versions(daemon->registry, name, models);
    bool any = false, all = true;

    for (size_t i = n; i-- > 0 && all;)
        if (is_sent(models[i], problem)) {
            any = true;
            all = delete_one(daemon, models[i], problem);
        }
    registry_drop_list(models, n);
    if (any && all)
        catalogue_sweep(daemon, name, UINT32_MAX);
    return any && all;
}

static void delete_work(struct daemon *daemon, struct model *model,
                        struct http_call *call)
{
    bool of_all = http_call_query(call, "version") == NULL, done = false;
    struct buf body = BUF_INIT;
    struct problem problem;

    if (model->retired)
        problem_set(&problem, 404, "unknown_model", "model \"%s\" has gone already",
                    model->net->name);
    else if (of_all)
        done = delete_all(daemon, model->net->name, &problem);
    else
        done = is_sent(model, &problem) && delete_one(daemon, model, &problem);
    if (done)
        http_reply(call, 204, NULL, &body);
    else
        http_reply_problem(call, &problem);
}

void upload_delete(void *ctx, struct http_call *call)
{
    array_defer(ctx, call, delete_work);
}
