/* SPDX-License-Identifier: Apache-2.0 */
#include "api/buf.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small enough to cost nothing, large enough for most answers. */
#define FIRST_CAP 1024

static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

void buf_free(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

bool buf_grow(struct buf *buf, size_t len)
{
    if (buf->failed)
        return false;
    if (len > SIZE_MAX / 2 - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t cap = buf->cap < FIRST_CAP ? FIRST_CAP : buf->cap;
    while (cap < buf->len + len)
        cap *= 2;
    char *data = realloc(buf->data, cap);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

static unsigned digits_of(uint64_t value)
{
    unsigned n = 1;

    for (;;) {
        if (value < 10)
            return n;
        if (value < 100)
            return n + 1;
        if (value < 1000)
            return n + 2;
        if (value < 10000)
            return n + 3;
        value /= 10000;
        n += 4;
    }
}

/* Writes exactly n digits that end before `end`; zeros stand in front of short values. */
static void put_digits(char *end, uint64_t value, unsigned n)
{
    for (; n >= 2; n -= 2) {
        end -= 2;
        memcpy(end, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (n == 1)
        end[-1] = (char)('0' + value % 10);
}

void buf_u64(struct buf *buf, uint64_t value)
{
    unsigned n = digits_of(value);

    if (!buf_reserve(buf, n))
        return;
    put_digits(buf->data + buf->len + n, value, n);
    buf->len += n;
}

void buf_i64(struct buf *buf, int64_t value)
{
    if (value >= 0) {
        buf_u64(buf, (uint64_t)value);
        return;
    }
    buf_char(buf, '-');
    buf_u64(buf, -(uint64_t)value);
}

/* n / 10^decimals, at most 12 of them. */
static void put_decimal(struct buf *buf, bool negative, uint64_t n, unsigned decimals)
{
    static const uint64_t power[] = {
        1,        10,        100,        1000,        10000,        100000,       1000000,
        10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000
    };
    uint64_t whole = n / power[decimals];
    unsigned n_whole = digits_of(whole);

    if (!buf_reserve(buf, n_whole + decimals + 2))
        return;
    char *at = buf->data + buf->len;
    if (negative)
        *at++ = '-';
    put_digits(at + n_whole, whole, n_whole);
    at += n_whole;
    if (decimals != 0) {
        *at++ = '.';
        put_digits(at + decimals, n - whole * power[decimals], decimals);
        at += decimals;
    }
    buf->len = (size_t)(at - buf->data);
}

void buf_fixed(struct buf *buf, double value, unsigned decimals)
{
    static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };

    if (decimals > 9)
        decimals = 9;
    double size = fabs(value);
    double scaled = size * power[decimals];
    if (!(scaled < 0x1p53)) {
        buf_number(buf, value);
        return;
    }

    uint64_t n = (uint64_t)scaled;
    double rest = scaled - (double)n; /* exact: both are below 2^53 */
    if (rest == 0.5) {
        /* The product was rounded, so the half may be a little more or less; what the
         * rounding took away decides, and a true half goes to the even digit. */
        double lost = fma(size, power[decimals], -scaled);
        n += lost > 0 || (lost == 0 && (n & 1) != 0);
    } else {
        n += rest > 0.5;
    }
    put_decimal(buf, value < 0 && n != 0, n, decimals);
}

/* Whatever the locale writes between the digits becomes a point. */
static void put_with_point(struct buf *buf, const char *text)
{
    bool in_radix = false;

    for (; *text != '\0'; text++) {
        bool plain = strchr("0123456789+-e", *text) != NULL;
        if (plain)
            buf_char(buf, *text);
        else if (!in_radix)
            buf_char(buf, '.');
        in_radix = !plain;
    }
}

void buf_number(struct buf *buf, double value)
{
    if (!isfinite(value)) {
        buf_bytes(buf, "null", 4);
        return;
    }
    if (fabs(value) < 1e15 && (double)(int64_t)value == value &&
        !(value == 0 && signbit(value))) {
        buf_i64(buf, (int64_t)value);
        return;
    }
    /* Up to 15 digits survive in any normal double, so if so few name this one %.15g
     * finds them; below DBL_MIN precision fades away and fewer may do. */
    char text[40];
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value); /* always fits */
        if (strtod(text, NULL) == value)
            break;
    }
    put_with_point(buf, text);
}

/* Where snprintf is not needed: nine digits and a point. */
#define FLOAT_LEAST 1e-4
#define FLOAT_END   1e9

void buf_float(struct buf *buf, float value)
{
    static const double power[] = { 1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
                                    1e7, 1e8, 1e9, 1e10, 1e11, 1e12 };
    double size = fabs((double)value);
    unsigned decimals = 0;

    if (!(size >= FLOAT_LEAST && size < FLOAT_END)) {
        buf_number(buf, (double)value);
        return;
    }
    while (size * power[decimals] < 1e8)
        decimals++;
    /* A double holds the product to far more than nine digits. */
    uint64_t n = (uint64_t)(size * power[decimals] + 0.5);
    for (; decimals > 0 && n % 10 == 0; decimals--)
        n /= 10;
    put_decimal(buf, value < 0, n, decimals);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    if (!buf_reserve(buf, 128))
        return;
    va_start(args, format);
    int len = vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
        return;
    }
    if ((size_t)len >= buf->cap - buf->len) {
        if (!buf_reserve(buf, (size_t)len + 1))
            return;
        va_start(args, format);
        (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
        va_end(args);
    }
    buf->len += (size_t)len;
}

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t buf_utf8_char(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    if (c[0] < 0x80)
        return c[0] != 0;
    if (c[0] < 0xc2 || c[0] > 0xf4 || !is_tail(c[1]))
        return 0; /* a tail alone, an overlong form, or beyond U+10FFFF */
    if (c[0] < 0xe0)
        return 2;
    if (c[0] < 0xf0) {
        bool overlong = c[0] == 0xe0 && c[1] < 0xa0;
        bool surrogate = c[0] == 0xed && c[1] > 0x9f;
        return !overlong && !surrogate && is_tail(c[2]) ? 3 : 0;
    }
    bool overlong = c[0] == 0xf0 && c[1] < 0x90;
    bool beyond = c[0] == 0xf4 && c[1] > 0x8f;
    return !overlong && !beyond && is_tail(c[2]) && is_tail(c[3]) ? 4 : 0;
}

static void put_escape(struct buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char names[] = "btn?fr"; /* \b is 8, \t 9, \n 10, \f 12, \r 13 */

    if (c == '"' || c == '\\') {
        buf_char(buf, '\\');
        buf_char(buf, (char)c);
        return;
    }
    if (c >= 8 && c <= 13 && c != 11) {
        buf_char(buf, '\\');
        buf_char(buf, names[c - 8]);
        return;
    }
    char text[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
    buf_bytes(buf, text, sizeof(text));
}

void buf_json_string(struct buf *buf, const char *text)
{
    buf_char(buf, '"');
    while (*text != '\0') {
        const char *run = text;
        unsigned char c = (unsigned char)*text;

        while (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            c = (unsigned char)*++text;
        buf_bytes(buf, run, (size_t)(text - run));
        if (c == '\0')
            break;
        if (c < 0x80) {
            put_escape(buf, c);
            text++;
            continue;
        }
        size_t len = buf_utf8_char(text);
        if (len == 0)
            buf_bytes(buf, "\xef\xbf\xbd", 3); /* U+FFFD for each stray byte */
        else
            buf_bytes(buf, text, len);
        text += len == 0 ? 1 : len;
    }
    buf_char(buf, '"');
}
