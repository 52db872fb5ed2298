/* SPDX-License-Identifier: Apache-2.0 */
#include "api/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char names[NETWORK_MAX_LAYERS][8];
static struct network_layer layers[NETWORK_MAX_LAYERS];

static struct network net_of(size_t n_layers)
{
    static const char *const some[] = { "conv_a", "conv_b", "head" };

    for (size_t l = 0; l < n_layers; l++) {
        strcpy(names[l], some[l % 3]);
        if (l >= 3)
            names[l][0] = (char)('A' + l - 3);
        layers[l].name = names[l];
    }
    return (struct network) { .n_layers = n_layers, .layers = layers };
}

static void a_layer_is_found_by_its_whole_name(void **state)
{
    struct network net = net_of(3);
    size_t layer = 9;

    (void)state;
    assert_true(place_find_layer(&net, "head", &layer));
    assert_int_equal(layer, 2);
    assert_false(place_find_layer(&net, "Head", &layer));
    assert_false(place_find_layer(&net, "conv", &layer));
    assert_false(place_find_layer(&net, "", &layer));
    assert_int_equal(layer, 2);
}

static void the_nearest_layer_is_suggested(void **state)
{
    struct network net = net_of(3);

    (void)state;
    assert_string_equal(place_nearest_layer(&net, "conv_c"), "conv_a");
    assert_string_equal(place_nearest_layer(&net, "HEAD"), "head");
    assert_null(place_nearest_layer(&net, "something else"));
}

static void as_many_layers_as_there_can_be_fit(void **state)
{
    struct network net = net_of(NETWORK_MAX_LAYERS);
    size_t layer;

    (void)state;
    assert_true(place_find_layer(&net, layers[NETWORK_MAX_LAYERS - 1].name, &layer));
    assert_int_equal(layer, NETWORK_MAX_LAYERS - 1);
    assert_non_null(place_nearest_layer(&net, "hed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_is_found_by_its_whole_name),
        cmocka_unit_test(the_nearest_layer_is_suggested),
        cmocka_unit_test(as_many_layers_as_there_can_be_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
