/* SPDX-License-Identifier: Apache-2.0 */
/* spread.h - the parts of one job, over the threads of a pool that have nothing to do.
 *
 * The caller computes part after part until none is left; threads that were idle take
 * some meanwhile. Nobody waits for a thread that has
 * not begun: where the pool is busy the caller does it all, as if there were no others.
 */
#ifndef DAEMON_SPREAD_H
#define DAEMON_SPREAD_H

#include "daemon/pool.h"

#include <limits.h>

/* Computes one part on this thread. False: it cannot, for want of memory; the caller's
 * always can. */
typedef bool spread_part(void *ctx, size_t part, unsigned worker);

#define SPREAD_OUTSIDE UINT_MAX
/* Runs parts 0 .. n_parts - 1, each once, and returns when all are done. `worker` is the
 * caller's, or SPREAD_OUTSIDE if it is on no thread of the pool. `ctx` is not looked at
 * any more then, not by a thread that comes late either.
 */
void spread_run(struct pool *pool, unsigned worker, size_t n_parts, spread_part *run,
                void *ctx);

#endif
