/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pixel_list.h"

#include "api/pixel_run.h"

#include <stdio.h>

struct reader {
    struct json_pull *pull; /* borrowed */
    uint8_t *pixels;        /* borrowed */
    size_t room;
    struct pixel_list *list;         /* borrowed */
    unsigned level;                  /* lists that are open */
    size_t count[PIXEL_LIST_LEVELS]; /* elements so far of each open list */
    bool known[PIXEL_LIST_LEVELS];   /* the side of this level */
};

static bool refuse(struct reader *r, const char *text)
{
    struct pixel_list *list = r->list;
    int n = 0, size = sizeof(list->where);

    list->where[0] = '\0';
    for (unsigned l = 0; l < r->level && n < size; l++)
        n += snprintf(list->where + n, (size_t)(size - n), "/%zu", r->count[l]);
    snprintf(list->mistake, sizeof(list->mistake), "%s", text);
    return false;
}

static bool refuse_number(struct reader *r, const struct json_pull_number *number)
{
    char text[ERR_LEN];

    snprintf(text, sizeof(text), "%.*s%s is not an integer 0..255",
             number->len < 24 ? (int)number->len : 24, number->text,
             number->len > 24 ? "..." : "");
    return refuse(r, text);
}

static size_t room_left(const struct reader *r)
{
    return r->list->n < r->room ? r->room - r->list->n : 0;
}

/* So many elements of the innermost list were taken, with the comma behind them. */
static void count_run(struct reader *r, size_t got, bool *ret_after_comma)
{
    r->list->n += got;
    r->count[r->level - 1] += got;
    *ret_after_comma = got > 0;
}

/* Numbers from here on, up to what is no plain small number or a comma. */
static bool take_numbers(struct reader *r, bool *ret_after_comma)
{
    struct pixel_list *list = r->list;
    struct json_pull *pull = r->pull;
    size_t room = room_left(r);
    uint8_t *pixels = r->pixels + (r->room - room);
    size_t got = pixel_run(&pull->at, pull->end, pixels, room);

    if (got == 0)
        got = pixel_run_dressed(&pull->at, pull->end, false, pixels, room);
    count_run(r, got, ret_after_comma);
    if (got > 0 && json_pull_peek(r->pull) != JSON_PULL_NUMBER)
        return true;

    struct json_pull_number number;
    if (!json_pull_number(r->pull, &number))
        return false;
    if (!number.is_integer || number.integer < 0 || number.integer > 255)
        return refuse_number(r, &number);
    if (list->n < r->room)
        r->pixels[list->n] = (uint8_t)number.integer;
    list->n++;
    r->count[r->level - 1]++;
    *ret_after_comma = false;
    return true;
}

static bool open_list(struct reader *r)
{
    if (r->list->levels != 0 && r->level >= r->list->levels)
        return refuse(r, "a list among numbers");
    if (r->level == PIXEL_LIST_LEVELS)
        return refuse(r, "nested deeper than rows and channels");
    if (!json_pull_list(r->pull))
        return false;
    r->count[r->level++] = 0;
    return true;
}

/* Lists of one number each, as those of grey pixels are; false: there are none, and
 * nothing was taken. */
static bool take_single_lists(struct reader *r, bool *ret_after_comma)
{
    size_t room = room_left(r);
    bool are_single = r->level > 0 && r->level + 1 == r->list->levels &&
                      r->known[r->level] && r->list->sides[r->level] == 1;

    if (are_single)
        count_run(r,
                  pixel_run_dressed(&r->pull->at, r->pull->end, true,
                                    r->pixels + (r->room - room), room),
                  ret_after_comma);
    return *ret_after_comma;
}

/* The innermost list has ended: is it as long as the others of its level? */
static bool close_list(struct reader *r)
{
    unsigned l = --r->level;
    size_t found = r->count[l], before = r->list->sides[l];

    if (r->known[l] && found != before) {
        char text[ERR_LEN];
        snprintf(text, sizeof(text), "a list of %zu where those before it have %zu",
                 found, before);
        return refuse(r, text);
    }
    r->known[l] = true;
    r->list->sides[l] = found;
    if (l > 0)
        r->count[l - 1]++;
    return true;
}

/* Whatever stands where a list or a number may stand. */
static bool take_element(struct reader *r, bool *ret_after_comma)
{
    enum json_pull_kind kind = json_pull_peek(r->pull);

    *ret_after_comma = false;
    if (kind == JSON_PULL_LIST)
        return take_single_lists(r, ret_after_comma) || open_list(r);
    if (kind == JSON_PULL_NUMBER) {
        if (r->list->levels == 0)
            r->list->levels = r->level;
        if (r->list->levels != r->level)
            return refuse(r, "a number among lists");
        return take_numbers(r, ret_after_comma);
    }
    if (kind == JSON_PULL_BROKEN)
        return false;
    char text[ERR_LEN];
    snprintf(text, sizeof(text), "expected an integer 0..255, found %s",
             json_pull_kind_name(kind));
    return refuse(r, text);
}

/* Takes the outermost list with all in it. False after an error or a mistake. */
static bool take_list(struct reader *r)
{
    bool at_element = false; /* behind a comma that was taken with a run of numbers */

    if (!open_list(r))
        return false;
    while (r->level > 0) {
        size_t inner = r->count[r->level - 1];
        if (at_element || json_pull_element(r->pull, inner == 0)) {
            if (!take_element(r, &at_element))
                return false;
        } else if (r->pull->error != NULL || !close_list(r)) {
            return false;
        }
    }
    return true;
}

bool pixel_list_read(struct json_pull *pull, uint8_t *ret_pixels, size_t room,
                     struct pixel_list *ret_list)
{
    struct json_pull mark = *pull;
    struct reader r = {
        .pull = pull, .pixels = ret_pixels, .room = room, .list = ret_list
    };

    ret_list->n = 0;
    ret_list->levels = 0;
    ret_list->mistake[0] = ret_list->where[0] = '\0';
    if (take_list(&r))
        return true;
    if (pull->error != NULL)
        return false;
    *pull = mark;
    return json_pull_skip(pull);
}
