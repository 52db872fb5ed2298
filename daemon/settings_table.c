/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings_table.h"

#include <assert.h>

#define FIELD(name) offsetof(struct settings, name)

const struct setting settings_table[] = {
    { "listen", SETTING_TEXT, RESTART, FIELD(listen), "127.0.0.1:8080", 0, 0, NULL, "",
      "addresses to listen on, comma-separated: HOST:PORT, [IPV6]:PORT, unix:PATH" },
    { "admin_listen", SETTING_TEXT, RESTART, FIELD(admin_listen), "", 0, 0, NULL, "",
      "further addresses with a thread of their own and no limit of connections: probes, "
      "scrapes and changes do not wait behind pictures" },
    { "state_dir", SETTING_TEXT, RESTART, FIELD(state_dir), "state", 1, 0, NULL, "",
      "folder of the arrays and the database" },
    { "model_dir", SETTING_TEXT, RESTART, FIELD(model_dir), "", 0, 0, NULL, "",
      "folder of .sbnn files, served besides the built-in models (same name: instead)" },
    { "data", SETTING_TEXT, RESTART, FIELD(data), "", 0, 0, NULL, "",
      "folder of data sets, a folder each, that jobs may use by name" },
    { "threads", SETTING_NUMBER, RESTART, FIELD(threads), "0", 0, 64, NULL, "",
      "threads that parse and answer requests; 0: one per core" },
    { "workers", SETTING_NUMBER, RESTART, FIELD(workers), "0", 0, 64, NULL, "",
      "threads for long computations; 0: one per core" },
    { "queue", SETTING_NUMBER, RESTART, FIELD(queue), "256", 1, 65536, NULL, "jobs",
      "long jobs that may wait; beyond that requests get 429" },
    { "kernel", SETTING_TEXT, RESTART, FIELD(kernel), "auto", 0, 0, NULL, "",
      "XNOR-popcount kernel: auto takes the fastest this CPU can run" },
    { "max_connections", SETTING_NUMBER, LIVE, FIELD(max_connections), "8192", 1, 1000000,
      NULL, "", "open connections; further ones are closed at once" },
    { "idle_timeout_s", SETTING_NUMBER, RESTART, FIELD(idle_timeout_s), "75", 1, 86400,
      NULL, "s", "a connection without traffic is closed after this time" },
    { "head_timeout_s", SETTING_NUMBER, LIVE, FIELD(head_timeout_s), "10", 1, 86400, NULL,
      "s",
      "a connection that has not sent a whole request head by then, or sends less than 8 "
      "KiB of a body in that time, is closed" },
    { "body_memory_mb", SETTING_NUMBER, RESTART, FIELD(body_memory_mb), "1024", 16,
      1048576, NULL, "MiB",
      "bodies of requests together; what would take more gets 503" },
    { "inline_budget_us", SETTING_NUMBER, LIVE, FIELD(inline_budget_us), "250", 0,
      1000000, NULL, "us", "requests predicted to compute longer go to the workers" },
    { "request_timeout_ms", SETTING_NUMBER, LIVE, FIELD(request_timeout_ms), "30000", 0,
      3600000, NULL, "ms",
      "requests that wait longer for their turn get 504 then, and nothing is begun; 0: "
      "they wait" },
    { "drain_delay_s", SETTING_NUMBER, LIVE, FIELD(drain_delay_s), "0", 0, 3600, NULL,
      "s", "after SIGTERM keep accepting this long (behind a load balancer: 5)" },
    { "drain_timeout_s", SETTING_NUMBER, LIVE, FIELD(drain_timeout_s), "25", 1, 3600,
      NULL, "s", "then requests in flight have this long to end" },
    { "device", SETTING_TEXT, RESTART, FIELD(device), "default", 0, 0, NULL, "",
      "what new arrays are made of: a preset (GET /api/v1/device/presets)" },
    { "max_cells", SETTING_NUMBER, LIVE, FIELD(max_cells), "0", 0, UINT64_C(1) << 40,
      NULL, "cells",
      "weights of all networks together, one cell each (pairs and check bits come on "
      "top); "
      "beyond that uploads and loads get 409; 0: no limit" },
    { "keep_versions", SETTING_NUMBER, LIVE, FIELD(keep_versions), "1", 1, 16, NULL, "",
      "versions of a model that are served at once, the newest; a smaller number counts "
      "from the next upload or load of the model on" },
    { "scrub_interval_s", SETTING_NUMBER, LIVE, FIELD(scrub_interval_s), "0", 0, 31536000,
      NULL, "s", "arrays are scrubbed so often, by the clock; 0: never" },
    { "snapshot_interval_s", SETTING_NUMBER, LIVE, FIELD(snapshot_interval_s), "0", 0,
      31536000, NULL, "s",
      "the database is copied to spinbnn-snapshot.db so often; 0: never" },
    { "request_rows", SETTING_NUMBER, LIVE, FIELD(request_rows), "0", 0, 1000000, NULL,
      "",
      "one in so many classify and infer requests is a row of the database; 1: each, 0: "
      "none" },
    { "request_rows_max", SETTING_NUMBER, LIVE, FIELD(request_rows_max), "2000000", 1,
      1000000000, NULL, "rows", "how many of those rows are kept" },
    { "request_rows_hours", SETTING_NUMBER, LIVE, FIELD(request_rows_hours), "24", 1,
      87600, NULL, "h", "how long they are kept" },
    { "db_max_mb", SETTING_NUMBER, LIVE, FIELD(db_max_mb), "0", 0, 1000000, NULL, "MiB",
      "the database's file grows no larger (its log comes on top): rows of requests go "
      "first, then it is as with a full disk; 0: no limit" },
    { "bit_operation_fj", SETTING_REAL, RESTART, FIELD(bit_operation_fj), "8", 0, 1000000,
      NULL, "fJ", "compute energy of an XNOR and its share of the count" },
    { "threshold_fj", SETTING_REAL, RESTART, FIELD(threshold_fj), "16", 0, 1000000, NULL,
      "fJ", "compute energy of comparing a sum with its threshold" },
    { "logit_fj", SETTING_REAL, RESTART, FIELD(logit_fj), "1000", 0, 1000000, NULL, "fJ",
      "compute energy of scaling a sum to a logit" },
    { "log_level", SETTING_TEXT, LIVE, FIELD(log_level), "info", 0, 0,
      "error|warning|info|debug", "", "what is logged to standard error" },
    { "log_json", SETTING_SWITCH, LIVE, FIELD(log_json), "false", 0, 0, "true|false", "",
      "log JSON objects, one a line, instead of text" },
    { "access_log_sample", SETTING_NUMBER, LIVE, FIELD(access_log_sample), "0", 0,
      1000000, NULL, "",
      "log every request that failed and one in so many others; 0: none" },
    { "tokens_file", SETTING_TEXT, LIVE, FIELD(tokens_file), "", 0, 0, NULL, "",
      "file of who may ask for what (spinbnn token makes lines for it); nobody is asked "
      "without" },
    { "tls_certificate", SETTING_TEXT, LIVE, FIELD(tls_certificate), "", 0, 0, NULL, "",
      "PEM file of the certificate and its chain; all addresses then speak TLS" },
    { "tls_key", SETTING_TEXT, LIVE, FIELD(tls_key), "", 0, 0, NULL, "",
      "PEM file of its key" },
    { "insecure_bind", SETTING_SWITCH, LIVE, FIELD(insecure_bind), "false", 0, 0,
      "true|false", "", "serve other machines even without tokens" },
    { "allowed_hosts", SETTING_TEXT, LIVE, FIELD(allowed_hosts), "", 0, 0, NULL, "",
      "names that a browser may know this daemon by, comma-separated, besides addresses "
      "and localhost" },
    { "trusted_proxies", SETTING_TEXT, RESTART, FIELD(trusted_proxies), "", 0, 0, NULL,
      "",
      "whose X-Forwarded-For is believed, for the log: addresses, ADDRESS/BITS or unix, "
      "comma-separated" },
};
#define N_SETTINGS (sizeof(settings_table) / sizeof(settings_table[0]))
const size_t settings_n = N_SETTINGS;

static_assert(N_SETTINGS <= SETTINGS_MAX, "settings_result has a place for each origin");
