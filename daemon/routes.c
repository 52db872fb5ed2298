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

const struct http_route routes[] = {
    { "POST", "/api/v1/models/{m}/classify", 16 * MIB, TOKEN_INFER, classify_handle,
      json },
    { "GET", "/api/v1/models", 0, TOKEN_READ, describe_models, json },
    { "GET", "/api/v1/models/{m}", 0, TOKEN_READ, describe_model, json },
    { "PUT", "/api/v1/models/{m}", 512 * MIB, TOKEN_ADMIN, upload_put, json },
    { "DELETE", "/api/v1/models/{m}", 0, TOKEN_ADMIN, upload_delete, NULL },
    { "GET", "/api/v1/models/{m}/operating-point", 0, TOKEN_READ, program_get, json },
    { "PATCH", "/api/v1/models/{m}/operating-point", 64 * KIB, TOKEN_ADMIN, program_patch,
      json },
    { "DELETE", "/api/v1/models/{m}/operating-point", 0, TOKEN_ADMIN, program_delete,
      json },
    { "POST", "/api/v1/models/{m}/program", 4 * KIB, TOKEN_ADMIN, program_again, json },
    { "POST", "/api/v1/models/{m}/scrub", 4 * KIB, TOKEN_ADMIN, upkeep_scrub, json },
    { "POST", "/api/v1/models/{m}/age", 4 * KIB, TOKEN_ADMIN, upkeep_age, json },
    { "POST", "/api/v1/models/{m}/inject", 8 * MIB, TOKEN_ADMIN, upkeep_inject, json },
    { "GET", "/api/v1/models/{m}/memory", 0, TOKEN_READ, look_memory, json },
    { "GET", "/api/v1/models/{m}/memory/tiles/{tile}", 0, TOKEN_READ, look_tile, NULL },
    { "GET", "/api/v1/models/{m}/array", 0, TOKEN_READ, transfer_get, octets },
    { "PUT", "/api/v1/models/{m}/array", 512 * MIB, TOKEN_ADMIN, transfer_put, json },
    { "GET", "/api/v1/models/{m}/array/diff", 0, TOKEN_READ, transfer_diff, json },
    { "GET", "/api/v1/models/{m}/device", 0, TOKEN_READ, chip_get, json },
    { "PUT", "/api/v1/models/{m}/device", 16 * MIB, TOKEN_ADMIN, chip_put, json },
    { "GET", "/api/v1/models/{m}/energy", 0, TOKEN_READ, ledger_handle, json },
    { "GET", "/api/v1/device/presets", 0, TOKEN_READ, chip_presets, json },
    { "POST", "/api/v1/solve", 2 * MIB, TOKEN_READ, solve_handle, json },
    { "POST", "/api/v1/device/write-error", 2 * MIB, TOKEN_READ, device_handle, json },
    { "POST", "/api/v1/feedback", 1 * MIB, TOKEN_INFER, feedback_handle, json },
    { "GET", "/api/v1/config", 0, TOKEN_READ, config_handle, json },
    { "POST", "/api/v1/admin/reload", 4 * KIB, TOKEN_ADMIN, config_reload_handle, json },
    { "GET", "/api/v1/status", 0, TOKEN_READ, status_handle, json },
    { "GET", "/api/v1/series", 0, TOKEN_READ, series_handle, json_or_csv },
    { "GET", "/api/v1/inferences", 0, TOKEN_READ, inferences_handle, json },
    { "GET", "/api/v1/events", 0, TOKEN_READ, events_handle, events },
    { "POST", "/api/v1/database/snapshot", 4 * KIB, TOKEN_ADMIN, snapshot_handle, json },
    { "GET", "/api/v1/datasets", 0, TOKEN_READ, datasets_handle, json },
    { "POST", "/api/v1/jobs", 16 * KIB, TOKEN_ADMIN, jobs_post, json },
    { "GET", "/api/v1/jobs", 0, TOKEN_READ, jobs_list, json },
    { "GET", "/api/v1/jobs/{id}", 0, TOKEN_READ, jobs_get, json },
    { "DELETE", "/api/v1/jobs/{id}", 0, TOKEN_ADMIN, jobs_delete, json },
    { "GET", "/api/v1/jobs/{id}/results", 0, TOKEN_READ, jobs_results, json_or_csv },
    { "GET", "/v2/health/live", 0, OPEN, status_live, NULL },
    { "GET", "/v2/health/ready", 0, OPEN, status_ready, NULL },
    { "GET", "/v2", 0, EITHER, v2_server, json },
    { "GET", "/v2/", 0, EITHER, v2_server, json },
    { "GET", "/v2/models", 0, EITHER, v2_models, json },
    { "GET", "/v2/models/stats", 0, TOKEN_READ, v2_stats_of_all, json },
    { "GET", "/v2/models/{m}", 0, EITHER, v2_model, json },
    { "GET", "/v2/models/{m}/versions/{v}", 0, EITHER, v2_model, json },
    { "GET", "/v2/models/{m}/ready", 0, EITHER, v2_model_ready, json },
    { "GET", "/v2/models/{m}/versions/{v}/ready", 0, EITHER, v2_model_ready, json },
    { "POST", "/v2/models/{m}/infer", 16 * MIB, TOKEN_INFER, infer_handle,
      json_or_octets },
    { "POST", "/v2/models/{m}/versions/{v}/infer", 16 * MIB, TOKEN_INFER, infer_handle,
      json_or_octets },
    { "GET", "/v2/models/{m}/stats", 0, TOKEN_READ, v2_stats, json },
    { "GET", "/v2/models/{m}/versions/{v}/stats", 0, TOKEN_READ, v2_stats, json },
    { "GET", "/v2/models/{m}/config", 0, EITHER, v2_config, json },
    { "GET", "/v2/models/{m}/versions/{v}/config", 0, EITHER, v2_config, json },
    { "GET", "/v2/logging", 0, TOKEN_READ, v2_logging, json },
    { "POST", "/v2/logging", 4 * KIB, TOKEN_ADMIN, v2_set_logging, json },
    { "POST", "/v2/repository/index", 4 * KIB, TOKEN_READ, repository_index, json },
    { "POST", "/v2/repository/models/{m}/load", 64 * KIB, TOKEN_ADMIN, repository_load,
      json },
    { "POST", "/v2/repository/models/{m}/unload", 4 * KIB, TOKEN_ADMIN, repository_unload,
      json },
    { "GET", "/metrics", 0, TOKEN_READ, scrape_handle, metrics },
    { "GET", "/", 0, OPEN, page_handle, NULL },
    { "GET", "/app.js", 0, OPEN, page_handle, NULL },
    { "GET", "/style.css", 0, OPEN, page_handle, NULL },
    { "GET", "/chart.js", 0, OPEN, page_handle, NULL },
    { "GET", "/openapi.json", 0, OPEN, page_handle, NULL },
};
const size_t n_routes = sizeof(routes) / sizeof(routes[0]);
