/* SPDX-License-Identifier: Apache-2.0 */
/* bench_mram.c - what it costs to program and age a 64 Mbit array, against a plain XOR
 * pass over the same number of weights in the same run.
 *
 * Every round times the plain pass and then each row once, so that a neighbour's load
 * falls on all alike; a row's figures are the medians over the rounds, and ratios are
 * taken within a round. Two wanted images alternate, so half of the cells toggle each
 * time. Rows are compared with the plain pass, with another row, or go by their speed.
 * Then the check bits: each code with each usable kernel, over the whole image and over
 * words that stay in the cache, next to a plain pass over the same words. Arguments:
 * rounds (5 or more), kernel name; without a name the best that is usable programs.
 */
#include "core/device.h"
#include "core/ecc.h"
#include "core/mram.h"
#include "core/mram_kernel.h"
#include "core/mtj_array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_ROWS     512
#define N_COLS     131072
#define N_CELLS    (UINT64_C(1) * N_ROWS * N_COLS)
#define MAX_ROUNDS 99

/* What a row is compared with; goals are a ratio at most, or Mcell/s at least. */
enum against { PLAIN, NO_CODE, SPEED };

struct row {
    enum mram_mode mode;
    double rate; /* device: where the pulse is solved for */
    enum mram_over over;
    enum ecc_code ecc;
    bool pairs;
    unsigned retries;
    bool age; /* left alone for a year at 400 K instead: rate is of no matter */
    enum against against;
    double goal; /* 0: none */
};

/* A mode at a rate without and with codes: each stands after the row it is compared with.
 */
#define WITH_CODES(mode, rate, against, goal)                                            \
    { mode, rate, 0, ECC_NONE, false, 0, false, against, goal },                         \
        { mode, rate, 0, ECC_SECDED, false, 0, false, NO_CODE, 3 },                      \
    {                                                                                    \
        mode, rate, 0, ECC_BCH2, false, 0, false, NO_CODE, 3                             \
    }

static const struct row rows[] = {
    { .mode = MRAM_UNIFORM, .goal = 4 },
    WITH_CODES(MRAM_UNIFORM, 1e-6, PLAIN, 4),
    WITH_CODES(MRAM_UNIFORM, 1e-4, PLAIN, 4),
    WITH_CODES(MRAM_UNIFORM, 1e-3, PLAIN, 15),
    { .mode = MRAM_UNIFORM, .rate = 7.8e-3, .goal = 80 },
    { .mode = MRAM_UNIFORM, .rate = 1e-2, .goal = 80 },
    { .mode = MRAM_UNIFORM, .rate = 1e-1, .goal = 80 },
    { .mode = MRAM_UNIFORM, .rate = 0.5, .goal = 80 },
    { .mode = MRAM_UNIFORM, .rate = 1e-1, .over = MRAM_OVER_COMPLEMENT, .goal = 80 },
    { .mode = MRAM_UNIFORM, .rate = 1e-3, .over = MRAM_OVER_RANDOM, .goal = 15 },
    WITH_CODES(MRAM_IID, 1e-6, PLAIN, 4),
    WITH_CODES(MRAM_IID, 1e-4, PLAIN, 4),
    WITH_CODES(MRAM_IID, 1e-3, PLAIN, 15),
    { .mode = MRAM_IID, .rate = 7.8e-3, .goal = 80 },
    { .mode = MRAM_IID, .rate = 1e-2, .goal = 80 },
    { .mode = MRAM_IID, .rate = 1e-1, .goal = 80 },
    { .mode = MRAM_IID, .rate = 0.5, .goal = 80 },
    WITH_CODES(MRAM_DEVICE, 1e-6, SPEED, 200),
    WITH_CODES(MRAM_DEVICE, 1e-4, SPEED, 200),
    WITH_CODES(MRAM_DEVICE, 1e-3, SPEED, 200),
    { .mode = MRAM_UNIFORM, .rate = 1e-4, .pairs = true },
    { .mode = MRAM_DEVICE, .rate = 1e-4, .pairs = true, .against = SPEED },
    { .mode = MRAM_UNIFORM, .rate = 1e-4, .ecc = ECC_SECDED, .pairs = true },
    { .mode = MRAM_UNIFORM, .rate = 1e-4, .retries = 1 },
    { .mode = MRAM_UNIFORM, .rate = 1e-4, .retries = 3 },
    { .mode = MRAM_DEVICE, .rate = 1e-3, .retries = 1, .against = SPEED },
    { .mode = MRAM_DEVICE, .rate = 1e-3, .retries = 3, .against = SPEED },
    { .mode = MRAM_UNIFORM, .age = true },
    { .mode = MRAM_DEVICE, .age = true, .against = SPEED, .goal = 200 },
};
#define N_BENCH_ROWS (sizeof(rows) / sizeof(rows[0]))

struct bench {
    struct mram *mram;
    uint64_t *plain;
    uint64_t *images[2];
    uint8_t *check[2]; /* of images[0] */
    struct mtj_class_table classes[N_BENCH_ROWS];
    struct device_flips flips;
    double us[N_BENCH_ROWS][MAX_ROUNDS];
    double plain_us[N_BENCH_ROWS][MAX_ROUNDS]; /* just before the row */
    uint64_t generation;
};

/* Time that this thread had a core: neighbours do not count. */
static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* 64 bytes at a time, in whatever registers the baseline has. */
static void plain_pass(uint64_t *words, size_t n_words, uint64_t mask)
{
    typedef uint64_t vector __attribute__((vector_size(64), aligned(8), may_alias));
    vector masks = { mask, mask, mask, mask, mask, mask, mask, mask };

    for (size_t w = 0; w + 8 <= n_words; w += 8)
        *(vector *)(void *)(words + w) ^= masks;
}

static double time_plain(struct bench *bench)
{
    double begin = now_us();

    plain_pass(bench->plain, N_CELLS / 64, bench->generation);
    __asm__ volatile("" : : "r"(bench->plain) : "memory");
    return now_us() - begin;
}

/* What a row does, without its layout. Gives microseconds, or 0 if it failed. */
static double time_row(struct bench *bench, size_t i)
{
    const struct row *row = &rows[i];
    struct mram_result result = { .failures = 0 };
    struct mram_state state = { .weights = 0 };
    struct mram_drifted drifted = { .flipped = { 0 } };
    uint64_t generation = ++bench->generation;
    const uint64_t *wanted[1] = { bench->images[generation % 2] };
    const struct mram_drift drift = { RNG_RETENTION, generation, row->mode == MRAM_DEVICE,
                                      &bench->flips };
    const struct mram_write write = {
        .mode = row->mode,
        .over = row->over,
        .generation = generation,
        .flip_rate = { row->rate, row->rate },
        .error_rate = { row->rate, row->rate },
        .toggle_pj = { 0.4, 0.3 },
        .hold_pj = { 0.3, 0.4 },
        .classes = &bench->classes[i],
        .retries = row->retries,
        .read_pj = { 0.01, 0.01 },
    };
    size_t n = mram_tiles(bench->mram);
    enum status st;

    double begin = now_us();
    if (row->age)
        st = mram_drift(bench->mram, &drift, 0, n, &drifted);
    else
        st = mram_program(bench->mram, wanted, &write, 0, n, NULL, &result, &state);
    return st == ST_OK ? now_us() - begin : 0.0;
}

static void time_rows(struct bench *bench, size_t round)
{
    for (size_t i = 0; i < N_BENCH_ROWS; i++) {
        const struct mram_layout layout = { rows[i].ecc, rows[i].pairs,
                                            MRAM_POLARITY_NONE };

        bench->plain_us[i][round] = time_plain(bench);
        if (mram_set_layout(bench->mram, 0, &layout) == ST_OK)
            bench->us[i][round] = time_row(bench, i);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), compare);
    return n % 2 != 0 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static int prepare(struct bench *bench)
{
    static const struct mram_shape shape = { N_ROWS, N_COLS };
    struct mtj_params params = device_default().params;
    struct mtj_pulse pulse;
    char why[ERR_LEN];

    if (mram_new(&shape, 1, 1, &bench->mram) != ST_OK)
        return -1;
    size_t bytes = mram_section_words(bench->mram, 0, MRAM_DATA) * sizeof(uint64_t);
    struct device ours = device_default();
    bench->plain = malloc(bytes);
    bench->images[0] = malloc(bytes);
    bench->images[1] = malloc(bytes);
    if (bench->plain == NULL || bench->images[0] == NULL || bench->images[1] == NULL)
        return -1;
    for (unsigned i = 0; i < 2; i++) {
        struct rng_stream rng;
        bench->check[i] = calloc(bytes / sizeof(uint64_t), 1);
        if (bench->check[i] == NULL)
            return -1;
        rng_start(&rng, 2, RNG_CONTENTS, 0, i);
        for (size_t w = 0; w < bytes / sizeof(uint64_t); w++)
            bench->images[i][w] = rng_u64(&rng);
    }
    memset(bench->plain, 0, bytes);
    device_retention(&ours, 3.15e7, 400.0, &bench->flips);
    for (size_t i = 0; i < N_BENCH_ROWS; i++) {
        if (rows[i].mode != MRAM_DEVICE || rows[i].age)
            continue;
        if (mtj_solve_pulse(&params, rows[i].rate, 10e-9, 300.0, 1.5, &pulse, why) !=
            ST_OK)
            return -1;
        mtj_class_table(&params, &pulse, &bench->classes[i]);
    }
    return 0;
}

static void release(struct bench *bench)
{
    mram_free(bench->mram);
    free(bench->plain);
    free(bench->images[0]);
    free(bench->images[1]);
    free(bench->check[0]);
    free(bench->check[1]);
    free(bench);
}

/* The row without a code that a row with one follows. */
static size_t without_code(size_t i)
{
    while (rows[i].ecc != ECC_NONE)
        i--;
    return i;
}

/* Medians over the rounds: of a row's time, and of its ratio to another's. */
static double median_us(const double *us, size_t n_rounds)
{
    double sorted[MAX_ROUNDS];

    memcpy(sorted, us, n_rounds * sizeof(*us));
    return median(sorted, n_rounds);
}

static double median_ratio(const double *us, const double *to_us, size_t n_rounds)
{
    double ratio[MAX_ROUNDS];

    for (size_t round = 0; round < n_rounds; round++)
        ratio[round] = us[round] / to_us[round];
    return median(ratio, n_rounds);
}

static void print_goal(const struct row *row, double ratio, double mcells)
{
    bool by_speed = row->against == SPEED;
    bool met = by_speed ? mcells >= row->goal : ratio <= row->goal;

    if (row->goal == 0.0)
        printf("\n");
    else
        printf(" %s %.0f%s %s\n", by_speed ? ">=" : "<=", row->goal,
               by_speed                  ? " Mcell/s"
               : row->against == NO_CODE ? "x no code"
                                         : "x plain",
               met ? "met" : "MISSED");
}

static void print_rows(const struct bench *bench, size_t n_rounds)
{
    static const char *const modes[] = { "device", "uniform", "iid" };
    static const char *const overs[] = { "present", "random", "complement", "erased-p",
                                         "erased-ap" };

    printf("%-8s %-8s %-10s %-7s %5s %7s %9s %8s %8s  %s\n", "mode", "rate", "over",
           "code", "cells", "retries", "us", "x plain", "Mcell/s", "goal");
    for (size_t i = 0; i < N_BENCH_ROWS; i++) {
        const struct row *row = &rows[i];
        const double *row_us = bench->us[i];
        double us = median_us(row_us, n_rounds);
        double plain = median_ratio(row_us, bench->plain_us[i], n_rounds);
        double to_uncoded = median_ratio(row_us, bench->us[without_code(i)], n_rounds);
        double mcells = (double)N_CELLS / us;
        char rate[16];

        snprintf(rate, sizeof(rate), row->age ? "age" : "%.2g", row->rate);
        printf("%-8s %-8s %-10s %-7s %5s %7u %9.0f %8.2f %8.0f ", modes[row->mode], rate,
               overs[row->over], ecc_name(row->ecc), row->pairs ? "2T2R" : "1T1R",
               row->retries, us, plain, mcells);
        if (row->against == NO_CODE)
            printf(" %.2f", to_uncoded);
        print_goal(row, row->against == NO_CODE ? to_uncoded : plain, mcells);
    }
}

/* Passes over the first n_words of the image and their check bits. */
struct encode_row {
    const struct mram_kernel *kernel;
    enum ecc_code code;
    size_t n_words, n_passes;
};

static double time_encode(struct bench *bench, const struct encode_row *row)
{
    double begin = now_us();

    for (size_t i = 0; i < row->n_passes; i++)
        row->kernel->encode(row->code, bench->images[0], row->n_words, bench->check);
    return now_us() - begin;
}

static double time_plain_words(struct bench *bench, size_t n_words, size_t n_passes)
{
    double begin = now_us();

    for (size_t i = 0; i < n_passes; i++) {
        plain_pass(bench->plain, n_words, i);
        __asm__ volatile("" : : "r"(bench->plain) : "memory");
    }
    return now_us() - begin;
}

static void print_encode(struct bench *bench, const struct encode_row *row,
                         size_t n_rounds)
{
    double ns[MAX_ROUNDS], ratio[MAX_ROUNDS];
    double n_encoded = (double)row->n_words * (double)row->n_passes;

    for (size_t round = 0; round < n_rounds; round++) {
        double plain_us = time_plain_words(bench, row->n_words, row->n_passes);
        double us = time_encode(bench, row);

        ns[round] = 1e3 * us / n_encoded;
        ratio[round] = us / plain_us;
    }
    printf("%-8s %-8s %10zu %10.3f %8.2f\n", row->kernel->name, ecc_name(row->code),
           row->n_words, median(ns, n_rounds), median(ratio, n_rounds));
}

static void print_encodes(struct bench *bench, size_t n_rounds)
{
    /* All, and 16 KiB. */
    static const size_t lengths[] = { N_CELLS / 64, 2048 };
    size_t n;
    const struct mram_kernel *const *kernels = mram_kernels(&n);

    printf("%-8s %-8s %10s %10s %8s\n", "encode", "code", "words", "ns/word", "ratio");
    for (size_t i = 0; i < n; i++) {
        if (!kernels[i]->usable())
            continue;
        for (size_t l = 0; l < 2; l++) {
            struct encode_row row = { .kernel = kernels[i], .n_words = lengths[l] };

            row.n_passes = lengths[0] / lengths[l];
            for (unsigned code = ECC_SECDED; code < ECC_CODES; code++) {
                row.code = (enum ecc_code)code;
                print_encode(bench, &row, n_rounds);
            }
        }
    }
}

static int use_kernel(struct bench *bench, const char *name)
{
    size_t n;
    const struct mram_kernel *const *kernels = mram_kernels(&n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(kernels[i]->name, name) != 0)
            continue;
        if (!kernels[i]->usable()) {
            fprintf(stderr, "kernel %s cannot run on this machine\n", name);
            return -1;
        }
        mram_use_kernel(bench->mram, kernels[i]);
        return 0;
    }
    fprintf(stderr, "no kernel is called '%s'\n", name);
    return -1;
}

int main(int argc, char **argv)
{
    long asked = argc > 1 ? strtol(argv[1], NULL, 10) : 7;
    size_t n_rounds = asked < 5 ? 5 : asked > MAX_ROUNDS ? MAX_ROUNDS : (size_t)asked;
    struct bench *bench = calloc(1, sizeof(*bench));

    if (bench == NULL || prepare(bench) != 0) {
        fprintf(stderr, "cannot set up the array\n");
        return 1;
    }
    if (argc > 2 && use_kernel(bench, argv[2]) != 0)
        return 1;

    for (size_t round = 0; round < n_rounds; round++)
        time_rows(bench, round);
    printf("kernel %s, %llu weights, %zu rounds, plain pass %.0f us\n",
           mram_kernel(bench->mram)->name, (unsigned long long)N_CELLS, n_rounds,
           median_us(bench->plain_us[0], n_rounds));
    print_rows(bench, n_rounds);
    print_encodes(bench, n_rounds);
    release(bench);
    return 0;
}
