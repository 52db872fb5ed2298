/* SPDX-License-Identifier: Apache-2.0 */
/* serve_fixture.h - a whole daemon in this process: two small models, a temporary state
 * folder, a listening socket on 127.0.0.1. One at a time.
 */
#ifndef TESTS_FLOW_SERVE_FIXTURE_H
#define TESTS_FLOW_SERVE_FIXTURE_H

#include "daemon/daemon.h"
#include "tests/flow/http_client.h"
#include "tests/lib/scratch.h"

#include <pthread.h>
#include <stdatomic.h>

/* Pixels of a picture; the models are called "first" and "second". */
#define SERVE_PIXELS 64

/* Of "first". */
#define SERVE_FIRST "/api/v1/models/first"
#define SERVE_POINT SERVE_FIRST "/operating-point"
#define SERVE_JSON  "application/json"

struct server;

struct serve {
    struct scratch scratch;
    struct daemon daemon;
    struct server *server;
    pthread_t thread;
    unsigned port;
    bool running;              /* between serve_start and serve_join */
    enum status ended;         /* of server_run */
    uint64_t scrub_interval_s; /* of the next start; 0 after serve_make */
    const char *data;          /* likewise: the setting; NULL after serve_make */
};

/* Makes the state folder. */
void serve_make(struct serve *serve);
void serve_remove(struct serve *serve);
/* Both as cmocka has them; the state of a test is a struct serve. A daemon that a failed
 * test leaves behind cannot be shared with the next one: the setup of that fails. */
int serve_setup(void **state);
int serve_teardown(void **state);
/* Starts on what the state folder has. Settings: threads 2, workers 1. */
void serve_start(struct serve *serve, uint64_t inline_budget_us, uint64_t queue);
/* Asks the server to end, as a service manager does, and does not wait. */
void serve_terminate(struct serve *serve);
/* Waits until it has ended, and takes everything apart. */
void serve_join(struct serve *serve);
/* Both. */
void serve_stop(struct serve *serve);

/* Occupies every thread of a pool until the gate opens. */
struct serve_gate {
    atomic_bool open;
    atomic_uint n_inside;
};
void serve_close_gate(struct serve_gate *gate, struct pool *pool, unsigned n_threads);
void serve_open_gate(struct serve_gate *gate);
void serve_wait_a_little(void);

/* One request of a list; `type` may be NULL. */
struct serve_request {
    const char *method, *path, *type, *body;
};

/* Sends one request with a body; `type` may be NULL. False if the server has closed. */
bool serve_send(struct http_client *client, const char *method, const char *path,
                const char *type, const void *body, size_t len);
/* Sends a picture to be classified by "first" and does not wait. */
bool serve_send_picture(struct http_client *client);
/* Asks for a path, and expects 200; free the response. */
void serve_get(struct serve *serve, const char *path, struct http_response *ret_response);
/* The number after the first `"name":` of a JSON text; -1 if there is none. */
double serve_number(const char *json, const char *name);
/* A number of "first" in the status. */
double serve_status(struct serve *serve, const char *name);

#endif
