/* SPDX-License-Identifier: Apache-2.0 */
/* mtj.h - one cell: a magnetic tunnel junction in series with its access transistor.
 *
 * Macrospin with uniaxial anisotropy, collinear spin torque and thermal noise; closed-form
 * solution of its Fokker-Planck equation, valid from retention to precessional switching.
 * core/README.md derives it and names its sources. SI units; probabilities also as natural
 * logarithms, finite to at least -1e6. Pure functions of their arguments; any thread.
 */
#ifndef CORE_MTJ_H
#define CORE_MTJ_H

#include "core/status.h"

#include <stdbool.h>

/* A write direction, and the state it starts from. */
enum mtj_direction {
    MTJ_P2AP = 0, /* from parallel (bit 1, weight +1) to antiparallel */
    MTJ_AP2P = 1,
};

/* A device as designed. Ranges are checked by mtj_params_check; "chosen" values of the
 * defaults are engineering assumptions, see core/README.md. */
struct mtj_params {
    double diameter_m;              /* 15e-9 .. 120e-9 */
    double free_layer_m;            /* thickness, > 0 .. 10e-9 */
    double saturation_a_per_m;      /* Ms at reference_k, > 0 .. 3e6 */
    double anisotropy_t;            /* Bk = mu0 Hk at reference_k, 0.05 .. 1 */
    double damping;                 /* alpha, 0.002 .. 0.1 */
    double spin_efficiency;         /* eta, > 0 .. 1 */
    double ra_ohm_m2;               /* RA of state P, 1e-12 .. 50e-12 */
    double tmr;                     /* TMR0 at zero bias and reference_k, > 0 .. 20 */
    double tmr_half_v;              /* bias at which TMR halves, > 0 .. 10 */
    double stray_ratio;             /* h = stray field / Hk, -0.3 .. 0.3, positive favours P */
    double reference_k;             /* T0, 200 .. 450 */
    double bloch_k;                 /* T*, > 450 .. 1e4: above every temperature used */
    double anisotropy_exponent;     /* xi, 0 .. 10 */
    double tmr_loss_per_k;          /* cTMR, 0 .. 0.1 */
    double access_ohm;              /* 0 .. 1e6 */
    double driver_efficiency;       /* kappa, > 0 .. 1 */
    double bitline_f;               /* 0 .. 1e-9 */
    double control_j;               /* per written bit, 0 .. 1e-9 */
    double read_v;                  /* over the cell, > 0 .. MTJ_MAX_VOLTAGE_V */
    double read_s;                  /* read pulse, > 0 .. 1e-3 */
    double sense_j;                 /* sense amplifier, per bit, 0 .. 1e-9 */
    double sigma_ln_diameter;       /* device-to-device; all five 0 .. 0.3 */
    double sigma_ln_ra;
    double sigma_ln_anisotropy;
    double sigma_ln_sense;          /* amplifier offset as sigma of ln R */
    double sigma_ln_reference;      /* reference resistance, 1T1R */
};

/* Ranges of the conditions. */
#define MTJ_MIN_TEMPERATURE_K 200.0
#define MTJ_MAX_TEMPERATURE_K 450.0
#define MTJ_MAX_VOLTAGE_V     1.5
#define MTJ_MIN_PULSE_S       0.2e-9
#define MTJ_MAX_PULSE_S       1e-3
#define MTJ_MIN_DELTA         20.0
#define MTJ_MAX_DELTA         200.0

/* ST_RANGE with the parameter, its value and range in `why`. Upper ends without a physical
 * reason (thickness, capacitance, ...) are far from every device: they keep what is derived
 * finite. */
MUST_CHECK enum status mtj_params_check(const struct mtj_params *params, char why[ERR_LEN]);

/* A device at a temperature: what the equations need. */
struct mtj {
    double temperature_k;
    double delta;         /* thermal stability */
    double anisotropy_t;  /* Bk(T) */
    double damping_s;     /* tauD */
    double critical_a;    /* IcP, from state P */
    double critical_v;    /* Vc0, over the junction, both directions */
    double parallel_ohm;  /* RP */
    double tmr;           /* TMR(T) at zero bias */
    struct mtj_params params; /* a copy */
};

/* Derives `ret_mtj`. ST_RANGE with `why`: params or temperature out of range, or
 * Delta(T) outside MTJ_MIN_DELTA .. MTJ_MAX_DELTA. */
MUST_CHECK enum status mtj_init(const struct mtj_params *params, double temperature_k,
                                struct mtj *ret_mtj, char why[ERR_LEN]);
/* The same without any check, for a cell whose factors stray past the ranges of a design. */
void mtj_init_unchecked(const struct mtj_params *params, double temperature_k,
                        struct mtj *ret_mtj);

/* -- The kernel in reduced variables: x drive, D stability, tau = t / tauD -- */

/* ln of the escape rate lambda(x, D) in units of 1/tauD; -INFINITY where x <= -0.99. */
double mtj_ln_escape_rate(double x, double delta);
/* Amplitude a(x, D, x0) of the precessional branch. */
double mtj_amplitude(double x, double delta, double x0);

struct mtj_write_error {
    double ln_error_rate; /* ln WER, <= 0 */
    double error_rate;    /* WER, may underflow to 0 */
    double switch_rate;   /* 1 - WER, exact where WER is near 1 */
};
struct mtj_write_error mtj_reduced_write_error(double x, double x0, double delta,
                                               double tau);
/* Classical closed form (comparison only; no thermal activation, h = 0). */
double mtj_classical_error_rate(double x, double delta, double tau);

/* -- A cell under a voltage -- */

/* Voltage over the junction in state `from` (the state that `direction` starts in) with
 * voltage_v over junction and access transistor. */
double mtj_junction_v(const struct mtj *mtj, enum mtj_direction from, double voltage_v);
double mtj_current_a(const struct mtj *mtj, enum mtj_direction from, double voltage_v);
/* Reduced drive x of a write. */
double mtj_drive(const struct mtj *mtj, enum mtj_direction direction, double voltage_v);

/* One write pulse on a cell in the opposite state. voltage_v >= 0, pulse_s >= 0; a
 * voltage or pulse of 0 never writes. */
struct mtj_write_error mtj_write_error(const struct mtj *mtj, enum mtj_direction direction,
                                       double voltage_v, double pulse_s);

/* Energies of one write, J. */
struct mtj_write_energy {
    double toggle_j;    /* a cell in the opposite state */
    double hold_j;      /* a cell already in the target state */
    double residence_s; /* expected time in the initial state */
};
struct mtj_write_energy mtj_write_energy(const struct mtj *mtj,
                                         enum mtj_direction direction, double voltage_v,
                                         double pulse_s);

/* -- Read and retention -- */

/* Energy of one read of a cell in the state that `from` starts in, J. */
double mtj_read_j(const struct mtj *mtj, enum mtj_direction from);
/* Probability that one read flips a cell in P: an upper bound. */
double mtj_read_disturb(const struct mtj *mtj);
/* Probability of a wrong sense decision, one transistor one junction, or two of each. */
double mtj_sense_error_1t1r(const struct mtj *mtj);
double mtj_sense_error_2t2r(const struct mtj *mtj);
/* Probability that a cell left alone for `seconds` has flipped from the state that `from`
 * starts in (two-state Markov process, saturates near 1/2). */
double mtj_retention_flip(const struct mtj *mtj, enum mtj_direction from, double seconds);

#endif
