/* SPDX-License-Identifier: Apache-2.0 */
/* bench_infer.c - pixels to logits of a 784-1024-1024-10 network on one core.
 *
 * Thread CPU time; medians over the rounds, best ones in brackets. Goals are those of
 * binarised input. Arguments: rounds (default 9).
 */
#include "core/bits.h"
#include "core/infer.h"
#include "tests/bench/cycles.h"

#include <stdio.h>
#include <stdlib.h>

#define N_LAYERS   3
#define N_INPUTS   784
#define N_CLASSES  10
#define MAX_BATCH  64
#define MAX_ROUNDS 99
#define GOAL_US    3.0
#define GOAL_RATE  450000.0
/* One timing: some milliseconds. */
#define PICTURES 2048

static const size_t sizes[N_LAYERS + 1] = { N_INPUTS, 1024, 1024, N_CLASSES };

static void *must_alloc(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (p == NULL)
        abort();
    return p;
}

static uint64_t *random_rows(size_t n_out, size_t n_in)
{
    size_t n_words = bits_words(n_in);
    uint64_t *rows = must_alloc(n_out * n_words, sizeof(*rows));

    for (size_t i = 0; i < n_out * n_words; i++) {
        uint64_t word = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ random();
        rows[i] = word & bits_mask(n_in, i % n_words);
    }
    return rows;
}

static struct network *random_network(enum network_encoding encoding)
{
    struct network *net = must_alloc(1, sizeof(*net));

    net->input =
        (struct network_input) { .height = 28,
                                 .width = 28,
                                 .channels = 1,
                                 .encoding = encoding,
                                 .threshold = encoding == NETWORK_BINARY ? 128 : 0 };
    net->n_classes = N_CLASSES;
    net->n_layers = N_LAYERS;
    net->layers = must_alloc(N_LAYERS, sizeof(*net->layers));
    for (size_t l = 0; l < N_LAYERS; l++) {
        struct network_layer *layer = &net->layers[l];

        layer->kind = l + 1 < N_LAYERS ? NETWORK_FIRE : NETWORK_LOGITS;
        layer->n_in = sizes[l];
        layer->n_out = sizes[l + 1];
        layer->weights = random_rows(layer->n_out, layer->n_in);
        layer->threshold = must_alloc(layer->n_out, sizeof(int32_t));
        layer->falling = random_rows(1, layer->n_out);
        layer->scale = must_alloc(layer->n_out, sizeof(float));
        layer->bias = must_alloc(layer->n_out, sizeof(float));
    }
    if (network_chain(net) != ST_OK)
        abort();
    return net;
}

/* Time per picture, us. */
static double us_per_picture(const struct infer_weights *weights,
                             struct infer_scratch *scratch, const uint8_t *pixels,
                             size_t batch, float *logits)
{
    double began = cpu_ns();

    for (size_t i = 0; i + batch <= PICTURES; i += batch)
        infer_run(weights, scratch, pixels + i * N_INPUTS, batch, logits);
    return (cpu_ns() - began) / 1000.0 / PICTURES;
}

static void run(const char *what, const struct network *net, const struct kernel *kernel,
                const uint8_t *pixels, size_t n_rounds, bool has_goals)
{
    const uint64_t *bits[N_LAYERS];
    struct infer_weights *weights;
    struct infer_scratch *scratch;
    double one[MAX_ROUNDS], many[MAX_ROUNDS];
    float logits[MAX_BATCH * N_CLASSES];

    for (size_t l = 0; l < N_LAYERS; l++)
        bits[l] = net->layers[l].weights;
    if (infer_weights_new(net, kernel, bits, &weights) != ST_OK ||
        infer_scratch_new(net, MAX_BATCH, &scratch) != ST_OK)
        abort();
    for (size_t round = 0; round < n_rounds; round++) {
        one[round] = us_per_picture(weights, scratch, pixels, 1, logits);
        many[round] = us_per_picture(weights, scratch, pixels, MAX_BATCH, logits);
    }
    double us = cycles_median(one, n_rounds), rate = 1e6 / cycles_median(many, n_rounds);
    printf("%-10s %-11s batch 1: %6.2f us (%.2f)", what, kernel->name, us, one[0]);
    if (has_goals)
        printf(" %s %.0f", us <= GOAL_US ? "goal" : "MISSES", GOAL_US);
    printf("   batch 64: %7.0f pictures/s (%.0f)", rate, 1e6 / many[0]);
    if (has_goals)
        printf(" %s %.0f", rate >= GOAL_RATE ? "goal" : "MISSES", GOAL_RATE);
    printf("\n");
    infer_scratch_free(scratch);
    infer_weights_free(weights);
}

int main(int argc, char **argv)
{
    size_t n_rounds = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 9;
    uint8_t *pixels = must_alloc(PICTURES, N_INPUTS);

    if (n_rounds < 1 || n_rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench_infer [rounds, 1 to %d]\n", MAX_ROUNDS);
        free(pixels);
        return 2;
    }
    srandom(1);
    for (size_t i = 0; i < PICTURES * (size_t)N_INPUTS; i++)
        pixels[i] = (uint8_t)random();
    for (int encoding = NETWORK_BINARY; encoding >= NETWORK_PIXELS; encoding--) {
        bool binary = encoding == NETWORK_BINARY;
        struct network *net = random_network((enum network_encoding)encoding);

        for (const struct kernel *k = kernel_list; k->name != NULL; k++) {
            if (k->usable())
                run(binary ? "binary" : "8-bit", net, k, pixels, n_rounds,
                    binary && k == kernel_best());
        }
        network_free(net);
    }
    free(pixels);
    return 0;
}
