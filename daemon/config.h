/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - the configuration in force: the settings, and what the files that they name
 * hold.
 *
 * A reload reads file, environment and flags again, and the files, and judges all of it;
 * only then is anything changed. What needs another start is named, and stays as it was.
 * Any thread.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "api/buf.h"
#include "api/http.h"
#include "daemon/settings.h"

struct config;
struct daemon;

/* `source` is borrowed for life. Reads the files. ST_RANGE, ST_FORMAT, ST_PERMISSION,
 * ST_IO, ST_NOMEM with `why`. */
MUST_CHECK enum status config_new(const struct settings_source *source,
                                  const struct settings_result *result,
                                  struct config **ret_config, char why[ERR_LEN]);
void config_free(struct config *config);

/* May `address`, which other machines reach, be served? Kept for reloads. ST_RANGE with
 * `why`. */
MUST_CHECK enum status config_allow_public(struct config *config, const char *address,
                                           char why[ERR_LEN]);
/* Hands over to the HTTP server what was read at the start. Once, when it is there. */
void config_apply(struct config *config, struct daemon *daemon);

/* Reads everything again, all or nothing, on the reader thread. ST_BUSY: too much waits
 * there already. */
MUST_CHECK enum status config_reload(struct daemon *daemon);

/* The setting log_level, with POST /v2/logging as its origin; until the next reload,
 * which goes back to what file, environment and flags say. */
void config_set_log_level(struct config *config, const char *level);

struct config_health {
    bool successful;   /* the last reload, or the start */
    int64_t success_s; /* when there was the last success, since 1970 */
};
struct config_health config_health(struct config *config);

#endif
