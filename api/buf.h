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

struct buf {
    char *data; /* ours; not zero-terminated */
    size_t len, cap;
    bool failed;
};

#define BUF_INIT { NULL, 0, 0, false }

void buf_free(struct buf *buf);
/* Forgets the content and `failed`, keeps the memory. */
void buf_clear(struct buf *buf);
void buf_bytes(struct buf *buf, const void *bytes, size_t len);
void buf_text(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
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
