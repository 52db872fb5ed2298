/* SPDX-License-Identifier: Apache-2.0 */
/* memory_json.h - the answer of GET memory: what an array holds, layer by layer, and how
 * strong its cells are. */
#ifndef API_MEMORY_JSON_H
#define API_MEMORY_JSON_H

#include "api/buf.h"
#include "core/mram.h"
#include "core/network.h"
#include "core/operating_point.h"

/* Per-cell write error rates are counted by their decimal logarithm, in bins of a quarter
 * of a decade from -18 to 0; what is below is in the first. */
#define MEMORY_JSON_LEAST_LOG10 (-18)
#define MEMORY_JSON_BINS        72
#define MEMORY_JSON_MAX_WEAKEST 1000

/* One of the cells most likely to fail. */
struct memory_cell {
    size_t row, column;
    double error_rate[2]; /* under the layer's conditions, by enum mtj_direction */
    double delta;         /* its own, at the layer's temperature; NAN: not known */
};

struct memory_layer {
    struct mram_shape shape;
    size_t first_tile, n_tiles;
    const uint64_t *tile_wrong_cells; /* [n_tiles] */
    struct mram_state state;
    struct mram_layout layout;
    enum mram_mode mode;
    const uint64_t *census; /* [MTJ_CLASSES], as mram_census has it */
    /* Of the layer; its classes in device, its means in uniform, nothing in iid. */
    const struct operating_point_resolved *resolved;
    size_t n_weakest; /* 0 in iid */
    const struct memory_cell *weakest;
};

/* All of it borrowed. */
struct memory_view {
    const char *model;
    const struct network *net; /* names of the layers */
    uint64_t generation;
    enum mram_cause cause;
    uint64_t seed;
    const char *device; /* its name */
    double age_s;
    uint64_t pending_reads;            /* not yet worn on the cells */
    const struct memory_layer *layers; /* [net->n_layers] */
};
void memory_json_write(struct buf *buf, const struct memory_view *view);

#endif
