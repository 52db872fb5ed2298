/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mtj_array.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define PICO 1e12

/* A Gauss-Hermite rule for the standard normal distribution: exact means of polynomials
 * up to degree 2n - 1. Symmetric; the nodes above zero are given. */
struct rule {
    unsigned n;
    const double *node, *weight; /* n / 2 each */
};

/* For the search of the cheapest pulse, where the error of the mean hardly moves it. */
static const struct rule rule_4 = {
    .n = 4,
    .node = (const double[]) { 0.74196378430272586, 2.3344142183389772 },
    .weight = (const double[]) { 0.45412414523193151, 0.045875854768068492 },
};

static const struct rule rule_8 = {
    .n = MTJ_NODES,
    .node = (const double[]) { 0.53907981135137511, 1.636519042435108, 2.8024858612875417,
                               4.1445471861258943 },
    .weight = (const double[]) { 0.37301225767907735, 0.11723990766175902,
                                 0.0096352201207882672, 0.00011261453837536777 },
};

/* For retention, whose logarithm spreads so far that rare cells carry the mean. */
static const struct rule rule_24 = {
    .n = 24,
    .node =
        (const double[]) { 0.31737009662945232, 0.95342192293210908, 1.5934804298164201,
                           2.2404678516917524, 2.8977286432233137, 3.5693067640735602,
                           4.2603836050199055, 4.9780413746391203, 5.7327471752512011,
                           6.5416750050986344, 7.4378906660216631, 8.5078035191952572 },
    .weight = (const double[]) { 0.24087011554664033, 0.16145951286700009,
                                 0.07206936401717833, 0.021126344408967547,
                                 0.0039766089291813086, 0.0004647187187793957,
                                 3.2095005652745912e-5, 1.2176597454425813e-6,
                                 2.267461673480642e-8, 1.718664927964858e-10,
                                 3.7149741527623985e-13, 9.3901936890419561e-17 },
};

static double rule_node(const struct rule *rule, unsigned i)
{
    unsigned half = rule->n / 2;

    return i < half ? -rule->node[half - 1 - i] : rule->node[i - half];
}

static double rule_weight(const struct rule *rule, unsigned i)
{
    unsigned half = rule->n / 2;

    return i < half ? rule->weight[half - 1 - i] : rule->weight[i - half];
}

/* What the factors of a cell do to the derived quantities of the nominal device. */
static void vary(struct mtj *mtj, double diameter, double ra, double anisotropy)
{
    double area = diameter * diameter;

    mtj->params.diameter_m *= diameter;
    mtj->params.ra_ohm_m2 *= ra;
    mtj->params.anisotropy_t *= anisotropy;
    mtj->delta *= area * anisotropy;
    mtj->anisotropy_t *= anisotropy;
    mtj->damping_s /= anisotropy;
    mtj->critical_a *= area * anisotropy;
    mtj->critical_v *= ra * anisotropy;
    mtj->parallel_ohm *= ra / area;
}

/* The array as a rule sees it: n^3 kinds of cell. */
struct population {
    struct mtj nominal;
    const struct rule *rule; /* borrowed */
    double diameter[MTJ_NODES], ra[MTJ_NODES], anisotropy[MTJ_NODES];
    unsigned n_cells;
};

static struct population population_of(const struct mtj_params *params,
                                       double temperature_k, const struct rule *rule)
{
    struct population pop = { .rule = rule, .n_cells = rule->n * rule->n * rule->n };

    mtj_init_unchecked(params, temperature_k, &pop.nominal);
    for (unsigned i = 0; i < rule->n; i++) {
        double z = rule_node(rule, i);

        pop.diameter[i] = exp(params->sigma_ln_diameter * z);
        pop.ra[i] = exp(params->sigma_ln_ra * z);
        pop.anisotropy[i] = exp(params->sigma_ln_anisotropy * z);
    }
    return pop;
}

static struct mtj population_cell(const struct population *pop, unsigned c)
{
    unsigned n = pop->rule->n;
    struct mtj cell = pop->nominal;

    vary(&cell, pop->diameter[c / (n * n)], pop->ra[c / n % n], pop->anisotropy[c % n]);
    return cell;
}

static double population_weight(const struct rule *rule, unsigned c)
{
    unsigned n = rule->n;

    return rule_weight(rule, c / (n * n)) * rule_weight(rule, c / n % n) *
           rule_weight(rule, c % n);
}

double mtj_class_weight(unsigned c)
{
    return population_weight(&rule_8, c);
}

void mtj_class_device(const struct mtj_params *params, double temperature_k, unsigned c,
                      struct mtj *ret_mtj)
{
    struct population pop = population_of(params, temperature_k, &rule_8);

    *ret_mtj = population_cell(&pop, c);
}

void mtj_class_table(const struct mtj_params *params, const struct mtj_pulse *pulse,
                     struct mtj_class_table *ret_table)
{
    struct population pop = population_of(params, pulse->temperature_k, &rule_8);

    for (unsigned c = 0; c < pop.n_cells; c++) {
        struct mtj cell = population_cell(&pop, c);

        ret_table->weight[c] = population_weight(&rule_8, c);
        for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
            double voltage_v = pulse->voltage_v[to];
            struct mtj_write_error error =
                mtj_write_error(&cell, to, voltage_v, pulse->pulse_s);
            struct mtj_write_energy energy =
                mtj_write_energy(&cell, to, voltage_v, pulse->pulse_s);

            ret_table->error_rate[c][to] = error.error_rate;
            ret_table->toggle_pj[c][to] = energy.toggle_j * PICO;
            ret_table->hold_pj[c][to] = energy.hold_j * PICO;
        }
    }
}

/* ln of the mean of a power of the error rate, summed as logarithms: rates below 1e-308
 * count, too. */
static double mean_ln_power(const struct population *pop, enum mtj_direction direction,
                            double voltage_v, double pulse_s, unsigned power)
{
    double ln_rate[MTJ_CLASSES];
    double greatest = -INFINITY;
    double sum = 0.0;

    for (unsigned c = 0; c < pop->n_cells; c++) {
        struct mtj cell = population_cell(pop, c);

        ln_rate[c] =
            power * mtj_write_error(&cell, direction, voltage_v, pulse_s).ln_error_rate;
        greatest = fmax(greatest, ln_rate[c]);
    }
    for (unsigned c = 0; c < pop->n_cells; c++)
        sum += population_weight(pop->rule, c) * exp(ln_rate[c] - greatest);
    return fmin(greatest + log(sum), 0.0) + 0.0; /* no negative zero */
}

static double mean_ln_error_rate(const struct population *pop,
                                 enum mtj_direction direction, double voltage_v,
                                 double pulse_s)
{
    return mean_ln_power(pop, direction, voltage_v, pulse_s, 1);
}

/* Mean energies of one write, J. */
static struct mtj_write_energy mean_energy(const struct population *pop,
                                           enum mtj_direction direction, double voltage_v,
                                           double pulse_s)
{
    struct mtj_write_energy mean = { 0 };

    for (unsigned c = 0; c < pop->n_cells; c++) {
        struct mtj cell = population_cell(pop, c);
        struct mtj_write_energy energy =
            mtj_write_energy(&cell, direction, voltage_v, pulse_s);
        double weight = population_weight(pop->rule, c);

        mean.toggle_j += weight * energy.toggle_j;
        mean.hold_j += weight * energy.hold_j;
        mean.residence_s += weight * energy.residence_s;
    }
    return mean;
}

struct mtj_mean mtj_array_mean(const struct mtj_params *params,
                               enum mtj_direction direction, double voltage_v,
                               double pulse_s, double temperature_k)
{
    struct population pop = population_of(params, temperature_k, &rule_8);
    double ln_error_rate = mean_ln_error_rate(&pop, direction, voltage_v, pulse_s);
    struct mtj_write_energy energy = mean_energy(&pop, direction, voltage_v, pulse_s);

    return (struct mtj_mean) {
        .error_rate = exp(ln_error_rate),
        .ln_error_rate = ln_error_rate,
        .toggle_pj = energy.toggle_j * PICO,
        .hold_pj = energy.hold_j * PICO,
    };
}

double mtj_array_ln_power(const struct mtj_params *params, enum mtj_direction direction,
                          double voltage_v, double pulse_s, double temperature_k,
                          unsigned power)
{
    struct population pop = population_of(params, temperature_k, &rule_8);

    return mean_ln_power(&pop, direction, voltage_v, pulse_s, power);
}

void mtj_class_flips(const struct mtj_params *params, double temperature_k,
                     double seconds, double ret_flip[MTJ_CLASSES][2])
{
    struct population pop = population_of(params, temperature_k, &rule_8);

    for (unsigned c = 0; c < pop.n_cells; c++) {
        struct mtj cell = population_cell(&pop, c);

        for (enum mtj_direction from = MTJ_P2AP; from <= MTJ_AP2P; from++)
            ret_flip[c][from] = mtj_retention_flip(&cell, from, seconds);
    }
}

void mtj_class_disturb(const struct mtj_params *params, double temperature_k,
                       double ret_disturb[MTJ_CLASSES])
{
    struct population pop = population_of(params, temperature_k, &rule_8);

    for (unsigned c = 0; c < pop.n_cells; c++) {
        struct mtj cell = population_cell(&pop, c);

        ret_disturb[c] = mtj_read_disturb(&cell);
    }
}

double mtj_array_retention(const struct mtj_params *params, enum mtj_direction from,
                           double seconds, double temperature_k)
{
    const struct rule *rule = &rule_24;
    struct mtj nominal;
    double sum = 0.0;

    mtj_init_unchecked(params, temperature_k, &nominal);
    for (unsigned i = 0; i < rule->n; i++) {
        double diameter = exp(params->sigma_ln_diameter * rule_node(rule, i));

        for (unsigned j = 0; j < rule->n; j++) {
            double anisotropy = exp(params->sigma_ln_anisotropy * rule_node(rule, j));
            struct mtj cell = nominal;

            vary(&cell, diameter, 1.0, anisotropy);
            sum += rule_weight(rule, i) * rule_weight(rule, j) *
                   mtj_retention_flip(&cell, from, seconds);
        }
    }
    return sum;
}

double mtj_array_read_j(const struct mtj_params *params, enum mtj_direction from,
                        double temperature_k)
{
    struct population pop = population_of(params, temperature_k, &rule_8);
    double sum = 0.0;

    for (unsigned c = 0; c < pop.n_cells; c++) {
        struct mtj cell = population_cell(&pop, c);

        sum += population_weight(&rule_8, c) * mtj_read_j(&cell, from);
    }
    return sum;
}

/* -- Inverse problems -- */

#define LEAST_VOLTAGE_V 1e-3
#define MOST_VOLTAGE_V  3.0
#define VOLTAGE_STEP_V  1e-9 /* where the root finder stops; 0.1 mV would be felt */

/* The cheapest pulse is searched here, until ln t is known to SEARCH_LN_STEP; the energy
 * is flat there, an error of 0.5 % in t costs 1e-5 of it. */
#define SEARCH_MIN_S   2e-9
#define SEARCH_MAX_S   100e-9
#define SEARCH_LN_STEP 5e-3
/* Kept from the supply limit in the search, so that the coarse rule's choice is one that
 * the fine rule reaches. */
#define SEARCH_MARGIN_V 1e-4

/* A mean error rate to reach. */
struct goal {
    const struct population *pop; /* borrowed */
    enum mtj_direction direction;
    double target;
    double pulse_s;
};

/* Falls through zero where the goal is met. The logarithm of the logarithm is nearly
 * straight in V from weak writes to strong ones. */
static double goal_miss(const struct goal *goal, double voltage_v)
{
    double ln_rate =
        mean_ln_error_rate(goal->pop, goal->direction, voltage_v, goal->pulse_s);

    return log(-log(goal->target)) - log(fmax(-ln_rate, 1e-300));
}

/* Root of the goal between two voltages on its two sides: inverse quadratic interpolation
 * where three points allow it, bisection where not (Chandrupatla 1997). */
static double goal_voltage(const struct goal *goal, double a, double fa, double b,
                           double fb)
{
    double c = a, fc = fa; /* the point before, for the parabola */
    double share = 0.5;    /* where between a and b to look next */

    while (fabs(b - a) > VOLTAGE_STEP_V && fa != 0.0) {
        double edge = 0.5 * VOLTAGE_STEP_V / fabs(b - a);
        double x = a + fmin(fmax(share, edge), 1.0 - edge) * (b - a);
        double fx = goal_miss(goal, x);

        if ((fx > 0.0) == (fa > 0.0)) {
            c = a;
            fc = fa;
        } else {
            c = b;
            fc = fb;
            b = a;
            fb = fa;
        }
        a = x;
        fa = fx;

        double xi = (a - b) / (c - b);
        double phi = (fa - fb) / (fc - fb);
        share = 0.5;
        if (phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi)
            share = fa / (fb - fa) * fc / (fb - fc) +
                    (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb);
    }
    return fabs(fa) < fabs(fb) ? a : b;
}

static bool goal_reach(const struct goal *goal, double max_voltage_v,
                       double *ret_voltage_v)
{
    double low = LEAST_VOLTAGE_V, high = max_voltage_v;
    double miss_low = goal_miss(goal, low), miss_high = goal_miss(goal, high);

    if (miss_high > 0.0)
        return false;
    *ret_voltage_v =
        miss_low <= 0.0 ? low : goal_voltage(goal, low, miss_low, high, miss_high);
    return true;
}

static const char *direction_name(enum mtj_direction direction)
{
    return direction == MTJ_P2AP ? "P2AP" : "AP2P";
}

static enum status check_conditions(double target, double pulse_s, double temperature_k,
                                    double max_voltage_v, char why[ERR_LEN])
{
    const struct {
        const char *name;
        double value, min, max;
        bool inside; /* the ends excluded */
    } checks[] = {
        { "target", target, 0.0, 1.0, true },
        { "pulse_s", pulse_s, MTJ_MIN_PULSE_S, MTJ_MAX_PULSE_S, false },
        { "temperature_k", temperature_k, MTJ_MIN_TEMPERATURE_K, MTJ_MAX_TEMPERATURE_K,
          false },
        { "max_voltage_v", max_voltage_v, LEAST_VOLTAGE_V, MOST_VOLTAGE_V, false },
    };

    for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        double value = checks[i].value, min = checks[i].min, max = checks[i].max;
        bool good =
            checks[i].inside ? value > min && value < max : value >= min && value <= max;

        if (!good) {
            (void)snprintf(why, ERR_LEN, "%s: %g is outside %g .. %g%s", checks[i].name,
                           value, min, max, checks[i].inside ? " (excluded)" : "");
            return ST_RANGE;
        }
    }
    return ST_OK;
}

static enum status solve_in(const struct population *pop, enum mtj_direction direction,
                            double target, double pulse_s, double max_voltage_v,
                            double *ret_voltage_v, char why[ERR_LEN])
{
    struct goal goal = { pop, direction, target, pulse_s };

    if (goal_reach(&goal, max_voltage_v, ret_voltage_v))
        return ST_OK;
    (void)snprintf(why, ERR_LEN,
                   "%s: %g V for %g ns at %g K still leaves a write error rate of %.3g, "
                   "above %g",
                   direction_name(direction), max_voltage_v, pulse_s * 1e9,
                   pop->nominal.temperature_k,
                   exp(mean_ln_error_rate(pop, direction, max_voltage_v, pulse_s)),
                   target);
    return ST_UNREACHABLE;
}

enum status mtj_solve_voltage(const struct mtj_params *params,
                              enum mtj_direction direction, double target, double pulse_s,
                              double temperature_k, double max_voltage_v,
                              double *ret_voltage_v, char why[ERR_LEN])
{
    enum status st = check_conditions(target, pulse_s, temperature_k, max_voltage_v, why);

    if (st != ST_OK)
        return st;

    struct population pop = population_of(params, temperature_k, &rule_8);
    return solve_in(&pop, direction, target, pulse_s, max_voltage_v, ret_voltage_v, why);
}

enum status mtj_solve_pulse(const struct mtj_params *params, double target,
                            double pulse_s, double temperature_k, double max_voltage_v,
                            struct mtj_pulse *ret_pulse, char why[ERR_LEN])
{
    struct mtj_pulse pulse = { .pulse_s = pulse_s, .temperature_k = temperature_k };
    enum status st = check_conditions(target, pulse_s, temperature_k, max_voltage_v, why);

    if (st != ST_OK)
        return st;

    struct population pop = population_of(params, temperature_k, &rule_8);
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P && st == ST_OK; to++)
        st =
            solve_in(&pop, to, target, pulse_s, max_voltage_v, &pulse.voltage_v[to], why);
    if (st == ST_OK)
        *ret_pulse = pulse;
    return st;
}

/* Mean toggle energy of both directions, J, at the voltages that reach the target with
 * this width; infinite if none does. */
static double energy_at_target(const struct population *pop, double target,
                               double pulse_s, double max_voltage_v)
{
    double energy_j = 0.0;

    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        struct goal goal = { pop, to, target, pulse_s };
        double voltage_v;

        if (!goal_reach(&goal, max_voltage_v, &voltage_v))
            return INFINITY;
        energy_j += 0.5 * mean_energy(pop, to, voltage_v, pulse_s).toggle_j;
    }
    return energy_j;
}

/* Golden-section search. Widths that are too short to reach the target cost infinity: of
 * two such, the search goes on towards the longer one. */
static double cheapest_width_s(const struct population *pop, double target,
                               double max_voltage_v)
{
    const double golden = 0.61803398874989485;
    double low = log(SEARCH_MIN_S), high = log(SEARCH_MAX_S);
    double left = high - golden * (high - low), right = low + golden * (high - low);
    double energy_left = energy_at_target(pop, target, exp(left), max_voltage_v);
    double energy_right = energy_at_target(pop, target, exp(right), max_voltage_v);

    while (high - low > SEARCH_LN_STEP) {
        if (energy_left < energy_right) {
            high = right;
            right = left;
            energy_right = energy_left;
            left = high - golden * (high - low);
            energy_left = energy_at_target(pop, target, exp(left), max_voltage_v);
        } else {
            low = left;
            left = right;
            energy_left = energy_right;
            right = low + golden * (high - low);
            energy_right = energy_at_target(pop, target, exp(right), max_voltage_v);
        }
    }
    return exp(energy_left < energy_right ? left : right);
}

enum status mtj_cheapest_pulse(const struct mtj_params *params, double target,
                               double temperature_k, double max_voltage_v,
                               struct mtj_pulse *ret_pulse, char why[ERR_LEN])
{
    enum status st =
        check_conditions(target, SEARCH_MAX_S, temperature_k, max_voltage_v, why);

    if (st != ST_OK)
        return st;

    struct population coarse = population_of(params, temperature_k, &rule_4);
    double pulse_s = cheapest_width_s(&coarse, target, max_voltage_v - SEARCH_MARGIN_V);
    return mtj_solve_pulse(params, target, pulse_s, temperature_k, max_voltage_v,
                           ret_pulse, why);
}
