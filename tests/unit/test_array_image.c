/* SPDX-License-Identifier: Apache-2.0 */
/* Images of arrays: what is saved comes back, whatever happens meanwhile. Images that are
 * broken have test_array_image_broken.c. */
#include "storage/array_image.h"

#include "tests/lib/array_fixture.h"
#include "tests/lib/fault.h"
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* -- Round trip -- */

static void assert_comes_back(struct array_fixture *f, const char *path)
{
    struct array_image image;
    struct mram *mram;
    char why[ERR_LEN] = "";

    assert_int_equal(array_fixture_save(f, path), ST_OK);
    enum status st = array_image_load(path, f->net, &image, &mram, why);
    if (st != ST_OK)
        print_error("%s\n", why);
    assert_int_equal(st, ST_OK);
    array_fixture_assert_same(f, &image, mram);
    mram_free(mram);
    array_image_done(&image);
}

static void a_saved_array_comes_back_the_same(void **state)
{
    (void)state;
    const struct sbnn_shape *const shapes[] = { &array_small, &array_large };

    for (size_t i = 0; i < 2; i++) {
        struct scratch scratch;
        struct array_fixture f;
        struct stat info;

        scratch_make(&scratch);
        array_fixture_make(&f, shapes[i]);
        assert_comes_back(&f, scratch_path(&scratch, "array"));
        assert_int_equal(stat(scratch.path, &info), 0);
        assert_int_equal(info.st_mode & 0137, 0);
        array_fixture_fill(&f, 2);
        assert_comes_back(&f, scratch.path);
        array_fixture_free(&f);
        scratch_remove(&scratch);
    }
}

static void every_kind_of_array_comes_back_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_KINDS; i++) {
        struct scratch scratch;
        struct array_fixture f;

        scratch_make(&scratch);
        array_fixture_make_kind(&f, i % 2 == 0 ? &array_small : &array_large, i / 2);
        assert_comes_back(&f, scratch_path(&scratch, "array"));
        array_fixture_free(&f);
        scratch_remove(&scratch);
    }
}

static void the_file_and_the_bytes_in_memory_are_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_KINDS; i++) {
        struct scratch scratch;
        struct array_fixture f;
        size_t len, file_len;

        scratch_make(&scratch);
        array_fixture_make_kind(&f, &array_large, i);
        uint8_t *bytes = array_fixture_bytes(&f, &len);
        assert_int_equal(array_fixture_save(&f, scratch_path(&scratch, "array")), ST_OK);
        uint8_t *file = scratch_read(scratch.path, &file_len);
        assert_int_equal(len, file_len);
        assert_memory_equal(bytes, file, len);
        free(file);
        free(bytes);
        array_fixture_free(&f);
        scratch_remove(&scratch);
    }
}

/* What was read and is written again is what it was, though what nobody looks at is gone.
 */
static void an_image_of_an_image_is_the_same_image(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_KINDS; i++) {
        struct array_fixture f;
        struct array_image image;
        struct mram *mram;
        size_t len, again_len;
        uint8_t *again;
        char why[ERR_LEN];

        array_fixture_make_kind(&f, &array_small, i);
        uint8_t *bytes = array_fixture_bytes(&f, &len);
        assert_int_equal(array_image_parse(bytes, len, f.net, &image, &mram, why), ST_OK);
        assert_int_equal(array_image_bytes(&image, mram, &again, &again_len), ST_OK);
        assert_int_equal(len, again_len);
        assert_memory_equal(bytes, again, len);
        free(again);
        free(bytes);
        mram_free(mram);
        array_image_done(&image);
        array_fixture_free(&f);
    }
}

static void what_a_programming_left_comes_back(void **state)
{
    (void)state;
    static const double rates[] = { 0.0, 0.01, 1.0 };
    struct scratch scratch;
    struct array_fixture f;
    const uint64_t *wanted[4];

    scratch_make(&scratch);
    for (size_t i = 0; i < 3 * ARRAY_KINDS; i++) {
        double rate = rates[i % 3];
        struct mram_write writes[4];

        array_fixture_make_kind(&f, &array_large, i / 3);
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
        assert_int_equal(mram_program(f.mram, wanted, writes, 0, mram_tiles(f.mram),
                                      f.forecasts, f.results, f.states),
                         ST_OK);
        f.image.generation = i + 1;
        assert_comes_back(&f, scratch_path(&scratch, "array"));
        array_fixture_free(&f);
    }
    scratch_remove(&scratch);
}

static void no_file_is_not_found(void **state)
{
    (void)state;
    struct scratch scratch;
    struct array_fixture f;
    struct array_image image;
    struct mram *mram;
    char why[ERR_LEN];

    scratch_make(&scratch);
    array_fixture_make(&f, &array_small);
    const char *path = scratch_path(&scratch, "none");
    assert_int_equal(array_image_load(path, f.net, &image, &mram, why), ST_NOT_FOUND);
    assert_memory_equal(why, path, strlen(path));
    assert_int_equal(array_image_load(scratch.dir, f.net, &image, &mram, why), ST_IO);
    array_fixture_free(&f);
    scratch_remove(&scratch);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_KINDS; i++) {
        struct scratch scratch;
        struct array_fixture f;
        struct array_image image = { .results = NULL };
        struct mram *mram = NULL;
        uint8_t *bytes = NULL;
        size_t len;
        char why[ERR_LEN];
        enum status st = ST_NOMEM;

        scratch_make(&scratch);
        array_fixture_make_kind(&f, &array_small, i);
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
        array_fixture_assert_same(&f, &image, mram);
        free(bytes);
        mram_free(mram);
        array_image_done(&image);
        array_fixture_free(&f);
        scratch_remove(&scratch);
    }
}

/* -- Saving under trouble -- */

static void assert_holds_generation(const struct array_fixture *f, const char *path,
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
    struct array_fixture f;
    struct rlimit limit, kept;
    char scratch_name[160];

    scratch_make(&scratch);
    array_fixture_make(&f, &array_large);
    assert_int_equal(array_fixture_save(&f, scratch_path(&scratch, "array")), ST_OK);
    (void)snprintf(scratch_name, sizeof(scratch_name), "%s.tmp", scratch.path);
    array_fixture_fill(&f, 2);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    limit = kept;
    for (rlim_t size = 0; size < 100000; size = 3 * size + 100) {
        limit.rlim_cur = size;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(array_fixture_save(&f, scratch.path), ST_IO);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
        assert_int_equal(access(scratch_name, F_OK), -1);
        assert_holds_generation(&f, scratch.path, 1);
    }
    assert_int_equal(array_fixture_save(&f, scratch.path), ST_OK);
    assert_holds_generation(&f, scratch.path, 2);
    array_fixture_free(&f);
    scratch_remove(&scratch);
}

static void what_a_crash_left_behind_is_written_over(void **state)
{
    (void)state;
    struct scratch scratch;
    struct array_fixture f;

    scratch_make(&scratch);
    array_fixture_make(&f, &array_small);
    scratch_file(&scratch, "array.tmp",
                 "half an image that is longer than the small one is", 50);
    assert_int_equal(array_fixture_save(&f, scratch_path(&scratch, "array")), ST_OK);
    assert_holds_generation(&f, scratch.path, 1);
    assert_int_equal(access(scratch_path(&scratch, "array.tmp"), F_OK), -1);
    array_fixture_free(&f);
    scratch_remove(&scratch);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct array_fixture f;

    array_fixture_make(&f, &array_small);
    assert_int_equal(array_fixture_save(&f, "/nowhere/array"), ST_IO);
    array_fixture_free(&f);
}

/* Saves generations 1 and 2 in turn until killed. */
static void save_for_ever(struct array_fixture *f, const char *path)
{
    for (uint64_t n = 0;; n++) {
        char why[ERR_LEN];

        array_fixture_fill(f, 1 + n % 2);
        if (array_image_save(path, &f->image, f->mram, why) != ST_OK)
            _exit(1);
    }
}

static void a_kill_at_any_moment_leaves_one_whole_generation(void **state)
{
    (void)state;
    struct scratch scratch;
    struct array_fixture f;
    unsigned seed = 1, n_of_generation[2] = { 0, 0 };

    scratch_make(&scratch);
    array_fixture_make(&f, &array_large);
    assert_int_equal(array_fixture_save(&f, scratch_path(&scratch, "array")), ST_OK);
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
        array_fixture_fill(&f, image.generation);
        array_fixture_assert_same(&f, &image, mram);
        mram_free(mram);
        array_image_done(&image);
    }
    print_message("generation 1: %u times, generation 2: %u times\n", n_of_generation[0],
                  n_of_generation[1]);
    array_fixture_free(&f);
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
        cmocka_unit_test(no_file_is_not_found),
        cmocka_unit_test(without_memory_nothing_leaks),
        cmocka_unit_test(a_disk_that_fills_up_leaves_the_old_image),
        cmocka_unit_test(what_a_crash_left_behind_is_written_over),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
        cmocka_unit_test(a_kill_at_any_moment_leaves_one_whole_generation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
