/* SPDX-License-Identifier: Apache-2.0 */
/* Write conditions as an operator states them: what is refused, what is filled in. */
#include "core/operating_point.h"

#include "core/device.h"
#include "tests/lib/near.h"

#include <string.h>

static struct operating_point_resolved resolved;

static enum status resolve(const struct operating_point *op, const char **ret_field,
                           char why[ERR_LEN])
{
    struct device device = device_default();

    memset(&resolved, 0xff, sizeof(resolved));
    return operating_point_resolve(op, &device, &resolved, ret_field, why);
}

static void resolves(const struct operating_point *op)
{
    const char *field = NULL;
    char why[ERR_LEN] = "";

    assert_int_equal(resolve(op, &field, why), ST_OK);
}

static void is_refused(const struct operating_point *op, enum status st,
                       const char *field, const char *why)
{
    const char *got_field = NULL;
    char got_why[ERR_LEN] = "";
    unsigned char first;

    assert_int_equal(resolve(op, &got_field, got_why), st);
    assert_string_equal(got_field, field);
    assert_string_equal(got_why, why);
    memcpy(&first, &resolved, 1);
    assert_int_equal(first, 0xff); /* untouched */
}

/* Voltages and a pulse, mode device. */
static struct operating_point as_voltages(void)
{
    struct operating_point op = operating_point_default();

    op.has_target = false;
    op.has_pulse = true;
    op.pulse_ns = 10.0;
    op.voltage_v[MTJ_P2AP] = 0.5696;
    op.voltage_v[MTJ_AP2P] = 0.4914;
    return op;
}

static void set_rates(struct operating_point *op, double rate)
{
    op->bit_error_rate[0] = op->bit_error_rate[1] = rate;
}

static void the_default_is_a_strong_cheap_write(void **state)
{
    struct operating_point op = operating_point_default();

    (void)state;
    assert_int_equal(op.mode, MRAM_DEVICE);
    assert_int_equal(op.over, MRAM_OVER_PRESENT);
    assert_int_equal(op.seed, 1);
    assert_true(op.has_target && !op.has_pulse);

    resolves(&op);
    ASSERT_NEAR(resolved.pulse.pulse_s, 27.5e-9, 7e-3);
    ASSERT_WITHIN(resolved.pulse.voltage_v[MTJ_P2AP], 0.530, 1e-3);
    ASSERT_WITHIN(resolved.pulse.voltage_v[MTJ_AP2P], 0.455, 1e-3);
    assert_true(resolved.pulse.temperature_k == 300.0);
    for (int to = 0; to < 2; to++)
        ASSERT_NEAR(resolved.mean[to].error_rate, 1e-9, 1e-6);
    ASSERT_NEAR(0.5 * (resolved.mean[0].toggle_pj + resolved.mean[1].toggle_pj), 0.814,
                2e-3);
}

static void a_target_with_a_pulse_gets_its_voltages(void **state)
{
    struct operating_point op = operating_point_default();

    (void)state;
    op.target_write_error_rate = 1e-3;
    op.has_pulse = true;
    op.pulse_ns = 10.0;
    resolves(&op);
    ASSERT_NEAR(resolved.pulse.pulse_s, 10e-9, 1e-15);
    ASSERT_WITHIN(resolved.pulse.voltage_v[MTJ_P2AP], 0.5696, 1e-4);
    ASSERT_WITHIN(resolved.pulse.voltage_v[MTJ_AP2P], 0.4914, 1e-4);
}

static void voltages_and_pulse_are_taken_as_asked(void **state)
{
    struct operating_point op = as_voltages();

    (void)state;
    resolves(&op);
    assert_true(resolved.pulse.voltage_v[MTJ_P2AP] == 0.5696);
    assert_true(resolved.pulse.voltage_v[MTJ_AP2P] == 0.4914);
    ASSERT_NEAR(resolved.mean[MTJ_P2AP].error_rate, 1e-3, 2e-3);
    ASSERT_NEAR(resolved.mean[MTJ_AP2P].error_rate, 1e-3, 2e-3);
}

static void range_ends_are_allowed(void **state)
{
    struct operating_point op = as_voltages();
    const char *field = NULL;
    char why[ERR_LEN];

    (void)state;
    op.pulse_ns = 0.2;
    resolves(&op);
    op.pulse_ns = 1e6;
    resolves(&op);
    op.voltage_v[0] = 0.0;
    op.voltage_v[1] = MTJ_MAX_VOLTAGE_V;
    op.temperature_k = MTJ_MIN_TEMPERATURE_K;
    op.seed = (UINT64_C(1) << 53) - 1;
    resolves(&op);
    op.temperature_k = MTJ_MAX_TEMPERATURE_K;
    resolves(&op);

    op = operating_point_default();
    op.has_pulse = true;
    op.target_write_error_rate = 0.5;
    op.pulse_ns = 1e6;
    resolves(&op);
    op.pulse_ns = 0.2; /* allowed, though too short for any voltage */
    assert_int_equal(resolve(&op, &field, why), ST_UNREACHABLE);

    op.mode = MRAM_IID;
    set_rates(&op, 1.0);
    resolves(&op);
    set_rates(&op, 0.0);
    resolves(&op);
}

static void uniform_has_means_and_no_classes(void **state)
{
    struct operating_point op = as_voltages();

    (void)state;
    op.mode = MRAM_UNIFORM;
    resolves(&op);
    assert_true(resolved.mean[0].error_rate > 0.0);
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        assert_true(resolved.classes.weight[c] == 0.0);
}

static void device_has_the_class_table_of_its_pulse(void **state)
{
    static struct mtj_class_table table;
    struct mtj_params params = device_default().params;
    struct operating_point op = as_voltages();

    (void)state;
    resolves(&op);
    mtj_class_table(&params, &resolved.pulse, &table);
    assert_memory_equal(&table, &resolved.classes, sizeof(table));
}

static void iid_knows_no_physics(void **state)
{
    static const struct operating_point_resolved zero;
    struct operating_point op = operating_point_default();

    (void)state;
    op.mode = MRAM_IID;
    set_rates(&op, 1e-3);
    op.target_write_error_rate = NAN; /* not used, not looked at */
    resolves(&op);
    assert_memory_equal(&resolved, &zero, sizeof(zero));
}

static void what_is_out_of_range_is_named(void **state)
{
    const struct operating_point good = as_voltages();
    struct operating_point op = good;

    (void)state;
    op.pulse_ns = 0.0;
    is_refused(&op, ST_RANGE, "pulse_ns", "pulse_ns: 0 is outside 0.2 .. 1000000");
    op.pulse_ns = 1000001.0;
    is_refused(&op, ST_RANGE, "pulse_ns", "pulse_ns: 1000001 is outside 0.2 .. 1000000");
    op.has_pulse = false;
    is_refused(&op, ST_RANGE, "pulse_ns",
               "pulse_ns: missing; voltages need one, 0.2 .. 1000000");

    op = good;
    op.voltage_v[MTJ_P2AP] = -0.1;
    is_refused(&op, ST_RANGE, "write_voltage_v/p2ap",
               "write_voltage_v/p2ap: -0.1 is outside 0 .. 1.5");
    op = good;
    op.voltage_v[MTJ_AP2P] = 1.6;
    is_refused(&op, ST_RANGE, "write_voltage_v/ap2p",
               "write_voltage_v/ap2p: 1.6 is outside 0 .. 1.5");

    op = good;
    op.temperature_k = 500.0;
    is_refused(&op, ST_RANGE, "temperature_k",
               "temperature_k: 500 is outside 200 .. 450");

    op = good;
    op.seed = UINT64_C(1) << 53;
    is_refused(&op, ST_RANGE, "seed",
               "seed: 9007199254740992 is outside 0 .. 9007199254740991");

    op = operating_point_default();
    op.target_write_error_rate = 0.0;
    is_refused(&op, ST_RANGE, "target_write_error_rate",
               "target_write_error_rate: 0 is outside 0 .. 1 (excluded)");
    op.target_write_error_rate = 1.0;
    is_refused(&op, ST_RANGE, "target_write_error_rate",
               "target_write_error_rate: 1 is outside 0 .. 1 (excluded)");

    op.mode = MRAM_IID;
    set_rates(&op, 1.5);
    is_refused(&op, ST_RANGE, "bit_error_rate/to_p",
               "bit_error_rate/to_p: 1.5 is outside 0 .. 1");
    set_rates(&op, 0.5);
    op.temperature_k = 100.0;
    is_refused(&op, ST_RANGE, "temperature_k",
               "temperature_k: 100 is outside 200 .. 450");
}

static void what_is_no_number_is_out_of_range(void **state)
{
    static const double bad[] = { NAN, INFINITY, -INFINITY };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *field = NULL;
        char why[ERR_LEN];
        struct operating_point op = as_voltages();

        op.pulse_ns = bad[i];
        assert_int_equal(resolve(&op, &field, why), ST_RANGE);
        assert_string_equal(field, "pulse_ns");
        op = as_voltages();
        op.voltage_v[MTJ_AP2P] = bad[i];
        assert_int_equal(resolve(&op, &field, why), ST_RANGE);
        assert_string_equal(field, "write_voltage_v/ap2p");
        op.temperature_k = bad[i];
        assert_int_equal(resolve(&op, &field, why), ST_RANGE);
        assert_string_equal(field, "temperature_k");
        op = operating_point_default();
        op.target_write_error_rate = bad[i];
        assert_int_equal(resolve(&op, &field, why), ST_RANGE);
        assert_string_equal(field, "target_write_error_rate");
        op.mode = MRAM_IID;
        set_rates(&op, bad[i]);
        assert_int_equal(resolve(&op, &field, why), ST_RANGE);
        assert_string_equal(field, "bit_error_rate/to_p");
    }
}

static void a_target_out_of_reach_names_the_field_and_what_is_reached(void **state)
{
    struct operating_point op = operating_point_default();
    const char *field = NULL;
    char why[ERR_LEN] = "";

    (void)state;
    op.has_pulse = true;
    op.pulse_ns = 1.0;
    assert_int_equal(resolve(&op, &field, why), ST_UNREACHABLE);
    assert_string_equal(field, "target_write_error_rate");
    assert_ptr_equal(
        strstr(why,
               "target_write_error_rate: P2AP: 1.5 V for 1 ns at 300 K still leaves"),
        why);
}

static void a_device_that_melts_away_refuses_the_temperature(void **state)
{
    struct device device = device_default();
    struct operating_point op = as_voltages();
    const char *field = NULL;
    char why[ERR_LEN] = "";

    (void)state;
    device.params.diameter_m = 28e-9; /* Delta 30 at 300 K, 14 at 450 K */
    op.temperature_k = 450.0;
    assert_int_equal(operating_point_resolve(&op, &device, &resolved, &field, why),
                     ST_RANGE);
    assert_string_equal(field, "temperature_k");
    assert_non_null(strstr(why, "20 .. 200"));
    op.temperature_k = 300.0;
    assert_int_equal(operating_point_resolve(&op, &device, &resolved, &field, why),
                     ST_OK);
}

static void the_write_of_each_mode_carries_what_it_needs(void **state)
{
    struct operating_point op = as_voltages();

    (void)state;
    op.over = MRAM_OVER_COMPLEMENT;
    resolves(&op);
    struct mram_write write = operating_point_write(&op, &resolved, 7);
    assert_int_equal(write.mode, MRAM_DEVICE);
    assert_int_equal(write.over, MRAM_OVER_COMPLEMENT);
    assert_int_equal(write.generation, 7);
    assert_ptr_equal(write.classes, &resolved.classes);

    op.mode = MRAM_UNIFORM;
    resolves(&op);
    write = operating_point_write(&op, &resolved, 8);
    assert_int_equal(write.mode, MRAM_UNIFORM);
    assert_null(write.classes);
    for (int to = 0; to < 2; to++) {
        assert_true(write.error_rate[to] == resolved.mean[to].error_rate);
        assert_true(write.toggle_pj[to] == resolved.mean[to].toggle_pj);
        assert_true(write.hold_pj[to] == resolved.mean[to].hold_pj);
    }

    op.mode = MRAM_IID;
    set_rates(&op, 0.25);
    resolves(&op);
    write = operating_point_write(&op, &resolved, 9);
    assert_int_equal(write.mode, MRAM_IID);
    assert_true(write.flip_rate[0] == 0.25 && write.flip_rate[1] == 0.25);
    assert_true(write.toggle_pj[0] == 0.0 && write.error_rate[0] == 0.0);
}

static void names_go_both_ways(void **state)
{
    static const char *const modes[] = { "device", "uniform", "iid" };
    static const char *const overs[] = { "present", "random", "complement", "erased_p",
                                         "erased_ap" };
    enum mram_mode mode = MRAM_IID;
    enum mram_over over = MRAM_OVER_ERASED_AP;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_string_equal(operating_point_mode_name((enum mram_mode)i), modes[i]);
        assert_true(operating_point_mode_from_name(modes[i], &mode));
        assert_int_equal(mode, i);
    }
    for (int i = 0; i < 5; i++) {
        assert_string_equal(operating_point_over_name((enum mram_over)i), overs[i]);
        assert_true(operating_point_over_from_name(overs[i], &over));
        assert_int_equal(over, i);
    }
    assert_false(operating_point_mode_from_name("Device", &mode));
    assert_false(operating_point_mode_from_name("", &mode));
    assert_false(operating_point_over_from_name("erased", &over));
    assert_int_equal(mode, MRAM_IID);
    assert_int_equal(over, MRAM_OVER_ERASED_AP);
}

static void retries_and_rates_by_direction_have_ranges(void **state)
{
    struct operating_point op = as_voltages();

    (void)state;
    op.verify_retries = MRAM_MAX_RETRIES;
    resolves(&op);
    op.verify_retries = MRAM_MAX_RETRIES + 1;
    is_refused(&op, ST_RANGE, "verify_retries", "verify_retries: 8 is outside 0 .. 7");
    op.mode = MRAM_IID; /* not used there */
    op.bit_error_rate[MTJ_AP2P] = -0.5;
    is_refused(&op, ST_RANGE, "bit_error_rate/to_ap",
               "bit_error_rate/to_ap: -0.5 is outside 0 .. 1");
}

/* A number of its own in every member. */
static struct operating_point strange(void)
{
    return (struct operating_point) {
        .mode = MRAM_UNIFORM,
        .over = MRAM_OVER_ERASED_P,
        .temperature_k = 333.0,
        .bit_error_rate = { 0.1, 0.2 },
        .has_target = false,
        .target_write_error_rate = 0.01,
        .has_pulse = true,
        .pulse_ns = 12.0,
        .voltage_v = { 0.5, 0.6 },
        .ecc = ECC_BCH2,
        .pairs = true,
        .polarity = MRAM_POLARITY_SEEDED,
        .verify_retries = 3,
    };
}

static void a_layer_states_members_and_inherits_the_rest(void **state)
{
    struct operating_points points = operating_points_default(2);
    struct operating_point all = strange();

    (void)state;
    for (unsigned bit = 0; 1u << bit <= OPERATING_ALL_MEMBERS; bit++) {
        points.layers[1].set = 1u << bit;
        points.layers[1].op = all;
        struct operating_point first = operating_points_at(&points, 0);
        struct operating_point second = operating_points_at(&points, 1);

        assert_true(operating_point_same(&first, &points.base));
        assert_false(operating_point_same(&second, &points.base));
        /* With the other members it is all of the layer's. */
        operating_point_take(&second, OPERATING_ALL_MEMBERS & ~(1u << bit), &all);
        second.seed = all.seed; /* the base's alone */
        assert_true(operating_point_same(&second, &all));
    }
    points.layers[1].set = OPERATING_ECC;
    points.base.ecc = ECC_SECDED;
    points.base.temperature_k = 250.0;
    assert_int_equal(operating_points_at(&points, 1).ecc, ECC_BCH2);
    assert_true(operating_points_at(&points, 1).temperature_k == 250.0);
}

static void points_are_the_same_if_every_layer_is(void **state)
{
    struct operating_points a = operating_points_default(3), b = a;

    (void)state;
    assert_true(operating_points_same(&a, &b));
    b.layers[2].op.ecc = ECC_SECDED; /* not stated: not looked at */
    assert_true(operating_points_same(&a, &b));
    b.layers[2].set = OPERATING_ECC;
    assert_false(operating_points_same(&a, &b));
    a.layers[2] = b.layers[2];
    assert_true(operating_points_same(&a, &b));
    b.base.read_disturb = true;
    assert_false(operating_points_same(&a, &b));
}

static void a_table_without_voltages_needs_no_target(void **state)
{
    static const char text[] = "direction,temperature_k,error_rate\n"
                               "both,300,1e-3\nboth,400,1e-2\n";
    struct device device = device_default();
    struct operating_point op = operating_point_default();
    const char *field;
    char why[ERR_LEN];

    (void)state;
    device.kind = DEVICE_TABLE;
    assert_int_equal(device_table_parse(text, sizeof(text) - 1, &device.table, why),
                     ST_OK);
    op.temperature_k = 350.0;
    assert_int_equal(operating_point_resolve(&op, &device, &resolved, &field, why),
                     ST_OK);
    assert_true(resolved.pulse.pulse_s == 0.0 && resolved.pulse.voltage_v[0] == 0.0);
    ASSERT_NEAR(resolved.mean[0].error_rate, sqrt(1e-5), 1e-9);
    device_done(&device);
}

/* Cryogenic memories are measured far below what the physics of a junction is made for.
 */
static void a_table_is_written_at_the_temperatures_it_may_state(void **state)
{
    static const char text[] = "direction,voltage_v,temperature_k,error_rate\n"
                               "both,0.4,77,1e-2\nboth,0.8,77,1e-6\n"
                               "both,0.4,300,1e-3\nboth,0.8,300,1e-7\n";
    static const double outside[] = { 0.9, 1001.0, NAN };
    struct device device = { .kind = DEVICE_TABLE, .params = device_default().params };
    struct operating_point op = operating_point_default();
    struct operating_point_resolved got;
    const char *field = NULL;
    char why[ERR_LEN];

    (void)state;
    assert_int_equal(device_table_parse(text, sizeof(text) - 1, &device.table, why),
                     ST_OK);
    op.target_write_error_rate = 1e-4;
    op.temperature_k = 77.0;
    assert_int_equal(operating_point_resolve(&op, &device, &got, &field, why), ST_OK);
    assert_string_equal(got.remark, "");
    /* Half of the way in ln rate, and in voltage. */
    ASSERT_NEAR(got.pulse.voltage_v[MTJ_P2AP], 0.6, 1e-9);
    ASSERT_NEAR(got.mean[MTJ_AP2P].error_rate, 1e-4, 1e-9);

    /* The ends are those of the text; between them and what was measured a remark says
     * what is taken. */
    for (double k = DEVICE_TABLE_MIN_TEMPERATURE_K; k <= DEVICE_TABLE_MAX_TEMPERATURE_K;
         k += DEVICE_TABLE_MAX_TEMPERATURE_K - DEVICE_TABLE_MIN_TEMPERATURE_K) {
        op.temperature_k = k;
        assert_int_equal(operating_point_resolve(&op, &device, &got, &field, why), ST_OK);
        assert_non_null(strstr(got.remark, "K was not measured"));
    }
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        op.temperature_k = outside[i];
        assert_int_equal(operating_point_resolve(&op, &device, &got, &field, why),
                         ST_RANGE);
        assert_string_equal(field, "temperature_k");
        assert_non_null(strstr(why, "is outside 1 .. 1000"));
    }
    device_done(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_a_strong_cheap_write),
        cmocka_unit_test(a_target_with_a_pulse_gets_its_voltages),
        cmocka_unit_test(voltages_and_pulse_are_taken_as_asked),
        cmocka_unit_test(range_ends_are_allowed),
        cmocka_unit_test(uniform_has_means_and_no_classes),
        cmocka_unit_test(device_has_the_class_table_of_its_pulse),
        cmocka_unit_test(iid_knows_no_physics),
        cmocka_unit_test(what_is_out_of_range_is_named),
        cmocka_unit_test(what_is_no_number_is_out_of_range),
        cmocka_unit_test(a_target_out_of_reach_names_the_field_and_what_is_reached),
        cmocka_unit_test(a_device_that_melts_away_refuses_the_temperature),
        cmocka_unit_test(the_write_of_each_mode_carries_what_it_needs),
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(retries_and_rates_by_direction_have_ranges),
        cmocka_unit_test(a_layer_states_members_and_inherits_the_rest),
        cmocka_unit_test(points_are_the_same_if_every_layer_is),
        cmocka_unit_test(a_table_without_voltages_needs_no_target),
        cmocka_unit_test(a_table_is_written_at_the_temperatures_it_may_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
