/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of GET and PATCH operating-point. */
#include "api/point_json.h"

#include <math.h>
#include <time.h>

static bool has_physics(const struct point_view *view)
{
    return view->op->mode != MRAM_IID;
}

/* NAN stands for a condition that does not apply: buf_number writes null. */
static void put_number(struct buf *buf, const char *name, double value)
{
    buf_text(buf, name);
    buf_number(buf, value);
}

static void put_pair(struct buf *buf, const char *name, double p2ap, double ap2p)
{
    buf_text(buf, name);
    put_number(buf, "{\"p2ap\":", p2ap);
    put_number(buf, ",\"ap2p\":", ap2p);
    buf_char(buf, '}');
}

/* Femtojoules are less than one cell costs. */
static void put_energy(struct buf *buf, const struct point_view *view, double energy_pj)
{
    buf_text(buf, ",\"energy_pj\":");
    buf_fixed(buf, has_physics(view) ? energy_pj : (double)NAN, 3);
}

static double rate(double wrong_bits, uint64_t cells)
{
    return cells == 0 ? 0.0 : wrong_bits / (double)cells;
}

/* -- What was asked for and what it means -- */

static void put_voltages(struct buf *buf, const struct point_view *view)
{
    const double *voltage_v =
        view->op->has_target ? view->resolved->pulse.voltage_v : view->op->voltage_v;

    if (!has_physics(view)) {
        buf_text(buf, ",\"write_voltage_v\":null");
        return;
    }
    put_pair(buf, ",\"write_voltage_v\":", voltage_v[MTJ_P2AP], voltage_v[MTJ_AP2P]);
}

static void put_solved(struct buf *buf, const struct point_view *view)
{
    const char *solved = "";

    if (has_physics(view) && view->op->has_target)
        solved = view->op->has_pulse ? "\"write_voltage_v\""
                                     : "\"write_voltage_v\",\"pulse_ns\"";
    buf_text(buf, ",\"solved\":[");
    buf_text(buf, solved);
    buf_char(buf, ']');
}

static void put_conditions(struct buf *buf, const struct point_view *view)
{
    const struct operating_point *op = view->op;
    bool physics = has_physics(view);
    double pulse_ns = op->has_pulse ? op->pulse_ns : view->resolved->pulse.pulse_s * 1e9;

    buf_text(buf, ",\"mode\":");
    buf_json_string(buf, operating_point_mode_name(op->mode));
    buf_text(buf, ",\"program_over\":");
    if (physics)
        buf_json_string(buf, operating_point_over_name(op->over));
    else
        buf_text(buf, "null");
    put_number(buf, ",\"bit_error_rate\":", physics ? (double)NAN : op->bit_error_rate);
    put_voltages(buf, view);
    put_number(buf, ",\"pulse_ns\":", physics ? pulse_ns : (double)NAN);
    put_number(buf, ",\"target_write_error_rate\":",
               physics && op->has_target ? op->target_write_error_rate : (double)NAN);
    put_number(buf, ",\"temperature_k\":", op->temperature_k);
    buf_text(buf, ",\"seed\":");
    buf_u64(buf, op->seed);
    put_solved(buf, view);
}

static void put_predicted(struct buf *buf, const struct point_view *view, uint64_t cells)
{
    const struct mtj_mean *mean = view->resolved->mean;
    double p2ap = mean[MTJ_P2AP].error_rate, ap2p = mean[MTJ_AP2P].error_rate;
    double stored = rate(view->forecast.wrong_bits, cells);

    buf_text(buf, ",\"predicted\":{\"write_error_rate\":");
    if (has_physics(view)) {
        buf_number(buf, (p2ap + ap2p) / 2.0);
        put_pair(buf, ",\"write_error_rate_by_direction\":", p2ap, ap2p);
    } else {
        stored = view->op->bit_error_rate;
        buf_text(buf, "null,\"write_error_rate_by_direction\":null");
    }
    put_number(buf, ",\"stored_bit_error_rate\":", stored);
    put_number(buf, ",\"wrong_bits\":", view->forecast.wrong_bits);
    put_energy(buf, view, view->forecast.energy_pj);
    buf_char(buf, '}');
}

/* -- What programming gave -- */

static void put_counts(struct buf *buf, const char *name, const uint64_t counts[2])
{
    buf_text(buf, name);
    buf_text(buf, "{\"p2ap\":");
    buf_u64(buf, counts[MTJ_P2AP]);
    buf_text(buf, ",\"ap2p\":");
    buf_u64(buf, counts[MTJ_AP2P]);
    buf_char(buf, '}');
}

static void put_outcome(struct buf *buf, const struct point_view *view,
                        const struct mram_result *result)
{
    uint64_t wrong_bits = result->errors[MTJ_P2AP] + result->errors[MTJ_AP2P];

    buf_text(buf, "\"wrong_bits\":");
    buf_u64(buf, wrong_bits);
    buf_text(buf, ",\"cells\":");
    buf_u64(buf, result->cells);
    put_number(buf, ",\"bit_error_rate\":", rate((double)wrong_bits, result->cells));
    put_energy(buf, view, result->energy_pj);
    put_counts(buf, ",\"errors\":", result->errors);
    put_counts(buf, ",\"toggles\":", result->toggles);
    put_counts(buf, ",\"holds\":", result->holds);
}

static void put_result(struct buf *buf, const struct point_view *view,
                       const struct mram_result *sum)
{
    buf_text(buf, ",\"result\":{");
    put_outcome(buf, view, sum);
    buf_text(buf, ",\"layers\":[");
    for (size_t l = 0; l < view->net->n_layers; l++) {
        buf_text(buf, l == 0 ? "{\"name\":" : ",{\"name\":");
        buf_json_string(buf, view->net->layers[l].name);
        buf_char(buf, ',');
        put_outcome(buf, view, &view->results[l]);
        buf_char(buf, '}');
    }
    buf_text(buf, "],\"generation\":");
    buf_u64(buf, view->generation);
    buf_char(buf, '}');
}

static void put_time(struct buf *buf, int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm utc;
    char text[40];

    buf_text(buf, ",\"programmed_at\":");
    if (gmtime_r(&at, &utc) == NULL ||
        strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%SZ\"", &utc) == 0) {
        buf_text(buf, "null"); /* further away than a calendar reaches */
        return;
    }
    buf_text(buf, text);
}

void point_json_write(struct buf *buf, const struct point_view *view)
{
    struct mram_result sum = mram_sum(view->results, view->net->n_layers);

    buf_text(buf, "{\"model\":");
    buf_json_string(buf, view->model);
    buf_text(buf, ",\"generation\":");
    buf_u64(buf, view->generation);
    put_conditions(buf, view);
    put_predicted(buf, view, sum.cells);
    put_result(buf, view, &sum);
    put_time(buf, view->programmed_at_s);
    buf_text(buf, view->durable ? ",\"durable\":true}" : ",\"durable\":false}");
}
