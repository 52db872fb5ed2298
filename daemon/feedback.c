/* SPDX-License-Identifier: Apache-2.0 */
/* feedback.c - POST /api/v1/feedback, from body to counters. */
#include "daemon/feedback.h"

#include "api/feedback_json.h"
#include "daemon/daemon.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MASK (FEEDBACK_ANSWERS - 1)

struct answered {
    uint64_t request_id;
    uint32_t generation, class_index;
    uint32_t n; /* pictures of the request, at its first entry */
    uint32_t model;
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

void feedback_note(struct feedback_memory *memory, uint64_t request_id, uint32_t model,
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
            .model = model,
            .labelled = labels[i] >= 0,
        };
    (void)pthread_mutex_unlock(&ring->mutex);
}

/* May these labels be given to the request whose pictures begin at `first`? */
static enum status check_labels(const struct feedback_ring *ring, uint64_t first,
                                const uint32_t *labels, size_t n, size_t n_classes,
                                char why[ERR_LEN])
{
    if (ring->entries[first & MASK].n != n) {
        (void)snprintf(why, ERR_LEN, "the request had %u pictures, %zu labels are given",
                       ring->entries[first & MASK].n, n);
        return ST_RANGE;
    }
    for (size_t i = 0; i < n; i++) {
        if (ring->entries[(first + i) & MASK].labelled) {
            (void)snprintf(why, ERR_LEN, "it has a label already");
            return ST_CONFLICT;
        }
        if (n_classes == 0) {
            (void)snprintf(why, ERR_LEN, "its model is not served any more");
            return ST_CONFLICT;
        }
        if (labels[i] >= n_classes) {
            (void)snprintf(why, ERR_LEN, "label %u is outside 0 .. %zu", labels[i],
                           n_classes - 1);
            return ST_RANGE;
        }
    }
    return ST_OK;
}

static enum status match_entries(struct feedback_ring *ring, uint64_t request_id,
                                 const uint32_t *labels, size_t n,
                                 feedback_classes *n_classes_of, void *ctx,
                                 struct feedback_match *ret_match, char why[ERR_LEN])
{
    uint64_t first = ring->first[request_id & MASK];
    const struct answered *head = &ring->entries[first & MASK];
    struct feedback_match match = { 0 };

    /* Never noted, overwritten since, or another request with the same low bits. */
    if (first >= ring->n_noted || ring->n_noted - first > FEEDBACK_ANSWERS ||
        head->request_id != request_id)
        return ST_NOT_FOUND;
    enum status st =
        check_labels(ring, first, labels, n, n_classes_of(ctx, head->model), why);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < n; i++) {
        struct answered *entry = &ring->entries[(first + i) & MASK];

        entry->labelled = true;
        match.correct += entry->class_index == labels[i];
    }
    match.labelled = (uint32_t)n;
    match.model = head->model;
    match.generation = head->generation;
    *ret_match = match;
    return ST_OK;
}

enum status feedback_match(struct feedback_memory *memory, uint64_t request_id,
                           const uint32_t *labels, size_t n,
                           feedback_classes *n_classes_of, void *ctx,
                           struct feedback_match *ret_match, char why[ERR_LEN])
{
    struct feedback_ring *ring = ring_of(memory, request_id);

    if (ring == NULL)
        return ST_NOT_FOUND;
    (void)pthread_mutex_lock(&ring->mutex);
    enum status st =
        match_entries(ring, request_id, labels, n, n_classes_of, ctx, ret_match, why);
    (void)pthread_mutex_unlock(&ring->mutex);
    return st;
}

/* -- POST /api/v1/feedback -- */

/* The three lists of the answer. */
struct feedback_answer {
    uint64_t accepted;
    struct buf unknown, rejected;
};

static size_t n_classes_of(void *ctx, uint32_t id)
{
    const struct daemon *daemon = ctx;
    struct model *model = registry_take_id(daemon->registry, id);
    size_t n = model != NULL ? model->net->n_classes : 0;

    model_drop(model);
    return n;
}

/* The model may go at any moment; then there is nothing to count for. */
static void record_match(struct daemon *daemon, const struct feedback *item,
                         const struct feedback_match *match)
{
    const struct record_label label = {
        .request_id = item->request_id,
        .label = item->labels[0],
        .labelled = match->labelled,
        .correct = match->correct,
    };
    struct model *model = registry_take_id(daemon->registry, match->model);

    if (model != NULL)
        record_feedback(daemon->record, model, match->generation, match->labelled,
                        match->correct);
    model_drop(model);
    record_late_label(daemon->record, &label);
}

static void take_item(struct daemon *daemon, const struct feedback *item,
                      struct feedback_answer *answer)
{
    struct feedback_match match;
    char why[ERR_LEN];
    enum status st = feedback_match(daemon->feedback, item->request_id, item->labels,
                                    item->n_labels, n_classes_of, daemon, &match, why);

    if (st == ST_OK) {
        record_match(daemon, item, &match);
        answer->accepted += match.labelled;
    } else if (st == ST_NOT_FOUND) {
        buf_printf(&answer->unknown, "%s\"%016" PRIx64 "\"",
                   answer->unknown.len > 0 ? "," : "", item->request_id);
    } else {
        buf_printf(&answer->rejected, "%s{\"request_id\":\"%016" PRIx64 "\",\"reason\":",
                   answer->rejected.len > 0 ? "," : "", item->request_id);
        buf_json_string(&answer->rejected, why);
        buf_char(&answer->rejected, '}');
    }
}

static void reply(struct http_call *call, struct feedback_answer *answer)
{
    struct buf body = http_take_buf(call);

    buf_text(&body, "{\"accepted\":");
    buf_u64(&body, answer->accepted);
    buf_text(&body, ",\"unknown\":[");
    buf_bytes(&body, answer->unknown.data, answer->unknown.len);
    buf_text(&body, "],\"rejected\":[");
    buf_bytes(&body, answer->rejected.data, answer->rejected.len);
    buf_text(&body, "]}\n");
    body.failed |= answer->unknown.failed || answer->rejected.failed;
    http_reply(call, 200, "application/json", &body);
}

void feedback_handle(void *ctx, struct http_call *call)
{
    struct feedback_list list;
    struct problem problem;
    size_t len;
    const uint8_t *json = http_call_body(call, &len);

    if (!daemon_json_or_415(call, NULL))
        return;
    if (feedback_json_parse((const char *)json, len, &list, &problem) != ST_OK) {
        http_reply_problem(call, &problem);
        return;
    }
    struct daemon *daemon = ctx;
    struct feedback_answer answer = { 0, BUF_INIT, BUF_INIT };

    for (size_t i = 0; i < list.n; i++)
        take_item(daemon, &list.items[i], &answer);
    reply(call, &answer);
    buf_free(&answer.unknown);
    buf_free(&answer.rejected);
    feedback_list_done(&list);
}
