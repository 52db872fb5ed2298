/* SPDX-License-Identifier: Apache-2.0 */
/* point_json.h - the JSON of operating points and of the device calculator. */
#ifndef API_POINT_JSON_H
#define API_POINT_JSON_H

#include "api/buf.h"
#include "api/problem.h"
#include "core/network.h"
#include "core/operating_point.h"

/* Instead of a layer: what all layers inherit. */
#define POINT_JSON_BASE SIZE_MAX

/* Applies a JSON merge patch (RFC 7396) to `points`, to what all layers inherit or to one
 * layer.
 *
 * Members: mode, program_over, bit_error_rate (a number or {to_p, to_ap}),
 * write_voltage_v {p2ap, ap2p}, pulse_ns, target_write_error_rate, temperature_k, ecc,
 * cell, polarity, verify_retries; in the base also seed, read_disturb and layers
 * {NAME: a patch of that layer, or null}. null puts a member of the base back to its
 * default, and lets a layer inherit it again.
 *
 * A member that the resulting mode or the device does not use is a violation, as is an
 * unknown member or layer (with the nearest name), and write_voltage_v together with
 * target_write_error_rate. Giving voltages ends a target and the other way round. A
 * partial write_voltage_v or a missing pulse_ns is completed from `present`, the resolved
 * conditions of the layers in force ([net->n_layers]; NULL: none): of the layer itself,
 * and for the base of the first layer that inherits everything, else of the first. Every
 * layer's conditions are checked, not only those that the patch names.
 *
 * On failure every violation of type and range is in ret_problem (400 not JSON or not an
 * object, 422 values) and `points` is untouched. */
MUST_CHECK enum status
point_json_patch(const char *json, size_t len, const struct network *net,
                 const struct operating_point_resolved *const *present,
                 const struct device *device, size_t layer,
                 struct operating_points *points, struct problem *ret_problem);

/* The layer whose resolved conditions stand for the base: the first that states nothing
 * of its own. False if all of them do. */
bool point_json_plain_layer(const struct operating_points *points, size_t *ret_layer);

/* Everything that GET and PATCH operating-point answer. Lists have net->n_layers entries,
 * and all of it is borrowed. */
struct point_view {
    const char *model;
    const struct network *net; /* layer names */
    const struct device *device;
    const struct operating_points *points;
    const struct operating_point_resolved *const *resolved;
    const struct mram_forecast *forecasts; /* of the last programming */
    const struct mram_result *results;     /* what it did */
    const struct mram_state *states;       /* what the array holds now */
    size_t layer;                          /* the one asked for, or POINT_JSON_BASE */
    uint64_t generation;
    enum mram_cause cause;
    int64_t changed_at_s;    /* UTC: when this generation came about */
    int64_t programmed_at_s; /* UTC */
    double age_s;            /* simulated, since programmed */
    bool durable;            /* the array image is on disk */
};
/* Conditions that do not apply to the mode or the device are null; energies are null
 * where all layers are iid. */
void point_json_write(struct buf *buf, const struct point_view *view);

/* -- POST /api/v1/device/write-error -- */

#define POINT_JSON_MAX_DEVICE_POINTS 10000

struct device_point {
    double voltage_v, pulse_ns, temperature_k; /* temperature defaults to 300 */
    enum mtj_direction direction;
};
struct device_points {
    size_t n;
    struct device_point *points; /* ours */
    bool array_mean;
};
/* Types and ranges are checked here. Free points with device_points_done, after a failure
 * too. */
MUST_CHECK enum status device_json_parse(const char *json, size_t len,
                                         struct device_points *ret_points,
                                         struct problem *ret_problem);
void device_points_done(struct device_points *points);
struct device_result {
    double error_rate, ln_error_rate, toggle_pj;
};
void device_json_write(struct buf *buf, const struct device_result *results, size_t n);

#endif
