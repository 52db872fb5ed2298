/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include "daemon/builtin.h"
#include "daemon/daemon.h"
#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
    *state = &f;
    return 0;
}

static void empty(struct fixture *f)
{
    registry_free(f->daemon.registry);
    f->daemon.registry = NULL;
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
    return registry_load(&f->daemon, f->why);
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

static struct network *small_network(const char *name)
{
    const struct sbnn_shape shape = {
        name, { 2, 2, 1, NETWORK_BINARY, .threshold = 9 }, 1, { 3 }
    };

    return sbnn_random(&shape, 1);
}

/* A network of that name in a file of the folder. */
static void put_file(struct fixture *f, const char *file, const char *name)
{
    struct network *net = small_network(name);

    sbnn_write_file(scratch_path(&f->scratch, file), net);
    network_free(net);
}

static struct model *new_model(const char *name)
{
    struct device device = device_default();
    struct model *model = NULL;

    assert_int_equal(model_new(small_network(name), MODEL_UPLOADED, "x", &device, &model),
                     ST_OK);
    return model;
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
        assert_int_equal(models[i]->slot, i);
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
    assert_int_equal(mkdir(scratch_path(&f->scratch, "state"), 0750), 0);
    assert_int_equal(mkdir(scratch_path(&f->scratch, "state/models"), 0750), 0);
    put_file(f, "state/models/fashion.sbnn", "fashion");
    put_file(f, "state/models/new.sbnn", "new");
    assert_int_equal(load(f), ST_OK);
    assert_int_equal(n_models(f), builtin_n_models + 1);
    struct model *model = registry_take(f->daemon.registry, "fashion");
    assert_int_equal(model->origin, MODEL_UPLOADED);
    model_drop(model);
    assert_int_equal(inputs(f, "new"), 4);
}

static void models_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct model *first = new_model("one"), *second = new_model("one"), *before = NULL;
    struct registry *registry;

    assert_int_equal(registry_new(&registry), ST_OK);
    f->daemon.registry = registry;
    assert_int_equal(registry_put(registry, first, &before), ST_OK);
    assert_null(before);
    struct model *held = registry_take(registry, "one");
    assert_ptr_equal(held, first);

    assert_int_equal(registry_put(registry, second, &before), ST_OK);
    assert_ptr_equal(before, first);
    model_drop(before);
    assert_int_equal(n_models(f), 1);
    assert_null(registry_take_id(registry, held->id));
    assert_false(registry_remove(registry, held)); /* another has its place */
    model_drop(held);

    assert_true(registry_remove(registry, second));
    assert_false(registry_remove(registry, second));
    assert_int_equal(n_models(f), 0);
    assert_null(registry_take(registry, "one"));
    model_drop(second);
}

/* What a visit shows, as "NAME:STATE:REASON;...". */
static void write_visit(void *ctx, const char *name, enum registry_state state,
                        const char *reason)
{
    char *text = ctx;
    size_t len = strlen(text);

    (void)snprintf(text + len, 256 - len, "%s:%d:%s;", name, (int)state, reason);
}

static void expect_visit(struct registry *registry, const char *wanted)
{
    char text[256] = "";

    registry_visit(registry, write_visit, text);
    assert_string_equal(text, wanted);
}

static void names_are_known_after_their_models_have_gone(void **state)
{
    struct fixture *f = *state;
    struct model *one = new_model("one"), *before;
    struct registry *registry;
    struct registry_note note;

    assert_int_equal(registry_new(&registry), ST_OK);
    f->daemon.registry = registry;
    assert_int_equal(registry_put(registry, one, &before), ST_OK);
    expect_visit(registry, "one:0:;");
    struct model *found = registry_look(registry, "one", &note);
    assert_ptr_equal(found, one);
    model_drop(found);
    assert_null(registry_look(registry, "two", &note));
    assert_int_equal(note.state, REGISTRY_UNKNOWN);

    /* Of one that is served a note is why it could not be loaded again. */
    assert_int_equal(registry_note(registry, "one", REGISTRY_UNAVAILABLE, "broken"),
                     ST_OK);
    expect_visit(registry, "one:0:broken;");

    assert_int_equal(registry_park(registry, one, "unloaded"), ST_OK);
    model_drop(one);
    assert_null(registry_take(registry, "one"));
    assert_null(registry_look(registry, "one", &note));
    assert_int_equal(note.state, REGISTRY_UNAVAILABLE);
    assert_string_equal(note.reason, "unloaded");
    expect_visit(registry, "one:2:unloaded;");
    assert_int_equal(registry_note(registry, "one", REGISTRY_LOADING, ""), ST_OK);
    expect_visit(registry, "one:1:;");

    /* One that is put in or taken out has no note. */
    one = new_model("one");
    assert_int_equal(registry_put(registry, one, &before), ST_OK);
    assert_null(before);
    expect_visit(registry, "one:0:;");
    assert_int_equal(registry_note(registry, "one", REGISTRY_UNAVAILABLE, "x"), ST_OK);
    assert_true(registry_remove(registry, one));
    model_drop(one);
    expect_visit(registry, "");
}

static void without_memory_a_model_stays(void **state)
{
    struct fixture *f = *state;
    struct model *one = new_model("one"), *before;

    assert_int_equal(registry_new(&f->daemon.registry), ST_OK);
    assert_int_equal(registry_put(f->daemon.registry, one, &before), ST_OK);
    fault_at(0);
    assert_int_equal(registry_park(f->daemon.registry, one, "unloaded"), ST_NOMEM);
    fault_at(0);
    assert_int_equal(registry_note(f->daemon.registry, "two", REGISTRY_LOADING, ""),
                     ST_NOMEM);
    fault_off();
    expect_visit(f->daemon.registry, "one:0:;");
}

static void expect_read(struct fixture *f, const char *name, enum model_origin origin,
                        size_t n_inputs)
{
    enum model_origin found;
    struct network *net;

    assert_int_equal(registry_read(&f->daemon, name, &net, &found, f->why), ST_OK);
    assert_int_equal(found, origin);
    assert_string_equal(net->name, name);
    assert_int_equal(network_inputs(net), n_inputs);
    network_free(net);
}

/* In the order of a start; a file is found by its network's name. */
static void a_network_is_read_again(void **state)
{
    struct fixture *f = *state;
    enum model_origin origin;
    struct network *net;

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
    assert_int_equal(mkdir(scratch_path(&f->scratch, "state"), 0750), 0);
    assert_int_equal(mkdir(scratch_path(&f->scratch, "state/models"), 0750), 0);
    put_file(f, "state/models/mnist.sbnn", "mnist");
    expect_read(f, "mnist", MODEL_UPLOADED, 4);

    assert_int_equal(registry_read(&f->daemon, "none", &net, &origin, f->why),
                     ST_NOT_FOUND);
    /* One that has the name is not passed over. */
    assert_int_equal(registry_read(&f->daemon, "c", &net, &origin, f->why), ST_FORMAT);
    assert_non_null(strstr(f->why, "c.sbnn"));
}

static void there_is_room_for_so_many(void **state)
{
    struct fixture *f = *state;
    struct model *before, *one_more = new_model("one more");

    assert_int_equal(registry_new(&f->daemon.registry), ST_OK);
    for (unsigned i = 0; i < REGISTRY_MAX; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "m%u", i);
        assert_int_equal(registry_put(f->daemon.registry, new_model(name), &before),
                         ST_OK);
    }
    assert_int_equal(registry_put(f->daemon.registry, one_more, &before), ST_RANGE);
    model_drop(one_more);
    assert_int_equal(n_models(f), REGISTRY_MAX);
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

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(the_built_in_models_are_served),
        FRESH(models_of_the_folder_come_in_order_of_their_files),
        FRESH(a_file_takes_the_place_of_a_built_in_model),
        FRESH(two_files_of_one_name_are_refused),
        FRESH(an_uploaded_model_takes_the_place_of_both),
        FRESH(models_come_and_go),
        FRESH(names_are_known_after_their_models_have_gone),
        FRESH(without_memory_a_model_stays),
        FRESH(a_network_is_read_again),
        FRESH(there_is_room_for_so_many),
        FRESH(other_files_are_no_models),
        FRESH(a_broken_file_is_named),
        FRESH(a_folder_that_is_not_there_is_named),
        FRESH(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
