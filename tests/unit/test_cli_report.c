/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text_of(const char *json, long status)
{
    json_t *body = json == NULL ? NULL : json_loads(json, 0, NULL);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    report_problem(out, "mnist", status, body);
    fclose(out);
    json_decref(body);
    return text;
}

static void assert_report(const char *json, long status, const char *expected)
{
    char *text = text_of(json, status);

    assert_string_equal(text, expected);
    free(text);
}

static void a_problem_is_its_detail_and_every_violation(void **state)
{
    (void)state;
    assert_report("{\"title\":\"t\",\"detail\":\"two values are wrong\",\"errors\":["
                  "{\"pointer\":\"/pulse_ns\",\"detail\":\"0.05 is below 0.2\"},"
                  "{\"pointer\":\"\",\"detail\":\"too much\"}]}",
                  422,
                  "spinbnn: mnist: two values are wrong (HTTP 422)\n"
                  "  /pulse_ns: 0.05 is below 0.2\n"
                  "  /: too much\n");
}

static void a_violation_that_is_the_detail_is_said_once(void **state)
{
    (void)state;
    assert_report("{\"detail\":\"/seed: is no number\",\"errors\":[{\"pointer\":"
                  "\"/seed\",\"detail\":\"is no number\"}]}",
                  422, "spinbnn: mnist: /seed: is no number (HTTP 422)\n");
}

static void who_has_to_send_a_token_hears_how(void **state)
{
    (void)state;
    assert_report("{\"detail\":\"a token is needed\"}", 401,
                  "spinbnn: mnist: a token is needed (HTTP 401); --token-file FILE sends "
                  "one\n");
}

static void v2_errors_are_read_too(void **state)
{
    (void)state;
    assert_report("{\"error\":\"not ready\"}", 503,
                  "spinbnn: mnist: not ready (HTTP 503)\n");
}

static void other_bodies_leave_the_status(void **state)
{
    static const char only[] = "spinbnn: mnist: no reason is given (HTTP 502)\n";

    (void)state;
    assert_report(NULL, 502, only);
    assert_report("[]", 502, only);
    assert_report("{\"detail\":7,\"errors\":{}}", 502, only);
    assert_report("{\"ready\":false}", 503, "spinbnn: mnist: not ready (HTTP 503)\n");
}

static void nothing_reaches_the_terminal_raw(void **state)
{
    char *text = text_of("{\"detail\":\"\\u001b[2J\\u009b\",\"errors\":[{\"pointer\":"
                         "\"/\\u0007\",\"detail\":\"\\u202e\\n\"},{},7]}",
                         400);
    size_t lines = 0;

    (void)state;
    for (const char *at = text; *at != '\0'; at++) {
        lines += *at == '\n';
        assert_true(*at == '\n' || (*at >= 0x20 && *at < 0x7f));
    }
    assert_int_equal(lines, 4);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_is_its_detail_and_every_violation),
        cmocka_unit_test(a_violation_that_is_the_detail_is_said_once),
        cmocka_unit_test(who_has_to_send_a_token_hears_how),
        cmocka_unit_test(v2_errors_are_read_too),
        cmocka_unit_test(other_bodies_leave_the_status),
        cmocka_unit_test(nothing_reaches_the_terminal_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
