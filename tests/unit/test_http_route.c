/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_route.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct http_route routes[] = {
    { "GET", "/", 0, 0, NULL, NULL, NULL },
    { "GET", "/v2", 0, 0, NULL, NULL, NULL },
    { "GET", "/v2/", 0, 0, NULL, NULL, NULL },
    { "GET", "/models/list", 0, 0, NULL, NULL, NULL },
    { "GET", "/models/{m}", 0, 0, NULL, NULL, NULL },
    { "PUT", "/models/{m}", 10, 0, NULL, NULL, NULL },
    { "POST", "/models/{m}/versions/{v}/infer", 10, 0, NULL, NULL, NULL },
    { "PATCH", "/models/{m}", 10, 0, NULL, NULL, NULL },
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static struct http_route_table *table;

static int set_up(void **state)
{
    char why[ERR_LEN];

    (void)state;
    return http_route_table_new(routes, N_ROUTES, &table, why) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    http_route_table_free(table);
    return 0;
}

/* The route that method and path lead to, or -status. */
static int found(const char *method, const char *text, struct http_route_match *ret_match)
{
    static char copy[512]; /* parameters point into it */
    struct http_route_path path;

    (void)snprintf(copy, sizeof(copy), "%s", text);
    enum status st = http_route_split(copy, &path);
    if (st == ST_OK)
        st = http_route_find(table, method, &path, ret_match);
    return st == ST_OK ? (int)ret_match->route : -(int)st;
}

static void a_path_finds_its_row_and_parameters(void **state)
{
    struct http_route_match match;

    (void)state;
    assert_int_equal(found("GET", "/", &match), 0);
    assert_int_equal(found("GET", "/v2", &match), 1);
    assert_int_equal(found("GET", "/v2/", &match), 2);
    assert_int_equal(found("GET", "/models/list", &match), 3);
    assert_int_equal(match.n_params, 0);
    assert_int_equal(found("GET", "/models/lists", &match), 4);
    assert_string_equal(match.param[0], "lists");
    assert_int_equal(found("PUT", "/models/list", &match), 5);
    assert_int_equal(found("POST", "/models/a/versions/7/infer", &match), 6);
    assert_int_equal(match.n_params, 2);
    assert_string_equal(match.param[0], "a");
    assert_string_equal(match.param[1], "7");
    assert_int_equal(found("HEAD", "/v2", &match), 1);
}

static void what_fits_no_row_is_not_found(void **state)
{
    static const char *const paths[] = { "",
                                         "*",
                                         "models",
                                         "//",
                                         "/models",
                                         "/models/",
                                         "/models//",
                                         "/models/a/",
                                         "/Models/a",
                                         "/v2//",
                                         "/models/a/versions//infer",
                                         "/models/../v2" };
    struct http_route_match match;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(found("GET", paths[i], &match), -ST_NOT_FOUND);
}

static void a_known_path_with_another_method_is_told_apart(void **state)
{
    struct http_route_match match;

    (void)state;
    assert_int_equal(found("POST", "/models/a", &match), -ST_UNSUPPORTED);
    assert_int_equal(found("HEAD", "/models/a/versions/7/infer", &match),
                     -ST_UNSUPPORTED);
    assert_int_equal(found("get", "/v2", &match), -ST_UNSUPPORTED);
}

static void segments_are_decoded_once(void **state)
{
    struct http_route_match match;

    (void)state;
    assert_int_equal(found("GET", "/models/a%20b%25%3f%C3%bc", &match), 4);
    assert_string_equal(match.param[0], "a b%?\xc3\xbc");
    assert_int_equal(found("GET", "/models/%2525", &match), 4);
    assert_string_equal(match.param[0], "%25");
    assert_int_equal(found("GET", "/%6dodels/a+b", &match), 4);
    assert_string_equal(match.param[0], "a+b");
}

static void broken_and_ambiguous_escapes_are_refused(void **state)
{
    static const char *const paths[] = { "/models/%",     "/models/%2",   "/models/%zz",
                                         "/models/a%2Fb", "/models/%2fb", "/models/a%00",
                                         "/models/%0",    "/a/%2/b",      "/%/" };
    struct http_route_match match;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(found("GET", paths[i], &match), -ST_FORMAT);
}

static void deep_paths_are_out_of_range(void **state)
{
    char path[] = "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h";
    struct http_route_path parts;

    (void)state;
    assert_int_equal(http_route_split(path, &parts), ST_RANGE);
    char fits[] = "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g";
    assert_int_equal(http_route_split(fits, &parts), ST_OK);
    assert_int_equal(parts.n, HTTP_ROUTE_MAX_SEGMENTS);
    assert_string_equal(parts.segment[15], "g");
}

static void allow_names_each_method_once(void **state)
{
    char allow[HTTP_ROUTE_ALLOW_LEN];
    char text[] = "/models/list";
    struct http_route_path path;

    (void)state;
    assert_int_equal(http_route_split(text, &path), ST_OK);
    http_route_allow(table, &path, allow);
    assert_string_equal(allow, "GET, HEAD, PUT, PATCH, OPTIONS");
    http_route_allow(table, NULL, allow);
    assert_string_equal(allow, "GET, HEAD, PUT, POST, PATCH, OPTIONS");
}

static void malformed_patterns_are_refused_by_name(void **state)
{
    static const char *const patterns[] = { "",
                                            "models",
                                            "/a/{m",
                                            "/a/m}",
                                            "/a/x{m}",
                                            "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h",
                                            "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}" };

    (void)state;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct http_route route = { "GET", patterns[i], 0, 0, NULL, NULL, NULL };
        struct http_route_table *bad = NULL;
        char why[ERR_LEN] = "";

        assert_int_equal(http_route_table_new(&route, 1, &bad, why), ST_FORMAT);
        assert_non_null(strstr(why, patterns[i]));
        assert_null(bad);
    }
}

static void a_table_without_memory_is_no_table(void **state)
{
    struct http_route_table *none = NULL;
    char why[ERR_LEN] = "";

    (void)state;
    fault_at(0);
    assert_int_equal(http_route_table_new(routes, N_ROUTES, &none, why), ST_NOMEM);
    fault_off();
    assert_null(none);
    assert_true(why[0] != '\0');
    http_route_table_free(NULL);
}

/* "name=value;name=value;" of the decoded query. */
static void assert_decodes(const char *query, const char *want)
{
    size_t len = strlen(query);
    char *room = malloc(2 * len + 2); /* exactly what is promised, for the sanitizer */
    char got[256] = "";

    memcpy(room, query, len + 1);
    size_t n = http_route_decode_query(room);
    const char *at = room;
    for (size_t i = 0; i < n; i++) {
        const char *value = at + strlen(at) + 1;
        size_t used = strlen(got);
        (void)snprintf(got + used, sizeof(got) - used, "%s=%s;", at, value);
        at = value + strlen(value) + 1;
    }
    free(room);
    assert_string_equal(got, want);
}

static void queries_become_names_and_values(void **state)
{
    (void)state;
    assert_decodes("", "");
    assert_decodes("&&&", "");
    assert_decodes("a", "a=;");
    assert_decodes("a&b&c", "a=;b=;c=;");
    assert_decodes("a&b&c&d&e&f&g&h", "a=;b=;c=;d=;e=;f=;g=;h=;");
    assert_decodes("top=3&label=7", "top=3;label=7;");
    assert_decodes("=x&=", "=x;=;");
    assert_decodes("a=b=c", "a=b=c;");
    assert_decodes("a+b=c+d%20e%2B", "a b=c d e+;");
    assert_decodes("%61=%62&a%3db=%26", "a=b;a=b=&;");
    assert_decodes("a=%&b=%4&c=%zz&d=%00", "a=%;b=%4;c=%zz;d=%00;");
    assert_decodes("a=%4&1=2", "a=%4;1=2;"); /* an escape ends where its argument does */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_finds_its_row_and_parameters),
        cmocka_unit_test(what_fits_no_row_is_not_found),
        cmocka_unit_test(a_known_path_with_another_method_is_told_apart),
        cmocka_unit_test(segments_are_decoded_once),
        cmocka_unit_test(broken_and_ambiguous_escapes_are_refused),
        cmocka_unit_test(deep_paths_are_out_of_range),
        cmocka_unit_test(allow_names_each_method_once),
        cmocka_unit_test(malformed_patterns_are_refused_by_name),
        cmocka_unit_test(a_table_without_memory_is_no_table),
        cmocka_unit_test(queries_become_names_and_values),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
