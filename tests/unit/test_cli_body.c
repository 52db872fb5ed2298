/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void only_what_was_given_is_in_the_body(void **state)
{
    const struct option_value given = { .given = true, .number = 0.05, .text = "x" };
    const struct option_value absent = { .number = 7.0, .text = "y" };
    struct body body;
    char *text = NULL, why[ERR_LEN];

    (void)state;
    body_init(&body);
    body_put_number(&body, "a", &given);
    body_put_number(&body, "b", &absent);
    body_put_text(&body, "c", &given);
    body_put_text(&body, "d", &absent);
    body_put(&body, "e", json_true());
    assert_int_equal(body_text(&body, &text, why), ST_OK);
    /* A number goes out as it was typed. */
    assert_string_equal(text, "{\"a\":0.05,\"c\":\"x\",\"e\":true}");
    free(text);
    body_done(&body);
}

static void what_could_not_be_put_is_told_at_the_end(void **state)
{
    const struct option_value wrong = { .given = true, .text = "\xff" };
    struct body body;
    char *text = NULL, why[ERR_LEN];

    (void)state;
    body_init(&body);
    body_put_text(&body, "a", &wrong);
    body_put(&body, "b", json_true());
    assert_int_equal(body_text(&body, &text, why), ST_NOMEM);
    assert_non_null(strstr(why, "UTF-8"));
    assert_null(text);
    body_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_given_is_in_the_body),
        cmocka_unit_test(what_could_not_be_put_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
