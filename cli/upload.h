/* SPDX-License-Identifier: Apache-2.0 */
/* upload.h - the answer to `spinbnn put` as text. */
#ifndef CLI_UPLOAD_H
#define CLI_UPLOAD_H

#include <jansson.h>
#include <stdio.h>

#include "core/status.h"

/* What is served now, and the remarks. ST_NOMEM. */
MUST_CHECK enum status upload_print(FILE *out, const char *model, const json_t *answer);

#endif
