/* SPDX-License-Identifier: Apache-2.0 */
/* One cell: derived quantities, the circuit around the junction, write, read, retention.
 */
#include "core/mtj.h"

#include "core/device.h"
#include "tests/lib/near.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DAY_S  86400.0
#define YEAR_S (365.25 * DAY_S)

static const double temperatures_k[] = { 233.0, 300.0, 358.0, 398.0 };

#define N_TEMPERATURES (sizeof(temperatures_k) / sizeof(temperatures_k[0]))

static struct mtj default_at(double temperature_k)
{
    struct mtj_params params = device_default().params;
    char why[ERR_LEN];
    struct mtj mtj;

    assert_int_equal(mtj_init(&params, temperature_k, &mtj, why), ST_OK);
    return mtj;
}

/* -- The device -- */

static void derived_quantities_have_their_figures(void **state)
{
    static const struct {
        double temperature_k, delta, anisotropy_t, damping_ns, critical_ua, critical_v,
            tmr;
    } rows[] = {
        { 233, 87.732, 0.29685, 1.5945, 41.163, 0.24567, 1.651 },
        { 300, 61.164, 0.28000, 1.6904, 36.949, 0.22052, 1.500 },
        { 358, 45.952, 0.26393, 1.7934, 33.127, 0.19771, 1.369 },
        { 398, 37.988, 0.25214, 1.8772, 30.445, 0.18171, 1.280 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtj mtj = default_at(rows[i].temperature_k);

        ASSERT_NEAR(mtj.delta, rows[i].delta, 2e-5);
        ASSERT_NEAR(mtj.anisotropy_t, rows[i].anisotropy_t, 2e-5);
        ASSERT_NEAR(mtj.damping_s * 1e9, rows[i].damping_ns, 4e-5);
        ASSERT_NEAR(mtj.critical_a * 1e6, rows[i].critical_ua, 2e-5);
        ASSERT_NEAR(mtj.critical_v, rows[i].critical_v, 3e-5);
        ASSERT_WITHIN(mtj.tmr, rows[i].tmr, 5e-4);
        ASSERT_WITHIN(mtj.parallel_ohm, 5968.31, 0.005);
        ASSERT_NEAR(mtj.critical_v, mtj.critical_a * mtj.parallel_ohm, 1e-12);
    }
}

static void tmr_never_falls_below_a_tenth(void **state)
{
    struct mtj_params params = device_default().params;
    struct mtj mtj;

    (void)state;
    params.tmr_loss_per_k = 0.02;
    mtj_init_unchecked(&params, 398.0, &mtj);
    ASSERT_NEAR(mtj.tmr, 0.1 * params.tmr, 1e-12);
}

static void defaults_are_a_device_within_range(void **state)
{
    struct mtj_params params = device_default().params;
    char why[ERR_LEN];

    (void)state;
    assert_int_equal(mtj_params_check(&params, why), ST_OK);
}

/* Changes one field of the defaults and expects its name in the complaint. */
#define REFUSED(field, value)                                                            \
    do {                                                                                 \
        struct mtj_params params = device_default().params;                              \
        char why[ERR_LEN] = "";                                                          \
        params.field = (value);                                                          \
        assert_int_equal(mtj_params_check(&params, why), ST_RANGE);                      \
        assert_ptr_equal(strstr(why, #field ": "), why);                                 \
    } while (0)

static void parameters_outside_their_range_are_named(void **state)
{
    (void)state;
    REFUSED(diameter_m, 14.9e-9);
    REFUSED(diameter_m, 121e-9);
    REFUSED(diameter_m, NAN);
    REFUSED(free_layer_m, 0.0);
    REFUSED(saturation_a_per_m, -1.0);
    REFUSED(saturation_a_per_m, INFINITY);
    REFUSED(anisotropy_t, 0.04);
    REFUSED(anisotropy_t, 1.1);
    REFUSED(damping, 0.001);
    REFUSED(spin_efficiency, 0.0);
    REFUSED(spin_efficiency, 1.01);
    REFUSED(ra_ohm_m2, 51e-12);
    REFUSED(tmr, 0.0);
    REFUSED(tmr_half_v, -0.5);
    REFUSED(stray_ratio, 0.31);
    REFUSED(stray_ratio, -0.31);
    REFUSED(reference_k, 0.0);
    REFUSED(bloch_k, 450.0);
    REFUSED(anisotropy_exponent, -INFINITY);
    REFUSED(tmr_loss_per_k, -1e-3);
    REFUSED(access_ohm, -1.0);
    REFUSED(driver_efficiency, 0.0);
    REFUSED(bitline_f, NAN);
    REFUSED(control_j, -1e-15);
    REFUSED(read_v, 0.0);
    REFUSED(read_s, 0.0);
    REFUSED(sense_j, -1.0);
    REFUSED(sigma_ln_diameter, 0.31);
    REFUSED(sigma_ln_ra, -0.01);
    REFUSED(sigma_ln_anisotropy, NAN);
    REFUSED(sigma_ln_sense, 1.0);
    REFUSED(sigma_ln_reference, 1.0);
}

static void temperatures_outside_their_range_are_refused(void **state)
{
    static const double bad_k[] = { 199.9, 450.1, NAN, INFINITY };
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < sizeof(bad_k) / sizeof(bad_k[0]); i++) {
        struct mtj mtj = { .delta = -1.0 };
        char why[ERR_LEN];

        assert_int_equal(mtj_init(&params, bad_k[i], &mtj, why), ST_RANGE);
        assert_non_null(strstr(why, "temperature_k"));
        assert_true(mtj.delta == -1.0);
    }
}

static void devices_outside_the_range_of_stability_are_refused(void **state)
{
    struct mtj_params params = device_default().params;
    char why[ERR_LEN];
    struct mtj mtj;

    (void)state;
    params.diameter_m = 20e-9; /* Delta 15 */
    assert_int_equal(mtj_init(&params, 300.0, &mtj, why), ST_RANGE);
    assert_non_null(strstr(why, "20 .. 200"));
    params.diameter_m = 80e-9; /* Delta 245 */
    assert_int_equal(mtj_init(&params, 300.0, &mtj, why), ST_RANGE);

    params.diameter_m = 0.0; /* init checks the parameters as well */
    assert_int_equal(mtj_init(&params, 300.0, &mtj, why), ST_RANGE);
    assert_non_null(strstr(why, "diameter_m"));
}

/* -- The circuit -- */

static void junction_and_access_transistor_share_the_voltage(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TEMPERATURES; i++) {
        struct mtj mtj = default_at(temperatures_k[i]);

        for (double voltage_v = 1e-3; voltage_v <= MTJ_MAX_VOLTAGE_V; voltage_v += 7e-3)
            for (enum mtj_direction from = MTJ_P2AP; from <= MTJ_AP2P; from++) {
                double v = mtj_junction_v(&mtj, from, voltage_v);
                double current_a = mtj_current_a(&mtj, from, voltage_v);

                ASSERT_WITHIN(v + mtj.params.access_ohm * current_a, voltage_v, 1e-14);
            }
    }
}

static void antiparallel_state_follows_its_bias_law(void **state)
{
    struct mtj mtj = default_at(300.0);

    (void)state;
    for (double voltage_v = 1e-3; voltage_v <= MTJ_MAX_VOLTAGE_V; voltage_v += 1e-2) {
        double v = mtj_junction_v(&mtj, MTJ_AP2P, voltage_v);
        double u = v / mtj.params.tmr_half_v;

        ASSERT_NEAR(v / mtj_current_a(&mtj, MTJ_AP2P, voltage_v),
                    mtj.parallel_ohm * (1.0 + mtj.tmr / (1.0 + u * u)), 1e-12);
    }
}

static void antiparallel_root_is_found_for_any_access_resistance(void **state)
{
    static const double access_ohm[] = { 0.0, 1.0, 1e3, 1e5, 1e8 };
    struct mtj mtj = default_at(300.0);

    (void)state;
    for (size_t i = 0; i < sizeof(access_ohm) / sizeof(access_ohm[0]); i++) {
        mtj.params.access_ohm = access_ohm[i];
        for (double voltage_v = 0.01; voltage_v <= 3.0; voltage_v += 0.01) {
            double v = mtj_junction_v(&mtj, MTJ_AP2P, voltage_v);
            double drop_v = access_ohm[i] * mtj_current_a(&mtj, MTJ_AP2P, voltage_v);

            assert_true(v >= 0.0 && v <= voltage_v);
            /* A root known to 1e-14 V is a drop known to that times Racc / R. */
            ASSERT_WITHIN(v + drop_v, voltage_v, 1e-14 * (1.0 + access_ohm[i] / 6e3));
        }
    }
}

static void parallel_state_needs_more_voltage(void **state)
{
    struct mtj mtj = default_at(300.0);

    (void)state;
    for (double voltage_v = 0.1; voltage_v < 1.5; voltage_v += 0.1)
        assert_true(mtj_junction_v(&mtj, MTJ_P2AP, voltage_v) <
                    mtj_junction_v(&mtj, MTJ_AP2P, voltage_v));
}

static void no_voltage_drives_by_the_stray_field_alone(void **state)
{
    struct mtj mtj = default_at(300.0);

    (void)state;
    assert_true(mtj_drive(&mtj, MTJ_P2AP, 0.0) == -0.02);
    assert_true(mtj_drive(&mtj, MTJ_AP2P, 0.0) == 0.02);
    assert_true(mtj_current_a(&mtj, MTJ_P2AP, 0.0) == 0.0);
    assert_true(mtj_current_a(&mtj, MTJ_AP2P, 0.0) == 0.0);
}

/* -- Write -- */

/* The points of tests/data, nominal device: every column but the id. */
static void worked_points_come_out(void **state)
{
    FILE *file = fopen(TEST_DATA_DIR "/mtj_wer_examples.csv", "r");
    char line[256];
    int n = 0;

    (void)state;
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file)); /* the heading */
    while (fgets(line, sizeof(line), file) != NULL) {
        double v, t_ns, temperature_k, wer, ln_wer, energy_pj, x, delta, v_mtj, i_ua, tau;
        char to[8];

        assert_int_equal(sscanf(line,
                                "%*d,%lf,%lf,%lf,%7[^,],%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf",
                                &v, &t_ns, &temperature_k, to, &wer, &ln_wer, &energy_pj,
                                &x, &delta, &v_mtj, &i_ua, &tau),
                         12);
        enum mtj_direction direction = strcmp(to, "P2AP") == 0 ? MTJ_P2AP : MTJ_AP2P;
        struct mtj mtj = default_at(temperature_k);
        struct mtj_write_error error = mtj_write_error(&mtj, direction, v, t_ns * 1e-9);
        struct mtj_write_energy energy =
            mtj_write_energy(&mtj, direction, v, t_ns * 1e-9);

        ASSERT_NEAR(mtj.delta, delta, 1e-7);
        ASSERT_NEAR(mtj_junction_v(&mtj, direction, v), v_mtj, 1e-7);
        ASSERT_NEAR(mtj_current_a(&mtj, direction, v) * 1e6, i_ua, 1e-7);
        ASSERT_NEAR(mtj_drive(&mtj, direction, v), x, 1e-7);
        ASSERT_NEAR(t_ns * 1e-9 / mtj.damping_s, tau, 1e-7);
        ASSERT_WITHIN(error.ln_error_rate, ln_wer, 1e-5 * fmax(1.0, fabs(ln_wer)));
        ASSERT_NEAR(error.ln_error_rate, ln_wer, 1e-5);
        ASSERT_NEAR(error.error_rate, wer, 1e-5);
        ASSERT_NEAR(energy.toggle_j * 1e12, energy_pj, 1e-5);
        n++;
    }
    (void)fclose(file);
    assert_int_equal(n, 26);
}

static void a_full_write_has_its_figures(void **state)
{
    static const struct {
        enum mtj_direction to;
        double voltage_v, v, i_ua, x, ln_wer, toggle_pj, hold_pj, residence_ns;
    } rows[] = {
        { MTJ_P2AP, 0.5696, 0.426634, 71.4832, 1.914630, -7.1016748, 0.413319, 0.341621,
          4.05379 },
        { MTJ_AP2P, 0.4914, 0.417205, 37.0976, 1.911873, -7.0924002, 0.333544, 0.391009,
          4.04534 },
    };
    struct mtj mtj = default_at(300.0);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum mtj_direction to = rows[i].to;
        double voltage_v = rows[i].voltage_v;
        struct mtj_write_energy energy = mtj_write_energy(&mtj, to, voltage_v, 10e-9);

        ASSERT_NEAR(mtj_junction_v(&mtj, to, voltage_v), rows[i].v, 2e-6);
        ASSERT_NEAR(mtj_current_a(&mtj, to, voltage_v) * 1e6, rows[i].i_ua, 2e-6);
        ASSERT_NEAR(mtj_drive(&mtj, to, voltage_v), rows[i].x, 1e-6);
        ASSERT_NEAR(mtj_write_error(&mtj, to, voltage_v, 10e-9).ln_error_rate,
                    rows[i].ln_wer, 1e-7);
        ASSERT_NEAR(energy.toggle_j * 1e12, rows[i].toggle_pj, 1e-5);
        ASSERT_NEAR(energy.hold_j * 1e12, rows[i].hold_pj, 1e-5);
        ASSERT_NEAR(energy.residence_s * 1e9, rows[i].residence_ns, 1e-5);
    }
}

/* Rounding may move ln WER by a few units in its last place, never more. */
static void assert_not_more(struct mtj_write_error now, struct mtj_write_error before)
{
    double slack = 1e-13 * fmax(1.0, fabs(before.ln_error_rate));

    assert_true(now.ln_error_rate <= before.ln_error_rate + slack);
    assert_true(now.switch_rate >= before.switch_rate - 1e-15);
    assert_true(now.switch_rate >= before.switch_rate * (1.0 - 1e-12));
}

static void more_voltage_never_fails_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TEMPERATURES; i++) {
        struct mtj mtj = default_at(temperatures_k[i]);

        for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
            for (double pulse_s = 0.1e-9; pulse_s < 1.0; pulse_s *= 1.5) {
                struct mtj_write_error before = mtj_write_error(&mtj, to, 0.0, pulse_s);

                for (int mv = 1; mv <= 1200; mv++) {
                    struct mtj_write_error now =
                        mtj_write_error(&mtj, to, mv * 1e-3, pulse_s);

                    assert_not_more(now, before);
                    before = now;
                }
            }
    }
}

static void a_longer_pulse_never_fails_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TEMPERATURES; i++) {
        struct mtj mtj = default_at(temperatures_k[i]);

        for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
            for (int mv = 0; mv <= 1200; mv += 10) {
                struct mtj_write_error before =
                    mtj_write_error(&mtj, to, mv * 1e-3, 0.1e-9);

                for (double pulse_s = 0.1e-9; pulse_s < 1.0; pulse_s *= 1.05) {
                    struct mtj_write_error now =
                        mtj_write_error(&mtj, to, mv * 1e-3, pulse_s);

                    assert_not_more(now, before);
                    before = now;
                }
            }
    }
}

static void no_voltage_or_no_time_never_writes(void **state)
{
    struct mtj mtj = default_at(300.0);

    (void)state;
    assert_true(mtj_write_error(&mtj, MTJ_P2AP, 0.0, 1.0).error_rate == 1.0);
    assert_true(mtj_write_error(&mtj, MTJ_P2AP, 0.0, 1.0).switch_rate == 0.0);
    assert_true(mtj_write_error(&mtj, MTJ_AP2P, 1.0, 0.0).error_rate == 1.0);
    assert_true(mtj_write_error(&mtj, MTJ_AP2P, 1.0, 0.0).ln_error_rate == 0.0);
}

static void a_toggle_costs_something_between_the_two_states(void **state)
{
    struct mtj mtj = default_at(300.0);

    (void)state;
    for (double voltage_v = 0.05; voltage_v <= 1.5; voltage_v += 0.05) {
        struct mtj_write_energy up = mtj_write_energy(&mtj, MTJ_P2AP, voltage_v, 20e-9);
        struct mtj_write_energy down = mtj_write_energy(&mtj, MTJ_AP2P, voltage_v, 20e-9);

        /* The parallel state carries more current: it costs most to stay in. */
        assert_true(up.toggle_j >= up.hold_j && up.toggle_j <= down.hold_j * (1 + 1e-12));
        assert_true(down.toggle_j <= down.hold_j &&
                    down.toggle_j >= up.hold_j * (1 - 1e-12));
        assert_true(up.residence_s >= 0.0 && up.residence_s <= 20e-9 * (1 + 1e-12));
    }
}

static void an_idle_write_costs_its_control_energy(void **state)
{
    struct mtj mtj = default_at(300.0);
    struct mtj_write_energy energy = mtj_write_energy(&mtj, MTJ_P2AP, 0.0, 10e-9);

    (void)state;
    ASSERT_NEAR(energy.toggle_j, mtj.params.control_j, 1e-12);
    ASSERT_NEAR(energy.hold_j, mtj.params.control_j, 1e-12);
    ASSERT_NEAR(energy.residence_s, 10e-9, 1e-12);
}

/* -- Read and retention -- */

static void reads_have_their_figures(void **state)
{
    struct mtj cool = default_at(300.0), hot = default_at(398.0);

    (void)state;
    ASSERT_WITHIN(mtj_read_j(&cool, MTJ_P2AP) * 1e15, 6.890, 5e-4);
    ASSERT_WITHIN(mtj_read_j(&cool, MTJ_AP2P) * 1e15, 5.899, 5e-4);
    ASSERT_WITHIN(mtj_read_disturb(&cool), 4.76e-15, 0.005e-15);
    ASSERT_WITHIN(mtj_read_disturb(&hot), 3.0e-8, 0.05e-8);
    ASSERT_WITHIN(mtj_sense_error_1t1r(&cool), 1.9e-7, 0.05e-7);
    ASSERT_WITHIN(mtj_sense_error_2t2r(&cool), 6.4e-21, 0.05e-21);
}

static void a_stronger_read_disturbs_more(void **state)
{
    struct mtj mtj = default_at(300.0);
    double before = 0.0;

    (void)state;
    for (mtj.params.read_v = 0.01; mtj.params.read_v < 0.5; mtj.params.read_v += 0.01) {
        double now = mtj_read_disturb(&mtj);

        assert_true(now > before && now <= 1.0);
        before = now;
    }
}

static void identical_cells_are_never_misread(void **state)
{
    struct mtj mtj = default_at(300.0);

    (void)state;
    mtj.params.sigma_ln_diameter = mtj.params.sigma_ln_ra = 0.0;
    mtj.params.sigma_ln_sense = mtj.params.sigma_ln_reference = 0.0;
    assert_true(mtj_sense_error_1t1r(&mtj) == 0.0);
    assert_true(mtj_sense_error_2t2r(&mtj) == 0.0);
}

static void retention_has_its_figures(void **state)
{
    static const double times_s[] = { DAY_S, 30 * DAY_S, YEAR_S, 10 * YEAR_S };
    static const struct {
        double temperature_k, flipped[4];
    } rows[] = {
        { 300, { 3.37e-12, 1.01e-10, 1.23e-9, 1.23e-8 } },
        { 328, { 6.64e-9, 1.99e-7, 2.42e-6, 2.42e-5 } },
        { 358, { 6.17e-6, 1.85e-4, 2.25e-3, 2.21e-2 } },
        { 398, { 1.13e-2, 0.249, 0.500, 0.500 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtj mtj = default_at(rows[i].temperature_k);

        for (size_t j = 0; j < 4; j++)
            ASSERT_NEAR(0.5 * (mtj_retention_flip(&mtj, MTJ_P2AP, times_s[j]) +
                               mtj_retention_flip(&mtj, MTJ_AP2P, times_s[j])),
                        rows[i].flipped[j], 5e-3); /* three digits given */
    }
}

static void two_half_intervals_are_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TEMPERATURES; i++) {
        struct mtj mtj = default_at(temperatures_k[i]);

        for (double seconds = 1.0; seconds < 1e12; seconds *= 10.0) {
            double p = mtj_retention_flip(&mtj, MTJ_P2AP, seconds);
            double ap = mtj_retention_flip(&mtj, MTJ_AP2P, seconds);

            /* P -> AP: flips in the first half and stays, or flips in the second. */
            ASSERT_NEAR(mtj_retention_flip(&mtj, MTJ_P2AP, 2.0 * seconds),
                        p * (1.0 - ap) + (1.0 - p) * p, 1e-12);
            ASSERT_NEAR(mtj_retention_flip(&mtj, MTJ_AP2P, 2.0 * seconds),
                        ap * (1.0 - p) + (1.0 - ap) * ap, 1e-12);
        }
    }
}

static void retention_ends_in_equilibrium(void **state)
{
    struct mtj mtj = default_at(398.0);
    double p = mtj_retention_flip(&mtj, MTJ_P2AP, 1e30);
    double ap = mtj_retention_flip(&mtj, MTJ_AP2P, 1e30);

    (void)state;
    ASSERT_WITHIN(p + ap, 1.0, 1e-15);
    assert_true(p < 0.5 && ap > 0.5); /* the stray field favours P */
    assert_true(mtj_retention_flip(&mtj, MTJ_P2AP, 0.0) == 0.0);
    assert_true(mtj_retention_flip(&mtj, MTJ_P2AP, INFINITY) == p);
}

static void a_barrier_beyond_all_numbers_holds(void **state)
{
    struct mtj mtj = default_at(300.0);

    (void)state;
    mtj.delta = 5000.0;
    assert_true(mtj_retention_flip(&mtj, MTJ_P2AP, 1e30) == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derived_quantities_have_their_figures),
        cmocka_unit_test(tmr_never_falls_below_a_tenth),
        cmocka_unit_test(defaults_are_a_device_within_range),
        cmocka_unit_test(parameters_outside_their_range_are_named),
        cmocka_unit_test(temperatures_outside_their_range_are_refused),
        cmocka_unit_test(devices_outside_the_range_of_stability_are_refused),
        cmocka_unit_test(junction_and_access_transistor_share_the_voltage),
        cmocka_unit_test(antiparallel_state_follows_its_bias_law),
        cmocka_unit_test(antiparallel_root_is_found_for_any_access_resistance),
        cmocka_unit_test(parallel_state_needs_more_voltage),
        cmocka_unit_test(no_voltage_drives_by_the_stray_field_alone),
        cmocka_unit_test(worked_points_come_out),
        cmocka_unit_test(a_full_write_has_its_figures),
        cmocka_unit_test(more_voltage_never_fails_more),
        cmocka_unit_test(a_longer_pulse_never_fails_more),
        cmocka_unit_test(no_voltage_or_no_time_never_writes),
        cmocka_unit_test(a_toggle_costs_something_between_the_two_states),
        cmocka_unit_test(an_idle_write_costs_its_control_energy),
        cmocka_unit_test(reads_have_their_figures),
        cmocka_unit_test(a_stronger_read_disturbs_more),
        cmocka_unit_test(identical_cells_are_never_misread),
        cmocka_unit_test(retention_has_its_figures),
        cmocka_unit_test(two_half_intervals_are_one),
        cmocka_unit_test(retention_ends_in_equilibrium),
        cmocka_unit_test(a_barrier_beyond_all_numbers_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
