/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_stream.h"

#include "api/http_internal.h"

#include <stdlib.h>
#include <string.h>

/* What the library asks for at once. */
#define BLOCK 4096

struct http_stream {
    pthread_mutex_t lock;
    unsigned refs; /* the owner's and the library's */
    struct MHD_Connection *mhd;
    size_t room;
    struct buf text; /* from `sent` on it waits for the client */
    size_t sent;
    bool waiting; /* the connection is suspended until there is text */
    bool ended, gone;
};

enum status http_stream_new(size_t room, struct http_stream **ret_stream)
{
    struct http_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_init(&stream->lock, NULL); /* cannot fail on Linux */
    stream->refs = 1;
    stream->room = room;
    *ret_stream = stream;
    return ST_OK;
}

/* Called with the lock held. */
static void drop(struct http_stream *stream)
{
    bool last = --stream->refs == 0;

    (void)pthread_mutex_unlock(&stream->lock);
    if (!last)
        return;
    (void)pthread_mutex_destroy(&stream->lock);
    buf_free(&stream->text);
    free(stream);
}

/* Under the lock. The library may be told at any time: it is not running the reader, for
 * that has the lock until it has suspended. */
static void wake(struct http_stream *stream)
{
    if (!stream->waiting)
        return;
    stream->waiting = false;
    MHD_resume_connection(stream->mhd);
}

bool http_stream_send(struct http_stream *stream, const char *text, size_t len)
{
    (void)pthread_mutex_lock(&stream->lock);
    size_t waits = stream->text.len - stream->sent;
    bool fits = !stream->gone && len <= stream->room && waits <= stream->room - len;

    if (fits && stream->sent > 0) {
        memmove(stream->text.data, stream->text.data + stream->sent, waits);
        stream->text.len = waits;
        stream->sent = 0;
    }
    if (fits) {
        buf_bytes(&stream->text, text, len); /* all of it or nothing */
        fits = !stream->text.failed;
        stream->text.failed = false;
        wake(stream);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return fits;
}

bool http_stream_gone(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    bool gone = stream->gone;
    (void)pthread_mutex_unlock(&stream->lock);
    return gone;
}

void http_stream_end(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->ended = true;
    wake(stream);
    drop(stream);
}

/* -- On the data thread -- */

static ssize_t read_stream(void *cls, uint64_t pos, char *block, size_t max)
{
    struct http_stream *stream = cls;
    ssize_t n = 0;

    (void)pos;
    (void)pthread_mutex_lock(&stream->lock);
    size_t waits = stream->text.len - stream->sent;
    if (waits > 0) {
        n = (ssize_t)(waits < max ? waits : max);
        memcpy(block, stream->text.data + stream->sent, (size_t)n);
        stream->sent += (size_t)n;
    } else if (stream->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->waiting = true;
        MHD_suspend_connection(stream->mhd);
    }
    (void)pthread_mutex_unlock(&stream->lock);
    return n;
}

static void leave(void *cls)
{
    struct http_stream *stream = cls;

    (void)pthread_mutex_lock(&stream->lock);
    stream->gone = true;
    stream->waiting = false;
    drop(stream);
}

struct MHD_Response *http_stream_response(struct http_stream *stream,
                                          struct MHD_Connection *mhd)
{
    stream->mhd = mhd;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, leave);

    if (response == NULL)
        leave(stream);
    return response;
}

void http_stream_keep(struct http_stream *stream)
{
    (void)pthread_mutex_lock(&stream->lock);
    stream->refs++;
    (void)pthread_mutex_unlock(&stream->lock);
}
