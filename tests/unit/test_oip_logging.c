/* SPDX-License-Identifier: Apache-2.0 */
#include "api/oip_logging.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct oip_logging usual = { .error = true, .warning = true, .info = true };
static struct oip_logging logging;
static struct problem problem;

static enum status parse(const char *body)
{
    logging = usual;
    return oip_logging_parse(body, strlen(body), &logging, &problem);
}

static bool is(bool warning, bool info, uint64_t verbose_level)
{
    return logging.error && logging.warning == warning && logging.info == info &&
           logging.verbose_level == verbose_level;
}

static void what_is_stated_changes(void **state)
{
    (void)state;
    assert_int_equal(parse("{}"), ST_OK);
    assert_true(is(true, true, 0));
    assert_int_equal(parse("{\"log_info\":false}"), ST_OK);
    assert_true(is(true, false, 0));
    assert_int_equal(parse("{\"log_warning\":false,\"log_info\":false}"), ST_OK);
    assert_true(is(false, false, 0));
    assert_int_equal(
        parse("{\"log_verbose_level\":2,\"log_file\":\"\",\"log_error\":true,"
              "\"log_format\":\"default\"}"),
        ST_OK);
    assert_true(is(true, true, 2));
}

static void what_cannot_be_changes_nothing(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        { "", "invalid JSON" },
        { "[]", "expected an object" },
        { "{\"log_info\":1}", "log_info: expected true or false" },
        { "{\"log_info\":false} x", "invalid JSON" },
        { "{\"log_info\":false,\"log_info\":false}", "second time" },
        { "{\"log_error\":false}", "errors are always logged" },
        { "{\"log_warning\":false}", "log_info needs log_warning" },
        { "{\"log_info\":false,\"log_verbose_level\":1}", "log_verbose_level needs" },
        { "{\"log_verbose_level\":-1}", "integer of at least 0" },
        { "{\"log_verbose_level\":true}", "log_verbose_level: expected a number" },
        { "{\"log_file\":\"/tmp/log\"}", "log_file: \"/tmp/log\" is not supported" },
        { "{\"log_format\":\"ISO8601\"}", "log_format: \"ISO8601\" is not supported" },
        { "{\"log_colour\":true}", "there is no setting \"log_colour\"" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (parse(cases[i].body) != ST_FORMAT || problem.status != 400 ||
            strstr(problem.detail, cases[i].words) == NULL)
            fail_msg("%s: %u \"%s\"", cases[i].body, problem.status, problem.detail);
        assert_true(is(true, true, 0));
    }
}

static void what_is_written_is_read(void **state)
{
    const struct oip_logging wanted = { true, true, false, 0 };
    struct buf buf = BUF_INIT;

    (void)state;
    oip_logging_write(&buf, &wanted);
    buf_char(&buf, '\0');
    assert_string_equal(buf.data,
                        "{\"log_file\":\"\",\"log_info\":false,\"log_warning\":true,"
                        "\"log_error\":true,\"log_verbose_level\":0,"
                        "\"log_format\":\"default\"}\n");
    assert_int_equal(parse(buf.data), ST_OK);
    assert_true(is(true, false, 0));
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stated_changes),
        cmocka_unit_test(what_cannot_be_changes_nothing),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
