/* SPDX-License-Identifier: Apache-2.0 */
/* bench_mram.c - what it costs to program a 60 Mbit array, against a plain XOR pass over
 * the same number of bytes in the same run.
 *
 * Every round times the plain pass and then each row once, so that a neighbour's load
 * falls on all alike; a row's ratio is the median over the rounds of its time over the
 * plain time of the same round. Two wanted images alternate, so half of the cells toggle
 * each time. Then the check bits: each code with each usable kernel, over the whole image
 * and over words that stay in the cache, next to a plain pass over the same words.
 * Arguments: rounds (5 or more), kernel name; without a name the best that is usable
 * programs.
 */
#include "core/ecc.h"
#include "core/mram.h"
#include "core/mram_kernel.h"
#include "core/mtj_array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_ROWS     512
#define N_COLS     117184
#define N_CELLS    (UINT64_C(1) * N_ROWS * N_COLS)
#define MAX_ROUNDS 99

/* A goal is a ratio to the plain pass at most, or Mcell/s at least. */
struct row {
    enum mram_mode mode;
    enum mram_over over;
    double rate; /* device: where the pulse is solved for */
    double goal;
};

static const struct row rows[] = {
    { MRAM_UNIFORM, MRAM_OVER_PRESENT, 0.0, 4 },
    { MRAM_UNIFORM, MRAM_OVER_PRESENT, 1e-6, 4 },
    { MRAM_UNIFORM, MRAM_OVER_PRESENT, 1e-4, 4 },
    { MRAM_UNIFORM, MRAM_OVER_PRESENT, 1e-3, 15 },
    { MRAM_UNIFORM, MRAM_OVER_PRESENT, 7.8e-3, 80 },
    { MRAM_UNIFORM, MRAM_OVER_PRESENT, 1e-2, 80 },
    { MRAM_UNIFORM, MRAM_OVER_PRESENT, 1e-1, 80 },
    { MRAM_UNIFORM, MRAM_OVER_PRESENT, 0.5, 80 },
    { MRAM_UNIFORM, MRAM_OVER_COMPLEMENT, 1e-1, 80 },
    { MRAM_UNIFORM, MRAM_OVER_RANDOM, 1e-3, 15 },
    { MRAM_IID, MRAM_OVER_PRESENT, 1e-6, 4 },
    { MRAM_IID, MRAM_OVER_PRESENT, 1e-4, 4 },
    { MRAM_IID, MRAM_OVER_PRESENT, 1e-3, 15 },
    { MRAM_IID, MRAM_OVER_PRESENT, 7.8e-3, 80 },
    { MRAM_IID, MRAM_OVER_PRESENT, 1e-2, 80 },
    { MRAM_IID, MRAM_OVER_PRESENT, 1e-1, 80 },
    { MRAM_IID, MRAM_OVER_PRESENT, 0.5, 80 },
    { MRAM_DEVICE, MRAM_OVER_PRESENT, 1e-3, 200 },
    { MRAM_DEVICE, MRAM_OVER_PRESENT, 1e-6, 200 },
};
#define N_BENCH_ROWS (sizeof(rows) / sizeof(rows[0]))

struct bench {
    struct mram *mram;
    uint64_t *plain;
    uint64_t *images[2];
    uint8_t *check[2]; /* of images[0] */
    struct mtj_class_table classes[N_BENCH_ROWS];
    double us[N_BENCH_ROWS][MAX_ROUNDS];
    double ratio[N_BENCH_ROWS][MAX_ROUNDS];
    double plain_us[MAX_ROUNDS];
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

static double time_row(struct bench *bench, size_t i)
{
    const struct row *row = &rows[i];
    struct mram_result result = { 0 };
    uint64_t generation = ++bench->generation;
    const uint64_t *wanted[1] = { bench->images[generation % 2] };
    struct mram_write write = {
        .mode = row->mode,
        .over = row->over,
        .generation = generation,
        .flip_rate = row->rate,
        .error_rate = { row->rate, row->rate },
        .toggle_pj = { 0.4, 0.3 },
        .hold_pj = { 0.3, 0.4 },
        .classes = &bench->classes[i],
    };

    double begin = now_us();
    if (mram_program(bench->mram, wanted, &write, 0, mram_tiles(bench->mram), &result) !=
        ST_OK)
        return 0.0;
    return now_us() - begin;
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
    struct mtj_params params = mtj_params_default();
    struct mtj_pulse pulse;
    char why[ERR_LEN];

    if (mram_new(&shape, 1, 1, &bench->mram) != ST_OK)
        return -1;
    size_t bytes = mram_layer_words(bench->mram, 0) * sizeof(uint64_t);
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
    for (size_t i = 0; i < N_BENCH_ROWS; i++) {
        if (rows[i].mode != MRAM_DEVICE)
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

static void print_rows(struct bench *bench, size_t n_rounds)
{
    static const char *const modes[] = { "device", "uniform", "iid" };
    static const char *const overs[] = { "present", "random", "complement", "erased-p",
                                         "erased-ap" };

    printf("%-8s %-10s %8s %10s %8s %10s %10s\n", "mode", "over", "rate", "us", "ratio",
           "Mcell/s", "goal");
    for (size_t i = 0; i < N_BENCH_ROWS; i++) {
        double us = median(bench->us[i], n_rounds);
        double ratio = median(bench->ratio[i], n_rounds);
        double mcells = (double)N_CELLS / us;
        bool by_speed = rows[i].mode == MRAM_DEVICE;
        bool met = by_speed ? mcells >= rows[i].goal : ratio <= rows[i].goal;

        printf("%-8s %-10s %8.2g %10.0f %8.2f %10.0f %s%-3.0f%s %s\n",
               modes[rows[i].mode], overs[rows[i].over], rows[i].rate, us, ratio, mcells,
               by_speed ? ">= " : "<= ", rows[i].goal, by_speed ? " Mcell/s" : "x",
               met ? "met" : "MISSED");
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

    for (size_t round = 0; round < n_rounds; round++) {
        for (size_t i = 0; i < N_BENCH_ROWS; i++) {
            double plain_us = time_plain(bench);
            bench->us[i][round] = time_row(bench, i);
            bench->ratio[i][round] = bench->us[i][round] / plain_us;
            bench->plain_us[round] = plain_us;
        }
    }
    printf("kernel %s, %llu cells, %zu rounds, plain pass %.0f us\n",
           mram_kernel(bench->mram)->name, (unsigned long long)N_CELLS, n_rounds,
           median(bench->plain_us, n_rounds));
    print_rows(bench, n_rounds);
    print_encodes(bench, n_rounds);
    release(bench);
    return 0;
}
