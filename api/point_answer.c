/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of GET and PATCH operating-point. */
#include "api/point_json.h"
#include "api/state_json.h"

#include <math.h>

static const char *const outcome_names[2] = { "to_p", "to_ap" };

/* Conditions and what they were resolved to; NULL where nothing stands for them. */
struct conditions {
    const struct operating_point *op;
    const struct operating_point_resolved *resolved;
    const struct device *device;
};

/* -- Conditions, member by member -- */

static bool has_physics(const struct operating_point *op)
{
    return op->mode != MRAM_IID;
}

static void put_bit_error_rate(struct buf *buf, const char *lead,
                               const struct operating_point *op)
{
    if (op->bit_error_rate[0] == op->bit_error_rate[1])
        state_json_number(buf, lead, op->bit_error_rate[0]);
    else
        state_json_pair(buf, lead, outcome_names, op->bit_error_rate);
}

static void put_voltages(struct buf *buf, const struct conditions *c)
{
    static const char lead[] = ",\"write_voltage_v\":";
    bool applies = has_physics(c->op) && device_has_voltage(c->device);

    if (applies && !c->op->has_target)
        state_json_directions(buf, lead, c->op->voltage_v);
    else if (applies && c->resolved != NULL)
        state_json_directions(buf, lead, c->resolved->pulse.voltage_v);
    else
        state_json_number(buf, lead, (double)NAN);
}

/* NAN where it does not apply. As given, since through seconds and back it may change in
 * its last digit. */
static double pulse_ns(const struct conditions *c)
{
    if (!has_physics(c->op) || !device_has_pulse(c->device))
        return (double)NAN;
    if (c->op->has_pulse)
        return c->op->pulse_ns;
    if (c->resolved == NULL || !(c->resolved->pulse.pulse_s > 0.0))
        return (double)NAN;
    return c->resolved->pulse.pulse_s * 1e9;
}

static double target(const struct conditions *c)
{
    bool applies =
        has_physics(c->op) && c->op->has_target && device_has_voltage(c->device);

    return applies ? c->op->target_write_error_rate : (double)NAN;
}

static void put_solved(struct buf *buf, const struct conditions *c)
{
    buf_text(buf, ",\"solved\":[");
    if (has_physics(c->op) && c->op->has_target && device_has_voltage(c->device)) {
        buf_text(buf, "\"write_voltage_v\"");
        if (!c->op->has_pulse && device_has_pulse(c->device))
            buf_text(buf, ",\"pulse_ns\"");
    }
    buf_char(buf, ']');
}

/* From "mode" to "solved", without braces. */
static void put_conditions(struct buf *buf, const struct conditions *c)
{
    const struct operating_point *op = c->op;
    bool physics = has_physics(op);

    state_json_text(buf, "\"mode\":", operating_point_mode_name(op->mode));
    buf_text(buf, ",\"program_over\":");
    if (physics)
        buf_json_string(buf, operating_point_over_name(op->over));
    else
        buf_text(buf, "null");
    if (physics)
        buf_text(buf, ",\"bit_error_rate\":null");
    else
        put_bit_error_rate(buf, ",\"bit_error_rate\":", op);
    put_voltages(buf, c);
    state_json_number(buf, ",\"pulse_ns\":", pulse_ns(c));
    state_json_number(buf, ",\"target_write_error_rate\":", target(c));
    state_json_number(buf, ",\"temperature_k\":", op->temperature_k);
    state_json_text(buf, ",\"ecc\":", ecc_name(op->ecc));
    state_json_text(buf, ",\"cell\":", operating_point_cell_name(op->pairs));
    if (physics)
        state_json_count(buf, ",\"verify_retries\":", op->verify_retries);
    else
        buf_text(buf, ",\"verify_retries\":null");
    state_json_text(buf, ",\"polarity\":", operating_point_polarity_name(op->polarity));
    put_solved(buf, c);
}

/* -- What layers state for themselves -- */

static void put_stated_drive(struct buf *buf, const struct operating_point *op)
{
    if (op->has_target)
        state_json_number(buf,
                          ",\"target_write_error_rate\":", op->target_write_error_rate);
    else
        state_json_directions(buf, ",\"write_voltage_v\":", op->voltage_v);
}

/* Only the members of `set`, each with a comma before it. */
static void put_stated_members(struct buf *buf, unsigned set,
                               const struct operating_point *op)
{
    if (set & OPERATING_MODE)
        state_json_text(buf, ",\"mode\":", operating_point_mode_name(op->mode));
    if (set & OPERATING_OVER)
        state_json_text(buf, ",\"program_over\":", operating_point_over_name(op->over));
    if (set & OPERATING_BIT_ERROR_RATE)
        put_bit_error_rate(buf, ",\"bit_error_rate\":", op);
    if (set & OPERATING_DRIVE)
        put_stated_drive(buf, op);
    if (set & OPERATING_PULSE)
        state_json_number(buf,
                          ",\"pulse_ns\":", op->has_pulse ? op->pulse_ns : (double)NAN);
    if (set & OPERATING_TEMPERATURE)
        state_json_number(buf, ",\"temperature_k\":", op->temperature_k);
    if (set & OPERATING_ECC)
        state_json_text(buf, ",\"ecc\":", ecc_name(op->ecc));
    if (set & OPERATING_CELL)
        state_json_text(buf, ",\"cell\":", operating_point_cell_name(op->pairs));
    if (set & OPERATING_RETRIES)
        state_json_count(buf, ",\"verify_retries\":", op->verify_retries);
    if (set & OPERATING_POLARITY)
        state_json_text(buf,
                        ",\"polarity\":", operating_point_polarity_name(op->polarity));
}

static void put_stated(struct buf *buf, unsigned set, const struct operating_point *op)
{
    struct buf stated = BUF_INIT;

    put_stated_members(&stated, set, op);
    buf_char(buf, '{');
    if (stated.failed)
        buf->failed = true;
    else if (stated.len > 0)
        buf_bytes(buf, stated.data + 1, stated.len - 1); /* without the first comma */
    buf_char(buf, '}');
    buf_free(&stated);
}

static void put_overrides(struct buf *buf, const struct point_view *view)
{
    bool first = true;

    buf_text(buf, ",\"layers\":{");
    for (size_t l = 0; l < view->net->n_layers; l++) {
        unsigned set = view->points->layers[l].set;

        if (set == 0 || (view->layer != POINT_JSON_BASE && view->layer != l))
            continue;
        if (!first)
            buf_char(buf, ',');
        first = false;
        buf_json_string(buf, view->net->layers[l].name);
        buf_char(buf, ':');
        put_stated(buf, set, &view->points->layers[l].op);
    }
    buf_char(buf, '}');
}

/* -- What was predicted -- */

/* The layers that an answer sums up. */
struct span {
    size_t first, n;
};

static struct span span_of(const struct point_view *view)
{
    if (view->layer == POINT_JSON_BASE)
        return (struct span) { 0, view->net->n_layers };
    return (struct span) { view->layer, 1 };
}

static bool any_physics(const struct point_view *view, struct span span)
{
    for (size_t l = span.first; l < span.first + span.n; l++) {
        struct operating_point op = operating_points_at(view->points, l);

        if (has_physics(&op))
            return true;
    }
    return false;
}

static bool any_pairs(const struct point_view *view, struct span span)
{
    for (size_t l = span.first; l < span.first + span.n; l++) {
        struct operating_point op = operating_points_at(view->points, l);

        if (op.pairs)
            return true;
    }
    return false;
}

static double error_rate_of(const struct mtj_mean *mean)
{
    return mean->error_rate;
}

static double toggle_pj_of(const struct mtj_mean *mean)
{
    return mean->toggle_pj;
}

/* Mean over the cells of all layers that have physics; NAN if none has. */
static double mean_of(const struct point_view *view, struct span span,
                      enum mtj_direction direction,
                      double (*figure)(const struct mtj_mean *mean))
{
    double sum = 0.0, cells = 0.0;

    for (size_t l = span.first; l < span.first + span.n; l++) {
        struct operating_point op = operating_points_at(view->points, l);
        double n = (double)view->states[l].cells;

        if (!has_physics(&op))
            continue;
        sum += n * figure(&view->resolved[l]->mean[direction]);
        cells += n;
    }
    return cells > 0.0 ? sum / cells : (double)NAN;
}

static double rate(double part, uint64_t whole)
{
    return whole == 0 ? 0.0 : part / (double)whole;
}

static void put_write_error_rates(struct buf *buf, const struct point_view *view,
                                  struct span span)
{
    double rates[2] = { mean_of(view, span, MTJ_P2AP, error_rate_of),
                        mean_of(view, span, MTJ_AP2P, error_rate_of) };

    state_json_number(buf, "\"write_error_rate\":", (rates[0] + rates[1]) / 2.0);
    if (isnan(rates[0]))
        buf_text(buf, ",\"write_error_rate_by_direction\":null");
    else
        state_json_directions(buf, ",\"write_error_rate_by_direction\":", rates);
    /* As it is usually told: the mean of both directions. */
    state_json_number(buf, ",\"toggle_energy_pj\":",
                      (mean_of(view, span, MTJ_P2AP, toggle_pj_of) +
                       mean_of(view, span, MTJ_AP2P, toggle_pj_of)) /
                          2.0);
}

static void put_predicted(struct buf *buf, const struct point_view *view,
                          const struct mram_state *sum)
{
    struct span span = span_of(view);
    struct mram_forecast forecast =
        mram_forecast_sum(view->forecasts + span.first, span.n);

    buf_text(buf, ",\"predicted\":{");
    put_write_error_rates(buf, view, span);
    state_json_number(buf,
                      ",\"stored_bit_error_rate\":", rate(forecast.errors, sum->cells));
    state_json_number(buf,
                      ",\"bit_error_rate\":", rate(forecast.wrong_bits, sum->weights));
    state_json_number(buf, ",\"wrong_bits\":", forecast.wrong_bits);
    state_json_number(buf, ",\"cell_errors\":", forecast.errors);
    state_json_energy(buf, &forecast.energy, any_physics(view, span));
    buf_char(buf, '}');
}

/* -- What came of it -- */

static void put_layer_predicted(struct buf *buf, const struct mram_forecast *forecast,
                                bool physics)
{
    state_json_number(buf, ",\"predicted\":{\"wrong_bits\":", forecast->wrong_bits);
    state_json_number(buf, ",\"cell_errors\":", forecast->errors);
    state_json_energy(buf, &forecast->energy, physics);
    buf_char(buf, '}');
}

static void put_layer_result(struct buf *buf, const struct point_view *view, size_t layer)
{
    struct operating_point op = operating_points_at(view->points, layer);
    struct conditions conditions = { &op, view->resolved[layer], view->device };
    bool physics = has_physics(&op);

    state_json_text(
        buf, layer == 0 ? "{\"name\":" : ",{\"name\":", view->net->layers[layer].name);
    buf_char(buf, ',');
    state_json_outcome(buf, &view->states[layer], &view->results[layer], op.pairs,
                       physics);
    buf_text(buf, ",\"conditions\":{");
    put_conditions(buf, &conditions);
    buf_char(buf, '}');
    put_layer_predicted(buf, &view->forecasts[layer], physics);
    buf_char(buf, '}');
}

static void put_result(struct buf *buf, const struct point_view *view,
                       const struct mram_state *sum)
{
    struct span span = span_of(view);
    struct mram_result result = mram_result_sum(view->results + span.first, span.n);

    buf_text(buf, ",\"result\":{");
    state_json_outcome(buf, sum, &result, any_pairs(view, span), any_physics(view, span));
    if (view->layer == POINT_JSON_BASE) {
        buf_text(buf, ",\"layers\":[");
        for (size_t l = 0; l < view->net->n_layers; l++)
            put_layer_result(buf, view, l);
        buf_char(buf, ']');
    }
    state_json_count(buf, ",\"generation\":", view->generation);
    buf_char(buf, '}');
}

/* -- All together -- */

static void put_asked_conditions(struct buf *buf, const struct point_view *view)
{
    struct operating_point op = view->points->base;
    struct conditions conditions = { &op, NULL, view->device };
    size_t layer = view->layer;

    if (layer != POINT_JSON_BASE)
        op = operating_points_at(view->points, layer);
    if (layer != POINT_JSON_BASE || point_json_plain_layer(view->points, &layer))
        conditions.resolved = view->resolved[layer];
    buf_char(buf, ',');
    put_conditions(buf, &conditions);
}

/* The first that there is. */
static void put_remark(struct buf *buf, const struct point_view *view)
{
    struct span span = span_of(view);

    buf_text(buf, ",\"remark\":");
    for (size_t l = span.first; l < span.first + span.n; l++) {
        if (view->resolved[l]->remark[0] != '\0') {
            buf_json_string(buf, view->resolved[l]->remark);
            return;
        }
    }
    buf_text(buf, "null");
}

void point_json_write(struct buf *buf, const struct point_view *view)
{
    struct span span = span_of(view);
    struct mram_state sum = mram_state_sum(view->states + span.first, span.n);

    state_json_model(buf, view->model, view->net);
    state_json_count(buf, ",\"generation\":", view->generation);
    state_json_text(buf, ",\"cause\":", mram_cause_name(view->cause));
    if (view->layer != POINT_JSON_BASE)
        state_json_text(buf, ",\"layer\":", view->net->layers[view->layer].name);
    put_asked_conditions(buf, view);
    state_json_count(buf, ",\"seed\":", view->points->base.seed);
    state_json_flag(buf, ",\"read_disturb\":", view->points->base.read_disturb);
    state_json_text(buf, ",\"device\":", view->device->name);
    put_remark(buf, view);
    put_overrides(buf, view);
    put_predicted(buf, view, &sum);
    put_result(buf, view, &sum);
    state_json_number(buf, ",\"age_s\":", view->age_s);
    state_json_time(buf, ",\"programmed_at\":", view->programmed_at_s);
    state_json_time(buf, ",\"changed_at\":", view->changed_at_s);
    state_json_flag(buf, ",\"durable\":", view->durable);
    buf_char(buf, '}');
}
