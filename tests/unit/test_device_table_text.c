/* SPDX-License-Identifier: Apache-2.0 */
/* Measured devices: text in, and text out. */
#include "core/device_table.h"

#include "tests/unit/device_table_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void spreadsheets_may_write_it_in_their_own_way(void **state)
{
    static const char *const same[] = {
        "direction,voltage_v,error_rate\np2ap,0.5,1e-3\nap2p,0.5,1e-4\n",
        "direction,voltage_v,error_rate\r\np2ap,0.5,1e-3\r\nap2p,0.5,1e-4\r\n",
        "direction,voltage_v,error_rate\rp2ap,0.5,1e-3\rap2p,0.5,1e-4",
        "\xef\xbb\xbf"
        "direction,voltage_v,error_rate\np2ap,0.5,1e-3\nap2p,0.5,1e-4",
        "\"direction\",\"voltage_v\",\"error_rate\"\n\"p2ap\",\"0.5\",\"1e-3\"\n"
        "ap2p,0.5,1e-4\n",
        "  direction , voltage_v\t,error_rate  \n p2ap , .5 ,\t+1E-03\n\n  \nap2p, 5e-1 "
        ",0.0001",
        "# a remark\n\n\"# another, with a comma\"\nDirection,Voltage_V,ERROR_RATE,,\n"
        "P2AP,0.5,0.001,,\n,,,,\nAP2P,0.5,0.0001\n# the end",
    };
    struct device_table *first = parsed(same[0]);

    (void)state;
    for (size_t i = 1; i < sizeof(same) / sizeof(same[0]); i++) {
        struct device_table *table = parsed(same[i]);

        assert_true(device_table_same(first, table));
        device_table_free(table);
    }
    device_table_free(first);
}

static void columns_may_stand_in_any_order(void **state)
{
    struct device_table *table =
        parsed("hold_pj,error_rate,temperature_k,direction,toggle_pj,pulse_ns,voltage_v\n"
               "0.1,1e-3,300,both,0.2,10,0.5\n");

    (void)state;
    struct device_table_point point = device_table_at(table, MTJ_AP2P, 0.5, 10e-9, 300.0);
    assert_true(point.inside && point.toggle_pj == 0.2 && point.hold_pj == 0.1);
    ASSERT_WITHIN(point.ln_error_rate, log(1e-3), 1e-14);
    device_table_free(table);
}

struct refusal {
    const char *text;
    enum status st;
    const char *why; /* a part of it */
};

#define HEAD "direction,voltage_v,error_rate\n"

static const struct refusal refusals[] = {
    { "", ST_FORMAT, "no header" },
    { "\n\n# only\n", ST_FORMAT, "no header" },
    { "direction,voltage_v\np2ap,0.5\n", ST_FORMAT, "line 1: no column error_rate" },
    { "voltage_v,error_rate\n", ST_FORMAT, "line 1: no column direction" },
    { "# x\ndirection,voltge_v,error_rate\n", ST_FORMAT,
      "line 2: unknown column \"voltge_v\"; did you mean voltage_v?" },
    { "direction,error_rate,colour\n", ST_FORMAT, "unknown column \"colour\"; expected" },
    { "direction,error_rate,error_rate\n", ST_FORMAT, "column error_rate stands twice" },
    { "direction,,error_rate\n", ST_FORMAT, "column 2 has no name" },
    { "direction;voltage_v;error_rate\n", ST_FORMAT, "parted by commas" },
    { "direction\tvoltage_v\terror_rate\n", ST_FORMAT, "parted by commas" },
    { "\xff\xfe"
      "d",
      ST_FORMAT, "UTF-16" },
    { HEAD, ST_FORMAT, "no row of direction p2ap" },
    { HEAD "p2ap,0.5,0.1\n", ST_FORMAT, "no row of direction ap2p" },
    { HEAD "ap2p,0.5,0.1\n", ST_FORMAT, "no row of direction p2ap" },
    { HEAD "up,0.5,0.1\n", ST_FORMAT,
      "line 2: column direction: expected p2ap, ap2p or both, found \"up\"" },
    { HEAD "p2a,0.5,0.1\n", ST_FORMAT, "did you mean p2ap" },
    { HEAD ",0.5,0.1\n", ST_FORMAT, "column direction" },
    { HEAD "both,0.5\n", ST_FORMAT,
      "line 2: column error_rate: expected a number, found "
      "nothing" },
    { HEAD "both,,0.1\n", ST_FORMAT,
      "column voltage_v: expected a number, found nothing" },
    { HEAD "both,0.5,0.1,7\n", ST_FORMAT, "line 2: expected 3 fields, found 4" },
    { HEAD "both,0.5,nan\n", ST_FORMAT, "expected a number, found \"nan\"" },
    { HEAD "both,inf,0.1\n", ST_FORMAT, "found \"inf\"" },
    { HEAD "both,0x1p-1,0.1\n", ST_FORMAT, "found \"0x1p-1\"" },
    { HEAD "both,1e,0.1\n", ST_FORMAT, "found \"1e\"" },
    { HEAD "both,1e+,0.1\n", ST_FORMAT, "found \"1e+\"" },
    { HEAD "both,.,0.1\n", ST_FORMAT, "found \".\"" },
    { HEAD "both,-,0.1\n", ST_FORMAT, "found \"-\"" },
    { HEAD "both,1 V,0.1\n", ST_FORMAT, "found \"1 V\"" },
    { HEAD "both,1.2.3,0.1\n", ST_FORMAT, "found \"1.2.3\"" },
    { HEAD "both,\"0,5\",0.1\n", ST_FORMAT, "found \"0,5\"" },
    { HEAD "both,\"0.5,0.1\n", ST_FORMAT, "line 2: a quote is opened and not closed" },
    { HEAD "both,\"0.5\"x,0.1\n", ST_FORMAT, "expected a comma after the quoted" },
    { HEAD "both,\"0.5\"\"\",0.1\n", ST_FORMAT, "expected a number" },
    { HEAD
      "both,0.50000000000000000000000000000000000000000000000000000000000000000,0.1\n",
      ST_FORMAT, "expected a number" },
    { HEAD "both,0.5,0\n", ST_RANGE, "state the bound that was measured" },
    { HEAD "both,0.5,0.1\nboth,0.6,1e-999\n", ST_RANGE, "line 3: column error_rate" },
    { HEAD "both,0.5,1.0001\n", ST_RANGE,
      "line 2: column error_rate: expected 0 (excluded) .. 1, found \"1.0001\"" },
    { HEAD "both,0.5,-0.1\n", ST_RANGE, "expected 0 (excluded) .. 1" },
    { HEAD "both,-0.5,0.1\n", ST_RANGE, "column voltage_v: expected 0 .. 20" },
    { HEAD "both,20.1,0.1\n", ST_RANGE, "found \"20.1\"" },
    { HEAD "both,1e999,0.1\n", ST_RANGE, "found \"1e999\"" },
    { "direction,pulse_ns,error_rate\nboth,0.009,0.1\n", ST_RANGE, "0.01 .. 1e+09" },
    { "direction,pulse_ns,error_rate\nboth,2e9,0.1\n", ST_RANGE, "0.01 .. 1e+09" },
    { "direction,temperature_k,error_rate\nboth,0,0.1\n", ST_RANGE, "1 .. 1000" },
    { "direction,temperature_k,error_rate\nboth,1001,0.1\n", ST_RANGE, "1 .. 1000" },
    { "direction,error_rate,toggle_pj\nboth,0.1,-1\n", ST_RANGE, "toggle_pj" },
    { "direction,error_rate,read_disturb\nboth,0.1,2\n", ST_RANGE, "0 .. 1" },
    { "direction,error_rate,read_pj\nboth,0.1,1\nboth,0.2,2\n", ST_FORMAT,
      "line 3: column read_pj: expected 1, as above, or nothing, found \"2\"" },
};

static void malformed_text_is_refused_with_line_and_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];
        struct device_table *table = NULL;
        char why[ERR_LEN] = "";
        enum status st =
            device_table_parse(refusal->text, strlen(refusal->text), &table, why);

        if (st != refusal->st || strstr(why, refusal->why) == NULL)
            print_error("%zu: %d %s, not %s\n", i, (int)st, why, refusal->why);
        assert_int_equal(st, refusal->st);
        assert_non_null(strstr(why, refusal->why));
        assert_null(table);
        for (const char *p = why; *p != '\0'; p++)
            assert_true(*p >= ' ' && *p <= '~');
    }
}

static void bytes_of_any_kind_are_quoted_as_text(void **state)
{
    static const char text[] = HEAD "both,0.5,\x01\x80\0\x7f\n";
    struct device_table *table = NULL;
    char why[ERR_LEN] = "";

    (void)state;
    assert_int_equal(device_table_parse(text, sizeof(text) - 1, &table, why), ST_FORMAT);
    assert_non_null(strstr(why, "found \"????\""));
}

static void more_than_a_table_may_hold_is_refused(void **state)
{
    size_t size = DEVICE_TABLE_MAX_BYTES + 1, len = strlen(HEAD);
    char *text = malloc(size), why[ERR_LEN] = "";
    struct device_table *table = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, '\n', size);
    memcpy(text, HEAD, len);
    assert_int_equal(device_table_parse(text, size, &table, why), ST_RANGE);
    assert_non_null(strstr(why, "1048577 bytes"));

    for (unsigned i = 0; i <= DEVICE_TABLE_MAX_ROWS; i++)
        len += (size_t)sprintf(text + len, "both,0.%05u,0.1\n", i);
    assert_int_equal(device_table_parse(text, len, &table, why), ST_RANGE);
    assert_non_null(strstr(why, "line 10002: more than 10000 rows"));
    len -= strlen("both,0.00000,0.1\n");
    table = parsed_bytes(text, len);
    assert_int_equal(device_table_rows(table), DEVICE_TABLE_MAX_ROWS);
    device_table_free(table);

    memcpy(text, HEAD "both", strlen(HEAD "both"));
    memset(text + strlen(HEAD "both"), ',', 100);
    assert_int_equal(device_table_parse(text, strlen(HEAD) + 90, &table, why), ST_FORMAT);
    assert_non_null(strstr(why, "more than 64 fields"));
    free(text);
}

/* Whatever a cut leaves: a table, or a reason. */
static void text_cut_anywhere_is_taken_or_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len <= strlen(small); len++) {
        char *text = malloc(len + (len == 0)); /* so that a read past the end is seen */
        struct device_table *table = NULL;
        char why[ERR_LEN] = "";

        assert_non_null(text);
        memcpy(text, small, len);
        enum status st = device_table_parse(text, len, &table, why);
        assert_true((st == ST_OK) == (table != NULL));
        assert_true(st == ST_OK || why[0] != '\0');
        device_table_free(table);
        free(text);
    }
}

static void printed_tables_read_back_the_same(void **state)
{
    static const char *const texts[] = {
        small,
        "direction,error_rate\nboth,0.1\n",
        "direction,voltage_v,pulse_ns,error_rate,hold_pj\n"
        "p2ap,0.1,0.30000000000000004,1e-300,1e9\n"
        "ap2p,0.12345678901234567,123456789.12345678,0.99999999999999989,3\n",
        "direction,error_rate,read_pj,retention_rate_p_per_s,read_disturb\n"
        "p2ap,0.1,,1e-9,\nap2p,0.2,0.3,,1e-7\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct device_table *table = parsed(texts[i]), *again;
        char text[2048], cut[2048];
        size_t len = device_table_print(table, text, sizeof(text));

        assert_true(len < sizeof(text) && strlen(text) == len);
        again = parsed(text);
        assert_true(device_table_same(table, again));
        assert_true(device_table_at(again, MTJ_P2AP, 0.45, 12e-9, 310.0).ln_error_rate ==
                    device_table_at(table, MTJ_P2AP, 0.45, 12e-9, 310.0).ln_error_rate);
        /* As snprintf: the length that it would have, and no byte too many. */
        for (size_t size = 0; size <= len + 1; size++) {
            memset(cut, 'x', sizeof(cut));
            assert_int_equal(device_table_print(table, cut, size), len);
            assert_true(cut[size] == 'x');
            if (size > 0) {
                assert_int_equal(strlen(cut), size - 1 < len ? size - 1 : len);
                assert_memory_equal(cut, text, strlen(cut));
            }
        }
        assert_int_equal(device_table_print(table, NULL, 0), len);
        device_table_free(table);
        device_table_free(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spreadsheets_may_write_it_in_their_own_way),
        cmocka_unit_test(columns_may_stand_in_any_order),
        cmocka_unit_test(malformed_text_is_refused_with_line_and_column),
        cmocka_unit_test(bytes_of_any_kind_are_quoted_as_text),
        cmocka_unit_test(more_than_a_table_may_hold_is_refused),
        cmocka_unit_test(text_cut_anywhere_is_taken_or_refused),
        cmocka_unit_test(printed_tables_read_back_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
