/* SPDX-License-Identifier: Apache-2.0 */
/* An array of cells that differ: classes and means. */
#include "core/mtj_array.h"

#include "core/device.h"
#include "tests/unit/mtj_array_fixture.h"

#include <stdbool.h>
#include <string.h>

/* Array mean of one read of a cell in P. */
static double read_disturb(const struct mtj_params *params, double temperature_k)
{
    const struct device device = { .kind = DEVICE_MTJ, .params = *params };
    struct device_flips flips;

    device_read_disturb(&device, 1.0, temperature_k, &flips);
    return flips.mean[MTJ_P2AP];
}

static struct mtj_params uniform_params(void)
{
    struct mtj_params params = device_default().params;

    params.sigma_ln_diameter = params.sigma_ln_ra = params.sigma_ln_anisotropy = 0.0;
    return params;
}

/* -- Classes -- */

static void class_weights_sum_to_one(void **state)
{
    double sum = 0.0;

    (void)state;
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        assert_true(mtj_class_weight(c) > 0.0);
        sum += mtj_class_weight(c);
    }
    ASSERT_WITHIN(sum, 1.0, 1e-14);
}

/* A rule of 8 nodes is exact for moments below 16: 1, 3, 15, ... 13!! */
static void class_factors_have_the_moments_of_a_normal_distribution(void **state)
{
    static const double even_moments[] = { 1, 1, 3, 15, 105, 945, 10395, 135135 };
    struct mtj_params params = device_default().params;

    (void)state;
    for (int order = 0; order < 16; order++) {
        double d = 0.0, ra = 0.0, bk = 0.0;
        double want = order % 2 == 0 ? even_moments[order / 2] : 0.0;

        for (unsigned c = 0; c < MTJ_CLASSES; c++) {
            double weight = mtj_class_weight(c);
            struct mtj cell;

            mtj_class_device(&params, 300.0, c, &cell);
            d += weight * pow(log(cell.params.diameter_m / params.diameter_m) /
                                  params.sigma_ln_diameter,
                              order);
            ra += weight *
                  pow(log(cell.params.ra_ohm_m2 / params.ra_ohm_m2) / params.sigma_ln_ra,
                      order);
            bk += weight * pow(log(cell.params.anisotropy_t / params.anisotropy_t) /
                                   params.sigma_ln_anisotropy,
                               order);
        }
        ASSERT_WITHIN(d, want, 1e-8 * fmax(1.0, want));
        ASSERT_WITHIN(ra, want, 1e-8 * fmax(1.0, want));
        ASSERT_WITHIN(bk, want, 1e-8 * fmax(1.0, want));
    }
}

static void classes_are_numbered_by_diameter_then_ra_then_anisotropy(void **state)
{
    struct mtj_params params = device_default().params;
    struct mtj first, diameter, ra, anisotropy;

    (void)state;
    mtj_class_device(&params, 300.0, 0, &first);
    mtj_class_device(&params, 300.0, 64, &diameter);
    mtj_class_device(&params, 300.0, 8, &ra);
    mtj_class_device(&params, 300.0, 1, &anisotropy);
    assert_true(diameter.params.diameter_m > first.params.diameter_m);
    assert_true(diameter.params.ra_ohm_m2 == first.params.ra_ohm_m2);
    assert_true(ra.params.ra_ohm_m2 > first.params.ra_ohm_m2);
    assert_true(ra.params.anisotropy_t == first.params.anisotropy_t);
    assert_true(anisotropy.params.anisotropy_t > first.params.anisotropy_t);
    assert_true(anisotropy.params.diameter_m == first.params.diameter_m);
}

static void a_class_is_the_device_of_its_parameters(void **state)
{
    struct mtj_params params = device_default().params;

    (void)state;
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        struct mtj class, made;

        mtj_class_device(&params, 358.0, c, &class);
        mtj_init_unchecked(&class.params, 358.0, &made);
        ASSERT_NEAR(class.delta, made.delta, 1e-13);
        ASSERT_NEAR(class.anisotropy_t, made.anisotropy_t, 1e-13);
        ASSERT_NEAR(class.damping_s, made.damping_s, 1e-13);
        ASSERT_NEAR(class.critical_a, made.critical_a, 1e-13);
        ASSERT_NEAR(class.critical_v, made.critical_v, 1e-13);
        ASSERT_NEAR(class.parallel_ohm, made.parallel_ohm, 1e-13);
        ASSERT_NEAR(class.tmr, made.tmr, 1e-13);
    }
}

static void spread_of_derived_quantities_is_as_measured_on_arrays(void **state)
{
    struct mtj_params params = device_default().params;
    struct mtj nominal, cell;
    double threshold = 0.0, delta = 0.0, ohm = 0.0;

    (void)state;
    mtj_init_unchecked(&params, 300.0, &nominal);
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        double weight = mtj_class_weight(c);

        mtj_class_device(&params, 300.0, c, &cell);
        threshold += weight * pow(log(cell.critical_v / nominal.critical_v), 2.0);
        delta += weight * pow(log(cell.delta / nominal.delta), 2.0);
        ohm += weight * pow(log(cell.parallel_ohm / nominal.parallel_ohm), 2.0);
    }
    ASSERT_WITHIN(sqrt(threshold), 0.042, 5e-4);
    ASSERT_WITHIN(sqrt(delta), 0.058, 5e-4);
    ASSERT_WITHIN(sqrt(ohm), 0.058, 5e-4);
}

static void class_table_averages_to_the_array_mean(void **state)
{
    static struct mtj_class_table table;
    struct mtj_params params = device_default().params;
    struct mtj_pulse pulse = { { 0.57, 0.49 }, 10e-9, 300.0 };

    (void)state;
    mtj_class_table(&params, &pulse, &table);
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        struct mtj_mean mean =
            mtj_array_mean(&params, to, pulse.voltage_v[to], 10e-9, 300.0);
        double error_rate = 0.0, toggle = 0.0, hold = 0.0;

        for (unsigned c = 0; c < MTJ_CLASSES; c++) {
            assert_true(table.error_rate[c][to] >= 0.0 && table.error_rate[c][to] <= 1.0);
            assert_true(table.weight[c] == mtj_class_weight(c));
            error_rate += table.weight[c] * table.error_rate[c][to];
            toggle += table.weight[c] * table.toggle_pj[c][to];
            hold += table.weight[c] * table.hold_pj[c][to];
        }
        ASSERT_NEAR(error_rate, mean.error_rate, 1e-12);
        ASSERT_NEAR(toggle, mean.toggle_pj, 1e-12);
        ASSERT_NEAR(hold, mean.hold_pj, 1e-12);
    }
}

/* ln WER spreads nearly normally (Imamura 2022): sigma at two operating points. */
static void error_rates_spread_lognormally(void **state)
{
    static const struct {
        double target, sigma;
    } rows[] = { { 1e-3, 0.63 }, { 1e-6, 0.84 } };
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtj_pulse pulse = solve(&params, rows[i].target, 10e-9);
        double mean = 0.0, square = 0.0;

        for (unsigned c = 0; c < MTJ_CLASSES; c++) {
            struct mtj cell;

            mtj_class_device(&params, 300.0, c, &cell);
            double ln = mtj_write_error(&cell, MTJ_P2AP, pulse.voltage_v[MTJ_P2AP], 10e-9)
                            .ln_error_rate;
            mean += mtj_class_weight(c) * ln;
            square += mtj_class_weight(c) * ln * ln;
        }
        ASSERT_WITHIN(sqrt(square - mean * mean), rows[i].sigma, 0.03);
    }
}

/* -- Means -- */

static void array_means_have_their_figures(void **state)
{
    static const struct {
        enum mtj_direction to;
        double voltage_v, temperature_k, error_rate, tolerance;
    } rows[] = {
        { MTJ_P2AP, 0.45, 300, 4.7505e-2, 1e-4 },
        { MTJ_P2AP, 0.60, 300, 3.4575e-4, 1e-4 },
        { MTJ_P2AP, 0.75, 300, 1.4915e-6, 1e-4 },
        { MTJ_AP2P, 0.45, 300, 4.5390e-3, 1e-4 },
        { MTJ_AP2P, 0.60, 300, 1.6517e-5, 1e-4 },
        { MTJ_AP2P, 0.75, 300, 5.2089e-8, 1e-4 },
        /* the same voltage, hot and cold; two digits given */
        { MTJ_P2AP, 0.59, 233, 3.3e-3, 2e-2 },
        { MTJ_P2AP, 0.59, 300, 4.9e-4, 2e-2 },
        { MTJ_P2AP, 0.59, 358, 7.1e-5, 2e-2 },
        { MTJ_P2AP, 0.59, 398, 1.6e-5, 3e-2 },
    };
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtj_mean mean = mtj_array_mean(&params, rows[i].to, rows[i].voltage_v,
                                              10e-9, rows[i].temperature_k);

        ASSERT_NEAR(mean.error_rate, rows[i].error_rate, rows[i].tolerance);
        ASSERT_WITHIN(mean.ln_error_rate, log(mean.error_rate), 1e-12);
    }
}

/* Midpoint sums over +-6.5 sigma converge faster than any power of the step. */
static void array_mean_is_the_integral_over_the_distributions(void **state)
{
    struct mtj_params params = device_default().params;
    const int n = 40;
    const double step = 13.0 / n;
    double sum = 0.0;

    (void)state;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            for (int k = 0; k < n; k++) {
                double z[] = { -6.5 + (i + 0.5) * step, -6.5 + (j + 0.5) * step,
                               -6.5 + (k + 0.5) * step };
                double density = exp(-0.5 * (z[0] * z[0] + z[1] * z[1] + z[2] * z[2])) /
                                 pow(2.0 * 3.14159265358979323846, 1.5);
                struct mtj_params cell = params;
                struct mtj mtj;

                cell.diameter_m *= exp(params.sigma_ln_diameter * z[0]);
                cell.ra_ohm_m2 *= exp(params.sigma_ln_ra * z[1]);
                cell.anisotropy_t *= exp(params.sigma_ln_anisotropy * z[2]);
                mtj_init_unchecked(&cell, 300.0, &mtj);
                sum += density * step * step * step *
                       mtj_write_error(&mtj, MTJ_P2AP, 0.75, 10e-9).error_rate;
            }
    ASSERT_NEAR(mtj_array_mean(&params, MTJ_P2AP, 0.75, 10e-9, 300.0).error_rate, sum,
                1e-5);
}

static void without_variation_the_mean_is_the_nominal_cell(void **state)
{
    struct mtj_params params = uniform_params();

    (void)state;
    for (double temperature_k = 233.0; temperature_k < 400.0; temperature_k += 55.0) {
        struct mtj cell;

        mtj_init_unchecked(&params, temperature_k, &cell);
        for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
            struct mtj_mean mean = mtj_array_mean(&params, to, 0.6, 10e-9, temperature_k);
            struct mtj_write_error error = mtj_write_error(&cell, to, 0.6, 10e-9);
            struct mtj_write_energy energy = mtj_write_energy(&cell, to, 0.6, 10e-9);

            ASSERT_NEAR(mean.ln_error_rate, error.ln_error_rate, 1e-12);
            ASSERT_NEAR(mean.error_rate, error.error_rate, 1e-12);
            ASSERT_NEAR(mean.toggle_pj, energy.toggle_j * 1e12, 1e-12);
            ASSERT_NEAR(mean.hold_pj, energy.hold_j * 1e12, 1e-12);
            ASSERT_NEAR(mtj_array_retention(&params, to, 1e6, temperature_k),
                        mtj_retention_flip(&cell, to, 1e6), 1e-12);
            ASSERT_NEAR(mtj_array_read_j(&params, to, temperature_k),
                        mtj_read_j(&cell, to), 1e-12);
        }
        ASSERT_NEAR(read_disturb(&params, temperature_k), mtj_read_disturb(&cell), 1e-12);
    }
}

static void mean_logarithm_stays_finite_where_the_rate_underflows(void **state)
{
    struct mtj_params params = device_default().params;
    struct mtj_mean mean = mtj_array_mean(&params, MTJ_AP2P, 1.5, 1e-3, 300.0);

    (void)state;
    assert_true(mean.error_rate == 0.0);
    assert_true(isfinite(mean.ln_error_rate) && mean.ln_error_rate < -1e6);
}

static void no_write_has_a_mean_of_one(void **state)
{
    struct mtj_params params = device_default().params;
    struct mtj_mean mean = mtj_array_mean(&params, MTJ_P2AP, 0.0, 10e-9, 300.0);

    (void)state;
    ASSERT_WITHIN(mean.error_rate, 1.0, 1e-14);
    assert_true(mean.error_rate <= 1.0 && mean.ln_error_rate <= 0.0);
}

static void read_disturb_of_the_array_has_its_figures(void **state)
{
    struct mtj_params params = device_default().params;

    (void)state;
    ASSERT_WITHIN(read_disturb(&params, 300.0), 9.3e-14, 0.05e-14);
    ASSERT_WITHIN(read_disturb(&params, 398.0), 8.1e-8, 0.05e-8);
}

static void retention_of_the_array_has_its_figures(void **state)
{
    static const double times_s[] = { DAY_S, 30 * DAY_S, YEAR_S, 10 * YEAR_S };
    static const struct {
        double temperature_k, flipped[4];
    } rows[] = {
        { 300, { 3.83e-10, 1.15e-8, 1.40e-7, 1.40e-6 } },
        { 328, { 2.50e-7, 7.49e-6, 8.96e-5, 8.17e-4 } },
        { 358, { 9.54e-5, 2.55e-3, 2.06e-2, 8.90e-2 } },
        { 398, { 4.51e-2, 0.261, 0.431, 0.489 } },
    };
    struct mtj_params params = device_default().params;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t j = 0; j < 4; j++)
            ASSERT_NEAR(retention(&params, times_s[j], rows[i].temperature_k),
                        rows[i].flipped[j], 4e-3); /* three digits given */
}

/* The midpoint sum again, wide enough for the cells that carry this mean. */
static void retention_is_the_integral_over_the_distributions(void **state)
{
    struct mtj_params params = device_default().params;
    const int n = 400;
    const double step = 20.0 / n;

    (void)state;
    for (double temperature_k = 300.0; temperature_k < 400.0; temperature_k += 49.0) {
        double sum = 0.0;

        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                double zd = -10.0 + (i + 0.5) * step, zb = -10.0 + (j + 0.5) * step;
                struct mtj_params cell = params;
                struct mtj mtj;

                cell.diameter_m *= exp(params.sigma_ln_diameter * zd);
                cell.anisotropy_t *= exp(params.sigma_ln_anisotropy * zb);
                mtj_init_unchecked(&cell, temperature_k, &mtj);
                sum += exp(-0.5 * (zd * zd + zb * zb)) / (2.0 * 3.14159265358979323846) *
                       step * step * mtj_retention_flip(&mtj, MTJ_P2AP, YEAR_S);
            }
        ASSERT_NEAR(mtj_array_retention(&params, MTJ_P2AP, YEAR_S, temperature_k), sum,
                    1e-3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_weights_sum_to_one),
        cmocka_unit_test(class_factors_have_the_moments_of_a_normal_distribution),
        cmocka_unit_test(classes_are_numbered_by_diameter_then_ra_then_anisotropy),
        cmocka_unit_test(a_class_is_the_device_of_its_parameters),
        cmocka_unit_test(spread_of_derived_quantities_is_as_measured_on_arrays),
        cmocka_unit_test(class_table_averages_to_the_array_mean),
        cmocka_unit_test(error_rates_spread_lognormally),
        cmocka_unit_test(array_means_have_their_figures),
        cmocka_unit_test(array_mean_is_the_integral_over_the_distributions),
        cmocka_unit_test(without_variation_the_mean_is_the_nominal_cell),
        cmocka_unit_test(mean_logarithm_stays_finite_where_the_rate_underflows),
        cmocka_unit_test(no_write_has_a_mean_of_one),
        cmocka_unit_test(read_disturb_of_the_array_has_its_figures),
        cmocka_unit_test(retention_of_the_array_has_its_figures),
        cmocka_unit_test(retention_is_the_integral_over_the_distributions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
