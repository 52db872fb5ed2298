/* SPDX-License-Identifier: Apache-2.0 */
#include "api/buf.h"

#include "tests/lib/fault.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* xorshift64*, for fixed pseudo-random cases. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static double double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static const char *text_of(struct buf *buf)
{
    buf_char(buf, '\0');
    assert_false(buf->failed);
    buf->len--;
    return buf->data;
}

static void appended_bytes_stay_in_order(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    for (unsigned i = 0; i < 100000; i++)
        buf_char(&buf, (char)(i * 7));
    buf_bytes(&buf, "a\0b", 3);
    buf_bytes(&buf, NULL, 0);
    assert_int_equal(buf.len, 100003);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], (char)(i * 7));
    assert_memory_equal(buf.data + 100000, "a\0b", 3);
    buf_clear(&buf);
    buf_text(&buf, "again");
    assert_string_equal(text_of(&buf), "again");
    buf_free(&buf);
    assert_null(buf.data);
    buf_free(&buf);
}

static void after_one_failed_allocation_nothing_more_is_added(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    fault_at(0);
    buf_text(&buf, "lost");
    fault_off();
    assert_true(buf.failed);
    buf_text(&buf, "lost too");
    buf_u64(&buf, 7);
    buf_fixed(&buf, 1.5, 2);
    buf_printf(&buf, "%d", 5);
    buf_json_string(&buf, "x");
    assert_int_equal(buf.len, 0);
    buf_clear(&buf);
    buf_text(&buf, "back");
    assert_string_equal(text_of(&buf), "back");

    while (buf.len < buf.cap)
        buf_char(&buf, 'x');
    fault_at(0);
    buf_char(&buf, 'y');
    fault_off();
    assert_true(buf.failed);
    assert_memory_equal(buf.data, "back", 4);
    buf_free(&buf);
}

static void integers_read_as_printf_writes_them(void **state)
{
    struct buf buf = BUF_INIT;
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t value = next_random(&seed) >> (i % 64);
        char want[64];

        if (i < 20)
            value = (const uint64_t[]) { 0,
                                         9,
                                         10,
                                         99,
                                         100,
                                         999,
                                         1000,
                                         9999,
                                         10000,
                                         99999,
                                         UINT64_MAX,
                                         INT64_MAX,
                                         (uint64_t)INT64_MIN,
                                         1,
                                         999999999,
                                         1000000000,
                                         99999999999999999u,
                                         9999999999999999999u,
                                         10000000000000000000u,
                                         4294967296u }[i];
        (void)snprintf(want, sizeof(want), "%llu %lld", (unsigned long long)value,
                       (long long)value);
        buf_clear(&buf);
        buf_u64(&buf, value);
        buf_char(&buf, ' ');
        buf_i64(&buf, (int64_t)value);
        assert_string_equal(text_of(&buf), want);
    }
    buf_free(&buf);
}

static void fixed_point_is_rounded_as_printf_rounds(void **state)
{
    struct buf buf = BUF_INIT;
    uint64_t seed = 2;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        unsigned decimals = (unsigned)(next_random(&seed) % 10);
        double value;
        char want[400];

        if (i % 2 == 0) /* near ties: k / 2^j, or decimals ending in 5 */
            value = (double)(int64_t)(next_random(&seed) >> 44) /
                    (i % 4 == 0 ? 2048.0 : 2000.0);
        else
            value = ldexp((double)(next_random(&seed) >> 11), -(int)(i % 90) - 10);
        if (i % 3 == 0)
            value = -value;
        if (fabs(value) >= 0x1p53 / pow(10, decimals))
            continue;
        (void)snprintf(want, sizeof(want), "%.*f", (int)decimals, value);
        bool is_zero = strspn(want, "-0.") == strlen(want);
        buf_clear(&buf);
        buf_fixed(&buf, value, decimals);
        assert_string_equal(text_of(&buf), is_zero && want[0] == '-' ? want + 1 : want);
    }
    buf_free(&buf);
}

static void fixed_point_beyond_its_range_is_still_the_number(void **state)
{
    static const double values[] = { 1e300, -1e300, 0x1p53, 9007199254740993e3, 1e16 };
    struct buf buf = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        for (unsigned decimals = 0; decimals < 12; decimals++) {
            buf_clear(&buf);
            buf_fixed(&buf, values[i], decimals);
            assert_true(strtod(text_of(&buf), NULL) == values[i]);
        }
    buf_free(&buf);
}

static void what_is_no_finite_number_becomes_null(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    buf_number(&buf, NAN);
    buf_number(&buf, INFINITY);
    buf_fixed(&buf, -INFINITY, 3);
    buf_fixed(&buf, NAN, 0);
    assert_string_equal(text_of(&buf), "nullnullnullnull");
    buf_free(&buf);
}

static void every_double_reads_back_and_no_shorter_text_does(void **state)
{
    struct buf buf = BUF_INIT;
    uint64_t seed = 3;

    (void)state;
    for (int i = 0; i < 30000; i++) {
        uint64_t bits = next_random(&seed);
        double value = double_of(i % 4 == 3 ? bits >> 12 : bits); /* and subnormal ones */
        if (i % 4 == 1)
            value = (double)(bits % 100000) / 1000.0;
        if (!isfinite(value))
            continue;
        buf_clear(&buf);
        buf_number(&buf, value);
        const char *text = text_of(&buf);
        assert_true(strtod(text, NULL) == value);

        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_true(json_is_number(json));
        json_decref(json);

        int digits = 0;
        for (const char *c = text; *c != '\0' && *c != 'e'; c++)
            digits += *c >= '0' && *c <= '9' && !(digits == 0 && *c == '0');
        if (digits > 1 && strchr(text, 'e') != NULL) {
            char shorter[40];
            (void)snprintf(shorter, sizeof(shorter), "%.*e", digits - 2, value);
            assert_true(strtod(shorter, NULL) != value);
        }
    }
    buf_free(&buf);
}

static void every_float_reads_back_from_nine_digits(void **state)
{
    struct buf buf = BUF_INIT;
    uint64_t seed = 5;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint32_t bits = (uint32_t)next_random(&seed);
        float value;

        memcpy(&value, &bits, sizeof(value));
        if (i % 2 == 1)
            value = (float)((int32_t)bits) / (float)(1 << (i % 31));
        if (!isfinite(value))
            continue;
        buf_clear(&buf);
        buf_float(&buf, value);
        const char *text = text_of(&buf);
        if (strtof(text, NULL) != value)
            fail_msg("%s for %.9g", text, (double)value);

        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_true(json_is_number(json));
        json_decref(json);
    }
    buf_free(&buf);
}

static void floats_have_no_more_digits_than_they_need(void **state)
{
    static const struct {
        float value;
        const char *text;
    } cases[] = { { 0, "0" },
                  { 1, "1" },
                  { -2.5f, "-2.5" },
                  { 1e-4f, "9.999999747378752e-05" },
                  { 0.001f, "0.00100000005" },
                  { 16777216, "16777216" },
                  { 1e9f, "1000000000" },
                  { INFINITY, "null" } };
    struct buf buf = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&buf);
        buf_float(&buf, cases[i].value);
        assert_string_equal(text_of(&buf), cases[i].text);
    }
    buf_free(&buf);
}

static void well_known_numbers_look_as_people_write_them(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0, "0" },
        { -0.0, "-0" },
        { 1, "1" },
        { -17, "-17" },
        { 0.1, "0.1" },
        { 0.001, "0.001" },
        { 1e-3 * 2, "0.002" },
        { 123456789012.0, "123456789012" },
        { 5e-324, "5e-324" },
        { DBL_MAX, "1.7976931348623157e+308" },
        { 1e22, "1e+22" },
        { 0.30000000000000004, "0.30000000000000004" },
    };
    struct buf buf = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&buf);
        buf_number(&buf, cases[i].value);
        assert_string_equal(text_of(&buf), cases[i].text);
    }
    buf_free(&buf);
}

static void printf_grows_the_buffer_as_needed(void **state)
{
    struct buf buf = BUF_INIT;
    size_t len = 0;

    (void)state;
    for (int width = 1; width < 5000; width += 97) {
        buf_printf(&buf, "%*d|", width, 7);
        len += (size_t)width + 1;
        assert_int_equal(buf.len, len);
        assert_int_equal(buf.data[len - 1], '|');
    }
    buf_free(&buf);
}

static void random_bytes_become_a_json_string_that_parses(void **state)
{
    struct buf buf = BUF_INIT;
    uint64_t seed = 4;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char text[33];
        size_t len = next_random(&seed) % sizeof(text);

        for (size_t j = 0; j < len; j++) {
            uint64_t draw = next_random(&seed);
            /* half of them lead bytes and tails, so that near-valid sequences are common
             */
            text[j] =
                (char)(draw & 1 ? 0x80 | (draw >> 8 & 0x7f) : 1 + (draw >> 8) % 255);
        }
        text[len] = '\0';
        buf_clear(&buf);
        buf_json_string(&buf, text);
        json_t *json = json_loadb(buf.data, buf.len, JSON_DECODE_ANY, NULL);
        assert_true(json_is_string(json));
        json_decref(json);
    }
    buf_free(&buf);
}

static void valid_text_comes_back_unchanged_from_a_json_string(void **state)
{
    static const char *const cases[] = {
        "",
        "plain",
        "\"\\\b\f\n\r\t\x01\x1f\x7f/",
        "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\xa7\xb2",
        "\xe0\xa0\x80 \xf4\x8f\xbf\xbf \xef\xbf\xbf",
    };
    struct buf buf = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&buf);
        buf_json_string(&buf, cases[i]);
        json_t *json = json_loadb(buf.data, buf.len, JSON_DECODE_ANY, NULL);
        assert_string_equal(json_string_value(json), cases[i]);
        json_decref(json);
    }
    buf_free(&buf);
}

static void only_well_formed_utf8_is_a_character(void **state)
{
    (void)state;
    assert_int_equal(buf_utf8_char(""), 0);
    assert_int_equal(buf_utf8_char("a"), 1);
    assert_int_equal(buf_utf8_char("\xc3\xbc"), 2);
    assert_int_equal(buf_utf8_char("\xe2\x82\xac"), 3);
    assert_int_equal(buf_utf8_char("\xf0\x9f\xa7\xb2"), 4);
    assert_int_equal(buf_utf8_char("\xc0\x80"), 0);         /* overlong */
    assert_int_equal(buf_utf8_char("\xe0\x9f\xbf"), 0);     /* overlong */
    assert_int_equal(buf_utf8_char("\xf0\x8f\xbf\xbf"), 0); /* overlong */
    assert_int_equal(buf_utf8_char("\xed\xa0\x80"), 0);     /* surrogate */
    assert_int_equal(buf_utf8_char("\xf4\x90\x80\x80"), 0); /* beyond U+10FFFF */
    assert_int_equal(buf_utf8_char("\xff"), 0);
    assert_int_equal(buf_utf8_char("\x80"), 0);
    assert_int_equal(buf_utf8_char("\xe2\x82"), 0);
    assert_int_equal(buf_utf8_char("\xf0\x9f\xa7"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_bytes_stay_in_order),
        cmocka_unit_test(after_one_failed_allocation_nothing_more_is_added),
        cmocka_unit_test(integers_read_as_printf_writes_them),
        cmocka_unit_test(fixed_point_is_rounded_as_printf_rounds),
        cmocka_unit_test(fixed_point_beyond_its_range_is_still_the_number),
        cmocka_unit_test(what_is_no_finite_number_becomes_null),
        cmocka_unit_test(every_double_reads_back_and_no_shorter_text_does),
        cmocka_unit_test(every_float_reads_back_from_nine_digits),
        cmocka_unit_test(floats_have_no_more_digits_than_they_need),
        cmocka_unit_test(well_known_numbers_look_as_people_write_them),
        cmocka_unit_test(printf_grows_the_buffer_as_needed),
        cmocka_unit_test(random_bytes_become_a_json_string_that_parses),
        cmocka_unit_test(valid_text_comes_back_unchanged_from_a_json_string),
        cmocka_unit_test(only_well_formed_utf8_is_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
