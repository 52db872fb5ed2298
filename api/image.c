/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image.h"

#include "api/image_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const uint8_t *bytes, size_t len, const char *magic, size_t magic_len)
{
    return len >= magic_len && memcmp(bytes, magic, magic_len) == 0;
}

static bool is_pnm(const uint8_t *bytes, size_t len)
{
    if (len < 3 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6')
        return false;
    return bytes[2] == '#' || bytes[2] == ' ' || (bytes[2] >= '\t' && bytes[2] <= '\r');
}

enum image_type image_sniff(const uint8_t *bytes, size_t len)
{
    if (begins(bytes, len, "\x89PNG\r\n\x1a\n", 8))
        return IMAGE_PNG;
    /* A start mark, and the first byte of the next mark and its kind. */
    if (begins(bytes, len, "\xff\xd8\xff", 3) && len >= 4 && bytes[3] >= 0xc0)
        return IMAGE_JPEG;
    return is_pnm(bytes, len) ? IMAGE_PNM : IMAGE_RAW;
}

/* Formats that people send and that are not read here; NULL for none of them. */
static const char *foreign_format(const uint8_t *bytes, size_t len)
{
    if (begins(bytes, len, "GIF87a", 6) || begins(bytes, len, "GIF89a", 6))
        return "a GIF picture";
    if (begins(bytes, len, "RIFF", 4) && len >= 12 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return "a WebP picture";
    if (begins(bytes, len, "BM", 2) && len >= 26)
        return "a BMP picture";
    if (begins(bytes, len, "II*\0", 4) || begins(bytes, len, "MM\0*", 4))
        return "a TIFF picture";
    if (begins(bytes, len, "P7\n", 3))
        return "a PAM picture";
    if (begins(bytes, len, "P7 332\n", 7) || begins(bytes, len, "PF\n", 3) ||
        begins(bytes, len, "Pf\n", 3))
        return "a floating point or thumbnail map";
    if (len >= 12 && memcmp(bytes + 4, "ftypavif", 8) == 0)
        return "an AVIF picture";
    if (len >= 12 && memcmp(bytes + 4, "ftypheic", 8) == 0)
        return "a HEIC picture";
    return NULL;
}

static enum status fit_raw(const uint8_t *bytes, size_t len,
                           const struct network_input *input, uint8_t *ret_pixels,
                           char why[ERR_LEN])
{
    size_t expected = (size_t)input->height * input->width * input->channels;

    /* The exact length counts for more than a resemblance of the first bytes. */
    if (len == expected) {
        memcpy(ret_pixels, bytes, len);
        return ST_OK;
    }
    const char *found = foreign_format(bytes, len);
    if (found != NULL) {
        snprintf(why, ERR_LEN,
                 "found %s; expected PNG, JPEG, PGM, PPM or %zu bytes of raw pixels",
                 found, expected);
        return ST_UNSUPPORTED;
    }
    snprintf(why, ERR_LEN, "raw pixels: expected %zu bytes (%u x %u x %u), found %zu",
             expected, (unsigned)input->height, (unsigned)input->width,
             (unsigned)input->channels, len);
    return ST_FORMAT;
}

/* Where a decoder writes: straight into the answer if nothing has to be scaled. */
struct placing {
    const struct network_input *input;
    uint8_t *target;          /* borrowed: the answer */
    struct image_plane plane; /* pixels ours unless they are the target */
};

static enum status place(void *ctx, uint32_t width, uint32_t height, uint32_t channels,
                         uint8_t **ret_pixels, char why[ERR_LEN])
{
    struct placing *placing = ctx;

    if (width == 0 || height == 0) {
        snprintf(why, ERR_LEN, "picture of %lu x %lu pixels: expected at least 1 x 1",
                 (unsigned long)width, (unsigned long)height);
        return ST_FORMAT;
    }
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE ||
        (size_t)width * height > IMAGE_MAX_PIXELS) {
        snprintf(
            why, ERR_LEN,
            "picture of %lu x %lu pixels: at most %d to a side and %zu in all are read",
            (unsigned long)width, (unsigned long)height, IMAGE_MAX_SIDE,
            IMAGE_MAX_PIXELS);
        return ST_RANGE;
    }
    placing->plane = (struct image_plane) { width, height, channels, placing->target };
    if (width != placing->input->width || height != placing->input->height) {
        placing->plane.pixels = malloc((size_t)width * height * channels);
        if (placing->plane.pixels == NULL) {
            snprintf(why, ERR_LEN, "out of memory for a picture of %lu x %lu pixels",
                     (unsigned long)width, (unsigned long)height);
            return ST_NOMEM;
        }
    }
    *ret_pixels = placing->plane.pixels;
    return ST_OK;
}

static enum status resize(const struct image_plane *from,
                          const struct network_input *input, uint8_t *ret_pixels)
{
    if (input->fit == NETWORK_CROP)
        return image_crop(from, input->resize, input->width, input->height, ret_pixels);
    return image_resize(from, input->width, input->height, ret_pixels);
}

static void swap_red_and_blue(uint8_t *pixels, size_t n_pixels)
{
    for (uint8_t *at = pixels; at < pixels + 3 * n_pixels; at += 3) {
        uint8_t first = at[0];

        at[0] = at[2];
        at[2] = first;
    }
}

enum status image_fit(const uint8_t *bytes, size_t len, const struct network_input *input,
                      uint8_t *ret_pixels, char why[ERR_LEN])
{
    struct placing placing = { .input = input, .target = ret_pixels };
    enum status st = ST_OK;

    switch (image_sniff(bytes, len)) {
    case IMAGE_PNG:
        st = image_png_decode(bytes, len, input->channels, place, &placing, why);
        break;
    case IMAGE_JPEG:
        st = image_jpeg_decode(bytes, len, input->channels, place, &placing, why);
        break;
    case IMAGE_PNM:
        st = image_pnm_decode(bytes, len, input->channels, place, &placing, why);
        break;
    case IMAGE_RAW:
        return fit_raw(bytes, len, input, ret_pixels, why);
    }
    bool scale = placing.plane.pixels != ret_pixels;
    if (st == ST_OK && scale) {
        st = resize(&placing.plane, input, ret_pixels);
        if (st != ST_OK)
            snprintf(why, ERR_LEN, "out of memory for scaling a picture");
    }
    if (scale)
        free(placing.plane.pixels);
    if (st == ST_OK && input->bgr)
        swap_red_and_blue(ret_pixels, (size_t)input->width * input->height);
    return st;
}
