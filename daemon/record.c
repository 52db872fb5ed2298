/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - starting and stopping, and what the other threads tell and ask.
 *
 *   record_add_model    before a model serves    it may be told of
 *   record_generation   programming thread       a generation begins to be watched
 *   record_remove_model programming thread       the writer lets it go
 *
 * What is told becomes rows (record_rows.c), which the writer thread writes
 * (record_writer.c).
 */
#include "daemon/record_internal.h"

#include "daemon/events.h"
#include "daemon/log.h"
#include "daemon/wall.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
    record_requests_done(&record->requests);
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
static enum status open_first(struct record *record, char why[ERR_LEN])
{
    enum status st = record_writer_open(record, why);

    if (st != ST_IO || !was_begun(record->path))
        return st;
    record->health.degraded = true;
    record->health.write_errors++;
    log_line(LOG_ERROR, "database", "%.220s; counting goes on in memory", why);
    return ST_OK;
}

enum status record_start(const struct record_options *options, struct record **ret_record,
                         char why[ERR_LEN])
{
    struct record *record = calloc(1, sizeof(*record));
    pthread_condattr_t monotonic;

    if (record == NULL) {
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    (void)snprintf(record->path, sizeof(record->path), "%s", options->path);
    record->settings = options->settings;
    record->listeners = options->events;
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

    st = record_requests_init(&record->requests, options->n_threads, options->n_lanes);
    if (st == ST_OK)
        st = open_first(record, why);
    if (st != ST_OK)
        goto fail;
    if (pthread_create(&record->writer, NULL, record_writer_run, record) != 0) {
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
                 "windows, %zu events%s",
                 record->path, record->n_programmings, record->n_windows,
                 record->n_events, record->requests.wait ? ", those of requests" : "");
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
    (void)record_writer_register(record,
                                 entry); /* if it cannot be now, the writer will */
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
        record_rows_add_programming(record, model, generation);
        if (record_writes(generation->cause))
            add_writing(model, generation);
    }
    (void)pthread_mutex_unlock(&record->mutex);
}

bool record_flush(struct record *record)
{
    (void)pthread_mutex_lock(&record->mutex);
    uint64_t round = ++record->asked;

    (void)pthread_cond_signal(&record->wake);
    while (record->done < round && !record->stopping && !record->health.degraded)
        (void)pthread_cond_wait(&record->written, &record->mutex);
    bool is_written = record->done >= round && !record->health.degraded;
    (void)pthread_mutex_unlock(&record->mutex);
    return is_written;
}

enum status record_with_database(struct record *record, record_work *work, void *ctx,
                                 char why[ERR_LEN])
{
    enum status st = ST_IO;

    (void)pthread_mutex_lock(&record->db_mutex);
    if (record->db != NULL)
        st = work(record->db, ctx);
    if (st != ST_OK)
        (void)snprintf(why, ERR_LEN, "database: %s",
                       record->db != NULL ? db_message(record->db)
                                          : "it cannot be opened now");
    (void)pthread_mutex_unlock(&record->db_mutex);
    return st;
}

static void log_event(const struct metrics_event *event, const struct model *model)
{
    static const enum log_level levels[] = {
        [METRICS_INFO] = LOG_INFO,
        [METRICS_WARNING] = LOG_WARNING,
        [METRICS_ERROR] = LOG_ERROR,
    };
    enum log_level level = levels[event->severity];

    if (model == NULL)
        log_line(level, event->kind, "%s", event->message);
    else
        log_line(level, event->kind, "model=%s version=%" PRIu32 " %s", model->net->name,
                 model->net->version, event->message);
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
    record_rows_add_event(record, model != NULL ? model->record : NULL, &event);
    (void)pthread_mutex_unlock(&record->mutex);
    if (record->listeners != NULL)
        events_event(record->listeners, &event, model);
    log_event(&event, model);
}

void record_feedback(struct record *record, const struct model *model, uint64_t number,
                     uint64_t labelled, uint64_t correct)
{
    struct record_model *of = model->record;
    struct tally_sum gain = { .labelled = labelled, .correct = correct };

    (void)pthread_mutex_lock(&record->mutex);
    tally_sum_add(&of->totals.tally, &gain);
    record_rows_add_feedback(record, of, number, &gain);
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

/* Sums of fractions depend on their order in the last digit, and that changes when a
 * generation is let go. A counter that falls looks like a restart: what was told once is
 * never told smaller. Under the mutex. */
static void keep_rising(struct record_model *of, struct record_totals *totals,
                        size_t n_layers)
{
    struct tally_sum *tally = &totals->tally;

    of->told_latency_us = fmax(of->told_latency_us, tally->latency_sum_us);
    tally->latency_sum_us = of->told_latency_us;
    for (size_t l = 0; l < n_layers; l++)
        for (unsigned k = 0; k < ENERGY_KINDS; k++) {
            of->told[l].pj[k] = fmax(of->told[l].pj[k], totals->energy[l].pj[k]);
            totals->energy[l].pj[k] = of->told[l].pj[k];
        }
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

        record_writer_add_tally(ret_totals, generation, &tally);
    }
    keep_rising(of, ret_totals, model->net->n_layers);
    (void)pthread_mutex_unlock(&record->mutex);
    for (size_t l = 0; l < model->net->n_layers; l++)
        energy_add(&ret_totals->total_energy, &ret_totals->energy[l]);
}

struct record_health record_health(struct record *record)
{
    (void)pthread_mutex_lock(&record->mutex);
    struct record_health health = record->health;
    (void)pthread_mutex_unlock(&record->mutex);
    health.rows_dropped += record_requests_dropped(&record->requests);
    return health;
}

const char *record_path(const struct record *record)
{
    return record->path;
}
