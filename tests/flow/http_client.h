/* SPDX-License-Identifier: Apache-2.0 */
/* http_client.h - a plain HTTP/1.1 client that can also misbehave. Whatever goes wrong on
 * the client's own side fails the running test; nothing waits longer than 10 s.
 */
#ifndef TESTS_FLOW_HTTP_CLIENT_H
#define TESTS_FLOW_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_CLIENT_ROOM ((size_t)1 << 20)

struct http_client {
    int fd;
    char *data; /* received, not yet read as a response */
    size_t len;
};

struct http_response {
    unsigned status;
    char head[4096]; /* status line and header lines */
    char *body;      /* ours, zero-terminated */
    size_t body_len;
};

/* Connects to 127.0.0.1. */
void http_client_open(struct http_client *client, unsigned port);
/* Takes over a connected socket. */
void http_client_wrap(struct http_client *client, int fd);
void http_client_close(struct http_client *client);
/* False if the server has closed meanwhile. */
bool http_client_send(struct http_client *client, const void *bytes, size_t len);
bool http_client_text(struct http_client *client, const char *text);
/* Reads one response; free it with http_response_done. False if the connection ended
 * before one began. `to_head`: the request was HEAD, so there is no body. */
bool http_client_read(struct http_client *client, bool to_head,
                      struct http_response *ret_response);
/* Sends and reads: for requests that must be answered. */
void http_client_ask(struct http_client *client, const char *request,
                     struct http_response *ret_response);
/* True once the server closes without another byte. */
bool http_client_ended(struct http_client *client);
void http_response_done(struct http_response *response);
/* Value of a header, in static memory of the thread; NULL if it is not there. */
const char *http_response_header(const struct http_response *response, const char *name);

#endif
