/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pixel_run.h"

#include <string.h>

/* Which of eight bytes are no digits, as a mask of eight bits, the first byte lowest. */
static inline uint64_t separators_of_word(const char *at)
{
    uint64_t bytes;

    memcpy(&bytes, at, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    /* A digit minus '0' is below 10; 0x76 + 10 reaches the top bit. */
    uint64_t value = bytes ^ UINT64_C(0x3030303030303030);
    uint64_t above =
        (value & UINT64_C(0x7f7f7f7f7f7f7f7f)) + UINT64_C(0x7676767676767676);
    uint64_t top = ((above | value) >> 7) & UINT64_C(0x0101010101010101);

    return top * UINT64_C(0x0102040810204080) >> 56;
}

/* The same of eight words, or of fewer near the end. Finding the separators first keeps
 * the place of the next number off the critical path, and makes the time the same for any
 * mixture of lengths; so many at once leave one jump that nobody can foresee to a score
 * of numbers. */
static uint64_t separators(const char *block, size_t n_words)
{
    uint64_t mask = 0;

    if (n_words == 8) {
        for (size_t i = 0; i < 8; i++)
            mask |= separators_of_word(block + 8 * i) << 8 * i;
        return mask;
    }
    for (size_t i = 0; i < n_words; i++)
        mask |= separators_of_word(block + 8 * i) << 8 * i;
    return mask;
}

/* Value of the `len` (1..3) digits that end at `end`; above 255 also with a leading zero.
 */
static inline unsigned value_before(const char *end, size_t len)
{
    /* By length; digits of a number as bytes are in the order of numbers. */
    static const uint32_t kept[4] = { 0, 0xff, 0xffff, 0xffffff };
    static const uint32_t least[4] = { 0, 0, 0x000100, 0x010000 };
    uint32_t bytes;

    /* Read unconditionally (the caller promises the bytes) and select: no branches. */
    memcpy(&bytes, end - sizeof(bytes), sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    bytes = __builtin_bswap32(bytes);
#endif
    uint32_t digits = (bytes ^ 0x30303030) & kept[len];
    unsigned value = (digits >> 16) * 100 + (digits >> 8 & 0xff) * 10 + (digits & 0xff);

    return digits < least[len] ? 1000 : value;
}

size_t pixel_run(const char **at, const char *end, uint8_t *ret_pixels, size_t room)
{
    const char *begin = *at; /* of the number that is being read */
    size_t n = 0, n_words;

    /* One byte behind the block is looked at too: a space after its last comma. */
    for (const char *block = begin; end - block > 8 && n < room; block += 8 * n_words) {
        n_words = (size_t)(end - block - 1) / 8;
        n_words = n_words < 8 ? n_words : 8;
        uint64_t mask = separators(block, n_words);

        /* That space, seen in the block before. */
        mask &= begin > block ? ~UINT64_C(1) : ~UINT64_C(0);
        while (mask != 0 && n < room) {
            const char *separator = block + __builtin_ctzll(mask);
            size_t len = (size_t)(separator - begin);

            if (len - 1 > 2 || *separator != ',')
                goto stop;
            unsigned value = value_before(separator, len);
            if (value > 255)
                goto stop;
            ret_pixels[n++] = (uint8_t)value;

            begin = separator + 1;
            mask &= mask - 1;
            if (*begin == ' ') {
                begin++;
                mask &=
                    mask - 1; /* the space is the next bit, or the next block's first */
            }
        }
    }
stop:
    *at = begin;
    return n;
}

/* One to three digits without a leading zero, perhaps ".0"; NULL if it is anything else.
 * Eight bytes are readable. */
static const char *dressed_number(const char *at, unsigned *ret_value)
{
    const char *begin = at;
    unsigned value = 0;

    for (; at - begin < 3 && *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (unsigned)(*at - '0');
    if (at == begin || (*begin == '0' && at - begin > 1))
        return NULL;
    *ret_value = value;
    return at[0] == '.' && at[1] == '0' ? at + 2 : at;
}

/* The longest one. */
#define DRESSED_LEN (sizeof("[255.0], ") - 1)

size_t pixel_run_dressed(const char **at, const char *end, bool in_lists,
                         uint8_t *ret_pixels, size_t room)
{
    size_t n = 0;

    while (n < room && (size_t)(end - *at) > DRESSED_LEN) {
        const char *next = *at;
        unsigned value;

        if (in_lists && *next++ != '[')
            break;
        next = dressed_number(next, &value);
        if (next == NULL || value > 255 || (in_lists && *next++ != ']') || *next != ',')
            break;
        ret_pixels[n++] = (uint8_t)value;
        *at = next[1] == ' ' ? next + 2 : next + 1;
    }
    return n;
}
