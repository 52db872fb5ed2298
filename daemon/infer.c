/* SPDX-License-Identifier: Apache-2.0 */
/* infer.c - POST /v2/models/{m}/infer: the body and the answer of the Open Inference
 * Protocol; pass.h has the way between. */
#include "api/oip_answer.h"
#include "daemon/lane.h"
#include "daemon/pass.h"
#include "daemon/v2.h"
#include "storage/gzip.h"

#include <stdio.h>

#define LENGTH_HEADER "Inference-Header-Content-Length"

static void set_broken(struct problem *problem, enum status st, const char *why,
                       size_t max)
{
    if (st == ST_NOMEM)
        problem_out_of_memory(problem);
    else if (st == ST_RANGE)
        problem_set(problem, 413, "body_too_large",
                    "the body is unpacked longer than this path's limit of %zu bytes",
                    max);
    else
        problem_set(problem, 400, "invalid_request", "the packed body: %s", why);
}

/* Puts the body as it was before it was packed in its place. */
static bool unpack(struct http_call *call, struct problem *problem)
{
    size_t packed_len, len, max = http_call_max_body(call);
    const uint8_t *packed = http_call_body(call, &packed_len);
    uint8_t *bytes;
    char why[ERR_LEN];
    enum status st = gzip_unpack(packed, packed_len, max, &bytes, &len, why);

    if (st != ST_OK) {
        set_broken(problem, st, why, max);
        return false;
    }
    struct buf body = { .data = (char *)bytes, .len = len, .cap = len };
    http_call_set_body(call, &body);
    return true;
}

static bool read(struct pass_request *r, struct classify_input *input,
                 struct problem *problem)
{
    size_t len;

    if (http_call_is_packed(r->call) && !unpack(r->call, problem))
        return false;
    const uint8_t *body = http_call_body(r->call, &len);
    if (oip_request_parse(body, len, http_call_header(r->call, LENGTH_HEADER),
                          r->model->net, LANE_MAX_IMAGES, input, &r->oip,
                          problem) != ST_OK)
        return false;
    r->top = r->oip.classification != 0 ? r->oip.classification : 1;
    return true;
}

static void answer(const struct pass_request *r, const struct classify_answer *answer,
                   struct buf *body)
{
    size_t json_len = oip_answer_write(body, &r->oip, answer);
    char text[24];

    if (json_len == 0) {
        http_reply(r->call, 200, "application/json", body);
        return;
    }
    (void)snprintf(text, sizeof(text), "%zu", json_len);
    http_set_header(r->call, LENGTH_HEADER, text);
    http_reply(r->call, 200, "application/octet-stream", body);
}

static const struct pass_form form = { read, answer };

/* Of JSON a pixel takes two bytes at least. What is packed may be as long as any. */
static size_t pictures_at_most(const struct pass_request *r)
{
    size_t len, inputs = network_inputs(r->model->net);

    (void)http_call_body(r->call, &len);
    if (http_call_is_packed(r->call))
        len = http_call_max_body(r->call);
    return len /
               (http_call_header(r->call, LENGTH_HEADER) != NULL ? inputs : 2 * inputs) +
           1;
}

void infer_handle(void *ctx, struct http_call *call)
{
    struct pass_request r = {
        .daemon = ctx,
        .call = call,
        .form = &form,
        .route = METRICS_INFER,
        .label = -1,
    };

    r.model = v2_take_or_404(ctx, call);
    if (r.model == NULL)
        return;
    r.pictures_at_most = pictures_at_most(&r);
    if (v2_json_or_415(call))
        pass_run(&r);
    else
        pass_count_refused(&r, 415);
    model_drop(r.model);
}
