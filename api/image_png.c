/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image.h"
#include "api/image_decode.h"

#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text and colour profiles that come with a picture, each and together. */
#define MAX_CHUNK_BYTES  ((size_t)4 << 20)
#define MAX_CHUNKS_BYTES ((size_t)16 << 20)

static enum status from_spng(int code, char why[ERR_LEN])
{
    snprintf(why, ERR_LEN, "PNG: %s", spng_strerror(code));
    if (code == SPNG_EMEM)
        return ST_NOMEM;
    if (code == SPNG_ECHUNK_LIMITS)
        return ST_RANGE;
    return ST_FORMAT;
}

/* Row `y` of a pass of an interlaced picture holds every step-th pixel from `first` on.
 */
struct row_span {
    uint32_t first, step;
};

static struct row_span span_of(const struct spng_ihdr *ihdr, int pass)
{
    static const struct row_span adam7[7] = {
        { 0, 8 }, { 4, 8 }, { 0, 4 }, { 2, 4 }, { 0, 2 }, { 1, 2 }, { 0, 1 },
    };
    if (ihdr->interlace_method == SPNG_INTERLACE_NONE)
        return (struct row_span) { 0, 1 };
    return adam7[pass];
}

static uint8_t over_black(uint8_t value, uint8_t alpha)
{
    return (uint8_t)((value * alpha + 127) / 255);
}

/* The row as spng gives it: RGBA with 8 or 16 bits a sample. */
static void take_row(const struct spng_ihdr *ihdr, struct row_span span,
                     const uint8_t *row, uint32_t channels, uint8_t *pixels)
{
    for (uint32_t x = span.first; x < ihdr->width; x += span.step) {
        uint8_t rgba[4];
        if (ihdr->bit_depth == 16) {
            uint16_t wide[4];
            memcpy(wide, row + (size_t)x * sizeof(wide), sizeof(wide));
            for (unsigned c = 0; c < 4; c++)
                rgba[c] = image_scaled(wide[c], 65535);
        } else {
            memcpy(rgba, row + (size_t)x * sizeof(rgba), sizeof(rgba));
        }
        image_put(pixels + (size_t)x * channels, channels, over_black(rgba[0], rgba[3]),
                  over_black(rgba[1], rgba[3]), over_black(rgba[2], rgba[3]));
    }
}

/* Row by row: of the picture only the answer's own pixels are in memory at once. */
static enum status read_rows(spng_ctx *png, const struct spng_ihdr *ihdr,
                             uint32_t channels, uint8_t *pixels, char why[ERR_LEN])
{
    int format = ihdr->bit_depth == 16 ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8;
    size_t row_len = (size_t)ihdr->width * (ihdr->bit_depth == 16 ? 8 : 4);
    uint8_t *row = malloc(row_len);
    if (row == NULL)
        return from_spng(SPNG_EMEM, why);

    int code = spng_decode_image(png, NULL, 0, format,
                                 SPNG_DECODE_TRNS | SPNG_DECODE_PROGRESSIVE);
    while (code == 0) {
        struct spng_row_info info;
        code = spng_get_row_info(png, &info);
        if (code != 0)
            break;
        code = spng_decode_row(png, row, row_len);
        if (code != 0 && code != SPNG_EOI)
            break;
        take_row(ihdr, span_of(ihdr, info.pass), row, channels,
                 pixels + (size_t)info.row_num * ihdr->width * channels);
    }
    free(row);
    if (code != SPNG_EOI)
        return from_spng(code, why);
    /* What follows the pixels up to the end mark: a cut file is an error even there. */
    code = spng_decode_chunks(png);
    return code == 0 ? ST_OK : from_spng(code, why);
}

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           bytes[3];
}

/* Is the end mark there with its checksum? spng is content without the last bytes. */
static bool is_whole(const uint8_t *bytes, size_t len)
{
    const size_t around = 12; /* length, type and checksum of a chunk */

    for (size_t at = 8; len - at >= around;) {
        size_t chunk_len = read_u32(bytes + at);
        if (memcmp(bytes + at + 4, "IEND", 4) == 0)
            return true;
        if (chunk_len > len - at - around)
            return false;
        at += around + chunk_len;
    }
    return false;
}

static enum status decode(spng_ctx *png, const uint8_t *bytes, size_t len,
                          uint32_t channels, image_place *place, void *ctx,
                          char why[ERR_LEN])
{
    struct spng_ihdr ihdr;
    uint8_t *pixels = NULL;
    int code = spng_set_crc_action(png, SPNG_CRC_ERROR, SPNG_CRC_ERROR);

    if (code == 0)
        code = spng_set_chunk_limits(png, MAX_CHUNK_BYTES, MAX_CHUNKS_BYTES);
    if (code == 0)
        code = spng_set_image_limits(png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    if (code == 0)
        code = spng_set_png_buffer(png, bytes, len);
    if (code == 0)
        code = spng_get_ihdr(png, &ihdr);
    if (code == SPNG_EUSER_WIDTH || code == SPNG_EUSER_HEIGHT) {
        /* spng has read these bytes but does not hand them out; place refuses them. */
        ihdr.width = read_u32(bytes + 16);
        ihdr.height = read_u32(bytes + 20);
    } else if (code != 0) {
        return from_spng(code, why);
    }

    /* Checks the size, before anything is allocated for it. */
    enum status st = place(ctx, ihdr.width, ihdr.height, channels, &pixels, why);
    if (st != ST_OK)
        return st;
    st = read_rows(png, &ihdr, channels, pixels, why);
    if (st == ST_OK && !is_whole(bytes, len))
        return from_spng(SPNG_IO_EOF, why);
    return st;
}

enum status image_png_decode(const uint8_t *bytes, size_t len, uint32_t channels,
                             image_place *place, void *ctx, char why[ERR_LEN])
{
    /* Our own allocator, so that tests can make it fail. */
    struct spng_alloc alloc = { malloc, realloc, calloc, free };
    spng_ctx *png = spng_ctx_new2(&alloc, 0);
    if (png == NULL)
        return from_spng(SPNG_EMEM, why);

    enum status st = decode(png, bytes, len, channels, place, ctx, why);
    spng_ctx_free(png);
    return st;
}
