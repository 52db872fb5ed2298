/* SPDX-License-Identifier: Apache-2.0 */
/* What a handshake is given; handshakes themselves are in tests/system/test_tls.py. */
#include "api/tls.h"

#include "api/tls_internal.h"
#include "tests/lib/fault.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Texts in PEM. */
struct pair {
    gnutls_datum_t chain, key;
};

static struct pair one, other;
static char why[ERR_LEN];

/* A key and its own certificate. */
static void make(struct pair *pair)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    const unsigned char serial = 1;

    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(
        gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
        0);
    assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
    assert_int_equal(gnutls_x509_crt_set_version(certificate, 3), 0);
    assert_int_equal(gnutls_x509_crt_set_serial(certificate, &serial, 1), 0);
    assert_int_equal(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 60),
                     0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 60),
                     0);
    assert_int_equal(gnutls_x509_crt_set_key(certificate, key), 0);
    assert_int_equal(
        gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(
        gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pair->chain), 0);
    assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pair->key),
                     0);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

static int set_up(void **state)
{
    (void)state;
    make(&one);
    make(&other);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gnutls_free(one.chain.data);
    gnutls_free(one.key.data);
    gnutls_free(other.chain.data);
    gnutls_free(other.key.data);
    return 0;
}

static enum status new_of(const gnutls_datum_t *chain, const gnutls_datum_t *key,
                          struct tls **ret_tls)
{
    return tls_new((const char *)chain->data, chain->size, (const char *)key->data,
                   key->size, ret_tls, why);
}

static void copy_and_free(const struct tls *tls, unsigned n_expected)
{
    gnutls_pcert_st *chain;
    gnutls_privkey_t key;
    unsigned n;

    assert_int_equal(tls_copy(tls, &chain, &n, &key), 0);
    assert_int_equal(n, n_expected);
    for (unsigned i = 0; i < n; i++)
        gnutls_pcert_deinit(&chain[i]);
    gnutls_free(chain);
    gnutls_privkey_deinit(key);
}

static void each_handshake_gets_a_copy(void **state)
{
    struct tls *tls;

    (void)state;
    assert_int_equal(new_of(&one.chain, &one.key, &tls), ST_OK);
    copy_and_free(tls, 1);
    copy_and_free(tls, 1);
    tls_free(tls);
}

static void a_chain_comes_whole(void **state)
{
    size_t len = one.chain.size + other.chain.size;
    char *both = malloc(len);
    struct tls *tls;

    (void)state;
    assert_non_null(both);
    memcpy(both, one.chain.data, one.chain.size);
    memcpy(both + one.chain.size, other.chain.data, other.chain.size);
    assert_int_equal(
        tls_new(both, len, (const char *)one.key.data, one.key.size, &tls, why), ST_OK);
    free(both);
    copy_and_free(tls, 2);
    tls_free(tls);
}

static void what_does_not_belong_together_is_refused(void **state)
{
    gnutls_datum_t nothing = { (unsigned char *)"", 0 };
    gnutls_datum_t half = { one.chain.data, one.chain.size / 2 };
    struct tls *tls = NULL;

    (void)state;
    assert_int_equal(new_of(&one.chain, &other.key, &tls), ST_FORMAT);
    assert_int_equal(new_of(&one.key, &one.key, &tls), ST_FORMAT);
    assert_int_equal(new_of(&one.chain, &one.chain, &tls), ST_FORMAT);
    assert_int_equal(new_of(&nothing, &one.key, &tls), ST_FORMAT);
    assert_int_equal(new_of(&one.chain, &nothing, &tls), ST_FORMAT);
    assert_int_equal(new_of(&half, &one.key, &tls), ST_FORMAT);
    assert_non_null(strstr(why, "in PEM"));
    assert_null(tls);
}

static void without_memory_there_is_none(void **state)
{
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        struct tls *tls = NULL;

        assert_true(nth < 10);
        fault_at(nth);
        st = new_of(&one.chain, &one.key, &tls);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && tls == NULL));
        tls_free(tls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_handshake_gets_a_copy),
        cmocka_unit_test(a_chain_comes_whole),
        cmocka_unit_test(what_does_not_belong_together_is_refused),
        cmocka_unit_test(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
