/* SPDX-License-Identifier: Apache-2.0 */
#include "api/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define METRICS "text/plain; version=0.0.4; charset=utf-8"
static const char *const json[] = { "application/json", NULL };
static const char *const both[] = { "application/json", "text/csv; charset=utf-8", NULL };
static const char *const metrics[] = { METRICS, NULL };
static const char *const page[] = { "text/html; charset=utf-8", NULL };

static void assert_wants(const char *accept, const char *const *types, const char *type)
{
    const char *found = accept_choose(accept, types);

    if (type == NULL && found != NULL)
        fail_msg("\"%s\" wants %s", accept, found);
    if (type != NULL && (found == NULL || strcmp(found, type) != 0))
        fail_msg("\"%s\" does not want %s", accept, type);
}

static void what_is_named_or_covered_is_wanted(void **state)
{
    static const char *const wanting[] = {
        "*/*",
        "application/json",
        "Application/JSON",
        "application/*",
        "text/html, application/json",
        " text/html\t,  application/json ; q=0.1 ,",
        ",,application/json",
        "application/json;q=0.001",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
        "application/json, text/plain, */*",
        "*/*;q=0.1",
    };
    static const char *const not_wanting[] = {
        "text/html",
        "text/*",
        "application/jsonp",
        "application/jso",
        "application/json;q=0",
        "application/json;q=0.000",
        "*/*;q=0",
        "application/*, application/json;q=0",
        "application/json;q=0, */*",
        "application/*;q=0, */*",
        "application/problem+json",
        "text/html;level=1;q=0.5",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wanting) / sizeof(wanting[0]); i++)
        assert_wants(wanting[i], json, "application/json");
    for (size_t i = 0; i < sizeof(not_wanting) / sizeof(not_wanting[0]); i++)
        assert_wants(not_wanting[i], json, NULL);
}

static void of_two_the_heavier_is_wanted_and_the_first_of_equals(void **state)
{
    (void)state;
    assert_wants("*/*", both, both[0]);
    assert_wants("text/csv, application/json", both, both[0]);
    assert_wants("text/csv", both, both[1]);
    assert_wants("text/csv, */*;q=0.9", both, both[1]);
    assert_wants("text/csv, */*", both, both[0]);
    assert_wants("text/*, application/json;q=0.9", both, both[1]);
    assert_wants("text/csv;q=0.5, application/json;q=0.50001", both, both[0]);
    assert_wants("text/csv;q=0.501, application/json;q=0.5", both, both[1]);
    assert_wants("application/json;q=0, */*;q=0.1", both, both[1]);
    assert_wants("text/csv;q=0, */*;q=0.1", both, both[0]);
    assert_wants("image/png", both, NULL);
}

/* What scrapers and clients really send. */
static void scrapers_and_clients_get_what_there_is(void **state)
{
    (void)state;
    assert_wants("application/openmetrics-text;version=1.0.0;q=0.5,"
                 "application/openmetrics-text;version=0.0.1;q=0.4,"
                 "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                 metrics, METRICS);
    assert_wants("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                 "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
                 "text/plain;version=0.0.4;q=0.2",
                 metrics, METRICS);
    assert_wants("text/plain;version=0.0.4", metrics, METRICS);
    assert_wants("text/plain; charset=\"UTF-8\"", metrics, METRICS);
    assert_wants("text/plain", metrics, METRICS);
    assert_wants("text/plain;version=1.0.0", metrics, NULL);
    assert_wants("application/openmetrics-text;version=1.0.0", metrics, NULL);
    /* Java's own. */
    assert_wants("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", json, json[0]);
    assert_wants("application/json; charset=utf-8", json, json[0]);
    assert_wants("application/json;odata=verbose", json, json[0]);
    assert_wants("text/html,application/xhtml+xml,*/*;q=0.8", page, page[0]);
}

static void the_range_that_says_most_decides(void **state)
{
    (void)state;
    assert_wants("text/plain;version=0.0.4;q=0, text/plain, */*", metrics, NULL);
    assert_wants("text/plain;version=0.0.4, text/plain;q=0, */*;q=0", metrics, METRICS);
    assert_wants("text/plain;version=0.0.4;charset=utf-8;q=0, text/plain;version=0.0.4",
                 metrics, NULL);
    /* A parameter that we do not name says less than the type alone. */
    assert_wants("application/json;profile=x;q=0, application/json", json, json[0]);
    assert_wants("application/json;profile=x, application/json;q=0", json, NULL);
    assert_wants("application/json;profile=x;q=0, */*", json, NULL);
}

static void what_is_malformed_is_not_there(void **state)
{
    static const char *const nothing[] = {
        "",
        " ",
        ",,,",
        "/",
        "json",
        "*/json",
        "text/",
        "/html",
        "a b",
        "text/html;q",
        "text/html;q=",
        "text/html;q=x",
        "text/html;q=1.0.0",
        "text/html;q=-1",
        "text/html;q=.",
        "text/html;=",
        "a/b;c=\"",
        "a/b;c=\"\\",
        "a/b c/d",
        "\"",
        "a/b;c=\"x\" y",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        assert_wants(nothing[i], both, both[0]);
    /* But the rest is. */
    assert_wants("json, text/csv", both, both[1]);
    assert_wants("application/json;q=x, text/csv;q=0.1", both, both[1]);
    assert_wants("a/b;c=\"d,e\\\", application/json\", text/csv", both, both[1]);
    assert_wants("text/csv;;q=0.4; ;, application/json;q=0.3", both, both[1]);
    assert_wants("text/csv;q=0.4;ext=\"a,b\", application/json;q=0.3", both, both[1]);
    assert_wants("text/csv;q=7, application/json;q=0.9", both, both[1]);
    assert_wants("text/html, image/png;q=x", both, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_named_or_covered_is_wanted),
        cmocka_unit_test(of_two_the_heavier_is_wanted_and_the_first_of_equals),
        cmocka_unit_test(scrapers_and_clients_get_what_there_is),
        cmocka_unit_test(the_range_that_says_most_decides),
        cmocka_unit_test(what_is_malformed_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
