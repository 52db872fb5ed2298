/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include <cmocka.h>

#define WIDTH  61
#define HEIGHT 45
#define PIXELS (WIDTH * HEIGHT)

static const struct network_input grey = { .height = HEIGHT,
                                           .width = WIDTH,
                                           .channels = 1 };
static const struct network_input rgb = { .height = HEIGHT,
                                          .width = WIDTH,
                                          .channels = 3 };

struct jpeg {
    uint8_t *bytes; /* malloc'ed */
    size_t len;
};

/* Smooth, so that little is lost. */
static void draw(uint8_t *pixels)
{
    for (unsigned i = 0; i < PIXELS; i++) {
        unsigned x = i % WIDTH, y = i / WIDTH;

        pixels[3 * i] = (uint8_t)(40 + x * 3);
        pixels[3 * i + 1] = (uint8_t)(200 - y * 3);
        pixels[3 * i + 2] = (uint8_t)(60 + x + y);
    }
}

static struct jpeg encode(const uint8_t *pixels, int width, int height, int format,
                          int sampling, int flags)
{
    tjhandle turbo = tjInitCompress();
    unsigned char *bytes = NULL;
    unsigned long len = 0;
    struct jpeg jpeg;

    assert_non_null(turbo);
    if (tjCompress2(turbo, pixels, width, 0, height, format, &bytes, &len, sampling, 95,
                    flags) != 0)
        fail_msg("encode: %s", tjGetErrorStr2(turbo));
    jpeg.bytes = malloc(len);
    assert_non_null(jpeg.bytes);
    memcpy(jpeg.bytes, bytes, len);
    jpeg.len = len;
    tjFree(bytes);
    tjDestroy(turbo);
    return jpeg;
}

static struct jpeg example(int flags)
{
    uint8_t pixels[PIXELS * 3];

    draw(pixels);
    return encode(pixels, WIDTH, HEIGHT, TJPF_RGB, TJSAMP_420, flags);
}

/* Where the first marker is; the file has it. */
static uint8_t *find_marker(const struct jpeg *jpeg, unsigned marker)
{
    for (size_t i = 0; i + 1 < jpeg->len; i++)
        if (jpeg->bytes[i] == 0xff && jpeg->bytes[i + 1] == marker)
            return jpeg->bytes + i;
    fail_msg("no marker %02x", marker);
    return NULL;
}

static void expect_refused(const struct jpeg *jpeg, enum status st, const char *words)
{
    uint8_t pixels[PIXELS * 3];
    char why[ERR_LEN] = "";

    assert_int_equal(image_fit(jpeg->bytes, jpeg->len, &rgb, pixels, why), st);
    if (strstr(why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, words);
}

static void expect_near(const uint8_t *a, const uint8_t *b, size_t len, int off)
{
    for (size_t i = 0; i < len; i++)
        if (abs(a[i] - b[i]) > off)
            fail_msg("value %zu: %d, expected %d", i, a[i], b[i]);
}

static void every_sampling_is_read_baseline_and_progressive(void **state)
{
    static const int flags[] = { 0, TJFLAG_PROGRESSIVE };
    uint8_t in[PIXELS * 3], luma[PIXELS], out[PIXELS * 3];
    char why[ERR_LEN] = "";

    (void)state;
    draw(in);
    for (size_t i = 0; i < PIXELS; i++)
        luma[i] = (uint8_t)((299 * in[3 * i] + 587 * in[3 * i + 1] + 114 * in[3 * i + 2] +
                             500) /
                            1000);
    for (size_t f = 0; f < 2; f++) {
        for (int sampling = 0; sampling < TJ_NUMSAMP; sampling++) {
            struct jpeg jpeg = encode(in, WIDTH, HEIGHT, TJPF_RGB, sampling, flags[f]);

            assert_int_equal(image_sniff(jpeg.bytes, jpeg.len), IMAGE_JPEG);
            if (image_fit(jpeg.bytes, jpeg.len, &rgb, out, why) != ST_OK)
                fail_msg("%s", why);
            if (sampling == TJSAMP_GRAY) {
                for (size_t i = 0; i < sizeof(out); i++)
                    assert_true(abs(out[i] - luma[i / 3]) <= 4);
            } else {
                expect_near(out, in, sizeof(in), 9);
            }
            assert_int_equal(image_fit(jpeg.bytes, jpeg.len, &grey, out, why), ST_OK);
            expect_near(out, luma, sizeof(luma), 4);
            free(jpeg.bytes);
        }
    }
}

/* Four blocks of luma in a row and four in a column are coded alike where both fill a
 * picture of one colour, but the library has no name for the column. */
static void a_sampling_without_a_name_is_read(void **state)
{
    const struct network_input input = { .height = 32, .width = 32, .channels = 3 };
    uint8_t in[32 * 32 * 3], out[32 * 32 * 3];
    char why[ERR_LEN] = "";

    (void)state;
    memset(in, 90, sizeof(in));
    struct jpeg jpeg = encode(in, 32, 32, TJPF_RGB, TJSAMP_411, 0);
    uint8_t *frame = find_marker(&jpeg, 0xc0);
    assert_int_equal(frame[11], 0x41);
    frame[11] = 0x14;
    if (image_fit(jpeg.bytes, jpeg.len, &input, out, why) != ST_OK)
        fail_msg("%s", why);
    expect_near(out, in, sizeof(in), 1);
    free(jpeg.bytes);
}

static void samples_that_are_rgb_are_taken_so(void **state)
{
    static const uint8_t adobe[] = { 0xff, 0xee, 0,   14, 'A', 'd', 'o', 'b',
                                     'e',  0,    100, 0,  0,   0,   0,   0 };
    uint8_t in[PIXELS * 3], out[PIXELS * 3];
    char why[ERR_LEN] = "";

    (void)state;
    memset(in, 90, sizeof(in));
    struct jpeg jpeg = encode(in, WIDTH, HEIGHT, TJPF_RGB, TJSAMP_444, 0);
    /* Adobe's mark says "not transformed", in the place of JFIF's, which is 18 bytes. */
    uint8_t *file = malloc(jpeg.len + 18);
    assert_non_null(file);
    memcpy(file, "\xff\xd8", 2);
    memcpy(file + 2, adobe, sizeof(adobe));
    memcpy(file + 2 + sizeof(adobe), jpeg.bytes + 20, jpeg.len - 20);
    size_t len = 2 + sizeof(adobe) + jpeg.len - 20;

    if (image_fit(file, len, &rgb, out, why) != ST_OK)
        fail_msg("%s", why);
    /* What was luma 90 and two colours of nothing. */
    for (size_t i = 0; i < sizeof(out); i++)
        assert_true(abs(out[i] - (i % 3 == 0 ? 90 : 128)) <= 1);
    assert_int_equal(image_fit(file, len, &grey, out, why), ST_OK);
    assert_true(abs(out[0] - (299 * 90 + 701 * 128) / 1000) <= 1);
    free(file);
    free(jpeg.bytes);
}

static void the_same_picture_gives_the_same_pixels(void **state)
{
    uint8_t direct[PIXELS * 3], out[28 * 28 * 3], want[28 * 28 * 3];
    const struct network_input crop = {
        .height = 28,
        .width = 28,
        .channels = 3,
        .fit = NETWORK_CROP,
        .resize = 32,
        .bgr = true,
    };
    char why[ERR_LEN] = "";
    struct jpeg jpeg = example(0);

    (void)state;
    assert_int_equal(image_fit(jpeg.bytes, jpeg.len, &rgb, direct, why), ST_OK);
    assert_int_equal(image_fit(jpeg.bytes, jpeg.len, &crop, out, why), ST_OK);
    /* The decoded pixels as a PPM go the same way. */
    char header[32];
    int n = snprintf(header, sizeof(header), "P6 %d %d 255\n", WIDTH, HEIGHT);
    uint8_t *ppm = malloc((size_t)n + sizeof(direct));
    assert_non_null(ppm);
    memcpy(ppm, header, (size_t)n);
    memcpy(ppm + n, direct, sizeof(direct));
    assert_int_equal(image_fit(ppm, (size_t)n + sizeof(direct), &crop, want, why), ST_OK);
    assert_memory_equal(out, want, sizeof(out));
    free(ppm);
    free(jpeg.bytes);
}

static void every_cut_is_refused(void **state)
{
    static const int flags[] = { 0, TJFLAG_PROGRESSIVE };
    uint8_t out[PIXELS * 3];

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct jpeg jpeg = example(flags[f]);

        for (size_t len = 4; len < jpeg.len; len++) {
            uint8_t *copy = malloc(len); /* of its own, so that reading on is seen */
            char why[ERR_LEN] = "";

            assert_non_null(copy);
            memcpy(copy, jpeg.bytes, len);
            assert_int_equal(image_fit(copy, len, &rgb, out, why), ST_FORMAT);
            assert_true(strncmp(why, "JPEG: ", 6) == 0 && strlen(why) > 8);
            free(copy);
        }
        free(jpeg.bytes);
    }
}

static void what_follows_the_end_is_ignored(void **state)
{
    struct jpeg jpeg = example(0);
    uint8_t *longer = malloc(jpeg.len + 100), out[PIXELS * 3];
    char why[ERR_LEN];

    (void)state;
    assert_non_null(longer);
    memcpy(longer, jpeg.bytes, jpeg.len);
    memset(longer + jpeg.len, 0xff, 100);
    assert_int_equal(image_fit(longer, jpeg.len + 100, &rgb, out, why), ST_OK);
    free(longer);
    free(jpeg.bytes);
}

static void broken_bytes_never_hurt(void **state)
{
    static const int flags[] = { 0, TJFLAG_PROGRESSIVE };
    uint8_t out[PIXELS * 3];

    (void)state;
    srand(11);
    for (size_t f = 0; f < 2; f++) {
        struct jpeg jpeg = example(flags[f]);

        for (unsigned i = 0; i < 3000; i++) {
            size_t at = 4 + (size_t)rand() % (jpeg.len - 4);
            uint8_t was = jpeg.bytes[at];
            char why[ERR_LEN] = "";

            jpeg.bytes[at] = (uint8_t)(rand() >> 4);
            enum status st = image_fit(jpeg.bytes, jpeg.len, &rgb, out, why);
            assert_true(st == ST_OK || why[0] != '\0');
            jpeg.bytes[at] = was;
        }
        free(jpeg.bytes);
    }
}

static void what_is_not_read_is_named(void **state)
{
    uint8_t cmyk[PIXELS * 4] = { 0 };
    struct jpeg jpeg = encode(cmyk, WIDTH, HEIGHT, TJPF_CMYK, TJSAMP_444, 0);

    (void)state;
    expect_refused(&jpeg, ST_UNSUPPORTED, "CMYK");
    free(jpeg.bytes);

    jpeg = example(0);
    uint8_t *frame = find_marker(&jpeg, 0xc0);
    frame[4] = 12;
    expect_refused(&jpeg, ST_UNSUPPORTED, "12 bits");
    frame[4] = 8;
    frame[1] = 0xc3;
    expect_refused(&jpeg, ST_UNSUPPORTED, "lossless");
    frame[1] = 0xc5;
    expect_refused(&jpeg, ST_UNSUPPORTED, "hierarchical");
    frame[1] = 0xc9;
    expect_refused(&jpeg, ST_UNSUPPORTED, "arithmetic-coded");
    free(jpeg.bytes);
}

static void sizes_beyond_the_limits_are_refused_before_memory_is_taken(void **state)
{
    struct jpeg jpeg = example(0);
    uint8_t *frame = find_marker(&jpeg, 0xc0);

    (void)state;
    memcpy(frame + 5, "\x40\x01\x00\x10", 4); /* 16385 high */
    expect_refused(&jpeg, ST_RANGE, "16 x 16385");
    memcpy(frame + 5, "\x40\x00\x40\x00", 4); /* 2^28 pixels */
    expect_refused(&jpeg, ST_RANGE, "16384 x 16384");
    memcpy(frame + 5, "\x00\x00\x00\x10", 4);
    expect_refused(&jpeg, ST_FORMAT, "JPEG: ");
    free(jpeg.bytes);

    jpeg = example(TJFLAG_PROGRESSIVE);
    frame = find_marker(&jpeg, 0xc2);
    memcpy(frame + 5, "\x20\x00\x20\x00", 4); /* 2^26 */
    expect_refused(&jpeg, ST_RANGE, "in several scans");
    free(jpeg.bytes);
}

static void many_scans_are_refused(void **state)
{
    struct jpeg jpeg = example(TJFLAG_PROGRESSIVE);
    uint8_t *last = jpeg.bytes + jpeg.len - 2; /* the end mark */
    size_t scan_at = (size_t)(find_marker(&jpeg, 0xda) - jpeg.bytes), head = 2;
    uint8_t *file;
    struct jpeg many;

    (void)state;
    assert_int_equal(last[1], 0xd9);
    head += (size_t)jpeg.bytes[scan_at + 2] << 8 | jpeg.bytes[scan_at + 3];
    many.len = jpeg.len - 2;
    file = many.bytes = malloc(jpeg.len + 100 * head);
    assert_non_null(file);
    memcpy(file, jpeg.bytes, jpeg.len - 2);
    for (unsigned i = 0; i < 100; i++) {
        memcpy(file + many.len, jpeg.bytes + scan_at, head);
        many.len += head;
    }
    memcpy(file + many.len, "\xff\xd9", 2);
    many.len += 2;
    expect_refused(&many, ST_RANGE, "at most 100");
    free(file);
    free(jpeg.bytes);
}

static void a_failed_allocation_is_told(void **state)
{
    struct jpeg jpeg = example(0);
    const struct network_input small = { .height = 9, .width = 9, .channels = 3 };
    enum status st = ST_NOMEM;
    uint8_t out[9 * 9 * 3];
    unsigned nth = 0;

    (void)state;
    for (; st != ST_OK; nth++) {
        char why[ERR_LEN] = "";

        fault_at(nth);
        st = image_fit(jpeg.bytes, jpeg.len, &small, out, why);
        fault_off();
        assert_true(st == ST_OK || (st == ST_NOMEM && why[0] != '\0'));
    }
    assert_true(nth > 1);
    free(jpeg.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sampling_is_read_baseline_and_progressive),
        cmocka_unit_test(a_sampling_without_a_name_is_read),
        cmocka_unit_test(samples_that_are_rgb_are_taken_so),
        cmocka_unit_test(the_same_picture_gives_the_same_pixels),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(what_follows_the_end_is_ignored),
        cmocka_unit_test(broken_bytes_never_hurt),
        cmocka_unit_test(what_is_not_read_is_named),
        cmocka_unit_test(sizes_beyond_the_limits_are_refused_before_memory_is_taken),
        cmocka_unit_test(many_scans_are_refused),
        cmocka_unit_test(a_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
