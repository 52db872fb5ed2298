/* SPDX-License-Identifier: Apache-2.0 */
/* mram_kernel.h - the inner loops of the array, one table per instruction set.
 *
 * Private to mram*.c, its tests and its bench. Every entry gives the same bits; scalar is
 * the reference. Pure; any thread.
 *
 * Bulk draws come in *batches* of 16 consecutive Philox blocks, 64 draws of 32 bits, in
 * structure-of-arrays order: draw 16 * j + lane of batch b is output word j of block
 * 16 * b + lane. The order is part of the array format.
 */
#ifndef CORE_MRAM_KERNEL_H
#define CORE_MRAM_KERNEL_H

#include "core/ecc.h"
#include "core/mram.h"
#include "core/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MRAM_BATCH_BLOCKS 16
#define MRAM_BATCH_DRAWS  64

/* A group: what one batch slices through, 512 cells. */
#define MRAM_GROUP_WORDS 8
/* A group's cells compare up to 64 random bits each, four to a batch. */
#define MRAM_GROUP_BATCHES 16

/* Entries of an alias table: upper bits, a share; lower, the other class. */
#define MRAM_OTHER_BITS 9
#define MRAM_KEEP_BITS  23

/* Ones in what a write went through. */
struct mram_counts {
    uint64_t old, wanted;
    uint64_t both; /* old and wanted: P cells that hold */
};

struct mram_kernel {
    const char *name;
    bool (*usable)(void); /* do this CPU and this OS allow it? */

    /* n_batches batches of the stream that `at` was started for, from first_batch on;
     * ret_draws: MRAM_BATCH_DRAWS each. */
    void (*draw)(const struct rng_stream *at, uint32_t first_batch, size_t n_batches,
                 uint32_t *ret_draws);

    /* Bit-sliced Bernoulli draws for n_groups groups: an active cell fails if its random
     * 64-bit number is below threshold[0] or, where `choose` has a one, threshold[1].
     * Slice i of group g, its most significant bit first, is the 512 bits of draws
     * 16 * (i % 4) .. + 15 of batch 16 * g + i / 4, the lower draw in the lower half of
     * each word. A group stops once its cells are decided. */
    void (*bernoulli)(const struct rng_stream *at, const uint64_t threshold[2],
                      const uint64_t *active, const uint64_t *choose, size_t n_groups,
                      uint64_t *ret_fail);

    /* stored = wanted, toggles = old ^ wanted, and counts. `stored` may be `old`. */
    void (*write)(uint64_t *stored, const uint64_t *old, const uint64_t *wanted,
                  size_t n_words, uint64_t *ret_toggles, struct mram_counts *ret_counts);

    /* stored ^= fail; *ret_ones: how many of the failed bits were one. Returns how many
     * failed. */
    uint64_t (*flip)(uint64_t *stored, const uint64_t *fail, size_t n_words,
                     uint64_t *ret_ones);

    /* The counts of `write` without the write. */
    void (*count)(const uint64_t *old, const uint64_t *wanted, size_t n_words,
                  struct mram_counts *ret_counts);

    /* -- Cells by class (mram_tile.h); 64 cells to a word, n_words of them -- */

    /* ret_class: of draws by the entries of an alias table. ret_ties: ones where the draw
     * does not tell; the class is then the column's own. */
    void (*classes)(const uint32_t entry[MTJ_CLASSES], const uint32_t *draws,
                    size_t n_words, uint16_t *ret_class, uint64_t *ret_ties);
    /* Adds one to n[class][bit + 2 * active] for each of `cells`. */
    void (*tally)(const uint16_t *class, const uint64_t *cells, const uint64_t *active,
                  const uint64_t *bits, size_t n_words, uint32_t n[MTJ_CLASSES][4]);
    /* Ones where a draw is below high[class][bit], and where it is equal. */
    void (*below)(const uint32_t high[MTJ_CLASSES][2], const uint16_t *class,
                  const uint64_t *bits, const uint32_t *draws, size_t n_words,
                  uint64_t *ret_below, uint64_t *ret_ties);

    /* As ecc_encode_words. */
    void (*encode)(enum ecc_code code, const uint64_t *words, size_t n_words,
                   uint8_t *const check[2]);
};

extern const struct mram_kernel mram_kernel_scalar;
/* For kernels that have no better way. */
void mram_scalar_classes(const uint32_t entry[MTJ_CLASSES], const uint32_t *draws,
                         size_t n_words, uint16_t *ret_class, uint64_t *ret_ties);
void mram_scalar_tally(const uint16_t *class, const uint64_t *cells,
                       const uint64_t *active, const uint64_t *bits, size_t n_words,
                       uint32_t n[MTJ_CLASSES][4]);
void mram_scalar_below(const uint32_t high[MTJ_CLASSES][2], const uint16_t *class,
                       const uint64_t *bits, const uint32_t *draws, size_t n_words,
                       uint64_t *ret_below, uint64_t *ret_ties);
#ifdef MRAM_KERNEL_X86
extern const struct mram_kernel mram_kernel_avx2;
extern const struct mram_kernel mram_kernel_avx512;
#endif

/* Every kernel compiled in, worst first; *ret_n of them. */
const struct mram_kernel *const *mram_kernels(size_t *ret_n);
/* The best that is usable here. */
const struct mram_kernel *mram_kernel_best(void);

/* What an array uses; mram_new takes the best. Not while another thread programs it. */
const struct mram_kernel *mram_kernel(const struct mram *mram);
void mram_use_kernel(struct mram *mram, const struct mram_kernel *kernel);

#endif
