/* SPDX-License-Identifier: Apache-2.0 */
/* http_internal.h - what http.c (connections, threads), http_head.c (is this request
 * sound?), http_body.c, http_call.c (what handlers see), http_refuse.c, http_answer.c,
 * http_kept.c and http_stream.c share. Inside api/ only.
 *
 *   http_call_begin    request line read          take a call, keep the target as sent
 *   http_head_check    head complete              framing, path, route, limits
 *   http_call_body_add piece of the body          keep or drop
 *   (handler)          request complete           answers now or later
 *   http_call_send     data thread, answer known  hand it to the library
 *   http_call_end      sent, or connection lost   tell on_done, recycle
 */
#ifndef API_HTTP_INTERNAL_H
#define API_HTTP_INTERNAL_H

#include "api/http.h"
#include "api/http_route.h"
#include "api/http_stream.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* Bodies that nobody wants are read and dropped up to here, so that the client hears why
 * and may keep its connection; beyond, the connection closes (at once if the length was
 * told). */
#define HTTP_DROP_MAX ((uint64_t)1 << 20)
/* Larger buffers are given back after a request instead of being kept for the next. */
#define HTTP_KEEP_CAP ((size_t)64 << 10)
/* Spare calls kept per data thread. */
#define HTTP_KEEP_CALLS  256
#define HTTP_MAX_HEADERS 8
/* Who does not take so much within the idle timeout does not take it. */
#define HTTP_SHORT_ANSWER ((size_t)16 * 1024)
/* Places for responses that a data thread keeps: several kinds of answers, some tens of
 * lengths each. */
#define HTTP_KEPT     128
#define HTTP_ID_FIELD "X-Request-Id"

enum http_conn_state {
    HTTP_CONN_FRESH, /* accepted, nothing of a request seen */
    HTTP_CONN_IDLE,  /* between two requests */
    HTTP_CONN_HEAD,  /* request line read, head not complete */
    HTTP_CONN_BODY,  /* head complete, body not */
    HTTP_CONN_BUSY,  /* request complete or refused, not answered */
    HTTP_CONN_SEND,  /* answered, and short; not all of it was taken */
    HTTP_CONN_LONG,  /* the same of a long answer: the library sees whether it goes on */
};

/* A connection, in its data thread's list from accept to close. */
struct http_conn {
    struct http_conn *prev, *next; /* under the thread's lock */
    struct http_thread *thread;
    int fd;
    _Atomic int state; /* enum http_conn_state; written by the data thread */
    _Atomic uint64_t since_ns;
    bool left;        /* http_server_close_left found the peer gone; under the lock */
    atomic_bool gone; /* the same, with a request complete and not answered: for good */
    atomic_bool shut; /* we shut the receiving side, so end of file says nothing */
};

struct http_kept;

struct http_thread {
    struct http_server *server;
    struct MHD_Daemon *daemon;
    unsigned index;

    /* The data thread's own. */
    uint64_t next_id;
    struct http_call *spare;
    size_t n_spare;
    struct http_kept *kept[HTTP_KEPT]; /* ours */

    _Atomic uint64_t handler_ns; /* when the handler began that runs; 0: none does */
    atomic_size_t n_open; /* connections, those on their way to the thread included */
    pthread_mutex_t lock;
    struct http_conn conns; /* head of the ring */
    /* Held by the thread while it reads what the server may swap. Each has its own: a
     * lock for all would go from core to core with every request. */
    pthread_mutex_t swap_lock;
};

struct http_server {
    struct http_options options;
    struct http_route_table *table;
    atomic_bool draining, closing;
    atomic_size_t body_bytes; /* of all calls, but for what is short */
    /* Swapped under the swap_lock of every thread; read under that of one, for a moment,
     * once a request and once a handshake. */
    struct access *access;     /* ours; NULL: everybody may */
    _Atomic uint64_t n_access; /* lists that there were; changes with `access` */
    struct tls *tls;           /* ours; NULL: none yet, or without TLS */
    unsigned next_thread;      /* of the accepting thread */
    unsigned n_threads;
    struct http_thread *threads[];
};

/* What http_head_check found; anything but FINE is answered without the handler. */
enum http_verdict {
    HTTP_FINE,
    HTTP_BAD_FRAMING,
    HTTP_BAD_CODING,
    HTTP_BAD_HOST,
    HTTP_BAD_TARGET,
    HTTP_NOT_FOUND,
    HTTP_BAD_METHOD,
    HTTP_OPTIONS,
    HTTP_NO_ACCESS, /* the call's `access` says why */
    HTTP_NOT_ACCEPTABLE,
    HTTP_BAD_QUERY, /* http_call_unknown_argument names what is not known */
    HTTP_BAD_ENCODING,
    HTTP_TOO_LARGE,
    HTTP_BODIES_FULL,
    HTTP_NO_MEMORY,
};

struct http_call {
    struct http_call *next; /* spare list */
    struct http_thread *thread;
    struct http_conn *conn;
    struct MHD_Connection *mhd;
    uint64_t id, began_ns, handled_ns;
    char id_text[17];

    /* The head. */
    enum http_verdict verdict;
    enum access_verdict access;
    uint64_t n_access;          /* the server's when it was judged */
    char token[TOKEN_NAME_LEN]; /* whose it is; "" if nobody was asked */
    const char *method;         /* static; "_other" if it is none that HTTP APIs use */
    const char *query;          /* in `target`; NULL if there is none */
    const char *authority;      /* likewise, of "http://host/path"; NULL: another form */
    struct buf target;          /* path, query, host as sent, each zero-terminated */
    struct buf path;            /* decoded segments */
    struct buf args;            /* decoded query, once somebody asks */
    size_t n_args;
    struct http_route_path segments;
    struct http_route_match match; /* route is n_routes if none fits */
    char content_type[80];
    char traceparent[56];
    char forwarded[256];     /* the right end of it, if it is longer */
    const char *accept;      /* what is wanted; NULL: anything */
    struct buf accept_lines; /* what `accept` points to, if it came in several */
    const char *accepted;    /* of the route's types; NULL if it has none */
    bool v2, head_seen, args_decoded, target_broken;

    struct buf body;
    size_t body_held;    /* what it is counted for in the server's body_bytes */
    size_t body_arrived; /* of a step of HTTP_BODY_PACE */
    bool packed;         /* the body is in a content coding */
    uint64_t dropped;

    /* The answer; from another thread after http_defer. */
    bool dispatched, deferred, answered, own_cache_control;
    uint64_t deferred_ns;
    unsigned status, n_headers;
    const char *answer_type;
    const void *static_bytes; /* NULL: the answer is in `answer` */
    size_t static_len;
    struct http_stream *stream; /* NULL, or instead of both; a reference */
    struct buf answer;
    struct buf headers; /* name, value, name, value, each zero-terminated */

    /* What the answer is sent with; NULL: a response of its own. */
    struct http_kept *kept;

    /* The call is recycled when the library is done with both. */
    bool request_open, response_open;
};

/* NULL if there is no memory. `target` is the library's own buffer. */
struct http_call *http_call_begin(struct http_thread *thread, struct http_conn *conn,
                                  struct MHD_Connection *mhd, const char *target);
/* Has the peer closed, or at least its sending side, and was all that it sent read? */
bool http_conn_peer_gone(const struct http_conn *conn);
/* Looks at the complete head; true if the answer must go out before the body is read. */
bool http_head_check(struct http_call *call, const char *method, const char *version);
/* The row that its path and method fit. There is one. */
static inline const struct http_route *http_call_route(const struct http_call *call)
{
    return &call->thread->server->options.routes[call->match.route];
}
/* The next argument from the i-th on that the route does not know, NULL: none; *i is
 * behind it then. */
const char *http_call_unknown_argument(const struct http_call *call, size_t *i);
/* Does the handler undo content codings? */
bool http_call_may_be_packed(const struct http_call *call);
/* Would a body of n bytes find room now? Nothing is kept for it: who announces much and
 * sends nothing takes it from nobody. */
bool http_call_has_room(const struct http_call *call, uint64_t n);
/* Keeps or drops a piece of the body; false to close the connection. */
bool http_call_body_add(struct http_call *call, const char *bytes, size_t len);
/* It counts for nothing from now on. */
void http_call_body_release(struct http_call *call);
/* Answers for a verdict other than HTTP_FINE. */
void http_call_refuse(struct http_call *call);
enum MHD_Result http_call_send(struct http_call *call);
void http_call_end(struct http_call *call, enum MHD_RequestTerminationCode code);
/* The library is done with it: it is spare again. */
void http_call_recycle(struct http_call *call);
/* Frees a thread's spare calls. */
void http_call_free_spare(struct http_thread *thread);
/* Of its body, as far as it is ours. */
size_t http_call_answer_len(const struct http_call *call);
/* What goes before the body, all but what the library adds itself; false: no memory. */
bool http_add_fields(const struct http_call *call, struct MHD_Response *response);
bool http_may_be_stored(const struct http_call *call);
bool http_is_draining(const struct http_call *call);

/* A response that was used before or will be again, with the answer of `call` in it,
 * which has it until http_kept_give_back; NULL: this answer needs one of its own. On the
 * data thread, as the others. */
struct MHD_Response *http_kept_take(struct http_call *call);
/* The library sends nothing of it any more. */
void http_kept_give_back(struct http_call *call);
/* All of a thread; none is taken. */
void http_kept_free(struct http_thread *thread);

/* One more reference, the call's; and what it becomes: NULL without memory, the reference
 * taken in any case. */
void http_stream_keep(struct http_stream *stream);
struct MHD_Response *http_stream_response(struct http_stream *stream,
                                          struct MHD_Connection *mhd);

uint64_t http_now_ns(void);

#endif
