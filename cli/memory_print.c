/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of GET /memory as text. */
#include "cli/memory.h"

#include "cli/field.h"
#include "cli/histogram.h"
#include "cli/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- The whole array -- */

static void print_geometry(FILE *out, const json_t *memory)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER], d[OUTPUT_NUMBER],
        line[6 * OUTPUT_NUMBER];

    snprintf(line, sizeof(line), "%s tiles of %s x %s, %s cells",
             output_count(field_number(memory, "geometry.tiles"), a),
             output_id(field_number(memory, "geometry.tile_rows"), b),
             output_id(field_number(memory, "geometry.tile_columns"), c),
             output_count(field_number(memory, "geometry.cells"), d));
    output_line(out, "array", line);
    output_line(out, "device", field_text(memory, "device", "-"));
    output_line(out, "seed", output_id(field_number(memory, "seed"), a));
    output_line(out, "last change", field_text(memory, "cause", "-"));
    if (field_number(memory, "age_s") > 0.0)
        output_line(out, "since written",
                    output_duration(field_number(memory, "age_s"), a));
    if (field_number(memory, "pending_reads") > 0.0) {
        snprintf(line, sizeof(line), "%s since read disturb was last applied",
                 output_count(field_number(memory, "pending_reads"), a));
        output_line(out, "reads", line);
    }
    state_line(out, "state", field(memory, "state"));
    state_details(out, field(memory, "state"));
}

/* -- Layers -- */

/* "secded, 2t2r, odd_columns"; "plain" of none of them. */
static void layout_text(const json_t *layout, char *ret_text, size_t size)
{
    static const struct {
        const char *member, *plain;
    } parts[] = { { "ecc", "none" }, { "cell", "1t1r" }, { "polarity", "none" } };
    size_t used = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && used < size; i++) {
        const char *text = field_text(layout, parts[i].member, parts[i].plain);

        if (strcmp(text, parts[i].plain) != 0)
            used += (size_t)snprintf(ret_text + used, size - used, "%s%s",
                                     used > 0 ? ", " : "", text);
    }
    if (used == 0)
        snprintf(ret_text, size, "plain");
}

/* "3-7", and of one alone "3". */
static void tiles_text(const json_t *layer, char *ret_text, size_t size)
{
    double first = field_number(layer, "first_tile"), n = field_number(layer, "tiles");
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];

    if (n > 1.0)
        snprintf(ret_text, size, "%s-%s", output_id(first, a),
                 output_id(first + n - 1.0, b));
    else
        snprintf(ret_text, size, "%s", output_id(first, a));
}

/* "7: 31", the tile with the most wrong cells; "-" if there are none. */
static void worst_text(const json_t *layer, char *ret_text, size_t size)
{
    const json_t *count;
    double most = 0.0;
    size_t i, worst = 0;
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER];

    json_array_foreach(field(layer, "tile_wrong_cells"), i, count)
    {
        if (json_is_number(count) && json_number_value(count) > most) {
            most = json_number_value(count);
            worst = i;
        }
    }
    if (most == 0.0)
        snprintf(ret_text, size, "-");
    else
        snprintf(ret_text, size, "%s: %s",
                 output_id(field_number(layer, "first_tile") + (double)worst, a),
                 output_count(most, b));
}

static void add_layer(struct table *table, const json_t *layer)
{
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], text[2 * OUTPUT_NUMBER + 8];

    table_add(table, field_text(layer, "name", "?"));
    snprintf(text, sizeof(text), "%s x %s", output_id(field_number(layer, "rows"), a),
             output_id(field_number(layer, "columns"), b));
    table_add(table, text);
    table_add(table, output_count(field_number(layer, "wrong.minus_to_plus"), a));
    table_add(table, output_count(field_number(layer, "wrong.plus_to_minus"), a));
    table_add(table, output_rate(field_number(layer, "bit_error_rate"), a));
    table_add(table, output_count(field_number(layer, "cells"), a));
    table_add(table, output_count(field_number(layer, "cell_errors"), a));
    tiles_text(layer, text, sizeof(text));
    table_add(table, text);
    worst_text(layer, text, sizeof(text));
    table_add(table, text);
    layout_text(field(layer, "layout"), text, sizeof(text));
    table_add(table, text);
}

static enum status print_layers(FILE *out, const json_t *layers)
{
    struct table table;
    const json_t *layer;
    size_t i;

    table_init(&table, "LAYER|>ROWS x COLUMNS|>-1 AS +1|>+1 AS -1|>BIT ERROR RATE|>CELLS|"
                       ">CELL ERRORS|>TILES|>WORST TILE|STORED");
    json_array_foreach(layers, i, layer) add_layer(&table, layer);
    fputc('\n', out);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

/* -- The weakest cells, of all layers -- */

struct weak {
    const char *layer;  /* borrowed */
    const json_t *cell; /* borrowed */
    double rate;        /* the worse one of both directions */
};

static int weaker_first(const void *a, const void *b)
{
    const struct weak *x = a, *y = b;

    return (x->rate < y->rate) - (x->rate > y->rate);
}

/* Fills `ret_list` if it is not NULL; returns how many there are and, in `ret_asked`, how
 * many of them a layer had at most. */
static size_t collect(const json_t *layers, struct weak *ret_list, size_t *ret_asked)
{
    const json_t *layer, *cell;
    size_t i, k, n = 0;

    *ret_asked = 0;
    json_array_foreach(layers, i, layer)
    {
        const json_t *cells = field(layer, "weakest");

        if (json_array_size(cells) > *ret_asked)
            *ret_asked = json_array_size(cells);
        json_array_foreach(cells, k, cell)
        {
            double p2ap = field_number(cell, "write_error_rate.p2ap");
            double ap2p = field_number(cell, "write_error_rate.ap2p");

            double rate = fmax(p2ap, ap2p); /* of one that is there */

            if (ret_list != NULL)
                ret_list[n] = (struct weak) { field_text(layer, "name", "?"), cell,
                                              isnan(rate) ? -1.0 : rate };
            n++;
        }
    }
    return n;
}

static enum status print_weak_list(FILE *out, const struct weak *list, size_t n)
{
    struct table table;
    char text[OUTPUT_NUMBER];

    table_init(&table, "WEAKEST CELLS|>ROW|>COLUMN|>FAILS P TO AP|>FAILS AP TO P|>DELTA");
    for (size_t i = 0; i < n; i++) {
        const json_t *cell = list[i].cell;

        table_add(&table, list[i].layer);
        table_add(&table, output_id(field_number(cell, "row"), text));
        table_add(&table, output_id(field_number(cell, "column"), text));
        table_add(&table, output_rate(field_number(cell, "write_error_rate.p2ap"), text));
        table_add(&table, output_rate(field_number(cell, "write_error_rate.ap2p"), text));
        table_add(&table, output_number(field_number(cell, "delta"), "", text));
    }
    fputc('\n', out);

    enum status st = table_print(&table, out, 2);
    table_done(&table);
    return st;
}

static enum status print_weakest(FILE *out, const json_t *layers)
{
    size_t asked, n = collect(layers, NULL, &asked);

    if (n == 0)
        return ST_OK;

    struct weak *list = calloc(n, sizeof(*list));
    if (list == NULL)
        return ST_NOMEM;
    (void)collect(layers, list, &asked);
    qsort(list, n, sizeof(*list), weaker_first);
    enum status st = print_weak_list(out, list, n < asked ? n : asked);
    free(list);
    return st;
}

enum status memory_print(FILE *out, const char *model, const json_t *memory)
{
    const json_t *layers = field(memory, "layers");

    state_heading(out, "memory of ", model, memory);
    print_geometry(out, memory);
    if (print_layers(out, layers) != ST_OK)
        return ST_NOMEM;
    histogram_print(out, layers);
    return print_weakest(out, layers);
}
