/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one event, one line, to standard error: `info program model=mnist errors=112`.
 *
 * Under systemd (JOURNAL_STREAM) each line carries its syslog level. Any thread.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "core/status.h"

enum log_level { LOG_ERROR = 0, LOG_WARNING = 1, LOG_INFO = 2, LOG_DEBUG = 3 };

/* Looks where the lines go. Before any other thread runs. */
void log_open(void);
/* Lines above the level of that name ("error", "warning", "info", "debug") are dropped;
 * those of debug are until this is said. */
void log_set_level(const char *name);
/* `event` is one word, `format` the fields. Text from outside must be cut short by its
 * format; control characters are replaced here. */
void log_line(enum log_level level, const char *event, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
