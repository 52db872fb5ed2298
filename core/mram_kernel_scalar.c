/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_kernel.h"

#include <Random123/philox.h>
#include <string.h>

static bool always(void)
{
    return true;
}

static void draw_batch(const struct rng_stream *at, uint32_t batch, uint32_t *ret_draws)
{
    philox4x32_key_t key;
    philox4x32_ctr_t counter;

    memcpy(key.v, at->key, sizeof(key.v));
    memcpy(counter.v, at->counter, sizeof(counter.v));
    for (uint32_t lane = 0; lane < MRAM_BATCH_BLOCKS; lane++) {
        counter.v[0] = batch * MRAM_BATCH_BLOCKS + lane;
        philox4x32_ctr_t block = philox4x32_R(10, counter, key);
        for (unsigned j = 0; j < 4; j++)
            ret_draws[16 * j + lane] = block.v[j];
    }
}

static void draw(const struct rng_stream *at, uint32_t first_batch, size_t n_batches,
                 uint32_t *ret_draws)
{
    for (size_t i = 0; i < n_batches; i++)
        draw_batch(at, first_batch + (uint32_t)i, ret_draws + i * MRAM_BATCH_DRAWS);
}

static uint64_t any(const uint64_t words[MRAM_GROUP_WORDS])
{
    uint64_t all = 0;

    for (unsigned w = 0; w < MRAM_GROUP_WORDS; w++)
        all |= words[w];
    return all;
}

/* Compares one more bit of each undecided cell with the same bit of its threshold. */
static void compare_slice(const uint32_t *slice, const uint64_t bit[2],
                          const uint64_t *choose, uint64_t *undecided, uint64_t *fail)
{
    for (unsigned w = 0; w < MRAM_GROUP_WORDS; w++) {
        uint64_t u = slice[2 * w] | (uint64_t)slice[2 * w + 1] << 32;
        uint64_t t = (choose[w] & bit[1]) | (~choose[w] & bit[0]);

        fail[w] |= undecided[w] & t & ~u;
        undecided[w] &= ~(t ^ u);
    }
}

static void bernoulli_group(const struct rng_stream *at, const uint64_t threshold[2],
                            const uint64_t *active, const uint64_t *choose,
                            uint32_t group, uint64_t *fail)
{
    uint64_t undecided[MRAM_GROUP_WORDS];
    uint32_t draws[MRAM_BATCH_DRAWS];

    memcpy(undecided, active, sizeof(undecided));
    memset(fail, 0, sizeof(undecided));
    for (unsigned i = 0; i < 64; i++) {
        /* What is undecided where only zeros are left cannot get below the threshold. */
        if (any(undecided) == 0 || (threshold[0] | threshold[1]) << i == 0)
            return;
        if (i % 4 == 0)
            draw_batch(at, group * MRAM_GROUP_BATCHES + i / 4, draws);
        const uint64_t bit[2] = { -(threshold[0] >> (63 - i) & 1),
                                  -(threshold[1] >> (63 - i) & 1) };
        compare_slice(draws + 16 * (i % 4), bit, choose, undecided, fail);
    }
}

static void bernoulli(const struct rng_stream *at, const uint64_t threshold[2],
                      const uint64_t *active, const uint64_t *choose, size_t n_groups,
                      uint64_t *ret_fail)
{
    for (size_t g = 0; g < n_groups; g++) {
        size_t w = g * MRAM_GROUP_WORDS;
        bernoulli_group(at, threshold, active + w, choose + w, (uint32_t)g, ret_fail + w);
    }
}

static void write(uint64_t *stored, const uint64_t *old, const uint64_t *wanted,
                  size_t n_words, uint64_t *ret_toggles, struct mram_counts *ret_counts)
{
    struct mram_counts n = { 0 };

    for (size_t w = 0; w < n_words; w++) {
        uint64_t was = old[w], want = wanted[w];

        n.old += (uint64_t)__builtin_popcountll(was);
        n.wanted += (uint64_t)__builtin_popcountll(want);
        n.both += (uint64_t)__builtin_popcountll(was & want);
        ret_toggles[w] = was ^ want;
        stored[w] = want;
    }
    *ret_counts = n;
}

static uint64_t flip(uint64_t *stored, const uint64_t *fail, size_t n_words,
                     uint64_t *ret_ones)
{
    uint64_t n_failed = 0, n_ones = 0;

    for (size_t w = 0; w < n_words; w++) {
        n_failed += (uint64_t)__builtin_popcountll(fail[w]);
        n_ones += (uint64_t)__builtin_popcountll(fail[w] & stored[w]);
        stored[w] ^= fail[w];
    }
    *ret_ones = n_ones;
    return n_failed;
}

static void count(const uint64_t *old, const uint64_t *wanted, size_t n_words,
                  struct mram_counts *ret_counts)
{
    struct mram_counts n = { 0 };

    for (size_t w = 0; w < n_words; w++) {
        n.old += (uint64_t)__builtin_popcountll(old[w]);
        n.wanted += (uint64_t)__builtin_popcountll(wanted[w]);
        n.both += (uint64_t)__builtin_popcountll(old[w] & wanted[w]);
    }
    *ret_counts = n;
}

/* Which of a column's two classes a cell gets is a toss: no branch, it would not be
 * guessed. */
void mram_scalar_classes(const uint32_t entry[MTJ_CLASSES], const uint32_t *draws,
                         size_t n_words, uint16_t *ret_class, uint64_t *ret_ties)
{
    for (size_t w = 0; w < n_words; w++) {
        uint64_t ties = 0;

        for (unsigned b = 0; b < 64; b++) {
            uint32_t draw_b = draws[w * 64 + b];
            uint32_t column = draw_b >> MRAM_KEEP_BITS, of = entry[column];
            uint32_t rest = draw_b << MRAM_OTHER_BITS >> MRAM_OTHER_BITS;
            uint32_t keep = of >> MRAM_OTHER_BITS, leaves = rest > keep;

            ties |= (uint64_t)(rest == keep) << b;
            ret_class[w * 64 + b] =
                (uint16_t)(column ^ ((column ^ of) & (MTJ_CLASSES - 1) & -leaves));
        }
        ret_ties[w] = ties;
    }
}

/* All cells of a word, and no branch: a random one per cell would cost more. */
void mram_scalar_tally(const uint16_t *class, const uint64_t *cells,
                       const uint64_t *active, const uint64_t *bits, size_t n_words,
                       uint32_t n[MTJ_CLASSES][4])
{
    for (size_t w = 0; w < n_words; w++)
        for (unsigned b = 0; b < 64; b++)
            n[class[w * 64 + b]][(bits[w] >> b & 1) | (active[w] >> b & 1) << 1] +=
                (uint32_t)(cells[w] >> b & 1);
}

void mram_scalar_below(const uint32_t high[MTJ_CLASSES][2], const uint16_t *class,
                       const uint64_t *bits, const uint32_t *draws, size_t n_words,
                       uint64_t *ret_below, uint64_t *ret_ties)
{
    for (size_t w = 0; w < n_words; w++) {
        uint64_t lower = 0, ties = 0;

        for (unsigned b = 0; b < 64; b++) {
            uint32_t limit = high[class[w * 64 + b]][bits[w] >> b & 1];

            lower |= (uint64_t)(draws[w * 64 + b] < limit) << b;
            ties |= (uint64_t)(draws[w * 64 + b] == limit) << b;
        }
        ret_below[w] = lower;
        ret_ties[w] = ties;
    }
}

const struct mram_kernel mram_kernel_scalar = {
    .name = "scalar",
    .usable = always,
    .draw = draw,
    .bernoulli = bernoulli,
    .write = write,
    .flip = flip,
    .count = count,
    .classes = mram_scalar_classes,
    .tally = mram_scalar_tally,
    .below = mram_scalar_below,
    .encode = ecc_encode_words,
};
