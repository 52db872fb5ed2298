/* SPDX-License-Identifier: Apache-2.0 */
/* Followers of a whole daemon: slow ones, many at once, some that leave. */
#include "tests/flow/serve_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLLOW "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
/* Without chunks in between. */
#define FOLLOW_PLAINLY "GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n\r\n"

/* Reads on until `text` has come; more is kept for the next call. False: closed. */
struct reader {
    int fd;
    size_t len;
    char text[400000];
};

static bool read_more(struct reader *reader)
{
    ssize_t n = recv(reader->fd, reader->text + reader->len,
                     sizeof(reader->text) - 1 - reader->len, 0);

    reader->len += n > 0 ? (size_t)n : 0;
    reader->text[reader->len] = '\0';
    return n > 0;
}

static bool read_until(struct reader *reader, const char *text)
{
    for (;;) {
        reader->text[reader->len] = '\0';
        char *at = strstr(reader->text, text);
        if (at != NULL) {
            size_t used = (size_t)(at - reader->text) + strlen(text);
            reader->len -= used;
            memmove(reader->text, reader->text + used, reader->len + 1);
            return true;
        }
        /* What has been looked at, but for a beginning of the text. */
        if (reader->len > sizeof(reader->text) / 2) {
            memmove(reader->text, reader->text + reader->len - 100, 100);
            reader->len = 100;
        }
        if (!read_more(reader))
            return false;
    }
}

/* The id of the event that this text is of. */
static unsigned long long read_id(struct reader *reader, const char *text)
{
    const char *id = NULL, *of;

    while ((of = strstr(reader->text, text)) == NULL)
        assert_true(read_more(reader));
    for (const char *at = reader->text; (at = strstr(at, "id: ")) != NULL && at < of;
         at++)
        id = at;
    assert_non_null(id);
    return strtoull(id + strlen("id: "), NULL, 10);
}

static void publish(struct serve *serve, unsigned number, size_t padding)
{
    struct buf data = BUF_INIT;

    buf_printf(&data, "{\"number\":%u,\"padding\":\"", number);
    for (size_t i = 0; i < padding; i++)
        buf_char(&data, 'x');
    buf_text(&data, "\"}");
    events_publish(serve->daemon.events, "test", &data);
    buf_free(&data);
}

static void who_does_not_read_misses_events_and_hears_how_many(void **state)
{
    enum { N = 400 };
    static struct reader reader;
    struct serve *serve = *state;
    struct http_client slow;
    char expected[64];

    serve_start(serve, 1000000, 16);
    http_client_open(&slow, serve->port);
    assert_true(http_client_text(&slow, FOLLOW_PLAINLY));
    reader = (struct reader) { .fd = slow.fd };
    assert_true(read_until(&reader, "retry: 2000\n\n"));
    /* 40 MB: more than sockets and stream hold. */
    for (unsigned i = 0; i < N; i++)
        publish(serve, i, 100000);
    /* It begins with the first ones, then there is a gap, then it goes on. */
    assert_true(read_until(&reader, "data: {\"number\":0,"));
    assert_true(read_until(&reader, "data: {\"number\":1,"));
    /* The status, each second, is what comes next once there is room. */
    assert_true(read_until(&reader, "event: gap\ndata: {\"missed\":"));
    assert_true(read_until(&reader, "event: status\n"));
    publish(serve, N, 0);
    (void)snprintf(expected, sizeof(expected), "data: {\"number\":%u,", (unsigned)N);
    assert_true(read_until(&reader, expected));
    http_client_close(&slow);
    serve_stop(serve);
}

static void publish_kept(struct serve *serve, unsigned number)
{
    struct metrics_event event = { .severity = METRICS_INFO, .kind = "test" };

    (void)snprintf(event.message, sizeof(event.message), "number %u", number);
    events_event(serve->daemon.events, &event, NULL);
}

static void who_was_away_for_too_long_hears_of_a_gap(void **state)
{
    enum { KEPT = 256, LOST = 100 };
    static struct reader reader;
    struct serve *serve = *state;
    struct http_client client;
    char expected[64], request[128];

    serve_start(serve, 1000000, 16);
    http_client_open(&client, serve->port);
    assert_true(http_client_text(&client, FOLLOW_PLAINLY));
    reader = (struct reader) { .fd = client.fd };
    assert_true(read_until(&reader, "retry: 2000\n\n"));
    publish_kept(serve, 0);
    unsigned long long id = read_id(&reader, "number 0\"");
    for (unsigned i = 1; i <= LOST; i++) {
        publish_kept(serve, i);
        publish(serve, i, 10); /* nobody who comes back hears of it */
    }
    http_client_close(&client);
    for (unsigned i = LOST + 1; i <= LOST + KEPT; i++)
        publish_kept(serve, i);

    http_client_open(&client, serve->port);
    (void)snprintf(request, sizeof(request),
                   "GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n"
                   "Last-Event-ID: %llu\r\n\r\n",
                   id);
    assert_true(http_client_text(&client, request));
    reader = (struct reader) { .fd = client.fd };
    (void)snprintf(expected, sizeof(expected), "event: gap\ndata: {\"missed\":%u}\n",
                   (unsigned)LOST);
    assert_true(read_until(&reader, expected));
    (void)snprintf(expected, sizeof(expected), "\"number %u\"", LOST + 1u);
    assert_true(read_until(&reader, "\"message\":"));
    assert_true(read_until(&reader, expected));
    (void)snprintf(expected, sizeof(expected), "\"number %u\"", (unsigned)(LOST + KEPT));
    assert_true(read_until(&reader, expected));
    publish_kept(serve, 9999);
    assert_true(read_until(&reader, "\"number 9999\""));
    http_client_close(&client);
    serve_stop(serve);
}

/* Follows, reads a little, leaves; again and again. */
static atomic_uint n_coming;

static void *come_and_go(void *arg)
{
    struct serve *serve = arg;
    struct reader *reader = malloc(sizeof(*reader));

    for (unsigned i = 0; reader != NULL && i < 40; i++) {
        struct http_client client;

        http_client_open(&client, serve->port);
        *reader = (struct reader) { .fd = client.fd };
        if (http_client_text(&client, FOLLOW_PLAINLY) && i % 3 != 0)
            (void)read_until(reader, "event: ");
        http_client_close(&client);
    }
    free(reader);
    atomic_fetch_sub(&n_coming, 1);
    return NULL;
}

static void followers_come_and_go_while_much_is_told(void **state)
{
    enum { N = 4 };
    struct serve *serve = *state;
    pthread_t threads[N];

    serve_start(serve, 1000000, 16);
    atomic_store(&n_coming, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, serve), 0);
    for (unsigned i = 0; atomic_load(&n_coming) > 0; i++) {
        publish(serve, i, i % 200);
        if (i % 10 == 0)
            serve_wait_a_little();
    }
    for (size_t i = 0; i < N; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    /* Nobody is left: the connections end with what is told next. */
    for (unsigned i = 0; i < 1000 && events_followed(serve->daemon.events); i++) {
        publish(serve, i, 10);
        serve_wait_a_little();
    }
    assert_false(events_followed(serve->daemon.events));
    serve_stop(serve);
}

static void the_end_ends_every_stream(void **state)
{
    enum { N = 5 };
    static struct reader readers[N];
    struct http_client clients[N];
    struct serve *serve = *state;

    serve_start(serve, 1000000, 16);
    for (size_t i = 0; i < N; i++) {
        http_client_open(&clients[i], serve->port);
        assert_true(http_client_text(&clients[i], FOLLOW));
        readers[i] = (struct reader) { .fd = clients[i].fd };
        assert_true(read_until(&readers[i], "retry: 2000\n\n"));
    }
    publish(serve, 77, 0);
    serve_terminate(serve);
    for (size_t i = 0; i < N; i++) {
        assert_true(read_until(&readers[i], "{\"number\":77,"));
        /* The last chunk of a whole answer. */
        assert_true(read_until(&readers[i], "\r\n0\r\n\r\n"));
        http_client_close(&clients[i]);
    }
    serve_join(serve);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, serve_setup, serve_teardown)
    const struct CMUnitTest tests[] = {
        FRESH(who_does_not_read_misses_events_and_hears_how_many),
        FRESH(who_was_away_for_too_long_hears_of_a_gap),
        FRESH(followers_come_and_go_while_much_is_told),
        FRESH(the_end_ends_every_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
