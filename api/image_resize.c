/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image_decode.h"

#include <stdlib.h>
#include <string.h>

/* Where the scaled picture comes to lie in the frame. */
struct frame {
    const struct image_plane *from;
    uint32_t width, height; /* of the scaled picture */
    uint32_t frame_width;   /* of what it is centred in */
    uint32_t left, top;     /* its place there */
    uint8_t *pixels;        /* of the frame */
};

static uint8_t *frame_row(const struct frame *frame, uint32_t y)
{
    size_t pixel = (size_t)(frame->top + y) * frame->frame_width + frame->left;

    return frame->pixels + pixel * frame->from->channels;
}

/* round(side * to / from), at least 1. */
static uint32_t scaled_side(uint32_t side, uint32_t to, uint32_t from)
{
    uint64_t scaled = ((uint64_t)side * to * 2 + from) / ((uint64_t)from * 2);

    return scaled == 0 ? 1 : (uint32_t)scaled;
}

/* -- Down: the mean over the area that a new pixel covers -- */

/* One row of sums: new pixel j covers [j * w, (j + 1) * w) where old pixel i covers
 * [i * n, (i + 1) * n), of n new and w old pixels, so that all weights are integers. */
static void sum_row(const struct frame *frame, uint32_t y, uint32_t *sums)
{
    const struct image_plane *from = frame->from;
    const uint8_t *row = from->pixels + (size_t)y * from->width * from->channels;
    uint32_t n = frame->width, w = from->width, channels = from->channels;
    uint32_t room = w; /* what is still uncovered of new pixel j */

    memset(sums, 0, (size_t)n * channels * sizeof(*sums));
    for (uint32_t i = 0, j = 0; i < w; i++) {
        uint32_t here = n < room ? n : room;
        uint32_t rest = n - here;

        for (uint32_t c = 0; c < channels; c++)
            sums[j * channels + c] += row[i * channels + c] * here;
        room -= here;
        if (room > 0)
            continue;
        j++;
        room = w - rest;
        for (uint32_t c = 0; rest > 0 && c < channels; c++)
            sums[j * channels + c] += row[i * channels + c] * rest;
    }
}

static enum status shrink(const struct frame *frame)
{
    const struct image_plane *from = frame->from;
    size_t values = (size_t)frame->width * from->channels;
    uint64_t *totals = calloc(values, sizeof(*totals));
    uint32_t *sums = calloc(values, sizeof(*sums));

    if (totals == NULL || sums == NULL) {
        free(sums);
        free(totals);
        return ST_NOMEM;
    }
    uint64_t area = (uint64_t)from->width * from->height;
    uint32_t n = frame->height, h = from->height;
    uint32_t room = h; /* as in sum_row, downwards */
    for (uint32_t i = 0, j = 0; i < h; i++) {
        uint32_t here = n < room ? n : room;
        uint32_t rest = n - here;

        sum_row(frame, i, sums);
        for (size_t k = 0; k < values; k++)
            totals[k] += (uint64_t)sums[k] * here;
        room -= here;
        if (room > 0)
            continue;
        uint8_t *row = frame_row(frame, j++);
        for (size_t k = 0; k < values; k++) {
            row[k] = (uint8_t)((totals[k] + area / 2) / area);
            totals[k] = (uint64_t)sums[k] * rest;
        }
        room = h - rest;
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

static void enlarge(const struct frame *frame)
{
    const struct image_plane *from = frame->from;
    uint32_t channels = from->channels;
    size_t stride = (size_t)from->width * channels;
    uint64_t parts_x = 2 * (uint64_t)frame->width, parts_y = 2 * (uint64_t)frame->height;
    uint64_t parts = parts_x * parts_y;

    for (uint32_t y = 0; y < frame->height; y++) {
        struct between v = between(y, frame->height, from->height);
        const uint8_t *upper = from->pixels + v.low * stride;
        const uint8_t *lower = from->pixels + v.high * stride;
        uint8_t *row = frame_row(frame, y);

        for (uint32_t x = 0; x < frame->width; x++) {
            struct between u = between(x, frame->width, from->width);
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
    struct frame frame = { .from = from, .frame_width = width, .pixels = ret_pixels };
    /* Which side touches the frame first? */
    bool by_width = (uint64_t)width * from->height <= (uint64_t)height * from->width;

    frame.width = by_width ? width : scaled_side(from->width, height, from->height);
    frame.height = by_width ? scaled_side(from->height, width, from->width) : height;
    frame.left = (width - frame.width) / 2;
    frame.top = (height - frame.height) / 2;
    memset(ret_pixels, 0, (size_t)width * height * from->channels);

    bool grows = by_width ? width > from->width : height > from->height;
    if (!grows)
        return shrink(&frame);
    enlarge(&frame);
    return ST_OK;
}
