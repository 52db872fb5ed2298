/* SPDX-License-Identifier: Apache-2.0 */
/* http.c - data threads, connections and the callbacks of libmicrohttpd. */
#include "api/http.h"

#include "api/http_internal.h"
#include "api/tls_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
/* Those that RFC 8996 left. */
#define TLS_VERSIONS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
/* A connection that was quiet for so short may have a request on its way to us. */
#define IDLE_GRACE_NS 200000000u
/* The library counts a connection a moment longer than we do. */
#define LIMIT_SLACK 64u

uint64_t http_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* -- Callbacks of the library, on the data thread -- */

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_thread *thread = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct http_conn *conn = calloc(1, sizeof(*conn));
        *socket_context = conn;
        if (conn == NULL)
            return; /* its first request will find no connection and close it */
        conn->thread = thread;
        conn->fd =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        atomic_store(&conn->since_ns, http_now_ns());
        pthread_mutex_lock(&thread->lock);
        conn->prev = &thread->conns;
        conn->next = thread->conns.next;
        conn->next->prev = conn;
        thread->conns.next = conn;
        /* http_server_close_all did not see this one if it came first. */
        if (atomic_load(&thread->server->closing))
            (void)shutdown(conn->fd, SHUT_RDWR);
        pthread_mutex_unlock(&thread->lock);
        return;
    }

    struct http_conn *conn = *socket_context;
    if (conn != NULL) {
        pthread_mutex_lock(&thread->lock);
        conn->prev->next = conn->next;
        conn->next->prev = conn->prev;
        pthread_mutex_unlock(&thread->lock);
        free(conn);
    }
    atomic_fetch_sub(&thread->n_open, 1);
}

/* The target before the library decodes it; the library calls this a log callback. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct http_thread *thread = cls;
    struct http_conn *conn =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    if (conn == NULL)
        return NULL;
    struct http_call *call = http_call_begin(thread, conn, mhd, target);
    if (call == NULL)
        return NULL;
    /* The library goes on to make one list entry of each query argument, and a connection
     * whose pool is too small for them hangs. We have a copy, so it shall see none: this
     * is its own writable read buffer, which it cuts at the same place just after us. */
    char *query = call->query == NULL ? NULL : strchr(target, '?');
    if (query != NULL)
        query[1] = '\0';
    return call;
}

/* Leaves the path as it is; ours is decoded segment by segment. */
static size_t on_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static void run_handler(struct http_call *call)
{
    const struct http_options *options = &call->thread->server->options;
    struct http_thread *thread = call->thread;

    call->handled_ns = http_now_ns();
    atomic_store_explicit(&thread->handler_ns, call->handled_ns, memory_order_relaxed);
    atomic_store_explicit(&call->conn->since_ns, call->handled_ns, memory_order_relaxed);
    options->routes[call->match.route].handle(options->ctx, call);
    atomic_store_explicit(&thread->handler_ns, 0, memory_order_relaxed);
}

static enum MHD_Result dispatch(struct http_call *call)
{
    call->dispatched = true;
    atomic_store_explicit(&call->conn->state, HTTP_CONN_BUSY, memory_order_relaxed);
    if (call->verdict == HTTP_FINE)
        run_handler(call);
    else
        http_call_refuse(call);
    if (call->deferred)
        return MHD_YES; /* from here on another thread may write to the call */
    if (!call->answered) {
        struct problem problem;
        problem_set(&problem, 500, "internal", "the handler gave no answer");
        http_reply_problem(call, &problem);
    }
    return http_call_send(call);
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version,
                                 const char *upload, size_t *upload_len, void **context)
{
    struct http_call *call = *context;

    (void)cls;
    (void)mhd;
    (void)url;
    if (call == NULL)
        return MHD_NO; /* no memory for it */
    if (!call->head_seen) {
        call->head_seen = true;
        atomic_store_explicit(&call->conn->state, HTTP_CONN_BODY, memory_order_relaxed);
        if (!http_head_check(call, method, version))
            return MHD_YES;
        atomic_store_explicit(&call->conn->state, HTTP_CONN_BUSY, memory_order_relaxed);
        call->dispatched = true;
        http_call_refuse(call);
        return http_call_send(call);
    }
    /* No bytes at all where the next request waits behind one that expects 100 and has no
     * body: no answer is taken yet. */
    if (upload != NULL) {
        bool open = http_call_body_add(call, upload, *upload_len);
        *upload_len = 0;
        return open ? MHD_YES : MHD_NO;
    }
    if (!call->dispatched)
        return dispatch(call);
    return http_call_send(call); /* resumed */
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)mhd;
    if (*context != NULL)
        http_call_end(*context, code);
    *context = NULL;
}

static void PRINTF_LIKE(2, 0) on_log(void *cls, const char *format, va_list args)
{
    struct http_thread *thread = cls;
    char message[ERR_LEN];

    if (vsnprintf(message, sizeof(message), format, args) < 0)
        return;
    message[strcspn(message, "\r\n")] = '\0';
    /* Of each answer on a Unix socket, which has no such options and delays nothing. */
    if (strstr(message, "TCP_NODELAY") != NULL || strstr(message, "TCP_CORK") != NULL ||
        strstr(message, "push the data") != NULL)
        return;
    thread->server->options.on_log(thread->server->options.ctx, message);
}

/* A handshake asks what to show. The library keeps its connection with the session. */
static int on_handshake(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                        gnutls_pcert_st **ret_chain, unsigned *ret_n,
                        gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_n_ocsp,
                        gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
    struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
    const struct http_conn *conn =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    int code = -1;

    (void)info;
    *ret_ocsp = NULL;
    *ret_n_ocsp = 0;
    *ret_flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    if (conn == NULL)
        return -1;
    (void)pthread_mutex_lock(&conn->thread->swap_lock);
    const struct tls *tls = conn->thread->server->tls;
    if (tls != NULL)
        code = tls_copy(tls, ret_chain, ret_n, ret_key);
    (void)pthread_mutex_unlock(&conn->thread->swap_lock);
    return code;
}

/* -- Start and stop -- */

static enum status start_thread(struct http_thread *thread, char why[ERR_LEN])
{
    const struct http_options *options = &thread->server->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem more[4];
    size_t n = 0;

    if (options->on_log != NULL) {
        flags |= MHD_USE_ERROR_LOG;
        more[n++] = (struct MHD_OptionItem) { MHD_OPTION_EXTERNAL_LOGGER,
                                              (intptr_t)on_log, thread };
    }
    if (options->tls) {
        flags |= MHD_USE_TLS;
        more[n++] = (struct MHD_OptionItem) { MHD_OPTION_HTTPS_CERT_CALLBACK2, 0,
                                              (void *)on_handshake };
        more[n++] = (struct MHD_OptionItem) { MHD_OPTION_HTTPS_PRIORITIES, 0,
                                              (void *)TLS_VERSIONS };
    }
    more[n] = (struct MHD_OptionItem) { MHD_OPTION_END, 0, NULL };
    thread->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, thread, MHD_OPTION_ARRAY, more,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, thread, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, thread, MHD_OPTION_URI_LOG_CALLBACK, on_target, thread,
        MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, thread,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->connection_memory,
        MHD_OPTION_CONNECTION_LIMIT, options->connection_limit + LIMIT_SLACK,
        MHD_OPTION_END);
    if (thread->daemon == NULL) {
        int error = errno;

        (void)snprintf(why, ERR_LEN, "data thread %u does not start: %s", thread->index,
                       strerror(error));
        return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM
                   ? ST_NOMEM
                   : ST_IO;
    }
    return ST_OK;
}

static struct http_thread *thread_new(struct http_server *server, unsigned index)
{
    struct http_thread *thread = calloc(1, sizeof(*thread));

    if (thread == NULL)
        return NULL;
    thread->server = server;
    thread->index = index;
    thread->conns.prev = thread->conns.next = &thread->conns;
    /* A guess from the clock does if the kernel has no random bytes: ids need no secret.
     */
    if (getrandom(&thread->next_id, sizeof(thread->next_id), GRND_NONBLOCK) !=
        (ssize_t)sizeof(thread->next_id))
        thread->next_id = http_now_ns() * 0x9e3779b97f4a7c15u;
    (void)pthread_mutex_init(&thread->lock, NULL); /* neither can fail on Linux */
    (void)pthread_mutex_init(&thread->swap_lock, NULL);
    return thread;
}

static void thread_free(struct http_thread *thread)
{
    if (thread == NULL)
        return;
    if (thread->daemon != NULL)
        MHD_stop_daemon(thread->daemon);
    http_call_free_spare(thread);
    http_kept_free(thread);
    (void)pthread_mutex_destroy(&thread->swap_lock);
    (void)pthread_mutex_destroy(&thread->lock);
    free(thread);
}

static enum status check_options(const struct http_options *options, char why[ERR_LEN])
{
    const char *what = NULL;

    if (options->n_threads == 0 || options->n_threads > MAX_THREADS)
        what = "n_threads is outside 1..64";
    else if (options->connection_limit == 0 ||
             options->connection_limit > UINT32_MAX - LIMIT_SLACK)
        what = "connection_limit is outside 1..2^32 - 65";
    else if (options->connection_memory < 4096)
        what = "connection_memory is below 4096";
    if (what == NULL)
        return ST_OK;
    (void)snprintf(why, ERR_LEN, "%s", what);
    return ST_RANGE;
}

enum status http_server_new(const struct http_options *options,
                            struct http_server **ret_server, char why[ERR_LEN])
{
    enum status st = check_options(options, why);
    if (st != ST_OK)
        return st;

    unsigned n_threads = options->n_threads + options->reserved_thread;
    struct http_server *server =
        calloc(1, sizeof(*server) + n_threads * sizeof(server->threads[0]));
    if (server == NULL)
        goto no_memory;
    server->options = *options;
    st = http_route_table_new(options->routes, options->n_routes, &server->table, why);
    if (st != ST_OK)
        goto fail;
    for (; server->n_threads < n_threads; server->n_threads++) {
        struct http_thread *thread = thread_new(server, server->n_threads);
        if (thread == NULL)
            goto no_memory;
        server->threads[server->n_threads] = thread;
        st = start_thread(thread, why);
        if (st != ST_OK) {
            thread_free(thread);
            goto fail;
        }
    }
    *ret_server = server;
    return ST_OK;

no_memory:
    (void)snprintf(why, ERR_LEN, "no memory for the HTTP server");
    st = ST_NOMEM;
fail:
    http_server_free(server);
    return st;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    for (unsigned i = 0; i < server->n_threads; i++)
        thread_free(server->threads[i]);
    http_route_table_free(server->table);
    access_free(server->access);
    tls_free(server->tls);
    free(server);
}

static void begin_swap(struct http_server *server)
{
    for (unsigned i = 0; i < server->n_threads; i++)
        (void)pthread_mutex_lock(&server->threads[i]->swap_lock);
}

static void end_swap(struct http_server *server)
{
    for (unsigned i = 0; i < server->n_threads; i++)
        (void)pthread_mutex_unlock(&server->threads[i]->swap_lock);
}

void http_server_set_access(struct http_server *server, struct access *access)
{
    begin_swap(server);
    struct access *before = server->access;
    server->access = access;
    server->n_access++;
    end_swap(server);
    access_free(before);
}

void http_server_set_tls(struct http_server *server, struct tls *tls)
{
    begin_swap(server);
    struct tls *before = server->tls;
    server->tls = tls;
    end_swap(server);
    tls_free(before);
}

/* -- Connections, from other threads -- */

/* False if it is full. */
static bool take_place(struct http_thread *thread)
{
    if (atomic_fetch_add(&thread->n_open, 1) < thread->server->options.connection_limit)
        return true;
    atomic_fetch_sub(&thread->n_open, 1);
    return false;
}

/* The next thread that has room, its place taken; NULL if all are full. */
static struct http_thread *take_next(struct http_server *server)
{
    unsigned n = server->options.n_threads;

    for (unsigned i = 0; i < n; i++) {
        struct http_thread *thread = server->threads[server->next_thread++ % n];

        if (take_place(thread))
            return thread;
    }
    return NULL;
}

/* Its place is taken; NULL: there is none. */
static enum status add_to(struct http_thread *thread, int fd, const struct sockaddr *peer,
                          socklen_t peer_len)
{
    if (thread == NULL) {
        (void)close(fd);
        return ST_BUSY;
    }

    /* The library mishandles the length of other families' addresses. */
    struct sockaddr_in stand_in = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY), /* nobody's own */
    };
    if (peer == NULL || (peer->sa_family != AF_INET && peer->sa_family != AF_INET6)) {
        peer = (const struct sockaddr *)&stand_in;
        peer_len = sizeof(stand_in);
    }
    if (MHD_add_connection(thread->daemon, fd, peer, peer_len) != MHD_YES) {
        atomic_fetch_sub(&thread->n_open, 1); /* the library has closed it */
        return ST_IO;
    }
    return ST_OK;
}

enum status http_server_add(struct http_server *server, int fd,
                            const struct sockaddr *peer, socklen_t peer_len)
{
    return add_to(take_next(server), fd, peer, peer_len);
}

enum status http_server_add_reserved(struct http_server *server, int fd,
                                     const struct sockaddr *peer, socklen_t peer_len)
{
    assert(server->options.reserved_thread);

    struct http_thread *thread = server->threads[server->options.n_threads];
    return add_to(take_place(thread) ? thread : NULL, fd, peer, peer_len);
}

static size_t count_open(const struct http_server *server, unsigned n_threads)
{
    size_t n = 0;

    for (unsigned i = 0; i < n_threads; i++)
        n += atomic_load(&server->threads[i]->n_open);
    return n;
}

size_t http_server_connections(const struct http_server *server)
{
    return count_open(server, server->n_threads);
}

size_t http_server_common_connections(const struct http_server *server)
{
    return count_open(server, server->n_threads - server->options.reserved_thread);
}

uint64_t http_server_stuck_ns(const struct http_server *server)
{
    uint64_t now = http_now_ns(), longest = 0;

    for (unsigned i = 0; i < server->n_threads; i++) {
        uint64_t began =
            atomic_load_explicit(&server->threads[i]->handler_ns, memory_order_relaxed);

        if (began != 0 && now > began && now - began > longest)
            longest = now - began;
    }
    return longest;
}

void http_server_drain(struct http_server *server)
{
    atomic_store(&server->draining, true);
}

/* Shuts the connections that `choose` picks. A connection leaves the list before its
 * socket is closed, so under the lock the descriptor is the right one. */
static void shut(struct http_server *server, int how,
                 bool (*choose)(struct http_conn *conn, uint64_t limit_ns),
                 uint64_t limit_ns)
{
    for (unsigned i = 0; i < server->n_threads; i++) {
        struct http_thread *thread = server->threads[i];

        pthread_mutex_lock(&thread->lock);
        for (struct http_conn *c = thread->conns.next; c != &thread->conns; c = c->next) {
            if (!choose(c, limit_ns))
                continue;
            atomic_store(&c->shut, how == SHUT_RD);
            (void)shutdown(c->fd, how); /* fails if the peer was faster */
        }
        pthread_mutex_unlock(&thread->lock);
    }
}

/* Has nothing changed for `limit_ns`? The clock is read last: a change meanwhile is news.
 */
static bool is_old(const struct http_conn *conn, uint64_t limit_ns)
{
    uint64_t since_ns = atomic_load(&conn->since_ns);

    return http_now_ns() - since_ns >= limit_ns;
}

static bool is_quiet(struct http_conn *conn, uint64_t limit_ns)
{
    int state = atomic_load(&conn->state);

    return (state == HTTP_CONN_FRESH || state == HTTP_CONN_IDLE) &&
           is_old(conn, limit_ns);
}

static bool is_slow(struct http_conn *conn, uint64_t limit_ns)
{
    int state = atomic_load(&conn->state);

    return (state == HTTP_CONN_FRESH || state == HTTP_CONN_HEAD ||
            state == HTTP_CONN_BODY) &&
           is_old(conn, limit_ns);
}

static bool is_unused(struct http_conn *conn, uint64_t limit_ns)
{
    int state = atomic_load(&conn->state);

    return (state == HTTP_CONN_FRESH || state == HTTP_CONN_IDLE ||
            state == HTTP_CONN_SEND) &&
           is_old(conn, limit_ns);
}

/* Whose peer was gone the last time, too: what it sent may have been read meanwhile and
 * may be about to count as a whole request. */
static bool is_left(struct http_conn *conn, uint64_t limit_ns)
{
    int state = atomic_load(&conn->state);
    bool before = conn->left;

    (void)limit_ns;
    if (state == HTTP_CONN_BUSY && http_conn_peer_gone(conn))
        atomic_store(&conn->gone, true);
    conn->left = (state == HTTP_CONN_FRESH || state == HTTP_CONN_HEAD ||
                  state == HTTP_CONN_BODY) &&
                 http_conn_peer_gone(conn);
    return conn->left && before;
}

static bool is_any(struct http_conn *conn, uint64_t limit_ns)
{
    (void)conn;
    (void)limit_ns;
    return true;
}

void http_server_close_idle(struct http_server *server)
{
    shut(server, SHUT_RD, is_quiet, IDLE_GRACE_NS);
}

void http_server_close_slow(struct http_server *server, uint64_t limit_ns)
{
    shut(server, SHUT_RDWR, is_slow, limit_ns);
}

void http_server_close_left(struct http_server *server)
{
    shut(server, SHUT_RDWR, is_left, 0);
}

void http_server_close_unused(struct http_server *server, uint64_t limit_ns)
{
    shut(server, SHUT_RDWR, is_unused, limit_ns);
}

void http_server_close_all(struct http_server *server)
{
    atomic_store(&server->closing, true);
    shut(server, SHUT_RDWR, is_any, 0);
}
