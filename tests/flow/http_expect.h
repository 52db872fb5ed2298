/* SPDX-License-Identifier: Apache-2.0 */
/* http_expect.h - what answers of the fixture's server have to be. Each fails the test.
 */
#ifndef TESTS_FLOW_HTTP_EXPECT_H
#define TESTS_FLOW_HTTP_EXPECT_H

#include "tests/flow/http_client.h"

#define HOST "Host: localhost\r\n"

/* The headers that every answer has. */
void assert_common_headers(const struct http_response *response);
/* Asks on a connection that must stay usable; checks status and returns nothing else. */
void assert_status(struct http_client *client, const char *request, unsigned status);
/* Asks on a connection of its own, which must close after exactly one response. */
void assert_refused(const char *request, unsigned status);

#endif
