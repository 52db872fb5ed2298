/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request on its way in: kept within its path's limit and that of all
 * bodies together, or dropped. */
#include "api/http_internal.h"

size_t http_call_max_body(const struct http_call *call)
{
    return http_call_route(call)->max_body;
}

bool http_call_may_be_packed(const struct http_call *call)
{
    return http_call_route(call)->handle == call->thread->server->options.unpacks;
}

static bool drop(struct http_call *call, size_t len)
{
    call->dropped += len;
    return call->dropped <= HTTP_DROP_MAX;
}

/* Another step of it is there: the connection is not slow. */
static void note_arrived(struct http_call *call, size_t len)
{
    call->body_arrived += len;
    if (call->body_arrived < HTTP_BODY_PACE)
        return;
    call->body_arrived = 0;
    atomic_store_explicit(&call->conn->since_ns, http_now_ns(), memory_order_relaxed);
}

bool http_call_has_room(const struct http_call *call, uint64_t n)
{
    const struct http_server *server = call->thread->server;
    size_t taken = atomic_load_explicit(&server->body_bytes, memory_order_relaxed);

    return n <= HTTP_SHORT_BODY || (taken <= server->options.body_memory &&
                                    n <= server->options.body_memory - taken);
}

/* Counts a body of n bytes; false if all bodies together would be too much. */
static bool hold(struct http_call *call, size_t n)
{
    struct http_server *server = call->thread->server;
    size_t more = n - call->body_held;

    if (n <= HTTP_SHORT_BODY)
        return true;
    if (atomic_fetch_add_explicit(&server->body_bytes, more, memory_order_relaxed) +
            more >
        server->options.body_memory) {
        atomic_fetch_sub_explicit(&server->body_bytes, more, memory_order_relaxed);
        return false;
    }
    call->body_held = n;
    return true;
}

void http_call_body_release(struct http_call *call)
{
    if (call->body_held > 0)
        atomic_fetch_sub_explicit(&call->thread->server->body_bytes, call->body_held,
                                  memory_order_relaxed);
    call->body_held = 0;
}

bool http_call_body_add(struct http_call *call, const char *bytes, size_t len)
{
    note_arrived(call, len);
    if (call->verdict != HTTP_FINE)
        return drop(call, len);
    size_t max_body = http_call_max_body(call);
    if (max_body == 0)
        return drop(call, len);
    if (len > max_body - call->body.len)
        call->verdict = HTTP_TOO_LARGE;
    else if (!hold(call, call->body.len + len))
        call->verdict = HTTP_BODIES_FULL;
    else
        buf_bytes(&call->body, bytes, len);
    if (call->body.failed)
        call->verdict = HTTP_NO_MEMORY;
    if (call->verdict != HTTP_FINE) {
        buf_free(&call->body);
        http_call_body_release(call);
    }
    return true;
}
