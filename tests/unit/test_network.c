/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network.h"

#include "core/bits.h"
#include "core/kernel.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 3 x 5 grey pixels, 15 - 70 - 4. */
static struct network *small_network(void)
{
    static const size_t sizes[] = { 15, 70, 4 };
    struct network *net = calloc(1, sizeof(*net));

    net->name = strdup("small-1.0");
    net->input = (struct network_input) { .height = 3, .width = 5, .channels = 1 };
    net->n_classes = 4;
    net->labels = calloc(4, sizeof(*net->labels));
    for (size_t c = 0; c < 4; c++)
        net->labels[c] = strdup("Kätzchen");
    net->n_layers = 2;
    net->layers = calloc(2, sizeof(*net->layers));
    for (size_t l = 0; l < 2; l++) {
        struct network_layer *layer = &net->layers[l];

        layer->name = strdup(l == 0 ? "hidden" : "out");
        layer->kind = l == 0 ? NETWORK_FIRE : NETWORK_LOGITS;
        layer->n_in = sizes[l];
        layer->n_out = sizes[l + 1];
        layer->weights = calloc(layer->n_out * bits_words(layer->n_in), sizeof(uint64_t));
    }
    net->layers[0].threshold = calloc(70, sizeof(int32_t));
    net->layers[0].falling = calloc(2, sizeof(uint64_t));
    net->layers[1].scale = calloc(4, sizeof(float));
    net->layers[1].bias = calloc(4, sizeof(float));
    return net;
}

static void is_fine(const struct network *net)
{
    char why[ERR_LEN] = "";

    assert_int_equal(network_check(net, why), ST_OK);
}

/* Refused, and the reason has `word` in it. */
static void is_refused(const struct network *net, const char *word)
{
    char why[ERR_LEN] = "";

    assert_int_equal(network_check(net, why), ST_FORMAT);
    assert_non_null(strstr(why, word));
}

static void set_text(char **text, const char *value)
{
    free(*text);
    *text = strdup(value);
}

static void a_consistent_network_passes(void **state)
{
    (void)state;
    struct network *net = small_network();

    is_fine(net);
    net->input.encoding = NETWORK_BINARY;
    net->input.threshold = 255;
    is_fine(net);
    net->description = strdup("für Leute");
    net->test_correct = net->test_total = 10000;
    is_fine(net);
    network_free(net);
}

static void sizes_and_operations_count_weights(void **state)
{
    (void)state;
    struct network *net = small_network();

    assert_int_equal(network_inputs(net), 15);
    assert_int_equal(network_cells(net), 15 * 70 + 70 * 4);
    assert_int_equal(network_bit_operations(net), 8 * 15 * 70 + 70 * 4);
    net->input.encoding = NETWORK_BINARY;
    assert_int_equal(network_bit_operations(net), 15 * 70 + 70 * 4);
    net->input.channels = 3;
    assert_int_equal(network_inputs(net), 45);
    network_free(net);
}

static void names_are_short_and_plain(void **state)
{
    (void)state;
    char long_name[66];

    memset(long_name, 'a', sizeof(long_name));
    long_name[64] = '\0';
    assert_true(network_name_ok(long_name));
    long_name[64] = 'a';
    long_name[65] = '\0';
    assert_false(network_name_ok(long_name));
    assert_true(network_name_ok("mnist-MLP_1.0"));
    assert_false(network_name_ok(""));
    assert_false(network_name_ok(".hidden"));
    assert_false(network_name_ok("a/b"));
    assert_false(network_name_ok("a b"));
    assert_false(network_name_ok("ä"));
}

static void broken_inputs_are_refused(void **state)
{
    (void)state;
    struct network *net = small_network();
    const struct network_input good = net->input;

    net->input.height = 0;
    is_refused(net, "sides");
    net->input = good;
    net->input.width = NETWORK_MAX_SIDE + 1;
    is_refused(net, "sides");
    net->input = good;
    net->input.channels = 2;
    is_refused(net, "channels");
    net->input = good;
    net->input.threshold = 1;
    is_refused(net, "threshold");
    net->input.encoding = NETWORK_BINARY;
    is_fine(net);
    net->input.threshold = 0;
    is_refused(net, "threshold");
    net->input.threshold = 256;
    is_refused(net, "threshold");
    net->input.encoding = (enum network_encoding)7;
    is_refused(net, "encoding");
    net->input = good;
    net->input.height = 4;
    is_refused(net, "hidden");
    network_free(net);
}

static void layers_must_chain(void **state)
{
    (void)state;
    struct network *net = small_network();

    net->layers[1].n_in = 69;
    is_refused(net, "layer out");
    net->layers[1].n_in = 70;
    net->layers[1].n_out = 3;
    is_refused(net, "3 logits for 4 classes");
    net->layers[1].n_out = 4;
    net->layers[0].n_out = 0;
    is_refused(net, "layer hidden");
    net->layers[0].n_out = 70;
    net->layers[0].kind = NETWORK_LOGITS;
    is_refused(net, "layer hidden");
    net->layers[0].kind = NETWORK_FIRE;
    net->layers[1].kind = NETWORK_FIRE;
    is_refused(net, "layer out");
    net->layers[1].kind = NETWORK_LOGITS;
    is_fine(net);
    network_free(net);
}

static void sizes_that_could_not_be_read_are_refused_first(void **state)
{
    (void)state;
    struct network *net = small_network();

    net->layers[0].n_out = SIZE_MAX / 2;
    is_refused(net, "weights");
    net->layers[0].n_out = NETWORK_MAX_CELLS / 15 + 1;
    is_refused(net, "weights");
    net->layers[0].n_out = 70;
    net->input = (struct network_input) { .height = 4096, .width = 4096, .channels = 3 };
    net->layers[0].n_in = network_inputs(net);
    net->layers[0].n_out = 1;
    is_refused(net, "inputs");
    net->n_layers = 0;
    is_refused(net, "layers");
    net->n_layers = NETWORK_MAX_LAYERS + 1;
    is_refused(net, "layers");
    net->n_layers = 2;
    network_free(net);
}

static void padding_bits_must_be_zero(void **state)
{
    (void)state;
    struct network *net = small_network();

    net->layers[0].weights[33] = UINT64_C(1) << 15;
    is_refused(net, "row 33");
    net->layers[0].weights[33] = UINT64_C(1) << 14;
    is_fine(net);
    net->layers[1].weights[2 * 3 + 1] = UINT64_C(1) << 63;
    is_refused(net, "layer out: row 3");
    net->layers[1].weights[2 * 3 + 1] = 0;
    net->layers[0].falling[1] = UINT64_C(1) << 6;
    is_refused(net, "directions");
    network_free(net);
}

static void missing_parts_are_refused(void **state)
{
    (void)state;
    struct network *net = small_network();

    free(net->layers[0].threshold);
    net->layers[0].threshold = NULL;
    is_refused(net, "layer hidden");
    free(net->layers[0].weights);
    net->layers[0].weights = NULL;
    is_refused(net, "no weights");
    free(net->labels[2]);
    net->labels[2] = NULL;
    is_refused(net, "label 2");
    free(net->name);
    net->name = NULL;
    is_refused(net, "name");
    network_free(net);
}

static void logits_must_be_finite(void **state)
{
    (void)state;
    struct network *net = small_network();

    net->layers[1].bias[3] = INFINITY;
    is_refused(net, "bias 3");
    net->layers[1].bias[3] = 0.0F;
    net->layers[1].scale[0] = NAN;
    is_refused(net, "finite");
    network_free(net);
}

static void texts_must_be_utf8_and_names_unique(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x80",     "\xC0\xAF", "\xE0\x80\x80",        "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\xE2\x82", "a\xFF",    "\xF8\x88\x80\x80\x80"
    };
    static const char *const right[] = { "\xC2\x80", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                         "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF" };
    struct network *net = small_network();

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set_text(&net->labels[1], wrong[i]);
        is_refused(net, "label 1");
    }
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        set_text(&net->labels[1], right[i]);
        is_fine(net);
    }
    set_text(&net->layers[1].name, "hidden");
    is_refused(net, "both called hidden");
    set_text(&net->layers[1].name, "");
    is_refused(net, "layer 1");
    network_free(net);
}

static void impossible_test_results_are_refused(void **state)
{
    (void)state;
    struct network *net = small_network();

    net->test_correct = 2;
    net->test_total = 1;
    is_refused(net, "test pictures");
    network_free(net);
}

static void half_built_networks_are_freed(void **state)
{
    (void)state;
    struct network *net = calloc(1, sizeof(*net));

    network_free(NULL);
    assert_non_null(net);
    net->n_layers = 3; /* no layers behind it */
    net->n_classes = 5;
    network_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_consistent_network_passes),
        cmocka_unit_test(sizes_and_operations_count_weights),
        cmocka_unit_test(names_are_short_and_plain),
        cmocka_unit_test(broken_inputs_are_refused),
        cmocka_unit_test(layers_must_chain),
        cmocka_unit_test(sizes_that_could_not_be_read_are_refused_first),
        cmocka_unit_test(padding_bits_must_be_zero),
        cmocka_unit_test(missing_parts_are_refused),
        cmocka_unit_test(logits_must_be_finite),
        cmocka_unit_test(texts_must_be_utf8_and_names_unique),
        cmocka_unit_test(impossible_test_results_are_refused),
        cmocka_unit_test(half_built_networks_are_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
