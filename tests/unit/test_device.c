/* SPDX-License-Identifier: Apache-2.0 */
/* The same questions to junctions and tables: retention, reads and writes. Presets and
 * parameters have test_device_params.c. */
#include "tests/unit/device_fixture.h"

#include <string.h>

/* -- Retention and reads -- */

/* The classes against the 24 nodes of the mean, over the table of mtj-model.md, 14, for
 * every preset and state: within 0.05 % for the default one, within 0.4 % wherever the
 * probability is above 1e-12, within 2 % below. */
static void classes_flip_as_the_mean_of_24_nodes_does(void **state)
{
    static const double temperatures_k[] = { 300.0, 328.0, 358.0, 398.0 };
    static const double seconds[] = { DAY_S, 30.0 * DAY_S, YEAR_S, 10.0 * YEAR_S };
    static struct device_flips flips;
    size_t n;
    const struct device_preset *presets = device_presets(&n);

    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < 4; t++)
            for (size_t s = 0; s < 4; s++) {
                struct device device = preset(presets[i].name);

                device_retention(&device, seconds[s], temperatures_k[t], &flips);
                for (unsigned from = 0; from < 2; from++) {
                    double sum = 0.0;

                    for (unsigned c = 0; c < MTJ_CLASSES; c++)
                        sum += mtj_class_weight(c) * flips.by_class[c][from];
                    ASSERT_NEAR(sum, flips.mean[from],
                                i == 0                     ? 5e-4
                                : flips.mean[from] > 1e-12 ? 4e-3
                                                           : 2e-2);
                }
            }
}

static void retention_has_its_figures(void **state)
{
    static const struct {
        double temperature_k, seconds, flip;
    } rows[] = {
        { 300.0, 30.0 * DAY_S, 1.15e-8 },
        { 328.0, YEAR_S, 8.96e-5 },
        { 358.0, DAY_S, 9.54e-5 },
        { 398.0, 10.0 * YEAR_S, 0.489 },
    };
    struct device device = device_default();
    static struct device_flips flips;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        device_retention(&device, rows[i].seconds, rows[i].temperature_k, &flips);
        ASSERT_NEAR(0.5 * (flips.mean[0] + flips.mean[1]), rows[i].flip, 5e-3);
    }
    device_retention(&device, 0.0, 398.0, &flips);
    assert_true(flips.mean[0] == 0.0 && flips.mean[1] == 0.0);
}

/* Two intervals as stochastic 2x2 matrices make one. */
static void retention_composes(void **state)
{
    struct device devices[] = { device_default(), table_device(grid) };
    static struct device_flips half, whole;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        device_retention(&devices[i], 0.5 * YEAR_S, 358.0, &half);
        device_retention(&devices[i], YEAR_S, 358.0, &whole);
        for (unsigned c = 0; c < MTJ_CLASSES; c++) {
            double p = half.by_class[c][MTJ_P2AP], ap = half.by_class[c][MTJ_AP2P];

            ASSERT_NEAR(p * (1.0 - ap) + (1.0 - p) * p, whole.by_class[c][MTJ_P2AP],
                        1e-9);
            ASSERT_NEAR(ap * (1.0 - p) + (1.0 - ap) * ap, whole.by_class[c][MTJ_AP2P],
                        1e-9);
        }
        device_done(&devices[i]);
    }
}

static void a_tables_retention_follows_its_rates_and_activation(void **state)
{
    struct device table = table_device(grid);
    static struct device_flips flips;

    (void)state;
    device_retention(&table, 1e3, 300.0, &flips);
    ASSERT_NEAR(flips.mean[MTJ_P2AP], 1e-9 * 1e3, 1e-5);
    ASSERT_NEAR(flips.mean[MTJ_AP2P], 3e-9 * 1e3, 1e-5);
    device_retention(&table, 1.0, 330.0, &flips);
    ASSERT_NEAR(flips.mean[MTJ_P2AP],
                1e-9 * exp(1.5 / 8.617333262e-5 * (1.0 / 300.0 - 1.0 / 330.0)), 1e-5);
    assert_true(flips.by_class[0][0] == flips.mean[0] &&
                flips.by_class[MTJ_CLASSES - 1][1] == flips.mean[1]);
    device_done(&table);

    struct device silent = table_device("direction,error_rate\nboth,1e-3\n");
    device_retention(&silent, 1e9, 300.0, &flips);
    assert_true(flips.mean[0] == 0.0 && flips.mean[1] == 0.0);
    device_done(&silent);
}

static void reads_disturb_independently_of_each_other(void **state)
{
    struct device device = device_default();
    static struct device_flips once, twice, many;

    (void)state;
    device_read_disturb(&device, 1.0, 300.0, &once);
    ASSERT_NEAR(once.mean[MTJ_P2AP], 9.3e-14, 1e-2);
    assert_true(once.mean[MTJ_AP2P] == 0.0);
    device_read_disturb(&device, 1.0, 398.0, &once);
    ASSERT_NEAR(once.mean[MTJ_P2AP], 8.1e-8, 1e-2);
    device_read_disturb(&device, 2.0, 398.0, &twice);
    device_read_disturb(&device, 1e9, 398.0, &many);
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        double p = once.by_class[c][MTJ_P2AP];

        ASSERT_NEAR(twice.by_class[c][MTJ_P2AP], p + (1.0 - p) * p, 1e-12);
        ASSERT_NEAR(many.by_class[c][MTJ_P2AP], 1.0 - pow(1.0 - p, 1e9), 1e-3);
        assert_true(many.by_class[c][MTJ_AP2P] == 0.0);
    }
    assert_true(many.mean[MTJ_P2AP] > 0.9 && many.mean[MTJ_P2AP] <= 1.0);
    device_read_disturb(&device, 0.0, 398.0, &once);
    assert_true(once.mean[MTJ_P2AP] == 0.0);
}

static void a_tables_reads_disturb_as_stated(void **state)
{
    struct device table = table_device(grid);
    struct device certain =
        table_device("direction,error_rate,read_disturb\nboth,1e-3,1\n");
    static struct device_flips flips;

    (void)state;
    device_read_disturb(&table, 10.0, 300.0, &flips);
    ASSERT_NEAR(flips.mean[MTJ_P2AP], 1.0 - pow(1.0 - 1e-6, 10.0), 1e-9);
    assert_true(flips.mean[MTJ_AP2P] == 0.0);
    device_read_disturb(&certain, 1.0, 300.0, &flips);
    ASSERT_NEAR(flips.mean[MTJ_P2AP], 1.0, 1e-12);
    device_read_disturb(&certain, 0.0, 300.0, &flips);
    assert_true(flips.mean[MTJ_P2AP] == 0.0);
    device_done(&table);
    device_done(&certain);
}

static void reading_has_its_figures(void **state)
{
    struct device device = device_default(), table = table_device(grid);
    struct device_read_energy read = device_read_energy(&device, 300.0);

    (void)state;
    ASSERT_NEAR(read.cell_pj[MTJ_P2AP], 6.890e-3, 2e-3);
    ASSERT_NEAR(read.cell_pj[MTJ_AP2P], 5.899e-3, 2e-3);
    ASSERT_NEAR(read.pair_pj, read.cell_pj[0] + read.cell_pj[1] - 5e-3, 1e-12);
    ASSERT_NEAR(device_sense_error(&device, false, 300.0), 1.9e-7, 0.03);
    ASSERT_NEAR(device_sense_error(&device, true, 300.0), 6.4e-21, 0.03);

    read = device_read_energy(&table, 300.0);
    assert_true(read.cell_pj[0] == 0.006 && read.cell_pj[1] == 0.006 &&
                read.pair_pj == 0.012);
    assert_true(device_sense_error(&table, false, 300.0) == 0.0);
    device_done(&table);
}

/* -- Writes -- */

static void a_cell_that_cannot_switch_takes_the_current_of_its_state(void **state)
{
    struct device device = device_default(), table = table_device(grid);
    struct mtj_pulse pulse = { { 0.57, 0.49 }, 10e-9, 300.0 };
    struct device_stuck_energy stuck = device_stuck_energy(&device, &pulse);
    struct mtj mtj;

    (void)state;
    mtj_init_unchecked(&device.params, 300.0, &mtj);
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        double v = pulse.voltage_v[to], fixed = 60e-15 * v * v + 20e-15;
        struct mtj_write_energy write = mtj_write_energy(&mtj, to, v, 10e-9);

        ASSERT_NEAR(stuck.stuck_p_pj[to],
                    1e12 * (v * v / (mtj.parallel_ohm + 2000.0) * 10e-9 / 0.85 + fixed),
                    1e-12);
        ASSERT_NEAR(stuck.shorted_pj[to],
                    1e12 * (v * v / (DEVICE_SHORT_OHM + 2000.0) * 10e-9 / 0.85 + fixed),
                    1e-12);
        assert_true(stuck.stuck_ap_pj[to] < stuck.stuck_p_pj[to]);
        assert_true(stuck.stuck_p_pj[to] < stuck.shorted_pj[to]);
        /* A cell that already is where it should be costs the same as one stuck there. */
        ASSERT_NEAR(to == MTJ_P2AP ? stuck.stuck_ap_pj[to] : stuck.stuck_p_pj[to],
                    write.hold_j * 1e12, 1e-12);
    }

    stuck = device_stuck_energy(&table, &pulse);
    ASSERT_NEAR(stuck.stuck_p_pj[0], device_mean(&table, 0, 0.57, 10e-9, 300.0).toggle_pj,
                1e-12);
    assert_true(stuck.stuck_p_pj[1] == stuck.shorted_pj[1] &&
                stuck.stuck_p_pj[1] == stuck.stuck_ap_pj[1]);
    device_done(&table);
}

static void a_junction_answers_as_its_array_does(void **state)
{
    static struct mtj_class_table classes, expected;
    struct device device = device_default();
    struct mtj_pulse pulse, wanted;
    char why[ERR_LEN], remark[ERR_LEN] = "unset";

    (void)state;
    assert_true(device_has_voltage(&device) && device_has_pulse(&device));
    assert_int_equal(device_cheapest_pulse(&device, 1e-4, 300.0, &pulse, why), ST_OK);
    assert_int_equal(
        mtj_cheapest_pulse(&device.params, 1e-4, 300.0, MTJ_MAX_VOLTAGE_V, &wanted, why),
        ST_OK);
    assert_memory_equal(&pulse, &wanted, sizeof(pulse));
    device_classes(&device, &pulse, &classes);
    mtj_class_table(&device.params, &pulse, &expected);
    assert_memory_equal(&classes, &expected, sizeof(classes));
    device_remark(&device, &pulse, remark);
    assert_string_equal(remark, "");
    assert_int_equal(device_solve_pulse(&device, 1e-15, 0.2e-9, 300.0, &pulse, why),
                     ST_UNREACHABLE);
    assert_int_equal(device_check_temperature(&device, 199.0, why), ST_RANGE);
    device.params.anisotropy_t = 0.06;
    assert_int_equal(device_check_temperature(&device, 300.0, why), ST_RANGE);
    assert_non_null(strstr(why, "stability"));
}

/* E[p^n] is 1 for 0 pulses, the mean for one, and above its power for more. */
static void weak_cells_fail_again_and_again(void **state)
{
    struct device device = device_default(), table = table_device(grid);
    double ln_mean = device_mean(&device, MTJ_P2AP, 0.57, 10e-9, 300.0).ln_error_rate;
    static struct mtj_class_table classes;
    struct mtj_pulse pulse = { { 0.57, 0.49 }, 10e-9, 300.0 };
    double square = 0.0;

    (void)state;
    ASSERT_WITHIN(device_ln_failure(&device, MTJ_P2AP, 0.57, 10e-9, 300.0, 0), 0.0,
                  1e-14);
    ASSERT_WITHIN(device_ln_failure(&device, MTJ_P2AP, 0.57, 10e-9, 300.0, 1), ln_mean,
                  1e-14);
    device_classes(&device, &pulse, &classes);
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        square += classes.weight[c] * classes.error_rate[c][0] * classes.error_rate[c][0];
    ASSERT_NEAR(exp(device_ln_failure(&device, MTJ_P2AP, 0.57, 10e-9, 300.0, 2)), square,
                1e-9);
    assert_true(square > 1.3 * exp(2.0 * ln_mean));
    ASSERT_WITHIN(device_ln_failure(&table, MTJ_P2AP, 0.8, 5e-9, 300.0, 3),
                  3.0 * log(1e-5), 1e-12);
    device_done(&table);
}

static void a_tables_classes_are_all_alike(void **state)
{
    static struct mtj_class_table classes;
    struct device table = table_device(grid);
    struct mtj_pulse pulse = { { 0.6, 0.5 }, 7e-9, 320.0 };
    double weight = 0.0;

    (void)state;
    device_classes(&table, &pulse, &classes);
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        struct mtj_mean mean =
            device_mean(&table, to, pulse.voltage_v[to], pulse.pulse_s, 320.0);

        for (unsigned c = 0; c < MTJ_CLASSES; c++) {
            assert_true(classes.error_rate[c][to] == mean.error_rate);
            assert_true(classes.toggle_pj[c][to] == mean.toggle_pj);
            assert_true(classes.hold_pj[c][to] == mean.hold_pj);
        }
    }
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        weight += classes.weight[c];
    ASSERT_WITHIN(weight, 1.0, 1e-12);
    device_done(&table);
}

static void a_table_is_solved_within_what_was_measured(void **state)
{
    struct device table = table_device(grid);
    struct mtj_pulse pulse;
    char why[ERR_LEN] = "";

    (void)state;
    for (double target = 9e-3; target > 1.1e-5; target /= 1.7)
        for (double ns = 5.0; ns <= 10.0; ns += 0.5) {
            enum status st =
                device_solve_pulse(&table, target, ns * 1e-9, 300.0, &pulse, why);

            assert_int_equal(st, ST_OK);
            for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
                ASSERT_NEAR(
                    device_mean(&table, to, pulse.voltage_v[to], pulse.pulse_s, 300.0)
                        .error_rate,
                    target, 1e-8);
        }
    /* The ends themselves. */
    assert_int_equal(device_solve_pulse(&table, 1e-8, 10e-9, 300.0, &pulse, why), ST_OK);
    ASSERT_WITHIN(pulse.voltage_v[MTJ_P2AP], 0.8, 1e-9);
    assert_int_equal(device_solve_pulse(&table, 1e-2, 10e-9, 300.0, &pulse, why), ST_OK);
    ASSERT_WITHIN(pulse.voltage_v[MTJ_AP2P], 0.3, 1e-9);
    device_done(&table);
}

static void a_target_that_was_not_measured_is_refused_with_the_span(void **state)
{
    struct device table = table_device(grid);
    struct mtj_pulse pulse = { { -1.0, -1.0 }, -1.0, -1.0 };
    char why[ERR_LEN] = "";

    (void)state;
    assert_int_equal(device_solve_pulse(&table, 1e-9, 10e-9, 300.0, &pulse, why),
                     ST_UNREACHABLE);
    assert_string_equal(why,
                        "p2ap: 1e-09 is outside the write error rates measured for 10 "
                        "ns at 300 K, 0.01 at 0.4 V .. 1e-08 at 0.8 V");
    assert_int_equal(device_solve_pulse(&table, 0.02, 10e-9, 300.0, &pulse, why),
                     ST_UNREACHABLE);
    assert_int_equal(device_solve_pulse(&table, 1e-4, 20e-9, 300.0, &pulse, why),
                     ST_RANGE);
    assert_non_null(strstr(why, "5 .. 10 ns"));
    assert_int_equal(device_solve_pulse(&table, 0.0, 10e-9, 300.0, &pulse, why),
                     ST_RANGE);
    assert_int_equal(device_solve_pulse(&table, 1.0, 10e-9, 300.0, &pulse, why),
                     ST_RANGE);
    assert_int_equal(device_solve_pulse(&table, NAN, 10e-9, 300.0, &pulse, why),
                     ST_RANGE);
    assert_int_equal(device_solve_pulse(&table, 1e-4, 10e-9, NAN, &pulse, why), ST_RANGE);
    assert_int_equal(device_cheapest_pulse(&table, 1e-9, 300.0, &pulse, why),
                     ST_UNREACHABLE);
    assert_non_null(strstr(why, "5 .. 10 ns"));
    assert_true(pulse.pulse_s == -1.0);
    device_done(&table);
}

/* Against a scan of a thousand widths, not one of which may be cheaper by 0.1 %. */
static void the_cheapest_pulse_of_a_table_is_the_cheapest(void **state)
{
    struct device table = table_device(grid);
    char why[ERR_LEN] = "";

    (void)state;
    for (double target = 5e-3; target > 2e-8; target /= 9.0) {
        struct mtj_pulse cheapest, other;
        double least;

        assert_int_equal(device_cheapest_pulse(&table, target, 300.0, &cheapest, why),
                         ST_OK);
        least = toggle_pj(&table, &cheapest);
        for (unsigned i = 0; i <= 1000; i++) {
            double width_s = 5e-9 * pow(2.0, i / 1000.0);

            if (device_solve_pulse(&table, target, width_s, 300.0, &other, why) == ST_OK)
                assert_true(least <= 1.001 * toggle_pj(&table, &other));
        }
    }
    device_done(&table);
}

static void a_table_without_voltages_has_its_rates_and_nothing_to_choose(void **state)
{
    struct device plain = table_device(
        "direction,temperature_k,error_rate\np2ap,300,1e-4\nap2p,300,1e-6\n");
    struct device pulsed = table_device("direction,pulse_ns,error_rate,toggle_pj\n"
                                        "both,10,1e-2,1\nboth,1000,1e-4,9\n");
    struct mtj_pulse pulse;
    char why[ERR_LEN] = "", remark[ERR_LEN];

    (void)state;
    assert_false(device_has_voltage(&plain) || device_has_pulse(&plain));
    assert_true(device_has_pulse(&pulsed));
    assert_int_equal(device_solve_pulse(&plain, 1e-4, 5e-9, 300.0, &pulse, why), ST_OK);
    assert_int_equal(device_cheapest_pulse(&plain, 1e-3, 300.0, &pulse, why), ST_OK);
    assert_true(pulse.voltage_v[0] == 0.0 && pulse.pulse_s == 0.0);
    ASSERT_NEAR(device_mean(&plain, MTJ_AP2P, 0.0, 0.0, 300.0).error_rate, 1e-6, 1e-12);
    assert_int_equal(device_solve_pulse(&plain, 1e-5, 0.0, 300.0, &pulse, why),
                     ST_UNREACHABLE);
    assert_non_null(strstr(why, "p2ap"));
    device_remark(&plain, &pulse, remark);
    assert_string_equal(remark, "");

    assert_int_equal(device_cheapest_pulse(&pulsed, 1e-3, 300.0, &pulse, why), ST_OK);
    ASSERT_NEAR(pulse.pulse_s, 505e-9, 0.05);
    assert_true(device_mean(&pulsed, MTJ_P2AP, 0.0, pulse.pulse_s, 300.0).error_rate <=
                1e-3 * (1.0 + 1e-9));
    device_done(&plain);
    device_done(&pulsed);
}

static void what_was_not_measured_is_remarked_on(void **state)
{
    struct device table = table_device(grid);
    struct mtj_pulse pulse = { { 0.9, 0.5 }, 10e-9, 300.0 };
    char remark[ERR_LEN];

    (void)state;
    device_remark(&table, &pulse, remark);
    assert_string_equal(remark,
                        "p2ap: 0.9 V was not measured, only 0.4 .. 0.8 V: 0.8 V is "
                        "taken");
    pulse.voltage_v[0] = 0.5;
    device_remark(&table, &pulse, remark);
    assert_string_equal(remark, "");
    pulse.temperature_k = 233.0;
    pulse.pulse_s = 20e-9;
    device_remark(&table, &pulse, remark);
    assert_non_null(strstr(remark, "p2ap: 233 K was not measured, only 300 .. 400 K"));
    assert_non_null(strstr(remark, "20 ns was not measured"));
    assert_true(strlen(remark) < ERR_LEN);
    device_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_flip_as_the_mean_of_24_nodes_does),
        cmocka_unit_test(retention_has_its_figures),
        cmocka_unit_test(retention_composes),
        cmocka_unit_test(a_tables_retention_follows_its_rates_and_activation),
        cmocka_unit_test(reads_disturb_independently_of_each_other),
        cmocka_unit_test(a_tables_reads_disturb_as_stated),
        cmocka_unit_test(reading_has_its_figures),
        cmocka_unit_test(a_cell_that_cannot_switch_takes_the_current_of_its_state),
        cmocka_unit_test(a_junction_answers_as_its_array_does),
        cmocka_unit_test(weak_cells_fail_again_and_again),
        cmocka_unit_test(a_tables_classes_are_all_alike),
        cmocka_unit_test(a_table_is_solved_within_what_was_measured),
        cmocka_unit_test(a_target_that_was_not_measured_is_refused_with_the_span),
        cmocka_unit_test(the_cheapest_pulse_of_a_table_is_the_cheapest),
        cmocka_unit_test(a_table_without_voltages_has_its_rates_and_nothing_to_choose),
        cmocka_unit_test(what_was_not_measured_is_remarked_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
