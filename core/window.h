/* SPDX-License-Identifier: Apache-2.0 */
/* window.h - which taps of a window lie inside the map: a range, since they are evenly
 * spaced. Pure; any thread.
 */
#ifndef CORE_WINDOW_H
#define CORE_WINDOW_H

#include "core/network.h"

/* One direction of a window over a side of a map. */
struct window_side {
    uint32_t side;
    uint32_t kernel, stride, dilation, pad; /* pad: before the first element */
};

/* Taps first .. end - 1 are inside; none if first == end. Tap t meets element
 * at + t * dilation. */
struct window_taps {
    int64_t at;
    uint32_t first, end;
};

static inline struct window_side window_rows(const struct network_value *map,
                                             const struct network_window *window)
{
    return (struct window_side) { map->height, window->kernel_h, window->stride_h,
                                  window->dilation_h, window->pad_top };
}

static inline struct window_side window_columns(const struct network_value *map,
                                                const struct network_window *window)
{
    return (struct window_side) { map->width, window->kernel_w, window->stride_w,
                                  window->dilation_w, window->pad_left };
}

/* Of output `out` of the side. */
static inline struct window_taps window_taps(const struct window_side *w, uint32_t out)
{
    int64_t at = (int64_t)out * w->stride - w->pad;
    int64_t first = at < 0 ? (-at + w->dilation - 1) / w->dilation : 0;
    int64_t end = at < w->side ? (w->side - at + w->dilation - 1) / w->dilation : 0;

    if (end > w->kernel)
        end = w->kernel;
    if (first > end)
        first = end;
    return (struct window_taps) { at, (uint32_t)first, (uint32_t)end };
}

#endif
