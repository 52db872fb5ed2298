/* SPDX-License-Identifier: Apache-2.0 */
#include "api/job_json.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct problem problem;

static void expect_parsed(const char *body, struct job_request *ret_request)
{
    if (job_json_parse(body, strlen(body), ret_request, &problem) != ST_OK)
        fail_msg("%s: %s", body, problem.detail);
}

static void an_evaluation_as_it_serves_has_no_point(void **state)
{
    struct job_request r;

    (void)state;
    expect_parsed("{\"kind\":\"evaluate\",\"model\":\"mnist\",\"dataset\":\"digits\"}",
                  &r);
    assert_int_equal(r.kind, JOB_EVALUATE);
    assert_string_equal(r.model, "mnist");
    assert_string_equal(r.dataset, "digits");
    assert_string_equal(r.split, "test");
    assert_int_equal(r.limit, 0);
    assert_int_equal(r.n_points, 0);
    assert_int_equal(r.n_seeds, 0);
    job_request_done(&r);

    expect_parsed("{\"kind\":\"evaluate\",\"model\":\"m\",\"dataset\":\"d\",\"split\":"
                  "\"train\",\"limit\":10,\"operating_point\":{},\"seeds\":[3]}",
                  &r);
    assert_string_equal(r.split, "train");
    assert_int_equal(r.limit, 10);
    assert_int_equal(r.n_points, 1);
    assert_string_equal(r.points[0], "{}");
    assert_int_equal(r.seeds[0], 3);
    job_request_done(&r);
}

static void axes_make_every_combination_the_first_slowest(void **state)
{
    static const char *const wanted[] = {
        "{\"mode\":\"iid\",\"bit_error_rate\":0,\"ecc\":\"none\"}",
        "{\"mode\":\"iid\",\"bit_error_rate\":0,\"ecc\":\"bch2\"}",
        "{\"mode\":\"iid\",\"bit_error_rate\":0.001,\"ecc\":\"none\"}",
        "{\"mode\":\"iid\",\"bit_error_rate\":0.001,\"ecc\":\"bch2\"}",
    };
    struct job_request r;

    (void)state;
    expect_parsed("{\"kind\":\"sweep\",\"model\":\"m\",\"operating_point\":{\"mode\":"
                  "\"iid\"},\"axes\":{\"bit_error_rate\":[0,1e-3],\"ecc\":[\"none\","
                  "\"bch2\"]},\"seeds\":[1,2]}",
                  &r);
    assert_int_equal(r.n_points, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(r.points[i], wanted[i]);
    assert_int_equal(r.n_seeds, 2);
    assert_string_equal(r.dataset, "");
    job_request_done(&r);
}

static void points_go_over_the_base_member_by_member(void **state)
{
    struct job_request r;

    (void)state;
    expect_parsed("{\"kind\":\"sweep\",\"model\":\"m\",\"operating_point\":"
                  "{\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":2},\"seed\":5},\"points\":"
                  "[{\"write_voltage_v\":{\"ap2p\":3}},{\"write_voltage_v\":null}]}",
                  &r);
    assert_int_equal(r.n_points, 2);
    assert_string_equal(r.points[0],
                        "{\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":3},\"seed\":5}");
    assert_string_equal(r.points[1], "{\"write_voltage_v\":null,\"seed\":5}");
    job_request_done(&r);
}

static void a_search_has_defaults(void **state)
{
    struct job_request r;

    (void)state;
    expect_parsed("{\"kind\":\"minimise-energy\",\"model\":\"m\",\"dataset\":\"d\"}", &r);
    assert_int_equal(r.n_points, 2);
    assert_string_equal(r.points[0], "{\"ecc\":\"none\"}");
    assert_string_equal(r.points[1], "{\"ecc\":\"secded\"}");
    assert_string_equal(r.reference, "{}");
    assert_true(r.tolerance == 0.005 && r.confidence == 0.95);
    char *aimed = job_json_with_target(r.points[1], 1e-3);
    assert_string_equal(aimed, "{\"ecc\":\"secded\",\"target_write_error_rate\":0.001}");
    free(aimed);
    job_request_done(&r);
}

static void what_was_asked_for_is_kept_as_it_was(void **state)
{
    static const char body[] =
        "{\"kind\":\"sweep\",\"model\":\"m\",\"points\":[{\"a\":[true,false,null]}],"
        "\"seeds\":[9007199254740991],\"limit\":3,\"axes\":{\"b\":[0.1,1e-09,\"\\\"\"]}}";
    struct job_request r;

    (void)state;
    expect_parsed(body, &r);
    assert_string_equal(r.text, body);
    assert_true(r.seeds[0] == (UINT64_C(1) << 53) - 1);
    job_request_done(&r);
}

static void wrong_values_are_told_with_their_place(void **state)
{
#define SWEEP "{\"kind\":\"sweep\",\"model\":\"m\","
    static const struct {
        const char *body, *pointer;
    } cases[] = {
        { "{\"model\":\"m\"}", "/kind" },
        { "{\"kind\":\"train\",\"model\":\"m\"}", "/kind" },
        { "{\"kind\":\"sweep\"}", "/model" },
        { "{\"kind\":\"sweep\",\"model\":\"../m\"}", "/model" },
        { "{\"kind\":\"evaluate\",\"model\":\"m\"}", "/dataset" },
        { "{\"kind\":\"evaluate\",\"model\":\"m\",\"dataset\":\"a/b\"}", "/dataset" },
        { "{\"kind\":\"evaluate\",\"model\":\"m\",\"dataset\":\"d\",\"axes\":{}}",
          "/axes" },
        { "{\"kind\":\"evaluate\",\"model\":\"m\",\"dataset\":\"d\",\"seeds\":[1]}",
          "/seeds" },
        { "{\"kind\":\"minimise-energy\",\"model\":\"m\"}", "/dataset" },
        { "{\"kind\":\"minimise-energy\",\"model\":\"m\",\"dataset\":\"d\","
          "\"tolerance\":0}",
          "/tolerance" },
        { "{\"kind\":\"minimise-energy\",\"model\":\"m\",\"dataset\":\"d\","
          "\"confidence\":1}",
          "/confidence" },
        { "{\"kind\":\"minimise-energy\",\"model\":\"m\",\"dataset\":\"d\","
          "\"reference\":[]}",
          "/reference" },
        { "{\"kind\":\"minimise-energy\",\"model\":\"m\",\"dataset\":\"d\","
          "\"points\":[{},{},{},{},{},{},{},{},{}]}",
          "/points" },
        { SWEEP "\"tolerance\":0.1}", "/tolerance" },
        { SWEEP "\"split\":\"all\"}", "/split" },
        { SWEEP "\"split\":7}", "/split" },
        { SWEEP "\"limit\":0}", "/limit" },
        { SWEEP "\"limit\":1.5}", "/limit" },
        { SWEEP "\"operating_point\":[]}", "/operating_point" },
        { SWEEP "\"points\":[]}", "/points" },
        { SWEEP "\"points\":{}}", "/points" },
        { SWEEP "\"points\":[{},7]}", "/points/1" },
        { SWEEP "\"axes\":[]}", "/axes" },
        { SWEEP "\"axes\":{\"ecc\":\"none\"}}", "/axes/ecc" },
        { SWEEP "\"axes\":{\"ecc\":[]}}", "/axes/ecc" },
        { SWEEP "\"seeds\":[]}", "/seeds" },
        { SWEEP "\"seeds\":[1,-1]}", "/seeds/1" },
        { SWEEP "\"seeds\":[9007199254740992]}", "/seeds/0" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct job_request r;

        problem_set(&problem, 0, "", "%s", "");
        if (job_json_parse(cases[i].body, strlen(cases[i].body), &r, &problem) == ST_OK)
            fail_msg("%s was taken", cases[i].body);
        job_request_done(&r);
        if (problem.status != 422 ||
            strcmp(problem.errors[0].pointer, cases[i].pointer) != 0)
            fail_msg("%s: %u %s %s", cases[i].body, problem.status,
                     problem.errors[0].pointer, problem.detail);
    }
}

/* 32 x 32 combinations are more than a thousand, and so are 11 x 100 trials. */
static void too_many_points_and_trials_are_refused(void **state)
{
    static char body[16384];
    struct job_request r;
    size_t len;

    (void)state;
    for (int with_seeds = 0; with_seeds < 2; with_seeds++) {
        int a = with_seeds ? 11 : 32, b = with_seeds ? 1 : 32;

        len = (size_t)snprintf(body, sizeof(body), SWEEP "\"axes\":{\"a\":[0");
        for (int i = 1; i < a; i++)
            len += (size_t)snprintf(body + len, sizeof(body) - len, ",%d", i);
        len += (size_t)snprintf(body + len, sizeof(body) - len, "],\"b\":[0");
        for (int i = 1; i < b; i++)
            len += (size_t)snprintf(body + len, sizeof(body) - len, ",%d", i);
        len += (size_t)snprintf(body + len, sizeof(body) - len, "]},\"seeds\":[0");
        for (int i = 1; i < (with_seeds ? 100 : 1); i++)
            len += (size_t)snprintf(body + len, sizeof(body) - len, ",%d", i);
        len += (size_t)snprintf(body + len, sizeof(body) - len, "]}");
        assert_int_not_equal(job_json_parse(body, len, &r, &problem), ST_OK);
        job_request_done(&r);
        assert_int_equal(problem.status, 422);
        assert_string_equal(problem.errors[0].pointer, with_seeds ? "/seeds" : "/axes/b");
    }
}

static void a_long_point_is_refused(void **state)
{
    static char body[8192];
    struct job_request r;

    (void)state;
    int len = snprintf(body, sizeof(body), SWEEP "\"operating_point\":{\"a\":\"%0*d\"}}",
                       JOB_JSON_MAX_POINT, 0);
    assert_int_not_equal(job_json_parse(body, (size_t)len, &r, &problem), ST_OK);
    job_request_done(&r);
    assert_int_equal(problem.status, 422);
}

static void without_memory_nothing_leaks(void **state)
{
    static const char body[] =
        SWEEP "\"points\":[{\"a\":1},{\"b\":2}],\"axes\":{\"c\":[1,2]},\"seeds\":[1]}";
    struct job_request r;
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = job_json_parse(body, sizeof(body) - 1, &r, &problem);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && problem.status == 503));
        if (st != ST_OK)
            job_request_done(&r);
    }
    assert_int_equal(r.n_points, 4);
    job_request_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_evaluation_as_it_serves_has_no_point),
        cmocka_unit_test(axes_make_every_combination_the_first_slowest),
        cmocka_unit_test(points_go_over_the_base_member_by_member),
        cmocka_unit_test(a_search_has_defaults),
        cmocka_unit_test(what_was_asked_for_is_kept_as_it_was),
        cmocka_unit_test(wrong_values_are_told_with_their_place),
        cmocka_unit_test(too_many_points_and_trials_are_refused),
        cmocka_unit_test(a_long_point_is_refused),
        cmocka_unit_test(without_memory_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
