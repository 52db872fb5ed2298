/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/array_image.h"

#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const struct sbnn_shape small = {
    "small", { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
};
/* Several tiles and several buffers of the writer, rows that do not fill words. */
static const struct sbnn_shape large = {
    "large", { 28, 28, 1, NETWORK_BINARY, .threshold = 128 }, 3, { 1000, 129, 10 }
};

/* -- Helpers -- */

/* A network, an array of its shape and what a programming of it left. */
struct fixture {
    struct network *net;
    struct mram *mram;
    struct array_image image;
    struct mram_forecast forecasts[4];
    struct mram_result results[4];
    struct mram_state states[4];
};

/* Every cell of a section follows from `generation`. */
static void fill_section(struct fixture *f, size_t layer, enum mram_section section,
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
static void fill_counts(struct fixture *f, size_t l, uint64_t generation)
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

/* Everything in the image, and every cell, follows from `generation`. */
static void fill(struct fixture *f, uint64_t generation)
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
static void lay_out(struct fixture *f)
{
    for (size_t l = 0; l < f->net->n_layers; l++) {
        struct operating_point op = operating_points_at(&f->image.points, l);
        struct mram_layout layout = operating_point_layout(&op);

        assert_int_equal(mram_set_layout(f->mram, l, &layout), ST_OK);
    }
}

static void fixture_make(struct fixture *f, const struct sbnn_shape *shape)
{
    struct mram_shape shapes[8];

    memset(f, 0, sizeof(*f));
    f->net = sbnn_random(shape, 1);
    array_image_shapes(f->net, shapes);
    assert_int_equal(mram_new(shapes, f->net->n_layers, 7, &f->mram), ST_OK);
    f->image.model_checksum = f->net->checksum;
    f->image.device = device_default();
    f->image.points = operating_points_default(f->net->n_layers);
    f->image.points.base.has_pulse = true;
    f->image.points.base.voltage_v[MTJ_AP2P] = 0.25;
    f->image.n_layers = f->net->n_layers;
    f->image.forecasts = f->forecasts;
    f->image.results = f->results;
    f->image.states = f->states;
    fill(f, 1);
}

static void fixture_free(struct fixture *f)
{
    device_done(&f->image.device);
    mram_free(f->mram);
    network_free(f->net);
}

/* -- Kinds of arrays -- */

static void with_secded(struct fixture *f)
{
    f->image.points.base.ecc = ECC_SECDED;
}

static void with_bch2_and_retries(struct fixture *f)
{
    f->image.points.base.ecc = ECC_BCH2;
    f->image.points.base.verify_retries = MRAM_MAX_RETRIES;
    f->image.points.base.read_disturb = true;
}

static void with_pairs(struct fixture *f)
{
    f->image.points.base.pairs = true;
    f->image.points.base.polarity = MRAM_POLARITY_SEEDED;
}

static void with_pairs_of_check_cells(struct fixture *f)
{
    f->image.points.base.pairs = true;
    f->image.points.base.ecc = ECC_BCH2;
    f->image.points.base.polarity = MRAM_POLARITY_ODD_ROWS;
}

/* A different set of own members in every layer. What is not in the set is rubbish that
 * the image does not have. */
static void with_layers_of_their_own(struct fixture *f)
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

static void with_listed_defects(struct fixture *f)
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

static void with_seeded_defects(struct fixture *f)
{
    struct mram_defects defects = { .share = { 0.01, 0.02, 0.005 } };

    f->image.points.base.pairs = true;
    assert_int_equal(mram_set_defects(f->mram, &defects), ST_OK);
}

static void with_a_table(struct fixture *f)
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

static void with_a_device_of_its_own(struct fixture *f)
{
    (void)snprintf(f->image.device.name, DEVICE_NAME_LEN, "ours");
    f->image.device.params.diameter_m = 41e-9;
    f->image.device.params.sigma_ln_reference = 0.0625;
}

static void (*const kinds[])(struct fixture *f) = {
    with_secded,
    with_bch2_and_retries,
    with_pairs,
    with_listed_defects,
    with_pairs_of_check_cells,
    with_layers_of_their_own,
    with_seeded_defects,
    with_a_table,
    with_a_device_of_its_own,
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void fixture_make_kind(struct fixture *f, const struct sbnn_shape *shape,
                              size_t kind)
{
    fixture_make(f, shape);
    kinds[kind](f);
    lay_out(f);
    fill(f, 1);
    /* Again, now that the cells are others. */
    const struct mram_defects *kept = mram_defects(f->mram);
    assert_int_equal(mram_set_defects(f->mram, kept), ST_OK);
}

static enum status save(struct fixture *f, const char *path)
{
    char why[ERR_LEN] = "";
    enum status st = array_image_save(path, &f->image, f->mram, why);

    assert_true(st == ST_OK || why[0] != '\0');
    return st;
}

/* -- Comparing -- */

static void assert_same_point(const struct operating_point *a,
                              const struct operating_point *b)
{
    assert_true(operating_point_same(a, b));
}

static void assert_same_contents(const struct mram *a, const struct mram *b, size_t layer)
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

static void assert_same_array(const struct fixture *f, const struct array_image *image,
                              const struct mram *mram)
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
        assert_same_contents(mram, f->mram, l);
}

/* Parses a copy of exactly `len` bytes; an image that is read is thrown away. */
static enum status parse(const struct fixture *f, const uint8_t *bytes, size_t len)
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

/* The image of `f` as bytes; free() them. */
static uint8_t *image_bytes(struct fixture *f, size_t *ret_len)
{
    uint8_t *bytes;

    assert_int_equal(array_image_bytes(&f->image, f->mram, &bytes, ret_len), ST_OK);
    return bytes;
}

/* -- Round trip -- */

static void assert_comes_back(struct fixture *f, const char *path)
{
    struct array_image image;
    struct mram *mram;
    char why[ERR_LEN] = "";

    assert_int_equal(save(f, path), ST_OK);
    enum status st = array_image_load(path, f->net, &image, &mram, why);
    if (st != ST_OK)
        print_error("%s\n", why);
    assert_int_equal(st, ST_OK);
    assert_same_array(f, &image, mram);
    mram_free(mram);
    array_image_done(&image);
}

static void a_saved_array_comes_back_the_same(void **state)
{
    (void)state;
    const struct sbnn_shape *const shapes[] = { &small, &large };

    for (size_t i = 0; i < 2; i++) {
        struct scratch scratch;
        struct fixture f;
        struct stat info;

        scratch_make(&scratch);
        fixture_make(&f, shapes[i]);
        assert_comes_back(&f, scratch_path(&scratch, "array"));
        assert_int_equal(stat(scratch.path, &info), 0);
        assert_int_equal(info.st_mode & 0137, 0);
        fill(&f, 2);
        assert_comes_back(&f, scratch.path);
        fixture_free(&f);
        scratch_remove(&scratch);
    }
}

static void every_kind_of_array_comes_back_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * KINDS; i++) {
        struct scratch scratch;
        struct fixture f;

        scratch_make(&scratch);
        fixture_make_kind(&f, i % 2 == 0 ? &small : &large, i / 2);
        assert_comes_back(&f, scratch_path(&scratch, "array"));
        fixture_free(&f);
        scratch_remove(&scratch);
    }
}

static void the_file_and_the_bytes_in_memory_are_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scratch scratch;
        struct fixture f;
        size_t len, file_len;

        scratch_make(&scratch);
        fixture_make_kind(&f, &large, i);
        uint8_t *bytes = image_bytes(&f, &len);
        assert_int_equal(save(&f, scratch_path(&scratch, "array")), ST_OK);
        uint8_t *file = scratch_read(scratch.path, &file_len);
        assert_int_equal(len, file_len);
        assert_memory_equal(bytes, file, len);
        free(file);
        free(bytes);
        fixture_free(&f);
        scratch_remove(&scratch);
    }
}

/* What was read and is written again is what it was, though what nobody looks at is gone.
 */
static void an_image_of_an_image_is_the_same_image(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct fixture f;
        struct array_image image;
        struct mram *mram;
        size_t len, again_len;
        uint8_t *again;
        char why[ERR_LEN];

        fixture_make_kind(&f, &small, i);
        uint8_t *bytes = image_bytes(&f, &len);
        assert_int_equal(array_image_parse(bytes, len, f.net, &image, &mram, why), ST_OK);
        assert_int_equal(array_image_bytes(&image, mram, &again, &again_len), ST_OK);
        assert_int_equal(len, again_len);
        assert_memory_equal(bytes, again, len);
        free(again);
        free(bytes);
        mram_free(mram);
        array_image_done(&image);
        fixture_free(&f);
    }
}

static void what_a_programming_left_comes_back(void **state)
{
    (void)state;
    static const double rates[] = { 0.0, 0.01, 1.0 };
    struct scratch scratch;
    struct fixture f;
    const uint64_t *wanted[4];

    scratch_make(&scratch);
    for (size_t i = 0; i < 3 * KINDS; i++) {
        double rate = rates[i % 3];
        struct mram_write writes[4];

        fixture_make_kind(&f, &large, i / 3);
        for (size_t l = 0; l < f.net->n_layers; l++) {
            wanted[l] = f.net->layers[l].weights;
            writes[l] = (struct mram_write) { .mode = MRAM_UNIFORM,
                                              .generation = i + 1,
                                              .error_rate = { rate, rate },
                                              .toggle_pj = { 1.0, 1.0 },
                                              .hold_pj = { 0.5, 0.5 },
                                              .retries = (unsigned)i % 8 };
        }
        memset(f.results, 0, sizeof(f.results));
        memset(f.states, 0, sizeof(f.states));
        assert_int_equal(mram_predict(f.mram, wanted, writes, f.forecasts), ST_OK);
        assert_int_equal(mram_program(f.mram, wanted, writes, 0, mram_tiles(f.mram),
                                      f.results, f.states),
                         ST_OK);
        f.image.generation = i + 1;
        assert_comes_back(&f, scratch_path(&scratch, "array"));
        fixture_free(&f);
    }
    scratch_remove(&scratch);
}

/* -- Broken and foreign images -- */

static void every_cut_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    size_t len;

    fixture_make(&f, &small);
    uint8_t *bytes = image_bytes(&f, &len);
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
    fixture_free(&f);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    size_t len;

    fixture_make(&f, &small);
    uint8_t *bytes = image_bytes(&f, &len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(parse(&f, bytes, len), ST_FORMAT);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(parse(&f, bytes, len), ST_OK);
    free(bytes);
    fixture_free(&f);
}

/* How many images with one bit flipped are read all the same. In the contents, which are
 * most of a large image, only every `stride`th bit is tried. */
static size_t flip_under_a_true_checksum(struct fixture *f, size_t stride)
{
    size_t len, n_read = 0;
    uint8_t *bytes = image_bytes(f, &len);

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
    struct fixture f;

    fixture_make(&f, &small);
    assert_true(flip_under_a_true_checksum(&f, 1) >= network_cells(f.net));
    fixture_free(&f);
    for (size_t i = 0; i < KINDS; i++) {
        fixture_make_kind(&f, &small, i);
        assert_true(flip_under_a_true_checksum(&f, 37) > 0);
        fixture_free(&f);
    }
}

static void an_image_of_version_1_says_so(void **state)
{
    (void)state;
    struct fixture f;
    struct array_image image = { .results = NULL };
    struct mram *mram = NULL;
    size_t len;
    char why[ERR_LEN];

    fixture_make(&f, &small);
    uint8_t *bytes = image_bytes(&f, &len);
    bytes[8] = 1;
    assert_int_equal(array_image_parse(bytes, len, f.net, &image, &mram, why), ST_FORMAT);
    assert_string_equal(why, "an image of version 1; expected 2");
    assert_null(mram);
    free(bytes);
    fixture_free(&f);
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

static void assert_hostile(struct fixture *f, size_t base, const struct hostile *cases,
                           size_t n)
{
    size_t len;
    uint8_t *bytes = image_bytes(f, &len);

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

static void assert_hostile_numbers(struct fixture *f, size_t at, size_t n)
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
    struct fixture f;

    fixture_make(&f, &small);
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
    with_listed_defects(&f);
    assert_hostile(&f, DEFECTS_AT, HOSTILE(hostile_defects));
    assert_hostile(&f, LISTED_AT, HOSTILE(hostile_places));
    fixture_free(&f);
}

static void shares_that_are_too_much_together_are_refused(void **state)
{
    (void)state;
    struct mram_defects defects = { .share = { 0.1, 0.2, 0.2 } };
    const struct hostile more[] = { { 0, 0x3fd3333333333333, 8 } }; /* 0.3 */
    struct fixture f;

    fixture_make(&f, &small);
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    assert_hostile(&f, DEFECTS_AT, HOSTILE(more));
    fixture_free(&f);
}

/* The last word of a tile with room to spare, in every section but the data. */
static void cells_that_are_not_there_hold_nothing(void **state)
{
    (void)state;
    struct fixture f;
    size_t len;

    fixture_make_kind(&f, &small, 4); /* pairs of check cells: all sections */
    uint8_t *bytes = image_bytes(&f, &len);
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
    fixture_free(&f);
}

/* Stuck cells are what they are, whatever the image says. */
static void a_stuck_cell_is_not_restored(void **state)
{
    (void)state;
    struct mram_defect stuck = {
        .layer = 0, .row = 0, .column = 3, .kind = MRAM_STUCK_P
    };
    struct mram_defects defects = { .n_listed = 1, .listed = &stuck };
    struct fixture f;
    struct array_image image;
    struct mram *mram;
    size_t len;
    char why[ERR_LEN];

    fixture_make(&f, &small);
    assert_int_equal(mram_set_defects(f.mram, &defects), ST_OK);
    uint8_t *bytes = image_bytes(&f, &len);
    bytes[LISTED_AT + DEFECT_LEN + WORDS_AT + 8] &= (uint8_t) ~(1U << 3);
    sbnn_seal(bytes, len);
    assert_int_equal(array_image_parse(bytes, len, f.net, &image, &mram, why), ST_OK);
    assert_same_contents(mram, f.mram, 0);
    mram_free(mram);
    array_image_done(&image);
    free(bytes);
    fixture_free(&f);
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
    struct fixture f;
    size_t len;

    fixture_make(&f, &small);
    uint8_t *bytes = image_bytes(&f, &len);
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
    fixture_free(&f);
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
    struct fixture f;
    size_t len;

    fixture_make_kind(&f, &small, 7); /* with a table */
    size_t at = DEVICE_AT + 2 + strlen(f.image.device.name) + 4 + 4;
    size_t table_len = device_table_print(f.image.device.table, NULL, 0);
    uint8_t *bytes = image_bytes(&f, &len);
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
    fixture_free(&f);
}

static void an_image_of_another_model_is_a_conflict(void **state)
{
    (void)state;
    struct fixture f;
    size_t len;

    fixture_make(&f, &small);
    uint8_t *bytes = image_bytes(&f, &len);
    network_free(f.net);
    f.net = sbnn_random(&small, 2);
    assert_int_equal(parse(&f, bytes, len), ST_CONFLICT);
    network_free(f.net);
    f.net = sbnn_random(&large, 1);
    assert_int_equal(parse(&f, bytes, len), ST_CONFLICT);
    free(bytes);
    fixture_free(&f);
}

static void no_file_is_not_found(void **state)
{
    (void)state;
    struct scratch scratch;
    struct fixture f;
    struct array_image image;
    struct mram *mram;
    char why[ERR_LEN];

    scratch_make(&scratch);
    fixture_make(&f, &small);
    const char *path = scratch_path(&scratch, "none");
    assert_int_equal(array_image_load(path, f.net, &image, &mram, why), ST_NOT_FOUND);
    assert_memory_equal(why, path, strlen(path));
    assert_int_equal(array_image_load(scratch.dir, f.net, &image, &mram, why), ST_IO);
    fixture_free(&f);
    scratch_remove(&scratch);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scratch scratch;
        struct fixture f;
        struct array_image image = { .results = NULL };
        struct mram *mram = NULL;
        uint8_t *bytes = NULL;
        size_t len;
        char why[ERR_LEN];
        enum status st = ST_NOMEM;

        scratch_make(&scratch);
        fixture_make_kind(&f, &small, i);
        const char *path = scratch_path(&scratch, "array");
        for (unsigned nth = 0; st != ST_OK; nth++) {
            fault_at(nth);
            st = array_image_save(path, &f.image, f.mram, why);
            fault_off();
            assert_true(st == ST_OK || (st == ST_NOMEM && access(path, F_OK) != 0));
        }
        st = ST_NOMEM;
        for (unsigned nth = 0; st != ST_OK; nth++) {
            fault_at(nth);
            st = array_image_bytes(&f.image, f.mram, &bytes, &len);
            fault_off();
            assert_true(st == ST_OK || (st == ST_NOMEM && bytes == NULL));
        }
        st = ST_NOMEM;
        for (unsigned nth = 0; st != ST_OK; nth++) {
            fault_at(nth);
            st = array_image_load(path, f.net, &image, &mram, why);
            fault_off();
            assert_true(st == ST_OK ||
                        (st == ST_NOMEM && mram == NULL && image.results == NULL));
        }
        assert_same_array(&f, &image, mram);
        free(bytes);
        mram_free(mram);
        array_image_done(&image);
        fixture_free(&f);
        scratch_remove(&scratch);
    }
}

/* -- Saving under trouble -- */

static void assert_holds_generation(const struct fixture *f, const char *path,
                                    uint64_t generation)
{
    struct array_image image;
    struct mram *mram;
    char why[ERR_LEN];

    assert_int_equal(array_image_load(path, f->net, &image, &mram, why), ST_OK);
    assert_int_equal(image.generation, generation);
    mram_free(mram);
    array_image_done(&image);
}

static void a_disk_that_fills_up_leaves_the_old_image(void **state)
{
    (void)state;
    struct scratch scratch;
    struct fixture f;
    struct rlimit limit, kept;
    char scratch_name[160];

    scratch_make(&scratch);
    fixture_make(&f, &large);
    assert_int_equal(save(&f, scratch_path(&scratch, "array")), ST_OK);
    (void)snprintf(scratch_name, sizeof(scratch_name), "%s.tmp", scratch.path);
    fill(&f, 2);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    limit = kept;
    for (rlim_t size = 0; size < 100000; size = 3 * size + 100) {
        limit.rlim_cur = size;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(save(&f, scratch.path), ST_IO);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
        assert_int_equal(access(scratch_name, F_OK), -1);
        assert_holds_generation(&f, scratch.path, 1);
    }
    assert_int_equal(save(&f, scratch.path), ST_OK);
    assert_holds_generation(&f, scratch.path, 2);
    fixture_free(&f);
    scratch_remove(&scratch);
}

static void what_a_crash_left_behind_is_written_over(void **state)
{
    (void)state;
    struct scratch scratch;
    struct fixture f;

    scratch_make(&scratch);
    fixture_make(&f, &small);
    scratch_file(&scratch, "array.tmp",
                 "half an image that is longer than the small one is", 50);
    assert_int_equal(save(&f, scratch_path(&scratch, "array")), ST_OK);
    assert_holds_generation(&f, scratch.path, 1);
    assert_int_equal(access(scratch_path(&scratch, "array.tmp"), F_OK), -1);
    fixture_free(&f);
    scratch_remove(&scratch);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct fixture f;

    fixture_make(&f, &small);
    assert_int_equal(save(&f, "/nowhere/array"), ST_IO);
    fixture_free(&f);
}

/* Saves generations 1 and 2 in turn until killed. */
static void save_for_ever(struct fixture *f, const char *path)
{
    for (uint64_t n = 0;; n++) {
        char why[ERR_LEN];

        fill(f, 1 + n % 2);
        if (array_image_save(path, &f->image, f->mram, why) != ST_OK)
            _exit(1);
    }
}

static void a_kill_at_any_moment_leaves_one_whole_generation(void **state)
{
    (void)state;
    struct scratch scratch;
    struct fixture f;
    unsigned seed = 1, n_of_generation[2] = { 0, 0 };

    scratch_make(&scratch);
    fixture_make(&f, &large);
    assert_int_equal(save(&f, scratch_path(&scratch, "array")), ST_OK);
    for (unsigned i = 0; i < 50; i++) {
        struct array_image image;
        struct mram *mram;
        char why[ERR_LEN];
        int wait_status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0)
            save_for_ever(&f, scratch.path);
        struct timespec pause = { .tv_nsec = 1000000 + rand_r(&seed) % 20000000 };
        assert_int_equal(nanosleep(&pause, NULL), 0);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &wait_status, 0), child);
        assert_true(WIFSIGNALED(wait_status));

        enum status st = array_image_load(scratch.path, f.net, &image, &mram, why);
        if (st != ST_OK)
            print_error("%s\n", why);
        assert_int_equal(st, ST_OK);
        assert_in_range(image.generation, 1, 2);
        n_of_generation[image.generation - 1]++;
        fill(&f, image.generation);
        assert_same_array(&f, &image, mram);
        mram_free(mram);
        array_image_done(&image);
    }
    print_message("generation 1: %u times, generation 2: %u times\n", n_of_generation[0],
                  n_of_generation[1]);
    fixture_free(&f);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_array_comes_back_the_same),
        cmocka_unit_test(every_kind_of_array_comes_back_the_same),
        cmocka_unit_test(the_file_and_the_bytes_in_memory_are_the_same),
        cmocka_unit_test(an_image_of_an_image_is_the_same_image),
        cmocka_unit_test(what_a_programming_left_comes_back),
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
        cmocka_unit_test(no_file_is_not_found),
        cmocka_unit_test(without_memory_nothing_leaks),
        cmocka_unit_test(a_disk_that_fills_up_leaves_the_old_image),
        cmocka_unit_test(what_a_crash_left_behind_is_written_over),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
        cmocka_unit_test(a_kill_at_any_moment_leaves_one_whole_generation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
