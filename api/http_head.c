/* SPDX-License-Identifier: Apache-2.0 */
/* http_head.c - is the head of this request sound, and whose is it?
 *
 * The library lets pass what a proxy in front of us may read differently (two lengths, a
 * length and a coding, folded lines): answering such a request as one would let the next
 * one be smuggled in behind it. They are refused here, and their connection closes.
 */
#include "api/accept.h"
#include "api/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What one pass over the header fields finds. */
struct head {
    struct http_call *call;
    unsigned n_host, n_length, n_coding;
    const char *length, *coding, *type, *encoding, *expect;
    const char *traceparent, *accept;
    unsigned n_accept;
    struct access_claim claim;
    unsigned n_authorization;
    bool malformed;
};

/* Characters of a field name (RFC 9110, token). */
static const unsigned char is_token[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1,
    ['+'] = 1, ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1,  ['|'] = 1,
    ['~'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1,  ['5'] = 1,
    ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1,  ['C'] = 1,
    ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1,  ['J'] = 1,
    ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,  ['Q'] = 1,
    ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1,  ['X'] = 1,
    ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1,  ['e'] = 1,
    ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,  ['l'] = 1,
    ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1,  ['s'] = 1,
    ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1,  ['z'] = 1,
};

/* Keeps the right end where there is no room for all. What is cut in two then is no
 * address any more. */
static void append_right(char *list, size_t most, const char *bytes, size_t len)
{
    size_t n = strlen(list), kept = len < most ? len : most;
    size_t cut = n + kept > most ? n + kept - most : 0;

    memmove(list, list + cut, n - cut);
    memcpy(list + n - cut, bytes + len - kept, kept);
    list[n - cut + kept] = '\0';
    if (cut > 0 || kept < len)
        list[0] = '?';
}

/* Several lines are one list. */
static void keep_forwarded(struct http_call *call, const char *value, size_t len)
{
    size_t most = sizeof(call->forwarded) - 1;

    if (call->forwarded[0] != '\0')
        append_right(call->forwarded, most, ",", 1);
    append_right(call->forwarded, most, value, len);
}

static enum MHD_Result scan_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    struct head *head = cls;
    unsigned char token = name_len != 0;

    (void)kind;
    for (size_t i = 0; i < name_len; i++)
        token &= is_token[(unsigned char)name[i]];
    /* A folded line makes the library copy the name, with the folded text behind it, out
     * of the read buffer to a place after it; else the name stands before its value. */
    if (!token || value == NULL || (uintptr_t)value < (uintptr_t)name) {
        head->malformed = true;
        return MHD_NO;
    }

    switch (name_len) {
    case sizeof("Host") - 1:
        if (strcasecmp(name, "Host") == 0) {
            head->claim.host = value;
            head->n_host++;
        }
        break;
    case sizeof("Expect") - 1:
        if (strcasecmp(name, "Expect") == 0)
            head->expect = value;
        else if (strcasecmp(name, "Origin") == 0)
            head->claim.origin = value;
        else if (strcasecmp(name, "Accept") == 0) {
            head->accept = value;
            head->n_accept++;
        }
        break;
    case sizeof("Content-Type") - 1:
        if (strcasecmp(name, "Content-Type") == 0)
            head->type = value;
        break;
    case sizeof("Content-Length") - 1:
        if (strcasecmp(name, "Content-Length") == 0) {
            head->length = value;
            head->n_length++;
        } else if (strcasecmp(name, "Sec-Fetch-Site") == 0) {
            head->claim.fetch_site = value;
        }
        break;
    case sizeof("traceparent") - 1:
        if (strcasecmp(name, "traceparent") == 0)
            head->traceparent = value;
        break;
    case sizeof("Authorization") - 1:
        if (strcasecmp(name, "Authorization") == 0) {
            head->claim.authorization = value;
            head->n_authorization++;
        }
        break;
    case sizeof("X-Forwarded-For") - 1:
        if (strcasecmp(name, "X-Forwarded-For") == 0)
            keep_forwarded(head->call, value, value_len);
        break;
    case sizeof("Content-Encoding") - 1:
        if (strcasecmp(name, "Content-Encoding") == 0)
            head->encoding = value;
        break;
    case sizeof("Transfer-Encoding") - 1:
        if (strcasecmp(name, "Transfer-Encoding") == 0) {
            head->coding = value;
            head->n_coding++;
        }
        break;
    default:
        break;
    }
    return MHD_YES;
}

/* Where does this request end? HTTP_FINE if that has exactly one answer. */
static enum http_verdict check_framing(const struct head *head, bool http_1_0)
{
    if (head->malformed || head->n_length > 1 || head->n_coding > 1 ||
        head->n_authorization > 1)
        return HTTP_BAD_FRAMING;
    if (head->n_coding != 0) {
        if (head->n_length != 0 || http_1_0)
            return HTTP_BAD_FRAMING;
        if (strcasecmp(head->coding, "chunked") != 0)
            return HTTP_BAD_CODING;
    }
    if (head->n_host > 1 || (head->n_host == 0 && !http_1_0))
        return HTTP_BAD_HOST;
    return HTTP_FINE;
}

/* Media type in lower case, without parameters; one that is too long for any that we know
 * is left cut. */
static void keep_type(struct http_call *call, const char *type)
{
    size_t n = 0;

    while (type != NULL && n + 1 < sizeof(call->content_type)) {
        char c = type[n];
        if (c == '\0' || c == ';' || c == ' ' || c == '\t')
            break;
        call->content_type[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    call->content_type[n] = '\0';
}

/* Lower-case hex digits up to `end`, not all of them zero. */
static bool is_trace_part(const char *text, size_t len, char end)
{
    return strspn(text, "0123456789abcdef") == len && text[len] == end &&
           strspn(text, "0") < len;
}

/* version-trace-parent-flags; of later versions we know no more than this. */
static void keep_traceparent(struct http_call *call, const char *text)
{
    if (text != NULL && strlen(text) == sizeof(call->traceparent) - 1 &&
        strspn(text, "0123456789abcdef") == 2 && text[2] == '-' &&
        strncmp(text, "ff", 2) != 0 && is_trace_part(text + 3, 32, '-') &&
        is_trace_part(text + 36, 16, '-') && strspn(text + 53, "0123456789abcdef") == 2)
        strcpy(call->traceparent, text);
}

static enum MHD_Result join_accept(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct buf *lines = cls;

    (void)kind;
    if (strcasecmp(name, "Accept") == 0) {
        buf_text(lines, value);
        buf_char(lines, ',');
    }
    return MHD_YES;
}

/* What most clients send wants anything. */
static enum http_verdict keep_accept(struct http_call *call, const struct head *head)
{
    call->accept = head->accept;
    if (head->n_accept > 1) {
        (void)MHD_get_connection_values(call->mhd, MHD_HEADER_KIND, join_accept,
                                        &call->accept_lines);
        buf_char(&call->accept_lines, '\0');
        call->accept = call->accept_lines.data;
    } else if (head->n_accept == 1 && strcmp(head->accept, "*/*") == 0) {
        call->accept = NULL;
    }
    return call->accept_lines.failed ? HTTP_NO_MEMORY : HTTP_FINE;
}

static enum http_verdict choose_type(struct http_call *call)
{
    const char *const *types =
        call->thread->server->options.routes[call->match.route].types;

    if (types == NULL)
        return HTTP_FINE;
    call->accepted = call->accept == NULL ? types[0] : accept_choose(call->accept, types);
    return call->accepted != NULL ? HTTP_FINE : HTTP_NOT_ACCEPTABLE;
}

/* A slip in a name would have no effect, and nobody would hear of it. */
static enum http_verdict check_query(const struct http_call *call)
{
    size_t i = 0;

    return call->query == NULL || http_call_unknown_argument(call, &i) == NULL
               ? HTTP_FINE
               : HTTP_BAD_QUERY;
}

static const char *known_method(const char *method)
{
    static const char *const known[] = { "POST",   "GET",     "HEAD",  "PUT",    "PATCH",
                                         "DELETE", "OPTIONS", "TRACE", "CONNECT" };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(method, known[i]) == 0)
            return known[i];
    return "_other";
}

static enum http_verdict find_route(struct http_call *call)
{
    const struct http_route_table *table = call->thread->server->table;
    const char *path = call->target.data;

    if (call->target_broken)
        return HTTP_BAD_TARGET;
    call->segments.n = 0;
    if (strcmp(path, "*") == 0 && strcmp(call->method, "OPTIONS") == 0)
        return HTTP_OPTIONS;
    buf_text(&call->path, path);
    buf_char(&call->path, '\0');
    if (call->path.failed)
        return HTTP_NO_MEMORY;
    enum status st = http_route_split(call->path.data, &call->segments);
    if (st != ST_OK)
        return st == ST_RANGE ? HTTP_NOT_FOUND : HTTP_BAD_TARGET;

    st = http_route_find(table, call->method, &call->segments, &call->match);
    if (st == ST_UNSUPPORTED)
        return strcmp(call->method, "OPTIONS") == 0 ? HTTP_OPTIONS : HTTP_BAD_METHOD;
    return st == ST_OK ? HTTP_FINE : HTTP_NOT_FOUND;
}

/* May whoever asks have this? */
static enum http_verdict check_access(struct http_call *call, struct access_claim *claim)
{
    const struct http_server *server = call->thread->server;
    pthread_mutex_t *lock = &call->thread->swap_lock;
    const struct token *token = NULL;

    claim->changes =
        strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0;
    (void)pthread_mutex_lock(lock);
    call->n_access = server->n_access;
    if (server->access != NULL)
        call->access =
            access_judge(server->access, claim,
                         server->options.routes[call->match.route].scope, &token);
    if (token != NULL)
        memcpy(call->token, token->name, sizeof(call->token));
    (void)pthread_mutex_unlock(lock);
    return call->access == ACCESS_OK ? HTTP_FINE : HTTP_NO_ACCESS;
}

/* White space behind a value is no part of it; the library leaves it there. */
static bool is_coding(const char *value, const char *coding)
{
    size_t len = strlen(coding);

    return strncasecmp(value, coding, len) == 0 &&
           value[len + strspn(value + len, " \t")] == '\0';
}

/* A content coding that can be undone; HTTP's deflate is zlib's format. */
static bool is_packing(const char *encoding)
{
    return is_coding(encoding, "gzip") || is_coding(encoding, "x-gzip") ||
           is_coding(encoding, "deflate");
}

/* What the route says about the body to come; `length` is 0 if it is not told. */
static enum http_verdict check_body(struct http_call *call, const struct head *head,
                                    uint64_t length)
{
    size_t max_body = http_call_max_body(call);

    call->packed = head->encoding != NULL && !is_coding(head->encoding, "identity");
    if (call->packed && (!http_call_may_be_packed(call) || !is_packing(head->encoding)))
        return HTTP_BAD_ENCODING;
    if (length > max_body && (max_body != 0 || length > HTTP_DROP_MAX))
        return HTTP_TOO_LARGE;
    return http_call_has_room(call, length) ? HTTP_FINE : HTTP_BODIES_FULL;
}

bool http_head_check(struct http_call *call, const char *method, const char *version)
{
    struct head head = { .call = call };
    uint64_t length = 0;

    (void)MHD_get_connection_values_n(call->mhd, MHD_HEADER_KIND, scan_field, &head);
    call->method = known_method(method);
    keep_type(call, head.type);
    keep_traceparent(call, head.traceparent);
    call->verdict = check_framing(&head, strcmp(version, "HTTP/1.0") == 0);
    if (call->verdict != HTTP_FINE)
        return true;

    /* The library has refused whatever is no number or too large for 64 bits. */
    if (head.length != NULL)
        length = strtoull(head.length, NULL, 10);
    call->verdict = find_route(call);
    /* RFC 9112, 3.2.2: the host of the target counts, whatever Host says. */
    if (call->authority != NULL)
        head.claim.host = call->authority;
    if (call->verdict == HTTP_FINE)
        call->verdict = check_access(call, &head.claim);
    if (call->verdict == HTTP_FINE)
        call->verdict = keep_accept(call, &head);
    if (call->verdict == HTTP_FINE)
        call->verdict = choose_type(call);
    if (call->verdict == HTTP_FINE)
        call->verdict = check_query(call);
    if (call->verdict == HTTP_FINE)
        call->verdict = check_body(call, &head, length);
    if (call->verdict == HTTP_FINE)
        return false;
    /* Answering before the body makes the library close the connection; a client that
     * waits for permission or has much to send is better off so, others rather keep it.
     */
    bool waits = head.expect != NULL && strcasecmp(head.expect, "100-continue") == 0;
    return (waits && (length != 0 || head.coding != NULL)) || length > HTTP_DROP_MAX;
}
