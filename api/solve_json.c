/* SPDX-License-Identifier: Apache-2.0 */
#include "api/solve_json.h"

#include "api/device_body.h"
#include "api/state_json.h"

#include <math.h>
#include <stdio.h>

#define DEFAULT_TEMPERATURE_K 300.0
#define MIN_PULSE_NS          0.2 /* MTJ_MIN_PULSE_S and MTJ_MAX_PULSE_S, exactly in ns */
#define MAX_PULSE_NS          1e6

static const char *const body_members[] = { "target_error_rate", "pulse_ns",
                                            "temperature_k", "device", NULL };
static const char *const device_members[] = { DEVICE_BODY_MEMBERS, "model", NULL };

static bool is_given(const json_t *value)
{
    return value != NULL && !json_is_null(value);
}

void solve_body_done(struct solve_body *body)
{
    device_done(&body->device);
    *body = (struct solve_body) { 0 };
}

/* -- The device: a preset's name, a model's, or one of its own -- */

static void read_model(const json_t *object, struct violations *violations,
                       struct solve_body *ret_body)
{
    const json_t *value = json_object_get(object, "model");
    char found[JSON_BODY_SHOWN];

    if (device_body_given(object))
        violation_add(violations, ST_CONFLICT, "/device/model",
                      "is given together with a device");
    if (json_is_string(value) && network_name_ok(json_string_value(value))) {
        (void)snprintf(ret_body->model, sizeof(ret_body->model), "%s",
                       json_string_value(value));
        return;
    }
    json_body_show(value, found);
    violation_add(violations, ST_FORMAT, "/device/model",
                  "expected the name of a model, found %s", found);
}

static enum status read_device(json_t *value, struct violations *violations,
                               struct solve_body *ret_body)
{
    char found[JSON_BODY_SHOWN];

    if (json_is_string(value)) {
        (void)device_body_preset(json_string_value(value), "/device", violations,
                                 &ret_body->device); /* a violation is noted */
        return ST_OK;
    }
    if (!json_is_object(value)) {
        json_body_show(value, found);
        violation_add(violations, ST_FORMAT, "/device",
                      "expected a preset's name or an object, found %s", found);
        return ST_OK;
    }
    json_body_known(value, device_members, "/device", violations);
    if (is_given(json_object_get(value, "model"))) {
        read_model(value, violations, ret_body);
        return ST_OK;
    }
    return device_body_read(value, "/device", violations, &ret_body->device);
}

/* -- The body -- */

static void read_target(const json_t *body, struct violations *violations,
                        double *ret_target)
{
    const json_t *value = json_object_get(body, "target_error_rate");
    double target;

    if (value == NULL) {
        json_body_missing(violations, "", "target_error_rate");
        return;
    }
    if (!json_body_number(value, violations, "/target_error_rate", &target))
        return;
    if (!(target > 0.0 && target < 1.0))
        violation_add(violations, ST_RANGE, "/target_error_rate",
                      "%.15g is outside 0 .. 1 (excluded)", target);
    *ret_target = target;
}

/* The ranges of a junction, or of what may turn out to be a table: that of a model is
 * looked at where it is solved for. */
static bool is_junction(const struct solve_body *body)
{
    return body->model[0] == '\0' && body->device.kind == DEVICE_MTJ;
}

static void read_temperature(const json_t *body, struct violations *violations,
                             struct solve_body *ret_body)
{
    const json_t *value = json_object_get(body, "temperature_k");
    bool junction = is_junction(ret_body);

    if (is_given(value))
        (void)json_body_range(
            value, junction ? MTJ_MIN_TEMPERATURE_K : DEVICE_TABLE_MIN_TEMPERATURE_K,
            junction ? MTJ_MAX_TEMPERATURE_K : DEVICE_TABLE_MAX_TEMPERATURE_K, violations,
            "/temperature_k", &ret_body->request.temperature_k); /* noted */
}

static void read_pulse(const json_t *body, struct violations *violations,
                       struct solve_body *ret_body)
{
    const json_t *value = json_object_get(body, "pulse_ns");
    bool junction = is_junction(ret_body);

    if (!is_given(value))
        return;
    ret_body->request.has_pulse =
        json_body_range(value, junction ? MIN_PULSE_NS : DEVICE_TABLE_MIN_PULSE_NS,
                        junction ? MAX_PULSE_NS : DEVICE_TABLE_MAX_PULSE_NS, violations,
                        "/pulse_ns", &ret_body->request.pulse_ns);
}

static enum status read_body(json_t *body, struct violations *violations,
                             struct solve_body *ret_body)
{
    struct solve_request *request = &ret_body->request;
    json_t *device = json_object_get(body, "device");
    enum status st = ST_OK;

    read_target(body, violations, &request->target_error_rate);
    if (is_given(device))
        st = read_device(device, violations, ret_body);
    if (st == ST_OK) {
        read_temperature(body, violations, ret_body);
        read_pulse(body, violations, ret_body);
    }
    json_body_known(body, body_members, "", violations);
    return st != ST_OK ? st : violations->st;
}

enum status solve_json_parse(const char *json, size_t len, struct solve_body *ret_body,
                             struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };
    json_t *body = NULL;

    *ret_body = (struct solve_body) {
        .request.temperature_k = DEFAULT_TEMPERATURE_K,
        .device = device_default(),
    };
    enum status st = json_body_load(json, len, &body, ret_problem);
    if (st != ST_OK)
        return st;
    st = read_body(body, &violations, ret_body);
    json_decref(body);
    return st;
}

/* -- The answer -- */

static void put_voltages(struct buf *buf, const struct device *device,
                         const double voltage_v[2])
{
    if (device_has_voltage(device))
        state_json_directions(buf, ",\"write_voltage_v\":", voltage_v);
    else
        buf_text(buf, ",\"write_voltage_v\":null");
}

static double pulse_ns(const struct device *device, const struct mtj_pulse *pulse)
{
    return device_has_pulse(device) ? pulse->pulse_s * 1e9 : (double)NAN;
}

static void put_cheapest(struct buf *buf, const struct device *device,
                         const struct solve_answer *answer)
{
    if (!answer->has_cheapest) {
        buf_text(buf, ",\"cheapest\":null");
        return;
    }
    state_json_number(
        buf, ",\"cheapest\":{\"pulse_ns\":", pulse_ns(device, &answer->cheapest));
    put_voltages(buf, device, answer->cheapest.voltage_v);
    state_json_number(buf, ",\"toggle_energy_pj\":", answer->cheapest_toggle_pj);
    buf_char(buf, '}');
}

/* What cannot be reached has no numbers. */
static void put_scheme(struct buf *buf, const struct device *device,
                       const struct solve_scheme *scheme)
{
    double none = scheme->reachable ? 0.0 : (double)NAN;

    state_json_text(buf, "{\"scheme\":", scheme->scheme);
    state_json_text(buf, ",\"basis\":", scheme->basis);
    state_json_text(buf, ",\"ecc\":", ecc_name(scheme->ecc));
    state_json_text(buf, ",\"cell\":", scheme->pairs ? "2t2r" : "1t1r");
    state_json_count(buf, ",\"verify_retries\":", scheme->retries);
    state_json_flag(buf, ",\"reachable\":", scheme->reachable);
    state_json_number(buf, ",\"raw_error_rate\":", none + scheme->raw_error_rate);
    state_json_number(buf,
                      ",\"delivered_error_rate\":", none + scheme->delivered_error_rate);
    /* Nothing is known of how a table's cells are read. */
    state_json_number(buf, ",\"sense_error_rate\":",
                      device->kind == DEVICE_MTJ ? none + scheme->sense_error_rate
                                                 : (double)NAN);
    if (scheme->reachable)
        put_voltages(buf, device, scheme->voltage_v);
    else
        buf_text(buf, ",\"write_voltage_v\":null");
    state_json_number(
        buf, ",\"energy_per_data_bit_pj\":", none + scheme->energy_per_data_bit_pj);
    state_json_number(buf, ",\"cells_per_data_bit\":", none + scheme->cells_per_data_bit);
    state_json_number(buf, ",\"relative\":", none + scheme->relative);
    buf_char(buf, '}');
}

void solve_json_write(struct buf *buf, const struct device *device,
                      const struct solve_request *request,
                      const struct solve_answer *answer)
{
    double width_ns = request->has_pulse && device_has_pulse(device)
                          ? request->pulse_ns
                          : pulse_ns(device, &answer->pulse);

    state_json_number(buf, "{\"target_error_rate\":", request->target_error_rate);
    state_json_number(buf, ",\"temperature_k\":", request->temperature_k);
    state_json_text(buf, ",\"device\":", device->name);
    put_voltages(buf, device, answer->pulse.voltage_v);
    state_json_number(buf, ",\"pulse_ns\":", width_ns);
    state_json_number(buf, ",\"toggle_energy_pj\":", answer->toggle_pj);
    put_cheapest(buf, device, answer);
    buf_text(buf, ",\"schemes\":[");
    for (size_t i = 0; i < answer->n_schemes; i++) {
        if (i > 0)
            buf_char(buf, ',');
        put_scheme(buf, device, &answer->schemes[i]);
    }
    buf_text(buf, "],\"remark\":");
    if (answer->remark[0] != '\0')
        buf_json_string(buf, answer->remark);
    else
        buf_text(buf, "null");
    buf_char(buf, '}');
}
