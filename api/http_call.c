/* SPDX-License-Identifier: Apache-2.0 */
/* http_call.c - one request from its first line to its last byte, and what handlers see.
 */
#include "api/http_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* -- Life -- */

static void keep_small(struct buf *buf)
{
    if (buf->cap > HTTP_KEEP_CAP)
        buf_free(buf);
    else
        buf_clear(buf);
}

static void call_free(struct http_call *call)
{
    buf_free(&call->target);
    buf_free(&call->path);
    buf_free(&call->args);
    buf_free(&call->accept_lines);
    buf_free(&call->body);
    buf_free(&call->answer);
    buf_free(&call->headers);
    free(call);
}

void http_call_free_spare(struct http_thread *thread)
{
    while (thread->spare != NULL) {
        struct http_call *call = thread->spare;
        thread->spare = call->next;
        call_free(call);
    }
}

void http_call_recycle(struct http_call *call)
{
    struct http_thread *thread = call->thread;

    http_call_body_release(call);
    if (thread->n_spare == HTTP_KEEP_CALLS) {
        call_free(call);
        return;
    }
    keep_small(&call->target);
    keep_small(&call->path);
    keep_small(&call->args);
    keep_small(&call->accept_lines);
    keep_small(&call->body);
    keep_small(&call->answer);
    keep_small(&call->headers);
    call->next = thread->spare;
    thread->spare = call;
    thread->n_spare++;
}

static struct http_call *take_spare(struct http_thread *thread)
{
    struct http_call *call = thread->spare;

    if (call == NULL)
        return calloc(1, sizeof(*call));
    thread->spare = call->next;
    thread->n_spare--;
    return call;
}

/* The index of the data thread on top, so that whoever reads an id knows where to look.
 */
static uint64_t next_id(struct http_thread *thread)
{
    return (uint64_t)thread->index << 56 | (thread->next_id++ & (UINT64_MAX >> 8));
}

static void write_hex(uint64_t value, char ret_text[17])
{
    for (int i = 15; i >= 0; i--, value >>= 4)
        ret_text[i] = "0123456789abcdef"[value & 15];
    ret_text[16] = '\0';
}

/* A space or a control character. Without a jump, so that the compiler takes many at
 * once. */
static bool has_blank(const char *text, size_t len)
{
    unsigned blank = 0;

    for (size_t i = 0; i < len; i++)
        blank |= (unsigned char)text[i] <= ' ' || text[i] == 0x7f;
    return blank != 0;
}

/* Behind what the target holds already, which may move. */
static void keep_authority(struct http_call *call, const char *authority, size_t len)
{
    size_t at = call->target.len, query = 0;

    if (call->query != NULL)
        query = (size_t)(call->query - call->target.data);
    buf_bytes(&call->target, authority, len);
    buf_char(&call->target, '\0');
    if (call->target.failed)
        return;
    call->authority = call->target.data + at;
    if (call->query != NULL)
        call->query = call->target.data + query;
}

/* The authority of an absolute target; NULL if it is none. */
static const char *behind_scheme(const char *target)
{
    static const char *const schemes[] = { "http://", "https://" };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncasecmp(target, schemes[i], strlen(schemes[i])) == 0)
            return target + strlen(schemes[i]);
    return NULL;
}

/* Keeps path and query as two texts, and the host of an absolute target
 * ("http://host/path", be the connection secured or not: a proxy may have done that); a
 * space or control character has no place in a target. */
static void keep_target(struct http_call *call, const char *target)
{
    const char *authority = NULL;
    size_t authority_len = 0;

    call->query = call->authority = NULL;
    if (target[0] != '/')
        authority = behind_scheme(target);
    if (authority != NULL) {
        authority_len = strcspn(authority, "/?");
        target = authority + authority_len;
        if (*target != '/')
            buf_char(&call->target, '/');
    }

    size_t len = strlen(target), start = call->target.len;
    call->target_broken = has_blank(target, len);
    buf_bytes(&call->target, target, len + 1);
    char *mark = call->target.failed ? NULL : strchr(call->target.data + start, '?');
    if (mark != NULL) {
        *mark = '\0';
        call->query = mark + 1;
    }
    if (authority != NULL)
        keep_authority(call, authority, authority_len);
}

struct http_call *http_call_begin(struct http_thread *thread, struct http_conn *conn,
                                  struct MHD_Connection *mhd, const char *target)
{
    struct http_call *call = take_spare(thread);
    if (call == NULL)
        return NULL;

    call->thread = thread;
    keep_target(call, target);
    if (call->target.failed) {
        http_call_recycle(call);
        return NULL;
    }
    call->conn = conn;
    call->mhd = mhd;
    call->id = next_id(thread);
    write_hex(call->id, call->id_text);
    call->began_ns = http_now_ns();
    atomic_store_explicit(&conn->since_ns, call->began_ns, memory_order_relaxed);
    atomic_store_explicit(&conn->state, HTTP_CONN_HEAD, memory_order_release);

    const char *path = call->target.data;
    call->v2 = strncmp(path, "/v2", 3) == 0 && (path[3] == '/' || path[3] == '\0');
    call->verdict = HTTP_FINE;
    call->access = ACCESS_OK;
    call->token[0] = '\0';
    call->method = "_other";
    call->match.route = thread->server->options.n_routes;
    call->match.n_params = 0;
    call->content_type[0] = call->traceparent[0] = call->forwarded[0] = '\0';
    call->accept = call->accepted = NULL;
    call->head_seen = call->args_decoded = false;
    call->dropped = call->body_arrived = 0;
    call->dispatched = call->deferred = call->answered = call->own_cache_control = false;
    call->status = call->n_headers = 0;
    call->static_bytes = NULL;
    call->stream = NULL;
    call->kept = NULL;
    call->request_open = true;
    call->response_open = false;
    return call;
}

/* 0 unless an answer went out whole: ours, or one that the library made itself. */
static unsigned sent_status(const struct http_call *call,
                            enum MHD_RequestTerminationCode code)
{
    if (call->answered)
        return code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? call->status : 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info == NULL ? 0 : info->http_status;
}

void http_call_end(struct http_call *call, enum MHD_RequestTerminationCode code)
{
    const struct http_options *options = &call->thread->server->options;
    uint64_t now_ns = http_now_ns();

    atomic_store_explicit(&call->conn->since_ns, now_ns, memory_order_relaxed);
    if (atomic_load_explicit(&call->conn->state, memory_order_relaxed) == HTTP_CONN_LONG)
        (void)MHD_set_connection_option(call->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    atomic_store_explicit(&call->conn->state, HTTP_CONN_IDLE, memory_order_release);
    if (options->on_done != NULL) {
        struct http_done done = {
            .route = call->match.route,
            .method = call->method,
            .status = sent_status(call, code),
            .bytes = http_call_answer_len(call),
            .duration_ns = now_ns - call->began_ns,
            .call = call,
        };
        options->on_done(options->ctx, &done);
    }
    http_kept_give_back(call);
    call->request_open = false;
    if (!call->response_open)
        http_call_recycle(call);
}

/* -- What handlers ask -- */

unsigned http_call_thread(const struct http_call *call)
{
    return call->thread->index;
}

uint64_t http_call_id(const struct http_call *call)
{
    return call->id;
}

uint64_t http_call_began_ns(const struct http_call *call)
{
    return call->began_ns;
}

uint64_t http_call_handled_ns(const struct http_call *call)
{
    return call->handled_ns;
}

const char *http_call_method(const struct http_call *call)
{
    return call->method;
}

const char *http_call_path(const struct http_call *call)
{
    return call->target.data;
}

const char *http_call_param(const struct http_call *call, size_t i)
{
    return i < call->match.n_params ? call->match.param[i] : NULL;
}

/* Decodes the whole query when it is first asked for. */
static void decode_args(struct http_call *call)
{
    size_t len = strlen(call->query);

    call->args_decoded = true;
    call->n_args = 0;
    buf_bytes(&call->args, call->query, len + 1);
    for (size_t i = 0; i <= len; i++)
        buf_char(&call->args, '\0');
    if (!call->args.failed)
        call->n_args = http_route_decode_query(call->args.data);
}

/* How many there are. */
static size_t count_args(const struct http_call *call)
{
    if (call->query == NULL)
        return 0;
    if (!call->args_decoded)
        decode_args((struct http_call *)call); /* a cache; handlers never see it change */
    return call->n_args;
}

const char *http_call_query(const struct http_call *call, const char *name)
{
    size_t n = count_args(call);
    const char *at = call->args.data;

    for (size_t i = 0; i < n; i++) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

const char *http_call_query_name(const struct http_call *call, size_t i)
{
    size_t n = count_args(call);
    const char *at = call->args.data;

    if (i >= n)
        return NULL;
    for (; i > 0; i--) {
        at += strlen(at) + 1;
        at += strlen(at) + 1;
    }
    return at;
}

const char *http_call_unknown_argument(const struct http_call *call, size_t *i)
{
    const char *const *known = http_call_route(call)->query;
    const char *name;

    while (known != NULL && (name = http_call_query_name(call, *i)) != NULL) {
        size_t k = 0;

        ++*i;
        while (known[k] != NULL && strcmp(known[k], name) != 0)
            k++;
        if (known[k] == NULL)
            return name;
    }
    return NULL;
}

const char *http_call_token(const struct http_call *call)
{
    return call->token;
}

bool http_call_judged_before(const struct http_call *call)
{
    return call->n_access != call->thread->server->n_access;
}

const char *http_call_traceparent(const struct http_call *call)
{
    return call->traceparent;
}

const char *http_call_forwarded(const struct http_call *call)
{
    return call->forwarded;
}

void http_call_peer(const struct http_call *call, char ret_peer[HTTP_PEER_LEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info->client_addr;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

    ret_peer[0] = '\0';
    if (address->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, ret_peer, HTTP_PEER_LEN);
    else if (v4->sin_addr.s_addr == htonl(INADDR_ANY)) /* http_server_add's stand-in */
        (void)snprintf(ret_peer, HTTP_PEER_LEN, "unix");
    else
        (void)inet_ntop(AF_INET, &v4->sin_addr, ret_peer, HTTP_PEER_LEN);
}

const char *http_call_header(const struct http_call *call, const char *name)
{
    return MHD_lookup_connection_value(call->mhd, MHD_HEADER_KIND, name);
}

const char *http_call_content_type(const struct http_call *call)
{
    return call->content_type;
}

const char *http_call_accepted(const struct http_call *call)
{
    return call->accepted;
}

const uint8_t *http_call_body(const struct http_call *call, size_t *ret_len)
{
    *ret_len = call->body.len;
    return (const uint8_t *)(call->body.len == 0 ? "" : call->body.data);
}

bool http_call_is_packed(const struct http_call *call)
{
    return call->packed;
}

void http_call_set_body(struct http_call *call, struct buf *body)
{
    buf_free(&call->body);
    call->body = *body;
    *body = (struct buf)BUF_INIT;
    call->packed = false;
}

bool http_conn_peer_gone(const struct http_conn *conn)
{
    char byte;

    if (atomic_load(&conn->shut))
        return false; /* we closed that half ourselves; sending will tell */
    ssize_t len = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR);
}

bool http_call_client_gone(const struct http_call *call)
{
    return http_conn_peer_gone(call->conn);
}

bool http_call_client_left(const struct http_call *call)
{
    return atomic_load(&call->conn->gone);
}
