/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tls.h"

#include "api/tls_internal.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The server's own certificate and those above it. */
#define CHAIN_MAX 16

struct tls {
    gnutls_datum_t chain, key; /* PEM; ours */
};

static enum status keep(gnutls_datum_t *datum, const char *text, size_t len)
{
    datum->data = malloc(len + 1);
    if (datum->data == NULL)
        return ST_NOMEM;
    memcpy(datum->data, text, len);
    datum->data[len] = '\0';
    datum->size = (unsigned)len;
    return ST_OK;
}

/* Reads both as a handshake will, and whether the key is the certificate's. */
static int try_out(const struct tls *tls)
{
    gnutls_certificate_credentials_t credentials;
    int code = gnutls_certificate_allocate_credentials(&credentials);

    if (code != 0)
        return code;
    code = gnutls_certificate_set_x509_key_mem(credentials, &tls->chain, &tls->key,
                                               GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(credentials);
    if (code < 0)
        return code;

    gnutls_pcert_st *chain;
    gnutls_privkey_t key;
    unsigned n;
    if (tls_copy(tls, &chain, &n, &key) != 0)
        return GNUTLS_E_MEMORY_ERROR;
    for (unsigned i = 0; i < n; i++)
        gnutls_pcert_deinit(&chain[i]);
    gnutls_free(chain);
    gnutls_privkey_deinit(key);
    return 0;
}

enum status tls_new(const char *chain, size_t chain_len, const char *key, size_t key_len,
                    struct tls **ret_tls, char why[ERR_LEN])
{
    struct tls *tls = calloc(1, sizeof(*tls));

    if (tls == NULL || keep(&tls->chain, chain, chain_len) != ST_OK ||
        keep(&tls->key, key, key_len) != ST_OK) {
        tls_free(tls);
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    int code = try_out(tls);
    if (code != 0) {
        tls_free(tls);
        (void)snprintf(why, ERR_LEN, "no certificate in PEM with its key in PEM: %s",
                       gnutls_strerror(code));
        return code == GNUTLS_E_MEMORY_ERROR ? ST_NOMEM : ST_FORMAT;
    }
    *ret_tls = tls;
    return ST_OK;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    if (tls->key.data != NULL)
        gnutls_memset(tls->key.data, 0, tls->key.size);
    free(tls->key.data);
    free(tls->chain.data);
    free(tls);
}

static int copy_key(const struct tls *tls, gnutls_privkey_t *ret_key)
{
    gnutls_privkey_t key;

    if (gnutls_privkey_init(&key) != 0)
        return -1;
    if (gnutls_privkey_import_x509_raw(key, &tls->key, GNUTLS_X509_FMT_PEM, NULL, 0) !=
        0) {
        gnutls_privkey_deinit(key);
        return -1;
    }
    *ret_key = key;
    return 0;
}

int tls_copy(const struct tls *tls, gnutls_pcert_st **ret_chain, unsigned *ret_n,
             gnutls_privkey_t *ret_key)
{
    unsigned n = CHAIN_MAX;
    gnutls_pcert_st *chain = gnutls_calloc(n, sizeof(*chain));

    if (chain == NULL || gnutls_pcert_list_import_x509_raw(chain, &n, &tls->chain,
                                                           GNUTLS_X509_FMT_PEM, 0) != 0) {
        gnutls_free(chain);
        return -1;
    }
    if (copy_key(tls, ret_key) != 0) {
        for (unsigned i = 0; i < n; i++)
            gnutls_pcert_deinit(&chain[i]);
        gnutls_free(chain);
        return -1;
    }
    *ret_chain = chain;
    *ret_n = n;
    return 0;
}
