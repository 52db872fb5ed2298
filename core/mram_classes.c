/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mram_tile.h"

#include <assert.h>
#include <string.h>

/* Share of a column: 2^64 / MTJ_CLASSES. */
#define COLUMN     (UINT64_C(1) << 55)
#define TIE_BLOCKS 16384

/* Words whose draws are held at a time: these and the tables fit the first cache. */
#define CHUNK_WORDS 64
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

/* Classes of n_words words of draws; what these leave open is settled cell by cell. */
static void draw_classes(const struct mram_draw *draw, const struct rng_stream *at,
                         size_t first_word, size_t n_words, uint16_t *ret_class)
{
    const struct mram_classes *classes = draw->classes;
    uint32_t draws[CHUNK_CELLS];
    uint64_t ties[CHUNK_WORDS];

    draw->kernel->draw(at, (uint32_t)first_word, n_words, draws);
    draw->kernel->classes(classes->entry, draws, n_words, ret_class, ties);
    for (size_t w = 0; w < n_words; w++) {
        for (; ties[w] != 0; ties[w] &= ties[w] - 1) {
            size_t cell = w * 64 + (unsigned)__builtin_ctzll(ties[w]);
            unsigned column = draws[cell] >> MRAM_KEEP_BITS;

            ret_class[cell] = (uint16_t)column;
            if (tie_draw(at, first_word * 64 + cell) >= classes->keep_low[column])
                ret_class[cell] = classes->entry[column] & (MTJ_CLASSES - 1);
        }
    }
}

static bool any(const uint64_t *words, size_t n_words)
{
    uint64_t all = 0;

    for (size_t w = 0; w < n_words; w++)
        all |= words[w];
    return all != 0;
}

/* Failures among the active cells. Every cell is compared: a random branch per cell would
 * cost more. */
static void draw_failures(const struct mram_draw *draw, const struct rng_stream *at,
                          const uint16_t *class, const uint64_t *active,
                          const uint64_t *bits, size_t first_word, size_t n_words,
                          uint64_t *ret_fail)
{
    const struct mram_class_odds *odds = draw->odds;
    uint32_t draws[CHUNK_CELLS];
    uint64_t ties[CHUNK_WORDS];

    draw->kernel->draw(at, (uint32_t)first_word, n_words, draws);
    draw->kernel->below(odds->high, class, bits, draws, n_words, ret_fail, ties);
    for (size_t w = 0; w < n_words; w++) {
        for (ties[w] &= active[w]; ties[w] != 0; ties[w] &= ties[w] - 1) {
            unsigned b = (unsigned)__builtin_ctzll(ties[w]);
            uint64_t low = odds->low[class[w * 64 + b]][bits[w] >> b & 1];

            if (tie_draw(at, (first_word + w) * 64 + b) < low)
                ret_fail[w] |= UINT64_C(1) << b;
        }
        ret_fail[w] &= active[w];
    }
}

/* The streams of a draw. */
struct streams {
    struct rng_stream made, fate;
};

static struct streams streams_of(const struct mram_draw *draw)
{
    const struct mram_tile *tile = draw->tile;
    struct streams s;

    rng_start(&s.made, tile->seed, RNG_FABRICATION, 0, tile->number);
    rng_start(&s.fate, tile->seed, draw->purpose, draw->generation,
              tile->number | (uint64_t)draw->attempt << MRAM_KEY_ATTEMPT_SHIFT);
    return s;
}

void mram_tile_classes(const struct mram_draw *draw, const uint64_t *cells,
                       const uint64_t *active, const uint64_t *bits,
                       struct mram_census *ret_census, uint64_t *ret_fail)
{
    struct streams s = streams_of(draw);
    uint16_t class[CHUNK_CELLS];

    memset(ret_census, 0, sizeof(*ret_census));
    if (ret_fail != NULL)
        memset(ret_fail, 0, MRAM_TILE_WORDS * sizeof(*ret_fail));
    for (size_t first = 0; first < draw->tile->n_words; first += CHUNK_WORDS) {
        size_t n = draw->tile->n_words - first;
        if (n > CHUNK_WORDS)
            n = CHUNK_WORDS;

        draw_classes(draw, &s.made, first, n, class);
        draw->kernel->tally(class, cells + first, active + first, bits + first, n,
                            ret_census->n);
        if (ret_fail != NULL && any(active + first, n))
            draw_failures(draw, &s.fate, class, active + first, bits + first, first, n,
                          ret_fail + first);
    }
}

void mram_tile_word_classes(const struct mram_draw *draw, size_t word,
                            uint16_t ret_class[64])
{
    struct streams s = streams_of(draw);

    draw_classes(draw, &s.made, word, 1, ret_class);
}

void mram_tile_few(const struct mram_draw *draw, const uint64_t *active,
                   const uint64_t *bits, struct mram_census *ret_census,
                   uint64_t *ret_fail)
{
    struct streams s = streams_of(draw);
    uint16_t class[64];

    memset(ret_census, 0, sizeof(*ret_census));
    memset(ret_fail, 0, MRAM_TILE_WORDS * sizeof(*ret_fail));
    for (size_t w = 0; w < draw->tile->n_words; w++) {
        if (active[w] == 0)
            continue;
        draw_classes(draw, &s.made, w, 1, class);
        mram_scalar_tally(class, active + w, active + w, bits + w, 1, ret_census->n);
        draw_failures(draw, &s.fate, class, active + w, bits + w, w, 1, ret_fail + w);
    }
}
