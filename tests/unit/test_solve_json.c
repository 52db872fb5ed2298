/* SPDX-License-Identifier: Apache-2.0 */
#include "api/solve_json.h"

#include "tests/lib/json_at.h"
#include "tests/lib/refusal.h"

static struct problem problem;

static enum status parse(const char *body, struct solve_body *ret_body)
{
    return solve_json_parse(body, strlen(body), ret_body, &problem);
}

static struct solve_body parsed(const char *body)
{
    struct solve_body solve;

    if (parse(body, &solve) != ST_OK)
        fail_msg("%s: %s", body, problem.detail);
    return solve;
}

static void a_target_is_enough(void **state)
{
    struct solve_body body = parsed("{\"target_error_rate\":1e-5}");

    (void)state;
    assert_true(body.request.target_error_rate == 1e-5);
    assert_false(body.request.has_pulse);
    assert_true(body.request.temperature_k == 300.0);
    assert_string_equal(body.model, "");
    assert_string_equal(body.device.name, "default");
    solve_body_done(&body);
}

static void pulse_and_temperature_are_read(void **state)
{
    struct solve_body body =
        parsed("{\"target_error_rate\":0.5,\"pulse_ns\":0.2,\"temperature_k\":450}");

    (void)state;
    assert_true(body.request.has_pulse && body.request.pulse_ns == 0.2);
    assert_true(body.request.temperature_k == 450.0);
    solve_body_done(&body);
}

static void a_device_is_a_name_a_model_or_its_own(void **state)
{
    struct solve_body body =
        parsed("{\"target_error_rate\":0.5,\"device\":\"retention\"}");

    (void)state;
    assert_string_equal(body.device.name, "retention");
    solve_body_done(&body);

    body = parsed("{\"target_error_rate\":0.5,\"device\":{\"model\":\"mnist-1\"}}");
    assert_string_equal(body.model, "mnist-1");
    solve_body_done(&body);

    body = parsed("{\"target_error_rate\":0.5,\"device\":{\"preset\":\"retention\","
                  "\"parameters\":{\"diameter_nm\":50},\"name\":\"wide\"}}");
    assert_string_equal(body.device.name, "wide");
    assert_true(body.device.params.diameter_m == 50e-9);
    assert_string_equal(body.model, "");
    solve_body_done(&body);

    /* Another technology may have other pulses. */
    body = parsed("{\"target_error_rate\":0.5,\"pulse_ns\":1e8,\"device\":{\"table_csv\":"
                  "\"direction,error_rate\\nboth,1e-3\\n\"}}");
    assert_true(body.request.pulse_ns == 1e8);
    assert_int_equal(body.device.kind, DEVICE_TABLE);
    solve_body_done(&body);

    /* And other temperatures; so may the device of a model, which is not known here. */
    body = parsed("{\"target_error_rate\":0.5,\"temperature_k\":77,\"device\":{"
                  "\"table_csv\":\"direction,error_rate\\nboth,1e-3\\n\"}}");
    assert_true(body.request.temperature_k == 77.0);
    solve_body_done(&body);
    body = parsed("{\"target_error_rate\":0.5,\"temperature_k\":77,"
                  "\"device\":{\"model\":\"mnist\"}}");
    assert_true(body.request.temperature_k == 77.0);
    solve_body_done(&body);
    assert_null(body.device.table);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct refusal cases[] = {
        { "", 400, NULL, "empty" },
        { "{", 400, NULL, "invalid JSON" },
        { "{}", 422, "/target_error_rate", "is missing" },
        { "{\"target_error_rate\":null}", 422, "/target_error_rate", "found null" },
        { "{\"target_error_rate\":0}", 422, "/target_error_rate",
          "0 is outside 0 .. 1 (excluded)" },
        { "{\"target_error_rate\":1}", 422, "/target_error_rate", "1 is outside" },
        { "{\"target\":0.1,\"target_error_rate\":0.1}", 422, "/target",
          "did you mean target_error_rate?" },
        { "{\"target_error_rate\":0.1,\"pulse_ns\":0.1}", 422, "/pulse_ns",
          "0.1 is outside 0.2 .. 1000000" },
        { "{\"target_error_rate\":0.1,\"temperature_k\":451}", 422, "/temperature_k",
          "451 is outside 200 .. 450" },
        { "{\"target_error_rate\":0.1,\"temperature_k\":1001,\"device\":{\"model\":"
          "\"m\"}}",
          422, "/temperature_k", "1001 is outside 1 .. 1000" },
        { "{\"target_error_rate\":0.1,\"device\":7}", 422, "/device",
          "a preset's name or an object, found 7" },
        { "{\"target_error_rate\":0.1,\"device\":\"defualt\"}", 422, "/device",
          "did you mean default?" },
        { "{\"target_error_rate\":0.1,\"device\":{\"model\":\"../x\"}}", 422,
          "/device/model", "the name of a model, found \"../x\"" },
        { "{\"target_error_rate\":0.1,\"device\":{\"model\":1}}", 422, "/device/model",
          "found 1" },
        { "{\"target_error_rate\":0.1,\"device\":{\"model\":\"m\",\"preset\":\"default\"}"
          "}",
          422, "/device/model", "together with a device" },
        { "{\"target_error_rate\":0.1,\"device\":{\"modle\":\"m\"}}", 422,
          "/device/modle", "did you mean model?" },
        { "{\"target_error_rate\":0.1,\"device\":{\"parameters\":{\"tmr\":-1}}}", 422,
          "/device/parameters/tmr", "-1 is outside" },
        { "{\"target_error_rate\":0.1,\"device\":{\"table_csv\":\"x\"}}", 422,
          "/device/table_csv", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct solve_body body;

        expect_refusal(&cases[i], parse(cases[i].body, &body), &problem);
        solve_body_done(&body);
    }
}

static void every_violation_is_told(void **state)
{
    struct solve_body body;

    (void)state;
    assert_int_not_equal(
        parse("{\"target_error_rate\":2,\"pulse_ns\":\"x\",\"temperature_k\":1,"
              "\"device\":{\"preset\":\"x\"},\"y\":1}",
              &body),
        ST_OK);
    assert_int_equal(problem.n_errors, 5);
    solve_body_done(&body);
}

static struct solve_answer answer(void)
{
    return (struct solve_answer) {
        .pulse = { .voltage_v = { 0.6, 0.5 }, .pulse_s = 10e-9 },
        .toggle_pj = 0.25,
        .has_cheapest = true,
        .cheapest = { .voltage_v = { 0.7, 0.6 }, .pulse_s = 4e-9 },
        .cheapest_toggle_pj = 0.125,
        .n_schemes = 2,
        .schemes = { { .scheme = "secded",
                       .basis = "practice",
                       .ecc = ECC_SECDED,
                       .reachable = true,
                       .raw_error_rate = 1e-6,
                       .delivered_error_rate = 1e-10,
                       .voltage_v = { 0.65, 0.55 },
                       .sense_error_rate = 2e-7,
                       .energy_per_data_bit_pj = 0.3,
                       .cells_per_data_bit = 1.125,
                       .relative = 1.5 },
                     { .scheme = "2t2r",
                       .basis = "equal_delivered",
                       .pairs = true,
                       .retries = 2 } },
    };
}

static void an_answer_compares_schemes(void **state)
{
    const struct solve_request request = { .target_error_rate = 1e-4,
                                           .temperature_k = 350.0 };
    struct solve_answer solved = answer();
    struct device device = device_default();
    struct buf buf = BUF_INIT;

    (void)state;
    solve_json_write(&buf, &device, &request, &solved);
    json_t *root = json_of(&buf);
    expect_number(root, "target_error_rate", 1e-4);
    expect_number(root, "temperature_k", 350);
    expect_text(root, "device", "default");
    expect_counts(root, "write_voltage_v", 0.6, 0.5);
    expect_number(root, "pulse_ns", 10);
    expect_number(root, "toggle_energy_pj", 0.25);
    expect_number(root, "cheapest/pulse_ns", 4);
    expect_counts(root, "cheapest/write_voltage_v", 0.7, 0.6);
    expect_number(root, "cheapest/toggle_energy_pj", 0.125);
    expect_size(root, "schemes", 2);
    expect_text(root, "schemes/0/scheme", "secded");
    expect_text(root, "schemes/0/basis", "practice");
    expect_text(root, "schemes/0/ecc", "secded");
    expect_text(root, "schemes/0/cell", "1t1r");
    expect_flag(root, "schemes/0/reachable", true);
    expect_number(root, "schemes/0/relative", 1.5);
    expect_number(root, "schemes/0/sense_error_rate", 2e-7);
    expect_counts(root, "schemes/0/write_voltage_v", 0.65, 0.55);
    expect_number(root, "schemes/0/cells_per_data_bit", 1.125);
    expect_text(root, "schemes/1/cell", "2t2r");
    expect_number(root, "schemes/1/verify_retries", 2);
    expect_flag(root, "schemes/1/reachable", false);
    expect_null(root, "schemes/1/write_voltage_v");
    expect_null(root, "schemes/1/raw_error_rate");
    expect_null(root, "schemes/1/sense_error_rate");
    expect_null(root, "schemes/1/energy_per_data_bit_pj");
    expect_null(root, "remark");
    json_decref(root);
}

/* The target is reached at the width that was asked for, and at none of the search. */
static void without_a_cheapest_pulse_it_is_null(void **state)
{
    const struct solve_request request = { .target_error_rate = 1e-4,
                                           .temperature_k = 300.0 };
    struct solve_answer solved = answer();
    struct device device = device_default();
    struct buf buf = BUF_INIT;

    (void)state;
    solved.has_cheapest = false;
    solve_json_write(&buf, &device, &request, &solved);
    json_t *root = json_of(&buf);
    expect_null(root, "cheapest");
    expect_number(root, "pulse_ns", 10);
    json_decref(root);
}

static void what_a_device_does_not_depend_on_is_null(void **state)
{
    const struct solve_request request = { .target_error_rate = 1e-4,
                                           .temperature_k = 300.0 };
    struct solve_answer solved = answer();
    struct solve_body body =
        parsed("{\"target_error_rate\":0.5,\"device\":{\"table_csv\":"
               "\"direction,error_rate\\nboth,1e-3\\n\"}}");
    struct buf buf = BUF_INIT;

    (void)state;
    strcpy(solved.remark, "measured at \"300 K\" only");
    solve_json_write(&buf, &body.device, &request, &solved);
    json_t *root = json_of(&buf);
    expect_null(root, "write_voltage_v");
    expect_null(root, "pulse_ns");
    expect_null(root, "cheapest/write_voltage_v");
    expect_null(root, "schemes/0/write_voltage_v");
    expect_null(root, "schemes/0/sense_error_rate");
    expect_text(root, "remark", solved.remark);
    json_decref(root);
    solve_body_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_enough),
        cmocka_unit_test(pulse_and_temperature_are_read),
        cmocka_unit_test(a_device_is_a_name_a_model_or_its_own),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(every_violation_is_told),
        cmocka_unit_test(an_answer_compares_schemes),
        cmocka_unit_test(without_a_cheapest_pulse_it_is_null),
        cmocka_unit_test(what_a_device_does_not_depend_on_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
