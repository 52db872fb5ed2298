/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ecc.h"

#include "core/ecc_columns.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* Hsiao's columns have an odd number of ones, so that two errors never look like one: all
 * 56 of weight three, then 8 of weight five. Each line is one pattern in its eight
 * rotations, which puts as many ones into every check bit. Of all triple errors 56.3 %
 * look like one error, which is as few as Hsiao found (IBM J. Res. Dev. 14, 395 (1970)).
 */
#define SECDED_0 0x07, 0x0e, 0x1c, 0x38, 0x70, 0xe0, 0xc1, 0x83
#define SECDED_1 0x0b, 0x16, 0x2c, 0x58, 0xb0, 0x61, 0xc2, 0x85
#define SECDED_2 0x0d, 0x1a, 0x34, 0x68, 0xd0, 0xa1, 0x43, 0x86
#define SECDED_3 0x13, 0x26, 0x4c, 0x98, 0x31, 0x62, 0xc4, 0x89
#define SECDED_4 0x15, 0x2a, 0x54, 0xa8, 0x51, 0xa2, 0x45, 0x8a
#define SECDED_5 0x19, 0x32, 0x64, 0xc8, 0x91, 0x23, 0x46, 0x8c
#define SECDED_6 0x25, 0x4a, 0x94, 0x29, 0x52, 0xa4, 0x49, 0x92
#define SECDED_7 0x1f, 0x3e, 0x7c, 0xf8, 0xf1, 0xe3, 0xc7, 0x8f

/* A codeword is a polynomial, its check bits the powers 0 to 13 and its data bits those
 * from 14 on; data bit i has the column x^(14 + i) mod x^14 + x^9 + x^8 + x^6 + x^5 + x^4
 * + x^2 + x + 1, the product of the minimal polynomials of alpha and alpha^3. */
#define BCH2_0 0x0377, 0x06ee, 0x0ddc, 0x1bb8, 0x3770, 0x2d97, 0x1859, 0x30b2
#define BCH2_1 0x2213, 0x0751, 0x0ea2, 0x1d44, 0x3a88, 0x3667, 0x2fb9, 0x1c05
#define BCH2_2 0x380a, 0x3363, 0x25b1, 0x0815, 0x102a, 0x2054, 0x03df, 0x07be
#define BCH2_3 0x0f7c, 0x1ef8, 0x3df0, 0x3897, 0x3259, 0x27c5, 0x0cfd, 0x19fa
#define BCH2_4 0x33f4, 0x249f, 0x0a49, 0x1492, 0x2924, 0x113f, 0x227e, 0x078b
#define BCH2_5 0x0f16, 0x1e2c, 0x3c58, 0x3bc7, 0x34f9, 0x2a85, 0x167d, 0x2cfa
#define BCH2_6 0x1a83, 0x3506, 0x297b, 0x1181, 0x2302, 0x0573, 0x0ae6, 0x15cc
#define BCH2_7 0x2b98, 0x1447, 0x288e, 0x126b, 0x24d6, 0x0adb, 0x15b6, 0x2b6c

const uint16_t ecc_columns[ECC_CODES][64] = {
    [ECC_SECDED] = { SECDED_0, SECDED_1, SECDED_2, SECDED_3, SECDED_4, SECDED_5, SECDED_6,
                     SECDED_7 },
    [ECC_BCH2] = { BCH2_0, BCH2_1, BCH2_2, BCH2_3, BCH2_4, BCH2_5, BCH2_6, BCH2_7 },
};

/* x plus each of the sums of the columns after it, the first column in bit 0. */
#define SUMS_1(x, a)             (x), (x) ^ (a)
#define SUMS_2(x, a, b)          SUMS_1(x, a), SUMS_1((x) ^ (b), a)
#define SUMS_3(x, a, b, c)       SUMS_2(x, a, b), SUMS_2((x) ^ (c), a, b)
#define SUMS_4(x, a, b, c, d)    SUMS_3(x, a, b, c), SUMS_3((x) ^ (d), a, b, c)
#define SUMS_5(x, a, b, c, d, e) SUMS_4(x, a, b, c, d), SUMS_4((x) ^ (e), a, b, c, d)
#define SUMS_6(x, a, b, c, d, e, f)                                                      \
    SUMS_5(x, a, b, c, d, e), SUMS_5((x) ^ (f), a, b, c, d, e)
#define SUMS_7(x, a, b, c, d, e, f, g)                                                   \
    SUMS_6(x, a, b, c, d, e, f), SUMS_6((x) ^ (g), a, b, c, d, e, f)
#define SUMS_8(x, a, b, c, d, e, f, g, h)                                                \
    SUMS_7(x, a, b, c, d, e, f, g), SUMS_7((x) ^ (h), a, b, c, d, e, f, g)
/* Takes one argument, a list, and hands it on as eight. */
#define SUMS(...) SUMS_8(0, __VA_ARGS__)

/* The check bits of a word whose only byte that is not zero is byte i, by its value. */
static const uint16_t byte_checks[ECC_CODES][8][256] = {
    [ECC_SECDED] = { { SUMS(SECDED_0) },
                     { SUMS(SECDED_1) },
                     { SUMS(SECDED_2) },
                     { SUMS(SECDED_3) },
                     { SUMS(SECDED_4) },
                     { SUMS(SECDED_5) },
                     { SUMS(SECDED_6) },
                     { SUMS(SECDED_7) } },
    [ECC_BCH2] = { { SUMS(BCH2_0) },
                   { SUMS(BCH2_1) },
                   { SUMS(BCH2_2) },
                   { SUMS(BCH2_3) },
                   { SUMS(BCH2_4) },
                   { SUMS(BCH2_5) },
                   { SUMS(BCH2_6) },
                   { SUMS(BCH2_7) } },
};

static const char *const names[ECC_CODES] = { "none", "secded", "bch2" };

unsigned ecc_check_bits(enum ecc_code code)
{
    static const unsigned check_bits[ECC_CODES] = { 0, 8, ECC_MAX_CHECK_BITS };

    return check_bits[code];
}

const char *ecc_name(enum ecc_code code)
{
    return names[code];
}

bool ecc_from_name(const char *name, enum ecc_code *ret_code)
{
    for (unsigned i = 0; i < ECC_CODES; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        *ret_code = (enum ecc_code)i;
        return true;
    }
    return false;
}

static inline uint16_t encode(const uint16_t sums[8][256], uint64_t data)
{
    return sums[0][data & 255] ^ sums[1][data >> 8 & 255] ^ sums[2][data >> 16 & 255] ^
           sums[3][data >> 24 & 255] ^ sums[4][data >> 32 & 255] ^
           sums[5][data >> 40 & 255] ^ sums[6][data >> 48 & 255] ^ sums[7][data >> 56];
}

uint16_t ecc_encode(enum ecc_code code, uint64_t data)
{
    return encode(byte_checks[code], data);
}

void ecc_encode_words(enum ecc_code code, const uint64_t *words, size_t n_words,
                      uint8_t *const check[2])
{
    /* Bytes may alias anything: taken once, or the loops read it again for every word. */
    uint8_t *low = check[0], *high = check[1];

    if (code == ECC_SECDED) {
        for (size_t w = 0; w < n_words; w++)
            low[w] = (uint8_t)encode(byte_checks[ECC_SECDED], words[w]);
        return;
    }
    for (size_t w = 0; w < n_words; w++) {
        uint16_t bits = encode(byte_checks[ECC_BCH2], words[w]);

        low[w] = (uint8_t)bits;
        high[w] = (uint8_t)(bits >> 8);
    }
}

/* -- Decoding -- */

/* A word as it was read. Positions count the check bits first, then the data bits. */
struct codeword {
    unsigned n_check, n_data;
    uint64_t *data;
    uint16_t *check;
};

static void flip(const struct codeword *word, unsigned position)
{
    if (position < word->n_check)
        *word->check ^= (uint16_t)(1u << position);
    else
        *word->data ^= UINT64_C(1) << (position - word->n_check);
}

/* Two errors leave an even number of ones, which no column has. */
static enum ecc_outcome mend_secded(const struct codeword *word, unsigned syndrome)
{
    for (unsigned i = 0; i < word->n_check + word->n_data; i++) {
        unsigned column =
            i < word->n_check ? 1u << i : ecc_columns[ECC_SECDED][i - word->n_check];
        if (column != syndrome)
            continue;
        flip(word, i);
        return ECC_CORRECTED;
    }
    return ECC_DETECTED;
}

/* alpha^n * a in GF(2^7) of x^7 + x^3 + 1. */
static inline unsigned times_alpha(unsigned a, unsigned n)
{
    for (; n > 0; n--)
        a = a << 1 ^ (a >> 6) * 0x89;
    return a;
}

static unsigned times(unsigned a, unsigned b)
{
    unsigned product = 0;

    for (unsigned i = 0; i < 7; i++)
        product ^= times_alpha(a, i) & -(b >> i & 1);
    return product;
}

/* The value at alpha^n of the polynomial with these coefficients. */
static unsigned value_at(unsigned polynomial, unsigned n)
{
    unsigned value = 0;

    for (unsigned i = ECC_MAX_CHECK_BITS; i-- > 0;)
        value = times_alpha(value, n) ^ (polynomial >> i & 1);
    return value;
}

/* Errors at x and y leave S1 = x + y and S3 = x^3 + y^3, so x and y are the roots of
 * S1 X^2 + S1^2 X + S1^3 + S3; a single error is the root that is not 0. Every position
 * that exists is tried, which finds no other. */
static enum ecc_outcome mend_bch2(const struct codeword *word, unsigned syndrome)
{
    unsigned s1 = value_at(syndrome, 1), s3 = value_at(syndrome, 3);
    unsigned square = times(s1, s1), rest = times(square, s1) ^ s3;
    unsigned n_wanted = rest == 0 ? 1 : 2, n_found = 0, found[2];

    if (s1 == 0)
        return ECC_DETECTED;
    for (unsigned i = 0, second = s1, first = square; i < word->n_check + word->n_data;
         i++) {
        if ((second ^ first) == rest)
            found[n_found++] = i;
        second = times_alpha(second, 2);
        first = times_alpha(first, 1);
    }
    if (n_found != n_wanted)
        return ECC_DETECTED;
    for (unsigned i = 0; i < n_found; i++)
        flip(word, found[i]);
    return ECC_CORRECTED;
}

enum ecc_outcome ecc_decode(enum ecc_code code, unsigned n_data, uint64_t *data,
                            uint16_t *check)
{
    struct codeword word = { ecc_check_bits(code), n_data, data, check };

    assert(n_data >= 1 && n_data <= 64);
    assert(n_data == 64 || *data >> n_data == 0);
    assert(*check >> word.n_check == 0);
    unsigned syndrome = (unsigned)ecc_encode(code, *data) ^ *check;
    if (syndrome == 0)
        return ECC_CLEAN;
    return code == ECC_SECDED ? mend_secded(&word, syndrome) : mend_bch2(&word, syndrome);
}

/* -- What to expect -- */

/* Errors that are always corrected. */
static unsigned corrects(enum ecc_code code)
{
    return (unsigned)code; /* none 0, SECDED 1, BCH2 2 */
}

static unsigned codeword_bits(enum ecc_code code, unsigned n_data)
{
    return n_data + ecc_check_bits(code);
}

/* Errors that a decoder is expected to add to n_errors, more than it corrects: what it
 * flips times the share of the syndromes that it takes for something correctable. */
static double errors_added(enum ecc_code code, unsigned n, unsigned n_errors)
{
    if (code == ECC_SECDED)
        return n_errors % 2 != 0 ? n / 128.0 : 0.0;
    if (code == ECC_BCH2)
        return 2.0 * (n + n * (n - 1.0) / 2.0) / 16384.0;
    return 0.0;
}

double ecc_post_rate_given(enum ecc_code code, unsigned n_data, unsigned n_errors)
{
    unsigned n = codeword_bits(code, n_data);

    if (n_errors <= corrects(code))
        return 0.0;
    return fmin(n, n_errors + errors_added(code, n, n_errors)) / n;
}

/* lgamma has a global. */
static double ln_factorial(unsigned n)
{
    int sign;

    return lgamma_r(n + 1.0, &sign);
}

/* Neither logarithm is taken where it is multiplied by zero, for it may be infinite. */
double ecc_chance(unsigned n, unsigned n_errors, double p)
{
    double ln = ln_factorial(n) - ln_factorial(n_errors) - ln_factorial(n - n_errors);

    if (n_errors > 0)
        ln += n_errors * log(p);
    if (n_errors < n)
        ln += (n - n_errors) * log1p(-p);
    return exp(ln);
}

/* A term past the most likely number that is lost in the rounding ends a sum: those after
 * it fall even faster. */
static bool ends_sum(double term, double sum, unsigned n_errors, double mean)
{
    return n_errors > mean + 1.0 && term < sum * (DBL_EPSILON / 256.0);
}

double ecc_post_rate(enum ecc_code code, unsigned n_data, double p)
{
    unsigned n = codeword_bits(code, n_data);
    double sum = 0.0;

    if (code == ECC_NONE)
        return p;
    for (unsigned e = corrects(code) + 1; e <= n; e++) {
        double term = ecc_chance(n, e, p) * ecc_post_rate_given(code, n_data, e);

        sum += term;
        if (ends_sum(term, sum, e, n * p))
            break;
    }
    return fmin(sum, 1.0);
}

/* More errors never deliver fewer, so the rate rises with p and has one solution. */
double ecc_raw_rate(enum ecc_code code, unsigned n_data, double target)
{
    double low = log(DBL_MIN), high = log(0.5);

    if (code == ECC_NONE)
        return fmin(target, 0.5);
    for (;;) {
        double middle = (low + high) / 2.0;

        if (middle <= low || middle >= high)
            return exp(low);
        if (ecc_post_rate(code, n_data, exp(middle)) < target)
            low = middle;
        else
            high = middle;
    }
}

double ecc_encode_pj(enum ecc_code code)
{
    static const double pj[ECC_CODES] = { 0.0, 0.15, 0.30 };

    return pj[code];
}

double ecc_decode_pj(enum ecc_code code)
{
    static const double pj[ECC_CODES] = { 0.0, 0.35, 2.5 };

    return pj[code];
}
