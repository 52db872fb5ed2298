/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - a growing run of bytes, for answers.
 *
 * Appending never fails loudly: the first failed allocation sets `failed`, further appends
 * do nothing, and whoever sends the buffer looks once at the end. One thread.
 */
#ifndef API_BUF_H
#define API_BUF_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *data; /* ours; not zero-terminated */
    size_t len, cap;
    bool failed;
};

#define BUF_INIT { NULL, 0, 0, false }

void buf_free(struct buf *buf);
/* Forgets the content and `failed`, keeps the memory. */
void buf_clear(struct buf *buf);
/* Room for `len` more bytes, or false once anything has failed. Of the functions below. */
bool buf_grow(struct buf *buf, size_t len);

static inline bool buf_reserve(struct buf *buf, size_t len)
{
    if (!buf->failed && buf->cap - buf->len >= len)
        return true;
    return buf_grow(buf, len);
}

/* Here, and not in a file of their own, for what is told to them is mostly known when it
 * is compiled. */
static inline void buf_bytes(struct buf *buf, const void *bytes, size_t len)
{
    if (len == 0 || !buf_reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
}

static inline void buf_text(struct buf *buf, const char *text)
{
    buf_bytes(buf, text, strlen(text));
}

static inline void buf_char(struct buf *buf, char c)
{
    if (buf_reserve(buf, 1))
        buf->data[buf->len++] = c;
}

void buf_u64(struct buf *buf, uint64_t value);
void buf_i64(struct buf *buf, int64_t value);
/* Fixed point with 0..9 decimals, rounded to nearest; for |value| < 2^53 / 10^decimals, else
 * as buf_number. Not finite: `null`. */
void buf_fixed(struct buf *buf, double value, unsigned decimals);
/* Shortest text that reads back as the same double, JSON syntax, never locale dependent.
 * Not finite: `null`. */
void buf_number(struct buf *buf, double value);
/* Nine digits, zeros at the end left out, which read back as the same float. Not finite: `null`. */
void buf_float(struct buf *buf, float value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* `text` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void buf_json_string(struct buf *buf, const char *text);

/* Bytes of the UTF-8 character that a zero-terminated text starts with (1..4), 0 if it ends
 * or is not valid there. */
size_t buf_utf8_char(const char *text);

#endif
