/* SPDX-License-Identifier: Apache-2.0 */
/* operating_point.h - the write conditions as an operator states them, and what they
 * mean.
 *
 * A *request* holds what was asked for; resolving it fills in what was left open
 * (voltages for a target error rate, the cheapest pulse) and the error rates and energies
 * that programming needs. Pure; any thread.
 */
#ifndef CORE_OPERATING_POINT_H
#define CORE_OPERATING_POINT_H

#include "core/mram.h"

#include <stdbool.h>

struct operating_point {
    enum mram_mode mode;
    enum mram_over over;
    uint64_t seed; /* of the array: devices and draws; 0 .. 2^53 - 1 */
    double temperature_k;
    double bit_error_rate; /* iid: 0 .. 1 */

    /* device and uniform: either a target (0 < target < 1) or voltages with a pulse. */
    bool has_target;
    double target_write_error_rate;
    bool has_pulse;      /* false with a target: cheapest pulse */
    double pulse_ns;     /* as asked, where has_pulse */
    double voltage_v[2]; /* as asked, where !has_target; by enum mtj_direction */
};

/* A strong write: uniform array mean 1e-9 at the cheapest pulse and 300 K, per-cell
 * device mode, over what the array holds. */
struct operating_point operating_point_default(void);

/* Do two requests ask for the same? Compares every field. */
bool operating_point_same(const struct operating_point *a,
                          const struct operating_point *b);

/* A field outside its range. */
struct operating_point_fault {
    const char *field; /* JSON name, static: "pulse_ns", "write_voltage_v/p2ap" */
    char why[ERR_LEN]; /* value and range */
};
#define OPERATING_POINT_MAX_FAULTS 5

/* Looks at every field that the mode uses; returns how many are outside their ranges. */
size_t operating_point_check(
    const struct operating_point *op,
    struct operating_point_fault ret_faults[OPERATING_POINT_MAX_FAULTS]);

/* What the request comes to. */
struct operating_point_resolved {
    struct mtj_pulse pulse;         /* device and uniform; zero in iid */
    struct mtj_mean mean[2];        /* device and uniform: by direction */
    struct mtj_class_table classes; /* device */
};

/* ST_RANGE (the first fault of operating_point_check) or ST_UNREACHABLE (no voltage
 * within MTJ_MAX_VOLTAGE_V reaches the target); `ret_field` is the field's JSON name,
 * such as "pulse_ns" or "write_voltage_v/p2ap", and `why` names value and range. */
MUST_CHECK enum status
operating_point_resolve(const struct operating_point *op, const struct mtj_params *params,
                        struct operating_point_resolved *ret_resolved,
                        const char **ret_field, char why[ERR_LEN]);

/* The array's view of it. `resolved` is borrowed for the life of the result. */
struct mram_write operating_point_write(const struct operating_point *op,
                                        const struct operating_point_resolved *resolved,
                                        uint64_t generation);

const char *operating_point_mode_name(enum mram_mode mode);
const char *operating_point_over_name(enum mram_over over);
/* False if there is no such name. */
bool operating_point_mode_from_name(const char *name, enum mram_mode *ret_mode);
bool operating_point_over_from_name(const char *name, enum mram_over *ret_over);

#endif
