/* SPDX-License-Identifier: Apache-2.0 */
/* Write, verify, write again: what is left, who is left, and what it costs. */
#include "core/mram.h"

#include "tests/unit/mram_fixture.h"

static const struct mram_shape million[1] = { { 976, 1024 } };

static double weighted(const struct mtj_class_table *classes, unsigned d, double power)
{
    double sum = 0.0;

    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        sum += mtj_class_weight(c) * pow(classes->error_rate[c][d], power);
    return sum;
}

/* Cells that differ: the mean of the power is left, not the power of the mean. */
static void weak_cells_are_left_over(void **state)
{
    const struct mtj_class_table *classes = classes_at(0.40, 0.35);

    (void)state;
    for (unsigned k = 0; k <= 3; k++) {
        struct fixture f = set_up(million, 1, 91);
        struct mram_write write = retried(device(classes, MRAM_OVER_COMPLEMENT), k);
        struct mram_result result = program(&f, &write);
        struct mram_state held = state_of(&f);

        for (unsigned d = 0; d < 2; d++) {
            double n = (double)result.toggles[d],
                   alike = pow(weighted(classes, d, 1), k + 1);

            assert_binomial_within(5.0, held.errors[d], n, weighted(classes, d, k + 1));
            if (k > 0)
                assert_true((double)held.errors[d] > n * alike + 5.0 * sqrt(n * alike));
        }
        assert_int_equal(wrong_bits(&f), mram_errors(&held));
        tear_down(&f);
    }
}

static double geometric(double p, unsigned k)
{
    double sum = 0.0;

    for (unsigned i = 1; i <= k; i++)
        sum += pow(p, i);
    return sum;
}

/* E (1 + p + ..) a toggling cell, a read of each cell and of each retry. */
static void retries_cost_pulses_and_reads(void **state)
{
    static const double rates[] = { 5e-3, 0.1 };

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        double p = rates[i / 4];
        unsigned k = i % 4;
        struct fixture f = set_up(million, 1, 92);
        struct mram_write write = retried(uniform(p, p, MRAM_OVER_COMPLEMENT), k);
        struct mram_forecast forecast = forecast_of(&f, &write);
        struct mram_result result = program(&f, &write);
        struct mram_state held = state_of(&f);
        double n = (double)held.weights, again = (double)result.retries;
        double first =
            (double)result.toggles[0] * 0.41 + (double)result.toggles[1] * 0.33;

        assert_binomial_within(5.0, result.failures, n, p);
        assert_binomial_within(5.0, mram_errors(&held), n, pow(p, k + 1));
        assert_true(fabs(again - n * geometric(p, k)) <=
                    5.0 * sqrt(2.0 * n * p) * (k > 0));
        /* Both directions retry alike; five sigma of the share. */
        assert_true(fabs(result.energy.toggle_pj - first - again * 0.37) <=
                    5.0 * 0.04 * sqrt(again) + 1e-9 * first);
        assert_near(forecast.energy.toggle_pj, first * (1.0 + geometric(p, k)), 1e-12);
        assert_true(fabs(forecast.energy.toggle_pj - result.energy.toggle_pj) <=
                    5.0 * 0.41 * sqrt(2.0 * n * p) * (k > 0) + 1e-9 * first);
        if (k == 0) {
            assert_true(result.energy.verify_pj == 0.0);
        } else {
            /* One read a cell, one a retry, between the two prices of a read. */
            assert_true(result.energy.verify_pj >= 0.007 * (n + again));
            assert_true(result.energy.verify_pj <= 0.011 * (n + again));
            assert_near(forecast.energy.verify_pj, result.energy.verify_pj, 5e-3);
        }
        assert_near(forecast.energy.hold_pj, result.energy.hold_pj, 1e-12);
        tear_down(&f);
    }
}

/* The first pulse of a write with retries is that of a write without. */
static void a_retry_only_mends(void **state)
{
    const struct mtj_class_table *classes = classes_at(0.40, 0.35);
    struct fixture once = set_up(million, 1, 93), again = set_up(million, 1, 93);
    struct mram_write write = device(classes, MRAM_OVER_RANDOM);
    struct mram_result first = program(&once, &write);

    (void)state;
    write.retries = MRAM_MAX_RETRIES;
    struct mram_result all = program(&again, &write);
    const uint64_t *before = mram_delivered(once.mram, 0);
    const uint64_t *after = mram_delivered(again.mram, 0);
    assert_int_equal(all.failures, first.failures);
    for (size_t w = 0; w < layer_words(&once, 0); w++)
        assert_true(((after[w] ^ once.wanted[0][w]) & ~(before[w] ^ once.wanted[0][w])) ==
                    0);
    assert_true(wrong_bits(&again) * 100 < wrong_bits(&once));
    tear_down(&once);
    tear_down(&again);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(weak_cells_are_left_over),
        cmocka_unit_test(retries_cost_pulses_and_reads),
        cmocka_unit_test(a_retry_only_mends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
