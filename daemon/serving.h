/* SPDX-License-Identifier: Apache-2.0 */
/* serving.h - models come into service, and others of their name go: what uploads and
 * loads share.
 *
 *   serving_has_room   may they be served?
 *   serving_begin      the array of one; nobody sees it yet
 *   serving_publish    they are served; what goes ends with its last request
 *   serving_abandon    or it is not
 *
 * The programming thread's alone.
 */
#ifndef DAEMON_SERVING_H
#define DAEMON_SERVING_H

#include "daemon/daemon.h"

/* May these n models be the versions of the name? False with a 409: there would be too
 * many models or cells. */
bool serving_has_room(const struct daemon *daemon, const char *name,
                      struct model *const *models, size_t n, struct problem *ret_problem);
/* Brings the array back that lies there, or programs a new one. On failure the caller
 * still has its reference. */
MUST_CHECK enum status serving_begin(struct daemon *daemon, struct model *model,
                                     struct problem *ret_problem);
/* These n, the highest first, are the versions of the name from now on; the files of
 * versions that are none of them go. The caller keeps its references. ST_RANGE with a
 * 409: there is no room; then abandon those that have begun. */
MUST_CHECK enum status serving_publish(struct daemon *daemon, const char *name,
                                       struct model *const *models, size_t n,
                                       struct problem *ret_problem);
/* Of one that has begun; its files stay. */
void serving_abandon(struct daemon *daemon, struct model *model);
/* Takes the reference of the registry, which has it no more; files stay. */
void serving_end(struct daemon *daemon, struct model *model);

#endif
