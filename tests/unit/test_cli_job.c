/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

/* -- Bodies -- */

static char *body_of(const char *kind, const char *line, char why[ERR_LEN])
{
    struct option_value values[JOB_OPTIONS] = { 0 };
    char words[512], *text = NULL;

    strcpy(words, line);
    cli_parse(job_options, words, values);
    return job_body(kind, "m", values, &text, why) == ST_OK ? text : NULL;
}

static void what_is_not_said_is_left_to_the_daemon(void **state)
{
    char why[ERR_LEN];

    (void)state;
    cli_assert_json(body_of("evaluate", "-d digits", why),
                    "{\"kind\":\"evaluate\",\"model\":\"m\",\"dataset\":\"digits\"}");
    cli_assert_json(body_of("sweep", "--wait", why),
                    "{\"kind\":\"sweep\",\"model\":\"m\"}");
}

static void values_are_json_or_texts(void **state)
{
    char why[ERR_LEN];

    (void)state;
    cli_assert_json(
        body_of("sweep",
                "--at mode=iid --at seed=7 --at read_disturb=true --at pulse_ns=null "
                "--at write_voltage_v={\"p2ap\":0.5,\"ap2p\":0.4}",
                why),
        "{\"kind\":\"sweep\",\"model\":\"m\",\"operating_point\":{\"mode\":\"iid\","
        "\"seed\":7,\"read_disturb\":true,\"pulse_ns\":null,\"write_voltage_v\":"
        "{\"p2ap\":0.5,\"ap2p\":0.4}}}");
    cli_assert_json(
        body_of("sweep",
                "--axis bit_error_rate=0,1e-3,0.05 --axis ecc=none,bch2 "
                "--axis write_voltage_v=[{\"p2ap\":1},{\"p2ap\":2}] --seeds 3",
                why),
        "{\"kind\":\"sweep\",\"model\":\"m\",\"seeds\":[1,2,3],\"axes\":"
        "{\"bit_error_rate\":[0,0.001,0.05],\"ecc\":[\"none\",\"bch2\"],"
        "\"write_voltage_v\":[{\"p2ap\":1},{\"p2ap\":2}]}}");
    cli_assert_json(
        body_of("minimise-energy",
                "-d d --split train --limit 9 --tolerance 0.01 --confidence 0.9", why),
        "{\"kind\":\"minimise-energy\",\"model\":\"m\",\"dataset\":\"d\",\"split\":"
        "\"train\",\"limit\":9,\"tolerance\":0.01,\"confidence\":0.9}");
}

static void what_is_no_member_is_refused(void **state)
{
    static const char *const wrong[] = { "--at mode", "--at =1",
                                         "--at mode=", "--axis ecc", "--axis =1,2" };
    char why[ERR_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_null(body_of("sweep", wrong[i], why));
        cli_assert_has(why, "is not MEMBER=");
    }
}

static void without_memory_nothing_leaks(void **state)
{
    char why[ERR_LEN], *text = NULL;

    (void)state;
    for (unsigned nth = 0; text == NULL; nth++) {
        fault_at(nth);
        text = body_of("sweep", "--axis a=1,x --at b=c --seeds 2", why);
        fault_off();
    }
    free(text);
}

/* -- Answers -- */

static void a_job_is_shown_with_what_it_found(void **state)
{
    char *text = cli_text(job_print, "job");

    (void)state;
    cli_assert_has(text, "job 3, minimise-energy of mnist: done");
    cli_assert_has(text, "490,051 of 490,051");
    cli_assert_has(text, "{\"ecc\":\"none\",\"target_write_error_rate\":0.0481}");
    cli_assert_has(text, "427 nJ, 28.29 % of the reference");
    cli_assert_has(text, "98.62 %, at least 98.50 %");
    free(text);
    text = cli_text(job_print, "{\"id\":1,\"state\":\"failed\",\"error\":\"no pictures\","
                               "\"summary\":{\"best\":null}}");
    cli_assert_has(text, "no pictures");
    cli_assert_has(text, "no write of those tried");
    free(text);
    cli_print_broken(job_print, "job");
}

static void jobs_are_listed(void **state)
{
    char *text = cli_text(job_print_list, "jobs");

    (void)state;
    cli_assert_has(text, "  4  minimise-energy  mnist  running    1,234  490,051");
    cli_assert_has(text, "  3  minimise-energy  mnist  done     490,051  490,051");
    free(text);
    cli_print_broken(job_print_list, "jobs");
}

static void results_are_a_line_for_each_operating_point(void **state)
{
    char *text = cli_text(job_print_results, "job_results");

    (void)state;
    cli_assert_has(text, "2         932        5.01e-04        663 nJ  98.90 % +- 0.04");
    cli_assert_has(text, "as it serves");
    cli_assert_has(text, "1         932        5.01e-04             -          98.90 %");
    free(text);
    cli_print_broken(job_print_results, "job_results");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_left_to_the_daemon),
        cmocka_unit_test(values_are_json_or_texts),
        cmocka_unit_test(what_is_no_member_is_refused),
        cmocka_unit_test(without_memory_nothing_leaks),
        cmocka_unit_test(a_job_is_shown_with_what_it_found),
        cmocka_unit_test(jobs_are_listed),
        cmocka_unit_test(results_are_a_line_for_each_operating_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
