/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs that tests/lib/onnx_suite.py makes, against the logits that its own slow
 * evaluation of the graph gives; refusals by code; networks of others where they are at
 * hand (../shared/nets), against the figures that came with them. */
#include "storage/onnx_import.h"

#include "core/bits.h"
#include "core/infer.h"
#include "tests/lib/fault.h"
#include "tests/lib/stage_net.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH_LEN 512

static uint8_t *read_file(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    long len = -1;

    if (f == NULL)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0)
        len = ftell(f);
    assert_true(len >= 0);
    rewind(f);
    uint8_t *bytes = malloc(len == 0 ? 1 : (size_t)len);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)len, f), (size_t)len);
    (void)fclose(f); /* only read from */
    *ret_len = (size_t)len;
    return bytes;
}

static uint8_t *read_graph(const char *name, size_t *ret_len)
{
    char path[PATH_LEN];

    (void)snprintf(path, sizeof(path), "%s/%s.onnx", TEST_ONNX_DIR, name);
    uint8_t *bytes = read_file(path, ret_len);
    assert_non_null(bytes);
    return bytes;
}

/* -- Options as the lists name them -- */

static void set_option(struct onnx_options *o, const char *key, const char *value)
{
    if (strcmp(key, "range") == 0)
        o->range = strcmp(value, "255") == 0      ? ONNX_RANGE_255
                   : strcmp(value, "1") == 0      ? ONNX_RANGE_1
                   : strcmp(value, "signed") == 0 ? ONNX_RANGE_SIGNED
                                                  : ONNX_RANGE_UNKNOWN;
    else if (strcmp(key, "layout") == 0)
        o->layout = strcmp(value, "nhwc") == 0 ? ONNX_LAYOUT_NHWC : ONNX_LAYOUT_NCHW;
    else if (strcmp(key, "ties") == 0)
        o->ties_down = strcmp(value, "down") == 0;
    else if (strcmp(key, "assume") == 0)
        o->assume_sign = true;
    else if (strcmp(key, "colour") == 0)
        o->colour = ONNX_COLOUR_GREY;
    else if (strcmp(key, "cells") == 0)
        o->max_cells = strtoul(value, NULL, 10);
    else if (strcmp(key, "size") == 0)
        assert_int_equal(sscanf(value, "%u,%u", &o->height, &o->width), 2);
    else if (strcmp(key, "mean") == 0)
        o->mean_given =
            sscanf(value, "%f,%f,%f", &o->mean[0], &o->mean[1], &o->mean[2]) == 3;
    else if (strcmp(key, "std") == 0)
        o->std_given = sscanf(value, "%f,%f,%f", &o->std[0], &o->std[1], &o->std[2]) == 3;
    else if (strcmp(key, "code") != 0)
        fail_msg("option %s", key);
}

struct entry {
    char name[64], code[64];
    struct onnx_options options;
};

static bool next_entry(FILE *list, struct entry *ret)
{
    char line[512], *rest = NULL;

    if (fgets(line, sizeof(line), list) == NULL)
        return false;
    memset(ret, 0, sizeof(*ret));
    char *word = strtok_r(line, " \n", &rest);
    assert_non_null(word);
    (void)snprintf(ret->name, sizeof(ret->name), "%s", word);
    while ((word = strtok_r(NULL, " \n", &rest)) != NULL) {
        char *value = strchr(word, '=');

        assert_non_null(value);
        *value++ = '\0';
        set_option(&ret->options, word, value);
        if (strcmp(word, "code") == 0)
            (void)snprintf(ret->code, sizeof(ret->code), "%s", value);
    }
    return true;
}

static FILE *open_list(const char *name)
{
    char path[PATH_LEN];

    (void)snprintf(path, sizeof(path), "%s/%s", TEST_ONNX_DIR, name);
    FILE *list = fopen(path, "r");
    assert_non_null(list);
    return list;
}

/* -- Networks that import -- */

/* Logits within a few roundings; one hidden bit more or less moves them by far more. */
static unsigned wrong_logits(const float *got, const float *want, size_t n)
{
    unsigned wrong = 0;

    for (size_t c = 0; c < n; c++)
        wrong += !(fabsf(got[c] - want[c]) <= 1e-4F * (1 + fabsf(want[c])));
    return wrong;
}

static unsigned compare(const struct network *net, const char *name)
{
    char path[PATH_LEN];
    unsigned h, w, ch, n, classes, wrong = 0;
    uint64_t *bits[NETWORK_MAX_LAYERS];

    (void)snprintf(path, sizeof(path), "%s/%s.txt", TEST_ONNX_DIR, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%u %u %u %u %u", &h, &w, &ch, &n, &classes), 5);
    if (h != net->input.height || w != net->input.width || ch != net->input.channels ||
        classes != net->n_classes) {
        (void)fclose(f);
        return 1;
    }
    uint8_t *pixels = malloc((size_t)h * w * ch);
    float *want = calloc(classes, sizeof(*want)), *got = calloc(classes, sizeof(*got));
    assert_true(pixels != NULL && want != NULL && got != NULL);
    for (size_t l = 0; l < net->n_layers; l++)
        bits[l] = net->layers[l].weights;
    for (unsigned i = 0; i < n; i++) {
        for (size_t p = 0; p < (size_t)h * w * ch; p++)
            assert_int_equal(fscanf(f, "%hhu", &pixels[p]), 1);
        for (size_t c = 0; c < classes; c++)
            assert_int_equal(fscanf(f, "%f", &want[c]), 1);
        stage_net_slow(net, bits, pixels, got);
        wrong += wrong_logits(got, want, classes);
    }
    free(pixels);
    free(want);
    free(got);
    (void)fclose(f); /* only read from */
    return wrong;
}

static void graphs_give_the_logits_of_their_nodes(void **state)
{
    FILE *list = open_list("cases.txt");
    struct entry entry;
    unsigned bad = 0, n = 0;

    (void)state;
    while (next_entry(list, &entry)) {
        struct network *net = NULL;
        struct onnx_report report;
        char why[ERR_LEN] = "";
        size_t len;
        uint8_t *bytes = read_graph(entry.name, &len);
        enum status st = onnx_import(bytes, len, &entry.options, &net, &report, why);
        unsigned wrong = st == ST_OK ? compare(net, entry.name) : 0;

        if (st != ST_OK || wrong > 0)
            print_message("%s: %s, %u logits differ\n", entry.name, why, wrong);
        bad += st != ST_OK || wrong > 0;
        n++;
        network_free(st == ST_OK ? net : NULL);
        onnx_report_done(&report);
        free(bytes);
    }
    (void)fclose(list); /* only read from */
    assert_true(n > 220);
    assert_int_equal(bad, 0);
}

static void what_cannot_be_proved_is_refused_by_its_code(void **state)
{
    FILE *list = open_list("refusals.txt");
    struct entry entry;
    unsigned bad = 0;

    (void)state;
    while (next_entry(list, &entry)) {
        struct network *net = NULL;
        struct onnx_report report;
        char why[ERR_LEN] = "";
        size_t len;
        uint8_t *bytes = read_graph(entry.name, &len);
        enum status st = onnx_import(bytes, len, &entry.options, &net, &report, why);
        bool same = st != ST_OK && strcmp(onnx_code_name(report.code), entry.code) == 0 &&
                    strstr(why, entry.code) == why && report.found[0] != '\0';

        if (!same)
            print_message("%s: %s, expected %s\n", entry.name, why, entry.code);
        bad += !same;
        network_free(st == ST_OK ? net : NULL);
        onnx_report_done(&report);
        free(bytes);
    }
    (void)fclose(list); /* only read from */
    assert_int_equal(bad, 0);
}

/* -- Broken files -- */

static void a_file_cut_anywhere_is_refused(void **state)
{
    struct onnx_options options = { .range = ONNX_RANGE_255 };
    size_t len;
    uint8_t *bytes = read_graph("dense", &len);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        struct network *net = NULL;
        struct onnx_report report;
        char why[ERR_LEN];
        /* A copy of that length: the address sanitizer sees a read past it. */
        uint8_t *part = malloc(cut == 0 ? 1 : cut);
        assert_non_null(part);
        memcpy(part, bytes, cut);
        enum status st = onnx_import(part, cut, &options, &net, &report, why);
        /* The opsets stand at the end; without them it is another version. */
        assert_true(st == ST_FORMAT ||
                    (st == ST_UNSUPPORTED && report.code == ONNX_CODE_VERSION) ||
                    (st == ST_OK && cut + 40 > len));
        network_free(st == ST_OK ? net : NULL);
        onnx_report_done(&report);
        free(part);
    }
    free(bytes);
}

static void failed_allocations_leak_nothing(void **state)
{
    static const char *const names[] = { "residual_concat", "pool_before_pads",
                                         "two_readings", "weight_w5", "nhwc" };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct onnx_options options = { .range = ONNX_RANGE_255 };
        enum status st = ST_NOMEM;
        size_t len;
        uint8_t *bytes = read_graph(names[i], &len);

        for (unsigned nth = 0; st != ST_OK; nth++) {
            struct network *net = NULL;
            struct onnx_report report;
            char why[ERR_LEN];

            fault_at(nth);
            st = onnx_import(bytes, len, &options, &net, &report, why);
            fault_off();
            assert_true(st == ST_OK || (st == ST_NOMEM && net == NULL));
            network_free(net);
            onnx_report_done(&report);
        }
        free(bytes);
    }
}

/* -- What the report says -- */

/* The text of the first remark of that code; NULL: there is none. */
static const char *remarked(const struct onnx_report *report, const char *code)
{
    for (size_t i = 0; i < report->n_remarks; i++)
        if (strcmp(report->remarks[i].code, code) == 0)
            return report->remarks[i].text;
    return NULL;
}

/* Imports a graph that must import; the report is the caller's. */
static void import_graph(const char *name, const struct onnx_options *options,
                         struct onnx_report *ret_report)
{
    struct network *net = NULL;
    char why[ERR_LEN] = "";
    size_t len;
    uint8_t *bytes = read_graph(name, &len);
    enum status st = onnx_import(bytes, len, options, &net, ret_report, why);

    assert_string_equal(why, "");
    assert_int_equal(st, ST_OK);
    network_free(net);
    free(bytes);
}

static void the_report_names_what_a_person_should_know(void **state)
{
    static const struct {
        const char *graph, *code;
        enum onnx_range range;
    } expected[] = {
        { "zero_scale", "constant_outputs", ONNX_RANGE_255 },
        { "sign_s1_up", "ties", ONNX_RANGE_255 },
        { "residual", "real_layer", ONNX_RANGE_255 },
        { "unused_node", "unused_nodes", ONNX_RANGE_255 },
        { "dense", "no_labels", ONNX_RANGE_255 },
        { "lost_sign", "assumed_sign", ONNX_RANGE_255 },
        { "bn_outputs", "training_norm", ONNX_RANGE_255 },
        { "binarised_input", "range", ONNX_RANGE_1 }, /* it divides by 255 itself */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct onnx_options options = { .range = expected[i].range, .assume_sign = true };
        struct onnx_report report;

        import_graph(expected[i].graph, &options, &report);
        assert_non_null(remarked(&report, expected[i].code));
        onnx_report_done(&report);
    }
}

static void a_sign_of_reals_is_remarked_where_zero_occurs(void **state)
{
    struct onnx_options options = { .range = ONNX_RANGE_255, .ties_down = true };
    struct onnx_report report;

    (void)state;
    /* Sums that a shortcut reads too, and a sum of such sums. */
    import_graph("bits_of_reals", &options, &report);
    size_t n = 0;
    for (size_t i = 0; i < report.n_remarks; i++)
        n += strcmp(report.remarks[i].code, "ties") == 0 &&
             strcmp(report.remarks[i].text, "4 of 4 outputs can meet a sign of exactly "
                                            "zero: it counts as -1") == 0;
    assert_int_equal(n, 2);
    onnx_report_done(&report);
    /* Behind a normalisation an exact zero is an accident. */
    import_graph("residual", &options, &report);
    assert_null(remarked(&report, "ties"));
    onnx_report_done(&report);
}

/* The sums of 15 pixels less those of 15 others lie in -3825 .. 3825, both of which
 * occur; thresholds at and below the least, and above the most, change nothing. */
static void thresholds_that_no_picture_reaches_are_counted(void **state)
{
    static const char *const graphs[] = { "reach_binary", "reach_real" };
    struct onnx_options options = { .range = ONNX_RANGE_255 };
    struct onnx_report report;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        import_graph(graphs[i], &options, &report);
        assert_string_equal(remarked(&report, "constant_outputs"),
                            "4 of 7 outputs are the same for every picture: is the range "
                            "right?");
        onnx_report_done(&report);
        /* Of a 255th of the range only the threshold at 0 is left. */
        options.range = ONNX_RANGE_1;
        import_graph(graphs[i], &options, &report);
        assert_string_equal(remarked(&report, "constant_outputs"),
                            "6 of 7 outputs are the same for every picture: is the range "
                            "right?");
        onnx_report_done(&report);
        options.range = ONNX_RANGE_255;
    }
}

static void a_mean_of_another_range_is_remarked(void **state)
{
    struct onnx_options options = { .range = ONNX_RANGE_1,
                                    .mean_given = true,
                                    .mean = { 123.68F, 116.779F, 103.939F } };
    struct onnx_report report;

    (void)state;
    import_graph("sign_s3", &options, &report);
    assert_non_null(remarked(&report, "range"));
    onnx_report_done(&report);
    options.range = ONNX_RANGE_255;
    import_graph("sign_s3", &options, &report);
    assert_null(remarked(&report, "range"));
    onnx_report_done(&report);
    options.mean_given = false;
    options.std_given = true; /* of 0..1 */
    for (size_t c = 0; c < 3; c++)
        options.std[c] = 0.225F;
    import_graph("sign_s3", &options, &report);
    assert_non_null(remarked(&report, "range"));
    onnx_report_done(&report);
}

static void a_refusal_names_the_node(void **state)
{
    struct onnx_options options = { .range = ONNX_RANGE_255 };
    struct network *net = NULL;
    struct onnx_report report;
    char why[ERR_LEN];
    size_t len;
    uint8_t *bytes = read_graph("refuse_tanh", &len);

    (void)state;
    assert_int_equal(onnx_import(bytes, len, &options, &net, &report, why),
                     ST_UNSUPPORTED);
    assert_string_equal(report.op, "Tanh");
    assert_string_equal(report.node, "/2/Tanh");
    assert_int_equal(report.position, 2);
    onnx_report_done(&report);
    free(bytes);
}

static void labels_must_be_as_many_as_classes(void **state)
{
    static const char *const labels[] = { "a", "b", "c", "d", "e" };
    struct onnx_options options = { .range = ONNX_RANGE_255,
                                    .labels = labels,
                                    .n_labels = 5 };
    struct network *net = NULL;
    struct onnx_report report;
    char why[ERR_LEN];
    size_t len;
    uint8_t *bytes = read_graph("dense", &len);

    (void)state;
    assert_int_equal(onnx_import(bytes, len, &options, &net, &report, why), ST_OK);
    assert_string_equal(net->labels[4], "e");
    network_free(net);
    onnx_report_done(&report);
    options.n_labels = 4;
    assert_int_equal(onnx_import(bytes, len, &options, &net, &report, why),
                     ST_UNSUPPORTED);
    assert_int_equal(report.code, ONNX_CODE_INPUT_CONTRACT);
    onnx_report_done(&report);
    free(bytes);
}

/* -- Networks of others -- */

/* Unpacks a file of ../shared with `tool`; NULL: it is not there, which is said. */
static uint8_t *shared_file(const char *tool, const char *path, size_t *ret_len)
{
    char command[PATH_LEN * 2];
    size_t room = (size_t)64 << 20, len = 0;
    FILE *there = fopen(path, "rb");

    if (there == NULL) {
        print_message("skipped: there is no %s\n", path);
        return NULL;
    }
    (void)fclose(there); /* only opened */
    (void)snprintf(command, sizeof(command), "%s '%s'", tool, path);
    FILE *pipe = popen(command, "r");
    uint8_t *bytes = malloc(room);
    assert_true(pipe != NULL && bytes != NULL);
    for (size_t n; (n = fread(bytes + len, 1, room - len, pipe)) > 0;)
        len += n;
    assert_int_equal(pclose(pipe), 0);
    *ret_len = len;
    return bytes;
}

static struct network *import_shared(const char *name, const struct onnx_options *options)
{
    struct network *net = NULL;
    struct onnx_report report;
    char path[PATH_LEN], why[ERR_LEN] = "";
    size_t len = 0;

    (void)snprintf(path, sizeof(path), TEST_SHARED_DIR "/nets/%s.onnx.xz", name);
    uint8_t *bytes = shared_file("xz -dc", path, &len);
    if (bytes == NULL)
        return NULL;
    enum status st = onnx_import(bytes, len, options, &net, &report, why);
    assert_string_equal(why, "");
    assert_int_equal(st, ST_OK);
    onnx_report_done(&report);
    free(bytes);
    return net;
}

static const struct onnx_options raw_pixels = { .range = ONNX_RANGE_255 };
static const struct onnx_options bmxnet = { .range = ONNX_RANGE_255,
                                            .mean_given = true,
                                            .mean = { 123.68F, 116.779F, 103.939F } };

/* Runs pictures; the reference holds index, label, class and a logit for each class. */
static void compare_reference(const struct network *net, const char *name,
                              const uint8_t *pictures, size_t n, bool softmax)
{
    char path[PATH_LEN], line[4096];
    const uint64_t *bits[NETWORK_MAX_LAYERS];
    struct infer_weights *weights = NULL;
    struct infer_scratch *scratch = NULL;
    float *got = calloc(net->n_classes, sizeof(*got));

    (void)snprintf(path, sizeof(path), TEST_SHARED_DIR "/nets/%s.reference.csv", name);
    FILE *f = fopen(path, "r");
    assert_true(f != NULL && got != NULL);
    for (size_t l = 0; l < net->n_layers; l++)
        bits[l] = net->layers[l].weights;
    assert_int_equal(infer_weights_new(net, kernel_best(), bits, &weights), ST_OK);
    assert_int_equal(infer_scratch_new(net, 1, &scratch), ST_OK);
    assert_non_null(fgets(line, sizeof(line), f));
    for (size_t i = 0; i < n && fgets(line, sizeof(line), f) != NULL; i++) {
        char *at = line;
        uint32_t best;

        assert_int_equal(strtoul(at, &at, 10), i);
        (void)strtoul(at + 1, &at, 10);
        unsigned long wanted = strtoul(at + 1, &at, 10);
        infer_run(weights, scratch, pictures + i * network_inputs(net), 1, got);
        infer_rank(got, net->n_classes, 1, &best);
        assert_int_equal(best, wanted);
        if (softmax)
            infer_probabilities(got, net->n_classes, got);
        for (size_t c = 0; c < net->n_classes; c++) {
            float want = strtof(at + 1, &at);

            /* Six digits are written. */
            assert_true(softmax ? fabsf(got[c] - want) <= 1e-5F : got[c] == want);
        }
    }
    (void)fclose(f); /* only read from */
    infer_weights_free(weights);
    infer_scratch_free(scratch);
    free(got);
}

static void mnist_lfc_gives_its_reference_logits(void **state)
{
    size_t len = 0;
    struct network *net = import_shared("mnist-lfc", &raw_pixels);
    uint8_t *pictures =
        net == NULL
            ? NULL
            : shared_file("gzip -dc",
                          TEST_SHARED_DIR "/data/mnist/t10k-images-idx3-ubyte.gz", &len);

    (void)state;
    if (pictures != NULL) {
        assert_true(len > 16 + 1000 * 784);
        compare_reference(net, "mnist-lfc", pictures + 16, 1000, false);
    }
    free(pictures);
    network_free(net);
    if (pictures == NULL)
        skip();
}

static void gtsrb_30_gives_its_reference_probabilities(void **state)
{
    size_t len = 0;
    struct network *net = import_shared("gtsrb-30", &raw_pixels);
    uint8_t *pictures =
        net == NULL
            ? NULL
            : shared_file("cat", TEST_SHARED_DIR "/nets/gtsrb-30.inputs.u8", &len);

    (void)state;
    if (pictures != NULL) {
        assert_int_equal(len, 100 * 2700);
        compare_reference(net, "gtsrb-30", pictures, 100, true);
    }
    free(pictures);
    network_free(net);
    if (pictures == NULL)
        skip();
}

/* Real numbers on the way: a class may differ, most may not. */
static void cifar10_resnet18_agrees_with_its_reference(void **state)
{
    enum { N = 20, AREA = 32 * 32 };
    char line[1024];
    size_t len = 0, n_same = 0;
    struct network *net = import_shared("cifar10-resnet18", &bmxnet);
    uint8_t *records =
        net == NULL
            ? NULL
            : shared_file("xz -dc", TEST_SHARED_DIR "/data/cifar-10/test_batch.bin.xz",
                          &len);
    const uint64_t *bits[NETWORK_MAX_LAYERS];
    struct infer_weights *weights = NULL;
    struct infer_scratch *scratch = NULL;

    (void)state;
    if (records == NULL) {
        network_free(net);
        skip();
    }
    assert_int_equal(network_cells(net), 11161600);
    FILE *f = fopen(TEST_SHARED_DIR "/nets/cifar10-resnet18.reference.csv", "r");
    assert_non_null(f);
    for (size_t l = 0; l < net->n_layers; l++)
        bits[l] = net->layers[l].weights;
    assert_int_equal(infer_weights_new(net, kernel_best(), bits, &weights), ST_OK);
    assert_int_equal(infer_scratch_new(net, 1, &scratch), ST_OK);
    assert_non_null(fgets(line, sizeof(line), f));
    for (size_t i = 0; i < N && fgets(line, sizeof(line), f) != NULL; i++) {
        const uint8_t *planes = records + i * (1 + 3 * AREA) + 1;
        uint8_t pixels[3 * AREA];
        float logits[10];
        uint32_t best;
        unsigned wanted;

        for (size_t p = 0; p < 3 * AREA; p++)
            pixels[p] = planes[p % 3 * AREA + p / 3];
        infer_run(weights, scratch, pixels, 1, logits);
        infer_rank(logits, 10, 1, &best);
        assert_int_equal(sscanf(line, "%*u,%*u,%u", &wanted), 1);
        n_same += best == wanted;
    }
    assert_true(n_same >= N - 1);
    (void)fclose(f); /* only read from */
    infer_weights_free(weights);
    infer_scratch_free(scratch);
    network_free(net);
    free(records);
}

static void imagenet_resnet18_imports(void **state)
{
    struct network *net = import_shared("imagenet-resnet18", &bmxnet);

    (void)state;
    if (net == NULL)
        skip();
    assert_int_equal(net->n_classes, 1000);
    assert_int_equal(net->input.height, 224);
    assert_int_equal(network_cells(net), 11161600);
    network_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_give_the_logits_of_their_nodes),
        cmocka_unit_test(what_cannot_be_proved_is_refused_by_its_code),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(failed_allocations_leak_nothing),
        cmocka_unit_test(the_report_names_what_a_person_should_know),
        cmocka_unit_test(a_sign_of_reals_is_remarked_where_zero_occurs),
        cmocka_unit_test(thresholds_that_no_picture_reaches_are_counted),
        cmocka_unit_test(a_mean_of_another_range_is_remarked),
        cmocka_unit_test(a_refusal_names_the_node),
        cmocka_unit_test(labels_must_be_as_many_as_classes),
        cmocka_unit_test(mnist_lfc_gives_its_reference_logits),
        cmocka_unit_test(gtsrb_30_gives_its_reference_probabilities),
        cmocka_unit_test(cifar10_resnet18_agrees_with_its_reference),
        cmocka_unit_test(imagenet_resnet18_imports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
