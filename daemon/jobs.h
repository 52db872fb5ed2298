/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h - experiments that wait, run and have ended, and the thread that runs them, one
 * after the other, at low priority.
 *
 *   jobs_submit    reader thread   a row of the database, then it waits
 *   jobs_run       jobs thread     trials, each a row; progress is told
 *   jobs_end       reader thread   cancels it, or forgets it
 *
 * What is kept of each job is in memory, what came of it in the database. Jobs are made
 * and freed on the reader thread alone; their states are under one mutex.
 */
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

#include "api/job_json.h"
#include "daemon/daemon.h"

/* Jobs that are kept, the oldest that have ended go first; and those that may wait. */
#define JOBS_KEPT    1000
#define JOBS_WAITING 16

struct jobs;

/* Reads what is kept, and starts the thread. Threads inherit the caller's signal mask. */
MUST_CHECK enum status jobs_new(struct daemon *daemon, struct jobs **ret_jobs);
/* Interrupts what runs and waits, ends the thread. NULL is fine. */
void jobs_stop(struct jobs *jobs);
/* When no thread asks any more. */
void jobs_free(struct jobs *jobs);

/* Takes `request` (empty afterwards) and keeps a reference to the model; `device` is
 * copied. Writes the job into `body`. ST_BUSY: as many wait as may; ST_IO: the database
 * cannot be written, with the reason; ST_NOMEM. On the reader thread. */
MUST_CHECK enum status jobs_submit(struct jobs *jobs, struct job_request *request,
                                   struct model *model, const struct device *device,
                                   size_t n_pictures, int64_t *ret_id, struct buf *body,
                                   char why[ERR_LEN]);
/* What ended a job. */
enum jobs_end {
    JOBS_UNKNOWN,   /* there is none */
    JOBS_CANCELLED, /* it waited */
    JOBS_STOPPING,  /* it runs, and ends soon */
    JOBS_FORGOTTEN, /* it had ended */
    JOBS_NOT_NOW,   /* the database cannot be written */
};
/* Writes the job into `body`, unless it is forgotten. On the reader thread. */
enum jobs_end jobs_end(struct jobs *jobs, int64_t id, struct buf *body,
                       char why[ERR_LEN]);

/* The job with its summary; false if there is none. Any thread. */
bool jobs_write(struct jobs *jobs, int64_t id, struct buf *body);
/* The newest `max`. Any thread. */
void jobs_write_list(struct jobs *jobs, size_t max, struct buf *body);
/* A copy, for the reader of its trials; end with job_head_done. ST_NOT_FOUND, ST_NOMEM.
 * Any thread. */
MUST_CHECK enum status jobs_copy(struct jobs *jobs, int64_t id,
                                 struct job_head *ret_head);
/* Jobs that are kept, by state. Any thread. */
void jobs_count(struct jobs *jobs, size_t ret_n[JOB_STATES]);

#endif
