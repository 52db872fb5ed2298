/* SPDX-License-Identifier: Apache-2.0 */
/* device_fixture.h - devices for tests: presets, and a table of measurements. */
#ifndef TESTS_DEVICE_FIXTURE_H
#define TESTS_DEVICE_FIXTURE_H

#include "core/device.h"
#include "tests/lib/near.h"

#include <string.h>

#define DAY_S  86400.0
#define YEAR_S (365.25 * DAY_S)

static inline struct device preset(const char *name)
{
    const struct device_preset *found = device_preset(name);
    struct device device = { .kind = DEVICE_MTJ };

    assert_non_null(found);
    device.params = found->params;
    return device;
}

static inline struct device table_device(const char *text)
{
    struct device device = { .kind = DEVICE_TABLE, .params = device_default().params };
    char why[ERR_LEN] = "";
    enum status st = device_table_parse(text, strlen(text), &device.table, why);

    if (st != ST_OK)
        print_error("%s\n", why);
    assert_int_equal(st, ST_OK);
    return device;
}

/* The mean over both directions. */
static inline double toggle_pj(const struct device *device, const struct mtj_pulse *pulse)
{
    double sum = 0.0;

    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        sum += device_mean(device, to, pulse->voltage_v[to], pulse->pulse_s,
                           pulse->temperature_k)
                   .toggle_pj;
    return 0.5 * sum;
}

/* A grid of voltages, pulses and temperatures; energies fall with the width, so that the
 * cheapest one is found out, not guessed. */
static const char grid[] =
    "direction,voltage_v,pulse_ns,temperature_k,error_rate,toggle_pj,hold_pj,read_pj,"
    "retention_rate_p_per_s,retention_rate_ap_per_s,retention_activation_ev,read_"
    "disturb\n"
    "p2ap,0.4,5,300,1e-1,0.10,0.08,0.006,1e-9,3e-9,1.5,1e-6\n"
    "p2ap,0.8,5,300,1e-5,0.50,0.40,,,,,\n"
    "p2ap,0.4,10,300,1e-2,0.16,0.12,,,,,\n"
    "p2ap,0.8,10,300,1e-8,0.70,0.60,,,,,\n"
    "ap2p,0.3,5,300,1e-1,0.08,0.10,,,,,\n"
    "ap2p,0.7,5,300,1e-5,0.40,0.50,,,,,\n"
    "ap2p,0.3,10,300,1e-2,0.14,0.16,,,,,\n"
    "ap2p,0.7,10,300,1e-8,0.60,0.70,,,,,\n"
    "both,0.4,5,400,1e-2,0.10,0.08,,,,,\n"
    "both,0.8,5,400,1e-6,0.50,0.40,,,,,\n";

#endif
