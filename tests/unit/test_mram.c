/* SPDX-License-Identifier: Apache-2.0 */
/* The array: every mode and layout against a slow reference that looks at cell after
 * cell, the same bits for every division and kernel, and what is refused. */
#include "core/mram.h"

#include "core/device.h"
#include "core/mram_kernel.h"
#include "core/mram_tile.h"
#include "tests/lib/fault.h"
#include "tests/unit/mram_fixture.h"
#include "tests/unit/mram_slow.h"

#include <pthread.h>
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
static struct mram_layout nth_layout(size_t n)
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
static struct mram_defects nth_defects(size_t n)
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
static struct fixture set_up_turn(const struct mram_shape *shapes, size_t n)
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

/* -- Against the slow reference -- */

static const struct device_flips *flips_at_90_c(void)
{
    static struct device_flips flips;
    struct device ours = device_default();

    device_retention(&ours, 3e7, 363.0, &flips);
    return &flips;
}

static const struct device_flips *many_flips(void)
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

/* What happens to an array in one turn: a programming, a drift, an injection. */
struct turn {
    struct mram_write writes[MAX_LAYERS];
    struct mram_drift drifts[MAX_LAYERS];
    double share;
    /* What should come of it. */
    struct slow programmed, drifted, injected;
    struct mram_result results[MAX_LAYERS];
    struct mram_state states[MAX_LAYERS];
    struct mram_drifted drift[MAX_LAYERS];
    uint64_t n_injected;
};

static void plan_turn(struct turn *turn, size_t n, const struct mram_write *write)
{
    static const double shares[] = { 1e-3, 0.0, 0.05, 1.0 };

    for (size_t l = 0; l < MAX_LAYERS; l++) {
        turn->writes[l] = *write;
        turn->writes[l].generation = 3 + n;
        turn->drifts[l] = (struct mram_drift) {
            .purpose = n % 2 != 0 ? RNG_RETENTION : RNG_DISTURB,
            .generation = 4 + n,
            .by_class = n / 2 % 2 != 0,
            .flips = n / 4 % 2 != 0 ? many_flips() : flips_at_90_c(),
        };
    }
    turn->share = shares[n % 4];
}

static void work_out(struct turn *turn, const struct fixture *f)
{
    slow_begin(&turn->programmed, f);
    slow_program(&turn->programmed, wanted_of(f), turn->writes, turn->results,
                 turn->states);
    slow_begin(&turn->drifted, f);
    slow_copy(&turn->drifted, &turn->programmed);
    slow_drift(&turn->drifted, turn->drifts, turn->drift);
    slow_begin(&turn->injected, f);
    slow_copy(&turn->injected, &turn->drifted);
    slow_inject(&turn->injected, turn->share, 17, 5, &turn->n_injected);
}

static void check_drift(struct fixture *f, const struct turn *turn)
{
    struct mram_drifted drifted[MAX_LAYERS] = { { .flipped = { 0 } } };
    uint64_t n_injected = 0;

    assert_int_equal(mram_drift(f->mram, turn->drifts, 0, mram_tiles(f->mram), drifted),
                     ST_OK);
    slow_assert_contents(&turn->drifted, f->mram);
    for (size_t l = 0; l < f->n_layers; l++) {
        for (unsigned s = 0; s < 2; s++) {
            assert_int_equal(drifted[l].flipped[s], turn->drift[l].flipped[s]);
            assert_near(drifted[l].expected[s], turn->drift[l].expected[s], 1e-11);
        }
    }
    mram_inject(f->mram, turn->share, 17, 5, &n_injected);
    slow_assert_contents(&turn->injected, f->mram);
    assert_int_equal(n_injected, turn->n_injected);
}

static void check_program(struct fixture *f, const struct turn *turn)
{
    memset(f->results, 0, sizeof(f->results));
    memset(f->states, 0, sizeof(f->states));
    assert_int_equal(mram_program(f->mram, wanted_of(f), turn->writes, 0,
                                  mram_tiles(f->mram), NULL, f->results, f->states),
                     ST_OK);
    slow_assert_contents(&turn->programmed, f->mram);
    slow_assert_delivered(&turn->programmed, f);
    for (size_t l = 0; l < f->n_layers; l++) {
        slow_assert_result(&f->results[l], &turn->results[l]);
        slow_assert_state(&f->states[l], &turn->states[l]);
    }
    (void)read_back(f);
    slow_assert_delivered(&turn->programmed, f);
    for (size_t l = 0; l < f->n_layers; l++)
        slow_assert_state(&f->states[l], &turn->states[l]);
}

/* Programs, ages and injects with every kernel, and compares with the reference. */
static void compare_with_reference(struct mram_write write, size_t nth)
{
    struct fixture f = set_up_turn(small_shapes, nth);
    struct turn turn = { .n_injected = 0 };
    struct slow before;
    size_t n;
    const struct mram_kernel *const *kernels = mram_kernels(&n);

    plan_turn(&turn, nth, &write);
    slow_begin(&before, &f);
    work_out(&turn, &f);
    for (size_t i = 0; i < n; i++) {
        if (!kernels[i]->usable())
            continue;
        mram_use_kernel(f.mram, kernels[i]);
        slow_put(&before, f.mram);
        slow_assert_contents(&before, f.mram);
        check_program(&f, &turn);
        check_drift(&f, &turn);
    }
    slow_end(&before);
    slow_end(&turn.programmed);
    slow_end(&turn.drifted);
    slow_end(&turn.injected);
    tear_down(&f);
}

static void compare_all(const struct mram_write *writes, size_t n_writes, size_t n_turns)
{
    for (size_t i = 0; i < n_turns; i++)
        compare_with_reference(writes[i % n_writes], i);
}

static void uniform_agrees_with_cell_after_cell(void **state)
{
    const struct mram_write writes[] = {
        uniform(3e-3, 3e-3, MRAM_OVER_PRESENT),
        uniform(6e-3, 1e-3, MRAM_OVER_RANDOM),
        uniform(1e-3, 0.0, MRAM_OVER_COMPLEMENT),
        uniform(0.3, 0.01, MRAM_OVER_PRESENT),
        uniform(1.0, 0.1, MRAM_OVER_ERASED_P),
        uniform(0.1, 1.0, MRAM_OVER_ERASED_AP),
        uniform(0.0, 0.0, MRAM_OVER_RANDOM),
        retried(uniform(5e-3, 7e-3, MRAM_OVER_PRESENT), 1),
        retried(uniform(0.2, 0.1, MRAM_OVER_RANDOM), MRAM_MAX_RETRIES),
        retried(uniform(0.01, 0.3, MRAM_OVER_COMPLEMENT), 3),
        retried(uniform(1.0, 2e-3, MRAM_OVER_ERASED_P), 2),
    };

    (void)state;
    compare_all(writes, sizeof(writes) / sizeof(writes[0]), 22);
}

static void iid_agrees_with_cell_after_cell(void **state)
{
    const struct mram_write writes[] = {
        iid(0.0, 0.0),  iid(1e-3, 1e-3), iid(MRAM_SPARSE_RATE, MRAM_SPARSE_RATE),
        iid(5e-3, 0.0), iid(0.01, 0.2),  iid(0.3, 1.0),
        iid(1.0, 1.0),
    };

    (void)state;
    compare_all(writes, sizeof(writes) / sizeof(writes[0]), 14);
}

static void device_agrees_with_cell_after_cell(void **state)
{
    const struct mtj_class_table *classes = classes_at(0.45, 0.40);
    struct mram_write writes[10];

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        writes[i] = retried(device(classes, (enum mram_over)(i % 5)), i / 5 * (i - 3));
    compare_all(writes, 10, 20);
}

/* -- Any division, any order -- */

struct part {
    struct fixture *f;
    const struct mram_write *writes;
    const struct mram_drift *drifts;
    size_t first, n;
    struct mram_result results[MAX_LAYERS];
    struct mram_state states[MAX_LAYERS];
    struct mram_drifted drifted[MAX_LAYERS];
    enum status st;
};

static void *do_part(void *arg)
{
    struct part *part = arg;

    part->st = mram_program(part->f->mram, wanted_of(part->f), part->writes, part->first,
                            part->n, NULL, part->results, part->states);
    if (part->st == ST_OK)
        part->st =
            mram_drift(part->f->mram, part->drifts, part->first, part->n, part->drifted);
    return NULL;
}

static void add_part(struct part *to, const struct part *part)
{
    assert_int_equal(part->st, ST_OK);
    for (size_t l = 0; l < MAX_LAYERS; l++) {
        to->results[l] = mram_result_sum(
            (struct mram_result[]) { to->results[l], part->results[l] }, 2);
        to->states[l] =
            mram_state_sum((struct mram_state[]) { to->states[l], part->states[l] }, 2);
        for (unsigned s = 0; s < 2; s++) {
            to->drifted[l].flipped[s] += part->drifted[l].flipped[s];
            to->drifted[l].expected[s] += part->drifted[l].expected[s];
        }
    }
}

/* how: 0 tile by tile, 1 from the last one, 2 in two threads, 3 at once. */
static void do_divided(struct part *sum, unsigned how)
{
    size_t n = mram_tiles(sum->f->mram), n_parts = how < 2 ? n : how == 2 ? 2 : 1;

    for (size_t i = 0; i < n_parts; i += 2) {
        struct part parts[2] = { *sum, *sum };
        pthread_t thread;

        for (size_t k = 0; k < 2; k++) {
            size_t nth = how == 1 ? n_parts - 1 - (i + k) : i + k;
            memset(parts[k].results, 0, sizeof(parts[k].results));
            memset(parts[k].states, 0, sizeof(parts[k].states));
            memset(parts[k].drifted, 0, sizeof(parts[k].drifted));
            parts[k].first = nth * n / n_parts;
            parts[k].n = (nth + 1) * n / n_parts - parts[k].first;
        }
        assert_int_equal(pthread_create(&thread, NULL, do_part, &parts[0]), 0);
        if (how != 2)
            assert_int_equal(pthread_join(thread, NULL), 0);
        if (i + 1 < n_parts)
            (void)do_part(&parts[1]);
        if (how == 2)
            assert_int_equal(pthread_join(thread, NULL), 0);
        add_part(sum, &parts[0]);
        if (i + 1 < n_parts)
            add_part(sum, &parts[1]);
    }
}

static void assert_any_division(const struct mram_write *write, size_t nth)
{
    struct fixture whole = set_up_turn(odd_shapes, nth);
    struct turn turn = { .n_injected = 0 };
    struct part sum = { .f = &whole, .writes = turn.writes, .drifts = turn.drifts };
    struct slow after;

    plan_turn(&turn, nth, write);
    do_divided(&sum, 3);
    slow_begin(&after, &whole);
    for (unsigned how = 0; how < 3; how++) {
        struct fixture f = set_up_turn(odd_shapes, nth);
        struct part divided = { .f = &f, .writes = turn.writes, .drifts = turn.drifts };

        do_divided(&divided, how);
        slow_assert_contents(&after, f.mram);
        for (size_t l = 0; l < f.n_layers; l++) {
            assert_memory_equal(mram_delivered(f.mram, l), mram_delivered(whole.mram, l),
                                layer_words(&f, l) * sizeof(uint64_t));
            slow_assert_result(&divided.results[l], &sum.results[l]);
            slow_assert_state(&divided.states[l], &sum.states[l]);
            for (unsigned s = 0; s < 2; s++)
                assert_int_equal(divided.drifted[l].flipped[s],
                                 sum.drifted[l].flipped[s]);
        }
        tear_down(&f);
    }
    slow_end(&after);
    tear_down(&whole);
}

static void tiles_may_be_divided_and_ordered_at_will(void **state)
{
    const struct mram_write writes[] = {
        uniform(1e-3, 2e-3, MRAM_OVER_PRESENT),
        retried(uniform(0.2, 0.1, MRAM_OVER_RANDOM), 2),
        iid(5e-3, 1e-3),
        iid(0.5, 0.5),
        device(classes_at(0.45, 0.40), MRAM_OVER_PRESENT),
        retried(device(classes_at(0.45, 0.40), MRAM_OVER_COMPLEMENT), 3),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        assert_any_division(&writes[i], i + 1);
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
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_agrees_with_cell_after_cell),
        cmocka_unit_test(iid_agrees_with_cell_after_cell),
        cmocka_unit_test(device_agrees_with_cell_after_cell),
        cmocka_unit_test(tiles_may_be_divided_and_ordered_at_will),
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
