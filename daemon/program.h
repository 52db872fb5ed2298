/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - the parts of program.c that a change of the device shares. On the
 * programming thread. */
#ifndef DAEMON_PROGRAM_H
#define DAEMON_PROGRAM_H

#include "daemon/daemon.h"

/* Resolves `points` for `device` into next->conditions. False after answering; `at` is
 * where in the body the operating point stands: "" or a pointer. */
bool program_resolve(struct daemon *daemon, const struct model *model,
                     const struct operating_points *points, const struct device *device,
                     const char *at, struct generation *next, struct http_call *call);
/* Fits the array to next's conditions, writes it and publishes `next`. On failure the
 * array is lost and the generation before serves on. */
MUST_CHECK enum status program_cells(struct daemon *daemon, struct model *model,
                                     struct generation *next);
/* Brings a model's array back from its image, or programs a new one with the default
 * operating point as the next generation of its name, and publishes it. At start, before
 * anybody serves; of a model that nobody knows yet on the programming thread. */
MUST_CHECK enum status program_start(struct daemon *daemon, struct model *model,
                                     char why[ERR_LEN]);
/* Answers as GET operating-point. */
void program_reply(struct http_call *call, const struct generation *generation);

#endif
