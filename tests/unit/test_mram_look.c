/* SPDX-License-Identifier: Apache-2.0 */
/* Which cell is which device: the census and the weakest cells against every cell. */
#include "core/mram.h"

#include "tests/unit/mram_slow.h"

static const struct mram_shape shapes[2] = { { 600, 333 }, { 10, 100 } };

static unsigned class_at(const struct fixture *f, size_t l, size_t row, size_t column)
{
    size_t word = row * bits_words(f->shapes[l].n_cols) + column / 64;

    return slow_class(f->mram, mram_first_tile(f->mram, l) + word / MRAM_TILE_WORDS,
                      MRAM_DATA, word % MRAM_TILE_WORDS * 64 + column % 64);
}

static void a_census_counts_every_cell_once(void **state)
{
    struct fixture f = set_up(shapes, 2, 131);

    (void)state;
    lay_out(&f, ECC_SECDED, true, MRAM_POLARITY_NONE); /* data cells only */
    for (size_t l = 0; l < 2; l++) {
        uint64_t got[MTJ_CLASSES], want[MTJ_CLASSES] = { 0 };

        mram_census(f.mram, l, got);
        for (size_t row = 0; row < f.shapes[l].n_rows; row++)
            for (size_t column = 0; column < f.shapes[l].n_cols; column++)
                want[class_at(&f, l, row, column)]++;
        assert_memory_equal(got, want, sizeof(want));
    }
    tear_down(&f);
}

static void classes_have_their_weights(void **state)
{
    static const struct mram_shape million[1] = { { 976, 1024 } };
    struct fixture f = set_up(million, 1, 132);
    uint64_t n[MTJ_CLASSES];

    (void)state;
    mram_census(f.mram, 0, n);
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        assert_binomial_within(5.0, n[c], (double)mram_weights(f.mram),
                               mtj_class_weight(c));
    tear_down(&f);
}

static void weak_cells_are_found_in_order(void **state)
{
    static struct mram_place places[600 * 333];
    static bool weak[MTJ_CLASSES], none[MTJ_CLASSES];
    struct fixture f = set_up(shapes, 2, 133);

    (void)state;
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        weak[c] = mtj_class_weight(c) < 1e-3;
    for (size_t l = 0; l < 2; l++) {
        size_t n = mram_find(f.mram, l, weak, places, 600 * 333), i = 0;

        for (size_t row = 0; row < f.shapes[l].n_rows; row++) {
            for (size_t column = 0; column < f.shapes[l].n_cols; column++) {
                unsigned class = class_at(&f, l, row, column);
                if (!weak[class])
                    continue;
                assert_true(i < n);
                assert_int_equal(places[i].layer, l);
                assert_int_equal(places[i].row, row);
                assert_int_equal(places[i].column, column);
                assert_int_equal(places[i].class, class);
                i++;
            }
        }
        assert_int_equal(i, n);
        /* At most as many as asked for, and the same ones. */
        struct mram_place third = places[2];
        assert_true(n > 3);
        memset(places, 0xa5, 4 * sizeof(places[0]));
        assert_int_equal(mram_find(f.mram, l, weak, places, 3), 3);
        assert_int_equal(places[2].row, third.row);
        assert_int_equal(places[2].column, third.column);
        assert_int_equal(places[3].class, 0xa5a5a5a5);
        assert_int_equal(mram_find(f.mram, l, weak, places, 0), 0);
        assert_int_equal(mram_find(f.mram, l, none, places, 600 * 333), 0);
    }
    tear_down(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_census_counts_every_cell_once),
        cmocka_unit_test(classes_have_their_weights),
        cmocka_unit_test(weak_cells_are_found_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
