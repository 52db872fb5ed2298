/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pixel_run.h"

#include "api/json_pull.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 64

/* What json_pull reads from the same place: numbers 0..255 followed by commas. */
static size_t slow_run(const char *text, size_t len, size_t most, uint8_t *ret_pixels,
                       size_t *ret_ends)
{
    struct json_pull pull;
    struct json_pull_number number;
    size_t n = 0;

    json_pull_init(&pull, text, len);
    while (n < most && json_pull_peek(&pull) == JSON_PULL_NUMBER) {
        if (!json_pull_number(&pull, &number) || !number.is_integer ||
            number.integer < 0 || number.integer > 255)
            break;
        if (pull.at == pull.end || *pull.at != ',')
            break;
        pull.at++;
        ret_pixels[n] = (uint8_t)number.integer;
        ret_ends[n++] = json_pull_offset(&pull);
    }
    return n;
}

/* Whatever the run takes must be what the slow way reads there; returns how much. */
static size_t check_run(const char *text, size_t room)
{
    char memory[512] = "[[[[";
    uint8_t fast[ROOM + 1], slow[ROOM];
    size_t ends[ROOM];
    size_t len = strlen(text);

    memcpy(memory + 4, text, len);
    fast[room] = 0xA5;
    const char *at = memory + 4;
    size_t n = pixel_run(&at, memory + 4 + len, fast, room);
    size_t n_slow = slow_run(memory + 4, len, room, slow, ends);

    assert_int_equal(fast[room], 0xA5);
    assert_true(n <= n_slow);
    assert_memory_equal(fast, slow, n);
    size_t end = n == 0 ? 0 : ends[n - 1];
    size_t stopped = (size_t)(at - (memory + 4));
    assert_true(stopped == end || (stopped == end + 1 && memory[4 + end] == ' '));
    return n;
}

static void random_numbers_read_the_same(void **state)
{
    static const char *const joints[] = { ",", ", ", ",  ", " ,", ",\n" };

    (void)state;
    srand(2);
    for (unsigned round = 0; round < 20000; round++) {
        char text[400] = "";
        size_t n = 0;
        const char *joint = joints[rand() % 8 < 6 ? rand() % 2 : rand() % 5];

        while (n < 200) {
            int top = rand() % 3 == 0 ? 10 : rand() % 10 == 0 ? 400 : 256;
            n += (size_t)sprintf(text + n, "%d%s", rand() % top, joint);
            if (rand() % 100 == 0)
                joint = joints[rand() % 5];
        }
        (void)check_run(text, (size_t)rand() % (ROOM + 1));
    }
}

static void random_bytes_read_the_same(void **state)
{
    static const char bytes[] = "0000123456789,,,,,,   -.eE]}[\"\n\t/:";

    (void)state;
    srand(3);
    for (unsigned round = 0; round < 50000; round++) {
        char text[64];
        size_t len = (size_t)rand() % (sizeof(text) - 1);

        for (size_t i = 0; i < len; i++)
            text[i] = bytes[(size_t)rand() % (sizeof(bytes) - 1)];
        text[len] = '\0';
        (void)check_run(text, ROOM);
    }
}

static void plain_lists_go_fast_nearly_to_the_end(void **state)
{
    (void)state;
    for (unsigned joint = 0; joint < 2; joint++) {
        for (int value = 0; value < 256; value++) {
            char text[400] = "";
            size_t n = 0;
            for (unsigned i = 0; i < 40; i++)
                n += (size_t)sprintf(text + n, joint ? "%d, " : "%d,", value);
            sprintf(text + n, "1]}]}");
            /* Nine bytes from the end the general way takes over. */
            assert_true(check_run(text, ROOM) >= 35);
        }
    }
}

/* Whatever is taken dressed must be what json_pull reads, element by element. */
static size_t check_dressed(const char *text, bool in_lists, size_t room)
{
    size_t len = strlen(text), n_slow = 0;
    char *exact = malloc(len); /* the sanitizer sees reads past its end */
    uint8_t fast[ROOM + 1];
    struct json_pull pull;
    struct json_pull_number number;

    assert_non_null(exact);
    memcpy(exact, text, len);
    fast[room] = 0xA5;
    const char *at = exact;
    size_t n = pixel_run_dressed(&at, exact + len, in_lists, fast, room);
    assert_int_equal(fast[room], 0xA5);
    json_pull_init(&pull, exact, len);
    for (; n_slow < n; n_slow++) {
        assert_true(!in_lists ||
                    (json_pull_list(&pull) && json_pull_element(&pull, true)));
        assert_true(json_pull_number(&pull, &number) && number.is_integer);
        assert_int_equal(number.integer, fast[n_slow]);
        assert_true(!in_lists || !json_pull_element(&pull, false));
        assert_int_equal(*pull.at, ',');
        pull.at++;
    }
    size_t end = (size_t)(pull.at - exact), stopped = (size_t)(at - exact);
    assert_true(n == 0 || stopped == end || (stopped == end + 1 && exact[end] == ' '));
    free(exact);
    return n;
}

static void dressed_numbers_read_the_same(void **state)
{
    static const char *const before[] = { "", "[" };
    static const char *const behind[2][4] = { { ".0,", ".0, ", ",", ", " },
                                              { ".0],", ".0], ", "],", "], " } };

    (void)state;
    for (unsigned in_lists = 0; in_lists < 2; in_lists++) {
        for (unsigned form = 0; form < 4; form++) {
            char text[16 * 256 + 16] = "";
            size_t n = 0;

            for (int value = 0; value < 256; value += 5)
                n += (size_t)sprintf(text + n, "%s%d%s", before[in_lists], value,
                                     behind[in_lists][form]);
            strcpy(text + n, "[1]]]]]}]}]}");
            assert_int_equal(check_dressed(text, in_lists, ROOM), 52);
            assert_int_equal(check_dressed(text, in_lists, 7), 7);
            assert_int_equal(check_dressed(text, !in_lists, ROOM), 0);
        }
    }
}

static void dressed_bytes_read_the_same(void **state)
{
    static const char bytes[] = "0000123456789,,,,,,....00[[[]]]   -eE}\"\n";

    (void)state;
    srand(4);
    for (unsigned round = 0; round < 100000; round++) {
        char text[64];
        size_t len = 1 + (size_t)rand() % (sizeof(text) - 2);

        for (size_t i = 0; i < len; i++)
            text[i] = bytes[(size_t)rand() % (sizeof(bytes) - 1)];
        text[len] = '\0';
        (void)check_dressed(text, round % 2, ROOM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_numbers_read_the_same),
        cmocka_unit_test(random_bytes_read_the_same),
        cmocka_unit_test(dressed_numbers_read_the_same),
        cmocka_unit_test(dressed_bytes_read_the_same),
        cmocka_unit_test(plain_lists_go_fast_nearly_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
