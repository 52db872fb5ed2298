/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/cursor.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

void cursor_fail(struct cursor *c, enum status st, size_t at, const char *format, ...)
{
    va_list args;

    if (c->st != ST_OK)
        return;
    c->st = st;

    int n = snprintf(c->why, ERR_LEN, "byte %zu: %s", at, c->where);
    if (n < 0 || n >= ERR_LEN)
        return;
    va_start(args, format);
    (void)vsnprintf(c->why + n, (size_t)(ERR_LEN - n), format, args);
    va_end(args);
}

void cursor_begin(struct cursor *c, const uint8_t *bytes, size_t len, const char *magic,
                  uint32_t version, char why[ERR_LEN])
{
    cursor_begin_any(c, bytes, len, magic, version, version, why);
}

void cursor_begin_any(struct cursor *c, const uint8_t *bytes, size_t len,
                      const char *magic, uint32_t oldest, uint32_t newest,
                      char why[ERR_LEN])
{
    *c = (struct cursor) { .bytes = bytes, .len = len, .st = ST_OK, .why = why };
    if (len < CURSOR_HEADER_LEN) {
        cursor_fail(c, ST_FORMAT, len, "the file ends inside its header of %d bytes",
                    CURSOR_HEADER_LEN);
        return;
    }
    if (memcmp(bytes, magic, CURSOR_MAGIC_LEN) != 0) {
        cursor_fail(c, ST_FORMAT, 0, "magic: not a file of this kind");
        return;
    }
    c->at = CURSOR_MAGIC_LEN;
    uint32_t version = cursor_u32(c, "version");
    if (version < oldest || version > newest) {
        char range[32] = "";

        if (oldest != newest)
            (void)snprintf(range, sizeof(range), "%" PRIu32 " to ", oldest);
        cursor_fail(c, ST_UNSUPPORTED, CURSOR_MAGIC_LEN,
                    "version: expected %s%" PRIu32 ", found %" PRIu32, range, newest,
                    version);
        return;
    }
    uint32_t crc = cursor_u32(c, "checksum");
    uint64_t found_len = cursor_u64(c, "length");
    if (found_len != len) {
        cursor_fail(c, ST_FORMAT, CURSOR_LENGTH_AT,
                    "length: the file says %" PRIu64 " bytes and has %zu", found_len,
                    len);
        return;
    }
    uint32_t true_crc =
        (uint32_t)crc32_z(0, bytes + CURSOR_LENGTH_AT, len - CURSOR_LENGTH_AT);
    if (true_crc != crc)
        cursor_fail(c, ST_FORMAT, CURSOR_CRC_AT,
                    "checksum: the file says %08" PRIx32 " and its bytes give %08" PRIx32
                    "; it was altered after it was written",
                    crc, true_crc);
}

uint32_t cursor_version(const struct cursor *c)
{
    return le_load32(c->bytes + CURSOR_MAGIC_LEN);
}

uint32_t cursor_checksum(const struct cursor *c)
{
    return le_load32(c->bytes + CURSOR_CRC_AT);
}

const uint8_t *cursor_take(struct cursor *c, size_t n, const char *what)
{
    if (c->st != ST_OK)
        return NULL;
    if (n > c->len - c->at) {
        cursor_fail(c, ST_FORMAT, c->at, "%s: expected %zu bytes, found %zu", what, n,
                    c->len - c->at);
        return NULL;
    }
    const uint8_t *p = c->bytes + c->at;
    c->at += n;
    return p;
}

uint32_t cursor_u32(struct cursor *c, const char *what)
{
    const uint8_t *p = cursor_take(c, 4, what);

    return p == NULL ? 0 : le_load32(p);
}

uint64_t cursor_u64(struct cursor *c, const char *what)
{
    const uint8_t *p = cursor_take(c, 8, what);

    return p == NULL ? 0 : le_load64(p);
}

uint64_t cursor_u64_in(struct cursor *c, const char *what, uint64_t min, uint64_t max)
{
    size_t at = c->at;
    uint64_t value = cursor_u64(c, what);

    if (value < min || value > max)
        cursor_fail(c, ST_FORMAT, at,
                    "%s: expected %" PRIu64 "..%" PRIu64 ", found %" PRIu64, what, min,
                    max, value);
    return c->st == ST_OK ? value : 0;
}

uint32_t cursor_u32_in(struct cursor *c, const char *what, uint32_t min, uint32_t max)
{
    size_t at = c->at;
    uint32_t value = cursor_u32(c, what);

    if (value < min || value > max)
        cursor_fail(c, ST_FORMAT, at,
                    "%s: expected %" PRIu32 "..%" PRIu32 ", found %" PRIu32, what, min,
                    max, value);
    return c->st == ST_OK ? value : 0;
}

double cursor_f64_in(struct cursor *c, const char *what, double min, double max)
{
    size_t at = c->at;
    uint64_t bits = cursor_u64(c, what);
    double value;

    memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value) || value < min || value > max)
        cursor_fail(c, ST_FORMAT, at, "%s: expected %g..%g, found %g", what, min, max,
                    value);
    return c->st == ST_OK ? value : 0.0;
}

/* Bytes of the well-formed sequence at p, 0 if there is none (RFC 3629: no overlong form,
 * no surrogate, nothing above U+10FFFF, and for us no U+0000). */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    static const uint32_t least[5] = { 0, 1, 0x80, 0x800, 0x10000 };
    size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : 4;
    uint32_t code = p[0];

    if (n == 4 && p[0] >> 3 != 30)
        return 0;
    if (n > left)
        return 0;
    if (n > 1)
        code &= 0xffU >> (n + 1);
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return n;
}

char *cursor_string(struct cursor *c, const char *what)
{
    const uint8_t *head = cursor_take(c, 2, what);
    if (head == NULL)
        return NULL;
    size_t len = (size_t)head[0] | (size_t)head[1] << 8;
    size_t begin = c->at;
    const uint8_t *p = cursor_take(c, len, what);
    if (p == NULL)
        return NULL;

    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_sequence(p + i, len - i);
        if (n == 0) {
            cursor_fail(c, ST_FORMAT, begin + i,
                        "%s: expected UTF-8 without a zero, found byte 0x%02x", what,
                        (unsigned)p[i]);
            return NULL;
        }
    }
    char *text = malloc(len + 1);
    if (text == NULL) {
        cursor_fail(c, ST_NOMEM, begin, "%s: not enough memory", what);
        return NULL;
    }
    memcpy(text, p, len);
    text[len] = '\0';
    return text;
}

void cursor_end(struct cursor *c)
{
    if (c->at != c->len)
        cursor_fail(c, ST_FORMAT, c->at, "end: expected no more bytes, found %zu",
                    c->len - c->at);
}
