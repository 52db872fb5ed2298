/* SPDX-License-Identifier: Apache-2.0 */
#include "api/point_json.h"

#include "tests/lib/json_at.h"

static char first_name[] = "first";
static char last_name[] = "la\"st";
static struct network_layer layers[] = { { .name = first_name }, { .name = last_name } };
static const struct network net = { .n_layers = 2, .layers = layers, .version = 17 };
static const struct mram_result results[] = {
    { .toggles = { 300, 200 },
      .holds = { 250, 250 },
      .failures = 5,
      .retries = 6,
      .energy = { .toggle_pj = 60.25, .hold_pj = 40.25 } },
    { .toggles = { 30, 20 },
      .holds = { 1450, 1500 },
      .energy = { .toggle_pj = 100.0,
                  .hold_pj = 50.0,
                  .check_pj = 40.0,
                  .encode_pj = 10.0,
                  .verify_pj = 0.25 } },
};
static const struct mram_state states[] = {
    { .weights = 1000, .cells = 1000, .errors = { 3, 2 }, .wrong = { 3, 2 } },
    { .weights = 3000,
      .cells = 7000,
      .errors = { 0, 35 },
      .stuck = 4,
      .stuck_errors = 1,
      .equal_pairs = 9,
      .words = 47,
      .corrected = 20,
      .detected = 2,
      .miscorrected = 1,
      .wrong = { 1, 4 } },
};
static const struct mram_forecast forecasts[] = {
    { .errors = 4.0, .wrong_bits = 4.0, .energy = { .toggle_pj = 100.0 } },
    { .errors = 36.0, .wrong_bits = 4.0, .energy = { .hold_pj = 201.125 } },
};
static const struct operating_point_resolved resolved[] = {
    {
        .pulse = { .voltage_v = { 0.61, 0.47 }, .pulse_s = 5.5e-9 },
        .mean = { { .error_rate = 1e-4 }, { .error_rate = 3e-4 } },
    },
    {
        .pulse = { .voltage_v = { 0.71, 0.57 }, .pulse_s = 6.5e-9 },
        .mean = { { .error_rate = 9e-4 }, { .error_rate = 11e-4 } },
        .remark = "400 K is \"outside\" of what was measured",
    },
};
static const struct operating_point_resolved *const resolved_list[] = { &resolved[0],
                                                                        &resolved[1] };

static struct operating_points points;
static struct device device;

static int set_up(void **state)
{
    (void)state;
    points = operating_points_default(2);
    device_done(&device);
    device = device_default();
    return 0;
}

static struct point_view view(void)
{
    return (struct point_view) {
        .model = "mnist",
        .net = &net,
        .device = &device,
        .points = &points,
        .resolved = resolved_list,
        .forecasts = forecasts,
        .results = results,
        .states = states,
        .layer = POINT_JSON_BASE,
        .generation = 12,
        .cause = MRAM_AGED,
        .changed_at_s = 1700000060,
        .programmed_at_s = 1700000000,
        .age_s = 3600.5,
        .durable = true,
    };
}

static json_t *written(const struct point_view *of)
{
    struct buf buf = BUF_INIT;

    point_json_write(&buf, of);
    return json_of(&buf);
}

static json_t *written_now(void)
{
    struct point_view of = view();

    return written(&of);
}

static json_t *written_layer(size_t layer)
{
    struct point_view of = view();

    of.layer = layer;
    return written(&of);
}

static void a_target_shows_what_was_solved(void **state)
{
    (void)state;
    points.base.seed = 9007199254740991;
    json_t *root = written_now();
    expect_text(root, "model", "mnist");
    expect_text(root, "version", "17");
    expect_number(root, "generation", 12);
    expect_text(root, "cause", "age");
    expect_text(root, "mode", "device");
    expect_text(root, "program_over", "present");
    expect_null(root, "bit_error_rate");
    expect_counts(root, "write_voltage_v", 0.61, 0.47);
    expect_number(root, "pulse_ns", 5.5);
    expect_number(root, "target_write_error_rate", 1e-9);
    expect_number(root, "temperature_k", 300);
    expect_text(root, "ecc", "none");
    expect_text(root, "cell", "1t1r");
    expect_number(root, "verify_retries", 0);
    expect_text(root, "polarity", "none");
    assert_true(json_integer_value(json_at(root, "seed")) == 9007199254740991);
    expect_flag(root, "read_disturb", false);
    expect_text(root, "device", "default");
    expect_text(root, "remark", resolved[1].remark);
    expect_size(root, "solved", 2);
    expect_text(root, "solved/0", "write_voltage_v");
    expect_text(root, "solved/1", "pulse_ns");
    expect_size(root, "layers", 0);
    expect_number(root, "age_s", 3600.5);
    expect_text(root, "programmed_at", "2023-11-14T22:13:20Z");
    expect_text(root, "changed_at", "2023-11-14T22:14:20Z");
    expect_flag(root, "durable", true);
    json_decref(root);

    points.base.has_pulse = true;
    points.base.pulse_ns = 4.0;
    root = written_now();
    expect_size(root, "solved", 1);
    expect_number(root, "pulse_ns", 4.0);
    json_decref(root);
}

static void prediction_and_outcome_stand_side_by_side(void **state)
{
    (void)state;
    json_t *root = written_now();
    /* By cells: 1 of 8 parts the first layer, 7 of 8 the second. */
    expect_counts(root, "predicted/write_error_rate_by_direction", 8e-4, 1e-3);
    expect_number(root, "predicted/write_error_rate", 9e-4);
    expect_number(root, "predicted/stored_bit_error_rate", 0.005);
    expect_number(root, "predicted/bit_error_rate", 0.002);
    expect_number(root, "predicted/wrong_bits", 8);
    expect_number(root, "predicted/cell_errors", 40);
    expect_number(root, "predicted/energy_pj", 301.125);
    expect_number(root, "predicted/energy/hold_pj", 201.125);
    expect_number(root, "result/weights", 4000);
    expect_number(root, "result/cells", 8000);
    expect_number(root, "result/wrong_bits", 10);
    expect_number(root, "result/bit_error_rate", 0.0025);
    expect_number(root, "result/wrong/minus_to_plus", 4);
    expect_number(root, "result/wrong/plus_to_minus", 6);
    expect_number(root, "result/cell_errors", 40);
    expect_number(root, "result/cell_error_rate", 0.005);
    expect_number(root, "result/energy_pj", 300.75);
    expect_number(root, "result/energy/toggle_pj", 160.25);
    expect_number(root, "result/energy/check_pj", 40);
    expect_number(root, "result/energy/encode_pj", 10);
    expect_number(root, "result/energy/verify_pj", 0.25);
    expect_number(root, "result/energy/total_pj", 300.75);
    expect_counts(root, "result/errors", 3, 37);
    expect_counts(root, "result/toggles", 330, 220);
    expect_counts(root, "result/holds", 1700, 1750);
    expect_number(root, "result/failures", 5);
    expect_number(root, "result/retries", 6);
    expect_number(root, "result/generation", 12);
    expect_number(root, "result/code/words", 47);
    expect_size(root, "result/layers", 2);
    expect_text(root, "result/layers/0/name", "first");
    expect_number(root, "result/layers/0/wrong_bits", 5);
    expect_number(root, "result/layers/0/energy_pj", 100.5);
    expect_counts(root, "result/layers/0/errors", 3, 2);
    expect_null(root, "result/layers/0/code");
    expect_number(root, "result/layers/0/conditions/pulse_ns", 5.5);
    expect_number(root, "result/layers/0/predicted/cell_errors", 4);
    expect_text(root, "result/layers/1/name", "la\"st");
    expect_number(root, "result/layers/1/cells", 7000);
    expect_number(root, "result/layers/1/stuck_cells", 4);
    expect_number(root, "result/layers/1/stuck_errors", 1);
    expect_number(root, "result/layers/1/code/corrected", 20);
    expect_number(root, "result/layers/1/code/detected", 2);
    expect_number(root, "result/layers/1/code/miscorrected", 1);
    expect_counts(root, "result/layers/1/toggles", 30, 20);
    expect_counts(root, "result/layers/1/conditions/write_voltage_v", 0.71, 0.57);
    expect_number(root, "result/layers/1/predicted/energy_pj", 201.125);
    json_decref(root);
}

static void given_voltages_are_shown_as_given(void **state)
{
    (void)state;
    points.base.has_target = false;
    points.base.has_pulse = true;
    points.base.pulse_ns = 0.3; /* through seconds and back: 0.30000000000000004 */
    points.base.voltage_v[MTJ_P2AP] = 0.1;
    points.base.voltage_v[MTJ_AP2P] = 0.2;
    json_t *root = written_now();
    expect_null(root, "target_write_error_rate");
    assert_true(json_number_value(json_at(root, "pulse_ns")) == 0.3);
    expect_counts(root, "write_voltage_v", 0.1, 0.2);
    expect_size(root, "solved", 0);
    json_decref(root);
}

static void what_does_not_apply_to_iid_is_null(void **state)
{
    static const char *const nulls[] = {
        "program_over",
        "write_voltage_v",
        "pulse_ns",
        "target_write_error_rate",
        "verify_retries",
        "predicted/write_error_rate",
        "predicted/write_error_rate_by_direction",
        "predicted/energy_pj",
        "predicted/energy",
        "result/energy_pj",
        "result/energy",
        "result/layers/1/energy_pj",
        "result/layers/1/predicted/energy",
    };
    struct point_view of = view();

    (void)state;
    points.base.mode = MRAM_IID;
    points.base.bit_error_rate[0] = points.base.bit_error_rate[1] = 0.001;
    of.durable = false;
    json_t *root = written(&of);
    expect_text(root, "mode", "iid");
    expect_number(root, "bit_error_rate", 0.001);
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        expect_null(root, nulls[i]);
    expect_number(root, "result/wrong_bits", 10);
    expect_size(root, "solved", 0);
    expect_flag(root, "durable", false);
    json_decref(root);

    points.base.bit_error_rate[MTJ_AP2P] = 0.002;
    root = written_now();
    expect_number(root, "bit_error_rate/to_p", 0.001);
    expect_number(root, "bit_error_rate/to_ap", 0.002);
    json_decref(root);
}

static void only_iid_layers_lack_energy(void **state)
{
    (void)state;
    points.layers[0].set = OPERATING_MODE;
    points.layers[0].op.mode = MRAM_IID;
    json_t *root = written_now();
    expect_null(root, "result/layers/0/energy_pj");
    expect_number(root, "result/layers/1/energy_pj", 200.25);
    assert_true(json_is_number(json_at(root, "result/energy_pj")));
    expect_number(root, "predicted/write_error_rate", 1e-3); /* of the other */
    /* The second layer stands for what all inherit. */
    expect_number(root, "pulse_ns", 6.5);
    json_decref(root);
}

static void overrides_are_what_layers_state(void **state)
{
    (void)state;
    points.layers[0].set = OPERATING_DRIVE | OPERATING_PULSE | OPERATING_ECC;
    points.layers[0].op.voltage_v[MTJ_P2AP] = 0.9;
    points.layers[0].op.voltage_v[MTJ_AP2P] = 0.8;
    points.layers[0].op.has_pulse = true;
    points.layers[0].op.pulse_ns = 7.0;
    points.layers[0].op.ecc = ECC_BCH2;
    points.layers[1].set = OPERATING_ALL_MEMBERS;
    points.layers[1].op = operating_point_default();
    points.layers[1].op.pairs = true;
    json_t *root = written_now();
    expect_size(root, "layers", 2);
    expect_size(root, "layers/first", 3);
    expect_counts(root, "layers/first/write_voltage_v", 0.9, 0.8);
    expect_number(root, "layers/first/pulse_ns", 7.0);
    expect_text(root, "layers/first/ecc", "bch2");
    expect_size(root, "layers/la\"st", 10);
    expect_null(root, "layers/la\"st/pulse_ns");
    expect_text(root, "layers/la\"st/cell", "2t2r");
    expect_number(root, "layers/la\"st/target_write_error_rate", 1e-9);
    expect_number(root, "result/layers/1/equal_pairs", 9);
    expect_null(root, "result/layers/0/equal_pairs");
    expect_number(root, "result/equal_pairs", 9);
    /* No layer inherits everything: what the base was solved to is not known. */
    expect_null(root, "write_voltage_v");
    expect_null(root, "pulse_ns");
    expect_size(root, "solved", 2);
    json_decref(root);
}

static void one_layer_answers_for_itself(void **state)
{
    (void)state;
    points.layers[1].set = OPERATING_TEMPERATURE;
    points.layers[1].op.temperature_k = 400.0;
    json_t *root = written_layer(1);
    expect_text(root, "layer", "la\"st");
    expect_number(root, "temperature_k", 400);
    expect_number(root, "pulse_ns", 6.5);
    expect_text(root, "remark", resolved[1].remark);
    expect_size(root, "layers", 1);
    expect_number(root, "predicted/write_error_rate", 1e-3);
    expect_number(root, "predicted/wrong_bits", 4);
    expect_number(root, "result/cells", 7000);
    expect_number(root, "result/energy_pj", 200.25);
    expect_number(root, "result/generation", 12);
    assert_null(json_object_get(json_at(root, "result"), "layers"));
    json_decref(root);

    root = written_layer(0);
    expect_null(root, "remark");
    expect_size(root, "layers", 0);
    json_decref(root);
}

static void a_device_without_voltages_shows_none(void **state)
{
    static const char csv[] = "direction,error_rate\nboth,1e-3\n";
    char why[ERR_LEN];

    (void)state;
    device.kind = DEVICE_TABLE;
    assert_int_equal(device_table_parse(csv, sizeof(csv) - 1, &device.table, why), ST_OK);
    json_t *root = written_now();
    expect_null(root, "write_voltage_v");
    expect_null(root, "pulse_ns");
    expect_null(root, "target_write_error_rate");
    expect_size(root, "solved", 0);
    expect_number(root, "predicted/write_error_rate", 9e-4);
    json_decref(root);
}

static int tear_down(void **state)
{
    (void)state;
    device_done(&device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_target_shows_what_was_solved, set_up),
        cmocka_unit_test_setup(prediction_and_outcome_stand_side_by_side, set_up),
        cmocka_unit_test_setup(given_voltages_are_shown_as_given, set_up),
        cmocka_unit_test_setup(what_does_not_apply_to_iid_is_null, set_up),
        cmocka_unit_test_setup(only_iid_layers_lack_energy, set_up),
        cmocka_unit_test_setup(overrides_are_what_layers_state, set_up),
        cmocka_unit_test_setup(one_layer_answers_for_itself, set_up),
        cmocka_unit_test_setup(a_device_without_voltages_shows_none, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
