/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: presets, parameters by name, and copies. */
#include "tests/lib/fault.h"
#include "tests/unit/device_fixture.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

/* -- Presets -- */

static void presets_are_devices_within_range_and_usable_from_cold_to_hot(void **state)
{
    size_t n;
    const struct device_preset *presets = device_presets(&n);

    (void)state;
    assert_true(n >= 3);
    assert_string_equal(presets[0].name, "default");
    for (size_t i = 0; i < n; i++) {
        struct device device = preset(presets[i].name);
        struct mtj_pulse pulse;
        char why[ERR_LEN] = "";

        assert_true(strlen(presets[i].name) < DEVICE_NAME_LEN);
        assert_true(presets[i].what[0] != '\0' && presets[i].source[0] != '\0');
        assert_int_equal(device_check(&device, why), ST_OK);
        for (double k = 233.0; k <= 398.0; k += 16.5)
            assert_int_equal(device_check_temperature(&device, k, why), ST_OK);
        for (double k = 233.0; k <= 398.0; k += 55.0)
            assert_int_equal(device_cheapest_pulse(&device, 1e-3, k, &pulse, why), ST_OK);
    }
    assert_null(device_preset("defaul"));
    assert_null(device_preset(""));
}

static void presets_have_names_of_their_own(void **state)
{
    size_t n;
    const struct device_preset *presets = device_presets(&n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(device_preset(presets[i].name), &presets[i]);
}

static void what_nobody_chose_is_the_preset_default(void **state)
{
    struct device device = device_default();
    struct device made = { .kind = DEVICE_MTJ,
                           .params = device_preset("default")->params };

    (void)state;
    assert_true(device_same(&device, &made));
    assert_string_equal(device.name, "default");
}

/* Thermal stability, threshold, and the writes and retention of mtj-model.md, 14. */
static void variants_have_their_figures(void **state)
{
    static const struct {
        const char *name;
        double delta, critical_ua, v_3[2], pj_3, v_6[2], pj_6, ten_years;
    } rows[] = {
        { "default",
          61.2,
          36.9,
          { 0.570, 0.491 },
          0.373,
          { 0.761, 0.673 },
          0.688,
          8.9e-2 },
        { "retention",
          83.0,
          50.1,
          { 0.675, 0.587 },
          0.531,
          { 0.870, 0.776 },
          0.918,
          6.8e-7 },
        { "scaled", 49.2, 29.7, { 0.433, 0.374 }, 0.194, { 0.560, 0.493 }, 0.325, 0.50 },
    };
    static struct device_flips flips;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct device device = preset(rows[i].name);
        struct mtj_pulse pulse;
        struct mtj mtj;
        char why[ERR_LEN];

        assert_int_equal(mtj_init(&device.params, 300.0, &mtj, why), ST_OK);
        ASSERT_WITHIN(mtj.delta, rows[i].delta, 0.06);
        ASSERT_WITHIN(mtj.critical_a * 1e6, rows[i].critical_ua, 0.06);

        assert_int_equal(device_solve_pulse(&device, 1e-3, 10e-9, 300.0, &pulse, why),
                         ST_OK);
        ASSERT_WITHIN(pulse.voltage_v[MTJ_P2AP], rows[i].v_3[MTJ_P2AP], 6e-4);
        ASSERT_WITHIN(pulse.voltage_v[MTJ_AP2P], rows[i].v_3[MTJ_AP2P], 6e-4);
        ASSERT_WITHIN(toggle_pj(&device, &pulse), rows[i].pj_3, 8e-4);
        assert_int_equal(device_solve_pulse(&device, 1e-6, 10e-9, 300.0, &pulse, why),
                         ST_OK);
        ASSERT_WITHIN(pulse.voltage_v[MTJ_P2AP], rows[i].v_6[MTJ_P2AP], 6e-4);
        ASSERT_WITHIN(pulse.voltage_v[MTJ_AP2P], rows[i].v_6[MTJ_AP2P], 6e-4);
        ASSERT_WITHIN(toggle_pj(&device, &pulse), rows[i].pj_6, 8e-4);

        device_retention(&device, 10.0 * YEAR_S, 358.0, &flips);
        ASSERT_NEAR(0.5 * (flips.mean[0] + flips.mean[1]), rows[i].ten_years, 0.01);
    }
}

/* What their sources state of the two junctions of others. */
static void presets_of_others_meet_the_figures_of_their_sources(void **state)
{
    struct device arm = preset("arm-50nm"), ikeda = preset("ikeda-2010");
    char why[ERR_LEN];
    struct mtj mtj;

    (void)state;
    assert_int_equal(mtj_init(&ikeda.params, 300.0, &mtj, why), ST_OK);
    ASSERT_NEAR(mtj.delta, 43.0, 1e-3);
    ASSERT_NEAR(mtj.critical_a, 49e-6, 1e-3);

    /* Ki / tF less the demagnetisation, by volume. */
    const double mu0 = 1.25663706212e-6,
                 volume = 3.14159265358979 / 4.0 * 2500e-18 * 1e-9;
    double density = 1e-3 / 1e-9 - 0.5 * mu0 * 1.2e6 * 1.2e6 * (0.941 - 0.029);
    assert_int_equal(mtj_init(&arm.params, 300.0, &mtj, why), ST_OK);
    ASSERT_NEAR(mtj.delta, density * volume / (1.380649e-23 * 300.0), 1e-4);
    ASSERT_NEAR(mtj.parallel_ohm, 6000.0, 1e-4);
    ASSERT_NEAR(mtj.tmr, 2.0 * 0.75 * 0.75 / (1.0 - 0.75 * 0.75), 1e-4);
}

/* -- Parameters by name -- */

static double *member(struct mtj_params *params, const struct device_field *field)
{
    return (double *)(void *)((char *)params + field->offset);
}

static enum status check_with(const struct device_field *field, double value)
{
    struct device device = device_default();
    char why[ERR_LEN];

    *member(&device.params, field) = value * field->scale;
    return device_check(&device, why);
}

static void every_parameter_has_one_field(void **state)
{
    bool seen[sizeof(struct mtj_params) / sizeof(double)] = { false };
    size_t n;
    const struct device_field *fields = device_fields(&n);

    (void)state;
    assert_int_equal(n, sizeof(struct mtj_params) / sizeof(double));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(fields[i].offset % sizeof(double), 0);
        assert_false(seen[fields[i].offset / sizeof(double)]);
        seen[fields[i].offset / sizeof(double)] = true;
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(fields[i].name, fields[j].name);
    }
}

static void fields_have_the_ranges_that_the_check_enforces(void **state)
{
    size_t n;
    const struct device_field *fields = device_fields(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const struct device_field *field = &fields[i];
        double width = field->max - field->min;
        double below = field->above ? field->min : field->min - 1e-9 * width;

        assert_true(field->min < field->max);
        assert_int_equal(check_with(field, field->max), ST_OK);
        assert_int_equal(check_with(field, field->max + 1e-9 * width), ST_RANGE);
        assert_int_equal(check_with(field, field->min + 1e-9 * width), ST_OK);
        assert_int_equal(check_with(field, below), ST_RANGE);
        if (!field->above)
            assert_int_equal(check_with(field, field->min), ST_OK);
        assert_int_equal(check_with(field, NAN), ST_RANGE);
        assert_int_equal(check_with(field, INFINITY), ST_RANGE);
        assert_int_equal(check_with(field, -INFINITY), ST_RANGE);
    }
}

static void fields_state_the_defaults_in_the_users_units(void **state)
{
    static const struct {
        const char *name;
        double value;
    } rows[] = {
        { "diameter_nm", 40.0 },
        { "free_layer_nm", 1.6 },
        { "saturation_ka_per_m", 900.0 },
        { "anisotropy_t", 0.28 },
        { "ra_ohm_um2", 7.5 },
        { "bitline_ff", 60.0 },
        { "control_fj", 20.0 },
        { "read_ns", 2.0 },
        { "sense_fj", 5.0 },
        { "access_ohm", 2000.0 },
        { "read_v", 0.08 },
        { "sigma_ln_sense", 0.05 },
    };
    struct mtj_params params = device_default().params;
    size_t n, n_found = 0;
    const struct device_field *fields = device_fields(&n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++)
            if (strcmp(fields[i].name, rows[k].name) == 0) {
                ASSERT_NEAR(*member(&params, &fields[i]) / fields[i].scale, rows[k].value,
                            1e-12);
                n_found++;
            }
    assert_int_equal(n_found, sizeof(rows) / sizeof(rows[0]));
}

static void a_parameter_out_of_range_is_named(void **state)
{
    struct device device = device_default();
    char why[ERR_LEN] = "";

    (void)state;
    device.params.damping = 0.5;
    assert_int_equal(device_check(&device, why), ST_RANGE);
    assert_non_null(strstr(why, "damping"));
    assert_non_null(strstr(why, "0.002 .. 0.1"));
}

static void the_greatest_parameters_derive_nothing_infinite(void **state)
{
    size_t n;
    const struct device_field *fields = device_fields(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct device device = device_default();

        *member(&device.params, &fields[i]) = fields[i].max * fields[i].scale;
        for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
            struct mtj_mean mean = device_mean(&device, to, 0.6, 10e-9, 300.0);
            struct device_read_energy read = device_read_energy(&device, 300.0);

            assert_true(isfinite(mean.ln_error_rate) && mean.ln_error_rate <= 0.0);
            assert_true(isfinite(mean.toggle_pj) && isfinite(mean.hold_pj));
            assert_true(isfinite(read.cell_pj[to]) && isfinite(read.pair_pj));
        }
    }
}

/* -- Copies -- */

static void copies_are_the_same_and_names_do_not_count(void **state)
{
    struct device device = device_default(), table = table_device(grid), copy;

    (void)state;
    assert_int_equal(device_copy(&device, &copy), ST_OK);
    (void)snprintf(copy.name, sizeof(copy.name), "another");
    assert_true(device_same(&device, &copy));
    copy.params.sigma_ln_reference *= 1.0 + DBL_EPSILON;
    assert_false(device_same(&device, &copy));
    assert_false(device_same(&device, &table));
    assert_false(device_same(&table, &device));
    device_done(&copy);

    assert_int_equal(device_copy(&table, &copy), ST_OK);
    assert_ptr_not_equal(copy.table, table.table);
    assert_true(device_same(&table, &copy));
    device_done(&table); /* the copy is a deep one */
    ASSERT_NEAR(device_mean(&copy, MTJ_P2AP, 0.8, 5e-9, 300.0).error_rate, 1e-5, 1e-12);
    device_done(&copy);
    device_done(&copy);
}

static void a_failed_copy_leaves_nothing_behind(void **state)
{
    struct device table = table_device(grid), copy = { .name = "" };
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = device_copy(&table, &copy);
        (void)fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && copy.table == NULL));
    }
    device_done(&copy);
    device_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_devices_within_range_and_usable_from_cold_to_hot),
        cmocka_unit_test(presets_have_names_of_their_own),
        cmocka_unit_test(what_nobody_chose_is_the_preset_default),
        cmocka_unit_test(variants_have_their_figures),
        cmocka_unit_test(presets_of_others_meet_the_figures_of_their_sources),
        cmocka_unit_test(every_parameter_has_one_field),
        cmocka_unit_test(fields_have_the_ranges_that_the_check_enforces),
        cmocka_unit_test(fields_state_the_defaults_in_the_users_units),
        cmocka_unit_test(a_parameter_out_of_range_is_named),
        cmocka_unit_test(the_greatest_parameters_derive_nothing_infinite),
        cmocka_unit_test(copies_are_the_same_and_names_do_not_count),
        cmocka_unit_test(a_failed_copy_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
