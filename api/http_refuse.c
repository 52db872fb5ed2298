/* SPDX-License-Identifier: Apache-2.0 */
/* What a request hears that does not reach its handler. */
#include "api/accept.h"
#include "api/http_internal.h"
#include "core/nearest.h"

#include <stdio.h>
#include <string.h>

static void refuse_method(struct http_call *call, struct problem *problem)
{
    char allow[HTTP_ROUTE_ALLOW_LEN];
    bool everywhere = call->segments.n == 0; /* OPTIONS * */

    http_route_allow(call->thread->server->table, everywhere ? NULL : &call->segments,
                     allow);
    http_set_header(call, "Allow", allow);
    problem_set(problem, 405, "method_not_allowed", "allowed here are %s", allow);
}

/* RFC 6750, 3: what to come back with. */
static void challenge(struct http_call *call, const char *error, const char *scope)
{
    char value[128];
    int len = snprintf(value, sizeof(value), "Bearer realm=\"spinbnn\"");

    if (error != NULL)
        len +=
            snprintf(value + len, sizeof(value) - (size_t)len, ", error=\"%s\"", error);
    if (scope != NULL)
        (void)snprintf(value + len, sizeof(value) - (size_t)len, ", scope=\"%s\"", scope);
    http_set_header(call, "WWW-Authenticate", value);
}

/* What a token must have, in words. */
static const char *needed_scope(enum token_scope scope)
{
    return (scope & TOKEN_READ) != 0 && (scope & TOKEN_INFER) != 0
               ? "read or infer"
               : token_scope_name(scope);
}

static void refuse_access(struct http_call *call, struct problem *problem)
{
    const char *scope = token_scope_name(http_call_route(call)->scope);

    switch (call->access) {
    case ACCESS_OK:
    case ACCESS_HOST:
        problem_set(
            problem, 421, "unknown_host",
            "the Host of this request is neither an address nor localhost nor one "
            "of the setting allowed_hosts");
        break;
    case ACCESS_ORIGIN:
        problem_set(problem, 403, "cross_origin",
                    "a page of another origin may change nothing here");
        break;
    case ACCESS_NO_TOKEN:
        challenge(call, NULL, NULL);
        problem_set(problem, 401, "token_required",
                    "a token with the scope %s is needed here: send Authorization: "
                    "Bearer TOKEN",
                    needed_scope(http_call_route(call)->scope));
        break;
    case ACCESS_TOKEN:
        challenge(call, "invalid_token", NULL);
        problem_set(problem, 401, "invalid_token",
                    "this token is not on the list that is in force: send Authorization: "
                    "Bearer TOKEN with one that is, and has the scope %s",
                    needed_scope(http_call_route(call)->scope));
        break;
    case ACCESS_SCOPE:
        challenge(call, "insufficient_scope", scope);
        problem_set(problem, 403, "insufficient_scope",
                    "the token %s has not the scope %s, which is needed here",
                    call->token, needed_scope(http_call_route(call)->scope));
        break;
    }
}

static void refuse_types(const char *const *types, struct problem *problem)
{
    char there[160] = "";
    size_t len = 0;

    for (size_t i = 0; types[i] != NULL && len < sizeof(there); i++)
        len += (size_t)snprintf(there + len, sizeof(there) - len, "%s%s",
                                i > 0 ? ", " : "", types[i]);
    problem_set(problem, 406, "not_acceptable",
                "Accept wants nothing of what there is: %s", there);
}

/* All of them, each with the name that was meant. */
static void refuse_query(const struct http_call *call, struct problem *problem)
{
    const char *const *known = http_call_route(call)->query;
    const char *name;
    char pointer[32];

    problem_set(problem, 422, "invalid_query", "%s", "");
    for (size_t i = 0; (name = http_call_unknown_argument(call, &i)) != NULL;) {
        const char *near = nearest_name(name, known);

        (void)snprintf(pointer, sizeof(pointer), "?%.30s", name);
        problem_add(problem, pointer, "query argument %.30s: is not known here%s%s%s",
                    name, near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                    near != NULL ? "?" : "");
    }
}

void http_call_refuse(struct http_call *call)
{
    struct problem problem;

    switch (call->verdict) {
    case HTTP_FINE:
    case HTTP_BAD_FRAMING:
        http_set_header(call, "Connection", "close");
        problem_set(&problem, 400, "invalid_framing",
                    "the header fields leave open where the request ends: a malformed or "
                    "folded line, or more than one of Content-Length, "
                    "Transfer-Encoding and Authorization");
        break;
    case HTTP_BAD_CODING:
        http_set_header(call, "Connection", "close");
        problem_set(&problem, 501, "unsupported_transfer_coding",
                    "the only transfer coding that is read is chunked");
        break;
    case HTTP_BAD_HOST:
        http_set_header(call, "Connection", "close");
        problem_set(&problem, 400, "invalid_host", "exactly one Host header is expected");
        break;
    case HTTP_BAD_TARGET:
        problem_set(&problem, 400, "invalid_target",
                    "the path has a space, a control character, a broken percent-escape, "
                    "%%2F or %%00");
        break;
    case HTTP_NOT_FOUND:
        problem_set(&problem, 404, "not_found", "nothing is served at %.160s",
                    call->target.data);
        break;
    case HTTP_BAD_METHOD:
        refuse_method(call, &problem);
        break;
    case HTTP_OPTIONS:
        refuse_method(call, &problem);
        http_reply_static(call, 204, NULL, "", 0);
        return;
    case HTTP_NO_ACCESS:
        refuse_access(call, &problem);
        break;
    case HTTP_NOT_ACCEPTABLE:
        refuse_types(call->thread->server->options.routes[call->match.route].types,
                     &problem);
        break;
    case HTTP_BAD_QUERY:
        refuse_query(call, &problem);
        break;
    case HTTP_BAD_ENCODING:
        http_set_header(call, "Accept-Encoding",
                        http_call_may_be_packed(call) ? "gzip, deflate" : "identity");
        problem_set(&problem, 415, "unsupported_content_encoding",
                    http_call_may_be_packed(call)
                        ? "the content codings that are read here are gzip and deflate"
                        : "bodies are read as they are, without Content-Encoding");
        break;
    case HTTP_TOO_LARGE:
        problem_set(&problem, 413, "body_too_large",
                    "the body is longer than this path's limit of %zu bytes",
                    http_call_max_body(call));
        break;
    case HTTP_BODIES_FULL:
        problem_set(&problem, 503, "bodies_full",
                    "bodies of requests may take %zu MiB together, and do",
                    call->thread->server->options.body_memory >> 20);
        problem.retry_after_s = 1;
        break;
    case HTTP_NO_MEMORY:
        problem_set(&problem, 503, "no_memory", "no memory for the request");
        problem.retry_after_s = 1;
        break;
    }
    http_reply_problem(call, &problem);
}

bool http_accepts_or_406(struct http_call *call, const char *const *types)
{
    struct problem problem;

    if (call->accept == NULL || accept_choose(call->accept, types) != NULL)
        return true;
    refuse_types(types, &problem);
    http_reply_problem(call, &problem);
    return false;
}
