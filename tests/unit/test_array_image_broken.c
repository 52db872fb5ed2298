/* SPDX-License-Identifier: Apache-2.0 */
/* Images of arrays that are cut, changed, hostile or of another model. */
#include "storage/array_image.h"

#include "tests/lib/array_fixture.h"
#include "tests/lib/sbnn_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a copy of exactly `len` bytes; an image that is read is thrown away. */
static enum status parse(const struct array_fixture *f, const uint8_t *bytes, size_t len)
{
    struct array_image image = { .results = NULL };
    struct mram *mram = NULL;
    char why[ERR_LEN] = "";
    uint8_t *copy = malloc(len + 1);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    enum status st = array_image_parse(copy, len, f->net, &image, &mram, why);
    free(copy);
    if (st != ST_OK) {
        assert_null(mram);
        assert_null(image.results);
        assert_int_not_equal(why[0], '\0');
    }
    mram_free(mram);
    array_image_done(&image);
    return st;
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    struct array_fixture f;
    size_t len;

    array_fixture_make(&f, &array_small);
    uint8_t *bytes = array_fixture_bytes(&f, &len);
    for (size_t n = 0; n < len; n++) {
        assert_int_equal(parse(&f, bytes, n), ST_FORMAT);
        uint8_t *cut = malloc(n + 1);
        assert_non_null(cut);
        memcpy(cut, bytes, n);
        sbnn_seal(cut, n);
        assert_int_equal(parse(&f, cut, n), ST_FORMAT);
        free(cut);
    }
    free(bytes);
    array_fixture_free(&f);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct array_fixture f;
    size_t len;

    array_fixture_make(&f, &array_small);
    uint8_t *bytes = array_fixture_bytes(&f, &len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(parse(&f, bytes, len), ST_FORMAT);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(parse(&f, bytes, len), ST_OK);
    free(bytes);
    array_fixture_free(&f);
}

/* How many images with one bit flipped are read all the same. In the contents, which are
 * most of a large image, only every `stride`th bit is tried. */
static size_t flip_under_a_true_checksum(struct array_fixture *f, size_t stride)
{
    size_t len, n_read = 0;
    uint8_t *bytes = array_fixture_bytes(f, &len);

    for (size_t bit = 8 * 24; bit < 8 * len; bit += bit < 8 * 1024 ? 1 : stride) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        sbnn_seal(bytes, len);
        enum status st = parse(f, bytes, len);
        bool in_model = bit / 8 < 28;
        assert_true(in_model ? st == ST_CONFLICT : st == ST_OK || st == ST_FORMAT);
        n_read += st == ST_OK;
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(bytes);
    return n_read;
}

static void a_flipped_bit_under_a_true_checksum_does_no_harm(void **state)
{
    (void)state;
    struct array_fixture f;

    array_fixture_make(&f, &array_small);
    assert_true(flip_under_a_true_checksum(&f, 1) >= network_cells(f.net));
    array_fixture_free(&f);
    for (size_t i = 0; i < ARRAY_KINDS; i++) {
        array_fixture_make_kind(&f, &array_small, i);
        assert_true(flip_under_a_true_checksum(&f, 37) > 0);
        array_fixture_free(&f);
    }
}

static void an_image_of_version_1_says_so(void **state)
{
    (void)state;
    struct array_fixture f;
    struct array_image image = { .results = NULL };
    struct mram *mram = NULL;
    size_t len;
    char why[ERR_LEN];

    array_fixture_make(&f, &array_small);
    uint8_t *bytes = array_fixture_bytes(&f, &len);
    bytes[8] = 1;
    assert_int_equal(array_image_parse(bytes, len, f.net, &image, &mram, why), ST_FORMAT);
    assert_string_equal(why, "an image of version 1; expected 2");
    assert_null(mram);
    free(bytes);
    array_fixture_free(&f);
}

/* Fields that are broken one by one: how, and how many bytes. Offsets from the beginning
 * of the part that they are in, as storage/README.md has them. */
struct hostile {
    size_t at;
    uint64_t value;
    unsigned n_bytes;
};

#define F64_INFINITE  0x7ff0000000000000
#define F64_NAN       0x7ff8000000000000
#define F64_MINUS_ONE 0xbff0000000000000
#define F64_HUGE      0x7fe0000000000000
#define HOSTILE(list) (list), sizeof(list) / sizeof((list)[0])

static void assert_hostile(struct array_fixture *f, size_t base,
                           const struct hostile *cases, size_t n)
{
    size_t len;
    uint8_t *bytes = array_fixture_bytes(f, &len);

    for (size_t i = 0; i < n; i++) {
        uint8_t saved[8];
        size_t at = base + cases[i].at;

        assert_true(at + 8 <= len);
        memcpy(saved, bytes + at, 8);
        for (unsigned b = 0; b < cases[i].n_bytes; b++)
            bytes[at + b] = (uint8_t)(cases[i].value >> (8 * b));
        sbnn_seal(bytes, len);
        if (parse(f, bytes, len) != ST_FORMAT)
            print_error("case %zu at byte %zu + %zu\n", i, base, cases[i].at);
        assert_int_equal(parse(f, bytes, len), ST_FORMAT);
        memcpy(bytes + at, saved, 8);
    }
    sbnn_seal(bytes, len);
    assert_int_equal(parse(f, bytes, len), ST_OK);
    free(bytes);
}

/* Where the parts begin in an image whose device is called "default". */
enum {
    DEVICE_AT = 76,
    BASE_AT = DEVICE_AT + 2 + 7 + 4 + 8 * 26,
    POINT_LEN = 104,
    DEFECTS_AT = BASE_AT + POINT_LEN,
    LISTED_AT = DEFECTS_AT + 28,
    DEFECT_LEN = 20,
    /* From the beginning of a layer. */
    FORECAST_AT = POINT_LEN,
    RESULT_AT = FORECAST_AT + 56,
    STATE_AT = RESULT_AT + 88,
    WORDS_AT = STATE_AT + 112,
};

static const struct hostile hostile_heads[] = {
    { 28, 0, 4 },
    { 28, 3, 4 }, /* layers */
    { 28, UINT32_MAX, 4 },
    { 32, UINT64_C(1) << 32, 8 }, /* generation */
    { 40, 6, 4 },
    { 40, UINT32_MAX, 4 }, /* cause */
    { 44, UINT64_MAX, 8 },
    { 52, UINT64_MAX, 8 }, /* times */
    { 60, F64_NAN, 8 },
    { 60, F64_MINUS_ONE, 8 }, /* age */
    { 60, F64_INFINITE, 8 },
};
static const struct hostile hostile_devices[] = {
    { 0, 0, 2 },
    { 0, 8, 2 },
    { 0, UINT16_MAX, 2 }, /* length of name */
    { 2, 0, 1 },
    { 4, 0xff, 1 }, /* name */
    { 9, 1, 4 },
    { 9, 2, 4 },
    { 9, UINT32_MAX, 4 }, /* kind */
    { 13, F64_NAN, 8 },
    { 13, 0, 8 },
    { 13, F64_MINUS_ONE, 8 },
    { 13, F64_HUGE, 8 },
    { 13 + 8 * 25, F64_NAN, 8 },
    { 13 + 8 * 25, F64_HUGE, 8 },
};
/* Of a point, the base's and a layer's. */
static const struct hostile hostile_points[] = {
    { 0, 1024, 4 },
    { 0, UINT32_MAX, 4 }, /* members */
    { 4, 3, 4 },
    { 8, 5, 4 }, /* mode, over */
    { 12, 0, 8 },
    { 12, F64_NAN, 8 }, /* temperature */
    { 20, F64_NAN, 8 },
    { 28, F64_INFINITE, 8 }, /* bit error rates */
    { 36, 2, 4 },
    { 40, F64_NAN, 8 }, /* target */
    { 48, 2, 4 },
    { 52, F64_INFINITE, 8 }, /* pulse */
    { 60, F64_NAN, 8 },
    { 68, F64_NAN, 8 }, /* voltages */
    { 76, 3, 4 },
    { 80, 2, 4 },
    { 84, 4, 4 },                 /* code, pairs, polarity */
    { 92, UINT64_C(1) << 53, 8 }, /* seed */
    { 100, 2, 4 },                /* read disturb */
};
/* Only the base: whatever a layer inherits would differ from it. */
static const struct hostile hostile_bases[] = {
    { 0, 0, 4 },
    { 4, 1, 4 },
    { 40, 0, 8 },
    { 76, 1, 4 },
    { 88, 1, 4 },
    { 92, 77, 8 },
    { 52, F64_MINUS_ONE, 8 },
};
/* Only a layer that states all members for itself, in mode device. */
static const struct hostile hostile_layers[] = {
    { 40, F64_NAN, 8 }, { 40, 0, 8 }, { 40, F64_MINUS_ONE, 8 }, /* target */
    { 52, 0, 8 },       { 88, 8, 4 }, { 88, UINT32_MAX, 4 },    /* pulse, retries */
    { 36, 0, 4 },                                               /* voltages: one is -1 */
};
static const struct hostile hostile_results[] = {
    { 0, 55, 8 },          { 0, UINT64_MAX, 8 },  { 8, 52, 8 }, /* toggles */
    { 16, 55, 8 },         { 24, 54, 8 },                       /* holds */
    { 32, 55, 8 },         { 40, 7 * 54 + 1, 8 },               /* failures, retries */
    { 40, UINT64_MAX, 8 },
};
static const struct hostile hostile_states[] = {
    { 0, 55, 8 },  { 0, 0, 8 },           { 8, 55, 8 },
    { 8, 6, 8 },                                                  /* weights, cells */
    { 16, 55, 8 }, { 24, 52, 8 },         { 32, 54, 8 },          /* in P, errors */
    { 40, 55, 8 }, { 40, 1, 8 },          { 48, 6, 8 },           /* stuck */
    { 56, 28, 8 }, { 56, UINT64_MAX, 8 }, { 64, 1, 8 },           /* pairs, codewords */
    { 72, 1, 8 },  { 80, 1, 8 },          { 88, 1, 8 },           /* of codewords */
    { 96, 55, 8 }, { 104, 46, 8 },        { 104, UINT64_MAX, 8 }, /* wrong */
};
static const struct hostile hostile_contents[] = {
    { 0, 0, 8 },
    { 0, 8, 8 },
    { 0, 10, 8 }, /* words */
    { 0, UINT64_MAX, 8 },
    { 0, UINT64_C(1) << 61, 8 },
    { 8, 0x40, 1 },
    { 8 + 7, 0x80, 1 },
    { 8 + 8 * 8, 0x40, 1 }, /* padding */
};
static const struct hostile hostile_defects[] = {
    { 0, F64_NAN, 8 },  { 0, F64_MINUS_ONE, 8 },
    { 8, F64_HUGE, 8 }, { 16, 0x3fe3333333333333, 8 }, /* 0.6 */
    { 24, 65537, 4 },   { 24, UINT32_MAX, 4 },
    { 24, 3, 4 },       { 24, 0, 4 },
    { 24, 65536, 4 },
};
static const struct hostile hostile_places[] = {
    { 0, 2, 4 },  { 0, UINT32_MAX, 4 }, /* layer */
    { 4, 3, 4 },  { 4, UINT32_MAX, 4 }, /* row */
    { 8, 9, 4 },  { 8, UINT32_MAX, 4 }, /* column */
    { 12, 2, 4 }, { 16, 3, 4 },         /* partner, kind */
};

static void assert_hostile_numbers(struct array_fixture *f, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct hostile cases[] = { { 8 * i, F64_NAN, 8 },
                                         { 8 * i, F64_INFINITE, 8 },
                                         { 8 * i, F64_MINUS_ONE, 8 } };

        assert_hostile(f, at, HOSTILE(cases));
    }
}

static void fields_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct array_fixture f;

    array_fixture_make(&f, &array_small);
    assert_hostile(&f, 0, HOSTILE(hostile_heads));
    assert_hostile(&f, DEVICE_AT, HOSTILE(hostile_devices));
    assert_hostile(&f, BASE_AT, HOSTILE(hostile_points));
    assert_hostile(&f, BASE_AT, HOSTILE(hostile_bases));
    f.image.points.layers[0].set = OPERATING_ALL_MEMBERS;
    f.image.points.layers[0].op = f.image.points.base;
    f.image.points.layers[0].op.voltage_v[MTJ_AP2P] = -1.0;
    assert_hostile(&f, LISTED_AT, HOSTILE(hostile_points));
    assert_hostile(&f, LISTED_AT, HOSTILE(hostile_layers));
    assert_hostile_numbers(&f, LISTED_AT + FORECAST_AT, 7);
    assert_hostile_numbers(&f, LISTED_AT + RESULT_AT + 48, 5);
    assert_hostile(&f, LISTED_AT + RESULT_AT, HOSTILE(hostile_results));
    assert_hostile(&f, LISTED_AT + STATE_AT, HOSTILE(hostile_states));
    assert_hostile(&f, LISTED_AT + WORDS_AT, HOSTILE(hostile_contents));
    array_fixture_list_defects(&f);
    assert_hostile(&f, DEFECTS_AT, HOSTILE(hostile_defects));
    assert_hostile(&f, LISTED_AT, HOSTILE(hostile_places));
    array_fixture_free(&f);
}

static void shares_that_are_too_much_together_are_refused(void **state)
{
    (void)state;
    struct mram_defects defects = { .share = { 0.1, 0.2, 0.2 } };
    const struct hostile more[] = { { 0, 0x3fd3333333333333, 8 } }; /* 0.3 */
    struct array_fixture f;

    array_fixture_make(&f, &array_small);
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    assert_hostile(&f, DEFECTS_AT, HOSTILE(more));
    array_fixture_free(&f);
}

/* The last word of a tile with room to spare, in every section but the data. */
static void cells_that_are_not_there_hold_nothing(void **state)
{
    (void)state;
    struct array_fixture f;
    size_t len;

    array_fixture_make_kind(&f, &array_small,
                            ARRAY_PAIRS_OF_CHECK_CELLS); /* all sections */
    uint8_t *bytes = array_fixture_bytes(&f, &len);
    size_t end = len;
    for (unsigned s = MRAM_SECTIONS - 1; s > 0; s--) {
        size_t n_words = mram_section_words(f.mram, 1, (enum mram_section)s);

        assert_true(n_words > 0);
        bytes[end - 1] ^= 0x80;
        sbnn_seal(bytes, len);
        assert_int_equal(parse(&f, bytes, len), ST_FORMAT);
        bytes[end - 1] ^= 0x80;
        end -= 8 * n_words + 8;
    }
    sbnn_seal(bytes, len);
    assert_int_equal(parse(&f, bytes, len), ST_OK);
    free(bytes);
    array_fixture_free(&f);
}

/* Stuck cells are what they are, whatever the image says. */
static void a_stuck_cell_is_not_restored(void **state)
{
    (void)state;
    struct mram_defect stuck = {
        .layer = 0, .row = 0, .column = 3, .kind = MRAM_STUCK_P
    };
    struct mram_defects defects = { .n_listed = 1, .listed = &stuck };
    struct array_fixture f;
    struct array_image image;
    struct mram *mram;
    size_t len;
    char why[ERR_LEN];

    array_fixture_make(&f, &array_small);
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    uint8_t *bytes = array_fixture_bytes(&f, &len);
    bytes[LISTED_AT + DEFECT_LEN + WORDS_AT + 8] &= (uint8_t) ~(1U << 3);
    sbnn_seal(bytes, len);
    assert_int_equal(array_image_parse(bytes, len, f.net, &image, &mram, why), ST_OK);
    array_fixture_assert_contents(mram, f.mram, 0);
    mram_free(mram);
    array_image_done(&image);
    free(bytes);
    array_fixture_free(&f);
}

/* `n` bytes at `at` replaced by `text`; free() the result. */
static uint8_t *with_text(const uint8_t *bytes, size_t *len, size_t at, size_t n,
                          const char *text)
{
    size_t more = strlen(text);
    uint8_t *changed = malloc(*len - n + more);

    assert_non_null(changed);
    memcpy(changed, bytes, at);
    memcpy(changed + at, text, more);
    memcpy(changed + at + more, bytes + at + n, *len - at - n);
    *len = *len - n + more;
    return changed;
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char name[DEVICE_NAME_LEN + 1] = "";
    struct array_fixture f;
    size_t len;

    array_fixture_make(&f, &array_small);
    uint8_t *bytes = array_fixture_bytes(&f, &len);
    for (size_t n = 0; n <= DEVICE_NAME_LEN; n++) {
        size_t changed_len = len;
        uint8_t *changed = with_text(bytes, &changed_len, DEVICE_AT + 2, 7, name);

        changed[DEVICE_AT] = (uint8_t)n;
        sbnn_seal(changed, changed_len);
        assert_int_equal(parse(&f, changed, changed_len),
                         n < DEVICE_NAME_LEN ? ST_OK : ST_FORMAT);
        free(changed);
        name[n < DEVICE_NAME_LEN ? n : 0] = 'x';
    }
    free(bytes);
    array_fixture_free(&f);
}

static void a_table_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const tables[] = { "",
                                          "direction,error_rate\n",
                                          "direction,error_rate\np2ap,0.1\n",
                                          "direction,error_rate\nboth,0\n",
                                          "direction,error_rate\nboth,2\n",
                                          "\xff" };
    struct array_fixture f;
    size_t len;

    array_fixture_make_kind(&f, &array_small, ARRAY_TABLE);
    size_t at = DEVICE_AT + 2 + strlen(f.image.device.name) + 4 + 4;
    size_t table_len = device_table_print(f.image.device.table, NULL, 0);
    uint8_t *bytes = array_fixture_bytes(&f, &len);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        size_t changed_len = len;
        uint8_t *changed = with_text(bytes, &changed_len, at, table_len, tables[i]);

        changed[at - 4] = (uint8_t)strlen(tables[i]);
        changed[at - 3] = 0;
        sbnn_seal(changed, changed_len);
        assert_int_equal(parse(&f, changed, changed_len), ST_FORMAT);
        free(changed);
    }
    free(bytes);
    array_fixture_free(&f);
}

static void an_image_of_another_model_is_a_conflict(void **state)
{
    (void)state;
    struct array_fixture f;
    size_t len;

    array_fixture_make(&f, &array_small);
    uint8_t *bytes = array_fixture_bytes(&f, &len);
    network_free(f.net);
    f.net = sbnn_random(&array_small, 2);
    assert_int_equal(parse(&f, bytes, len), ST_CONFLICT);
    network_free(f.net);
    f.net = sbnn_random(&array_large, 1);
    assert_int_equal(parse(&f, bytes, len), ST_CONFLICT);
    free(bytes);
    array_fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(a_flipped_bit_under_a_true_checksum_does_no_harm),
        cmocka_unit_test(an_image_of_version_1_says_so),
        cmocka_unit_test(fields_that_cannot_be_are_refused),
        cmocka_unit_test(shares_that_are_too_much_together_are_refused),
        cmocka_unit_test(cells_that_are_not_there_hold_nothing),
        cmocka_unit_test(a_stuck_cell_is_not_restored),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
        cmocka_unit_test(a_table_that_is_none_is_refused),
        cmocka_unit_test(an_image_of_another_model_is_a_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
