/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two rows of three pixels: small enough to write down. */
static const struct network_input grey = { .height = 2, .width = 3, .channels = 1 };
static const struct network_input rgb = { .height = 2, .width = 3, .channels = 3 };

/* Under the sanitizer a read past the end is seen: the bytes are in a block of their own.
 */
static enum status fit(const char *bytes, size_t len, const struct network_input *input,
                       uint8_t *ret_pixels, char why[ERR_LEN])
{
    uint8_t *exact = malloc(len == 0 ? 1 : len);

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    enum status st = image_fit(exact, len, input, ret_pixels, why);
    free(exact);
    return st;
}

static void expect_pixels(const char *bytes, size_t len,
                          const struct network_input *input, const uint8_t *expected)
{
    uint8_t pixels[18];
    char why[ERR_LEN] = "";

    if (fit(bytes, len, input, pixels, why) != ST_OK)
        fail_msg("%s", why);
    assert_memory_equal(pixels, expected, 6 * input->channels);
}

#define GREY(bytes, ...)                                                                 \
    expect_pixels(bytes, sizeof(bytes) - 1, &grey, (const uint8_t[]) { __VA_ARGS__ })
#define RGB(bytes, ...)                                                                  \
    expect_pixels(bytes, sizeof(bytes) - 1, &rgb, (const uint8_t[]) { __VA_ARGS__ })

static void expect_refused(const char *bytes, size_t len, enum status expected,
                           const char *words)
{
    uint8_t pixels[18];
    char why[ERR_LEN] = "";

    enum status st = fit(bytes, len, &grey, pixels, why);
    if (st != expected || strstr(why, words) == NULL)
        fail_msg("%s: %d \"%s\", expected \"%s\"", bytes, (int)st, why, words);
}

#define REFUSED(bytes, st, words) expect_refused(bytes, sizeof(bytes) - 1, st, words)

static void each_kind_is_read(void **state)
{
    (void)state;
    GREY("P1\n3 2\n0 1 0\n110\n", 255, 0, 255, 0, 0, 255);
    GREY("P4\n3 2\n\x40\xC0", 255, 0, 255, 0, 0, 255);
    GREY("P2\n3 2\n255\n0 1 2\n253 254 255\n", 0, 1, 2, 253, 254, 255);
    GREY("P5\n3 2\n255\n\x00\x01\x02\xfd\xfe\xff", 0, 1, 2, 253, 254, 255);
    RGB("P3 3 2 255 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18", 1, 2, 3, 4, 5, 6, 7, 8,
        9, 10, 11, 12, 13, 14, 15, 16, 17, 18);
    RGB("P6 3 2 255 abcdefghijklmnopqr", 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j',
        'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r');
    RGB("P4\n3 2\n\x40\xC0", 255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 0, 0, 0, 0, 0, 255,
        255, 255);
}

static void comments_and_white_space_go_anywhere_in_the_header(void **state)
{
    (void)state;
    GREY("P5#one\n#two\n 3#three\r\t2 # four\n255\n\x00\x01\x02\xfd\xfe\xff", 0, 1, 2,
         253, 254, 255);
    GREY("P2\n3 2\n#top\n255\n0 1 2 # row\n253 254 255", 0, 1, 2, 253, 254, 255);
    /* One white space ends a raw header: the next byte is a pixel, whatever it looks
     * like. */
    GREY("P5 3 2 255\n#\n    ", '#', '\n', ' ', ' ', ' ', ' ');
}

static void other_largest_values_are_scaled_and_rounded(void **state)
{
    (void)state;
    GREY("P2 3 2 15 0 1 7 8 14 15", 0, 17, 119, 136, 238, 255);
    GREY("P2 3 2 1 0 1 0 1 0 1", 0, 255, 0, 255, 0, 255);
    GREY("P5 3 2 100 \x00\x01\x32\x33\x63\x64", 0, 3, 128, 130, 252, 255);
    GREY("P5 3 2 65535 \x00\x00\x00\x80\x00\x81\x80\x80\xff\x7f\xff\xff", 0, 0, 1, 128,
         255, 255);
    GREY("P5 3 2 256 \x00\x00\x00\x01\x00\x80\x00\x81\x00\xff\x01\x00", 0, 1, 128, 128,
         254, 255);
}

static void more_pictures_behind_the_first_are_left_alone(void **state)
{
    (void)state;
    GREY("P5 3 2 255 abcdefP5 3 2 255 ghijkl", 'a', 'b', 'c', 'd', 'e', 'f');
}

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    REFUSED("P5\n", ST_FORMAT, "lacks width or height");
    REFUSED("P5 3", ST_FORMAT, "lacks width or height");
    REFUSED("P5 -3 2 255 abcdef", ST_FORMAT, "lacks width or height");
    REFUSED("P5 3 x", ST_FORMAT, "lacks width or height");
    REFUSED("P5 3 2 ", ST_FORMAT, "lacks the largest value");
    REFUSED("P5 3 2 0 abcdef", ST_FORMAT, "outside 1..65535");
    REFUSED("P5 3 2 65536 abcdef", ST_FORMAT, "outside 1..65535");
    REFUSED("P5 3 2 99999999999999999999 abcdef", ST_FORMAT, "outside 1..65535");
    REFUSED("P5 3 2 255", ST_FORMAT, "white space after the header");
    REFUSED("P5 3 2 255x", ST_FORMAT, "white space after the header");
    REFUSED("P5 0 2 255 ", ST_FORMAT, "at least 1 x 1");
    REFUSED("P5 3 0 255 ", ST_FORMAT, "at least 1 x 1");
    REFUSED("P2 0 0 255 ", ST_FORMAT, "at least 1 x 1");
    REFUSED("P5 16385 1 255 ", ST_RANGE, "16385 x 1");
    REFUSED("P5 1 16385 255 ", ST_RANGE, "1 x 16385");
    REFUSED("P6 16384 16384 255 ", ST_RANGE, "16384 x 16384");
    REFUSED("P6 4294967295 4294967295 65535 ", ST_RANGE, "at most 16384");
    REFUSED("P1 99999999999999999999999 2 0", ST_RANGE, "at most 16384");
    REFUSED("P4 4294967297 2 0", ST_RANGE, "at most 16384");
}

static void short_or_wrong_pixels_are_refused(void **state)
{
    (void)state;
    REFUSED("P5 3 2 255 abcde", ST_FORMAT, "expected 6 bytes of pixels (3 x 2), found 5");
    REFUSED("P5 3 2 256 abcdefghijk", ST_FORMAT, "expected 12 bytes");
    REFUSED("P6 3 2 255 abcdefghijklmnopq", ST_FORMAT, "expected 18 bytes");
    REFUSED("P4 3 2 a", ST_FORMAT, "expected 2 bytes");
    REFUSED("P2 3 2 255 0 1 2 3 4   ", ST_FORMAT, "at pixel 5 of 6");
    REFUSED("P2 3 2 255 0 1 2 3 x 5", ST_FORMAT, "at pixel 4 of 6");
    REFUSED("P2 3 2 255 0 1 -2 3 4 5", ST_FORMAT, "at pixel 2 of 6");
    REFUSED("P1 3 2 0 1 2 0 1 0", ST_FORMAT, "at pixel 2 of 6");
    REFUSED("P3 3 2 255 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", ST_FORMAT,
            "at pixel 5 of 6");
    REFUSED("P2 3 2 15 0 1 2 16 4 5", ST_FORMAT, "value 16 at pixel 3 is above");
    REFUSED("P5 3 2 97 aaabaa", ST_FORMAT, "value 98 at pixel 3 is above");
    REFUSED("P2 16384 4096 255 1", ST_FORMAT, "expected 67108864 bytes");
}

static void every_beginning_of_a_file_is_refused(void **state)
{
    static const char *const files[] = {
        "P1\n3 2\n0 1 0\n110",  "P2\n3 2\n9\n0 1 2\n3 4 5",
        "P5\n3 2\n255\nabcdef", "P6\n3 2\n255\nabcdefghijklmnopqr",
        "P4\n3 2\nab",
    };

    (void)state;
    for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
        uint8_t pixels[18];
        char why[ERR_LEN];
        size_t len = strlen(files[f]);

        assert_int_equal(fit(files[f], len, &grey, pixels, why), ST_OK);
        for (size_t n = 0; n < len; n++) {
            if (n == grey.height * grey.width)
                continue; /* six bytes are raw pixels, unless they are a header */
            assert_int_equal(fit(files[f], n, &grey, pixels, why), ST_FORMAT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_read),
        cmocka_unit_test(comments_and_white_space_go_anywhere_in_the_header),
        cmocka_unit_test(other_largest_values_are_scaled_and_rounded),
        cmocka_unit_test(more_pictures_behind_the_first_are_left_alone),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(short_or_wrong_pixels_are_refused),
        cmocka_unit_test(every_beginning_of_a_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
