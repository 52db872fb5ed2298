/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG by libturbojpeg; ITU-T T.81. The library jumps only within itself: each of its
 * functions returns here with a code. It stops at the first warning, which is how it
 * says that data are broken or missing; pictures that it would mend are refused. */
#include "api/image.h"
#include "api/image_decode.h"

#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

/* Markers, T.81 table B.1; a marker is 0xff and one of these. */
enum {
    MARK_SOF0 = 0xc0, /* frame headers to 0xcf, but for the three below */
    MARK_SOF2 = 0xc2, /* progressive */
    MARK_DHT = 0xc4,
    MARK_JPG = 0xc8,
    MARK_DAC = 0xcc,
    MARK_RST0 = 0xd0, /* to 0xd7: no segment follows */
    MARK_EOI = 0xd9,
    MARK_SOS = 0xda,
};

/* What the library does not tell, or tells only after the work. */
struct outline {
    uint8_t frame; /* the first frame header's marker; 0 if there is none */
    uint8_t precision, components;
    size_t n_scans;
};

static bool is_frame(uint8_t marker)
{
    return marker >= MARK_SOF0 && marker <= 0xcf && marker != MARK_DHT &&
           marker != MARK_JPG && marker != MARK_DAC;
}

/* Goes over the segments up to the end mark or to what is broken: the library finds that
 * too, and says it better. */
static struct outline outline_of(const uint8_t *bytes, size_t len)
{
    const uint8_t *at = bytes + 2, *end = bytes + len;
    struct outline o = { 0 };

    while ((at = memchr(at, 0xff, (size_t)(end - at))) != NULL) {
        while (at < end && *at == 0xff)
            at++;
        if (at == end || *at == MARK_EOI)
            break;
        uint8_t marker = *at++;
        /* Coded data have 00 behind each ff, and restarts. */
        if (marker < MARK_SOF0 || (marker >= MARK_RST0 && marker < MARK_EOI))
            continue;
        if (end - at < 2)
            break;
        size_t segment_len = (size_t)at[0] << 8 | at[1];
        if (segment_len < 2 || segment_len > (size_t)(end - at))
            break;
        if (o.frame == 0 && is_frame(marker) && segment_len >= 8) {
            o.frame = marker;
            o.precision = at[2];
            o.components = at[7];
        }
        o.n_scans += marker == MARK_SOS;
        at += segment_len;
    }
    return o;
}

static enum status check_outline(const struct outline *o, char why[ERR_LEN])
{
    const char *found = NULL;

    if (o->frame == 0) {
        snprintf(why, ERR_LEN, "JPEG: the file ends before its frame header");
        return ST_FORMAT;
    }
    /* 0xc0 baseline, 0xc1 the same with more tables. */
    if (o->frame > MARK_SOF2)
        found =
            o->frame == 0xc3 || o->frame == 0xc7 || o->frame == 0xcb || o->frame == 0xcf
                ? "lossless"
            : o->frame > MARK_JPG ? "arithmetic-coded"
                                  : "hierarchical";
    if (found != NULL) {
        snprintf(why, ERR_LEN,
                 "found a JPEG picture that is %s; baseline and progressive are read",
                 found);
        return ST_UNSUPPORTED;
    }
    if (o->precision != 8) {
        snprintf(why, ERR_LEN, "found a JPEG picture of %u bits a sample; 8 are read",
                 (unsigned)o->precision);
        return ST_UNSUPPORTED;
    }
    if (o->components == 4) {
        snprintf(why, ERR_LEN,
                 "found a JPEG picture in CMYK; grey, YCbCr and RGB are read");
        return ST_UNSUPPORTED;
    }
    if (o->n_scans > IMAGE_MAX_SCANS) {
        snprintf(why, ERR_LEN, "JPEG picture of %zu scans: at most %d are read",
                 o->n_scans, IMAGE_MAX_SCANS);
        return ST_RANGE;
    }
    return ST_OK;
}

static enum status from_turbo(tjhandle jpeg, char why[ERR_LEN])
{
    const char *text = tjGetErrorStr2(jpeg);
    const char *behind = strstr(text, "(): "); /* the name of the library's function */

    if (behind != NULL)
        text = behind + strlen("(): ");
    snprintf(why, ERR_LEN, "JPEG: %s", text);
    /* The library has no code for it. */
    return strstr(text, "nsufficient memory") != NULL ||
                   strstr(text, "llocation failure") != NULL
               ? ST_NOMEM
               : ST_FORMAT;
}

static enum status decode(tjhandle jpeg, const uint8_t *bytes, size_t len,
                          uint32_t channels, image_place *place, void *ctx,
                          char why[ERR_LEN])
{
    struct outline outline = outline_of(bytes, len);
    int width = 0, height = 0, sampling, space;
    uint8_t *pixels = NULL;

    enum status st = check_outline(&outline, why);
    if (st != ST_OK)
        return st;
    /* It fails at samplings that have no name, though they are read; the size is known
     * then. */
    int code = tjDecompressHeader3(jpeg, bytes, len, &width, &height, &sampling, &space);
    if (code != 0 && (width <= 0 || height <= 0))
        return from_turbo(jpeg, why);

    bool many_scans = outline.n_scans > 1 || outline.frame == MARK_SOF2;
    if (many_scans && (size_t)width * (size_t)height > IMAGE_MAX_SCAN_PIXELS) {
        snprintf(why, ERR_LEN,
                 "JPEG picture of %d x %d pixels in several scans: at most %zu in all "
                 "are read",
                 width, height, IMAGE_MAX_SCAN_PIXELS);
        return ST_RANGE;
    }
    /* Checks the size, before anything is allocated for it. */
    st = place(ctx, (uint32_t)width, (uint32_t)height, channels, &pixels, why);
    if (st != ST_OK)
        return st;
    /* Grey is the file's own luma. The exact transform gives the same bytes on every
     * machine. */
    code = tjDecompress2(jpeg, bytes, len, pixels, width, width * (int)channels, height,
                         channels == 1 ? TJPF_GRAY : TJPF_RGB,
                         TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING);
    return code == 0 ? ST_OK : from_turbo(jpeg, why);
}

enum status image_jpeg_decode(const uint8_t *bytes, size_t len, uint32_t channels,
                              image_place *place, void *ctx, char why[ERR_LEN])
{
    tjhandle jpeg = tjInitDecompress();
    if (jpeg == NULL) {
        snprintf(why, ERR_LEN, "JPEG: out of memory");
        return ST_NOMEM;
    }
    enum status st = decode(jpeg, bytes, len, channels, place, ctx, why);
    (void)tjDestroy(jpeg); /* fails only for no handle */
    return st;
}
