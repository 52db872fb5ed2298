/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_tile.h"

#include <endian.h>
#include <string.h>

static void mask_tails(const struct mram_tile *tile, uint64_t *words)
{
    if (tile->tail_mask == ~UINT64_C(0))
        return;
    for (size_t w = tile->first_tail; w < tile->n_words; w += tile->row_words)
        words[w] &= tile->tail_mask;
}

/* A byte to a codeword; the second part begins at MRAM_TILE_WORDS bytes. */
static void check_cells(const struct mram_tile *tile, uint64_t *words)
{
    uint8_t *bytes = (uint8_t *)words;

    for (size_t part = 0; part < 2; part++)
        memset(bytes + part * MRAM_TILE_WORDS, tile->byte_cells[part], tile->n_codewords);
    for (size_t w = 0; w < tile->n_words; w++)
        words[w] = le64toh(words[w]);
}

void mram_tile_cells(const struct mram_tile *tile, uint64_t *ret_words)
{
    memset(ret_words, 0, MRAM_TILE_WORDS * sizeof(*ret_words));
    if (tile->n_codewords > 0) {
        check_cells(tile, ret_words);
        return;
    }
    memset(ret_words, 0xff, tile->n_words * sizeof(*ret_words));
    mask_tails(tile, ret_words);
}

void mram_tile_random(const struct mram_tile *tile, const struct mram_kernel *kernel,
                      enum rng_purpose purpose, uint64_t generation, uint64_t *ret_words)
{
    struct rng_stream at;
    uint32_t draws[2 * MRAM_TILE_WORDS];
    size_t n_batches = (2 * tile->n_words + MRAM_BATCH_DRAWS - 1) / MRAM_BATCH_DRAWS;

    rng_start(&at, tile->seed, purpose, generation, tile->number);
    kernel->draw(&at, 0, n_batches, draws);
    mram_tile_cells(tile, ret_words);
    for (size_t w = 0; w < tile->n_words; w++)
        ret_words[w] &= draws[2 * w] | (uint64_t)draws[2 * w + 1] << 32;
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

/* Skips from hit to hit over all bit positions; a hit counts where a cell is active. Hits
 * come at the greater rate; where the rates differ each takes one more number, to thin
 * those of the other direction. No branch depends on what the cells hold: the processor
 * could not guess it, and would lose the skips that it had begun. */
static void fail_sparse(const struct mram_tile *tile, const struct mram_odds *odds,
                        struct rng_stream *rng, const uint64_t *active, uint64_t *stored,
                        uint64_t errors[2])
{
    bool thinned = !odds->always[0] || !odds->always[1];
    uint64_t left = tile->n_words * 64;

    for (uint64_t cell = 0;; cell++, left--) {
        uint64_t skip = rng_skip(rng, odds->inv_ln_q);
        if (skip >= left)
            return;
        cell += skip;
        left -= skip;

        uint64_t *word = &stored[cell / 64];
        unsigned bit = cell % 64;
        unsigned d = *word >> bit & 1 ? MTJ_AP2P : MTJ_P2AP;
        uint64_t fails = odds->always[d];
        if (thinned)
            fails |= rng_u64(rng) < odds->threshold[d];
        fails &= active[cell / 64] >> bit;
        errors[d] += fails;
        *word ^= fails << bit;
    }
}

static void fail_always(const struct mram_tile *tile, const struct mram_odds *odds,
                        const uint64_t *active, const uint64_t *stored, uint64_t *fail)
{
    for (size_t w = 0; w < tile->n_words; w++) {
        if (odds->always[MTJ_P2AP])
            fail[w] |= active[w] & ~stored[w];
        if (odds->always[MTJ_AP2P])
            fail[w] |= active[w] & stored[w];
    }
}

static void fail_dense(const struct mram_tile *tile, const struct mram_kernel *kernel,
                       const struct mram_odds *odds, const struct rng_stream *rng,
                       const uint64_t *active, uint64_t *stored, uint64_t errors[2])
{
    size_t n_groups = (tile->n_words + MRAM_GROUP_WORDS - 1) / MRAM_GROUP_WORDS;
    uint64_t fail[MRAM_TILE_WORDS];

    kernel->bernoulli(rng, odds->threshold, active, stored, n_groups, fail);
    if (odds->always[0] || odds->always[1])
        fail_always(tile, odds, active, stored, fail);
    uint64_t n_failed = kernel->flip(stored, fail, tile->n_words, &errors[MTJ_AP2P]);
    errors[MTJ_P2AP] = n_failed - errors[MTJ_AP2P];
}

void mram_tile_fail(const struct mram_tile *tile, const struct mram_kernel *kernel,
                    const struct mram_odds *odds, enum rng_purpose purpose,
                    uint64_t generation, const uint64_t *active, uint64_t *stored,
                    uint64_t ret_errors[2])
{
    struct rng_stream rng;

    ret_errors[0] = 0;
    ret_errors[1] = 0;
    rng_start(&rng, tile->seed, purpose, generation, tile->number);
    if (odds->method == MRAM_SPARSE)
        fail_sparse(tile, odds, &rng, active, stored, ret_errors);
    if (odds->method == MRAM_DENSE)
        fail_dense(tile, kernel, odds, &rng, active, stored, ret_errors);
}
