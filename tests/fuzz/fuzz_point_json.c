/* SPDX-License-Identifier: Apache-2.0 */
/* A patch of an operating point, and the body of the device calculator. */
#include "api/point_json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void patch(const char *json, size_t len)
{
    static const struct operating_point_resolved present = {
        .pulse = { .voltage_v = { 0.6, 0.5 }, .pulse_s = 5e-9, .temperature_k = 300.0 },
    };
    struct operating_point op = operating_point_default();
    struct problem problem;

    if (point_json_patch(json, len, &present, &op, &problem) != ST_OK) {
        if (problem.status < 400 || problem.detail[0] == '\0')
            abort();
        return;
    }
    if (op.seed > ((uint64_t)1 << 53) - 1 || (!op.has_target && !op.has_pulse))
        abort();
    /* What was taken can be taken again and changes nothing more. */
    struct operating_point again = op;
    if (point_json_patch(json, len, &present, &again, &problem) != ST_OK ||
        again.mode != op.mode || again.has_target != op.has_target ||
        again.seed != op.seed)
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
    patch((const char *)bytes, len);
    calculate((const char *)bytes, len);
    return 0;
}
