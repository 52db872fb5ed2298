/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check.h"

#include "core/bits.h"
#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Of two, class 0 where the first channel is brighter than the last one, or equal. */
static struct network *make_network(uint32_t channels, bool bgr)
{
    struct network *net = calloc(1, sizeof(*net));
    char why[ERR_LEN] = "";

    assert_non_null(net);
    net->name = strdup("n");
    net->description = strdup("");
    net->training = strdup("");
    net->test_set = strdup("");
    net->input = (struct network_input) {
        .height = channels == 3 ? 1 : 2, .width = 1, .channels = channels, .bgr = bgr
    };
    net->n_classes = 2;
    net->labels = calloc(2, sizeof(*net->labels));
    net->n_layers = 1;
    net->layers = calloc(1, sizeof(*net->layers));
    assert_true(net->labels != NULL && net->layers != NULL);
    net->labels[0] = strdup("first");
    net->labels[1] = strdup("last");
    struct network_layer *layer = &net->layers[0];
    layer->name = strdup("l");
    layer->kind = NETWORK_LOGITS;
    layer->n_in = network_inputs(net);
    layer->n_out = 2;
    layer->weights = calloc(2, sizeof(*layer->weights));
    layer->scale = calloc(2, sizeof(*layer->scale));
    layer->bias = calloc(2, sizeof(*layer->bias));
    assert_true(layer->weights != NULL && layer->scale != NULL && layer->bias != NULL);
    bits_put(layer->weights, 0, true);
    bits_put(layer->weights + 1, layer->n_in - 1, true);
    layer->scale[0] = layer->scale[1] = 1;
    assert_int_equal(network_chain(net), ST_OK);
    assert_int_equal(network_check(net, why), ST_OK);
    return net;
}

static struct check run(struct network *net, struct dataset *set)
{
    struct check check = { 0 };
    char why[ERR_LEN] = "";

    assert_int_equal(check_run(net, set, &check, why), ST_OK);
    return check;
}

static void right_answers_are_counted(void **state)
{
    uint8_t pixels[] = { 9, 5, 5, 9, 7, 7, 0, 1 };
    uint32_t labels[] = { 0, 1, 0, 0 };
    struct dataset set = {
        .n = 4, .height = 2, .width = 1, .channels = 1, .pixels = pixels, .labels = labels
    };
    struct network *net = make_network(1, false);

    (void)state;
    struct check check = run(net, &set);
    assert_int_equal(check.n, 4);
    assert_int_equal(check.correct, 3);
    network_free(net);
}

static void more_than_a_batch_and_no_more_than_the_first_are_classified(void **state)
{
    enum { N = CHECK_PICTURES + 70 };
    uint8_t *pixels = malloc(2 * N);
    uint32_t *labels = calloc(N, sizeof(*labels));
    struct dataset set = {
        .n = N, .height = 2, .width = 1, .channels = 1, .pixels = pixels, .labels = labels
    };
    struct network *net = make_network(1, false);

    (void)state;
    assert_true(pixels != NULL && labels != NULL);
    for (size_t i = 0; i < N; i++) { /* every seventh is the other class */
        pixels[2 * i] = i % 7 == 0 ? 1 : 3;
        pixels[2 * i + 1] = 2;
    }
    struct check check = run(net, &set);
    assert_int_equal(check.n, CHECK_PICTURES);
    assert_int_equal(check.correct, CHECK_PICTURES - (CHECK_PICTURES + 6) / 7);
    network_free(net);
    free(labels);
    free(pixels);
}

static void colours_come_as_the_network_wants_them(void **state)
{
    uint8_t pixels[] = { 200, 50, 10, 10, 50, 200 }; /* red, blue */
    uint32_t of_rgb[] = { 0, 1 }, of_bgr[] = { 1, 0 };
    struct dataset set = {
        .n = 2, .height = 1, .width = 1, .channels = 3, .pixels = pixels
    };

    (void)state;
    for (unsigned bgr = 0; bgr < 2; bgr++) {
        struct network *net = make_network(3, bgr);

        set.labels = bgr ? of_bgr : of_rgb;
        assert_int_equal(run(net, &set).correct, 2);
        network_free(net);
    }
}

static void sets_that_do_not_fit_are_refused(void **state)
{
    uint8_t pixels[12] = { 0 };
    uint32_t labels[] = { 0, 2 };
    struct dataset_file files[2] = { { 0 } };
    struct dataset labelled = {
        .n = 2, .height = 2, .width = 1, .channels = 1, .pixels = pixels, .labels = labels
    };
    struct dataset large = {
        .n = 1, .height = 2, .width = 2, .channels = 1, .pixels = pixels, .labels = labels
    };
    struct dataset of_files = { .n = 1, .files = files, .labels = labels };
    const struct dataset *const sets[] = { &labelled, &large, &of_files };
    static const char *const said[] = { "label 2", "2 x 2", "decoded by the daemon" };
    struct network *net = make_network(1, false);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct check check;
        char why[ERR_LEN] = "";

        assert_int_equal(check_run(net, sets[i], &check, why), ST_UNSUPPORTED);
        assert_non_null(strstr(why, said[i]));
    }
    network_free(net);
}

static void failed_allocations_leak_nothing(void **state)
{
    uint8_t pixels[] = { 9, 5 };
    uint32_t labels[] = { 0 };
    struct dataset set = {
        .n = 1, .height = 2, .width = 1, .channels = 1, .pixels = pixels, .labels = labels
    };
    struct network *net = make_network(1, false);
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct check check = { 0 };
        char why[ERR_LEN];

        fault_at(nth);
        st = check_run(net, &set, &check, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && check.n == 0));
    }
    network_free(net);
}

static void what_is_near_to_chance_is_doubtful(void **state)
{
    static const struct {
        size_t n, correct, classes;
        bool doubtful;
    } cases[] = {
        { 1000, 199, 10, true }, { 1000, 200, 10, false }, { 100, 74, 2, true },
        { 100, 75, 2, false },   { 100, 100, 1, false },   { 1000, 0, 1000, true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct check check = { cases[i].n, cases[i].correct };

        assert_int_equal(check_doubtful(&check, cases[i].classes), cases[i].doubtful);
    }
}

static void a_doubt_is_said(void **state)
{
    struct check good = { 1000, 983 }, bad = { 1000, 98 };
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    check_print(out, &good, 10);
    check_print(out, &bad, 10);
    (void)fclose(out);
    assert_string_equal(text, "  check   983 of 1,000 right, 98.30 %\n"
                              "  check   98 of 1,000 right, 9.80 %\n"
                              "  remark  hardly more than by chance, 10.00 %: are range, "
                              "mean, std, layout and channels right?\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_answers_are_counted),
        cmocka_unit_test(more_than_a_batch_and_no_more_than_the_first_are_classified),
        cmocka_unit_test(colours_come_as_the_network_wants_them),
        cmocka_unit_test(sets_that_do_not_fit_are_refused),
        cmocka_unit_test(failed_allocations_leak_nothing),
        cmocka_unit_test(what_is_near_to_chance_is_doubtful),
        cmocka_unit_test(a_doubt_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
