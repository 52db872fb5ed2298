/* SPDX-License-Identifier: Apache-2.0 */
#include "core/infer.h"

#include "core/bits.h"
#include "tests/lib/fault.h"
#include "tests/lib/infer_starve.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_LAYERS 4
/* Widest layer that the slow way takes. */
#define SLOW_MAX 1024

/* A random network, what an array might deliver of it, and pictures. */
struct fixture {
    struct network *net;
    uint64_t *bits[MAX_LAYERS]; /* delivered, not the wanted ones */
    uint8_t *pixels;
    size_t n_pictures;
};

static uint64_t seed;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_word(void)
{
    uint64_t z = seed += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t *random_rows(size_t n_out, size_t n_in)
{
    size_t n_words = bits_words(n_in);
    uint64_t *rows = calloc(n_out * n_words, sizeof(*rows));

    assert_non_null(rows);
    for (size_t i = 0; i < n_out * n_words; i++)
        rows[i] = next_word() & bits_mask(n_in, i % n_words);
    return rows;
}

/* Near what comes out, at the ends of what can come out, and far beyond. */
static int32_t some_threshold(const struct network *net, size_t l)
{
    int64_t k = (int64_t)net->layers[l].n_in;
    int64_t range = l == 0 && net->input.encoding == NETWORK_PIXELS ? 255 * k : k;

    switch (next_word() % 16) {
    case 0:
        return INT32_MIN;
    case 1:
        return INT32_MAX;
    case 2:
        return (int32_t)range;
    case 3:
        return (int32_t)-range;
    case 4:
        return (int32_t)(range + 1);
    case 5:
        return (int32_t)(-range - 1);
    default: {
        int64_t spread = (int64_t)sqrt((double)range * (double)(range / k)) + 1;
        return (int32_t)((int64_t)(next_word() % (uint64_t)(2 * spread + 1)) - spread);
    }
    }
}

static void fill_layer(struct network *net, size_t l)
{
    struct network_layer *layer = &net->layers[l];
    char name[24];

    (void)snprintf(name, sizeof(name), "l%zu", l);
    layer->name = strdup(name);
    layer->kind = l + 1 < net->n_layers ? NETWORK_FIRE : NETWORK_LOGITS;
    layer->weights = random_rows(layer->n_out, layer->n_in);
    if (layer->kind == NETWORK_FIRE) {
        layer->threshold = calloc(layer->n_out, sizeof(*layer->threshold));
        layer->falling = random_rows(1, layer->n_out);
        assert_non_null(layer->threshold);
        for (size_t j = 0; j < layer->n_out; j++)
            layer->threshold[j] = some_threshold(net, l);
        return;
    }
    layer->scale = calloc(layer->n_out, sizeof(*layer->scale));
    layer->bias = calloc(layer->n_out, sizeof(*layer->bias));
    assert_true(layer->scale != NULL && layer->bias != NULL);
    for (size_t j = 0; j < layer->n_out; j++) {
        layer->scale[j] = (float)((double)(next_word() % 2001) / 1000.0 - 1.0);
        layer->bias[j] = (float)((double)(next_word() % 2001) / 100.0 - 10.0);
    }
}

/* sizes: inputs (height 1), hidden ..., classes. */
static struct network *random_network(enum network_encoding encoding, const size_t *sizes,
                                      size_t n_layers)
{
    struct network *net = calloc(1, sizeof(*net));
    char why[ERR_LEN];

    assert_non_null(net);
    net->name = strdup("random");
    net->input = (struct network_input) {
        .height = 1,
        .width = (uint32_t)sizes[0],
        .channels = 1,
        .encoding = encoding,
        .threshold = encoding == NETWORK_BINARY ? 1 + (uint32_t)(next_word() % 255) : 0,
    };
    net->n_classes = sizes[n_layers];
    net->labels = calloc(net->n_classes, sizeof(*net->labels));
    assert_non_null(net->labels);
    for (size_t c = 0; c < net->n_classes; c++)
        net->labels[c] = strdup("label");
    net->n_layers = n_layers;
    net->layers = calloc(n_layers, sizeof(*net->layers));
    assert_non_null(net->layers);
    for (size_t l = 0; l < n_layers; l++) {
        net->layers[l].n_in = sizes[l];
        net->layers[l].n_out = sizes[l + 1];
        fill_layer(net, l);
    }
    assert_int_equal(network_chain(net), ST_OK);
    assert_int_equal(network_check(net, why), ST_OK);
    return net;
}

static struct fixture fixture_make(enum network_encoding encoding, const size_t *sizes,
                                   size_t n_layers, size_t n_pictures)
{
    struct fixture f = { .n_pictures = n_pictures };

    seed = sizes[0] * 1000 + sizes[1] * 10 + n_layers;
    f.net = random_network(encoding, sizes, n_layers);
    for (size_t l = 0; l < n_layers; l++)
        f.bits[l] = random_rows(sizes[l + 1], sizes[l]);
    f.pixels = malloc(n_pictures * sizes[0]);
    assert_non_null(f.pixels);
    for (size_t i = 0; i < n_pictures * sizes[0]; i++)
        f.pixels[i] = (uint8_t)next_word();
    return f;
}

static void fixture_done(struct fixture *f)
{
    for (size_t l = 0; l < f->net->n_layers; l++)
        free(f->bits[l]);
    free(f->pixels);
    network_free(f->net);
}

/* -- The slow way -- */

static int64_t slow_sum(const struct network_layer *layer, const uint64_t *bits, size_t j,
                        const int32_t *in)
{
    const uint64_t *row = bits + j * bits_words(layer->n_in);
    int64_t s = 0;

    for (size_t i = 0; i < layer->n_in; i++)
        s += bits_get(row, i) ? in[i] : -in[i];
    return s;
}

static void slow_run(const struct fixture *f, const uint8_t *pixels, float *ret_logits)
{
    const struct network *net = f->net;
    int32_t in[SLOW_MAX], out[SLOW_MAX];

    for (size_t i = 0; i < network_inputs(net); i++) {
        bool on = pixels[i] >= net->input.threshold;
        in[i] = net->input.encoding == NETWORK_PIXELS ? pixels[i] : on ? 1 : -1;
    }
    for (size_t l = 0; l < net->n_layers; l++) {
        const struct network_layer *layer = &net->layers[l];

        for (size_t j = 0; j < layer->n_out; j++) {
            int64_t s = slow_sum(layer, f->bits[l], j, in);

            if (layer->kind == NETWORK_LOGITS) {
                ret_logits[j] =
                    (float)((double)layer->scale[j] * (double)s + (double)layer->bias[j]);
                continue;
            }
            bool fires = bits_get(layer->falling, j) ? s <= layer->threshold[j]
                                                     : s >= layer->threshold[j];
            out[j] = fires ? 1 : -1;
        }
        memcpy(in, out, sizeof(in));
    }
}

static struct infer_weights *must_weights(const struct fixture *f,
                                          const struct kernel *kernel)
{
    struct infer_weights *weights = NULL;

    assert_int_equal(
        infer_weights_new(f->net, kernel, (const uint64_t *const *)f->bits, &weights),
        ST_OK);
    return weights;
}

static struct infer_scratch *must_scratch(const struct network *net, size_t max_batch)
{
    struct infer_scratch *scratch = NULL;

    assert_int_equal(infer_scratch_new(net, max_batch, &scratch), ST_OK);
    return scratch;
}

/* The whole batch at once gives the slow logits, bit for bit, with this kernel. */
static void agrees_with_the_slow_way(const struct fixture *f, const struct kernel *kernel)
{
    struct infer_weights *weights = must_weights(f, kernel);
    struct infer_scratch *scratch = must_scratch(f->net, f->n_pictures);
    float *logits = calloc(f->n_pictures * f->net->n_classes, sizeof(*logits));
    float slow[SLOW_MAX];

    assert_non_null(logits);
    infer_run(weights, scratch, f->pixels, f->n_pictures, logits);
    for (size_t i = 0; i < f->n_pictures; i++) {
        slow_run(f, f->pixels + i * network_inputs(f->net), slow);
        assert_memory_equal(logits + i * f->net->n_classes, slow,
                            f->net->n_classes * sizeof(float));
    }
    free(logits);
    infer_scratch_free(scratch);
    infer_weights_free(weights);
}

static void every_shape_agrees(enum network_encoding encoding)
{
    static const struct {
        size_t n_layers, sizes[MAX_LAYERS + 1], n_pictures;
    } shapes[] = {
        { 1, { 1, 1 }, 3 },
        { 1, { 9, 10 }, 9 },
        { 1, { 64, 3 }, 2 },
        { 2, { 7, 1, 1 }, 4 },
        { 2, { 65, 64, 2 }, 5 },
        { 2, { 784, 100, 10 }, 3 },
        { 3, { 63, 129, 8, 7 }, 70 },
        { 3, { 100, 66, 200, 10 }, 130 },
        { 4, { 12, 9, 65, 17, 33 }, 11 },
    };

    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        struct fixture f = fixture_make(encoding, shapes[s].sizes, shapes[s].n_layers,
                                        shapes[s].n_pictures);

        for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
            if (kernel->usable())
                agrees_with_the_slow_way(&f, kernel);
        }
        fixture_done(&f);
    }
}

static void pixel_networks_give_the_slow_logits(void **state)
{
    (void)state;
    every_shape_agrees(NETWORK_PIXELS);
}

static void binary_networks_give_the_slow_logits(void **state)
{
    (void)state;
    every_shape_agrees(NETWORK_BINARY);
}

static void one_by_one_gives_what_a_batch_gives(void **state)
{
    (void)state;
    static const size_t sizes[] = { 50, 70, 10 };

    for (int encoding = NETWORK_PIXELS; encoding <= NETWORK_BINARY; encoding++) {
        struct fixture f = fixture_make((enum network_encoding)encoding, sizes, 2, 150);
        struct infer_weights *weights = must_weights(&f, kernel_best());
        struct infer_scratch *many = must_scratch(f.net, 150);
        struct infer_scratch *one = must_scratch(f.net, 1);
        float logits[150 * 10], single[10];

        infer_run(weights, many, f.pixels, 150, logits);
        for (size_t i = 0; i < 150; i++) {
            infer_run(weights, one, f.pixels + i * 50, 1, single);
            assert_memory_equal(single, logits + i * 10, sizeof(single));
        }
        infer_scratch_free(one);
        infer_scratch_free(many);
        infer_weights_free(weights);
        fixture_done(&f);
    }
}

static void every_pixel_threshold_is_exact(void **state)
{
    (void)state;
    static const size_t sizes[] = { 256, 1 };
    struct fixture f = fixture_make(NETWORK_BINARY, sizes, 1, 1);

    /* All weights +1 and one output: s = 2 n - 256 with n the pixels that are on. */
    memset(f.bits[0], 0xFF, 4 * sizeof(uint64_t));
    f.net->layers[0].scale[0] = 1.0F;
    f.net->layers[0].bias[0] = 0.0F;
    struct infer_weights *weights = must_weights(&f, kernel_best());
    struct infer_scratch *scratch = must_scratch(f.net, 1);
    for (size_t i = 0; i < 256; i++)
        f.pixels[i] = (uint8_t)(i * 37); /* each value once */
    for (uint32_t threshold = 1; threshold <= 255; threshold++) {
        float logit;

        f.net->input.threshold = threshold;
        infer_run(weights, scratch, f.pixels, 1, &logit);
        assert_true(logit == 256.0F - 2.0F * (float)threshold);
    }
    infer_scratch_free(scratch);
    infer_weights_free(weights);
    fixture_done(&f);
}

static void a_forward_pass_allocates_nothing(void **state)
{
    (void)state;
    static const size_t sizes[] = { 50, 70, 10 };

    for (int encoding = NETWORK_PIXELS; encoding <= NETWORK_BINARY; encoding++) {
        struct fixture f = fixture_make((enum network_encoding)encoding, sizes, 2, 100);
        struct infer_weights *weights = must_weights(&f, kernel_best());
        struct infer_scratch *scratch = must_scratch(f.net, 100);
        float logits[100 * 10];

        fault_at(0);
        infer_run(weights, scratch, f.pixels, 100, logits);
        void *volatile next = malloc(1); /* the first allocation since */
        fault_off();
        assert_null(next);
        infer_scratch_free(scratch);
        infer_weights_free(weights);
        fixture_done(&f);
    }
}

static void failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    static const size_t sizes[] = { 50, 70, 10 };

    for (int encoding = NETWORK_PIXELS; encoding <= NETWORK_BINARY; encoding++) {
        struct fixture f = fixture_make((enum network_encoding)encoding, sizes, 2, 1);

        infer_starve(f.net, f.bits);
        fixture_done(&f);
    }
    infer_scratch_free(NULL);
    infer_weights_free(NULL);
}

static void batches_out_of_range_are_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = { 5, 2 };
    struct fixture f = fixture_make(NETWORK_PIXELS, sizes, 1, 1);
    struct infer_scratch *scratch = NULL;

    assert_int_equal(infer_scratch_new(f.net, 0, &scratch), ST_RANGE);
    assert_int_equal(infer_scratch_new(f.net, INFER_MAX_BATCH + 1, &scratch), ST_RANGE);
    assert_null(scratch);
    fixture_done(&f);
}

/* 61 million weights: the largest sizes must not overflow anything on the way. */
static void a_network_of_sixty_megabits_runs(void **state)
{
    (void)state;
    static const size_t sizes[] = { 3900, 15700, 10 };
    struct fixture f = fixture_make(NETWORK_PIXELS, sizes, 2, 2);
    struct infer_weights *weights = must_weights(&f, kernel_best());
    struct infer_weights *reference = must_weights(&f, &kernel_list[0]);
    struct infer_scratch *scratch = must_scratch(f.net, 2);
    float logits[20], expected[20];

    infer_run(weights, scratch, f.pixels, 2, logits);
    infer_run(reference, scratch, f.pixels, 2, expected);
    assert_memory_equal(logits, expected, sizeof(logits));
    infer_scratch_free(scratch);
    infer_weights_free(reference);
    infer_weights_free(weights);
    fixture_done(&f);
}

static void equal_logits_rank_by_lower_index(void **state)
{
    (void)state;
    static const float logits[] = { 1.0F, 3.0F, 3.0F, -2.0F, 3.0F, 1.0F };
    static const uint32_t order[] = { 1, 2, 4, 0, 5, 3 };

    for (size_t top = 1; top <= 6; top++) {
        uint32_t classes[7] = { 99, 99, 99, 99, 99, 99, 99 };

        infer_rank(logits, 6, top, classes);
        assert_memory_equal(classes, order, top * sizeof(uint32_t));
        assert_int_equal(classes[top], 99);
    }
}

static void ranking_sorts_random_logits(void **state)
{
    (void)state;
    float logits[300];
    uint32_t classes[300];

    seed = 5;
    for (size_t c = 0; c < 300; c++)
        logits[c] = (float)(next_word() % 40);
    infer_rank(logits, 300, 300, classes);
    for (size_t i = 1; i < 300; i++) {
        float better = logits[classes[i - 1]], worse = logits[classes[i]];
        assert_true(better > worse || (better == worse && classes[i - 1] < classes[i]));
    }
}

static void probabilities_sum_to_one_even_for_huge_logits(void **state)
{
    (void)state;
    static const float logits[3][4] = { { 1e30F, -1e30F, 1e30F, 0.0F },
                                        { 0.0F, 0.0F, 0.0F, 0.0F },
                                        { -3e38F, 3e38F, 1.0F, 2.0F } };
    float p[4];

    for (size_t row = 0; row < 3; row++) {
        double sum = 0.0;

        infer_probabilities(logits[row], 4, p);
        for (size_t c = 0; c < 4; c++) {
            assert_true(p[c] >= 0.0F && p[c] <= 1.0F);
            sum += (double)p[c];
        }
        assert_true(fabs(sum - 1.0) < 1e-6);
    }
    infer_probabilities(logits[0], 4, p);
    assert_true(p[0] == 0.5F && p[1] == 0.0F && p[2] == 0.5F);
}

static void compute_energy_adds_up(void **state)
{
    (void)state;
    static const size_t sizes[] = { 10, 20, 4 };
    const struct infer_costs one = { .bit_operation_fj = 1.0 };
    const struct infer_costs costs = { 8.0, 16.0, 1000.0 };

    for (int encoding = NETWORK_PIXELS; encoding <= NETWORK_BINARY; encoding++) {
        struct fixture f = fixture_make((enum network_encoding)encoding, sizes, 2, 1);
        double bits = (encoding == NETWORK_PIXELS ? 8 * 200.0 : 200.0) + 80.0;

        assert_true(fabs(infer_compute_pj(f.net, 0, &one) +
                         infer_compute_pj(f.net, 1, &one) - bits / 1000.0) < 1e-9);
        assert_true(fabs(infer_compute_pj(f.net, 0, &costs) -
                         ((bits - 80.0) * 8.0 + 20.0 * 16.0) / 1000.0) < 1e-9);
        assert_true(fabs(infer_compute_pj(f.net, 1, &costs) -
                         (80.0 * 8.0 + 4.0 * 1000.0) / 1000.0) < 1e-9);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixel_networks_give_the_slow_logits),
        cmocka_unit_test(binary_networks_give_the_slow_logits),
        cmocka_unit_test(one_by_one_gives_what_a_batch_gives),
        cmocka_unit_test(every_pixel_threshold_is_exact),
        cmocka_unit_test(a_forward_pass_allocates_nothing),
        cmocka_unit_test(failed_allocations_leave_nothing_behind),
        cmocka_unit_test(batches_out_of_range_are_refused),
        cmocka_unit_test(a_network_of_sixty_megabits_runs),
        cmocka_unit_test(equal_logits_rank_by_lower_index),
        cmocka_unit_test(ranking_sorts_random_logits),
        cmocka_unit_test(probabilities_sum_to_one_even_for_huge_logits),
        cmocka_unit_test(compute_energy_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
