/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/flow/serve_fixture.h"

#include "daemon/assemble.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "storage/version_book.h"
#include "tests/lib/sbnn_writer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

void serve_make(struct serve *serve)
{
    memset(serve, 0, sizeof(*serve));
    scratch_make(&serve->scratch);
    assert_int_equal(mkdir(scratch_path(&serve->scratch, "arrays"), 0750), 0);
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level("error");
}

void serve_remove(struct serve *serve)
{
    scratch_remove(&serve->scratch);
}

int serve_setup(void **state)
{
    static struct serve serve;

    if (serve.running) {
        print_error("the test that failed left its daemon running: no further tests\n");
        return -1;
    }
    serve_make(&serve);
    *state = &serve;
    return 0;
}

int serve_teardown(void **state)
{
    serve_remove(*state);
    return 0;
}

static void add_model(struct daemon *daemon, const char *name)
{
    const struct sbnn_shape shape = {
        name, { 8, 8, 1, NETWORK_PIXELS, .threshold = 0 }, 3, { 128, 64, 10 }
    };

    struct model *model;

    assert_int_equal(model_new(sbnn_random(&shape, (uint64_t)name[0]), MODEL_BUILTIN,
                               daemon->settings.state_dir, &daemon->device, &model),
                     ST_OK);
    assert_int_equal(registry_add(daemon->registry, model, 1), ST_OK);
    model_drop(model);
}

static void *run(void *arg)
{
    struct serve *serve = arg;

    serve->ended = server_run(serve->server);
    return NULL;
}

void serve_start(struct serve *serve, uint64_t inline_budget_us, uint64_t queue)
{
    static char *const nothing[] = { NULL };
    static const struct settings_source source = { 0, nothing, nothing };
    struct settings_result result = { .settings = {
                                          .listen = "127.0.0.1:0",
                                          .kernel = "auto",
                                          .device = "default",
                                          .bit_operation_fj = 8.0,
                                          .threshold_fj = 16.0,
                                          .logit_fj = 1000.0,
                                          .threads = 2,
                                          .workers = 1,
                                          .queue = queue,
                                          .keep_versions = 1,
                                          .max_connections = 1000,
                                          .idle_timeout_s = 75,
                                          .head_timeout_s = 10,
                                          .body_memory_mb = 1024,
                                          .inline_budget_us = inline_budget_us,
                                          .drain_timeout_s = 5,
                                          .scrub_interval_s = serve->scrub_interval_s,
                                      } };
    struct settings *settings = &result.settings;
    char why[ERR_LEN] = "";
    sigset_t all, before;

    (void)snprintf(settings->state_dir, sizeof(settings->state_dir), "%s",
                   serve->scratch.dir);
    (void)snprintf(settings->data, sizeof(settings->data), "%s",
                   serve->data != NULL ? serve->data : "");
    assert_int_equal(assemble_init(&serve->daemon, settings, why), ST_OK);
    assert_int_equal(config_new(&source, &result, &serve->daemon.config, why), ST_OK);
    assert_int_equal(registry_new(&serve->daemon.registry), ST_OK);
    assert_int_equal(version_book_new(&serve->daemon.versions), ST_OK);
    add_model(&serve->daemon, "first");
    add_model(&serve->daemon, "second");

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (assemble_arrays(&serve->daemon, why) != ST_OK ||
        assemble_parts(&serve->daemon, why) != ST_OK ||
        server_new(&serve->daemon, &serve->server, why) != ST_OK)
        fail_msg("%s", why);
    serve->daemon.ready = true;
    assert_int_equal(
        sscanf(server_address(serve->server, 0), "127.0.0.1:%u", &serve->port), 1);
    assert_int_equal(pthread_create(&serve->thread, NULL, run, serve), 0);
    serve->running = true;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void serve_terminate(struct serve *serve)
{
    (void)serve;
    assert_int_equal(kill(getpid(), SIGTERM), 0);
}

void serve_join(struct serve *serve)
{
    assert_int_equal(pthread_join(serve->thread, NULL), 0);
    serve->running = false;
    assert_int_equal(serve->ended, ST_OK);
    server_free(serve->server);
    assemble_free(&serve->daemon);
}

void serve_stop(struct serve *serve)
{
    serve_terminate(serve);
    serve_join(serve);
}

/* -- Gates -- */

void serve_wait_a_little(void)
{
    const struct timespec ms = { .tv_nsec = 1000000 };

    (void)nanosleep(&ms, NULL);
}

static void wait_at_gate(void *arg, unsigned worker)
{
    struct serve_gate *gate = arg;

    (void)worker;
    atomic_fetch_add(&gate->n_inside, 1);
    while (!atomic_load(&gate->open))
        serve_wait_a_little();
    atomic_fetch_sub(&gate->n_inside, 1);
}

void serve_close_gate(struct serve_gate *gate, struct pool *pool, unsigned n_threads)
{
    atomic_store(&gate->open, false);
    for (unsigned i = 1; i <= n_threads; i++) {
        assert_int_equal(pool_submit(pool, wait_at_gate, gate), ST_OK);
        while (atomic_load(&gate->n_inside) < i)
            serve_wait_a_little();
    }
}

void serve_open_gate(struct serve_gate *gate)
{
    atomic_store(&gate->open, true);
    while (atomic_load(&gate->n_inside) > 0)
        serve_wait_a_little();
}

/* -- Requests -- */

bool serve_send(struct http_client *client, const char *method, const char *path,
                const char *type, const void *body, size_t len)
{
    char head[512];

    (void)snprintf(head, sizeof(head),
                   "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   method, path, type != NULL ? type : "application/octet-stream", len);
    return http_client_text(client, head) && http_client_send(client, body, len);
}

bool serve_send_picture(struct http_client *client)
{
    uint8_t picture[SERVE_PIXELS];

    for (size_t i = 0; i < sizeof(picture); i++)
        picture[i] = (uint8_t)(i * 37);
    return serve_send(client, "POST", "/api/v1/models/first/classify?top=3&label=1", NULL,
                      picture, sizeof(picture));
}

void serve_get(struct serve *serve, const char *path, struct http_response *ret_response)
{
    struct http_client client;
    char request[256];

    http_client_open(&client, serve->port);
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                   path);
    http_client_ask(&client, request, ret_response);
    http_client_close(&client);
    if (ret_response->status != 200)
        fail_msg("%s: %u %s", path, ret_response->status, ret_response->body);
}

double serve_number(const char *json, const char *name)
{
    char key[64];

    (void)snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(json, key);
    return at == NULL ? -1 : strtod(at + strlen(key), NULL);
}

double serve_status(struct serve *serve, const char *name)
{
    struct http_response response;

    serve_get(serve, "/api/v1/status", &response);
    const char *first = strstr(response.body, "\"name\":\"first\"");
    assert_non_null(first);
    double value = serve_number(first, name);
    http_response_done(&response);
    return value;
}
