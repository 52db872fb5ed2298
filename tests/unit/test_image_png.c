/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image.h"

#include "tests/lib/fault.h"

#include <setjmp.h>
#include <spng.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define WIDTH  11
#define HEIGHT 9
#define PIXELS (WIDTH * HEIGHT)

static const struct network_input grey = { .height = HEIGHT,
                                           .width = WIDTH,
                                           .channels = 1 };
static const struct network_input rgb = { .height = HEIGHT,
                                          .width = WIDTH,
                                          .channels = 3 };

struct png {
    uint8_t *bytes; /* from spng: free() */
    size_t len;
};

/* What a test draws: raw samples as the file has them, and what they must come to. */
struct drawing {
    struct spng_ihdr ihdr;
    struct spng_plte plte;
    struct spng_trns trns;
    bool has_plte, has_trns;
    uint8_t raw[PIXELS * 8];      /* rows packed as in the file, 16 bits big-endian */
    uint8_t expected[PIXELS * 3]; /* RGB over black */
};

static struct png encode(const struct drawing *drawing)
{
    struct spng_ihdr ihdr = drawing->ihdr;
    struct spng_plte plte = drawing->plte;
    struct spng_trns trns = drawing->trns;
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    static const unsigned samples[] = { 1, 0, 3, 1, 2, 0, 4 };
    size_t row_bits = (size_t)ihdr.width * ihdr.bit_depth * samples[ihdr.color_type];
    struct png png;
    int code = 0;

    assert_non_null(ctx);
    assert_int_equal(spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1), 0);
    assert_int_equal(spng_set_ihdr(ctx, &ihdr), 0);
    if (drawing->has_plte)
        assert_int_equal(spng_set_plte(ctx, &plte), 0);
    if (drawing->has_trns)
        assert_int_equal(spng_set_trns(ctx, &trns), 0);
    code = spng_encode_image(ctx, drawing->raw, (row_bits + 7) / 8 * ihdr.height,
                             SPNG_FMT_RAW, SPNG_ENCODE_FINALIZE);
    if (code != 0)
        fail_msg("encode: %s", spng_strerror(code));
    png.bytes = spng_get_png_buffer(ctx, &png.len, &code);
    assert_non_null(png.bytes);
    spng_ctx_free(ctx);
    return png;
}

/* Sample number `sample` of row `y`, `bits` wide, written where PNG has it. */
static void put_sample(struct drawing *drawing, unsigned y, unsigned sample, unsigned n,
                       unsigned value)
{
    unsigned bits = drawing->ihdr.bit_depth;
    size_t row = (size_t)y * ((WIDTH * n * bits + 7) / 8);
    size_t bit = (size_t)sample * bits;

    for (unsigned b = 0; b < bits; b++, bit++) {
        unsigned one = value >> (bits - 1 - b) & 1;
        drawing->raw[row + bit / 8] |= (uint8_t)(one << (7 - bit % 8));
    }
}

static unsigned to_8(unsigned value, unsigned bits)
{
    unsigned max = (1u << bits) - 1;

    return (value * 255u + max / 2) / max;
}

static unsigned over_black(unsigned value, unsigned alpha)
{
    return (value * alpha + 127) / 255;
}

static bool is_keyed(const struct drawing *drawing, const unsigned v[4])
{
    if (!drawing->has_trns)
        return false;
    if (drawing->ihdr.color_type == SPNG_COLOR_TYPE_GRAYSCALE)
        return v[0] == drawing->trns.gray;
    return v[0] == drawing->trns.red && v[1] == drawing->trns.green &&
           v[2] == drawing->trns.blue;
}

/* Random pixels of any colour type, and the RGB they stand for. */
static void draw(struct drawing *drawing)
{
    static const unsigned samples[] = { 1, 0, 3, 1, 2, 0, 4 };
    unsigned type = drawing->ihdr.color_type, bits = drawing->ihdr.bit_depth;
    unsigned n = samples[type];

    memset(drawing->raw, 0, sizeof(drawing->raw));
    for (unsigned i = 0; i < PIXELS; i++) {
        unsigned v[4] = { 0 }, c[4];
        uint8_t *expected = drawing->expected + (size_t)i * 3;

        for (unsigned s = 0; s < n; s++) {
            v[s] = (unsigned)rand() >> 3 & ((1u << bits) - 1);
            if (type == SPNG_COLOR_TYPE_INDEXED)
                v[s] %= drawing->plte.n_entries;
            put_sample(drawing, i / WIDTH, i % WIDTH * n + s, n, v[s]);
        }
        for (unsigned s = 0; s < 4; s++)
            c[s] = to_8(v[s], bits);
        unsigned alpha = is_keyed(drawing, v) ? 0 : 255;
        if (type == SPNG_COLOR_TYPE_INDEXED) {
            const struct spng_plte_entry *entry = &drawing->plte.entries[v[0]];
            c[0] = entry->red;
            c[1] = entry->green;
            c[2] = entry->blue;
            alpha = drawing->has_trns && v[0] < drawing->trns.n_type3_entries
                        ? drawing->trns.type3_alpha[v[0]]
                        : 255;
        } else if (n <= 2) {
            alpha = n == 2 ? c[1] : alpha;
            c[1] = c[2] = c[0];
        } else {
            alpha = n == 4 ? c[3] : alpha;
        }
        for (unsigned k = 0; k < 3; k++)
            expected[k] = (uint8_t)over_black(c[k], alpha);
    }
}

static void check_fit(const struct drawing *drawing)
{
    struct png png = encode(drawing);
    uint8_t pixels[PIXELS * 3];
    char why[ERR_LEN] = "";

    if (image_fit(png.bytes, png.len, &rgb, pixels, why) != ST_OK)
        fail_msg("%s", why);
    assert_memory_equal(pixels, drawing->expected, PIXELS * 3);
    assert_int_equal(image_fit(png.bytes, png.len, &grey, pixels, why), ST_OK);
    for (unsigned i = 0; i < PIXELS; i++) {
        const uint8_t *c = drawing->expected + (size_t)i * 3;
        assert_int_equal(pixels[i], (299 * c[0] + 587 * c[1] + 114 * c[2] + 500) / 1000);
    }
    free(png.bytes);
}

static struct drawing new_drawing(unsigned type, unsigned bits, bool interlaced)
{
    struct drawing drawing = { .ihdr = { .width = WIDTH,
                                         .height = HEIGHT,
                                         .bit_depth = (uint8_t)bits,
                                         .color_type = (uint8_t)type,
                                         .interlace_method = interlaced } };

    if (type != SPNG_COLOR_TYPE_INDEXED)
        return drawing;
    drawing.has_plte = true;
    drawing.plte.n_entries = bits == 8 ? 200 : 1u << bits;
    for (unsigned i = 0; i < drawing.plte.n_entries; i++) {
        drawing.plte.entries[i].red = (uint8_t)rand();
        drawing.plte.entries[i].green = (uint8_t)rand();
        drawing.plte.entries[i].blue = (uint8_t)rand();
    }
    return drawing;
}

static const struct {
    unsigned type, bits;
} kinds[] = {
    { SPNG_COLOR_TYPE_GRAYSCALE, 1 },        { SPNG_COLOR_TYPE_GRAYSCALE, 2 },
    { SPNG_COLOR_TYPE_GRAYSCALE, 4 },        { SPNG_COLOR_TYPE_GRAYSCALE, 8 },
    { SPNG_COLOR_TYPE_GRAYSCALE, 16 },       { SPNG_COLOR_TYPE_TRUECOLOR, 8 },
    { SPNG_COLOR_TYPE_TRUECOLOR, 16 },       { SPNG_COLOR_TYPE_INDEXED, 1 },
    { SPNG_COLOR_TYPE_INDEXED, 2 },          { SPNG_COLOR_TYPE_INDEXED, 4 },
    { SPNG_COLOR_TYPE_INDEXED, 8 },          { SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 8 },
    { SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, 16 }, { SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8 },
    { SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 16 },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void every_colour_type_and_depth_is_read(void **state)
{
    (void)state;
    srand(8);
    for (size_t k = 0; k < N_KINDS; k++) {
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            struct drawing drawing =
                new_drawing(kinds[k].type, kinds[k].bits, interlaced);
            draw(&drawing);
            check_fit(&drawing);
        }
    }
}

static void transparent_colours_are_black(void **state)
{
    (void)state;
    srand(9);
    for (size_t k = 0; k < N_KINDS; k++) {
        struct drawing drawing = new_drawing(kinds[k].type, kinds[k].bits, k & 1);

        if (kinds[k].type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ||
            kinds[k].type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA)
            continue;
        drawing.has_trns = true;
        drawing.trns.gray = 1;
        drawing.trns.red = drawing.trns.green = drawing.trns.blue = 7;
        drawing.trns.n_type3_entries = drawing.plte.n_entries;
        for (unsigned i = 0; i < drawing.plte.n_entries; i++)
            drawing.trns.type3_alpha[i] = (uint8_t)rand();
        draw(&drawing);
        check_fit(&drawing);
    }
}

static struct png any_png(bool interlaced)
{
    struct drawing drawing = new_drawing(SPNG_COLOR_TYPE_TRUECOLOR_ALPHA, 8, interlaced);

    draw(&drawing);
    return encode(&drawing);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        struct png png = any_png(interlaced);

        for (size_t len = 0; len < png.len; len++) {
            uint8_t *exact = malloc(len + 1), pixels[PIXELS * 3];
            char why[ERR_LEN] = "";

            assert_non_null(exact);
            memcpy(exact, png.bytes, len);
            assert_int_equal(image_fit(exact, len, &rgb, pixels, why), ST_FORMAT);
            assert_string_not_equal(why, "");
            free(exact);
        }
        free(png.bytes);
    }
}

static void any_changed_byte_is_refused_or_harmless(void **state)
{
    struct png png = any_png(false);

    (void)state;
    for (size_t at = 8; at < png.len; at++) {
        uint8_t pixels[PIXELS * 3];
        char why[ERR_LEN] = "";

        png.bytes[at] ^= 0x10;
        /* Checksums cover every byte behind the signature. */
        assert_int_not_equal(image_fit(png.bytes, png.len, &rgb, pixels, why), ST_OK);
        png.bytes[at] ^= 0x10;
    }
    free(png.bytes);
}

/* Writes another size into the header, with a right checksum. */
static void set_size(struct png *png, uint32_t width, uint32_t height)
{
    for (unsigned i = 0; i < 4; i++) {
        png->bytes[16 + i] = (uint8_t)(width >> (24 - 8 * i));
        png->bytes[20 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    uint32_t crc = (uint32_t)crc32(0, png->bytes + 12, 17);
    for (unsigned i = 0; i < 4; i++)
        png->bytes[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void huge_sizes_are_refused_before_memory_is_taken(void **state)
{
    static const uint32_t sizes[][2] = {
        { 0x7fffffff, 0x7fffffff },
        { IMAGE_MAX_SIDE + 1, 1 },
        { 1, IMAGE_MAX_SIDE + 1 },
        { IMAGE_MAX_SIDE, IMAGE_MAX_SIDE },
    };
    struct png png = any_png(false);

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t pixels[PIXELS * 3];
        char why[ERR_LEN] = "", expected[64];

        set_size(&png, sizes[i][0], sizes[i][1]);
        /* The first allocation is spng's own context; the second would be the picture's.
         */
        fault_at(1);
        assert_int_equal(image_fit(png.bytes, png.len, &rgb, pixels, why), ST_RANGE);
        fault_off();
        snprintf(expected, sizeof(expected), "%lu x %lu", (unsigned long)sizes[i][0],
                 (unsigned long)sizes[i][1]);
        assert_non_null(strstr(why, expected));
    }
    set_size(&png, 0, 5);
    uint8_t pixels[PIXELS * 3];
    char why[ERR_LEN] = "";
    assert_int_equal(image_fit(png.bytes, png.len, &rgb, pixels, why), ST_FORMAT);
    free(png.bytes);
}

static void a_failed_allocation_is_told(void **state)
{
    (void)state;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        static const struct network_input small = { .height = 4,
                                                    .width = 4,
                                                    .channels = 3 };
        struct png png = any_png(interlaced);
        enum status st = ST_NOMEM;
        unsigned nth = 0;

        for (; st != ST_OK; nth++) {
            uint8_t pixels[4 * 4 * 3];
            char why[ERR_LEN] = "";
            fault_at(nth);
            st = image_fit(png.bytes, png.len, &small, pixels, why);
            fault_off();
            /* zlib is told of a failure as of any other and says no more than that. */
            assert_true(st == ST_OK || (st != ST_RANGE && why[0] != '\0'));
            assert_true(nth < 100);
        }
        assert_true(nth > 5);
        free(png.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_colour_type_and_depth_is_read),
        cmocka_unit_test(transparent_colours_are_black),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(any_changed_byte_is_refused_or_harmless),
        cmocka_unit_test(huge_sizes_are_refused_before_memory_is_taken),
        cmocka_unit_test(a_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
