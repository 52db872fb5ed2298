/* SPDX-License-Identifier: Apache-2.0 */
/* operating_point.h - the write conditions as an operator states them, and what they
 * mean.
 *
 * A *request* holds what was asked for; resolving it fills in what was left open
 * (voltages for a target error rate, the cheapest pulse) and the error rates and energies
 * that programming needs. A model has one request for all of its layers, and layers may
 * state members of their own and inherit the rest. Pure; any thread.
 */
#ifndef CORE_OPERATING_POINT_H
#define CORE_OPERATING_POINT_H

#include "core/device.h"
#include "core/mram.h"
#include "core/network.h"

#include <stdbool.h>

struct operating_point {
    enum mram_mode mode;
    enum mram_over over;
    double temperature_k;
    double bit_error_rate[2]; /* iid: 0 .. 1; [MTJ_P2AP] of bits that should be AP
                                 ("to_p", what they become), [MTJ_AP2P] "to_ap" */

    /* device and uniform: either a target (0 < target < 1) or voltages with a pulse. A
     * device without a voltage or pulse of its own has no use for them. */
    bool has_target;
    double target_write_error_rate;
    bool has_pulse;      /* false with a target: cheapest pulse */
    double pulse_ns;     /* as asked, where has_pulse */
    double voltage_v[2]; /* as asked, where !has_target; by enum mtj_direction */

    /* How weights become cells. */
    enum ecc_code ecc;
    bool pairs; /* cell "2t2r" */
    enum mram_polarity polarity;
    unsigned verify_retries; /* device and uniform: 0 .. MRAM_MAX_RETRIES */

    /* Of the whole array; layers inherit them. */
    uint64_t seed;     /* devices and draws; 0 .. 2^53 - 1 */
    bool read_disturb; /* do reads wear on the cells? */
};

/* A strong write: uniform array mean 1e-9 at the cheapest pulse and 300 K, per-cell
 * device mode, over what the array holds; one plain cell a weight. */
struct operating_point operating_point_default(void);

/* Do two requests ask for the same? Compares every field. */
bool operating_point_same(const struct operating_point *a,
                          const struct operating_point *b);

/* -- Layers -- */

/* What a layer can state for itself: one bit a member. */
enum operating_member {
    OPERATING_MODE = 1 << 0,
    OPERATING_OVER = 1 << 1,
    OPERATING_TEMPERATURE = 1 << 2,
    OPERATING_BIT_ERROR_RATE = 1 << 3,
    OPERATING_DRIVE = 1 << 4, /* target, or voltages */
    OPERATING_PULSE = 1 << 5, /* a width, or the cheapest */
    OPERATING_ECC = 1 << 6,
    OPERATING_CELL = 1 << 7,
    OPERATING_POLARITY = 1 << 8,
    OPERATING_RETRIES = 1 << 9,
};
#define OPERATING_ALL_MEMBERS ((1u << 10) - 1)

struct operating_points {
    struct operating_point base;
    size_t n_layers; /* 1 .. NETWORK_MAX_LAYERS */
    struct {
        unsigned set;              /* of enum operating_member */
        struct operating_point op; /* the members of `set`; the rest is not looked at */
    } layers[NETWORK_MAX_LAYERS];
};

/* The default for all of n_layers layers. */
struct operating_points operating_points_default(size_t n_layers);
/* What layer `layer` is written with: its own members, else the base's. */
struct operating_point operating_points_at(const struct operating_points *points,
                                           size_t layer);
/* Copies the members of `set` from `from`. */
void operating_point_take(struct operating_point *op, unsigned set,
                          const struct operating_point *from);
bool operating_points_same(const struct operating_points *a,
                           const struct operating_points *b);

/* -- Checking and resolving -- */

/* A field outside its range. */
struct operating_point_fault {
    const char *field; /* JSON name, static: "pulse_ns", "write_voltage_v/p2ap" */
    char why[ERR_LEN]; /* value and range */
};
#define OPERATING_POINT_MAX_FAULTS 7

/* Looks at every field that the mode and the device use; returns how many are outside
 * their ranges. A table may be of another technology: its voltages, pulses and
 * temperatures have the wide ranges of device_table.h. */
size_t operating_point_check(
    const struct operating_point *op, const struct device *device,
    struct operating_point_fault ret_faults[OPERATING_POINT_MAX_FAULTS]);

/* What the request comes to. */
struct operating_point_resolved {
    struct mtj_pulse pulse;  /* device and uniform; zero in iid, and what the device
                                does not depend on */
    struct mtj_mean mean[2]; /* device and uniform: by direction */
    struct mtj_class_table classes; /* device */
    struct device_read_energy read; /* one cell, one pair; 0 in iid */
    struct device_stuck_energy stuck;
    char remark[ERR_LEN]; /* of the device; "" if there is nothing to say */
};

/* ST_RANGE (the first fault of operating_point_check) or ST_UNREACHABLE (no voltage
 * within MTJ_MAX_VOLTAGE_V reaches the target); `ret_field` is the field's JSON name,
 * such as "pulse_ns" or "write_voltage_v/p2ap", and `why` names value and range. */
MUST_CHECK enum status
operating_point_resolve(const struct operating_point *op, const struct device *device,
                        struct operating_point_resolved *ret_resolved,
                        const char **ret_field, char why[ERR_LEN]);

/* The array's view of it. `resolved` is borrowed for the life of the result. */
struct mram_write operating_point_write(const struct operating_point *op,
                                        const struct operating_point_resolved *resolved,
                                        uint64_t generation);
struct mram_layout operating_point_layout(const struct operating_point *op);

/* -- Names -- */

const char *operating_point_mode_name(enum mram_mode mode);
const char *operating_point_over_name(enum mram_over over);
const char *operating_point_polarity_name(enum mram_polarity polarity);
/* "1t1r", "2t2r". */
const char *operating_point_cell_name(bool pairs);
/* False if there is no such name. */
bool operating_point_mode_from_name(const char *name, enum mram_mode *ret_mode);
bool operating_point_over_from_name(const char *name, enum mram_over *ret_over);
bool operating_point_polarity_from_name(const char *name,
                                        enum mram_polarity *ret_polarity);
bool operating_point_cell_from_name(const char *name, bool *ret_pairs);

#endif
