/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *written(const struct problem *problem, bool v2)
{
    struct buf body = BUF_INIT;
    json_error_t error;

    problem_write(problem, "0123456789abcdef", v2, &body);
    assert_false(body.failed);
    json_t *json = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(json);
    buf_free(&body);
    return json;
}

static const char *member(json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static void a_problem_has_the_members_of_rfc_9457_and_ours(void **state)
{
    struct problem problem;

    (void)state;
    problem_set(&problem, 429, "queue_full", "%d requests wait", 128);
    problem.retry_after_s = 3;
    json_t *json = written(&problem, false);
    assert_string_equal(member(json, "type"), "about:blank");
    assert_string_equal(member(json, "title"), "Too Many Requests");
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 429);
    assert_string_equal(member(json, "detail"), "128 requests wait");
    assert_string_equal(member(json, "error"), "128 requests wait");
    assert_string_equal(member(json, "instance"), "0123456789abcdef");
    assert_string_equal(member(json, "code"), "queue_full");
    assert_int_equal(json_integer_value(json_object_get(json, "retry_after_seconds")), 3);
    assert_null(json_object_get(json, "errors"));
    json_decref(json);
}

static void under_v2_there_is_only_the_error(void **state)
{
    struct problem problem;

    (void)state;
    problem_set(&problem, 404, "not_found", "no model \"%s\"", "m\x01\xff");
    json_t *json = written(&problem, true);
    assert_int_equal(json_object_size(json), 1);
    assert_string_equal(member(json, "error"), "no model \"m\x01\xef\xbf\xbd\"");
    json_decref(json);
}

static void all_violations_are_listed_up_to_the_limit(void **state)
{
    struct problem problem;

    (void)state;
    problem_set(&problem, 422, "invalid_value", "%s", "");
    for (int i = 0; i < PROBLEM_MAX_ERRORS + 5; i++)
        problem_add(&problem, "/a/b", "value %d is below 0", -i);
    assert_int_equal(problem.n_errors, PROBLEM_MAX_ERRORS);
    json_t *json = written(&problem, false);
    json_t *errors = json_object_get(json, "errors");
    assert_int_equal(json_array_size(errors), PROBLEM_MAX_ERRORS);
    assert_string_equal(member(json_array_get(errors, 2), "detail"),
                        "value -2 is below 0");
    assert_string_equal(member(json_array_get(errors, 2), "pointer"), "/a/b");
    assert_string_equal(member(json, "detail"), "value 0 is below 0");
    json_decref(json);
}

static void a_given_detail_is_kept_when_violations_follow(void **state)
{
    struct problem problem;

    (void)state;
    problem_set(&problem, 422, "invalid_value", "two members are wrong");
    problem_add(&problem, "/x", "one");
    assert_string_equal(problem.detail, "two members are wrong");
}

static void setting_a_problem_again_forgets_the_last_one(void **state)
{
    struct problem problem;

    (void)state;
    problem_set(&problem, 422, "invalid_value", "x");
    problem_add(&problem, "/x", "one");
    problem.retry_after_s = 9;
    problem_set(&problem, 400, "invalid_json", "y");
    assert_int_equal(problem.n_errors, 0);
    assert_int_equal(problem.retry_after_s, 0);
    assert_int_equal(problem.status, 400);
}

static void long_details_are_cut_between_characters(void **state)
{
    char text[600];
    struct problem problem;

    (void)state;
    for (size_t ascii = 0; ascii < 4; ascii++) {
        memset(text, 'a', ascii);
        for (size_t i = ascii; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xf0\x9f\xa7\xb2", 5);
        problem_set(&problem, 400, "invalid_json", "%s", text);
        size_t len = strlen(problem.detail);
        assert_in_range(len, ERR_LEN - 4, ERR_LEN - 1);
        assert_int_equal((len - ascii) % 4, 0);
        problem_add(&problem, text, "%s", text);
        json_t *json = written(&problem, false);
        assert_null(strstr(member(json, "detail"), "\xef\xbf\xbd"));
        json_decref(json);
    }
    memset(text, 'b', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    problem_set(&problem, 400, "invalid_json", "%s", text);
    assert_int_equal(strlen(problem.detail), ERR_LEN - 1);
}

static void every_status_has_a_title(void **state)
{
    (void)state;
    for (unsigned status = 400; status < 600; status++) {
        struct problem problem;
        problem_set(&problem, status, "c", "d");
        json_t *json = written(&problem, false);
        assert_true(strlen(member(json, "title")) > 3);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_has_the_members_of_rfc_9457_and_ours),
        cmocka_unit_test(under_v2_there_is_only_the_error),
        cmocka_unit_test(all_violations_are_listed_up_to_the_limit),
        cmocka_unit_test(a_given_detail_is_kept_when_violations_follow),
        cmocka_unit_test(setting_a_problem_again_forgets_the_last_one),
        cmocka_unit_test(long_details_are_cut_between_characters),
        cmocka_unit_test(every_status_has_a_title),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
