/* SPDX-License-Identifier: Apache-2.0 */
#include "api/point_json.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char first_name[] = "first";
static char last_name[] = "la\"st";
static struct network_layer layers[] = { { .name = first_name }, { .name = last_name } };
static const struct network net = { .n_layers = 2, .layers = layers };
static const struct mram_result results[] = {
    { .cells = 1000,
      .toggles = { 300, 200 },
      .holds = { 250, 250 },
      .errors = { 3, 2 },
      .energy_pj = 100.5 },
    { .cells = 3000,
      .toggles = { 30, 20 },
      .holds = { 1450, 1500 },
      .errors = { 0, 5 },
      .energy_pj = 200.25 },
};
static const struct operating_point_resolved resolved = {
    .pulse = { .voltage_v = { 0.61, 0.47 }, .pulse_s = 5.5e-9, .temperature_k = 300.0 },
    .mean = { { .error_rate = 1e-4 }, { .error_rate = 3e-4 } },
};

static struct point_view view_of(const struct operating_point *op)
{
    return (struct point_view) {
        .model = "mnist",
        .op = op,
        .resolved = &resolved,
        .forecast = { .wrong_bits = 8.0, .energy_pj = 301.125 },
        .net = &net,
        .results = results,
        .generation = 12,
        .programmed_at_s = 1700000000,
        .durable = true,
    };
}

static json_t *written(const struct point_view *view)
{
    struct buf buf = BUF_INIT;

    point_json_write(&buf, view);
    assert_false(buf.failed);
    json_t *root = json_loadb(buf.data, buf.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    buf_free(&buf);
    return root;
}

/* Member by a path such as "result/errors/p2ap"; list indexes are digits. */
static json_t *at(json_t *root, const char *path)
{
    char copy[100], *rest = NULL;

    strcpy(copy, path);
    for (char *step = strtok_r(copy, "/", &rest); step != NULL;
         step = strtok_r(NULL, "/", &rest)) {
        root = json_is_array(root) ? json_array_get(root, (size_t)atoi(step))
                                   : json_object_get(root, step);
        if (root == NULL)
            fail_msg("%s: no %s", path, step);
    }
    return root;
}

static void expect_number(json_t *root, const char *path, double expected)
{
    const json_t *value = at(root, path);

    if (!json_is_number(value) || fabs(json_number_value(value) - expected) > 1e-12)
        fail_msg("%s: %g, expected %g", path, json_number_value(value), expected);
}

static void expect_null(json_t *root, const char *path)
{
    if (!json_is_null(at(root, path)))
        fail_msg("%s: not null", path);
}

static void expect_text(json_t *root, const char *path, const char *expected)
{
    assert_string_equal(json_string_value(at(root, path)), expected);
}

static void expect_counts(json_t *root, const char *path, double p2ap, double ap2p)
{
    expect_number(at(root, path), "p2ap", p2ap);
    expect_number(at(root, path), "ap2p", ap2p);
}

static void a_target_shows_what_was_solved(void **state)
{
    struct operating_point op = operating_point_default();
    struct point_view view = view_of(&op);

    (void)state;
    op.seed = 9007199254740991;
    json_t *root = written(&view);
    expect_text(root, "model", "mnist");
    expect_number(root, "generation", 12);
    expect_text(root, "mode", "device");
    expect_text(root, "program_over", "present");
    expect_null(root, "bit_error_rate");
    expect_counts(root, "write_voltage_v", 0.61, 0.47);
    expect_number(root, "pulse_ns", 5.5);
    expect_number(root, "target_write_error_rate", 1e-9);
    expect_number(root, "temperature_k", 300);
    assert_true(json_integer_value(at(root, "seed")) == 9007199254740991);
    assert_int_equal(json_array_size(at(root, "solved")), 2);
    expect_text(root, "solved/0", "write_voltage_v");
    expect_text(root, "solved/1", "pulse_ns");
    expect_text(root, "programmed_at", "2023-11-14T22:13:20Z");
    assert_true(json_is_true(at(root, "durable")));
    json_decref(root);

    op.has_pulse = true;
    op.pulse_ns = 4.0;
    root = written(&view);
    assert_int_equal(json_array_size(at(root, "solved")), 1);
    expect_number(root, "pulse_ns", 4.0);
    json_decref(root);
}

static void prediction_and_outcome_stand_side_by_side(void **state)
{
    struct operating_point op = operating_point_default();
    struct point_view view = view_of(&op);
    json_t *root = written(&view);

    (void)state;
    expect_number(root, "predicted/write_error_rate", 2e-4);
    expect_counts(root, "predicted/write_error_rate_by_direction", 1e-4, 3e-4);
    expect_number(root, "predicted/stored_bit_error_rate", 0.002);
    expect_number(root, "predicted/wrong_bits", 8);
    expect_number(root, "predicted/energy_pj", 301.125);
    expect_number(root, "result/wrong_bits", 10);
    expect_number(root, "result/cells", 4000);
    expect_number(root, "result/bit_error_rate", 0.0025);
    expect_number(root, "result/energy_pj", 300.75);
    expect_counts(root, "result/errors", 3, 7);
    expect_counts(root, "result/toggles", 330, 220);
    expect_counts(root, "result/holds", 1700, 1750);
    expect_number(root, "result/generation", 12);
    assert_int_equal(json_array_size(at(root, "result/layers")), 2);
    expect_text(root, "result/layers/0/name", "first");
    expect_number(root, "result/layers/0/wrong_bits", 5);
    expect_number(root, "result/layers/0/energy_pj", 100.5);
    expect_counts(root, "result/layers/0/errors", 3, 2);
    expect_text(root, "result/layers/1/name", "la\"st");
    expect_number(root, "result/layers/1/cells", 3000);
    expect_counts(root, "result/layers/1/toggles", 30, 20);
    json_decref(root);
}

static void given_voltages_are_shown_as_given(void **state)
{
    struct operating_point op = operating_point_default();
    struct point_view view = view_of(&op);

    (void)state;
    op.has_target = false;
    op.has_pulse = true;
    op.pulse_ns = 0.3; /* through seconds and back it would be 0.30000000000000004 */
    op.voltage_v[MTJ_P2AP] = 0.1;
    op.voltage_v[MTJ_AP2P] = 0.2;
    json_t *root = written(&view);
    expect_null(root, "target_write_error_rate");
    assert_true(json_number_value(at(root, "pulse_ns")) == 0.3);
    expect_counts(root, "write_voltage_v", 0.1, 0.2);
    assert_int_equal(json_array_size(at(root, "solved")), 0);
    json_decref(root);
}

static void what_does_not_apply_to_iid_is_null(void **state)
{
    struct operating_point op = operating_point_default();
    struct point_view view = view_of(&op);

    (void)state;
    op.mode = MRAM_IID;
    op.bit_error_rate = 0.001;
    view.durable = false;
    json_t *root = written(&view);
    expect_text(root, "mode", "iid");
    expect_number(root, "bit_error_rate", 0.001);
    expect_null(root, "program_over");
    expect_null(root, "write_voltage_v");
    expect_null(root, "pulse_ns");
    expect_null(root, "target_write_error_rate");
    expect_null(root, "predicted/write_error_rate");
    expect_null(root, "predicted/write_error_rate_by_direction");
    expect_number(root, "predicted/stored_bit_error_rate", 0.001);
    expect_null(root, "predicted/energy_pj");
    expect_null(root, "result/energy_pj");
    expect_null(root, "result/layers/1/energy_pj");
    expect_number(root, "result/wrong_bits", 10);
    assert_int_equal(json_array_size(at(root, "solved")), 0);
    assert_true(json_is_false(at(root, "durable")));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_shows_what_was_solved),
        cmocka_unit_test(prediction_and_outcome_stand_side_by_side),
        cmocka_unit_test(given_voltages_are_shown_as_given),
        cmocka_unit_test(what_does_not_apply_to_iid_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
