/* SPDX-License-Identifier: Apache-2.0 */
#include "api/point_json.h"

#include "api/json_body.h"

#include <stdio.h>
#include <string.h>

#define MAX_SEED 9007199254740991.0 /* 2^53 - 1: what a JSON number holds exactly */

static const char *const members[] = {
    "mode",
    "program_over",
    "bit_error_rate",
    "write_voltage_v",
    "pulse_ns",
    "target_write_error_rate",
    "temperature_k",
    "seed",
    NULL,
};
/* By enum mtj_direction, as json_body_known wants them. */
static const char *const directions[] = { "p2ap", "ap2p", NULL };

struct patch {
    json_t *body;                                   /* borrowed */
    const struct operating_point_resolved *present; /* borrowed, may be NULL */
    struct operating_point op;                      /* what it comes to */
    struct operating_point defaults;
    struct violations violations;
};

static json_t *member(const struct patch *patch, const char *name)
{
    return json_object_get(patch->body, name);
}

/* Present and not null. */
static bool gives(const struct patch *patch, const char *name)
{
    const json_t *value = member(patch, name);

    return value != NULL && !json_is_null(value);
}

static bool takes_back(const struct patch *patch, const char *name)
{
    return json_is_null(member(patch, name));
}

/* -- Members one by one -- */

static bool patch_mode(struct patch *patch)
{
    const json_t *value = member(patch, "mode");
    char found[JSON_BODY_SHOWN];

    if (value == NULL)
        return true;
    if (json_is_null(value)) {
        patch->op.mode = patch->defaults.mode;
        return true;
    }
    if (json_is_string(value) &&
        operating_point_mode_from_name(json_string_value(value), &patch->op.mode))
        return true;
    json_body_show(value, found);
    violation_add(&patch->violations, ST_FORMAT, "/mode",
                  "expected \"device\", \"uniform\" or \"iid\", found %s", found);
    return false;
}

static void patch_over(struct patch *patch)
{
    const json_t *value = member(patch, "program_over");
    char found[JSON_BODY_SHOWN];

    if (value == NULL)
        return;
    if (json_is_null(value)) {
        patch->op.over = patch->defaults.over;
        return;
    }
    if (json_is_string(value) &&
        operating_point_over_from_name(json_string_value(value), &patch->op.over))
        return;
    json_body_show(value, found);
    violation_add(&patch->violations, ST_FORMAT, "/program_over",
                  "expected \"present\", \"random\", \"complement\", \"erased_p\" or "
                  "\"erased_ap\", found %s",
                  found);
}

/* True if the member was there and its number, or the default, was taken. */
static bool patch_number(struct patch *patch, const char *name, double by_default,
                         double *field)
{
    const json_t *value = member(patch, name);
    char pointer[VIOLATION_POINTER_LEN];

    if (value == NULL)
        return false;
    if (json_is_null(value)) {
        *field = by_default;
        return true;
    }
    violation_pointer(pointer, "", name);
    return json_body_number(value, &patch->violations, pointer, field);
}

static void patch_seed(struct patch *patch)
{
    const json_t *value = member(patch, "seed");

    if (value == NULL)
        return;
    if (json_is_null(value)) {
        patch->op.seed = patch->defaults.seed;
        return;
    }
    /* A violation is noted; nothing else hangs on the seed. */
    (void)json_body_integer(value, 0.0, MAX_SEED, &patch->violations, "/seed",
                            &patch->op.seed);
}

/* -- Voltages with a pulse, or a target -- */

/* The voltages in force, which a patch of one of them is completed from; NULL if none. */
static const double *voltages_in_force(const struct patch *patch)
{
    if (!patch->op.has_target)
        return patch->op.voltage_v;
    if (patch->present != NULL && patch->present->pulse.pulse_s > 0.0)
        return patch->present->pulse.voltage_v;
    return NULL;
}

static void patch_voltages(struct patch *patch)
{
    json_t *given = member(patch, "write_voltage_v");
    const double *in_force = voltages_in_force(patch);
    double voltage_v[2] = { 0.0, 0.0 };
    char found[JSON_BODY_SHOWN];

    if (!json_is_object(given) || json_object_size(given) == 0) {
        json_body_show(given, found);
        violation_add(&patch->violations, ST_FORMAT, "/write_voltage_v",
                      "expected an object with p2ap, ap2p or both, found %s%s", found,
                      json_is_object(given) ? " without any" : "");
        return;
    }
    json_body_known(given, directions, "/write_voltage_v", &patch->violations);
    for (unsigned d = 0; d < 2; d++) {
        const json_t *value = json_object_get(given, directions[d]);
        char pointer[VIOLATION_POINTER_LEN];

        violation_pointer(pointer, "/write_voltage_v", directions[d]);
        if (value != NULL)
            (void)json_body_number(value, &patch->violations, pointer, &voltage_v[d]);
        else if (in_force != NULL)
            voltage_v[d] = in_force[d];
        else
            violation_add(&patch->violations, ST_FORMAT, pointer,
                          "is missing, and no voltage is in force");
    }
    memcpy(patch->op.voltage_v, voltage_v, sizeof(voltage_v));
    patch->op.has_target = false;
}

static void patch_target_or_voltages(struct patch *patch)
{
    if (gives(patch, "write_voltage_v") && gives(patch, "target_write_error_rate")) {
        violation_add(&patch->violations, ST_CONFLICT, "/write_voltage_v",
                      "is given together with target_write_error_rate; give one of them");
        return;
    }
    if (gives(patch, "write_voltage_v")) {
        patch_voltages(patch);
        return;
    }
    /* Without voltages there must be a target; the other way round null changes nothing.
     */
    if (takes_back(patch, "write_voltage_v") && !patch->op.has_target) {
        patch->op.has_target = true;
        patch->op.target_write_error_rate = patch->defaults.target_write_error_rate;
    }
    if (!gives(patch, "target_write_error_rate") && !patch->op.has_target)
        return;
    if (patch_number(patch, "target_write_error_rate",
                     patch->defaults.target_write_error_rate,
                     &patch->op.target_write_error_rate))
        patch->op.has_target = true;
}

static void patch_pulse(struct patch *patch)
{
    struct operating_point *op = &patch->op;
    const struct operating_point_resolved *present = patch->present;

    if (gives(patch, "pulse_ns")) {
        op->has_pulse = patch_number(patch, "pulse_ns", 0.0, &op->pulse_ns);
        return;
    }
    if (takes_back(patch, "pulse_ns")) {
        op->has_pulse = false;
        if (!op->has_target)
            violation_add(
                &patch->violations, ST_FORMAT, "/pulse_ns",
                "null, the cheapest pulse, goes with a target_write_error_rate; "
                "write voltages need a pulse");
        return;
    }
    if (op->has_target || op->has_pulse)
        return;
    if (present == NULL || !(present->pulse.pulse_s > 0.0)) {
        violation_add(&patch->violations, ST_FORMAT, "/pulse_ns",
                      "is missing: write voltages need a pulse, and none is in force");
        return;
    }
    op->has_pulse = true;
    op->pulse_ns = present->pulse.pulse_s * 1e9;
}

/* -- All together -- */

/* False, with a violation, if the member is given and the mode has no use for it. */
static bool used(struct patch *patch, const char *name, bool applies, const char *modes)
{
    char pointer[VIOLATION_POINTER_LEN];

    if (applies || !gives(patch, name))
        return true;
    violation_pointer(pointer, "", name);
    violation_add(&patch->violations, ST_CONFLICT, pointer,
                  "applies to %s; mode is %s; give mode in the same patch to change it",
                  modes, operating_point_mode_name(patch->op.mode));
    return false;
}

static void patch_members(struct patch *patch)
{
    struct operating_point *op = &patch->op;
    bool mode_known = patch_mode(patch);
    bool physics = op->mode != MRAM_IID || !mode_known;
    bool iid = op->mode == MRAM_IID || !mode_known;
    static const char with_physics[] = "modes device and uniform";
    bool conditions = true;

    if (used(patch, "program_over", physics, with_physics))
        patch_over(patch);
    if (used(patch, "bit_error_rate", iid, "mode iid"))
        (void)patch_number(patch, "bit_error_rate", patch->defaults.bit_error_rate,
                           &op->bit_error_rate); /* absent is fine */
    conditions &= used(patch, "write_voltage_v", physics, with_physics);
    conditions &= used(patch, "target_write_error_rate", physics, with_physics);
    conditions &= used(patch, "pulse_ns", physics, with_physics);
    if (conditions) {
        patch_target_or_voltages(patch);
        patch_pulse(patch);
    }
    (void)patch_number(patch, "temperature_k", patch->defaults.temperature_k,
                       &op->temperature_k); /* likewise */
    patch_seed(patch);
    json_body_known(patch->body, members, "", &patch->violations);
}

static bool reported(const struct problem *problem, const char *pointer)
{
    for (size_t i = 0; i < problem->n_errors; i++)
        if (strcmp(problem->errors[i].pointer, pointer) == 0)
            return true;
    return false;
}

/* Adds what is out of range to what is of the wrong type, so that one answer says all. */
static void check_ranges(struct patch *patch)
{
    struct operating_point_fault faults[OPERATING_POINT_MAX_FAULTS];
    size_t n = operating_point_check(&patch->op, faults);
    bool typed = patch->violations.st == ST_OK;

    for (size_t i = 0; i < n; i++) {
        char pointer[64];

        (void)snprintf(pointer, sizeof(pointer), "/%s", faults[i].field);
        if (typed || !reported(patch->violations.problem, pointer))
            violation_add(&patch->violations, ST_RANGE, pointer, "%s", faults[i].why);
    }
}

enum status point_json_patch(const char *json, size_t len,
                             const struct operating_point_resolved *present,
                             struct operating_point *op, struct problem *ret_problem)
{
    struct patch patch = {
        .present = present,
        .op = *op,
        .defaults = operating_point_default(),
        .violations = { ret_problem, ST_OK },
    };
    enum status st = json_body_load(json, len, &patch.body, ret_problem);
    if (st != ST_OK)
        return st;

    patch_members(&patch);
    check_ranges(&patch);
    json_decref(patch.body);
    if (patch.violations.st == ST_OK)
        *op = patch.op;
    return patch.violations.st;
}
