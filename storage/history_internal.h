/* SPDX-License-Identifier: Apache-2.0 */
/* history_internal.h - what history.c shares: the reading connection and its clock. */
#ifndef STORAGE_HISTORY_INTERNAL_H
#define STORAGE_HISTORY_INTERNAL_H

#include "storage/history.h"

#include <sqlite3.h>

struct history {
    sqlite3 *handle;                        /* ours */
    sqlite3_stmt *queries[HISTORY_METRICS]; /* ours, prepared when first used */
    sqlite3_stmt *inferences, *known;       /* likewise */
    unsigned limit_ms;
    int64_t deadline_ms; /* of the query that is running */
};

/* A query begins, and may take limit_ms. */
void history_begin(struct history *history);
/* What its last step came to. */
MUST_CHECK enum status history_end(struct history *history, int rc, char why[ERR_LEN]);

#endif
