/* SPDX-License-Identifier: Apache-2.0 */
#include "core/operating_point.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_SEED     ((UINT64_C(1) << 53) - 1) /* what a JSON number holds exactly */
#define MIN_PULSE_NS (MTJ_MIN_PULSE_S * 1e9)
#define MAX_PULSE_NS (MTJ_MAX_PULSE_S * 1e9)

static const char target_field[] = "target_write_error_rate";
static const char pulse_field[] = "pulse_ns";
static const char temperature_field[] = "temperature_k";
static const char *const voltage_fields[] = {
    [MTJ_P2AP] = "write_voltage_v/p2ap",
    [MTJ_AP2P] = "write_voltage_v/ap2p",
};

static const char *const mode_names[] = {
    [MRAM_DEVICE] = "device",
    [MRAM_UNIFORM] = "uniform",
    [MRAM_IID] = "iid",
};

static const char *const over_names[] = {
    [MRAM_OVER_PRESENT] = "present",       [MRAM_OVER_RANDOM] = "random",
    [MRAM_OVER_COMPLEMENT] = "complement", [MRAM_OVER_ERASED_P] = "erased_p",
    [MRAM_OVER_ERASED_AP] = "erased_ap",
};

#define N_MODES (sizeof(mode_names) / sizeof(mode_names[0]))
#define N_OVERS (sizeof(over_names) / sizeof(over_names[0]))

struct operating_point operating_point_default(void)
{
    return (struct operating_point) {
        .mode = MRAM_DEVICE,
        .over = MRAM_OVER_PRESENT,
        .seed = 1,
        .temperature_k = 300.0,
        .has_target = true,
        .target_write_error_rate = 1e-9,
    };
}

bool operating_point_same(const struct operating_point *a,
                          const struct operating_point *b)
{
    return a->mode == b->mode && a->over == b->over && a->seed == b->seed &&
           a->temperature_k == b->temperature_k &&
           a->bit_error_rate == b->bit_error_rate && a->has_target == b->has_target &&
           a->target_write_error_rate == b->target_write_error_rate &&
           a->has_pulse == b->has_pulse && a->pulse_ns == b->pulse_ns &&
           a->voltage_v[MTJ_P2AP] == b->voltage_v[MTJ_P2AP] &&
           a->voltage_v[MTJ_AP2P] == b->voltage_v[MTJ_AP2P];
}

/* -- Ranges -- */

struct faults {
    struct operating_point_fault *list;
    size_t n;
};

/* Ends included unless `inside`. */
struct range {
    double min, max;
    bool inside;
};

static void check_number(struct faults *faults, const char *field, double value,
                         struct range range)
{
    bool good = range.inside ? value > range.min && value < range.max
                             : value >= range.min && value <= range.max;

    if (good)
        return;
    struct operating_point_fault *fault = &faults->list[faults->n++];
    fault->field = field;
    (void)snprintf(fault->why, sizeof(fault->why), "%.10g is outside %.10g .. %.10g%s",
                   value, range.min, range.max, range.inside ? " (excluded)" : "");
}

static void check_seed(struct faults *faults, uint64_t seed)
{
    if (seed <= MAX_SEED)
        return;
    struct operating_point_fault *fault = &faults->list[faults->n++];
    fault->field = "seed";
    (void)snprintf(fault->why, sizeof(fault->why), "%llu is outside 0 .. %llu",
                   (unsigned long long)seed, (unsigned long long)MAX_SEED);
}

static void check_pulse(struct faults *faults, const struct operating_point *op)
{
    if (op->has_pulse) {
        check_number(faults, pulse_field, op->pulse_ns,
                     (struct range) { MIN_PULSE_NS, MAX_PULSE_NS, false });
    } else if (!op->has_target) {
        struct operating_point_fault *fault = &faults->list[faults->n++];

        fault->field = pulse_field;
        (void)snprintf(fault->why, sizeof(fault->why),
                       "missing; voltages need one, %.10g .. %.10g", MIN_PULSE_NS,
                       MAX_PULSE_NS);
    }
}

static void check_strength(struct faults *faults, const struct operating_point *op)
{
    const struct range volts = { 0.0, MTJ_MAX_VOLTAGE_V, false };

    if (op->has_target) {
        check_number(faults, target_field, op->target_write_error_rate,
                     (struct range) { 0.0, 1.0, true });
        return;
    }
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        check_number(faults, voltage_fields[to], op->voltage_v[to], volts);
}

size_t
operating_point_check(const struct operating_point *op,
                      struct operating_point_fault ret_faults[OPERATING_POINT_MAX_FAULTS])
{
    struct faults faults = { ret_faults, 0 };

    check_seed(&faults, op->seed);
    check_number(&faults, temperature_field, op->temperature_k,
                 (struct range) { MTJ_MIN_TEMPERATURE_K, MTJ_MAX_TEMPERATURE_K, false });
    if (op->mode == MRAM_IID) {
        check_number(&faults, "bit_error_rate", op->bit_error_rate,
                     (struct range) { 0.0, 1.0, false });
    } else {
        check_pulse(&faults, op);
        check_strength(&faults, op);
    }
    return faults.n;
}

/* -- Resolving -- */

/* ns to s; a range end stays inside the range in s, whatever the quotient rounds to. */
static double pulse_seconds(double pulse_ns)
{
    return fmin(fmax(pulse_ns * 1e-9, MTJ_MIN_PULSE_S), MTJ_MAX_PULSE_S);
}

/* Fills in what the request left open. */
static enum status find_pulse(const struct operating_point *op,
                              const struct mtj_params *params,
                              struct mtj_pulse *ret_pulse, const char **ret_field,
                              char why[ERR_LEN])
{
    char cause[ERR_LEN];
    enum status st;

    if (!op->has_target) {
        *ret_pulse = (struct mtj_pulse) {
            .voltage_v = { op->voltage_v[0], op->voltage_v[1] },
            .pulse_s = pulse_seconds(op->pulse_ns),
            .temperature_k = op->temperature_k,
        };
        return ST_OK;
    }

    if (op->has_pulse)
        st = mtj_solve_pulse(params, op->target_write_error_rate,
                             pulse_seconds(op->pulse_ns), op->temperature_k,
                             MTJ_MAX_VOLTAGE_V, ret_pulse, cause);
    else
        st = mtj_cheapest_pulse(params, op->target_write_error_rate, op->temperature_k,
                                MTJ_MAX_VOLTAGE_V, ret_pulse, cause);
    if (st != ST_OK) {
        *ret_field = target_field;
        (void)snprintf(why, ERR_LEN, "%s: %.200s", target_field, cause);
    }
    return st;
}

enum status operating_point_resolve(const struct operating_point *op,
                                    const struct mtj_params *params,
                                    struct operating_point_resolved *ret_resolved,
                                    const char **ret_field, char why[ERR_LEN])
{
    struct mtj nominal;
    struct mtj_pulse pulse;
    struct operating_point_fault faults[OPERATING_POINT_MAX_FAULTS];

    if (operating_point_check(op, faults) > 0) {
        *ret_field = faults[0].field;
        (void)snprintf(why, ERR_LEN, "%s: %s", faults[0].field, faults[0].why);
        return ST_RANGE;
    }
    if (op->mode == MRAM_IID) {
        memset(ret_resolved, 0, sizeof(*ret_resolved));
        return ST_OK;
    }

    enum status st = mtj_init(params, op->temperature_k, &nominal, why);
    if (st != ST_OK) {
        /* The temperature itself is in range: this device is not stable there. */
        *ret_field = temperature_field;
        return st;
    }
    st = find_pulse(op, params, &pulse, ret_field, why);
    if (st != ST_OK)
        return st;

    memset(ret_resolved, 0, sizeof(*ret_resolved));
    ret_resolved->pulse = pulse;
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        ret_resolved->mean[to] = mtj_array_mean(params, to, pulse.voltage_v[to],
                                                pulse.pulse_s, pulse.temperature_k);
    if (op->mode == MRAM_DEVICE)
        mtj_class_table(params, &pulse, &ret_resolved->classes);
    return ST_OK;
}

struct mram_write operating_point_write(const struct operating_point *op,
                                        const struct operating_point_resolved *resolved,
                                        uint64_t generation)
{
    struct mram_write write = {
        .mode = op->mode,
        .over = op->over,
        .generation = generation,
    };

    switch (op->mode) {
    case MRAM_IID:
        write.flip_rate = op->bit_error_rate;
        break;
    case MRAM_UNIFORM:
        for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
            write.error_rate[to] = resolved->mean[to].error_rate;
            write.toggle_pj[to] = resolved->mean[to].toggle_pj;
            write.hold_pj[to] = resolved->mean[to].hold_pj;
        }
        break;
    case MRAM_DEVICE:
        write.classes = &resolved->classes;
        break;
    }
    return write;
}

const char *operating_point_mode_name(enum mram_mode mode)
{
    return mode_names[mode];
}

const char *operating_point_over_name(enum mram_over over)
{
    return over_names[over];
}

bool operating_point_mode_from_name(const char *name, enum mram_mode *ret_mode)
{
    for (size_t i = 0; i < N_MODES; i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            *ret_mode = (enum mram_mode)i;
            return true;
        }
    }
    return false;
}

bool operating_point_over_from_name(const char *name, enum mram_over *ret_over)
{
    for (size_t i = 0; i < N_OVERS; i++) {
        if (strcmp(name, over_names[i]) == 0) {
            *ret_over = (enum mram_over)i;
            return true;
        }
    }
    return false;
}
