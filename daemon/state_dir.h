/* SPDX-License-Identifier: Apache-2.0 */
/* state_dir.h - the folder of the arrays and the database, and the lock on it. */
#ifndef DAEMON_STATE_DIR_H
#define DAEMON_STATE_DIR_H

#include "core/status.h"

/* Makes the folder and locks it for this process. The lock ends with the process. An exit
 * code with `why`; EX_OK with a descriptor that the caller closes. */
MUST_CHECK int state_dir_take(const char *dir, int *ret_lock, char why[ERR_LEN]);
/* Judges whether it could be made and locked, and makes nothing. One that is in use is
 * fine. */
MUST_CHECK int state_dir_check(const char *dir, char why[ERR_LEN]);

#endif
