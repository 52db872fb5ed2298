/* SPDX-License-Identifier: Apache-2.0 */
#include "core/operating_point.h"

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

static const char *const rate_fields[] = {
    [MTJ_P2AP] = "bit_error_rate/to_p",
    [MTJ_AP2P] = "bit_error_rate/to_ap",
};

static const char *const mode_names[] = {
    [MRAM_DEVICE] = "device",
    [MRAM_UNIFORM] = "uniform",
    [MRAM_IID] = "iid",
};

static const char *const polarity_names[] = {
    [MRAM_POLARITY_NONE] = "none",
    [MRAM_POLARITY_ODD_COLUMNS] = "odd_columns",
    [MRAM_POLARITY_ODD_ROWS] = "odd_rows",
    [MRAM_POLARITY_SEEDED] = "seeded",
};

static const char *const cell_names[] = { "1t1r", "2t2r" };

static const char *const over_names[] = {
    [MRAM_OVER_PRESENT] = "present",       [MRAM_OVER_RANDOM] = "random",
    [MRAM_OVER_COMPLEMENT] = "complement", [MRAM_OVER_ERASED_P] = "erased_p",
    [MRAM_OVER_ERASED_AP] = "erased_ap",
};

#define N_OF(names) (sizeof(names) / sizeof((names)[0]))

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
           a->bit_error_rate[0] == b->bit_error_rate[0] &&
           a->bit_error_rate[1] == b->bit_error_rate[1] &&
           a->has_target == b->has_target &&
           a->target_write_error_rate == b->target_write_error_rate &&
           a->has_pulse == b->has_pulse && a->pulse_ns == b->pulse_ns &&
           a->voltage_v[MTJ_P2AP] == b->voltage_v[MTJ_P2AP] &&
           a->voltage_v[MTJ_AP2P] == b->voltage_v[MTJ_AP2P] && a->ecc == b->ecc &&
           a->pairs == b->pairs && a->polarity == b->polarity &&
           a->verify_retries == b->verify_retries && a->read_disturb == b->read_disturb;
}

/* -- Layers -- */

struct operating_points operating_points_default(size_t n_layers)
{
    struct operating_points points = {
        .base = operating_point_default(),
        .n_layers = n_layers,
    };

    return points;
}

void operating_point_take(struct operating_point *op, unsigned set,
                          const struct operating_point *from)
{
    if (set & OPERATING_MODE)
        op->mode = from->mode;
    if (set & OPERATING_OVER)
        op->over = from->over;
    if (set & OPERATING_TEMPERATURE)
        op->temperature_k = from->temperature_k;
    if (set & OPERATING_BIT_ERROR_RATE)
        memcpy(op->bit_error_rate, from->bit_error_rate, sizeof(op->bit_error_rate));
    if (set & OPERATING_DRIVE) {
        op->has_target = from->has_target;
        op->target_write_error_rate = from->target_write_error_rate;
        memcpy(op->voltage_v, from->voltage_v, sizeof(op->voltage_v));
    }
    if (set & OPERATING_PULSE) {
        op->has_pulse = from->has_pulse;
        op->pulse_ns = from->pulse_ns;
    }
    if (set & OPERATING_ECC)
        op->ecc = from->ecc;
    if (set & OPERATING_CELL)
        op->pairs = from->pairs;
    if (set & OPERATING_POLARITY)
        op->polarity = from->polarity;
    if (set & OPERATING_RETRIES)
        op->verify_retries = from->verify_retries;
}

struct operating_point operating_points_at(const struct operating_points *points,
                                           size_t layer)
{
    struct operating_point op = points->base;

    operating_point_take(&op, points->layers[layer].set, &points->layers[layer].op);
    return op;
}

bool operating_points_same(const struct operating_points *a,
                           const struct operating_points *b)
{
    if (a->n_layers != b->n_layers || !operating_point_same(&a->base, &b->base))
        return false;
    for (size_t l = 0; l < a->n_layers; l++) {
        struct operating_point of_a = operating_points_at(a, l);
        struct operating_point of_b = operating_points_at(b, l);

        if (a->layers[l].set != b->layers[l].set || !operating_point_same(&of_a, &of_b))
            return false;
    }
    return true;
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

static struct range pulse_range(const struct device *device)
{
    if (device->kind == DEVICE_TABLE)
        return (struct range) { DEVICE_TABLE_MIN_PULSE_NS, DEVICE_TABLE_MAX_PULSE_NS,
                                false };
    return (struct range) { MIN_PULSE_NS, MAX_PULSE_NS, false };
}

static void check_pulse(struct faults *faults, const struct operating_point *op,
                        const struct device *device)
{
    struct range range = pulse_range(device);

    if (!device_has_pulse(device))
        return;
    if (op->has_pulse) {
        check_number(faults, pulse_field, op->pulse_ns, range);
    } else if (!op->has_target) {
        struct operating_point_fault *fault = &faults->list[faults->n++];

        fault->field = pulse_field;
        (void)snprintf(fault->why, sizeof(fault->why),
                       "missing; voltages need one, %.10g .. %.10g", range.min,
                       range.max);
    }
}

static void check_strength(struct faults *faults, const struct operating_point *op,
                           const struct device *device)
{
    const struct range volts = {
        0.0,
        device->kind == DEVICE_TABLE ? DEVICE_TABLE_MAX_VOLTAGE_V : MTJ_MAX_VOLTAGE_V,
        false,
    };

    if (!device_has_voltage(device))
        return;
    if (op->has_target) {
        check_number(faults, target_field, op->target_write_error_rate,
                     (struct range) { 0.0, 1.0, true });
        return;
    }
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        check_number(faults, voltage_fields[to], op->voltage_v[to], volts);
}

size_t
operating_point_check(const struct operating_point *op, const struct device *device,
                      struct operating_point_fault ret_faults[OPERATING_POINT_MAX_FAULTS])
{
    const struct device_temperatures temperatures = device_temperatures(device);
    struct faults faults = { ret_faults, 0 };

    check_seed(&faults, op->seed);
    check_number(&faults, temperature_field, op->temperature_k,
                 (struct range) { temperatures.min_k, temperatures.max_k, false });
    if (op->mode == MRAM_IID) {
        for (unsigned d = 0; d < 2; d++)
            check_number(&faults, rate_fields[d], op->bit_error_rate[d],
                         (struct range) { 0.0, 1.0, false });
    } else {
        check_pulse(&faults, op, device);
        check_strength(&faults, op, device);
        check_number(&faults, "verify_retries", op->verify_retries,
                     (struct range) { 0.0, MRAM_MAX_RETRIES, false });
    }
    return faults.n;
}

/* -- Resolving -- */

/* Fills in what the request left open. */
static enum status find_pulse(const struct operating_point *op,
                              const struct device *device, struct mtj_pulse *ret_pulse,
                              const char **ret_field, char why[ERR_LEN])
{
    char cause[ERR_LEN];
    enum status st;

    if (!device_has_voltage(device)) {
        *ret_pulse = (struct mtj_pulse) { .temperature_k = op->temperature_k };
        if (device_has_pulse(device) && op->has_pulse)
            ret_pulse->pulse_s = device_pulse_seconds(device, op->pulse_ns);
        return ST_OK;
    }
    if (!op->has_target) {
        *ret_pulse = (struct mtj_pulse) {
            .voltage_v = { op->voltage_v[0], op->voltage_v[1] },
            .pulse_s = device_pulse_seconds(device, op->pulse_ns),
            .temperature_k = op->temperature_k,
        };
        return ST_OK;
    }

    if (op->has_pulse)
        st = device_solve_pulse(device, op->target_write_error_rate,
                                device_pulse_seconds(device, op->pulse_ns),
                                op->temperature_k, ret_pulse, cause);
    else
        st = device_cheapest_pulse(device, op->target_write_error_rate, op->temperature_k,
                                   ret_pulse, cause);
    if (st != ST_OK) {
        *ret_field = target_field;
        (void)snprintf(why, ERR_LEN, "%s: %.200s", target_field, cause);
    }
    return st;
}

enum status operating_point_resolve(const struct operating_point *op,
                                    const struct device *device,
                                    struct operating_point_resolved *ret_resolved,
                                    const char **ret_field, char why[ERR_LEN])
{
    struct mtj_pulse pulse;
    struct operating_point_fault faults[OPERATING_POINT_MAX_FAULTS];

    if (operating_point_check(op, device, faults) > 0) {
        *ret_field = faults[0].field;
        (void)snprintf(why, ERR_LEN, "%s: %s", faults[0].field, faults[0].why);
        return ST_RANGE;
    }
    if (op->mode == MRAM_IID) {
        memset(ret_resolved, 0, sizeof(*ret_resolved));
        return ST_OK;
    }

    enum status st = device_check_temperature(device, op->temperature_k, why);
    if (st != ST_OK) {
        /* The temperature itself is in range: this device is not stable there. */
        *ret_field = temperature_field;
        return st;
    }
    st = find_pulse(op, device, &pulse, ret_field, why);
    if (st != ST_OK)
        return st;

    memset(ret_resolved, 0, sizeof(*ret_resolved));
    ret_resolved->pulse = pulse;
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        ret_resolved->mean[to] = device_mean(device, to, pulse.voltage_v[to],
                                             pulse.pulse_s, pulse.temperature_k);
    if (op->mode == MRAM_DEVICE)
        device_classes(device, &pulse, &ret_resolved->classes);
    ret_resolved->read = device_read_energy(device, op->temperature_k);
    ret_resolved->stuck = device_stuck_energy(device, &pulse);
    device_remark(device, &pulse, ret_resolved->remark);
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
        .retries = op->verify_retries,
        .stuck = resolved->stuck,
    };

    memcpy(write.read_pj, resolved->read.cell_pj, sizeof(write.read_pj));
    switch (op->mode) {
    case MRAM_IID:
        memcpy(write.flip_rate, op->bit_error_rate, sizeof(write.flip_rate));
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

struct mram_layout operating_point_layout(const struct operating_point *op)
{
    return (struct mram_layout) { op->ecc, op->pairs, op->polarity };
}

/* -- Names -- */

const char *operating_point_mode_name(enum mram_mode mode)
{
    return mode_names[mode];
}

const char *operating_point_over_name(enum mram_over over)
{
    return over_names[over];
}

const char *operating_point_polarity_name(enum mram_polarity polarity)
{
    return polarity_names[polarity];
}

const char *operating_point_cell_name(bool pairs)
{
    return cell_names[pairs];
}

/* Its place among n names; n if it is none of them. */
static size_t find_name(const char *name, const char *const *names, size_t n)
{
    size_t i = 0;

    while (i < n && strcmp(name, names[i]) != 0)
        i++;
    return i;
}

bool operating_point_mode_from_name(const char *name, enum mram_mode *ret_mode)
{
    size_t i = find_name(name, mode_names, N_OF(mode_names));

    if (i < N_OF(mode_names))
        *ret_mode = (enum mram_mode)i;
    return i < N_OF(mode_names);
}

bool operating_point_over_from_name(const char *name, enum mram_over *ret_over)
{
    size_t i = find_name(name, over_names, N_OF(over_names));

    if (i < N_OF(over_names))
        *ret_over = (enum mram_over)i;
    return i < N_OF(over_names);
}

bool operating_point_polarity_from_name(const char *name,
                                        enum mram_polarity *ret_polarity)
{
    size_t i = find_name(name, polarity_names, N_OF(polarity_names));

    if (i < N_OF(polarity_names))
        *ret_polarity = (enum mram_polarity)i;
    return i < N_OF(polarity_names);
}

bool operating_point_cell_from_name(const char *name, bool *ret_pairs)
{
    size_t i = find_name(name, cell_names, N_OF(cell_names));

    if (i < N_OF(cell_names))
        *ret_pairs = i == 1;
    return i < N_OF(cell_names);
}
