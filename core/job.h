/* SPDX-License-Identifier: Apache-2.0 */
/* job.h - an experiment in the background: what was asked for, how far it is, and its
 * trials. The words that storage, api and daemon share. */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum job_kind {
    JOB_EVALUATE = 0, /* accuracy under one set of conditions, or as it serves */
    JOB_SWEEP = 1,    /* many conditions */
    JOB_MINIMISE = 2, /* the cheapest write whose accuracy is near enough */
    JOB_KINDS
};

enum job_state {
    JOB_QUEUED = 0,
    JOB_RUNNING = 1,
    JOB_DONE = 2,
    JOB_FAILED = 3,
    JOB_CANCELLED = 4,
    JOB_INTERRUPTED = 5, /* the daemon ended before it did */
    JOB_STATES
};

/* "evaluate", "sweep", "minimise-energy"; "queued", "running", ... */
const char *job_kind_name(enum job_kind kind);
const char *job_state_name(enum job_state state);
/* False if there is no such name. */
bool job_kind_from_name(const char *name, enum job_kind *ret_kind);
bool job_state_from_name(const char *name, enum job_state *ret_state);
bool job_has_ended(enum job_state state);

#define JOB_NAME_LEN 65 /* of a model, of a data set */

struct job_head {
    int64_t id; /* 1 .. */
    enum job_kind kind;
    enum job_state state;
    char model[JOB_NAME_LEN];
    char *request;                         /* ours: as it was asked for, JSON */
    int64_t created_s, started_s, ended_s; /* UTC; 0: not yet */
    uint64_t done, total;                  /* programmings and pictures */
    char error[ERR_LEN];                   /* "" unless it failed */
    char *summary;                         /* ours: what came of it, JSON; or NULL */
};
void job_head_done(struct job_head *head);

/* One programming of a network, and how well it then answered. */
struct job_trial {
    uint64_t point;        /* which conditions, from 0 */
    char *operating_point; /* ours: a merge patch; NULL: as the model serves */
    uint64_t seed;
    uint64_t generation;     /* that serves; 0: an array of the trial's own */
    double write_error_rate; /* predicted: of a cell that must toggle, mean of both
                                directions; in iid the flip rate */
    uint64_t weights, cells;
    double predicted_wrong_bits;
    uint64_t wrong_bits;
    bool has_energy; /* false where all is iid */
    double predicted_energy_pj, energy_pj;
    uint64_t images;      /* 0: without a data set */
    uint64_t correct;     /* whose label is the best class */
    uint64_t correct_top; /* .. among the best five */
};
struct job_trials {
    size_t n;
    struct job_trial *trials; /* ours, in the order in which they were made */
};
void job_trials_done(struct job_trials *trials);

#endif
