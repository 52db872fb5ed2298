/* SPDX-License-Identifier: Apache-2.0 */
/* job_results.h - experiments and what came of them, in the tables job and job_result.
 *
 * Each call is a transaction of its own. One thread at a time. ST_IO and ST_NOMEM:
 * db_message says why, and nothing changed. */
#ifndef STORAGE_JOB_RESULTS_H
#define STORAGE_JOB_RESULTS_H

#include "core/job.h"
#include "storage/db.h"

/* A new job; *ret_id was never another's, and is above the head's id: that of the last
 * job that is known, be it of a file that was lost, or 0. */
MUST_CHECK enum status job_results_begin(struct db *db, const struct job_head *head,
                                         int64_t *ret_id);
/* State, times, progress, error and summary of a job that is there. */
MUST_CHECK enum status job_results_update(struct db *db, const struct job_head *head);
/* The nth trial of a job, from 0. */
MUST_CHECK enum status job_results_add(struct db *db, int64_t id, size_t nth,
                                       const struct job_trial *trial);
/* With all its trials; fine if it is not there. */
MUST_CHECK enum status job_results_remove(struct db *db, int64_t id);
/* What waited or ran when the last process ended will not go on. */
MUST_CHECK enum status job_results_interrupt(struct db *db, int64_t now_s);
/* The newest `max` jobs, oldest first; free each and the list. */
MUST_CHECK enum status job_results_list(struct db *db, size_t max,
                                        struct job_head **ret_heads, size_t *ret_n);
/* End with job_trials_done. */
MUST_CHECK enum status job_results_read(struct db *db, int64_t id,
                                        struct job_trials *ret_trials);

#endif
