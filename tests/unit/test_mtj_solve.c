/* SPDX-License-Identifier: Apache-2.0 */
/* Inverse problems: the voltage for a target, the cheapest pulse, what cannot be reached.
 */
#include "core/mtj_array.h"

#include "core/device.h"
#include "tests/unit/mtj_array_fixture.h"

#include <stdbool.h>
#include <string.h>

static struct mtj_pulse cheapest(const struct mtj_params *params, double target)
{
    struct mtj_pulse pulse = { 0 };
    char why[ERR_LEN];

    assert_int_equal(mtj_cheapest_pulse(params, target, 300.0, SUPPLY_V, &pulse, why),
                     ST_OK);
    return pulse;
}

/* Mean toggle energy of both directions. */
static double toggle_pj(const struct mtj_params *params, const struct mtj_pulse *pulse)
{
    double sum = 0.0;

    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        sum += mtj_array_mean(params, to, pulse->voltage_v[to], pulse->pulse_s,
                              pulse->temperature_k)
                   .toggle_pj;
    return 0.5 * sum;
}

static const struct {
    double target, voltage_v[2], energy_pj, cheapest_ns, cheapest_v[2], cheapest_pj;
} operating_points[] = {
    { 1e-2, { 0.5008, 0.4277 }, 0.288, 12.0, { 0.461, 0.391 }, 0.286 },
    { 1e-3, { 0.5696, 0.4914 }, 0.373, 14.2, { 0.480, 0.409 }, 0.360 },
    { 1e-4, { 0.6349, 0.5527 }, 0.468, 16.5, { 0.493, 0.421 }, 0.434 },
    { 1e-6, { 0.7608, 0.6731 }, 0.688, 21.0, { 0.512, 0.438 }, 0.584 },
    { 1e-8, { 0.8837, 0.7930 }, 0.953, 25.3, { 0.525, 0.450 }, 0.736 },
    { 1e-9, { 0.9446, 0.8530 }, 1.103, 27.5, { 0.530, 0.455 }, 0.814 },
};

#define N_POINTS (sizeof(operating_points) / sizeof(operating_points[0]))

static void voltages_for_a_target_have_their_figures(void **state)
{
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < N_POINTS; i++) {
        struct mtj_pulse pulse = solve(&params, operating_points[i].target, 10e-9);

        for (int to = 0; to < 2; to++)
            ASSERT_WITHIN(pulse.voltage_v[to], operating_points[i].voltage_v[to], 1e-4);
        assert_true(pulse.pulse_s == 10e-9 && pulse.temperature_k == 300.0);
        ASSERT_NEAR(toggle_pj(&params, &pulse), operating_points[i].energy_pj, 2e-3);
    }
}

static void cheapest_pulses_have_their_figures(void **state)
{
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < N_POINTS; i++) {
        struct mtj_pulse pulse = cheapest(&params, operating_points[i].target);

        /* The energy is flat at its least: the width is known to half a percent. */
        ASSERT_NEAR(pulse.pulse_s * 1e9, operating_points[i].cheapest_ns, 7e-3);
        for (int to = 0; to < 2; to++)
            ASSERT_WITHIN(pulse.voltage_v[to], operating_points[i].cheapest_v[to], 1e-3);
        ASSERT_NEAR(toggle_pj(&params, &pulse), operating_points[i].cheapest_pj, 2e-3);
    }
}

static void no_other_width_is_cheaper(void **state)
{
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < N_POINTS; i++) {
        struct mtj_pulse best = cheapest(&params, operating_points[i].target);
        double least = toggle_pj(&params, &best);

        for (double pulse_s = 3e-9; pulse_s < 100e-9; pulse_s *= 1.15) {
            struct mtj_pulse other;
            char why[ERR_LEN];

            if (mtj_solve_pulse(&params, operating_points[i].target, pulse_s, 300.0,
                                SUPPLY_V, &other, why) != ST_OK)
                continue;
            assert_true(least <= toggle_pj(&params, &other) * (1.0 + 1e-4));
        }
    }
}

static void strong_writes_cost_more_the_shorter_the_pulse(void **state)
{
    static const struct {
        double pulse_ns, ratio; /* E(1e-6) / E(1e-3) */
    } rows[] = {
        { 5, 2.12 }, { 7, 1.99 }, { 10, 1.84 }, { 15, 1.68 }, { 20, 1.57 }, { 50, 1.34 },
    };
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtj_pulse weak = solve(&params, 1e-3, rows[i].pulse_ns * 1e-9);
        struct mtj_pulse strong = solve(&params, 1e-6, rows[i].pulse_ns * 1e-9);

        ASSERT_WITHIN(toggle_pj(&params, &strong) / toggle_pj(&params, &weak),
                      rows[i].ratio, 6e-3);
    }
}

static void variants_have_their_figures(void **state)
{
    static const struct {
        double diameter_m, anisotropy_t, ra_ohm_m2;
        double delta, critical_ua, weak_v[2], weak_pj, strong_v[2], strong_pj, flipped;
    } rows[] = {
        { 40e-9,
          0.28,
          7.5e-12,
          61.2,
          36.9,
          { 0.570, 0.491 },
          0.373,
          { 0.761, 0.673 },
          0.688,
          8.9e-2 },
        { 40e-9,
          0.38,
          7.5e-12,
          83.0,
          50.1,
          { 0.675, 0.587 },
          0.531,
          { 0.870, 0.776 },
          0.918,
          6.8e-7 },
        { 30e-9,
          0.40,
          5.0e-12,
          49.2,
          29.7,
          { 0.433, 0.374 },
          0.194,
          { 0.560, 0.493 },
          0.325,
          0.50 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtj_params params = device_default().params;
        struct mtj nominal;

        params.diameter_m = rows[i].diameter_m;
        params.anisotropy_t = rows[i].anisotropy_t;
        params.ra_ohm_m2 = rows[i].ra_ohm_m2;
        mtj_init_unchecked(&params, 300.0, &nominal);
        struct mtj_pulse weak = solve(&params, 1e-3, 10e-9);
        struct mtj_pulse strong = solve(&params, 1e-6, 10e-9);

        ASSERT_WITHIN(nominal.delta, rows[i].delta, 0.06);
        ASSERT_WITHIN(nominal.critical_a * 1e6, rows[i].critical_ua, 0.06);
        for (int to = 0; to < 2; to++) {
            ASSERT_WITHIN(weak.voltage_v[to], rows[i].weak_v[to], 6e-4);
            ASSERT_WITHIN(strong.voltage_v[to], rows[i].strong_v[to], 6e-4);
        }
        ASSERT_WITHIN(toggle_pj(&params, &weak), rows[i].weak_pj, 1e-3);
        ASSERT_WITHIN(toggle_pj(&params, &strong), rows[i].strong_pj, 1e-3);
        ASSERT_NEAR(retention(&params, 10 * YEAR_S, 358.0), rows[i].flipped, 1.5e-2);
    }
}

static void a_solved_voltage_gives_its_target_back(void **state)
{
    static const double targets[] = { 0.9999, 0.5,  1e-2, 1e-3,  1e-4, 1e-5,
                                      1e-6,   1e-8, 1e-9, 1e-10, 1e-12 };
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
            for (double temperature_k = 233.0; temperature_k < 400.0;
                 temperature_k += 55.0) {
                char why[ERR_LEN];
                double voltage_v;

                assert_int_equal(mtj_solve_voltage(&params, to, targets[i], 15e-9,
                                                   temperature_k, SUPPLY_V, &voltage_v,
                                                   why),
                                 ST_OK);
                ASSERT_NEAR(mtj_array_mean(&params, to, voltage_v, 15e-9, temperature_k)
                                .error_rate,
                            targets[i], 1e-5);
            }
}

static void a_stricter_target_takes_more_voltage(void **state)
{
    struct mtj_params params = device_default().params;
    struct mtj_pulse before = { { 0.0, 0.0 }, 0.0, 0.0 };

    (void)state;
    for (double target = 0.9; target > 1e-12; target *= 0.1) {
        struct mtj_pulse pulse = solve(&params, target, 10e-9);

        for (int to = 0; to < 2; to++)
            assert_true(pulse.voltage_v[to] > before.voltage_v[to]);
        before = pulse;
    }
}

static void a_target_out_of_reach_says_what_is_reached(void **state)
{
    struct mtj_params params = device_default().params;
    struct mtj_pulse pulse = { { -1.0, -1.0 }, -1.0, -1.0 };
    char why[ERR_LEN] = "";

    (void)state;
    assert_int_equal(mtj_solve_pulse(&params, 1e-9, 1e-9, 300.0, SUPPLY_V, &pulse, why),
                     ST_UNREACHABLE);
    assert_non_null(strstr(why, "P2AP: 1.5 V for 1 ns at 300 K still leaves"));
    assert_non_null(strstr(why, "above 1e-09"));
    assert_int_equal(mtj_cheapest_pulse(&params, 1e-9, 300.0, 0.2, &pulse, why),
                     ST_UNREACHABLE);
    assert_non_null(strstr(why, "0.2 V"));
    assert_true(pulse.pulse_s == -1.0 && pulse.voltage_v[0] == -1.0);
}

static void the_cheapest_pulse_obeys_the_supply_limit(void **state)
{
    struct mtj_params params = device_default().params;
    struct mtj_pulse free = cheapest(&params, 1e-6);

    (void)state;
    for (double limit_v = 0.51; limit_v > 0.44; limit_v -= 0.01) {
        struct mtj_pulse pulse;
        char why[ERR_LEN];

        assert_int_equal(mtj_cheapest_pulse(&params, 1e-6, 300.0, limit_v, &pulse, why),
                         ST_OK);
        assert_true(pulse.voltage_v[0] <= limit_v && pulse.voltage_v[1] <= limit_v);
        assert_true(pulse.pulse_s > free.pulse_s);
        /* as short as the limit lets it be */
        ASSERT_NEAR(pulse.voltage_v[0], limit_v, 5e-3);
    }
}

static void a_target_that_needs_no_voltage_takes_the_least(void **state)
{
    struct mtj_params params = device_default().params;
    char why[ERR_LEN];
    double voltage_v;

    (void)state;
    params.diameter_m = 15e-9; /* falls over by itself within the pulse */
    assert_int_equal(mtj_solve_voltage(&params, MTJ_P2AP, 0.9999999, 1e-3, 450.0,
                                       SUPPLY_V, &voltage_v, why),
                     ST_OK);
    assert_true(voltage_v == 1e-3);
}

static void conditions_outside_their_range_are_refused(void **state)
{
    static const struct {
        double target, pulse_s, temperature_k, limit_v;
        const char *name;
    } rows[] = {
        { 0.0, 10e-9, 300, 1.5, "target: 0 is outside 0 .. 1 (excluded)" },
        { 1.0, 10e-9, 300, 1.5, "target: " },
        { NAN, 10e-9, 300, 1.5, "target: " },
        { 1e-3, 0.1e-9, 300, 1.5, "pulse_s: " },
        { 1e-3, INFINITY, 300, 1.5, "pulse_s: " },
        { 1e-3, 10e-9, 100, 1.5, "temperature_k: " },
        { 1e-3, 10e-9, 300, 3.1, "max_voltage_v: " },
    };
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtj_pulse pulse;
        char why[ERR_LEN] = "";
        double voltage_v;

        assert_int_equal(mtj_solve_pulse(&params, rows[i].target, rows[i].pulse_s,
                                         rows[i].temperature_k, rows[i].limit_v, &pulse,
                                         why),
                         ST_RANGE);
        assert_ptr_equal(strstr(why, rows[i].name), why);
        assert_int_equal(mtj_solve_voltage(&params, MTJ_P2AP, rows[i].target,
                                           rows[i].pulse_s, rows[i].temperature_k,
                                           rows[i].limit_v, &voltage_v, why),
                         ST_RANGE);
    }

    char why[ERR_LEN] = "";
    struct mtj_pulse pulse;
    assert_int_equal(mtj_cheapest_pulse(&params, 1e-3, NAN, 1.5, &pulse, why), ST_RANGE);
    assert_ptr_equal(strstr(why, "temperature_k: "), why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(voltages_for_a_target_have_their_figures),
        cmocka_unit_test(cheapest_pulses_have_their_figures),
        cmocka_unit_test(no_other_width_is_cheaper),
        cmocka_unit_test(strong_writes_cost_more_the_shorter_the_pulse),
        cmocka_unit_test(variants_have_their_figures),
        cmocka_unit_test(a_solved_voltage_gives_its_target_back),
        cmocka_unit_test(a_stricter_target_takes_more_voltage),
        cmocka_unit_test(a_target_out_of_reach_says_what_is_reached),
        cmocka_unit_test(the_cheapest_pulse_obeys_the_supply_limit),
        cmocka_unit_test(a_target_that_needs_no_voltage_takes_the_least),
        cmocka_unit_test(conditions_outside_their_range_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
