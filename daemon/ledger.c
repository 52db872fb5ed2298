/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - GET /api/v1/models/{m}/energy: what a model has cost, layer by layer. */
#include "api/array_json.h"
#include "daemon/daemon.h"

void ledger_handle(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct model *model = daemon_take_or_404(daemon, call);

    if (model == NULL)
        return;
    struct generation *generation = generation_take(model);
    struct record_totals totals;
    struct buf body = http_take_buf(call);

    record_totals(daemon->record, model, &totals);
    const struct array_energy energy = {
        .model = model->net->name,
        .net = model->net,
        .since_s = totals.since_s,
        .layers = totals.energy,
        .per_image = generation->total_per_image,
        .bit_operation_fj = daemon->costs.bit_operation_fj,
        .threshold_fj = daemon->costs.threshold_fj,
        .logit_fj = daemon->costs.logit_fj,
    };
    array_json_write_energy(&body, &energy);
    http_reply(call, 200, "application/json", &body);
    generation_drop(generation);
    model_drop(model);
}
