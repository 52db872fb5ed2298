/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.h - a copy of the database for others to read: one plain file, complete as of
 * one moment, which needs neither the daemon nor write permission.
 */
#ifndef STORAGE_SNAPSHOT_H
#define STORAGE_SNAPSHOT_H

#include "core/status.h"

#include <stdint.h>

/* Copies the database `path` to the file `to` (mode 0640), whose readers see the whole
 * old copy or the whole new one. The writer goes on meanwhile. ST_NOT_FOUND, ST_NOMEM,
 * ST_IO with `why`; then `to` is as it was. One thread at a time for each `to`. */
MUST_CHECK enum status snapshot_write(const char *path, const char *to,
                                      uint64_t *ret_bytes, char why[ERR_LEN]);

#endif
