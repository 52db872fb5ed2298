/* SPDX-License-Identifier: Apache-2.0 */
/* job_json.h - the JSON of experiments, and their trials as CSV. */
#ifndef API_JOB_JSON_H
#define API_JOB_JSON_H

#include "api/buf.h"
#include "api/problem.h"
#include "core/job.h"

/* Programmings of one job; arrays that it is tried on. */
#define JOB_JSON_MAX_TRIALS 1000
#define JOB_JSON_MAX_SEEDS  100
/* Bytes of an operating point. */
#define JOB_JSON_MAX_POINT 2048
/* Ways to write that are compared by minimise-energy. */
#define JOB_JSON_MAX_CANDIDATES 8

/* What is asked for. Points are merge patches over the default operating point, compact
 * JSON objects; nobody has looked at their members. */
struct job_request {
    enum job_kind kind;
    char model[JOB_NAME_LEN];
    char dataset[JOB_NAME_LEN]; /* "": none; a sweep may do without */
    char split[8];              /* "test", "train" */
    uint64_t limit;             /* only the first so many pictures; 0: all */
    size_t n_points;            /* sweep: 1 ..; evaluate: 0, as the model serves, or 1;
                                   minimise: the candidates, without error rates */
    char **points;              /* ours */
    size_t n_seeds;             /* 0: that of each point */
    uint64_t seeds[JOB_JSON_MAX_SEEDS]; /* 0 .. 2^53 - 1 */
    /* minimise: */
    double tolerance;  /* accuracy that may be lost, 0 < .. < 1 */
    double confidence; /* 0.5 <= .. < 1 */
    char *reference;   /* ours: the write that energies are compared with, a point */
    char *text;        /* ours: the body, compact */
};
/* Members: kind, model, dataset, split, limit, operating_point (of every point), points,
 * axes {MEMBER: [VALUES]} (of which every combination is a point, the first varying
 * slowest), seeds, tolerance, confidence, reference. 400 or 422, or 503, in ret_problem.
 * End with job_request_done, after a failure too. */
MUST_CHECK enum status job_json_parse(const char *json, size_t len,
                                      struct job_request *ret_request,
                                      struct problem *ret_problem);
void job_request_done(struct job_request *request);
/* `point` with the error rate asked for; NULL without memory. The caller frees it. */
char *job_json_with_target(const char *point, double target_write_error_rate);

/* One job; `whole`: with what was asked for and what came of it. */
void job_json_write(struct buf *buf, const struct job_head *head, bool whole);
/* {"id":..,"kind":..,"model":..,"state":..,"done":..,"total":..} */
void job_json_event(struct buf *buf, const struct job_head *head);
/* Trials by point, with means and standard errors over the trials of each. */
void job_json_results(struct buf *buf, const struct job_head *head,
                      const struct job_trials *trials);
/* RFC 4180 with a header, one line a trial. */
void job_json_csv(struct buf *buf, const struct job_head *head,
                  const struct job_trials *trials);

/* What minimise-energy came to. */
struct job_candidate {
    const char *way;       /* borrowed: the point without an error rate */
    bool found;            /* a write that is near enough */
    uint64_t point;        /* of the trials */
    char *operating_point; /* ours */
    double energy_pj, accuracy, accuracy_low;
};
struct job_search {
    uint64_t images, error_free_correct;
    double tolerance, confidence;
    const char *reference; /* borrowed */
    double reference_energy_pj;
    size_t n_candidates;
    struct job_candidate candidates[JOB_JSON_MAX_CANDIDATES];
};
void job_search_done(struct job_search *search);
void job_json_search(struct buf *buf, const struct job_search *search);

#endif
