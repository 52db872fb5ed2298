/* SPDX-License-Identifier: Apache-2.0 */
/* feedback.c - POST /api/v1/feedback, from body to counters. */
#include "daemon/feedback.h"

#include "api/feedback_json.h"
#include "daemon/daemon.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MASK (FEEDBACK_ANSWERS - 1)

struct answered {
    uint64_t request_id;
    uint32_t generation, class_index;
    uint32_t n; /* pictures of the request, at its first entry */
    uint16_t model;
    bool labelled;
};

struct feedback_ring {
    pthread_mutex_t mutex;
    uint64_t n_noted;         /* pictures ever; entry i is at i & MASK */
    struct answered *entries; /* [FEEDBACK_ANSWERS] */
    uint64_t *first; /* by low bits of the request id: number of its first picture */
};

struct feedback_memory {
    unsigned n_threads;
    struct feedback_ring rings[];
};

enum status feedback_memory_new(unsigned n_threads, struct feedback_memory **ret_memory)
{
    struct feedback_memory *memory =
        calloc(1, sizeof(*memory) + n_threads * sizeof(memory->rings[0]));

    if (memory == NULL)
        return ST_NOMEM;
    memory->n_threads = n_threads;
    for (unsigned i = 0; i < n_threads; i++) {
        struct feedback_ring *ring = &memory->rings[i];

        (void)pthread_mutex_init(&ring->mutex, NULL);
        ring->entries = calloc(FEEDBACK_ANSWERS, sizeof(*ring->entries));
        ring->first = calloc(FEEDBACK_ANSWERS, sizeof(*ring->first));
        if (ring->entries == NULL || ring->first == NULL) {
            feedback_memory_free(memory);
            return ST_NOMEM;
        }
    }
    *ret_memory = memory;
    return ST_OK;
}

void feedback_memory_free(struct feedback_memory *memory)
{
    if (memory == NULL)
        return;
    for (unsigned i = 0; i < memory->n_threads; i++) {
        (void)pthread_mutex_destroy(&memory->rings[i].mutex);
        free(memory->rings[i].entries);
        free(memory->rings[i].first);
    }
    free(memory);
}

/* The ring of the data thread that gave out the id; NULL if no thread of ours did. */
static struct feedback_ring *ring_of(struct feedback_memory *memory, uint64_t request_id)
{
    uint64_t thread = request_id >> 56;

    return thread < memory->n_threads ? &memory->rings[thread] : NULL;
}

void feedback_note(struct feedback_memory *memory, uint64_t request_id, size_t model,
                   uint64_t generation, const uint32_t *classes, const int32_t *labels,
                   size_t n)
{
    struct feedback_ring *ring = ring_of(memory, request_id);

    (void)pthread_mutex_lock(&ring->mutex);
    ring->first[request_id & MASK] = ring->n_noted;
    for (size_t i = 0; i < n; i++)
        ring->entries[ring->n_noted++ & MASK] = (struct answered) {
            .request_id = request_id,
            .generation = (uint32_t)generation,
            .class_index = classes[i],
            .n = (uint32_t)n,
            .model = (uint16_t)model,
            .labelled = labels[i] >= 0,
        };
    (void)pthread_mutex_unlock(&ring->mutex);
}

static bool match_entries(struct feedback_ring *ring, uint64_t request_id,
                          const uint32_t *labels, size_t n,
                          struct feedback_match *ret_match)
{
    uint64_t first = ring->first[request_id & MASK];
    const struct answered *head = &ring->entries[first & MASK];
    struct feedback_match match = { 0 };

    /* Overwritten since, or another request with the same low bits. */
    if (ring->n_noted - first > FEEDBACK_ANSWERS || head->request_id != request_id ||
        head->n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (ring->entries[(first + i) & MASK].labelled)
            return false;
    for (size_t i = 0; i < n; i++) {
        struct answered *entry = &ring->entries[(first + i) & MASK];

        entry->labelled = true;
        match.correct += entry->class_index == labels[i];
    }
    match.labelled = n;
    match.model = head->model;
    match.generation = head->generation;
    *ret_match = match;
    return true;
}

bool feedback_match(struct feedback_memory *memory, uint64_t request_id,
                    const uint32_t *labels, size_t n, struct feedback_match *ret_match)
{
    struct feedback_ring *ring = ring_of(memory, request_id);

    if (ring == NULL)
        return false;
    (void)pthread_mutex_lock(&ring->mutex);
    bool matched = match_entries(ring, request_id, labels, n, ret_match);
    (void)pthread_mutex_unlock(&ring->mutex);
    return matched;
}

static void reply(struct daemon *daemon, struct http_call *call,
                  const struct feedback_list *list)
{
    struct buf body = http_take_buf(call);
    uint64_t accepted = 0;
    const char *comma = "";

    buf_text(&body, "{\"unknown\":[");
    for (size_t i = 0; i < list->n; i++) {
        const struct feedback *item = &list->items[i];
        struct feedback_match match;

        if (feedback_match(daemon->feedback, item->request_id, item->labels,
                           item->n_labels, &match)) {
            record_feedback(daemon->record, daemon->models[match.model], match.generation,
                            match.labelled, match.correct);
            accepted += match.labelled;
            continue;
        }
        buf_printf(&body, "%s\"%016" PRIx64 "\"", comma, item->request_id);
        comma = ",";
    }
    buf_text(&body, "],\"accepted\":");
    buf_u64(&body, accepted);
    buf_text(&body, "}\n");
    http_reply(call, 200, "application/json", &body);
}

void feedback_handle(void *ctx, struct http_call *call)
{
    struct feedback_list list;
    struct problem problem;
    size_t len;
    const uint8_t *json = http_call_body(call, &len);

    if (feedback_json_parse((const char *)json, len, &list, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
        return;
    }
    reply(ctx, call, &list);
    feedback_list_done(&list);
}
