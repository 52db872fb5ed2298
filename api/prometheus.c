/* SPDX-License-Identifier: Apache-2.0 */
#include "api/prometheus.h"

#include <math.h>
#include <string.h>

/* Escapes backslash and newline, in label values the quote too; the format wants UTF-8.
 */
static void put_escaped(struct buf *buf, const char *text, bool quote)
{
    while (*text != '\0') {
        size_t len = buf_utf8_char(text);

        if (len == 0)
            buf_bytes(buf, "\xef\xbf\xbd", 3);
        else if (*text == '\n')
            buf_bytes(buf, "\\n", 2);
        else if (*text == '\\' || (quote && *text == '"')) {
            buf_char(buf, '\\');
            buf_char(buf, *text);
        } else {
            buf_bytes(buf, text, len);
        }
        text += len == 0 ? 1 : len;
    }
}

static void put_value(struct buf *buf, double value)
{
    if (isnan(value))
        buf_text(buf, "NaN");
    else if (isinf(value))
        buf_text(buf, value > 0 ? "+Inf" : "-Inf");
    else
        buf_number(buf, value);
}

static void put_label(struct buf *buf, const char *name, const char *value, bool first)
{
    buf_char(buf, first ? '{' : ',');
    buf_text(buf, name);
    buf_bytes(buf, "=\"", 2);
    put_escaped(buf, value, true);
    buf_char(buf, '"');
}

static void put_labels(struct buf *buf, const struct prometheus_label *labels,
                       size_t n_labels)
{
    for (size_t i = 0; i < n_labels; i++)
        put_label(buf, labels[i].name, labels[i].value, i == 0);
}

void prometheus_family(struct buf *buf, const char *name, const char *type,
                       const char *help)
{
    buf_text(buf, "# HELP ");
    buf_text(buf, name);
    buf_char(buf, ' ');
    put_escaped(buf, help, false);
    buf_text(buf, "\n# TYPE ");
    buf_text(buf, name);
    buf_char(buf, ' ');
    buf_text(buf, type);
    buf_char(buf, '\n');
}

void prometheus_sample(struct buf *buf, const char *name,
                       const struct prometheus_label *labels, size_t n_labels,
                       double value)
{
    buf_text(buf, name);
    put_labels(buf, labels, n_labels);
    if (n_labels != 0)
        buf_char(buf, '}');
    buf_char(buf, ' ');
    put_value(buf, value);
    buf_char(buf, '\n');
}

static void put_bucket(struct buf *buf, const char *name,
                       const struct prometheus_label *labels, size_t n_labels,
                       double edge, uint64_t cumulative)
{
    buf_text(buf, name);
    buf_text(buf, "_bucket");
    put_labels(buf, labels, n_labels);
    buf_text(buf, n_labels == 0 ? "{le=\"" : ",le=\"");
    put_value(buf, edge);
    buf_text(buf, "\"} ");
    buf_u64(buf, cumulative);
    buf_char(buf, '\n');
}

/* Starts the name_sum or name_count line. */
static void put_total_head(struct buf *buf, const char *name, const char *suffix,
                           const struct prometheus_label *labels, size_t n_labels)
{
    buf_text(buf, name);
    buf_text(buf, suffix);
    put_labels(buf, labels, n_labels);
    buf_text(buf, n_labels == 0 ? " " : "} ");
}

void prometheus_histogram(struct buf *buf, const char *name,
                          const struct prometheus_label *labels, size_t n_labels,
                          const double *edges, const uint64_t *counts, size_t n,
                          double sum)
{
    uint64_t cumulative = 0;

    for (size_t i = 0; i < n; i++) {
        cumulative += counts[i];
        put_bucket(buf, name, labels, n_labels, edges[i], cumulative);
    }
    cumulative += counts[n];
    put_bucket(buf, name, labels, n_labels, INFINITY, cumulative);
    put_total_head(buf, name, "_sum", labels, n_labels);
    put_value(buf, sum);
    buf_char(buf, '\n');
    put_total_head(buf, name, "_count", labels, n_labels);
    buf_u64(buf, cumulative);
    buf_char(buf, '\n');
}
