/* SPDX-License-Identifier: Apache-2.0 */
/* One word of bits from 64 pixels at a time: with SSE2, which every x86-64 has, by taking
 * the top bits of bytes; elsewhere by arithmetic on words of eight pixels. */
#include "core/infer_input.h"

#include "core/bits.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>

struct pixels {
    __m128i a, b, c, d;
};

static inline __m128i load16(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

static inline struct pixels load(const uint8_t *p)
{
    return (struct pixels) { load16(p), load16(p + 16), load16(p + 32), load16(p + 48) };
}

/* Top bits of 64 bytes. */
static inline uint64_t top_bits(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return (uint64_t)_mm_movemask_epi8(a) | (uint64_t)_mm_movemask_epi8(b) << 16 |
           (uint64_t)_mm_movemask_epi8(c) << 32 | (uint64_t)_mm_movemask_epi8(d) << 48;
}

static inline __m128i ge(__m128i bytes, __m128i threshold)
{
    return _mm_cmpeq_epi8(_mm_max_epu8(bytes, threshold), bytes);
}

static inline uint64_t at_least(const struct pixels *p, uint32_t threshold)
{
    __m128i t = _mm_set1_epi8((char)threshold);

    return top_bits(ge(p->a, t), ge(p->b, t), ge(p->c, t), ge(p->d, t));
}

#else

#define EACH_BYTE UINT64_C(0x0101010101010101)

struct pixels {
    uint64_t eight[8]; /* pixel i of eight in bits 8 i to 8 i + 7 */
};

static inline struct pixels load(const uint8_t *p)
{
    struct pixels pixels = { { 0 } };

    for (unsigned i = 0; i < BITS_PER_WORD; i++)
        pixels.eight[i / 8] |= (uint64_t)p[i] << (i % 8 * 8);
    return pixels;
}

/* Bit 0 of byte i to bit i: the product moves byte i's bit to 56 + i, and no two of its
 * terms meet. */
static inline uint64_t gather(uint64_t low_bits)
{
    return (low_bits * UINT64_C(0x0102040810204080)) >> 56;
}

/* The low seven bits are compared by a subtraction that cannot borrow from the next byte;
 * the top bits decide where they differ. */
static inline uint64_t at_least(const struct pixels *p, uint32_t threshold)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint64_t bytes = p->eight[i];
        uint64_t low = (bytes | EACH_BYTE << 7) - EACH_BYTE * (threshold & 0x7F);
        uint64_t ge = threshold & 0x80 ? bytes & low : bytes | low;

        word |= gather(ge >> 7 & EACH_BYTE) << (8 * i);
    }
    return word;
}

#endif

/* Pixels from i on, zeros after the last: below every threshold. */
static inline struct pixels load_some(const uint8_t *pixels, size_t n, size_t i)
{
    uint8_t bytes[BITS_PER_WORD] = { 0 };

    if (n - i >= BITS_PER_WORD)
        return load(pixels + i);
    memcpy(bytes, pixels + i, n - i);
    return load(bytes);
}

void infer_input_binary(const uint8_t *pixels, size_t n, uint32_t threshold,
                        uint64_t *ret_bits)
{
    for (size_t i = 0; i < n; i += BITS_PER_WORD) {
        struct pixels p = load_some(pixels, n, i);

        ret_bits[i / BITS_PER_WORD] = at_least(&p, threshold);
    }
}
