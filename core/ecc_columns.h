/* SPDX-License-Identifier: Apache-2.0 */
/* ecc_columns.h - the columns of the codes, for those who encode many words at once.
 *
 * Private to ecc.c, mram_kernel*.c and their tests.
 */
#ifndef CORE_ECC_COLUMNS_H
#define CORE_ECC_COLUMNS_H

#include "core/ecc.h"

#include <stdint.h>

/* The check bits of a word whose only one is data bit i; zeros for ECC_NONE. */
extern const uint16_t ecc_columns[ECC_CODES][64];

#endif
