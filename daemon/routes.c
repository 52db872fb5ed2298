/* SPDX-License-Identifier: Apache-2.0 */
/* routes.c - every path that the daemon answers. */
#include "daemon/daemon.h"

#define KIB (size_t)1024
#define MIB (1024 * KIB)

const struct http_route routes[] = {
    { "POST", "/api/v1/models/{m}/classify", 16 * MIB, classify_handle },
    { "GET", "/api/v1/models", 0, describe_models },
    { "GET", "/api/v1/models/{m}", 0, describe_model },
    { "PUT", "/api/v1/models/{m}", 512 * MIB, upload_put },
    { "DELETE", "/api/v1/models/{m}", 0, upload_delete },
    { "GET", "/api/v1/models/{m}/operating-point", 0, program_get },
    { "PATCH", "/api/v1/models/{m}/operating-point", 64 * KIB, program_patch },
    { "DELETE", "/api/v1/models/{m}/operating-point", 0, program_delete },
    { "POST", "/api/v1/models/{m}/program", 4 * KIB, program_again },
    { "POST", "/api/v1/models/{m}/scrub", 4 * KIB, upkeep_scrub },
    { "POST", "/api/v1/models/{m}/age", 4 * KIB, upkeep_age },
    { "POST", "/api/v1/models/{m}/inject", 8 * MIB, upkeep_inject },
    { "GET", "/api/v1/models/{m}/memory", 0, look_memory },
    { "GET", "/api/v1/models/{m}/memory/tiles/{tile}", 0, look_tile },
    { "GET", "/api/v1/models/{m}/array", 0, transfer_get },
    { "PUT", "/api/v1/models/{m}/array", 512 * MIB, transfer_put },
    { "GET", "/api/v1/models/{m}/array/diff", 0, transfer_diff },
    { "GET", "/api/v1/models/{m}/device", 0, chip_get },
    { "PUT", "/api/v1/models/{m}/device", 16 * MIB, chip_put },
    { "GET", "/api/v1/models/{m}/energy", 0, ledger_handle },
    { "GET", "/api/v1/device/presets", 0, chip_presets },
    { "POST", "/api/v1/solve", 2 * MIB, solve_handle },
    { "POST", "/api/v1/device/write-error", 2 * MIB, device_handle },
    { "POST", "/api/v1/feedback", 1 * MIB, feedback_handle },
    { "GET", "/api/v1/status", 0, status_handle },
    { "GET", "/api/v1/series", 0, series_handle },
    { "GET", "/api/v1/events", 0, events_handle },
    { "POST", "/api/v1/database/snapshot", 4 * KIB, snapshot_handle },
    { "GET", "/v2/health/live", 0, status_live },
    { "GET", "/v2/health/ready", 0, status_ready },
    { "GET", "/metrics", 0, scrape_handle },
    { "GET", "/", 0, page_handle },
    { "GET", "/app.js", 0, page_handle },
    { "GET", "/style.css", 0, page_handle },
    { "GET", "/chart.js", 0, page_handle },
};
const size_t n_routes = sizeof(routes) / sizeof(routes[0]);
