/* SPDX-License-Identifier: Apache-2.0 */
/* mram_fixture.h - an array and the bits wanted in it, for the tests of mram.c. */
#ifndef TESTS_MRAM_FIXTURE_H
#define TESTS_MRAM_FIXTURE_H

#include "core/bits.h"
#include "core/mram.h"
#include "core/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_LAYERS 4

struct fixture {
    struct mram *mram;
    size_t n_layers;
    struct mram_shape shapes[MAX_LAYERS];
    uint64_t *wanted[MAX_LAYERS];
    struct mram_result results[MAX_LAYERS];
};

static inline uint64_t *random_bits(struct mram_shape shape, uint64_t index)
{
    size_t row_words = bits_words(shape.n_cols);
    uint64_t *words = calloc(shape.n_rows * row_words, sizeof(*words));
    struct rng_stream rng;

    assert_non_null(words);
    rng_start(&rng, 1000, RNG_CONTENTS, 1, index);
    for (size_t w = 0; w < shape.n_rows * row_words; w++)
        words[w] = rng_u64(&rng) & bits_mask(shape.n_cols, w % row_words);
    return words;
}

static inline struct fixture set_up(const struct mram_shape *shapes, size_t n_layers,
                                    uint64_t seed)
{
    struct fixture f = { .n_layers = n_layers };

    assert_int_equal(mram_new(shapes, n_layers, seed, &f.mram), ST_OK);
    for (size_t l = 0; l < n_layers; l++) {
        f.shapes[l] = shapes[l];
        f.wanted[l] = random_bits(shapes[l], l);
    }
    return f;
}

static inline void tear_down(struct fixture *f)
{
    for (size_t l = 0; l < f->n_layers; l++)
        free(f->wanted[l]);
    mram_free(f->mram);
}

/* A table with the real device under a 10 ns pulse: about 1e-2 or 1e-3. */
static inline const struct mtj_class_table *classes_at(double p2ap_v, double ap2p_v)
{
    static struct mtj_class_table table;
    struct mtj_params params = mtj_params_default();
    struct mtj_pulse pulse = { { p2ap_v, ap2p_v }, 10e-9, 300.0 };

    mtj_class_table(&params, &pulse, &table);
    return &table;
}

static inline struct mram_write uniform(double p2ap, double ap2p, enum mram_over over)
{
    return (struct mram_write) {
        .mode = MRAM_UNIFORM,
        .over = over,
        .generation = 1,
        .error_rate = { p2ap, ap2p },
        .toggle_pj = { 0.41, 0.33 },
        .hold_pj = { 0.34, 0.39 },
    };
}

static inline struct mram_write iid(double rate)
{
    return (struct mram_write) { .mode = MRAM_IID, .generation = 1, .flip_rate = rate };
}

static inline struct mram_write device(const struct mtj_class_table *classes,
                                       enum mram_over over)
{
    return (struct mram_write) {
        .mode = MRAM_DEVICE, .over = over, .generation = 1, .classes = classes
    };
}

static inline struct mram_result program(struct fixture *f,
                                         const struct mram_write *write)
{
    memset(f->results, 0, sizeof(f->results));
    assert_int_equal(mram_program(f->mram, (const uint64_t *const *)f->wanted, write, 0,
                                  mram_tiles(f->mram), f->results),
                     ST_OK);
    return mram_sum(f->results, f->n_layers);
}

static inline uint64_t wrong_bits(const struct fixture *f)
{
    uint64_t wrong = 0;

    for (size_t l = 0; l < f->n_layers; l++) {
        const uint64_t *stored = mram_contents(f->mram, l);
        for (size_t w = 0; w < mram_layer_words(f->mram, l); w++)
            wrong += (uint64_t)__builtin_popcountll(stored[w] ^ f->wanted[l][w]);
    }
    return wrong;
}

/* The binomial 99.9 % interval, in its normal approximation: 3.2905 sigma. */
static inline void assert_binomial(uint64_t errors, uint64_t n, double p)
{
    double expected = (double)n * p;

    assert_true(fabs((double)errors - expected) <= 3.2905 * sqrt(expected * (1 - p)));
}

#endif
