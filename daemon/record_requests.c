/* SPDX-License-Identifier: Apache-2.0 */
/* record_requests.c - rows of requests, from the threads that answer to a transaction.
 *
 *   record_row, record_row_put   a lane's thread   a row into its ring
 *   record_late_label            any thread        what feedback tells of one
 *   gather, number               writer thread     what waits becomes a batch with ids
 *   written, failed, give_up     writer thread     how it went
 *
 * A ring that is full drops rows and counts them: no answer waits for the disk.
 */
#include "daemon/record_internal.h"

#include "daemon/settings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* -- Starting and stopping -- */

/* A worker's ring is as long as a data thread's. */
static size_t rows_of_lane(unsigned n_threads)
{
    size_t n = MAX_REQUEST_ROWS;

    while (n > MAX_REQUEST_ROWS / n_threads && n > MIN_LANE_ROWS)
        n /= 2;
    return n;
}

enum status record_requests_init(struct record_requests *requests, unsigned n_threads,
                                 unsigned n_lanes)
{
    size_t n = rows_of_lane(n_threads);
    enum status st = ST_OK;

    assert(n_lanes >= 1 && n_lanes <= MAX_LANES);
    *requests = (struct record_requests) { .n_threads = n_threads, .n_lanes = n_lanes };
    requests->rings =
        aligned_alloc(alignof(struct row_ring), n_lanes * sizeof(*requests->rings));
    if (requests->rings == NULL)
        return ST_NOMEM;
    memset(requests->rings, 0, n_lanes * sizeof(*requests->rings));
    for (unsigned i = 0; i < n_lanes && st == ST_OK; i++)
        st = row_ring_init(&requests->rings[i], n);
    requests->rows = calloc(n * n_lanes, sizeof(requests->rows[0]));
    requests->n_of_lane = calloc(n_lanes, sizeof(requests->n_of_lane[0]));
    requests->numbered =
        calloc((size_t)n_threads * MAX_LATE, sizeof(*requests->numbered));
    requests->late = calloc(MAX_LATE, sizeof(*requests->late));
    requests->labels = calloc(MAX_LATE, sizeof(*requests->labels));
    bool all = requests->rows != NULL && requests->n_of_lane != NULL &&
               requests->numbered != NULL && requests->late != NULL &&
               requests->labels != NULL;
    return all ? st : ST_NOMEM;
}

void record_requests_done(struct record_requests *requests)
{
    for (unsigned i = 0; requests->rings != NULL && i < requests->n_lanes; i++)
        row_ring_done(&requests->rings[i]);
    free(requests->rings);
    free(requests->rows);
    free(requests->n_of_lane);
    free(requests->numbered);
    free(requests->late);
    free(requests->labels);
}

/* -- Telling -- */

struct metrics_inference *record_row(struct record *record, unsigned lane,
                                     const struct model *model)
{
    struct row_ring *ring = &record->requests.rings[lane];
    uint64_t one_in =
        atomic_load_explicit(&record->settings->request_rows, memory_order_relaxed);

    if (!row_ring_wants(ring, one_in))
        return NULL;
    struct row_ring_row *place = row_ring_place(ring);
    if (place == NULL)
        return NULL;
    place->model = model->id;
    return &place->row;
}

/* The signal without the mutex may be missed by a writer that is about to wait: then it
 * comes with one of the next rows, or the second is over. */
void record_row_put(struct record *record, unsigned lane)
{
    if (!row_ring_put(&record->requests.rings[lane]))
        return;
    atomic_store_explicit(&record->requests.full, true, memory_order_relaxed);
    (void)pthread_cond_signal(&record->wake);
}

void record_late_label(struct record *record, const struct record_label *label)
{
    struct record_requests *requests = &record->requests;

    if (atomic_load_explicit(&record->settings->request_rows, memory_order_relaxed) == 0)
        return;
    (void)pthread_mutex_lock(&record->mutex);
    if (requests->n_late < MAX_LATE)
        requests->late[requests->n_late++] = *label;
    else
        record->health.rows_dropped++;
    (void)pthread_mutex_unlock(&record->mutex);
}

uint64_t record_requests_dropped(const struct record_requests *requests)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < requests->n_lanes; i++)
        n += row_ring_dropped(&requests->rings[i]);
    return n;
}

/* -- Gathering -- */

bool record_requests_any(const struct record_requests *requests)
{
    for (unsigned i = 0; i < requests->n_lanes; i++)
        if (row_ring_waiting(&requests->rings[i]) > 0)
            return true;
    return false;
}

static const struct metrics_inference *next_of(const struct record_requests *requests,
                                               unsigned lane)
{
    return &row_ring_at(&requests->rings[lane], requests->n_of_lane[lane])->row;
}

/* Each ring is in order of time; so is what is merged from them. `lanes` have rows that
 * are not merged yet. */
void record_requests_gather(struct record_requests *requests, struct metrics_batch *batch)
{
    unsigned lanes[MAX_LANES], n_lanes = 0;
    size_t waiting[MAX_LANES], n = 0;

    for (unsigned i = 0; i < requests->n_lanes; i++) {
        requests->n_of_lane[i] = 0;
        waiting[i] = row_ring_waiting(&requests->rings[i]);
        if (waiting[i] > 0)
            lanes[n_lanes++] = i;
    }
    while (n_lanes > 0) {
        unsigned first = 0;

        for (unsigned i = 1; i < n_lanes; i++)
            if (next_of(requests, lanes[i])->at_ms <
                next_of(requests, lanes[first])->at_ms)
                first = i;
        unsigned lane = lanes[first];
        requests->rows[n++] = next_of(requests, lane);
        if (++requests->n_of_lane[lane] == waiting[lane])
            lanes[first] = lanes[--n_lanes];
    }
    batch->inferences = requests->rows;
    batch->n_inferences = n;
}

/* -- Ids -- */

/* Where the row of this request is, or would be, noted; NULL: no thread of ours gave the
 * id. */
static struct numbered_request *place_of(const struct record_requests *requests,
                                         uint64_t request_id)
{
    uint64_t thread = request_id >> 56;

    return thread < requests->n_threads
               ? &requests->numbered[thread * MAX_LATE + request_id % MAX_LATE]
               : NULL;
}

static void note(struct record_requests *requests, uint64_t request_id, int64_t row_id)
{
    struct numbered_request *place = place_of(requests, request_id);

    if (place != NULL)
        *place = (struct numbered_request) { request_id, row_id };
}

static int64_t db_id_of(const struct record_model *models, uint32_t id)
{
    while (models != NULL && models->model->id != id)
        models = models->next;
    assert(models != NULL); /* let_models_go waits for its rows */
    return models->db_id;
}

static void number_lane(struct record_requests *requests, unsigned lane,
                        const struct record_model *models)
{
    uint32_t id = 0; /* of no model */
    int64_t db_id = 0;

    for (size_t i = 0; i < requests->n_of_lane[lane]; i++) {
        struct row_ring_row *row = row_ring_at(&requests->rings[lane], i);

        if (row->model != id) {
            id = row->model;
            db_id = db_id_of(models, id);
        }
        row->row.model_id = db_id;
    }
}

static void find_late(struct record_requests *requests, size_t n_late,
                      struct metrics_batch *batch)
{
    batch->late_labels = requests->labels;
    batch->n_late_labels = 0;
    for (size_t i = 0; i < n_late; i++) {
        const struct record_label *late = &requests->late[i];
        const struct numbered_request *place = place_of(requests, late->request_id);

        if (place != NULL && place->request_id == late->request_id && place->row_id != 0)
            requests->labels[batch->n_late_labels++] = (struct metrics_late_label) {
                .inference_id = place->row_id,
                .label = late->label,
                .labelled = late->labelled,
                .correct = late->correct,
            };
    }
}

void record_requests_forget_numbers(struct record_requests *requests)
{
    memset(requests->numbered, 0,
           (size_t)requests->n_threads * MAX_LATE * sizeof(*requests->numbered));
}

void record_requests_number(struct record_requests *requests,
                            const struct record_model *models, size_t n_late,
                            struct metrics_batch *batch)
{
    for (unsigned lane = 0; batch->n_inferences > 0 && lane < requests->n_lanes; lane++)
        number_lane(requests, lane, models);
    batch->first_inference = requests->next_id;
    for (size_t i = 0; i < batch->n_inferences; i++)
        note(requests, batch->inferences[i]->request_id,
             batch->first_inference + (int64_t)i);
    find_late(requests, n_late, batch);
}

/* -- How it went -- */

static void take(struct record_requests *requests)
{
    for (unsigned i = 0; i < requests->n_lanes; i++) {
        row_ring_take(&requests->rings[i], requests->n_of_lane[i]);
        requests->n_of_lane[i] = 0;
    }
}

/* Their ids will be others'. */
static void forget_ids(struct record_requests *requests,
                       const struct metrics_batch *batch)
{
    for (size_t i = 0; i < batch->n_inferences; i++)
        note(requests, batch->inferences[i]->request_id, 0);
}

void record_requests_written(struct record_requests *requests,
                             const struct metrics_batch *batch)
{
    requests->next_id += (int64_t)batch->n_inferences;
    requests->wait = false;
    take(requests);
}

void record_requests_failed(struct record_requests *requests,
                            const struct metrics_batch *batch)
{
    forget_ids(requests, batch);
    requests->wait = batch->n_inferences > 0;
}

size_t record_requests_give_up(struct record_requests *requests,
                               struct metrics_batch *batch)
{
    size_t n = batch->n_inferences;

    forget_ids(requests, batch);
    batch->n_inferences = 0;
    take(requests);
    return n;
}

void record_requests_forget_late(struct record_requests *requests, size_t n_late)
{
    requests->n_late -= n_late;
    memmove(requests->late, requests->late + n_late,
            requests->n_late * sizeof(requests->late[0]));
}
