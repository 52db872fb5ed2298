/* SPDX-License-Identifier: Apache-2.0 */
/* Every mode and layout against a slow reference that looks at cell after cell, and the
 * same bits for every division and kernel. */
#include "core/mram.h"

#include "core/device.h"
#include "core/mram_kernel.h"
#include "core/mram_tile.h"
#include "tests/unit/mram_slow.h"
#include "tests/unit/mram_turn_fixture.h"

#include <pthread.h>

/* -- Cell after cell -- */

static const struct device_flips *flips_at_90_c(void)
{
    static struct device_flips flips;
    struct device ours = device_default();

    device_retention(&ours, 3e7, 363.0, &flips);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_agrees_with_cell_after_cell),
        cmocka_unit_test(iid_agrees_with_cell_after_cell),
        cmocka_unit_test(device_agrees_with_cell_after_cell),
        cmocka_unit_test(tiles_may_be_divided_and_ordered_at_will),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
