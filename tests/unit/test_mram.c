/* SPDX-License-Identifier: Apache-2.0 */
/* The array itself: what it holds and where, its layouts, and what is refused. */
#include "core/mram.h"

#include "core/device.h"
#include "core/mram_tile.h"
#include "tests/lib/fault.h"
#include "tests/unit/mram_slow.h"
#include "tests/unit/mram_turn_fixture.h"

/* -- The array itself -- */

static void a_new_array_holds_seeded_bits_and_no_padding(void **state)
{
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 71);
    size_t n_ones = 0;

    (void)state;
    assert_int_equal(mram_seed(f.mram), 71);
    assert_int_equal(mram_layers(f.mram), MAX_LAYERS);
    assert_int_equal(mram_tiles(f.mram), 2 + 1 + 4 + 1);
    assert_int_equal(mram_weights(f.mram), 300 * 333 + 10 * 100 + 2000 * 65 + 1);
    for (size_t l = 0; l < f.n_layers; l++) {
        size_t row_words = bits_words(f.shapes[l].n_cols), n = layer_words(&f, l);
        const uint64_t *bits = mram_section(f.mram, l, MRAM_DATA);

        assert_int_equal(mram_section_words(f.mram, l, MRAM_DATA), n);
        assert_null(mram_section(f.mram, l, MRAM_CHECK));
        assert_ptr_equal(mram_delivered(f.mram, l), bits);
        for (size_t w = 0; w < n; w++)
            assert_true((bits[w] & ~bits_mask(f.shapes[l].n_cols, w % row_words)) == 0);
        n_ones += bits_count(bits, n);
    }
    assert_binomial(n_ones, mram_weights(f.mram), 0.5);
    tear_down(&f);
}

static void cells_are_where_the_reference_has_them(void **state)
{
    (void)state;
    for (size_t n = 0; n < N_LAYOUTS; n++) {
        struct fixture f = set_up_turn(small_shapes, n);

        for (size_t tile = 0; tile < mram_tiles(f.mram); tile++) {
            size_t l = mram_tile_layer(f.mram, tile);
            for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
                uint64_t cells[MRAM_TILE_WORDS];

                if (mram_section(f.mram, l, (enum mram_section)s) == NULL)
                    continue;
                mram_cells(f.mram, tile, (enum mram_section)s, cells);
                for (size_t c = 0; c < MRAM_TILE_CELLS; c++)
                    assert_int_equal(
                        bits_get(cells, c),
                        slow_is_cell(f.mram, l, tile, (enum mram_section)s, c));
            }
        }
        tear_down(&f);
    }
}

/* Without errors an array holds its targets. */
static void targets_are_what_a_faultless_write_stores(void **state)
{
    const struct mram_write write = uniform(0.0, 0.0, MRAM_OVER_PRESENT);

    (void)state;
    for (size_t n = 0; n < N_LAYOUTS; n++) {
        struct fixture f = set_up_turn(small_shapes, 12 * n); /* no defects */

        (void)program(&f, &write);
        assert_int_equal(wrong_bits(&f), 0);
        for (size_t tile = 0; tile < mram_tiles(f.mram); tile++) {
            size_t l = mram_tile_layer(f.mram, tile);
            for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
                size_t n_words = mram_section_words(f.mram, l, (enum mram_section)s);
                size_t stride = s % 2 == 0 ? MRAM_TILE_WORDS : MRAM_CHECK_WORDS;
                size_t first = (tile - mram_first_tile(f.mram, l)) * stride;
                uint64_t target[MRAM_TILE_WORDS];

                if (n_words == 0)
                    continue;
                mram_target(f.mram, f.wanted[l], tile, (enum mram_section)s, target);
                if (stride > n_words - first)
                    stride = n_words - first;
                assert_memory_equal(mram_section(f.mram, l, (enum mram_section)s) + first,
                                    target, stride * sizeof(uint64_t));
            }
        }
        tear_down(&f);
    }
}

static void saved_contents_come_back_and_padding_is_refused(void **state)
{
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 72);
    size_t n_words = layer_words(&f, 0), n_check;
    size_t bytes = n_words * sizeof(uint64_t);
    struct slow saved;

    (void)state;
    assert_int_equal(mram_restore(f.mram, 0, MRAM_DATA, f.wanted[0]), ST_OK);
    assert_memory_equal(mram_section(f.mram, 0, MRAM_DATA), f.wanted[0], bytes);
    f.wanted[0][n_words - 1] |= UINT64_C(1) << 63;
    assert_int_equal(mram_restore(f.mram, 0, MRAM_DATA, f.wanted[0]), ST_FORMAT);
    f.wanted[0][n_words - 1] &= ~(UINT64_C(1) << 63);
    assert_memory_equal(mram_section(f.mram, 0, MRAM_DATA), f.wanted[0], bytes);

    /* The fourteen check bits of a word leave two of two bytes without a cell. */
    lay_out(&f, ECC_BCH2, true, MRAM_POLARITY_NONE);
    slow_begin(&saved, &f);
    n_check = mram_section_words(f.mram, 0, MRAM_CHECK_PARTNER);
    assert_int_equal(n_check, 2 * MRAM_CHECK_WORDS);
    for (unsigned bit = 0; bit < 8; bit++) {
        uint64_t *word = &saved.words[0][MRAM_CHECK_PARTNER][MRAM_TILE_WORDS / 8];

        *word ^= UINT64_C(1) << bit;
        assert_int_equal(mram_restore(f.mram, 0, MRAM_CHECK_PARTNER,
                                      saved.words[0][MRAM_CHECK_PARTNER]),
                         bit < 6 ? ST_OK : ST_FORMAT);
        *word ^= UINT64_C(1) << bit;
    }
    slow_put(&saved, f.mram);
    slow_assert_contents(&saved, f.mram);
    slow_end(&saved);
    tear_down(&f);
}

/* -- Layouts -- */

static void assert_section(const struct mram *mram, enum mram_section section,
                           const uint64_t *words)
{
    assert_memory_equal(mram_section(mram, 0, section), words,
                        mram_section_words(mram, 0, section) * sizeof(uint64_t));
}

static void a_layout_keeps_and_forgets_what_it_says(void **state)
{
    struct fixture f = set_up(odd_shapes, 1, 74);
    const struct mram_write write = uniform(0.0, 0.0, MRAM_OVER_PRESENT);
    struct slow made, held;

    (void)state;
    lay_out(&f, ECC_SECDED, true, MRAM_POLARITY_NONE);
    slow_begin(&made, &f);
    (void)program(&f, &write);
    slow_begin(&held, &f);
    /* What goes on being there is kept. */
    lay_out(&f, ECC_SECDED, false, MRAM_POLARITY_SEEDED);
    assert_section(f.mram, MRAM_DATA, held.words[0][MRAM_DATA]);
    assert_section(f.mram, MRAM_CHECK, held.words[0][MRAM_CHECK]);
    assert_null(mram_section(f.mram, 0, MRAM_DATA_PARTNER));
    assert_int_equal(mram_section_words(f.mram, 0, MRAM_CHECK_PARTNER), 0);
    /* What comes back is as fabricated. */
    lay_out(&f, ECC_SECDED, true, MRAM_POLARITY_NONE);
    assert_section(f.mram, MRAM_DATA, held.words[0][MRAM_DATA]);
    assert_section(f.mram, MRAM_CHECK, held.words[0][MRAM_CHECK]);
    assert_section(f.mram, MRAM_DATA_PARTNER, made.words[0][MRAM_DATA_PARTNER]);
    assert_section(f.mram, MRAM_CHECK_PARTNER, made.words[0][MRAM_CHECK_PARTNER]);
    /* Other check bits are other cells. */
    lay_out(&f, ECC_BCH2, true, MRAM_POLARITY_NONE);
    lay_out(&f, ECC_SECDED, true, MRAM_POLARITY_NONE);
    assert_section(f.mram, MRAM_DATA, held.words[0][MRAM_DATA]);
    assert_section(f.mram, MRAM_CHECK, made.words[0][MRAM_CHECK]);
    /* The same again changes nothing. */
    (void)program(&f, &write);
    const uint64_t *delivered = mram_delivered(f.mram, 0);
    lay_out(&f, ECC_SECDED, true, MRAM_POLARITY_NONE);
    assert_ptr_equal(mram_delivered(f.mram, 0), delivered);
    assert_int_equal(wrong_bits(&f), 0);
    assert_section(f.mram, MRAM_CHECK_PARTNER, held.words[0][MRAM_CHECK_PARTNER]);
    slow_end(&made);
    slow_end(&held);
    tear_down(&f);
}

static void impossible_layouts_are_refused(void **state)
{
    const struct mram_layout bad[] = {
        { (enum ecc_code)ECC_CODES, false, MRAM_POLARITY_NONE },
        { ECC_NONE, false, (enum mram_polarity)(MRAM_POLARITY_SEEDED + 1) },
    };
    struct fixture f = set_up(odd_shapes, 1, 75);
    const uint64_t *held = mram_section(f.mram, 0, MRAM_DATA);

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(mram_set_layout(f.mram, 0, &bad[i]), ST_RANGE);
    assert_ptr_equal(mram_section(f.mram, 0, MRAM_DATA), held);
    assert_int_equal(mram_layout(f.mram, 0).ecc, ECC_NONE);
    tear_down(&f);
}

static void impossible_shapes_are_refused(void **state)
{
    static const struct mram_shape bad[][2] = {
        { { 0, 5 }, { 1, 1 } },
        { { 5, 0 }, { 1, 1 } },
        { { SIZE_MAX, SIZE_MAX }, { 1, 1 } },
        { { UINT64_C(1) << 20, UINT64_C(1) << 20 }, { 1, 1 } },
    };
    struct mram *mram = NULL;

    (void)state;
    assert_int_equal(mram_new(bad[0], 0, 1, &mram), ST_RANGE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(mram_new(bad[i], 2, 1, &mram), ST_RANGE);
    assert_null(mram);
}

static void a_failed_allocation_leaves_nothing_behind(void **state)
{
    struct mram *mram = NULL;
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = mram_new(odd_shapes, MAX_LAYERS, 1, &mram);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && mram == NULL));
    }
    mram_free(mram);
    mram_free(NULL);
}

/* Each failed change leaves the array as it was, and able to program. */
static void a_layout_without_memory_changes_nothing(void **state)
{
    struct fixture f = set_up(odd_shapes, 1, 76);
    const struct mram_write write = uniform(0.0, 0.0, MRAM_OVER_PRESENT);

    (void)state;
    for (size_t n = 0; n < 3 * N_LAYOUTS; n++) {
        const struct mram_layout before = mram_layout(f.mram, 0);
        const struct mram_layout next = nth_layout(n * 7 + n / N_LAYOUTS);
        enum status st = ST_NOMEM;

        for (unsigned nth = 0; st != ST_OK; nth++) {
            struct slow held;

            slow_begin(&held, &f);
            fault_at(nth);
            st = mram_set_layout(f.mram, 0, &next);
            fault_off();
            assert_true(st == ST_OK || st == ST_NOMEM);
            if (st == ST_NOMEM) {
                assert_int_equal(mram_layout(f.mram, 0).ecc, before.ecc);
                assert_int_equal(mram_layout(f.mram, 0).pairs, before.pairs);
                slow_assert_contents(&held, f.mram);
                (void)program(&f, &write);
                assert_int_equal(wrong_bits(&f), 0);
            }
            slow_end(&held);
        }
        (void)program(&f, &write);
        assert_int_equal(wrong_bits(&f), 0);
    }
    tear_down(&f);
}

static void defects_without_memory_change_nothing(void **state)
{
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 77);
    const struct mram_defects defects = nth_defects(3);
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct slow held;

        slow_begin(&held, &f);
        fault_at(nth);
        st = mram_set_defects(f.mram, &defects);
        fault_off();
        assert_true(st == ST_OK || st == ST_NOMEM);
        if (st == ST_NOMEM) {
            assert_int_equal(mram_defects(f.mram)->n_listed, 0);
            slow_assert_contents(&held, f.mram);
        }
        slow_end(&held);
    }
    assert_int_equal(mram_defects(f.mram)->n_listed, defects.n_listed);
    /* Their own list may be set again. */
    assert_int_equal(mram_set_defects(f.mram, mram_defects(f.mram)), ST_OK);
    assert_memory_equal(mram_defects(f.mram)->listed, listed, sizeof(listed));
    tear_down(&f);
}

/* One layer's write is bad: nothing happens to any. */
static void assert_refused(struct fixture *f, struct mram_write write, size_t layer,
                           size_t first, size_t n, struct mram_forecast *forecasts)
{
    const struct mram_result no_result = { .failures = 0 };
    const struct mram_state no_state = { .weights = 0 };
    struct mram_write writes[MAX_LAYERS];
    struct slow held;

    for (size_t l = 0; l < MAX_LAYERS; l++)
        writes[l] = uniform(0.1, 0.1, MRAM_OVER_PRESENT);
    writes[layer] = write;
    memset(f->results, 0, sizeof(f->results));
    memset(f->states, 0, sizeof(f->states));
    slow_begin(&held, f);
    assert_int_equal(mram_program(f->mram, wanted_of(f), writes, first, n, forecasts,
                                  f->results, f->states),
                     ST_RANGE);
    slow_assert_contents(&held, f->mram);
    slow_end(&held);
    for (size_t l = 0; l < f->n_layers; l++) {
        assert_memory_equal(&f->results[l], &no_result, sizeof(no_result));
        assert_memory_equal(&f->states[l], &no_state, sizeof(no_state));
    }
}

#define N_BAD 16

static void spoil(struct mram_write bad[N_BAD])
{
    static struct mtj_class_table classes, energies;

    for (size_t i = 0; i < N_BAD; i++)
        bad[i] = uniform(0.1, 0.1, MRAM_OVER_PRESENT);
    bad[0].generation = 0;
    bad[1].generation = RNG_MAX_GENERATION + UINT64_C(1);
    bad[2].error_rate[1] = 1.5;
    bad[3].error_rate[0] = NAN;
    bad[4].hold_pj[1] = -1.0;
    bad[5].toggle_pj[0] = INFINITY;
    bad[6].mode = MRAM_DEVICE; /* no classes */
    bad[7] = iid(-0.1, 0.0);
    bad[8] = iid(0.0, NAN);
    classes.error_rate[7][1] = NAN;
    bad[9] = device(&classes, MRAM_OVER_PRESENT);
    energies.hold_pj[500][0] = -1.0;
    bad[10] = device(&energies, MRAM_OVER_PRESENT);
    bad[11].retries = MRAM_MAX_RETRIES + 1;
    bad[12].read_pj[1] = -0.1;
    bad[13].stuck.shorted_pj[0] = NAN;
    bad[14].over = (enum mram_over)(MRAM_OVER_ERASED_AP + 1);
    bad[15].mode = (enum mram_mode)(MRAM_IID + 1);
}

static void a_write_outside_its_ranges_is_refused(void **state)
{
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 73);
    size_t n = mram_tiles(f.mram);
    struct mram_forecast forecasts[MAX_LAYERS];
    struct mram_write bad[N_BAD];

    (void)state;
    spoil(bad);
    for (size_t i = 0; i < N_BAD; i++) {
        /* Even where its layer is not among the tiles. */
        assert_refused(&f, bad[i], i % MAX_LAYERS, 0, i % 2 != 0 ? 1 : n, NULL);
    }
    assert_refused(&f, uniform(0.1, 0.1, MRAM_OVER_PRESENT), 0, 1, n, NULL);
    assert_refused(&f, uniform(0.1, 0.1, MRAM_OVER_PRESENT), 0, n + 1, 0, NULL);
    assert_refused(&f, uniform(0.1, 0.1, MRAM_OVER_PRESENT), 0, 1, SIZE_MAX, NULL);
    /* A forecast is of whole layers. */
    assert_refused(&f, uniform(0.1, 0.1, MRAM_OVER_PRESENT), 0, 1, n - 1, forecasts);
    assert_refused(&f, uniform(0.1, 0.1, MRAM_OVER_PRESENT), 0, 0, n - 2, forecasts);
    assert_int_equal(mram_read(f.mram, wanted_of(&f), 1, n, f.states), ST_RANGE);
    assert_int_equal(mram_read(f.mram, wanted_of(&f), n + 1, 0, f.states), ST_RANGE);
    tear_down(&f);
}

static void a_drift_outside_its_ranges_is_refused(void **state)
{
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 78);
    size_t n = mram_tiles(f.mram);
    struct device_flips bad[4] = { *many_flips(), *many_flips(), *many_flips(),
                                   *many_flips() };
    struct mram_drifted drifted[MAX_LAYERS];

    (void)state;
    bad[0].mean[0] = -0.1;
    bad[1].mean[1] = NAN;
    bad[2].by_class[511][1] = 1.1;
    for (size_t i = 0; i < 6; i++) {
        struct mram_drift drifts[MAX_LAYERS];
        struct slow held;

        for (size_t l = 0; l < MAX_LAYERS; l++)
            drifts[l] =
                (struct mram_drift) { RNG_RETENTION, 1, l % 2 == 0, many_flips() };
        drifts[i % MAX_LAYERS].flips = &bad[i < 3 ? i : 3];
        if (i == 3)
            drifts[3].generation = RNG_MAX_GENERATION + UINT64_C(1);
        slow_begin(&held, &f);
        assert_int_equal(
            mram_drift(f.mram, drifts, i == 4 ? 1 : 0, i == 5 ? n + 1 : n, drifted),
            ST_RANGE);
        slow_assert_contents(&held, f.mram);
        slow_end(&held);
    }
    tear_down(&f);
}

static void defects_outside_their_ranges_are_refused(void **state)
{
    struct fixture f = set_up(odd_shapes, 2, 79);
    struct mram_defect place = { 1, 9, 99, true, MRAM_SHORTED };
    struct mram_defects good = { { 0.2, 0.2, 0.1 }, 1, &place }, bad = good;

    (void)state;
    assert_int_equal(mram_set_defects(f.mram, &good), ST_OK);
    bad.share[2] = 0.11;
    assert_int_equal(mram_set_defects(f.mram, &bad), ST_RANGE);
    bad.share[2] = NAN;
    assert_int_equal(mram_set_defects(f.mram, &bad), ST_RANGE);
    bad.share[2] = -0.01;
    assert_int_equal(mram_set_defects(f.mram, &bad), ST_RANGE);
    bad = good;
    bad.n_listed = MRAM_MAX_LISTED + 1;
    assert_int_equal(mram_set_defects(f.mram, &bad), ST_RANGE);
    for (unsigned i = 0; i < 4; i++) {
        place = (struct mram_defect) { i == 0 ? 2 : 1, i == 1 ? 10 : 9, i == 2 ? 100 : 99,
                                       false, i == 3 ? (enum mram_defect_kind)3 : 0 };
        assert_int_equal(mram_set_defects(f.mram, &good), ST_RANGE);
    }
    assert_int_equal(mram_defects(f.mram)->listed[0].row, 9);
    assert_true(mram_defects(f.mram)->listed[0].partner);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_array_holds_seeded_bits_and_no_padding),
        cmocka_unit_test(cells_are_where_the_reference_has_them),
        cmocka_unit_test(targets_are_what_a_faultless_write_stores),
        cmocka_unit_test(saved_contents_come_back_and_padding_is_refused),
        cmocka_unit_test(a_layout_keeps_and_forgets_what_it_says),
        cmocka_unit_test(impossible_layouts_are_refused),
        cmocka_unit_test(impossible_shapes_are_refused),
        cmocka_unit_test(a_failed_allocation_leaves_nothing_behind),
        cmocka_unit_test(a_layout_without_memory_changes_nothing),
        cmocka_unit_test(defects_without_memory_change_nothing),
        cmocka_unit_test(a_write_outside_its_ranges_is_refused),
        cmocka_unit_test(a_drift_outside_its_ranges_is_refused),
        cmocka_unit_test(defects_outside_their_ranges_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
