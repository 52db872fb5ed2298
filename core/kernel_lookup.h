/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_lookup.h - rows of 8-bit pixels times binary weights, by looking sums up.
 *
 * s = sum of weight * pixel, exact. Four pixels have 16 sums of some of them, one for
 * each pattern of four weights; a table of these is made once for a row of pixels, and
 * every output then looks up one entry for four weights. With P the sum of the pixels
 * that meet a +1 and X that of all, s = 2 P - X.
 */
#ifndef CORE_KERNEL_LOOKUP_H
#define CORE_KERNEL_LOOKUP_H

#include "core/kernel.h"

#define KERNEL_LOOKUP_LANES 16
/* Pixels are padded with zeros to a multiple of this. */
#define KERNEL_LOOKUP_STEP 64
/* Pixels to one byte of weights. */
#define KERNEL_LOOKUP_BYTE 8

/* Immutable once made; any thread. */
struct kernel_lookup {
    size_t n_out, n_in;
    size_t n_blocks;  /* ceil(n_out / 16) */
    size_t n_bytes;   /* of one output: n_in, padded, / 8 */
    uint8_t *weights; /* ours, [n_blocks][n_bytes][16], 64-byte aligned: eight weights of
                         output kernel_lookup_output(i) of the block; the low nibble
                         is of the first four */
    int32_t *threshold; /* ours, [16 * n_blocks]: fires where s >= it; or NULL */
    uint16_t *invert;   /* ours, [n_blocks]; or NULL */
};

/* Which output of its block byte i belongs to: sums of neighbouring bytes come out in
 * vectors of every fourth, so that is where the order is made. */
static inline size_t kernel_lookup_output(size_t i)
{
    return i % 4 * 4 + i / 4;
}

/* rows: n_out rows of bits_words(n_in) words, padding zero. threshold, falling (bits): of
 * a layer whose outputs from `first` on these are; fires where s >= it, or s <= it where
 * falling; both NULL for sums alone. ST_RANGE: a size of 0, n_in above
 * KERNEL_MAX_PIXELS, or sizes that overflow. */
MUST_CHECK enum status kernel_lookup_init(struct kernel_lookup *l, const uint64_t *rows,
                                          size_t n_out, size_t n_in,
                                          const int32_t *threshold,
                                          const uint64_t *falling, size_t first);
/* Takes one that is all zero. */
void kernel_lookup_done(struct kernel_lookup *l);

/* Bytes of working memory that one call needs, 64-byte aligned. */
size_t kernel_lookup_scratch(size_t n_in);

/* Of one row of n_in pixels: bits by threshold into bits_words(n_out) words, padding
 * zero; or n_out sums. */
void kernel_lookup_fire(const struct kernel_lookup *l, const struct kernel *kernel,
                        const uint8_t *pixels, void *scratch, uint64_t *ret_y);
void kernel_lookup_sums(const struct kernel_lookup *l, const struct kernel *kernel,
                        const uint8_t *pixels, void *scratch, int32_t *ret_s);

/* What a kernel does in one call: all outputs of one row. */
struct kernel_lookup_job {
    const struct kernel_lookup *l;
    const uint8_t *pixels; /* [8 * n_bytes], aligned */
    uint8_t *tables;       /* [n_bytes][64], aligned: four tables of sums for eight
                              pixels, in a form of the kernel's own */
    int32_t total;         /* X */
    uint64_t *y;           /* all zero before; or NULL */
    int32_t *s;            /* [n_out], where y is NULL */
};

#endif
