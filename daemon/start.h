/* SPDX-License-Identifier: Apache-2.0 */
/* start.h - arrays that come into service: as they were left, or programmed for the first
 * time with the default operating point, as the next generation of their name. */
#ifndef DAEMON_START_H
#define DAEMON_START_H

#include "daemon/daemon.h"

/* The database and the arrays of all models, on the workers, which have nothing to do
 * yet. Before anybody serves. */
MUST_CHECK enum status start_arrays(struct daemon *daemon, char why[ERR_LEN]);
/* The array of a model that nobody but the record knows yet. On the programming thread,
 * and on no other. */
MUST_CHECK enum status start_array(struct daemon *daemon, struct model *model,
                                   char why[ERR_LEN]);

#endif
