/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mtj.h"

#include "core/mtj_kernel.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

/* CODATA 2018; the gyromagnetic ratio is the electron's. */
#define BOLTZMANN        1.380649e-23    /* J/K */
#define ELEMENTARY_C     1.602176634e-19 /* C */
#define REDUCED_PLANCK   1.054571817e-34 /* J s */
#define GYROMAGNETIC     1.76085963e11   /* rad/(s T) */
#define PI               3.14159265358979323846
#define LEAST_TMR_FACTOR 0.1 /* of TMR0, however hot */

/* What a parameter may be. Positive ones exclude `min` itself. The upper ends of those
 * without a physical limit are far from every device and keep all derived quantities
 * finite. device_fields (device.c) states the same in the user's units. */
struct param_range {
    const char *name;
    size_t offset;
    double min, max;
    bool positive;
};

/* clang-format off */
#define PARAM(field) #field, offsetof(struct mtj_params, field)
static const struct param_range param_ranges[] = {
    { PARAM(diameter_m),          15e-9, 120e-9, false },
    { PARAM(free_layer_m),        0.0, 10e-9, true },
    { PARAM(saturation_a_per_m),  0.0, 3e6, true },
    { PARAM(anisotropy_t),        0.05, 1.0, false },
    { PARAM(damping),             0.002, 0.1, false },
    { PARAM(spin_efficiency),     0.0, 1.0, true },
    { PARAM(ra_ohm_m2),           1e-12, 50e-12, false },
    { PARAM(tmr),                 0.0, 20.0, true },
    { PARAM(tmr_half_v),          0.0, 10.0, true },
    { PARAM(stray_ratio),         -0.3, 0.3, false },
    { PARAM(reference_k),         MTJ_MIN_TEMPERATURE_K, MTJ_MAX_TEMPERATURE_K, false },
    { PARAM(bloch_k),             MTJ_MAX_TEMPERATURE_K, 1e4, true },
    { PARAM(anisotropy_exponent), 0.0, 10.0, false },
    { PARAM(tmr_loss_per_k),      0.0, 0.1, false },
    { PARAM(access_ohm),          0.0, 1e6, false },
    { PARAM(driver_efficiency),   0.0, 1.0, true },
    { PARAM(bitline_f),           0.0, 1e-9, false },
    { PARAM(control_j),           0.0, 1e-9, false },
    { PARAM(read_v),              0.0, MTJ_MAX_VOLTAGE_V, true },
    { PARAM(read_s),              0.0, 1e-3, true },
    { PARAM(sense_j),             0.0, 1e-9, false },
    { PARAM(sigma_ln_diameter),   0.0, 0.3, false },
    { PARAM(sigma_ln_ra),         0.0, 0.3, false },
    { PARAM(sigma_ln_anisotropy), 0.0, 0.3, false },
    { PARAM(sigma_ln_sense),      0.0, 0.3, false },
    { PARAM(sigma_ln_reference),  0.0, 0.3, false },
};
#undef PARAM
/* clang-format on */

/* Ends are forgiven what a change of units rounds: 120 * 1e-9 is above 120e-9. */
#define RANGE_SLACK 1e-12

static bool in_range(const struct param_range *range, double value)
{
    double low = range->min - RANGE_SLACK * fabs(range->min);
    double high = range->max + RANGE_SLACK * fabs(range->max);

    if (!(value <= high)) /* not a number, too */
        return false;
    return range->positive ? value > range->min : value >= low;
}

static void say_range(const struct param_range *range, double value, char why[ERR_LEN])
{
    (void)snprintf(why, ERR_LEN, "%s: %g is outside %g%s .. %g", range->name, value,
                   range->min, range->positive ? " (excluded)" : "", range->max);
}

enum status mtj_params_check(const struct mtj_params *params, char why[ERR_LEN])
{
    for (size_t i = 0; i < sizeof(param_ranges) / sizeof(param_ranges[0]); i++) {
        const struct param_range *range = &param_ranges[i];
        double value = *(const double *)((const char *)params + range->offset);

        if (!in_range(range, value)) {
            say_range(range, value, why);
            return ST_RANGE;
        }
    }
    return ST_OK;
}

/* Bloch's law: magnetisation at a temperature, relative to the reference. */
static double relative_magnetisation(const struct mtj_params *params,
                                     double temperature_k)
{
    double now = temperature_k / params->bloch_k;
    double reference = params->reference_k / params->bloch_k;

    return (1.0 - now * sqrt(now)) / (1.0 - reference * sqrt(reference));
}

void mtj_init_unchecked(const struct mtj_params *params, double temperature_k,
                        struct mtj *ret_mtj)
{
    double m = relative_magnetisation(params, temperature_k);
    double anisotropy_t =
        params->anisotropy_t * pow(m, params->anisotropy_exponent - 1.0);
    double area = PI / 4.0 * params->diameter_m * params->diameter_m;
    double barrier_j =
        0.5 * params->saturation_a_per_m * m * anisotropy_t * area * params->free_layer_m;
    double alpha = params->damping;
    double critical_a = 4.0 * ELEMENTARY_C / REDUCED_PLANCK *
                        (alpha / params->spin_efficiency) * barrier_j;
    double parallel_ohm = params->ra_ohm_m2 / area;
    double tmr_factor =
        1.0 - params->tmr_loss_per_k * (temperature_k - params->reference_k);

    *ret_mtj = (struct mtj) {
        .temperature_k = temperature_k,
        .delta = barrier_j / (BOLTZMANN * temperature_k),
        .anisotropy_t = anisotropy_t,
        .damping_s = (1.0 + alpha * alpha) / (alpha * GYROMAGNETIC * anisotropy_t),
        .critical_a = critical_a,
        .critical_v = critical_a * parallel_ohm,
        .parallel_ohm = parallel_ohm,
        .tmr = params->tmr * fmax(LEAST_TMR_FACTOR, tmr_factor),
        .params = *params,
    };
}

enum status mtj_init(const struct mtj_params *params, double temperature_k,
                     struct mtj *ret_mtj, char why[ERR_LEN])
{
    struct mtj mtj;
    enum status st = mtj_params_check(params, why);

    if (st != ST_OK)
        return st;
    if (!(temperature_k >= MTJ_MIN_TEMPERATURE_K &&
          temperature_k <= MTJ_MAX_TEMPERATURE_K)) {
        (void)snprintf(why, ERR_LEN, "temperature_k: %g is outside %g .. %g",
                       temperature_k, MTJ_MIN_TEMPERATURE_K, MTJ_MAX_TEMPERATURE_K);
        return ST_RANGE;
    }

    mtj_init_unchecked(params, temperature_k, &mtj);
    if (!(mtj.delta >= MTJ_MIN_DELTA && mtj.delta <= MTJ_MAX_DELTA)) {
        (void)snprintf(
            why, ERR_LEN,
            "temperature_k: at %g the thermal stability is %g, outside %g .. %g",
            temperature_k, mtj.delta, MTJ_MIN_DELTA, MTJ_MAX_DELTA);
        return ST_RANGE;
    }
    *ret_mtj = mtj;
    return ST_OK;
}

/* Junction resistance in state AP at a junction voltage; its slope through ret_slope. */
static double antiparallel_ohm(const struct mtj *mtj, double v, double *ret_slope)
{
    double u = v / mtj->params.tmr_half_v;
    double fall = 1.0 + u * u;
    double excess = mtj->parallel_ohm * mtj->tmr / fall;

    *ret_slope = -2.0 * excess * u / (fall * mtj->params.tmr_half_v);
    return mtj->parallel_ohm + excess;
}

/* Root of v + Racc v / R(v) - V, which rises with slope above 1: Newton, kept inside a
 * bracket that shrinks with every sign. */
static double antiparallel_v(const struct mtj *mtj, double voltage_v)
{
    double access = mtj->params.access_ohm;
    double low = 0.0, high = voltage_v;
    double slope;
    double ohm = antiparallel_ohm(mtj, 0.0, &slope);
    double v = voltage_v * ohm / (ohm + access);

    for (int i = 0; i < 100; i++) { /* bisection alone would need 50 */
        ohm = antiparallel_ohm(mtj, v, &slope);
        double excess = v + access * v / ohm - voltage_v;
        double rise = 1.0 + access * (1.0 - v * slope / ohm) / ohm;

        if (excess > 0.0)
            high = v;
        else
            low = v;

        double next = v - excess / rise;
        if (!(next >= low && next <= high))
            next = 0.5 * (low + high);
        double step = fabs(next - v);
        v = next;
        if (step < 1e-14)
            break;
    }
    return v;
}

double mtj_junction_v(const struct mtj *mtj, enum mtj_direction from, double voltage_v)
{
    if (!(voltage_v > 0.0))
        return 0.0;
    if (from == MTJ_P2AP)
        return voltage_v * mtj->parallel_ohm /
               (mtj->parallel_ohm + mtj->params.access_ohm);
    return antiparallel_v(mtj, voltage_v);
}

double mtj_current_a(const struct mtj *mtj, enum mtj_direction from, double voltage_v)
{
    double v = mtj_junction_v(mtj, from, voltage_v);
    double slope;

    if (from == MTJ_P2AP)
        return v / mtj->parallel_ohm;
    return v / antiparallel_ohm(mtj, v, &slope);
}

/* Drive that the stray field exerts: it helps a write towards P, and hinders the other.
 */
static double stray_drive(const struct mtj *mtj, enum mtj_direction direction)
{
    double h = mtj->params.stray_ratio;

    return direction == MTJ_P2AP ? -h : h;
}

double mtj_drive(const struct mtj *mtj, enum mtj_direction direction, double voltage_v)
{
    return mtj_junction_v(mtj, direction, voltage_v) / mtj->critical_v +
           stray_drive(mtj, direction);
}

static struct mtj_kernel write_kernel(const struct mtj *mtj, enum mtj_direction direction,
                                      double voltage_v)
{
    return mtj_kernel_at(mtj_drive(mtj, direction, voltage_v),
                         stray_drive(mtj, direction), mtj->delta);
}

struct mtj_write_error mtj_write_error(const struct mtj *mtj,
                                       enum mtj_direction direction, double voltage_v,
                                       double pulse_s)
{
    if (!(voltage_v > 0.0))
        return (struct mtj_write_error) { .error_rate = 1.0 };

    struct mtj_kernel kernel = write_kernel(mtj, direction, voltage_v);

    return mtj_kernel_write_error(&kernel, pulse_s / mtj->damping_s);
}

struct mtj_write_energy mtj_write_energy(const struct mtj *mtj,
                                         enum mtj_direction direction, double voltage_v,
                                         double pulse_s)
{
    const struct mtj_params *params = &mtj->params;
    enum mtj_direction other = direction == MTJ_P2AP ? MTJ_AP2P : MTJ_P2AP;
    double before_a = mtj_current_a(mtj, direction, voltage_v);
    double after_a = mtj_current_a(mtj, other, voltage_v);
    double fixed_j = params->bitline_f * voltage_v * voltage_v + params->control_j;
    double residence_s = pulse_s;

    if (voltage_v > 0.0) {
        struct mtj_kernel kernel = write_kernel(mtj, direction, voltage_v);

        residence_s =
            mtj_kernel_residence(&kernel, pulse_s / mtj->damping_s) * mtj->damping_s;
    }

    double charge_c = before_a * residence_s + after_a * (pulse_s - residence_s);
    return (struct mtj_write_energy) {
        .toggle_j = voltage_v * charge_c / params->driver_efficiency + fixed_j,
        .hold_j = voltage_v * after_a * pulse_s / params->driver_efficiency + fixed_j,
        .residence_s = residence_s,
    };
}

double mtj_read_j(const struct mtj *mtj, enum mtj_direction from)
{
    const struct mtj_params *params = &mtj->params;
    double current_a = mtj_current_a(mtj, from, params->read_v);

    return params->read_v * current_a * params->read_s / params->driver_efficiency +
           params->sense_j;
}

/* Escape rate per second at a drive. */
static double escape_per_s(const struct mtj *mtj, double x)
{
    return exp(mtj_ln_escape_rate(x, mtj->delta)) / mtj->damping_s;
}

double mtj_read_disturb(const struct mtj *mtj)
{
    double x = mtj_drive(mtj, MTJ_P2AP, mtj->params.read_v);

    return -expm1(-escape_per_s(mtj, x) * mtj->params.read_s);
}

/* What tells the two states apart when they are read: the margin ln(RAP/RP) of the whole
 * branch, and the spread of its ln resistance. */
struct read_window {
    double margin;
    double sigma;
};

static struct read_window read_window(const struct mtj *mtj)
{
    const struct mtj_params *params = &mtj->params;
    double slope;
    double low_ohm = mtj->parallel_ohm + params->access_ohm;
    /* As if the junction took the whole read voltage: the least margin it can have. */
    double high_ohm = antiparallel_ohm(mtj, params->read_v, &slope) + params->access_ohm;

    return (struct read_window) {
        .margin = log(high_ohm / low_ohm),
        .sigma = hypot(params->sigma_ln_ra, 2.0 * params->sigma_ln_diameter) *
                 mtj->parallel_ohm / low_ohm,
    };
}

/* Probability that a normal deviate of spread sigma exceeds the margin. */
static double normal_tail(double margin, double sigma)
{
    return 0.5 * erfc(margin / (sigma * sqrt(2.0)));
}

double mtj_sense_error_1t1r(const struct mtj *mtj)
{
    struct read_window window = read_window(mtj);
    double sense = hypot(mtj->params.sigma_ln_sense, mtj->params.sigma_ln_reference);

    return normal_tail(window.margin / 2.0, hypot(window.sigma, sense));
}

double mtj_sense_error_2t2r(const struct mtj *mtj)
{
    struct read_window window = read_window(mtj);

    return normal_tail(window.margin,
                       hypot(sqrt(2.0) * window.sigma, mtj->params.sigma_ln_sense));
}

double mtj_retention_flip(const struct mtj *mtj, enum mtj_direction from, double seconds)
{
    double from_p = escape_per_s(mtj, stray_drive(mtj, MTJ_P2AP));
    double from_ap = escape_per_s(mtj, stray_drive(mtj, MTJ_AP2P));
    double both = from_p + from_ap;
    double out = from == MTJ_P2AP ? from_p : from_ap;

    if (both == 0.0) /* a barrier so high that the rate underflows */
        return 0.0;
    return out / both * -expm1(-both * seconds);
}
