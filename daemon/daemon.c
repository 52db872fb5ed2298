/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include "daemon/query.h"
#include "storage/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "1, 2" */
static void list_versions(struct model *const *models, size_t n, char ret_text[ERR_LEN])
{
    int len = 0;

    ret_text[0] = '\0';
    for (size_t i = n; i-- > 0;)
        len += snprintf(ret_text + len, ERR_LEN - (size_t)len, "%" PRIu32 "%s",
                        models[i]->net->version, i > 0 ? ", " : "");
}

/* Of a name that is served. */
static void set_no_version(const struct daemon *daemon, const char *name,
                           const char *version, struct problem *problem)
{
    struct model *models[REGISTRY_VERSIONS];
    size_t n = registry_versions(daemon->registry, name, models);
    char versions[ERR_LEN];

    list_versions(models, n, versions);
    registry_drop_list(models, n);
    problem_set(problem, 404, "unknown_version",
                "model \"%.64s\" has no version \"%.20s\"; there %s %s", name, version,
                n == 1 ? "is" : "are", versions);
}

/* Why a model is not there. */
static void set_absent(const struct daemon *daemon, const char *name, const char *version,
                       const struct registry_note *note, struct problem *problem)
{
    if (note->state == REGISTRY_READY) {
        set_no_version(daemon, name, version, problem);
    } else if (note->state == REGISTRY_UNKNOWN) {
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

struct model *daemon_take_version_or_404(const struct daemon *daemon,
                                         struct http_call *call, const char *version)
{
    const char *name = http_call_param(call, 0);
    uint32_t number = version != NULL ? query_version(version) : 0;
    struct registry_note note;
    struct model *model = registry_look(daemon->registry, name, number, &note);
    struct problem problem;

    if (model == NULL) {
        set_absent(daemon, name, version, &note, &problem);
        http_reply_problem(call, &problem);
    }
    return model;
}

struct model *daemon_take_or_404(const struct daemon *daemon, struct http_call *call)
{
    return daemon_take_version_or_404(daemon, call, http_call_query(call, "version"));
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

enum status daemon_history(struct daemon *daemon, char why[ERR_LEN])
{
    /* Or it would read on what was deleted or replaced. */
    if (daemon->history != NULL && !history_in_place(daemon->history)) {
        history_close(daemon->history);
        daemon->history = NULL;
    }
    return daemon->history != NULL
               ? ST_OK
               : history_open(record_path(daemon->record), &daemon->history, why);
}
