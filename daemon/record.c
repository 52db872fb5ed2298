/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - from counters to rows.
 *
 *   record_generation   programming thread   a generation begins to be watched
 *   collect             writer thread        what tallies gained becomes pending rows;
 *                                            generations that serve nobody are let go
 *   write_pending       writer thread        one transaction; kept whole if it fails
 */
#include "daemon/record.h"

#include "daemon/log.h"
#include "daemon/registry.h"
#include "daemon/wall.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITER_NICE 5
/* Rows kept in memory while the database cannot be written. */
#define MAX_PENDING 4096
/* Models that are added and not yet let go. Beyond MAX_PENDING each has a row of its own.
 */
#define MAX_MODELS (2 * REGISTRY_MAX)
#define MAX_ROWS   (MAX_PENDING + MAX_MODELS)
/* Of the ledger in one transaction; the rest has to wait for the next. */
#define MAX_GAINS 8192

struct record_model {
    struct record_model *next;
    struct model *model; /* a reference of ours */
    bool removed;        /* let go once all of it is written */
    int64_t db_id;
    struct generation *live;     /* under watch, each with a reference of ours */
    struct record_totals totals; /* of generations let go, feedback, programmings, and of
                                    the ledger as it was at the start */
    struct energy unwritten[NETWORK_MAX_LAYERS]; /* of the ledger: not in the database */
};

/* What a row of history borrows. */
struct pending_programming {
    const struct record_model *model;
    struct metrics_programming row; /* without the model's id: it may have none yet */
    struct metrics_layer layers[NETWORK_MAX_LAYERS];
    struct mram_forecast forecasts[NETWORK_MAX_LAYERS];
    struct mram_result results[NETWORK_MAX_LAYERS];
    struct mram_state states[NETWORK_MAX_LAYERS];
};

/* Late labels on their way into a window; the writer thread alone adds to windows. */
struct pending_feedback {
    const struct record_model *model;
    uint64_t generation;
    struct tally_sum gain;
};

struct record {
    char path[1200];
    /* Of one thread at a time: the writer's transactions, and models that are added.
     * Taken before the mutex below. */
    pthread_mutex_t db_mutex;
    struct db *db;               /* NULL while it cannot be opened */
    char why[ERR_LEN];           /* why not */
    struct record_model *models; /* ours; a list, only ever shortened by the writer */
    size_t n_models;
    pthread_t writer;

    pthread_mutex_t mutex;
    pthread_cond_t wake, written;
    bool stopping;
    uint64_t asked, done; /* rounds of the writer, see record_flush */
    struct record_health health;
    /* Pending rows; ours. While a transaction runs, its rows are not touched. */
    struct pending_programming *programmings[MAX_PENDING];
    size_t n_programmings;
    struct metrics_window *windows;        /* [MAX_ROWS], see window_row */
    const struct record_model **window_of; /* whose they are */
    size_t n_windows;
    struct metrics_event events[MAX_PENDING];
    const struct record_model *event_of[MAX_PENDING]; /* NULL: nobody's */
    size_t n_events;
    struct pending_feedback *feedback; /* [MAX_ROWS], see feedback_row */
    size_t n_feedback;
    struct metrics_programming rows[MAX_PENDING]; /* of the running transaction */
    struct metrics_energy *gains;                 /* likewise; [MAX_GAINS] */
    struct record_model **gainers;                /* whose they are */
};

/* -- Pending rows; under the mutex -- */

static bool window_empty(const struct tally_sum *sum)
{
    return sum->requests == 0 && sum->labelled == 0 && sum->errors == 0;
}

/* The pending row that a gain belongs to: the same window and generation, or, beyond
 * MAX_PENDING rows, the last one of that model. So requests always have a place: beyond,
 * a model adds at most one row. */
static struct metrics_window *window_row(struct record *record,
                                         const struct record_model *model,
                                         uint64_t generation, int64_t window_s)
{
    struct metrics_window *of_model = NULL;

    for (size_t i = record->n_windows; i-- > 0;) {
        struct metrics_window *row = &record->windows[i];

        if (record->window_of[i] != model)
            continue;
        if (row->generation == generation && row->window_s == window_s)
            return row;
        if (of_model == NULL)
            of_model = row;
    }
    if (record->n_windows >= MAX_PENDING && of_model != NULL)
        return of_model;
    record->window_of[record->n_windows] = model;
    struct metrics_window *row = &record->windows[record->n_windows++];
    *row = (struct metrics_window) { .generation = generation, .window_s = window_s };
    return row;
}

static void add_window(struct record *record, const struct record_model *model,
                       uint64_t generation, const struct tally_sum *gain, uint64_t cells,
                       const struct energy *per_image)
{
    int64_t now = wall_seconds();
    struct metrics_window *row =
        window_row(record, model, generation, now - now % METRICS_WINDOW_S);

    row->requests += gain->requests;
    row->images += gain->images;
    row->labelled += gain->labelled;
    row->correct += gain->correct;
    row->errors += gain->errors;
    row->bits_read += gain->images * cells;
    row->read_pj += (double)gain->images *
                    (per_image->pj[ENERGY_READ] + per_image->pj[ENERGY_DECODE]);
    row->compute_pj += (double)gain->images * per_image->pj[ENERGY_COMPUTE];
    row->latency_sum_us += gain->latency_sum_us;
    row->latency_max_us = fmax(row->latency_max_us, gain->latency_max_us);
    for (unsigned i = 0; i <= METRICS_LATENCY_EDGES; i++)
        row->latency[i] += gain->latency[i];
}

/* The same for late labels. */
static struct pending_feedback *
feedback_row(struct record *record, const struct record_model *model, uint64_t generation)
{
    struct pending_feedback *of_model = NULL;

    for (size_t i = record->n_feedback; i-- > 0;) {
        struct pending_feedback *row = &record->feedback[i];

        if (row->model != model)
            continue;
        if (row->generation == generation)
            return row;
        if (of_model == NULL)
            of_model = row;
    }
    if (record->n_feedback >= MAX_PENDING && of_model != NULL)
        return of_model;
    struct pending_feedback *row = &record->feedback[record->n_feedback++];
    *row = (struct pending_feedback) { .model = model, .generation = generation };
    return row;
}

static struct metrics_layer layer_row(const struct operating_point *op,
                                      const struct operating_point_resolved *resolved)
{
    bool iid = op->mode == MRAM_IID;

    return (struct metrics_layer) {
        .op = *op,
        .pulse = resolved->pulse,
        .write_error_rate =
            iid ? (op->bit_error_rate[0] + op->bit_error_rate[1]) / 2
                : (resolved->mean[0].error_rate + resolved->mean[1].error_rate) / 2,
    };
}

static bool writes(enum mram_cause cause)
{
    return cause == MRAM_PROGRAMMED || cause == MRAM_SCRUBBED;
}

static void fill_programming(struct pending_programming *p,
                             const struct record_model *model,
                             const struct generation *generation)
{
    const struct conditions *conditions = generation->conditions;
    size_t n = conditions->n_layers;

    for (size_t l = 0; l < n; l++) {
        struct operating_point op = operating_points_at(&conditions->points, l);

        p->layers[l] = layer_row(&op, conditions->resolved[l]);
    }
    memcpy(p->states, generation->states, n * sizeof(p->states[0]));
    /* Of other causes nothing was written: both stay zero. */
    if (writes(generation->cause)) {
        memcpy(p->forecasts, generation->forecasts, n * sizeof(p->forecasts[0]));
        memcpy(p->results, generation->results, n * sizeof(p->results[0]));
    }
    p->model = model;
    p->row = (struct metrics_programming) {
        .at_s = generation->changed_at_s,
        .generation = generation->number,
        .cause = generation->cause,
        .age_s = generation->age_s,
        .base = layer_row(&conditions->points.base,
                          conditions->resolved[conditions_base_layer(conditions)]),
        .net = model->model->net,
        .layers = p->layers,
        .forecasts = p->forecasts,
        .results = p->results,
        .states = p->states,
        .duration_ms = generation->duration_ms,
    };
    (void)snprintf(p->row.device, sizeof(p->row.device), "%s", conditions->device.name);
}

static void add_programming(struct record *record, const struct record_model *model,
                            const struct generation *generation)
{
    struct pending_programming *p = NULL;

    if (record->n_programmings < MAX_PENDING)
        p = calloc(1, sizeof(*p));
    if (p == NULL) {
        record->health.rows_dropped++;
        return;
    }
    fill_programming(p, model, generation);
    record->programmings[record->n_programmings++] = p;
}

/* Energy of `images` pictures, by layer. */
static void add_images(struct energy *energies, double images,
                       const struct generation *generation)
{
    for (size_t l = 0; l < generation->conditions->n_layers; l++)
        energy_add_times(&energies[l], images, &generation->per_image[l]);
}

static void totals_add(struct record_totals *totals, const struct generation *generation,
                       const struct tally_sum *tally)
{
    tally_sum_add(&totals->tally, tally);
    totals->cells_read += tally->images * generation->total.cells;
    add_images(totals->energy, (double)tally->images, generation);
}

/* -- The writer thread -- */

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
    if (!window_empty(&gain))
        add_window(record, model, generation->number, &gain, generation->total.cells,
                   &generation->total_per_image);
    add_images(model->unwritten, (double)gain.images, generation);
    model->totals.tally.latency_max_us =
        fmax(model->totals.tally.latency_max_us, gain.latency_max_us);
    generation->collected = now;
    if (last)
        totals_add(&model->totals, generation, &now);
    return last;
}

static void collect(struct record *record)
{
    const struct energy none = { .pj = { 0.0 } };

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
    for (size_t i = 0; i < record->n_feedback; i++)
        add_window(record, record->feedback[i].model, record->feedback[i].generation,
                   &record->feedback[i].gain, 0, &none);
    record->n_feedback = 0;
}

static void move_down(void *rows, size_t size, size_t n_left, size_t n_gone)
{
    memmove(rows, (char *)rows + n_gone * size, n_left * size);
}

/* Takes the first n of each kind away. */
static void forget_written(struct record *record, size_t n_programmings, size_t n_windows,
                           size_t n_events)
{
    for (size_t i = 0; i < n_programmings; i++)
        free(record->programmings[i]);
    record->n_programmings -= n_programmings;
    record->n_windows -= n_windows;
    record->n_events -= n_events;
    move_down(record->programmings, sizeof(record->programmings[0]),
              record->n_programmings, n_programmings);
    move_down(record->windows, sizeof(record->windows[0]), record->n_windows, n_windows);
    move_down(record->window_of, sizeof(record->window_of[0]), record->n_windows,
              n_windows);
    move_down(record->events, sizeof(record->events[0]), record->n_events, n_events);
    move_down(record->event_of, sizeof(record->event_of[0]), record->n_events, n_events);
}

static void note_commit(struct record *record, enum status st, double seconds)
{
    record->health.commit_seconds += seconds;
    record->health.commits += st == ST_OK;
    if (st != ST_OK) {
        record->health.write_errors++;
        if (!record->health.degraded)
            log_line(LOG_ERROR, "database",
                     "path=\"%.200s\" cannot write: %.200s; counting "
                     "goes on in memory",
                     record->path,
                     record->db != NULL ? db_message(record->db) : record->why);
    } else if (record->health.degraded) {
        log_line(LOG_INFO, "database", "path=\"%.200s\" writes again", record->path);
    }
    record->health.degraded = st != ST_OK;
}

/* What the ledger gained, for the transaction. */
static size_t take_gains(struct record *record)
{
    size_t n = 0;

    for (struct record_model *model = record->models; model != NULL;
         model = model->next) {
        for (size_t l = 0; l < model->model->net->n_layers && n < MAX_GAINS; l++)
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

/* After the transaction: programmings may have added more meanwhile. */
static void forget_gains(struct record *record, size_t n)
{
    for (size_t i = 0; i < n; i++)
        energy_add_times(&record->gainers[i]->unwritten[record->gains[i].layer], -1.0,
                         &record->gains[i].gain);
}

static bool has_pending(const struct record *record, const struct record_model *model)
{
    for (size_t i = 0; i < record->n_programmings; i++)
        if (record->programmings[i]->model == model)
            return true;
    for (size_t i = 0; i < record->n_windows; i++)
        if (record->window_of[i] == model)
            return true;
    for (size_t i = 0; i < record->n_events; i++)
        if (record->event_of[i] == model)
            return true;
    for (size_t i = 0; i < record->n_feedback; i++)
        if (record->feedback[i].model == model)
            return true;
    for (size_t l = 0; l < model->model->net->n_layers; l++)
        if (energy_sum(&model->unwritten[l]) > 0.0)
            return true;
    return model->live != NULL;
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

/* What the database knows of a model is added to what was counted since. Under db_mutex;
 * once for each model. */
static enum status read_model(struct record *record, struct record_model *model)
{
    const struct network *net = model->model->net;
    struct energy before[NETWORK_MAX_LAYERS];
    int64_t id, since_s;

    memset(before, 0, sizeof(before));
    enum status st = metrics_add_model(record->db, net, wall_seconds(), &id, &since_s);
    if (st == ST_OK)
        st = metrics_read_energy(record->db, id, net->n_layers, before);
    if (st != ST_OK)
        return st;
    (void)pthread_mutex_lock(&record->mutex);
    model->db_id = id;
    model->totals.since_s = since_s;
    for (size_t l = 0; l < net->n_layers; l++)
        energy_add(&model->totals.energy[l], &before[l]);
    (void)pthread_mutex_unlock(&record->mutex);
    return ST_OK;
}

static enum status register_model(struct record *record, struct record_model *model)
{
    enum status st = ST_OK;

    (void)pthread_mutex_lock(&record->db_mutex);
    if (record->db == NULL)
        st = ST_IO;
    else if (model->db_id == 0)
        st = read_model(record, model);
    (void)pthread_mutex_unlock(&record->db_mutex);
    return st;
}

/* Opens what could not be opened before, and registers models that have no row yet. Only
 * the writer shortens the list of models. */
static enum status ensure_database(struct record *record, struct record_model *models)
{
    struct db_opened opened;
    enum status st = ST_OK;

    (void)pthread_mutex_lock(&record->db_mutex);
    if (record->db == NULL)
        st = db_open(record->path, &record->db, &opened, record->why);
    (void)pthread_mutex_unlock(&record->db_mutex);
    for (struct record_model *model = models; model != NULL && st == ST_OK;
         model = model->next)
        st = register_model(record, model);
    return st;
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

    if (batch.n_programmings + batch.n_windows + batch.n_events + batch.n_energies == 0)
        return;
    for (size_t i = 0; i < batch.n_programmings; i++)
        record->rows[i] = record->programmings[i]->row;
    (void)pthread_mutex_unlock(&record->mutex);

    uint64_t began = wall_monotonic_ns();
    enum status st = ensure_database(record, models);
    if (st == ST_OK) {
        fill_ids(record, &batch);
        (void)pthread_mutex_lock(&record->db_mutex);
        st = metrics_write(record->db, &batch);
        (void)pthread_mutex_unlock(&record->db_mutex);
    }
    double seconds = (double)(wall_monotonic_ns() - began) / 1e9;

    (void)pthread_mutex_lock(&record->mutex);
    note_commit(record, st, seconds);
    if (st != ST_OK)
        return;
    forget_written(record, batch.n_programmings, batch.n_windows, batch.n_events);
    forget_gains(record, batch.n_energies);
}

static void *writer_run(void *arg)
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
               pthread_cond_timedwait(&record->wake, &record->mutex, &until) == 0)
            continue;
        uint64_t asked = record->asked;
        last = record->stopping;
        collect(record);
        write_pending(record);
        let_models_go(record);
        record->done = asked;
        (void)pthread_cond_broadcast(&record->written);
    }
    (void)pthread_mutex_unlock(&record->mutex);
    return NULL;
}

/* -- Starting and stopping -- */

static void record_model_free(struct record_model *model)
{
    while (model->live != NULL) {
        struct generation *generation = model->live;

        model->live = generation->next_watched;
        generation_drop(generation);
    }
    model_drop(model->model);
    free(model);
}

static void record_free(struct record *record)
{
    while (record->models != NULL) {
        struct record_model *model = record->models;

        record->models = model->next;
        record_model_free(model);
    }
    for (size_t i = 0; i < record->n_programmings; i++)
        free(record->programmings[i]);
    free(record->gains);
    free(record->gainers);
    if (record->db != NULL)
        db_close(record->db);
    (void)pthread_cond_destroy(&record->wake);
    (void)pthread_cond_destroy(&record->written);
    (void)pthread_mutex_destroy(&record->mutex);
    (void)pthread_mutex_destroy(&record->db_mutex);
    free(record->feedback);
    free(record->window_of);
    free(record->windows);
    free(record);
}

/* Was a database begun there? One that could not be is left empty. */
static bool was_begun(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_size > 0;
}

/* A database that cannot be written now, as on a full disk, is no reason not to serve:
 * the writer tries again. One that is not ours is, and a folder where none can be begun.
 */
static enum status open_first(struct record *record, struct db_opened *ret_opened,
                              char why[ERR_LEN])
{
    enum status st = db_open(record->path, &record->db, ret_opened, why);

    if (st != ST_IO || !was_begun(record->path))
        return st;
    *ret_opened = (struct db_opened) { .created = false };
    (void)snprintf(record->why, sizeof(record->why), "%s", why);
    record->health.degraded = true;
    record->health.write_errors++;
    log_line(LOG_ERROR, "database", "%.220s; counting goes on in memory", why);
    return ST_OK;
}

enum status record_start(const char *path, struct record **ret_record, char why[ERR_LEN])
{
    struct record *record = calloc(1, sizeof(*record));
    pthread_condattr_t monotonic;
    struct db_opened opened;

    if (record == NULL) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    (void)snprintf(record->path, sizeof(record->path), "%s", path);
    (void)pthread_mutex_init(&record->mutex, NULL);
    (void)pthread_mutex_init(&record->db_mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&record->wake, &monotonic);
    (void)pthread_cond_init(&record->written, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);

    enum status st = ST_NOMEM;
    record->windows = calloc(MAX_ROWS, sizeof(*record->windows));
    record->window_of = calloc(MAX_ROWS, sizeof(record->window_of[0]));
    record->feedback = calloc(MAX_ROWS, sizeof(*record->feedback));
    record->gains = calloc(MAX_GAINS, sizeof(*record->gains));
    record->gainers = calloc(MAX_GAINS, sizeof(struct record_model *));
    if (record->windows == NULL || record->window_of == NULL ||
        record->feedback == NULL || record->gains == NULL || record->gainers == NULL)
        goto fail;

    st = open_first(record, &opened, why);
    if (st != ST_OK)
        goto fail;
    if (opened.set_aside[0] != '\0')
        record_event(record, METRICS_ERROR, "database", NULL,
                     "the database was corrupt and is now %.180s; a new one was begun",
                     opened.set_aside);
    else if (opened.unclean)
        record_event(record, METRICS_WARNING, "database", NULL,
                     "the last process did not close the database; it was checked");
    if (pthread_create(&record->writer, NULL, writer_run, record) != 0) {
        st = ST_NOMEM;
        goto fail;
    }
    (void)pthread_setname_np(record->writer, "writer");
    *ret_record = record;
    return ST_OK;

fail:
    if (st == ST_NOMEM)
        (void)snprintf(why, ERR_LEN, "out of memory");
    record_free(record);
    return st;
}

void record_stop(struct record *record)
{
    if (record == NULL)
        return;
    (void)pthread_mutex_lock(&record->mutex);
    record->stopping = true;
    (void)pthread_cond_signal(&record->wake);
    (void)pthread_mutex_unlock(&record->mutex);
    (void)pthread_join(record->writer, NULL);
    if (record->health.degraded)
        log_line(LOG_ERROR, "database",
                 "path=\"%.200s\" rows lost: %zu programmings, %zu "
                 "windows, %zu events",
                 record->path, record->n_programmings, record->n_windows,
                 record->n_events);
    record_free(record);
}

/* -- Models -- */

enum status record_add_model(struct record *record, struct model *model,
                             char why[ERR_LEN])
{
    struct record_model *entry = calloc(1, sizeof(*entry));
    enum status st = ST_OK;

    if (entry == NULL) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    entry->model = model;
    entry->totals.since_s = wall_seconds();
    (void)pthread_mutex_lock(&record->mutex);
    if (record->n_models == MAX_MODELS) {
        (void)snprintf(why, ERR_LEN, "%d models wait to be let go", MAX_MODELS);
        st = ST_BUSY;
    } else {
        entry->next = record->models;
        record->models = entry;
        record->n_models++;
        model_keep(model);
        model->record = entry;
    }
    (void)pthread_mutex_unlock(&record->mutex);
    if (st != ST_OK) {
        free(entry);
        return st;
    }
    (void)register_model(record, entry); /* if it cannot be now, the writer will */
    return ST_OK;
}

void record_remove_model(struct record *record, struct model *model)
{
    (void)pthread_mutex_lock(&record->mutex);
    model->record->removed = true;
    (void)pthread_mutex_unlock(&record->mutex);
}

/* -- What the flows tell -- */

static void add_writing(struct record_model *model, const struct generation *generation)
{
    struct record_totals *totals = &model->totals;

    totals->programmings++;
    for (size_t l = 0; l < generation->conditions->n_layers; l++) {
        const struct mram_result *result = &generation->results[l];
        struct energy energy = energy_of_write(&result->energy);

        for (unsigned d = 0; d < 2; d++) {
            totals->programming_errors[d] += generation->states[l].errors[d];
            totals->programming_toggles[d] += result->toggles[d];
        }
        energy_add(&totals->energy[l], &energy);
        energy_add(&model->unwritten[l], &energy);
    }
}

/* Was the process ended between the image of this generation and its row? */
static bool is_missing(struct record *record, const struct record_model *model,
                       uint64_t generation)
{
    bool known = true;

    (void)pthread_mutex_lock(&record->db_mutex);
    if (record->db != NULL && model->db_id != 0 &&
        metrics_has_generation(record->db, model->db_id, generation, &known) != ST_OK)
        known = true;
    (void)pthread_mutex_unlock(&record->db_mutex);
    return !known;
}

void record_generation(struct record *record, struct generation *generation, bool fresh)
{
    struct record_model *model = generation->model->record;

    if (!fresh)
        fresh = is_missing(record, model, generation->number);

    generation_keep(generation);
    (void)pthread_mutex_lock(&record->mutex);
    generation->next_watched = model->live;
    model->live = generation;
    if (fresh) {
        add_programming(record, model, generation);
        if (writes(generation->cause))
            add_writing(model, generation);
    }
    (void)pthread_mutex_unlock(&record->mutex);
}

void record_flush(struct record *record)
{
    (void)pthread_mutex_lock(&record->mutex);
    uint64_t round = ++record->asked;

    (void)pthread_cond_signal(&record->wake);
    while (record->done < round && !record->stopping && !record->health.degraded)
        (void)pthread_cond_wait(&record->written, &record->mutex);
    (void)pthread_mutex_unlock(&record->mutex);
}

void record_event(struct record *record, enum metrics_severity severity, const char *kind,
                  const struct model *model, const char *format, ...)
{
    struct metrics_event event = {
        .at_s = wall_seconds(),
        .severity = severity,
        .kind = kind,
    };
    va_list args;

    va_start(args, format);
    (void)vsnprintf(event.message, sizeof(event.message), format, args);
    va_end(args);

    (void)pthread_mutex_lock(&record->mutex);
    if (record->n_events < MAX_PENDING) {
        record->event_of[record->n_events] = model != NULL ? model->record : NULL;
        record->events[record->n_events++] = event;
    } else {
        record->health.rows_dropped++;
    }
    (void)pthread_mutex_unlock(&record->mutex);
    log_line(severity == METRICS_ERROR     ? LOG_ERROR
             : severity == METRICS_WARNING ? LOG_WARNING
                                           : LOG_INFO,
             kind, "%s%s%s", model != NULL ? model->net->name : "",
             model != NULL ? ": " : "", event.message);
}

void record_feedback(struct record *record, const struct model *model, uint64_t number,
                     uint64_t labelled, uint64_t correct)
{
    struct record_model *of = model->record;
    struct tally_sum gain = { .labelled = labelled, .correct = correct };

    (void)pthread_mutex_lock(&record->mutex);
    tally_sum_add(&of->totals.tally, &gain);
    tally_sum_add(&feedback_row(record, of, number)->gain, &gain);
    for (struct generation *g = of->live; g != NULL; g = g->next_watched)
        if (g->number == number)
            tally_sum_add(&g->late, &gain);
    (void)pthread_mutex_unlock(&record->mutex);
}

struct tally_sum record_generation_tally(struct record *record,
                                         const struct generation *generation)
{
    struct tally_sum sum = generation_tally(generation);

    (void)pthread_mutex_lock(&record->mutex);
    tally_sum_add(&sum, &generation->late);
    (void)pthread_mutex_unlock(&record->mutex);
    return sum;
}

void record_totals(struct record *record, const struct model *model,
                   struct record_totals *ret_totals)
{
    struct record_model *of = model->record;

    (void)pthread_mutex_lock(&record->mutex);
    *ret_totals = of->totals;
    for (const struct generation *generation = of->live; generation != NULL;
         generation = generation->next_watched) {
        struct tally_sum tally = generation_tally(generation);

        totals_add(ret_totals, generation, &tally);
    }
    (void)pthread_mutex_unlock(&record->mutex);
    for (size_t l = 0; l < model->net->n_layers; l++)
        energy_add(&ret_totals->total_energy, &ret_totals->energy[l]);
}

struct record_health record_health(struct record *record)
{
    (void)pthread_mutex_lock(&record->mutex);
    struct record_health health = record->health;
    (void)pthread_mutex_unlock(&record->mutex);
    return health;
}

const char *record_path(const struct record *record)
{
    return record->path;
}
