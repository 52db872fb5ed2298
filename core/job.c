/* SPDX-License-Identifier: Apache-2.0 */
#include "core/job.h"

#include <stdlib.h>
#include <string.h>

static const char *const kinds[JOB_KINDS] = {
    [JOB_EVALUATE] = "evaluate",
    [JOB_SWEEP] = "sweep",
    [JOB_MINIMISE] = "minimise-energy",
};
static const char *const states[JOB_STATES] = {
    [JOB_QUEUED] = "queued",       [JOB_RUNNING] = "running",
    [JOB_DONE] = "done",           [JOB_FAILED] = "failed",
    [JOB_CANCELLED] = "cancelled", [JOB_INTERRUPTED] = "interrupted",
};

const char *job_kind_name(enum job_kind kind)
{
    return kinds[kind];
}

const char *job_state_name(enum job_state state)
{
    return states[state];
}

bool job_kind_from_name(const char *name, enum job_kind *ret_kind)
{
    for (int k = 0; k < JOB_KINDS; k++)
        if (strcmp(name, kinds[k]) == 0) {
            *ret_kind = (enum job_kind)k;
            return true;
        }
    return false;
}

bool job_state_from_name(const char *name, enum job_state *ret_state)
{
    for (int s = 0; s < JOB_STATES; s++)
        if (strcmp(name, states[s]) == 0) {
            *ret_state = (enum job_state)s;
            return true;
        }
    return false;
}

bool job_has_ended(enum job_state state)
{
    return state != JOB_QUEUED && state != JOB_RUNNING;
}

void job_head_done(struct job_head *head)
{
    free(head->summary);
    free(head->request);
    head->summary = head->request = NULL;
}

void job_trials_done(struct job_trials *trials)
{
    for (size_t i = 0; i < trials->n; i++)
        free(trials->trials[i].operating_point);
    free(trials->trials);
    *trials = (struct job_trials) { .n = 0 };
}
