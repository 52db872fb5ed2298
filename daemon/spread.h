/* SPDX-License-Identifier: Apache-2.0 */
/* spread.h - the parts of one job, over the threads of a pool that have nothing to do.
 *
 * The caller, itself on a thread of the pool, computes part after part until none is
 * left; threads that were idle take some meanwhile. Nobody waits for a thread that has
 * not begun: where the pool is busy the caller does it all, as if there were no others.
 */
#ifndef DAEMON_SPREAD_H
#define DAEMON_SPREAD_H

#include "daemon/pool.h"

/* Computes one part on a thread of the pool. False: this thread cannot, for want of
 * memory; the caller's always can. */
typedef bool spread_part(void *ctx, size_t part, unsigned worker);

/* Runs parts 0 .. n_parts - 1, each once, and returns when all are done. `worker` is the
 * caller's. `ctx` is not looked at any more then, not by a thread that comes late either.
 */
void spread_run(struct pool *pool, unsigned worker, size_t n_parts, spread_part *run,
                void *ctx);

#endif
