/* SPDX-License-Identifier: Apache-2.0 */
/* The write-error law in reduced variables, against figures of the model and against a
 * numerical solution of the Fokker-Planck equation that it stands for. */
#include "core/mtj_kernel.h"
#include "tests/lib/near.h"

#include <stdbool.h>

#define PI      3.14159265358979323846
#define NOMINAL 61.164 /* Delta of the default device at 300 K */

/* -- The slow reference: polar angle in cells, jumps between neighbours --
 *
 * du/dtau = -(x - u)(1 - u^2) for u = cos(theta), diffusion (1 - u^2) / (2 D). Rates are
 * those of Scharfetter and Gummel: the chain has the exact equilibrium. */

#define CHAIN_LEN 1500

struct chain {
    int n;
    double step;              /* radian */
    double width[CHAIN_LEN];  /* of a cell, in u */
    double onward[CHAIN_LEN]; /* rate towards theta = pi, per tauD */
    double back[CHAIN_LEN];   /* rate towards theta = 0 */
};

static double bernoulli(double y)
{
    return fabs(y) < 1e-8 ? 1.0 - 0.5 * y : y / expm1(y);
}

/* ln of the equilibrium density at a drive. */
static double ln_equilibrium(double u, double x, double delta)
{
    return delta * u * u - 2.0 * delta * x * u;
}

static void chain_make(struct chain *chain, double x, double delta, int n, double end)
{
    chain->n = n;
    chain->step = end / n;
    for (int i = 0; i < n; i++)
        chain->width[i] = cos(i * chain->step) - cos((i + 1) * chain->step);
    chain->back[0] = 0.0;
    for (int i = 0; i < n; i++) {
        double here = cos((i + 0.5) * chain->step), next = cos((i + 1.5) * chain->step);
        double face = sin((i + 1) * chain->step);
        double jump = face * face / (2.0 * delta) / (here - next);
        double up = ln_equilibrium(next, x, delta) - ln_equilibrium(here, x, delta);

        chain->onward[i] = jump * bernoulli(-up) / chain->width[i];
        if (i + 1 < n)
            chain->back[i + 1] = jump * bernoulli(up) / chain->width[i + 1];
    }
}

/* Lowest decay rate with an absorbing end: inverse iteration. Sums of positive terms
 * alone, so that a rate of 1e-40 comes out as exactly as one of 1. */
static double chain_escape_rate(double x, double delta)
{
    static struct chain chain;
    static double f[CHAIN_LEN], fall[CHAIN_LEN];
    double growth = 0.0;

    chain_make(&chain, x, delta, CHAIN_LEN, 0.9 * PI);
    for (int i = 0; i < chain.n; i++)
        f[i] = 1.0;
    for (int round = 0; round < 60; round++) {
        double before = 0.0, sum = 0.0;

        for (int i = 0; i < chain.n; i++) {
            fall[i] = (f[i] + chain.back[i] * before) / chain.onward[i];
            before = fall[i];
        }
        for (int i = chain.n - 1; i >= 0; i--) {
            sum += fall[i];
            f[i] = sum;
        }
        growth = f[0];
        for (int i = 0; i < chain.n; i++)
            f[i] /= growth;
    }
    return 1.0 / growth;
}

/* One Crank-Nicolson step of the survival f; c is scratch. */
static void chain_step(const struct chain *chain, double dt, double *f, double *c)
{
    static double right[CHAIN_LEN];
    int n = chain->n;

    for (int i = 0; i < n; i++) {
        double flow = i + 1 < n ? chain->onward[i] * (f[i + 1] - f[i]) : 0.0;

        if (i > 0)
            flow += chain->back[i] * (f[i - 1] - f[i]);
        right[i] = f[i] + 0.5 * dt * flow;
    }
    for (int i = 0; i < n; i++) {
        double onward = i + 1 < n ? 0.5 * dt * chain->onward[i] : 0.0;
        double back = 0.5 * dt * chain->back[i];
        double pivot = 1.0 + onward + back - (i > 0 ? back * c[i - 1] : 0.0);

        c[i] = onward / pivot;
        right[i] = (right[i] + (i > 0 ? back * right[i - 1] : 0.0)) / pivot;
    }
    f[n - 1] = right[n - 1];
    for (int i = n - 2; i >= 0; i--)
        f[i] = right[i] + c[i] * f[i + 1];
}

/* Share still in the first hemisphere after tau, from equilibrium in it. */
static double chain_error_rate(double x, double x0, double delta, double tau)
{
    static struct chain chain;
    static double f[CHAIN_LEN], c[CHAIN_LEN];
    const int n_steps = 1500;
    double left = 0.0, all = 0.0;

    chain_make(&chain, x, delta, 600, PI);
    for (int i = 0; i < chain.n; i++)
        f[i] = (i + 0.5) * chain.step < 0.5 * PI ? 1.0 : 0.0;
    for (int i = 0; i < n_steps; i++)
        chain_step(&chain, tau / n_steps, f, c);

    for (int i = 0; i < chain.n / 2; i++) {
        double u = cos((i + 0.5) * chain.step);
        double share = chain.width[i] *
                       exp(ln_equilibrium(u, x0, delta) - ln_equilibrium(1.0, x0, delta));

        all += share;
        left += share * f[i];
    }
    return left / all;
}

/* -- Figures of the model -- */

static void escape_rate_and_amplitude_have_their_figures(void **state)
{
    static const struct {
        double x, ln_rate, amplitude;
    } rows[] = {
        { 0.00, -59.695803, 1.000000 }, { 0.30, -28.969753, 1.000000 },
        { 0.55, -12.142328, 1.000164 }, { 0.80, -3.810235, 1.238591 },
        { 1.00, -1.651266, 3.347207 },  { 1.10, -1.099267, 5.549124 },
        { 1.45, -0.052675, 20.034738 }, { 1.50, 0.042372, 22.671197 },
        { 2.00, 0.700931, 50.187264 },  { 2.50, 1.100356, 74.688592 },
        { 4.00, 1.790846, 124.191005 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ASSERT_WITHIN(mtj_ln_escape_rate(rows[i].x, NOMINAL), rows[i].ln_rate, 1e-6);
        ASSERT_NEAR(mtj_amplitude(rows[i].x, NOMINAL, 0.0), rows[i].amplitude, 1e-6);
    }
}

static void write_error_has_its_figures(void **state)
{
    static const struct {
        double x, x0, tau, ln_error_rate, error_rate, switch_rate;
    } rows[] = {
        { 0.5, 0, 1e6, -0.355055614, 7.011344e-01, 2.988656e-01 },
        { 0.9, 0, 10, -0.187041320, 8.294095e-01, 1.705905e-01 },
        { 1.0, 0, 6, -0.200166957, 8.185941e-01, 1.814059e-01 },
        { 1.5, 0, 6, -3.157948730, 4.251286e-02, 9.574871e-01 },
        { 2.0, -0.02, 5.9157, -7.998250430, 3.360501e-04, 9.996639e-01 },
        { 2.5, 0, 6, -13.71808910, 1.102325e-06, 9.999989e-01 },
        { 2.5, 0.02, 12, -31.76173950, 1.607133e-14, 1 },
        { 4.0, 0, 0.8, -0.437847749, 6.454240e-01, 3.545760e-01 },
        { 1.3, 0, 200, -131.7651430, 5.958340e-58, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtj_write_error got =
            mtj_reduced_write_error(rows[i].x, rows[i].x0, NOMINAL, rows[i].tau);

        ASSERT_WITHIN(got.ln_error_rate, rows[i].ln_error_rate,
                      1e-7 * fmax(1.0, fabs(rows[i].ln_error_rate)));
        ASSERT_NEAR(got.error_rate, rows[i].error_rate, 1e-5);
        ASSERT_NEAR(got.switch_rate, rows[i].switch_rate, 1e-6);
    }
}

/* Stochastic Landau-Lifshitz-Gilbert runs of 1e5 and more trajectories per row: the 95 %
 * interval, what this model gives, and the classical form. Nanoseconds at alpha 0.012. */
static void trajectories_confirm_it(void **state)
{
    static const struct {
        double drive, h, delta, bk, t_ns, low, high, model, classical;
    } rows[] = {
        { 1.50, 0, 61.164, 0.280, 8, 1.514e-1, 1.537e-1, 1.513e-1, 3.60e-1 },
        { 1.50, 0, 61.164, 0.280, 15, 1.883e-3, 2.161e-3, 2.161e-3, 7.02e-3 },
        { 1.89, 0, 61.164, 0.280, 5, 1.937e-1, 1.952e-1, 1.953e-1, 3.08e-1 },
        { 1.89, 0, 61.164, 0.280, 9, 2.845e-3, 3.057e-3, 3.052e-3, 5.43e-3 },
        { 1.89, 0, 61.164, 0.280, 11, 3.44e-4, 4.20e-4, 3.636e-4, 6.63e-4 },
        { 2.50, 0, 61.164, 0.280, 4, 5.781e-2, 5.846e-2, 5.918e-2, 7.21e-2 },
        { 2.50, 0, 61.164, 0.280, 6, 1.586e-3, 1.698e-3, 1.739e-3, 2.15e-3 },
        { 2.50, 0, 61.164, 0.280, 8, 3.57e-5, 5.42e-5, 4.972e-5, 6.18e-5 },
        { 3.50, 0, 61.164, 0.280, 3, 1.529e-2, 1.563e-2, 1.551e-2, 1.50e-2 },
        { 3.50, 0, 61.164, 0.280, 4, 7.77e-4, 8.57e-4, 8.130e-4, 7.84e-4 },
        { 2.00, 0, 45.952, 0.26393, 8, 4.400e-3, 4.820e-3, 4.640e-3, 7.55e-3 },
        { 2.00, 0.05, 61.164, 0.280, 8, 4.96e-3, 5.41e-3, 5.565e-3, NAN },
        { 2.00, -0.05, 61.164, 0.280, 8, 2.074e-3, 2.365e-3, 2.320e-3, NAN },
        { 0.85, 0, 61.164, 0.280, 20, 0.0, 1.0, 8.058e-1, NAN },
        { 0.85, 0, 61.164, 0.280, 90, 0.0, 1.0, 1.153e-1, NAN },
        { 1.10, 0, 61.164, 0.280, 10, 0.0, 1.0, 6.049e-1, 0.997 },
        { 1.10, 0, 61.164, 0.280, 20, 0.0, 1.0, 1.045e-1, 0.755 },
        { 1.10, 0, 61.164, 0.280, 40, 0.0, 1.0, 2.093e-3, 0.115 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double tau = rows[i].t_ns * 1e-9 * 0.012 * 1.76085963e11 * rows[i].bk /
                     (1.0 + 0.012 * 0.012);
        double x = rows[i].drive - rows[i].h;
        double wer =
            mtj_reduced_write_error(x, -rows[i].h, rows[i].delta, tau).error_rate;

        ASSERT_NEAR(wer, rows[i].model, 2.5e-3);
        assert_true(wer >= rows[i].low * 0.97 && wer <= rows[i].high * 1.03);
        if (!isnan(rows[i].classical))
            ASSERT_NEAR(mtj_classical_error_rate(x, rows[i].delta, tau),
                        rows[i].classical, 5e-3);
    }
}

/* -- What must be true -- */

static void escape_rate_is_the_lowest_decay_of_the_fokker_planck_equation(void **state)
{
    static const double deltas[] = { 30.0, 45.0, 61.164, 85.0, 110.0 };
    static const struct {
        double from, to, tolerance; /* of ln lambda */
    } bands[] = {
        { -0.3, 0.0, 0.02 }, /* what Kramers' law leaves out near the far pole */
        { 0.0, 0.75, 0.003 },
        { 0.75, 4.0, 0.001 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
        for (size_t b = 0; b < sizeof(bands) / sizeof(bands[0]); b++)
            for (double x = bands[b].from; x < bands[b].to; x += 0.05)
                ASSERT_WITHIN(mtj_ln_escape_rate(x, deltas[i]),
                              log(chain_escape_rate(x, deltas[i])), bands[b].tolerance);
}

static void write_error_solves_the_fokker_planck_equation(void **state)
{
    static const double deltas[] = { 30.0, 61.164, 110.0 };
    static const struct {
        double x, low, high; /* of the ratio to the numerical solution */
    } drives[] = {
        { 0.80, 0.96, 1.02 }, { 0.95, 0.90, 1.13 }, { 1.10, 0.90, 1.13 },
        { 1.20, 0.90, 1.13 }, { 1.30, 0.93, 1.03 }, { 1.45, 0.93, 1.03 },
        { 1.60, 0.96, 1.03 }, { 2.00, 0.97, 1.03 }, { 2.50, 0.97, 1.03 },
        { 3.50, 0.97, 1.03 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
        for (size_t j = 0; j < sizeof(drives) / sizeof(drives[0]); j++)
            for (double tau = 1.0; tau < 300.0; tau *= 1.7) {
                double x = drives[j].x, delta = deltas[i];
                double model = mtj_reduced_write_error(x, 0.02, delta, tau).error_rate;

                if (model > 0.99)
                    continue;
                if (model < 1e-13)
                    break;
                double exact = chain_error_rate(x, 0.02, delta, tau);
                assert_true(model >= drives[j].low * exact);
                assert_true(model <= drives[j].high * exact);
            }
}

static void escape_rate_has_no_steps_where_its_forms_meet(void **state)
{
    static const double joints[] = { -4.0, -3.5, 3.5, 4.0 };
    static const double deltas[] = { 20.0, 61.164, 200.0 };

    (void)state;
    for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
        for (size_t j = 0; j < sizeof(joints) / sizeof(joints[0]); j++) {
            double x = 1.0 + joints[j] / sqrt(deltas[i]);

            ASSERT_WITHIN(mtj_ln_escape_rate(x - 1e-11, deltas[i]),
                          mtj_ln_escape_rate(x + 1e-11, deltas[i]), 1e-8);
        }
}

static void escape_rate_rises_with_drive(void **state)
{
    (void)state;
    for (double delta = 20.0; delta <= 200.0; delta *= 1.1) {
        double before = -INFINITY;

        for (double x = -1.2; x < 6.0; x += 1e-3) {
            double now = mtj_ln_escape_rate(x, delta);

            assert_true(now >= before);
            before = now;
        }
    }
}

static void without_drive_it_is_neel_brown(void **state)
{
    (void)state;
    for (double delta = 20.0; delta <= 200.0; delta += 7.0)
        ASSERT_WITHIN(mtj_ln_escape_rate(0.0, delta),
                      0.5 * log(delta / PI) - delta - log1p(1.0 / delta), 1e-10);
}

static void strong_drive_has_the_exponential_tail(void **state)
{
    (void)state;
    for (double x = 1.5; x < 4.0; x += 0.25) {
        double g = x - 1.0;
        double lambda = exp(mtj_ln_escape_rate(x, 1e6));
        struct mtj_write_error one = mtj_reduced_write_error(x, 0.0, 1e6, 40.0 / g);
        struct mtj_write_error two = mtj_reduced_write_error(x, 0.0, 1e6, 80.0 / g);

        ASSERT_NEAR(lambda, 2.0 * g, 1e-5);
        ASSERT_NEAR(two.ln_error_rate - one.ln_error_rate, -lambda * 40.0 / g, 1e-12);
        ASSERT_NEAR(one.ln_error_rate,
                    log(mtj_amplitude(x, 1e6, 0.0)) - lambda * 40.0 / g, 1e-12);
    }
}

static void logarithm_stays_finite_to_minus_a_million(void **state)
{
    struct mtj_write_error far = mtj_reduced_write_error(2.5, 0.0, NOMINAL, 4e5);

    (void)state;
    assert_true(isfinite(far.ln_error_rate) && far.ln_error_rate < -1e6);
    assert_true(far.error_rate == 0.0 && far.switch_rate == 1.0);
}

static void switching_and_failing_add_up_to_one(void **state)
{
    (void)state;
    for (double x = -0.5; x < 5.0; x += 0.01)
        for (double tau = 1e-3; tau < 1e9; tau *= 3.0) {
            struct mtj_write_error got = mtj_reduced_write_error(x, 0.0, NOMINAL, tau);

            assert_true(got.error_rate >= 0.0 && got.error_rate <= 1.0);
            assert_true(got.switch_rate >= 0.0 && got.switch_rate <= 1.0);
            assert_true(got.ln_error_rate <= 0.0 && !signbit(0.0 - got.ln_error_rate));
            ASSERT_WITHIN(got.error_rate + got.switch_rate, 1.0, 1e-15);
        }
}

/* 1 - WER would be 0 or noise here. */
static void rare_switching_keeps_its_digits(void **state)
{
    (void)state;
    for (double tau = 1e3; tau < 1e6; tau *= 2.0) {
        struct mtj_write_error got = mtj_reduced_write_error(0.0, 0.0, NOMINAL, tau);
        double r = 0.9 * sqrt(NOMINAL) / tau;
        double decays = exp(mtj_ln_escape_rate(0.0, NOMINAL)) * tau * exp(-r - r * r);

        ASSERT_NEAR(got.switch_rate, decays, 1e-12);
        ASSERT_NEAR(got.ln_error_rate, -decays, 1e-12);
    }
}

static void no_time_never_writes(void **state)
{
    static const double taus[] = { 0.0, -1.0, 1e-300 };

    (void)state;
    for (size_t i = 0; i < sizeof(taus) / sizeof(taus[0]); i++) {
        struct mtj_write_error got = mtj_reduced_write_error(3.0, 0.0, NOMINAL, taus[i]);

        assert_true(got.error_rate == 1.0 && got.switch_rate == 0.0);
        assert_true(got.ln_error_rate == 0.0);
    }
}

static void residence_is_the_integral_of_the_error_rate(void **state)
{
    static const double drives[] = { 0.9, 1.3, 1.9, 3.0 };

    (void)state;
    for (size_t i = 0; i < sizeof(drives) / sizeof(drives[0]); i++) {
        struct mtj_kernel kernel = mtj_kernel_at(drives[i], 0.0, NOMINAL);
        const int n = 100000;
        const double tau = 12.0;
        double sum = 0.0;

        for (int j = 0; j < n; j++)
            sum += mtj_kernel_write_error(&kernel, tau * (j + 0.5) / n).error_rate;
        /* 64 intervals of Simpson's rule across the kink where a branch takes over. */
        ASSERT_NEAR(mtj_kernel_residence(&kernel, tau), sum * tau / n, 2e-3);
    }
}

static void residence_is_all_the_time_if_nothing_switches(void **state)
{
    struct mtj_kernel kernel = mtj_kernel_at(-0.5, 0.0, NOMINAL);

    (void)state;
    ASSERT_NEAR(mtj_kernel_residence(&kernel, 7.0), 7.0, 1e-14);
    assert_true(mtj_kernel_residence(&kernel, 0.0) == 0.0);
}

static void classical_form_overestimates_strong_writes(void **state)
{
    static const struct {
        double x, low, high; /* of classical over this model, near WER 1e-4 */
    } rows[] = { { 2.5, 1.2, 1.3 }, { 2.0, 1.6, 1.8 }, { 1.5, 2.5, 3.5 } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double tau = 10.0 / (2.0 * (rows[i].x - 1.0));
        double ratio = mtj_classical_error_rate(rows[i].x, NOMINAL, tau) /
                       mtj_reduced_write_error(rows[i].x, 0.0, NOMINAL, tau).error_rate;

        assert_true(ratio > rows[i].low && ratio < rows[i].high);
    }
}

static void classical_form_is_continuous_at_threshold(void **state)
{
    (void)state;
    ASSERT_NEAR(mtj_classical_error_rate(1.0, 5.0, 300.0),
                mtj_classical_error_rate(1.0 + 1e-7, 5.0, 300.0), 1e-4);
    ASSERT_NEAR(mtj_classical_error_rate(1.0, 5.0, 300.0),
                mtj_classical_error_rate(1.0 - 1e-7, 5.0, 300.0), 1e-4);
}

/* Stray cells of a very wide distribution come with any stability. */
static void unstable_cells_still_have_probabilities(void **state)
{
    (void)state;
    for (double delta = 0.5; delta < 20.0; delta *= 1.2)
        for (double x = -1.5; x < 6.0; x += 0.05)
            for (double tau = 0.1; tau < 1e4; tau *= 7.0) {
                struct mtj_write_error got = mtj_reduced_write_error(x, 0.0, delta, tau);

                assert_true(got.error_rate >= 0.0 && got.error_rate <= 1.0);
                assert_true(got.switch_rate >= 0.0 && got.switch_rate <= 1.0);
                assert_true(got.ln_error_rate <= 0.0);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape_rate_and_amplitude_have_their_figures),
        cmocka_unit_test(write_error_has_its_figures),
        cmocka_unit_test(trajectories_confirm_it),
        cmocka_unit_test(escape_rate_is_the_lowest_decay_of_the_fokker_planck_equation),
        cmocka_unit_test(write_error_solves_the_fokker_planck_equation),
        cmocka_unit_test(escape_rate_has_no_steps_where_its_forms_meet),
        cmocka_unit_test(escape_rate_rises_with_drive),
        cmocka_unit_test(without_drive_it_is_neel_brown),
        cmocka_unit_test(strong_drive_has_the_exponential_tail),
        cmocka_unit_test(logarithm_stays_finite_to_minus_a_million),
        cmocka_unit_test(switching_and_failing_add_up_to_one),
        cmocka_unit_test(rare_switching_keeps_its_digits),
        cmocka_unit_test(no_time_never_writes),
        cmocka_unit_test(residence_is_the_integral_of_the_error_rate),
        cmocka_unit_test(residence_is_all_the_time_if_nothing_switches),
        cmocka_unit_test(classical_form_overestimates_strong_writes),
        cmocka_unit_test(classical_form_is_continuous_at_threshold),
        cmocka_unit_test(unstable_cells_still_have_probabilities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
