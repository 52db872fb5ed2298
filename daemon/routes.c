/* SPDX-License-Identifier: Apache-2.0 */
/* routes.c - every path that the daemon answers; api/openapi.json describes each. */
#include "api/prometheus.h"
#include "daemon/daemon.h"

#define KIB (size_t)1024
#define MIB (1024 * KIB)
/* For whoever comes: health, and the page with the API's description, which hold nothing
 * of ours. */
#define OPEN (enum token_scope)0
/* What clients of the protocol ask before they infer. */
#define EITHER (enum token_scope)(TOKEN_READ | TOKEN_INFER)

/* What they answer with. A probe asks for the status of health, whatever it says it
 * takes; pictures and pages know their own types. */
static const char *const json[] = { "application/json", NULL };
static const char *const octets[] = { "application/octet-stream", NULL };
static const char *const events[] = { "text/event-stream", NULL };
static const char *const metrics[] = { PROMETHEUS_CONTENT_TYPE, NULL };
/* Accept chooses. */
static const char *const json_or_csv[] = { "application/json", DAEMON_CSV_TYPE, NULL };
/* The body chooses: whoever sends it takes both. */
static const char *const json_or_octets[] = { "application/json",
                                              "application/octet-stream", NULL };

/* Arguments of queries. Under /v2 clients send what they like; PUT of a model judges its
 * own, which are those of the file that comes. */
static const char *const none[] = { NULL };
static const char *const version[] = { "version", NULL };
static const char *const classify[] = { "top", "label", "version", NULL };
static const char *const layer[] = { "layer", "version", NULL };
static const char *const memory[] = { "weakest", "version", NULL };
static const char *const tile[] = { "section", "version", NULL };
static const char *const diff[] = { "a", "b", "list", "version", NULL };
static const char *const device[] = { "new_array", "name", "version", NULL };
static const char *const series[] = { "metric", "model", "version", "from",
                                      "to",     "step",  NULL };
static const char *const inferences[] = { "model", "version", "limit", "after", NULL };
static const char *const limit[] = { "limit", NULL };

const struct http_route routes[] = {
    { "POST", "/api/v1/models/{m}/classify", 16 * MIB, TOKEN_INFER, classify_handle, json,
      classify },
    { "GET", "/api/v1/models", 0, TOKEN_READ, describe_models, json, none },
    { "GET", "/api/v1/models/{m}", 0, TOKEN_READ, describe_model, json, version },
    { "PUT", "/api/v1/models/{m}", 512 * MIB, TOKEN_ADMIN, upload_put, json, NULL },
    { "DELETE", "/api/v1/models/{m}", 0, TOKEN_ADMIN, upload_delete, NULL, version },
    { "GET", "/api/v1/models/{m}/operating-point", 0, TOKEN_READ, program_get, json,
      layer },
    { "PATCH", "/api/v1/models/{m}/operating-point", 64 * KIB, TOKEN_ADMIN, program_patch,
      json, layer },
    { "DELETE", "/api/v1/models/{m}/operating-point", 0, TOKEN_ADMIN, program_delete,
      json, layer },
    { "POST", "/api/v1/models/{m}/program", 4 * KIB, TOKEN_ADMIN, program_again, json,
      version },
    { "POST", "/api/v1/models/{m}/scrub", 4 * KIB, TOKEN_ADMIN, upkeep_scrub, json,
      version },
    { "POST", "/api/v1/models/{m}/age", 4 * KIB, TOKEN_ADMIN, upkeep_age, json, version },
    { "POST", "/api/v1/models/{m}/inject", 8 * MIB, TOKEN_ADMIN, upkeep_inject, json,
      version },
    { "GET", "/api/v1/models/{m}/memory", 0, TOKEN_READ, look_memory, json, memory },
    { "GET", "/api/v1/models/{m}/memory/tiles/{tile}", 0, TOKEN_READ, look_tile, NULL,
      tile },
    { "GET", "/api/v1/models/{m}/array", 0, TOKEN_READ, transfer_get, octets, version },
    { "PUT", "/api/v1/models/{m}/array", 512 * MIB, TOKEN_ADMIN, transfer_put, json,
      version },
    { "GET", "/api/v1/models/{m}/array/diff", 0, TOKEN_READ, transfer_diff, json, diff },
    { "GET", "/api/v1/models/{m}/device", 0, TOKEN_READ, chip_get, json, version },
    { "PUT", "/api/v1/models/{m}/device", 16 * MIB, TOKEN_ADMIN, chip_put, json, device },
    { "GET", "/api/v1/models/{m}/energy", 0, TOKEN_READ, ledger_handle, json, version },
    { "GET", "/api/v1/device/presets", 0, TOKEN_READ, chip_presets, json, none },
    { "POST", "/api/v1/solve", 2 * MIB, TOKEN_READ, solve_handle, json, none },
    { "POST", "/api/v1/device/write-error", 2 * MIB, TOKEN_READ, device_handle, json,
      none },
    { "POST", "/api/v1/feedback", 1 * MIB, TOKEN_INFER, feedback_handle, json, none },
    { "GET", "/api/v1/config", 0, TOKEN_READ, config_handle, json, none },
    { "POST", "/api/v1/admin/reload", 4 * KIB, TOKEN_ADMIN, config_reload_handle, json,
      none },
    { "GET", "/api/v1/status", 0, TOKEN_READ, status_handle, json, none },
    { "GET", "/api/v1/series", 0, TOKEN_READ, series_handle, json_or_csv, series },
    { "GET", "/api/v1/inferences", 0, TOKEN_READ, inferences_handle, json, inferences },
    { "GET", "/api/v1/events", 0, TOKEN_READ, events_handle, events, none },
    { "POST", "/api/v1/database/snapshot", 4 * KIB, TOKEN_ADMIN, snapshot_handle, json,
      none },
    { "GET", "/api/v1/datasets", 0, TOKEN_READ, datasets_handle, json, none },
    { "POST", "/api/v1/jobs", 16 * KIB, TOKEN_ADMIN, jobs_post, json, none },
    { "GET", "/api/v1/jobs", 0, TOKEN_READ, jobs_list, json, limit },
    { "GET", "/api/v1/jobs/{id}", 0, TOKEN_READ, jobs_get, json, none },
    { "DELETE", "/api/v1/jobs/{id}", 0, TOKEN_ADMIN, jobs_delete, json, none },
    { "GET", "/api/v1/jobs/{id}/results", 0, TOKEN_READ, jobs_results, json_or_csv,
      none },
    { "GET", "/v2/health/live", 0, OPEN, status_live, NULL, NULL },
    { "GET", "/v2/health/ready", 0, OPEN, status_ready, NULL, NULL },
    { "GET", "/v2", 0, EITHER, v2_server, json, NULL },
    { "GET", "/v2/", 0, EITHER, v2_server, json, NULL },
    { "GET", "/v2/models", 0, EITHER, v2_models, json, NULL },
    { "GET", "/v2/models/stats", 0, TOKEN_READ, v2_stats_of_all, json, NULL },
    { "GET", "/v2/models/{m}", 0, EITHER, v2_model, json, NULL },
    { "GET", "/v2/models/{m}/versions/{v}", 0, EITHER, v2_model, json, NULL },
    { "GET", "/v2/models/{m}/ready", 0, EITHER, v2_model_ready, json, NULL },
    { "GET", "/v2/models/{m}/versions/{v}/ready", 0, EITHER, v2_model_ready, json, NULL },
    { "POST", "/v2/models/{m}/infer", 16 * MIB, TOKEN_INFER, infer_handle, json_or_octets,
      NULL },
    { "POST", "/v2/models/{m}/versions/{v}/infer", 16 * MIB, TOKEN_INFER, infer_handle,
      json_or_octets, NULL },
    { "GET", "/v2/models/{m}/stats", 0, TOKEN_READ, v2_stats, json, NULL },
    { "GET", "/v2/models/{m}/versions/{v}/stats", 0, TOKEN_READ, v2_stats, json, NULL },
    { "GET", "/v2/models/{m}/config", 0, EITHER, v2_config, json, NULL },
    { "GET", "/v2/models/{m}/versions/{v}/config", 0, EITHER, v2_config, json, NULL },
    { "GET", "/v2/logging", 0, TOKEN_READ, v2_logging, json, NULL },
    { "POST", "/v2/logging", 4 * KIB, TOKEN_ADMIN, v2_set_logging, json, NULL },
    { "POST", "/v2/repository/index", 4 * KIB, TOKEN_READ, repository_index, json, NULL },
    { "POST", "/v2/repository/models/{m}/load", 64 * KIB, TOKEN_ADMIN, repository_load,
      json, NULL },
    { "POST", "/v2/repository/models/{m}/unload", 4 * KIB, TOKEN_ADMIN, repository_unload,
      json, NULL },
    { "GET", "/metrics", 0, TOKEN_READ, scrape_handle, metrics, NULL },
    { "GET", "/", 0, OPEN, page_handle, NULL, NULL },
    { "GET", "/app.js", 0, OPEN, page_handle, NULL, NULL },
    { "GET", "/style.css", 0, OPEN, page_handle, NULL, NULL },
    { "GET", "/chart.js", 0, OPEN, page_handle, NULL, NULL },
    { "GET", "/openapi.json", 0, OPEN, page_handle, NULL, NULL },
};
const size_t n_routes = sizeof(routes) / sizeof(routes[0]);
