/* SPDX-License-Identifier: Apache-2.0 */
#include "api/array_json.h"

#include "tests/lib/fault.h"
#include "tests/lib/json_at.h"
#include "tests/lib/refusal.h"

#include <stdio.h>

static char first_name[] = "fc1", last_name[] = "fc2";
static struct network_layer layers[] = {
    { .name = first_name, .n_in = 100, .n_out = 20 },
    { .name = last_name, .n_in = 20, .n_out = 10 },
};
static const struct network net = { .n_layers = 2, .layers = layers, .version = 17 };
static struct problem problem;

/* -- Bodies -- */

static void nothing_to_say_is_nothing_or_an_empty_object(void **state)
{
    static const struct refusal cases[] = {
        { " ", 400, NULL, "empty" },
        { "[]", 400, NULL, "found a list" },
        { "{\"mode\":1}", 422, "/mode", "unknown member" },
    };

    (void)state;
    assert_int_equal(array_json_parse_empty("", 0, &problem), ST_OK);
    assert_int_equal(array_json_parse_empty(NULL, 0, &problem), ST_OK);
    assert_int_equal(array_json_parse_empty("{ }", 3, &problem), ST_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refusal(
            &cases[i],
            array_json_parse_empty(cases[i].body, strlen(cases[i].body), &problem),
            &problem);
}

/* All that an age asks of a device is its kind. */
static const struct device junction = { .kind = DEVICE_MTJ };
static const struct device measured = { .kind = DEVICE_TABLE };

static void an_age_is_read(void **state)
{
    static const char hot[] = "{\"seconds\":1e12,\"temperature_k\":450}";
    static const char plain[] = "{\"seconds\":0,\"temperature_k\":null}";
    struct array_age age;

    (void)state;
    assert_int_equal(
        array_json_parse_age(hot, sizeof(hot) - 1, &junction, &age, &problem), ST_OK);
    assert_true(age.seconds == 1e12 && age.has_temperature && age.temperature_k == 450.0);
    assert_int_equal(
        array_json_parse_age(plain, sizeof(plain) - 1, &junction, &age, &problem), ST_OK);
    assert_true(age.seconds == 0.0);
    assert_false(age.has_temperature);
}

static void a_table_is_left_alone_where_it_may_be_measured(void **state)
{
    static const char cold[] = "{\"seconds\":1,\"temperature_k\":77}";
    static const struct refusal below = { "{\"seconds\":1,\"temperature_k\":0.5}", 422,
                                          "/temperature_k", "0.5 is outside 1 .. 1000" };
    struct array_age age;

    (void)state;
    assert_int_equal(
        array_json_parse_age(cold, sizeof(cold) - 1, &measured, &age, &problem), ST_OK);
    assert_true(age.has_temperature && age.temperature_k == 77.0);
    enum status st =
        array_json_parse_age(below.body, strlen(below.body), &measured, &age, &problem);
    expect_refusal(&below, st, &problem);
}

static void a_wrong_age_is_refused(void **state)
{
    static const struct refusal cases[] = {
        { "", 400, NULL, "empty" },
        { "{\"seconds\":", 400, NULL, "invalid JSON" },
        { "{}", 422, "/seconds", "is missing" },
        { "{\"seconds\":null}", 422, "/seconds", "expected a number, found null" },
        { "{\"seconds\":\"1\"}", 422, "/seconds", "found \"1\"" },
        { "{\"seconds\":-1}", 422, "/seconds", "-1 is outside 0 .. 1e+12" },
        { "{\"seconds\":1.1e12}", 422, "/seconds", "outside" },
        { "{\"seconds\":1,\"temperature_k\":199}", 422, "/temperature_k",
          "199 is outside 200 .. 450" },
        { "{\"seconds\":1,\"temprature_k\":300}", 422, "/temprature_k",
          "did you mean temperature_k?" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct array_age age = { .seconds = 7.0 };
        enum status st = array_json_parse_age(cases[i].body, strlen(cases[i].body),
                                              &junction, &age, &problem);

        expect_refusal(&cases[i], st, &problem);
        assert_true(age.seconds == 7.0);
    }
}

static enum status parse_inject(const char *body, struct array_inject *ret_inject)
{
    return array_json_parse_inject(body, strlen(body), &net, ret_inject, &problem);
}

static void faults_are_read(void **state)
{
    struct array_inject inject;

    (void)state;
    assert_int_equal(
        parse_inject("{\"bits\":[{\"layer\":\"fc1\",\"row\":19,\"column\":99},"
                     "{\"column\":0,\"row\":0,\"layer\":\"fc2\"}],\"share\":0.5,"
                     "\"seed\":9007199254740991}",
                     &inject),
        ST_OK);
    assert_int_equal(inject.n_places, 2);
    assert_int_equal(inject.places[0].layer, 0);
    assert_int_equal(inject.places[0].row, 19);
    assert_int_equal(inject.places[0].column, 99);
    assert_int_equal(inject.places[1].layer, 1);
    assert_true(inject.has_share && inject.share == 0.5);
    assert_true(inject.seed == 9007199254740991);
    array_inject_done(&inject);
    assert_null(inject.places);

    assert_int_equal(parse_inject("{\"share\":1}", &inject), ST_OK);
    assert_int_equal(inject.n_places, 0);
    assert_true(inject.seed == 1);
    array_inject_done(&inject);
}

static void wrong_faults_are_refused(void **state)
{
    static const struct refusal cases[] = {
        { "[1]", 400, NULL, "found a list" },
        { "{}", 422, "", "expected bits, a share, or both" },
        { "{\"bits\":null}", 422, "", "expected bits" },
        { "{\"bits\":{}}", 422, "/bits", "expected a list, found an object" },
        { "{\"bits\":[]}", 422, "/bits", "1..65536 bits, found 0" },
        { "{\"bits\":[7]}", 422, "/bits/0", "expected an object, found 7" },
        { "{\"bits\":[{\"row\":0,\"column\":0}]}", 422, "/bits/0/layer", "is missing" },
        { "{\"bits\":[{\"layer\":1,\"row\":0,\"column\":0}]}", 422, "/bits/0/layer",
          "expected a layer's name, found 1" },
        { "{\"bits\":[{\"layer\":\"fc3\",\"row\":0,\"column\":0}]}", 422, "/bits/0/layer",
          "no such layer; did you mean fc1?" },
        { "{\"bits\":[{\"layer\":\"conv\",\"row\":0,\"column\":0}]}", 422,
          "/bits/0/layer", "has no layer \"conv\"" },
        { "{\"bits\":[{\"layer\":\"fc2\",\"row\":10,\"column\":0}]}", 422, "/bits/0/row",
          "an integer 0..9, found 10" },
        { "{\"bits\":[{\"layer\":\"fc2\",\"row\":0,\"column\":20}]}", 422,
          "/bits/0/column", "an integer 0..19, found 20" },
        { "{\"bits\":[{\"layer\":\"fc2\",\"row\":-1,\"column\":0}]}", 422, "/bits/0/row",
          "found -1" },
        { "{\"bits\":[{\"layer\":\"fc2\",\"row\":0.5,\"column\":0}]}", 422, "/bits/0/row",
          "found 0.5" },
        { "{\"bits\":[{\"layer\":\"fc2\",\"row\":0}]}", 422, "/bits/0/column",
          "missing" },
        { "{\"bits\":[{\"layer\":\"fc2\",\"row\":0,\"column\":0,\"col\":0}]}", 422,
          "/bits/0/col", "mean column?" },
        { "{\"share\":1.01}", 422, "/share", "1.01 is outside 0 .. 1" },
        { "{\"share\":-0.01}", 422, "/share", "outside" },
        { "{\"share\":\"all\"}", 422, "/share", "found \"all\"" },
        { "{\"share\":0,\"seed\":-1}", 422, "/seed", "found -1" },
        { "{\"share\":0,\"seed\":9007199254740992}", 422, "/seed", "found" },
        { "{\"bits\":[{\"layer\":\"fc2\",\"row\":0,\"column\":0}],\"seed\":1}", 422,
          "/seed", "goes with a share" },
        { "{\"share\":0,\"shares\":0}", 422, "/shares", "mean share?" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct array_inject inject;

        expect_refusal(&cases[i], parse_inject(cases[i].body, &inject), &problem);
        array_inject_done(&inject);
    }
}

static void every_violation_is_told(void **state)
{
    struct array_inject inject;

    (void)state;
    assert_int_not_equal(
        parse_inject("{\"bits\":[{\"layer\":\"x\",\"row\":-1,\"column\":\"0\"},3],"
                     "\"share\":2,\"seed\":0.5,\"sed\":1}",
                     &inject),
        ST_OK);
    assert_int_equal(problem.n_errors, 7);
    assert_string_equal(problem.errors[0].pointer, "/bits/0/layer");
    assert_string_equal(problem.errors[1].pointer, "/bits/0/row");
    assert_string_equal(problem.errors[2].pointer, "/bits/0/column");
    assert_string_equal(problem.errors[3].pointer, "/bits/1");
    assert_string_equal(problem.errors[4].pointer, "/share");
    assert_string_equal(problem.errors[5].pointer, "/seed");
    assert_string_equal(problem.errors[6].pointer, "/sed");
    array_inject_done(&inject);
}

static void there_is_a_most_of_bits(void **state)
{
    struct network_layer large = { .name = first_name, .n_in = 100, .n_out = 1000 };
    const struct network large_net = { .n_layers = 1, .layers = &large };
    char *body = malloc((ARRAY_JSON_MAX_PLACES + 1) * 64);

    (void)state;
    assert_non_null(body);
    for (size_t n = ARRAY_JSON_MAX_PLACES; n <= ARRAY_JSON_MAX_PLACES + 1; n++) {
        size_t at = (size_t)sprintf(body, "{\"bits\":[");
        struct array_inject inject;

        for (size_t i = 0; i < n; i++)
            at += (size_t)sprintf(body + at,
                                  "{\"layer\":\"fc1\",\"row\":%zu,\"column\":%zu},",
                                  i / 100, i % 100);
        strcpy(body + at - 1, "]}");
        assert_int_equal(
            array_json_parse_inject(body, strlen(body), &large_net, &inject, &problem),
            n == ARRAY_JSON_MAX_PLACES ? ST_OK : ST_RANGE);
        array_inject_done(&inject);
    }
    free(body);
}

/* Flipped twice it would be as it was. */
static void a_bit_is_named_once(void **state)
{
    struct array_inject inject;

    (void)state;
    assert_int_equal(parse_inject("{\"bits\":[{\"layer\":\"fc1\",\"row\":3,\"column\":4},"
                                  "{\"layer\":\"fc1\",\"row\":4,\"column\":3},"
                                  "{\"layer\":\"fc1\",\"row\":3,\"column\":4}]}",
                                  &inject),
                     ST_CONFLICT);
    assert_int_equal(problem.n_errors, 1);
    assert_string_equal(problem.errors[0].pointer, "/bits/2");
    assert_non_null(strstr(problem.errors[0].detail, "/bits/0"));
    array_inject_done(&inject);
}

static void a_failed_allocation_is_a_503(void **state)
{
    struct array_inject inject;

    (void)state;
    fault_at(0); /* ours: jansson's are not seen here */
    assert_int_equal(
        parse_inject("{\"bits\":[{\"layer\":\"fc1\",\"row\":0,\"column\":0}]}", &inject),
        ST_NOMEM);
    fault_off();
    assert_int_equal(problem.status, 503);
    array_inject_done(&inject);
}

/* -- Answers -- */

static const struct mram_state before[] = {
    { .weights = 2000, .cells = 2000, .errors = { 1, 0 }, .wrong = { 1, 0 } },
    { .weights = 200, .cells = 400, .errors = { 2, 2 }, .wrong = { 0, 1 } },
};
static const struct mram_state after[] = {
    { .weights = 2000, .cells = 2000, .errors = { 5, 6 }, .wrong = { 5, 6 } },
    { .weights = 200, .cells = 400, .equal_pairs = 3, .wrong = { 0, 0 } },
};
static struct operating_points points;

static struct array_view view(void)
{
    points = operating_points_default(2);
    points.layers[1].set = OPERATING_CELL;
    points.layers[1].op.pairs = true;
    return (struct array_view) {
        .model = "mnist",
        .net = &net,
        .points = &points,
        .generation = 7,
        .before = before,
        .states = after,
        .durable = true,
    };
}

static void expect_change(json_t *root, const char *cause)
{
    expect_text(root, "model", "mnist");
    expect_text(root, "version", "17");
    expect_number(root, "generation", 7);
    expect_text(root, "cause", cause);
    expect_number(root, "before/wrong_bits", 2);
    expect_number(root, "before/cell_errors", 5);
    expect_number(root, "result/wrong_bits", 11);
    expect_number(root, "result/bit_error_rate", 0.005);
    expect_number(root, "result/equal_pairs", 3);
    expect_size(root, "result/layers", 2);
    expect_text(root, "result/layers/1/name", "fc2");
    expect_null(root, "result/layers/0/equal_pairs");
    expect_number(root, "result/layers/0/wrong_bits", 11);
    expect_flag(root, "durable", true);
}

static void a_scrub_tells_what_it_restored_and_cost(void **state)
{
    static const struct mram_result results[] = {
        { .toggles = { 1, 2 }, .holds = { 900, 800 }, .energy = { .hold_pj = 100.0 } },
        { .toggles = { 3, 4 }, .failures = 1, .energy = { .toggle_pj = 2.5 } },
    };
    const struct array_scrubbed scrubbed = { results, 4 };
    struct array_view of = view();
    struct buf buf = BUF_INIT;

    (void)state;
    array_json_write_scrub(&buf, &of, &scrubbed);
    json_t *root = json_of(&buf);
    expect_change(root, "scrub");
    expect_number(root, "restored_cells", 4);
    expect_number(root, "energy_pj", 102.5);
    expect_number(root, "energy/total_pj", 102.5);
    expect_counts(root, "result/toggles", 4, 6);
    expect_number(root, "result/layers/1/failures", 1);
    expect_number(root, "result/layers/0/energy/hold_pj", 100);
    json_decref(root);

    points.base.mode = MRAM_IID;
    array_json_write_scrub(&buf, &of, &scrubbed);
    root = json_of(&buf);
    expect_null(root, "energy");
    expect_null(root, "energy_pj");
    json_decref(root);
}

static void an_ageing_tells_what_flipped_and_was_expected_to(void **state)
{
    static const struct mram_drifted drifted[] = {
        { { 10, 20 }, { 11.5, 19.0 } },
        { { 1, 2 }, { 1.25, 2.0 } },
    };
    const struct array_aged aged = { 3600.0, 358.15, drifted, 7200.0 };
    struct array_view of = view();
    struct buf buf = BUF_INIT;

    (void)state;
    array_json_write_age(&buf, &of, &aged);
    json_t *root = json_of(&buf);
    expect_change(root, "age");
    expect_number(root, "seconds", 3600);
    expect_number(root, "temperature_k", 358.15);
    expect_number(root, "age_s", 7200);
    expect_number(root, "flipped/from_p", 11);
    expect_number(root, "flipped/from_ap", 22);
    expect_number(root, "expected/from_p", 12.75);
    expect_number(root, "expected/from_ap", 21);
    expect_number(root, "result/layers/1/flipped/from_ap", 2);
    expect_number(root, "result/layers/0/expected/from_p", 11.5);
    json_decref(root);
}

static void an_injection_tells_what_flipped(void **state)
{
    const struct array_injected injected = { 12, 3 };
    struct array_view of = view();
    struct buf buf = BUF_INIT;

    (void)state;
    array_json_write_inject(&buf, &of, &injected);
    json_t *root = json_of(&buf);
    expect_change(root, "inject");
    expect_number(root, "flipped", 12);
    expect_number(root, "stuck", 3);
    json_decref(root);
}

static void a_difference_is_split_and_compared_with_chance(void **state)
{
    static const struct place places[] = { { 0, 3, 4 }, { 0, 5, 6 } };
    const struct array_difference differences[] = {
        { .wrong_a = 100, .wrong_b = 40, .both = 10, .n_places = 2, .places = places },
        { .wrong_a = 20, .wrong_b = 10, .both = 0 },
    };
    const struct array_diff diff = { "mnist", &net, 3, 5, differences };
    struct buf buf = BUF_INIT;

    (void)state;
    array_json_write_diff(&buf, &diff);
    json_t *root = json_of(&buf);
    expect_number(root, "a", 3);
    expect_number(root, "b", 5);
    expect_number(root, "wrong_a", 120);
    expect_number(root, "wrong_b", 50);
    expect_number(root, "both", 10);
    expect_number(root, "only_a", 110);
    expect_number(root, "only_b", 40);
    expect_number(root, "expected_both_if_independent", 3);
    expect_text(root, "layers/0/name", "fc1");
    expect_number(root, "layers/0/expected_both_if_independent", 2);
    expect_size(root, "layers/0/bits", 2);
    expect_number(root, "layers/0/bits/1/column", 6);
    expect_size(root, "layers/1/bits", 0);
    json_decref(root);
}

static void energy_is_in_joules_by_what_it_was_spent_on(void **state)
{
    const struct energy spent[] = {
        { .pj = { [ENERGY_TOGGLE] = 1e12, [ENERGY_READ] = 3e12 } },
        { .pj = { [ENERGY_READ] = 1e12, [ENERGY_COMPUTE] = 5e11 } },
    };
    const struct array_energy energy = {
        .model = "mnist",
        .net = &net,
        .since_s = 0,
        .layers = spent,
        .per_image = { .pj = { [ENERGY_READ] = 20.0,
                               [ENERGY_DECODE] = 4.0,
                               [ENERGY_COMPUTE] = 1.0,
                               [ENERGY_TOGGLE] = 99.0 } },
        .bit_operation_fj = 0.5,
        .threshold_fj = 2.0,
        .logit_fj = 100.0,
    };
    struct buf buf = BUF_INIT;

    (void)state;
    array_json_write_energy(&buf, &energy);
    json_t *root = json_of(&buf);
    expect_text(root, "since", "1970-01-01T00:00:00Z");
    expect_size(root, "joules", ENERGY_KINDS + 1);
    expect_number(root, "joules/toggle", 1);
    expect_number(root, "joules/read", 4);
    expect_number(root, "joules/total", 5.5);
    expect_text(root, "layers/1/name", "fc2");
    expect_number(root, "layers/1/joules/total", 1.5);
    expect_number(root, "per_image_pj/total", 25);
    expect_number(root, "operations/bit_operation_fj", 0.5);
    expect_number(root, "operations/threshold_fj", 2);
    expect_number(root, "operations/logit_fj", 100);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_say_is_nothing_or_an_empty_object),
        cmocka_unit_test(an_age_is_read),
        cmocka_unit_test(a_table_is_left_alone_where_it_may_be_measured),
        cmocka_unit_test(a_wrong_age_is_refused),
        cmocka_unit_test(faults_are_read),
        cmocka_unit_test(wrong_faults_are_refused),
        cmocka_unit_test(every_violation_is_told),
        cmocka_unit_test(there_is_a_most_of_bits),
        cmocka_unit_test(a_bit_is_named_once),
        cmocka_unit_test(a_failed_allocation_is_a_503),
        cmocka_unit_test(a_scrub_tells_what_it_restored_and_cost),
        cmocka_unit_test(an_ageing_tells_what_flipped_and_was_expected_to),
        cmocka_unit_test(an_injection_tells_what_flipped),
        cmocka_unit_test(a_difference_is_split_and_compared_with_chance),
        cmocka_unit_test(energy_is_in_joules_by_what_it_was_spent_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
