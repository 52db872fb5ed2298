/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of few wrong weights are lists, of many are bits: both must agree with a count
 * that looks at every weight. */
#include "daemon/wrong_map.h"

#include "core/bits.h"
#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Rows of whole words, of part of one, and of more than one with a rest. */
static const struct mram_shape shapes[] = { { 70, 128 }, { 33, 10 }, { 41, 131 } };
#define N_LAYERS (sizeof(shapes) / sizeof(shapes[0]))

struct fixture {
    struct mram *mram;
    uint64_t *wanted[N_LAYERS];
};

static size_t layer_words(size_t layer)
{
    return shapes[layer].n_rows * bits_words(shapes[layer].n_cols);
}

static const uint64_t *const *wanted_of(const struct fixture *f)
{
    return (const uint64_t *const *)(const void *)f->wanted;
}

static int make(void **state)
{
    static struct fixture f;

    assert_int_equal(mram_new(shapes, N_LAYERS, 1, &f.mram), ST_OK);
    for (size_t l = 0; l < N_LAYERS; l++) {
        f.wanted[l] = calloc(layer_words(l), sizeof(uint64_t));
        assert_non_null(f.wanted[l]);
        for (size_t r = 0; r < shapes[l].n_rows; r++)
            for (size_t c = 0; c < shapes[l].n_cols; c++)
                if ((r * 7 + c * 3) % 5 < 2)
                    f.wanted[l][r * bits_words(shapes[l].n_cols) + c / 64] |= UINT64_C(1)
                                                                              << c % 64;
    }
    *state = &f;
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;

    mram_free(f->mram);
    for (size_t l = 0; l < N_LAYERS; l++)
        free(f->wanted[l]);
    return 0;
}

/* Writes with this share of wrong bits and maps it; `ret_delivered`, free() them. */
static struct wrong_map *map_of(struct fixture *f, double share, uint64_t generation,
                                uint64_t *ret_delivered[N_LAYERS])
{
    struct mram_write writes[N_LAYERS];
    struct mram_result results[N_LAYERS];
    struct mram_state states[N_LAYERS];
    struct wrong_map *map = NULL;

    memset(results, 0, sizeof(results));
    memset(states, 0, sizeof(states));
    for (size_t l = 0; l < N_LAYERS; l++)
        writes[l] = (struct mram_write) { .mode = MRAM_IID,
                                          .generation = generation,
                                          .flip_rate = { share, share } };
    assert_int_equal(mram_program(f->mram, wanted_of(f), writes, 0, mram_tiles(f->mram),
                                  NULL, results, states),
                     ST_OK);
    assert_int_equal(wrong_map_new(f->mram, wanted_of(f), generation, &map), ST_OK);
    assert_int_equal(wrong_map_generation(map), generation);
    for (size_t l = 0; l < N_LAYERS; l++) {
        ret_delivered[l] = calloc(layer_words(l), sizeof(uint64_t));
        assert_non_null(ret_delivered[l]);
        memcpy(ret_delivered[l], mram_delivered(f->mram, l),
               layer_words(l) * sizeof(uint64_t));
    }
    return map;
}

static void free_all(uint64_t *delivered[N_LAYERS])
{
    for (size_t l = 0; l < N_LAYERS; l++)
        free(delivered[l]);
}

static bool is_wrong(const struct fixture *f, uint64_t *const *delivered, size_t layer,
                     size_t row, size_t column)
{
    size_t w = row * bits_words(shapes[layer].n_cols) + column / 64;

    return ((delivered[layer][w] ^ f->wanted[layer][w]) >> column % 64 & 1) != 0;
}

/* Every weight, one after the other; the places of all that are wrong in both. */
static struct wrong_overlap count_slowly(const struct fixture *f, uint64_t *const *a,
                                         uint64_t *const *b, size_t layer,
                                         struct place *ret_places)
{
    struct wrong_overlap overlap = { 0, 0, 0 };

    for (size_t r = 0; r < shapes[layer].n_rows; r++)
        for (size_t c = 0; c < shapes[layer].n_cols; c++) {
            bool in_a = is_wrong(f, a, layer, r, c), in_b = is_wrong(f, b, layer, r, c);

            overlap.a += in_a;
            overlap.b += in_b;
            if (in_a && in_b)
                ret_places[overlap.both++] =
                    (struct place) { .layer = layer, .row = r, .column = c };
        }
    return overlap;
}

static void compare_all(struct fixture *f, const struct wrong_map *a,
                        uint64_t *const *of_a, const struct wrong_map *b,
                        uint64_t *const *of_b)
{
    enum { MOST = 70 * 128 };
    static struct place want[MOST], got[MOST];

    for (size_t l = 0; l < N_LAYERS; l++) {
        struct wrong_overlap slow = count_slowly(f, of_a, of_b, l, want);

        for (size_t max = 0; max <= MOST; max = max * 3 + 1) {
            size_t n = 99;
            struct wrong_overlap fast =
                wrong_map_compare(a, b, l, shapes[l].n_cols, got, max, &n);

            assert_int_equal(fast.a, slow.a);
            assert_int_equal(fast.b, slow.b);
            assert_int_equal(fast.both, slow.both);
            assert_int_equal(n, slow.both < max ? slow.both : max);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(got[i].layer, l);
                assert_int_equal(got[i].row, want[i].row);
                assert_int_equal(got[i].column, want[i].column);
            }
        }
    }
}

static void lists_and_bits_agree_with_a_slow_count(void **state)
{
    static const double shares[] = { 0.0, 0.002, 0.01, 0.1, 0.5, 1.0 };
    enum { N = sizeof(shares) / sizeof(shares[0]) };
    struct fixture *f = *state;
    struct wrong_map *maps[N];
    uint64_t *delivered[N][N_LAYERS];

    for (size_t i = 0; i < N; i++)
        maps[i] = map_of(f, shares[i], i + 1, delivered[i]);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++)
            compare_all(f, maps[i], delivered[i], maps[k], delivered[k]);
    for (size_t i = 0; i < N; i++) {
        wrong_map_free(maps[i]);
        free_all(delivered[i]);
    }
    wrong_map_free(NULL);
}

static void what_is_wrong_everywhere_overlaps_with_everything(void **state)
{
    struct fixture *f = *state;
    uint64_t *of_all[N_LAYERS], *of_some[N_LAYERS], *of_none[N_LAYERS];
    struct wrong_map *all = map_of(f, 1.0, 1, of_all);
    struct wrong_map *some = map_of(f, 0.01, 2, of_some);
    struct wrong_map *none = map_of(f, 0.0, 3, of_none);
    size_t n;

    for (size_t l = 0; l < N_LAYERS; l++) {
        struct wrong_overlap overlap =
            wrong_map_compare(all, some, l, shapes[l].n_cols, NULL, 0, &n);

        assert_int_equal(overlap.a, shapes[l].n_rows * shapes[l].n_cols);
        assert_int_equal(overlap.both, overlap.b);
        overlap = wrong_map_compare(none, all, l, shapes[l].n_cols, NULL, 0, &n);
        assert_int_equal(overlap.a, 0);
        assert_int_equal(overlap.both, 0);
        /* A generation with itself. */
        overlap = wrong_map_compare(some, some, l, shapes[l].n_cols, NULL, 0, &n);
        assert_int_equal(overlap.both, overlap.a);
    }
    wrong_map_free(all);
    wrong_map_free(some);
    wrong_map_free(none);
    free_all(of_all);
    free_all(of_some);
    free_all(of_none);
}

/* A map is a copy: what happens to the array later does not change it. */
static void a_map_stays_as_it_was(void **state)
{
    struct fixture *f = *state;
    uint64_t *of_first[N_LAYERS], *of_second[N_LAYERS];
    struct wrong_map *first = map_of(f, 0.1, 1, of_first);
    struct wrong_map *second = map_of(f, 0.2, 2, of_second);

    compare_all(f, first, of_first, second, of_second);
    compare_all(f, first, of_first, first, of_first);
    wrong_map_free(first);
    wrong_map_free(second);
    free_all(of_first);
    free_all(of_second);
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;
    uint64_t *delivered[N_LAYERS];
    enum status st = ST_NOMEM;
    unsigned n_failed = 0;

    wrong_map_free(map_of(f, 0.1, 1, delivered));
    free_all(delivered);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct wrong_map *map = NULL;

        fault_at(nth);
        st = wrong_map_new(f->mram, wanted_of(f), 1, &map);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && map == NULL));
        n_failed += st != ST_OK;
        wrong_map_free(map);
    }
    assert_int_equal(n_failed, 1 + N_LAYERS);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(lists_and_bits_agree_with_a_slow_count),
        FRESH(what_is_wrong_everywhere_overlaps_with_everything),
        FRESH(a_map_stays_as_it_was),
        FRESH(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
