/* SPDX-License-Identifier: Apache-2.0 */
/* 2T2R: what two cells deliver, and the coin that decides where they are equal. */
#include "core/mram.h"

#include "tests/unit/mram_fixture.h"

static const struct mram_shape million[1] = { { 976, 1024 } };

static double pair_rate(double p1, double p2)
{
    return p1 * p2 + (p1 * (1.0 - p2) + p2 * (1.0 - p1)) / 2.0;
}

static void a_pair_fails_with_both_or_by_its_coin(void **state)
{
    static const double rates[][2] = {
        { 0.3, 0.1 }, { 0.01, 0.03 }, { 1e-3, 1e-3 }, { 0.0, 0.2 }, { 1.0, 0.5 }
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        double p1 = rates[i][0], p2 = rates[i][1];
        const struct mram_write writes[] = { uniform(p1, p2, MRAM_OVER_COMPLEMENT),
                                             iid(p1, p2) };

        for (size_t k = 0; k < 2; k++) {
            struct fixture f = set_up(million, 1, 81);

            lay_out(&f, ECC_NONE, true, MRAM_POLARITY_NONE);
            (void)program(&f, &writes[k]);
            struct mram_state held = state_of(&f);
            double n = (double)held.weights;
            assert_int_equal(held.cells, 2 * held.weights);
            assert_int_equal(wrong_bits(&f), mram_wrong(&held));
            assert_binomial_within(5.0, mram_wrong(&held), n, pair_rate(p1, p2));
            assert_binomial_within(5.0, held.equal_pairs, n,
                                   p1 * (1.0 - p2) + p2 * (1.0 - p1));
            assert_near(forecast_of(&f, &writes[k]).wrong_bits, n * pair_rate(p1, p2),
                        1e-9);
            tear_down(&f);
        }
    }
}

/* Erased to one state, half of a pair's cells need no write, and all pairs are equal
 * before: one failure is left to the coin. */
static void an_erased_pair_has_one_cell_to_fail(void **state)
{
    const struct mram_write write = uniform(0.05, 0.3, MRAM_OVER_ERASED_P);
    struct fixture f = set_up(million, 1, 82);

    (void)state;
    lay_out(&f, ECC_NONE, true, MRAM_POLARITY_NONE);
    double expected = forecast_of(&f, &write).wrong_bits;
    struct mram_result result = program(&f, &write);
    struct mram_state held = state_of(&f);
    assert_int_equal(result.toggles[MTJ_P2AP], held.weights);
    assert_int_equal(result.toggles[MTJ_AP2P], 0);
    assert_int_equal(held.equal_pairs, result.failures);
    assert_binomial_within(5.0, mram_wrong(&held), (double)held.weights, 0.025);
    assert_near(expected, 0.025 * (double)held.weights, 1e-9);
    tear_down(&f);
}

/* Pairs that are equal, and what they read as. */
static void find_equal(const struct fixture *f, uint64_t *equal, uint64_t *reads)
{
    const uint64_t *first = mram_section(f->mram, 0, MRAM_DATA);
    const uint64_t *second = mram_section(f->mram, 0, MRAM_DATA_PARTNER);

    for (size_t w = 0; w < layer_words(f, 0); w++) {
        equal[w] = ~(first[w] ^ second[w]);
        reads[w] = mram_delivered(f->mram, 0)[w];
    }
}

static void the_coin_of_a_pair_falls_once(void **state)
{
    struct fixture f = set_up(million, 1, 83);
    struct mram_write write = uniform(0.3, 0.3, MRAM_OVER_COMPLEMENT);
    size_t n = layer_words(&f, 0);
    uint64_t *equal[2], *reads[2], n_both = 0, n_p = 0;

    (void)state;
    lay_out(&f, ECC_NONE, true, MRAM_POLARITY_NONE);
    for (unsigned i = 0; i < 2; i++) {
        equal[i] = calloc(n, sizeof(uint64_t));
        reads[i] = calloc(n, sizeof(uint64_t));
        assert_true(equal[i] != NULL && reads[i] != NULL);
        write.generation = 1 + i;
        (void)program(&f, &write);
        find_equal(&f, equal[i], reads[i]);
        /* The same write, the same reading; and again at a read. */
        (void)program(&f, &write);
        assert_memory_equal(mram_delivered(f.mram, 0), reads[i], n * sizeof(uint64_t));
        (void)read_back(&f);
        assert_memory_equal(mram_delivered(f.mram, 0), reads[i], n * sizeof(uint64_t));
    }
    for (size_t w = 0; w < n; w++) {
        uint64_t both = equal[0][w] & equal[1][w];

        assert_true(((reads[0][w] ^ reads[1][w]) & both) == 0);
        n_both += (uint64_t)__builtin_popcountll(both);
        n_p += (uint64_t)__builtin_popcountll(both & reads[0][w]);
    }
    assert_binomial_within(5.0, n_both, (double)n * 64, 0.42 * 0.42);
    assert_binomial_within(5.0, n_p, (double)n_both, 0.5);
    for (unsigned i = 0; i < 2; i++) {
        free(equal[i]);
        free(reads[i]);
    }
    tear_down(&f);
}

/* Columns by what is broken: the first cell, the partner, both, none. */
static void shorted_cells_win(void **state)
{
    static const struct mram_shape shape[1] = { { 4000, 4 } };
    static struct mram_defect listed[4 * 4000];
    struct mram_defects defects = { .listed = listed };
    struct fixture f = set_up(shape, 1, 84);
    const struct mram_write write = uniform(0.5, 0.5, MRAM_OVER_COMPLEMENT);
    uint64_t n_coin = 0;

    (void)state;
    for (size_t row = 0; row < 4000; row++) {
        for (unsigned i = 0; i < 4; i++)
            listed[defects.n_listed++] =
                (struct mram_defect) { 0, row, i < 2 ? i : 2, i == 1 || i == 3,
                                       MRAM_SHORTED };
    }
    lay_out(&f, ECC_NONE, true, MRAM_POLARITY_NONE);
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    /* Sure to be wrong, or right, by what is wanted; two shorts, as the last column,
     * leave it to the coin, and so does a write that fails half of the time. */
    double expected = 0.5 * 4000 + 0.5 * 4000;
    for (size_t row = 0; row < 4000; row++)
        expected += (double)__builtin_popcountll((f.wanted[0][row] & 3) ^ 1);
    assert_near(forecast_of(&f, &write).wrong_bits, expected, 1e-12);
    (void)program(&f, &write);
    assert_int_equal(state_of(&f).stuck, 4 * 4000);
    for (size_t row = 0; row < 4000; row++) {
        uint64_t reads = mram_delivered(f.mram, 0)[row];

        assert_int_equal(reads & 3, 1);
        n_coin += reads >> 2 & 1;
    }
    assert_binomial_within(5.0, n_coin, 4000, 0.5);
    tear_down(&f);
}

/* A stuck cell that agrees keeps its pair right whatever else fails, but for the coin. */
static void a_stuck_cell_leaves_its_pair_to_the_partner(void **state)
{
    struct fixture f = set_up(million, 1, 85);
    struct mram_defects defects = { .share = { 0.01, 0.02, 0.0 } };
    const struct mram_write write = uniform(0.0, 0.0, MRAM_OVER_RANDOM);

    (void)state;
    lay_out(&f, ECC_NONE, true, MRAM_POLARITY_NONE);
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    double expected = forecast_of(&f, &write).wrong_bits;
    (void)program(&f, &write);
    struct mram_state held = state_of(&f);
    assert_binomial_within(5.0, held.stuck, (double)held.cells, 0.03);
    assert_binomial_within(5.0, held.stuck_errors, (double)held.stuck, 0.5);
    assert_int_equal(held.stuck_errors, mram_errors(&held));
    /* One of two wrong: the coin. */
    assert_binomial_within(5.0, mram_wrong(&held), (double)held.weights,
                           pair_rate(0.015, 0.015));
    assert_near((double)mram_wrong(&held), expected, 0.05);
    tear_down(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_fails_with_both_or_by_its_coin),
        cmocka_unit_test(an_erased_pair_has_one_cell_to_fail),
        cmocka_unit_test(the_coin_of_a_pair_falls_once),
        cmocka_unit_test(shorted_cells_win),
        cmocka_unit_test(a_stuck_cell_leaves_its_pair_to_the_partner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
