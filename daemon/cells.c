/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cells.h"

#include "storage/array_image.h"

#include <string.h>

void cells_wanted(const struct network *net, const uint64_t **ret_wanted)
{
    for (size_t l = 0; l < net->n_layers; l++)
        ret_wanted[l] = net->layers[l].weights;
}

enum status cells_new(const struct network *net, uint64_t seed,
                      const struct mram_defects *defects, struct mram **ret_mram)
{
    struct mram_shape shapes[NETWORK_MAX_LAYERS];
    struct mram *mram;

    array_image_shapes(net, shapes);
    enum status st = mram_new(shapes, net->n_layers, seed, &mram);
    if (st != ST_OK)
        return st;
    if (defects != NULL)
        st = mram_set_defects(mram, defects);
    if (st != ST_OK) {
        mram_free(mram);
        return st;
    }
    *ret_mram = mram;
    return ST_OK;
}

enum status cells_fit(struct mram *mram, const struct operating_points *points)
{
    enum status st = ST_OK;

    for (size_t l = 0; l < points->n_layers && st == ST_OK; l++) {
        struct operating_point op = operating_points_at(points, l);
        struct mram_layout layout = operating_point_layout(&op);

        st = mram_set_layout(mram, l, &layout);
    }
    return st;
}

enum status cells_write(struct mram *mram, const struct network *net,
                        const struct conditions *conditions, uint64_t generation,
                        bool scrub, size_t first, size_t n,
                        const struct cells_outcome *ret_outcome)
{
    struct mram_write writes[NETWORK_MAX_LAYERS];
    const uint64_t *wanted[NETWORK_MAX_LAYERS];
    size_t n_layers = conditions->n_layers;

    cells_wanted(net, wanted);
    for (size_t l = 0; l < n_layers; l++) {
        struct operating_point op = operating_points_at(&conditions->points, l);

        if (scrub)
            op.over = MRAM_OVER_PRESENT;
        writes[l] = operating_point_write(&op, conditions->resolved[l], generation);
    }
    memset(ret_outcome->results + first, 0, n * sizeof(*ret_outcome->results));
    memset(ret_outcome->states + first, 0, n * sizeof(*ret_outcome->states));
    size_t first_tile = mram_first_tile(mram, first), last = first + n - 1;
    size_t end_tile = mram_first_tile(mram, last) + mram_layer_tiles(mram, last);
    return mram_program(mram, wanted, writes, first_tile, end_tile - first_tile,
                        ret_outcome->forecasts, ret_outcome->results,
                        ret_outcome->states);
}

enum status cells_deliver(const struct mram *mram, const struct network *net,
                          const struct kernel *kernel, struct infer_weights **ret_weights)
{
    const uint64_t *layers[NETWORK_MAX_LAYERS];

    for (size_t l = 0; l < net->n_layers; l++)
        layers[l] = mram_delivered(mram, l);
    return infer_weights_new(net, kernel, layers, ret_weights);
}
