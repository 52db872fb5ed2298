/* SPDX-License-Identifier: Apache-2.0 */
/* http_kept.c - responses of the library that are used again.
 *
 * Making one, with its fields, and freeing it takes 4,600 instructions. What differs
 * between two answers to the same kind of request is the bytes, which are copied, and the
 * id. */
#include "api/http_internal.h"

#include <stdlib.h>
#include <string.h>

/* Longer answers are not copied: making a response is little beside them. */
#define BYTES_MAX ((size_t)2048)

/* An answer of as many bytes, of the same type and with the same fields. */
struct http_kept {
    struct MHD_Response *response;
    char *id;           /* where the response has its X-Request-Id */
    const char *type;   /* static */
    const void *shared; /* static bytes; NULL: those of `bytes` */
    size_t len, headers_len;
    bool stored, taken;
    uint8_t bytes[]; /* the call's headers, then the answer */
};

static bool may_keep(const struct http_call *call)
{
    return call->stream == NULL && !call->headers.failed && !http_is_draining(call) &&
           (call->static_bytes != NULL || call->answer.len <= BYTES_MAX);
}

/* Answers of one kind differ in length by a few bytes: they get places side by side. What
 * else differs moves them; addresses without the bits that alignment makes alike. */
static size_t place_of(const struct http_call *call)
{
    size_t mixed = http_call_answer_len(call) + call->headers.len * 7 +
                   (uintptr_t)call->answer_type / 8 + (uintptr_t)call->static_bytes / 8;

    return mixed % HTTP_KEPT;
}

static bool fits(const struct http_kept *kept, const struct http_call *call)
{
    return kept->len == http_call_answer_len(call) && kept->type == call->answer_type &&
           kept->shared == call->static_bytes &&
           kept->stored == http_may_be_stored(call) &&
           kept->headers_len == call->headers.len &&
           (kept->headers_len == 0 ||
            memcmp(kept->bytes, call->headers.data, kept->headers_len) == 0);
}

static void kept_free(struct http_kept *kept)
{
    if (kept != NULL)
        MHD_destroy_response(kept->response);
    free(kept);
}

/* NULL without memory. */
static struct http_kept *kept_new(const struct http_call *call)
{
    size_t len = http_call_answer_len(call), headers_len = call->headers.len;
    size_t own = call->static_bytes == NULL ? len : 0;
    struct http_kept *kept = malloc(sizeof(*kept) + headers_len + own);

    if (kept == NULL)
        return NULL;
    *kept = (struct http_kept) {
        .type = call->answer_type,
        .shared = call->static_bytes,
        .len = len,
        .headers_len = headers_len,
        .stored = http_may_be_stored(call),
    };
    if (headers_len != 0)
        memcpy(kept->bytes, call->headers.data, headers_len);
    const void *bytes = own == len ? kept->bytes + headers_len : kept->shared;
    kept->response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)bytes,
                                                     MHD_RESPMEM_PERSISTENT);
    if (kept->response == NULL) {
        free(kept);
        return NULL;
    }
    if (!http_add_fields(call, kept->response)) {
        kept_free(kept);
        return NULL;
    }
    /* The library's own copy. It has no call to change a field, and to delete this one
     * and add it again would cost as much as all the rest here. */
    kept->id = (char *)(uintptr_t)MHD_get_response_header(kept->response, HTTP_ID_FIELD);
    return kept;
}

struct MHD_Response *http_kept_take(struct http_call *call)
{
    struct http_kept **place = &call->thread->kept[place_of(call)], *kept = *place;

    if (!may_keep(call) || (kept != NULL && kept->taken))
        return NULL;
    if (kept == NULL || !fits(kept, call)) {
        kept_free(kept);
        kept = *place = kept_new(call);
        if (kept == NULL)
            return NULL;
    }
    if (kept->shared == NULL && kept->len != 0)
        memcpy(kept->bytes + kept->headers_len, call->answer.data, kept->len);
    memcpy(kept->id, call->id_text, sizeof(call->id_text));
    kept->taken = true;
    call->kept = kept;
    return kept->response;
}

void http_kept_give_back(struct http_call *call)
{
    if (call->kept != NULL)
        call->kept->taken = false;
    call->kept = NULL;
}

void http_kept_free(struct http_thread *thread)
{
    for (size_t i = 0; i < HTTP_KEPT; i++)
        kept_free(thread->kept[i]);
}
