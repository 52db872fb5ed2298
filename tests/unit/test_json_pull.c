/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_pull.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool reads(const char *text, size_t len, struct json_pull *ret_pull)
{
    json_pull_init(ret_pull, text, len);
    return json_pull_skip(ret_pull) && json_pull_end(ret_pull);
}

static void expect_good(const char *text)
{
    struct json_pull pull;

    if (!reads(text, strlen(text), &pull))
        fail_msg("%s: %s at %zu", text, pull.error, json_pull_offset(&pull));
}

static void expect_bad(const char *text, size_t len, size_t at, const char *words)
{
    struct json_pull pull;

    if (reads(text, len, &pull))
        fail_msg("%s: accepted", text);
    if (json_pull_offset(&pull) != at || strstr(pull.error, words) == NULL)
        fail_msg("%s: \"%s\" at %zu, expected \"%s\" at %zu", text, pull.error,
                 json_pull_offset(&pull), words, at);
}

#define BAD(text, at, words) expect_bad(text, sizeof(text) - 1, at, words)

static void good_values_are_taken(void **state)
{
    static const char *const values[] = {
        "0",
        "-0",
        "12",
        "1.5",
        "1e5",
        "1E+5",
        "-1.25e-3",
        "0.0",
        "1e400",
        "true",
        "false",
        "null",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "\"\\ud834\\udd1e\"",
        "\"\xc3\xa9 \xe2\x82\xac \xf0\x9d\x84\x9e\x7f\"",
        "[]",
        "{}",
        "[[],{}]",
        "{\"a\":[1,{\"b\":null}],\"\":0}",
        " \t\r\n[ 1 , 2 ] \n",
        "{ \"a\" : 1 , \"b\" : 2 }",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        expect_good(values[i]);
}

static void bad_bytes_are_named_where_they_are(void **state)
{
    (void)state;
    BAD("", 0, "nothing but white space");
    BAD("  \n", 3, "nothing but white space");
    BAD("\xEF\xBB\xBF{}", 0, "byte order mark");
    BAD("\xFF\xFE{\0", 0, "expected a value");
    BAD("{}x", 2, "follows the end");
    BAD("1 2", 2, "follows the end");
    BAD("{}\0", 2, "follows the end");
    BAD("[1,]", 3, "expected a value");
    BAD("[,1]", 1, "expected a value");
    BAD("[1 2]", 3, "',' or ']'");
    BAD("[1}", 2, "',' or ']'");
    BAD("[", 1, "ends inside");
    BAD("[1", 2, "ends inside");
    BAD("[1,", 3, "ends where a value");
    BAD("{", 1, "ends inside");
    BAD("{,}", 1, "name of a member");
    BAD("{\"a\"}", 4, "expected ':'");
    BAD("{\"a\":}", 5, "expected a value");
    BAD("{\"a\":1,}", 7, "name of a member");
    BAD("{'a':1}", 1, "name of a member");
    BAD("{\"a\":1]", 6, "',' or '}'");
    BAD("{\"a\" 1}", 5, "expected ':'");
    BAD("01", 0, "leading zero");
    BAD("-01", 1, "leading zero");
    BAD("+1", 0, "expected a value");
    BAD(".5", 0, "expected a value");
    BAD("1.", 2, "after the decimal point");
    BAD("1.e5", 2, "after the decimal point");
    BAD("1e", 2, "in the exponent");
    BAD("1e+", 3, "in the exponent");
    BAD("-", 1, "expected a number");
    BAD("NaN", 0, "expected a value");
    BAD("nan", 0, "expected a value");
    BAD("tru", 0, "expected a value");
    BAD("trux", 0, "expected a value");
    BAD("truex", 4, "follows the end");
    BAD("// x\n1", 0, "expected a value");
    BAD("\"a", 2, "ends inside a string");
    BAD("\"a\nb\"", 2, "control character");
    BAD("\"a\0b\"", 2, "control character");
    BAD("[\0]", 1, "expected a value");
    BAD("\"\\", 1, "ends inside a string");
    BAD("\"\\x41\"", 1, "escape");
    BAD("\"\\\0\"", 1, "escape");
    BAD("\"\\u12g4\"", 1, "four hexadecimal");
    BAD("\"\\u12", 1, "four hexadecimal");
    BAD("\"\\ud834\"", 1, "surrogate");
    BAD("\"\\ud834\\n\"", 1, "surrogate");
    BAD("\"\\ud834\\u0041\"", 1, "surrogate");
    BAD("\"\\udd1e\"", 1, "surrogate");
    BAD("\"\x80\"", 1, "UTF-8");
    BAD("\"\xc0\xaf\"", 1, "UTF-8");         /* longer than needed */
    BAD("\"\xe0\x80\xaf\"", 1, "UTF-8");     /* likewise */
    BAD("\"\xf0\x80\x80\xaf\"", 1, "UTF-8"); /* likewise */
    BAD("\"\xed\xa0\x80\"", 1, "UTF-8");     /* a surrogate */
    BAD("\"\xf4\x90\x80\x80\"", 1, "UTF-8"); /* past the last code point */
    BAD("\"\xc3\"", 1, "UTF-8");
    BAD("\"\xe2\x82\"", 1, "UTF-8");
    BAD("\"\xff\"", 1, "UTF-8");
}

static void nesting_ends_at_its_limit(void **state)
{
    char text[2 * (JSON_PULL_MAX_DEPTH + 1) + 1];

    (void)state;
    for (size_t depth = 1; depth <= JSON_PULL_MAX_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        if (depth <= JSON_PULL_MAX_DEPTH)
            expect_good(text);
        else
            expect_bad(text, 2 * depth, JSON_PULL_MAX_DEPTH, "nested deeper");
    }
}

static void every_beginning_of_a_text_is_broken(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5e3,{\"b\":\"\\u00e9\\ud834\\udd1e\xc3\xa9\"}],"
        "\"c\":true,\"d\":null}";
    struct json_pull pull;

    (void)state;
    for (size_t len = 0; len + 1 < sizeof(text); len++) {
        char *exact = malloc(len + 1); /* its end is watched by the sanitizer */
        assert_non_null(exact);
        memcpy(exact, text, len);
        assert_false(reads(exact, len, &pull));
        assert_true(json_pull_offset(&pull) <= len);
        free(exact);
    }
    expect_good(text);
}

/* Random texts that are nearly JSON: the verdict of an established parser. */
static void jansson_gives_the_same_verdict(void **state)
{
    static const char *const parts[] = { "[",       "]",      "{",           "}",
                                         ",",       ":",      "\"a\"",       "1",
                                         "0",       "-",      ".",           "e",
                                         "true",    "null",   " ",           "\"\\n\"",
                                         "12.5e-1", "\"b\":", "\"c\":[1,2]", "[[]]" };
    unsigned good = 0;

    (void)state;
    srand(4);
    for (unsigned round = 0; round < 200000; round++) {
        char text[256] = "";
        unsigned n = 1 + (unsigned)rand() % 9;
        for (unsigned i = 0; i < n; i++)
            strcat(text, parts[(size_t)rand() % (sizeof(parts) / sizeof(parts[0]))]);

        struct json_pull pull;
        bool ours = reads(text, strlen(text), &pull);
        json_t *theirs =
            json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
        if (ours != (theirs != NULL))
            fail_msg("%s: %s", text, ours ? "accepted" : pull.error);
        json_decref(theirs);
        good += ours;
    }
    assert_true(good > 5000); /* else nothing was tested */
}

static void expect_number(const char *text, bool is_integer, int64_t value)
{
    struct json_pull pull;
    struct json_pull_number number;

    json_pull_init(&pull, text, strlen(text));
    assert_true(json_pull_number(&pull, &number));
    assert_true(json_pull_end(&pull));
    assert_int_equal(number.len, strlen(text));
    if (number.is_integer != is_integer || (is_integer && number.integer != value))
        fail_msg("%s: %d %lld", text, number.is_integer, (long long)number.integer);
}

static void integers_are_exact_in_every_form(void **state)
{
    (void)state;
    expect_number("0", true, 0);
    expect_number("-0", true, 0);
    expect_number("-0.0e5", true, 0);
    expect_number("0e999999999999999999999", true, 0);
    expect_number("255.0", true, 255);
    expect_number("1e2", true, 100);
    expect_number("2.55e2", true, 255);
    expect_number("25500e-2", true, 255);
    expect_number("0.00255E+5", true, 255);
    expect_number("-12.50e1", true, -125);
    expect_number("9007199254740991", true, 9007199254740991);
    expect_number("-9007199254740991.000", true, -9007199254740991);
    expect_number("9007199254740992", false, 0);
    expect_number("0.5", false, 0);
    expect_number("255.00000000000000000000000001", false, 0);
    expect_number("25501e-2", false, 0);
    expect_number("1e-1", false, 0);
    expect_number("1e400", false, 0);
    expect_number("1e-400", false, 0);
    expect_number("1e99999999999999999999999", false, 0);
    expect_number("99999999999999999999999999999999999999", false, 0);
    expect_number("100000000000000000000000000000e-29", true, 1);
}

/* One string value, decoded. */
static size_t decoded(const char *text, char *ret_bytes, struct json_pull_text *ret_text)
{
    struct json_pull pull;

    json_pull_init(&pull, text, strlen(text));
    assert_true(json_pull_string(&pull, ret_text));
    assert_true(json_pull_end(&pull));
    return json_pull_text_decode(ret_text, ret_bytes);
}

static void true_and_false_are_told_apart(void **state)
{
    struct json_pull pull;
    bool value = false;

    (void)state;
    json_pull_init(&pull, " true", 5);
    assert_true(json_pull_boolean(&pull, &value) && value && json_pull_end(&pull));
    json_pull_init(&pull, "false", 5);
    assert_true(json_pull_boolean(&pull, &value) && !value && json_pull_end(&pull));
    json_pull_init(&pull, "truth", 5);
    assert_false(json_pull_boolean(&pull, &value));
    assert_false(json_pull_boolean(&pull, &value));
}

static void escapes_are_undone(void **state)
{
    struct json_pull_text text;
    char bytes[64];

    (void)state;
    size_t len = decoded("\"\\\"\\\\\\/\\b\\f\\n\\r\\tx\"", bytes, &text);
    assert_int_equal(len, 9);
    assert_memory_equal(bytes, "\"\\/\b\f\n\r\tx", 9);
    assert_true(text.escaped);
    len = decoded("\"\\u0041\\u00e9\\u20AC\\uD834\\uDD1E\"", bytes, &text);
    assert_int_equal(len, 10);
    assert_memory_equal(bytes, "A\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e", 10);
    len = decoded("\"\\u0000\"", bytes, &text);
    assert_int_equal(len, 1);
    assert_int_equal(bytes[0], 0);
    len = decoded("\"plain\"", bytes, &text);
    assert_int_equal(len, 5);
    assert_false(text.escaped);
}

static void names_are_compared_without_their_escapes(void **state)
{
    struct json_pull_text plain, escaped, other, longer;
    char bytes[64];

    (void)state;
    (void)decoded("\"labels\"", bytes, &plain);
    (void)decoded("\"l\\u0061bels\"", bytes, &escaped);
    (void)decoded("\"l\\u0062bels\"", bytes, &other);
    (void)decoded("\"l\\u0061bels\\u0000\"", bytes, &longer);
    assert_true(json_pull_text_is(&plain, "labels"));
    assert_true(json_pull_text_is(&escaped, "labels"));
    assert_false(json_pull_text_is(&other, "labels"));
    assert_false(json_pull_text_is(&longer, "labels"));
    assert_false(json_pull_text_is(&escaped, "label"));
    assert_true(json_pull_text_same(&plain, &escaped));
    assert_true(json_pull_text_same(&escaped, &plain));
    assert_false(json_pull_text_same(&escaped, &other));
    assert_false(json_pull_text_same(&longer, &escaped));
}

static void errors_stay(void **state)
{
    struct json_pull pull;
    struct json_pull_text text;
    struct json_pull_number number;

    (void)state;
    json_pull_init(&pull, "[x]", 3);
    assert_true(json_pull_list(&pull));
    assert_true(json_pull_element(&pull, true));
    assert_int_equal(json_pull_peek(&pull), JSON_PULL_BROKEN);
    size_t at = json_pull_offset(&pull);
    assert_false(json_pull_number(&pull, &number));
    assert_false(json_pull_string(&pull, &text));
    assert_false(json_pull_object(&pull));
    assert_false(json_pull_list(&pull));
    assert_false(json_pull_member(&pull, true, &text));
    assert_false(json_pull_element(&pull, true));
    assert_false(json_pull_skip(&pull));
    assert_false(json_pull_end(&pull));
    assert_int_equal(json_pull_offset(&pull), at);
    assert_string_equal(pull.error, "expected a value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values_are_taken),
        cmocka_unit_test(bad_bytes_are_named_where_they_are),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(every_beginning_of_a_text_is_broken),
        cmocka_unit_test(jansson_gives_the_same_verdict),
        cmocka_unit_test(integers_are_exact_in_every_form),
        cmocka_unit_test(true_and_false_are_told_apart),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(names_are_compared_without_their_escapes),
        cmocka_unit_test(errors_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
