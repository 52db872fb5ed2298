/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tally.h"
#include "tests/lib/fault.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t labels[4] = { 7, 1, 2, 3 };

static json_t *answer(int generation, int a, int b)
{
    return json_pack("{s:i, s:[{s:i}, {s:i}], s:{s:i, s:i}, s:{s:f}}", "generation",
                     generation, "results", "class", a, "class", b, "memory", "cells",
                     1000, "wrong_bits", generation, "energy", "total_pj", 5.0);
}

static void add(struct tally *tally, json_t *value)
{
    char why[ERR_LEN];

    assert_int_equal(tally_add(tally, value, labels, 2, 1, why), ST_OK);
    json_decref(value);
}

static void answers_add_up(void **state)
{
    struct tally tally = { 0 };

    (void)state;
    add(&tally, answer(3, 7, 1));
    add(&tally, answer(3, 7, 9));
    add(&tally, answer(3, 0, 0));
    assert_int_equal(tally.n, 6);
    assert_int_equal(tally.correct, 3);
    assert_int_equal(tally.correct_top, 3);
    assert_true(tally.energy_pj == 15.0);
    assert_int_equal(tally.n_generations, 1);
    assert_true(tally.generations[0].cells == 1000.0);
    tally_done(&tally);
}

static void a_label_among_the_best_counts_for_the_top(void **state)
{
    struct tally tally = { 0 };
    char why[ERR_LEN];
    json_t *value =
        json_pack("{s:[{s:i, s:[{s:i}, {s:i}, {s:i}]}, "
                  "{s:i, s:[{s:i}, {s:i}, {s:i}]}]}",
                  "results", "class", 9, "scores", "class", 9, "class", 8, "class", 7,
                  "class", 1, "scores", "class", 1, "class", 7, "class", 8);

    (void)state;
    assert_int_equal(tally_add(&tally, value, labels, 2, 2, why), ST_OK);
    assert_int_equal(tally.correct, 1);
    assert_int_equal(tally.correct_top, 1);
    assert_int_equal(tally_add(&tally, value, labels, 2, 3, why), ST_OK);
    assert_int_equal(tally.correct, 2);
    assert_int_equal(tally.correct_top, 3);
    assert_int_equal(tally_add(&tally, value, labels, 2, 4, why), ST_FORMAT);
    assert_non_null(strstr(why, "4 scores"));
    assert_int_equal(tally.n, 4);
    json_decref(value);
    tally_done(&tally);
}

static void each_generation_is_counted_by_itself(void **state)
{
    struct tally tally = { 0 };
    uint64_t n = 0, correct = 0;

    (void)state;
    for (int i = 0; i < 30; i++)
        add(&tally, answer(i % 10, 7, i % 2));
    assert_int_equal(tally.n_generations, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(tally.generations[i].generation, i);
        assert_int_equal(tally.generations[i].n, 6);
        assert_true(tally.generations[i].wrong_bits == (double)i);
        n += tally.generations[i].n;
        correct += tally.generations[i].correct;
    }
    assert_int_equal(n, tally.n);
    assert_int_equal(correct, tally.correct);
    tally_done(&tally);
}

static void energy_that_was_not_said_is_not_known(void **state)
{
    struct tally tally = { 0 };
    json_t *value = answer(1, 7, 1);

    (void)state;
    json_object_del(value, "energy");
    add(&tally, answer(1, 7, 1));
    add(&tally, value);
    add(&tally, answer(1, 7, 1));
    assert_true(isnan(tally.energy_pj));
    tally_done(&tally);
}

static void an_answer_to_something_else_is_refused_and_not_counted(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "[]",
        "{\"results\":[]}",
        "{\"results\":{}}",
        "{\"results\":[{\"class\":7}]}",
        "{\"results\":[{\"class\":7},{\"class\":1},{\"class\":1}]}",
        "{\"results\":[{\"class\":7},{\"class\":\"1\"}]}",
        "{\"results\":[{\"class\":7},7]}",
    };
    struct tally tally = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        json_t *value = json_loads(wrong[i], 0, NULL);
        char why[ERR_LEN] = "";

        assert_non_null(value);
        assert_int_equal(tally_add(&tally, value, labels, 2, 1, why), ST_FORMAT);
        assert_true(why[0] != '\0');
        assert_int_equal(tally.n, 0);
        json_decref(value);
    }
    char why[ERR_LEN];
    assert_int_equal(tally_add(&tally, NULL, labels, 2, 1, why), ST_FORMAT);
    tally_done(&tally);
}

static void a_failed_allocation_leaves_the_tally_as_it_was(void **state)
{
    struct tally tally = { 0 };
    json_t *value = answer(1, 7, 1);
    char why[ERR_LEN];

    (void)state;
    fault_at(0);
    assert_int_equal(tally_add(&tally, value, labels, 2, 1, why), ST_NOMEM);
    fault_off();
    assert_int_equal(tally.n, 0);
    assert_int_equal(tally.n_generations, 0);
    add(&tally, value);
    assert_int_equal(tally.n, 2);
    tally_done(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_add_up),
        cmocka_unit_test(a_label_among_the_best_counts_for_the_top),
        cmocka_unit_test(each_generation_is_counted_by_itself),
        cmocka_unit_test(energy_that_was_not_said_is_not_known),
        cmocka_unit_test(an_answer_to_something_else_is_refused_and_not_counted),
        cmocka_unit_test(a_failed_allocation_leaves_the_tally_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
