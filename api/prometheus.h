/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus.h - writes the text exposition format 0.0.4.
 *
 * A family's samples follow its head at once; label values are escaped here.
 */
#ifndef API_PROMETHEUS_H
#define API_PROMETHEUS_H

#include "api/buf.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct prometheus_label {
    const char *name, *value;
};

/* HELP and TYPE; type is "counter", "gauge" or "histogram". */
void prometheus_family(struct buf *buf, const char *name, const char *type,
                       const char *help);
void prometheus_sample(struct buf *buf, const char *name,
                       const struct prometheus_label *labels, size_t n_labels,
                       double value);
/* name_bucket, name_sum, name_count. edges: n ascending upper bounds; counts: n + 1, not
 * cumulative, the last beyond every edge. */
void prometheus_histogram(struct buf *buf, const char *name,
                          const struct prometheus_label *labels, size_t n_labels,
                          const double *edges, const uint64_t *counts, size_t n,
                          double sum);

#endif
