/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - SIGHUP and POST /api/v1/admin/reload, from files to what is in force.
 *
 *   config_reload, _handle   main, data thread   queue
 *   reload_and_tell          reader thread       read, judge, swap, tell
 */
#include "daemon/config.h"

#include "api/state_json.h"
#include "daemon/assemble.h"
#include "daemon/credential.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/wall.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Files that settings name, and whose contents a reload takes up. */
enum { TOKENS_FILE, TLS_CERTIFICATE, TLS_KEY, N_FILES };
static const char *const file_settings[N_FILES] = { "tokens_file", "tls_certificate",
                                                    "tls_key" };

/* What is made of the settings and the files that they name. */
struct parts {
    uint64_t marks[N_FILES]; /* of what the files held, to tell it from what they hold */
    struct access *access;
    struct tls *tls; /* NULL: without */
};

struct config {
    const struct settings_source *source; /* borrowed */
    /* Of all that follows, for a moment each time: data threads take it. The reader
     * thread reads without what nobody else changes once it runs. */
    pthread_mutex_t lock;
    struct settings_result in_force;
    bool waits[SETTINGS_MAX]; /* by row: another value waits for the next start */
    char public_address[160]; /* the first that others reach; "" none */
    char error[ERR_LEN];      /* of the last reload; "" if there was none */
    int64_t success_s;
    struct parts parts; /* ours, until they are handed over; the marks stay */
};

/* -- Read and judge -- */

/* FNV-1a: contents that differ have other marks, but for one in 2^64. */
static uint64_t mark_of(const char *text, size_t len)
{
    uint64_t mark = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        mark = (mark ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return mark;
}

static enum status read_tokens(const char *path, struct token_list **ret_list,
                               uint64_t *ret_mark, char why[ERR_LEN])
{
    char reason[ERR_LEN];
    char *text;
    size_t len;

    *ret_list = NULL;
    if (path[0] == '\0')
        return ST_OK;
    enum status st = credential_read("tokens_file", path, true, &text, &len, why);
    if (st != ST_OK)
        return st;
    st = token_list_parse(text, len, ret_list, reason);
    if (st != ST_OK)
        (void)snprintf(why, ERR_LEN, "tokens_file: %.120s: %.120s", path, reason);
    *ret_mark = mark_of(text, len);
    explicit_bzero(text, len);
    free(text);
    return st;
}

static enum status read_access(const struct settings *settings, struct parts *parts,
                               char why[ERR_LEN])
{
    char reason[ERR_LEN];
    enum status st = access_check_hosts(settings->allowed_hosts, reason);

    if (st != ST_OK) {
        (void)snprintf(why, ERR_LEN, "allowed_hosts: %.230s", reason);
        return st;
    }
    struct access *access = calloc(1, sizeof(*access));
    st = ST_NOMEM;
    (void)snprintf(why, ERR_LEN, "out of memory");
    if (access != NULL && (access->hosts = strdup(settings->allowed_hosts)) != NULL)
        st = read_tokens(settings->tokens_file, &access->tokens,
                         &parts->marks[TOKENS_FILE], why);
    if (st != ST_OK) {
        access_free(access);
        return st;
    }
    access->any_host = settings->insecure_bind;
    parts->access = access;
    return ST_OK;
}

static enum status read_tls(const struct settings *settings, struct parts *parts,
                            char why[ERR_LEN])
{
    char *chain = NULL, *key = NULL;
    char reason[ERR_LEN];
    size_t chain_len, key_len;

    if ((settings->tls_certificate[0] == '\0') != (settings->tls_key[0] == '\0')) {
        (void)snprintf(why, ERR_LEN, "tls_certificate and tls_key go together");
        return ST_RANGE;
    }
    if (settings->tls_key[0] == '\0')
        return ST_OK;
    enum status st = credential_read("tls_certificate", settings->tls_certificate, false,
                                     &chain, &chain_len, why);
    if (st == ST_OK)
        st = credential_read("tls_key", settings->tls_key, true, &key, &key_len, why);
    if (st == ST_OK) {
        st = tls_new(chain, chain_len, key, key_len, &parts->tls, reason);
        if (st != ST_OK)
            (void)snprintf(why, ERR_LEN, "tls_certificate, tls_key: %.200s", reason);
        parts->marks[TLS_CERTIFICATE] = mark_of(chain, chain_len);
        parts->marks[TLS_KEY] = mark_of(key, key_len);
        explicit_bzero(key, key_len);
    }
    free(key);
    free(chain);
    return st;
}

static void free_parts(struct parts *parts)
{
    access_free(parts->access);
    tls_free(parts->tls);
    parts->access = NULL;
    parts->tls = NULL;
}

/* On failure there are none. */
static enum status read_parts(const struct settings *settings, struct parts *ret_parts,
                              char why[ERR_LEN])
{
    *ret_parts = (struct parts) { 0 };
    enum status st = read_access(settings, ret_parts, why);

    if (st == ST_OK)
        st = read_tls(settings, ret_parts, why);
    if (st != ST_OK)
        free_parts(ret_parts);
    return st;
}

static void hand_over(struct parts *parts, struct http_server *http)
{
    http_server_set_access(http, parts->access);
    http_server_set_tls(http, parts->tls);
    parts->access = NULL;
    parts->tls = NULL;
}

static enum status judge_public(const struct settings *settings, const char *address,
                                char why[ERR_LEN])
{
    if (address[0] == '\0' || settings->tokens_file[0] != '\0' || settings->insecure_bind)
        return ST_OK;
    (void)snprintf(why, ERR_LEN,
                   "other machines reach %.100s, and nobody would be asked who "
                   "he is: set tokens_file, or insecure_bind if that is wanted",
                   address);
    return ST_RANGE;
}

enum status config_new(const struct settings_source *source,
                       const struct settings_result *result, struct config **ret_config,
                       char why[ERR_LEN])
{
    struct config *config = calloc(1, sizeof(*config));

    if (config == NULL) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    enum status st = read_parts(&result->settings, &config->parts, why);
    if (st != ST_OK) {
        free(config);
        return st;
    }
    config->source = source;
    config->in_force = *result;
    config->success_s = wall_seconds();
    (void)pthread_mutex_init(&config->lock, NULL); /* cannot fail on Linux */
    *ret_config = config;
    return ST_OK;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    free_parts(&config->parts);
    (void)pthread_mutex_destroy(&config->lock);
    free(config);
}

enum status config_allow_public(struct config *config, const char *address,
                                char why[ERR_LEN])
{
    pthread_mutex_lock(&config->lock);
    enum status st = judge_public(&config->in_force.settings, address, why);
    if (st == ST_OK && config->public_address[0] == '\0')
        (void)snprintf(config->public_address, sizeof(config->public_address), "%s",
                       address);
    pthread_mutex_unlock(&config->lock);
    return st;
}

void config_apply(struct config *config, struct daemon *daemon)
{
    hand_over(&config->parts, daemon->http);
}

/* -- Reload -- */

/* What a reload changed, and what it could not. */
struct news {
    bool changed[SETTINGS_MAX], waits[SETTINGS_MAX];
};

static void compare(const struct settings_result *in_force,
                    const struct settings_result *next, struct news *ret_news)
{
    struct settings_row before, after;

    memset(ret_news, 0, sizeof(*ret_news));
    for (size_t i = 0; settings_row(in_force, i, &before); i++) {
        (void)settings_row(next, i, &after);
        if (strcmp(before.value, after.value) == 0)
            continue;
        (before.live ? ret_news->changed : ret_news->waits)[i] = true;
    }
}

/* A file of the same name with other contents is a change of what names it. */
static void compare_files(const struct settings_result *in_force,
                          const uint64_t before[N_FILES], const uint64_t after[N_FILES],
                          struct news *news)
{
    struct settings_row row;

    for (size_t i = 0; settings_row(in_force, i, &row); i++)
        for (size_t f = 0; f < N_FILES; f++)
            if (before[f] != after[f] && strcmp(row.name, file_settings[f]) == 0)
                news->changed[i] = true;
}

/* Threads begin with or without it. */
static enum status judge_tls(const struct config *config, const struct settings *next,
                             char why[ERR_LEN])
{
    if ((config->in_force.settings.tls_key[0] == '\0') == (next->tls_key[0] == '\0'))
        return ST_OK;
    (void)snprintf(
        why, ERR_LEN,
        "tls_certificate, tls_key: to begin or to end with TLS takes a restart");
    return ST_RANGE;
}

/* Everything that can fail; nothing is changed. `scratch` is a daemon that is made and
 * thrown away: it would not start with these settings if it cannot be made. */
static enum status prepare(const struct config *config, struct settings_result *ret_next,
                           struct parts *ret_parts, char why[ERR_LEN])
{
    struct daemon scratch;
    enum status st = settings_read(config->source, ret_next, why);

    if (st == ST_OK)
        st = assemble_init(&scratch, &ret_next->settings, why);
    if (st == ST_OK)
        st = judge_public(&ret_next->settings, config->public_address, why);
    if (st == ST_OK)
        st = judge_tls(config, &ret_next->settings, why);
    if (st == ST_OK)
        st = read_parts(&ret_next->settings, ret_parts, why);
    return st;
}

/* Nothing here can fail. */
static void swap(struct config *config, struct daemon *daemon,
                 const struct settings_result *next, struct parts *parts,
                 struct news *ret_news)
{
    compare(&config->in_force, next, ret_news);
    compare_files(&config->in_force, config->parts.marks, parts->marks, ret_news);
    memcpy(config->parts.marks, parts->marks, sizeof(parts->marks));
    settings_take_live(&config->in_force, next);
    memcpy(config->waits, ret_news->waits, sizeof(config->waits));
    settings_publish(&daemon->settings, &config->in_force.settings);
    log_set_level(config->in_force.settings.log_level);
    log_set_json(config->in_force.settings.log_json);
    hand_over(parts, daemon->http);
    /* A stream lasts; who was let in to it may be let in no more. */
    if (config->in_force.settings.tokens_file[0] != '\0')
        events_dismiss(daemon->events);
    config->success_s = wall_seconds();
}

static enum status reload(struct daemon *daemon, struct news *ret_news, char why[ERR_LEN])
{
    struct config *config = daemon->config;
    struct settings_result *next = malloc(sizeof(*next));
    struct parts parts;
    enum status st = ST_NOMEM;

    (void)snprintf(why, ERR_LEN, "out of memory");
    if (next != NULL)
        st = prepare(config, next, &parts, why);
    pthread_mutex_lock(&config->lock);
    if (st == ST_OK)
        swap(config, daemon, next, &parts, ret_news);
    (void)snprintf(config->error, sizeof(config->error), "%s", st == ST_OK ? "" : why);
    pthread_mutex_unlock(&config->lock);
    free(next);
    return st;
}

/* ["queue","threads"] of the rows that are marked. */
static void write_names(struct buf *body, struct config *config,
                        const bool marked[SETTINGS_MAX])
{
    struct settings_row row;
    const char *before = "";

    buf_char(body, '[');
    pthread_mutex_lock(&config->lock);
    for (size_t i = 0; settings_row(&config->in_force, i, &row); i++)
        if (marked[i]) {
            buf_printf(body, "%s\"%s\"", before, row.name);
            before = ",";
        }
    pthread_mutex_unlock(&config->lock);
    buf_char(body, ']');
}

static void answer(struct http_call *call, struct config *config, const struct news *news)
{
    struct buf body = BUF_INIT;

    buf_text(&body, "{\"reloaded\":true,\"changed\":");
    write_names(&body, config, news->changed);
    buf_text(&body, ",\"restart_needed\":");
    write_names(&body, config, news->waits);
    buf_text(&body, "}\n");
    http_reply(call, 200, "application/json", &body);
}

static void refuse(struct http_call *call, const char *why)
{
    struct problem problem;

    problem_set(&problem, 409, "reload_failed",
                "the configuration stays as it was: %.200s", why);
    http_reply_problem(call, &problem);
}

static void tell(struct daemon *daemon, const struct news *news)
{
    struct buf changed = BUF_INIT, waits = BUF_INIT;

    write_names(&changed, daemon->config, news->changed);
    write_names(&waits, daemon->config, news->waits);
    if (!changed.failed && !waits.failed)
        record_event(daemon->record, METRICS_INFO, "reload", NULL,
                     "changed=%.*s restart_needed=%.*s", (int)changed.len, changed.data,
                     (int)waits.len, waits.data);
    buf_free(&changed);
    buf_free(&waits);
}

/* call: NULL: a signal asked for it. */
static void reload_and_tell(struct daemon *daemon, struct http_call *call)
{
    struct news news;
    char why[ERR_LEN];

    if (!daemon->draining)
        notify_send("RELOADING=1");
    enum status st = reload(daemon, &news, why);
    if (st == ST_OK)
        tell(daemon, &news);
    else
        record_event(daemon->record, METRICS_ERROR, "reload", NULL,
                     "the configuration stays as it was: %s", why);
    if (!daemon->draining)
        notify_send("READY=1");
    if (call != NULL && st == ST_OK)
        answer(call, daemon->config, &news);
    else if (call != NULL)
        refuse(call, why);
}

static void reload_unasked(void *arg, unsigned worker)
{
    (void)worker;
    reload_and_tell(arg, NULL);
}

enum status config_reload(struct daemon *daemon)
{
    return pool_submit(daemon->reader, reload_unasked, daemon);
}

void config_reload_handle(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;

    turn_queue_call(daemon, call, reload_and_tell, daemon->reader, "reload");
}

/* -- What is in force -- */

void config_set_log_level(struct config *config, const char *level)
{
    pthread_mutex_lock(&config->lock);
    if (strcmp(config->in_force.settings.log_level, level) != 0) {
        settings_override(&config->in_force, "log_level", level, "POST /v2/logging");
        log_set_level(level);
    }
    pthread_mutex_unlock(&config->lock);
}

struct config_health config_health(struct config *config)
{
    pthread_mutex_lock(&config->lock);
    struct config_health health = { config->error[0] == '\0', config->success_s };
    pthread_mutex_unlock(&config->lock);
    return health;
}

static void write_row(struct buf *body, const struct settings_row *row, bool waits)
{
    buf_printf(body, "{\"name\":\"%s\",\"value\":", row->name);
    if (row->is_text)
        buf_json_string(body, row->value);
    else
        buf_text(body, row->value);
    buf_printf(body, ",\"unit\":\"%s\",\"origin\":", row->unit);
    buf_json_string(body, row->origin);
    buf_printf(body, ",\"reload\":%s,\"restart_needed\":%s}",
               row->live ? "true" : "false", waits ? "true" : "false");
}

void config_handle(void *ctx, struct http_call *call)
{
    struct config *config = ((const struct daemon *)ctx)->config;
    struct buf body = http_take_buf(call);
    struct settings_row row;

    buf_text(&body, "{\"settings\":[");
    pthread_mutex_lock(&config->lock);
    for (size_t i = 0; settings_row(&config->in_force, i, &row); i++) {
        if (i > 0)
            buf_char(&body, ',');
        write_row(&body, &row, config->waits[i]);
    }
    buf_printf(&body, "],\"last_reload\":{\"successful\":%s,\"error\":",
               config->error[0] == '\0' ? "true" : "false");
    if (config->error[0] == '\0')
        buf_text(&body, "null");
    else
        buf_json_string(&body, config->error);
    state_json_time(&body, ",\"succeeded_at\":", config->success_s);
    pthread_mutex_unlock(&config->lock);
    buf_text(&body, "}}\n");
    http_reply(call, 200, "application/json", &body);
}
