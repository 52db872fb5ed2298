/* SPDX-License-Identifier: Apache-2.0 */
/* tls_internal.h - what http.c shows of a struct tls. Inside api/ only. */
#ifndef API_TLS_INTERNAL_H
#define API_TLS_INTERNAL_H

#include "api/tls.h"

#include <gnutls/abstract.h>

/* Copies for one handshake, which frees them as GNUTLS_CERT_RETR_DEINIT_ALL says; -1:
 * they cannot be made. */
int tls_copy(const struct tls *tls, gnutls_pcert_st **ret_chain, unsigned *ret_n,
             gnutls_privkey_t *ret_key);

#endif
