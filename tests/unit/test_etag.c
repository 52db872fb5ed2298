/* SPDX-License-Identifier: Apache-2.0 */
#include "api/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_list_names_its_tags(void **state)
{
    (void)state;
    assert_true(etag_matches("\"7\"", "\"7\"", false));
    assert_true(etag_matches("  \"6\" , \"7\",\"8\" ", "\"7\"", false));
    assert_true(etag_matches("\"6\",, \"7\"", "\"7\"", false));
    assert_true(etag_matches("\"a,b\", \"7\"", "\"7\"", false));
    assert_false(etag_matches("\"17\"", "\"7\"", false));
    assert_false(etag_matches("\"7 \"", "\"7\"", false));
    assert_false(etag_matches("\"6, \"7\"", "\"7\"", false));
}

static void a_star_names_any(void **state)
{
    (void)state;
    assert_true(etag_matches("*", "\"7\"", false));
    assert_true(etag_matches(" * ", "\"7\"", true));
    assert_false(etag_matches("*x", "\"7\"", false));
    assert_false(etag_matches("\"6\", *", "\"7\"", false));
}

static void weak_tags_count_only_where_they_may(void **state)
{
    (void)state;
    assert_true(etag_matches("W/\"7\"", "\"7\"", true));
    assert_false(etag_matches("W/\"7\"", "\"7\"", false));
    assert_true(etag_matches("W/\"7\", \"7\"", "\"7\"", false));
    assert_false(etag_matches("w/\"7\"", "\"7\"", true));
}

static void what_is_no_list_names_nothing(void **state)
{
    (void)state;
    assert_false(etag_matches("", "\"7\"", true));
    assert_false(etag_matches("7", "\"7\"", true));
    assert_false(etag_matches("\"7", "\"7\"", true));
    assert_false(etag_matches("W/", "\"7\"", true));
    assert_false(etag_matches("\"6\" \"7\"", "\"7\"", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_names_its_tags),
        cmocka_unit_test(a_star_names_any),
        cmocka_unit_test(weak_tags_count_only_where_they_may),
        cmocka_unit_test(what_is_no_list_names_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
