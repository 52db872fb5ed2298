/* SPDX-License-Identifier: Apache-2.0 */
/* energy.h - the ledger as text. */
#ifndef CLI_ENERGY_H
#define CLI_ENERGY_H

#include "core/status.h"

#include <jansson.h>
#include <stdio.h>

/* ST_NOMEM. */
MUST_CHECK enum status energy_print(FILE *out, const char *model, const json_t *ledger);

#endif
