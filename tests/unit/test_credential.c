/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/credential.h"

#include "tests/lib/fault.h"
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char *text;
static size_t len;
static char why[ERR_LEN];

static int set_up(void **state)
{
    static struct scratch scratch;

    scratch_make(&scratch);
    *state = &scratch;
    return 0;
}

static int tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

static const char *file_of(void **state, mode_t mode)
{
    const char *path = scratch_file(*state, "secret", "word\n", 5);

    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void a_file_is_read_whole(void **state)
{
    static const mode_t modes[] = { 0400, 0600, 0640, 0660 };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(
            credential_read("s", file_of(state, modes[i]), true, &text, &len, why),
            ST_OK);
        assert_int_equal(len, 5);
        assert_string_equal(text, "word\n");
        free(text);
    }
}

static void a_secret_is_closed_to_others(void **state)
{
    static const mode_t modes[] = { 0644, 0604, 0602, 0601 };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        const char *path = file_of(state, modes[i]);

        assert_int_equal(credential_read("s", path, true, &text, &len, why), ST_RANGE);
        assert_non_null(strstr(why, "s: /"));
        assert_non_null(strstr(why, "open to every user"));
        assert_int_equal(credential_read("s", path, false, &text, &len, why), ST_OK);
        free(text);
    }
}

static void what_is_no_file_of_some_size_is_refused(void **state)
{
    size_t large = (size_t)1 << 20;
    char *bytes = calloc(1, large);

    assert_int_equal(credential_read("s", "/nonexistent", true, &text, &len, why), ST_IO);
    assert_non_null(strstr(why, "/nonexistent"));
    assert_int_equal(credential_read("s", "/tmp", false, &text, &len, why), ST_IO);
    assert_int_equal(credential_read("s", "/dev/zero", false, &text, &len, why), ST_IO);
    assert_int_equal(mkfifo(scratch_path(*state, "pipe"), 0600), 0);
    assert_int_equal(
        credential_read("s", scratch_path(*state, "pipe"), true, &text, &len, why),
        ST_IO);
    assert_non_null(bytes);
    const char *path = scratch_file(*state, "large", bytes, large);
    assert_int_equal(credential_read("s", path, false, &text, &len, why), ST_RANGE);
    assert_non_null(strstr(why, "1 MiB"));
    free(bytes);
}

static void without_memory_nothing_is_read(void **state)
{
    const char *path = file_of(state, 0600);

    fault_at(0);
    enum status st = credential_read("s", path, true, &text, &len, why);
    fault_off();
    assert_int_equal(st, ST_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole),
        cmocka_unit_test(a_secret_is_closed_to_others),
        cmocka_unit_test(what_is_no_file_of_some_size_is_refused),
        cmocka_unit_test(without_memory_nothing_is_read),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
