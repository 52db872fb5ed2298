/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model.h"

#include "daemon/cells.h"
#include "tests/lib/fault.h"
#include "tests/lib/sbnn_writer.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define N_LANES 3

static struct network *small_network(void)
{
    const struct sbnn_shape shape = {
        "small", { 2, 3, 1, NETWORK_BINARY, .threshold = 128 }, 2, { 9, 3 }
    };

    return sbnn_random(&shape, 1);
}

static int make_model(void **state)
{
    struct device device = device_default();

    return model_new(small_network(), MODEL_FOLDER, "/some/where", &device,
                     (struct model **)state) == ST_OK
               ? 0
               : -1;
}

static int free_model(void **state)
{
    model_drop(*state);
    return 0;
}

static struct generation *new_generation(struct model *model, uint64_t number)
{
    struct generation *generation = NULL;

    assert_int_equal(generation_new(model, N_LANES, &generation), ST_OK);
    generation->number = number;
    return generation;
}

static void a_model_knows_where_its_array_is_kept(void **state)
{
    const struct model *model = *state;

    assert_string_equal(model->image_path, "/some/where/arrays/small.array");
    assert_string_equal(model->file_path, "/some/where/models/small.sbnn");
    assert_int_equal(model->origin, MODEL_FOLDER);
    assert_string_equal(model->net->name, "small");
    assert_string_equal(model->device.name, "default");
}

static void without_a_generation_there_is_nothing_to_take(void **state)
{
    assert_null(generation_take(*state));
    generation_drop(NULL);
    model_publish(*state, NULL);
    assert_null(generation_take(*state));
}

static void who_took_a_generation_keeps_it_after_the_swap(void **state)
{
    struct model *model = *state;

    model_publish(model, new_generation(model, 1));
    struct generation *old = generation_take(model);
    assert_int_equal(old->number, 1);
    assert_int_equal(atomic_load(&old->refs), 2);
    model_publish(model, new_generation(model, 2));
    assert_int_equal(atomic_load(&old->refs), 1);
    tally_answer(&old->tallies[N_LANES - 1], 1, 1, 1, 10);
    assert_int_equal(old->number, 1);
    struct generation *now = generation_take(model);
    assert_int_equal(now->number, 2);
    generation_drop(now);
    generation_drop(old); /* frees it; the address sanitizer looks */
}

static void tallies_of_all_lanes_are_summed(void **state)
{
    struct generation *generation = new_generation(*state, 1);

    for (unsigned lane = 0; lane < N_LANES; lane++)
        tally_answer(&generation->tallies[lane], lane + 1, 1, 0, 10);
    struct tally_sum sum = generation_tally(generation);
    assert_int_equal(sum.requests, 3);
    assert_int_equal(sum.images, 6);
    generation_drop(generation);
}

/* Cells that are wrong are not yet weights that are: a code may mend them. */
static void wrong_bits_are_the_weights_delivered_wrong(void **state)
{
    struct generation *generation = new_generation(*state, 1);

    generation->total = (struct mram_state) {
        .weights = 81, .cells = 90, .errors = { 50, 7 }, .wrong = { 5, 7 }
    };
    assert_int_equal(generation_wrong_bits(generation), 12);
    struct classify_memory memory = generation_memory(generation);
    assert_int_equal(memory.weights, 81);
    assert_int_equal(memory.cells, 90);
    assert_int_equal(memory.wrong_bits, 12);
    generation_drop(generation);
}

/* A generation of conditions, which go with the last of those that share them. */
static void generations_share_their_conditions(void **state)
{
    struct operating_points points = operating_points_default(2);
    struct device device = device_default();
    struct conditions *conditions = NULL;
    struct generation *first = new_generation(*state, 1),
                      *second = new_generation(*state, 2);
    const char *field;
    char why[ERR_LEN];
    size_t layer;

    assert_int_equal(
        conditions_new(&points, &device, NULL, &conditions, &layer, &field, why), ST_OK);
    first->conditions = conditions;
    second->conditions = conditions_keep(conditions);
    generation_drop(first);
    assert_int_equal(atomic_load(&conditions->refs), 1);
    generation_drop(second); /* frees both; the address sanitizer looks */
}

/* The weights of the file, whatever the array holds. */
static void wanted_are_the_weights_of_the_network(void **state)
{
    const struct model *model = *state;
    const uint64_t *wanted[NETWORK_MAX_LAYERS];

    cells_wanted(model->net, wanted);
    for (size_t l = 0; l < model->net->n_layers; l++)
        assert_ptr_equal(wanted[l], model->net->layers[l].weights);
}

static void the_cost_follows_what_is_measured(void **state)
{
    struct model *model = *state;

    model_cost_update(model, 64000, 64);
    assert_int_equal(atomic_load(&model->ns_per_picture), 1000);
    /* One slow request changes little, many change all. */
    model_cost_update(model, 100000, 1);
    assert_in_range(atomic_load(&model->ns_per_picture), 1000, 8000);
    for (int i = 0; i < 200; i++)
        model_cost_update(model, 100000, 1);
    assert_in_range(atomic_load(&model->ns_per_picture), 99000, 101000);
    for (int i = 0; i < 300; i++)
        model_cost_update(model, 2000, 2);
    assert_in_range(atomic_load(&model->ns_per_picture), 900, 1100);
}

/* -- Threads -- */

struct taker {
    struct model *model;
    unsigned lane;
    uint64_t taken, last;
    bool back;
};

static atomic_bool stop;

static void *take_and_drop(void *arg)
{
    struct taker *self = arg;

    while (!atomic_load(&stop)) {
        struct generation *generation = generation_take(self->model);

        /* Numbers only grow. */
        self->back = self->back || generation->number < self->last;
        self->last = generation->number;
        tally_answer(&generation->tallies[self->lane], 1, 0, 0, 1);
        self->taken++;
        generation_drop(generation);
    }
    return NULL;
}

static void swaps_under_load_lose_nobody(void **state)
{
    struct model *model = *state;
    struct taker takers[N_LANES];
    pthread_t threads[N_LANES];
    struct generation *kept[200];
    uint64_t taken = 0, counted = 0;

    atomic_store(&stop, false);
    kept[0] = new_generation(model, 1);
    generation_keep(kept[0]);
    model_publish(model, kept[0]);
    for (unsigned i = 0; i < N_LANES; i++) {
        takers[i] = (struct taker) { .model = model, .lane = i };
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_drop, &takers[i]), 0);
    }
    for (unsigned i = 1; i < 200; i++) {
        kept[i] = new_generation(model, i + 1);
        generation_keep(kept[i]);
        model_publish(model, kept[i]);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < N_LANES; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(takers[i].back);
        taken += takers[i].taken;
    }
    for (unsigned i = 0; i < 200; i++) {
        counted += generation_tally(kept[i]).requests;
        assert_int_equal(atomic_load(&kept[i]->refs), i == 199 ? 2 : 1);
        generation_drop(kept[i]);
    }
    assert_int_equal(counted, taken);
}

/* -- Memory -- */

static void memory_that_is_not_there_is_told(void **state)
{
    enum status st = ST_NOMEM;

    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct network *net = small_network();
        struct model *model = NULL;

        struct device device = device_default();

        fault_at(nth);
        st = model_new(net, MODEL_FOLDER, "x", &device, &model);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && model == NULL));
        model_drop(model);
    }
    st = ST_NOMEM;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct generation *generation = NULL;

        fault_at(nth);
        st = generation_new(*state, N_LANES, &generation);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && generation == NULL));
        generation_drop(generation);
    }
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, make_model, free_model)
    const struct CMUnitTest tests[] = {
        FRESH(a_model_knows_where_its_array_is_kept),
        FRESH(without_a_generation_there_is_nothing_to_take),
        FRESH(who_took_a_generation_keeps_it_after_the_swap),
        FRESH(tallies_of_all_lanes_are_summed),
        FRESH(wrong_bits_are_the_weights_delivered_wrong),
        FRESH(generations_share_their_conditions),
        FRESH(wanted_are_the_weights_of_the_network),
        FRESH(the_cost_follows_what_is_measured),
        FRESH(swaps_under_load_lose_nobody),
        FRESH(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
