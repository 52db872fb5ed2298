/* SPDX-License-Identifier: Apache-2.0 */
/* bench_kernel.c - MAC/cycle of every usable kernel, against an asm scalar popcount loop.
 *
 * One MAC is one bit pair. Every round times each kernel once on each shape, with the
 * clock taken beside it; figures are medians over the rounds, best ones in brackets. The
 * bound 409.6 is that of five 512-bit instructions for two vectors at two a cycle
 * (core/README.md). Arguments: rounds (default 7).
 */
#include "core/bits.h"
#include "core/cpu.h"
#include "core/kernel.h"
#include "tests/bench/cycles.h"
#include "tests/bench/popcnt_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUND 409.6
/* Of three instructions to a vector. */
#define PLAIN_BOUND (1024 / 3.0)
#define MAX_ROUNDS  99
#define MAX_RUNS    8
/* One timing, in MACs: about half a millisecond. */
#define MACS 5e8

struct shape {
    const char *what;
    size_t n_in, n_out, n_x;
    double goal; /* of the bound, for the best kernel */
};

static const struct shape shapes[] = {
    { "one vector, weights 16 KB", 1024, 128, 1, 0.65 },
    { "one vector, weights 512 KB", 1024, 4096, 1, 0.65 },
    { "one vector, weights 512 KB", 4608, 896, 1, 0.65 },
    { "batch", 784, 1024, 64, 0.0 },
    { "batch", 1024, 1024, 8, 0.85 },
    { "batch", 1024, 1024, 64, 0.85 },
    { "batch", 1152, 1024, 128, 0.85 },
    { "batch", 4608, 512, 8, 0.90 },
    { "batch", 4608, 512, 128, 0.90 },
    { "batch", 9216, 512, 128, 0.90 },
};
#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

struct bench {
    struct kernel_matrix w;
    uint64_t *rows, *x;
    int32_t *m;
};

static void run_scalar(const struct bench *b, size_t n_x)
{
    size_t n_lanes = b->w.n_blocks * KERNEL_LANES;

    for (size_t i = 0; i < n_x; i++) {
        for (size_t j = 0; j < b->w.n_out; j++)
            b->m[i * n_lanes + j] = (int32_t)popcnt_loop(
                b->x + i * b->w.n_words, b->rows + j * b->w.n_words, b->w.n_words);
    }
}

/* kernel NULL: the asm loop. */
static double macs_per_cycle(const struct bench *b, const struct kernel *kernel,
                             size_t n_x)
{
    double macs = (double)b->w.n_in * (double)b->w.n_out * (double)n_x;
    size_t n_repeat = (size_t)(MACS / (kernel == NULL ? 4.0 : 1.0) / macs) + 1;
    double clock = cycles_per_ns();
    double began = cpu_ns();

    for (size_t i = 0; i < n_repeat; i++) {
        if (kernel == NULL)
            run_scalar(b, n_x);
        else
            kernel->counts(&b->w, b->x, n_x, b->w.n_words, b->m);
    }
    return macs * (double)n_repeat / (cpu_ns() - began) / clock;
}

static uint64_t *random_words(size_t n_rows, size_t n_in)
{
    size_t n_words = bits_words(n_in);
    uint64_t *words = malloc(n_rows * n_words * sizeof(*words));

    if (words == NULL)
        abort();
    for (size_t i = 0; i < n_rows * n_words; i++) {
        uint64_t word = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ random();
        words[i] = word & bits_mask(n_in, i % n_words);
    }
    return words;
}

static struct bench bench_make(const struct shape *shape)
{
    struct bench b = { .rows = random_words(shape->n_out, shape->n_in),
                       .x = random_words(shape->n_x, shape->n_in) };

    if (kernel_matrix_init(&b.w, b.rows, shape->n_out, shape->n_in) != ST_OK)
        abort();
    b.m = malloc(shape->n_x * b.w.n_blocks * KERNEL_LANES * sizeof(*b.m));
    if (b.m == NULL)
        abort();
    return b;
}

static void bench_done(struct bench *b)
{
    kernel_matrix_done(&b->w);
    free(b->rows);
    free(b->x);
    free(b->m);
}

static void print_goal(double reached, double goal)
{
    printf("  %s %.2f", reached >= goal ? "goal" : "MISSES", goal);
}

static void print_row(const char *name, double median, double best, double scalar,
                      const struct shape *shape)
{
    printf("  %-11s %6.1f (%6.1f)  %.3f of bound  %5.2fx scalar", name, median, best,
           median / BOUND, median / scalar);
    if (strcmp(name, kernel_best()->name) == 0 && shape->goal > 0.0) {
        print_goal(median / BOUND, shape->goal);
        print_goal(median / scalar, 5.0);
    }
    if (strcmp(name, "avx2") == 0 && shape->n_x >= 8)
        print_goal(median / scalar, shape->n_in >= 4608 ? 1.3 : 1.0);
    printf("\n");
}

static void run_shape(const struct shape *shape, size_t n_rounds)
{
    struct bench b = bench_make(shape);
    const struct kernel *runs[MAX_RUNS] = { NULL }; /* the first is the asm loop */
    double reached[MAX_RUNS][MAX_ROUNDS], scalar;
    size_t n_runs = 1;

    for (const struct kernel *k = kernel_list; k->name != NULL && n_runs < MAX_RUNS;
         k++) {
        if (k->usable())
            runs[n_runs++] = k;
    }
    for (size_t round = 0; round < n_rounds; round++) {
        for (size_t r = 0; r < n_runs; r++)
            reached[r][round] = macs_per_cycle(&b, runs[r], shape->n_x);
    }
    printf("%s: %zu inputs, %zu outputs, batch %zu\n", shape->what, shape->n_in,
           shape->n_out, shape->n_x);
    scalar = cycles_median(reached[0], n_rounds);
    for (size_t r = 0; r < n_runs; r++) {
        double median = cycles_median(reached[r], n_rounds);

        print_row(r == 0 ? "asm scalar" : runs[r]->name, median, reached[r][n_rounds - 1],
                  scalar, shape);
    }
    bench_done(&b);
}

/* What reading alone allows for one vector: eight MACs a byte. */
static void print_read_bound(size_t n_bytes)
{
#if defined(__x86_64__)
    double best = 0.0;
    char *bytes = aligned_alloc(64, n_bytes);

    if (bytes == NULL || !cpu_has_avx2()) {
        free(bytes);
        return;
    }
    memset(bytes, 1, n_bytes);
    for (size_t round = 0; round < 9; round++) {
        double clock = cycles_per_ns();
        double began = cpu_ns();

        for (size_t repeat = 0; repeat < 40; repeat++) {
            const char *p = bytes, *end = bytes + n_bytes;
            __asm__ volatile("1:\n\tvmovdqa (%0), %%ymm0\n\tvmovdqa 32(%0), %%ymm1\n\t"
                             "vmovdqa 64(%0), %%ymm2\n\tvmovdqa 96(%0), %%ymm3\n\t"
                             "sub $-128, %0\n\tcmp %1, %0\n\tjb 1b"
                             : "+r"(p)
                             : "r"(end)
                             : "xmm0", "xmm1", "xmm2", "xmm3", "memory", "cc");
        }
        double rate = 40.0 * (double)n_bytes / (cpu_ns() - began) / clock;
        best = rate > best ? rate : best;
    }
    printf("reading %zu KB: %.1f B/cycle, so one vector gets %.0f MAC/cycle at most "
           "(%.3f of bound)\n",
           n_bytes >> 10, best, 8.0 * best, 8.0 * best / BOUND);
    free(bytes);
#else
    (void)n_bytes;
#endif
}

int main(int argc, char **argv)
{
    size_t n_rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 7;

    if (n_rounds < 1 || n_rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench_kernel [rounds, 1 to %d]\n", MAX_ROUNDS);
        return 2;
    }
    srandom(1);
    printf("MAC/cycle, median (best) of %zu rounds; best kernel here: %s\n", n_rounds,
           kernel_best()->name);
    if (cpu_has_slow_ternary_logic())
        printf("three-input logic is slow here: xor, count and add reach %.1f at most "
               "(%.3f of bound)\n",
               PLAIN_BOUND, PLAIN_BOUND / BOUND);
    print_read_bound(16 << 10);
    print_read_bound(512 << 10);
    for (size_t s = 0; s < N_SHAPES; s++)
        run_shape(&shapes[s], n_rounds);
    return 0;
}
