/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/upload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

static void what_is_served_stands_before_the_remarks(void **state)
{
    char *text = cli_text(upload_print, "put");

    (void)state;
    assert_string_equal(text,
                        "mnist: version 12, 59,008 cells in 2 layers, generation 3\n"
                        "  remark  /2/Sign: 4 of 64 outputs can meet a sign of "
                        "exactly zero: it counts as +1\n"
                        "  remark  the classes have no names: 0 to 9\n"
                        "  and 1,234 remarks more\n");
    free(text);
}

static void a_model_file_has_no_remarks(void **state)
{
    char *text = cli_text(upload_print,
                          "{\"model\":{\"version\":\"1\",\"cells\":7,\"generation\":1,"
                          "\"layers\":[{}]},\"remarks\":[],"
                          "\"remarks_dropped\":0}");

    (void)state;
    assert_string_equal(text, "mnist: version 1, 7 cells in 1 layers, generation 1\n");
    free(text);
}

static void broken_answers_print_something_harmless(void **state)
{
    (void)state;
    cli_print_broken(upload_print, "put");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_served_stands_before_the_remarks),
        cmocka_unit_test(a_model_file_has_no_remarks),
        cmocka_unit_test(broken_answers_print_something_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
