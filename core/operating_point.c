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

/* A number of the request and what it may be, ends included unless `inside`. */
struct check {
    const char *field;
    double value, min, max;
    bool inside;
};

static enum status check_number(const struct check *check, const char **ret_field,
                                char why[ERR_LEN])
{
    double value = check->value, min = check->min, max = check->max;
    bool good = check->inside ? value > min && value < max : value >= min && value <= max;

    if (good)
        return ST_OK;
    *ret_field = check->field;
    (void)snprintf(why, ERR_LEN, "%s: %.10g is outside %.10g .. %.10g%s", check->field,
                   value, min, max, check->inside ? " (excluded)" : "");
    return ST_RANGE;
}

static enum status check_all(const struct check *checks, size_t n, const char **ret_field,
                             char why[ERR_LEN])
{
    enum status st = ST_OK;

    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = check_number(&checks[i], ret_field, why);
    return st;
}

static enum status check_seed(uint64_t seed, const char **ret_field, char why[ERR_LEN])
{
    if (seed <= MAX_SEED)
        return ST_OK;
    *ret_field = "seed";
    (void)snprintf(why, ERR_LEN, "seed: %llu is outside 0 .. %llu",
                   (unsigned long long)seed, (unsigned long long)MAX_SEED);
    return ST_RANGE;
}

static enum status check_pulse(const struct operating_point *op, const char **ret_field,
                               char why[ERR_LEN])
{
    const struct check checks[] = {
        { pulse_field, op->pulse_ns, MIN_PULSE_NS, MAX_PULSE_NS, false },
    };

    if (!op->has_target && !op->has_pulse) {
        *ret_field = pulse_field;
        (void)snprintf(why, ERR_LEN,
                       "pulse_ns: missing; voltages need one, %.10g .. %.10g",
                       MIN_PULSE_NS, MAX_PULSE_NS);
        return ST_RANGE;
    }
    return op->has_pulse ? check_all(checks, 1, ret_field, why) : ST_OK;
}

static enum status check_strength(const struct operating_point *op,
                                  const char **ret_field, char why[ERR_LEN])
{
    const struct check target[] = {
        { target_field, op->target_write_error_rate, 0.0, 1.0, true },
    };
    const struct check voltages[] = {
        { voltage_fields[MTJ_P2AP], op->voltage_v[MTJ_P2AP], 0.0, MTJ_MAX_VOLTAGE_V,
          false },
        { voltage_fields[MTJ_AP2P], op->voltage_v[MTJ_AP2P], 0.0, MTJ_MAX_VOLTAGE_V,
          false },
    };

    return op->has_target ? check_all(target, 1, ret_field, why)
                          : check_all(voltages, 2, ret_field, why);
}

static enum status check_request(const struct operating_point *op, const char **ret_field,
                                 char why[ERR_LEN])
{
    const struct check always[] = {
        { temperature_field, op->temperature_k, MTJ_MIN_TEMPERATURE_K,
          MTJ_MAX_TEMPERATURE_K, false },
    };
    const struct check iid[] = {
        { "bit_error_rate", op->bit_error_rate, 0.0, 1.0, false },
    };
    enum status st = check_seed(op->seed, ret_field, why);

    if (st == ST_OK)
        st = check_all(always, 1, ret_field, why);
    if (st != ST_OK)
        return st;
    if (op->mode == MRAM_IID)
        return check_all(iid, 1, ret_field, why);

    st = check_pulse(op, ret_field, why);
    return st == ST_OK ? check_strength(op, ret_field, why) : st;
}

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
    enum status st = check_request(op, ret_field, why);

    if (st != ST_OK)
        return st;
    if (op->mode == MRAM_IID) {
        memset(ret_resolved, 0, sizeof(*ret_resolved));
        return ST_OK;
    }

    st = mtj_init(params, op->temperature_k, &nominal, why);
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
