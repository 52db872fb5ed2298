/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are cut, flipped or made by somebody who means harm. */
#include "storage/model_file.h"

#include "core/bits.h"
#include "tests/unit/model_file_fixture.h"

#include <math.h>
#include <stdio.h>

/* Parses a copy of exactly `len` bytes, so that the address sanitizer sees a read past
 * it. */
static enum status parse(const uint8_t *bytes, size_t len, char why[ERR_LEN])
{
    struct network *net = NULL;
    uint8_t *copy = malloc(len == 0 ? 1 : len);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    why[0] = '\0';
    enum status st = model_file_parse(copy, len, &net, why);
    free(copy);
    if (st == ST_OK) {
        assert_non_null(net);
        network_free(net);
    } else {
        assert_null(net);
        assert_int_not_equal(why[0], '\0');
    }
    return st;
}

/* -- Broken files -- */

/* With the length and the checksum of the whole file, and with those of the cut. */
static void assert_every_cut_is_refused(const struct sbnn_bytes *file)
{
    char why[ERR_LEN];

    for (size_t len = 0; len < file->len; len++) {
        uint8_t *cut = malloc(len + 1);

        assert_int_equal(parse(file->bytes, len, why), ST_FORMAT);
        assert_non_null(cut);
        memcpy(cut, file->bytes, len);
        sbnn_seal(cut, len);
        assert_int_equal(parse(cut, len, why), ST_FORMAT);
        free(cut);
    }
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 1);
    struct sbnn_bytes file = sbnn_write(net);

    assert_every_cut_is_refused(&file);
    free(file.bytes);
    network_free(net);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 2);
    struct sbnn_bytes file = sbnn_write(net);
    char why[ERR_LEN];

    for (size_t bit = 0; bit < 8 * file.len; bit++) {
        file.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum status st = parse(file.bytes, file.len, why);
        bool in_version = bit / 8 >= 8 && bit / 8 < 12;
        assert_int_equal(st, in_version ? ST_UNSUPPORTED : ST_FORMAT);
        file.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(parse(file.bytes, file.len, why), ST_OK);
    free(file.bytes);
    network_free(net);
}

/* A hostile writer can make the checksum fit. What is then read must still be consistent.
 */
static void a_flipped_bit_under_a_true_checksum_does_no_harm(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 3);
    struct sbnn_bytes file = sbnn_write(net);
    char why[ERR_LEN];
    unsigned n_read = 0;

    for (size_t bit = 8 * 24; bit < 8 * file.len; bit++) {
        file.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        sbnn_seal(file.bytes, file.len);
        enum status st = parse(file.bytes, file.len, why);
        assert_true(st == ST_OK || st == ST_FORMAT);
        n_read += st == ST_OK;
        file.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    /* At the least every weight may be the other one. */
    assert_true(n_read >= network_cells(net));
    free(file.bytes);
    network_free(net);
}

static void bytes_after_the_end_are_refused(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 4);
    struct sbnn_bytes file = sbnn_write(net);
    uint8_t *longer = calloc(1, file.len + 1);
    char why[ERR_LEN];

    assert_non_null(longer);
    memcpy(longer, file.bytes, file.len);
    assert_int_equal(parse(longer, file.len + 1, why), ST_FORMAT);
    sbnn_seal(longer, file.len + 1);
    assert_int_equal(parse(longer, file.len + 1, why), ST_FORMAT);
    assert_non_null(strstr(why, "end"));
    free(longer);
    free(file.bytes);
    network_free(net);
}

/* A number of the file, replaced under a true checksum. */
struct hostile {
    const char *what; /* must be named in `why` */
    size_t at;
    uint32_t value;
};

static void numbers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 5);
    struct sbnn_bytes file = sbnn_write(net);
    const struct hostile cases[] = {
        { "height", file.input_at, 0 },
        { "height", file.input_at, UINT32_MAX },
        { "width", file.input_at + 4, 4097 },
        { "channels", file.input_at + 8, 0 },
        { "channels", file.input_at + 8, 2 },
        { "channels", file.input_at + 8, 4 },
        { "encoding", file.input_at + 12, 2 },
        { "threshold", file.input_at + 12, 0 }, /* pixels with a threshold */
        { "threshold", file.input_at + 16, 0 },
        { "threshold", file.input_at + 16, 256 },
        { "classes", file.classes_at, 0 },
        { "classes", file.classes_at, 65537 },
        { "classes", file.classes_at, 60000 }, /* more than the bytes can hold */
        { "classes", file.classes_at, UINT32_MAX },
        { "layers", file.layers_at, 0 },
        { "layers", file.layers_at, 65 },
        { "layers", file.layers_at, UINT32_MAX },
        { "kind", file.layers_at, 1 }, /* the last layer then fires */
        { "kind", file.kind_at[0], 1 },
        { "kind", file.kind_at[0], 2 },
        { "kind", file.kind_at[1], 0 },
        { "inputs", file.kind_at[0] + 4, 5 },
        { "inputs", file.kind_at[0] + 4, 0 },
        { "inputs", file.kind_at[1] + 4, 8 },
        { "outputs", file.kind_at[0] + 8, 0 },
        { "thresholds", file.kind_at[0] + 8, 10000 },
        { "outputs", file.kind_at[0] + 8, UINT32_MAX },
        { "outputs", file.kind_at[1] + 8, 4 },
        { "scale", file.values_at[1], 0x7f800000 },     /* infinite */
        { "bias", file.values_at[1] + 12, 0x7fc00000 }, /* not a number */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t saved[4];
        char why[ERR_LEN];

        memcpy(saved, file.bytes + cases[i].at, 4);
        for (unsigned b = 0; b < 4; b++)
            file.bytes[cases[i].at + b] = (uint8_t)(cases[i].value >> (8 * b));
        sbnn_seal(file.bytes, file.len);
        enum status st = parse(file.bytes, file.len, why);
        if (st != ST_FORMAT || strstr(why, cases[i].what) == NULL ||
            strncmp(why, "byte ", 5) != 0)
            print_error("case %zu (%s = %u): status %d: %s\n", i, cases[i].what,
                        cases[i].value, (int)st, why);
        assert_int_equal(st, ST_FORMAT);
        assert_non_null(strstr(why, cases[i].what));
        memcpy(file.bytes + cases[i].at, saved, 4);
    }
    free(file.bytes);
    network_free(net);
}

static void padding_bits_that_are_set_are_refused(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 6);
    struct sbnn_bytes file = sbnn_write(net);
    char why[ERR_LEN];
    /* 6 inputs: bits 6 and 7 of each row's byte. 9 outputs: bits 1.. of the second byte.
     */
    const size_t bits[] = { 8 * file.weights_at[0] + 6, 8 * (file.weights_at[0] + 8) + 7,
                            8 * (file.weights_at[0] - 1) + 1,
                            8 * (file.weights_at[1] + 1) + 1 };

    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        file.bytes[bits[i] / 8] ^= (uint8_t)(1U << bits[i] % 8);
        sbnn_seal(file.bytes, file.len);
        assert_int_equal(parse(file.bytes, file.len, why), ST_FORMAT);
        assert_non_null(strstr(why, "padding"));
        file.bytes[bits[i] / 8] ^= (uint8_t)(1U << bits[i] % 8);
    }
    free(file.bytes);
    network_free(net);
}

/* Writes `net` with another text in one place, and reads it. */
static enum status parse_with(struct network *net, char **text, const char *other)
{
    char *kept = *text;
    char why[ERR_LEN];
    char copy[80];

    (void)snprintf(copy, sizeof(copy), "%s", other);
    *text = copy;
    struct sbnn_bytes file = sbnn_write(net);
    *text = kept;
    enum status st = parse(file.bytes, file.len, why);
    free(file.bytes);
    return st;
}

static void texts_are_utf8_and_names_are_names(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "\x80",
        "\xc3",
        "a\xff",
        "\xc0\xaf",
        "\xe2\x82",
        "\xe0\x80\xaf",
        "\xed\xa0\x80",
        "\xf8\x88\x80",
        "\xf4\x90\x80\x80",
        "\xf0\x80\x80\xaf",
        "\xe2\x28\xa1",
    };
    static const char *const sound[] = { "plain", "\xc3\xa4", "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf" };
    static const char *const no_names[] = {
        "",         ".hidden",
        "a/b",      "a b",
        "\xc3\xa4", "12345678901234567890123456789012345678901234567890123456789012345",
    };
    struct network *net = sbnn_random(&small, 7);

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(parse_with(net, &net->description, broken[i]), ST_FORMAT);
        assert_int_equal(parse_with(net, &net->labels[1], broken[i]), ST_FORMAT);
        assert_int_equal(parse_with(net, &net->layers[0].name, broken[i]), ST_FORMAT);
    }
    for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++)
        assert_int_equal(parse_with(net, &net->description, sound[i]), ST_OK);
    for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++)
        assert_int_equal(parse_with(net, &net->name, no_names[i]), ST_FORMAT);
    assert_int_equal(parse_with(net, &net->layers[0].name, net->layers[1].name),
                     ST_FORMAT);
    network_free(net);
}

static void a_zero_inside_a_text_is_refused(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 8);
    struct sbnn_bytes file = sbnn_write(net);
    char why[ERR_LEN];

    file.bytes[24 + 2 + 1] = 0; /* second byte of the name */
    sbnn_seal(file.bytes, file.len);
    assert_int_equal(parse(file.bytes, file.len, why), ST_FORMAT);
    free(file.bytes);
    network_free(net);
}

static void more_correct_answers_than_questions_are_refused(void **state)
{
    (void)state;
    struct network *net = sbnn_random(&small, 9);
    char why[ERR_LEN];

    net->test_correct = 11;
    net->test_total = 10;
    struct sbnn_bytes file = sbnn_write(net);
    assert_int_equal(parse(file.bytes, file.len, why), ST_FORMAT);
    free(file.bytes);
    network_free(net);
}

/* -- Version 2 -- */

static void every_cut_of_a_network_of_stages_is_refused(void **state)
{
    (void)state;
    struct network *net = stage_net_every_op(1);
    struct sbnn_bytes file = must_write(net);

    assert_every_cut_is_refused(&file);
    free(file.bytes);
    network_free(net);
}

static void flipped_bits_of_a_network_of_stages_do_no_harm(void **state)
{
    (void)state;
    struct network *net = stage_net_every_op(2);
    struct sbnn_bytes file = must_write(net);
    char why[ERR_LEN];

    for (size_t bit = 8 * 24; bit < 8 * file.len; bit++) {
        file.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        sbnn_seal(file.bytes, file.len);
        enum status st = parse(file.bytes, file.len, why);
        assert_true(st == ST_OK || st == ST_FORMAT);
        file.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(file.bytes);
    network_free(net);
}

/* Numbers of a network of stages, replaced under a true checksum. */
static void stages_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct network *net = stage_net_every_op(3);
    struct sbnn_bytes file = must_write(net);
    /* Fields of the first stage, in units of u32. */
    enum {
        OP,
        IN,
        IN_2,
        KIND,
        HEIGHT,
        WIDTH,
        CHANNELS,
        KERNEL,
        PADDING = 17,
        GROUPS,
        LAYER,
        COUNT,
        STRICT,
        LOW,
        HIGH,
        N_A,
        N_B
    };
    const struct hostile cases[] = {
        { "stages", file.stages_at - 4, 0 },
        { "stages", file.stages_at - 4, 1025 },
        { "stages", file.stages_at - 4, UINT32_MAX },
        { "op", file.stages_at + 4 * OP, NETWORK_OPS },
        { "input", file.stages_at + 4 * IN, 1 },
        { "second input", file.stages_at + 4 * IN_2, UINT32_MAX },
        { "kind", file.stages_at + 4 * KIND, 3 },
        { "height", file.stages_at + 4 * HEIGHT, 0 },
        { "width", file.stages_at + 4 * WIDTH, 4097 },
        { "channels", file.stages_at + 4 * CHANNELS, 65537 },
        { "window", file.stages_at + 4 * KERNEL, UINT32_MAX },
        { "inputs", file.stages_at + 4 * KERNEL, 2 },
        { "padding", file.stages_at + 4 * PADDING, 3 },
        { "groups", file.stages_at + 4 * GROUPS, 0 },
        { "layer", file.stages_at + 4 * LAYER, UINT32_MAX },
        { "count", file.stages_at + 4 * COUNT, 2 },
        { "setting", file.stages_at + 4 * STRICT, 1 },
        { "setting", file.stages_at + 4 * LOW, 1 },
        { "setting", file.stages_at + 4 * HIGH, 0x7fc00000 },
        { "a", file.stages_at + 4 * N_A, UINT32_MAX },
        { "b", file.stages_at + 4 * N_B, 1 << 28 },
        { "blue", file.input_at + 20, 2 },
        { "fit", file.input_at + 24, 2 },
        { "resize", file.input_at + 28, 7 },
        { "resize", file.input_at + 28, UINT32_MAX },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t saved[4];
        char why[ERR_LEN];

        memcpy(saved, file.bytes + cases[i].at, 4);
        for (unsigned b = 0; b < 4; b++)
            file.bytes[cases[i].at + b] = (uint8_t)(cases[i].value >> (8 * b));
        sbnn_seal(file.bytes, file.len);
        enum status st = parse(file.bytes, file.len, why);
        if (st != ST_FORMAT || strstr(why, cases[i].what) == NULL)
            print_error("case %zu (%s = %u): status %d: %s\n", i, cases[i].what,
                        cases[i].value, (int)st, why);
        assert_int_equal(st, ST_FORMAT);
        assert_non_null(strstr(why, cases[i].what));
        memcpy(file.bytes + cases[i].at, saved, 4);
    }
    free(file.bytes);
    network_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(a_flipped_bit_under_a_true_checksum_does_no_harm),
        cmocka_unit_test(bytes_after_the_end_are_refused),
        cmocka_unit_test(numbers_that_cannot_be_are_refused),
        cmocka_unit_test(padding_bits_that_are_set_are_refused),
        cmocka_unit_test(texts_are_utf8_and_names_are_names),
        cmocka_unit_test(a_zero_inside_a_text_is_refused),
        cmocka_unit_test(more_correct_answers_than_questions_are_refused),
        cmocka_unit_test(every_cut_of_a_network_of_stages_is_refused),
        cmocka_unit_test(flipped_bits_of_a_network_of_stages_do_no_harm),
        cmocka_unit_test(stages_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
