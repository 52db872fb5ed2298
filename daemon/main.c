/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - spinbnnd from start to end.
 *
 *   settings -> state folder -> models -> record -> arrays -> threads -> sockets -> serve
 * and back in the other order. Exit codes as in sysexits.h.
 */
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/registry.h"
#include "daemon/server.h"
#include "daemon/wall.h"
#include "storage/history.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define IDLE_MEMORY (64 * 1024) /* libmicrohttpd's buffers, per connection */

extern char **environ;

/* Something that did not work at start, and the exit code it gives. */
static int failed(int code, const char *why)
{
    log_line(LOG_ERROR, "start", "%s", why);
    return code;
}

static unsigned count_cores(void)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return 1;
    int n = CPU_COUNT(&allowed);
    return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

static enum log_level level_of(const char *name)
{
    return strcmp(name, "error") == 0     ? LOG_ERROR
           : strcmp(name, "warning") == 0 ? LOG_WARNING
           : strcmp(name, "debug") == 0   ? LOG_DEBUG
                                          : LOG_INFO;
}

/* -- State folder -- */

/* Makes every folder of a path. */
static int make_folders(const char *path)
{
    char part[SETTINGS_TEXT_LEN + 16];

    (void)snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0750) != 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return mkdir(part, 0750) != 0 && errno != EEXIST ? -1 : 0;
}

/* Makes the folder and locks it for this process. The lock ends with the process. */
static int take_state_dir(const char *dir, char why[ERR_LEN])
{
    char path[SETTINGS_TEXT_LEN + 16];

    (void)snprintf(path, sizeof(path), "%s/arrays", dir);
    if (make_folders(path) != 0) {
        (void)snprintf(why, ERR_LEN, "state_dir: %.150s: %s", path, strerror(errno));
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        (void)snprintf(why, ERR_LEN, "state_dir: %.150s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)snprintf(why, ERR_LEN, "state_dir: %.150s is in use by another spinbnnd",
                       dir);
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* -- The parts -- */

static void on_done(void *ctx, const struct http_done *done)
{
    struct daemon *daemon = ctx;

    traffic_count(daemon->traffic, done);
}

static void on_log(void *ctx, const char *message)
{
    (void)ctx;
    log_line(LOG_WARNING, "http", "%.300s", message);
}

static enum status make_lanes(struct daemon *daemon)
{
    daemon->lanes = calloc(daemon_lanes(daemon), sizeof(struct lane *));
    if (daemon->lanes == NULL)
        return ST_NOMEM;
    for (unsigned i = 0; i < daemon_lanes(daemon); i++) {
        enum status st = lane_new(daemon, i, &daemon->lanes[i]);

        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status make_pools(struct daemon *daemon)
{
    size_t capacity = daemon->settings.queue;
    const struct pool_options workers = { "worker", daemon->n_workers, capacity, false };
    const struct pool_options programming = { "programming", 1, capacity, true };
    const struct pool_options reader = { "reader", 1, capacity, true };
    enum status st = pool_new(&workers, &daemon->workers);

    if (st == ST_OK)
        st = pool_new(&programming, &daemon->programming);
    if (st == ST_OK)
        st = pool_new(&reader, &daemon->reader);
    return st;
}

static enum status make_http(struct daemon *daemon, char why[ERR_LEN])
{
    const struct http_options options = {
        .n_threads = daemon->n_threads,
        .routes = routes,
        .n_routes = n_routes,
        .ctx = daemon,
        .on_done = on_done,
        .on_log = on_log,
        .idle_timeout_s = (unsigned)daemon->settings.idle_timeout_s,
        .connection_limit = (unsigned)daemon->settings.max_connections,
        .connection_memory = IDLE_MEMORY,
    };

    return http_server_new(&options, &daemon->http, why);
}

/* Everything that serves, but for the sockets. */
static enum status make_parts(struct daemon *daemon, char why[ERR_LEN])
{
    enum status st = make_lanes(daemon);

    (void)snprintf(why, ERR_LEN, "out of memory");
    if (st == ST_OK)
        st = feedback_memory_new(daemon->n_threads, &daemon->feedback);
    if (st == ST_OK)
        st = traffic_new(daemon->n_threads, n_routes, &daemon->traffic);
    if (st == ST_OK)
        st = make_pools(daemon);
    if (st == ST_OK)
        st = make_http(daemon, why);
    return st;
}

/* Queues end first, while their answers can still go out; the record last, when nobody
 * counts any more. Half-made parts are fine. */
static void free_parts(struct daemon *daemon)
{
    pool_free(daemon->programming);
    pool_free(daemon->workers);
    pool_free(daemon->reader);
    http_server_free(daemon->http);
    history_close(daemon->history);
    if (daemon->record != NULL)
        record_event(daemon->record, METRICS_INFO, "stop", NULL, "stopped");
    for (size_t i = 0; i < daemon->n_models; i++)
        model_publish(daemon->models[i], NULL);
    record_stop(daemon->record);
    feedback_memory_free(daemon->feedback);
    traffic_free(daemon->traffic);
    for (unsigned i = 0; daemon->lanes != NULL && i < daemon_lanes(daemon); i++)
        lane_free(daemon->lanes[i]);
    free(daemon->lanes);
    registry_free(daemon);
}

/* -- Start and end -- */

static int exit_code_of(enum status st)
{
    switch (st) {
    case ST_BUSY:
        return EX_UNAVAILABLE;
    case ST_RANGE:
        return EX_CONFIG;
    case ST_NOMEM:
        return EX_OSERR;
    default:
        return EX_IOERR;
    }
}

static int start_arrays(struct daemon *daemon)
{
    char path[SETTINGS_TEXT_LEN + 16], why[ERR_LEN];

    (void)snprintf(path, sizeof(path), "%s/spinbnn.db", daemon->settings.state_dir);
    if (record_start(path, daemon->models, daemon->n_models, &daemon->record, why) !=
        ST_OK)
        return failed(EX_CANTCREAT, why);
    for (size_t i = 0; i < daemon->n_models; i++)
        if (program_start(daemon, daemon->models[i], why) != ST_OK)
            return failed(EX_CANTCREAT, why);
    return EX_OK;
}

static int serve(struct daemon *daemon)
{
    struct server *server;
    char why[ERR_LEN];
    enum status st = server_new(daemon, &server, why);

    if (st != ST_OK)
        return failed(exit_code_of(st), why);
    daemon->ready = true;
    record_event(daemon->record, METRICS_INFO, "start", NULL,
                 "version=%s kernel=%s threads=%u models=%zu ready after %.1f ms",
                 SPINBNN_VERSION, daemon->kernel->name, daemon->n_threads,
                 daemon->n_models,
                 (double)(wall_monotonic_ns() - daemon->began_ns) / 1e6);
    notify_send("READY=1");
    st = server_run(server);
    server_free(server);
    if (st == ST_OK)
        return EX_OK;
    /* Somebody still holds a request: the threads cannot be stopped in order. What was
     * counted is in the database up to the last second. */
    log_line(LOG_ERROR, "stop", "connections were left when time was up");
    _exit(EX_SOFTWARE);
}

static int run(struct daemon *daemon)
{
    sigset_t all, before;
    char why[ERR_LEN];

    daemon->kernel = strcmp(daemon->settings.kernel, "auto") == 0
                         ? kernel_best()
                         : kernel_find(daemon->settings.kernel);
    if (daemon->kernel == NULL)
        return failed(EX_CONFIG, "kernel: this machine has no kernel of that name; see "
                                 "GET /api/v1/status or use auto");
    enum status st = registry_load(daemon, why);
    if (st != ST_OK)
        return failed(st == ST_FORMAT || st == ST_UNSUPPORTED ? EX_DATAERR : EX_CONFIG, why);

    /* Threads inherit the mask: signals are the main thread's alone. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = start_arrays(daemon);
    if (code == EX_OK) {
        st = make_parts(daemon, why);
        if (st != ST_OK)
            code = failed(exit_code_of(st), why);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == EX_OK ? serve(daemon) : code;
}

/* As many descriptors as we may have: each connection is one. */
static void raise_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int serve_with(const struct settings *settings)
{
    struct daemon daemon = {
        .settings = *settings,
        .device = mtj_params_default(),
        .costs = infer_costs_default(),
        .began_ns = wall_monotonic_ns(),
        .began_s = wall_seconds(),
    };
    unsigned cores = count_cores();
    char why[ERR_LEN];

    daemon.n_threads = settings->threads != 0 ? (unsigned)settings->threads : cores;
    daemon.n_workers = settings->workers != 0 ? (unsigned)settings->workers : cores;
    log_open(level_of(settings->log_level));
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptors();

    int lock = take_state_dir(settings->state_dir, why);
    if (lock < 0)
        return failed(EX_CANTCREAT, why);
    int code = run(&daemon);
    free_parts(&daemon);
    (void)close(lock);
    if (code == EX_OK)
        log_line(LOG_INFO, "stop", "done");
    return code;
}

int main(int argc, char **argv)
{
    struct settings_result result;
    char why[ERR_LEN];

    if (settings_read(argc, argv, environ, &result, why) != ST_OK) {
        (void)fprintf(stderr, "spinbnnd: %s\n", why);
        return result.usage_error ? EX_USAGE : EX_CONFIG;
    }
    switch (result.action) {
    case SETTINGS_PRINT_HELP:
        settings_print_help(stdout);
        return EX_OK;
    case SETTINGS_PRINT_VERSION:
        (void)puts("spinbnnd " SPINBNN_VERSION);
        return EX_OK;
    case SETTINGS_PRINT_CONFIG:
        settings_print_config(&result, stdout);
        return EX_OK;
    case SETTINGS_SERVE:
        break;
    }
    return serve_with(&result.settings);
}
