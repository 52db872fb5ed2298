/* SPDX-License-Identifier: Apache-2.0 */
#include "core/solve.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WORD_BITS   64
#define MAX_RETRIES 3
#define NS          1e-9

/* The raw rate of a verified write is searched until ln of what it delivers is right to
 * this, ten times what the last digit of a solved voltage moves it. The ratio to a power
 * is nearly constant: a step gains two digits. */
#define LN_RATE_STEP 1e-6
#define MAX_STEPS    40
/* The weakest write of a table is found to this in ln of its rate, what rounding leaves
 * of it. */
#define LN_RATE_END 1e-12

static const char equal_delivered[] = "equal_delivered";
static const char practice[] = "practice";
static const char *const retry_names[MAX_RETRIES + 1] = {
    "none",
    "verify_retry_1",
    "verify_retry_2",
    "verify_retry_3",
};

/* What all rows are solved for. */
struct setting {
    const struct device *device; /* borrowed */
    double pulse_s, temperature_k;
    double read_pj; /* of one cell, mean of both states */
};

/* -- One write -- */

/* A write at a raw rate: means over both directions. */
struct write {
    struct mtj_pulse pulse;
    double error_rate, toggle_pj;
};

static bool write_at(const struct setting *setting, double raw, struct write *ret_write)
{
    struct write write = { .error_rate = 0.0 };
    char why[ERR_LEN];

    if (device_solve_pulse(setting->device, raw, setting->pulse_s, setting->temperature_k,
                           &write.pulse, why) != ST_OK)
        return false;
    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++) {
        struct mtj_mean mean = device_mean(setting->device, to, write.pulse.voltage_v[to],
                                           write.pulse.pulse_s, setting->temperature_k);

        write.error_rate += 0.5 * mean.error_rate;
        write.toggle_pj += 0.5 * mean.toggle_pj;
    }
    *ret_write = write;
    return true;
}

/* Probability that `writes` pulses in a row fail on a cell, mean over both directions. */
static double failure(const struct setting *setting, const struct write *write,
                      unsigned writes)
{
    double sum = 0.0;

    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        sum +=
            0.5 *
            exp(device_ln_failure(setting->device, to, write->pulse.voltage_v[to],
                                  write->pulse.pulse_s, setting->temperature_k, writes));
    return sum;
}

/* -- Rows -- */

static struct solve_scheme *new_row(struct solve_answer *answer, const char *scheme,
                                    const char *basis)
{
    assert(answer->n_schemes < SOLVE_MAX_SCHEMES);
    struct solve_scheme *row = &answer->schemes[answer->n_schemes++];

    *row = (struct solve_scheme) { .scheme = scheme, .basis = basis };
    return row;
}

static void take_write(struct solve_scheme *row, const struct setting *setting,
                       const struct write *write)
{
    row->reachable = true;
    row->sense_error_rate =
        device_sense_error(setting->device, row->pairs, setting->temperature_k);
    row->raw_error_rate = write->error_rate;
    row->voltage_v[MTJ_P2AP] = write->pulse.voltage_v[MTJ_P2AP];
    row->voltage_v[MTJ_AP2P] = write->pulse.voltage_v[MTJ_AP2P];
}

/* A code over cells written at a raw rate. */
static void add_code(struct solve_answer *answer, const struct setting *setting,
                     enum ecc_code code, double raw, const char *basis)
{
    struct solve_scheme *row = new_row(answer, ecc_name(code), basis);
    double cells = (WORD_BITS + ecc_check_bits(code)) / (double)WORD_BITS;
    struct write write;

    row->ecc = code;
    if (!write_at(setting, raw, &write))
        return;
    take_write(row, setting, &write);
    row->delivered_error_rate = ecc_post_rate(code, WORD_BITS, write.error_rate);
    row->cells_per_data_bit = cells;
    row->energy_per_data_bit_pj =
        write.toggle_pj * cells + ecc_encode_pj(code) / WORD_BITS;
}

/* Each write is read back and repeated if it failed, `retries` times at most. */
static void add_retry(struct solve_answer *answer, const struct setting *setting,
                      unsigned retries, double raw, const char *basis)
{
    struct solve_scheme *row = new_row(answer, retry_names[retries], basis);
    struct write write;
    double n_writes = 1.0;

    row->retries = retries;
    if (!write_at(setting, raw, &write))
        return;
    for (unsigned k = 1; k <= retries; k++)
        n_writes += failure(setting, &write, k);
    take_write(row, setting, &write);
    row->delivered_error_rate = failure(setting, &write, retries + 1);
    row->cells_per_data_bit = 1.0;
    row->energy_per_data_bit_pj = n_writes * (write.toggle_pj + setting->read_pj);
}

/* The raw rate itself where a write has it. Where the weakest write that there is fails
 * less often, as that of a table may, the rate of that one: `target` is below it and can
 * be reached. */
static double reachable_raw(const struct setting *setting, double target, double raw)
{
    double low = log(fmin(target, raw)), high = log(raw);
    struct write write;

    if (write_at(setting, raw, &write))
        return raw;
    while (high - low > LN_RATE_END) {
        double middle = 0.5 * (low + high);

        if (write_at(setting, exp(middle), &write))
            low = middle;
        else
            high = middle;
    }
    return exp(low);
}

/* The raw rate at which a write with retries delivers the target, or the weakest that can
 * be reached and delivers less. Weak cells fail again and again, so that it is below the
 * root of the target. */
static double retry_raw(const struct setting *setting, unsigned retries, double target)
{
    double raw = reachable_raw(setting, target, pow(target, 1.0 / (retries + 1)));
    double reached = target;
    struct write write;

    for (unsigned step = 0; step < MAX_STEPS && write_at(setting, raw, &write); step++) {
        double excess = log(failure(setting, &write, retries + 1) / target);

        reached = raw;
        if (fabs(excess) < LN_RATE_STEP || !device_has_voltage(setting->device))
            break;
        raw = fmin(raw * exp(-excess / (retries + 1)), 0.5 * (1.0 + raw));
    }
    return reached;
}

/* Two cells a bit, written in opposite directions; where one of them fails the comparison
 * is a toss-up. */
static void add_pairs(struct solve_answer *answer, const struct setting *setting,
                      double target)
{
    struct solve_scheme *row = new_row(answer, "2t2r", equal_delivered);
    struct write write;

    row->pairs = true;
    /* p1 p2 + (p1 (1 - p2) + p2 (1 - p1)) / 2 is (p1 + p2) / 2: the raw rate itself. */
    if (!write_at(setting, target, &write))
        return;
    take_write(row, setting, &write);
    row->delivered_error_rate = write.error_rate;
    row->cells_per_data_bit = 2.0;
    row->energy_per_data_bit_pj = 2.0 * write.toggle_pj;
}

/* From one half on a code corrects nothing. */
static double code_raw(const struct setting *setting, enum ecc_code code, double target)
{
    if (code == ECC_NONE || target >= 0.5)
        return target;
    return reachable_raw(setting, target, ecc_raw_rate(code, WORD_BITS, target));
}

static void add_rows(struct solve_answer *answer, const struct setting *setting,
                     double target)
{
    static const enum ecc_code codes[] = { ECC_NONE, ECC_SECDED, ECC_BCH2 };
    const size_t n_codes = sizeof(codes) / sizeof(codes[0]);

    for (size_t i = 0; i < n_codes; i++)
        add_code(answer, setting, codes[i], code_raw(setting, codes[i], target),
                 equal_delivered);
    for (unsigned retries = 1; retries <= MAX_RETRIES; retries++)
        add_retry(answer, setting, retries, retry_raw(setting, retries, target),
                  equal_delivered);
    add_pairs(answer, setting, target);

    for (size_t i = 0; i < n_codes; i++)
        add_code(answer, setting, codes[i], SOLVE_STRONG_RATE, practice);
    add_retry(answer, setting, 1, target, practice);

    double unit_pj = answer->schemes[0].energy_per_data_bit_pj;
    for (size_t i = 0; i < answer->n_schemes; i++)
        if (unit_pj > 0.0) /* a table may have no energies */
            answer->schemes[i].relative =
                answer->schemes[i].energy_per_data_bit_pj / unit_pj;
}

/* -- The request -- */

static enum status check(const struct device *device, const struct solve_request *request,
                         char why[ERR_LEN])
{
    const double min_ns = MTJ_MIN_PULSE_S / NS, max_ns = MTJ_MAX_PULSE_S / NS;
    char cause[ERR_LEN];

    if (!(request->target_error_rate > 0.0 && request->target_error_rate < 1.0)) {
        (void)snprintf(why, ERR_LEN, "target_error_rate: %g is outside 0 .. 1 (excluded)",
                       request->target_error_rate);
        return ST_RANGE;
    }
    if (request->has_pulse && device->kind == DEVICE_MTJ &&
        !(request->pulse_ns >= min_ns && request->pulse_ns <= max_ns)) {
        (void)snprintf(why, ERR_LEN, "pulse_ns: %g is outside %g .. %g",
                       request->pulse_ns, min_ns, max_ns);
        return ST_RANGE;
    }
    enum status st = device_check_temperature(device, request->temperature_k, cause);
    if (st != ST_OK)
        (void)snprintf(why, ERR_LEN, "%s", cause);
    return st;
}

static double toggle_pj(const struct device *device, const struct mtj_pulse *pulse)
{
    double sum = 0.0;

    for (enum mtj_direction to = MTJ_P2AP; to <= MTJ_AP2P; to++)
        sum += 0.5 * device_mean(device, to, pulse->voltage_v[to], pulse->pulse_s,
                                 pulse->temperature_k)
                         .toggle_pj;
    return sum;
}

/* A device calls what it was asked by names of its own, "target: ...". */
static const char *without_name(const char *cause)
{
    size_t len = strcspn(cause, " ");

    return len > 0 && cause[len - 1] == ':' && cause[len] == ' ' ? cause + len + 1
                                                                 : cause;
}

enum status solve_schemes(const struct device *device,
                          const struct solve_request *request,
                          struct solve_answer *ret_answer, char why[ERR_LEN])
{
    struct solve_answer answer = { .n_schemes = 0 };
    double target = request->target_error_rate, temperature_k = request->temperature_k;
    char cause[ERR_LEN];
    enum status st = check(device, request, why);

    if (st != ST_OK)
        return st;
    st = device_cheapest_pulse(device, target, temperature_k, &answer.cheapest, cause);
    answer.has_cheapest = st == ST_OK;
    answer.pulse = answer.cheapest;
    if (request->has_pulse) /* a width of one's own may reach what the search does not */
        st = device_solve_pulse(device, target,
                                device_pulse_seconds(device, request->pulse_ns),
                                temperature_k, &answer.pulse, cause);
    if (st != ST_OK) {
        (void)snprintf(why, ERR_LEN, "%s: %.200s",
                       st == ST_RANGE ? "pulse_ns" : "target_error_rate",
                       without_name(cause));
        return st;
    }
    answer.toggle_pj = toggle_pj(device, &answer.pulse);
    if (answer.has_cheapest)
        answer.cheapest_toggle_pj = toggle_pj(device, &answer.cheapest);

    struct device_read_energy read = device_read_energy(device, temperature_k);
    struct setting setting = {
        .device = device,
        .pulse_s = answer.pulse.pulse_s,
        .temperature_k = temperature_k,
        .read_pj = 0.5 * (read.cell_pj[MTJ_P2AP] + read.cell_pj[MTJ_AP2P]),
    };
    add_rows(&answer, &setting, target);
    device_remark(device, &answer.pulse, answer.remark);
    *ret_answer = answer;
    return ST_OK;
}
