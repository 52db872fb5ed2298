/* SPDX-License-Identifier: Apache-2.0 */
/* Netpbm's PBM, PGM and PPM, plain and raw; pbm(5), pgm(5), ppm(5). Only the first
 * picture of a stream is read. */
#include "api/image.h"
#include "api/image_decode.h"

#include <stdio.h>
#include <string.h>

struct pnm {
    const uint8_t *at, *end;
    char kind; /* '1' .. '6' */
    uint32_t width, height, maxval;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* White space and comments (# to the end of the line). */
static void skip_space(struct pnm *pnm)
{
    while (pnm->at < pnm->end) {
        if (*pnm->at == '#') {
            while (pnm->at < pnm->end && *pnm->at != '\n' && *pnm->at != '\r')
                pnm->at++;
        } else if (is_space(*pnm->at)) {
            pnm->at++;
        } else {
            return;
        }
    }
}

/* A decimal number; values past 2^31 become 2^31. */
static bool read_number(struct pnm *pnm, uint32_t *ret_value)
{
    const uint32_t limit = (uint32_t)1 << 31;
    uint64_t value = 0;

    skip_space(pnm);
    if (pnm->at == pnm->end || *pnm->at < '0' || *pnm->at > '9')
        return false;
    for (; pnm->at < pnm->end && *pnm->at >= '0' && *pnm->at <= '9'; pnm->at++) {
        if (value < limit)
            value = value * 10 + (*pnm->at - '0');
    }
    *ret_value = value < limit ? (uint32_t)value : limit;
    return true;
}

static bool is_bitmap(const struct pnm *pnm)
{
    return pnm->kind == '1' || pnm->kind == '4';
}

static bool is_colour(const struct pnm *pnm)
{
    return pnm->kind == '3' || pnm->kind == '6';
}

static enum status read_header(struct pnm *pnm, char why[ERR_LEN])
{
    pnm->kind = (char)pnm->at[1];
    pnm->at += 2;
    pnm->maxval = 1;
    if (!read_number(pnm, &pnm->width) || !read_number(pnm, &pnm->height)) {
        snprintf(why, ERR_LEN, "P%c picture: the header lacks width or height",
                 pnm->kind);
        return ST_FORMAT;
    }
    if (is_bitmap(pnm))
        return ST_OK;
    if (!read_number(pnm, &pnm->maxval)) {
        snprintf(why, ERR_LEN, "P%c picture: the header lacks the largest value",
                 pnm->kind);
        return ST_FORMAT;
    }
    if (pnm->maxval == 0 || pnm->maxval > 65535) {
        snprintf(why, ERR_LEN, "P%c picture: largest value %lu is outside 1..65535",
                 pnm->kind, (unsigned long)pnm->maxval);
        return ST_FORMAT;
    }
    return ST_OK;
}

/* One sample, plain or raw; false at the end of the bytes or at what is no number. */
static bool read_sample(struct pnm *pnm, uint32_t *ret_value)
{
    if (pnm->kind == '1') {
        /* Digits of a plain bitmap need no space between them. */
        skip_space(pnm);
        if (pnm->at == pnm->end || (*pnm->at != '0' && *pnm->at != '1'))
            return false;
        *ret_value = *pnm->at++ == '0'; /* 1 is black */
        return true;
    }
    if (pnm->kind < '4')
        return read_number(pnm, ret_value);

    size_t len = pnm->maxval > 255 ? 2 : 1;
    if ((size_t)(pnm->end - pnm->at) < len)
        return false;
    *ret_value = len == 2 ? (uint32_t)pnm->at[0] << 8 | pnm->at[1] : pnm->at[0];
    pnm->at += len;
    return true;
}

static enum status read_pixels(struct pnm *pnm, uint32_t channels, uint8_t *pixels,
                               char why[ERR_LEN])
{
    size_t n_pixels = (size_t)pnm->width * pnm->height;
    unsigned samples = is_colour(pnm) ? 3 : 1;

    for (size_t i = 0; i < n_pixels; i++) {
        uint8_t rgb[3];
        for (unsigned s = 0; s < samples; s++) {
            uint32_t value;
            if (!read_sample(pnm, &value)) {
                snprintf(why, ERR_LEN,
                         "P%c picture: broken or short at pixel %zu of %zu (%lu x %lu)",
                         pnm->kind, i, n_pixels, (unsigned long)pnm->width,
                         (unsigned long)pnm->height);
                return ST_FORMAT;
            }
            if (value > pnm->maxval) {
                snprintf(why, ERR_LEN,
                         "P%c picture: value %lu at pixel %zu is above the largest, %lu",
                         pnm->kind, (unsigned long)value, i, (unsigned long)pnm->maxval);
                return ST_FORMAT;
            }
            rgb[s] = image_scaled(value, pnm->maxval);
        }
        if (samples == 1)
            rgb[1] = rgb[2] = rgb[0];
        image_put(pixels + i * channels, channels, rgb[0], rgb[1], rgb[2]);
    }
    return ST_OK;
}

/* Rows of a raw bitmap begin at whole bytes. */
static void unpack_bits(const struct pnm *pnm, uint32_t channels, uint8_t *pixels)
{
    size_t row_len = ((size_t)pnm->width + 7) / 8;

    for (uint32_t y = 0; y < pnm->height; y++) {
        const uint8_t *row = pnm->at + y * row_len;
        for (uint32_t x = 0; x < pnm->width; x++) {
            bool black = (row[x / 8] >> (7 - x % 8) & 1) != 0;
            memset(pixels, black ? 0 : 255, channels);
            pixels += channels;
        }
    }
}

/* Bytes of pixels behind the header of a raw picture. */
static size_t raw_len(const struct pnm *pnm)
{
    if (pnm->kind == '4')
        return ((size_t)pnm->width + 7) / 8 * pnm->height;

    size_t sample_len = pnm->maxval > 255 ? 2 : 1;
    return (size_t)pnm->width * pnm->height * (is_colour(pnm) ? 3 : 1) * sample_len;
}

/* Before memory is asked for: can the pixels be there at all? A plain sample is at least
 * one byte. Sizes past the limits are left to be refused as such. */
static enum status check_length(const struct pnm *pnm, char why[ERR_LEN])
{
    size_t left = (size_t)(pnm->end - pnm->at);

    if (pnm->width > IMAGE_MAX_SIDE || pnm->height > IMAGE_MAX_SIDE ||
        (size_t)pnm->width * pnm->height > IMAGE_MAX_PIXELS)
        return ST_OK;
    size_t needed = pnm->kind >= '4' ? raw_len(pnm) : (size_t)pnm->width * pnm->height;
    if (left >= needed)
        return ST_OK;
    snprintf(
        why, ERR_LEN, "P%c picture: expected %zu bytes of pixels (%lu x %lu), found %zu",
        pnm->kind, needed, (unsigned long)pnm->width, (unsigned long)pnm->height, left);
    return ST_FORMAT;
}

enum status image_pnm_decode(const uint8_t *bytes, size_t len, uint32_t channels,
                             image_place *place, void *ctx, char why[ERR_LEN])
{
    struct pnm pnm = { .at = bytes, .end = bytes + len };
    enum status st = read_header(&pnm, why);
    if (st != ST_OK)
        return st;

    bool raw = pnm.kind >= '4';
    /* One white space ends the header of a raw picture. */
    if (raw && (pnm.at == pnm.end || !is_space(*pnm.at++))) {
        snprintf(why, ERR_LEN, "P%c picture: expected white space after the header",
                 pnm.kind);
        return ST_FORMAT;
    }
    st = check_length(&pnm, why);
    if (st != ST_OK)
        return st;

    uint8_t *pixels = NULL;
    st = place(ctx, pnm.width, pnm.height, channels, &pixels, why);
    if (st != ST_OK)
        return st;
    if (pnm.kind == '4') {
        unpack_bits(&pnm, channels, pixels);
        return ST_OK;
    }
    if (raw && pnm.maxval == 255 && channels == (is_colour(&pnm) ? 3u : 1u)) {
        memcpy(pixels, pnm.at, raw_len(&pnm));
        return ST_OK;
    }
    return read_pixels(&pnm, channels, pixels, why);
}
