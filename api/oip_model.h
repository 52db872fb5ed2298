/* SPDX-License-Identifier: Apache-2.0 */
/* oip_model.h - what the Open Inference Protocol (V2, REST) says of a server and of a
 * model: bodies of GET answers under /v2.
 *
 * A model has one input tensor, its pictures, and one output tensor, its logits.
 */
#ifndef API_OIP_MODEL_H
#define API_OIP_MODEL_H

#include "api/buf.h"
#include "core/network.h"

#define OIP_INPUT  "input"
#define OIP_OUTPUT "scores"

void oip_server_write(struct buf *buf, const char *name, const char *version);
/* `nets`: all versions of it that are served, n of them and the highest first. */
void oip_model_write(struct buf *buf, const struct network *net,
                     const struct network *const *nets, size_t n);
void oip_ready_write(struct buf *buf, const struct network *net, bool ready);
/* The configuration, as Triton's clients read it. `max_batch`: pictures of one request;
 * `keep`: how many versions are served, the highest ones. */
void oip_config_write(struct buf *buf, const struct network *net, size_t max_batch,
                      size_t keep);

/* What a model has done since it began to serve. Nanoseconds are sums over requests. */
struct oip_stats {
    const char *name;
    uint32_t version;
    int64_t last_ms;                /* UTC, the last answer; 0 none */
    uint64_t images, passes;        /* passes: runs of the network, shared by requests */
    uint64_t n_answered, n_refused; /* requests */
    uint64_t queue_ns, read_ns, compute_ns, write_ns; /* of those answered */
    uint64_t refused_ns;
};
/* One member of the list model_stats. */
void oip_stats_write(struct buf *buf, const struct oip_stats *stats);

#endif
