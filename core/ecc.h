/* SPDX-License-Identifier: Apache-2.0 */
/* ecc.h - codes over 64-bit data words: how they are made, what they mend, what they
 * promise.
 *
 * SECDED is an extended Hamming code of Hsiao's odd-column-weight form, (72, 64). BCH2 is
 * the double-error-correcting BCH code over GF(2^7), (127, 113), shortened to (78, 64).
 * Both are linear and systematic. A word with fewer than 64 data bits is the same code
 * shortened further: the missing bits are zero, and a syndrome that points at one of them
 * is detected, not corrected. Pure; any thread.
 * Source of the formulas: core/README.md, "Codes".
 */
#ifndef CORE_ECC_H
#define CORE_ECC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ecc_code { ECC_NONE = 0, ECC_SECDED = 1, ECC_BCH2 = 2 };
#define ECC_CODES          3
#define ECC_MAX_CHECK_BITS 14

/* 0, 8, 14. */
unsigned ecc_check_bits(enum ecc_code code);
/* "none", "secded", "bch2". */
const char *ecc_name(enum ecc_code code);
bool ecc_from_name(const char *name, enum ecc_code *ret_code);

/* Check bits of a data word, the first in bit 0. */
uint16_t ecc_encode(enum ecc_code code, uint64_t data);

/* Check bits of many words, a byte of check bits 0..7 per word and, for BCH2, a byte of
 * 8..13: check[0] and check[1] have n_words bytes each (check[1] is not touched by
 * SECDED). The portable reference of mram_kernel's `encode`. Not for ECC_NONE. */
void ecc_encode_words(enum ecc_code code, const uint64_t *words, size_t n_words,
                      uint8_t *const check[2]);

enum ecc_outcome {
    ECC_CLEAN = 0,     /* a codeword, as read */
    ECC_CORRECTED = 1, /* bits were flipped back, rightly or not */
    ECC_DETECTED = 2,  /* not correctable: delivered as read */
};
/* Corrects *data and *check in place; n_data, 1 .. 64: data bits that exist. Bits of the
 * two that do not exist are zero, and stay so. */
enum ecc_outcome ecc_decode(enum ecc_code code, unsigned n_data, uint64_t *data,
                            uint16_t *check);

/* -- What to expect of independent errors of rate p in every bit -- */

/* Probability of exactly n_errors errors in n bits, at 0 <= p <= 1. */
double ecc_chance(unsigned n, unsigned n_errors, double p);
/* Delivered error rate of a data bit; p without a code. */
double ecc_post_rate(enum ecc_code code, unsigned n_data, double p);
/* The same, given exactly n_errors errors anywhere in the codeword. What miscorrection
 * adds is counted as if wrong syndromes were uniform: for three errors in a full word of
 * BCH2 that is 6 % more than the code adds; for SECDED it is 0.7 % more in the data bits.
 */
double ecc_post_rate_given(enum ecc_code code, unsigned n_data, unsigned n_errors);
/* Raw rate p in (0, 0.5) at which ecc_post_rate is `target`, in (0, 0.5); the greatest
 * below which all rates deliver less, and 0.5 if they all do. */
double ecc_raw_rate(enum ecc_code code, unsigned n_data, double target);

/* Order-of-magnitude estimates for 28 nm logic, about 1 fJ per two-input gate; pJ per
 * 64-bit word. 0 without a code. */
double ecc_encode_pj(enum ecc_code code);
double ecc_decode_pj(enum ecc_code code);

#endif
