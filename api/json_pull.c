/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_pull.h"

#include "api/hex.h"

#include <string.h>

/* Largest integer of which every smaller one is a double too. */
#define MAX_INTEGER ((int64_t)9007199254740991)

void json_pull_fail(struct json_pull *pull, const char *at, const char *error)
{
    if (pull->error != NULL)
        return;
    pull->at = at;
    pull->error = error;
}

size_t json_pull_offset(const struct json_pull *pull)
{
    return (size_t)(pull->at - pull->text);
}

static bool fail(struct json_pull *pull, const char *at, const char *error)
{
    json_pull_fail(pull, at, error);
    return false;
}

static void skip_space(struct json_pull *pull)
{
    const char *at = pull->at;

    while (at < pull->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    pull->at = at;
}

void json_pull_init(struct json_pull *pull, const char *text, size_t len)
{
    *pull = (struct json_pull) { .text = text, .at = text, .end = text + len };

    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        json_pull_fail(pull, text, "a byte order mark; JSON is sent without one");
    if (pull->error != NULL)
        return;
    skip_space(pull);
    if (pull->at == pull->end)
        json_pull_fail(pull, pull->at, "nothing but white space; expected a value");
}

enum json_pull_kind json_pull_peek(struct json_pull *pull)
{
    if (pull->error != NULL)
        return JSON_PULL_BROKEN;
    skip_space(pull);
    if (pull->at == pull->end) {
        json_pull_fail(pull, pull->at, "the text ends where a value is expected");
        return JSON_PULL_BROKEN;
    }
    switch (*pull->at) {
    case '{':
        return JSON_PULL_OBJECT;
    case '[':
        return JSON_PULL_LIST;
    case '"':
        return JSON_PULL_STRING;
    case 't':
    case 'f':
        return JSON_PULL_BOOLEAN;
    case 'n':
        return JSON_PULL_NULL;
    default:
        break;
    }
    if (*pull->at == '-' || (*pull->at >= '0' && *pull->at <= '9'))
        return JSON_PULL_NUMBER;
    json_pull_fail(pull, pull->at, "expected a value");
    return JSON_PULL_BROKEN;
}

const char *json_pull_kind_name(enum json_pull_kind kind)
{
    static const char *const names[] = {
        [JSON_PULL_BROKEN] = "nothing",  [JSON_PULL_OBJECT] = "an object",
        [JSON_PULL_LIST] = "a list",     [JSON_PULL_STRING] = "a string",
        [JSON_PULL_NUMBER] = "a number", [JSON_PULL_BOOLEAN] = "true or false",
        [JSON_PULL_NULL] = "null",
    };
    return names[kind];
}

/* -- Objects and lists -- */

static bool open_bracket(struct json_pull *pull, char bracket, const char *expected)
{
    if (pull->error != NULL)
        return false;
    skip_space(pull);
    if (pull->at == pull->end || *pull->at != bracket)
        return fail(pull, pull->at, expected);
    if (pull->depth == JSON_PULL_MAX_DEPTH)
        return fail(pull, pull->at, "nested deeper than 32");
    pull->depth++;
    pull->at++;
    return true;
}

bool json_pull_object(struct json_pull *pull)
{
    return open_bracket(pull, '{', "expected '{'");
}

bool json_pull_list(struct json_pull *pull)
{
    return open_bracket(pull, '[', "expected '['");
}

/* Takes the comma or the closing bracket; true if something follows in the same brackets.
 */
static bool next_in(struct json_pull *pull, char bracket, bool first,
                    const char *expected)
{
    if (pull->error != NULL)
        return false;
    skip_space(pull);
    if (pull->at == pull->end)
        return fail(pull, pull->at, "the text ends inside an object or a list");
    if (*pull->at == bracket) {
        pull->at++;
        pull->depth--;
        return false;
    }
    if (first)
        return true;
    if (*pull->at != ',')
        return fail(pull, pull->at, expected);
    pull->at++;
    skip_space(pull);
    return true;
}

bool json_pull_element(struct json_pull *pull, bool first)
{
    return next_in(pull, ']', first, "expected ',' or ']'");
}

bool json_pull_member(struct json_pull *pull, bool first, struct json_pull_text *ret_name)
{
    if (!next_in(pull, '}', first, "expected ',' or '}'"))
        return false;
    if (pull->at == pull->end || *pull->at != '"')
        return fail(pull, pull->at, "expected the name of a member in quotes");
    if (!json_pull_string(pull, ret_name))
        return false;
    skip_space(pull);
    if (pull->at == pull->end || *pull->at != ':')
        return fail(pull, pull->at, "expected ':'");
    pull->at++;
    skip_space(pull);
    return true;
}

/* -- Strings -- */

/* Value of four hexadecimal digits, or -1. */
static int hex4(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 4)
        return -1;
    for (unsigned i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool is_high_surrogate(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Length of the escape at `at` (a backslash), or 0 with the error set. */
static size_t escape_len(struct json_pull *pull, const char *at)
{
    if (pull->end - at < 2) {
        json_pull_fail(pull, at, "the text ends inside a string");
        return 0;
    }
    if (at[1] != 'u') {
        if (at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL)
            return 2;
        json_pull_fail(pull, at, "an escape that JSON does not have");
        return 0;
    }
    int unit = hex4(at + 2, pull->end);
    if (unit < 0) {
        json_pull_fail(pull, at, "expected four hexadecimal digits after \\u");
        return 0;
    }
    if (is_low_surrogate(unit)) {
        json_pull_fail(pull, at, "half of a surrogate pair");
        return 0;
    }
    if (!is_high_surrogate(unit))
        return 6;
    if (pull->end - at < 12 || at[6] != '\\' || at[7] != 'u' ||
        !is_low_surrogate(hex4(at + 8, pull->end))) {
        json_pull_fail(pull, at, "half of a surrogate pair");
        return 0;
    }
    return 12;
}

/* Length of the UTF-8 sequence (Unicode table 3-7) at `at`, a byte >= 0x80; 0 if bad. */
static size_t utf8_len(const char *at, const char *end)
{
    const uint8_t *b = (const uint8_t *)at;
    size_t room = (size_t)(end - at);
    uint8_t low = 0x80, high = 0xBF;
    size_t len;

    if (b[0] >= 0xC2 && b[0] <= 0xDF)
        len = 2;
    else if (b[0] >= 0xE0 && b[0] <= 0xEF)
        len = 3;
    else if (b[0] >= 0xF0 && b[0] <= 0xF4)
        len = 4;
    else
        return 0;
    if (b[0] == 0xE0)
        low = 0xA0;
    else if (b[0] == 0xED)
        high = 0x9F;
    else if (b[0] == 0xF0)
        low = 0x90;
    else if (b[0] == 0xF4)
        high = 0x8F;
    if (room < len || b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if (b[i] < 0x80 || b[i] > 0xBF)
            return 0;
    }
    return len;
}

bool json_pull_string(struct json_pull *pull, struct json_pull_text *ret_text)
{
    if (pull->error != NULL)
        return false;
    skip_space(pull);
    if (pull->at == pull->end || *pull->at != '"')
        return fail(pull, pull->at, "expected a string");

    const char *begin = pull->at + 1, *at = begin;
    bool escaped = false;
    while (at < pull->end && *at != '"') {
        uint8_t c = (uint8_t)*at;
        size_t len = 1;

        if (c < 0x20)
            return fail(pull, at, "a control character inside a string");
        if (c == '\\') {
            escaped = true;
            len = escape_len(pull, at);
            if (len == 0)
                return false;
        } else if (c >= 0x80) {
            len = utf8_len(at, pull->end);
            if (len == 0)
                return fail(pull, at, "a string that is not UTF-8");
        }
        at += len;
    }
    if (at == pull->end)
        return fail(pull, at, "the text ends inside a string");
    *ret_text = (struct json_pull_text) { begin, (size_t)(at - begin), escaped };
    pull->at = at + 1;
    return true;
}

static size_t put_utf8(uint32_t code, char *ret)
{
    if (code < 0x80) {
        ret[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        ret[0] = (char)(0xC0 | code >> 6);
        ret[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        ret[0] = (char)(0xE0 | code >> 12);
        ret[1] = (char)(0x80 | (code >> 6 & 63));
        ret[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    ret[0] = (char)(0xF0 | code >> 18);
    ret[1] = (char)(0x80 | (code >> 12 & 63));
    ret[2] = (char)(0x80 | (code >> 6 & 63));
    ret[3] = (char)(0x80 | (code & 63));
    return 4;
}

/* Undoes the escape or copies the byte at *at, inside a checked string. */
static size_t take_char(const char **at, const char *end, char ret[4])
{
    static const char short_escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

    if (**at != '\\') {
        ret[0] = *(*at)++;
        return 1;
    }
    char c = (*at)[1];
    if (c != 'u') {
        for (size_t i = 0; i + 1 < sizeof(short_escapes); i += 2) {
            if (short_escapes[i] == c)
                ret[0] = short_escapes[i + 1];
        }
        *at += 2;
        return 1;
    }
    uint32_t code = (uint32_t)hex4(*at + 2, end);
    *at += 6;
    if (is_high_surrogate((int)code)) {
        uint32_t low = (uint32_t)hex4(*at + 2, end);
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        *at += 6;
    }
    return put_utf8(code, ret);
}

size_t json_pull_text_decode(const struct json_pull_text *text, char *ret_bytes)
{
    const char *at = text->text, *end = text->text + text->len;
    size_t n = 0;

    while (at < end) {
        char bytes[4];
        size_t len = take_char(&at, end, bytes);
        memcpy(ret_bytes + n, bytes, len);
        n += len;
    }
    return n;
}

bool json_pull_text_same(const struct json_pull_text *a, const struct json_pull_text *b)
{
    if (!a->escaped && !b->escaped)
        return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;

    const char *at_a = a->text, *end_a = at_a + a->len;
    const char *at_b = b->text, *end_b = at_b + b->len;
    char bytes_a[4], bytes_b[4];
    size_t n_a = 0, n_b = 0, i_a = 0, i_b = 0;
    for (;;) {
        if (i_a == n_a && at_a < end_a) {
            n_a = take_char(&at_a, end_a, bytes_a);
            i_a = 0;
        }
        if (i_b == n_b && at_b < end_b) {
            n_b = take_char(&at_b, end_b, bytes_b);
            i_b = 0;
        }
        if (i_a == n_a || i_b == n_b)
            return i_a == n_a && i_b == n_b;
        if (bytes_a[i_a++] != bytes_b[i_b++])
            return false;
    }
}

bool json_pull_text_is(const struct json_pull_text *text, const char *name)
{
    struct json_pull_text other = { name, strlen(name), false };

    return json_pull_text_same(text, &other);
}

/* -- Numbers -- */

static bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static const char *skip_digits(const char *at, const char *end)
{
    while (is_digit(at, end))
        at++;
    return at;
}

/* Exponent of a number, limited where only its sign matters any more. */
static int64_t read_exponent(const char *at, const char *end)
{
    const int64_t limit = (int64_t)1 << 50;
    int64_t value = 0;
    bool negative = false;

    if (at < end && (*at == '-' || *at == '+'))
        negative = *at++ == '-';
    for (; at < end; at++) {
        if (value < limit)
            value = value * 10 + (*at - '0');
    }
    return negative ? -value : value;
}

/* The value, exactly: digits without leading and trailing zeros, times a power of ten. */
static void find_integer(const char *digits, const char *digits_end, const char *point,
                         int64_t exponent, struct json_pull_number *number)
{
    while (digits < digits_end && (*digits == '0' || *digits == '.'))
        digits++;
    while (digits_end > digits && (digits_end[-1] == '0' || digits_end[-1] == '.'))
        digits_end--;
    if (digits == digits_end) {
        number->is_integer = true;
        return;
    }
    /* The power of ten of the last digit that is left. */
    int64_t power = point >= digits_end ? point - digits_end : point - digits_end + 1;
    power += exponent;
    if (power < 0 || power > 15)
        return;

    int64_t value = 0;
    for (const char *at = digits; at < digits_end; at++) {
        if (*at == '.')
            continue;
        value = value * 10 + (*at - '0');
        if (value > MAX_INTEGER)
            return;
    }
    for (; power > 0; power--) {
        value *= 10;
        if (value > MAX_INTEGER)
            return;
    }
    number->is_integer = true;
    number->integer = value;
}

bool json_pull_number(struct json_pull *pull, struct json_pull_number *ret_number)
{
    if (pull->error != NULL)
        return false;
    skip_space(pull);

    const char *begin = pull->at, *end = pull->end, *at = begin;
    bool negative = at < end && *at == '-';
    if (negative)
        at++;
    if (!is_digit(at, end))
        return fail(pull, at, "expected a number");
    const char *digits = at;
    at = skip_digits(at, end);
    if (*digits == '0' && at - digits > 1)
        return fail(pull, digits, "a number with a leading zero");

    const char *point = at, *digits_end = at;
    if (at < end && *at == '.') {
        if (!is_digit(at + 1, end))
            return fail(pull, at + 1, "expected a digit after the decimal point");
        at = skip_digits(at + 1, end);
        digits_end = at;
    }
    int64_t exponent = 0;
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *sign = ++at;
        if (at < end && (*at == '-' || *at == '+'))
            at++;
        if (!is_digit(at, end))
            return fail(pull, at, "expected a digit in the exponent");
        at = skip_digits(at, end);
        exponent = read_exponent(sign, at);
    }
    *ret_number =
        (struct json_pull_number) { .text = begin, .len = (size_t)(at - begin) };
    find_integer(digits, digits_end, point, exponent, ret_number);
    if (negative)
        ret_number->integer = -ret_number->integer;
    pull->at = at;
    return true;
}

/* -- Whole values -- */

static bool take_word(struct json_pull *pull)
{
    static const char *const words[] = { "true", "false", "null" };

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(pull->end - pull->at) >= len &&
            memcmp(pull->at, words[i], len) == 0) {
            pull->at += len;
            return true;
        }
    }
    return fail(pull, pull->at, "expected a value");
}

bool json_pull_boolean(struct json_pull *pull, bool *ret_value)
{
    if (pull->error != NULL)
        return false;
    skip_space(pull);
    bool value = pull->at < pull->end && *pull->at == 't';
    if (!take_word(pull))
        return false;
    *ret_value = value;
    return true;
}

/* Not recursive: which bracket closes is remembered as one bit per level. */
bool json_pull_skip(struct json_pull *pull)
{
    struct json_pull_text text;
    struct json_pull_number number;
    unsigned outside = pull->depth;
    uint64_t is_object = 0;
    bool first = false;

    do {
        bool opened = false;
        switch (json_pull_peek(pull)) {
        case JSON_PULL_OBJECT:
            opened = json_pull_object(pull);
            is_object |= opened ? (uint64_t)1 << pull->depth : 0;
            break;
        case JSON_PULL_LIST:
            opened = json_pull_list(pull);
            is_object &= opened ? ~((uint64_t)1 << pull->depth) : ~(uint64_t)0;
            break;
        case JSON_PULL_STRING:
            (void)json_pull_string(pull, &text); /* errors are sticky, seen below */
            break;
        case JSON_PULL_NUMBER:
            (void)json_pull_number(pull, &number); /* likewise */
            break;
        case JSON_PULL_BOOLEAN:
        case JSON_PULL_NULL:
            (void)take_word(pull); /* likewise */
            break;
        case JSON_PULL_BROKEN:
            break;
        }
        /* To the next value, out of as many brackets as end here. */
        first = opened;
        while (pull->error == NULL && pull->depth > outside) {
            bool in_object = (is_object >> pull->depth & 1) != 0;
            if (in_object ? json_pull_member(pull, first, &text)
                          : json_pull_element(pull, first))
                break;
            first = false;
        }
    } while (pull->error == NULL && pull->depth > outside);
    return pull->error == NULL;
}

bool json_pull_end(struct json_pull *pull)
{
    if (pull->error != NULL)
        return false;
    skip_space(pull);
    if (pull->at != pull->end)
        return fail(pull, pull->at, "something follows the end of the value");
    return true;
}
