/* SPDX-License-Identifier: Apache-2.0 */
#include "api/prometheus.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *text_of(struct buf *buf)
{
    buf_char(buf, '\0');
    assert_false(buf->failed);
    buf->len--;
    return buf->data;
}

static void a_family_is_a_help_and_a_type_line(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    prometheus_family(&buf, "spinbnn_x_total", "counter",
                      "back\\slash, \"quote\"\nand line");
    prometheus_sample(&buf, "spinbnn_x_total", NULL, 0, 12);
    assert_string_equal(text_of(&buf),
                        "# HELP spinbnn_x_total back\\\\slash, \"quote\"\\nand line\n"
                        "# TYPE spinbnn_x_total counter\n"
                        "spinbnn_x_total 12\n");
    buf_free(&buf);
}

static void label_values_are_escaped_and_valid_utf8(void **state)
{
    struct prometheus_label labels[] = { { "a", "q\"b\\n\nt\t" },
                                         { "m", "\xc3\xbc\xff" } };
    struct buf buf = BUF_INIT;

    (void)state;
    prometheus_sample(&buf, "x", labels, 2, 0.25);
    assert_string_equal(text_of(&buf),
                        "x{a=\"q\\\"b\\\\n\\nt\t\",m=\"\xc3\xbc\xef\xbf\xbd\"} 0.25\n");
    buf_free(&buf);
}

static void values_are_what_strtod_reads(void **state)
{
    static const double values[] = { 0,    1,        -1.5,     1e-300,    1e300, 0.1,
                                     1e15, 1e16 + 2, INFINITY, -INFINITY, NAN };
    struct buf buf = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        buf_clear(&buf);
        prometheus_sample(&buf, "x", NULL, 0, values[i]);
        char *end;
        double value = strtod(text_of(&buf) + 2, &end);
        assert_string_equal(end, "\n");
        assert_true(value == values[i] || (isnan(value) && isnan(values[i])));
    }
    buf_free(&buf);
}

static void a_histogram_is_cumulative_and_ends_at_infinity(void **state)
{
    static const double edges[] = { 0.0005, 0.001, 2.5 };
    static const uint64_t counts[] = { 3, 0, 4, 5 };
    struct prometheus_label label = { "route", "/a" };
    struct buf buf = BUF_INIT;

    (void)state;
    prometheus_histogram(&buf, "h", &label, 1, edges, counts, 3, 17.25);
    assert_string_equal(text_of(&buf), "h_bucket{route=\"/a\",le=\"0.0005\"} 3\n"
                                       "h_bucket{route=\"/a\",le=\"0.001\"} 3\n"
                                       "h_bucket{route=\"/a\",le=\"2.5\"} 7\n"
                                       "h_bucket{route=\"/a\",le=\"+Inf\"} 12\n"
                                       "h_sum{route=\"/a\"} 17.25\n"
                                       "h_count{route=\"/a\"} 12\n");
    buf_clear(&buf);
    prometheus_histogram(&buf, "h", NULL, 0, edges, counts, 1, 1);
    assert_string_equal(text_of(&buf), "h_bucket{le=\"0.0005\"} 3\n"
                                       "h_bucket{le=\"+Inf\"} 3\n"
                                       "h_sum 1\n"
                                       "h_count 3\n");
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_is_a_help_and_a_type_line),
        cmocka_unit_test(label_values_are_escaped_and_valid_utf8),
        cmocka_unit_test(values_are_what_strtod_reads),
        cmocka_unit_test(a_histogram_is_cumulative_and_ends_at_infinity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
