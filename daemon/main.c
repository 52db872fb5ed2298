/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - spinbnnd from start to end.
 *
 *   settings -> state folder -> models -> arrays -> parts -> sockets -> serve
 * and back in the other order. Exit codes as in sysexits.h.
 */
#include "daemon/assemble.h"
#include "daemon/catalogue.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/server.h"
#include "daemon/state_dir.h"
#include "daemon/wall.h"

#include <signal.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

/* How long the end of the process waits for whoever reads the log. */
#define LAST_LINES_MS 2000

extern char **environ;

/* Something that did not work at start, and the exit code it gives. */
static int failed(int code, const char *why)
{
    log_line(LOG_ERROR, "start", "%s", why);
    return code;
}

/* -- Start and end -- */

static int exit_code_of(enum status st)
{
    switch (st) {
    case ST_BUSY:
        return EX_UNAVAILABLE;
    case ST_RANGE:
    case ST_FORMAT:
        return EX_CONFIG;
    case ST_PERMISSION:
        return EX_NOPERM;
    case ST_NOMEM:
        return EX_TEMPFAIL;
    default:
        return EX_IOERR;
    }
}

/* Blocks the signals that are the main thread's alone. Faults of a thread stay its own,
 * or no debugger and no sanitizer would hear of them. */
static void block_signals(sigset_t *ret_before)
{
    static const int faults[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                  SIGABRT, SIGTRAP, SIGSYS };
    sigset_t all;

    (void)sigfillset(&all);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        (void)sigdelset(&all, faults[i]);
    (void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static int run_server(struct daemon *daemon, struct server *server)
{
    struct model *models[REGISTRY_MAX];
    size_t n_models = registry_list(daemon->registry, models);

    registry_drop_list(models, n_models);
    daemon->ready = true;
    record_event(daemon->record, METRICS_INFO, "start", NULL,
                 "version=%s kernel=%s threads=%u models=%zu ready after %.1f ms",
                 SPINBNN_VERSION, daemon->kernel->name, daemon->n_threads, n_models,
                 (double)(wall_monotonic_ns() - daemon->began_ns) / 1e6);
    notify_send("READY=1");
    enum status st = server_run(server);
    server_free(server);
    if (st == ST_OK)
        return EX_OK;
    /* Somebody still holds a request: the threads cannot be stopped in order. What was
     * counted is in the database up to the last second. */
    log_line(LOG_ERROR, "stop", "connections were left when time was up");
    log_stop(LAST_LINES_MS);
    _exit(EX_SOFTWARE);
}

/* Sockets first: a start that cannot have its address must not touch the arrays. Signals
 * are blocked until there is somebody who takes them. */
static int start_and_serve(struct daemon *daemon)
{
    struct server *server;
    sigset_t before;
    char why[ERR_LEN];

    block_signals(&before);
    if (log_start() != ST_OK)
        return failed(EX_TEMPFAIL, "the log has no thread: out of memory");
    enum status st = server_new(daemon, &server, why);
    if (st != ST_OK)
        return failed(exit_code_of(st), why);
    if (assemble_arrays(daemon, why) != ST_OK) {
        server_free(server);
        return failed(EX_CANTCREAT, why);
    }
    st = assemble_parts(daemon, why);
    if (st != ST_OK) {
        server_free(server);
        return failed(exit_code_of(st), why);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return run_server(daemon, server);
}

/* Of networks that could not be read. */
static int data_code_of(enum status st)
{
    if (st == ST_OK)
        return EX_OK;
    if (st == ST_FORMAT || st == ST_UNSUPPORTED)
        return EX_DATAERR;
    return st == ST_NOMEM ? EX_TEMPFAIL : EX_CONFIG;
}

static int run(struct daemon *daemon)
{
    char why[ERR_LEN];
    int code = data_code_of(catalogue_load(daemon, why));

    return code == EX_OK ? start_and_serve(daemon) : failed(code, why);
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

static int serve_with(const struct settings_source *source,
                      const struct settings_result *result)
{
    const struct settings *settings = &result->settings;
    struct daemon daemon;
    char why[ERR_LEN];

    log_open();
    log_set_level(settings->log_level);
    log_set_json(settings->log_json);
    /* Writing to who has left, or past a limit of file size, is an error, not the end. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    raise_descriptors();

    if (assemble_init(&daemon, settings, why) != ST_OK)
        return failed(EX_CONFIG, why);
    enum status st = config_new(source, result, &daemon.config, why);
    if (st != ST_OK)
        return failed(exit_code_of(st), why);
    int lock = -1;
    int code = state_dir_take(settings->state_dir, &lock, why);
    if (code != EX_OK) {
        config_free(daemon.config);
        return failed(code, why);
    }
    code = run(&daemon);
    assemble_free(&daemon);
    (void)close(lock);
    if (code == EX_OK)
        log_line(LOG_INFO, "stop", "everything is written, bye");
    log_stop(LAST_LINES_MS);
    return code;
}

/* What a start would refuse for the configuration's sake, in the order in which it would;
 * an exit code. Nothing is made or changed. */
static int judge(const struct settings_source *source,
                 const struct settings_result *result, char why[ERR_LEN])
{
    const struct settings *settings = &result->settings;
    struct config *config;
    struct daemon daemon;

    if (assemble_init(&daemon, settings, why) != ST_OK)
        return EX_CONFIG;
    enum status st = config_new(source, result, &config, why);
    if (st != ST_OK)
        return exit_code_of(st);
    int code = state_dir_check(settings->state_dir, why);
    if (code == EX_OK)
        code = data_code_of(catalogue_check(&daemon, why));
    if (code == EX_OK) {
        st = server_check(config, settings, why);
        code = st == ST_OK ? EX_OK : exit_code_of(st);
    }
    config_free(config);
    return code;
}

static int check_config(const struct settings_source *source,
                        const struct settings_result *result)
{
    char why[ERR_LEN];
    int code = judge(source, result, why);

    if (code == EX_OK)
        (void)puts("the configuration is sound");
    else
        (void)fprintf(stderr, "spinbnnd: %s\n", why);
    return code;
}

int main(int argc, char **argv)
{
    const struct settings_source source = { argc, argv, environ };
    struct settings_result result;
    char why[ERR_LEN];
    enum status st = settings_read(&source, &result, why);

    if (st != ST_OK) {
        (void)fprintf(stderr, "spinbnnd: %s\n", why);
        if (result.usage_error)
            return EX_USAGE;
        return st == ST_PERMISSION ? EX_NOPERM : EX_CONFIG;
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
    case SETTINGS_PRINT_SCHEMA:
        settings_print_schema(stdout);
        return EX_OK;
    case SETTINGS_CHECK_CONFIG:
        return check_config(&source, &result);
    case SETTINGS_SERVE:
        break;
    }
    return serve_with(&source, &result);
}
