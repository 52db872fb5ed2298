/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/flow/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

void http_client_wrap(struct http_client *client, int fd)
{
    struct timeval limit = { .tv_sec = 60 };

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
    client->fd = fd;
    client->len = 0;
    client->data = malloc(HTTP_CLIENT_ROOM + 1);
    assert_non_null(client->data);
}

void http_client_open(struct http_client *client, unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int one = 1;

    http_client_wrap(client, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)),
                     0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
}

void http_client_close(struct http_client *client)
{
    (void)close(client->fd);
    free(client->data);
    client->data = NULL;
}

bool http_client_send(struct http_client *client, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return false;
        assert_true(sent > 0);
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool http_client_text(struct http_client *client, const char *text)
{
    return http_client_send(client, text, strlen(text));
}

/* False at the end of the connection. */
static bool receive(struct http_client *client)
{
    assert_true(client->len < HTTP_CLIENT_ROOM);
    ssize_t len =
        recv(client->fd, client->data + client->len, HTTP_CLIENT_ROOM - client->len, 0);
    if (len == 0 || (len < 0 && errno == ECONNRESET))
        return false;
    assert_true(len > 0);
    client->len += (size_t)len;
    client->data[client->len] = '\0';
    return true;
}

static void forget(struct http_client *client, size_t len)
{
    client->len -= len;
    memmove(client->data, client->data + len, client->len + 1);
}

bool http_client_read(struct http_client *client, bool to_head,
                      struct http_response *ret_response)
{
    const char *end;

    client->data[client->len] = '\0';
    while ((end = strstr(client->data, "\r\n\r\n")) == NULL)
        if (!receive(client)) {
            assert_int_equal(client->len, 0);
            return false;
        }
    size_t head_len = (size_t)(end - client->data) + 4;
    assert_true(head_len < sizeof(ret_response->head));
    memcpy(ret_response->head, client->data, head_len);
    ret_response->head[head_len] = '\0';
    forget(client, head_len);
    assert_int_equal(sscanf(ret_response->head, "HTTP/1.1 %u ", &ret_response->status),
                     1);

    const char *length = http_response_header(ret_response, "Content-Length");
    size_t body_len = length == NULL || to_head ? 0 : (size_t)strtoul(length, NULL, 10);
    while (client->len < body_len)
        assert_true(receive(client));
    ret_response->body = calloc(1, body_len + 1);
    assert_non_null(ret_response->body);
    memcpy(ret_response->body, client->data, body_len);
    ret_response->body_len = body_len;
    forget(client, body_len);
    return true;
}

void http_client_ask(struct http_client *client, const char *request,
                     struct http_response *ret_response)
{
    assert_true(http_client_text(client, request));
    assert_true(
        http_client_read(client, strncmp(request, "HEAD ", 5) == 0, ret_response));
}

bool http_client_ended(struct http_client *client)
{
    return client->len == 0 && !receive(client);
}

void http_response_done(struct http_response *response)
{
    free(response->body);
    response->body = NULL;
}

const char *http_response_header(const struct http_response *response, const char *name)
{
    static _Thread_local char value[1024];
    size_t len = strlen(name);

    for (const char *line = strstr(response->head, "\r\n"); line != NULL;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
            continue;
        assert_int_equal(sscanf(line + 2 + len, ": %1023[^\r]", value), 1);
        return value;
    }
    return NULL;
}
