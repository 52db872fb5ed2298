/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/gzip.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define LIMIT ((size_t)1 << 20)

/* Packs `len` bytes as one gzip member; free() it. */
static uint8_t *pack(const uint8_t *bytes, size_t len, size_t *ret_len)
{
    z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)len };

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    size_t size = deflateBound(&z, len);
    uint8_t *packed = malloc(size);
    assert_non_null(packed);
    z.next_out = packed;
    z.avail_out = (uInt)size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *ret_len = size - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return packed;
}

/* Bytes that repeat a little. */
static uint8_t *some_bytes(size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    uint32_t x = 1;

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525U + 1013904223U;
        bytes[i] = (uint8_t)(x >> 28);
    }
    return bytes;
}

static void packed_bytes_come_back_the_same(void **state)
{
    (void)state;
    static const size_t lengths[] = { 0, 1, 63, 1000, 100000, LIMIT };
    char why[ERR_LEN];

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint8_t *bytes = some_bytes(lengths[i]), *out;
        size_t packed_len, out_len;
        uint8_t *packed = pack(bytes, lengths[i], &packed_len);

        assert_true(gzip_is(packed, packed_len));
        assert_int_equal(gzip_unpack(packed, packed_len, LIMIT, &out, &out_len, why),
                         ST_OK);
        assert_int_equal(out_len, lengths[i]);
        assert_memory_equal(out, bytes, lengths[i]);
        free(out);
        free(packed);
        free(bytes);
    }
}

static void members_follow_each_other(void **state)
{
    (void)state;
    uint8_t *bytes = some_bytes(300), *out;
    size_t len, out_len;
    uint8_t *packed = pack(bytes, 300, &len);
    uint8_t *twice = malloc(2 * len);
    char why[ERR_LEN];

    assert_non_null(twice);
    memcpy(twice, packed, len);
    memcpy(twice + len, packed, len);
    assert_int_equal(gzip_unpack(twice, 2 * len, LIMIT, &out, &out_len, why), ST_OK);
    assert_int_equal(out_len, 600);
    assert_memory_equal(out, bytes, 300);
    assert_memory_equal(out + 300, bytes, 300);
    free(out);
    free(twice);
    free(packed);
    free(bytes);
}

static void zlibs_own_format_is_read_too(void **state)
{
    (void)state;
    uint8_t *bytes = some_bytes(300), *out, packed[1000];
    uLongf len = sizeof(packed);
    size_t out_len;
    char why[ERR_LEN];

    assert_int_equal(compress(packed, &len, bytes, 300), Z_OK);
    assert_false(gzip_is(packed, len));
    assert_int_equal(gzip_unpack(packed, len, LIMIT, &out, &out_len, why), ST_OK);
    assert_int_equal(out_len, 300);
    assert_memory_equal(out, bytes, 300);
    free(out);
    packed[len - 1] ^= 1; /* its check sum */
    assert_int_equal(gzip_unpack(packed, len, LIMIT, &out, &out_len, why), ST_FORMAT);
    free(bytes);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    uint8_t *bytes = some_bytes(500), *out = NULL;
    size_t len, out_len = 0;
    uint8_t *packed = pack(bytes, 500, &len);
    char why[ERR_LEN];

    for (size_t n = 0; n < len; n++) {
        uint8_t *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, packed, n);
        assert_int_equal(gzip_unpack(copy, n, LIMIT, &out, &out_len, why), ST_FORMAT);
        free(copy);
    }
    assert_null(out);
    free(packed);
    free(bytes);
}

/* Bits of the header that only inform (time, system) may differ; the data may not. */
static void altered_bytes_never_come_back_as_if_they_were_sound(void **state)
{
    (void)state;
    uint8_t *bytes = some_bytes(200), *out;
    size_t len, out_len;
    uint8_t *packed = pack(bytes, 200, &len);
    char why[ERR_LEN];

    for (size_t bit = 0; bit < 8 * len; bit++) {
        packed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum status st = gzip_unpack(packed, len, LIMIT, &out, &out_len, why);
        assert_true(st == ST_FORMAT || (st == ST_OK && bit < 80));
        if (st == ST_OK) {
            assert_int_equal(out_len, 200);
            assert_memory_equal(out, bytes, 200);
            free(out);
        }
        packed[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(packed);
    free(bytes);
}

static void what_follows_a_member_is_a_member(void **state)
{
    (void)state;
    uint8_t *bytes = some_bytes(10), *out;
    size_t len, out_len;
    uint8_t *packed = pack(bytes, 10, &len);
    uint8_t *longer = calloc(1, len + 20);
    char why[ERR_LEN];

    assert_non_null(longer);
    memcpy(longer, packed, len);
    assert_int_equal(gzip_unpack(longer, len + 20, LIMIT, &out, &out_len, why),
                     ST_FORMAT);
    free(longer);
    free(packed);
    free(bytes);
}

static void more_than_the_limit_is_refused_and_the_limit_is_not(void **state)
{
    (void)state;
    uint8_t *zeros = calloc(1, LIMIT), *out;
    size_t len, out_len;
    char why[ERR_LEN];

    assert_non_null(zeros);
    uint8_t *packed = pack(zeros, LIMIT, &len);
    assert_true(len < LIMIT / 500);
    for (size_t max = 0; max < LIMIT; max = 2 * max + 1)
        assert_int_equal(gzip_unpack(packed, len, max, &out, &out_len, why), ST_RANGE);
    assert_int_equal(gzip_unpack(packed, len, LIMIT - 1, &out, &out_len, why), ST_RANGE);
    assert_int_equal(gzip_unpack(packed, len, LIMIT, &out, &out_len, why), ST_OK);
    assert_int_equal(out_len, LIMIT);
    free(out);
    free(packed);
    free(zeros);
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    uint8_t *zeros = calloc(1, 100000), *out = NULL;
    size_t len, out_len;
    char why[ERR_LEN];
    enum status st = ST_NOMEM;

    assert_non_null(zeros);
    uint8_t *packed = pack(zeros, 100000, &len);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = gzip_unpack(packed, len, LIMIT, &out, &out_len, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && out == NULL));
    }
    free(out);
    free(packed);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_bytes_come_back_the_same),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(zlibs_own_format_is_read_too),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(altered_bytes_never_come_back_as_if_they_were_sound),
        cmocka_unit_test(what_follows_a_member_is_a_member),
        cmocka_unit_test(more_than_the_limit_is_refused_and_the_limit_is_not),
        cmocka_unit_test(without_memory_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
