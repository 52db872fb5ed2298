/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_body.h"
#include "api/point_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define DEFAULT_TEMPERATURE_K 300.0

/* Numbers of a point, with their ranges. */
static const struct quantity {
    const char *name;
    double least, most;
} quantities[] = {
    { "voltage_v", 0.0, MTJ_MAX_VOLTAGE_V },
    { "pulse_ns", 0.2, 1e6 }, /* MTJ_MIN_PULSE_S and MTJ_MAX_PULSE_S, exactly in ns */
    { "temperature_k", MTJ_MIN_TEMPERATURE_K, MTJ_MAX_TEMPERATURE_K },
};
enum { VOLTAGE, PULSE, TEMPERATURE, N_QUANTITIES };

static const char *const point_members[] = { "voltage_v", "pulse_ns", "temperature_k",
                                             "direction", NULL };
static const char *const body_members[] = { "points", "array_mean", NULL };

void device_points_done(struct device_points *points)
{
    free(points->points);
    *points = (struct device_points) { 0 };
}

static void read_quantity(const json_t *value, const struct quantity *quantity,
                          const char *base, struct violations *violations,
                          double *ret_value)
{
    char pointer[VIOLATION_POINTER_LEN];
    double number;

    violation_pointer(pointer, base, quantity->name);
    if (!json_body_number(value, violations, pointer, &number))
        return;
    if (number < quantity->least || number > quantity->most) {
        violation_add(violations, ST_RANGE, pointer, "%.15g is outside %g..%g", number,
                      quantity->least, quantity->most);
        return;
    }
    *ret_value = number;
}

static void read_direction(const json_t *value, const char *base,
                           struct violations *violations,
                           enum mtj_direction *ret_direction)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    char pointer[VIOLATION_POINTER_LEN], found[JSON_BODY_SHOWN];

    if (strcasecmp(text, "p2ap") == 0) {
        *ret_direction = MTJ_P2AP;
        return;
    }
    if (strcasecmp(text, "ap2p") == 0) {
        *ret_direction = MTJ_AP2P;
        return;
    }
    violation_pointer(pointer, base, "direction");
    json_body_show(value, found);
    violation_add(violations, ST_FORMAT, pointer,
                  "expected \"p2ap\" or \"ap2p\", found %s", found);
}

static void read_point(json_t *value, const char *base, struct violations *violations,
                       struct device_point *ret_point)
{
    double numbers[N_QUANTITIES] = { [TEMPERATURE] = DEFAULT_TEMPERATURE_K };

    if (!json_body_is_object(value, violations, base))
        return;
    for (unsigned q = 0; q < N_QUANTITIES; q++) {
        const json_t *number = json_object_get(value, quantities[q].name);
        if (number != NULL)
            read_quantity(number, &quantities[q], base, violations, &numbers[q]);
        else if (q != TEMPERATURE)
            json_body_missing(violations, base, quantities[q].name);
    }
    const json_t *direction = json_object_get(value, "direction");
    if (direction != NULL)
        read_direction(direction, base, violations, &ret_point->direction);
    else
        json_body_missing(violations, base, "direction");
    json_body_known(value, point_members, base, violations);

    ret_point->voltage_v = numbers[VOLTAGE];
    ret_point->pulse_ns = numbers[PULSE];
    ret_point->temperature_k = numbers[TEMPERATURE];
}

static enum status read_points(const json_t *list, struct violations *violations,
                               struct device_points *ret_points)
{
    size_t n = json_array_size(list);

    if (!json_body_list(list, 1, POINT_JSON_MAX_DEVICE_POINTS, "points", violations,
                        "/points"))
        return ST_OK;
    ret_points->points = calloc(n, sizeof(*ret_points->points));
    if (ret_points->points == NULL)
        return json_body_no_memory(violations->problem, "points");
    ret_points->n = n;
    for (size_t i = 0; i < n; i++) {
        char base[VIOLATION_POINTER_LEN];
        snprintf(base, sizeof(base), "/points/%zu", i);
        read_point(json_array_get(list, i), base, violations, &ret_points->points[i]);
    }
    return ST_OK;
}

enum status device_json_parse(const char *json, size_t len,
                              struct device_points *ret_points,
                              struct problem *ret_problem)
{
    struct violations violations = { ret_problem, ST_OK };
    json_t *body = NULL;

    *ret_points = (struct device_points) { 0 };
    enum status st = json_body_load(json, len, &body, ret_problem);
    if (st != ST_OK)
        return st;
    json_body_known(body, body_members, "", &violations);
    const json_t *array_mean = json_object_get(body, "array_mean");
    if (array_mean != NULL && !json_is_null(array_mean))
        (void)json_body_flag(array_mean, &violations, "/array_mean",
                             &ret_points->array_mean); /* a violation is noted */
    st = read_points(json_object_get(body, "points"), &violations, ret_points);
    json_decref(body);
    return st != ST_OK ? st : violations.st;
}

void device_json_write(struct buf *buf, const struct device_result *results, size_t n)
{
    buf_text(buf, "{\"points\":[");
    for (size_t i = 0; i < n; i++) {
        buf_text(buf, i == 0 ? "{\"write_error_rate\":" : ",{\"write_error_rate\":");
        buf_number(buf, results[i].error_rate);
        buf_text(buf, ",\"ln_write_error_rate\":");
        buf_number(buf, results[i].ln_error_rate);
        buf_text(buf, ",\"toggle_energy_pj\":");
        buf_number(buf, results[i].toggle_pj);
        buf_char(buf, '}');
    }
    buf_text(buf, "]}");
}
