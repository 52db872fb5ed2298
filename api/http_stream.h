/* SPDX-License-Identifier: Apache-2.0 */
/* http_stream.h - an answer that goes on: text goes out as it comes, until either side
 * ends it (server-sent events).
 *
 * Bounded: who reads too slowly does not get more memory, http_stream_send says no. A
 * client that left while nothing was sent is noticed at the next send or two, so whoever
 * streams sends something now and then.
 */
#ifndef API_HTTP_STREAM_H
#define API_HTTP_STREAM_H

#include "api/http.h"

struct http_stream;

/* room: bytes that may wait for the client. One reference, the caller's, which
 * http_stream_end takes. */
MUST_CHECK enum status http_stream_new(size_t room, struct http_stream **ret_stream);
/* Answers 200 with the stream, in the handler; what was sent before goes out first.
 * content_type is static. */
void http_reply_stream(struct http_call *call, const char *content_type,
                       struct http_stream *stream);
/* Adds all of the text, or nothing (false): it does not fit now, memory is short, or the
 * client has left. Any thread. */
bool http_stream_send(struct http_stream *stream, const char *text, size_t len);
/* Has the client left? Any thread. */
bool http_stream_gone(struct http_stream *stream);
/* What was sent still goes out, then the answer ends. Required of every stream before
 * http_server_free. Any thread. */
void http_stream_end(struct http_stream *stream);

#endif
