/* SPDX-License-Identifier: Apache-2.0 */
/* bits.h - packed bit vectors: bit i is bit i % 64 of word i / 64.
 *
 * A bit of 1 is the value +1, a bit of 0 the value -1. Bits past the end of a vector are
 * zero in every vector that we make, so counting mismatches needs no special tail.
 */
#ifndef CORE_BITS_H
#define CORE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_PER_WORD 64

/* Words that hold `n_bits` bits. */
static inline size_t bits_words(size_t n_bits)
{
    return n_bits / BITS_PER_WORD + (n_bits % BITS_PER_WORD != 0);
}

/* Mask of the used bits of word `word` in a vector of `n_bits` bits. */
static inline uint64_t bits_mask(size_t n_bits, size_t word)
{
    size_t begin = word * BITS_PER_WORD;

    if (begin + BITS_PER_WORD <= n_bits)
        return ~UINT64_C(0);
    return begin >= n_bits ? 0 : (UINT64_C(1) << (n_bits - begin)) - 1;
}

static inline bool bits_get(const uint64_t *bits, size_t i)
{
    return bits[i / BITS_PER_WORD] >> (i % BITS_PER_WORD) & 1;
}

static inline void bits_put(uint64_t *bits, size_t i, bool value)
{
    uint64_t one = UINT64_C(1) << (i % BITS_PER_WORD);

    if (value)
        bits[i / BITS_PER_WORD] |= one;
    else
        bits[i / BITS_PER_WORD] &= ~one;
}

/* Bits at .. at + n - 1, n of 1 to 64, as a word. */
static inline uint64_t bits_take(const uint64_t *bits, size_t at, size_t n)
{
    size_t shift = at % BITS_PER_WORD;
    uint64_t word = bits[at / BITS_PER_WORD] >> shift;

    if (shift + n > BITS_PER_WORD)
        word |= bits[at / BITS_PER_WORD + 1] << (BITS_PER_WORD - shift);
    return word & bits_mask(n, 0);
}

/* Puts n bits from bit `from_bit` on over zeros at bit `to_bit` on. */
static inline void bits_or(uint64_t *to, size_t to_bit, const uint64_t *from,
                           size_t from_bit, size_t n)
{
    while (n > 0) {
        size_t shift = to_bit % BITS_PER_WORD;
        size_t room = BITS_PER_WORD - shift;
        size_t now = n < room ? n : room;

        to[to_bit / BITS_PER_WORD] |= bits_take(from, from_bit, now) << shift;
        to_bit += now;
        from_bit += now;
        n -= now;
    }
}

/* Number of ones in `n_words` words. */
static inline uint64_t bits_count(const uint64_t *bits, size_t n_words)
{
    uint64_t n = 0;

    for (size_t i = 0; i < n_words; i++)
        n += (uint64_t)__builtin_popcountll(bits[i]);
    return n;
}

#endif
