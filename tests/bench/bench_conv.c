/* SPDX-License-Identifier: Apache-2.0 */
/* bench_conv.c - convolutions of bits beside the matrix products of the same kernel.
 *
 * One MAC is one bit pair inside the map: taps that hang over an edge are left out and
 * not counted. Each round times, one after the other, the asm scalar popcount loop and,
 * for every usable kernel, its matrix product (4608 inputs, 512 outputs, batch 128) and
 * every layer with the product and the loop that have as many inputs and outputs (batch
 * 128), with the clock taken beside each. A ratio is the median of the ratios of the
 * rounds. Then a whole VGG from pixels to logits, put together from the kernels, with the
 * share of each part, and by the forward pass; and first layers. Arguments: rounds
 * (default 7).
 */
#include "core/bits.h"
#include "core/infer.h"
#include "core/kernel_conv.h"
#include "core/kernel_pixels.h"
#include "core/kernel_pool.h"
#include "core/kernel_reals.h"
#include "tests/bench/cycles.h"
#include "tests/bench/inside.h"
#include "tests/bench/popcnt_loop.h"
#include "tests/lib/stage_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROUNDS  99
#define MAX_KERNELS 8
/* One timing, ns. */
#define TIMING_NS 4e6

#define GEMM_IN  4608
#define GEMM_OUT 512
#define GEMM_X   128

/* For the best kernel, of the product of a layer's own size; for avx2, of the loop. */
#define GOAL_SAME   0.80
#define GOAL_SCALAR 1.30

struct layer {
    const char *what;
    size_t side, channels, n_out;
    uint32_t kernel, stride, pad;
    double goal; /* of the matrix product, for the best kernel */
};

static const struct layer layers[] = {
    { "VGG conv2", 32, 128, 128, 3, 1, 1, 0.80 },
    { "VGG conv3", 16, 128, 256, 3, 1, 1, 0.80 },
    { "VGG conv4", 16, 256, 256, 3, 1, 1, 0.80 },
    { "VGG conv5", 8, 256, 512, 3, 1, 1, 0.80 },
    { "VGG conv6", 8, 512, 512, 3, 1, 1, 0.80 },
    { "ResNet 64-64", 56, 64, 64, 3, 1, 1, 0.0 },
    { "ResNet 64-128 /2", 56, 64, 128, 3, 2, 1, 0.0 },
    { "ResNet 128-128", 28, 128, 128, 3, 1, 1, 0.0 },
    { "ResNet 128-256 /2", 28, 128, 256, 3, 2, 1, 0.0 },
    { "ResNet 256-256", 14, 256, 256, 3, 1, 1, 0.0 },
    { "ResNet 256-512 /2", 14, 256, 512, 3, 2, 1, 0.0 },
    { "ResNet 512-512", 7, 512, 512, 3, 1, 1, 0.0 },
};
#define N_LAYERS (sizeof(layers) / sizeof(layers[0]))

/* -- One layer, ready to run -- */

enum step_kind { STEP_PIXELS, STEP_CONV, STEP_LOGITS, STEP_POOL, STEP_REALS, STEP_GEMM };

struct step {
    const char *what;
    enum step_kind kind;
    struct kernel_shape shape;
    struct kernel_conv conv;
    struct kernel_pixels pixels;
    struct kernel_reals reals;
    struct kernel_matrix matrix;
    uint64_t *rows, *mask, *scratch;
    float *scale, *bias; /* LOGITS */
    void *x, *y;
    double macs;
};

static void *must_alloc(size_t n, size_t size)
{
    void *p = aligned_alloc(64, (n * size + 127) / 64 * 64);

    if (p == NULL)
        abort();
    memset(p, 0, n * size);
    return p;
}

static uint64_t *random_bits(size_t n_rows, size_t n_bits)
{
    size_t n_words = bits_words(n_bits);
    uint64_t *words = must_alloc(n_rows * n_words, sizeof(*words));

    for (size_t i = 0; i < n_rows * n_words; i++) {
        uint64_t word = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ random();
        words[i] = word & bits_mask(n_bits, i % n_words);
    }
    return words;
}

static struct kernel_shape shape_of(size_t side, size_t channels, size_t n_out,
                                    uint32_t kernel, uint32_t stride, uint32_t pad)
{
    const struct network_window window = { kernel, kernel, stride, stride, 1,
                                           1,      pad,    pad,    pad,    pad };

    return (struct kernel_shape) { side, side, channels, n_out, 1, window };
}

static enum status prepare(struct step *s)
{
    size_t fan_in = kernel_shape_fan_in(&s->shape);
    int32_t *threshold = must_alloc(s->shape.n_out, sizeof(*threshold));
    uint64_t *falling = random_bits(1, s->shape.n_out);
    enum status st = ST_OK;

    s->rows = random_bits(s->shape.n_out, fan_in);
    switch (s->kind) {
    case STEP_PIXELS:
        st = kernel_pixels_init(&s->pixels, &s->shape, s->rows, threshold, falling);
        s->scratch = must_alloc(kernel_pixels_scratch(&s->shape), sizeof(uint64_t));
        break;
    case STEP_CONV:
        st = kernel_conv_init(&s->conv, &s->shape, NETWORK_PAD_ZERO, s->rows, threshold,
                              falling);
        break;
    case STEP_LOGITS:
        st = kernel_conv_init(&s->conv, &s->shape, NETWORK_PAD_ZERO, s->rows, NULL, NULL);
        s->scale = must_alloc(s->shape.n_out, sizeof(*s->scale));
        s->bias = must_alloc(s->shape.n_out, sizeof(*s->bias));
        break;
    case STEP_POOL:
        s->mask = random_bits(1, s->shape.channels);
        break;
    case STEP_REALS: {
        float *weights = must_alloc(s->shape.n_out * fan_in, sizeof(*weights));
        float *bias = must_alloc(s->shape.n_out, sizeof(*bias));

        for (size_t i = 0; i < s->shape.n_out * fan_in; i++)
            weights[i] = (float)random() / (float)RAND_MAX - 0.5F;
        st = kernel_reals_init(&s->reals, &s->shape, weights, bias);
        free(weights);
        free(bias);
        break;
    }
    case STEP_GEMM:
        st = kernel_matrix_init(&s->matrix, s->rows, s->shape.n_out, fan_in);
        break;
    }
    free(threshold);
    free(falling);
    return st;
}

/* x: what an earlier step wrote, or NULL for noise. */
static struct step step_make(const char *what, enum step_kind kind,
                             struct kernel_shape shape, void *x)
{
    struct step s = { .what = what, .kind = kind, .shape = shape };
    size_t n_in = shape.height * shape.width;
    size_t n_out = kernel_shape_height(&shape) * kernel_shape_width(&shape);

    s.macs = macs_inside(&shape);
    if (prepare(&s) != ST_OK)
        abort();
    /* Bits, bytes or reals: room for the largest, all of it noise. */
    s.x = x;
    if (kind == STEP_REALS) {
        float *reals = must_alloc(n_in * shape.channels, sizeof(*reals));
        for (size_t i = 0; i < n_in * shape.channels; i++)
            reals[i] = (float)random() / (float)RAND_MAX - 0.5F;
        s.x = reals;
    } else if (x == NULL) {
        s.x = kind == STEP_PIXELS ? random_bits(1, n_in * shape.channels * 8)
                                  : random_bits(n_in, shape.channels);
    }
    s.y = must_alloc(n_out * (shape.n_out + 64), sizeof(int32_t));
    return s;
}

static void step_done(struct step *s, bool own_x)
{
    kernel_conv_done(&s->conv);
    kernel_pixels_done(&s->pixels);
    kernel_reals_done(&s->reals);
    kernel_matrix_done(&s->matrix);
    free(s->rows);
    free(s->mask);
    free(s->scratch);
    free(s->scale);
    free(s->bias);
    free(s->y);
    if (own_x)
        free(s->x);
}

static void step_run(const struct step *s, const struct kernel *kernel)
{
    switch (s->kind) {
    case STEP_PIXELS:
        kernel_pixels_fire(&s->pixels, kernel, s->x, s->scratch, s->y);
        break;
    case STEP_CONV:
        kernel_conv_fire(&s->conv, kernel, s->x, s->y);
        break;
    case STEP_LOGITS:
        kernel_conv_scaled(&s->conv, kernel, s->x, s->scale, s->bias, s->y);
        break;
    case STEP_POOL:
        kernel_pool_bits(&s->shape.window, s->shape.height, s->shape.width,
                         s->shape.channels, s->mask, s->x, s->y);
        break;
    case STEP_REALS:
        kernel_reals_run(&s->reals, kernel, s->x, s->y);
        break;
    case STEP_GEMM: /* the height of the map is the batch */
        kernel->counts(&s->matrix, s->x, s->shape.height, s->matrix.n_words, s->y);
        break;
    }
}

struct timing {
    double ns, cycles; /* of one run */
};

static struct timing time_step(const struct step *s, const struct kernel *kernel)
{
    double clock = cycles_per_ns(), began = cpu_ns(), ns;
    size_t n = 0;

    do {
        step_run(s, kernel);
        n++;
        ns = cpu_ns() - began;
    } while (ns < TIMING_NS);
    /* The clock may have moved meanwhile. */
    clock = (clock + cycles_per_ns()) / 2.0;
    return (struct timing) { ns / (double)n, ns / (double)n * clock };
}

/* The loop's rate at the sums of a product. */
static double time_loop(const struct step *product)
{
    double clock = cycles_per_ns(), began = cpu_ns(), ns;
    size_t n = 0, n_words = product->matrix.n_words, n_out = product->matrix.n_out;
    const uint64_t *x = product->x;
    int32_t *m = product->y;

    do {
        for (size_t j = 0; j < n_out; j++)
            m[j] = (int32_t)popcnt_loop(x + n % GEMM_X * n_words,
                                        product->rows + j * n_words, n_words);
        n++;
        ns = cpu_ns() - began;
    } while (ns < TIMING_NS);
    return (double)product->matrix.n_in * (double)n_out * (double)n / (ns * clock);
}

/* -- Layers beside matrix products -- */

struct rates {
    double loop[MAX_ROUNDS], gemm[MAX_ROUNDS];
    double layer[N_LAYERS][MAX_ROUNDS];
    /* Products of the layers' sizes, and the loop at these. */
    double same[N_LAYERS][MAX_ROUNDS], same_loop[N_LAYERS][MAX_ROUNDS];
};

static double median_ratio(const double *a, const double *b, size_t n)
{
    double ratio[MAX_ROUNDS];

    for (size_t i = 0; i < n; i++)
        ratio[i] = a[i] / b[i];
    return cycles_median(ratio, n);
}

/* goal 0: none. */
static void print_ratio(double ratio, const char *unit, double goal)
{
    printf("  %.3f%s%s", ratio, unit[0] == 'x' ? "" : " ", unit);
    if (goal > 0.0)
        printf(" %s %.2f", ratio >= goal ? "goal" : "MISSES", goal);
}

static void print_rates(const struct kernel *kernel, struct rates *r, size_t n_rounds)
{
    double gemm = median_ratio(r->gemm, r->loop, n_rounds);
    bool best = kernel == kernel_best(), is_avx2 = strcmp(kernel->name, "avx2") == 0;

    printf("%s: matrix product %.1f MAC/cycle, %.2fx scalar\n", kernel->name,
           cycles_median(memcpy((double[MAX_ROUNDS]) { 0 }, r->gemm, sizeof(r->gemm)),
                         n_rounds),
           gemm);
    for (size_t i = 0; i < N_LAYERS; i++) {
        double ratio = median_ratio(r->layer[i], r->gemm, n_rounds);
        double same = median_ratio(r->layer[i], r->same[i], n_rounds);
        double scalar = median_ratio(r->layer[i], r->same_loop[i], n_rounds);
        double rate = cycles_median(r->layer[i], n_rounds);

        printf("  %-18s %6.1f", layers[i].what, rate);
        print_ratio(ratio, "of matrix product", best ? layers[i].goal : 0.0);
        print_ratio(same, "of its size's product", best ? GOAL_SAME : 0.0);
        print_ratio(scalar, "x scalar", is_avx2 ? GOAL_SCALAR : 0.0);
        printf("\n");
    }
}

/* What a layer would be if its inputs lay ready in rows. */
static struct step product_step(const char *what, size_t n_in, size_t n_out)
{
    const struct kernel_shape shape = { GEMM_X, 1, n_in,
                                        n_out,  1, { 1, 1, 1, 1, 1, 1, 0, 0, 0, 0 } };

    return step_make(what, STEP_GEMM, shape, NULL);
}

static void run_layers(size_t n_rounds)
{
    static struct rates rates[MAX_KERNELS];
    struct step steps[N_LAYERS], products[N_LAYERS];
    struct step gemm = product_step("matrix product", GEMM_IN, GEMM_OUT);

    for (size_t i = 0; i < N_LAYERS; i++) {
        steps[i] = step_make(layers[i].what, STEP_CONV,
                             shape_of(layers[i].side, layers[i].channels, layers[i].n_out,
                                      layers[i].kernel, layers[i].stride, layers[i].pad),
                             NULL);
        products[i] = product_step(layers[i].what, kernel_shape_fan_in(&steps[i].shape),
                                   layers[i].n_out);
    }
    for (size_t round = 0; round < n_rounds; round++) {
        for (const struct kernel *k = kernel_list + 1; k->name != NULL; k++) {
            struct rates *r = &rates[k - kernel_list];

            if (!k->usable())
                continue;
            r->loop[round] = time_loop(&gemm);
            r->gemm[round] = gemm.macs / time_step(&gemm, k).cycles;
            for (size_t i = 0; i < N_LAYERS; i++) {
                r->layer[i][round] = steps[i].macs / time_step(&steps[i], k).cycles;
                r->same[i][round] = products[i].macs / time_step(&products[i], k).cycles;
                r->same_loop[i][round] = time_loop(&products[i]);
            }
        }
    }
    for (const struct kernel *k = kernel_list + 1; k->name != NULL; k++) {
        if (k->usable())
            print_rates(k, &rates[k - kernel_list], n_rounds);
    }
    for (size_t i = 0; i < N_LAYERS; i++) {
        step_done(&steps[i], true);
        step_done(&products[i], true);
    }
    step_done(&gemm, true);
}

/* -- Whole networks, step by step -- */

/* Times each step and all of them in a row, one picture. */
static void run_chain(const char *name, const struct step *steps, size_t n_steps,
                      size_t n_rounds)
{
    for (const struct kernel *k = kernel_list + 1; k->name != NULL; k++) {
        double part[MAX_ROUNDS], whole[MAX_ROUNDS];

        if (!k->usable())
            continue;
        for (size_t round = 0; round < n_rounds; round++) {
            double began = cpu_ns(), ns;
            size_t n = 0;

            do {
                for (size_t i = 0; i < n_steps; i++)
                    step_run(&steps[i], k);
                n++;
                ns = cpu_ns() - began;
            } while (ns < TIMING_NS);
            whole[round] = ns / (double)n;
        }
        printf("%s, %s: %.1f us a picture", name, k->name,
               cycles_median(whole, n_rounds) / 1e3);
        printf(" (best %.1f)\n", whole[0] / 1e3);
        for (size_t i = 0; i < n_steps && k == kernel_best(); i++) {
            for (size_t round = 0; round < n_rounds; round++)
                part[round] = time_step(&steps[i], k).ns;
            printf("  %-18s %7.1f us\n", steps[i].what,
                   cycles_median(part, n_rounds) / 1e3);
        }
    }
}

static void run_vgg(size_t n_rounds)
{
    struct step s[12];
    size_t n = 0;

#define NEXT(what, kind, ...)                                                            \
    do {                                                                                 \
        s[n] = step_make(what, kind, shape_of(__VA_ARGS__), n == 0 ? NULL : s[n - 1].y); \
        n++;                                                                             \
    } while (0)
    NEXT("conv1, pixels", STEP_PIXELS, 32, 3, 128, 3, 1, 1);
    NEXT("conv2", STEP_CONV, 32, 128, 128, 3, 1, 1);
    NEXT("pool", STEP_POOL, 32, 128, 128, 2, 2, 0);
    NEXT("conv3", STEP_CONV, 16, 128, 256, 3, 1, 1);
    NEXT("conv4", STEP_CONV, 16, 256, 256, 3, 1, 1);
    NEXT("pool", STEP_POOL, 16, 256, 256, 2, 2, 0);
    NEXT("conv5", STEP_CONV, 8, 256, 512, 3, 1, 1);
    NEXT("conv6", STEP_CONV, 8, 512, 512, 3, 1, 1);
    NEXT("pool", STEP_POOL, 8, 512, 512, 2, 2, 0);
    NEXT("dense1", STEP_CONV, 4, 512, 1024, 4, 1, 0);
    NEXT("dense2", STEP_CONV, 1, 1024, 1024, 1, 1, 0);
    NEXT("dense3, logits", STEP_LOGITS, 1, 1024, 10, 1, 1, 0);
#undef NEXT
    run_chain("VGG", s, n, n_rounds);
    for (size_t i = n; i-- > 0;)
        step_done(&s[i], i == 0);
}

/* The same network as stages, through the forward pass. */
static struct network *vgg_stages(void)
{
    const struct network_input input = { .height = 32, .width = 32, .channels = 3 };
    const struct network_window three = { 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 };
    const struct network_window pool = { 2, 2, 2, 2, 1, 1, 0, 0, 0, 0 };
    static const uint32_t n_out[] = { 128, 128, 256, 256, 512, 512, 1024, 1024, 10 };
    uint64_t state = 1;
    struct network *net = stage_net_new(&input);
    uint32_t v = 0;

    for (size_t l = 0; l < 9; l++) {
        v = stage_net_binary(net, v, l < 8 ? NETWORK_FIRE : NETWORK_LOGITS,
                             l < 6 ? three : stage_net_whole(net, v), NETWORK_PAD_ZERO, 1,
                             n_out[l], &state);
        if (l < 6 && l % 2 == 1)
            v = stage_net_pool(net, NETWORK_OP_POOL_BITS, v, pool, false, &state);
    }
    stage_net_finish(net);
    return net;
}

static void run_stages(size_t n_rounds)
{
    enum { N_PICTURES = 8, N_CLASSES = 10 };
    struct network *net = vgg_stages();
    const uint64_t *bits[NETWORK_MAX_LAYERS];
    uint8_t *pixels = (uint8_t *)random_bits(N_PICTURES, 32 * 32 * 3 * 8);
    float logits[N_PICTURES * N_CLASSES];
    char why[ERR_LEN] = "";

    if (network_check(net, why) != ST_OK)
        printf("%s\n", why);
    for (size_t l = 0; l < net->n_layers; l++)
        bits[l] = net->layers[l].weights;
    for (const struct kernel *k = kernel_list + 1; k->name != NULL; k++) {
        struct infer_weights *weights = NULL;
        struct infer_scratch *scratch = NULL;
        double ns[2][MAX_ROUNDS];

        if (!k->usable())
            continue;
        if (infer_weights_new(net, k, bits, &weights) != ST_OK ||
            infer_scratch_new(net, N_PICTURES, &scratch) != ST_OK)
            abort();
        for (size_t round = 0; round < n_rounds * 2; round++) {
            size_t batch = round % 2 == 0 ? 1 : N_PICTURES, n = 0;
            double began = cpu_ns();

            do {
                infer_run(weights, scratch, pixels, batch, logits);
                n += batch;
            } while (cpu_ns() - began < TIMING_NS);
            ns[round % 2][round / 2] = (cpu_ns() - began) / (double)n;
        }
        printf("VGG, forward pass, %s: %.1f us a picture, %.1f in batches of %d\n",
               k->name, cycles_median(ns[0], n_rounds) / 1e3,
               cycles_median(ns[1], n_rounds) / 1e3, N_PICTURES);
        infer_weights_free(weights);
        infer_scratch_free(scratch);
    }
    network_free(net);
    free(pixels);
}

static void run_first(size_t n_rounds)
{
    static const char *const names[] = { "ResNet stem, pixels", "ResNet stem, reals",
                                         "ResNet shortcut, reals" };
    struct step s[3];

    s[0] =
        step_make("7x7 3-64 /2, 224", STEP_PIXELS, shape_of(224, 3, 64, 7, 2, 3), NULL);
    s[1] = step_make("7x7 3-64 /2, 224", STEP_REALS, shape_of(224, 3, 64, 7, 2, 3), NULL);
    s[2] = step_make("1x1 64-128, 28", STEP_REALS, shape_of(28, 64, 128, 1, 1, 0), NULL);
    for (size_t i = 0; i < 3; i++) {
        run_chain(names[i], &s[i], 1, n_rounds);
        step_done(&s[i], true);
    }
}

int main(int argc, char **argv)
{
    size_t n_rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 7;

    if (n_rounds < 1 || n_rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench_conv [rounds, 1 to %d]\n", MAX_ROUNDS);
        return 2;
    }
    srandom(1);
    printf("MAC/cycle, medians of %zu rounds; best kernel here: %s\n", n_rounds,
           kernel_best()->name);
    run_layers(n_rounds);
    run_vgg(n_rounds);
    run_stages(n_rounds);
    run_first(n_rounds);
    return 0;
}
