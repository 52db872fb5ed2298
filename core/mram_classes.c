/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_tile.h"

#include "core/bits.h"

#include <assert.h>
#include <string.h>

/* Share of a column: 2^64 / MTJ_CLASSES. */
#define COLUMN     (UINT64_C(1) << 55)
#define TIE_BLOCKS 16384

/* Words whose draws are held at a time. */
#define CHUNK_WORDS 16
#define CHUNK_CELLS (CHUNK_WORDS * 64)

static void init_shares(const double weight[MTJ_CLASSES], uint64_t share[MTJ_CLASSES])
{
    unsigned commonest = 0;
    uint64_t sum = 0;

    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        share[c] = (uint64_t)(weight[c] * 0x1p64);
        sum += share[c];
        if (weight[c] > weight[commonest])
            commonest = c;
    }
    share[commonest] -= sum; /* modulo 2^64: what is missing, or too much */
}

static void put_column(struct mram_classes *classes, unsigned column, uint64_t keep,
                       unsigned other)
{
    classes->entry[column] = (uint32_t)(keep >> 32) << MRAM_OTHER_BITS | other;
    classes->keep_low[column] = (uint32_t)keep;
}

void mram_classes_init(struct mram_classes *ret_classes, const double weight[MTJ_CLASSES])
{
    uint64_t share[MTJ_CLASSES];
    unsigned small[MTJ_CLASSES], large[MTJ_CLASSES];
    unsigned n_small = 0, n_large = 0;

    init_shares(weight, share);
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        if (share[c] < COLUMN)
            small[n_small++] = c;
        else
            large[n_large++] = c;
    }
    /* The shares sum to all columns, so while one is short another has a surplus. */
    while (n_small > 0) {
        assert(n_large > 0);
        unsigned poor = small[--n_small], rich = large[n_large - 1];

        put_column(ret_classes, poor, share[poor], rich);
        share[rich] -= COLUMN - share[poor];
        if (share[rich] < COLUMN) {
            n_large--;
            small[n_small++] = rich;
        }
    }
    while (n_large > 0) {
        unsigned whole = large[--n_large];
        put_column(ret_classes, whole, 0, whole);
    }
}

void mram_class_odds_init(const double rate[MTJ_CLASSES][2],
                          struct mram_class_odds *ret_odds)
{
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        for (unsigned d = 0; d < 2; d++) {
            uint64_t of = rate[c][d] < 1.0 ? (uint64_t)(rate[c][d] * 0x1p64) : UINT64_MAX;

            ret_odds->high[c][d] = (uint32_t)(of >> 32);
            ret_odds->low[c][d] = rate[c][d] < 1.0 ? (uint32_t)of : UINT64_C(1) << 32;
        }
    }
}

static uint32_t tie_draw(const struct rng_stream *at, size_t cell)
{
    struct rng_stream tie = *at;

    tie.counter[0] = (uint32_t)(TIE_BLOCKS + cell);
    return rng_u32(&tie);
}

/* Which of a column's two classes a cell gets is a toss: no branch, it would not be
 * guessed. */
static void draw_classes(const struct mram_classes *classes, const struct rng_stream *at,
                         const uint32_t *draws, size_t first_cell, size_t n_cells,
                         uint16_t *ret_class)
{
    for (size_t i = 0; i < n_cells; i++) {
        uint32_t column = draws[i] >> MRAM_KEEP_BITS;
        uint32_t rest = draws[i] << MRAM_OTHER_BITS >> MRAM_OTHER_BITS;
        uint32_t entry = classes->entry[column];
        uint32_t keep = entry >> MRAM_OTHER_BITS;
        uint32_t leaves = rest >= keep;

        if (__builtin_expect(rest == keep, 0))
            leaves = tie_draw(at, first_cell + i) >= classes->keep_low[column];
        ret_class[i] =
            (uint16_t)(column ^ ((column ^ entry) & (MTJ_CLASSES - 1) & -leaves));
    }
}

static void count_word(const uint16_t *class, unsigned n_cells, uint64_t toggles,
                       uint64_t wanted, struct mram_census *census)
{
    for (unsigned b = 0; b < n_cells; b++) {
        census->n[class[b]][(wanted & 1) | (toggles & 1) << 1]++;
        toggles >>= 1;
        wanted >>= 1;
    }
}

/* Cells whose draw equals the upper half of their threshold, and whose tie fails them. */
static uint64_t fail_ties(const struct mram_class_odds *odds, const struct rng_stream *at,
                          const uint16_t *class, const uint32_t *draws, size_t first_cell,
                          uint64_t wanted)
{
    uint64_t fail = 0;

    for (unsigned b = 0; b < 64; b++) {
        unsigned d = wanted >> b & 1;
        if (draws[b] == odds->high[class[b]][d] &&
            tie_draw(at, first_cell + b) < odds->low[class[b]][d])
            fail |= UINT64_C(1) << b;
    }
    return fail;
}

/* Failures among the toggling cells of a word. Every cell is compared: a random branch
 * per cell would cost more. */
static uint64_t fail_word(const struct mram_class_odds *odds, const struct rng_stream *at,
                          const uint16_t *class, const uint32_t *draws, size_t first_cell,
                          uint64_t toggles, uint64_t wanted)
{
    uint64_t fail = 0;
    uint32_t ties = 0;

    for (unsigned b = 0; b < 64; b++) {
        uint32_t high = odds->high[class[b]][wanted >> b & 1];
        fail |= (uint64_t)(draws[b] < high) << b;
        ties |= draws[b] == high;
    }
    if (__builtin_expect(ties != 0, 0))
        fail |= fail_ties(odds, at, class, draws, first_cell, wanted);
    return fail & toggles;
}

void mram_tile_classes(const struct mram_tile *tile, const struct mram_kernel *kernel,
                       const struct mram_classes *classes,
                       const struct mram_class_odds *odds, uint64_t generation,
                       const uint64_t *toggles, const uint64_t *wanted,
                       struct mram_census *ret_census, uint64_t *ret_fail)
{
    struct rng_stream made, write;
    uint32_t draws[CHUNK_CELLS];
    uint16_t class[CHUNK_CELLS];

    rng_start(&made, tile->seed, RNG_FABRICATION, 0, tile->number);
    rng_start(&write, tile->seed, RNG_WRITE, generation, tile->number);
    memset(ret_census, 0, sizeof(*ret_census));
    if (ret_fail != NULL)
        memset(ret_fail, 0, MRAM_TILE_WORDS * sizeof(*ret_fail));

    for (size_t first = 0; first < tile->n_words; first += CHUNK_WORDS) {
        size_t n = tile->n_words - first;
        if (n > CHUNK_WORDS)
            n = CHUNK_WORDS;

        kernel->draw(&made, (uint32_t)first, n, draws);
        draw_classes(classes, &made, draws, first * 64, n * 64, class);
        for (size_t i = 0; i < n; i++)
            count_word(class + i * 64, mram_tile_word_cells(tile, first + i),
                       toggles[first + i], wanted[first + i], ret_census);
        if (ret_fail == NULL || bits_count(toggles + first, n) == 0)
            continue;
        kernel->draw(&write, (uint32_t)first, n, draws);
        for (size_t i = 0; i < n; i++)
            ret_fail[first + i] =
                fail_word(odds, &write, class + i * 64, draws + i * 64, (first + i) * 64,
                          toggles[first + i], wanted[first + i]);
    }
}
