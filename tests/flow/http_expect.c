/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/flow/http_expect.h"

#include "tests/flow/http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void assert_common_headers(const struct http_response *response)
{
    const char *id = http_response_header(response, "X-Request-Id");

    assert_non_null(id);
    assert_int_equal(strspn(id, "0123456789abcdef"), 16);
    assert_int_equal(strlen(id), 16);
    assert_string_equal(http_response_header(response, "X-Content-Type-Options"),
                        "nosniff");
    assert_non_null(http_response_header(response, "Date"));
}

void assert_status(struct http_client *client, const char *request, unsigned status)
{
    struct http_response response;

    http_client_ask(client, request, &response);
    assert_int_equal(response.status, status);
    assert_common_headers(&response);
    http_response_done(&response);
}

void assert_refused(const char *request, unsigned status)
{
    struct http_client client;
    struct http_response response;

    http_client_open(&client, fixture_port());
    http_client_ask(&client, request, &response);
    assert_int_equal(response.status, status);
    assert_string_equal(http_response_header(&response, "Connection"), "close");
    assert_true(http_client_ended(&client));
    http_response_done(&response);
    http_client_close(&client);
}
