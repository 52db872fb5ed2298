/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - the parts of program.c that a change of the device shares. On the
 * programming thread. */
#ifndef DAEMON_PROGRAM_H
#define DAEMON_PROGRAM_H

#include "daemon/daemon.h"

/* What `points` come to on `device`, as conditions_new; a reference. The last ones are
 * remembered: models often share theirs, or those of different shapes what their layers
 * ask for; at the first start all of them. One thread at a time. */
MUST_CHECK enum status
program_conditions(struct daemon *daemon, const struct operating_points *points,
                   const struct device *device, struct conditions **ret_conditions,
                   size_t *ret_layer, const char **ret_field, char why[ERR_LEN]);
/* Resolves `points` for `device` into next->conditions. False after answering; `at` is
 * where in the body the operating point stands: "" or a pointer. */
bool program_resolve(struct daemon *daemon, const struct model *model,
                     const struct operating_points *points, const struct device *device,
                     const char *at, struct generation *next, struct http_call *call);
/* Fits the array to next's conditions, writes it and publishes `next`. On failure the
 * array is lost and the generation before serves on. */
MUST_CHECK enum status program_cells(struct daemon *daemon, struct model *model,
                                     struct generation *next);
/* Answers as GET operating-point. */
void program_reply(struct http_call *call, const struct generation *generation);

#endif
