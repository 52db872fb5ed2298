/* SPDX-License-Identifier: Apache-2.0 */
/* device_table_fixture.h - tables made of text that is sound. */
#ifndef TESTS_DEVICE_TABLE_FIXTURE_H
#define TESTS_DEVICE_TABLE_FIXTURE_H

#include "core/device_table.h"

#include "tests/lib/near.h"

#include <string.h>

static inline struct device_table *parsed_bytes(const char *text, size_t len)
{
    struct device_table *table = NULL;
    char why[ERR_LEN] = "";
    enum status st = device_table_parse(text, len, &table, why);

    if (st != ST_OK)
        print_error("%s\n", why);
    assert_int_equal(st, ST_OK);
    return table;
}

static inline struct device_table *parsed(const char *text)
{
    return parsed_bytes(text, strlen(text));
}

static const char small[] =
    "# measured on a wafer\n"
    "direction,voltage_v,pulse_ns,temperature_k,error_rate,toggle_pj,hold_pj\n"
    "p2ap,0.4,10,300,1e-1,0.2,0.1\n"
    "p2ap,0.6,10,300,1e-3,0.4,0.3\n"
    "p2ap,0.5,20,300,1e-4,0.6,0.5\n"
    "p2ap,0.7,20,300,1e-8,0.8,0.7\n"
    "p2ap,0.5,10,400,1e-3,0.3,0.2\n"
    "ap2p,0.3,10,300,1e-2,0.1,0.2\n"
    "both,0.9,10,300,1e-9,0.9,0.8\n";

#endif
