/* SPDX-License-Identifier: Apache-2.0 */
/* pixel_run.h - the fast way through numbers like "0,0,254, 17," in a JSON list. */
#ifndef API_PIXEL_RUN_H
#define API_PIXEL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads integers 0..255 of one to three digits, each followed by a comma and at most one
 * space, from *at (which is moved behind the last one taken) into ret_pixels, at most
 * `room`. Stops before whatever looks different, and near `end`: the caller reads that
 * with json_pull.h, whose verdict counts. What is taken here means the same there, and
 * the element after it is still to come. At least 4 readable bytes must lie before *at.
 * Returns how many were taken. Pure. */
size_t pixel_run(const char **at, const char *end, uint8_t *ret_pixels, size_t room);

/* The same for numbers as floats are written, "0.0,254.0, 17,", or each in a list of its
 * own, "[0.0], [254],"; byte by byte, and without bytes before *at. */
size_t pixel_run_dressed(const char **at, const char *end, bool in_lists,
                         uint8_t *ret_pixels, size_t room);

#endif
