/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/energy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

static void joules_are_shown_by_layer_and_kind(void **state)
{
    char *text = cli_text(energy_print, "energy");

    (void)state;
    cli_assert_has(text, "energy of mnist since 2026-11-26T10:00:00Z\n");
    cli_assert_has(text, "  LAYER   TOGGLE    HOLD     READ  COMPUTE   TOTAL\n");
    cli_assert_has(text, "  all    1.20 uJ  300 nJ   120 uJ   150 uJ  270 uJ\n");
    cli_assert_has(text, "26.8 nJ: 11.9 nJ reading cells, 14.9 nJ computing\n");
    cli_assert_has(text, "8 fJ a bit operation, 100 fJ a threshold, 50 fJ a logit\n");
    free(text);
}

static void kinds_of_a_code_are_shown_where_they_cost(void **state)
{
    char *text = cli_text(energy_print,
                          "{\"joules\":{\"toggle\":1,\"check\":1e-9,\"encode\":1e-12,"
                          "\"decode\":1e-6,\"verify\":2,\"total\":5},"
                          "\"per_image_pj\":{\"total\":3,\"decode\":1}}");

    (void)state;
    cli_assert_has(text,
                   "TOGGLE  HOLD    CHECK   ENCODE  VERIFY  READ   DECODE  COMPUTE");
    cli_assert_has(text, ", decoding 1.00 pJ\n");
    cli_assert_has(text, "since the daemon started");
    free(text);
}

static void broken_answers_break_nothing(void **state)
{
    (void)state;
    cli_print_broken(energy_print, "energy");
    cli_print_without_memory(energy_print, "energy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joules_are_shown_by_layer_and_kind),
        cmocka_unit_test(kinds_of_a_code_are_shown_where_they_cost),
        cmocka_unit_test(broken_answers_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
