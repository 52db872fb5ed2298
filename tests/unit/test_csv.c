/* SPDX-License-Identifier: Apache-2.0 */
#include "api/csv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(struct buf *body, const char *expected)
{
    buf_char(body, '\0');
    assert_false(body->failed);
    assert_string_equal(body->data, expected);
    buf_free(body);
}

static void text_is_quoted_where_it_must(void **state)
{
    static const char *const texts[][2] = {
        { "", "" },
        { "mnist", "mnist" },
        { "a b;c'", "a b;c'" },
        { "a,b", "\"a,b\"" },
        { "say \"x\"", "\"say \"\"x\"\"\"" },
        { "a\nb", "\"a\nb\"" },
        { "a\r", "\"a\r\"" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct buf body = BUF_INIT;

        csv_text(&body, texts[i][0]);
        assert_written(&body, texts[i][1]);
    }
}

static void a_number_that_is_none_is_nothing(void **state)
{
    struct buf body = BUF_INIT;

    (void)state;
    csv_number(&body, 0.1);
    buf_char(&body, ',');
    csv_number(&body, NAN);
    csv_number(&body, INFINITY);
    buf_char(&body, ',');
    csv_number(&body, -7);
    assert_written(&body, "0.1,,-7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_quoted_where_it_must),
        cmocka_unit_test(a_number_that_is_none_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
