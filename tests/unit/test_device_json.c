/* SPDX-License-Identifier: Apache-2.0 */
#include "api/point_json.h"

#include "tests/lib/fault.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct problem problem;

#define POINT "{\"voltage_v\":0.5,\"pulse_ns\":10,\"direction\":\"p2ap\"}"

static void points_are_read(void **state)
{
    static const char body[] =
        "{\"array_mean\":true,\"points\":[" POINT ",{\"voltage_v\":1.5,\"pulse_ns\":0.2,"
        "\"temperature_k\":450,\"direction\":\"AP2P\"},{\"voltage_v\":0,\"pulse_ns\":1e6,"
        "\"temperature_k\":200,\"direction\":\"Ap2p\"}]}";
    struct device_points points;

    (void)state;
    assert_int_equal(device_json_parse(body, sizeof(body) - 1, &points, &problem), ST_OK);
    assert_int_equal(points.n, 3);
    assert_true(points.array_mean);
    assert_true(points.points[0].voltage_v == 0.5 && points.points[0].pulse_ns == 10.0);
    assert_true(points.points[0].temperature_k == 300.0);
    assert_int_equal(points.points[0].direction, MTJ_P2AP);
    assert_true(points.points[1].voltage_v == 1.5 && points.points[1].pulse_ns == 0.2);
    assert_true(points.points[1].temperature_k == 450.0);
    assert_int_equal(points.points[1].direction, MTJ_AP2P);
    assert_int_equal(points.points[2].direction, MTJ_AP2P);
    device_points_done(&points);
    assert_null(points.points);
}

static void the_array_mean_is_left_out_by_default(void **state)
{
    static const char body[] = "{\"points\":[" POINT "]}";
    struct device_points points;

    (void)state;
    assert_int_equal(device_json_parse(body, sizeof(body) - 1, &points, &problem), ST_OK);
    assert_false(points.array_mean);
    device_points_done(&points);
}

static void wrong_values_are_a_422_that_points_at_them(void **state)
{
    static const struct {
        const char *body, *pointer, *words;
    } cases[] = {
        { "{}", "/points", "expected a list, found nothing" },
        { "{\"points\":{}}", "/points", "found an object" },
        { "{\"points\":[]}", "/points", "1..10000 points, found 0" },
        { "{\"points\":[" POINT "],\"array_mean\":1}", "/array_mean",
          "true or false, found 1" },
        { "{\"points\":[" POINT "],\"array_maen\":true}", "/array_maen",
          "mean array_mean?" },
        { "{\"points\":[" POINT ",7]}", "/points/1", "expected an object, found 7" },
        { "{\"points\":[{\"pulse_ns\":10,\"direction\":\"p2ap\"}]}",
          "/points/0/voltage_v", "is missing" },
        { "{\"points\":[{\"voltage_v\":1,\"direction\":\"p2ap\"}]}", "/points/0/pulse_ns",
          "is missing" },
        { "{\"points\":[{\"voltage_v\":1,\"pulse_ns\":1}]}", "/points/0/direction",
          "missing" },
        { "{\"points\":[" POINT "," POINT "," POINT
          ",{\"voltage_v\":1.6,\"pulse_ns\":1,\"direction\":\"p2ap\"}]}",
          "/points/3/voltage_v", "1.6 is outside 0..1.5" },
        { "{\"points\":[{\"voltage_v\":-0.1,\"pulse_ns\":1,\"direction\":\"p2ap\"}]}",
          "/points/0/voltage_v", "-0.1 is outside" },
        { "{\"points\":[{\"voltage_v\":1,\"pulse_ns\":0.19,\"direction\":\"p2ap\"}]}",
          "/points/0/pulse_ns", "0.19 is outside 0.2..1e+06" },
        { "{\"points\":[{\"voltage_v\":1,\"pulse_ns\":1000001,\"direction\":\"p2ap\"}]}",
          "/points/0/pulse_ns", "1000001 is outside" },
        { "{\"points\":[{\"voltage_v\":1,\"pulse_ns\":1,\"direction\":\"p2ap\","
          "\"temperature_k\":500}]}",
          "/points/0/temperature_k", "500 is outside 200..450" },
        { "{\"points\":[{\"voltage_v\":\"1\",\"pulse_ns\":1,\"direction\":\"p2ap\"}]}",
          "/points/0/voltage_v", "expected a number, found \"1\"" },
        { "{\"points\":[{\"voltage_v\":1,\"pulse_ns\":1,\"direction\":\"up\"}]}",
          "/points/0/direction", "found \"up\"" },
        { "{\"points\":[{\"voltage_v\":1,\"pulse_ns\":1,\"direction\":0}]}",
          "/points/0/direction", "found 0" },
        { "{\"points\":[{\"voltage_v\":1,\"pulse_ns\":1,\"direction\":\"p2ap\",\"t\":1}]"
          "}",
          "/points/0/t", "unknown member" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct device_points points;
        const char *body = cases[i].body;

        assert_int_not_equal(device_json_parse(body, strlen(body), &points, &problem),
                             ST_OK);
        device_points_done(&points);
        assert_int_equal(problem.status, 422);
        if (strstr(problem.detail, cases[i].words) == NULL)
            fail_msg("%s: \"%s\"", body, problem.detail);
        assert_string_equal(problem.errors[0].pointer, cases[i].pointer);
    }
}

static void broken_json_is_a_400(void **state)
{
    struct device_points points;

    (void)state;
    assert_int_equal(device_json_parse("[1", 2, &points, &problem), ST_FORMAT);
    assert_int_equal(problem.status, 400);
    device_points_done(&points);
}

static void there_is_a_most_of_points(void **state)
{
    static const char point[] = POINT ",";
    const size_t most = POINT_JSON_MAX_DEVICE_POINTS, len = sizeof(point) - 1;
    char *body = malloc((most + 1) * len + 32);

    (void)state;
    assert_non_null(body);
    for (size_t n = most; n <= most + 1; n++) {
        size_t at = (size_t)sprintf(body, "{\"points\":[");
        struct device_points points;

        for (size_t i = 0; i < n; i++, at += len)
            memcpy(body + at, point, len);
        at += (size_t)sprintf(body + at - 1, "]}") - 1;
        enum status st = device_json_parse(body, at, &points, &problem);
        assert_int_equal(st, n == most ? ST_OK : ST_RANGE);
        if (st == ST_OK)
            assert_int_equal(points.n, n);
        else
            assert_non_null(strstr(problem.detail, "found 10001"));
        device_points_done(&points);
    }
    free(body);
}

static void many_violations_fill_the_problem_and_no_more(void **state)
{
    char body[2000] = "{\"points\":[";
    struct device_points points;

    (void)state;
    for (unsigned i = 0; i < 50; i++)
        strcat(body, "{\"voltage_v\":9},");
    strcpy(body + strlen(body) - 1, "]}");
    assert_int_equal(device_json_parse(body, strlen(body), &points, &problem), ST_RANGE);
    assert_int_equal(problem.n_errors, PROBLEM_MAX_ERRORS);
    device_points_done(&points);
}

static void a_failed_allocation_is_a_503(void **state)
{
    static const char body[] = "{\"points\":[" POINT "]}";
    struct device_points points;

    (void)state;
    fault_at(0); /* ours: jansson's are not seen here */
    assert_int_equal(device_json_parse(body, sizeof(body) - 1, &points, &problem),
                     ST_NOMEM);
    fault_off();
    assert_int_equal(problem.status, 503);
    device_points_done(&points);
}

static void results_read_back(void **state)
{
    static const struct device_result results[] = {
        { .error_rate = 1e-9, .ln_error_rate = -20.7, .toggle_pj = 0.25 },
        { .error_rate = 0.0, .ln_error_rate = -123456.75, .toggle_pj = 1.0 / 3.0 },
    };
    struct buf buf = BUF_INIT;

    (void)state;
    device_json_write(&buf, results, 2);
    json_t *root = json_loadb(buf.data, buf.len, 0, NULL);
    for (size_t i = 0; i < 2; i++) {
        const json_t *point = json_array_get(json_object_get(root, "points"), i);
        assert_int_equal(json_object_size(point), 3);
        assert_true(json_number_value(json_object_get(point, "write_error_rate")) ==
                    results[i].error_rate);
        assert_true(json_number_value(json_object_get(point, "ln_write_error_rate")) ==
                    results[i].ln_error_rate);
        assert_true(json_number_value(json_object_get(point, "toggle_energy_pj")) ==
                    results[i].toggle_pj);
    }
    json_decref(root);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_read),
        cmocka_unit_test(the_array_mean_is_left_out_by_default),
        cmocka_unit_test(wrong_values_are_a_422_that_points_at_them),
        cmocka_unit_test(broken_json_is_a_400),
        cmocka_unit_test(there_is_a_most_of_points),
        cmocka_unit_test(many_violations_fill_the_problem_and_no_more),
        cmocka_unit_test(a_failed_allocation_is_a_503),
        cmocka_unit_test(results_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
