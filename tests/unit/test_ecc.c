/* SPDX-License-Identifier: Apache-2.0 */
/* The codes against their definitions, and what is promised of them against what they do.
 */
#include "core/ecc.h"
#include "core/ecc_columns.h"
#include "core/rng.h"
#include "tests/unit/ecc_failure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const enum ecc_code both[] = { ECC_SECDED, ECC_BCH2 };
#define N_BOTH 2

/* Positions count the data bits first, then the check bits. */
struct word {
    enum ecc_code code;
    unsigned n_data;
    uint64_t data;
    uint16_t check;
};

static struct word word_of(enum ecc_code code, unsigned n_data, uint64_t data)
{
    struct word word = { code, n_data, data & (UINT64_MAX >> (64 - n_data)), 0 };

    word.check = ecc_encode(code, word.data);
    return word;
}

static unsigned n_bits(const struct word *word)
{
    return word->n_data + ecc_check_bits(word->code);
}

static void flip(struct word *word, unsigned position)
{
    if (position < word->n_data)
        word->data ^= UINT64_C(1) << position;
    else
        word->check ^= (uint16_t)(1u << (position - word->n_data));
}

static enum ecc_outcome decode(struct word *word)
{
    return ecc_decode(word->code, word->n_data, &word->data, &word->check);
}

static bool same(const struct word *a, const struct word *b)
{
    return a->data == b->data && a->check == b->check;
}

static unsigned ones(uint64_t bits)
{
    unsigned n = 0;

    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

static unsigned distance(const struct word *a, const struct word *b)
{
    return ones(a->data ^ b->data) + ones(a->check ^ b->check);
}

static struct rng_stream stream(uint64_t index)
{
    struct rng_stream rng;

    rng_start(&rng, 17, RNG_CONTENTS, 3, index);
    return rng;
}

/* Flips n different bits. */
static void flip_some(struct word *word, unsigned n, struct rng_stream *rng)
{
    bool flipped[64 + ECC_MAX_CHECK_BITS] = { false };

    while (n > 0) {
        unsigned position = (unsigned)((uint64_t)rng_u32(rng) * n_bits(word) >> 32);

        if (flipped[position])
            continue;
        flipped[position] = true;
        flip(word, position);
        n--;
    }
}

/* -- Names and sizes -- */

static void names_round_trip(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ECC_CODES; i++) {
        enum ecc_code code = ECC_CODES;

        assert_true(ecc_from_name(ecc_name((enum ecc_code)i), &code));
        assert_int_equal(code, i);
    }
}

static void an_unknown_name_is_no_code(void **state)
{
    static const char *const wrong[] = { "", "SECDED", "secded ", "bch", "hamming" };
    enum ecc_code code = ECC_BCH2;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(ecc_from_name(wrong[i], &code));
    assert_int_equal(code, ECC_BCH2);
}

static void no_code_costs_and_does_nothing(void **state)
{
    struct word word = word_of(ECC_NONE, 64, UINT64_C(0x0123456789abcdef));

    (void)state;
    assert_int_equal(ecc_check_bits(ECC_NONE), 0);
    assert_int_equal(word.check, 0);
    assert_int_equal(decode(&word), ECC_CLEAN);
    assert_true(word.data == UINT64_C(0x0123456789abcdef));
    assert_true(ecc_encode_pj(ECC_NONE) == 0.0 && ecc_decode_pj(ECC_NONE) == 0.0);
}

static void a_stronger_code_costs_more(void **state)
{
    (void)state;
    for (unsigned i = 1; i < ECC_CODES; i++) {
        enum ecc_code code = (enum ecc_code)i, weaker = (enum ecc_code)(i - 1);

        assert_true(ecc_check_bits(code) > ecc_check_bits(weaker));
        assert_true(ecc_encode_pj(code) > ecc_encode_pj(weaker));
        assert_true(ecc_decode_pj(code) > ecc_decode_pj(weaker));
        assert_true(ecc_decode_pj(code) > ecc_encode_pj(code));
    }
}

/* -- The codes -- */

static void encoding_is_linear(void **state)
{
    struct rng_stream rng = stream(1);

    (void)state;
    for (unsigned c = 0; c < N_BOTH; c++) {
        assert_int_equal(ecc_encode(both[c], 0), 0);
        for (unsigned i = 0; i < 64; i++)
            assert_int_equal(ecc_encode(both[c], UINT64_C(1) << i),
                             ecc_columns[both[c]][i]);
        for (unsigned trial = 0; trial < 1000; trial++) {
            uint64_t a = rng_u64(&rng), b = rng_u64(&rng);

            assert_int_equal(ecc_encode(both[c], a ^ b),
                             ecc_encode(both[c], a) ^ ecc_encode(both[c], b));
            assert_int_equal(ecc_encode(both[c], a) >> ecc_check_bits(both[c]), 0);
        }
    }
}

static void many_words_are_encoded_as_one_is(void **state)
{
    struct rng_stream rng = stream(2);
    uint64_t words[100];
    uint8_t low[100], high[100];
    uint8_t *const check[2] = { low, high };

    (void)state;
    for (unsigned w = 0; w < 100; w++)
        words[w] = rng_u64(&rng);
    memset(high, 0xa5, sizeof(high));
    ecc_encode_words(ECC_SECDED, words, 100, check);
    for (unsigned w = 0; w < 100; w++) {
        assert_int_equal(low[w], ecc_encode(ECC_SECDED, words[w]));
        assert_int_equal(high[w], 0xa5);
    }
    ecc_encode_words(ECC_BCH2, words, 100, check);
    for (unsigned w = 0; w < 100; w++)
        assert_int_equal(low[w] | high[w] << 8, ecc_encode(ECC_BCH2, words[w]));
}

/* Hsiao: odd columns, all of the least weight before any of the next, and check bits that
 * differ by at most one in how many data bits they see. */
static void secded_has_odd_columns_and_balanced_rows(void **state)
{
    unsigned in_row[8] = { 0 }, of_weight[9] = { 0 };

    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        unsigned column = ecc_columns[ECC_SECDED][i];

        of_weight[ones(column)]++;
        for (unsigned row = 0; row < 8; row++)
            in_row[row] += column >> row & 1;
    }
    assert_int_equal(of_weight[3], 56);
    assert_int_equal(of_weight[5], 8);
    for (unsigned row = 0; row < 8; row++)
        assert_int_equal(in_row[row], (56 * 3 + 8 * 5) / 8);
}

static unsigned field_times(unsigned a, unsigned b)
{
    unsigned product = 0;

    for (; b != 0; b >>= 1) {
        product ^= b & 1 ? a : 0;
        a = a & 64 ? a << 1 ^ 0x89 : a << 1;
    }
    return product;
}

static unsigned field_power(unsigned a, unsigned n)
{
    unsigned power = 1;

    while (n-- > 0)
        power = field_times(power, a);
    return power;
}

/* A codeword of the BCH code has the roots alpha and alpha^3, by definition. */
static void bch2_codewords_have_their_roots(void **state)
{
    struct rng_stream rng = stream(3);

    (void)state;
    for (unsigned trial = 0; trial < 100; trial++) {
        struct word word = word_of(ECC_BCH2, 64, rng_u64(&rng));
        unsigned s1 = 0, s3 = 0;

        for (unsigned power = 0; power < 78; power++) {
            bool one =
                power < 14 ? word.check >> power & 1 : word.data >> (power - 14) & 1;

            s1 ^= one ? field_power(2, power) : 0;
            s3 ^= one ? field_power(2, 3 * power) : 0;
        }
        assert_true(s1 == 0 && s3 == 0);
    }
}

/* No two codewords are closer than the code promises. Linear: so many bits of data leave
 * so many check bits. */
static void codewords_are_as_far_apart_as_they_must(void **state)
{
    static const unsigned least[ECC_CODES] = { 1, 4, 5 };

    (void)state;
    for (unsigned c = 0; c < N_BOTH; c++) {
        const uint16_t *columns = ecc_columns[both[c]];
        unsigned found = 99;

        /* Five data bits are five apart, whatever their check bits. */
        for (unsigned i = 0; i < 64; i++) {
            found = ones(columns[i]) + 1 < found ? ones(columns[i]) + 1 : found;
            for (unsigned j = 0; j < i; j++) {
                unsigned pair = columns[i] ^ columns[j];

                found = ones(pair) + 2 < found ? ones(pair) + 2 : found;
                for (unsigned k = 0; k < j; k++) {
                    unsigned triple = pair ^ columns[k];

                    found = ones(triple) + 3 < found ? ones(triple) + 3 : found;
                    for (unsigned l = 0; l < k; l++) {
                        unsigned n = ones(triple ^ columns[l]) + 4;

                        found = n < found ? n : found;
                    }
                }
            }
        }
        assert_int_equal(found, least[both[c]]);
    }
}

static void a_codeword_is_clean(void **state)
{
    struct rng_stream rng = stream(4);

    (void)state;
    for (unsigned c = 0; c < N_BOTH; c++) {
        for (unsigned n_data = 1; n_data <= 64; n_data++) {
            struct word sent = word_of(both[c], n_data, rng_u64(&rng)), read = sent;

            assert_int_equal(decode(&read), ECC_CLEAN);
            assert_true(same(&read, &sent));
        }
    }
}

static void every_single_error_is_corrected(void **state)
{
    struct rng_stream rng = stream(5);

    (void)state;
    for (unsigned c = 0; c < N_BOTH; c++) {
        for (unsigned n_data = 1; n_data <= 64; n_data++) {
            struct word sent = word_of(both[c], n_data, rng_u64(&rng));

            for (unsigned i = 0; i < n_bits(&sent); i++) {
                struct word read = sent;

                flip(&read, i);
                assert_int_equal(decode(&read), ECC_CORRECTED);
                assert_true(same(&read, &sent));
            }
        }
    }
}

static void check_pairs(enum ecc_code code, unsigned n_data, uint64_t data)
{
    struct word sent = word_of(code, n_data, data);

    for (unsigned i = 0; i < n_bits(&sent); i++) {
        for (unsigned j = 0; j < i; j++) {
            struct word read = sent;

            flip(&read, i);
            flip(&read, j);
            struct word before = read;
            enum ecc_outcome outcome = decode(&read);
            assert_int_equal(outcome, code == ECC_BCH2 ? ECC_CORRECTED : ECC_DETECTED);
            assert_true(same(&read, code == ECC_BCH2 ? &sent : &before));
        }
    }
}

static void every_double_error_is_detected_or_corrected(void **state)
{
    struct rng_stream rng = stream(6);

    (void)state;
    for (unsigned c = 0; c < N_BOTH; c++) {
        for (unsigned n_data = 1; n_data <= 64; n_data++)
            check_pairs(both[c], n_data, rng_u64(&rng));
    }
}

/* Whatever was read: what is called corrected is a codeword at most t bits away, what is
 * called detected is as read, and no bit appears where there is none. */
static void a_decoder_does_what_it_says(void **state)
{
    struct rng_stream rng = stream(7);

    (void)state;
    for (unsigned c = 0; c < N_BOTH; c++) {
        for (unsigned trial = 0; trial < 64 * 500; trial++) {
            struct word read = word_of(both[c], 1 + trial % 64, rng_u64(&rng));

            read.check =
                (uint16_t)(rng_u32(&rng) & ((1u << ecc_check_bits(both[c])) - 1));
            struct word before = read;
            enum ecc_outcome outcome = decode(&read);
            struct word after = word_of(read.code, read.n_data, read.data);
            assert_true(after.data == read.data);
            if (outcome == ECC_CORRECTED)
                assert_in_range(distance(&read, &before), 1, both[c]);
            else
                assert_true(same(&read, &before));
            assert_int_equal(same(&read, &after), outcome != ECC_DETECTED);
        }
    }
}

/* -- What is promised of words with more errors -- */

/* Bits that decoding adds to three errors, all triples of a full word counted. */
static double added_to_triples(enum ecc_code code, double *ret_data_share)
{
    struct word sent = word_of(code, 64, 0);
    unsigned n = n_bits(&sent), n_triples = n * (n - 1) * (n - 2) / 6;
    unsigned long added = 0, in_data = 0;

    for (unsigned i = 0; i < n; i++) {
        for (unsigned j = 0; j < i; j++) {
            for (unsigned k = 0; k < j; k++) {
                struct word read = sent;

                flip(&read, i);
                flip(&read, j);
                flip(&read, k);
                struct word before = read;
                decode(&read);
                added += distance(&read, &before);
                in_data += ones(read.data ^ before.data);
            }
        }
    }
    *ret_data_share = (double)in_data / (double)added;
    return (double)added / n_triples;
}

/* Hsiao's (72, 64) code mistakes 33,568 of 59,640 triples, 0.06 % more than the promise,
 * and fewer of the bits that it adds are data than are in the word. Two further errors of
 * BCH2 must be none of the three, for codewords are five apart, and so are fewer than
 * promised. */
static void triples_are_miscorrected_about_as_promised(void **state)
{
    double share;

    (void)state;
    double added = added_to_triples(ECC_SECDED, &share);
    assert_true(fabs(added - 33568.0 / 59640.0) < 1e-12);
    assert_true(fabs(72 * ecc_post_rate_given(ECC_SECDED, 64, 3) - 3 - 72.0 / 128) <
                1e-12);
    assert_true(fabs(added / (72.0 / 128) - 1) < 1e-3);
    assert_true(fabs(share / (64.0 / 72) - 1) < 0.01);

    double promised = 2 * 3081.0 / 16384;
    added = added_to_triples(ECC_BCH2, &share);
    assert_true(fabs(78 * ecc_post_rate_given(ECC_BCH2, 64, 3) - 3 - promised) < 1e-12);
    assert_true(promised > added && promised < 1.07 * added);
    assert_true(fabs(share / (64.0 / 78) - 1) < 0.01);
}

/* `slack`: what the promise itself may be off, of the bits that are wrong. */
static void check_given(enum ecc_code code, unsigned n_errors, double slack)
{
    enum { TRIALS = 50000 };
    struct rng_stream rng = stream(100 + n_errors);
    double sum = 0.0, squares = 0.0;

    for (unsigned trial = 0; trial < TRIALS; trial++) {
        struct word sent = word_of(code, 64, rng_u64(&rng)), read = sent;

        flip_some(&read, n_errors, &rng);
        decode(&read);
        double wrong = distance(&read, &sent);
        sum += wrong;
        squares += wrong * wrong;
    }
    double n = 64 + ecc_check_bits(code), mean = sum / TRIALS;
    double sigma = sqrt((squares / TRIALS - mean * mean) / TRIALS);
    double want = n * ecc_post_rate_given(code, 64, n_errors);
    print_message("%s, %u errors: %.4f wrong bits, %.4f promised, sigma %.4f\n",
                  ecc_name(code), n_errors, mean, want, sigma);
    assert_true(fabs(mean - want) <= 5 * sigma + slack * want);
}

/* 5 sigma, and 2 % for miscorrections: a bit that is flipped may have been one of the
 * errors, which leaves one fewer; the promise adds it all the same. */
static void wrong_bits_given_the_errors_are_as_promised(void **state)
{
    (void)state;
    for (unsigned n_errors = 0; n_errors <= 7; n_errors++) {
        bool exact = n_errors <= 2;

        check_given(ECC_SECDED, n_errors, exact || n_errors % 2 == 0 ? 0 : 0.02);
        check_given(ECC_BCH2, n_errors, exact ? 0 : 0.02);
    }
}

/* A codec at work on independent errors of rate p in every bit. */
struct tally {
    double n_words, n_failed;
    double wrong, wrong_squared; /* data bits delivered */
};

static void run_codec(enum ecc_code code, double p, unsigned n_words, struct tally *ret)
{
    struct rng_stream data = stream(20), errors = stream(21 + code);
    double inv_ln_q = rng_inv_ln_q(p);
    uint64_t next = rng_skip(&errors, inv_ln_q);
    struct tally t = { .n_words = n_words };

    for (unsigned w = 0; w < n_words; w++) {
        struct word sent = word_of(code, 64, rng_u64(&data)), read = sent;
        unsigned n = n_bits(&sent), n_errors = 0;

        for (; next < n; next += 1 + rng_skip(&errors, inv_ln_q)) {
            flip(&read, (unsigned)next);
            n_errors++;
        }
        next -= n;
        decode(&read);
        assert_int_equal(same(&read, &sent), n_errors <= (unsigned)code);
        double wrong = ones(read.data ^ sent.data);
        t.n_failed += n_errors > (unsigned)code;
        t.wrong += wrong;
        t.wrong_squared += wrong * wrong;
    }
    *ret = t;
}

/* Words are independent, the bits of one are not: the deviation is that of counts per
 * word. */
static void check_codec(enum ecc_code code, double p, unsigned n_words)
{
    double failure = word_failure(code, 64, p), rate = ecc_post_rate(code, 64, p);
    struct tally t;

    run_codec(code, p, n_words, &t);
    double mean = t.wrong / t.n_words;
    double variance = t.wrong_squared / t.n_words - mean * mean;
    double sigma = sqrt(variance / t.n_words) / 64;
    print_message("%s at %g: words %.5g, %.5g promised; bits %.5g, %.5g promised, sigma "
                  "%.2g\n",
                  ecc_name(code), p, t.n_failed / t.n_words, failure, mean / 64, rate,
                  sigma);
    assert_true(t.n_failed >= 25);
    assert_true(fabs(t.n_failed - t.n_words * failure) <=
                5 * sqrt(t.n_words * failure * (1 - failure)));
    assert_true(fabs(mean / 64 - rate) <= 5 * sigma + 0.01 * rate);
}

/* 5 sigma, and 1 % that the count of added bits may be off. */
static void a_codec_delivers_what_is_promised(void **state)
{
    (void)state;
    check_codec(ECC_SECDED, 1e-2, 400000);
    check_codec(ECC_SECDED, 1e-3, 1000000);
    check_codec(ECC_BCH2, 1e-2, 400000);
    check_codec(ECC_BCH2, 1e-3, 2000000);
}

/* -- Formulas -- */

static void assert_near(double value, double want, double relative)
{
    if (!(fabs(value - want) <= relative * fabs(want)))
        fail_msg("%.9g is not within %g of %.9g", value, relative, want);
}

static void the_published_numbers_come_out(void **state)
{
    (void)state;
    assert_near(word_failure(ECC_SECDED, 64, 1e-3), 2.440e-3, 1e-3);
    assert_near(ecc_post_rate(ECC_SECDED, 64, 1e-3), 6.901e-5, 1e-3);
    assert_near(ecc_post_rate(ECC_SECDED, 64, 1e-4), 7.080e-7, 1e-3);
    assert_near(ecc_post_rate(ECC_SECDED, 64, 1e-6), 7.1e-11, 1e-3);
    assert_near(word_failure(ECC_BCH2, 64, 1e-3), 7.192e-5, 1e-3);
    assert_near(ecc_post_rate(ECC_BCH2, 64, 1e-3), 3.130e-6, 1e-3);
    assert_near(ecc_post_rate(ECC_BCH2, 64, 1e-6), 3.3e-15, 1e-2);
}

/* C(72, 2) 2 / 72 = 71, and C(78, 3) (3 + mu) / 78 with mu = 0.3761. */
static void small_rates_follow_the_leading_term(void **state)
{
    static const double rates[] = { 1e-5, 1e-9, 1e-20, 1e-60, 1e-100 };
    double third = 76076 * (3 + 2 * 3081.0 / 16384) / 78;

    (void)state;
    assert_near(third, 3300, 0.003);
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        double p = rates[i], rest = 100 * p + 1e-11;

        assert_near(ecc_post_rate(ECC_SECDED, 64, p), 71 * p * p, rest);
        assert_near(word_failure(ECC_SECDED, 64, p), 2556 * p * p, rest);
        assert_near(ecc_post_rate(ECC_BCH2, 64, p), third * p * p * p, rest);
        assert_near(word_failure(ECC_BCH2, 64, p), 76076 * p * p * p, rest);
        assert_near(word_failure(ECC_NONE, 64, p), 64 * p, rest);
    }
}

static void rates_are_finite_from_nothing_to_certainty(void **state)
{
    (void)state;
    for (unsigned c = 0; c < ECC_CODES; c++) {
        enum ecc_code code = (enum ecc_code)c;

        for (unsigned n_data = 1; n_data <= 64; n_data++) {
            assert_true(ecc_post_rate(code, n_data, 0.0) == 0.0);
            assert_true(word_failure(code, n_data, 0.0) == 0.0);
            assert_near(ecc_post_rate(code, n_data, 1.0), 1.0, 1e-12);
            assert_near(word_failure(code, n_data, 1.0), 1.0, 1e-12);
            assert_true(ecc_post_rate(code, n_data, 1e-300) <= 1.001e-300);
        }
    }
}

static void more_raw_errors_never_deliver_fewer(void **state)
{
    static const unsigned lengths[] = { 1, 2, 7, 16, 33, 63, 64 };

    (void)state;
    for (unsigned c = 0; c < ECC_CODES; c++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            double before = 0.0, failed = 0.0;

            for (double p = 1e-12; p < 1.0; p *= 1.07) {
                double rate = ecc_post_rate((enum ecc_code)c, lengths[i], p);
                double failure = word_failure((enum ecc_code)c, lengths[i], p);

                assert_true(rate > before && rate <= 1.0);
                assert_true(failure >= failed && failure <= 1.0);
                assert_true(rate <= failure * (1 + 1e-12));
                before = rate;
                failed = failure * (1 - 1e-12);
            }
        }
    }
}

/* By another way: the binomial distribution step by step. */
static void rates_are_the_mean_over_the_number_of_errors(void **state)
{
    static const double rates[] = { 1e-4, 1e-2, 0.1, 0.5, 0.9 };

    (void)state;
    for (unsigned c = 0; c < ECC_CODES; c++) {
        for (unsigned n_data = 1; n_data <= 64; n_data += 9) {
            for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
                enum ecc_code code = (enum ecc_code)c;
                unsigned n = n_data + ecc_check_bits(code);
                double p = rates[i], chance = pow(1 - p, n), rate = 0.0, failure = 0.0;

                for (unsigned e = 0; e <= n; e++) {
                    rate += chance * ecc_post_rate_given(code, n_data, e);
                    failure += e > c ? chance : 0.0;
                    chance *= (n - e) / (e + 1.0) * p / (1 - p);
                }
                assert_near(ecc_post_rate(code, n_data, p), rate, 1e-10);
                assert_near(word_failure(code, n_data, p), failure, 1e-10);
            }
        }
    }
}

static void raw_rates_round_trip(void **state)
{
    (void)state;
    for (unsigned c = 0; c < ECC_CODES; c++) {
        for (unsigned n_data = 1; n_data <= 64; n_data += 7) {
            for (double target = 1e-15; target < 0.4; target *= 10) {
                double p = ecc_raw_rate((enum ecc_code)c, n_data, target);

                assert_true(p > 0.0 && p < 0.5);
                assert_near(ecc_post_rate((enum ecc_code)c, n_data, p), target, 1e-9);
            }
        }
    }
}

static void raw_rates_are_the_published_ones(void **state)
{
    (void)state;
    assert_near(ecc_raw_rate(ECC_SECDED, 64, 1e-6), 1.19e-4, 0.01);
    assert_near(ecc_raw_rate(ECC_SECDED, 64, 1e-9), 3.75e-6, 0.01);
    assert_near(ecc_raw_rate(ECC_SECDED, 64, 1e-3), 3.97e-3, 0.01);
    assert_near(ecc_raw_rate(ECC_BCH2, 64, 1e-9), 6.73e-5, 0.01);
    assert_near(ecc_raw_rate(ECC_NONE, 64, 1e-9), 1e-9, 1e-12);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(an_unknown_name_is_no_code),
        cmocka_unit_test(no_code_costs_and_does_nothing),
        cmocka_unit_test(a_stronger_code_costs_more),
        cmocka_unit_test(encoding_is_linear),
        cmocka_unit_test(many_words_are_encoded_as_one_is),
        cmocka_unit_test(secded_has_odd_columns_and_balanced_rows),
        cmocka_unit_test(bch2_codewords_have_their_roots),
        cmocka_unit_test(codewords_are_as_far_apart_as_they_must),
        cmocka_unit_test(a_codeword_is_clean),
        cmocka_unit_test(every_single_error_is_corrected),
        cmocka_unit_test(every_double_error_is_detected_or_corrected),
        cmocka_unit_test(a_decoder_does_what_it_says),
        cmocka_unit_test(triples_are_miscorrected_about_as_promised),
        cmocka_unit_test(wrong_bits_given_the_errors_are_as_promised),
        cmocka_unit_test(a_codec_delivers_what_is_promised),
        cmocka_unit_test(the_published_numbers_come_out),
        cmocka_unit_test(small_rates_follow_the_leading_term),
        cmocka_unit_test(rates_are_finite_from_nothing_to_certainty),
        cmocka_unit_test(more_raw_errors_never_deliver_fewer),
        cmocka_unit_test(rates_are_the_mean_over_the_number_of_errors),
        cmocka_unit_test(raw_rates_round_trip),
        cmocka_unit_test(raw_rates_are_the_published_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
