/* SPDX-License-Identifier: Apache-2.0 */
/* experiment_internal.h - what experiment.c and search.c share. */
#ifndef DAEMON_EXPERIMENT_INTERNAL_H
#define DAEMON_EXPERIMENT_INTERNAL_H

#include "daemon/experiment.h"
#include "daemon/trial.h"

/* Between these error rates a write is looked for, halving the logarithm so often: to 8 %
 * of the rate. */
#define SEARCH_STRONGEST 1e-9
#define SEARCH_WEAKEST   0.3
#define SEARCH_TRIES     8

/* Writes a point with the nth seed. The caller frees the weights. */
MUST_CHECK enum status experiment_write(struct experiment *e, const char *point,
                                        size_t seed, struct job_trial *ret_trial,
                                        struct infer_weights **ret_weights,
                                        char why[ERR_LEN]);
/* The same, asked about the pictures and kept as a trial of point `number`. */
MUST_CHECK enum status experiment_trial(struct experiment *e, char *point,
                                        uint64_t number, size_t seed,
                                        struct job_trial *ret_trial, char why[ERR_LEN]);
/* The cheapest write whose accuracy is near enough. */
MUST_CHECK enum status search_run(struct experiment *e, struct buf *ret_summary,
                                  char why[ERR_LEN]);

#endif
