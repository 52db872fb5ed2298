/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - POST /api/v1/device/write-error: the junction as a calculator.
 *
 *   device_handle   data thread   parse; a few points are computed at once
 *   device_work     worker        many points, and array means
 */
#include "api/point_json.h"
#include "daemon/daemon.h"

#include <stdlib.h>

/* Single devices that are computed on the data thread: about 10 us each. */
#define INLINE_POINTS 16

struct device_job {
    struct daemon *daemon;
    struct http_call *call;
    struct device_points points;
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

/* Answers and lets go of the points. */
static void answer(const struct daemon *daemon, struct http_call *call,
                   struct device_points *points)
{
    struct device_result *results = malloc((points->n + 1) * sizeof(*results));

    if (results == NULL) {
        struct problem problem;

        problem_set(&problem, 503, "out_of_memory", "there is not enough memory now");
        http_reply_problem(call, &problem);
    } else {
        struct buf body = BUF_INIT;

        for (size_t i = 0; i < points->n; i++)
            results[i] = points->array_mean
                             ? compute_mean(&daemon->device, &points->points[i])
                             : compute_nominal(&daemon->device, &points->points[i]);
        device_json_write(&body, results, points->n);
        http_reply(call, 200, "application/json", &body);
    }
    free(results);
    device_points_done(points);
}

static void device_work(void *arg, unsigned worker)
{
    struct device_job *job = arg;

    (void)worker;
    answer(job->daemon, job->call, &job->points);
    free(job);
}

void device_handle(void *ctx, struct http_call *call)
{
    struct daemon *daemon = ctx;
    struct device_points points;
    struct problem problem;
    size_t len;
    const uint8_t *json = http_call_body(call, &len);

    if (device_json_parse((const char *)json, len, &points, &problem) != ST_OK) {
        device_points_done(&points);
        http_reply_problem(call, &problem);
        return;
    }
    if (!points.array_mean && points.n <= INLINE_POINTS) {
        answer(daemon, call, &points);
        return;
    }
    struct device_job *job = malloc(sizeof(*job));
    if (job == NULL) {
        device_points_done(&points);
        problem_set(&problem, 503, "out_of_memory", "there is not enough memory now");
        http_reply_problem(call, &problem);
        return;
    }
    *job = (struct device_job) { daemon, call, points };
    http_defer(call);
    if (pool_submit(daemon->workers, device_work, job) == ST_OK)
        return;
    device_points_done(&job->points);
    free(job);
    daemon_reply_busy(daemon, call, "device calculation");
}
