/* SPDX-License-Identifier: Apache-2.0 */
/* experiment.c - evaluate and sweep; the search is in search.c. */
#include "daemon/experiment_internal.h"

#include "api/point_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seeds_of(const struct job_request *request)
{
    return request->n_seeds > 0 ? request->n_seeds : 1;
}

uint64_t experiment_steps(const struct job_request *request, size_t n_pictures)
{
    uint64_t each = 1 + (uint64_t)n_pictures, seeds = seeds_of(request);

    if (request->kind == JOB_MINIMISE)
        return n_pictures + seeds + request->n_points * SEARCH_TRIES * seeds * each;
    return request->n_points > 0 ? request->n_points * seeds * each : each;
}

/* -- Conditions -- */

/* What a point comes to over the defaults; `seed`: in place of its own, or NULL. */
static enum status read_point(const char *text, const struct network *net,
                              const struct device *device, const uint64_t *seed,
                              struct operating_points *ret_points,
                              struct problem *ret_problem)
{
    *ret_points = operating_points_default(net->n_layers);
    enum status st = point_json_patch(text, strlen(text), net, NULL, device,
                                      POINT_JSON_BASE, ret_points, ret_problem);
    if (st == ST_OK && seed != NULL)
        ret_points->base.seed = *seed;
    return st;
}

/* Says which point it is. */
static enum status check_point(const char *text, const char *what,
                               const struct network *net, const struct device *device,
                               struct problem *ret_problem)
{
    struct operating_points points;
    enum status st = read_point(text, net, device, NULL, &points, ret_problem);
    char detail[ERR_LEN];

    if (st == ST_OK)
        return ST_OK;
    (void)snprintf(detail, sizeof(detail), "%s: %.200s", what, ret_problem->detail);
    memcpy(ret_problem->detail, detail, sizeof(detail));
    return st;
}

/* A rate that any device may be asked for, to see whether the rest allows one. */
static enum status check_candidate(const char *text, const char *what,
                                   const struct network *net, const struct device *device,
                                   struct problem *ret_problem)
{
    char *aimed = job_json_with_target(text, SEARCH_STRONGEST);
    enum status st = ST_NOMEM;

    if (aimed == NULL)
        problem_out_of_memory(ret_problem);
    else
        st = check_point(aimed, what, net, device, ret_problem);
    free(aimed);
    return st;
}

enum status experiment_check(const struct job_request *request, const struct network *net,
                             const struct device *device, struct problem *ret_problem)
{
    enum status st = ST_OK;
    char what[40];

    if (request->kind == JOB_MINIMISE)
        st = check_point(request->reference, "reference", net, device, ret_problem);
    for (size_t i = 0; i < request->n_points && st == ST_OK; i++) {
        (void)snprintf(what, sizeof(what), "operating point %zu", i);
        st = request->kind == JOB_MINIMISE
                 ? check_candidate(request->points[i], what, net, device, ret_problem)
                 : check_point(request->points[i], what, net, device, ret_problem);
    }
    return st;
}

/* -- Trials -- */

static enum status mark(struct experiment *e, const struct infer_weights *weights,
                        struct job_trial *trial, char why[ERR_LEN])
{
    struct exam_marks marks = { 0 };
    enum status st = ST_OK;

    if (e->exam != NULL)
        st = exam_run(e->exam, weights, e->go_on, e->ctx, &marks, why);
    trial->images = marks.images;
    trial->correct = marks.correct;
    trial->correct_top = marks.correct_top;
    return st;
}

enum status experiment_write(struct experiment *e, const char *point, size_t seed,
                             struct job_trial *ret_trial,
                             struct infer_weights **ret_weights, char why[ERR_LEN])
{
    const struct job_request *request = e->request;
    struct operating_points points;
    struct problem problem;
    enum status st = read_point(point, e->model->net, e->device,
                                request->n_seeds > 0 ? &request->seeds[seed] : NULL,
                                &points, &problem);

    if (st != ST_OK) {
        (void)snprintf(why, ERR_LEN, "%s", problem.detail);
        return st;
    }
    return trial_write(e->model->net, e->kernel, &points, e->device, ret_trial,
                       ret_weights, why);
}

enum status experiment_trial(struct experiment *e, char *point, uint64_t number,
                             size_t seed, struct job_trial *ret_trial, char why[ERR_LEN])
{
    struct job_trial trial = { .point = number, .operating_point = point };
    struct infer_weights *weights = NULL;
    enum status st = experiment_write(e, point, seed, &trial, &weights, why);

    if (st != ST_OK)
        return st;
    if (!e->go_on(e->ctx, 1))
        st = ST_BUSY;
    if (st == ST_OK)
        st = mark(e, weights, &trial, why);
    infer_weights_free(weights);
    if (st == ST_OK)
        st = e->keep(e->ctx, &trial, why);
    trial.operating_point = NULL; /* borrowed */
    *ret_trial = trial;
    return st;
}

/* The weights that serve now, which stay as they are while we hold them. */
static enum status evaluate_serving(struct experiment *e, char why[ERR_LEN])
{
    struct generation *generation = generation_take(e->model);
    const struct cells_outcome outcome = { generation->forecasts, generation->results,
                                           generation->states };
    struct job_trial trial = { .generation = generation->number };

    trial_describe(e->model->net, generation->conditions, &outcome, &trial);
    enum status st = e->go_on(e->ctx, 1) ? ST_OK : ST_BUSY;
    if (st == ST_OK)
        st = mark(e, generation->weights, &trial, why);
    generation_drop(generation);
    return st == ST_OK ? e->keep(e->ctx, &trial, why) : st;
}

static enum status sweep(struct experiment *e, char why[ERR_LEN])
{
    const struct job_request *request = e->request;
    enum status st = ST_OK;

    for (size_t p = 0; p < request->n_points; p++)
        for (size_t s = 0; s < seeds_of(request) && st == ST_OK; s++) {
            char reason[ERR_LEN];
            struct job_trial trial;

            st = experiment_trial(e, request->points[p], p, s, &trial, reason);
            if (st != ST_OK)
                (void)snprintf(why, ERR_LEN, "operating point %zu: %.220s", p, reason);
        }
    return st;
}

enum status experiment_run(struct experiment *e, struct buf *ret_summary,
                           char why[ERR_LEN])
{
    if (e->request->kind == JOB_MINIMISE)
        return search_run(e, ret_summary, why);
    if (e->request->n_points == 0)
        return evaluate_serving(e, why);
    return sweep(e, why);
}
