/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/events.h"

#include "api/http_stream.h"
#include "daemon/daemon.h"
#include "daemon/wall.h"

#include <inttypes.h>
#include <stdlib.h>

/* What may wait for a follower: some minutes of a few models. */
#define ROOM ((size_t)256 << 10)

/* Changes and events that a client which comes back hears of; the status is only ever the
 * newest. */
#define KEPT 256
/* How far back it is known which ids they had, so that those which are lost are counted:
 * others have ids, too. Memory that is not used yet costs nothing. */
#define REMEMBERED 32768

struct follower {
    struct http_stream *stream; /* ours */
    uint64_t n_missed;          /* since the last event that fitted */
};

struct events {
    pthread_mutex_t mutex; /* of all below */
    bool ended;
    uint64_t first_id, next_id; /* from the time of the start on, in ms: above all that
                                   processes before this one gave out */
    struct buf kept[KEPT];      /* ours; the i-th that was ever kept is in i % KEPT */
    uint64_t ids[REMEMBERED];   /* of those, likewise */
    uint64_t n_kept;            /* ever */
    size_t n;
    struct follower followers[EVENTS_FOLLOWERS];
};

enum status events_new(struct events **ret_events)
{
    struct events *events = calloc(1, sizeof(*events));

    if (events == NULL)
        return ST_NOMEM;
    (void)pthread_mutex_init(&events->mutex, NULL);
    events->first_id = events->next_id = (uint64_t)wall_milliseconds();
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
    for (size_t i = 0; i < KEPT; i++)
        buf_free(&events->kept[i]);
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

/* Takes the text in place of the oldest one. Under the mutex. */
static void keep(struct events *events, uint64_t id, struct buf *text)
{
    struct buf *place = &events->kept[events->n_kept % KEPT];

    events->ids[events->n_kept % REMEMBERED] = id;
    events->n_kept++;
    buf_free(place);
    *place = *text;
    *text = (struct buf)BUF_INIT;
}

static void publish(struct events *events, const char *name, const struct buf *data,
                    bool is_kept)
{
    struct buf text = BUF_INIT;

    (void)pthread_mutex_lock(&events->mutex);
    forget_gone(events);
    if (events->n > 0 || is_kept) {
        write_event(&text, events->next_id, name, data);
        text.failed = text.failed || data->failed;
    }
    for (size_t i = 0; i < events->n; i++)
        tell(&events->followers[i], &text);
    if (is_kept)
        keep(events, events->next_id, &text);
    events->next_id += events->n > 0 || is_kept;
    (void)pthread_mutex_unlock(&events->mutex);
    buf_free(&text);
}

void events_publish(struct events *events, const char *name, const struct buf *data)
{
    publish(events, name, data, false);
}

void events_generation(struct events *events, const struct generation *generation)
{
    struct buf data = BUF_INIT;
    uint64_t wrong = generation_wrong_bits(generation);

    buf_text(&data, "{\"model\":");
    buf_json_string(&data, generation->model->net->name);
    buf_printf(&data,
               ",\"version\":\"%" PRIu32 "\",\"generation\":%" PRIu64
               ",\"cause\":\"%s\",\"weights\":%" PRIu64 ",\"wrong_bits\":%" PRIu64
               ",\"bit_error_rate\":",
               generation->model->net->version, generation->number,
               mram_cause_name(generation->cause), generation->total.weights, wrong);
    buf_number(&data, (double)wrong / (double)generation->total.weights);
    buf_text(&data, ",\"ms\":");
    buf_fixed(&data, generation->duration_ms, 3);
    buf_char(&data, '}');
    publish(events, "generation", &data, true);
    buf_free(&data);
}

void events_event(struct events *events, const struct metrics_event *event,
                  const struct model *model)
{
    static const char *const severities[] = { "info", "warning", "error" };
    struct buf data = BUF_INIT;

    buf_printf(&data,
               "{\"ts\":%" PRId64 ",\"severity\":\"%s\",\"kind\":\"%s\",\"model\":",
               event->at_s, severities[event->severity], event->kind);
    if (model != NULL) {
        buf_json_string(&data, model->net->name);
        buf_printf(&data, ",\"version\":\"%" PRIu32 "\"", model->net->version);
    } else {
        buf_text(&data, "null,\"version\":null");
    }
    buf_text(&data, ",\"message\":");
    buf_json_string(&data, event->message);
    buf_char(&data, '}');
    publish(events, "event", &data, true);
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

/* The id that a client heard last; one that was never given out, say by a process before
 * this one, leaves all that is kept to be heard. */
static uint64_t last_heard(const struct events *events, const char *text)
{
    char *end;
    unsigned long long id = strtoull(text, &end, 10);

    bool is_ours = text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
                   id >= events->first_id && id < events->next_id;
    return is_ours ? id : events->first_id - 1;
}

/* What was kept since then goes out first, and before it how many of these are lost, as
 * far as is known. Under the mutex. */
static void catch_up(const struct events *events, struct follower *follower,
                     uint64_t last)
{
    uint64_t n = events->n_kept, first = n > KEPT ? n - KEPT : 0;
    uint64_t known = n > REMEMBERED ? n - REMEMBERED : 0;

    if (last < events->first_id) /* heard of none */
        follower->n_missed = known;
    for (uint64_t i = known; i < n; i++) {
        if (events->ids[i % REMEMBERED] <= last)
            continue;
        if (i < first)
            follower->n_missed++;
        else
            tell(follower, &events->kept[i % KEPT]);
    }
}

/* Answered under the lock, so that nobody ends the stream before. Who was let in before
 * the last reload would have been dismissed with the others, had he followed already: he
 * is now, and comes back to be judged again. False: no place. */
static bool follow(struct events *events, struct http_call *call,
                   struct http_stream *stream)
{
    const char *last = http_call_header(call, "Last-Event-ID");

    (void)pthread_mutex_lock(&events->mutex);
    forget_gone(events);
    bool there_is_room = !events->ended && events->n < EVENTS_FOLLOWERS;

    if (there_is_room) {
        /* A reload changes the list first and takes this lock then: a change that is not
         * seen here will find the follower. */
        bool dismissed = http_call_judged_before(call);
        struct follower follower = { .stream = stream };

        if (!dismissed && last != NULL && last[0] != '\0')
            catch_up(events, &follower, last_heard(events, last));
        http_reply_stream(call, "text/event-stream", stream);
        if (dismissed)
            http_stream_end(stream);
        else
            events->followers[events->n++] = follower;
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
        if (daemon->draining)
            problem_set(&problem, 503, "stopping", "the daemon is stopping");
        else
            problem_set(&problem, 503, "too_many_followers",
                        "%d clients follow the events already", EVENTS_FOLLOWERS);
        problem.retry_after_s = 10;
        http_reply_problem(call, &problem);
    }
    if (stream != NULL)
        http_stream_end(stream);
}
