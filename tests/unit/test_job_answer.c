/* SPDX-License-Identifier: Apache-2.0 */
#include "api/job_json.h"

#include "tests/lib/json_at.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static char request_text[] = "{\"kind\":\"sweep\"}";
static char point_text[] = "{\"mode\":\"iid\"}";

static const struct job_head head = {
    .id = 12,
    .kind = JOB_SWEEP,
    .state = JOB_RUNNING,
    .model = "mnist",
    .request = request_text,
    .created_s = 1700000000,
    .done = 3,
    .total = 9,
};

/* Three of one point, then one as it serves. */
static struct job_trial list[] = {
    { .point = 0,
      .operating_point = point_text,
      .seed = 1,
      .write_error_rate = 0.25,
      .weights = 100,
      .cells = 100,
      .wrong_bits = 10,
      .images = 20,
      .correct = 10,
      .correct_top = 20 },
    { .point = 0,
      .operating_point = point_text,
      .seed = 2,
      .write_error_rate = 0.25,
      .weights = 100,
      .cells = 100,
      .wrong_bits = 20,
      .images = 20,
      .correct = 12,
      .correct_top = 20 },
    { .point = 0,
      .operating_point = point_text,
      .seed = 3,
      .write_error_rate = 0.25,
      .weights = 100,
      .cells = 100,
      .wrong_bits = 30,
      .images = 20,
      .correct = 14,
      .correct_top = 20 },
    { .point = 1,
      .seed = 4,
      .generation = 6,
      .weights = 100,
      .cells = 200,
      .predicted_wrong_bits = 1.5,
      .has_energy = true,
      .predicted_energy_pj = 7.5,
      .energy_pj = 8 },
};
static const struct job_trials trials = { 4, list };

static double number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    assert_non_null(value);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static void a_job_that_runs_says_how_far_it_is(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    job_json_write(&buf, &head, true);
    json_t *json = json_of(&buf);
    assert_int_equal(number(json, "id"), 12);
    assert_string_equal(json_string_value(json_object_get(json, "kind")), "sweep");
    assert_string_equal(json_string_value(json_object_get(json, "state")), "running");
    assert_int_equal(number(json, "done"), 3);
    assert_int_equal(number(json, "total"), 9);
    assert_string_equal(json_string_value(json_object_get(json, "created_at")),
                        "2023-11-14T22:13:20Z");
    assert_true(json_is_null(json_object_get(json, "started_at")));
    assert_true(json_is_null(json_object_get(json, "error")));
    assert_true(json_is_null(json_object_get(json, "summary")));
    assert_true(json_is_object(json_object_get(json, "request")));
    json_decref(json);

    job_json_write(&buf, &head, false);
    json = json_of(&buf);
    assert_null(json_object_get(json, "request"));
    json_decref(json);

    job_json_event(&buf, &head);
    json = json_of(&buf);
    assert_int_equal(json_object_size(json), 6);
    json_decref(json);
}

static void trials_of_a_point_have_a_mean_and_its_error(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    job_json_results(&buf, &head, &trials);
    json_t *json = json_of(&buf), *points = json_object_get(json, "points");
    assert_int_equal(json_array_size(points), 2);
    const json_t *first = json_array_get(points, 0), *last = json_array_get(points, 1);
    const json_t *mean = json_object_get(first, "mean"),
                 *error = json_object_get(first, "standard_error");

    assert_int_equal(json_array_size(json_object_get(first, "trials")), 3);
    assert_true(json_is_object(json_object_get(first, "operating_point")));
    assert_true(number(mean, "wrong_bits") == 20.0);
    assert_true(fabs(number(mean, "bit_error_rate") - 0.2) < 1e-12);
    assert_true(fabs(number(mean, "accuracy") - 0.6) < 1e-12);
    assert_true(number(mean, "accuracy_top5") == 1.0);
    assert_true(isnan(number(mean, "energy_pj")));
    assert_true(fabs(number(error, "wrong_bits") - 10.0 / sqrt(3.0)) < 1e-9);
    assert_true(fabs(number(error, "accuracy") - 0.1 / sqrt(3.0)) < 1e-9);
    const json_t *interval = json_object_get(first, "accuracy_interval");
    assert_true(number(interval, "low") < 0.6 && number(interval, "high") > 0.6);

    assert_true(json_is_null(json_object_get(last, "operating_point")));
    assert_true(json_is_null(json_object_get(last, "accuracy_interval")));
    assert_true(isnan(number(json_object_get(last, "standard_error"), "wrong_bits")));
    const json_t *trial = json_array_get(json_object_get(last, "trials"), 0);
    assert_int_equal(number(trial, "generation"), 6);
    assert_true(number(trial, "energy_pj") == 8.0);
    assert_true(isnan(number(trial, "accuracy")));
    assert_true(isnan(number(trial, "correct")));
    json_decref(json);
}

static void a_table_has_a_line_for_each_trial(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    job_json_csv(&buf, &head, &trials);
    buf_char(&buf, '\0');
    char *line = strstr(buf.data, "\r\n");
    assert_non_null(line);
    assert_memory_equal(buf.data, "job,point,operating_point,seed,", 31);
    line += 2;
    static const char first[] =
        "12,0,\"{\"\"mode\"\":\"\"iid\"\"}\",1,,0.25,100,100,0,10,"
        "0.1,,,20,10,0.5,20,1\r\n";
    assert_memory_equal(line, first, sizeof(first) - 1);
    static const char last[] = "12,1,,4,6,0,100,200,1.5,0,0,7.500,8.000,0,,,,\r\n";
    assert_string_equal(strstr(line, "12,1,"), last);
    buf_free(&buf);
}

static void the_cheapest_candidate_is_the_best(void **state)
{
    char a[] = "{\"ecc\":\"none\"}", b[] = "{\"ecc\":\"secded\"}";
    const struct job_search search = {
        .images = 100,
        .error_free_correct = 90,
        .tolerance = 0.01,
        .confidence = 0.95,
        .reference = "{}",
        .reference_energy_pj = 10.0,
        .n_candidates = 3,
        .candidates = { { .found = true,
                          .point = 4,
                          .operating_point = a,
                          .energy_pj = 5.0,
                          .accuracy = 0.9,
                          .accuracy_low = 0.89 },
                        { .found = true,
                          .point = 7,
                          .operating_point = b,
                          .energy_pj = 4.0,
                          .accuracy = 0.9,
                          .accuracy_low = 0.89 },
                        { .found = false, .operating_point = a } },
    };
    struct buf buf = BUF_INIT;

    (void)state;
    job_json_search(&buf, &search);
    json_t *json = json_of(&buf), *best = json_object_get(json, "best");
    assert_int_equal(number(best, "point"), 7);
    assert_true(fabs(number(best, "relative_energy") - 0.4) < 1e-12);
    assert_true(fabs(number(json, "error_free_accuracy") - 0.9) < 1e-12);
    const json_t *none = json_array_get(json_object_get(json, "candidates"), 2);
    assert_true(isnan(number(none, "energy_pj")));
    assert_true(json_is_null(json_object_get(none, "point")));
    json_decref(json);
}

static void without_a_candidate_there_is_no_best(void **state)
{
    const struct job_search search = { .images = 1, .reference = "{}" };
    struct buf buf = BUF_INIT;

    (void)state;
    job_json_search(&buf, &search);
    json_t *json = json_of(&buf);
    assert_true(json_is_null(json_object_get(json, "best")));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_that_runs_says_how_far_it_is),
        cmocka_unit_test(trials_of_a_point_have_a_mean_and_its_error),
        cmocka_unit_test(a_table_has_a_line_for_each_trial),
        cmocka_unit_test(the_cheapest_candidate_is_the_best),
        cmocka_unit_test(without_a_candidate_there_is_no_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
