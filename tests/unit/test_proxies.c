/* SPDX-License-Identifier: Apache-2.0 */
#include "api/proxies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TRUSTED "127.0.0.1, 10.0.0.0/8,::1 ,fd00::/9,unix"

static void the_client_is_the_last_that_is_none_of_ours(void **state)
{
    static const struct {
        const char *peer, *forwarded;
        const char *client; /* NULL: the peer is the client */
    } table[] = {
        { "127.0.0.1", "203.0.113.7", "203.0.113.7" },
        { "unix", "203.0.113.7", "203.0.113.7" },
        { "::1", "2001:DB8:0::1", "2001:db8::1" },
        { "127.0.0.1", "", NULL },
        /* What a client says of itself stands further left. */
        { "127.0.0.1", "192.0.2.66, 203.0.113.7", "203.0.113.7" },
        { "127.0.0.1", "192.0.2.66,\t203.0.113.7 , 10.1.2.3,10.200.0.1 ", "203.0.113.7" },
        { "10.255.255.255", "192.0.2.66, 127.0.0.1", "192.0.2.66" },
        /* Of nobody whom we do not trust. */
        { "203.0.113.9", "192.0.2.66", NULL },
        { "11.0.0.1", "192.0.2.66", NULL },
        { "127.0.0.2", "192.0.2.66", NULL },
        { "fd80::1", "192.0.2.66", NULL },
        { "fd7f::1", "192.0.2.66", "192.0.2.66" },
        { "::ffff:10.0.0.1", "192.0.2.66", "192.0.2.66" },
        { "", "192.0.2.66", NULL },
        /* All of them are ours. */
        { "127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1" },
        /* With ports and brackets. */
        { "127.0.0.1", "203.0.113.7:4711", "203.0.113.7" },
        { "127.0.0.1", "[2001:db8::1]", "2001:db8::1" },
        { "127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1" },
        /* What is no address ends it, and is never taken over. */
        { "127.0.0.1", "unknown", NULL },
        { "127.0.0.1", "unix", NULL },
        { "127.0.0.1", "203.0.113.7,", NULL },
        { "127.0.0.1", "203.0.113.7, evil\"=x, 10.0.0.1", "10.0.0.1" },
        { "127.0.0.1", "203.0.113.7.1", NULL },
        { "127.0.0.1", "[203.0.113.7", "203.0.113.7" },
        { "127.0.0.1",
          "1111111111111111111111111111111111111111111111111111111111111111111111",
          NULL },
    };
    struct proxies proxies;
    char why[ERR_LEN] = "", client[PROXIES_CLIENT_LEN];

    (void)state;
    assert_int_equal(proxies_parse(TRUSTED, &proxies, why), ST_OK);
    assert_int_equal(proxies.n_nets, 4);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        bool found = proxies_client(&proxies, table[i].peer, table[i].forwarded, client);

        if (found != (table[i].client != NULL) ||
            (found && strcmp(client, table[i].client) != 0))
            fail_msg("%s, %s: %s", table[i].peer, table[i].forwarded,
                     found ? client : "none");
    }
}

static void without_a_list_nobody_is_trusted(void **state)
{
    struct proxies proxies;
    char why[ERR_LEN], client[PROXIES_CLIENT_LEN];

    (void)state;
    assert_int_equal(proxies_parse("", &proxies, why), ST_OK);
    assert_false(proxies_client(&proxies, "127.0.0.1", "203.0.113.7", client));
    assert_false(proxies_client(&proxies, "unix", "203.0.113.7", client));
    assert_int_equal(proxies_parse("0.0.0.0/0", &proxies, why), ST_OK);
    assert_true(proxies_client(&proxies, "198.51.100.1", "203.0.113.7", client));
    assert_false(proxies_client(&proxies, "2001:db8::1", "203.0.113.7", client));
    assert_int_equal(proxies_parse("::/0", &proxies, why), ST_OK);
    assert_true(proxies_client(&proxies, "2001:db8::1", "203.0.113.7", client));
}

static void what_is_no_list_is_refused_with_what_is_wrong(void **state)
{
    static const char *const bad[] = {
        "localhost", "10.0.0.0/33", "10.0.0.0/",     "10.0.0.0/8x", "10.0.0.0/-1",
        "::/129",    ",",           "127.0.0.1,,",   " ",           "127.0.0.1 ::1",
        "unix:/x",   "10.0.0/8",    "10.0.0.0/0008",
    };
    struct proxies proxies;
    char many[(PROXIES_MAX + 1) * 4 + 1] = "";
    char why[ERR_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why[0] = '\0';
        if (proxies_parse(bad[i], &proxies, why) != ST_RANGE)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_non_null(strstr(why, "trusted_proxies: \""));
        assert_non_null(strstr(why, "expected an address"));
    }
    for (size_t i = 0; i < PROXIES_MAX; i++)
        strcat(many, i == 0 ? "::1" : ",::1");
    assert_int_equal(proxies_parse(many, &proxies, why), ST_OK);
    strcat(many, ",::1");
    assert_int_equal(proxies_parse(many, &proxies, why), ST_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_is_the_last_that_is_none_of_ours),
        cmocka_unit_test(without_a_list_nobody_is_trusted),
        cmocka_unit_test(what_is_no_list_is_refused_with_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
