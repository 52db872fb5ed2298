/* SPDX-License-Identifier: Apache-2.0 */
/* What codes deliver from an array with errors, against the formulas. */
#include "core/mram.h"

#include "core/ecc.h"
#include "core/rng.h"
#include "tests/unit/ecc_failure.h"
#include "tests/unit/mram_fixture.h"

/* 999,424 weights in 15,616 words. */
static const struct mram_shape million[1] = { { 976, 1024 } };
#define N_WORDS 15616

/* Wrong bits come several to a word: with e errors in it, the variance is e times that of
 * single ones. Words that fail have hardly ever more than four. */
#define BITS_TOGETHER 4.0

/* Five sigma, and what ecc.h says that its formula leaves. */
static void assert_post_code(double got, double expected, enum ecc_code code)
{
    double model = code == ECC_BCH2 ? 0.06 : code == ECC_SECDED ? 0.007 : 0.0;
    double bound = 5.0 * sqrt(BITS_TOGETHER * expected) + model * expected + 1.0;

    if (!(fabs(got - expected) <= bound))
        fail_msg("%s: %.0f wrong, %.1f expected, bound %.1f", ecc_name(code), got,
                 expected, bound);
}

#define N_ARRAYS 8

/* Sums over arrays: the classes of one are no fair sample of rare words. */
static void check_post_code(enum ecc_code code, const struct mram_write *write, double p)
{
    double got = 0.0, predicted = 0.0, formula = ecc_post_rate(code, 64, p);
    uint64_t n_weights = 0, n_failed = 0;

    for (uint64_t seed = 0; seed < N_ARRAYS; seed++) {
        struct fixture f = set_up(million, 1, 200 + seed);

        lay_out(&f, code, seed % 2 != 0, MRAM_POLARITY_NONE);
        if (seed % 2 != 0)
            lay_out(&f, code, false, (enum mram_polarity)(seed / 2));
        predicted += forecast_of(&f, write).wrong_bits;
        (void)program(&f, write);
        struct mram_state held = state_of(&f);
        assert_int_equal(wrong_bits(&f), mram_wrong(&held));
        assert_int_equal(held.words, N_WORDS);
        assert_int_equal(held.cells, N_WORDS * (64 + ecc_check_bits(code)));
        assert_binomial_within(5.0, mram_errors(&held), (double)held.cells, p);
        got += (double)mram_wrong(&held);
        n_weights += held.weights;
        n_failed += held.detected + held.miscorrected;
        tear_down(&f);
    }
    assert_post_code(got, formula * (double)n_weights, code);
    assert_post_code(got, predicted, code);
    /* The two are one formula, at the rates of the array and of the classes in it. */
    assert_near(predicted, formula * (double)n_weights,
                write->mode == MRAM_DEVICE ? 0.05 : 1e-9);
    /* All words that fail are known to; a few more have errors in check bits alone. */
    assert_binomial_within(5.0, n_failed, N_WORDS * N_ARRAYS, word_failure(code, 64, p));
}

static double class_mean(const struct mtj_class_table *classes)
{
    double sum = 0.0;

    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        sum += mtj_class_weight(c) *
               (classes->error_rate[c][0] + classes->error_rate[c][1]) / 2;
    return sum;
}

static void raw_errors_leave_what_the_code_promises(void **state)
{
    static const double volts[][2] = { { 0.5008, 0.4277 }, { 0.5696, 0.4914 } };
    static const double rates[] = { 1e-2, 1e-3 };

    (void)state;
    for (unsigned code = ECC_SECDED; code < ECC_CODES; code++) {
        for (size_t i = 0; i < 2; i++) {
            const struct mtj_class_table *classes = classes_at(volts[i][0], volts[i][1]);
            struct mram_write flips = iid(rates[i], rates[i]);
            struct mram_write alike = uniform(rates[i], rates[i], MRAM_OVER_COMPLEMENT);
            struct mram_write each = device(classes, MRAM_OVER_COMPLEMENT);

            check_post_code((enum ecc_code)code, &flips, rates[i]);
            check_post_code((enum ecc_code)code, &alike, rates[i]);
            check_post_code((enum ecc_code)code, &each, class_mean(classes));
        }
    }
}

/* So many different data bits of a word, anywhere in it. */
static uint64_t some_bits(struct rng_stream *rng, unsigned n)
{
    uint64_t bits = 0;

    while ((unsigned)__builtin_popcountll(bits) < n)
        bits |= UINT64_C(1) << (rng_u64(rng) >> 58);
    return bits;
}

/* Data bits that are wrong once a word with errors in `bits` has been decoded; codes are
 * linear, so that what was stored does not matter. */
static unsigned left_wrong(enum ecc_code code, uint64_t bits)
{
    uint16_t check = 0;

    if (code != ECC_NONE)
        (void)ecc_decode(code, 64, &bits, &check); /* whatever it comes to */
    return (unsigned)__builtin_popcountll(bits);
}

/* Cells of every word that cannot hold their bits; returns how many data bits the code
 * leaves wrong. */
static uint64_t list_wrong_cells(struct fixture *f, enum ecc_code code, unsigned per_word,
                                 struct mram_defects *defects)
{
    size_t n_words = layer_words(f, 0), row_words = bits_words(f->shapes[0].n_cols);
    struct rng_stream rng;
    uint64_t n_wrong = 0;

    rng_start(&rng, 61, RNG_CONTENTS, 2, per_word);
    for (size_t w = 0; w < n_words; w++) {
        uint64_t bits = some_bits(&rng, per_word);

        n_wrong += left_wrong(code, bits);
        for (; bits != 0; bits &= bits - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);

            defects->listed[defects->n_listed++] = (struct mram_defect) {
                .row = w / row_words,
                .column = w % row_words * 64 + bit,
                .kind = f->wanted[0][w] >> bit & 1 ? MRAM_STUCK_AP
                        : w % 2 != 0               ? MRAM_SHORTED
                                                   : MRAM_STUCK_P,
            };
        }
    }
    return n_wrong;
}

/* The forecast takes errors to lie anywhere in a codeword; these lie in the data, so that
 * those which it expects in check cells are wrong as well. What miscorrection adds, none
 * to `code` bits a word, is half of that off at most in sigma, and as far off in the mean
 * as ecc.h says. */
static void assert_stuck_forecast(double wrong, double expected, enum ecc_code code,
                                  unsigned per_word)
{
    double n = 64.0 + ecc_check_bits(code);
    double added = n * ecc_post_rate_given(code, 64, per_word) - per_word;
    double in_data = expected + (double)N_WORDS * per_word * ecc_check_bits(code) / n;
    double model = code == ECC_BCH2 ? 0.06 : code == ECC_SECDED ? 0.007 : 0.0;
    double bound = 1e-9 * expected;

    if (added > 1e-9)
        bound +=
            5.0 * sqrt((double)N_WORDS) * (double)code / 2.0 + model * N_WORDS * added;
    if (!(fabs(wrong - in_data) <= bound))
        fail_msg("%s, %u stuck: %.0f wrong, %.1f expected, bound %.1f", ecc_name(code),
                 per_word, wrong, in_data, bound);
}

static void codes_mend_as_many_stuck_cells_as_they_can(void **state)
{
    static struct mram_defect listed[3 * N_WORDS];
    const struct mram_write write = uniform(0.0, 0.0, MRAM_OVER_RANDOM);

    (void)state;
    for (unsigned code = ECC_NONE; code < ECC_CODES; code++) {
        for (unsigned per_word = 1; per_word <= 3; per_word++) {
            struct fixture f = set_up(million, 1, 61);
            struct mram_defects defects = { .listed = listed };

            uint64_t n_wrong =
                list_wrong_cells(&f, (enum ecc_code)code, per_word, &defects);
            lay_out(&f, (enum ecc_code)code, false, MRAM_POLARITY_NONE);
            assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
            struct mram_result result = program(&f, &write);
            struct mram_state held = state_of(&f);
            double expected = forecast_of(&f, &write).wrong_bits;
            assert_int_equal(mram_wrong(&held), n_wrong);
            assert_int_equal(held.stuck, per_word * N_WORDS);
            assert_int_equal(held.stuck_errors, per_word * N_WORDS);
            assert_int_equal(mram_errors(&held), per_word * N_WORDS);
            assert_int_equal(result.failures, per_word * N_WORDS);
            if (per_word <= code) {
                assert_int_equal(mram_wrong(&held), 0);
                assert_int_equal(held.corrected, N_WORDS);
                assert_true(expected == 0.0);
            } else {
                assert_int_equal(held.detected + held.miscorrected,
                                 code == ECC_NONE ? 0 : N_WORDS);
                assert_true((double)mram_wrong(&held) >= per_word * 0.97 * N_WORDS);
                assert_stuck_forecast((double)mram_wrong(&held), expected,
                                      (enum ecc_code)code, per_word);
            }
            tear_down(&f);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_errors_leave_what_the_code_promises),
        cmocka_unit_test(codes_mend_as_many_stuck_cells_as_they_can),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
