/* SPDX-License-Identifier: Apache-2.0 */
#include "core/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "mode", "pulse_ns", "seed", "temperature_k", NULL };

static void expect_near(const char *word, const char *name)
{
    const char *found = nearest_name(word, names);

    assert_non_null(found);
    assert_string_equal(found, name);
}

static void a_name_is_nearest_to_itself(void **state)
{
    (void)state;
    for (const char *const *name = names; *name != NULL; name++)
        expect_near(*name, *name);
}

static void one_slip_of_each_kind_is_near(void **state)
{
    (void)state;
    expect_near("puls_ns", "pulse_ns");   /* left out */
    expect_near("pulsee_ns", "pulse_ns"); /* put in */
    expect_near("pulse_ms", "pulse_ns");  /* another one */
    expect_near("pusle_ns", "pulse_ns");  /* swapped */
    expect_near("omde", "mode");          /* a swap is one change: allowed in four */
    expect_near("Pulse-NS", "pulse_ns");  /* other dress */
    expect_near("temprature_k", "temperature_k");
}

static void a_beginning_is_near(void **state)
{
    (void)state;
    expect_near("temp", "temperature_k");
    expect_near("pulse", "pulse_ns");
    expect_near("seed_of_the_array", "seed");
    assert_null(nearest_name("te", names));
}

static void other_words_are_near_to_nothing(void **state)
{
    char longer[NEAREST_MAX_LEN + 2];

    (void)state;
    memset(longer, 'm', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_null(nearest_name("", names));
    assert_null(nearest_name("banana", names));
    assert_null(nearest_name("edom", names));
    assert_null(nearest_name(longer, names));
    assert_null(nearest_name("mode", names + 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_nearest_to_itself),
        cmocka_unit_test(one_slip_of_each_kind_is_near),
        cmocka_unit_test(a_beginning_is_near),
        cmocka_unit_test(other_words_are_near_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
