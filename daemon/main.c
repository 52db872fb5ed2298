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
#include "daemon/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

static int folder_failed(const char *path, char why[ERR_LEN])
{
    int code = errno == EACCES || errno == EPERM ? EX_NOPERM : EX_CANTCREAT;

    (void)snprintf(why, ERR_LEN, "state_dir: %.150s: %s", path, strerror(errno));
    return code;
}

/* Makes the folder and locks it for this process. The lock ends with the process. An exit
 * code. */
static int take_state_dir(const char *dir, int *ret_lock, char why[ERR_LEN])
{
    char path[SETTINGS_TEXT_LEN + 16];

    (void)snprintf(path, sizeof(path), "%s/arrays", dir);
    if (make_folders(path) != 0)
        return folder_failed(path, why);
    (void)snprintf(path, sizeof(path), "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return folder_failed(path, why);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)snprintf(why, ERR_LEN, "state_dir: %.150s is in use by another spinbnnd",
                       dir);
        (void)close(fd);
        return EX_CANTCREAT;
    }
    *ret_lock = fd;
    return EX_OK;
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

static int run(struct daemon *daemon)
{
    char why[ERR_LEN];
    enum status st = catalogue_load(daemon, why);

    if (st == ST_FORMAT || st == ST_UNSUPPORTED)
        return failed(EX_DATAERR, why);
    if (st != ST_OK)
        return failed(st == ST_NOMEM ? EX_TEMPFAIL : EX_CONFIG, why);
    return start_and_serve(daemon);
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
    int code = take_state_dir(settings->state_dir, &lock, why);
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

/* What a start would refuse for the configuration's sake, without starting. */
static int check_config(const struct settings_source *source,
                        const struct settings_result *result)
{
    struct daemon daemon;
    struct config *config = NULL;
    char why[ERR_LEN];
    enum status st = assemble_init(&daemon, &result->settings, why);

    if (st == ST_OK)
        st = config_new(source, result, &config, why);
    if (st == ST_OK)
        st = server_check(config, &result->settings, why);
    config_free(config);
    if (st != ST_OK) {
        (void)fprintf(stderr, "spinbnnd: %s\n", why);
        return EX_CONFIG;
    }
    (void)puts("the configuration is sound");
    return EX_OK;
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
