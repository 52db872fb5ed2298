/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/histogram.h"

#include "cli/field.h"
#include "cli/output.h"

#include <math.h>
#include <string.h>

#define BAR_WIDTH 50
#define MAX_BINS  128
#define MAX_LINES 20
/* Layers with other conditions have other edges. */
#define MAX_HISTOGRAMS 32

struct histogram {
    const char *direction; /* borrowed */
    const json_t *edges;   /* borrowed */
    double cells[MAX_BINS];
    size_t n_bins;
    const char *layer; /* borrowed: the first */
    size_t n_layers;
};

/* -- Adding up -- */

static struct histogram *find(struct histogram *list, size_t *n, const json_t *one)
{
    const char *direction = field_text(one, "direction", "");
    const json_t *edges = field(one, "edges_log10");

    for (size_t i = 0; i < *n; i++)
        if (strcmp(list[i].direction, direction) == 0 && json_equal(list[i].edges, edges))
            return &list[i];
    if (*n == MAX_HISTOGRAMS)
        return NULL;
    list[*n] = (struct histogram) { .direction = direction, .edges = edges };
    return &list[(*n)++];
}

static void add(struct histogram *to, const json_t *layer, const json_t *one)
{
    const json_t *count;
    size_t i;

    json_array_foreach(field(one, "cells"), i, count)
    {
        if (i < MAX_BINS && json_is_number(count)) {
            to->cells[i] += json_number_value(count);
            to->n_bins = i + 1 > to->n_bins ? i + 1 : to->n_bins;
        }
    }
    if (to->n_layers++ == 0)
        to->layer = field_text(layer, "name", "?");
}

/* -- Bars -- */

static const char *direction_text(const char *direction)
{
    if (strcmp(direction, "p2ap") == 0)
        return "P to AP";
    return strcmp(direction, "ap2p") == 0 ? "AP to P" : "?";
}

/* "1e-04" of an edge. */
static const char *edge_text(const json_t *edges, size_t i, char ret_text[OUTPUT_NUMBER])
{
    const json_t *edge = json_array_get(edges, i);

    if (!json_is_number(edge))
        return "";
    snprintf(ret_text, OUTPUT_NUMBER, "%.1e", pow(10.0, json_number_value(edge)));
    return ret_text;
}

static int bar_length(double cells, double most)
{
    double part = log1p(cells) / log1p(most);

    return cells > 0.0 ? (int)fmax(1.0, round(BAR_WIDTH * part)) : 0;
}

/* One line for the bins from `first` up to `end`. */
static void print_bins(FILE *out, const struct histogram *h, size_t first, size_t end,
                       double cells, double most)
{
    static const char bar[BAR_WIDTH + 1] =
        "##################################################";
    char a[OUTPUT_NUMBER], b[OUTPUT_NUMBER], c[OUTPUT_NUMBER];

    /* One edge more than bins; without it the last bin has no end. */
    fprintf(out, "  %7s to %-7s  %13s", edge_text(h->edges, first, a),
            edge_text(h->edges, end, b), output_count(cells, c));
    if (cells > 0.0)
        fprintf(out, "  %.*s", bar_length(cells, most), bar);
    fputc('\n', out);
}

/* Bins added up, `step` to a line; from the first to before the last that is not empty,
 * end 0 if all are. */
struct lines {
    double cells[MAX_BINS];
    size_t first, end, step;
    double most; /* on one line */
};

static struct lines lines_of(const struct histogram *h, size_t step)
{
    struct lines lines = { .first = MAX_BINS, .step = step };

    for (size_t i = 0; i < h->n_bins; i++) {
        if (!(h->cells[i] > 0.0))
            continue;
        size_t line = i / step;
        lines.cells[line] += h->cells[i];
        lines.most = fmax(lines.most, lines.cells[line]);
        lines.first = line < lines.first ? line : lines.first;
        lines.end = line + 1;
    }
    return lines;
}

static void print_title(FILE *out, const struct histogram *h)
{
    fprintf(out, "\n%s, cells by write error rate, ", direction_text(h->direction));
    if (h->n_layers == 1)
        output_text(out, h->layer);
    else
        fprintf(out, "%zu layers", h->n_layers);
    fputs(" (bars are logarithmic)\n", out);
}

static void print_one(FILE *out, const struct histogram *h)
{
    struct lines lines = lines_of(h, 1);

    /* Powers of two, so that decades stay whole where bins are a quarter of one. */
    while (lines.end > lines.first && lines.end - lines.first > MAX_LINES)
        lines = lines_of(h, 2 * lines.step);
    if (lines.end == 0)
        return;

    print_title(out, h);
    for (size_t line = lines.first; line < lines.end; line++) {
        size_t first = line * lines.step, end = first + lines.step;

        print_bins(out, h, first, end < h->n_bins ? end : h->n_bins, lines.cells[line],
                   lines.most);
    }
}

void histogram_print(FILE *out, const json_t *layers)
{
    struct histogram list[MAX_HISTOGRAMS];
    const json_t *layer, *one;
    size_t i, k, n = 0;

    json_array_foreach(layers, i, layer)
    {
        json_array_foreach(field(layer, "histograms"), k, one)
        {
            struct histogram *to = find(list, &n, one);

            if (to != NULL)
                add(to, layer, one);
        }
    }
    for (i = 0; i < n; i++)
        print_one(out, &list[i]);
}
