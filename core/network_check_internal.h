/* SPDX-License-Identifier: Apache-2.0 */
/* network_check_internal.h - what the parts of network_check share. Inside core/ only. */
#ifndef CORE_NETWORK_CHECK_INTERNAL_H
#define CORE_NETWORK_CHECK_INTERNAL_H

#include "core/network.h"

/* Says why. Always ST_FORMAT. */
PRINTF_LIKE(2, 3)
enum status network_refuse(char why[ERR_LEN], const char *format, ...);
/* After texts, input and layers: all of them are sound by themselves. */
MUST_CHECK enum status network_check_stages(const struct network *net, char why[ERR_LEN]);

#endif
