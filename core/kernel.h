/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.h - XNOR-popcount matrix products, one table, one reference.
 *
 * Kernels count *mismatches* m between packed +-1 vectors; the dot product of n_in values
 * is n_in - 2 m. Padding bits are zero on both sides and add nothing. Every kernel gives
 * the bits of `scalar`. Pure; any thread; nothing allocates but kernel_matrix_init.
 *
 * Weights are laid out once per generation, the same for every kernel:
 * words[block][word][lane], block = output / 8, lane = output % 8, so that one 512-bit
 * load holds one input word of eight outputs and no sum has to be folded across lanes.
 * Outputs past n_out are zero rows.
 */
#ifndef CORE_KERNEL_H
#define CORE_KERNEL_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_LANES 8
/* Largest n_in: mismatches of one row fit in 24 bits. */
#define KERNEL_MAX_INPUTS ((size_t)1 << 24)
/* The same of 8-bit pixels: their sums fit in 32 bits. */
#define KERNEL_MAX_PIXELS ((size_t)1 << 23)

struct kernel_matrix {
    size_t n_out, n_in;
    size_t n_blocks; /* ceil(n_out / 8) */
    size_t n_words;  /* bits_words(n_in) */
    uint64_t *words; /* ours; [n_blocks][n_words][8], 64-byte aligned */
};

/* When does output j become 1: m[j] <= limit[j], the other way round where `invert` is
 * set. limit -1 never, limit >= n_in always. Arrays have 8 * n_blocks entries; entries
 * past n_out hold limit -1 and no invert, so that padding bits of the result are zero. */
struct kernel_rule {
    const int64_t *limit;  /* [8 * n_blocks], borrowed */
    const uint8_t *invert; /* [n_blocks], bit = lane, borrowed */
};

/* The limit of an output that fires where s = top - 2 m >= threshold, with m mismatches
 * of n inputs; falling: where s <= threshold, and `invert` is to be set. -1 .. n. */
static inline int64_t kernel_limit(int64_t top, int64_t n, int64_t threshold,
                                   bool falling)
{
    /* s >= t is m <= floor((top - t) / 2), and s <= t is not s >= t + 1;
     * C rounds towards zero. */
    int64_t twice = top - threshold - falling;
    int64_t limit = twice >= 0 ? twice / 2 : -((1 - twice) / 2);

    if (limit < -1)
        return -1;
    return limit > n ? n : limit;
}

struct kernel_conv_job;
struct kernel_pixels_job;
struct kernel_reals_job;
struct kernel_lookup_job;

struct kernel {
    const char *name;     /* what --kernel and /api/v1/status print */
    bool (*usable)(void); /* do this CPU and this OS allow it? */

    /* Mismatches of n_x inputs with every output.
     * x: n_x rows, x_stride words apart, of w->n_words words, padding zero.
     * ret_m: n_x rows of 8 * n_blocks counts. */
    void (*counts)(const struct kernel_matrix *w, const uint64_t *x, size_t n_x,
                   size_t x_stride, int32_t *ret_m);

    /* Output bits by `rule`. ret_y: n_x rows, y_stride words apart; bits_words(n_out)
     * words of each are written, padding zero. */
    void (*fire)(const struct kernel_matrix *w, const struct kernel_rule *rule,
                 const uint64_t *x, size_t n_x, size_t x_stride, uint64_t *ret_y,
                 size_t y_stride);

    /* A row of 8-bit pixels: kernel_lookup.h. */
    void (*lookup)(const struct kernel_lookup_job *job);

    /* A map through a window: kernel_conv.h, kernel_pixels.h, kernel_reals.h. */
    void (*conv)(const struct kernel_conv_job *job);
    void (*pixels)(const struct kernel_pixels_job *job);
    void (*reals)(const struct kernel_reals_job *job);
};

/* All kernels that were compiled in, slowest first, ending with name == NULL.
 * The first is `scalar`, the reference. */
extern const struct kernel kernel_list[];

/* The fastest usable kernel. Never NULL. */
const struct kernel *kernel_best(void);
/* The usable kernel called `name`, or NULL. */
const struct kernel *kernel_find(const char *name);

/* Lays out `rows` (n_out rows of bits_words(n_in) words, padding zero) into a new matrix.
 * ST_RANGE: a size of 0, n_in above KERNEL_MAX_INPUTS, or a product that overflows. */
MUST_CHECK enum status kernel_matrix_init(struct kernel_matrix *w, const uint64_t *rows,
                                          size_t n_out, size_t n_in);
void kernel_matrix_done(struct kernel_matrix *w);

#endif
