/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/feedback.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Ids as http.h makes them: the data thread on top. */
#define ID(thread, n) ((uint64_t)(thread) << 56 | (uint64_t)(n))

static int make_memory(void **state)
{
    return feedback_memory_new(2, (struct feedback_memory **)state) == ST_OK ? 0 : -1;
}

static int free_memory(void **state)
{
    feedback_memory_free(*state);
    return 0;
}

static void note_one(struct feedback_memory *memory, uint64_t id, uint32_t class_index)
{
    const int32_t unlabelled = -1;

    feedback_note(memory, id, 3, 8, &class_index, &unlabelled, 1);
}

#define GONE 6 /* a model that is served no more */

static size_t n_classes_of(void *ctx, uint32_t model)
{
    (void)ctx;
    return model == GONE ? 0 : 10;
}

static enum status match(struct feedback_memory *memory, uint64_t id,
                         const uint32_t *labels, size_t n,
                         struct feedback_match *ret_match)
{
    char why[ERR_LEN] = "";
    enum status st =
        feedback_match(memory, id, labels, n, n_classes_of, NULL, ret_match, why);

    assert_int_equal(why[0] != '\0', st == ST_CONFLICT || st == ST_RANGE);
    return st;
}

static enum status match_one(struct feedback_memory *memory, uint64_t id, uint32_t label)
{
    struct feedback_match found;

    return match(memory, id, &label, 1, &found);
}

static void a_late_label_meets_its_answer(void **state)
{
    const uint32_t classes[] = { 1, 2, 3, 4 }, labels[] = { 1, 0, 3, 0 };
    const int32_t none[] = { -1, -1, -1, -1 };
    struct feedback_match found;

    feedback_note(*state, ID(1, 77), 5, 1234, classes, none, 4);
    assert_int_equal(match(*state, ID(1, 77), labels, 4, &found), ST_OK);
    assert_int_equal(found.model, 5);
    assert_int_equal(found.generation, 1234);
    assert_int_equal(found.labelled, 4);
    assert_int_equal(found.correct, 2);
}

static void an_answer_is_labelled_once(void **state)
{
    note_one(*state, ID(0, 5), 7);
    assert_int_equal(match_one(*state, ID(0, 5), 7), ST_OK);
    assert_int_equal(match_one(*state, ID(0, 5), 7), ST_CONFLICT);
    assert_int_equal(match_one(*state, ID(0, 5), 1), ST_CONFLICT);
}

static void labels_that_came_with_the_request_are_not_counted_again(void **state)
{
    const uint32_t classes[] = { 1, 2 };
    const int32_t labels[] = { -1, 2 };
    struct feedback_match found;

    feedback_note(*state, ID(0, 6), 0, 1, classes, labels, 2);
    assert_int_equal(match(*state, ID(0, 6), classes, 2, &found), ST_CONFLICT);
}

static void another_number_of_labels_matches_nothing(void **state)
{
    const uint32_t classes[] = { 1, 2, 3 };
    const int32_t none[] = { -1, -1, -1 };
    struct feedback_match found;

    feedback_note(*state, ID(0, 9), 0, 1, classes, none, 2);
    assert_int_equal(match(*state, ID(0, 9), classes, 1, &found), ST_RANGE);
    assert_int_equal(match(*state, ID(0, 9), classes, 3, &found), ST_RANGE);
    /* And takes nothing away. */
    assert_int_equal(match(*state, ID(0, 9), classes, 2, &found), ST_OK);
}

static void a_label_that_is_no_class_is_refused_and_may_be_mended(void **state)
{
    note_one(*state, ID(0, 5), 7);
    assert_int_equal(match_one(*state, ID(0, 5), 10), ST_RANGE);
    assert_int_equal(match_one(*state, ID(0, 5), UINT32_MAX), ST_RANGE);
    assert_int_equal(match_one(*state, ID(0, 5), 9), ST_OK);
}

static void ids_that_were_never_given_out_match_nothing(void **state)
{
    assert_int_equal(match_one(*state, 0, 0), ST_NOT_FOUND);
    note_one(*state, ID(0, 100), 0);
    assert_int_equal(match_one(*state, 0, 0), ST_NOT_FOUND);
    assert_int_equal(match_one(*state, ID(0, 101), 0), ST_NOT_FOUND);
    assert_int_equal(match_one(*state, ID(1, 100), 0), ST_NOT_FOUND);
    assert_int_equal(match_one(*state, ID(2, 100), 0), ST_NOT_FOUND);
    assert_int_equal(match_one(*state, UINT64_MAX, 0), ST_NOT_FOUND);
    /* The same place in the table. */
    assert_int_equal(match_one(*state, ID(0, 100 + FEEDBACK_ANSWERS), 0), ST_NOT_FOUND);
}

static void the_last_answers_are_remembered_and_no_more(void **state)
{
    for (uint64_t i = 0; i <= FEEDBACK_ANSWERS; i++)
        note_one(*state, ID(0, i), (uint32_t)(i % 10));
    assert_int_equal(match_one(*state, ID(0, 0), 0), ST_NOT_FOUND);
    for (uint64_t i = 1; i <= FEEDBACK_ANSWERS; i++)
        assert_int_equal(match_one(*state, ID(0, i), 0), ST_OK);
    /* The other thread's answers are apart. */
    note_one(*state, ID(1, 0), 1);
    for (uint64_t i = 0; i < 3; i++)
        note_one(*state, ID(0, FEEDBACK_ANSWERS + 1 + i), 1);
    assert_int_equal(match_one(*state, ID(1, 0), 1), ST_OK);
}

static void a_request_is_forgotten_with_its_first_picture(void **state)
{
    enum { N = 1024 };
    static uint32_t classes[N];
    static int32_t none[N];
    struct feedback_match found;

    for (size_t i = 0; i < N; i++)
        none[i] = -1;
    feedback_note(*state, ID(0, 1), 0, 1, classes, none, N);
    feedback_note(*state, ID(0, 2), 0, 1, classes, none, N);
    for (uint64_t i = 0; i < FEEDBACK_ANSWERS - 2 * N + 1; i++)
        note_one(*state, ID(0, 3 + i), 0);
    assert_int_equal(match(*state, ID(0, 1), classes, N, &found), ST_NOT_FOUND);
    assert_int_equal(match(*state, ID(0, 2), classes, N, &found), ST_OK);
    assert_int_equal(found.labelled, N);
    assert_int_equal(found.correct, N);
}

static void memory_that_is_not_there_is_told(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct feedback_memory *memory = NULL;

        fault_at(nth);
        st = feedback_memory_new(3, &memory);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && memory == NULL));
        feedback_memory_free(memory);
    }
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make_memory, free_memory)
    const struct CMUnitTest tests[] = {
        FRESH(a_late_label_meets_its_answer),
        FRESH(an_answer_is_labelled_once),
        FRESH(labels_that_came_with_the_request_are_not_counted_again),
        FRESH(another_number_of_labels_matches_nothing),
        FRESH(a_label_that_is_no_class_is_refused_and_may_be_mended),
        FRESH(ids_that_were_never_given_out_match_nothing),
        FRESH(the_last_answers_are_remembered_and_no_more),
        FRESH(a_request_is_forgotten_with_its_first_picture),
        cmocka_unit_test(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
