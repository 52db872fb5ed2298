/* SPDX-License-Identifier: Apache-2.0 */
/* http_answer.c - what a handler answers, and how the library gets it. */
#include "api/http_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How a problem looks in either world. Clients of the Open Inference Protocol compare the
 * type as a string. */
#define V2_TYPE      "application/json"
#define PROBLEM_TYPE "application/problem+json"

#define NO_ROOM "no memory for the answer"
static const char v2_out_of_memory[] = "{\"error\":\"" NO_ROOM "\"}";
static const char out_of_memory[] =
    "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
    "\"detail\":\"" NO_ROOM "\",\"code\":\"no_memory\",\"error\":\"" NO_ROOM "\"}";

void http_defer(struct http_call *call)
{
    assert(!call->deferred && !call->answered);
    call->deferred = true;
    call->deferred_ns = http_now_ns();
    MHD_suspend_connection(call->mhd);
}

uint64_t http_call_deferred_ns(const struct http_call *call)
{
    return call->deferred ? call->deferred_ns : 0;
}

void http_set_header(struct http_call *call, const char *name, const char *value)
{
    assert(call->n_headers < HTTP_MAX_HEADERS);
    assert(strlen(value) <= 255);
    if (strcasecmp(name, "Cache-Control") == 0)
        call->own_cache_control = true;
    buf_bytes(&call->headers, name, strlen(name) + 1);
    buf_bytes(&call->headers, value, strlen(value) + 1);
    if (!call->headers.failed)
        call->n_headers++;
}

/* The answer is complete. After this a deferred call belongs to its data thread again. */
static void finish(struct http_call *call, unsigned status, const char *content_type)
{
    assert(!call->answered);
    call->status = status;
    call->answer_type = content_type;
    call->answered = true;
    if (call->deferred)
        MHD_resume_connection(call->mhd);
}

void http_reply_static(struct http_call *call, unsigned status, const char *content_type,
                       const void *bytes, size_t len)
{
    call->static_bytes = bytes;
    call->static_len = len;
    finish(call, status, content_type);
}

/* Without memory there is no problem to write. */
static void reply_out_of_memory(struct http_call *call)
{
    if (call->v2)
        http_reply_static(call, 500, V2_TYPE, v2_out_of_memory,
                          sizeof(v2_out_of_memory) - 1);
    else
        http_reply_static(call, 500, PROBLEM_TYPE, out_of_memory,
                          sizeof(out_of_memory) - 1);
}

void http_reply(struct http_call *call, unsigned status, const char *content_type,
                struct buf *body)
{
    if (body->failed) {
        buf_free(body);
        reply_out_of_memory(call);
        return;
    }
    buf_free(&call->answer);
    call->answer = *body;
    *body = (struct buf)BUF_INIT;
    finish(call, status, content_type);
}

void http_reply_stream(struct http_call *call, const char *content_type,
                       struct http_stream *stream)
{
    http_stream_keep(stream);
    call->stream = stream;
    finish(call, 200, content_type);
}

void http_reply_problem(struct http_call *call, const struct problem *problem)
{
    struct buf body = BUF_INIT;

    problem_write(problem, call->id_text, call->v2, &body);
    if (problem->retry_after_s != 0) {
        char seconds[16];
        (void)snprintf(seconds, sizeof(seconds), "%u", problem->retry_after_s);
        http_set_header(call, "Retry-After", seconds);
    }
    http_reply(call, problem->status, call->v2 ? V2_TYPE : PROBLEM_TYPE, &body);
}

struct buf http_take_buf(struct http_call *call)
{
    struct buf buf = call->answer;

    call->answer = (struct buf)BUF_INIT;
    return buf;
}

size_t http_call_answer_len(const struct http_call *call)
{
    return call->static_bytes != NULL ? call->static_len : call->answer.len;
}

/* The library has let go of the answer's bytes. */
static void on_response_free(void *cls)
{
    struct http_call *call = cls;

    call->response_open = false;
    if (!call->request_open)
        http_call_recycle(call);
}

static struct MHD_Response *make_response(struct http_call *call)
{
    if (call->stream != NULL)
        return http_stream_response(call->stream, call->mhd);
    if (call->static_bytes != NULL)
        return MHD_create_response_from_buffer(
            call->static_len, (void *)call->static_bytes, MHD_RESPMEM_PERSISTENT);

    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(
            call->answer.len, call->answer.data, on_response_free, call);
    call->response_open = response != NULL;
    return response;
}

/* RFC 9110, 9.3.3: to other methods no answer of ours can be stored anyway. */
bool http_may_be_stored(const struct http_call *call)
{
    return strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
}

bool http_is_draining(const struct http_call *call)
{
    return atomic_load_explicit(&call->thread->server->draining, memory_order_relaxed);
}

bool http_add_fields(const struct http_call *call, struct MHD_Response *response)
{
    const char *name = call->headers.data;
    bool ok = !call->headers.failed &&
              MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") ==
                  MHD_YES &&
              MHD_add_response_header(response, HTTP_ID_FIELD, call->id_text) == MHD_YES;

    if (ok && http_may_be_stored(call) && !call->own_cache_control)
        ok = MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
    if (ok && call->answer_type != NULL)
        ok = MHD_add_response_header(response, "Content-Type", call->answer_type) ==
             MHD_YES;
    if (ok && http_is_draining(call))
        ok = MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    for (unsigned i = 0; ok && i < call->n_headers; i++) {
        const char *value = name + strlen(name) + 1;
        ok = MHD_add_response_header(response, name, value) == MHD_YES;
        name = value + strlen(value) + 1;
    }
    return ok;
}

/* -- Sending -- */

/* From now on the client has to take it. */
static void begin_sending(struct http_call *call)
{
    struct http_conn *conn = call->conn;
    bool is_long = call->stream != NULL || http_call_answer_len(call) > HTTP_SHORT_ANSWER;

    if (call->deferred)
        atomic_store_explicit(&conn->since_ns, http_now_ns(), memory_order_relaxed);
    if (is_long)
        (void)MHD_set_connection_option(call->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
                                        call->thread->server->options.idle_timeout_s);
    atomic_store_explicit(&conn->state, is_long ? HTTP_CONN_LONG : HTTP_CONN_SEND,
                          memory_order_release);
}

enum MHD_Result http_call_send(struct http_call *call)
{
    struct MHD_Response *kept = http_kept_take(call);
    enum MHD_Result queued = MHD_NO;

    begin_sending(call);
    if (kept != NULL)
        return MHD_queue_response(call->mhd, call->status, kept);

    struct MHD_Response *response = make_response(call);
    if (response == NULL)
        return MHD_NO; /* no memory: the connection closes */
    if (http_add_fields(call, response))
        queued = MHD_queue_response(call->mhd, call->status, response);
    MHD_destroy_response(response);
    return queued;
}
