/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_internal.h - the parts of a batch that have files of their own. Inside the
 * transaction of metrics_write. */
#ifndef STORAGE_METRICS_INTERNAL_H
#define STORAGE_METRICS_INTERNAL_H

#include "storage/metrics.h"

/* The generation and its layers. */
MUST_CHECK enum status metrics_put_programming(struct db *db,
                                               const struct metrics_programming *p);
/* Adds a gain to the ledger. */
MUST_CHECK enum status metrics_put_energy(struct db *db, const struct metrics_energy *e);

#endif
