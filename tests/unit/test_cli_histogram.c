/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli_fixture.h"

static enum status print(FILE *out, const char *model, const json_t *answer)
{
    (void)model;
    histogram_print(out, json_object_get(answer, "layers"));
    return ST_OK;
}

#define LAYER(name, direction, edges, cells)                                             \
    "{\"name\":\"" name "\",\"histograms\":[{\"direction\":\"" direction                 \
    "\",\"edges_log10\":" edges ",\"cells\":" cells "}]}"

static size_t bar_behind(const char *text, const char *label)
{
    cli_assert_has(text, label);
    const char *at = strstr(text, label);
    return strspn(at + strcspn(at, "#\n"), "#");
}

static void layers_with_the_same_edges_are_added_up(void **state)
{
    char *text = cli_text(
        print, "{\"layers\":[" LAYER("a", "p2ap", "[-3,-2,-1]", "[5,1]") "," LAYER(
                   "b", "p2ap", "[-3,-2,-1]", "[995,0]") "]}");

    (void)state;
    cli_assert_has(text, "P to AP, cells by write error rate, 2 layers");
    cli_assert_has(text, "1.0e-03 to 1.0e-02          1,000");
    cli_assert_has(text, "1.0e-02 to 1.0e-01              1");
    free(text);
}

static void other_edges_and_directions_stand_alone(void **state)
{
    char *text =
        cli_text(print, "{\"layers\":[" LAYER("a", "p2ap", "[-3,-2]", "[5]") "," //
                 LAYER("b", "p2ap", "[-4,-3]", "[6]") ","                        //
                 LAYER("c", "ap2p", "[-3,-2]", "[7]") "]}");

    (void)state;
    cli_assert_has(text, "P to AP, cells by write error rate, a ");
    cli_assert_has(text, "P to AP, cells by write error rate, b ");
    cli_assert_has(text, "AP to P, cells by write error rate, c ");
    free(text);
}

static void more_cells_are_a_longer_bar_and_one_is_seen(void **state)
{
    char *text = cli_text(print, "{\"layers\":[" LAYER("a", "p2ap", "[-6,-5,-4,-3,-2,-1]",
                                                       "[0,1,1000,1000000,0]") "]}");

    (void)state;
    assert_true(bar_behind(text, "1.0e-05 to") >= 1);
    assert_true(bar_behind(text, "1.0e-04 to") > bar_behind(text, "1.0e-05 to"));
    assert_int_equal(bar_behind(text, "1.0e-03 to"), 50);
    /* Empty ends are not shown. */
    assert_null(strstr(text, "1.0e-06"));
    assert_null(strstr(text, "to 1.0e-01"));
    free(text);
}

static void many_bins_share_lines(void **state)
{
    json_t *cells = json_array(), *edges = json_array();
    json_t *answer = json_pack("{s:[{s:[{s:s, s:o, s:o}]}]}", "layers", "histograms",
                               "direction", "p2ap", "edges_log10", edges, "cells", cells);
    enum status st;
    size_t n_lines = 0;

    (void)state;
    for (int i = 0; i <= 72; i++)
        json_array_append_new(edges, json_real(-18.0 + 0.25 * i));
    for (int i = 0; i < 72; i++)
        json_array_append_new(cells, json_integer(10));
    char *text = cli_print(print, answer, &st);
    for (const char *at = text; *at != '\0'; at++)
        n_lines += *at == '\n';
    /* 18 decades, a title and an empty line. */
    assert_int_equal(n_lines, 18 + 2);
    cli_assert_has(text, "1.0e-18 to 1.0e-17             40");
    cli_assert_has(text, "1.0e-01 to 1.0e+00             40");
    free(text);
    json_decref(answer);
}

static void without_histograms_nothing_is_printed(void **state)
{
    static const char *const answers[] = {
        "{\"layers\":[{\"name\":\"a\",\"histograms\":null}]}", /* iid */
        "{\"layers\":[" LAYER("a", "p2ap", "[-3,-2]", "[0]") "]}", "{\"layers\":[]}", "{}"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        char *text = cli_text(print, answers[i]);

        assert_string_equal(text, "");
        free(text);
    }
}

static void any_number_of_bins_and_layers_is_taken(void **state)
{
    json_t *layers = json_array(), *answer = json_pack("{s:o}", "layers", layers);
    enum status st;

    (void)state;
    for (int i = 0; i < 100; i++) {
        json_t *cells = json_array(), *edges = json_pack("[f]", -0.1 * i);

        for (int k = 0; k < 1000; k++)
            json_array_append_new(cells, json_integer(k));
        json_array_append_new(layers, json_pack("{s:[{s:s, s:o, s:o}]}", "histograms",
                                                "direction", "p2ap", "edges_log10", edges,
                                                "cells", cells));
    }
    free(cli_print(print, answer, &st));
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_with_the_same_edges_are_added_up),
        cmocka_unit_test(other_edges_and_directions_stand_alone),
        cmocka_unit_test(more_cells_are_a_longer_bar_and_one_is_seen),
        cmocka_unit_test(many_bins_share_lines),
        cmocka_unit_test(without_histograms_nothing_is_printed),
        cmocka_unit_test(any_number_of_bins_and_layers_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
