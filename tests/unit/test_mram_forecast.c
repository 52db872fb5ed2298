/* SPDX-License-Identifier: Apache-2.0 */
/* A forecast expects what comes: every layout, mode and old contents. */
#include "core/mram.h"

#include "tests/unit/mram_fixture.h"

/* Full words, and rows that end inside a word. */
static const struct mram_shape shapes[2] = { { 200, 1024 }, { 300, 333 } };

static void assert_energies(const struct mram_energy *expected,
                            const struct mram_energy *got, double relative)
{
    assert_near(got->toggle_pj, expected->toggle_pj, relative);
    assert_near(got->hold_pj, expected->hold_pj, 1e-12);
    assert_near(got->check_pj, expected->check_pj, relative);
    assert_near(got->encode_pj, expected->encode_pj, 1e-12);
    assert_near(got->verify_pj, expected->verify_pj, relative);
}

/* Five sigma: of cells their number's own, whose variance is below its mean; of wrong
 * bits those of up to four together, and what ecc.h says that its formula leaves. */
static void check_forecast(const struct mram_layout *layout,
                           const struct mram_write *write, bool dead)
{
    const struct mram_defects defects = { .share = { 1e-3, 2e-3, 5e-4 } };
    struct fixture f = set_up(shapes, 2, 101);
    double together = layout->ecc != ECC_NONE ? 4.0 : 1.0;
    double model = layout->ecc == ECC_NONE ? 0.0 : 0.06;

    lay_out(&f, layout->ecc, layout->pairs, layout->polarity);
    if (dead)
        assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    struct mram_forecast expected = forecast_of(&f, write);
    struct mram_result result = program(&f, write);
    struct mram_state held = state_of(&f);
    double errors = (double)mram_errors(&held), wrong = (double)mram_wrong(&held);

    assert_energies(&expected.energy, &result.energy, write->retries > 0 ? 0.02 : 1e-12);
    if (fabs(errors - expected.errors) > 5.0 * sqrt(expected.errors) + 1.0)
        fail_msg("%.0f errors, %.1f expected", errors, expected.errors);
    if (fabs(wrong - expected.wrong_bits) >
        5.0 * sqrt(together * expected.wrong_bits) + model * expected.wrong_bits + 1.0)
        fail_msg(
            "code %d pairs %d polarity %d mode %d over %d: %.0f wrong, %.1f expected",
            layout->ecc, layout->pairs, layout->polarity, write->mode, write->over, wrong,
            expected.wrong_bits);
    assert_int_equal(wrong_bits(&f), mram_wrong(&held));
    tear_down(&f);
}

static void check_layout(const struct mram_layout *layout, unsigned nth)
{
    const struct mtj_class_table *classes = classes_at(0.5008, 0.4277);
    struct mram_write flips = iid(2e-2, 1e-2);

    check_forecast(layout, &flips, nth % 2 != 0);
    for (unsigned over = MRAM_OVER_PRESENT; over <= MRAM_OVER_ERASED_AP; over++) {
        unsigned retries = (nth + over) % 3 == 0 ? 1 : 0;
        struct mram_write alike = uniform(2e-2, 1e-2, (enum mram_over)over);
        struct mram_write each = device(classes, (enum mram_over)over);

        alike.retries = each.retries = retries;
        check_forecast(layout, &alike, (nth + over) % 2 != 0);
        check_forecast(layout, &each, (nth + over) % 2 == 0);
    }
}

static void a_forecast_expects_what_comes(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 24; n++) {
        const struct mram_layout layout = { (enum ecc_code)(n % 3), n / 3 % 2 != 0,
                                            (enum mram_polarity)(n / 6) };
        check_layout(&layout, n);
    }
}

/* Nothing to write, nothing to fail: over what is there already. */
static void a_scrub_of_a_good_array_expects_nothing(void **state)
{
    const struct mram_write good = uniform(0.0, 0.0, MRAM_OVER_PRESENT);
    struct mram_write again = uniform(1.0, 1.0, MRAM_OVER_PRESENT);

    (void)state;
    for (unsigned code = ECC_NONE; code < ECC_CODES; code++) {
        struct fixture f = set_up(shapes, 2, 102);

        lay_out(&f, (enum ecc_code)code, true, MRAM_POLARITY_SEEDED);
        (void)program(&f, &good);
        struct mram_forecast expected = forecast_of(&f, &again);
        assert_true(expected.errors == 0.0 && expected.wrong_bits == 0.0);
        assert_true(expected.energy.toggle_pj == 0.0);
        (void)program(&f, &again);
        assert_int_equal(wrong_bits(&f), 0);
        tear_down(&f);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forecast_expects_what_comes),
        cmocka_unit_test(a_scrub_of_a_good_array_expects_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
