/* SPDX-License-Identifier: Apache-2.0 */
/* settings_table.h - what there is to set, one row each. Private to settings*.c. */
#ifndef DAEMON_SETTINGS_TABLE_H
#define DAEMON_SETTINGS_TABLE_H

#include "daemon/settings.h"

#include <stddef.h>

#define SETTINGS_FILE "/etc/spinbnn/spinbnn.json"

enum setting_kind { SETTING_TEXT, SETTING_NUMBER, SETTING_REAL, SETTING_SWITCH };
/* What it takes to change one: a reload does, or nothing but another start. */
enum setting_change { RESTART, LIVE };

struct setting {
    const char *name; /* in the file; upper case in the environment, dashes in flags */
    enum setting_kind kind;
    enum setting_change change;
    size_t offset;
    const char *standard; /* the default, as text */
    uint64_t min,
        max; /* SETTING_NUMBER, SETTING_REAL; of a text min is the least length */
    const char *choices; /* SETTING_TEXT: NULL or "a|b|c" */
    const char *unit;
    const char *help;
};

extern const struct setting settings_table[];
extern const size_t settings_n;

#endif
