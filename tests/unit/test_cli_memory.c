/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

static enum status path_of(const char *line, char path[MEMORY_PATH_LEN],
                           char why[ERR_LEN])
{
    struct option_value values[MEMORY_OPTIONS] = { 0 };
    char words[256];

    strcpy(words, line);
    cli_parse(memory_options, words, values);
    return memory_path(values, path, why);
}

static void options_make_the_path(void **state)
{
    static const struct {
        const char *line, *path;
    } cases[] = {
        { "", "/memory" },
        { "--weakest 100", "/memory?weakest=100" },
        { "--tile 0 -o t.png", "/memory/tiles/0.png" },
        { "--tile 7 --output -", "/memory/tiles/7.png" },
        { "--tile 7 -o T.PGM --section check", "/memory/tiles/7.pgm?section=check" },
        { "--tile 9007199254740992 -o x --section check_partner",
          "/memory/tiles/9007199254740992.png?section=check_partner" },
    };
    char path[MEMORY_PATH_LEN], why[ERR_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(path_of(cases[i].line, path, why), ST_OK);
        assert_string_equal(path, cases[i].path);
    }
}

static void a_tile_and_its_file_go_together(void **state)
{
    char path[MEMORY_PATH_LEN], why[ERR_LEN];

    (void)state;
    assert_int_equal(path_of("--tile 7", path, why), ST_RANGE);
    cli_assert_has(why, "go together");
    assert_int_equal(path_of("-o x.png", path, why), ST_RANGE);
    assert_int_equal(path_of("--section data", path, why), ST_RANGE);
    cli_assert_has(why, "--tile");
}

static void layers_tiles_and_weak_cells_are_shown(void **state)
{
    char *text = cli_text(memory_print, "memory");

    (void)state;
    cli_assert_has(text, "memory of mnist, generation 2\n");
    cli_assert_has(text, "33 tiles of 256 x 256, 1,862,912 cells\n");
    cli_assert_has(text, "928 of 1,861,632 weights wrong (4.98e-04)");
    cli_assert_has(text, "464 of -1 read as +1, 464 of +1 read as -1");
    cli_assert_has(text, "  fc1        1024 x 784       208       209        5.19e-04");
    cli_assert_has(text, "   0-12      12: 36  plain\n");
    cli_assert_has(text, "  29-32       32: 9  secded\n");
    cli_assert_has(text, "P to AP, cells by write error rate, 3 layers");
    cli_assert_has(text, "FAILS P TO AP  FAILS AP TO P  DELTA\n");
    free(text);
}

static void the_weakest_of_all_layers_come_first(void **state)
{
    char *text = cli_text(
        memory_print,
        "{\"layers\":[{\"name\":\"a\",\"weakest\":["
        "{\"row\":1,\"column\":1,\"write_error_rate\":{\"p2ap\":0.1,\"ap2p\":0.2}},"
        "{\"row\":2,\"column\":2,\"write_error_rate\":{\"p2ap\":0.01,\"ap2p\":0.01}}]},"
        "{\"name\":\"b\",\"weakest\":["
        "{\"row\":3,\"column\":3,\"write_error_rate\":{\"p2ap\":0.9,\"ap2p\":0.1}},"
        "{\"row\":4,\"column\":4,\"write_error_rate\":{\"p2ap\":0.1,\"ap2p\":0.1}}]}]}");

    (void)state;
    /* As many as were asked for of each layer: two. */
    cli_assert_has(text,
                   "  b                3       3       9.00e-01       1.00e-01      -\n"
                   "  a                1       1       1.00e-01       2.00e-01      -\n");
    assert_null(strstr(text, "    4       4"));
    free(text);
}

static void broken_answers_break_nothing(void **state)
{
    (void)state;
    cli_print_broken(memory_print, "memory");
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    cli_print_without_memory(memory_print, "memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_make_the_path),
        cmocka_unit_test(a_tile_and_its_file_go_together),
        cmocka_unit_test(layers_tiles_and_weak_cells_are_shown),
        cmocka_unit_test(the_weakest_of_all_layers_come_first),
        cmocka_unit_test(broken_answers_break_nothing),
        cmocka_unit_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
