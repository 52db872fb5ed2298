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
#include "daemon/wall.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WRITER_NICE 5
/* Rows kept in memory while the database cannot be written. */
#define MAX_PENDING 4096

struct record_model {
    const struct model *model; /* borrowed */
    int64_t db_id;
    struct generation *live;     /* under watch, each with a reference of ours */
    struct record_totals totals; /* of generations let go, feedback, programmings, and of
                                    the ledger as it was at the start */
    struct energy unwritten[NETWORK_MAX_LAYERS]; /* of the ledger: not in the database */
};

/* What a row of history borrows. */
struct pending_programming {
    struct metrics_programming row;
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
    struct db *db; /* the writer thread's once it runs */
    struct record_model *models;
    size_t n_models;
    pthread_t writer;

    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stopping;
    struct record_health health;
    /* Pending rows; ours. While a transaction runs, its rows are not touched. */
    struct pending_programming *programmings[MAX_PENDING];
    size_t n_programmings;
    struct metrics_window *windows; /* [MAX_PENDING + n_models], see window_row */
    size_t n_windows;
    struct metrics_event events[MAX_PENDING];
    size_t n_events;
    struct pending_feedback *feedback; /* [MAX_PENDING + n_models], see feedback_row */
    size_t n_feedback;
    struct metrics_programming rows[MAX_PENDING]; /* of the running transaction */
    struct metrics_energy *gains; /* likewise; [n_models * NETWORK_MAX_LAYERS] */
};

/* -- Pending rows; under the mutex -- */

static bool window_empty(const struct tally_sum *sum)
{
    return sum->requests == 0 && sum->labelled == 0 && sum->errors == 0;
}

/* The pending row that a gain belongs to: the same window and generation, or, beyond
 * MAX_PENDING rows, the last one of that model. So requests always have a place: beyond,
 * a model adds at most one row. */
static struct metrics_window *window_row(struct record *record, int64_t db_id,
                                         uint64_t generation, int64_t window_s)
{
    struct metrics_window *of_model = NULL;

    for (size_t i = record->n_windows; i-- > 0;) {
        struct metrics_window *row = &record->windows[i];

        if (row->model_id != db_id)
            continue;
        if (row->generation == generation && row->window_s == window_s)
            return row;
        if (of_model == NULL)
            of_model = row;
    }
    if (record->n_windows >= MAX_PENDING && of_model != NULL)
        return of_model;
    struct metrics_window *row = &record->windows[record->n_windows++];
    *row = (struct metrics_window) { .model_id = db_id,
                                     .generation = generation,
                                     .window_s = window_s };
    return row;
}

static void add_window(struct record *record, const struct record_model *model,
                       uint64_t generation, const struct tally_sum *gain, uint64_t cells,
                       const struct energy *per_image)
{
    int64_t now = wall_seconds();
    struct metrics_window *row =
        window_row(record, model->db_id, generation, now - now % METRICS_WINDOW_S);

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
    p->row = (struct metrics_programming) {
        .model_id = model->db_id,
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

/* Turns what one generation gained into a pending row. True: it may be let go. */
static bool collect_generation(struct record *record, struct record_model *model,
                               struct generation *generation)
{
    /* Looked at first: with no reference but ours, no lane counts any more. */
    bool last = atomic_load_explicit(&generation->refs, memory_order_acquire) == 1;
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

    for (size_t i = 0; i < record->n_models; i++) {
        struct record_model *model = &record->models[i];
        struct generation **link = &model->live;

        while (*link != NULL) {
            struct generation *generation = *link;

            if (!collect_generation(record, model, generation)) {
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

/* Takes the first n of each kind away. */
static void forget_written(struct record *record, size_t n_programmings, size_t n_windows,
                           size_t n_events)
{
    for (size_t i = 0; i < n_programmings; i++)
        free(record->programmings[i]);
    record->n_programmings -= n_programmings;
    memmove(record->programmings, record->programmings + n_programmings,
            record->n_programmings * sizeof(record->programmings[0]));
    record->n_windows -= n_windows;
    memmove(record->windows, record->windows + n_windows,
            record->n_windows * sizeof(record->windows[0]));
    record->n_events -= n_events;
    memmove(record->events, record->events + n_events,
            record->n_events * sizeof(record->events[0]));
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
                     record->path, db_message(record->db));
    } else if (record->health.degraded) {
        log_line(LOG_INFO, "database", "path=\"%.200s\" writes again", record->path);
    }
    record->health.degraded = st != ST_OK;
}

/* What the ledger gained, for the transaction. */
static size_t take_gains(struct record *record)
{
    size_t n = 0;

    for (size_t i = 0; i < record->n_models; i++) {
        const struct record_model *model = &record->models[i];

        for (size_t l = 0; l < model->model->net->n_layers; l++)
            if (energy_sum(&model->unwritten[l]) > 0.0)
                record->gains[n++] = (struct metrics_energy) {
                    .model_id = model->db_id,
                    .layer = l,
                    .layer_name = model->model->net->layers[l].name,
                    .gain = model->unwritten[l],
                };
    }
    return n;
}

/* After the transaction: programmings may have added more meanwhile. */
static void forget_gains(struct record *record, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < record->n_models; m++)
            if (record->models[m].db_id == record->gains[i].model_id)
                energy_add_times(&record->models[m].unwritten[record->gains[i].layer],
                                 -1.0, &record->gains[i].gain);
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

    if (batch.n_programmings + batch.n_windows + batch.n_events + batch.n_energies == 0)
        return;
    for (size_t i = 0; i < batch.n_programmings; i++)
        record->rows[i] = record->programmings[i]->row;
    (void)pthread_mutex_unlock(&record->mutex);

    uint64_t began = wall_monotonic_ns();
    enum status st = metrics_write(record->db, &batch);
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
        while (!record->stopping &&
               pthread_cond_timedwait(&record->wake, &record->mutex, &until) == 0)
            continue;
        last = record->stopping;
        collect(record);
        write_pending(record);
    }
    (void)pthread_mutex_unlock(&record->mutex);
    return NULL;
}

/* -- Starting and stopping -- */

static enum status register_models(struct record *record, struct model *const *models,
                                   char why[ERR_LEN])
{
    for (size_t i = 0; i < record->n_models; i++) {
        struct record_model *model = &record->models[i];

        model->model = models[i];
        enum status st = metrics_add_model(record->db, models[i]->net, wall_seconds(),
                                           &model->db_id, &model->totals.since_s);
        if (st == ST_OK)
            st = metrics_read_energy(record->db, model->db_id, models[i]->net->n_layers,
                                     model->totals.energy);
        if (st != ST_OK) {
            (void)snprintf(why, ERR_LEN, "%.120s: cannot write: %.100s", record->path,
                           db_message(record->db));
            return st;
        }
    }
    return ST_OK;
}

static void record_free(struct record *record)
{
    for (size_t i = 0; i < record->n_models; i++)
        while (record->models[i].live != NULL) {
            struct generation *generation = record->models[i].live;

            record->models[i].live = generation->next_watched;
            generation_drop(generation);
        }
    for (size_t i = 0; i < record->n_programmings; i++)
        free(record->programmings[i]);
    free(record->gains);
    if (record->db != NULL)
        db_close(record->db);
    (void)pthread_cond_destroy(&record->wake);
    (void)pthread_mutex_destroy(&record->mutex);
    free(record->feedback);
    free(record->windows);
    free(record->models);
    free(record);
}

enum status record_start(const char *path, struct model *const *models, size_t n_models,
                         struct record **ret_record, char why[ERR_LEN])
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
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&record->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);

    enum status st = ST_NOMEM;
    record->models = calloc(n_models, sizeof(*record->models));
    record->windows = calloc(MAX_PENDING + n_models, sizeof(*record->windows));
    record->feedback = calloc(MAX_PENDING + n_models, sizeof(*record->feedback));
    record->gains = calloc(n_models * NETWORK_MAX_LAYERS, sizeof(*record->gains));
    if (record->models == NULL || record->windows == NULL || record->feedback == NULL ||
        record->gains == NULL)
        goto fail;
    record->n_models = n_models;

    st = db_open(path, &record->db, &opened, why);
    if (st != ST_OK)
        goto fail;
    if (opened.set_aside[0] != '\0')
        record_event(record, METRICS_ERROR, "database", NULL,
                     "the database was corrupt and is now %.180s; a new one was begun",
                     opened.set_aside);
    else if (opened.unclean)
        record_event(record, METRICS_WARNING, "database", NULL,
                     "the last process did not close the database; it was checked");
    st = register_models(record, models, why);
    if (st != ST_OK)
        goto fail;
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

void record_generation(struct record *record, struct generation *generation, bool fresh)
{
    struct record_model *model = &record->models[generation->model->index];

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

void record_event(struct record *record, enum metrics_severity severity, const char *kind,
                  const struct model *model, const char *format, ...)
{
    struct metrics_event event = {
        .at_s = wall_seconds(),
        .severity = severity,
        .kind = kind,
        .model_id = model != NULL ? record->models[model->index].db_id : 0,
    };
    va_list args;

    va_start(args, format);
    (void)vsnprintf(event.message, sizeof(event.message), format, args);
    va_end(args);

    (void)pthread_mutex_lock(&record->mutex);
    if (record->n_events < MAX_PENDING)
        record->events[record->n_events++] = event;
    else
        record->health.rows_dropped++;
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
    struct record_model *of = &record->models[model->index];
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
    struct record_model *of = &record->models[model->index];

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
