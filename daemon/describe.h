/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - a model as its answers tell it. */
#ifndef DAEMON_DESCRIBE_H
#define DAEMON_DESCRIBE_H

#include "api/buf.h"
#include "daemon/model.h"

/* One JSON object. */
void describe_write(struct buf *body, struct model *model);

#endif
