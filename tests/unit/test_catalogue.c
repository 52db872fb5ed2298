/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/catalogue.h"

#include "daemon/builtin.h"
#include "daemon/log.h"
#include "storage/array_image.h"
#include "storage/version_book.h"
#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    struct daemon daemon;
    char why[ERR_LEN];
};

static int make(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof(f));
    scratch_make(&f.scratch);
    (void)snprintf(f.daemon.settings.model_dir, SETTINGS_TEXT_LEN, "%s", f.scratch.dir);
    (void)snprintf(f.daemon.settings.state_dir, SETTINGS_TEXT_LEN, "%s",
                   scratch_path(&f.scratch, "state"));
    f.daemon.device = device_default();
    f.daemon.settings.keep_versions = 1;
    assert_int_equal(mkdir(f.daemon.settings.state_dir, 0750), 0);
    assert_int_equal(mkdir(scratch_path(&f.scratch, "state/models"), 0750), 0);
    assert_int_equal(mkdir(scratch_path(&f.scratch, "state/arrays"), 0750), 0);
    log_set_level("error");
    *state = &f;
    return 0;
}

static void empty(struct fixture *f)
{
    registry_free(f->daemon.registry);
    version_book_free(f->daemon.versions);
    f->daemon.registry = NULL;
    f->daemon.versions = NULL;
}

static int unmake(void **state)
{
    struct fixture *f = *state;

    empty(f);
    scratch_remove(&f->scratch);
    return 0;
}

static enum status load(struct fixture *f)
{
    return catalogue_load(&f->daemon, f->why);
}

static size_t n_models(struct fixture *f)
{
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(f->daemon.registry, models);

    registry_drop_list(models, n);
    return n;
}

/* Inputs of a model; 0 if there is none of that name. */
static size_t inputs(struct fixture *f, const char *name)
{
    struct model *model = registry_take(f->daemon.registry, name);
    size_t n = model != NULL ? network_inputs(model->net) : 0;

    model_drop(model);
    return n;
}

/* Networks of one name differ by their seed. */
static struct network *small_network(const char *name, uint64_t seed)
{
    const struct sbnn_shape shape = {
        name, { 2, 2, 1, NETWORK_BINARY, .threshold = 9 }, 1, { 3 }
    };

    return sbnn_random(&shape, seed);
}

/* A network in a file of the folder. */
static void put_seed(struct fixture *f, const char *file, const char *name, uint64_t seed)
{
    struct network *net = small_network(name, seed);

    sbnn_write_file(scratch_path(&f->scratch, file), net);
    network_free(net);
}

static void put_file(struct fixture *f, const char *file, const char *name)
{
    put_seed(f, file, name, 1);
}

static bool is_there(struct fixture *f, const char *file)
{
    return access(scratch_path(&f->scratch, file), F_OK) == 0;
}

/* The versions of a name, "3 1 ". */
static void expect_versions_in(struct registry *registry, const char *name,
                               const char *wanted)
{
    struct model *models[REGISTRY_VERSIONS];
    size_t n = registry_versions(registry, name, models);
    char text[128] = "";

    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(text);

        (void)snprintf(text + len, sizeof(text) - len, "%u ", models[i]->net->version);
    }
    registry_drop_list(models, n);
    assert_string_equal(text, wanted);
}

static void expect_versions(struct fixture *f, const char *name, const char *wanted)
{
    expect_versions_in(f->daemon.registry, name, wanted);
}

/* As after another start. */
static void start_again(struct fixture *f)
{
    empty(f);
    assert_int_equal(load(f), ST_OK);
}

static void the_built_in_models_are_served(void **state)
{
    struct fixture *f = *state;

    f->daemon.settings.model_dir[0] = '\0';
    assert_int_equal(load(f), ST_OK);
    assert_int_equal(n_models(f), builtin_n_models);
    assert_int_equal(inputs(f, "mnist"), 784);
    assert_int_equal(inputs(f, "fashion"), 784);
    assert_int_equal(inputs(f, "nothing"), 0);
    assert_int_equal(inputs(f, ""), 0);
}

static void models_of_the_folder_come_in_order_of_their_files(void **state)
{
    struct fixture *f = *state;

    put_file(f, "b.sbnn", "second");
    put_file(f, "a.sbnn", "first");
    assert_int_equal(load(f), ST_OK);
    assert_int_equal(n_models(f), builtin_n_models + 2);
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(f->daemon.registry, models);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(models[i]->origin,
                         i < builtin_n_models ? MODEL_BUILTIN : MODEL_FOLDER);
    }
    assert_string_equal(models[builtin_n_models]->net->name, "first");
    assert_string_equal(models[builtin_n_models + 1]->net->name, "second");
    registry_drop_list(models, n);
}

static void a_file_takes_the_place_of_a_built_in_model(void **state)
{
    struct fixture *f = *state;

    put_file(f, "any-name.sbnn", "mnist");
    assert_int_equal(load(f), ST_OK);
    assert_int_equal(n_models(f), builtin_n_models);
    assert_int_equal(inputs(f, "mnist"), 4);
}

static void two_files_of_one_name_are_refused(void **state)
{
    static const char *const names[] = { "twin", "mnist" };
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        put_file(f, "a.sbnn", names[i]);
        put_file(f, "b.sbnn", names[i]);
        assert_int_equal(load(f), ST_RANGE);
        assert_non_null(strstr(f->why, "b.sbnn"));
        assert_non_null(strstr(f->why, names[i]));
        empty(f);
    }
}

/* What somebody has sent goes before what was there. */
static void an_uploaded_model_takes_the_place_of_both(void **state)
{
    struct fixture *f = *state;

    put_file(f, "a.sbnn", "fashion");
    put_file(f, "state/models/fashion.sbnn", "fashion");
    put_file(f, "state/models/new.sbnn", "new");
    assert_int_equal(load(f), ST_OK);
    assert_int_equal(n_models(f), builtin_n_models + 1);
    struct model *model = registry_take(f->daemon.registry, "fashion");
    assert_int_equal(model->origin, MODEL_UPLOADED);
    model_drop(model);
    assert_int_equal(inputs(f, "new"), 4);
}

static void other_files_are_no_models(void **state)
{
    struct fixture *f = *state;

    (void)scratch_file(&f->scratch, "README", "x", 1);
    (void)scratch_file(&f->scratch, "a.sbnn.bak", "x", 1);
    (void)scratch_file(&f->scratch, ".hidden.sbnn", "x", 1);
    assert_int_equal(load(f), ST_OK);
    assert_int_equal(n_models(f), builtin_n_models);
}

static void a_broken_file_is_named(void **state)
{
    struct fixture *f = *state;

    put_file(f, "a.sbnn", "good");
    (void)scratch_file(&f->scratch, "broken.sbnn", "garbage", 7);
    assert_int_equal(load(f), ST_FORMAT);
    assert_non_null(strstr(f->why, "broken.sbnn"));
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    struct fixture *f = *state;

    (void)snprintf(f->daemon.settings.model_dir, SETTINGS_TEXT_LEN,
                   "/nonexistent/models");
    assert_int_equal(load(f), ST_IO);
    assert_non_null(strstr(f->why, "/nonexistent/models"));
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;
    enum status st = ST_NOMEM;

    put_file(f, "a.sbnn", "fashion");
    put_file(f, "b.sbnn", "another");
    for (unsigned nth = 0; st != ST_OK; nth++) {
        (void)snprintf(f->why, sizeof(f->why), "nothing");
        fault_at(nth);
        st = load(f);
        fault_off();
        if (st != ST_OK) {
            assert_int_equal(st, ST_NOMEM);
            assert_string_not_equal(f->why, "nothing");
        }
        empty(f);
    }
}

/* -- Versions -- */

static void networks_begin_as_version_1(void **state)
{
    struct fixture *f = *state;

    put_file(f, "a.sbnn", "mnist");
    put_file(f, "state/models/fashion.sbnn", "fashion");
    put_file(f, "state/models/new.sbnn", "new");
    assert_int_equal(load(f), ST_OK);
    /* Those whose place they take were never served. */
    expect_versions(f, "mnist", "1 ");
    expect_versions(f, "fashion", "1 ");
    expect_versions(f, "new", "1 ");
    expect_versions(f, "cifar10", "1 ");
    start_again(f);
    expect_versions(f, "mnist", "1 ");
    expect_versions(f, "fashion", "1 ");
}

static void another_network_of_the_folder_is_the_next_version(void **state)
{
    struct fixture *f = *state;

    put_seed(f, "a.sbnn", "one", 1);
    assert_int_equal(load(f), ST_OK);
    put_seed(f, "a.sbnn", "one", 2);
    start_again(f);
    expect_versions(f, "one", "2 ");
    put_seed(f, "a.sbnn", "one", 1); /* known by its checksum */
    start_again(f);
    expect_versions(f, "one", "1 ");
    assert_int_equal(catalogue_next(&f->daemon, "one"), 3);
    /* In place of a built-in one that was served. */
    put_seed(f, "b.sbnn", "mnist", 1);
    start_again(f);
    expect_versions(f, "mnist", "2 ");
    start_again(f);
    expect_versions(f, "mnist", "2 ");
}

/* Gives a network a number as an upload does, and lays its file where it belongs. */
static void send_network(struct fixture *f, const char *name, uint64_t seed,
                         uint32_t wanted, bool wanted_fresh)
{
    struct network *net = small_network(name, seed);
    char image[MODEL_PATH_LEN], file[MODEL_PATH_LEN];
    bool fresh;

    net->version = 0;
    assert_int_equal(catalogue_number(&f->daemon, net, &fresh, f->why), ST_OK);
    assert_int_equal(net->version, wanted);
    assert_int_equal(fresh, wanted_fresh);
    model_paths(f->daemon.settings.state_dir, name, net->version, image, file);
    sbnn_write_file(file, net);
    network_free(net);
}

static void what_is_sent_is_the_next_version(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(load(f), ST_OK);
    send_network(f, "one", 1, 1, true);
    send_network(f, "one", 1, 1, false); /* the last that came */
    send_network(f, "one", 2, 2, true);
    send_network(f, "mnist", 1, 2, true);
    assert_true(is_there(f, "state/models/one.sbnn"));
    assert_true(is_there(f, "state/models/one@2.sbnn"));
    start_again(f);
    expect_versions(f, "one", "2 ");
    expect_versions(f, "mnist", "2 ");
    send_network(f, "one", 2, 2, false); /* it is served */
    send_network(f, "one", 1, 3, true);  /* had gone */
    start_again(f);
    expect_versions(f, "one", "3 ");
    /* Ten is after nine. */
    for (uint64_t seed = 4; seed <= 11; seed++)
        send_network(f, "one", seed, (uint32_t)seed, true);
    start_again(f);
    expect_versions(f, "one", "11 ");
}

static void what_is_removed_stays_spent(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(load(f), ST_OK);
    send_network(f, "one", 1, 1, true);
    send_network(f, "one", 2, 2, true);
    send_network(f, "mnist", 1, 2, true);
    start_again(f);
    (void)scratch_file(&f->scratch, "state/arrays/one@2.array", "x", 1);
    (void)scratch_file(&f->scratch, "state/arrays/one.array.tmp", "x", 1);
    struct model *model = registry_take(f->daemon.registry, "one");
    catalogue_sweep(&f->daemon, "one", 2);
    assert_false(is_there(f, "state/models/one.sbnn"));
    assert_false(is_there(f, "state/arrays/one.array.tmp"));
    assert_true(is_there(f, "state/models/one@2.sbnn"));
    catalogue_remove(&f->daemon, model);
    model_drop(model);
    assert_false(is_there(f, "state/models/one@2.sbnn"));
    assert_false(is_there(f, "state/arrays/one@2.array"));
    start_again(f);
    expect_versions(f, "one", "");
    send_network(f, "one", 1, 3, true);
    /* A built-in one has its number still. */
    model = registry_take(f->daemon.registry, "mnist");
    catalogue_remove(&f->daemon, model);
    model_drop(model);
    start_again(f);
    expect_versions(f, "mnist", "1 ");
}

static void expect_read_versions(struct fixture *f, const char *name, const char *wanted)
{
    struct registry *registry;

    assert_int_equal(catalogue_read(&f->daemon, name, &registry, f->why), ST_OK);
    expect_versions_in(registry, name, wanted);
    registry_free(registry);
}

static void the_newest_so_many_are_served(void **state)
{
    struct fixture *f = *state;

    put_seed(f, "a.sbnn", "one", 1);
    f->daemon.settings.keep_versions = 3;
    assert_int_equal(load(f), ST_OK);
    for (uint64_t seed = 2; seed <= 4; seed++)
        send_network(f, "one", seed, (uint32_t)seed, true);
    send_network(f, "mnist", 1, 2, true);
    start_again(f);
    expect_versions(f, "one", "4 3 2 ");
    expect_versions(f, "mnist", "2 1 "); /* the built-in one beside what was sent */
    expect_read_versions(f, "one", "4 3 2 ");
    expect_read_versions(f, "mnist", "2 1 ");
    send_network(f, "one", 3, 3, false); /* it is served */
    /* What is not served is there still. */
    f->daemon.settings.keep_versions = 1;
    start_again(f);
    expect_versions(f, "one", "4 ");
    expect_read_versions(f, "one", "4 ");
    f->daemon.settings.keep_versions = 16;
    start_again(f);
    expect_versions(f, "one", "4 3 2 1 ");
    catalogue_sweep(&f->daemon, "one", 3);
    assert_true(is_there(f, "state/models/one@2.sbnn")); /* served */
    /* Of fewer than are served now the older ones are as if they had gone. */
    f->daemon.settings.keep_versions = 2;
    send_network(f, "one", 2, 5, true);
}

/* By hand, or where the book was lost. */
static void files_tell_their_version(void **state)
{
    struct fixture *f = *state;

    put_seed(f, "state/models/one@12.sbnn", "one", 12);
    put_seed(f, "state/models/other.sbnn", "two", 1);
    put_seed(f, "state/models/three@03.sbnn", "three", 1);
    put_seed(f, "state/models/three@4294967296.sbnn", "three", 1);
    assert_int_equal(load(f), ST_OK);
    expect_versions(f, "one", "12 ");
    expect_versions(f, "two", "1 ");
    expect_versions(f, "three", "2 "); /* two files that say nothing */
    assert_true(is_there(f, "state/models/two.sbnn"));
    assert_false(is_there(f, "state/models/other.sbnn"));
    /* Another network in a file that has a version. */
    put_seed(f, "state/models/one@12.sbnn", "one", 13);
    start_again(f);
    expect_versions(f, "one", "13 ");
    assert_true(is_there(f, "state/models/one@13.sbnn"));
    assert_false(is_there(f, "state/models/one@12.sbnn"));
    start_again(f);
    expect_versions(f, "one", "13 ");
}

/* How many files of the state folder have such a name. */
static size_t n_named(struct fixture *f, const char *beginning)
{
    DIR *folder = opendir(f->daemon.settings.state_dir);
    size_t n = 0;

    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        n += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
    (void)closedir(folder);
    return n;
}

/* An array of a network of that seed, as it lies there after a programming. */
static void put_array(struct fixture *f, const char *file, const char *name,
                      uint64_t seed)
{
    struct network *net = small_network(name, seed);
    struct mram_shape shape = { .n_rows = net->layers[0].n_out,
                                .n_cols = net->layers[0].n_in };
    struct mram_forecast forecast = { 0 };
    struct mram_result result = { 0 };
    struct mram_state delivered = { 0 };
    const struct array_image image = {
        .model_checksum = net->checksum,
        .device = device_default(),
        .points = operating_points_default(1),
        .n_layers = 1,
        .forecasts = &forecast,
        .results = &result,
        .states = &delivered,
    };
    struct mram *mram;

    assert_int_equal(mram_new(&shape, 1, 1, &mram), ST_OK);
    assert_int_equal(
        array_image_save(scratch_path(&f->scratch, file), &image, mram, f->why), ST_OK);
    mram_free(mram);
    network_free(net);
}

static void a_broken_book_is_set_aside_and_the_files_tell_what_they_know(void **state)
{
    struct fixture *f = *state;

    f->daemon.settings.keep_versions = 4;
    put_seed(f, "state/models/one@3.sbnn", "one", 3);
    put_array(f, "state/arrays/one@5.array", "one", 5); /* whose network has gone */
    put_seed(f, "two.sbnn", "two", 12);
    put_array(f, "state/arrays/two@10.array", "two", 10);
    put_array(f, "state/arrays/two@9.array", "two", 9);
    put_array(f, "state/arrays/two@12.array", "two", 12);
    (void)scratch_file(&f->scratch, "state/arrays/three@2.array", "garbage", 7);
    (void)scratch_file(&f->scratch, "state/arrays/@2.array", "garbage", 7);
    (void)scratch_file(&f->scratch, "state/versions", "garbage", 7);
    assert_int_equal(load(f), ST_OK);
    assert_int_equal(n_named(f, "versions.corrupt-"), 1);
    expect_versions(f, "two", "12 ");
    /* A number that was another network's is not given again. */
    expect_versions(f, "one", "6 ");
    assert_int_equal(catalogue_next(&f->daemon, "two"), 13);
    assert_int_equal(catalogue_next(&f->daemon, "three"), 1);
    start_again(f);
    assert_int_equal(n_named(f, "versions.corrupt-"), 1);
    expect_versions(f, "two", "12 ");
}

static void a_book_that_cannot_be_kept_hinders_an_upload_alone(void **state)
{
    struct fixture *f = *state;
    struct network *net = small_network("one", 1);
    bool fresh;

    net->version = 0;
    assert_int_equal(mkdir(scratch_path(&f->scratch, "state/versions.tmp"), 0750), 0);
    assert_int_equal(load(f), ST_OK);
    expect_versions(f, "mnist", "1 ");
    assert_int_equal(catalogue_number(&f->daemon, net, &fresh, f->why), ST_IO);
    assert_non_null(strstr(f->why, "versions"));
    network_free(net);
}

/* -- Read again -- */

static void expect_read(struct fixture *f, const char *name, enum model_origin origin,
                        size_t n_inputs)
{
    struct registry *registry;

    assert_int_equal(catalogue_read(&f->daemon, name, &registry, f->why), ST_OK);
    struct model *model = registry_take(registry, name);
    assert_int_equal(model->origin, origin);
    assert_string_equal(model->net->name, name);
    assert_int_equal(network_inputs(model->net), n_inputs);
    model_drop(model);
    registry_free(registry);
}

/* In the order of a start; a file is found by its network's name. */
static void a_network_is_read_again(void **state)
{
    struct fixture *f = *state;
    struct registry *registry;

    assert_int_equal(load(f), ST_OK);
    expect_read(f, "mnist", MODEL_BUILTIN, 784);
    put_file(f, "a.sbnn", "other");
    put_file(f, "b.sbnn", "mnist");
    expect_read(f, "mnist", MODEL_FOLDER, 4);
    /* The file of the name may hold another network; a broken one is passed over. */
    put_file(f, "third.sbnn", "fourth");
    (void)scratch_file(&f->scratch, "c.sbnn", "garbage", 7);
    put_file(f, "d.sbnn", "third");
    expect_read(f, "third", MODEL_FOLDER, 4);
    expect_read(f, "fourth", MODEL_FOLDER, 4);
    send_network(f, "mnist", 2, 3, true);
    expect_read(f, "mnist", MODEL_UPLOADED, 4);

    assert_int_equal(catalogue_read(&f->daemon, "none", &registry, f->why), ST_NOT_FOUND);
    /* One that has the name is not passed over. */
    assert_int_equal(catalogue_read(&f->daemon, "c", &registry, f->why), ST_FORMAT);
    assert_non_null(strstr(f->why, "c.sbnn"));
    (void)scratch_file(&f->scratch, "state/models/other@7.sbnn", "garbage", 7);
    assert_int_equal(catalogue_read(&f->daemon, "other", &registry, f->why), ST_FORMAT);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(the_built_in_models_are_served),
        FRESH(models_of_the_folder_come_in_order_of_their_files),
        FRESH(a_file_takes_the_place_of_a_built_in_model),
        FRESH(two_files_of_one_name_are_refused),
        FRESH(an_uploaded_model_takes_the_place_of_both),
        FRESH(other_files_are_no_models),
        FRESH(a_broken_file_is_named),
        FRESH(a_folder_that_is_not_there_is_named),
        FRESH(memory_that_is_not_there_is_told),
        FRESH(networks_begin_as_version_1),
        FRESH(another_network_of_the_folder_is_the_next_version),
        FRESH(what_is_sent_is_the_next_version),
        FRESH(what_is_removed_stays_spent),
        FRESH(the_newest_so_many_are_served),
        FRESH(files_tell_their_version),
        FRESH(a_broken_book_is_set_aside_and_the_files_tell_what_they_know),
        FRESH(a_book_that_cannot_be_kept_hinders_an_upload_alone),
        FRESH(a_network_is_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
