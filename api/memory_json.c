/* SPDX-License-Identifier: Apache-2.0 */
#include "api/memory_json.h"

#include "api/state_json.h"

#include <math.h>
#include <string.h>

#define BINS_PER_DECADE 4

/* -- Histograms -- */

static unsigned bin_of(double rate)
{
    double bin = floor((log10(rate) - MEMORY_JSON_LEAST_LOG10) * BINS_PER_DECADE);

    if (!(bin > 0.0)) /* a rate of 0 as well */
        return 0;
    return bin < MEMORY_JSON_BINS ? (unsigned)bin : MEMORY_JSON_BINS - 1;
}

static void count_cells(const struct memory_layer *layer, enum mtj_direction direction,
                        uint64_t ret_bins[MEMORY_JSON_BINS])
{
    memset(ret_bins, 0, MEMORY_JSON_BINS * sizeof(*ret_bins));
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        double rate = layer->mode == MRAM_DEVICE
                          ? layer->resolved->classes.error_rate[c][direction]
                          : layer->resolved->mean[direction].error_rate;

        if (layer->census[c] > 0)
            ret_bins[bin_of(rate)] += layer->census[c];
    }
}

static void put_histogram(struct buf *buf, const struct memory_layer *layer,
                          enum mtj_direction direction)
{
    uint64_t bins[MEMORY_JSON_BINS];

    count_cells(layer, direction, bins);
    state_json_text(buf, "{\"direction\":", state_json_direction_names[direction]);
    buf_text(buf, ",\"edges_log10\":[");
    for (unsigned b = 0; b <= MEMORY_JSON_BINS; b++)
        state_json_number(buf, b == 0 ? "" : ",",
                          MEMORY_JSON_LEAST_LOG10 + (double)b / BINS_PER_DECADE);
    buf_text(buf, "],\"cells\":[");
    for (unsigned b = 0; b < MEMORY_JSON_BINS; b++)
        state_json_count(buf, b == 0 ? "" : ",", bins[b]);
    buf_text(buf, "]}");
}

static void put_histograms(struct buf *buf, const struct memory_layer *layer)
{
    if (layer->mode == MRAM_IID) {
        buf_text(buf, ",\"histograms\":null");
        return;
    }
    buf_text(buf, ",\"histograms\":[");
    put_histogram(buf, layer, MTJ_P2AP);
    buf_char(buf, ',');
    put_histogram(buf, layer, MTJ_AP2P);
    buf_char(buf, ']');
}

/* -- Layers -- */

static void put_weakest(struct buf *buf, const struct memory_layer *layer)
{
    buf_text(buf, ",\"weakest\":[");
    for (size_t i = 0; i < layer->n_weakest; i++) {
        const struct memory_cell *cell = &layer->weakest[i];

        state_json_count(buf, i == 0 ? "{\"row\":" : ",{\"row\":", cell->row);
        state_json_count(buf, ",\"column\":", cell->column);
        state_json_directions(buf, ",\"write_error_rate\":", cell->error_rate);
        state_json_number(buf, ",\"delta\":", cell->delta);
        buf_char(buf, '}');
    }
    buf_char(buf, ']');
}

static void put_layout(struct buf *buf, const struct mram_layout *layout)
{
    bool check = layout->ecc != ECC_NONE;

    state_json_text(buf, ",\"layout\":{\"ecc\":", ecc_name(layout->ecc));
    state_json_text(buf, ",\"cell\":", operating_point_cell_name(layout->pairs));
    state_json_text(buf,
                    ",\"polarity\":", operating_point_polarity_name(layout->polarity));
    buf_text(buf, "},\"sections\":[\"data\"");
    if (check)
        buf_text(buf, ",\"check\"");
    if (layout->pairs)
        buf_text(buf, ",\"data_partner\"");
    if (layout->pairs && check)
        buf_text(buf, ",\"check_partner\"");
    buf_char(buf, ']');
}

static void put_layer(struct buf *buf, const struct memory_layer *layer)
{
    state_json_count(buf, ",\"rows\":", layer->shape.n_rows);
    state_json_count(buf, ",\"columns\":", layer->shape.n_cols);
    state_json_count(buf, ",\"first_tile\":", layer->first_tile);
    state_json_count(buf, ",\"tiles\":", layer->n_tiles);
    put_layout(buf, &layer->layout);
    state_json_text(buf, ",\"mode\":", operating_point_mode_name(layer->mode));
    buf_char(buf, ',');
    state_json_members(buf, &layer->state, layer->layout.pairs);
    buf_text(buf, ",\"tile_wrong_cells\":[");
    for (size_t t = 0; t < layer->n_tiles; t++)
        state_json_count(buf, t == 0 ? "" : ",", layer->tile_wrong_cells[t]);
    buf_char(buf, ']');
    put_histograms(buf, layer);
    put_weakest(buf, layer);
}

/* -- All together -- */

struct totals {
    size_t tiles;
    struct mram_state state;
    bool pairs;
};

static struct totals totals_of(const struct memory_view *view)
{
    struct totals totals = { 0 };

    for (size_t l = 0; l < view->net->n_layers; l++) {
        const struct mram_state both[2] = { totals.state, view->layers[l].state };

        totals.state = mram_state_sum(both, 2);
        totals.tiles += view->layers[l].n_tiles;
        totals.pairs |= view->layers[l].layout.pairs;
    }
    return totals;
}

void memory_json_write(struct buf *buf, const struct memory_view *view)
{
    struct totals totals = totals_of(view);

    state_json_model(buf, view->model, view->net);
    state_json_count(buf, ",\"generation\":", view->generation);
    state_json_text(buf, ",\"cause\":", mram_cause_name(view->cause));
    state_json_count(buf, ",\"seed\":", view->seed);
    state_json_text(buf, ",\"device\":", view->device);
    state_json_number(buf, ",\"age_s\":", view->age_s);
    state_json_count(buf, ",\"pending_reads\":", view->pending_reads);
    state_json_count(buf, ",\"geometry\":{\"tile_rows\":", MRAM_TILE_ROWS);
    state_json_count(buf, ",\"tile_columns\":", MRAM_TILE_COLUMNS);
    state_json_count(buf, ",\"tiles\":", totals.tiles);
    state_json_count(buf, ",\"cells\":", totals.state.cells);
    state_json_count(buf, ",\"weights\":", totals.state.weights);
    buf_char(buf, '}');
    state_json_write(buf, ",\"state\":", &totals.state, totals.pairs);
    buf_text(buf, ",\"layers\":[");
    for (size_t l = 0; l < view->net->n_layers; l++) {
        state_json_text(buf,
                        l == 0 ? "{\"name\":" : ",{\"name\":", view->net->layers[l].name);
        put_layer(buf, &view->layers[l]);
        buf_char(buf, '}');
    }
    buf_text(buf, "]}");
}
