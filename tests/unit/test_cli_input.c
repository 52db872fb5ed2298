/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/input.h"
#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A file of `len` bytes i % 251; unlink it. */
static void make_file(char *path, size_t len)
{
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "wb");

    assert_non_null(out);
    for (size_t i = 0; i < len; i++)
        fputc((int)(i % 251), out);
    fclose(out);
}

static void files_of_any_size_up_to_the_limit_are_read_whole(void **state)
{
    static const size_t sizes[] = { 1, 65535, 65536, 65537, 200000 };

    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        char path[] = "/tmp/spinbnn-input-XXXXXX", why[ERR_LEN];
        uint8_t *bytes = NULL;
        size_t len = 0;

        make_file(path, sizes[s]);
        assert_int_equal(input_read(path, sizes[s], &bytes, &len, why), ST_OK);
        assert_int_equal(len, sizes[s]);
        for (size_t i = 0; i < len; i++)
            assert_true(bytes[i] == i % 251);
        free(bytes);
        bytes = NULL;
        assert_int_equal(input_read(path, sizes[s] - 1, &bytes, &len, why), ST_RANGE);
        assert_null(bytes);
        unlink(path);
    }
}

static void what_cannot_be_read_says_why(void **state)
{
    char path[] = "/tmp/spinbnn-input-XXXXXX", why[ERR_LEN];
    uint8_t *bytes = NULL;
    size_t len = 0;

    (void)state;
    make_file(path, 0);
    assert_int_equal(input_read(path, 100, &bytes, &len, why), ST_RANGE);
    assert_string_equal(why, "is empty");
    unlink(path);
    assert_int_equal(input_read(path, 100, &bytes, &len, why), ST_NOT_FOUND);
    assert_int_equal(input_read("/tmp", 100, &bytes, &len, why), ST_IO);
    assert_string_equal(why, "Is a directory");
    assert_null(bytes);
}

static void a_failed_allocation_is_a_status(void **state)
{
    char path[] = "/tmp/spinbnn-input-XXXXXX", why[ERR_LEN];
    enum status st = ST_NOMEM;
    uint8_t *bytes = NULL;
    size_t len = 0;

    (void)state;
    make_file(path, 300000);
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = input_read(path, 300000, &bytes, &len, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && bytes == NULL));
    }
    free(bytes);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_any_size_up_to_the_limit_are_read_whole),
        cmocka_unit_test(what_cannot_be_read_says_why),
        cmocka_unit_test(a_failed_allocation_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
