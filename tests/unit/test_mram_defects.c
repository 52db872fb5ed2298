/* SPDX-License-Identifier: Apache-2.0 */
/* Cells that nothing changes: where they are, what they cost, and that they stay. */
#include "core/mram.h"

#include "tests/unit/mram_fixture.h"

static const struct mram_shape million[1] = { { 976, 1024 } };
static const struct mram_shape shapes[2] = { { 300, 333 }, { 10, 100 } };

static struct mram_state state_after(struct fixture *f, enum mram_over over)
{
    const struct mram_write write = uniform(0.0, 0.0, over);

    (void)program(f, &write);
    return state_of(f);
}

static void shares_are_met_in_every_section(void **state)
{
    const struct mram_defects defects = { .share = { 2e-3, 5e-3, 1e-2 } };
    struct fixture f = set_up(million, 1, 121);

    (void)state;
    lay_out(&f, ECC_BCH2, true, MRAM_POLARITY_NONE);
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    struct mram_state held = state_after(&f, MRAM_OVER_COMPLEMENT);
    double n = (double)held.cells;
    assert_binomial_within(5.0, held.stuck, n, 0.017);
    assert_binomial_within(5.0, held.stuck_errors, (double)held.stuck, 0.5);
    /* Half of those stuck in P should be AP, half of those stuck in AP should be P. */
    assert_binomial_within(5.0, held.errors[MTJ_P2AP], n / 2, 0.012);
    assert_binomial_within(5.0, held.errors[MTJ_AP2P], n / 2, 0.005);
    assert_int_equal(mram_errors(&held), held.stuck_errors);
    tear_down(&f);
}

/* How the cells of a section have been seen. */
struct watch {
    uint64_t *high, *low; /* in P, in AP */
};

static void look(const struct fixture *f, unsigned section, struct watch *watch)
{
    const uint64_t *words = mram_section(f->mram, 0, (enum mram_section)section);

    for (size_t w = 0; w < mram_section_words(f->mram, 0, (enum mram_section)section);
         w++) {
        watch->high[w] |= words[w];
        watch->low[w] |= ~words[w];
    }
}

/* Everything that may happen to an array, in its nth turn. */
static void torment(struct fixture *f, unsigned n)
{
    const struct mtj_class_table *classes = classes_at(0.40, 0.35);
    static struct device_flips flips;
    struct mram_drift drifts[2] = { { RNG_RETENTION, n, n % 2 != 0, &flips },
                                    { RNG_RETENTION, n, n % 2 != 0, &flips } };
    struct mram_drifted drifted[2] = { { .flipped = { 0 } } };
    enum mram_over over = (enum mram_over)(n % 5);
    struct mram_write writes[] = { retried(uniform(0.5, 0.2, over), 1),
                                   retried(device(classes, over), n % 4), iid(0.5, 0.5),
                                   iid(1.0, 1.0) };
    struct mram_write *write = &writes[n % 4];
    uint64_t ignored = 0;

    write->generation = 1 + n;
    (void)program(f, write);
    if (n % 3 == 1)
        mram_inject(f->mram, n % 2 != 0 ? 1.0 : 0.5, n, n, &ignored);
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        flips.by_class[c][0] = flips.by_class[c][1] = 0.9;
    flips.mean[0] = flips.mean[1] = 0.9;
    if (n % 3 == 2)
        assert_int_equal(mram_drift(f->mram, drifts, 0, mram_tiles(f->mram), drifted),
                         ST_OK);
}

static uint64_t count_unmoved(const struct fixture *f, unsigned section,
                              const struct watch *watch)
{
    uint64_t cells[MRAM_TILE_WORDS], n = 0;
    size_t stride = section % 2 == 0 ? MRAM_TILE_WORDS : MRAM_CHECK_WORDS;

    for (size_t t = 0; t < mram_layer_tiles(f->mram, 0); t++) {
        mram_cells(f->mram, t, (enum mram_section)section, cells);
        for (size_t w = 0; w < stride; w++) {
            size_t at = t * stride + w;
            if (at < mram_section_words(f->mram, 0, (enum mram_section)section))
                n += (uint64_t)__builtin_popcountll(cells[w] &
                                                    ~(watch->high[at] & watch->low[at]));
        }
    }
    return n;
}

static void nothing_moves_a_stuck_cell(void **state)
{
    struct mram_defect listed[] = { { 0, 299, 332, false, MRAM_STUCK_AP },
                                    { 0, 299, 332, true, MRAM_SHORTED } };
    const struct mram_defects defects = { { 2e-3, 5e-3, 1e-3 }, 2, listed };
    struct fixture f = set_up(shapes, 2, 122);
    struct watch watches[MRAM_SECTIONS];
    uint64_t n_unmoved = 0;

    (void)state;
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    lay_out(&f, ECC_SECDED, true, MRAM_POLARITY_SEEDED);
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        size_t n = mram_section_words(f.mram, 0, (enum mram_section)s);
        watches[s] = (struct watch) { calloc(n, 8), calloc(n, 8) };
        assert_true(watches[s].high != NULL && watches[s].low != NULL);
        look(&f, s, &watches[s]);
    }
    for (unsigned n = 0; n < 60; n++) {
        torment(&f, n);
        for (unsigned s = 0; s < MRAM_SECTIONS; s++)
            look(&f, s, &watches[s]);
    }
    /* A restore either. */
    size_t n_words = mram_section_words(f.mram, 0, MRAM_DATA);
    uint64_t *other = malloc(n_words * sizeof(*other));
    assert_non_null(other);
    for (unsigned inverse = 0; inverse < 2; inverse++) {
        for (size_t w = 0; w < n_words; w++)
            other[w] = inverse != 0 ? 0 : bits_mask(333, w % 6);
        assert_int_equal(mram_restore(f.mram, 0, MRAM_DATA, other), ST_OK);
        look(&f, MRAM_DATA, &watches[MRAM_DATA]);
    }
    free(other);
    for (unsigned s = 0; s < MRAM_SECTIONS; s++)
        n_unmoved += count_unmoved(&f, s, &watches[s]);
    memset(f.states, 0, sizeof(f.states));
    assert_int_equal(mram_read(f.mram, wanted_of(&f), 0, mram_tiles(f.mram), f.states),
                     ST_OK);
    /* All that is stuck has not moved, and all that has not is stuck. */
    assert_int_equal(n_unmoved, f.states[0].stuck);
    assert_true(f.states[0].stuck > 1000);
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        free(watches[s].high);
        free(watches[s].low);
    }
    tear_down(&f);
}

static void a_stuck_weight_cannot_be_flipped(void **state)
{
    struct mram_defect listed[] = { { 0, 5, 70, false, MRAM_STUCK_P },
                                    { 1, 9, 99, true, MRAM_STUCK_AP } };
    const struct mram_defects defects = { .n_listed = 2, .listed = listed };
    struct fixture f = set_up(shapes, 2, 123);

    (void)state;
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    assert_int_equal(mram_inject_bit(f.mram, 0, 5, 70), 0);
    assert_int_equal(mram_inject_bit(f.mram, 0, 5, 71), 1);
    /* A partner that is not there is idle, and then not. */
    assert_int_equal(mram_inject_bit(f.mram, 1, 9, 99), 1);
    assert_int_equal(read_back(&f).stuck, 1);
    lay_out(&f, ECC_NONE, true, MRAM_POLARITY_NONE);
    assert_int_equal(mram_inject_bit(f.mram, 1, 9, 99), 1); /* its partner stays */
    assert_int_equal(read_back(&f).stuck, 2);
    /* None any more. */
    assert_int_equal(mram_set_defects(f.mram, &(struct mram_defects) { .n_listed = 0 }),
                     ST_OK);
    assert_int_equal(mram_inject_bit(f.mram, 0, 5, 70), 2);
    assert_int_equal(read_back(&f).stuck, 0);
    tear_down(&f);
}

/* One pulse for a cell that happens to be right; one more a retry for one that is not,
 * and a read after each. */
static void stuck_cells_cost_their_pulses(void **state)
{
    static const struct mram_shape shape[1] = { { 1, 4 } };
    struct mram_defect listed[] = { { 0, 0, 0, false, MRAM_STUCK_P },
                                    { 0, 0, 1, false, MRAM_STUCK_AP },
                                    { 0, 0, 2, false, MRAM_SHORTED } };
    const struct mram_defects defects = { .n_listed = 3, .listed = listed };
    struct fixture f = set_up(shape, 1, 124);
    struct mram_write write = retried(uniform(0.0, 0.0, MRAM_OVER_ERASED_AP), 3);
    const struct device_stuck_energy stuck = write.stuck;

    (void)state;
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    f.wanted[0][0] = 0x1; /* P, AP, AP, AP */
    struct mram_result right = program(&f, &write);
    assert_int_equal(right.failures, 1);
    assert_int_equal(right.retries, 3);
    assert_int_equal(right.toggles[0] + right.toggles[1], 0);
    assert_int_equal(right.holds[0] + right.holds[1], 1);
    assert_near(right.energy.toggle_pj,
                stuck.stuck_p_pj[MTJ_AP2P] + stuck.stuck_ap_pj[MTJ_P2AP] +
                    4.0 * stuck.shorted_pj[MTJ_P2AP],
                1e-12);
    assert_near(right.energy.verify_pj,
                (2.0 + 3.0) * write.read_pj[MTJ_P2AP] + 2.0 * write.read_pj[MTJ_AP2P],
                1e-12);
    f.wanted[0][0] = 0x6; /* AP, P, P, AP */
    struct mram_forecast expected = forecast_of(&f, &write);
    struct mram_result wrong = program(&f, &write);
    assert_int_equal(wrong.failures, 2);
    assert_int_equal(wrong.retries, 6);
    assert_near(wrong.energy.toggle_pj,
                4.0 * stuck.stuck_p_pj[MTJ_P2AP] + 4.0 * stuck.stuck_ap_pj[MTJ_AP2P] +
                    stuck.shorted_pj[MTJ_AP2P],
                1e-12);
    assert_near(expected.energy.toggle_pj, wrong.energy.toggle_pj, 1e-12);
    assert_true(expected.errors == 2.0 && expected.wrong_bits == 2.0);
    tear_down(&f);
}

/* What is stuck wrong is written again in vain, and nothing else is. */
static void retries_do_not_mend_stuck_cells(void **state)
{
    const struct mram_defects defects = { .share = { 1e-3, 1e-3, 1e-3 } };
    struct fixture f = set_up(million, 1, 125);
    struct mram_write write = retried(uniform(1e-3, 1e-3, MRAM_OVER_RANDOM), 7);

    (void)state;
    lay_out(&f, ECC_SECDED, false, MRAM_POLARITY_NONE);
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    struct mram_result result = program(&f, &write);
    struct mram_state held = state_of(&f);
    assert_int_equal(mram_errors(&held), held.stuck_errors);
    assert_true(result.retries >= 7 * held.stuck_errors);
    /* Single ones are mended by the code. */
    assert_true(held.corrected > 900 && mram_wrong(&held) < held.stuck_errors / 8);
    tear_down(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_met_in_every_section),
        cmocka_unit_test(nothing_moves_a_stuck_cell),
        cmocka_unit_test(a_stuck_weight_cannot_be_flipped),
        cmocka_unit_test(stuck_cells_cost_their_pulses),
        cmocka_unit_test(retries_do_not_mend_stuck_cells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
