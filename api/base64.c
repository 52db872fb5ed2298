/* SPDX-License-Identifier: Apache-2.0 */
#include "api/base64.h"

#include <stdio.h>

#define BAD 0x80

/* Value of each character, BAD where it is in neither alphabet. */
#define ROW_BAD BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD
static const uint8_t values[256] = {
    ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD,                                         /* 0x00 */
    ROW_BAD, BAD,     BAD,     BAD,     62,      BAD,     62,      BAD,     63, /* 0x20: +
                                                                                   - / */
    52,      53,      54,      55,      56,      57,      58,      59,      60, 61,
    BAD,     BAD,     BAD,     BAD,     BAD,     BAD, /* 0x30 */
    BAD,     0,       1,       2,       3,       4,       5,       6,       7,  8,
    9,       10,      11,      12,      13,      14, /* 0x40 */
    15,      16,      17,      18,      19,      20,      21,      22,      23, 24,
    25,      BAD,     BAD,     BAD,     BAD,     63, /* 0x50: _ */
    BAD,     26,      27,      28,      29,      30,      31,      32,      33, 34,
    35,      36,      37,      38,      39,      40, /* 0x60 */
    41,      42,      43,      44,      45,      46,      47,      48,      49, 50,
    51,      BAD,     BAD,     BAD,     BAD,     BAD,                       /* 0x70 */
    ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, /* 0x80 */
    ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD,
};

static size_t without_padding(const char *text, size_t len)
{
    if (len % 4 != 0)
        return len;
    for (unsigned pad = 0; pad < 2 && len > 0 && text[len - 1] == '='; pad++)
        len--;
    return len;
}

size_t base64_decoded_len(const char *text, size_t len)
{
    len = without_padding(text, len);
    return len / 4 * 3 + len % 4 * 3 / 4;
}

static enum status bad_character(const char *text, size_t len, char why[ERR_LEN])
{
    size_t at = 0;

    while (at < len && values[(uint8_t)text[at]] != BAD)
        at++;
    uint8_t c = at < len ? (uint8_t)text[at] : 0;
    if (c == '\n' || c == '\r' || c == ' ') {
        snprintf(why, ERR_LEN,
                 "base64: white space at character %zu; send it without line breaks", at);
    } else if (c == ':') {
        snprintf(
            why, ERR_LEN,
            "base64: ':' at character %zu; of a data URL, send what follows 'base64,'",
            at);
    } else if (c > ' ' && c < 0x7f) {
        snprintf(why, ERR_LEN, "base64: '%c' at character %zu is not of the alphabet", c,
                 at);
    } else {
        snprintf(why, ERR_LEN,
                 "base64: byte 0x%02x at character %zu is not of the alphabet", c, at);
    }
    return ST_FORMAT;
}

enum status base64_decode(const char *text, size_t len, uint8_t *ret_bytes,
                          char why[ERR_LEN])
{
    const uint8_t *in = (const uint8_t *)text;
    size_t n = without_padding(text, len);
    size_t i = 0;
    unsigned seen = 0; /* BAD once a bad character was met; looked at once, at the end */

    for (; n - i >= 4; i += 4) {
        uint32_t a = values[in[i]], b = values[in[i + 1]];
        uint32_t c = values[in[i + 2]], d = values[in[i + 3]];
        uint32_t bits = a << 18 | b << 12 | c << 6 | d;

        seen |= a | b | c | d;
        ret_bytes[0] = (uint8_t)(bits >> 16);
        ret_bytes[1] = (uint8_t)(bits >> 8);
        ret_bytes[2] = (uint8_t)bits;
        ret_bytes += 3;
    }
    uint32_t rest = 0, unused = 0;
    for (size_t k = i; k < n; k++) {
        seen |= values[in[k]];
        rest = rest << 6 | (values[in[k]] & 63u);
    }
    if (seen & BAD)
        return bad_character(text, n, why);
    switch (n - i) {
    case 1:
        snprintf(why, ERR_LEN, "base64: %zu characters; one more than a multiple of four",
                 n);
        return ST_FORMAT;
    case 2:
        ret_bytes[0] = (uint8_t)(rest >> 4);
        unused = rest & 15;
        break;
    case 3:
        ret_bytes[0] = (uint8_t)(rest >> 10);
        ret_bytes[1] = (uint8_t)(rest >> 2);
        unused = rest & 3;
        break;
    default:
        break;
    }
    if (unused != 0) {
        snprintf(why, ERR_LEN,
                 "base64: the last character has bits behind the last byte");
        return ST_FORMAT;
    }
    return ST_OK;
}
