/* SPDX-License-Identifier: Apache-2.0 */
#include "api/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The textbook encoder, to check against. */
static size_t encode(const uint8_t *bytes, size_t len, bool url, bool pad, char *ret_text)
{
    const char *alphabet =
        url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        size_t left = len - i;

        bits |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)bytes[i + 2] : 0;
        for (unsigned k = 0; k < 4; k++) {
            if (k <= left)
                ret_text[n++] = alphabet[bits >> (18 - 6 * k) & 63];
            else if (pad)
                ret_text[n++] = '=';
        }
    }
    return n;
}

static void every_length_comes_back(void **state)
{
    (void)state;
    srand(1);
    for (size_t len = 0; len < 100; len++) {
        for (unsigned form = 0; form < 4; form++) {
            uint8_t bytes[100], back[100];
            char text[140], why[ERR_LEN];

            for (size_t i = 0; i < len; i++)
                bytes[i] = (uint8_t)rand();
            size_t n = encode(bytes, len, form & 1, form & 2, text);
            assert_int_equal(base64_decoded_len(text, n), len);
            assert_int_equal(base64_decode(text, n, back, why), ST_OK);
            assert_memory_equal(back, bytes, len);
        }
    }
}

static void expect_refused(const char *text, size_t len, const char *words)
{
    uint8_t bytes[64];
    char why[ERR_LEN] = "";

    assert_int_equal(base64_decode(text, len, bytes, why), ST_FORMAT);
    if (strstr(why, words) == NULL)
        fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, why, words);
}

static void every_foreign_byte_is_refused_in_every_place(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

    (void)state;
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 7; at++) {
            char text[] = "QUJDREVG";
            text[at] = (char)c;
            if (c == 0 || strchr(alphabet, c) == NULL)
                expect_refused(text, 8, "character");
        }
    }
}

static void the_reason_says_what_to_do(void **state)
{
    (void)state;
    expect_refused("QUJD\nREVG", 9, "without line breaks");
    expect_refused("data:image/png;base64,QUJD", 26, "data URL");
    expect_refused("QUJDR", 5, "multiple of four");
    expect_refused("QR==", 4, "bits behind");
    expect_refused("QUL", 3, "bits behind");
    expect_refused("QUJ=REVG", 8, "'=' at character 3");
    expect_refused("Q===", 4, "'=' at character 1");
    expect_refused("QUI==", 5, "'=' at character 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(every_foreign_byte_is_refused_in_every_place),
        cmocka_unit_test(the_reason_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
