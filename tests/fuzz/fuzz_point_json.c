/* SPDX-License-Identifier: Apache-2.0 */
/* A patch of an operating point, and the body of the device calculator. */
#include "api/point_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static char first_name[] = "fc1", last_name[] = "fc2";
static struct network_layer layers[] = { { .name = first_name }, { .name = last_name } };
static const struct network net = { .n_layers = 2, .layers = layers };

static bool is_sound(const struct operating_points *points, const struct device *device)
{
    struct operating_point_fault faults[OPERATING_POINT_MAX_FAULTS];

    if (operating_point_check(&points->base, device, faults) != 0)
        return false;
    for (size_t l = 0; l < points->n_layers; l++) {
        struct operating_point op = operating_points_at(points, l);

        if (operating_point_check(&op, device, faults) != 0 ||
            (points->layers[l].set & ~OPERATING_ALL_MEMBERS) != 0)
            return false;
    }
    return true;
}

static void patch(const char *json, size_t len, size_t layer)
{
    static const struct operating_point_resolved present = {
        .pulse = { .voltage_v = { 0.6, 0.5 }, .pulse_s = 5e-9, .temperature_k = 300.0 },
    };
    const struct operating_point_resolved *const all[] = { &present, &present };
    struct operating_points points = operating_points_default(net.n_layers);
    struct device device = device_default();
    struct problem problem;

    if (point_json_patch(json, len, &net, all, &device, layer, &points, &problem) !=
        ST_OK) {
        if (problem.status < 400 || problem.detail[0] == '\0')
            abort();
        return;
    }
    if (!is_sound(&points, &device))
        abort();
    /* What was taken can be taken again and changes nothing more. */
    struct operating_points again = points;
    if (point_json_patch(json, len, &net, all, &device, layer, &again, &problem) !=
            ST_OK ||
        !operating_points_same(&again, &points))
        abort();
}

static void calculate(const char *json, size_t len)
{
    struct device_points points;
    struct problem problem;

    if (device_json_parse(json, len, &points, &problem) == ST_OK) {
        for (size_t i = 0; i < points.n; i++) {
            const struct device_point *point = &points.points[i];
            if (!(point->voltage_v >= 0.0 && point->voltage_v <= MTJ_MAX_VOLTAGE_V) ||
                !(point->pulse_ns >= 0.2 && point->pulse_ns <= 1e6))
                abort();
        }
    }
    device_points_done(&points);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    patch((const char *)bytes, len, POINT_JSON_BASE);
    patch((const char *)bytes, len, 1);
    calculate((const char *)bytes, len);
    return 0;
}
