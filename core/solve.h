/* SPDX-License-Identifier: Apache-2.0 */
/* solve.h - from a wanted error rate to a write, and what each way of protecting it
 * costs.
 *
 * The one call behind the question of the paper: strong writes with a code, or weak
 * writes without? Energies are means per data bit of writing it, toggle energy averaged
 * over both directions (as in core/README.md, "What protection costs"). Pure; any thread.
 */
#ifndef CORE_SOLVE_H
#define CORE_SOLVE_H

#include "core/device.h"
#include "core/ecc.h"

struct solve_request {
    double target_error_rate; /* 0 < p < 1, delivered per bit, toggle-conditional */
    bool has_pulse;
    double pulse_ns; /* has_pulse: the width for everything but `cheapest`; otherwise the
                        cheapest pulse for the target without a code */
    double temperature_k;
};

/* One way to write. */
struct solve_scheme {
    const char *scheme; /* "none", "secded", "bch2", "verify_retry_1", "2t2r", ...; static
                         */
    const char *basis;  /* "equal_delivered": raw chosen so that it delivers the target,
                           or less where the weakest write of a table does;
                           "practice": strong writes as commonly specified */
    enum ecc_code ecc;
    bool pairs;
    unsigned retries;
    bool reachable; /* false: no voltage in range; numbers below are then 0 */
    /* Means over both directions of what the voltages below give: the rate asked for, but
     * for a table without voltages, which may do better. */
    double raw_error_rate, delivered_error_rate;
    double voltage_v[2];
    /* That one read misjudges a cell or a pair that holds its bit: device_sense_error, 0
     * for a table. No part of the rates above. */
    double sense_error_rate;
    double energy_per_data_bit_pj;
    double cells_per_data_bit;
    double relative; /* energy over that of `none` delivering the target; 0 without
                        energies */
};
#define SOLVE_MAX_SCHEMES 16

struct solve_answer {
    struct mtj_pulse pulse; /* without a code, at the target */
    double toggle_pj;       /* its mean over both directions */
    bool has_cheapest;      /* a width of the search reaches the target */
    struct mtj_pulse cheapest;
    double cheapest_toggle_pj;
    size_t n_schemes;
    struct solve_scheme schemes[SOLVE_MAX_SCHEMES];
    char remark[ERR_LEN]; /* of the device; "" if there is nothing to say */
};

/* Rate of the strong write that a memory with a code is customarily given, the other end
 * of the paper's comparison. */
#define SOLVE_STRONG_RATE 1e-6

/* ST_RANGE, ST_UNREACHABLE; `why` names field, value and range. */
MUST_CHECK enum status solve_schemes(const struct device *device,
                                     const struct solve_request *request,
                                     struct solve_answer *ret_answer, char why[ERR_LEN]);

#endif
