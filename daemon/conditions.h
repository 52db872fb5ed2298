/* SPDX-License-Identifier: Apache-2.0 */
/* conditions.h - what operating points come to, layer by layer: resolved once, then
 * shared by the generations written under them. Immutable; counted references. */
#ifndef DAEMON_CONDITIONS_H
#define DAEMON_CONDITIONS_H

#include "core/operating_point.h"

struct conditions {
    _Atomic unsigned refs;
    struct operating_points points;
    struct device device; /* ours */
    size_t n_layers;
    /* Ours; layers that ask for the same share one. */
    const struct operating_point_resolved *resolved[NETWORK_MAX_LAYERS];
    /* Energy of reads, in every mode; probability that one read flips a cell in P. */
    struct device_read_energy read[NETWORK_MAX_LAYERS];
    double disturb[NETWORK_MAX_LAYERS]; /* 0 without read_disturb */
};

/* Takes some ms for each layer that asks for something of its own, that no layer of
 * `before` (NULL: none) asked for of the same device. ST_RANGE or ST_UNREACHABLE as
 * operating_point_resolve, with the layer's index in *ret_layer; ST_NOMEM. */
MUST_CHECK enum status
conditions_new(const struct operating_points *points, const struct device *device,
               const struct conditions *before, struct conditions **ret_conditions,
               size_t *ret_layer, const char **ret_field, char why[ERR_LEN]);
/* Were they resolved from these? */
bool conditions_are(const struct conditions *conditions,
                    const struct operating_points *points, const struct device *device);
struct conditions *conditions_keep(struct conditions *conditions);
/* NULL is fine. */
void conditions_drop(struct conditions *conditions);

/* The layer that stands for the base: the first that states nothing, else the first. */
size_t conditions_base_layer(const struct conditions *conditions);

#endif
