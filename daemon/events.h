/* SPDX-License-Identifier: Apache-2.0 */
/* events.h - who follows along live: GET /api/v1/events, server-sent events.
 *
 *   status       each second: what GET /api/v1/status says
 *   generation   an array has other contents now
 *   event        what is logged and kept as an event
 *   job          an experiment changed its state, or gets on; that once a second
 *   gap          so many events before this place are missing: the client was too slow,
 * or away for too long
 *
 * Who comes back and says which event he heard last (Last-Event-ID, as browsers do) hears
 * the generations and events since then first.
 */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include "api/buf.h"
#include "daemon/model.h"
#include "storage/metrics.h"

#define EVENTS_FOLLOWERS 16

struct events;

MUST_CHECK enum status events_new(struct events **ret_events);
/* After the HTTP server. NULL is fine. */
void events_free(struct events *events);
/* Is anybody there? For what is costly to tell. Any thread. */
bool events_followed(struct events *events);
/* Tells everybody; `data` is a line of JSON. Any thread. */
void events_publish(struct events *events, const char *name, const struct buf *data);
void events_generation(struct events *events, const struct generation *generation);
/* `model` may be NULL. */
void events_event(struct events *events, const struct metrics_event *event,
                  const struct model *model);
/* Ends every stream: whoever still may will follow again. Any thread. */
void events_dismiss(struct events *events);
/* Ends every stream, and lets nobody follow any more. Any thread. */
void events_end(struct events *events);

#endif
