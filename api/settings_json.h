/* SPDX-License-Identifier: Apache-2.0 */
/* settings_json.h - a settings file: one flat JSON object, {"listen": "127.0.0.1:8080"}. */
#ifndef API_SETTINGS_JSON_H
#define API_SETTINGS_JSON_H

#include "core/status.h"

#include <stddef.h>

enum settings_json_kind { SETTINGS_JSON_TEXT, SETTINGS_JSON_NUMBER, SETTINGS_JSON_SWITCH };

/* Told for each member in order; `value` is the text of a string, number, true or false,
 * and `kind` says of which. Anything but ST_OK ends the reading; `why` is then the
 * callback's. */
typedef enum status settings_json_member(void *ctx, const char *key, const char *value,
                                         enum settings_json_kind kind, char why[ERR_LEN]);

/* ST_FORMAT (line and column in `why`), ST_NOMEM, or what `member` said. */
MUST_CHECK enum status settings_json_parse(const char *text, size_t len,
                                           settings_json_member *member, void *ctx,
                                           char why[ERR_LEN]);

#endif
