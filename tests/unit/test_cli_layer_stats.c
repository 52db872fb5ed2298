/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/layer_stats.h"

#include "core/bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define N_IN 5

/* One layer of 5 inputs whose outputs share the weights + + - - -. */
struct fixture {
    uint64_t weights[8], falling[1];
    int32_t threshold[8];
    struct network_layer layer;
    struct network_stage stage;
    struct network net;
};

static void build(struct fixture *f, enum network_encoding encoding, size_t n_out)
{
    *f = (struct fixture) { 0 };
    for (size_t j = 0; j < n_out; j++)
        f->weights[j] = 3;
    f->layer = (struct network_layer) { .kind = NETWORK_FIRE,
                                        .n_in = N_IN,
                                        .n_out = n_out,
                                        .weights = f->weights,
                                        .threshold = f->threshold,
                                        .falling = f->falling };
    f->net = (struct network) { .input = { .encoding = encoding },
                                .n_layers = 1,
                                .layers = &f->layer,
                                .n_stages = 1,
                                .stages = &f->stage };
}

/* Does the output fire for no input, or for all of them? Tries every input of extreme
 * values: the sum is linear, so its ends are reached there. */
static void brute_force(const struct fixture *f, size_t j, bool *ret_never,
                        bool *ret_always)
{
    bool pixels = f->net.input.encoding == NETWORK_PIXELS;

    *ret_never = *ret_always = true;
    for (unsigned inputs = 0; inputs < 1u << N_IN; inputs++) {
        int s = 0;

        for (size_t i = 0; i < N_IN; i++) {
            int high = pixels ? 255 : 1, low = pixels ? 0 : -1;
            int x = inputs >> i & 1 ? high : low;

            s += bits_get(&f->weights[j], i) ? x : -x;
        }
        bool fires =
            bits_get(f->falling, j) ? s <= f->threshold[j] : s >= f->threshold[j];
        *ret_never = *ret_never && !fires;
        *ret_always = *ret_always && fires;
    }
}

static void constant_outputs_are_those_that_no_input_changes(void **state)
{
    static const enum network_encoding encodings[] = { NETWORK_BINARY, NETWORK_PIXELS };
    static const int32_t thresholds[] = { -100000, -766, -765, -764, -6,  -5,  -4,    0,
                                          4,       5,    6,    509,  510, 511, 100000 };

    (void)state;
    for (size_t e = 0; e < 2; e++)
        for (size_t t = 0; t < sizeof(thresholds) / sizeof(thresholds[0]); t++)
            for (int falling = 0; falling < 2; falling++) {
                struct fixture f;
                bool never, always;

                build(&f, encodings[e], 1);
                f.threshold[0] = thresholds[t];
                bits_put(f.falling, 0, falling == 1);
                brute_force(&f, 0, &never, &always);

                struct layer_stats stats = layer_stats(&f.net, 0);
                assert_int_equal(stats.never_fire, never);
                assert_int_equal(stats.always_fire, always);
            }
}

static void weights_are_counted_without_padding(void **state)
{
    struct fixture f;

    (void)state;
    build(&f, NETWORK_BINARY, 8);
    f.weights[3] = 31;
    struct layer_stats stats = layer_stats(&f.net, 0);
    assert_int_equal(stats.cells, 40);
    assert_int_equal(stats.plus_ones, 7 * 2 + 5);
}

static void logits_have_no_thresholds(void **state)
{
    struct fixture f;

    (void)state;
    build(&f, NETWORK_BINARY, 2);
    f.layer.kind = NETWORK_LOGITS;
    f.layer.threshold = NULL;
    f.layer.falling = NULL;
    struct layer_stats stats = layer_stats(&f.net, 0);
    assert_int_equal(stats.never_fire + stats.always_fire, 0);
    assert_int_equal(stats.plus_ones, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_outputs_are_those_that_no_input_changes),
        cmocka_unit_test(weights_are_counted_without_padding),
        cmocka_unit_test(logits_have_no_thresholds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
