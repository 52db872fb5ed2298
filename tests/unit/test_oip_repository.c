/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_repository.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct problem problem;

static enum status parse_index(const char *body, bool *ret_ready)
{
    return oip_index_parse(body, strlen(body), ret_ready, &problem);
}

static enum status parse_load(const char *body)
{
    return oip_load_parse(body, strlen(body), &problem);
}

static void index_may_ask_for_ready_models(void **state)
{
    static const struct {
        const char *body;
        bool ready;
    } cases[] = { { "", false },
                  { "{}", false },
                  { "{\"ready\":false}", false },
                  { "{\"ready\":null}", false },
                  { " {\"ready\":true} ", true },
                  { "{\"other\":[{}],\"re\\u0061dy\":true}", true } };
    bool ready;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse_index(cases[i].body, &ready), ST_OK);
        assert_int_equal(ready, cases[i].ready);
    }
}

static void load_takes_what_changes_nothing(void **state)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "{\"parameters\":null}",
        "{\"parameters\":{}}",
        "{\"parameters\":{\"unload_dependents\":true,\"a\":1,\"b\":\"c\"},\"x\":[]}",
        "{\"parameters\":{\"config\":null,\"a\":{\"b\":[null]}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_int_equal(parse_load(bodies[i]), ST_OK);
}

static void refused(enum status st, const char *body, const char *words)
{
    if (st != ST_FORMAT || problem.status != 400 || strstr(problem.detail, words) == NULL)
        fail_msg("%s: %d %u \"%s\"", body, (int)st, problem.status, problem.detail);
}

static void what_cannot_be_is_a_400(void **state)
{
    static const struct {
        const char *body, *words;
    } both[] = { { "[]", "expected an object, found a list" },
                 { " ", "invalid JSON" },
                 { "{", "invalid JSON" },
                 { "{}{}", "invalid JSON at byte 2" },
                 { "{\"a\":1,\"a\":1}", "second time" } };
    static const struct {
        const char *body, *words;
    } load[] = {
        { "{\"parameters\":[]}", "parameters: expected an object" },
        { "{\"parameters\":{\"a\":{]}}", "invalid JSON" },
        { "{\"parameters\":{\"config\":{}}}", "\"config\" is not supported" },
        { "{\"parameters\":{\"config\":\"{}\"}}", "\"config\" is not supported" },
        { "{\"parameters\":{\"file:1/m\":\"\"}}", "\"file:1/m\" is not supported" }
    };
    bool ready;

    (void)state;
    for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
        refused(parse_index(both[i].body, &ready), both[i].body, both[i].words);
        refused(parse_load(both[i].body), both[i].body, both[i].words);
    }
    for (size_t i = 0; i < sizeof(load) / sizeof(load[0]); i++)
        refused(parse_load(load[i].body), load[i].body, load[i].words);
    refused(parse_index("{\"ready\":1}", &ready), "ready", "expected true or false");
}

static void a_row_of_the_index(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    oip_index_write(&buf, "m", 10, "UNAVAILABLE", "a \"reason\"");
    buf_char(&buf, '\0');
    assert_string_equal(buf.data, "{\"name\":\"m\",\"version\":\"10\",\"state\":"
                                  "\"UNAVAILABLE\",\"reason\":\"a \\\"reason\\\"\"}");
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_may_ask_for_ready_models),
        cmocka_unit_test(load_takes_what_changes_nothing),
        cmocka_unit_test(what_cannot_be_is_a_400),
        cmocka_unit_test(a_row_of_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
