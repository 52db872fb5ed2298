/* SPDX-License-Identifier: Apache-2.0 */
/* classify.c - POST /api/v1/models/{m}/classify: what comes as a picture or as JSON, and
 * the answer; pass.h has the way between. */
#include "api/classify_json.h"
#include "api/image.h"
#include "daemon/lane.h"
#include "daemon/pass.h"
#include "daemon/query.h"

#include <string.h>

#define DEFAULT_TOP 3

/* -- Bodies -- */

/* HTTP status of a picture that cannot be used. */
static unsigned picture_status(enum status st)
{
    return st == ST_UNSUPPORTED ? 415 : st == ST_RANGE ? 413 : 422;
}

static bool read_picture(struct pass_request *r, struct classify_input *input,
                         struct problem *problem)
{
    char why[ERR_LEN];
    size_t len;
    const uint8_t *body = http_call_body(r->call, &len);
    const struct network *net = r->model->net;
    enum status st = classify_input_reserve(input, 1, network_inputs(net));

    if (st == ST_OK) {
        st = image_fit(body, len, &net->input, input->pixels, why);
        input->n = 1;
        input->labels[0] = r->label;
    }
    if (st == ST_NOMEM)
        problem_out_of_memory(problem);
    else if (st != ST_OK)
        problem_set(problem, picture_status(st), "invalid_picture", "%s", why);
    return st == ST_OK;
}

static bool read_json(struct pass_request *r, struct classify_input *input,
                      struct problem *problem)
{
    size_t len;
    const uint8_t *body = http_call_body(r->call, &len);

    if (classify_json_parse((const char *)body, len, r->model->net, LANE_MAX_IMAGES,
                            input, problem) != ST_OK)
        return false;
    if (r->label >= 0 && input->n != 1) {
        query_refuse(problem, "label",
                     "the body has %zu pictures; give their labels in the body",
                     input->n);
        return false;
    }
    if (r->label >= 0)
        input->labels[0] = r->label;
    return true;
}

static void answer(const struct pass_request *r, const struct classify_answer *answer,
                   struct buf *body)
{
    classify_json_write(body, answer);
    http_reply(r->call, 200, "application/json", body);
}

static const struct pass_form picture_form = { read_picture, answer };
static const struct pass_form json_form = { read_json, answer };

/* -- Options -- */

static bool read_options(struct pass_request *r, struct problem *problem)
{
    size_t n_classes = r->model->net->n_classes;
    uint64_t top = n_classes < DEFAULT_TOP ? n_classes : DEFAULT_TOP;
    uint64_t label = UINT64_MAX;

    if (!query_number(r->call, "top", 1, n_classes, &top, problem) ||
        !query_number(r->call, "label", 0, n_classes - 1, &label, problem))
        return false;
    r->top = top;
    r->label = label == UINT64_MAX ? -1 : (int32_t)label;
    return true;
}

static bool is_picture(const char *type)
{
    static const char *const pictures[] = {
        "application/octet-stream",
        "image/png",
        "image/jpeg",
        "image/x-portable-graymap",
        "image/x-portable-pixmap",
        "image/x-portable-anymap",
    };

    for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++)
        if (strcmp(type, pictures[i]) == 0)
            return true;
    return false;
}

/* JSON or picture? A body without a usable type (curl sends a form's) is looked at. A
 * JSON body cannot hold more pictures than bytes for them. */
static bool read_type(struct pass_request *r, struct problem *problem)
{
    size_t len, inputs = network_inputs(r->model->net);
    const uint8_t *body = http_call_body(r->call, &len);
    const char *type = http_call_content_type(r->call);
    bool is_unnamed =
        type[0] == '\0' || strcmp(type, "application/x-www-form-urlencoded") == 0;
    bool is_json = strcmp(type, "application/json") == 0 ||
                   (is_unnamed && len > 0 && body[0] == '{' && len != inputs);

    r->form = is_json ? &json_form : &picture_form;
    r->pictures_at_most = is_json ? len / inputs + 1 : 1;
    if (len == 0)
        problem_set(problem, 400, "empty_body",
                    "the body is empty; send a picture (PNG, JPEG, PGM, PPM), %zu raw "
                    "pixels or JSON",
                    inputs);
    else if (!is_json && !is_unnamed && !is_picture(type))
        problem_set(problem, 415, "unsupported_type",
                    "Content-Type \"%.60s\" is not read here; send application/json, "
                    "image/png, image/jpeg, image/x-portable-graymap, "
                    "image/x-portable-pixmap or application/octet-stream (raw pixels)",
                    type);
    else
        return true;
    return false;
}

void classify_handle(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;
    struct pass_request r = { .daemon = daemon, .call = call };
    struct problem problem;

    r.model = daemon_take_or_404(daemon, call);
    if (r.model == NULL)
        return;
    if (read_options(&r, &problem) && read_type(&r, &problem))
        pass_run(&r);
    else
        pass_refuse(&r, &problem);
    model_drop(r.model);
}
