/* SPDX-License-Identifier: Apache-2.0 */
/* tls.h - a certificate with its chain, and its key: what a handshake shows. Immutable.
 */
#ifndef API_TLS_H
#define API_TLS_H

#include "core/status.h"

#include <stddef.h>

struct tls;

/* Both are PEM, the server's own certificate first. ST_FORMAT with `why`: one of them is
 * not, or they do not belong together; ST_NOMEM. */
MUST_CHECK enum status tls_new(const char *chain, size_t chain_len, const char *key,
                               size_t key_len, struct tls **ret_tls, char why[ERR_LEN]);
void tls_free(struct tls *tls);

#endif
