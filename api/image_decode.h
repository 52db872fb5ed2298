/* SPDX-License-Identifier: Apache-2.0 */
/* image_decode.h - the steps of image_fit; for api/image*.c only. */
#ifndef API_IMAGE_DECODE_H
#define API_IMAGE_DECODE_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decoded picture in the network's number of channels. */
struct image_plane {
    uint32_t width, height;
    uint32_t channels; /* 1 or 3 */
    uint8_t *pixels;   /* width * height * channels bytes */
};

/* A decoder states the size it found; the caller checks it against the limits and gives
 * memory for the pixels (owned by the caller, whatever happens). */
typedef enum status image_place(void *ctx, uint32_t width, uint32_t height,
                                uint32_t channels, uint8_t **ret_pixels,
                                char why[ERR_LEN]);

/* Decode into what `place` gives, as `channels` (1 or 3) bytes a pixel. */
MUST_CHECK enum status image_png_decode(const uint8_t *bytes, size_t len,
                                        uint32_t channels, image_place *place, void *ctx,
                                        char why[ERR_LEN]);
MUST_CHECK enum status image_jpeg_decode(const uint8_t *bytes, size_t len,
                                         uint32_t channels, image_place *place, void *ctx,
                                         char why[ERR_LEN]);
MUST_CHECK enum status image_pnm_decode(const uint8_t *bytes, size_t len,
                                        uint32_t channels, image_place *place, void *ctx,
                                        char why[ERR_LEN]);

/* Scales `from` with its aspect kept until it just fits into width x height, centred on
 * black. Integer arithmetic: the same bytes everywhere. ST_NOMEM is the only failure. */
MUST_CHECK enum status image_resize(const struct image_plane *from, uint32_t width,
                                    uint32_t height, uint8_t *ret_pixels);
/* Scales `from` until its shorter side is `side` (>= width and height) and the longer one
 * in proportion, rounded, and gives the middle width x height of that: what is left over
 * is halved, an odd pixel goes to the right or below. Makes only the part that is wanted.
 * Otherwise as image_resize. */
MUST_CHECK enum status image_crop(const struct image_plane *from, uint32_t side,
                                  uint32_t width, uint32_t height, uint8_t *ret_pixels);

/* Rec. 601, rounded; equal channels give that value exactly. */
static inline uint8_t image_luma(unsigned r, unsigned g, unsigned b)
{
    return (uint8_t)((299 * r + 587 * g + 114 * b + 500) / 1000);
}

/* A sample of 0..max as 0..255, rounded. */
static inline uint8_t image_scaled(uint32_t sample, uint32_t max)
{
    return (uint8_t)((sample * 255 + max / 2) / max);
}

static inline void image_put(uint8_t *pixel, uint32_t channels, uint8_t r, uint8_t g,
                             uint8_t b)
{
    if (channels == 1) {
        pixel[0] = image_luma(r, g, b);
        return;
    }
    pixel[0] = r;
    pixel[1] = g;
    pixel[2] = b;
}

#endif
