/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/field.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void paths_lead_to_members_and_what_is_not_there_is_no_error(void **state)
{
    json_t *object = json_loads(
        "{\"a\":{\"b\":{\"c\":1.5}},\"n\":null,\"t\":\"x\",\"f\":true}", 0, NULL);

    (void)state;
    assert_true(field_number(object, "a.b.c") == 1.5);
    assert_string_equal(field_text(object, "t", "-"), "x");
    assert_true(field_true(object, "f"));
    assert_null(field(object, "n"));
    assert_null(field(object, "a.b.c.d"));
    assert_null(field(object, "a.x"));
    assert_null(field(NULL, "a"));
    assert_true(isnan(field_number(object, "t")));
    assert_true(isnan(field_number(object, "n")));
    assert_string_equal(field_text(object, "a", "-"), "-");
    assert_false(field_true(object, "t"));
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_members_and_what_is_not_there_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
