/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conditions.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define N_LAYERS 4

static struct device device;

static int make_device(void **state)
{
    (void)state;
    device = device_default();
    return 0;
}

static struct conditions *resolved_from(const struct operating_points *points)
{
    struct conditions *conditions = NULL;
    const char *field;
    char why[ERR_LEN];
    size_t layer;

    if (conditions_new(points, &device, NULL, &conditions, &layer, &field, why) != ST_OK)
        fail_msg("layer %zu, %s: %s", layer, field, why);
    return conditions;
}

static void set_temperature(struct operating_points *points, size_t layer, double kelvin)
{
    points->layers[layer].set |= OPERATING_TEMPERATURE;
    points->layers[layer].op.temperature_k = kelvin;
}

static void set_pulse(struct operating_points *points, size_t layer, double pulse_ns)
{
    points->layers[layer].set |= OPERATING_PULSE;
    points->layers[layer].op.has_pulse = true;
    points->layers[layer].op.pulse_ns = pulse_ns;
}

/* -- Layers that ask for the same -- */

static void layers_that_inherit_share_one_table(void **state)
{
    struct operating_points points = operating_points_default(N_LAYERS);
    struct conditions *conditions = resolved_from(&points);

    (void)state;
    for (size_t l = 0; l < N_LAYERS; l++) {
        assert_ptr_equal(conditions->resolved[l], conditions->resolved[0]);
        assert_true(conditions->read[l].pair_pj == conditions->read[0].pair_pj);
    }
    conditions_drop(conditions);
}

static void a_layer_of_its_own_has_its_own_and_those_like_it_share_it(void **state)
{
    struct operating_points points = operating_points_default(N_LAYERS);

    (void)state;
    set_temperature(&points, 1, 358.0);
    set_temperature(&points, 3, 358.0);
    /* States what it would inherit anyhow. */
    set_temperature(&points, 2, points.base.temperature_k);
    struct conditions *conditions = resolved_from(&points);
    assert_ptr_equal(conditions->resolved[2], conditions->resolved[0]);
    assert_ptr_equal(conditions->resolved[3], conditions->resolved[1]);
    assert_ptr_not_equal(conditions->resolved[1], conditions->resolved[0]);
    assert_true(conditions->resolved[1]->pulse.temperature_k == 358.0);
    assert_true(conditions->resolved[0]->pulse.temperature_k == 300.0);
    /* A warm junction reads more easily: less resistance in AP. */
    assert_true(conditions->read[1].cell_pj[MTJ_AP2P] >
                conditions->read[0].cell_pj[MTJ_AP2P]);
    assert_true(conditions->read[3].cell_pj[MTJ_AP2P] ==
                conditions->read[1].cell_pj[MTJ_AP2P]);
    conditions_drop(conditions); /* once each; the address sanitizer looks */
}

/* A mark shows what was taken over: nobody would compute it. */
static void what_was_resolved_before_is_taken_over_from_the_same_device(void **state)
{
    static const double mark_s = 12345.0;
    struct operating_points points = operating_points_default(N_LAYERS);
    struct operating_points few = operating_points_default(1);
    struct device other = device;
    struct conditions *before = resolved_from(&few), *after = NULL;
    struct operating_point_resolved marked = *before->resolved[0];
    const char *field;
    char why[ERR_LEN];
    size_t layer;

    (void)state;
    marked.pulse.pulse_s = mark_s;
    memcpy((void *)(uintptr_t)before->resolved[0], &marked, sizeof(marked));
    set_temperature(&points, 1, 358.0);
    assert_int_equal(
        conditions_new(&points, &device, before, &after, &layer, &field, why), ST_OK);
    assert_memory_equal(after->resolved[0], &marked, sizeof(marked));
    assert_memory_equal(&after->read[0], &before->read[0], sizeof(before->read[0]));
    assert_true(after->resolved[1]->pulse.pulse_s < 1e-6);
    conditions_drop(after);

    other.params = device_preset("retention")->params;
    assert_int_equal(conditions_new(&points, &other, before, &after, &layer, &field, why),
                     ST_OK);
    assert_true(after->resolved[0]->pulse.pulse_s < 1e-6);
    conditions_drop(after);
    conditions_drop(before);
}

static void the_base_is_the_first_layer_that_states_nothing(void **state)
{
    struct operating_points points = operating_points_default(N_LAYERS);
    struct conditions *conditions;

    (void)state;
    set_pulse(&points, 0, 10.0);
    set_pulse(&points, 1, 20.0);
    conditions = resolved_from(&points);
    assert_int_equal(conditions_base_layer(conditions), 2);
    conditions_drop(conditions);
    set_pulse(&points, 2, 30.0);
    set_pulse(&points, 3, 40.0);
    conditions = resolved_from(&points);
    assert_int_equal(conditions_base_layer(conditions), 0);
    conditions_drop(conditions);
}

/* -- Reads that wear -- */

static void reads_wear_only_where_it_was_asked_for(void **state)
{
    struct operating_points points = operating_points_default(N_LAYERS);
    struct device_flips flips;

    (void)state;
    set_temperature(&points, 1, 398.0);
    struct conditions *conditions = resolved_from(&points);
    for (size_t l = 0; l < N_LAYERS; l++)
        assert_true(conditions->disturb[l] == 0.0);
    conditions_drop(conditions);

    points.base.read_disturb = true;
    conditions = resolved_from(&points);
    for (size_t l = 0; l < N_LAYERS; l++) {
        device_read_disturb(&device, 1.0, l == 1 ? 398.0 : 300.0, &flips);
        assert_true(conditions->disturb[l] == flips.mean[MTJ_P2AP]);
    }
    /* core/README.md: 9.3e-14 a read at 300 K, 8.1e-8 at 398 K. */
    assert_true(conditions->disturb[0] > 8e-14 && conditions->disturb[0] < 1.1e-13);
    assert_true(conditions->disturb[1] > 7e-8 && conditions->disturb[1] < 9e-8);
    conditions_drop(conditions);
}

/* -- Is it the same? -- */

static void they_know_what_they_were_resolved_from(void **state)
{
    struct operating_points points = operating_points_default(N_LAYERS), other = points;
    struct conditions *conditions = resolved_from(&points);
    struct device renamed = device, changed = device;

    (void)state;
    assert_true(conditions_are(conditions, &points, &device));
    set_pulse(&other, 3, 10.0);
    assert_false(conditions_are(conditions, &other, &device));
    other = points;
    other.base.seed++;
    assert_false(conditions_are(conditions, &other, &device));
    other = points;
    other.base.read_disturb = true;
    assert_false(conditions_are(conditions, &other, &device));
    strcpy(renamed.name, "another");
    assert_false(conditions_are(conditions, &points, &renamed));
    changed.params = device_preset("retention")->params;
    assert_false(conditions_are(conditions, &points, &changed));
    conditions_drop(conditions);
}

static void the_last_to_drop_frees_them(void **state)
{
    struct operating_points points = operating_points_default(1);
    struct conditions *conditions = resolved_from(&points);

    (void)state;
    assert_ptr_equal(conditions_keep(conditions), conditions);
    assert_int_equal(atomic_load(&conditions->refs), 2);
    conditions_drop(conditions);
    assert_int_equal(atomic_load(&conditions->refs), 1);
    assert_true(conditions_are(conditions, &points, &device));
    conditions_drop(conditions);
    conditions_drop(NULL);
}

/* The device is a copy: its owner may change it or let it go. */
static void the_device_is_theirs(void **state)
{
    struct operating_points points = operating_points_default(1);
    struct device passing = device_default();
    struct conditions *conditions = NULL;
    const char *field;
    char why[ERR_LEN];
    size_t layer;

    (void)state;
    assert_int_equal(
        conditions_new(&points, &passing, NULL, &conditions, &layer, &field, why), ST_OK);
    memset(&passing, 0xff, sizeof(passing));
    assert_true(conditions_are(conditions, &points, &device));
    conditions_drop(conditions);
}

/* -- What cannot be -- */

static void what_cannot_be_resolved_names_the_layer(void **state)
{
    (void)state;
    for (size_t bad = 0; bad < N_LAYERS; bad++) {
        struct operating_points points = operating_points_default(N_LAYERS);
        struct conditions *conditions = NULL;
        const char *field = "";
        char why[ERR_LEN] = "";
        size_t layer = 99;

        /* Cold and short: no voltage reaches 1e-9. */
        set_temperature(&points, bad, 200.0);
        set_pulse(&points, bad, 0.5);
        assert_int_equal(
            conditions_new(&points, &device, NULL, &conditions, &layer, &field, why),
            ST_UNREACHABLE);
        assert_null(conditions);
        assert_int_equal(layer, bad);
        assert_string_equal(field, "target_write_error_rate");

        set_pulse(&points, bad, -1.0);
        assert_int_equal(
            conditions_new(&points, &device, NULL, &conditions, &layer, &field, why),
            ST_RANGE);
        assert_null(conditions);
        assert_int_equal(layer, bad);
        assert_string_equal(field, "pulse_ns");
        assert_non_null(strstr(why, "-1"));
    }
}

static void memory_that_is_not_there_is_told(void **state)
{
    struct operating_points points = operating_points_default(N_LAYERS);
    enum status st = ST_NOMEM;
    unsigned n_failed = 0;

    (void)state;
    set_temperature(&points, 1, 358.0);
    set_pulse(&points, 2, 10.0);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct conditions *conditions = NULL;
        const char *field = NULL;
        char why[ERR_LEN] = "";
        size_t layer;

        fault_at(nth);
        st = conditions_new(&points, &device, NULL, &conditions, &layer, &field, why);
        fault_off();
        if (st != ST_OK) {
            assert_int_equal(st, ST_NOMEM);
            assert_null(conditions);
            assert_non_null(strstr(why, "memory"));
            assert_non_null(field);
            n_failed++;
        }
        conditions_drop(conditions);
    }
    assert_true(n_failed >= 4); /* themselves, and three tables */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_that_inherit_share_one_table),
        cmocka_unit_test(a_layer_of_its_own_has_its_own_and_those_like_it_share_it),
        cmocka_unit_test(what_was_resolved_before_is_taken_over_from_the_same_device),
        cmocka_unit_test(the_base_is_the_first_layer_that_states_nothing),
        cmocka_unit_test(reads_wear_only_where_it_was_asked_for),
        cmocka_unit_test(they_know_what_they_were_resolved_from),
        cmocka_unit_test(the_last_to_drop_frees_them),
        cmocka_unit_test(the_device_is_theirs),
        cmocka_unit_test(what_cannot_be_resolved_names_the_layer),
        cmocka_unit_test(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, make_device, NULL);
}
