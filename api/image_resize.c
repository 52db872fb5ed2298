/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image_decode.h"

#include <stdlib.h>
#include <string.h>

/* A picture that is scaled, a window of it that is wanted, and where that goes. The
 * scaled picture as a whole is never in memory: it may be far larger than its window. */
struct scaling {
    const struct image_plane *from;
    uint32_t width, height;         /* of the scaled picture */
    uint32_t left, top;             /* of the window in it */
    uint32_t out_width, out_height; /* of the window */
    uint8_t *pixels;                /* where the window's first pixel goes */
    size_t stride;                  /* from there to the next row, in bytes */
};

/* round(side * to / from), at least 1. */
static uint32_t scaled_side(uint32_t side, uint32_t to, uint32_t from)
{
    uint64_t scaled = ((uint64_t)side * to * 2 + from) / ((uint64_t)from * 2);

    return scaled == 0 ? 1 : (uint32_t)scaled;
}

/* -- Down: the mean over the area that a new pixel covers -- */

/* New pixel j covers [j * w, (j + 1) * w) where old pixel i covers [i * n, (i + 1) * n),
 * of n new and w old pixels, so that all weights are integers; n <= w <= IMAGE_MAX_SIDE.
 */
static uint32_t covered(uint32_t i, uint32_t n, uint32_t j, uint32_t w)
{
    uint32_t begin = i * n > j * w ? i * n : j * w;
    uint32_t end = (i + 1) * n < (j + 1) * w ? (i + 1) * n : (j + 1) * w;

    return end - begin;
}

/* The sums of old row y, over the columns of each new pixel of the window. */
static void sum_row(const struct scaling *s, uint32_t y, uint32_t *sums)
{
    const struct image_plane *from = s->from;
    uint32_t n = s->width, w = from->width, channels = from->channels;
    const uint8_t *row = from->pixels + (size_t)y * w * channels;

    memset(sums, 0, (size_t)s->out_width * channels * sizeof(*sums));
    for (uint32_t j = s->left; j < s->left + s->out_width; j++, sums += channels) {
        for (uint32_t i = j * w / n; i * n < (j + 1) * w; i++) {
            uint32_t weight = covered(i, n, j, w);

            for (uint32_t c = 0; c < channels; c++)
                sums[c] += row[i * channels + c] * weight;
        }
    }
}

static enum status shrink(const struct scaling *s)
{
    const struct image_plane *from = s->from;
    size_t values = (size_t)s->out_width * from->channels;
    uint64_t *totals = malloc(values * sizeof(*totals));
    uint32_t *sums = malloc(values * sizeof(*sums));

    if (totals == NULL || sums == NULL) {
        free(sums);
        free(totals);
        return ST_NOMEM;
    }
    uint64_t area = (uint64_t)from->width * from->height;
    uint32_t n = s->height, h = from->height;
    uint32_t summed = h; /* the old row that is in sums: two new ones may share it */
    for (uint32_t y = 0; y < s->out_height; y++) {
        uint32_t j = s->top + y;

        memset(totals, 0, values * sizeof(*totals));
        for (uint32_t i = j * h / n; i * n < (j + 1) * h; i++) {
            uint64_t weight = covered(i, n, j, h);

            if (summed != i)
                sum_row(s, i, sums);
            summed = i;
            for (size_t k = 0; k < values; k++)
                totals[k] += sums[k] * weight;
        }
        uint8_t *row = s->pixels + y * s->stride;
        for (size_t k = 0; k < values; k++)
            row[k] = (uint8_t)((totals[k] + area / 2) / area);
    }
    free(sums);
    free(totals);
    return ST_OK;
}

/* -- Up: bilinear between the centres of pixels -- */

/* Between old pixels `low` and low + 1, `weight` of 2n parts at the second one. */
struct between {
    uint32_t low, high;
    uint32_t weight;
};

/* Centre of new pixel j of n is at (2j + 1) w / 2n - 1/2 among w old ones. */
static struct between between(uint32_t j, uint32_t n, uint32_t w)
{
    uint64_t at = (2 * (uint64_t)j + 1) * w;
    struct between b = { 0, 0, 0 };

    if (at <= n)
        return b;
    at -= n;
    b.low = (uint32_t)(at / (2 * (uint64_t)n));
    b.weight = (uint32_t)(at % (2 * (uint64_t)n));
    if (b.low >= w - 1) {
        b.low = w - 1;
        b.weight = 0;
    }
    b.high = b.weight == 0 ? b.low : b.low + 1;
    return b;
}

static void enlarge(const struct scaling *s)
{
    const struct image_plane *from = s->from;
    uint32_t channels = from->channels;
    size_t stride = (size_t)from->width * channels;
    uint64_t parts_x = 2 * (uint64_t)s->width, parts_y = 2 * (uint64_t)s->height;
    uint64_t parts = parts_x * parts_y;

    for (uint32_t y = 0; y < s->out_height; y++) {
        struct between v = between(s->top + y, s->height, from->height);
        const uint8_t *upper = from->pixels + v.low * stride;
        const uint8_t *lower = from->pixels + v.high * stride;
        uint8_t *row = s->pixels + y * s->stride;

        for (uint32_t x = 0; x < s->out_width; x++) {
            struct between u = between(s->left + x, s->width, from->width);
            for (uint32_t c = 0; c < channels; c++) {
                size_t left = (size_t)u.low * channels + c;
                size_t right = (size_t)u.high * channels + c;
                uint64_t above = upper[left] * (parts_x - u.weight) +
                                 upper[right] * (uint64_t)u.weight;
                uint64_t below = lower[left] * (parts_x - u.weight) +
                                 lower[right] * (uint64_t)u.weight;
                uint64_t sum = above * (parts_y - v.weight) + below * v.weight;
                *row++ = (uint8_t)((sum + parts / 2) / parts);
            }
        }
    }
}

enum status image_resize(const struct image_plane *from, uint32_t width, uint32_t height,
                         uint8_t *ret_pixels)
{
    struct scaling s = { .from = from, .stride = (size_t)width * from->channels };
    /* Which side touches the frame first? */
    bool by_width = (uint64_t)width * from->height <= (uint64_t)height * from->width;

    s.width = by_width ? width : scaled_side(from->width, height, from->height);
    s.height = by_width ? scaled_side(from->height, width, from->width) : height;
    s.out_width = s.width;
    s.out_height = s.height;
    memset(ret_pixels, 0, (size_t)width * height * from->channels);
    s.pixels = ret_pixels + (height - s.height) / 2 * s.stride +
               (size_t)(width - s.width) / 2 * from->channels;

    bool grows = by_width ? width > from->width : height > from->height;
    if (!grows)
        return shrink(&s);
    enlarge(&s);
    return ST_OK;
}

enum status image_crop(const struct image_plane *from, uint32_t side, uint32_t width,
                       uint32_t height, uint8_t *ret_pixels)
{
    bool upright = from->width <= from->height;
    uint32_t shorter = upright ? from->width : from->height;
    struct scaling s = {
        .from = from,
        .width = upright ? side : scaled_side(from->width, side, shorter),
        .height = upright ? scaled_side(from->height, side, shorter) : side,
        .out_width = width,
        .out_height = height,
        .pixels = ret_pixels,
        .stride = (size_t)width * from->channels,
    };

    s.left = (s.width - width) / 2;
    s.top = (s.height - height) / 2;
    if (side <= shorter)
        return shrink(&s);
    enlarge(&s);
    return ST_OK;
}
