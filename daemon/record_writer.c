/* SPDX-License-Identifier: Apache-2.0 */
/* record_writer.c - the thread that turns counters into rows, and rows into transactions.
 *
 *   record_writer_run   each second, or when it is asked
 *   look_after_file     is the file of the database still there?
 *   collect             what tallies gained becomes pending rows; generations that serve
 *                       nobody are let go
 *   write_pending       one transaction; kept whole if it fails
 *   tend                old windows become wider, what is too old goes: in small steps
 *   let_models_go       those that were removed and of which everything is written
 */
#include "daemon/record_internal.h"

#include "daemon/log.h"
#include "daemon/settings.h"
#include "daemon/wall.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WRITER_NICE 5
/* Each lets a slice of METRICS_SLICE rows go at most. */
#define TEND_STEPS 64

static void look_after_file(struct record *record);
static void collect(struct record *record);
static void write_pending(struct record *record);
static void tend(struct record *record);
static void let_models_go(struct record *record);

void *record_writer_run(void *arg)
{
    struct record *record = arg;

    /* Refused in some sandboxes: then it runs as the others do. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), WRITER_NICE);
    (void)pthread_mutex_lock(&record->mutex);
    for (bool last = false; !last;) {
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        while (!record->stopping && record->asked == record->done &&
               !atomic_exchange(&record->requests.full, false) &&
               pthread_cond_timedwait(&record->wake, &record->mutex, &until) == 0)
            continue;
        uint64_t asked = record->asked;
        last = record->stopping;
        look_after_file(record);
        collect(record);
        write_pending(record);
        tend(record);
        let_models_go(record);
        record->done = asked;
        (void)pthread_cond_broadcast(&record->written);
    }
    (void)pthread_mutex_unlock(&record->mutex);
    return NULL;
}

/* -- A file that goes while we write to it -- */

/* Nobody's row is in the next file. Under db_mutex. */
static void forget_ids(struct record *record, struct record_model *models)
{
    (void)pthread_mutex_lock(&record->mutex);
    for (struct record_model *model = models; model != NULL; model = model->next)
        model->db_id = 0;
    record->health.files_lost++;
    (void)pthread_mutex_unlock(&record->mutex);
    record_requests_forget_numbers(&record->requests);
}

/* What was deleted, moved away or replaced by others, or was found corrupt, is let go, so
 * that the transaction opens what is there, or begins anew, as at a start. Called and
 * returns with the mutex held. */
static void look_after_file(struct record *record)
{
    struct record_model *models = record->models;
    bool lost = false, corrupt = false;

    (void)pthread_mutex_unlock(&record->mutex);
    (void)pthread_mutex_lock(&record->db_mutex);
    if (record->db != NULL) {
        lost = !db_in_place(record->db);
        corrupt = !lost && db_was_corrupt(record->db);
    }
    if (lost)
        db_abandon(record->db);
    else if (corrupt)
        db_leave(record->db);
    if (lost || corrupt) {
        record->db = NULL;
        forget_ids(record, models);
    }
    (void)pthread_mutex_unlock(&record->db_mutex);
    if (lost)
        record_event(record, METRICS_ERROR, "database", NULL,
                     "%.150s was deleted or replaced while it was written to; what it "
                     "held is not there, and a file is opened in its place",
                     record->path);
    (void)pthread_mutex_lock(&record->mutex);
}

/* -- Collecting -- */

/* Energy of `images` pictures, by layer. */
static void add_images(struct energy *energies, double images,
                       const struct generation *generation)
{
    for (size_t l = 0; l < generation->conditions->n_layers; l++)
        energy_add_times(&energies[l], images, &generation->per_image[l]);
}

void record_writer_add_tally(struct record_totals *totals,
                             const struct generation *generation,
                             const struct tally_sum *tally)
{
    tally_sum_add(&totals->tally, tally);
    totals->cells_read += tally->images * generation->total.cells;
    add_images(totals->energy, (double)tally->images, generation);
}

/* Does nobody but us hold the model, which was removed? Our references are one of the
 * entry's and one of each generation under watch. */
static bool is_retired(const struct record_model *model)
{
    unsigned ours = 1;

    for (const struct generation *g = model->live; g != NULL; g = g->next_watched)
        ours++;
    return model->removed &&
           atomic_load_explicit(&model->model->refs, memory_order_acquire) == ours;
}

/* Turns what one generation gained into a pending row. True: it may be let go. */
static bool collect_generation(struct record *record, struct record_model *model,
                               struct generation *generation, bool retired)
{
    /* Looked at first: with no reference but ours, no lane counts any more. */
    bool last =
        retired || atomic_load_explicit(&generation->refs, memory_order_acquire) == 1;
    struct tally_sum now = generation_tally(generation);
    struct tally_sum gain = tally_sum_since(&now, &generation->collected);

    gain.latency_max_us = 0;
    for (unsigned lane = 0; lane < generation->n_lanes; lane++)
        gain.latency_max_us =
            fmax(gain.latency_max_us, tally_take_max_us(&generation->tallies[lane]));
    record_rows_add_window(record, model, generation, &gain);
    add_images(model->unwritten, (double)gain.images, generation);
    model->totals.tally.latency_max_us =
        fmax(model->totals.tally.latency_max_us, gain.latency_max_us);
    generation->collected = now;
    if (last)
        record_writer_add_tally(&model->totals, generation, &now);
    return last;
}

static void collect(struct record *record)
{
    for (struct record_model *model = record->models; model != NULL;
         model = model->next) {
        struct generation **link = &model->live;
        bool retired = is_retired(model);

        while (*link != NULL) {
            struct generation *generation = *link;

            if (!collect_generation(record, model, generation, retired)) {
                link = &generation->next_watched;
                continue;
            }
            *link = generation->next_watched;
            generation_drop(generation);
        }
    }
    record_rows_collect_feedback(record);
}

/* -- The database, and what it knows -- */

/* Of rows of requests. Where it cannot be read the database is not open. */
static enum status read_next_id(struct record *record, char why[ERR_LEN])
{
    enum status st = metrics_next_inference(record->db, &record->requests.next_id);

    if (st != ST_OK) {
        (void)snprintf(why, ERR_LEN, "%s", db_message(record->db));
        db_close(record->db);
        record->db = NULL;
    }
    return st;
}

enum status record_writer_open(struct record *record, char why[ERR_LEN])
{
    struct db_opened opened;
    enum status st = db_open(record->path, &record->db, &opened, why);

    if (st == ST_OK)
        st = read_next_id(record, why);
    if (st != ST_OK)
        return st;
    if (opened.set_aside[0] != '\0')
        record_event(record, METRICS_ERROR, "database", NULL,
                     "the database was corrupt and is now %.180s; a new one was begun",
                     opened.set_aside);
    else if (opened.unclean)
        record_event(record, METRICS_WARNING, "database", NULL,
                     "the last process did not close the database; it was checked");
    return ST_OK;
}

/* Of the ledger, what a file that was lost held. Under the mutex. */
static void ledger_of_lost_file(const struct record_model *model,
                                struct energy ret_energies[NETWORK_MAX_LAYERS])
{
    memcpy(ret_energies, model->totals.energy, sizeof(model->totals.energy));
    for (const struct generation *g = model->live; g != NULL; g = g->next_watched)
        add_images(ret_energies, (double)g->collected.images, g);
    for (size_t l = 0; l < model->model->net->n_layers; l++)
        energy_add_times(&ret_energies[l], -1.0, &model->unwritten[l]);
}

/* The ledger goes on: what the file that was lost held more than this one has is written
 * to it, and what this one has more counts. By kind of energy. ret_before: what counts.
 */
static enum status mend_ledger(struct record *record, const struct record_model *model,
                               int64_t id, struct energy before[NETWORK_MAX_LAYERS])
{
    const struct network *net = model->model->net;
    struct energy held[NETWORK_MAX_LAYERS];
    struct metrics_energy missing[NETWORK_MAX_LAYERS];
    const struct metrics_batch batch = { .energies = missing,
                                         .n_energies = net->n_layers };

    (void)pthread_mutex_lock(&record->mutex);
    ledger_of_lost_file(model, held);
    (void)pthread_mutex_unlock(&record->mutex);
    for (size_t l = 0; l < net->n_layers; l++) {
        missing[l] = (struct metrics_energy) { .model_id = id,
                                               .layer = l,
                                               .layer_name = net->layers[l].name };
        for (unsigned k = 0; k < ENERGY_KINDS; k++) {
            missing[l].gain.pj[k] = fmax(held[l].pj[k] - before[l].pj[k], 0.0);
            before[l].pj[k] = fmax(before[l].pj[k] - held[l].pj[k], 0.0);
        }
    }
    return metrics_write(record->db, &batch);
}

/* The generation that serves gets its row again. The writer thread, which alone lets
 * generations go; under db_mutex. */
static void mend_history(struct record *record, const struct record_model *model,
                         int64_t id)
{
    bool known = true;

    (void)pthread_mutex_lock(&record->mutex);
    const struct generation *last = model->live;
    (void)pthread_mutex_unlock(&record->mutex);
    /* What cannot be asked for now is missing in the history and nowhere else. */
    if (last == NULL ||
        metrics_has_generation(record->db, id, last->number, &known) != ST_OK || known)
        return;
    (void)pthread_mutex_lock(&record->mutex);
    if (!record_rows_has_programming(record, model, last))
        record_rows_add_programming(record, model, last);
    (void)pthread_mutex_unlock(&record->mutex);
}

/* What the database knows of a model is added to what was counted since. Once for
 * each model and file; under db_mutex. */
static enum status read_model(struct record *record, struct record_model *model)
{
    const struct network *net = model->model->net;
    struct energy before[NETWORK_MAX_LAYERS];
    int64_t id, since_s;

    if (model->db_id != 0)
        return ST_OK;
    memset(before, 0, sizeof(before));
    enum status st = metrics_add_model(
        record->db, net, model->had_id ? model->totals.since_s : wall_seconds(), &id,
        &since_s);
    if (st == ST_OK)
        st = metrics_read_energy(record->db, id, net->n_layers, before);
    if (st == ST_OK && model->had_id)
        st = mend_ledger(record, model, id, before);
    if (st != ST_OK)
        return st;
    if (model->had_id)
        mend_history(record, model, id);
    (void)pthread_mutex_lock(&record->mutex);
    model->db_id = id;
    model->had_id = true;
    model->totals.since_s = since_s;
    for (size_t l = 0; l < net->n_layers; l++)
        energy_add(&model->totals.energy[l], &before[l]);
    (void)pthread_mutex_unlock(&record->mutex);
    return ST_OK;
}

void record_writer_register(struct record *record, struct record_model *model)
{
    (void)pthread_mutex_lock(&record->db_mutex);
    if (record->db != NULL)
        (void)read_model(record, model);
    (void)pthread_mutex_unlock(&record->db_mutex);
}

/* -- The transaction -- */

/* What the ledger gained, for the transaction. */
static size_t take_gains(struct record *record)
{
    size_t n = 0;

    for (struct record_model *model = record->models; model != NULL;
         model = model->next) {
        for (size_t l = 0; l < model->model->net->n_layers; l++)
            if (energy_sum(&model->unwritten[l]) > 0.0) {
                record->gainers[n] = model;
                record->gains[n++] = (struct metrics_energy) {
                    .layer = l,
                    .layer_name = model->model->net->layers[l].name,
                    .gain = model->unwritten[l],
                };
            }
    }
    return n;
}

/* The ids of the models, which may be news. */
static void fill_ids(struct record *record, const struct metrics_batch *batch)
{
    for (size_t i = 0; i < batch->n_programmings; i++)
        record->rows[i].model_id = record->programmings[i]->model->db_id;
    for (size_t i = 0; i < batch->n_windows; i++)
        record->windows[i].model_id = record->window_of[i]->db_id;
    for (size_t i = 0; i < batch->n_events; i++)
        record->events[i].model_id =
            record->event_of[i] != NULL ? record->event_of[i]->db_id : 0;
    for (size_t i = 0; i < batch->n_energies; i++)
        record->gains[i].model_id = record->gainers[i]->db_id;
}

/* A network that was sent again while it serves is two entries of one row for a while:
 * what the database got from one it has not from the other. Under db_mutex, so that
 * nobody reads the row in between. */
static void share_gains(struct record *record, struct record_model *models,
                        const struct metrics_batch *batch)
{
    (void)pthread_mutex_lock(&record->mutex);
    for (size_t i = 0; i < batch->n_energies; i++) {
        const struct metrics_energy *energy = &record->gains[i];

        for (struct record_model *model = models; model != NULL; model = model->next)
            if (model != record->gainers[i] && model->db_id == energy->model_id)
                energy_add(&model->totals.energy[energy->layer], &energy->gain);
    }
    (void)pthread_mutex_unlock(&record->mutex);
}

/* The limit of now; a file that was larger when it was set may have shrunk since. */
static void limit_size(struct record *record)
{
    uint64_t mb = record->settings->db_max_mb;

    db_limit_pages(record->db, mb * ((UINT64_C(1) << 20) / DB_PAGE));
}

/* Opens what could not be opened before, registers models that have no row yet, writes.
 * ret_full: it failed for want of room. */
static enum status transact(struct record *record, struct record_model *models,
                            size_t n_late, struct metrics_batch *batch, bool *ret_full,
                            char why[ERR_LEN])
{
    (void)pthread_mutex_lock(&record->db_mutex);
    enum status st = record->db != NULL ? ST_OK : record_writer_open(record, why);

    if (st == ST_OK)
        limit_size(record);
    for (struct record_model *model = models; model != NULL && st == ST_OK;
         model = model->next)
        st = read_model(record, model);
    if (st == ST_OK) {
        fill_ids(record, batch);
        record_requests_number(&record->requests, models, n_late, batch);
        st = metrics_write(record->db, batch);
    }
    if (st == ST_OK) {
        share_gains(record, models, batch);
        record_requests_written(&record->requests, batch);
    }
    *ret_full = st != ST_OK && record->db != NULL && db_was_full(record->db);
    if (st != ST_OK && record->db != NULL)
        (void)snprintf(why, ERR_LEN, "%s", db_message(record->db));
    (void)pthread_mutex_unlock(&record->db_mutex);
    return st;
}

/* Tells once, until rows are written again. */
static void note_given_up(struct record *record, bool given_up)
{
    if (given_up && !record->requests.given_up)
        log_line(LOG_WARNING, "database",
                 "path=\"%.200s\" is full: rows of requests are dropped", record->path);
    record->requests.given_up = given_up;
}

/* Where there is no room rows of requests are given up, so that windows go on if they
 * can. */
static enum status write_batch(struct record *record, struct record_model *models,
                               size_t n_late, struct metrics_batch *batch,
                               size_t *ret_dropped, char why[ERR_LEN])
{
    bool full = false, had_rows = batch->n_inferences > 0;
    enum status st = transact(record, models, n_late, batch, &full, why);

    *ret_dropped = 0;
    if (full && had_rows) {
        *ret_dropped = record_requests_give_up(&record->requests, batch);
        st = transact(record, models, n_late, batch, &full, why);
    }
    if (st != ST_OK)
        record_requests_failed(&record->requests, batch);
    if (had_rows)
        note_given_up(record, *ret_dropped > 0);
    return st;
}

static void note_commit(struct record *record, enum status st, const char *why,
                        double seconds)
{
    record->health.commit_seconds += seconds;
    record->health.commits += st == ST_OK;
    if (st != ST_OK) {
        record->health.write_errors++;
        if (!record->health.degraded)
            log_line(LOG_ERROR, "database",
                     "path=\"%.200s\" cannot write: %.200s; counting "
                     "goes on in memory",
                     record->path, why);
    } else if (record->health.degraded) {
        log_line(LOG_INFO, "database", "path=\"%.200s\" writes again", record->path);
    }
    record->health.degraded = st != ST_OK;
}

/* After the transaction: programmings may have added more meanwhile. */
static void forget_gains(struct record *record, size_t n)
{
    for (size_t i = 0; i < n; i++)
        energy_add_times(&record->gainers[i]->unwritten[record->gains[i].layer], -1.0,
                         &record->gains[i].gain);
}

/* Labels are looked at before rows are: that of a row is told after the row. Without rows
 * too: a database that could not be opened at the start. */
static bool nothing_to_write(const struct record *record,
                             const struct metrics_batch *batch)
{
    return !record->health.degraded && record->requests.n_late == 0 &&
           batch->n_programmings + batch->n_windows + batch->n_events +
                   batch->n_energies ==
               0 &&
           !record_requests_any(&record->requests);
}

/* One transaction with everything that waits. Called and returns with the mutex held; it
 * is free while SQLite works, and others only append meanwhile. Only this thread adds
 * windows to rows that exist, and it is busy here. */
static void write_pending(struct record *record)
{
    struct metrics_batch batch = {
        .programmings = record->rows,
        .n_programmings = record->n_programmings,
        .windows = record->windows,
        .n_windows = record->n_windows,
        .events = record->events,
        .n_events = record->n_events,
        .energies = record->gains,
        .n_energies = take_gains(record),
    };
    struct record_model *models = record->models;
    size_t n_late = record->requests.n_late, n_dropped;
    char why[ERR_LEN] = "";

    if (nothing_to_write(record, &batch))
        return;
    for (size_t i = 0; i < batch.n_programmings; i++)
        record->rows[i] = record->programmings[i]->row;
    (void)pthread_mutex_unlock(&record->mutex);

    uint64_t began = wall_monotonic_ns();
    record_requests_gather(&record->requests, &batch);
    enum status st = write_batch(record, models, n_late, &batch, &n_dropped, why);
    double seconds = (double)(wall_monotonic_ns() - began) / 1e9;

    (void)pthread_mutex_lock(&record->mutex);
    note_commit(record, st, why, seconds);
    record->health.write_errors += n_dropped > 0; /* the try with them */
    record->health.rows_dropped += n_dropped;
    if (st != ST_OK)
        return;
    record_rows_forget(record, batch.n_programmings, batch.n_windows, batch.n_events);
    record_requests_forget_late(&record->requests, n_late);
    forget_gains(record, batch.n_energies);
}

/* -- What grows old -- */

/* One step of each. */
static enum status tend_step(struct record *record, bool *ret_more)
{
    const struct metrics_limits limits = {
        .inference_age_s = (int64_t)record->settings->request_rows_hours * 3600,
        .inferences = record->settings->request_rows_max,
    };
    bool widened = false, retired = false;
    enum status st = ST_OK;

    (void)pthread_mutex_lock(&record->db_mutex);
    if (record->db != NULL)
        st = metrics_widen(record->db, wall_seconds(), &widened);
    if (st == ST_OK && record->db != NULL)
        st = metrics_retire(record->db, &limits, wall_seconds(), &retired);
    if (st != ST_OK)
        log_line(LOG_DEBUG, "database", "cannot tend old rows: %s",
                 db_message(record->db));
    (void)pthread_mutex_unlock(&record->db_mutex);
    *ret_more = retired;
    return st;
}

/* As many steps as keep up with the rows that come; widening is content with one. A
 * failure is counted, and there is another try in a second: nothing waits for it. */
static void tend(struct record *record)
{
    bool more = true;
    enum status st = ST_OK;

    (void)pthread_mutex_unlock(&record->mutex);
    for (unsigned i = 0; i < TEND_STEPS && more && st == ST_OK; i++)
        st = tend_step(record, &more);
    (void)pthread_mutex_lock(&record->mutex);
    record->health.write_errors += st != ST_OK;
}

/* -- The end of a model -- */

static bool has_pending(const struct record *record, const struct record_model *model)
{
    for (size_t l = 0; l < model->model->net->n_layers; l++)
        if (energy_sum(&model->unwritten[l]) > 0.0)
            return true;
    /* Whose the rows of requests are is not looked at. */
    return model->live != NULL || record->requests.wait ||
           record_rows_wait(record, model);
}

/* Models that were removed and of which everything is written. Under the mutex, which a
 * model's end does not need. */
static void let_models_go(struct record *record)
{
    struct record_model **link = &record->models;

    while (*link != NULL) {
        struct record_model *model = *link;

        if (!model->removed || has_pending(record, model)) {
            link = &model->next;
            continue;
        }
        *link = model->next;
        record->n_models--;
        model_drop(model->model);
        free(model);
    }
}
