/* SPDX-License-Identifier: Apache-2.0 */
#include "api/settings_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Members as "key=value;" one after the other. */
struct seen {
    char text[512];
    const char *refused; /* the key that the reader does not like */
};

static enum status note(void *ctx, const char *key, const char *value,
                        enum settings_json_kind kind, char why[ERR_LEN])
{
    struct seen *seen = ctx;
    size_t len = strlen(seen->text);

    if (seen->refused != NULL && strcmp(key, seen->refused) == 0) {
        (void)snprintf(why, ERR_LEN, "not %s", key);
        return ST_RANGE;
    }
    (void)snprintf(seen->text + len, sizeof(seen->text) - len, "%s=%c%s;", key,
                   "TNS"[kind], value);
    return ST_OK;
}

static enum status parse(const char *text, struct seen *seen, char why[ERR_LEN])
{
    why[0] = '\0';
    return settings_json_parse(text, strlen(text), note, seen, why);
}

static void members_come_in_order_as_text(void **state)
{
    struct seen seen = { .text = "" };
    char why[ERR_LEN];

    (void)state;
    assert_int_equal(parse("{\"listen\": \"a:1\", \"queue\": 17, \"x\": 0.5,\n"
                           " \"yes\": true, \"no\": false, \"empty\": \"\"}",
                           &seen, why),
                     ST_OK);
    assert_string_equal(seen.text,
                        "listen=Ta:1;queue=N17;x=N0.5;yes=Strue;no=Sfalse;empty=T;");
}

static void an_empty_object_sets_nothing(void **state)
{
    struct seen seen = { .text = "" };
    char why[ERR_LEN];

    (void)state;
    assert_int_equal(parse(" {} \n", &seen, why), ST_OK);
    assert_string_equal(seen.text, "");
}

static void what_is_no_flat_object_is_refused(void **state)
{
    static const struct {
        const char *text, *word;
    } table[] = {
        { "", "line 1" },
        { "{", "line 1" },
        { "{\n \"a\": 1,\n}", "line 3" },
        { "[]", "object" },
        { "17", "" },
        { "{\"a\": {}}", "a: expected" },
        { "{\"a\": [1]}", "a: expected" },
        { "{\"a\": null}", "a: expected" },
        { "{\"a\": 1, \"a\": 2}", "duplicate" },
        { "{\"a\": 1} x", "line 1" },
        { "{\"a\": \"\\u0000\"}", "" },
        { "{\"a\": \"\xff\"}", "" },
        { "{\"a\": 99999999999999999999}", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct seen seen = { .text = "" };
        char why[ERR_LEN];

        assert_int_equal(parse(table[i].text, &seen, why), ST_FORMAT);
        assert_true(why[0] != '\0');
        if (strstr(why, table[i].word) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", table[i].text, why, table[i].word);
    }
}

static void the_reader_ends_it(void **state)
{
    struct seen seen = { .text = "", .refused = "b" };
    char why[ERR_LEN];

    (void)state;
    assert_int_equal(parse("{\"a\": 1, \"b\": 2, \"c\": 3}", &seen, why), ST_RANGE);
    assert_string_equal(seen.text, "a=N1;");
    assert_string_equal(why, "not b");
}

static void only_len_bytes_are_read(void **state)
{
    struct seen seen = { .text = "" };
    char why[ERR_LEN];

    (void)state;
    assert_int_equal(settings_json_parse("{\"a\": 1}garbage", 8, note, &seen, why),
                     ST_OK);
    assert_string_equal(seen.text, "a=N1;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_in_order_as_text),
        cmocka_unit_test(an_empty_object_sets_nothing),
        cmocka_unit_test(what_is_no_flat_object_is_refused),
        cmocka_unit_test(the_reader_ends_it),
        cmocka_unit_test(only_len_bytes_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
