/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - GET /api/v1/models and /api/v1/models/{m}. */
#include "daemon/describe.h"

#include "api/classify_json.h"
#include "daemon/daemon.h"

#include <inttypes.h>

static const char *const origins[] = {
    [MODEL_BUILTIN] = "built_in",
    [MODEL_FOLDER] = "folder",
    [MODEL_UPLOADED] = "uploaded",
};

static void write_input(struct buf *body, const struct network_input *input)
{
    bool binary = input->encoding == NETWORK_BINARY;

    buf_printf(
        body, "\"input\":{\"height\":%u,\"width\":%u,\"channels\":%u,\"encoding\":\"%s\"",
        input->height, input->width, input->channels, binary ? "binary" : "pixels");
    if (binary)
        buf_printf(body, ",\"threshold\":%u", input->threshold);
    else
        buf_text(body, ",\"threshold\":null");
    buf_printf(body, ",\"bgr\":%s", input->bgr ? "true" : "false");
    if (input->fit == NETWORK_CROP)
        buf_printf(body, ",\"fit\":\"crop\",\"resize\":%u}", input->resize);
    else
        buf_text(body, ",\"fit\":\"letterbox\",\"resize\":null}");
}

static void write_labels(struct buf *body, const struct network *net)
{
    buf_printf(body, ",\"classes\":%zu,\"labels\":[", net->n_classes);
    for (size_t i = 0; i < net->n_classes; i++) {
        if (i > 0)
            buf_char(body, ',');
        buf_json_string(body, net->labels[i]);
    }
    buf_char(body, ']');
}

static void write_layers(struct buf *body, const struct network *net)
{
    buf_text(body, ",\"layers\":[");
    for (size_t i = 0; i < net->n_layers; i++) {
        const struct network_layer *layer = &net->layers[i];

        buf_text(body, i > 0 ? ",{\"name\":" : "{\"name\":");
        buf_json_string(body, layer->name);
        buf_printf(body, ",\"kind\":\"%s\",\"inputs\":%zu,\"outputs\":%zu,\"cells\":%zu}",
                   layer->kind == NETWORK_FIRE ? "fire" : "logits", layer->n_in,
                   layer->n_out, layer->n_in * layer->n_out);
    }
    buf_char(body, ']');
}

static void write_accuracy(struct buf *body, const struct network *net)
{
    if (net->test_total == 0) {
        buf_text(body, ",\"accuracy\":null");
        return;
    }
    buf_text(body, ",\"accuracy\":{\"test_set\":");
    buf_json_string(body, net->test_set);
    buf_printf(body, ",\"correct\":%u,\"total\":%u,\"ratio\":", net->test_correct,
               net->test_total);
    buf_number(body, (double)net->test_correct / net->test_total);
    buf_char(body, '}');
}

void describe_write(struct buf *body, struct model *model)
{
    const struct network *net = model->net;
    struct generation *generation = generation_take(model);

    buf_text(body, "{\"name\":");
    buf_json_string(body, net->name);
    buf_printf(body, ",\"version\":\"%" PRIu32 "\",\"origin\":\"%s\",\"description\":",
               net->version, origins[model->origin]);
    buf_json_string(body, net->description);
    buf_text(body, ",\"training\":");
    buf_json_string(body, net->training);
    buf_printf(body,
               ",\"checksum\":\"%08" PRIx32
               "\",\"state\":\"ready\",\"generation\":%" PRIu64 ",",
               net->checksum, generation->number);
    write_input(body, &net->input);
    write_labels(body, net);
    write_layers(body, net);
    buf_printf(body, ",\"cells\":%" PRIu64, generation->total.cells);
    write_accuracy(body, net);
    buf_char(body, ',');
    struct classify_memory memory = generation_memory(generation);
    classify_json_conditions(body, &memory, &generation->total_per_image);
    buf_char(body, '}');
    generation_drop(generation);
}

void describe_models(void *ctx, struct http_call *call)
{
    const struct daemon *daemon = ctx;
    struct buf body = http_take_buf(call);

    buf_text(&body, "{\"models\":[");
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(daemon->registry, models);

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(&body, ',');
        describe_write(&body, models[i]);
    }
    registry_drop_list(models, n);
    buf_text(&body, "]}\n");
    http_reply(call, 200, "application/json", &body);
}

void describe_model(void *ctx, struct http_call *call)
{
    struct model *model = daemon_take_or_404(ctx, call);

    if (model == NULL)
        return;
    struct buf body = http_take_buf(call);
    describe_write(&body, model);
    buf_char(&body, '\n');
    http_reply(call, 200, "application/json", &body);
    model_drop(model);
}
