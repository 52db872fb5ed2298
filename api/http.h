/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - HTTP/1.1 on libmicrohttpd: parse, route, limit, answer. Knows no daemon state.
 *
 * N data threads, each a libmicrohttpd daemon with its own epoll; connections are handed
 * to them one by one (http_server_add), never listened for here. A route's handler runs
 * on the data thread once the whole body is there, and either answers at once with
 * http_reply or calls http_defer and answers later from any thread.
 * Data threads inherit the signal mask: block what they shall not take (all, in a daemon)
 * before http_server_new.
 */
#ifndef API_HTTP_H
#define API_HTTP_H

#include "api/access.h"
#include "api/buf.h"
#include "api/problem.h"
#include "api/tls.h"

#include <stdint.h>
#include <sys/socket.h>

struct http_server;
struct http_call;

typedef void http_handler(void *ctx, struct http_call *call);

/* One row of the route table; the first row that fits a path and method is taken. GET
 * routes answer HEAD too; OPTIONS and 405 with Allow are derived from the table; an
 * unknown path is 404. At most 16 segments, 8 of them parameters, which are never empty.
 */
struct http_route {
    const char *method;  /* "GET", "POST", "PATCH", ... */
    const char *pattern; /* "/api/v1/models/{m}/classify"; {x} takes one path segment,
                            percent-decoded once; %2F and %00 in it are a 400 */
    size_t max_body;     /* longer bodies are 413; 0: no body is wanted, and is dropped */
    enum token_scope scope; /* what a token must have; 0: everybody may */
    http_handler *handle;
    /* Content-Types of its answers, errors aside, the preferred one first, ended by NULL;
     * a request whose Accept wants none of them is a 406, and nothing is done. NULL: an
     * answer says all with its status, or the handler decides. */
    const char *const *types;
    /* Names of the query arguments that there are, ended by NULL; one that is not among
     * them is a 422, and nothing is done. NULL: queries are not judged here. */
    const char *const *query;
};

/* One finished request, told on the data thread. */
struct http_done {
    size_t route;       /* index in the table, n_routes if none matched */
    const char *method; /* static, from a fixed list; "_other" if it is none of it */
    unsigned status;    /* 0: the client left before an answer went out */
    size_t bytes;       /* of the answer's body, as far as it is ours */
    uint64_t duration_ns;
    const struct http_call *call;
};

/* Bodies that are no longer do not count for http_options.body_memory. */
#define HTTP_SHORT_BODY ((size_t)16 * 1024)
/* What has to come of a body in the time of http_server_close_slow. */
#define HTTP_BODY_PACE ((size_t)8 * 1024)

struct http_options {
    unsigned n_threads;              /* 1..64 */
    bool reserved_thread;            /* one more, for http_server_add_reserved alone */
    const struct http_route *routes; /* borrowed for the life of the server */
    size_t n_routes;
    void *ctx;             /* passed to handlers and callbacks */
    http_handler *unpacks; /* reads bodies in the content codings gzip and deflate too,
                              which are a 415 to all others; NULL: none does */
    void (*on_done)(void *ctx, const struct http_done *done); /* may be NULL */
    void (*on_log)(void *ctx, const char *message); /* of the library; may be NULL */
    bool tls;                /* connections begin with a handshake; http_server_set_tls */
    unsigned idle_timeout_s; /* until who takes nothing of a long answer is cut off; 75 */
    unsigned connection_limit; /* per data thread */
    size_t body_memory; /* bytes that bodies may take together; one that would take more
                           is a 503. Those up to HTTP_SHORT_BODY do not count. */
    size_t connection_memory; /* bytes, >= 4096; 16384. Limits the head; a body comes in
                                 pieces of about half. The library clears all of it for
                                 each request: twice as much costs 0.5 us more. */
};

MUST_CHECK enum status http_server_new(const struct http_options *options,
                                       struct http_server **ret_server,
                                       char why[ERR_LEN]);
/* Hands over an accepted, non-blocking socket; owned by the server in every case (closed
 * on failure). TCP or Unix; `peer` may be NULL. ST_BUSY: every thread is at its
 * connection limit. One thread. */
MUST_CHECK enum status http_server_add(struct http_server *server, int fd,
                                       const struct sockaddr *peer, socklen_t peer_len);
/* The same, on the reserved thread: what is asked there does not wait behind what is
 * asked elsewhere. There is one. */
MUST_CHECK enum status http_server_add_reserved(struct http_server *server, int fd,
                                                const struct sockaddr *peer,
                                                socklen_t peer_len);
/* From the next head on this says who may have what; taken over, the one before is freed.
 * Before the first, everybody may have everything. Any thread. */
void http_server_set_access(struct http_server *server, struct access *access);
/* From the next handshake on this is shown; taken over, the one before is freed. Before
 * the first connection. Any thread. */
void http_server_set_tls(struct http_server *server, struct tls *tls);
/* Open connections; and those of them that are not of the reserved thread. Any thread. */
size_t http_server_connections(const struct http_server *server);
size_t http_server_common_connections(const struct http_server *server);
/* How long the data thread that is in one and the same handler for longest has been
 * there; 0: none is in one. Handlers are quick: seconds mean that one will never end. Any
 * thread.
 */
uint64_t http_server_stuck_ns(const struct http_server *server);
/* From now on every answer closes its connection. Any thread. */
void http_server_drain(struct http_server *server);
/* Shuts the receiving side of connections that have had no request in flight for 0.2 s (a
 * request may be on its way on a busy one, and would be lost). Any thread; call again
 * until no connection is left. */
void http_server_close_idle(struct http_server *server);
/* Shuts every connection, answered or not (after a drain timeout), and those that are
 * added later. Deferred calls must still be answered by whoever holds them. */
void http_server_close_all(struct http_server *server);
/* Shuts connections that have been sending a request head, or nothing at all since they
 * were opened, for `limit_ns`, and those whose body brings less than HTTP_BODY_PACE bytes
 * in that time. Any thread; for a timer. */
void http_server_close_slow(struct http_server *server, uint64_t limit_ns);
/* Shuts connections whose peer closed in the middle of a request, on the second call that
 * finds them so: the library does not notice if the end comes right behind the last
 * bytes. Where the request is complete and not answered, http_call_client_left says so
 * from then on. Any thread; for a timer. */
void http_server_close_left(struct http_server *server);
/* Shuts connections that have been without a request for `limit_ns`, and those whose
 * client has not taken a short answer in that time. (The library's own timeout, which
 * long answers have, would cost each request eight readings of a clock.) Any thread; for
 * a timer. */
void http_server_close_unused(struct http_server *server, uint64_t limit_ns);
/* Stops the threads and frees. No call may be deferred any more, and no http_reply still
 * running on another thread. */
void http_server_free(struct http_server *server);

/* -- The request; valid until answered, strings until the handler's answer is sent -- */

/* Data thread that the call lives on, 0 .. n_threads - 1, or n_threads: the reserved one.
 */
unsigned http_call_thread(const struct http_call *call);
/* 64-bit id, unique in the life of the process and unlikely to recur after it; its text
 * (16 hex digits) is in X-Request-Id. Bits 56..63 are the data thread's index. */
uint64_t http_call_id(const struct http_call *call);
/* CLOCK_MONOTONIC at the first byte of the request head that we saw. */
uint64_t http_call_began_ns(const struct http_call *call);
/* The same when the handler was called. */
uint64_t http_call_handled_ns(const struct http_call *call);
const char *http_call_method(const struct http_call *call);
/* The raw path as sent, without query. */
const char *http_call_path(const struct http_call *call);
/* i-th {} segment of the pattern; NULL beyond the last. */
const char *http_call_param(const struct http_call *call, size_t i);
/* First query argument of that name, decoded; NULL if absent, "" if without value. What
 * is no escape, and %00, stays as it was sent. */
const char *http_call_query(const struct http_call *call, const char *name);
/* Name of the i-th query argument; NULL beyond the last. */
const char *http_call_query_name(const struct http_call *call, size_t i);
/* Name of the token that the request came with; "" if none was asked for. */
const char *http_call_token(const struct http_call *call);
/* Has there been another list of who may have what since this request was judged? For
 * what lasts. */
bool http_call_judged_before(const struct http_call *call);
/* The trace that the request belongs to (W3C Trace Context), as sent; "" if none was sent
 * or it is malformed. */
const char *http_call_traceparent(const struct http_call *call);
/* X-Forwarded-For, all of its lines as one list, as sent; "" if none was. Of one that is
 * longer than 255 bytes the right end. */
const char *http_call_forwarded(const struct http_call *call);
/* Who is at the other end: an address without its port, or "unix". Not after the
 * answer, but for on_done. */
#define HTTP_PEER_LEN 64
void http_call_peer(const struct http_call *call, char ret_peer[HTTP_PEER_LEN]);
/* NULL if absent. */
const char *http_call_header(const struct http_call *call, const char *name);
/* Media type of Content-Type in lower case without parameters, "" if absent. Borrowed. */
const char *http_call_content_type(const struct http_call *call);
/* The one of the route's types that the client wants most; NULL if the route has none. */
const char *http_call_accepted(const struct http_call *call);
/* Does the client want one of these types, where the route does not tell them? Of the
 * form of a route's. False after a 406. On the data thread. */
bool http_accepts_or_406(struct http_call *call, const char *const *types);
/* The body; never NULL, len may be 0. */
const uint8_t *http_call_body(const struct http_call *call, size_t *ret_len);
/* The most bytes that the route allows it. */
size_t http_call_max_body(const struct http_call *call);
/* Is it in a content coding, as only http_options.unpacks gets it? */
bool http_call_is_packed(const struct http_call *call);
/* Puts what was unpacked in its place; `body` is taken over. */
void http_call_set_body(struct http_call *call, struct buf *body);
/* Has the peer gone, or closed its sending side? (Looks at the socket; for use before
 * expensive work.) */
bool http_call_client_gone(const struct http_call *call);
/* Was it so when http_server_close_left looked? No call of the system: for many that
 * wait. */
bool http_call_client_left(const struct http_call *call);

/* -- The answer: exactly one per call -- */

/* The handler will not answer now; http_reply may come from any thread. Call before the
 * call is shown to another thread. */
void http_defer(struct http_call *call);
/* CLOCK_MONOTONIC when that was; 0 of a call that was not deferred. */
uint64_t http_call_deferred_ns(const struct http_call *call);
/* Adds a header to the answer to come; at most 8, both texts copied, value at most 255
 * bytes. Before http_reply, on the thread that will reply. */
void http_set_header(struct http_call *call, const char *name, const char *value);
/* Answers with `body`, whose memory is taken (body is empty afterwards). A failed buffer
 * becomes a 500. content_type is static or NULL. */
void http_reply(struct http_call *call, unsigned status, const char *content_type,
                struct buf *body);
/* Answers with bytes that live as long as the process; not NULL. */
void http_reply_static(struct http_call *call, unsigned status, const char *content_type,
                       const void *bytes, size_t len);
/* Answers with a problem, in the shape that the path wants. */
void http_reply_problem(struct http_call *call, const struct problem *problem);
/* A buffer to build an answer in, recycled per data thread; on the data thread only. */
struct buf http_take_buf(struct http_call *call);

#endif
