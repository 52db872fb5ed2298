/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one event, one line, to standard error.
 *
 *   info program model=mnist errors=112
 *   {"ts":"2026-11-26T12:00:00.123Z","level":"info","event":"program","message":"model=..."}
 *
 * Under systemd (JOURNAL_STREAM) each line carries its syslog level in front. Any thread.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR = 0, LOG_WARNING = 1, LOG_INFO = 2, LOG_DEBUG = 3 };

/* Looks where the lines go. Before any other thread runs. */
void log_open(void);
/* Lines above the level of that name ("error", "warning", "info", "debug") are dropped;
 * until this is said, those of debug. */
void log_set_level(const char *name);
enum log_level log_level(void);
/* From now on each line is a JSON object, or text again. */
void log_set_json(bool json);
/* `event` is one word, `format` the fields. Text from outside must be cut short by its
 * format; control characters are replaced here. */
void log_line(enum log_level level, const char *event, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* A line of fields that programs read: begin, fields, end. Values are cut where the line
 * is full. */
struct log_fields {
    char text[2048];
    size_t len;
    bool json;
};
/* False: the line is dropped. */
MUST_CHECK bool log_begin(struct log_fields *line, enum log_level level,
                          const char *event);
/* `value` may come from outside; NULL or "" is left out. */
void log_text(struct log_fields *line, const char *name, const char *value);
void log_number(struct log_fields *line, const char *name, uint64_t value);
void log_end(struct log_fields *line);

#endif
