/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/flow/http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define N_WORKERS 2
#define QUEUE_LEN 4096

/* Calls that wait for a thread; closed when the fixture stops. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_call *calls[QUEUE_LEN];
    size_t first, n;
    bool closed;
};

static struct {
    struct http_server *server;
    int listener, stop;
    unsigned port;
    pthread_t acceptor, workers[N_WORKERS];
    struct queue work, held;
    atomic_size_t done, unanswered, matched;
    atomic_bool gone, left;
} fixture;

static void push(struct queue *queue, struct http_call *call)
{
    pthread_mutex_lock(&queue->lock);
    queue->calls[(queue->first + queue->n++) % QUEUE_LEN] = call;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

/* NULL once the queue is closed and empty. */
static struct http_call *pull(struct queue *queue)
{
    struct http_call *call = NULL;

    pthread_mutex_lock(&queue->lock);
    while (queue->n == 0 && !queue->closed)
        pthread_cond_wait(&queue->changed, &queue->lock);
    if (queue->n != 0) {
        call = queue->calls[queue->first++ % QUEUE_LEN];
        queue->n--;
    }
    pthread_mutex_unlock(&queue->lock);
    return call;
}

static void close_queue(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

/* -- Handlers -- */

static void reply_body(struct http_call *call, struct buf *buf)
{
    size_t len;
    const uint8_t *body = http_call_body(call, &len);

    buf_bytes(buf, body, len);
    http_reply(call, 200, "application/octet-stream", buf);
}

static void handle_echo(void *ctx, struct http_call *call)
{
    struct buf buf = http_take_buf(call);

    (void)ctx;
    reply_body(call, &buf);
}

static void put_line(struct buf *buf, const char *name, const char *value)
{
    buf_text(buf, name);
    buf_char(buf, '=');
    buf_text(buf, value == NULL ? "(none)" : value);
    buf_char(buf, '\n');
}

/* Everything that a handler can ask, as lines of text. */
static void handle_describe(void *ctx, struct http_call *call)
{
    struct buf buf = http_take_buf(call);

    (void)ctx;
    put_line(&buf, "method", http_call_method(call));
    put_line(&buf, "path", http_call_path(call));
    put_line(&buf, "m", http_call_param(call, 0));
    put_line(&buf, "a", http_call_query(call, "a"));
    put_line(&buf, "b c", http_call_query(call, "b c"));
    put_line(&buf, "type", http_call_content_type(call));
    put_line(&buf, "x-test", http_call_header(call, "X-Test"));
    http_set_header(call, "ETag", "\"7\"");
    http_reply(call, 200, "text/plain", &buf);
}

/* In the form that is wanted. */
static const char *const forms[] = { "text/plain", "text/csv; header=present", NULL };

static void handle_forms(void *ctx, struct http_call *call)
{
    struct buf buf = http_take_buf(call);

    (void)ctx;
    buf_text(&buf, "done");
    http_reply(call, 200, http_call_accepted(call), &buf);
}

static void handle_own_form(void *ctx, struct http_call *call)
{
    static const char *const own[] = { "image/png", NULL };

    (void)ctx;
    assert_null(http_call_accepted(call));
    if (http_accepts_or_406(call, own))
        http_reply_static(call, 200, own[0], "", 0);
}

static void handle_later(void *ctx, struct http_call *call)
{
    (void)ctx;
    http_defer(call);
    push(&fixture.work, call);
}

static void handle_hold(void *ctx, struct http_call *call)
{
    (void)ctx;
    http_defer(call);
    push(&fixture.held, call);
}

static void handle_static(void *ctx, struct http_call *call)
{
    (void)ctx;
    http_set_header(call, "Cache-Control", "max-age=60");
    http_reply_static(call, 200, "text/css", "body{}", 6);
}

static void handle_alive(void *ctx, struct http_call *call)
{
    static const char alive[] = "alive";

    (void)ctx;
    http_reply_static(call, 200, "text/plain", alive, sizeof(alive) - 1);
}

/* A field that is another for each, under the same bytes. */
static void handle_tagged(void *ctx, struct http_call *call)
{
    struct buf buf = http_take_buf(call);

    (void)ctx;
    buf_text(&buf, "tagged");
    http_set_header(call, "ETag", http_call_param(call, 0));
    http_reply(call, 200, "text/plain", &buf);
}

static void handle_failed(void *ctx, struct http_call *call)
{
    struct buf buf = http_take_buf(call);

    (void)ctx;
    buf_text(&buf, "half an answer");
    buf.failed = true;
    http_reply(call, 200, "text/plain", &buf);
}

static void handle_silent(void *ctx, struct http_call *call)
{
    (void)ctx;
    (void)call;
}

static void handle_busy(void *ctx, struct http_call *call)
{
    struct problem problem;

    (void)ctx;
    problem_set(&problem, 429, "queue_full", "bad bytes: \xff\x01\"");
    problem.retry_after_s = 2;
    http_reply_problem(call, &problem);
}

static const char *const arguments[] = { "model", "limit", NULL };

static const struct http_route routes[] = {
    { "POST", "/echo", FIXTURE_MAX_BODY, 0, handle_echo, NULL, NULL },
    { "GET", "/echo", 0, 0, handle_echo, NULL, NULL },
    { "GET", "/asked", 0, 0, handle_echo, NULL, arguments },
    { "POST", "/large", (size_t)3 << 20, 0, handle_echo, NULL, NULL },
    { "GET", "/models/{m}", 0, 0, handle_describe, NULL, NULL },
    { "POST", "/later", FIXTURE_MAX_BODY, 0, handle_later, NULL, NULL },
    { "GET", "/hold", 0, 0, handle_hold, NULL, NULL },
    { "GET", "/forms", 0, 0, handle_forms, forms, NULL },
    { "POST", "/forms", FIXTURE_MAX_BODY, 0, handle_forms, forms, NULL },
    { "GET", "/v2/forms", 0, 0, handle_forms, forms, NULL },
    { "GET", "/own-form", 0, 0, handle_own_form, NULL, NULL },
    { "GET", "/static", 0, 0, handle_static, NULL, NULL },
    { "GET", "/alive", 0, 0, handle_alive, NULL, NULL },
    { "POST", "/alive", 0, 0, handle_alive, NULL, NULL },
    { "GET", "/tagged/{tag}", 0, 0, handle_tagged, NULL, NULL },
    { "GET", "/failed", 0, 0, handle_failed, NULL, NULL },
    { "GET", "/v2/failed", 0, 0, handle_failed, NULL, NULL },
    { "GET", "/silent", 0, 0, handle_silent, NULL, NULL },
    { "GET", "/busy", 0, 0, handle_busy, NULL, NULL },
    { "GET", "/v2/busy", 0, 0, handle_busy, NULL, NULL },
    { "GET", "/read", 0, TOKEN_READ, handle_echo, NULL, NULL },
    { "GET", "/admin", 0, TOKEN_ADMIN, handle_echo, NULL, NULL },
    { "POST", "/admin", FIXTURE_MAX_BODY, TOKEN_ADMIN, handle_echo, NULL, NULL },
    { "GET", "/v2/admin", 0, TOKEN_ADMIN, handle_echo, NULL, NULL },
};

static void on_done(void *ctx, const struct http_done *done)
{
    (void)ctx;
    if (done->status == 0)
        atomic_fetch_add(&fixture.unanswered, 1);
    if (done->route < sizeof(routes) / sizeof(routes[0]))
        atomic_fetch_add(&fixture.matched, 1);
    atomic_fetch_add(&fixture.done,
                     1); /* last: tests wait for it, then read the others */
}

static void on_log(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

/* -- Threads -- */

static void *accept_loop(void *arg)
{
    struct pollfd fds[] = { { .fd = fixture.listener, .events = POLLIN },
                            { .fd = fixture.stop, .events = POLLIN } };

    (void)arg;
    for (;;) {
        (void)poll(fds, 2, -1);
        if (fds[1].revents != 0)
            return NULL;
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        int fd = accept4(fixture.listener, (struct sockaddr *)&peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            (void)!http_server_add(fixture.server, fd, (struct sockaddr *)&peer, len);
    }
}

static void *work_loop(void *arg)
{
    struct http_call *call;

    (void)arg;
    while ((call = pull(&fixture.work)) != NULL) {
        struct buf buf = BUF_INIT;
        reply_body(call, &buf);
    }
    return NULL;
}

static void queue_init(struct queue *queue)
{
    queue->first = queue->n = 0;
    queue->closed = false;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
}

struct http_server *fixture_start(unsigned n_threads, unsigned connection_limit)
{
    struct http_options options = {
        .n_threads = n_threads,
        .routes = routes,
        .n_routes = sizeof(routes) / sizeof(routes[0]),
        .unpacks = handle_later,
        .on_done = on_done,
        .on_log = on_log,
        .idle_timeout_s = 75,
        .connection_limit = connection_limit,
        .body_memory = 1 << 30,
        .connection_memory = 32768,
    };
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    char why[ERR_LEN];

    memset(&fixture, 0, sizeof(fixture));
    queue_init(&fixture.work);
    queue_init(&fixture.held);
    assert_int_equal(http_server_new(&options, &fixture.server, why), ST_OK);
    fixture.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    fixture.stop = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(bind(fixture.listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fixture.listener, 128), 0);
    assert_int_equal(getsockname(fixture.listener, (struct sockaddr *)&address, &len), 0);
    fixture.port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&fixture.acceptor, NULL, accept_loop, NULL), 0);
    for (int i = 0; i < N_WORKERS; i++)
        assert_int_equal(pthread_create(&fixture.workers[i], NULL, work_loop, NULL), 0);
    return fixture.server;
}

void fixture_stop(void)
{
    assert_int_equal(eventfd_write(fixture.stop, 1), 0);
    pthread_join(fixture.acceptor, NULL);
    close(fixture.listener);
    close(fixture.stop);
    fixture_release(fixture.held.n);
    close_queue(&fixture.work);
    for (int i = 0; i < N_WORKERS; i++)
        pthread_join(fixture.workers[i], NULL);
    http_server_free(fixture.server);
    pthread_mutex_destroy(&fixture.work.lock);
    pthread_mutex_destroy(&fixture.held.lock);
}

int fixture_setup(void **state)
{
    *state = fixture_start(2, 1000);
    return 0;
}

int fixture_teardown(void **state)
{
    (void)state;
    fixture_stop();
    return 0;
}

unsigned fixture_port(void)
{
    return fixture.port;
}

struct fixture_counts fixture_counts(void)
{
    return (struct fixture_counts) { .done = atomic_load(&fixture.done),
                                     .unanswered = atomic_load(&fixture.unanswered),
                                     .matched = atomic_load(&fixture.matched) };
}

void fixture_wait_held(size_t n)
{
    pthread_mutex_lock(&fixture.held.lock);
    while (fixture.held.n < n)
        pthread_cond_wait(&fixture.held.changed, &fixture.held.lock);
    pthread_mutex_unlock(&fixture.held.lock);
}

void fixture_release(size_t n)
{
    while (n-- > 0) {
        struct buf buf = BUF_INIT;
        struct http_call *call = pull(&fixture.held);

        atomic_store(&fixture.gone, http_call_client_gone(call));
        atomic_store(&fixture.left, http_call_client_left(call));
        buf_text(&buf, "released");
        http_reply(call, 200, "text/plain", &buf);
    }
}

bool fixture_saw_client_gone(void)
{
    return atomic_load(&fixture.gone);
}

bool fixture_saw_client_left(void)
{
    return atomic_load(&fixture.left);
}
