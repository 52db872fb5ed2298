/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct network_input grey28 = { .height = 28, .width = 28, .channels = 1 };
static const struct network_input rgb32 = { .height = 32, .width = 32, .channels = 3 };

static void fill_random(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(rand() >> 4);
}

/* A PGM or PPM of given pixels; the caller frees it. */
static uint8_t *pnm_of(unsigned width, unsigned height, unsigned channels,
                       const uint8_t *pixels, size_t *ret_len)
{
    char header[64];
    int n = snprintf(header, sizeof(header), "P%c\n%u %u\n255\n",
                     channels == 3 ? '6' : '5', width, height);
    size_t len = (size_t)width * height * channels;
    uint8_t *file = malloc((size_t)n + len);

    assert_non_null(file);
    memcpy(file, header, (size_t)n);
    memcpy(file + n, pixels, len);
    *ret_len = (size_t)n + len;
    return file;
}

static void fit(unsigned width, unsigned height, unsigned channels, const uint8_t *pixels,
                const struct network_input *input, uint8_t *ret_pixels)
{
    size_t len;
    char why[ERR_LEN] = "";
    uint8_t *file = pnm_of(width, height, channels, pixels, &len);

    if (image_fit(file, len, input, ret_pixels, why) != ST_OK)
        fail_msg("%s", why);
    free(file);
}

static void expect_refused(const void *bytes, size_t len, enum status st,
                           const char *words)
{
    uint8_t pixels[784];
    char why[ERR_LEN] = "";

    assert_int_equal(image_fit(bytes, len, &grey28, pixels, why), st);
    if (strstr(why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, words);
}

/* -- What it is -- */

static void first_bytes_tell_the_type(void **state)
{
    (void)state;
    assert_int_equal(image_sniff((const uint8_t *)"\x89PNG\r\n\x1a\n", 8), IMAGE_PNG);
    assert_int_equal(image_sniff((const uint8_t *)"\x89PNG\r\n\x1a", 7), IMAGE_RAW);
    assert_int_equal(image_sniff((const uint8_t *)"\xff\xd8\xff\xe0", 4), IMAGE_JPEG);
    assert_int_equal(image_sniff((const uint8_t *)"\xff\xd8\xff\xdb", 4), IMAGE_JPEG);
    assert_int_equal(image_sniff((const uint8_t *)"\xff\xd8\xff\x80", 4), IMAGE_RAW);
    assert_int_equal(image_sniff((const uint8_t *)"\xff\xd8\xff", 3), IMAGE_RAW);
    assert_int_equal(image_sniff((const uint8_t *)"P5\n1", 4), IMAGE_PNM);
    assert_int_equal(image_sniff((const uint8_t *)"P3#x", 4), IMAGE_PNM);
    assert_int_equal(image_sniff((const uint8_t *)"P55\n", 4), IMAGE_RAW);
    assert_int_equal(image_sniff((const uint8_t *)"P7\n1", 4), IMAGE_RAW);
    assert_int_equal(image_sniff((const uint8_t *)"", 0), IMAGE_RAW);
}

static void raw_pixels_are_copied(void **state)
{
    uint8_t raw[784], pixels[784];
    char why[ERR_LEN];

    (void)state;
    fill_random(raw, sizeof(raw));
    assert_int_equal(image_fit(raw, sizeof(raw), &grey28, pixels, why), ST_OK);
    assert_memory_equal(pixels, raw, sizeof(raw));
}

static void raw_pixels_of_another_length_are_refused(void **state)
{
    uint8_t raw[785] = { 0 };

    (void)state;
    expect_refused(raw, 783, ST_FORMAT,
                   "raw pixels: expected 784 bytes (28 x 28 x 1), found 783");
    expect_refused(raw, 785, ST_FORMAT, "found 785");
    expect_refused(raw, 0, ST_FORMAT, "found 0");
}

static void other_formats_are_named(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *name;
    } formats[] = {
        { "GIF89a", 6, "GIF" },
        { "RIFF\x10\0\0\0WEBP", 12, "WebP" },
        { "BM\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 26, "BMP" },
        { "II*\0", 4, "TIFF" },
        { "P7\nWIDTH", 8, "PAM" },
        { "\0\0\0\x20"
          "ftypavif",
          12, "AVIF" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        uint8_t exact[784] = { 0 }, pixels[784];
        char why[ERR_LEN];

        expect_refused(formats[i].bytes, formats[i].len, ST_UNSUPPORTED, formats[i].name);
        /* With exactly the length of raw pixels it is raw pixels. */
        memcpy(exact, formats[i].bytes, formats[i].len);
        assert_int_equal(image_fit(exact, 784, &grey28, pixels, why), ST_OK);
        assert_memory_equal(pixels, exact, 784);
    }
}

/* -- Colour -- */

static void an_exact_picture_is_copied_bit_for_bit(void **state)
{
    uint8_t in[32 * 32 * 3], out[32 * 32 * 3];

    (void)state;
    srand(5);
    fill_random(in, sizeof(in));
    fit(28, 28, 1, in, &grey28, out);
    assert_memory_equal(out, in, 784);
    fit(32, 32, 3, in, &rgb32, out);
    assert_memory_equal(out, in, sizeof(in));
}

static void colour_becomes_luma_and_grey_becomes_colour(void **state)
{
    uint8_t in[28 * 28 * 3] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 200, 200, 200 };
    uint8_t grey[32 * 32], out[32 * 32 * 3];

    (void)state;
    fit(28, 28, 3, in, &grey28, out);
    assert_int_equal(out[0], 76);  /* 0.299 * 255 = 76.2 */
    assert_int_equal(out[1], 150); /* 0.587 * 255 = 149.7 */
    assert_int_equal(out[2], 29);  /* 0.114 * 255 = 29.1 */
    assert_int_equal(out[3], 200);

    fill_random(grey, sizeof(grey));
    fit(32, 32, 1, grey, &rgb32, out);
    for (size_t i = 0; i < sizeof(out); i++)
        assert_int_equal(out[i], grey[i / 3]);
}

static void every_grey_survives_the_luma(void **state)
{
    uint8_t in[28 * 28 * 3], out[784];

    (void)state;
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i / 3);
    fit(28, 28, 3, in, &grey28, out);
    for (size_t i = 0; i < sizeof(out); i++)
        assert_int_equal(out[i], (uint8_t)i);
}

/* -- Size -- */

static void a_picture_of_one_value_keeps_it(void **state)
{
    static const unsigned sides[] = { 1, 2, 5, 13, 27, 28, 29, 31, 56, 61, 100, 333 };

    (void)state;
    for (size_t s = 0; s < sizeof(sides) / sizeof(sides[0]); s++) {
        for (unsigned value = 0; value < 256; value += 5) {
            unsigned side = sides[s];
            uint8_t *in = malloc((size_t)side * side), out[784];

            assert_non_null(in);
            memset(in, (int)value, (size_t)side * side);
            fit(side, side, 1, in, &grey28, out);
            free(in);
            for (size_t i = 0; i < sizeof(out); i++)
                assert_int_equal(out[i], value);
        }
    }
}

static void doubled_pixels_shrink_to_the_original(void **state)
{
    (void)state;
    srand(6);
    for (unsigned times = 2; times <= 5; times++) {
        const unsigned side = 32 * times;
        uint8_t original[32 * 32 * 3], out[32 * 32 * 3];
        uint8_t *in = malloc((size_t)side * side * 3);

        assert_non_null(in);
        fill_random(original, sizeof(original));
        for (size_t y = 0; y < side; y++) {
            for (size_t x = 0; x < side; x++)
                memcpy(in + (y * side + x) * 3,
                       original + (y / times * 32 + x / times) * 3, 3);
        }
        fit(side, side, 3, in, &rgb32, out);
        assert_memory_equal(out, original, sizeof(original));
        free(in);
    }
}

/* Area of overlap of [a, a + la) and [b, b + lb). */
static double overlap(double a, double la, double b, double lb)
{
    double from = a > b ? a : b;
    double to = a + la < b + lb ? a + la : b + lb;

    return to > from ? to - from : 0.0;
}

static void shrinking_takes_the_mean_of_the_area(void **state)
{
    static const unsigned sides[] = { 29, 37, 45, 64, 100 };

    (void)state;
    srand(7);
    for (size_t s = 0; s < sizeof(sides) / sizeof(sides[0]); s++) {
        unsigned side = sides[s];
        double step = side / 28.0;
        uint8_t in[100 * 100], out[784];

        fill_random(in, sizeof(in));
        fit(side, side, 1, in, &grey28, out);
        for (unsigned y = 0; y < 28; y++) {
            for (unsigned x = 0; x < 28; x++) {
                double sum = 0.0;
                for (unsigned v = 0; v < side; v++) {
                    double part = overlap(v, 1, y * step, step);
                    for (unsigned u = 0; part > 0 && u < side; u++)
                        sum += part * overlap(u, 1, x * step, step) * in[v * side + u];
                }
                double off = sum / (step * step) - out[y * 28 + x];
                assert_true(off > -0.501 && off < 0.501);
            }
        }
    }
}

static void enlarging_a_ramp_gives_a_ramp(void **state)
{
    uint8_t in[14 * 14], out[784];

    (void)state;
    for (unsigned i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i % 14 * 18);
    fit(14, 14, 1, in, &grey28, out);
    for (unsigned y = 0; y < 28; y++) {
        for (unsigned x = 0; x < 28; x++) {
            double at = (x + 0.5) / 2.0 - 0.5; /* centres of pixels */
            double expected = 18.0 * (at < 0.0 ? 0.0 : at > 13.0 ? 13.0 : at);
            double off = out[y * 28 + x] - expected;
            assert_true(off > -0.501 && off < 0.501);
        }
    }
}

/* Columns and rows that hold anything. */
static void expect_frame(const uint8_t *out, unsigned left, unsigned top, unsigned width,
                         unsigned height)
{
    for (unsigned y = 0; y < 28; y++) {
        for (unsigned x = 0; x < 28; x++) {
            bool inside = x >= left && x < left + width && y >= top && y < top + height;
            assert_int_equal(out[y * 28 + x], inside ? 200 : 0);
        }
    }
}

static void aspect_is_kept_and_the_rest_is_black(void **state)
{
    static const struct {
        unsigned width, height, left, top, new_width, new_height;
    } cases[] = {
        { 56, 28, 0, 7, 28, 14 },  { 28, 56, 7, 0, 14, 28 },  { 14, 7, 0, 7, 28, 14 },
        { 1, 28, 13, 0, 1, 28 },   { 28, 27, 0, 0, 28, 27 },  { 100, 50, 0, 7, 28, 14 },
        { 2000, 1, 0, 13, 28, 1 }, { 1, 2000, 13, 0, 1, 28 }, { 3, 1, 0, 9, 28, 9 },
        { 30, 20, 0, 4, 28, 19 },  { 28, 14, 0, 7, 28, 14 },
    };
    static uint8_t in[5000];

    (void)state;
    memset(in, 200, sizeof(in));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t out[784];
        fit(cases[i].width, cases[i].height, 1, in, &grey28, out);
        expect_frame(out, cases[i].left, cases[i].top, cases[i].new_width,
                     cases[i].new_height);
    }
}

/* -- The middle cut out -- */

/* Old pixel u among w, at the place of new pixel x of n: how much of it is there? */
static double share(unsigned u, unsigned w, unsigned x, unsigned n)
{
    if (n <= w) {
        double step = (double)w / n;

        return overlap(u, 1, x * step, step) / step;
    }
    double at = (x + 0.5) * w / n - 0.5; /* between the centres of old pixels */
    double off;

    at = at < 0 ? 0 : at > w - 1 ? w - 1 : at;
    off = at > u ? at - u : u - at;
    return off < 1 ? 1 - off : 0;
}

/* One value of the picture scaled to n_x x n_y, the slow way. */
static double scaled_value(const uint8_t *in, unsigned width, unsigned height,
                           unsigned channel, unsigned n_x, unsigned n_y, unsigned x,
                           unsigned y)
{
    double sum = 0.0;

    for (unsigned v = 0; v < height; v++) {
        double part = share(v, height, y, n_y);
        for (unsigned u = 0; part > 0 && u < width; u++)
            sum += part * share(u, width, x, n_x) * in[(v * width + u) * 3 + channel];
    }
    return sum;
}

static void a_crop_is_the_middle_of_the_scaled_picture(void **state)
{
    /* The longer side comes to round(longer * resize / shorter). */
    static const struct {
        unsigned width, height, resize, crop_width, crop_height;
        unsigned scaled_width, scaled_height, left, top;
    } cases[] = {
        { 90, 60, 32, 28, 28, 48, 32, 10, 2 }, { 60, 90, 32, 28, 28, 32, 48, 2, 10 },
        { 61, 50, 33, 20, 30, 40, 33, 10, 1 }, { 20, 13, 32, 28, 28, 49, 32, 10, 2 },
        { 13, 20, 32, 32, 32, 32, 49, 0, 8 },  { 70, 32, 32, 28, 31, 70, 32, 21, 0 },
        { 100, 99, 28, 28, 28, 28, 28, 0, 0 }, { 4, 1, 30, 28, 1, 120, 30, 46, 14 },
        { 29, 29, 28, 28, 28, 28, 28, 0, 0 },
    };
    static uint8_t in[100 * 100 * 3], out[32 * 32 * 3];

    (void)state;
    srand(8);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned width = cases[i].crop_width, height = cases[i].crop_height;
        const struct network_input input = { .height = height,
                                             .width = width,
                                             .channels = 3,
                                             .fit = NETWORK_CROP,
                                             .resize = cases[i].resize };
        fill_random(in, sizeof(in));
        fit(cases[i].width, cases[i].height, 3, in, &input, out);
        for (unsigned k = 0; k < width * height * 3; k++) {
            unsigned x = cases[i].left + k / 3 % width;
            unsigned y = cases[i].top + k / 3 / width;
            double want =
                scaled_value(in, cases[i].width, cases[i].height, k % 3,
                             cases[i].scaled_width, cases[i].scaled_height, x, y);
            double off = want - out[k];

            assert_true(off > -0.501 && off < 0.501);
        }
    }
}

static void a_crop_makes_only_what_is_wanted(void **state)
{
    const struct network_input input = {
        .height = 224, .width = 224, .channels = 3, .fit = NETWORK_CROP, .resize = 4096
    };
    static uint8_t in[IMAGE_MAX_SIDE * 3], out[224 * 224 * 3];

    (void)state;
    /* Scaled it would be 4096 x 67108864. */
    memset(in, 77, sizeof(in));
    fit(1, IMAGE_MAX_SIDE, 3, in, &input, out);
    for (size_t i = 0; i < sizeof(out); i++)
        assert_int_equal(out[i], 77);
}

static void a_picture_of_the_right_size_is_not_cropped(void **state)
{
    const struct network_input input = {
        .height = 28, .width = 28, .channels = 1, .fit = NETWORK_CROP, .resize = 32
    };
    uint8_t in[784], out[784];

    (void)state;
    fill_random(in, sizeof(in));
    fit(28, 28, 1, in, &input, out);
    assert_memory_equal(out, in, sizeof(in));
}

static void blue_first_swaps_pictures_but_not_raw_pixels(void **state)
{
    struct network_input input = {
        .height = 32, .width = 32, .channels = 3, .bgr = true
    };
    static uint8_t in[64 * 64 * 3], rgb[32 * 32 * 3], bgr[32 * 32 * 3];
    char why[ERR_LEN];

    (void)state;
    fill_random(in, sizeof(in));
    for (unsigned side = 32; side <= 64; side += 32) {
        fit(side, side, 3, in, &rgb32, rgb);
        fit(side, side, 3, in, &input, bgr);
        for (size_t i = 0; i < sizeof(rgb); i++)
            assert_int_equal(bgr[i], rgb[i / 3 * 3 + 2 - i % 3]);
    }
    assert_int_equal(image_fit(in, sizeof(bgr), &input, bgr, why), ST_OK);
    assert_memory_equal(bgr, in, sizeof(bgr));
}

static void a_failed_allocation_is_told(void **state)
{
    uint8_t in[56 * 56] = { 0 }, out[784];
    size_t len;
    uint8_t *file = pnm_of(56, 56, 1, in, &len);
    enum status st = ST_NOMEM;
    unsigned nth = 0;

    (void)state;
    for (; st != ST_OK; nth++) {
        char why[ERR_LEN] = "";
        fault_at(nth);
        st = image_fit(file, len, &grey28, out, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && why[0] != '\0'));
    }
    assert_true(nth > 1);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_bytes_tell_the_type),
        cmocka_unit_test(raw_pixels_are_copied),
        cmocka_unit_test(raw_pixels_of_another_length_are_refused),
        cmocka_unit_test(other_formats_are_named),
        cmocka_unit_test(an_exact_picture_is_copied_bit_for_bit),
        cmocka_unit_test(colour_becomes_luma_and_grey_becomes_colour),
        cmocka_unit_test(every_grey_survives_the_luma),
        cmocka_unit_test(a_picture_of_one_value_keeps_it),
        cmocka_unit_test(doubled_pixels_shrink_to_the_original),
        cmocka_unit_test(shrinking_takes_the_mean_of_the_area),
        cmocka_unit_test(enlarging_a_ramp_gives_a_ramp),
        cmocka_unit_test(aspect_is_kept_and_the_rest_is_black),
        cmocka_unit_test(a_crop_is_the_middle_of_the_scaled_picture),
        cmocka_unit_test(a_crop_makes_only_what_is_wanted),
        cmocka_unit_test(a_picture_of_the_right_size_is_not_cropped),
        cmocka_unit_test(blue_first_swaps_pictures_but_not_raw_pixels),
        cmocka_unit_test(a_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
