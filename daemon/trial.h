/* SPDX-License-Identifier: Apache-2.0 */
/* trial.h - a network written into an array of its own, the way arrays that serve are
 * written. Nobody else sees it, and it is gone when its weights are known. Any thread. */
#ifndef DAEMON_TRIAL_H
#define DAEMON_TRIAL_H

#include "core/infer.h"
#include "core/job.h"
#include "daemon/cells.h"

/* A new array of `device`, without defects, with seeded contents, is written once under
 * `points`: the same numbers on any machine. ret_trial: all but what pictures tell.
 * ST_RANGE, ST_UNREACHABLE with the layer and the reason; ST_NOMEM. */
MUST_CHECK enum status trial_write(const struct network *net, const struct kernel *kernel,
                                   const struct operating_points *points,
                                   const struct device *device,
                                   struct job_trial *ret_trial,
                                   struct infer_weights **ret_weights, char why[ERR_LEN]);
/* What a programming came to, in a trial's numbers. */
void trial_describe(const struct network *net, const struct conditions *conditions,
                    const struct cells_outcome *outcome, struct job_trial *ret_trial);

#endif
