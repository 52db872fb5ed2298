/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mtj_kernel.h"

#include <math.h>

#define PI 3.14159265358979323846

/* Below this drive the initial state is as deep as it gets and the Kramers rate loses its
 * meaning; the true rate is far below anything that could be observed. */
#define LEAST_DRIVE (-0.99)

/* Where the three forms of the escape rate meet, in noise units; each pair is blended
 * over BLEND_Z. */
#define TABLE_MAX_Z 3.5
#define BLEND_Z     0.5

/* Universal functions L and k of the crossover, on z = -4 + 0.25 j: the lowest eigenvalue
 * of the Fokker-Planck operator near the instability, fitted over D = 30 .. 200. */
#define GRID_MIN_Z (-4.0)
#define GRID_STEP  0.25
#define GRID_LEN   33

static const double grid_l[GRID_LEN] = {
    -13.17128, -11.37362, -9.71271, -8.19100, -6.81157, -5.57781, -4.49209,
    -3.55329,  -2.75443,  -2.08221, -1.51918, -1.04694, -0.64857, -0.30978,
    -0.01901,  0.23289,   0.45308,  0.64719,  0.81968,  0.97407,  1.11320,
    1.23938,   1.35446,   1.45999,  1.55723,  1.64723,  1.73089,  1.80895,
    1.88204,   1.95070,   2.01540,  2.07653,  2.13444,
};

static const double grid_k[GRID_LEN] = {
    1.9806, 1.8491, 1.7167, 1.5832, 1.4483, 1.3124, 1.1772, 1.0459, 0.9229,
    0.8120, 0.7150, 0.6316, 0.5605, 0.4996, 0.4474, 0.4024, 0.3633, 0.3294,
    0.2997, 0.2737, 0.2508, 0.2307, 0.2130, 0.1973, 0.1833, 0.1709, 0.1598,
    0.1499, 0.1410, 0.1330, 0.1257, 0.1191, 0.1131,
};

/* Weights of the four grid points around a place, Lagrange interpolation of degree 3. */
struct stencil {
    int first;
    double weight[4];
};

static struct stencil stencil_at(double z)
{
    double place = (z - GRID_MIN_Z) / GRID_STEP;
    int j = (int)fmin(fmax(floor(place), 1.0), GRID_LEN - 3.0);
    double p = place - j;

    return (struct stencil) {
        .first = j - 1,
        .weight = { -p * (p - 1.0) * (p - 2.0) / 6.0,
                    (p + 1.0) * (p - 1.0) * (p - 2.0) / 2.0,
                    -(p + 1.0) * p * (p - 2.0) / 2.0, (p + 1.0) * p * (p - 1.0) / 6.0 },
    };
}

static double interpolate(const double *grid, const struct stencil *at)
{
    double sum = 0.0;

    for (int i = 0; i < 4; i++)
        sum += at->weight[i] * grid[at->first + i];
    return sum;
}

/* Kramers (Neel-Brown with spin torque) with its first correction. */
static double ln_rate_kramers(double x, double delta, double z)
{
    return log((1.0 - x) * (1.0 - x) * (1.0 + x)) + 0.5 * log(delta / PI) - z * z -
           log1p(1.0 / (z * z));
}

/* Crossover at the instability, from the tables. */
static double ln_rate_crossover(double delta, double z)
{
    /* Reached by no device whose Delta is in range: keeps the logarithm defined for stray
     * cells of a very wide distribution. */
    const double least = 0.05;
    struct stencil at = stencil_at(z);
    double correction = 1.0 - interpolate(grid_k, &at) / sqrt(delta);

    return interpolate(grid_l, &at) + log(fmax(correction, least) / sqrt(delta));
}

/* Linearised problem far above threshold, with two orders in 1/D. */
static double ln_rate_strong(double x, double delta)
{
    double g = x - 1.0;

    return log(2.0 * g + (2.0 / g - 1.0) / delta - 2.7 / (delta * delta * g * g * g));
}

double mtj_ln_escape_rate(double x, double delta)
{
    if (x <= LEAST_DRIVE)
        return -INFINITY;

    double z = (x - 1.0) * sqrt(delta);
    double outside = (fabs(z) - TABLE_MAX_Z) / BLEND_Z; /* 0 .. 1 within a blend */

    if (outside <= 0.0)
        return ln_rate_crossover(delta, z);

    double outer = z < 0.0 ? ln_rate_kramers(x, delta, z) : ln_rate_strong(x, delta);
    if (outside >= 1.0)
        return outer;
    return (1.0 - outside) * ln_rate_crossover(delta, z) + outside * outer;
}

double mtj_amplitude(double x, double delta, double x0)
{
    double g = x - 1.0;
    double above = 0.5 * (g + sqrt(g * g + 7.5 / delta)); /* g, kept positive by noise */
    double drive = 1.0 + above;
    double trajectory =
        2.0 * exp((above * log(2.0) + 2.0 * log(above / drive)) / (drive + 1.0));
    double a = trajectory * delta * above * (1.0 - x0) / (drive - x0);

    /* The eighth-power mean of a and 1, without overflow on either side. */
    double small = a < 1.0 ? a : 1.0 / a;
    double fourth = small * small * small * small;
    double mean = sqrt(sqrt(sqrt(1.0 + fourth * fourth)));
    return a < 1.0 ? mean : a * mean;
}

struct mtj_kernel mtj_kernel_at(double x, double x0, double delta)
{
    double root = sqrt(delta);
    double frozen = 1.0 - 1.0 / root; /* x_c */
    double rate = exp(mtj_ln_escape_rate(x, delta));
    double amplitude = mtj_amplitude(x, delta, x0);

    return (struct mtj_kernel) {
        .rate = rate,
        .thermal_rate = x <= frozen ? rate : exp(mtj_ln_escape_rate(frozen, delta)),
        .incubation = 0.9 * root,
        .amplitude = amplitude,
        .ln_amplitude = log(amplitude),
    };
}

/* Decays s1 of the thermal branch after tau > 0. */
static double thermal_decays(const struct mtj_kernel *kernel, double tau)
{
    double r = kernel->incubation / tau;

    return kernel->thermal_rate * tau * exp(-r - r * r);
}

struct branch {
    double ln_error_rate;
    double switch_rate;
};

static struct branch precessional(const struct mtj_kernel *kernel, double tau)
{
    double s = kernel->rate * tau;

    if (s > 30.0) /* here q is e^s and 1 - exp(-X) is X, to 1e-11 */
        return (struct branch) { kernel->ln_amplitude - s,
                                 exp(-kernel->amplitude * exp(-s)) };

    double q = expm1(s) - 0.2;
    if (q <= 0.0)
        return (struct branch) { 0.0, 0.0 };

    double odds = kernel->amplitude / q;
    double switched = exp(-odds);
    return (struct branch) { odds < 0.7 ? log(-expm1(-odds)) : log1p(-switched),
                             switched };
}

struct mtj_write_error mtj_kernel_write_error(const struct mtj_kernel *kernel, double tau)
{
    if (!(tau > 0.0))
        return (struct mtj_write_error) { .error_rate = 1.0 };

    double s1 = thermal_decays(kernel, tau);
    struct branch fast = precessional(kernel, tau);
    double ln_error_rate = fmin(-s1, fast.ln_error_rate) + 0.0; /* no negative zero */

    return (struct mtj_write_error) {
        .ln_error_rate = ln_error_rate,
        .error_rate = exp(ln_error_rate),
        .switch_rate = fmax(-expm1(-s1), fast.switch_rate),
    };
}

/* The error rate alone, to an absolute 1e-15: what an integral over time needs. */
static double error_rate_at(const struct mtj_kernel *kernel, double tau)
{
    double thermal = exp(-thermal_decays(kernel, tau));
    double q = exp(fmin(kernel->rate * tau, 700.0)) - 1.2;

    return q <= 0.0 ? thermal : fmin(thermal, 1.0 - exp(-kernel->amplitude / q));
}

double mtj_kernel_residence(const struct mtj_kernel *kernel, double tau)
{
    const int n = 64;
    double sum = 1.0; /* nothing has switched at the start */

    if (!(tau > 0.0))
        return 0.0;
    for (int i = 1; i < n; i++)
        sum += (i % 2 == 1 ? 4.0 : 2.0) * error_rate_at(kernel, tau * i / n);
    sum += error_rate_at(kernel, tau);
    return sum * tau / (3.0 * n);
}

struct mtj_write_error mtj_reduced_write_error(double x, double x0, double delta,
                                               double tau)
{
    struct mtj_kernel kernel = mtj_kernel_at(x, x0, delta);

    return mtj_kernel_write_error(&kernel, tau);
}

double mtj_classical_error_rate(double x, double delta, double tau)
{
    double g = x - 1.0;
    /* The quotient is 0/0 at threshold; its limit there is 1 / (1 + 2 tau). */
    double quotient =
        fabs(g) < 1e-9 ? 1.0 / (1.0 + 2.0 * tau) : g / (x * exp(2.0 * g * tau) - 1.0);

    return -expm1(-PI * PI / 4.0 * delta * quotient);
}
