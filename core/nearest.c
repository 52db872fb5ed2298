/* SPDX-License-Identifier: Apache-2.0 */
#include "core/nearest.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Shorter beginnings fit too many names to be worth a guess. */
#define MIN_PREFIX 3

static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

static bool same(char a, char b)
{
    return folded(a) == folded(b);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Three rows of the alignment table: swaps look two rows back. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][NEAREST_MAX_LEN + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_len; j++) {
        before[j] = 0;
        above[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t cost = same(a[i - 1], b[j - 1]) ? 0 : 1;

            row[j] = least(above[j - 1] + cost, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_len];
}

static bool one_begins_other(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t len = least(a_len, b_len);

    for (size_t i = 0; i < len; i++) {
        if (!same(a[i], b[i]))
            return false;
    }
    return len >= MIN_PREFIX;
}

const char *nearest_name(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = 0;
    size_t len = strnlen(word, NEAREST_MAX_LEN + 1);

    if (len == 0 || len > NEAREST_MAX_LEN)
        return NULL;
    for (; *names != NULL; names++) {
        size_t name_len = strnlen(*names, NEAREST_MAX_LEN + 1);
        if (name_len > NEAREST_MAX_LEN)
            continue;

        size_t longer = len > name_len ? len : name_len;
        size_t allowed = longer < 6 ? 1 : longer / 3;
        size_t d = distance(word, len, *names, name_len);
        if (d > allowed && !one_begins_other(word, len, *names, name_len))
            continue;
        if (best == NULL || d < best_distance) {
            best = *names;
            best_distance = d;
        }
    }
    return best;
}
