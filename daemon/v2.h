/* SPDX-License-Identifier: Apache-2.0 */
/* v2.h - what the flows of the Open Inference Protocol share. */
#ifndef DAEMON_V2_H
#define DAEMON_V2_H

#include "daemon/daemon.h"

/* The model and, where the path has one, the version that the request names, with a
 * reference of the caller's; answers 404 and gives NULL otherwise. */
struct model *v2_take_or_404(const struct daemon *daemon, struct http_call *call);
/* daemon_json_or_415; octet-stream is JSON too, as clients call it that put bytes into
 * the body themselves. */
bool v2_json_or_415(struct http_call *call);

#endif
