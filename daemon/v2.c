/* SPDX-License-Identifier: Apache-2.0 */
/* v2.c - what the Open Inference Protocol tells of the server and its models, health
 * aside (status.c), and what is logged. */
#include "daemon/v2.h"

#include "api/oip_logging.h"
#include "api/oip_model.h"
#include "daemon/catalogue.h"
#include "daemon/lane.h"
#include "daemon/log.h"

#include <string.h>

struct model *v2_take_or_404(const struct daemon *daemon, struct http_call *call)
{
    return daemon_take_version_or_404(daemon, call, http_call_param(call, 1));
}

bool v2_json_or_415(struct http_call *call)
{
    return daemon_json_or_415(call, "application/octet-stream");
}

void v2_server(void *ctx, struct http_call *call)
{
    struct buf body = http_take_buf(call);

    (void)ctx;
    oip_server_write(&body, "spinbnn", SPINBNN_VERSION);
    http_reply(call, 200, "application/json", &body);
}

/* A habit of KServe's; not in the protocol. */
void v2_models(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(daemon->registry, models);
    struct buf body = http_take_buf(call);

    buf_text(&body, "{\"models\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(models[i]->net->name, models[i - 1]->net->name) == 0)
            continue; /* another version of it */
        if (i > 0)
            buf_char(&body, ',');
        buf_json_string(&body, models[i]->net->name);
    }
    buf_text(&body, "]}\n");
    registry_drop_list(models, n);
    http_reply(call, 200, "application/json", &body);
}

void v2_model(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct model *model = v2_take_or_404(daemon, call);

    if (model == NULL)
        return;
    struct model *models[REGISTRY_VERSIONS];
    const struct network *nets[REGISTRY_VERSIONS];
    struct buf body = http_take_buf(call);
    size_t n = registry_versions(daemon->registry, model->net->name, models);

    for (size_t i = 0; i < n; i++)
        nets[i] = models[i]->net;
    oip_model_write(&body, model->net, nets, n);
    registry_drop_list(models, n);
    http_reply(call, 200, "application/json", &body);
    model_drop(model);
}

/* A model that is there serves; of a server that stops no model is to be chosen. */
void v2_model_ready(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct model *model = v2_take_or_404(daemon, call);

    if (model == NULL)
        return;
    bool ready = daemon->ready && !daemon->draining;
    struct buf body = http_take_buf(call);
    oip_ready_write(&body, model->net, ready);
    if (!ready)
        http_set_header(call, "Retry-After", "1");
    http_reply(call, ready ? 200 : 503, "application/json", &body);
    model_drop(model);
}

void v2_config(void *ctx, struct http_call *call)
{
    struct model *model = v2_take_or_404(ctx, call);

    if (model == NULL)
        return;
    struct buf body = http_take_buf(call);
    oip_config_write(&body, model->net, LANE_MAX_IMAGES, catalogue_keep(ctx));
    http_reply(call, 200, "application/json", &body);
    model_drop(model);
}

/* -- Statistics: of classify and infer together -- */

static void write_stats(struct buf *body, const struct daemon *daemon,
                        const struct model *model)
{
    struct record_totals totals;

    record_totals(daemon->record, model, &totals);
    const struct tally_sum *tally = &totals.tally;
    const struct oip_stats stats = {
        .name = model->net->name,
        .version = model->net->version,
        .last_ms = tally->last_ms,
        .images = tally->images,
        .passes = tally->passes,
        .n_answered = tally->requests,
        .n_refused = tally->errors,
        .queue_ns = tally->phase_ns[TALLY_QUEUE],
        .read_ns = tally->phase_ns[TALLY_READ],
        .compute_ns = tally->phase_ns[TALLY_COMPUTE],
        .write_ns = tally->phase_ns[TALLY_WRITE],
        .refused_ns = tally->phase_ns[TALLY_REFUSE],
    };

    oip_stats_write(body, &stats);
}

static void reply_stats(const struct daemon *daemon, struct http_call *call,
                        struct model *const *models, size_t n)
{
    struct buf body = http_take_buf(call);

    buf_text(&body, "{\"model_stats\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(&body, ',');
        write_stats(&body, daemon, models[i]);
    }
    buf_text(&body, "]}\n");
    http_reply(call, 200, "application/json", &body);
}

/* Without a version in the path of all of them. */
void v2_stats(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct model *models[REGISTRY_VERSIONS], *model = v2_take_or_404(daemon, call);

    if (model == NULL)
        return;
    if (http_call_param(call, 1) != NULL) {
        reply_stats(daemon, call, &model, 1);
    } else {
        size_t n = registry_versions(daemon->registry, model->net->name, models);

        reply_stats(daemon, call, models, n);
        registry_drop_list(models, n);
    }
    model_drop(model);
}

void v2_stats_of_all(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(daemon->registry, models);

    reply_stats(daemon, call, models, n);
    registry_drop_list(models, n);
}

/* -- Logging -- */

static struct oip_logging present_logging(void)
{
    enum log_level level = log_level();

    return (struct oip_logging) {
        .error = true,
        .warning = level >= LOG_WARNING,
        .info = level >= LOG_INFO,
        .verbose_level = level >= LOG_DEBUG,
    };
}

static void reply_logging(struct http_call *call)
{
    struct oip_logging logging = present_logging();
    struct buf body = http_take_buf(call);

    oip_logging_write(&body, &logging);
    http_reply(call, 200, "application/json", &body);
}

void v2_logging(void *ctx, struct http_call *call)
{
    (void)ctx;
    reply_logging(call);
}

void v2_set_logging(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct oip_logging logging = present_logging();
    struct problem problem;
    size_t len;
    const char *body = (const char *)http_call_body(call, &len);

    if (!v2_json_or_415(call))
        return;
    if (oip_logging_parse(body, len, &logging, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
        return;
    }
    config_set_log_level(daemon->config, logging.verbose_level > 0 ? "debug"
                                         : logging.info            ? "info"
                                         : logging.warning         ? "warning"
                                                                   : "error");
    reply_logging(call);
}
