/* SPDX-License-Identifier: Apache-2.0 */
/* mram_fixture.h - an array and the bits wanted in it, for the tests of mram.c. */
#ifndef TESTS_MRAM_FIXTURE_H
#define TESTS_MRAM_FIXTURE_H

#include "core/bits.h"
#include "core/device.h"
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
    struct mram_state states[MAX_LAYERS];
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

static inline void lay_out(struct fixture *f, enum ecc_code ecc, bool pairs,
                           enum mram_polarity polarity)
{
    const struct mram_layout layout = { ecc, pairs, polarity };

    for (size_t l = 0; l < f->n_layers; l++)
        assert_int_equal(mram_set_layout(f->mram, l, &layout), ST_OK);
}

static inline void tear_down(struct fixture *f)
{
    for (size_t l = 0; l < f->n_layers; l++)
        free(f->wanted[l]);
    mram_free(f->mram);
}

static inline const uint64_t *const *wanted_of(const struct fixture *f)
{
    return (const uint64_t *const *)f->wanted;
}

static inline size_t layer_words(const struct fixture *f, size_t l)
{
    return f->shapes[l].n_rows * bits_words(f->shapes[l].n_cols);
}

/* A table with the real device under a 10 ns pulse: about 1e-2 or 1e-3. */
static inline const struct mtj_class_table *classes_at(double p2ap_v, double ap2p_v)
{
    static struct mtj_class_table table;
    struct mtj_params params = device_default().params;
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
        .read_pj = { 0.011, 0.007 },
        .stuck = { { 0.5, 0.6 }, { 0.2, 0.3 }, { 0.7, 0.9 } },
    };
}

static inline struct mram_write iid(double p2ap, double ap2p)
{
    return (struct mram_write) { .mode = MRAM_IID,
                                 .generation = 1,
                                 .flip_rate = { p2ap, ap2p } };
}

static inline struct mram_write device(const struct mtj_class_table *classes,
                                       enum mram_over over)
{
    struct mram_write write = uniform(0.0, 0.0, over);

    write.mode = MRAM_DEVICE;
    write.classes = classes;
    return write;
}

static inline struct mram_write retried(struct mram_write write, unsigned retries)
{
    write.retries = retries;
    return write;
}

static inline struct mram_result program(struct fixture *f,
                                         const struct mram_write *write)
{
    struct mram_write writes[MAX_LAYERS];

    for (size_t l = 0; l < f->n_layers; l++)
        writes[l] = *write;
    memset(f->results, 0, sizeof(f->results));
    memset(f->states, 0, sizeof(f->states));
    assert_int_equal(mram_program(f->mram, wanted_of(f), writes, 0, mram_tiles(f->mram),
                                  NULL, f->results, f->states),
                     ST_OK);
    return mram_result_sum(f->results, f->n_layers);
}

static inline struct mram_state state_of(const struct fixture *f)
{
    return mram_state_sum(f->states, f->n_layers);
}

static inline struct mram_state read_back(struct fixture *f)
{
    memset(f->states, 0, sizeof(f->states));
    assert_int_equal(mram_read(f->mram, wanted_of(f), 0, mram_tiles(f->mram), f->states),
                     ST_OK);
    return state_of(f);
}

static inline struct mram *copy_of(const struct fixture *f)
{
    struct mram *copy;

    assert_int_equal(mram_new(f->shapes, f->n_layers, mram_seed(f->mram), &copy), ST_OK);
    assert_int_equal(mram_set_defects(copy, mram_defects(f->mram)), ST_OK);
    for (size_t l = 0; l < f->n_layers; l++) {
        struct mram_layout layout = mram_layout(f->mram, l);

        assert_int_equal(mram_set_layout(copy, l, &layout), ST_OK);
        for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
            const uint64_t *words = mram_section(f->mram, l, (enum mram_section)s);

            if (words != NULL)
                assert_int_equal(mram_restore(copy, l, (enum mram_section)s, words),
                                 ST_OK);
        }
    }
    return copy;
}

/* Of a programming, which does not happen. */
static inline struct mram_forecast forecast_of(const struct fixture *f,
                                               const struct mram_write *write)
{
    struct mram_write writes[MAX_LAYERS];
    struct mram_forecast forecasts[MAX_LAYERS];
    struct mram_result results[MAX_LAYERS];
    struct mram_state states[MAX_LAYERS];
    struct mram *copy = copy_of(f);

    memset(results, 0, sizeof(results));
    memset(states, 0, sizeof(states));
    for (size_t l = 0; l < f->n_layers; l++)
        writes[l] = *write;
    assert_int_equal(mram_program(copy, wanted_of(f), writes, 0, mram_tiles(copy),
                                  forecasts, results, states),
                     ST_OK);
    mram_free(copy);
    return mram_forecast_sum(forecasts, f->n_layers);
}

/* Weights delivered wrong, counted here. */
static inline uint64_t wrong_bits(const struct fixture *f)
{
    uint64_t wrong = 0;

    for (size_t l = 0; l < f->n_layers; l++) {
        const uint64_t *got = mram_delivered(f->mram, l);
        for (size_t w = 0; w < layer_words(f, l); w++)
            wrong += (uint64_t)__builtin_popcountll(got[w] ^ f->wanted[l][w]);
    }
    return wrong;
}

/* Within so many sigma of the binomial; one count more where next to nothing is expected,
 * and the normal approximation has too thin a tail. */
static inline void assert_binomial_within(double sigmas, uint64_t n_hits, double n,
                                          double p)
{
    double off = fabs((double)n_hits - n * p);

    if (off > sigmas * sqrt(n * p * (1.0 - p)) + 1.0)
        fail_msg("%.0f of %.0f at %g: %.0f expected", (double)n_hits, n, p, n * p);
}

/* The binomial 99.9 % interval. */
static inline void assert_binomial(uint64_t errors, uint64_t n, double p)
{
    assert_binomial_within(3.2905, errors, (double)n, p);
}

static inline void assert_near(double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want)))
        fail_msg("%.17g, not %.17g", got, want);
}

#endif
