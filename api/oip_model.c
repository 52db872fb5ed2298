/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_model.h"

#include <inttypes.h>

#define PLATFORM "spinbnn_stmram"

void oip_server_write(struct buf *buf, const char *name, const char *version)
{
    buf_text(buf, "{\"name\":");
    buf_json_string(buf, name);
    buf_text(buf, ",\"version\":");
    buf_json_string(buf, version);
    buf_text(buf,
             ",\"extensions\":[\"binary_tensor_data\",\"classification\",\"logging\","
             "\"model_configuration\",\"model_repository\",\"parameters\","
             "\"statistics\"]}\n");
}

/* What an answer begins with. */
static void write_name(struct buf *buf, const struct network *net)
{
    buf_text(buf, "{\"name\":");
    buf_json_string(buf, net->name);
}

static const char *colours(const struct network_input *in)
{
    return in->channels == 1 ? "grey" : in->bgr ? "bgr" : "rgb";
}

/* What the protocol has no member for; its values are strings. */
static void write_properties(struct buf *buf, const struct network *net)
{
    buf_text(buf, ",\"properties\":{\"description\":");
    buf_json_string(buf, net->description);
    buf_printf(buf, ",\"channels\":\"%s\",\"checksum\":\"%08" PRIx32 "\"}",
               colours(&net->input), net->checksum);
}

void oip_model_write(struct buf *buf, const struct network *net,
                     const struct network *const *nets, size_t n)
{
    const struct network_input *in = &net->input;

    write_name(buf, net);
    buf_text(buf, ",\"versions\":[");
    for (size_t i = n; i-- > 0;)
        buf_printf(buf, "\"%" PRIu32 "\"%s", nets[i]->version, i > 0 ? "," : "");
    buf_printf(buf,
               "],\"platform\":\"" PLATFORM "\",\"inputs\":[{\"name\":\"" OIP_INPUT
               "\",\"datatype\":\"UINT8\",\"shape\":[-1,%u,%u,%u]}],"
               "\"outputs\":[{\"name\":\"" OIP_OUTPUT
               "\",\"datatype\":\"FP32\",\"shape\":[-1,%zu]}]",
               in->height, in->width, in->channels, net->n_classes);
    write_properties(buf, net);
    buf_text(buf, "}\n");
}

void oip_ready_write(struct buf *buf, const struct network *net, bool ready)
{
    write_name(buf, net);
    buf_printf(buf, ",\"ready\":%s}\n", ready ? "true" : "false");
}

void oip_config_write(struct buf *buf, const struct network *net, size_t max_batch,
                      size_t keep)
{
    const struct network_input *in = &net->input;

    write_name(buf, net);
    buf_printf(buf,
               ",\"platform\":\"" PLATFORM "\",\"backend\":\"spinbnn\","
               "\"version_policy\":{\"latest\":{\"num_versions\":%zu}},"
               "\"max_batch_size\":%zu,"
               "\"input\":[{\"name\":\"" OIP_INPUT "\",\"data_type\":\"TYPE_UINT8\","
               "\"format\":\"FORMAT_NHWC\",\"dims\":[%u,%u,%u]}],"
               "\"output\":[{\"name\":\"" OIP_OUTPUT
               "\",\"data_type\":\"TYPE_FP32\",\"dims\":[%zu]}]}\n",
               keep, max_batch, in->height, in->width, in->channels, net->n_classes);
}

static void write_duration(struct buf *buf, const char *name, uint64_t count, uint64_t ns)
{
    buf_printf(buf, "\"%s\":{\"count\":%" PRIu64 ",\"ns\":%" PRIu64 "}", name, count, ns);
}

void oip_stats_write(struct buf *buf, const struct oip_stats *stats)
{
    uint64_t n = stats->n_answered;

    buf_text(buf, "{\"name\":");
    buf_json_string(buf, stats->name);
    buf_printf(buf,
               ",\"version\":\"%" PRIu32 "\",\"last_inference\":%" PRId64
               ",\"inference_count\":%" PRIu64 ",\"execution_count\":%" PRIu64
               ",\"inference_stats\":{",
               stats->version, stats->last_ms, stats->images, stats->passes);
    write_duration(buf, "success", n,
                   stats->queue_ns + stats->read_ns + stats->compute_ns +
                       stats->write_ns);
    buf_char(buf, ',');
    write_duration(buf, "fail", stats->n_refused, stats->refused_ns);
    buf_char(buf, ',');
    write_duration(buf, "queue", n, stats->queue_ns);
    buf_char(buf, ',');
    write_duration(buf, "compute_input", n, stats->read_ns);
    buf_char(buf, ',');
    write_duration(buf, "compute_infer", n, stats->compute_ns);
    buf_char(buf, ',');
    write_duration(buf, "compute_output", n, stats->write_ns);
    buf_char(buf, ',');
    /* No answer is kept to be given again. Clients read these of every server. */
    write_duration(buf, "cache_hit", 0, 0);
    buf_char(buf, ',');
    write_duration(buf, "cache_miss", 0, 0);
    buf_text(buf, "},\"batch_stats\":[]}");
}
