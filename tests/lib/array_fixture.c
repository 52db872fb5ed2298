/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/array_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct sbnn_shape array_small = {
    "small", { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
};
const struct sbnn_shape array_large = {
    "large", { 28, 28, 1, NETWORK_BINARY, .threshold = 128 }, 3, { 1000, 129, 10 }
};

/* Every cell of a section follows from `generation`. */
static void fill_section(struct array_fixture *f, size_t layer, enum mram_section section,
                         uint64_t generation)
{
    size_t n_words = mram_section_words(f->mram, layer, section);
    bool is_data = section == MRAM_DATA || section == MRAM_DATA_PARTNER;
    size_t stride = is_data ? MRAM_TILE_WORDS : MRAM_CHECK_WORDS;
    size_t tile = mram_first_tile(f->mram, layer);
    uint64_t *words = calloc(n_words, sizeof(*words));
    uint64_t cells[MRAM_TILE_WORDS];

    assert_non_null(words);
    for (size_t w = 0; w < n_words; w++) {
        if (w % stride == 0)
            mram_cells(f->mram, tile + w / stride, section, cells);
        words[w] = (generation * 0x9e3779b97f4a7c15 + w * 0xbf58476d1ce4e5b9 + section) &
                   cells[w % stride];
    }
    assert_int_equal(mram_restore(f->mram, layer, section, words), ST_OK);
    free(words);
}

/* No two numbers alike, all of them possible in the smallest layer. */
static void fill_counts(struct array_fixture *f, size_t l, uint64_t generation)
{
    struct mram_layout layout = mram_layout(f->mram, l);
    struct mram_shape shape = mram_shape(f->mram, l);
    uint64_t weights = (uint64_t)shape.n_rows * shape.n_cols;
    double pj = 0.5 + (double)generation;

    f->forecasts[l] =
        (struct mram_forecast) { .errors = 2.5 + pj,
                                 .wrong_bits = 1.25 + (double)l,
                                 .energy = { pj, pj + 1, pj + 2, pj + 3, pj + 4 } };
    f->results[l] =
        (struct mram_result) { .toggles = { 3 + l, 2 },
                               .holds = { 1, 4 },
                               .failures = 5,
                               .retries = 6,
                               .energy = { pj + 5, pj + 6, pj + 7, pj + 8, pj + 9 } };
    f->states[l] = (struct mram_state) {
        .weights = weights,
        .cells = weights - l,
        .parallel = 7,
        .errors = { 1, 3 + l },
        .stuck = 5,
        .stuck_errors = 2,
        .equal_pairs = layout.pairs ? 8 : 0,
        .words = layout.ecc != ECC_NONE ? 3 : 0,
        .corrected = layout.ecc != ECC_NONE ? 2 : 0,
        .detected = layout.ecc != ECC_NONE ? 1 : 0,
        .miscorrected = layout.ecc != ECC_NONE ? 3 : 0,
        .wrong = { 9, 10 },
    };
}

void array_fixture_fill(struct array_fixture *f, uint64_t generation)
{
    f->image.generation = generation;
    f->image.cause = (enum mram_cause)(generation % 6);
    f->image.changed_at_s = 1700000100 + (int64_t)generation;
    f->image.programmed_at_s = 1700000000 + (int64_t)generation;
    f->image.age_s = 3.25 * (double)generation;
    f->image.points.base.pulse_ns = 10.0 + (double)generation;
    for (size_t l = 0; l < f->net->n_layers; l++) {
        fill_counts(f, l, generation);
        for (unsigned s = 0; s < MRAM_SECTIONS; s++)
            if (mram_section(f->mram, l, (enum mram_section)s) != NULL)
                fill_section(f, l, (enum mram_section)s, generation);
    }
}

/* Gives the array the layouts of the image's operating points. */
static void lay_out(struct array_fixture *f)
{
    for (size_t l = 0; l < f->net->n_layers; l++) {
        struct operating_point op = operating_points_at(&f->image.points, l);
        struct mram_layout layout = operating_point_layout(&op);

        assert_int_equal(mram_set_layout(f->mram, l, &layout), ST_OK);
    }
}

void array_fixture_make(struct array_fixture *f, const struct sbnn_shape *shape)
{
    struct mram_shape shapes[8];

    memset(f, 0, sizeof(*f));
    f->net = sbnn_random(shape, 1);
    array_image_shapes(f->net, shapes);
    assert_int_equal(mram_new(shapes, f->net->n_layers, 7, &f->mram), ST_OK);
    f->image.model_checksum = f->net->checksum;
    f->image.device = device_default();
    f->image.points = operating_points_default(f->net->n_layers);
    f->image.points.base.seed = 7;
    f->image.points.base.has_pulse = true;
    f->image.points.base.voltage_v[MTJ_AP2P] = 0.25;
    f->image.n_layers = f->net->n_layers;
    f->image.forecasts = f->forecasts;
    f->image.results = f->results;
    f->image.states = f->states;
    array_fixture_fill(f, 1);
}

void array_fixture_free(struct array_fixture *f)
{
    device_done(&f->image.device);
    mram_free(f->mram);
    network_free(f->net);
}

/* -- Kinds of arrays -- */

static void with_secded(struct array_fixture *f)
{
    f->image.points.base.ecc = ECC_SECDED;
}

static void with_bch2_and_retries(struct array_fixture *f)
{
    f->image.points.base.ecc = ECC_BCH2;
    f->image.points.base.verify_retries = MRAM_MAX_RETRIES;
    f->image.points.base.read_disturb = true;
}

static void with_pairs(struct array_fixture *f)
{
    f->image.points.base.pairs = true;
    f->image.points.base.polarity = MRAM_POLARITY_SEEDED;
}

static void with_pairs_of_check_cells(struct array_fixture *f)
{
    f->image.points.base.pairs = true;
    f->image.points.base.ecc = ECC_BCH2;
    f->image.points.base.polarity = MRAM_POLARITY_ODD_ROWS;
}

/* A different set of own members in every layer. What is not in the set is rubbish that
 * the image does not have. */
static void with_layers_of_their_own(struct array_fixture *f)
{
    struct operating_points *points = &f->image.points;
    struct operating_point own = {
        .mode = MRAM_IID,
        .over = MRAM_OVER_COMPLEMENT,
        .temperature_k = 350.0,
        .bit_error_rate = { 0.01, 0.02 },
        .has_target = false,
        .target_write_error_rate = 0.5,
        .voltage_v = { 0.75, 0.5 },
        .pulse_ns = 44.0,
        .has_pulse = true,
        .ecc = ECC_SECDED,
        .pairs = true,
        .polarity = MRAM_POLARITY_ODD_COLUMNS,
        .verify_retries = 3,
        .seed = UINT64_MAX,
    };

    for (size_t l = 0; l < points->n_layers; l++) {
        points->layers[l].set = l == 0
                                    ? OPERATING_ALL_MEMBERS
                                    : OPERATING_ECC | OPERATING_DRIVE | OPERATING_PULSE;
        points->layers[l].op = own;
    }
    points->layers[1].op.temperature_k = (double)NAN;
}

void array_fixture_list_defects(struct array_fixture *f)
{
    struct mram_defect listed[] = {
        { .layer = 1, .row = 2, .column = 8, .kind = MRAM_STUCK_AP },
        { .layer = 0, .row = 8, .column = 5, .kind = MRAM_SHORTED },
        { .layer = 0, .row = 8, .column = 4, .partner = true, .kind = MRAM_STUCK_P },
        { .layer = 0, .row = 8, .column = 5, .kind = MRAM_STUCK_P },
    };
    struct mram_defects defects = { .n_listed = 4, .listed = listed };

    assert_int_equal(mram_set_defects(f->mram, &defects), ST_OK);
}

static void with_seeded_defects(struct array_fixture *f)
{
    struct mram_defects defects = { .share = { 0.01, 0.02, 0.005 } };

    f->image.points.base.pairs = true;
    assert_int_equal(mram_set_defects(f->mram, &defects), ST_OK);
}

static void with_a_table(struct array_fixture *f)
{
    static const char text[] = "# measured\n"
                               "direction,voltage_v,pulse_ns,temperature_k,error_rate,"
                               "toggle_pj,hold_pj,read_pj\n"
                               "p2ap,0.45,10,300,4.7e-2,0.24,0.20,0.003\n"
                               "p2ap,0.55,10,300,4.7e-4,0.34,0.30,\n"
                               "ap2p,0.3,10,300,0.1,0.123456789012345,0.2,\n"
                               "ap2p,0.35,10,300,1e-3,0.24,0.2,\n";
    char why[ERR_LEN] = "";

    /* As long as can be, and not ASCII. */
    memset(f->image.device.name, 'x', DEVICE_NAME_LEN - 1);
    memcpy(f->image.device.name, "\xc3\xa9", 2);
    f->image.device.name[DEVICE_NAME_LEN - 1] = '\0';
    f->image.device.kind = DEVICE_TABLE;
    if (device_table_parse(text, strlen(text), &f->image.device.table, why) != ST_OK)
        fail_msg("%s", why);
}

static void with_a_device_of_its_own(struct array_fixture *f)
{
    (void)snprintf(f->image.device.name, DEVICE_NAME_LEN, "ours");
    f->image.device.params.diameter_m = 41e-9;
    f->image.device.params.sigma_ln_reference = 0.0625;
}

static void (*const kinds[ARRAY_KINDS])(struct array_fixture *f) = {
    [ARRAY_SECDED] = with_secded,
    [ARRAY_BCH2_AND_RETRIES] = with_bch2_and_retries,
    [ARRAY_PAIRS] = with_pairs,
    [ARRAY_LISTED_DEFECTS] = array_fixture_list_defects,
    [ARRAY_PAIRS_OF_CHECK_CELLS] = with_pairs_of_check_cells,
    [ARRAY_LAYERS_OF_THEIR_OWN] = with_layers_of_their_own,
    [ARRAY_SEEDED_DEFECTS] = with_seeded_defects,
    [ARRAY_TABLE] = with_a_table,
    [ARRAY_DEVICE_OF_ITS_OWN] = with_a_device_of_its_own,
};

void array_fixture_make_kind(struct array_fixture *f, const struct sbnn_shape *shape,
                             size_t kind)
{
    array_fixture_make(f, shape);
    kinds[kind](f);
    lay_out(f);
    array_fixture_fill(f, 1);
    /* Again, now that the cells are others. */
    const struct mram_defects *kept = mram_defects(f->mram);
    assert_int_equal(mram_set_defects(f->mram, kept), ST_OK);
}

/* -- Images -- */

enum status array_fixture_save(struct array_fixture *f, const char *path)
{
    char why[ERR_LEN] = "";
    enum status st = array_image_save(path, &f->image, f->mram, why);

    assert_true(st == ST_OK || why[0] != '\0');
    return st;
}

uint8_t *array_fixture_bytes(struct array_fixture *f, size_t *ret_len)
{
    uint8_t *bytes;

    assert_int_equal(array_image_bytes(&f->image, f->mram, &bytes, ret_len), ST_OK);
    return bytes;
}

/* -- Comparing -- */

static void assert_same_point(const struct operating_point *a,
                              const struct operating_point *b)
{
    assert_true(operating_point_same(a, b));
}

void array_fixture_assert_contents(const struct mram *a, const struct mram *b,
                                   size_t layer)
{
    for (unsigned s = 0; s < MRAM_SECTIONS; s++) {
        enum mram_section section = (enum mram_section)s;

        assert_int_equal(mram_section_words(a, layer, section),
                         mram_section_words(b, layer, section));
        if (mram_section(a, layer, section) != NULL)
            assert_memory_equal(mram_section(a, layer, section),
                                mram_section(b, layer, section),
                                8 * mram_section_words(a, layer, section));
    }
}

static void assert_same_defects(const struct mram *a, const struct mram *b)
{
    const struct mram_defects *of_a = mram_defects(a), *of_b = mram_defects(b);

    assert_memory_equal(of_a->share, of_b->share, sizeof(of_a->share));
    assert_int_equal(of_a->n_listed, of_b->n_listed);
    for (size_t i = 0; i < of_a->n_listed; i++) {
        assert_int_equal(of_a->listed[i].layer, of_b->listed[i].layer);
        assert_int_equal(of_a->listed[i].row, of_b->listed[i].row);
        assert_int_equal(of_a->listed[i].column, of_b->listed[i].column);
        assert_int_equal(of_a->listed[i].partner, of_b->listed[i].partner);
        assert_int_equal(of_a->listed[i].kind, of_b->listed[i].kind);
    }
}

void array_fixture_assert_same(const struct array_fixture *f,
                               const struct array_image *image, const struct mram *mram)
{
    size_t n = f->net->n_layers;

    assert_int_equal(image->model_checksum, f->image.model_checksum);
    assert_int_equal(image->generation, f->image.generation);
    assert_int_equal(image->cause, f->image.cause);
    assert_int_equal(image->changed_at_s, f->image.changed_at_s);
    assert_int_equal(image->programmed_at_s, f->image.programmed_at_s);
    assert_true(image->age_s == f->image.age_s);
    assert_string_equal(image->device.name, f->image.device.name);
    assert_true(device_same(&image->device, &f->image.device));
    assert_memory_equal(&image->device.params, &f->image.device.params,
                        sizeof(struct mtj_params));
    assert_same_point(&image->points.base, &f->image.points.base);
    assert_true(operating_points_same(&image->points, &f->image.points));
    assert_int_equal(image->n_layers, n);
    assert_memory_equal(image->forecasts, f->forecasts, n * sizeof(f->forecasts[0]));
    assert_memory_equal(image->results, f->results, n * sizeof(f->results[0]));
    assert_memory_equal(image->states, f->states, n * sizeof(f->states[0]));
    assert_int_equal(mram_seed(mram), mram_seed(f->mram));
    assert_int_equal(mram_layers(mram), n);
    assert_same_defects(mram, f->mram);
    for (size_t l = 0; l < n; l++)
        array_fixture_assert_contents(mram, f->mram, l);
}
