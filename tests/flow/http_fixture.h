/* SPDX-License-Identifier: Apache-2.0 */
/* http_fixture.h - an HTTP server with a few routes, an accept loop and two answering
 * threads, for the tests of api/http. One at a time.
 */
#ifndef TESTS_FLOW_HTTP_FIXTURE_H
#define TESTS_FLOW_HTTP_FIXTURE_H

#include "api/http.h"

/* Limit of POST /echo and POST /later. */
#define FIXTURE_MAX_BODY 1000

struct fixture_counts {
    size_t done, unanswered; /* on_done calls, and those with status 0 */
    size_t matched;          /* with a route */
};

struct http_server *fixture_start(unsigned n_threads, unsigned connection_limit);
/* Answers what is held and stops the server. */
void fixture_stop(void);
/* Both as cmocka has them: two threads, room for 1000; the state is the server. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
unsigned fixture_port(void);
struct fixture_counts fixture_counts(void);
/* GET /hold is not answered before it is released; both wait for `n` such requests. */
void fixture_wait_held(size_t n);
void fixture_release(size_t n);
/* What http_call_client_gone and http_call_client_left said of the call that was released
 * last. */
bool fixture_saw_client_gone(void);
bool fixture_saw_client_left(void);

#endif
