/* SPDX-License-Identifier: Apache-2.0 */
#include "api/state_json.h"

#include "tests/lib/fault.h"
#include "tests/lib/json_at.h"

static const struct mram_state plain = {
    .weights = 1000,
    .cells = 1000,
    .errors = { 3, 2 },
    .stuck = 2,
    .stuck_errors = 1,
    .equal_pairs = 7,
    .wrong = { 2, 3 },
};
static const struct mram_state coded = {
    .weights = 640,
    .cells = 1440,
    .errors = { 4, 5 },
    .words = 10,
    .corrected = 4,
    .detected = 1,
    .miscorrected = 2,
    .wrong = { 0, 4 },
};

static void a_state_tells_weights_from_cells(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    state_json_write(&buf, "", &coded, true);
    json_t *root = json_of(&buf);
    expect_number(root, "weights", 640);
    expect_number(root, "cells", 1440);
    expect_number(root, "wrong_bits", 4);
    expect_number(root, "bit_error_rate", 0.00625);
    expect_number(root, "wrong/minus_to_plus", 0);
    expect_number(root, "wrong/plus_to_minus", 4);
    expect_number(root, "cell_errors", 9);
    expect_number(root, "cell_error_rate", 0.00625);
    expect_counts(root, "errors", 4, 5);
    expect_number(root, "equal_pairs", 0);
    expect_size(root, "code", 4);
    json_decref(root);
}

static void what_there_is_not_is_null(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    state_json_write(&buf, "", &plain, false);
    json_t *root = json_of(&buf);
    expect_null(root, "equal_pairs");
    expect_null(root, "code");
    json_decref(root);
}

static void nothing_at_all_has_no_errors(void **state)
{
    static const struct mram_state nothing;
    struct buf buf = BUF_INIT;

    (void)state;
    state_json_write(&buf, "", &nothing, false);
    json_t *root = json_of(&buf);
    expect_number(root, "bit_error_rate", 0);
    expect_number(root, "cell_error_rate", 0);
    json_decref(root);
}

static void an_outcome_adds_what_was_done(void **state)
{
    static const struct mram_result result = {
        .toggles = { 1, 2 },
        .holds = { 3, 4 },
        .failures = 5,
        .retries = 6,
        .energy = { 1.0004, 2.0, 3.0, 4.0, 5.0 },
    };
    struct buf buf = BUF_INIT;

    (void)state;
    buf_char(&buf, '{');
    state_json_outcome(&buf, &plain, &result, false, true);
    buf_char(&buf, '}');
    json_t *root = json_of(&buf);
    expect_number(root, "energy_pj", 15);
    expect_number(root, "energy/toggle_pj", 1); /* a femtojoule is enough */
    expect_number(root, "energy/hold_pj", 2);
    expect_number(root, "energy/check_pj", 3);
    expect_number(root, "energy/encode_pj", 4);
    expect_number(root, "energy/verify_pj", 5);
    expect_counts(root, "toggles", 1, 2);
    expect_counts(root, "holds", 3, 4);
    expect_number(root, "failures", 5);
    expect_number(root, "retries", 6);
    json_decref(root);

    buf_char(&buf, '{');
    state_json_outcome(&buf, &plain, &result, false, false);
    buf_char(&buf, '}');
    root = json_of(&buf);
    expect_null(root, "energy_pj");
    expect_null(root, "energy");
    json_decref(root);
}

static void times_end_where_calendars_do(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    state_json_time(&buf, "{\"a\":", 0);
    state_json_time(&buf, ",\"b\":", INT64_MAX);
    state_json_time(&buf, ",\"c\":", -1);
    buf_char(&buf, '}');
    json_t *root = json_of(&buf);
    expect_text(root, "a", "1970-01-01T00:00:00Z");
    expect_null(root, "b");
    expect_text(root, "c", "1969-12-31T23:59:59Z");
    json_decref(root);
}

static void a_failed_allocation_is_seen_at_the_end(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    fault_at(0);
    state_json_write(&buf, "", &plain, false);
    assert_true(fault_off());
    assert_true(buf.failed);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_tells_weights_from_cells),
        cmocka_unit_test(what_there_is_not_is_null),
        cmocka_unit_test(nothing_at_all_has_no_errors),
        cmocka_unit_test(an_outcome_adds_what_was_done),
        cmocka_unit_test(times_end_where_calendars_do),
        cmocka_unit_test(a_failed_allocation_is_seen_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
