/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/version_book.h"

#include "tests/lib/fault.h"
#include "tests/lib/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct version_book *new_book(void)
{
    struct version_book *book = NULL;

    assert_int_equal(version_book_new(&book), ST_OK);
    return book;
}

static void add(struct version_book *book, const char *name, uint32_t version,
                uint32_t checksum)
{
    assert_int_equal(version_book_add(book, name, version, checksum), ST_OK);
}

static void expect_numbers(const struct version_book *book, const char *name,
                           const char *wanted)
{
    uint32_t versions[VERSION_BOOK_NUMBERS], checksum;
    size_t n = version_book_list(book, name, versions);
    char text[1024] = "";

    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(text);

        assert_true(version_book_checksum(book, name, versions[i], &checksum));
        (void)snprintf(text + len, sizeof(text) - len, "%u:%x ", versions[i], checksum);
    }
    assert_string_equal(text, wanted);
}

static void a_number_is_given_once(void **state)
{
    struct version_book *book = new_book();

    (void)state;
    assert_int_equal(version_book_next(book, "a"), 1);
    add(book, "a", 1, 0xaa);
    add(book, "b", 1, 0xbb);
    add(book, "a", 2, 0xcc);
    assert_int_equal(version_book_add(book, "a", 2, 0xdd), ST_RANGE);
    assert_int_equal(version_book_add(book, "a", 0, 0xdd), ST_RANGE);
    expect_numbers(book, "a", "1:aa 2:cc ");
    /* Nor after its network has gone. */
    version_book_forget(book, "a", 2);
    version_book_forget(book, "a", 7);
    version_book_forget(book, "nobody", 1);
    assert_int_equal(version_book_next(book, "a"), 3);
    assert_int_equal(version_book_add(book, "a", 2, 0xcc), ST_RANGE);
    version_book_forget(book, "a", 1);
    expect_numbers(book, "a", "");
    assert_int_equal(version_book_next(book, "a"), 3);
    /* Numbers may be left out. */
    add(book, "a", 10, 0xee);
    assert_int_equal(version_book_next(book, "a"), 11);
    expect_numbers(book, "b", "1:bb ");
    version_book_free(book);
    version_book_free(NULL);
}

static void a_number_that_nobody_has_seen_is_given_again(void **state)
{
    struct version_book *book;
    uint32_t checksum;

    (void)state;
    assert_int_equal(version_book_new(&book), ST_OK);
    version_book_take_back(book, "one", 1);
    for (uint32_t version = 1; version <= 3; version++)
        assert_int_equal(version_book_add(book, "one", version, version), ST_OK);
    version_book_take_back(book, "one", 2); /* not the last one */
    assert_int_equal(version_book_next(book, "one"), 4);
    version_book_take_back(book, "one", 3);
    assert_int_equal(version_book_next(book, "one"), 3);
    assert_false(version_book_checksum(book, "one", 3, &checksum));
    assert_int_equal(version_book_add(book, "one", 3, 33), ST_OK);
    assert_int_equal(version_book_find(book, "one", 33), 3);
    for (uint32_t version = 3; version > 0; version--)
        version_book_take_back(book, "one", version);
    version_book_take_back(book, "one", 0);
    assert_int_equal(version_book_next(book, "one"), 1);
    version_book_free(book);
}

static void a_network_is_found_by_its_checksum(void **state)
{
    struct version_book *book = new_book();
    uint32_t checksum;

    (void)state;
    add(book, "a", 1, 7);
    add(book, "a", 2, 8);
    add(book, "a", 3, 7);
    assert_int_equal(version_book_find(book, "a", 7), 3); /* its highest number */
    assert_int_equal(version_book_find(book, "a", 8), 2);
    assert_int_equal(version_book_find(book, "a", 9), 0);
    assert_int_equal(version_book_find(book, "b", 7), 0);
    assert_false(version_book_checksum(book, "a", 4, &checksum));
    assert_false(version_book_checksum(book, "b", 1, &checksum));
    version_book_free(book);
}

static void numbers_end(void **state)
{
    struct version_book *book = new_book();

    (void)state;
    add(book, "a", UINT32_MAX, 1);
    assert_int_equal(version_book_next(book, "a"), 0);
    assert_int_equal(version_book_add(book, "a", 0, 2), ST_RANGE);
    assert_int_equal(version_book_add(book, "a", UINT32_MAX, 2), ST_RANGE);
    version_book_free(book);
}

static void of_too_many_numbers_the_lowest_is_forgotten(void **state)
{
    struct version_book *book = new_book();
    uint32_t versions[VERSION_BOOK_NUMBERS];

    (void)state;
    for (uint32_t v = 1; v <= VERSION_BOOK_NUMBERS + 2; v++)
        add(book, "a", v, v);
    assert_int_equal(version_book_list(book, "a", versions), VERSION_BOOK_NUMBERS);
    assert_int_equal(versions[0], 3);
    version_book_free(book);
}

static void a_book_comes_back_from_its_file(void **state)
{
    struct version_book *book = new_book(), *again = NULL;
    struct scratch scratch;
    char why[ERR_LEN] = "", name[65];

    (void)state;
    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "versions");
    memset(name, 'x', 64);
    name[64] = '\0';
    add(book, "a", 1, 0x12345678);
    add(book, "a", 4, 0xf);
    add(book, name, UINT32_MAX, UINT32_MAX);
    add(book, "gone", 9, 0);
    version_book_forget(book, "gone", 9);
    assert_int_equal(version_book_save(book, path, why), ST_OK);
    version_book_free(book);

    assert_int_equal(version_book_load(path, &again, why), ST_OK);
    expect_numbers(again, "a", "1:12345678 4:f ");
    expect_numbers(again, name, "4294967295:ffffffff ");
    assert_int_equal(version_book_next(again, "gone"), 10);
    version_book_free(again);
    scratch_remove(&scratch);
}

static void without_a_file_there_are_no_names(void **state)
{
    struct version_book *book = NULL;
    struct scratch scratch;
    char why[ERR_LEN] = "";

    (void)state;
    scratch_make(&scratch);
    const char *path = scratch_path(&scratch, "versions");
    assert_int_equal(version_book_load(path, &book, why), ST_OK);
    assert_int_equal(version_book_next(book, "a"), 1);
    /* One that cannot be written is named. */
    assert_int_equal(mkdir(path, 0750), 0);
    assert_int_equal(version_book_save(book, path, why), ST_OK); /* nothing to save */
    add(book, "a", 1, 1);
    assert_int_equal(version_book_save(book, path, why), ST_IO);
    assert_non_null(strstr(why, path));
    assert_int_equal(version_book_save(book, path, why), ST_IO); /* it still is */
    version_book_free(book);
    assert_int_equal(version_book_load(path, &book, why), ST_IO);
    assert_non_null(strstr(why, path));
    scratch_remove(&scratch);
}

static void broken_lines_are_named(void **state)
{
    static const struct {
        const char *lines, *why;
    } cases[] = {
        { "a\n", "line 2: there is one word" },
        { "a 1", "line 2: it has no end" },
        { "a 1\nb\n", "line 3: there is one word" },
        { "a 0\n", "line 2: the second word is not the last number" },
        { "a 01\n", "line 2: the second word is not the last number" },
        { "a 4294967296\n", "line 2: the second word is not the last number" },
        { "a x\n", "line 2: the second word is not the last number" },
        { "a 1x\n", "line 2: there is something behind the numbers" },
        { "a 1 \n", "line 2: expected a number, ':' and 8 hex digits" },
        { "a 1 1:0000000\n", "line 2: expected a number, ':' and 8 hex digits" },
        { "a 1 1:0000000F\n", "line 2: expected a number, ':' and 8 hex digits" },
        { "a 1 1:000000000\n", "line 2: there is something behind the numbers" },
        { "a 1 2:00000000\n", "line 2: the numbers do not ascend up to the last one" },
        { "a 2 2:00000000 1:00000000\n",
          "line 2: the numbers do not ascend up to the last one" },
        { "../a 1\n", "line 2: the first word is no name of a model" },
        { ".a 1\n", "line 2: the first word is no name of a model" },
        { " 1\n", "line 2: the first word is no name of a model" },
        { "a 1\na 2\n", "line 3: another line has the same name" },
        { "\n", "line 2: there is one word" },
    };
    struct version_book *book = NULL;
    char text[256], why[ERR_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int len = snprintf(text, sizeof(text), "spinbnn versions 1\n%s", cases[i].lines);

        assert_int_equal(version_book_parse(text, (size_t)len, &book, why), ST_FORMAT);
        assert_string_equal(why, cases[i].why);
    }
    assert_int_equal(version_book_parse("", 0, &book, why), ST_FORMAT);
    assert_string_equal(why, "line 1: expected \"spinbnn versions 1\"");
    assert_int_equal(version_book_parse("spinbnn versions 1\n\0", 20, &book, why),
                     ST_FORMAT);
    assert_string_equal(why, "there is a byte of zero in it");
}

static void memory_that_is_not_there_is_told(void **state)
{
    static const char text[] = "spinbnn versions 1\na 2 1:00000001 2:00000002\nb 1\n";
    struct version_book *book = NULL;
    enum status st = ST_NOMEM;
    char why[ERR_LEN];

    (void)state;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = version_book_parse(text, sizeof(text) - 1, &book, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && strstr(why, "out of memory")));
    }
    st = ST_NOMEM;
    for (unsigned nth = 0; st != ST_OK; nth++) {
        fault_at(nth);
        st = version_book_add(book, "c", 1, 1);
        fault_off();
    }
    expect_numbers(book, "c", "1:1 ");
    version_book_free(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_given_once),
        cmocka_unit_test(a_number_that_nobody_has_seen_is_given_again),
        cmocka_unit_test(a_network_is_found_by_its_checksum),
        cmocka_unit_test(numbers_end),
        cmocka_unit_test(of_too_many_numbers_the_lowest_is_forgotten),
        cmocka_unit_test(a_book_comes_back_from_its_file),
        cmocka_unit_test(without_a_file_there_are_no_names),
        cmocka_unit_test(broken_lines_are_named),
        cmocka_unit_test(memory_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
