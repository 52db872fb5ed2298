/* SPDX-License-Identifier: Apache-2.0 */
#include "api/feedback_json.h"

#include "tests/lib/fault.h"
#include "tests/lib/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct problem problem;

static void expect_parsed(const char *body, struct feedback_list *ret_list)
{
    if (feedback_json_parse(body, strlen(body), ret_list, &problem) != ST_OK)
        fail_msg("%s: %s", body, problem.detail);
}

static void a_list_is_read(void **state)
{
    struct feedback_list list;

    (void)state;
    expect_parsed("{\"feedback\":[{\"request_id\":\"0123456789abcdef\",\"label\":7},"
                  "{\"request_id\":\"FFFFFFFFFFFFFFFF\",\"labels\":[0,65535]}]}",
                  &list);
    assert_int_equal(list.n, 2);
    assert_true(list.items[0].request_id == 0x0123456789abcdef);
    assert_int_equal(list.items[0].n_labels, 1);
    assert_int_equal(list.items[0].labels[0], 7);
    assert_true(list.items[1].request_id == UINT64_MAX);
    assert_int_equal(list.items[1].n_labels, 2);
    assert_int_equal(list.items[1].labels[0], 0);
    assert_int_equal(list.items[1].labels[1], 65535);
    feedback_list_done(&list);
    assert_null(list.items);
}

static void one_object_by_itself_is_read(void **state)
{
    struct feedback_list list;

    (void)state;
    expect_parsed("{\"request_id\":\"0000000000000001\",\"labels\":[3,1,2]}", &list);
    assert_int_equal(list.n, 1);
    assert_true(list.items[0].request_id == 1);
    assert_int_equal(list.items[0].n_labels, 3);
    assert_int_equal(list.items[0].labels[2], 2);
    feedback_list_done(&list);
}

static void wrong_values_are_told_with_their_place(void **state)
{
    static const char id[] = "\"request_id\":\"0123456789abcdef\"";
    static const struct {
        const char *format; /* %s: a good id */
        unsigned status;
        const char *pointer, *words;
    } cases[] = {
        { "", 400, NULL, "empty" },
        { "[{%s,\"label\":7}]", 400, NULL, "expected a JSON object, found a list" },
        { "{%s,\"label\":7,\"label\":7}", 400, NULL, "duplicate" },
        { "{}", 422, "/request_id", "found nothing" },
        { "{\"feedback\":{}}", 422, "/feedback", "expected a list, found an object" },
        { "{\"feedback\":[]}", 422, "/feedback", "1..10000 items, found 0" },
        { "{\"feedback\":[7]}", 422, "/feedback/0", "found 7" },
        { "{\"feedback\":[{%s,\"label\":7}],\"x\":1}", 422, "/x", "unknown member" },
        { "{\"feedback\":[{\"label\":7}]}", 422, "/feedback/0/request_id",
          "16 hexadecimal" },
        { "{\"request_id\":\"0123\",\"label\":7}", 422, "/request_id", "found \"0123\"" },
        { "{\"request_id\":\"0123456789abcdeg\",\"label\":7}", 422, "/request_id",
          "found" },
        { "{\"request_id\":\"0123456789abcdef0\",\"label\":7}", 422, "/request_id",
          "found" },
        { "{\"request_id\":12,\"label\":7}", 422, "/request_id", "found 12" },
        { "{%s}", 422, "/label", "found neither" },
        { "{%s,\"label\":1,\"labels\":[1]}", 422, "/label", "found both" },
        { "{%s,\"label\":null}", 422, "/label", "integer 0..65535, found null" },
        { "{%s,\"label\":-1}", 422, "/label", "found -1" },
        { "{%s,\"label\":65536}", 422, "/label", "found 65536" },
        { "{%s,\"label\":1.5}", 422, "/label", "found 1.5" },
        { "{%s,\"label\":\"7\"}", 422, "/label", "found \"7\"" },
        { "{%s,\"labels\":[]}", 422, "/labels", "expected a list of labels" },
        { "{%s,\"labels\":7}", 422, "/labels", "expected a list of labels" },
        { "{\"feedback\":[{%s,\"labels\":[1,\"x\"]}]}", 422, "/feedback/0/labels/1",
          "found" },
        { "{%s,\"lable\":7}", 422, "/lable", "did you mean label?" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct feedback_list list;
        char body[200];
        const char *hole = strstr(cases[i].format, "%s");
        const char *rest = hole == NULL ? "" : hole + 2;
        size_t before =
            hole == NULL ? strlen(cases[i].format) : (size_t)(hole - cases[i].format);

        snprintf(body, sizeof(body), "%.*s%s%s", (int)before, cases[i].format,
                 hole == NULL ? "" : id, rest);
        const struct refusal c = { body, cases[i].status, cases[i].pointer,
                                   cases[i].words };
        expect_refusal(&c, feedback_json_parse(body, strlen(body), &list, &problem),
                       &problem);
        assert_null(list.items);
    }
}

static void there_is_a_most_of_items(void **state)
{
    static const char item[] = "{\"request_id\":\"0123456789abcdef\",\"label\":7},";
    const size_t len = sizeof(item) - 1;
    char *body = malloc((FEEDBACK_MAX + 1) * len + 32);

    (void)state;
    assert_non_null(body);
    for (size_t n = FEEDBACK_MAX; n <= FEEDBACK_MAX + 1; n++) {
        size_t at = (size_t)sprintf(body, "{\"feedback\":[");
        struct feedback_list list;

        for (size_t i = 0; i < n; i++, at += len)
            memcpy(body + at, item, len);
        at += (size_t)sprintf(body + at - 1, "]}") - 1;
        enum status st = feedback_json_parse(body, at, &list, &problem);
        assert_int_equal(st, n == FEEDBACK_MAX ? ST_OK : ST_RANGE);
        assert_int_equal(list.n, n == FEEDBACK_MAX ? n : 0);
        feedback_list_done(&list);
    }
    free(body);
}

static void a_failed_allocation_is_a_503(void **state)
{
    static const char body[] = "{\"request_id\":\"0000000000000001\",\"label\":3}";
    struct feedback_list list;
    enum status st = ST_NOMEM;
    unsigned nth = 0;

    (void)state;
    for (; st != ST_OK; nth++) {
        fault_at(nth); /* ours: jansson's are not seen here */
        st = feedback_json_parse(body, sizeof(body) - 1, &list, &problem);
        fault_off();
        assert_true(st == ST_OK ||
                    (st == ST_NOMEM && problem.status == 503 && list.items == NULL));
    }
    assert_int_equal(nth, 3);
    feedback_list_done(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read),
        cmocka_unit_test(one_object_by_itself_is_read),
        cmocka_unit_test(wrong_values_are_told_with_their_place),
        cmocka_unit_test(there_is_a_most_of_items),
        cmocka_unit_test(a_failed_allocation_is_a_503),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
