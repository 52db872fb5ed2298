/* SPDX-License-Identifier: Apache-2.0 */
/* routes.c - every path that the daemon answers; api/openapi.json describes each. */
#include "daemon/daemon.h"

#define KIB (size_t)1024
#define MIB (1024 * KIB)
/* For whoever comes: health, and the page with the API's description, which hold nothing
 * of ours. */
#define OPEN (enum token_scope)0
/* What clients of the protocol ask before they infer. */
#define EITHER (enum token_scope)(TOKEN_READ | TOKEN_INFER)

const struct http_route routes[] = {
    { "POST", "/api/v1/models/{m}/classify", 16 * MIB, TOKEN_INFER, classify_handle },
    { "GET", "/api/v1/models", 0, TOKEN_READ, describe_models },
    { "GET", "/api/v1/models/{m}", 0, TOKEN_READ, describe_model },
    { "PUT", "/api/v1/models/{m}", 512 * MIB, TOKEN_ADMIN, upload_put },
    { "DELETE", "/api/v1/models/{m}", 0, TOKEN_ADMIN, upload_delete },
    { "GET", "/api/v1/models/{m}/operating-point", 0, TOKEN_READ, program_get },
    { "PATCH", "/api/v1/models/{m}/operating-point", 64 * KIB, TOKEN_ADMIN,
      program_patch },
    { "DELETE", "/api/v1/models/{m}/operating-point", 0, TOKEN_ADMIN, program_delete },
    { "POST", "/api/v1/models/{m}/program", 4 * KIB, TOKEN_ADMIN, program_again },
    { "POST", "/api/v1/models/{m}/scrub", 4 * KIB, TOKEN_ADMIN, upkeep_scrub },
    { "POST", "/api/v1/models/{m}/age", 4 * KIB, TOKEN_ADMIN, upkeep_age },
    { "POST", "/api/v1/models/{m}/inject", 8 * MIB, TOKEN_ADMIN, upkeep_inject },
    { "GET", "/api/v1/models/{m}/memory", 0, TOKEN_READ, look_memory },
    { "GET", "/api/v1/models/{m}/memory/tiles/{tile}", 0, TOKEN_READ, look_tile },
    { "GET", "/api/v1/models/{m}/array", 0, TOKEN_READ, transfer_get },
    { "PUT", "/api/v1/models/{m}/array", 512 * MIB, TOKEN_ADMIN, transfer_put },
    { "GET", "/api/v1/models/{m}/array/diff", 0, TOKEN_READ, transfer_diff },
    { "GET", "/api/v1/models/{m}/device", 0, TOKEN_READ, chip_get },
    { "PUT", "/api/v1/models/{m}/device", 16 * MIB, TOKEN_ADMIN, chip_put },
    { "GET", "/api/v1/models/{m}/energy", 0, TOKEN_READ, ledger_handle },
    { "GET", "/api/v1/device/presets", 0, TOKEN_READ, chip_presets },
    { "POST", "/api/v1/solve", 2 * MIB, TOKEN_READ, solve_handle },
    { "POST", "/api/v1/device/write-error", 2 * MIB, TOKEN_READ, device_handle },
    { "POST", "/api/v1/feedback", 1 * MIB, TOKEN_INFER, feedback_handle },
    { "GET", "/api/v1/config", 0, TOKEN_READ, config_handle },
    { "POST", "/api/v1/admin/reload", 4 * KIB, TOKEN_ADMIN, config_reload_handle },
    { "GET", "/api/v1/status", 0, TOKEN_READ, status_handle },
    { "GET", "/api/v1/series", 0, TOKEN_READ, series_handle },
    { "GET", "/api/v1/events", 0, TOKEN_READ, events_handle },
    { "POST", "/api/v1/database/snapshot", 4 * KIB, TOKEN_ADMIN, snapshot_handle },
    { "GET", "/v2/health/live", 0, OPEN, status_live },
    { "GET", "/v2/health/ready", 0, OPEN, status_ready },
    { "GET", "/v2", 0, EITHER, v2_server },
    { "GET", "/v2/", 0, EITHER, v2_server },
    { "GET", "/v2/models", 0, EITHER, v2_models },
    { "GET", "/v2/models/stats", 0, TOKEN_READ, v2_stats_of_all },
    { "GET", "/v2/models/{m}", 0, EITHER, v2_model },
    { "GET", "/v2/models/{m}/versions/{v}", 0, EITHER, v2_model },
    { "GET", "/v2/models/{m}/ready", 0, EITHER, v2_model_ready },
    { "GET", "/v2/models/{m}/versions/{v}/ready", 0, EITHER, v2_model_ready },
    { "POST", "/v2/models/{m}/infer", 16 * MIB, TOKEN_INFER, infer_handle },
    { "POST", "/v2/models/{m}/versions/{v}/infer", 16 * MIB, TOKEN_INFER, infer_handle },
    { "GET", "/v2/models/{m}/stats", 0, TOKEN_READ, v2_stats },
    { "GET", "/v2/models/{m}/versions/{v}/stats", 0, TOKEN_READ, v2_stats },
    { "GET", "/v2/models/{m}/config", 0, EITHER, v2_config },
    { "GET", "/v2/models/{m}/versions/{v}/config", 0, EITHER, v2_config },
    { "GET", "/v2/logging", 0, TOKEN_READ, v2_logging },
    { "POST", "/v2/logging", 4 * KIB, TOKEN_ADMIN, v2_set_logging },
    { "POST", "/v2/repository/index", 4 * KIB, TOKEN_READ, repository_index },
    { "POST", "/v2/repository/models/{m}/load", 64 * KIB, TOKEN_ADMIN, repository_load },
    { "POST", "/v2/repository/models/{m}/unload", 4 * KIB, TOKEN_ADMIN,
      repository_unload },
    { "GET", "/metrics", 0, TOKEN_READ, scrape_handle },
    { "GET", "/", 0, OPEN, page_handle },
    { "GET", "/app.js", 0, OPEN, page_handle },
    { "GET", "/style.css", 0, OPEN, page_handle },
    { "GET", "/chart.js", 0, OPEN, page_handle },
    { "GET", "/openapi.json", 0, OPEN, page_handle },
};
const size_t n_routes = sizeof(routes) / sizeof(routes[0]);
