/* SPDX-License-Identifier: Apache-2.0 */
/* credential.h - files that hold secrets, and those that go with them. */
#ifndef DAEMON_CREDENTIAL_H
#define DAEMON_CREDENTIAL_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads a whole file into memory that the caller frees, with a zero behind. A secret must
 * not be open to others. ST_PERMISSION: we may not read it; ST_RANGE: others may;
 * ST_IO, ST_NOMEM; `why` begins with the setting's name. */
MUST_CHECK enum status credential_read(const char *setting, const char *path, bool secret,
                                       char **ret_text, size_t *ret_len,
                                       char why[ERR_LEN]);

#endif
