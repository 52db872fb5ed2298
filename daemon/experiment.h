/* SPDX-License-Identifier: Apache-2.0 */
/* experiment.h - what a job does: trials, one after the other. One thread; touches
 * nothing that serves. */
#ifndef DAEMON_EXPERIMENT_H
#define DAEMON_EXPERIMENT_H

#include "api/job_json.h"
#include "daemon/exam.h"
#include "daemon/model.h"

struct experiment {
    const struct job_request *request; /* borrowed, as is all below */
    struct model *model;
    const struct device *device;
    const struct kernel *kernel;
    struct exam *exam; /* NULL: without pictures */
    void *ctx;
    /* So many steps further; false: stop. */
    exam_go_on *go_on;
    /* Keeps a trial that was made. */
    enum status (*keep)(void *ctx, const struct job_trial *trial, char why[ERR_LEN]);
};

/* Steps at most: programmings, and pictures for each; `n_pictures` of the exam. */
uint64_t experiment_steps(const struct job_request *request, size_t n_pictures);
/* Are these conditions possible? The problem says which are not. ST_NOMEM with a 503. */
MUST_CHECK enum status experiment_check(const struct job_request *request,
                                        const struct network *net,
                                        const struct device *device,
                                        struct problem *ret_problem);
/* ret_summary: JSON, the caller's; "" where the trials say all. ST_BUSY: told to stop;
 * anything else with the reason. */
MUST_CHECK enum status experiment_run(struct experiment *experiment,
                                      struct buf *ret_summary, char why[ERR_LEN]);

#endif
