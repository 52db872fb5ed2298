/* SPDX-License-Identifier: Apache-2.0 */
/* log_queue.h - finished lines on their way to standard error; for log.c alone.
 *
 *   log_queue_put    any thread    into the queue; what does not fit is dropped and
 * counted write_lines      log thread    from the queue to standard error, in order
 *
 * Nobody but the log thread waits for whoever reads standard error. Where lines were
 * dropped stands a note that says how many. Without the thread lines are written at once.
 */
#ifndef DAEMON_LOG_QUEUE_H
#define DAEMON_LOG_QUEUE_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes that may wait. */
#define LOG_QUEUE_ROOM ((size_t)1 << 20)
/* The longest line, with its end. */
#define LOG_QUEUE_LINE ((size_t)2048)

/* Writes a line that says that `n` are missing, and gives its length, 1 ..
 * LOG_QUEUE_LINE. Any thread, under the queue's lock. */
typedef size_t log_queue_note(uint64_t n, char ret_line[LOG_QUEUE_LINE]);

/* See log_start and log_stop. */
MUST_CHECK enum status log_queue_start(log_queue_note *note);
void log_queue_stop(unsigned limit_ms);

/* One line with its end, at most LOG_QUEUE_LINE bytes. Any thread. */
void log_queue_put(const char *line, size_t len);
/* See log_dropped. */
uint64_t log_queue_dropped(void);

#endif
