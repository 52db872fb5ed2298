/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include "daemon/builtin.h"
#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
    (void)snprintf(f.daemon.settings.state_dir, SETTINGS_TEXT_LEN, "state");
    *state = &f;
    return 0;
}

static int unmake(void **state)
{
    struct fixture *f = *state;

    registry_free(&f->daemon);
    scratch_remove(&f->scratch);
    return 0;
}

/* A network of that name in a file of the folder. */
static void put_file(struct fixture *f, const char *file, const char *name)
{
    const struct sbnn_shape shape = {
        name, { 2, 2, 1, NETWORK_BINARY, .threshold = 9 }, 1, { 3 }
    };
    struct network *net = sbnn_random(&shape, 1);

    sbnn_write_file(scratch_path(&f->scratch, file), net);
    network_free(net);
}

static void the_built_in_models_are_served(void **state)
{
    struct fixture *f = *state;

    f->daemon.settings.model_dir[0] = '\0';
    assert_int_equal(registry_load(&f->daemon, f->why), ST_OK);
    assert_int_equal(f->daemon.n_models, builtin_n_models);
    struct model *mnist = daemon_model(&f->daemon, "mnist");
    assert_non_null(mnist);
    assert_int_equal(network_inputs(mnist->net), 784);
    assert_int_equal(mnist->net->n_classes, 10);
    assert_non_null(daemon_model(&f->daemon, "fashion"));
    assert_null(daemon_model(&f->daemon, "nothing"));
    assert_null(daemon_model(&f->daemon, ""));
}

static void models_of_the_folder_come_in_order_of_their_files(void **state)
{
    struct fixture *f = *state;

    put_file(f, "b.sbnn", "second");
    put_file(f, "a.sbnn", "first");
    assert_int_equal(registry_load(&f->daemon, f->why), ST_OK);
    assert_int_equal(f->daemon.n_models, builtin_n_models + 2);
    for (size_t i = 0; i < f->daemon.n_models; i++)
        assert_int_equal(f->daemon.models[i]->index, i);
    assert_string_equal(f->daemon.models[builtin_n_models]->net->name, "first");
    assert_string_equal(f->daemon.models[builtin_n_models + 1]->net->name, "second");
}

static void a_file_takes_the_place_of_a_built_in_model(void **state)
{
    struct fixture *f = *state;

    put_file(f, "any-name.sbnn", "mnist");
    assert_int_equal(registry_load(&f->daemon, f->why), ST_OK);
    assert_int_equal(f->daemon.n_models, builtin_n_models);
    assert_int_equal(network_inputs(daemon_model(&f->daemon, "mnist")->net), 4);
}

static void two_files_of_one_name_are_refused(void **state)
{
    static const char *const names[] = { "twin", "mnist" };
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        put_file(f, "a.sbnn", names[i]);
        put_file(f, "b.sbnn", names[i]);
        assert_int_equal(registry_load(&f->daemon, f->why), ST_RANGE);
        assert_non_null(strstr(f->why, "b.sbnn"));
        assert_non_null(strstr(f->why, names[i]));
        registry_free(&f->daemon);
    }
}

static void other_files_are_no_models(void **state)
{
    struct fixture *f = *state;

    (void)scratch_file(&f->scratch, "README", "x", 1);
    (void)scratch_file(&f->scratch, "a.sbnn.bak", "x", 1);
    (void)scratch_file(&f->scratch, ".hidden.sbnn", "x", 1);
    assert_int_equal(registry_load(&f->daemon, f->why), ST_OK);
    assert_int_equal(f->daemon.n_models, builtin_n_models);
}

static void a_broken_file_is_named(void **state)
{
    struct fixture *f = *state;

    put_file(f, "a.sbnn", "good");
    (void)scratch_file(&f->scratch, "broken.sbnn", "garbage", 7);
    assert_int_equal(registry_load(&f->daemon, f->why), ST_FORMAT);
    assert_non_null(strstr(f->why, "broken.sbnn"));
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    struct fixture *f = *state;

    (void)snprintf(f->daemon.settings.model_dir, SETTINGS_TEXT_LEN,
                   "/nonexistent/models");
    assert_int_equal(registry_load(&f->daemon, f->why), ST_IO);
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
        st = registry_load(&f->daemon, f->why);
        fault_off();
        if (st != ST_OK) {
            assert_int_equal(st, ST_NOMEM);
            assert_string_not_equal(f->why, "nothing");
        }
        registry_free(&f->daemon);
    }
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(the_built_in_models_are_served),
        FRESH(models_of_the_folder_come_in_order_of_their_files),
        FRESH(a_file_takes_the_place_of_a_built_in_model),
        FRESH(two_files_of_one_name_are_refused),
        FRESH(other_files_are_no_models),
        FRESH(a_broken_file_is_named),
        FRESH(a_folder_that_is_not_there_is_named),
        FRESH(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
