/* SPDX-License-Identifier: Apache-2.0 */
#include "api/place_body.h"

#include <stdio.h>
#include <stdlib.h>

#define ANY_INDEX ((size_t)1 << 53)

bool place_body_layer(const char *name, const struct network *net, const char *pointer,
                      struct violations *violations, size_t *ret_layer)
{
    if (place_find_layer(net, name, ret_layer))
        return true;

    const char *near = place_nearest_layer(net, name);
    if (near != NULL)
        violation_add(violations, ST_NOT_FOUND, pointer,
                      "the network has no such layer; did you mean %s?", near);
    else
        violation_add(violations, ST_NOT_FOUND, pointer,
                      "the network has no layer \"%.64s\"", name);
    return false;
}

static bool read_layer(const json_t *object, const struct network *net, const char *base,
                       struct violations *violations, size_t *ret_layer)
{
    const json_t *value = json_object_get(object, "layer");
    char pointer[VIOLATION_POINTER_LEN], found[JSON_BODY_SHOWN];

    if (value == NULL) {
        json_body_missing(violations, base, "layer");
        return false;
    }
    violation_pointer(pointer, base, "layer");
    if (json_is_string(value))
        return place_body_layer(json_string_value(value), net, pointer, violations,
                                ret_layer);
    json_body_show(value, found);
    violation_add(violations, ST_FORMAT, pointer, "expected a layer's name, found %s",
                  found);
    return false;
}

/* An integer below `n`. */
static bool read_index(const json_t *object, const char *name, size_t n, const char *base,
                       struct violations *violations, size_t *ret_index)
{
    const json_t *value = json_object_get(object, name);
    char pointer[VIOLATION_POINTER_LEN];
    uint64_t index;

    if (value == NULL) {
        json_body_missing(violations, base, name);
        return false;
    }
    violation_pointer(pointer, base, name);
    if (!json_body_integer(value, 0.0, (double)(n - 1), violations, pointer, &index))
        return false;
    *ret_index = (size_t)index;
    return true;
}

bool place_body_read(const json_t *object, const struct network *net, const char *base,
                     struct violations *violations, struct place *ret_place)
{
    /* Where the layer is not known any number may be right. */
    size_t n_rows = ANY_INDEX, n_columns = ANY_INDEX;
    struct place place = { 0 };

    bool layer = read_layer(object, net, base, violations, &place.layer);
    if (layer) {
        n_rows = net->layers[place.layer].n_out;
        n_columns = net->layers[place.layer].n_in;
    }
    bool row = read_index(object, "row", n_rows, base, violations, &place.row);
    bool column =
        read_index(object, "column", n_columns, base, violations, &place.column);
    if (!layer || !row || !column)
        return false;
    *ret_place = place;
    return true;
}

static int order(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_cells(const struct place_cell *a, const struct place_cell *b)
{
    int by = order(a->place.layer, b->place.layer);

    if (by == 0)
        by = order(a->place.row, b->place.row);
    if (by == 0)
        by = order(a->place.column, b->place.column);
    return by != 0 ? by : order(a->partner, b->partner);
}

static int compare_entries(const void *a, const void *b)
{
    const struct place_cell *left = a, *right = b;
    int by = compare_cells(left, right);

    return by != 0 ? by : order(left->index, right->index);
}

void place_body_distinct(struct place_cell *cells, size_t n, const char *list,
                         struct violations *violations)
{
    char pointer[VIOLATION_POINTER_LEN];

    qsort(cells, n, sizeof(*cells), compare_entries);
    for (size_t i = 1; i < n; i++) {
        if (compare_cells(&cells[i - 1], &cells[i]) != 0)
            continue;
        (void)snprintf(pointer, sizeof(pointer), "%s/%zu", list, cells[i].index);
        violation_add(violations, ST_CONFLICT, pointer, "names the cell of %s/%zu again",
                      list, cells[i - 1].index);
        return;
    }
}
