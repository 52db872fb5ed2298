/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/onnx_contract.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct onnx_contract contract;

static enum status set(const char *name, const char *value)
{
    char why[ERR_LEN] = "";
    enum status st = onnx_contract_set(&contract, name, value, why);

    /* It names the member, the value and what would be right. */
    if (st == ST_RANGE) {
        assert_memory_equal(why, name, strlen(name));
        assert_non_null(strstr(why, " is not "));
    }
    return st;
}

static int begin(void **state)
{
    (void)state;
    onnx_contract_init(&contract);
    return 0;
}

static int end(void **state)
{
    (void)state;
    onnx_contract_done(&contract);
    return 0;
}

static void every_member_has_its_values(void **state)
{
    (void)state;
    static const struct {
        const char *name, *good, *bad;
    } table[] = {
        { "layout", "nhwc", "NHWC" }, { "range", "0..1", "0..2" },
        { "mean", "1,2,3", "1,2" },   { "std", "0.5", "0" },
        { "channels", "bgr", "brg" }, { "height", "4096", "4097" },
        { "width", "1", "0" },        { "resize", "256", "-1" },
        { "crop", "true", "1" },      { "labels", "a", NULL },
        { "ties", "down", "Down" },   { "assume_sign", "true", "yes" },
    };
    size_t n = sizeof(table) / sizeof(table[0]);

    for (size_t i = 0; i < n; i++) {
        assert_string_equal(onnx_contract_members[i].name, table[i].name);
        assert_int_equal(set(table[i].name, table[i].good), ST_OK);
        if (table[i].bad != NULL)
            assert_int_equal(set(table[i].name, table[i].bad), ST_RANGE);
    }
    assert_null(onnx_contract_members[n].name);
    assert_int_equal(set("colour", "rgb"), ST_NOT_FOUND);
    /* What was refused changed nothing. */
    const struct onnx_options *o = &contract.options;
    assert_int_equal(o->layout, ONNX_LAYOUT_NHWC);
    assert_int_equal(o->range, ONNX_RANGE_1);
    assert_true(o->mean_given && o->std_given && o->crop && o->ties_down);
    assert_true(o->mean[0] == 1.0F && o->mean[1] == 2.0F && o->mean[2] == 3.0F);
    assert_true(o->std[0] == 0.5F && o->std[1] == 0.5F && o->std[2] == 0.5F);
    assert_int_equal(o->colour, ONNX_COLOUR_BGR);
    assert_int_equal(o->height, 4096);
    assert_int_equal(o->width, 1);
    assert_int_equal(o->resize, 256);
    assert_true(o->assume_sign);
}

static void a_factor_is_a_range(void **state)
{
    (void)state;
    assert_int_equal(set("range", "-0.0078125"), ST_OK);
    assert_int_equal(contract.options.range, ONNX_RANGE_SCALE);
    assert_true(contract.options.scale == -0.0078125F);
    for (const char *const *bad =
             (const char *const[]) { "", "0", "nan", "inf", "1e99", "1x", "1 ", NULL };
         *bad != NULL; bad++)
        assert_int_equal(set("range", *bad), ST_RANGE);
    assert_int_equal(contract.options.range, ONNX_RANGE_SCALE);
}

static void labels_are_cut_at_commas(void **state)
{
    (void)state;
    assert_int_equal(set("labels", "first"), ST_OK);
    assert_int_equal(set("labels", "a,,b c,"), ST_OK); /* the last one counts */
    static const char *const expected[] = { "a", "", "b c", "" };
    assert_int_equal(contract.options.n_labels, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(contract.options.labels[i], expected[i]);

    char *many = malloc(ONNX_CONTRACT_MAX_LABELS + 1);
    assert_non_null(many);
    memset(many, ',', ONNX_CONTRACT_MAX_LABELS);
    many[ONNX_CONTRACT_MAX_LABELS] = '\0';
    assert_int_equal(set("labels", many), ST_RANGE);
    many[ONNX_CONTRACT_MAX_LABELS - 1] = '\0';
    assert_int_equal(set("labels", many), ST_OK);
    assert_int_equal(contract.options.n_labels, ONNX_CONTRACT_MAX_LABELS);
    free(many);
}

static void labels_without_memory_are_those_before(void **state)
{
    (void)state;
    enum status st = ST_NOMEM;

    assert_int_equal(set("labels", "a,b"), ST_OK);
    for (unsigned nth = 0; st == ST_NOMEM; nth++) {
        assert_int_equal(contract.options.n_labels, 2);
        assert_string_equal(contract.options.labels[1], "b");
        fault_at(nth);
        st = set("labels", "c,d,e");
        (void)fault_off();
    }
    assert_int_equal(st, ST_OK);
    assert_int_equal(contract.options.n_labels, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_member_has_its_values, begin, end),
        cmocka_unit_test_setup_teardown(a_factor_is_a_range, begin, end),
        cmocka_unit_test_setup_teardown(labels_are_cut_at_commas, begin, end),
        cmocka_unit_test_setup_teardown(labels_without_memory_are_those_before, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
