/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry.h"

#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int make(void **state)
{
    return registry_new((struct registry **)state) == ST_OK ? 0 : -1;
}

static int unmake(void **state)
{
    registry_free(*state);
    return 0;
}

static struct model *new_model(const char *name, uint32_t version,
                               enum model_origin origin)
{
    const struct sbnn_shape shape = {
        name, { 2, 2, 1, NETWORK_BINARY, .threshold = 9 }, 1, { 3 }
    };
    struct device device = device_default();
    struct network *net = sbnn_random(&shape, 1);
    struct model *model = NULL;

    net->version = version;
    assert_int_equal(model_new(net, origin, "x", &device, &model), ST_OK);
    return model;
}

/* Adds one, of which the registry alone has a reference then. */
static void add(struct registry *registry, const char *name, uint32_t version,
                size_t keep)
{
    struct model *model = new_model(name, version, MODEL_UPLOADED);

    assert_int_equal(registry_add(registry, model, keep), ST_OK);
    model_drop(model);
}

static void write_list(struct model *const *models, size_t n, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(ret_text);

        (void)snprintf(ret_text + len, size - len, "%s:%u ", models[i]->net->name,
                       models[i]->net->version);
    }
}

static void expect_list(struct registry *registry, const char *wanted)
{
    struct model *models[REGISTRY_MAX];
    size_t n = registry_list(registry, models);
    char text[256];

    write_list(models, n, text, sizeof(text));
    registry_drop_list(models, n);
    assert_string_equal(text, wanted);
}

static void set(struct registry *registry, struct model *const *models, size_t n,
                const char *wanted_gone)
{
    struct model *gone[REGISTRY_VERSIONS];
    char text[256];
    size_t n_gone;

    assert_int_equal(registry_set(registry, "one", models, n, gone, &n_gone), ST_OK);
    write_list(gone, n_gone, text, sizeof(text));
    registry_drop_list(gone, n_gone);
    assert_string_equal(text, wanted_gone);
}

static void the_versions_of_a_name_change_together(void **state)
{
    struct registry *registry = *state;
    struct model *first = new_model("one", 1, MODEL_UPLOADED),
                 *second = new_model("one", 2, MODEL_UPLOADED),
                 *again = new_model("one", 2, MODEL_UPLOADED);

    set(registry, (struct model *[]) { first }, 1, "");
    struct model *held = registry_take(registry, "one");
    assert_ptr_equal(held, first);
    model_drop(held);
    set(registry, (struct model *[]) { second, first }, 2, "");
    set(registry, (struct model *[]) { second, first }, 2, "");
    expect_list(registry, "one:2 one:1 ");
    /* One that is loaded again goes although its version stays. */
    set(registry, (struct model *[]) { again, first }, 2, "one:2 ");
    assert_null(registry_take_id(registry, second->id));
    held = registry_take_id(registry, again->id);
    assert_ptr_equal(held, again);
    model_drop(held);
    set(registry, (struct model *[]) { again }, 1, "one:1 ");
    set(registry, NULL, 0, "one:2 ");
    expect_list(registry, "");
    /* The references are ours alone. */
    assert_int_equal(atomic_load(&first->refs), 1);
    assert_int_equal(atomic_load(&again->refs), 1);
    model_drop(first);
    model_drop(second);
    model_drop(again);
}

static void expect_taken(struct registry *registry, const char *name, uint32_t version,
                         uint32_t wanted)
{
    struct model *model = registry_take_version(registry, name, version);

    assert_int_equal(model != NULL ? model->net->version : 0, wanted);
    model_drop(model);
}

static void without_a_version_the_highest_is_meant(void **state)
{
    struct registry *registry = *state;

    add(registry, "two", 3, 9);
    add(registry, "one", 7, 9);
    add(registry, "one", 12, 9);
    add(registry, "one", 5, 9);
    expect_list(registry, "two:3 one:12 one:7 one:5 ");
    expect_taken(registry, "one", 0, 12);
    expect_taken(registry, "one", 7, 7);
    expect_taken(registry, "one", 5, 5);
    expect_taken(registry, "one", 3, 0);
    expect_taken(registry, "two", 0, 3);
    expect_taken(registry, "nobody", 0, 0);
    expect_taken(registry, "", 0, 0);
}

static void the_highest_so_many_are_kept(void **state)
{
    struct registry *registry = *state;

    for (uint32_t version = 1; version <= 4; version++)
        add(registry, "one", version, 2);
    expect_list(registry, "one:4 one:3 ");
    add(registry, "one", 2, 2); /* too low by now */
    expect_list(registry, "one:4 one:3 ");
    add(registry, "one", 3, 2); /* in place of itself */
    expect_list(registry, "one:4 one:3 ");
    add(registry, "one", 5, 1);
    expect_list(registry, "one:5 ");
}

/* Lanes have memory of their own for each slot. */
static void slots_are_one_model_s_at_a_time(void **state)
{
    struct registry *registry = *state;
    struct model *models[REGISTRY_MAX];
    bool taken[8] = { false };

    add(registry, "one", 1, 3);
    add(registry, "two", 1, 3);
    add(registry, "one", 2, 3);
    add(registry, "two", 2, 1);
    add(registry, "three", 1, 1);
    size_t n = registry_list(registry, models);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_true(models[i]->slot < 4); /* the one that is free is taken again */
        assert_false(taken[models[i]->slot]);
        taken[models[i]->slot] = true;
    }
    registry_drop_list(models, n);
}

static void built_in_models_come_first(void **state)
{
    static const struct {
        const char *name;
        enum model_origin origin;
    } all[] = { { "sent", MODEL_UPLOADED },
                { "of-folder", MODEL_FOLDER },
                { "built-in", MODEL_BUILTIN },
                { "built-in-too", MODEL_BUILTIN } };
    struct registry *registry = *state;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct model *model = new_model(all[i].name, 1, all[i].origin);

        assert_int_equal(registry_add(registry, model, 1), ST_OK);
        model_drop(model);
    }
    expect_list(registry, "built-in:1 built-in-too:1 of-folder:1 sent:1 ");
}

/* What a visit shows, as "NAME:VERSION:STATE:REASON;...". */
static void write_visit(void *ctx, const char *name, uint32_t version,
                        enum registry_state state, const char *reason)
{
    char *text = ctx;
    size_t len = strlen(text);

    (void)snprintf(text + len, 256 - len, "%s:%u:%d:%s;", name, version, (int)state,
                   reason);
}

static void expect_visit(struct registry *registry, const char *wanted)
{
    char text[256] = "";

    registry_visit(registry, write_visit, text);
    assert_string_equal(text, wanted);
}

static enum status park(struct registry *registry, const char *name)
{
    struct model *gone[REGISTRY_VERSIONS];
    size_t n_gone = 0;
    enum status st = registry_park(registry, name, "unloaded", gone, &n_gone);

    registry_drop_list(gone, n_gone);
    return st;
}

/* The state that is told of a version that is not served. */
static enum registry_state look(struct registry *registry, const char *name,
                                uint32_t version)
{
    struct registry_note note;

    assert_null(registry_look(registry, name, version, &note));
    return note.state;
}

static void versions_are_known_after_they_have_gone(void **state)
{
    struct registry *registry = *state;

    add(registry, "one", 1, 2);
    add(registry, "one", 3, 2);
    expect_visit(registry, "one:3:0:;one:1:0:;");
    struct registry_note note;
    struct model *found = registry_look(registry, "one", 1, &note);
    assert_non_null(found);
    assert_int_equal(found->net->version, 1);
    model_drop(found);
    assert_int_equal(look(registry, "one", 2), REGISTRY_READY);
    assert_int_equal(look(registry, "two", 0), REGISTRY_UNKNOWN);

    /* Of one that is served a note is why it could not be loaded again. */
    assert_int_equal(registry_note(registry, "one", 4, REGISTRY_UNAVAILABLE, "broken"),
                     ST_OK);
    expect_visit(registry, "one:3:0:broken;one:1:0:broken;");

    assert_int_equal(park(registry, "one"), ST_OK);
    assert_null(registry_take(registry, "one"));
    assert_null(registry_look(registry, "one", 3, &note));
    assert_int_equal(note.state, REGISTRY_UNAVAILABLE);
    assert_string_equal(note.reason, "unloaded");
    expect_visit(registry, "one:3:2:unloaded;one:1:2:unloaded;");
    assert_int_equal(registry_note(registry, "one", 4, REGISTRY_LOADING, ""), ST_OK);
    expect_visit(registry, "one:3:1:;one:1:1:;");

    /* A name whose versions are set has no note. */
    add(registry, "one", 4, 2);
    expect_visit(registry, "one:4:0:;");

    /* Of a name that is not known it is said which version will come. */
    assert_int_equal(registry_note(registry, "two", 9, REGISTRY_UNAVAILABLE, "x"), ST_OK);
    expect_visit(registry, "one:4:0:;two:9:2:x;");
}

static void without_memory_a_model_stays(void **state)
{
    struct registry *registry = *state;

    add(registry, "one", 1, 1);
    fault_at(0);
    assert_int_equal(park(registry, "one"), ST_NOMEM);
    fault_at(0);
    assert_int_equal(registry_note(registry, "two", 1, REGISTRY_LOADING, ""), ST_NOMEM);
    fault_off();
    expect_visit(registry, "one:1:0:;");
}

static void there_is_room_for_so_many(void **state)
{
    struct registry *registry = *state;
    struct model *one_more = new_model("one more", 1, MODEL_UPLOADED),
                 *another = new_model("m0", 2, MODEL_UPLOADED);
    struct model *models[REGISTRY_MAX];

    for (unsigned i = 0; i < REGISTRY_MAX; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "m%u", i);
        add(registry, name, 1, 1);
    }
    assert_int_equal(registry_add(registry, one_more, 1), ST_RANGE);
    assert_int_equal(registry_add(registry, another, 2), ST_RANGE);
    assert_int_equal(registry_add(registry, another, 1), ST_OK); /* in place of m0:1 */
    model_drop(one_more);
    model_drop(another);
    size_t n = registry_list(registry, models);
    assert_int_equal(n, REGISTRY_MAX);
    assert_string_equal(models[0]->net->name, "m0");
    assert_int_equal(models[0]->net->version, 2);
    registry_drop_list(models, n);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make, unmake)
    const struct CMUnitTest tests[] = {
        FRESH(the_versions_of_a_name_change_together),
        FRESH(without_a_version_the_highest_is_meant),
        FRESH(the_highest_so_many_are_kept),
        FRESH(slots_are_one_model_s_at_a_time),
        FRESH(built_in_models_come_first),
        FRESH(versions_are_known_after_they_have_gone),
        FRESH(without_memory_a_model_stays),
        FRESH(there_is_room_for_so_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
