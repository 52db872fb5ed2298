/* SPDX-License-Identifier: Apache-2.0 */
/* How a server begins; what it does with requests is in tests/flow/test_http.c. */
#include "api/http.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void handle(void *ctx, struct http_call *call)
{
    (void)ctx;
    http_reply_static(call, 200, NULL, "", 0);
}

static const struct http_route route = { "GET", "/", 0, 0, handle, NULL, NULL };
static const struct http_options options = {
    .n_threads = 3,
    .routes = &route,
    .n_routes = 1,
    .idle_timeout_s = 75,
    .connection_limit = 10,
    .body_memory = 1 << 30,
    .connection_memory = 32768,
};

static void a_server_without_memory_is_no_server(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct http_server *server = NULL;
        char why[ERR_LEN] = "";

        assert_true(nth < 100);
        fault_at(nth);
        st = http_server_new(&options, &server, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && server == NULL && why[0] != '\0'));
        http_server_free(server);
    }
}

static void a_new_server_has_its_threads_and_no_connections(void **state)
{
    struct http_server *server;
    char why[ERR_LEN];

    (void)state;
    assert_int_equal(http_server_new(&options, &server, why), ST_OK);
    assert_int_equal(http_server_connections(server), 0);
    http_server_drain(server);
    http_server_close_idle(server);
    http_server_close_all(server);
    http_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_without_memory_is_no_server),
        cmocka_unit_test(a_new_server_has_its_threads_and_no_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
