/* SPDX-License-Identifier: Apache-2.0 */
/* From a wanted error rate to a write, and what protecting it costs. */
#include "core/solve.h"

#include "core/device.h"
#include "tests/lib/near.h"

#include <stdlib.h>
#include <string.h>

static struct solve_answer solved(const struct device *device, double target,
                                  double pulse_ns)
{
    struct solve_request request = { target, pulse_ns > 0.0, pulse_ns, 300.0 };
    struct solve_answer answer;
    char why[ERR_LEN] = "";
    enum status st = solve_schemes(device, &request, &answer, why);

    if (st != ST_OK)
        print_error("%s\n", why);
    assert_int_equal(st, ST_OK);
    return answer;
}

static const struct solve_scheme *row(const struct solve_answer *answer,
                                      const char *scheme, const char *basis)
{
    for (size_t i = 0; i < answer->n_schemes; i++)
        if (strcmp(answer->schemes[i].scheme, scheme) == 0 &&
            strcmp(answer->schemes[i].basis, basis) == 0)
            return &answer->schemes[i];
    fail_msg("no row %s, %s", scheme, basis);
    return NULL;
}

static struct device table_device(const char *text)
{
    struct device device = { .kind = DEVICE_TABLE, .params = device_default().params };
    char why[ERR_LEN] = "";

    assert_int_equal(device_table_parse(text, strlen(text), &device.table, why), ST_OK);
    return device;
}

/* The table of mtj-model.md, 14: raw and delivered rate, energy, relative. */
static void protection_costs_what_the_model_says(void **state)
{
    static const struct {
        double target;
        const char *scheme, *basis;
        double raw, delivered, energy_pj;
    } rows[] = {
        { 1e-3, "none", "equal_delivered", 1e-3, 1e-3, 0.373 },
        { 1e-3, "secded", "practice", 1e-6, 7.1e-11, 0.776 },
        { 1e-3, "bch2", "practice", 1e-6, 3.3e-15, 0.843 },
        { 1e-6, "none", "equal_delivered", 1e-6, 1e-6, 0.688 },
        { 1e-9, "none", "equal_delivered", 1e-9, 1e-9, 1.103 },
        { 1e-6, "secded", "equal_delivered", 1.19e-4, 1e-6, 0.520 },
        { 1e-9, "secded", "equal_delivered", 3.75e-6, 1e-9, 0.700 },
        { 1e-9, "bch2", "equal_delivered", 6.73e-5, 1e-9, 0.596 },
        { 1e-3, "secded", "equal_delivered", 3.97e-3, 1e-3, 0.364 },
        { 1e-3, "verify_retry_1", "practice", 1e-3, 1.5e-6, 0.380 },
    };
    struct device device = device_default();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct solve_answer answer = solved(&device, rows[i].target, 10.0);
        const struct solve_scheme *found = row(&answer, rows[i].scheme, rows[i].basis);

        assert_true(found->reachable);
        ASSERT_NEAR(found->raw_error_rate, rows[i].raw, 5e-3);
        ASSERT_NEAR(found->delivered_error_rate, rows[i].delivered, 4e-2);
        ASSERT_NEAR(found->energy_per_data_bit_pj, rows[i].energy_pj, 1e-2);
    }
}

/* Strong writes under a code against weak writes without: the factor two. */
static void the_factor_two_names_both_its_ends(void **state)
{
    struct device device = device_default();
    struct solve_answer answer = solved(&device, 1e-3, 10.0);

    (void)state;
    ASSERT_WITHIN(row(&answer, "secded", "practice")->relative, 2.08, 0.01);
    ASSERT_WITHIN(row(&answer, "bch2", "practice")->relative, 2.26, 0.01);
    ASSERT_WITHIN(row(&answer, "none", "practice")->relative, 1.84, 0.01);
    ASSERT_WITHIN(row(&answer, "secded", "equal_delivered")->relative, 0.97, 0.01);
    ASSERT_WITHIN(row(&answer, "verify_retry_1", "practice")->relative, 1.02, 0.01);
    assert_true(row(&answer, "none", "equal_delivered")->relative == 1.0);
}

static void rows_of_equal_delivery_deliver_the_target(void **state)
{
    struct device device = device_default();

    (void)state;
    for (double target = 1e-2; target > 1e-10; target *= 1e-3) {
        struct solve_answer answer = solved(&device, target, 10.0);
        size_t n_equal = 0;

        for (size_t i = 0; i < answer.n_schemes; i++) {
            const struct solve_scheme *scheme = &answer.schemes[i];

            assert_true(scheme->reachable);
            assert_true(scheme->cells_per_data_bit >= 1.0 && scheme->relative > 0.0);
            if (strcmp(scheme->basis, "equal_delivered") != 0)
                continue;
            n_equal++;
            ASSERT_NEAR(scheme->delivered_error_rate, target, 3e-6);
        }
        assert_int_equal(n_equal, 7);
    }
}

/* More retries allow weaker writes; each is a way of its own. */
static void retries_let_the_first_write_be_weaker(void **state)
{
    static const char *const names[] = { "none", "verify_retry_1", "verify_retry_2",
                                         "verify_retry_3" };
    struct device device = device_default();
    struct solve_answer answer = solved(&device, 1e-6, 10.0);

    (void)state;
    for (unsigned k = 1; k <= 3; k++) {
        const struct solve_scheme *fewer = row(&answer, names[k - 1], "equal_delivered");
        const struct solve_scheme *more = row(&answer, names[k], "equal_delivered");

        assert_int_equal(more->retries, k);
        assert_true(more->raw_error_rate > fewer->raw_error_rate);
        assert_true(more->voltage_v[MTJ_P2AP] < fewer->voltage_v[MTJ_P2AP]);
        assert_true(more->energy_per_data_bit_pj < fewer->energy_per_data_bit_pj);
        /* Weak cells fail again: the raw rate is below the root of the target. */
        assert_true(more->raw_error_rate < pow(1e-6, 1.0 / (k + 1)));
    }
}

static void energies_are_made_of_cells_checks_and_reads(void **state)
{
    struct device device = device_default();
    struct solve_answer answer = solved(&device, 1e-4, 8.0);
    const struct solve_scheme *none = row(&answer, "none", "practice");
    const struct solve_scheme *secded = row(&answer, "secded", "practice");
    const struct solve_scheme *bch2 = row(&answer, "bch2", "practice");
    const struct solve_scheme *pairs = row(&answer, "2t2r", "equal_delivered");
    const struct solve_scheme *retry = row(&answer, "verify_retry_1", "practice");
    struct device_read_energy read = device_read_energy(&device, 300.0);
    double cell_pj = row(&answer, "none", "equal_delivered")->energy_per_data_bit_pj;

    (void)state;
    ASSERT_NEAR(cell_pj, answer.toggle_pj, 1e-12);
    ASSERT_NEAR(secded->energy_per_data_bit_pj,
                none->energy_per_data_bit_pj * 72.0 / 64.0 + 0.15 / 64.0, 1e-12);
    ASSERT_NEAR(bch2->energy_per_data_bit_pj,
                none->energy_per_data_bit_pj * 78.0 / 64.0 + 0.30 / 64.0, 1e-12);
    ASSERT_NEAR(secded->cells_per_data_bit, 1.125, 1e-12);
    ASSERT_NEAR(bch2->cells_per_data_bit, 78.0 / 64.0, 1e-12);
    assert_true(pairs->pairs && pairs->cells_per_data_bit == 2.0);
    ASSERT_NEAR(pairs->energy_per_data_bit_pj, 2.0 * cell_pj, 1e-12);
    ASSERT_NEAR(retry->energy_per_data_bit_pj,
                cell_pj * (1.0 + 1e-4) +
                    (1.0 + 1e-4) * 0.5 * (read.cell_pj[0] + read.cell_pj[1]),
                1e-9);
}

static void voltages_are_those_of_the_rows_raw_rate(void **state)
{
    struct device device = device_default();
    struct solve_answer answer = solved(&device, 1e-5, 7.0);

    (void)state;
    ASSERT_NEAR(answer.pulse.pulse_s, 7e-9, 1e-12);
    for (size_t i = 0; i < answer.n_schemes; i++) {
        const struct solve_scheme *scheme = &answer.schemes[i];

        for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
            ASSERT_NEAR(
                device_mean(&device, to, scheme->voltage_v[to], 7e-9, 300.0).error_rate,
                scheme->raw_error_rate, 1e-5);
    }
}

static void without_a_width_the_cheapest_one_is_taken(void **state)
{
    struct device device = device_default();
    struct solve_answer free_width = solved(&device, 1e-3, 0.0);
    struct solve_answer ten = solved(&device, 1e-3, 10.0);

    (void)state;
    ASSERT_NEAR(free_width.pulse.pulse_s, 14.2e-9, 0.02);
    assert_memory_equal(&free_width.pulse, &free_width.cheapest,
                        sizeof(struct mtj_pulse));
    assert_memory_equal(&ten.cheapest, &free_width.cheapest, sizeof(struct mtj_pulse));
    ASSERT_NEAR(free_width.toggle_pj, 0.360, 3e-3);
    assert_true(ten.toggle_pj > ten.cheapest_toggle_pj);
    assert_string_equal(ten.remark, "");
}

static void rows_out_of_reach_are_empty(void **state)
{
    struct device device = device_default();
    const struct device_preset *preset = device_preset("ikeda-2010");
    struct solve_answer answer;
    const struct solve_scheme *strong;

    (void)state;
    device.params = preset->params;
    answer = solved(&device, 1e-3, 10.0); /* 1e-6 would take more than 1.5 V */
    strong = row(&answer, "secded", "practice");
    assert_false(strong->reachable);
    assert_int_equal(strong->ecc, ECC_SECDED);
    assert_true(strong->raw_error_rate == 0.0 && strong->delivered_error_rate == 0.0 &&
                strong->energy_per_data_bit_pj == 0.0 && strong->relative == 0.0 &&
                strong->cells_per_data_bit == 0.0 && strong->voltage_v[0] == 0.0);
    assert_true(row(&answer, "verify_retry_1", "equal_delivered")->reachable);
}

/* All cells alike: retries see the plain power. */
static void a_measured_table_is_solved_as_a_junction_is(void **state)
{
    struct device table =
        table_device("direction,voltage_v,pulse_ns,error_rate,toggle_pj,read_pj\n"
                     "both,0.3,10,0.5,0.1,0.01\nboth,1,10,1e-12,1.1,\n");
    struct solve_answer answer = solved(&table, 1e-4, 10.0);
    const struct solve_scheme *retry = row(&answer, "verify_retry_1", "equal_delivered");

    (void)state;
    ASSERT_NEAR(retry->raw_error_rate, 1e-2, 1e-6);
    ASSERT_NEAR(retry->delivered_error_rate, 1e-4, 1e-6);
    ASSERT_NEAR(row(&answer, "verify_retry_3", "equal_delivered")->raw_error_rate, 0.1,
                1e-6);
    ASSERT_NEAR(row(&answer, "none", "equal_delivered")->voltage_v[0],
                0.3 + 0.7 * log(0.5 / 1e-4) / log(0.5 / 1e-12), 1e-9);
    ASSERT_NEAR(row(&answer, "secded", "equal_delivered")->delivered_error_rate, 1e-4,
                1e-6);
    device_done(&table);
}

static void a_table_of_plain_rates_has_one_write_for_all_rows(void **state)
{
    struct device table = table_device("direction,error_rate\np2ap,2e-4\nap2p,4e-4\n");
    struct solve_answer answer = solved(&table, 1e-3, 0.0);

    (void)state;
    ASSERT_NEAR(row(&answer, "none", "equal_delivered")->raw_error_rate, 3e-4, 1e-9);
    ASSERT_NEAR(row(&answer, "none", "equal_delivered")->delivered_error_rate, 3e-4,
                1e-9);
    ASSERT_NEAR(row(&answer, "secded", "equal_delivered")->delivered_error_rate,
                ecc_post_rate(ECC_SECDED, 64, 3e-4), 1e-9);
    ASSERT_NEAR(row(&answer, "verify_retry_1", "equal_delivered")->delivered_error_rate,
                0.5 * (4e-8 + 16e-8), 1e-9);
    assert_false(row(&answer, "none", "practice")->reachable);
    assert_true(row(&answer, "none", "equal_delivered")->relative ==
                0.0); /* no energies */
    device_done(&table);
}

/* Nothing weaker was measured than what the two ends say, and that does better. */
static void the_weakest_write_of_a_table_will_do(void **state)
{
    struct device table = table_device("direction,voltage_v,error_rate,toggle_pj\n"
                                       "p2ap,0.4,0.05,0.4\np2ap,0.8,1e-6,0.8\n"
                                       "ap2p,0.4,0.08,0.4\nap2p,0.8,1e-6,0.8\n");
    struct solve_answer answer = solved(&table, 1e-3, 0.0);
    const struct solve_scheme *once = row(&answer, "verify_retry_1", "equal_delivered");
    const struct solve_scheme *more = row(&answer, "verify_retry_3", "equal_delivered");

    (void)state;
    ASSERT_NEAR(once->raw_error_rate, sqrt(1e-3), 1e-6);
    ASSERT_NEAR(once->delivered_error_rate, 1e-3, 2e-6);
    /* 1e-3^(1/4) is 0.178. */
    assert_true(more->reachable);
    ASSERT_NEAR(more->raw_error_rate, 0.05, 1e-9);
    ASSERT_NEAR(more->delivered_error_rate, 0.05 * 0.05 * 0.05 * 0.05, 1e-8);
    ASSERT_NEAR(more->voltage_v[MTJ_P2AP], 0.4, 1e-9);
    assert_true(more->voltage_v[MTJ_AP2P] > 0.4);
    device_done(&table);

    /* So do codes. */
    table =
        table_device("direction,voltage_v,error_rate\nboth,0.4,2e-3\nboth,0.8,1e-9\n");
    answer = solved(&table, 1e-3, 0.0);
    for (enum ecc_code code = ECC_SECDED; code < ECC_CODES; code++) {
        const struct solve_scheme *coded =
            row(&answer, ecc_name(code), "equal_delivered");

        assert_true(coded->reachable);
        ASSERT_NEAR(coded->raw_error_rate, 2e-3, 1e-9);
        assert_true(coded->delivered_error_rate < 1e-3);
    }
    device_done(&table);
}

/* The sense margin is what two cells a bit are for: the figures of core/README.md, Read.
 */
static void pairs_are_read_far_better_than_cells(void **state)
{
    struct device device = device_default();
    struct device table = table_device("direction,error_rate\nboth,1e-6\n");
    struct solve_answer answer = solved(&device, 1e-3, 10.0);

    (void)state;
    for (size_t i = 0; i < answer.n_schemes; i++)
        ASSERT_NEAR(answer.schemes[i].sense_error_rate,
                    answer.schemes[i].pairs ? 6.4e-21 : 1.9e-7, 0.03);
    answer = solved(&table, 1e-3, 0.0);
    for (size_t i = 0; i < answer.n_schemes; i++)
        assert_true(answer.schemes[i].sense_error_rate == 0.0);
    device_done(&table);
}

static void requests_out_of_range_are_refused(void **state)
{
    static const struct {
        struct solve_request request;
        const char *field;
    } bad[] = {
        { { 0.0, true, 10.0, 300.0 }, "target_error_rate" },
        { { 1.0, true, 10.0, 300.0 }, "target_error_rate" },
        { { NAN, false, 0.0, 300.0 }, "target_error_rate" },
        { { 1e-3, true, 0.1, 300.0 }, "pulse_ns" },
        { { 1e-3, true, 2e6, 300.0 }, "pulse_ns" },
        { { 1e-3, true, NAN, 300.0 }, "pulse_ns" },
        { { 1e-3, true, 10.0, 500.0 }, "temperature_k" },
        { { 1e-3, true, 10.0, NAN }, "temperature_k" },
    };
    struct device device = device_default();
    struct solve_answer answer = { .n_schemes = 99 };
    char why[ERR_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why[0] = '\0';
        assert_int_equal(solve_schemes(&device, &bad[i].request, &answer, why), ST_RANGE);
        assert_int_equal(strncmp(why, bad[i].field, strlen(bad[i].field)), 0);
    }
    assert_int_equal(answer.n_schemes, 99);
}

static void a_target_out_of_reach_is_said_to_be(void **state)
{
    struct device device = device_default();
    struct device table = table_device("direction,voltage_v,pulse_ns,error_rate\n"
                                       "both,0.3,10,0.5\nboth,1,10,1e-5\n");
    struct solve_request request = { 1e-9, true, 0.3, 300.0 };
    struct solve_answer answer;
    char why[ERR_LEN] = "";

    (void)state;
    assert_int_equal(solve_schemes(&device, &request, &answer, why), ST_UNREACHABLE);
    assert_non_null(strstr(why, "1.5 V"));
    request.pulse_ns = 10.0;
    assert_int_equal(solve_schemes(&table, &request, &answer, why), ST_UNREACHABLE);
    assert_non_null(strstr(why, "1e-05 at 1 V"));
    request.target_error_rate = 1e-3;
    request.pulse_ns = 20.0;
    assert_int_equal(solve_schemes(&table, &request, &answer, why), ST_RANGE);
    assert_int_equal(strncmp(why, "pulse_ns", 8), 0);
    device_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protection_costs_what_the_model_says),
        cmocka_unit_test(the_factor_two_names_both_its_ends),
        cmocka_unit_test(rows_of_equal_delivery_deliver_the_target),
        cmocka_unit_test(retries_let_the_first_write_be_weaker),
        cmocka_unit_test(energies_are_made_of_cells_checks_and_reads),
        cmocka_unit_test(voltages_are_those_of_the_rows_raw_rate),
        cmocka_unit_test(without_a_width_the_cheapest_one_is_taken),
        cmocka_unit_test(rows_out_of_reach_are_empty),
        cmocka_unit_test(a_measured_table_is_solved_as_a_junction_is),
        cmocka_unit_test(a_table_of_plain_rates_has_one_write_for_all_rows),
        cmocka_unit_test(the_weakest_write_of_a_table_will_do),
        cmocka_unit_test(pairs_are_read_far_better_than_cells),
        cmocka_unit_test(requests_out_of_range_are_refused),
        cmocka_unit_test(a_target_out_of_reach_is_said_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
