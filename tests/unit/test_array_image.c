/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/array_image.h"

#include "core/bits.h"
#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
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
    "small", { 2, 3, 1, NETWORK_BINARY, 128 }, 2, { 9, 3 }
};
/* Several tiles and several buffers of the writer, rows that do not fill words. */
static const struct sbnn_shape large = {
    "large", { 28, 28, 1, NETWORK_BINARY, 128 }, 3, { 1000, 129, 10 }
};

/* -- Helpers -- */

/* A network, an array of its shape and what a programming of it left. */
struct fixture {
    struct network *net;
    struct mram *mram;
    struct array_image image;
    struct mram_result results[4];
};

/* Everything in the image, and every cell, follows from `generation`. */
static void fill(struct fixture *f, uint64_t generation)
{
    struct array_image image = {
        .model_checksum = f->net->checksum,
        .generation = generation,
        .programmed_at_s = 1700000000 + (int64_t)generation,
        .op = operating_point_default(),
        .forecast = { .wrong_bits = 1.5, .energy_pj = 1e6 + (double)generation },
        .n_layers = f->net->n_layers,
        .results = f->results,
    };

    image.op.has_pulse = true;
    image.op.pulse_ns = 10.0 + (double)generation;
    image.op.voltage_v[MTJ_AP2P] = 0.25;
    f->image = image;
    for (size_t l = 0; l < f->net->n_layers; l++) {
        const struct network_layer *layer = &f->net->layers[l];
        size_t row_words = bits_words(layer->n_in), n_words = layer->n_out * row_words;
        uint64_t *words = calloc(n_words, sizeof(*words));

        assert_non_null(words);
        for (size_t w = 0; w < n_words; w++)
            words[w] = (generation * 0x9e3779b97f4a7c15 + w * 0xbf58476d1ce4e5b9) &
                       bits_mask(layer->n_in, w % row_words);
        assert_int_equal(mram_restore(f->mram, l, words), ST_OK);
        free(words);
        f->results[l] = (struct mram_result) { .cells = layer->n_out * layer->n_in,
                                               .toggles = { 3 + l, 2 },
                                               .holds = { 1, 4 },
                                               .errors = { 1, l },
                                               .energy_pj = 0.5 + (double)generation };
    }
}

static void fixture_make(struct fixture *f, const struct sbnn_shape *shape)
{
    struct mram_shape shapes[8];

    f->net = sbnn_random(shape, 1);
    array_image_shapes(f->net, shapes);
    assert_int_equal(mram_new(shapes, f->net->n_layers, 7, &f->mram), ST_OK);
    fill(f, 1);
}

static void fixture_free(struct fixture *f)
{
    mram_free(f->mram);
    network_free(f->net);
}

static enum status save(struct fixture *f, const char *path)
{
    char why[ERR_LEN] = "";
    enum status st = array_image_save(path, &f->image, f->mram, why);

    assert_true(st == ST_OK || why[0] != '\0');
    return st;
}

static void assert_same_array(const struct fixture *f, const struct array_image *image,
                              const struct mram *mram)
{
    assert_int_equal(image->model_checksum, f->image.model_checksum);
    assert_int_equal(image->generation, f->image.generation);
    assert_int_equal(image->programmed_at_s, f->image.programmed_at_s);
    assert_int_equal(image->op.mode, f->image.op.mode);
    assert_int_equal(image->op.over, f->image.op.over);
    assert_int_equal(image->op.seed, f->image.op.seed);
    assert_true(image->op.temperature_k == f->image.op.temperature_k);
    assert_true(image->op.bit_error_rate == f->image.op.bit_error_rate);
    assert_true(image->op.has_target == f->image.op.has_target);
    assert_true(image->op.has_pulse == f->image.op.has_pulse);
    assert_true(image->op.target_write_error_rate == f->image.op.target_write_error_rate);
    assert_true(image->op.pulse_ns == f->image.op.pulse_ns);
    assert_true(image->op.voltage_v[0] == f->image.op.voltage_v[0]);
    assert_true(image->op.voltage_v[1] == f->image.op.voltage_v[1]);
    assert_true(image->forecast.wrong_bits == f->image.forecast.wrong_bits);
    assert_true(image->forecast.energy_pj == f->image.forecast.energy_pj);
    assert_int_equal(image->n_layers, f->image.n_layers);
    assert_memory_equal(image->results, f->results,
                        image->n_layers * sizeof(f->results[0]));
    assert_int_equal(mram_seed(mram), mram_seed(f->mram));
    assert_int_equal(mram_layers(mram), f->net->n_layers);
    for (size_t l = 0; l < f->net->n_layers; l++)
        assert_memory_equal(mram_contents(mram, l), mram_contents(f->mram, l),
                            8 * mram_layer_words(mram, l));
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
    struct scratch scratch;

    scratch_make(&scratch);
    assert_int_equal(save(f, scratch_path(&scratch, "array")), ST_OK);
    uint8_t *bytes = scratch_read(scratch.path, ret_len);
    scratch_remove(&scratch);
    return bytes;
}

/* -- Round trip -- */

static void a_saved_array_comes_back_the_same(void **state)
{
    (void)state;
    const struct sbnn_shape *const shapes[] = { &small, &large };

    for (size_t i = 0; i < 2; i++) {
        struct scratch scratch;
        struct fixture f;
        struct array_image image;
        struct mram *mram;
        struct stat info;
        char why[ERR_LEN];

        scratch_make(&scratch);
        fixture_make(&f, shapes[i]);
        assert_int_equal(save(&f, scratch_path(&scratch, "array")), ST_OK);
        assert_int_equal(stat(scratch.path, &info), 0);
        assert_int_equal(info.st_mode & 0137, 0);
        assert_int_equal(array_image_load(scratch.path, f.net, &image, &mram, why),
                         ST_OK);
        assert_same_array(&f, &image, mram);
        mram_free(mram);
        array_image_done(&image);

        fill(&f, 2);
        assert_int_equal(save(&f, scratch.path), ST_OK);
        assert_int_equal(array_image_load(scratch.path, f.net, &image, &mram, why),
                         ST_OK);
        assert_same_array(&f, &image, mram);
        mram_free(mram);
        array_image_done(&image);
        fixture_free(&f);
        scratch_remove(&scratch);
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
    fixture_make(&f, &large);
    for (size_t l = 0; l < f.net->n_layers; l++)
        wanted[l] = f.net->layers[l].weights;
    for (size_t i = 0; i < 3; i++) {
        struct mram_write write = { .mode = MRAM_UNIFORM,
                                    .generation = i + 1,
                                    .error_rate = { rates[i], rates[i] },
                                    .toggle_pj = { 1.0, 1.0 },
                                    .hold_pj = { 0.5, 0.5 } };
        struct array_image image;
        struct mram *mram;
        char why[ERR_LEN];

        memset(f.results, 0, sizeof(f.results));
        assert_int_equal(
            mram_program(f.mram, wanted, &write, 0, mram_tiles(f.mram), f.results),
            ST_OK);
        f.image.generation = write.generation;
        f.image.op.mode = MRAM_UNIFORM;
        assert_int_equal(save(&f, scratch_path(&scratch, "array")), ST_OK);
        assert_int_equal(array_image_load(scratch.path, f.net, &image, &mram, why),
                         ST_OK);
        assert_same_array(&f, &image, mram);
        mram_free(mram);
        array_image_done(&image);
    }
    fixture_free(&f);
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
        bool in_version = bit / 8 >= 8 && bit / 8 < 12;

        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(parse(&f, bytes, len), in_version ? ST_UNSUPPORTED : ST_FORMAT);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(parse(&f, bytes, len), ST_OK);
    free(bytes);
    fixture_free(&f);
}

static void a_flipped_bit_under_a_true_checksum_does_no_harm(void **state)
{
    (void)state;
    struct fixture f;
    size_t len, n_read = 0;

    fixture_make(&f, &small);
    uint8_t *bytes = image_bytes(&f, &len);
    for (size_t bit = 8 * 24; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        sbnn_seal(bytes, len);
        enum status st = parse(&f, bytes, len);
        bool in_model = bit / 8 < 28;
        assert_true(in_model ? st == ST_CONFLICT : st == ST_OK || st == ST_FORMAT);
        n_read += st == ST_OK;
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(n_read >= network_cells(f.net));
    free(bytes);
    fixture_free(&f);
}

/* A field of the image, replaced under a true checksum. Offsets: storage/README.md. */
struct hostile {
    size_t at;
    uint64_t value;
    unsigned n_bytes;
};

static void fields_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const uint64_t infinite = 0x7ff0000000000000, nan = 0x7ff8000000000000;
    const uint64_t minus_one = 0xbff0000000000000;
    const struct hostile cases[] = {
        { 28, 0, 4 },           { 28, 3, 4 },                 /* layers */
        { 28, UINT32_MAX, 4 },  { 32, UINT64_C(1) << 32, 8 }, /* generation */
        { 40, UINT64_MAX, 8 },                                /* time */
        { 56, 3, 4 },           { 60, 5, 4 },                 /* mode, over */
        { 64, UINT64_MAX, 8 },  { 72, 0, 8 },
        { 72, nan, 8 },                              /* seed, temperature */
        { 80, nan, 8 },         { 80, infinite, 8 }, /* bit error rate */
        { 88, 2, 4 },           { 92, 2, 4 },        /* has target, pulse */
        { 96, nan, 8 },         { 104, infinite, 8 },
        { 112, nan, 8 },        { 120, nan, 8 },
        { 128, minus_one, 8 },  { 136, minus_one, 8 }, /* forecast */
        { 144, 0, 8 },          { 144, 10, 8 },
        { 144, UINT64_MAX, 8 },                         /* words */
        { 152, 55, 8 },                                 /* cells: 9 x 6 */
        { 160, 55, 8 },         { 160, UINT64_MAX, 8 }, /* toggles */
        { 168, 54, 8 },         { 176, UINT64_MAX, 8 },
        { 192, UINT64_MAX, 8 }, { 208, nan, 8 },
        { 208, minus_one, 8 }, /* energy */
        { 216, 0x40, 8 },      /* padding bit */
    };
    struct fixture f;
    size_t len;

    fixture_make(&f, &small);
    uint8_t *bytes = image_bytes(&f, &len);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t saved[8];

        memcpy(saved, bytes + cases[i].at, 8);
        for (unsigned b = 0; b < cases[i].n_bytes; b++)
            bytes[cases[i].at + b] = (uint8_t)(cases[i].value >> (8 * b));
        sbnn_seal(bytes, len);
        if (parse(&f, bytes, len) != ST_FORMAT)
            print_error("case %zu at byte %zu\n", i, cases[i].at);
        assert_int_equal(parse(&f, bytes, len), ST_FORMAT);
        memcpy(bytes + cases[i].at, saved, 8);
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
    struct scratch scratch;
    struct fixture f;
    struct array_image image = { .results = NULL };
    struct mram *mram = NULL;
    char why[ERR_LEN];
    enum status st = ST_NOMEM;

    scratch_make(&scratch);
    fixture_make(&f, &small);
    assert_int_equal(save(&f, scratch_path(&scratch, "array")), ST_OK);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = array_image_load(scratch.path, f.net, &image, &mram, why);
        fault_off();
        assert_true(st == ST_OK ||
                    (st == ST_NOMEM && mram == NULL && image.results == NULL));
    }
    mram_free(mram);
    array_image_done(&image);
    fixture_free(&f);
    scratch_remove(&scratch);
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
        cmocka_unit_test(what_a_programming_left_comes_back),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(a_flipped_bit_under_a_true_checksum_does_no_harm),
        cmocka_unit_test(fields_that_cannot_be_are_refused),
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
