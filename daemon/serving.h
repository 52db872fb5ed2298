/* SPDX-License-Identifier: Apache-2.0 */
/* serving.h - a network comes into service, in place of what has its name: what uploads
 * and loads share.
 *
 *   serving_begin     its array; nobody sees it yet
 *   serving_publish   it is served, what was served before ends with its last request
 *   serving_abandon   or it is not
 *
 * The programming thread's alone.
 */
#ifndef DAEMON_SERVING_H
#define DAEMON_SERVING_H

#include "daemon/daemon.h"

/* Takes `net`. `served`: what has its name now, or NULL. `beside`: its array is a new
 * one, saved beside that of its name until it is published, so that failing costs
 * nothing; else it is the one that lies there, if that fits. On success *ret_model has a
 * reference of the caller's. ST_RANGE with a 409: too many cells. */
MUST_CHECK enum status serving_begin(struct daemon *daemon, struct network *net,
                                     enum model_origin origin, struct model *served,
                                     bool beside, struct model **ret_model,
                                     struct problem *ret_problem);
/* ST_RANGE with a 409: there is no room; then abandon it. The caller keeps its reference.
 */
MUST_CHECK enum status serving_publish(struct daemon *daemon, struct model *model,
                                       struct problem *ret_problem);
/* Takes the caller's reference. */
void serving_abandon(struct daemon *daemon, struct model *model);
/* Takes the reference of the registry, which has it no more. NULL is fine. */
void serving_end(struct daemon *daemon, struct model *model);

#endif
