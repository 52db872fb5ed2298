/* SPDX-License-Identifier: Apache-2.0 */
#include "core/network.h"

#include "core/bits.h"
#include "core/kernel.h"
#include "tests/lib/stage_net.h"

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
    assert_int_equal(network_chain(net), ST_OK);
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
    if (strstr(why, word) == NULL)
        print_error("expected \"%s\", found \"%s\"\n", word, why);
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
    assert_int_equal(network_layer_places(net, 1), 1);
    assert_int_equal(network_layer_stage(net, 1), 1);
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
    is_refused(net, "makes bits of 2 x 1 x 70");
    assert_int_equal(network_chain(net), ST_OK);
    is_refused(net, "layer hidden");
    net->input = good;
    net->input.bgr = true;
    is_refused(net, "blue");
    net->input = good;
    net->input.resize = 5;
    is_refused(net, "fitted whole");
    net->input.fit = NETWORK_CROP;
    assert_int_equal(network_chain(net), ST_OK);
    is_fine(net);
    net->input.resize = 4;
    is_refused(net, "cropping");
    net->input.resize = NETWORK_MAX_SIDE + 1;
    is_refused(net, "cropping");
    net->input.fit = (enum network_fit)2;
    is_refused(net, "fit");
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
    assert_int_equal(network_chain(net), ST_OK);
    is_refused(net, "1 x 1 x 3, but there are 4 classes");
    net->layers[1].n_out = 4;
    net->layers[0].n_out = 0;
    is_refused(net, "layer hidden");
    net->layers[0].n_out = 70;
    assert_int_equal(network_chain(net), ST_OK);
    net->layers[0].kind = NETWORK_LOGITS;
    is_refused(net, "layer hidden: no scales");
    net->layers[0].kind = (enum network_layer_kind)2;
    is_refused(net, "layer hidden: unknown kind");
    net->layers[0].kind = NETWORK_FIRE;
    net->layers[1].kind = NETWORK_FIRE;
    is_refused(net, "layer out: no thresholds");
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

static void rows_of_pixels_are_bounded(void **state)
{
    (void)state;
    struct network *net = small_network();
    struct network_layer *layer = &net->layers[0];

    net->input.height = 4096;
    net->input.width = 2049;
    layer->n_in = (size_t)4096 * 2049;
    free(layer->weights);
    layer->weights = calloc(layer->n_out * bits_words(layer->n_in), sizeof(uint64_t));
    free(net->stages);
    net->stages = NULL;
    assert_int_equal(network_chain(net), ST_OK);
    is_refused(net, "pixels, at most");
    net->input.encoding = NETWORK_BINARY;
    net->input.threshold = 128;
    is_fine(net);
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
    is_refused(net, "layer out: bias 3");
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

/* -- Stages -- */

/* Of stage_net_every_op: the first stage of each op. */
static struct network_stage *stage_of(struct network *net, enum network_op op)
{
    for (size_t i = 0; i < net->n_stages; i++) {
        if (net->stages[i].op == op)
            return &net->stages[i];
    }
    fail();
    return NULL;
}

/* One field of one stage is wrong; tried on a network of its own. */
#define IS_REFUSED(op, change, word)                                                     \
    do {                                                                                 \
        struct network *net = stage_net_every_op(1);                                     \
        struct network_stage *s = stage_of(net, op);                                     \
        is_fine(net);                                                                    \
        change;                                                                          \
        is_refused(net, word);                                                           \
        network_free(net);                                                               \
    } while (0)

static void a_network_of_every_op_passes(void **state)
{
    (void)state;
    struct network *net = stage_net_every_op(1);
    bool seen[NETWORK_OPS] = { false };

    is_fine(net);
    for (size_t i = 0; i < net->n_stages; i++)
        seen[net->stages[i].op] = true;
    for (size_t op = 0; op < NETWORK_OPS; op++)
        assert_true(seen[op]);
    network_free(net);
}

static void inputs_of_stages_must_be_there_and_fit(void **state)
{
    (void)state;

    IS_REFUSED(NETWORK_OP_BINARY, s->op = NETWORK_OPS, "unknown op");
    IS_REFUSED(NETWORK_OP_BINARY, s->op = (enum network_op) - 1, "unknown op");
    IS_REFUSED(NETWORK_OP_BINARY, s->in[0] = 1, "not made before");
    IS_REFUSED(NETWORK_OP_ADD, s->in[1] = UINT32_MAX, "not made before");
    IS_REFUSED(NETWORK_OP_AFFINE, s->in[1] = 1, "second input");
    IS_REFUSED(NETWORK_OP_ADD, s->in[1] = 3, "add): reals of 4 x 3 x 8 and bits");
    IS_REFUSED(NETWORK_OP_ADD, s->in[0] = 3, "does not take bits");
    IS_REFUSED(NETWORK_OP_CONCAT, s->in[1] = 9, "concat): reals of 2 x 1 x 8 and");
    IS_REFUSED(NETWORK_OP_CONCAT, s->in[0] = 0, "does not take pixels");
    IS_REFUSED(NETWORK_OP_POOL_BITS, s->in[0] = 0, "does not take pixels");
    IS_REFUSED(NETWORK_OP_POOL_MAX, s->in[0] = 3, "does not take bits");
    IS_REFUSED(NETWORK_OP_SLOPE, s->in[0] = 3, "does not take bits");
    IS_REFUSED(NETWORK_OP_REALS, s->in[0] = 4; s->op = NETWORK_OP_SIGN, "not made");
    IS_REFUSED(NETWORK_OP_SIGN, s->in[0] = 3, "does not take bits");
    IS_REFUSED(NETWORK_OP_AFFINE, s->in[0] = 3, "does not take bits");
}

static void what_a_stage_makes_must_be_what_it_says(void **state)
{
    (void)state;

    for (unsigned op = 0; op < NETWORK_OPS; op++) {
        IS_REFUSED((enum network_op)op, s->out.kind = NETWORK_VALUE_PIXELS, "stage ");
        IS_REFUSED((enum network_op)op, s->out.height++, "stage ");
        IS_REFUSED((enum network_op)op, s->out.width--, "stage ");
        IS_REFUSED((enum network_op)op, s->out.channels = 0, "stage ");
        IS_REFUSED((enum network_op)op, s->out.channels++, "stage ");
    }
}

static void windows_must_fit(void **state)
{
    (void)state;

    IS_REFUSED(NETWORK_OP_BINARY, s->window.kernel_h = 0, "window");
    IS_REFUSED(NETWORK_OP_BINARY, s->window.stride_w = 0, "window");
    IS_REFUSED(NETWORK_OP_BINARY, s->window.dilation_h = UINT32_MAX, "window");
    IS_REFUSED(NETWORK_OP_BINARY, s->window.pad_left = NETWORK_MAX_SIDE + 1, "window");
    IS_REFUSED(NETWORK_OP_BINARY, s->window.kernel_h = 11, "does not fit");
    IS_REFUSED(NETWORK_OP_BINARY, s->window.dilation_w = 5, "does not fit");
    IS_REFUSED(NETWORK_OP_AFFINE, s->window.pad_top = 1, "a window of an op");
    /* 7 + 3 columns by two: the last window begins behind the map. */
    IS_REFUSED(NETWORK_OP_POOL_BITS, s->window.pad_right = 3;
               s->out.width += 2, "outside");
    IS_REFUSED(NETWORK_OP_POOL_MAX, s->window.pad_top = 2; s->out.height++, "outside");
}

/* Taps at -1 and 1 of a map of one element. */
static void a_pool_that_straddles_its_map_is_refused(void **state)
{
    (void)state;
    const struct network_input input = { .height = 1, .width = 1, .channels = 1 };
    uint64_t seed = 1;
    struct network *net = stage_net_new(&input);
    struct network_window w = stage_net_point();

    w.kernel_w = w.dilation_w = 2;
    w.pad_left = w.pad_right = 1;
    uint32_t v = stage_net_binary(net, 0, NETWORK_LOGITS, stage_net_point(),
                                  NETWORK_PAD_ZERO, 1, 2, &seed);
    (void)stage_net_pool(net, NETWORK_OP_POOL_MAX, v, w, false, &seed);
    stage_net_finish(net);
    is_refused(net, "outside the map");
    network_free(net);
}

static void layers_and_groups_must_fit_their_stage(void **state)
{
    (void)state;

    IS_REFUSED(NETWORK_OP_BINARY, s->layer = 3, "layer 3 of 3");
    IS_REFUSED(NETWORK_OP_BINARY, s->layer = 1, "inputs");
    IS_REFUSED(NETWORK_OP_BINARY, s->groups = 0, "groups");
    IS_REFUSED(NETWORK_OP_BINARY, s->groups = 2, "groups");
    IS_REFUSED(NETWORK_OP_BINARY, s->groups = 3, "27 inputs, but 9 come in");
    IS_REFUSED(NETWORK_OP_REAL, s->groups = 3, "groups");
    IS_REFUSED(NETWORK_OP_ADD, s->groups = 1, "groups of an op");
    IS_REFUSED(NETWORK_OP_ADD, s->layer = 1, "a layer of an op");
    IS_REFUSED(NETWORK_OP_BINARY, s[4].layer = 1; (void)s, "another stage's");
    IS_REFUSED(NETWORK_OP_BINARY, s->padding = NETWORK_PAD_PLUS, "padding");
    IS_REFUSED(NETWORK_OP_BINARY, s[1].padding = (enum network_padding)3, "padding");
    IS_REFUSED(NETWORK_OP_REAL, s->padding = NETWORK_PAD_MINUS, "padding");
}

static void parameters_must_be_there_and_finite(void **state)
{
    (void)state;

    IS_REFUSED(NETWORK_OP_REAL, s->n_a--, "parameters");
    IS_REFUSED(NETWORK_OP_REAL, s->b[3] = NAN, "3 of b is not finite");
    IS_REFUSED(NETWORK_OP_AFFINE, s->n_b++, "parameters");
    IS_REFUSED(NETWORK_OP_AFFINE, s->a[7] = INFINITY, "7 of a is not finite");
    IS_REFUSED(NETWORK_OP_SLOPE, free(s->a); s->a = NULL, "no real-valued");
    IS_REFUSED(NETWORK_OP_CLIP, s->low = s->high + 1.0F, "clips to");
    IS_REFUSED(NETWORK_OP_CLIP, s->high = INFINITY, "clips to");
    IS_REFUSED(NETWORK_OP_ADD, s->low = 1.0F, "setting of another op");
    IS_REFUSED(NETWORK_OP_ADD, s->strict = true, "setting of another op");
    IS_REFUSED(NETWORK_OP_POOL_MAX, s->count_outside = true, "setting of another op");
    IS_REFUSED(NETWORK_OP_ADD, s->n_a = 1, "parameters");
    IS_REFUSED(NETWORK_OP_POOL_BITS, s->mask[0] |= UINT64_C(1) << 8, "past its 8");
    IS_REFUSED(NETWORK_OP_POOL_BITS, free(s->mask); s->mask = NULL, "no mask");
    IS_REFUSED(NETWORK_OP_SIGN, free(s->mask); s->mask = NULL, "no mask");
    IS_REFUSED(NETWORK_OP_ADD, s->mask = calloc(1, 8), "a mask of an op");
}

static void everything_is_used_once_and_the_last_are_logits(void **state)
{
    (void)state;
    struct network *net = stage_net_every_op(2);
    size_t n_stages = net->n_stages;

    net->n_stages--; /* ends with bits */
    is_refused(net, "the last stage makes bits");
    net->n_stages = 0;
    is_refused(net, "0 stages");
    net->n_stages = NETWORK_MAX_STAGES + 1;
    is_refused(net, "stages");
    net->n_stages = n_stages;
    net->n_classes = 3;
    is_refused(net, "3 classes");
    net->n_classes = 4;
    net->stages[10].in[0] = net->stages[9].in[0]; /* nobody takes the pool of value 9 */
    is_fine(net);
    net->stages[11].in[0] = 11;
    is_refused(net, "value 10 is not used");
    net->stages[11].in[0] = 10;
    is_fine(net);
    uint64_t seed = 1;
    uint32_t v = stage_net_binary(net, 0, NETWORK_LOGITS, stage_net_whole(net, 0),
                                  NETWORK_PAD_ZERO, 1, 4, &seed);
    assert_int_equal(v, 15);
    is_refused(net, "value 14 is not used");
    net->n_stages--;
    is_refused(net, "no stage uses it");
    network_free(net);
}

/* Sizes that would overflow, or take hours, before anything of that size is touched. */
static void sizes_of_stages_are_bounded(void **state)
{
    (void)state;
    const struct network_input input = { .height = 4096, .width = 4096, .channels = 3 };
    uint64_t seed = 3;
    struct network_window w = stage_net_point();
    struct network *net = stage_net_new(&input);

    (void)stage_net_binary(net, 0, NETWORK_FIRE, w, NETWORK_PAD_ZERO, 1, 5, &seed);
    stage_net_finish(net);
    is_refused(net, "elements");
    network_free(net);

    net = stage_net_new(&input);
    for (uint32_t v = 0; v < 6; v++)
        (void)stage_net_elements(net, v == 0 ? NETWORK_OP_REALS : NETWORK_OP_CLIP, v,
                                 &seed);
    w = stage_net_point();
    (void)stage_net_binary(net, 6, NETWORK_LOGITS, w, NETWORK_PAD_ZERO, 1, 1, &seed);
    stage_net_finish(net);
    is_refused(net, "in all values");
    network_free(net);

    net = stage_net_new(&input);
    w.kernel_h = w.kernel_w = 2047;
    w.pad_top = w.pad_bottom = w.pad_left = w.pad_right = 1023;
    (void)stage_net_binary(net, 0, NETWORK_FIRE, w, NETWORK_PAD_ZERO, 3, 3, &seed);
    stage_net_finish(net);
    is_refused(net, "operations");
    net->stages[0].op = NETWORK_OP_REAL;
    net->stages[0].out.kind = NETWORK_VALUE_REALS;
    net->stages[0].n_a = SIZE_MAX;
    is_refused(net, "parameters, expected");
    network_free(net);
}

static void outputs_of_windows_are_counted(void **state)
{
    (void)state;

    assert_int_equal(network_window_out(32, 3, 1, 1, 1, 1), 32);
    assert_int_equal(network_window_out(224, 7, 2, 1, 3, 3), 112);
    assert_int_equal(network_window_out(5, 2, 2, 1, 0, 0), 2);
    assert_int_equal(network_window_out(5, 2, 2, 1, 0, 1), 3);
    assert_int_equal(network_window_out(5, 3, 1, 2, 0, 0), 1);
    assert_int_equal(network_window_out(4, 3, 1, 2, 0, 0), 0);
    assert_int_equal(network_window_out(1, 1, 9, 9, 0, 0), 1);
    assert_int_equal(network_window_out(5, 0, 1, 1, 0, 0), 0);
    assert_int_equal(network_window_out(5, 1, 0, 1, 0, 0), 0);
    assert_int_equal(network_window_out(UINT32_MAX, 1, 1, 1, UINT32_MAX, 0), 0);
    assert_int_equal(
        network_window_out(UINT32_MAX, UINT32_MAX, 1, UINT32_MAX, UINT32_MAX, 0), 0);
}

static void a_chain_replaces_stages(void **state)
{
    (void)state;
    struct network *net = small_network();

    assert_int_equal(network_chain(net), ST_OK);
    is_fine(net);
    assert_int_equal(net->n_stages, 2);
    assert_int_equal(net->stages[0].window.kernel_h, 3);
    assert_int_equal(net->stages[0].window.kernel_w, 5);
    net->layers[0].n_out = SIZE_MAX;
    assert_int_equal(network_chain(net), ST_OK);
    is_refused(net, "weights");
    net->layers[0].n_out = 70;
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
        cmocka_unit_test(rows_of_pixels_are_bounded),
        cmocka_unit_test(padding_bits_must_be_zero),
        cmocka_unit_test(missing_parts_are_refused),
        cmocka_unit_test(logits_must_be_finite),
        cmocka_unit_test(texts_must_be_utf8_and_names_unique),
        cmocka_unit_test(impossible_test_results_are_refused),
        cmocka_unit_test(half_built_networks_are_freed),
        cmocka_unit_test(a_network_of_every_op_passes),
        cmocka_unit_test(inputs_of_stages_must_be_there_and_fit),
        cmocka_unit_test(what_a_stage_makes_must_be_what_it_says),
        cmocka_unit_test(windows_must_fit),
        cmocka_unit_test(a_pool_that_straddles_its_map_is_refused),
        cmocka_unit_test(layers_and_groups_must_fit_their_stage),
        cmocka_unit_test(parameters_must_be_there_and_finite),
        cmocka_unit_test(everything_is_used_once_and_the_last_are_logits),
        cmocka_unit_test(sizes_of_stages_are_bounded),
        cmocka_unit_test(outputs_of_windows_are_counted),
        cmocka_unit_test(a_chain_replaces_stages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
