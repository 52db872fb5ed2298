/* SPDX-License-Identifier: Apache-2.0 */
#include "api/point_json.h"

#include "tests/lib/fault.h"
#include "tests/lib/refusal.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct problem problem;

/* 5.5 ns at 0.61 V and 0.47 V are in force. */
static const struct operating_point_resolved present = {
    .pulse = { .voltage_v = { 0.61, 0.47 }, .pulse_s = 5.5e-9, .temperature_k = 300.0 },
};

static const struct operating_point_resolved *const all_present[] = { &present, &present,
                                                                      &present };

static char first_name[] = "first", second_name[] = "fc2", last_name[] = "a/b";
static struct network_layer net_layers[] = {
    { .name = first_name },
    { .name = second_name },
    { .name = last_name },
};
static const struct network net = { .n_layers = 3, .layers = net_layers };

static struct device junction;

static int set_up(void **state)
{
    (void)state;
    junction = device_default();
    return 0;
}

static void expect_same(const struct operating_point *a, const struct operating_point *b)
{
    assert_true(operating_point_same(a, b));
}

static struct operating_points patched_points(struct operating_points points,
                                              size_t layer, const char *json)
{
    if (point_json_patch(json, strlen(json), &net, all_present, &junction, layer, &points,
                         &problem) != ST_OK)
        fail_msg("%s: %s", json, problem.detail);
    return points;
}

static struct operating_points with_base(struct operating_point op)
{
    struct operating_points points = operating_points_default(net.n_layers);

    points.base = op;
    return points;
}

static struct operating_point patched(struct operating_point op, const char *json)
{
    return patched_points(with_base(op), POINT_JSON_BASE, json).base;
}

static struct operating_point voltages(void)
{
    return patched(operating_point_default(),
                   "{\"write_voltage_v\":{\"p2ap\":0.8,\"ap2p\":0.7},\"pulse_ns\":10}");
}

static struct operating_point iid(void)
{
    return patched(operating_point_default(),
                   "{\"mode\":\"iid\",\"bit_error_rate\":0.001}");
}

/* -- What is taken -- */

static void an_empty_patch_changes_nothing(void **state)
{
    struct operating_point before = voltages(), after = patched(before, " {} ");

    (void)state;
    expect_same(&before, &after);
}

static void members_that_are_given_replace(void **state)
{
    struct operating_point op = patched(
        operating_point_default(),
        "{\"mode\":\"uniform\",\"program_over\":\"complement\",\"temperature_k\":350.5,"
        "\"seed\":9007199254740991,\"target_write_error_rate\":1e-4,\"pulse_ns\":3}");

    (void)state;
    assert_int_equal(op.mode, MRAM_UNIFORM);
    assert_int_equal(op.over, MRAM_OVER_COMPLEMENT);
    assert_true(op.temperature_k == 350.5);
    assert_true(op.seed == 9007199254740991);
    assert_true(op.has_target && op.target_write_error_rate == 1e-4);
    assert_true(op.has_pulse && op.pulse_ns == 3.0);
}

static void null_takes_everything_back(void **state)
{
    static const char nulls[] =
        "{\"mode\":null,\"program_over\":null,\"bit_error_rate\":null,\"write_voltage_"
        "v\":null,"
        "\"pulse_ns\":null,\"target_write_error_rate\":null,\"temperature_k\":null,"
        "\"seed\":null}";
    struct operating_point by_default = operating_point_default();
    struct operating_point op =
        patched(voltages(), "{\"seed\":7,\"program_over\":\"random\"}");

    (void)state;
    op = patched(op, nulls);
    /* Voltages that are out of use do not matter. */
    by_default.voltage_v[0] = op.voltage_v[0];
    by_default.voltage_v[1] = op.voltage_v[1];
    by_default.pulse_ns = op.pulse_ns;
    expect_same(&op, &by_default);
    op = patched(iid(), nulls);
    assert_int_equal(op.mode, MRAM_DEVICE);
    assert_true(op.bit_error_rate[0] == 0.0 && op.bit_error_rate[1] == 0.0);
}

static void voltages_end_a_target_and_the_other_way_round(void **state)
{
    struct operating_point op = voltages();

    (void)state;
    assert_false(op.has_target);
    op = patched(op, "{\"target_write_error_rate\":1e-5}");
    assert_true(op.has_target && op.target_write_error_rate == 1e-5);
    assert_true(op.has_pulse && op.pulse_ns == 10.0); /* not mentioned: stays */
    op = patched(op, "{\"pulse_ns\":null}");
    assert_false(op.has_pulse);
    op = patched(op, "{\"write_voltage_v\":{\"p2ap\":0.9,\"ap2p\":0.8}}");
    assert_false(op.has_target);
    assert_true(op.voltage_v[MTJ_P2AP] == 0.9 && op.voltage_v[MTJ_AP2P] == 0.8);
    op = patched(op, "{\"write_voltage_v\":null}");
    assert_true(op.has_target && op.target_write_error_rate == 1e-9);
}

static void one_given_null_and_the_other_given_is_a_choice(void **state)
{
    struct operating_point op = patched(
        voltages(), "{\"write_voltage_v\":null,\"target_write_error_rate\":1e-3}");

    (void)state;
    assert_true(op.has_target && op.target_write_error_rate == 1e-3);
    op = patched(op, "{\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":1},"
                     "\"target_write_error_rate\":null}");
    assert_false(op.has_target);
}

static void a_null_target_leaves_voltages_in_force(void **state)
{
    struct operating_point before = voltages();
    struct operating_point after = patched(before, "{\"target_write_error_rate\":null}");

    (void)state;
    expect_same(&before, &after);
    after = patched(patched(before, "{\"target_write_error_rate\":0.5}"),
                    "{\"target_write_error_rate\":null}");
    assert_true(after.has_target && after.target_write_error_rate == 1e-9);
}

static void part_of_the_voltages_is_completed(void **state)
{
    /* From what a target was solved to ... */
    struct operating_point op =
        patched(operating_point_default(), "{\"write_voltage_v\":{\"p2ap\":0.9}}");

    (void)state;
    assert_false(op.has_target);
    assert_true(op.voltage_v[MTJ_P2AP] == 0.9 && op.voltage_v[MTJ_AP2P] == 0.47);
    assert_true(op.has_pulse);
    assert_true(op.pulse_ns > 5.4999999 && op.pulse_ns < 5.5000001);
    /* ... and from voltages that were given. */
    op = patched(voltages(), "{\"write_voltage_v\":{\"ap2p\":0.5}}");
    assert_true(op.voltage_v[MTJ_P2AP] == 0.8 && op.voltage_v[MTJ_AP2P] == 0.5);
    assert_true(op.pulse_ns == 10.0);
}

static void conditions_of_the_other_mode_are_kept(void **state)
{
    struct operating_point op =
        patched(voltages(), "{\"bit_error_rate\":0.1,\"mode\":\"iid\"}");

    (void)state;
    assert_true(op.bit_error_rate[0] == 0.1 && op.bit_error_rate[1] == 0.1);
    op = patched(op, "{\"mode\":\"uniform\"}");
    assert_false(op.has_target);
    assert_true(op.voltage_v[MTJ_P2AP] == 0.8 && op.pulse_ns == 10.0);
    op = patched(op, "{\"mode\":\"iid\"}");
    assert_true(op.bit_error_rate[0] == 0.1 && op.bit_error_rate[1] == 0.1);
}

/* -- What is refused -- */

static void check_points(const struct refusal *c, const struct operating_points *points,
                         const struct operating_point_resolved *const *in_force,
                         const struct device *device, size_t layer)
{
    struct operating_points after = *points;

    memset(&problem, 0xA5, sizeof(problem));
    enum status st = point_json_patch(c->body, strlen(c->body), &net, in_force, device,
                                      layer, &after, &problem);
    expect_refusal(c, st, &problem);
    assert_true(operating_points_same(&after, points));
}

static void check(const struct refusal *c, const struct operating_point *op,
                  const struct operating_point_resolved *in_force)
{
    const struct operating_point_resolved *const all[] = { in_force, in_force, in_force };
    struct operating_points points = with_base(*op);

    check_points(c, &points, in_force == NULL ? NULL : all, &junction, POINT_JSON_BASE);
}

static void what_is_no_object_is_a_400(void **state)
{
    static const struct refusal cases[] = {
        { "", 400, NULL, "the body is empty" },
        { " \n", 400, NULL, "the body is empty" },
        { "\xEF\xBB\xBF{}", 400, NULL, "byte order mark" },
        { "{", 400, NULL, "invalid JSON at line 1" },
        { "{\"seed\":1,}", 400, NULL, "invalid JSON" },
        { "{\"seed\":1,\"seed\":2}", 400, NULL, "duplicate" },
        { "{\"seed\":1} x", 400, NULL, "invalid JSON" },
        { "[]", 400, NULL, "expected a JSON object, found a list" },
        { "null", 400, NULL, "found null" },
        { "\"mode\"", 400, NULL, "found \"mode\"" },
    };
    struct operating_point op = operating_point_default();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], &op, &present);
}

static void wrong_members_are_a_422_that_names_them(void **state)
{
    static const struct refusal cases[] = {
        { "{\"mode\":\"divice\"}", 422, "/mode", "found \"divice\"" },
        { "{\"mode\":1}", 422, "/mode", "found 1" },
        { "{\"program_over\":\"blank\"}", 422, "/program_over", "\"erased_ap\", found" },
        { "{\"pulse_ns\":\"5\"}", 422, "/pulse_ns", "expected a number, found \"5\"" },
        { "{\"temperature_k\":[300]}", 422, "/temperature_k", "found a list" },
        { "{\"target_write_error_rate\":true}", 422, "/target_write_error_rate", "true" },
        { "{\"seed\":-1}", 422, "/seed", "0..9007199254740991, found -1" },
        { "{\"seed\":0.5}", 422, "/seed", "found 0.5" },
        { "{\"seed\":9007199254740992}", 422, "/seed", "found 9007199254740992" },
        { "{\"seed\":99999999999999999999999999}", 422, "/seed", "found 1e+26" },
        { "{\"seed\":\"7\"}", 422, "/seed", "found \"7\"" },
        { "{\"pulse_ns\":1e999}", 422, NULL, "pulse_ns: a number that is too large" },
        { "{\"seed\":1,\"pulse_ns\" : -1e999 }", 422, NULL, "pulse_ns: a number" },
        { "{\"write_voltage_v\":{\"p2ap\":1e400}}", 422, NULL, "p2ap: a number" },
        { "{\"pulse_ns\":[1, 1e400]}", 422, NULL, "a number that is too large" },
        { "{\"pulse_ns\":-1}", 422, "/pulse_ns", "-1 is outside 0.2 .. 1000000" },
        { "{\"temperature_k\":1e300}", 422, "/temperature_k", "outside 200 .. 450" },
        { "{\"target_write_error_rate\":1}", 422, "/target_write_error_rate",
          "outside 0 .. 1 (excluded)" },
        { "{\"mode\":\"iid\",\"bit_error_rate\":1.5}", 422, "/bit_error_rate",
          "1.5 is outside 0 .. 1" },
        { "{\"pulse\":5}", 422, "/pulse", "did you mean pulse_ns?" },
        { "{\"puls_ns\":5}", 422, "/puls_ns", "did you mean pulse_ns?" },
        { "{\"banana\":5}", 422, "/banana", "unknown member" },
        { "{\"a/b~c\":5}", 422, "/a~1b~0c", "unknown member" },
        { "{\"banana\":null}", 422, "/banana", "unknown member" },
        { "{\"write_voltage_v\":0.5}", 422, "/write_voltage_v", "found 0.5" },
        { "{\"write_voltage_v\":{}}", 422, "/write_voltage_v", "without any" },
        { "{\"write_voltage_v\":{\"p2ap\":null}}", 422, "/write_voltage_v/p2ap",
          "found null" },
        { "{\"write_voltage_v\":{\"p2a\":1}}", 422, "/write_voltage_v/p2a",
          "mean p2ap?" },
        { "{\"write_voltage_v\":{\"p2ap\":1},\"target_write_error_rate\":0.1}", 422,
          "/write_voltage_v", "together with target_write_error_rate" },
        { "{\"write_voltage_v\":{\"p2ap\":1},\"pulse_ns\":null}", 422, "/pulse_ns",
          "write voltages need a pulse" },
        { "{\"bit_error_rate\":0.1}", 422, "/bit_error_rate",
          "applies to mode iid; mode is device; give mode in the same patch to change "
          "it" },
        { "{\"bit_error_rate\":0.1,\"mode\":\"uniform\"}", 422, "/bit_error_rate",
          "mode is uniform" },
        { "{\"mode\":\"iid\",\"pulse_ns\":5}", 422, "/pulse_ns",
          "applies to modes device and uniform; mode is iid; give mode in the same patch "
          "to change it" },
        { "{\"mode\":\"iid\",\"write_voltage_v\":{\"p2ap\":1}}", 422, "/write_voltage_v",
          "mode is iid" },
        { "{\"mode\":\"iid\",\"target_write_error_rate\":0.1}", 422,
          "/target_write_error_rate", "mode is iid" },
        { "{\"mode\":\"iid\",\"program_over\":\"random\"}", 422, "/program_over",
          "is iid" },
        { "{\"mode\":\"iid\",\"bit_error_rate\":\"x\"}", 422, "/bit_error_rate",
          "found" },
        { "{\"mode\":\"iid\",\"bit_error_rate\":{}}", 422, "/bit_error_rate",
          "without any" },
        { "{\"mode\":\"iid\",\"bit_error_rate\":{\"to_p\":2}}", 422,
          "/bit_error_rate/to_p", "2 is outside 0 .. 1" },
        { "{\"mode\":\"iid\",\"bit_error_rate\":{\"to_app\":0}}", 422,
          "/bit_error_rate/to_app", "mean to_ap?" },
        { "{\"mode\":\"iid\",\"verify_retries\":1}", 422, "/verify_retries",
          "mode is iid" },
        { "{\"verify_retries\":8}", 422, "/verify_retries", "0..7, found 8" },
        { "{\"verify_retries\":1.5}", 422, "/verify_retries", "found 1.5" },
        { "{\"ecc\":\"hamming\"}", 422, "/ecc", "\"secded\" or \"bch2\", found" },
        { "{\"cell\":\"1T1R\"}", 422, "/cell", "\"1t1r\" or \"2t2r\", found" },
        { "{\"polarity\":true}", 422, "/polarity", "found true" },
        { "{\"read_disturb\":1}", 422, "/read_disturb", "true or false, found 1" },
        { "{\"layers\":[]}", 422, "/layers", "expected an object, found a list" },
        { "{\"layers\":{\"fc3\":{}}}", 422, "/layers/fc3", "did you mean fc2?" },
        { "{\"layers\":{\"output\":{}}}", 422, "/layers/output",
          "has no layer \"output\"" },
        { "{\"layers\":{\"fc2\":1}}", 422, "/layers/fc2", "expected an object, found 1" },
        { "{\"layers\":{\"fc2\":{\"seed\":1}}}", 422, "/layers/fc2/seed",
          "of the whole array" },
        { "{\"layers\":{\"fc2\":{\"layers\":{}}}}", 422, "/layers/fc2/layers",
          "of the whole array" },
        { "{\"layers\":{\"a/b\":{\"pulse_ns\":0}}}", 422, "/layers/a~1b/pulse_ns",
          "0 is outside 0.2 .. 1000000" },
        { "{\"layers\":{\"fc2\":{\"write_voltage_v\":{\"p2ap\":9}}}}", 422,
          "/layers/fc2/write_voltage_v/p2ap", "9 is outside" },
        { "{\"layers\":{\"fc2\":{\"puls_ns\":5}}}", 422, "/layers/fc2/puls_ns",
          "did you mean pulse_ns?" },
        { "{\"layers\":{\"fc2\":{\"bit_error_rate\":0}}}", 422,
          "/layers/fc2/bit_error_rate", "mode is device" },
    };
    struct operating_point op = operating_point_default();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], &op, &present);
}

static void voltages_keep_needing_a_pulse(void **state)
{
    static const struct refusal no_pulse = { "{\"pulse_ns\":null}", 422, "/pulse_ns",
                                             "goes with a target" };
    struct operating_point op = voltages();

    (void)state;
    check(&no_pulse, &op, &present);
}

static void out_of_iid_there_is_nothing_to_complete_from(void **state)
{
    static const struct operating_point_resolved nothing;
    static const struct refusal one = {
        "{\"mode\":\"device\",\"write_voltage_v\":{\"p2ap\":1},\"pulse_ns\":5}", 422,
        "/write_voltage_v/ap2p", "no voltage is in force"
    };
    static const struct refusal no_pulse = {
        "{\"mode\":\"device\",\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":1}}", 422,
        "/pulse_ns", "none is in force"
    };
    struct operating_point op = iid();

    (void)state;
    check(&one, &op, &nothing);
    check(&one, &op, NULL);
    check(&no_pulse, &op, &nothing);
    check(&no_pulse, &op, NULL);
}

static void all_violations_are_told(void **state)
{
    static const char body[] = "{\"mode\":\"iid\",\"pulse_ns\":5,\"seed\":-1,"
                               "\"temperature_k\":\"hot\",\"sead\":1}";
    struct operating_point op = operating_point_default();

    (void)state;
    struct operating_points points = with_base(op);

    assert_int_equal(point_json_patch(body, sizeof(body) - 1, &net, all_present,
                                      &junction, POINT_JSON_BASE, &points, &problem),
                     ST_CONFLICT);
    assert_int_equal(problem.n_errors, 4);
    assert_string_equal(problem.errors[0].pointer, "/pulse_ns");
    assert_string_equal(problem.errors[1].pointer, "/temperature_k");
    assert_string_equal(problem.errors[2].pointer, "/seed");
    assert_string_equal(problem.errors[3].pointer, "/sead");
}

/* -- Layers -- */

static void a_layer_states_members_and_inherits_the_rest(void **state)
{
    struct operating_points points = patched_points(
        operating_points_default(net.n_layers), POINT_JSON_BASE,
        "{\"temperature_k\":320,\"layers\":{\"fc2\":{\"ecc\":\"bch2\",\"cell\":\"2t2r\","
        "\"polarity\":\"seeded\",\"verify_retries\":3,\"program_over\":\"random\","
        "\"target_write_error_rate\":1e-3}},\"read_disturb\":true}");
    struct operating_point second = operating_points_at(&points, 1);
    size_t plain = 9;

    (void)state;
    assert_int_equal(points.layers[0].set | points.layers[2].set, 0);
    assert_int_equal(points.layers[1].set, OPERATING_ECC | OPERATING_CELL |
                                               OPERATING_POLARITY | OPERATING_RETRIES |
                                               OPERATING_OVER | OPERATING_DRIVE);
    assert_true(second.temperature_k == 320.0 && second.read_disturb);
    assert_int_equal(second.ecc, ECC_BCH2);
    assert_true(second.pairs);
    assert_int_equal(second.polarity, MRAM_POLARITY_SEEDED);
    assert_int_equal(second.verify_retries, 3);
    assert_true(second.target_write_error_rate == 1e-3);
    assert_true(points.base.target_write_error_rate == 1e-9);
    assert_true(point_json_plain_layer(&points, &plain));
    assert_int_equal(plain, 0);

    /* What the base changes later reaches the layers that do not state it. */
    points = patched_points(points, POINT_JSON_BASE,
                            "{\"temperature_k\":350,\"target_write_error_rate\":1e-5}");
    second = operating_points_at(&points, 1);
    assert_true(second.temperature_k == 350.0);
    assert_true(second.target_write_error_rate == 1e-3);
}

static void the_body_of_one_layer_is_the_same_patch(void **state)
{
    static const char body[] = "{\"mode\":\"iid\",\"bit_error_rate\":{\"to_ap\":0.25}}";
    struct operating_points through = operating_points_default(net.n_layers);
    struct operating_points direct = patched_points(through, 2, body);
    char whole[200];

    (void)state;
    strcpy(whole, "{\"layers\":{\"a/b\":");
    strcat(strcat(whole, body), "}}");
    through = patched_points(through, POINT_JSON_BASE, whole);
    assert_true(operating_points_same(&through, &direct));
    assert_int_equal(direct.layers[2].set, OPERATING_MODE | OPERATING_BIT_ERROR_RATE);
    assert_true(direct.layers[2].op.bit_error_rate[MTJ_P2AP] == 0.0);
    assert_true(direct.layers[2].op.bit_error_rate[MTJ_AP2P] == 0.25);
}

static void null_inherits_again(void **state)
{
    struct operating_points before = operating_points_default(net.n_layers);
    struct operating_points points = patched_points(
        before, 1, "{\"ecc\":\"secded\",\"pulse_ns\":4,\"target_write_error_rate\":0.1}");

    (void)state;
    points = patched_points(points, 1, "{\"ecc\":null,\"write_voltage_v\":null}");
    assert_int_equal(points.layers[1].set, OPERATING_PULSE | OPERATING_DRIVE);
    points = patched_points(points, 1, "{\"target_write_error_rate\":null}");
    assert_int_equal(points.layers[1].set, OPERATING_PULSE);
    points = patched_points(points, POINT_JSON_BASE,
                            "{\"layers\":{\"fc2\":{\"pulse_ns\":null}}}");
    assert_true(operating_points_same(&points, &before));

    points = patched_points(points, 0, "{\"ecc\":\"secded\"}");
    points = patched_points(points, 1, "{\"ecc\":\"bch2\"}");
    struct operating_points one =
        patched_points(points, POINT_JSON_BASE, "{\"layers\":{\"first\":null}}");
    assert_int_equal(one.layers[0].set, 0);
    assert_int_equal(one.layers[1].set, OPERATING_ECC);
    points = patched_points(points, POINT_JSON_BASE, "{\"layers\":null}");
    assert_true(operating_points_same(&points, &before));
}

static void voltages_of_a_layer_are_completed_from_its_own(void **state)
{
    static const struct operating_point_resolved own = {
        .pulse = { .voltage_v = { 0.9, 0.8 }, .pulse_s = 2e-9, .temperature_k = 300.0 },
    };
    const struct operating_point_resolved *const in_force[] = { &present, &own,
                                                                &present };
    static const char body[] = "{\"write_voltage_v\":{\"p2ap\":1}}";
    struct operating_points points = operating_points_default(net.n_layers);

    (void)state;
    assert_int_equal(point_json_patch(body, sizeof(body) - 1, &net, in_force, &junction,
                                      1, &points, &problem),
                     ST_OK);
    struct operating_point op = operating_points_at(&points, 1);
    assert_true(op.voltage_v[MTJ_P2AP] == 1.0 && op.voltage_v[MTJ_AP2P] == 0.8);
    assert_true(op.has_pulse && op.pulse_ns > 1.9999 && op.pulse_ns < 2.0001);
    assert_int_equal(points.layers[1].set, OPERATING_DRIVE | OPERATING_PULSE);

    /* The base's from the first layer that states nothing. */
    points = operating_points_default(net.n_layers);
    points = patched_points(points, 0, "{\"ecc\":\"bch2\"}");
    assert_int_equal(point_json_patch(body, sizeof(body) - 1, &net, in_force, &junction,
                                      POINT_JSON_BASE, &points, &problem),
                     ST_OK);
    assert_true(points.base.voltage_v[MTJ_AP2P] == 0.8);
}

static void a_patch_of_the_base_may_not_break_a_layer(void **state)
{
    static const struct refusal no_pulse = { "{\"pulse_ns\":null}", 422,
                                             "/layers/fc2/pulse_ns",
                                             "voltages need one" };
    static const struct refusal once = { "{\"temperature_k\":500}", 422, "/temperature_k",
                                         "500 is outside" };
    struct operating_points points = patched_points(
        operating_points_default(net.n_layers), POINT_JSON_BASE, "{\"pulse_ns\":5}");

    (void)state;
    points = patched_points(points, 1, "{\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":1}}");
    assert_int_equal(points.layers[1].set, OPERATING_DRIVE);
    check_points(&no_pulse, &points, all_present, &junction, POINT_JSON_BASE);
    check_points(&once, &points, all_present, &junction, POINT_JSON_BASE);
    assert_int_equal(problem.n_errors, 1);
}

static void what_is_of_the_array_is_not_of_a_layer(void **state)
{
    static const struct refusal cases[] = {
        { "{\"seed\":1}", 422, "/seed", "of the whole array" },
        { "{\"seed\":null}", 422, "/seed", "of the whole array" },
        { "{\"read_disturb\":true}", 422, "/read_disturb", "of the whole array" },
        { "{\"layers\":{}}", 422, "/layers", "of the whole array" },
        { "{\"temperature_k\":0}", 422, "/temperature_k", "0 is outside" },
    };
    struct operating_points points = operating_points_default(net.n_layers);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_points(&cases[i], &points, all_present, &junction, 1);
}

/* -- Devices that do not depend on everything -- */

static struct device device_of(const char *csv)
{
    struct device device = device_default();
    char why[ERR_LEN];

    if (device_table_parse(csv, strlen(csv), &device.table, why) != ST_OK)
        fail_msg("%s", why);
    device.kind = DEVICE_TABLE;
    strcpy(device.name, "fefet");
    return device;
}

static void a_device_without_a_voltage_has_no_use_for_one(void **state)
{
    static const struct refusal cases[] = {
        { "{\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":1}}", 422, "/write_voltage_v",
          "the error rate of device fefet depends on direction and temperature only" },
        { "{\"target_write_error_rate\":0.1}", 422, "/target_write_error_rate", "fefet" },
        { "{\"pulse_ns\":5}", 422, "/pulse_ns", "direction and temperature only" },
        { "{\"layers\":{\"fc2\":{\"pulse_ns\":5}}}", 422, "/layers/fc2/pulse_ns",
          "depends on" },
    };
    struct operating_points points = operating_points_default(net.n_layers);
    struct device device = device_of("direction,temperature_k,error_rate\n"
                                     "both,300,1e-3\nboth,350,1e-2\n");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_points(&cases[i], &points, all_present, &device, POINT_JSON_BASE);
    assert_int_equal(point_json_patch("{\"temperature_k\":340}", 21, &net, NULL, &device,
                                      POINT_JSON_BASE, &points, &problem),
                     ST_OK);
    device_done(&device);
}

static void voltages_go_without_a_pulse_where_the_device_has_none(void **state)
{
    static const char body[] = "{\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":1.1}}";
    static const struct refusal pulse = { "{\"pulse_ns\":5}", 422, "/pulse_ns",
                                          "depends on direction and voltage only" };
    struct operating_points points = operating_points_default(net.n_layers);
    struct device device = device_of("direction,voltage_v,error_rate\n"
                                     "both,1.0,1e-3\nboth,1.2,1e-4\n");

    (void)state;
    check_points(&pulse, &points, NULL, &device, POINT_JSON_BASE);
    assert_int_equal(point_json_patch(body, sizeof(body) - 1, &net, NULL, &device,
                                      POINT_JSON_BASE, &points, &problem),
                     ST_OK);
    assert_false(points.base.has_target);
    assert_true(points.base.voltage_v[MTJ_AP2P] == 1.1);
    device_done(&device);
}

/* -- Memory -- */

/* jansson's own allocations, through the wrapped malloc of this program. */
static void *hooked_malloc(size_t size)
{
    return malloc(size);
}

static void hooked_free(void *p)
{
    free(p);
}

static void a_failed_allocation_leaves_the_point_alone(void **state)
{
    static const char body[] =
        "{\"write_voltage_v\":{\"p2ap\":1,\"ap2p\":1},\"pulse_ns\":5}";
    enum status st = ST_NOMEM;
    unsigned failed = 0;

    (void)state;
    json_set_alloc_funcs(hooked_malloc, hooked_free);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct operating_points before = operating_points_default(net.n_layers);
        struct operating_points points = before;
        fault_at(nth);
        st = point_json_patch(body, sizeof(body) - 1, &net, all_present, &junction,
                              POINT_JSON_BASE, &points, &problem);
        fault_off();
        if (st != ST_OK) {
            assert_true(operating_points_same(&points, &before));
            /* jansson does not always say why: 400 and 422 happen as well as 503. */
            assert_true(problem.status >= 400);
            failed++;
        }
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(failed > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_patch_changes_nothing),
        cmocka_unit_test(members_that_are_given_replace),
        cmocka_unit_test(null_takes_everything_back),
        cmocka_unit_test(voltages_end_a_target_and_the_other_way_round),
        cmocka_unit_test(one_given_null_and_the_other_given_is_a_choice),
        cmocka_unit_test(a_null_target_leaves_voltages_in_force),
        cmocka_unit_test(part_of_the_voltages_is_completed),
        cmocka_unit_test(conditions_of_the_other_mode_are_kept),
        cmocka_unit_test(what_is_no_object_is_a_400),
        cmocka_unit_test(wrong_members_are_a_422_that_names_them),
        cmocka_unit_test(voltages_keep_needing_a_pulse),
        cmocka_unit_test(out_of_iid_there_is_nothing_to_complete_from),
        cmocka_unit_test(all_violations_are_told),
        cmocka_unit_test(a_layer_states_members_and_inherits_the_rest),
        cmocka_unit_test(the_body_of_one_layer_is_the_same_patch),
        cmocka_unit_test(null_inherits_again),
        cmocka_unit_test(voltages_of_a_layer_are_completed_from_its_own),
        cmocka_unit_test(a_patch_of_the_base_may_not_break_a_layer),
        cmocka_unit_test(what_is_of_the_array_is_not_of_a_layer),
        cmocka_unit_test(a_device_without_a_voltage_has_no_use_for_one),
        cmocka_unit_test(voltages_go_without_a_pulse_where_the_device_has_none),
        cmocka_unit_test(a_failed_allocation_leaves_the_point_alone),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
