/* SPDX-License-Identifier: Apache-2.0 */
#include "api/device_config_json.h"

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
static const struct mram_defects no_defects;
static struct problem problem;

#define CSV      "direction,error_rate\nboth,1e-3\n"
#define CSV_JSON "\"direction,error_rate\\nboth,1e-3\\n\""

static enum status parse(const char *body, struct device_request *ret_request)
{
    return device_config_parse(body, strlen(body), &net, ret_request, &problem);
}

static struct device_request parsed(const char *body)
{
    struct device_request request;

    if (parse(body, &request) != ST_OK)
        fail_msg("%s: %s", body, problem.detail);
    return request;
}

static void a_preset_is_taken_by_name(void **state)
{
    struct device_request request =
        parsed("{\"new_array\":true,\"preset\":\"retention\"}");
    const struct device_preset *preset = device_preset("retention");

    (void)state;
    assert_true(request.new_array && request.has_device);
    assert_string_equal(request.device.name, "retention");
    assert_int_equal(request.device.kind, DEVICE_MTJ);
    assert_true(request.device.params.anisotropy_t == preset->params.anisotropy_t);
    assert_true(request.defects.share[0] == 0.0);
    device_request_done(&request);
}

static void parameters_change_a_preset(void **state)
{
    struct device_request request = parsed(
        "{\"preset\":\"retention\",\"parameters\":{\"diameter_nm\":50,\"tmr\":null}}");
    const struct device_preset *preset = device_preset("retention");

    (void)state;
    assert_false(request.new_array);
    assert_string_equal(request.device.name, "custom");
    assert_true(request.device.params.diameter_m == 50e-9);
    assert_true(request.device.params.anisotropy_t == preset->params.anisotropy_t);
    device_request_done(&request);

    request = parsed("{\"parameters\":{\"diameter_nm\":50},\"name\":\"wide \xC3\xA9\"}");
    assert_string_equal(request.device.name, "wide \xC3\xA9");
    device_request_done(&request);

    /* What comes to a preset is that preset. */
    request = parsed("{\"parameters\":{\"diameter_nm\":40}}");
    assert_string_equal(request.device.name, "default");
    device_request_done(&request);
}

static void without_a_device_the_present_one_stays(void **state)
{
    struct device_request request =
        parsed("{\"new_array\":true,\"preset\":null,\"defects\":{\"stuck_ap\":0.01}}");

    (void)state;
    assert_false(request.has_device);
    assert_true(request.defects.share[MRAM_STUCK_AP] == 0.01);
    assert_int_equal(request.defects.n_listed, 0);
    device_request_done(&request);
}

static void a_table_is_taken(void **state)
{
    struct device_request request = parsed("{\"table_csv\":" CSV_JSON "}");

    (void)state;
    assert_int_equal(request.device.kind, DEVICE_TABLE);
    assert_int_equal(device_table_rows(request.device.table), 1);
    assert_string_equal(request.device.name, "table");
    device_request_done(&request);

    request = parsed("{\"name\":\"fefet\",\"table_csv\":" CSV_JSON "}");
    assert_string_equal(request.device.name, "fefet");
    device_request_done(&request);
    assert_null(request.device.table);
}

static void a_table_may_be_the_whole_body(void **state)
{
    struct device_request request;

    (void)state;
    assert_int_equal(
        device_config_parse_csv(CSV, sizeof(CSV) - 1, "fefet", true, &request, &problem),
        ST_OK);
    assert_true(request.new_array && request.has_device);
    assert_string_equal(request.device.name, "fefet");
    device_request_done(&request);

    assert_int_equal(
        device_config_parse_csv(CSV, sizeof(CSV) - 1, NULL, false, &request, &problem),
        ST_OK);
    assert_string_equal(request.device.name, "table");
    device_request_done(&request);

    assert_int_not_equal(
        device_config_parse_csv(CSV, sizeof(CSV) - 1, "", true, &request, &problem),
        ST_OK);
    assert_string_equal(problem.errors[0].pointer, "/name");
    assert_null(request.device.table);
    device_request_done(&request);

    assert_int_not_equal(
        device_config_parse_csv("direction", 9, NULL, true, &request, &problem), ST_OK);
    assert_int_equal(problem.status, 422);
    assert_string_equal(problem.errors[0].pointer, "");
    assert_false(request.has_device);
    device_request_done(&request);
}

static void defects_are_read(void **state)
{
    struct device_request request = parsed(
        "{\"defects\":{\"stuck_p\":0.1,\"stuck_ap\":0.2,\"shorted\":0.2,\"cells\":["
        "{\"layer\":\"fc2\",\"row\":9,\"column\":19,\"kind\":\"shorted\",\"partner\":"
        "true},"
        "{\"layer\":\"fc1\",\"row\":0,\"column\":1,\"kind\":\"stuck_ap\"}]}}");
    const struct mram_defect *listed = request.defects.listed;

    (void)state;
    assert_true(request.defects.share[MRAM_STUCK_P] == 0.1);
    assert_true(request.defects.share[MRAM_SHORTED] == 0.2);
    assert_int_equal(request.defects.n_listed, 2);
    assert_true(listed[0].layer == 1 && listed[0].row == 9 && listed[0].column == 19);
    assert_true(listed[0].partner && listed[0].kind == MRAM_SHORTED);
    assert_true(listed[1].layer == 0 && listed[1].row == 0 && listed[1].column == 1);
    assert_true(!listed[1].partner && listed[1].kind == MRAM_STUCK_AP);
    device_request_done(&request);
    assert_null(request.defects.listed);
}

static void a_patch_of_the_operating_point_is_kept_for_later(void **state)
{
    struct device_request request = parsed(
        "{\"preset\":\"default\",\"operating_point\":{\"pulse_ns\":0.3,\"mode\":\"x\"}}");
    json_t *patch = json_loads(request.point_patch, 0, NULL);

    (void)state;
    assert_true(json_number_value(json_at(patch, "pulse_ns")) == 0.3);
    expect_text(patch, "mode", "x");
    json_decref(patch);
    device_request_done(&request);
    assert_null(request.point_patch);

    request = parsed("{\"preset\":\"default\",\"operating_point\":null}");
    assert_null(request.point_patch);
    device_request_done(&request);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct refusal cases[] = {
        { "", 400, NULL, "empty" },
        { "{\"preset\":", 400, NULL, "invalid JSON" },
        { "[]", 400, NULL, "found a list" },
        { "{\"new_array\":\"yes\"}", 422, "/new_array", "true or false, found \"yes\"" },
        { "{\"presets\":\"default\"}", 422, "/presets", "did you mean preset?" },
        { "{\"preset\":\"retentoin\"}", 422, "/preset", "did you mean retention?" },
        { "{\"preset\":\"xyzzy\"}", 422, "/preset", "there is no preset \"xyzzy\"" },
        { "{\"preset\":1}", 422, "/preset", "expected a text, found 1" },
        { "{\"parameters\":[]}", 422, "/parameters", "expected an object" },
        { "{\"parameters\":{\"diameter\":40}}", 422, "/parameters/diameter",
          "did you mean diameter_nm?" },
        { "{\"parameters\":{\"diameter_nm\":\"40\"}}", 422, "/parameters/diameter_nm",
          "found \"40\"" },
        { "{\"parameters\":{\"diameter_nm\":121}}", 422, "/parameters/diameter_nm",
          "121 is outside 15 .. 120" },
        { "{\"parameters\":{\"free_layer_nm\":0}}", 422, "/parameters/free_layer_nm",
          "0 is outside 0 (excluded) .. 10" },
        { "{\"name\":\"x\"}", 422, "/name", "goes with a preset" },
        { "{\"preset\":\"default\",\"name\":\"\"}", 422, "/name", "1..63 bytes" },
        { "{\"preset\":\"default\",\"name\":\"a\\nb\"}", 422, "/name", "in one line" },
        { "{\"preset\":\"default\",\"name\":5}", 422, "/name", "found 5" },
        { "{\"preset\":\"default\",\"name\":\"retention\"}", 422, "/name",
          "name of a preset that this device is not" },
        { "{\"table_csv\":" CSV_JSON ",\"preset\":\"default\"}", 422, "/table_csv",
          "together with preset" },
        { "{\"table_csv\":" CSV_JSON ",\"parameters\":{}}", 422, "/table_csv",
          "together with parameters" },
        { "{\"table_csv\":" CSV_JSON ",\"name\":\"default\"}", 422, "/name",
          "name of a preset" },
        { "{\"table_csv\":7}", 422, "/table_csv", "expected a text, found 7" },
        { "{\"table_csv\":\"direction,error_rate\\nboth,0\\n\"}", 422, "/table_csv",
          "2" },
        { "{\"operating_point\":[]}", 422, "/operating_point", "found a list" },
        { "{\"defects\":1}", 422, "/defects", "expected an object, found 1" },
        { "{\"defects\":{\"stuck\":0}}", 422, "/defects/stuck", "did you mean stuck_p?" },
        { "{\"defects\":{\"stuck_p\":0.6}}", 422, "/defects/stuck_p",
          "0.6 is outside 0 .. 0.5" },
        { "{\"defects\":{\"stuck_p\":0.3,\"stuck_ap\":0.3}}", 422, "/defects",
          "add up to 0.6, above 0.5" },
        { "{\"defects\":{\"cells\":{}}}", 422, "/defects/cells", "expected a list" },
        { "{\"defects\":{\"cells\":[1]}}", 422, "/defects/cells/0",
          "expected an object" },
        { "{\"defects\":{\"cells\":[{\"layer\":\"fc1\",\"row\":20,\"column\":0,"
          "\"kind\":\"stuck_p\"}]}}",
          422, "/defects/cells/0/row", "0..19, found 20" },
        { "{\"defects\":{\"cells\":[{\"layer\":\"fc1\",\"row\":0,\"column\":0}]}}", 422,
          "/defects/cells/0/kind", "is missing" },
        { "{\"defects\":{\"cells\":[{\"layer\":\"fc1\",\"row\":0,\"column\":0,"
          "\"kind\":\"open\"}]}}",
          422, "/defects/cells/0/kind", "or \"shorted\", found \"open\"" },
        { "{\"defects\":{\"cells\":[{\"layer\":\"fc1\",\"row\":0,\"column\":0,"
          "\"kind\":\"stuck_p\",\"partner\":1}]}}",
          422, "/defects/cells/0/partner", "true or false" },
        { "{\"defects\":{\"cells\":[{\"layer\":\"fc1\",\"row\":0,\"column\":0,"
          "\"kind\":\"stuck_p\",\"colum\":1}]}}",
          422, "/defects/cells/0/colum", "mean column?" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct device_request request;

        expect_refusal(&cases[i], parse(cases[i].body, &request), &problem);
        device_request_done(&request);
    }
}

static void every_violation_is_told(void **state)
{
    struct device_request request;

    (void)state;
    assert_int_not_equal(
        parse("{\"new_array\":1,\"preset\":\"x\",\"parameters\":{\"tmr\":-1,\"y\":0},"
              "\"name\":\"\",\"defects\":{\"shorted\":true}}",
              &request),
        ST_OK);
    assert_int_equal(problem.n_errors, 6);
    assert_string_equal(problem.errors[0].pointer, "/new_array");
    assert_string_equal(problem.errors[1].pointer, "/preset");
    assert_string_equal(problem.errors[2].pointer, "/parameters/tmr");
    assert_string_equal(problem.errors[3].pointer, "/parameters/y");
    assert_string_equal(problem.errors[4].pointer, "/name");
    assert_string_equal(problem.errors[5].pointer, "/defects/shorted");
    device_request_done(&request);
}

static void the_ends_of_every_range_are_taken(void **state)
{
    size_t n;
    const struct device_field *fields = device_fields(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (unsigned end = fields[i].above ? 1 : 0; end < 2; end++) {
            char body[200];
            struct device_request request;

            (void)snprintf(body, sizeof(body), "{\"parameters\":{\"%s\":%.17g}}",
                           fields[i].name, end == 0 ? fields[i].min : fields[i].max);
            request = parsed(body);
            device_request_done(&request);
        }
    }
}

static void failed_allocations_are_503s(void **state)
{
    static const char body[] = "{\"table_csv\":" CSV_JSON
                               ",\"defects\":{\"cells\":[{\"layer\":\"fc1\",\"row\":0,"
                               "\"column\":0,\"kind\":\"stuck_p\"}]}}";
    enum status st = ST_NOMEM;
    unsigned failed = 0;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct device_request request;

        fault_at(nth); /* ours: jansson's are not seen here */
        st = parse(body, &request);
        fault_off();
        device_request_done(&request);
        if (st != ST_OK) {
            assert_int_equal(st, ST_NOMEM);
            assert_int_equal(problem.status, 503);
            failed++;
        }
    }
    assert_true(failed >= 2);
}

/* -- Answers -- */

static json_t *written(const struct device *device, const struct mram_defects *defects)
{
    const struct device_view view = { "mnist", &net, device, defects };
    struct buf buf = BUF_INIT;

    device_config_write(&buf, &view);
    return json_of(&buf);
}

static void a_junction_shows_parameters_and_what_follows(void **state)
{
    struct mram_defect listed[] = { { 1, 2, 3, true, MRAM_SHORTED } };
    const struct mram_defects defects = { { 0.1, 0.0, 0.25 }, 1, listed };
    struct device device = device_default();
    json_t *root = written(&device, &defects);
    struct mtj mtj;
    char why[ERR_LEN];
    size_t n;

    (void)state;
    (void)device_fields(&n);
    assert_int_equal(mtj_init(&device.params, 300.0, &mtj, why), ST_OK);
    expect_text(root, "model", "mnist");
    expect_text(root, "version", "17");
    expect_text(root, "device", "default");
    expect_text(root, "kind", "mtj");
    expect_size(root, "parameters", n);
    /* As one would write them. */
    assert_true(json_number_value(json_at(root, "parameters/diameter_nm")) == 40.0);
    assert_true(json_number_value(json_at(root, "parameters/ra_ohm_um2")) == 7.5);
    expect_number(root, "derived/delta", mtj.delta);
    expect_number(root, "derived/critical_current_ua", mtj.critical_a * 1e6);
    expect_number(root, "derived/critical_voltage_v", mtj.critical_v);
    expect_number(root, "derived/parallel_ohm", mtj.parallel_ohm);
    expect_number(root, "derived/tmr", mtj.tmr);
    expect_number(root, "derived/damping_ns", mtj.damping_s * 1e9);
    expect_null(root, "table");
    expect_number(root, "defects/stuck_p", 0.1);
    expect_number(root, "defects/shorted", 0.25);
    expect_size(root, "defects/cells", 1);
    expect_text(root, "defects/cells/0/layer", "fc2");
    expect_number(root, "defects/cells/0/column", 3);
    expect_flag(root, "defects/cells/0/partner", true);
    expect_text(root, "defects/cells/0/kind", "shorted");
    json_decref(root);
}

static void an_unstable_junction_has_no_derived_figures(void **state)
{
    struct device device = device_default();

    (void)state;
    device.params.diameter_m = 15e-9;
    device.params.anisotropy_t = 0.05;
    json_t *root = written(&device, &no_defects);
    expect_null(root, "derived");
    json_decref(root);
}

static void a_table_shows_its_rows(void **state)
{
    struct device_request request = parsed("{\"table_csv\":" CSV_JSON "}");
    json_t *root = written(&request.device, &no_defects);
    struct device_table *again;
    char why[ERR_LEN];

    (void)state;
    expect_text(root, "kind", "table");
    expect_null(root, "parameters");
    expect_null(root, "derived");
    expect_number(root, "table/rows", 1);
    expect_text(root, "table/remarks", device_table_remarks(request.device.table));
    const char *csv = json_string_value(json_at(root, "table/csv"));
    assert_int_equal(device_table_parse(csv, strlen(csv), &again, why), ST_OK);
    assert_true(device_table_same(request.device.table, again));
    device_table_free(again);
    json_decref(root);
    device_request_done(&request);
}

static void what_is_shown_can_be_put_back(void **state)
{
    struct device device = device_default();
    struct device_request request;
    char body[4000];
    size_t n;
    const struct device_preset *presets = device_presets(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        device.params = presets[i].params;
        json_t *root = written(&device, &no_defects);
        char *params = json_dumps(json_at(root, "parameters"), JSON_REAL_PRECISION(17));

        (void)snprintf(body, sizeof(body), "{\"parameters\":%s}", params);
        request = parsed(body);
        assert_true(device_same(&request.device, &device));
        assert_string_equal(request.device.name, presets[i].name);
        device_request_done(&request);
        free(params);
        json_decref(root);
    }
}

static void presets_come_with_the_fields(void **state)
{
    struct buf buf = BUF_INIT;
    size_t n_presets, n_fields;

    (void)state;
    (void)device_presets(&n_presets);
    (void)device_fields(&n_fields);
    device_config_write_presets(&buf);
    json_t *root = json_of(&buf);
    expect_size(root, "presets", n_presets);
    expect_size(root, "fields", n_fields);
    expect_text(root, "presets/0/name", "default");
    expect_size(root, "presets/0/parameters", n_fields);
    expect_text(root, "fields/0/name", "diameter_nm");
    expect_text(root, "fields/0/unit", "nm");
    expect_number(root, "fields/0/min", 15);
    expect_number(root, "fields/0/max", 120);
    expect_flag(root, "fields/0/min_excluded", false);
    assert_true(strlen(json_string_value(json_at(root, "presets/0/source"))) > 0);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_preset_is_taken_by_name),
        cmocka_unit_test(parameters_change_a_preset),
        cmocka_unit_test(without_a_device_the_present_one_stays),
        cmocka_unit_test(a_table_is_taken),
        cmocka_unit_test(a_table_may_be_the_whole_body),
        cmocka_unit_test(defects_are_read),
        cmocka_unit_test(a_patch_of_the_operating_point_is_kept_for_later),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(every_violation_is_told),
        cmocka_unit_test(the_ends_of_every_range_are_taken),
        cmocka_unit_test(failed_allocations_are_503s),
        cmocka_unit_test(a_junction_shows_parameters_and_what_follows),
        cmocka_unit_test(an_unstable_junction_has_no_derived_figures),
        cmocka_unit_test(a_table_shows_its_rows),
        cmocka_unit_test(what_is_shown_can_be_put_back),
        cmocka_unit_test(presets_come_with_the_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
