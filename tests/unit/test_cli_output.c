/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"
#include "tests/lib/fault.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What `print` writes; free it. */
static char *printed(void (*print)(FILE *out, const void *ctx), const void *ctx)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    print(out, ctx);
    fclose(out);
    return text;
}

/* -- Text -- */

static void assert_clean(const char *in, const char *expected)
{
    char text[256];

    output_clean(in, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void harmless_text_passes_unchanged(void **state)
{
    (void)state;
    assert_clean("", "");
    assert_clean("T-shirt/top, 7 %", "T-shirt/top, 7 %");
    assert_clean("ni\xc3\xb1"
                 "e \xe2\x82\xac \xf0\x9f\x98\x80",
                 "ni\xc3\xb1"
                 "e \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void what_could_steer_a_terminal_is_escaped(void **state)
{
    (void)state;
    assert_clean("\x1b[31mred\n\x7f", "\\x1b[31mred\\x0a\\x7f");
    assert_clean("\xc2\x9b"
                 "2J",
                 "\\xc2\\x9b"
                 "2J"); /* U+009B, CSI in one character */
    assert_clean("a\xe2\x80\xae"
                 "b",
                 "a\\xe2\\x80\\xae"
                 "b"); /* right-to-left override */
}

static void broken_utf8_is_escaped_byte_by_byte(void **state)
{
    (void)state;
    assert_clean("\xff\xfe", "\\xff\\xfe");
    assert_clean("\xc3", "\\xc3");                   /* cut */
    assert_clean("\xc0\xaf", "\\xc0\\xaf");          /* overlong */
    assert_clean("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
    assert_clean("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
}

static void every_byte_pair_comes_out_printable(void **state)
{
    (void)state;
    for (unsigned a = 1; a < 256; a++)
        for (unsigned b = 1; b < 256; b++) {
            char in[3] = { (char)a, (char)b, '\0' }, out[16];

            output_clean(in, out, sizeof(out));
            for (const char *at = out; *at != '\0'; at++)
                assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
        }
}

static void a_cut_never_splits_a_character_or_an_escape(void **state)
{
    char text[6];

    (void)state;
    output_clean("abcd\xc3\xb1", text, sizeof(text));
    assert_string_equal(text, "abcd");
    output_clean("abc\x1b", text, sizeof(text));
    assert_string_equal(text, "abc");
}

/* -- Numbers -- */

static void numbers_read_well(void **state)
{
    char t[OUTPUT_NUMBER];

    (void)state;
    assert_string_equal(output_count(0, t), "0");
    assert_string_equal(output_count(999, t), "999");
    assert_string_equal(output_count(1000, t), "1,000");
    assert_string_equal(output_count(1861632, t), "1,861,632");
    assert_string_equal(output_count(-1234, t), "-1,234");
    assert_string_equal(output_id(1861632, t), "1861632");
    assert_string_equal(output_percent(0.985, t), "98.50 %");
    assert_string_equal(output_percent(1.0, t), "100.00 %");
    assert_string_equal(output_rate(0.0, t), "0");
    assert_string_equal(output_rate(1.02e-3, t), "1.02e-03");
    assert_string_equal(output_number(0.571, "V", t), "0.571 V");
    assert_string_equal(output_energy(0.0, t), "0 pJ");
    assert_string_equal(output_energy(12.34, t), "12.3 pJ");
    assert_string_equal(output_energy(999.4, t), "999 pJ");
    assert_string_equal(output_energy(999.6, t), "1.00 nJ");
    assert_string_equal(output_energy(2.31e6, t), "2.31 uJ");
    assert_string_equal(output_energy(5e12, t), "5.00 J");
    assert_string_equal(output_bytes(512, t), "512 bytes");
    assert_string_equal(output_bytes(241762, t), "236 KiB");
    assert_string_equal(output_duration(12.34, t), "12.3 s");
    assert_string_equal(output_duration(3725, t), "1 h 02 min");
    assert_string_equal(output_duration(90000, t), "1 d 01 h");
    assert_string_equal(output_duration(315576000, t), "10.0 years");
    assert_string_equal(output_duration(1e-3, t), "0.001 s");
    assert_string_equal(output_duration(0, t), "0.0 s");
    assert_string_equal(output_expected(0.00251, t), "0.00251");
    assert_string_equal(output_expected(12.34, t), "12.3");
    assert_string_equal(output_expected(0, t), "0");
    assert_string_equal(output_expected(1861.6, t), "1,862");
}

static void no_number_is_a_dash(void **state)
{
    char t[OUTPUT_NUMBER];

    (void)state;
    assert_string_equal(output_count(NAN, t), "-");
    assert_string_equal(output_id(INFINITY, t), "-");
    assert_string_equal(output_percent(NAN, t), "-");
    assert_string_equal(output_rate(-INFINITY, t), "-");
    assert_string_equal(output_number(NAN, "V", t), "-");
    assert_string_equal(output_energy(NAN, t), "-");
    assert_string_equal(output_expected(NAN, t), "-");
    assert_string_equal(output_duration(NAN, t), "-");
    assert_string_equal(output_bytes(NAN, t), "-");
}

static void the_largest_numbers_fit(void **state)
{
    static const double values[] = { 1.7e308,           -1.7e308, 1e300,   1e15,
                                     999999999999999.0, 5e-324,   -5e-324, 1e99 };
    char t[OUTPUT_NUMBER];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_true(strlen(output_count(values[i], t)) < OUTPUT_NUMBER - 1);
        assert_true(strlen(output_id(values[i], t)) < OUTPUT_NUMBER - 1);
        assert_true(strlen(output_expected(values[i], t)) < OUTPUT_NUMBER - 1);
        assert_true(strlen(output_rate(values[i], t)) < OUTPUT_NUMBER - 1);
        assert_true(strlen(output_energy(values[i], t)) < OUTPUT_NUMBER - 1);
        assert_true(strlen(output_bytes(values[i], t)) < OUTPUT_NUMBER - 1);
        assert_true(strlen(output_number(values[i], "V", t)) < OUTPUT_NUMBER - 1);
        (void)output_percent(values[i], t);
        (void)output_duration(values[i], t);
    }
}

/* -- JSON -- */

static void print_json(FILE *out, const void *ctx)
{
    assert_int_equal(output_json(out, ctx, true), ST_OK);
}

static void json_holds_only_printable_bytes_and_reads_back(void **state)
{
    json_t *value =
        json_pack("{s:s, s:f}", "text", "\x1b[2J\x7f\xc2\x9b\n\xc3\xb1", "n", 0.985);
    char *text = printed(print_json, value);

    (void)state;
    for (const char *at = text; at[1] != '\0'; at++)
        assert_true(*at >= 0x20 && *at < 0x7f);
    assert_non_null(strstr(text, "0.985}\n"));

    json_t *back = json_loads(text, 0, NULL);
    assert_true(json_equal(value, back));
    json_decref(back);
    json_decref(value);
    free(text);
}

static void json_that_could_not_be_built_is_a_status(void **state)
{
    (void)state;
    assert_int_equal(output_json(stdout, NULL, true), ST_NOMEM);
}

/* -- Tables -- */

static void print_table(FILE *out, const void *ctx)
{
    assert_int_equal(table_print(ctx, out, 2), ST_OK);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    struct table table;

    (void)state;
    table_init(&table, "LAYER|>CELLS|KIND");
    table_add(&table, "a");
    table_add(&table, "1,000,000");
    table_add(&table, "fire");
    table_add(&table, "\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1");
    table_add(&table, "1");
    table_add(&table, "");

    char *text = printed(print_table, &table);
    assert_string_equal(text, "  LAYER       CELLS  KIND\n"
                              "  a       1,000,000  fire\n"
                              "  \xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1\xc3\xb1"
                              "          1  \n");
    free(text);
    table_done(&table);
}

static void a_failed_allocation_fails_the_print_and_nothing_else(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct table table;

        fault_at(nth);
        table_init(&table, "A|>B");
        for (size_t i = 0; i < 200; i++)
            table_add(&table, "cell");
        fault_off();

        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        st = table_print(&table, out, 0);
        fclose(out);
        assert_true(st == ST_OK || (st == ST_NOMEM && len == 0));
        free(text);
        table_done(&table);
    }
}

static void print_line(FILE *out, const void *ctx)
{
    output_line(out, "name", ctx);
}

static void long_values_are_wrapped_and_keep_every_word(void **state)
{
    char value[600] = "", *text, *rest;
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 60; i++)
        strcat(value, i % 7 ? "word\x1b " : "another ");
    text = printed(print_line, value);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *words;

        assert_true(strlen(line) <= 96 + 4 * 12); /* an escape is three columns more */
        for (char *w = strtok_r(line, " ", &words); w != NULL;
             w = strtok_r(NULL, " ", &words))
            n++;
    }
    assert_int_equal(n, 60 + 1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harmless_text_passes_unchanged),
        cmocka_unit_test(what_could_steer_a_terminal_is_escaped),
        cmocka_unit_test(broken_utf8_is_escaped_byte_by_byte),
        cmocka_unit_test(every_byte_pair_comes_out_printable),
        cmocka_unit_test(a_cut_never_splits_a_character_or_an_escape),
        cmocka_unit_test(numbers_read_well),
        cmocka_unit_test(no_number_is_a_dash),
        cmocka_unit_test(the_largest_numbers_fit),
        cmocka_unit_test(json_holds_only_printable_bytes_and_reads_back),
        cmocka_unit_test(json_that_could_not_be_built_is_a_status),
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_failed_allocation_fails_the_print_and_nothing_else),
        cmocka_unit_test(long_values_are_wrapped_and_keep_every_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
