/* SPDX-License-Identifier: Apache-2.0 */
/* record_rows.c - rows on their way to the database, kept while it cannot be written.
 *
 * Each kind has a bound. Programmings and events beyond it are dropped and counted; what
 * was answered never is: windows and late labels beyond it go into the last row of their
 * model. While a transaction runs, others append, and its rows are not touched: only the
 * writer thread adds to windows that exist, and only it forgets.
 */
#include "daemon/record_internal.h"

#include "daemon/wall.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Windows and late labels -- */

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

void record_rows_add_window(struct record *record, const struct record_model *model,
                            const struct generation *generation,
                            const struct tally_sum *gain)
{
    if (gain->requests != 0 || gain->labelled != 0 || gain->errors != 0)
        add_window(record, model, generation->number, gain, generation->total.cells,
                   &generation->total_per_image);
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

void record_rows_add_feedback(struct record *record, const struct record_model *model,
                              uint64_t generation, const struct tally_sum *gain)
{
    tally_sum_add(&feedback_row(record, model, generation)->gain, gain);
}

void record_rows_collect_feedback(struct record *record)
{
    const struct energy none = { .pj = { 0.0 } };

    for (size_t i = 0; i < record->n_feedback; i++)
        add_window(record, record->feedback[i].model, record->feedback[i].generation,
                   &record->feedback[i].gain, 0, &none);
    record->n_feedback = 0;
}

/* -- Programmings -- */

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
    if (record_writes(generation->cause)) {
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

void record_rows_add_programming(struct record *record, const struct record_model *model,
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

bool record_rows_has_programming(const struct record *record,
                                 const struct record_model *model,
                                 const struct generation *generation)
{
    for (size_t i = 0; i < record->n_programmings; i++)
        if (record->programmings[i]->model == model &&
            record->programmings[i]->row.generation == generation->number)
            return true;
    return false;
}

/* -- Events -- */

void record_rows_add_event(struct record *record, const struct record_model *model,
                           const struct metrics_event *event)
{
    if (record->n_events == MAX_PENDING) {
        record->health.rows_dropped++;
        return;
    }
    record->event_of[record->n_events] = model;
    record->events[record->n_events++] = *event;
}

/* -- What was written -- */

bool record_rows_wait(const struct record *record, const struct record_model *model)
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
    return false;
}

static void move_down(void *rows, size_t size, size_t n_left, size_t n_gone)
{
    memmove(rows, (char *)rows + n_gone * size, n_left * size);
}

void record_rows_forget(struct record *record, size_t n_programmings, size_t n_windows,
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
