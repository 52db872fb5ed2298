/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device.h"

#include "core/device_table_solve.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PICO 1e12
#define NANO 1e9

static const char *const direction_names[] = { "p2ap", "ap2p" };

/* -- What it is -- */

struct device device_default(void)
{
    const struct device_preset *preset = device_preset("default");
    struct device device = { .kind = DEVICE_MTJ, .params = preset->params };

    (void)snprintf(device.name, sizeof(device.name), "%s", preset->name);
    return device;
}

enum status device_copy(const struct device *device, struct device *ret_copy)
{
    struct device copy = *device;

    if (device->table != NULL) {
        enum status st = device_table_copy(device->table, &copy.table);
        if (st != ST_OK)
            return st;
    }
    *ret_copy = copy;
    return ST_OK;
}

void device_done(struct device *device)
{
    device_table_free(device->table);
    device->table = NULL;
}

bool device_same(const struct device *a, const struct device *b)
{
    size_t n;
    const struct device_field *fields = device_fields(&n);

    if (a->kind != b->kind)
        return false;
    if (a->kind == DEVICE_TABLE)
        return device_table_same(a->table, b->table);
    for (size_t i = 0; i < n; i++) {
        double left, right;

        memcpy(&left, (const char *)&a->params + fields[i].offset, sizeof(left));
        memcpy(&right, (const char *)&b->params + fields[i].offset, sizeof(right));
        if (left != right)
            return false;
    }
    return true;
}

enum status device_check(const struct device *device, char why[ERR_LEN])
{
    assert((device->kind == DEVICE_TABLE) == (device->table != NULL));
    return mtj_params_check(&device->params, why);
}

/* -- Parameters by name -- */

/* clang-format off */
#define AT(member) offsetof(struct mtj_params, member)
static const struct device_field fields[] = {
    { "diameter_nm", "nm", "junction diameter",
      AT(diameter_m), 1e-9, 15.0, 120.0, false },
    { "free_layer_nm", "nm", "thickness of the free layer",
      AT(free_layer_m), 1e-9, 0.0, 10.0, true },
    { "saturation_ka_per_m", "kA/m", "saturation magnetisation at the reference temperature",
      AT(saturation_a_per_m), 1e3, 0.0, 3000.0, true },
    { "anisotropy_t", "T", "effective anisotropy field at the reference temperature",
      AT(anisotropy_t), 1.0, 0.05, 1.0, false },
    { "damping", "", "Gilbert damping",
      AT(damping), 1.0, 0.002, 0.1, false },
    { "spin_efficiency", "", "spin-torque efficiency in state P",
      AT(spin_efficiency), 1.0, 0.0, 1.0, true },
    { "ra_ohm_um2", "ohm um^2", "resistance-area product of state P",
      AT(ra_ohm_m2), 1e-12, 1.0, 50.0, false },
    { "tmr", "", "tunnel magnetoresistance at zero bias, 1.5 for 150 %",
      AT(tmr), 1.0, 0.0, 20.0, true },
    { "tmr_half_v", "V", "bias at which it halves",
      AT(tmr_half_v), 1.0, 0.0, 10.0, true },
    { "stray_ratio", "", "stray field over anisotropy field, positive favours P",
      AT(stray_ratio), 1.0, -0.3, 0.3, false },
    { "reference_k", "K", "temperature that the other values are given at",
      AT(reference_k), 1.0, MTJ_MIN_TEMPERATURE_K, MTJ_MAX_TEMPERATURE_K, false },
    { "bloch_k", "K", "Bloch temperature",
      AT(bloch_k), 1.0, MTJ_MAX_TEMPERATURE_K, 1e4, true },
    { "anisotropy_exponent", "", "exponent of anisotropy over magnetisation",
      AT(anisotropy_exponent), 1.0, 0.0, 10.0, false },
    { "tmr_loss_per_k", "1/K", "relative loss of tunnel magnetoresistance",
      AT(tmr_loss_per_k), 1.0, 0.0, 0.1, false },
    { "access_ohm", "ohm", "access transistor and wiring",
      AT(access_ohm), 1.0, 0.0, 1e6, false },
    { "driver_efficiency", "", "share of the supply's energy that the write driver delivers",
      AT(driver_efficiency), 1.0, 0.0, 1.0, true },
    { "bitline_ff", "fF", "bit-line capacitance charged per write",
      AT(bitline_f), 1e-15, 0.0, 1e6, false },
    { "control_fj", "fJ", "control and decoder energy per written bit",
      AT(control_j), 1e-15, 0.0, 1e6, false },
    { "read_v", "V", "read voltage over junction and access transistor",
      AT(read_v), 1.0, 0.0, MTJ_MAX_VOLTAGE_V, true },
    { "read_ns", "ns", "read pulse",
      AT(read_s), 1e-9, 0.0, 1e6, true },
    { "sense_fj", "fJ", "sense-amplifier energy per bit",
      AT(sense_j), 1e-15, 0.0, 1e6, false },
    { "sigma_ln_diameter", "", "device-to-device spread of ln diameter",
      AT(sigma_ln_diameter), 1.0, 0.0, 0.3, false },
    { "sigma_ln_ra", "", "device-to-device spread of ln RA",
      AT(sigma_ln_ra), 1.0, 0.0, 0.3, false },
    { "sigma_ln_anisotropy", "", "device-to-device spread of ln anisotropy field",
      AT(sigma_ln_anisotropy), 1.0, 0.0, 0.3, false },
    { "sigma_ln_sense", "", "sense-amplifier offset as spread of ln resistance",
      AT(sigma_ln_sense), 1.0, 0.0, 0.3, false },
    { "sigma_ln_reference", "", "spread of the ln reference resistance, single cells",
      AT(sigma_ln_reference), 1.0, 0.0, 0.3, false },
};
#undef AT
/* clang-format on */

const struct device_field *device_fields(size_t *ret_n)
{
    *ret_n = sizeof(fields) / sizeof(fields[0]);
    return fields;
}

/* -- Writes -- */

bool device_has_voltage(const struct device *device)
{
    return device->kind == DEVICE_MTJ || device_table_has_voltage(device->table);
}

bool device_has_pulse(const struct device *device)
{
    return device->kind == DEVICE_MTJ || device_table_has_pulse(device->table);
}

struct device_temperatures device_temperatures(const struct device *device)
{
    if (device->kind == DEVICE_TABLE)
        return (struct device_temperatures) { DEVICE_TABLE_MIN_TEMPERATURE_K,
                                              DEVICE_TABLE_MAX_TEMPERATURE_K };
    return (struct device_temperatures) { MTJ_MIN_TEMPERATURE_K, MTJ_MAX_TEMPERATURE_K };
}

enum status device_check_temperature(const struct device *device, double temperature_k,
                                     char why[ERR_LEN])
{
    struct device_temperatures range = device_temperatures(device);
    struct mtj nominal;

    if (device->kind == DEVICE_MTJ)
        return mtj_init(&device->params, temperature_k, &nominal, why);
    if (temperature_k >= range.min_k && temperature_k <= range.max_k)
        return ST_OK;
    (void)snprintf(why, ERR_LEN, "temperature_k: %g is outside %g .. %g", temperature_k,
                   range.min_k, range.max_k);
    return ST_RANGE;
}

double device_pulse_seconds(const struct device *device, double pulse_ns)
{
    double pulse_s = pulse_ns * 1e-9;

    if (device->kind == DEVICE_TABLE)
        return pulse_s;
    return fmin(fmax(pulse_s, MTJ_MIN_PULSE_S), MTJ_MAX_PULSE_S);
}

struct mtj_mean device_mean(const struct device *device, enum mtj_direction direction,
                            double voltage_v, double pulse_s, double temperature_k)
{
    if (device->kind == DEVICE_MTJ)
        return mtj_array_mean(&device->params, direction, voltage_v, pulse_s,
                              temperature_k);

    struct device_table_point point =
        device_table_at(device->table, direction, voltage_v, pulse_s, temperature_k);
    return (struct mtj_mean) {
        .error_rate = exp(point.ln_error_rate),
        .ln_error_rate = point.ln_error_rate,
        .toggle_pj = point.toggle_pj,
        .hold_pj = point.hold_pj,
    };
}

void device_classes(const struct device *device, const struct mtj_pulse *pulse,
                    struct mtj_class_table *ret_table)
{
    if (device->kind == DEVICE_MTJ) {
        mtj_class_table(&device->params, pulse, ret_table);
        return;
    }
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        struct mtj_mean mean = device_mean(device, to, pulse->voltage_v[to],
                                           pulse->pulse_s, pulse->temperature_k);

        for (unsigned c = 0; c < MTJ_CLASSES; c++) {
            ret_table->error_rate[c][to] = mean.error_rate;
            ret_table->toggle_pj[c][to] = mean.toggle_pj;
            ret_table->hold_pj[c][to] = mean.hold_pj;
        }
    }
    for (unsigned c = 0; c < MTJ_CLASSES; c++)
        ret_table->weight[c] = mtj_class_weight(c);
}

double device_ln_failure(const struct device *device, enum mtj_direction direction,
                         double voltage_v, double pulse_s, double temperature_k,
                         unsigned writes)
{
    if (device->kind == DEVICE_MTJ)
        return mtj_array_ln_power(&device->params, direction, voltage_v, pulse_s,
                                  temperature_k, writes);
    return writes *
           device_table_at(device->table, direction, voltage_v, pulse_s, temperature_k)
               .ln_error_rate;
}

/* -- Where a table ends -- */

/* Text that is added to, cut at ERR_LEN. */
struct note {
    char *text;
    size_t len;
};

PRINTF_LIKE(2, 3)
static void note(struct note *note, const char *format, ...)
{
    va_list args;
    int n = 0;

    if (note->len > 0)
        n = snprintf(note->text + note->len, ERR_LEN - note->len, "; ");
    note->len += (size_t)n;
    if (note->len >= ERR_LEN)
        note->len = ERR_LEN - 1;
    va_start(args, format);
    n = vsnprintf(note->text + note->len, ERR_LEN - note->len, format, args);
    va_end(args);
    note->len += n > 0 ? (size_t)n : 0;
    if (note->len >= ERR_LEN)
        note->len = ERR_LEN - 1;
}

static void note_outside(struct note *to, const char *whose, const char *unit,
                         double value, double min, double max)
{
    if (!device_table_outside(value, min, max))
        return;
    note(to, "%s%s%.6g %s was not measured, only %.6g .. %.6g %s: %.6g %s is taken",
         whose, whose[0] != '\0' ? ": " : "", value, unit, min, max, unit,
         value > max ? max : min, unit);
}

void device_remark(const struct device *device, const struct mtj_pulse *pulse,
                   char remark[ERR_LEN])
{
    struct note to = { remark, 0 };

    remark[0] = '\0';
    if (device->kind == DEVICE_MTJ)
        return;
    for (enum mtj_direction dir = MTJ_P2AP; dir <= MTJ_AP2P; dir++) {
        const char *whose = direction_names[dir];
        struct device_span span = device_table_span(device->table, dir);
        double min_v, max_v;

        if (device_table_has_temperature(device->table))
            note_outside(&to, whose, "K", pulse->temperature_k, span.min_temperature_k,
                         span.max_temperature_k);
        if (device_table_has_pulse(device->table))
            note_outside(&to, whose, "ns", pulse->pulse_s * NANO, span.min_pulse_s * NANO,
                         span.max_pulse_s * NANO);
        if (device_table_has_voltage(device->table) &&
            device_table_voltages(device->table, dir, pulse->pulse_s,
                                  pulse->temperature_k, &min_v, &max_v))
            note_outside(&to, whose, "V", pulse->voltage_v[dir], min_v, max_v);
        else if (device_table_has_voltage(device->table))
            note(&to,
                 "%s: the neighbouring curves have no measured voltage in common: the "
                 "nearest of each is taken",
                 whose);
    }
}

/* -- Solving -- */

/* What a table is asked for; a junction looks at it itself. */
static enum status check_asked(const struct device *device, double target,
                               double temperature_k, char why[ERR_LEN])
{
    if (target > 0.0 && target < 1.0)
        return device_check_temperature(device, temperature_k, why);
    (void)snprintf(why, ERR_LEN, "target: %g is outside 0 .. 1 (excluded)", target);
    return ST_RANGE;
}

enum status device_solve_pulse(const struct device *device, double target, double pulse_s,
                               double temperature_k, struct mtj_pulse *ret_pulse,
                               char why[ERR_LEN])
{
    if (device->kind == DEVICE_MTJ)
        return mtj_solve_pulse(&device->params, target, pulse_s, temperature_k,
                               MTJ_MAX_VOLTAGE_V, ret_pulse, why);

    enum status st = check_asked(device, target, temperature_k, why);
    if (st != ST_OK)
        return st;
    return device_table_solve_pulse(device->table, target, pulse_s, temperature_k,
                                    ret_pulse, why);
}

enum status device_cheapest_pulse(const struct device *device, double target,
                                  double temperature_k, struct mtj_pulse *ret_pulse,
                                  char why[ERR_LEN])
{
    if (device->kind == DEVICE_MTJ)
        return mtj_cheapest_pulse(&device->params, target, temperature_k,
                                  MTJ_MAX_VOLTAGE_V, ret_pulse, why);

    enum status st = check_asked(device, target, temperature_k, why);
    if (st != ST_OK)
        return st;
    return device_table_cheapest_pulse(device->table, target, temperature_k, ret_pulse,
                                       why);
}

/* -- Cells that cannot switch -- */

struct device_stuck_energy device_stuck_energy(const struct device *device,
                                               const struct mtj_pulse *pulse)
{
    const struct mtj_params *params = &device->params;
    struct device_stuck_energy energy;
    struct mtj nominal;

    if (device->kind == DEVICE_MTJ)
        mtj_init_unchecked(params, pulse->temperature_k, &nominal);
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        double v = pulse->voltage_v[to];

        if (device->kind == DEVICE_TABLE) {
            energy.stuck_p_pj[to] = energy.stuck_ap_pj[to] = energy.shorted_pj[to] =
                device_table_at(device->table, to, v, pulse->pulse_s,
                                pulse->temperature_k)
                    .toggle_pj;
            continue;
        }
        double fixed_j = params->bitline_f * v * v + params->control_j;
        double per_a = v * pulse->pulse_s / params->driver_efficiency;

        energy.stuck_p_pj[to] =
            (mtj_current_a(&nominal, MTJ_P2AP, v) * per_a + fixed_j) * PICO;
        energy.stuck_ap_pj[to] =
            (mtj_current_a(&nominal, MTJ_AP2P, v) * per_a + fixed_j) * PICO;
        energy.shorted_pj[to] =
            (v / (DEVICE_SHORT_OHM + params->access_ohm) * per_a + fixed_j) * PICO;
    }
    return energy;
}

/* -- Left alone, and read -- */

/* Two-state Markov process, as mtj_retention_flip. */
static double table_flip(const struct device_table *table, enum mtj_direction from,
                         double seconds, double temperature_k)
{
    double from_p = device_table_escape_rate(table, MTJ_P2AP, temperature_k);
    double from_ap = device_table_escape_rate(table, MTJ_AP2P, temperature_k);
    double both = from_p + from_ap;
    double out = from == MTJ_P2AP ? from_p : from_ap;

    if (both == 0.0)
        return 0.0;
    return out / both * -expm1(-both * seconds);
}

void device_retention(const struct device *device, double seconds, double temperature_k,
                      struct device_flips *ret_flips)
{
    if (device->kind == DEVICE_MTJ)
        mtj_class_flips(&device->params, temperature_k, seconds, ret_flips->by_class);
    for (enum mtj_direction from = MTJ_P2AP; from <= MTJ_AP2P; from++) {
        if (device->kind == DEVICE_MTJ) {
            ret_flips->mean[from] =
                mtj_array_retention(&device->params, from, seconds, temperature_k);
            continue;
        }
        ret_flips->mean[from] = table_flip(device->table, from, seconds, temperature_k);
        for (unsigned c = 0; c < MTJ_CLASSES; c++)
            ret_flips->by_class[c][from] = ret_flips->mean[from];
    }
}

/* At least one of n flips. */
static double any_of(double n, double each)
{
    return n > 0.0 ? -expm1(n * log1p(-each)) : 0.0;
}

void device_read_disturb(const struct device *device, double n_reads,
                         double temperature_k, struct device_flips *ret_flips)
{
    double each[MTJ_CLASSES];

    if (device->kind == DEVICE_MTJ)
        mtj_class_disturb(&device->params, temperature_k, each);
    ret_flips->mean[MTJ_P2AP] = ret_flips->mean[MTJ_AP2P] = 0.0;
    for (unsigned c = 0; c < MTJ_CLASSES; c++) {
        double once = device->kind == DEVICE_MTJ
                          ? each[c]
                          : device_table_read_disturb(device->table);
        double flip = any_of(n_reads, once);

        ret_flips->by_class[c][MTJ_P2AP] = flip;
        ret_flips->by_class[c][MTJ_AP2P] = 0.0;
        ret_flips->mean[MTJ_P2AP] += mtj_class_weight(c) * flip;
    }
    ret_flips->mean[MTJ_P2AP] = fmin(ret_flips->mean[MTJ_P2AP], 1.0);
}

struct device_read_energy device_read_energy(const struct device *device,
                                             double temperature_k)
{
    struct device_read_energy energy;

    if (device->kind == DEVICE_TABLE) {
        double cell_pj = device_table_read_pj(device->table);

        return (struct device_read_energy) { { cell_pj, cell_pj }, 2.0 * cell_pj };
    }
    for (enum mtj_direction from = MTJ_P2AP; from <= MTJ_AP2P; from++)
        energy.cell_pj[from] =
            mtj_array_read_j(&device->params, from, temperature_k) * PICO;
    energy.pair_pj = energy.cell_pj[MTJ_P2AP] + energy.cell_pj[MTJ_AP2P] -
                     device->params.sense_j * PICO;
    return energy;
}

double device_sense_error(const struct device *device, bool pairs, double temperature_k)
{
    struct mtj nominal;

    if (device->kind == DEVICE_TABLE)
        return 0.0;
    mtj_init_unchecked(&device->params, temperature_k, &nominal);
    return pairs ? mtj_sense_error_2t2r(&nominal) : mtj_sense_error_1t1r(&nominal);
}
