/* SPDX-License-Identifier: Apache-2.0 */
/* evaluation.h - sends a labelled set over a few connections and counts the answers. */
#ifndef CLI_EVALUATION_H
#define CLI_EVALUATION_H

#include "cli/batch.h"
#include "cli/client.h"
#include "cli/tally.h"

#define EVALUATION_MAX_CONNECTIONS 64

struct evaluation {
    /* What to send; all borrowed. */
    struct client *client;
    const char *path; /* of classify */
    const struct dataset *set;
    struct batch_shape shape;
    size_t n;             /* the first n pictures, <= set->n */
    size_t batch;         /* pictures a request at most, 1 .. BATCH_MAX_PICTURES; each
                             picture fits into one */
    size_t top;           /* best classes that `path` asks for */
    size_t n_connections; /* 1 .. EVALUATION_MAX_CONNECTIONS */

    /* What came of it. */
    struct tally tally; /* ours: tally_done() */
    size_t n_retries;   /* requests that were sent again: the daemon was busy */
    double seconds;
    bool interrupted; /* by Ctrl-C */
};

/* Returns EXIT_SUCCESS, CLI_INTERRUPTED, or the exit code of the failure that it
 * reported; the results hold what was counted until then. Catches SIGINT and SIGTERM
 * while it runs, once: the second one ends the process. */
MUST_CHECK int evaluation_run(struct evaluation *evaluation);

#endif
