/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/server.h"

#include "daemon/listen.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/wall.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

/* Connections taken per wake-up, so that signals and timers get their turn. */
#define ACCEPT_BURST 64
/* Wait after the process or the system ran out of descriptors. */
#define ACCEPT_PAUSE_MS 100
#define DRAIN_TICK_MS   10
#define LATE_TICK_MS    50
#define SLOW_TICK_MS    500
#define UPKEEP_TICK_MS  1000
/* Descriptors that connections leave alone: those that a thread has, and those for
 * everything else: database, array images, history, listening sockets. */
#define DESCRIPTORS_OF_THREAD 4
#define DESCRIPTORS_KEPT      32
/* How long connections that were shut have to go away. */
#define LAST_WAIT_NS (UINT64_C(5) * 1000000000u)
/* What writing the last counters may take when nobody is connected any more. */
#define STOP_SLACK_S 10

enum phase { RUNNING, DRAINING, CLOSING, STOPPED };

struct listener {
    struct server *server;
    bool admin; /* of settings.admin_listen */
    struct listen_socket socket;
    uv_poll_t poll;
};

struct server {
    struct daemon *daemon;
    size_t max_descriptors; /* that connections may have */
    enum phase phase;
    bool hurried;
    uint64_t phase_ns; /* when the phase began */
    bool gave_up;      /* connections were left when time was up */
    bool stuck;        /* a data thread hangs; it was logged */
    bool paused;       /* no descriptors for further connections; it was logged */
    uv_loop_t loop;
    struct listener listeners[2 * LISTEN_MAX]; /* of two lists */
    size_t n_listeners;
    uv_signal_t stop_signals[2], reload_signal, dump_signal;
    uv_timer_t drain_timer, watchdog_timer, accept_timer, late_timer, slow_timer,
        upkeep_timer;
};

/* -- Accepting -- */

static void poll_listeners(struct server *server);

static void accept_again(uv_timer_t *timer)
{
    poll_listeners(timer->data);
}

/* Whoever waits stays in the backlog of the kernel meanwhile. */
static void pause_accepting(struct server *server, int error)
{
    for (size_t i = 0; i < server->n_listeners; i++)
        (void)uv_poll_stop(&server->listeners[i].poll);
    (void)uv_timer_start(&server->accept_timer, accept_again, ACCEPT_PAUSE_MS, 0);
    if (!server->paused)
        log_line(LOG_WARNING, "accept", "paused with %zu connections: %s",
                 http_server_connections(server->daemon->http), strerror(error));
    server->paused = true;
    server->daemon->accept_pauses++;
}

static bool pauses(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct listener *listener)
{
    struct server *server = listener->server;
    struct sockaddr_storage peer;
    socklen_t len = sizeof(peer);
    struct daemon *daemon = server->daemon;
    int one = 1;
    size_t n_open = http_server_connections(daemon->http);

    if (n_open >= server->max_descriptors) {
        pause_accepting(server, EMFILE);
        return false;
    }
    int fd = accept4(listener->socket.fd, (struct sockaddr *)&peer, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int error = errno;

        if (pauses(error))
            pause_accepting(server, error);
        return error == ECONNABORTED || error == EINTR;
    }
    if (server->paused)
        log_line(LOG_INFO, "accept", "goes on with %zu connections", n_open);
    server->paused = false;
    if (!listener->admin && http_server_common_connections(daemon->http) >=
                                daemon->settings.max_connections) {
        daemon->refused++; /* before its client can tell of it */
        (void)close(fd);
        return true;
    }
    /* Answers go out whole; waiting for more to send only adds delay. */
    if (peer.ss_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    enum status st =
        listener->admin
            ? http_server_add_reserved(daemon->http, fd, (struct sockaddr *)&peer, len)
            : http_server_add(daemon->http, fd, (struct sockaddr *)&peer, len);
    if (st != ST_OK)
        log_line(LOG_WARNING, "accept", "a connection could not be taken");
    else
        daemon->accepted++;
    return true;
}

static void accept_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)status; /* accept4 says what is wrong */
    (void)events;
    for (int i = 0; i < ACCEPT_BURST; i++)
        if (!accept_one(listener))
            return;
}

static void poll_listeners(struct server *server)
{
    if (server->phase > DRAINING)
        return;
    for (size_t i = 0; i < server->n_listeners; i++)
        (void)uv_poll_start(&server->listeners[i].poll, UV_READABLE, accept_ready);
}

/* Takes what waits in the backlog, then closes: a client that was let in by the kernel
 * must not see a reset. */
static void close_listeners(struct server *server)
{
    for (size_t i = 0; i < server->n_listeners; i++) {
        struct listener *listener = &server->listeners[i];

        (void)uv_poll_stop(&listener->poll);
        while (accept_one(listener))
            continue;
    }
    /* The loop first: the number of a closed socket may be another thread's file. */
    for (size_t i = 0; i < server->n_listeners; i++) {
        uv_close((uv_handle_t *)&server->listeners[i].poll, NULL);
        listen_close(&server->listeners[i].socket);
    }
    (void)uv_timer_stop(&server->accept_timer);
}

/* -- Stopping -- */

static void enter(struct server *server, enum phase phase)
{
    server->phase = phase;
    server->phase_ns = wall_monotonic_ns();
}

static bool phase_lasted(const struct server *server, uint64_t seconds)
{
    return wall_monotonic_ns() - server->phase_ns >= seconds * UINT64_C(1000000000);
}

static void drain_tick(uv_timer_t *timer)
{
    struct server *server = timer->data;
    struct daemon *daemon = server->daemon;

    if (server->phase == DRAINING &&
        (server->hurried || phase_lasted(server, daemon->settings.drain_delay_s))) {
        close_listeners(server);
        enter(server, CLOSING);
    }
    if (server->phase != CLOSING)
        return;
    if (http_server_connections(daemon->http) == 0) {
        enter(server, STOPPED);
        uv_stop(&server->loop);
        return;
    }
    bool late = server->hurried || phase_lasted(server, daemon->settings.drain_timeout_s);
    if (late)
        http_server_close_all(daemon->http);
    else
        http_server_close_idle(daemon->http);
    if (phase_lasted(server,
                     daemon->settings.drain_timeout_s + LAST_WAIT_NS / 1000000000u)) {
        server->gave_up = true;
        uv_stop(&server->loop);
    }
}

/* A drain may be set to take longer than the service manager would wait by itself. */
static void notify_stopping(const struct settings *settings)
{
    uint64_t longest_s = settings->drain_delay_s + settings->drain_timeout_s +
                         LAST_WAIT_NS / UINT64_C(1000000000);
    char state[64];

    notify_send("STOPPING=1");
    (void)snprintf(state, sizeof(state), "EXTEND_TIMEOUT_USEC=%" PRIu64,
                   (longest_s + STOP_SLACK_S) * 1000000u);
    notify_send(state);
}

static void stop_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;

    if (server->phase != RUNNING) {
        log_line(LOG_INFO, "stop", "signal=%d again, hurrying", number);
        server->hurried = true;
        return;
    }
    log_line(LOG_INFO, "stop", "signal=%d connections=%zu", number,
             http_server_connections(server->daemon->http));
    notify_stopping(&server->daemon->settings);
    server->daemon->draining = true;
    http_server_drain(server->daemon->http);
    events_end(server->daemon->events);
    enter(server, DRAINING);
    (void)uv_timer_start(&server->drain_timer, drain_tick, 0, DRAIN_TICK_MS);
}

static void reload_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;

    (void)number;
    if (server->phase == RUNNING && config_reload(server->daemon) != ST_OK)
        log_line(LOG_ERROR, "reload", "too much is waiting; send the signal again");
}

static void dump_signal(uv_signal_t *handle, int number)
{
    const struct server *server = handle->data;

    (void)number;
    dump_state(server->daemon);
}

static void late_tick(uv_timer_t *timer)
{
    turn_end_late(((struct server *)timer->data)->daemon);
}

/* Who sends a byte now and then would keep a connection for ever, as would who is silent,
 * who left in the middle of a request for long, and who left while it waited a place in a
 * queue. */
static void slow_tick(uv_timer_t *timer)
{
    struct daemon *daemon = ((struct server *)timer->data)->daemon;

    http_server_close_slow(daemon->http,
                           daemon->settings.head_timeout_s * UINT64_C(1000000000));
    http_server_close_left(daemon->http);
    turn_end_left(daemon);
    http_server_close_unused(daemon->http,
                             daemon->settings.idle_timeout_s * UINT64_C(1000000000));
}

static void upkeep(uv_timer_t *timer)
{
    struct server *server = timer->data;

    if (server->phase != RUNNING)
        return;
    upkeep_tick(server->daemon);
    snapshot_tick(server->daemon);
    events_tick(server->daemon);
}

/* We live if this thread turns and no data thread hangs: whoever is handed to one that
 * does waits for ever, health included. */
static void watchdog(uv_timer_t *timer)
{
    struct server *server = timer->data;
    uint64_t limit_ns = uv_timer_get_repeat(timer) * UINT64_C(1000000);
    bool stuck = http_server_stuck_ns(server->daemon->http) >= limit_ns;

    if (!stuck)
        notify_send("WATCHDOG=1");
    else if (!server->stuck)
        log_line(LOG_ERROR, "watchdog", "a data thread hangs");
    server->stuck = stuck;
}

/* -- Setting up -- */

/* Takes the socket. */
static enum status add_listener(struct server *server, struct listen_socket *opened,
                                bool admin, char why[ERR_LEN])
{
    struct listener *listener = &server->listeners[server->n_listeners];

    if (!opened->local) {
        enum status st = config_allow_public(server->daemon->config, opened->name, why);

        if (st != ST_OK) {
            listen_close(opened);
            return st;
        }
    }
    listener->server = server;
    listener->admin = admin;
    listener->socket = *opened;
    listener->poll.data = listener;
    int error = uv_poll_init(&server->loop, &listener->poll, opened->fd);
    if (error != 0) {
        (void)snprintf(why, ERR_LEN, "%.150s: %s", opened->name, uv_strerror(error));
        listen_close(opened);
        return ST_IO;
    }
    server->n_listeners++;
    log_line(LOG_INFO, "listen", "%s=%s", admin ? "admin" : "address", opened->name);
    return ST_OK;
}

/* Calls `take` with each address of the list that a setting has; at least one and at most
 * LISTEN_MAX. `why` begins with the name of the setting. */
static enum status each_address(const char *setting, const char *addresses,
                                enum status (*take)(void *ctx, const char *address,
                                                    char why[ERR_LEN]),
                                void *ctx, char why[ERR_LEN])
{
    char list[SETTINGS_TEXT_LEN], reason[ERR_LEN];
    char *rest;
    unsigned n = 0;

    (void)snprintf(list, sizeof(list), "%s", addresses);
    for (char *address = strtok_r(list, ", ", &rest); address != NULL;
         address = strtok_r(NULL, ", ", &rest)) {
        if (n++ == LISTEN_MAX) {
            (void)snprintf(why, ERR_LEN, "%s: more than %d addresses", setting,
                           LISTEN_MAX);
            return ST_RANGE;
        }
        enum status st = take(ctx, address, reason);
        if (st != ST_OK) {
            (void)snprintf(why, ERR_LEN, "%s: %.240s", setting, reason);
            return st;
        }
    }
    if (n == 0) {
        (void)snprintf(why, ERR_LEN, "%s: no address is given", setting);
        return ST_RANGE;
    }
    return ST_OK;
}

static enum status open_listener(struct server *server, const char *address, bool admin,
                                 char why[ERR_LEN])
{
    struct listen_socket opened;
    enum status st = listen_open(address, &opened, why);

    return st == ST_OK ? add_listener(server, &opened, admin, why) : st;
}

static enum status open_address(void *ctx, const char *address, char why[ERR_LEN])
{
    return open_listener(ctx, address, false, why);
}

static enum status open_admin(void *ctx, const char *address, char why[ERR_LEN])
{
    return open_listener(ctx, address, true, why);
}

struct checking {
    struct config *config;
    char seen[2 * SETTINGS_TEXT_LEN + 2]; /* a line for each address */
};

/* Is an address there before? With port 0 each has a port of its own. */
static bool is_taken(struct checking *checking, const char *address)
{
    char line[SETTINGS_TEXT_LEN + 2];
    size_t len = strlen(address), end = strlen(checking->seen);

    (void)snprintf(line, sizeof(line), "\n%s\n", address);
    if (strstr(checking->seen, line) != NULL)
        return len < 2 || strcmp(address + len - 2, ":0") != 0;
    (void)snprintf(checking->seen + end, sizeof(checking->seen) - end, "%s",
                   line + (end > 0));
    return false;
}

static enum status check_address(void *ctx, const char *address, char why[ERR_LEN])
{
    struct checking *checking = ctx;
    bool local;
    enum status st = listen_check(address, &local, why);

    if (st == ST_OK && is_taken(checking, address)) {
        (void)snprintf(why, ERR_LEN, "%.120s: cannot bind: %s", address,
                       strerror(EADDRINUSE));
        st = ST_BUSY;
    }
    return st == ST_OK && !local ? config_allow_public(checking->config, address, why)
                                 : st;
}

enum status server_check(struct config *config, const struct settings *settings,
                         char why[ERR_LEN])
{
    struct checking checking = { .config = config };
    enum status st =
        each_address("listen", settings->listen, check_address, &checking, why);

    if (st == ST_OK && settings->admin_listen[0] != '\0')
        st = each_address("admin_listen", settings->admin_listen, check_address,
                          &checking, why);
    return st;
}

static enum status adopt_sockets(struct server *server, unsigned n, char why[ERR_LEN])
{
    for (unsigned i = 0; i < n; i++) {
        struct listen_socket adopted;
        enum status st = listen_adopt(3 + (int)i, &adopted, why);

        if (st == ST_OK)
            st = add_listener(server, &adopted, false, why);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static void set_up_timers(struct server *server)
{
    uv_timer_t *const timers[] = { &server->drain_timer,  &server->watchdog_timer,
                                   &server->accept_timer, &server->late_timer,
                                   &server->slow_timer,   &server->upkeep_timer };
    uint64_t watchdog_ms = notify_watchdog_ms();

    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        (void)uv_timer_init(&server->loop, timers[i]);
        timers[i]->data = server;
    }
    if (watchdog_ms > 0)
        (void)uv_timer_start(&server->watchdog_timer, watchdog, 0, watchdog_ms);
    (void)uv_timer_start(&server->late_timer, late_tick, LATE_TICK_MS, LATE_TICK_MS);
    (void)uv_timer_start(&server->slow_timer, slow_tick, SLOW_TICK_MS, SLOW_TICK_MS);
    (void)uv_timer_start(&server->upkeep_timer, upkeep, UPKEEP_TICK_MS, UPKEEP_TICK_MS);
}

static void set_up_signals(struct server *server)
{
    static const int stopping[] = { SIGTERM, SIGINT };

    for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++) {
        (void)uv_signal_init(&server->loop, &server->stop_signals[i]);
        server->stop_signals[i].data = server;
        (void)uv_signal_start(&server->stop_signals[i], stop_signal, stopping[i]);
    }
    (void)uv_signal_init(&server->loop, &server->reload_signal);
    server->reload_signal.data = server;
    (void)uv_signal_start(&server->reload_signal, reload_signal, SIGHUP);
    (void)uv_signal_init(&server->loop, &server->dump_signal);
    server->dump_signal.data = server;
    (void)uv_signal_start(&server->dump_signal, dump_signal, SIGQUIT);
}

static size_t count_descriptors(const struct daemon *daemon)
{
    size_t kept = DESCRIPTORS_KEPT + DESCRIPTORS_OF_THREAD * daemon_classifiers(daemon);
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return files.rlim_cur > 2 * kept ? files.rlim_cur - kept : files.rlim_cur / 2;
}

enum status server_new(struct daemon *daemon, struct server **ret_server,
                       char why[ERR_LEN])
{
    struct server *server = calloc(1, sizeof(*server));
    unsigned n_handed = notify_listen_fds();

    if (server == NULL || uv_loop_init(&server->loop) != 0) {
        free(server);
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    server->daemon = daemon;
    server->max_descriptors = count_descriptors(daemon);
    set_up_timers(server);
    set_up_signals(server);
    enum status st = n_handed > 0 ? adopt_sockets(server, n_handed, why)
                                  : each_address("listen", daemon->settings.listen,
                                                 open_address, server, why);
    if (st == ST_OK && daemon_has_admin(daemon))
        st = each_address("admin_listen", daemon->settings.admin_listen, open_admin,
                          server, why);
    if (st != ST_OK) {
        server_free(server);
        return st;
    }
    *ret_server = server;
    return ST_OK;
}

const char *server_address(const struct server *server, size_t i)
{
    return i < server->n_listeners ? server->listeners[i].socket.name : NULL;
}

enum status server_run(struct server *server)
{
    poll_listeners(server);
    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    return server->gave_up ? ST_BUSY : ST_OK;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    uv_walk(&server->loop, close_handle, NULL);
    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&server->loop);
    for (size_t i = 0; i < server->n_listeners; i++)
        listen_close(&server->listeners[i].socket);
    free(server);
}
