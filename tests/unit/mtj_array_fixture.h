/* SPDX-License-Identifier: Apache-2.0 */
/* mtj_array_fixture.h - what the tests of mtj_array.h ask of an array as a whole. */
#ifndef TESTS_MTJ_ARRAY_FIXTURE_H
#define TESTS_MTJ_ARRAY_FIXTURE_H

#include "core/mtj_array.h"

#include "tests/lib/near.h"

#define DAY_S    86400.0
#define YEAR_S   (365.25 * DAY_S)
#define SUPPLY_V MTJ_MAX_VOLTAGE_V

static inline struct mtj_pulse solve(const struct mtj_params *params, double target,
                                     double pulse_s)
{
    struct mtj_pulse pulse = { 0 };
    char why[ERR_LEN];

    assert_int_equal(
        mtj_solve_pulse(params, target, pulse_s, 300.0, SUPPLY_V, &pulse, why), ST_OK);
    return pulse;
}

/* Mean of both states. */
static inline double retention(const struct mtj_params *params, double seconds,
                               double temperature_k)
{
    return 0.5 * (mtj_array_retention(params, MTJ_P2AP, seconds, temperature_k) +
                  mtj_array_retention(params, MTJ_AP2P, seconds, temperature_k));
}

#endif
