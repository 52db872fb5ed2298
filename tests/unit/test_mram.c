/* SPDX-License-Identifier: Apache-2.0 */
/* The array: every mode against a slow reference that looks at cell after cell, the same
 * bits for every division and kernel, and what is refused. */
#include "core/mram.h"

#include "core/mram_kernel.h"
#include "core/mram_tile.h"
#include "tests/lib/fault.h"
#include "tests/unit/mram_fixture.h"

#include <pthread.h>
#include <stdbool.h>

/* Several tiles, rows that end inside a word and tiles that end inside a row. */
static const struct mram_shape odd_shapes[MAX_LAYERS] = {
    { 300, 333 }, { 10, 100 }, { 2000, 65 }, { 1, 1 }
};

/* -- The slow reference -- */

/* Draw `n` of a stream's batches, as mram_kernel.h orders them. */
static uint32_t bulk_draw(const struct rng_stream *at, size_t n)
{
    struct rng_stream one = *at;

    one.counter[0] = (uint32_t)(n / 64 * 16 + n % 16);
    for (size_t skip = n % 64 / 16; skip > 0; skip--)
        (void)rng_u32(&one);
    return rng_u32(&one);
}

static bool below(uint64_t number, double p)
{
    return p >= 1.0 || number < (uint64_t)(p * 0x1p64);
}

/* Hits of the sparse method in one tile, and the number that thins each. */
struct hits {
    bool hit[MRAM_TILE_CELLS];
    uint64_t thin[MRAM_TILE_CELLS];
};

static void find_hits(struct rng_stream rng, const double p[2], struct hits *hits)
{
    double inv_ln_q = rng_inv_ln_q(fmax(p[0], p[1]));

    memset(hits, 0, sizeof(*hits));
    for (uint64_t cell = 0; cell < MRAM_TILE_CELLS; cell++) {
        uint64_t skip = rng_skip(&rng, inv_ln_q);
        if (skip >= MRAM_TILE_CELLS - cell)
            return;
        cell += skip;
        hits->hit[cell] = true;
        if (p[0] != p[1])
            hits->thin[cell] = rng_u64(&rng);
    }
}

static bool fails_by_rate(const struct rng_stream *at, const double p[2], unsigned d,
                          size_t cell, const struct hits *hits)
{
    uint64_t number = 0;
    double greatest = fmax(p[0], p[1]);

    if (greatest == 0.0)
        return false;
    if (greatest <= MRAM_SPARSE_RATE)
        return hits->hit[cell] && below(hits->thin[cell], p[d] / greatest);
    for (size_t bit = 0; bit < 64; bit++) {
        size_t batch = cell / 512 * 16 + bit / 4;
        uint32_t draw = bulk_draw(at, batch * 64 + bit % 4 * 16 + cell % 512 / 32);
        number = number << 1 | (draw >> (cell % 32) & 1);
    }
    return below(number, p[d]);
}

static unsigned class_of(const struct mram *mram, size_t tile, size_t cell)
{
    static struct mram_classes classes;
    static bool made;
    struct rng_stream at;

    if (!made) {
        double weight[MTJ_CLASSES];
        for (unsigned c = 0; c < MTJ_CLASSES; c++)
            weight[c] = mtj_class_weight(c);
        mram_classes_init(&classes, weight);
        made = true;
    }
    rng_start(&at, mram_seed(mram), RNG_FABRICATION, 0, tile);
    uint32_t draw = bulk_draw(&at, cell), column = draw >> 23;
    uint32_t entry = classes.entry[column];
    /* No tie but where both are the same: see the class test. */
    assert_true((draw & 0x7fffff) != entry >> 9 || column == (entry & 0x1ff));
    return (draw & 0x7fffff) < entry >> 9 ? column : entry & 0x1ff;
}

static bool old_bit(const struct mram *mram, const struct mram_write *write, size_t tile,
                    size_t cell, bool present, bool wanted)
{
    struct rng_stream at;

    switch (write->over) {
    case MRAM_OVER_PRESENT:
        return present;
    case MRAM_OVER_RANDOM:
        rng_start(&at, mram_seed(mram), RNG_CONTENTS, write->generation, tile);
        return bulk_draw(&at, cell / 32) >> (cell % 32) & 1;
    case MRAM_OVER_COMPLEMENT:
        return !wanted;
    case MRAM_OVER_ERASED_P:
        return true;
    case MRAM_OVER_ERASED_AP:
        return false;
    }
    return false;
}

/* Does cell `cell` of a tile hold the wrong bit afterwards? Adds to `result`. */
static bool slow_cell(const struct mram *mram, const struct mram_write *write,
                      size_t tile, size_t cell, bool present, bool wanted,
                      const struct hits *hits, struct mram_result *result)
{
    const double flip[2] = { write->flip_rate, write->flip_rate };
    bool old = old_bit(mram, write, tile, cell, present, wanted);
    unsigned d = wanted ? MTJ_AP2P : MTJ_P2AP;
    bool is_iid = write->mode == MRAM_IID, fails = false;
    double toggle_pj = write->toggle_pj[d], hold_pj = write->hold_pj[d];
    struct rng_stream at;

    result->cells++;
    rng_start(&at, mram_seed(mram), is_iid ? RNG_FLIP : RNG_WRITE, write->generation,
              tile);
    if (write->mode == MRAM_DEVICE) {
        unsigned c = class_of(mram, tile, cell);
        uint32_t draw = bulk_draw(&at, cell);
        toggle_pj = write->classes->toggle_pj[c][d];
        hold_pj = write->classes->hold_pj[c][d];
        fails = old != wanted && below((uint64_t)draw << 32 | UINT32_C(1) << 31,
                                       write->classes->error_rate[c][d]);
    }
    if (is_iid)
        fails = fails_by_rate(&at, flip, d, cell, hits);
    if (write->mode == MRAM_UNIFORM && old != wanted)
        fails = fails_by_rate(&at, write->error_rate, d, cell, hits);
    result->errors[d] += fails;
    if (is_iid)
        return fails;
    result->toggles[d] += old != wanted;
    result->holds[d] += old == wanted;
    result->energy_pj += old != wanted ? toggle_pj : hold_pj;
    return fails;
}

/* Programs `contents`, a copy of what the array held, and fills `results`. */
static void slow_program(const struct fixture *f, const struct mram_write *write,
                         uint64_t *const *contents, struct mram_result *results)
{
    static struct hits hits;
    const double flip[2] = { write->flip_rate, write->flip_rate };
    const double *p = write->mode == MRAM_IID ? flip : write->error_rate;
    size_t first_tile = 0;

    for (size_t l = 0; l < f->n_layers; l++) {
        size_t n_words = mram_layer_words(f->mram, l);
        size_t row_words = bits_words(f->shapes[l].n_cols);

        memset(&results[l], 0, sizeof(results[l]));
        for (size_t w = 0; w < n_words; w++) {
            size_t tile = first_tile + w / MRAM_TILE_WORDS;
            uint64_t cells = bits_mask(f->shapes[l].n_cols, w % row_words);
            if (w % MRAM_TILE_WORDS == 0 && write->mode != MRAM_DEVICE &&
                fmax(p[0], p[1]) > 0.0) {
                struct rng_stream rng;
                rng_start(&rng, mram_seed(f->mram),
                          write->mode == MRAM_IID ? RNG_FLIP : RNG_WRITE,
                          write->generation, tile);
                find_hits(rng, p, &hits);
            }
            for (unsigned b = 0; b < 64 && cells >> b & 1; b++) {
                bool want = f->wanted[l][w] >> b & 1;
                bool wrong = slow_cell(f->mram, write, tile, w % MRAM_TILE_WORDS * 64 + b,
                                       contents[l][w] >> b & 1, want, &hits, &results[l]);
                bits_put(contents[l], w * 64 + b, want != wrong);
            }
        }
        first_tile += (n_words + MRAM_TILE_WORDS - 1) / MRAM_TILE_WORDS;
    }
}

static void assert_same_result(const struct mram_result *got,
                               const struct mram_result *want)
{
    assert_int_equal(got->cells, want->cells);
    for (unsigned d = 0; d < 2; d++) {
        assert_int_equal(got->toggles[d], want->toggles[d]);
        assert_int_equal(got->holds[d], want->holds[d]);
        assert_int_equal(got->errors[d], want->errors[d]);
    }
    assert_true(fabs(got->energy_pj - want->energy_pj) <= 1e-11 * want->energy_pj);
}

/* Programs an array with every kernel, twice, and compares with the reference. */
static void compare_with_reference(struct mram_write write)
{
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 31);
    write.generation = 3;
    uint64_t *before[MAX_LAYERS], *after[MAX_LAYERS];
    struct mram_result slow[MAX_LAYERS];
    size_t n;
    const struct mram_kernel *const *kernels = mram_kernels(&n);

    for (size_t l = 0; l < f.n_layers; l++) {
        size_t bytes = mram_layer_words(f.mram, l) * sizeof(uint64_t);
        before[l] = malloc(bytes);
        after[l] = malloc(bytes);
        assert_true(before[l] != NULL && after[l] != NULL);
        memcpy(before[l], mram_contents(f.mram, l), bytes);
        memcpy(after[l], before[l], bytes);
    }
    slow_program(&f, &write, after, slow);
    for (size_t i = 0; i < n; i++) {
        if (!kernels[i]->usable())
            continue;
        mram_use_kernel(f.mram, kernels[i]);
        for (size_t l = 0; l < f.n_layers; l++)
            assert_int_equal(mram_restore(f.mram, l, before[l]), ST_OK);
        (void)program(&f, &write);
        for (size_t l = 0; l < f.n_layers; l++) {
            assert_memory_equal(mram_contents(f.mram, l), after[l],
                                mram_layer_words(f.mram, l) * sizeof(uint64_t));
            assert_same_result(&f.results[l], &slow[l]);
        }
    }
    for (size_t l = 0; l < f.n_layers; l++) {
        free(before[l]);
        free(after[l]);
    }
    tear_down(&f);
}

static void uniform_agrees_with_cell_after_cell(void **state)
{
    (void)state;
    compare_with_reference(uniform(3e-3, 3e-3, MRAM_OVER_PRESENT));
    compare_with_reference(uniform(6e-3, 1e-3, MRAM_OVER_RANDOM));
    compare_with_reference(uniform(1e-3, 0.0, MRAM_OVER_COMPLEMENT));
    compare_with_reference(uniform(0.3, 0.01, MRAM_OVER_PRESENT));
    compare_with_reference(uniform(1.0, 0.1, MRAM_OVER_ERASED_P));
    compare_with_reference(uniform(0.1, 1.0, MRAM_OVER_ERASED_AP));
    compare_with_reference(uniform(0.0, 0.0, MRAM_OVER_RANDOM));
}

static void iid_agrees_with_cell_after_cell(void **state)
{
    (void)state;
    compare_with_reference(iid(0.0));
    compare_with_reference(iid(1e-3));
    compare_with_reference(iid(MRAM_SPARSE_RATE));
    compare_with_reference(iid(0.2));
    compare_with_reference(iid(1.0));
}

static void device_agrees_with_cell_after_cell(void **state)
{
    (void)state;
    const struct mtj_class_table *classes = classes_at(0.45, 0.40);

    for (int over = MRAM_OVER_PRESENT; over <= MRAM_OVER_ERASED_AP; over++)
        compare_with_reference(device(classes, (enum mram_over)over));
}

/* -- Any division, any order -- */

struct part {
    struct fixture *f;
    const struct mram_write *write;
    size_t first, n;
    struct mram_result results[MAX_LAYERS];
};

static void *program_part(void *arg)
{
    struct part *part = arg;

    if (mram_program(part->f->mram, (const uint64_t *const *)part->f->wanted, part->write,
                     part->first, part->n, part->results) != ST_OK)
        part->results[0].cells = 0;
    return NULL;
}

static void run_part(struct fixture *f, const struct mram_write *write, size_t first,
                     size_t n)
{
    struct part part = { f, write, first, n, { { 0 } } };

    memcpy(part.results, f->results, sizeof(part.results));
    (void)program_part(&part);
    memcpy(f->results, part.results, sizeof(part.results));
}

static void run_threads(struct fixture *f, const struct mram_write *write)
{
    size_t n = mram_tiles(f->mram), half = n / 2;
    struct part parts[2] = { { f, write, 0, half, { { 0 } } },
                             { f, write, half, n - half, { { 0 } } } };
    pthread_t threads[2];

    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, program_part, &parts[i]), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t l = 0; l < f->n_layers; l++) {
        const struct mram_result both[2] = { parts[0].results[l], parts[1].results[l] };
        f->results[l] = mram_sum(both, 2);
    }
}

static void program_divided(struct fixture *f, const struct mram_write *write,
                            unsigned how)
{
    size_t n = mram_tiles(f->mram);

    memset(f->results, 0, sizeof(f->results));
    if (how == 0)
        for (size_t t = 0; t < n; t++)
            run_part(f, write, t, 1);
    if (how == 1)
        for (size_t t = n; t-- > 0;)
            run_part(f, write, t, 1);
    if (how == 2)
        run_threads(f, write);
}

static void assert_any_division(const struct mram_write *write)
{
    struct fixture whole = set_up(odd_shapes, MAX_LAYERS, 41);

    (void)program(&whole, write);
    for (unsigned how = 0; how < 3; how++) {
        struct fixture divided = set_up(odd_shapes, MAX_LAYERS, 41);

        program_divided(&divided, write, how);
        for (size_t l = 0; l < whole.n_layers; l++) {
            assert_memory_equal(mram_contents(divided.mram, l),
                                mram_contents(whole.mram, l),
                                mram_layer_words(whole.mram, l) * sizeof(uint64_t));
            assert_same_result(&divided.results[l], &whole.results[l]);
        }
        tear_down(&divided);
    }
    tear_down(&whole);
}

static void tiles_may_be_divided_and_ordered_at_will(void **state)
{
    const struct mram_write writes[] = {
        uniform(1e-3, 2e-3, MRAM_OVER_PRESENT),
        uniform(0.2, 0.1, MRAM_OVER_RANDOM),
        iid(5e-3),
        iid(0.5),
        device(classes_at(0.45, 0.40), MRAM_OVER_PRESENT),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        assert_any_division(&writes[i]);
}

/* -- The array itself -- */

static void a_new_array_holds_seeded_bits_and_no_padding(void **state)
{
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 71);
    size_t n_ones = 0;

    (void)state;
    assert_int_equal(mram_seed(f.mram), 71);
    assert_int_equal(mram_layers(f.mram), MAX_LAYERS);
    assert_int_equal(mram_tiles(f.mram), 2 + 1 + 4 + 1);
    assert_int_equal(mram_cells(f.mram), 300 * 333 + 10 * 100 + 2000 * 65 + 1);
    for (size_t l = 0; l < f.n_layers; l++) {
        size_t row_words = bits_words(f.shapes[l].n_cols);
        const uint64_t *bits = mram_contents(f.mram, l);

        assert_int_equal(mram_layer_words(f.mram, l), f.shapes[l].n_rows * row_words);
        for (size_t w = 0; w < mram_layer_words(f.mram, l); w++)
            assert_true((bits[w] & ~bits_mask(f.shapes[l].n_cols, w % row_words)) == 0);
        n_ones += bits_count(bits, mram_layer_words(f.mram, l));
    }
    assert_binomial(n_ones, mram_cells(f.mram), 0.5);
    tear_down(&f);
}

static void saved_contents_come_back_and_padding_is_refused(void **state)
{
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 72);
    size_t n_words = mram_layer_words(f.mram, 0);
    size_t bytes = n_words * sizeof(uint64_t);

    (void)state;
    assert_int_equal(mram_restore(f.mram, 0, f.wanted[0]), ST_OK);
    assert_memory_equal(mram_contents(f.mram, 0), f.wanted[0], bytes);
    f.wanted[0][n_words - 1] |= UINT64_C(1) << 63;
    assert_int_equal(mram_restore(f.mram, 0, f.wanted[0]), ST_FORMAT);
    f.wanted[0][n_words - 1] &= ~(UINT64_C(1) << 63);
    assert_memory_equal(mram_contents(f.mram, 0), f.wanted[0], bytes);
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

static void assert_refused(struct fixture *f, struct mram_write write, size_t first,
                           size_t n)
{
    const struct mram_result none = { 0 };

    memset(f->results, 0, sizeof(f->results));
    assert_int_equal(mram_program(f->mram, (const uint64_t *const *)f->wanted, &write,
                                  first, n, f->results),
                     ST_RANGE);
    for (size_t l = 0; l < f->n_layers; l++)
        assert_memory_equal(&f->results[l], &none, sizeof(none));
}

static void a_write_outside_its_ranges_is_refused(void **state)
{
    static struct mtj_class_table classes;
    struct fixture f = set_up(odd_shapes, MAX_LAYERS, 73);
    size_t n = mram_tiles(f.mram);
    struct mram_write bad[9];

    (void)state;
    for (size_t i = 0; i < 9; i++)
        bad[i] = uniform(0.1, 0.1, MRAM_OVER_PRESENT);
    bad[0].generation = 0;
    bad[1].generation = RNG_MAX_GENERATION + UINT64_C(1);
    bad[2].error_rate[1] = 1.5;
    bad[3].error_rate[0] = NAN;
    bad[4].hold_pj[1] = -1.0;
    bad[5].toggle_pj[0] = INFINITY;
    bad[6].mode = MRAM_DEVICE; /* no classes */
    bad[7] = iid(-0.1);
    classes.error_rate[7][1] = NAN;
    bad[8] = device(&classes, MRAM_OVER_PRESENT);
    for (size_t i = 0; i < 9; i++) {
        struct mram_forecast forecast;
        assert_refused(&f, bad[i], 0, n);
        assert_int_equal(
            mram_predict(f.mram, (const uint64_t *const *)f.wanted, &bad[i], &forecast),
            ST_RANGE);
    }
    assert_refused(&f, uniform(0.1, 0.1, MRAM_OVER_PRESENT), 1, n);
    assert_refused(&f, uniform(0.1, 0.1, MRAM_OVER_PRESENT), n + 1, 0);
    assert_refused(&f, uniform(0.1, 0.1, MRAM_OVER_PRESENT), 1, SIZE_MAX);
    tear_down(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_agrees_with_cell_after_cell),
        cmocka_unit_test(iid_agrees_with_cell_after_cell),
        cmocka_unit_test(device_agrees_with_cell_after_cell),
        cmocka_unit_test(tiles_may_be_divided_and_ordered_at_will),
        cmocka_unit_test(a_new_array_holds_seeded_bits_and_no_padding),
        cmocka_unit_test(saved_contents_come_back_and_padding_is_refused),
        cmocka_unit_test(impossible_shapes_are_refused),
        cmocka_unit_test(a_failed_allocation_leaves_nothing_behind),
        cmocka_unit_test(a_write_outside_its_ranges_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
