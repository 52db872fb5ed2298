/* SPDX-License-Identifier: Apache-2.0 */
/* Cells by class: the alias table, thresholds, and the draws of a tile against a slow
 * reference, ties included. */
#include "core/mram_tile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct mram_classes default_classes(void)
{
    struct mram_classes classes;
    double weight[MTJ_CLASSES];

    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        weight[c] = mtj_class_weight(c);
    mram_classes_init(&classes, weight);
    return classes;
}

/* A column's share of 2^55 that is its own class's. */
static uint64_t keep_of(const struct mram_classes *classes, unsigned column)
{
    return (uint64_t)(classes->entry[column] >> 9) << 32 | classes->keep_low[column];
}

static unsigned other_of(const struct mram_classes *classes, unsigned column)
{
    return classes->entry[column] & 0x1ff;
}

static void every_class_has_its_share(void **state)
{
    struct mram_classes classes = default_classes();
    uint64_t share[MTJ_CLASSES] = { 0 };
    uint64_t sum = 0;

    (void)state;
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        uint64_t keep = keep_of(&classes, c);

        share[c] += keep;
        share[other_of(&classes, c)] += (UINT64_C(1) << 55) - keep;
    }
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        double want = mtj_class_weight(c) * 0x1p64;

        /* The conversion to an integer leaves less than one; the commonest class takes
         * the rounding of the weights' sum. */
        assert_true(fabs((double)share[c] - want) <=
                    1.0 + 1e-14 * 0x1p64 * (want > 0x1p58));
        sum += share[c];
    }
    assert_true(sum == 0); /* 2^64 */
}

static double threshold_of(const struct mram_class_odds *odds, unsigned c, unsigned d)
{
    return ((double)odds->high[c][d] * 0x1p32 + (double)odds->low[c][d]) * 0x1p-64;
}

static void thresholds_keep_small_rates_and_the_ends(void **state)
{
    static double rate[MTJ_CLASSES][2];
    static struct mram_class_odds odds;

    (void)state;
    rate[0][1] = 1.0;
    rate[1][0] = 1e-15;
    rate[1][1] = 0x1p-32;
    rate[2][0] = 0.5;
    rate[2][1] = 1.0 - 0x1p-53;
    mram_class_odds_init(rate, &odds);
    assert_true(threshold_of(&odds, 0, 0) == 0.0);
    assert_true(odds.high[0][1] == UINT32_MAX && odds.low[0][1] == UINT64_C(1) << 32);
    assert_true(fabs(threshold_of(&odds, 1, 0) / 1e-15 - 1.0) < 1e-4);
    assert_true(odds.high[1][1] == 1 && odds.low[1][1] == 0);
    assert_true(threshold_of(&odds, 2, 0) == 0.5);
    assert_true(threshold_of(&odds, 2, 1) == 1.0 - 0x1p-53);
}

/* -- A tile -- */

/* 1000 words in rows of 7, the last word of a row with 13 cells. */
static const struct mram_tile tile = {
    .seed = 21,
    .number = 5,
    .n_words = 1000,
    .n_cells = 1000 * 64 - 143 * 51,
    .row_words = 7,
    .first_tail = 2,
    .tail_mask = 0x1fff,
};

/* Draw `n` of a stream's batches. */
static uint32_t bulk_draw(const struct rng_stream *at, size_t n)
{
    struct rng_stream one = *at;

    one.counter[0] = (uint32_t)(n / 64 * 16 + n % 16);
    for (size_t skip = n % 64 / 16; skip > 0; skip--)
        (void)rng_u32(&one);
    return rng_u32(&one);
}

static uint32_t tie_draw(const struct rng_stream *at, size_t cell)
{
    struct rng_stream one = *at;

    one.counter[0] = (uint32_t)(16384 + cell);
    return rng_u32(&one);
}

static void fill_tile(uint64_t index, uint64_t *words)
{
    mram_tile_random(&tile, &mram_kernel_scalar, RNG_CONTENTS, index, words);
}

/* Makes cell after cell of a tile tie: the last cell of a column, in its column; the last
 * toggling cell of a class and direction, with its threshold. */
static void make_ties(const uint64_t *toggles, const uint64_t *wanted,
                      struct mram_classes *classes, struct mram_class_odds *odds)
{
    struct rng_stream made, write;

    rng_start(&made, tile.seed, RNG_FABRICATION, 0, tile.number);
    rng_start(&write, tile.seed, RNG_WRITE, 7, tile.number);
    for (size_t cell = 0; cell < tile.n_words * 64; cell++) {
        uint32_t draw = bulk_draw(&made, cell);
        classes->entry[draw >> 23] = draw << 9 | other_of(classes, draw >> 23);
        classes->keep_low[draw >> 23] = UINT32_C(1) << 31;
        /* Either class of the column may be the cell's. */
        if (toggles[cell / 64] >> (cell % 64) & 1) {
            unsigned d = wanted[cell / 64] >> (cell % 64) & 1;
            odds->high[draw >> 23][d] = bulk_draw(&write, cell);
            odds->low[draw >> 23][d] = UINT32_C(1) << 31;
        }
    }
}

struct slow {
    struct mram_census census;
    uint64_t fail[MRAM_TILE_WORDS];
    uint16_t class[MRAM_TILE_CELLS];
    unsigned class_ties, fail_ties;
    unsigned attempt;
};

static unsigned slow_class(const struct mram_classes *classes,
                           const struct rng_stream *made, size_t cell, struct slow *slow)
{
    uint32_t draw = bulk_draw(made, cell), column = draw >> 23, rest = draw & 0x7fffff;
    uint64_t keep = keep_of(classes, column);

    slow->class_ties += rest == keep >> 32;
    if (((uint64_t)rest << 32 | tie_draw(made, cell)) < keep)
        return column;
    return other_of(classes, column);
}

static void slow_tile(const struct mram_classes *classes,
                      const struct mram_class_odds *odds, const uint64_t *toggles,
                      const uint64_t *wanted, unsigned attempt, struct slow *slow)
{
    struct rng_stream made, write;

    memset(slow, 0, sizeof(*slow));
    slow->attempt = attempt;
    rng_start(&made, tile.seed, RNG_FABRICATION, 0, tile.number);
    rng_start(&write, tile.seed, RNG_WRITE, 7, tile.number | (uint64_t)attempt << 52);
    for (size_t cell = 0; cell < tile.n_words * 64; cell++) {
        slow->class[cell] = (uint16_t)slow_class(classes, &made, cell, slow);
        if (cell / 64 % 7 == 2 && cell % 64 >= 13)
            continue;
        unsigned d = wanted[cell / 64] >> (cell % 64) & 1;
        unsigned toggle = toggles[cell / 64] >> (cell % 64) & 1;
        unsigned class = slow->class[cell];
        uint32_t draw = bulk_draw(&write, cell), high = odds->high[class][d];
        bool tie = draw == high && tie_draw(&write, cell) < odds->low[class][d];

        slow->census.n[class][d + 2 * toggle]++;
        slow->fail_ties += toggle && draw == high;
        if (toggle && (draw < high || tie))
            slow->fail[cell / 64] |= UINT64_C(1) << (cell % 64);
    }
}

static void compare_census(const struct mram_census *census,
                           const struct mram_census *all, unsigned first)
{
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(census->n[c][i], i < first ? 0 : all->n[c][i]);
}

static void compare_kernels(const struct mram_classes *classes,
                            const struct mram_class_odds *odds, const uint64_t *toggles,
                            const uint64_t *wanted, const struct slow *slow)
{
    static struct mram_census census;
    uint64_t fail[MRAM_TILE_WORDS], cells[MRAM_TILE_WORDS], active[MRAM_TILE_WORDS];
    size_t n;
    const struct mram_kernel *const *kernels = mram_kernels(&n);

    mram_tile_cells(&tile, cells);
    for (size_t w = 0; w < MRAM_TILE_WORDS; w++)
        active[w] = toggles[w] & cells[w];
    for (size_t i = 0; i < n; i++) {
        struct mram_draw draw = {
            .tile = &tile,
            .kernel = kernels[i],
            .classes = classes,
            .odds = odds,
            .purpose = RNG_WRITE,
            .generation = 7,
            .attempt = slow->attempt,
        };

        if (!kernels[i]->usable())
            continue;
        mram_tile_classes(&draw, cells, active, wanted, &census, fail);
        compare_census(&census, &slow->census, 0);
        assert_memory_equal(fail, slow->fail, sizeof(fail));
        mram_tile_few(&draw, active, wanted, &census, fail);
        compare_census(&census, &slow->census, 2);
        assert_memory_equal(fail, slow->fail, sizeof(fail));
        draw.generation = 8;
        mram_tile_classes(&draw, cells, active, wanted, &census, NULL);
        compare_census(&census, &slow->census, 0);
        for (size_t w = 0; w < tile.n_words; w += 111) {
            uint16_t class[64];

            mram_tile_word_classes(&draw, w, class);
            for (unsigned b = 0; b < 64; b++)
                assert_int_equal(class[b], slow -> class[w * 64 + b]);
        }
    }
}

static void a_tile_agrees_with_cell_after_cell(void **state)
{
    static double rate[MTJ_CLASSES][2];
    static struct mram_class_odds odds;
    static struct slow slow;
    struct mram_classes classes = default_classes();
    uint64_t toggles[MRAM_TILE_WORDS], wanted[MRAM_TILE_WORDS];

    (void)state;
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        rate[c][0] = c % 5 == 0 ? 1.0 : exp(-0.05 * c);
        rate[c][1] = c % 7 == 0 ? 0.0 : 0.7;
    }
    mram_class_odds_init(rate, &odds);
    fill_tile(1, toggles);
    fill_tile(2, wanted);
    memset(toggles + 100, 0, 100 * sizeof(*toggles)); /* some chunks where none toggles */
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        slow_tile(&classes, &odds, toggles, wanted, attempt, &slow);
        compare_kernels(&classes, &odds, toggles, wanted, &slow);
    }
}

static void ties_are_settled_by_further_bits(void **state)
{
    static double rate[MTJ_CLASSES][2];
    static struct mram_class_odds odds;
    static struct slow slow;
    struct mram_classes classes = default_classes();
    uint64_t toggles[MRAM_TILE_WORDS], wanted[MRAM_TILE_WORDS];

    (void)state;
    mram_class_odds_init(rate, &odds);
    fill_tile(3, toggles);
    fill_tile(4, wanted);
    make_ties(toggles, wanted, &classes, &odds);
    slow_tile(&classes, &odds, toggles, wanted, 0, &slow);
    assert_true(slow.class_ties > 300 && slow.fail_ties > 100);
    compare_kernels(&classes, &odds, toggles, wanted, &slow);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_its_share),
        cmocka_unit_test(thresholds_keep_small_rates_and_the_ends),
        cmocka_unit_test(a_tile_agrees_with_cell_after_cell),
        cmocka_unit_test(ties_are_settled_by_further_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
