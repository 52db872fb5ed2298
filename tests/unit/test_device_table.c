/* SPDX-License-Identifier: Apache-2.0 */
/* Measured devices: curves through what was measured. */
#include "core/device_table.h"

#include "core/device.h"
#include "core/mtj_array.h"
#include "tests/lib/fault.h"
#include "tests/unit/device_table_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double rate(const struct device_table *table, enum mtj_direction to,
                   double voltage_v, double pulse_s, double temperature_k)
{
    return exp(
        device_table_at(table, to, voltage_v, pulse_s, temperature_k).ln_error_rate);
}

/* -- Interpolation -- */

static void measured_points_come_back_as_they_are(void **state)
{
    struct device_table *table = parsed(small);
    struct device_table_point point;

    (void)state;
    assert_int_equal(device_table_rows(table), 7);
    assert_string_equal(device_table_remarks(table), "");
    assert_true(device_table_has_voltage(table) && device_table_has_pulse(table) &&
                device_table_has_temperature(table));

    point = device_table_at(table, MTJ_P2AP, 0.6, 10e-9, 300.0);
    assert_true(point.inside);
    ASSERT_WITHIN(point.ln_error_rate, log(1e-3), 1e-14);
    assert_true(point.toggle_pj == 0.4 && point.hold_pj == 0.3);
    point = device_table_at(table, MTJ_P2AP, 0.9, 10e-9, 300.0);
    ASSERT_WITHIN(point.ln_error_rate, log(1e-9), 1e-14);
    assert_true(point.inside && point.toggle_pj == 0.9);
    point = device_table_at(table, MTJ_AP2P, 0.9, 10e-9, 300.0);
    ASSERT_WITHIN(point.ln_error_rate, log(1e-9), 1e-14);
    device_table_free(table);
}

static void ln_rates_are_linear_in_voltage_pulse_and_temperature(void **state)
{
    struct device_table *table = parsed(small);
    double at_10, at_20;

    (void)state;
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.5, 10e-9, 300.0), 1e-2, 1e-12);
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.75, 10e-9, 300.0), 1e-6, 1e-12);
    at_10 = log(rate(table, MTJ_P2AP, 0.6, 10e-9, 300.0));
    at_20 = log(1e-6);
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.6, 12.5e-9, 300.0),
                exp(0.75 * at_10 + 0.25 * at_20), 1e-9);
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.5, 10e-9, 325.0),
                exp(0.75 * log(1e-2) + 0.25 * log(1e-3)), 1e-9);
    ASSERT_NEAR(device_table_at(table, MTJ_P2AP, 0.45, 10e-9, 300.0).toggle_pj, 0.25,
                1e-12);
    ASSERT_NEAR(device_table_at(table, MTJ_P2AP, 0.5, 10e-9, 350.0).hold_pj, 0.2, 1e-12);
    ASSERT_NEAR(device_table_at(table, MTJ_P2AP, 0.6, 15e-9, 300.0).toggle_pj,
                0.5 * (0.4 + 0.7), 1e-9);
    device_table_free(table);
}

static void outside_the_points_the_nearest_is_taken(void **state)
{
    struct device_table *table = parsed(small);
    static const struct {
        double voltage_v, pulse_s, temperature_k, rate;
    } rows[] = {
        { 0.1, 10e-9, 300.0, 1e-1 }, { 0.0, 10e-9, 300.0, 1e-1 },
        { 1.2, 10e-9, 300.0, 1e-9 }, { 0.6, 1e-9, 300.0, 1e-3 },
        { 0.6, 1e-6, 300.0, 1e-6 },  { 0.6, 10e-9, 200.0, 1e-3 },
        { 0.5, 10e-9, 450.0, 1e-3 }, { 0.5, 0.0, 300.0, 1e-2 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct device_table_point point = device_table_at(
            table, MTJ_P2AP, rows[i].voltage_v, rows[i].pulse_s, rows[i].temperature_k);

        assert_false(point.inside);
        ASSERT_NEAR(exp(point.ln_error_rate), rows[i].rate, 1e-9);
    }
    /* 10 ns stated in another way is 10 ns. */
    assert_true(
        device_table_at(table, MTJ_P2AP, 0.6, 1e-8 * (1.0 - 1e-15), 300.0).inside);
    assert_true(
        device_table_at(table, MTJ_P2AP, 0.9 * (1.0 + 1e-15), 1e-8, 300.0).inside);
    assert_false(device_table_at(table, MTJ_P2AP, NAN, 10e-9, 300.0).inside);
    assert_false(device_table_at(table, MTJ_P2AP, 0.6, NAN, 300.0).inside);
    assert_false(device_table_at(table, MTJ_P2AP, 0.6, 10e-9, NAN).inside);
    device_table_free(table);
}

static void what_is_not_a_column_does_not_matter(void **state)
{
    struct device_table *table = parsed("direction,temperature_k,error_rate\n"
                                        "p2ap,300,1e-3\nap2p,300,2e-3\nboth,400,1e-5\n");

    (void)state;
    assert_false(device_table_has_voltage(table) || device_table_has_pulse(table));
    assert_true(device_table_has_temperature(table));
    ASSERT_NEAR(rate(table, MTJ_P2AP, 7.0, 3.0, 300.0), 1e-3, 1e-12);
    ASSERT_NEAR(rate(table, MTJ_AP2P, -1.0, 0.0, 300.0), 2e-3, 1e-12);
    ASSERT_NEAR(rate(table, MTJ_P2AP, NAN, NAN, 350.0), 1e-4, 1e-9);
    assert_true(device_table_at(table, MTJ_P2AP, 7.0, 3.0, 300.0).inside);
    assert_true(device_table_at(table, MTJ_P2AP, 7.0, 3.0, 300.0).toggle_pj == 0.0);
    device_table_free(table);

    table = parsed("error_rate,direction\n1,both\n");
    assert_true(device_table_at(table, MTJ_AP2P, 0.5, 1e-8, 300.0).ln_error_rate == 0.0);
    assert_true(device_table_read_pj(table) == 0.0);
    assert_true(device_table_read_disturb(table) == 0.0);
    assert_true(device_table_escape_rate(table, MTJ_P2AP, 300.0) == 0.0);
    device_table_free(table);
}

static void without_hold_energies_they_are_the_toggle_energies(void **state)
{
    struct device_table *table = parsed("direction,error_rate,toggle_pj\nboth,0.1,0.4\n");

    (void)state;
    assert_true(device_table_at(table, MTJ_P2AP, 0, 0, 0).hold_pj == 0.4);
    device_table_free(table);
}

/* A random table of noisy rates: between the points, over all voltages, pulses and
 * temperatures, the rate never rises with voltage. */
static void rates_never_rise_with_voltage(void **state)
{
    char text[8192];
    unsigned seed = 1;

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        size_t len = (size_t)snprintf(text, sizeof(text),
                                      "direction,voltage_v,pulse_ns,temperature_k,"
                                      "error_rate\n");

        for (unsigned i = 0; i < 120; i++) {
            unsigned draw[4];

            for (unsigned k = 0; k < 4; k++) {
                seed = seed * 1664525u + 1013904223u;
                draw[k] = seed >> 16;
            }
            len += (size_t)snprintf(text + len, sizeof(text) - len,
                                    "both,%.2f,%u,%u,%.5g\n", 0.3 + draw[0] % 60 * 0.01,
                                    5 + 5 * (draw[1] % 3), 250 + 50 * (draw[2] % 3),
                                    pow(10.0, -0.1 - draw[3] % 1000 * 0.006));
        }
        struct device_table *table = parsed_bytes(text, len);
        assert_non_null(strstr(device_table_remarks(table), "pooled"));
        for (double k = 230.0; k < 380.0; k += 12.5)
            for (double ns = 4.0; ns < 17.0; ns += 1.1) {
                double before = 0.0;

                for (double v = 0.25; v < 0.95; v += 0.002) {
                    double ln =
                        device_table_at(table, MTJ_AP2P, v, ns * 1e-9, k).ln_error_rate;

                    assert_true(ln <= before + 1e-12);
                    before = ln;
                }
            }
        device_table_free(table);
    }
}

static void rising_rates_are_pooled_to_their_mean_logarithm(void **state)
{
    struct device_table *table = parsed("direction,voltage_v,error_rate\n"
                                        "both,0.1,1e-1\nboth,0.2,1e-4\nboth,0.3,1e-2\n"
                                        "both,0.4,1e-3\nboth,0.5,1e-6\n");

    (void)state;
    /* 1e-4 and 1e-2 make 1e-3, which 1e-3 continues. */
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.1, 0, 0), 1e-1, 1e-12);
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.2, 0, 0), 1e-3, 1e-12);
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.25, 0, 0), 1e-3, 1e-12);
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.3, 0, 0), 1e-3, 1e-12);
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.4, 0, 0), 1e-3, 1e-12);
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.5, 0, 0), 1e-6, 1e-12);
    assert_string_equal(device_table_remarks(table),
                        "error rates that rose with voltage were pooled: 4 points on 2 "
                        "curves; the first is p2ap");
    device_table_free(table);

    /* A point stated three times weighs three times as much. */
    table = parsed("direction,voltage_v,error_rate\nboth,0.1,1e-4\nboth,0.1,1e-4\n"
                   "both,0.1,1e-4\nboth,0.2,1e-2\nboth,0.3,1e-9\n");
    ASSERT_NEAR(rate(table, MTJ_P2AP, 0.2, 0, 0), pow(10.0, -3.5), 1e-12);
    device_table_free(table);
}

static void points_stated_twice_are_averaged(void **state)
{
    struct device_table *table =
        parsed("direction,voltage_v,error_rate,toggle_pj\n"
               "both,0.1,1e-2,1\nboth,0.2,1e-5,4\nboth,0.1,1e-4,3\n");

    (void)state;
    ASSERT_NEAR(rate(table, MTJ_AP2P, 0.1, 0, 0), 1e-3, 1e-12);
    ASSERT_NEAR(device_table_at(table, MTJ_AP2P, 0.1, 0, 0).toggle_pj, 2.0, 1e-12);
    assert_non_null(strstr(device_table_remarks(table), "6 rows became 4 points"));
    assert_int_equal(device_table_rows(table), 3);
    device_table_free(table);
}

/* -- A junction as somebody measures it -- */

/* Text of the default junction's array means on a grid. */
static char *measured_junction(double step_v, size_t *ret_len)
{
    static const double pulses_ns[] = { 5.0, 7.0, 10.0, 14.0, 20.0 };
    static const double temperatures_k[] = { 275.0, 300.0, 325.0 };
    struct mtj_params params = device_default().params;
    size_t size = 1 << 19, len;
    char *text = malloc(size);

    assert_non_null(text);
    len = (size_t)snprintf(text, size,
                           "direction,voltage_v,pulse_ns,temperature_k,"
                           "error_rate,toggle_pj,hold_pj\n");
    for (unsigned to = 0; to < 2; to++)
        for (unsigned k = 0; k < 3; k++)
            for (unsigned p = 0; p < 5; p++)
                for (double v = 0.40; v < 0.801; v += step_v) {
                    struct mtj_mean mean = mtj_array_mean(
                        &params, to, v, pulses_ns[p] * 1e-9, temperatures_k[k]);

                    len += (size_t)snprintf(
                        text + len, size - len, "%s,%.9g,%g,%g,%.9g,%.9g,%.9g\n",
                        to == 0 ? "p2ap" : "ap2p", v, pulses_ns[p], temperatures_k[k],
                        mean.error_rate, mean.toggle_pj, mean.hold_pj);
                }
    assert_true(len < size);
    *ret_len = len;
    return text;
}

/* What the interpolation of a grid costs: ln WER is within 0.02 of the model between
 * voltages 25 mV apart, within 0.03 between temperatures 25 K apart as well, and energies
 * within 0.2 %. Between pulses a factor 1.4 apart, where ln WER is not quite straight in
 * t, it is within 10 % of itself (of 1, if it is less) and energies within 2.5 %.
 */
static void a_measured_junction_is_that_junction_between_the_points(void **state)
{
    struct mtj_params params = device_default().params;
    size_t len;
    char *text = measured_junction(0.025, &len);
    struct device_table *table = parsed_bytes(text, len);
    static const struct {
        double pulse_ns, temperature_k, absolute, relative, energy;
    } rows[] = {
        { 10.0, 300.0, 0.02, 0.0, 2e-3 },  { 5.0, 275.0, 0.02, 0.0, 2e-3 },
        { 20.0, 325.0, 0.02, 0.0, 2e-3 },  { 10.0, 312.5, 0.03, 0.0, 2e-3 },
        { 8.4, 300.0, 0.0, 0.1, 2.5e-2 },  { 6.0, 312.0, 0.0, 0.1, 2.5e-2 },
        { 17.0, 287.0, 0.0, 0.1, 2.5e-2 },
    };

    (void)state;
    assert_string_equal(device_table_remarks(table), "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned to = 0; to < 2; to++)
            for (double v = 0.40; v < 0.80; v += 0.00625) {
                struct mtj_mean mean = mtj_array_mean(
                    &params, to, v, rows[i].pulse_ns * 1e-9, rows[i].temperature_k);
                struct device_table_point point = device_table_at(
                    table, to, v, rows[i].pulse_ns * 1e-9, rows[i].temperature_k);

                assert_true(point.inside);
                ASSERT_WITHIN(point.ln_error_rate, mean.ln_error_rate,
                              rows[i].absolute +
                                  rows[i].relative * fmax(1.0, -mean.ln_error_rate));
                ASSERT_NEAR(point.toggle_pj, mean.toggle_pj, rows[i].energy);
                ASSERT_NEAR(point.hold_pj, mean.hold_pj, rows[i].energy);
            }
    device_table_free(table);
    free(text);
}

static void the_example_of_the_documents_is_the_default_junction(void **state)
{
    struct mtj_params params = device_default().params;
    FILE *f = fopen(TEST_SOURCE_DIR "/models/examples/measured.csv", "rb");
    static char text[DEVICE_TABLE_MAX_BYTES];

    (void)state;
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof(text), f);
    assert_int_equal(fclose(f), 0);
    struct device_table *table = parsed_bytes(text, len);
    assert_string_equal(device_table_remarks(table), "");
    for (double v = 0.45; v < 0.81; v += 0.05) {
        struct mtj_mean mean = mtj_array_mean(&params, MTJ_P2AP, v, 10e-9, 300.0);

        ASSERT_WITHIN(device_table_at(table, MTJ_P2AP, v, 10e-9, 300.0).ln_error_rate,
                      mean.ln_error_rate, 2e-3);
    }
    for (unsigned from = 0; from < 2; from++)
        for (double k = 300.0; k < 360.0; k += 29.0)
            /* one activation energy for both states and all cells: to a factor of two */
            ASSERT_WITHIN(log(device_table_escape_rate(table, from, k) * 86400.0),
                          log(mtj_array_retention(&params, from, 86400.0, k)), log(2.0));
    device_table_free(table);
}

/* -- What was measured -- */

static void spans_are_those_of_the_rows(void **state)
{
    struct device_table *table = parsed(small);
    struct device_span span = device_table_span(table, MTJ_P2AP);
    double min_v, max_v;
    size_t n;
    const double *pulses = device_table_pulses(table, &n);

    (void)state;
    assert_true(span.min_voltage_v == 0.4 && span.max_voltage_v == 0.9);
    ASSERT_NEAR(span.min_pulse_s, 10e-9, 1e-12);
    ASSERT_NEAR(span.max_pulse_s, 20e-9, 1e-12);
    assert_true(span.min_temperature_k == 300.0 && span.max_temperature_k == 400.0);
    span = device_table_span(table, MTJ_AP2P);
    assert_true(span.min_voltage_v == 0.3 && span.max_temperature_k == 300.0);
    assert_int_equal(n, 2);
    assert_true(pulses[0] < pulses[1]);

    assert_true(device_table_voltages(table, MTJ_P2AP, 10e-9, 300.0, &min_v, &max_v));
    assert_true(min_v == 0.4 && max_v == 0.9);
    assert_true(device_table_voltages(table, MTJ_P2AP, 15e-9, 300.0, &min_v, &max_v));
    assert_true(min_v == 0.5 && max_v == 0.7);
    assert_true(device_table_voltages(table, MTJ_P2AP, 10e-9, 350.0, &min_v, &max_v));
    assert_true(min_v == 0.5 && max_v == 0.5);
    device_table_free(table);

    table = parsed("direction,voltage_v,pulse_ns,error_rate\n"
                   "both,0.1,5,0.5\nboth,0.2,5,0.1\nboth,0.3,9,0.5\nboth,0.4,9,0.1\n");
    assert_false(device_table_voltages(table, MTJ_P2AP, 7e-9, 300.0, &min_v, &max_v));
    device_table_free(table);
}

static void figures_of_the_whole_table_stand_on_one_row_or_on_all(void **state)
{
    struct device_table *first =
        parsed("direction,error_rate,read_pj,retention_rate_p_per_s,"
               "retention_rate_ap_per_s,retention_activation_ev,read_disturb\n"
               "p2ap,0.1,0.01,1e-9,2e-9,1.2,1e-7\nap2p,0.1,,,,,\n");
    struct device_table *all =
        parsed("direction,error_rate,read_pj,retention_rate_p_per_s,"
               "retention_rate_ap_per_s,retention_activation_ev,read_disturb\n"
               "p2ap,0.1,0.01,1e-9,2e-9,1.2,1e-7\nap2p,0.1,0.010,1e-9,2e-9,1.2,1e-7\n");

    (void)state;
    assert_true(device_table_same(first, all));
    assert_true(device_table_read_pj(all) == 0.01);
    assert_true(device_table_read_disturb(all) == 1e-7);
    ASSERT_NEAR(device_table_escape_rate(all, MTJ_P2AP, 300.0), 1e-9, 1e-12);
    ASSERT_NEAR(device_table_escape_rate(all, MTJ_AP2P, 350.0),
                2e-9 * exp(1.2 / 8.617333262e-5 * (1.0 / 300.0 - 1.0 / 350.0)), 1e-9);
    device_table_free(first);
    device_table_free(all);
}

/* -- Whole tables -- */

static void tables_differ_by_any_value(void **state)
{
    static const char *const others[] = {
        "direction,voltage_v,error_rate,read_pj\nboth,0.5,0.1,1\nboth,0.6,0.1,1\n",
        "direction,voltage_v,error_rate,read_pj\nboth,0.5,0.2,1\n",
        "direction,voltage_v,error_rate,read_pj\nboth,0.6,0.1,1\n",
        "direction,voltage_v,error_rate,read_pj\nboth,0.5,0.1,2\n",
        "direction,pulse_ns,error_rate,read_pj\nboth,0.5,0.1,1\n",
        "direction,voltage_v,error_rate\nboth,0.5,0.1\n",
        "direction,voltage_v,error_rate,read_pj\np2ap,0.5,0.1,1\nap2p,0.5,0.1,1\n",
    };
    struct device_table *table =
        parsed("direction,voltage_v,error_rate,read_pj\nboth,0.5,0.1,1\n");

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct device_table *other = parsed(others[i]);

        assert_false(device_table_same(table, other));
        assert_true(device_table_same(other, other));
        device_table_free(other);
    }
    device_table_free(table);
}

static void copies_are_deep(void **state)
{
    struct device_table *table = parsed(small), *copy = NULL;

    (void)state;
    assert_int_equal(device_table_copy(table, &copy), ST_OK);
    assert_true(device_table_same(table, copy));
    device_table_free(table);
    ASSERT_NEAR(rate(copy, MTJ_P2AP, 0.5, 10e-9, 300.0), 1e-2, 1e-12);
    assert_string_equal(device_table_remarks(copy), "");
    device_table_free(copy);
    device_table_free(NULL);
}

static void a_failed_allocation_leaves_nothing_behind(void **state)
{
    struct device_table *table = NULL, *copy = NULL;
    enum status st = ST_NOMEM;
    char why[ERR_LEN] = "";

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = device_table_parse(small, strlen(small), &table, why);
        (void)fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && table == NULL && why[0] != '\0'));
    }
    st = ST_NOMEM;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = device_table_copy(table, &copy);
        (void)fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && copy == NULL));
    }
    device_table_free(table);
    device_table_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measured_points_come_back_as_they_are),
        cmocka_unit_test(ln_rates_are_linear_in_voltage_pulse_and_temperature),
        cmocka_unit_test(outside_the_points_the_nearest_is_taken),
        cmocka_unit_test(what_is_not_a_column_does_not_matter),
        cmocka_unit_test(without_hold_energies_they_are_the_toggle_energies),
        cmocka_unit_test(rates_never_rise_with_voltage),
        cmocka_unit_test(rising_rates_are_pooled_to_their_mean_logarithm),
        cmocka_unit_test(points_stated_twice_are_averaged),
        cmocka_unit_test(a_measured_junction_is_that_junction_between_the_points),
        cmocka_unit_test(the_example_of_the_documents_is_the_default_junction),
        cmocka_unit_test(spans_are_those_of_the_rows),
        cmocka_unit_test(figures_of_the_whole_table_stand_on_one_row_or_on_all),
        cmocka_unit_test(tables_differ_by_any_value),
        cmocka_unit_test(copies_are_deep),
        cmocka_unit_test(a_failed_allocation_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
