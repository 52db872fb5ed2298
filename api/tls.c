/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tls.h"

#include "api/tls_internal.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The server's own certificate and those above it. */
#define CHAIN_MAX  16
#define KEY_ID_LEN 32 /* SHA-256 */

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

static void free_chain(gnutls_pcert_st *chain, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        gnutls_pcert_deinit(&chain[i]);
    gnutls_free(chain);
}

static bool key_id(gnutls_pubkey_t key, unsigned char ret_id[KEY_ID_LEN])
{
    size_t len = KEY_ID_LEN;

    return gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, ret_id, &len) == 0;
}

/* Is the key that of the certificate? */
static bool belongs(const gnutls_pcert_st *certificate, gnutls_privkey_t key)
{
    unsigned char ids[2][KEY_ID_LEN];
    gnutls_pubkey_t own;

    if (gnutls_pubkey_init(&own) != 0)
        return false;
    bool same = gnutls_pubkey_import_privkey(own, key, 0, 0) == 0 &&
                key_id(own, ids[0]) && key_id(certificate->pubkey, ids[1]) &&
                memcmp(ids[0], ids[1], KEY_ID_LEN) == 0;
    gnutls_pubkey_deinit(own);
    return same;
}

/* Reads both as a handshake will. (The library's own way to take a pair leaks what it
 * read of a broken chain.) */
static bool try_out(const struct tls *tls)
{
    gnutls_pcert_st *chain;
    gnutls_privkey_t key;
    unsigned n;

    if (tls_copy(tls, &chain, &n, &key) != 0)
        return false;
    bool sound = belongs(&chain[0], key);
    free_chain(chain, n);
    gnutls_privkey_deinit(key);
    return sound;
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
    if (!try_out(tls)) {
        tls_free(tls);
        (void)snprintf(why, ERR_LEN,
                       "expected a certificate in PEM and its own key in PEM");
        return ST_FORMAT;
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
        free_chain(chain, n);
        return -1;
    }
    *ret_chain = chain;
    *ret_n = n;
    return 0;
}
