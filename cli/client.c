/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include "cli/field.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define TOKEN_MAX 512 /* as the daemon's */

struct client {
    const struct cli *cli; /* borrowed */
    char *base;            /* ours: the URL without a slash at its end */
    bool loopback;
    char *token; /* ours; NULL: none is sent */
    CURL *curl;  /* ours */
};

/* -- Answers -- */

void client_body_done(struct client_body *body)
{
    free(body->bytes);
    *body = (struct client_body) { 0 };
}

size_t client_body_add(char *bytes, size_t size, size_t n, void *ctx)
{
    struct client_body *body = ctx;
    size_t len = size * n;

    if (len > CLIENT_MAX_ANSWER - body->len) {
        body->too_long = true;
        return 0;
    }
    if (body->len + len + 1 > body->cap) {
        size_t cap = 2 * (body->len + len + 1);
        char *grown = realloc(body->bytes, cap);

        if (grown == NULL)
            return 0;
        body->bytes = grown;
        body->cap = cap;
    }
    memcpy(body->bytes + body->len, bytes, len);
    body->len += len;
    body->bytes[body->len] = '\0';
    return len;
}

void reply_done(struct reply *reply)
{
    json_decref(reply->json);
    client_body_done(&reply->bytes);
    *reply = (struct reply) { 0 };
}

/* -- The client -- */

static bool is_loopback(const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    bool loopback = false;

    if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        loopback = strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
                   strcmp(host, "[::1]") == 0;
    curl_free(host);
    curl_url_cleanup(parts);
    return loopback;
}

static int set_base(struct client *client, const char *url)
{
    size_t len = strlen(url);

    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return report(EX_USAGE, "%s is no URL of a daemon; it looks like %s", url,
                      CLI_DEFAULT_URL);
    while (len > 0 && url[len - 1] == '/')
        len--;
    client->base = strndup(url, len);
    client->loopback = is_loopback(url);
    return client->base != NULL ? EXIT_SUCCESS : report(EXIT_FAILURE, "out of memory");
}

/* The one word of a file. */
static int read_token(struct client *client, const char *path)
{
    char why[ERR_LEN];
    uint8_t *bytes;
    size_t len;

    if (input_read(path, TOKEN_MAX, &bytes, &len, why) != ST_OK)
        return report(EXIT_FAILURE, "%s: %s", path, why);
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    size_t n_good = 0;
    while (n_good < len && bytes[n_good] > ' ' && bytes[n_good] < 0x7f)
        n_good++;
    if (len > 0 && n_good == len)
        client->token = strndup((const char *)bytes, len);
    explicit_bzero(bytes, len);
    free(bytes);
    if (len == 0 || n_good != len)
        return report(EXIT_FAILURE, "%s holds no token: one word, and nothing else",
                      path);
    return client->token != NULL ? EXIT_SUCCESS : report(EXIT_FAILURE, "out of memory");
}

int client_open(const struct cli *cli, struct client **ret_client)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        return report(EXIT_FAILURE, "out of memory");
    client->cli = cli;

    int code = set_base(client, cli->url);
    if (code == EXIT_SUCCESS && cli->token_file != NULL)
        code = read_token(client, cli->token_file);
    if (code == EXIT_SUCCESS && (client->curl = client_handle(client, "/")) == NULL)
        code = report(EXIT_FAILURE, "%s is a URL that libcurl cannot use", cli->url);
    if (code != EXIT_SUCCESS) {
        client_close(client);
        return code;
    }
    *ret_client = client;
    return EXIT_SUCCESS;
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    free(client->base);
    if (client->token != NULL)
        explicit_bzero(client->token, strlen(client->token));
    free(client->token);
    free(client);
}

static bool set_url(const struct client *client, CURL *curl, const char *path)
{
    size_t size = strlen(client->base) + strlen(path) + 1;
    char *url = malloc(size);

    if (url == NULL)
        return false;
    snprintf(url, size, "%s%s", client->base, path);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url); /* copies */
    free(url);
    return code == CURLE_OK;
}

/* Options that fail to be set here would be a libcurl built without HTTP. */
static bool set_defaults(const struct client *client, CURL *curl)
{
    bool ok = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;

    ok = curl_easy_setopt(curl, CURLOPT_USERAGENT, "spinbnn/" SPINBNN_VERSION) ==
             CURLE_OK &&
         ok;
    ok = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L) == CURLE_OK && ok;
    ok = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                          (long)(client->cli->timeout_s * 1000.0)) == CURLE_OK &&
         ok;
    /* A proxy of the environment cannot reach our own machine. */
    if (client->loopback)
        ok = curl_easy_setopt(curl, CURLOPT_NOPROXY, "*") == CURLE_OK && ok;
    if (client->cli->ca_file != NULL)
        ok = curl_easy_setopt(curl, CURLOPT_CAINFO, client->cli->ca_file) == CURLE_OK &&
             ok;
    if (client->token != NULL)
        ok = curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, client->token) == CURLE_OK &&
             ok;
    return ok;
}

CURL *client_handle(const struct client *client, const char *path)
{
    CURL *curl = curl_easy_init();

    if (curl != NULL && (!set_defaults(client, curl) || !set_url(client, curl, path))) {
        curl_easy_cleanup(curl);
        return NULL;
    }
    return curl;
}

int client_report_unreachable(const struct client *client, CURL *curl, CURLcode code)
{
    long os_errno = 0;
    char reason[128];

    if (code == CURLE_OUT_OF_MEMORY)
        return report(EXIT_FAILURE, "out of memory");
    if (code == CURLE_OPERATION_TIMEDOUT)
        return report(EX_UNAVAILABLE,
                      "%s did not answer within %.15g s; --timeout allows more",
                      client->base, client->cli->timeout_s);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return report(
            EX_UNAVAILABLE,
            "the certificate of %s is not one to trust for that name; --ca-file "
            "FILE says who may have signed it",
            client->base);

    (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno); /* 0 says as much */
    snprintf(reason, sizeof(reason), "%s",
             code == CURLE_COULDNT_CONNECT && os_errno != 0 ? strerror((int)os_errno)
                                                            : curl_easy_strerror(code));
    if (reason[0] >= 'A' && reason[0] <= 'Z' && !(reason[1] >= 'A' && reason[1] <= 'Z'))
        reason[0] = (char)(reason[0] + ('a' - 'A'));
    return report(EX_UNAVAILABLE,
                  "cannot reach %s: %s; is spinbnnd running? start it with ./run, or "
                  "point --url at it",
                  client->base, reason);
}

/* -- Calls -- */

static struct curl_slist *add_header(struct curl_slist *list, const char *header,
                                     bool *ok)
{
    struct curl_slist *grown = curl_slist_append(list, header);

    *ok = *ok && grown != NULL;
    return grown != NULL ? grown : list;
}

static CURLcode perform(struct client *client, const struct request *request,
                        struct client_body *ret_body)
{
    CURL *curl = client->curl;
    struct curl_slist *headers = NULL;
    char content_type[128];
    bool ok = true;

    curl_easy_reset(curl); /* keeps the connection */
    ok = set_defaults(client, curl) && set_url(client, curl, request->path);
    ok = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK && ok;
    ok = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, client_body_add) == CURLE_OK && ok;
    ok = curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_body) == CURLE_OK && ok;
    if (request->content_type != NULL) {
        snprintf(content_type, sizeof(content_type), "Content-Type: %s",
                 request->content_type);
        headers = add_header(headers, content_type, &ok);
        /* Without it libcurl waits a second for "100 Continue" before large bodies. */
        headers = add_header(headers, "Expect:", &ok);
        ok = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                              (curl_off_t)request->len) == CURLE_OK &&
             ok;
        ok = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body) == CURLE_OK && ok;
    }
    /* libcurl repeats a request when a connection that it kept turns out to be dead. A
     * memory must not be programmed or aged twice for that. */
    if (request->once)
        ok = curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK && ok;
    if (request->header != NULL)
        headers = add_header(headers, request->header, &ok);
    ok = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK && ok;

    CURLcode code = ok ? curl_easy_perform(curl) : CURLE_OUT_OF_MEMORY;
    curl_slist_free_all(headers);
    return code;
}

static bool is_success(long status)
{
    return status >= 200 && status <= 299;
}

/* Judges an answer that came; true if it is a success. */
static bool judge(const struct client *client, struct reply *reply, bool want_json,
                  const char *what)
{
    if (!is_success(reply->status)) {
        reply->exit_code = EXIT_FAILURE;
        if (what != NULL)
            report_problem(stderr, what, reply->status, reply->json);
        return false;
    }
    if (want_json && !json_is_object(reply->json)) {
        reply->exit_code = EXIT_FAILURE;
        if (what != NULL)
            report(0,
                   "%s: the answer of %s is not spinbnnd's JSON; is something else "
                   "listening there?",
                   what, client->base);
        return false;
    }
    reply->exit_code = EXIT_SUCCESS;
    return true;
}

bool client_call(struct client *client, const struct request *request, bool want_json,
                 const char *what, struct reply *ret_reply)
{
    struct client_body body = { 0 };
    CURLcode code = perform(client, request, &body);

    *ret_reply = (struct reply) { 0 };
    if (code != CURLE_OK) {
        ret_reply->exit_code = EX_UNAVAILABLE;
        if (body.too_long)
            ret_reply->exit_code = EXIT_FAILURE;
        if (what != NULL && body.too_long)
            report(0, "%s: the answer is longer than %zu bytes", what, CLIENT_MAX_ANSWER);
        else if (what != NULL)
            ret_reply->exit_code = client_report_unreachable(client, client->curl, code);
        client_body_done(&body);
        return false;
    }
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &ret_reply->status);
    if (request->raw && is_success(ret_reply->status)) {
        ret_reply->bytes = body;
        body = (struct client_body) { 0 };
    }
    if (body.len > 0)
        ret_reply->json = json_loadb(body.bytes, body.len, JSON_REJECT_DUPLICATES, NULL);
    client_body_done(&body);
    return judge(client, ret_reply, want_json, what);
}

/* -- Models -- */

char *client_model_path(struct client *client, const char *model, const char *suffix)
{
    const char *colon = strrchr(model, ':'); /* no name has one */
    size_t len = colon != NULL ? (size_t)(colon - model) : strlen(model);
    char *name = curl_easy_escape(client->curl, model, (int)len);
    char *version = curl_easy_escape(client->curl, colon != NULL ? colon + 1 : "", 0);
    char *path = NULL;

    if (name != NULL && version != NULL) {
        static const char prefix[] = "/api/v1/models/", query[] = "?version=";
        size_t size = sizeof(prefix) + strlen(name) + strlen(suffix) + sizeof(query) +
                      strlen(version);

        path = malloc(size);
        if (path != NULL && colon == NULL)
            snprintf(path, size, "%s%s%s", prefix, name, suffix);
        else if (path != NULL)
            snprintf(path, size, "%s%s%s%c%s%s", prefix, name, suffix,
                     strchr(suffix, '?') != NULL ? '&' : '?', query + 1, version);
    }
    curl_free(version);
    curl_free(name);
    return path;
}

/* "fashion, mnist", and how many that are; versions of one are side by side. */
static size_t list_names(const json_t *models, char *ret_text, size_t size)
{
    const json_t *model;
    const char *before = "";
    size_t i, used = 0, n = 0;

    ret_text[0] = '\0';
    json_array_foreach(models, i, model)
    {
        const char *name = field_text(model, "name", "?");

        if (strcmp(name, before) == 0)
            continue;
        before = name;
        if (used < size)
            used += (size_t)snprintf(ret_text + used, size - used, "%s%s",
                                     n > 0 ? ", " : "", name);
        n++;
    }
    return n;
}

static int copy_name(const char *name, char **ret_name)
{
    *ret_name = strdup(name);
    return *ret_name != NULL ? EXIT_SUCCESS : report(EXIT_FAILURE, "out of memory");
}

/* The only one of `models`, a list as the daemon gives it. */
static int pick_only(const struct client *client, const json_t *models, char **ret_name)
{
    const char *name = field_text(json_array_get(models, 0), "name", NULL);
    char names[400];

    if (name == NULL)
        return report(EXIT_FAILURE, "%s serves no model", client->base);
    if (list_names(models, names, sizeof(names)) == 1)
        return copy_name(name, ret_name);
    return report(EX_USAGE, "which model? say --model with one of: %s", names);
}

int client_pick_model(struct client *client, char **ret_name)
{
    const struct request ask = { .method = "GET", .path = "/api/v1/models" };
    struct reply reply;

    if (client->cli->model != NULL)
        return copy_name(client->cli->model, ret_name);

    int code = client_call(client, &ask, true, "models", &reply)
                   ? pick_only(client, field(reply.json, "models"), ret_name)
                   : reply.exit_code;
    reply_done(&reply);
    return code;
}
