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
        struct mram_state held = state_of(&f);

        assert_int_equal(result.toggles[0] + result.toggles[1], held.cells);
        assert_binomial(held.errors[0], result.toggles[0], rates[i]);
        assert_binomial(held.errors[1], result.toggles[1], rates[i] / 3);
        assert_int_equal(wrong_bits(&f), mram_wrong(&held));
        assert_int_equal(result.failures, mram_errors(&held));

        /* By direction: what should be AP, what should be P. */
        write = iid(rates[i], rates[i] / 5);
        result = program(&f, &write);
        held = state_of(&f);
        uint64_t n_p = bits_count(f.wanted[0], layer_words(&f, 0));
        assert_binomial(held.errors[0], held.cells - n_p, rates[i]);
        assert_binomial(held.errors[1], n_p, rates[i] / 5);
        assert_int_equal(wrong_bits(&f), mram_wrong(&held));
        assert_true(result.failures == 0 && mram_energy_sum(&result.energy) == 0.0);
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
        struct mram_state held = state_of(&f);

        for (unsigned d = 0; d < 2; d++) {
            double mean = weighted(classes, d, 1.0);
            assert_true(fabs(mean / rates[i] - 1.0) < 5e-3);
            assert_binomial(held.errors[d], result.toggles[d], mean);
        }
        assert_int_equal(wrong_bits(&f), mram_errors(&held));
        tear_down(&f);
    }
}

static void random_bits_over_random_bits_toggle_half_the_cells(void **state)
{
    struct fixture f = set_up(million, 1, 53);
    struct mram_write write = uniform(1e-2, 1e-2, MRAM_OVER_RANDOM);
    struct mram_result result = program(&f, &write);

    (void)state;
    assert_binomial(result.toggles[0] + result.toggles[1], mram_weights(f.mram), 0.5);
    assert_binomial(wrong_bits(&f), mram_weights(f.mram), 0.5e-2);
    tear_down(&f);
}

/* Ten writes of complements: pairs of failures of one cell, against what its class says
 * and against cells that were all alike. Both bounds are wide of the noise: some 6000
 * pairs are expected, in cells with mostly one. */
static void weak_cells_fail_again_and_again(void **state)
{
    const struct mtj_class_table *classes = classes_at(0.5008, 0.4277);
    struct fixture f = set_up(million, 1, 54);
    size_t n_words = layer_words(&f, 0);
    uint8_t *n_failed = calloc(n_words * 64, 1);
    struct mram_write write = device(classes, MRAM_OVER_COMPLEMENT);
    double pairs = 0.0, by_class = 0.0, alike = 0.0;

    (void)state;
    assert_non_null(n_failed);
    for (write.generation = 1; write.generation <= 10; write.generation++) {
        struct mram_result result = program(&f, &write);
        const uint64_t *stored = mram_section(f.mram, 0, MRAM_DATA);
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

static const uint64_t *held_by(const struct fixture *f)
{
    return mram_section(f->mram, 0, MRAM_DATA);
}

static void seeds_and_generations_fail_other_cells(void **state)
{
    const struct mram_write first = iid(0.01, 0.01);
    struct mram_write next = first;
    struct fixture a = set_up(million, 1, 55), b = set_up(million, 1, 56);
    size_t bytes = layer_words(&a, 0) * sizeof(uint64_t);
    uint64_t *once = malloc(bytes);

    (void)state;
    assert_non_null(once);
    assert_memory_not_equal(held_by(&a), held_by(&b), bytes);
    (void)program(&a, &first);
    (void)program(&b, &first);
    assert_memory_not_equal(held_by(&a), held_by(&b), bytes);
    memcpy(once, held_by(&a), bytes);
    next.generation = 2;
    (void)program(&a, &next);
    assert_memory_not_equal(held_by(&a), once, bytes);
    (void)program(&a, &first);
    assert_memory_equal(held_by(&a), once, bytes);
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
    write = iid(1e-300, 1e-300);
    (void)program(&f, &write);
    assert_int_equal(wrong_bits(&f), 0);
    tear_down(&f);
}

/* -- Energy -- */

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
    assert_int_equal(again.holds[0] + again.holds[1], mram_weights(f.mram));
    assert_int_equal(wrong_bits(&f), 0);
    assert_true(fabs((double)again.holds[0] * 0.34 + (double)again.holds[1] * 0.39 -
                     mram_energy_sum(&again.energy)) <
                1e-9 * mram_energy_sum(&again.energy));
    tear_down(&f);
}

/* -- Polarity -- */

static bool is_inverted(enum mram_polarity polarity, size_t row, size_t column)
{
    return polarity == MRAM_POLARITY_ODD_COLUMNS ? column % 2 != 0 : row % 2 != 0;
}

static void weights_are_stored_inverted_and_delivered_as_they_are(void **state)
{
    const struct mram_write write = uniform(0.0, 0.0, MRAM_OVER_PRESENT);

    (void)state;
    for (unsigned p = MRAM_POLARITY_NONE; p <= MRAM_POLARITY_SEEDED; p++) {
        struct fixture f = set_up(million, 1, 65);
        uint64_t n_inverted = 0;

        lay_out(&f, ECC_NONE, false, (enum mram_polarity)p);
        (void)program(&f, &write);
        const uint64_t *held = held_by(&f);
        for (size_t cell = 0; cell < mram_weights(f.mram); cell++) {
            bool inverted = bits_get(held, cell) != bits_get(f.wanted[0], cell);
            n_inverted += inverted;
            if (p == MRAM_POLARITY_ODD_COLUMNS || p == MRAM_POLARITY_ODD_ROWS)
                assert_int_equal(inverted, is_inverted((enum mram_polarity)p, cell / 1024,
                                                       cell % 1024));
        }
        assert_binomial(n_inverted, mram_weights(f.mram),
                        p == MRAM_POLARITY_NONE ? 0.0 : 0.5);
        assert_int_equal(wrong_bits(&f), 0);
        tear_down(&f);
    }
}

/* Errors of one direction: all on one sign without polarity, on both alike with it. */
static void one_sided_errors_fall_on_both_signs(void **state)
{
    const struct mram_write writes[] = { iid(0.02, 0.0), iid(0.0, 0.02),
                                         uniform(0.02, 0.0, MRAM_OVER_COMPLEMENT) };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned p = MRAM_POLARITY_NONE; p <= MRAM_POLARITY_SEEDED; p++) {
            struct fixture f = set_up(million, 1, 66);
            bool to_p = i != 1; /* the error: should be AP, is P */

            lay_out(&f, ECC_NONE, false, (enum mram_polarity)p);
            (void)program(&f, &writes[i]);
            struct mram_state held = state_of(&f);
            uint64_t n = mram_wrong(&held);
            assert_int_equal(held.errors[to_p ? MTJ_P2AP : MTJ_AP2P], n);
            assert_binomial_within(5.0, n, (double)held.weights / 2, 0.02);
            assert_binomial_within(5.0, held.wrong[to_p ? 0 : 1], (double)n,
                                   p == MRAM_POLARITY_NONE ? 1.0 : 0.5);
            tear_down(&f);
        }
    }
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
        cmocka_unit_test(weights_are_stored_inverted_and_delivered_as_they_are),
        cmocka_unit_test(one_sided_errors_fall_on_both_signs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
