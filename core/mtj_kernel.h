/* SPDX-License-Identifier: Apache-2.0 */
/* mtj_kernel.h - the write-error law at one drive, prepared for many pulse widths.
 *
 * The expensive part of the law (escape rates, amplitude) depends on the drive alone; the
 * width enters through a few exponentials. Pure; any thread.
 */
#ifndef CORE_MTJ_KERNEL_H
#define CORE_MTJ_KERNEL_H

#include "core/mtj.h"

struct mtj_kernel {
    double rate;         /* lambda(x, D), in units of 1/tauD */
    double thermal_rate; /* lambda(min(x, x_c), D), of the thermal branch */
    double incubation;   /* time scale of the thermal branch's delay, in tauD */
    double amplitude;    /* a(x, D, x0), >= 1 */
    double ln_amplitude;
};

/* The law at drive x, with the drive x0 of zero voltage, x0 < 1, and stability delta > 0.
 */
struct mtj_kernel mtj_kernel_at(double x, double x0, double delta);
/* A pulse of reduced width tau; tau <= 0 never writes. */
struct mtj_write_error mtj_kernel_write_error(const struct mtj_kernel *kernel,
                                              double tau);
/* Integral of the error rate from 0 to tau: the expected time before the cell switches,
 * in units of tauD. Composite Simpson rule, 64 intervals. */
double mtj_kernel_residence(const struct mtj_kernel *kernel, double tau);

#endif
