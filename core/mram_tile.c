/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_tile.h"

#include "core/bits.h"

#include <string.h>

void mram_tile_mask(const struct mram_tile *tile, uint64_t *words)
{
    if (tile->tail_mask == ~UINT64_C(0))
        return;
    for (size_t w = tile->first_tail; w < tile->n_words; w += tile->row_words)
        words[w] &= tile->tail_mask;
}

unsigned mram_tile_word_cells(const struct mram_tile *tile, size_t word)
{
    if (word < tile->first_tail || (word - tile->first_tail) % tile->row_words != 0)
        return 64;
    return (unsigned)__builtin_popcountll(tile->tail_mask);
}

void mram_tile_random(const struct mram_tile *tile, const struct mram_kernel *kernel,
                      uint64_t generation, uint64_t *ret_words)
{
    struct rng_stream at;
    uint32_t draws[MRAM_BATCH_DRAWS];

    rng_start(&at, tile->seed, RNG_CONTENTS, generation, tile->number);
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++) {
        size_t i = 2 * w % MRAM_BATCH_DRAWS;
        if (w >= tile->n_words) {
            ret_words[w] = 0;
            continue;
        }
        if (i == 0)
            kernel->draw(&at, (uint32_t)(2 * w / MRAM_BATCH_DRAWS), 1, draws);
        ret_words[w] = draws[i] | (uint64_t)draws[i + 1] << 32;
    }
    mram_tile_mask(tile, ret_words);
}

/* floor(p * 2^64), and whether that is all of it. */
static uint64_t threshold_of(double p, bool *ret_always)
{
    *ret_always = p >= 1.0;
    return *ret_always ? UINT64_MAX : (uint64_t)(p * 0x1p64);
}

void mram_odds_init(const double rate[2], struct mram_odds *ret_odds)
{
    double greatest = rate[0] > rate[1] ? rate[0] : rate[1];
    double unit = 1.0;

    memset(ret_odds, 0, sizeof(*ret_odds));
    if (greatest == 0.0) {
        ret_odds->method = MRAM_NEVER;
        return;
    }
    ret_odds->method = MRAM_DENSE;
    if (greatest <= MRAM_SPARSE_RATE) {
        ret_odds->method = MRAM_SPARSE;
        ret_odds->inv_ln_q = rng_inv_ln_q(greatest);
        unit = greatest;
    }
    for (unsigned d = 0; d < 2; d++)
        ret_odds->threshold[d] = threshold_of(rate[d] / unit, &ret_odds->always[d]);
}

static bool draws(const struct mram_tile *tile, const uint64_t *old,
                  const uint64_t *wanted, uint64_t cell)
{
    if (old == NULL)
        return cell % 64 < mram_tile_word_cells(tile, cell / 64);
    return (old[cell / 64] ^ wanted[cell / 64]) >> (cell % 64) & 1;
}

/* Skips from hit to hit over all bit positions; a hit counts where a cell draws. Hits
 * come at the greater rate, and one in the other direction is thinned. */
static void fail_sparse(const struct mram_tile *tile, const struct mram_odds *odds,
                        struct rng_stream *rng, const uint64_t *old,
                        const uint64_t *wanted, uint64_t *fail)
{
    uint64_t left = tile->n_words * 64;

    memset(fail, 0, MRAM_TILE_WORDS * sizeof(*fail));
    for (uint64_t cell = 0;; cell++, left--) {
        uint64_t skip = rng_skip(rng, odds->inv_ln_q);
        if (skip >= left)
            return;
        cell += skip;
        left -= skip;
        if (!draws(tile, old, wanted, cell))
            continue;
        unsigned d = bits_get(wanted, cell) ? MTJ_AP2P : MTJ_P2AP;
        if (odds->always[d] || rng_u64(rng) < odds->threshold[d])
            bits_put(fail, cell, true);
    }
}

static void fail_always(const struct mram_odds *odds, const uint64_t *active,
                        const uint64_t *wanted, uint64_t *fail)
{
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++) {
        if (odds->always[MTJ_P2AP])
            fail[w] |= active[w] & ~wanted[w];
        if (odds->always[MTJ_AP2P])
            fail[w] |= active[w] & wanted[w];
    }
}

static void fail_dense(const struct mram_tile *tile, const struct mram_kernel *kernel,
                       const struct mram_odds *odds, const struct rng_stream *rng,
                       const uint64_t *old, const uint64_t *wanted, uint64_t *fail)
{
    size_t n_groups = (tile->n_words + MRAM_GROUP_WORDS - 1) / MRAM_GROUP_WORDS;
    size_t n_drawn = n_groups * MRAM_GROUP_WORDS;
    uint64_t active[MRAM_TILE_WORDS];

    for (size_t w = 0; w < MRAM_TILE_WORDS; w++) {
        uint64_t all = w < tile->n_words ? ~UINT64_C(0) : 0;
        active[w] = old != NULL ? old[w] ^ wanted[w] : all;
    }
    if (old == NULL)
        mram_tile_mask(tile, active);
    kernel->bernoulli(rng, odds->threshold, active, wanted, n_groups, fail);
    memset(fail + n_drawn, 0, (MRAM_TILE_WORDS - n_drawn) * sizeof(*fail));
    if (odds->always[0] || odds->always[1])
        fail_always(odds, active, wanted, fail);
}

void mram_tile_fail(const struct mram_tile *tile, const struct mram_kernel *kernel,
                    const struct mram_odds *odds, enum rng_purpose purpose,
                    uint64_t generation, const uint64_t *old, const uint64_t *wanted,
                    uint64_t *ret_fail)
{
    struct rng_stream rng;

    rng_start(&rng, tile->seed, purpose, generation, tile->number);
    switch (odds->method) {
    case MRAM_NEVER:
        memset(ret_fail, 0, MRAM_TILE_WORDS * sizeof(*ret_fail));
        return;
    case MRAM_SPARSE:
        fail_sparse(tile, odds, &rng, old, wanted, ret_fail);
        return;
    case MRAM_DENSE:
        fail_dense(tile, kernel, odds, &rng, old, wanted, ret_fail);
        return;
    }
}
