/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/events.h"

#include "api/http_stream.h"
#include "daemon/daemon.h"

#include <inttypes.h>
#include <stdlib.h>

/* What may wait for a follower: some minutes of a few models. */
#define ROOM ((size_t)256 << 10)

struct follower {
    struct http_stream *stream; /* ours */
    uint64_t n_missed;          /* since the last event that fitted */
};

struct events {
    pthread_mutex_t mutex; /* of all below */
    bool ended;
    uint64_t next_id;
    size_t n;
    struct follower followers[EVENTS_FOLLOWERS];
};

enum status events_new(struct events **ret_events)
{
    struct events *events = calloc(1, sizeof(*events));

    if (events == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_init(&events->mutex, NULL);
    *ret_events = events;
    return ST_OK;
}

/* Under the mutex. */
static void end_streams(struct events *events)
{
    for (size_t i = 0; i < events->n; i++)
        http_stream_end(events->followers[i].stream);
    events->n = 0;
}

void events_dismiss(struct events *events)
{
    (void)pthread_mutex_lock(&events->mutex);
    end_streams(events);
    (void)pthread_mutex_unlock(&events->mutex);
}

void events_end(struct events *events)
{
    (void)pthread_mutex_lock(&events->mutex);
    events->ended = true;
    end_streams(events);
    (void)pthread_mutex_unlock(&events->mutex);
}

void events_free(struct events *events)
{
    if (events == NULL)
        return;
    events_end(events);
    (void)pthread_mutex_destroy(&events->mutex);
    free(events);
}

bool events_followed(struct events *events)
{
    (void)pthread_mutex_lock(&events->mutex);
    bool followed = events->n > 0;
    (void)pthread_mutex_unlock(&events->mutex);
    return followed;
}

/* Makes room of those that have left. Under the mutex. */
static void forget_gone(struct events *events)
{
    for (size_t i = 0; i < events->n;) {
        struct follower *follower = &events->followers[i];

        if (!http_stream_gone(follower->stream)) {
            i++;
            continue;
        }
        http_stream_end(follower->stream);
        *follower = events->followers[--events->n];
    }
}

/* -- Telling -- */

static void write_event(struct buf *text, uint64_t id, const char *name,
                        const struct buf *data)
{
    buf_printf(text, "id: %" PRIu64 "\nevent: %s\ndata: ", id, name);
    buf_bytes(text, data->data, data->len);
    buf_text(text, "\n\n");
}

/* With what it missed told before it. */
static void tell(struct follower *follower, const struct buf *text)
{
    struct buf both = BUF_INIT;

    if (follower->n_missed > 0)
        buf_printf(&both, "event: gap\ndata: {\"missed\":%" PRIu64 "}\n\n",
                   follower->n_missed);
    buf_bytes(&both, text->data, text->len);
    if (!text->failed && !both.failed &&
        http_stream_send(follower->stream, both.data, both.len))
        follower->n_missed = 0;
    else
        follower->n_missed++;
    buf_free(&both);
}

void events_publish(struct events *events, const char *name, const struct buf *data)
{
    struct buf text = BUF_INIT;

    (void)pthread_mutex_lock(&events->mutex);
    forget_gone(events);
    if (events->n > 0) {
        write_event(&text, events->next_id++, name, data);
        text.failed = text.failed || data->failed;
    }
    for (size_t i = 0; i < events->n; i++)
        tell(&events->followers[i], &text);
    (void)pthread_mutex_unlock(&events->mutex);
    buf_free(&text);
}

void events_generation(struct events *events, const struct generation *generation)
{
    struct buf data = BUF_INIT;
    uint64_t wrong = generation_wrong_bits(generation);

    buf_text(&data, "{\"model\":");
    buf_json_string(&data, generation->model->net->name);
    buf_printf(&data,
               ",\"generation\":%" PRIu64 ",\"cause\":\"%s\",\"weights\":%" PRIu64
               ",\"wrong_bits\":%" PRIu64 ",\"bit_error_rate\":",
               generation->number, mram_cause_name(generation->cause),
               generation->total.weights, wrong);
    buf_number(&data, (double)wrong / (double)generation->total.weights);
    buf_text(&data, ",\"ms\":");
    buf_fixed(&data, generation->duration_ms, 3);
    buf_char(&data, '}');
    events_publish(events, "generation", &data);
    buf_free(&data);
}

void events_event(struct events *events, const struct metrics_event *event,
                  const char *model)
{
    static const char *const severities[] = { "info", "warning", "error" };
    struct buf data = BUF_INIT;

    buf_printf(&data,
               "{\"ts\":%" PRId64 ",\"severity\":\"%s\",\"kind\":\"%s\",\"model\":",
               event->at_s, severities[event->severity], event->kind);
    if (model != NULL)
        buf_json_string(&data, model);
    else
        buf_text(&data, "null");
    buf_text(&data, ",\"message\":");
    buf_json_string(&data, event->message);
    buf_char(&data, '}');
    events_publish(events, "event", &data);
    buf_free(&data);
}

void events_tick(struct daemon *daemon)
{
    struct buf data = BUF_INIT;

    if (!events_followed(daemon->events))
        return;
    status_write(daemon, &data);
    events_publish(daemon->events, "status", &data);
    buf_free(&data);
}

/* -- Following -- */

/* Browsers come back after this time; and the head of the answer goes out with it. */
static const char greeting[] = "retry: 2000\n\n";

/* Answered under the lock, so that nobody ends the stream before. Who was let in before
 * the last reload would have been dismissed with the others, had he followed already: he
 * is now, and comes back to be judged again. False: no place. */
static bool follow(struct events *events, struct http_call *call,
                   struct http_stream *stream)
{
    (void)pthread_mutex_lock(&events->mutex);
    forget_gone(events);
    bool there_is_room = !events->ended && events->n < EVENTS_FOLLOWERS;

    if (there_is_room) {
        /* A reload changes the list first and takes this lock then: a change that is not
         * seen here will find the follower. */
        bool dismissed = http_call_judged_before(call);

        http_reply_stream(call, "text/event-stream", stream);
        if (dismissed)
            http_stream_end(stream);
        else
            events->followers[events->n++] = (struct follower) { .stream = stream };
    }
    (void)pthread_mutex_unlock(&events->mutex);
    return there_is_room;
}

void events_handle(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;
    struct http_stream *stream = NULL;
    struct problem problem;

    if (http_stream_new(ROOM, &stream) != ST_OK ||
        !http_stream_send(stream, greeting, sizeof(greeting) - 1)) {
        problem_out_of_memory(&problem);
        http_reply_problem(call, &problem);
    } else if (follow(daemon->events, call, stream)) {
        return;
    } else {
        problem_set(&problem, 503, "too_many_followers",
                    "%d clients follow the events already", EVENTS_FOLLOWERS);
        problem.retry_after_s = 10;
        http_reply_problem(call, &problem);
    }
    if (stream != NULL)
        http_stream_end(stream);
}
