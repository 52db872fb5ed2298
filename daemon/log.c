/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/log.h"

#include "api/buf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A quote, a brace and the end of the line always fit. */
#define RESERVED 4

static const char *const names[] = { "error", "warning", "info", "debug" };
static _Atomic int max_level = LOG_INFO;
static _Atomic bool as_json;
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

enum log_level log_level(void)
{
    return (enum log_level)max_level;
}

void log_set_json(bool json)
{
    as_json = json;
}

/* -- Pieces of a line -- */

static size_t room(const struct log_fields *line)
{
    size_t used = line->len + RESERVED;

    return used < sizeof(line->text) ? sizeof(line->text) - used : 0;
}

static void put(struct log_fields *line, const char *bytes, size_t len)
{
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
}

/* Our own words, which are short. */
static void put_words(struct log_fields *line, const char *words)
{
    size_t len = strlen(words);

    if (len <= room(line))
        put(line, words, len);
}

/* As much as fits, whole characters; what a terminal or a reader of JSON might take for
 * something else is escaped or replaced. */
static void put_value(struct log_fields *line, const char *value, bool quoted)
{
    while (*value != '\0') {
        size_t len = buf_utf8_char(value);
        bool shown = len > 1 || (len == 1 && *value >= 0x20 && *value != 0x7f);
        bool escaped = quoted && (*value == '"' || *value == '\\');

        if (room(line) < 4 + (size_t)escaped)
            return;
        if (escaped)
            put(line, "\\", 1);
        put(line, shown ? value : "?", shown ? len : 1);
        value += len > 0 ? len : 1;
    }
}

static void put_member(struct log_fields *line, const char *name, const char *value)
{
    char lead[40];

    (void)snprintf(lead, sizeof(lead), "%s\"%s\":\"",
                   line->text[line->len - 1] == '{' ? "" : ",", name);
    if (room(line) < strlen(lead) + 1)
        return;
    put_words(line, lead);
    put_value(line, value, true);
    line->text[line->len++] = '"'; /* reserved */
}

static void put_time(struct log_fields *line)
{
    struct timespec now;
    struct tm utc;
    char seconds[32], text[40];

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    if (gmtime_r(&now.tv_sec, &utc) == NULL)
        return;
    (void)strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text, sizeof(text), "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
    put_member(line, "ts", text);
}

/* -- Lines -- */

static void begin(struct log_fields *line, enum log_level level, const char *event)
{
    static const char *const prefixes[] = { "<3>", "<4>", "<6>", "<7>" };

    line->len = 0;
    line->json = as_json;
    put_words(line, to_journal ? prefixes[level] : "");
    if (line->json) {
        put_words(line, "{");
        put_time(line);
        put_member(line, "level", names[level]);
        put_member(line, "event", event);
        return;
    }
    put_words(line, names[level]);
    put_words(line, " ");
    put_words(line, event);
}

bool log_begin(struct log_fields *line, enum log_level level, const char *event)
{
    if ((int)level > max_level)
        return false;
    begin(line, level, event);
    return true;
}

static bool is_one_word(const char *value)
{
    return value[strcspn(value, " \"=\\")] == '\0';
}

void log_text(struct log_fields *line, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    if (line->json) {
        put_member(line, name, value);
        return;
    }
    bool quoted = !is_one_word(value);
    put_words(line, " ");
    put_words(line, name);
    put_words(line, quoted ? "=\"" : "=");
    put_value(line, value, quoted);
    if (quoted)
        put_words(line, "\"");
}

void log_number(struct log_fields *line, const char *name, uint64_t value)
{
    char text[80];

    (void)snprintf(text, sizeof(text), line->json ? ",\"%s\":%" PRIu64 : " %s=%" PRIu64,
                   name, value);
    put_words(line, text);
}

static void end(struct log_fields *line)
{
    if (line->json)
        line->text[line->len++] = '}';
    line->text[line->len++] = '\n';
}

void log_end(struct log_fields *line)
{
    end(line);
    log_queue_put(line->text, line->len);
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    struct log_fields line;
    char message[1024];
    va_list args;

    if (!log_begin(&line, level, event))
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (line.json) {
        put_member(&line, "message", message);
    } else {
        put_words(&line, " ");
        put_value(&line, message, false);
    }
    log_end(&line);
}

/* -- Start and stop -- */

/* Of any level: who asked for errors alone shall know that one may be missing. */
static size_t write_note(uint64_t n, char ret_line[LOG_QUEUE_LINE])
{
    struct log_fields line;

    begin(&line, LOG_WARNING, "log");
    log_number(&line, "dropped", n);
    log_text(&line, "reason", "standard error was not read in time");
    end(&line);
    memcpy(ret_line, line.text, line.len);
    return line.len;
}

enum status log_start(void)
{
    return log_queue_start(write_note);
}

void log_stop(unsigned limit_ms)
{
    log_queue_stop(limit_ms);
}

uint64_t log_dropped(void)
{
    return log_queue_dropped();
}
