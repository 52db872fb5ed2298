/* SPDX-License-Identifier: Apache-2.0 */
/* mram_turn_fixture.h - arrays of many turns, each with another layout and other defects.
 */
#ifndef TESTS_MRAM_TURN_FIXTURE_H
#define TESTS_MRAM_TURN_FIXTURE_H

#include "tests/unit/mram_fixture.h"

#include <stdbool.h>

/* Several tiles, rows that end inside a word and tiles that end inside a row. */
static const struct mram_shape odd_shapes[MAX_LAYERS] = {
    { 300, 333 }, { 10, 100 }, { 2000, 65 }, { 1, 1 }
};
/* The same in small, for many turns. */
static const struct mram_shape small_shapes[MAX_LAYERS] = {
    { 172, 333 }, { 10, 100 }, { 520, 65 }, { 1, 1 }
};

#define N_LAYOUTS 24

/* Every code, pairs or not, every polarity. */
static inline struct mram_layout nth_layout(size_t n)
{
    n %= N_LAYOUTS;
    return (struct mram_layout) {
        .ecc = (enum ecc_code)(n % 3),
        .pairs = n / 3 % 2 != 0,
        .polarity = (enum mram_polarity)(n / 6),
    };
}

static struct mram_defect listed[] = {
    { 0, 0, 0, false, MRAM_STUCK_P },     { 0, 0, 0, true, MRAM_STUCK_P },
    { 0, 170, 330, false, MRAM_SHORTED }, { 0, 170, 330, true, MRAM_SHORTED },
    { 0, 171, 5, false, MRAM_SHORTED },   { 0, 171, 6, true, MRAM_SHORTED },
    { 2, 519, 64, false, MRAM_STUCK_AP }, { 2, 500, 3, true, MRAM_STUCK_AP },
    { 2, 500, 3, true, MRAM_STUCK_P },    { 3, 0, 0, false, MRAM_STUCK_AP },
};

/* None, some by share, listed ones, both. */
static inline struct mram_defects nth_defects(size_t n)
{
    struct mram_defects defects = { .n_listed = 0 };

    if (n % 4 == 1 || n % 4 == 3) {
        defects.share[MRAM_STUCK_P] = 2e-3;
        defects.share[MRAM_STUCK_AP] = 1e-2;
        defects.share[MRAM_SHORTED] = 5e-3;
    }
    if (n % 4 >= 2) {
        defects.n_listed = sizeof(listed) / sizeof(listed[0]);
        defects.listed = listed;
    }
    return defects;
}

/* Arrays of the nth turn: layouts and defects. */
static inline struct fixture set_up_turn(const struct mram_shape *shapes, size_t n)
{
    struct fixture f = set_up(shapes, MAX_LAYERS, 31 + n);
    struct mram_defects defects = nth_defects(n / 3);

    /* Defects before the layouts and after them: sections that come later have theirs. */
    if (n % 2 != 0)
        assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    for (size_t l = 0; l < f.n_layers; l++) {
        struct mram_layout layout = nth_layout(n * 5 + l * 7);
        assert_int_equal(mram_set_layout(f.mram, l, &layout), ST_OK);
    }
    if (n % 2 == 0)
        assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    return f;
}

/* Drift that moves a good many cells, not all classes alike. */
static inline const struct device_flips *many_flips(void)
{
    static struct device_flips flips;

    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        flips.by_class[c][MTJ_P2AP] = c % 5 == 0 ? 1.0 : 0.01;
        flips.by_class[c][MTJ_AP2P] = c % 7 == 0 ? 0.0 : 0.3;
    }
    flips.mean[MTJ_P2AP] = 0.03;
    flips.mean[MTJ_AP2P] = 0.2;
    return &flips;
}

#endif
