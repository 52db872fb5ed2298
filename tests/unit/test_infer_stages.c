/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of stages against the slow way of tests/lib/stage_net.h, bit for bit. */
#include "core/infer.h"

#include "core/bits.h"
#include "tests/lib/fault.h"
#include "tests/lib/infer_starve.h"
#include "tests/lib/stage_net.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_PICTURES 5
#define MAX_LOGITS 16

static const enum network_padding paddings[] = { NETWORK_PAD_ZERO, NETWORK_PAD_MINUS,
                                                 NETWORK_PAD_PLUS };

/* A checked network, what a memory might deliver of it, and pictures. */
struct fixture {
    struct network *net;
    uint64_t *bits[NETWORK_MAX_LAYERS];
    uint8_t *pixels;
    float slow[N_PICTURES * MAX_LOGITS];
};

static struct fixture fixture_make(struct network *net, uint64_t *state)
{
    struct fixture f = { .net = net };
    char why[ERR_LEN] = "";
    size_t n_inputs = network_inputs(net);

    if (network_check(net, why) != ST_OK)
        print_error("%s\n", why);
    assert_string_equal(why, "");
    assert_true(net->n_classes <= MAX_LOGITS);
    for (size_t l = 0; l < net->n_layers; l++) {
        size_t n_words = bits_words(net->layers[l].n_in);

        f.bits[l] = calloc(net->layers[l].n_out * n_words, sizeof(uint64_t));
        assert_non_null(f.bits[l]);
        for (size_t i = 0; i < net->layers[l].n_out * n_words; i++)
            f.bits[l][i] =
                stage_net_draw(state) & bits_mask(net->layers[l].n_in, i % n_words);
    }
    f.pixels = malloc(N_PICTURES * n_inputs);
    assert_non_null(f.pixels);
    for (size_t i = 0; i < N_PICTURES * n_inputs; i++)
        f.pixels[i] = (uint8_t)stage_net_draw(state);
    for (size_t i = 0; i < N_PICTURES; i++)
        stage_net_slow(net, f.bits, f.pixels + i * n_inputs, f.slow + i * net->n_classes);
    return f;
}

static void fixture_done(struct fixture *f)
{
    for (size_t l = 0; l < f->net->n_layers; l++)
        free(f->bits[l]);
    free(f->pixels);
    network_free(f->net);
}

static void run_all(const struct fixture *f, const struct kernel *kernel, size_t batch,
                    float *ret_logits)
{
    struct infer_weights *weights = NULL;
    struct infer_scratch *scratch = NULL;

    assert_int_equal(
        infer_weights_new(f->net, kernel, (const uint64_t *const *)f->bits, &weights),
        ST_OK);
    assert_int_equal(infer_scratch_new(f->net, batch, &scratch), ST_OK);
    for (size_t i = 0; i < N_PICTURES; i += batch)
        infer_run(weights, scratch, f->pixels + i * network_inputs(f->net), batch,
                  ret_logits + i * f->net->n_classes);
    infer_scratch_free(scratch);
    infer_weights_free(weights);
}

/* Takes the network over. */
static void agrees(struct network *net, uint64_t *state)
{
    struct fixture f = fixture_make(net, state);
    size_t size = N_PICTURES * net->n_classes * sizeof(float);
    float logits[N_PICTURES * MAX_LOGITS];

    for (const struct kernel *kernel = kernel_list; kernel->name != NULL; kernel++) {
        if (!kernel->usable())
            continue;
        for (size_t batch = 1; batch <= N_PICTURES; batch += N_PICTURES - 1) {
            memset(logits, 0xA5, sizeof(logits));
            run_all(&f, kernel, batch, logits);
            if (memcmp(logits, f.slow, size) != 0)
                print_error("kernel %s, batch %zu, %zu stages\n", kernel->name, batch,
                            net->n_stages);
            assert_memory_equal(logits, f.slow, size);
        }
    }
    fixture_done(&f);
}

/* -- Random shapes -- */

static struct network *some_picture(enum network_encoding encoding, uint64_t *state)
{
    const struct network_input input = {
        .height = 1 + stage_net_below(state, 9),
        .width = 1 + stage_net_below(state, 9),
        .channels = stage_net_below(state, 2) ? 3 : 1,
        .encoding = encoding,
        .threshold = encoding == NETWORK_BINARY ? 128 : 0,
    };

    return stage_net_new(&input);
}

/* A window that fits value v; for pools one that always meets the map. */
static struct network_window some_window(const struct network *net, uint32_t v, bool pool,
                                         uint64_t *state)
{
    struct network_value value = network_value(net, v);
    struct network_window w;

    do {
        w = (struct network_window) {
            .kernel_h = 1 + stage_net_below(state, 5),
            .kernel_w = 1 + stage_net_below(state, 5),
            .stride_h = 1 + stage_net_below(state, 3),
            .stride_w = 1 + stage_net_below(state, 3),
            .dilation_h = pool ? 1 : 1 + stage_net_below(state, 2),
            .dilation_w = pool ? 1 : 1 + stage_net_below(state, 2),
            .pad_top = stage_net_below(state, 4),
            .pad_left = stage_net_below(state, 4),
            .pad_bottom = stage_net_below(state, 4),
            .pad_right = stage_net_below(state, 4),
        };
        if (pool) {
            w.pad_top %= w.kernel_h;
            w.pad_bottom %= w.kernel_h;
            w.pad_left %= w.kernel_w;
            w.pad_right %= w.kernel_w;
        }
    } while (network_window_out(value.height, w.kernel_h, w.stride_h, w.dilation_h,
                                w.pad_top, w.pad_bottom) == 0 ||
             network_window_out(value.width, w.kernel_w, w.stride_w, w.dilation_w,
                                w.pad_left, w.pad_right) == 0);
    return w;
}

/* Bits or reals of `channels` channels out of the picture. */
static uint32_t some_map(struct network *net, enum network_layer_kind kind,
                         uint32_t channels, uint64_t *state)
{
    return stage_net_binary(net, 0, kind, stage_net_point(), NETWORK_PAD_ZERO, 1,
                            channels, state);
}

/* Ends the network with a dense layer over value v. */
static void end_with(struct network *net, uint32_t v, uint64_t *state)
{
    struct network_window whole = stage_net_whole(net, v);

    if (stage_net_below(state, 2))
        (void)stage_net_binary(net, v, NETWORK_LOGITS, whole, NETWORK_PAD_ZERO, 1, 7,
                               state);
    else
        (void)stage_net_real(net, v, whole, 1, 7, state);
    stage_net_finish(net);
}

/* Groups that divide both. */
static uint32_t some_groups(uint32_t channels, uint32_t *channels_out, uint64_t *state)
{
    uint32_t groups = 1 + stage_net_below(state, 4);

    if (stage_net_below(state, 5) == 0)
        groups = channels; /* depthwise */
    while (channels % groups != 0)
        groups--;
    *channels_out = (*channels_out + groups - 1) / groups * groups;
    return groups;
}

static void binary_windows_over_bits_agree(void **state)
{
    (void)state;
    uint64_t seed = 1;

    for (unsigned round = 0; round < 150; round++) {
        struct network *net =
            some_picture(round % 2 ? NETWORK_BINARY : NETWORK_PIXELS, &seed);
        uint32_t channels = round % 5 == 0 ? 64 * (1 + stage_net_below(&seed, 2))
                                           : 1 + stage_net_below(&seed, 130);
        uint32_t n_out = 1 + stage_net_below(&seed, 130);
        uint32_t groups = 1;
        uint32_t v = some_map(net, NETWORK_FIRE, channels, &seed);

        if (round % 3 == 0)
            groups = some_groups(channels, &n_out, &seed);
        v = stage_net_binary(net, v, round % 4 == 1 ? NETWORK_LOGITS : NETWORK_FIRE,
                             some_window(net, v, false, &seed),
                             paddings[stage_net_below(&seed, 3)], groups, n_out, &seed);
        end_with(net, v, &seed);
        agrees(net, &seed);
    }
}

static void windows_over_the_picture_agree(void **state)
{
    (void)state;
    uint64_t seed = 2;

    for (unsigned round = 0; round < 150; round++) {
        struct network *net =
            some_picture(round % 2 ? NETWORK_BINARY : NETWORK_PIXELS, &seed);
        uint32_t n_out = 1 + stage_net_below(&seed, 70), groups = 1;
        struct network_window window = some_window(net, 0, false, &seed);

        if (round % 5 == 0)
            groups = some_groups(net->input.channels, &n_out, &seed);
        uint32_t v =
            stage_net_binary(net, 0, round % 3 ? NETWORK_FIRE : NETWORK_LOGITS, window,
                             paddings[stage_net_below(&seed, 3)], groups, n_out, &seed);
        end_with(net, v, &seed);
        agrees(net, &seed);
    }
}

static void products_of_reals_agree(void **state)
{
    (void)state;
    uint64_t seed = 3;

    for (unsigned round = 0; round < 150; round++) {
        struct network *net =
            some_picture(round % 2 ? NETWORK_BINARY : NETWORK_PIXELS, &seed);
        uint32_t channels = 1 + stage_net_below(&seed, 40);
        uint32_t n_out = 1 + stage_net_below(&seed, 40);
        uint32_t v = 0, groups;

        if (round % 3 != 0)
            v = some_map(net, round % 3 == 1 ? NETWORK_FIRE : NETWORK_LOGITS, channels,
                         &seed);
        groups = some_groups(network_value(net, v).channels, &n_out, &seed);
        struct network_window window = some_window(net, v, false, &seed);
        if (round % 3 == 2 && round % 2)
            v = stage_net_binary(net, v, NETWORK_LOGITS, window, NETWORK_PAD_ZERO, groups,
                                 n_out, &seed);
        else
            v = stage_net_real(net, v, window, groups, n_out, &seed);
        end_with(net, v, &seed);
        if (net->n_layers == 0) { /* a network has binary weights somewhere */
            network_free(net);
            continue;
        }
        agrees(net, &seed);
    }
}

static void pools_agree(void **state)
{
    (void)state;
    uint64_t seed = 4;

    for (unsigned round = 0; round < 120; round++) {
        struct network *net = some_picture(NETWORK_PIXELS, &seed);
        enum network_op op = NETWORK_OP_POOL_BITS + (enum network_op)(round % 3);
        uint32_t v =
            some_map(net, op == NETWORK_OP_POOL_BITS ? NETWORK_FIRE : NETWORK_LOGITS,
                     1 + stage_net_below(&seed, 130), &seed);

        v = stage_net_pool(net, op, v, some_window(net, v, true, &seed),
                           op == NETWORK_OP_POOL_MEAN && stage_net_below(&seed, 2) == 1,
                           &seed);
        end_with(net, v, &seed);
        agrees(net, &seed);
    }
}

static void ops_on_elements_agree(void **state)
{
    (void)state;
    static const enum network_op ops[] = { NETWORK_OP_AFFINE, NETWORK_OP_SLOPE,
                                           NETWORK_OP_CLIP, NETWORK_OP_SIGN };
    uint64_t seed = 5;

    for (unsigned round = 0; round < 80; round++) {
        struct network *net = some_picture(NETWORK_PIXELS, &seed);
        uint32_t v =
            some_map(net, NETWORK_LOGITS, 1 + stage_net_below(&seed, 130), &seed);

        v = stage_net_elements(net, ops[round % 4], v, &seed);
        if (round % 4 == 3)
            v = stage_net_elements(net, NETWORK_OP_REALS, v, &seed);
        v = stage_net_elements(net, ops[round / 4 % 4], v, &seed);
        end_with(net, v, &seed);
        agrees(net, &seed);
    }
    for (unsigned round = 0; round < 4; round++) {
        struct network *net = some_picture(NETWORK_PIXELS, &seed);
        uint32_t v = stage_net_elements(
            net, round % 2 ? NETWORK_OP_AFFINE : NETWORK_OP_REALS, 0, &seed);

        v = stage_net_binary(net, v, NETWORK_LOGITS, stage_net_whole(net, v),
                             NETWORK_PAD_ZERO, 1, 3, &seed);
        stage_net_finish(net);
        agrees(net, &seed);
    }
}

/* Equality counts, or does not where `strict`, in both directions. */
static void signs_of_ties_are_as_said(void **state)
{
    (void)state;
    const struct network_input input = { .height = 1, .width = 1, .channels = 1 };

    for (unsigned strict = 0; strict < 2; strict++) {
        for (unsigned falling = 0; falling < 2; falling++) {
            uint64_t seed = 6;
            struct network *net = stage_net_new(&input);
            uint32_t v = some_map(net, NETWORK_LOGITS, 1, &seed);
            float logit, slow;
            struct infer_weights *weights = NULL;
            struct infer_scratch *scratch = NULL;

            v = stage_net_elements(net, NETWORK_OP_SIGN, v, &seed);
            (void)stage_net_elements(net, NETWORK_OP_REALS, v, &seed);
            stage_net_finish(net);
            net->layers[0].scale[0] = 0.0F;
            net->layers[0].bias[0] = net->stages[1].a[0] = 0.25F;
            net->stages[1].strict = strict == 1;
            net->stages[1].mask[0] = falling;
            const uint64_t *bits[] = { net->layers[0].weights };
            uint8_t pixel = 9;
            assert_int_equal(infer_weights_new(net, kernel_best(), bits, &weights),
                             ST_OK);
            assert_int_equal(infer_scratch_new(net, 1, &scratch), ST_OK);
            infer_run(weights, scratch, &pixel, 1, &logit);
            stage_net_slow(net, &net->layers[0].weights, &pixel, &slow);
            assert_true(logit == (strict ? -1.0F : 1.0F));
            assert_true(slow == logit);
            infer_scratch_free(scratch);
            infer_weights_free(weights);
            network_free(net);
        }
    }
}

/* -- Whole networks -- */

static struct network_window square(uint32_t kernel, uint32_t stride, uint32_t pad)
{
    struct network_window w = stage_net_point();

    w.kernel_h = w.kernel_w = kernel;
    w.stride_h = w.stride_w = stride;
    w.pad_top = w.pad_left = w.pad_bottom = w.pad_right = pad;
    return w;
}

static void flattened_maps_agree(void **state)
{
    (void)state;
    static const uint32_t channels[] = { 1, 3, 31, 64, 65, 128, 130 };
    uint64_t seed = 7;

    for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
        const struct network_input input = { .height = 5, .width = 3, .channels = 1 };
        struct network *net = stage_net_new(&input);
        uint32_t v = some_map(net, NETWORK_FIRE, channels[i], &seed);

        v = stage_net_binary(net, v, NETWORK_FIRE, stage_net_whole(net, v),
                             NETWORK_PAD_ZERO, 1, 90, &seed);
        v = stage_net_binary(net, v, NETWORK_FIRE, stage_net_whole(net, v),
                             NETWORK_PAD_ZERO, 1, 20, &seed);
        end_with(net, v, &seed);
        agrees(net, &seed);
    }
}

/* 18 x 18 x 72 inputs: the sums do not fit in 16 bits. */
static void a_very_wide_dense_layer_agrees(void **state)
{
    (void)state;
    const struct network_input input = { .height = 18, .width = 18, .channels = 1 };
    uint64_t seed = 8;
    struct network *net = stage_net_new(&input);
    uint32_t v = some_map(net, NETWORK_FIRE, 72, &seed);

    (void)stage_net_binary(net, v, NETWORK_LOGITS, stage_net_whole(net, v),
                           NETWORK_PAD_ZERO, 1, 3, &seed);
    assert_int_equal(net->layers[1].n_in, 23328);
    stage_net_finish(net);
    agrees(net, &seed);
}

/* y = clip(slope(affine(conv(sign(x))) + x)), twice, the second with half the side and
 * twice the channels. */
static void a_residual_network_agrees(void **state)
{
    (void)state;
    const struct network_input input = { .height = 9, .width = 8, .channels = 3 };
    uint64_t seed = 9;

    for (unsigned round = 0; round < 6; round++) {
        struct network *net = stage_net_new(&input);
        uint32_t x = stage_net_elements(net, NETWORK_OP_AFFINE, 0, &seed);

        x = stage_net_real(net, x, square(3, 1, 1), 1, 20 + round, &seed);
        for (unsigned block = 0; block < 2; block++) {
            uint32_t channels = network_value(net, x).channels;
            uint32_t y = stage_net_elements(net, NETWORK_OP_SIGN, x, &seed);

            y = stage_net_binary(net, y, NETWORK_LOGITS, square(3, 1 + block, 1),
                                 paddings[round % 3], 1, channels, &seed);
            y = stage_net_elements(net, NETWORK_OP_AFFINE, y, &seed);
            if (block == 1)
                x = stage_net_pool(net, NETWORK_OP_POOL_MEAN, x, square(2, 2, 1),
                                   round % 2, &seed);
            if (block == 1) { /* 9 x 8 by 2: 5 x 4 against (9 + 2) / 2 x 5 */
                struct network_window w = square(2, 1, 0);
                w.kernel_h =
                    network_value(net, x).height - network_value(net, y).height + 1;
                w.kernel_w =
                    network_value(net, x).width - network_value(net, y).width + 1;
                x = stage_net_pool(net, NETWORK_OP_POOL_MAX, x, w, false, &seed);
            }
            x = stage_net_two(net, NETWORK_OP_ADD, x, y);
            x = stage_net_elements(net, NETWORK_OP_SLOPE, x, &seed);
            x = stage_net_elements(net, NETWORK_OP_CLIP, x, &seed);
        }
        x = stage_net_pool(net, NETWORK_OP_POOL_MEAN, x, stage_net_whole(net, x), false,
                           &seed);
        (void)stage_net_real(net, x, stage_net_point(), 1, 10, &seed);
        stage_net_finish(net);
        agrees(net, &seed);
    }
}

/* Values are kept as long as somebody takes them, however late. */
static void values_outlive_the_next_stage(void **state)
{
    (void)state;
    uint64_t seed = 10;

    for (unsigned round = 0; round < 40; round++) {
        struct network *net = some_picture(NETWORK_PIXELS, &seed);
        uint32_t values[24], n = 0;

        values[n++] = some_map(net, NETWORK_LOGITS, 5, &seed);
        while (n < 12) {
            uint32_t a = values[stage_net_below(&seed, n)];
            uint32_t b = values[stage_net_below(&seed, n)];

            values[n++] = stage_net_below(&seed, 2)
                              ? stage_net_two(net, NETWORK_OP_ADD, a, b)
                              : stage_net_elements(net, NETWORK_OP_SLOPE, a, &seed);
        }
        /* Every value has to be used. */
        uint32_t sum = values[n - 1];
        for (uint32_t i = 0; i + 1 < n; i++)
            sum = stage_net_two(net, NETWORK_OP_ADD, sum, values[i]);
        end_with(net, sum, &seed);
        agrees(net, &seed);
    }
}

static void maps_side_by_side_agree(void **state)
{
    (void)state;
    uint64_t seed = 11;

    for (unsigned round = 0; round < 30; round++) {
        struct network *net = some_picture(NETWORK_PIXELS, &seed);
        enum network_layer_kind kind = round % 2 ? NETWORK_FIRE : NETWORK_LOGITS;
        uint32_t a = some_map(net, kind, 1 + stage_net_below(&seed, 130), &seed);
        uint32_t b = some_map(net, kind, 1 + stage_net_below(&seed, 130), &seed);
        uint32_t v = stage_net_two(net, NETWORK_OP_CONCAT, a, b);

        v = stage_net_two(net, NETWORK_OP_CONCAT, v, v);
        end_with(net, v, &seed);
        agrees(net, &seed);
    }
    /* The picture itself, bits: dense layers then cannot have it without gaps. */
    for (unsigned round = 0; round < 6; round++) {
        struct network *net = some_picture(NETWORK_BINARY, &seed);
        uint32_t v = stage_net_two(net, NETWORK_OP_CONCAT, 0, 0);
        uint32_t dense = stage_net_binary(net, 0, NETWORK_LOGITS, stage_net_whole(net, 0),
                                          NETWORK_PAD_ZERO, 1, 6, &seed);

        v = stage_net_binary(net, v, NETWORK_LOGITS, stage_net_whole(net, v),
                             NETWORK_PAD_ZERO, 1, 6, &seed);
        (void)stage_net_two(net, NETWORK_OP_ADD, v, dense);
        stage_net_finish(net);
        agrees(net, &seed);
    }
}

static void a_network_of_every_op_agrees(void **state)
{
    (void)state;

    for (uint64_t seed = 12; seed < 20; seed++) {
        uint64_t pixels = seed;
        agrees(stage_net_every_op(seed), &pixels);
    }
}

/* -- Memory and numbers -- */

static void a_forward_pass_allocates_nothing(void **state)
{
    (void)state;
    uint64_t seed = 20;
    struct fixture f = fixture_make(stage_net_every_op(20), &seed);
    struct infer_weights *weights = NULL;
    struct infer_scratch *scratch = NULL;
    float logits[N_PICTURES * MAX_LOGITS];

    assert_int_equal(infer_weights_new(f.net, kernel_best(),
                                       (const uint64_t *const *)f.bits, &weights),
                     ST_OK);
    assert_int_equal(infer_scratch_new(f.net, N_PICTURES, &scratch), ST_OK);
    fault_at(0);
    infer_run(weights, scratch, f.pixels, N_PICTURES, logits);
    void *volatile next = malloc(1); /* the first allocation since */
    fault_off();
    assert_null(next);
    infer_scratch_free(scratch);
    infer_weights_free(weights);
    fixture_done(&f);
}

static void failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    uint64_t seed = 21;
    struct fixture f = fixture_make(stage_net_every_op(21), &seed);

    infer_starve(f.net, f.bits);
    fixture_done(&f);
}

static void logits_are_numbers_whatever_overflows(void **state)
{
    (void)state;
    const struct network_input input = { .height = 1, .width = 1, .channels = 1 };
    uint64_t seed = 22;
    struct network *net = stage_net_new(&input);
    uint32_t v = some_map(net, NETWORK_LOGITS, 3, &seed);
    uint32_t w = stage_net_elements(net, NETWORK_OP_AFFINE, v, &seed);
    struct infer_weights *weights = NULL;
    struct infer_scratch *scratch = NULL;
    float logits[3];
    uint8_t pixel = 255;
    char why[ERR_LEN];

    w = stage_net_elements(net, NETWORK_OP_AFFINE, w, &seed);
    v = stage_net_elements(net, NETWORK_OP_AFFINE, v, &seed);
    (void)stage_net_two(net, NETWORK_OP_ADD, v, w);
    stage_net_finish(net);
    /* inf + 1, -inf + 1, inf - inf */
    for (size_t c = 0; c < 3; c++) {
        net->layers[0].scale[c] = 0.0F;
        net->layers[0].bias[c] = 3e38F;
        net->stages[1].a[c] = 3e38F;
        net->stages[2].a[c] = c == 1 ? -1.0F : 1.0F;
        net->stages[3].a[c] = c == 2 ? -3e38F : 0.0F;
    }
    assert_int_equal(network_check(net, why), ST_OK);
    const uint64_t *bits[] = { net->layers[0].weights };
    assert_int_equal(infer_weights_new(net, kernel_best(), bits, &weights), ST_OK);
    assert_int_equal(infer_scratch_new(net, 1, &scratch), ST_OK);
    infer_run(weights, scratch, &pixel, 1, logits);
    assert_true(logits[0] == FLT_MAX);
    assert_true(logits[1] == -FLT_MAX);
    assert_true(logits[2] == logits[1]);
    infer_scratch_free(scratch);
    infer_weights_free(weights);
    network_free(net);
}

static void energy_counts_every_place(void **state)
{
    (void)state;
    const struct network_input input = { .height = 8, .width = 6, .channels = 3 };
    const struct infer_costs costs = { 1.0, 100.0, 10000.0 };
    uint64_t seed = 23;
    struct network *net = stage_net_new(&input);
    uint32_t v = stage_net_binary(net, 0, NETWORK_FIRE, square(3, 1, 1), NETWORK_PAD_ZERO,
                                  1, 16, &seed);

    v = stage_net_binary(net, v, NETWORK_LOGITS, square(2, 2, 0), NETWORK_PAD_ZERO, 1, 5,
                         &seed);
    (void)stage_net_binary(net, v, NETWORK_LOGITS, stage_net_whole(net, v),
                           NETWORK_PAD_ZERO, 1, 2, &seed);
    stage_net_finish(net);
    assert_int_equal(network_layer_bit_operations(net, 0), 48 * 27 * 16 * 8);
    assert_int_equal(network_layer_bit_operations(net, 1), 12 * 64 * 5);
    assert_int_equal(network_layer_bit_operations(net, 2), 12 * 5 * 2 * 32);
    assert_int_equal(network_bit_operations(net),
                     48 * 27 * 16 * 8 + 12 * 64 * 5 + 12 * 5 * 2 * 32);
    assert_true(infer_compute_pj(net, 0, &costs) ==
                (48 * 27 * 16 * 8 + 48 * 16 * 100.0) / 1000.0);
    assert_true(infer_compute_pj(net, 1, &costs) ==
                (12 * 64 * 5 + 12 * 5 * 10000.0) / 1000.0);
    network_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_windows_over_bits_agree),
        cmocka_unit_test(windows_over_the_picture_agree),
        cmocka_unit_test(products_of_reals_agree),
        cmocka_unit_test(pools_agree),
        cmocka_unit_test(ops_on_elements_agree),
        cmocka_unit_test(signs_of_ties_are_as_said),
        cmocka_unit_test(flattened_maps_agree),
        cmocka_unit_test(a_very_wide_dense_layer_agrees),
        cmocka_unit_test(a_residual_network_agrees),
        cmocka_unit_test(values_outlive_the_next_stage),
        cmocka_unit_test(maps_side_by_side_agree),
        cmocka_unit_test(a_network_of_every_op_agrees),
        cmocka_unit_test(a_forward_pass_allocates_nothing),
        cmocka_unit_test(failed_allocations_leave_nothing_behind),
        cmocka_unit_test(logits_are_numbers_whatever_overflows),
        cmocka_unit_test(energy_counts_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
