/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one event, one line, to standard error.
 *
 *   info program model=mnist errors=112
 *   {"ts":"2026-11-26T12:00:00.123Z","level":"info","event":"program","message":"model=..."}
 *
 * Under systemd (JOURNAL_STREAM) each line carries its syslog level in front. Any thread;
 * none of them waits for whoever reads standard error, between log_start and log_stop.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "daemon/log_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR = 0, LOG_WARNING = 1, LOG_INFO = 2, LOG_DEBUG = 3 };

/* Looks where the lines go. Before any other thread runs. */
void log_open(void);
/* From now on lines wait for a thread of their own to write them, 1 MiB of them; what
 * does not fit is dropped, and a line says how many there were ("log dropped=7 ...").
 * What waits when the process dies of a fault or an abort is still written, if somebody
 * reads. Once; the thread inherits the signal mask. ST_NOMEM. */
MUST_CHECK enum status log_start(void);
/* Back to writing at once. Waits until all is written, at most `limit_ms`: standard error
 * takes nothing then, and what is left and what comes later is dropped. Without log_start
 * nothing. */
void log_stop(unsigned limit_ms);
/* Lines that were dropped. */
uint64_t log_dropped(void);
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
    char text[LOG_QUEUE_LINE];
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
