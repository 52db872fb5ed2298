/* SPDX-License-Identifier: Apache-2.0 */
/* pixel_list.h - a JSON list of pixels, flat or nested, straight into memory. */
#ifndef API_PIXEL_LIST_H
#define API_PIXEL_LIST_H

#include "api/json_pull.h"

/* Lists in lists: pictures, rows and channels, and some of length one around them. */
#define PIXEL_LIST_LEVELS 8

struct pixel_list {
    size_t n;        /* numbers, also those beyond the room; before the mistake */
    unsigned levels; /* of lists around the numbers; 0: there is no number */
    size_t sides[PIXEL_LIST_LEVELS]; /* elements of a list of each level, outermost first;
                                        the same in all of them */
    /* What is wrong besides the grammar: a number that is no integer 0..255, something
     * else, lists of different lengths or depths. "" if nothing is. */
    char mistake[ERR_LEN];
    char where[48]; /* of the mistake, below the list: "/3/0"; cut to fit */
};

/* Takes the list that json_pull_peek has announced, its first `room` numbers into
 * ret_pixels; after a mistake the rest is checked for its grammar only. False after an
 * error of the grammar. Numbers are integers 0..255 in any form (255.0, 1e2, -0). */
bool pixel_list_read(struct json_pull *pull, uint8_t *ret_pixels, size_t room,
                     struct pixel_list *ret_list);

#endif
