/* SPDX-License-Identifier: Apache-2.0 */
/* How often cells fail, which ones, and what a programming costs, over a million cells.
 */
#include "core/mram.h"

#include "tests/unit/mram_fixture.h"

/* 999,424 cells. */
static const struct mram_shape million[1] = { { 976, 1024 } };

/* -- Rates -- */

static void a_million_cells_fail_at_their_rate(void **state)
{
    static const double rates[] = { 1e-4, 1e-3, 1e-2, 0.1, 0.5 };

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct fixture f = set_up(million, 1, 51);
        struct mram_write write = uniform(rates[i], rates[i] / 3, MRAM_OVER_COMPLEMENT);
        struct mram_result result = program(&f, &write);

        assert_int_equal(result.toggles[0] + result.toggles[1], result.cells);
        assert_binomial(result.errors[0], result.toggles[0], rates[i]);
        assert_binomial(result.errors[1], result.toggles[1], rates[i] / 3);
        assert_int_equal(wrong_bits(&f), result.errors[0] + result.errors[1]);

        write = iid(rates[i]);
        result = program(&f, &write);
        assert_binomial(result.errors[0] + result.errors[1], result.cells, rates[i]);
        assert_int_equal(wrong_bits(&f), result.errors[0] + result.errors[1]);
        tear_down(&f);
    }
}

static double weighted(const struct mtj_class_table *classes, unsigned d, double power)
{
    double sum = 0.0;

    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        sum += mtj_class_weight(c) * pow(classes->error_rate[c][d], power);
    return sum;
}

static void a_million_devices_fail_at_the_array_mean(void **state)
{
    static const double volts[][2] = { { 0.5008, 0.4277 }, { 0.5696, 0.4914 } };
    static const double rates[] = { 1e-2, 1e-3 };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct mtj_class_table *classes = classes_at(volts[i][0], volts[i][1]);
        struct fixture f = set_up(million, 1, 52);
        struct mram_write write = device(classes, MRAM_OVER_COMPLEMENT);
        struct mram_result result = program(&f, &write);

        for (unsigned d = 0; d < 2; d++) {
            double mean = weighted(classes, d, 1.0);
            assert_true(fabs(mean / rates[i] - 1.0) < 5e-3);
            assert_binomial(result.errors[d], result.toggles[d], mean);
        }
        assert_int_equal(wrong_bits(&f), result.errors[0] + result.errors[1]);
        tear_down(&f);
    }
}

static void random_bits_over_random_bits_toggle_half_the_cells(void **state)
{
    struct fixture f = set_up(million, 1, 53);
    struct mram_write write = uniform(1e-2, 1e-2, MRAM_OVER_RANDOM);
    struct mram_result result = program(&f, &write);

    (void)state;
    assert_binomial(result.toggles[0] + result.toggles[1], result.cells, 0.5);
    assert_binomial(wrong_bits(&f), result.cells, 0.5e-2);
    tear_down(&f);
}

/* Ten writes of complements: pairs of failures of one cell, against what its class says
 * and against cells that were all alike. Both bounds are wide of the noise: some 6000
 * pairs are expected, in cells with mostly one. */
static void weak_cells_fail_again_and_again(void **state)
{
    const struct mtj_class_table *classes = classes_at(0.5008, 0.4277);
    struct fixture f = set_up(million, 1, 54);
    size_t n_words = mram_layer_words(f.mram, 0);
    uint8_t *n_failed = calloc(n_words * 64, 1);
    struct mram_write write = device(classes, MRAM_OVER_COMPLEMENT);
    double pairs = 0.0, by_class = 0.0, alike = 0.0;

    (void)state;
    assert_non_null(n_failed);
    for (write.generation = 1; write.generation <= 10; write.generation++) {
        struct mram_result result = program(&f, &write);
        const uint64_t *stored = mram_contents(f.mram, 0);
        for (size_t cell = 0; cell < n_words * 64; cell++)
            n_failed[cell] = (uint8_t)(n_failed[cell] + (bits_get(stored, cell) !=
                                                         bits_get(f.wanted[0], cell)));
        for (unsigned d = 0; d < 2; d++) {
            by_class += 4.5 * (double)result.toggles[d] * weighted(classes, d, 2.0);
            alike +=
                4.5 * (double)result.toggles[d] * pow(weighted(classes, d, 1.0), 2.0);
        }
    }
    for (size_t cell = 0; cell < n_words * 64; cell++)
        pairs += n_failed[cell] * (n_failed[cell] - 1) / 2.0;
    assert_true(fabs(pairs / by_class - 1.0) < 0.1);
    assert_true(pairs > 1.15 * alike);
    free(n_failed);
    tear_down(&f);
}

static void seeds_and_generations_fail_other_cells(void **state)
{
    const struct mram_write first = iid(0.01);
    struct mram_write next = first;
    struct fixture a = set_up(million, 1, 55), b = set_up(million, 1, 56);
    size_t bytes = mram_layer_words(a.mram, 0) * sizeof(uint64_t);
    uint64_t *once = malloc(bytes);

    (void)state;
    assert_non_null(once);
    assert_memory_not_equal(mram_contents(a.mram, 0), mram_contents(b.mram, 0), bytes);
    (void)program(&a, &first);
    (void)program(&b, &first);
    assert_memory_not_equal(mram_contents(a.mram, 0), mram_contents(b.mram, 0), bytes);
    memcpy(once, mram_contents(a.mram, 0), bytes);
    next.generation = 2;
    (void)program(&a, &next);
    assert_memory_not_equal(mram_contents(a.mram, 0), once, bytes);
    (void)program(&a, &first);
    assert_memory_equal(mram_contents(a.mram, 0), once, bytes);
    free(once);
    tear_down(&a);
    tear_down(&b);
}

static void next_to_no_rate_is_no_error(void **state)
{
    struct fixture f = set_up(million, 1, 57);
    struct mram_write write = uniform(1e-300, 0x1p-1074, MRAM_OVER_COMPLEMENT);

    (void)state;
    (void)program(&f, &write);
    assert_int_equal(wrong_bits(&f), 0);
    write = iid(1e-300);
    (void)program(&f, &write);
    assert_int_equal(wrong_bits(&f), 0);
    tear_down(&f);
}

/* -- Energy and forecast -- */

static void the_same_bits_again_cost_only_holds(void **state)
{
    struct fixture f = set_up(million, 1, 61);
    struct mram_write write = uniform(0.0, 0.0, MRAM_OVER_PRESENT);

    (void)state;
    (void)program(&f, &write);
    write.error_rate[0] = 1.0;
    write.error_rate[1] = 1.0;
    struct mram_result again = program(&f, &write);
    assert_int_equal(again.toggles[0] + again.toggles[1], 0);
    assert_int_equal(again.holds[0] + again.holds[1], mram_cells(f.mram));
    assert_int_equal(wrong_bits(&f), 0);
    assert_true(fabs((double)again.holds[0] * 0.34 + (double)again.holds[1] * 0.39 -
                     again.energy_pj) < 1e-9 * again.energy_pj);
    tear_down(&f);
}

static void check_forecast(const struct mram_write *write)
{
    struct fixture f = set_up(million, 1, 62);
    struct mram_forecast forecast;
    const uint64_t *const *wanted = (const uint64_t *const *)f.wanted;

    assert_int_equal(mram_predict(f.mram, wanted, write, &forecast), ST_OK);
    struct mram_result result = program(&f, write);
    assert_true(fabs(forecast.energy_pj - result.energy_pj) <= 1e-12 * result.energy_pj);
    /* Five sigma of a sum of Bernoulli draws, whose variance is below its mean. */
    assert_true(fabs(forecast.wrong_bits - (double)wrong_bits(&f)) <=
                5.0 * sqrt(forecast.wrong_bits));
    tear_down(&f);
}

static void a_forecast_expects_what_comes(void **state)
{
    const struct mtj_class_table *classes = classes_at(0.5008, 0.4277);
    const struct mram_write writes[] = {
        uniform(1e-3, 3e-3, MRAM_OVER_PRESENT),
        uniform(0.1, 0.2, MRAM_OVER_RANDOM),
        iid(1e-3),
        device(classes, MRAM_OVER_PRESENT),
        device(classes, MRAM_OVER_RANDOM),
        device(classes, MRAM_OVER_ERASED_P),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        check_forecast(&writes[i]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_cells_fail_at_their_rate),
        cmocka_unit_test(a_million_devices_fail_at_the_array_mean),
        cmocka_unit_test(random_bits_over_random_bits_toggle_half_the_cells),
        cmocka_unit_test(weak_cells_fail_again_and_again),
        cmocka_unit_test(seeds_and_generations_fail_other_cells),
        cmocka_unit_test(next_to_no_rate_is_no_error),
        cmocka_unit_test(the_same_bits_again_cost_only_holds),
        cmocka_unit_test(a_forecast_expects_what_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
