/* SPDX-License-Identifier: Apache-2.0 */
/* Cells that change by themselves, by reads, and by injected faults. */
#include "core/mram.h"

#include "core/device.h"
#include "tests/unit/mram_slow.h"

static const struct mram_shape million[1] = { { 976, 1024 } };

/* A hot year, at which the weak classes are lost and the strong ones are not. */
#define SECONDS 3.15e7
#define KELVIN  400.0

static struct device_flips flips_after(double seconds)
{
    struct device ours = device_default();
    struct device_flips flips;

    device_retention(&ours, seconds, KELVIN, &flips);
    return flips;
}

static struct mram_drifted drift(struct fixture *f, const struct device_flips *flips,
                                 enum rng_purpose purpose, bool by_class,
                                 uint64_t generation)
{
    const struct mram_drift drifts[MAX_LAYERS] = {
        { purpose, generation, by_class, flips },
        { purpose, generation, by_class, flips },
        { purpose, generation, by_class, flips },
        { purpose, generation, by_class, flips },
    };
    struct mram_drifted drifted[MAX_LAYERS];

    memset(drifted, 0, sizeof(drifted));
    assert_int_equal(mram_drift(f->mram, drifts, 0, mram_tiles(f->mram), drifted), ST_OK);
    for (size_t l = 1; l < f->n_layers; l++) {
        for (unsigned s = 0; s < 2; s++) {
            drifted[0].flipped[s] += drifted[l].flipped[s];
            drifted[0].expected[s] += drifted[l].expected[s];
        }
    }
    return drifted[0];
}

static void program_well(struct fixture *f)
{
    const struct mram_write write = uniform(0.0, 0.0, MRAM_OVER_PRESENT);

    (void)program(f, &write);
}

/* Cells by class and state they are in, and how many of them flip. */
struct tally {
    double n[MTJ_CLASSES][2], flipped[MTJ_CLASSES][2];
};

static void take_tally(const struct fixture *f, const uint64_t *before,
                       struct tally *tally)
{
    const uint64_t *after = mram_section(f->mram, 0, MRAM_DATA);

    memset(tally, 0, sizeof(*tally));
    for (size_t cell = 0; cell < mram_weights(f->mram); cell++) {
        unsigned c = slow_class(f->mram, cell / MRAM_TILE_CELLS, MRAM_DATA,
                                cell % MRAM_TILE_CELLS);
        unsigned from = bits_get(before, cell) ? MTJ_P2AP : MTJ_AP2P;

        tally->n[c][from]++;
        tally->flipped[c][from] += bits_get(before, cell) != bits_get(after, cell);
    }
}

static void each_class_leaves_each_state_at_its_rate(void **state)
{
    struct device_flips flips = flips_after(SECONDS);
    struct fixture f = set_up(million, 1, 111);
    struct tally tally;
    double expected[2] = { 0.0, 0.0 };

    (void)state;
    program_well(&f);
    struct mram_drifted drifted = drift(&f, &flips, RNG_RETENTION, true, 7);
    take_tally(&f, f.wanted[0], &tally);
    for (unsigned s = 0; s < 2; s++) {
        for (unsigned c = 0; c < MTJ_CLASSES; c++) {
            double p = flips.by_class[c][s];

            expected[s] += tally.n[c][s] * p;
            assert_binomial_within(5.0, (uint64_t)tally.flipped[c][s], tally.n[c][s], p);
        }
        assert_near(drifted.expected[s], expected[s], 1e-9);
        assert_true(expected[s] > 1000.0); /* or there was nothing to see */
        assert_true(fabs((double)drifted.flipped[s] - expected[s]) <=
                    5.0 * sqrt(expected[s]));
    }
    struct mram_state held = read_back(&f);
    /* What left P should be P. */
    assert_int_equal(held.errors[MTJ_AP2P], drifted.flipped[MTJ_P2AP]);
    assert_int_equal(held.errors[MTJ_P2AP], drifted.flipped[MTJ_AP2P]);
    tear_down(&f);
}

static void the_mean_moves_all_cells_alike(void **state)
{
    static const double means[][2] = { { 1e-3, 4e-3 }, { 0.1, 0.02 }, { 0.0, 0.5 } };
    struct device_flips flips = flips_after(SECONDS);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct fixture f = set_up(million, 1, 112);

        program_well(&f);
        struct mram_state before = state_of(&f);
        memcpy(flips.mean, means[i], sizeof(flips.mean));
        struct mram_drifted drifted = drift(&f, &flips, RNG_RETENTION, false, 7);
        double n[2] = { (double)before.parallel,
                        (double)(before.cells - before.parallel) };
        for (unsigned s = 0; s < 2; s++) {
            assert_near(drifted.expected[s], n[s] * means[i][s], 1e-9);
            assert_binomial_within(5.0, drifted.flipped[s], n[s], means[i][s]);
        }
        tear_down(&f);
    }
}

/* Two intervals are one of their sum: the 2 x 2 matrices say so exactly, and counts of
 * the cells that end up wrong within five sigma. */
static void two_halves_are_a_whole(void **state)
{
    struct device_flips half = flips_after(SECONDS / 2), whole = flips_after(SECONDS);
    struct fixture one = set_up(million, 1, 113), two = set_up(million, 1, 114);

    (void)state;
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        const double *p = half.by_class[c];

        for (unsigned s = 0; s < 2; s++)
            assert_true(
                fabs((1.0 - p[s]) * p[s] + p[s] * (1.0 - p[!s]) - whole.by_class[c][s]) <=
                1e-12 * whole.by_class[c][s] + 1e-15);
    }
    program_well(&one);
    program_well(&two);
    (void)drift(&one, &whole, RNG_RETENTION, true, 2);
    (void)drift(&two, &half, RNG_RETENTION, true, 2);
    (void)drift(&two, &half, RNG_RETENTION, true, 3);
    struct mram_state a = read_back(&one), b = read_back(&two);
    for (unsigned d = 0; d < 2; d++) {
        double sum = (double)(a.errors[d] + b.errors[d]);

        assert_true(sum > 1000.0);
        assert_true(fabs((double)a.errors[d] - (double)b.errors[d]) <= 5.0 * sqrt(sum));
    }
    tear_down(&one);
    tear_down(&two);
}

static void reads_disturb_only_cells_in_p(void **state)
{
    struct device ours = device_default();
    struct device_flips flips;

    (void)state;
    device_read_disturb(&ours, 1e12, 400.0, &flips);
    for (unsigned by_class = 0; by_class < 2; by_class++) {
        struct fixture f = set_up(million, 1, 115);

        lay_out(&f, ECC_SECDED, true, MRAM_POLARITY_NONE);
        program_well(&f);
        struct mram_drifted drifted = drift(&f, &flips, RNG_DISTURB, by_class != 0, 9);
        struct mram_state held = read_back(&f);
        assert_int_equal(drifted.flipped[MTJ_AP2P], 0);
        assert_true(drifted.expected[MTJ_AP2P] == 0.0);
        assert_true(drifted.flipped[MTJ_P2AP] > 100);
        assert_true(
            fabs((double)drifted.flipped[MTJ_P2AP] - drifted.expected[MTJ_P2AP]) <=
            5.0 * sqrt(drifted.expected[MTJ_P2AP]));
        assert_int_equal(held.errors[MTJ_AP2P], drifted.flipped[MTJ_P2AP]);
        assert_int_equal(held.errors[MTJ_P2AP], 0);
        tear_down(&f);
    }
}

/* Another generation, another purpose: other cells. The same: the same. */
static void drifts_are_keyed(void **state)
{
    struct device_flips flips = flips_after(SECONDS);
    const uint64_t generations[] = { 3, 3, 4, 3 };
    const enum rng_purpose purposes[] = { RNG_RETENTION, RNG_RETENTION, RNG_RETENTION,
                                          RNG_DISTURB };
    struct fixture f[4];
    size_t bytes = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        f[i] = set_up(million, 1, 116);
        bytes = layer_words(&f[i], 0) * sizeof(uint64_t);
        (void)drift(&f[i], &flips, purposes[i], true, generations[i]);
    }
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(memcmp(mram_section(f[0].mram, 0, MRAM_DATA),
                                mram_section(f[i].mram, 0, MRAM_DATA), bytes) != 0,
                         i > 1);
    for (unsigned i = 0; i < 4; i++)
        tear_down(&f[i]);
}

/* -- Injected faults -- */

static void a_share_of_all_cells_is_injected_and_written_over(void **state)
{
    static const double shares[] = { 0.0, 1e-3, 0.05, 1.0 };
    const struct mram_write scrub = uniform(0.0, 0.0, MRAM_OVER_PRESENT);

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct fixture f = set_up(million, 1, 117);
        uint64_t n = 0;

        lay_out(&f, ECC_BCH2, true, MRAM_POLARITY_ODD_ROWS);
        program_well(&f);
        mram_inject(f.mram, shares[i], 5, 1, &n);
        struct mram_state held = read_back(&f);
        assert_int_equal(mram_errors(&held), n);
        assert_int_equal(held.cells, 2 * 15616 * 78);
        assert_binomial_within(5.0, n, (double)held.cells, shares[i]);
        struct mram_result result = program(&f, &scrub);
        assert_int_equal(result.toggles[0] + result.toggles[1], n);
        held = state_of(&f);
        assert_int_equal(mram_errors(&held) + mram_wrong(&held), 0);
        tear_down(&f);
    }
}

static void a_seed_and_a_generation_choose_the_cells(void **state)
{
    struct fixture f[4];
    const uint64_t seeds[] = { 1, 1, 2, 1 }, generations[] = { 1, 1, 1, 2 };
    size_t bytes = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t n = 0;

        f[i] = set_up(million, 1, 118);
        bytes = layer_words(&f[i], 0) * sizeof(uint64_t);
        mram_inject(f[i].mram, 1e-3, seeds[i], generations[i], &n);
    }
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(memcmp(mram_section(f[0].mram, 0, MRAM_DATA),
                                mram_section(f[i].mram, 0, MRAM_DATA), bytes) != 0,
                         i > 1);
    for (unsigned i = 0; i < 4; i++)
        tear_down(&f[i]);
}

static void a_named_weight_is_flipped_and_back(void **state)
{
    static const struct mram_shape shapes[2] = { { 300, 333 }, { 10, 100 } };
    static const size_t places[][3] = {
        { 0, 0, 0 }, { 0, 299, 332 }, { 0, 170, 64 }, { 1, 9, 99 }, { 1, 3, 63 }
    };

    (void)state;
    for (unsigned pairs = 0; pairs < 2; pairs++) {
        struct fixture f = set_up(shapes, 2, 119);

        lay_out(&f, ECC_NONE, pairs != 0, MRAM_POLARITY_SEEDED);
        program_well(&f);
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            size_t l = places[i][0], row = places[i][1], column = places[i][2];
            size_t bit = row * bits_words(f.shapes[l].n_cols) * 64 + column;

            assert_int_equal(mram_inject_bit(f.mram, l, row, column), 1 + pairs);
            struct mram_state held = read_back(&f);
            assert_int_equal(mram_wrong(&held), 1);
            assert_int_equal(mram_errors(&held), 1 + pairs);
            assert_int_equal(bits_get(mram_delivered(f.mram, l), bit),
                             !bits_get(f.wanted[l], bit));
            assert_int_equal(mram_inject_bit(f.mram, l, row, column), 1 + pairs);
            (void)read_back(&f);
            assert_int_equal(wrong_bits(&f), 0);
        }
        tear_down(&f);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_leaves_each_state_at_its_rate),
        cmocka_unit_test(the_mean_moves_all_cells_alike),
        cmocka_unit_test(two_halves_are_a_whole),
        cmocka_unit_test(reads_disturb_only_cells_in_p),
        cmocka_unit_test(drifts_are_keyed),
        cmocka_unit_test(a_share_of_all_cells_is_injected_and_written_over),
        cmocka_unit_test(a_seed_and_a_generation_choose_the_cells),
        cmocka_unit_test(a_named_weight_is_flipped_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
