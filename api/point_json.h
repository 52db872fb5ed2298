/* SPDX-License-Identifier: Apache-2.0 */
/* point_json.h - the JSON of operating points and of the device calculator. */
#ifndef API_POINT_JSON_H
#define API_POINT_JSON_H

#include "api/buf.h"
#include "api/problem.h"
#include "core/network.h"
#include "core/operating_point.h"

/* Applies a JSON merge patch (RFC 7396) to `op`. Members: mode, program_over,
 * bit_error_rate, write_voltage_v {p2ap, ap2p}, pulse_ns, target_write_error_rate,
 * temperature_k, seed; null puts a member back to its default. A member that the
 * resulting mode does not use is a violation, as is an unknown member (with the nearest
 * name), and write_voltage_v together with target_write_error_rate. Giving voltages ends
 * a target and the other way round; `present` are the resolved conditions that a partial
 * write_voltage_v or a missing pulse_ns is completed from. On failure every violation
 * of type and range is in ret_problem (400 not JSON or not an object, 422 values) and
 * `op` is untouched. */
MUST_CHECK enum status point_json_patch(const char *json, size_t len,
                                        const struct operating_point_resolved *present,
                                        struct operating_point *op,
                                        struct problem *ret_problem);

/* Everything that GET and PATCH answer. */
struct point_view {
    const char *model;
    const struct operating_point *op;
    const struct operating_point_resolved *resolved;
    struct mram_forecast forecast;     /* of the programming that made this generation */
    const struct network *net;         /* layer names */
    const struct mram_result *results; /* [net->n_layers] */
    uint64_t generation;
    int64_t programmed_at_s; /* UTC */
    bool durable;            /* the array image is on disk */
};
/* Conditions that do not apply to the mode are null; energies are null in iid. */
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
