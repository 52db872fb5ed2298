/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - requests to the daemon. Owns libcurl together with evaluate_run.c.
 *
 * One thread. A client keeps its connection between calls.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli/cli.h"

#include <curl/curl.h>
#include <jansson.h>

/* Answers longer than this are refused: nothing that we ask for is. */
#define CLIENT_MAX_ANSWER ((size_t)64 << 20)

/* Bytes of an answer as they arrive. */
struct client_body {
    char *bytes; /* ours; zero-terminated unless NULL */
    size_t len, cap;
    bool too_long;
};
void client_body_done(struct client_body *body);
/* libcurl's write callback; ctx is a struct client_body. */
size_t client_body_add(char *bytes, size_t size, size_t n, void *ctx);

struct client;

/* EXIT_SUCCESS, or the exit code after reporting why not: EX_USAGE if the URL is no http
 * URL. `cli` is borrowed for the life of the client. */
MUST_CHECK int client_open(const struct cli *cli, struct client **ret_client);
void client_close(struct client *client);

struct request {
    const char *method;       /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;         /* "/api/v1/models", from client_path or a constant */
    const char *content_type; /* NULL without body */
    const void *body;         /* borrowed for the call */
    size_t len;
    const char *header; /* one more, "If-Match: \"3\"", or NULL */
    bool once;          /* changes the array: is never sent a second time */
    bool raw;           /* a success answers with bytes that are no JSON */
};

struct reply {
    long status;
    json_t *json;             /* ours; NULL if the body was no JSON */
    struct client_body bytes; /* ours; a success where `raw` was asked for, else empty */
    int exit_code;            /* EXIT_SUCCESS, or what the command should end with */
};
void reply_done(struct reply *reply);

/* Asks, and reports what fails under the name `what` (a file or a model; NULL: nothing is
 * reported). Succeeds only with a 2xx answer; with want_json only with a JSON object. The
 * reply is filled in every case and is to be freed with reply_done. */
MUST_CHECK bool client_call(struct client *client, const struct request *request,
                            bool want_json, const char *what, struct reply *ret_reply);

/* "/api/v1/models/NAME" + suffix with NAME percent-encoded; of a model NAME:VERSION with
 * the version in the query. NULL if memory ran out; free it with free(). */
char *client_model_path(struct client *client, const char *model, const char *suffix);

/* The model to talk to: --model, or the only one. Returns EXIT_SUCCESS, or the exit code
 * after reporting. Free the name with free(). */
MUST_CHECK int client_pick_model(struct client *client, char **ret_name);

/* A new handle set up like the client's own, for path `path`; NULL if memory ran out.
 * Free with curl_easy_cleanup. */
CURL *client_handle(const struct client *client, const char *path);
/* Says why `code` means that there is no answer; returns the exit code. */
int client_report_unreachable(const struct client *client, CURL *curl, CURLcode code);

#endif
