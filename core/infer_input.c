/* SPDX-License-Identifier: Apache-2.0 */
#include "core/infer_input.h"

#include "core/bits.h"

#define BYTES_PER_WORD 8
#define EACH_BYTE      UINT64_C(0x0101010101010101)

/* Bytes i .. i + 7 as a little-endian word; compilers make one load of it. */
static inline uint64_t load_bytes(const uint8_t *p)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < BYTES_PER_WORD; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

/* The last bytes, zeros after them. */
static uint64_t load_tail(const uint8_t *p, size_t n)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

/* Bit 0 of byte i to bit i: the product moves byte i's bit to 56 + i, and no two of its
 * terms meet. */
static inline uint64_t gather(uint64_t low_bits)
{
    return (low_bits * UINT64_C(0x0102040810204080)) >> 56;
}

/* Bit 0 of byte i: byte i >= threshold. The low seven bits are compared by a subtraction
 * that cannot borrow from the next byte; the top bits decide where they differ. */
static inline uint64_t at_least(uint64_t bytes, uint32_t threshold)
{
    uint64_t low = (bytes | EACH_BYTE << 7) - EACH_BYTE * (threshold & 0x7F);
    uint64_t ge = threshold & 0x80 ? bytes & low : bytes | low;

    return ge >> 7 & EACH_BYTE;
}

void infer_input_binary(const uint8_t *pixels, size_t n, uint32_t threshold,
                        uint64_t *ret_bits)
{
    size_t n_words = n / BITS_PER_WORD;
    size_t i = n_words * BITS_PER_WORD;

    for (size_t k = 0; k < n_words; k++) {
        uint64_t word = 0;

        for (unsigned byte = 0; byte < BYTES_PER_WORD; byte++) {
            uint64_t bytes =
                load_bytes(pixels + k * BITS_PER_WORD + BYTES_PER_WORD * byte);
            word |= gather(at_least(bytes, threshold)) << (8 * byte);
        }
        ret_bits[k] = word;
    }
    if (i == n)
        return;

    /* A byte of zeros is below every threshold. */
    uint64_t word = 0;
    for (unsigned shift = 0; i < n; shift += 8, i += BYTES_PER_WORD) {
        uint64_t bytes = n - i < BYTES_PER_WORD ? load_tail(pixels + i, n - i)
                                                : load_bytes(pixels + i);
        word |= gather(at_least(bytes, threshold)) << shift;
    }
    ret_bits[n_words] = word;
}

void infer_input_planes(const uint8_t *pixels, size_t n, uint64_t *ret_planes)
{
    size_t n_words = bits_words(n);

    for (size_t k = 0; k < n_words; k++) {
        uint64_t plane[INFER_PLANES] = { 0 };

        for (unsigned byte = 0; byte < BYTES_PER_WORD; byte++) {
            size_t i = k * BITS_PER_WORD + BYTES_PER_WORD * byte;
            uint64_t bytes;

            if (i >= n)
                break;
            bytes = n - i < BYTES_PER_WORD ? load_tail(pixels + i, n - i)
                                           : load_bytes(pixels + i);
            for (unsigned b = 0; b < INFER_PLANES; b++)
                plane[b] |= gather(bytes >> b & EACH_BYTE) << (8 * byte);
        }
        for (unsigned b = 0; b < INFER_PLANES; b++)
            ret_planes[b * n_words + k] = plane[b];
    }
}

void infer_input_weigh(const int32_t *counts, size_t n_blocks, uint32_t *ret_weighted)
{
    size_t n_lanes = n_blocks * KERNEL_LANES;

    for (size_t j = 0; j < n_lanes; j += KERNEL_LANES) {
        uint32_t sum[KERNEL_LANES] = { 0 };

        for (size_t b = INFER_PLANES; b-- > 0;) {
            const int32_t *m = counts + b * n_lanes + j;

            for (size_t lane = 0; lane < KERNEL_LANES; lane++)
                sum[lane] = 2 * sum[lane] + (uint32_t)m[lane];
        }
        for (size_t lane = 0; lane < KERNEL_LANES; lane++)
            ret_weighted[j + lane] = sum[lane];
    }
}

void infer_input_fire(const uint32_t *weighted, size_t n_blocks,
                      const struct kernel_rule *rule, uint64_t *ret_y)
{
    for (size_t block = 0; block < n_blocks; block++) {
        size_t shift = block % KERNEL_LANES * KERNEL_LANES;
        uint64_t *y = ret_y + block / KERNEL_LANES;
        uint64_t bits = 0;

        for (size_t lane = 0; lane < KERNEL_LANES; lane++) {
            size_t j = block * KERNEL_LANES + lane;
            bits |= (uint64_t)((int64_t)weighted[j] <= rule->limit[j]) << lane;
        }
        *y = (shift == 0 ? 0 : *y) | (bits ^ rule->invert[block]) << shift;
    }
}
