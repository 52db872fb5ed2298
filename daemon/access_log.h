/* SPDX-License-Identifier: Apache-2.0 */
/* access_log.h - a line for a request that has ended: each that failed, and of the others
 * one in access_log_sample; none at all if that is 0. */
#ifndef DAEMON_ACCESS_LOG_H
#define DAEMON_ACCESS_LOG_H

#include "daemon/daemon.h"

/* On the data thread, when the request has ended. */
void access_log(const struct daemon *daemon, const struct http_done *done);

#endif
