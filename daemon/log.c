/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = { "error", "warning", "info", "debug" };
static _Atomic int max_level = LOG_INFO;
static bool to_journal;

void log_open(void)
{
    to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(const char *name)
{
    for (int level = LOG_ERROR; level <= LOG_DEBUG; level++)
        if (strcmp(names[level], name) == 0)
            max_level = level;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const prefixes[] = { "<3>", "<4>", "<6>", "<7>" };
    char line[1024];
    va_list args;

    if ((int)level > max_level)
        return;
    int n = snprintf(line, sizeof(line), "%s%s %s ", to_journal ? prefixes[level] : "",
                     names[level], event);
    va_start(args, format);
    n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
    va_end(args);

    size_t len = (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[len] = '\n';
    /* One write, so that lines of different threads do not mix; a lost line is no reason
     * to stop. */
    ssize_t written = write(STDERR_FILENO, line, len + 1);
    (void)written;
}
