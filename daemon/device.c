/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - POST /api/v1/device/write-error: the junction as a calculator.
 *
 *   device_handle   data thread   parse; a few points are computed at once
 *   device_work     worker        a slice of many points or of array means, then to the
 *                                 end of the queue, so that pictures need not wait
 */
#include "api/point_json.h"
#include "daemon/daemon.h"

#include <stdlib.h>

/* Single devices that are computed on the data thread: about 10 us each. */
#define INLINE_POINTS 16
/* What a worker does in one go, some ms: an array mean costs as much as a hundred
 * devices. */
#define SLICE_POINTS 256
#define SLICE_MEANS  4
/* More would hold up an orderly stop. */
#define MAX_MEANS 1000

struct device_job {
    struct turn turn;
    struct device_points points;
    struct device_result *results; /* ours, [points.n] */
    size_t n_done;
};

static struct device_result compute_nominal(const struct mtj_params *params,
                                            const struct device_point *point)
{
    struct mtj mtj;
    double pulse_s = point->pulse_ns * 1e-9;

    mtj_init_unchecked(params, point->temperature_k, &mtj);
    struct mtj_write_error error =
        mtj_write_error(&mtj, point->direction, point->voltage_v, pulse_s);
    struct mtj_write_energy energy =
        mtj_write_energy(&mtj, point->direction, point->voltage_v, pulse_s);
    return (struct device_result) { error.error_rate, error.ln_error_rate,
                                    energy.toggle_j * 1e12 };
}

static struct device_result compute_mean(const struct mtj_params *params,
                                         const struct device_point *point)
{
    struct mtj_mean mean = mtj_array_mean(params, point->direction, point->voltage_v,
                                          point->pulse_ns * 1e-9, point->temperature_k);

    return (struct device_result) { mean.error_rate, mean.ln_error_rate, mean.toggle_pj };
}

static void job_free(void *arg)
{
    struct device_job *job = arg;

    if (job == NULL)
        return;
    device_points_done(&job->points);
    free(job->results);
    free(job);
}

static void compute(struct device_job *job, size_t n)
{
    const struct mtj_params *params = &job->turn.daemon->device.params;
    size_t end = job->points.n - job->n_done < n ? job->points.n : job->n_done + n;

    for (; job->n_done < end; job->n_done++) {
        const struct device_point *point = &job->points.points[job->n_done];

        job->results[job->n_done] = job->points.array_mean
                                        ? compute_mean(params, point)
                                        : compute_nominal(params, point);
    }
}

/* Ends the job. */
static void answer(struct device_job *job)
{
    struct buf body = BUF_INIT;

    device_json_write(&body, job->results, job->points.n);
    http_reply(job->turn.call, 200, "application/json", &body);
    job_free(job);
}

static void device_work(void *arg, unsigned worker)
{
    struct device_job *job = arg;
    struct daemon *daemon = job->turn.daemon;

    do {
        compute(job, job->points.array_mean ? SLICE_MEANS : SLICE_POINTS);
        if (job->n_done == job->points.n) {
            answer(job);
            return;
        }
        /* A queue that is full of others: one more slice, then ask again. */
    } while (pool_submit(daemon->workers, turn_run, job) != ST_OK &&
             turn_may_go_on(&job->turn, daemon->n_threads + worker));
}

/* The job of a parsed request, which takes its points; NULL when out of memory. */
static struct device_job *job_new(struct daemon *daemon, struct http_call *call,
                                  const struct device_points *points)
{
    static const struct turn_kind kind = { .work = device_work, .free = job_free };
    struct device_job *job = calloc(1, sizeof(*job));
    struct device_points taken = *points;

    if (job == NULL) {
        device_points_done(&taken);
        return NULL;
    }
    *job = (struct device_job) { { .kind = &kind, .daemon = daemon, .call = call },
                                 .points = taken };
    /* One too many, so that no points are no failure. */
    job->results = malloc((points->n + 1) * sizeof(*job->results));
    if (job->results == NULL) {
        job_free(job);
        return NULL;
    }
    return job;
}

/* False with a problem where the points are too many or malformed. */
static bool read_points(struct http_call *call, struct device_points *points,
                        struct problem *problem)
{
    size_t len;
    const uint8_t *json = http_call_body(call, &len);

    if (device_json_parse((const char *)json, len, points, problem) != ST_OK)
        return false;
    if (!points->array_mean || points->n <= MAX_MEANS)
        return true;
    problem_set(problem, 422, "invalid_value",
                "/points: %zu array means, at most %d in one request", points->n,
                MAX_MEANS);
    problem_add(problem, "/points", "%zu array means, at most %d in one request",
                points->n, MAX_MEANS);
    return false;
}

void device_handle(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;
    struct device_points points;
    struct problem problem;

    if (!daemon_json_or_415(call, NULL))
        return;
    if (!read_points(call, &points, &problem)) {
        device_points_done(&points);
        http_reply_problem(call, &problem);
        return;
    }
    struct device_job *job = job_new(daemon, call, &points);
    if (job == NULL) {
        problem_out_of_memory(&problem);
        http_reply_problem(call, &problem);
        return;
    }
    if (!points.array_mean && points.n <= INLINE_POINTS) {
        compute(job, points.n);
        answer(job);
        return;
    }
    turn_queue(&job->turn, daemon->workers, "device calculation");
}
