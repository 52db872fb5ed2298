/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - which networks are served: the built-in ones and those of the model
 * folder. */
#ifndef DAEMON_REGISTRY_H
#define DAEMON_REGISTRY_H

#include "daemon/daemon.h"

/* Fills daemon->models. A model of the folder takes the place of a built-in one of the
 * same name. A file that cannot be read is an error: a model that silently is not there
 * is worse; so are two files of one model name. `why` begins with the file. */
MUST_CHECK enum status registry_load(struct daemon *daemon, char why[ERR_LEN]);
void registry_free(struct daemon *daemon);

#endif
