/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conditions.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An earlier layer that asks for the same; `layer` itself if there is none. */
static size_t same_as(const struct operating_points *points, size_t layer)
{
    struct operating_point op = operating_points_at(points, layer);

    for (size_t l = 0; l < layer; l++) {
        struct operating_point before = operating_points_at(points, l);

        if (operating_point_same(&op, &before))
            return l;
    }
    return layer;
}

static double disturb_rate(const struct device *device, const struct operating_point *op)
{
    struct device_flips flips;

    if (!op->read_disturb || op->mode == MRAM_IID)
        return 0.0;
    device_read_disturb(device, 1.0, op->temperature_k, &flips);
    return flips.mean[MTJ_P2AP];
}

/* What a layer of `before` that asked for the same of the same device came to; NULL if
 * there is none. */
static const struct operating_point_resolved *
resolved_before(const struct conditions *before, const struct device *device,
                const struct operating_point *op)
{
    if (before == NULL || !device_same(&before->device, device))
        return NULL;
    for (size_t l = 0; l < before->n_layers; l++) {
        struct operating_point of = operating_points_at(&before->points, l);

        if (operating_point_same(op, &of))
            return before->resolved[l];
    }
    return NULL;
}

static enum status resolve_layer(struct conditions *conditions,
                                 const struct conditions *before, size_t layer,
                                 const char **ret_field, char why[ERR_LEN])
{
    struct operating_point op = operating_points_at(&conditions->points, layer);
    size_t like = same_as(&conditions->points, layer);

    if (like != layer) {
        conditions->resolved[layer] = conditions->resolved[like];
        conditions->read[layer] = conditions->read[like];
        conditions->disturb[layer] = conditions->disturb[like];
        return ST_OK;
    }
    struct operating_point_resolved *resolved = malloc(sizeof(*resolved));
    if (resolved == NULL) {
        *ret_field = "";
        (void)snprintf(why, ERR_LEN, "out of memory");
        return ST_NOMEM;
    }
    conditions->resolved[layer] = resolved;
    const struct operating_point_resolved *known =
        resolved_before(before, &conditions->device, &op);
    enum status st = ST_OK;

    if (known != NULL)
        *resolved = *known;
    else
        st = operating_point_resolve(&op, &conditions->device, resolved, ret_field, why);
    if (st != ST_OK)
        return st;
    conditions->read[layer] = device_read_energy(&conditions->device, op.temperature_k);
    conditions->disturb[layer] = disturb_rate(&conditions->device, &op);
    return ST_OK;
}

enum status conditions_new(const struct operating_points *points,
                           const struct device *device, const struct conditions *before,
                           struct conditions **ret_conditions, size_t *ret_layer,
                           const char **ret_field, char why[ERR_LEN])
{
    struct conditions *conditions = calloc(1, sizeof(*conditions));
    enum status st = ST_NOMEM;

    *ret_layer = 0;
    *ret_field = "";
    (void)snprintf(why, ERR_LEN, "out of memory");
    if (conditions == NULL)
        return ST_NOMEM;
    atomic_init(&conditions->refs, 1);
    conditions->points = *points;
    conditions->n_layers = points->n_layers;
    st = device_copy(device, &conditions->device);
    for (size_t l = 0; l < points->n_layers && st == ST_OK; l++) {
        *ret_layer = l;
        st = resolve_layer(conditions, before, l, ret_field, why);
    }
    if (st != ST_OK) {
        conditions_drop(conditions);
        return st;
    }
    *ret_conditions = conditions;
    return ST_OK;
}

bool conditions_are(const struct conditions *conditions,
                    const struct operating_points *points, const struct device *device)
{
    return operating_points_same(&conditions->points, points) &&
           device_same(&conditions->device, device) &&
           strcmp(conditions->device.name, device->name) == 0;
}

struct conditions *conditions_keep(struct conditions *conditions)
{
    (void)atomic_fetch_add_explicit(&conditions->refs, 1, memory_order_relaxed);
    return conditions;
}

void conditions_drop(struct conditions *conditions)
{
    if (conditions == NULL ||
        atomic_fetch_sub_explicit(&conditions->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t l = 0; l < conditions->n_layers; l++)
        if (same_as(&conditions->points, l) == l)
            free((void *)(uintptr_t)conditions->resolved[l]);
    device_done(&conditions->device);
    free(conditions);
}

size_t conditions_base_layer(const struct conditions *conditions)
{
    for (size_t l = 0; l < conditions->n_layers; l++)
        if (conditions->points.layers[l].set == 0)
            return l;
    return 0;
}
